import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { SendErrorCode } from '../../../src/contract/custom-channel';
import { SendFunctionType } from '../../../src/contract/media';
import { Addressee, ComposeDependencies, Composition, ContentComposer, contentComposer } from '../../../src/domain/line/compose-content';
import { ContentError } from '../../../src/domain/line/content-error';

/** A bucket of pictures, and one of templates by their keys; both count what they are asked. */
class World implements ComposeDependencies {
  public readonly asked: string[] = [];
  public readonly signed: string[] = [];
  public failure?: Error;
  public readonly media: ComposeDependencies['media'] = {
    types: ['image', 'audio', 'video'],
    find: async (type, key) => {
      this.ask(`${type}/${key}`);
      return key.includes('absent') ? undefined : { type, key, bytes: 5, contentType: key.endsWith('.mp4') ? 'video/mp4' : 'image/png', versionId: 'v1' };
    },
    url: async ({ type, key, versionId }) => {
      this.signed.push(key);
      return `https://media.example.com/${type}/${versionId}/${encodeURIComponent(key)}`;
    },
    imagemapUrl: (key) => `https://media.example.com/maps/${key}`,
  };
  public readonly templates: ComposeDependencies['templates'] = {
    find: async (key, version) => {
      this.ask(version === undefined ? key : `${key}@${version}`);
      const object = this.objects[version === undefined ? key : `${key}@${version}`];
      if (object instanceof Error) {
        throw object;
      }
      return object === undefined ? undefined : { text: typeof object === 'string' ? object : JSON.stringify(object), version: version ?? 'v1' };
    },
  };

  constructor(private readonly objects: Record<string, unknown> = {}) {}

  private ask(what: string): void {
    this.asked.push(what);
    if (this.failure) {
      throw this.failure;
    }
  }
}

const composer = (data: unknown, world = new World(), functionType: SendFunctionType = 'any'): ContentComposer =>
  contentComposer(typeof data === 'string' ? data : JSON.stringify(data), { functionType, sampleMessages: false }, world);

const person = (n: number, endpoint = {}): Addressee => ({ id: `e${n}`, to: `U${n}`, endpoint });
const named = (...names: (string | undefined)[]) => names.map((Name, n) => person(n, { Attributes: Name === undefined ? {} : { Name: [Name] } }));
const speaking = (...locales: string[]) => locales.map((Locale, n) => person(n, { Demographic: { Locale } }));
const people = (count: number) => Array.from({ length: count }, (_, n) => person(n));

async function composed(subject: ContentComposer, addressees: readonly Addressee[]): Promise<Composition> {
  const composition = await subject.compose(addressees);
  if (composition instanceof ContentError) {
    throw composition;
  }
  return composition;
}

async function refused(subject: ContentComposer, addressees: readonly Addressee[]): Promise<ContentError> {
  const error = await subject.compose(addressees);
  expect(error).toBeInstanceOf(ContentError);
  return error as ContentError;
}

const text = (value: string) => ({ type: 'text', text: value });
const content = (...list: object[]) => `"messages":${JSON.stringify(list)}`;
const calls = ({ calls: all }: Composition) => all.map((call) => [call.content, call.recipients.map(({ id }) => id).join(' ')]);
const reasons = ({ excluded }: Composition) => excluded.map(({ id, status, code }) => `${id} ${status} ${code}`);
const HELLO = text('Hello {{Attributes.Name}}');

describe('content that is equal', () => {
  test('is one call for everybody, checked and resolved once for all portions', async () => {
    // GIVEN
    const world = new World();
    const subject = composer('a.png,b.png', world, 'image');
    // WHEN
    const first = await composed(subject, people(3));
    const second = await composed(subject, people(2));
    // THEN
    const expected = content({
      type: 'image', originalContentUrl: 'https://media.example.com/image/v1/a.png', previewImageUrl: 'https://media.example.com/image/v1/b.png',
    });
    expect(first).toMatchObject({ calls: [{ content: expected }], excluded: [], problems: [] });
    expect(first.calls[0].recipients).toEqual([{ id: 'e0', to: 'U0' }, { id: 'e1', to: 'U1' }, { id: 'e2', to: 'U2' }]);
    expect(calls(second)).toEqual([[expected, 'e0 e1']]);
    expect(first).not.toHaveProperty('aggregationUnit');
    expect(world.asked).toEqual(['image/a.png', 'image/b.png']);
    expect(world.signed).toEqual(['a.png', 'b.png']);
  });

  test('goes to at most 500 people a call', async () => {
    const composition = await composed(composer('Hello'), people(1_100));
    expect(composition.calls.map(({ recipients }) => [recipients.length, recipients[0].id])).toEqual([[500, 'e0'], [500, 'e500'], [100, 'e1000']]);
    expect(new Set(composition.calls.map((call) => call.content)).size).toBe(1);
  });

  test('goes to nobody when there is nobody', async () => {
    expect(await composed(composer('Hello'), [])).toEqual({ calls: [], excluded: [], problems: [], toValidate: [] });
  });

  test('has an imagemap\'s base URL', async () => {
    const [[composedContent]] = calls(await composed(composer({ baseKey: 'spring', altText: 'Spring', height: 700, areas: [{ x: 0, y: 0, width: 9, height: 9, text: 'Hi' }] }), people(1)));
    expect(composedContent).toContain('"baseUrl":"https://media.example.com/maps/spring"');
  });

  test.each<[string, object, string]>([
    ['none', {}, ''],
    ['notifications off', { notificationDisabled: true }, ',"notificationDisabled":true'],
    ['notifications on, as they are', { notificationDisabled: false }, ''],
    ['a unit', { customAggregationUnit: 'spring_1' }, ',"customAggregationUnits":["spring_1"]'],
    ['both', { customAggregationUnit: 'a', notificationDisabled: true }, ',"notificationDisabled":true,"customAggregationUnits":["a"]'],
  ])('carries the settings: %s', async (_case, settings, expected) => {
    // WHEN
    const composition = await composed(composer({ messages: [text('Hi')], ...settings }), people(1));
    // THEN
    expect(composition.calls[0].content).toBe(content(text('Hi')) + expected);
    expect(JSON.parse(`{${composition.calls[0].content}}`)).toHaveProperty('messages');
    expect(composition.aggregationUnit).toBe((settings as { customAggregationUnit?: string }).customAggregationUnit);
    expect(composition.toValidate).toEqual([expect.objectContaining({ body: `{${content(text('Hi'))}}` })]);
  });

  test.each<[string, unknown, SendErrorCode, RegExp]>([
    ['blank', '', SendErrorCode.EMPTY_CONTENT, /blank/],
    ['longer than LINE takes', 'x'.repeat(5_001), SendErrorCode.TEXT_TOO_LONG, /5001.*5000|5000.*5001/],
    ['without its medium', { key: 'absent.png' }, SendErrorCode.MEDIA_NOT_FOUND, /absent\.png/],
    ['with a tracking id that LINE does not take', { key: 'a.mp4', previewKey: 'b.png', trackingId: 'a b' }, SendErrorCode.INVALID_CONTENT, /trackingId/],
    ['nested without end', `{"type":"flex","altText":"x","contents":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, SendErrorCode.INVALID_CONTENT, /nested/],
  ])('fails for everybody when it is %s', async (_case, data, code, expected) => {
    const error = await refused(composer(data), people(2));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(expected);
  });
});

describe('content that differs', () => {
  test('is a call for each text, in the order of the first people', async () => {
    const composition = await composed(composer(HELLO), named('Ken', 'Mai', '12', 'Mai', 'Ken', '2'));
    expect(calls(composition)).toEqual([
      [content(text('Hello Ken')), 'e0 e4'], [content(text('Hello Mai')), 'e1 e3'], [content(text('Hello 12')), 'e2'], [content(text('Hello 2')), 'e5'],
    ]);
  });

  test('goes to at most 500 people a call', async () => {
    // GIVEN
    const addressees = named(...Array.from({ length: 1_002 }, (_, n) => (n % 2 === 0 ? 'Ken' : 'Mai')));
    // WHEN
    const composition = await composed(composer(HELLO), addressees);
    // THEN
    expect(composition.calls.map(({ recipients }) => [recipients.length, recipients[0].id])).toEqual([[500, 'e0'], [500, 'e1'], [1, 'e1000'], [1, 'e1001']]);
  });

  test('is not validated by the content of one of the people, who decides for nobody else and may have opted out', async () => {
    // WHEN
    const [one, other] = [await composed(composer(HELLO), named('Ken', 'Mai')), await composed(composer(HELLO), named('Mai'))];
    // THEN
    const source = createHash('sha256').update(JSON.stringify([HELLO])).digest('hex').slice(0, 32);
    expect([one.toValidate, other.toValidate]).toEqual([[], []]);
    expect([...one.calls, ...other.calls].map((call) => call.source)).toEqual([source, source, source]);
  });

  test('quotes no key of a medium, which may be a person\'s name', async () => {
    const { problems: [{ message }] } = await composed(composer({ key: 'cards/absent {{Attributes.Name}}.png' }), named('Suzuki'));
    expect(message).toMatch(/^`messages\[0\]\.originalContentUrl`: image with a key of 23 UTF-16 code units does not exist/);
    expect((await refused(composer({ key: 'cards/absent.png' }), people(1))).message).toContain('image "cards/absent.png" does not exist');
  });

  test('asks for each medium once, and for its URL', async () => {
    // GIVEN
    const world = new World();
    const subject = composer({ key: 'tier-{{Attributes.Name}}.png' }, world, 'image');
    // WHEN
    await composed(subject, named(...Array.from({ length: 100 }, (_, n) => String(n % 3))));
    await composed(subject, named('2', '3'));
    // THEN
    expect(world.asked).toEqual(['image/tier-0.png', 'image/tier-1.png', 'image/tier-2.png', 'image/tier-3.png']);
    expect(world.signed).toEqual(['tier-0.png', 'tier-1.png', 'tier-2.png', 'tier-3.png']);
  });

  test('leaves those out for whom alone it is wrong', async () => {
    // GIVEN
    const subject = composer([text('{{Attributes.Name}}'), { type: 'image', originalContentUrl: 'media://image/{{Attributes.Name}}.png', previewImageUrl: 'media://image/a.png' }]);
    // WHEN
    const composition = await composed(subject, named('ok', 'absent', '../secret', 'ok', 'x'.repeat(5_001)));
    // THEN
    expect(composition.calls).toHaveLength(1);
    expect(composition.calls[0].recipients.map(({ id }) => id)).toEqual(['e0', 'e3']);
    expect(reasons(composition)).toEqual(['e1 failed MEDIA_NOT_FOUND', 'e2 skipped MISSING_ATTRIBUTE', 'e4 failed INVALID_CONTENT']);
    expect(composition.problems.map(({ code }) => code)).toEqual(['MISSING_ATTRIBUTE', 'MEDIA_NOT_FOUND', 'INVALID_CONTENT']);
  });

  test('leaves out whose text grows too long', async () => {
    const composition = await composed(composer(text(`${'x'.repeat(4_990)}{{Attributes.Name}}`)), named('Ken', 'x'.repeat(11)));
    expect(reasons(composition)).toEqual(['e1 failed TEXT_TOO_LONG']);
    expect(composition.problems).toMatchObject([{ code: SendErrorCode.TEXT_TOO_LONG }]);
  });

  test('leaves everybody out when it is wrong for each of them', async () => {
    const composition = await composed(composer({ key: '{{Attributes.Name}}-absent.png' }), named('a', 'b'));
    expect(composition).toMatchObject({ calls: [], toValidate: [] });
    expect(reasons(composition)).toEqual(['e0 failed MEDIA_NOT_FOUND', 'e1 failed MEDIA_NOT_FOUND']);
  });

  test('tells five problems at most, each once', async () => {
    const { problems } = await composed(composer({ key: '{{Attributes.Name}}-absent.png' }), named(...Array.from({ length: 40 }, (_, n) => 'x'.repeat(1 + n % 20))));
    expect(problems.map(({ message }) => /a key of (\d+)/.exec(message)?.[1])).toEqual(['12', '13', '14', '15', '16']);
  });

  test('fails for everybody when an emoji stands in a placeholder', async () => {
    const error = await refused(composer({ ...HELLO, emojis: [{ index: 8 }] }), named('Ken'));
    expect(error).toMatchObject({ code: SendErrorCode.INVALID_CONTENT, message: expect.stringContaining('`messages[0].emojis[0].index`') });
  });

  test('goes on after a bucket has failed', async () => {
    // GIVEN
    const world = new World();
    const subject = composer({ key: 'a.png' }, world);
    world.failure = new Error('S3 is down');
    await expect(subject.compose(people(2))).rejects.toThrow('S3 is down');
    // WHEN
    world.failure = undefined;
    // THEN
    expect((await composed(subject, people(2))).calls).toHaveLength(1);
  });
});

describe('a missing attribute', () => {
  const settled = (missingAttribute?: string, ...messages: object[]) =>
    composer({ messages: messages.length > 0 ? messages : [HELLO], missingAttribute });

  test.each([undefined, 'skip'])('skips the person: %s', async (policy) => {
    // WHEN
    const subject = settled(policy, HELLO, text('{{Location.City}}'));
    const composition = await composed(subject, [
      ...named('Ken', undefined, undefined), person(3, { Attributes: { Name: ['Mai'] }, Location: { City: 'Osaka' } }),
    ]);
    // THEN
    expect(calls(composition)).toEqual([[content(text('Hello Mai'), text('Osaka')), 'e3']]);
    expect(reasons(composition)).toEqual(['e0 skipped MISSING_ATTRIBUTE', 'e1 skipped MISSING_ATTRIBUTE', 'e2 skipped MISSING_ATTRIBUTE']);
    expect(composition.problems.map(({ message }) => message)).toEqual([
      'there is no usable value of `Location.City` for 1 person, `Attributes.Name` for 2 people; they were left out: complete the endpoints, or write a default, `{{Location.City|…}}`',
    ]);
    expect(await subject.check(named('Ken', undefined))).toBeUndefined();
  });

  test('skips everybody', async () => {
    const composition = await composed(settled('skip'), named(undefined, undefined));
    expect(composition.calls).toEqual([]);
    expect(reasons(composition)).toEqual(['e0 skipped MISSING_ATTRIBUTE', 'e1 skipped MISSING_ATTRIBUTE']);
  });

  test('fails the whole, telling attributes and numbers, but nobody\'s id', async () => {
    // GIVEN
    const subject = settled('fail');
    const addressees = named('Ken', undefined, 'Mai', undefined);
    // WHEN
    const [error, checked] = [await refused(subject, addressees), await subject.check(addressees)];
    // THEN
    expect(error.code).toBe(SendErrorCode.MISSING_ATTRIBUTE);
    expect(error.message).toMatch(/^there is no usable value of `Attributes\.Name` for 2 people; nobody is sent to, as the content says/);
    expect(error.message).not.toMatch(/[eU]\d/);
    expect(checked).toEqual(error);
  });

  test('names five attributes and counts the others', async () => {
    const subject = settled('fail', text([...'ABCDEFG'].map((name) => `{{Attributes.${name}}}`).join('')));
    const lacking = [...'ABCDEFG'].map((name, n) => person(n, { Attributes: Object.fromEntries([...'ABCDEFG'].filter((each) => each !== name).map((each) => [each, ['x']])) }));
    expect((await refused(subject, lacking)).message).toMatch(/`Attributes\.E` for 1 person, and 2 other attributes;/);
  });

  test('fails nothing when everybody has it, or when there is a default', async () => {
    expect(await settled('fail').check(named('Ken', 'Mai'))).toBeUndefined();
    expect(calls(await composed(settled('fail'), named('Ken')))).toEqual([[content(text('Hello Ken')), 'e0']]);
    expect(await settled('fail', text('{{Attributes.Name|you}}')).check(named(undefined))).toBeUndefined();
  });

  test('is not looked for where none is needed', async () => {
    // GIVEN
    const untouchable = [{ ...person(0), get endpoint(): never { throw new Error('looked at'); } }];
    // THEN
    expect(await composer(HELLO).check(untouchable)).toBeUndefined();
    expect(await settled('fail', text('Hello')).check(untouchable)).toBeUndefined();
    await expect(settled('fail').check(untouchable)).rejects.toThrow('looked at');
  });

  test('is looked for without media', async () => {
    // GIVEN
    const world = new World();
    const subject = composer({ messages: [{ type: 'image', originalContentUrl: 'media://image/{{Attributes.Name}}.png', previewImageUrl: 'media://image/a.png' }], missingAttribute: 'fail' }, world);
    // THEN
    expect(await subject.check(named('Ken', undefined))).toMatchObject({ code: SendErrorCode.MISSING_ATTRIBUTE });
    expect(world.asked).toEqual([]);
  });

  test('cannot be looked for in data that cannot be read', async () => {
    expect(await composer('').check(people(1))).toMatchObject({ code: SendErrorCode.EMPTY_CONTENT });
  });
});

describe('a template', () => {
  const objects = {
    'spring.json': text('Hello'),
    'spring.ja.json': { messages: [text('こんにちは')], notificationDisabled: true, customAggregationUnit: 'ja' },
    'spring.ja-JP.json': [text('こんにちは')],
    'spring.de.json': '{"type":"text"',
    'spring.fr.json': text('x'.repeat(5_001)),
    'spring.th.json': { ...text('a$ {{Attributes.Name}}'), emojis: [{ index: 5 }] },
    'spring.ko.json': new ContentError(SendErrorCode.INVALID_CONTENT, 'template `spring.ko.json` is not UTF-8'),
    'hello.json': { messages: [HELLO], missingAttribute: 'fail' },
    'hello.ja.json': { messages: [text('{{Attributes.Name}}、こんにちは')], missingAttribute: 'skip' },
    'spring.json@v7': text('Once'),
  };

  test('is chosen by language, each loaded once', async () => {
    // GIVEN
    const world = new World(objects);
    const subject = composer({ template: 'spring' }, world);
    // WHEN
    const composition = await composed(subject, speaking('en_US', 'ja_JP', 'ja', 'xx', 'en-GB', 'ja-JP'));
    await composed(subject, speaking('ja', 'en-GB'));
    // THEN
    expect(calls(composition)).toEqual([
      [content(text('Hello')), 'e0 e3 e4'],
      [content(text('こんにちは')), 'e1 e5'],
      [`${content(text('こんにちは'))},"notificationDisabled":true,"customAggregationUnits":["ja"]`, 'e2'],
    ]);
    expect([...world.asked].sort()).toEqual(['spring.en-GB.json', 'spring.en-US.json', 'spring.en.json', 'spring.ja-JP.json', 'spring.ja.json', 'spring.json', 'spring.xx.json']);
    const [english, japanese] = composition.toValidate;
    expect([english.body, japanese.body]).toEqual([`{${content(text('Hello'))}}`, `{${content(text('こんにちは'))}}`]);
    expect(composition.calls.map(({ source }) => source)).toEqual([english.id, japanese.id, japanese.id]);
    expect(composition).not.toHaveProperty('aggregationUnit');
  });

  test('gives its unit when the first call has it', async () => {
    expect((await composed(composer({ template: 'spring' }, new World(objects)), speaking('ja', 'en'))).aggregationUnit).toBe('ja');
  });

  test('gives way to the settings of the data', async () => {
    const subject = composer({ template: 'spring', notificationDisabled: false, customAggregationUnit: 'all' }, new World(objects));
    const composition = await composed(subject, speaking('ja', 'en', 'ja-JP'));
    expect(calls(composition)).toEqual([
      [`${content(text('こんにちは'))},"customAggregationUnits":["all"]`, 'e0 e2'],
      [`${content(text('Hello'))},"customAggregationUnits":["all"]`, 'e1'],
    ]);
    expect(composition.aggregationUnit).toBe('all');
  });

  test('is read in the version that the data name, in no other language', async () => {
    const world = new World(objects);
    expect(calls(await composed(composer({ template: 'spring', version: 'v7' }, world), speaking('ja', 'en')))).toEqual([[content(text('Once')), 'e0 e1']]);
    expect(world.asked).toEqual(['spring.json@v7']);
  });

  test('that is wrong in one language fails for those who speak it', async () => {
    // WHEN
    const composition = await composed(composer({ template: 'spring' }, new World(objects)), speaking('de', 'en', 'fr', 'th', 'de-AT', 'ko'));
    // THEN
    expect(calls(composition)).toEqual([[content(text('Hello')), 'e1']]);
    expect(reasons(composition)).toEqual([
      'e0 failed INVALID_CONTENT', 'e2 failed TEXT_TOO_LONG', 'e3 failed INVALID_CONTENT', 'e4 failed INVALID_CONTENT', 'e5 failed INVALID_CONTENT',
    ]);
    expect(composition.problems.map(({ message }) => /^template `spring\.(..)\.json`/.exec(message)?.[1])).toEqual(['de', 'fr', 'th', 'ko']);
  });

  test('that is wrong for everybody fails as a whole', async () => {
    expect((await refused(composer({ template: 'spring' }, new World(objects)), speaking('fr', 'de', 'fr'))).code).toBe(SendErrorCode.TEXT_TOO_LONG);
  });

  test.each([
    [{ template: 'sprng' }, /^template `sprng\.ja-JP\.json`, nor `sprng\.ja\.json`, nor `sprng\.json` does not exist; upload it/],
    [{ template: 'spring', version: 'v8' }, /^template `spring\.json` does not exist in the version that `Data` names/],
  ])('%j that does not exist fails as a whole', async (data, expected) => {
    const error = await refused(composer(data, new World(objects)), speaking('ja-JP', 'ja-JP'));
    expect(error.code).toBe(SendErrorCode.TEMPLATE_NOT_FOUND);
    expect(error.message).toMatch(expected);
  });

  test('may say itself what a missing attribute does', async () => {
    // GIVEN
    const subject = composer({ template: 'hello' }, new World(objects));
    const [english, japanese] = [person(0), person(1, { Demographic: { Locale: 'ja' } })];
    // THEN
    expect(reasons(await composed(subject, [japanese]))).toEqual(['e1 skipped MISSING_ATTRIBUTE']);
    expect(await subject.check([japanese])).toBeUndefined();
    expect(await subject.check([japanese, english])).toMatchObject({ code: SendErrorCode.MISSING_ATTRIBUTE, message: expect.stringContaining('1 person') });
    expect(await refused(subject, [japanese, english])).toMatchObject({ code: SendErrorCode.MISSING_ATTRIBUTE, message: expect.stringContaining('1 person') });
  });

  test('is not loaded for a check that the data settle', async () => {
    const world = new World(objects);
    expect(await composer({ template: 'hello', missingAttribute: 'skip' }, world).check(people(1))).toBeUndefined();
    expect(world.asked).toEqual([]);
    expect(await composer({ template: 'spring', missingAttribute: 'fail' }, world).check(speaking('de', 'en'))).toBeUndefined();
  });

  test('is asked for again after the bucket has failed', async () => {
    // GIVEN
    const world = new World(objects);
    const subject = composer({ template: 'spring' }, world);
    world.failure = new Error('S3 is down');
    await expect(subject.compose(people(2))).rejects.toThrow('S3 is down');
    // WHEN
    world.failure = undefined;
    // THEN
    expect((await composed(subject, people(2))).calls).toHaveLength(1);
  });
});

describe('properties', () => {
  const name = fc.option(fc.oneof(fc.constantFrom('Ken', 'Mai', '1', '__proto__', '"}],', '{{Attributes.Name}}', 'x'.repeat(4_999)), fc.string({ unit: 'binary', maxLength: 3 })), { nil: undefined });

  test('everybody is sent to once or excluded once; equal texts share a call; calls and people keep their order', async () => {
    await fc.assert(fc.asyncProperty(fc.array(name, { maxLength: 60 }), async (names) => {
      // WHEN
      const addressees = named(...names);
      const composition = await composed(composer(HELLO), addressees);
      // THEN
      const recipients = composition.calls.flatMap((call) => call.recipients);
      expect([...recipients, ...composition.excluded].map(({ id }) => id).sort()).toEqual(addressees.map(({ id }) => id).sort());
      expect(recipients.every(({ id, to }) => id.slice(1) === to.slice(1))).toBe(true);
      expect(new Set(composition.calls.map((call) => call.content)).size).toBe(composition.calls.length);
      const numbers = composition.calls.map((call) => call.recipients.map(({ id }) => Number(id.slice(1))));
      const isRising = (list: number[]) => list.every((value, index) => index === 0 || list[index - 1] < value);
      expect(isRising(numbers.map(([first]) => first)) && numbers.every(isRising)).toBe(true);
      for (const call of composition.calls) {
        const [message, ...others] = JSON.parse(`{${call.content}}`).messages;
        expect(others).toEqual([]);
        for (const { id } of call.recipients) {
          expect(message).toEqual(text(`Hello ${Buffer.from(names[Number(id.slice(1))]!).toString()}`));
        }
      }
      expect(composition.toValidate).toEqual([]);
    }), { numRuns: 200 });
  });

  test('whatever the data and the people, there is a composition or an error', async () => {
    const data = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.record({ messages: fc.array(fc.record({ type: fc.constantFrom('text', 'flex', 'image'), text: fc.anything() })) }).map((value) => JSON.stringify(value)));
    await fc.assert(fc.asyncProperty(data, fc.array(fc.object(), { maxLength: 3 }), async (value, endpoints) => {
      // GIVEN
      const addressees = endpoints.map((endpoint, n) => person(n, endpoint));
      // WHEN
      const composition = await composer(value).compose(addressees);
      // THEN
      const count = composition instanceof ContentError ? addressees.length
        : composition.excluded.length + composition.calls.reduce((sum, { recipients }) => sum + recipients.length, 0);
      expect(count).toBe(addressees.length);
    }), { numRuns: 500 });
  });
});
