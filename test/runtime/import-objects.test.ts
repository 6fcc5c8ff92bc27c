import { GetObjectCommand, ListObjectsV2Command, NoSuchKey, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { S3ImportObjects } from '../../src/runtime/import-objects';

const s3 = mockClient(S3Client);
const objects = new S3ImportObjects(new S3Client({ region: 'eu-west-1' }), 'imports-bucket');

beforeEach(() => s3.reset());

test('an object is read to its end', async () => {
  s3.on(GetObjectCommand).resolves({ Body: { transformToString: async () => '春のセール' } } as any);
  expect(await objects.read('imports/1/claim.json')).toBe('春のセール');
  expect(s3.commandCalls(GetObjectCommand)[0].args[0].input).toEqual({ Bucket: 'imports-bucket', Key: 'imports/1/claim.json' });
});

test('that there is no object is an answer, that it may not be read is an error', async () => {
  s3.on(GetObjectCommand).rejects(new NoSuchKey({ message: '', $metadata: {} }));
  expect(await objects.read('a')).toBeUndefined();
  s3.on(GetObjectCommand).rejects(Object.assign(new Error('Access Denied'), { name: 'AccessDenied' }));
  await expect(objects.read('a')).rejects.toThrow('Access Denied');
});

test('an object is written over, or only where there is none', async () => {
  s3.on(PutObjectCommand).resolves({});
  await objects.write('summary.json', '{}');
  expect(await objects.create('rejects.jsonl', '')).toBe(true);
  expect(s3.commandCalls(PutObjectCommand).map(({ args }) => args[0].input)).toEqual([
    { Bucket: 'imports-bucket', Key: 'summary.json', Body: '{}', ContentType: 'application/json; charset=utf-8' },
    { Bucket: 'imports-bucket', Key: 'rejects.jsonl', Body: '', ContentType: 'application/x-ndjson; charset=utf-8', IfNoneMatch: '*' },
  ]);
  s3.on(PutObjectCommand).rejects(Object.assign(new Error('exists'), { name: 'PreconditionFailed' }));
  expect(await objects.create('claim.json', '{}')).toBe(false);
  s3.on(PutObjectCommand).rejects(Object.assign(new Error('at the same time'), { name: 'ConditionalRequestConflict' }));
  await expect(objects.create('claim.json', '{}')).rejects.toThrow('at the same time');
});

test('keys are listed page by page', async () => {
  s3.on(ListObjectsV2Command)
    .resolvesOnce({ Contents: [{ Key: 'a/1' }, { Key: 'a/2' }], IsTruncated: true, NextContinuationToken: 't' })
    .resolvesOnce({ Contents: [{ Key: 'a/3' }] });
  expect(await objects.list('a/')).toEqual(['a/1', 'a/2', 'a/3']);
  s3.on(ListObjectsV2Command).resolves({});
  expect(await objects.list('b/')).toEqual([]);
});
