import { AttributeValue, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { JOURNAL_DAYS } from '../contract/limits';
import {
  JOURNAL_PARTITION_KEY, JOURNAL_SORT_KEY, QuotaNotice, SORT_KEY_QUOTA, quotaPartitionKey, unitPartitionKey,
} from '../contract/send-journal';
import { TTL_ATTRIBUTE } from '../contract/subscriber';
import { AggregationUnits } from '../domain/line/aggregation-units';
import { QuotaNotices, quotaHour } from '../domain/line/quota';

/**
 * What instances note once for all of them in the send journal's table (see `contract/send-journal.ts`).
 * Needs `dynamodb:PutItem`. Every method throws what DynamoDB throws.
 */
export class SendNotes implements QuotaNotices, AggregationUnits {
  constructor(private readonly client: DynamoDBClient, private readonly tableName: string, private readonly now: () => number = Date.now) {}

  public async putQuotaNotice({ noticedAt, quota, used }: QuotaNotice): Promise<boolean> {
    return this.put(quotaPartitionKey(quotaHour(noticedAt)), SORT_KEY_QUOTA, {
      noticedAt: { N: String(noticedAt) },
      ...(quota !== undefined && { quota: { N: String(quota) } }),
      ...(used !== undefined && { used: { N: String(used) } }),
    });
  }

  public async putUnit(month: string, unit: string): Promise<boolean> {
    return this.put(unitPartitionKey(month), unit, {});
  }

  /** @returns whether the row is new */
  private async put(pk: string, sk: string, attributes: Record<string, AttributeValue>): Promise<boolean> {
    const expiresAt = Math.floor(this.now() / 1_000) + JOURNAL_DAYS * 24 * 60 * 60;
    try {
      await this.client.send(new PutItemCommand({
        TableName: this.tableName,
        Item: { [JOURNAL_PARTITION_KEY]: { S: pk }, [JOURNAL_SORT_KEY]: { S: sk }, ...attributes, [TTL_ATTRIBUTE]: { N: String(expiresAt) } },
        ConditionExpression: 'attribute_not_exists(#pk)',
        ExpressionAttributeNames: { '#pk': JOURNAL_PARTITION_KEY },
      }));
      return true;
    } catch (error) {
      if ((error as Error).name === 'ConditionalCheckFailedException') {
        return false;
      }
      throw error;
    }
  }
}
