import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CdkCustomResourceEvent } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { handler } from '../../../src/line/handlers/upload-sample-media.lambda';

const s3 = mockClient(S3Client);
const event = (RequestType: string) => ({
  RequestType,
  PhysicalResourceId: 'LineSampleMedia',
  ResourceProperties: { Objects: [{ Bucket: 'media', Prefix: 'video/', Type: 'video' }] },
}) as unknown as CdkCustomResourceEvent;

beforeEach(() => { s3.reset(); });

test.each(['Create', 'Update'])('%s puts the objects with their content type', async (type) => {
  // WHEN
  const response = await handler(event(type));
  // THEN
  expect(response).toEqual({ PhysicalResourceId: 'LineSampleMedia' });
  expect(s3.commandCalls(PutObjectCommand).map(({ args: [{ input }] }) => input)).toEqual([
    ['video/line-sample/video.mp4', 'video/mp4'],
    ['video/line-sample/video-cover.png', 'image/png'],
  ].map(([Key, ContentType]) => ({ Bucket: 'media', Key, ContentType, Body: expect.any(Uint8Array), CacheControl: 'public, max-age=31536000, immutable' })));
});

test('Delete leaves them where chats of the past link to them', async () => {
  expect(await handler(event('Delete'))).toEqual({ PhysicalResourceId: 'LineSampleMedia' });
  expect(s3.calls()).toHaveLength(0);
});

test('fails when S3 does', async () => {
  s3.on(PutObjectCommand).rejects(new Error('AccessDenied'));
  await expect(handler(event('Create'))).rejects.toThrow('AccessDenied');
});
