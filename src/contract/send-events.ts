/** What the sender says on the channel's bus. Fields are only ever added. No message text, no profile. */
import { SendErrorCode } from './custom-channel';
import { BatchState, RunSource } from './send-journal';

/** `source` of every event on the channel's bus that came from the sender. */
export const SEND_EVENT_SOURCE = 'line.sender';

/** Detail types. */
export enum SendEventType {
  /** A batch was decided: `SendBatchDetail`. */
  BATCH_DECIDED = 'SendBatchDecided',
  /** No further batch of a run is attempted: `SendRunStoppedDetail`. */
  RUN_STOPPED = 'SendRunStopped',
  /** The month's quota is used up: `QuotaExhaustedDetail`. */
  QUOTA_EXHAUSTED = 'QuotaExhausted',
}

/** Recipients by outcome. */
export interface SendCounts {
  readonly accepted: number;
  readonly skipped: number;
  readonly failed: number;
  readonly unknown: number;
}

/** At least once per batch; consumers deduplicate by `batchId`. */
export interface SendBatchDetail {
  readonly channelKey: string;
  readonly runId: string;
  readonly source?: RunSource;
  readonly batchId: string;
  readonly state: BatchState;
  /** People of a batch's children are counted by the children. */
  readonly counts: SendCounts;
  /** Why people were left out, refused or are unknown: code → how many. */
  readonly reasons: { readonly [code in SendErrorCode]?: number };
  /** LINE's status of a refusal. */
  readonly status?: number;
  /** LINE's request ids of accepted calls, at most ten. */
  readonly requestIds: readonly string[];
  readonly aggregationUnit?: string;
  /** ISO 8601. */
  readonly decidedAt: string;
}

export interface SendRunStoppedDetail {
  readonly channelKey: string;
  readonly runId: string;
  readonly code: SendErrorCode;
}

export interface QuotaExhaustedDetail {
  readonly channelKey: string;
  /** ISO 8601. */
  readonly noticedAt: string;
  /** Messages of the month, and how many of them are used. */
  readonly quota?: number;
  readonly used?: number;
}
