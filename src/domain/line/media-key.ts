import { ContentError } from './content-error';
import { invalidContent } from './invalid-content';
import { MEDIA_FORMATS, MediaRole } from './media-formats';
import { SendErrorCode } from '../../contract/custom-channel';
import { MAX_KEY_BYTES } from '../../contract/limits';

/**
 * The key of a media object as it is, if the object can be shown in that role. An imagemap's key is the folder of its
 * pictures.
 *
 * @param place where the key stands, for the error: `` `previewKey` ``, `part 2 of \`Data\``
 * @param quotesKey false for a key that may hold a person's data, so that not even its ending may stand in an error
 * @throws ContentError INVALID_CONTENT for what cannot be a key, MEDIA_WRONG_TYPE for an extension that LINE does not take
 */
export function checkMediaKey(place: string, key: unknown, role: MediaRole, quotesKey = true): string {
  if (typeof key !== 'string' || key === '' || /\p{Surrogate}/u.test(key) || Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw invalidContent(place, key, `an S3 object key of 1 to ${MAX_KEY_BYTES} bytes of UTF-8`, 'write the key of the uploaded object');
  }
  if (/(?:^|\/)\.\.?(?:\/|$)/.test(key)) {
    // Whoever opens the URL would resolve it to another path.
    throw invalidContent(place, key, 'a key without `.` and `..` between slashes', 'upload the object under another key');
  }
  const { extensions } = MEDIA_FORMATS[role];
  const extension = mediaExtension(key);
  if (extensions.length > 0 && (extension === undefined || !extensions.includes(extension))) {
    const named = quotesKey ? `in .${extension}` : 'in another extension';
    throw new ContentError(SendErrorCode.MEDIA_WRONG_TYPE,
      `${place} ends ${extension === undefined ? 'without an extension' : named}; LINE takes ${extensions.map((name) => `.${name}`).join(', ')} here: `
      + 'convert the file, or put a key that holds a comma in double quotes');
  }
  return key;
}

/** The ending of a key, lower case and without its dot; undefined without one. */
export function mediaExtension(key: string): string | undefined {
  return /\.([A-Za-z0-9]{1,8})$/.exec(key)?.[1].toLowerCase();
}
