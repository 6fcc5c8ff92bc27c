import { CampaignObjects, jsonLines, readJson, readJsonLines } from './campaign-objects';
import { EndpointMembers, bareEndpoint, endpointJson, overlay } from './endpoint-members';
import { freezeKeys, includesUnknown, inputKey, leavesLeftOut } from './freeze-plan';
import { RunsStore } from './runs';
import { readAhead } from './side-by-side';
import { evaluate } from './source-expression';
import { SpilledPerson, readSpill, spillKey } from './spill';
import { HOLDOUT, treatmentOf } from './stable-share';
import {
  CANARY_PEOPLE, CHUNK_PEOPLE, CampaignExecution, CampaignInput, FreezePlan, FrozenChunk, FrozenRecipients, PackAnswer, ReadPart, SpilledPart,
  Treatment,
} from '../../contract/campaigns';
import { MULTICAST_MAX_RECIPIENTS } from '../../contract/limits';
import { Telemetry } from '../shared/telemetry';

export interface PackDependencies {
  readonly objects: CampaignObjects;
  readonly runs: Pick<RunsStore, 'freeze'>;
  readonly telemetry: Telemetry;
  readonly now: () => number;
  /** Milliseconds until Lambda ends the invocation. */
  readonly remainingMs: () => number;
}

/** Less time than this is left to the next invocation: a partition of 256 that a hundred million people share takes half a minute. */
const RESERVE_MS = 120_000;

/** Objects of the spill that are read at once. */
const PARALLEL_READS = 16;

/**
 * Bytes from which on a chunk ends with its next full batch: people with endpoints as large as Pinpoint's largest (15 KB) would make
 * 75 MB of 5,000, which the channel reads into memory.
 */
const MAX_CHUNK_BYTES = 8_000_000;

/** The recipients could not be frozen, and trying again does not help. The message says what to do. */
export class RecipientsError extends Error {
  public readonly name = 'RecipientsError';
}

/**
 * Packs the people who were read into chunks, partition by partition of the spill: each person once, by treatment, in an order that
 * never changes, and so that only the last batch of a treatment is short. Notes the result on the run.
 *
 * It goes by the parts' results as the first invocation found them. From then on everything follows from what is in the bucket, so that
 * a repeat, or two invocations at once, write the same bytes.
 *
 * @throws RecipientsError when a part of the recipients could not be read, or the campaign leaves out a tag or list that has nobody; what bucket and table throw
 */
export async function packRecipients(execution: CampaignExecution, deps: PackDependencies): Promise<PackAnswer> {
  const { objects, runs, telemetry, now } = deps;
  const { runId, generation } = execution;
  const plan = await readJson<FreezePlan>(objects, freezeKeys.plan(runId, generation));
  const input = await readJson<CampaignInput>(objects, inputKey(runId));
  const parts = await spilledParts(execution, plan, objects);
  await checkLeftOut(execution, plan, input, parts, objects);
  const packer = await Packer.goOn(execution, plan, input, objects);
  while (packer.partition < plan.partitions) {
    if (deps.remainingMs() < RESERVE_MS && packer.hasMoved) {
      await packer.save();
      telemetry.info('PACKING_CONTINUES', `${packer.partition} of ${plan.partitions} partitions are packed; the next invocation goes on`, { runId, generation });
      return { again: true };
    }
    await packer.pack(parts);
  }
  const frozen = await packer.end(parts.reduce((sum, { rejected }) => sum + rejected, 0));
  await runs.freeze(runId, generation, frozen, new Date(now()).toISOString());
  const { treatments, ...counts } = frozen;
  telemetry.info('RECIPIENTS_FROZEN', 'the recipients are frozen', { runId, ...counts });
  return { again: false };
}

/** Results of all parts. A part that ends anew after this has no say any more. */
async function spilledParts({ runId, generation }: CampaignExecution, plan: FreezePlan, objects: CampaignObjects): Promise<SpilledPart[]> {
  const key = freezeKeys.spilled(runId, generation);
  const before = await objects.read(key);
  if (before !== undefined) {
    return JSON.parse(before);
  }
  const numbers = Array.from({ length: plan.parts }, (_, part) => part);
  const parts: SpilledPart[] = [];
  for await (const text of readAhead(numbers, PARALLEL_READS, async (part) => objects.read(freezeKeys.read(runId, generation, part)))) {
    if (text === undefined) {
      throw new RecipientsError(`part ${parts.length} of ${plan.parts} of the recipients was not read, although it was tried several times: the log of the Read function says why; then resume the run`);
    }
    parts.push(JSON.parse(text));
  }
  const problems = parts.flatMap(({ problem }) => problem ?? []);
  if (problems.length > 0) {
    throw new RecipientsError(problems.slice(0, 3).join('; ') + (problems.length > 3 ? `; and ${problems.length - 3} more` : ''));
  }
  return await objects.create(key, JSON.stringify(parts)) ? parts : readJson(objects, key);
}

/**
 * A tag or list that the campaign names to leave people out, and that has nobody, is a typing error: those who were meant would be sent to.
 * One that the source was registered with may well be empty.
 */
async function checkLeftOut(
  { runId, generation }: CampaignExecution, { expression, leaves }: FreezePlan, { source }: CampaignInput, parts: readonly SpilledPart[],
  objects: CampaignObjects,
): Promise<void> {
  const named = [...new Set(leavesLeftOut(expression))].filter((number) => {
    const leaf = leaves[number];
    return (leaf.kind === 'tag' && leaf.tag === source.tag) || (leaf.kind === 'list' && leaf.key === source.key);
  });
  if (named.length === 0) {
    return;
  }
  const planned = await readJsonLines<ReadPart>(objects, freezeKeys.parts(runId, generation));
  for (const number of named) {
    const people = parts.reduce((sum, { part, rows, rejected }) => sum + (planned[part].leaves.includes(number) ? rows - rejected : 0), 0);
    const leaf = leaves[number];
    if (people === 0 && (leaf.kind === 'tag' || leaf.kind === 'list')) {
      const [name, fix] = leaf.kind === 'tag' ? [`the tag "${leaf.tag}"`, 'import it for somebody'] : [`the list "${leaf.key}"`, 'upload one with LINE user ids'];
      throw new RecipientsError(`${name} has nobody to leave out; ${fix} and resume the run, or cancel it and start one that names another`);
    }
  }
}

/** What is known of a person, of all lines of the spill. */
interface Person {
  leaves: readonly number[];
  /** Times that a leaf had the person again. */
  repeats: number;
  endpoint?: string;
  isOut?: true;
  treatment?: string;
  /** The first goes over the others. */
  given?: EndpointMembers[];
}

/** How far packing came: all of `packed.json`. */
interface Progress {
  /** The next to be packed. */
  readonly partition: number;
  readonly chunks: readonly FrozenChunk[];
  readonly counts: Counts;
  /** People in the chunk that is open, by treatment. */
  readonly open: { readonly [treatment: string]: number };
}

type Counts = { -readonly [K in 'recipients' | 'holdout' | 'optedOut' | 'notSubscribed' | 'duplicates']: FrozenRecipients[K] };

class Packer {
  public static async goOn(execution: CampaignExecution, plan: FreezePlan, input: CampaignInput, objects: CampaignObjects): Promise<Packer> {
    const packer = new Packer(execution, plan, input, objects);
    const before = await objects.read(freezeKeys.packed(execution.runId, execution.generation));
    if (before !== undefined) {
      await packer.restore(JSON.parse(before));
    }
    return packer;
  }

  public partition = 0;
  private begunAt = 0;
  private chunks: FrozenChunk[] = [];
  private counts: Counts = { recipients: 0, holdout: 0, optedOut: 0, notSubscribed: 0, duplicates: 0 };
  private readonly open: Map<string, OpenChunk>;
  private readonly treatments: readonly Pick<Treatment, 'name' | 'weight'>[];
  private readonly sets = new Map<string, ReadonlySet<number>>();
  private readonly includesUnknown: ReadonlySet<number>;

  private constructor(
    private readonly execution: CampaignExecution,
    private readonly plan: FreezePlan,
    private readonly input: CampaignInput,
    private readonly objects: CampaignObjects,
  ) {
    // An estimate has none, but may have a holdout.
    this.treatments = input.treatments.length > 0 ? input.treatments : [{ name: '0', weight: 1 }];
    this.open = new Map(this.treatments.map(({ name }) => [name, new OpenChunk()]));
    this.includesUnknown = new Set(plan.leaves.flatMap((leaf, number) => (includesUnknown(leaf) ? [number] : [])));
  }

  /** This invocation packed a partition. */
  public get hasMoved(): boolean {
    return this.partition > this.begunAt;
  }

  public async pack(parts: readonly SpilledPart[]): Promise<void> {
    const people = await this.readPartition(parts);
    // UTF-16 order, the same everywhere.
    for (const id of [...people.keys()].sort()) {
      const treatment = this.place(id, people.get(id)!);
      if (treatment !== undefined) {
        this.counts.recipients++;
      }
      if (treatment !== undefined && this.input.kind !== 'ESTIMATE') {
        const chunk = this.open.get(treatment)!;
        chunk.add(`{"id":${JSON.stringify(id)},"endpoint":${this.endpoint(id, people.get(id)!)}}`);
        if (this.isFull(treatment, chunk)) {
          await this.write(treatment, chunk);
        }
      }
      people.delete(id);
    }
    // Lines are parts of the partition's objects, which would be kept with them.
    this.open.forEach((chunk) => chunk.settle());
    this.partition++;
  }

  /** So that another invocation goes on from here. */
  public async save(): Promise<void> {
    const { runId, generation } = this.execution;
    for (const [treatment, chunk] of this.open) {
      await this.objects.write(freezeKeys.openChunk(runId, generation, this.partition, treatment), chunk.body());
    }
    const progress: Progress = {
      partition: this.partition,
      chunks: this.chunks,
      counts: this.counts,
      open: Object.fromEntries([...this.open].map(([name, { people }]) => [name, people])),
    };
    await this.objects.write(freezeKeys.packed(runId, generation), JSON.stringify(progress));
  }

  /** Ends the open chunks and writes the index. */
  public async end(rejected: number): Promise<FrozenRecipients> {
    for (const [treatment, chunk] of this.open) {
      if (chunk.people > 0) {
        await this.write(treatment, chunk);
      }
    }
    const { runId, generation } = this.execution;
    await this.objects.write(freezeKeys.index(runId, generation), jsonLines(this.chunks));
    const isEstimate = this.input.kind === 'ESTIMATE';
    const { notSubscribed, ...counts } = this.counts;
    return {
      generation,
      chunks: this.chunks.length,
      ...counts,
      notSubscribed: notSubscribed + rejected,
      treatments: Object.fromEntries(isEstimate ? [] : this.treatments.map(({ name }) =>
        [name, this.chunks.reduce((sum, { treatment, people }) => sum + (treatment === name ? people : 0), 0)])),
    };
  }

  private async restore({ partition, chunks, counts, open }: Progress): Promise<void> {
    const { runId, generation } = this.execution;
    this.partition = this.begunAt = partition;
    this.chunks = [...chunks];
    this.counts = { ...counts };
    for (const [treatment, people] of Object.entries(open)) {
      if (people > 0) {
        const key = freezeKeys.openChunk(runId, generation, partition, treatment);
        const body = await this.objects.read(key);
        if (body === undefined) {
          throw new Error(`object ${key} of bucket ${this.objects.bucket} is gone: it was deleted by hand; start the campaign again`);
        }
        this.open.set(treatment, new OpenChunk(people, body));
      }
    }
  }

  private async readPartition(parts: readonly SpilledPart[]): Promise<Map<string, Person>> {
    const keys = parts.flatMap(({ part, attempt, objects }) =>
      Array.from({ length: objects[this.partition] }, (_, number) => spillKey({ ...this.execution, part, attempt }, this.partition, number)));
    const people = new Map<string, Person>();
    const read = async (key: string): Promise<string> => {
      const text = await this.objects.read(key);
      if (text === undefined) {
        throw new Error(`object ${key} of bucket ${this.objects.bucket} is gone: it was deleted by hand, or the run was held up for days; start the campaign again`);
      }
      return text;
    };
    for await (const text of readAhead(keys, PARALLEL_READS, read)) {
      for (const line of readSpill(text)) {
        merge(people, line);
      }
    }
    return people;
  }

  /** The person's treatment; undefined for those who are not of the source, or get nothing, which is counted. */
  private place(id: string, person: Person): string | undefined {
    if (!evaluate(this.plan.expression, this.setOf(person.leaves), id)) {
      return undefined;
    }
    this.counts.duplicates += person.repeats;
    if (person.isOut) {
      this.counts.optedOut++;
      return undefined;
    }
    if (person.endpoint === undefined && !person.leaves.some((leaf) => this.includesUnknown.has(leaf))) {
      this.counts.notSubscribed++;
      return undefined;
    }
    if (person.treatment !== undefined && this.open.has(person.treatment)) {
      return person.treatment;
    }
    // The campaign's name, so that its dry run and its next occurrence deal people out alike.
    const treatment = treatmentOf(`campaign ${this.input.campaign}`, id, this.treatments, this.input.holdoutPercent);
    if (treatment === HOLDOUT) {
      this.counts.holdout++;
      return undefined;
    }
    return treatment.name;
  }

  private endpoint(id: string, { endpoint, given }: Person): string {
    if (given === undefined) {
      return endpoint ?? JSON.stringify(bareEndpoint(id));
    }
    const known: EndpointMembers = endpoint === undefined ? bareEndpoint(id) : JSON.parse(endpoint);
    return endpointJson(given.reduceRight(overlay, known));
  }

  private setOf(leaves: readonly number[]): ReadonlySet<number> {
    const name = leaves.join();
    let set = this.sets.get(name);
    if (set === undefined) {
      set = new Set(leaves);
      this.sets.set(name, set);
    }
    return set;
  }

  private isFull(treatment: string, { people, bytes }: OpenChunk): boolean {
    const most = this.isCanary(treatment) ? CANARY_PEOPLE : CHUNK_PEOPLE;
    return people === most || (bytes >= MAX_CHUNK_BYTES && people % MULTICAST_MAX_RECIPIENTS === 0);
  }

  private isCanary(treatment: string): boolean {
    return this.input.canary !== 'OFF' && !this.chunks.some((chunk) => chunk.treatment === treatment);
  }

  private async write(treatment: string, chunk: OpenChunk): Promise<void> {
    this.open.set(treatment, new OpenChunk());
    const { runId, generation } = this.execution;
    const name = `${treatment}-${this.chunks.filter((each) => each.treatment === treatment).length}`;
    await this.objects.write(freezeKeys.chunk(runId, generation, name), chunk.body());
    this.chunks.push({ name, treatment, people: chunk.people, ...(this.isCanary(treatment) && { canary: true as const }) });
  }
}

/** A chunk that takes more people. */
class OpenChunk {
  private readonly settled: Uint8Array[] = [];
  private lines: string[] = [];
  private size: number;

  /** @param body with an empty line at its end, if anybody is in it */
  public constructor(public people = 0, body = '') {
    this.size = body.length;
    if (people > 0) {
      this.settled.push(Buffer.from(body));
    }
  }

  /** Roughly: characters, which of most languages are one to three bytes. */
  public get bytes(): number {
    return this.size;
  }

  public add(line: string): void {
    this.lines.push(line);
    this.people++;
    this.size += line.length + 1;
  }

  /** Makes bytes of the lines. */
  public settle(): void {
    if (this.lines.length > 0) {
      this.settled.push(Buffer.from(`${this.lines.join('\n')}\n`));
      this.lines = [];
    }
  }

  public body(): Uint8Array {
    this.settle();
    return Buffer.concat(this.settled);
  }
}

function merge(people: Map<string, Person>, { id, leaves, endpoint, out, treatment, given }: SpilledPerson): void {
  const person = people.get(id);
  if (person === undefined) {
    people.set(id, {
      leaves, repeats: 0, endpoint, treatment, ...(out === 'optedOut' && { isOut: true }), ...(given && { given: [given] }),
    });
    return;
  }
  const others = leaves.filter((leaf) => !person.leaves.includes(leaf));
  if (others.length > 0) {
    person.leaves = [...person.leaves, ...others].sort((one, other) => one - other);
  }
  person.repeats += leaves.length - others.length;
  // Whoever opted out between two parts is out.
  person.isOut ||= out === 'optedOut' || undefined;
  person.endpoint ??= endpoint;
  person.treatment ??= treatment;
  if (given) {
    // The same person a million times over takes no more memory than this.
    person.given = [...person.given ?? [], given].slice(0, 5);
  }
}
