import { isJsonObject, JsonObject } from './line-message';
import { flexAction, flexButtonAction, flexVideoAction } from './message-rules-actions';
import { anyString, at, boolean, byType, color, describe, list, mediaUrl, number, object, oneOf, problem, Problem, Rule, string } from './message-rules-checker';

/** LINE's limits of Flex containers and components. Source: LINE, Messaging API reference, "Flex Message". */

/**
 * `{width}:{height}`, each from 1 to 100000, the height at most three times the width.
 * Source: LINE, Flex Message, "Image", "Icon", "Video", `aspectRatio`.
 */
const aspectRatio = string({
  pattern: {
    test: (value) => {
      const [width, height] = /^\d{1,6}(?:\.\d+)?:\d{1,6}(?:\.\d+)?$/.test(value) ? value.split(':').map(Number) : [0, 0];
      return Math.min(width, height) >= 1 && Math.max(width, height) <= 100_000 && height <= 3 * width;
    },
    words: '{width}:{height}, each from 1 to 100000, the height at most three times the width',
  },
});

/** Sizes and spaces (`md`, `10px`, `50%`) are strings here; which words and units a member takes is left to LINE's validation. */
const offsets = {
  'margin?': anyString,
  'position?': oneOf('relative', 'absolute'),
  'offsetTop?': anyString,
  'offsetBottom?': anyString,
  'offsetStart?': anyString,
  'offsetEnd?': anyString,
};

const flex = { 'flex?': number({ min: 0 }) };
const gravity = { 'gravity?': oneOf('top', 'bottom', 'center') };
const align = { 'align?': oneOf('start', 'end', 'center') };
const font = {
  'size?': anyString,
  'color?': color,
  'weight?': oneOf('regular', 'bold'),
  'style?': oneOf('normal', 'italic'),
  'decoration?': oneOf('none', 'underline', 'line-through'),
};

/** Source: LINE, Flex Message, "Button". */
const button = object({
  'action': flexButtonAction,
  'color?': color,
  'style?': oneOf('primary', 'secondary', 'link'),
  'height?': oneOf('md', 'sm'),
  'adjustMode?': oneOf('shrink-to-fit'),
  'scaling?': boolean,
  ...flex,
  ...gravity,
  ...offsets,
});

/** Source: LINE, Flex Message, "Image". */
const image = object({
  'url': mediaUrl,
  'size?': anyString,
  'aspectRatio?': aspectRatio,
  'aspectMode?': oneOf('fit', 'cover'),
  'backgroundColor?': color,
  'action?': flexAction,
  'animated?': boolean,
  ...flex,
  ...align,
  ...gravity,
  ...offsets,
});

/** Source: LINE, Flex Message, "Icon". */
const icon = object({ 'url': mediaUrl, 'size?': anyString, 'aspectRatio?': aspectRatio, 'scaling?': boolean, ...offsets });

/** Source: LINE, Flex Message, "Span". */
const span = byType({ span: object({ 'text?': anyString, ...font }) });

/**
 * Source: LINE, Flex Message, "Text": "Be sure to set either one of the text property or contents property. If you set the
 * contents property, text is ignored." So both may be there, as the Flex Message Simulator writes them.
 */
function textOrSpans({ text, contents }: JsonObject): Problem | undefined {
  return text || (contents as unknown[] | undefined)?.length
    ? undefined
    : at('.text', problem(describe(text), 'a string that is not empty, unless `contents` has spans', 'write a text or spans'));
}

const text = object({
  'text?': anyString,
  'contents?': list(span, { min: 0 }),
  'wrap?': boolean,
  'lineSpacing?': anyString,
  'maxLines?': number({ min: 0 }),
  'action?': flexAction,
  'adjustMode?': oneOf('shrink-to-fit'),
  'scaling?': boolean,
  ...font,
  ...flex,
  ...align,
  ...gravity,
  ...offsets,
}, textOrSpans);

/** Source: LINE, Flex Message, "Separator". */
const separator = object({ 'margin?': anyString, 'color?': color });

/** Deprecated. Source: LINE, Flex Message, "Filler". */
const filler = object(flex);

/** Source: LINE, Flex Message, "Box", `contents`. */
const inRowOrColumn = byType({ box: (value) => box(value), button, image, text, separator, filler },
  'write one of these types; icons belong in baseline boxes, spans in texts, videos directly in a hero');
const inBaseline = byType({ icon, text, filler }, 'write one of these types, or a horizontal or vertical box');
const LAYOUTS: Readonly<Record<string, Rule>> = {
  horizontal: list(inRowOrColumn, { min: 0 }),
  vertical: list(inRowOrColumn, { min: 0 }),
  baseline: list(inBaseline, { min: 0 }),
};

function componentsOfLayout({ layout, contents }: JsonObject): Problem | undefined {
  const inner = LAYOUTS[layout as string](contents);
  return inner && at('.contents', inner);
}

/** Source: LINE, Flex Message, "Box". */
const box: Rule = object({
  'layout': oneOf(...Object.keys(LAYOUTS)),
  'contents': () => undefined, // By the layout: see componentsOfLayout.
  'action?': flexAction,
  'backgroundColor?': color,
  'borderColor?': color,
  'borderWidth?': anyString,
  'cornerRadius?': anyString,
  'width?': anyString,
  'maxWidth?': anyString,
  'height?': anyString,
  'maxHeight?': anyString,
  'spacing?': anyString,
  'paddingAll?': anyString,
  'paddingTop?': anyString,
  'paddingBottom?': anyString,
  'paddingStart?': anyString,
  'paddingEnd?': anyString,
  'justifyContent?': oneOf('center', 'flex-start', 'flex-end', 'space-between', 'space-around', 'space-evenly'),
  'alignItems?': oneOf('center', 'flex-start', 'flex-end'),
  'background?': byType({
    linearGradient: object({ 'angle': string(), 'startColor': color, 'endColor': color, 'centerColor?': color, 'centerPosition?': anyString }),
  }),
  ...flex,
  ...offsets,
}, componentsOfLayout);

/** Source: LINE, Flex Message, "Video". */
const video = object({
  'url': mediaUrl,
  'previewUrl': mediaUrl,
  'altContent': byType({ box, image }),
  'aspectRatio?': aspectRatio,
  'action?': flexVideoAction,
});

/** Source: LINE, Flex Message, "Video", use conditions. */
function roomForVideo({ hero, size }: JsonObject): Problem | undefined {
  return isJsonObject(hero) && hero.type === 'video' && ['nano', 'micro', 'deca', 'hecto'].includes(size as string)
    ? at('.size', problem('a smaller one', 'kilo, mega or giga beside a video', 'enlarge the bubble or show an image'))
    : undefined;
}

const block = byType({ box });
const blockStyle = object({ 'backgroundColor?': color, 'separator?': boolean, 'separatorColor?': color });

/** Source: LINE, Flex Message, "Bubble". */
function bubble(hero: Rule): Rule {
  return object({
    'size?': oneOf('nano', 'micro', 'deca', 'hecto', 'kilo', 'mega', 'giga'),
    'direction?': oneOf('ltr', 'rtl'),
    'header?': block,
    'hero?': hero,
    'body?': block,
    'footer?': block,
    'styles?': object({ 'header?': blockStyle, 'hero?': blockStyle, 'body?': blockStyle, 'footer?': blockStyle }),
    'action?': flexAction,
  }, roomForVideo);
}

/** Source: LINE, Flex Message, "Carousel", note on the bubbles' width; `mega` is the default. */
function sameSize([first, ...others]: readonly JsonObject[]): Problem | undefined {
  const position = others.findIndex(({ size = 'mega' }) => size !== (first.size ?? 'mega'));
  return position === -1
    ? undefined
    : at(`[${position + 1}].size`, problem('another one', `${first.size ?? 'mega'} as in the first bubble`, 'give all bubbles one size'));
}

const container = byType({
  bubble: bubble(byType({ box, image, video })),
  carousel: object({
    contents: list<JsonObject>(byType({ bubble: bubble(byType({ box, image }, 'write one of these types; a video needs a bubble that is in no carousel')) }),
      { max: 12 }, sameSize),
  }),
});

// ---------------------------------------------------------------------------------------------------- size

const MAX_BUBBLE_BYTES = 30 * 1024;
const MAX_CAROUSEL_BYTES = 50 * 1024;

function tooMany(bytes: number, max: number): Problem | undefined {
  return bytes > max ? problem(`${bytes} bytes`, `at most ${max} bytes of JSON`, 'shorten it or send several messages') : undefined;
}

/** Source: LINE, Flex Message, "Bubble" (30 KB) and "Carousel" (50 KB), taken as 1024 bytes each, of JSON without white space. */
function jsonSize(value: JsonObject, json: string): Problem | undefined {
  const bytes = Buffer.byteLength(json);
  if (value.type === 'bubble') {
    return tooMany(bytes, MAX_BUBBLE_BYTES);
  }
  // A carousel that would do as a bubble has no bubble that is too large.
  return tooMany(bytes, MAX_CAROUSEL_BYTES) ?? (bytes > MAX_BUBBLE_BYTES ? bubbleSizes(value) : undefined);
}

const bubbleSizes = object({
  contents: list((bubbleInside) => tooMany(Buffer.byteLength(JSON.stringify(bubbleInside)), MAX_BUBBLE_BYTES), {}),
});

const MAX_ANIMATED_IMAGES = 10;

function countAnimated(value: unknown): number {
  if (typeof value !== 'object' || value === null) {
    return 0;
  }
  const { type, animated } = value as JsonObject;
  return Object.values(value).reduce((count, inner) => count + countAnimated(inner), type === 'image' && animated === true ? 1 : 0);
}

/** Source: LINE, Flex Message, "Image", `animated`. */
function animatedImages(value: JsonObject, json: string): Problem | undefined {
  const count = json.includes('"animated":true') ? countAnimated(value) : 0;
  return count > MAX_ANIMATED_IMAGES
    ? problem(`${count} of them`, `a container with at most ${MAX_ANIMATED_IMAGES} animated images`, 'remove `animated` from some')
    : undefined;
}

/** The member `contents` of a Flex message. */
export const flexContainer: Rule = (value) => {
  const wrong = container(value);
  if (wrong) {
    return wrong;
  }
  const json = JSON.stringify(value);
  return jsonSize(value as JsonObject, json) ?? animatedImages(value as JsonObject, json);
};
