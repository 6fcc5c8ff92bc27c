import {
  AttributeValue, BatchGetItemCommand, DeleteItemCommand, DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand, QueryCommandOutput,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { attributeMap, attributeValue } from './attribute-map';
import {
  SORT_KEY_ENDPOINT, SUBSCRIBER_PARTITION_KEY, SUBSCRIBER_SORT_KEY, SubscriberRow, TagRow, subscriberPartitionKey, tagPartitionKey,
} from '../contract/subscriber';
import { ImportTable, WriteAttempt } from '../domain/audience/import-table';
import { ConditionalWrite } from '../domain/audience/subscriber';
import { tagShard } from '../domain/audience/subscriber-tag';
import { fromAttributeMap } from '../domain/shared/attribute-value';

type Item = Record<string, AttributeValue>;

/** Requests for the same keys, the first included, before it is given up. */
const MAX_ATTEMPTS = 8;

const BACKOFF_MS = 50;

/**
 * The subscriber table of one channel, for imports (see `contract/subscriber.ts`). Needs `dynamodb:BatchGetItem`, `dynamodb:GetItem`,
 * `dynamodb:PutItem`, `dynamodb:UpdateItem`, `dynamodb:DeleteItem` and `dynamodb:Query`. Every method throws what DynamoDB throws.
 */
export class DynamoImportTable implements ImportTable {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
    private readonly channelKey: string,
    private readonly sleep: (milliseconds: number) => Promise<void>,
  ) {}

  /** @throws also when DynamoDB keeps leaving keys unprocessed */
  public async rows(userIds: readonly string[]): Promise<ReadonlyMap<string, Partial<SubscriberRow>>> {
    const prefix = subscriberPartitionKey(this.channelKey, '');
    const items = await this.read([...new Set(userIds)].map((id) => this.subscriberKey(id)));
    return new Map(items.map((item) => [item[SUBSCRIBER_PARTITION_KEY].S!.slice(prefix.length), fromAttributeMap(item)]));
  }

  public async write(userId: string, { row, update, condition, names, values }: ConditionalWrite): Promise<WriteAttempt> {
    const key = this.subscriberKey(userId);
    const parameters = {
      TableName: this.tableName,
      ConditionExpression: condition,
      ExpressionAttributeNames: names,
      ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: attributeMap(values) }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
    };
    try {
      if (row) {
        await this.client.send(new PutItemCommand({ ...parameters, Item: { ...key, ...attributeMap(row) } }));
        return { written: true };
      }
      const { Attributes } = await this.client.send(new UpdateItemCommand({ ...parameters, Key: key, UpdateExpression: update, ReturnValues: 'ALL_NEW' }));
      return { written: true, ...(Attributes && { row: fromAttributeMap(Attributes) }) };
    } catch (error) {
      if ((error as Error).name !== 'ConditionalCheckFailedException') {
        throw error;
      }
      const { Item: before = await this.item(key) } = error as { readonly Item?: Item };
      return { written: false, ...(before && { row: fromAttributeMap(before) }) };
    }
  }

  public async putTagRow(tag: string, userId: string, { taggedAt, importId }: Pick<TagRow, 'taggedAt' | 'importId'>): Promise<void> {
    await this.ifItHolds(new PutItemCommand({
      TableName: this.tableName,
      Item: { ...this.tagKey(tag, userId), ...attributeMap({ taggedAt, importId }) },
      ConditionExpression: 'attribute_not_exists(#taggedAt) OR #taggedAt <= :taggedAt',
      ExpressionAttributeNames: { '#taggedAt': 'taggedAt' },
      ExpressionAttributeValues: { ':taggedAt': attributeValue(taggedAt) },
    }));
  }

  public async removeTagRow(tag: string, userId: string, row: Pick<TagRow, 'taggedAt' | 'importId'>): Promise<boolean> {
    const names = ['taggedAt', 'importId'] as const;
    const values = attributeMap(Object.fromEntries(names.map((name) => [`:${name}`, row[name]])));
    return this.ifItHolds(new DeleteItemCommand({
      TableName: this.tableName,
      Key: this.tagKey(tag, userId),
      ConditionExpression: names.map((name) => (row[name] === undefined ? `attribute_not_exists(#${name})` : `#${name} = :${name}`)).join(' AND '),
      ExpressionAttributeNames: { '#taggedAt': 'taggedAt', '#importId': 'importId' },
      ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
    }));
  }

  public async setTag(userId: string, tag: string, present: boolean): Promise<void> {
    await this.ifItHolds(new UpdateItemCommand({
      TableName: this.tableName,
      Key: this.subscriberKey(userId),
      UpdateExpression: `${present ? 'ADD' : 'DELETE'} #tags :tags`,
      ConditionExpression: 'attribute_exists(#pk) AND attribute_not_exists(#erased)',
      ExpressionAttributeNames: { '#tags': 'tags', '#pk': SUBSCRIBER_PARTITION_KEY, '#erased': 'erased' },
      ExpressionAttributeValues: { ':tags': { SS: [tag] } },
    }));
  }

  public async* tagRows(tag: string, shard: number): AsyncGenerator<readonly TagRow[]> {
    let ExclusiveStartKey: Item | undefined;
    do {
      const { Items = [], LastEvaluatedKey }: QueryCommandOutput = await this.client.send(new QueryCommand({
        TableName: this.tableName,
        KeyConditionExpression: '#pk = :pk',
        ExpressionAttributeNames: { '#pk': SUBSCRIBER_PARTITION_KEY },
        ExpressionAttributeValues: { ':pk': { S: tagPartitionKey(this.channelKey, tag, shard) } },
        ConsistentRead: true,
        ExclusiveStartKey,
      }));
      yield Items.map((item) => fromAttributeMap(item) as unknown as TagRow);
      ExclusiveStartKey = LastEvaluatedKey;
    } while (ExclusiveStartKey);
  }

  private async read(keys: Item[], attempt = 1): Promise<Item[]> {
    const RequestItems = { [this.tableName]: { Keys: keys, ConsistentRead: true } };
    const { Responses, UnprocessedKeys } = await this.client.send(new BatchGetItemCommand({ RequestItems }));
    // One table was asked for; DynamoDB may name it otherwise than we did.
    const items = Object.values(Responses ?? {}).flat();
    const unread = Object.values(UnprocessedKeys ?? {}).flatMap(({ Keys = [] }) => Keys);
    if (unread.length === 0) {
      return items;
    }
    if (attempt === MAX_ATTEMPTS) {
      throw new Error(`DynamoDB left ${unread.length} subscribers of table ${this.tableName} unread ${MAX_ATTEMPTS} times: the table is throttled`);
    }
    await this.sleep(BACKOFF_MS * 2 ** attempt);
    return [...items, ...await this.read(unread, attempt + 1)];
  }

  private async item(Key: Item): Promise<Item | undefined> {
    const { Item } = await this.client.send(new GetItemCommand({ TableName: this.tableName, Key, ConsistentRead: true }));
    return Item;
  }

  /** @returns whether the condition held */
  private async ifItHolds(command: PutItemCommand | UpdateItemCommand | DeleteItemCommand): Promise<boolean> {
    try {
      await this.client.send(command as PutItemCommand);
      return true;
    } catch (error) {
      if ((error as Error).name === 'ConditionalCheckFailedException') {
        return false;
      }
      throw error;
    }
  }

  private subscriberKey(userId: string): Item {
    return { [SUBSCRIBER_PARTITION_KEY]: { S: subscriberPartitionKey(this.channelKey, userId) }, [SUBSCRIBER_SORT_KEY]: { S: SORT_KEY_ENDPOINT } };
  }

  private tagKey(tag: string, userId: string): Item {
    return { [SUBSCRIBER_PARTITION_KEY]: { S: tagPartitionKey(this.channelKey, tag, tagShard(userId)) }, [SUBSCRIBER_SORT_KEY]: { S: userId } };
  }
}
