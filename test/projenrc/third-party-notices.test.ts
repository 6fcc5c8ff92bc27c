import * as fs from 'fs';
import * as os from 'os';
import * as path from 'path';
import { writeThirdPartyNotices } from '../../projenrc/third-party-notices';

let root: string;

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'notices-'));
});

afterEach(() => fs.rmSync(root, { recursive: true }));

function write(file: string, content: string | object): void {
  const target = path.join(root, file);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, typeof content === 'string' ? content : JSON.stringify(content));
}

function bundle(folder: string, inputs: Record<string, number>): void {
  write(`assets/${folder}/index.js`, '//');
  write(`assets/${folder}/index.meta.json`, {
    outputs: {
      'index.js': { inputs: Object.fromEntries(Object.entries(inputs).map(([file, bytesInOutput]) => [file, { bytesInOutput }])) },
    },
  });
}

function pkg(folder: string, license: unknown, files: Record<string, string> = { LICENSE: 'Licence text' }): void {
  const name = folder.replace(/^.*node_modules\//, '');
  write(`${folder}/package.json`, { name, version: '1.2.3', license });
  Object.entries(files).forEach(([file, text]) => write(`${folder}/${file}`, text));
}

const noticesFile = () => fs.readFileSync(path.join(root, 'assets/THIRD-PARTY-NOTICES.txt'), 'utf8');

test('names each bundled package once with version, licence and texts, and nothing that was shaken off', () => {
  // GIVEN
  pkg('node_modules/@scope/beta', 'MIT', { 'LICENSE.md': 'MIT text\r\nof beta  ', 'NOTICE': 'Notice of beta', 'index.js': 'code' });
  pkg('node_modules/alpha', '0BSD');
  pkg('node_modules/@scope/beta/node_modules/gamma', 'ISC');
  pkg('node_modules/shaken', 'MIT');
  bundle('line/a.lambda', { 'src/line/a.lambda.ts': 10, 'node_modules/@scope/beta/dist/x.js': 5, 'node_modules/shaken/x.js': 0 });
  bundle('line/b.lambda', { 'node_modules/@scope/beta/dist/y.js': 5, 'node_modules/@scope/beta/node_modules/gamma/x.js': 1, 'node_modules/alpha/x.js': 1 });
  // WHEN
  writeThirdPartyNotices(root);
  // THEN
  const sections = noticesFile().split(/\n\n-{100}\n\n/);
  expect(sections.slice(1)).toEqual([
    '@scope/beta 1.2.3 (MIT)\n\nMIT text\nof beta\n\nNotice of beta',
    'alpha 1.2.3 (0BSD)\ngamma 1.2.3 (ISC)\n\nLicence text\n',
  ]);
  expect(noticesFile()).not.toContain(root);
});

test('deletes the metafiles and leaves the bundles', () => {
  pkg('node_modules/alpha', 'MIT');
  bundle('line/a.lambda', { 'node_modules/alpha/x.js': 1 });
  writeThirdPartyNotices(root);
  expect(fs.readdirSync(path.join(root, 'assets/line/a.lambda'))).toEqual(['index.js']);
});

test('is the same whatever the order of bundles and inputs', () => {
  pkg('node_modules/alpha', 'MIT', { LICENSE: 'A' });
  pkg('node_modules/beta', 'MIT', { LICENSE: 'B' });
  bundle('a', { 'node_modules/alpha/x.js': 1 });
  bundle('b', { 'node_modules/beta/x.js': 1 });
  writeThirdPartyNotices(root);
  const first = noticesFile();
  bundle('a', { 'node_modules/beta/x.js': 1, 'node_modules/alpha/x.js': 1 });
  bundle('b', {});
  writeThirdPartyNotices(root);
  expect(noticesFile()).toBe(first);
});

test.each([
  ['GPL-3.0', '"GPL-3.0"'],
  ['UNLICENSED', '"UNLICENSED"'],
  [undefined, 'undefined'],
  ['(MIT OR GPL-3.0)', '"(MIT OR GPL-3.0)"'],
])('fails when a bundled package is under %s', (license, shown) => {
  pkg('node_modules/alpha', license);
  bundle('a', { 'node_modules/alpha/x.js': 1 });
  expect(() => writeThirdPartyNotices(root)).toThrow(`alpha 1.2.3 is bundled, but its licence is ${shown}`);
});

test('fails when a bundled package has no licence text', () => {
  pkg('node_modules/alpha', 'MIT', { 'README.md': 'alpha' });
  bundle('a', { 'node_modules/alpha/x.js': 1 });
  expect(() => writeThirdPartyNotices(root)).toThrow('alpha 1.2.3 (MIT) is bundled, but has no licence file');
});

test('fails when a bundle has no metafile, so that no notice is forgotten', () => {
  bundle('a', {});
  bundle('b', {});
  fs.rmSync(path.join(root, 'assets/b/index.meta.json'));
  expect(() => writeThirdPartyNotices(root)).toThrow('assets/b');
});

test('fails when there is no bundle', () => {
  fs.mkdirSync(path.join(root, 'assets'));
  expect(() => writeThirdPartyNotices(root)).toThrow('holds no bundle');
});
