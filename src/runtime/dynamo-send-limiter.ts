import { AttributeValue, DynamoDBClient, UpdateItemCommand, UpdateItemCommandInput } from '@aws-sdk/client-dynamodb';
import { JOURNAL_PARTITION_KEY, JOURNAL_SORT_KEY, SORT_KEY_PACE, pacePartitionKey } from '../contract/send-journal';
import { SendingConfig } from '../contract/sending';
import { TTL_ATTRIBUTE } from '../contract/subscriber';
import { PaceStore, PaceWrite, PacingDependencies, SendLimiter, pacedSends } from '../domain/line/send-limiter';

/** Attribute of a pace's item: epoch microseconds of the next turn that nobody has. */
const NEXT_AT = 'nextAt';

/** Milliseconds for a write, the client's own retries included; then the instance paces itself. */
const WRITE_TIMEOUT_MS = 1_000;

/** Seconds after its last use when an item is deleted. */
const KEPT_SECONDS = 24 * 60 * 60;

/**
 * The paces in the send journal's table (see `contract/send-journal.ts`), an item each. Needs `dynamodb:UpdateItem`.
 * Methods throw what DynamoDB throws, and an error after a second.
 */
export class DynamoPaceStore implements PaceStore {
  constructor(private readonly client: DynamoDBClient, private readonly tableName: string, private readonly now: () => number = Date.now) {}

  public async advance(pace: string, cost: number, from: number, to: number): Promise<PaceWrite> {
    return this.update(pace, {
      UpdateExpression: 'SET #nextAt = #nextAt + :cost, #expiresAt = :expiresAt',
      ConditionExpression: '#nextAt >= :from AND #nextAt <= :to',
      ExpressionAttributeValues: { ':cost': number(cost), ':from': number(from), ':to': number(to) },
    });
  }

  public async restart(pace: string, nextAt: number, from: number, to: number): Promise<PaceWrite> {
    return this.update(pace, {
      UpdateExpression: 'SET #nextAt = :nextAt, #expiresAt = :expiresAt',
      ConditionExpression: 'attribute_not_exists(#nextAt) OR #nextAt < :from OR #nextAt > :to',
      ExpressionAttributeValues: { ':nextAt': number(nextAt), ':from': number(from), ':to': number(to) },
    });
  }

  private async update(
    pace: string, { ExpressionAttributeValues, ...expressions }: Pick<UpdateItemCommandInput, 'UpdateExpression' | 'ConditionExpression' | 'ExpressionAttributeValues'>,
  ): Promise<PaceWrite> {
    try {
      const { Attributes } = await this.client.send(new UpdateItemCommand({
        TableName: this.tableName,
        Key: { [JOURNAL_PARTITION_KEY]: { S: pacePartitionKey(pace) }, [JOURNAL_SORT_KEY]: { S: SORT_KEY_PACE } },
        ...expressions,
        ExpressionAttributeNames: { '#nextAt': NEXT_AT, '#expiresAt': TTL_ATTRIBUTE },
        ExpressionAttributeValues: { ...ExpressionAttributeValues, ':expiresAt': number(Math.floor(this.now() / 1000) + KEPT_SECONDS) },
        ReturnValues: 'UPDATED_NEW',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }), { abortSignal: AbortSignal.timeout(WRITE_TIMEOUT_MS) });
      return { isDone: true, nextAt: nextAtOf(Attributes) };
    } catch (error) {
      if ((error as Error).name !== 'ConditionalCheckFailedException') {
        throw error;
      }
      return { isDone: false, nextAt: nextAtOf((error as { Item?: Record<string, AttributeValue> }).Item) };
    }
  }
}

/** The limiter that all instances of a channel share through the send journal's table. */
export function dynamoSendLimiter(
  options: { readonly client: DynamoDBClient; readonly tableName: string; readonly config: SendingConfig } & Omit<PacingDependencies, 'store'>,
): SendLimiter {
  const { client, tableName, config, ...deps } = options;
  return pacedSends(config, { ...deps, store: new DynamoPaceStore(client, tableName, deps.now) });
}

function number(value: number): AttributeValue {
  return { N: String(value) };
}

function nextAtOf(item: Record<string, AttributeValue> | undefined): number | undefined {
  return item?.[NEXT_AT]?.N === undefined ? undefined : Number(item[NEXT_AT].N);
}
