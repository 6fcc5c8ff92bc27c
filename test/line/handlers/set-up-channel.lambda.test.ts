import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { mockClient } from 'aws-sdk-client-mock';
import { SetUpReport } from '../../../src/domain/line/set-up-channel';
import { HttpStub, json } from '../../support/http-stub';
import { loadEntry } from '../../support/load-entry';

const BOT = 'U8e742f61d673b39c7fff3cecb7536ef0';
const dynamo = mockClient(DynamoDBClient);
const secrets = mockClient(SecretsManagerClient);
let line: HttpStub;

beforeEach(async () => {
  line = await HttpStub.start();
  line.handler = (request, response) => {
    const answer = {
      '/oauth2/v3/token': { token_type: 'Bearer', access_token: 't', expires_in: 900 },
      '/v2/bot/info': { userId: BOT, basicId: '@acme' },
      '/v2/bot/channel/webhook/endpoint': { active: true },
      '/v2/bot/channel/webhook/test': { success: true },
    }[request.path];
    json(200, answer)(request, response);
  };
  dynamo.reset();
  secrets.reset();
  dynamo.on(UpdateItemCommand).callsFake((input) => ({ Attributes: { botUserId: input.ExpressionAttributeValues[':id'] } }));
  secrets.on(GetSecretValueCommand).resolves({ SecretString: JSON.stringify({ channelId: '1', channelSecret: '8c570fa6dd201bb3' }) });
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    LINE_CHANNEL_KEY: 'shop',
    LINE_SECRET_ARN: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:line',
    LINE_API_BASE_URL: line.url,
    LINE_WEBHOOK_URL: 'https://example.com/webhook',
    SUBSCRIBER_TABLE_NAME: 'Subscribers',
  });
});

afterEach(async () => line.stop());

const start = () => loadEntry<unknown, SetUpReport>('line/handlers/set-up-channel.lambda', '@aws-sdk/client-dynamodb', '@aws-sdk/client-secrets-manager');

test('sets the channel up and reports', async () => {
  // WHEN
  const report = await start()({});
  // THEN
  expect(report).toMatchObject({ ok: true });
  expect(report.steps.map(({ name }) => name)).toEqual(['payload', 'credentials', 'bot', 'botUserId', 'webhookUrl', 'webhookTest']);
  expect(dynamo.commandCalls(UpdateItemCommand)[0].args[0].input).toMatchObject({
    TableName: 'Subscribers', Key: { pk: { S: 'CHANNEL#shop' } }, ExpressionAttributeValues: { ':id': { S: BOT } },
  });
  expect(line.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'POST /oauth2/v3/token', 'GET /v2/bot/info', 'PUT /v2/bot/channel/webhook/endpoint', 'POST /v2/bot/channel/webhook/test', 'GET /v2/bot/channel/webhook/endpoint',
  ]);
});

test('reads the secret anew in every run, since it has just been changed', async () => {
  // GIVEN
  const handler = start();
  secrets.on(GetSecretValueCommand)
    .resolvesOnce({ SecretString: '{}' })
    .resolves({ SecretString: '{"channelId":"1","channelSecret":"8c570fa6dd201bb3"}' });
  // THEN
  expect(await handler({})).toMatchObject({ ok: false, steps: [{ ok: true }, { name: 'credentials', ok: false }] });
  expect(await handler({})).toMatchObject({ ok: true });
});

test('leaves the webhook alone when there is none', async () => {
  delete process.env.LINE_WEBHOOK_URL;
  const report = await start()({});
  expect(report.ok).toBe(true);
  expect(report.steps.map(({ name }) => name)).not.toContain('webhookUrl');
});

test('replaces the bot on record when asked to', async () => {
  await start()({ replaceBotUserId: true });
  expect(dynamo.commandCalls(UpdateItemCommand)[0].args[0].input.UpdateExpression).toBe('SET botUserId = :id');
});
