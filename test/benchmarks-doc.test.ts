import { readFileSync } from 'fs';
import { join } from 'path';

const read = (file: string) => readFileSync(join(__dirname, '..', file), 'utf8');

/** What `npm run bench -- <part>` takes. */
const PARTS = [.../const PARTS[^{]*\{([^}]*)\}/.exec(read('test/bench/run.ts'))![1].matchAll(/^ {2}(\w+): bench/gm)].map(([, part]) => part);

test('docs/benchmarks.md names every part of the benchmark, and none besides', () => {
  expect(PARTS.length).toBeGreaterThan(0);
  const [, listed] = /measures two of its parts, ([^.]*)\./.exec(read('docs/benchmarks.md'))!;
  expect([...listed.matchAll(/`(\w+)`/g)].map(([, part]) => part).sort()).toEqual([...PARTS].sort());
});

test('docs/benchmarks.md says of each figure rightly whether its target is met', () => {
  const rows = [...read('docs/benchmarks.md').matchAll(/^\| (.+) \| ([\d.,]+) (\S+) \| ([≤≥]) ([\d.,]+) \3 \| (yes|NO) \| .+ \|$/gm)];
  // None is left out because it is written otherwise.
  expect(rows).toHaveLength([...read('docs/benchmarks.md').matchAll(/ \| (yes|NO) \| /g)].length);
  expect(rows.length).toBeGreaterThan(20);
  const number = (text: string) => Number(text.replaceAll(',', ''));
  // What is rounded to its target may lie on either side of it.
  for (const [, name, measured, , sign, target, met] of rows.filter((row) => row[2] !== row[5])) {
    const isMet = sign === '≤' ? number(measured) <= number(target) : number(measured) >= number(target);
    expect(`${name}: ${isMet ? 'yes' : 'NO'}`).toBe(`${name}: ${met}`);
  }
});
