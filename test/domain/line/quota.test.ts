import { LowQuotaPolicy } from '../../../src/contract/sending';
import { LineAnswer, LineApi, LineRequest } from '../../../src/domain/line/line-api';
import { Quota, QuotaReader, checkQuota, isExhausted, quotaHour, readQuota } from '../../../src/domain/line/quota';
import { RecordedTelemetry } from '../../support/recorded-telemetry';
import { SendNotesStub } from '../../support/send-notes-stub';

const NOW = Date.UTC(2026, 10, 23, 4, 59, 59);
const QUOTA = '/v2/bot/message/quota';
const CONSUMPTION = '/v2/bot/message/quota/consumption';

/** A LINE that gives the bodies, and keeps the requests. */
class QuotaLine implements LineApi {
  public readonly requests: LineRequest[] = [];

  constructor(public answers: Record<string, LineAnswer | string>) {}

  public async call(request: LineRequest): Promise<LineAnswer> {
    this.requests.push(request);
    const answer = this.answers[request.path];
    return typeof answer === 'string' ? { kind: 'response', status: 200, body: answer } : answer;
  }
}

const limited = (value: unknown, totalUsage: unknown) => ({
  [QUOTA]: JSON.stringify({ type: 'limited', value }), [CONSUMPTION]: JSON.stringify({ totalUsage }),
});

describe('readQuota', () => {
  test('asks LINE both questions, each with the time limit', async () => {
    const line = new QuotaLine(limited(5_000, 1_200));
    expect(await readQuota(line, 2_000)).toEqual({ limited: true, quota: 5_000, used: 1_200, remaining: 3_800 });
    expect(line.requests).toEqual([{ method: 'GET', path: QUOTA, timeoutMs: 2_000 }, { method: 'GET', path: CONSUMPTION, timeoutMs: 2_000 }]);
  });

  const silence: LineAnswer = { kind: 'silence', reason: 'timeout' };
  const cases: [string, Record<string, LineAnswer | string>, Quota | undefined][] = [
    ['used up to the last', limited(200, 200), { limited: true, quota: 200, used: 200, remaining: 0 }],
    ['more used than there was', limited(200, 201), { limited: true, quota: 200, used: 201, remaining: 0 }],
    ['no limit', { [QUOTA]: '{"type":"none"}', [CONSUMPTION]: '{"totalUsage":7}' }, { limited: false, used: 7 }],
    ['no limit, and nothing about its use', { [QUOTA]: '{"type":"none"}', [CONSUMPTION]: silence }, { limited: false }],
    ['nothing about its use', { ...limited(200, 0), [CONSUMPTION]: silence }, { limited: true, quota: 200 }],
    ['a use that is no number', limited(200, '7'), { limited: true, quota: 200 }],
    ['a use below nothing', limited(200, -7), { limited: true, quota: 200 }],
    ['a limit without a value', limited(undefined, 7), undefined],
    ['another type', { ...limited(200, 7), [QUOTA]: '{"type":"other","value":7}' }, undefined],
    ['silence', { ...limited(200, 7), [QUOTA]: silence }, undefined],
    ['no token', { ...limited(200, 7), [QUOTA]: { kind: 'not-called', message: '', retryable: true } }, undefined],
    ['429', { ...limited(200, 7), [QUOTA]: { kind: 'response', status: 429, body: '{"type":"limited","value":1}' } }, undefined],
    ...['', '<html>', 'null', '[]', '"limited"', '{'].map((body): [string, Record<string, string>, undefined] =>
      [`the body ${body || '(none)'}`, { ...limited(200, 7), [QUOTA]: body }, undefined]),
  ];
  test.each(cases)('%s', async (_case, answers, expected) => {
    expect(await readQuota(new QuotaLine(answers), 2_000)).toEqual(expected);
  });
});

test.each<[Quota | undefined, number | undefined, boolean]>([
  [undefined, 500, false],
  [{ limited: false, used: 9 }, 500, false],
  [{ limited: true, quota: 200 }, 500, false],
  [{ limited: true, quota: 200, used: 200, remaining: 0 }, undefined, true],
  [{ limited: true, quota: 200, used: 199, remaining: 1 }, undefined, false],
  [{ limited: true, quota: 200, used: 100, remaining: 100 }, 100, false],
  [{ limited: true, quota: 200, used: 100, remaining: 100 }, 101, true],
])('a quota of %j is exhausted for %p people: %p', (quota, recipients, expected) => {
  expect(isExhausted(quota, recipients)).toBe(expected);
});

test.each<[LowQuotaPolicy, number, ReturnType<typeof checkQuota>]>([
  ['SEND', 101, 'send'], ['WARN', 101, 'warn'], ['REFUSE', 101, 'refuse'],
  ['SEND', 100, 'send'], ['WARN', 100, 'send'], ['REFUSE', 100, 'send'],
])('%s: a send to %i people when 100 are left is to %s', (policy, recipients, expected) => {
  expect(checkQuota(policy, recipients, { limited: true, quota: 200, used: 100, remaining: 100 })).toBe(expected);
  expect(checkQuota(policy, recipients, undefined)).toBe('send');
  expect(checkQuota(policy, recipients, { limited: false })).toBe('send');
});

describe('QuotaReader', () => {
  let now: number;
  let line: QuotaLine;
  let notices: SendNotesStub;
  let telemetry: RecordedTelemetry;
  let reader: QuotaReader;
  const questions = () => line.requests.filter(({ path }) => path === QUOTA).length;

  beforeEach(() => {
    now = NOW;
    line = new QuotaLine(limited(200, 199));
    notices = new SendNotesStub();
    telemetry = new RecordedTelemetry();
    reader = new QuotaReader({ line, notices, telemetry, now: () => now });
  });

  test('asks once in thirty seconds, and once for those who ask at the same time', async () => {
    const [first, second] = await Promise.all([reader.read(2_000), reader.read(2_000)]);
    expect(first).toEqual({ limited: true, quota: 200, used: 199, remaining: 1 });
    expect(second).toEqual(first);
    now += 29_999;
    await reader.read(2_000);
    expect(questions()).toBe(1);
    now += 1;
    await reader.read(2_000);
    expect(questions()).toBe(2);
  });

  test('does not keep that LINE did not tell', async () => {
    line.answers[QUOTA] = '';
    expect(await reader.read(2_000)).toBeUndefined();
    line.answers[QUOTA] = '{"type":"none"}';
    expect(await reader.read(2_000)).toEqual({ limited: false, used: 199 });
  });

  test('a failed question of before does not take away the answer to a later one', async () => {
    // GIVEN a question that takes longer than its answer would be good for
    let answerFirst: (answer: LineAnswer) => void = () => undefined;
    line.answers[QUOTA] = new Promise<LineAnswer>((resolve) => { answerFirst = resolve; }) as unknown as LineAnswer;
    const slow = reader.read(60_000);
    now += 30_000;
    line.answers[QUOTA] = '{"type":"none"}';
    await reader.read(2_000);
    // WHEN
    answerFirst({ kind: 'silence', reason: 'timeout' });
    expect(await slow).toBeUndefined();
    // THEN
    expect(await reader.read(2_000)).toEqual({ limited: false, used: 199 });
    expect(questions()).toBe(2);
  });

  test('after a 429 an answer of before does not count', async () => {
    await reader.read(2_000);
    now += 2_000;
    line.answers = limited(200, 200);
    expect(await reader.isExhausted(2_000)).toBe(true);
    expect(questions()).toBe(2);
  });

  test.each<[string, Record<string, string>, number]>([
    ['there is some left', limited(200, 100), 100],
    ['LINE does not tell', { ...limited(200, 200), [QUOTA]: '' }, 1],
    ['there is no limit', { ...limited(200, 200), [QUOTA]: '{"type":"none"}' }, 1],
  ])('a 429 is about the rate when %s', async (_case, answers, recipients) => {
    line.answers = answers;
    expect(await reader.isExhausted(2_000, recipients)).toBe(false);
    expect(notices.quota).toEqual([]);
    expect(telemetry.lines).toEqual([]);
  });

  test('a quota that is used up is made known once an hour', async () => {
    // WHEN
    expect(await reader.isExhausted(2_000, 2)).toBe(true);
    expect(await reader.isExhausted(2_000, 2)).toBe(true);
    // THEN
    expect(notices.quota).toEqual([{ noticedAt: NOW, quota: 200, used: 199 }]);
    expect(telemetry.lines).toEqual([expect.objectContaining({ level: 'ERROR', code: 'LINE_QUOTA_EXHAUSTED', fields: { quota: 200, used: 199 } })]);
    // The next hour says it again, but not what another instance has said.
    now += 1_000;
    notices.isNew = false;
    expect(await reader.isExhausted(2_000, 2)).toBe(true);
    expect(notices.quota).toHaveLength(2);
    expect(telemetry.lines).toHaveLength(1);
  });

  test('a notice that cannot be stored is tried with the next 429', async () => {
    notices.error = new Error('throttled');
    expect(await reader.isExhausted(2_000, 2)).toBe(true);
    expect(telemetry.lines).toEqual([expect.objectContaining({
      level: 'WARN', code: 'QUOTA_NOTICE_NOT_STORED', fields: { quota: 200, used: 199, error: 'Error: throttled' },
    })]);
    notices.error = undefined;
    expect(await reader.isExhausted(2_000, 2)).toBe(true);
    expect(notices.quota).toHaveLength(1);
  });
});

test('the hour of a notice is in UTC', () => {
  expect(quotaHour(NOW)).toBe('2026-11-23T04');
});
