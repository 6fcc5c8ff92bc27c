/**
 * Message types of LINE that a channel can have a send function for. The value is LINE's own name of the type.
 * Source: LINE, Messaging API reference, "Message objects".
 */
export enum LineMessageType {
  /** A text of up to 5,000 UTF-16 code units. */
  TEXT = 'text',
  /** A JPEG or PNG image of up to 10 MB, with a preview of up to 1 MB. */
  IMAGE = 'image',
  /** An mp3 or m4a file of up to 200 MB. */
  AUDIO = 'audio',
  /** An mp4 file of up to 200 MB with a cover image of up to 1 MB. */
  VIDEO = 'video',
  /** A text of up to 5,000 UTF-16 code units with up to 100 substitutions `{name}`, among them 20 LINE emoji. */
  TEXT_V2 = 'textV2',
  /** A sticker of LINE's list of sendable stickers. */
  STICKER = 'sticker',
  /** A place on the map, title and address of up to 100 UTF-16 code units each. */
  LOCATION = 'location',
  /** A JPEG or PNG image in five widths, each of up to 10 MB, with up to 50 areas to tap and perhaps a video. */
  IMAGEMAP = 'imagemap',
  /** Buttons (up to 4 actions), a question with 2 answers, or a carousel of up to 10 columns or images. */
  TEMPLATE = 'template',
  /** A layout of your own: a bubble of up to 30 KB of JSON, or a carousel of up to 12 bubbles and 50 KB. */
  FLEX = 'flex',
  /** A coupon that was made in LINE Official Account Manager or by LINE's coupon API. */
  COUPON = 'coupon',
  /** Content of every type, in one function: the content tells its type. Plain data is a text. */
  ANY = 'any',
}
