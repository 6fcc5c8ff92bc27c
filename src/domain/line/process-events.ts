import { eventFault } from './line-event';
import { ProfileDependencies, refreshProfile } from './profile';
import { EVENT_MARKER_DAYS, LINE_USER_ID_PATTERN } from '../../contract/limits';
import { Metric } from '../../contract/metrics';
import { LineEvent, ProfileRequest, QueuedEvent, WebhookEventDetail } from '../../contract/webhook-events';
import { SubscriberStore, SubscriptionEvent, UnsubscribeMode } from '../audience/subscriber';
import { errorText } from '../shared/error-text';
import { InvocationTime, inTime } from '../shared/in-time';
import { BatchResponse, QueueRecord, handleGroupsSideBySide } from '../shared/message-groups';

/** Milliseconds that LINE may take for the profile of a new follower; slower ones are fetched later. */
const PROFILE_TIMEOUT_MS = 2_500;

/** Seconds until a profile that LINE could not give at once is asked for again. */
const PROFILE_DELAY_SECONDS = 30;

/** Milliseconds of the invocation that an event needs to be begun: one whose services answer takes far less. */
const MIN_TIME_MS = 8_000;

/** Milliseconds at the invocation's end that are kept for the answer, so that the others' results are not lost with a hanging event. */
const RESERVE_MS = 2_000;

/** Milliseconds after which a handled event is forgotten, and nobody could tell whether it had been published. */
const MAX_AGE_MS = EVENT_MARKER_DAYS * 24 * 60 * 60 * 1000;

/** What the channel's bus is told of an event. */
export interface BusEvent {
  /** LINE's event type. */
  readonly detailType: string;
  readonly detail: WebhookEventDetail;
  /** LINE's event time in epoch milliseconds. */
  readonly time: number;
}

/** What the worker works with. Functions throw, unless they say otherwise, and the event comes again. */
export interface ProcessEventsDependencies extends ProfileDependencies {
  readonly channelKey: string;
  readonly unsubscribe: UnsubscribeMode;
  /** See {@link destinationCheck}. */
  readonly isOwnDestination: (destination: string) => Promise<boolean>;
  readonly subscribers: SubscriberStore;
  /** Answers with the error code when the bus will never take the event, with undefined when it took it. */
  readonly publish: (event: BusEvent) => Promise<string | undefined>;
  /** Puts the request into the queue of profiles to be fetched later. */
  readonly deferProfile: (request: ProfileRequest, delaySeconds: number) => Promise<void>;
}

/** The channel's record of which bot it belongs to. */
export interface DestinationRecord {
  botUserId(): Promise<string | undefined>;
  /** Records the id unless one is on record; answers the one on record afterwards. */
  record(botUserId: string): Promise<string>;
}

/**
 * Tells whether a webhook's `destination` is the channel's own bot. The first correctly signed webhook of a channel that
 * was never set up decides which bot that is; {@link eventFault} has made sure that it is a bot's id. What is known is kept for the life of the returned function; a mismatch
 * reads the record again, because set-up may have replaced it meanwhile.
 * Source: LINE, Messaging API reference, "Request body" of webhooks, `destination`.
 */
export function destinationCheck(channel: DestinationRecord): (destination: string) => Promise<boolean> {
  let own: string | undefined;
  return async (destination) => {
    if (destination !== own) {
      own = await channel.botUserId() ?? await channel.record(destination);
    }
    return destination === own;
  };
}

/**
 * Handles a batch of the FIFO queue between receiver and worker: stores who follows and who does not, then puts every
 * event on the channel's bus, then remembers that it did. Each step can be repeated: an event that fails half-way comes
 * again and starts from the beginning, so the bus gets it at least once.
 *
 * An event that hangs is given up in time for the others' results to be told.
 *
 * @returns the messages to be tried again; a group (a person) stops at its first failure, the others go on
 */
export async function processEvents(
  records: readonly QueueRecord[],
  deps: ProcessEventsDependencies,
  time: InvocationTime,
): Promise<BatchResponse> {
  return handleGroupsSideBySide(records, async ({ messageId, body }) => {
    const queued = readQueuedEvent(body, deps.now());
    if (typeof queued === 'string') {
      deps.telemetry.count(Metric.EVENTS_SET_ASIDE);
      deps.telemetry.error('QUEUED_EVENT_UNREADABLE', `${queued}; the message cannot be handled and is set aside`, { messageId });
      return true;
    }
    const { webhookEventId: eventId, type } = queued.event;
    const remainingMs = time.remainingMs();
    if (remainingMs < MIN_TIME_MS) {
      deps.telemetry.warn('EVENT_POSTPONED', 'the invocation has too little time left for the event, which comes again', { eventId, type });
      return false;
    }
    try {
      await inTime(processEvent(queued, deps), remainingMs - RESERVE_MS, time);
      return true;
    } catch (error) {
      deps.telemetry.error('EVENT_FAILED', 'the event could not be handled and is tried again, as are the later ones of the same person', {
        eventId, type, reason: errorText(error),
      });
      return false;
    }
  });
}

async function processEvent({ destination, event, reply, receivedAt }: QueuedEvent, deps: ProcessEventsDependencies): Promise<void> {
  const { webhookEventId } = event;
  if (!await deps.isOwnDestination(destination)) {
    deps.telemetry.count(Metric.EVENTS_FOR_OTHER_DESTINATION);
    deps.telemetry.warn('OTHER_DESTINATION', 'the event is for another bot than the channel\'s and is set aside; if the channel was moved to another LINE Official Account, run its set-up function again', {
      eventId: webhookEventId, type: event.type, destination,
    });
    return;
  }
  if (await deps.subscribers.isHandled(webhookEventId)) {
    deps.telemetry.count(Metric.EVENTS_DEDUPLICATED);
    return;
  }
  // Whether the bot may speak (`mode`) does not matter here: in standby people become subscribers, too, and nothing is sent.
  if (event.type === 'follow' || event.type === 'unfollow') {
    await applySubscription(event, event.type, deps);
  }
  // The table knows which of two events is the newer, however late they come; whether the bus had one, only the marker says.
  if (deps.now() - event.timestamp > MAX_AGE_MS) {
    deps.telemetry.count(Metric.EVENTS_SET_ASIDE);
    deps.telemetry.warn('EVENT_TOO_OLD', `the event is more than ${EVENT_MARKER_DAYS} days old and is not published, because it may have been before; a follow or unfollow is stored unless a newer one is`, {
      eventId: webhookEventId, type: event.type,
    });
    return;
  }
  const detail: WebhookEventDetail = {
    channelKey: deps.channelKey, destination, webhookEventId, event, ...(reply !== undefined && { reply, receivedAt }),
  };
  const refusal = await deps.publish({ detailType: event.type, detail, time: event.timestamp });
  if (refusal === undefined) {
    deps.telemetry.count(Metric.EVENTS_PUBLISHED);
  } else {
    deps.telemetry.count(Metric.EVENTS_SET_ASIDE);
    deps.telemetry.error('EVENT_NOT_PUBLISHABLE', 'the event bus refuses the event as it is and would for ever; it is not published, a follow or unfollow is stored', {
      eventId: webhookEventId, type: event.type, error: refusal,
    });
  }
  await deps.subscribers.markHandled(webhookEventId, deps.now());
}

async function applySubscription(event: LineEvent, type: 'follow' | 'unfollow', deps: ProcessEventsDependencies): Promise<void> {
  const { telemetry, subscribers } = deps;
  const { webhookEventId: eventId, timestamp: at, source } = event;
  const userId = source?.userId;
  // Source: LINE, Messaging API reference, "Source user": without the person's consent there is no user id. Ids of module channels are longer and no one can be sent to by them.
  if (source?.type !== 'user' || typeof userId !== 'string' || !LINE_USER_ID_PATTERN.test(userId)) {
    telemetry.count(Metric.EVENTS_SET_ASIDE);
    telemetry.warn('FOLLOWER_WITHOUT_USER_ID', `the ${type} event names no LINE user id (source.type "user" and source.userId, U and 32 digits of 0-9 and a-f); nobody is subscribed or unsubscribed by it`, { eventId });
    return;
  }
  const subscription: SubscriptionEvent = { userId, at, eventId };
  const result = await (type === 'follow' ? subscribers.follow(subscription) : subscribers.unfollow(subscription, deps.unsubscribe));
  if (result === 'outdated') {
    telemetry.count(Metric.EVENTS_OUTDATED);
    telemetry.info('EVENT_OUTDATED', `the ${type} event came after a newer one of the same person and changed nothing`, { eventId });
    return;
  }
  if (result === 'applied') {
    telemetry.count(type === 'follow' ? Metric.SUBSCRIBERS_FOLLOWED : Metric.SUBSCRIBERS_UNFOLLOWED);
  }
  if (type === 'follow') {
    // Also after a repeat: an earlier attempt may have ended before the profile was read.
    await readProfile(userId, eventId, deps);
  }
}

/**
 * The subscriber is stored, and a profile that LINE cannot give is not worth a failed event: it is fetched later.
 *
 * @throws when that could not be queued; every step before can be repeated
 */
async function readProfile(userId: string, eventId: string, deps: ProcessEventsDependencies): Promise<void> {
  const reason = await refreshProfile(userId, PROFILE_TIMEOUT_MS, deps);
  if (reason === undefined) {
    return;
  }
  try {
    await deps.deferProfile({ userId }, PROFILE_DELAY_SECONDS);
  } catch (error) {
    deps.telemetry.count(Metric.PROFILES_NOT_STORED);
    throw new Error(`the profile could not be stored (${reason}), nor queued for later (${errorText(error)})`, { cause: error });
  }
  deps.telemetry.count(Metric.PROFILES_DEFERRED);
  deps.telemetry.warn('PROFILE_DEFERRED', 'the profile of a new subscriber could not be stored and is fetched later', { eventId, reason });
}

/** @returns the event, or what is wrong with the message */
function readQueuedEvent(body: string, now: number): QueuedEvent | string {
  let queued: Partial<QueuedEvent> | null;
  try {
    queued = JSON.parse(body);
  } catch {
    return 'the body is not JSON';
  }
  return eventFault(queued?.destination, queued?.event, now) ?? queued as QueuedEvent;
}
