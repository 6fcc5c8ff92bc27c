import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { faults } from '../../simulator/faults';
import { lineGroupId, lineUserId, ulid } from '../../simulator/line-ids';
import { LinePlatform, LineUser } from '../../simulator/line-platform';
import { WebhookAttempt, WebhookEvent, sign } from '../../simulator/line-webhooks';
import { campaignEvents } from '../../simulator/pinpoint-campaign';
import { Stage } from '../../simulator/stage/stage';
import { CustomChannelEvent, CustomChannelReply } from '../../src/contract/custom-channel';
import { ENV_SUBSCRIBER_TABLE, ENV_WEBHOOK_QUEUE_URL } from '../../src/contract/environment';
import { Metric } from '../../src/contract/metrics';
import { SubscriberChange } from '../../src/contract/subscriber';
import { WebhookEventDetail } from '../../src/contract/webhook-events';
import {
  CREDENTIALS, DEPLOY_LIMIT_MS, DeployedChannel, DeployedStack, PATIENT_LINE, TEST_LIMIT_MS, deployChannel, deployStack, eventually, startStage,
} from '../support/deployed-channel';

/** The webhook side of the library, deployed: every answer comes from the functions as they ship, every request is LINE's. */
jest.setTimeout(TEST_LIMIT_MS);

const PROJECT = '0123456789abcdef0123456789abcdef';
const SHOP_PROJECT = 'fedcba9876543210fedcba9876543210';
const SHOP_CREDENTIALS = { channelId: '2000000001', channelSecret: '5d3c1f0e9b8a7d6c5b4a39281706f5e4' };
const SUPPORT_CREDENTIALS = { channelId: '2000000002', channelSecret: '0f1e2d3c4b5a69788796a5b4c3d2e1f0' };
/** What the first channel's secret is exchanged for in between. */
const NEW_CHANNEL_SECRET = '9'.repeat(32);
const WEBHOOK_APP = { app: 'test/e2e/fixtures/webhook-channel/app.ts', stackName: 'WebhookChannel' };

/** In every display name, so that it can be looked for where no name may be. */
const NAME_MARK = '表示名';
const MESSAGE_TEXT = '秘密の本文 – nobody but the two of us';

const UNAUTHORIZED = { statusCode: 401, answer: '{"message":"Unauthorized"}' };
const BAD_REQUEST = { statusCode: 400, answer: '{"message":"Bad request"}' };
const ACCEPTED = { statusCode: 200, answer: '{"message":"OK"}' };

let stage: Stage;
let line: LinePlatform;
let channel: DeployedChannel;
let shopLine: LinePlatform;
let supportLine: LinePlatform;
let twoChannels: DeployedStack;
let shop: DeployedChannel;
let support: DeployedChannel;

beforeAll(async () => {
  shopLine = new LinePlatform({ ...PATIENT_LINE, ...SHOP_CREDENTIALS, botUserId: lineUserId('shop bot') });
  supportLine = new LinePlatform({ ...PATIENT_LINE, ...SUPPORT_CREDENTIALS, botUserId: lineUserId('support bot') });
  const [shopUrl, supportUrl] = await Promise.all([shopLine.start(), supportLine.start()]);
  stage = await startStage({ pinpoint: { applicationIds: [PROJECT, SHOP_PROJECT] } });
  line = stage.line;
  channel = await deployChannel(stage, { ...WEBHOOK_APP, context: { applicationId: PROJECT }, applicationId: PROJECT });
  twoChannels = await deployStack(stage, {
    app: 'test/e2e/fixtures/two-channels/app.ts',
    stackName: 'TwoChannels',
    context: { applicationId: SHOP_PROJECT, shopLineApiBaseUrl: shopUrl, supportLineApiBaseUrl: supportUrl },
  });
  shop = twoChannels.channel({ id: 'Shop', channelKey: 'shop', applicationId: SHOP_PROJECT, line: shopLine });
  support = twoChannels.channel({ id: 'Support', channelKey: 'support', line: supportLine });
}, DEPLOY_LIMIT_MS);

afterAll(async () => {
  await Promise.all([stage?.stop(), shopLine.stop(), supportLine.stop()]);
}, TEST_LIMIT_MS);

function person(name: string, more: Partial<LineUser> = {}): LineUser {
  return { userId: lineUserId(name), displayName: `${NAME_MARK} ${name}`, language: 'ja', ...more };
}

function eventOf(attempt?: WebhookAttempt): WebhookEvent {
  return JSON.parse(attempt!.body).events[0];
}

/** Has LINE send an event, and waits until the worker is done with it. */
async function handled(sending: Promise<WebhookAttempt | undefined>, of: DeployedChannel = channel): Promise<WebhookEvent> {
  const event = eventOf(await sending);
  await of.handled(event.webhookEventId);
  return event;
}

interface BusMessage {
  readonly 'source': string;
  readonly 'detail-type': string;
  readonly 'detail': WebhookEventDetail;
}

/** What came out of each queue behind a bus so far. */
const received = new Map<string, BusMessage[]>();

async function fromBus(queue = 'Events', stack: DeployedStack = channel.stack): Promise<readonly BusMessage[]> {
  const url = stack.resource(queue);
  const arrived = await stack.drain(url);
  const all = received.get(url) ?? [];
  all.push(...arrived.map(({ Body }): BusMessage => JSON.parse(Body!)));
  received.set(url, all);
  return all;
}

/** Waits until each event has come from the bus, once. */
async function expectOnBus(...events: WebhookEvent[]): Promise<void> {
  await eventually(async () => {
    const ids = (await fromBus()).map(({ detail }) => detail.webhookEventId);
    expect(events.map(({ webhookEventId }) => ids.filter((id) => id === webhookEventId).length)).toEqual(events.map(() => 1));
  });
}

/** What Pinpoint was told about somebody's `OptOut`, repetitions left out. */
function optOutsTold(userId: string): string[] {
  const all = stage.pinpoint.calls('updateEndpoint').filter(({ endpointId }) => endpointId === userId).map(({ body }) => JSON.parse(body!).OptOut);
  return all.filter((optOut, i) => optOut !== all[i - 1]);
}

/**
 * Waits until subscriber and endpoint, if the channel has any, have the profile; the worker gives LINE little time, so that
 * on a busy machine it may come later.
 */
async function expectProfile({ userId }: LineUser, attributes: Record<string, string[]>, of: DeployedChannel = channel): Promise<void> {
  await eventually(async () => {
    expect((await of.subscriber(userId))!.User.UserAttributes).toEqual(attributes);
    expect(of.applicationId && of.endpoint(userId)?.User?.UserAttributes).toEqual(of.applicationId && attributes);
  });
}

async function expectOptOut({ userId }: LineUser, optOut: 'ALL' | 'NONE', of: DeployedChannel = channel): Promise<void> {
  await eventually(async () => {
    expect(await of.subscriber(userId)).toMatchObject({ OptOut: optOut });
    expect(of.endpoint(userId)).toMatchObject({ OptOut: optOut });
  });
}

describe('before and during the set-up', () => {
  test.each([
    ['as it was generated', () => channel, undefined, /the secret has no value for "channelSecret" .* fill it in/],
    ['not JSON', () => shop, 'channel secret: 123', /the secret is empty or not a JSON object: store one like .*"secret"/],
    ['without the channel secret', () => support, { channelId: '2000000002' }, /the secret has no value for "channelSecret"/],
  ])('GIVEN a secret %s WHEN LINE posts THEN 503, and log and metric say what to do', async (_, which, secret, reason) => {
    const some = which();
    some.line.setWebhookUrl(some.webhookUrl!);
    if (secret !== undefined) {
      await some.fillSecret(secret);
    }

    const answers = await Promise.all([
      some.line.sendRaw({ body: bodyOf(some.line.botUserId, followEvent(person('Early'))) }),
      some.line.sendRaw({ body: '{}', signature: null }),
    ]);

    expect(answers).toMatchObject([{ statusCode: 503, answer: '{"message":"Service unavailable"}' }, UNAUTHORIZED]);
    await eventually(async () => expect(await some.metric('Webhook/Receiver', Metric.CREDENTIALS_UNAVAILABLE)).toBe(1));
    const entries = (await some.log('Webhook/Receiver')).filter(({ code }) => code === 'CREDENTIALS_UNAVAILABLE');
    expect(entries).toEqual([expect.objectContaining({ level: 'ERROR', message: expect.stringMatching(reason) })]);
    expect(await some.stack.queueDepth(some.resource('Webhook/Queue'))).toBe(0);
    expect(await some.metric('Webhook/Receiver', Metric.EVENTS_QUEUED)).toBe(0);
  });

  test('GIVEN an empty secret WHEN the operator runs the set-up THEN it names what to fill in', async () => {
    const report = await channel.setUp();

    expect(report.ok).toBe(false);
    expect(report.steps.at(-1)).toMatchObject({ name: 'credentials', ok: false, detail: expect.stringContaining('"channelSecret"'), fix: expect.stringMatching(/^fill the secret in/) });
    expect(line.requests()).toEqual([]);
  });

  test('GIVEN a wrong channel secret WHEN the operator runs the set-up THEN it says so, without the secret', async () => {
    const wrong = 'f'.repeat(32);
    await channel.fillSecret({ ...CREDENTIALS, channelSecret: wrong });

    const report = await channel.setUp();

    expect(report.ok).toBe(false);
    expect(report.steps.at(-1)).toMatchObject({ name: 'bot', ok: false, detail: expect.stringContaining('channel id or channel secret in the secret is wrong'), fix: expect.stringContaining('correct the secret') });
    expect(JSON.stringify(report)).not.toContain(wrong);
    expect(await channel.botUserId()).toBeUndefined();
  });

  test('GIVEN the right secret WHEN the operator runs the set-up, and once more, THEN LINE knows and has tested the webhook', async () => {
    line.setWebhookUrl('https://somewhere.else.example/');
    line.configure({ useWebhook: false });
    await channel.fillSecret(CREDENTIALS);

    const first = await channel.setUp();
    line.configure({ useWebhook: true });
    const second = await channel.setUp(null);

    expect(first.steps.map(({ name, ok }) => [name, ok])).toEqual(
      ['payload', 'credentials', 'bot', 'botUserId', 'webhookUrl', 'webhookTest'].map((name) => [name, true]));
    expect(first.remaining).toEqual(expect.arrayContaining([expect.stringMatching(/^Switch on "Use webhook"/), expect.stringMatching(/^Switch on "Webhook redelivery"/)]));
    expect(second).toEqual({ ok: true, steps: first.steps, remaining: first.remaining.filter((what) => !what.includes('"Use webhook"')) });
    expect(line.getWebhookUrl()).toBe(channel.webhookUrl);
    expect(line.webhookAttempts().at(-1)).toMatchObject({ url: channel.webhookUrl, body: bodyOf(line.botUserId), ...ACCEPTED });
    expect(await channel.botUserId()).toBe(line.botUserId);
  });
});

describe('people', () => {
  test('GIVEN a follower THEN subscriber, profile and Pinpoint endpoint; an unfollow opts out in both, a re-follow restores', async () => {
    const momo = person('Momo', { pictureUrl: 'https://profile.line-scdn.net/momo' });
    const attributes = { DisplayName: [momo.displayName], Language: ['ja'] };
    const date = (event: WebhookEvent) => new Date(event.timestamp).toISOString();

    const follow = await handled(line.follow(momo));

    await expectProfile(momo, attributes);
    expect(await channel.subscriber(momo.userId)).toEqual({
      pk: `line#${momo.userId}`,
      sk: 'ENDPOINT',
      Address: momo.userId,
      ChannelType: 'CUSTOM',
      OptOut: 'NONE',
      EndpointStatus: 'ACTIVE',
      EffectiveDate: date(follow),
      CreationDate: date(follow),
      User: { UserId: momo.userId, UserAttributes: attributes },
      subscriptionAt: follow.timestamp,
      subscriptionEventId: follow.webhookEventId,
      attributesAt: expect.any(Number),
    });
    await eventually(() => expect(channel.endpoint(momo.userId)).toMatchObject({
      Id: momo.userId,
      ApplicationId: PROJECT,
      Address: momo.userId,
      ChannelType: 'CUSTOM',
      OptOut: 'NONE',
      EndpointStatus: 'ACTIVE',
      EffectiveDate: date(follow),
      User: { UserId: momo.userId, UserAttributes: attributes },
    }));

    const unfollow = await handled(line.unfollow(momo.userId));
    await expectOptOut(momo, 'ALL');
    const kept = { CreationDate: date(follow), User: { UserAttributes: attributes } };
    expect(await channel.subscriber(momo.userId)).toMatchObject({ ...kept, EffectiveDate: date(unfollow) });
    expect(channel.endpoint(momo.userId)).toMatchObject({ EffectiveDate: date(unfollow), User: kept.User });

    const again = await handled(line.follow(momo));
    await expectOptOut(momo, 'NONE');
    expect(await channel.subscriber(momo.userId)).toMatchObject({ ...kept, EffectiveDate: date(again) });
    expect(optOutsTold(momo.userId)).toEqual(['NONE', 'ALL', 'NONE']);
  });

  test('GIVEN an event that LINE sends again WHEN soon THEN the queue drops it; WHEN late THEN the marker of its id does', async () => {
    const ren = person('Ren');
    const follow = await handled(line.follow(ren));
    const row = await channel.subscriber(ren.userId);
    const dropped = await channel.metric('Webhook/Worker', Metric.EVENTS_DEDUPLICATED);
    const again = { ...follow, deliveryContext: { isRedelivery: true } };

    expect(await line.sendRaw({ body: bodyOf(line.botUserId, again) })).toMatchObject(ACCEPTED);
    // Events of a person keep their order: after this one, the repeat would have been handled.
    await handled(line.postback(ren.userId, 'after the repeat'));
    expect(await channel.metric('Webhook/Worker', Metric.EVENTS_DEDUPLICATED)).toBe(dropped);

    // The queue forgets an id after five minutes: another id is what the same event has then.
    await stage.client(SQSClient).send(new SendMessageCommand({
      QueueUrl: channel.resource('Webhook/Queue'),
      MessageGroupId: ren.userId,
      MessageDeduplicationId: 'after five minutes',
      MessageBody: JSON.stringify({ destination: line.botUserId, event: again }),
    }));
    await handled(line.postback(ren.userId, 'after the late repeat'));
    await eventually(async () => expect(await channel.metric('Webhook/Worker', Metric.EVENTS_DEDUPLICATED)).toBe(dropped + 1));

    expect(await channel.subscriber(ren.userId)).toEqual(row);
    await expectOnBus(follow);
  });

  test('GIVEN an older event that comes after a newer one THEN it changes nothing, and is on the bus all the same', async () => {
    const sora = person('Sora');
    const at = Date.now();
    await handled(line.follow(sora, { timestamp: at }));
    const row = await channel.subscriber(sora.userId);

    const older = await handled(line.unfollow(sora.userId, { timestamp: at - 1 }));
    expect(await channel.subscriber(sora.userId)).toEqual(row);

    await handled(line.unfollow(sora.userId, { timestamp: at + 2 }));
    const alsoOlder = await handled(line.follow(sora, { timestamp: at + 1 }));
    await expectOptOut(sora, 'ALL');
    expect(optOutsTold(sora.userId)).toEqual(['NONE', 'ALL']);
    await expectOnBus(older, alsoOlder);
  });

  test('GIVEN many people\'s events in one request, and requests shuffled, doubled and at once THEN everybody ends as they last chose', async () => {
    const people = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'].map((name) => person(`storm ${name}`));
    const begin = Date.now();
    people.forEach((somebody) => line.add(somebody));
    line.collectEvents();
    for (const [i, somebody] of people.entries()) {
      // Odd ones leave in the end, even ones stay.
      for (let n = 0; n < 3 + i % 2; n++) {
        const overrides = { timestamp: begin + i + n * 1_000 };
        await (n % 2 === 0 ? line.follow(somebody, overrides) : line.unfollow(somebody.userId, overrides));
      }
    }
    const attempts = await line.sendCollected({ eventsPerRequest: 7, order: 'shuffled', copies: 2, parallel: true });

    expect(attempts).toHaveLength(8);
    await channel.handled(...new Set(attempts.flatMap(({ webhookEventIds }) => webhookEventIds)));
    for (const [i, somebody] of people.entries()) {
      await expectOptOut(somebody, i % 2 === 0 ? 'NONE' : 'ALL');
    }
  });

  test('GIVEN a bot in standby WHEN somebody follows THEN they are a subscriber, and nothing is sent', async () => {
    const yui = person('Yui');
    await handled(line.follow(yui, { mode: 'standby' }));

    await expectOptOut(yui, 'NONE');
    expect(['reply', 'push', 'multicast', 'broadcast'].flatMap((operation) => line.requests(operation as 'push'))).toEqual([]);
  });

  test('GIVEN groups WHEN the bot or members join, write or leave, or an event looks like a follow THEN nobody is subscribed', async () => {
    const group = lineGroupId('hiking club');
    const members = ['Hana', 'Kai', 'Rin'].map((name) => person(name));
    members.forEach((member) => line.add(member));
    const ids = members.map(({ userId }) => userId);

    const events = [
      await handled(line.join(group)),
      await handled(line.memberJoined(group, ids)),
      await handled(line.message(ids[0], 'hello all', group)),
      await handled(line.follow(members[0], { source: { type: 'group', groupId: group, userId: ids[0] } })),
      await handled(line.follow(members[1], { source: { type: 'user', userId: `${ids[1]}@module` } })),
      await handled(line.memberLeft(group, ids)),
      await handled(line.leave(group)),
    ];

    expect((await channel.subscriberIds()).filter((id) => ids.some((member) => id.startsWith(member)))).toEqual([]);
    await expectOnBus(...events);
  });

  test('GIVEN a webhook for another bot WHEN it is signed correctly THEN it is set aside with a metric', async () => {
    const other = lineUserId('another bot');
    const event = followEvent(person('Lost'));

    expect(await line.sendRaw({ body: bodyOf(other, event) })).toMatchObject(ACCEPTED);

    await eventually(async () => expect(await channel.metric('Webhook/Worker', Metric.EVENTS_FOR_OTHER_DESTINATION)).toBe(1));
    expect((await channel.log('Webhook/Worker')).filter(({ code }) => code === 'OTHER_DESTINATION')).toMatchObject([{ eventId: event.webhookEventId, destination: other }]);
    expect(await channel.subscriber(lineUserId('Lost'))).toBeUndefined();
    expect((await fromBus()).filter(({ detail }) => detail.destination === other)).toEqual([]);
  });
});

describe('profiles', () => {
  async function expectDeferred({ webhookEventId }: WebhookEvent): Promise<void> {
    await eventually(async () => expect(await channel.log('Webhook/Worker')).toContainEqual(expect.objectContaining({
      code: 'PROFILE_DEFERRED', eventId: webhookEventId,
    })));
    expect(await channel.metric('Webhook/Worker', Metric.PROFILES_DEFERRED)).toBeGreaterThan(0);
  }

  test('GIVEN somebody whose profile LINE does not give (404) THEN they are a subscriber without one, and it is not asked for again', async () => {
    const shy = person('Shy', { consent: false });
    await handled(line.follow(shy));

    expect((await channel.subscriber(shy.userId))!.User).toEqual({ UserId: shy.userId, UserAttributes: {} });
    await expectOptOut(shy, 'NONE');
  });

  test('GIVEN that LINE fails (500) WHEN somebody follows THEN they are stored at once and their profile is put off', async () => {
    line.always('profile', faults.status(500));
    const aoi = person('Aoi');
    const follow = await handled(line.follow(aoi));
    line.always('profile');

    expect((await channel.subscriber(aoi.userId))!.User).toEqual({ UserId: aoi.userId, UserAttributes: {} });
    await expectOptOut(aoi, 'NONE');
    await expectDeferred(follow);
  });

  test('GIVEN that LINE is slow WHEN somebody follows THEN they are stored before the profile is there, and do not wait for it', async () => {
    const hold = line.hold('profile');
    const nao = person('Nao');
    const following = handled(line.follow(nao));

    await line.held(hold);
    expect(await channel.subscriber(nao.userId)).toMatchObject({ OptOut: 'NONE', User: { UserAttributes: {} } });
    const follow = await following;
    await expectOptOut(nao, 'NONE');
    line.release(hold);
    await expectDeferred(follow);
  });
});

describe('bad requests', () => {
  const mallory = person('Mallory');
  let body: string;
  beforeAll(() => {
    body = bodyOf(line.botUserId, followEvent(mallory));
  });

  test.each([
    ['without a signature', { signature: null }],
    ['with a forged signature', { secret: 'a guess' }],
    ['with an empty signature', { signature: '' }],
    ['with a signature of another length', { signature: 'AAAA' }],
    ['with a signature that is no Base64', { signature: '(-: not Base64 :-)' }],
    ['changed after signing', { signedBody: 'another body' }],
  ])('GIVEN a request %s THEN 401, and nothing is queued', async (_, raw) => {
    const rejected = await channel.metric('Webhook/Receiver', Metric.SIGNATURES_REJECTED);

    expect(await line.sendRaw({ body, ...raw })).toMatchObject(UNAUTHORIZED);

    await eventually(async () => expect(await channel.metric('Webhook/Receiver', Metric.SIGNATURES_REJECTED)).toBe(rejected + 1));
    const { userId } = mallory;
    await handled(line.event('postback', userId, { postback: { data: 'a good one of the same person' } }));
    expect(await channel.subscriber(userId)).toBeUndefined();
  });

  test.each([
    ['X-Line-Signature', false],
    ['x-line-signature', true],
    ['X-LINE-SIGNATURE', false],
  ])('GIVEN the header %s, and Base64: %s, as API Gateway may hand them over THEN the bytes are verified', async (header, isBase64Encoded) => {
    // The emulator writes every header in lower case and never uses Base64, so the function is invoked by itself.
    const text = bodyOf(line.botUserId, newEvent('postback', { postback: { data: '桜🌸' } }));
    const invoke = async (signature: string) => stage.invoke<{ statusCode: number }>(channel.resource('Webhook/Receiver'), {
      headers: { [header]: signature },
      body: isBase64Encoded ? Buffer.from(text).toString('base64') : text,
      isBase64Encoded,
    });

    expect(await invoke(sign(text, CREDENTIALS.channelSecret))).toMatchObject({ statusCode: 200 });
    expect(await invoke(sign(`${text} `, CREDENTIALS.channelSecret))).toMatchObject({ statusCode: 401 });
  });

  test.each([
    ['LINE\'s own check', '{"destination":"BOT","events":[]}', ACCEPTED],
    ['no destination and no events', '{"events":[]}', ACCEPTED],
    ['nothing', '', BAD_REQUEST],
    ['no JSON', 'events=1', BAD_REQUEST],
    ['a list', '[]', BAD_REQUEST],
    ['null', 'null', BAD_REQUEST],
    ['no events', '{"destination":"BOT"}', BAD_REQUEST],
    ['events that are no list', '{"destination":"BOT","events":{"0":{}}}', BAD_REQUEST],
    ['events without a destination', '{"events":[{}]}', BAD_REQUEST],
    ['a destination that is no text', '{"destination":["BOT"],"events":[{}]}', BAD_REQUEST],
    ['duplicate keys, of which the last ones count', '{"destination":1,"events":7,"destination":"BOT","events":[]}', ACCEPTED],
    ['deep nesting that ends', `{"destination":"BOT","events":[${'['.repeat(20_000)}${']'.repeat(20_000)}]}`, ACCEPTED],
    ['deep nesting that does not end', '{"destination":"BOT","events":'.padEnd(20_000, '['), BAD_REQUEST],
    ['events of wrong types', '{"destination":"BOT","events":[null,1,"follow",[],{"type":7,"webhookEventId":{},"timestamp":"now"}]}', ACCEPTED],
  ])('GIVEN a signed body of %s THEN it is answered, never with 5xx', async (_, text, expected) => {
    expect(await line.sendRaw({ body: text.replace('BOT', line.botUserId) })).toMatchObject(expected);
  });

  test('GIVEN a megabyte of 100 events of 50 people, some of no known type, some unusable THEN 200, each is handled or set aside by name', async () => {
    const people = Array.from({ length: 50 }, (_, i) => person(`crowd ${i}`));
    people.forEach((somebody) => line.add(somebody));
    const padding = { padding: '長い荷物 '.repeat(700) };
    const source = (i: number) => ({ source: { type: 'user', userId: people[i % 50].userId } });
    const usable = [
      ...people.map((somebody) => ({ ...followEvent(somebody), ...padding })),
      ...Array.from({ length: 25 }, (_, i) => ({ ...newEvent('message', { message: { type: 'text', id: String(i), text: MESSAGE_TEXT }, ...padding }), ...source(i) })),
      ...Array.from({ length: 8 }, (_, i) => ({ ...newEvent('somethingThatLineInventsLater', padding), ...source(i) })),
      ...Array.from({ length: 4 }, () => newEvent('botSuspended', padding)),
      newEvent('follow'),
      newEvent('unfollow', { source: null }),
      newEvent('message', { source: 'somebody', message: 'text' }),
    ];
    const unusable: [unknown, RegExp][] = [
      [null, /the event is not an object/],
      [{}, /"type" is missing/],
      [{ ...newEvent('follow'), webhookEventId: undefined }, /"webhookEventId" is missing/],
      [{ ...newEvent('follow'), webhookEventId: 'x'.repeat(257) }, /"webhookEventId" is missing or not a text of 1 to 256/],
      [{ ...newEvent('follow'), timestamp: -1 }, /"timestamp" is missing or not a time/],
      [{ ...newEvent('follow'), timestamp: '2026-11-23' }, /"timestamp" is missing or not a time/],
      [{ ...newEvent('follow'), type: '' }, /"type" is missing/],
      [newEvent('message', { nested: nested(100) }), /nested deeper than 64/],
      [newEvent('message', { padding: 'x'.repeat(263_000) }), /larger than \d+ bytes/],
      [['follow'], /the event is not an object/],
    ];
    // The unusable ones between the others: every eleventh.
    const events: unknown[] = [...usable];
    unusable.forEach(([event], i) => events.splice(i * 10, 0, event));
    const large = bodyOf(line.botUserId, ...events);
    expect(events).toHaveLength(100);
    expect(Buffer.byteLength(large)).toBeGreaterThan(1024 * 1024);

    // As LINE would: what is not taken is sent again.
    await eventually(async () => expect(await line.sendRaw({ body: large })).toMatchObject(ACCEPTED));

    await channel.handled(...usable.map(({ webhookEventId }) => webhookEventId));
    await eventually(async () => {
      const setAside = (await channel.log('Webhook/Receiver')).filter(({ code }) => code === 'EVENT_SET_ASIDE');
      for (const [i, [, reason]] of unusable.entries()) {
        expect(setAside).toContainEqual(expect.objectContaining({ index: i * 10, message: expect.stringMatching(reason) }));
      }
    });
    for (const somebody of people) {
      expect(await channel.subscriber(somebody.userId)).toMatchObject({ OptOut: 'NONE' });
      await expectProfile(somebody, { DisplayName: [somebody.displayName], Language: ['ja'] });
    }
    await expectOnBus(...usable);
    await eventually(() => expect(people.filter(({ userId }) => !channel.endpoint(userId))).toEqual([]));
  });
});

describe('the event bus', () => {
  test('GIVEN events of many types THEN they are on the bus without what people wrote, and rules pick theirs', async () => {
    const ema = person('Ema');
    const follow = await handled(line.follow(ema));
    const text = await handled(line.message(ema.userId, MESSAGE_TEXT));
    const file = await handled(line.message(ema.userId, { type: 'file', fileName: MESSAGE_TEXT, fileSize: 12 }));
    const place = await handled(line.message(ema.userId, { type: 'location', title: MESSAGE_TEXT, address: MESSAGE_TEXT, latitude: 35.6, longitude: 139.7 }));
    const postback = await handled(line.postback(ema.userId, 'buy=1&note=桜🌸', { date: '2026-11-23' }));

    await expectOnBus(follow, text, file, place, postback);
    const messages = await fromBus();
    const detailOf = ({ webhookEventId }: WebhookEvent) => messages.find(({ detail }) => detail.webhookEventId === webhookEventId)!.detail;

    expect(messages).toContainEqual(expect.objectContaining({
      'source': 'line.webhook',
      'detail-type': 'follow',
      'detail': { channelKey: 'line', destination: line.botUserId, webhookEventId: follow.webhookEventId, event: follow },
    }));
    expect(detailOf(postback).event).toEqual(postback);
    const { id, type, quoteToken } = text.message as Record<string, unknown>;
    expect(detailOf(text).event).toEqual({ ...text, message: { id, type, quoteToken } });
    expect(detailOf(file).event.message).toEqual({ id: expect.any(String), type: 'file', fileSize: 12 });
    expect(detailOf(place).event.message).toEqual({ id: expect.any(String), type: 'location' });
    expect(JSON.stringify(messages)).not.toContain(MESSAGE_TEXT);

    await eventually(async () => expect((await fromBus('Postbacks')).map(({ detail }) => detail.event)).toContainEqual(postback));
    expect(new Set((await fromBus('Postbacks')).map((message) => `${message.source} ${message['detail-type']}`))).toEqual(new Set(['line.webhook postback']));
  });
});

describe('failures', () => {
  afterEach(() => {
    stage.pinpoint.clearFaults();
    line.configure({ redelivery: PATIENT_LINE.redelivery });
  });

  test('GIVEN that the queue cannot be written to WHEN somebody follows THEN 500, and LINE\'s redelivery makes it good', async () => {
    const iwa = person('Iwa');
    const receiver = channel.resource('Webhook/Receiver');
    line.configure({ redelivery: { attempts: 1 } });
    let first: WebhookAttempt | undefined;
    await channel.stack.withEnvironment(receiver, { [ENV_WEBHOOK_QUEUE_URL]: `${channel.resource('Webhook/Queue').replace('.fifo', '')}-gone.fifo` }, async () => {
      first = await line.follow(iwa);
    });
    expect(first).toMatchObject({ statusCode: 500, answer: '{"message":"Internal server error"}' });
    expect(await channel.subscriber(iwa.userId)).toBeUndefined();

    const [again] = await line.redeliver();

    expect(again).toMatchObject({ ...ACCEPTED, isRedelivery: true, webhookEventIds: first!.webhookEventIds });
    await channel.handled(...first!.webhookEventIds);
    await expectOptOut(iwa, 'NONE');
  });

  test('GIVEN a worker that cannot work THEN events end in the dead-letter queue, and do no harm when they come from there after newer ones', async () => {
    const [queue, deadLetterQueue] = [channel.resource('Webhook/Queue'), channel.resource('Webhook/QueueDeadLetters')];
    const kei = person('Kei');
    let follow!: WebhookEvent;
    await channel.stack.withEnvironment(channel.resource('Webhook/Worker'), { [ENV_SUBSCRIBER_TABLE]: 'gone' }, async () =>
      channel.stack.withRetries(queue, { afterSeconds: 1 }, async () => {
        follow = eventOf(await line.follow(kei));
        await eventually(async () => expect(await channel.stack.queueDepth(deadLetterQueue)).toBe(1));
      }));
    expect(await channel.subscriber(kei.userId)).toBeUndefined();
    await handled(line.unfollow(kei.userId));

    expect(await channel.stack.redrive(deadLetterQueue, queue)).toBe(1);

    await channel.handled(follow.webhookEventId);
    await expectOptOut(kei, 'ALL');
    await expectOnBus(follow);
  });

  test('GIVEN a channel secret that is reissued WHEN the new one is in the secret THEN webhooks and sending go on', async () => {
    const rio = person('Rio');
    await handled(line.follow(rio));
    await eventually(() => expect(channel.endpoint(rio.userId)).toBeDefined());
    const campaign = () => campaignEvents([channel.endpoint(rio.userId)!], PROJECT, 'こんにちは')[0];
    const expectAccepted = async (event: CustomChannelEvent) => {
      const reply = await stage.invoke<CustomChannelReply>(channel.stack.output('SendText'), event);
      expect(reply[rio.userId].EventAttributes.LineStatus).toBe('accepted');
    };
    await expectAccepted(campaign());

    line.setChannelSecret(NEW_CHANNEL_SECRET);
    line.expireTokens();
    expect(await line.verifyWebhook()).toMatchObject(UNAUTHORIZED);
    await channel.fillSecret({ ...CREDENTIALS, channelSecret: NEW_CHANNEL_SECRET });

    await eventually(async () => expect(await line.verifyWebhook()).toMatchObject(ACCEPTED));
    expect(await line.sendRaw({ body: bodyOf(line.botUserId), secret: CREDENTIALS.channelSecret })).toMatchObject(UNAUTHORIZED);
    // The secret is read every ten seconds at most; until then the send fails, and its repeat is the same send.
    const later = campaign();
    await eventually(async () => expectAccepted(later));
    expect(line.received(rio.userId)).toHaveLength(2);
    const mio = person('Mio');
    await handled(line.follow(mio));
    await expectProfile(mio, { DisplayName: [mio.displayName], Language: ['ja'] });
  });

  test('GIVEN profiles that were put off THEN they come later, and one that LINE does not have was not asked for again', async () => {
    for (const somebody of [person('Aoi'), person('Nao')]) {
      await expectProfile(somebody, { DisplayName: [somebody.displayName], Language: ['ja'] });
    }
    expect(line.requests('profile').filter(({ path }) => path.endsWith(lineUserId('Shy')))).toHaveLength(1);
    await eventually(async () => expect(await channel.stack.queueDepth(channel.resource('Webhook/Profiles'))).toBe(0));
  });

  test('GIVEN that Pinpoint is gone for good WHEN people keep following THEN they are stored at once, and the changes are kept for Pinpoint', async () => {
    const [queue, deadLetterQueue] = [channel.resource('Audiences/Pinpoint/Queue'), channel.resource('Audiences/Pinpoint/QueueDeadLetters')];
    const people = Array.from({ length: 6 }, (_, i) => person(`late ${i}`));
    const [leaver, ...stayers] = people;

    await eventually(async () => expect(await channel.stack.queueDepth(queue)).toBe(0));
    stage.pinpoint.always('*', faults.status(403, 'Forbidden'));
    await channel.stack.withRetries(queue, { afterSeconds: 1, maxReceiveCount: 5 }, async () => {
      for (const somebody of people) {
        await handled(line.follow(somebody));
        expect(await channel.subscriber(somebody.userId)).toMatchObject({ OptOut: 'NONE' });
      }
      // Two changes each: that they follow, and their profile.
      await eventually(async () => expect(await channel.stack.queueDepth(deadLetterQueue)).toBe(2 * people.length));
      expect(await channel.stack.queueDepth(queue)).toBe(0);
    });
    expect(people.map(({ userId }) => channel.endpoint(userId))).toEqual(people.map(() => undefined));
    expect(await channel.log('Audiences/Pinpoint/Function')).toContainEqual(expect.objectContaining({
      level: 'ERROR',
      code: 'PINPOINT_SERVICE_ENDED',
      applicationId: PROJECT,
      status: 403,
      message: expect.stringContaining('change the class LinePinpointChannel to LineChannel'),
    }));

    // And should it come back: throttled at first, then everybody arrives, as they are by then.
    stage.pinpoint.clearFaults();
    stage.pinpoint.script('updateEndpoint', ...Array.from({ length: 4 }, () => faults.status(429)));
    await channel.stack.withRetries(queue, { afterSeconds: 3 }, async () => {
      await handled(line.unfollow(leaver.userId));
      await expectOptOut(leaver, 'ALL');
      expect(await channel.stack.redrive(deadLetterQueue, queue)).toBe(2 * people.length);
      await eventually(() => {
        for (const { userId, displayName } of stayers) {
          expect(channel.endpoint(userId)).toMatchObject({ OptOut: 'NONE', User: { UserAttributes: { DisplayName: [displayName] } } });
        }
      });
      await eventually(async () => expect(await channel.stack.queueDepth(queue)).toBe(0));
    });
    expect(channel.endpoint(leaver.userId)).toMatchObject({ OptOut: 'ALL' });
  });
});

describe('two channels side by side that share a table', () => {
  const tomo = person('Tomo');

  test('GIVEN a secret of the user\'s, and one filled in by hand WHEN both are in use THEN each belongs to its own bot', async () => {
    await Promise.all([
      shop.fillSecret({ id: SHOP_CREDENTIALS.channelId, secret: SHOP_CREDENTIALS.channelSecret }),
      support.fillSecret({ ...SUPPORT_CREDENTIALS }),
    ]);
    expect(await shop.setUp()).toMatchObject({ ok: true });
    // Without a set-up, the first correctly signed webhook decides.
    await handled(supportLine.follow(person('first of all')), support);
    expect([await shop.botUserId(), await support.botUserId()]).toEqual([shopLine.botUserId, supportLine.botUserId]);
    expect(await support.setUp()).toMatchObject({ ok: true });
    expect([shopLine.getWebhookUrl(), supportLine.getWebhookUrl()]).toEqual([shop.webhookUrl, support.webhookUrl]);
    expect([shop.webhookUrl, support.webhookUrl]).toEqual([expect.stringMatching(/execute-api.*\/webhook$/), expect.stringMatching(/lambda-url/)]);
  });

  test('GIVEN one person who follows both WHEN they leave one, which deletes, THEN they stay with the other', async () => {
    const pictureUrl = 'https://profile.line-scdn.net/tomo';
    const follow = await handled(shopLine.follow({ ...tomo, pictureUrl }), shop);
    await handled(supportLine.follow({ ...tomo, displayName: `${NAME_MARK} T.`, pictureUrl }), support);
    await expectOptOut(tomo, 'NONE', shop);
    await expectProfile(tomo, { DisplayName: [tomo.displayName], Language: ['ja'] }, shop);
    await expectProfile(tomo, { DisplayName: [`${NAME_MARK} T.`], Language: ['ja'], PictureUrl: [pictureUrl] }, support);
    const atSupport = await support.subscriber(tomo.userId);

    const unfollow = await handled(shopLine.unfollow(tomo.userId), shop);

    expect(await shop.subscriber(tomo.userId)).toEqual({
      pk: `shop#${tomo.userId}`, sk: 'ENDPOINT', erased: true, subscriptionAt: unfollow.timestamp, subscriptionEventId: unfollow.webhookEventId,
    });
    await eventually(() => expect(shop.endpoint(tomo.userId)).toBeUndefined());
    await handled(shopLine.follow(tomo, { timestamp: follow.timestamp + 1, webhookEventId: ulid(follow.timestamp + 1) }), shop);
    expect(await shop.subscriber(tomo.userId)).toMatchObject({ erased: true, subscriptionAt: unfollow.timestamp });
    expect(await support.subscriber(tomo.userId)).toEqual(atSupport);

    await handled(shopLine.follow(tomo), shop);
    await expectOptOut(tomo, 'NONE', shop);
    expect(await shop.subscriber(tomo.userId)).not.toHaveProperty('erased');
  });

  test('GIVEN requests of one channel WHEN they reach the other THEN 401, or set aside if they should be signed for it', async () => {
    const eve = person('Eve');
    const body = bodyOf(shopLine.botUserId, followEvent(eve));

    expect(await supportLine.sendRaw({ body, secret: SHOP_CREDENTIALS.channelSecret })).toMatchObject(UNAUTHORIZED);
    expect(await supportLine.sendRaw({ body })).toMatchObject(ACCEPTED);

    await eventually(async () => expect(await support.metric('Webhook/Worker', Metric.EVENTS_FOR_OTHER_DESTINATION)).toBe(1));
    expect([await shop.subscriber(eve.userId), await support.subscriber(eve.userId)]).toEqual([undefined, undefined]);
  });

  test('GIVEN audiences and rules of both THEN each is told of its own channel only, and of text where that was asked for', async () => {
    const text = await handled(supportLine.message(tomo.userId, MESSAGE_TEXT), support);

    await eventually(async () => expect((await fromBus('SupportEvents', twoChannels)).map(({ detail }) => detail.event)).toContainEqual(text));
    const channelsOf = async (queue: string) => [...new Set((await fromBus(queue, twoChannels)).map(({ detail }) => `${detail.channelKey} ${detail.destination}`))];
    expect(await channelsOf('SupportEvents')).toEqual([`support ${supportLine.botUserId}`]);
    await eventually(async () => expect(await channelsOf('ShopEvents')).toEqual([`shop ${shopLine.botUserId}`]));

    await eventually(async () => {
      const lines = await twoChannels.logLines(`/aws/lambda/${twoChannels.resource('Copy')}`);
      const changes: SubscriberChange[] = lines.filter((entry) => entry.startsWith('{')).map((entry) => JSON.parse(entry));
      expect(new Set(changes.map(({ channelKey }) => channelKey))).toEqual(new Set(['support']));
      expect(changes.filter(({ subscriberId }) => subscriberId === tomo.userId).at(-1)).toMatchObject({
        change: 'UPSERT', endpoint: { OptOut: 'NONE', User: { UserAttributes: { DisplayName: [`${NAME_MARK} T.`] } } },
      });
    });
    expect(stage.pinpoint.endpoints(SHOP_PROJECT).map(({ Id }) => Id)).toEqual([tomo.userId]);
  });
});

describe('in the end', () => {
  test('GIVEN all that THEN no log holds what people wrote, who they are, or a secret, and no request broke a rule', async () => {
    const groups = [channel.stack, twoChannels].flatMap(({ resources }) => [...resources.values()]).filter((id) => id.startsWith('/aws/'));
    const lines = (await Promise.all(groups.map(async (group) => channel.stack.logLines(group)))).flat();
    const platforms = [line, shopLine, supportLine];
    const secrets = [
      NAME_MARK, MESSAGE_TEXT, CREDENTIALS.channelSecret, NEW_CHANNEL_SECRET, SHOP_CREDENTIALS.channelSecret, SUPPORT_CREDENTIALS.channelSecret,
      ...platforms.flatMap((platform) => platform.accessTokens()),
      ...platforms.flatMap((platform) => platform.webhookAttempts().flatMap(({ signature }) => signature || [])),
    ];

    expect(groups.length).toBeGreaterThan(15);
    expect(lines.length).toBeGreaterThan(500);
    expect(secrets.length).toBeGreaterThan(100);
    expect(lines.filter((entry) => secrets.some((secret) => entry.includes(secret)))).toEqual([]);
    expect(platforms.flatMap((platform) => platform.violations())).toEqual([]);
    expect(stage.pinpoint.calls().flatMap(({ unknownMembers }) => unknownMembers)).toEqual([]);
  });

  test('GIVEN a channel that leaves Pinpoint by a change of its class THEN webhook URL, subscribers and secret stay, and it goes on', async () => {
    const secrets = stage.client(SecretsManagerClient);
    const stateOf = async ({ stack, tableName, webhookUrl }: DeployedChannel) => ({
      webhookUrl,
      secret: (await secrets.send(new GetSecretValueCommand({ SecretId: stack.output('Line/SecretArn') }))).SecretString,
      rows: sorted(await stack.rows(tableName)),
      endpoints: stage.pinpoint.endpoints(PROJECT),
    });
    const before = await stateOf(channel);

    const left = await deployChannel(stage, WEBHOOK_APP);

    expect([...left.stack.resources.keys()].filter((id) => id.startsWith('LineAudiences'))).toEqual([]);
    for (const [id, physicalId] of left.stack.resources) {
      expect([id, channel.stack.resources.get(id)]).toEqual([id, physicalId]);
    }
    expect(await stateOf(left)).toEqual(before);

    const saki = person('Saki');
    await handled(line.follow(saki), left);
    expect(await left.subscriber(saki.userId)).toMatchObject({ OptOut: 'NONE' });
    await expectProfile(saki, { DisplayName: [saki.displayName], Language: ['ja'] }, left);
    expect(await left.setUp()).toMatchObject({ ok: true });
    expect(stage.pinpoint.endpoints(PROJECT)).toEqual(before.endpoints);
  });
});

/** Body of a webhook request. */
function bodyOf(destination: string, ...events: unknown[]): string {
  return JSON.stringify({ destination, events });
}

/** An event as LINE makes it, for requests that are put together by hand. */
function newEvent(type: string, more: object = {}): WebhookEvent {
  const timestamp = Date.now();
  return { type, mode: 'active', timestamp, webhookEventId: ulid(timestamp), deliveryContext: { isRedelivery: false }, ...more };
}

function followEvent({ userId }: LineUser): WebhookEvent {
  return newEvent('follow', { source: { type: 'user', userId }, follow: { isUnblocked: false } });
}

function nested(levels: number): unknown {
  return levels === 0 ? {} : { in: nested(levels - 1) };
}

function sorted(rows: Record<string, unknown>[]): Record<string, unknown>[] {
  return [...rows].sort((a, b) => String(a.pk).localeCompare(String(b.pk)));
}
