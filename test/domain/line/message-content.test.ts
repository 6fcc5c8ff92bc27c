import * as fc from 'fast-check';
import { SendErrorCode } from '../../../src/contract/custom-channel';
import { MessageType } from '../../../src/contract/media';
import { ContentError } from '../../../src/domain/line/content-error';
import { MessageContent, parseContent } from '../../../src/domain/line/message-content';

const TYPES: MessageType[] = ['text', 'image', 'audio', 'video'];
const URL_1 = 'https://media.example.com/a.jpg';
const URL_2 = 'https://media.example.com/b.jpg';

function parse(messageType: MessageType, data: unknown, sampleMessages = false): MessageContent | ContentError {
  return parseContent(data, { messageType, sampleMessages });
}

function code(result: MessageContent | ContentError): SendErrorCode | undefined {
  return result instanceof ContentError ? result.code : undefined;
}

function message(result: MessageContent | ContentError): string {
  return result instanceof ContentError ? result.message : '';
}

describe('blank data', () => {
  test.each([[undefined], [null], [''], [' \n\t'], ['\u3000']])('%j is EMPTY_CONTENT when sample messages are off', (data) => {
    for (const type of TYPES) {
      expect(code(parse(type, data))).toBe(SendErrorCode.EMPTY_CONTENT);
    }
  });

  test.each<[MessageType, MessageContent]>([
    ['text', { kind: 'messages', messages: [{ type: 'text', text: 'Hello from your LINE channel. This is a sample message.' }] }],
    ['image', { kind: 'image', key: 'line-sample/image.png' }],
    ['audio', { kind: 'audio', key: 'line-sample/audio.m4a', duration: 2_000 }],
    ['video', { kind: 'video', key: 'line-sample/video.mp4', previewKey: 'line-sample/video-cover.png' }],
  ])('sends the sample %s when they are on', (type, sample) => {
    expect(parse(type, ' ', true)).toEqual(sample);
    expect(parse(type, undefined, true)).toEqual(sample);
  });

  test.each([[5], [true], [{}], [['a']]])('data that is %j and no string is INVALID_CONTENT, also with sample messages', (data) => {
    expect(code(parse('text', data, true))).toBe(SendErrorCode.INVALID_CONTENT);
  });
});

describe('text', () => {
  test.each([
    ['plain', 'Hello'],
    ['with blanks kept', '  Hello\n'],
    ['with commas and quotes', '"Hello", she said'],
    ['a label in brackets', '[SALE] 20%'],
    ['braces', '{hi}'],
    ['an unfinished placeholder', 'Hi {{name'],
    ['a JSON string', '"x"'],
    ['a JSON number', '123'],
    ['JSON null', 'null'],
    ['a JSON object without a marker', '{"hello":"world"}'],
    ['a JSON array without objects', '["type","text"]'],
    ['an empty JSON array', '[]'],
    ['an array of objects without a type', '[{"text":"a"}]'],
    ['broken JSON', '{"type":"text"'],
    ['Japanese and emoji', '20%オフ🎉'],
    ['5,000 code units', 'x'.repeat(5_000)],
    ['2,500 emoji', '🎉'.repeat(2_500)],
  ])('%s is sent as it is', (_case, text) => {
    expect(parse('text', text)).toEqual({ kind: 'messages', messages: [{ type: 'text', text }] });
  });

  test.each([
    ['5,001 code units', 'x'.repeat(5_001)],
    ['2,501 emoji', '🎉'.repeat(2_501)],
  ])('%s are TEXT_TOO_LONG; the message has length and limit, not the text', (_case, text) => {
    // WHEN
    const result = parse('text', text);
    // THEN
    expect(code(result)).toBe(SendErrorCode.TEXT_TOO_LONG);
    expect(message(result)).toContain(`${text.length} UTF-16 code units; LINE takes 5000`);
    expect(message(result)).not.toContain('xx');
    expect(message(result)).not.toContain('🎉');
  });
});

describe('keys of media objects', () => {
  test.each<[MessageType, string, MessageContent]>([
    ['image', 'spring.png', { kind: 'image', key: 'spring.png' }],
    ['image', 'a b+c/春の 写真.JPG', { kind: 'image', key: 'a b+c/春の 写真.JPG' }],
    ['image', ' spring.jpeg , small.png ', { kind: 'image', key: 'spring.jpeg', previewKey: 'small.png' }],
    ['image', '"a,b.png"', { kind: 'image', key: 'a,b.png' }],
    ['image', '" a.png", "x""y.png" ', { kind: 'image', key: ' a.png', previewKey: 'x"y.png' }],
    ['image', 'the "best".png', { kind: 'image', key: 'the "best".png' }],
    ['audio', 'jingle.m4a,2000', { kind: 'audio', key: 'jingle.m4a', duration: 2_000 }],
    ['audio', '"a, b.mp3" , 60000', { kind: 'audio', key: 'a, b.mp3', duration: 60_000 }],
    ['video', 'film.mp4,cover.jpg', { kind: 'video', key: 'film.mp4', previewKey: 'cover.jpg' }],
    ['image', '{"key":"a,b.png"}', { kind: 'image', key: 'a,b.png' }],
    ['image', '{"key":"a.png","previewKey":"b.jpg"}', { kind: 'image', key: 'a.png', previewKey: 'b.jpg' }],
    ['audio', '{"key":"a.mp3","duration":1500}', { kind: 'audio', key: 'a.mp3', duration: 1_500 }],
    ['video', '{"key":"a.mp4","previewKey":"b.jpg"}', { kind: 'video', key: 'a.mp4', previewKey: 'b.jpg' }],
    ['video', '{"key":"a.mp4","previewKey":"b.jpg","trackingId":"spring-1"}',
      { kind: 'video', key: 'a.mp4', previewKey: 'b.jpg', trackingId: 'spring-1' }],
  ])('%s: %s', (type, data, expected) => {
    expect(parse(type, data)).toEqual(expected);
  });

  test.each<[MessageType, string, SendErrorCode, RegExp]>([
    // parts
    ['image', 'a.png,b.png,c.png', SendErrorCode.INVALID_CONTENT, /3 parts; write `key` or `key,preview key`/],
    ['audio', 'a.mp3', SendErrorCode.INVALID_CONTENT, /1 part; write `key,milliseconds`/],
    ['video', 'a.mp4', SendErrorCode.INVALID_CONTENT, /1 part; write `key,cover key`/],
    ['image', '"a.png', SendErrorCode.INVALID_CONTENT, /part 1 of `Data` begins with a double quote/],
    ['image', ' "a.png"x', SendErrorCode.INVALID_CONTENT, /part 1 of `Data` begins with a double quote/],
    ['image', 'a.png,"b', SendErrorCode.INVALID_CONTENT, /part 2 of `Data` begins with a double quote/],
    ['image', 'a.png,', SendErrorCode.INVALID_CONTENT, /part 2 of `Data` must be an S3 object key .* a string of 0/],
    ['image', ',b.png', SendErrorCode.INVALID_CONTENT, /part 1/],
    // extensions
    ['image', 'a.gif', SendErrorCode.MEDIA_WRONG_TYPE, /part 1 of `Data` ends in \.gif; LINE takes \.jpg, \.jpeg, \.png/],
    ['image', 'a', SendErrorCode.MEDIA_WRONG_TYPE, /without an extension/],
    ['image', 'Dear friend, hello', SendErrorCode.MEDIA_WRONG_TYPE, /without an extension/],
    ['image', '{"hello":"world"}', SendErrorCode.MEDIA_WRONG_TYPE, /without an extension/],
    ['image', 'a.png,b.mp4', SendErrorCode.MEDIA_WRONG_TYPE, /part 2 .* \.mp4/],
    ['audio', 'a.wav,1', SendErrorCode.MEDIA_WRONG_TYPE, /\.mp3, \.m4a/],
    ['video', 'a.mov,b.png', SendErrorCode.MEDIA_WRONG_TYPE, /takes \.mp4/],
    ['video', 'a.mp4,b.mp4', SendErrorCode.MEDIA_WRONG_TYPE, /part 2/],
    // durations
    ...['0', '-1', '1.5', '1e3', 'soon', '', '5000 ms', '９', '99999999999999999999'].map((duration): [MessageType, string, SendErrorCode, RegExp] =>
      ['audio', `a.mp3,${duration}`, SendErrorCode.INVALID_CONTENT, /part 2 of `Data` must be the duration in milliseconds, a positive integer/]),
    ['audio', '{"key":"a.mp3"}', SendErrorCode.INVALID_CONTENT, /`duration` .* got nothing/],
    ['audio', '{"key":"a.mp3","duration":"5"}', SendErrorCode.INVALID_CONTENT, /`duration` .* got a string of 1/],
    ['audio', '{"key":"a.mp3","duration":1.5}', SendErrorCode.INVALID_CONTENT, /got 1\.5/],
    // keys
    ['image', '../secret.png', SendErrorCode.INVALID_CONTENT, /without `\.` and `\.\.`/],
    ['image', 'a/./b.png', SendErrorCode.INVALID_CONTENT, /without `\.` and `\.\.`/],
    ['image', `${'春'.repeat(341)}.png`, SendErrorCode.INVALID_CONTENT, /1 to 1024 bytes/],
    ['image', '\ud83d.png', SendErrorCode.INVALID_CONTENT, /UTF-8/],
    ['image', '{"key":null}', SendErrorCode.INVALID_CONTENT, /`key` .* got null/],
    ['image', '{"key":["a.png"]}', SendErrorCode.INVALID_CONTENT, /got an array of 1/],
    ['image', '{"key":{"a":1}}', SendErrorCode.INVALID_CONTENT, /got an object/],
    ['image', '{"key":false}', SendErrorCode.INVALID_CONTENT, /got false/],
    ['image', '{"key":"a.png","previewKey":5}', SendErrorCode.INVALID_CONTENT, /`previewKey`/],
    // shorthand
    ['text', '{"key":"a.png"}', SendErrorCode.INVALID_CONTENT, /this function sends text/],
    ['image', '{"key":"a.png","duration":5}', SendErrorCode.UNSUPPORTED_CONTENT, /1 member .* it takes key, previewKey/],
    ['audio', '{"key":"a.mp3","duration":5,"x":1,"y":2}', SendErrorCode.UNSUPPORTED_CONTENT, /2 members/],
    ['video', '{"key":"a.mp4"}', SendErrorCode.INVALID_CONTENT, /`previewKey`/],
    ['video', '{"key":"a.mp4","previewKey":"b.jpg","trackingId":"a b"}', SendErrorCode.INVALID_CONTENT, /`trackingId`/],
    ['video', '{"key":"a.mp4","previewKey":"b.jpg","trackingId":7}', SendErrorCode.INVALID_CONTENT, /`trackingId`/],
  ])('%s: %s is %s', (type, data, expectedCode, expectedMessage) => {
    const result = parse(type, data);
    expect(code(result)).toBe(expectedCode);
    expect(message(result)).toMatch(expectedMessage);
  });
});

describe('LINE message objects', () => {
  const text = { type: 'text', text: 'Hello' };
  const image = { type: 'image', originalContentUrl: URL_1, previewImageUrl: URL_2 };
  const audio = { type: 'audio', originalContentUrl: URL_1, duration: 5_000 };
  const video = { type: 'video', originalContentUrl: URL_1, previewImageUrl: URL_2 };
  const tracked = { ...video, trackingId: 'a-Z0.=,+*()%$&;:@{}!?<>[]'.slice(0, 100) };

  test.each([
    ['one', text, [text]],
    ['one in a list', [image], [image]],
    ['five of all types', [text, image, audio, video, tracked], [text, image, audio, video, tracked]],
    ['in messages', { messages: [text, text] }, [text, text]],
  ])('%s are taken by every function', (_case, json, messages) => {
    for (const type of TYPES) {
      expect(parse(type, ` ${JSON.stringify(json)}\n`)).toEqual({ kind: 'messages', messages });
    }
  });

  test.each<[string, unknown, SendErrorCode, RegExp]>([
    ['six', Array(6).fill(text), SendErrorCode.INVALID_CONTENT, /`Data` must be 1 to 5 messages, got an array of 6/],
    ['six in messages', { messages: Array(6).fill(text) }, SendErrorCode.INVALID_CONTENT, /`messages` must be 1 to 5/],
    ['none in messages', { messages: [] }, SendErrorCode.INVALID_CONTENT, /`messages` must be 1 to 5/],
    ['messages that are no list', { messages: text }, SendErrorCode.INVALID_CONTENT, /`messages` must be an array of message objects, got an object/],
    ['a list within messages', { messages: [[text]] }, SendErrorCode.INVALID_CONTENT, /`messages\[0\]` must be a message object/],
    ['something else in the list', [text, 'Hello'], SendErrorCode.INVALID_CONTENT, /`\[1\]` must be a message object, got a string of 5/],
    ['a type that is no string', { type: 5 }, SendErrorCode.INVALID_CONTENT, /`type` must be the name of a message type, got 5/],
    ['a message without a type', { messages: [{ text: 'x' }] }, SendErrorCode.INVALID_CONTENT, /`messages\[0\]\.type` .* got nothing/],
    ['a type of LINE that comes later', { type: 'sticker', packageId: '1', stickerId: '1' }, SendErrorCode.UNSUPPORTED_CONTENT, /it sends text, image, audio, video/],
    ['a type that nobody knows', { type: 'toString' }, SendErrorCode.UNSUPPORTED_CONTENT, /`type` names a type/],
    ['a template', { template: 'spring' }, SendErrorCode.UNSUPPORTED_CONTENT, /`template`/],
    ['emojis', { ...text, emojis: [] }, SendErrorCode.UNSUPPORTED_CONTENT, /`Data` has 1 member .* it takes type, text/],
    ['quick replies', { messages: [{ ...text, quickReply: {} }] }, SendErrorCode.UNSUPPORTED_CONTENT, /`messages\[0\]` has 1 member/],
    ['a silent notification', { messages: [text], notificationDisabled: true }, SendErrorCode.UNSUPPORTED_CONTENT, /it takes messages/],
    ['a text that is missing', { type: 'text' }, SendErrorCode.INVALID_CONTENT, /`text` must be 1 to 5000 .* got nothing/],
    ['a blank text', [{ type: 'text', text: ' ' }], SendErrorCode.INVALID_CONTENT, /`\[0\]\.text`/],
    ['a text that is no string', [{ type: 'text', text: 5 }], SendErrorCode.INVALID_CONTENT, /`\[0\]\.text` .* got 5/],
    ['a text that is too long', [{ type: 'text', text: 'x'.repeat(5_001) }], SendErrorCode.TEXT_TOO_LONG, /`\[0\]\.text` has 5001/],
    ['an image without a preview', { type: 'image', originalContentUrl: URL_1 }, SendErrorCode.INVALID_CONTENT, /`previewImageUrl` must be an https URL, got nothing/],
    ['a video without a preview', { type: 'video', originalContentUrl: URL_1 }, SendErrorCode.INVALID_CONTENT, /`previewImageUrl`/],
    ['http', { ...image, originalContentUrl: 'http://example.com/a.jpg' }, SendErrorCode.INVALID_CONTENT, /`originalContentUrl` must be an https URL/],
    ['a URL with a blank', { ...image, originalContentUrl: 'https://example.com/a b.jpg' }, SendErrorCode.INVALID_CONTENT, /percent-encode/],
    ['a URL in Japanese', { ...image, originalContentUrl: 'https://example.com/春.jpg' }, SendErrorCode.INVALID_CONTENT, /percent-encode/],
    ['a URL without a host', { ...image, originalContentUrl: 'https://:443/a.jpg' }, SendErrorCode.INVALID_CONTENT, /an https URL/],
    ['a URL that is no string', { ...image, originalContentUrl: {} }, SendErrorCode.INVALID_CONTENT, /an https URL, got an object/],
    ['a URL of 2,001 characters', { ...image, originalContentUrl: URL_1.padEnd(2_001, 'x') }, SendErrorCode.MEDIA_URL_TOO_LONG, /has 2001 characters; LINE takes 2000/],
    ['a media address', { ...image, originalContentUrl: 'media://image/a.jpg' }, SendErrorCode.UNSUPPORTED_CONTENT, /media:\/\//],
    ['an audio without duration', { type: 'audio', originalContentUrl: URL_1 }, SendErrorCode.INVALID_CONTENT, /`duration`/],
    ['a duration of zero', { ...audio, duration: 0 }, SendErrorCode.INVALID_CONTENT, /`duration` .* got 0/],
    ['a tracking id of 101 characters', { ...video, trackingId: 'x'.repeat(101) }, SendErrorCode.INVALID_CONTENT, /`trackingId` must be 1 to 100/],
    ['a tracking id of null', { ...video, trackingId: null }, SendErrorCode.INVALID_CONTENT, /`trackingId`/],
  ])('%s: refused', (_case, json, expectedCode, expectedMessage) => {
    const result = parse('text', JSON.stringify(json));
    expect(code(result)).toBe(expectedCode);
    expect(message(result)).toMatch(expectedMessage);
  });

  test('a URL of 2,000 characters is taken', () => {
    expect(code(parse('image', JSON.stringify({ ...image, originalContentUrl: URL_1.padEnd(2_000, 'x') })))).toBeUndefined();
  });
});

describe('properties', () => {
  const dataArbitrary = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('"', ',', ' ', 'a', '.', 'png', 'mp4', 'mp3', '{', '}', '[', ']', '\\', '\ud83d', '1') }),
    fc.json(),
    fc.anything(),
    fc.record({ type: fc.anything(), key: fc.anything(), messages: fc.anything(), text: fc.anything() }, { requiredKeys: [] })
      .map((value) => { try { return JSON.stringify(value); } catch { return ''; } }),
  );

  test('whatever the data, there is content or an error, never an exception', () => {
    fc.assert(fc.property(dataArbitrary, fc.constantFrom(...TYPES), fc.boolean(), (data, type, sampleMessages) => {
      const result = parse(type, data, sampleMessages);
      expect(result instanceof ContentError ? result.code in SendErrorCode : ['messages', type].includes(result.kind)).toBe(true);
    }), { numRuns: 2_000 });
  });

  test('an error never shows what the customer was meant to read', () => {
    fc.assert(fc.property(fc.stringMatching(/^[a-z]{12,20}$/), fc.constantFrom(...TYPES), (secret, type) => {
      for (const data of [secret, `${secret},${secret}`, `"${secret}`, JSON.stringify({ type: 'text', text: secret, [secret]: 1 }), JSON.stringify({ key: secret }), JSON.stringify({ type: secret })]) {
        expect(message(parse(type, data))).not.toContain(secret);
      }
    }));
  });

  test('any key comes back from its quoted form', () => {
    const key = fc.string({ unit: 'grapheme', maxLength: 100 }).filter((value) => !/(?:^|\/)\.\.?(?:\/|$)/.test(value) && !/\p{Surrogate}/u.test(value));
    const blank = fc.constantFrom('', ' ', '\t ');
    fc.assert(fc.property(key, key, blank, blank, (one, other, before, after) => {
      // GIVEN
      const [first, second] = [`${one}.png`, `${other}.jpg`].map((value) => `${before}"${value.replaceAll('"', '""')}"${after}`);
      // WHEN, THEN
      expect(parse('image', `${first},${second}`)).toEqual({ kind: 'image', key: `${one}.png`, previewKey: `${other}.jpg` });
    }), { numRuns: 1_000 });
  });

  test.each([
    ['quotes', '"'.repeat(6_000_000)],
    ['commas', ','.repeat(6_000_000)],
    ['an endless key', 'a'.repeat(6_000_000)],
    ['brackets', '['.repeat(6_000_000)],
    ['blanks before a quote', `${' '.repeat(6_000_000)}"`],
  ])('6 MB of %s are answered', (_case, data) => {
    expect(parse('image', data)).toBeInstanceOf(ContentError);
  });
});
