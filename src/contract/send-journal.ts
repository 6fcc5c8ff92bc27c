/**
 * Rows of the send journal's table. Fields are only ever added.
 *
 * | pk | sk | what |
 * | --- | --- | --- |
 * | `<run id>#<shard>` | position of the batch in the run | a batch: `SendBatch` |
 * | `<run id>#RUN` | `RUN` | what the batches of a run share: `SendRun` |
 * | `<run id>#CLAIM#<LINE user id>` | `CLAIM` | the person belongs to one batch of the run (`perPersonClaim`) |
 * | `PACE#<operation>` | `PACE` | when the next request of that kind may go out |
 * | `QUOTA#<yyyy-mm-ddThh>` | `QUOTA` | LINE said in that hour (UTC) that the month's quota is used up: `QuotaNotice` |
 * | `UNIT#<yyyy-mm>` | `<aggregation unit>` | the unit was used in that month (LINE's time zone, UTC+9) |
 *
 * The shard is a hash of the position, so that a run of any size spreads over `JOURNAL_SHARDS` partitions and its books are
 * read with that many queries. Run ids begin with a lower case word and a slash, so that no run meets the other rows.
 */
import { LineStatus, SendErrorCode } from './custom-channel';

export const JOURNAL_SHARDS = 16;
export const JOURNAL_PARTITION_KEY = 'pk';
export const JOURNAL_SORT_KEY = 'sk';

export const SORT_KEY_RUN = 'RUN';
export const SORT_KEY_CLAIM = 'CLAIM';
export const SORT_KEY_PACE = 'PACE';
export const SORT_KEY_QUOTA = 'QUOTA';

export function runPartitionKey(runId: string): string {
  return `${runId}#RUN`;
}

export function claimPartitionKey(runId: string, lineUserId: string): string {
  return `${runId}#CLAIM#${lineUserId}`;
}

export function pacePartitionKey(operation: string): string {
  return `PACE#${operation}`;
}

/** @param hour ISO 8601 up to the hour, UTC: `2026-11-23T04` */
export function quotaPartitionKey(hour: string): string {
  return `QUOTA#${hour}`;
}

/** @param month `2026-11`, in LINE's time zone */
export function unitPartitionKey(month: string): string {
  return `UNIT#${month}`;
}

/** Where a batch is. */
export enum BatchState {
  /** Nothing was sent. */
  READY = 'READY',
  /** Somebody is at work on it, until the lease is over. */
  IN_FLIGHT = 'IN_FLIGHT',
  /** LINE may or may not have taken at least one of its calls. */
  AMBIGUOUS = 'AMBIGUOUS',
  /** Decided: LINE took every call. */
  ACCEPTED = 'ACCEPTED',
  /** Decided: no call was taken, nor will be. */
  FAILED = 'FAILED',
  /** Decided as far as it ever will be: nobody can know about any call. */
  UNKNOWN = 'UNKNOWN',
  /** Other batches, its children, took everybody over. */
  SPLIT = 'SPLIT',
  /** Decided: its calls ended differently, see `calls`; or nobody was left to call LINE for. */
  DECIDED = 'DECIDED',
}

/** States in which nothing more happens to the item. */
export const DECIDED_STATES: readonly BatchState[] =
  [BatchState.ACCEPTED, BatchState.FAILED, BatchState.UNKNOWN, BatchState.SPLIT, BatchState.DECIDED];

/** Where one call of a batch is, one character each, so that a batch of 500 takes 500 bytes. */
export enum CallState {
  /** Not taken by LINE, for certain. */
  READY = '-',
  /** LINE may have taken it. */
  AMBIGUOUS = '?',
  ACCEPTED = 'A',
  FAILED = 'F',
  UNKNOWN = 'U',
  /** A child batch took its people over. */
  SPLIT = 'S',
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

/** Who asked for the run: the ids of the event, for reports. All of them are texts of the caller. */
export interface RunSource {
  readonly origin: 'campaign' | 'journey' | 'direct';
  readonly application?: string;
  readonly campaign?: string;
  readonly treatment?: string;
  readonly activity?: string;
  readonly journey?: string;
  readonly journeyRun?: string;
  readonly journeyActivity?: string;
}

/**
 * A batch: one call to LINE, or up to 500 of them when the content differs from person to person. A call with one person is a
 * push when the batch has several calls; every other call is a multicast.
 */
export interface SendBatch {
  readonly pk: string;
  readonly sk: string;
  readonly runId: string;
  /** Run id + position. */
  readonly batchId: string;
  /**
   * `X-Line-Retry-Key` of a batch with one call: the UUID v5 of the batch id. Of several calls each has the UUID v5 of its
   * number, with this one as the namespace.
   */
  readonly retryKey: string;
  readonly state: BatchState;
  /** A `CallState` each. Empty when nobody is left to call LINE for. */
  readonly calls: string;
  /** How many of `recipients` each call has, in order. */
  readonly sizes: readonly number[];
  /** In the order of the calls. */
  readonly recipients: readonly BatchRecipient[];
  readonly excluded: readonly BatchExclusion[];
  /** Members of the request's body besides `to`, without the braces: the exact bytes, frozen. Of every call. Or else: */
  readonly content?: string;
  /** Key of the object that holds one such text a line, in the content bucket … */
  readonly contentKey?: string;
  /** … and the line of each call. */
  readonly lines?: readonly number[];
  readonly source?: RunSource;
  /** `customAggregationUnits`, if the content has one. */
  readonly aggregationUnit?: string;
  /** People are to be claimed before the first attempt. */
  readonly unclaimed?: true;
  /** The retry queue alone goes on with it. */
  readonly deferred?: true;
  /** Batch id of the batch that it is a part of, or a second sending of. */
  readonly parent?: string;
  /** Positions of the batches that took its people over. */
  readonly children?: readonly string[];
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Epoch milliseconds of the first attempt, from which LINE's 24 hours may run whatever LINE answered it. */
  readonly firstAttemptAt?: number;
  /** Invocation that holds the lease. */
  readonly owner?: string;
  /** Epoch milliseconds until which nobody else may attempt the batch. */
  readonly leaseUntil?: number;
  /** How often it was claimed. */
  readonly attempts: number;
  /** Why its failed or unknown calls are; and LINE's status, if LINE gave one. */
  readonly outcome?: { readonly code?: SendErrorCode; readonly status?: number };
  /** LINE's request id of each accepted call, `''` for the others. Absent until one is accepted. */
  readonly requestIds?: readonly string[];
  /** Epoch milliseconds when it was decided. */
  readonly decidedAt?: number;
  /** Epoch seconds, DynamoDB's time to live. */
  readonly expiresAt: number;
}

/** What the batches of a run share. */
export interface SendRun {
  readonly runId: string;
  /** Why no further batch of the run is attempted. */
  readonly stopped?: SendErrorCode;
  /** Batches that LINE refused whole, one after the other. */
  readonly refusedInRow: number;
  /** Calls that the halving of refused batches has cost. */
  readonly splitCalls: number;
  /** Ids of contents that LINE's `validate` operation has found right. */
  readonly validated: readonly string[];
}

/** LINE said that the month's quota is used up. */
export interface QuotaNotice {
  /** Epoch milliseconds. */
  readonly noticedAt: number;
  /** Messages of the month, and how many of them are used. */
  readonly quota?: number;
  readonly used?: number;
}
