import {
  AttributeValue, ConditionalCheckFailedException, DynamoDBClient, GetItemCommand, PutItemCommand, UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { SendErrorCode } from '../contract/custom-channel';
import { BatchExclusion, BatchRecipient, BatchState, JOURNAL_PARTITION_KEY, JOURNAL_SORT_KEY, SendBatch } from '../contract/send-journal';
import { TTL_ATTRIBUTE } from '../contract/subscriber';
import { SendJournal } from '../domain/line/send-journal';

type Item = Record<string, AttributeValue>;
type BatchKey = Pick<SendBatch, 'pk' | 'sk'>;

/** What a transition may change; the rest of an item is frozen when it is made. */
const CHANGING = ['state', 'attempts', 'owner', 'leaseUntil', 'firstAttemptAt', 'ambiguous', 'outcome'] as const;

/**
 * The send journal in DynamoDB (see `contract/send-journal.ts`): conditional writes, so that of several writers at a time
 * one wins and the others learn what it wrote. Needs `dynamodb:GetItem`, `dynamodb:PutItem` and `dynamodb:UpdateItem`.
 * Every method throws what DynamoDB throws.
 *
 * Recipients are kept in 16 bytes each: a LINE user id is `U` and 32 hexadecimal digits. Endpoint ids are kept where they
 * differ from it, as JSON, which also holds what is no well-formed string.
 */
export class DynamoSendJournal implements SendJournal {
  constructor(private readonly client: DynamoDBClient, private readonly tableName: string) {}

  public async load(key: BatchKey): Promise<SendBatch | undefined> {
    const { Item } = await this.client.send(new GetItemCommand({ TableName: this.tableName, Key: itemKey(key), ConsistentRead: true }));
    return Item && fromItem(Item);
  }

  public async create(batch: SendBatch): Promise<SendBatch> {
    return this.unlessRefused(batch, () => this.client.send(new PutItemCommand({
      TableName: this.tableName,
      Item: toItem(batch),
      ConditionExpression: 'attribute_not_exists(#pk)',
      ExpressionAttributeNames: { '#pk': JOURNAL_PARTITION_KEY },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    })));
  }

  public async write(from: SendBatch, to: SendBatch): Promise<SendBatch> {
    const values = changingAttributes(to);
    const present = CHANGING.filter((name) => values[name] !== undefined);
    const absent = CHANGING.filter((name) => values[name] === undefined);
    const isAcceptance = to.state === BatchState.ACCEPTED;
    const unchanged = `#state = :fromState AND #attempts = :fromAttempts AND ${from.owner ? '#owner = :fromOwner' : 'attribute_not_exists(#owner)'}`;
    return this.unlessRefused(to, () => this.client.send(new UpdateItemCommand({
      TableName: this.tableName,
      Key: itemKey(to),
      UpdateExpression: `SET ${present.map((name) => `#${name} = :${name}`).join(', ')} REMOVE ${absent.map((name) => `#${name}`).join(', ')}`,
      // Whatever others have made of the item: what LINE has accepted, it has accepted.
      ConditionExpression: isAcceptance ? 'attribute_exists(#state)' : unchanged,
      ExpressionAttributeNames: Object.fromEntries(CHANGING.map((name) => [`#${name}`, name])),
      ExpressionAttributeValues: {
        ...Object.fromEntries(present.map((name) => [`:${name}`, values[name]!])),
        ...(!isAcceptance && {
          ':fromState': { S: from.state },
          ':fromAttempts': { N: String(from.attempts) },
          ...(from.owner && { ':fromOwner': { S: from.owner } }),
        }),
      },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    })));
  }

  /** @returns the batch as it was to be written, or the item that stood in the way */
  private async unlessRefused(batch: SendBatch, write: () => Promise<unknown>): Promise<SendBatch> {
    try {
      await write();
      return batch;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) {
        throw error;
      }
      const onRecord = error.Item ? fromItem(error.Item) : await this.load(batch);
      if (!onRecord) {
        throw new Error(`item ${batch.batchId} is gone from the send journal ${this.tableName}: it was deleted while it was being sent`);
      }
      return onRecord;
    }
  }
}

function itemKey({ pk, sk }: BatchKey): Item {
  return { [JOURNAL_PARTITION_KEY]: { S: pk }, [JOURNAL_SORT_KEY]: { S: sk } };
}

/** The attributes that change, undefined where they are absent. */
function changingAttributes({ state, attempts, owner, leaseUntil, firstAttemptAt, ambiguous, outcome }: SendBatch) {
  const values: Record<typeof CHANGING[number], AttributeValue | undefined> = {
    state: { S: state },
    attempts: { N: String(attempts) },
    owner: owner === undefined ? undefined : { S: owner },
    leaseUntil: leaseUntil === undefined ? undefined : { N: String(leaseUntil) },
    firstAttemptAt: firstAttemptAt === undefined ? undefined : { N: String(firstAttemptAt) },
    ambiguous: ambiguous ? { BOOL: true } : undefined,
    outcome: outcome && {
      M: {
        ...(outcome.code !== undefined && { code: { S: outcome.code } }),
        ...(outcome.status !== undefined && { status: { N: String(outcome.status) } }),
        ...(outcome.requestId !== undefined && { requestId: { S: outcome.requestId } }),
      },
    },
  };
  return values;
}

function toItem(batch: SendBatch): Item {
  const changing = Object.entries(changingAttributes(batch)).filter((entry): entry is [string, AttributeValue] => entry[1] !== undefined);
  const otherIds = batch.recipients.flatMap(({ id, to }, index) => (id === to ? [] : [[index, id] as const]));
  return {
    ...itemKey(batch),
    ...Object.fromEntries(changing),
    batchId: { S: batch.batchId },
    path: { S: batch.path },
    body: { S: batch.body },
    retryKey: { S: batch.retryKey },
    recipients: { B: Buffer.from(batch.recipients.map(({ to }) => to.slice(1)).join(''), 'hex') },
    ...(otherIds.length > 0 && { endpointIds: { S: JSON.stringify(otherIds) } }),
    ...(batch.excluded.length > 0 && { excluded: { S: JSON.stringify(batch.excluded.map(({ id, status, code }) => [id, status, code])) } }),
    createdAt: { N: String(batch.createdAt) },
    [TTL_ATTRIBUTE]: { N: String(batch.expiresAt) },
  };
}

const USER_ID_BYTES = 16;

function fromItem(item: Item): SendBatch {
  const bytes = Buffer.from(item.recipients.B!);
  const ids = new Map<number, string>(JSON.parse(item.endpointIds?.S ?? '[]'));
  const recipients = Array.from({ length: bytes.length / USER_ID_BYTES }, (_, index): BatchRecipient => {
    const to = `U${bytes.toString('hex', index * USER_ID_BYTES, (index + 1) * USER_ID_BYTES)}`;
    return { id: ids.get(index) ?? to, to };
  });
  const excluded = (JSON.parse(item.excluded?.S ?? '[]') as [string, BatchExclusion['status'], SendErrorCode][])
    .map(([id, status, code]): BatchExclusion => ({ id, status, code }));
  const outcome = item.outcome?.M;
  return {
    pk: item[JOURNAL_PARTITION_KEY].S!,
    sk: item[JOURNAL_SORT_KEY].S!,
    batchId: item.batchId.S!,
    state: item.state.S as BatchState,
    path: item.path.S!,
    body: item.body.S!,
    retryKey: item.retryKey.S!,
    recipients,
    excluded,
    createdAt: Number(item.createdAt.N),
    attempts: Number(item.attempts.N),
    expiresAt: Number(item[TTL_ATTRIBUTE].N),
    ...(item.owner && { owner: item.owner.S }),
    ...(item.leaseUntil && { leaseUntil: Number(item.leaseUntil.N) }),
    ...(item.firstAttemptAt && { firstAttemptAt: Number(item.firstAttemptAt.N) }),
    ...(item.ambiguous?.BOOL && { ambiguous: true }),
    ...(outcome && {
      outcome: {
        ...(outcome.code && { code: outcome.code.S as SendErrorCode }),
        ...(outcome.status && { status: Number(outcome.status.N) }),
        ...(outcome.requestId && { requestId: outcome.requestId.S }),
      },
    }),
  };
}
