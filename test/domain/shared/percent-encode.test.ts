import { percentEncode } from '../../../src/domain/shared/percent-encode';

test.each([
  ['AZaz09-._~', 'AZaz09-._~'],
  [' /?#[]@:&=+$,;%', '%20%2F%3F%23%5B%5D%40%3A%26%3D%2B%24%2C%3B%25'],
  ['it\'s (1)!*"', 'it%27s%20%281%29%21%2A%22'],
  ['春', '%E6%98%A5'],
  ['😀\n', '%F0%9F%98%80%0A'],
])('percent-encodes %j', (text, encoded) => {
  expect(percentEncode(text)).toBe(encoded);
});
