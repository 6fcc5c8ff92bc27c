import { createHmac, timingSafeEqual } from 'crypto';

/**
 * Whether `signature` is LINE's signature of exactly these bytes: base64 of HMAC-SHA256 under the channel secret.
 * Source: LINE, "Verify webhook signature".
 *
 * The texts are compared, not the bytes that they decode to: base64 decoders are lenient, and a line break or a
 * URL-safe spelling would pass for the real thing.
 *
 * @param body the body as received, before any decoding of characters or parsing
 * @param channelSecret an empty one verifies nothing, because anybody can sign with it
 * @param signature value of the header `x-line-signature`
 */
export function verifySignature(body: Uint8Array, channelSecret: string, signature: string): boolean {
  if (channelSecret === '') {
    return false;
  }
  const expected = Buffer.from(createHmac('sha256', channelSecret).update(body).digest('base64'));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
