import { GetObjectCommand, PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { S3ChunkObjects } from '../../src/runtime/chunk-store';

const s3 = mockClient(S3Client);
const objects = new S3ChunkObjects(() => new S3Client({ region: 'eu-west-1' }));
const PLACE = { Bucket: 'runs', Key: 'run/0.jsonl' };

beforeEach(() => { s3.reset(); });

const refusal = (name: string, httpStatusCode: number) => new S3ServiceException({ name, $fault: 'client', $metadata: { httpStatusCode }, message: `${name}.` });
const body = (text: string) => ({ Body: { transformToString: async () => text }, ETag: '"e1"' }) as any;

describe('an object', () => {
  test.each([[PLACE], [{ ...PLACE, VersionId: 'v1' }]])('%j is read', async (chunk) => {
    s3.on(GetObjectCommand).resolves(body('{"id":"春"}\n'));
    expect(await objects.read(chunk, 'the chunk')).toBe('{"id":"春"}\n');
    expect(s3.commandCalls(GetObjectCommand)[0].args[0].input).toEqual({ VersionId: undefined, ...chunk });
  });

  test.each([['NoSuchKey', 404], ['NoSuchVersion', 404], ['NoSuchBucket', 404], ['MethodNotAllowed', 405]])('that does not exist (%s) is an error that names it and says what to do', async (name, status) => {
    s3.on(GetObjectCommand).rejects(refusal(name, status));
    await expect(objects.read(PLACE, 'the chunk')).rejects.toThrow(
      'the chunk does not exist: there is no object "run/0.jsonl" of bucket runs (any more); keep the objects of a run until it has ended, and start a new run for those who got nothing');
  });

  test('that may not be read is an error that names the permissions', async () => {
    s3.on(GetObjectCommand).rejects(refusal('AccessDenied', 403));
    await expect(objects.read(PLACE, 'the content')).rejects.toThrow(/^the content may not be read, or does not exist: .*"run\/0.jsonl" of bucket runs \(403\).*s3:GetObject.*s3:ListBucket/);
  });

  test('that S3 cannot give otherwise ends with what S3 throws', async () => {
    s3.on(GetObjectCommand).rejects(refusal('SlowDown', 503));
    await expect(objects.read(PLACE, 'the chunk')).rejects.toThrow('SlowDown.');
  });
});

describe('the first line', () => {
  test('comes with the version; no more than its part is asked for', async () => {
    s3.on(GetObjectCommand).resolves(body('{"runId":"r"}\n{"id":"1"}\n{"id'));
    expect(await objects.firstLine(PLACE)).toEqual({ text: '{"runId":"r"}', version: '"e1"' });
    expect(s3.commandCalls(GetObjectCommand)[0].args[0].input).toEqual({ ...PLACE, Range: 'bytes=0-262143' });
  });

  test('of no object is none', async () => {
    s3.on(GetObjectCommand).rejects(refusal('NoSuchKey', 404));
    expect(await objects.firstLine(PLACE)).toBeUndefined();
  });

  test('of an object that may not be read ends with what S3 throws', async () => {
    s3.on(GetObjectCommand).rejects(refusal('AccessDenied', 403));
    await expect(objects.firstLine(PLACE)).rejects.toThrow('AccessDenied.');
  });
});

describe('a result', () => {
  test.each([[undefined, { IfNoneMatch: '*' }], ['"e1"', { IfMatch: '"e1"' }]])('over %s is written on the condition that nothing else is there', async (over, condition) => {
    s3.on(PutObjectCommand).resolves({});
    expect(await objects.write(PLACE, 'text', over)).toBe(true);
    expect(s3.commandCalls(PutObjectCommand)[0].args[0].input).toEqual({ ...PLACE, Body: 'text', ContentType: 'application/x-ndjson; charset=utf-8', ...condition });
  });

  test.each([
    ['one is there already', undefined, 'PreconditionFailed', 412],
    ['another was written at the same time', undefined, 'ConditionalRequestConflict', 409],
    ['it was replaced meanwhile', '"e1"', 'PreconditionFailed', 412],
    ['it was deleted meanwhile', '"e1"', 'NoSuchKey', 404],
  ])('is not written when %s', async (_case, over, name, status) => {
    s3.on(PutObjectCommand).rejects(refusal(name, status));
    expect(await objects.write(PLACE, 'text', over)).toBe(false);
  });

  test.each([['AccessDenied', 403], ['NoSuchBucket', 404]])('that S3 refuses (%s) ends with what S3 throws', async (name, status) => {
    s3.on(PutObjectCommand).rejects(refusal(name, status));
    await expect(objects.write(PLACE, 'text', undefined)).rejects.toThrow(`${name}.`);
  });
});
