import { execFileSync } from 'child_process';
import * as fs from 'fs';
import * as os from 'os';
import * as path from 'path';
import { describeBuilt, filesBelow, ROOT } from './support/built';

/**
 * What a user of the npm package gets, and that it is enough: the package is packed as for the registry, unpacked in a
 * temporary folder, and used there.
 */

const TARBALL_MAX_BYTES = 1_500_000;
const RECEIVER_MAX_BYTES = 350_000;
const HANDLER_MAX_BYTES = 700_000;
const RECEIVER = 'assets/line/handlers/receive-webhook.lambda/index.js';

/** Everything that may be in the package. */
const ALLOWED = [
  /^(package\.json|README\.md|API\.md|LICENSE|\.jsii)$/,
  /^lib\/(?!(domain|runtime)\/)(?!.*\.lambda\.).+\.(js|d\.ts)$/,
  /^assets\/[\w/-]+\.lambda\/index\.js$/,
  /^assets\/THIRD-PARTY-NOTICES\.txt$/,
];

/** Sources that jsii compiles: constructs and contract. */
const COMPILED = filesBelow(path.join(ROOT, 'src')).filter((file) => /(?<!\.d)\.ts$/.test(file) && !/^(domain|runtime)\/|\.lambda\.ts$/.test(file));

/** Sources that are bundled. */
const ENTRIES = filesBelow(path.join(ROOT, 'src')).filter((file) => /\.lambda\.ts$/.test(file));

describeBuilt('the npm package', ['.jsii', 'lib/index.js', 'assets/THIRD-PARTY-NOTICES.txt'], () => {
  let folder: string;
  let tarball: string;
  let unpacked: string;
  let files: string[];

  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'package-'));
    // Scripts are left out: `prepare` and its like may not be what makes the package complete.
    execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT, stdio: 'pipe' });
    tarball = path.join(folder, fs.readdirSync(folder).find((file) => file.endsWith('.tgz'))!);
    unpacked = path.join(folder, 'consumer', 'node_modules', 'cdk-line-pinpoint');
    fs.mkdirSync(unpacked, { recursive: true });
    execFileSync('tar', ['-xzf', tarball, '-C', unpacked, '--strip-components=1']);
    files = filesBelow(unpacked);
  }, 120_000);

  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  test('holds nothing but the compiled library, bundles, notices and documents', () => {
    expect(files.filter((file) => !ALLOWED.some((pattern) => pattern.test(file)))).toEqual([]);
  });

  test.each([
    ['.jsii'], ['README.md'], ['LICENSE'], ['package.json'], ['lib/index.js'], ['lib/index.d.ts'], ['assets/THIRD-PARTY-NOTICES.txt'],
  ])('holds %s', (file) => {
    expect(files).toContain(file);
  });

  test('holds code and types of every construct and of the contract, and of nothing that no longer exists', () => {
    const modules = COMPILED.map((file) => file.replace(/\.ts$/, ''));
    expect(files.filter((file) => file.startsWith('lib/')))
      .toEqual(modules.flatMap((module) => [`lib/${module}.d.ts`, `lib/${module}.js`]).sort());
  });

  test('holds one bundle for every handler', () => {
    expect(files.filter((file) => file.endsWith('/index.js') && file.startsWith('assets/')))
      .toEqual(ENTRIES.map((file) => `assets/${file.replace(/\.ts$/, '')}/index.js`));
  });

  test('is small', () => {
    expect(fs.statSync(tarball).size).toBeLessThanOrEqual(TARBALL_MAX_BYTES);
    const tooLarge = files
      .filter((file) => file.startsWith('assets/') && file.endsWith('.js'))
      .map((file) => ({ file, bytes: fs.statSync(path.join(unpacked, file)).size }))
      .filter(({ file, bytes }) => bytes > (file === RECEIVER ? RECEIVER_MAX_BYTES : HANDLER_MAX_BYTES));
    expect(tooLarge).toEqual([]);
  });

  test('names no folder of the machine that built it', () => {
    const naming = files
      .filter((file) => file.startsWith('assets/') || file.endsWith('.d.ts'))
      .filter((file) => {
        const text = fs.readFileSync(path.join(unpacked, file), 'utf8');
        return text.includes(ROOT) || /\/home\/\w|\/Users\/\w|\/root\/|file:\/\/\/\w|\b[A-Z]:\\\\Users/.test(text);
      });
    expect(naming).toEqual([]);
  });

  test('brings no dependency of its own: consumers need aws-cdk-lib and constructs only', () => {
    const manifest = JSON.parse(fs.readFileSync(path.join(unpacked, 'package.json'), 'utf8'));
    expect(manifest.dependencies ?? {}).toEqual({});
    expect(Object.keys(manifest.peerDependencies).sort()).toEqual(['aws-cdk-lib', 'constructs']);
    for (const hook of ['preinstall', 'install', 'postinstall']) {
      expect(manifest.scripts).not.toHaveProperty(hook);
    }
  });

  const CHANNEL = "const { LineChannel, RecipientSource } = library; const channel = new LineChannel(stack, 'Line');";
  test.each([
    ['LineChannel', "new library.LineChannel(stack, 'Line');"],
    ['LinePinpointChannel', "new library.LinePinpointChannel(stack, 'Line');"],
    ['CampaignRunner', `${CHANNEL} new library.CampaignRunner(stack, 'Campaigns', { channel, sources: { everybody: RecipientSource.allSubscribers() } });`],
    ['S3SubscriberImport', `${CHANNEL} new library.S3SubscriberImport(stack, 'Import', { subscribers: channel.subscribers });`],
    ['FollowerSync', `${CHANNEL} new library.FollowerSync(stack, 'Followers', { channel });`],
  ])('%s synthesizes in a project that has no bundler, no Docker and no development tools', (construct, build) => {
    // GIVEN a project with the package and its two peers, in which nothing can start a program or load a bundler
    const consumer = path.join(folder, 'consumer');
    for (const peer of ['aws-cdk-lib', 'constructs']) {
      fs.rmSync(path.join(consumer, 'node_modules', peer), { force: true });
      fs.symlinkSync(path.join(ROOT, 'node_modules', peer), path.join(consumer, 'node_modules', peer), 'junction');
    }
    fs.writeFileSync(path.join(consumer, 'alone.js'), `
      const children = require('child_process');
      for (const name of Object.keys(children)) {
        if (typeof children[name] === 'function') children[name] = () => { throw new Error('synth started a program with ' + name); };
      }
      const Module = require('module');
      const load = Module._load;
      Module._load = (name, ...rest) => {
        if (/^(esbuild|typescript|ts-node|@aws-sdk|@line)(\\/|$)/.test(name)) throw new Error('synth loaded ' + name);
        return load(name, ...rest);
      };
    `);
    fs.writeFileSync(path.join(consumer, 'app.js'), `
      const { App, Stack } = require('aws-cdk-lib');
      const library = require('cdk-line-pinpoint');
      const app = new App({ outdir: process.argv[2] });
      const stack = new Stack(app, 'Stack');
      ${build}
      app.synth();
    `);
    const out = path.join(folder, `cdk.out-${construct}`);
    // WHEN
    execFileSync(process.execPath, ['--require', './alone.js', 'app.js', out], { cwd: consumer, env: { PATH: '' }, stdio: 'pipe' });
    // THEN
    const { files: assets } = JSON.parse(fs.readFileSync(path.join(out, 'Stack.assets.json'), 'utf8'));
    const bundles = Object.values<any>(assets)
      .filter(({ source }) => source.packaging === 'zip')
      .map(({ source }) => fs.readFileSync(path.join(out, source.path, 'index.js')));
    expect(bundles).toContainEqual(fs.readFileSync(path.join(unpacked, RECEIVER)));
  }, 120_000);
});
