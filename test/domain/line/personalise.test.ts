import * as fc from 'fast-check';
import { SendErrorCode } from '../../../src/contract/custom-channel';
import { ContentError } from '../../../src/domain/line/content-error';
import { JsonObject, LineMessage } from '../../../src/domain/line/line-message';
import { MissingAttribute, PersonalisedMessages, compileMessages } from '../../../src/domain/line/personalise';

/** A person of whom everything is known. */
const HANAKO: JsonObject = {
  ChannelType: 'CUSTOM',
  Address: 'U0123456789abcdef0123456789abcdef',
  Attributes: { 'FirstName': ['Hanako'], 'Shop': 'Ginza', 'first.name': ['dotted'], 'first name': ['spaced'], '名前': ['花子'], 'a/b:c-d_e': ['signs'] },
  Location: { City: 'Tokyo', Country: 'JP', Latitude: 35.68, Longitude: -139.7, PostalCode: '100-0001', Region: '13' },
  Demographic: {
    AppVersion: '1.2', Locale: 'ja_JP', Make: 'Sony', Model: 'X', ModelVersion: '5', Platform: 'Android', PlatformVersion: '15', Timezone: 'Asia/Tokyo',
  },
  Metrics: { visits: 3, score: 0 },
  User: { UserId: 'user-1', UserAttributes: { DisplayName: ['花子 😀'], vip: [true] } },
};

function compiled(...messages: object[]): PersonalisedMessages {
  const result = compileMessages(messages as LineMessage[]);
  if (result instanceof ContentError) {
    throw result;
  }
  return result;
}

/** The only message, rendered. */
function rendered(message: object, endpoint: JsonObject = HANAKO): JsonObject {
  const result = compiled(message).render(endpoint);
  expect(result).toBeInstanceOf(Array);
  return (result as LineMessage[])[0];
}

const renderedText = (text: string, endpoint?: JsonObject, type = 'text'): unknown => rendered({ type, text }, endpoint).text;
const withAttribute = (value: unknown): JsonObject => ({ Attributes: { X: value } });

describe('placeholders', () => {
  test.each([
    // every known path
    ['{{User.UserId}}', 'user-1'],
    ['{{User.UserAttributes.DisplayName}}', '花子 😀'],
    ['{{User.UserAttributes.vip}}', 'true'],
    ['{{Attributes.FirstName}}', 'Hanako'],
    ['{{Attributes.Shop}}', 'Ginza'],
    ['{{Location.City}},{{Location.Country}},{{Location.PostalCode}},{{Location.Region}}', 'Tokyo,JP,100-0001,13'],
    ['{{Location.Latitude}},{{Location.Longitude}}', '35.68,-139.7'],
    ['{{Demographic.AppVersion}},{{Demographic.Locale}},{{Demographic.Make}},{{Demographic.Model}}', '1.2,ja_JP,Sony,X'],
    ['{{Demographic.ModelVersion}},{{Demographic.Platform}},{{Demographic.PlatformVersion}},{{Demographic.Timezone}}', '5,Android,15,Asia/Tokyo'],
    ['{{Metrics.visits}} {{Metrics.score}}', '3 0'],
    // names are literal
    ['{{Attributes.first.name}}', 'dotted'],
    ['{{Attributes.first name}}', 'spaced'],
    ['{{Attributes.名前}}', '花子'],
    ['{{Attributes.a/b:c-d_e}}', 'signs'],
    // writing
    ['Hi {{ Attributes.FirstName }}!', 'Hi Hanako!'],
    ['{{\n\tAttributes.FirstName\n}}', 'Hanako'],
    ['{{Attributes.FirstName}}{{Attributes.Shop}}', 'HanakoGinza'],
    ['{{Attributes.FirstName}} {{Attributes.FirstName}}', 'Hanako Hanako'],
    ['{{{Attributes.FirstName}}}', '{Hanako}'],
    ['{{{{Attributes.FirstName}}}}', '{{Hanako}}'],
    ['{{ {{Attributes.FirstName}} }}', '{{ Hanako }}'],
    // defaults
    ['{{Attributes.FirstName|friend}}', 'Hanako'],
    ['{{Attributes.None|friend}}', 'friend'],
    ['{{ Attributes.None | dear friend }}', 'dear friend'],
    ['[{{Attributes.None|}}]', '[]'],
    ['[{{Attributes.None | }}]', '[]'],
    ['{{Attributes.None|a|b}}', 'a|b'],
    ['{{Attributes.None|{a} {b}}', '{a} {b'],
    ['{{Attributes.None|a}}}', 'a}'],
    ['{{Attributes.None|line\nbreak}}', 'line\nbreak'],
    ['{{Attributes.None|{{Attributes.Shop}}, {{Attributes.Shop}}', '{{Attributes.Shop, Ginza'],
    ['{{Attributes.None|{{Attributes.Shop|x}} {{Attributes.Shop}}', '{{Attributes.Shop|x Ginza'],
    ['{{Attributes.None|\ud800}}', '\ufffd'],
  ])('%j becomes %j', (template, text) => {
    expect(renderedText(template)).toBe(text);
  });

  test.each([
    'Hi', '', '{', '{{', '}}', '{{}}', '{{ }}', '{{|}}', '{{ | x}}', '{{{}}}',
    '{{ without end', '{{Attributes.FirstName', '{{Attributes.FirstName}', '{{Attributes.FirstName} }', '{{Attributes.FirstName|friend', '{{Attributes.FirstName|friend}',
    '{Attributes.FirstName}', '{ {Attributes.FirstName}}', '{{Attributes.{FirstName}}',
    '{{FirstName}}', '{{Address}}', '{{ChannelType}}', '{{Attributes}}', '{{Attributes.}}', '{{Attributes. }}', '{{attributes.FirstName}}', '{{.Attributes.FirstName}}',
    '{{xAttributes.FirstName}}', '{{Attributes .FirstName}}', '{{User}}', '{{User.Name}}', '{{User.userId}}', '{{User.UserId.x}}', '{{User.UserAttributes}}', '{{User.UserAttributes.}}',
    '{{Location.Street}}', '{{Location}}', '{{Location.City.x}}', '{{Demographic.constructor}}', '{{Demographic.__proto__}}', '{{Metrics}}',
    '{{#Attributes.FirstName}}', '{{/Attributes.FirstName}}', '{{&Attributes.FirstName}}', '{{>Attributes.FirstName}}', '{{!Attributes.FirstName}}', '{{^x}}{{/x}}', '{{=<% %>=}}',
    '{{constructor}}', '{{__proto__}}', '{{process.env}}', '{{JSON}} {{"a": 1}}', '{{7*7}}', '${Attributes.FirstName}', '<%= Attributes.FirstName %>',
    '{{FirstName|friend}}', '{{FirstName|friend',
  ])('%j is text', (text) => {
    const messages = [{ type: 'text', text }];

    const result = compileMessages(messages) as PersonalisedMessages;

    expect(result).toMatchObject({ isPersonalised: false, paths: [] });
    expect(result.render(HANAKO)).toBe(messages);
  });

  test('are found within seconds, whatever the text', () => {
    const texts = ['{{Attributes.X|', '{{Attributes.X', '{{Attributes.', '{{', '{', ' {{X|', '{{Attributes. '].map((part) => part.repeat(20_000));
    const started = Date.now();

    texts.forEach((text) => expect(compiled({ type: 'text', text }).isPersonalised).toBe(false));
    expect(compiled({ type: 'text', text: `{{Attributes.${' '.repeat(200_000)}` }).isPersonalised).toBe(false);

    expect(Date.now() - started).toBeLessThan(5_000);
  });

  test('are looked for no further when none ends any more', () => {
    const text = '{{Attributes.a|'.repeat(280_000);
    const started = performance.now();

    expect(compiled({ type: 'text', text }).isPersonalised).toBe(false);
    expect(compiled({ type: 'text', text: `{{Attributes.X}}${text}` }).paths).toEqual(['Attributes.X']);

    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('may be as many as a template holds', () => {
    expect(renderedText('{{Metrics.a}}'.repeat(150_000), { Metrics: { a: 1 } })).toBe('1'.repeat(150_000));
  });

  test('are listed once each, in the order of the content', () => {
    const { isPersonalised, paths } = compiled(
      { type: 'text', text: '{{ Attributes.B }}{{Attributes.A|x}}' },
      { type: 'image', originalContentUrl: '{{User.UserId}}', previewImageUrl: '{{Attributes.A}}' },
    );

    expect(isPersonalised).toBe(true);
    expect(paths).toEqual(['Attributes.B', 'Attributes.A', 'User.UserId']);
  });
});

describe('values', () => {
  test.each<[unknown, string]>([
    ['text', 'text'],
    [' ', ' '],
    [['first', 'second'], 'first'],
    [['', 'second'], 'second'],
    [[null, {}, [], ['nested'], '', 0], '0'],
    [[false], 'false'],
    [0, '0'],
    [-1.5, '-1.5'],
    [true, 'true'],
    ['"quotes" \\ \n\t{}[]', '"quotes" \\ \n\t{}[]'],
    ['👩‍👩‍👧 が', '👩‍👩‍👧 が'],
    ['{{Attributes.Y}}', '{{Attributes.Y}}'],
    ['{{', '{{'],
    ['$& $1 $$', '$& $1 $$'],
    ['a\ud800b\udc00', 'a\ufffdb\ufffd'],
  ])('%j is inserted as %j', (value, text) => {
    const endpoint = { Attributes: { X: value, Y: 'rendered twice' } };

    expect(renderedText('<{{Attributes.X}}>', endpoint)).toBe(`<${text}>`);
    expect(renderedText('<{{Attributes.X|default}}>', endpoint)).toBe(`<${text}>`);
  });

  test.each<[string, JsonObject]>([
    ['an empty text', withAttribute('')],
    ['null', withAttribute(null)],
    ['an object', withAttribute({ a: 1 })],
    ['an empty list', withAttribute([])],
    ['a list of nothing', withAttribute(['', null, {}, ['x']])],
    ['a number that is none', withAttribute(Infinity)],
    ['no such attribute', { Attributes: {} }],
    ['no attributes', {}],
    ['attributes that are a list', { Attributes: ['X'] }],
    ['attributes that are a text', { Attributes: 'X' }],
    ['attributes that are null', { Attributes: null }],
  ])('%s is missing', (_case, endpoint) => {
    expect(compiled({ type: 'text', text: 'Hi {{Attributes.X}}' }).render(endpoint)).toEqual({ missing: 'Attributes.X' });
    expect(renderedText('Hi {{Attributes.X|you}}', endpoint)).toBe('Hi you');
  });

  test.each(['constructor', 'toString', 'hasOwnProperty', '__proto__', '__defineGetter__', 'length', 'name'])('%s is an attribute like any other', (name) => {
    const message = { type: 'text', text: `{{Attributes.${name}}}{{User.UserAttributes.${name}}}` };
    const named = JSON.parse(`{ "${name}": ["own"] }`) as JsonObject;

    expect(compiled(message).render({ Attributes: {}, User: { UserAttributes: {} } })).toEqual({ missing: `Attributes.${name}` });
    expect(compiled(message).render({ Attributes: named, User: { UserAttributes: 'text' } })).toEqual({ missing: `User.UserAttributes.${name}` });
    expect(compiled(message).render({ Attributes: named, User: { UserAttributes: named } })).toEqual([{ type: 'text', text: 'ownown' }]);
  });

  test('of a prototype are none', () => {
    expect(compiled({ type: 'text', text: '{{Attributes.X}}' }).render(Object.create(withAttribute('inherited')) as JsonObject)).toEqual({ missing: 'Attributes.X' });
  });

  test('the first that is missing is named, defaults not counted', () => {
    const messages = compiled(
      { type: 'text', text: '{{Attributes.Shop}}{{Attributes.A|default}}' },
      { type: 'location', title: '{{Location.City}}', address: '{{Attributes.B}} {{Attributes.A}}' },
    );

    expect(messages.render(HANAKO)).toEqual({ missing: 'Attributes.B' });
    expect(messages.render({})).toEqual({ missing: 'Attributes.Shop' });
  });
});

describe('messages', () => {
  const flex = {
    type: 'flex',
    altText: 'For {{Attributes.FirstName}}',
    contents: {
      type: 'bubble',
      header: { type: 'box', layout: 'vertical', contents: [{ type: 'text', text: 'plain' }] },
      body: {
        type: 'box',
        layout: 'vertical',
        contents: [
          { type: 'text', text: 'plain' },
          { type: 'text', text: '{{Metrics.visits}} visits', wrap: true, flex: 0, size: null },
          { type: 'text', contents: [{ type: 'span', text: '{{Location.City}}' }, { type: 'span', text: 'x' }] },
        ],
      },
    },
  };
  const sticker = { type: 'sticker', packageId: '1', stickerId: '2' };

  test('are rendered in every string, at any depth', () => {
    const result = compiled(sticker, flex).render(HANAKO);

    expect(result).toEqual(JSON.parse(JSON.stringify([sticker, flex])
      .replace('{{Attributes.FirstName}}', 'Hanako').replace('{{Metrics.visits}}', '3').replace('{{Location.City}}', 'Tokyo')));
    expect(JSON.stringify(result)).toBe(JSON.stringify([sticker, flex])
      .replace('{{Attributes.FirstName}}', 'Hanako').replace('{{Metrics.visits}}', '3').replace('{{Location.City}}', 'Tokyo'));
  });

  test('share what holds no placeholder', () => {
    const before = JSON.stringify(flex);

    const result = compiled(sticker, flex).render(HANAKO) as unknown as [object, typeof flex];

    expect(result[0]).toBe(sticker);
    expect(result[1].contents.header).toBe(flex.contents.header);
    expect(result[1].contents.body.contents[0]).toBe(flex.contents.body.contents[0]);
    expect(result[1].contents.body.contents[2].contents?.[1]).toBe(flex.contents.body.contents[2].contents?.[1]);
    expect(JSON.stringify(flex)).toBe(before);
  });

  test('keep names, order and odd members', () => {
    const json = '[{"type":"x","2":"b","1":"a","{{Attributes.Shop}}":"{{Attributes.Shop}}","__proto__":{"polluted":"{{Attributes.Shop}}"},"constructor":"{{Attributes.Shop}}","last":null}]';
    const messages = JSON.parse(json) as LineMessage[];

    const result = compiled(...messages).render(HANAKO) as LineMessage[];

    expect(JSON.stringify(result)).toBe(JSON.stringify(messages).replaceAll(':"{{Attributes.Shop}}"', ':"Ginza"'));
    expect(Object.getPrototypeOf(result[0])).toBe(Object.prototype);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test('a `__proto__` that is a placeholder itself stays a member', () => {
    const result = rendered(JSON.parse('{"type":"x","__proto__":"{{Attributes.Shop}}"}') as object);

    expect(JSON.stringify(result)).toBe('{"type":"x","__proto__":"Ginza"}');
  });

  test('of no kind at all are none to render', () => {
    expect(compiled().render(HANAKO)).toEqual([]);
  });

  test('that are nested without end are refused', () => {
    const nested = (depth: number, leaf: unknown): LineMessage => {
      let value = leaf;
      for (let i = 0; i < depth; i++) {
        value = i % 2 ? { contents: value } : [value];
      }
      return { type: 'flex', contents: value };
    };

    const error = compileMessages([{ type: 'text', text: 'ok' }, nested(50_000, 'secret')]) as ContentError;

    expect(error).toBeInstanceOf(ContentError);
    expect(error.code).toBe(SendErrorCode.INVALID_CONTENT);
    expect(error.message).toBe('messages[1] is nested more than 200 levels deep; LINE shows no such message: make it flatter');
    expect(JSON.stringify(rendered(nested(200, '{{Attributes.Shop}}')))).toContain('Ginza');
  });

  test('that are no messages are the caller\'s mistake', () => {
    expect(() => compileMessages([null] as unknown as LineMessage[])).toThrow(TypeError);
  });
});

describe('textV2', () => {
  test.each([
    ['Hi {{Attributes.X}}', 'a', 'Hi a'],
    ['Hi {{Attributes.X}}', '{user1}', 'Hi {{user1}}'],
    ['Hi {{Attributes.X}}', '}{{', 'Hi }}{{{{'],
    ['{user1} {{literal}} {{Attributes.X}}', '{', '{user1} {{literal}} {{'],
    ['Hi {{Attributes.None|{you} and me}}', '', 'Hi {{you}} and me'],
  ])('%j with the value %j becomes %j', (template, value, text) => {
    expect(renderedText(template, withAttribute(value), 'textV2')).toBe(text);
  });

  test('doubles braces in its text only', () => {
    const message = (type: string): object => ({ type, text: '{{Attributes.X}}', quoteToken: '{{Attributes.X}}', quickReply: { items: [{ text: '{{Attributes.X}}' }] } });

    expect(rendered(message('textV2'), withAttribute('{a}')))
      .toEqual({ type: 'textV2', text: '{{a}}', quoteToken: '{a}', quickReply: { items: [{ text: '{a}' }] } });
    expect(rendered(message('text'), withAttribute('{a}')))
      .toEqual({ type: 'text', text: '{a}', quoteToken: '{a}', quickReply: { items: [{ text: '{a}' }] } });
  });
});

describe('emojis', () => {
  const emoji = { productId: 'p', emojiId: '001' };

  test.each<[string, string, number[], string, number[]]>([
    ['grows', '$ {{Attributes.X}} $', [0, 19], 'a long, long name of somebody', [0, 32]],
    ['shrinks', '$ {{Attributes.X}} $', [0, 19], 'a', [0, 4]],
    ['keeps its length', '{{Attributes.X}}$', [16], '0123456789abcdef', [16]],
    ['is counted in UTF-16 code units', '{{Attributes.X}}$', [16], '😀', [2]],
    ['stands between two', '{{Attributes.X}}${{Attributes.X}}$', [16, 33], 'ab', [2, 5]],
    ['follows', '${{Attributes.X}}', [0], 'ab', [0]],
    ['has a default', '{{Attributes.None|}}$', [20], 'ab', [0]],
    ['lies before the end of the text', '{{Attributes.X}}', [16], 'ab', [2]],
  ])('follow their character when text %s', (_case, text, indexes, value, expected) => {
    const result = rendered({ type: 'text', text, emojis: indexes.map((index) => ({ index, ...emoji })) }, withAttribute(value));

    expect(result.emojis).toEqual(expected.map((index) => ({ index, ...emoji })));
  });

  test('may hold placeholders themselves, and come before the text', () => {
    const message = { type: 'text', emojis: [{ index: 16, productId: '{{Attributes.P}}', emojiId: '1' }], text: '{{Attributes.X}}$' };

    const result = rendered(message, { Attributes: { X: 'ab', P: 'p' } });

    expect(JSON.stringify(result)).toBe('{"type":"text","emojis":[{"index":2,"productId":"p","emojiId":"1"}],"text":"ab$"}');
  });

  test.each([0, 1, 15])('that point inside a placeholder, at %i, are refused', (index) => {
    const error = compileMessages([{ type: 'sticker' }, { type: 'text', text: '{{Attributes.X}}$', emojis: [{ index: 16 }, { index }] }]) as ContentError;

    expect(error).toBeInstanceOf(ContentError);
    expect(error.code).toBe(SendErrorCode.INVALID_CONTENT);
    expect(error.message).toBe(
      `\`messages[1].emojis[1].index\` must be the position of a \`$\` outside of placeholders, got ${index}; count in the text as it is written, placeholders included`);
  });

  test('are at most 20, as LINE takes them, so that no content takes seconds for each person', () => {
    const message = (count: number) => ({ type: 'text', text: '$'.repeat(count) + '{{Attributes.X}}'.repeat(20_000), emojis: Array.from({ length: count }, (_, index) => ({ index })) });
    const started = performance.now();

    expect(rendered(message(20), withAttribute('ab')).emojis).toHaveLength(20);
    expect(compileMessages([message(12_000)])).toMatchObject({
      code: SendErrorCode.INVALID_CONTENT, message: '`messages[0].emojis` must be an array of at most 20, got an array of 12000; take some away',
    });

    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test.each<[string, unknown]>([
    ['none', undefined],
    ['no list', { index: 3 }],
    ['an empty list', []],
    ['strange elements', [null, 'x', 1, [], {}, { index: '3' }, { index: 1.5 }, { index: null }, { index: -1 }]],
  ])('that are malformed (%s) are left to the rules of messages', (_case, emojis) => {
    expect(rendered({ type: 'text', text: '{{Attributes.X}}$', emojis }, withAttribute('ab'))).toEqual({ type: 'text', text: 'ab$', emojis });
  });

  test('belong to text messages only, and to their text', () => {
    const emojis = [{ index: 16 }];

    expect(rendered({ type: 'textV2', text: '{{Attributes.X}}$', emojis }, withAttribute('ab')).emojis).toBe(emojis);
    expect(rendered({ type: 'text', text: 'a', emojis, sender: { text: '{{Attributes.X}}', name: '{{Attributes.X}}' } }, withAttribute('ab')).emojis).toBe(emojis);
    expect(rendered({ type: 'text', text: ['{{Attributes.X}}'], emojis }, withAttribute('ab')).emojis).toBe(emojis);
  });
});

describe('URLs', () => {
  const MEMBERS = ['originalContentUrl', 'previewImageUrl', 'baseUrl', 'linkUri', 'uri', 'desktop', 'thumbnailImageUrl', 'imageUrl', 'url', 'previewUrl', 'iconUrl'];

  test.each<[string, unknown, string]>([
    ['https://example.com/?q={{Attributes.X}}', 'a b&c=d#e', 'https://example.com/?q=a%20b%26c%3Dd%23e'],
    ['https://example.com/{{Attributes.X}}/x', '../?a/b', 'https://example.com/..%2F%3Fa%2Fb/x'],
    ['https://example.com/#{{Attributes.X}}', '"\'()*!<>\n', 'https://example.com/#%22%27%28%29%2A%21%3C%3E%0A'],
    ['https://example.com/{{Attributes.X}}', '春😀\ud800', 'https://example.com/%E6%98%A5%F0%9F%98%80%EF%BF%BD'],
    ['https://example.com/{{Attributes.None|a b}}', 'x', 'https://example.com/a%20b'],
    ['https://{{Attributes.X}}.example.com/', 'evil.com/', 'https://evil.com%2F.example.com/'],
    ['https://{{Attributes.X}}/', 'a@b', 'https://a%40b/'],
    ['https://{{Attributes.X}}', 'shop.example.com', 'https://shop.example.com'],
    ['line://app/1?x={{Attributes.X}}', '&', 'line://app/1?x=%26'],
    ['tel:{{Attributes.X}}', '+81 3', 'tel:+81%203'],
    ['TEL:0{{Attributes.X}}', '+;ext=1', 'TEL:0+%3Bext%3D1'],
    ['{{Attributes.X}}', 'https://example.com/?a=b&c=d', 'https://example.com/?a=b&c=d'],
    ['{{Attributes.X|https://example.com/?a=b}}', '', 'https://example.com/?a=b'],
    ['{{Attributes.X}}/{{Attributes.X}}', 'https://example.com/', 'https://example.com//https%3A%2F%2Fexample.com%2F'],
    ['media://image/{{Attributes.X}}/a.png', '春 b', 'media://image/春 b/a.png'],
    ['media://image/{{Attributes.X}}.png', 'a.b..', 'media://image/a.b...png'],
    // the author may lead to a media object
    ['{{Attributes.None|media://image/a.png}}', 'x', 'media://image/a.png'],
    ['media://image/{{Attributes.None|cards/../a}}.png', 'x', 'media://image/cards/../a.png'],
    // what looks like one does not
    ['{{Attributes.X}}', 'https://example.com/media://image/a.png', 'https://example.com/media://image/a.png'],
    ['{{Attributes.X}}', 'mediator://a', 'mediator://a'],
    ['https://example.com/{{Attributes.X}}', 'media://image/a.png', 'https://example.com/media%3A%2F%2Fimage%2Fa.png'],
  ])('%s with %j leads to %s', (template, value, url) => {
    expect(rendered({ type: 'x', url: template }, withAttribute(value)).url).toBe(url);
  });

  test.each([
    ...['media://image/other.png', 'MEDIA://image/other.png', ' \t\nMedia://image/other.png', 'media:/', 'media'].map((value) => ['{{Attributes.X}}', value]),
    ['{{Attributes.X}}/image/a.png', 'media:/'], ['{{Attributes.X}}://image/a.png', 'media'],
    ...['../other', 'a/b', '/', '\\', 'a\\..\\b', '.', '..'].map((value) => ['media://image/cards/{{Attributes.X}}.png', value]),
    ['media://image{{Attributes.X}}', '/a.png'], ['media://{{Attributes.X}}', 'image/a.png'],
  ])('%s with %j would lead to an object that the author does not mean: the value is missing', (url, value) => {
    const withDefault = url.replace('}}', '|default}}');

    expect(compiled({ type: 'x', contents: [{ url }] }).render(withAttribute([value, 'second']))).toEqual({ missing: 'Attributes.X' });
    expect(rendered({ type: 'x', url: withDefault }, withAttribute(value)).url).toBe(url.replace('{{Attributes.X}}', 'default'));
    expect(renderedText(url, withAttribute(value))).toBe(url.replace('{{Attributes.X}}', value));
  });

  test.each(MEMBERS)('`%s` holds one, at any depth', (name) => {
    const member = { [name]: 'https://example.com/{{Attributes.X}}' };

    expect(rendered({ type: 'x', ...member, contents: [{ a: member }] }, withAttribute('a/b')))
      .toEqual({ type: 'x', [name]: 'https://example.com/a%2Fb', contents: [{ a: { [name]: 'https://example.com/a%2Fb' } }] });
  });

  test.each(['text', 'altText', 'label', 'data', 'displayText', 'clipboardText', 'address', 'Uri'])('`%s` holds none, whatever it looks like', (name) => {
    expect(rendered({ type: 'x', [name]: 'https://a{{Attributes.X}}' }, withAttribute('.b/c d'))[name]).toBe('https://a.b/c d');
  });

  test('a list is none', () => {
    expect(rendered({ type: 'x', url: ['https://a{{Attributes.X}}'] }, withAttribute('/ b')).url).toEqual(['https://a/ b']);
  });

  test.each([
    'https://example.com{{Attributes.X}}', 'https://example.com{{Attributes.X}}/path', 'https://example.com{{Attributes.X}}?q', 'https://example.com:{{Attributes.X}}#f',
    'https://{{Attributes.X}}{{Attributes.X|y}}', 'line://a{{Attributes.X}}',
  ])('%s is refused: a value could change the host', (url) => {
    const error = compileMessages([{ type: 'flex', contents: { hero: { action: { uri: url } } } }]) as ContentError;

    expect(error).toBeInstanceOf(ContentError);
    expect(error.code).toBe(SendErrorCode.INVALID_CONTENT);
    expect(error.message).toBe('`messages[0].contents.hero.action.uri` has a host that ends in a placeholder, so that a value could lead to somebody else\'s host; '
      + 'write a `/` between them, or make the placeholder the whole host');
  });
});

describe('whatever the content and the person', () => {
  const anyText = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }),
    fc.constantFrom('{{Attributes.X}}', '{{', '}}', '{', '"', '\\', '\n', '\ud83d', '😀', '$', '","type":"x', '__proto__'));
  const value = anyText.filter((text) => text !== '');
  const placeholder = fc.constantFrom('{{Attributes.X}}', '{{ Attributes.Y }}', '{{Attributes.X|default}}', '{{Attributes.None|}}');
  const literal = fc.string({ unit: fc.constantFrom('a', ' ', '$', '"', '{', '}', '\n', '😀') }).filter((text) => !/[{}]{2}|[{}]$|^[{}]/.test(text));
  const template = fc.array(fc.oneof(placeholder, literal), { maxLength: 6 }).map((parts) => parts.join(''));
  const endpoint = fc.record({ X: value, Y: fc.tuple(value) }).map((Attributes): JsonObject => ({ Attributes }));
  const plainName = fc.string().filter((name) => !['__proto__', 'emojis'].includes(name));
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof({ maxDepth: 4 }, template, fc.constantFrom(null, true, 1.5),
      fc.array(tie('tree'), { maxLength: 4 }), fc.dictionary(plainName, tie('tree'), { maxKeys: 4, noNullPrototype: true })),
  }));
  const message = fc.tuple(fc.constantFrom('text', 'textV2', 'flex'), fc.dictionary(plainName, tree, { maxKeys: 4, noNullPrototype: true }))
    .map(([type, members]): LineMessage => ({ ...members, type }));

  /** The same with every string replaced by one. */
  const shape = (part: unknown): string => JSON.stringify(part, (_name, member: unknown) => typeof member === 'string' ? 's' : member);

  test('no value changes the structure', () => {
    fc.assert(fc.property(fc.array(message, { maxLength: 5 }), endpoint, (messages, person) => {
      const result = JSON.parse(JSON.stringify(compiled(...messages).render(person))) as unknown;

      expect(shape(result)).toBe(shape(messages));
    }));
  });

  test('every placeholder is replaced, once, by what it stands for', () => {
    const part = fc.oneof(fc.record({ text: literal }), fc.record({ placeholder }));
    fc.assert(fc.property(fc.array(part, { maxLength: 6 }), endpoint, (parts, person) => {
      const { X, Y: [Y] } = person.Attributes as { X: string; Y: string[] };
      const values = { '{{Attributes.X}}': X, '{{ Attributes.Y }}': Y, '{{Attributes.X|default}}': X, '{{Attributes.None|}}': '' };
      const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd');

      const text = renderedText(parts.map((each) => 'text' in each ? each.text : each.placeholder).join(''), person);

      expect(text).toBe(parts.map((each) => 'text' in each ? each.text : wellFormed(values[each.placeholder as keyof typeof values])).join(''));
    }));
  });

  test('what holds no placeholder is handed back', () => {
    const plainMessage = fc.dictionary(fc.string(), fc.jsonValue()).map((members): LineMessage => ({ ...members, type: 'x' }));
    fc.assert(fc.property(fc.array(plainMessage), fc.object(), (messages, person) => {
      const result = compileMessages(messages) as PersonalisedMessages;

      expect(result.isPersonalised).toBe(false);
      expect(result.render(person as JsonObject)).toBe(messages);
    }));
  });

  test('rendering changes nothing: a second time gives the same, and the content stays', () => {
    fc.assert(fc.property(fc.array(message), endpoint, endpoint, (messages, person, other) => {
      const before = JSON.stringify(messages);
      const content = compiled(...messages);

      const first = JSON.stringify(content.render(person));
      content.render(other);

      expect(JSON.stringify(content.render(person))).toBe(first);
      expect(JSON.stringify(messages)).toBe(before);
    }));
  });

  test('every emoji still points at its character', () => {
    fc.assert(fc.property(template, endpoint, (text, person) => {
      const inPlaceholder = [...text.matchAll(/\{\{.*?\}\}/gs)].map((match) => [match.index, match.index + match[0].length]);
      const indexes = [...text].flatMap((_character, position, all) => all[position] === '$' ? [all.slice(0, position).join('').length] : [])
        .filter((index) => !inPlaceholder.some(([start, end]) => start <= index && index < end));

      const result = rendered({ type: 'text', text, emojis: indexes.map((index) => ({ index })) }, person) as { text?: string; emojis?: { index: number }[] };

      expect(result.emojis?.map(({ index }) => result.text?.[index])).toEqual(indexes.map(() => '$'));
      expect(new Set(result.emojis?.map(({ index }) => index)).size).toBe(indexes.length);
    }));
  });

  test('LINE reads the value that was meant from a textV2', () => {
    fc.assert(fc.property(value, (name) => {
      const text = renderedText('{user1}: {{Attributes.X}}', withAttribute(name), 'textV2') as string;
      const inserted = text.slice('{user1}: '.length);

      expect(inserted.replace(/\{\{|\}\}/g, '')).not.toMatch(/[{}]/);
      expect(inserted.replace(/\{\{/g, '{').replace(/\}\}/g, '}')).toBe(renderedText('{{Attributes.X}}', withAttribute(name)));
    }));
  });

  test('a value stays in its place in a URL', () => {
    fc.assert(fc.property(value, (name) => {
      const { uri } = rendered({ type: 'x', uri: 'https://shop.example.com/hello?name={{Attributes.X}}&x=1#top' }, withAttribute(name));
      const { searchParams, host, pathname, hash } = new URL(uri as string);

      expect([host, pathname, hash]).toEqual(['shop.example.com', '/hello', '#top']);
      expect([...searchParams]).toEqual([['name', renderedText('{{Attributes.X}}', withAttribute(name))], ['x', '1']]);
    }));
  });

  test('no endpoint makes it throw', () => {
    const content = compiled({ type: 'text', text: '{{Attributes.X}}{{User.UserAttributes.X|x}}{{User.UserId}}{{Location.City|x}}{{Metrics.X}}' });
    const member = fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom('X', 'UserId', 'UserAttributes', 'City'), fc.jsonValue()));
    const anybody = fc.oneof(fc.dictionary(fc.constantFrom('Attributes', 'User', 'Location', 'Metrics', '__proto__'), member), fc.object());
    fc.assert(fc.property(anybody, (person) => {
      const result = content.render(person as JsonObject);

      const isMissing = content.paths.includes((result as MissingAttribute).missing);
      expect(isMissing || typeof (result as LineMessage[])[0].text === 'string').toBe(true);
    }));
  });

  test('no content makes it throw', () => {
    const anyMessage = fc.oneof(message, fc.dictionary(fc.string(), fc.jsonValue()).map((members) => members as LineMessage));
    fc.assert(fc.property(fc.array(anyMessage), endpoint, (messages, person) => {
      const result = compileMessages(messages);

      expect(result instanceof ContentError || Array.isArray(result.render(person))).toBe(true);
    }));
  });
});
