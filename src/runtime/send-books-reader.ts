import { AttributeValue, DynamoDBClient, GetItemCommand, paginateQuery } from '@aws-sdk/client-dynamodb';
import { batchFromItem, isBatchItem, runFromItem } from './send-journal-store';
import { LineStatus, SendErrorCode } from '../contract/custom-channel';
import { JOURNAL_PARTITION_KEY, JOURNAL_SHARDS, JOURNAL_SORT_KEY, SORT_KEY_RUN, SendBatch, SendRun, runPartitionKey } from '../contract/send-journal';
import { TTL_ATTRIBUTE } from '../contract/subscriber';
import { BooksRequest } from '../domain/line/books-request';
import { addBooks, bookOf, peopleOf, SendBooks } from '../domain/line/send-books';

/** Somebody who was not sent to, or not for certain. */
export interface PersonNotReached {
  /** Endpoint id. */
  readonly id: string;
  readonly status: Extract<LineStatus, 'skipped' | 'failed' | 'unknown'>;
  readonly code: SendErrorCode;
}

/** The books of a run. */
export interface RunBooks {
  readonly runId: string;
  /** Items of the journal that were read; none: the journal knows no such run, or not any more. */
  readonly batches: number;
  readonly books: SendBooks;
  /** What the run's batches share, once there is something. */
  readonly run?: Pick<SendRun, 'stopped' | 'refusedInRow' | 'splitCalls'>;
  /** In no order, as many as asked for at most: `skipped + failed + unknown` of the books says how many there are. */
  readonly notReached: readonly PersonNotReached[];
}

/** What books are made of, without the contents, which are most of an item. */
const ATTRIBUTES = [
  JOURNAL_PARTITION_KEY, JOURNAL_SORT_KEY, 'batchId', 'state', 'calls', 'sizes', 'recipients', 'endpointIds', 'excluded', 'outcome', TTL_ATTRIBUTE,
];

/**
 * Reads the books of a run from the send journal: its sixteen shards side by side, a page of each in memory at a time. Needs
 * `dynamodb:Query` and `dynamodb:GetItem`; throws what DynamoDB throws. Books of a run that is at work hold what was written
 * by the time that each page was read: between a parent and its children, which are written in one transaction, somebody may
 * then be seen twice or not at all.
 */
export async function readRunBooks(client: DynamoDBClient, tableName: string, { runId, limit }: BooksRequest): Promise<RunBooks> {
  let books = bookOf([]);
  let batches = 0;
  const notReached: PersonNotReached[] = [];

  const readShard = async (shard: number): Promise<void> => {
    for await (const { Items = [] } of paginateQuery({ client }, {
      TableName: tableName,
      ConsistentRead: true,
      KeyConditionExpression: '#pk = :pk',
      ProjectionExpression: ATTRIBUTES.map((name) => `#${name}`).join(', '),
      ExpressionAttributeNames: Object.fromEntries(ATTRIBUTES.map((name) => [`#${name}`, name])),
      ExpressionAttributeValues: { ':pk': { S: `${runId}#${shard}` } },
    })) {
      for (const batch of Items.filter(isBatchItem).map(batchFromItem)) {
        batches++;
        books = addBooks(books, bookOf([batch]));
        notReached.push(...notReachedOf(batch, limit - notReached.length));
      }
    }
  };
  const shards = Array.from({ length: JOURNAL_SHARDS }, async (_, shard) => readShard(shard));
  const [run] = await Promise.all([readRun(client, tableName, runId), ...shards]);
  return { runId, batches, books, ...(run && { run }), notReached };
}

function notReachedOf(batch: SendBatch, room: number): PersonNotReached[] {
  return room === 0 ? [] : peopleOf(batch)
    .flatMap(({ id, status, code }) => (status === 'accepted' || status === 'deferred' ? [] : [{ id, status, code: code! }]))
    .slice(0, room);
}

async function readRun(client: DynamoDBClient, tableName: string, runId: string): Promise<RunBooks['run']> {
  const Key: Record<string, AttributeValue> = { [JOURNAL_PARTITION_KEY]: { S: runPartitionKey(runId) }, [JOURNAL_SORT_KEY]: { S: SORT_KEY_RUN } };
  const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true }));
  if (!Item) {
    return undefined;
  }
  const { validated, runId: id, ...run } = runFromItem(Item);
  return run;
}
