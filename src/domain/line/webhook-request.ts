import { MAX_ID_LENGTH, eventFault, isObject, isText } from './line-event';
import { ReplyMatcher } from './match-reply';
import { LineEvent, QueuedEvent } from '../../contract/webhook-events';
import { sqsBody, sqsId } from '../shared/sqs-message';

/** An event on its way into the FIFO queue. */
export interface QueueEntry {
  /** `MessageGroupId`: the person, so that each person's events keep their order; else the group, the room, the event itself. */
  readonly groupId: string;
  /** `MessageDeduplicationId`: LINE's event id, equal for a redelivery. */
  readonly deduplicationId: string;
  /** JSON of a `QueuedEvent`. */
  readonly body: string;
  /** UTF-8 bytes of `body`. */
  readonly bytes: number;
}

/** An entry of `events` that cannot be handled. */
export interface EventSetAside {
  /** Position in `events`. */
  readonly index: number;
  /** Says what is wrong and what is allowed; quotes nothing but names and sizes. */
  readonly reason: string;
  /** The entry's `webhookEventId`, if it has a usable one. */
  readonly webhookEventId?: string;
}

/** A body that is a webhook: what to queue, in LINE's order, and what was set aside. */
export interface Webhook {
  readonly kind: 'webhook';
  readonly entries: readonly QueueEntry[];
  readonly setAside: readonly EventSetAside[];
}

/** A body that is none. `reason` quotes nothing of it. */
export interface NoWebhook {
  readonly kind: 'no-webhook';
  readonly reason: string;
}

/**
 * Members of `event.message` that pass the queue and the bus when message text was not asked for. All others are left
 * out: of what LINE documents today `text`, `emojis`, `mention`, `keywords` (stickers), `fileName`, `title`, `address`,
 * `latitude` and `longitude`, and whatever LINE may add. A list of what passes, so that a new member that holds what
 * somebody wrote does not leak until it is known. It goes by the member `message`, which `message` and `messageEdited`
 * events have. Source: LINE, Messaging API reference, "Message event".
 */
const MESSAGE_MEMBERS_WITHOUT_TEXT: readonly string[] = [
  'id', 'type', 'quoteToken', 'markAsReadToken', 'quotedMessageId', 'contentProvider', 'imageSet', 'duration', 'fileSize',
  'packageId', 'stickerId', 'stickerResourceType',
];

/**
 * Objects and lists inside each other, in one event. LINE's own need six. The bound is far below where serialising runs
 * out of stack, here or in any function behind the queue.
 */
const MAX_DEPTH = 64;

/**
 * UTF-8 bytes of an event on its way. An entry of PutEvents holds 262,144 with source, time, detail type and what the
 * detail adds to the event; SQS takes no less. Source: Amazon EventBridge, "Calculating PutEvents event entry size".
 */
const MAX_EVENT_BYTES = 262_144 - 4_096;

/** Numbers from here on, and below its negative, do not fit into 64 bits: EventBridge refuses them in a detail. */
const MAX_NUMBER = 2 ** 63;

/** What the channel wants to be passed on of a request. */
export interface WebhookReading {
  /** Pass on what people wrote, too. */
  readonly includeMessageText: boolean;
  /** Asked of each event before its text is taken away. */
  readonly matchReply: ReplyMatcher;
}

/**
 * Reads the body of a correctly signed webhook request. Never throws: whatever the body is, each event is either made a
 * queue entry or set aside, or the body as a whole is no webhook. Of duplicate members the last one counts.
 *
 * @param now epoch milliseconds
 */
export function parseWebhook(body: Uint8Array, reading: WebhookReading, now: number): Webhook | NoWebhook {
  let request: unknown;
  try {
    request = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch {
    return { kind: 'no-webhook', reason: 'the body is not JSON' };
  }
  if (!isObject(request)) {
    return { kind: 'no-webhook', reason: 'the body is not a JSON object' };
  }
  const { destination, events } = request;
  if (!Array.isArray(events)) {
    return { kind: 'no-webhook', reason: '"events" is missing or not a list' };
  }
  if (events.length > 0 && !isText(destination, MAX_ID_LENGTH)) {
    return { kind: 'no-webhook', reason: `"destination" is missing or not a text of 1 to ${MAX_ID_LENGTH} characters` };
  }
  const entries: QueueEntry[] = [];
  const setAside: EventSetAside[] = [];
  events.forEach((event: unknown, index) => {
    const result = toEntry(destination as string, event, reading, now);
    if (typeof result === 'string') {
      const webhookEventId = isObject(event) && isText(event.webhookEventId, MAX_ID_LENGTH) ? event.webhookEventId : undefined;
      setAside.push({ index, reason: result, ...(webhookEventId && { webhookEventId }) });
    } else {
      entries.push(result);
    }
  });
  return { kind: 'webhook', entries, setAside };
}

/** The queue entry of an event, or why there is none. */
function toEntry(destination: string, event: unknown, { includeMessageText, matchReply }: WebhookReading, now: number): QueueEntry | string {
  const fault = eventFault(destination, event, now);
  if (fault !== undefined) {
    return fault;
  }
  const sound = event as LineEvent;
  const passed = includeMessageText ? sound : withoutText(sound);
  const unfit = unfitPart(passed, MAX_DEPTH);
  if (unfit !== undefined) {
    return unfit;
  }
  const reply = matchReply(sound);
  const body = sqsBody({ destination, event: passed as LineEvent, ...(reply !== undefined && { reply, receivedAt: now }) } satisfies QueuedEvent);
  const bytes = Buffer.byteLength(body);
  if (bytes > MAX_EVENT_BYTES) {
    return `the event is larger than ${MAX_EVENT_BYTES} bytes`;
  }
  return { groupId: sqsId(groupOf(sound)), deduplicationId: sqsId(sound.webhookEventId), body, bytes };
}

function withoutText(event: Record<string, unknown>): Record<string, unknown> {
  const { message, ...others } = event;
  return isObject(message)
    ? { ...others, message: Object.fromEntries(Object.entries(message).filter(([member]) => MESSAGE_MEMBERS_WITHOUT_TEXT.includes(member))) }
    : others;
}

/** What keeps its order: the person, else the group or room, else nothing, which is the event alone. */
function groupOf(event: LineEvent): string {
  const source: Record<string, unknown> = isObject(event.source) ? event.source : {};
  return [source.userId, source.groupId, source.roomId].find((id) => isText(id, MAX_ID_LENGTH)) ?? event.webhookEventId;
}

/** What of an event no function behind the queue could take, or undefined. */
function unfitPart(value: unknown, levels: number): string | undefined {
  if (typeof value === 'number' && Math.abs(value) >= MAX_NUMBER) {
    return 'a number in the event does not fit into 64 bits';
  }
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  if (levels === 0) {
    return `the event is nested deeper than ${MAX_DEPTH} levels`;
  }
  for (const member of Object.values(value)) {
    const unfit = unfitPart(member, levels - 1);
    if (unfit !== undefined) {
      return unfit;
    }
  }
  return undefined;
}
