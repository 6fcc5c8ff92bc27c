import { nameBasedUuid } from '../../../src/domain/shared/name-based-uuid';

const DNS = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';

test('gives the example of RFC 9562, appendix A.4', () => {
  expect(nameBasedUuid(DNS, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
});

test.each(['', 'a', '春', 'x'.repeat(10_000)])('is of version 5 and the variant of RFC 9562 for a name of any length', (name) => {
  expect(nameBasedUuid(DNS, name)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('depends on the namespace', () => {
  expect(nameBasedUuid('3b52e76c-6293-46bb-9dd3-5c971aee1fb9', 'www.example.com')).not.toBe(nameBasedUuid(DNS, 'www.example.com'));
});
