/**
 * The text as one segment, value or fragment of a URL: everything but RFC 3986's unreserved characters percent-encoded,
 * quotes and brackets too, which LINE refuses in a URL.
 *
 * @param text well formed
 */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
