import { execFileSync } from 'child_process';
import * as fs from 'fs';
import * as os from 'os';
import * as path from 'path';
import { makeExportsLazy } from '../../projenrc/lazy-exports';
import { ROOT, describeBuilt } from '../support/built';

const node = (code: string, ...options: string[]): string =>
  execFileSync(process.execPath, [...options, '-e', code], { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

describe('a compiled index', () => {
  let lib: string;
  beforeEach(() => {
    lib = fs.mkdtempSync(path.join(os.tmpdir(), 'lazy-'));
    fs.writeFileSync(path.join(lib, 'one.js'), 'globalThis.loaded = [...globalThis.loaded ?? [], "one"]; exports.One = class One {};');
    fs.writeFileSync(path.join(lib, 'two.js'), 'globalThis.loaded = [...globalThis.loaded ?? [], "two"]; exports.Two = { a: 1 }; exports.Other = 3;');
    fs.writeFileSync(path.join(lib, 'types.js'), '');
    fs.writeFileSync(path.join(lib, 'index.js'), index('./one', './two', './types'));
  });
  afterEach(() => fs.rmSync(lib, { recursive: true, force: true }));

  const index = (...modules: string[]) => ['"use strict";', ...modules.map((module) => `__exportStar(require("${module}"), exports);`)].join('\n');

  test('loads a module when one of its exports is first used, and once', () => {
    makeExportsLazy(lib);
    expect(node(`const lib = require(${JSON.stringify(lib)}); const before = globalThis.loaded ?? []; lib.Two; lib.Two; lib.Other; console.log(JSON.stringify([before, globalThis.loaded, Object.keys(lib), lib.Two === lib.Two]))`))
      .toBe(JSON.stringify([[], ['two'], ['One', 'Two', 'Other'], true]));
  });

  test('is rewritten once', () => {
    makeExportsLazy(lib);
    const once = fs.readFileSync(path.join(lib, 'index.js'), 'utf8');
    makeExportsLazy(lib);
    expect(fs.readFileSync(path.join(lib, 'index.js'), 'utf8')).toBe(once);
  });

  test('that two modules export one name to is refused', () => {
    fs.writeFileSync(path.join(lib, 'three.js'), 'exports.One = 1;');
    fs.writeFileSync(path.join(lib, 'index.js'), index('./one', './three'));
    expect(() => makeExportsLazy(lib)).toThrow('./three and ./one both export One');
  });

  test('that the compiler wrote in another way is refused', () => {
    fs.writeFileSync(path.join(lib, 'index.js'), `${index('./one')}\nexports.More = 1; __exportStar(require('./two'), exports);`);
    expect(() => makeExportsLazy(lib)).toThrow('compile again, or adapt projenrc/lazy-exports.ts');
  });
});

describeBuilt('the package', ['lib/index.js'], () => {
  test('does not load what campaigns need for a channel', () => {
    const loaded = JSON.parse(node('require("./lib").LineChannel; console.log(JSON.stringify(Object.keys(require.cache)))')) as string[];
    expect(loaded.some((file) => file.endsWith('/lib/line/line-channel.js'))).toBe(true);
    expect(loaded.filter((file) => /\/lib\/campaigns\/|\/aws-stepfunctions\/|\/aws-scheduler\//.test(file))).toEqual([]);
  });

  test('has its classes and enums by name for ES modules', () => {
    expect(node('import { LineChannel, CampaignRunner, LineMessageType } from "./lib/index.js"; console.log(typeof LineChannel, typeof CampaignRunner, LineMessageType.TEXT)', '--input-type=module'))
      .toBe('function function text');
  });
});
