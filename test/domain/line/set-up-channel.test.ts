import { LineAnswer, LineRequest } from '../../../src/domain/line/line-api';
import { SetUpPorts, SetUpReport, setUpChannel } from '../../../src/domain/line/set-up-channel';

const BOT = 'U8e742f61d673b39c7fff3cecb7536ef0';
const OTHER = 'U00000000000000000000000000000001';
const URL = 'https://abc.execute-api.eu-west-1.amazonaws.com/prod/webhook';
const INFO = 'GET /v2/bot/info';
const SET = 'PUT /v2/bot/channel/webhook/endpoint';
const GET = 'GET /v2/bot/channel/webhook/endpoint';
const TEST = 'POST /v2/bot/channel/webhook/test';

const response = (status: number, body: unknown): LineAnswer => ({ kind: 'response', status, requestId: 'r1', body: JSON.stringify(body) });
const REACHED = response(200, { success: true, timestamp: '2020-09-30T05:38:20.031Z', statusCode: 200, reason: 'OK', detail: '200' });
const missed = (statusCode: number, reason: string, detail: string) => response(200, { success: false, timestamp: '', statusCode, reason, detail });

let answers: Record<string, LineAnswer | ((request: LineRequest) => LineAnswer)>;
let requests: LineRequest[];
let onRecord: string | undefined;
let secret: string;
let time: number;
let pauses: number[];

beforeEach(() => {
  answers = {
    [INFO]: response(200, { userId: BOT, basicId: '@acme', displayName: 'Acme', chatMode: 'bot', markAsReadMode: 'auto' }),
    [SET]: response(200, {}),
    [GET]: response(200, { endpoint: URL, active: false }),
    [TEST]: REACHED,
  };
  requests = [];
  onRecord = undefined;
  secret = '{"channelId":"1","channelSecret":"PRIVATE-0123456789"}';
  time = 0;
  pauses = [];
});

const setUp = async (ports: Partial<SetUpPorts> = {}, payload: unknown = {}): Promise<SetUpReport> => setUpChannel(payload, {
  secrets: { value: async () => secret, refresh: async () => secret },
  fields: {},
  line: {
    call: async (request) => {
      requests.push(request);
      const answer = answers[`${request.method} ${request.path}`];
      return typeof answer === 'function' ? answer(request) : answer;
    },
  },
  bots: {
    record: async (id) => { onRecord ??= id; return onRecord; },
    replace: async (id) => { onRecord = id; },
  },
  clock: { now: () => time, sleep: async (ms) => { pauses.push(ms); time += ms; } },
  webhookUrl: URL,
  ...ports,
});
const calls = () => requests.map(({ method, path }) => `${method} ${path}`);
const outcome = ({ steps }: SetUpReport) => Object.fromEntries(steps.map(({ name, ok }) => [name, ok]));
const last = ({ steps }: SetUpReport) => steps[steps.length - 1];

describe('with everything right', () => {
  test('records the bot, registers the webhook, lets LINE test it, and says what remains', async () => {
    // WHEN
    const report = await setUp();
    // THEN
    expect(report.ok).toBe(true);
    expect(report.steps).toEqual([
      { name: 'payload', ok: true, detail: 'nothing is asked for but to set the channel up' },
      { name: 'credentials', ok: true, detail: expect.stringContaining('channel id and channel secret; tokens of 15 minutes') },
      { name: 'bot', ok: true, detail: `the credentials belong to the bot ${BOT} (@acme)` },
      { name: 'botUserId', ok: true, detail: expect.stringContaining(`${BOT} is on record`) },
      { name: 'webhookUrl', ok: true, detail: `LINE posts to ${URL}` },
      { name: 'webhookTest', ok: true, detail: 'LINE\'s test was received and answered' },
    ]);
    expect(report.remaining).toEqual([
      expect.stringContaining('"Use webhook"'), expect.stringContaining('"Webhook redelivery"'),
      expect.stringContaining('"Error statistics aggregation"'), expect.stringContaining('greeting and auto-reply'),
    ]);
    expect(onRecord).toBe(BOT);
    expect(calls()).toEqual([INFO, SET, TEST, GET]);
    expect(requests.map(({ body }) => body && JSON.parse(body))).toEqual([undefined, { endpoint: URL }, { endpoint: URL }, undefined]);
    expect(requests.every(({ retryKey, timeoutMs }) => retryKey === undefined && timeoutMs === 10_000)).toBe(true);
    expect(pauses).toEqual([]);
    expect(JSON.stringify(report)).not.toContain('PRIVATE');
  });

  test.each([undefined, null, {}, ''])('takes %p for no payload', async (payload) => {
    expect(await setUp({}, payload)).toMatchObject({ ok: true });
  });

  test('does not ask for "Use webhook" when it is on', async () => {
    answers[GET] = response(200, { endpoint: URL, active: true });
    expect((await setUp()).remaining).toEqual([
      expect.stringContaining('"Webhook redelivery"'), expect.stringContaining('"Error statistics aggregation"'), expect.stringContaining('greeting'),
    ]);
  });

  test('does no harm when it is run again', async () => {
    await setUp();
    expect(await setUp()).toMatchObject({ ok: true });
    expect(onRecord).toBe(BOT);
  });

  test('says that a long-lived token would not have to be kept', async () => {
    secret = '{"channelAccessToken":"PRIVATE-0123456789","channelSecret":"PRIVATE-0123456789"}';
    const report = await setUp();
    expect(report).toMatchObject({ ok: true });
    expect(report.steps[1].detail).toContain('long-lived channel access token');
    expect(JSON.stringify(report)).not.toContain('PRIVATE');
  });

  test('reads the keys of the secret that the user named', async () => {
    secret = '{"id":"1","channelSecret":"8c570fa6dd201bb3"}';
    expect(await setUp({ fields: { channelId: 'id' } })).toMatchObject({ ok: true });
  });

  test('does not miss the bot\'s basic id', async () => {
    answers[INFO] = response(200, { userId: BOT });
    expect((await setUp()).steps[2].detail).toBe(`the credentials belong to the bot ${BOT}`);
  });
});

describe('a channel without a webhook of its own', () => {
  test('is set up without one, and its owner told to provide it', async () => {
    // GIVEN
    secret = '{"channelAccessToken":"long-lived-access-token"}';
    // WHEN
    const report = await setUp({ webhookUrl: undefined });
    // THEN
    expect(outcome(report)).toEqual({ payload: true, credentials: true, bot: true, botUserId: true });
    expect(report.ok).toBe(true);
    expect(calls()).toEqual([INFO]);
    expect(report.remaining.slice(0, 2)).toEqual([expect.stringContaining('Enter the webhook URL'), expect.stringContaining('"Use webhook"')]);
  });
});

describe('the payload', () => {
  test.each([{ replaceBotUserId: 'true' }, { replaceBotUserId: 1 }, { replaceBotuserId: true }, 'replaceBotUserId', [true]])('%j is not understood, and nothing done', async (payload) => {
    const report = await setUp({}, payload);
    expect(report).toMatchObject({ ok: false, steps: [{ name: 'payload', ok: false, fix: expect.stringContaining('{"replaceBotUserId": true}') }] });
    expect(requests).toEqual([]);
  });
});

describe('the credentials', () => {
  test.each([
    ['empty', '', 'not a JSON object'],
    ['without any value', '{"channelId":"","channelSecret":""}', '"channelId" (LINE Developers Console, tab "Basic settings", "Channel ID") and "channelSecret"'],
    ['without the channel secret', '{"channelId":"PRIVATE"}', 'no value for "channelSecret"'],
    ['without the channel secret beside a token', '{"channelAccessToken":"PRIVATE-0123456789"}', 'no value for "channelSecret"'],
  ])('are asked for when the secret is %s', async (_case, value, detail) => {
    // GIVEN
    secret = value;
    // WHEN
    const report = await setUp();
    // THEN
    expect(report.ok).toBe(false);
    expect(last(report)).toEqual({ name: 'credentials', ok: false, detail: expect.stringContaining(detail), fix: expect.stringContaining('fill the secret in') });
    expect(requests).toEqual([]);
    expect(JSON.stringify(report)).not.toContain('PRIVATE');
  });

  test('that cannot be read are reported with the error', async () => {
    const value = async () => { throw new Error('the secret cannot be read: AccessDeniedException'); };
    const report = await setUp({ secrets: { value, refresh: value } });
    expect(last(report)).toMatchObject({ name: 'credentials', ok: false, detail: expect.stringContaining('AccessDeniedException'), fix: expect.stringContaining('remove its cause') });
  });
});

describe('LINE\'s answer about the bot', () => {
  test.each<[string, LineAnswer, string, string]>([
    ['refused credentials', { kind: 'not-called', retryable: false, message: 'LINE refuses' }, 'LINE refuses', 'correct the secret'],
    ['no token for now', { kind: 'not-called', retryable: true, message: 'token endpoint down' }, 'token endpoint down', 'run the set-up again'],
    ['silence', { kind: 'silence', reason: 'timeout' }, 'LINE did not answer (timeout)', 'NAT gateway'],
    ['a refused token', response(401, { message: 'Authentication failed' }), 'HTTP 401: Authentication failed (request r1)', 'does not accept the channel access token'],
    ['an error', response(500, { message: 'Internal' }), 'HTTP 500: Internal (request r1)', 'run the set-up again'],
    ['an error without JSON', { kind: 'response', status: 502, body: '<html>' }, 'HTTP 502: without a message (request without an id)', 'run the set-up again'],
    ['no bot', response(200, { userId: 7 }), 'HTTP 200: without a message', 'run the set-up again'],
    ['null', response(200, null), 'HTTP 200: without a message', 'run the set-up again'],
  ])('that is %s ends the set-up with a fix', async (_case, answer, detail, fix) => {
    answers[INFO] = answer;
    const report = await setUp();
    expect(report.ok).toBe(false);
    expect(last(report)).toEqual({ name: 'bot', ok: false, detail: expect.stringContaining(detail), fix: expect.stringContaining(fix) });
    expect(calls()).toEqual([INFO]);
    expect(onRecord).toBeUndefined();
  });
});

describe('another bot on record', () => {
  beforeEach(() => { onRecord = OTHER; });

  test('is reported, and its webhook left alone', async () => {
    // WHEN
    const report = await setUp();
    // THEN
    expect(report.ok).toBe(false);
    expect(last(report)).toEqual({ name: 'botUserId', ok: false, detail: `another bot is on record, ${OTHER}`, fix: expect.stringContaining('{"replaceBotUserId": true}') });
    expect(onRecord).toBe(OTHER);
    expect(calls()).toEqual([INFO]);
  });

  test('stays when replacing is expressly not asked for', async () => {
    expect(await setUp({}, { replaceBotUserId: false })).toMatchObject({ ok: false });
    expect(onRecord).toBe(OTHER);
  });

  test('is replaced when that is asked for', async () => {
    const report = await setUp({}, { replaceBotUserId: true });
    expect(report.ok).toBe(true);
    expect(report.steps[0].detail).toBe('another bot on record is to be replaced');
    expect(report.steps[3].detail).toBe(`${BOT} is on record now, whatever was before`);
    expect(onRecord).toBe(BOT);
  });
});

test('a table that cannot be written is reported with the error', async () => {
  const record = async () => { throw Object.assign(new Error('no table'), { name: 'ResourceNotFoundException' }); };
  const report = await setUp({ bots: { record, replace: async () => {} } });
  expect(last(report)).toMatchObject({ name: 'botUserId', ok: false, detail: 'ResourceNotFoundException: no table', fix: expect.stringContaining('remove its cause') });
});

describe('the webhook URL', () => {
  test.each(['http://example.com/webhook', `https://example.com/${'x'.repeat(481)}`])('%s is refused before LINE is asked', async (webhookUrl) => {
    const report = await setUp({ webhookUrl });
    expect(last(report)).toEqual({ name: 'webhookUrl', ok: false, detail: `the webhook URL is ${webhookUrl}`, fix: expect.stringContaining('https:// and has at most 500 characters') });
    expect(calls()).not.toContain(SET);
  });

  test('of 500 characters is taken', async () => {
    expect(await setUp({ webhookUrl: `https://example.com/${'x'.repeat(480)}` })).toMatchObject({ ok: true });
  });

  test('that LINE refuses is reported', async () => {
    answers[SET] = response(400, { message: 'Invalid webhook endpoint URL' });
    const report = await setUp();
    expect(report.ok).toBe(false);
    expect(last(report)).toMatchObject({ name: 'webhookUrl', ok: false, detail: expect.stringContaining('Invalid webhook endpoint URL') });
    expect(calls()).not.toContain(TEST);
  });
});

describe('the webhook test', () => {
  test('is repeated while it fails: a new URL takes a while to apply', async () => {
    // GIVEN
    const outcomes = [missed(0, 'COULD_NOT_CONNECT', 'Failure to connect'), missed(401, 'ERROR_STATUS_CODE', '401'), REACHED];
    answers[TEST] = () => outcomes.shift()!;
    // WHEN
    const report = await setUp();
    // THEN
    expect(report.ok).toBe(true);
    expect(pauses).toEqual([3_000, 6_000]);
  });

  test.each([
    [401, 'ERROR_STATUS_CODE', '401', 'channel secret in the secret is another channel\'s'],
    [403, 'ERROR_STATUS_CODE', '403', 'web ACL'],
    [503, 'ERROR_STATUS_CODE', '503', 'CREDENTIALS_UNAVAILABLE'],
    [0, 'REQUEST_TIMEOUT', 'Request timeout', 'receiver\'s log'],
  ])('that keeps failing with %i %s is reported with its fix', async (statusCode, reason, detail, fix) => {
    answers[TEST] = missed(statusCode, reason, detail);
    const report = await setUp();
    expect(report.ok).toBe(false);
    expect(last(report)).toEqual({
      name: 'webhookTest', ok: false, detail: `LINE's test failed: ${reason}, ${statusCode}, ${detail}`, fix: expect.stringContaining(fix),
    });
    expect(calls().filter((each) => each === TEST)).toHaveLength(4);
    expect(calls().at(-1)).toBe(GET);
  });

  test('is repeated when LINE does not answer it', async () => {
    const outcomes: LineAnswer[] = [{ kind: 'silence', reason: 'network' }, response(400, { message: 'Invalid webhook endpoint URL' }), REACHED];
    answers[TEST] = () => outcomes.shift()!;
    expect(await setUp()).toMatchObject({ ok: true });
  });

  test('is not repeated once the tests of the hour are used up', async () => {
    answers[TEST] = response(429, { message: 'The API rate limit has been exceeded. Try again later.' });
    const report = await setUp();
    expect(last(report)).toMatchObject({ ok: false, detail: expect.stringContaining('HTTP 429') });
    expect(pauses).toEqual([]);
  });

  test('ends before the AWS CLI gives the invocation up', async () => {
    // GIVEN calls that take as long as they may
    answers[TEST] = ({ timeoutMs }) => {
      time += timeoutMs;
      return { kind: 'silence', reason: 'timeout' };
    };
    // WHEN
    const report = await setUp();
    // THEN
    expect(report.ok).toBe(false);
    expect(time).toBeLessThanOrEqual(50_000);
  });
});
