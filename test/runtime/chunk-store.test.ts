import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { S3Chunks } from '../../src/runtime/chunk-store';

const s3 = mockClient(S3Client);
const chunks = new S3Chunks(() => new S3Client({ region: 'eu-west-1' }));

beforeEach(() => { s3.reset(); });

test.each([[{ Bucket: 'runs', Key: 'run/0.jsonl' }], [{ Bucket: 'runs', Key: 'run/0.jsonl', VersionId: 'v1' }]])('%j is read', async (chunk) => {
  s3.on(GetObjectCommand).callsFake(() => ({ Body: { transformToString: async () => '{"id":"春"}\n' } }));
  expect(await chunks.read(chunk)).toBe('{"id":"春"}\n');
  expect(s3.commandCalls(GetObjectCommand)[0].args[0].input).toEqual({ VersionId: undefined, ...chunk });
});

test('what S3 throws is thrown', async () => {
  s3.on(GetObjectCommand).rejects(new Error('NoSuchKey'));
  await expect(chunks.read({ Bucket: 'runs', Key: 'absent' })).rejects.toThrow('NoSuchKey');
});
