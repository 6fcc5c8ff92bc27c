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

describe('of what is remembered', () => {
  const MILLION = 1_000_000;
  const gets = () => s3.commandCalls(GetObjectCommand).map(({ args: [{ input }] }) => input.Key);
  const getAll = async (...keys: string[]) => {
    for (const key of keys) {
      await contents.get(key);
    }
  };

  test('the oldest goes when there are more than 8 million characters', async () => {
    // GIVEN
    for (const key of ['b0', 'b1', 'b2', 'b3']) {
      await contents.put(key, ['x'.repeat(MILLION), 'y'.repeat(MILLION)]);
    }
    await getAll('b0', 'b1', 'b2', 'b3');
    expect(gets()).toEqual([]);
    // WHEN
    await contents.put('b4', ['x'.repeat(2 * MILLION + 1)]);
    // THEN two make room, since one is too little
    await getAll('b4', 'b3', 'b2');
    expect(gets()).toEqual([]);
    await getAll('b0', 'b0');
    expect(gets()).toEqual(['b0']);
    await getAll('b1');
    expect(gets()).toEqual(['b0', 'b1']);
  });

  test('nothing has more than 8 million characters, nor makes it others forget', async () => {
    await contents.put('small', ['1']);
    await contents.put('huge', ['x'.repeat(8 * MILLION), 'y']);
    await contents.put('large', ['x'.repeat(8 * MILLION - 1)]);
    await getAll('small', 'large', 'huge', 'huge');
    expect(gets()).toEqual(['huge', 'huge']);
  });

  test('what two have got at once counts once', async () => {
    // GIVEN
    objects.set('b', 'x'.repeat(4 * MILLION));
    await Promise.all([contents.get('b'), contents.get('b')]);
    expect(gets()).toEqual(['b', 'b']);
    // WHEN
    await contents.put('c', ['y'.repeat(4 * MILLION)]);
    // THEN
    await getAll('b', 'c');
    expect(gets()).toEqual(['b', 'b']);
  });
});

test('what S3 throws is thrown, and nothing of it remembered', async () => {
  s3.on(PutObjectCommand).rejects(new Error('AccessDenied')).on(GetObjectCommand).rejects(new Error('NoSuchKey'));
  await expect(contents.put('b', LINES)).rejects.toThrow('AccessDenied');
  await expect(contents.get('b')).rejects.toThrow('NoSuchKey');
});
