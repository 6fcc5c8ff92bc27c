import { ClientRequest } from 'node:http';
import * as https from 'node:https';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { mockClient } from 'aws-sdk-client-mock';
import { ENV_API_BASE_URL, ENV_SECRET_ARN, ENV_SECRET_FIELDS } from '../../src/contract/environment';
import { lineFromEnvironment, secretFromEnvironment } from '../../src/runtime/line-from-environment';
import { HttpStub, json } from '../support/http-stub';

/** What Node hands every request of an agent to; not in its types. */
interface WatchedAgent {
  addRequest(request: ClientRequest, options: { readonly host: string }): void;
}

const manager = mockClient(SecretsManagerClient);
const client = new SecretsManagerClient({ region: 'eu-west-1' });

beforeEach(() => {
  manager.reset();
  process.env[ENV_SECRET_ARN] = 'arn:secret';
});

afterEach(() => [ENV_SECRET_ARN, ENV_SECRET_FIELDS, ENV_API_BASE_URL].forEach((name) => delete process.env[name]));

test('the secret is read by the ARN, with the user\'s keys', async () => {
  // GIVEN
  process.env[ENV_SECRET_FIELDS] = '{"channelSecret":"mine"}';
  manager.on(GetSecretValueCommand).resolves({ SecretString: 'value' });
  // WHEN
  const { secrets, fields } = secretFromEnvironment(client);
  // THEN
  expect(fields).toEqual({ channelSecret: 'mine' });
  expect(await secrets.value()).toBe('value');
  expect(manager.commandCalls(GetSecretValueCommand)[0].args[0].input).toEqual({ SecretId: 'arn:secret' });
});

test('keys have their default names unless the user named some', () => {
  expect(secretFromEnvironment(client).fields).toEqual({});
});

test('a missing ARN fails by name', () => {
  delete process.env[ENV_SECRET_ARN];
  expect(() => secretFromEnvironment(client)).toThrow(ENV_SECRET_ARN);
});

test('LINE is called at the base URL, under the secret\'s credentials', async () => {
  // GIVEN
  const stub = await HttpStub.start();
  stub.handler = json(200, { access_token: 't', expires_in: 900 });
  process.env[ENV_API_BASE_URL] = stub.url;
  process.env[ENV_SECRET_FIELDS] = '{"channelId":"id"}';
  manager.on(GetSecretValueCommand).resolves({ SecretString: '{"id":"7","channelSecret":"8c570fa6dd201bb3"}' });
  // WHEN
  const answer = await lineFromEnvironment(client).line.call({ method: 'GET', path: '/v2/bot/info', timeoutMs: 5_000 });
  await stub.stop();
  // THEN
  expect(answer).toMatchObject({ kind: 'response', status: 200 });
  expect(stub.requests.map(({ path }) => path)).toEqual(['/oauth2/v3/token', '/v2/bot/info']);
});

test('LINE is LINE unless a base URL is given', async () => {
  // GIVEN a network that is only watched
  const asked: string[] = [];
  const watch = jest.spyOn(https.Agent.prototype as unknown as WatchedAgent, 'addRequest').mockImplementation((request, { host }) => {
    asked.push(`https://${host}${request.path}`);
    process.nextTick(() => request.emit('error', new Error('no network in this test')));
  });
  manager.on(GetSecretValueCommand).resolves({ SecretString: '{"channelAccessToken":"long-lived-access-token"}' });
  // WHEN
  await lineFromEnvironment(client).line.call({ method: 'POST', path: '/v2/bot/message/multicast', timeoutMs: 1_000 });
  watch.mockRestore();
  // THEN
  expect(asked).toEqual(['https://api.line.me/v2/bot/message/multicast']);
});
