import { createHmac } from 'crypto';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { WebhookRequest, WebhookResponse } from '../../../src/domain/line/receive-webhook';
import { loadEntry } from '../../support/load-entry';

const SECRET = '8c570fa6dd201bb328f1c1eac23a96d8';
const FOLLOW = {
  type: 'follow', timestamp: 1625665242214, source: { type: 'user', userId: 'U00000000000000000000000000000001' }, webhookEventId: '01FZ',
};
const BODY = JSON.stringify({ destination: 'U8e742f61d673b39c7fff3cecb7536ef0', events: [FOLLOW] });

const sqs = mockClient(SQSClient);
const secrets = mockClient(SecretsManagerClient);
let written: string[];

beforeEach(() => {
  sqs.reset();
  secrets.reset();
  sqs.on(SendMessageBatchCommand).resolves({ Successful: [], Failed: [] });
  secrets.on(GetSecretValueCommand).resolves({ SecretString: JSON.stringify({ channelSecret: SECRET }) });
  written = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    LINE_CHANNEL_NAME: 'Stack-Line',
    LINE_SECRET_ARN: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:line',
    LINE_WEBHOOK_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/Events.fifo',
  });
  delete process.env.LINE_INCLUDE_MESSAGE_TEXT;
});

afterEach(() => jest.restoreAllMocks());

const start = () => loadEntry<WebhookRequest, WebhookResponse>('line/handlers/receive-webhook.lambda', '@aws-sdk/client-sqs', '@aws-sdk/client-secrets-manager');
const signed = (body = BODY): WebhookRequest => ({ headers: { 'X-Line-Signature': createHmac('sha256', SECRET).update(body).digest('base64') }, body });
const metrics = () => written.map((line) => JSON.parse(line)).filter((line) => line._aws);

test('a signed webhook is queued and answered 200, and its metrics written', async () => {
  // WHEN
  const response = await start()(signed());
  // THEN
  expect(response).toMatchObject({ statusCode: 200 });
  expect(sqs.commandCalls(SendMessageBatchCommand).map((call) => call.args[0].input)).toEqual([{
    QueueUrl: process.env.LINE_WEBHOOK_QUEUE_URL,
    Entries: [{ Id: '0', MessageGroupId: FOLLOW.source.userId, MessageDeduplicationId: '01FZ', MessageBody: expect.stringContaining('"type":"follow"') }],
  }]);
  expect(metrics()).toMatchObject([{ Channel: 'Stack-Line', EventsReceived: 1, EventsQueued: 1 }]);
});

test('the secret is read while the function starts, and once', async () => {
  // WHEN
  const handler = start();
  expect(secrets.commandCalls(GetSecretValueCommand)).toHaveLength(1);
  await handler(signed());
  await handler(signed());
  // THEN
  expect(secrets.commandCalls(GetSecretValueCommand)).toHaveLength(1);
  expect(metrics()).toHaveLength(2);
});

test('a failure to read it while the function starts is made good by the first webhook', async () => {
  secrets.on(GetSecretValueCommand).rejectsOnce(new Error('reset')).resolves({ SecretString: JSON.stringify({ channelSecret: SECRET }) });
  expect(await start()(signed())).toMatchObject({ statusCode: 200 });
});

test('a forged webhook is answered 401, and its metrics written', async () => {
  expect(await start()({ ...signed(), body: `${BODY} ` })).toMatchObject({ statusCode: 401 });
  expect(sqs.commandCalls(SendMessageBatchCommand)).toEqual([]);
  expect(metrics()).toMatchObject([{ SignaturesRejected: 1 }]);
});

test('a secret that cannot be read is answered 503, and its metrics written', async () => {
  secrets.on(GetSecretValueCommand).rejects(new Error('denied'));
  expect(await start()(signed())).toMatchObject({ statusCode: 503 });
  expect(metrics()).toMatchObject([{ CredentialsUnavailable: 1 }]);
});

test('a queue that cannot be reached is answered 500', async () => {
  sqs.on(SendMessageBatchCommand).rejects(new Error('reset'));
  expect(await start()(signed())).toMatchObject({ statusCode: 500 });
  expect(metrics()).toMatchObject([{ EventsNotQueued: 1 }]);
});

test.each([[undefined, undefined], ['false', undefined], ['true', 'hello']])('LINE_INCLUDE_MESSAGE_TEXT=%p passes text as %p', async (flag, text) => {
  // GIVEN
  Object.assign(process.env, flag && { LINE_INCLUDE_MESSAGE_TEXT: flag });
  const message = { ...FOLLOW, type: 'message', message: { id: '1', type: 'text', text: 'hello' } };
  // WHEN
  await start()(signed(JSON.stringify({ destination: 'U8e742f61d673b39c7fff3cecb7536ef0', events: [message] })));
  // THEN
  const body = sqs.commandCalls(SendMessageBatchCommand)[0].args[0].input.Entries![0].MessageBody!;
  expect(JSON.parse(body).event.message.text).toBe(text);
});

test.each(['LINE_CHANNEL_NAME', 'LINE_SECRET_ARN', 'LINE_WEBHOOK_QUEUE_URL'])('does not start without %s', (name) => {
  delete process.env[name];
  expect(start).toThrow(name);
});
