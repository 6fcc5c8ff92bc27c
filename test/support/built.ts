import * as fs from 'fs';
import * as path from 'path';

/** Root of the repository. */
export const ROOT = path.join(__dirname, '..', '..');

/**
 * A `describe` for what only a build makes (`.jsii`, `lib/`, `assets/`).
 *
 * Without the named files, relative to the root, it is skipped and says what to run; in CI, where the build always comes
 * first, it fails.
 */
export function describeBuilt(name: string, files: string[], body: () => void): void {
  const missing = files.filter((file) => !fs.existsSync(path.join(ROOT, file)));
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const reason = `${name}: ${missing.join(', ')} missing; run \`npx projen bundle\` and \`npx projen compile\` first`;
  if (process.env.CI) {
    test(name, () => { throw new Error(reason); });
  } else {
    test.skip(reason, () => undefined);
  }
}

/** Paths, relative to `folder`, of all files below it. */
export function filesBelow(folder: string): string[] {
  return fs.readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .sort();
}
