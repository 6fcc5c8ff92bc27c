/**
 * The subscriber record: Amazon Pinpoint's endpoint shape, stored in DynamoDB. It is one of the library's two seams;
 * fields are only ever added.
 *
 * Table keys: `pk` (string), `sk` (string). Rows:
 *
 * | pk | sk | what |
 * | --- | --- | --- |
 * | `<channelKey>#<LINE user id>` | `ENDPOINT` | a subscriber, or the tombstone of an erased one |
 * | `CHANNEL#<channelKey>` | `CHANNEL` | the channel: `botUserId` |
 * | `EVENT#<channelKey>#<webhookEventId>` | `EVENT` | a handled webhook event, `expiresAt` 15 days on |
 * | `TAG#<channelKey>#<tag>#<shard>` | `<LINE user id>` | the subscriber has the tag: `TagRow` |
 *
 * The shard of a tag's row is a hash of the user id, so that a tag of millions spreads over `TAG_SHARDS` partitions. The
 * subscriber's row lists the tags as the string set `tags`, so that an erasure finds them.
 *
 * A channel key is lower case, so that it cannot meet `CHANNEL`, `EVENT` or `TAG`.
 */

export const SUBSCRIBER_PARTITION_KEY = 'pk';
export const SUBSCRIBER_SORT_KEY = 'sk';
/** Time-to-live attribute of both tables, in epoch seconds. */
export const TTL_ATTRIBUTE = 'expiresAt';

export const SORT_KEY_ENDPOINT = 'ENDPOINT';
export const SORT_KEY_CHANNEL = 'CHANNEL';
export const SORT_KEY_EVENT = 'EVENT';

/** Lower case letters, digits and hyphens, at most 32. */
export const CHANNEL_KEY_PATTERN = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** The key of a channel that made its own table. */
export const DEFAULT_CHANNEL_KEY = 'line';

export function subscriberPartitionKey(channelKey: string, lineUserId: string): string {
  return `${channelKey}#${lineUserId}`;
}

export function channelPartitionKey(channelKey: string): string {
  return `CHANNEL#${channelKey}`;
}

export function eventPartitionKey(channelKey: string, webhookEventId: string): string {
  return `EVENT#${channelKey}#${webhookEventId}`;
}

/** Partitions of a tag's rows. Never changed: rows would not be found again. */
export const TAG_SHARDS = 32;

/** Letters of any script, digits, space and `_.-`, 1 to 64 characters; `#` would end the part of the key. */
export const TAG_PATTERN = /^[\p{L}\p{M}\p{N}_.-](?:[\p{L}\p{M}\p{N} _.-]{0,62}[\p{L}\p{M}\p{N}_.-])?$/u;

/** What the keys of all tags' rows begin with. */
export const TAG_KEY_PREFIX = 'TAG#';

export function tagPartitionKey(channelKey: string, tag: string, shard: number): string {
  return `${TAG_KEY_PREFIX}${channelKey}#${tag}#${shard}`;
}

/** A row that says that a subscriber has a tag. */
export interface TagRow {
  readonly pk: string;
  /** LINE user id. */
  readonly sk: string;
  /** Epoch milliseconds when it was last given. */
  readonly taggedAt: number;
  /** Id of the import that gave it last. */
  readonly importId?: string;
}

/** Amazon Pinpoint's endpoint (EndpointRequest), as far as this library writes it. Attribute values are always lists. */
export interface SubscriberEndpoint {
  /** LINE user id. */
  readonly Address: string;
  readonly ChannelType: 'CUSTOM';
  /** `ALL`: wants nothing. `NONE`: wants everything. */
  readonly OptOut: 'ALL' | 'NONE';
  readonly EndpointStatus: 'ACTIVE' | 'INACTIVE';
  /** ISO 8601, time of the last change of the subscription, LINE's clock. */
  readonly EffectiveDate: string;
  /** ISO 8601, time of the first event known of the person. */
  readonly CreationDate?: string;
  readonly User?: {
    readonly UserId?: string;
    /** `DisplayName`, `Language` (BCP 47), and, when asked for, `PictureUrl`. */
    readonly UserAttributes?: Record<string, string[]>;
  };
  readonly Attributes?: Record<string, string[]>;
  readonly Metrics?: Record<string, number>;
  readonly Location?: Record<string, string | number>;
  readonly Demographic?: Record<string, string>;
}

/** A row of the table with sort key `ENDPOINT`. */
export interface SubscriberRow extends Partial<SubscriberEndpoint> {
  readonly pk: string;
  readonly sk: typeof SORT_KEY_ENDPOINT;
  /** Subscription clock: LINE's event time in epoch milliseconds, 0 when only an imported file says that the person is in … */
  readonly subscriptionAt: number;
  /** … and, for equal times, the greater event id wins. */
  readonly subscriptionEventId: string;
  /** Attributes' clock: epoch milliseconds when the profile was read. */
  readonly attributesAt?: number;
  /** Tags, as a string set. */
  readonly tags?: ReadonlySet<string>;
  /** Attributes' clock of imports: epoch milliseconds of the newest imported row. */
  readonly importedAt?: number;
  /** The imported row that `importedAt` is of: `#<import id>#<line>`. */
  readonly importedBy?: string;
  /** Present and true on a tombstone: nothing else of the person is kept. A re-follow removes it. */
  readonly erased?: true;
}

/**
 * What an audience is told, as the body of an SQS message, once per change and in order per person.
 * `UPSERT` carries the whole endpoint as it was then; `ERASE` carries none. A message that lay in a dead-letter queue may be
 * older than what the audience took since: the clocks, which are the row's, tell. They are absent when the row was deleted.
 */
export interface SubscriberChange {
  readonly channelKey: string;
  /** LINE user id, which is also the endpoint id. */
  readonly subscriberId: string;
  readonly change: 'UPSERT' | 'ERASE';
  readonly endpoint?: SubscriberEndpoint;
  /** Subscription clock, see {@link SubscriberRow}: epoch milliseconds … */
  readonly subscriptionAt?: number;
  /** … and, for equal times, the greater event id is the newer. */
  readonly subscriptionEventId?: string;
  /** Attributes' clock: epoch milliseconds when the profile was read. */
  readonly attributesAt?: number;
}
