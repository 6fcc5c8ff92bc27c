/** Limits of LINE and AWS that both sides of the library must know. Each with the document that states it. */

/** LINE user id. Source: LINE, "Get user IDs". */
export const LINE_USER_ID_PATTERN = /^U[0-9a-f]{32}$/;

/** Recipients of one multicast. Source: LINE, Messaging API reference, "Send multicast message". */
export const MULTICAST_MAX_RECIPIENTS = 500;

/** Message objects of one request. Source: LINE, Messaging API reference, `messages`. */
export const MAX_MESSAGES_PER_REQUEST = 5;

/** Length of a text message in UTF-16 code units. Source: LINE, "Text message", "Character counting". */
export const MAX_TEXT_LENGTH = 5_000;

/** Length of a media URL. Source: LINE, "Image message", "Video message", "Audio message". */
export const MAX_URL_LENGTH = 2_000;

/** Length of a webhook URL. Source: LINE, "Set webhook endpoint URL". */
export const MAX_WEBHOOK_URL_LENGTH = 500;

/** Bytes of an image. Source: LINE, "Image message". */
export const MAX_IMAGE_BYTES = 10 * 1024 * 1024;

/** Bytes of a preview image. Source: LINE, "Image message", "Video message". */
export const MAX_PREVIEW_BYTES = 1024 * 1024;

/** Bytes of a sender's, a quick reply's or a flex message's icon. Source: LINE, "Change icon and display name", "Quick reply button object", Flex Message "Icon". */
export const MAX_ICON_BYTES = 1024 * 1024;

/** Bytes of an animated image of a flex message; a larger one does not move. Source: LINE, Messaging API reference, Flex Message "Image", `animated`. */
export const MAX_ANIMATED_IMAGE_BYTES = 300 * 1024;

/** Bytes of a video or an audio file. Source: LINE, "Video message", "Audio message". */
export const MAX_AUDIO_VIDEO_BYTES = 200 * 1024 * 1024;

/** Bytes of an S3 object key, with the prefix of its type. Source: Amazon S3, "Naming Amazon S3 objects". */
export const MAX_KEY_BYTES = 1_024;

/** Hours during which LINE knows a retry key. Source: LINE, "Retry an API request". */
export const RETRY_KEY_HOURS = 24;

/** Hours after the first attempt when an undecided batch is given up as unknown: an hour before LINE forgets its key. */
export const RETRY_KEY_SAFE_HOURS = 23;

/** Milliseconds that Pinpoint waits for a channel function. Source: Amazon Pinpoint, "Quotas", Lambda quotas. */
export const PINPOINT_WAIT_MS = 15_000;

/** Endpoints of one Pinpoint invocation. Source: Amazon Pinpoint, "Creating custom channels". */
export const PINPOINT_MAX_ENDPOINTS = 50;

/** Characters of an event attribute's value in a journey reply. Source: Amazon Pinpoint, "Quotas". */
export const PINPOINT_MAX_EVENT_ATTRIBUTE_LENGTH = 128;

/** Characters of the name of a custom attribute, a metric or a user attribute of an endpoint. Source: Amazon Pinpoint, "Quotas", endpoint quotas. */
export const PINPOINT_MAX_ATTRIBUTE_NAME_LENGTH = 50;

/** Characters of an attribute's value of an endpoint. Source: Amazon Pinpoint, "Quotas", endpoint quotas. */
export const PINPOINT_MAX_ATTRIBUTE_VALUE_LENGTH = 100;

/** Values of one attribute of an endpoint. Source: Amazon Pinpoint, "Quotas", endpoint quotas. */
export const PINPOINT_MAX_ATTRIBUTE_VALUES = 50;

/** Longest life of credentials that a Lambda role can sign a URL with. Source: IAM, "Maximum session duration" (12 hours). */
export const MAX_PRESIGNED_SECONDS = 12 * 60 * 60;

/** Days that a handled event's id is remembered, to drop late redeliveries. */
export const EVENT_MARKER_DAYS = 15;

/** Days that an item of the send journal is kept. */
export const JOURNAL_DAYS = 90;

/** Entries of one SendMessageBatch. Source: Amazon SQS, "SendMessageBatch". */
export const SQS_MAX_BATCH_ENTRIES = 10;

/**
 * Bytes of one SendMessageBatch, all entries together. SQS takes 1 MiB since August 2025, 256 KiB before and in some
 * regions and stand-ins still; the lower figure holds everywhere.
 */
export const SQS_MAX_BATCH_BYTES = 256 * 1024;
