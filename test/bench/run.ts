import * as fs from 'fs';
import * as os from 'os';
import * as path from 'path';
import { benchCampaigns } from './campaigns';
import { Figure, isMet, table } from './figures';
import { benchImports } from './imports';
import { benchMemory } from './memory';
import { benchMessageRules } from './message-rules';
import { benchPace } from './pace';
import { benchReceiver } from './receiver';
import { benchSender } from './sender';
import { benchSizes } from './sizes';
import { benchSynth } from './synth';
import { ROOT } from '../support/built';

/**
 * `npm run bench`: measures what docs/benchmarks.md lists, prints it as a table, and fails if a target is missed.
 * `npm run bench -- receiver` measures the named parts only.
 */

const PARTS: Record<string, (folder: string, log: (line: string) => void) => Figure[] | Promise<Figure[]>> = {
  receiver: benchReceiver,
  sender: benchSender,
  pace: benchPace,
  memory: benchMemory,
  rules: benchMessageRules,
  imports: benchImports,
  campaigns: benchCampaigns,
  sizes: benchSizes,
  synth: benchSynth,
};

async function main(names: string[]): Promise<boolean> {
  const unknown = names.filter((name) => !PARTS[name]);
  if (unknown.length > 0) {
    throw new Error(`no benchmark is called ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`);
  }
  if (!fs.existsSync(path.join(ROOT, 'lib/index.js'))) {
    throw new Error('lib/ is missing: run `npx projen compile` first');
  }
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-'));
  try {
    const figures: Figure[] = [];
    for (const name of names.length > 0 ? names : Object.keys(PARTS)) {
      figures.push(...await PARTS[name](folder, (line) => console.log(`[${name}] ${line}`)));
    }
    console.log(`\nNode.js ${process.version}, ${os.platform()} ${os.arch()}, ${os.cpus().length} cores\n\n${table(figures)}\n`);
    const missed = figures.filter((figure) => !isMet(figure));
    console.log(missed.length === 0 ? `all ${figures.length} targets met` : `missed: ${missed.map(({ name }) => name).join(', ')}`);
    return missed.length === 0;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

main(process.argv.slice(2)).then(
  (met) => { process.exitCode = met ? 0 : 1; },
  (error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);
