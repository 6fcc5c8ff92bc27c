import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { UnsuitablePython, withPython } from '../../../simulator/stage/python';

/** Programs that pass for Pythons, by the name of a folder on PATH and their own. */
const answering = (version: string) => `echo '{"version": "${version}", "executable": "'"$0"'"}'`;
const GOOD = answering('3.12.4');
const OLD = answering('3.9.18');
const SHIM = 'echo "pyenv: python3: command not found" >&2; exit 127';
const WITHOUT_ENSUREPIP = `${GOOD}; echo "ModuleNotFoundError: No module named 'ensurepip'" >&2; exit 1`;
const NO_PYTHON = 'echo hello';

let root: string;
beforeEach(() => { root = mkdtempSync(path.join(tmpdir(), 'python-test-')); });
afterEach(() => rmSync(root, { recursive: true, force: true }));

function environment(programs: Record<string, string>): Record<string, string> {
  const folders = new Set<string>();
  for (const [name, script] of Object.entries(programs)) {
    const file = path.join(root, name);
    folders.add(path.dirname(file));
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  return { PATH: [...folders].join(path.delimiter) };
}

describe('a Python is found', () => {
  test.each<{ given: string; programs: Record<string, string>; expected: string }>([
    { given: 'python3 is good', programs: { 'a/python3': GOOD, 'a/python3.11': GOOD }, expected: 'a/python3' },
    { given: 'python3 is too old', programs: { 'a/python3': OLD, 'a/python3.14': GOOD }, expected: 'a/python3.14' },
    { given: 'python3 lacks ensurepip', programs: { 'a/python3': WITHOUT_ENSUREPIP, 'a/python3.10': GOOD }, expected: 'a/python3.10' },
    { given: 'a version manager\'s shim that fails comes first', programs: { 'a/python3': SHIM, 'b/python3': GOOD }, expected: 'b/python3' },
    { given: 'something else has its name', programs: { 'a/python3': NO_PYTHON, 'a/python3.13': GOOD }, expected: 'a/python3.13' },
    { given: 'names outrank folders', programs: { 'a/python3.11': GOOD, 'b/python3': GOOD }, expected: 'b/python3' },
  ])('when $given', async ({ programs, expected }) => {
    const python = await withPython(environment(programs), async (found) => found);

    expect(python).toEqual({ version: '3.12.4', executable: path.join(root, expected) });
  });

  test('when the first turns out not to be able to make a virtual environment', async () => {
    const tried: string[] = [];

    await withPython(environment({ 'a/python3': GOOD, 'a/python3.11': GOOD }), async ({ executable }) => {
      tried.push(path.basename(executable));
      if (tried.length === 1) {
        throw new UnsuitablePython('cannot make a virtual environment');
      }
    });

    expect(tried).toEqual(['python3', 'python3.11']);
  });
});

test('fails with what was found, why it will not do, and the fix', async () => {
  const env = environment({ 'a/python3': OLD, 'a/python3.10': SHIM, 'a/python3.11': WITHOUT_ENSUREPIP, 'a/python3.12': NO_PYTHON });

  const failure = withPython(env, async () => 'unreached');

  await expect(failure).rejects.toThrow([
    'no Python 3.10 or later with venv and ensurepip, which the emulator of the local stage needs. Found:',
    `  ${root}/a/python3: is 3.9.18, older than 3.10`,
    `  ${root}/a/python3.10: does not run (pyenv: python3: command not found)`,
    `  ${root}/a/python3.11: has no module ensurepip`,
    `  ${root}/a/python3.12: is no Python (answers "hello")`,
    'Fix: on Debian and Ubuntu `sudo apt install python3-venv`; on macOS `brew install python`; then run this again',
  ].join('\n'));
});

test('fails clearly when there is nothing at all', async () => {
  await expect(withPython({ PATH: '' }, async () => 'unreached')).rejects.toThrow(/nothing by the names python3, python3\.10, .*python3\.14 on PATH/);
});

test('an error of the work itself is no reason to try another Python', async () => {
  const work = jest.fn(async () => { throw new Error('pip install failed'); });

  await expect(withPython(environment({ 'a/python3': GOOD, 'a/python3.11': GOOD }), work)).rejects.toThrow('pip install failed');
  expect(work).toHaveBeenCalledTimes(1);
});
