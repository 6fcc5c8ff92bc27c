import { createHash } from 'crypto';
import { SQS_MAX_BATCH_BYTES } from '../../contract/limits';
import { LineEvent, QueuedEvent } from '../../contract/webhook-events';

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

/** Characters of a destination or an event id. LINE's have 33 and 26. */
const MAX_ID_LENGTH = 256;

/** Latest time that a JavaScript date, and so an ISO 8601 text, can express. Source: ECMAScript, "Time Values and Time Range". */
const MAX_TIMESTAMP = 8.64e15;

/** What SQS takes as group or deduplication id. Source: Amazon SQS, "SendMessage", `MessageGroupId`. */
const SQS_ID = /^[!-~]{1,128}$/;

/** What SQS does not take in a body and `JSON.stringify` does not escape. Source: Amazon SQS, "SendMessage", `MessageBody`. */
const SQS_REFUSED = /[\ufffe\uffff]/g;

/**
 * Reads the body of a correctly signed webhook request. Never throws: whatever the body is, each event is either made a
 * queue entry or set aside, or the body as a whole is no webhook. Of duplicate members the last one counts.
 *
 * @param includeMessageText pass on what people wrote, too
 */
export function parseWebhook(body: Uint8Array, includeMessageText: boolean): Webhook | NoWebhook {
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
  if (events.length > 0 && !isId(destination)) {
    return { kind: 'no-webhook', reason: `"destination" is missing or not a text of 1 to ${MAX_ID_LENGTH} characters` };
  }
  const entries: QueueEntry[] = [];
  const setAside: EventSetAside[] = [];
  events.forEach((event: unknown, index) => {
    const result = toEntry(destination as string, event, includeMessageText);
    if (typeof result === 'string') {
      const webhookEventId = isObject(event) && isId(event.webhookEventId) ? event.webhookEventId : undefined;
      setAside.push({ index, reason: result, ...(webhookEventId && { webhookEventId }) });
    } else {
      entries.push(result);
    }
  });
  return { kind: 'webhook', entries, setAside };
}

/** The queue entry of an event, or why there is none. */
function toEntry(destination: string, event: unknown, includeMessageText: boolean): QueueEntry | string {
  if (!isObject(event)) {
    return 'the event is not an object';
  }
  if (typeof event.type !== 'string' || event.type === '') {
    return '"type" is missing or not a text';
  }
  if (!isId(event.webhookEventId)) {
    return `"webhookEventId" is missing or not a text of 1 to ${MAX_ID_LENGTH} characters`;
  }
  if (!Number.isInteger(event.timestamp) || (event.timestamp as number) < 0 || (event.timestamp as number) > MAX_TIMESTAMP) {
    return '"timestamp" is missing or not a time in milliseconds';
  }
  const passed = includeMessageText ? event : withoutText(event);
  if (isDeeperThan(MAX_DEPTH, passed)) {
    return `the event is nested deeper than ${MAX_DEPTH} levels`;
  }
  const queued: QueuedEvent = { destination, event: passed as LineEvent };
  const body = JSON.stringify(queued).replace(SQS_REFUSED, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
  const bytes = Buffer.byteLength(body);
  if (bytes > SQS_MAX_BATCH_BYTES) {
    return `the event is larger than ${SQS_MAX_BATCH_BYTES} bytes`;
  }
  return { groupId: sqsId(groupOf(event)), deduplicationId: sqsId(event.webhookEventId), body, bytes };
}

function withoutText(event: Record<string, unknown>): Record<string, unknown> {
  const { message, ...others } = event;
  return isObject(message)
    ? { ...others, message: Object.fromEntries(Object.entries(message).filter(([member]) => MESSAGE_MEMBERS_WITHOUT_TEXT.includes(member))) }
    : others;
}

/** What keeps its order: the person, else the group or room, else nothing, which is the event alone. */
function groupOf(event: Record<string, unknown>): string {
  const source = isObject(event.source) ? event.source : {};
  return [source.userId, source.groupId, source.roomId].find(isId) ?? event.webhookEventId as string;
}

/** The text itself where SQS takes it as an id, else its hash. */
function sqsId(text: string): string {
  return SQS_ID.test(text) ? text : createHash('sha256').update(text).digest('hex');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_ID_LENGTH;
}

function isDeeperThan(levels: number, value: unknown): boolean {
  return typeof value === 'object' && value !== null && (levels === 0 || Object.values(value).some((member) => isDeeperThan(levels - 1, member)));
}
