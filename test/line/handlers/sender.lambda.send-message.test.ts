import { BatchGetItemCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { CustomChannelReply } from '../../../src/contract/custom-channel';
import { json, StubHandler } from '../../support/http-stub';
import { accepted, contextWith, heldBack, SenderAws, user } from '../../support/sender-aws';

const EVENT = {
  ApplicationId: 'app1',
  CampaignId: 'c1',
  TreatmentId: '0',
  ActivityId: 'a1',
  Endpoints: { e1: { ChannelType: 'CUSTOM', Address: user(1) }, e2: { ChannelType: 'CUSTOM', Address: user(2) } },
};
const CONTEXT = contextWith(15_000);
const ENVIRONMENT = { SUBSCRIBER_TABLE_NAME: 'Subscribers', LINE_RETRY_QUEUE_URL: 'https://sqs/retry', LINE_MESSAGE_TYPE: 'text', LINE_SAMPLE_MESSAGES: 'false' };
const MEDIA = {
  LINE_MEDIA_PLACES: '{"image":{"bucket":"media","prefix":"image/"}}',
  LINE_MEDIA_DELIVERY: '{"kind":"cloudfront","domainName":"d1.cloudfront.net"}',
};

const environment = process.env;
let aws: SenderAws;

beforeAll(async () => { aws = await SenderAws.start(); });
afterAll(async () => { await aws.stop(); });
beforeEach(() => { aws.reset(); });
afterEach(() => {
  jest.restoreAllMocks();
  process.env = environment;
});

const load = (variables: Record<string, string> = {}) => aws.load<unknown, CustomChannelReply>('sendMessage', { ...ENVIRONMENT, ...variables });

test("a text function sends a campaign's text in one call, answers per endpoint, and writes down what it did", async () => {
  // GIVEN
  aws.dynamo.on(BatchGetItemCommand).resolves({ Responses: { Subscribers: [{ pk: { S: `shop#${user(2)}` }, OptOut: { S: 'ALL' } }] } });
  // WHEN
  const reply = await load()({ ...EVENT, Data: 'Hello' }, CONTEXT);
  // THEN
  expect(reply).toEqual({
    e1: { EventAttributes: { LineStatus: 'accepted', LineRequestId: 'line-1' } },
    e2: { EventAttributes: { LineStatus: 'skipped', LineErrorCode: 'OPTED_OUT' } },
  });
  expect(aws.line.requests.at(-1)).toMatchObject({
    method: 'POST',
    path: '/v2/bot/message/multicast',
    headers: { 'authorization': 'Bearer long-lived-token-of-shop', 'x-line-retry-key': expect.stringMatching(/^[0-9a-f-]{36}$/) },
    body: JSON.stringify({ to: [user(1)], messages: [{ type: 'text', text: 'Hello' }] }),
  });
  expect(aws.sends).toHaveLength(1);
  expect(aws.batches).toMatchObject([{ state: { S: 'ACCEPTED' }, calls: { S: 'A' }, retryKey: { S: aws.sends[0].retryKey } }]);
  // What becomes of people is counted once, from the journal's stream.
  expect(aws.log).toEqual([
    expect.objectContaining({ level: 'INFO', code: 'SEND_ACCEPTED', accepted: 1, skipped: 1 }),
    expect.objectContaining({ LineRequests: 1, Channel: 'Shop' }),
  ]);
  expect(aws.log[1]).not.toHaveProperty('MessagesAccepted');
});

test('content is shown to LINE once, and the batch is written down and woken up before anybody is sent to; no object is needed', async () => {
  // GIVEN
  aws.dynamo.on(PutItemCommand).callsFake((input) => {
    aws.asked.push(`write ${input.Item.state.S}`);
    return {};
  });
  // WHEN
  await load()({ ...EVENT, Data: 'Hello' }, CONTEXT);
  // THEN
  const order = ['queue', 'line validate/multicast', 'write IN_FLIGHT', 'line multicast', 'write ACCEPTED'];
  expect(aws.asked.filter((asked) => order.includes(asked)).sort()).toEqual([...order].sort());
  expect(aws.asked.slice(-3)).toEqual(order.slice(-3));
  expect(aws.queued).toEqual([{ body: expect.stringMatching(/^\{"pk":"campaign\/app1\/c1\/0\/a1#\d+","sk":"[0-9a-f]+-000"\}$/), delaySeconds: 30 }]);
  expect(aws.s3.calls()).toHaveLength(0);
});

test('a repeat of the event sends nothing again and gives the same answer', async () => {
  const handler = load();
  const first = await handler({ ...EVENT, Data: 'Hello' }, CONTEXT);
  expect(await handler({ ...EVENT, Data: 'Hello' }, CONTEXT)).toEqual(first);
  // … nor does another container, nor with other content.
  expect(await load()({ ...EVENT, Data: 'Good bye' }, CONTEXT)).toEqual(first);
  expect(aws.sends).toHaveLength(1);
});

test('personalised content is frozen in an object, then pushed; people with the same text share a call', async () => {
  // GIVEN
  const named = (n: number, name?: string) => ({ ChannelType: 'CUSTOM', Address: user(n), ...(name && { User: { UserAttributes: { DisplayName: [name] } } }) });
  const Endpoints = { e1: named(1, 'Ann "the {{one}}"\n'), e2: named(2), e3: named(3) };
  // WHEN
  const reply = await load()({ ...EVENT, Endpoints, Data: 'Hello {{User.UserAttributes.DisplayName | friend}}!' }, CONTEXT);
  // THEN
  expect(Object.values(reply).map(({ EventAttributes }) => EventAttributes.LineStatus)).toEqual(['accepted', 'accepted', 'accepted']);
  expect([...aws.sends].sort((one, other) => (one.path < other.path ? -1 : 1))).toEqual([
    { path: 'multicast', retryKey: expect.any(String), to: [user(2), user(3)], messages: [{ type: 'text', text: 'Hello friend!' }] },
    { path: 'push', retryKey: expect.any(String), to: user(1), messages: [{ type: 'text', text: 'Hello Ann "the {{one}}"\n!' }] },
  ]);
  expect(new Set(aws.sends.map(({ retryKey }) => retryKey)).size).toBe(2);
  const [[place, body], ...others] = aws.objects;
  expect(others).toEqual([]);
  expect(place).toMatch(/^content\/batches\/[0-9a-f]+\/[0-9a-f-]{36}\.jsonl$/);
  expect(body.split('\n').map((line) => JSON.parse(`{${line}}`).messages[0].text)).toEqual(['Hello Ann "the {{one}}"\n!', 'Hello friend!']);
  expect(aws.batches).toMatchObject([{ state: { S: 'ACCEPTED' }, calls: { S: 'AA' }, contentKey: { S: place.replace('content/', '') } }]);
  expect(aws.asked.indexOf('put content')).toBeLessThan(aws.asked.indexOf('line push'));
});

test('an image function finds the object behind its prefix and links to its version', async () => {
  // GIVEN
  aws.objects.set('media/image/春.png', 'image');
  // WHEN
  await load({ ...MEDIA, LINE_MESSAGE_TYPE: 'image' })({ ...EVENT, Data: '春.png' }, CONTEXT);
  // THEN
  const url = 'https://d1.cloudfront.net/image/v1/%E6%98%A5.png';
  expect(aws.sends[0].messages).toEqual([{ type: 'image', originalContentUrl: url, previewImageUrl: url }]);
});

test('a text function sends flex messages, too, with media of the channel', async () => {
  // GIVEN
  aws.objects.set('media/image/hero.png', 'image');
  const hero = { type: 'image', url: 'media://image/hero.png' };
  // WHEN
  const reply = await load(MEDIA)({ ...EVENT, Data: JSON.stringify({ type: 'flex', altText: 'Sale', contents: { type: 'bubble', hero } }) }, CONTEXT);
  // THEN
  expect(reply.e1.EventAttributes).toMatchObject({ LineStatus: 'accepted' });
  expect(aws.sends[0].messages[0].contents.hero.url).toBe('https://d1.cloudfront.net/image/v1/hero.png');
});

test.each([
  ['the content bucket', 'content', {}],
  ['the bucket of templates that was given', 'templates', { LINE_TEMPLATE_BUCKET: 'templates' }],
])('a template is read from %s', async (_name, bucket, variables) => {
  // GIVEN
  aws.objects.set(`${bucket}/templates/welcome.json`, '{"type":"text","text":"Welcome"}');
  // WHEN
  const reply = await load({ LINE_MESSAGE_TYPE: 'any', ...variables })({ ...EVENT, Data: '{"template":"welcome"}' }, CONTEXT);
  // THEN
  expect(reply.e1.EventAttributes).toMatchObject({ LineStatus: 'accepted' });
  expect(aws.sends[0].messages).toEqual([{ type: 'text', text: 'Welcome' }]);
});

test('blank data sends the sample where samples are on', async () => {
  await load({ LINE_SAMPLE_MESSAGES: 'true' })(EVENT, CONTEXT);
  expect(aws.sends[0].messages[0].text).toContain('sample');
});

test('blank data sends nothing where they are off, and the books know of it', async () => {
  const reply = await load()(EVENT, CONTEXT);
  expect(reply.e1.EventAttributes).toEqual({ LineStatus: 'failed', LineErrorCode: 'EMPTY_CONTENT' });
  expect(aws.sends).toEqual([]);
  expect(aws.batches).toMatchObject([{ state: { S: 'FAILED' } }]);
});

test('without credentials the batch is deferred: it is written down with its content, woken up, and the campaign does not fail', async () => {
  // GIVEN
  aws.secrets.on(GetSecretValueCommand).resolves({ SecretString: '{}' });
  // WHEN
  const reply = await load()({ ...EVENT, Data: 'Hello' }, CONTEXT);
  // THEN
  expect(reply.e1.EventAttributes).toEqual({ LineStatus: 'deferred', LineErrorCode: 'CREDENTIALS_UNAVAILABLE' });
  expect(aws.line.requests).toEqual([]);
  expect(aws.queued).toHaveLength(1);
  expect(aws.batches).toMatchObject([{ content: { S: '"messages":[{"type":"text","text":"Hello"}]' } }]);
  expect(aws.batches[0]).toMatchObject({ deferred: { BOOL: true }, state: { S: 'READY' } });
  expect(aws.log.at(-1)).toMatchObject({ CredentialsUnavailable: 1, Channel: 'Shop' });
});

test('what LINE holds back until the end of the time is deferred', async () => {
  // GIVEN
  aws.answer = heldBack;
  // WHEN
  const reply = await load()({ ...EVENT, Data: 'Hello' }, contextWith(2_600));
  // THEN
  expect(reply.e1.EventAttributes).toEqual({ LineStatus: 'deferred', LineErrorCode: 'LINE_RATE_LIMITED' });
  expect(aws.batches).toMatchObject([{ deferred: { BOOL: true } }]);
});

test.each<[string, object, string]>([
  ['a journey is answered', { JourneyRunId: 'r1', JourneyActivityId: 'ja1' }, 'LINE_UNDECIDED'],
  ['a campaign fails', { CampaignId: 'c1', ActivityId: 'a1' }, 'UndecidedSendError'],
])('a table that hangs: %s before Lambda ends the invocation, and metrics are written', async (_case, ids, expected) => {
  // GIVEN
  aws.dynamo.on(GetItemCommand).callsFake(async () => new Promise(() => undefined));
  const handler = load();
  const start = Date.now();
  // WHEN
  const result = await handler({ ...ids, Data: 'Hello', Endpoints: EVENT.Endpoints }, contextWith(2_000))
    .then((reply) => JSON.stringify(reply), (error) => String(error));
  // THEN
  expect(Date.now() - start).toBeLessThan(10_000);
  expect(result).toContain(expected);
  expect(aws.sends).toEqual([]);
  expect(aws.log.find(({ code }) => code === 'LINE_UNDECIDED')).toBeDefined();
});

/** LINE's answers about the month's quota; `send` to requests that send. */
function quotaOf(used: number, send: StubHandler): StubHandler {
  return (request, response) => {
    const answer = request.path.endsWith('/quota') ? json(200, { type: 'limited', value: 1_000 })
      : request.path.endsWith('/quota/consumption') ? json(200, { totalUsage: used }) : send;
    answer(request, response);
  };
}

test.each<[string, string, number, object]>([
  ['REFUSE', 'is not sent', 0, { LineStatus: 'failed', LineErrorCode: 'LOW_QUOTA' }],
  ['WARN', 'is sent all the same', 1, { LineStatus: 'accepted', LineRequestId: 'line-1' }],
])('with onLowQuota %s a large batch that the quota does not suffice for %s', async (onLowQuota, _does, sends, result) => {
  // GIVEN
  aws.answer = quotaOf(501, accepted);
  const Endpoints = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`e${n}`, { ChannelType: 'CUSTOM', Address: user(n) }]));
  const config = { multicastsPerSecond: 180, pushesPerSecond: 1_800, onLowQuota, onUnknownOutcome: 'SET_ASIDE', perPersonClaim: false };
  // WHEN
  const reply = await load({ LINE_SENDING: JSON.stringify(config) })({ ...EVENT, Endpoints, Data: 'Hello' }, CONTEXT);
  // THEN
  expect(Object.keys(reply)).toHaveLength(500);
  expect(reply.e0.EventAttributes).toEqual(result);
  expect(aws.sends).toHaveLength(sends);
  expect(aws.log).toContainEqual(expect.objectContaining({ code: 'LOW_QUOTA' }));
});

test('a quota that is used up defers the batch, and is made known once', async () => {
  // GIVEN
  aws.answer = quotaOf(1_000, heldBack);
  // WHEN
  const reply = await load()({ ...EVENT, Data: 'Hello' }, CONTEXT);
  // THEN
  expect(reply.e1.EventAttributes).toEqual({ LineStatus: 'deferred', LineErrorCode: 'LINE_QUOTA_EXCEEDED' });
  expect(aws.sends).toHaveLength(1);
  expect([...aws.table.items.values()].filter(({ sk }) => sk.S === 'QUOTA')).toMatchObject([{ quota: { N: '1000' }, used: { N: '1000' } }]);
});

test('an aggregation unit is sent with the messages, and its use is noted', async () => {
  // WHEN
  await load()({ ...EVENT, Data: '{"messages":[{"type":"text","text":"Hello"}],"customAggregationUnit":"spring_sale"}' }, CONTEXT);
  // THEN
  expect(JSON.parse(aws.line.requests.find(({ path }) => path.endsWith('/message/multicast'))!.body)).toMatchObject({ customAggregationUnits: ['spring_sale'] });
  expect([...aws.table.items.values()].filter(({ pk }) => pk.S!.startsWith('UNIT#'))).toMatchObject([{ sk: { S: 'spring_sale' } }]);
});

test('a batch that cannot be woken up is not sent', async () => {
  aws.sqs.on(SendMessageCommand).rejects(new Error('AccessDenied'));
  await expect(load()({ ...EVENT, Data: 'Hello' }, CONTEXT)).rejects.toThrow('not decided');
  expect(aws.sends).toEqual([]);
  expect(aws.batches).toEqual([]);
});

test('an AWS connection that hangs is cut, in time for another attempt', async () => {
  // GIVEN
  await load()({ ...EVENT, Data: 'Hello' }, CONTEXT);
  // WHEN
  for (const mock of [aws.dynamo, aws.sqs, aws.secrets]) {
    const { config } = mock.send.firstCall.thisValue as { config: any };
    // THEN
    expect(await config.maxAttempts()).toBe(2);
    expect(await config.requestHandler.configProvider)
      .toMatchObject({ throwOnRequestTimeout: true, requestTimeout: 3_000, connectionTimeout: 1_000 });
  }
});

test.each([
  'LINE_MESSAGE_TYPE', 'LINE_RETRY_QUEUE_URL', 'LINE_CONTENT_BUCKET', 'LINE_SENDING', 'SEND_JOURNAL_TABLE_NAME', 'SUBSCRIBER_TABLE_NAME',
])('a function without %s says that it is missing', (name) => {
  expect(() => load({ [name]: '' })).toThrow(`environment variable ${name} is missing`);
});
