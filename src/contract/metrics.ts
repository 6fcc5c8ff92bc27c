/** CloudWatch namespace of every metric of this library. */
export const METRIC_NAMESPACE = 'LinePinpoint';

/** The one dimension of every metric: the channel. */
export const METRIC_DIMENSION = 'Channel';

/**
 * Metric names, all counts. Dashboards and alarms of users depend on them: they are never renamed.
 * `MessagesX` count recipients, as LINE bills them.
 */
export enum Metric {
  /** Webhook requests with a wrong, missing or forged signature (answered 401). */
  SIGNATURES_REJECTED = 'SignaturesRejected',
  /** Requests that could not be served because the secret is empty, unreadable or incomplete. */
  CREDENTIALS_UNAVAILABLE = 'CredentialsUnavailable',
  /** Correctly signed webhook requests whose body is not a LINE webhook (answered 400). */
  WEBHOOKS_REJECTED = 'WebhooksRejected',
  /** Events in correctly signed webhook requests. */
  EVENTS_RECEIVED = 'EventsReceived',
  /** Events handed to the queue. */
  EVENTS_QUEUED = 'EventsQueued',
  /** Events that could not be queued; LINE was answered 500 and redelivers them when redelivery is on. */
  EVENTS_NOT_QUEUED = 'EventsNotQueued',
  /** Events that cannot be handled and were set aside by name. */
  EVENTS_SET_ASIDE = 'EventsSetAside',
  /** Events for another bot than the channel's. */
  EVENTS_FOR_OTHER_DESTINATION = 'EventsForOtherDestination',
  /** Redeliveries of events that had been handled and published before. */
  EVENTS_DEDUPLICATED = 'EventsDeduplicated',
  /** Follow and unfollow events that came after a newer one of the same person and changed nothing. */
  EVENTS_OUTDATED = 'EventsOutdated',
  /** Events published on the channel's bus. */
  EVENTS_PUBLISHED = 'EventsPublished',
  /** People who became subscribers. */
  SUBSCRIBERS_FOLLOWED = 'SubscribersFollowed',
  /** People who stopped being subscribers. */
  SUBSCRIBERS_UNFOLLOWED = 'SubscribersUnfollowed',
  /** Profiles stored. */
  PROFILES_UPDATED = 'ProfilesUpdated',
  /** Profiles that LINE could not give at once and that were queued for later. */
  PROFILES_DEFERRED = 'ProfilesDeferred',
  /** Profiles that LINE could not give and that could not be queued for later either; the person's next follow reads them. */
  PROFILES_NOT_STORED = 'ProfilesNotStored',
  /** Subscriber changes that an audience took. */
  AUDIENCE_CHANGES_APPLIED = 'AudienceChangesApplied',
  /** Subscriber changes that an audience refused for now; they are tried again, then kept in its dead-letter queue. */
  AUDIENCE_CHANGES_REFUSED = 'AudienceChangesRefused',
  /** Recipients whose message LINE accepted. */
  MESSAGES_ACCEPTED = 'MessagesAccepted',
  /** Recipients left out for a stated reason (opted out, not a LINE user id, …). */
  MESSAGES_SKIPPED = 'MessagesSkipped',
  /** Recipients whose message was refused, by our checks or by LINE. */
  MESSAGES_FAILED = 'MessagesFailed',
  /** Recipients of whom nobody can know any more whether LINE accepted their message. */
  MESSAGES_UNKNOWN = 'MessagesUnknown',
  /** Runs of which no further batch is attempted, because LINE refused one after the other, say. */
  RUNS_STOPPED = 'RunsStopped',
  /** Times that LINE said that the month's quota is used up, at most once an hour. */
  QUOTA_EXHAUSTED = 'QuotaExhausted',
  /** Send requests made to LINE, retries included. */
  LINE_REQUESTS = 'LineRequests',
  /** Send requests that an instance paced by itself, because the pace of all instances could not be read or written. */
  PACE_NOT_SHARED = 'PaceNotShared',
  /** Aggregation units first used when LINE had 900 or more of its 1,000 a month. */
  AGGREGATION_UNITS_LOW = 'AggregationUnitsLow',
  /** Aggregation units first used when LINE had 1,000 of the month: LINE counts nothing for such a unit. */
  AGGREGATION_UNITS_EXHAUSTED = 'AggregationUnitsExhausted',
  /** Subscribers whom an import created, changed or found as its file says. */
  SUBSCRIBERS_IMPORTED = 'SubscribersImported',
  /** Rows of imported files that were rejected. */
  IMPORT_ROWS_REJECTED = 'ImportRowsRejected',
  /** Runs of campaigns that began. */
  CAMPAIGNS_STARTED = 'CampaignsStarted',
  /** Runs of campaigns that decided everybody. */
  CAMPAIGNS_COMPLETED = 'CampaignsCompleted',
  /** Runs of campaigns that were paused, by somebody or by themselves. */
  CAMPAIGNS_PAUSED = 'CampaignsPaused',
  /** Runs of campaigns that could not go on. */
  CAMPAIGNS_FAILED = 'CampaignsFailed',
  /** Replies that LINE accepted. */
  REPLIES_SENT = 'RepliesSent',
  /** Events that a rule has a reply for and that got none. */
  REPLIES_FAILED = 'RepliesFailed',
}
