import { ContentError, contentErrorOnly } from './content-error';
import { invalidContent } from './invalid-content';
import { JsonObject, LineMessage, isJsonObject } from './line-message';
import { SendErrorCode } from '../../contract/custom-channel';
import { MEDIA_SCHEME } from '../../contract/media';
import { percentEncode } from '../shared/percent-encode';
import { wellFormed } from '../shared/well-formed';

/** Names the first placeholder, in the order of the content, that has neither a usable value for the person nor a default. */
export interface MissingAttribute {
  /** The placeholder's path: `Attributes.FirstName`. */
  readonly missing: string;
}

/** Messages that were searched for placeholders once and can be rendered for any number of people. */
export interface PersonalisedMessages {
  /** False when no placeholder was found: everybody gets the same. */
  readonly isPersonalised: boolean;
  /** The path of every placeholder, each once, in the order of the content. */
  readonly paths: readonly string[];
  /**
   * The messages for one person. Whatever holds no placeholder is shared by all renderings; so do not change it. Lengths,
   * URLs and media keys have to be checked afterwards, since values decide them. Never throws.
   *
   * @param endpoint the person's endpoint as Pinpoint hands it over. Source: Amazon Pinpoint, API reference, "EndpointResponse"
   */
  render(endpoint: JsonObject): readonly LineMessage[] | MissingAttribute;
}

/**
 * Finds the placeholders in every string value of the messages, at any depth; names of members are left alone.
 *
 * `{{Attributes.FirstName}}`, or with a default `{{ Attributes.FirstName | friend }}`; spaces around path and default are
 * dropped, and a default may be empty. A default is plain text up to the next `}}` and is treated like a value. Paths are
 * `User.UserId`, `User.UserAttributes.<name>`, `Attributes.<name>`, `Metrics.<name>` and the members of `Location` and
 * `Demographic`; a name is everything that follows, dots and spaces included, but no brace and no bar. Everything else in
 * double braces stays as it is.
 *
 * A value is the text, number or boolean itself, of a list the first that is one and not empty; a surrogate that stands
 * alone becomes U+FFFD. Values are inserted as text and never searched for placeholders, so that none can change a
 * message's structure. What else they must not change:
 * - In the `text` of a `textV2` message their braces are doubled, which is how LINE writes a brace there. Source: LINE,
 *   Messaging API reference, "Text message (v2)".
 * - In a `text` message each `emojis[].index` follows the character that it points at. Source: same, "Text message".
 * - In a URL they are percent-encoded, so that they cannot leave their place in it; see `encodingOf`.
 * - A value that would lead to another media object than those that the author means counts as missing; see `unusableIn`.
 *
 * @returns a `ContentError` INVALID_CONTENT for an emoji inside a placeholder, more emojis than LINE takes, a host that ends in
 *   a placeholder, or messages nested deeper than any that LINE shows
 */
export function compileMessages(messages: readonly LineMessage[]): PersonalisedMessages | ContentError {
  try {
    return compile(messages);
  } catch (error) {
    return contentErrorOnly(error);
  }
}

/** A placeholder of the messages. */
interface Placeholder {
  readonly path: string;
  /** Names of members, from the endpoint to the value. */
  readonly keys: readonly string[];
  readonly fallback?: string;
  /** Values that count as missing in its place; a default never does. */
  readonly unusable?: RegExp;
  /** Makes a value fit for its place. */
  readonly encode: (value: string) => string;
  /** The string that it stands in: `messages[0].text`. */
  readonly place: string;
  /** Where it begins and ends in that string, in UTF-16 code units. */
  readonly start: number;
  readonly end: number;
}

/** Makes a value of the messages for one person, from the values of all placeholders in their order. */
type Render = (values: readonly string[]) => unknown;

function compile(messages: readonly LineMessage[]): PersonalisedMessages {
  const placeholders: Placeholder[] = [];
  const render = shareRest(messages, messages.map((message, index) => compileMessage(message, `messages[${index}]`, placeholders)));
  return {
    isPersonalised: render !== undefined,
    paths: [...new Set(placeholders.map(({ path }) => path))],
    render: (endpoint) => {
      if (render === undefined) {
        return messages;
      }
      const values = placeholders.map(({ keys, fallback, unusable, encode }) => {
        const own = valueAt(endpoint, keys);
        const value = own === undefined || unusable?.test(own) ? fallback : own;
        return value === undefined ? undefined : encode(value);
      });
      const missing = values.indexOf(undefined);
      return missing === -1 ? render(values as string[]) as LineMessage[] : { missing: placeholders[missing].path };
    },
  };
}

// ---------------------------------------------------------------------------------------------------- messages

/** Far more than any message that LINE documents needs, far less than the stack holds. */
const MAX_NESTING = 200;

/** Source: LINE, Messaging API reference, "Text message", `emojis`. */
const MAX_EMOJIS = 20;

function compileMessage(message: LineMessage, place: string, placeholders: Placeholder[]): Render | undefined {
  const render = compileValue(message, { place, depth: 0, isTextV2: message.type === 'textV2' }, placeholders);
  const { type, emojis } = message;
  const inText = placeholders.flatMap((placeholder, index) => placeholder.place === `${place}.text` ? [{ ...placeholder, index }] : []);
  if (render === undefined || type !== 'text' || !Array.isArray(emojis) || inText.length === 0) {
    return render;
  }
  // Checked here already, since each emoji is compared with each placeholder, for each person.
  if (emojis.length > MAX_EMOJIS) {
    throw invalidContent(`\`${place}.emojis\``, emojis, `an array of at most ${MAX_EMOJIS}`, 'take some away');
  }
  emojis.forEach((emoji: unknown, index) => {
    if (isPlaced(emoji) && inText.some(({ start, end }) => start <= emoji.index && emoji.index < end)) {
      throw invalidContent(`\`${place}.emojis[${index}].index\``, emoji.index, 'the position of a `$` outside of placeholders',
        'count in the text as it is written, placeholders included');
    }
  });
  return (values) => {
    const rendered = render(values) as JsonObject & { readonly emojis: unknown[] };
    const grownBefore = (position: number): number => inText
      .filter(({ end }) => end <= position)
      .reduce((sum, { start, end, index }) => sum + values[index].length - (end - start), 0);
    return {
      ...rendered,
      emojis: rendered.emojis.map((emoji) => isPlaced(emoji) ? { ...emoji, index: emoji.index + grownBefore(emoji.index) } : emoji),
    };
  };
}

/** Whether an element of `emojis` has a position at all. What is wrong with one otherwise is found when LINE's rules are checked. */
function isPlaced(emoji: unknown): emoji is JsonObject & { readonly index: number } {
  return isJsonObject(emoji) && Number.isInteger(emoji.index);
}

interface Position {
  /** For errors and to know it again: `messages[0].contents.hero.url`. */
  readonly place: string;
  /** Of the member; absent for elements of an array. */
  readonly name?: string;
  readonly depth: number;
  /** The value is in a `textV2` message. */
  readonly isTextV2: boolean;
}

/** Undefined when the value holds no placeholder. */
function compileValue(value: unknown, position: Position, placeholders: Placeholder[]): Render | undefined {
  if (typeof value === 'string') {
    return compileString(value, position, placeholders);
  }
  const { place, depth, isTextV2 } = position;
  if (depth > MAX_NESTING) {
    throw new ContentError(SendErrorCode.INVALID_CONTENT,
      `${/^\w+\[\d+\]/.exec(place)} is nested more than ${MAX_NESTING} levels deep; LINE shows no such message: make it flatter`);
  }
  if (Array.isArray(value)) {
    return shareRest(value, value.map((element, index) =>
      compileValue(element, { place: `${place}[${index}]`, depth: depth + 1, isTextV2 }, placeholders)));
  }
  if (!isJsonObject(value)) {
    return undefined;
  }
  const members = Object.entries(value).flatMap(([name, member]) => {
    const render = compileValue(member, { place: `${place}.${name}`, name, depth: depth + 1, isTextV2 }, placeholders);
    return render ? [[name, render] as const] : [];
  });
  return members.length === 0 ? undefined : (values) => {
    // A spread makes own members of all, `__proto__` included; setting one that is there leaves order and prototype alone.
    const copy: Record<string, unknown> = { ...value };
    for (const [name, render] of members) {
      copy[name] = render(values);
    }
    return copy;
  };
}

/** Renders the elements that hold placeholders; the others are shared. */
function shareRest(elements: readonly unknown[], renders: readonly (Render | undefined)[]): Render | undefined {
  return renders.every((render) => render === undefined) ? undefined
    : (values) => elements.map((element, index) => renders[index]?.(values) ?? element);
}

// ---------------------------------------------------------------------------------------------------- strings

function compileString(text: string, position: Position, placeholders: Placeholder[]): Render | undefined {
  const found = findPlaceholders(text);
  if (found.length === 0) {
    return undefined;
  }
  const ends = found.map(({ end }) => end);
  const literals = [...found.map(({ start }, index) => text.slice(ends[index - 1] ?? 0, start)), text.slice(ends.at(-1))];
  if (isUrl(position) && HOST_ENDS_IN_PLACEHOLDER.test(literals.join('\0')) && !text.startsWith(MEDIA_SCHEME)) {
    throw new ContentError(SendErrorCode.INVALID_CONTENT,
      `\`${position.place}\` has a host that ends in a placeholder, so that a value could lead to somebody else's host; `
      + 'write a `/` between them, or make the placeholder the whole host');
  }
  const first = placeholders.length;
  for (const part of found) {
    const { start } = part;
    placeholders.push({ ...part, place: position.place, unusable: unusableIn(text, start, position), encode: encodingOf(text, start, position) });
  }
  return (values) => literals.reduce((rendered, literal, index) => rendered + values[first + index - 1] + literal);
}

type FoundPlaceholder = Omit<Placeholder, 'place' | 'unusable' | 'encode'>;

/** `{{`, what may be a path, and what ends it: a bar before the default, or `}}`. */
const OPENING = /\{\{([^{}|]*)(\||\}\})/g;

function findPlaceholders(text: string): FoundPlaceholder[] {
  const found: FoundPlaceholder[] = [];
  for (const match of text.matchAll(OPENING)) {
    const path = match[1].trim();
    const keys = keysOf(path);
    const start = match.index;
    if (keys === undefined || start < (found.at(-1)?.end ?? 0)) {
      continue; // not ours, or part of the default before it
    }
    const afterPath = start + match[0].length;
    if (match[2] === '}}') {
      found.push({ path, keys, start, end: afterPath });
      continue;
    }
    const close = text.indexOf('}}', afterPath);
    if (close === -1) {
      break; // no other ends either
    }
    found.push({ path, keys, fallback: wellFormed(text.slice(afterPath, close).trim()), start, end: close + 2 });
  }
  return found;
}

// ---------------------------------------------------------------------------------------------------- URLs

/**
 * Members that hold a URL, in any message object. Source: LINE, Messaging API reference, "Message objects", "Action
 * objects", "Icon and display name", "Quick reply".
 */
const URL_MEMBERS: ReadonlySet<string> = new Set([
  'originalContentUrl', 'previewImageUrl', // image, video, audio, video of an imagemap
  'baseUrl', 'linkUri', // imagemap and its areas
  'uri', 'desktop', // URI action; `altUri.desktop`
  'thumbnailImageUrl', 'imageUrl', // templates; buttons of a quick reply
  'url', 'previewUrl', // flex
  'iconUrl', // sender
]);

function isUrl({ name }: Position): boolean {
  return name !== undefined && URL_MEMBERS.has(name);
}

/** `scheme://`, a host that begins otherwise than in a placeholder, then a placeholder (here U+0000) where the host ends. */
const HOST_ENDS_IN_PLACEHOLDER = /^[^:/?#]+:\/\/[^/?#]+\0(?:[/?#]|$)/;

/**
 * How a value is written where the placeholder stands.
 *
 * In a URL a value that follows something of the URL is one segment, one parameter or one fragment of it and is
 * percent-encoded: `https://example.com/hello?name={{Attributes.Name}}` stays a link to that page for a person named
 * `&admin=1#`. A value that begins the URL is taken as it is, since a URL is what it has to be; and so is one in a media
 * address, whose key is no URL yet and is encoded when it becomes one. `tel:` keeps the plus of an international number,
 * which means nothing else there. Source: LINE, Messaging API reference, "URL encoding"; RFC 3986, section 2; RFC 3966,
 * section 3.
 */
function encodingOf(text: string, start: number, position: Position): Placeholder['encode'] {
  if (position.isTextV2 && position.depth === 1 && position.name === 'text') {
    return (value) => value.replace(/[{}]/g, '$&$&');
  }
  if (!isUrl(position) || start === 0 || text.startsWith(MEDIA_SCHEME)) {
    return (value) => value;
  }
  return /^tel:/i.test(text) ? (value) => percentEncode(value).replaceAll('%2B', '+') : percentEncode;
}

/** Begins like a media address, or as much of one as the author's text may complete. */
const BEGINS_MEDIA_ADDRESS = /^\s*media(?::|$)/i;

/** Is more, or something else, than a part of one name between the slashes of a key. */
const LEAVES_FOLDER = /[/\\]|^\.\.?$/;

/**
 * Values that count as missing where the placeholder stands, because somebody who sets an attribute, for example in a form of
 * their profile, would choose among all objects of the channel's buckets, other people's included: in a media address whatever
 * leaves its folder, and at the beginning of any other URL a media address. Defaults are the author's and may be either.
 */
function unusableIn(text: string, start: number, position: Position): RegExp | undefined {
  if (!isUrl(position)) {
    return undefined;
  }
  if (text.startsWith(MEDIA_SCHEME)) {
    return LEAVES_FOLDER;
  }
  return start === 0 ? BEGINS_MEDIA_ADDRESS : undefined;
}

// ---------------------------------------------------------------------------------------------------- values

/** Maps whose names the user of Pinpoint chooses. Source: Amazon Pinpoint, API reference, "EndpointResponse". */
const ROOTS_OF_NAMES = ['User.UserAttributes.', 'Attributes.', 'Metrics.'];

/**
 * Members that Pinpoint names. Without `Address`: a LINE user id is the business of no message. Source: Amazon Pinpoint, API
 * reference, "EndpointUser", "EndpointLocation", "EndpointDemographic".
 */
const KNOWN_PATHS: ReadonlySet<string> = new Set([
  'User.UserId',
  ...['City', 'Country', 'Latitude', 'Longitude', 'PostalCode', 'Region'].map((name) => `Location.${name}`),
  ...['AppVersion', 'Locale', 'Make', 'Model', 'ModelVersion', 'Platform', 'PlatformVersion', 'Timezone'].map((name) => `Demographic.${name}`),
]);

/** Names of members from the endpoint to the value; undefined for a path that is none of ours. */
function keysOf(path: string): string[] | undefined {
  if (KNOWN_PATHS.has(path)) {
    return path.split('.');
  }
  const root = ROOTS_OF_NAMES.find((prefix) => path.startsWith(prefix) && path.length > prefix.length);
  return root === undefined ? undefined : [...root.split('.').slice(0, -1), path.slice(root.length)];
}

/** The value as text; undefined when there is none. Only own members count: `constructor` is an attribute like any other. */
function valueAt(endpoint: JsonObject, keys: readonly string[]): string | undefined {
  let value: unknown = endpoint;
  for (const key of keys) {
    if (!isJsonObject(value) || !Object.hasOwn(value, key)) {
      return undefined;
    }
    value = value[key];
  }
  return (Array.isArray(value) ? value : [value]).map(textOf).find((text) => text !== undefined);
}

function textOf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string': return value === '' ? undefined : wellFormed(value);
    case 'number': return Number.isFinite(value) ? String(value) : undefined;
    case 'boolean': return String(value);
    default: return undefined;
  }
}
