import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { FakeRunsTable } from './control-world';
import { MemoryBucket, RUN_ID } from './freeze-world';
import { RecordedTelemetry } from './recorded-telemetry';
import {
  CampaignConfig, CampaignInput, CampaignRun, CampaignState, FrozenChunk, FrozenRecipients, LookAnswer, LookInput, ResultManifest, runKey,
} from '../../src/contract/campaigns';
import { ChunkPreview, ChunkSendEvent, ChunkSendResult, RunFlag } from '../../src/contract/chunk-send';
import { SendErrorCode } from '../../src/contract/custom-channel';
import { lookAtRun, RunObjects } from '../../src/domain/campaigns/look-at-run';
import { RunChange } from '../../src/domain/campaigns/runs';
import { DynamoRunsStore } from '../../src/runtime/runs-store';

/** What a chunk comes to when it is sent; the rest of its people is pending. `crash`: its function throws. */
export type Outcome = 'crash' | {
  readonly accepted?: number;
  readonly skipped?: number;
  readonly failed?: number;
  readonly unknown?: number;
  readonly ambiguous?: number;
  readonly stopped?: SendErrorCode;
};

/** A bucket whose objects know when they were written, to the second. */
class LookBucket extends MemoryBucket implements RunObjects {
  private readonly times = new Map<string, number>();

  constructor(private readonly now: () => number) {
    super();
  }

  public async write(key: string, body: string | Uint8Array): Promise<void> {
    this.times.set(key, Math.floor(this.now() / 1_000) * 1_000);
    await super.write(key, body);
  }

  public async firstLine(key: string): Promise<{ readonly line: string; readonly writtenAt: number; readonly version: string } | undefined> {
    const text = this.objects.get(key);
    return text === undefined ? undefined : { line: text.split('\n')[0], writtenAt: this.times.get(key) ?? 0, version: text };
  }

  public async exists(key: string): Promise<boolean> {
    return this.objects.has(key);
  }
}

/** A run whose recipients are frozen, a channel that does what a test says, and the loop of the state machine around them. */
export class LookWorld {
  public now = Date.parse('2026-11-23T03:00:00.500Z');
  public readonly objects = new LookBucket(() => this.now);
  public readonly telemetry = new RecordedTelemetry();
  public readonly table = new FakeRunsTable();
  public readonly runs = new DynamoRunsStore(this.table as unknown as DynamoDBClient, 'Runs');
  public readonly announced: CampaignRun[] = [];
  public readonly previewed: ChunkSendEvent[] = [];
  /** Chunk names of each wave, with the flag that it was sent under. */
  public readonly waves: { readonly names: string[]; readonly flag: RunFlag }[] = [];
  public config: CampaignConfig = { runner: 'Campaigns', takesChunks: true, maxEndpoints: 50, pauseAtRefusedPercent: 10, canary: 'OFF', retentionDays: 90 };
  public input: CampaignInput = {
    kind: 'SEND',
    campaign: 'spring-sale',
    source: { name: 'vip' },
    treatments: [{ name: '0', weight: 1, data: 'Hello' }],
    holdoutPercent: 0,
    canary: 'OFF',
    quietHours: 'CONTINUE',
    pauseAtRefusedPercent: 10,
    clientToken: 'token',
  };

  /** What the channel's journal has of each chunk. */
  private readonly counts = new Map<string, ChunkSendResult['counts']>();
  private entered = 0;

  public preview: (event: ChunkSendEvent) => ChunkPreview = () => ({ people: [{ id: 'e0', messages: [{ type: 'text', text: 'Hello' }] }] });
  /** What a chunk comes to, by the people whom nobody has decided yet. Asked for each chunk that is sent. */
  public outcomeOf: (name: string, pending: number, flag: RunFlag) => Outcome = (_name, pending) => ({ accepted: pending });

  /** Freezes chunks and writes the run down. */
  public async freeze(chunks: readonly FrozenChunk[], change: Partial<CampaignRun> = {}, frozen: Partial<FrozenRecipients> = {}): Promise<void> {
    const people = (some: readonly FrozenChunk[]) => some.reduce((sum, chunk) => sum + chunk.people, 0);
    const names = [...new Set(chunks.map(({ treatment }) => treatment))];
    await this.runs.create({
      pk: `RUN#${RUN_ID}`,
      sk: 'RUN',
      runId: RUN_ID,
      kind: this.input.kind,
      campaign: 'spring-sale',
      source: 'vip',
      state: CampaignState.SENDING,
      inputHash: 'h',
      createdAt: '2026-11-23T02:59:00.000Z',
      updatedAt: '2026-11-23T02:59:00.000Z',
      startedAt: '2026-11-23T02:59:30.000Z',
      generation: 1,
      automaticResumes: 0,
      looks: 0,
      frozen: {
        generation: 1,
        chunks: chunks.length,
        recipients: people(chunks),
        holdout: 0,
        optedOut: 0,
        notSubscribed: 0,
        duplicates: 0,
        treatments: Object.fromEntries(names.map((name) => [name, people(chunks.filter(({ treatment }) => treatment === name))])),
        ...frozen,
      },
      ...change,
    });
    await this.objects.write(runKey(RUN_ID, 'input.json'), JSON.stringify(this.input));
    await this.objects.write(runKey(RUN_ID, 'chunks-1/index.jsonl'), chunks.map((chunk) => `${JSON.stringify(chunk)}\n`).join(''));
    for (const { name, people: count } of chunks) {
      await this.objects.write(runKey(RUN_ID, `chunks-1/${name}.jsonl`), Array.from({ length: Math.min(count, 10) }, (_, n) => `{"id":"${name}-${n}","endpoint":{}}\n`).join(''));
    }
  }

  public get run(): Promise<CampaignRun> {
    return this.runs.load(RUN_ID).then((run) => run!);
  }

  /** Writes over the run, as the control function does. */
  public async change(change: RunChange): Promise<CampaignRun> {
    const run = (await this.runs.transition(await this.run, change, new Date(this.now).toISOString()))!;
    const flags: { readonly [state: string]: RunFlag['state'] } = { PAUSING: 'PAUSE', CANCELLING: 'CANCEL' };
    await this.objects.write(runKey(RUN_ID, `flags/${run.generation}.json`), JSON.stringify({ state: flags[run.state] ?? 'RUN' }));
    return run;
  }

  /** As the control function does it. */
  public async resume(): Promise<void> {
    const { generation } = await this.run;
    await this.change({ state: CampaignState.SENDING, generation: generation + 1, reason: null, message: null, endedAt: null, heldUntil: null });
  }

  public async look(more: Partial<LookInput> = {}, overrides: Partial<DependenciesOf> = {}): Promise<LookAnswer> {
    const { generation } = await this.run;
    return lookAtRun({ runId: RUN_ID, generation, entered: `entered-${++this.entered}`, ...more }, {
      config: this.config,
      runs: this.runs,
      objects: this.objects,
      preview: async (event) => {
        this.previewed.push(event);
        return this.preview(event);
      },
      announce: async (run) => { this.announced.push(run); },
      telemetry: this.telemetry,
      now: () => this.now,
      ...overrides,
    });
  }

  /** Does what the map that sends does. */
  public async send(answer: LookAnswer): Promise<void> {
    const events = this.objects.lines<ChunkSendEvent>(answer.pending!.key);
    const flag = this.objects.json<RunFlag>(events[0].Flag!.Key);
    this.waves.push({ names: events.map(nameOf), flag });
    for (const event of events) {
      this.now += 250;
      await this.sendChunk(event, flag);
    }
    this.now += 1_000;
  }

  /** Looks, sends and waits until the run rests. @returns the answers */
  public async drive(most: number = 500): Promise<LookAnswer[]> {
    const answers: LookAnswer[] = [];
    while (answers.at(-1)?.next !== 'END') {
      if (answers.length === most) {
        throw new Error(`the run does not rest after ${most} looks`);
      }
      const answer = await this.look();
      answers.push(answer);
      if (answer.next === 'SEND') {
        await this.send(answer);
      } else if (answer.next === 'WAIT') {
        this.now = Math.max(this.now, Date.parse(answer.at!));
      }
    }
    return answers;
  }

  public get manifest(): ResultManifest {
    return this.objects.json(runKey(RUN_ID, 'manifest.json'));
  }

  private async sendChunk(event: ChunkSendEvent, flag: RunFlag): Promise<void> {
    const name = nameOf(event);
    const index = this.objects.lines<FrozenChunk>(runKey(RUN_ID, 'chunks-1/index.jsonl'));
    const { people } = index.find((chunk) => chunk.name === name)!;
    const counts = this.counts.get(name) ?? { accepted: 0, skipped: 0, failed: 0, unknown: 0, pending: people };
    const outcome = this.outcomeOf(name, counts.pending, flag);
    if (outcome === 'crash' || !this.objects.objects.has(event.Chunk.Key)) {
      return;
    }
    const { accepted = 0, skipped = 0, failed = 0, unknown = 0, ambiguous, stopped } = outcome;
    const pending = counts.pending - accepted - skipped - failed - unknown;
    const sum = {
      accepted: counts.accepted + accepted,
      skipped: counts.skipped + skipped,
      failed: counts.failed + failed,
      unknown: counts.unknown + unknown,
    };
    this.counts.set(name, { ...sum, pending });
    const result: ChunkSendResult = {
      runId: 'r',
      recipients: people,
      counts: { ...sum, pending },
      reasons: {
        ...(sum.failed > 0 && { [SendErrorCode.LINE_REFUSED]: sum.failed }),
        ...(sum.skipped > 0 && { [SendErrorCode.OPTED_OUT]: sum.skipped }),
      },
      undone: pending > 0 ? ['b1'] : [],
      aggregationUnits: ['unit'],
      ...(ambiguous !== undefined && pending > 0 && { ambiguous }),
      ...(stopped && { stopped }),
    };
    await this.objects.write(event.Result!.Key, `${JSON.stringify(result)}\n{"id":"…"}\n`);
  }
}

type DependenciesOf = Parameters<typeof lookAtRun>[1];

export function nameOf({ Chunk: { Key } }: ChunkSendEvent): string {
  return /([^/]+)\.jsonl$/.exec(Key)![1];
}

/** So many chunks of 5,000 people, of one treatment. */
export function chunksOf(count: number, treatment: string = '0', people: number = 5_000): FrozenChunk[] {
  return Array.from({ length: count }, (_, n) => ({ name: `${treatment}-${n}`, treatment, people }));
}

/** The canary of a treatment. */
export const canaryOf = (treatment: string): FrozenChunk => ({ name: `${treatment}-canary`, treatment, people: 500, canary: true });
