import { DynamoDBClient, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { MapRecord } from '../../src/domain/campaigns/send-maps';
import { DynamoMapJournal } from '../../src/runtime/map-journal';
import { FakeDynamoDb } from '../support/fake-dynamodb';

const dynamo = mockClient(DynamoDBClient);
const journal = new DynamoMapJournal(new DynamoDBClient({ region: 'eu-west-1' }), 'Runs', 30, () => Date.UTC(2026, 10, 23));
const CLAIM: MapRecord = { position: 12, state: 'CLAIMED', owner: 'r1', leaseUntil: 5_000, attempts: 1, excluded: { e2: 'OPTED_OUT', ['__proto__']: 'ERASED' } };
const DONE: MapRecord = { ...CLAIM, state: 'DONE', outcomes: [['accepted', null, 'q1'], ['skipped', 'OPTED_OUT'], ['unknown']] };

let table: FakeDynamoDb;
beforeEach(() => {
  dynamo.reset();
  table = new FakeDynamoDb(dynamo);
});

test('a map is written once, and over what was read; it is read as it was written', async () => {
  expect(await journal.write('run-1', 'a-0', CLAIM, undefined)).toBe(true);
  expect(await journal.write('run-1', 'a-0', { ...CLAIM, owner: 'r2' }, undefined)).toBe(false);
  expect(await journal.write('run-1', 'a-0', DONE, { ...CLAIM, owner: 'r2' })).toBe(false);
  expect(await journal.write('run-1', 'a-0', DONE, CLAIM)).toBe(true);
  expect(await journal.list('run-1', 'a-0')).toEqual([DONE]);
  expect(await journal.list('run-1', 'a-1')).toEqual([]);
});

test('a write whose answer was lost came through', async () => {
  await journal.write('run-1', 'a-0', CLAIM, undefined);
  expect(await journal.write('run-1', 'a-0', CLAIM, undefined)).toBe(true);
});

test('a row is in no index of states, in the order of positions, and forgotten with the run', async () => {
  await journal.write('run-1', 'a-0', CLAIM, undefined);
  const [item] = [...table.items.values()];
  expect(item).toMatchObject({ pk: { S: 'MAP#run-1#a-0' }, sk: { S: '000012' }, expiresAt: { N: String(Date.UTC(2026, 11, 23) / 1_000) } });
  expect(item.state).toBeUndefined();
});

test('many maps come in pages', async () => {
  await journal.write('run-1', 'a-0', CLAIM, undefined);
  const [item] = [...table.items.values()];
  dynamo.on(QueryCommand).resolvesOnce({ Items: [item], LastEvaluatedKey: { pk: item.pk, sk: item.sk } }).resolves({ Items: [{ ...item, sk: { S: '000013' } }] });
  expect((await journal.list('run-1', 'a-0')).map(({ position }) => position)).toEqual([12, 13]);
  expect(dynamo.commandCalls(QueryCommand)[1].args[0].input.ExclusiveStartKey).toEqual({ pk: item.pk, sk: item.sk });
});

test('what DynamoDB throws is thrown', async () => {
  dynamo.on(PutItemCommand).rejects(new Error('throttled'));
  await expect(journal.write('run-1', 'a-0', CLAIM, undefined)).rejects.toThrow('throttled');
});
