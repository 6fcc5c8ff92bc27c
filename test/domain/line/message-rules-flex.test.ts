import {
  box, bubble, bubbles, button, flex, flexIcon, flexImage, flexText, flexVideo, inBaseline, inBody, inHero, span, uri, URL, wrong,
} from './message-rules-samples';

const KB = 1024;

describe('Flex messages that LINE takes', () => {
  test.each<[string, unknown]>([
    ['an empty bubble', flex(bubble())],
    ['a bubble with everything', flex(bubble({
      size: 'giga',
      direction: 'rtl',
      header: box(),
      hero: box(),
      body: box(),
      footer: box(),
      action: uri(),
      styles: { header: { backgroundColor: '#00ffff' }, hero: { separator: true, separatorColor: '#000000' }, body: {}, footer: {} },
    }))],
    ['a box with everything', inBody(box([box(), button(), flexImage(), flexText(), { type: 'separator', margin: 'md', color: '#000' }, { type: 'filler', flex: 1 }], {
      layout: 'horizontal',
      flex: 0,
      position: 'absolute',
      offsetTop: '10px',
      offsetBottom: '1%',
      offsetStart: 'md',
      offsetEnd: 'none',
      backgroundColor: '#00000000',
      borderColor: '#ffffff',
      borderWidth: '1px',
      cornerRadius: 'xxl',
      width: '30px',
      maxWidth: '50%',
      height: '30px',
      maxHeight: '50%',
      spacing: 'sm',
      margin: 'xs',
      paddingAll: '8px',
      paddingTop: '1%',
      paddingBottom: 'lg',
      paddingStart: 'xl',
      paddingEnd: 'none',
      justifyContent: 'space-evenly',
      alignItems: 'flex-end',
      background: { type: 'linearGradient', angle: '90deg', startColor: '#FFFF00', endColor: '#0080ff', centerColor: '#ffffff80', centerPosition: '50%' },
      action: uri(),
    }))],
    ['a baseline box with everything', inBaseline(flexIcon({ size: 'lg', aspectRatio: '1.91:1', scaling: true, margin: 'md' }), flexText(), { type: 'filler' })],
    ['a button with everything', inBody(button({
      style: 'primary', color: '#0000ff', height: 'sm', gravity: 'center', adjustMode: 'shrink-to-fit', scaling: false, flex: 2, margin: 'md', position: 'relative',
    }))],
    ['an image with everything', inBody(flexImage({
      size: '100%', aspectRatio: '20:13', aspectMode: 'cover', backgroundColor: '#FFFFFF', animated: true, align: 'start', gravity: 'bottom', flex: 1, action: uri(),
    }))],
    ['a text with everything', inBody(flexText({
      text: 'a',
      size: '20px',
      color: '#0000ff',
      weight: 'bold',
      style: 'italic',
      decoration: 'underline',
      wrap: true,
      lineSpacing: '20px',
      maxLines: 2,
      align: 'end',
      gravity: 'top',
      adjustMode: 'shrink-to-fit',
      scaling: true,
      flex: 0,
      action: uri(),
    }))],
    ['spans', inBody(flexText({ contents: [span({ size: 'xxl', color: '#4f8f00', weight: 'bold', style: 'italic', decoration: 'line-through' }), { type: 'span' }] }))],
    ['a text beside spans, which LINE ignores', inBody(flexText({ text: 'a', contents: [span()] }))],
    ['a text beside no spans, as the simulator writes it', inBody(flexText({ text: 'a', contents: [] }))],
    ['an empty horizontal box', inBody(box([], { layout: 'horizontal' }))],
    ['an empty baseline box', inBaseline()],
    ['an image in the hero', inHero(flexImage())],
    ['a video in the hero', inHero(flexVideo({ aspectRatio: '20:13', action: uri() }))],
    ['a video in a bubble of kilo', inHero(flexVideo(), { size: 'kilo' })],
    ['a video with a box for old apps', inHero(flexVideo({ altContent: box([flexText()]) }), { size: 'giga' })],
    ['a box in the hero of a small bubble', inHero(box(), { size: 'nano' })],
    ['a carousel of one size', bubbles(bubble({ size: 'kilo' }), bubble({ size: 'kilo' }))],
    ['a carousel of the default size', bubbles(bubble(), bubble({ size: 'mega' }), bubble())],
    ['a carousel with boxes and images', bubbles(bubble({ hero: flexImage() }), bubble({ hero: box() }))],
    ['members that are new', inBody(flexText({ text: 'a', glow: { color: 'any' } }))],
  ])('%s', (_name, message) => {
    expect(wrong(message)).toBeUndefined();
  });

  test.each(['nano', 'micro', 'deca', 'hecto', 'kilo', 'mega', 'giga'])('a bubble of size %s', (size) => {
    expect(wrong(flex(bubble({ size })))).toBeUndefined();
  });

  test.each(['1:1', '1.91:1', '1:3', '100000:100000', '100000:1', '1.0:3.0'])('an aspect ratio of %s', (aspectRatio) => {
    expect(wrong(inBody(flexImage({ aspectRatio })))).toBeUndefined();
  });
});

describe('Flex messages that LINE refuses', () => {
  const IN_BOX = 'must be one of box, button, image, text, separator, filler, got';
  const ELSEWHERE = 'write one of these types; icons belong in baseline boxes, spans in texts, videos directly in a hero';

  test.each<[string, unknown, string]>([
    ['no container', { type: 'flex', altText: 'a' }, ' must be present, got nothing; add it'],
    ['a text', flex('bubble'), ' must be an object, got a string of 6 UTF-16 code units'],
    ['a list of bubbles', flex([bubble()]), ' must be an object, got an array of 1; write an object with a `type`'],
    ['another container', flex(box()), '.type must be one of bubble, carousel, got a string of 3 UTF-16 code units; write one of these types'],
    ['another size', flex(bubble({ size: 'tera' })), '.size must be one of nano, micro, deca, hecto, kilo, mega, giga, got a string of 4'],
    ['another direction', flex(bubble({ direction: 'ttb' })), '.direction must be one of ltr, rtl'],
    ['a header that is a text', flex(bubble({ header: flexText() })), '.header.type must be box, got a string of 4 UTF-16 code units; write one of these types'],
    ['a body that is an image', flex(bubble({ body: flexImage() })), '.body.type must be box'],
    ['a footer that is a button', flex(bubble({ footer: button() })), '.footer.type must be box'],
    ['a hero that is a text', inHero(flexText()), '.hero.type must be one of box, image, video, got a string of 4'],
    ['a style that is a color', flex(bubble({ styles: { header: '#ffffff' } })), '.styles.header must be an object, got a string of 7'],
    ['a separator that is a word', flex(bubble({ styles: { hero: { separator: 'true' } } })), '.styles.hero.separator must be true or false, got a string of 4 UTF-16 code units; correct it'],
    ['no layout', inBody({ type: 'box', contents: [] }), '.body.contents[0].layout must be present'],
    ['another layout', inBody(box([], { layout: 'grid' })), '.body.contents[0].layout must be one of horizontal, vertical, baseline, got a string of 4'],
    ['a layout that objects have', inBody(box([], { layout: 'toString' })), '.body.contents[0].layout must be one of horizontal, vertical, baseline'],
    ['a box without contents', inBody({ type: 'box', layout: 'vertical' }), '.body.contents[0].contents must be present'],
    ['contents that are an object', inBody(box({})), '.body.contents[0].contents must be an array, got an object; write an array of so many'],
    ['an icon in a vertical box', inBody(flexIcon()), `.body.contents[0].type ${IN_BOX} a string of 4 UTF-16 code units; ${ELSEWHERE}`],
    ['an icon in a horizontal box', flex(bubble({ body: box([flexIcon()], { layout: 'horizontal' }) })), `.body.contents[0].type ${IN_BOX} a string of 4`],
    ['a span in a box', inBody(span()), `.body.contents[0].type ${IN_BOX} a string of 4`],
    ['a video in a box', inBody(flexVideo()), `.body.contents[0].type ${IN_BOX} a string of 5 UTF-16 code units; ${ELSEWHERE}`],
    ['a spacer', inBody({ type: 'spacer' }), `.body.contents[0].type ${IN_BOX} a string of 6`],
    ['a bubble in a box', inBody(bubble()), `.body.contents[0].type ${IN_BOX} a string of 6`],
    ['a type that objects have', inBody({ type: 'toString' }), `.body.contents[0].type ${IN_BOX} a string of 8`],
    ['no component', inBody(flexText(), null), '.body.contents[1] must be an object, got null'],
    ...['box', 'button', 'image', 'separator', 'video', 'span'].map((type): [string, unknown, string] => [
      `a ${type} in a baseline box`, inBaseline({ type }), '.body.contents[0].type must be one of icon, text, filler, got a string of '
        + `${type.length} UTF-16 code units; write one of these types, or a horizontal or vertical box`,
    ]),
    ['deep inside', inBody(box([flexText(), box([flexText(), flexText(), button({ action: uri({ uri: 'x' }) })], { layout: 'horizontal' })])),
      '.body.contents[0].contents[1].contents[2].action.uri must be a URI of scheme http, https, line or tel without white space and double quotes, got a string of 1 UTF-16 code units; begin it with one of these schemes and percent-encode white space and quotes'],
    ['a button without action', inBody({ type: 'button' }), '.body.contents[0].action must be present'],
    ['a button of another style', inBody(button({ style: 'danger' })), '.body.contents[0].style must be one of primary, secondary, link'],
    ['a button of another height', inBody(button({ height: 'lg' })), '.body.contents[0].height must be one of md, sm'],
    ['another position', inBody(button({ position: 'fixed' })), '.body.contents[0].position must be one of relative, absolute'],
    ['another gravity', inBody(button({ gravity: 'middle' })), '.body.contents[0].gravity must be one of top, bottom, center'],
    ['another adjustment', inBody(button({ adjustMode: 'grow' })), '.body.contents[0].adjustMode must be shrink-to-fit'],
    ['a margin that is a number', inBody(button({ margin: 10 })), '.body.contents[0].margin must be a string, got a number; write a string'],
    ['an image without URL', inBody({ type: 'image' }), '.body.contents[0].url must be present'],
    ['another aspect mode', inBody(flexImage({ aspectMode: 'fill' })), '.body.contents[0].aspectMode must be one of fit, cover'],
    ['another alignment', inBody(flexImage({ align: 'left' })), '.body.contents[0].align must be one of start, end, center'],
    ['animated as a word', inBody(flexImage({ animated: 'true' })), '.body.contents[0].animated must be true or false'],
    ['an icon without URL', inBaseline({ type: 'icon' }), '.body.contents[0].url must be present'],
    ['a text without text', inBody({ type: 'text' }), '.body.contents[0].text must be a string that is not empty, unless `contents` has spans, got nothing; write a text or spans'],
    ['an empty text', inBody(flexText({ text: '' })), '.body.contents[0].text must be a string that is not empty, unless `contents` has spans, got an empty string'],
    ['no text and no spans', inBody(flexText({ contents: [] })), '.body.contents[0].text must be a string that is not empty'],
    ['a text that is a number', inBody(flexText({ text: 1 })), '.body.contents[0].text must be a string, got a number'],
    ['texts in a text', inBody(flexText({ contents: [span(), flexText()] })), '.body.contents[0].contents[1].type must be span, got a string of 4'],
    ['spans that are one', inBody(flexText({ contents: span() })), '.body.contents[0].contents must be an array, got an object'],
    ['another weight', inBody(flexText({ text: 'a', weight: '700' })), '.body.contents[0].weight must be one of regular, bold'],
    ['another style', inBody(flexText({ contents: [span({ style: 'oblique' })] })), '.body.contents[0].contents[0].style must be one of normal, italic'],
    ['another decoration', inBody(flexText({ text: 'a', decoration: 'blink' })), '.body.contents[0].decoration must be one of none, underline, line-through'],
    ['a color by name', inBody(flexText({ text: 'a', color: 'red' })), '.body.contents[0].color must be a hexadecimal color code such as #00b900, got a string of 3'],
    ['another justification', inBody(box([], { justifyContent: 'left' })), '.body.contents[0].justifyContent must be one of center, flex-start,'],
    ['another alignment of items', inBody(box([], { alignItems: 'stretch' })), '.body.contents[0].alignItems must be one of center, flex-start, flex-end'],
    ['another background', inBody(box([], { background: { type: 'image' } })), '.body.contents[0].background.type must be linearGradient, got a string of 5'],
    ['a gradient without end', inBody(box([], { background: { type: 'linearGradient', angle: '0deg', startColor: '#ffffff' } })), '.body.contents[0].background.endColor must be present'],
    ['a video without preview', inHero({ type: 'video', url: URL, altContent: flexImage() }), '.hero.previewUrl must be present'],
    ['a video without alternative', inHero({ type: 'video', url: URL, previewUrl: URL }), '.hero.altContent must be present'],
    ['a video as its alternative', inHero(flexVideo({ altContent: flexVideo() })), '.hero.altContent.type must be one of box, image, got a string of 5'],
    ...['nano', 'micro', 'deca', 'hecto'].map((size): [string, unknown, string] => [
      `a video in a bubble of ${size}`, inHero(flexVideo(), { size }), '.size must be kilo, mega or giga beside a video, got a smaller one; enlarge the bubble or show an image',
    ]),
    ['a video in a carousel', bubbles(bubble(), bubble({ hero: flexVideo() })),
      '.contents[1].hero.type must be one of box, image, got a string of 5 UTF-16 code units; write one of these types; a video needs a bubble that is in no carousel'],
    ['a carousel in a carousel', bubbles({ type: 'carousel', contents: [] }), '.contents[0].type must be bubble, got a string of 8'],
    ['bubbles of two sizes', bubbles(bubble({ size: 'kilo' }), bubble({ size: 'kilo' }), bubble({ size: 'giga' })), '.contents[2].size must be kilo as in the first bubble, got another one; give all bubbles one size'],
    ['a bubble beside one of the default size', bubbles(bubble(), bubble({ size: 'kilo' })), '.contents[1].size must be mega as in the first bubble, got another one'],
    ['a bubble of the default size beside another', bubbles(bubble({ size: 'kilo' }), bubble()), '.contents[1].size must be kilo as in the first bubble'],
  ])('%s', (_name, message, expected) => {
    expect(wrong(message)).toContain(`messages[0].contents${expected}`);
  });

  test.each([
    '1', '1:', ':1', '1:1:1', 'a:b', '0:1', '1:0', '0.5:1', '1:3.1', '100001:1', '100000.1:1', '-1:1', '1:4', '1 : 1', '1:1\n', '16/9', '1e3:1',
  ])('an aspect ratio of %j', (aspectRatio) => {
    for (const message of [inBody(flexImage({ aspectRatio })), inBaseline(flexIcon({ aspectRatio })), inHero(flexVideo({ aspectRatio }))]) {
      expect(wrong(message)).toContain('aspectRatio must be {width}:{height}, each from 1 to 100000, the height at most three times the width, got a string of ');
    }
  });

  test.each(['#ff', '#fffffffff', 'ffffff', '#gggggg', '#ffffff;', '#ffffff\n'])('a color of %j', (color) => {
    expect(wrong(inBody(flexText({ text: 'a', color })))).toContain('.color must be a hexadecimal color code');
  });
});

describe('the size of a Flex message', () => {
  /** A bubble whose JSON has so many bytes. */
  const sized = (bytes: number, character = 'a') => {
    const make = (text: string) => bubble({ body: box([flexText({ text })]) });
    const each = Buffer.byteLength(character);
    const left = bytes - Buffer.byteLength(JSON.stringify(make('')));
    return make(character.repeat(Math.floor(left / each)) + 'b'.repeat(left % each));
  };

  test.each(['a', 'か', '🍎'])('of one bubble is 30 KB of %s', (character) => {
    expect(wrong(flex(sized(30 * KB, character)))).toBeUndefined();
    expect(wrong(flex(sized(30 * KB + 1, character)))).toBe(
      'messages[0].contents must be at most 30720 bytes of JSON, got 30721 bytes; shorten it or send several messages');
  });

  test('of a carousel is 50 KB', () => {
    const rest = (bytes: number) => bytes - Buffer.byteLength(JSON.stringify({ type: 'carousel', contents: [sized(20 * KB), ''] })) + 2;
    expect(wrong(bubbles(sized(20 * KB), sized(rest(50 * KB))))).toBeUndefined();
    expect(wrong(bubbles(sized(20 * KB), sized(rest(50 * KB + 1))))).toBe(
      'messages[0].contents must be at most 51200 bytes of JSON, got 51201 bytes; shorten it or send several messages');
  });

  test('of a bubble in a carousel is 30 KB, too', () => {
    expect(wrong(bubbles(sized(1_000), sized(30 * KB)))).toBeUndefined();
    expect(wrong(bubbles(sized(1_000), sized(30 * KB + 1)))).toBe(
      'messages[0].contents.contents[1] must be at most 30720 bytes of JSON, got 30721 bytes; shorten it or send several messages');
  });

  test('has 10 animated images', () => {
    const animated = (count: number) => Array.from({ length: count }, () => flexImage({ animated: true }));
    const still = flexImage({ animated: false });
    const first = bubble({ hero: still, body: box(animated(5)) });
    expect(wrong(bubbles(first, bubble({ body: box([box(animated(5)), still, flexImage()]) })))).toBeUndefined();
    expect(wrong(bubbles(first, bubble({ body: box([box(animated(6)), still]) })))).toBe(
      'messages[0].contents must be a container with at most 10 animated images, got 11 of them; remove `animated` from some');
    expect(wrong(inBody(...Array.from({ length: 11 }, () => flexText({ text: '"animated":true', animated: true }))))).toBeUndefined();
  });
});
