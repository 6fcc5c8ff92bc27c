import { LineBlock } from './import-blocks';
import { NOT_UTF8_REASON, TOO_LONG_LINE_REASON } from './import-values';
import { scanLines } from './special-lines';

/** Characters of a record; one that goes on for longer has a quote that is never closed. */
const MAX_RECORD_LENGTH = 64 * 1024;

/** Characters that are parsed at once after a record that had to be read again from its second line. */
const FIRST_WINDOW = 8 * 1024;

const UNCLOSED_REASON = 'a double quote is opened on this line and not closed, or followed by something else than a comma or the end of the line. A double quote inside a quoted field must stand twice. The next lines are read as rows of their own';

/** What a parser made of a piece of a CSV file. */
export interface ParsedRecords {
  readonly records: readonly string[][];
  /** Indexes of the records whose quotes are wrong. */
  readonly wrong: readonly number[];
  /** Characters of the records that are complete. */
  readonly consumed: number;
}

/**
 * Parses a piece of a CSV file that begins with a record.
 *
 * @param isLast the piece ends with the file, so that its last record is complete
 */
export type ParseCsv = (text: string, delimiter: string, isLast: boolean) => ParsedRecords;

/** Takes the records of a file. */
export interface CsvRecordSink {
  /**
   * A record and the line on which it begins.
   *
   * @param mayEscape whether a field may have characters that JSON must escape
   */
  take(fields: readonly string[], line: number, mayEscape: boolean): void;
  /** A line that is no record. */
  broken(line: number, text: string, reason: string): void;
}

/**
 * Records of a CSV file with the lines on which they begin. Texts are byte strings: a character for each byte of UTF-8, of
 * which those that mean something to CSV and to JSON are characters of their own. What is only passed on need not be decoded
 * and encoded again, which takes as long as parsing.
 * A quote that is opened and not closed costs the line on which it
 * stands and not the rest of the file: the record is given up and the next line read as the beginning of another one.
 */
export class CsvRecords {
  private carry = '';
  /** Lines that are not UTF-8, ascending, of those that are still to come. */
  private notUtf8: number[] = [];
  private linesOfCarry = 0;

  /**
   * @param looksLikeRow whether lines inside a quoted field are rows that a quote has swallowed, which is not closed where it should be
   * @param line of the file on which the first block begins, from 1
   */
  constructor(
    private readonly parse: ParseCsv,
    private readonly delimiter: string,
    private readonly sink: CsvRecordSink,
    private readonly looksLikeRow: (text: string) => boolean,
    private line: number,
  ) {}

  public push(block: LineBlock): void {
    if (block.isTooLong) {
      // Whatever is open is not closed on a line that nobody reads.
      this.read('', true);
      this.sink.broken(this.line, block.bytes.toString('latin1'), TOO_LONG_LINE_REASON);
      this.line += 1;
      return;
    }
    if (block.notUtf8) {
      const firstLine = this.line + this.linesOfCarry;
      this.notUtf8 = this.notUtf8.concat(block.notUtf8.map((line) => firstLine + line));
    }
    const text = block.bytes.toString('latin1');
    if (this.carry !== '' || this.notUtf8.length > 0 || !text.endsWith('\n') || !this.readPlain(text, block.bytes)) {
      this.read(text, false);
    }
  }

  public end(): void {
    this.read('', true);
  }

  /** Reads a block of nothing but whole records of one line each, as most blocks are, and quickly. @returns whether it is one */
  private readPlain(text: string, bytes: Buffer): boolean {
    const { records, wrong, consumed } = this.parse(text, this.delimiter, false);
    const { lineFeeds: lines, special } = scanLines(bytes);
    if (wrong.length > 0 || consumed < text.length || records.length !== lines) {
      return false;
    }
    let next = 0;
    for (let index = 0; index < records.length; index++) {
      const isSpecial = special[next] === index;
      next += isSpecial ? 1 : 0;
      const fields = withoutCarriageReturn(records[index]);
      if (!isBlank(fields)) {
        this.sink.take(fields, this.line, isSpecial);
      }
      this.line += 1;
    }
    return true;
  }

  private read(text: string, isLast: boolean): void {
    const all = this.carry === '' ? text : this.carry + text;
    let start = 0;
    let window = all.length;
    while (start < all.length) {
      const end = Math.min(all.length, start + window);
      const piece = all.slice(start, end);
      const parsed = this.parse(piece, this.delimiter, isLast && end === all.length);
      const readAgain = this.takeAll(piece, parsed);
      if (readAgain !== undefined) {
        start += readAgain;
        window = FIRST_WINDOW;
      } else if (parsed.consumed > 0) {
        start += parsed.consumed;
        window *= 2;
      } else if (piece.length > MAX_RECORD_LENGTH) {
        start += this.giveUpLine(piece);
        window = FIRST_WINDOW;
      } else if (end < all.length) {
        window *= 2;
      } else {
        break;
      }
    }
    this.carry = all.slice(start);
    this.linesOfCarry = lineFeeds(this.carry);
  }

  /** @returns how far into the piece the next record begins, when a wrong one has to be read again from its second line */
  private takeAll(piece: string, { records, wrong }: ParsedRecords): number | undefined {
    const firstLine = this.line;
    let nextWrong = 0;
    for (let index = 0; index < records.length; index++) {
      const fields = withoutCarriageReturn(records[index]);
      const { line } = this;
      let more = 0;
      for (const field of fields) {
        more += lineFeeds(field);
      }
      nextWrong += wrong[nextWrong] === index ? 1 : 0;
      const hasWrongQuotes = wrong[nextWrong - 1] === index || (more > 0 && this.hasSwallowedRow(fields));
      this.takeCarefully(fields, line, line + more, hasWrongQuotes);
      if (hasWrongQuotes && more > 0) {
        this.line = line + 1;
        return offsetOfLine(piece, line + 1 - firstLine);
      }
      this.line += more + 1;
    }
    return undefined;
  }

  /** Whether a field has several lines, of which a later one is like a row. */
  private hasSwallowedRow(fields: readonly string[]): boolean {
    return fields.some((field) => field.includes('\n') && this.looksLikeRow(field.slice(field.indexOf('\n'))));
  }

  private takeCarefully(fields: readonly string[], line: number, lastLine: number, hasWrongQuotes: boolean): void {
    while (this.notUtf8.length > 0 && this.notUtf8[0] < line) {
      this.notUtf8.shift();
    }
    if (this.notUtf8.length > 0 && this.notUtf8[0] <= lastLine) {
      this.sink.broken(line, fields.join(this.delimiter), NOT_UTF8_REASON);
    } else if (hasWrongQuotes) {
      this.sink.broken(line, fields.join(this.delimiter), UNCLOSED_REASON);
    } else if (!isBlank(fields)) {
      this.sink.take(fields, line, true);
    }
  }

  /** @returns where the line after the first begins */
  private giveUpLine(piece: string): number {
    const next = offsetOfLine(piece, 1);
    this.sink.broken(this.line, piece.slice(0, next), UNCLOSED_REASON);
    this.line += 1;
    return next;
  }
}

/** A carriage return before a line's end is not part of the last field. */
function withoutCarriageReturn(fields: string[]): readonly string[] {
  const last = fields[fields.length - 1];
  if (last.charCodeAt(last.length - 1) === 0x0d) {
    fields[fields.length - 1] = last.slice(0, -1);
  }
  return fields;
}

function isBlank(fields: readonly string[]): boolean {
  return fields.length === 1 && fields[0].trim() === '';
}

function lineFeeds(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    count += 1;
  }
  return count;
}

/** Where the line begins, counted from 0; the text's end if it has fewer. */
function offsetOfLine(text: string, line: number): number {
  let offset = 0;
  for (let index = 0; index < line; index++) {
    const lineFeed = text.indexOf('\n', offset);
    if (lineFeed < 0) {
      return text.length;
    }
    offset = lineFeed + 1;
  }
  return offset;
}
