import { MAX_AUDIO_VIDEO_BYTES, MAX_IMAGE_BYTES, MAX_PREVIEW_BYTES } from '../../contract/limits';

/**
 * What a media object is to a message. A preview is the small picture shown before an image or a video is opened; an imagemap
 * is five pictures, `<key>/240` to `<key>/1040`.
 */
export type MediaRole = 'image' | 'preview' | 'audio' | 'video' | 'imagemap';

export interface MediaFormat {
  /** Endings of keys, lower case, without the dot. Empty: the key has none of its own. */
  readonly extensions: readonly string[];
  /** Values of `Content-Type`, the usual one first. */
  readonly contentTypes: readonly string[];
  readonly maxBytes: number;
}

const PICTURE = { extensions: ['jpg', 'jpeg', 'png'], contentTypes: ['image/jpeg', 'image/png'] };

/**
 * What LINE shows and plays. Source: LINE, Messaging API reference, "Image message" (JPEG or PNG, 10 MB, preview 1 MB),
 * "Audio message" (mp3 or m4a, 200 MB), "Video message" (mp4, 200 MB), "Imagemap message" (JPEG or PNG, 10 MB, names without an ending).
 * LINE states file formats only; the content types are theirs, with those that upload tools write for m4a.
 */
export const MEDIA_FORMATS: Record<MediaRole, MediaFormat> = {
  image: { ...PICTURE, maxBytes: MAX_IMAGE_BYTES },
  preview: { ...PICTURE, maxBytes: MAX_PREVIEW_BYTES },
  audio: {
    extensions: ['mp3', 'm4a'],
    contentTypes: ['audio/mp4', 'audio/mpeg', 'audio/mp3', 'audio/x-m4a', 'audio/m4a', 'audio/aac', 'audio/x-aac'],
    maxBytes: MAX_AUDIO_VIDEO_BYTES,
  },
  video: { extensions: ['mp4'], contentTypes: ['video/mp4'], maxBytes: MAX_AUDIO_VIDEO_BYTES },
  imagemap: { ...PICTURE, extensions: [], maxBytes: MAX_IMAGE_BYTES },
};
