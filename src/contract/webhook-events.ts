/** Shapes on the way from LINE's webhook to the event bus. Fields are only ever added: old and new functions run side by side during a deployment. */

/** A LINE webhook event as received, less what was stripped. Unknown types and members are kept as they are. */
export interface LineEvent {
  readonly type: string;
  /** `active` or `standby`. */
  readonly mode?: string;
  /** Event time in epoch milliseconds. */
  readonly timestamp: number;
  readonly webhookEventId: string;
  readonly deliveryContext?: { readonly isRedelivery?: boolean };
  readonly source?: { readonly type?: string; readonly userId?: string; readonly groupId?: string; readonly roomId?: string };
  readonly [member: string]: unknown;
}

/** Body of a message in the FIFO queue between receiver and worker. */
export interface QueuedEvent {
  /** The bot's user id as LINE wrote it into the webhook. */
  readonly destination: string;
  readonly event: LineEvent;
  /** Name of the reply rule that the event matched. */
  readonly reply?: string;
  /** With `reply`: epoch milliseconds when LINE had delivered the event, from when on its reply token lives for a minute. */
  readonly receivedAt?: number;
}

/** Body of a message in the queue of profiles to be fetched later. */
export interface ProfileRequest {
  readonly userId: string;
}

/** `source` of every event on the channel's bus that came from LINE's webhook. */
export const WEBHOOK_EVENT_SOURCE = 'line.webhook';

/** An event's detail type is LINE's own event type: `follow`, `message`, `postback`, …; its detail is this. */
export interface WebhookEventDetail {
  readonly channelKey: string;
  readonly destination: string;
  /** Equal for a redelivery: consumers deduplicate by it, since a bus delivers at least once. */
  readonly webhookEventId: string;
  readonly event: LineEvent;
  /** Name of the reply rule that the event matched. */
  readonly reply?: string;
  /** With `reply`: epoch milliseconds when LINE had delivered the event, from when on its reply token lives for a minute. */
  readonly receivedAt?: number;
}
