import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { GetObjectCommand, NoSuchKey, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { FreezeAnswer, FreezeInput, ImportConfig, importKey } from '../../../src/contract/imports';
import { importIdOf } from '../../../src/domain/audience/import-id';
import { loadEntry } from '../../support/load-entry';

const CONFIG: ImportConfig = {
  name: 'Stack-Import',
  channelKey: 'line',
  format: 'AUTO',
  columns: {},
  otherColumns: 'ATTRIBUTES',
  maxRejectedPercent: 10,
  allowReOptIn: false,
  tag: { kind: 'fileName' },
  replaceTag: false,
};
const INPUT = { detail: { bucket: { name: 'files' }, object: { 'key': 'import/春 a+b.csv.gz', 'size': 99, 'etag': 'e', 'version-id': 'v', 'sequencer': '1' } } };
const EVENT: FreezeInput = { input: INPUT, execution: 'arn:aws:states:eu-west-1:111122223333:execution:Import:1', startedAt: '2026-11-01T00:00:00.000Z' };
const ID = importIdOf(INPUT, CONFIG.name);
const USER_ID = `U${'a'.repeat(32)}`;

const s3 = mockClient(S3Client);
const sns = mockClient(SNSClient);
const environment = process.env;

let objects: Map<string, string>;
let written: string[];

beforeEach(() => {
  [s3, sns].forEach((mock) => mock.reset());
  objects = new Map();
  s3.on(PutObjectCommand).callsFake(({ Bucket, Key, Body }) => {
    expect(Bucket).toBe('imports-bucket');
    objects.set(Key, String(Body));
    return {};
  });
  s3.on(GetObjectCommand).callsFake(({ Bucket, Key }) => {
    if (Bucket === 'files') {
      return { Body: Readable.from([gzipSync(`Address,plan\n${USER_ID},春\n`)]), ETag: '"e"', LastModified: new Date(1_000) };
    }
    if (!objects.has(Key)) {
      throw new NoSuchKey({ message: '', $metadata: { httpStatusCode: 404 } });
    }
    return { Body: { transformToString: async () => objects.get(Key) } };
  });
  sns.on(PublishCommand).resolves({});
  written = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  process.env = {
    ...environment,
    AWS_REGION: 'eu-west-1',
    IMPORT_CONFIG: JSON.stringify(CONFIG),
    IMPORT_BUCKET: 'imports-bucket',
    NOTIFICATION_TOPIC_ARN: 'arn:aws:sns:eu-west-1:111122223333:topic',
  };
});

afterEach(() => {
  process.env = environment;
  jest.restoreAllMocks();
});

const freeze = async (): Promise<FreezeAnswer> => loadEntry<FreezeInput, FreezeAnswer>(
  'audience/handlers/import-subscribers.lambda#freeze', '@aws-sdk/client-s3', '@aws-sdk/client-sns')(EVENT, { getRemainingTimeInMillis: () => 900_000 });

test('a dropped file becomes chunks, and its start is told', async () => {
  expect(await freeze()).toEqual({ next: 'WRITE', importId: ID, items: { bucket: 'imports-bucket', key: importKey(ID, 'items.jsonl') } });
  expect(s3.commandCalls(GetObjectCommand).map(({ args: [{ input }] }) => input)).toContainEqual({ Bucket: 'files', Key: 'import/春 a+b.csv.gz', VersionId: 'v' });
  expect(JSON.parse(objects.get(importKey(ID, 'chunks/00000.jsonl'))!)).toEqual({
    line: 2, at: 1_000, endpoint: { Address: USER_ID, ChannelType: 'CUSTOM', OptOut: 'NONE', EndpointStatus: 'ACTIVE', Attributes: { plan: ['春'] } },
  });
  expect(JSON.parse(objects.get(importKey(ID, 'items.jsonl'))!)).toMatchObject({ number: 0, tag: '春 a-b' });
  expect(JSON.parse(sns.commandCalls(PublishCommand)[0].args[0].input.Message!)).toEqual({
    Message: 'Import Started', Input: { S3URL: 's3://files/import/春 a+b.csv.gz', ImportId: ID },
  });
  expect(written.map((line) => JSON.parse(line).code)).toEqual(['IMPORT_FROZEN']);
  // Neither people nor what is known of them.
  expect(written.join('')).not.toMatch(/Uaaaa|春/);
});

test('what S3 refuses is thrown, so that the step is repeated', async () => {
  s3.on(PutObjectCommand).rejects(new Error('SlowDown'));
  await expect(freeze()).rejects.toThrow('SlowDown');
});
