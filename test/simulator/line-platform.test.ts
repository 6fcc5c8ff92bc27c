import { randomUUID } from 'node:crypto';
import { HTTPFetchError, channelAccessToken, insight, messagingApi } from '@line/bot-sdk';
import { faults } from '../../simulator/faults';
import { lineGroupId, lineUserId } from '../../simulator/line-ids';
import { LinePlatform } from '../../simulator/line-platform';

const TOKEN = 'long-lived-token';
const ALICE = lineUserId('alice');
const BOB = lineUserId('bob');
const STRANGER = lineUserId('stranger');
const NOBODY = lineUserId('nobody');
const GROUP = lineGroupId('group');
const HELLO = [{ type: 'text' as const, text: 'hello' }];
const JSON_BODY = { 'content-type': 'application/json' };
const HOUR = 60 * 60 * 1000;

let platform: LinePlatform;
let client: messagingApi.MessagingApiClient;
let time: number;

beforeEach(async () => {
  time = Date.UTC(2026, 0, 1);
  platform = new LinePlatform({ longLivedTokens: [TOKEN], now: () => time });
  await platform.start();
  for (const userId of [ALICE, BOB]) platform.add({ userId, displayName: userId.slice(0, 4), language: 'ja' });
  platform.addStranger({ userId: STRANGER, displayName: 'S' });
  client = new messagingApi.MessagingApiClient({ channelAccessToken: TOKEN, baseURL: platform.url });
});

afterEach(async () => platform.stop());

/** A request that the SDK would not make. */
async function call(path: string, init: { method?: string; body?: string; headers?: Record<string, string> } = {}) {
  const response = await fetch(platform.url + path, {
    method: 'POST', redirect: 'manual', ...init, headers: { authorization: `Bearer ${TOKEN}`, ...JSON_BODY, ...init.headers },
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) as Record<string, unknown> };
}

const multicast = async (to: unknown, headers: Record<string, string> = {}, messages: unknown = HELLO) =>
  call('/v2/bot/message/multicast', { body: JSON.stringify({ to, messages }), headers });
const withKey = (key: string) => ({ 'x-line-retry-key': key });

/** Status and body of the error that the SDK throws. */
async function refusal(attempt: Promise<unknown>): Promise<{ status: number; message: unknown; headers: Headers }> {
  const error: unknown = await attempt.then(() => undefined, (reason: unknown) => reason);
  if (!(error instanceof HTTPFetchError)) throw new Error(`expected a refusal, got ${String(error)}`);
  return { status: error.status, message: (JSON.parse(error.body) as { message: unknown }).message, headers: error.headers };
}

const rules = () => platform.violations().map(({ rule }) => rule);

describe('access tokens', () => {
  const tokens = () => new channelAccessToken.ChannelAccessTokenClient({ baseURL: platform.url });

  test('a stateless token lives for 15 minutes', async () => {
    const issued = await tokens().issueStatelessChannelTokenByClientSecret('1234567890', '8c570fa6dd201bb328f1c1eac23a96d8');
    expect(issued).toMatchObject({ token_type: 'Bearer', expires_in: 899 });
    const stateless = new messagingApi.MessagingApiClient({ channelAccessToken: issued.access_token, baseURL: platform.url });
    time += 898_000;
    await expect(stateless.getBotInfo()).resolves.toMatchObject({ userId: platform.botUserId });
    time += 1000;
    expect(await refusal(stateless.getBotInfo())).toMatchObject({ status: 401, message: expect.stringMatching(/^Authentication failed due to/) });
  });

  test.each([
    ['a wrong secret', { client_secret: 'wrong' }, 400, { error: 'invalid_request', error_description: "Invalid 'client_credentials'." }],
    ['another channel', { client_id: '1' }, 400, { error: 'invalid_request', error_description: "Invalid 'client_credentials'." }],
    ['another grant', { grant_type: 'password' }, 400, { error: 'unsupported_grant_type', error_description: expect.any(String) }],
    ['an assertion, since no key is registered', { client_assertion: 'jwt' }, 404, { message: expect.stringMatching(/^Cannot find channel key/) }],
  ])('no stateless token for %s', async (_name, change, status, body) => {
    const form = new URLSearchParams({
      grant_type: 'client_credentials', client_id: '1234567890', client_secret: '8c570fa6dd201bb328f1c1eac23a96d8', ...change,
    });
    const answer = await call('/oauth2/v3/token', { body: form.toString(), headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    expect([answer.status, answer.json()]).toEqual([status, body]);
  });

  test('a token request must be a form', async () => {
    expect(await call('/oauth2/v3/token', { body: '{}' })).toMatchObject({ status: 400 });
  });

  test('a new channel secret invalidates the old one at once', async () => {
    platform.setChannelSecret('new');
    await expect(tokens().issueStatelessChannelTokenByClientSecret('1234567890', '8c570fa6dd201bb328f1c1eac23a96d8')).rejects.toThrow('400');
    await expect(tokens().issueStatelessChannelTokenByClientSecret('1234567890', 'new')).resolves.toBeDefined();
  });

  test('of short-lived tokens the oldest is revoked when 30 are exceeded', async () => {
    const issue = async () => (await tokens().issueChannelToken('client_credentials', '1234567890', '8c570fa6dd201bb328f1c1eac23a96d8')).access_token;
    const first = await issue();
    const second = await issue();
    for (let i = 0; i < 28; i++) await issue();
    await expect(tokens().verifyChannelToken(first)).resolves.toMatchObject({ client_id: '1234567890', expires_in: 30 * 24 * 60 * 60 });
    await issue();
    await expect(tokens().verifyChannelToken(first)).rejects.toThrow('400');
    await tokens().revokeChannelToken(second);
    await expect(tokens().verifyChannelToken(second)).rejects.toThrow('400');
  });

  test.each([
    ['no token', { authorization: '' }],
    ['an unknown token', { authorization: 'Bearer unknown' }],
    ['another scheme', { authorization: `Basic ${TOKEN}` }],
  ])('401 for %s', async (_name, headers) => {
    expect(await multicast([ALICE], headers)).toMatchObject({ status: 401 });
    expect(platform.deliveries()).toEqual([]);
  });

  test('all tokens can be expired', async () => {
    platform.expireTokens();
    expect(await refusal(client.getBotInfo())).toMatchObject({ status: 401 });
  });
});

describe('requests', () => {
  test('an unknown path is 404, a wrong method 405, and both are noted', async () => {
    expect(await call('/v2/bot/message/fax')).toMatchObject({ status: 404 });
    expect(await call('/v2/bot/message/multicast', { method: 'GET' })).toMatchObject({ status: 405 });
    expect(rules()).toEqual(['unknown-endpoint', 'unknown-endpoint']);
  });

  test.each([
    ['another content type', { headers: { 'content-type': 'text/plain' }, body: '{}' }, 400, 'The content type, text/plain, is not supported'],
    ['no JSON', { body: '{"to":' }, 400, 'The request body could not be parsed as JSON (line: -, column: -)'],
    ['a JSON list', { body: '[]' }, 400, 'The request body could not be parsed as JSON (line: -, column: -)'],
    ['more than 2 MB', { body: JSON.stringify({ x: 'x'.repeat(2 * 1024 * 1024) }) }, 413, 'Payload Too Large'],
  ])('%s is refused', async (_name, init, status, message) => {
    const answer = await call('/v2/bot/message/multicast', init);
    expect([answer.status, answer.json().message]).toEqual([status, message]);
  });

  test('a charset beside the content type is fine', async () => {
    expect(await multicast([ALICE], { 'content-type': 'application/json; charset=utf-8' })).toMatchObject({ status: 200 });
  });

  test('every answer has its own request id, and every request is kept without its token', async () => {
    const key = randomUUID();
    const first = await client.multicastWithHttpInfo({ to: [ALICE], messages: HELLO }, key);
    const id = first.httpResponse.headers.get('x-line-request-id');
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    const { headers } = await refusal(client.multicast({ to: [], messages: HELLO }));
    expect(headers.get('x-line-request-id')).not.toBe(id);
    const [kept, refused] = platform.requests('multicast');
    expect(kept).toMatchObject({ requestId: id, method: 'POST', path: '/v2/bot/message/multicast', status: 200, accepted: true, retryKey: key });
    expect(JSON.parse(kept.body!)).toEqual({ to: [ALICE], messages: HELLO });
    expect(refused).toMatchObject({ status: 400, accepted: false });
    expect(JSON.stringify(platform.requests())).not.toContain(TOKEN);
  });

  test('a form with the channel secret is not kept', async () => {
    await new channelAccessToken.ChannelAccessTokenClient({ baseURL: platform.url })
      .issueStatelessChannelTokenByClientSecret('1234567890', '8c570fa6dd201bb328f1c1eac23a96d8');
    expect(JSON.stringify(platform.requests())).not.toContain('8c570fa6dd201bb328f1c1eac23a96d8');
  });
});

describe('multicast', () => {
  test('reaches every friend named, and is kept per friend', async () => {
    const answer = await multicast([ALICE, BOB]);
    expect([answer.status, answer.json()]).toEqual([200, {}]);
    expect(platform.received(ALICE)).toEqual([
      { to: ALICE, at: time, operation: 'multicast', requestId: answer.headers.get('x-line-request-id'), retryKey: undefined, messages: HELLO },
    ]);
    expect(platform.received(BOB)).toHaveLength(1);
    expect(rules()).toEqual([]);
  });

  test.each([
    ['no recipient', [], "'to'"],
    ['501 recipients', Array.from({ length: 501 }, (_, i) => lineUserId(`friend ${i}`)), "'to'"],
    ['one id instead of a list', ALICE, "'to'"],
    ['a LINE search id', [ALICE, 'alice_1'], 'to[1]'],
    ['capital letters', [ALICE, BOB, ALICE.toUpperCase()], 'to[2]'],
    ['a group', [GROUP], 'to[0]'],
    ['a number', [5], 'to[0]'],
  ])('%s is refused by name, and nobody gets anything', async (_name, to, property) => {
    const answer = await multicast(to);
    expect([answer.status, answer.json().message]).toEqual([400, `The property, ${property}, in the request body is invalid (line: -, column: -)`]);
    expect(platform.deliveries()).toEqual([]);
  });

  test('500 recipients are taken', async () => {
    const to = Array.from({ length: 500 }, (_, i) => lineUserId(`friend ${i}`));
    platform.add(...to.map(userId => ({ userId, displayName: 'F' })));
    expect(await multicast(to)).toMatchObject({ status: 200 });
    expect(platform.deliveries()).toHaveLength(500);
  });

  test.each([
    ['blocked the account', (id: string) => platform.block(id)],
    ['deleted their LINE account', (id: string) => platform.deleteAccount(id)],
  ])('people who %s are skipped without a word', async (_name, act) => {
    act(BOB);
    expect(await multicast([ALICE, BOB, STRANGER])).toMatchObject({ status: 200 });
    expect(platform.deliveries().map(({ to }) => to)).toEqual([ALICE]);
  });

  test('an id that does not exist: LINE documents both answers', async () => {
    expect((await multicast([ALICE, NOBODY])).json()).toEqual({ message: 'Failed to send messages' });
    expect(platform.deliveries()).toEqual([]);
    platform.configure({ unknownRecipient: 'skip' });
    expect(await multicast([ALICE, NOBODY])).toMatchObject({ status: 200 });
    expect(platform.deliveries().map(({ to }) => to)).toEqual([ALICE]);
    expect(rules()).toEqual(['unknown-recipient', 'unknown-recipient']);
  });

  test('a recipient named twice is noted and gets it twice', async () => {
    await multicast([ALICE, BOB, ALICE]);
    expect(platform.violations()).toMatchObject([{ rule: 'duplicate-recipient', detail: ALICE }]);
    expect(platform.received(ALICE)).toHaveLength(2);
  });

  test('a bad message is answered with details', async () => {
    const answer = await multicast([ALICE], {}, [{ type: 'text', text: '' }]);
    expect([answer.status, answer.json()]).toEqual([400, {
      message: 'The request body has 1 error(s)', details: [{ message: 'May not be empty', property: 'messages[0].text' }],
    }]);
  });

  test('members that no document names, and imagemaps that cannot work, are noted', async () => {
    const area = { x: 0, y: 0, width: 1, height: 1 };
    await multicast([ALICE], {}, [
      { type: 'text', text: 'x', colour: 'red' },
      { type: 'imagemap', baseUrl: 'https://example.com/1?v=2', altText: 'x', baseSize: { width: 1040, height: 1 }, actions: [{ type: 'message', text: 'x', area }] },
    ]);
    expect(rules()).toEqual(['unknown-property', 'imagemap-base-url']);
  });
});

describe('push, reply and broadcast', () => {
  test('a push answers with the messages sent', async () => {
    const { sentMessages } = await client.pushMessage({ to: ALICE, messages: [...HELLO, { type: 'location', title: 't', address: 'a', latitude: 1, longitude: 1 }] });
    expect(sentMessages).toEqual([{ id: expect.stringMatching(/^\d{18}$/), quoteToken: expect.any(String) }, { id: expect.stringMatching(/^\d{18}$/) }]);
    expect(platform.received(ALICE)).toMatchObject([{ operation: 'push' }]);
  });

  test.each([
    ['a malformed id', 'alice', "The property, 'to', in the request body is invalid (line: -, column: -)"],
    ['an id that does not exist', NOBODY, 'Failed to send messages'],
    ['a group without the bot', GROUP, 'Failed to send messages'],
  ])('%s is refused', async (_name, to, message) => {
    expect(await refusal(client.pushMessage({ to, messages: HELLO }))).toMatchObject({ status: 400, message });
  });

  test('a stranger who wrote is reached for seven days, one who did not is skipped', async () => {
    await client.pushMessage({ to: STRANGER, messages: HELLO });
    expect(platform.received(STRANGER)).toHaveLength(0);
    await platform.message(STRANGER, 'hi');
    time += 7 * 24 * HOUR;
    await client.pushMessage({ to: STRANGER, messages: HELLO });
    expect(platform.received(STRANGER)).toHaveLength(1);
    time += 1;
    await client.pushMessage({ to: STRANGER, messages: HELLO });
    expect(platform.received(STRANGER)).toHaveLength(1);
  });

  test('a group that the bot joined is reached until it leaves', async () => {
    await platform.join(GROUP);
    await client.pushMessage({ to: GROUP, messages: HELLO });
    await platform.leave(GROUP);
    expect(await refusal(client.pushMessage({ to: GROUP, messages: HELLO }))).toMatchObject({ status: 400 });
    expect(platform.received(GROUP)).toHaveLength(1);
  });

  test('a broadcast reaches all friends, and only them', async () => {
    platform.block(BOB);
    await client.broadcast({ messages: HELLO });
    expect(platform.deliveries().map(({ to }) => to)).toEqual([ALICE]);
  });

  /** The reply token of a message that Alice wrote. */
  async function replyToken(overrides: object = {}): Promise<string> {
    platform.collectEvents();
    await platform.message(ALICE, 'hi', undefined, { replyToken: 'reply-token', ...overrides });
    await platform.sendCollected();
    return 'reply-token';
  }
  const reply = async (token: string) => client.replyMessage({ replyToken: token, messages: HELLO });

  test('a reply token works once', async () => {
    const token = await replyToken();
    expect((await reply(token)).sentMessages).toHaveLength(1);
    expect(platform.received(ALICE)).toMatchObject([{ operation: 'reply' }]);
    expect(await refusal(reply(token))).toMatchObject({ status: 400, message: 'Invalid reply token' });
  });

  test('a reply token works for a minute', async () => {
    const token = await replyToken();
    time += 60_001;
    expect(await refusal(reply(token))).toMatchObject({ message: 'Invalid reply token' });
  });

  test('a reply token does not work 20 minutes after its event', async () => {
    const token = await replyToken({ timestamp: time - 20 * 60_000 - 1 });
    expect(await refusal(reply(token))).toMatchObject({ message: 'Invalid reply token' });
  });

  test('an unknown reply token is refused', async () => {
    expect(await refusal(reply('unknown'))).toMatchObject({ message: 'Invalid reply token' });
  });

  test.each(['reply', 'push', 'multicast', 'narrowcast', 'broadcast'])('messages of a %s can be validated without being sent', async kind => {
    expect(await call(`/v2/bot/message/validate/${kind}`, { body: JSON.stringify({ messages: HELLO }) })).toMatchObject({ status: 200, text: '{}' });
    const bad = await call(`/v2/bot/message/validate/${kind}`, { body: JSON.stringify({ messages: [{ type: 'audio' }] }) });
    expect(bad.json()).toMatchObject({ message: 'The request body has 2 error(s)' });
    expect(platform.deliveries()).toEqual([]);
  });
});

describe('retry keys', () => {
  const KEY = '123e4567-e89b-12d3-a456-426614174000';

  test('a repeat of an accepted request is 409 with the first request id', async () => {
    const first = await client.multicastWithHttpInfo({ to: [ALICE], messages: HELLO }, KEY);
    const again = await refusal(client.multicast({ to: [ALICE], messages: HELLO }, KEY));
    expect(again).toMatchObject({ status: 409, message: 'The retry key is already accepted' });
    expect(again.headers.get('x-line-accepted-request-id')).toBe(first.httpResponse.headers.get('x-line-request-id'));
    expect(platform.received(ALICE)).toHaveLength(1);
  });

  test('for a push the messages sent are repeated', async () => {
    const { sentMessages } = await client.pushMessage({ to: ALICE, messages: HELLO }, KEY);
    const again = await call('/v2/bot/message/push', { body: JSON.stringify({ to: ALICE, messages: HELLO }), headers: withKey(KEY) });
    expect([again.status, again.json().sentMessages]).toEqual([409, sentMessages]);
  });

  test('a repeat of a refused request is carried out', async () => {
    platform.script('multicast', faults.status(500));
    expect(await multicast([ALICE], withKey(KEY))).toMatchObject({ status: 500 });
    expect(await multicast([ALICE], withKey(KEY))).toMatchObject({ status: 200 });
    expect(platform.received(ALICE)).toHaveLength(1);
    expect(rules()).toEqual([]);
  });

  test('the case of the key does not matter', async () => {
    await multicast([ALICE], withKey(KEY));
    expect(await multicast([ALICE], withKey(KEY.toUpperCase()))).toMatchObject({ status: 409 });
  });

  test('another body under the same key is noted', async () => {
    await multicast([ALICE], withKey(KEY));
    expect(await multicast([BOB], withKey(KEY))).toMatchObject({ status: 409 });
    expect(platform.violations()).toMatchObject([{ rule: 'retry-key-for-other-request', detail: KEY }]);
    expect(platform.received(BOB)).toEqual([]);
  });

  test('another body is noted too when the first request was refused', async () => {
    await multicast([ALICE], withKey(KEY), []);
    expect(await multicast([ALICE], withKey(KEY))).toMatchObject({ status: 200 });
    expect(rules()).toEqual(['retry-key-for-other-request']);
  });

  test('a key is forgotten after 24 hours: the same request is a new send', async () => {
    await multicast([ALICE], withKey(KEY));
    time += 24 * HOUR - 1;
    expect(await multicast([ALICE], withKey(KEY))).toMatchObject({ status: 409 });
    time += 1;
    expect(await multicast([ALICE], withKey(KEY))).toMatchObject({ status: 200 });
    expect(platform.received(ALICE)).toHaveLength(2);
    expect(rules()).toEqual(['retry-key-after-24-hours']);
  });

  test.each(['not-a-uuid', '123e4567e89b12d3a456426614174000', '{123e4567-e89b-12d3-a456-426614174000}'])('the key %s is refused', async key => {
    expect(await multicast([ALICE], withKey(key))).toMatchObject({ status: 400 });
  });

  test.each([
    ['/v2/bot/message/reply', 'POST'], ['/v2/bot/message/validate/multicast', 'POST'], ['/v2/bot/info', 'GET'], [`/v2/bot/profile/${ALICE}`, 'GET'],
  ])('%s takes no retry key', async (path, method) => {
    const body = method === 'POST' ? JSON.stringify({ replyToken: 'x', messages: HELLO }) : undefined;
    expect(await call(path, { method, body, headers: withKey(KEY) })).toMatchObject({ status: 400 });
  });

  test.each([['/v2/bot/message/push', { to: ALICE }], ['/v2/bot/message/broadcast', {}]])('%s takes one', async (path, extra) => {
    expect(await call(path, { body: JSON.stringify({ ...extra, messages: HELLO }), headers: withKey(KEY) })).toMatchObject({ status: 200 });
  });

  describe('a repeat while the first is held open', () => {
    test('conflicts without an accepted request id, and the first is then decided', async () => {
      const hold = platform.hold('multicast');
      const first = multicast([ALICE], withKey(KEY));
      const { requestId } = await platform.held(hold);
      const repeat = await multicast([ALICE], withKey(KEY));
      expect([repeat.status, repeat.headers.get('x-line-accepted-request-id')]).toEqual([409, null]);
      platform.release(hold);
      expect((await first).headers.get('x-line-request-id')).toBe(requestId);
      expect((await multicast([ALICE], withKey(KEY))).headers.get('x-line-accepted-request-id')).toBe(requestId);
      expect(platform.received(ALICE)).toHaveLength(1);
    });

    test('is carried out, and the first becomes the repeat', async () => {
      platform.configure({ concurrentRepeat: 'process' });
      const hold = platform.hold('multicast');
      const first = multicast([ALICE], withKey(KEY));
      await platform.held(hold);
      const repeat = await multicast([ALICE], withKey(KEY));
      expect(repeat.status).toBe(200);
      platform.release(hold);
      expect((await first).headers.get('x-line-accepted-request-id')).toBe(repeat.headers.get('x-line-request-id'));
      expect(platform.received(ALICE)).toHaveLength(1);
    });

    test('the first may fail in the end', async () => {
      const hold = platform.hold('multicast');
      const first = multicast([ALICE], withKey(KEY));
      await platform.held(hold);
      platform.release(hold, faults.status(500));
      expect(await first).toMatchObject({ status: 500 });
      expect(await multicast([ALICE], withKey(KEY))).toMatchObject({ status: 200 });
    });
  });
});

describe('limits', () => {
  const statuses = async (count: number, to = [ALICE]) => {
    const all: number[] = [];
    for (let i = 0; i < count; i++) all.push((await multicast(to)).status);
    return all;
  };

  test('200 multicasts a second, refilled with time', async () => {
    const all = await statuses(201);
    expect([all.filter(status => status === 200).length, all[200]]).toEqual([200, 429]);
    time += 5;
    expect(await statuses(2)).toEqual([200, 429]);
    expect(platform.violations().every(({ rule }) => rule === 'rate-limit-exceeded')).toBe(true);
  });

  test('each operation has its own bucket, and limits can be set', async () => {
    platform.configure({ rateLimits: { multicast: { requests: 1, perMs: 1000 } } });
    expect(await statuses(2)).toEqual([200, 429]);
    const refused = await refusal(client.multicast({ to: [ALICE], messages: HELLO }));
    expect(refused.message).toBe('The API rate limit has been exceeded. Try again later.');
    await expect(client.pushMessage({ to: ALICE, messages: HELLO })).resolves.toBeDefined();
  });

  test('the month\'s quota counts who was reached, not who was named', async () => {
    platform.configure({ quota: { type: 'limited', value: 3 } });
    platform.block(BOB);
    expect(await client.getMessageQuota()).toEqual({ type: 'limited', value: 3 });
    expect(await statuses(2, [ALICE, BOB])).toEqual([200, 200]);
    expect(await client.getMessageQuotaConsumption()).toEqual({ totalUsage: 2 });
    expect(await refusal(client.multicast({ to: [ALICE, BOB], messages: HELLO })))
      .toMatchObject({ status: 429, message: 'You have reached your monthly limit.' });
    expect(await statuses(1, [ALICE])).toEqual([200]);
    expect(platform.usage()).toBe(3);
    expect(rules()).toEqual([]);
  });

  test('while a send runs, quota is reserved for those who will not be reached', async () => {
    platform.configure({ quota: { type: 'limited', value: 3 }, reservationMs: 1000 });
    platform.block(BOB);
    expect(await statuses(2, [ALICE, BOB])).toEqual([200, 429]);
    time += 1000;
    expect(await statuses(1, [ALICE, BOB])).toEqual([200]);
  });

  test('replies do not count, and without a quota nothing is limited', async () => {
    expect(await client.getMessageQuota()).toEqual({ type: 'none' });
    platform.setUsage(10);
    platform.configure({ quota: { type: 'limited', value: 10 } });
    await platform.message(ALICE, 'hi', undefined, { replyToken: 'token' });
    await client.replyMessage({ replyToken: 'token', messages: HELLO });
    expect(platform.usage()).toBe(10);
  });
});

describe('aggregation units', () => {
  const sendWith = async (unit: string) => client.multicast({ to: [ALICE], messages: HELLO, customAggregationUnits: [unit] });
  const counted = () => platform.received(ALICE).map(({ aggregationUnit }) => aggregationUnit);

  test('are counted once a month, of accepted multicasts and pushes', async () => {
    await sendWith('spring');
    await sendWith('spring');
    await client.pushMessage({ to: ALICE, messages: HELLO, customAggregationUnits: ['Spring'] });
    await client.multicast({ to: [ALICE], messages: HELLO });
    await refusal(client.multicast({ to: [NOBODY], messages: HELLO, customAggregationUnits: ['refused'] }));
    expect(await client.getAggregationUnitUsage()).toEqual({ numOfCustomAggregationUnits: 2 });
    expect(await client.getAggregationUnitNameList()).toEqual({ customAggregationUnits: ['spring', 'Spring'] });
    expect(counted()).toEqual(['spring', 'spring', 'Spring', undefined]);
  });

  test('from the 1,001st of a month on are dropped without a word', async () => {
    platform.setAggregationUnits(Array.from({ length: 999 }, (_, n) => `unit_${n}`));
    for (const unit of ['last', 'dropped', 'unit_3']) await sendWith(unit);
    expect(counted()).toEqual(['last', undefined, 'unit_3']);
    expect(await client.getAggregationUnitUsage()).toEqual({ numOfCustomAggregationUnits: 1000 });
    expect(platform.aggregationUnits().at(-1)).toBe('last');
  });

  test('begin anew with the month, in UTC+9', async () => {
    time = Date.UTC(2026, 0, 31, 14, 59);
    await sendWith('january');
    time = Date.UTC(2026, 0, 31, 15, 0);
    expect(await client.getAggregationUnitUsage()).toEqual({ numOfCustomAggregationUnits: 0 });
    await sendWith('february');
    expect(platform.aggregationUnits()).toEqual(['february']);
  });

  describe('have statistics', () => {
    const statistics = async (unit: string, from: string, to: string) =>
      new insight.InsightClient({ channelAccessToken: TOKEN, baseURL: platform.url }).getStatisticsPerUnit(unit, from, to);
    const crowd = Array.from({ length: 25 }, (_, n) => lineUserId(`crowd ${n}`));

    beforeEach(async () => {
      platform.add(...crowd.map(userId => ({ userId, displayName: 'C' })));
      await client.multicast({ to: crowd, messages: [...HELLO, ...HELLO], customAggregationUnits: ['spring'] });
    });

    test('of who saw what was sent and who opened its links, less than 20 people being null', async () => {
      platform.openChat(...crowd.slice(0, 20), NOBODY);
      crowd.slice(0, 19).forEach(userId => platform.openLink(userId, 'https://example.com/sale'));
      const few = await statistics('spring', '20260101', '20260101');
      expect(few.overview).toEqual({ uniqueImpression: 20, uniqueClick: null, uniqueMediaPlayed: null, uniqueMediaPlayed100Percent: null });
      expect(few.messages).toMatchObject([{ seq: 1, impression: 20, uniqueImpression: 20, mediaPlayed25Percent: null }, { seq: 2, impression: 20 }]);
      expect(few.clicks).toEqual([{ seq: 1, url: 'https://example.com/sale', click: null, uniqueClick: null, uniqueClickOfRequest: null }]);
      // A link that is opened displays the message, too.
      crowd.slice(18).forEach(userId => platform.openLink(userId, 'https://example.com/sale'));
      const many = await statistics('spring', '20260101', '20260101');
      expect(many.overview).toMatchObject({ uniqueImpression: 25, uniqueClick: 25 });
      expect(many.clicks).toMatchObject([{ click: 26, uniqueClick: 25 }]);
    });

    test('of the days asked for, in UTC+9, and of that unit alone', async () => {
      platform.openChat(...crowd);
      const seen = async (unit: string, from: string, to: string) => (await statistics(unit, from, to)).overview.uniqueImpression;
      expect(await seen('spring', '20260101', '20260131')).toBe(25);
      expect(await seen('spring', '20251202', '20251231')).toBeNull();
      expect(await seen('Spring', '20260101', '20260101')).toBeNull();
      time = Date.UTC(2026, 0, 1, 15);
      await client.multicast({ to: crowd, messages: HELLO, customAggregationUnits: ['late'] });
      platform.openChat(...crowd);
      expect(await seen('late', '20260101', '20260101')).toBeNull();
      expect(await seen('late', '20260102', '20260102')).toBe(25);
    });

    test.each([
      ['sp-ring', '20260101', '20260101'], ['', '20260101', '20260101'], ['spring', '2026-01-01', '20260101'], ['spring', '20260101', '20261301'],
      ['spring', '20260102', '20260101'], ['spring', '20260101', '20260201'],
    ])('not of %s from %s to %s', async (unit, from, to) => {
      expect(await refusal(statistics(unit, from, to))).toMatchObject({ status: 400 });
    });

    test('sixty times an hour', async () => {
      for (let n = 0; n < 60; n++) await statistics('spring', '20260101', '20260101');
      expect(await refusal(statistics('spring', '20260101', '20260101'))).toMatchObject({ status: 429 });
      time += HOUR;
      expect(await statistics('spring', '20260101', '20260101')).toBeDefined();
    });

    test('that are forgotten with the deliveries; a link of nothing cannot be opened', async () => {
      platform.openChat(...crowd);
      platform.forgetRecords();
      expect((await statistics('spring', '20260101', '20260101')).messages).toEqual([]);
      expect(() => platform.openLink(ALICE, 'https://example.com')).toThrow('has received nothing');
    });
  });

  test('are listed by the hundred', async () => {
    platform.setAggregationUnits(Array.from({ length: 150 }, (_, n) => `unit_${n}`));
    const first = await client.getAggregationUnitNameList();
    expect(first.customAggregationUnits).toHaveLength(100);
    const second = await client.getAggregationUnitNameList('100', first.next);
    expect(second.customAggregationUnits.at(-1)).toBe('unit_149');
    expect(second).not.toHaveProperty('next');
    expect(await refusal(client.getAggregationUnitNameList('101'))).toMatchObject({ status: 400 });
    expect(await refusal(client.getAggregationUnitNameList('10', 'other'))).toMatchObject({ status: 400 });
  });
});

describe('people', () => {
  test('a profile is given of friends who agreed', async () => {
    platform.updateProfile(ALICE, { displayName: 'Alice', pictureUrl: 'https://example.com/a.png', consent: true });
    expect(await client.getProfile(ALICE)).toEqual({ userId: ALICE, displayName: 'Alice', language: 'ja', pictureUrl: 'https://example.com/a.png' });
  });

  test.each<[string, string, () => void, number, string]>([
    ['a malformed id', 'alice', () => undefined, 400, "The value for the 'userId' parameter is invalid"],
    ['an unknown person', NOBODY, () => undefined, 404, 'Not found'],
    ['a stranger', STRANGER, () => undefined, 404, 'Not found'],
    ['one who blocked the account', ALICE, () => platform.block(ALICE), 404, 'Not found'],
    ['one who did not agree', ALICE, () => platform.updateProfile(ALICE, { consent: false }), 404, 'Not found'],
  ])('no profile of %s', async (_name, userId, act, status, message) => {
    act();
    expect(await refusal(client.getProfile(userId))).toMatchObject({ status, message });
  });

  test('an unblocked friend is reached again', async () => {
    platform.block(ALICE);
    platform.unblock(ALICE);
    await expect(client.getProfile(ALICE)).resolves.toBeDefined();
  });

  test('followers are listed in pages whose token lives for a day', async () => {
    platform.add({ userId: lineUserId('carol'), displayName: 'C' });
    const first = await client.getFollowers(undefined, 2);
    expect(first.userIds).toEqual([ALICE, BOB]);
    expect(await client.getFollowers(first.next, 2)).toEqual({ userIds: [lineUserId('carol')] });
    time += 24 * HOUR;
    expect(await refusal(client.getFollowers(first.next, 2))).toMatchObject({ status: 400 });
  });

  test.each([0, 1001, 1.5])('a page of %s followers is refused', async limit => {
    expect(await refusal(client.getFollowers(undefined, limit))).toMatchObject({ status: 400 });
  });

  test('only verified accounts may list followers', async () => {
    platform.configure({ verifiedAccount: false });
    expect(await refusal(client.getFollowers())).toMatchObject({ status: 403 });
  });

  test.each<[string, () => unknown, RegExp]>([
    ['a malformed user id', () => platform.add({ userId: 'alice', displayName: 'A' }), /userId must match .*got alice/],
    ['blocking by an unknown person', () => platform.block(NOBODY), /is not known: add\(\) the person first/],
    ['faults of an unknown operation', () => platform.script('fax' as 'push', faults.reset()), /operation must be one of .*got fax/],
    ['releasing what is not held', () => platform.release(7), /no hold 7/],
    ['a malformed bot user id', () => new LinePlatform({ botUserId: 'bot' }), /botUserId must match/],
    ['the address of a platform not started', () => new LinePlatform().url, /await start\(\) first/],
  ])('the stand-in refuses %s', (_name, act, message) => {
    expect(act).toThrow(message);
  });
});

describe('faults', () => {
  const KEY = '123e4567-e89b-12d3-a456-426614174000';
  const attempt = async () => multicast([ALICE], withKey(KEY)).then(({ status }) => status, () => 'broken');

  test.each([
    ['503 before acceptance', faults.status(503), 503, 0],
    ['500 after acceptance', faults.status(500, undefined, { accepted: true }), 500, 1],
    ['a reset before the request is read', faults.reset(), 'broken', 0],
    ['a reset after acceptance', faults.reset({ accepted: true }), 'broken', 1],
    ['an HTML page', faults.html(), 502, 0],
    ['an empty answer after acceptance', faults.empty(200, { accepted: true }), 200, 1],
    ['a redirect', faults.redirect(), 302, 0],
    ['malformed JSON after acceptance', faults.malformedJson({ accepted: true }), 200, 1],
  ])('%s', async (_name, fault, status, received) => {
    platform.script('multicast', fault);
    expect(await attempt()).toBe(status);
    expect(platform.received(ALICE)).toHaveLength(received);
    expect(platform.requests()).toMatchObject([{ status: status === 'broken' ? 0 : status, accepted: received === 1, fault }]);
    expect(await attempt()).toBe(received === 1 ? 409 : 200);
    expect(platform.received(ALICE)).toHaveLength(1);
  });

  test.each([[false, 0], [true, 1]])('a timeout, request accepted: %s', async (accepted, received) => {
    platform.script('multicast', faults.timeout({ accepted }));
    const silent = fetch(`${platform.url}/v2/bot/message/multicast`, {
      method: 'POST', headers: { ...JSON_BODY, authorization: `Bearer ${TOKEN}` }, body: JSON.stringify({ to: [ALICE], messages: HELLO }), signal: AbortSignal.timeout(100),
    });
    await expect(silent).rejects.toThrow(/timeout/);
    expect(platform.received(ALICE)).toHaveLength(received);
  });

  test('a slow answer comes late, but comes', async () => {
    platform.script('multicast', faults.slow(80));
    const startedAt = performance.now();
    expect(await attempt()).toBe(200);
    expect(performance.now() - startedAt).toBeGreaterThan(75);
  });

  test('a malformed answer is not JSON, an HTML answer says so', async () => {
    platform.script('multicast', faults.malformedJson(), faults.html(), faults.empty());
    const [malformed, html, empty] = [await multicast([ALICE]), await multicast([ALICE]), await multicast([ALICE])];
    expect(() => malformed.json()).toThrow(SyntaxError);
    expect(html.headers.get('content-type')).toBe('text/html');
    expect(empty.text).toBe('');
  });

  test('the token of a request can expire under way', async () => {
    platform.script('multicast', faults.expiredToken());
    expect(await attempt()).toBe(401);
    expect(await attempt()).toBe(401);
  });

  test('the texts of a 429 tell the quota from the rate', async () => {
    platform.script('multicast', faults.status(429), faults.status(429, 'You have reached your monthly limit.'));
    expect((await multicast([ALICE])).json().message).toBe('The API rate limit has been exceeded. Try again later.');
    expect((await multicast([ALICE])).json().message).toBe('You have reached your monthly limit.');
  });

  test('with half of all requests failing at random, repeats with the same key reach each friend once', async () => {
    platform.randomFaults({ seed: 5, share: 0.5, faults: [faults.status(500), faults.reset({ accepted: true }), faults.reset()] });
    for (let i = 0; i < 20; i++) {
      const key = randomUUID();
      let status = 0;
      while (status !== 200 && status !== 409) status = await multicast([ALICE], withKey(key)).then(answer => answer.status, () => 0);
    }
    expect(platform.received(ALICE)).toHaveLength(20);
    expect(platform.requests().length).toBeGreaterThan(25);
    platform.clearFaults();
    expect(await multicast([ALICE])).toMatchObject({ status: 200 });
  });
});

test('records can be forgotten', async () => {
  await multicast([ALICE, ALICE]);
  platform.forgetRecords();
  expect([platform.requests(), platform.deliveries(), platform.violations(), platform.webhookAttempts()]).toEqual([[], [], [], []]);
});

test('the clock can be moved ahead', async () => {
  platform.advanceClock(1000);
  await multicast([ALICE]);
  expect(platform.received(ALICE)).toMatchObject([{ at: time + 1000 }]);
});
