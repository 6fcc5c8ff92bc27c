import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { json } from '../../support/http-stub';
import { contextWith, SenderAws, user } from '../../support/sender-aws';

/** The function as the construct makes it: it knows no journal and no settings of sends. */
const ENVIRONMENT = {
  SUBSCRIBER_TABLE_NAME: 'Subscribers',
  LINE_REPLIES: JSON.stringify([
    { id: 'follow', match: { kind: 'follow' }, data: '{"template":"welcome"}' },
    { id: 'photo', match: { kind: 'text', keywords: ['photo'] }, data: '{"key":"shop.png"}' },
  ]),
  LINE_MEDIA_PLACES: '{"image":{"bucket":"images","prefix":""}}',
  LINE_MEDIA_DELIVERY: '{"kind":"cloudfront","domainName":"media.example.com"}',
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

const load = () => aws.load<unknown, void>('replyToEvents', ENVIRONMENT);
const event = (reply: string) => ({
  'source': 'line.webhook',
  'detail-type': 'follow',
  'detail': {
    channelKey: 'shop',
    destination: user(0),
    webhookEventId: '01',
    event: { type: 'follow', mode: 'active', timestamp: Date.now(), webhookEventId: '01', replyToken: 'token', source: { type: 'user', userId: user(1) } },
    reply,
    receivedAt: Date.now(),
  },
});
const bodies = () => aws.line.requests.map(({ path, headers, body }) => ({ path, retryKey: headers['x-line-retry-key'], ...JSON.parse(body) }));

test('a follower is greeted by a template in their language, with their name', async () => {
  // GIVEN
  aws.objects.set('content/templates/welcome.ja.json', '{"type":"text","text":"{{User.UserAttributes.DisplayName}}さん、ようこそ"}');
  aws.objects.set('content/templates/welcome.json', '{"type":"text","text":"Welcome"}');
  aws.dynamo.on(GetItemCommand, { TableName: 'Subscribers' }).resolves({
    Item: { User: { M: { UserAttributes: { M: { DisplayName: { L: [{ S: 'Aya' }] }, Language: { L: [{ S: 'ja' }] } } } } }, tags: { SS: ['vip'] } },
  });
  // WHEN
  await load()(event('follow'), contextWith(60_000));
  // THEN
  expect(bodies()).toEqual([{ path: '/v2/bot/message/reply', replyToken: 'token', messages: [{ type: 'text', text: 'Ayaさん、ようこそ' }] }]);
  expect(aws.dynamo.commandCalls(GetItemCommand).map(({ args }) => args[0].input.Key)).toEqual([{ pk: { S: `shop#${user(1)}` }, sk: { S: 'ENDPOINT' } }]);
  expect(aws.log.map(({ code }) => code)).toEqual(['REPLY_SENT', undefined]);
  expect(aws.log.at(-1)).toMatchObject({ RepliesSent: 1, LineRequests: 1, Channel: 'Shop' });
});

test('a picture is shown by its link', async () => {
  aws.objects.set('images/shop.png', 'bytes');
  await load()(event('photo'), contextWith(60_000));
  expect(bodies()).toMatchObject([{ messages: [{ type: 'image', originalContentUrl: expect.stringMatching(/^https:\/\/media\.example\.com\/image\/v1\/shop\.png/) }] }]);
});

test('what LINE refuses is in the log and in the metrics, and the invocation ends well, since a repeat would come too late', async () => {
  aws.objects.set('images/shop.png', 'bytes');
  aws.answer = json(403, { message: 'Not available' });
  await load()(event('photo'), contextWith(60_000));
  expect(aws.log).toMatchObject([{ level: 'ERROR', code: 'REPLY_REFUSED', eventId: '01', rule: 'photo' }, { RepliesFailed: 1 }]);
});
