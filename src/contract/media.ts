/** Message types of this version, by their wire names. */
export type MessageType = 'text' | 'image' | 'audio' | 'video';

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
