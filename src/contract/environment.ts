/**
 * Names of the environment variables by which constructs configure handlers. One file for both sides, so that a name
 * cannot be written in one way and read in another.
 */

/** Key of the channel inside its subscriber table, the first part of every partition key (`<channelKey>#<person>`). */
export const ENV_CHANNEL_KEY = 'LINE_CHANNEL_KEY';

/** Value of the metric dimension `Channel`. */
export const ENV_CHANNEL_NAME = 'LINE_CHANNEL_NAME';

/** ARN of the secret that holds the LINE credentials; never a value. */
export const ENV_SECRET_ARN = 'LINE_SECRET_ARN';

/** JSON object naming the secret's own keys, `{"channelId":"…","channelSecret":"…","channelAccessToken":"…"}`. Absent: the default names. */
export const ENV_SECRET_FIELDS = 'LINE_SECRET_FIELDS';

/** Base URL of the Messaging API; absent: https://api.line.me */
export const ENV_API_BASE_URL = 'LINE_API_BASE_URL';

/** Base URL of the content and upload API; absent: https://api-data.line.me */
export const ENV_DATA_API_BASE_URL = 'LINE_DATA_API_BASE_URL';

/** URL of the FIFO queue between receiver and worker. */
export const ENV_WEBHOOK_QUEUE_URL = 'LINE_WEBHOOK_QUEUE_URL';

/** `true` when message text may pass the queue and the bus. */
export const ENV_INCLUDE_MESSAGE_TEXT = 'LINE_INCLUDE_MESSAGE_TEXT';

/** URL of the standard queue of profiles to be fetched later. */
export const ENV_PROFILE_QUEUE_URL = 'LINE_PROFILE_QUEUE_URL';

/** `true` when the profile picture's URL is stored too. */
export const ENV_PROFILE_PICTURE = 'LINE_PROFILE_PICTURE';

/** What an unfollow does: `OPT_OUT` or `DELETE`. */
export const ENV_UNSUBSCRIBE = 'LINE_UNSUBSCRIBE';

/** Name of the subscriber table. */
export const ENV_SUBSCRIBER_TABLE = 'SUBSCRIBER_TABLE_NAME';

/** Name of the send journal's table. */
export const ENV_JOURNAL_TABLE = 'SEND_JOURNAL_TABLE_NAME';

/** Name of the channel's event bus. */
export const ENV_EVENT_BUS = 'LINE_EVENT_BUS_NAME';

/** Message type that a send function was made for, by LINE's name of it, or `any`. */
export const ENV_MESSAGE_TYPE = 'LINE_MESSAGE_TYPE';

/** JSON object, where the media of each type lie: `{"image":{"bucket":"…","prefix":"image/"}}`. Absent without media. */
export const ENV_MEDIA_PLACES = 'LINE_MEDIA_PLACES';

/** How media URLs are made: `{"kind":"cloudfront","domainName":"…"}` or `{"kind":"presigned","expirySeconds":3600}`. */
export const ENV_MEDIA_DELIVERY = 'LINE_MEDIA_DELIVERY';

/** `true` when blank data sends the sample message of the type. */
export const ENV_SAMPLE_MESSAGES = 'LINE_SAMPLE_MESSAGES';

/** The webhook URL that the set-up function registers with LINE; absent when the channel has no webhook. */
export const ENV_WEBHOOK_URL = 'LINE_WEBHOOK_URL';

/** JSON array of the URLs of the audiences' FIFO queues. */
export const ENV_AUDIENCE_QUEUE_URLS = 'AUDIENCE_QUEUE_URLS';

/** Id of the Pinpoint project that an audience writes to. */
export const ENV_PINPOINT_APPLICATION_ID = 'PINPOINT_APPLICATION_ID';

/** Region of that project. */
export const ENV_PINPOINT_REGION = 'PINPOINT_REGION';

/** Bucket of templates (`templates/`) and of the bodies of batches (`batches/`). */
export const ENV_CONTENT_BUCKET = 'LINE_CONTENT_BUCKET';

/** Bucket of templates, when the user gave one; absent: the content bucket. */
export const ENV_TEMPLATE_BUCKET = 'LINE_TEMPLATE_BUCKET';

/** URL of the retry queue, which carries ids of batches. */
export const ENV_RETRY_QUEUE_URL = 'LINE_RETRY_QUEUE_URL';

/** JSON object `SendingConfig`, see `contract/sending.ts`. */
export const ENV_SENDING = 'LINE_SENDING';

/** Name of the Firehose stream of engagement events; absent when they are off. */
export const ENV_ENGAGEMENT_STREAM = 'LINE_ENGAGEMENT_STREAM';

/** JSON array of the channel's reply rules, `ReplyRule` each. Absent without rules. */
export const ENV_REPLIES = 'LINE_REPLIES';

/** Name of the table of a runner's runs. */
export const ENV_RUNS_TABLE = 'CAMPAIGN_RUNS_TABLE_NAME';

/** Bucket of a runner's chunks and results. */
export const ENV_CAMPAIGN_BUCKET = 'CAMPAIGN_BUCKET';

/** JSON object `CampaignConfig`, see `contract/campaigns.ts`. */
export const ENV_CAMPAIGN_CONFIG = 'CAMPAIGN_CONFIG';

/** JSON object `SourceNeeds`, see `contract/campaigns.ts`. */
export const ENV_SOURCE_NEEDS = 'CAMPAIGN_SOURCE_NEEDS';

/** ARN of a runner's state machine. */
export const ENV_CAMPAIGN_STATE_MACHINE = 'CAMPAIGN_STATE_MACHINE_ARN';

/** Name of the function of the channel that a runner sends through. */
export const ENV_CAMPAIGN_CHANNEL_FUNCTION = 'CAMPAIGN_CHANNEL_FUNCTION';

/** Name of the function that answers with the channel's statistics; absent when the channel has none. */
export const ENV_STATISTICS_FUNCTION = 'CAMPAIGN_STATISTICS_FUNCTION';

/** Name of the group of a runner's schedules. */
export const ENV_SCHEDULE_GROUP = 'CAMPAIGN_SCHEDULE_GROUP';

/** ARN of the role by which a schedule invokes the control function. */
export const ENV_SCHEDULE_ROLE_ARN = 'CAMPAIGN_SCHEDULE_ROLE_ARN';

/** ARN of a runner's control function, which schedules invoke; of the functions that are not it. */
export const ENV_CAMPAIGN_CONTROL_FUNCTION_ARN = 'CAMPAIGN_CONTROL_FUNCTION_ARN';

/** ARN of the topic of job notifications. */
export const ENV_NOTIFICATION_TOPIC_ARN = 'NOTIFICATION_TOPIC_ARN';

/** Bucket of an import's chunks and results. */
export const ENV_IMPORT_BUCKET = 'IMPORT_BUCKET';

/** JSON object `ImportConfig`, see `contract/imports.ts`. */
export const ENV_IMPORT_CONFIG = 'IMPORT_CONFIG';
