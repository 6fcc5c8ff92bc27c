import { setTimeout as sleep } from 'node:timers/promises';
import { Log } from './stage/child';

/** What the parts of the demo say, and how they find that something is not as it must be. */

const startedAt = Date.now();

export const print: Log = (line) => process.stdout.write(`${line}\n`);

/** A heading with the time so far. */
export const step: Log = (line) => print(`\n[${String(Math.round((Date.now() - startedAt) / 1000)).padStart(3)} s] ${line}`);

/** Stops the demo when something is not as it must be. */
export function expect(condition: boolean, expectation: string): void {
  if (!condition) {
    throw new Error(`not as expected: ${expectation}`);
  }
}

/** Waits until something is so. */
export async function until(expectation: string, isSo: () => boolean | Promise<boolean>, found: () => string): Promise<void> {
  const limitMs = 120_000;
  for (const deadline = Date.now() + limitMs; !await isSo(); await sleep(200)) {
    expect(Date.now() < deadline, `${expectation} within ${limitMs / 1000} s; what is missing: ${found()}`);
  }
}

/** The value of the output whose name begins so: the end is CDK's. */
export function outputOf(outputs: Record<string, string>, prefix: string): string {
  const name = Object.keys(outputs).find((key) => key.startsWith(prefix));
  expect(name !== undefined, `the stack has an output ${prefix}…; it has ${Object.keys(outputs).join(', ')}`);
  return outputs[name!];
}

export function printTable(rows: readonly string[][]): void {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  rows.forEach((row, i) => {
    print(row.map((cell, column) => cell.padEnd(widths[column])).join('  ').trimEnd());
    if (i === 0) {
      print(widths.map((width) => '─'.repeat(width)).join('  '));
    }
  });
}
