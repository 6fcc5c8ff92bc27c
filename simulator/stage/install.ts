import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { arch, platform } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Log, run } from './child';
import { CLONE, installEnvironment } from './environment';
import { guardPath, isAlive } from './guard';
import { Python, UnsuitablePython, withPython } from './python';

const REQUIREMENTS = path.join(__dirname, 'requirements.txt');

/** Inside the clone, ignored by git: no user's home is read or written. */
export const DEFAULT_CACHE = path.join(CLONE, '.cache', 'stage');

const INSTALL_LIMIT_MS = 10 * 60_000;

/**
 * Makes sure that the emulator is installed, from the hash-locked requirements file, and says where. The first call takes
 * some ten seconds and needs a package index; later ones find the virtual environment in the cache.
 *
 * @param cache folder that holds the virtual environments, one per Python and requirements file
 * @returns the Python of a virtual environment that has the emulator
 * @throws Error when there is no suitable Python, or pip fails
 */
export async function installEmulator(log: Log, cache: string = DEFAULT_CACHE): Promise<string> {
  mkdirSync(cache, { recursive: true });
  return withPython(installEnvironment(cache), async (python) => {
    const key = createHash('sha256')
      .update([readFileSync(REQUIREMENTS, 'utf8'), python.executable, python.version, platform(), arch()].join('\0'))
      .digest('hex').slice(0, 16);
    const venv = path.join(cache, key);
    // Two test workers that start at once: one installs, the other waits and then finds the environment.
    const unlock = await lock(`${venv}.lock`, log);
    try {
      if (!await works(venv, cache)) {
        await install(python, venv, cache, log);
      }
    } finally {
      unlock();
    }
    return interpreter(venv);
  });
}

function interpreter(venv: string): string {
  return path.join(venv, 'bin', 'python');
}

/** False when there is none, or when the Python that it was made with has gone or moved. */
async function works(venv: string, tmp: string): Promise<boolean> {
  if (!existsSync(interpreter(venv))) {
    return false;
  }
  try {
    await run(interpreter(venv), ['-c', 'import ministack'], { name: 'python', env: installEnvironment(tmp), cwd: venv, timeoutMs: 30_000 });
    return true;
  } catch {
    return false;
  }
}

/** Installs beside the final place and renames when all is well, so that a half-made environment is never found. */
async function install(python: Python, venv: string, cache: string, log: Log): Promise<void> {
  sweep(cache);
  const made = `${venv}.${process.pid}.tmp`;
  const release = guardPath(made);
  try {
    const tmp = path.join(made, 'tmp');
    mkdirSync(tmp, { recursive: true });
    const options = { env: installEnvironment(tmp), cwd: made, timeoutMs: INSTALL_LIMIT_MS };
    log(`installing the emulator with Python ${python.version} (once, some ten seconds)`);
    await run(python.executable, ['-m', 'venv', made], { ...options, name: 'python -m venv' }).catch((error: Error) => {
      throw new UnsuitablePython(`cannot make a virtual environment: ${error.message}`);
    });
    // No cache: nothing is left behind outside the clone. `-m pip`, because pip's own script names the temporary place.
    const pip = ['-m', 'pip', '--disable-pip-version-check', '--no-input', '--no-cache-dir'];
    const progress = (line: string) => /^(Collecting|Installing|Successfully)/.test(line) && log(line.replace(/ \(from .*/, ''));
    await run(interpreter(made), [...pip, 'install', '--require-hashes', '--requirement', REQUIREMENTS], { ...options, name: 'pip install', log: progress });
    await run(interpreter(made), [...pip, 'check'], { ...options, name: 'pip check' });
    rmSync(tmp, { recursive: true, force: true });
    rmSync(venv, { recursive: true, force: true });
    renameSync(made, venv);
  } finally {
    rmSync(made, { recursive: true, force: true });
    release();
  }
}

/** Removes what an installation left whose process was lost together with its guardian, as when the machine stopped. */
function sweep(cache: string): void {
  for (const name of readdirSync(cache)) {
    const owner = /\.(\d+)\.tmp$/.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) {
      rmSync(path.join(cache, name), { recursive: true, force: true });
    }
  }
}

/** Takes a lock file that names its process; one whose process has gone counts for nothing. @returns what gives it back */
async function lock(file: string, log: Log): Promise<() => void> {
  for (let waits = 0; ; waits++) {
    try {
      const descriptor = openSync(file, 'wx');
      const release = guardPath(file);
      writeSync(descriptor, String(process.pid));
      closeSync(descriptor);
      return () => {
        rmSync(file, { force: true });
        release();
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw error;
      }
    }
    const owner = ownerOf(file);
    // An empty file is a lock in the making; one that stays so has lost its maker.
    if (owner !== undefined && (owner === '' ? waits >= 50 && waits % 50 === 0 : !isAlive(Number(owner)))) {
      rmSync(file, { force: true });
    } else if (waits === 0) {
      log('waiting for another process that installs the emulator');
    }
    await sleep(100);
  }
}

function ownerOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
