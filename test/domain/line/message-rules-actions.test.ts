import {
  box, bubble, bubbles, button, buttons, carousel, clipboard, column, confirm, flex, flexImage, flexText, flexVideo, imageCarousel, imageColumn,
  inBody, inHero, messageAction, picker, postback, quickReply, uri, wrong,
} from './message-rules-samples';

/** Every place that takes an action: the message with the action in it, the action's path, and whether its label may be absent. */
const PLACES: [string, (action: unknown) => unknown, string, boolean][] = [
  ['quick reply', (action) => quickReply(action), '.quickReply.items[0].action', false],
  ['buttons', (action) => buttons({ actions: [action] }), '.template.actions[0]', false],
  ['default action of buttons', (defaultAction) => buttons({ defaultAction }), '.template.defaultAction', false],
  ['confirmation', (action) => confirm({ actions: [uri(), action] }), '.template.actions[1]', false],
  ['column', (action) => carousel([column({ actions: [action] })]), '.template.columns[0].actions[0]', false],
  ['default action of a column', (defaultAction) => carousel([column({ defaultAction })]), '.template.columns[0].defaultAction', false],
  ['image column', (action) => imageCarousel([imageColumn({ action })]), '.template.columns[0].action', true],
  ['Flex button', (action) => inBody(button({ action })), '.contents.body.contents[0].action', false],
  ['Flex box', (action) => inBody(box([], { action })), '.contents.body.contents[0].action', true],
  ['Flex image', (action) => inBody(flexImage({ action })), '.contents.body.contents[0].action', true],
  ['Flex text', (action) => inBody(flexText({ text: 'a', action })), '.contents.body.contents[0].action', true],
  ['Flex bubble', (action) => flex(bubble({ action })), '.contents.action', true],
  ['Flex bubble in a carousel', (action) => bubbles(bubble(), bubble({ action })), '.contents.contents[1].action', true],
];

const EVERYWHERE = [postback(), messageAction(), uri(), picker(), clipboard()];

describe.each(PLACES)('an action of a %s', (_place, message, path, labelMayBeAbsent) => {
  test.each(EVERYWHERE)('may be of type $type', (action) => {
    expect(wrong(message(action))).toBeUndefined();
    const { label: _label, ...bare } = action;
    expect(wrong(message(bare))).toBe(labelMayBeAbsent ? undefined : `messages[0]${path}.label must be present, got nothing; add it`);
  });

  test.each(['camera', 'cameraRoll', 'location'])('is of type %s in a quick reply only', (type) => {
    expect(wrong(message({ type, label: 'Now' }))).toBe(path.startsWith('.quickReply')
      ? undefined
      : `messages[0]${path}.type must be one of postback, message, uri, datetimepicker, clipboard, got a string of ${type.length} UTF-16 code units; `
        + 'write one of these types; camera, cameraRoll and location belong to quick replies, richmenuswitch to rich menus');
  });

  test('is never of type richmenuswitch, or unknown', () => {
    for (const type of ['richmenuswitch', 'imagemap', '', 'toString', '__proto__', undefined, 1]) {
      expect(wrong(message({ type, label: 'a', richMenuAliasId: 'a', data: 'a' }))).toContain(`messages[0]${path}.type must be one of postback, message, uri, `);
    }
    expect(wrong(message('uri'))).toBe(`messages[0]${path} must be an object, got a string of 3 UTF-16 code units; write an object with a \`type\``);
  });
});

describe('an action', () => {
  test.each<[string, unknown]>([
    ['every input option', postback({ inputOption: 'closeRichMenu' })],
    ['display text and a filled-in text', postback({ displayText: 'a', inputOption: 'openKeyboard', fillInText: 'a\nb' })],
    ['the deprecated text', postback({ text: 'a' })],
    ['an address for desktops', uri({ altUri: { desktop: 'http://example.com' } })],
    ['no address for desktops', uri({ altUri: {} })],
    ['dates', picker({ mode: 'date', initial: '2026-02-28', min: '1900-01-01', max: '2100-12-31' })],
    ['a leap day', picker({ mode: 'date', initial: '2024-02-29' })],
    ['times', picker({ mode: 'time', initial: '06:15', min: '00:00', max: '23:59' })],
    ['a time with zeros', picker({ mode: 'time', initial: '10:00', min: '09:09' })],
    ['dates with times', picker({ initial: '2017-12-25t00:00', min: '2017-12-24T23:59', max: '2018-01-24t23:59' })],
    ['a largest value alone', picker({ max: '2017-12-25t00:00' })],
  ])('passes with %s', (_name, action) => {
    expect(wrong(quickReply(action))).toBeUndefined();
  });

  test.each<[string, unknown, string]>([
    ['data missing', { type: 'postback', label: 'a' }, 'data must be present, got nothing; add it'],
    ['data as an object', postback({ data: { a: 1 } }), 'data must be a string of 0 to 300 UTF-16 code units, got an object; write a string'],
    ['both texts', postback({ displayText: 'a', text: 'bc' }), 'text must be absent beside `displayText`, got a string of 2 UTF-16 code units; keep `displayText`; `text` is deprecated'],
    ['another input option', postback({ inputOption: 'openCamera' }), 'inputOption must be one of closeRichMenu, openRichMenu, openKeyboard, openVoice, got a string of 10 UTF-16 code units; write it exactly so'],
    ['a filled-in text without keyboard', postback({ fillInText: 'a' }), 'fillInText must be absent unless `inputOption` is openKeyboard, got a string of 1 UTF-16 code units; add the option or remove the text'],
    ['a filled-in text with voice', postback({ inputOption: 'openVoice', fillInText: 'a' }), 'fillInText must be absent unless `inputOption` is openKeyboard'],
    ['text missing', { type: 'message', label: 'a' }, 'text must be present'],
    ['URI missing', { type: 'uri', label: 'a' }, 'uri must be present'],
    ['desktop address as a string', uri({ altUri: 'https://example.com' }), 'altUri must be an object, got a string of 19 UTF-16 code units'],
    ['mode missing', { type: 'datetimepicker', label: 'a', data: 'a' }, 'mode must be present'],
    ['another mode', picker({ mode: 'toString' }), 'mode must be one of date, time, datetime, got a string of 8 UTF-16 code units'],
    ['a mode that is a list', picker({ mode: ['date'] }), 'mode must be one of date, time, datetime, got an array of 1'],
    ['a date with time', picker({ mode: 'date', initial: '2017-12-25t00:00' }), 'initial must be a date YYYY-MM-DD from 1900-01-01 to 2100-12-31, got a string of 16 UTF-16 code units; write it as the `mode` has it, without time zone'],
    ['a date before 1900', picker({ mode: 'date', min: '1899-12-31' }), 'min must be a date'],
    ['a date after 2100', picker({ mode: 'date', max: '2101-01-01' }), 'max must be a date'],
    ['30 February', picker({ mode: 'date', initial: '2026-02-30' }), 'initial must be a date'],
    ['29 February of a common year', picker({ mode: 'date', initial: '2100-02-29' }), 'initial must be a date'],
    ['month 13', picker({ mode: 'date', initial: '2026-13-01' }), 'initial must be a date'],
    ['day 0', picker({ initial: '2026-01-00T00:00' }), 'initial must be a date and time YYYY-MM-DDTHH:MM from 1900-01-01T00:00 to 2100-12-31T23:59'],
    ['24:00', picker({ mode: 'time', initial: '24:00' }), 'initial must be a time HH:MM from 00:00 to 23:59'],
    ['12:60', picker({ mode: 'time', initial: '12:60' }), 'initial must be a time'],
    ['a time zone', picker({ initial: '2017-12-25T00:00Z' }), 'initial must be a date and time'],
    ['seconds', picker({ initial: '2017-12-25T00:00:00' }), 'initial must be a date and time'],
    ['a number', picker({ initial: 2017 }), 'initial must be a string, got a number; write a string'],
    ['a range that is empty', picker({ mode: 'time', min: '10:00', max: '10:00' }), 'max must be later than `min`, got another one; exchange the two, or write a later one'],
    ['a range the wrong way round', picker({ min: '2026-01-01T00:00', max: '2025-01-01t00:00' }), 'max must be later than `min`'],
    ['an empty range in both cases', picker({ min: '2026-01-01T00:00', max: '2026-01-01t00:00' }), 'max must be later than `min`'],
    ['nothing to copy', clipboard({ clipboardText: '' }), 'clipboardText must be a string of 1 to 1000 UTF-16 code units, got an empty string'],
  ])('is refused with %s', (_name, action, expected) => {
    expect(wrong(quickReply(action))).toContain(`messages[0].quickReply.items[0].action.${expected}`);
  });

  test('of a Flex video opens an address', () => {
    expect(wrong(inHero(flexVideo({ action: uri() })))).toBeUndefined();
    expect(wrong(inHero(flexVideo({ action: messageAction() })))).toBe(
      'messages[0].contents.hero.action.type must be uri, got a string of 7 UTF-16 code units; give a video a uri action only');
  });
});
