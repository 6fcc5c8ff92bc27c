import { Parser } from 'papaparse';
import { ParsedRecords } from '../domain/audience/import-csv-records';

interface PapaResult {
  readonly data: string[][];
  readonly errors: readonly { readonly row: number }[];
  readonly meta: { readonly cursor: number };
}

/**
 * Parses a piece of a CSV file with Papa Parse, see `ParseCsv`. Records end with a line feed; a carriage return before it is
 * left at the end of a last field without quotes. Source: RFC 4180; Papa Parse, "Documentation", quotes.
 */
export function parseCsv(text: string, delimiter: string, isLast: boolean): ParsedRecords {
  const { data, errors, meta }: PapaResult = new Parser({ delimiter, newline: '\n' }).parse(text, 0, !isLast);
  const { length } = data;
  if (isLast && text.endsWith('\n') && length > 0 && data[length - 1].length === 1 && data[length - 1][0] === '') {
    // What follows the last line feed is no record.
    data.pop();
  }
  // Errors of a record that is not complete yet are none.
  const wrong = errors.length === 0 ? [] : [...new Set(errors.map(({ row }) => row))].filter((row) => row < data.length);
  return { records: data, wrong, consumed: meta.cursor };
}
