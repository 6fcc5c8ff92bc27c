import { S3Client } from '@aws-sdk/client-s3';
import { S3BatchContents } from '../../src/runtime/batch-contents';
import { S3ChunkObjects } from '../../src/runtime/chunk-store';
import { S3ImportObjects } from '../../src/runtime/import-objects';
import { HttpStub } from '../support/http-stub';

let stub: HttpStub;
let client: S3Client;
beforeEach(async () => {
  stub = await HttpStub.start();
  // Headers, the first bytes, and nothing more.
  stub.handler = (_request, response) => { response.writeHead(200, { 'content-length': '100' }).write('abc'); };
  client = new S3Client({ region: 'eu-west-1', endpoint: stub.url, forcePathStyle: true, credentials: { accessKeyId: 'id', secretAccessKey: 'key' } });
});
afterEach(async () => stub.stop());

test('an object whose bytes stop coming is given up', async () => {
  await expect(new S3BatchContents(() => client, 'content-bucket', 200).get('batches/b.jsonl')).rejects.toThrow('aborted');
  await expect(new S3ChunkObjects(() => client, 200).read({ Bucket: 'runs', Key: 'run/0.jsonl' }, 'the chunk')).rejects.toThrow('aborted');
  await expect(new S3ImportObjects(client, 'imports', 200).read('imports/1/chunks/0.jsonl')).rejects.toThrow('aborted');
});
