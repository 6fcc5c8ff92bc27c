import { createHash } from 'crypto';
import * as fc from 'fast-check';
import { replyMatcher } from '../../../src/domain/line/match-reply';
import { NoWebhook, Webhook, parseWebhook } from '../../../src/domain/line/webhook-request';

const BOT = 'U8e742f61d673b39c7fff3cecb7536ef0';
const USER = 'U00000000000000000000000000000001';
const EVENT_ID = '01FZ74A0TDDPYRVKNK77XKC3ZR';
const FOLLOW = {
  type: 'follow',
  mode: 'active',
  timestamp: 1625665242214,
  source: { type: 'user', userId: USER },
  webhookEventId: EVENT_ID,
  deliveryContext: { isRedelivery: false },
  replyToken: 'bb17',
  follow: { isUnblocked: false },
};

const NOW = 1625665242214;
const DAY = 24 * 60 * 60 * 1000;
const MAX_BYTES = 258_048;

const NO_RULES = () => undefined;
const parseText = (body: string, includeMessageText = false) => parseWebhook(Buffer.from(body), { includeMessageText, matchReply: NO_RULES }, NOW);
const parseEvents = (events: unknown, includeMessageText = false) =>
  parseText(JSON.stringify({ destination: BOT, events }), includeMessageText) as Webhook;
const queuedEvent = (event: object, includeMessageText = false) => JSON.parse(parseEvents([event], includeMessageText).entries[0].body).event;
const hash = (text: string) => createHash('sha256').update(text).digest('hex');
const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

describe('the request', () => {
  test.each([
    ['nothing', '', 'the body is not JSON'],
    ['no JSON', 'hello', 'the body is not JSON'],
    ['cut off', '{"destination":"U8","events":[', 'the body is not JSON'],
    ['a megabyte of open brackets', '['.repeat(1_000_000), 'the body is not JSON'],
    ['a list a hundred thousand deep', nested(100_000), 'the body is not a JSON object'],
    ['a text', '"events"', 'the body is not a JSON object'],
    ['null', 'null', 'the body is not a JSON object'],
    ['without events', `{"destination":"${BOT}"}`, '"events" is missing or not a list'],
    ['events of a wrong type', `{"destination":"${BOT}","events":{"0":{}}}`, '"events" is missing or not a list'],
    ['events null', `{"destination":"${BOT}","events":null}`, '"events" is missing or not a list'],
    ['events but no destination', '{"events":[{}]}', '"destination" is missing or not a text of 1 to 256 characters'],
    ['events and a destination of a wrong type', '{"destination":7,"events":[{}]}', '"destination" is missing or not a text of 1 to 256 characters'],
    ['events and an empty destination', '{"destination":"","events":[{}]}', '"destination" is missing or not a text of 1 to 256 characters'],
    ['events and a huge destination', `{"destination":"${'U'.repeat(257)}","events":[{}]}`, '"destination" is missing or not a text of 1 to 256 characters'],
  ])('is no webhook when it is %s', (_case, body, reason) => {
    expect(parseText(body)).toEqual({ kind: 'no-webhook', reason });
  });

  test.each([
    ['LINE\'s check', `{"destination":"${BOT}","events":[]}`],
    ['a check without a destination', '{"events":[]}'],
  ])('is a webhook without events when it is %s', (_case, body) => {
    expect(parseText(body)).toEqual({ kind: 'webhook', entries: [], setAside: [] });
  });

  test('is read from its bytes, also from a view into a larger buffer', () => {
    // GIVEN
    const bytes = Buffer.from(`xxx${JSON.stringify({ destination: BOT, events: [FOLLOW] })}yyy`).subarray(3, -3);
    // WHEN
    const webhook = parseWebhook(bytes, { includeMessageText: false, matchReply: NO_RULES }, NOW) as Webhook;
    // THEN
    expect(webhook.entries).toHaveLength(1);
  });

  test('counts the last of duplicate members', () => {
    const webhook = parseText(`{"events":7,"destination":"first","destination":"${BOT}","events":[{"type":1,"type":"a","timestamp":1,"webhookEventId":"e"}]}`) as Webhook;
    expect(webhook.entries.map(({ body }) => JSON.parse(body))).toEqual([{ destination: BOT, event: { type: 'a', timestamp: 1, webhookEventId: 'e' } }]);
  });
});

describe('an event', () => {
  test('becomes a queue entry with everything that LINE sent', () => {
    // WHEN
    const [entry] = parseEvents([FOLLOW]).entries;
    // THEN
    expect(entry).toMatchObject({ groupId: USER, deduplicationId: EVENT_ID, bytes: Buffer.byteLength(entry.body) });
    expect(JSON.parse(entry.body)).toEqual({ destination: BOT, event: FOLLOW });
  });

  test.each([
    ['the user', { type: 'user', userId: USER }, USER],
    ['the user of a group', { type: 'group', groupId: 'C1', userId: USER }, USER],
    ['the group', { type: 'group', groupId: 'C1' }, 'C1'],
    ['the room', { type: 'room', roomId: 'R1' }, 'R1'],
    ['itself, of a source without ids', { type: 'user' }, EVENT_ID],
    ['itself, of a source with unusable ids', { userId: 7, groupId: '', roomId: null }, EVENT_ID],
    ['itself, of a source that is no object', 'user', EVENT_ID],
    ['itself, without a source', undefined, EVENT_ID],
    ['a hash, of an id that SQS does not take', { userId: 'U 1' }, hash('U 1')],
    ['a hash, of an id in Japanese', { userId: 'ユーザー' }, hash('ユーザー')],
    ['a hash, of an id that is too long for SQS', { userId: 'U'.repeat(129) }, hash('U'.repeat(129))],
    ['the id, at SQS\'s limit', { userId: 'U'.repeat(128) }, 'U'.repeat(128)],
  ])('is grouped by %s', (_case, source, groupId) => {
    expect(parseEvents([{ ...FOLLOW, source }]).entries[0].groupId).toBe(groupId);
  });

  test.each([
    ['as it is', '01FZ!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', '01FZ!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'],
    ['hashed when it has a blank', '01 FZ', hash('01 FZ')],
    ['hashed when it has a line break', '01FZ\n', hash('01FZ\n')],
    ['hashed when it is too long', 'e'.repeat(129), hash('e'.repeat(129))],
  ])('is deduplicated by its id, %s', (_case, webhookEventId, deduplicationId) => {
    expect(parseEvents([{ ...FOLLOW, webhookEventId }]).entries[0].deduplicationId).toBe(deduplicationId);
  });

  test('of an unknown type, with unknown members, passes as it is', () => {
    const event = { type: 'somethingNew', timestamp: 0, webhookEventId: 'e', poll: { question: 'x' }, list: [1, null, 'a'] };
    expect(queuedEvent(event)).toEqual(event);
  });

  test('keeps a member by the name __proto__ a member', () => {
    const webhook = parseText(`{"destination":"${BOT}","events":[{"type":"a","timestamp":1,"webhookEventId":"e","__proto__":{"polluted":1}}]}`) as Webhook;
    expect(webhook.entries[0].body).toContain('"__proto__":{"polluted":1}');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('is written with characters that SQS takes only', () => {
    // GIVEN what XML has no place for: control characters, a lone surrogate, U+FFFE, U+FFFF
    const data = 'a\u0000\u001f\ud800\ufffe\uffffb\u{1f389}';
    // WHEN
    const [{ body, bytes }] = parseEvents([{ ...FOLLOW, type: 'postback', postback: { data } }]).entries;
    // THEN
    expect(body).not.toMatch(/[\u0000-\u001f\ufffe\uffff]/);
    expect(bytes).toBe(Buffer.byteLength(body));
    expect(JSON.parse(body).event.postback.data).toBe(data.replace('\ud800', '\ufffd'));
  });
});

describe('an event is set aside when', () => {
  const without = (member: string) => Object.fromEntries(Object.entries(FOLLOW).filter(([name]) => name !== member));

  test.each([
    ['it is a number', 7, 'the event is not an object', undefined],
    ['it is null', null, 'the event is not an object', undefined],
    ['it is a list', [FOLLOW], 'the event is not an object', undefined],
    ['it has no type', without('type'), '"type" is missing or not a text of 1 to 128 characters', EVENT_ID],
    ['its type is empty', { ...FOLLOW, type: '' }, '"type" is missing or not a text of 1 to 128 characters', EVENT_ID],
    ['its type is no text', { ...FOLLOW, type: { a: 1 } }, '"type" is missing or not a text of 1 to 128 characters', EVENT_ID],
    ['it has no id', without('webhookEventId'), '"webhookEventId" is missing or not a text of 1 to 256 characters', undefined],
    ['its id is a number', { ...FOLLOW, webhookEventId: 7 }, '"webhookEventId" is missing or not a text of 1 to 256 characters', undefined],
    ['its id is huge', { ...FOLLOW, webhookEventId: 'e'.repeat(257) }, '"webhookEventId" is missing or not a text of 1 to 256 characters', undefined],
    ['it has no time', without('timestamp'), '"timestamp" is missing or not a time in epoch milliseconds', EVENT_ID],
    ['its time is a text', { ...FOLLOW, timestamp: '1625665242214' }, '"timestamp" is missing or not a time in epoch milliseconds', EVENT_ID],
    ['its time is a fraction', { ...FOLLOW, timestamp: 1.5 }, '"timestamp" is missing or not a time in epoch milliseconds', EVENT_ID],
    ['its time is before 1970', { ...FOLLOW, timestamp: -1 }, '"timestamp" is missing or not a time in epoch milliseconds', EVENT_ID],
    ['its time is more than a day ahead', { ...FOLLOW, timestamp: NOW + DAY + 1 }, '"timestamp" is more than a day ahead', EVENT_ID],
    ['its time is beyond any date', { ...FOLLOW, timestamp: 8.64e15 + 2 }, '"timestamp" is more than a day ahead', EVENT_ID],
    ['its type is too long for the bus', { ...FOLLOW, type: 'x'.repeat(129) }, '"type" is missing or not a text of 1 to 128 characters', EVENT_ID],
    ['a number in it does not fit into 64 bits', { ...FOLLOW, extra: [{ n: 2 ** 63 }] }, 'a number in the event does not fit into 64 bits', EVENT_ID],
    ['a negative number in it does not', { ...FOLLOW, extra: -1e300 }, 'a number in the event does not fit into 64 bits', EVENT_ID],
    ['it is nested too deeply', { ...FOLLOW, extra: JSON.parse(nested(64)) }, 'the event is nested deeper than 64 levels', EVENT_ID],
    ['it is too large for the bus', { ...FOLLOW, extra: 'x'.repeat(MAX_BYTES) }, `the event is larger than ${MAX_BYTES} bytes`, EVENT_ID],
    ['it is too large for the bus in bytes', { ...FOLLOW, extra: 'あ'.repeat(MAX_BYTES / 3) }, `the event is larger than ${MAX_BYTES} bytes`, EVENT_ID],
  ])('%s', (_case, event, reason, webhookEventId) => {
    // WHEN
    const { entries, setAside } = parseEvents([FOLLOW, event, FOLLOW]);
    // THEN the events around it are kept
    expect(entries).toHaveLength(2);
    expect(setAside).toEqual([{ index: 1, reason, ...(webhookEventId && { webhookEventId }) }]);
  });

  test('its webhook names no bot', () => {
    const { entries, setAside } = parseText(JSON.stringify({ destination: 'U8', events: [FOLLOW] })) as Webhook;
    expect(entries).toEqual([]);
    expect(setAside).toEqual([{ index: 0, reason: '"destination" is not the user id of a bot (U and 32 digits of 0-9 and a-f)', webhookEventId: EVENT_ID }]);
  });

  test('its time is infinite', () => {
    const { setAside } = parseText(`{"destination":"${BOT}","events":[{"type":"a","webhookEventId":"e","timestamp":1e999}]}`) as Webhook;
    expect(setAside).toEqual([{ index: 0, reason: '"timestamp" is missing or not a time in epoch milliseconds', webhookEventId: 'e' }]);
  });

  test('it is nested a hundred thousand levels deep', () => {
    const body = `{"destination":"${BOT}","events":[${JSON.stringify(FOLLOW)},{"type":"a","webhookEventId":"e","timestamp":1,"extra":${nested(100_000)}}]}`;
    const { entries, setAside } = parseText(body) as Webhook;
    expect(entries).toHaveLength(1);
    expect(setAside).toEqual([{ index: 1, reason: 'the event is nested deeper than 64 levels', webhookEventId: 'e' }]);
  });

  test.each([
    ['nested as deeply as allowed', { ...FOLLOW, extra: JSON.parse(nested(63)) }],
    ['of a day ahead', { ...FOLLOW, timestamp: NOW + DAY }],
    ['with the largest numbers', { ...FOLLOW, extra: [Number.MAX_SAFE_INTEGER, -9e18, 0.5] }],
    ['as large as the bus takes', { ...FOLLOW, extra: 'x'.repeat(MAX_BYTES - parseEvents([{ ...FOLLOW, extra: '' }]).entries[0].bytes) }],
  ])('but not an event %s', (_case, event) => {
    expect(parseEvents([event])).toMatchObject({ setAside: [], entries: [{ groupId: USER }] });
  });
});

describe('what people wrote', () => {
  const text = {
    id: '444573844083572737',
    type: 'text',
    quoteToken: 'q3Plxr4AgKd',
    markAsReadToken: '30yhdy232',
    quotedMessageId: '468789577898262530',
    text: 'PRIVATE @All @example Good Morning!! (love)',
    emojis: [{ index: 29, length: 6, productId: '5ac1bfd5040ab15980c9b435', emojiId: 'PRIVATE' }],
    mention: { mentionees: [{ index: 0, length: 4, type: 'PRIVATE' }] },
  };
  const MESSAGES: [string, object, object][] = [
    ['text', text,
      { id: '444573844083572737', type: 'text', quoteToken: 'q3Plxr4AgKd', markAsReadToken: '30yhdy232', quotedMessageId: '468789577898262530' }],
    ['sticker', { id: '1', type: 'sticker', packageId: '2', stickerId: '3', stickerResourceType: 'STATIC', keywords: ['PRIVATE'], text: 'PRIVATE', quoteToken: 'q' },
      { id: '1', type: 'sticker', packageId: '2', stickerId: '3', stickerResourceType: 'STATIC', quoteToken: 'q' }],
    ['file', { id: '1', type: 'file', fileName: 'PRIVATE.txt', fileSize: 2138 }, { id: '1', type: 'file', fileSize: 2138 }],
    ['location', { id: '1', type: 'location', title: 'PRIVATE', address: 'PRIVATE', latitude: 35.67, longitude: 139.65 }, { id: '1', type: 'location' }],
    ['image', { id: '1', type: 'image', contentProvider: { type: 'line' }, imageSet: { id: 's', index: 1, total: 2 }, quoteToken: 'q' },
      { id: '1', type: 'image', contentProvider: { type: 'line' }, imageSet: { id: 's', index: 1, total: 2 }, quoteToken: 'q' }],
    ['audio', { id: '1', type: 'audio', duration: 60000, contentProvider: { type: 'line' } }, { id: '1', type: 'audio', duration: 60000, contentProvider: { type: 'line' } }],
    ['a type that is not known yet', { id: '1', type: 'poll', question: 'PRIVATE' }, { id: '1', type: 'poll' }],
  ];

  test.each(MESSAGES)('is left out of a message of type %s', (_case, message, expected) => {
    expect(queuedEvent({ ...FOLLOW, type: 'message', message })).toEqual({ ...FOLLOW, type: 'message', message: expected });
  });

  test.each(['messageEdited', 'somethingNew'])('is left out of an event of type %s', (type) => {
    expect(JSON.stringify(queuedEvent({ ...FOLLOW, type, message: text }))).not.toContain('PRIVATE');
  });

  test.each([['a text', 'PRIVATE'], ['a list', ['PRIVATE']], ['null', null]])('is left out when message is %s', (_case, message) => {
    expect(queuedEvent({ ...FOLLOW, type: 'message', message })).toEqual({ ...FOLLOW, type: 'message' });
  });

  test.each(MESSAGES)('passes in a message of type %s when it was asked for', (_case, message) => {
    expect(queuedEvent({ ...FOLLOW, type: 'message', message }, true)).toEqual({ ...FOLLOW, type: 'message', message });
  });

  test('does not count for the size when it is left out', () => {
    const event = { ...FOLLOW, type: 'message', message: { id: '1', type: 'text', text: 'x'.repeat(1_000_000) } };
    expect(parseEvents([event]).entries).toHaveLength(1);
    expect(parseEvents([event], true).setAside).toHaveLength(1);
  });
});

describe('an event that a rule replies to', () => {
  const matchReply = replyMatcher([
    { id: 'hello', match: { kind: 'follow' } },
    { id: 'r1', match: { kind: 'text', keywords: ['private opening hours'] } },
    { id: 'r2', match: { kind: 'text', contains: ['PRIVATE'] } },
  ]);
  const queuedWith = (event: object, includeMessageText = false) => {
    const body = Buffer.from(JSON.stringify({ destination: BOT, events: [event] }));
    return (parseWebhook(body, { includeMessageText, matchReply }, NOW) as Webhook).entries[0].body;
  };
  const words = (text: string) => ({ ...FOLLOW, type: 'message', message: { type: 'text', id: '1', text } });

  test('names the rule, and when it came', () => {
    expect(JSON.parse(queuedWith(FOLLOW))).toEqual({ destination: BOT, event: FOLLOW, reply: 'hello', receivedAt: NOW });
  });

  test('names it by a text that goes no further', () => {
    // WHEN
    const body = queuedWith(words('Private OPENING hours'));
    // THEN
    const event = { ...FOLLOW, type: 'message', message: { type: 'text', id: '1' } };
    expect(JSON.parse(body)).toEqual({ destination: BOT, event, reply: 'r1', receivedAt: NOW });
    expect(body).not.toMatch(/private|opening|hours/i);
  });

  test('whatever it says, no word of it passes', () => {
    fc.assert(fc.property(fc.stringMatching(/^[ -~]{0,30}$/), fc.stringMatching(/^[ -~]{0,30}$/), (before, after) => {
      const body = queuedWith(words(`${before}PrIvAtE${after}`));
      expect(JSON.parse(body)).toMatchObject({ event: { message: { type: 'text', id: '1' } }, reply: 'r2' });
      expect(JSON.parse(body).event.message).not.toHaveProperty('text');
    }));
  });

  test('has its text when that was asked for', () => {
    expect(JSON.parse(queuedWith(words('PRIVATE'), true))).toMatchObject({ event: { message: { text: 'PRIVATE' } }, reply: 'r2' });
  });

  test.each([['of no rule', words('hi')], ['in standby', { ...FOLLOW, mode: 'standby' }]])('names none %s', (_name, event) => {
    expect(Object.keys(JSON.parse(queuedWith(event)))).toEqual(['destination', 'event']);
  });
});

test('a megabyte of a hundred events of fifty people is all kept, in order', () => {
  // GIVEN
  const events = Array.from({ length: 100 }, (_, i) => ({
    ...FOLLOW, webhookEventId: `e${i}`, source: { type: 'user', userId: `U${i % 50}` }, extra: 'x'.repeat(10_000),
  }));
  // WHEN
  const { entries, setAside } = parseEvents(events);
  // THEN
  expect(setAside).toEqual([]);
  expect(entries.map((entry) => entry.deduplicationId)).toEqual(events.map((event) => event.webhookEventId));
});

describe('whatever the body is', () => {
  const isAccountedFor = (result: Webhook | NoWebhook, events: number) => result.kind === 'webhook'
    && result.entries.length + result.setAside.length === events
    && result.entries.every((entry) => /^[!-~]{1,128}$/.test(entry.groupId) && /^[!-~]{1,128}$/.test(entry.deduplicationId) && entry.bytes <= MAX_BYTES);

  test('bytes are answered', () => {
    fc.assert(fc.property(fc.uint8Array(), (body) => ['webhook', 'no-webhook'].includes(parseWebhook(body, { includeMessageText: false, matchReply: NO_RULES }, NOW).kind)));
  });

  test('JSON is answered', () => {
    fc.assert(fc.property(fc.json(), (body) => ['webhook', 'no-webhook'].includes(parseText(body, true).kind)));
  });

  test('every event is queued or set aside', () => {
    const event = fc.oneof(fc.jsonValue(), fc.record({
      type: fc.oneof(fc.string(), fc.jsonValue()),
      webhookEventId: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
      timestamp: fc.oneof(fc.nat(), fc.jsonValue()),
      source: fc.oneof(fc.record({ userId: fc.string({ unit: 'binary' }) }, { requiredKeys: [] }), fc.jsonValue()),
      message: fc.jsonValue(),
    }, { requiredKeys: [] }));
    fc.assert(fc.property(fc.array(event), (events) => isAccountedFor(parseEvents(events), events.length)));
  });
});
