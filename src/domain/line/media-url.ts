import { ContentError, contentErrorOnly } from './content-error';
import { JsonObject, LineMessage } from './line-message';
import { MEDIA_FORMATS, MediaRole } from './media-formats';
import { checkMediaKey } from './media-key';
import { SendErrorCode } from '../../contract/custom-channel';
import { MAX_URL_LENGTH } from '../../contract/limits';
import { IMAGEMAP_SIZES, IMAGEMAP_VERSION_SEPARATOR, MEDIA_SCHEME, MEDIA_TYPES, MediaType } from '../../contract/media';

/** A media object as it is now. */
export interface MediaObject {
  /** The type whose bucket it lies in. */
  readonly type: MediaType;
  /** Without the prefix that the type has in its bucket. */
  readonly key: string;
  readonly bytes: number;
  /** As stored; S3 makes it `binary/octet-stream` when the upload named none. */
  readonly contentType?: string;
  /** Absent when the bucket is not versioned. */
  readonly versionId?: string;
}

/** The channel's media buckets. */
export interface MediaLibrary {
  /** Types that the channel has a bucket for. */
  readonly types: readonly MediaType[];
  /** The object's current version; undefined when there is none, or none that the function may read. */
  find(type: MediaType, key: string): Promise<MediaObject | undefined>;
  /** The URL under which LINE's apps load exactly this version. */
  url(object: MediaObject): Promise<string>;
  /**
   * The base URL to which LINE's apps append `/240` … `/1040` to load exactly these versions.
   *
   * @param key the base key
   * @param images in the order of `IMAGEMAP_SIZES`
   * @returns undefined when links have a query string, so that nothing can be appended
   */
  imagemapUrl(key: string, images: readonly MediaObject[]): string | undefined;
}

/**
 * `https://<domain>/<type>/<version, or null>/<key>`. The version stands in the path, so that an overwritten object does
 * not change chats of the past, and so that the address needs no query string; the media site's edge function turns it
 * into the object's own path.
 */
export function cloudFrontUrl(domainName: string, { type, key, versionId = 'null' }: Pick<MediaObject, 'type' | 'key' | 'versionId'>): string {
  return `https://${domainName}/${type}/${encodeSegment(versionId)}/${key.split('/').map(encodeSegment).join('/')}`;
}

/**
 * `https://<domain>/<type>/<version>~<version>~<version>~<version>~<version>/<base key>`: the versions of all five images, since
 * what LINE's apps append, `/240` … `/1040`, is all that differs between their addresses.
 *
 * @param images in the order of `IMAGEMAP_SIZES`
 */
export function cloudFrontImagemapUrl(domainName: string, key: string, images: readonly MediaObject[]): string {
  const versionId = images.map((image) => image.versionId ?? 'null').join(IMAGEMAP_VERSION_SEPARATOR);
  return cloudFrontUrl(domainName, { type: images[0].type, key, versionId });
}

/** Percent-encodes everything but RFC 3986's unreserved characters; LINE refuses URLs with quotes in them. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * The messages with every media address, `media://<image|audio|video>/<key>`, turned into the URL of the object's current
 * version. An address is looked for in every member that LINE or a person loads a file from, at any depth; in a text it is
 * text. The key stands in it as it is: not percent-encoded, `?` and `#` being part of it. An imagemap's `baseUrl` names the
 * folder of its five images, `<key>/240` … `<key>/1040`.
 *
 * @param options `quoteKeys`, true unless told: whether errors may quote keys, which an operator looks for in the log. False for
 *   messages of one person, whose data a key may hold: errors then have its length only
 * @returns the same objects wherever there is nothing to resolve; a `ContentError` when an object is missing or is nothing that
 *   LINE would show or play in its place. Source: LINE, Messaging API reference, "Image message", "Audio message", "Video
 *   message", "Imagemap message", "Template messages", "Flex Message", "Quick reply", "Change icon and display name": LINE
 *   checks only the URL's form, so that a wrong object would be accepted and show as broken
 */
export async function resolveMedia(
  messages: readonly LineMessage[], library: MediaLibrary, { quoteKeys = true }: { readonly quoteKeys?: boolean } = {},
): Promise<readonly LineMessage[] | ContentError> {
  return resolve(messages, library, quoteKeys).catch(contentErrorOnly);
}

async function resolve(messages: readonly LineMessage[], library: MediaLibrary, quoteKeys: boolean): Promise<readonly LineMessage[]> {
  const references: MediaReference[] = [];
  mapAddresses(messages, 'messages', (address, place, role, isOwnPreview) => {
    references.push({ place, role, isOwnPreview, quoteKeys, ...readAddress(address, place, role, quoteKeys, library) });
    return address;
  });
  if (references.length === 0) {
    return messages;
  }
  const lookups = new Map<string, Promise<MediaObject | undefined>>();
  const find = async (type: MediaType, key: string) => {
    const name = `${type}/${key}`;
    const lookup = lookups.get(name) ?? library.find(type, key);
    lookups.set(name, lookup);
    return lookup;
  };
  const found = await Promise.all(references.map(({ type, keys }) => Promise.all(keys.map((key) => find(type, key)))));
  // From here on in the order of the content, so that the same content is answered with the same error.
  const objects = references.map((reference, index) => found[index].map((object, part) => checkObject(reference, reference.keys[part], object)));
  const urls = await Promise.all(references.map(async ({ role, key }, index) =>
    role === 'imagemap' ? library.imagemapUrl(key, objects[index]) : library.url(objects[index][0])));
  const checked = references.map((reference, index) => checkUrl(reference, urls[index])).values();
  return mapAddresses(messages, 'messages', () => checked.next().value!);
}

/** A media address of a message. */
interface MediaReference {
  /** JSON path of the member, in backticks. */
  readonly place: string;
  readonly role: MediaRole;
  /** An image that is shown as its own preview. */
  readonly isOwnPreview: boolean;
  /** Errors may quote the key. */
  readonly quoteKeys: boolean;
  readonly type: MediaType;
  readonly key: string;
  /** Keys of the objects: the key itself, or those of an imagemap's images. */
  readonly keys: readonly string[];
}

/** Levels of JSON, more than any message that LINE takes has, that the call stack holds for certain. */
const MAX_DEPTH = 1_000;

type Visit = (address: string, place: string, role: MediaRole, isOwnPreview: boolean) => string;

/**
 * An object or array with the media addresses in it replaced. Visits them in a fixed order.
 *
 * @param place JSON path of the value
 * @returns the same value, or parts, where nothing was replaced
 * @throws ContentError when the value is nested too deep
 */
function mapAddresses<T extends object>(value: T, place: string, visit: Visit, depth = 0): T {
  if (depth > MAX_DEPTH) {
    throw new ContentError(SendErrorCode.INVALID_CONTENT, `\`messages\` are nested more than ${MAX_DEPTH} levels deep; LINE takes no such message: flatten it`);
  }
  const owner = value as JsonObject;
  const isArray = Array.isArray(value);
  const path = (name: string) => isArray ? `${place}[${name}]` : `${place}.${name}`;
  let copy: Record<string, unknown> | undefined;
  for (const name of Object.keys(owner)) {
    const member = owner[name];
    let mapped = member;
    if (typeof member === 'object' && member !== null) {
      mapped = mapAddresses(member, path(name), visit, depth + 1);
    } else if (typeof member === 'string' && member.startsWith(MEDIA_SCHEME)) {
      const role = roleOf(name, owner);
      mapped = role ? visit(member, `\`${path(name)}\``, role, name === 'previewImageUrl' && member === owner.originalContentUrl) : member;
    }
    if (mapped !== member) {
      copy ??= (isArray ? [...value] : { ...owner }) as Record<string, unknown>;
      copy[name] = mapped;
    }
  }
  return (copy ?? value) as T;
}

/**
 * What LINE makes of the file behind a member; undefined for a member that is no URL.
 * Source: LINE, Messaging API reference, "Message objects", "Action objects".
 */
function roleOf(member: string, { type, animated }: JsonObject): MediaRole | undefined {
  switch (member) {
    case 'originalContentUrl':
      // The video of an imagemap has no type.
      return type === 'image' || type === 'audio' ? type : 'video';
    case 'previewImageUrl':
    case 'previewUrl':
      return 'preview';
    case 'baseUrl':
      return 'imagemap';
    case 'thumbnailImageUrl':
      return 'image';
    case 'imageUrl':
      // Of a quick reply's button, or of an image carousel's column, which has no type.
      return type === 'action' ? 'icon' : 'image';
    case 'iconUrl':
      return 'icon';
    case 'url':
      return type === 'icon' ? 'flexIcon' : type === 'video' ? 'video' : animated === true ? 'animation' : 'image';
    case 'uri':
    case 'desktop':
    case 'linkUri':
      return 'link';
    default:
      return undefined;
  }
}

function readAddress(
  address: string, place: string, role: MediaRole, quoteKeys: boolean, { types }: MediaLibrary,
): Pick<MediaReference, 'type' | 'key' | 'keys'> {
  const path = address.slice(MEDIA_SCHEME.length);
  const type = MEDIA_TYPES.find((each) => path.startsWith(`${each}/`));
  if (type === undefined) {
    throw new ContentError(SendErrorCode.INVALID_CONTENT,
      `${place} is a media address of no media type; write ${MEDIA_TYPES.map((each) => `${MEDIA_SCHEME}${each}/<key>`).join(', ')}`);
  }
  if (!types.includes(type)) {
    throw new ContentError(SendErrorCode.MEDIA_NOT_FOUND,
      `${place} is an address in the ${type} bucket, which the channel does not have; add LineMessageType.${type.toUpperCase()} to its \`messageTypes\``);
  }
  const key = checkMediaKey(place, path.slice(type.length + 1), role, quoteKeys);
  return { type, key, keys: role === 'imagemap' ? IMAGEMAP_SIZES.map((size) => `${key}/${size}`) : [key] };
}

/** An object of a message, in an error. */
function nameOf({ role, quoteKeys }: MediaReference, key: string): string {
  return quoteKeys ? `${role} ${JSON.stringify(key)}` : `${role} with a key of ${key.length} UTF-16 code units`;
}

function checkObject(reference: MediaReference, key: string, object: MediaObject | undefined): MediaObject {
  const { place, role, type, isOwnPreview } = reference;
  const label = `${place}: ${nameOf(reference, key)}`;
  if (!object) {
    throw new ContentError(SendErrorCode.MEDIA_NOT_FOUND,
      `${label} does not exist in the channel's ${type} bucket, or the function may not read it; upload it, or correct the key in \`Data\``);
  }
  const { bytes, contentType = 'none' } = object;
  const { contentTypes, maxBytes } = MEDIA_FORMATS[role];
  if (contentTypes.length > 0 && !contentTypes.includes(contentType.split(';')[0].trim().toLowerCase())) {
    throw new ContentError(SendErrorCode.MEDIA_WRONG_TYPE,
      `${label} has the content type ${JSON.stringify(contentType)}; LINE's apps need ${contentTypes.join(' or ')}: `
      + `upload it again with it, for example \`aws s3 cp --content-type ${contentTypes[0]} …\``);
  }
  if (bytes === 0) {
    throw new ContentError(SendErrorCode.MEDIA_WRONG_TYPE, `${label} is empty; upload it again`);
  }
  if (bytes > maxBytes) {
    throw isOwnPreview
      ? new ContentError(SendErrorCode.PREVIEW_TOO_LARGE,
        `${label} has ${bytes} bytes and is its own preview, for which LINE takes ${maxBytes}: `
        + 'make it smaller, or upload a small preview and write `key,preview key` into `Data`')
      : new ContentError(role === 'preview' ? SendErrorCode.PREVIEW_TOO_LARGE : SendErrorCode.MEDIA_TOO_LARGE,
        `${label} has ${bytes} bytes; LINE takes ${maxBytes}: make it smaller`);
  }
  return object;
}

function checkUrl(reference: MediaReference, url: string | undefined): string {
  const { place, key } = reference;
  if (url === undefined) {
    throw new ContentError(SendErrorCode.UNSUPPORTED_CONTENT,
      `${place} is the base of an imagemap, which pre-signed links cannot serve, since LINE's apps append a size to it; deploy the channel with \`mediaDelivery: MediaDelivery.cloudFront()\``);
  }
  if (url.length > MAX_URL_LENGTH) {
    throw new ContentError(SendErrorCode.MEDIA_URL_TOO_LONG,
      `${place}: the URL of ${nameOf(reference, key)} has ${url.length} characters; LINE takes ${MAX_URL_LENGTH}: use a shorter key (each Japanese character takes nine), or MediaDelivery.cloudFront()`);
  }
  return url;
}
