/** Amazon Pinpoint's custom-channel contract, the library's other seam. Every member is optional: journeys and campaigns differ and no schema is published. Source: Amazon Pinpoint, "Creating custom channels". */

export interface CustomChannelEvent {
  readonly ApplicationId?: string;
  readonly CampaignId?: string;
  readonly TreatmentId?: string;
  readonly ActivityId?: string;
  readonly ScheduledTime?: string;
  readonly JourneyId?: string;
  readonly JourneyRunId?: string;
  readonly JourneyActivityId?: string;
  /** Names a send when none of the ids above does; equal tokens are one send of a message type. */
  readonly clientToken?: string;
  /** What to send, as the marketer wrote it. */
  readonly Data?: string;
  /** Endpoint id → endpoint. */
  readonly Endpoints?: Record<string, CustomChannelEndpoint>;
}

export interface CustomChannelEndpoint {
  readonly ChannelType?: string;
  readonly Address?: string;
  readonly EndpointStatus?: string;
  readonly OptOut?: string;
  readonly [member: string]: unknown;
}

/**
 * `accepted`: LINE took it; nobody can know more. `skipped`: left out for a stated reason. `failed`: refused for good.
 * `deferred`: not decided yet, the channel's retry queue goes on with it. `unknown`: nobody can know whether LINE took it, or
 * nothing was written down and a repeat of the event must find out.
 */
export type LineStatus = 'accepted' | 'skipped' | 'failed' | 'deferred' | 'unknown';

/** What a journey can branch on. At most five attributes, values of at most 128 characters. */
export interface EndpointResult {
  readonly EventAttributes: {
    readonly LineStatus: LineStatus;
    /** Absent when accepted. */
    readonly LineErrorCode?: SendErrorCode;
    /** LINE's `x-line-request-id`, when there is one. */
    readonly LineRequestId?: string;
  };
}

/** Reply of a send function: one entry for every endpoint of the event. */
export type CustomChannelReply = Record<string, EndpointResult>;

/** Why a person was not sent to, or not for certain. `docs/runbook.md` has a section for each. */
export enum SendErrorCode {
  /** The endpoint's channel type is not `CUSTOM`. */
  NOT_CUSTOM_CHANNEL = 'NOT_CUSTOM_CHANNEL',
  /** Opted out, in the event or in the subscriber table. */
  OPTED_OUT = 'OPTED_OUT',
  /** `EndpointStatus` is `INACTIVE`, in the event or in the subscriber table. */
  INACTIVE = 'INACTIVE',
  /** Erased from the subscriber table. */
  ERASED = 'ERASED',
  /** The address is missing or not a LINE user id. */
  NOT_A_LINE_USER_ID = 'NOT_A_LINE_USER_ID',
  /** Another endpoint of the same event has the same address. */
  DUPLICATE_ADDRESS = 'DUPLICATE_ADDRESS',
  /** `Data` is blank and sample messages are off. */
  EMPTY_CONTENT = 'EMPTY_CONTENT',
  /** `Data` cannot be read as content of the function's message type. */
  INVALID_CONTENT = 'INVALID_CONTENT',
  /** A message type or template that this function does not send. */
  UNSUPPORTED_CONTENT = 'UNSUPPORTED_CONTENT',
  /** A text of more than 5,000 UTF-16 code units. */
  TEXT_TOO_LONG = 'TEXT_TOO_LONG',
  /** The media object does not exist in the bucket. */
  MEDIA_NOT_FOUND = 'MEDIA_NOT_FOUND',
  /** Extension or content type is none that LINE shows or plays for the message type. */
  MEDIA_WRONG_TYPE = 'MEDIA_WRONG_TYPE',
  /** The image, audio or video is larger than LINE allows. */
  MEDIA_TOO_LARGE = 'MEDIA_TOO_LARGE',
  /** The preview or cover, or the image that serves as its own preview, is larger than 1 MB. */
  PREVIEW_TOO_LARGE = 'PREVIEW_TOO_LARGE',
  /** The media URL is longer than LINE's 2,000 characters. */
  MEDIA_URL_TOO_LONG = 'MEDIA_URL_TOO_LONG',
  /** The secret is empty, unreadable or incomplete, or LINE refuses the credentials. */
  CREDENTIALS_UNAVAILABLE = 'CREDENTIALS_UNAVAILABLE',
  /** LINE refused the request for good (400, 403, 413, …). */
  LINE_REFUSED = 'LINE_REFUSED',
  /**
   * LINE's rate limit kept the batch back until the end of the invocation (`deferred`), or for 23 hours (`failed`); nothing
   * was sent.
   */
  LINE_RATE_LIMITED = 'LINE_RATE_LIMITED',
  /**
   * No decision by the end of the invocation: LINE may or may not have accepted, and the retry queue finds it out
   * (`deferred`). Or a table, bucket or queue failed before anything was written down: a repeat of the event sends it
   * (`unknown`).
   */
  LINE_UNDECIDED = 'LINE_UNDECIDED',
  /** 23 hours have passed without a decision: nobody can know any more. */
  LINE_UNKNOWN = 'LINE_UNKNOWN',
  /** A placeholder has no value for the person, has no default, and the content says that such people are left out. */
  MISSING_ATTRIBUTE = 'MISSING_ATTRIBUTE',
  /** The template does not exist in the content bucket, or the function may not read it. */
  TEMPLATE_NOT_FOUND = 'TEMPLATE_NOT_FOUND',
  /** LINE's `validate` operation refused the content before anything was sent. */
  LINE_REFUSED_CONTENT = 'LINE_REFUSED_CONTENT',
  /** LINE refused the person (a malformed or unknown user id); the others of the batch were sent to. */
  LINE_REFUSED_RECIPIENT = 'LINE_REFUSED_RECIPIENT',
  /** The month's quota is used up; nothing was sent. */
  LINE_QUOTA_EXCEEDED = 'LINE_QUOTA_EXCEEDED',
  /** The month's quota does not suffice for the recipients, and the channel refuses such sends (`onLowQuota`). */
  LOW_QUOTA = 'LOW_QUOTA',
  /** LINE refused several batches of the run one after the other, and the run was stopped. */
  RUN_STOPPED = 'RUN_STOPPED',
  /** Another batch of the same run has sent to the person, or is about to (`perPersonClaim`). */
  ALREADY_CLAIMED = 'ALREADY_CLAIMED',
  /** The run was paused before the person's turn (`deferred`). */
  RUN_PAUSED = 'RUN_PAUSED',
  /** The run was cancelled before the person's turn (`deferred`, for ever). */
  RUN_CANCELLED = 'RUN_CANCELLED',
  /** The time in which the run may send was over before the person's turn (`deferred`). */
  SEND_WINDOW_OVER = 'SEND_WINDOW_OVER',
  /** A channel's function that a campaign was sent through failed three times for a map of endpoints. */
  CHANNEL_FAILED = 'CHANNEL_FAILED',
}
