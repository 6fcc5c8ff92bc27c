import { SendErrorCode } from '../../../src/contract/custom-channel';
import { SendEventType } from '../../../src/contract/send-events';
import { BatchState, DECIDED_STATES, SendBatch, SendRun } from '../../../src/contract/send-journal';
import { JournalChange, publishOutcomes, PublishOutcomesDependencies, RefusedEvent, SendEventEntry } from '../../../src/domain/line/publish-outcomes';
import { RecordedTelemetry } from '../../support/recorded-telemetry';
import { batchOf, excluded } from '../../support/send-batches';

const RUN: SendRun = { runId: 'campaign/app/c1/0/a1', refusedInRow: 3, splitCalls: 0, validated: [] };
const UNDECIDED = Object.values(BatchState).filter((state) => !DECIDED_STATES.includes(state));

const accepted = (position: number, size = 1): SendBatch => batchOf('A', [size], {
  state: BatchState.ACCEPTED, sk: `p-${position}`, batchId: `campaign/app/c1/0/a1/p-${position}`,
});
const decided = (after: SendBatch): JournalChange => ({ kind: 'batch', before: { ...after, state: BatchState.IN_FLIGHT }, after });

/** Publishes changes, whose sequence numbers are 100, 101, …, on a bus that answers as told. */
async function publishing(changes: readonly JournalChange[], deps: Partial<PublishOutcomesDependencies> = {}) {
  const telemetry = new RecordedTelemetry();
  const requests: (readonly SendEventEntry[])[] = [];
  const { batchItemFailures } = await publishOutcomes(changes.map((change, index) => ({ sequenceNumber: String(100 + index), change })), {
    channelKey: 'line',
    accountId: '123456789012',
    telemetry,
    ...deps,
    publish: async (events) => {
      requests.push(events);
      return deps.publish ? deps.publish(events) : [];
    },
  });
  return { telemetry, requests, events: requests.flat(), resumesAt: batchItemFailures.map(({ itemIdentifier }) => itemIdentifier) };
}

describe('a decided batch', () => {
  test('is an event with its run, counts, reasons, request ids and unit, and nothing that anybody wrote', async () => {
    // GIVEN
    const source = { origin: 'campaign', application: 'app', campaign: 'c1', treatment: '0', activity: 'a1' } as const;
    const batch = batchOf('AFU', [2, 3, 1], {
      source,
      excluded: [excluded('x'), excluded('y', SendErrorCode.TEXT_TOO_LONG, 'failed')],
      outcome: { code: SendErrorCode.LINE_REFUSED, status: 403 },
      requestIds: ['r-1', '', ''],
      aggregationUnit: 'spring',
    });
    // WHEN
    const { events, telemetry, resumesAt } = await publishing([decided(batch)]);
    // THEN
    expect(events).toEqual([{
      detailType: 'SendBatchDecided',
      time: batch.decidedAt,
      detail: {
        channelKey: 'line',
        runId: 'campaign/app/c1/0/a1',
        source,
        batchId: 'campaign/app/c1/0/a1/p-000',
        state: 'DECIDED',
        counts: { accepted: 2, skipped: 1, failed: 4, unknown: 1 },
        reasons: { OPTED_OUT: 1, TEXT_TOO_LONG: 1, LINE_REFUSED: 3, LINE_UNKNOWN: 1 },
        status: 403,
        requestIds: ['r-1'],
        aggregationUnit: 'spring',
        decidedAt: '2026-11-23T00:00:01.000Z',
      },
    }]);
    expect(telemetry.counts).toEqual({ MessagesAccepted: 2, MessagesSkipped: 1, MessagesFailed: 4, MessagesUnknown: 1 });
    expect(resumesAt).toEqual([]);
  });

  test('says only what is known of it', async () => {
    const { events: [{ detail, time }] } = await publishing([{ kind: 'batch', after: batchOf('A', [1], { decidedAt: undefined }) }]);
    expect(Object.keys(detail)).toEqual(['channelKey', 'runId', 'batchId', 'state', 'counts', 'reasons', 'requestIds', 'decidedAt']);
    expect(time).toBe(Date.UTC(2026, 10, 23));
  });

  test('names ten of LINE\'s request ids at most', async () => {
    const requestIds = Array.from({ length: 500 }, (_, index) => (index % 2 ? `r-${index}` : ''));
    const { events: [{ detail }] } = await publishing([decided(batchOf('A'.repeat(500), new Array(500).fill(1), { requestIds }))]);
    expect(detail).toMatchObject({ requestIds: [1, 3, 5, 7, 9, 11, 13, 15, 17, 19].map((index) => `r-${index}`) });
  });

  test('of which children took everybody over counts those who were left out', async () => {
    const split = batchOf('S', [500], { state: BatchState.SPLIT, excluded: [excluded('x')] });
    const { events: [{ detail }], telemetry } = await publishing([decided(split)]);
    expect(detail).toMatchObject({ state: 'SPLIT', counts: { accepted: 0, skipped: 1, failed: 0, unknown: 0 } });
    expect(telemetry.counts).toEqual({ MessagesSkipped: 1 });
  });

  test.each(DECIDED_STATES)('is told when it is made as %s', async (state) => {
    expect((await publishing([{ kind: 'batch', after: { ...accepted(1), state } }])).events).toHaveLength(1);
  });

  test.each(DECIDED_STATES.flatMap((state) => UNDECIDED.map((from) => [from, state] as const)))('is told when it goes from %s to %s', async (from, state) => {
    expect((await publishing([{ kind: 'batch', before: { ...accepted(1), state: from }, after: { ...accepted(1), state } }])).events).toHaveLength(1);
  });

  test.each(DECIDED_STATES)('is not told again when it was %s before', async (state) => {
    const { events, telemetry } = await publishing([{ kind: 'batch', before: { ...accepted(1), state }, after: accepted(1) }]);
    expect(events).toEqual([]);
    expect(telemetry.counts).toEqual({});
  });

  test.each(UNDECIDED)('is not told while it is %s', async (state) => {
    expect((await publishing([{ kind: 'batch', after: { ...accepted(1), state } }])).events).toEqual([]);
  });
});

describe('a run', () => {
  const stopped: SendRun = { ...RUN, stopped: SendErrorCode.RUN_STOPPED };

  test.each([['before', RUN], ['in its first row', undefined]])('that is stopped, and was not %s, is told', async (_case, before) => {
    const { events, telemetry } = await publishing([{ kind: 'run', before, after: stopped }]);
    expect(events).toEqual([{ detailType: 'SendRunStopped', detail: { channelKey: 'line', runId: RUN.runId, code: 'RUN_STOPPED' } }]);
    expect(telemetry.counts).toEqual({ RunsStopped: 1 });
  });

  test.each([
    ['that goes on', { kind: 'run', before: RUN, after: { ...RUN, refusedInRow: 4 } }],
    ['that had been stopped', { kind: 'run', before: stopped, after: { ...stopped, splitCalls: 1 } }],
  ] as [string, JournalChange][])('%s is not told', async (_case, change) => {
    expect((await publishing([change])).requests).toEqual([]);
  });
});

test.each([
  ['with LINE\'s figures', { quota: 1000, used: 1000 }],
  ['without', {}],
])('a used-up quota is told and counted, %s', async (_case, figures) => {
  const noticedAt = Date.UTC(2026, 10, 23, 4);
  const { events, telemetry } = await publishing([{ kind: 'quota', notice: { noticedAt, ...figures } }]);
  expect(events).toEqual([{ detailType: 'QuotaExhausted', detail: { channelKey: 'line', noticedAt: '2026-11-23T04:00:00.000Z', ...figures }, time: noticedAt }]);
  expect(telemetry.counts).toEqual({ QuotaExhausted: 1 });
});

test('other rows say nothing, and one that nobody can read holds nobody up', async () => {
  const { events, telemetry, resumesAt } = await publishing([{ kind: 'other' }, { kind: 'unreadable', reason: 'TypeError in row a b' }, decided(accepted(1))]);
  expect(events).toHaveLength(1);
  expect(resumesAt).toEqual([]);
  expect(telemetry.counts).toEqual({ EventsSetAside: 1, MessagesAccepted: 1 });
  expect(telemetry.lines).toEqual([expect.objectContaining({
    level: 'ERROR', code: 'SEND_OUTCOME_SET_ASIDE', fields: { sequenceNumber: '101', reason: 'TypeError in row a b' },
  })]);
});

describe('a bus', () => {
  const DOWN: RefusedEvent = { position: 3, code: 'InternalFailure', permanent: false };

  test('gets ten events in a request', async () => {
    const { requests } = await publishing(Array.from({ length: 23 }, (_, index) => decided(accepted(index))));
    expect(requests.map(({ length }) => length)).toEqual([10, 10, 3]);
  });

  test('that does not take an event gets it again, and what came after it; only what is done is counted', async () => {
    // GIVEN the sixth record is the fourth event
    const changes = [{ kind: 'other' } as const, { kind: 'other' } as const, ...Array.from({ length: 20 }, (_, index) => decided(accepted(index, 100)))];
    // WHEN
    const { resumesAt, telemetry, requests } = await publishing(changes, { publish: async () => [{ ...DOWN, position: 5 }, DOWN] });
    // THEN
    expect(resumesAt).toEqual(['105']);
    expect(requests).toHaveLength(1);
    expect(telemetry.counts).toEqual({ MessagesAccepted: 300 });
    expect(telemetry.lines).toEqual([expect.objectContaining({ code: 'SEND_EVENTS_FAILED', fields: { reason: 'InternalFailure' } })]);
  });

  test('that fails in a later request loses nothing', async () => {
    let calls = 0;
    const { resumesAt, telemetry } = await publishing(Array.from({ length: 25 }, (_, index) => decided(accepted(index))), {
      publish: async () => {
        if (++calls === 2) {
          throw new Error('connection reset');
        }
        return [];
      },
    });
    expect(resumesAt).toEqual(['110']);
    expect(telemetry.counts).toEqual({ MessagesAccepted: 10 });
    expect(telemetry.lines[0].fields).toEqual({ reason: 'Error: connection reset' });
  });

  test('that will never take an event does not hold up the others, and its messages are counted', async () => {
    const stop: JournalChange = { kind: 'run', after: { ...RUN, stopped: SendErrorCode.RUN_STOPPED } };
    const { resumesAt, telemetry } = await publishing([decided(accepted(1)), stop, { kind: 'quota', notice: { noticedAt: 0 } }, decided(accepted(2))], {
      publish: async () => [0, 1, 2].map((position) => ({ position, code: 'MalformedDetail', permanent: true })),
    });
    expect(resumesAt).toEqual([]);
    expect(telemetry.counts).toEqual({ EventsSetAside: 3, MessagesAccepted: 2, RunsStopped: 1, QuotaExhausted: 1 });
    expect(telemetry.lines.map(({ fields }) => fields)).toEqual([
      { detailType: 'SendBatchDecided', reason: 'MalformedDetail', runId: RUN.runId, batchId: `${RUN.runId}/p-1` },
      { detailType: 'SendRunStopped', reason: 'MalformedDetail', runId: RUN.runId },
      { detailType: 'QuotaExhausted', reason: 'MalformedDetail' },
    ]);
  });
});

describe('engagement events', () => {
  test('are a line per person of each decided batch', async () => {
    const written: (readonly string[])[] = [];
    await publishing([
      decided(accepted(1, 2)), { kind: 'run', after: { ...RUN, stopped: SendErrorCode.RUN_STOPPED } }, decided(batchOf('S', [3])), decided(accepted(2)),
    ], { putEngagementEvents: async (lines) => { written.push(lines); } });
    expect(written.map((lines) => lines.map((line) => JSON.parse(line).attributes.LineBatchId))).toEqual([
      [`${RUN.runId}/p-1`, `${RUN.runId}/p-1`], [`${RUN.runId}/p-2`],
    ]);
  });

  test('that are not written come again, and the bus waits for them', async () => {
    // GIVEN the stream fails at the second batch
    let calls = 0;
    const { resumesAt, events, telemetry } = await publishing([decided(accepted(1)), decided(accepted(2)), decided(accepted(3))], {
      putEngagementEvents: async () => {
        if (++calls === 2) {
          throw new Error('slow down');
        }
      },
    });
    // THEN
    expect(resumesAt).toEqual(['101']);
    expect(events.map(({ detail }) => detail)).toEqual([expect.objectContaining({ batchId: `${RUN.runId}/p-1` })]);
    expect(telemetry.counts).toEqual({ MessagesAccepted: 1 });
    expect(telemetry.lines).toEqual([expect.objectContaining({
      code: 'ENGAGEMENT_STREAM_FAILED', fields: { batchId: `${RUN.runId}/p-2`, reason: 'Error: slow down' },
    })]);
  });

  test('that fail at once leave nothing to tell the bus', async () => {
    const { resumesAt, requests } = await publishing([decided(accepted(1))], { putEngagementEvents: async () => Promise.reject(new Error('gone')) });
    expect(resumesAt).toEqual(['100']);
    expect(requests).toEqual([]);
  });
});

test('every detail type has its name', () => {
  expect(Object.values(SendEventType)).toEqual(['SendBatchDecided', 'SendRunStopped', 'QuotaExhausted']);
});
