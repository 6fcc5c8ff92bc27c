import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { mockClient } from 'aws-sdk-client-mock';
import { SendErrorCode } from '../../src/contract/custom-channel';
import { SendEventType } from '../../src/contract/send-events';
import { SendEventEntry } from '../../src/domain/line/publish-outcomes';
import { putSendEvents, putWebhookEvent } from '../../src/runtime/event-bus';

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

describe('events of the sender', () => {
  const stopped: SendEventEntry = { detailType: SendEventType.RUN_STOPPED, detail: { channelKey: 'line', runId: 'r', code: SendErrorCode.RUN_STOPPED } };
  const exhausted: SendEventEntry = {
    detailType: SendEventType.QUOTA_EXHAUSTED, detail: { channelKey: 'line', noticedAt: '2026-11-23T00:00:00.000Z' }, time: Date.UTC(2026, 10, 23),
  };
  const invalid = Object.assign(new Error('Total size of the entries in the request is over the limit.'), { name: 'ValidationException' });

  test('are put on the bus in one request, each under its own type and time', async () => {
    eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: [{ EventId: 'e1' }, { EventId: 'e2' }] });
    expect(await putSendEvents(client, 'LineEvents', [stopped, exhausted])).toEqual([]);
    expect(eventBridge.commandCalls(PutEventsCommand).map(({ args }) => args[0].input)).toEqual([{
      Entries: [
        { EventBusName: 'LineEvents', Source: 'line.sender', DetailType: 'SendRunStopped', Detail: JSON.stringify(stopped.detail) },
        {
          EventBusName: 'LineEvents', Source: 'line.sender', DetailType: 'QuotaExhausted', Detail: JSON.stringify(exhausted.detail), Time: new Date('2026-11-23T00:00:00Z'),
        },
      ],
    }]);
  });

  test('that are not taken are told apart, for now or for ever', async () => {
    eventBridge.on(PutEventsCommand).resolves({
      FailedEntryCount: 2, Entries: [{ ErrorCode: 'ThrottlingException' }, { EventId: 'e2' }, { ErrorCode: 'MalformedDetail' }],
    });
    expect(await putSendEvents(client, 'LineEvents', [stopped, exhausted, stopped])).toEqual([
      { position: 0, code: 'ThrottlingException', permanent: false },
      { position: 2, code: 'MalformedDetail', permanent: true },
    ]);
  });

  test('in a request that is refused as invalid are put one by one', async () => {
    // GIVEN the first is too large
    eventBridge.on(PutEventsCommand).callsFake(({ Entries }) => {
      if (Entries[0].DetailType === 'SendRunStopped') {
        throw invalid;
      }
      return { FailedEntryCount: 0, Entries: [{ EventId: 'e' }] };
    });
    // THEN
    expect(await putSendEvents(client, 'LineEvents', [exhausted, exhausted])).toEqual([]);
    expect(await putSendEvents(client, 'LineEvents', [stopped, exhausted, stopped])).toEqual([
      { position: 0, code: 'ValidationException', permanent: true },
      { position: 2, code: 'ValidationException', permanent: true },
    ]);
  });

  test('fail when the answer does not say which were not taken', async () => {
    eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 1 });
    await expect(putSendEvents(client, 'LineEvents', [stopped])).rejects.toThrow('PutEvents did not take 1 events and names 0');
    eventBridge.on(PutEventsCommand).resolves({ Entries: [{ ErrorCode: 'InternalFailure' }] });
    await expect(putSendEvents(client, 'LineEvents', [stopped])).rejects.toThrow('names 1');
  });

  test('fail when EventBridge fails', async () => {
    eventBridge.on(PutEventsCommand).rejects(new Error('access denied'));
    await expect(putSendEvents(client, 'LineEvents', [stopped])).rejects.toThrow('access denied');
  });
});
