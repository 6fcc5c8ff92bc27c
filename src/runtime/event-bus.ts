import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { WEBHOOK_EVENT_SOURCE } from '../contract/webhook-events';
import { BusEvent } from '../domain/line/process-events';

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
