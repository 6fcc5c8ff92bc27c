import { createHash } from 'node:crypto';

/**
 * UUID version 5 of a name: equal names give equal ids, for ever. Source: RFC 9562, section 5.5.
 *
 * @param namespace a UUID in its hexadecimal form with hyphens
 */
export function nameBasedUuid(namespace: string, name: string): string {
  const bytes = createHash('sha1').update(Buffer.from(namespace.replaceAll('-', ''), 'hex')).update(name, 'utf8').digest().subarray(0, 16);
  bytes[6] = 0x50 + bytes[6] % 0x10; // version 5
  bytes[8] = 0x80 + bytes[8] % 0x40; // the variant of RFC 9562
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
