import { isAscii, transcode } from 'node:buffer';
import { LineBlock, LineBlocks } from './import-blocks';
import { importColumns, userIdColumns } from './import-columns';
import { CsvRecordSink, CsvRecords, ParseCsv } from './import-csv-records';
import { CsvRows, RowOutcome } from './import-csv-rows';
import { JsonRows } from './import-json-rows';
import { ImportRefused } from './import-refused';
import { NOT_UTF8_REASON, RowReport, TOO_LONG_LINE_REASON, lineUserId, rejectedRow, textOf } from './import-values';
import { scanLines } from './special-lines';
import { ImportConfig, ImportFormat, RejectedRow } from '../../contract/imports';

/** Delimiters that spreadsheets write, the usual one first. */
const DELIMITERS = [',', ';', '\t'];

const CONTAINS_USER_ID = /U[0-9a-f]{32}/;

/** Where rows go; called in the order of the file. */
export interface ImportRowSink {
  /** An `ImportRow` as a line of JSON, and how to write its characters as bytes. */
  frozen(row: string, encoding: 'latin1' | 'utf8'): void;
  /** What is wrong with a row. */
  rejected(reports: readonly RejectedRow[]): void;
}

/** What an import reads, and how. */
export interface ImportReaderOptions {
  readonly config: Pick<ImportConfig, 'format' | 'columns' | 'otherColumns'>;
  /** Key of the file; its ending may say what the file is. */
  readonly file: string;
  /** When the file was written, epoch milliseconds. */
  readonly fileAt: number;
  readonly parseCsv: ParseCsv;
}

/** Rows that were read so far. */
export interface ImportCounts {
  readonly rows: number;
  readonly frozen: number;
  readonly ignored: number;
  readonly rejected: number;
}

/** Takes blocks of lines apart into rows, in one of the formats. */
interface BlockReader {
  push(block: LineBlock): void;
  end(): void;
  leftOut(): Iterable<string>;
}

/**
 * Reads a file, piece by piece, into rows. Memory does not grow with the file.
 * Every method throws ImportRefused when the file as a whole cannot be read.
 */
export class ImportReader {
  private readonly blocks = new LineBlocks();
  private readonly report = new RowReport();
  private reader?: BlockReader;
  /** Lines before the first that is not blank, which count: a file may have a billion of them. */
  private blankLines = 0;
  private frozen = 0;
  private ignored = 0;
  private rejected = 0;

  constructor(private readonly options: ImportReaderOptions, private readonly sink: ImportRowSink) {}

  public get counts(): ImportCounts {
    const { frozen, ignored, rejected } = this;
    return { rows: frozen + ignored + rejected, frozen, ignored, rejected };
  }

  /** Columns and members that went nowhere. */
  public get leftOut(): string[] {
    return [...this.reader?.leftOut() ?? []];
  }

  /** @param chunk bytes of the file, unzipped */
  public push(chunk: Uint8Array): void {
    this.read(this.blocks.push(chunk));
  }

  public end(): void {
    this.read(this.blocks.end());
    this.reader?.end();
  }

  private read(blocks: readonly LineBlock[]): void {
    for (const block of blocks) {
      if (!this.reader && block.bytes.every(isBlank)) {
        this.blankLines += block.isTooLong ? 1 : scanLines(block.bytes).lineFeeds;
      } else if (!this.reader) {
        this.reader = this.begin(block);
        this.reader.push(block);
      } else {
        this.reader.push(block);
      }
    }
  }

  private begin(block: LineBlock): BlockReader {
    const firstLine = /\S[^\n]*/.exec(block.bytes.toString('utf8'))![0].trim();
    if (block.isTooLong) {
      throw new ImportRefused(`the first line: ${TOO_LONG_LINE_REASON}`);
    }
    const { config, file } = this.options;
    const format = formatOf(config.format, file, firstLine);
    const onlyIds = config.format === 'USER_IDS';
    if (format !== 'JSON_LINES') {
      return this.csv(firstLine, format === 'USER_IDS', onlyIds);
    }
    if (firstLine === '{' || firstLine[0] === '[') {
      throw new ImportRefused('the file is JSON that goes over several lines; a file of JSON Lines has an object on each line. Write each person on a line, without brackets around and commas between them');
    }
    return this.jsonLines(onlyIds);
  }

  private csv(firstLine: string, isWithoutHeader: boolean, onlyIds: boolean): BlockReader {
    const { config, fileAt, parseCsv } = this.options;
    let leftOut: readonly string[] = [];
    let rows = isWithoutHeader ? new CsvRows(userIdColumns(), fileAt, this.report) : undefined;
    const sink: CsvRecordSink = {
      take: (fields, line, mayEscape) => {
        if (rows) {
          this.count(rows.map(fields, line, mayEscape), 'latin1');
          return;
        }
        const columns = importColumns(fields.map(textOf), config, onlyIds);
        leftOut = columns.leftOut;
        rows = new CsvRows(columns, fileAt, this.report);
      },
      broken: (line, text, reason) => {
        if (!rows) {
          throw new ImportRefused(`line ${line}, the header: ${reason}`);
        }
        this.broken(line, textOf(text), reason);
      },
    };
    const delimiter = isWithoutHeader ? ',' : DELIMITERS.find((candidate) => firstLine.includes(candidate)) ?? ',';
    const records = new CsvRecords(parseCsv, delimiter, sink, (text) => CONTAINS_USER_ID.test(text), this.blankLines + 1);
    return { push: (block) => records.push(block), end: () => records.end(), leftOut: () => leftOut };
  }

  private jsonLines(onlyIds: boolean): BlockReader {
    const { config, fileAt } = this.options;
    const rows = new JsonRows(config, onlyIds, fileAt, this.report);
    let line = this.blankLines + 1;
    const push = ({ bytes, notUtf8, isTooLong }: LineBlock): void => {
      const text = notUtf8 || isTooLong ? bytes.toString('utf8') : utf8Text(bytes);
      if (isTooLong) {
        this.broken(line, text, TOO_LONG_LINE_REASON);
        line += 1;
        return;
      }
      const wrong = new Set(notUtf8);
      for (let start = 0, index = 0; start < text.length; index++, line++) {
        const lineFeed = text.indexOf('\n', start);
        const end = lineFeed < 0 ? text.length : lineFeed;
        const row = text.slice(start, end);
        start = end + 1;
        if (wrong.has(index)) {
          this.broken(line, row, NOT_UTF8_REASON);
        } else if (row.trim() !== '') {
          this.count(rows.map(row, line), 'utf8');
        }
      }
    };
    return { push, end: () => {}, leftOut: () => rows.leftOut };
  }

  private count(outcome: RowOutcome, encoding: 'latin1' | 'utf8'): void {
    switch (outcome) {
      case 'IGNORED':
        this.ignored += 1;
        return;
      case 'REJECTED':
        this.rejected += 1;
        this.sink.rejected(this.report.take());
        return;
      default:
        this.frozen += 1;
        this.sink.frozen(outcome, encoding);
    }
  }

  private broken(line: number, text: string, reason: string): void {
    this.rejected += 1;
    this.sink.rejected([rejectedRow(line, reason, undefined, text)]);
  }
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/** The text of bytes that are UTF-8. */
function utf8Text(bytes: Buffer): string {
  // A byte for each character takes half the memory; else by way of UTF-16, which takes a quarter of the time of the direct way.
  return isAscii(bytes) ? bytes.toString('latin1') : transcode(bytes, 'utf8', 'utf16le').toString('utf16le');
}

/** What a file is: told by the import, else by the file's name, else by its first line. */
function formatOf(format: ImportFormat, file: string, firstLine: string): Exclude<ImportFormat, 'AUTO'> {
  const isUserId = lineUserId(firstLine) !== undefined;
  const isJson = firstLine[0] === '{' || firstLine[0] === '[';
  switch (format) {
    case 'CSV':
    case 'JSON_LINES':
      return format;
    case 'USER_IDS':
      return isJson ? 'JSON_LINES' : isUserId ? 'USER_IDS' : 'CSV';
    case 'AUTO': {
      const name = file.toLowerCase().replace(/\.gz$/, '');
      if (/\.(json|jsonl|ndjson)$/.test(name)) {
        return 'JSON_LINES';
      }
      return isUserId ? 'USER_IDS' : isJson && !name.endsWith('.csv') ? 'JSON_LINES' : 'CSV';
    }
  }
}
