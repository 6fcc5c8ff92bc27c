import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { SEND_EVENT_SOURCE } from '../contract/send-events';
import { WEBHOOK_EVENT_SOURCE } from '../contract/webhook-events';
import { BusEvent } from '../domain/line/process-events';
import { RefusedEvent, SendEventEntry } from '../domain/line/publish-outcomes';

/** Errors that say that the event is wrong, not the moment. Sources: Amazon EventBridge, "PutEvents"; "Handling failures with PutEvents". */
const REFUSALS: readonly string[] = ['ValidationException', 'MalformedDetail', 'InvalidArgument'];

/**
 * Puts one webhook event on an EventBridge bus. Needs `events:PutEvents`.
 *
 * @returns EventBridge's error code when it refuses the event as invalid and would do so again; undefined when it took it
 * @throws what else EventBridge throws, and an error with its code when it took the request but not the event
 */
export async function putWebhookEvent(client: EventBridgeClient, busName: string, event: BusEvent): Promise<string | undefined> {
  const { detailType, detail, time } = event;
  const entry = { EventBusName: busName, Source: WEBHOOK_EVENT_SOURCE, DetailType: detailType, Detail: JSON.stringify(detail), Time: new Date(time) };
  try {
    const { FailedEntryCount, Entries } = await client.send(new PutEventsCommand({ Entries: [entry] }));
    if (!FailedEntryCount) {
      return undefined;
    }
    const { ErrorCode, ErrorMessage } = Entries?.[0] ?? {};
    throw Object.assign(new Error(`PutEvents did not take the event: ${ErrorCode} ${ErrorMessage}`), { name: ErrorCode ?? 'Error' });
  } catch (error) {
    const { name } = error as Error;
    if (REFUSALS.includes(name)) {
      return name;
    }
    throw error;
  }
}

/**
 * Puts at most ten events of the sender on an EventBridge bus. Needs `events:PutEvents`. A request that is refused as invalid,
 * which may be because of one event's size, is taken apart.
 *
 * @returns the events that the bus did not take
 * @throws what else EventBridge throws
 */
export async function putSendEvents(client: EventBridgeClient, busName: string, events: readonly SendEventEntry[]): Promise<RefusedEvent[]> {
  try {
    const { FailedEntryCount, Entries = [] } = await client.send(new PutEventsCommand({
      Entries: events.map(({ detailType, detail, time }) => ({
        EventBusName: busName,
        Source: SEND_EVENT_SOURCE,
        DetailType: detailType,
        Detail: JSON.stringify(detail),
        ...(time !== undefined && { Time: new Date(time) }),
      })),
    }));
    const refused = Entries.flatMap(({ ErrorCode: code }, position) => (code ? [{ position, code, permanent: REFUSALS.includes(code) }] : []));
    if (refused.length !== (FailedEntryCount ?? 0)) {
      throw new Error(`PutEvents did not take ${FailedEntryCount} events and names ${refused.length}`);
    }
    return refused;
  } catch (error) {
    const { name } = error as Error;
    if (!REFUSALS.includes(name)) {
      throw error;
    }
    if (events.length === 1) {
      return [{ position: 0, code: name, permanent: true }];
    }
    const answers = await Promise.all(events.map(async (event) => putSendEvents(client, busName, [event])));
    return answers.flatMap(([refused], position) => (refused ? [{ ...refused, position }] : []));
  }
}
