import * as fc from 'fast-check';
import { SendErrorCode } from '../../../src/contract/custom-channel';
import { MESSAGE_TYPES, SendFunctionType } from '../../../src/contract/media';
import { ContentError } from '../../../src/domain/line/content-error';
import { Content, parseContent, parseTemplate } from '../../../src/domain/line/message-content';

const FUNCTIONS: readonly SendFunctionType[] = [...MESSAGE_TYPES, 'any'];
const URL_1 = 'https://media.example.com/a.jpg';

type Result = Content | ContentError;

function parse(functionType: SendFunctionType, data: unknown, sampleMessages = false): Result {
  return parseContent(data, { functionType, sampleMessages });
}

function messages(...list: unknown[]): unknown {
  return { kind: 'messages', messages: list, settings: {} };
}

function image(key: string, previewKey = key): unknown {
  return messages({ type: 'image', originalContentUrl: `media://image/${key}`, previewImageUrl: `media://image/${previewKey}` });
}

function audio(key: string, duration: number): unknown {
  return messages({ type: 'audio', originalContentUrl: `media://audio/${key}`, duration });
}

function video(key: string, previewKey: string, more = {}): unknown {
  return messages({ type: 'video', originalContentUrl: `media://video/${key}`, previewImageUrl: `media://video/${previewKey}`, ...more });
}

function code(result: Result): SendErrorCode | undefined {
  return result instanceof ContentError ? result.code : undefined;
}

function message(result: Result): string {
  return result instanceof ContentError ? result.message : '';
}

describe('blank data', () => {
  test.each([[undefined], [null], [''], [' \n\t'], ['\u3000']])('%j is EMPTY_CONTENT when sample messages are off', (data) => {
    for (const type of FUNCTIONS) {
      expect(code(parse(type, data))).toBe(SendErrorCode.EMPTY_CONTENT);
    }
  });

  const text = messages({ type: 'text', text: 'Hello from your LINE channel. This is a sample message.' });

  test.each<[SendFunctionType, unknown]>([
    ['text', text],
    ['any', text],
    ['image', image('line-sample/image.png')],
    ['audio', audio('line-sample/audio.m4a', 2_000)],
    ['video', video('line-sample/video.mp4', 'line-sample/video-cover.png')],
  ])('sends the sample %s when they are on', (type, sample) => {
    expect(parse(type, ' ', true)).toEqual(sample);
    expect(parse(type, undefined, true)).toEqual(sample);
  });

  test.each<SendFunctionType>(['textV2', 'sticker', 'location', 'imagemap', 'template', 'flex', 'coupon'])('has no sample %s', (type) => {
    const result = parse(type, '', true);
    expect(code(result)).toBe(SendErrorCode.EMPTY_CONTENT);
    expect(message(result)).toContain(`there is no sample ${type} message`);
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
    ['a placeholder', 'Hi {{Attributes.FirstName|you}}'],
    ['a JSON string', '"x"'],
    ['a JSON number', '123'],
    ['JSON null', 'null'],
    ['a JSON object without a marker', '{"hello":"world"}'],
    ['a JSON object whose prototype has a marker', '{"__proto__":{"type":"text"}}'],
    ['a JSON array without objects', '["type","text"]'],
    ['an empty JSON array', '[]'],
    ['an array of objects without a type', '[{"text":"a"}]'],
    ['JSON that does not begin like a message', '{"hello":'],
    ['Japanese and emoji', '20%オフ🎉'],
    ['a surrogate on its own', 'a\ud83d'],
    ['more than LINE takes, which is checked when it is rendered', 'x'.repeat(5_001)],
  ])('%s is sent as it is', (_case, text) => {
    expect(parse('text', text)).toEqual(messages({ type: 'text', text }));
    expect(parse('any', text)).toEqual(messages({ type: 'text', text }));
    expect(parse('textV2', text)).toEqual(messages({ type: 'textV2', text }));
  });
});

describe('plain data and shorthand', () => {
  const area = { x: 0, y: 0, width: 520, height: 1_040 };
  const map = { baseKey: 'maps/spring', altText: 'Spring', height: 1_040 };
  const imagemap = (...actions: unknown[]) => messages({
    type: 'imagemap', baseUrl: 'media://image/maps/spring', altText: 'Spring', baseSize: { width: 1_040, height: 1_040 }, actions,
  });

  test.each<[SendFunctionType, string, unknown]>([
    ['image', 'spring.png', image('spring.png')],
    ['image', 'a b+c/春の 写真.JPG', image('a b+c/春の 写真.JPG')],
    ['image', ' spring.jpeg , small.png ', image('spring.jpeg', 'small.png')],
    ['image', '"a,b.png"', image('a,b.png')],
    ['image', '" a.png", "x""y.png" ', image(' a.png', 'x"y.png')],
    ['image', 'the "best".png', image('the "best".png')],
    ['image', 'tier-{{Attributes.Tier}}.png', image('tier-{{Attributes.Tier}}.png')],
    ['image', '{{Attributes.Picture|a.png}},../{{Attributes.Small}}', image('{{Attributes.Picture|a.png}}', '../{{Attributes.Small}}')],
    ['audio', 'jingle.m4a,2000', audio('jingle.m4a', 2_000)],
    ['audio', '"a, b.mp3" , 60000', audio('a, b.mp3', 60_000)],
    ['video', 'film.mp4,cover.jpg', video('film.mp4', 'cover.jpg')],
    ['sticker', '446,1988', messages({ type: 'sticker', packageId: '446', stickerId: '1988' })],
    ['sticker', ' 446 , {{Attributes.Sticker|1988}}', messages({ type: 'sticker', packageId: '446', stickerId: '{{Attributes.Sticker|1988}}' })],
    ['coupon', ' 01JYNW8JMQVFBNWF1APF8Z3FS7\n', messages({ type: 'coupon', couponId: '01JYNW8JMQVFBNWF1APF8Z3FS7' })],
    ['image', '{"key":"a,b.png"}', image('a,b.png')],
    ['image', '{"key":"a.png","previewKey":"b.jpg"}', image('a.png', 'b.jpg')],
    ['image', '{"key":"{{Attributes.Picture}}"}', image('{{Attributes.Picture}}')],
    ['audio', '{"key":"a.mp3","duration":1500}', audio('a.mp3', 1_500)],
    ['video', '{"key":"a.mp4","previewKey":"b.jpg"}', video('a.mp4', 'b.jpg')],
    ['video', '{"key":"a.mp4","previewKey":"b.jpg","trackingId":"spring-1"}', video('a.mp4', 'b.jpg', { trackingId: 'spring-1' })],
    ['any', '{"key":"a.PNG"}', image('a.PNG')],
    ['any', '{"key":"a.m4a","duration":1500}', audio('a.m4a', 1_500)],
    ['any', '{"key":"a.mp4","previewKey":"b.jpg"}', video('a.mp4', 'b.jpg')],
    ['imagemap', JSON.stringify({ ...map, areas: [] }), imagemap()],
    ['any', JSON.stringify({
      ...map,
      areas: [
        { ...area, uri: 'https://example.com/', label: 'Shop' }, { ...area, text: 'Hi {{Attributes.Name}}' }, { ...area, clipboardText: 'SPRING' },
      ],
    }), imagemap(
      { type: 'uri', linkUri: 'https://example.com/', area, label: 'Shop' },
      { type: 'message', text: 'Hi {{Attributes.Name}}', area },
      { type: 'clipboard', clipboardText: 'SPRING', area },
    )],
  ])('%s: %s', (type, data, expected) => {
    expect(parse(type, data)).toEqual(expected);
  });

  const areas = (...list: unknown[]) => JSON.stringify({ ...map, areas: list });

  test.each<[SendFunctionType, string, SendErrorCode, RegExp]>([
    // parts
    ['image', 'a.png,b.png,c.png', SendErrorCode.INVALID_CONTENT, /3 parts; write `key` or `key,preview key`/],
    ['audio', 'a.mp3', SendErrorCode.INVALID_CONTENT, /1 part; write `key,milliseconds`/],
    ['video', 'a.mp4', SendErrorCode.INVALID_CONTENT, /1 part; write `key,cover key`/],
    ['sticker', '446', SendErrorCode.INVALID_CONTENT, /1 part; write `packageId,stickerId`/],
    ['sticker', 'Hello, world', SendErrorCode.INVALID_CONTENT, /part 1 of `Data` must be the number of a sticker or of its package, got a string of 5/],
    ['sticker', '446,', SendErrorCode.INVALID_CONTENT, /part 2 of `Data` must be the number/],
    ['coupon', 'a,b', SendErrorCode.INVALID_CONTENT, /2 parts; write `couponId`/],
    ['coupon', 'our coupon', SendErrorCode.INVALID_CONTENT, /`Data` must be the id of a coupon, without blanks, got a string of 10/],
    ['coupon', '""', SendErrorCode.INVALID_CONTENT, /`Data` must be the id of a coupon/],
    ['location', 'Tokyo', SendErrorCode.INVALID_CONTENT, /a location message cannot be made of; write \{"type":"location"/],
    ['imagemap', 'map', SendErrorCode.INVALID_CONTENT, /write \{"baseKey"/],
    ['template', 'spring', SendErrorCode.INVALID_CONTENT, /write \{"type":"template".* or \{"template":"name"\}/],
    ['flex', '{"contents":{}}', SendErrorCode.INVALID_CONTENT, /write \{"type":"flex"/],
    // cut off, or with quotes that are not escaped
    ...['{"type":"text"', '[{"type":"flex","altText":"Hi"', ' {"messages":[', '{"altText":"Hi","type":"flex","contents":{"type":"bub', '{"type":"text","text":"a "quoted" word"}', '{"altText":"Hi","contents":{}}',
      '{\u201ctype\u201d:\u201ctext\u201d}', '{ type: "text" }', '```json\n{"type":"text"}\n```', '{"Messages":[]}', '{"contents":{"type":"bubble"'].map(
      (data): [SendFunctionType, string, SendErrorCode, RegExp] => ['text', data, SendErrorCode.INVALID_CONTENT, /begins like a JSON message but is none/]),
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
    ['image', '{"key":"a.gif"}', SendErrorCode.MEDIA_WRONG_TYPE, /`key` ends in \.gif/],
    // durations
    ...['0', '-1', '1.5', '1e3', 'soon', '', '5000 ms', '９', '99999999999999999999', '{{Attributes.Duration}}'].map(
      (duration): [SendFunctionType, string, SendErrorCode, RegExp] =>
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
    ['any', '{"key":5}', SendErrorCode.INVALID_CONTENT, /`key` must be an S3 object key .* got 5/],
    ['any', '{"key":"a.gif"}', SendErrorCode.INVALID_CONTENT, /the end of `key` does not tell .* \.jpg, \.jpeg, \.png, \.mp3, \.m4a, \.mp4/],
    ['any', '{"key":"{{Attributes.Picture}}"}', SendErrorCode.INVALID_CONTENT, /the end of `key` does not tell/],
    // shorthand of another type
    ['text', '{"key":"a.png"}', SendErrorCode.INVALID_CONTENT, /`key` makes image messages, but this function sends text; use the send function of the image type/],
    ['textV2', '{"key":"a.mp3"}', SendErrorCode.INVALID_CONTENT, /use the send function of the audio type/],
    ['flex', '{"key":5}', SendErrorCode.INVALID_CONTENT, /`key` makes image, audio or video messages, but this function sends flex/],
    ['image', '{"key":"a.mp4","previewKey":"b.jpg"}', SendErrorCode.INVALID_CONTENT, /this function sends image; use the send function of the video type/],
    ['imagemap', '{"key":"a.png"}', SendErrorCode.INVALID_CONTENT, /this function sends imagemap; use the send function of the image type/],
    ['image', areas(), SendErrorCode.INVALID_CONTENT, /`baseKey` makes imagemap messages, but this function sends image; use the send function of the imagemap type/],
    // members of shorthand
    ['image', '{"key":"a.png","duration":5}', SendErrorCode.UNSUPPORTED_CONTENT, /`Data` has 1 member .*\(`duration`\); it takes key, previewKey/],
    ['image', '{"key":"a.png","__proto__":5}', SendErrorCode.UNSUPPORTED_CONTENT, /1 member/],
    ['audio', '{"key":"a.mp3","duration":5,"x":1,"y":2}', SendErrorCode.UNSUPPORTED_CONTENT, /2 members .*\(`x`, `y`\)/],
    ['video', '{"key":"a.mp4"}', SendErrorCode.INVALID_CONTENT, /`previewKey`/],
    ['video', '{"key":"a.mp4","previewKey":"b.jpg","trackingId":7}', SendErrorCode.INVALID_CONTENT, /`trackingId` must be a string, got 7/],
    ['imagemap', JSON.stringify({ ...map, key: 'a.png', areas: [] }), SendErrorCode.UNSUPPORTED_CONTENT, /`key`/],
    ['imagemap', JSON.stringify(map), SendErrorCode.INVALID_CONTENT, /`areas` must be an array of areas, got nothing/],
    ['imagemap', JSON.stringify({ ...map, baseKey: '../x', areas: [] }), SendErrorCode.INVALID_CONTENT, /`baseKey`/],
    ['imagemap', JSON.stringify({ ...map, baseKey: 5, areas: [] }), SendErrorCode.INVALID_CONTENT, /`baseKey` must be an S3 object key/],
    ['imagemap', JSON.stringify({ ...map, altText: undefined, areas: [] }), SendErrorCode.INVALID_CONTENT, /`altText` must be a string, got nothing/],
    ['imagemap', JSON.stringify({ ...map, height: '700', areas: [] }), SendErrorCode.INVALID_CONTENT, /`height` must be a whole number of pixels, got a string/],
    ['imagemap', areas('x'), SendErrorCode.INVALID_CONTENT, /`areas\[0\]` must be an object, got a string of 1/],
    ['imagemap', areas(area), SendErrorCode.INVALID_CONTENT, /`areas\[0\]` has 0 of uri, text, clipboardText/],
    ['imagemap', areas({ ...area, uri: 'https://example.com/', text: 'x' }), SendErrorCode.INVALID_CONTENT, /`areas\[0\]` has 2 of/],
    ['imagemap', areas({ ...area, uri: 5 }), SendErrorCode.INVALID_CONTENT, /`areas\[0\]\.uri` must be a string, got 5/],
    ['imagemap', areas({ ...area, text: 'x', label: 5 }), SendErrorCode.INVALID_CONTENT, /`areas\[0\]\.label` must be a string/],
    ['imagemap', areas({ ...area, text: 'x' }, { ...area, text: 'x', y: -1 }), SendErrorCode.INVALID_CONTENT, /`areas\[1\]\.y` must be a whole number of pixels, got -1/],
    ['imagemap', areas({ ...area, text: 'x', link: 'x' }), SendErrorCode.UNSUPPORTED_CONTENT, /`areas\[0\]` has 1 member .*\(`link`\)/],
  ])('%s: %s is %s', (type, data, expectedCode, expectedMessage) => {
    const result = parse(type, data);
    expect(code(result)).toBe(expectedCode);
    expect(message(result)).toMatch(expectedMessage);
  });
});

describe('LINE message objects', () => {
  const text = { type: 'text', text: 'Hello', emojis: [{ index: 0 }], quickReply: { items: [] }, laterMember: { any: 'thing' } };
  const picture = { type: 'image', originalContentUrl: URL_1, previewImageUrl: 'media://image/a.png' };
  const sticker = { type: 'sticker', packageId: '1', stickerId: '1' };
  const flex = { type: 'flex', altText: 'Hi {{Attributes.Name}}', contents: { type: 'bubble' } };
  const template = { type: 'template', altText: 'x', template: { type: 'confirm' } };

  test.each([
    ['one', text, [text]],
    ['one of type template', template, [template]],
    ['one in a list', [picture], [picture]],
    ['five of several types', [text, picture, sticker, flex, template], [text, picture, sticker, flex, template]],
    ['in messages', { messages: [text, text] }, [text, text]],
    ['all types, nothing but the type', { messages: MESSAGE_TYPES.slice(0, 5).map((type) => ({ type })) }, MESSAGE_TYPES.slice(0, 5).map((type) => ({ type }))],
    ['the other types', { messages: MESSAGE_TYPES.slice(6).map((type) => ({ type })) }, MESSAGE_TYPES.slice(6).map((type) => ({ type }))],
    ['wrong for LINE, which is checked when it is rendered', { type: 'text', text: 5 }, [{ type: 'text', text: 5 }]],
  ])('%s are taken by every function as they are', (_case, json, list) => {
    for (const type of FUNCTIONS) {
      expect(parse(type, ` ${JSON.stringify(json)}\n`)).toEqual(messages(...list));
    }
  });

  test('members that touch prototypes are members like others', () => {
    // WHEN
    const result = parse('text', '{"messages":[{"type":"text","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}]}') as { messages: readonly object[] };
    // THEN
    expect(JSON.stringify(result.messages)).toBe('[{"type":"text","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}]');
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(result.messages[0])).toBe(Object.prototype);
  });

  test.each<[string, unknown, SendErrorCode, RegExp]>([
    ['six', Array(6).fill(text), SendErrorCode.INVALID_CONTENT, /`Data` must be 1 to 5 messages, got an array of 6/],
    ['six in messages', { messages: Array(6).fill(text) }, SendErrorCode.INVALID_CONTENT, /`messages` must be 1 to 5/],
    ['none in messages', { messages: [] }, SendErrorCode.INVALID_CONTENT, /`messages` must be 1 to 5/],
    ['messages that are no list', { messages: text }, SendErrorCode.INVALID_CONTENT, /`messages` must be an array of message objects, got an object/],
    ['a list within messages', { messages: [[text]] }, SendErrorCode.INVALID_CONTENT, /`messages\[0\]` must be a message object/],
    ['null within messages', { messages: [null] }, SendErrorCode.INVALID_CONTENT, /`messages\[0\]` must be a message object, got null/],
    ['something else in the list', [text, 'Hello'], SendErrorCode.INVALID_CONTENT, /`\[1\]` must be a message object, got a string of 5/],
    ['a type that is no string', { type: 5 }, SendErrorCode.INVALID_CONTENT, /`type` must be the name of a message type, got 5/],
    ['a message without a type', { messages: [{ text: 'x' }] }, SendErrorCode.INVALID_CONTENT, /`messages\[0\]\.type` .* got nothing/],
    ['a type that nobody knows', { type: 'toString' }, SendErrorCode.UNSUPPORTED_CONTENT, /`type` names a type that LINE does not know; write one of text, image/],
    ['a template within messages', { messages: [{ template: 'spring' }] }, SendErrorCode.INVALID_CONTENT, /`messages\[0\]\.type`/],
    ['a misspelt setting', { messages: [text], notificationDisbled: true }, SendErrorCode.UNSUPPORTED_CONTENT,
      /`Data` has 1 member without a meaning here \(`notificationDisbled`\); it takes messages, notificationDisabled, customAggregationUnit, missingAttribute/],
    ['LINE\'s own list of units', { messages: [text], customAggregationUnits: ['a'] }, SendErrorCode.UNSUPPORTED_CONTENT, /\(`customAggregationUnits`\)/],
    ['members that are no names', { 'messages': [text], 'Dear friend, hello': 1 }, SendErrorCode.UNSUPPORTED_CONTENT, /1 member without a meaning here; it takes/],
    ['a setting of prototypes', JSON.parse('{"messages":[{"type":"text"}],"__proto__":{}}'), SendErrorCode.UNSUPPORTED_CONTENT, /1 member/],
  ])('%s: refused', (_case, json, expectedCode, expectedMessage) => {
    const result = parse('text', JSON.stringify(json));
    expect(code(result)).toBe(expectedCode);
    expect(message(result)).toMatch(expectedMessage);
  });
});

describe('settings', () => {
  test.each([
    {},
    { notificationDisabled: true },
    { notificationDisabled: false },
    { customAggregationUnit: 'spring_2026' },
    { customAggregationUnit: 'x'.repeat(30) },
    { missingAttribute: 'skip' },
    { missingAttribute: 'fail' },
    { notificationDisabled: true, customAggregationUnit: 'A', missingAttribute: 'fail' },
  ])('%j are taken beside messages and templates', (settings) => {
    expect(parse('text', JSON.stringify({ messages: [{ type: 'text' }], ...settings }))).toEqual({ kind: 'messages', messages: [{ type: 'text' }], settings });
    expect(parse('flex', JSON.stringify({ template: 'a/b', ...settings }))).toEqual({ kind: 'template', name: 'a/b', settings });
  });

  test.each<[string, object, RegExp]>([
    ['notificationDisabled', { notificationDisabled: 'true' }, /`notificationDisabled` must be true or false, got a string of 4/],
    ['notificationDisabled', { notificationDisabled: null }, /got null/],
    ['customAggregationUnit', { customAggregationUnit: 'spring-2026' }, /`customAggregationUnit` must be 1 to 30 of A-Z, a-z, 0-9 and _, got a string of 11/],
    ['customAggregationUnit', { customAggregationUnit: 'x'.repeat(31) }, /got a string of 31/],
    ['customAggregationUnit', { customAggregationUnit: '' }, /got a string of 0/],
    ['customAggregationUnit', { customAggregationUnit: 'a\n' }, /got a string of 2/],
    ['customAggregationUnit', { customAggregationUnit: ['a'] }, /got an array of 1/],
    ['missingAttribute', { missingAttribute: 'Skip' }, /`missingAttribute` must be "skip" or "fail", got a string of 4/],
    ['missingAttribute', { missingAttribute: null }, /got null/],
  ])('%s: %j is refused', (_case, settings, expected) => {
    for (const content of [{ messages: [{ type: 'text' }] }, { template: 'a' }]) {
      const result = parse('any', JSON.stringify({ ...content, ...settings }));
      expect(code(result)).toBe(SendErrorCode.INVALID_CONTENT);
      expect(message(result)).toMatch(expected);
    }
  });
});

describe('template in data', () => {
  test('may name an S3 version', () => {
    expect(parse('any', '{"template":"a","version":"3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY"}'))
      .toEqual({ kind: 'template', name: 'a', version: '3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY', settings: {} });
  });

  test.each<[object, RegExp]>([
    [{ template: '../a' }, /`template` must be the name of a template: letters, .* got a string of 4/],
    [{ template: 5 }, /`template` .* got 5/],
    [{ template: {} }, /`template` .* got an object/],
    [{ template: 'a', version: '' }, /`version` must be the S3 version id of the template, got a string of 0/],
    [{ template: 'a', version: 2 }, /`version` .* got 2/],
    [{ template: 'a', version: 'x'.repeat(1_025) }, /got a string of 1025/],
  ])('%j is refused', (json, expected) => {
    const result = parse('any', JSON.stringify(json));
    expect(code(result)).toBe(SendErrorCode.INVALID_CONTENT);
    expect(message(result)).toMatch(expected);
  });

  test('takes no members that mean nothing', () => {
    const result = parse('any', '{"template":"a","locale":"ja"}');
    expect(code(result)).toBe(SendErrorCode.UNSUPPORTED_CONTENT);
    expect(message(result)).toMatch(/\(`locale`\); it takes template, version, notificationDisabled/);
  });
});

describe('template object', () => {
  test.each<[string, SendFunctionType, unknown, unknown]>([
    ['a message object', 'text', { type: 'flex', contents: {} }, messages({ type: 'flex', contents: {} })],
    ['a list', 'any', [{ type: 'text' }, { type: 'flex' }], messages({ type: 'text' }, { type: 'flex' })],
    ['messages with settings', 'flex', { messages: [{ type: 'text' }], notificationDisabled: true, missingAttribute: 'fail' },
      { kind: 'messages', messages: [{ type: 'text' }], settings: { notificationDisabled: true, missingAttribute: 'fail' } }],
    ['shorthand', 'any', { key: 'a.png' }, image('a.png')],
    ['shorthand of the function\'s type', 'image', { key: '{{Attributes.Picture}}' }, image('{{Attributes.Picture}}')],
  ])('may be %s', (_case, functionType, json, expected) => {
    expect(parseTemplate('a.ja.json', JSON.stringify(json, null, 2), functionType)).toEqual(expected);
  });

  test.each<[string, string, RegExp]>([
    ['no JSON', 'Hello', /^template `a\.ja\.json` must be a JSON object with `type`, .*, got a string of 5 .*; a text goes into/],
    ['nothing', '', /^template `a\.ja\.json` must be .* got a string of 0/],
    ['broken JSON', '{"type":"text"', /^template `a\.ja\.json` must be/],
    ['JSON without a marker', '{"text":"Hello"}', /^template `a\.ja\.json` must be/],
    ['another template', '{"template":"b"}', /^template `a\.ja\.json` names another template/],
    ['six messages', JSON.stringify(Array(6).fill({ type: 'text' })), /^template `a\.ja\.json` must be 1 to 5 messages, got an array of 6/],
    ['a message that is none', '{"messages":[5]}', /^template `a\.ja\.json`: `messages\[0\]` must be a message object, got 5/],
  ])('is refused with its name when it is %s', (_case, text, expected) => {
    const result = parseTemplate('a.ja.json', text, 'any');
    expect(code(result)).toBe(SendErrorCode.INVALID_CONTENT);
    expect(message(result)).toMatch(expected);
  });

  test('names itself for members that mean nothing', () => {
    const result = parseTemplate('a.json', '{"messages":[{"type":"text"}],"version":"1"}', 'any');
    expect(code(result)).toBe(SendErrorCode.UNSUPPORTED_CONTENT);
    expect(message(result)).toMatch(/^template `a\.json` has 1 member .*\(`version`\)/);
  });
});

describe('properties', () => {
  const fragment = fc.constantFrom('"', ',', ' ', 'a', '.', 'png', 'mp4', 'mp3', '{', '}', '[', ']', '\\', '\ud83d', '1', '{{');
  const member = fc.oneof(fc.anything(), fc.constantFrom('a.png', 'text', 'flex', 'fail', true, 5));
  const names = ['type', 'key', 'baseKey', 'messages', 'template', 'version', 'areas', 'previewKey', 'duration', 'altText', 'height', 'missingAttribute', '__proto__'];
  const dataArbitrary = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fragment }),
    fc.json(),
    fc.anything(),
    fc.dictionary(fc.constantFrom(...names), member).map((value) => { try { return JSON.stringify(value); } catch { return ''; } }),
  );

  test('whatever the data, there is content or an error, never an exception', () => {
    fc.assert(fc.property(dataArbitrary, fc.constantFrom(...FUNCTIONS), fc.boolean(), (data, type, sampleMessages) => {
      const result = parse(type, data, sampleMessages);
      expect(result instanceof ContentError ? result.code in SendErrorCode : ['messages', 'template'].includes(result.kind)).toBe(true);
      const template = parseTemplate('a.json', typeof data === 'string' ? data : JSON.stringify(data) ?? '', type);
      expect(template instanceof ContentError ? template.message.startsWith('template `a.json`') : template.kind === 'messages').toBe(true);
    }), { numRuns: 2_000 });
  });

  test('a text that is not marked as JSON comes out as exactly that text', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fragment }), fc.json()).filter((value) => value.trim() !== '' && !/"(type|messages|template|key|baseKey)"/.test(value));
    fc.assert(fc.property(text, fc.constantFrom<SendFunctionType>('text', 'any', 'textV2'), (value, type) => {
      expect(parse(type, value)).toEqual(messages({ type: type === 'any' ? 'text' : type, text: value }));
    }), { numRuns: 1_000 });
  });

  test('an error never shows what the customer was meant to read', () => {
    fc.assert(fc.property(fc.stringMatching(/^[a-z]{12,20}$/), fc.constantFrom(...FUNCTIONS), (secret, type) => {
      for (const data of [
        secret, `${secret},${secret}`, `"${secret}`, JSON.stringify({ type: secret }), JSON.stringify([{ type: secret }, secret]), JSON.stringify({ messages: secret }),
        JSON.stringify({ key: secret }), JSON.stringify({ baseKey: 'a', altText: secret }), JSON.stringify({ template: `${secret}!` }),
        JSON.stringify({ messages: [{ type: 'text' }], customAggregationUnit: `${secret}!`, [`${secret} ${secret}`]: 1 }),
        JSON.stringify({ messages: [{ type: 'text', text: secret }], missingAttribute: secret }),
      ]) {
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
      expect(parse('image', `${first},${second}`)).toEqual(image(`${one}.png`, `${other}.jpg`));
    }), { numRuns: 1_000 });
  });

  test.each([
    ['quotes', '"'.repeat(6_000_000)],
    ['commas', ','.repeat(6_000_000)],
    ['an endless key', 'a'.repeat(6_000_000)],
    ['brackets', '['.repeat(6_000_000)],
    ['blanks before a quote', `${' '.repeat(6_000_000)}"`],
  ])('6 MB of %s are answered', (_case, data) => {
    for (const type of ['image', 'sticker', 'coupon'] as const) {
      expect(parse(type, data)).toBeInstanceOf(ContentError);
    }
  });

  test('a message nested ten thousand levels deep is answered', () => {
    expect(parse('any', `{"type":"flex","contents":${'['.repeat(10_000)}${']'.repeat(10_000)}}`)).not.toBeInstanceOf(ContentError);
  });
});
