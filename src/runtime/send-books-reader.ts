import { AttributeValue, DynamoDBClient, GetItemCommand, paginateQuery } from '@aws-sdk/client-dynamodb';
import { batchFromItem, isBatchItem, runFromItem } from './send-journal-store';
import { SendErrorCode } from '../contract/custom-channel';
import { JOURNAL_DAYS } from '../contract/limits';
import {
  BatchState, CallState, JOURNAL_PARTITION_KEY, JOURNAL_SHARDS, JOURNAL_SORT_KEY, SORT_KEY_RUN, SendBatch, SendRun, runPartitionKey,
} from '../contract/send-journal';
import { TTL_ATTRIBUTE } from '../contract/subscriber';
import { BatchStateRequest, BooksPlace, NotReachedStatus, RunBooksRequest, writePlace } from '../domain/line/books-request';
import { addBooks, bookOf, peopleOf, SendBooks } from '../domain/line/send-books';
import { callsOf } from '../domain/line/send-journal';

/** Somebody who was not sent to, or not for certain. */
export interface PersonNotReached {
  /** Endpoint id. */
  readonly id: string;
  readonly status: NotReachedStatus;
  readonly code: SendErrorCode;
}

/** The books of a run. */
export interface RunBooks {
  readonly runId: string;
  /** Items of the journal that were read; none: the journal knows no such run, or not any more. */
  readonly batches: number;
  /** Of the whole run, whatever page was asked for. */
  readonly books: SendBooks;
  /** What the run's batches share, once there is something. */
  readonly run?: Pick<SendRun, 'stopped' | 'refusedInRow' | 'splitCalls'>;
  /** As many as asked for at most: who failed or is unknown first, then who was skipped; in the order of the journal otherwise. */
  readonly notReached: readonly PersonNotReached[];
  /** `after` of the request that goes on; absent when there is nobody more. */
  readonly next?: string;
}

/** Where a batch is: counts and times, neither content nor people. Times are ISO 8601, UTC. */
export interface BatchReport {
  readonly batchId: string;
  readonly runId: string;
  readonly state: BatchState;
  /** LINE calls of the batch by what became of them. */
  readonly calls: { readonly [state in keyof typeof CallState]?: number };
  readonly books: SendBooks;
  /** How often it was claimed. */
  readonly attempts: number;
  /** Why calls failed, are unknown, or are not decided yet. */
  readonly outcome?: SendBatch['outcome'];
  /** The retry queue alone goes on with it. */
  readonly deferred?: true;
  readonly createdAt: string;
  readonly firstAttemptAt?: string;
  /** Until then nobody else attempts it. */
  readonly leaseUntil?: string;
  readonly decidedAt?: string;
  /** Batch id of the batch that it is a part of. */
  readonly parent?: string;
  /** Batch ids of its parts. */
  readonly children?: readonly string[];
}

/** What books are made of, without the contents, which are most of an item. */
const BOOKS_ATTRIBUTES = [
  JOURNAL_PARTITION_KEY, JOURNAL_SORT_KEY, 'batchId', 'state', 'calls', 'sizes', 'recipients', 'endpointIds', 'excluded', 'outcome', TTL_ATTRIBUTE,
];

/** The same with what else an operator asks of one batch. */
const REPORT_ATTRIBUTES = [...BOOKS_ATTRIBUTES, 'runId', 'attempts', 'deferred', 'createdAt', 'firstAttemptAt', 'leaseUntil', 'decidedAt', 'parent', 'children'];

/**
 * Reads the books of a run from the send journal: its sixteen shards side by side, a page of each in memory at a time. Needs
 * `dynamodb:Query` and `dynamodb:GetItem`; throws what DynamoDB throws. Books of a run that is at work hold what was written
 * by the time that each page was read: between a parent and its children, which are written in one transaction, somebody may
 * then be seen twice or not at all.
 */
export async function readRunBooks(client: DynamoDBClient, tableName: string, request: Omit<RunBooksRequest, 'kind'>): Promise<RunBooks> {
  const { runId, limit } = request;
  let books = bookOf([]);
  let batches = 0;

  const readShard = async (shard: number): Promise<PersonInPlace[][]> => {
    const byRank: PersonInPlace[][] = [[], []];
    for await (const { Items = [] } of paginateQuery({ client }, {
      TableName: tableName,
      ConsistentRead: true,
      KeyConditionExpression: '#pk = :pk',
      ...projection(BOOKS_ATTRIBUTES),
      ExpressionAttributeValues: { ':pk': { S: `${runId}#${shard}` } },
    })) {
      for (const batch of Items.filter(isBatchItem).map(batchFromItem)) {
        batches++;
        books = addBooks(books, bookOf([batch]));
        for (const each of notReachedOf(batch, shard, request)) {
          // One more than is told says that there are more.
          if (byRank[each.place.rank].length <= limit) {
            byRank[each.place.rank].push(each);
          }
        }
      }
    }
    return byRank;
  };
  const [run, ...shards] = await Promise.all([
    readRun(client, tableName, runId), ...Array.from({ length: JOURNAL_SHARDS }, async (_, shard) => readShard(shard)),
  ]);
  const found = [0, 1].flatMap((rank) => shards.flatMap((byRank) => byRank[rank]));
  const page = found.slice(0, limit);
  return {
    runId,
    batches,
    books,
    ...(run && { run }),
    notReached: page.map(({ person }) => person),
    ...(page.length > 0 && found.length > limit && { next: writePlace(page[page.length - 1].place) }),
  };
}

interface PersonInPlace {
  readonly person: PersonNotReached;
  readonly place: BooksPlace;
}

function notReachedOf(batch: SendBatch, shard: number, { statuses, after }: Pick<RunBooksRequest, 'statuses' | 'after'>): PersonInPlace[] {
  return peopleOf(batch).flatMap(({ id, status, code }, index) => {
    if (status === 'accepted' || status === 'deferred' || !statuses.includes(status)) {
      return [];
    }
    const place: BooksPlace = { rank: status === 'skipped' ? 1 : 0, shard, sk: batch.sk, index };
    return after === undefined || isAfter(place, after) ? [{ person: { id, status, code: code! }, place }] : [];
  });
}

function isAfter(one: BooksPlace, other: BooksPlace): boolean {
  const differing = (['rank', 'shard', 'sk', 'index'] as const).find((part) => one[part] !== other[part]);
  return differing !== undefined && one[differing] > other[differing];
}

async function readRun(client: DynamoDBClient, tableName: string, runId: string): Promise<RunBooks['run']> {
  const Key = itemKey(runPartitionKey(runId), SORT_KEY_RUN);
  const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true }));
  if (!Item) {
    return undefined;
  }
  const { validated, runId: id, ...run } = runFromItem(Item);
  return run;
}

/**
 * Reads where one batch is. Needs `dynamodb:GetItem`.
 *
 * @throws an error that says so when the journal knows no such batch, or not any more; what DynamoDB throws
 */
export async function readBatchReport(client: DynamoDBClient, tableName: string, { identity }: Omit<BatchStateRequest, 'kind'>): Promise<BatchReport> {
  const { pk, sk, batchId } = identity;
  const { Item } = await client.send(new GetItemCommand({
    TableName: tableName, Key: itemKey(pk, sk), ConsistentRead: true, ...projection(REPORT_ATTRIBUTES),
  }));
  if (!Item || !isBatchItem(Item)) {
    throw new Error(`the journal knows no batch ${batchId}: nothing of it was written down, or it was more than ${JOURNAL_DAYS} days ago, or the id is another one`);
  }
  const batch = batchFromItem(Item);
  const { runId, state, attempts, outcome, deferred, createdAt, firstAttemptAt, leaseUntil, decidedAt, parent, children } = batch;
  return {
    batchId,
    runId,
    state,
    calls: countCalls(batch),
    books: bookOf([batch]),
    attempts,
    ...(outcome && { outcome }),
    ...(deferred && { deferred }),
    createdAt: isoTime(createdAt),
    ...(firstAttemptAt !== undefined && { firstAttemptAt: isoTime(firstAttemptAt) }),
    ...(leaseUntil !== undefined && { leaseUntil: isoTime(leaseUntil) }),
    ...(decidedAt !== undefined && { decidedAt: isoTime(decidedAt) }),
    ...(parent !== undefined && { parent }),
    ...(children && { children: children.map((position) => `${runId}/${position}`) }),
  };
}

const CALL_STATES = Object.entries(CallState) as [keyof typeof CallState, CallState][];

function countCalls(batch: SendBatch): BatchReport['calls'] {
  const states = callsOf(batch).map(({ state }) => state);
  return Object.fromEntries(CALL_STATES.flatMap(([name, value]) => {
    const count = states.filter((state) => state === value).length;
    return count === 0 ? [] : [[name, count]];
  }));
}

function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

function itemKey(pk: string, sk: string): Record<string, AttributeValue> {
  return { [JOURNAL_PARTITION_KEY]: { S: pk }, [JOURNAL_SORT_KEY]: { S: sk } };
}

function projection(names: readonly string[]): { ProjectionExpression: string; ExpressionAttributeNames: Record<string, string> } {
  return { ProjectionExpression: names.map((name) => `#${name}`).join(', '), ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])) };
}
