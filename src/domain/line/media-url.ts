import { ContentError, contentErrorOnly } from './content-error';
import { MEDIA_FORMATS, MediaRole } from './media-formats';
import { LineMessage, MessageContent } from './message-content';
import { SendErrorCode } from '../../contract/custom-channel';
import { MAX_URL_LENGTH } from '../../contract/limits';
import { MessageType } from '../../contract/media';

/** A media object as it is now. */
export interface MediaObject {
  /** Without the prefix that the type has in its bucket. */
  readonly key: string;
  readonly bytes: number;
  /** As stored; S3 makes it `binary/octet-stream` when the upload named none. */
  readonly contentType?: string;
  /** Absent when the bucket is not versioned. */
  readonly versionId?: string;
}

/** The bucket of a send function's message type. */
export interface MediaLibrary {
  /** The object's current version; undefined when there is none, or none that the function may read. */
  find(key: string): Promise<MediaObject | undefined>;
  /** The URL under which LINE's apps load exactly this version. */
  url(object: MediaObject): Promise<string>;
}

/**
 * `https://<domain>/<type>/<version, or null>/<key>`. The version stands in the path, so that an overwritten object does
 * not change chats of the past, and so that the address needs no query string; the media site's edge function turns it
 * into the object's own path.
 */
export function cloudFrontUrl(domainName: string, type: MessageType, { key, versionId = 'null' }: MediaObject): string {
  return `https://${domainName}/${type}/${encodeSegment(versionId)}/${key.split('/').map(encodeSegment).join('/')}`;
}

/** Percent-encodes everything but RFC 3986's unreserved characters; LINE refuses URLs with quotes in them. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * The messages of the content, media objects found, checked and turned into URLs.
 *
 * @returns a `ContentError` when an object is missing or is nothing that LINE would show or play. Source: LINE, Messaging
 *   API reference, "Image message", "Audio message", "Video message": LINE checks only the URL's form, so that a wrong
 *   object would be accepted and show as broken
 */
export async function resolveMedia(content: MessageContent, library: MediaLibrary): Promise<readonly LineMessage[] | ContentError> {
  return resolve(content, library).catch(contentErrorOnly);
}

async function resolve(content: MessageContent, library: MediaLibrary): Promise<readonly LineMessage[]> {
  switch (content.kind) {
    case 'messages':
      return content.messages;
    case 'audio': {
      const originalContentUrl = await urlOf(content.key, 'audio', library);
      return [{ type: 'audio', originalContentUrl, duration: content.duration }];
    }
    case 'image': {
      const [originalContentUrl, previewImageUrl] = await Promise.all([
        urlOf(content.key, 'image', library, content.previewKey === undefined),
        content.previewKey === undefined ? undefined : urlOf(content.previewKey, 'preview', library),
      ]);
      return [{ type: 'image', originalContentUrl, previewImageUrl: previewImageUrl ?? originalContentUrl }];
    }
    case 'video': {
      const [originalContentUrl, previewImageUrl] = await Promise.all([
        urlOf(content.key, 'video', library),
        urlOf(content.previewKey, 'preview', library),
      ]);
      return [{ type: 'video', originalContentUrl, previewImageUrl, ...(content.trackingId && { trackingId: content.trackingId }) }];
    }
  }
}

/** @param isOwnPreview the image is shown as its own preview, too */
async function urlOf(key: string, role: MediaRole, library: MediaLibrary, isOwnPreview = false): Promise<string> {
  const object = await library.find(key);
  if (!object) {
    throw new ContentError(SendErrorCode.MEDIA_NOT_FOUND,
      `${label(role, key)} does not exist in the function's media bucket, or the function may not read it; upload it, or correct the key in \`Data\``);
  }
  check(object, role, isOwnPreview);
  const url = await library.url(object);
  if (url.length > MAX_URL_LENGTH) {
    throw new ContentError(SendErrorCode.MEDIA_URL_TOO_LONG,
      `the URL of ${label(role, key)} has ${url.length} characters; LINE takes ${MAX_URL_LENGTH}: use a shorter key (each Japanese character takes nine), or MediaDelivery.cloudFront()`);
  }
  return url;
}

function check({ key, bytes, contentType = 'none' }: MediaObject, role: MediaRole, isOwnPreview: boolean): void {
  const { contentTypes, maxBytes } = MEDIA_FORMATS[role];
  if (!contentTypes.includes(contentType.split(';')[0].trim().toLowerCase())) {
    throw new ContentError(SendErrorCode.MEDIA_WRONG_TYPE,
      `${label(role, key)} has the content type ${JSON.stringify(contentType)}; LINE's apps need ${contentTypes.join(' or ')}: `
      + `upload it again with it, for example \`aws s3 cp --content-type ${contentTypes[0]} …\``);
  }
  if (bytes === 0) {
    throw new ContentError(SendErrorCode.MEDIA_WRONG_TYPE, `${label(role, key)} is empty; upload it again`);
  }
  if (bytes > maxBytes) {
    throw new ContentError(role === 'preview' ? SendErrorCode.PREVIEW_TOO_LARGE : SendErrorCode.MEDIA_TOO_LARGE,
      `${label(role, key)} has ${bytes} bytes; LINE takes ${maxBytes}: make it smaller`);
  }
  if (isOwnPreview && bytes > MEDIA_FORMATS.preview.maxBytes) {
    throw new ContentError(SendErrorCode.PREVIEW_TOO_LARGE,
      `${label(role, key)} has ${bytes} bytes and is its own preview, for which LINE takes ${MEDIA_FORMATS.preview.maxBytes}: `
      + 'make it smaller, or upload a small preview and write `key,preview key` into `Data`');
  }
}

/** A key is no message text: it may stand in a log, where it is what an operator looks for. */
function label(role: MediaRole, key: string): string {
  return `${role} ${JSON.stringify(key)}`;
}
