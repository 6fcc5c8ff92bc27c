import { Server, createServer } from 'node:http';
import { Fault, faults } from '../../simulator/faults';
import { close, listen, readBody } from '../../simulator/http-server';
import { lineGroupId, lineUserId } from '../../simulator/line-ids';
import { LinePlatform } from '../../simulator/line-platform';
import { Metric } from '../../src/contract/metrics';
import { ReplyRule } from '../../src/contract/replies';
import { contentComposer } from '../../src/domain/line/compose-content';
import { replyMatcher } from '../../src/domain/line/match-reply';
import { BusEvent, processEvents } from '../../src/domain/line/process-events';
import { receiveWebhook } from '../../src/domain/line/receive-webhook';
import { replyToEvent } from '../../src/domain/line/reply-to-events';
import { LineClient } from '../../src/runtime/line-client';
import { LineTokens } from '../../src/runtime/line-tokens';
import { RecordedTelemetry } from '../support/recorded-telemetry';

/** From LINE's stand-in to the receiver, the worker, the bus, the function that replies, and back, all on one clock. */

const SECRET = '8c570fa6dd201bb328f1c1eac23a96d8';
const ALICE = lineUserId('alice');
const GROUP = lineGroupId('group');
const RULES: ReplyRule[] = [
  { id: 'follow', match: { kind: 'follow' }, data: 'Welcome, {{User.UserAttributes.DisplayName|friend}}!' },
  { id: 'hours', match: { kind: 'text', keywords: ['opening hours'] }, data: 'Nine to five' },
  { id: 'menu', match: { kind: 'postback', prefix: 'menu=' }, data: '[{"type":"text","text":"One"},{"type":"text","text":"Two"}]' },
  { id: 'rest', match: { kind: 'other' }, data: 'Sorry?' },
];

let platform: LinePlatform;
let bot: Server;
let time: number;
let telemetry: RecordedTelemetry;
/** What has passed the queue, and what the bus has. */
let queued: string[];
let bus: BusEvent[];
const profiles = new Map<string, { displayName: string }>();

beforeEach(async () => {
  time = Date.UTC(2026, 10, 23);
  telemetry = new RecordedTelemetry();
  queued = [];
  bus = [];
  profiles.clear();
  platform = new LinePlatform({ channelSecret: SECRET, longLivedTokens: ['long-lived-token-of-shop'], now: () => time });
  await platform.start();
  bot = createServer((request, response) => {
    void readBody(request, Infinity).then(async (body) => {
      const { statusCode } = await receive(body!.toString(), String(request.headers['x-line-signature']));
      response.writeHead(statusCode).end();
    });
  });
  platform.setWebhookUrl(`${await listen(bot)}/webhook`);
});

afterEach(async () => {
  await platform.stop();
  await close(bot);
});

const secrets = { value: async () => JSON.stringify({ channelSecret: SECRET, channelAccessToken: 'long-lived-token-of-shop' }), refresh: async () => secrets.value() };
const line = () => new LineClient({ baseUrl: platform.url, tokens: new LineTokens({ baseUrl: platform.url, secrets }) });

async function receive(body: string, signature: string) {
  return receiveWebhook({ headers: { 'x-line-signature': signature }, body }, {
    secrets,
    fields: {},
    queue: {
      send: async (entries) => {
        queued.push(...entries.map((entry) => entry.body));
        return new Map();
      },
    },
    clock: { now: () => time, sleep: async (ms) => { time += ms; } },
    telemetry,
    includeMessageText: false,
    matchReply: replyMatcher(RULES),
  });
}

/** The worker takes what is queued to the bus. */
async function work(): Promise<void> {
  const handled = new Set<string>();
  const { batchItemFailures } = await processEvents(queued.map((body, n) => ({ messageId: `m${n}`, body, attributes: { MessageGroupId: `g${n}` } })), {
    channelKey: 'shop',
    unsubscribe: 'OPT_OUT',
    includePicture: false,
    isOwnDestination: async () => true,
    subscribers: {
      follow: async () => 'applied',
      unfollow: async () => 'applied',
      profile: async (userId, profile) => {
        profiles.set(userId, profile);
        return 'applied';
      },
      isSubscribed: async () => true,
      isHandled: async (eventId) => handled.has(eventId),
      markHandled: async (eventId) => { handled.add(eventId); },
    },
    line: line(),
    publish: async (event) => {
      bus.push(JSON.parse(JSON.stringify(event)));
      return undefined;
    },
    deferProfile: async () => undefined,
    telemetry,
    now: () => time,
  }, { remainingMs: () => 30_000, sleep: async () => new Promise(() => undefined) });
  expect(batchItemFailures).toEqual([]);
}

/** The bus carries what names a rule to the function that replies; it may do so twice. */
async function carry(times = 1): Promise<void> {
  for (const { detail } of bus.filter((event) => event.detail.reply !== undefined).flatMap((event) => Array<BusEvent>(times).fill(event))) {
    await replyToEvent({ detail }, 60_000, {
      channelKey: 'shop',
      rules: RULES,
      line: line(),
      composer: (data) => contentComposer(data, { functionType: 'any', sampleMessages: false }, {
        media: { types: [], find: async () => undefined, url: async () => '', imagemapUrl: () => undefined },
        templates: { find: async () => undefined },
      }),
      person: async (userId) => profiles.has(userId) ? { User: { UserAttributes: { DisplayName: [profiles.get(userId)!.displayName] } } } : undefined,
      invokeFunction: async () => null,
      telemetry,
      now: () => time,
      sleep: async (ms) => { time += ms; },
      random: () => 0,
    });
  }
}

const texts = () => platform.deliveries().map(({ to, operation, messages }) => [to, operation, ...messages.map(({ text }) => text)]);

test('a follower is greeted by name, once, though the bus delivers twice', async () => {
  // WHEN
  await platform.follow({ userId: ALICE, displayName: 'アリス' });
  await work();
  await carry(2);
  // THEN
  expect(texts()).toEqual([[ALICE, 'reply', 'Welcome, アリス!']]);
  expect(telemetry.counts).toMatchObject({ [Metric.REPLIES_SENT]: 1 });
  expect(telemetry.counts).not.toHaveProperty(Metric.REPLIES_FAILED);
  expect(platform.violations()).toEqual([]);
});

test('keywords, postbacks and the rest are replied to, and no word of anybody passes the queue or the bus', async () => {
  // GIVEN
  platform.add({ userId: ALICE, displayName: 'Alice' });
  // WHEN
  await platform.message(ALICE, 'ＯＰＥＮＩＮＧ hours ');
  await platform.postback(ALICE, 'menu=1');
  await platform.message(ALICE, 'my secret');
  await platform.message(ALICE, { type: 'sticker', packageId: '446', stickerId: '1988' });
  await work();
  await carry();
  // THEN
  expect(texts()).toEqual([[ALICE, 'reply', 'Nine to five'], [ALICE, 'reply', 'One', 'Two'], [ALICE, 'reply', 'Sorry?']]);
  expect(JSON.stringify([queued, bus, telemetry.lines])).not.toMatch(/opening|ＯＰＥＮＩＮＧ|secret/i);
});

test.each<[string, Fault[]]>([
  ['holds it back', [faults.status(429), faults.status(429)]],
  ['fails before it takes it', [faults.status(500), faults.html()]],
  ['fails after it took it', [faults.status(500, undefined, { accepted: true })]],
  ['hangs up before it takes it', [faults.reset()]],
  ['hangs up after it took it', [faults.reset({ accepted: true })]],
])('when LINE %s, the person gets one reply, though the bus delivers twice', async (_name, list) => {
  // GIVEN
  platform.add({ userId: ALICE, displayName: 'Alice' });
  await platform.message(ALICE, 'opening hours');
  await work();
  platform.script('reply', ...list);
  // WHEN
  await carry(2);
  // THEN
  expect(texts()).toEqual([[ALICE, 'reply', 'Nine to five']]);
  expect(telemetry.counts).toMatchObject({ [Metric.REPLIES_SENT]: 1 });
  expect(telemetry.counts).not.toHaveProperty(Metric.REPLIES_FAILED);
});

test('in a group a keyword is replied to, to the group, and nothing else is', async () => {
  platform.add({ userId: ALICE, displayName: 'Alice' });
  await platform.join(GROUP);
  await platform.message(ALICE, 'opening hours', GROUP);
  await platform.message(ALICE, 'how are you?', GROUP);
  await work();
  await carry();
  expect(texts()).toEqual([[GROUP, 'reply', 'Nine to five']]);
});

test('an event that came too late gets no reply, and LINE is not asked', async () => {
  platform.add({ userId: ALICE, displayName: 'Alice' });
  await platform.message(ALICE, 'opening hours');
  await work();
  time += 55_000;
  await carry();
  expect(platform.requests('reply')).toEqual([]);
  expect(telemetry.codes).toContain('REPLY_TOO_LATE');
});

test('nothing is replied while another channel holds the conversation', async () => {
  platform.add({ userId: ALICE, displayName: 'Alice' });
  await platform.message(ALICE, 'opening hours', undefined, { mode: 'standby' });
  await work();
  await carry();
  expect(bus).toHaveLength(1);
  expect(platform.requests('reply')).toEqual([]);
});
