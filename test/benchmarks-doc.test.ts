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
