import { createHash, randomBytes, randomInt } from 'node:crypto';

/** A user id of LINE's form, the same for the same name. Source: LINE, "Get user IDs": `U` and 32 hexadecimal digits. */
export function lineUserId(name: string): string {
  return `U${createHash('md5').update(name).digest('hex')}`;
}

/** A group id, the same for the same name. */
export function lineGroupId(name: string): string {
  return `C${createHash('md5').update(name).digest('hex')}`;
}

export const USER_ID = /^U[0-9a-f]{32}$/;
export const CHAT_ID = /^[UCR][0-9a-f]{32}$/;

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A ULID: 48 bits of time and 80 random bits. Source: LINE, Messaging API reference, `webhookEventId`. */
export function ulid(timeMs: number): string {
  let value = BigInt(Math.trunc(timeMs)) * 2n ** 80n + BigInt(`0x${randomBytes(10).toString('hex')}`);
  let id = '';
  for (let i = 0; i < 26; i++) {
    id = CROCKFORD[Number(value % 32n)] + id;
    value /= 32n;
  }
  return id;
}

/** Id of a message: a long decimal number. */
export function messageId(): string {
  return `${randomInt(4e8, 6e8)}${String(randomInt(1e9)).padStart(9, '0')}`;
}

/** Reply, quote and access tokens: opaque. */
export function opaqueToken(bytes = 16): string {
  return randomBytes(bytes).toString('hex');
}
