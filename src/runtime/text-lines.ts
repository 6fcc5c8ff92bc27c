import { Readable, pipeline } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createGunzip } from 'node:zlib';
import { RecipientListError } from '../domain/campaigns/recipient-list';

/** Characters of a line. */
const MAX_LINE_LENGTH = 1_000_000;

/** Beginnings of what is no list, with what to do about it. */
const FOREIGN: readonly (readonly [Buffer, string])[] = [
  [Buffer.from('PK\x03\x04'), 'is a zip archive or a spreadsheet; save it as CSV, or zip it with gzip'],
  [Buffer.from([0xff, 0xfe]), 'is UTF-16; save it as UTF-8'],
  [Buffer.from([0xfe, 0xff]), 'is UTF-16; save it as UTF-8'],
];
const GZIP = Buffer.from([0x1f, 0x8b]);

/**
 * Lines of a stream of text, some at a time and without their ends, unzipped when the bytes say that it is gzip, whatever the name says.
 *
 * @param name of the list, for messages
 * @param stallMs milliseconds after which a stream is given up whose bytes stop coming
 * @throws RecipientListError when it is no text, or a zipped one is cut off; what the stream throws
 */
export async function* textLines(body: Readable, name: string, stallMs: number): AsyncGenerator<readonly string[]> {
  const source = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    let head: Buffer = Buffer.alloc(0);
    let isOver = false;
    while (head.length < 4 && !isOver) {
      const { value, done } = await inTime(source.next(), stallMs);
      isOver = done === true;
      head = done ? head : Buffer.concat([head, value]);
    }
    const [, foreign] = FOREIGN.find(([start]) => head.subarray(0, start.length).equals(start)) ?? [];
    if (foreign) {
      throw new RecipientListError(`${name} ${foreign}`);
    }
    const bytes = rest(head, source, isOver, stallMs);
    yield* split(head.subarray(0, 2).equals(GZIP) ? unzip(bytes, name) : bytes, name);
  } finally {
    // Unread, the body would keep its connection.
    body.destroy();
  }
}

async function* rest(head: Buffer, source: AsyncIterator<Buffer>, isOver: boolean, stallMs: number): AsyncGenerator<Buffer> {
  yield head;
  while (!isOver) {
    const { value, done } = await inTime(source.next(), stallMs);
    if (done) {
      return;
    }
    yield value;
  }
}

async function* unzip(bytes: AsyncIterable<Buffer>, name: string): AsyncGenerator<Buffer> {
  // Where the stream fails, the unzipped one does with the same error.
  const unzipped = pipeline(Readable.from(bytes, { objectMode: false }), createGunzip(), () => undefined);
  try {
    yield* unzipped as AsyncIterable<Buffer>;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') {
      throw new RecipientListError(`${name} is cut off: its gzip data ends in the middle; upload it again`);
    }
    if (code?.startsWith('Z_')) {
      throw new RecipientListError(`${name} is damaged: its gzip data cannot be read (${code}); upload it again`);
    }
    throw error;
  }
}

async function* split(bytes: AsyncIterable<Buffer>, name: string): AsyncGenerator<readonly string[]> {
  const decoder = new StringDecoder('utf8');
  let last = '';
  for await (const chunk of bytes) {
    const lines = (last + decoder.write(chunk)).split('\n');
    last = lines.pop()!;
    if (last.length > MAX_LINE_LENGTH) {
      throw new RecipientListError(`${name} has a line of more than ${MAX_LINE_LENGTH} characters; write one recipient a line`);
    }
    if (lines.length > 0) {
      yield lines;
    }
  }
  last += decoder.end();
  if (last !== '') {
    yield [last];
  }
}

async function inTime<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout;
  const stalled = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no byte of the object came for ${milliseconds / 1000} s`)), milliseconds);
  });
  try {
    return await Promise.race([work, stalled]);
  } finally {
    clearTimeout(timer!);
  }
}
