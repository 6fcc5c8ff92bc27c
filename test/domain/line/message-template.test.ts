import * as fc from 'fast-check';
import { defaultTemplate, isTemplateName, templateCandidates } from '../../../src/domain/line/message-template';

describe('names', () => {
  test.each(['spring', '2026/spring-sale', 'a.b_c/D-1', 'x'.repeat(200)])('%s may be one', (name) => {
    expect(isTemplateName(name)).toBe(true);
  });

  test.each([
    '', ' ', 'a b', '/a', 'a/', 'a//b', '..', 'a/../b', './a', 'a.', '.a', 'a..b', 'a./b', '春', 'a\n', '{{a}}', 'x'.repeat(201), 5, null, undefined, ['a'], {},
  ])('%j may be none', (name) => {
    expect(isTemplateName(name)).toBe(false);
  });

  test('an endless one is answered', () => {
    expect(isTemplateName(`${'a'.repeat(6_000_000)}!`)).toBe(false);
  });
});

describe('candidates', () => {
  const locale = (Locale: unknown) => ({ Demographic: { Locale } });
  const language = (value: unknown, name = 'language') => ({ User: { UserAttributes: { [name]: value } } });

  test.each<[string, Record<string, unknown>, string[]]>([
    ['nothing known', {}, []],
    ['language and region', locale('ja-JP'), ['ja-JP', 'ja']],
    ['an underscore', locale('ja_JP'), ['ja-JP', 'ja']],
    ['any case', locale('JA_jp'), ['ja-JP', 'ja']],
    ['what systems append', locale(' ja_JP.UTF-8 '), ['ja-JP', 'ja']],
    ['language alone', locale('ja'), ['ja']],
    ['a script', locale('zh-hant-tw'), ['zh-Hant-TW', 'zh-Hant', 'zh']],
    ['a script without region', locale('zh_HANS'), ['zh-Hans', 'zh']],
    ['a region by number', locale('es-419'), ['es-419', 'es']],
    ['an extension', locale('de-DE-u-co-phonebk'), ['de-DE', 'de']],
    ['the user\'s language', language('th'), ['th']],
    ['the user\'s language in a list', language(['th', 'en']), ['th']],
    ['an empty list', language([]), []],
    ['the user\'s Language', language('zh-Hant', 'Language'), ['zh-Hant', 'zh']],
    ['language before Language', { User: { UserAttributes: { Language: ['en'], language: ['th'] } } }, ['th']],
    ['locale before language', { ...locale('en-GB'), ...language(['th']) }, ['en-GB', 'en', 'th']],
    ['both the same', { ...locale('ja-JP'), ...language('ja') }, ['ja-JP', 'ja']],
    ...['', 'english', 'e', '../..', 'constructor', '12', 5, null, {}, true].map((value): [string, Record<string, unknown>, string[]] =>
      [`${JSON.stringify(value)}, which is no language`, { ...locale(value), ...language(value) }, []]),
    ['members of another kind', { Demographic: 'ja', User: ['ja'] }, []],
    ['attributes of another kind', { User: { UserAttributes: null } }, []],
    ['members that are not its own', Object.create(locale('ja')), []],
  ])('%s', (_case, endpoint, tags) => {
    expect(templateCandidates('a/b', endpoint)).toEqual([...tags.map((tag) => `a/b.${tag}.json`), 'a/b.json']);
  });

  test('whatever the endpoint, there is a short list of plain keys that ends in the default', () => {
    fc.assert(fc.property(fc.object(), fc.anything(), fc.anything(), (other, Locale, value) => {
      const keys = templateCandidates('a', { ...other, ...locale(Locale), ...language(value) });
      expect(keys.length).toBeLessThanOrEqual(7);
      expect(keys.at(-1)).toBe(defaultTemplate('a'));
      expect(keys.every((key) => /^a(\.[A-Za-z0-9-]+)?\.json$/.test(key))).toBe(true);
    }));
  });
});
