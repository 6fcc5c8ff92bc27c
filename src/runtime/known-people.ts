import { AttributeValue, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { SORT_KEY_ENDPOINT, SUBSCRIBER_PARTITION_KEY, SUBSCRIBER_SORT_KEY, subscriberPartitionKey } from '../contract/subscriber';
import { KnownPerson } from '../domain/audience/list-followers';

/**
 * Reads a page of the people whom a channel's subscriber table knows, opted out and erased ones included. Needs `dynamodb:Scan`.
 * Throws what DynamoDB throws.
 *
 * @param after `next` of the page before
 */
export async function readKnownPeople(
  client: DynamoDBClient, tableName: string, channelKey: string, after?: string,
): Promise<{ readonly people: readonly KnownPerson[]; readonly next?: string }> {
  const prefix = subscriberPartitionKey(channelKey, '');
  const { Items = [], LastEvaluatedKey } = await client.send(new ScanCommand({
    TableName: tableName,
    FilterExpression: 'begins_with(#pk, :prefix) AND #sk = :endpoint',
    ProjectionExpression: '#pk, OptOut, EndpointStatus, erased, subscriptionAt',
    ExpressionAttributeNames: { '#pk': SUBSCRIBER_PARTITION_KEY, '#sk': SUBSCRIBER_SORT_KEY },
    ExpressionAttributeValues: { ':prefix': { S: prefix }, ':endpoint': { S: SORT_KEY_ENDPOINT } },
    ...(after !== undefined && { ExclusiveStartKey: JSON.parse(after) }),
  }));
  return {
    people: Items.map((item) => personOf(item, prefix)),
    ...(LastEvaluatedKey && { next: JSON.stringify(LastEvaluatedKey) }),
  };
}

function personOf(item: Record<string, AttributeValue>, prefix: string): KnownPerson {
  const { [SUBSCRIBER_PARTITION_KEY]: pk, OptOut, EndpointStatus, erased, subscriptionAt } = item;
  return {
    userId: pk.S!.slice(prefix.length),
    isIn: !erased?.BOOL && OptOut?.S !== 'ALL' && EndpointStatus?.S !== 'INACTIVE',
    subscriptionAt: Number(subscriptionAt?.N ?? 0),
  };
}
