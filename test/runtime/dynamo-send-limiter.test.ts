import { ConditionalCheckFailedException, DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { DynamoPaceStore, dynamoSendLimiter } from '../../src/runtime/dynamo-send-limiter';
import { FakeDynamoDb } from '../support/fake-dynamodb';
import { RecordedTelemetry } from '../support/recorded-telemetry';

const dynamo = mockClient(DynamoDBClient);
const client = new DynamoDBClient({ region: 'eu-west-1' });
const NOW = Date.UTC(2026, 10, 23);
const NAMES = { '#nextAt': 'nextAt', '#expiresAt': 'expiresAt' };
const EXPIRES_AT = { N: String(NOW / 1_000 + 24 * 60 * 60) };
const store = new DynamoPaceStore(client, 'Journal', () => NOW);

beforeEach(() => dynamo.reset());

describe('a pace\'s item', () => {
  test('moves on by a condition and tells where to', async () => {
    // GIVEN
    dynamo.on(UpdateItemCommand).resolves({ Attributes: { nextAt: { N: '1795392000005556' } } });
    // WHEN
    const write = await store.advance('multicast', 5_556, 1_795_391_999_950_000, 1_795_392_010_000_000);
    // THEN
    expect(write).toEqual({ isDone: true, nextAt: 1_795_392_000_005_556 });
    expect(dynamo.commandCalls(UpdateItemCommand)[0].args[0].input).toEqual({
      TableName: 'Journal',
      Key: { pk: { S: 'PACE#multicast' }, sk: { S: 'PACE' } },
      UpdateExpression: 'SET #nextAt = #nextAt + :cost, #expiresAt = :expiresAt',
      ConditionExpression: '#nextAt >= :from AND #nextAt <= :to',
      ExpressionAttributeNames: NAMES,
      ExpressionAttributeValues: {
        ':cost': { N: '5556' }, ':from': { N: '1795391999950000' }, ':to': { N: '1795392010000000' }, ':expiresAt': EXPIRES_AT,
      },
      ReturnValues: 'UPDATED_NEW',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
  });

  test('begins anew where it is absent, long over or too far ahead', async () => {
    // GIVEN
    dynamo.on(UpdateItemCommand).resolves({ Attributes: { nextAt: { N: '30' } } });
    // WHEN
    expect(await store.restart('push', 30, 10, 90)).toEqual({ isDone: true, nextAt: 30 });
    // THEN
    expect(dynamo.commandCalls(UpdateItemCommand)[0].args[0].input).toMatchObject({
      Key: { pk: { S: 'PACE#push' }, sk: { S: 'PACE' } },
      UpdateExpression: 'SET #nextAt = :nextAt, #expiresAt = :expiresAt',
      ConditionExpression: 'attribute_not_exists(#nextAt) OR #nextAt < :from OR #nextAt > :to',
      ExpressionAttributeValues: { ':nextAt': { N: '30' }, ':from': { N: '10' }, ':to': { N: '90' }, ':expiresAt': EXPIRES_AT },
    });
  });

  test.each([
    ['as it is', { nextAt: { N: '77' } }, 77],
    ['without a moment', {}, undefined],
    ['absent', undefined, undefined],
  ])('that stands against the condition is told: %s', async (_case, Item, nextAt) => {
    dynamo.on(UpdateItemCommand).rejects(new ConditionalCheckFailedException({ message: 'refused', $metadata: {}, Item }));
    expect(await store.advance('push', 1, 2, 3)).toEqual({ isDone: false, nextAt });
  });

  test('whose table fails is an error', async () => {
    dynamo.on(UpdateItemCommand).rejects(new Error('throttled'));
    await expect(store.advance('push', 1, 2, 3)).rejects.toThrow('throttled');
  });

  test('is written in a second or not at all', async () => {
    // GIVEN a table that never answers, and the SDK's own way of giving up
    const options: { abortSignal?: AbortSignal }[] = [];
    const timeout = jest.spyOn(AbortSignal, 'timeout');
    dynamo.on(UpdateItemCommand).callsFake(async () => ({}));
    const send = jest.spyOn(client, 'send');
    // WHEN
    await store.advance('push', 1, 2, 3);
    send.mock.calls.forEach((call) => options.push(call[1] as object));
    // THEN
    expect(timeout).toHaveBeenCalledWith(1_000);
    expect(options).toEqual([{ abortSignal: timeout.mock.results[0].value }]);
    timeout.mockRestore();
    send.mockRestore();
  });
});

test('a limiter on the table keeps the configured pace', async () => {
  // GIVEN
  const table = new FakeDynamoDb(dynamo);
  const telemetry = new RecordedTelemetry();
  const limiter = dynamoSendLimiter({
    client,
    tableName: 'Journal',
    config: { multicastsPerSecond: 100, pushesPerSecond: 1_000, onLowQuota: 'SEND', onUnknownOutcome: 'SET_ASIDE', perPersonClaim: false },
    telemetry,
    now: () => Date.now(),
    sleep: async (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); }),
  });
  // WHEN
  const begun = Date.now();
  const took = await Promise.all(Array.from({ length: 11 }, () => limiter.take('multicast', 500, begun + 5_000)));
  // THEN
  expect(took).toEqual(Array(11).fill(true));
  expect(Date.now() - begun).toBeGreaterThanOrEqual(95);
  expect(Number(table.row('PACE#multicast', 'PACE')!.expiresAt.N)).toBeGreaterThan(begun / 1_000 + 23 * 60 * 60);
  expect(telemetry.lines).toEqual([]);
});

test('the clock is the system\'s unless another is given', async () => {
  dynamo.on(UpdateItemCommand).resolves({});
  const before = Math.floor(Date.now() / 1_000);
  expect(await new DynamoPaceStore(client, 'Journal').restart('push', 1, 2, 3)).toEqual({ isDone: true, nextAt: undefined });
  const { ExpressionAttributeValues } = dynamo.commandCalls(UpdateItemCommand)[0].args[0].input;
  expect(Number(ExpressionAttributeValues![':expiresAt'].N)).toBeGreaterThanOrEqual(before + 24 * 60 * 60);
});
