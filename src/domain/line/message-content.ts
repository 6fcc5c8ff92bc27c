import { ContentError, contentErrorOnly } from './content-error';
import { invalidContent } from './invalid-content';
import { JsonObject, LineMessage, isJsonObject } from './line-message';
import { MEDIA_FORMATS, MediaRole } from './media-formats';
import { checkMediaKey, mediaExtension } from './media-key';
import { isTemplateName } from './message-template';
import { SendErrorCode } from '../../contract/custom-channel';
import { MAX_MESSAGES_PER_REQUEST } from '../../contract/limits';
import {
  MEDIA_SCHEME, MEDIA_TYPES, MESSAGE_TYPES, MediaType, MessageType, SAMPLE_AUDIO_DURATION_MS, SAMPLE_MEDIA_KEYS, SAMPLE_TEXT, SendFunctionType,
} from '../../contract/media';

export interface ContentOptions {
  /** The type that the send function was made for; it says how plain data is read. */
  readonly functionType: SendFunctionType;
  /** Blank data sends the sample message of the type. */
  readonly sampleMessages: boolean;
}

/** What content says beside its messages. Absent: as LINE does it, and `skip`. */
export interface ContentSettings {
  /** The message comes without sound and notification. Source: LINE, Messaging API reference, "Send multicast message". */
  readonly notificationDisabled?: boolean;
  /** LINE counts opens and clicks under this name. Source: LINE, "Unit-based statistics aggregation". */
  readonly customAggregationUnit?: string;
  /** A person for whom a placeholder has neither value nor default is left out, or nobody is sent to. */
  readonly missingAttribute?: 'skip' | 'fail';
}

/** Message objects as they were written, `media://` addresses and placeholders in them. */
export interface MessagesContent {
  readonly kind: 'messages';
  readonly messages: readonly LineMessage[];
  readonly settings: ContentSettings;
}

/** The messages are in a template, an object in S3. Its own settings hold where these are silent. */
export interface TemplateContent {
  readonly kind: 'template';
  readonly name: string;
  /** S3 version of the object. */
  readonly version?: string;
  readonly settings: ContentSettings;
}

export type Content = MessagesContent | TemplateContent;

/**
 * Reads a campaign's `Data`. Never throws: what is wrong comes back as a `ContentError`. LINE's limits are not checked
 * here, but of the rendered messages (`checkMessages`).
 *
 * | function | plain data | shorthand |
 * | --- | --- | --- |
 * | text, any | the text, every character of it | – |
 * | textV2 | the same, with LINE's `{…}` | – |
 * | image | `key` or `key,preview key` | `{"key","previewKey"}` |
 * | audio | `key,milliseconds` | `{"key","duration"}` |
 * | video | `key,cover key` | `{"key","previewKey","trackingId"}`, `previewKey` being the cover |
 * | sticker | `packageId,stickerId` | – |
 * | coupon | `couponId` | – |
 * | imagemap | – | `{"baseKey","altText","height","areas":[{"x","y","width","height","uri" or "text" or "clipboardText","label"}]}` |
 * | location, template, flex | – | – |
 *
 * Keys are keys of S3 objects; one with a comma, or with a space at an end, goes in double quotes, and a double quote
 * inside is written twice (RFC 4180). On an `any` function the extension of `key` tells the type. Every function also takes
 * a LINE message object, an array of up to five, `{"messages":[…]}` and `{"template":"name","version":"…"}`, the last two
 * with `ContentSettings`. Data is JSON only when it parses to an object with a member `type`, `messages`, `template`, `key`
 * or `baseKey`, or to an array that holds an object with a `type`: `[SALE] 20%`, `{hi}`, `"x"` and `123` are text.
 *
 * Media become addresses, `media://<image, audio or video>/<key>`; a cover lies in the video's bucket. Members of message objects are not
 * looked at, but for `type`.
 */
export function parseContent(data: unknown, options: ContentOptions): Content | ContentError {
  try {
    return readData(data, options);
  } catch (error) {
    return contentErrorOnly(error);
  }
}

/**
 * Reads a template: any JSON form of the grammar, but no other template. Never throws.
 *
 * @param object what to call it in errors
 */
export function parseTemplate(object: string, text: string, functionType: SendFunctionType): MessagesContent | ContentError {
  const root = `template \`${object}\``;
  try {
    const json = readJson(text);
    if (json === undefined) {
      throw invalidContent(root, text, 'a JSON object with `type`, `messages`, `key` or `baseKey`, or an array of message objects',
        'a text goes into {"type":"text","text":"…"}');
    }
    const content = readMarked(json, functionType, root);
    if (content.kind === 'template') {
      throw new ContentError(SendErrorCode.INVALID_CONTENT, `${root} names another template; write the messages themselves into it`);
    }
    return content;
  } catch (error) {
    const { code, message } = contentErrorOnly(error);
    return new ContentError(code, message.startsWith(root) ? message : `${root}: ${message}`);
  }
}

const DATA = '`Data`';

function readData(data: unknown, { functionType, sampleMessages }: ContentOptions): Content {
  if (data !== undefined && data !== null && typeof data !== 'string') {
    throw invalidContent(DATA, data, 'a string', 'write objects as JSON text');
  }
  if (data === undefined || data === null || data.trim() === '') {
    return sample(functionType, sampleMessages);
  }
  const json = readJson(data);
  if (json !== undefined) {
    return readMarked(json, functionType, DATA);
  }
  if (TEXT_FUNCTIONS.includes(functionType) && MEANT_AS_JSON.test(data)) {
    throw new ContentError(SendErrorCode.INVALID_CONTENT,
      `${DATA} begins like a JSON message but is none (${data.length} UTF-16 code units): it is no JSON, or has no \`type\`; close what is open, write straight double quotes and escape `
      + 'those inside texts, and write what is longer than 5 KB, where Pinpoint ends, as a template');
  }
  return withoutSettings([readPlain(data, functionType)]);
}

function withoutSettings(messages: readonly LineMessage[]): MessagesContent {
  return { kind: 'messages', messages, settings: {} };
}

function sample(functionType: SendFunctionType, isOn: boolean): MessagesContent {
  const message = SAMPLES[functionType === 'any' ? 'text' : functionType];
  if (isOn && message) {
    return withoutSettings([message]);
  }
  throw new ContentError(SendErrorCode.EMPTY_CONTENT, isOn
    ? `${DATA} is blank, and there is no sample ${functionType} message; write what to send`
    : `${DATA} is blank; write what to send, or deploy the channel with \`sampleMessages\` to send a sample`);
}

const SAMPLES: { readonly [type in MessageType]?: LineMessage } = {
  text: { type: 'text', text: SAMPLE_TEXT },
  image: image(address('image', SAMPLE_MEDIA_KEYS.image)),
  audio: audio(address('audio', SAMPLE_MEDIA_KEYS.audio), SAMPLE_AUDIO_DURATION_MS),
  video: video(address('video', SAMPLE_MEDIA_KEYS.video), address('video', SAMPLE_MEDIA_KEYS.videoCover)),
};

// ---------------------------------------------------------------------------------------------------- message objects

function image(originalContentUrl: string, previewImageUrl = originalContentUrl): LineMessage {
  return { type: 'image', originalContentUrl, previewImageUrl };
}

function audio(originalContentUrl: string, duration: number): LineMessage {
  return { type: 'audio', originalContentUrl, duration };
}

function video(originalContentUrl: string, previewImageUrl: string): LineMessage {
  return { type: 'video', originalContentUrl, previewImageUrl };
}

function address(type: MediaType, key: string): string {
  return `${MEDIA_SCHEME}${type}/${key}`;
}

/**
 * Address of a key that was written as one. What a placeholder will make of it is checked when the media are resolved.
 *
 * @param type whose bucket it lies in: a video's cover lies beside the video
 */
function addressAt(place: string, key: unknown, type: MediaType, role: MediaRole = type): string {
  return address(type, typeof key === 'string' && hasPlaceholder(key) ? key : checkMediaKey(place, key, role));
}

function hasPlaceholder(text: string): boolean {
  return text.includes('{{');
}

// ---------------------------------------------------------------------------------------------------- plain data

function readPlain(data: string, functionType: SendFunctionType): LineMessage {
  switch (functionType) {
    case 'any':
    case 'text':
      return { type: 'text', text: data };
    case 'textV2':
      return { type: 'textV2', text: data };
    case 'image': {
      const [key, preview] = readFields(data, 'image');
      return image(addressAt(PART_1, key, 'image'), preview === undefined ? undefined : addressAt(PART_2, preview, 'image', 'preview'));
    }
    case 'audio': {
      const [key, duration] = readFields(data, 'audio');
      const url = addressAt(PART_1, key, 'audio');
      if (!/^[0-9]+$/.test(duration)) {
        throw invalidContent(PART_2, duration, 'the duration in milliseconds, a positive integer', `write ${PLAIN_FORMS.audio.usage}`);
      }
      return audio(url, durationAt(PART_2, Number(duration)));
    }
    case 'video': {
      const [key, cover] = readFields(data, 'video');
      return video(addressAt(PART_1, key, 'video'), addressAt(PART_2, cover, 'video', 'preview'));
    }
    case 'sticker': {
      const [packageId, stickerId] = readFields(data, 'sticker');
      return { type: 'sticker', packageId: stickerIdAt(PART_1, packageId), stickerId: stickerIdAt(PART_2, stickerId) };
    }
    case 'coupon': {
      const [couponId] = readFields(data, 'coupon');
      if (!/^\S+$/.test(couponId)) {
        throw invalidContent(DATA, couponId, 'the id of a coupon, without blanks', `write ${PLAIN_FORMS.coupon.usage}`);
      }
      return { type: 'coupon', couponId };
    }
    default:
      throw new ContentError(SendErrorCode.INVALID_CONTENT,
        `${DATA} is plain text, which a ${functionType} message cannot be made of; write ${JSON_USAGE[functionType]}, or {"template":"name"}`);
  }
}

const PART_1 = `part 1 of ${DATA}`;
const PART_2 = `part 2 of ${DATA}`;

/** Plain forms of several parts, or of one that is no text: how many there may be, and how they are written. */
const PLAIN_FORMS = {
  image: { parts: [1, 2], usage: '`key` or `key,preview key`' },
  audio: { parts: [2], usage: '`key,milliseconds`' },
  video: { parts: [2], usage: '`key,cover key`' },
  sticker: { parts: [2], usage: '`packageId,stickerId`' },
  coupon: { parts: [1], usage: '`couponId`' },
} as const;

const JSON_USAGE = {
  location: '{"type":"location","title":"…","address":"…","latitude":…,"longitude":…}',
  imagemap: '{"baseKey":"…","altText":"…","height":…,"areas":[…]}',
  template: '{"type":"template","altText":"…","template":{…}}',
  flex: '{"type":"flex","altText":"…","contents":{…}}',
} as const;

/** More than two keys of the longest, every character of them a doubled quote, could take. */
const MAX_PLAIN_LENGTH = 5_000;

/** One field: quoted, or anything without a comma that does not begin with a quote; then a comma or the end. */
const FIELD = /(?:\s*"([^"]*(?:""[^"]*)*)"\s*|((?!\s*")[^,]*))(,|$)/y;

/** The fields of one line of comma-separated values. Source: RFC 4180; spaces around a field are dropped unless quoted. */
function readFields(data: string, type: keyof typeof PLAIN_FORMS): string[] {
  const { parts, usage } = PLAIN_FORMS[type];
  if (data.length > MAX_PLAIN_LENGTH) {
    throw invalidContent(DATA, data, `at most ${MAX_PLAIN_LENGTH} UTF-16 code units`, `write ${usage}`);
  }
  const fields: string[] = [];
  FIELD.lastIndex = 0;
  for (let end = ','; end !== '';) {
    const match = FIELD.exec(data);
    if (!match) {
      throw new ContentError(SendErrorCode.INVALID_CONTENT,
        `part ${fields.length + 1} of ${DATA} begins with a double quote but does not end with one before the next comma; `
        + 'close the quotes, and write a double quote inside them twice');
    }
    const [, quoted, bare] = match;
    fields.push(quoted === undefined ? bare.trim() : quoted.replaceAll('""', '"'));
    end = match[3];
  }
  if (!(parts as readonly number[]).includes(fields.length)) {
    throw new ContentError(SendErrorCode.INVALID_CONTENT,
      `${DATA} has ${fields.length} ${fields.length === 1 ? 'part' : 'parts'}; write ${usage}, a part with a comma in double quotes`);
  }
  return fields;
}

/** Source: LINE, "List of available stickers": ids are numbers, written as strings. */
function stickerIdAt(place: string, value: string): string {
  if (!/^[0-9]+$/.test(value) && !hasPlaceholder(value)) {
    throw invalidContent(place, value, 'the number of a sticker or of its package', `write ${PLAIN_FORMS.sticker.usage}`);
  }
  return value;
}

// ---------------------------------------------------------------------------------------------------- JSON

const JSON_MARKERS = ['type', 'messages', 'template', 'key', 'baseKey'];

/**
 * The beginning of a message, or of several, that a marketer meant as JSON: what was cut off, or got a word processor's quotes,
 * must not go out as the raw text that it is. Only the first member is looked at, so that it takes no longer for long data.
 */
const MEANT_AS_JSON = new RegExp('^\\s*(?:`{3}\\w*\\s*)?(?:\\[\\s*)?\\{\\s*["\'“”„‟‘’«»]?'
  + '(?:type|messages|template|key|baseKey|altText|contents|layout|notificationDisabled|customAggregationUnit|missingAttribute)'
  + '["\'“”„‟‘’«»]?\\s*:', 'i');

/** Functions that would send it as it is. */
const TEXT_FUNCTIONS: readonly SendFunctionType[] = ['text', 'textV2', 'any'];

/** The parsed data if it is meant as JSON, else undefined. */
function readJson(data: string): JsonObject | unknown[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (Array.isArray(parsed)) {
    // One is enough: a list that is half made of messages is a mistake to be named, not a text to be sent.
    return parsed.some((element) => isJsonObject(element) && Object.hasOwn(element, 'type')) ? parsed : undefined;
  }
  return isJsonObject(parsed) && JSON_MARKERS.some((marker) => Object.hasOwn(parsed, marker)) ? parsed : undefined;
}

const SETTINGS = ['notificationDisabled', 'customAggregationUnit', 'missingAttribute'] as const;

/** @param root what the whole is called in errors */
function readMarked(json: JsonObject | unknown[], functionType: SendFunctionType, root: string): Content {
  if (Array.isArray(json)) {
    return withoutSettings(messageList(json, root, (index) => `[${index}]`));
  }
  if (Object.hasOwn(json, 'type')) {
    return withoutSettings([messageAt('', json)]);
  }
  if (Object.hasOwn(json, 'messages')) {
    onlyMembers(json, ['messages', ...SETTINGS], root);
    if (!Array.isArray(json.messages)) {
      throw invalidContent('`messages`', json.messages, 'an array of message objects', 'put the message into brackets');
    }
    return {
      kind: 'messages',
      messages: messageList(json.messages, '`messages`', (index) => `messages[${index}]`),
      settings: readSettings(json),
    };
  }
  if (Object.hasOwn(json, 'template')) {
    return readTemplate(json, root);
  }
  return withoutSettings([readShorthand(json, functionType, root)]);
}

function messageList(list: unknown[], place: string, path: (index: number) => string): LineMessage[] {
  if (list.length === 0 || list.length > MAX_MESSAGES_PER_REQUEST) {
    throw invalidContent(place, list, `1 to ${MAX_MESSAGES_PER_REQUEST} messages`, 'send the others as another campaign');
  }
  return list.map((element, index) => messageAt(path(index), element));
}

function messageAt(path: string, message: unknown): LineMessage {
  if (!isJsonObject(message)) {
    throw invalidContent(`\`${path}\``, message, 'a message object', 'see LINE, Messaging API reference, "Message objects"');
  }
  const place = path === '' ? '`type`' : `\`${path}.type\``;
  if (typeof message.type !== 'string') {
    throw invalidContent(place, message.type, 'the name of a message type', `write one of ${MESSAGE_TYPES.join(', ')}`);
  }
  if (!(MESSAGE_TYPES as readonly string[]).includes(message.type)) {
    throw new ContentError(SendErrorCode.UNSUPPORTED_CONTENT,
      `${place} names a type that LINE does not know; write one of ${MESSAGE_TYPES.join(', ')}`);
  }
  return message as LineMessage;
}

function readTemplate(json: JsonObject, root: string): TemplateContent {
  onlyMembers(json, ['template', 'version', ...SETTINGS], root);
  const { template: name, version } = json;
  if (!isTemplateName(name)) {
    throw invalidContent('`template`', name, 'the name of a template: letters, digits, `_` and `-`, in parts between `.` or `/`, 200 characters at most',
      'write the object\'s key without the prefix and without `.json`');
  }
  if (version !== undefined && (typeof version !== 'string' || version === '' || version.length > MAX_VERSION_LENGTH)) {
    throw invalidContent('`version`', version, 'the S3 version id of the template', 'take it from the bucket, or leave it out to send the current version');
  }
  return { kind: 'template', name, ...(version !== undefined && { version }), settings: readSettings(json) };
}

/** Source: Amazon S3, "How S3 Versioning works": version ids have at most 1,024 bytes. */
const MAX_VERSION_LENGTH = 1_024;

function readSettings({ notificationDisabled, customAggregationUnit, missingAttribute }: JsonObject): ContentSettings {
  if (notificationDisabled !== undefined && typeof notificationDisabled !== 'boolean') {
    throw invalidContent('`notificationDisabled`', notificationDisabled, 'true or false', 'leave it out to notify');
  }
  // Source: LINE, Messaging API reference, "Send multicast message", `customAggregationUnits`.
  if (customAggregationUnit !== undefined && !(typeof customAggregationUnit === 'string' && /^[A-Za-z0-9_]{1,30}$/.test(customAggregationUnit))) {
    throw invalidContent('`customAggregationUnit`', customAggregationUnit, '1 to 30 of A-Z, a-z, 0-9 and _', 'choose another name');
  }
  if (missingAttribute !== undefined && missingAttribute !== 'skip' && missingAttribute !== 'fail') {
    throw invalidContent('`missingAttribute`', missingAttribute, '"skip" or "fail"', 'leave it out to skip people without the attribute');
  }
  return {
    ...(notificationDisabled !== undefined && { notificationDisabled }),
    ...(customAggregationUnit !== undefined && { customAggregationUnit }),
    ...(missingAttribute !== undefined && { missingAttribute }),
  };
}

// ---------------------------------------------------------------------------------------------------- shorthand

/** `{"key":…}` or `{"baseKey":…}`: a media message by keys of S3 objects. */
function readShorthand(json: JsonObject, functionType: SendFunctionType, root: string): LineMessage {
  const marker = Object.hasOwn(json, 'baseKey') ? 'baseKey' : 'key';
  const told = marker === 'baseKey' ? 'imagemap' : typeOfKey(json.key);
  const type = functionType === 'any' ? told : functionType;
  if (type === undefined) {
    checkMediaKey('`key`', json.key, 'imagemap'); // It must be a key at all before its ending can be blamed.
    throw new ContentError(SendErrorCode.INVALID_CONTENT,
      `the end of \`key\` does not tell the message type; it tells it by ${MEDIA_TYPES.flatMap((each) => MEDIA_FORMATS[each].extensions).map((name) => `.${name}`).join(', ')}: `
      + 'use the send function of the image, audio or video type, or write the message object');
  }
  if (!SHORTHAND_TYPES.includes(type) || (told !== undefined && told !== type)) {
    throw new ContentError(SendErrorCode.INVALID_CONTENT,
      `\`${marker}\` makes ${told ?? 'image, audio or video'} messages, but this function sends ${type}; use the send function of the ${told ?? 'image, audio or video'} type`);
  }
  switch (type) {
    case 'image':
      onlyMembers(json, ['key', 'previewKey'], root);
      return image(
        addressAt('`key`', json.key, 'image'),
        json.previewKey === undefined ? undefined : addressAt('`previewKey`', json.previewKey, 'image', 'preview'),
      );
    case 'audio':
      onlyMembers(json, ['key', 'duration'], root);
      return audio(addressAt('`key`', json.key, 'audio'), durationAt('`duration`', json.duration));
    case 'video':
      onlyMembers(json, ['key', 'previewKey', 'trackingId'], root);
      return {
        ...video(addressAt('`key`', json.key, 'video'), addressAt('`previewKey`', json.previewKey, 'video', 'preview')),
        ...(json.trackingId !== undefined && { trackingId: stringAt('`trackingId`', json.trackingId) }),
      };
    default:
      return readImagemap(json, root);
  }
}

const SHORTHAND_TYPES: readonly MessageType[] = [...MEDIA_TYPES, 'imagemap'];

/** By the extension; undefined when it is none that LINE shows or plays, or when a placeholder is to make it. */
function typeOfKey(key: unknown): MediaType | undefined {
  const extension = typeof key === 'string' ? mediaExtension(key) : undefined;
  return MEDIA_TYPES.find((type) => extension !== undefined && MEDIA_FORMATS[type].extensions.includes(extension));
}

/** Source: LINE, Messaging API reference, "Imagemap message", `baseSize.width`. */
const IMAGEMAP_WIDTH = 1_040;

function readImagemap(json: JsonObject, root: string): LineMessage {
  onlyMembers(json, ['baseKey', 'altText', 'height', 'areas'], root);
  if (!Array.isArray(json.areas)) {
    throw invalidContent('`areas`', json.areas, 'an array of areas', 'write {"x","y","width","height"} and what a tap does, in pixels of the picture of 1,040');
  }
  return {
    type: 'imagemap',
    baseUrl: addressAt('`baseKey`', json.baseKey, 'image', 'imagemap'),
    altText: stringAt('`altText`', json.altText),
    baseSize: { width: IMAGEMAP_WIDTH, height: pixelsAt('`height`', json.height) },
    actions: json.areas.map((area, index) => imagemapAction(`areas[${index}]`, area)),
  };
}

/** What a tap does: member of an area → the action's type and its member. Source: LINE, Messaging API reference, "Imagemap action objects". */
const IMAGEMAP_ACTIONS = {
  uri: { type: 'uri', member: 'linkUri' },
  text: { type: 'message', member: 'text' },
  clipboardText: { type: 'clipboard', member: 'clipboardText' },
} as const;

function imagemapAction(path: string, area: unknown): JsonObject {
  if (!isJsonObject(area)) {
    throw invalidContent(`\`${path}\``, area, 'an object', 'write {"x","y","width","height"} and what a tap does');
  }
  const taps = Object.keys(IMAGEMAP_ACTIONS) as (keyof typeof IMAGEMAP_ACTIONS)[];
  onlyMembers(area, ['x', 'y', 'width', 'height', ...taps, 'label'], `\`${path}\``);
  const present = taps.filter((tap) => Object.hasOwn(area, tap));
  if (present.length !== 1) {
    throw new ContentError(SendErrorCode.INVALID_CONTENT, `\`${path}\` has ${present.length} of ${taps.join(', ')}; write one of them, which a tap does`);
  }
  const { type, member } = IMAGEMAP_ACTIONS[present[0]];
  const pixels = (name: string) => pixelsAt(`\`${path}.${name}\``, area[name]);
  return {
    type,
    [member]: stringAt(`\`${path}.${present[0]}\``, area[present[0]]),
    area: { x: pixels('x'), y: pixels('y'), width: pixels('width'), height: pixels('height') },
    ...(area.label !== undefined && { label: stringAt(`\`${path}.label\``, area.label) }),
  };
}

// ---------------------------------------------------------------------------------------------------- values

/** Refuses what the grammar does not know, so that a misspelt member is not silently without effect. */
function onlyMembers(object: JsonObject, allowed: readonly string[], place: string): void {
  const others = Object.keys(object).filter((name) => !allowed.includes(name));
  if (others.length > 0) {
    // Whatever does not look like a name may be content in the wrong place.
    const names = others.filter((name) => /^[A-Za-z_]\w{0,39}$/.test(name)).slice(0, 3).map((name) => `\`${name}\``);
    throw new ContentError(SendErrorCode.UNSUPPORTED_CONTENT,
      `${place} has ${others.length} ${others.length === 1 ? 'member' : 'members'} without a meaning here${names.length > 0 ? ` (${names.join(', ')})` : ''}; `
      + `it takes ${allowed.join(', ')}: correct or remove the others`);
  }
}

function stringAt(place: string, value: unknown): string {
  if (typeof value !== 'string') {
    throw invalidContent(place, value, 'a string', 'write it in double quotes');
  }
  return value;
}

function pixelsAt(place: string, value: unknown): number {
  if (!Number.isSafeInteger(value) || value as number < 0) {
    throw invalidContent(place, value, 'a whole number of pixels', 'measure it on the picture that is 1,040 pixels wide');
  }
  return value as number;
}

function durationAt(place: string, value: unknown): number {
  if (!Number.isSafeInteger(value) || value as number <= 0) {
    throw invalidContent(place, value, 'the duration in milliseconds, a positive integer', 'two seconds are 2000');
  }
  return value as number;
}
