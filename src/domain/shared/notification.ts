/** A notification of a job for its topic. Source: Amazon SNS API reference, "Publish". */
export interface JobNotification {
  /** One fixed sentence for each kind of notification: ASCII, at most 100 characters. */
  readonly subject: string;
  /** Value of the message attribute `notification_type`, by which subscriptions filter; `finished`: of a run that sends nothing. */
  readonly type: 'started' | 'success' | 'failure' | 'finished';
  /** Goes out as JSON, in at most 256 KB. */
  readonly body: object;
}
