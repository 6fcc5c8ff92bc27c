import { AttributeValue, BatchGetItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SendErrorCode } from '../contract/custom-channel';
import { SORT_KEY_ENDPOINT, SUBSCRIBER_PARTITION_KEY, SUBSCRIBER_SORT_KEY, subscriberPartitionKey } from '../contract/subscriber';
import { Subscriptions } from '../domain/line/send-batch';

type Item = Record<string, AttributeValue>;

/** Keys of one request. Source: Amazon DynamoDB, "BatchGetItem". */
const MAX_KEYS = 100;

/** Requests for the same keys, the first included, before it is given up. */
const MAX_ATTEMPTS = 5;

const BACKOFF_MS = 50;

/**
 * Why subscribers of one channel must not be sent to, from the subscriber table. Needs `dynamodb:BatchGetItem`.
 * Reads consistently: who opted out a moment ago is not sent to.
 */
export class SubscriptionReader implements Subscriptions {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
    private readonly channelKey: string,
    private readonly sleep: (milliseconds: number) => Promise<void>,
  ) {}

  /** @throws what DynamoDB throws, and an error when it keeps leaving keys unprocessed: without the answer nobody is sent to */
  public async exclusions(lineUserIds: readonly string[]): Promise<ReadonlyMap<string, SendErrorCode>> {
    const ids = [...new Set(lineUserIds)];
    const chunks = Array.from({ length: Math.ceil(ids.length / MAX_KEYS) }, (_, index) => ids.slice(index * MAX_KEYS, (index + 1) * MAX_KEYS));
    const rows = (await Promise.all(chunks.map((chunk) => this.read(chunk.map((id) => this.key(id)))))).flat();
    const idOf = new Map(ids.map((id) => [subscriberPartitionKey(this.channelKey, id), id]));
    return new Map(rows.flatMap((row) => {
      const code = exclusionOf(row);
      return code ? [[idOf.get(row[SUBSCRIBER_PARTITION_KEY].S!)!, code] as const] : [];
    }));
  }

  private key(id: string): Item {
    return { [SUBSCRIBER_PARTITION_KEY]: { S: subscriberPartitionKey(this.channelKey, id) }, [SUBSCRIBER_SORT_KEY]: { S: SORT_KEY_ENDPOINT } };
  }

  private async read(keys: Item[], attempt = 1): Promise<Item[]> {
    const { Responses, UnprocessedKeys } = await this.client.send(new BatchGetItemCommand({
      RequestItems: {
        [this.tableName]: {
          Keys: keys,
          ConsistentRead: true,
          ProjectionExpression: '#pk, OptOut, EndpointStatus, erased',
          ExpressionAttributeNames: { '#pk': SUBSCRIBER_PARTITION_KEY },
        },
      },
    }));
    // One table was asked for; DynamoDB may name it otherwise than we did.
    const rows = Object.values(Responses ?? {}).flat();
    const unread = Object.values(UnprocessedKeys ?? {}).flatMap(({ Keys = [] }) => Keys);
    if (unread.length === 0) {
      return rows;
    }
    if (attempt === MAX_ATTEMPTS) {
      throw new Error(`DynamoDB left ${unread.length} subscribers of table ${this.tableName} unread ${MAX_ATTEMPTS} times: the table is throttled; nothing was sent`);
    }
    await this.sleep(BACKOFF_MS * 2 ** attempt);
    return [...rows, ...await this.read(unread, attempt + 1)];
  }
}

function exclusionOf({ OptOut, EndpointStatus, erased }: Item): SendErrorCode | undefined {
  if (erased?.BOOL) {
    return SendErrorCode.ERASED;
  }
  if (OptOut?.S === 'ALL') {
    return SendErrorCode.OPTED_OUT;
  }
  return EndpointStatus?.S === 'INACTIVE' ? SendErrorCode.INACTIVE : undefined;
}
