import type { JsonObject, LineMessage } from '../../../src/domain/line/line-message';
import { checkMessages } from '../../../src/domain/line/message-rules';

/** Smallest objects that LINE takes, for tests that then change one thing. */

export const URL = 'https://media.example.com/image/v1/a.png';
export const HTTPS = 'https://';

/** A URL of this length. */
export function urlOf(length: number, scheme = HTTPS): string {
  return scheme.padEnd(length, 'a');
}

export const area = { x: 0, y: 0, width: 520, height: 520 };

export const text = (members: JsonObject = {}) => ({ type: 'text', text: 'Hello', ...members });
export const textV2 = (members: JsonObject = {}) => ({ type: 'textV2', text: 'Hello', ...members });
export const sticker = (members: JsonObject = {}) => ({ type: 'sticker', packageId: '446', stickerId: '1988', ...members });
export const image = (members: JsonObject = {}) => ({ type: 'image', originalContentUrl: URL, previewImageUrl: URL, ...members });
export const video = (members: JsonObject = {}) => ({ type: 'video', originalContentUrl: URL, previewImageUrl: URL, ...members });
export const audio = (members: JsonObject = {}) => ({ type: 'audio', originalContentUrl: URL, duration: 60_000, ...members });
export const location = (members: JsonObject = {}) => ({
  type: 'location', title: 'Shop', address: 'Tokyo', latitude: 35.67966, longitude: 139.73669, ...members,
});
export const coupon = (members: JsonObject = {}) => ({ type: 'coupon', couponId: '01JYNW8JMQVFBNWF1APF8Z3FS7', ...members });
export const imagemap = (members: JsonObject = {}) => ({
  type: 'imagemap', baseUrl: 'https://media.example.com/map', altText: 'Map', baseSize: { width: 1040, height: 1040 }, actions: [], ...members,
});
export const mapVideo = (members: JsonObject = {}) => ({ originalContentUrl: URL, previewImageUrl: URL, area, ...members });

export const uri = (members: JsonObject = {}) => ({ type: 'uri', label: 'Open', uri: 'https://example.com/', ...members });
export const messageAction = (members: JsonObject = {}) => ({ type: 'message', label: 'Yes', text: 'yes', ...members });
export const postback = (members: JsonObject = {}) => ({ type: 'postback', label: 'Buy', data: 'buy', ...members });
export const picker = (members: JsonObject = {}) => ({ type: 'datetimepicker', label: 'When', data: 'when', mode: 'datetime', ...members });
export const clipboard = (members: JsonObject = {}) => ({ type: 'clipboard', label: 'Copy', clipboardText: '3B48740B', ...members });

export const template = (inner: unknown) => ({ type: 'template', altText: 'Template', template: inner });
export const buttons = (members: JsonObject = {}) => template({ type: 'buttons', text: 'Choose', actions: [uri()], ...members });
export const confirm = (members: JsonObject = {}) => template({ type: 'confirm', text: 'Sure?', actions: [messageAction(), messageAction()], ...members });
export const column = (members: JsonObject = {}) => ({ text: 'Column', actions: [uri()], ...members });
export const carousel = (columns: unknown, members: JsonObject = {}) => template({ type: 'carousel', columns, ...members });
export const imageColumn = (members: JsonObject = {}) => ({ imageUrl: URL, action: uri({ label: 'Look' }), ...members });
export const imageCarousel = (columns: unknown) => template({ type: 'image_carousel', columns });

export const quickReply = (...actions: unknown[]) => text({ quickReply: { items: actions.map((action) => ({ type: 'action', action })) } });

export const flex = (contents: unknown) => ({ type: 'flex', altText: 'Flex', contents });
export const bubble = (members: JsonObject = {}) => ({ type: 'bubble', ...members });
export const box = (contents: unknown = [], members: JsonObject = {}) => ({ type: 'box', layout: 'vertical', contents, ...members });
/** A Flex message with these components in the body of its bubble. */
export const inBody = (...contents: unknown[]) => flex(bubble({ body: box(contents) }));
export const inBaseline = (...contents: unknown[]) => flex(bubble({ body: box(contents, { layout: 'baseline' }) }));
export const bubbles = (...contents: unknown[]) => flex({ type: 'carousel', contents });
export const flexImage = (members: JsonObject = {}) => ({ type: 'image', url: URL, ...members });
export const flexIcon = (members: JsonObject = {}) => ({ type: 'icon', url: URL, ...members });
export const flexText = (members: JsonObject = { text: 'Hello' }) => ({ type: 'text', ...members });
export const span = (members: JsonObject = {}) => ({ type: 'span', text: 'Hello', ...members });
export const button = (members: JsonObject = {}) => ({ type: 'button', action: uri(), ...members });
export const flexVideo = (members: JsonObject = {}) => ({ type: 'video', url: URL, previewUrl: URL, altContent: flexImage(), ...members });
/** A bubble with a video in its hero. */
export const inHero = (hero: unknown, members: JsonObject = {}) => flex(bubble({ hero, ...members }));

/** The error that the messages give, if any; they may be no messages at all. */
export function check(...messages: unknown[]) {
  return checkMessages(messages as LineMessage[]);
}

/** Its text. */
export function wrong(message: unknown): string | undefined {
  return check(message)?.message;
}
