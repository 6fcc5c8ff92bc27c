import * as fs from 'fs';
import * as path from 'path';
import { run } from '../../simulator/stage/child';
import { ROOT } from '../support/built';

/** The fastest of the parsers of CSV that are still looked after (docs/benchmarks.md). */
const PARSER = 'udsv';
const VERSION = '0.7.3';

const INSTALL_LIMIT_MS = 2 * 60_000;

/**
 * Installs the parser that the import's is compared with in `.cache/`, once per version.
 *
 * @returns the folder of the package
 * @throws when npm fails
 */
export async function installParser(log: (line: string) => void): Promise<string> {
  const place = path.join(ROOT, '.cache', 'bench', `${PARSER}-${VERSION}`);
  const installed = path.join(place, 'node_modules', PARSER);
  const complete = path.join(place, 'complete');
  if (!fs.existsSync(complete)) {
    log(`installing ${PARSER} ${VERSION} (once)`);
    fs.rmSync(place, { recursive: true, force: true });
    fs.mkdirSync(place, { recursive: true });
    await run('npm', ['install', '--prefix', place, '--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund', `${PARSER}@${VERSION}`], {
      // The user's settings of npm are in files and in variables.
      env: process.env as Record<string, string>,
      cwd: place,
      timeoutMs: INSTALL_LIMIT_MS,
      name: `npm install ${PARSER}`,
    });
    fs.writeFileSync(complete, '');
  }
  return installed;
}
