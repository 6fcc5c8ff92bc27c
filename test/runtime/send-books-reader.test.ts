import { DynamoDBClient, GetItemCommand, QueryCommand, QueryCommandInput } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import fc from 'fast-check';
import { SendErrorCode } from '../../src/contract/custom-channel';
import { BatchState, SendBatch } from '../../src/contract/send-journal';
import { identifyBatch } from '../../src/domain/line/custom-channel-event';
import { bookOf } from '../../src/domain/line/send-books';
import { readRunBooks } from '../../src/runtime/send-books-reader';
import { Item, journalItem } from '../support/journal-items';
import { anyBatch, batchOf, excluded, userId } from '../support/send-batches';

const RUN_ID = 'campaign/app/c1/0/a1';
const dynamoDb = mockClient(DynamoDBClient);
const client = new DynamoDBClient({ region: 'eu-west-1' });

/** A table with the batches at positions of the run, a page each. */
async function tableWith(batches: readonly SendBatch[], others: readonly Item[] = []): Promise<void> {
  const placed = batches.map((batch, index) => ({ ...batch, runId: RUN_ID, ...identifyBatch(RUN_ID, `p-${index}`) }));
  const items = [...await Promise.all(placed.map(journalItem)), ...others];
  dynamoDb.on(QueryCommand).callsFake((input: QueryCommandInput) => {
    const names = input.ProjectionExpression!.split(', ').map((name) => input.ExpressionAttributeNames![name]);
    const shard = items.filter(({ pk }) => pk.S === input.ExpressionAttributeValues![':pk'].S);
    const start = shard.findIndex(({ sk }) => sk.S === input.ExclusiveStartKey?.sk.S) + 1;
    const page = shard.slice(start, start + 1);
    return {
      Items: page.map((item) => Object.fromEntries(names.filter((name) => item[name]).map((name) => [name, item[name]]))),
      ...(start + 1 < shard.length && { LastEvaluatedKey: { pk: page[0].pk, sk: page[0].sk } }),
    };
  });
}

beforeEach(() => {
  dynamoDb.reset();
  dynamoDb.on(GetItemCommand).resolves({});
});

const read = (limit = 100) => readRunBooks(client, 'Journal', { runId: RUN_ID, limit });

test('the books of a run are those of all its batches, in whatever shard and on whatever page', async () => {
  // GIVEN more batches than there are shards
  const batches = Array.from({ length: 50 }, (_, index) => batchOf(index % 5 ? 'A' : '?', [10 + index], { excluded: [excluded(`x-${index}`)] }));
  await tableWith(batches);
  // WHEN
  const { books, ...rest } = await read(0);
  // THEN
  expect(books).toEqual(bookOf(batches));
  expect(books).toMatchObject({ recipients: 1_775, skipped: 50 });
  expect(rest).toEqual({ runId: RUN_ID, batches: 50, notReached: [] });
});

test('every shard is read, consistently, by its key, and no content is', async () => {
  await tableWith([batchOf('A', [1])]);
  await read();
  const inputs = dynamoDb.commandCalls(QueryCommand).map(({ args }) => args[0].input);
  expect(inputs.map(({ ExpressionAttributeValues }) => ExpressionAttributeValues![':pk'].S).sort()).toEqual(
    Array.from({ length: 16 }, (_, shard) => `${RUN_ID}#${shard}`).sort());
  for (const { TableName, ConsistentRead, KeyConditionExpression, ExpressionAttributeNames } of inputs) {
    expect({ TableName, ConsistentRead, KeyConditionExpression }).toEqual({ TableName: 'Journal', ConsistentRead: true, KeyConditionExpression: '#pk = :pk' });
    expect(Object.values(ExpressionAttributeNames!)).toEqual([
      'pk', 'sk', 'batchId', 'state', 'calls', 'sizes', 'recipients', 'endpointIds', 'excluded', 'outcome', 'expiresAt',
    ]);
  }
});

test('balance, and are what the batches are, whatever those are', async () => {
  await fc.assert(fc.asyncProperty(fc.array(anyBatch, { maxLength: 20 }), async (batches) => {
    await tableWith(batches);
    const { books, notReached } = await read(1_000);
    expect(books).toEqual(bookOf(batches));
    expect(books.accepted + books.skipped + books.failed + books.unknown + books.pending).toBe(books.recipients);
    expect(notReached).toHaveLength(books.skipped + books.failed + books.unknown);
  }), { numRuns: 50 });
});

describe('people who were not reached', () => {
  const batches = [
    batchOf('AF', [2, 2], { outcome: { code: SendErrorCode.LINE_REFUSED }, excluded: [excluded('x')] }),
    batchOf('U', [1], { recipients: [{ id: 'endpoint-9', to: userId(9) }] }),
    batchOf('-', [3], { state: BatchState.READY }),
  ];

  test('are named, with why; those who are reached or may be yet are not', async () => {
    await tableWith(batches);
    const { notReached } = await read();
    expect([...notReached].sort((one, other) => (one.id < other.id ? -1 : 1))).toEqual([
      { id: userId(2), status: 'failed', code: 'LINE_REFUSED' },
      { id: userId(3), status: 'failed', code: 'LINE_REFUSED' },
      { id: 'endpoint-9', status: 'unknown', code: 'LINE_UNKNOWN' },
      { id: 'x', status: 'skipped', code: 'OPTED_OUT' },
    ]);
  });

  test.each([0, 1, 3, 4])('are named up to a limit of %d, while the books count everybody', async (limit) => {
    await tableWith(batches);
    const { notReached, books } = await read(limit);
    expect(notReached).toHaveLength(limit);
    expect(books).toMatchObject({ recipients: 9, failed: 2, unknown: 1, skipped: 1, accepted: 2, pending: 3 });
  });
});

test('a run that was stopped says so', async () => {
  await tableWith([]);
  dynamoDb.on(GetItemCommand).callsFake(({ Key, TableName }) => {
    expect({ Key, TableName }).toEqual({ Key: { pk: { S: `${RUN_ID}#RUN` }, sk: { S: 'RUN' } }, TableName: 'Journal' });
    return { Item: { ...Key, runId: { S: RUN_ID }, stopped: { S: 'RUN_STOPPED' }, refusedInRow: { N: '3' }, validated: { L: [{ S: 'c' }] } } };
  });
  expect((await read()).run).toEqual({ stopped: 'RUN_STOPPED', refusedInRow: 3, splitCalls: 0 });
});

test('a run that the journal does not know has no batches', async () => {
  await tableWith([]);
  expect(await read()).toEqual({ runId: RUN_ID, batches: 0, books: bookOf([]), notReached: [] });
});

test('rows of another kind in a shard are no batches', async () => {
  const [first] = [identifyBatch(RUN_ID, 'p-0')];
  await tableWith([], [{ pk: { S: first.pk }, sk: { S: 'later' }, what: { S: 'x' } }]);
  expect((await read()).batches).toBe(0);
});

test('fails when DynamoDB fails', async () => {
  dynamoDb.on(QueryCommand).rejects(new Error('throttled'));
  await expect(read()).rejects.toThrow('throttled');
});
