import * as vm from 'vm';
import { IMAGEMAP_SIZES } from '../../src/contract/media';
import { cloudFrontImagemapUrl, cloudFrontUrl } from '../../src/domain/line/media-url';
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
    const { pathname, search } = new URL(cloudFrontUrl('media.example.com', { type: 'image', key, versionId }));
    const request = run(prefixes, pathname);
    expect(search).toBe('');
    expect(decodeURIComponent(request.uri)).toBe(`/${prefixes.image}${key}`);
    expect(request.uri).toMatch(/^[A-Za-z0-9/%._~-]+$/);
    expect(request.querystring).toEqual({ versionId: { value: versionId } });
  });

  test('leads to the only version in a bucket without versions', () => {
    const { pathname } = new URL(cloudFrontUrl('media.example.com', { type: 'video', key: 'a.mp4' }));
    expect(run(prefixes, pathname)).toMatchObject({ uri: `/${prefixes.video}a.mp4`, querystring: { versionId: { value: 'null' } } });
  });
});

describe.each([['of a type that has its bucket to itself', OWN], ['of a bucket that types share', SHARED]])('an imagemap %s', (_name, prefixes) => {
  const images = (versionOf: (size: string) => string | undefined) =>
    IMAGEMAP_SIZES.map((size) => ({ type: 'image' as const, key: `x/${size}`, bytes: 1, versionId: versionOf(size) }));
  const CASES = KEYS.flatMap((key) => IMAGEMAP_SIZES.map((size): [string, string] => [key, size]));

  test.each(CASES)('leads from %j and the size %s that LINE appends to that image and its version', (key, size) => {
    const { pathname, search } = new URL(`${cloudFrontImagemapUrl('media.example.com', key, images((each) => `L4kq.x_-Y${each}`))}/${size}`);
    const request = run(prefixes, pathname);
    expect(search).toBe('');
    expect(decodeURIComponent(request.uri)).toBe(`/${prefixes.image}${key}/${size}`);
    expect(request.querystring).toEqual({ versionId: { value: `L4kq.x_-Y${size}` } });
  });

  test('leads to the only versions in a bucket without versions', () => {
    const { pathname } = new URL(`${cloudFrontImagemapUrl('media.example.com', 'map', images(() => undefined))}/460`);
    expect(run(prefixes, pathname)).toMatchObject({ uri: `/${prefixes.image}map/460`, querystring: { versionId: { value: 'null' } } });
  });
});

test.each(['/image/a%7Eb%7Ec%7Ed%7Ee/map/700', '/image/a%7eb~c%7Ed~e/map/700'])('separators may be encoded on the way: %s', (uri) => {
  expect(run(SHARED, uri)).toMatchObject({ uri: '/image/map/700', querystring: { versionId: { value: 'd' } } });
});

test('an object that is named like a size, or lies behind a tilde, has a link like any other', () => {
  expect(run(SHARED, '/image/v1/map/1040')).toMatchObject({ uri: '/image/map/1040', querystring: { versionId: { value: 'v1' } } });
  expect(run(SHARED, '/image/v1/~a~/b~c.png')).toMatchObject({ uri: '/image/~a~/b~c.png', querystring: { versionId: { value: 'v1' } } });
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
  ['the base of an imagemap', '/image/a~b~c~d~e/map'],
  ['an imagemap of another size', '/image/a~b~c~d~e/map/1041'],
  ['what lies below a size of an imagemap', '/image/a~b~c~d~e/map/240/a.png'],
  ['an imagemap of four versions', '/image/a~b~c~d/map/240'],
  ['an imagemap of six versions', '/image/a~b~c~d~e~f/map/240'],
  ['an imagemap without the version of the size', '/image/~b~c~d~e/map/240'],
  ['separators only', '/image/~~~~/map/240'],
  ['an imagemap of a type that the channel has not', '/audio/a~b~c~d~e/map/240'],
])('%s is not found', (_name, uri) => {
  expect(run(SHARED, uri)).toEqual({ statusCode: 404, statusDescription: 'Not Found' });
});

test("the code is within CloudFront's limit of 10 KB for functions", () => {
  expect(Buffer.byteLength(mediaPathCode({ image: 'image/', audio: 'audio/', video: 'video/' }))).toBeLessThan(10_240);
});
