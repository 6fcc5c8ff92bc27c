import { IncomingHttpHeaders, Server, ServerResponse, createServer } from 'node:http';
import { HTTPFetchError, messagingApi, validateSignature, webhook } from '@line/bot-sdk';
import { close, listen, readBody } from '../../simulator/http-server';
import { lineGroupId, lineUserId } from '../../simulator/line-ids';
import { LinePlatform } from '../../simulator/line-platform';
import { sign } from '../../simulator/line-webhooks';

const SECRET = '8c570fa6dd201bb328f1c1eac23a96d8';
const ALICE = lineUserId('alice');
const BOB = lineUserId('bob');
const GROUP = lineGroupId('group');
const ROOM = `R${GROUP.slice(1)}`;
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly callback: webhook.CallbackRequest;
}

let platform: LinePlatform;
let bot: Server;
let received: Received[];
let answer: (n: number) => { status: number; delayMs?: number };
let time: number;

beforeEach(async () => {
  received = [];
  answer = () => ({ status: 200 });
  time = Date.UTC(2026, 0, 1);
  bot = createServer((request, response) => {
    void readBody(request, Infinity).then(body => {
      received.push({ path: request.url!, headers: request.headers, body: body!, callback: parsed(body!) });
      const { status, delayMs = 0 } = answer(received.length);
      setTimeout(() => response.writeHead(status).end('thanks'), delayMs);
    });
  });
  platform = new LinePlatform({ channelSecret: SECRET, longLivedTokens: ['token'], now: () => time });
  await platform.start();
  platform.setWebhookUrl(`${await listen(bot)}/webhook`);
  platform.add({ userId: ALICE, displayName: 'Alice' });
});

afterEach(async () => {
  await platform.stop();
  await close(bot);
});

function parsed(body: Buffer): webhook.CallbackRequest {
  try {
    return JSON.parse(body.toString()) as webhook.CallbackRequest;
  } catch {
    return { destination: '', events: [] };
  }
}

const events = () => received.map(({ callback }) => callback.events as (webhook.Event & { source?: { userId?: string } })[]);
const signed = ({ body, headers }: Received) => validateSignature(body, SECRET, String(headers['x-line-signature']));

test('the signature is that of LINE\'s published example', () => {
  expect(sign('{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}', SECRET)).toBe('GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs=');
});

describe('a webhook', () => {
  test('is posted and signed as LINE does', async () => {
    const attempt = await platform.follow({ userId: BOB, displayName: 'ボブ' });
    expect(received).toMatchObject([{
      path: '/webhook', headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'LineBotWebhook/2.0' },
    }]);
    expect(signed(received[0])).toBe(true);
    expect(received[0].callback).toEqual({
      destination: platform.botUserId,
      events: [{
        type: 'follow',
        mode: 'active',
        timestamp: time,
        source: { type: 'user', userId: BOB },
        follow: { isUnblocked: false },
        webhookEventId: expect.stringMatching(ULID),
        deliveryContext: { isRedelivery: false },
        replyToken: expect.stringMatching(/^[0-9a-f]{32}$/),
      }],
    });
    expect(attempt).toMatchObject({ statusCode: 200, reason: 'ok', answer: 'thanks', isRedelivery: false });
    expect(attempt!.webhookEventIds).toEqual([events()[0][0].webhookEventId]);
    expect(platform.friends()).toEqual([ALICE, BOB]);
  });

  test.each<[string, () => Promise<unknown>, object]>([
    ['unfollow', async () => platform.unfollow(ALICE), { source: { type: 'user', userId: ALICE } }],
    ['message', async () => platform.message(ALICE, 'こんにちは'), { message: { type: 'text', text: 'こんにちは', id: expect.stringMatching(/^\d+$/) }, replyToken: expect.any(String) }],
    ['message', async () => platform.message(ALICE, { type: 'sticker', packageId: '1', stickerId: '2' }), { message: { type: 'sticker' } }],
    ['message', async () => platform.message(BOB, 'hi', GROUP), { source: { type: 'group', groupId: GROUP, userId: BOB } }],
    ['message', async () => platform.message(BOB, 'hi', ROOM), { source: { type: 'room', roomId: ROOM, userId: BOB } }],
    ['postback', async () => platform.postback(ALICE, 'a=1', { date: '2026-01-01' }), { postback: { data: 'a=1', params: { date: '2026-01-01' } } }],
    ['join', async () => platform.join(GROUP), { source: { type: 'group', groupId: GROUP }, replyToken: expect.any(String) }],
    ['leave', async () => platform.leave(GROUP), { source: { type: 'group', groupId: GROUP } }],
    ['memberJoined', async () => platform.memberJoined(GROUP, [ALICE]), { joined: { members: [{ type: 'user', userId: ALICE }] } }],
    ['memberLeft', async () => platform.memberLeft(GROUP, [ALICE]), { left: { members: [{ type: 'user', userId: ALICE }] } }],
    ['brandNew', async () => platform.event('brandNew', undefined, { anything: 1 }), { anything: 1 }],
  ])('tells of %s', async (type, act, expected) => {
    await act();
    expect(events()).toMatchObject([[{ type, ...expected }]]);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['an unfollow', async () => platform.unfollow(ALICE)],
    ['a follow in standby', async () => platform.follow(ALICE, { mode: 'standby' })],
  ])('of %s has no reply token', async (_name, act) => {
    await act();
    expect(events()[0][0]).not.toHaveProperty('replyToken');
  });

  test('of a follow after a block says so', async () => {
    await platform.unfollow(ALICE);
    await platform.follow(ALICE);
    expect(events()[1]).toMatchObject([{ follow: { isUnblocked: true } }]);
  });

  test('may have any member replaced', async () => {
    await platform.follow(ALICE, { timestamp: 5, webhookEventId: 'X', source: undefined });
    expect(events()[0]).toEqual([expect.objectContaining({ timestamp: 5, webhookEventId: 'X' })]);
    expect(events()[0][0]).not.toHaveProperty('source');
  });

  test('ids grow with time', async () => {
    await platform.follow(ALICE);
    time += 1;
    await platform.unfollow(ALICE);
    const [[first], [second]] = events();
    expect(first.webhookEventId < second.webhookEventId).toBe(true);
  });

  test('is signed with the new secret as soon as it is reissued', async () => {
    platform.setChannelSecret('new');
    await platform.follow(ALICE);
    expect(signed(received[0])).toBe(false);
    expect(validateSignature(received[0].body, 'new', String(received[0].headers['x-line-signature']))).toBe(true);
  });

  test('is not sent while its use is switched off', async () => {
    platform.configure({ useWebhook: false });
    expect(await platform.follow(ALICE)).toBeUndefined();
    expect(received).toEqual([]);
  });

  test('is sent where the host is routed, with the original host if wanted', async () => {
    const origin = new URL(platform.getWebhookUrl()!).origin;
    platform.setWebhookUrl('https://abc.execute-api.us-east-1.amazonaws.com/prod/webhook');
    platform.routeHost('abc.execute-api.us-east-1.amazonaws.com', { target: `${origin}/_aws/execute-api/abc/` });
    await platform.follow(ALICE);
    platform.routeHost('abc.execute-api.us-east-1.amazonaws.com', { target: origin, keepHost: true });
    await platform.follow(ALICE);
    expect(received.map(({ path, headers }) => [path, headers.host])).toEqual([
      ['/_aws/execute-api/abc/prod/webhook', new URL(origin).host],
      ['/prod/webhook', 'abc.execute-api.us-east-1.amazonaws.com'],
    ]);
  });

  test('is sent where all hosts of a domain are routed, unless its own is', async () => {
    const origin = new URL(platform.getWebhookUrl()!).origin;
    platform.routeHost('*.execute-api.us-east-1.amazonaws.com', { target: `${origin}/_aws/execute-api/*` });
    platform.routeHost('own.execute-api.us-east-1.amazonaws.com', { target: `${origin}/own` });
    for (const id of ['abc', 'own']) {
      platform.setWebhookUrl(`https://${id}.execute-api.us-east-1.amazonaws.com/prod/webhook`);
      await platform.follow(ALICE);
    }
    expect(received.map(({ path }) => path)).toEqual(['/_aws/execute-api/abc/prod/webhook', '/own/prod/webhook']);
  });
});

describe('failures', () => {
  test('no answer within two seconds is a timeout', async () => {
    platform.configure({ webhookTimeoutMs: 50 });
    answer = () => ({ status: 200, delayMs: 500 });
    expect(await platform.follow(ALICE)).toMatchObject({ statusCode: 0, reason: 'request_timeout' });
  });

  test('two seconds are the default', async () => {
    answer = () => ({ status: 200, delayMs: 3000 });
    const attempt = await platform.follow(ALICE);
    expect(attempt!.reason).toBe('request_timeout');
    expect(attempt!.tookMs).toBeGreaterThan(1900);
  });

  test.each([[204, 'ok'], [302, 'error_status_code'], [401, 'error_status_code'], [503, 'error_status_code']])('%s is %s', async (status, reason) => {
    answer = () => ({ status });
    expect(await platform.follow(ALICE)).toMatchObject({ statusCode: status, reason, detail: String(status) });
  });

  test('a closed port could not be connected to', async () => {
    await close(bot);
    expect(await platform.follow(ALICE)).toMatchObject({ statusCode: 0, reason: 'could_not_connect', detail: 'ECONNREFUSED' });
  });

  test('a connection cut in the middle is unclassified', async () => {
    bot.removeAllListeners('request').on('request', request => request.socket.destroy());
    expect(await platform.follow(ALICE)).toMatchObject({ statusCode: 0, reason: 'unclassified' });
  });
});

describe('redelivery', () => {
  const fail = (times: number) => { answer = n => ({ status: n <= times ? 500 : 200 }); };

  test('is off by default', async () => {
    fail(1);
    await platform.follow(ALICE);
    expect(await platform.redeliver()).toEqual([]);
  });

  test('repeats the event as it was, but for the flag', async () => {
    platform.configure({ redelivery: { attempts: 2 } });
    fail(2);
    await platform.follow(ALICE);
    time += 60_000;
    expect(await platform.redeliver()).toMatchObject([{ statusCode: 500, isRedelivery: true }]);
    expect(await platform.redeliver()).toMatchObject([{ statusCode: 200, isRedelivery: true }]);
    expect(await platform.redeliver()).toEqual([]);
    const [[first], [second], [third]] = events();
    expect(second).toEqual({ ...first, deliveryContext: { isRedelivery: true } });
    expect(third).toEqual(second);
    expect(received.every(signed)).toBe(true);
  });

  test('ends after its attempts', async () => {
    platform.configure({ redelivery: { attempts: 1 } });
    fail(9);
    await platform.follow(ALICE);
    expect(await platform.redeliver()).toHaveLength(1);
    expect(await platform.redeliver()).toEqual([]);
  });

  test('comes by itself after a delay', async () => {
    platform.configure({ redelivery: { attempts: 3, delayMs: 10 } });
    fail(1);
    await platform.follow(ALICE);
    while (received.length < 2) await new Promise(resolve => setTimeout(resolve, 5));
    expect(events()[1]).toMatchObject([{ deliveryContext: { isRedelivery: true } }]);
  });

  test('starts the reply token\'s minute anew', async () => {
    platform.configure({ redelivery: { attempts: 1 } });
    fail(1);
    await platform.message(ALICE, 'hi', undefined, { replyToken: 'token' });
    time += 5 * 60_000;
    await platform.redeliver();
    const client = new messagingApi.MessagingApiClient({ channelAccessToken: 'token', baseURL: platform.url });
    await expect(client.replyMessage({ replyToken: 'token', messages: [{ type: 'text', text: 'late' }] })).resolves.toBeDefined();
  });
});

describe('collected events', () => {
  const users = ['a', 'b', 'c', 'd', 'e'].map(lineUserId);
  const collect = async () => {
    platform.collectEvents();
    for (const userId of users) expect(await platform.follow({ userId, displayName: 'X' })).toBeUndefined();
  };
  const order = () => events().map(batch => batch.map(({ source }) => users.indexOf(source!.userId!)));

  test('leave in one request of several users', async () => {
    await collect();
    expect(await platform.sendCollected()).toMatchObject([{ statusCode: 200, webhookEventIds: { length: 5 } }]);
    expect(order()).toEqual([[0, 1, 2, 3, 4]]);
    await platform.unfollow(users[0]);
    expect(received).toHaveLength(2);
  });

  test.each([
    ['in batches', { eventsPerRequest: 2 }, [[0, 1], [2, 3], [4]]],
    ['in reverse', { eventsPerRequest: 3, order: 'reverse' as const }, [[4, 3, 2], [1, 0]]],
    ['twice each', { eventsPerRequest: 4, copies: 2 }, [[0, 1, 2, 3], [0, 1, 2, 3], [4], [4]]],
  ])('leave %s', async (_name, options, expected) => {
    await collect();
    await platform.sendCollected(options);
    expect(order()).toEqual(expected);
  });

  test('leave in a repeatable disorder', async () => {
    await collect();
    await platform.sendCollected({ order: 'shuffled', seed: 2 });
    await collect();
    await platform.sendCollected({ order: 'shuffled', seed: 2 });
    const [first, second] = order();
    expect(first).toEqual(second);
    expect(first).not.toEqual([0, 1, 2, 3, 4]);
    expect([...first].sort()).toEqual([0, 1, 2, 3, 4]);
  });

  test('leave at the same time', async () => {
    await collect();
    const waiting: ServerResponse[] = [];
    bot.removeAllListeners('request').on('request', (_request, response) => {
      waiting.push(response);
      if (waiting.length === users.length) for (const one of waiting) one.end();
    });
    const attempts = await platform.sendCollected({ eventsPerRequest: 1, parallel: true });
    expect(attempts.map(({ reason }) => reason)).toEqual(users.map(() => 'ok'));
  });

  test('need a batch of at least one', async () => {
    await collect();
    await expect(platform.sendCollected({ eventsPerRequest: 0 })).rejects.toThrow(/at least 1, got 0/);
  });
});

describe('what LINE would not send', () => {
  const body = JSON.stringify({ destination: 'U', events: [] });

  test.each([
    ['a forged signature', { body, secret: 'wrong' }, false],
    ['a body changed after signing', { body, signedBody: `${body} ` }, false],
    ['bytes that are no JSON, properly signed', { body: Buffer.from([0xff, 0xfe]) }, true],
    ['a given signature', { body, signature: 'AAAA' }, false],
    ['a header in another case', { body, signatureHeader: 'X-Line-Signature' }, true],
  ])('%s', async (_name, raw, good) => {
    await platform.sendRaw(raw);
    expect(received[0].body).toEqual(Buffer.from(raw.body));
    expect(signed(received[0])).toBe(good);
  });

  test('no signature at all', async () => {
    expect(await platform.sendRaw({ body, signature: null })).not.toHaveProperty('signature', expect.anything());
    expect(received[0].headers).not.toHaveProperty('x-line-signature');
  });

  test('needs an address', async () => {
    const fresh = new LinePlatform();
    await expect(fresh.sendRaw({ body })).rejects.toThrow('no webhook URL is set');
    expect(() => fresh.setWebhookUrl('http://example.com')).toThrow(/must be https, or http on loopback, got http:\/\/example.com/);
  });
});

describe('the webhook operations of the API', () => {
  const client = () => new messagingApi.MessagingApiClient({ channelAccessToken: 'token', baseURL: platform.url });
  const routed = 'https://bot.example.com/hook';

  test('the URL is set and read', async () => {
    await client().setWebhookEndpoint({ endpoint: routed });
    expect(await client().getWebhookEndpoint()).toEqual({ endpoint: routed, active: true });
  });

  test.each(['http://example.com/', 'example.com', `https://example.com/${'x'.repeat(481)}`])('%s is no webhook URL', async endpoint => {
    const error: unknown = await client().setWebhookEndpoint({ endpoint }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ status: 400, body: '{"message":"Invalid webhook endpoint URL"}' } satisfies Partial<HTTPFetchError>);
  });

  test('a URL of 500 characters is one', async () => {
    await expect(client().setWebhookEndpoint({ endpoint: `https://example.com/${'x'.repeat(480)}` })).resolves.toBeDefined();
  });

  test('without a URL there is nothing to read or to test', async () => {
    const fresh = new LinePlatform({ longLivedTokens: ['token'] });
    await fresh.start();
    const sdk = new messagingApi.MessagingApiClient({ channelAccessToken: 'token', baseURL: fresh.url });
    await expect(sdk.getWebhookEndpoint()).rejects.toMatchObject({ status: 404, body: '{"message":"Webhook endpoint not found"}' });
    await expect(sdk.testWebhookEndpoint({})).rejects.toMatchObject({ status: 404 });
    await fresh.stop();
  });

  test.each<[string, number, object]>([
    ['a good answer', 200, { success: true, statusCode: 200, reason: 'OK', detail: '200' }],
    ['an error', 401, { success: false, statusCode: 401, reason: 'ERROR_STATUS_CODE', detail: '401' }],
  ])('the test really calls the webhook: %s', async (_name, status, expected) => {
    answer = () => ({ status });
    expect(await client().testWebhookEndpoint({})).toMatchObject({ ...expected, timestamp: new Date(time).toISOString() });
    expect(received[0].callback).toEqual({ destination: platform.botUserId, events: [] });
    expect(signed(received[0])).toBe(true);
  });

  test('the test can be given a URL, and tells when nobody is there', async () => {
    const origin = new URL(platform.getWebhookUrl()!).origin;
    await close(bot);
    platform.routeHost('bot.example.com', { target: origin });
    expect(await client().testWebhookEndpoint({ endpoint: routed })).toMatchObject({
      success: false, statusCode: 0, reason: 'COULD_NOT_CONNECT', detail: 'Failure to connect',
    });
    await expect(client().testWebhookEndpoint({ endpoint: 'http://bot.example.com' })).rejects.toMatchObject({ status: 400 });
  });

  test('the test tells of a timeout', async () => {
    platform.configure({ webhookTimeoutMs: 50 });
    answer = () => ({ status: 200, delayMs: 500 });
    expect(await client().testWebhookEndpoint({})).toMatchObject({ success: false, reason: 'REQUEST_TIMEOUT', detail: 'Request timeout' });
  });

  test('the console\'s Verify button does the same', async () => {
    expect(await platform.verifyWebhook()).toMatchObject({ statusCode: 200, reason: 'ok' });
    expect(received[0].callback.events).toEqual([]);
  });
});
