import { GetObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { droppedFileReader } from '../../src/runtime/dropped-file';
import { HttpStub } from '../support/http-stub';

const s3 = mockClient(S3Client);
const read = droppedFileReader(new S3Client({ region: 'eu-west-1' }));
const FILE = { bucket: 'b', key: 'campaigns/春 +.json' };
const refusal = (name: string, httpStatusCode: number) => new S3ServiceException({ name, $fault: 'client', $metadata: { httpStatusCode }, message: `${name}.` });

beforeEach(() => { s3.reset(); });

test('a file is read whole, as long as it is what the event told of', async () => {
  s3.on(GetObjectCommand).resolves({ ContentLength: 2, Body: { transformToByteArray: async () => Buffer.from('{}') } } as any);
  expect(await read({ ...FILE, etag: 'e1' }, 2)).toEqual(Buffer.from('{}'));
  await read(FILE, 2);
  expect(s3.commandCalls(GetObjectCommand).map(({ args }) => args[0].input)).toEqual([
    { Bucket: 'b', Key: FILE.key, IfMatch: '"e1"' }, { Bucket: 'b', Key: FILE.key },
  ]);
});

test('one that is too large is not read', async () => {
  const destroy = jest.fn();
  s3.on(GetObjectCommand).resolves({ ContentLength: 3, Body: { destroy } } as any);
  expect(await read(FILE, 2)).toBe('TOO_LARGE');
  expect(destroy).toHaveBeenCalled();
});

test.each([['NoSuchKey', 404], ['PreconditionFailed', 412]])('one that was deleted or replaced (%s) is gone', async (name, status) => {
  s3.on(GetObjectCommand).rejects(refusal(name, status));
  expect(await read(FILE, 2)).toBeUndefined();
});

test('other errors are thrown', async () => {
  s3.on(GetObjectCommand).rejects(refusal('AccessDenied', 403));
  await expect(read(FILE, 2)).rejects.toThrow('AccessDenied.');
  s3.on(GetObjectCommand).rejects(new Error('socket hang up'));
  await expect(read(FILE, 2)).rejects.toThrow('socket hang up');
});

test('one whose bytes stop coming is given up', async () => {
  s3.restore();
  const stub = await HttpStub.start();
  stub.handler = (_request, response) => { response.writeHead(200, { 'content-length': '100' }).write('abc'); };
  const client = new S3Client({ region: 'eu-west-1', endpoint: stub.url, forcePathStyle: true, credentials: { accessKeyId: 'id', secretAccessKey: 'key' } });
  await expect(droppedFileReader(client, 200)(FILE, 100)).rejects.toThrow('aborted');
  await stub.stop();
});
