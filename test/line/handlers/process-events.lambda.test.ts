import { DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { FakeDynamoDb } from '../../support/fake-dynamodb';
import { HttpStub, json } from '../../support/http-stub';
import { loadEntry } from '../../support/load-entry';

const BOT = 'U8e742f61d673b39c7fff3cecb7536ef0';
const AYA = `U${'a'.repeat(32)}`;

/** LINE's clock. */
const AT = Date.now() - 60_000;

const dynamo = mockClient(DynamoDBClient);
const eventBridge = mockClient(EventBridgeClient);
const sqs = mockClient(SQSClient);
const secrets = mockClient(SecretsManagerClient);

let line: HttpStub;
let table: FakeDynamoDb;
let written: string[];
let handler: (event: SQSEvent) => Promise<SQSBatchResponse>;
let remainingMs: number;

beforeEach(async () => {
  line = await HttpStub.start();
  line.handler = json(200, { displayName: 'Aya', userId: AYA, language: 'ja', pictureUrl: 'https://example.com/aya' });
  [dynamo, eventBridge, sqs, secrets].forEach((mock) => mock.reset());
  table = new FakeDynamoDb(dynamo);
  table.items.set('CHANNEL#line CHANNEL', { pk: { S: 'CHANNEL#line' }, sk: { S: 'CHANNEL' }, botUserId: { S: BOT } });
  eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 0 });
  sqs.on(SendMessageCommand).resolves({});
  secrets.on(GetSecretValueCommand).resolves({ SecretString: JSON.stringify({ channelAccessToken: 'long-lived-access-token', channelSecret: '8c570fa6dd201bb3' }) });
  written = [];
  remainingMs = 30_000;
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    LINE_CHANNEL_KEY: 'line',
    LINE_CHANNEL_NAME: 'Stack-Line',
    LINE_SECRET_ARN: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:line',
    LINE_API_BASE_URL: line.url,
    LINE_PROFILE_QUEUE_URL: 'https://sqs/profiles',
    LINE_UNSUBSCRIBE: 'OPT_OUT',
    SUBSCRIBER_TABLE_NAME: 'Subscribers',
    LINE_EVENT_BUS_NAME: 'LineEvents',
  });
});

afterEach(async () => {
  jest.restoreAllMocks();
  await line.stop();
});

/** A new container with the environment as it is. */
const start = () => {
  const entry = loadEntry<SQSEvent, SQSBatchResponse>('line/handlers/process-events.lambda#processEvents',
    '@aws-sdk/client-dynamodb', '@aws-sdk/client-eventbridge', '@aws-sdk/client-sqs', '@aws-sdk/client-secrets-manager');
  handler = async (event) => entry(event, { getRemainingTimeInMillis: () => remainingMs });
};

const batch = (...events: object[]) => ({
  Records: events.map((event, n) => ({ messageId: `m${n}`, body: JSON.stringify({ destination: BOT, event }), attributes: { MessageGroupId: AYA } })),
}) as unknown as SQSEvent;
const follow = { type: 'follow', mode: 'active', timestamp: AT, webhookEventId: '01', source: { type: 'user', userId: AYA } };

test('a follow becomes a subscriber with a profile, a bus event and a marker', async () => {
  // GIVEN
  start();
  // WHEN
  const response = await handler(batch(follow));
  // THEN
  expect(response).toEqual({ batchItemFailures: [] });
  expect(line.requests).toEqual([expect.objectContaining({ method: 'GET', path: `/v2/bot/profile/${AYA}` })]);
  expect(line.requests[0].headers.authorization).toBe('Bearer long-lived-access-token');
  expect(table.row(`line#${AYA}`, 'ENDPOINT')).toMatchObject({
    OptOut: { S: 'NONE' }, User: { M: { UserAttributes: { M: { DisplayName: { L: [{ S: 'Aya' }] }, Language: { L: [{ S: 'ja' }] } } } } },
  });
  expect(JSON.stringify(table.row(`line#${AYA}`, 'ENDPOINT'))).not.toContain('example.com');
  expect(eventBridge.commandCalls(PutEventsCommand)[0].args[0].input.Entries![0]).toMatchObject({ EventBusName: 'LineEvents', DetailType: 'follow' });
  expect(table.row('EVENT#line#01', 'EVENT')).toBeDefined();
  // AND its metrics are written, and nothing of the profile
  const [metrics] = written.map((text) => JSON.parse(text)).filter((object) => object._aws);
  expect(metrics).toMatchObject({ Channel: 'Stack-Line', SubscribersFollowed: 1, ProfilesUpdated: 1, EventsPublished: 1 });
  expect(written.join('')).not.toContain('Aya');
});

test('a slow or failing LINE does not keep the subscriber waiting', async () => {
  // GIVEN
  line.handler = json(500, {});
  start();
  // WHEN
  const response = await handler(batch(follow));
  // THEN
  expect(response).toEqual({ batchItemFailures: [] });
  expect(sqs.commandCalls(SendMessageCommand)[0].args[0].input).toEqual({
    QueueUrl: 'https://sqs/profiles', MessageBody: JSON.stringify({ userId: AYA }), DelaySeconds: 30,
  });
  expect(table.row(`line#${AYA}`, 'ENDPOINT')?.OptOut).toEqual({ S: 'NONE' });
});

test('what fails comes again, and is counted and logged', async () => {
  // GIVEN
  dynamo.on(UpdateItemCommand).rejects(new Error('throttled'));
  start();
  // WHEN
  const response = await handler(batch({ ...follow, type: 'postback' }, { ...follow, webhookEventId: '02' }, { ...follow, webhookEventId: '03' }));
  // THEN
  expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }, { itemIdentifier: 'm2' }] });
  expect(written.map((text) => JSON.parse(text))).toEqual([
    expect.objectContaining({ level: 'ERROR', code: 'EVENT_FAILED', eventId: '02' }),
    expect.objectContaining({ EventsPublished: 1 }),
  ]);
});

test('the channel\'s record is read once per container', async () => {
  start();
  await handler(batch(follow));
  await handler(batch({ ...follow, webhookEventId: '02' }));
  const reads = dynamo.commandCalls(GetItemCommand).filter(({ args }) => args[0].input.Key?.pk.S === 'CHANNEL#line');
  expect(reads).toHaveLength(1);
});

test.each([
  ['OPT_OUT', 'true', { OptOut: { S: 'ALL' }, User: { M: { UserAttributes: { M: { PictureUrl: { L: [{ S: 'https://example.com/aya' }] } } } } } }],
  ['DELETE', 'false', { erased: { BOOL: true } }],
])('LINE_UNSUBSCRIBE=%s and LINE_PROFILE_PICTURE=%s are heeded', async (mode, picture, expected) => {
  // GIVEN
  Object.assign(process.env, { LINE_UNSUBSCRIBE: mode, LINE_PROFILE_PICTURE: picture });
  start();
  // WHEN
  await handler(batch(follow, { ...follow, type: 'unfollow', timestamp: AT + 1000, webhookEventId: '02' }));
  // THEN
  delete process.env.LINE_PROFILE_PICTURE;
  expect(table.row(`line#${AYA}`, 'ENDPOINT')).toMatchObject(expected);
});

test('fails at the start for another unsubscribe mode', () => {
  process.env.LINE_UNSUBSCRIBE = 'KEEP';
  expect(start).toThrow('the unsubscribe mode is "KEEP"');
});

test('a bus that hangs does not take the invocation\'s whole time', async () => {
  // GIVEN two seconds are kept, six are left to wait
  eventBridge.on(PutEventsCommand).callsFake(async () => new Promise(() => undefined));
  remainingMs = 8_000;
  start();
  // WHEN
  const response = await handler(batch({ ...follow, type: 'postback' }));
  // THEN
  expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: 'm0' }] });
  expect(written.map((text) => JSON.parse(text))).toEqual([expect.objectContaining({ code: 'EVENT_FAILED', reason: 'Error: the time of the invocation is over' })]);
}, 10_000);
