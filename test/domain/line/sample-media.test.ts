import { readFileSync } from 'fs';
import { join } from 'path';
import { ContentError } from '../../../src/domain/line/content-error';
import { MEDIA_FORMATS } from '../../../src/domain/line/media-formats';
import { resolveMedia } from '../../../src/domain/line/media-url';
import { MessagesContent, parseContent } from '../../../src/domain/line/message-content';
import { sampleObjects } from '../../../src/domain/line/sample-media';

const FOLDER = join(__dirname, '../../../src/line/handlers/sample-media');
const FILE_NAMES = { image: 'image.png', audio: 'audio.m4a', video: 'video.mp4', videoCover: 'video-cover.png' };

test('each type\'s files go behind its prefix in its bucket', () => {
  expect(sampleObjects([
    { Bucket: 'images', Prefix: '', Type: 'image' },
    { Bucket: 'shared', Prefix: 'audio/', Type: 'audio' },
    { Bucket: 'shared', Prefix: 'video/', Type: 'video' },
  ])).toEqual([
    { bucket: 'images', key: 'line-sample/image.png', file: 'image', contentType: 'image/png' },
    { bucket: 'shared', key: 'audio/line-sample/audio.m4a', file: 'audio', contentType: 'audio/mp4' },
    { bucket: 'shared', key: 'video/line-sample/video.mp4', file: 'video', contentType: 'video/mp4' },
    { bucket: 'shared', key: 'video/line-sample/video-cover.png', file: 'videoCover', contentType: 'image/png' },
  ]);
  expect(sampleObjects([])).toEqual([]);
});

test.each<[string, unknown, RegExp]>([
  ['no list', undefined, /`Objects` must be a list .* got undefined/],
  ['an unknown type', [{ Bucket: 'b', Prefix: '', Type: 'text' }], /`Objects\[0\]` .* image, audio, video, got .*"text"/],
  ['no bucket', [{ Prefix: '', Type: 'image' }], /`Objects\[0\]` must have a Bucket/],
  ['no prefix', [{ Bucket: 'b', Type: 'image' }], /a Prefix/],
])('fails with %s', (_case, objects, message) => {
  expect(() => sampleObjects(objects)).toThrow(message);
});

describe('the files', () => {
  const bytesOf = (file: keyof typeof FILE_NAMES) => readFileSync(join(FOLDER, FILE_NAMES[file]));

  test('are small', () => {
    const total = (Object.keys(FILE_NAMES) as (keyof typeof FILE_NAMES)[]).reduce((sum, file) => sum + bytesOf(file).length, 0);
    expect(total).toBeLessThan(150_000);
  });

  test.each(['image', 'videoCover'] as const)('%s is a PNG', (file) => {
    expect(bytesOf(file).subarray(0, 8).toString('hex')).toBe('89504e470d0a1a0a');
  });

  test('the cover has the video\'s proportions', () => {
    const cover = bytesOf('videoCover');
    expect(cover.readUInt32BE(16) / cover.readUInt32BE(20)).toBe(640 / 360);
    // The video track's header ends in width and height, 16.16 fixed point.
    const video = bytesOf('video');
    const header = video.indexOf('tkhd');
    expect([video.readUInt32BE(header + 80) / 65_536, video.readUInt32BE(header + 84) / 65_536]).toEqual([640, 360]);
  });

  test.each([['audio', 'ftypM4A '], ['video', 'ftypisom']] as const)('%s begins with %s and can be played from its beginning', (file, brand) => {
    const bytes = bytesOf(file);
    expect(bytes.subarray(4, 12).toString()).toBe(brand);
    expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'));
  });

  test('the audio plays as long as the sample message says', () => {
    const bytes = bytesOf('audio');
    const header = bytes.indexOf('mvhd');
    expect(bytes.readUInt32BE(header + 20) / bytes.readUInt32BE(header + 16)).toBe(2);
  });

  test.each(['image', 'audio', 'video'] as const)('the sample %s passes the checks of what is sent', async (messageType) => {
    // GIVEN
    const uploaded = sampleObjects([{ Bucket: 'b', Prefix: '', Type: messageType }]);
    // WHEN
    const { messages: sample } = parseContent('', { functionType: messageType, sampleMessages: true }) as MessagesContent;
    const messages = await resolveMedia(sample, {
      types: [messageType],
      find: async (type, key) => {
        const object = uploaded.find((each) => each.key === key);
        return object && { type, key, bytes: bytesOf(object.file).length, contentType: object.contentType };
      },
      url: async ({ key }) => `https://media.example.com/${key}`,
      imagemapUrl: () => undefined,
    });
    // THEN
    expect(messages).not.toBeInstanceOf(ContentError);
    expect(messages).toMatchObject([{ type: messageType }]);
  });

  test('formats state the usual content type first', () => {
    expect(Object.entries(MEDIA_FORMATS).map(([role, { contentTypes }]) => [role, contentTypes[0]])).toEqual([
      ['image', 'image/jpeg'], ['preview', 'image/jpeg'], ['audio', 'audio/mp4'], ['video', 'video/mp4'], ['imagemap', 'image/jpeg'],
      ['animation', 'image/png'], ['flexIcon', 'image/jpeg'], ['icon', 'image/png'], ['link', undefined],
    ]);
  });
});
