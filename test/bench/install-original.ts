import { createHash } from 'crypto';
import * as fs from 'fs';
import * as path from 'path';
import { run } from '../../simulator/stage/child';
import { installEnvironment } from '../../simulator/stage/environment';
import { withPython } from '../../simulator/stage/python';
import { ROOT } from '../support/built';

const REQUIREMENTS = path.join(__dirname, 'original', 'requirements.txt');
const INSTALL_LIMIT_MS = 5 * 60_000;

/**
 * Installs what the baseline imports into a virtual environment in `.cache/`, once per requirements file and Python.
 *
 * @returns the environment's Python
 * @throws when there is no Python >= 3.10 with venv, or pip fails
 */
export async function installOriginal(log: (line: string) => void): Promise<string> {
  const cache = path.join(ROOT, '.cache', 'bench');
  fs.mkdirSync(cache, { recursive: true });
  const env = installEnvironment(cache);
  return withPython(env, async ({ executable, version }) => {
    const key = createHash('sha256').update([fs.readFileSync(REQUIREMENTS, 'utf8'), executable, version].join('\0')).digest('hex').slice(0, 16);
    const venv = path.join(cache, key);
    const python = path.join(venv, 'bin', 'python');
    const complete = path.join(venv, 'complete');
    if (!fs.existsSync(complete)) {
      log(`installing the baseline's packages with Python ${version} (once)`);
      fs.rmSync(venv, { recursive: true, force: true });
      const options = { env, cwd: cache, timeoutMs: INSTALL_LIMIT_MS };
      await run(executable, ['-m', 'venv', venv], { ...options, name: 'python -m venv' });
      await run(python, ['-m', 'pip', 'install', '--quiet', '--no-deps', '--requirement', REQUIREMENTS], { ...options, name: 'pip install' });
      fs.writeFileSync(complete, '');
    }
    return python;
  });
}
