import { MessageContext, checkSend, checkValidation, errorBody } from '../../simulator/line-message-rules';
import { dotted } from '../../simulator/rules';

const URL = 'https://example.com/a.jpg';
const MULTICAST: MessageContext = { operation: 'multicast', destination: 'user', coupons: new Set(['01JYNW8JMQVFBNWF1APF8Z3FS7']) };
const PUSH_GROUP: MessageContext = { ...MULTICAST, operation: 'push', destination: 'group' };
const PUSH_USER: MessageContext = { ...MULTICAST, operation: 'push' };

function problems(message: object, context = MULTICAST): string[] {
  return checkValidation({ messages: [message] }, context).problems.map(({ path }) => dotted(path));
}

const text = (more: object) => ({ type: 'text', text: 'hello', ...more });
const image = (more: object) => ({ type: 'image', originalContentUrl: URL, previewImageUrl: URL, ...more });
const video = (more: object) => ({ type: 'video', originalContentUrl: URL, previewImageUrl: URL, ...more });
const audio = (more: object) => ({ type: 'audio', originalContentUrl: URL, duration: 60000, ...more });
const location = (more: object) => ({ type: 'location', title: 't', address: 'a', latitude: 35.6, longitude: 139.7, ...more });
const label = (length: number) => 'あ'.repeat(length);
const message = (more: object = {}) => ({ type: 'message', label: 'go', text: 'go', ...more });
const quickReply = (...actions: object[]) => text({ quickReply: { items: actions.map(action => ({ type: 'action', action })) } });
const area = { x: 0, y: 0, width: 520, height: 1040 };
const imagemap = (more: object) => ({
  type: 'imagemap',
  baseUrl: 'https://example.com/map/1',
  altText: 'map',
  baseSize: { width: 1040, height: 700 },
  actions: [{ type: 'uri', linkUri: 'https://example.com/', area }],
  ...more,
});
const template = (content: object) => ({ type: 'template', altText: 'alt', template: content });
const buttons = (more: object) => template({ type: 'buttons', text: 'choose', actions: [message()], ...more });
const column = (more: object = {}) => ({ text: 'column', actions: [message()], ...more });
const carousel = (...columns: object[]) => template({ type: 'carousel', columns });
const box = (...contents: object[]) => ({ type: 'box', layout: 'vertical', contents });
const bubble = (more: object = {}) => ({ type: 'bubble', body: box({ type: 'text', text: 'hi' }), ...more });
const flex = (contents: object) => ({ type: 'flex', altText: 'alt', contents });
const flexVideo = (more: object = {}) => ({ type: 'video', url: URL, previewUrl: URL, altContent: { type: 'image', url: URL }, ...more });
const family = '👨‍👩‍👧'; // one grapheme, eight UTF-16 code units

const ACCEPTED: [string, object, MessageContext?][] = [
  ['a text of 5000 UTF-16 units', text({ text: 'x'.repeat(5000) })],
  ['2500 emoji, 5000 units', text({ text: '😀'.repeat(2500) })],
  ['LINE emoji at their $', text({ text: '$ hi $', emojis: [{ index: 0, productId: 'p', emojiId: '001' }, { index: 5, productId: 'p', emojiId: '002' }] })],
  ['a quote in a push', text({ quoteToken: 'q' }), PUSH_USER],
  ['a sender', text({ sender: { name: 'Cony', iconUrl: URL } })],
  ['a sender whose name contains line as part of a word', text({ sender: { name: 'Online shop' } })],
  ['13 quick replies of every action', quickReply(...Array.from({ length: 12 }, () => message()), { type: 'camera', label: 'c' })],
  ['textV2 with placeholders and literal braces', {
    type: 'textV2', text: '{{literal}} {smile}{smile}', substitution: { smile: { type: 'emoji', productId: 'p', emojiId: '1' } },
  }],
  ['textV2 with a mention towards a group', {
    type: 'textV2', text: '{all}', substitution: { all: { type: 'mention', mentionee: { type: 'all' } } },
  }, PUSH_GROUP],
  ['a sticker', { type: 'sticker', packageId: '446', stickerId: '1988' }],
  ['an image', image({})],
  ['a percent-encoded URL with a query of 2000 characters', image({ originalContentUrl: `https://example.com/%E3%81%82?q=${'x'.repeat(1968)}` })],
  ['a video with a tracking id', video({ trackingId: 'track-id.=,+*()%$&;:@{}!?<>[]' })],
  ['an audio', audio({})],
  ['a location', location({})],
  ['a coupon that exists', { type: 'coupon', couponId: '01JYNW8JMQVFBNWF1APF8Z3FS7', deliveryTag: 'winter_2025' }],
  ['an imagemap', imagemap({})],
  ['an imagemap with video and link', imagemap({
    video: { originalContentUrl: URL, previewImageUrl: URL, area, externalLink: { linkUri: 'https://example.com/more', label: 'See more' } },
  })],
  ['an imagemap with a text of 400', imagemap({ actions: [{ type: 'message', text: 'x'.repeat(400), area }] })],
  ['buttons with 160 graphemes', buttons({ text: family.repeat(160) })],
  ['buttons with an image and 60 graphemes', buttons({ text: label(60), thumbnailImageUrl: URL, title: 'T', imageBackgroundColor: '#FFFFFF' })],
  ['a label of 20 graphemes', buttons({ actions: [message({ label: family.repeat(20) })] })],
  ['every action of a template', buttons({
    actions: [
      { type: 'postback', label: 'p', data: 'd', displayText: 't', inputOption: 'openKeyboard', fillInText: 'f' },
      { type: 'uri', label: 'u', uri: 'tel:0312345678', altUri: { desktop: 'https://example.com' } },
      { type: 'datetimepicker', label: 'd', data: 'd', mode: 'datetime', initial: '2025-01-02t00:00', min: '2025-01-01T00:00', max: '2025-12-31T23:59' },
      { type: 'clipboard', label: 'c', clipboardText: 'code' },
    ],
  })],
  ['a confirm', template({ type: 'confirm', text: label(240), actions: [message(), message()] })],
  ['a carousel of ten', carousel(...Array.from({ length: 10 }, () => column()))],
  ['an image carousel without labels', template({ type: 'image_carousel', columns: [{ imageUrl: URL, action: { type: 'message', text: 'x' } }] })],
  ['a Flex bubble with a video', flex(bubble({ size: 'kilo', hero: flexVideo() }))],
  ['a Flex carousel of twelve', flex({ type: 'carousel', contents: Array.from({ length: 12 }, () => bubble()) })],
  ['every Flex component', flex(bubble({
    header: box({ type: 'box', layout: 'baseline', contents: [{ type: 'icon', url: URL }, { type: 'text', contents: [{ type: 'span', text: 's' }] }] }),
    footer: box({ type: 'button', action: { type: 'uri', label: 'go', uri: 'https://example.com' } }, { type: 'separator' }, { type: 'image', url: URL }),
  }))],
];

const REFUSED: [string, object, string, MessageContext?][] = [
  ['an unknown type', { type: 'hologram' }, 'messages[0].type'],
  ['no type', { text: 'x' }, 'messages[0].type'],
  ['a message that is no object', 'hello' as unknown as object, 'messages[0]'],
  ['no text', { type: 'text' }, 'messages[0].text'],
  ['an empty text', text({ text: '' }), 'messages[0].text'],
  ['a text of 5001 units', text({ text: 'x'.repeat(5001) }), 'messages[0].text'],
  ['2501 emoji, 5002 units', text({ text: '😀'.repeat(2501) }), 'messages[0].text'],
  ['a text that is a number', text({ text: 5 }), 'messages[0].text'],
  ['a LINE emoji beside its $', text({ text: '$ hi', emojis: [{ index: 1, productId: 'p', emojiId: '1' }] }), 'messages[0].emojis[0].index'],
  ['21 LINE emoji', text({ text: '$', emojis: Array(21).fill({ index: 0, productId: 'p', emojiId: '1' }) }), 'messages[0].emojis'],
  ['a quote in a multicast', text({ quoteToken: 'q' }), 'messages[0].quoteToken'],
  ['a sender named LINE', text({ sender: { name: 'LINE staff' } }), 'messages[0].sender.name'],
  ['a sender of 21', text({ sender: { name: 'x'.repeat(21) } }), 'messages[0].sender.name'],
  ['14 quick replies', quickReply(...Array.from({ length: 14 }, () => message())), 'messages[0].quickReply.items'],
  ['a quick reply without label', quickReply({ type: 'message', text: 'x' }), 'messages[0].quickReply.items[0].action.label'],
  ['a rich menu switch in a quick reply', quickReply({ type: 'richmenuswitch', label: 'x' }), 'messages[0].quickReply.items[0].action.type'],
  ['an undefined placeholder', { type: 'textV2', text: 'hi {name}' }, 'messages[0].text'],
  ['a single brace', { type: 'textV2', text: 'hi {name' }, 'messages[0].text'],
  ['a placeholder key with a hyphen', {
    type: 'textV2', text: 'x', substitution: { 'a-b': { type: 'emoji', productId: 'p', emojiId: '1' } },
  }, 'messages[0].substitution.a-b'],
  ['101 substitutions', {
    type: 'textV2',
    text: 'x',
    substitution: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`k${i}`, { type: 'emoji', productId: 'p', emojiId: '1' }])),
  }, 'messages[0].substitution'],
  ['21 emoji', { type: 'textV2', text: '{e}'.repeat(21), substitution: { e: { type: 'emoji', productId: 'p', emojiId: '1' } } }, 'messages[0].text'],
  ['a mention towards a user', {
    type: 'textV2', text: '{all}', substitution: { all: { type: 'mention', mentionee: { type: 'all' } } },
  }, 'messages[0].substitution.all', PUSH_USER],
  ['a mention in a multicast', {
    type: 'textV2', text: '{all}', substitution: { all: { type: 'mention', mentionee: { type: 'all' } } },
  }, 'messages[0].substitution.all'],
  ['a sticker id that is a number', { type: 'sticker', packageId: 446, stickerId: '1988' }, 'messages[0].packageId'],
  ['an image without preview', { type: 'image', originalContentUrl: URL }, 'messages[0].previewImageUrl'],
  ['an http image', image({ originalContentUrl: 'http://example.com/a.jpg' }), 'messages[0].originalContentUrl'],
  ['a URL of 2001 characters', image({ originalContentUrl: `https://example.com/${'x'.repeat(1981)}` }), 'messages[0].originalContentUrl'],
  ['a URL with a space', image({ previewImageUrl: 'https://example.com/a b.jpg' }), 'messages[0].previewImageUrl'],
  ['a URL with a quote', image({ previewImageUrl: 'https://example.com/"a".jpg' }), 'messages[0].previewImageUrl'],
  ['a URL with Japanese', image({ previewImageUrl: 'https://example.com/あ.jpg' }), 'messages[0].previewImageUrl'],
  ['a URL with a broken escape', image({ previewImageUrl: 'https://example.com/%e.jpg' }), 'messages[0].previewImageUrl'],
  ['a URL without host', image({ previewImageUrl: 'https:///a.jpg' }), 'messages[0].previewImageUrl'],
  ['a video without preview', { type: 'video', originalContentUrl: URL }, 'messages[0].previewImageUrl'],
  ['a tracking id with a space', video({ trackingId: 'a b' }), 'messages[0].trackingId'],
  ['a tracking id of 101', video({ trackingId: 'x'.repeat(101) }), 'messages[0].trackingId'],
  ['a tracking id towards a group', video({ trackingId: 'x' }), 'messages[0].trackingId', PUSH_GROUP],
  ['an audio without duration', { type: 'audio', originalContentUrl: URL }, 'messages[0].duration'],
  ['a duration of zero', audio({ duration: 0 }), 'messages[0].duration'],
  ['a duration in text', audio({ duration: '60000' }), 'messages[0].duration'],
  ['a fraction of a millisecond', audio({ duration: 1.5 }), 'messages[0].duration'],
  ['a title of 101', location({ title: 'x'.repeat(101) }), 'messages[0].title'],
  ['a latitude beyond the pole', location({ latitude: 91 }), 'messages[0].latitude'],
  ['a coupon that does not exist', { type: 'coupon', couponId: 'none' }, 'messages[0].couponId'],
  ['a delivery tag with a hyphen', { type: 'coupon', couponId: '01JYNW8JMQVFBNWF1APF8Z3FS7', deliveryTag: 'a-b' }, 'messages[0].deliveryTag'],
  ['an imagemap 700 wide', imagemap({ baseSize: { width: 700, height: 700 } }), 'messages[0].baseSize.width'],
  ['an alternative text of 1501', imagemap({ altText: 'x'.repeat(1501) }), 'messages[0].altText'],
  ['51 areas', imagemap({ actions: Array(51).fill({ type: 'message', text: 'x', area }) }), 'messages[0].actions'],
  ['an area left of the image', imagemap({ actions: [{ type: 'message', text: 'x', area: { ...area, x: -1 } }] }), 'messages[0].actions[0].area.x'],
  ['a text of 401 in an imagemap', imagemap({ actions: [{ type: 'message', text: 'x'.repeat(401), area }] }), 'messages[0].actions[0].text'],
  ['an unknown template', template({ type: 'list' }), 'messages[0].template.type'],
  ['buttons with 161 graphemes', buttons({ text: label(161) }), 'messages[0].template.text'],
  ['buttons with a title and 61 graphemes', buttons({ text: label(61), title: 'T' }), 'messages[0].template.text'],
  ['five buttons', buttons({ actions: Array(5).fill(message()) }), 'messages[0].template.actions'],
  ['a label of 21', buttons({ actions: [message({ label: label(21) })] }), 'messages[0].template.actions[0].label'],
  ['a camera in a template', buttons({ actions: [{ type: 'camera', label: 'c' }] }), 'messages[0].template.actions[0].type'],
  ['postback data of 301', buttons({ actions: [{ type: 'postback', label: 'p', data: 'x'.repeat(301) }] }), 'messages[0].template.actions[0].data'],
  ['text and displayText', buttons({ actions: [{ type: 'postback', label: 'p', data: 'd', text: 'a', displayText: 'b' }] }), 'messages[0].template.actions[0].text'],
  ['fillInText without keyboard', buttons({ actions: [{ type: 'postback', label: 'p', data: 'd', fillInText: 'f' }] }), 'messages[0].template.actions[0].fillInText'],
  ['an ftp link', buttons({ actions: [{ type: 'uri', label: 'u', uri: 'ftp://example.com' }] }), 'messages[0].template.actions[0].uri'],
  ['a date in words', buttons({ actions: [{ type: 'datetimepicker', label: 'd', data: 'd', mode: 'date', initial: 'today' }] }), 'messages[0].template.actions[0].initial'],
  ['a date in 1899', buttons({ actions: [{ type: 'datetimepicker', label: 'd', data: 'd', mode: 'date', min: '1899-12-31' }] }), 'messages[0].template.actions[0].min'],
  ['max before min', buttons({
    actions: [{ type: 'datetimepicker', label: 'd', data: 'd', mode: 'time', min: '10:00', max: '09:00' }],
  }), 'messages[0].template.actions[0].max'],
  ['a confirm with one action', template({ type: 'confirm', text: 'ok?', actions: [message()] }), 'messages[0].template.actions'],
  ['eleven columns', carousel(...Array.from({ length: 11 }, () => column())), 'messages[0].template.columns'],
  ['columns with different numbers of actions', carousel(column(), column({ actions: [message(), message()] })), 'messages[0].template.columns[1].actions'],
  ['only one column with an image', carousel(column(), column({ thumbnailImageUrl: URL })), 'messages[0].template.columns[1].thumbnailImageUrl'],
  ['a column of 61 beside an image', carousel(column({ text: label(61), thumbnailImageUrl: URL })), 'messages[0].template.columns[0].text'],
  ['an image carousel label of 13', template({
    type: 'image_carousel', columns: [{ imageUrl: URL, action: message({ label: label(13) }) }],
  }), 'messages[0].template.columns[0].action.label'],
  ['a Flex button without label', flex(bubble({ footer: box({ type: 'button', action: { type: 'message', text: 'x' } }) })), 'messages[0].contents.footer.contents[0].action.label'],
  ['an icon outside a baseline box', flex(bubble({ body: box({ type: 'icon', url: URL }) })), 'messages[0].contents.body.contents[0].type'],
  ['a Flex text without text', flex(bubble({ body: box({ type: 'text' }) })), 'messages[0].contents.body.contents[0].text'],
  ['an unknown layout', flex(bubble({ body: { type: 'box', layout: 'diagonal', contents: [] } })), 'messages[0].contents.body.layout'],
  ['thirteen bubbles', flex({ type: 'carousel', contents: Array.from({ length: 13 }, () => bubble()) }), 'messages[0].contents.contents'],
  ['bubbles of two sizes', flex({ type: 'carousel', contents: [bubble(), bubble({ size: 'nano' })] }), 'messages[0].contents.contents'],
  ['a bubble over 30 KB', flex(bubble({ body: box({ type: 'text', text: 'x'.repeat(31_000) }) })), 'messages[0].contents'],
  ['a carousel over 50 KB', flex({
    type: 'carousel', contents: Array.from({ length: 2 }, () => bubble({ body: box({ type: 'text', text: 'x'.repeat(26_000) }) })),
  }), 'messages[0].contents'],
  ['a video in a nano bubble', flex(bubble({ size: 'nano', hero: flexVideo() })), 'messages[0].contents.hero'],
  ['a video in a carousel', flex({ type: 'carousel', contents: [bubble({ hero: flexVideo() })] }), 'messages[0].contents.contents[0].hero'],
  ['a video action that is no link', flex(bubble({ hero: flexVideo({ action: message() }) })), 'messages[0].contents.hero.action.type'],
  ['eleven animated images', flex(bubble({ body: box(...Array.from({ length: 11 }, () => ({ type: 'image', url: URL, animated: true }))) })), 'messages[0].contents'],
];

describe('message rules of the LINE stand-in', () => {
  test.each(ACCEPTED)('accept %s', (_name, one, context = MULTICAST) => {
    expect(problems(one, context)).toEqual([]);
  });

  test.each(REFUSED)('refuse %s', (_name, one, property, context = MULTICAST) => {
    expect(problems(one, context)).toEqual([property]);
  });
});

describe('requests', () => {
  const send = (body: object, context = MULTICAST) => checkSend(body, context).problems.map(({ path }) => dotted(path));
  const five = Array(5).fill(text({}));

  test.each([
    ['five messages', { to: ['U'], messages: five }],
    ['a unit of statistics', { to: ['U'], messages: five, customAggregationUnits: ['Promotion_a'], notificationDisabled: true }],
  ])('accept %s', (_name, body) => {
    expect(send(body)).toEqual([]);
  });

  test.each([
    ['no messages', { to: ['U'] }, 'messages'],
    ['an empty list', { to: ['U'], messages: [] }, 'messages'],
    ['six messages', { to: ['U'], messages: [...five, text({})] }, 'messages'],
    ['messages that are no list', { to: ['U'], messages: text({}) }, 'messages'],
    ['no recipients', { messages: five }, 'to'],
    ['two units', { to: ['U'], messages: five, customAggregationUnits: ['a', 'b'] }, 'customAggregationUnits'],
    ['a unit with a space', { to: ['U'], messages: five, customAggregationUnits: ['a b'] }, 'customAggregationUnits[0]'],
    ['notificationDisabled in text', { to: ['U'], messages: five, notificationDisabled: 'yes' }, 'notificationDisabled'],
  ])('refuse %s', (_name, body, property) => {
    expect(send(body)).toEqual([property]);
  });

  test('a unit of statistics is not known to broadcasts', () => {
    const findings = checkSend({ messages: five, customAggregationUnits: ['a'] }, { ...MULTICAST, operation: 'broadcast' });
    expect(findings.unknown.map(dotted)).toEqual(['customAggregationUnits']);
  });

  test('members that no document names are noted, not refused', () => {
    const findings = checkSend({ to: ['U'], messages: [text({ colour: 'red' })] }, MULTICAST);
    expect([findings.problems, findings.unknown.map(dotted)]).toEqual([[], ['messages[0].colour']]);
  });

  test.each(['https://example.com/map?sig=1', 'https://example.com/map.png'])('an imagemap at %s is doubtful', baseUrl => {
    expect(checkSend({ to: ['U'], messages: [imagemap({ baseUrl })] }, MULTICAST).doubtful.map(dotted)).toEqual(['messages[0].baseUrl']);
  });
});

describe('the 400 answer', () => {
  test('names every problem by property', () => {
    const findings = checkValidation({ messages: [text({ text: '' }), { type: 'hologram' }] }, MULTICAST);
    expect(errorBody(findings)).toEqual({
      message: 'The request body has 2 error(s)',
      details: [
        { message: 'May not be empty', property: 'messages[0].text' },
        { message: expect.stringMatching(/^Must be one of the following values: \[text, textV2,/), property: 'messages[1].type' },
      ],
    });
  });

  test('points into Flex contents', () => {
    const findings = checkValidation({ messages: [text({}), flex(bubble({ hero: { type: 'image', url: 'http://example.com' } }))] }, MULTICAST);
    expect(errorBody(findings)).toEqual({
      message: 'A message (messages[1]) in the request body is invalid',
      details: [{ message: 'invalid uri scheme', property: '/hero/url' }],
    });
  });
});
