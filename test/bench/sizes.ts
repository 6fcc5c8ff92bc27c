import { execFileSync } from 'child_process';
import * as fs from 'fs';
import * as path from 'path';
import { Figure } from './figures';
import { filesBelow, ROOT } from '../support/built';

const RECEIVER = 'line/handlers/receive-webhook.lambda/index.js';

/** Bytes of the bundles and of what npm would publish. */
export function benchSizes(): Figure[] {
  const assets = path.join(ROOT, 'assets');
  const bundles = filesBelow(assets)
    .filter((file) => file.endsWith('/index.js'))
    .map((file) => ({ name: path.basename(path.dirname(file), '.lambda'), isReceiver: file === RECEIVER, bytes: fs.statSync(path.join(assets, file)).size }))
    .sort((a, b) => b.bytes - a.bytes);
  const others = bundles.filter(({ isReceiver }) => !isReceiver);
  const receiver = bundles.find(({ isReceiver }) => isReceiver);
  if (!receiver || others.length === 0) {
    throw new Error(`assets/ lacks the bundles; found ${bundles.map(({ name }) => name).join(', ') || 'none'}: run \`npx projen bundle\``);
  }
  const [{ size }] = JSON.parse(execFileSync('npm', ['pack', '--ignore-scripts', '--dry-run', '--json'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' }));
  return [
    { name: 'bundle of the receiver', unit: 'KB', target: 350, measured: receiver.bytes / 1000, detail: 'minified, tree-shaken' },
    {
      name: 'largest other bundle',
      unit: 'KB',
      target: 700,
      measured: others[0].bytes / 1000,
      detail: others.map(({ name, bytes }) => `${name} ${Math.round(bytes / 1000)}`).join(', '),
    },
    { name: 'npm tarball', unit: 'KB', target: 1500, measured: size / 1000, detail: 'with bundles and sample media' },
  ];
}
