import { Readable } from 'stream';
import { gzipSync } from 'zlib';
import * as fc from 'fast-check';
import { textLines } from '../../src/runtime/text-lines';
import '../support/fast-check-seed';

async function linesOf(chunks: Iterable<Buffer> | AsyncIterable<Buffer>, stallMs = 1_000): Promise<string[]> {
  const lines: string[] = [];
  for await (const some of textLines(Readable.from(chunks, { objectMode: false }), 'list s3://lists/vip', stallMs)) {
    lines.push(...some);
  }
  return lines;
}

/** The bytes in pieces of the sizes, over and over. */
function pieces(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const cut: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; at += sizes[index++ % sizes.length]) {
    cut.push(bytes.subarray(at, at + sizes[index % sizes.length]));
  }
  return cut;
}

const text = fc.array(fc.string({ unit: fc.constantFrom('a', '春', '😀', ',', '"'), maxLength: 8 }), { maxLength: 20 }).map((lines) => lines.join('\n'));
const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });
/** An end of line at the end is not a line. */
const expected = (whole: string) => (whole === '' ? [] : whole.replace(/\n$/, '').split('\n'));

test('lines are those of the text, wherever its bytes are cut', async () => {
  await fc.assert(fc.asyncProperty(text, sizes, async (whole, cuts) => {
    expect(await linesOf(pieces(Buffer.from(whole), cuts))).toEqual(expected(whole));
  }));
});

test('and when it is zipped, in one member or several', async () => {
  await fc.assert(fc.asyncProperty(text, text, sizes, async (one, two, cuts) => {
    const zipped = Buffer.concat([gzipSync(`${one}\n`), gzipSync(two)]);
    expect(await linesOf(pieces(zipped, cuts))).toEqual(expected(`${one}\n${two}`));
  }));
});

test.each<[string, Buffer, string]>([
  ['a zip archive', Buffer.from('PK\x03\x04 …'), 'list s3://lists/vip is a zip archive or a spreadsheet; save it as CSV'],
  ['UTF-16', Buffer.from('\uFEFFU1', 'utf16le'), 'list s3://lists/vip is UTF-16; save it as UTF-8'],
  ['gzip that ends in the middle', gzipSync('U'.repeat(1_000)).subarray(0, 20), 'list s3://lists/vip is cut off: its gzip data ends in the middle; upload it again'],
  ['gzip with other bytes in it', Buffer.concat([gzipSync('a').subarray(0, 10), Buffer.from('nonsense')]), 'list s3://lists/vip is damaged'],
  ['a line without an end', Buffer.from('x'.repeat(1_000_001)), 'has a line of more than 1000000 characters'],
])('%s is refused', async (_case, bytes, message) => {
  await expect(linesOf(pieces(bytes, [100_000]))).rejects.toMatchObject({ name: 'RecipientListError', message: expect.stringContaining(message) });
});

test.each<[string, Buffer]>([['plain', Buffer.from('U1\nU2\nU')], ['zipped', gzipSync('U1\nU2').subarray(0, 15)]])('a %s stream whose bytes stop coming is given up', async (_case, bytes) => {
  async function* stalled() {
    yield bytes;
    await new Promise((resolve) => setTimeout(resolve, 2_000).unref());
  }
  await expect(linesOf(stalled(), 100)).rejects.toThrow('no byte of the object came for 0.1 s');
});

test('a stream that fails is no list that is wrong', async () => {
  async function* broken() {
    yield gzipSync('a').subarray(0, 12);
    throw new Error('ECONNRESET');
  }
  await expect(linesOf(broken())).rejects.toMatchObject({ name: 'Error', message: 'ECONNRESET' });
});

test('a body that is not read to its end is let go', async () => {
  const body = Readable.from([Buffer.from('one\ntwo\n'), Buffer.from('three\n')], { objectMode: false });
  for await (const lines of textLines(body, 'list', 1_000)) {
    expect(lines).toEqual(['one', 'two']);
    break;
  }
  expect(body.destroyed).toBe(true);
});
