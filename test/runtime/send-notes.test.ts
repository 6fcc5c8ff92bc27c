import { ConditionalCheckFailedException, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { SendNotes } from '../../src/runtime/send-notes';
import { FakeDynamoDb } from '../support/fake-dynamodb';

const NOW = Date.UTC(2026, 10, 23, 4, 30);
const EXPIRES_AT = { N: String(NOW / 1_000 + 90 * 24 * 60 * 60) };
const dynamo = mockClient(DynamoDBClient);
const client = new DynamoDBClient({ region: 'eu-west-1' });
const notes = new SendNotes(client, 'Journal', () => NOW);

beforeEach(() => dynamo.reset());

test('a row is put where there is none', async () => {
  dynamo.on(PutItemCommand).resolves({});
  expect(await notes.putQuotaNotice({ noticedAt: NOW, quota: 200, used: 201 })).toBe(true);
  expect(dynamo.commandCalls(PutItemCommand)[0].args[0].input).toEqual({
    TableName: 'Journal',
    Item: { pk: { S: 'QUOTA#2026-11-23T04' }, sk: { S: 'QUOTA' }, noticedAt: { N: String(NOW) }, quota: { N: '200' }, used: { N: '201' }, expiresAt: EXPIRES_AT },
    ConditionExpression: 'attribute_not_exists(#pk)',
    ExpressionAttributeNames: { '#pk': 'pk' },
  });
});

test('one notice of an hour and one row of a unit and month are the first', async () => {
  // GIVEN
  const table = new FakeDynamoDb(dynamo);
  // WHEN, THEN
  expect(await notes.putQuotaNotice({ noticedAt: NOW })).toBe(true);
  expect(await notes.putQuotaNotice({ noticedAt: NOW + 29 * 60_000, used: 3 })).toBe(false);
  expect(await notes.putQuotaNotice({ noticedAt: NOW + 30 * 60_000 })).toBe(true);
  expect(table.row('QUOTA#2026-11-23T04', 'QUOTA')).toEqual({
    pk: { S: 'QUOTA#2026-11-23T04' }, sk: { S: 'QUOTA' }, noticedAt: { N: String(NOW) }, expiresAt: EXPIRES_AT,
  });
  expect(await notes.putUnit('2026-11', 'spring')).toBe(true);
  expect(await notes.putUnit('2026-11', 'spring')).toBe(false);
  expect(await notes.putUnit('2026-12', 'spring')).toBe(true);
  expect(table.row('UNIT#2026-11', 'spring')).toEqual({ pk: { S: 'UNIT#2026-11' }, sk: { S: 'spring' }, expiresAt: EXPIRES_AT });
});

test('whatever else DynamoDB says is an error', async () => {
  dynamo.on(PutItemCommand).rejects(new Error('throttled'));
  await expect(notes.putUnit('2026-11', 'spring')).rejects.toThrow('throttled');
  dynamo.on(PutItemCommand).rejects(new ConditionalCheckFailedException({ message: 'refused', $metadata: {} }));
  expect(await notes.putUnit('2026-11', 'spring')).toBe(false);
});

test('the clock is the system\'s unless another is given', async () => {
  dynamo.on(PutItemCommand).resolves({});
  const before = Math.floor(Date.now() / 1_000);
  await new SendNotes(client, 'Journal').putUnit('2026-11', 'spring');
  expect(Number(dynamo.commandCalls(PutItemCommand)[0].args[0].input.Item!.expiresAt.N)).toBeGreaterThanOrEqual(before + 90 * 24 * 60 * 60);
});
