import * as fs from 'fs';
import * as path from 'path';
import { CampaignStandIn, JOURNAL_TABLE, RUNS_TABLE } from './campaign-stand-in';
import { Figure } from './figures';
import { HandlerProcess } from './handler-process';
import { sendingEnvironment } from './sending';
import { bundleOf, ourEnvironment } from './side-by-side';
import { CampaignConfig, FreezePlan, FrozenChunk, LookAnswer, PackAnswer, PlanAnswer, ReadPart, SourceConfig, runKey } from '../../src/contract/campaigns';
import { ChunkSendEvent, ChunkSendResult } from '../../src/contract/chunk-send';
import {
  ENV_CAMPAIGN_BUCKET, ENV_CAMPAIGN_CHANNEL_FUNCTION, ENV_CAMPAIGN_CONFIG, ENV_CAMPAIGN_STATE_MACHINE, ENV_EVENT_BUS, ENV_JOURNAL_TABLE,
  ENV_NOTIFICATION_TOPIC_ARN, ENV_RUNS_TABLE, ENV_SCHEDULE_GROUP, ENV_SCHEDULE_ROLE_ARN, ENV_SOURCE_NEEDS, ENV_SUBSCRIBER_TABLE,
} from '../../src/contract/environment';
import { MULTICAST_MAX_RECIPIENTS } from '../../src/contract/limits';
import { CostLine, campaignCost, totalUsd } from '../../src/domain/campaigns/campaign-cost';
import { ROOT } from '../support/built';

/** Rows of the table, of which every fiftieth person has opted out: so many others are left. */
const SIZES = [{ rows: 10_204, people: 10_000 }, { rows: 1_020_408, people: 1_000_000 }];

const SOURCES: { readonly [name: string]: SourceConfig } = { everybody: { kind: 'subscribers' } };
const TREATMENTS = 1;

/** Nobody reads a million rows within the limit of a message. */
const LIMIT_MS = 15 * 60_000;

/** Megabytes of a function's memory, as the constructs set it: `CampaignRunner`, else the default of every function. */
const MEMORY_MB: Record<string, number> = { read: 1_024, pack: 1_024 };
const DEFAULT_MEMORY_MB = 512;

/** Megabytes with which a function has a whole processor. Source: AWS Lambda, "Configure Lambda function memory". */
const WHOLE_PROCESSOR_MB = 1_769;

/** Bytes that Lambda itself logs of an invocation, about: its beginning and its report, as JSON. */
const PLATFORM_LOG_BYTES = 1_000;

/** Bytes that are billed of a log line besides itself. Source: Amazon CloudWatch Logs API reference, "PutLogEvents". */
const LOG_LINE_BYTES = 26;

/** What `drive-steps.js` tells. */
interface StepReport {
  readonly answers: readonly unknown[];
  /** Bytes of the resident set at its highest since the process began. */
  readonly highest: number;
  /** From the first event to the last answer. */
  readonly milliseconds: number;
  /** Milliseconds of a processor until the first event, and from then on. */
  readonly loadingCpu: number;
  readonly cpu: number;
  readonly logged: { readonly lines: number; readonly bytes: number };
}

/**
 * A campaign of one equal message to everybody, run by the bundles that ship against stand-ins, step by step as the state machine goes:
 * to ten thousand people and to a million. What it takes of memory, what calls it makes, and what AWS would ask for it.
 *
 * @throws when somebody is missing, or got a message twice
 */
export async function benchCampaigns(folder: string, log: (line: string) => void, sizes = SIZES): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const size of sizes) {
    const place = path.join(folder, `campaign-${size.people}`);
    const standIn = await CampaignStandIn.start(place, size.rows);
    try {
      const campaign = new Campaign(place, standIn, log);
      figures.push(...await campaign.run(size.people));
    } finally {
      standIn.stop();
      fs.rmSync(place, { recursive: true, force: true });
    }
  }
  const [large] = sizes.slice(-1);
  // What calls are made of a small one says nothing.
  return figures.filter(({ name }) => name.startsWith('memory') || name.includes(large.people.toLocaleString('en')));
}

class Campaign {
  private gbSeconds = 0;
  private invocations = 0;
  private transitions = 0;
  private logBytes = 0;
  private files = 0;
  private runId = '';

  public constructor(private readonly folder: string, private readonly standIn: CampaignStandIn, private readonly log: (line: string) => void) {}

  public async run(people: number): Promise<Figure[]> {
    const { standIn } = this;
    const start = { campaign: 'bench', source: 'everybody', message: { data: 'Hello' }, clientToken: `bench-${people}` };
    const { answers: [run] } = await this.step('control', [start]);
    this.runId = (run as { readonly runId: string }).runId;
    if (this.runId === undefined) {
      throw new Error(`the campaign was not started: ${JSON.stringify(run)}`);
    }
    const freezing = await this.freeze(people);
    const memory: Figure = {
      name: `memory to freeze ${people.toLocaleString('en')} recipients`,
      unit: 'MB',
      target: 256,
      measured: freezing.highest / 1024 / 1024,
      detail: `highest resident set of the reading and of the packing process, ${freezing.parts} parts and ${freezing.partitions} partitions, rows of some 500 bytes`,
    };
    const sent = await this.send();
    await this.publishOutcomes();
    const counts = standIn.run(this.runId)?.counts?.M;
    if (standIn.reached !== people || counts?.accepted?.N !== String(people)) {
      throw new Error(`LINE took a message for ${standIn.reached} of ${people} people, and the run says ${JSON.stringify(counts)}`);
    }
    const estimate = campaignCost({ recipients: people, chunks: sent.chunks, batches: standIn.lineCalls });
    const bill = this.bill(estimate);
    const [expected, measured] = [totalUsd(estimate), totalUsd(bill)];
    const equal = `${people.toLocaleString('en')} equal messages`;
    return [
      memory,
      {
        name: `LINE calls for ${equal}`,
        unit: 'calls',
        target: Math.ceil(people / MULTICAST_MAX_RECIPIENTS) + TREATMENTS,
        measured: standIn.lineCalls,
        detail: `multicasts that LINE's stand-in took: everybody once; ${sent.chunks} chunks, canary included; Pinpoint's contract makes ${(people / 50).toLocaleString('en')}`,
      },
      {
        name: `send invocations for ${equal}`,
        unit: 'calls',
        target: 250,
        measured: sent.invocations,
        detail: `of the chunk function, in ${sent.waves} waves; Pinpoint's contract makes ${(people / 50).toLocaleString('en')}`,
      },
      {
        name: `Lambda for a thousand of ${equal}`,
        unit: 'GB-s',
        target: estimate.find(({ unit }) => unit === 'GB-seconds')!.quantity / (people / 1_000),
        measured: this.gbSeconds / (people / 1_000),
        detail: `all functions from start to manifest, ${Math.round(this.gbSeconds)} GB-seconds in ${this.invocations.toLocaleString('en')} invocations; the target is what the estimate of a dry run assumes`,
      },
      {
        name: `AWS for ${equal}`,
        unit: 'USD',
        target: 1,
        measured,
        detail: `what the stand-ins counted, at list prices: ${bill.map(({ service, unit, usd }) => `${service} ${unit} ${usd.toFixed(3)}`).join(', ')}`,
      },
      {
        name: `estimate of a dry run ÷ AWS for ${equal}`,
        unit: '×',
        target: 1,
        isAtLeast: true,
        measured: expected / measured,
        detail: `${expected.toFixed(2)} USD, on the safe side`,
      },
    ];
  }

  private async freeze(people: number): Promise<{ readonly highest: number; readonly parts: number; readonly partitions: number }> {
    const execution = { runId: this.runId, generation: 1 };
    const { answers: [planned] } = await this.step('plan', [{ ...execution, execution: 'arn:execution', sources: JSON.stringify(SOURCES) }]);
    const { next } = planned as PlanAnswer;
    if (next !== 'READ') {
      throw new Error(`the run was to be read for ${people} people, and the plan step answered ${JSON.stringify(planned)}`);
    }
    const parts = this.lines<ReadPart>('freeze-1/parts.jsonl');
    const read = await this.step('read', parts);
    // Starting, reading and ending of each item; plan, choice and map.
    this.transitions += 3 * parts.length + 3;
    let highest = read.highest;
    for (let again = true; again;) {
      const pack = await this.step('pack', [execution]);
      this.transitions += 2;
      highest = Math.max(highest, pack.highest);
      ({ again } = pack.answers[0] as PackAnswer);
    }
    const { partitions }: FreezePlan = JSON.parse(fs.readFileSync(this.standIn.file(runKey(this.runId, 'freeze-1/plan.json')), 'utf8'));
    return { highest, parts: parts.length, partitions };
  }

  private async send(): Promise<{ readonly chunks: number; readonly invocations: number; readonly waves: number }> {
    const execution = { runId: this.runId, generation: 1 };
    let invocations = 0;
    let waves = 0;
    for (let looks = 1; ; looks++) {
      const { answers: [looked] } = await this.step('look', [{ ...execution, entered: `look ${looks}` }]);
      this.transitions += 2;
      const { next, pending } = looked as LookAnswer;
      if (next === 'END') {
        this.transitions++;
        return { chunks: this.lines<FrozenChunk>('chunks-1/index.jsonl').length, invocations, waves };
      }
      if (next !== 'SEND') {
        throw new Error(`nobody fails, and yet the look step answered ${JSON.stringify(looked)}`);
      }
      const events: ChunkSendEvent[] = jsonLines(fs.readFileSync(this.standIn.file(pending!.key), 'utf8'));
      const { answers } = await this.step('sendChunk', events);
      const undone = (answers as ChunkSendResult[]).flatMap((answer) => answer.undone);
      if (undone.length > 0) {
        throw new Error(`LINE takes everything, and yet ${undone.length} batches are undone: ${undone[0]}`);
      }
      invocations += events.length;
      waves++;
      // Starting, sending, choice and ending of each item; the map.
      this.transitions += 4 * events.length + 1;
    }
  }

  /** As the journal's stream has it done: at worst with one decided batch at a time. */
  private async publishOutcomes(): Promise<void> {
    const events = this.standIn.batches.map((item, index) => ({
      Records: [{ eventName: 'MODIFY', dynamodb: { NewImage: item, OldImage: { ...item, state: { S: 'IN_FLIGHT' } }, SequenceNumber: String(index) } }],
    }));
    await this.step('handler', events);
  }

  /** Runs a step in a process of its own, and adds to the bill what it takes. */
  private async step(name: string, events: readonly object[]): Promise<StepReport> {
    const { folder, log } = this;
    const file = path.join(folder, `events-${this.files++}.json`);
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(file, JSON.stringify(events));
    const { process: handler, first } = await HandlerProcess.start(
      process.execPath, [path.join(__dirname, 'drive-steps.js'), ...bundleFor(name), file], this.environment(), LIMIT_MS);
    handler.stop();
    const report: StepReport = JSON.parse(first.answer);
    const memory = MEMORY_MB[name] ?? DEFAULT_MEMORY_MB;
    const { milliseconds, cpu, loadingCpu, highest, logged } = report;
    // A function with a share of a processor computes for longer, and waits as long.
    const seconds = ((cpu + loadingCpu) * Math.max(1, WHOLE_PROCESSOR_MB / memory) + Math.max(0, milliseconds - cpu)) / 1_000;
    this.gbSeconds += seconds * memory / 1_024;
    this.invocations += events.length;
    this.logBytes += logged.bytes + logged.lines * LOG_LINE_BYTES + events.length * PLATFORM_LOG_BYTES;
    log(`${name} of ${events.length}: ${(milliseconds / 1_000).toFixed(1)} s, ${((cpu + loadingCpu) / 1_000).toFixed(1)} s of a processor, `
      + `${(seconds * memory / 1_024).toFixed(1)} GB-seconds; ${(highest / 1024 / 1024).toFixed(0)} MB at most; ${logged.lines} log lines, ${(logged.bytes / 1_000).toFixed(0)} KB`);
    return report;
  }

  /** What was counted, in the lines of an estimate. */
  private bill(estimate: readonly CostLine[]): CostLine[] {
    const { readUnits, writeUnits, s3Puts, s3Gets, events } = this.standIn.requests;
    const { gbSeconds, invocations, transitions, logBytes, log } = this;
    const quantities: Record<string, number> = {
      'GB-seconds': gbSeconds,
      'requests': invocations,
      'state transitions': transitions,
      'read request units': readUnits,
      'write request units': writeUnits,
      'PUT requests': s3Puts,
      'GET requests': s3Gets,
      'events': events,
      'megabytes': logBytes / 1_000_000,
    };
    return estimate.map((line) => {
      const quantity = quantities[line.unit];
      if (quantity === undefined) {
        throw new Error(`the estimate has ${line.unit} of ${line.service}, which the benchmark does not count`);
      }
      log(`${line.service}, ${line.unit}: ${quantity.toFixed(1)}, estimated ${line.quantity.toFixed(1)}`);
      return { ...line, quantity, usd: (quantity * line.usdPerMillion) / 1_000_000 };
    });
  }

  private environment(): Record<string, string> {
    const { folder, standIn: { url } } = this;
    const config: CampaignConfig = { runner: 'Bench', takesChunks: true, maxEndpoints: 50, pauseAtRefusedPercent: 10, canary: 'AUTO', retentionDays: 90 };
    const arn = (service: string, resource: string) => `arn:aws:${service}:us-east-1:123456789012:${resource}`;
    return {
      ...ourEnvironment(folder, { awsUrl: url, lineUrl: url }),
      ...sendingEnvironment({ awsUrl: url }),
      [ENV_CAMPAIGN_CONFIG]: JSON.stringify(config),
      [ENV_CAMPAIGN_BUCKET]: 'campaign-bucket',
      [ENV_RUNS_TABLE]: RUNS_TABLE,
      [ENV_JOURNAL_TABLE]: JOURNAL_TABLE,
      [ENV_SUBSCRIBER_TABLE]: 'subscribers',
      [ENV_SOURCE_NEEDS]: JSON.stringify({ everybody: [] }),
      [ENV_CAMPAIGN_STATE_MACHINE]: arn('states', 'stateMachine:bench'),
      [ENV_SCHEDULE_GROUP]: 'bench',
      [ENV_SCHEDULE_ROLE_ARN]: 'arn:aws:iam::123456789012:role/bench',
      [ENV_NOTIFICATION_TOPIC_ARN]: arn('sns', 'bench'),
      [ENV_EVENT_BUS]: 'bench',
      [ENV_CAMPAIGN_CHANNEL_FUNCTION]: 'send',
    };
  }

  private lines<T>(name: string): T[] {
    return jsonLines(fs.readFileSync(this.standIn.file(runKey(this.runId, name)), 'utf8'));
  }
}

/** Bundle and export of a step. */
function bundleFor(step: string): [bundle: string, name: string] {
  switch (step) {
    case 'sendChunk': return bundleOf('sender#sendChunk');
    case 'handler': return bundleOf('publish-outcomes');
    default: return [path.join(ROOT, 'assets/campaigns/handlers/run-campaigns.lambda/index.js'), step];
  }
}

function jsonLines<T>(text: string): T[] {
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
}
