import { RecordedTelemetry } from './recorded-telemetry';
import {
  CampaignInput, CampaignRun, CampaignState, FrozenChunk, FrozenRecipients, PlanAnswer, PlanInput, ReadPart, ReadPartResult, RecipientFunctionEvent,
  SourceConfig,
} from '../../src/contract/campaigns';
import { ChunkLine } from '../../src/contract/chunk-send';
import { SubscriberRow, TAG_SHARDS } from '../../src/contract/subscriber';
import { CampaignObjects } from '../../src/domain/campaigns/campaign-objects';
import { packRecipients } from '../../src/domain/campaigns/pack-recipients';
import { ListedObject, planRecipients } from '../../src/domain/campaigns/plan-recipients';
import { KnownSubscriber, readRecipients } from '../../src/domain/campaigns/read-recipients';
import { RecipientListError } from '../../src/domain/campaigns/recipient-list';

export const RUN_ID = 'run-0123456789abcdef01234567';

/** LINE user id number `n`. */
export const user = (n: number): string => `U${n.toString(16).padStart(32, '0')}`;

/** A bucket in memory. */
export class MemoryBucket implements CampaignObjects {
  public readonly bucket = 'campaign-bucket';
  public readonly objects = new Map<string, string>();
  /** Keys in the order in which they were written. */
  public readonly written: string[] = [];

  public async read(key: string): Promise<string | undefined> {
    return this.objects.get(key);
  }

  public async write(key: string, body: string | Uint8Array): Promise<void> {
    this.written.push(key);
    this.objects.set(key, typeof body === 'string' ? body : Buffer.from(body).toString());
  }

  public async create(key: string, body: string): Promise<boolean> {
    if (this.objects.has(key)) {
      return false;
    }
    await this.write(key, body);
    return true;
  }

  public json<T>(key: string): T {
    return JSON.parse(this.objects.get(key)!);
  }

  public lines<T>(key: string): T[] {
    return this.objects.get(key)!.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
  }
}

/** A subscriber table, lists, a bucket and a run, with the steps that freeze its recipients. */
export class FreezeWorld {
  public readonly objects = new MemoryBucket();
  public readonly telemetry = new RecordedTelemetry();
  public readonly table = new Map<string, Partial<SubscriberRow>>();
  public readonly tags = new Map<string, readonly string[]>();
  /** Text by `bucket/key`. */
  public readonly lists = new Map<string, string>();
  public readonly invoked: RecipientFunctionEvent[] = [];
  public run: CampaignRun | undefined = {
    pk: `RUN#${RUN_ID}`,
    sk: 'RUN',
    runId: RUN_ID,
    kind: 'SEND',
    campaign: 'spring-sale',
    source: 'vip',
    state: CampaignState.STARTING,
    inputHash: 'h',
    createdAt: '2026-11-01T00:00:00.000Z',
    updatedAt: '2026-11-01T00:00:00.000Z',
    generation: 1,
    automaticResumes: 0,
    looks: 0,
  };
  public readonly otherRuns = new Map<string, CampaignRun>();
  public sources: { readonly [name: string]: SourceConfig } = { vip: { kind: 'subscribers' } };
  /** Rows of the table as its description says, by default what it has: more make more parts. */
  public tableRows?: number;
  public now = Date.UTC(2026, 10, 1);
  private attempts = 0;

  public constructor(input: Partial<CampaignInput> = {}) {
    this.input(input);
  }

  /** What happens before a row of the table, or of a tag, is read. */
  public onRead: () => void = () => undefined;

  /** What a function that is a source does. */
  public onInvoke: (event: RecipientFunctionEvent) => void = () => undefined;

  public input(input: Partial<CampaignInput>): void {
    const whole: CampaignInput = {
      kind: 'SEND',
      campaign: 'spring-sale',
      source: { name: 'vip' },
      treatments: [{ name: '0', weight: 1, data: 'Hello' }],
      holdoutPercent: 0,
      canary: 'OFF',
      quietHours: 'CONTINUE',
      pauseAtRefusedPercent: 100,
      clientToken: 'token',
      ...input,
    };
    this.objects.objects.set(`runs/${RUN_ID}/input.json`, JSON.stringify(whole));
  }

  public subscribe(n: number, row: Partial<SubscriberRow> = {}): void {
    this.table.set(user(n), { Address: user(n), ChannelType: 'CUSTOM', OptOut: 'NONE', EndpointStatus: 'ACTIVE', EffectiveDate: '2026-10-01T00:00:00.000Z', ...row });
  }

  public async plan(change: Partial<PlanInput> = {}): Promise<PlanAnswer> {
    return planRecipients({ runId: RUN_ID, generation: 1, execution: 'arn:execution', sources: this.sources, ...change }, {
      objects: this.objects,
      telemetry: this.telemetry,
      now: () => this.now,
      runs: {
        claim: async (_runId, generation) => (this.run?.generation === generation ? this.run : undefined),
        load: async (runId) => this.otherRuns.get(runId),
      },
      invoke: async (_functionArn, event) => {
        this.invoked.push(event);
        this.onInvoke(event);
      },
      size: {
        table: async () => ({ rows: this.tableRows ?? this.table.size, bytes: this.table.size * 500 }),
        tag: async (tag) => (this.tags.get(tag) ?? []).length,
        list: async (bucket, key) => this.listed(bucket, '').find((object) => object.key === key),
        lists: (bucket, prefix) => iterate(this.listed(bucket, prefix)),
      },
    });
  }

  public parts(generation = 1): ReadPart[] {
    return this.objects.lines(`runs/${RUN_ID}/freeze-${generation}/parts.jsonl`);
  }

  public async read(part: ReadPart): Promise<ReadPartResult> {
    const row = (id: string): KnownSubscriber[] => (this.table.has(id) ? [{ id, row: this.table.get(id)! }] : []);
    return readRecipients(part, `attempt${++this.attempts}`, {
      objects: this.objects,
      telemetry: this.telemetry,
      reader: {
        scan: (segment, totalSegments) => this.rows(() => [...this.table.keys()], segment, totalSegments, row),
        tagged: (tag, shard) => this.rows(() => this.tags.get(tag) ?? [], shard, TAG_SHARDS, (id) => [id]),
        find: async (ids) => ids.flatMap((id) => {
          this.onRead();
          return row(id);
        }),
        lines: (bucket, key) => {
          const text = this.lists.get(`${bucket}/${key}`) ?? this.objects.objects.get(key);
          if (text === undefined) {
            throw new RecipientListError(`list s3://${bucket}/${key} does not exist any more`);
          }
          return iterate(text.split('\n').map((line) => [line]));
        },
      },
    });
  }

  public async pack(remainingMs: () => number = () => 900_000, generation = 1): Promise<{ readonly again: boolean }> {
    return packRecipients({ runId: RUN_ID, generation }, {
      objects: this.objects,
      telemetry: this.telemetry,
      now: () => this.now,
      remainingMs,
      runs: {
        freeze: async (_runId, of, frozen) => {
          if (this.run?.generation === of && !this.run.frozen) {
            this.run = { ...this.run, frozen };
          }
          return this.run;
        },
      },
    });
  }

  /** All steps, once each. */
  public async freeze(): Promise<FrozenRecipients> {
    await this.plan();
    for (const part of this.parts()) {
      await this.read(part);
    }
    await this.pack();
    return this.run!.frozen!;
  }

  public index(generation = 1): FrozenChunk[] {
    return this.objects.lines(`runs/${RUN_ID}/chunks-${generation}/index.jsonl`);
  }

  public chunk(name: string, generation = 1): ChunkLine[] {
    return this.objects.lines(`runs/${RUN_ID}/chunks-${generation}/${name}.jsonl`);
  }

  /** Ids of everybody in chunks, by treatment and as often as they are. */
  public recipients(): Record<string, string[]> {
    const byTreatment: Record<string, string[]> = {};
    for (const { name, treatment } of this.index()) {
      (byTreatment[treatment] ??= []).push(...this.chunk(name).map(({ id }) => id));
    }
    return byTreatment;
  }

  /** Everything below `chunks-…`. */
  public frozenBytes(): Record<string, string> {
    return Object.fromEntries([...this.objects.objects].filter(([key]) => key.includes('/chunks-')));
  }

  /** A segment, row by row as it is when its turn comes, with those that were added meanwhile behind the last. */
  private async *rows<T>(
    ids: () => readonly string[], segment: number, totalSegments: number, read: (id: string) => readonly T[],
  ): AsyncGenerator<readonly T[]> {
    for (let index = segment; index < ids().length; index += totalSegments) {
      this.onRead();
      yield read(ids()[index]);
    }
  }

  private listed(bucket: string, prefix: string): ListedObject[] {
    const own = bucket === this.objects.bucket ? [...this.objects.objects].map(([key, text]) => [`${bucket}/${key}`, text] as const) : [];
    return [...this.lists, ...own]
      .filter(([place]) => place.startsWith(`${bucket}/${prefix}`))
      .map(([place, text]) => ({ key: place.slice(bucket.length + 1), bytes: text.length }));
  }
}

async function* iterate<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}
