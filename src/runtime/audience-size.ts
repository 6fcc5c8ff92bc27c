import { DescribeTableCommand, DynamoDBClient, QueryCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { HeadObjectCommand, S3Client, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { RecipientReaderOptions } from './recipient-reader';
import { SUBSCRIBER_PARTITION_KEY, TAG_SHARDS, tagPartitionKey } from '../contract/subscriber';
import { AudienceSize, ListedObject } from '../domain/campaigns/plan-recipients';

/** Shares of the table that are counted for an estimate; the smaller one when a page, 1 MB, does not hold the larger. */
const SAMPLES = [64, 4_096];

/** Of a row, when the table's description does not tell yet. */
const ROW_BYTES = 500;

/**
 * How much there is to read. A table's description is up to six hours old, so that a share of the table is counted, too: the first
 * campaign often comes right after the import. Source: Amazon DynamoDB API reference, "TableDescription", `ItemCount`.
 *
 * Needs `dynamodb:DescribeTable`, `dynamodb:Scan`, `dynamodb:Query`; for lists `s3:GetObject` and `s3:ListBucket`.
 * Throws what DynamoDB and S3 throw.
 */
export class DynamoAudienceSize implements AudienceSize {
  constructor(private readonly dynamo: () => DynamoDBClient, private readonly s3: () => S3Client, private readonly options: RecipientReaderOptions) {}

  public async table(): Promise<{ readonly rows: number; readonly bytes: number }> {
    const { tableName } = this.options;
    const { Table: { ItemCount = 0, TableSizeBytes = 0 } = {} } = await this.dynamo().send(new DescribeTableCommand({ TableName: tableName }));
    const rows = Math.max(ItemCount, await this.counted());
    return { rows, bytes: Math.ceil(rows * (ItemCount > 0 && TableSizeBytes > 0 ? TableSizeBytes / ItemCount : ROW_BYTES)) };
  }

  public async tag(tag: string): Promise<number> {
    const { Count = 0 } = await this.dynamo().send(new QueryCommand({
      TableName: this.options.tableName,
      Select: 'COUNT',
      KeyConditionExpression: '#pk = :pk',
      ExpressionAttributeNames: { '#pk': SUBSCRIBER_PARTITION_KEY },
      ExpressionAttributeValues: { ':pk': { S: tagPartitionKey(this.options.channelKey, tag, 0) } },
    }));
    return Count * TAG_SHARDS;
  }

  public async list(bucket: string, key: string): Promise<ListedObject | undefined> {
    try {
      const { ContentLength = 0 } = await this.s3().send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
      return { key, bytes: ContentLength };
    } catch (error) {
      if ((error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode === 404) {
        return undefined;
      }
      throw error;
    }
  }

  public async *lists(bucket: string, prefix: string): AsyncGenerator<ListedObject> {
    for await (const { Contents = [] } of paginateListObjectsV2({ client: this.s3() }, { Bucket: bucket, Prefix: prefix })) {
      for (const { Key = '', Size = 0 } of Contents) {
        if (Size > 0 && !Key.endsWith('/')) {
          yield { key: Key, bytes: Size };
        }
      }
    }
  }

  private async counted(): Promise<number> {
    let rows = 0;
    for (const totalSegments of SAMPLES) {
      const { Count = 0, LastEvaluatedKey } = await this.dynamo().send(new ScanCommand({
        TableName: this.options.tableName, Select: 'COUNT', Segment: 0, TotalSegments: totalSegments,
      }));
      rows = Math.max(rows, Count * totalSegments);
      if (!LastEvaluatedKey) {
        break;
      }
    }
    return rows;
  }
}
