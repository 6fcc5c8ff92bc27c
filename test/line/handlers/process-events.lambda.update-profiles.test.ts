import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { DynamoSubscriberStore } from '../../../src/runtime/subscriber-store';
import { FakeDynamoDb } from '../../support/fake-dynamodb';
import { HttpStub, json } from '../../support/http-stub';
import { loadEntry } from '../../support/load-entry';

const AYA = `U${'a'.repeat(32)}`;
const BEN = `U${'b'.repeat(32)}`;
const dynamo = mockClient(DynamoDBClient);
const secrets = mockClient(SecretsManagerClient);

let line: HttpStub;
let table: FakeDynamoDb;
let written: string[];
let handler: (event: SQSEvent) => Promise<SQSBatchResponse>;

beforeEach(async () => {
  line = await HttpStub.start();
  [dynamo, secrets].forEach((mock) => mock.reset());
  table = new FakeDynamoDb(dynamo);
  secrets.on(GetSecretValueCommand).resolves({ SecretString: JSON.stringify({ channelAccessToken: 'long-lived-access-token', channelSecret: '8c570fa6dd201bb3' }) });
  written = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    LINE_CHANNEL_KEY: 'line',
    LINE_CHANNEL_NAME: 'Stack-Line',
    LINE_SECRET_ARN: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:line',
    LINE_API_BASE_URL: line.url,
    LINE_PROFILE_PICTURE: 'true',
    SUBSCRIBER_TABLE_NAME: 'Subscribers',
  });
  await new DynamoSubscriberStore(new DynamoDBClient(), 'Subscribers', 'line').follow({ userId: AYA, at: 1000, eventId: '01' });
  handler = loadEntry('line/handlers/process-events.lambda#updateProfiles', '@aws-sdk/client-dynamodb', '@aws-sdk/client-secrets-manager');
});

afterEach(async () => {
  jest.restoreAllMocks();
  await line.stop();
});

const batch = (...userIds: string[]) => ({
  Records: userIds.map((userId, n) => ({ messageId: `m${n}`, body: JSON.stringify({ userId }), attributes: {} })),
}) as unknown as SQSEvent;

test('the profile of a subscriber is stored, that of nobody is not asked for', async () => {
  // GIVEN
  line.handler = json(200, { displayName: 'Aya', pictureUrl: 'https://example.com/aya' });
  // WHEN
  const response = await handler(batch(AYA, BEN));
  // THEN
  expect(response).toEqual({ batchItemFailures: [] });
  expect(line.requests.map(({ path }) => path)).toEqual([`/v2/bot/profile/${AYA}`]);
  expect(table.row(`line#${AYA}`, 'ENDPOINT')?.User.M?.UserAttributes.M).toEqual({
    DisplayName: { L: [{ S: 'Aya' }] }, PictureUrl: { L: [{ S: 'https://example.com/aya' }] },
  });
  expect(written.map((text) => JSON.parse(text))).toEqual([expect.objectContaining({ Channel: 'Stack-Line', ProfilesUpdated: 1 })]);
});

test('a profile that LINE cannot give yet comes again', async () => {
  line.handler = json(503, {});
  expect(await handler(batch(AYA))).toEqual({ batchItemFailures: [{ itemIdentifier: 'm0' }] });
});
