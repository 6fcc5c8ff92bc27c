import { ContentError } from './content-error';
import { JsonObject, LineMessage } from './line-message';
import { quickReplyAction } from './message-rules-actions';
import {
  at, byType, contentError, isDeeperThan, link, list, mediaUrl, number, object, oneOf, problem, Problem, Rule, string, writable,
} from './message-rules-checker';
import { flexContainer } from './message-rules-flex';
import { template } from './message-rules-templates';
import { SendErrorCode } from '../../contract/custom-channel';
import { MAX_MESSAGES_PER_REQUEST, MAX_TEXT_LENGTH } from '../../contract/limits';

/** LINE's limits of message objects. Source: LINE, Messaging API reference, "Message objects", section by section. */

/** Source: LINE, "Text message", "Text message (v2)", `text`. LINE shows nothing for white space alone, and refuses it. */
const messageText: Rule = (value) => typeof value === 'string' && value.trim() === ''
  ? problem('a blank string', `a string of 1 to ${MAX_TEXT_LENGTH} UTF-16 code units that is not blank`, 'write a text, or leave out the message')
  : longText(value);
const longText = string({ max: MAX_TEXT_LENGTH, code: SendErrorCode.TEXT_TOO_LONG });

/** Source: LINE, "Imagemap message", "Template messages", "Flex Message", `altText`. */
const altText = string({ max: 1_500 });

const quote = { 'quoteToken?': string() };

// ---------------------------------------------------------------------------------------------------- text

/** Source: LINE, "Text message", `emojis.index`: code units before the `$` in whose place the emoji stands. */
function emojiPlaces({ text, emojis = [] }: JsonObject): Problem | undefined {
  const seen = new Set<unknown>();
  for (const [position, { index }] of (emojis as JsonObject[]).entries()) {
    if ((text as string)[index as number] !== '$') {
      return at(`.emojis[${position}].index`, problem(`${index}`, 'the place of a `$` in `text`, counted in UTF-16 code units from 0',
        'put a `$` there, or correct the index'));
    }
    if (seen.has(index)) {
      return at(`.emojis[${position}].index`, problem(`${index} a second time`, 'a place of its own', 'give each emoji its own `$`'));
    }
    seen.add(index);
  }
  return undefined;
}

const emoji = { productId: string(), emojiId: string() };

/** Source: LINE, "Text message". */
const text = object({
  'text': messageText,
  'emojis?': list(object({ index: number({ min: 0, whole: true }), ...emoji }), { min: 0, max: 20 }),
  ...quote,
}, emojiPlaces);

// ---------------------------------------------------------------------------------------------------- text, version 2

/** Source: LINE, "Text message (v2)", "Mention object" and "Emoji object". */
const substitute = byType({
  mention: object({ mentionee: byType({ user: object({ userId: string() }), all: object({}) }) }),
  emoji: object(emoji),
});

const MAX_SUBSTITUTIONS = 100;

/** Mentions, and emoji, that one text may have. Source: LINE, "Mention object", "Emoji object". */
const MAX_OF_A_KIND = 20;

/** Source: LINE, "Text message (v2)", `substitution`. */
const substitution: Rule = (value) => {
  const wrong = object({})(value);
  if (wrong) {
    return wrong;
  }
  const entries = Object.entries(value as JsonObject);
  if (entries.length > MAX_SUBSTITUTIONS) {
    return problem(`an object of ${entries.length} members`, `an object of at most ${MAX_SUBSTITUTIONS} members`, 'take some away');
  }
  for (const [key, member] of entries) {
    if (!/^\w{1,20}$/.test(key)) {
      return problem(`a key of ${key.length} UTF-16 code units`, 'an object with keys of 1 to 20 characters 0-9, A-Z, a-z and _', 'rename the key');
    }
    const inner = substitute(member);
    if (inner) {
      return at(`.${key}`, inner);
    }
  }
  return undefined;
};

/** Braces of the text in pairs: `{{` and `}}` are literal, `{key}` stands for its substitution. Source: LINE, "Text message (v2)", `text`. */
function placeholders({ text: characters, substitution: defined = {} }: JsonObject): Problem | undefined {
  const counts: Record<string, number> = { mention: 0, emoji: 0 };
  for (const { 0: found, 1: key, index } of (characters as string).matchAll(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g)) {
    if (key === undefined) {
      if (found.length === 1) {
        return at('.text', problem(`a single \`${found}\` at UTF-16 code unit ${index}`, 'a text with its braces in pairs',
          'write a literal brace twice: `{{`, `}}`'));
      }
      continue;
    }
    if (!Object.hasOwn(defined as JsonObject, key)) {
      return at('.text', problem(`a placeholder without one at UTF-16 code unit ${index}`, 'a text whose placeholders are all in `substitution`',
        'define it, or write literal braces twice: `{{`, `}}`'));
    }
    const { type } = (defined as Record<string, LineMessage>)[key];
    if (++counts[type] > MAX_OF_A_KIND) {
      return at('.text', problem(`more, from UTF-16 code unit ${index} on`, `a text with at most ${MAX_OF_A_KIND} placeholders of type ${type}`,
        'take some away'));
    }
  }
  return undefined;
}

/** Source: LINE, "Text message (v2)". */
const textV2 = object({ 'text': messageText, 'substitution?': substitution, ...quote }, placeholders);

// ---------------------------------------------------------------------------------------------------- imagemap

/** Source: LINE, "Imagemap area object". */
const area = object({ x: number({ min: 0 }), y: number({ min: 0 }), width: number({ min: 0 }), height: number({ min: 0 }) });

/** Source: LINE, "Imagemap action objects"; they are no action objects, so that everything is counted in UTF-16 code units. */
const mapped = { 'label?': string({ min: 0, max: 100 }), area };
const imagemapAction = byType({
  uri: object({ linkUri: link, ...mapped }),
  message: object({ text: string({ max: 400 }), ...mapped }),
  clipboard: object({ clipboardText: string({ max: 1_000 }), ...mapped }),
});

/** LINE appends `/240` to `/1040`, which would end up in the query string or fragment. Source: LINE, "How to configure an image". */
function appendable({ baseUrl }: JsonObject): Problem | undefined {
  return /[?#]/.test(baseUrl as string)
    ? at('.baseUrl', problem('one with them', 'a URL without query string and fragment', 'serve the five images below a plain path'))
    : undefined;
}

/** Source: LINE, "Imagemap message". */
const imagemap = object({
  'baseUrl': mediaUrl,
  'altText': altText,
  'baseSize': object({ width: number({ min: 1_040, max: 1_040 }), height: number({ min: 1 }) }),
  'actions': list(imagemapAction, { min: 0, max: 50 }),
  'video?': object({
    'originalContentUrl': mediaUrl,
    'previewImageUrl': mediaUrl,
    area,
    'externalLink?': object({ linkUri: link, label: string({ max: 30 }) }),
  }),
}, appendable);

// ---------------------------------------------------------------------------------------------------- all

/** Source: LINE, "Video message", `trackingId`. */
const trackingId = string({
  max: 100,
  pattern: { test: (value) => /^[A-Za-z0-9\-.=,+*()%$&;:@{}!?<>[\]]+$/.test(value), words: 'a string of A-Z, a-z, 0-9 and -.=,+*()%$&;:@{}!?<>[]' },
});

/** Source: LINE, "Coupon message", `deliveryTag`. */
const deliveryTag = string({ max: 30, pattern: { test: (value) => /^\w+$/.test(value), words: 'a string of A-Z, a-z, 0-9 and _' } });

const images = { originalContentUrl: mediaUrl, previewImageUrl: mediaUrl };

/** The eleven types. Source: LINE, Messaging API reference, "Message objects". */
const byMessageType = byType({
  text,
  textV2,
  sticker: object({ packageId: string(), stickerId: string(), ...quote }),
  image: object(images),
  video: object({ ...images, 'trackingId?': trackingId }),
  audio: object({ originalContentUrl: mediaUrl, duration: number({ min: 1, whole: true }) }),
  location: object({
    title: string({ max: 100 }),
    address: string({ max: 100 }),
    latitude: number({ min: -90, max: 90 }),
    longitude: number({ min: -180, max: 180 }),
  }),
  imagemap,
  template: object({ altText, template }),
  flex: object({ altText, contents: flexContainer }),
  coupon: object({ 'couponId': string(), 'deliveryTag?': deliveryTag }),
});

/** Source: LINE, "Common properties for messages": "Quick reply", "Customize icon and display name". */
const common = object({
  'quickReply?': object({
    items: list(object({ 'type': oneOf('action'), 'imageUrl?': mediaUrl, 'action': quickReplyAction }), { max: 13 }),
  }),
  'sender?': object({ 'name?': string({ min: 0, max: 20 }), 'iconUrl?': mediaUrl }),
});

/** Objects and arrays in each other. LINE states no limit; no bubble of 30 KB that shows something gets near this one. */
const MAX_DEPTH = 200;

const message: Rule = (value) => isDeeperThan(MAX_DEPTH, value)
  ? problem('more', `at most ${MAX_DEPTH} objects and arrays in each other`, 'flatten it')
  : writable(value) ?? byMessageType(value) ?? common(value);

const messages = list(message, { max: MAX_MESSAGES_PER_REQUEST });

/**
 * Checks messages that are ready to be sent, placeholders and media addresses resolved, against the limits that LINE
 * publishes. Never throws for a JSON value. Members that LINE's reference does not name pass: LINE adds some from time to
 * time, and its own validate operation, which follows, knows them.
 *
 * @returns the first problem: its place as a JSON path such as `messages[0].contents.body.contents[2].action.uri`, kind and
 *   length of what is there (never a text), the limit with its unit, and the fix; undefined when all is well
 */
export function checkMessages(value: readonly LineMessage[]): ContentError | undefined {
  const found = messages(value);
  return found && contentError(at('messages', found));
}
