import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { WEBHOOK_EVENT_SOURCE } from '../contract/webhook-events';
import { BusEvent } from '../domain/line/process-events';

/**
 * Puts one webhook event on an EventBridge bus. Needs `events:PutEvents`.
 *
 * @throws what EventBridge throws, and an error with its code when it took the request but not the event
 */
export async function putWebhookEvent(client: EventBridgeClient, busName: string, { detailType, detail, time }: BusEvent): Promise<void> {
  const { FailedEntryCount, Entries } = await client.send(new PutEventsCommand({
    Entries: [{ EventBusName: busName, Source: WEBHOOK_EVENT_SOURCE, DetailType: detailType, Detail: JSON.stringify(detail), Time: new Date(time) }],
  }));
  if (FailedEntryCount) {
    const { ErrorCode, ErrorMessage } = Entries?.[0] ?? {};
    throw new Error(`PutEvents did not take the event: ${ErrorCode} ${ErrorMessage}`);
  }
}
