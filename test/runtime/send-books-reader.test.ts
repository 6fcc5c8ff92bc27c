import { DynamoDBClient, GetItemCommand, QueryCommand, QueryCommandInput } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import fc from 'fast-check';
import { SendErrorCode } from '../../src/contract/custom-channel';
import { BatchState, SendBatch } from '../../src/contract/send-journal';
import { NOT_REACHED_STATUSES, readBooksRequest, RunBooksRequest } from '../../src/domain/line/books-request';
import { identifyBatch } from '../../src/domain/line/custom-channel-event';
import { bookOf } from '../../src/domain/line/send-books';
import { PersonNotReached, readBatchReport, readRunBooks } from '../../src/runtime/send-books-reader';
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
    const shard = items.filter(({ pk }) => pk.S === input.ExpressionAttributeValues![':pk'].S).sort((one, other) => (one.sk.S! < other.sk.S! ? -1 : 1));
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

const read = (limit = 100, request: Partial<RunBooksRequest> = {}) => readRunBooks(client, 'Journal', { runId: RUN_ID, limit, statuses: NOT_REACHED_STATUSES, ...request });

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
    // Whoever was left out comes last.
    expect(notReached[3].id).toBe('x');
  });

  test.each([
    [['failed'], ['failed', 'failed']], [['unknown'], ['unknown']], [['skipped'], ['skipped']], [['skipped', 'unknown'], ['unknown', 'skipped']],
  ] as const)('are those of the statuses %j', async (statuses, found) => {
    await tableWith(batches);
    expect((await read(100, { statuses })).notReached.map(({ status }) => status)).toEqual(found);
  });

  test('are told page by page, each of them once, those who failed first', async () => {
    // GIVEN 5,000 who were left out and 40 who failed, in all shards
    const many = Array.from({ length: 50 }, (_, batch) => batchOf(batch % 5 ? 'A' : 'F', [batch % 5 ? 1 : 4], {
      excluded: Array.from({ length: 100 }, (__, person) => excluded(`x-${batch}-${person}`)),
      recipients: Array.from({ length: batch % 5 ? 1 : 4 }, (__, person) => ({ id: `f-${batch}-${person}`, to: userId(person) })),
    }));
    await tableWith(many);
    // WHEN
    const pages: (readonly PersonNotReached[])[] = [];
    let after: string | undefined;
    do {
      const request = readBooksRequest({ runId: RUN_ID, limit: 1_000, ...(after && { after }) }) as RunBooksRequest;
      const { notReached, next, books } = await readRunBooks(client, 'Journal', request);
      expect(books).toMatchObject({ failed: 40, skipped: 5_000 });
      pages.push(notReached);
      after = next;
    } while (after !== undefined);
    // THEN
    expect(pages.map(({ length }) => length)).toEqual([1_000, 1_000, 1_000, 1_000, 1_000, 40]);
    const all = pages.flat();
    expect(new Set(all.map(({ id }) => id)).size).toBe(5_040);
    expect(all.map(({ status }) => status)).toEqual([...Array(40).fill('failed'), ...Array(5_000).fill('skipped')]);
  });

  test('are the same in pages of any size as all at once', async () => {
    await fc.assert(fc.asyncProperty(fc.array(anyBatch, { maxLength: 8 }), fc.integer({ min: 1, max: 7 }), async (some, limit) => {
      await tableWith(some);
      const { notReached: all, next: none } = await read(1_000);
      expect(none).toBeUndefined();
      const found: PersonNotReached[] = [];
      for (let after: string | undefined, pages = 0; pages === 0 || after !== undefined; pages++) {
        const { notReached, next } = await readRunBooks(client, 'Journal', readBooksRequest({ runId: RUN_ID, limit, after }) as RunBooksRequest);
        found.push(...notReached);
        after = next;
      }
      expect(found).toEqual(all);
    }), { numRuns: 15 });
  });

  test.each([0, 1, 3, 4])('are named up to a limit of %d, while the books count everybody', async (limit) => {
    await tableWith(batches);
    const { notReached, books, next } = await read(limit);
    expect(notReached).toHaveLength(limit);
    expect(next !== undefined).toBe(limit === 1 || limit === 3);
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

describe('where a batch is', () => {
  const { batchId, ...identity } = identifyBatch(RUN_ID, 'd2c4-000');
  const request = { identity: { batchId, ...identity } };
  const answerWith = (item?: Item) => dynamoDb.on(GetItemCommand).callsFake((input) => {
    expect({ TableName: input.TableName, Key: input.Key, ConsistentRead: input.ConsistentRead })
      .toEqual({ TableName: 'Journal', Key: { pk: { S: identity.pk }, sk: { S: 'd2c4-000' } }, ConsistentRead: true });
    const names = Object.values<string>(input.ExpressionAttributeNames);
    expect(input.ProjectionExpression).toBe(names.map((name) => `#${name}`).join(', '));
    return { Item: item && Object.fromEntries(Object.entries(item).filter(([name]) => names.includes(name))) };
  });

  test('is told in counts and times, without content and people', async () => {
    const batch = batchOf('A?--SFU', [1, 2, 1, 1, 3, 1, 1], {
      ...identity,
      batchId,
      state: BatchState.IN_FLIGHT,
      attempts: 3,
      outcome: { code: SendErrorCode.LINE_REFUSED, status: 403 },
      deferred: true,
      firstAttemptAt: Date.UTC(2026, 10, 23, 0, 0, 1),
      leaseUntil: Date.UTC(2026, 10, 23, 0, 0, 30),
      decidedAt: undefined,
      parent: `${RUN_ID}/d2c4`,
      children: ['d2c4-000/4-left'],
      excluded: [excluded('x')],
      content: 'secret text',
      owner: 'me',
      requestIds: ['r-1', '', '', '', '', '', ''],
    });
    answerWith(await journalItem(batch));
    expect(await readBatchReport(client, 'Journal', request)).toEqual({
      batchId,
      runId: RUN_ID,
      state: 'IN_FLIGHT',
      calls: { READY: 2, AMBIGUOUS: 1, ACCEPTED: 1, FAILED: 1, UNKNOWN: 1, SPLIT: 1 },
      books: bookOf([batch]),
      attempts: 3,
      outcome: { code: 'LINE_REFUSED', status: 403 },
      deferred: true,
      createdAt: '2026-11-23T00:00:00.000Z',
      firstAttemptAt: '2026-11-23T00:00:01.000Z',
      leaseUntil: '2026-11-23T00:00:30.000Z',
      parent: `${RUN_ID}/d2c4`,
      children: [`${RUN_ID}/d2c4-000/4-left`],
    });
  });

  test('of a new one has nothing that has not happened', async () => {
    answerWith(await journalItem({ ...batchOf('-', [7]), ...identity, batchId, state: BatchState.READY, attempts: 0, decidedAt: undefined }));
    expect(Object.keys(await readBatchReport(client, 'Journal', request))).toEqual(['batchId', 'runId', 'state', 'calls', 'books', 'attempts', 'createdAt']);
  });

  test('of a decided one says when', async () => {
    answerWith(await journalItem({ ...batchOf('A', [7]), ...identity, batchId, state: BatchState.ACCEPTED }));
    expect(await readBatchReport(client, 'Journal', request)).toMatchObject({ state: 'ACCEPTED', calls: { ACCEPTED: 1 }, decidedAt: '2026-11-23T00:00:01.000Z' });
  });

  test.each<[string, Item | undefined]>([['no row', undefined], ['a row of another kind', { pk: { S: identity.pk }, sk: { S: 'd2c4-000' } }]])(
    'cannot be told of %s', async (_case, item) => {
      answerWith(item);
      await expect(readBatchReport(client, 'Journal', request)).rejects.toThrow(`the journal knows no batch ${batchId}: nothing of it was written down, or it was more than 90 days ago`);
    });
});
