import type { Readable } from 'node:stream';
import { AttributeValue, BatchGetItemCommand, DynamoDBClient, paginateQuery, paginateScan } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { textLines } from './text-lines';
import {
  SORT_KEY_ENDPOINT, SUBSCRIBER_PARTITION_KEY, SUBSCRIBER_SORT_KEY, subscriberPartitionKey, tagPartitionKey,
} from '../contract/subscriber';
import { ROW_MEMBERS } from '../domain/campaigns/endpoint-members';
import { KnownSubscriber, RecipientReader } from '../domain/campaigns/read-recipients';
import { RecipientListError } from '../domain/campaigns/recipient-list';
import { sideBySide } from '../domain/campaigns/side-by-side';
import { fromAttributeMap } from '../domain/shared/attribute-value';

type Item = Record<string, AttributeValue>;

/** Keys of one request. Source: Amazon DynamoDB, "BatchGetItem". */
const MAX_KEYS = 100;

/** Requests at a time. */
const PARALLEL_REQUESTS = 10;

/** Requests for the same keys, the first included, before it is given up. */
const MAX_ATTEMPTS = 10;
const BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 5_000;

/** Milliseconds without a byte after which a list is given up. */
const STALL_MS = 60_000;

/** What of a row recipients take; segments ask for the channel, too. */
const MEMBERS = [SUBSCRIBER_PARTITION_KEY, 'erased', 'ChannelType', ...ROW_MEMBERS];
const PROJECTION = {
  ProjectionExpression: MEMBERS.map((name) => `#${name}`).join(', '),
  ExpressionAttributeNames: Object.fromEntries(MEMBERS.map((name) => [`#${name}`, name])),
};

export interface RecipientReaderOptions {
  readonly tableName: string;
  readonly channelKey: string;
}

/**
 * Recipients from the subscriber table of one channel and from lists in S3. Needs `dynamodb:Scan`, `dynamodb:Query`,
 * `dynamodb:BatchGetItem`, and `s3:GetObject` for the lists. Reads eventually consistently: who opted out a moment ago is found before
 * a batch is sent. Throws what DynamoDB and S3 throw.
 */
export class DynamoRecipientReader implements RecipientReader {
  private readonly keyPrefix: string;

  constructor(
    private readonly dynamo: () => DynamoDBClient,
    private readonly s3: () => S3Client,
    private readonly options: RecipientReaderOptions,
    private readonly sleep: (milliseconds: number) => Promise<unknown>,
  ) {
    this.keyPrefix = subscriberPartitionKey(options.channelKey, '');
  }

  public async *scan(segment: number, totalSegments: number): AsyncGenerator<readonly KnownSubscriber[]> {
    const pages = paginateScan({ client: this.dynamo() }, {
      TableName: this.options.tableName,
      Segment: segment,
      TotalSegments: totalSegments,
      ProjectionExpression: PROJECTION.ProjectionExpression,
      FilterExpression: `#sk = :endpoint AND begins_with(#${SUBSCRIBER_PARTITION_KEY}, :channel)`,
      ExpressionAttributeNames: { ...PROJECTION.ExpressionAttributeNames, '#sk': SUBSCRIBER_SORT_KEY },
      ExpressionAttributeValues: { ':endpoint': { S: SORT_KEY_ENDPOINT }, ':channel': { S: this.keyPrefix } },
    });
    for await (const { Items = [] } of pages) {
      yield Items.map((item) => this.subscriber(item));
    }
  }

  public async *tagged(tag: string, shard: number): AsyncGenerator<readonly string[]> {
    const pages = paginateQuery({ client: this.dynamo() }, {
      TableName: this.options.tableName,
      KeyConditionExpression: '#pk = :pk',
      ProjectionExpression: '#sk',
      ExpressionAttributeNames: { '#pk': SUBSCRIBER_PARTITION_KEY, '#sk': SUBSCRIBER_SORT_KEY },
      ExpressionAttributeValues: { ':pk': { S: tagPartitionKey(this.options.channelKey, tag, shard) } },
    });
    for await (const { Items = [] } of pages) {
      yield Items.map(({ [SUBSCRIBER_SORT_KEY]: { S } }) => S!);
    }
  }

  /** @throws also when DynamoDB keeps leaving keys unread: without the answer nobody is frozen */
  public async find(lineUserIds: readonly string[]): Promise<readonly KnownSubscriber[]> {
    const starts = Array.from({ length: Math.ceil(lineUserIds.length / MAX_KEYS) }, (_, index) => index * MAX_KEYS);
    const found: KnownSubscriber[] = [];
    await sideBySide(starts, PARALLEL_REQUESTS, async (start) => {
      found.push(...await this.batchGet(lineUserIds.slice(start, start + MAX_KEYS).map((id) => this.key(id))));
    });
    return found;
  }

  public async *lines(bucket: string, key: string): AsyncGenerator<readonly string[]> {
    const name = `list s3://${bucket}/${key}`;
    let body: Readable;
    try {
      body = (await this.s3().send(new GetObjectCommand({ Bucket: bucket, Key: key }))).Body as Readable;
    } catch (error) {
      if ((error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode === 404) {
        throw new RecipientListError(`${name} does not exist any more; upload it, then resume the run`);
      }
      throw error;
    }
    yield* textLines(body, name, STALL_MS);
  }

  private async batchGet(keys: Item[]): Promise<KnownSubscriber[]> {
    const found: KnownSubscriber[] = [];
    let unread = keys;
    for (let attempt = 1; ; attempt++) {
      const { Responses, UnprocessedKeys } = await this.dynamo().send(new BatchGetItemCommand({
        RequestItems: { [this.options.tableName]: { Keys: unread, ...PROJECTION } },
      }));
      // One table was asked for; DynamoDB may name it otherwise than we did.
      found.push(...Object.values(Responses ?? {}).flat().map((item) => this.subscriber(item)));
      unread = Object.values(UnprocessedKeys ?? {}).flatMap(({ Keys = [] }) => Keys);
      if (unread.length === 0) {
        return found;
      }
      if (attempt === MAX_ATTEMPTS) {
        throw new Error(`DynamoDB left ${unread.length} subscribers of table ${this.options.tableName} unread ${MAX_ATTEMPTS} times: the table is throttled; give it more capacity`);
      }
      await this.sleep(Math.min(BACKOFF_MS * 2 ** attempt, MAX_BACKOFF_MS));
    }
  }

  private subscriber({ [SUBSCRIBER_PARTITION_KEY]: { S: pk = '' }, ...item }: Item): KnownSubscriber {
    return { id: pk.slice(this.keyPrefix.length), row: fromAttributeMap(item) };
  }

  private key(id: string): Item {
    return { [SUBSCRIBER_PARTITION_KEY]: { S: this.keyPrefix + id }, [SUBSCRIBER_SORT_KEY]: { S: SORT_KEY_ENDPOINT } };
  }
}
