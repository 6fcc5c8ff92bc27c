import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { mockClient } from 'aws-sdk-client-mock';
import { putWebhookEvent } from '../../src/runtime/event-bus';

const eventBridge = mockClient(EventBridgeClient);
const client = new EventBridgeClient({ region: 'eu-west-1' });
const event = {
  detailType: 'follow',
  time: Date.UTC(2026, 10, 23),
  detail: { channelKey: 'line', destination: 'U1', webhookEventId: '01', event: { type: 'follow', timestamp: Date.UTC(2026, 10, 23), webhookEventId: '01' } },
};

beforeEach(() => {
  eventBridge.reset();
});

test('an event is put on the bus under LINE\'s own type and time', async () => {
  // GIVEN
  eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: [{ EventId: 'e1' }] });
  // WHEN
  await putWebhookEvent(client, 'LineEvents', event);
  // THEN
  expect(eventBridge.commandCalls(PutEventsCommand)[0].args[0].input).toEqual({
    Entries: [{
      EventBusName: 'LineEvents', Source: 'line.webhook', DetailType: 'follow', Detail: JSON.stringify(event.detail), Time: new Date('2026-11-23T00:00:00Z'),
    }],
  });
});

test.each([
  ['names the code', { FailedEntryCount: 1, Entries: [{ ErrorCode: 'ThrottlingException', ErrorMessage: 'slow down' }] }, 'ThrottlingException slow down'],
  ['has no entries', { FailedEntryCount: 1 }, 'PutEvents did not take the event'],
])('fails when the bus took the request but not the event, and the answer %s', async (_case, answer, message) => {
  eventBridge.on(PutEventsCommand).resolves(answer);
  await expect(putWebhookEvent(client, 'LineEvents', event)).rejects.toThrow(message);
});

test('fails when EventBridge fails', async () => {
  eventBridge.on(PutEventsCommand).rejects(new Error('access denied'));
  await expect(putWebhookEvent(client, 'LineEvents', event)).rejects.toThrow('access denied');
});
