import { BatchGetItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { SendErrorCode } from '../../src/contract/custom-channel';
import { SubscriptionReader } from '../../src/runtime/subscription-reader';

const dynamo = mockClient(DynamoDBClient);
const user = (n: number) => `U${n.toString(16).padStart(32, '0')}`;
const key = (n: number) => ({ pk: { S: `shop#${user(n)}` }, sk: { S: 'ENDPOINT' } });

let sleeps: number[];
let reader: SubscriptionReader;

beforeEach(() => {
  dynamo.reset();
  sleeps = [];
  reader = new SubscriptionReader(new DynamoDBClient({ region: 'eu-west-1' }), 'Subscribers', 'shop', async (ms) => { sleeps.push(ms); });
});

test.each<[string, object, SendErrorCode | undefined]>([
  ['subscribed', { OptOut: { S: 'NONE' }, EndpointStatus: { S: 'ACTIVE' } }, undefined],
  ['of whom little is known', {}, undefined],
  ['opted out', { OptOut: { S: 'ALL' }, EndpointStatus: { S: 'ACTIVE' } }, SendErrorCode.OPTED_OUT],
  ['inactive', { OptOut: { S: 'NONE' }, EndpointStatus: { S: 'INACTIVE' } }, SendErrorCode.INACTIVE],
  ['opted out and inactive', { OptOut: { S: 'ALL' }, EndpointStatus: { S: 'INACTIVE' } }, SendErrorCode.OPTED_OUT],
  ['erased', { erased: { BOOL: true } }, SendErrorCode.ERASED],
])('a person who is %s: %s', async (_case, attributes, code) => {
  dynamo.on(BatchGetItemCommand).resolves({ Responses: { Subscribers: [{ pk: key(1).pk, ...attributes }] } });
  expect([...await reader.exclusions([user(1)])]).toEqual(code ? [[user(1), code]] : []);
});

test('people whom the table does not know may be sent to', async () => {
  dynamo.on(BatchGetItemCommand).resolves({ Responses: { Subscribers: [] } });
  expect(await reader.exclusions([user(1), user(2)])).toEqual(new Map());
});

test('reads no more than it needs, consistently, each person once', async () => {
  dynamo.on(BatchGetItemCommand).resolves({});
  await reader.exclusions([user(1), user(2), user(1)]);
  expect(dynamo.commandCalls(BatchGetItemCommand)[0].args[0].input).toEqual({
    RequestItems: {
      Subscribers: {
        Keys: [key(1), key(2)],
        ConsistentRead: true,
        ProjectionExpression: '#pk, OptOut, EndpointStatus, erased',
        ExpressionAttributeNames: { '#pk': 'pk' },
      },
    },
  });
});

test('asks nobody about nobody', async () => {
  expect(await reader.exclusions([])).toEqual(new Map());
  expect(dynamo.calls()).toHaveLength(0);
});

test('500 people are five requests of 100', async () => {
  // GIVEN
  dynamo.on(BatchGetItemCommand).callsFake(({ RequestItems: { Subscribers: { Keys } } }) => (
    { Responses: { Subscribers: Keys.map(({ pk }: { pk: object }) => ({ pk, OptOut: { S: 'ALL' } })) } }));
  // WHEN
  const found = await reader.exclusions(Array.from({ length: 500 }, (_, n) => user(n)));
  // THEN
  expect(found.size).toBe(500);
  const sizes = dynamo.commandCalls(BatchGetItemCommand).map(({ args: [{ input }] }) => input.RequestItems!.Subscribers.Keys!.length);
  expect(sizes).toEqual(Array(5).fill(100));
});

test('unprocessed keys are read again after growing pauses', async () => {
  // GIVEN
  const unprocessed = (...numbers: number[]) => ({ UnprocessedKeys: { Subscribers: { Keys: numbers.map(key) } } });
  dynamo.on(BatchGetItemCommand)
    .resolvesOnce({ Responses: { Subscribers: [{ pk: key(1).pk, OptOut: { S: 'ALL' } }] }, ...unprocessed(2, 3) })
    .resolvesOnce(unprocessed(2, 3))
    .resolves({ Responses: { Subscribers: [{ pk: key(3).pk, erased: { BOOL: true } }] }, UnprocessedKeys: {} });
  // WHEN
  const found = await reader.exclusions([user(1), user(2), user(3)]);
  // THEN
  expect([...found]).toEqual([[user(1), SendErrorCode.OPTED_OUT], [user(3), SendErrorCode.ERASED]]);
  expect(dynamo.commandCalls(BatchGetItemCommand)[1].args[0].input.RequestItems!.Subscribers.Keys).toEqual([key(2), key(3)]);
  expect(sleeps).toEqual([100, 200]);
});

test('fails when keys stay unprocessed: nobody is sent to unasked', async () => {
  dynamo.on(BatchGetItemCommand).resolves({ UnprocessedKeys: { Subscribers: { Keys: [key(1)] } } });
  await expect(reader.exclusions([user(1), user(2)])).rejects.toThrow('DynamoDB left 1 subscribers of table Subscribers unread 5 times');
  expect(dynamo.commandCalls(BatchGetItemCommand)).toHaveLength(5);
});

test('fails when DynamoDB fails', async () => {
  dynamo.on(BatchGetItemCommand).rejects(new Error('throttled'));
  await expect(reader.exclusions([user(1)])).rejects.toThrow('throttled');
});
