import { Metric } from '../../../src/contract/metrics';
import { AggregationUnitWatch, lineMonth } from '../../../src/domain/line/aggregation-units';
import { LineAnswer, LineRequest } from '../../../src/domain/line/line-api';
import { RecordedTelemetry } from '../../support/recorded-telemetry';
import { SendNotesStub } from '../../support/send-notes-stub';

const used = (numOfCustomAggregationUnits: unknown): LineAnswer => ({ kind: 'response', status: 200, body: JSON.stringify({ numOfCustomAggregationUnits }) });

let now: number;
let answer: LineAnswer;
let requests: LineRequest[];
let units: SendNotesStub;
let telemetry: RecordedTelemetry;
let watch: AggregationUnitWatch;

beforeEach(() => {
  now = Date.UTC(2026, 10, 23);
  answer = used(1);
  requests = [];
  units = new SendNotesStub();
  telemetry = new RecordedTelemetry();
  const line = { call: async (request: LineRequest) => { requests.push(request); return answer; } };
  watch = new AggregationUnitWatch({ line, units, telemetry, now: () => now });
});

test.each([
  ['2026-11-30T14:59:59Z', '2026-11'],
  ['2026-11-30T15:00:00Z', '2026-12'],
  ['2026-12-31T15:00:00Z', '2027-01'],
])('%s is in LINE\'s month %s', (moment, month) => {
  expect(lineMonth(Date.parse(moment))).toBe(month);
});

test('a unit is noted and LINE asked at its first use in an instance, and anew in the next month', async () => {
  await watch.note('spring', 2_000);
  await watch.note('spring', 2_000);
  await watch.note('Spring', 2_000);
  expect(units.units).toEqual(['2026-11 spring', '2026-11 Spring']);
  expect(requests[0]).toEqual({ method: 'GET', path: '/v2/bot/message/aggregation/info', timeoutMs: 2_000 });
  expect(requests).toHaveLength(2);
  now = Date.UTC(2026, 11, 1);
  await watch.note('spring', 2_000);
  expect(units.units.at(-1)).toBe('2026-12 spring');
  expect(telemetry.lines).toEqual([]);
});

test('LINE is not asked about a unit that another instance has noted', async () => {
  units.isNew = false;
  await watch.note('spring', 2_000);
  expect(requests).toEqual([]);
});

test.each<[number, string | undefined, string | undefined, Metric | undefined]>([
  [899, undefined, undefined, undefined],
  [900, 'WARN', 'AGGREGATION_UNITS_LOW', Metric.AGGREGATION_UNITS_LOW],
  [999, 'WARN', 'AGGREGATION_UNITS_LOW', Metric.AGGREGATION_UNITS_LOW],
  [1_000, 'ERROR', 'AGGREGATION_UNITS_EXHAUSTED', Metric.AGGREGATION_UNITS_EXHAUSTED],
  [1_001, 'ERROR', 'AGGREGATION_UNITS_EXHAUSTED', Metric.AGGREGATION_UNITS_EXHAUSTED],
])('with %i units used it says %s %s', async (count, level, code, metric) => {
  answer = used(count);
  await watch.note('spring', 2_000);
  expect(telemetry.lines).toEqual(code === undefined ? [] : [expect.objectContaining({ level, code, fields: { unit: 'spring', used: count } })]);
  expect(telemetry.counts).toEqual(metric === undefined ? {} : { [metric]: 1 });
});

test.each<[string, LineAnswer]>([
  ['silence', { kind: 'silence', reason: 'network' }],
  ['403', { kind: 'response', status: 403, body: '{"numOfCustomAggregationUnits":1000}' }],
  ['HTML', { kind: 'response', status: 200, body: '<html>' }],
  ['null', { kind: 'response', status: 200, body: 'null' }],
  ['a text', used('1000')],
])('%s instead of a number says nothing', async (_case, given) => {
  answer = given;
  await watch.note('spring', 2_000);
  expect(telemetry.lines).toEqual([]);
});

test('a table that fails stops no send, and the next use notes the unit', async () => {
  units.error = new Error('throttled');
  await watch.note('spring', 2_000);
  expect(telemetry.lines).toEqual([expect.objectContaining({
    level: 'WARN', code: 'AGGREGATION_UNIT_NOT_NOTED', fields: { unit: 'spring', error: 'Error: throttled' },
  })]);
  units.error = undefined;
  await watch.note('spring', 2_000);
  expect(units.units).toEqual(['2026-11 spring']);
});
