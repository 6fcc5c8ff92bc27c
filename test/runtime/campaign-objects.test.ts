import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { readJson, readJsonLines } from '../../src/domain/campaigns/campaign-objects';
import { S3CampaignObjects } from '../../src/runtime/campaign-objects';
import { HttpStub } from '../support/http-stub';

const s3 = mockClient(S3Client);
const objects = new S3CampaignObjects(() => new S3Client({ region: 'eu-west-1' }), 'campaign-bucket');
const failure = (httpStatusCode: number) => Object.assign(new Error(`status ${httpStatusCode}`), { $metadata: { httpStatusCode } });

beforeEach(() => { s3.reset(); });

test('an object is read', async () => {
  s3.on(GetObjectCommand, { Bucket: 'campaign-bucket', Key: 'runs/r/input.json' }).callsFake(() => ({ Body: { transformToString: async () => '{"a":1}' } }));
  expect(await objects.read('runs/r/input.json')).toBe('{"a":1}');
  expect(await readJson(objects, 'runs/r/input.json')).toEqual({ a: 1 });
});

test('there is none', async () => {
  s3.on(GetObjectCommand).rejects(failure(404));
  expect(await objects.read('runs/r/input.json')).toBeUndefined();
  expect(await readJsonLines(objects, 'runs/r/index.jsonl')).toEqual([]);
  await expect(readJson(objects, 'runs/r/input.json')).rejects.toThrow('object runs/r/input.json of bucket campaign-bucket is gone');
});

test('one that may not be read is not taken for none', async () => {
  s3.on(GetObjectCommand).rejects(failure(403));
  await expect(objects.read('runs/r/input.json')).rejects.toThrow('status 403');
});

test.each([['a.jsonl', 'application/x-ndjson; charset=utf-8'], ['a.json', 'application/json; charset=utf-8']])('%s is written as %s', async (Key, ContentType) => {
  s3.on(PutObjectCommand).resolves({});
  await objects.write(Key, Buffer.from('春'));
  expect(s3.commandCalls(PutObjectCommand)[0].args[0].input).toEqual({ Bucket: 'campaign-bucket', Key, Body: Buffer.from('春'), ContentType });
});

test.each([[undefined, true], [412, false]])('of two who create an object the first does (S3 answers %s: %s)', async (status, isWritten) => {
  if (status) {
    s3.on(PutObjectCommand).rejects(failure(status));
  } else {
    s3.on(PutObjectCommand).resolves({});
  }
  expect(await objects.create('a.json', '{}')).toBe(isWritten);
  expect(s3.commandCalls(PutObjectCommand)[0].args[0].input).toMatchObject({ Key: 'a.json', Body: '{}', IfNoneMatch: '*' });
});

test('a conflict of two writes is an error, after which a repeat finds out', async () => {
  s3.on(PutObjectCommand).rejects(failure(409));
  await expect(objects.create('a.json', '{}')).rejects.toThrow('status 409');
});

test('an object whose bytes stop coming is given up', async () => {
  s3.restore();
  const stub = await HttpStub.start();
  try {
    stub.handler = (_request, response) => { response.writeHead(200, { 'content-length': '100' }).write('abc'); };
    const client = new S3Client({ region: 'eu-west-1', endpoint: stub.url, forcePathStyle: true, credentials: { accessKeyId: 'id', secretAccessKey: 'key' } });
    await expect(new S3CampaignObjects(() => client, 'campaign-bucket', 200).read('a.json')).rejects.toThrow('aborted');
  } finally {
    await stub.stop();
  }
});
