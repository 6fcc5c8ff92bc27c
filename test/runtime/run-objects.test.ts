import { GetObjectCommand, HeadObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { linesOfObject, S3RunObjects } from '../../src/runtime/run-objects';

const s3 = mockClient(S3Client);
const client = new S3Client({ region: 'eu-west-1' });
const objects = new S3RunObjects(() => client, 'bucket');
const refusal = (name: string, httpStatusCode: number) => new S3ServiceException({ name, $fault: 'client', $metadata: { httpStatusCode }, message: `${name}.` });
const WRITTEN = new Date('2026-11-23T00:00:01Z');

beforeEach(() => { s3.reset(); });

function holding(text: string): void {
  s3.on(GetObjectCommand).callsFake(({ Range }) => {
    const bytes = Buffer.from(text);
    const part = Range ? bytes.subarray(0, Number(Range.split('-')[1]) + 1) : bytes;
    return { Body: { transformToByteArray: async () => new Uint8Array(part) }, LastModified: WRITTEN, ETag: '"e1"' };
  });
}

describe('the first line', () => {
  test.each([
    ['short', '{"a":1}\n{"b":2}\n', '{"a":1}', 1],
    ['the only one', '{"a":"春"}', '{"a":"春"}', 1],
    ['longer than what is asked for first', `${'春'.repeat(40_000)}\nnext`, '春'.repeat(40_000), 2],
    ['as long as what is asked for first', `${'x'.repeat(16 * 1_024)}\n`, 'x'.repeat(16 * 1_024), 2],
  ])('that is %s comes with its time', async (_name, text, line, requests) => {
    holding(text);
    expect(await objects.firstLine('k')).toEqual({ line, writtenAt: WRITTEN.getTime(), version: '"e1"' });
    expect(s3.commandCalls(GetObjectCommand)).toHaveLength(requests);
  });

  test.each([['NoSuchKey', 404], ['InvalidRange', 416]])('of an object that is gone or empty (%s) is none', async (name, status) => {
    s3.on(GetObjectCommand).rejects(refusal(name, status));
    expect(await objects.firstLine('k')).toBeUndefined();
  });

  test('is thrown for, when S3 does not give it', async () => {
    s3.on(GetObjectCommand).rejects(refusal('SlowDown', 503));
    await expect(objects.firstLine('k')).rejects.toThrow('SlowDown');
  });
});

test('an object exists, does not, or nobody knows', async () => {
  s3.on(HeadObjectCommand).resolves({});
  expect(await objects.exists('k')).toBe(true);
  s3.on(HeadObjectCommand).rejects(refusal('NotFound', 404));
  expect(await objects.exists('k')).toBe(false);
  s3.on(HeadObjectCommand).rejects(refusal('Forbidden', 403));
  await expect(objects.exists('k')).rejects.toThrow('Forbidden');
});

test.each([
  ['', []], ['a', ['a']], ['a\n', ['a']], ['日本\nb\n\nc', ['日本', 'b', '', 'c']],
])('lines of %j', async (text, lines) => {
  holding(text);
  const read: string[] = [];
  for await (const line of linesOfObject(client, { Bucket: 'b', Key: 'k' })) {
    read.push(line);
  }
  expect(read).toEqual(lines);
});
