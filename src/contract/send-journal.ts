/**
 * The send journal's item: one per batch, which is one LINE request. Fields are only ever added.
 *
 * Table keys: `pk` = `<run id>#<shard>`, `sk` = position of the batch in the run. The shard is a hash of the position, so
 * that a run of any size spreads over `JOURNAL_SHARDS` partitions and its books are read with that many queries.
 */
import { LineStatus, SendErrorCode } from './custom-channel';

export const JOURNAL_SHARDS = 16;
export const JOURNAL_PARTITION_KEY = 'pk';
export const JOURNAL_SORT_KEY = 'sk';

/** Where a batch is. `SPLIT` is written by later versions; a reader of this version must not take it for pending. */
export enum BatchState {
  READY = 'READY',
  IN_FLIGHT = 'IN_FLIGHT',
  AMBIGUOUS = 'AMBIGUOUS',
  ACCEPTED = 'ACCEPTED',
  FAILED = 'FAILED',
  UNKNOWN = 'UNKNOWN',
  SPLIT = 'SPLIT',
}

/** A person of a batch. */
export interface BatchRecipient {
  /** Endpoint id of the event. */
  readonly id: string;
  /** LINE user id. */
  readonly to: string;
}

/** A person of the event who was left out when the batch was made. */
export interface BatchExclusion {
  readonly id: string;
  readonly status: Extract<LineStatus, 'skipped' | 'failed'>;
  readonly code: SendErrorCode;
}

export interface SendBatch {
  readonly pk: string;
  readonly sk: string;
  /** Run id + position; the retry key is the UUID v5 of it. */
  readonly batchId: string;
  readonly state: BatchState;
  /** LINE operation: path of the request, `/v2/bot/message/multicast`. */
  readonly path: string;
  /** The exact bytes of the request, frozen. */
  readonly body: string;
  /** `X-Line-Retry-Key`. */
  readonly retryKey: string;
  readonly recipients: readonly BatchRecipient[];
  readonly excluded: readonly BatchExclusion[];
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Epoch milliseconds of the first attempt, from which LINE's 24 hours may run whatever LINE answered it. */
  readonly firstAttemptAt?: number;
  /** Invocation that holds the lease. */
  readonly owner?: string;
  /** Epoch milliseconds until which nobody else may attempt the batch. */
  readonly leaseUntil?: number;
  /** True from the first attempt whose outcome LINE did not tell, for ever. */
  readonly ambiguous?: boolean;
  /** Attempts made. */
  readonly attempts: number;
  /** Set when decided. */
  readonly outcome?: { readonly code?: SendErrorCode; readonly status?: number; readonly requestId?: string };
  /** Epoch seconds, DynamoDB's time to live. */
  readonly expiresAt: number;
}
