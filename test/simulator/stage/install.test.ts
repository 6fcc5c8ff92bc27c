import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { installEmulator } from '../../../simulator/stage/install';

const REQUIREMENTS = readFileSync(path.join(__dirname, '../../../simulator/stage/requirements.txt'), 'utf8');

let root: string;
let cache: string;
let folders: string[];
const callersPath = process.env.PATH;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'install-test-'));
  cache = path.join(root, 'cache');
  folders = [];
});
afterEach(() => {
  process.env.PATH = callersPath;
  rmSync(root, { recursive: true, force: true });
});

/** A Python whose virtual environments and packages are as good as made; it writes down what it is asked to do. */
function fakePython(name: string, { venv = 'true', pip = 'true' } = {}): void {
  const folder = path.join(root, name);
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'python3'), `#!/bin/sh
case "$1 $2" in
  *ensurepip*) echo '{"version": "3.12.4", "executable": "${folder}/python3"}' ;;
  '-c import ministack') test -e "$(dirname "$0")/../ministack" ;;
  '-m venv') echo '${name} venv' >> ${root}/done; mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; ${venv} ;;
  '-m pip') shift; shift; echo "${name} pip $*" >> ${root}/done; sleep 0.2; touch "$(dirname "$0")/../ministack"; ${pip} ;;
  *) exit 9 ;;
esac
`, { mode: 0o755 });
  folders.push(folder);
  process.env.PATH = [...folders, '/usr/bin', '/bin'].join(path.delimiter);
}

const done = () => readFileSync(path.join(root, 'done'), 'utf8').trim().split('\n');
const installs = () => done().filter((line) => line.includes(' install '));

test('installs with hashes, checks, and leaves nothing but the environment', async () => {
  fakePython('a');

  const python = await installEmulator(() => {}, cache);

  expect(existsSync(python)).toBe(true);
  expect(done()).toEqual([
    'a venv',
    expect.stringMatching(/^a pip .*--no-cache-dir.* install --require-hashes --requirement .*requirements\.txt$/),
    expect.stringMatching(/^a pip .* check$/),
  ]);
  expect(readdirSync(cache)).toEqual([path.basename(path.dirname(path.dirname(python)))]);
});

test('two that start at once install once, and a third finds it', async () => {
  fakePython('a');

  const [one, two] = await Promise.all([installEmulator(() => {}, cache), installEmulator(() => {}, cache)]);
  const three = await installEmulator(() => {}, cache);

  expect([two, three]).toEqual([one, one]);
  expect(installs()).toHaveLength(1);
});

test('an environment that has lost its Python is made anew', async () => {
  fakePython('a');
  const python = await installEmulator(() => {}, cache);
  writeFileSync(python, '#!/bin/sh\nexit 127\n');

  await installEmulator(() => {}, cache);

  expect(installs()).toHaveLength(2);
});

test('a Python that cannot make an environment after all is passed over', async () => {
  fakePython('a', { venv: 'exit 1' });
  fakePython('b');

  await installEmulator(() => {}, cache);

  expect(done()[0]).toBe('a venv');
  expect(installs()).toEqual([expect.stringMatching(/^b /)]);
});

test('fails with pip\'s own words and leaves nothing', async () => {
  fakePython('a', { pip: 'echo "THESE PACKAGES DO NOT MATCH THE HASHES" >&2; exit 1' });

  await expect(installEmulator(() => {}, cache)).rejects.toThrow(/pip install failed \(exit code 1\).*\n.*DO NOT MATCH THE HASHES/);
  expect(readdirSync(cache)).toEqual([]);
});

test('what a lost process left is swept and does not block', async () => {
  fakePython('a');
  const python = await installEmulator(() => {}, cache);
  const venv = path.dirname(path.dirname(python));
  rmSync(venv, { recursive: true });
  writeFileSync(`${venv}.lock`, '2147483646');
  mkdirSync(`${venv}.2147483646.tmp`);

  await installEmulator(() => {}, cache);

  expect(readdirSync(cache)).toEqual([path.basename(venv)]);
});

test('every requirement is pinned and hashed', () => {
  const requirements = REQUIREMENTS.replace(/\\\n/g, '').split('\n').filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'));

  expect(requirements.length).toBeGreaterThan(15);
  for (const requirement of requirements) {
    expect(requirement).toMatch(/^[a-z0-9.-]+==\S+ (; \S.*? )?( *--hash=sha256:[0-9a-f]{64})+$/);
  }
  expect(requirements.some((line) => line.startsWith('ministack==1.5.33 '))).toBe(true);
});
