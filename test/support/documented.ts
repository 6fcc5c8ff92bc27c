import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A page of the documentation, for tests that run what is on it. */
export interface DocumentedPage {
  readonly page: string;
  /** Texts of fenced blocks by what stands behind the fence's language: ```` ```json person ````. */
  readonly blocks: ReadonlyMap<string, string>;
  /** JSON of such a block. */
  readonly block: (name: string) => unknown;
  /** Rows of the table whose header begins so, cells as they are. A page without such a table fails. */
  readonly table: (...header: string[]) => string[][];
  /** The code spans of a cell. */
  readonly codes: (cell: string) => string[];
  /** The first of them; `''` where there is none. */
  readonly code: (cell: string) => string;
}

/** @param file relative to the repository's root */
export function documented(file: string): DocumentedPage {
  const page = readFileSync(join(__dirname, '../..', file), 'utf8');
  const blocks = new Map([...page.matchAll(/^```\w+ (\S+)\n([^]*?)^```$/gm)].map(([, name, text]) => [name, text]));
  const codes = (cell: string) => [...cell.matchAll(/(`+)(.+?)\1(?!`)/g)].map(([, , code]) => code);
  return {
    page,
    blocks,
    codes,
    code: (cell) => codes(cell)[0] ?? '',
    block: (name) => {
      const text = blocks.get(name);
      if (text === undefined) {
        throw new Error(`${file} has no block called ${name}`);
      }
      return JSON.parse(text);
    },
    table: (...header) => {
      // A table may be part of a list.
      const lines = page.split('\n').map((line) => line.trim());
      const start = lines.findIndex((line) => line.startsWith(`| ${header.join(' | ')}`));
      const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
      if (start < 0 || end <= start + 2) {
        throw new Error(`${file} has no table that begins with ${header.join(', ')}`);
      }
      return lines.slice(start + 2, end).map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim().replaceAll('\\|', '|')));
    },
  };
}
