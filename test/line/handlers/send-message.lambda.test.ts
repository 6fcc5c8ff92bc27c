import * as dynamoModule from '@aws-sdk/client-dynamodb';
import * as s3Module from '@aws-sdk/client-s3';
import * as secretsModule from '@aws-sdk/client-secrets-manager';
import { Context } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { CustomChannelReply } from '../../../src/contract/custom-channel';
import { FakeDynamoDb } from '../../support/fake-dynamodb';
import { HttpStub, json } from '../../support/http-stub';

const { BatchGetItemCommand, DynamoDBClient, GetItemCommand } = dynamoModule;
const { HeadObjectCommand, S3Client } = s3Module;
const { GetSecretValueCommand, SecretsManagerClient } = secretsModule;
type Handler = (event: unknown, context: Context) => Promise<CustomChannelReply>;

const user = (n: number) => `U${n.toString(16).padStart(32, '0')}`;
const EVENT = {
  ApplicationId: 'app1',
  CampaignId: 'c1',
  TreatmentId: '0',
  ActivityId: 'a1',
  Endpoints: { e1: { ChannelType: 'CUSTOM', Address: user(1) }, e2: { ChannelType: 'CUSTOM', Address: user(2) } },
};
const CONTEXT = { awsRequestId: 'request-1', getRemainingTimeInMillis: () => 15_000 } as Context;

const dynamo = mockClient(DynamoDBClient);
const s3 = mockClient(S3Client);
const secrets = mockClient(SecretsManagerClient);
let line: HttpStub;
let written: string[];

beforeAll(async () => { line = await HttpStub.start(); });
afterAll(async () => { await line.stop(); });

/** The entry, loaded anew with the environment of a function; it gets the AWS clients that are mocked here. */
function load(environment: Record<string, string>): Handler {
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    LINE_CHANNEL_NAME: 'Shop',
    LINE_CHANNEL_KEY: 'shop',
    LINE_SECRET_ARN: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:line',
    LINE_API_BASE_URL: line.url,
    SEND_JOURNAL_TABLE_NAME: 'Journal',
    SUBSCRIBER_TABLE_NAME: 'Subscribers',
    ...environment,
  });
  let handler: Handler | undefined;
  jest.isolateModules(() => {
    jest.doMock('@aws-sdk/client-dynamodb', () => dynamoModule);
    jest.doMock('@aws-sdk/client-s3', () => s3Module);
    jest.doMock('@aws-sdk/client-secrets-manager', () => secretsModule);
    ({ handler } = jest.requireActual('../../../src/line/handlers/send-message.lambda'));
  });
  return handler!;
}

beforeEach(() => {
  dynamo.reset();
  s3.reset();
  secrets.reset();
  new FakeDynamoDb(dynamo);
  dynamo.on(BatchGetItemCommand).resolves({ Responses: { Subscribers: [{ pk: { S: `shop#${user(2)}` }, OptOut: { S: 'ALL' } }] } });
  secrets.on(GetSecretValueCommand).resolves({ SecretString: '{"channelAccessToken":"long-lived-token-of-shop"}' });
  line.requests.length = 0;
  line.handler = json(200, {}, { 'x-line-request-id': 'line-1' });
  written = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => { written.push(String(text)); return true; });
});
afterEach(() => { jest.restoreAllMocks(); });

test('a text function sends a campaign\'s text, answers per endpoint, and writes its metrics', async () => {
  // GIVEN
  const handler = load({ LINE_MESSAGE_TYPE: 'text' });
  // WHEN
  const reply = await handler({ ...EVENT, Data: 'Hello' }, CONTEXT);
  // THEN
  expect(reply).toEqual({
    e1: { EventAttributes: { LineStatus: 'accepted', LineRequestId: 'line-1' } },
    e2: { EventAttributes: { LineStatus: 'skipped', LineErrorCode: 'OPTED_OUT' } },
  });
  expect(line.requests).toMatchObject([{
    method: 'POST',
    path: '/v2/bot/message/multicast',
    headers: { 'authorization': 'Bearer long-lived-token-of-shop', 'x-line-retry-key': expect.stringMatching(/^[0-9a-f-]{36}$/) },
    body: JSON.stringify({ to: [user(1)], messages: [{ type: 'text', text: 'Hello' }] }),
  }]);
  expect(s3.calls()).toHaveLength(0);
  expect(written.map((text) => JSON.parse(text))).toMatchObject([
    { level: 'INFO', code: 'SEND_ACCEPTED' },
    { MessagesAccepted: 1, MessagesSkipped: 1, LineRequests: 1, Channel: 'Shop' },
  ]);
});

test('an image function finds the object behind its prefix and links to it', async () => {
  // GIVEN
  s3.on(HeadObjectCommand, { Bucket: 'media', Key: 'image/春.png' }).resolves({ ContentLength: 5, ContentType: 'image/png', VersionId: 'v1' });
  const handler = load({
    LINE_MESSAGE_TYPE: 'image',
    LINE_MEDIA_BUCKET: 'media',
    LINE_MEDIA_PREFIX: 'image/',
    LINE_MEDIA_DELIVERY: '{"kind":"cloudfront","domainName":"d1.cloudfront.net"}',
  });
  // WHEN
  await handler({ ...EVENT, Data: '春.png' }, CONTEXT);
  // THEN
  const url = 'https://d1.cloudfront.net/image/v1/%E6%98%A5.png';
  expect(JSON.parse(line.requests[0].body).messages).toEqual([{ type: 'image', originalContentUrl: url, previewImageUrl: url }]);
});

test('blank data sends the sample where samples are on', async () => {
  const handler = load({ LINE_MESSAGE_TYPE: 'text', LINE_SAMPLE_MESSAGES: 'true' });
  await handler(EVENT, CONTEXT);
  expect(JSON.parse(line.requests[0].body).messages[0].text).toContain('sample');
});

test('a campaign that is not decided fails, and its metrics are written all the same', async () => {
  // GIVEN
  secrets.on(GetSecretValueCommand).resolves({ SecretString: '{}' });
  const handler = load({ LINE_MESSAGE_TYPE: 'text', LINE_SAMPLE_MESSAGES: 'false' });
  // WHEN
  await expect(handler({ ...EVENT, Data: 'Hello' }, CONTEXT)).rejects.toThrow('CREDENTIALS_UNAVAILABLE');
  // THEN
  expect(line.requests).toEqual([]);
  expect(JSON.parse(written.at(-1)!)).toMatchObject({ CredentialsUnavailable: 1, MessagesFailed: 1, MessagesSkipped: 1 });
});

test.each<[string, object, string]>([
  ['a journey is answered', { JourneyRunId: 'r1', JourneyActivityId: 'ja1' }, 'LINE_UNDECIDED'],
  ['a campaign fails', { CampaignId: 'c1', ActivityId: 'a1' }, 'UndecidedSendError'],
])('a table that hangs: %s before Lambda ends the invocation, and metrics are written', async (_case, ids, expected) => {
  // GIVEN
  dynamo.on(GetItemCommand).callsFake(async () => new Promise(() => undefined));
  const handler = load({ LINE_MESSAGE_TYPE: 'text' });
  const start = Date.now();
  // WHEN
  const result = await handler({ ...ids, Data: 'Hello', Endpoints: EVENT.Endpoints }, { ...CONTEXT, getRemainingTimeInMillis: () => 2_000 })
    .then((reply) => JSON.stringify(reply), (error) => String(error));
  // THEN
  expect(Date.now() - start).toBeLessThan(1_950);
  expect(result).toContain(expected);
  expect(line.requests).toEqual([]);
  expect(JSON.parse(written.at(-1)!)).toMatchObject({ MessagesUnknown: 2 });
});

test('an AWS connection that hangs is cut, in time for another attempt', async () => {
  // GIVEN
  await load({ LINE_MESSAGE_TYPE: 'text' })({ ...EVENT, Data: 'Hello' }, CONTEXT);
  // WHEN
  const { config } = dynamo.send.firstCall.thisValue;
  // THEN
  expect(await config.maxAttempts()).toBe(2);
  expect(await config.requestHandler.configProvider).toMatchObject({ throwOnRequestTimeout: true, requestTimeout: 3_000, connectionTimeout: 1_000 });
});

test('a function without its environment says what is missing', () => {
  expect(() => load({ LINE_MESSAGE_TYPE: '' })).toThrow('environment variable LINE_MESSAGE_TYPE is missing');
});
