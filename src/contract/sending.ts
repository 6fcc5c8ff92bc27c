/** Settings of the send path, from the construct to the functions. */

/** What becomes of a batch that LINE did not decide in 23 hours. */
export type UnknownOutcomePolicy = 'SET_ASIDE' | 'RESEND';

/** What a send to more people than the month's quota has left does. */
export type LowQuotaPolicy = 'SEND' | 'WARN' | 'REFUSE';

export interface SendingConfig {
  /** Multicasts a second, all instances together. */
  readonly multicastsPerSecond: number;
  /** Pushes a second, all instances together. */
  readonly pushesPerSecond: number;
  /** People a second, all operations together; absent: LINE's limits alone. */
  readonly maxRecipientsPerSecond?: number;
  readonly onLowQuota: LowQuotaPolicy;
  readonly onUnknownOutcome: UnknownOutcomePolicy;
  /** A row per person and run, so that regrouped events send to nobody twice. */
  readonly perPersonClaim: boolean;
}

/** Below LINE's 200 multicasts a second, which one must not exceed on purpose. Source: LINE, "Rate limits", "Development guidelines". */
export const DEFAULT_MULTICASTS_PER_SECOND = 180;

/** Below LINE's 2,000 pushes a second. Source: LINE, "Rate limits". */
export const DEFAULT_PUSHES_PER_SECOND = 1_800;

/** LINE's own limits, above which no setting goes. */
export const LINE_MULTICASTS_PER_SECOND = 200;
export const LINE_PUSHES_PER_SECOND = 2_000;

/** From this many recipients on a send is large: the quota is asked first unless `onLowQuota` is `SEND`. */
export const LARGE_SEND_RECIPIENTS = 500;

/** Prefix of templates in their bucket. */
export const TEMPLATE_PREFIX = 'templates/';

/** Prefix of the bodies of batches in the content bucket. */
export const BATCH_BODY_PREFIX = 'batches/';

/** Days after which the bodies of batches are deleted; a batch is decided, or unknown, and perhaps sent once more, long before. */
export const BATCH_BODY_DAYS = 7;

/** Days of template versions that were overwritten. */
export const OLD_TEMPLATE_DAYS = 365;
