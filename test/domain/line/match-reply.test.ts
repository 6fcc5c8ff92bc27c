import * as fc from 'fast-check';
import { ReplyMatch, replyText } from '../../../src/contract/replies';
import { LineEvent } from '../../../src/contract/webhook-events';
import { replyMatcher } from '../../../src/domain/line/match-reply';

const USER = { type: 'user', userId: `U${'a'.repeat(32)}` };
const EVENT: LineEvent = { type: 'follow', mode: 'active', timestamp: 1, webhookEventId: 'e', replyToken: 'token', source: USER };
const text = (words: unknown, more: object = {}): LineEvent => ({ ...EVENT, type: 'message', message: { type: 'text', id: '1', text: words }, ...more });
const postback = (data: unknown, more: object = {}): LineEvent => ({ ...EVENT, type: 'postback', postback: { data }, ...more });

const RULES: { id: string; match: ReplyMatch }[] = [
  { id: 'rest', match: { kind: 'other' } },
  { id: 'hello', match: { kind: 'follow' } },
  { id: 'hours', match: { kind: 'text', keywords: ['営業時間', 'opening hours', 'ｶﾞｲﾄﾞ'] } },
  { id: 'refund', match: { kind: 'text', contains: ['Refund'] } },
  { id: 'stop', match: { kind: 'text', keywords: ['refund policy'], contains: ['stop'] } },
  { id: 'menu', match: { kind: 'postback', data: ['menu=1', 'menu=2'] } },
  { id: 'shop', match: { kind: 'postback', prefix: 'shop=' } },
];
const match = replyMatcher(RULES);

test.each<[string, LineEvent, string | undefined]>([
  ['a follow', EVENT, 'hello'],
  ['a keyword', text('営業時間'), 'hours'],
  ['a keyword in another case', text('Opening HOURS'), 'hours'],
  ['a keyword with space around it, also of full width', text('\u3000 opening hours\n'), 'hours'],
  ['a keyword of full width', text('ｏｐｅｎｉｎｇ　ｈｏｕｒｓ'), 'hours'],
  ['a keyword that the rule writes in half width', text('ガイド'), 'hours'],
  ['a text with a keyword in it', text('opening hours?'), 'rest'],
  ['a part of a text', text('I want a ＲＥＦＵＮＤ, now'), 'refund'],
  ['a text that two rules are for: the first one', text('refund policy'), 'refund'],
  ['a part of the second rule', text('please stop'), 'stop'],
  ['a text of no rule', text('hi'), 'rest'],
  ['an empty text', text(''), 'rest'],
  ['postback data', postback('menu=2'), 'menu'],
  ['postback data in another case', postback('MENU=2'), 'rest'],
  ['postback data of a keyword', postback('opening hours'), 'rest'],
  ['postback data with the prefix', postback('shop=3'), 'shop'],
  ['the prefix inside', postback('x&shop=3'), 'rest'],
  ['a keyword in a group', text('営業時間', { source: { type: 'group', groupId: 'C1', userId: USER.userId } }), 'hours'],
  ['any other text in a group', text('hi', { source: { type: 'group', groupId: 'C1' } }), undefined],
  ['any other postback in a room', postback('x', { source: { type: 'room', roomId: 'R1' } }), undefined],
  ['an event without a source', text('hi', { source: undefined }), undefined],
  ['a sticker', { ...EVENT, type: 'message', message: { type: 'sticker', id: '1', text: '営業時間' } }, undefined],
  ['another event', { ...EVENT, type: 'beacon' }, undefined],
  ['an event in standby', text('営業時間', { mode: 'standby' }), undefined],
  ['an event without a reply token', text('営業時間', { replyToken: undefined }), undefined],
  ['an event with an empty reply token', text('営業時間', { replyToken: '' }), undefined],
  ['a message that is none', { ...EVENT, type: 'message', message: null }, undefined],
  ['a text that is none', text(['営業時間']), undefined],
  ['a postback that is none', postback({ data: 'menu=1' }), undefined],
])('%s is answered by its rule', (_name, event, id) => {
  expect(match(event)).toBe(id);
});

test('an event is for no rule where there is none, nor for one of a kind that is not known yet', () => {
  expect(replyMatcher([])(EVENT)).toBeUndefined();
  expect(replyMatcher([{ id: 'new', match: { kind: 'sticker' } as unknown as ReplyMatch }])(EVENT)).toBeUndefined();
});

test('a megabyte of text is answered in no time, by its beginning', () => {
  const begin = performance.now();
  expect(match(text(`refund ${'ﷺ'.repeat(1_000_000)}`))).toBe('refund');
  expect(match(text(`${'ﷺ'.repeat(1_000_000)} refund`))).toBe('rest');
  expect(performance.now() - begin).toBeLessThan(500);
});

test('whatever the event is, matching it does not throw', () => {
  const member = fc.oneof(fc.jsonValue(), fc.constantFrom('follow', 'message', 'postback', 'text', 'active', 'token'));
  fc.assert(fc.property(fc.record({
    type: member,
    mode: member,
    replyToken: member,
    source: member,
    message: fc.oneof(member, fc.record({ type: member, text: member })),
    postback: fc.oneof(member, fc.record({ data: member })),
  }, { requiredKeys: [] }), (event) => {
    expect([undefined, ...RULES.map(({ id }) => id)]).toContain(match(event as unknown as LineEvent));
  }));
});

test('how a keyword is written, and how a person writes it, does not matter', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter((word) => replyText(word) !== ''), (word) => {
    const matches = replyMatcher([{ id: 'it', match: { kind: 'text', keywords: [replyText(word)] } }]);
    expect([word, ` ${word}\u3000`, replyText(word)].map((written) => matches(text(written)))).toEqual(['it', 'it', 'it']);
  }));
});
