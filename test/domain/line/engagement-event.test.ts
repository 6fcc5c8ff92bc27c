import fc from 'fast-check';
import { SendErrorCode } from '../../../src/contract/custom-channel';
import { engagementEvents } from '../../../src/domain/line/engagement-event';
import { bookOf } from '../../../src/domain/line/send-books';
import { anyBatch, batchOf, excluded, userId } from '../../support/send-batches';

const context = { accountId: '123456789012', channelKey: 'shop' };
const DECIDED_AT = Date.UTC(2026, 10, 23, 0, 0, 1);

test('a campaign\'s person is Pinpoint\'s `_campaign.send`, field by field', () => {
  // GIVEN
  const batch = batchOf('A', [1], { source: { origin: 'campaign', application: 'app', campaign: 'c1', treatment: '0', activity: 'a1' }, requestIds: ['r-1'] });
  // THEN it is the sample of "Campaign event data stream", with our attributes
  expect(engagementEvents(batch, context)).toEqual([{
    event_type: '_campaign.send',
    event_timestamp: DECIDED_AT,
    arrival_timestamp: DECIDED_AT,
    event_version: '3.1',
    application: { app_id: 'app', sdk: {} },
    client: { client_id: userId(0) },
    device: { platform: {} },
    session: {},
    attributes: {
      treatment_id: '0',
      campaign_activity_id: 'a1',
      delivery_type: 'CUSTOM',
      campaign_id: 'c1',
      campaign_send_status: 'SUCCESS',
      LineStatus: 'accepted',
      LineRequestId: 'r-1',
      LineBatchId: 'campaign/app/c1/0/a1/p-000',
    },
    client_context: { custom: { endpoint: `{"ChannelType":"CUSTOM","Address":"${userId(0)}"}` } },
    awsAccountId: '123456789012',
  }]);
});

test('a journey\'s person is Pinpoint\'s `_journey.send`', () => {
  const source = { origin: 'journey', application: 'app', journey: 'j1', journeyRun: 'r1', journeyActivity: 'ja1' } as const;
  const [event] = engagementEvents(batchOf('A', [1], { source }), context);
  expect(event.event_type).toBe('_journey.send');
  expect(event.attributes).toEqual({
    journey_id: 'j1',
    journey_run_id: 'r1',
    journey_activity_id: 'ja1',
    journey_activity_type: 'CUSTOM',
    journey_send_status: 'SUCCESS',
    LineStatus: 'accepted',
    LineBatchId: 'campaign/app/c1/0/a1/p-000',
  });
});

test.each([
  ['with a source that names nothing', { origin: 'direct' } as const],
  ['without a source', undefined],
])('a direct send %s has its run id for a campaign, and the channel for a project', (_case, source) => {
  const [event] = engagementEvents(batchOf('A', [1], { source, runId: 'token/text/t1', decidedAt: undefined }), context);
  expect(event).toMatchObject({
    event_type: '_campaign.send',
    event_timestamp: Date.UTC(2026, 10, 23),
    application: { app_id: 'shop' },
    attributes: { campaign_id: 'token/text/t1', treatment_id: '0' },
  });
  expect(event.attributes).not.toHaveProperty('campaign_activity_id');
});

test.each([
  ['campaign', 'campaign_send_status'],
  ['journey', 'journey_send_status'],
] as const)('everybody of a %s whom LINE did not accept is a FAILURE to Pinpoint\'s queries, and the rest is told by our attributes', (origin, status) => {
  const batch = batchOf('FU', [1, 1], { source: { origin }, excluded: [excluded('x')], outcome: { code: SendErrorCode.LINE_REFUSED } });
  const events = engagementEvents(batch, context);
  expect(events.map(({ client, attributes }) => [client.client_id, attributes[status], attributes.LineStatus, attributes.LineErrorCode])).toEqual([
    ['x', 'FAILURE', 'skipped', 'OPTED_OUT'],
    [userId(0), 'FAILURE', 'failed', 'LINE_REFUSED'],
    [userId(1), 'FAILURE', 'unknown', 'LINE_UNKNOWN'],
  ]);
  // Of somebody who was left out nothing more is known.
  expect(events[0].client_context.custom.endpoint).toBe('{}');
});

test('people whom children took over are in the children\'s events', () => {
  expect(engagementEvents(batchOf('S', [500]), context)).toEqual([]);
});

test('texts of the caller that are no well-formed strings become ones', () => {
  const batch = batchOf('A', [1], { source: { origin: 'campaign', application: '\ud800', campaign: 'c\udc00' }, excluded: [excluded('i\ud800')] });
  expect(engagementEvents(batch, context)[0]).toMatchObject({
    application: { app_id: '\ufffd' }, client: { client_id: 'i\ufffd' }, attributes: { campaign_id: 'c\ufffd' },
  });
});

test('there are as many as the books have people, each a line of its own, and a repeat writes the same bytes', () => {
  fc.assert(fc.property(anyBatch, (batch) => {
    const lines = engagementEvents(batch, context).map((event) => JSON.stringify(event));
    expect(lines).toHaveLength(bookOf([batch]).recipients);
    expect(lines.filter((line) => line.includes('\n'))).toEqual([]);
    expect(engagementEvents(structuredClone(batch), context).map((event) => JSON.stringify(event))).toEqual(lines);
  }));
});
