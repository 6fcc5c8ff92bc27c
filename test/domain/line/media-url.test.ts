import * as fc from 'fast-check';
import { SendErrorCode } from '../../../src/contract/custom-channel';
import { ContentError } from '../../../src/domain/line/content-error';
import { MediaLibrary, MediaObject, cloudFrontUrl, resolveMedia } from '../../../src/domain/line/media-url';
import { MessageContent } from '../../../src/domain/line/message-content';

const MB = 1024 * 1024;
const png = (key: string, bytes = 1_000): MediaObject => ({ key, bytes, contentType: 'image/png', versionId: 'v1' });
const mp3 = (key: string, bytes = 1_000): MediaObject => ({ key, bytes, contentType: 'audio/mpeg', versionId: 'v1' });
const mp4 = (key: string, bytes = 1_000): MediaObject => ({ key, bytes, contentType: 'video/mp4', versionId: 'v1' });

/** A library that holds these objects. */
function library(...objects: MediaObject[]): MediaLibrary {
  return {
    find: async (key) => objects.find((object) => object.key === key),
    url: async ({ key }) => `https://media.example.com/${key}`,
  };
}

describe('URL through CloudFront', () => {
  test.each<[MediaObject, string]>([
    [png('a.png'), 'https://d1.cloudfront.net/image/v1/a.png'],
    [{ key: 'a.png', bytes: 1 }, 'https://d1.cloudfront.net/image/null/a.png'],
    [png('春 の/a+b&c=d?#%.png'), 'https://d1.cloudfront.net/image/v1/%E6%98%A5%20%E3%81%AE/a%2Bb%26c%3Dd%3F%23%25.png'],
    [png('it\'s (1)!*.png'), 'https://d1.cloudfront.net/image/v1/it%27s%20%281%29%21%2A.png'],
    [png('a//b.png'), 'https://d1.cloudfront.net/image/v1/a//b.png'],
    [{ ...png('a.png'), versionId: 'a/b' }, 'https://d1.cloudfront.net/image/a%2Fb/a.png'],
  ])('of %j', (object, url) => {
    expect(cloudFrontUrl('d1.cloudfront.net', 'image', object)).toBe(url);
  });

  test('has the key of any object in it, in characters that LINE takes', () => {
    const key = fc.string({ unit: 'grapheme', minLength: 1 }).filter((value) => !/\p{Surrogate}/u.test(value));
    fc.assert(fc.property(key, (value) => {
      const url = cloudFrontUrl('d1.cloudfront.net', 'video', mp4(value));
      expect(url).toMatch(/^https:\/\/d1\.cloudfront\.net\/video\/v1\/[\w.~/%-]*$/);
      expect(decodeURIComponent(url.slice('https://d1.cloudfront.net/video/v1/'.length))).toBe(value);
    }));
  });
});

describe('messages', () => {
  test.each<[string, MessageContent, MediaObject[], object]>([
    ['text needs no objects', { kind: 'messages', messages: [{ type: 'text', text: 'Hello' }] }, [], { type: 'text', text: 'Hello' }],
    ['an image is its own preview', { kind: 'image', key: 'a.png' }, [png('a.png', MB)],
      { type: 'image', originalContentUrl: 'https://media.example.com/a.png', previewImageUrl: 'https://media.example.com/a.png' }],
    ['a large image has a small preview', { kind: 'image', key: 'a.png', previewKey: 'b.png' }, [png('a.png', 10 * MB), png('b.png', MB)],
      { type: 'image', originalContentUrl: 'https://media.example.com/a.png', previewImageUrl: 'https://media.example.com/b.png' }],
    ['audio', { kind: 'audio', key: 'a.mp3', duration: 5_000 }, [mp3('a.mp3', 200 * MB)],
      { type: 'audio', originalContentUrl: 'https://media.example.com/a.mp3', duration: 5_000 }],
    ['video', { kind: 'video', key: 'a.mp4', previewKey: 'b.png' }, [mp4('a.mp4', 200 * MB), png('b.png', MB)],
      { type: 'video', originalContentUrl: 'https://media.example.com/a.mp4', previewImageUrl: 'https://media.example.com/b.png' }],
    ['video with a tracking id', { kind: 'video', key: 'a.mp4', previewKey: 'b.png', trackingId: 't' }, [mp4('a.mp4'), png('b.png')],
      { type: 'video', originalContentUrl: 'https://media.example.com/a.mp4', previewImageUrl: 'https://media.example.com/b.png', trackingId: 't' }],
  ])('%s', async (_case, content, objects, message) => {
    expect(await resolveMedia(content, library(...objects))).toEqual([message]);
  });

  test.each([
    'image/png', 'image/jpeg', 'IMAGE/PNG', 'image/jpeg; charset=binary',
  ])('an image may be %s', async (contentType) => {
    expect(await resolveMedia({ kind: 'image', key: 'a.png' }, library({ ...png('a.png'), contentType }))).toHaveLength(1);
  });

  test.each([
    'audio/mpeg', 'audio/mp3', 'audio/mp4', 'audio/x-m4a', 'audio/m4a', 'audio/aac',
  ])('an audio file may be %s', async (contentType) => {
    expect(await resolveMedia({ kind: 'audio', key: 'a.m4a', duration: 1 }, library({ ...mp3('a.m4a'), contentType }))).toHaveLength(1);
  });

  const IMAGE: MessageContent = { kind: 'image', key: 'a.png' };
  const VIDEO: MessageContent = { kind: 'video', key: 'a.mp4', previewKey: 'b.png' };
  test.each<[string, MessageContent, MediaObject[], SendErrorCode, RegExp]>([
    ['a missing image', IMAGE, [], SendErrorCode.MEDIA_NOT_FOUND, /image "a\.png" does not exist/],
    ['a missing preview', { ...IMAGE, previewKey: 'b.png' }, [png('a.png')], SendErrorCode.MEDIA_NOT_FOUND, /preview "b\.png"/],
    ['a missing cover', VIDEO, [mp4('a.mp4')], SendErrorCode.MEDIA_NOT_FOUND, /preview "b\.png"/],
    ['no content type', IMAGE, [{ key: 'a.png', bytes: 1 }], SendErrorCode.MEDIA_WRONG_TYPE, /content type "none".*aws s3 cp --content-type image\/jpeg/],
    ['S3\'s own content type', IMAGE, [{ ...png('a.png'), contentType: 'binary/octet-stream' }], SendErrorCode.MEDIA_WRONG_TYPE, /"binary\/octet-stream"; LINE's apps need image\/jpeg or image\/png/],
    ['the general content type', VIDEO, [{ ...mp4('a.mp4'), contentType: 'application/octet-stream' }, png('b.png')], SendErrorCode.MEDIA_WRONG_TYPE, /video\/mp4/],
    ['a GIF', IMAGE, [{ ...png('a.png'), contentType: 'image/gif' }], SendErrorCode.MEDIA_WRONG_TYPE, /"image\/gif"/],
    ['a cover that is no image', VIDEO, [mp4('a.mp4'), { ...png('b.png'), contentType: 'video/mp4' }], SendErrorCode.MEDIA_WRONG_TYPE, /preview "b\.png"/],
    ['an empty object', IMAGE, [png('a.png', 0)], SendErrorCode.MEDIA_WRONG_TYPE, /is empty/],
    ['a large image as its own preview', IMAGE, [png('a.png', MB + 1)], SendErrorCode.PREVIEW_TOO_LARGE, /1048577 bytes and is its own preview.*`key,preview key`/],
    ['an image over 10 MB', IMAGE, [png('a.png', 10 * MB + 1)], SendErrorCode.MEDIA_TOO_LARGE, /10485761 bytes; LINE takes 10485760/],
    ['a preview over 1 MB', { ...IMAGE, previewKey: 'b.png' }, [png('a.png'), png('b.png', MB + 1)], SendErrorCode.PREVIEW_TOO_LARGE, /preview "b\.png"/],
    ['a cover over 1 MB', VIDEO, [mp4('a.mp4'), png('b.png', MB + 1)], SendErrorCode.PREVIEW_TOO_LARGE, /preview "b\.png"/],
    ['a video over 200 MB', VIDEO, [mp4('a.mp4', 200 * MB + 1), png('b.png')], SendErrorCode.MEDIA_TOO_LARGE, /video "a\.mp4"/],
    ['audio over 200 MB', { kind: 'audio', key: 'a.mp3', duration: 1 }, [mp3('a.mp3', 200 * MB + 1)], SendErrorCode.MEDIA_TOO_LARGE, /audio "a\.mp3"/],
  ])('%s is answered', async (_case, content, objects, code, message) => {
    const error = await resolveMedia(content, library(...objects)) as ContentError;
    expect(error).toBeInstanceOf(ContentError);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  test.each([[2_000, undefined], [2_001, SendErrorCode.MEDIA_URL_TOO_LONG]])('a URL of %i characters: %s', async (length, code) => {
    const result = await resolveMedia(IMAGE, { ...library(png('a.png')), url: async () => 'https://example.com/'.padEnd(length, 'x') });
    expect(result instanceof ContentError ? result.code : undefined).toBe(code);
  });

  test('what S3 throws is no content error', async () => {
    await expect(resolveMedia(IMAGE, { ...library(), find: async () => { throw new Error('SlowDown'); } })).rejects.toThrow('SlowDown');
  });
});
