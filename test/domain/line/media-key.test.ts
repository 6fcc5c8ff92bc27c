import { ContentError } from '../../../src/domain/line/content-error';
import { MediaRole } from '../../../src/domain/line/media-formats';
import { checkMediaKey, mediaExtension } from '../../../src/domain/line/media-key';

function check(key: unknown, role: MediaRole, quotesKey?: boolean): unknown {
  try {
    return checkMediaKey('`key`', key, role, quotesKey);
  } catch (error) {
    return error instanceof ContentError ? `${error.code} ${error.message}` : error;
  }
}

test.each<[MediaRole, string]>([
  ['image', 'a.png'],
  ['image', '春/a b.c.JPEG'],
  ['image', '...a/..b/c...png'],
  ['image', `${'x'.repeat(1_020)}.png`],
  ['preview', 'a.jpg'],
  ['audio', 'a.m4a'],
  ['video', 'a.mp4'],
  ['imagemap', 'maps/spring.2026'],
  ['link', 'terms.pdf'],
  ['icon', 'a.png'],
])('%s: %s may be a key', (role, key) => {
  expect(check(key, role)).toBe(key);
});

test.each<[MediaRole, unknown, RegExp]>([
  ['image', undefined, /^INVALID_CONTENT `key` must be an S3 object key of 1 to 1024 bytes of UTF-8, got nothing/],
  ['image', null, /got null/],
  ['image', true, /got true/],
  ['image', ['a.png'], /got an array of 1/],
  ['image', { a: 1 }, /got an object/],
  ['image', '', /got a string of 0/],
  ['image', `${'x'.repeat(1_021)}.png`, /got a string of 1025/],
  ['image', `${'春'.repeat(341)}.png`, /got a string of 345/],
  ['image', 'a\udf00.png', /^INVALID_CONTENT/],
  ...['../a.png', 'a/../b.png', './a.png', 'a/./b.png'].map((key): [MediaRole, string, RegExp] => ['image', key, /^INVALID_CONTENT `key` must be a key without `\.` and `\.\.`/]),
  ['imagemap', 'maps/..', /^INVALID_CONTENT/],
  ['imagemap', '', /^INVALID_CONTENT/],
  ['image', 'a.gif', /^MEDIA_WRONG_TYPE `key` ends in \.gif; LINE takes \.jpg, \.jpeg, \.png here/],
  ['image', 'a', /^MEDIA_WRONG_TYPE `key` ends without an extension/],
  ['image', 'a.png.', /^MEDIA_WRONG_TYPE/],
  ['image', 'a.toolongforone', /without an extension/],
  ['audio', 'a.wav', /^MEDIA_WRONG_TYPE .* \.mp3, \.m4a/],
  ['video', 'a.mov', /^MEDIA_WRONG_TYPE .* \.mp4/],
  ['icon', 'a.jpg', /^MEDIA_WRONG_TYPE .* \.png/],
])('%s: %j is refused', (role, key, expected) => {
  expect(check(key, role)).toMatch(expected);
});

test.each(['Dr.Suzuki', '../Suzuki.png', 'Suzuki', 'Suzuki'.repeat(200)])('%s may be a person\'s name, and is not quoted', (key) => {
  expect(check(key, 'image', false)).toMatch(/^(?:INVALID_CONTENT|MEDIA_WRONG_TYPE) /);
  expect(check(key, 'image', false)).not.toMatch(/suzuki/i);
});

test('extensions are compared in lower case', () => {
  expect([mediaExtension('a.b.MP4'), mediaExtension('a/b'), mediaExtension('a.b/c')]).toEqual(['mp4', undefined, undefined]);
});
