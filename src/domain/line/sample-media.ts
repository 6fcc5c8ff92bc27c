import { SAMPLE_MEDIA_KEYS } from '../../contract/media';

/** One of the files that ship with the package. */
export type SampleFile = keyof typeof SAMPLE_MEDIA_KEYS;

/** A sample file and where it goes. */
export interface SampleObject {
  readonly bucket: string;
  readonly key: string;
  readonly file: SampleFile;
  readonly contentType: string;
}

/** Files of each media type; a video's cover lies beside it. */
const FILES: Record<string, readonly SampleFile[]> = {
  image: ['image'],
  audio: ['audio'],
  video: ['video', 'videoCover'],
};

const CONTENT_TYPES: Record<SampleFile, string> = {
  image: 'image/png',
  audio: 'audio/mp4',
  video: 'video/mp4',
  videoCover: 'image/png',
};

/** A link names the object's version, so that what it shows never changes. */
export const SAMPLE_CACHE_CONTROL = 'public, max-age=31536000, immutable';

/**
 * The objects that a custom resource asks for.
 *
 * @param objects its property `Objects`: `[{"Bucket":"…","Prefix":"image/","Type":"image"}]`
 * @throws when a member is missing or a type unknown; CloudFormation shows the message
 */
export function sampleObjects(objects: unknown): SampleObject[] {
  if (!Array.isArray(objects)) {
    throw new Error(`\`Objects\` must be a list of {Bucket, Prefix, Type}, got ${typeof objects}`);
  }
  return objects.flatMap(({ Bucket, Prefix, Type }, index) => {
    if (typeof Bucket !== 'string' || typeof Prefix !== 'string' || !Object.hasOwn(FILES, Type)) {
      throw new Error(`\`Objects[${index}]\` must have a Bucket, a Prefix and a Type of ${Object.keys(FILES).join(', ')}, got ${JSON.stringify({ Bucket, Prefix, Type })}`);
    }
    return FILES[Type].map((file) => ({ bucket: Bucket, key: Prefix + SAMPLE_MEDIA_KEYS[file], file, contentType: CONTENT_TYPES[file] }));
  });
}
