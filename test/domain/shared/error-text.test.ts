import { errorText } from '../../../src/domain/shared/error-text';

test.each([
  [new TypeError('not a function'), 'TypeError: not a function'],
  ['thrown text', 'thrown text'],
  [undefined, 'undefined'],
])('%p', (thrown, text) => {
  expect(errorText(thrown)).toBe(text);
});
