import * as s3 from 'aws-cdk-lib/aws-s3';

/** What a large send (an event or a chunk of 500 people and more) does when the month's quota has fewer messages left. */
export enum LowQuota {
  /** Sends; LINE is not asked for the quota. What it refuses is tried again for 23 hours. */
  SEND = 'SEND',
  /** Sends, and warns in the log. */
  WARN = 'WARN',
  /** Sends nothing. */
  REFUSE = 'REFUSE',
}

/** What becomes of a batch that LINE has not decided for 23 hours, shortly before it forgets the batch's key. */
export enum UnknownOutcome {
  /** It is set aside as unknown: nobody gets the message twice, some people perhaps not at all. */
  SET_ASIDE = 'SET_ASIDE',
  /** It is sent once more: everybody gets the message, some people perhaps twice. */
  RESEND = 'RESEND',
}

/** How a channel sends. */
export interface LineSendingOptions {
  /**
   * Multicasts a second, all functions of the channel together: 1 to 200. LINE allows 200 and forbids to exceed that on
   * purpose; other systems that send through the same LINE channel count, too. A multicast has up to 500 recipients.
   *
   * Source: LINE, Messaging API reference, "Rate limits"; "Development guidelines".
   *
   * @default 180
   */
  readonly multicastsPerSecond?: number;

  /**
   * Pushes a second, all functions of the channel together: 1 to 2,000. Personalised content is pushed.
   *
   * Source: LINE, Messaging API reference, "Rate limits".
   *
   * @default 1800
   */
  readonly pushesPerSecond?: number;

  /**
   * People a second who get a message, to protect what the message links to: 1 to 1,000,000. What gets no turn within 23 hours fails
   * (`LINE_RATE_LIMITED`): 10 a second reach 828,000 people at most.
   *
   * @default - as many as LINE's limits allow
   */
  readonly maxRecipientsPerSecond?: number;

  /**
   * What a large send does when the month's quota does not suffice.
   *
   * @default LowQuota.WARN
   */
  readonly onLowQuota?: LowQuota;

  /**
   * What becomes of a batch that LINE does not decide.
   *
   * @default UnknownOutcome.SET_ASIDE
   */
  readonly onUnknownOutcome?: UnknownOutcome;

  /**
   * Whether each person is claimed for one batch of a run. Repeats of an event are recognised without it as long as they have
   * the same people; with it, also an event whose people were grouped anew sends to nobody twice. Costs a write per person and
   * run, about 1.25 USD for a million.
   *
   * @default false
   */
  readonly perPersonClaim?: boolean;

  /**
   * Whether a line per person is written for every send, `_campaign.send` or `_journey.send` in Amazon Pinpoint's event-stream
   * form, through Amazon Data Firehose to a bucket (prefix `events/`), for queries that were written for Pinpoint's stream.
   *
   * @default false
   */
  readonly engagementEvents?: boolean;

  /**
   * Existing bucket of the engagement events, in the channel's region; import an encrypted one with its key. Only together with
   * `engagementEvents`. It cannot be a bucket that media have to themselves, since media links lead to everything in that.
   *
   * @default - a bucket is made: private, TLS only, encrypted, retained
   */
  readonly engagementBucket?: s3.IBucket;

  /**
   * Existing bucket of templates, which lie in it as `templates/<name>.json`, in the channel's region; import an encrypted one with its
   * key. It should be versioned, and cannot be a bucket that media have to themselves, since media links lead to everything in that.
   * Given later, it takes the place of the channel's own bucket: templates that lie there are not found any more, so copy them before.
   *
   * @default - the channel's own content bucket
   */
  readonly templateBucket?: s3.IBucket;
}
