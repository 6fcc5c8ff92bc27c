import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, ListObjectsV2Command, NoSuchKey, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { ImportConfig, importKey } from '../../../src/contract/imports';
import { jsonLines } from '../../../src/domain/audience/import-objects';
import { FakeDynamoDb } from '../../support/fake-dynamodb';
import { HttpStub } from '../../support/http-stub';
import { importRow, userId } from '../../support/import-world';
import { loadEntry } from '../../support/load-entry';

const ENTRY = 'audience/handlers/import-subscribers.lambda';
const SDK = ['@aws-sdk/client-dynamodb', '@aws-sdk/client-s3', '@aws-sdk/client-secrets-manager', '@aws-sdk/client-sns'];
const CONFIG: ImportConfig = {
  name: 'Stack-Import',
  channelKey: 'line',
  format: 'AUTO',
  columns: {},
  otherColumns: 'ATTRIBUTES',
  maxRejectedPercent: 10,
  maxAbsentPercent: 10,
  allowReOptIn: false,
  tag: { kind: 'none' },
  replaceTag: false,
};
const EXECUTION = { execution: 'arn:aws:states:eu-west-1:111122223333:execution:Import:1', startedAt: '2026-11-01T00:00:00.000Z' };
const CONTEXT = { getRemainingTimeInMillis: () => 900_000 };

const dynamo = mockClient(DynamoDBClient);
const s3 = mockClient(S3Client);
const sns = mockClient(SNSClient);
const secrets = mockClient(SecretsManagerClient);
const environment = process.env;

let table: FakeDynamoDb;
let objects: Map<string, string>;
let written: string[];

beforeEach(() => {
  [dynamo, s3, sns, secrets].forEach((mock) => mock.reset());
  table = new FakeDynamoDb(dynamo);
  objects = new Map();
  s3.on(GetObjectCommand).callsFake(({ Key }) => {
    if (!objects.has(Key)) {
      throw new NoSuchKey({ message: '', $metadata: {} });
    }
    return { Body: { transformToString: async () => objects.get(Key) } };
  });
  s3.on(PutObjectCommand).callsFake(({ Key, Body, IfNoneMatch }) => {
    if (IfNoneMatch && objects.has(Key)) {
      throw Object.assign(new Error(), { name: 'PreconditionFailed' });
    }
    objects.set(Key, Body);
    return {};
  });
  s3.on(ListObjectsV2Command).callsFake(({ Prefix }) => (
    { Contents: [...objects.keys()].filter((key) => key.startsWith(Prefix)).map((Key) => ({ Key })) }
  ));
  sns.on(PublishCommand).resolves({});
  written = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  process.env = {
    ...environment,
    AWS_REGION: 'eu-west-1',
    IMPORT_CONFIG: JSON.stringify(CONFIG),
    IMPORT_BUCKET: 'imports-bucket',
    NOTIFICATION_TOPIC_ARN: 'arn:aws:sns:eu-west-1:111122223333:topic',
    SUBSCRIBER_TABLE_NAME: 'Subscribers',
  };
});

afterEach(() => {
  process.env = environment;
  jest.restoreAllMocks();
});

const put = (id: string, name: string, value: object) => (
  objects.set(importKey(id, name), Array.isArray(value) ? jsonLines(value) : JSON.stringify(value))
);

test('rows reach the table, and the last step tells it', async () => {
  // GIVEN
  const item = { importId: 'i', number: 0, chunk: { bucket: 'imports-bucket', key: importKey('i', 'chunks/0.jsonl') } };
  put('i', 'claim.json', { owner: EXECUTION.execution, claimedAt: EXECUTION.startedAt });
  put('i', 'chunks/0.jsonl', [importRow(1, 1_000), importRow(2, 1_000)]);
  put('i', 'items.jsonl', [item]);
  put('i', 'stats.json', { importId: 'i', file: 'a.csv', startedAt: EXECUTION.startedAt, rows: 3, frozen: 2, ignored: 0, rejected: 1, leftOut: [] });
  // WHEN
  expect(await loadEntry(`${ENTRY}#write`, ...SDK)(item)).toBeUndefined();
  const summary = await loadEntry(`${ENTRY}#finish`, ...SDK)({
    ...EXECUTION, input: { detail: { bucket: { name: 'b' }, object: { key: 'a.csv' } } }, freeze: { next: 'WRITE', importId: 'i' },
  });
  // THEN
  expect(table.row(`line#${userId(2)}`, 'ENDPOINT')).toMatchObject({ OptOut: { S: 'NONE' } });
  expect(summary).toMatchObject({ status: 'COMPLETED', rows: 3, created: 2, rejected: 1 });
  expect(sns.commandCalls(PublishCommand)[0].args[0].input).toMatchObject({
    TopicArn: 'arn:aws:sns:eu-west-1:111122223333:topic', MessageAttributes: { notification_type: { DataType: 'String', StringValue: 'success' } },
  });
  expect(written.map((text) => JSON.parse(text)).at(-1)).toMatchObject({ Channel: 'Stack-Import', SubscribersImported: 2, ImportRowsRejected: 1 });
});

test('followers whom LINE lists are frozen for the table', async () => {
  // GIVEN
  const line = await HttpStub.start();
  const paths: string[] = [];
  line.handler = (request, response) => {
    paths.push(request.path);
    response.writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify(request.path === '/oauth2/v3/token' ? { access_token: 'token', expires_in: 899 } : { userIds: [userId(1), userId(2)] }));
  };
  secrets.on(GetSecretValueCommand).resolves({ SecretString: '{"channelId":"1234567890","channelSecret":"0123456789abcdef0123456789abcdef"}' });
  dynamo.on(ScanCommand).resolves({ Items: [{ pk: { S: `line#${userId(1)}` }, OptOut: { S: 'NONE' }, subscriptionAt: { N: '1' } }] });
  Object.assign(process.env, { LINE_SECRET_ARN: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:s', LINE_API_BASE_URL: line.url });
  try {
    // WHEN
    const answer: any = await loadEntry(`${ENTRY}#listFollowers`, ...SDK)({ ...EXECUTION, input: {} }, CONTEXT);
    // THEN
    expect(answer).toMatchObject({ next: 'WRITE', items: { bucket: 'imports-bucket' } });
    expect(paths).toEqual(['/oauth2/v3/token', '/v2/bot/followers/ids?limit=1000']);
    const rows = objects.get(importKey(answer.importId, 'chunks/in-00000.jsonl'))!.trim().split('\n').map((each) => JSON.parse(each));
    expect(rows).toEqual([{
      line: 1, at: Date.parse(EXECUTION.startedAt), endpoint: { Address: userId(2), ChannelType: 'CUSTOM', OptOut: 'NONE', EndpointStatus: 'ACTIVE' },
    }]);
    expect(sns.commandCalls(PublishCommand)[0].args[0].input.Message).toContain('Import Started');
  } finally {
    await line.stop();
  }
});

test.each(['write', 'finish', 'listFollowers'])('%s fails at the start without its settings', (name) => {
  delete process.env.IMPORT_CONFIG;
  expect(() => loadEntry(`${ENTRY}#${name}`)).toThrow('IMPORT_CONFIG');
});
