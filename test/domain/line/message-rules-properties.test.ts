import * as fc from 'fast-check';
import { area, bubble, check } from './message-rules-samples';
import { ContentError } from '../../../src/domain/line/content-error';
import { hasMoreGraphemes } from '../../../src/domain/line/message-rules-checker';

/** Text of whole characters, of this length as LINE counts it. */
const clusters = (max: number, min = 1) => fc.string({ unit: 'grapheme', minLength: min, maxLength: max })
  .filter((value) => (min === 0 || hasMoreGraphemes(value, min - 1)) && !hasMoreGraphemes(value, max) && !/\p{Surrogate}/u.test(value));
const units = (max: number, min = 1) => fc.string({ unit: 'grapheme', minLength: min, maxLength: Math.min(max, 200) })
  .filter((value) => value.length >= min && value.length <= max && !/\p{Surrogate}/u.test(value));

const path = fc.webPath().map((value) => `https://example.com${value}`);
const link = fc.oneof(path, fc.constantFrom('tel:09001234567', 'line://nv/settings', 'http://example.com/検索'));
const color = fc.constantFrom('#fff', '#00b900', '#00000080');
const some = <T extends object>(members: { [K in keyof T]: fc.Arbitrary<T[K]> }, required: object = {}) =>
  fc.tuple(fc.record(members, { requiredKeys: [] }), fc.record(required as Record<string, fc.Arbitrary<unknown>>))
    .map(([optional, all]) => ({ ...optional, ...all }));
const of = (type: string) => ({ type: fc.constant(type) });

function action(max: number, isRequired: boolean): fc.Arbitrary<object> {
  const label = clusters(max);
  const optional = isRequired ? {} : { label };
  const required = isRequired ? { label } : {};
  return fc.oneof(
    some({ ...optional, displayText: clusters(300) }, { ...required, ...of('postback'), data: units(300, 0) }),
    some({ ...optional, fillInText: clusters(300) }, { ...required, ...of('postback'), data: units(300), inputOption: fc.constant('openKeyboard') }),
    some(optional, { ...required, ...of('message'), text: clusters(300) }),
    some({ ...optional, altUri: fc.record({ desktop: link }) }, { ...required, ...of('uri'), uri: link }),
    some({ ...optional, initial: fc.constant('2026-05-05T12:00') }, { ...required, ...of('datetimepicker'), data: units(300), mode: fc.constant('datetime') }),
    some(optional, { ...required, ...of('clipboard'), clipboardText: units(1_000) }),
  );
}

const { component } = fc.letrec<{ component: object; box: object }>((tie) => ({
  component: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    some({ color, flex: fc.nat(), wrap: fc.boolean(), action: action(40, false), size: fc.constant('md') }, { ...of('text'), text: units(200) }),
    some({ color }, { ...of('text'), contents: fc.array(some({ text: units(20), color }, of('span')), { minLength: 1, maxLength: 3 }) }),
    some({ style: fc.constantFrom('primary', 'link'), color }, { ...of('button'), action: action(40, true) }),
    some({ aspectRatio: fc.constantFrom('1:1', '20:13'), action: action(40, false) }, { ...of('image'), url: path }),
    some({ margin: fc.constant('10px'), color }, of('separator')),
    tie('box'),
  ),
  box: fc.oneof(
    some({ backgroundColor: color, action: action(40, false) }, {
      ...of('box'), layout: fc.constantFrom('vertical', 'horizontal'), contents: fc.array(tie('component'), { maxLength: 3 }),
    }),
    some({}, { ...of('box'), layout: fc.constant('baseline'), contents: fc.array(some({ size: fc.constant('sm') }, { ...of('icon'), url: path }), { maxLength: 3 }) }),
  ),
}));
const body = fc.array(component, { maxLength: 4 }).map((contents) => ({ type: 'box', layout: 'vertical', contents }));
const container = fc.oneof(
  some({ body, header: body, footer: body, action: action(40, false), size: fc.constantFrom('kilo', 'giga') }, of('bubble')),
  fc.array(body.map((inner) => bubble({ body: inner })), { minLength: 1, maxLength: 12 }).map((contents) => ({ type: 'carousel', contents })),
).filter((value) => Buffer.byteLength(JSON.stringify(value)) < 30_000);

const columns = fc.record({
  title: clusters(40),
  text: clusters(60),
  action: action(20, true),
  actions: fc.integer({ min: 1, max: 3 }),
  columns: fc.integer({ min: 1, max: 10 }),
}).map((all) => Array.from({ length: all.columns }, () => ({
  title: all.title,
  text: all.text,
  actions: Array.from({ length: all.actions }, () => all.action),
})));

const template = fc.oneof(
  some({ defaultAction: action(20, true) }, { ...of('buttons'), text: clusters(160), actions: fc.array(action(20, true), { minLength: 1, maxLength: 4 }) }),
  some({ title: clusters(40), thumbnailImageUrl: path, imageBackgroundColor: color }, {
    ...of('buttons'), text: clusters(60), actions: fc.array(action(20, true), { minLength: 1, maxLength: 4 }),
  }),
  some({}, { ...of('confirm'), text: clusters(240), actions: fc.tuple(action(20, true), action(20, true)) }),
  some({ imageSize: fc.constantFrom('cover', 'contain') }, { ...of('carousel'), columns }),
  some({}, { ...of('image_carousel'), columns: fc.array(fc.record({ imageUrl: path, action: action(12, false) }), { minLength: 1, maxLength: 10 }) }),
);

const altText = units(1_500);
const visible = units(5_000).filter((value) => value.trim() !== '');
const emoji = { productId: fc.constant('p'), emojiId: fc.constant('e') };
const typed = fc.oneof(
  some({ quoteToken: units(50) }, { ...of('text'), text: visible }),
  // A text with emojis at every `$` of its own.
  fc.array(fc.constantFrom('$', 'a', '🍎', 'か'), { minLength: 1, maxLength: 20 }).map((characters) => characters.join('')).map((value) => ({
    type: 'text', text: value, emojis: [...value.matchAll(/\$/g)].map(({ index }) => ({ index, productId: 'p', emojiId: 'e' })),
  })),
  // A text whose braces are all literal, and one with a placeholder behind it.
  visible.filter((value) => value.length <= 2_000).map((value) => ({ type: 'textV2', text: value.replace(/[{}]/g, '$&$&') })),
  fc.record({ key: fc.stringMatching(/^\w{1,20}$/), text: units(2_000), value: fc.record({ ...of('emoji'), ...emoji }) }).map(({ key, text, value }) => ({
    type: 'textV2', text: `${text.replace(/[{}]/g, '$&$&')} {${key}}`, substitution: Object.fromEntries([[key, value]]),
  })),
  some({}, { ...of('sticker'), packageId: units(10), stickerId: units(10) }),
  some({}, { ...of('image'), originalContentUrl: path, previewImageUrl: path }),
  some({ trackingId: fc.stringMatching(/^[\w.=,+*()%$&;:@{}!?<>[\]-]{1,100}$/).map((id) => id.replaceAll('_', '-')) }, { ...of('video'), originalContentUrl: path, previewImageUrl: path }),
  some({}, { ...of('audio'), originalContentUrl: path, duration: fc.integer({ min: 1 }) }),
  some({}, {
    ...of('location'),
    title: units(100),
    address: units(100),
    latitude: fc.double({ min: -90, max: 90, noNaN: true }),
    longitude: fc.double({ min: -180, max: 180, noNaN: true }),
  }),
  some({}, {
    ...of('imagemap'),
    altText,
    baseUrl: path.map((url) => url.replace(/[?#].*$/, '')),
    baseSize: fc.record({ width: fc.constant(1_040), height: fc.integer({ min: 1 }) }),
    actions: fc.array(some({ label: units(100) }, { ...of('message'), text: units(400), area: fc.constant(area) }), { maxLength: 50 }),
  }),
  some({}, { ...of('template'), altText, template }),
  some({}, { ...of('flex'), altText, contents: container }),
  some({ deliveryTag: fc.stringMatching(/^\w{1,30}$/) }, { ...of('coupon'), couponId: units(40) }),
);
const quickReply = fc.array(fc.record({ ...of('action'), action: action(20, true) }), { minLength: 1, maxLength: 13 }).map((items) => ({ items }));
const message: fc.Arbitrary<Record<string, unknown>> = fc.tuple(typed, some({ quickReply, sender: some({ name: units(20), iconUrl: path }) }))
  .map(([own, common]) => ({ ...own, ...common }));

test('any message that is built by the rules passes', () => {
  fc.assert(fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), (messages) => {
    expect(check(...messages)?.message).toBeUndefined();
    // as does the one that LINE reads
    expect(check(...JSON.parse(JSON.stringify(messages)))?.message).toBeUndefined();
  }), { numRuns: 300 });
});

/** Any JSON, with names that objects have by nature. */
const json = fc.oneof(
  fc.jsonValue(),
  fc.dictionary(fc.constantFrom('__proto__', 'constructor', 'toString', 'type', 'text', 'contents', 'action', 'length'), fc.jsonValue(), { noNullPrototype: true }),
  fc.constantFrom('text', 'flex', 'box', 'carousel', '\ud83c', '', -0, 1e308, [[]], JSON.parse('{"__proto__":{"type":"text"}}')),
);

test('no JSON makes the check throw', () => {
  fc.assert(fc.property(fc.array(json, { maxLength: 6 }), (messages) => {
    const error = check(...messages);
    expect(error === undefined || error instanceof ContentError).toBe(true);
  }), { numRuns: 1_000 });
});

/** The holders of all members and elements in the value. */
function places(value: unknown): [Record<string, unknown>, string][] {
  return typeof value !== 'object' || value === null ? [] : Object.keys(value).flatMap((name) => {
    const holder = value as Record<string, unknown>;
    return [[holder, name] as [Record<string, unknown>, string], ...places(holder[name])];
  });
}

test('any JSON in any place of a good message is let through or refused with its place', () => {
  fc.assert(fc.property(message, fc.nat(), json, (good, position, value) => {
    const changed = JSON.parse(JSON.stringify(good));
    const all = places(changed);
    const [holder, name] = all[position % all.length];
    holder[name] = value;

    const error = check(changed);

    expect(error === undefined || error instanceof ContentError).toBe(true);
    if (error) {
      expect(error.message).toMatch(/^messages\[0\][\w.[\]…]* must be .+, got .+; .+$/s);
    }
  }), { numRuns: 1_000 });
});

test('a required member that is taken away is missed by its path', () => {
  const required: Record<string, string[]> = {
    text: ['text'],
    textV2: ['text'],
    sticker: ['packageId', 'stickerId'],
    image: ['originalContentUrl', 'previewImageUrl'],
    video: ['originalContentUrl', 'previewImageUrl'],
    audio: ['originalContentUrl', 'duration'],
    location: ['title', 'address', 'latitude', 'longitude'],
    imagemap: ['baseUrl', 'altText', 'baseSize', 'actions'],
    template: ['altText', 'template'],
    flex: ['altText', 'contents'],
    coupon: ['couponId'],
  };
  fc.assert(fc.property(message, fc.nat(), (good, position) => {
    const names = required[good.type as string];
    const name = names[position % names.length];
    expect(check({ ...good, [name]: undefined })?.message).toBe(`messages[0].${name} must be present, got nothing; add it`);
  }), { numRuns: 200 });
});

test('members that LINE does not know of pass anywhere', () => {
  fc.assert(fc.property(message, fc.nat(), fc.jsonValue(), (good, position, value) => {
    const changed = JSON.parse(JSON.stringify(good));
    const objects = [changed, ...places(changed).map(([holder, name]) => holder[name])]
      .filter((inner) => typeof inner === 'object' && inner !== null && !Array.isArray(inner) && !('type' in inner && inner.type === 'textV2'));
    // A substitution's members are named by the author; every other object's by LINE.
    fc.pre(changed.type !== 'textV2' && objects.length > 0 && !/\\ud[89a-f]/.test(JSON.stringify(value)));
    objects[position % objects.length].laterAddition = value;
    expect(check(changed)?.message).toBeUndefined();
  }), { numRuns: 300 });
});
