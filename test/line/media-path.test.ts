import * as vm from 'vm';
import { cloudFrontUrl } from '../../src/domain/line/media-url';
import { mediaPathCode } from '../../src/line/line-media-library';

/** Runs the CloudFront function as CloudFront does: the path as the viewer sent it, still percent-encoded. */
function run(prefixes: Record<string, string>, uri: string, querystring: object = {}): any {
  const request = { method: 'GET', uri, querystring, headers: {}, cookies: {} };
  return vm.runInNewContext(`${mediaPathCode(prefixes)}\nhandler(event);`, { event: { version: '1.0', request } });
}

const OWN = { image: '', audio: '', video: '' };
const SHARED = { image: 'image/', video: 'video/' };

const KEYS = [
  'image.png',
  'folder/deep/image.png',
  'with space.png',
  'plus+sign.png',
  '日本語 の 画像.png',
  '100%.png',
  'already%20encoded.png',
  'question?mark#hash&amp;.png',
  "quotes'(1)!*.png",
  '"double".png',
  'emoji😀.png',
  'image/image.png',
  '/leading.png',
  'double//slash.png',
  'k'.repeat(300),
];

describe.each([['of a type that has its bucket to itself', OWN], ['of a bucket that types share', SHARED]])('a media link %s', (_name, prefixes) => {
  test.each(KEYS)('leads to the object %j and its version', (key) => {
    const versionId = 'L4kqtJlcpXroDTDmpUMLUo.x_-Y';
    const { pathname, search } = new URL(cloudFrontUrl('media.example.com', 'image', { key, versionId, bytes: 1 }));
    const request = run(prefixes, pathname);
    expect(search).toBe('');
    expect(decodeURIComponent(request.uri)).toBe(`/${prefixes.image}${key}`);
    expect(request.uri).toMatch(/^[A-Za-z0-9/%._~-]+$/);
    expect(request.querystring).toEqual({ versionId: { value: versionId } });
  });

  test('leads to the only version in a bucket without versions', () => {
    const { pathname } = new URL(cloudFrontUrl('media.example.com', 'video', { key: 'a.mp4', bytes: 1 }));
    expect(run(prefixes, pathname)).toMatchObject({ uri: `/${prefixes.video}a.mp4`, querystring: { versionId: { value: 'null' } } });
  });
});

test('what LINE appends to the base URL of an imagemap is part of the key', () => {
  expect(run(SHARED, '/image/v1/map/1040')).toMatchObject({ uri: '/image/map/1040' });
});

test('a query string of the viewer goes no further', () => {
  expect(run(OWN, '/image/v1/a.png', { 'versionId': { value: 'v2' }, 'X-Amz-Security-Token': { value: 'x' } }).querystring).toEqual({ versionId: { value: 'v1' } });
});

test.each([
  ['nothing', '/'],
  ['a type only', '/image'],
  ['no version', '/image//a.png'],
  ['no key', '/image/v1'],
  ['an empty key', '/image/v1/'],
  ['an object of the bucket by its own path', '/a.png'],
  ['a type that the channel has not', '/audio/v1/a.mp3'],
  ['a type in upper case', '/IMAGE/v1/a.png'],
  ['a member of every object', '/constructor/v1/a.png'],
  ['another member of every object', '/valueOf/v1/a.png'],
])('%s is not found', (_name, uri) => {
  expect(run(SHARED, uri)).toEqual({ statusCode: 404, statusDescription: 'Not Found' });
});

test("the code is within CloudFront's limit of 10 KB for functions", () => {
  expect(Buffer.byteLength(mediaPathCode({ image: 'image/', audio: 'audio/', video: 'video/' }))).toBeLessThan(10_240);
});
