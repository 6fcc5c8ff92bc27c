import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { readKnownPeople } from '../../src/runtime/known-people';

const dynamo = mockClient(DynamoDBClient);
const client = new DynamoDBClient({ region: 'eu-west-1' });

beforeEach(() => dynamo.reset());

test('the people of the channel are read page by page, whatever their state', async () => {
  const LastEvaluatedKey = { pk: { S: 'line#U4' }, sk: { S: 'ENDPOINT' } };
  dynamo.on(ScanCommand)
    .resolvesOnce({
      Items: [
        { pk: { S: 'line#U1' }, OptOut: { S: 'NONE' }, EndpointStatus: { S: 'ACTIVE' }, subscriptionAt: { N: '5' } },
        { pk: { S: 'line#U2' }, OptOut: { S: 'ALL' }, EndpointStatus: { S: 'ACTIVE' }, subscriptionAt: { N: '6' } },
        { pk: { S: 'line#U3' }, OptOut: { S: 'NONE' }, EndpointStatus: { S: 'INACTIVE' }, subscriptionAt: { N: '7' } },
        { pk: { S: 'line#U4' }, erased: { BOOL: true }, subscriptionAt: { N: '8' } },
        { pk: { S: 'line#U5' } },
      ],
      LastEvaluatedKey,
    })
    .resolvesOnce({});
  const first = await readKnownPeople(client, 'Subscribers', 'line');
  expect(first.people).toEqual([
    { userId: 'U1', isIn: true, subscriptionAt: 5 },
    { userId: 'U2', isIn: false, subscriptionAt: 6 },
    { userId: 'U3', isIn: false, subscriptionAt: 7 },
    { userId: 'U4', isIn: false, subscriptionAt: 8 },
    { userId: 'U5', isIn: true, subscriptionAt: 0 },
  ]);
  expect(await readKnownPeople(client, 'Subscribers', 'line', first.next)).toEqual({ people: [] });
  const [one, other] = dynamo.commandCalls(ScanCommand).map(({ args }) => args[0].input);
  expect(one).toMatchObject({
    TableName: 'Subscribers',
    FilterExpression: 'begins_with(#pk, :prefix) AND #sk = :endpoint',
    ExpressionAttributeValues: { ':prefix': { S: 'line#' }, ':endpoint': { S: 'ENDPOINT' } },
  });
  expect([one.ExclusiveStartKey, other.ExclusiveStartKey]).toEqual([undefined, LastEvaluatedKey]);
});
