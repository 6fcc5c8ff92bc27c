import { Metric } from '../../../src/contract/metrics';
import { LineAnswer, LineRequest } from '../../../src/domain/line/line-api';
import { updateProfiles } from '../../../src/domain/line/update-profile';
import { RecordedTelemetry } from '../../support/recorded-telemetry';

const AYA = `U${'a'.repeat(32)}`;
const BEN = `U${'b'.repeat(32)}`;
const CHI = `U${'c'.repeat(32)}`;
const PROFILE: LineAnswer = { kind: 'response', status: 200, body: '{"displayName":"Aya","pictureUrl":"https://example.com/aya"}' };

let telemetry: RecordedTelemetry;
let requests: LineRequest[];
let stored: unknown[];

beforeEach(() => {
  telemetry = new RecordedTelemetry();
  requests = [];
  stored = [];
});

interface World {
  readonly answers?: Record<string, LineAnswer>;
  readonly isSubscribed?: (userId: string) => Promise<boolean>;
  readonly result?: 'applied' | 'outdated';
}

async function update(bodies: (object | string)[], { answers = {}, isSubscribed = async () => true, result = 'applied' }: World = {}) {
  return updateProfiles(bodies.map((body, n) => ({ messageId: `m${n}`, body: typeof body === 'string' ? body : JSON.stringify(body) })), {
    subscribers: {
      isSubscribed,
      profile: async (...args) => {
        stored.push(args);
        return result;
      },
    },
    line: {
      call: async (request) => {
        requests.push(request);
        return answers[request.path.split('/').at(-1)!] ?? PROFILE;
      },
    },
    includePicture: false,
    telemetry,
    now: () => 5000,
  });
}
const failed = (...ids: string[]) => ({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) });

test('a profile is read and stored', async () => {
  expect(await update([{ userId: AYA }])).toEqual(failed());
  expect(requests).toEqual([{ method: 'GET', path: `/v2/bot/profile/${AYA}`, timeoutMs: 10_000 }]);
  expect(stored).toEqual([[AYA, { displayName: 'Aya' }, 5000]]);
  expect(telemetry.counts).toEqual({ [Metric.PROFILES_UPDATED]: 1 });
});

test('a newer profile that was stored meanwhile stays', async () => {
  expect(await update([{ userId: AYA }], { result: 'outdated' })).toEqual(failed());
  expect(telemetry.counts).toEqual({});
});

test('who is not subscribed any more is left alone', async () => {
  expect(await update([{ userId: AYA }], { isSubscribed: async () => false })).toEqual(failed());
  expect(requests).toEqual([]);
  expect(stored).toEqual([]);
});

test('whom LINE does not know any more is done', async () => {
  expect(await update([{ userId: AYA }], { answers: { [AYA]: { kind: 'response', status: 404, body: '' } } })).toEqual(failed());
  expect(stored).toEqual([]);
});

test('what fails comes again, and nothing else', async () => {
  // WHEN LINE fails for one person and the table for another
  const response = await update([{ userId: AYA }, { userId: BEN }, { userId: CHI }], {
    answers: { [AYA]: { kind: 'response', status: 503, body: '' } },
    isSubscribed: async (userId) => {
      if (userId === BEN) {
        throw new Error('throttled');
      }
      return true;
    },
  });
  // THEN
  expect(response).toEqual(failed('m0', 'm1'));
  expect(telemetry.lines).toEqual(expect.arrayContaining([
    expect.objectContaining({ level: 'WARN', code: 'PROFILE_FAILED', fields: { messageId: 'm0', reason: expect.stringContaining('503') } }),
    expect.objectContaining({ level: 'WARN', code: 'PROFILE_FAILED', fields: { messageId: 'm1', reason: 'Error: throttled' } }),
  ]));
});

test.each([
  ['no JSON', 'hello'],
  ['null', 'null'],
  ['nobody', {}],
  ['no LINE user id', { userId: 'L1' }],
  ['a list', { userId: [AYA] }],
])('a message that is %s is set aside', async (_case, body) => {
  expect(await update([body])).toEqual(failed());
  expect(requests).toEqual([]);
  expect(telemetry.counts).toEqual({ [Metric.EVENTS_SET_ASIDE]: 1 });
  expect(telemetry.lines).toEqual([expect.objectContaining({ level: 'ERROR', code: 'PROFILE_REQUEST_UNREADABLE', fields: { messageId: 'm0' } })]);
});
