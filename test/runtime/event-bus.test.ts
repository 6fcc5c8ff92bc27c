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
  expect(await putWebhookEvent(client, 'LineEvents', event)).toBeUndefined();
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

test.each(['MalformedDetail', 'InvalidArgument'])('tells the code when the bus refuses the entry as %s', async (ErrorCode) => {
  eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 1, Entries: [{ ErrorCode, ErrorMessage: 'x' }] });
  expect(await putWebhookEvent(client, 'LineEvents', event)).toBe(ErrorCode);
});

test('tells the code when EventBridge refuses the request as invalid, as it does for an entry that is too large', async () => {
  eventBridge.on(PutEventsCommand).rejects(Object.assign(new Error('Total size of the entries in the request is over the limit.'), { name: 'ValidationException' }));
  expect(await putWebhookEvent(client, 'LineEvents', event)).toBe('ValidationException');
});
