/**
 * What LINE's documents say about a send request's body. Sources, all of LINE's Messaging API reference unless named otherwise:
 * "Message objects" (one section for each type), "Action objects", "Quick reply", "Change icon and display name",
 * "Flex Message", and "Character counting in a text" for the units.
 *
 * Not known from documents, and so not checked: which stickers and LINE emoji may be sent, the pixels, bytes and formats of
 * media (LINE does not fetch them when it accepts a message), and most looks of Flex components (sizes, colours, margins).
 */
import {
  Also, Check, Findings, Members, Path, anything, byType, dotted, flag, isObject, lengthIn, list, number, object, oneOf, text, uri,
} from './rules';

/** What a message is sent with: some members are allowed in some ways of sending only. */
export interface MessageContext {
  readonly operation: 'reply' | 'push' | 'multicast' | 'broadcast' | 'narrowcast';
  /** Where it goes. Unknown for a validation. */
  readonly destination?: 'user' | 'group' | 'room';
  /** Coupons that exist. Source: "Coupon message": the coupon must have been created. */
  readonly coupons: ReadonlySet<string>;
}

const WEB_SCHEMES = ['http', 'https', 'line', 'tel'];
const MEDIA_URL = uri();
const LINK_URL = uri({ max: 1000, schemes: WEB_SCHEMES });
const graphemes = (max: number, min = 1) => text({ min, max, unit: 'graphemes' });
const ALT_TEXT = text({ max: 1500 });
const LONG = Number.MAX_SAFE_INTEGER;
const ANY_TEXT = text({ max: LONG });
const COLOR = text({ max: 7, pattern: /^#[0-9A-Fa-f]{6}$/ });

// ── Actions ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const DATE_FORMS: Record<string, RegExp> = {
  date: /^\d{4}-\d{2}-\d{2}$/,
  time: /^\d{2}:\d{2}$/,
  datetime: /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}$/,
};

/** Where an action stands decides about its label. Source: "Label specifications". */
interface LabelRule {
  readonly max: number;
  readonly required: boolean;
}
const TEMPLATE_LABEL: LabelRule = { max: 20, required: true };
const DEFAULT_ACTION_LABEL: LabelRule = { max: 20, required: false };
const IMAGE_CAROUSEL_LABEL: LabelRule = { max: 12, required: false };
const QUICK_REPLY_LABEL: LabelRule = { max: 20, required: true };
const FLEX_BUTTON_LABEL: LabelRule = { max: 40, required: true };
const FLEX_LABEL: LabelRule = { max: 40, required: false };

function action(label: LabelRule, only?: string[]): Check {
  const labelled = (required: Members, optional: Members = {}, also?: Also) => {
    const check = { label: graphemes(label.max, label.required ? 1 : 0) };
    return object({ ...required, ...(label.required && check) }, { ...optional, ...(!label.required && check) }, also);
  };
  const kinds: Members = {
    postback: labelled({ data: text({ max: 300 }) }, {
      displayText: graphemes(300),
      text: graphemes(300),
      fillInText: graphemes(300),
      inputOption: oneOf('closeRichMenu', 'openRichMenu', 'openKeyboard', 'openVoice'),
    }, (value, path, findings) => {
      if (value.text !== undefined && value.displayText !== undefined) findings.add([...path, 'text'], 'May not be used with displayText');
      if (value.fillInText !== undefined && value.inputOption !== 'openKeyboard') {
        findings.add([...path, 'fillInText'], 'May only be used with inputOption openKeyboard');
      }
    }),
    message: labelled({ text: graphemes(300) }),
    uri: labelled({ uri: LINK_URL }, { altUri: object({ desktop: LINK_URL }) }),
    datetimepicker: labelled({ data: text({ max: 300 }), mode: oneOf(...Object.keys(DATE_FORMS)) },
      { initial: ANY_TEXT, max: ANY_TEXT, min: ANY_TEXT }, checkDates),
    clipboard: labelled({ clipboardText: text({ max: 1000 }) }),
    camera: labelled({}),
    cameraRoll: labelled({}),
    location: labelled({}),
  };
  return byType(Object.fromEntries(Object.entries(kinds).filter(([type]) => !only || only.includes(type))));
}

function checkDates(value: Record<string, unknown>, path: Path, findings: Findings): void {
  const form = DATE_FORMS[String(value.mode)];
  if (!form) return;
  for (const name of ['initial', 'max', 'min']) {
    const date = value[name];
    if (typeof date !== 'string') continue;
    if (!form.test(date)) {findings.add([...path, name], `Must be a ${value.mode}`);} else if (value.mode !== 'time' && (date < '1900-01-01' || date.slice(0, 10) > '2100-12-31')) {
      findings.add([...path, name], 'Must be between 1900-01-01 and 2100-12-31');
    }
  }
  if (typeof value.max === 'string' && typeof value.min === 'string' && value.max <= value.min) findings.add([...path, 'max'], 'Must be later than min');
}

/** Camera, camera roll and location stand in quick replies only. */
const EVERYWHERE = ['postback', 'message', 'uri', 'datetimepicker', 'clipboard'];
const TEMPLATE_ACTION = action(TEMPLATE_LABEL, EVERYWHERE);
const DEFAULT_ACTION = action(DEFAULT_ACTION_LABEL, EVERYWHERE);
const IMAGE_CAROUSEL_ACTION = action(IMAGE_CAROUSEL_LABEL, EVERYWHERE);
const FLEX_BUTTON_ACTION = action(FLEX_BUTTON_LABEL, EVERYWHERE);
const FLEX_ACTION = action(FLEX_LABEL, EVERYWHERE);

// ── What every message may have ──────────────────────────────────────────────────────────────────────────────────────

const COMMON: Members = {
  quickReply: object({
    items: list(1, 13, byType({ action: object({ action: action(QUICK_REPLY_LABEL) }, { imageUrl: MEDIA_URL }) })),
  }),
  sender: object({}, {
    name: text({ max: 20, pattern: /^(?!.*\bLINE\b)/ }),
    iconUrl: MEDIA_URL,
  }),
};

const message = (required: Members, optional: Members = {}, also?: Also) => object(required, { ...optional, ...COMMON }, also);

// ── Texts ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function quoteToken({ operation }: MessageContext): Check {
  return (value, path, findings) => {
    if (operation !== 'reply' && operation !== 'push') findings.add(path, 'May only be used in reply and push messages');
    else ANY_TEXT(value, path, findings);
  };
}

function textMessage(context: MessageContext): Check {
  return message({ text: text({ max: 5000 }) }, {
    emojis: list(1, 20, object({ index: number(0, 4999, true), productId: ANY_TEXT, emojiId: ANY_TEXT })),
    quoteToken: quoteToken(context),
  }, (value, path, findings) => {
    if (typeof value.text !== 'string' || !Array.isArray(value.emojis)) return;
    for (const [i, emoji] of value.emojis.entries()) {
      if (isObject(emoji) && value.text[Number(emoji.index)] !== '$') findings.add([...path, 'emojis', i, 'index'], 'Must be the position of a $');
    }
  });
}

function textV2Message(context: MessageContext): Check {
  const mention: Check = (value, path, findings) => {
    if (context.operation !== 'reply' && context.operation !== 'push') return findings.add(path, 'May only be used in reply and push messages');
    if (context.destination === 'user') return findings.add(path, 'May only be used towards a group or a room');
    object({ mentionee: byType({ user: object({ userId: text({ max: 33, pattern: /^U[0-9a-f]{32}$/ }) }), all: object({}) }) })(value, path, findings);
  };
  const substitute = byType({ mention, emoji: object({ productId: ANY_TEXT, emojiId: ANY_TEXT }) });
  const substitution: Check = (value, path, findings) => {
    if (!isObject(value)) return findings.add(path, 'Must be an object');
    const entries = Object.entries(value);
    if (entries.length > 100) findings.add(path, 'Size must be between 0 and 100');
    for (const [key, entry] of entries) {
      if (!/^[0-9A-Za-z_]{1,20}$/.test(key)) findings.add([...path, key], 'Must match [0-9A-Za-z_]{1,20}');
      substitute(entry, [...path, key], findings);
    }
  };
  return message({ text: text({ max: 5000 }) }, { substitution, quoteToken: quoteToken(context) }, (value, path, findings) => {
    if (typeof value.text !== 'string') return;
    const defined = isObject(value.substitution) ? value.substitution : {};
    // Doubled braces stand for themselves; what is left are placeholders or mistakes.
    const parts = value.text.replace(/\{\{|\}\}/g, '').split(/[{}]/);
    if ((value.text.replace(/\{\{|\}\}/g, '').replace(/\{[^{}]*\}/g, '').match(/[{}]/) ?? []).length > 0) {
      return findings.add([...path, 'text'], 'Braces must be used in pairs');
    }
    const used = parts.filter((_, i) => i % 2 === 1);
    for (const name of used.filter(key => !Object.hasOwn(defined, key))) findings.add([...path, 'text'], `Placeholder ${name} is not defined in substitution`);
    for (const type of ['mention', 'emoji']) {
      const count = used.filter(key => isObject(defined[key]) && defined[key].type === type).length;
      if (count > 20) findings.add([...path, 'text'], `At most 20 of type ${type}, got ${count}`);
    }
  });
}

// ── Media, places, coupons ───────────────────────────────────────────────────────────────────────────────────────────

const STICKER_ID = text({ max: LONG, pattern: /^\d+$/ });
const IMAGE = message({ originalContentUrl: MEDIA_URL, previewImageUrl: MEDIA_URL });
const AUDIO = message({ originalContentUrl: MEDIA_URL, duration: number(1, LONG, true) });
const LOCATION = message({
  title: text({ max: 100 }), address: text({ max: 100 }), latitude: number(-90, 90, false), longitude: number(-180, 180, false),
});

function videoMessage({ destination }: MessageContext): Check {
  return message({ originalContentUrl: MEDIA_URL, previewImageUrl: MEDIA_URL }, {
    trackingId: (value, path, findings) => {
      if (destination === 'group' || destination === 'room') return findings.add(path, 'May not be used towards groups and rooms');
      text({ max: 100, pattern: /^[A-Za-z0-9\-.=,+*()%$&;:@{}!?<>[\]]+$/ })(value, path, findings);
    },
  });
}

function couponMessage({ coupons }: MessageContext): Check {
  return message({ couponId: ANY_TEXT }, { deliveryTag: text({ max: 30, pattern: /^[A-Za-z0-9_]+$/ }) }, (value, path, findings) => {
    if (typeof value.couponId === 'string' && value.couponId !== '' && !coupons.has(value.couponId)) findings.add([...path, 'couponId'], 'Coupon not found');
  });
}

// ── Imagemap ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const AREA = object({ x: number(0, LONG, true), y: number(0, LONG, true), width: number(0, LONG, true), height: number(0, LONG, true) });
const IMAGEMAP_LABEL = { label: text({ min: 0, max: 100 }) };
const IMAGEMAP = message({
  baseUrl: MEDIA_URL,
  altText: ALT_TEXT,
  baseSize: object({ width: number(1040, 1040, true), height: number(1, LONG, true) }),
  actions: list(0, 50, byType({
    uri: object({ linkUri: LINK_URL, area: AREA }, IMAGEMAP_LABEL),
    message: object({ text: text({ max: 400 }), area: AREA }, IMAGEMAP_LABEL),
    clipboard: object({ clipboardText: text({ max: 1000 }), area: AREA }, IMAGEMAP_LABEL),
  })),
}, {
  video: object({ originalContentUrl: MEDIA_URL, previewImageUrl: MEDIA_URL, area: AREA }, {
    externalLink: object({ linkUri: LINK_URL, label: text({ max: 30 }) }),
  }),
}, ({ baseUrl }, path, findings) => {
  // The app appends `/240` to `/1040`; an extension keeps the image from being shown. Source: "How to configure an image".
  if (typeof baseUrl === 'string' && /[?#]|\.(?:png|jpe?g)$/i.test(baseUrl)) findings.doubtful.push([...path, 'baseUrl']);
});

// ── Templates ────────────────────────────────────────────────────────────────────────────────────────────────────────

const PICTURE: Members = {
  imageAspectRatio: oneOf('rectangle', 'square'), imageSize: oneOf('cover', 'contain'), imageBackgroundColor: COLOR,
};

/** A text is shorter beside an image or a title. */
function textBesidePicture(plain: number, beside: number): Also {
  return (value, path, findings) => {
    const max = value.thumbnailImageUrl !== undefined || value.title !== undefined ? beside : plain;
    if (typeof value.text === 'string' && lengthIn('graphemes', value.text) > max) findings.add([...path, 'text'], `Length must be between 1 and ${max}`);
  };
}

const COLUMN = object({ text: graphemes(LONG), actions: list(1, 3, TEMPLATE_ACTION) }, {
  title: graphemes(40), thumbnailImageUrl: MEDIA_URL, imageBackgroundColor: COLOR, defaultAction: DEFAULT_ACTION,
}, textBesidePicture(120, 60));

const TEMPLATE = message({
  altText: ALT_TEXT,
  template: byType({
    buttons: object({ text: graphemes(LONG), actions: list(1, 4, TEMPLATE_ACTION) }, {
      title: graphemes(40), thumbnailImageUrl: MEDIA_URL, defaultAction: DEFAULT_ACTION, ...PICTURE,
    }, textBesidePicture(160, 60)),
    confirm: object({ text: graphemes(240), actions: list(2, 2, TEMPLATE_ACTION) }),
    carousel: object({ columns: list(1, 10, COLUMN) }, { imageAspectRatio: PICTURE.imageAspectRatio, imageSize: PICTURE.imageSize }, alikeColumns),
    image_carousel: object({ columns: list(1, 10, object({ imageUrl: MEDIA_URL, action: IMAGE_CAROUSEL_ACTION })) }),
  }),
});

/** All columns have the same number of actions, and all or none have an image, or a title. */
function alikeColumns(value: Record<string, unknown>, path: Path, findings: Findings): void {
  const columns = (Array.isArray(value.columns) ? value.columns : []).filter(isObject);
  const traits: [string, (column: Record<string, unknown>) => unknown][] = [
    ['actions', column => Array.isArray(column.actions) ? column.actions.length : undefined],
    ['thumbnailImageUrl', column => column.thumbnailImageUrl !== undefined],
    ['title', column => column.title !== undefined],
  ];
  for (const [name, trait] of traits) {
    for (const [i, column] of columns.entries()) {
      if (trait(column) !== trait(columns[0])) findings.add([...path, 'columns', i, name], 'Must be alike in all columns');
    }
  }
}

// ── Flex ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const KB = 1024;
const jsonBytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

/** Looks of a component: known by name, not checked. */
const LOOKS: Members = Object.fromEntries([
  'flex', 'spacing', 'margin', 'position', 'offsetTop', 'offsetBottom', 'offsetStart', 'offsetEnd', 'backgroundColor', 'borderColor', 'borderWidth',
  'cornerRadius', 'width', 'maxWidth', 'height', 'maxHeight', 'paddingAll', 'paddingTop', 'paddingBottom', 'paddingStart', 'paddingEnd',
  'justifyContent', 'alignItems', 'background', 'color', 'style', 'gravity', 'adjustMode', 'scaling', 'size', 'aspectRatio', 'aspectMode', 'align',
  'weight', 'decoration', 'wrap', 'lineSpacing', 'maxLines',
].map(name => [name, anything]));

const component = (required: Members, optional: Members = {}, also?: Also) => object(required, { ...LOOKS, ...optional }, also);

const SPAN = byType({ span: component({ text: ANY_TEXT }) });
const FLEX_TEXT = component({}, { text: ANY_TEXT, contents: list(1, LONG, SPAN), action: FLEX_ACTION }, (value, path, findings) => {
  if (value.text === undefined && value.contents === undefined) findings.add([...path, 'text'], 'Must be specified');
});
const FLEX_IMAGE = component({ url: MEDIA_URL }, { animated: flag, action: FLEX_ACTION });
const FILLER = component({});
const FLEX_BOX: Check = (value, path, findings) => BOX(value, path, findings);
const ROW_OR_COLUMN = byType({
  box: FLEX_BOX, button: component({ action: FLEX_BUTTON_ACTION }), image: FLEX_IMAGE, text: FLEX_TEXT, separator: component({}), filler: FILLER,
});
const BASELINE = byType({ icon: component({ url: MEDIA_URL }), text: FLEX_TEXT, filler: FILLER });
const BOX = component({ layout: oneOf('horizontal', 'vertical', 'baseline'), contents: list(0, LONG, anything) }, { action: FLEX_ACTION },
  (value, path, findings) => {
    if (!Array.isArray(value.contents)) return;
    value.contents.forEach((child, i) => (value.layout === 'baseline' ? BASELINE : ROW_OR_COLUMN)(child, [...path, 'contents', i], findings));
  });

const SIZES = ['nano', 'micro', 'deca', 'hecto', 'kilo', 'mega', 'giga'];
const DEFAULT_SIZE = 'mega';

function bubble(inCarousel: boolean): Check {
  const video = component({ url: MEDIA_URL, previewUrl: MEDIA_URL, altContent: byType({ box: FLEX_BOX, image: FLEX_IMAGE }) },
    { action: action(FLEX_LABEL, ['uri']) });
  const block = byType({ box: FLEX_BOX });
  return object({}, {
    size: oneOf(...SIZES),
    direction: oneOf('ltr', 'rtl'),
    styles: anything,
    action: FLEX_ACTION,
    header: block,
    body: block,
    footer: block,
    hero: byType({ box: FLEX_BOX, image: FLEX_IMAGE, video }),
  }, (value, path, findings) => {
    if (jsonBytes(value) > 30 * KB) findings.add(path, 'A bubble may have at most 30 KB of JSON');
    if (!isObject(value.hero) || value.hero.type !== 'video') return;
    if (inCarousel) findings.add([...path, 'hero'], 'A video may not be used in a carousel');
    if (!['kilo', 'mega', 'giga'].includes(String(value.size ?? DEFAULT_SIZE))) findings.add([...path, 'hero'], 'A video needs a bubble of size kilo, mega or giga');
  });
}

const FLEX = message({
  altText: ALT_TEXT,
  contents: byType({
    bubble: bubble(false),
    carousel: object({ contents: list(1, 12, byType({ bubble: bubble(true) })) }, {}, (value, path, findings) => {
      if (jsonBytes(value) > 50 * KB) findings.add(path, 'A carousel may have at most 50 KB of JSON');
      const sizes = new Set((Array.isArray(value.contents) ? value.contents : []).filter(isObject).map(one => one.size ?? DEFAULT_SIZE));
      if (sizes.size > 1) findings.add([...path, 'contents'], 'All bubbles of a carousel must have the same size');
    }),
  }),
}, {}, (value, path, findings) => {
  const animated = JSON.stringify(value.contents ?? null).match(/"animated":true/g)?.length ?? 0;
  if (animated > 10) findings.add([...path, 'contents'], `At most 10 animated images, got ${animated}`);
});

// ── Requests ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function messages(context: MessageContext): Check {
  return list(1, 5, byType({
    text: textMessage(context),
    textV2: textV2Message(context),
    sticker: message({ packageId: STICKER_ID, stickerId: STICKER_ID }, { quoteToken: quoteToken(context) }),
    image: IMAGE,
    video: videoMessage(context),
    audio: AUDIO,
    location: LOCATION,
    coupon: couponMessage(context),
    imagemap: IMAGEMAP,
    template: TEMPLATE,
    flex: FLEX,
  }));
}

/** The body of a validation: its `messages` only. Source: "Validate message objects of a reply message" and its siblings. */
export function checkValidation(body: unknown, context: MessageContext): Findings {
  const findings = new Findings();
  object({ messages: messages(context) })(body, [], findings);
  return findings;
}

/** The body of a send request, all but the recipients themselves. Sources: "Send multicast message" and its siblings. */
export function checkSend(body: unknown, context: MessageContext): Findings {
  const findings = new Findings();
  const units = list(1, 1, text({ max: 30, pattern: /^[A-Za-z0-9_]+$/ }));
  object({
    messages: messages(context),
    ...(context.operation === 'reply' && { replyToken: ANY_TEXT }),
    ...((context.operation === 'push' || context.operation === 'multicast') && { to: anything }),
  }, {
    notificationDisabled: flag,
    ...((context.operation === 'push' || context.operation === 'multicast') && { customAggregationUnits: units }),
  })(body, [], findings);
  return findings;
}

/**
 * LINE's 400 for these problems. Source: "Error responses". Problems inside Flex contents are answered differently: by the
 * message, with pointers such as `/hero/url` (`line/line-bot-sdk-python#314`).
 */
export function errorBody({ problems }: Findings): object {
  const inFlex = ({ path }: { path: Path }) => path[0] === 'messages' && path[2] === 'contents';
  if (problems.every(problem => inFlex(problem) && problem.path[1] === problems[0].path[1])) {
    return {
      message: `A message (messages[${problems[0].path[1]}]) in the request body is invalid`,
      details: problems.map(({ message: text_, path }) => ({ message: text_, property: `/${path.slice(3).join('/')}` })),
    };
  }
  return {
    message: `The request body has ${problems.length} error(s)`,
    details: problems.map(({ message: text_, path }) => ({ message: text_, property: dotted(path) })),
  };
}
