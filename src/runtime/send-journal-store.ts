import {
  AttributeValue, ConditionalCheckFailedException, DynamoDBClient, GetItemCommand, PutItemCommand, TransactWriteItemsCommand,
  TransactionCanceledException, UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { SendErrorCode } from '../contract/custom-channel';
import { JOURNAL_DAYS } from '../contract/limits';
import {
  BatchExclusion, BatchRecipient, BatchState, JOURNAL_PARTITION_KEY, JOURNAL_SORT_KEY, SORT_KEY_CLAIM, SORT_KEY_RUN, SendBatch, SendRun,
  claimPartitionKey, runPartitionKey,
} from '../contract/send-journal';
import { TTL_ATTRIBUTE } from '../contract/subscriber';
import { BatchKey, SendJournal } from '../domain/line/send-journal';

type Item = Record<string, AttributeValue>;

/** People that are claimed at a time. */
const CLAIMS_AT_A_TIME = 50;

/**
 * The send journal in DynamoDB (see `contract/send-journal.ts`): conditional writes, so that of several writers at a time
 * one wins and the others learn what it wrote. Needs `dynamodb:GetItem`, `dynamodb:PutItem` and `dynamodb:UpdateItem`, also for
 * transactions. Every method throws what DynamoDB throws.
 *
 * Recipients are kept in 16 bytes each: a LINE user id is `U` and 32 hexadecimal digits. Endpoint ids are kept where they
 * differ from it, as JSON, which also holds what is no well-formed string.
 */
export class DynamoSendJournal implements SendJournal {
  constructor(private readonly client: DynamoDBClient, private readonly tableName: string, private readonly now: () => number) {}

  public async load(key: BatchKey): Promise<SendBatch | undefined> {
    const { Item: item } = await this.client.send(new GetItemCommand({ TableName: this.tableName, Key: itemKey(key), ConsistentRead: true }));
    return item && batchFromItem(item);
  }

  public async create(batch: SendBatch): Promise<SendBatch> {
    return this.unlessRefused(batch, () => this.client.send(new PutItemCommand({
      ...this.newItem(batch),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    })));
  }

  public async write(from: SendBatch, to: SendBatch, children: readonly SendBatch[] = []): Promise<SendBatch> {
    const put = {
      TableName: this.tableName,
      Item: toItem(to),
      ConditionExpression: `#state = :state AND #attempts = :attempts AND #calls = :calls AND ${from.owner ? '#owner = :owner' : 'attribute_not_exists(#owner)'}`,
      ExpressionAttributeNames: { '#state': 'state', '#attempts': 'attempts', '#calls': 'calls', '#owner': 'owner' },
      ExpressionAttributeValues: {
        ':state': { S: from.state },
        ':attempts': { N: String(from.attempts) },
        ':calls': { S: from.calls },
        ...(from.owner && { ':owner': { S: from.owner } }),
      },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
    };
    return this.unlessRefused(to, () => (children.length === 0
      ? this.client.send(new PutItemCommand(put))
      : this.client.send(new TransactWriteItemsCommand({
        TransactItems: [{ Put: put }, ...children.map((child) => ({ Put: this.newItem(child) }))],
      }))));
  }

  public async run(runId: string): Promise<SendRun> {
    // Who reads a moment too early asks LINE once more, no more than that.
    const { Item: item } = await this.client.send(new GetItemCommand({ TableName: this.tableName, Key: runKey(runId) }));
    return item ? runFromItem(item) : { runId, refusedInRow: 0, splitCalls: 0, validated: [] };
  }

  public async stopRun(runId: string, code: SendErrorCode): Promise<void> {
    await this.updateRun(runId, 'stopped = if_not_exists(stopped, :value)', { S: code });
  }

  public async countRefusal(runId: string): Promise<number> {
    const { Attributes } = await this.updateRun(runId, 'refusedInRow = if_not_exists(refusedInRow, :zero) + :value', { N: '1' }, { N: '0' });
    return Number(Attributes!.refusedInRow.N);
  }

  public async clearRefusals(runId: string): Promise<void> {
    await this.updateRun(runId, 'refusedInRow = :value', { N: '0' });
  }

  public async countSplitCalls(runId: string, calls: number): Promise<number> {
    const { Attributes } = await this.updateRun(runId, 'splitCalls = if_not_exists(splitCalls, :zero) + :value', { N: String(calls) }, { N: '0' });
    return Number(Attributes!.splitCalls.N);
  }

  public async markValidated(runId: string, contentId: string): Promise<void> {
    await this.updateRun(runId, 'validated = list_append(if_not_exists(validated, :zero), :value)', { L: [{ S: contentId }] }, { L: [] });
  }

  public async claimPeople({ runId, batchId }: Pick<SendBatch, 'runId' | 'batchId'>, userIds: readonly string[]): Promise<ReadonlySet<string>> {
    const taken = new Set<string>();
    const waiting = [...userIds];
    const claimNext = async (): Promise<void> => {
      for (let userId = waiting.pop(); userId !== undefined; userId = waiting.pop()) {
        if (!await this.claim(runId, batchId, userId)) {
          taken.add(userId);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(CLAIMS_AT_A_TIME, waiting.length) }, claimNext));
    return taken;
  }

  private async claim(runId: string, batchId: string, userId: string): Promise<boolean> {
    try {
      await this.client.send(new PutItemCommand({
        TableName: this.tableName,
        Item: {
          [JOURNAL_PARTITION_KEY]: { S: claimPartitionKey(runId, userId) },
          [JOURNAL_SORT_KEY]: { S: SORT_KEY_CLAIM },
          batchId: { S: batchId },
          [TTL_ATTRIBUTE]: { N: String(this.expiry()) },
        },
        // A claim of the batch that ended half way is its own.
        ConditionExpression: 'attribute_not_exists(#pk) OR #batchId = :batchId',
        ExpressionAttributeNames: { '#pk': JOURNAL_PARTITION_KEY, '#batchId': 'batchId' },
        ExpressionAttributeValues: { ':batchId': { S: batchId } },
      }));
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) {
        return false;
      }
      throw error;
    }
  }

  private updateRun(runId: string, expression: string, value: AttributeValue, zero?: AttributeValue) {
    return this.client.send(new UpdateItemCommand({
      TableName: this.tableName,
      Key: runKey(runId),
      UpdateExpression: `SET ${expression}, #runId = :runId, #expiresAt = :expiresAt`,
      ExpressionAttributeNames: { '#runId': 'runId', '#expiresAt': TTL_ATTRIBUTE },
      ExpressionAttributeValues: {
        ':value': value,
        ':runId': { S: runId },
        ':expiresAt': { N: String(this.expiry()) },
        ...(zero && { ':zero': zero }),
      },
      ReturnValues: 'UPDATED_NEW',
    }));
  }

  private newItem(batch: SendBatch) {
    return {
      TableName: this.tableName,
      Item: toItem(batch),
      ConditionExpression: 'attribute_not_exists(#pk)',
      ExpressionAttributeNames: { '#pk': JOURNAL_PARTITION_KEY },
    };
  }

  private expiry(): number {
    return Math.floor(this.now() / 1_000) + JOURNAL_DAYS * 24 * 60 * 60;
  }

  /** @returns the batch as it was to be written, or the item that stood in the way */
  private async unlessRefused(batch: SendBatch, write: () => Promise<unknown>): Promise<SendBatch> {
    try {
      await write();
      return batch;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException || isRefusedTransaction(error))) {
        throw error;
      }
      const item = error instanceof ConditionalCheckFailedException ? error.Item : undefined;
      const onRecord = item ? batchFromItem(item) : await this.load(batch);
      if (!onRecord) {
        throw new Error(`item ${batch.batchId} is gone from the send journal ${this.tableName}: it was deleted while it was being sent`);
      }
      return onRecord;
    }
  }
}

/** A condition did not hold; not that somebody else was writing at the same moment, which the next attempt may survive. */
function isRefusedTransaction(error: unknown): error is TransactionCanceledException {
  return error instanceof TransactionCanceledException && (error.CancellationReasons ?? []).some(({ Code }) => Code === 'ConditionalCheckFailed');
}

function itemKey({ pk, sk }: BatchKey): Item {
  return { [JOURNAL_PARTITION_KEY]: { S: pk }, [JOURNAL_SORT_KEY]: { S: sk } };
}

function runKey(runId: string): Item {
  return itemKey({ pk: runPartitionKey(runId), sk: SORT_KEY_RUN });
}

/** Attributes that are kept as they are. */
const TEXTS = ['runId', 'batchId', 'retryKey', 'state', 'calls', 'content', 'contentKey', 'aggregationUnit', 'parent', 'owner'] as const;
const NUMBERS = ['createdAt', 'firstAttemptAt', 'leaseUntil', 'attempts', 'decidedAt'] as const;
const FLAGS = ['unclaimed', 'deferred'] as const;
const JSONS = ['lines', 'source', 'children', 'outcome', 'requestIds'] as const;

function toItem(batch: SendBatch): Item {
  const otherIds = batch.recipients.flatMap(({ id, to }, index) => (id === to ? [] : [[index, id] as const]));
  return {
    ...itemKey(batch),
    ...attributes(TEXTS, batch, (value) => ({ S: value })),
    ...attributes(NUMBERS, batch, (value) => ({ N: String(value) })),
    ...attributes(FLAGS, batch, (value) => ({ BOOL: value })),
    ...attributes(JSONS, batch, (value) => ({ S: JSON.stringify(value) })),
    // One call of all of them, as most batches have.
    ...(batch.sizes.length !== 1 && { sizes: { S: JSON.stringify(batch.sizes) } }),
    ...(batch.recipients.length > 0 && { recipients: { B: Buffer.from(batch.recipients.map(({ to }) => to.slice(1)).join(''), 'hex') } }),
    ...(otherIds.length > 0 && { endpointIds: { S: JSON.stringify(otherIds) } }),
    ...(batch.excluded.length > 0 && { excluded: { S: JSON.stringify(batch.excluded.map(({ id, status, code }) => [id, status, code])) } }),
    [TTL_ATTRIBUTE]: { N: String(batch.expiresAt) },
  };
}

function attributes<N extends keyof SendBatch>(
  names: readonly N[], batch: SendBatch, convert: (value: NonNullable<SendBatch[N]>) => AttributeValue,
): Item {
  return Object.fromEntries(names.flatMap((name) => {
    const value = batch[name];
    return value === undefined || value === null ? [] : [[name, convert(value as NonNullable<SendBatch[N]>)]];
  }));
}

const USER_ID_BYTES = 16;

/** A batch from its row. */
export function batchFromItem(item: Item): SendBatch {
  const bytes = Buffer.from(item.recipients?.B ?? []);
  const ids = new Map<number, string>(JSON.parse(item.endpointIds?.S ?? '[]'));
  const recipients = Array.from({ length: bytes.length / USER_ID_BYTES }, (_, index): BatchRecipient => {
    const to = `U${bytes.toString('hex', index * USER_ID_BYTES, (index + 1) * USER_ID_BYTES)}`;
    return { id: ids.get(index) ?? to, to };
  });
  const excluded = (JSON.parse(item.excluded?.S ?? '[]') as [string, BatchExclusion['status'], SendErrorCode][])
    .map(([id, status, code]): BatchExclusion => ({ id, status, code }));
  const read = <V>(names: readonly string[], convert: (value: AttributeValue) => V): Record<string, V> =>
    Object.fromEntries(names.flatMap((name) => (item[name] ? [[name, convert(item[name])]] : [])));
  return {
    pk: item[JOURNAL_PARTITION_KEY].S!,
    sk: item[JOURNAL_SORT_KEY].S!,
    ...read(TEXTS, ({ S }) => S!),
    ...read(NUMBERS, ({ N }) => Number(N)),
    ...read(FLAGS, ({ BOOL }) => BOOL),
    ...read(JSONS, ({ S }) => JSON.parse(S!)),
    sizes: item.sizes ? JSON.parse(item.sizes.S!) : [recipients.length],
    recipients,
    excluded,
    expiresAt: Number(item[TTL_ATTRIBUTE].N),
  } as unknown as SendBatch;
}

/** What a run's batches share, from its row. */
export function runFromItem({ runId, stopped, refusedInRow, splitCalls, validated }: Item): SendRun {
  return {
    runId: runId.S!,
    ...(stopped && { stopped: stopped.S as SendErrorCode }),
    refusedInRow: Number(refusedInRow?.N ?? 0),
    splitCalls: Number(splitCalls?.N ?? 0),
    validated: (validated?.L ?? []).map(({ S }) => S!),
  };
}

/** True for the row of a batch, false for the other rows of the journal's table. */
export function isBatchItem(item: Item): boolean {
  return item.batchId !== undefined && Object.values<string | undefined>(BatchState).includes(item.state?.S);
}
