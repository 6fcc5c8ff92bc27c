import { createHmac } from 'crypto';
import { Metric } from '../../../src/contract/metrics';
import { SecretSource } from '../../../src/domain/line/credentials';
import { EventQueue } from '../../../src/domain/line/queue-events';
import { WebhookPorts, WebhookRequest, receiveWebhook } from '../../../src/domain/line/receive-webhook';
import { QueueEntry } from '../../../src/domain/line/webhook-request';
import { RecordedTelemetry } from '../../support/recorded-telemetry';

const BOT = 'U8e742f61d673b39c7fff3cecb7536ef0';
const SECRET = '8c570fa6dd201bb328f1c1eac23a96d8';
const OLD_SECRET = '00000000000000000000000000000000';
const FOLLOW = {
  type: 'follow', mode: 'active', timestamp: 1625665242214, source: { type: 'user', userId: 'U00000000000000000000000000000001' }, webhookEventId: '01FZ',
};

const sign = (body: string | Uint8Array, secret = SECRET) => createHmac('sha256', secret).update(body).digest('base64');
const bodyOf = (...events: unknown[]) => JSON.stringify({ destination: BOT, events });
const signed = (body: string, secret = SECRET): WebhookRequest => ({ headers: { 'x-line-signature': sign(body, secret) }, body, isBase64Encoded: false });
const secretString = (channelSecret: string) => JSON.stringify({ channelId: '1', channelSecret });

let telemetry: RecordedTelemetry;
let queued: QueueEntry[];
let secrets: { value: jest.Mock; refresh: jest.Mock };
let queue: { send: jest.Mock };
let time: number;

const receive = async (request: WebhookRequest, ports: Partial<WebhookPorts> = {}) => receiveWebhook(request, {
  secrets: secrets as SecretSource,
  fields: {},
  queue: queue as EventQueue,
  clock: { now: () => time, sleep: async (ms) => { time += ms; } },
  telemetry,
  includeMessageText: false,
  matchReply: () => undefined,
  ...ports,
});
const answer = (statusCode: number, message: string) =>
  ({ statusCode, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ message }) });

beforeEach(() => {
  telemetry = new RecordedTelemetry();
  queued = [];
  time = FOLLOW.timestamp;
  secrets = { value: jest.fn().mockResolvedValue(secretString(SECRET)), refresh: jest.fn().mockResolvedValue(secretString(SECRET)) };
  queue = {
    send: jest.fn(async (entries: QueueEntry[]) => {
      queued.push(...entries);
      return new Map();
    }),
  };
});

describe('a signed request', () => {
  test('has its events queued and is answered 200', async () => {
    // WHEN
    const response = await receive(signed(bodyOf(FOLLOW, { ...FOLLOW, webhookEventId: '01FY' })));
    // THEN
    expect(response).toEqual(answer(200, 'OK'));
    expect(queued.map(({ body }) => JSON.parse(body).event.webhookEventId)).toEqual(['01FZ', '01FY']);
    expect(telemetry.counts).toEqual({ [Metric.EVENTS_RECEIVED]: 2, [Metric.EVENTS_QUEUED]: 2 });
    expect(telemetry.codes).toEqual(['WEBHOOK_ACCEPTED']);
    expect(secrets.refresh).not.toHaveBeenCalled();
  });

  test('without events, LINE\'s check, is answered 200', async () => {
    expect(await receive(signed(bodyOf()))).toEqual(answer(200, 'OK'));
    expect(queue.send).not.toHaveBeenCalled();
    expect(telemetry.counts).toEqual({});
  });

  const body = bodyOf({ ...FOLLOW, type: 'postback', postback: { data: 'こんにちは 🎉' } });
  test.each([
    ['a REST API (payload 1.0)', {
      resource: '/webhook',
      path: '/webhook',
      httpMethod: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Line-Signature': sign(body) },
      multiValueHeaders: { 'X-Line-Signature': [sign(body)] },
      body,
      isBase64Encoded: false,
    }],
    ['a REST API whose binary media types match', {
      headers: { 'x-line-signature': sign(body) },
      multiValueHeaders: {},
      body: Buffer.from(body).toString('base64'),
      isBase64Encoded: true,
    }],
    ['an HTTP API (payload 2.0)', {
      version: '2.0',
      routeKey: 'POST /webhook',
      headers: { 'content-type': 'application/json', 'x-line-signature': sign(body) },
      body,
      isBase64Encoded: false,
    }],
    ['a function URL, which encodes what it does not take for text', {
      version: '2.0', headers: { 'x-line-signature': sign(body) }, body: Buffer.from(body).toString('base64'), isBase64Encoded: true,
    }],
    ['a caller that sends lists of header values only', {
      headers: null, multiValueHeaders: { 'X-LINE-SIGNATURE': [sign(body)] }, body, isBase64Encoded: false,
    }],
    ['a caller that says nothing of base64', { headers: { 'X-LiNe-SiGnAtUrE': sign(body) }, body }],
  ])('is understood from %s', async (_case, request) => {
    expect(await receive(request as WebhookRequest)).toEqual(answer(200, 'OK'));
    expect(JSON.parse(queued[0].body).event.postback.data).toBe('こんにちは 🎉');
  });

  test('of bytes that are no UTF-8 is verified over the bytes', async () => {
    const bytes = Buffer.concat([Buffer.from(bodyOf(FOLLOW)), Buffer.from([0x20])]);
    bytes[bytes.indexOf('01FZ')] = 0xff;
    expect(await receive({ headers: { 'x-line-signature': sign(bytes) }, body: bytes.toString('base64'), isBase64Encoded: true })).toEqual(answer(200, 'OK'));
  });

  test.each([[false, undefined], [true, 'PRIVATE']])('passes what people wrote on if asked for (%s)', async (includeMessageText, text) => {
    const message = { type: 'message', timestamp: 1, webhookEventId: 'e', message: { type: 'text', id: '1', text: 'PRIVATE' } };
    await receive(signed(bodyOf(message)), { includeMessageText });
    expect(JSON.parse(queued[0].body).event.message.text).toBe(text);
    expect(JSON.stringify(telemetry.lines)).not.toContain('PRIVATE');
  });

  test('is verified with the key of the secret that the user named', async () => {
    secrets.value.mockResolvedValue(JSON.stringify({ mine: SECRET }));
    expect(await receive(signed(bodyOf(FOLLOW)), { fields: { channelSecret: 'mine' } })).toEqual(answer(200, 'OK'));
  });
});

describe('a request is answered 401, and nothing queued, when', () => {
  const body = bodyOf(FOLLOW);
  test.each([
    ['its signature is of another body', { ...signed(body), body: `${body} ` }],
    ['its signature is of another secret', signed(body, 'forged')],
    ['its signature is one of an empty secret', { headers: { 'x-line-signature': createHmac('sha256', '').update(body).digest('base64') }, body }],
    ['its signature is empty', { headers: { 'x-line-signature': '' }, body }],
    ['it has no signature', { headers: { 'content-type': 'application/json' }, body }],
    ['it has no headers', { body }],
    ['it has null for headers and body', { headers: null, multiValueHeaders: null, body: null }],
    ['it has an empty list of signatures', { multiValueHeaders: { 'x-line-signature': [] }, body }],
    ['its body was encoded without saying so', { ...signed(body), body: Buffer.from(body).toString('base64') }],
  ])('%s', async (_case, request) => {
    // WHEN
    const response = await receive(request);
    // THEN
    expect(response).toEqual(answer(401, 'Unauthorized'));
    expect(queue.send).not.toHaveBeenCalled();
    expect(telemetry.counts).toEqual({ [Metric.SIGNATURES_REJECTED]: 1 });
    expect(telemetry.codes).toEqual(['SIGNATURE_REJECTED']);
    expect(JSON.stringify(telemetry.lines)).not.toContain(SECRET);
  });

  test('it is not signed, without reading the secret', async () => {
    await receive({ body });
    expect(secrets.value).not.toHaveBeenCalled();
    expect(secrets.refresh).not.toHaveBeenCalled();
  });
});

describe('after a change of the channel secret', () => {
  test('a mismatch is cured by reading the secret again', async () => {
    secrets.value.mockResolvedValue(secretString(OLD_SECRET));
    expect(await receive(signed(bodyOf(FOLLOW)))).toEqual(answer(200, 'OK'));
    expect(telemetry.counts[Metric.SIGNATURES_REJECTED]).toBeUndefined();
  });

  test('a request signed with the old one is refused', async () => {
    expect(await receive(signed(bodyOf(FOLLOW), OLD_SECRET))).toEqual(answer(401, 'Unauthorized'));
    expect(secrets.refresh).toHaveBeenCalledTimes(1);
  });
});

describe('a request is answered 503, and never verified, when', () => {
  const body = bodyOf(FOLLOW);
  const UNREADABLE = new Error('the secret cannot be read: AccessDeniedException');

  test.each([
    ['the secret is empty', '', 'not a JSON object'],
    ['the secret is not JSON', 'PRIVATE', 'not a JSON object'],
    ['the channel secret is missing', '{"channelId":"PRIVATE"}', '"channelSecret" (LINE Developers Console'],
    ['the channel secret is empty', '{"channelSecret":" ","channelAccessToken":"PRIVATE"}', '"channelSecret" (LINE Developers Console'],
    ['the channel secret is a placeholder', '{"YOUR_CHANNEL_SECRET":"INSERT_CHANNEL_SECRET"}', '"channelSecret" (LINE Developers Console'],
    ['the secret cannot be read', UNREADABLE, 'AccessDeniedException'],
    ['reading fails with anything else', 'thrown text', 'the secret cannot be read'],
  ])('%s', async (_case, secret, reason) => {
    // GIVEN
    for (const read of [secrets.value, secrets.refresh]) {
      if (secret instanceof Error || secret === 'thrown text') {
        read.mockRejectedValue(secret);
      } else {
        read.mockResolvedValue(secret);
      }
    }
    // WHEN signed as whoever knows that the secret is empty would
    const response = await receive({ headers: { 'x-line-signature': createHmac('sha256', '').update(body).digest('base64') }, body });
    // THEN
    expect(response).toEqual(answer(503, 'Service unavailable'));
    expect(queue.send).not.toHaveBeenCalled();
    expect(telemetry.counts).toEqual({ [Metric.CREDENTIALS_UNAVAILABLE]: 1 });
    expect(telemetry.lines).toEqual([{ level: 'ERROR', code: 'CREDENTIALS_UNAVAILABLE', message: expect.stringContaining(reason), fields: {} }]);
    expect(JSON.stringify(telemetry.lines)).not.toContain('PRIVATE');
  });

  test('but not any more once the operator has filled the secret in', async () => {
    secrets.value.mockResolvedValue('{}');
    expect(await receive(signed(body))).toEqual(answer(200, 'OK'));
  });

  test('the secret that would have to cure a mismatch is of no use', async () => {
    secrets.refresh.mockResolvedValue('{}');
    expect(await receive(signed(body, 'other'))).toEqual(answer(503, 'Service unavailable'));
  });
});

test.each([
  ['no JSON', 'hello'],
  ['empty', ''],
  ['a list', '[]'],
  ['without events', '{"destination":"U"}'],
  ['without destination', '{"events":[{}]}'],
])('a signed body that is %s is answered 400', async (_case, body) => {
  expect(await receive(signed(body))).toEqual(answer(400, 'Bad request'));
  expect(queue.send).not.toHaveBeenCalled();
  expect(telemetry.counts).toEqual({ [Metric.WEBHOOKS_REJECTED]: 1 });
  expect(telemetry.codes).toEqual(['WEBHOOK_REJECTED']);
});

describe('events that cannot be handled', () => {
  test('are set aside by name, and the good ones queued', async () => {
    // WHEN
    const response = await receive(signed(bodyOf(FOLLOW, 7, { ...FOLLOW, timestamp: 'PRIVATE' })));
    // THEN
    expect(response).toEqual(answer(200, 'OK'));
    expect(queued).toHaveLength(1);
    expect(telemetry.counts).toEqual({ [Metric.EVENTS_RECEIVED]: 3, [Metric.EVENTS_SET_ASIDE]: 2, [Metric.EVENTS_QUEUED]: 1 });
    expect(telemetry.lines.slice(0, 2)).toEqual([
      { level: 'WARN', code: 'EVENT_SET_ASIDE', message: 'the event is not an object', fields: { index: 1, webhookEventId: undefined } },
      { level: 'WARN', code: 'EVENT_SET_ASIDE', message: '"timestamp" is missing or not a time in epoch milliseconds', fields: { index: 2, webhookEventId: '01FZ' } },
    ]);
    expect(JSON.stringify(telemetry.lines)).not.toContain('PRIVATE');
  });

  test('in thousands do not fill the log', async () => {
    await receive(signed(bodyOf(...Array.from({ length: 1_000 }, () => 1))));
    expect(telemetry.lines).toHaveLength(22);
    expect(telemetry.lines[20]).toMatchObject({ code: 'EVENT_SET_ASIDE', fields: { count: 980 } });
    expect(telemetry.counts[Metric.EVENTS_SET_ASIDE]).toBe(1_000);
  });
});

describe('when the queue fails', () => {
  test('for a moment, the request is answered 200', async () => {
    queue.send.mockRejectedValueOnce(new Error('reset'));
    expect(await receive(signed(bodyOf(FOLLOW)))).toEqual(answer(200, 'OK'));
    expect(queued).toHaveLength(1);
  });

  test('for one event, the request is answered 500 so that LINE sends it again', async () => {
    // GIVEN
    queue.send.mockImplementation(async (entries: QueueEntry[]) => new Map(entries.filter((entry) => entry.deduplicationId === 'bad').map((entry) => [entry, 'InternalError'])));
    // WHEN
    const response = await receive(signed(bodyOf(FOLLOW, { ...FOLLOW, webhookEventId: 'bad' })));
    // THEN
    expect(response).toEqual(answer(500, 'Internal server error'));
    expect(telemetry.counts).toEqual({ [Metric.EVENTS_RECEIVED]: 2, [Metric.EVENTS_QUEUED]: 1, [Metric.EVENTS_NOT_QUEUED]: 1 });
    expect(telemetry.lines).toEqual([{
      level: 'ERROR', code: 'EVENTS_NOT_QUEUED', message: expect.stringContaining('LINE sends them again'), fields: { queued: 1, notQueued: 1, cause: 'InternalError' },
    }]);
  });

  test('and hangs, LINE has its answer well inside two seconds, whatever reading the secret took', async () => {
    // GIVEN
    secrets.value.mockImplementation(async () => {
      time += 1_000;
      return secretString(SECRET);
    });
    queue.send.mockImplementation(async (_entries, timeoutMs: number) => {
      time += timeoutMs;
      throw new Error('given up');
    });
    // WHEN
    const response = await receive(signed(bodyOf(FOLLOW)));
    // THEN
    expect(response.statusCode).toBe(500);
    expect(time - FOLLOW.timestamp).toBeLessThan(1_800);
  });
});
