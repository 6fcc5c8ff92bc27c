/** LINE's message types, by their wire names. Source: LINE, Messaging API reference, "Message objects". */
export const MESSAGE_TYPES = [
  'text', 'image', 'audio', 'video', 'textV2', 'sticker', 'location', 'imagemap', 'template', 'flex', 'coupon',
] as const;

export type MessageType = (typeof MESSAGE_TYPES)[number];

/** What a send function is made for: a message type, or `any`, which the content tells. It says how plain data is read. */
export type SendFunctionType = MessageType | 'any';

/** Kinds of media that have a bucket. Imagemaps lie in the images' bucket. */
export const MEDIA_TYPES = ['image', 'audio', 'video'] as const;

export type MediaType = (typeof MEDIA_TYPES)[number];

/** Begin of a media address in any URL member of a message: `media://<media type>/<key>`. */
export const MEDIA_SCHEME = 'media://';

/** Sizes that LINE's apps append to an imagemap's base URL. Source: LINE, Messaging API reference, "Imagemap message", base URL. */
export const IMAGEMAP_SIZES = ['240', '300', '460', '700', '1040'] as const;

/** Between the object versions of an imagemap's five images in its media link, in the order of `IMAGEMAP_SIZES`. S3 uses it in no version id. */
export const IMAGEMAP_VERSION_SEPARATOR = '~';

/** Where the media of each type lie; types that the channel has no bucket for are absent. */
export type MediaPlaces = { readonly [type in MediaType]?: { readonly bucket: string; readonly prefix: string } };

/** How a send function makes media URLs. */
export type MediaDeliveryConfig =
  /** `https://<domainName>/<type>/<object version>/<key>`: never expires, and an overwritten key does not change old chats. */
  | { readonly kind: 'cloudfront'; readonly domainName: string }
  /** S3 pre-signed URL; dies with the function's credentials at the latest. */
  | { readonly kind: 'presigned'; readonly expirySeconds: number };

/** Keys of the sample media, inside the type's bucket (behind its prefix, if it has one). */
export const SAMPLE_MEDIA_KEYS = {
  image: 'line-sample/image.png',
  audio: 'line-sample/audio.m4a',
  video: 'line-sample/video.mp4',
  videoCover: 'line-sample/video-cover.png',
} as const;

/** Milliseconds that the sample audio plays. */
export const SAMPLE_AUDIO_DURATION_MS = 2_000;

/** Text of the sample text message. */
export const SAMPLE_TEXT = 'Hello from your LINE channel. This is a sample message.';
