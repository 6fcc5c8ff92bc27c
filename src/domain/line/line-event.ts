import { LINE_USER_ID_PATTERN } from '../../contract/limits';

/** Characters of an event id. LINE's have 26. */
export const MAX_ID_LENGTH = 256;

/** Characters of an event type, which becomes a detail type. Source: Amazon EventBridge API reference, "PutEventsRequestEntry". */
const MAX_TYPE_LENGTH = 128;

/** Milliseconds that an event's time may be ahead. A time far ahead would make every later event of the person an older one. */
const MAX_AHEAD_MS = 24 * 60 * 60 * 1000;

/**
 * What receiver and worker demand of a webhook event, in one place, so that the one never queues what the other cannot
 * handle. Source: LINE, Messaging API reference, "Webhook Event Objects", "Common properties"; "Request body", `destination`.
 *
 * @param destination the request's `destination`, the bot's user id
 * @param now epoch milliseconds
 * @returns what is wrong and what is allowed, quoting nothing; undefined when the event can be handled
 */
export function eventFault(destination: unknown, event: unknown, now: number): string | undefined {
  if (typeof destination !== 'string' || !LINE_USER_ID_PATTERN.test(destination)) {
    return '"destination" is not the user id of a bot (U and 32 digits of 0-9 and a-f)';
  }
  if (!isObject(event)) {
    return 'the event is not an object';
  }
  const { type, webhookEventId, timestamp } = event;
  if (!isText(type, MAX_TYPE_LENGTH)) {
    return `"type" is missing or not a text of 1 to ${MAX_TYPE_LENGTH} characters`;
  }
  if (!isText(webhookEventId, MAX_ID_LENGTH)) {
    return `"webhookEventId" is missing or not a text of 1 to ${MAX_ID_LENGTH} characters`;
  }
  if (!Number.isInteger(timestamp) || (timestamp as number) < 0) {
    return '"timestamp" is missing or not a time in epoch milliseconds';
  }
  return (timestamp as number) > now + MAX_AHEAD_MS ? '"timestamp" is more than a day ahead' : undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maxLength;
}
