import * as fs from 'fs';
import { createRequire } from 'module';
import * as path from 'path';

/**
 * Has the compiled package load a construct's module when it is first used, as aws-cdk-lib does: an app that uses one construct does
 * not wait for the CDK modules of all others.
 *
 * Run after compiling: `ts-node --project projenrc/tsconfig.json projenrc/lazy-exports.ts`. It rewrites `lib/index.js`.
 */

/** A line of the compiled index: every export of a module. */
const EXPORT_STAR = /^__exportStar\(require\("(\.\/[\w/-]+)"\), exports\);$/;

/**
 * Rewrites the index of a compiled package.
 *
 * @param lib folder of the compiled package
 * @throws when the index holds something else than exports of modules, or two modules export one name
 */
export function makeExportsLazy(lib: string): void {
  const index = path.join(lib, 'index.js');
  const text = fs.readFileSync(index, 'utf8');
  if (text.startsWith(HEAD)) {
    return;
  }
  const modules = text.split('\n').flatMap((line) => {
    const [, module] = EXPORT_STAR.exec(line) ?? [];
    return module === undefined ? [] : [module];
  });
  if (modules.length === 0 || modules.length !== text.split('__exportStar(require(').length - 1) {
    throw new Error(`${index} does not consist of lines such as __exportStar(require("./module"), exports): compile again, or adapt projenrc/lazy-exports.ts to what the compiler writes now`);
  }
  const load = createRequire(path.resolve(index));
  const names = new Map<string, string>();
  for (const module of modules) {
    // Interfaces leave nothing to export.
    for (const name of Object.keys(load(module))) {
      if (names.has(name)) {
        throw new Error(`${module} and ${names.get(name)} both export ${name}`);
      }
      names.set(name, module);
    }
  }
  fs.writeFileSync(index, [
    HEAD,
    '// Read by those who find out the names of exports without running the file, as Node.js does for `import { … }`.',
    ...[...names.keys()].map((name) => `exports.${name} = void 0;`),
    'function lazily(name, load) {',
    '  Object.defineProperty(exports, name, { enumerable: true, configurable: true, get() {',
    '    const value = load()[name];',
    '    Object.defineProperty(exports, name, { enumerable: true, configurable: true, value });',
    '    return value;',
    '  } });',
    '}',
    ...[...names].map(([name, module]) => `lazily("${name}", () => require("${module}"));`),
    '',
  ].join('\n'));
}

const HEAD = '"use strict";\n// Modules are loaded when they are first used; written by projenrc/lazy-exports.ts.\nObject.defineProperty(exports, "__esModule", { value: true });';

if (require.main === module) {
  makeExportsLazy(path.join(__dirname, '..', 'lib'));
}
