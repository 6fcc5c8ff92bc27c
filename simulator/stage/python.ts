import { accessSync, constants, statSync } from 'node:fs';
import * as path from 'node:path';
import { run } from './child';

/** A Python that can make virtual environments. */
export interface Python {
  /** Its real path, behind version managers' shims. */
  readonly executable: string;
  /** `3.11.7` */
  readonly version: string;
}

/** Names in the order in which they are tried; `python3` is what the user set up. */
const NAMES = ['python3', 'python3.10', 'python3.11', 'python3.12', 'python3.13', 'python3.14'];

/** What `ministack` 1.5.33 asks for (`Requires-Python`). */
const LOWEST: readonly [number, number] = [3, 10];

/** Answers with version and path, and fails where Debian has taken parts of the standard library into other packages. */
const PROBE = 'import sys, json; print(json.dumps({"version": sys.version.split()[0], "executable": sys.executable})); sys.stdout.flush()\n'
  + 'if sys.version_info < (3, 10): sys.exit(0)\n'
  + 'import venv, ensurepip; ensurepip.version()';

/**
 * Tries every Python on `PATH` until one does what is asked of it.
 *
 * @param use what the Python is wanted for, making a virtual environment; a rejection means that this Python cannot
 * @returns what `use` returns
 * @throws Error that lists what was found, why each was not good enough, and the fix
 */
export async function withPython<T>(env: Record<string, string>, use: (python: Python) => Promise<T>): Promise<T> {
  const found: string[] = [];
  for (const command of commands(env.PATH ?? '')) {
    try {
      return await use(await probe(command, env));
    } catch (error) {
      if (!(error instanceof UnsuitablePython)) {
        throw error;
      }
      found.push(`  ${command}: ${error.message}`);
    }
  }
  throw new Error([
    `no Python ${LOWEST.join('.')} or later with venv and ensurepip, which the emulator of the local stage needs. Found:`,
    ...(found.length > 0 ? found : [`  nothing by the names ${NAMES.join(', ')} on PATH`]),
    'Fix: on Debian and Ubuntu `sudo apt install python3-venv`; on macOS `brew install python`; then run this again',
  ].join('\n'));
}

/** A Python that is there and will not do; the message says why. */
export class UnsuitablePython extends Error {
  public readonly name = 'UnsuitablePython';
}

/** Every executable file of these names: a version manager's shim may stand before a Python that works. */
function commands(searchPath: string): string[] {
  const folders = [...new Set(searchPath.split(path.delimiter).filter((folder) => path.isAbsolute(folder)))];
  return NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name))).filter(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

async function probe(command: string, env: Record<string, string>): Promise<Python> {
  let answer = '';
  try {
    await run(command, ['-c', PROBE], { name: command, env, cwd: path.dirname(command), timeoutMs: 20_000, log: (line) => answer += `${line}\n` });
  } catch (error) {
    const missing = /No module named '?(\w+)/.exec(answer)?.[1];
    throw new UnsuitablePython(missing ? `has no module ${missing}` : `does not run (${firstLine(answer) ?? firstLine((error as Error).message)})`);
  }
  const python = parse(answer);
  if (!python) {
    throw new UnsuitablePython(`is no Python (answers ${JSON.stringify(firstLine(answer) ?? '')})`);
  }
  const [major, minor] = python.version.split('.').map(Number);
  if (major < LOWEST[0] || (major === LOWEST[0] && minor < LOWEST[1])) {
    throw new UnsuitablePython(`is ${python.version}, older than ${LOWEST.join('.')}`);
  }
  return python;
}

function parse(answer: string): Python | undefined {
  try {
    const { version, executable } = JSON.parse(answer.split('\n')[0]);
    return typeof version === 'string' && typeof executable === 'string' ? { version, executable } : undefined;
  } catch {
    return undefined;
  }
}

function firstLine(text: string): string | undefined {
  return text.split('\n').find((line) => line.trim() !== '')?.trim();
}
