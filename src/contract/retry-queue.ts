/** Body of a message in the retry queue: names a batch of the send journal, and nothing else. Fields are only ever added. */
export interface RetryRequest {
  readonly pk: string;
  readonly sk: string;
  /** How often the batch has come through the queue undecided. */
  readonly attempt?: number;
}

/**
 * Seconds until a batch is looked after that was not decided in its invocation: the longest invocation of a send function, the
 * margin of its lease, and some more.
 */
export const WAKE_UP_SECONDS = 30;

/** Longest delay of a message. Source: Amazon SQS, "Amazon SQS message timers". */
export const MAX_RETRY_SECONDS = 900;
