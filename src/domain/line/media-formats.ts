import { MAX_ANIMATED_IMAGE_BYTES, MAX_AUDIO_VIDEO_BYTES, MAX_ICON_BYTES, MAX_IMAGE_BYTES, MAX_PREVIEW_BYTES } from '../../contract/limits';

/**
 * What a media object is to a message. A preview is the small picture shown before an image or a video is opened; an imagemap
 * is five pictures, `<key>/240` to `<key>/1040`; an animation is an animated image of a flex message, a flex icon stands in its
 * text; an icon is a sender's or a quick reply's; a link is any file that a person opens in a browser.
 */
export type MediaRole = 'image' | 'preview' | 'audio' | 'video' | 'imagemap' | 'animation' | 'flexIcon' | 'icon' | 'link';

export interface MediaFormat {
  /** Endings of keys, lower case, without the dot. Empty: it has none of its own, or any. */
  readonly extensions: readonly string[];
  /** Values of `Content-Type`, the usual one first. Empty: any. */
  readonly contentTypes: readonly string[];
  readonly maxBytes: number;
}

const PICTURE = { extensions: ['jpg', 'jpeg', 'png'], contentTypes: ['image/jpeg', 'image/png'] };

/**
 * What LINE shows and plays. Source: LINE, Messaging API reference, "Image message" (JPEG or PNG, 10 MB, preview 1 MB),
 * "Audio message" (mp3 or m4a, 200 MB), "Video message" (mp4, 200 MB), "Imagemap message" (JPEG or PNG, 10 MB, names without an ending),
 * Flex Message "Image" (animated: APNG, 300 KB) and "Icon" (JPEG or PNG, 1 MB), "Quick reply button object" and "Change icon and
 * display name" (PNG, 1 MB). LINE states file formats only; the content types are theirs, with those that upload tools write for m4a.
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
  animation: { extensions: ['png', 'apng'], contentTypes: ['image/png', 'image/apng'], maxBytes: MAX_ANIMATED_IMAGE_BYTES },
  flexIcon: { ...PICTURE, maxBytes: MAX_ICON_BYTES },
  icon: { extensions: ['png'], contentTypes: ['image/png'], maxBytes: MAX_ICON_BYTES },
  link: { extensions: [], contentTypes: [], maxBytes: Infinity },
};
