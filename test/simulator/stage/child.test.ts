import { tmpdir } from 'node:os';
import { killGroup, run, RunOptions } from '../../../simulator/stage/child';
import { guarded } from '../../../simulator/stage/guard';

const OPTIONS: RunOptions = { name: 'the program', env: { PATH: '/usr/bin:/bin' }, cwd: tmpdir(), timeoutMs: 10_000 };
const sh = (script: string, options: Partial<RunOptions> = {}) => run('/bin/sh', ['-c', script], { ...OPTIONS, ...options });

test('returns standard output and tells of every line as it comes', async () => {
  const lines: string[] = [];

  expect(await sh('echo one; echo two >&2; printf three', { log: (line) => lines.push(line) })).toBe('one\nthree');
  expect(lines.sort()).toEqual(['one', 'three', 'two']);
});

test('gives the program exactly the environment that it is told to', async () => {
  expect(await run('/usr/bin/env', [], { ...OPTIONS, env: { ONLY: 'this' } })).toBe('ONLY=this\n');
});

test('fails with the last lines of output', async () => {
  await expect(sh('seq 1 100; exit 3')).rejects.toThrow(/^the program failed \(exit code 3\); the last lines of its output:\n {4}81\n[^]*\n {4}100$/);
});

test('fails when there is no such program', async () => {
  await expect(run('/nowhere/program', [], OPTIONS)).rejects.toThrow(/the program could not be started: .*ENOENT/);
});

/** Starts something of its own in the background, says its process group, and waits. */
const WITH_GRANDCHILD = 'sleep 60 & echo $$; sleep 60';

test.each([
  { given: 'it takes too long', options: () => ({ timeoutMs: 300 }), expected: /the program did not end within 0.3 s and was stopped; the last lines/ },
  { given: 'it is aborted', options: () => ({ signal: AbortSignal.timeout(300) }), expected: /timeout/ },
])('kills the program and all that it started when $given', async ({ options, expected }) => {
  let group = 0;

  await expect(sh(WITH_GRANDCHILD, { ...options(), log: (line) => group = Number(line) })).rejects.toThrow(expected);

  expect(group).toBeGreaterThan(1);
  await gone(group);
  expect(guarded().groups).toEqual([]);
});

test('kills what a program leaves behind', async () => {
  let group = 0;

  await sh('sleep 60 & echo $$', { log: (line) => group = Number(line) });

  await gone(group);
});

async function gone(group: number): Promise<void> {
  for (let i = 0; i < 50 && killGroup(group, 0 as never); i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(killGroup(group, 0 as never)).toBe(false);
}
