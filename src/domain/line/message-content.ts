import { ContentError, contentErrorOnly } from './content-error';
import { MEDIA_FORMATS, MediaRole } from './media-formats';
import { SendErrorCode } from '../../contract/custom-channel';
import { MAX_KEY_BYTES, MAX_MESSAGES_PER_REQUEST, MAX_TEXT_LENGTH, MAX_URL_LENGTH } from '../../contract/limits';
import { MessageType, SAMPLE_AUDIO_DURATION_MS, SAMPLE_MEDIA_KEYS, SAMPLE_TEXT } from '../../contract/media';

/** A LINE message object of one of the four types. Source: LINE, Messaging API reference, "Message objects". */
export type LineMessage =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly originalContentUrl: string; readonly previewImageUrl: string }
  | { readonly type: 'audio'; readonly originalContentUrl: string; readonly duration: number }
  | { readonly type: 'video'; readonly originalContentUrl: string; readonly previewImageUrl: string; readonly trackingId?: string };

/** What `Data` says: messages that are ready, or one whose media object has to be found first. Durations are milliseconds. */
export type MessageContent =
  | { readonly kind: 'messages'; readonly messages: readonly LineMessage[] }
  | { readonly kind: 'image'; readonly key: string; readonly previewKey?: string }
  | { readonly kind: 'audio'; readonly key: string; readonly duration: number }
  | { readonly kind: 'video'; readonly key: string; readonly previewKey: string; readonly trackingId?: string };

export interface ContentOptions {
  /** The type that the send function was made for; it says how plain data is read. */
  readonly messageType: MessageType;
  /** Blank data sends the sample message of the type. */
  readonly sampleMessages: boolean;
}

/**
 * Reads a campaign's `Data`. Never throws: what is wrong comes back as a `ContentError`.
 *
 * | function | plain data | shorthand |
 * | --- | --- | --- |
 * | text | the text, every character of it | – |
 * | image | `key` or `key,preview key` | `{"key","previewKey"}` |
 * | audio | `key,milliseconds` | `{"key","duration"}` |
 * | video | `key,cover key` | `{"key","previewKey","trackingId"}`, `previewKey` being the cover |
 *
 * Keys are keys of S3 objects; one with a comma, or with a space at an end, goes in double quotes, and a double quote
 * inside is written twice (RFC 4180). Every function also takes a LINE message object, an array of up to five, or
 * `{"messages":[…]}`. Data is JSON only when it parses to an object with a member `type`, `messages`, `template` or
 * `key`, or to an array that holds an object with a `type`: `[SALE] 20%`, `{hi}`, `"x"` and `123` are text.
 */
export function parseContent(data: unknown, options: ContentOptions): MessageContent | ContentError {
  try {
    return read(data, options);
  } catch (error) {
    return contentErrorOnly(error);
  }
}

function read(data: unknown, { messageType, sampleMessages }: ContentOptions): MessageContent {
  if (data !== undefined && data !== null && typeof data !== 'string') {
    throw invalid('`Data`', data, 'a string', 'write objects as JSON text');
  }
  if (data === undefined || data === null || data.trim() === '') {
    if (sampleMessages) {
      return SAMPLES[messageType];
    }
    throw new ContentError(SendErrorCode.EMPTY_CONTENT,
      '`Data` is blank; write what to send, or deploy the channel with `sampleMessages` to send a sample');
  }
  const json = readJson(data);
  return json === undefined ? readPlain(data, messageType) : readMessages(json, messageType);
}

const SAMPLES: Record<MessageType, MessageContent> = {
  text: { kind: 'messages', messages: [{ type: 'text', text: SAMPLE_TEXT }] },
  image: { kind: 'image', key: SAMPLE_MEDIA_KEYS.image },
  audio: { kind: 'audio', key: SAMPLE_MEDIA_KEYS.audio, duration: SAMPLE_AUDIO_DURATION_MS },
  video: { kind: 'video', key: SAMPLE_MEDIA_KEYS.video, previewKey: SAMPLE_MEDIA_KEYS.videoCover },
};

// ---------------------------------------------------------------------------------------------------- plain data

function readPlain(data: string, messageType: MessageType): MessageContent {
  if (messageType === 'text') {
    return { kind: 'messages', messages: [{ type: 'text', text: textAt('`Data`', data) }] };
  }
  const usage = PLAIN_USAGE[messageType];
  if (data.length > MAX_PLAIN_LENGTH) {
    throw invalid('`Data`', data, `at most ${MAX_PLAIN_LENGTH} UTF-16 code units`, `write ${usage}`);
  }
  const fields = readFields(data);
  const [first, second] = fields;
  if (fields.length > 2 || (fields.length === 1 && messageType !== 'image')) {
    throw new ContentError(SendErrorCode.INVALID_CONTENT,
      `\`Data\` has ${fields.length} ${fields.length === 1 ? 'part' : 'parts'}; write ${usage}, a key with a comma in double quotes`);
  }
  switch (messageType) {
    case 'image': return {
      kind: 'image',
      key: keyAt('part 1 of `Data`', first, 'image'),
      ...(second !== undefined && { previewKey: keyAt('part 2 of `Data`', second, 'preview') }),
    };
    case 'audio': {
      const key = keyAt('part 1 of `Data`', first, 'audio');
      if (!/^[0-9]+$/.test(second)) {
        throw invalid('part 2 of `Data`', second, 'the duration in milliseconds, a positive integer', `write ${usage}`);
      }
      return { kind: 'audio', key, duration: durationAt('part 2 of `Data`', Number(second)) };
    }
    case 'video': return {
      kind: 'video',
      key: keyAt('part 1 of `Data`', first, 'video'),
      previewKey: keyAt('part 2 of `Data`', second, 'preview'),
    };
  }
}

const PLAIN_USAGE = {
  image: '`key` or `key,preview key`',
  audio: '`key,milliseconds`',
  video: '`key,cover key`',
} as const;

/** More than two keys of the longest, every character of them a doubled quote, could take. */
const MAX_PLAIN_LENGTH = 5_000;

/** One field: quoted, or anything without a comma that does not begin with a quote; then a comma or the end. */
const FIELD = /(?:\s*"([^"]*(?:""[^"]*)*)"\s*|((?!\s*")[^,]*))(,|$)/y;

/** The fields of one line of comma-separated values. Source: RFC 4180; spaces around a field are dropped unless quoted. */
function readFields(data: string): string[] {
  const fields: string[] = [];
  FIELD.lastIndex = 0;
  for (;;) {
    const match = FIELD.exec(data);
    if (!match) {
      throw new ContentError(SendErrorCode.INVALID_CONTENT,
        `part ${fields.length + 1} of \`Data\` begins with a double quote but does not end with one before the next comma; `
        + 'close the quotes, and write a double quote inside them twice');
    }
    const [, quoted, bare, end] = match;
    fields.push(quoted === undefined ? bare.trim() : quoted.replaceAll('""', '"'));
    if (end === '') {
      return fields;
    }
  }
}

// ---------------------------------------------------------------------------------------------------- JSON

type JsonObject = Record<string, unknown>;

const JSON_MARKERS = ['type', 'messages', 'template', 'key'];

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
    return parsed.some((element) => isObject(element) && Object.hasOwn(element, 'type')) ? parsed : undefined;
  }
  return isObject(parsed) && JSON_MARKERS.some((marker) => Object.hasOwn(parsed, marker)) ? parsed : undefined;
}

function readMessages(json: JsonObject | unknown[], messageType: MessageType): MessageContent {
  if (Array.isArray(json)) {
    return { kind: 'messages', messages: messageList(json, '`Data`', (index) => `[${index}]`) };
  }
  if (Object.hasOwn(json, 'type')) {
    return { kind: 'messages', messages: [messageAt('', json)] };
  }
  if (Object.hasOwn(json, 'messages')) {
    onlyMembers(json, ['messages'], '');
    if (!Array.isArray(json.messages)) {
      throw invalid('`messages`', json.messages, 'an array of message objects', 'put the message into brackets');
    }
    return { kind: 'messages', messages: messageList(json.messages, '`messages`', (index) => `messages[${index}]`) };
  }
  if (Object.hasOwn(json, 'template')) {
    throw new ContentError(SendErrorCode.UNSUPPORTED_CONTENT,
      '`template` is not supported by this version; write the message itself into `Data`');
  }
  return shorthand(json, messageType);
}

function messageList(list: unknown[], place: string, path: (index: number) => string): LineMessage[] {
  if (list.length === 0 || list.length > MAX_MESSAGES_PER_REQUEST) {
    throw invalid(place, list, `1 to ${MAX_MESSAGES_PER_REQUEST} messages`, 'send the others as another campaign');
  }
  return list.map((element, index) => messageAt(path(index), element));
}

/** Checks a member and returns it as it will be sent. */
type Check = (place: string, value: unknown) => string | number;

/** Members of each type. Source: LINE, Messaging API reference, "Message objects". What else LINE knows is not sent by this version. */
const MESSAGE_MEMBERS: Record<MessageType, { readonly required: Record<string, Check>; readonly optional?: Record<string, Check> }> = {
  text: { required: { text: textAt } },
  image: { required: { originalContentUrl: urlAt, previewImageUrl: urlAt } },
  audio: { required: { originalContentUrl: urlAt, duration: durationAt } },
  video: { required: { originalContentUrl: urlAt, previewImageUrl: urlAt }, optional: { trackingId: trackingIdAt } },
};

function messageAt(path: string, message: unknown): LineMessage {
  if (!isObject(message)) {
    throw invalid(`\`${path}\``, message, 'a message object', 'see LINE, Messaging API reference, "Message objects"');
  }
  const type = message.type;
  if (typeof type !== 'string') {
    throw invalid(member(path, 'type'), type, 'the name of a message type', `write one of ${Object.keys(MESSAGE_MEMBERS).join(', ')}`);
  }
  if (!Object.hasOwn(MESSAGE_MEMBERS, type)) {
    throw new ContentError(SendErrorCode.UNSUPPORTED_CONTENT,
      `${member(path, 'type')} names a type that this version does not send; it sends ${Object.keys(MESSAGE_MEMBERS).join(', ')}`);
  }
  const { required, optional = {} } = MESSAGE_MEMBERS[type as MessageType];
  onlyMembers(message, ['type', ...Object.keys(required), ...Object.keys(optional)], path);
  const present = Object.entries(optional).filter(([name]) => message[name] !== undefined);
  return Object.fromEntries([
    ['type', type],
    ...[...Object.entries(required), ...present].map(([name, check]) => [name, check(member(path, name), message[name])]),
  ]);
}

/** `{"key":…}`: the media message of the function's type, by S3 keys. */
function shorthand(json: JsonObject, messageType: MessageType): MessageContent {
  switch (messageType) {
    case 'image':
      onlyMembers(json, ['key', 'previewKey'], '');
      return {
        kind: 'image',
        key: keyAt('`key`', json.key, 'image'),
        ...(json.previewKey !== undefined && { previewKey: keyAt('`previewKey`', json.previewKey, 'preview') }),
      };
    case 'audio':
      onlyMembers(json, ['key', 'duration'], '');
      return { kind: 'audio', key: keyAt('`key`', json.key, 'audio'), duration: durationAt('`duration`', json.duration) };
    case 'video':
      onlyMembers(json, ['key', 'previewKey', 'trackingId'], '');
      return {
        kind: 'video',
        key: keyAt('`key`', json.key, 'video'),
        previewKey: keyAt('`previewKey`', json.previewKey, 'preview'),
        ...(json.trackingId !== undefined && { trackingId: trackingIdAt('`trackingId`', json.trackingId) }),
      };
    case 'text':
      throw new ContentError(SendErrorCode.INVALID_CONTENT,
        '`key` names a media object, but this function sends text; use the send function of the image, audio or video type');
  }
}

function onlyMembers(object: JsonObject, allowed: readonly string[], path: string): void {
  const other = Object.keys(object).filter((name) => !allowed.includes(name)).length;
  if (other > 0) {
    throw new ContentError(SendErrorCode.UNSUPPORTED_CONTENT,
      `${path === '' ? '`Data`' : `\`${path}\``} has ${other} ${other === 1 ? 'member' : 'members'} that this version does not send; it takes ${allowed.join(', ')}: remove the others`);
  }
}

// ---------------------------------------------------------------------------------------------------- values

function textAt(place: string, value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '') {
    throw invalid(place, value, `1 to ${MAX_TEXT_LENGTH} UTF-16 code units, not all of them blank`, 'write the text');
  }
  if (value.length > MAX_TEXT_LENGTH) {
    throw new ContentError(SendErrorCode.TEXT_TOO_LONG,
      `${place} has ${value.length} UTF-16 code units; LINE takes ${MAX_TEXT_LENGTH}: shorten it or send several messages`);
  }
  return value;
}

/** What may stand in a URL unencoded, and nothing else. Source: LINE, Messaging API reference, "Encoding a URL". */
const HTTPS_URL = /^https:\/\/[\w.~:/?#[\]@!$&'()*+,;=%-]+$/i;

function urlAt(place: string, value: unknown): string {
  if (typeof value === 'string' && value.startsWith('media://')) {
    throw new ContentError(SendErrorCode.UNSUPPORTED_CONTENT,
      `${place} is a media:// address, which this version does not resolve; write the key as plain data, or the object's https URL`);
  }
  if (typeof value !== 'string' || !HTTPS_URL.test(value) || !URL.canParse(value)) {
    throw invalid(place, value, 'an https URL', 'percent-encode what is not allowed in a URL');
  }
  if (value.length > MAX_URL_LENGTH) {
    throw new ContentError(SendErrorCode.MEDIA_URL_TOO_LONG,
      `${place} has ${value.length} characters; LINE takes ${MAX_URL_LENGTH}: use a shorter URL`);
  }
  return value;
}

function durationAt(place: string, value: unknown): number {
  if (!Number.isSafeInteger(value) || value as number <= 0) {
    throw invalid(place, value, 'the duration in milliseconds, a positive integer', 'two seconds are 2000');
  }
  return value as number;
}

/** Source: LINE, Messaging API reference, "Video message", `trackingId`. */
const TRACKING_ID = /^[A-Za-z0-9\-.=,+*()%$&;:@{}!?<>[\]]{1,100}$/;

function trackingIdAt(place: string, value: unknown): string {
  if (typeof value !== 'string' || !TRACKING_ID.test(value)) {
    throw invalid(place, value, '1 to 100 of A-Z, a-z, 0-9 and -.=,+*()%$&;:@{}!?<>[]', 'choose another id');
  }
  return value;
}

function keyAt(place: string, value: unknown, role: MediaRole): string {
  if (typeof value !== 'string' || value === '' || /\p{Surrogate}/u.test(value) || Buffer.byteLength(value) > MAX_KEY_BYTES) {
    throw invalid(place, value, `an S3 object key of 1 to ${MAX_KEY_BYTES} bytes of UTF-8`, 'write the key of the uploaded object');
  }
  if (/(?:^|\/)\.\.?(?:\/|$)/.test(value)) {
    // Whoever opens the URL would resolve it to another path.
    throw invalid(place, value, 'a key without `.` and `..` between slashes', 'upload the object under another key');
  }
  const { extensions } = MEDIA_FORMATS[role];
  const extension = /\.([A-Za-z0-9]{1,8})$/.exec(value)?.[1];
  if (extension === undefined || !extensions.includes(extension.toLowerCase())) {
    throw new ContentError(SendErrorCode.MEDIA_WRONG_TYPE,
      `${place} ends ${extension === undefined ? 'without an extension' : `in .${extension}`}; LINE takes ${extensions.map((name) => `.${name}`).join(', ')} here: `
      + 'convert the file, or put a key that holds a comma in double quotes');
  }
  return value;
}

function invalid(place: string, value: unknown, allowed: string, fix: string): ContentError {
  return new ContentError(SendErrorCode.INVALID_CONTENT, `${place} must be ${allowed}, got ${describe(value)}; ${fix}`);
}

/** Kind and size, never the value itself: it may be what a customer was meant to read. */
function describe(value: unknown): string {
  if (value === undefined) {
    return 'nothing';
  }
  if (Array.isArray(value)) {
    return `an array of ${value.length}`;
  }
  if (typeof value === 'string') {
    return `a string of ${value.length} UTF-16 code units`;
  }
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) {
    return String(value);
  }
  return 'an object';
}

function member(path: string, name: string): string {
  return path === '' ? `\`${name}\`` : `\`${path}.${name}\``;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
