import { CampaignObjects, jsonLines, readJson, readJsonLines } from './campaign-objects';
import { freezeKeys, inputKey } from './freeze-plan';
import { openChunks } from './look-memory';
import { RunsStore } from './runs';
import { SourceError } from './source-error';
import { SourcePlan, planRetry, planSource } from './source-plan';
import {
  CampaignExecution, CampaignInput, CampaignState, FreezePlan, FrozenChunk, PlanAnswer, PlanInput, ReadPart, RecipientFunctionEvent, SourceLeaf,
} from '../../contract/campaigns';
import { TAG_SHARDS } from '../../contract/subscriber';
import { Telemetry } from '../shared/telemetry';

/** An object that is to be read. */
export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
}

/** How much there is to read, roughly. */
export interface AudienceSize {
  /** Of the subscriber table, rows of all kinds. */
  table(): Promise<{ readonly rows: number; readonly bytes: number }>;
  /** Members of a tag. */
  tag(tag: string): Promise<number>;
  /** `undefined`: there is no such object. */
  list(bucket: string, key: string): Promise<ListedObject | undefined>;
  /** Objects below a prefix, no folder markers, nothing empty. */
  lists(bucket: string, prefix: string): AsyncIterable<ListedObject>;
}

export interface PlanDependencies {
  readonly objects: CampaignObjects;
  readonly runs: Pick<RunsStore, 'claim' | 'load'>;
  readonly size: AudienceSize;
  /** Invokes a function that is a source, and waits until it has ended. @throws when it failed */
  readonly invoke: (functionArn: string, event: RecipientFunctionEvent) => Promise<void>;
  readonly telemetry: Telemetry;
  readonly now: () => number;
}

/** People that a part reads, roughly: a minute's work. */
const PEOPLE_PER_PART = 25_000;

const MAX_SCAN_PARTS = 400;

/** Objects of a source. A function's lists need not be large to be many. */
const MAX_LISTS = 10_000;

/** What a partition of the spill is to hold, at most and roughly. */
const PEOPLE_PER_PARTITION = 10_000;
const BYTES_PER_PARTITION = 16_000_000;

/** Powers of two. At least so many, because estimates may be far too small; more objects per part cost more than they help. */
const MIN_PARTITIONS = 8;
const MAX_PARTITIONS = 256;

/** Bytes of a person in a list of ids; zipped, half of that. */
const BYTES_PER_LISTED = 34;

/**
 * First step of an execution. Notes it as the one that works on the run and, unless the recipients are frozen, plans what is to be
 * read for them. A repeat finds the plan of the first.
 *
 * @throws SourceError when the source is not registered, or cannot be read as it was registered and chosen; what bucket, table and
 *   functions throw
 */
export async function planRecipients({ runId, generation, execution, sources }: PlanInput, deps: PlanDependencies): Promise<PlanAnswer> {
  const { objects, runs, telemetry, now } = deps;
  const run = await runs.claim(runId, generation, execution, new Date(now()).toISOString());
  if (run === undefined) {
    telemetry.info('EXECUTION_SUPERSEDED', 'the run is gone, or another execution works on it; this one ends', { runId, generation });
    return { next: 'END' };
  }
  // A run that was paused or cancelled meanwhile, or ended, is for the look step to decide.
  if (run.frozen || run.state !== CampaignState.STARTING) {
    return { next: 'LOOK' };
  }
  const planKey = freezeKeys.plan(runId, generation);
  const answer: PlanAnswer = { next: 'READ', parts: { bucket: objects.bucket, key: freezeKeys.parts(runId, generation) } };
  if (await objects.read(planKey) !== undefined) {
    return answer;
  }
  const input = await readJson<CampaignInput>(objects, inputKey(runId));
  const source = sourceOf(input, sources, { bucket: objects.bucket, prefix: freezeKeys.lists(runId, generation) });
  for (const { functionArn, bucket, prefix } of source.functions) {
    await deps.invoke(functionArn, { runId, campaign: input.campaign, bucket, prefix });
  }
  const { parts, people, bytes } = await planParts(source.leaves, deps);
  const plan: FreezePlan = {
    leaves: source.leaves,
    expression: source.expression,
    partitions: partitionsFor(people, bytes),
    parts: parts.length,
    readsTable: source.leaves.some(({ kind }) => kind === 'table'),
    at: now(),
  };
  const numbered = parts.map((part, index): ReadPart => ({ runId, generation, part: index, ...part }));
  // The parts come before the plan, by which a repeat sees that all is written.
  await objects.write(answer.parts!.key, jsonLines(numbered));
  await objects.write(planKey, JSON.stringify(plan));
  telemetry.info('RECIPIENTS_PLANNED', 'the recipients are about to be read', { runId, generation, parts: plan.parts, partitions: plan.partitions, people });
  return answer;
}

function sourceOf(input: CampaignInput, sources: PlanInput['sources'], lists: { readonly bucket: string; readonly prefix: string }): SourcePlan {
  if (input.retryOf) {
    return planRetry(input.retryOf);
  }
  const { name } = input.source;
  if (!Object.hasOwn(sources, name)) {
    throw new SourceError([{
      path: 'source.name',
      message: `is "${name}", which is not registered any more; register it with \`addSource\` again, or choose one of ${Object.keys(sources).join(', ')}`,
    }]);
  }
  return planSource(sources[name], input.source, lists);
}

type PartWork = Omit<ReadPart, keyof CampaignExecution | 'part'>;

interface PlannedParts {
  readonly parts: readonly PartWork[];
  readonly people: number;
  readonly bytes: number;
}

async function planParts(leaves: readonly SourceLeaf[], deps: PlanDependencies): Promise<PlannedParts> {
  const planned: PlannedParts[] = [];
  const tableLeaves = leaves.flatMap(({ kind }, number) => (kind === 'table' ? [number] : []));
  if (tableLeaves.length > 0) {
    planned.push(await planScan(tableLeaves, deps));
  }
  for (const [number, leaf] of leaves.entries()) {
    planned.push(await planLeaf(number, leaf, deps));
  }
  const parts = planned.flatMap((each) => each.parts);
  return {
    // The map over them must have something to do.
    parts: parts.length > 0 ? parts : [{ leaves: [] }],
    people: planned.reduce((sum, { people }) => sum + people, 0),
    bytes: planned.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

async function planScan(leaves: readonly number[], { size }: PlanDependencies): Promise<PlannedParts> {
  const { rows, bytes } = await size.table();
  const totalSegments = scanPartsFor(rows);
  return { parts: range(totalSegments).map((segment) => ({ leaves, segment, totalSegments })), people: rows, bytes };
}

async function planLeaf(number: number, leaf: SourceLeaf, deps: PlanDependencies): Promise<PlannedParts> {
  const leaves = [number];
  switch (leaf.kind) {
    case 'table':
      return { parts: [], people: 0, bytes: 0 };
    case 'tag': {
      const people = await deps.size.tag(leaf.tag);
      const count = clamp(Math.ceil(people / PEOPLE_PER_PART), 1, TAG_SHARDS);
      const shard = (part: number) => Math.floor(part * TAG_SHARDS / count);
      return { parts: range(count).map((part) => ({ leaves, fromShard: shard(part), toShard: shard(part + 1) })), people, bytes: 0 };
    }
    case 'list': {
      const object = await deps.size.list(leaf.bucket, leaf.key);
      if (!object) {
        throw new SourceError([{ path: 'source.key', message: `the list s3://${leaf.bucket}/${leaf.key} does not exist; upload it, then resume the run` }]);
      }
      return planLists(leaves, leaf.bucket, object.bytes > 0 ? [object] : []);
    }
    case 'lists': {
      const objects: ListedObject[] = [];
      for await (const object of deps.size.lists(leaf.bucket, leaf.prefix)) {
        objects.push(object);
        if (objects.length > MAX_LISTS) {
          throw new SourceError([{ path: 'source.name', message: `there are more than ${MAX_LISTS} objects below s3://${leaf.bucket}/${leaf.prefix}; have the function write fewer and larger ones` }]);
        }
      }
      return planLists(leaves, leaf.bucket, objects);
    }
    case 'undelivered':
      return planUndelivered(leaves, leaf.runId, deps);
  }
}

function planLists(leaves: readonly number[], bucket: string, objects: readonly ListedObject[]): PlannedParts {
  const people = objects.reduce((sum, { key, bytes }) => sum + Math.ceil(bytes / (/\.gz$/i.test(key) ? BYTES_PER_LISTED / 2 : BYTES_PER_LISTED)), 0);
  return { parts: objects.map(({ key }) => ({ leaves, bucket, key })), people, bytes: 0 };
}

async function planUndelivered(leaves: readonly number[], runId: string, { objects, runs }: PlanDependencies): Promise<PlannedParts> {
  const run = await runs.load(runId);
  if (!run?.frozen) {
    throw new SourceError([{ path: 'retryOf', message: `the run ${runId} is not known any more, or never had recipients; nobody can be sent to again for it` }]);
  }
  const { generation, recipients } = run.frozen;
  const chunks = await readJsonLines<FrozenChunk>(objects, freezeKeys.index(runId, generation));
  const open = await openChunks(run, objects);
  const partOf = ({ name }: FrozenChunk): PartWork => ({
    leaves,
    chunk: name,
    key: freezeKeys.chunk(runId, generation, name),
    ...((open === undefined || Object.hasOwn(open, name)) && { inDoubt: true }),
  });
  return { parts: chunks.map(partOf), people: recipients, bytes: 0 };
}

/** Parts of a scan of so many rows. */
export function scanPartsFor(rows: number): number {
  return clamp(Math.ceil(rows / PEOPLE_PER_PART), 1, MAX_SCAN_PARTS);
}

/** Partitions of the spill: the smallest power of two with which a partition is small enough. */
export function partitionsFor(people: number, bytes: number): number {
  const wanted = Math.max(people / PEOPLE_PER_PARTITION, bytes / BYTES_PER_PARTITION, 1);
  return clamp(2 ** Math.ceil(Math.log2(wanted)), MIN_PARTITIONS, MAX_PARTITIONS);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
