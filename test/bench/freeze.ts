import * as fs from 'fs';
import * as path from 'path';
import { Figure } from './figures';
import { FreezeStandIn } from './freeze-stand-in';
import { HandlerProcess } from './handler-process';
import { CampaignConfig, CampaignInput, FreezePlan, FrozenChunk, ReadPart, SourceConfig, runKey } from '../../src/contract/campaigns';
import { ChunkLine } from '../../src/contract/chunk-send';
import {
  ENV_CAMPAIGN_BUCKET, ENV_CAMPAIGN_CONFIG, ENV_CHANNEL_KEY, ENV_RUNS_TABLE, ENV_SUBSCRIBER_TABLE,
} from '../../src/contract/environment';
import { toBatches } from '../../src/domain/line/custom-channel-event';
import { ROOT } from '../support/built';

const BUNDLE = path.join(ROOT, 'assets/campaigns/handlers/run-campaigns.lambda/index.js');
const SIZES = [10_000, 1_000_000];
const EXECUTION = { runId: 'run', generation: 1 };
const SOURCES: { readonly [name: string]: SourceConfig } = { everybody: { kind: 'subscribers' } };
const TREATMENTS = [{ name: '0', weight: 1, data: 'Hello' }];

/** Nobody reads a million rows within the limit of a message. */
const LIMIT_MS = 15 * 60_000;

/**
 * Memory that freezing recipients takes, step by step in a process each, for a small and a large table; and what the large one makes
 * of them: chunks, and the calls that they become.
 *
 * @param bundle of the functions of a runner
 * @throws when somebody is missing
 */
export async function benchFreeze(folder: string, log: (line: string) => void, bundle: string = BUNDLE): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const rows of SIZES) {
    const place = path.join(folder, `freeze-${rows}`);
    const standIn = await FreezeStandIn.start(place, rows);
    try {
      figures.push(...await freeze(rows, standIn, { folder: place, log, bundle }));
    } finally {
      standIn.stop();
      fs.rmSync(place, { recursive: true, force: true });
    }
  }
  return figures;
}

interface FreezeOptions {
  readonly folder: string;
  readonly log: (line: string) => void;
  readonly bundle: string;
}

async function freeze(rows: number, standIn: FreezeStandIn, { folder, log, bundle }: FreezeOptions): Promise<Figure[]> {
  const input: Partial<CampaignInput> = {
    kind: 'SEND', campaign: 'bench', source: { name: 'everybody' }, treatments: TREATMENTS, holdoutPercent: 0, canary: 'AUTO',
  };
  standIn.put(runKey('run', 'input.json'), JSON.stringify(input));
  const step = async (name: string, events: readonly object[]): Promise<number> => {
    const file = path.join(folder, `${name}.json`);
    fs.writeFileSync(file, JSON.stringify(events));
    const { process: handler, first } = await HandlerProcess.start(
      process.execPath, [path.join(__dirname, 'drive-freeze.js'), bundle, name, file], environment(standIn.url), LIMIT_MS);
    handler.stop();
    const { highest, milliseconds } = JSON.parse(first.answer);
    log(`${rows} rows, ${name}: ${(highest / 1024 / 1024).toFixed(0)} MB at most, ${(milliseconds / 1_000).toFixed(1)} s`);
    return highest;
  };
  await step('plan', [{ ...EXECUTION, execution: 'arn:bench', sources: JSON.stringify(SOURCES) }]);
  const parts = lines<ReadPart>(standIn, 'freeze-1/parts.jsonl');
  const { partitions }: FreezePlan = JSON.parse(fs.readFileSync(standIn.file(runKey('run', 'freeze-1/plan.json')), 'utf8'));
  const highest = Math.max(await step('read', parts), await step('pack', [EXECUTION]));

  const index = lines<FrozenChunk>(standIn, 'chunks-1/index.jsonl');
  let calls = 0;
  const ids = new Set<string>();
  for (const { name } of index) {
    const people = lines<ChunkLine>(standIn, `chunks-1/${name}.jsonl`);
    people.forEach(({ id }) => ids.add(id));
    calls += toBatches(people.map(({ id, endpoint }) => [id, endpoint]), 'run', name).length;
  }
  // Every fiftieth person has opted out.
  const expected = rows - Math.floor(rows / 50);
  if (ids.size !== expected || index.reduce((sum, { people }) => sum + people, 0) !== expected) {
    throw new Error(`${ids.size} of ${expected} people are in chunks, which say ${index.reduce((sum, { people }) => sum + people, 0)}`);
  }
  const people = rows.toLocaleString('en');
  const memory: Figure = {
    name: `memory to freeze ${people} rows`,
    unit: 'MB',
    target: 256,
    measured: highest / 1024 / 1024,
    detail: `highest resident set of the reading and of the packing process, ${parts.length} parts and ${partitions} partitions, rows of some 500 bytes`,
  };
  if (rows < Math.max(...SIZES)) {
    return [memory];
  }
  return [
    memory,
    {
      name: `requests to LINE for ${expected.toLocaleString('en')} equal messages`,
      unit: 'calls',
      target: Math.ceil(expected / 500) + TREATMENTS.length,
      measured: calls,
      detail: 'multicasts that the packed chunks become, canary included; Pinpoint\'s contract takes one for each 50 people',
    },
    {
      name: `send invocations for ${expected.toLocaleString('en')} equal messages`,
      unit: 'calls',
      target: 250,
      measured: index.length,
      detail: 'chunks, one invocation each; Pinpoint\'s contract takes one for each 50 people',
    },
  ];
}

function lines<T>(standIn: FreezeStandIn, name: string): T[] {
  return fs.readFileSync(standIn.file(runKey('run', name)), 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
}

function environment(url: string): Record<string, string> {
  const config: CampaignConfig = { runner: 'Bench', takesChunks: true, maxEndpoints: 50, pauseAtRefusedPercent: 10, canary: 'AUTO', retentionDays: 90 };
  return {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'id',
    AWS_SECRET_ACCESS_KEY: 'key',
    AWS_ENDPOINT_URL: url,
    [ENV_CAMPAIGN_CONFIG]: JSON.stringify(config),
    [ENV_CAMPAIGN_BUCKET]: 'campaign-bucket',
    [ENV_RUNS_TABLE]: 'runs',
    [ENV_SUBSCRIBER_TABLE]: 'subscribers',
    [ENV_CHANNEL_KEY]: 'line',
  };
}
