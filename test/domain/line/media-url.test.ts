import * as fc from 'fast-check';
import { SendErrorCode } from '../../../src/contract/custom-channel';
import { IMAGEMAP_SIZES, MEDIA_TYPES, MediaType } from '../../../src/contract/media';
import { ContentError } from '../../../src/domain/line/content-error';
import { LineMessage } from '../../../src/domain/line/line-message';
import { MediaLibrary, MediaObject, cloudFrontImagemapUrl, cloudFrontUrl, resolveMedia } from '../../../src/domain/line/media-url';

const KB = 1024;
const MB = 1024 * KB;
const png = (key: string, bytes = 1_000): MediaObject => ({ type: 'image', key, bytes, contentType: 'image/png', versionId: 'v1' });
const mp3 = (key: string, bytes = 1_000): MediaObject => ({ type: 'audio', key, bytes, contentType: 'audio/mpeg', versionId: 'v1' });
const mp4 = (key: string, bytes = 1_000): MediaObject => ({ type: 'video', key, bytes, contentType: 'video/mp4', versionId: 'v1' });
const cover = (key: string, bytes = 1_000): MediaObject => ({ ...png(key, bytes), type: 'video' });

interface Lookups extends MediaLibrary {
  readonly asked: string[];
}

/** A library that holds these objects. */
function library(...objects: MediaObject[]): Lookups {
  const asked: string[] = [];
  return {
    asked,
    types: MEDIA_TYPES,
    find: async (type, key) => {
      asked.push(`${type}/${key}`);
      return objects.find((object) => object.type === type && object.key === key);
    },
    url: async ({ type, key }) => `https://media.example.com/${type}/${key}`,
    imagemapUrl: (key) => `https://media.example.com/imagemap/${key}`,
  };
}

/** A library that has everything, of the right kind, in every version. */
const FULL: MediaLibrary = {
  ...library(),
  find: async (type, key) => ({ type, key, bytes: 1, contentType: { image: 'image/png', audio: 'audio/mpeg', video: key.endsWith('mp4') ? 'video/mp4' : 'image/png' }[type] }),
};

const IMAGE: LineMessage = { type: 'image', originalContentUrl: 'media://image/a.png', previewImageUrl: 'media://image/a.png' };
const keyed = (key: string): LineMessage => ({ ...IMAGE, originalContentUrl: `media://image/${key}`, previewImageUrl: 'https://example.com/p.png' });
const WITH_PREVIEW: LineMessage = { ...IMAGE, previewImageUrl: 'media://image/b.png' };
const AUDIO: LineMessage = { type: 'audio', originalContentUrl: 'media://audio/a.mp3', duration: 5_000 };
const VIDEO: LineMessage = { type: 'video', originalContentUrl: 'media://video/a.mp4', previewImageUrl: 'media://video/b.png', trackingId: 't' };
const IMAGEMAP: LineMessage = { type: 'imagemap', baseUrl: 'media://image/map', altText: 'map', baseSize: { width: 1040, height: 1040 }, actions: [] };
const mapOf = (bytes = 1_000, contentType = 'image/jpeg') => IMAGEMAP_SIZES.map((size) => ({ ...png(`map/${size}`, bytes), contentType }));
const flexOf = (contents: object): LineMessage => ({ type: 'flex', altText: 'flex', contents: { type: 'bubble', body: { type: 'box', layout: 'vertical', contents: [contents] } } });
const FLEX_PLACE = 'messages\\[0\\]\\.contents\\.body\\.contents\\[0\\]';

async function errorOf(messages: readonly LineMessage[], media: MediaLibrary): Promise<ContentError> {
  const error = await resolveMedia(messages, media);
  expect(error).toBeInstanceOf(ContentError);
  return error as ContentError;
}

describe('URL through CloudFront', () => {
  test.each<[MediaObject, string]>([
    [png('a.png'), 'https://d1.cloudfront.net/image/v1/a.png'],
    [cover('a.png'), 'https://d1.cloudfront.net/video/v1/a.png'],
    [{ type: 'image', key: 'a.png', bytes: 1 }, 'https://d1.cloudfront.net/image/null/a.png'],
    [png('春 の/a+b&c=d?#%.png'), 'https://d1.cloudfront.net/image/v1/%E6%98%A5%20%E3%81%AE/a%2Bb%26c%3Dd%3F%23%25.png'],
    [png('it\'s (1)!*.png'), 'https://d1.cloudfront.net/image/v1/it%27s%20%281%29%21%2A.png'],
    [png('a//b.png'), 'https://d1.cloudfront.net/image/v1/a//b.png'],
    [{ ...png('a.png'), versionId: 'a/b' }, 'https://d1.cloudfront.net/image/a%2Fb/a.png'],
  ])('of %j', (object, url) => {
    expect(cloudFrontUrl('d1.cloudfront.net', object)).toBe(url);
  });

  test('has the key of any object in it, in characters that LINE takes', () => {
    const key = fc.string({ unit: 'grapheme', minLength: 1 }).filter((value) => !/\p{Surrogate}/u.test(value));
    fc.assert(fc.property(key, (value) => {
      const url = cloudFrontUrl('d1.cloudfront.net', mp4(value));
      expect(url).toMatch(/^https:\/\/d1\.cloudfront\.net\/video\/v1\/[\w.~/%-]*$/);
      expect(decodeURIComponent(url.slice('https://d1.cloudfront.net/video/v1/'.length))).toBe(value);
    }));
  });

  test('of an imagemap names the versions of its five images', () => {
    const images = IMAGEMAP_SIZES.map((size) => ({ ...png(`春/${size}`), versionId: `v${size}.x_-` }));
    expect(cloudFrontImagemapUrl('d1.cloudfront.net', '春', images))
      .toBe('https://d1.cloudfront.net/image/v240.x_-~v300.x_-~v460.x_-~v700.x_-~v1040.x_-/%E6%98%A5');
    expect(cloudFrontImagemapUrl('d1.cloudfront.net', 'map', images.map((image) => ({ ...image, versionId: undefined }))))
      .toBe('https://d1.cloudfront.net/image/null~null~null~null~null/map');
  });
});

describe('addresses', () => {
  const URLS = { png: 'https://media.example.com/image/a.png', mp4: 'https://media.example.com/video/a.mp4' };
  const uriAction = { type: 'uri', label: 'Open', uri: 'media://image/a.png', altUri: { desktop: 'media://video/a.mp4' } };
  const uriResolved = { type: 'uri', label: 'Open', uri: URLS.png, altUri: { desktop: URLS.mp4 } };

  test.each<[string, LineMessage, LineMessage]>([
    ['an image, its own preview', IMAGE, { ...IMAGE, originalContentUrl: URLS.png, previewImageUrl: URLS.png }],
    ['an image with a preview elsewhere', { ...IMAGE, previewImageUrl: 'https://example.com/b.png' },
      { ...IMAGE, originalContentUrl: URLS.png, previewImageUrl: 'https://example.com/b.png' }],
    ['audio', AUDIO, { ...AUDIO, originalContentUrl: 'https://media.example.com/audio/a.mp3' }],
    ['video, its cover beside it', VIDEO, { ...VIDEO, originalContentUrl: URLS.mp4, previewImageUrl: 'https://media.example.com/video/b.png' }],
    ['an imagemap with its video and links', {
      ...IMAGEMAP,
      video: { originalContentUrl: 'media://video/a.mp4', previewImageUrl: 'media://image/a.png', area: {}, externalLink: { linkUri: 'media://video/a.mp4', label: 'more' } },
      actions: [{ type: 'uri', linkUri: 'media://image/a.png', area: {} }],
    }, {
      ...IMAGEMAP,
      baseUrl: 'https://media.example.com/imagemap/map',
      video: { originalContentUrl: URLS.mp4, previewImageUrl: URLS.png, area: {}, externalLink: { linkUri: URLS.mp4, label: 'more' } },
      actions: [{ type: 'uri', linkUri: URLS.png, area: {} }],
    }],
    ['buttons', { type: 'template', template: { type: 'buttons', thumbnailImageUrl: 'media://image/a.png', defaultAction: uriAction, actions: [uriAction] } },
      { type: 'template', template: { type: 'buttons', thumbnailImageUrl: URLS.png, defaultAction: uriResolved, actions: [uriResolved] } }],
    ['a carousel', { type: 'template', template: { type: 'carousel', columns: [{ text: '1' }, { thumbnailImageUrl: 'media://image/a.png', actions: [] }] } },
      { type: 'template', template: { type: 'carousel', columns: [{ text: '1' }, { thumbnailImageUrl: URLS.png, actions: [] }] } }],
    ['an image carousel', { type: 'template', template: { type: 'image_carousel', columns: [{ imageUrl: 'media://image/a.png', action: uriAction }] } },
      { type: 'template', template: { type: 'image_carousel', columns: [{ imageUrl: URLS.png, action: uriResolved }] } }],
    ['the hero of a flex bubble, in a carousel', { type: 'flex', contents: { type: 'carousel', contents: [{ type: 'bubble', hero: { type: 'image', url: 'media://image/a.png', action: uriAction } }] } },
      { type: 'flex', contents: { type: 'carousel', contents: [{ type: 'bubble', hero: { type: 'image', url: URLS.png, action: uriResolved } }] } }],
    ['an animated flex image', flexOf({ type: 'image', url: 'media://image/a.png', animated: true }), flexOf({ type: 'image', url: URLS.png, animated: true })],
    ['a flex icon', flexOf({ type: 'icon', url: 'media://image/a.png' }), flexOf({ type: 'icon', url: URLS.png })],
    ['a flex video', flexOf({ type: 'video', url: 'media://video/a.mp4', previewUrl: 'media://image/a.png', altContent: { type: 'image', url: 'media://image/a.png' } }),
      flexOf({ type: 'video', url: URLS.mp4, previewUrl: URLS.png, altContent: { type: 'image', url: URLS.png } })],
    ['quick replies and the sender', { type: 'text', text: 'Hi', quickReply: { items: [{ type: 'action', imageUrl: 'media://image/a.png', action: uriAction }] }, sender: { iconUrl: 'media://image/a.png' } },
      { type: 'text', text: 'Hi', quickReply: { items: [{ type: 'action', imageUrl: URLS.png, action: uriResolved }] }, sender: { iconUrl: URLS.png } }],
  ])('become URLs in %s', async (_case, message, resolved) => {
    expect(await resolveMedia([message], FULL)).toEqual([resolved]);
  });

  test.each<[string, LineMessage]>([
    ['a text', { type: 'text', text: 'media://image/a.png' }],
    ['texts of every kind', flexOf({ type: 'text', text: 'media://image/a.png', contents: [{ type: 'span', text: 'media://image/a.png' }] })],
    ['data, labels and alternative texts', { type: 'template', altText: 'media://image/a.png', template: { actions: [{ type: 'postback', label: 'media://image/a.png', data: 'media://image/a.png', displayText: 'media://image/a.png' }] } }],
    ['an element of a list', { type: 'flex', url: ['media://image/a.png'] }],
    ['other URLs', { type: 'image', originalContentUrl: 'https://example.com/media://image/a.png', previewImageUrl: 'MEDIA://image/a.png' }],
  ])('are left alone in %s', async (_case, message) => {
    const messages = [message];
    const media = library();
    expect(await resolveMedia(messages, media)).toBe(messages);
    expect(media.asked).toEqual([]);
  });

  test('take the key as it is', async () => {
    const key = '春 の/a%20b?c#d&"e".png';
    const media = { ...library(png(key)), url: async (object: MediaObject) => cloudFrontUrl('d1.cloudfront.net', object) };
    expect(await resolveMedia([{ ...IMAGE, originalContentUrl: `media://image/${key}`, previewImageUrl: 'https://example.com' }], media))
      .toMatchObject([{ originalContentUrl: cloudFrontUrl('d1.cloudfront.net', png(key)) }]);
  });

  test('in a link lead to files of any kind and size', async () => {
    const pdf: MediaObject = { type: 'image', key: 'menu.pdf', bytes: 500 * MB, contentType: 'application/pdf' };
    expect(await resolveMedia([flexOf({ type: 'button', action: { type: 'uri', uri: 'media://image/menu.pdf' } })], library(pdf)))
      .toEqual([flexOf({ type: 'button', action: { type: 'uri', uri: 'https://media.example.com/image/menu.pdf' } })]);
  });

  test('of one object are looked up once, all at the same time', async () => {
    const media = library(png('a.png'), cover('a.png'), mp4('a.mp4'), ...mapOf());
    let waiting = 0;
    let most = 0;
    const slow: MediaLibrary = {
      ...media,
      find: async (type, key) => {
        most = Math.max(most, ++waiting);
        await new Promise(setImmediate);
        waiting -= 1;
        return media.find(type, key);
      },
    };
    await resolveMedia([IMAGE, IMAGE, { ...VIDEO, previewImageUrl: 'media://video/a.png' }, IMAGEMAP], slow);
    expect(media.asked.sort()).toEqual(['image/a.png', ...IMAGEMAP_SIZES.map((size) => `image/map/${size}`), 'video/a.mp4', 'video/a.png'].sort());
    expect(most).toBe(8);
  });

  test('are replaced without touching anything else', async () => {
    // GIVEN
    const untouched = { type: 'text', text: 'Hello', quickReply: { items: [] } };
    const bubble = { type: 'bubble', body: { type: 'box', contents: [] } };
    const flex: LineMessage = { type: 'flex', altText: 'x', contents: { type: 'carousel', contents: [bubble, { type: 'bubble', hero: { type: 'image', url: 'media://image/a.png' } }] } };
    const before = JSON.stringify([untouched, flex]);
    // WHEN
    const resolved = await resolveMedia([untouched, flex], FULL) as any;
    // THEN
    expect(resolved[0]).toBe(untouched);
    expect(resolved[1].contents.contents[0]).toBe(bubble);
    expect(JSON.stringify([untouched, flex])).toBe(before);
    expect(JSON.stringify(resolved)).toBe(before.replace('media://', 'https://media.example.com/'));
  });

  test('are found under names that objects have by themselves', async () => {
    const message = JSON.parse('{"type":"flex","__proto__":{"type":"image","url":"media://image/a.png"},"constructor":"media://image/a.png"}');
    expect(JSON.stringify(await resolveMedia([message], FULL)))
      .toBe('[{"type":"flex","__proto__":{"type":"image","url":"https://media.example.com/image/a.png"},"constructor":"media://image/a.png"}]');
  });
});

describe('an object', () => {
  test.each(['image/png', 'image/jpeg', 'IMAGE/PNG', 'image/jpeg; charset=binary'])('that is an image may be %s', async (contentType) => {
    expect(await resolveMedia([IMAGE], library({ ...png('a.png'), contentType }))).toHaveLength(1);
  });

  test.each(['audio/mpeg', 'audio/mp3', 'audio/mp4', 'audio/x-m4a', 'audio/m4a', 'audio/aac'])('that is audio may be %s', async (contentType) => {
    expect(await resolveMedia([AUDIO], library({ ...mp3('a.mp3'), contentType }))).toHaveLength(1);
  });

  const quickReplyOf = (key: string): LineMessage => ({ type: 'text', text: 'Hi', quickReply: { items: [{ type: 'action', imageUrl: `media://image/${key}` }] } });
  const senderOf = (key: string): LineMessage => ({ type: 'text', text: 'Hi', sender: { iconUrl: `media://image/${key}` } });
  const animatedOf = (key: string): LineMessage => flexOf({ type: 'image', url: `media://image/${key}`, animated: true });

  test.each<[string, LineMessage, MediaObject[]]>([
    ['an image of 10 MB with a preview of 1 MB', WITH_PREVIEW, [png('a.png', 10 * MB), png('b.png', MB)]],
    ['an image of 1 MB, its own preview', IMAGE, [png('a.png', MB)]],
    ['audio of 200 MB', AUDIO, [mp3('a.mp3', 200 * MB)]],
    ['a video of 200 MB with a cover of 1 MB', VIDEO, [mp4('a.mp4', 200 * MB), cover('b.png', MB)]],
    ['an imagemap of five times 10 MB', IMAGEMAP, mapOf(10 * MB)],
    ['a flex image of 10 MB', flexOf({ type: 'image', url: 'media://image/a.png' }), [png('a.png', 10 * MB)]],
    ['a flex image that is said not to move', flexOf({ type: 'image', url: 'media://image/a.png', animated: false }), [png('a.png', MB)]],
    ['an animation of 300 KB', animatedOf('a.png'), [png('a.png', 300 * KB)]],
    ['an animation by its own name', animatedOf('a.apng'), [{ ...png('a.apng'), contentType: 'image/apng' }]],
    ['a flex icon of 1 MB', flexOf({ type: 'icon', url: 'media://image/a.jpg' }), [{ ...png('a.jpg', MB), contentType: 'image/jpeg' }]],
    ['a quick reply\'s icon of 1 MB', quickReplyOf('a.png'), [png('a.png', MB)]],
    ['a sender\'s icon of 1 MB', senderOf('a.png'), [png('a.png', MB)]],
  ])('may be %s', async (_case, message, objects) => {
    expect(await resolveMedia([message], library(...objects))).toHaveLength(1);
  });

  const { MEDIA_NOT_FOUND, MEDIA_WRONG_TYPE, MEDIA_TOO_LARGE, PREVIEW_TOO_LARGE, INVALID_CONTENT } = SendErrorCode;
  test.each<[string, LineMessage, MediaObject[], SendErrorCode, RegExp]>([
    ['a missing image', IMAGE, [], MEDIA_NOT_FOUND, /^`messages\[0\]\.originalContentUrl`: image "a\.png" does not exist in the channel's image bucket/],
    ['an image of another bucket', IMAGE, [cover('a.png')], MEDIA_NOT_FOUND, /image bucket/],
    ['a missing preview', WITH_PREVIEW, [png('a.png')], MEDIA_NOT_FOUND, /^`messages\[0\]\.previewImageUrl`: preview "b\.png"/],
    ['a missing cover', VIDEO, [mp4('a.mp4')], MEDIA_NOT_FOUND, /preview "b\.png" does not exist in the channel's video bucket/],
    ['a missing link', senderOf('x.png'), [], MEDIA_NOT_FOUND, /^`messages\[0\]\.sender\.iconUrl`: icon "x\.png"/],
    ['a link to nothing', flexOf({ action: { uri: 'media://audio/menu.pdf' } }), [], MEDIA_NOT_FOUND, new RegExp(`^\`${FLEX_PLACE}\\.action\\.uri\`: link "menu\\.pdf" does not exist in the channel's audio bucket`)],
    ['no content type', IMAGE, [{ type: 'image', key: 'a.png', bytes: 1 }], MEDIA_WRONG_TYPE, /content type "none".*aws s3 cp --content-type image\/jpeg/],
    ['S3\'s own content type', IMAGE, [{ ...png('a.png'), contentType: 'binary/octet-stream' }], MEDIA_WRONG_TYPE, /"binary\/octet-stream"; LINE's apps need image\/jpeg or image\/png/],
    ['the general content type', VIDEO, [{ ...mp4('a.mp4'), contentType: 'application/octet-stream' }, cover('b.png')], MEDIA_WRONG_TYPE, /video\/mp4/],
    ['a GIF', IMAGE, [{ ...png('a.png'), contentType: 'image/gif' }], MEDIA_WRONG_TYPE, /"image\/gif"/],
    ['a cover that is no image', VIDEO, [mp4('a.mp4'), { ...cover('b.png'), contentType: 'video/mp4' }], MEDIA_WRONG_TYPE, /preview "b\.png"/],
    ['an empty object', IMAGE, [png('a.png', 0)], MEDIA_WRONG_TYPE, /is empty/],
    ['an empty link', flexOf({ action: { uri: 'media://image/a.pdf' } }), [png('a.pdf', 0)], MEDIA_WRONG_TYPE, /is empty/],
    ['a large image as its own preview', IMAGE, [png('a.png', MB + 1)], PREVIEW_TOO_LARGE, /1048577 bytes and is its own preview.*`key,preview key`/],
    ['an image over 10 MB', IMAGE, [png('a.png', 10 * MB + 1)], MEDIA_TOO_LARGE, /10485761 bytes; LINE takes 10485760/],
    ['a preview over 1 MB', WITH_PREVIEW, [png('a.png'), png('b.png', MB + 1)], PREVIEW_TOO_LARGE, /preview "b\.png"/],
    ['a cover over 1 MB', VIDEO, [mp4('a.mp4'), cover('b.png', MB + 1)], PREVIEW_TOO_LARGE, /preview "b\.png" has 1048577 bytes; LINE takes 1048576/],
    ['a video over 200 MB', VIDEO, [mp4('a.mp4', 200 * MB + 1), cover('b.png')], MEDIA_TOO_LARGE, /video "a\.mp4"/],
    ['audio over 200 MB', AUDIO, [mp3('a.mp3', 200 * MB + 1)], MEDIA_TOO_LARGE, /audio "a\.mp3"/],
    ['an imagemap without one of its images', IMAGEMAP, mapOf().slice(1), MEDIA_NOT_FOUND, /^`messages\[0\]\.baseUrl`: imagemap "map\/240"/],
    ['an imagemap with an image of another kind', IMAGEMAP, [...mapOf().slice(0, 4), ...mapOf(1, 'image/webp').slice(4)], MEDIA_WRONG_TYPE, /imagemap "map\/1040" has the content type "image\/webp"/],
    ['an imagemap with a large image', IMAGEMAP, [...mapOf().slice(0, 4), ...mapOf(10 * MB + 1).slice(4)], MEDIA_TOO_LARGE, /imagemap "map\/1040"/],
    ['an imagemap video that is none', { ...IMAGEMAP, baseUrl: 'https://example.com', video: { originalContentUrl: 'media://image/a.png' } }, [png('a.png')], MEDIA_WRONG_TYPE, /^`messages\[0\]\.video\.originalContentUrl` ends in \.png; LINE takes \.mp4/],
    ['an audio message with a video', { ...AUDIO, originalContentUrl: 'media://video/a.mp4' }, [mp4('a.mp4')], MEDIA_WRONG_TYPE, /ends in \.mp4; LINE takes \.mp3, \.m4a/],
    ['a video message whose cover is the video', { ...VIDEO, previewImageUrl: 'media://video/a.mp4' }, [mp4('a.mp4')], MEDIA_WRONG_TYPE, /previewImageUrl` ends in \.mp4; LINE takes \.jpg, \.jpeg, \.png/],
    ['a flex image over 10 MB', flexOf({ type: 'image', url: 'media://image/a.png' }), [png('a.png', 10 * MB + 1)], MEDIA_TOO_LARGE, new RegExp(`^\`${FLEX_PLACE}\\.url\`: image`)],
    ['a flex image that is a video', flexOf({ type: 'image', url: 'media://video/a.mp4' }), [mp4('a.mp4')], MEDIA_WRONG_TYPE, /\.mp4/],
    ['a flex video that is an image', flexOf({ type: 'video', url: 'media://image/a.png' }), [png('a.png')], MEDIA_WRONG_TYPE, /\.png/],
    ['a flex video\'s large preview', flexOf({ type: 'video', previewUrl: 'media://image/a.png' }), [png('a.png', MB + 1)], PREVIEW_TOO_LARGE, /previewUrl/],
    ['an animation over 300 KB', animatedOf('a.png'), [png('a.png', 300 * KB + 1)], MEDIA_TOO_LARGE, /animation "a\.png" has 307201 bytes; LINE takes 307200/],
    ['an animation that is a JPEG', animatedOf('a.jpg'), [{ ...png('a.jpg'), contentType: 'image/jpeg' }], MEDIA_WRONG_TYPE, /LINE takes \.png, \.apng/],
    ['a flex icon over 1 MB', flexOf({ type: 'icon', url: 'media://image/a.png' }), [png('a.png', MB + 1)], MEDIA_TOO_LARGE, /flexIcon "a\.png"/],
    ['a quick reply\'s JPEG', quickReplyOf('a.jpg'), [png('a.jpg')], MEDIA_WRONG_TYPE, /imageUrl` ends in \.jpg; LINE takes \.png here/],
    ['a quick reply\'s JPEG under another name', quickReplyOf('a.png'), [{ ...png('a.png'), contentType: 'image/jpeg' }], MEDIA_WRONG_TYPE, /need image\/png:/],
    ['a sender\'s icon over 1 MB', senderOf('a.png'), [png('a.png', MB + 1)], MEDIA_TOO_LARGE, /sender\.iconUrl/],
    ['a template\'s image over 10 MB', { type: 'template', template: { thumbnailImageUrl: 'media://image/a.png' } }, [png('a.png', 10 * MB + 1)], MEDIA_TOO_LARGE, /thumbnailImageUrl/],
    ['a key that leaves its folder', { ...IMAGE, originalContentUrl: 'media://image/../a.png' }, [], INVALID_CONTENT, /^`messages\[0\]\.originalContentUrl` must be a key without/],
    ['no key', { ...IMAGEMAP, baseUrl: 'media://image/' }, [], INVALID_CONTENT, /must be an S3 object key/],
    ['half a character', flexOf({ action: { uri: 'media://image/\ud83d' } }), [], INVALID_CONTENT, /must be an S3 object key/],
    ...['text/a', 'Image/a.png', 'image', '', '/a.png', 'constructor/a.png'].map((path): [string, LineMessage, MediaObject[], SendErrorCode, RegExp] =>
      [`'media://${path}'`, { ...IMAGE, originalContentUrl: `media://${path}` }, [], INVALID_CONTENT, /is a media address of no media type; write media:\/\/image\/<key>, media:\/\/audio\/<key>, media:\/\/video\/<key>$/]),
  ])('that is missing or wrong is answered: %s', async (_case, message, objects, code, text) => {
    const error = await errorOf([message], library(...objects));
    expect(error.message).toMatch(text);
    expect(error.code).toBe(code);
  });

  test.each<[string, LineMessage, MediaObject[], SendErrorCode, RegExp]>([
    ['missing', keyed('Suzuki.png'), [], MEDIA_NOT_FOUND, /^`messages\[0\]\.originalContentUrl`: image with a key of 10 UTF-16 code units does not exist/],
    ['of another kind', keyed('Suzuki.png'), [{ ...png('Suzuki.png'), contentType: 'image/gif' }], MEDIA_WRONG_TYPE, /has the content type "image\/gif"/],
    ['empty', keyed('Suzuki.png'), [png('Suzuki.png', 0)], MEDIA_WRONG_TYPE, /is empty/],
    ['too large', keyed('Suzuki.png'), [png('Suzuki.png', 10 * MB + 1)], MEDIA_TOO_LARGE, /key of 10 UTF-16 code units has 10485761 bytes/],
    ['its own large preview', { ...keyed('Suzuki.png'), previewImageUrl: 'media://image/Suzuki.png' }, [png('Suzuki.png', 2 * MB)], PREVIEW_TOO_LARGE, /own preview/],
    ['of another ending', keyed('a.Suzuki'), [], MEDIA_WRONG_TYPE, /ends in another extension; LINE takes \.jpg/],
    ['no key', keyed('../Suzuki.png'), [], INVALID_CONTENT, /must be a key without/],
    ['of a long address', keyed('Suzuki.png'), [png('Suzuki.png')], SendErrorCode.MEDIA_URL_TOO_LONG, /the URL of image with a key of 10 UTF-16 code units has 2001 characters/],
  ])('that is %s is named by its key\'s length when the key is not to be quoted', async (_case, message, objects, code, text) => {
    const error = await resolveMedia([message], { ...library(...objects), url: async () => 'https://Suzuki/'.padEnd(2_001, 'x') }, { quoteKeys: false }) as ContentError;
    expect(error.code).toBe(code);
    expect(error.message).toMatch(text);
    expect(error.message).not.toMatch(/suzuki/i);
  });

  test.each<[MediaType, string]>([['image', 'IMAGE'], ['audio', 'AUDIO'], ['video', 'VIDEO']])('of a type that the channel has not is answered: %s', async (type, member) => {
    const media = { ...library(), types: MEDIA_TYPES.filter((each) => each !== type) };
    const { code, message } = await errorOf([{ type: 'text', text: 'Hi', sender: { iconUrl: `media://${type}/a.png` } }], media);
    expect(code).toBe(SendErrorCode.MEDIA_NOT_FOUND);
    expect(message).toBe(`\`messages[0].sender.iconUrl\` is an address in the ${type} bucket, which the channel does not have; add LineMessageType.${member} to its \`messageTypes\``);
  });

  test('that is wrong is named by the first place of the content, whatever is answered first', async () => {
    const media: MediaLibrary = {
      ...library(), find: async (_type, key) => { await new Promise((done) => setTimeout(done, key === 'a.png' ? 5 : 0)); return undefined; },
    };
    expect((await errorOf([WITH_PREVIEW], media)).message).toMatch(/originalContentUrl/);
    expect((await errorOf([{ type: 'text', text: '1' }, { previewImageUrl: 'media://image/b.png', ...WITH_PREVIEW } as LineMessage], media)).message).toMatch(/messages\[1\]\.previewImageUrl/);
  });

  test.each([[2_000, undefined], [2_001, SendErrorCode.MEDIA_URL_TOO_LONG]])('whose URL has %i characters: %s', async (length, code) => {
    const url = 'https://example.com/'.padEnd(length, 'x');
    const media = { ...library(png('a.png'), ...mapOf()), url: async () => url, imagemapUrl: () => url };
    for (const message of [IMAGE, IMAGEMAP]) {
      const result = await resolveMedia([message], media);
      expect(result instanceof ContentError ? result.code : undefined).toBe(code);
    }
  });

  test('of an imagemap cannot have a pre-signed link', async () => {
    const { code, message } = await errorOf([IMAGEMAP], { ...library(...mapOf()), imagemapUrl: () => undefined });
    expect(code).toBe(SendErrorCode.UNSUPPORTED_CONTENT);
    expect(message).toMatch(/^`messages\[0\]\.baseUrl` is the base of an imagemap.*MediaDelivery\.cloudFront\(\)/);
  });

  test('that cannot be asked for is no content error', async () => {
    await expect(resolveMedia([IMAGE], { ...library(), find: async () => { throw new Error('SlowDown'); } })).rejects.toThrow('SlowDown');
  });
});

describe('messages', () => {
  /** Objects within objects, `depth` levels below the list of messages. */
  const nested = (depth: number): LineMessage => JSON.parse(`${'{"type":"x","contents":'.repeat(depth)}0${'}'.repeat(depth)}`);

  test('of a thousand levels are looked through, deeper ones are refused', async () => {
    const messages = [nested(1_000)];
    expect(await resolveMedia(messages, library())).toBe(messages);
    const { code, message } = await errorOf([nested(1_001)], library());
    expect(code).toBe(SendErrorCode.INVALID_CONTENT);
    expect(message).toMatch(/^`messages` are nested more than 1000 levels deep/);
    expect(await resolveMedia([nested(100_000)], library())).toBeInstanceOf(ContentError);
  });

  const json = fc.jsonValue({ maxDepth: 6 });
  test('without media addresses are returned as they are, whatever they are', async () => {
    await fc.assert(fc.asyncProperty(fc.array(json), async (value) => {
      const messages = value as LineMessage[];
      const before = JSON.stringify(messages);
      expect(await resolveMedia(messages, library())).toBe(messages);
      expect(JSON.stringify(messages)).toBe(before);
    }));
  });

  const address = fc.oneof(
    fc.constantFrom('media://image/a.png', 'media://image/map', 'media://video/a.mp4', 'media://audio/a.mp3', 'media://text/a', 'media://'),
    fc.string({ unit: 'binary' }).map((key) => `media://image/${key}`),
  );
  const member = fc.constantFrom('type', 'url', 'uri', 'originalContentUrl', 'previewImageUrl', 'previewUrl', 'baseUrl', 'imageUrl', 'iconUrl', 'linkUri', 'text', 'animated', '__proto__', 'contents');
  const { value: message } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof({ maxDepth: 5 }, address, fc.constantFrom('image', 'video', 'icon', 'action', true, 1, null), json,
      fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(member, tie('value'), { maxKeys: 5 })),
  }));
  test('with media addresses anywhere are resolved or answered, and never changed in place', async () => {
    let resolved = 0;
    let answered = 0;
    await fc.assert(fc.asyncProperty(fc.array(message), async (value) => {
      const before = JSON.stringify(value);
      const result = await resolveMedia(value as LineMessage[], FULL);
      expect(JSON.stringify(value)).toBe(before);
      if (result instanceof ContentError) {
        answered += 1;
      } else {
        resolved += before === JSON.stringify(result) ? 0 : 1;
        // What is left of addresses are texts: resolving again finds nothing.
        expect(await resolveMedia(result, library())).toBe(result);
      }
    }), { numRuns: 500 });
    expect([resolved > 0, answered > 0]).toEqual([true, true]);
  });
});
