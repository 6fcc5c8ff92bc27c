import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { S3BatchContents } from '../../src/runtime/batch-contents';

const s3 = mockClient(S3Client);
let contents: S3BatchContents;
/** Objects of the bucket. */
let objects: Map<string, string>;

beforeEach(() => {
  s3.reset();
  objects = new Map();
  s3.on(PutObjectCommand).callsFake(({ Key, Body }) => { objects.set(Key, Body); return {}; });
  s3.on(GetObjectCommand).callsFake(({ Key }) => ({ Body: { transformToString: async () => objects.get(Key) } }));
  contents = new S3BatchContents(() => new S3Client({ region: 'eu-west-1' }), 'content-bucket');
});

const another = () => new S3BatchContents(() => new S3Client({ region: 'eu-west-1' }), 'content-bucket');

const LINES = ['"messages":[{"type":"text","text":"a\\nb \u2028 \\" 春"}]', '"messages":[]'];

test('an object of lines is put once, and got by another instance as it was', async () => {
  await contents.put('batches/b.jsonl', LINES);
  expect(s3.commandCalls(PutObjectCommand)[0].args[0].input).toEqual({
    Bucket: 'content-bucket', Key: 'batches/b.jsonl', Body: LINES.join('\n'), ContentType: 'application/x-ndjson; charset=utf-8',
  });
  expect(await another().get('batches/b.jsonl')).toEqual(LINES);
  expect(s3.commandCalls(GetObjectCommand)[0].args[0].input).toEqual({ Bucket: 'content-bucket', Key: 'batches/b.jsonl' });
});

test('what was put or got is remembered, the last 20', async () => {
  // GIVEN
  for (let n = 0; n < 20; n++) {
    await contents.put(`b${n}`, [`${n}`]);
  }
  expect(await contents.get('b0')).toEqual(['0']);
  expect(s3.commandCalls(GetObjectCommand)).toHaveLength(0);
  // WHEN
  await contents.put('b20', ['20']);
  // THEN
  expect(await contents.get('b1')).toEqual(['1']);
  expect(await contents.get('b0')).toEqual(['0']);
  expect(await contents.get('b0')).toEqual(['0']);
  expect(s3.commandCalls(GetObjectCommand)).toHaveLength(1);
});

test('what S3 throws is thrown, and nothing of it remembered', async () => {
  s3.on(PutObjectCommand).rejects(new Error('AccessDenied')).on(GetObjectCommand).rejects(new Error('NoSuchKey'));
  await expect(contents.put('b', LINES)).rejects.toThrow('AccessDenied');
  await expect(contents.get('b')).rejects.toThrow('NoSuchKey');
});
