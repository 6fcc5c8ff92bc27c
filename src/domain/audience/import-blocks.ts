import { isUtf8 } from 'node:buffer';
import { ImportRefused } from './import-refused';

/** Bytes that are decoded at once. */
const BLOCK_BYTES = 32 * 1024;

/** Bytes of a line; a row of a line has an endpoint of 15 KB in it, and columns that are left out. */
export const MAX_LINE_BYTES = 1024 * 1024;

/** Bytes of a line that is too long that are kept to show. */
const SHOWN_BYTES = 200;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** What bytes at the beginning of a file give away. */
const OTHER_KINDS: readonly { readonly bytes: readonly number[]; readonly kind: string }[] = [
  { bytes: [0x50, 0x4b, 0x03, 0x04], kind: 'a ZIP archive, which workbooks of Excel are, too. Save the sheet as "CSV UTF-8", or compress with gzip' },
  { bytes: [0xff, 0xfe], kind: 'text in UTF-16. Save it as UTF-8 (in Excel: "CSV UTF-8")' },
  { bytes: [0xfe, 0xff], kind: 'text in UTF-16. Save it as UTF-8 (in Excel: "CSV UTF-8")' },
  { bytes: [0x1f, 0x8b], kind: 'compressed with gzip twice. Compress it once' },
];

/** Whole lines of a file. */
export interface LineBlock {
  /** Each line ends with a line feed, the last one of the file may not. */
  readonly bytes: Buffer;
  /** Lines that are not UTF-8, from 0. */
  readonly notUtf8?: readonly number[];
  /** The bytes are the beginning of one line that is too long to be read. */
  readonly isTooLong?: true;
}

/**
 * Cuts the bytes of a file into blocks of whole lines: no character is ever cut, no line is kept that is longer than it
 * may be. The byte order mark goes. Lines that end with a carriage return alone, as those of old Macs, end with a line feed.
 */
export class LineBlocks {
  private parts: Uint8Array[] = [];
  private bytes = 0;
  private isStart = true;
  private isSkipping = false;
  private hasCarriageReturns = false;

  /**
   * @returns the blocks that are complete now
   * @throws ImportRefused when the first bytes are not those of a text
   */
  public push(chunk: Uint8Array): LineBlock[] {
    this.parts.push(chunk);
    this.bytes += chunk.length;
    return this.bytes >= BLOCK_BYTES ? this.cut(false) : [];
  }

  /** What is left at the end of the file. */
  public end(): LineBlock[] {
    return this.cut(true);
  }

  private cut(isEnd: boolean): LineBlock[] {
    const [first, ...others] = this.parts;
    let bytes = first && others.length === 0 ? Buffer.from(first.buffer, first.byteOffset, first.length) : Buffer.concat(this.parts);
    if (this.isStart && bytes.length > 0) {
      bytes = this.start(bytes);
    }
    if (this.hasCarriageReturns) {
      bytes = Buffer.from(bytes.map((byte) => byte === CARRIAGE_RETURN ? LINE_FEED : byte));
    }
    const blocks: LineBlock[] = [];
    if (this.isSkipping) {
      const lineEnd = bytes.indexOf(LINE_FEED);
      this.isSkipping = lineEnd < 0;
      bytes = lineEnd < 0 ? bytes.subarray(bytes.length) : bytes.subarray(lineEnd + 1);
    }
    const end = isEnd ? bytes.length : bytes.lastIndexOf(LINE_FEED) + 1;
    for (let from = 0; from < end;) {
      // What arrives at once may be far more than a block.
      const to = end - from <= BLOCK_BYTES * 2 ? end : endOfLine(bytes, from + BLOCK_BYTES, end);
      blocks.push(...blocksOf(bytes.subarray(from, to)));
      from = to;
    }
    const rest = bytes.subarray(end);
    const isTooLong = rest.length > MAX_LINE_BYTES;
    if (isTooLong) {
      blocks.push(tooLong(rest));
      this.isSkipping = true;
    }
    this.parts = rest.length === 0 || isTooLong ? [] : [rest];
    this.bytes = isTooLong ? 0 : rest.length;
    return blocks;
  }

  private start(bytes: Buffer): Buffer {
    this.isStart = false;
    const kind = OTHER_KINDS.find((other) => other.bytes.every((byte, index) => bytes[index] === byte))?.kind;
    if (kind) {
      throw new ImportRefused(`the file is no text in UTF-8, but ${kind}`);
    }
    this.hasCarriageReturns = !bytes.includes(LINE_FEED) && bytes.includes(CARRIAGE_RETURN);
    return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
  }
}

function endOfLine(bytes: Buffer, from: number, end: number): number {
  const found = bytes.indexOf(LINE_FEED, from);
  return found < 0 || found + 1 > end ? end : found + 1;
}

/** A block of the lines; several, if one of them is too long. */
function blocksOf(bytes: Buffer): LineBlock[] {
  if (bytes.length <= MAX_LINE_BYTES) {
    return [blockOf(bytes)];
  }
  const blocks: LineBlock[] = [];
  let from = 0;
  for (let start = 0; start < bytes.length;) {
    const end = endOfLine(bytes, start, bytes.length);
    if (end - start > MAX_LINE_BYTES) {
      if (start > from) {
        blocks.push(blockOf(bytes.subarray(from, start)));
      }
      blocks.push(tooLong(bytes.subarray(start, end)));
      from = end;
    }
    start = end;
  }
  if (bytes.length > from) {
    blocks.push(blockOf(bytes.subarray(from)));
  }
  return blocks;
}

function blockOf(bytes: Buffer): LineBlock {
  return isUtf8(bytes) ? { bytes } : { bytes, notUtf8: linesNotUtf8(bytes) };
}

function linesNotUtf8(bytes: Buffer): number[] {
  const lines: number[] = [];
  let line = 0;
  for (let start = 0; start < bytes.length; line++) {
    const end = endOfLine(bytes, start, bytes.length);
    if (!isUtf8(bytes.subarray(start, end))) {
      lines.push(line);
    }
    start = end;
  }
  return lines;
}

function tooLong(bytes: Buffer): LineBlock {
  return { bytes: bytes.subarray(0, SHOWN_BYTES), isTooLong: true };
}
