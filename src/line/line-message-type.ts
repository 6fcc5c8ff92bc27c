/**
 * Message types of LINE that a channel has a send function for. The value is LINE's own name of the type.
 * Source: LINE, Messaging API reference, "Message objects".
 */
export enum LineMessageType {
  /** A text of up to 5,000 UTF-16 code units. */
  TEXT = 'text',
  /** A JPEG or PNG image of up to 10 MB, with a preview of up to 1 MB. */
  IMAGE = 'image',
  /** An mp3 or m4a file of up to 200 MB. */
  AUDIO = 'audio',
  /** An mp4 file of up to 200 MB with a cover image. */
  VIDEO = 'video',
}
