import * as fc from 'fast-check';
import { LineAnswer, LineRequest } from '../../../src/domain/line/line-api';
import { InsightAnswer, readInsight } from '../../../src/domain/line/read-insight';
import { RecordedTelemetry } from '../../support/recorded-telemetry';

const REQUEST = { units: ['spring', 'summer'], from: '2026-11-01', to: '20261123' };
const OF_UNIT = { overview: { uniqueImpression: 40, uniqueClick: null }, messages: [], clicks: [] };

let requests: LineRequest[];
let answers: LineAnswer[];
let telemetry: RecordedTelemetry;
let remaining: number;

beforeEach(() => {
  requests = [];
  answers = [];
  telemetry = new RecordedTelemetry();
  remaining = 60_000;
});

const response = (status: number, body: unknown): LineAnswer => ({ kind: 'response', status, requestId: 'r', body: typeof body === 'string' ? body : JSON.stringify(body) });

async function read(request: unknown): Promise<InsightAnswer> {
  return readInsight(request, {
    line: {
      call: async (asked) => {
        requests.push(asked);
        return answers.shift() ?? response(200, OF_UNIT);
      },
    },
    telemetry,
    remainingMs: () => remaining,
  });
}

test('each unit is asked for, and answered with what LINE says', async () => {
  expect(await read(REQUEST)).toEqual({ units: { spring: OF_UNIT, summer: OF_UNIT } });
  expect(requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'GET /v2/bot/insight/message/event/aggregation?customAggregationUnit=spring&from=20261101&to=20261123',
    'GET /v2/bot/insight/message/event/aggregation?customAggregationUnit=summer&from=20261101&to=20261123',
  ]);
  expect(telemetry.lines).toMatchObject([{ level: 'INFO', code: 'INSIGHT_READ', fields: { units: 2 } }]);
});

test('no unit needs no question; one that is named twice needs one', async () => {
  expect(await read({ ...REQUEST, units: [] })).toEqual({ units: {} });
  expect(await read({ ...REQUEST, units: ['a', 'a'] })).toEqual({ units: { a: OF_UNIT } });
  expect(requests).toHaveLength(1);
});

test('when LINE has answered as much as it does in an hour, the units before have their figures, and no other is asked for', async () => {
  answers = [response(200, OF_UNIT), response(429, { message: 'Too many' })];
  const { units } = await read({ ...REQUEST, units: ['a', 'b', 'c'] });
  const error = 'LINE answers 60 questions about statistics an hour and has answered them (429); ask again in an hour';
  expect(units).toEqual({ a: OF_UNIT, b: { error }, c: { error } });
  expect(requests).toHaveLength(2);
  expect(telemetry.lines).toMatchObject([{ level: 'WARN', code: 'INSIGHT_INCOMPLETE', fields: { units: 3, failed: 2, reason: error } }]);
});

test.each<[string, LineAnswer, RegExp]>([
  ['credentials that LINE refuses', response(401, {}), /^LINE refuses the credentials/],
  ['no token', { kind: 'not-called', message: 'field channelSecret is empty', retryable: false }, /^LINE was not asked: field channelSecret is empty$/],
])('%s end it for all', async (_case, answer, error) => {
  answers = [answer];
  const { units } = await read(REQUEST);
  expect(units).toEqual({ spring: { error: expect.stringMatching(error) }, summer: { error: expect.stringMatching(error) } });
  expect(requests).toHaveLength(1);
});

test.each<[string, LineAnswer, RegExp]>([
  ['a refusal', response(400, { message: 'The value of from is invalid' }), /^LINE gave no statistics \(400\): The value of from is invalid$/],
  ['a refusal without words', response(403, 'x'), /^LINE gave no statistics \(403\)$/],
  ['an answer that is no JSON', response(200, '{'), /no JSON object/],
  ['an answer that is no object', response(200, '[]'), /no JSON object/],
])('%s is the reason of its unit; the others are asked for', async (_case, answer, error) => {
  answers = [answer];
  expect((await read(REQUEST)).units).toEqual({ spring: { error: expect.stringMatching(error) }, summer: OF_UNIT });
});

test.each<[string, LineAnswer, RegExp]>([
  ['an error of LINE\'s', response(500, {}), /^LINE gave no statistics \(500\)$/],
  ['silence', { kind: 'silence', reason: 'timeout' }, /^LINE did not answer \(timeout\)/],
])('%s is asked for once more', async (_case, answer, error) => {
  answers = [answer];
  expect((await read(REQUEST)).units).toEqual({ spring: OF_UNIT, summer: OF_UNIT });
  answers = [answer, answer];
  expect((await read(REQUEST)).units).toEqual({ spring: { error: expect.stringMatching(error) }, summer: OF_UNIT });
});

test('without time no question is begun', async () => {
  remaining = 5_999;
  expect((await read(REQUEST)).units.summer).toEqual({ error: 'the time of the function was over; ask for fewer units at a time' });
  expect(requests).toEqual([]);
});

test('a name that is no unit\'s is never put into a path', async () => {
  await fc.assert(fc.asyncProperty(fc.string(), async (unit) => {
    requests = [];
    const { units } = await read({ ...REQUEST, units: [unit] });
    const isUnit = /^\w{1,30}$/.test(unit);
    expect(Object.getOwnPropertyNames(units)).toEqual([unit]);
    expect(requests.length).toBe(isUnit ? 1 : 0);
  }));
});

test.each<[unknown, string]>([
  [undefined, '`units` must be a list of at most 1000 names, got nothing'],
  ['x', '`units` must be a list'],
  [{ ...REQUEST, units: 'spring' }, '`units` must be a list of at most 1000 names, got "spring"'],
  [{ ...REQUEST, units: ['a', 1] }, '`units` must be a list'],
  [{ ...REQUEST, units: Array.from({ length: 1_001 }, String) }, '`units` must be a list'],
  [{ ...REQUEST, from: undefined }, '`from` must be a day as in 20261123 or 2026-11-23, got nothing'],
  [{ ...REQUEST, from: '2026-02-30' }, '`from` must be a day as in 20261123 or 2026-11-23, got "2026-02-30"'],
  [{ ...REQUEST, from: '2026-13-01' }, '`from` must be a day'],
  [{ ...REQUEST, to: 20261123 }, '`to` must be a day'],
  [{ ...REQUEST, to: '2026-12-02' }, '`to` must be no earlier than `from` and at most 30 days later, got 20261101 to 20261202; ask for shorter times one after the other'],
  [{ ...REQUEST, to: '2026-10-31' }, '`to` must be no earlier than `from`'],
])('%j is refused', async (request, message) => {
  await expect(read(request)).rejects.toThrow(message);
  expect(requests).toEqual([]);
});

test('thirty days later is the last day that LINE takes', async () => {
  expect(Object.keys((await read({ ...REQUEST, from: '20261101', to: '20261201' })).units)).toHaveLength(2);
});
