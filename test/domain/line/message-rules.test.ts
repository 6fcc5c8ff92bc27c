import {
  area, audio, bubble, buttons, check, clipboard, coupon, flex, image, imagemap, location, mapVideo, messageAction, picker, postback, quickReply,
  sticker, text, textV2, uri, URL, urlOf, video, wrong, carousel, column, confirm, imageCarousel, imageColumn, inBody, flexImage, flexText, button,
  inBaseline, flexIcon, inHero, flexVideo, box,
} from './message-rules-samples';
import { SendErrorCode } from '../../../src/contract/custom-channel';
import { ContentError } from '../../../src/domain/line/content-error';
import type { LineMessage } from '../../../src/domain/line/line-message';
import { checkMessages } from '../../../src/domain/line/message-rules';
import { hasMoreGraphemes } from '../../../src/domain/line/message-rules-checker';

const UTF16 = 'UTF-16 code units';
const CLUSTERS = 'grapheme clusters';
const FIX_URL = 'begin it with https:// and percent-encode spaces, quotes and letters other than A to Z';
const FAMILY = '👨‍👩‍👧‍👦';
/** か with a combining mark, as macOS writes が. */
const DECOMPOSED = 'か\u3099';
/** A letter with as many marks as a text may have. */
const ZALGO = `か${'\u3099'.repeat(30)}`;

describe('graphemes', () => {
  test.each([['', 0], ['abc', 3], [FAMILY, 1], [ZALGO, 1], [ZALGO.repeat(20), 20], [DECOMPOSED.repeat(3), 3], ['🇯🇵🇯🇵', 2], ['\r\n', 1], ['👍🏽', 1]])('of %j are %d', (value, count) => {
    expect([count - 1, count, count + 1].map((max) => hasMoreGraphemes(value, max))).toEqual([true, false, false]);
  });

  test.each([['letters', 'a'], ['families', FAMILY], ['marks without end', '\u3099']])('of a megabyte of %s are not counted', (_name, part) => {
    // GIVEN
    const value = `か${part.repeat(1_000_000 / part.length)}`;
    const started = performance.now();
    // WHEN
    const errors = [quickReply(uri({ label: value })), quickReply(messageAction({ text: value })), buttons({ text: value }), buttons({ title: 'Menu', text: value })].map(wrong);
    // THEN
    // Minutes when they are counted.
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(errors.map((error) => /got a string of more than (\d+) grapheme clusters; shorten it$/.exec(error!)?.[1])).toEqual(['20', '300', '160', '160']);
  });
});

describe('the longest string', () => {
  const item = (members: object) => text({ quickReply: { items: [{ type: 'action', action: uri(), ...members }] } });

  test.each<[string, (value: string) => unknown, number, string, string]>([
    ['text', (value) => text({ text: value }), 5_000, UTF16, '.text'],
    ['text of textV2', (value) => textV2({ text: value }), 5_000, UTF16, '.text'],
    ['title of a location', (value) => location({ title: value }), 100, UTF16, '.title'],
    ['address of a location', (value) => location({ address: value }), 100, UTF16, '.address'],
    ['alternative text of an imagemap', (value) => imagemap({ altText: value }), 1_500, UTF16, '.altText'],
    ['alternative text of a template', (value) => ({ ...buttons(), altText: value }), 1_500, UTF16, '.altText'],
    ['alternative text of a Flex message', (value) => ({ ...flex(bubble()), altText: value }), 1_500, UTF16, '.altText'],
    ['text of an imagemap', (value) => imagemap({ actions: [{ type: 'message', text: value, area }] }), 400, UTF16, '.actions[0].text'],
    ['clipboard of an imagemap', (value) => imagemap({ actions: [{ type: 'clipboard', clipboardText: value, area }] }), 1_000, UTF16,
      '.actions[0].clipboardText'],
    ['label of a link after a video', (value) => imagemap({ video: mapVideo({ externalLink: { linkUri: URL, label: value } }) }), 30, UTF16,
      '.video.externalLink.label'],
    ['clipboard of an action', (value) => quickReply(clipboard({ clipboardText: value })), 1_000, UTF16, '.quickReply.items[0].action.clipboardText'],
    ['label of a quick reply', (value) => quickReply(uri({ label: value })), 20, CLUSTERS, '.quickReply.items[0].action.label'],
    ['label of a camera action', (value) => quickReply({ type: 'camera', label: value }), 20, CLUSTERS, '.quickReply.items[0].action.label'],
    ['label of a camera roll action', (value) => quickReply({ type: 'cameraRoll', label: value }), 20, CLUSTERS, '.quickReply.items[0].action.label'],
    ['label of a location action', (value) => quickReply({ type: 'location', label: value }), 20, CLUSTERS, '.quickReply.items[0].action.label'],
    ['label in buttons', (value) => buttons({ actions: [uri({ label: value })] }), 20, CLUSTERS, '.template.actions[0].label'],
    ['label of a default action', (value) => buttons({ defaultAction: uri({ label: value }) }), 20, CLUSTERS, '.template.defaultAction.label'],
    ['label of a Flex button', (value) => inBody(button({ action: postback({ label: value }) })), 40, CLUSTERS,
      '.contents.body.contents[0].action.label'],
    ['text of a message action', (value) => quickReply(messageAction({ text: value })), 300, CLUSTERS, '.quickReply.items[0].action.text'],
    ['text of buttons', (value) => buttons({ text: value }), 160, CLUSTERS, '.template.text'],
    ['text of a confirmation', (value) => confirm({ text: value }), 240, CLUSTERS, '.template.text'],
    ['text of a column', (value) => carousel([column({ text: value })]), 120, CLUSTERS, '.template.columns[0].text'],
  ])('of %s', (_name, message, max, unit, path) => {
    // GIVEN strings of exactly the limit, in characters of one and of many code units
    const full = unit === CLUSTERS
      ? ['a'.repeat(max), FAMILY.repeat(max), DECOMPOSED.repeat(max)]
      : ['a'.repeat(max), 'か'.repeat(max), '🍎'.repeat(max / 2)];

    for (const value of full) {
      // THEN they pass, and one more does not
      expect(wrong(message(value))).toBeUndefined();
      expect(wrong(message(`${value}a`))).toBe(
        `messages[0]${path} must be a string of 1 to ${max} ${unit}, got a string of ${unit === CLUSTERS ? `more than ${max}` : max + 1} ${unit}; shorten it`);
    }
    // AND none at all does not, either
    expect(wrong(message(''))).toContain(`messages[0]${path} must be a string of 1 to ${max} ${unit}`);
  });

  test.each<[string, (value: string) => unknown, number, string, string]>([
    ['name of a sender', (value) => text({ sender: { name: value } }), 20, UTF16, '.sender.name'],
    ['data of a postback', (value) => quickReply(postback({ data: value })), 300, UTF16, '.quickReply.items[0].action.data'],
    ['data of a date picker', (value) => quickReply(picker({ data: value })), 300, UTF16, '.quickReply.items[0].action.data'],
    ['label of an area', (value) => imagemap({ actions: [{ type: 'uri', linkUri: URL, label: value, area }] }), 100, UTF16, '.actions[0].label'],
    ['label of an image column', (value) => imageCarousel([imageColumn({ action: uri({ label: value }) })]), 12, CLUSTERS,
      '.template.columns[0].action.label'],
    ['label of a Flex image', (value) => inBody(flexImage({ action: uri({ label: value }) })), 40, CLUSTERS,
      '.contents.body.contents[0].action.label'],
    ['label of a Flex video', (value) => inHero(flexVideo({ action: uri({ label: value }) })), 40, CLUSTERS, '.contents.hero.action.label'],
    ['display text', (value) => quickReply(postback({ displayText: value })), 300, CLUSTERS, '.quickReply.items[0].action.displayText'],
    ['text of a postback', (value) => quickReply(postback({ text: value })), 300, CLUSTERS, '.quickReply.items[0].action.text'],
    ['filled-in text', (value) => quickReply(postback({ inputOption: 'openKeyboard', fillInText: value })), 300, CLUSTERS,
      '.quickReply.items[0].action.fillInText'],
    ['title of buttons', (value) => buttons({ title: value }), 40, CLUSTERS, '.template.title'],
    ['title of a column', (value) => carousel([column({ title: value })]), 40, CLUSTERS, '.template.columns[0].title'],
  ])('of %s, which may be empty', (_name, message, max, unit, path) => {
    const character = unit === CLUSTERS ? FAMILY : 'か';
    expect(wrong(message(character.repeat(max)))).toBeUndefined();
    expect(wrong(message(''))).toBeUndefined();
    expect(wrong(message(character.repeat(max + 1)))).toBe(
      `messages[0]${path} must be a string of 0 to ${max} ${unit}, got a string of ${unit === CLUSTERS ? `more than ${max}` : max + 1} ${unit}; shorten it`);
  });

  test.each<[string, (url: string) => unknown, string]>([
    ['an image', (url) => image({ originalContentUrl: url }), '.originalContentUrl'],
    ['a preview', (url) => image({ previewImageUrl: url }), '.previewImageUrl'],
    ['a video', (url) => video({ originalContentUrl: url }), '.originalContentUrl'],
    ['a cover', (url) => video({ previewImageUrl: url }), '.previewImageUrl'],
    ['an audio file', (url) => audio({ originalContentUrl: url }), '.originalContentUrl'],
    ['an imagemap', (url) => imagemap({ baseUrl: url }), '.baseUrl'],
    ['a video of an imagemap', (url) => imagemap({ video: mapVideo({ originalContentUrl: url }) }), '.video.originalContentUrl'],
    ['a cover of an imagemap', (url) => imagemap({ video: mapVideo({ previewImageUrl: url }) }), '.video.previewImageUrl'],
    ['a sender', (url) => text({ sender: { iconUrl: url } }), '.sender.iconUrl'],
    ['a quick reply', (url) => item({ imageUrl: url }), '.quickReply.items[0].imageUrl'],
    ['buttons', (url) => buttons({ thumbnailImageUrl: url }), '.template.thumbnailImageUrl'],
    ['a column', (url) => carousel([column({ thumbnailImageUrl: url })]), '.template.columns[0].thumbnailImageUrl'],
    ['an image column', (url) => imageCarousel([imageColumn({ imageUrl: url })]), '.template.columns[0].imageUrl'],
    ['a Flex image', (url) => inBody(flexImage({ url })), '.contents.body.contents[0].url'],
    ['a Flex icon', (url) => inBaseline(flexIcon({ url })), '.contents.body.contents[0].url'],
    ['a Flex video', (url) => inHero(flexVideo({ url })), '.contents.hero.url'],
    ['a cover of a Flex video', (url) => inHero(flexVideo({ previewUrl: url })), '.contents.hero.previewUrl'],
  ])('for the URL of %s', (_name, message, path) => {
    expect(wrong(message(urlOf(2_000)))).toBeUndefined();
    expect(check(message(urlOf(2_001)))).toMatchObject({
      code: SendErrorCode.MEDIA_URL_TOO_LONG,
      message: `messages[0]${path} must be a string of 1 to 2000 UTF-16 code units, got a string of 2001 UTF-16 code units; shorten it`,
    });
    expect(check(message('http://example.com/a.png'))).toMatchObject({
      code: SendErrorCode.INVALID_CONTENT,
      message: `messages[0]${path} must be an https:// URL, percent-encoded, got a string of 24 UTF-16 code units; ${FIX_URL}`,
    });
  });

  test.each<[string, (uri: string) => unknown, string]>([
    ['an action', (value) => quickReply(uri({ uri: value })), '.quickReply.items[0].action.uri'],
    ['an action on a desktop', (value) => quickReply(uri({ altUri: { desktop: value } })), '.quickReply.items[0].action.altUri.desktop'],
    ['an area', (value) => imagemap({ actions: [{ type: 'uri', linkUri: value, area }] }), '.actions[0].linkUri'],
    ['a link after a video', (value) => imagemap({ video: mapVideo({ externalLink: { linkUri: value, label: 'More' } }) }), '.video.externalLink.linkUri'],
  ])('for the URI of %s', (_name, message, path) => {
    for (const scheme of ['https://', 'http://', 'line://', 'tel:', 'HTTPS://']) {
      expect(wrong(message(urlOf(1_000, scheme)))).toBeUndefined();
    }
    expect(wrong(message('https://example.com/検索?q=春'))).toBeUndefined();
    expect(check(message(urlOf(1_001)))).toMatchObject({
      code: SendErrorCode.INVALID_CONTENT,
      message: `messages[0]${path} must be a string of 1 to 1000 UTF-16 code units, got a string of 1001 UTF-16 code units; shorten it`,
    });
    for (const bad of ['ftp://example.com', 'javascript:alert(1)', 'example.com', 'https://', 'https:///path', 'tel:', 'line:', 'media://image/a.png',
      'https://example.com/a b', 'https://example.com/"', 'https://example.com/\n', 'https://example.com/\0', ' https://example.com/', 'xhttps://a']) {
      expect(wrong(message(bad))).toContain(`messages[0]${path} must be a URI of scheme http, https, line or tel without white space`);
    }
  });

  test('that is too long is told apart by its code', () => {
    expect(check(text({ text: 'a'.repeat(5_001) }))?.code).toBe(SendErrorCode.TEXT_TOO_LONG);
    expect(check(textV2({ text: 'a'.repeat(5_001) }))?.code).toBe(SendErrorCode.TEXT_TOO_LONG);
    expect(check(location({ title: 'a'.repeat(101) }))?.code).toBe(SendErrorCode.INVALID_CONTENT);
    expect(check(text())).toBeUndefined();
  });
});

describe('a URL of media', () => {
  test.each([
    'https://a', 'https://example.com:8443/a-b_c.d~e/f', 'https://example.com/%E6%98%A5%20?a=b&c=(1)*+,;!$\'#f', 'https://[::1]/a@b', 'HTTPS://example.com/',
  ])('%j passes', (url) => {
    expect(wrong(image({ originalContentUrl: url }))).toBeUndefined();
  });

  test.each([
    'https://', 'https:///a.png', 'https://?a', 'https://#a', 'http://example.com/a.png', 'media://image/a.png', 'data:image/png;base64,AAAA', '//example.com/a.png',
    'https://example.com/春.png', 'https://example.com/a b.png', 'https://example.com/a.png\n', 'https://example.com/"', 'https://example.com/100%.png',
    'https://example.com/%zz', 'https://example.com/{key}', 'https://example.com/<a>', 'https://example.com/a\\b', 'https://example.com/a|b', ' https://example.com/',
  ])('%j does not', (url) => {
    expect(wrong(image({ originalContentUrl: url }))).toBe(
      `messages[0].originalContentUrl must be an https:// URL, percent-encoded, got a string of ${url.length} UTF-16 code units; ${FIX_URL}`);
  });
});

describe('the number of', () => {
  const many = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one);
  const emojis = (count: number) => ({ text: '$'.repeat(Math.max(count, 1)), emojis: Array.from({ length: count }, (_, index) => ({ index, productId: 'p', emojiId: 'e' })) });

  test.each<[string, (count: number) => unknown, number, number, string]>([
    ['quick replies', (count) => quickReply(...many(count, uri())), 1, 13, '.quickReply.items'],
    ['emojis', (count) => text(emojis(count)), 0, 20, '.emojis'],
    ['areas of an imagemap', (count) => imagemap({ actions: many(count, { type: 'uri', linkUri: URL, area }) }), 0, 50, '.actions'],
    ['actions of buttons', (count) => buttons({ actions: many(count, uri()) }), 1, 4, '.template.actions'],
    ['actions of a confirmation', (count) => confirm({ actions: many(count, uri()) }), 2, 2, '.template.actions'],
    ['actions of a column', (count) => carousel([column({ actions: many(count, uri()) })]), 1, 3, '.template.columns[0].actions'],
    ['columns', (count) => carousel(many(count, column())), 1, 10, '.template.columns'],
    ['image columns', (count) => imageCarousel(many(count, imageColumn())), 1, 10, '.template.columns'],
    ['bubbles', (count) => flex({ type: 'carousel', contents: many(count, bubble()) }), 1, 12, '.contents.contents'],
  ])('%s', (_name, message, min, max, path) => {
    expect(wrong(message(min))).toBeUndefined();
    expect(wrong(message(max))).toBeUndefined();
    const allowed = `an array of ${min === max ? min : `${min} to ${max}`}`;
    expect(wrong(message(max + 1))).toBe(`messages[0]${path} must be ${allowed}, got an array of ${max + 1}; take some away`);
    if (min > 0) {
      expect(wrong(message(min - 1))).toBe(`messages[0]${path} must be ${allowed}, got an array of ${min - 1}; write an array of so many`);
    }
  });

  test('messages', () => {
    expect(check(...many(5, text()))).toBeUndefined();
    expect(check()?.message).toBe('messages must be an array of 1 to 5, got an array of 0; write an array of so many');
    expect(check(...many(6, text()))?.message).toBe('messages must be an array of 1 to 5, got an array of 6; take some away');
  });

  test('substitutions', () => {
    const substitution = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, { type: 'emoji', productId: 'p', emojiId: 'e' }]));
    expect(wrong(textV2({ substitution: substitution(100) }))).toBeUndefined();
    expect(wrong(textV2({ substitution: substitution(101) }))).toBe(
      'messages[0].substitution must be an object of at most 100 members, got an object of 101 members; take some away');
  });
});

describe('a number', () => {
  const mapArea = (members: object) => imagemap({ actions: [{ type: 'uri', linkUri: URL, area: { ...area, ...members } }] });

  test.each<[string, (value: number) => unknown, number[], number[], string]>([
    ['latitude', (latitude) => location({ latitude }), [-90, 0, 90], [-90.1, 90.1], '.latitude must be a number of -90 to 90'],
    ['longitude', (longitude) => location({ longitude }), [-180, 0, 180], [-180.1, 180.1], '.longitude must be a number of -180 to 180'],
    ['duration', (duration) => audio({ duration }), [1, 60_000], [0, -1, 0.5], '.duration must be a whole number, at least 1'],
    ['base width', (width) => imagemap({ baseSize: { width, height: 1 } }), [1_040], [1_039, 1_041], '.baseSize.width must be a number of 1040'],
    ['base height', (height) => imagemap({ baseSize: { width: 1_040, height } }), [1, 2_000], [0, -1], '.baseSize.height must be a number, at least 1'],
    ['x', (x) => mapArea({ x }), [0, 1_040], [-1], '.actions[0].area.x must be a number, at least 0'],
    ['y', (y) => mapArea({ y }), [0, 1_040], [-1], '.actions[0].area.y must be a number, at least 0'],
    ['width', (width) => mapArea({ width }), [0, 1_040], [-1], '.actions[0].area.width must be a number, at least 0'],
    ['height', (height) => mapArea({ height }), [0, 1_040], [-1], '.actions[0].area.height must be a number, at least 0'],
    ['index', (index) => text({ text: '$$', emojis: [{ index, productId: 'p', emojiId: 'e' }] }), [0, 1], [-1, 0.5], '.emojis[0].index must be a whole number, at least 0'],
    ['flex', (ratio) => inBody(flexText({ text: 'a', flex: ratio })), [0, 1], [-1], '.contents.body.contents[0].flex must be a number, at least 0'],
    ['lines', (maxLines) => inBody(flexText({ text: 'a', maxLines })), [0, 1], [-1], '.contents.body.contents[0].maxLines must be a number, at least 0'],
  ])('for %s', (_name, message, inside, outside, expected) => {
    for (const value of inside) {
      expect(wrong(message(value))).toBeUndefined();
    }
    for (const value of outside) {
      expect(wrong(message(value))).toBe(`messages[0]${expected}, got another number; correct it`);
    }
    expect(wrong(message('1' as never))).toBe(`messages[0]${expected}, got a string of 1 UTF-16 code units; correct it`);
    for (const value of [NaN, Infinity, -Infinity]) {
      expect(wrong(message(value))).toContain('must be a finite number, got a number that JSON cannot write; correct it');
    }
  });
});

describe('emojis', () => {
  const emoji = (index: number) => ({ index, productId: 'p', emojiId: 'e' });

  test.each([['at the start and end', '$ Hello $', [0, 8]], ['behind a surrogate pair', '🍎$', [2]], ['out of order', '$$', [1, 0]], ['none', 'a $', []]])(
    'pass %s', (_name, value, indexes) => {
      expect(wrong(text({ text: value, emojis: indexes.map(emoji) }))).toBeUndefined();
    });

  test.each([
    ['another character', 'a$', [0], 0, 'the place of a `$` in `text`, counted in UTF-16 code units from 0, got 0; put a `$` there, or correct the index'],
    ['the index in characters', '🍎$', [1], 0, 'the place of a `$` in `text`, counted in UTF-16 code units from 0, got 1; put a `$` there, or correct the index'],
    ['behind the end', '$', [0, 1], 1, 'the place of a `$` in `text`, counted in UTF-16 code units from 0, got 1; put a `$` there, or correct the index'],
    ['one place twice', '$$', [1, 1], 1, 'a place of its own, got 1 a second time; give each emoji its own `$`'],
  ])('refused at %s', (_name, value, indexes, position, expected) => {
    expect(wrong(text({ text: value, emojis: indexes.map(emoji) }))).toBe(`messages[0].emojis[${position}].index must be ${expected}`);
  });
});

describe('textV2', () => {
  const emoji = { type: 'emoji', productId: 'p', emojiId: 'e' };
  const all = { type: 'mention', mentionee: { type: 'all' } };
  const user = { type: 'mention', mentionee: { type: 'user', userId: 'U1' } };

  test.each<[string, string, object | undefined]>([
    ['no braces', 'Hello', undefined],
    ['placeholders', '{a}{b} and {C_1}', { a: emoji, b: all, C_1: user }],
    ['one placeholder twice', '{a}{a}', { a: emoji }],
    ['a substitution that is not used', 'Hello', { a: emoji }],
    ['literal braces', '{{a}} }} {{', undefined],
    ['literal braces around a placeholder', '{{{a}}}', { a: emoji }],
    ['20 mentions and 20 emoji', '{a}'.repeat(20) + '{b}'.repeat(20), { a: emoji, b: all }],
    ['a key of 20 characters', `{${'k'.repeat(20)}}`, { ['k'.repeat(20)]: emoji }],
    ['a key that objects have', '{toString}', { toString: emoji }],
  ])('passes with %s', (_name, value, substitution) => {
    expect(wrong(textV2({ text: value, substitution }))).toBeUndefined();
  });

  test.each<[string, string, unknown, string]>([
    ['a single {', 'abc {', undefined, '.text must be a text with its braces in pairs, got a single `{` at UTF-16 code unit 4; write a literal brace twice: `{{`, `}}`'],
    ['a single }', '🍎}', undefined, '.text must be a text with its braces in pairs, got a single `}` at UTF-16 code unit 2; write a literal brace twice: `{{`, `}}`'],
    ['a placeholder that nothing defines', 'Hi {a}', { b: emoji },
      '.text must be a text whose placeholders are all in `substitution`, got a placeholder without one at UTF-16 code unit 3; define it, or write literal braces twice: `{{`, `}}`'],
    ['a placeholder without substitutions', '{toString}', undefined, '.text must be a text whose placeholders are all in `substitution`, got a placeholder without one at UTF-16 code unit 0'],
    ['an empty placeholder', '{}', undefined, '.text must be a text whose placeholders are all in `substitution`'],
    ['21 mentions', '{a}'.repeat(21), { a: all }, '.text must be a text with at most 20 placeholders of type mention, got more, from UTF-16 code unit 60 on; take some away'],
    ['21 emoji under two names', '{a}'.repeat(20) + '{b}', { a: emoji, b: emoji }, '.text must be a text with at most 20 placeholders of type emoji, got more, from UTF-16 code unit 60 on'],
    ['a long key', 'a', { ['k'.repeat(21)]: emoji }, '.substitution must be an object with keys of 1 to 20 characters 0-9, A-Z, a-z and _, got a key of 21 UTF-16 code units; rename the key'],
    ['an empty key', 'a', { '': emoji }, '.substitution must be an object with keys of 1 to 20 characters 0-9, A-Z, a-z and _, got a key of 0 UTF-16 code units'],
    ['a key with a dash', 'a', { 'a-b': emoji }, '.substitution must be an object with keys of 1 to 20 characters'],
    ['a list of substitutions', 'a', [emoji], '.substitution must be an object, got an array of 1; write an object'],
    ['another substitution', 'a', { a: { type: 'image' } }, '.substitution.a.type must be one of mention, emoji, got a string of 5 UTF-16 code units; write one of these types'],
    ['an emoji without id', 'a', { a: { type: 'emoji', productId: 'p' } }, '.substitution.a.emojiId must be present, got nothing; add it'],
    ['a mention of nobody', 'a', { a: { type: 'mention' } }, '.substitution.a.mentionee must be present, got nothing; add it'],
    ['a mention of a group', 'a', { a: { type: 'mention', mentionee: { type: 'group' } } }, '.substitution.a.mentionee.type must be one of user, all'],
    ['a user without id', 'a', { a: { type: 'mention', mentionee: { type: 'user' } } }, '.substitution.a.mentionee.userId must be present'],
  ])('is refused with %s', (_name, value, substitution, expected) => {
    expect(wrong(textV2({ text: value, substitution }))).toContain(`messages[0]${expected}`);
  });

  test('takes a key named __proto__ as any other', () => {
    const message = JSON.parse('{"type":"textV2","text":"{__proto__}","substitution":{"__proto__":{"type":"emoji","productId":"p","emojiId":"e"}}}');
    expect(wrong(message)).toBeUndefined();
    expect(wrong({ ...message, substitution: {} })).toContain('whose placeholders are all in `substitution`');
  });
});

describe('messages that LINE takes', () => {
  test.each<[string, unknown]>([
    ['text', text({ quoteToken: 'q' })],
    ['sticker', sticker({ quoteToken: 'q' })],
    ['video with a tracking id', video({ trackingId: 'Az09-.=,+*()%$&;:@{}!?<>[]'.padEnd(100, 'a') })],
    ['coupon with a tag', coupon({ deliveryTag: 'winter_2026'.padEnd(30, '_') })],
    ['imagemap with everything', imagemap({
      actions: [{ type: 'uri', label: 'A', linkUri: 'tel:09001234567', area }, { type: 'message', text: 'Hi', area }, { type: 'clipboard', clipboardText: 'c', area }],
      video: mapVideo({ externalLink: { linkUri: URL, label: 'More' } }),
    })],
    ['sender', text({ sender: { name: 'Cony', iconUrl: URL } })],
    ['sender without anything', text({ sender: {} })],
    ['quick reply with every action', quickReply(uri(), messageAction(), postback(), picker(), clipboard(), { type: 'camera', label: 'c' },
      { type: 'cameraRoll', label: 'c' }, { type: 'location', label: 'c' })],
    ['members that are new', text({ effect: { type: 'confetti', level: [1, true, null, { a: 'b' }] } })],
    ['members that are undefined', text({ quickReply: undefined, emojis: undefined })],
    ['a member named __proto__', JSON.parse('{"type":"text","text":"a","__proto__":{"type":"nonsense"}}')],
  ])('%s', (_name, message) => {
    expect(check(message)).toBeUndefined();
  });
});

describe('messages that LINE refuses', () => {
  test.each<[string, unknown, string]>([
    ['null', null, ' must be an object, got null; write an object with a `type`'],
    ['a string', 'text', ' must be an object, got a string of 4 UTF-16 code units'],
    ['a number', 1, ' must be an object, got a number'],
    ['a boolean', true, ' must be an object, got a boolean'],
    ['an array', [text()], ' must be an object, got an array of 1'],
    ['nothing', undefined, ' must be an object, got nothing'],
    ['no type', { text: 'a' },
      '.type must be one of text, textV2, sticker, image, video, audio, location, imagemap, template, flex, coupon, got nothing; write one of these types'],
    ['an unknown type', { type: 'file' }, '.type must be one of text, textV2, sticker,'],
    ['a type that objects have', { type: 'constructor' }, '.type must be one of text, textV2, sticker,'],
    ['the type __proto__', { type: '__proto__' }, '.type must be one of text, textV2, sticker,'],
    ['a type that is an object', { type: {} }, '.type must be one of text, textV2, sticker, image, video, audio, location, imagemap, template, flex, coupon, got an object'],
    ['a text of white space', text({ text: ' \n\u3000' }), '.text must be a string of 1 to 5000 UTF-16 code units that is not blank, got a blank string; write a text, or leave out the message'],
    ['no text', { type: 'text' }, '.text must be present, got nothing; add it'],
    ['null as text', text({ text: null }), '.text must be a string of 1 to 5000 UTF-16 code units, got null; write a string'],
    ['a list as text', text({ text: ['a'] }), '.text must be a string of 1 to 5000 UTF-16 code units, got an array of 1; write a string'],
    ['an empty quote token', text({ quoteToken: '' }), '.quoteToken must be a string that is not empty, got an empty string; write something, or leave out what it belongs to'],
    ['emojis as an object', text({ emojis: { 0: {} } }), '.emojis must be an array of 0 to 20, got an object; write an array of so many'],
    ['an emoji without product', text({ emojis: [{ index: 0, emojiId: 'e' }] }), '.emojis[0].productId must be present'],
    ['a sticker with numbers', sticker({ packageId: 446 }), '.packageId must be a string that is not empty, got a number; write a string'],
    ['an image without preview', { type: 'image', originalContentUrl: URL }, '.previewImageUrl must be present'],
    ['a tracking id of 101', video({ trackingId: 'a'.repeat(101) }), '.trackingId must be a string of 1 to 100 UTF-16 code units, got a string of 101'],
    ['a tracking id with a space', video({ trackingId: 'a b' }), '.trackingId must be a string of A-Z, a-z, 0-9 and -.=,+*()%$&;:@{}!?<>[], got a string of 3 UTF-16 code units; correct it'],
    ['a tracking id with a line end', video({ trackingId: 'a\n' }), '.trackingId must be a string of A-Z'],
    ['a tag of 31', coupon({ deliveryTag: 'a'.repeat(31) }), '.deliveryTag must be a string of 1 to 30 UTF-16 code units, got a string of 31'],
    ['a tag with a dash', coupon({ deliveryTag: 'a-b' }), '.deliveryTag must be a string of A-Z, a-z, 0-9 and _, got a string of 3 UTF-16 code units; correct it'],
    ['a coupon without id', { type: 'coupon' }, '.couponId must be present'],
    ['an imagemap with a query', imagemap({ baseUrl: 'https://a.example.com/map?sig=1' }), '.baseUrl must be a URL without query string and fragment, got one with them; serve the five images below a plain path'],
    ['an imagemap with a fragment', imagemap({ baseUrl: 'https://a.example.com/map#a' }), '.baseUrl must be a URL without query string and fragment'],
    ['an imagemap with a template action', imagemap({ actions: [postback()] }), '.actions[0].type must be one of uri, message, clipboard, got a string of 8 UTF-16 code units'],
    ['an area that is missing', imagemap({ actions: [{ type: 'uri', linkUri: URL }] }), '.actions[0].area must be present'],
    ['an area without height', imagemap({ actions: [{ type: 'uri', linkUri: URL, area: { x: 0, y: 0, width: 1 } }] }), '.actions[0].area.height must be present'],
    ['a video without area', imagemap({ video: { originalContentUrl: URL, previewImageUrl: URL } }), '.video.area must be present'],
    ['a link without label', imagemap({ video: mapVideo({ externalLink: { linkUri: URL } }) }), '.video.externalLink.label must be present'],
    ['a quick reply that is a list', text({ quickReply: [uri()] }), '.quickReply must be an object, got an array of 1; write an object'],
    ['a quick reply without type', text({ quickReply: { items: [{ action: uri() }] } }), '.quickReply.items[0].type must be present'],
    ['a quick reply of another type', text({ quickReply: { items: [{ type: 'button', action: uri() }] } }), '.quickReply.items[0].type must be action, got a string of 6 UTF-16 code units; write it exactly so'],
    ['a quick reply without action', text({ quickReply: { items: [{ type: 'action' }] } }), '.quickReply.items[0].action must be present'],
    ['a sender that is a name', text({ sender: 'Cony' }), '.sender must be an object, got a string of 4 UTF-16 code units'],
  ])('%s', (_name, message, expected) => {
    const error = check(message);
    expect(error).toBeInstanceOf(ContentError);
    expect(error?.code).toBe(SendErrorCode.INVALID_CONTENT);
    expect(error?.message).toContain(`messages[0]${expected}`);
  });

  test('no list of messages', () => {
    for (const value of [undefined, null, 'text', {}, text()]) {
      expect(checkMessages(value as unknown as LineMessage[])?.message).toMatch(/^messages must be an array of 1 to 5, got /);
    }
  });

  test('the first problem of the first message that has one', () => {
    expect(check(text(), image({ originalContentUrl: 'x', previewImageUrl: 'y' }), text({ text: '' }))?.message).toMatch(/^messages\[1\]\.originalContentUrl /);
  });
});

describe('hostile JSON', () => {
  const nested = (depth: number, open: string, close: string): unknown => JSON.parse(open.repeat(depth) + '1' + close.repeat(depth));
  const TOO_DEEP = 'messages[0] must be at most 200 objects and arrays in each other, got more; flatten it';

  test('nested 10,000 levels deep is refused, wherever it is', () => {
    expect(wrong(text({ extra: nested(10_000, '[', ']') }))).toBe(TOO_DEEP);
    expect(wrong(text({ extra: nested(10_000, '{"a":', '}') }))).toBe(TOO_DEEP);
    expect(wrong(flex({ type: 'bubble', body: nested(10_000, '{"type":"box","layout":"vertical","contents":[', ']}') }))).toBe(TOO_DEEP);
    expect(wrong(nested(10_000, '[', ']'))).toBe(TOO_DEEP);
  });

  test('nested 200 levels deep is not', () => {
    expect(wrong(text({ extra: nested(199, '[', ']') }))).toBeUndefined();
    expect(wrong(text({ extra: nested(200, '[', ']') }))).toBe(TOO_DEEP);
    // message, bubble and 2 for each of 99 boxes
    const boxes = (count: number): object => Array.from({ length: count - 1 }).reduce<object>((inner) => box([inner]), box([]));
    expect(wrong(flex(bubble({ body: boxes(99) })))).toBeUndefined();
    expect(wrong(flex(bubble({ body: boxes(100) })))).toBe(TOO_DEEP);
  });

  test.each<[string, unknown, string]>([
    ['a text', text({ text: 'a\ud83c' }), '.text'],
    ['a text, the second half', text({ text: '\udf4ea' }), '.text'],
    ['a label', quickReply(uri({ label: '\ud83c' })), '.quickReply.items[0].action.label'],
    ['a member that is new', text({ extra: { list: ['a', '\ud83c'] } }), '.extra.list[1]'],
    ['the name of a member', text({ '\ud83c': 'a' }), '.…'],
    ['a member with a long name', text({ ['a'.repeat(41)]: '\ud83c' }), '.…'],
  ])('with half a surrogate pair in %s is refused', (_name, message, path) => {
    expect(wrong(message)).toMatch(/ must be text that UTF-8 can write, got a string of \d UTF-16 code units with half a surrogate pair; write the whole character; it was probably cut in two$/);
    expect(wrong(message)).toContain(`messages[0]${path} must`);
  });

  test('of many members, and of labels that have to be segmented, is checked in no time', () => {
    const wide = text({ extra: Array.from({ length: 100_000 }, (_, index) => ({ index })) });
    const families = inBody(...Array.from({ length: 25 }, () => button({ action: uri({ label: FAMILY.repeat(40) }) })));
    const start = Date.now();
    expect(check(wide, families, families, families, families)).toBeUndefined();
    expect(Date.now() - start).toBeLessThan(2_000);
  });

  test('never has its text in an error', () => {
    const secret = 'Taro Yamada';
    const messages = [
      text({ text: secret.repeat(1_000) }), textV2({ text: `{${secret}}` }), textV2({ substitution: { [secret]: {} } }), { type: secret },
      image({ originalContentUrl: secret }), video({ trackingId: secret }), quickReply(uri({ uri: secret })),
      quickReply({ type: secret, label: secret }), text({ [secret]: '\ud83c' }), inBody(flexText({ text: 'a', weight: secret })),
    ];
    for (const message of messages) {
      expect(wrong(message)).toBeDefined();
      expect(wrong(message)).not.toContain('Taro');
    }
  });
});
