import { CampaignObjects, linesOf, readJson } from './campaign-objects';
import { EndpointMembers, endpointOf, isLeftOut, isMap, overlay } from './endpoint-members';
import { freezeKeys, includesUnknown, needsEndpoints, needsEveryRow, treatmentOfChunk } from './freeze-plan';
import { ListedPerson, RecipientList, RecipientListError } from './recipient-list';
import { readResult, resultKey } from './run-results';
import { compileFilter } from './segment-filter';
import { Spill } from './spill';
import { FreezePlan, ReadPart, ReadPartResult, SourceLeaf, SpilledPart } from '../../contract/campaigns';
import { ChunkLine, ChunkResultLine } from '../../contract/chunk-send';
import { LINE_USER_ID_PATTERN } from '../../contract/limits';
import { SubscriberRow } from '../../contract/subscriber';
import { Telemetry } from '../shared/telemetry';

/** A row of the subscriber table, as far as recipients are concerned. */
export interface KnownSubscriber {
  /** LINE user id. */
  readonly id: string;
  readonly row: Partial<SubscriberRow>;
}

/** Where recipients are read from: the subscriber table of one channel, and lists in S3. Pages are small enough for memory. */
export interface RecipientReader {
  /** Rows of a segment of the table. */
  scan(segment: number, totalSegments: number): AsyncIterable<readonly KnownSubscriber[]>;
  /** LINE user ids of a tag's shard. */
  tagged(tag: string, shard: number): AsyncIterable<readonly string[]>;
  /** The rows of those whom the table knows. */
  find(lineUserIds: readonly string[]): Promise<readonly KnownSubscriber[]>;
  /**
   * Lines of an object, unzipped.
   *
   * @throws RecipientListError when the object is gone, cut off, or no text
   */
  lines(bucket: string, key: string): AsyncIterable<readonly string[]>;
}

export interface ReadDependencies {
  readonly objects: CampaignObjects;
  readonly reader: RecipientReader;
  readonly telemetry: Telemetry;
}

/** People whose rows are looked up together. */
const PEOPLE_AT_ONCE = 2_000;

/**
 * Reads a part of a run's recipients and spills them by the hash of their id. A repeat reads again, and what it then wrote counts: the
 * result, which is written last, names the objects.
 *
 * A list that cannot be read is a result too, since no repeat would make it better; packing then says so.
 *
 * @param attempt tells this invocation from every other
 * @throws what bucket and table throw
 */
export async function readRecipients(part: ReadPart, attempt: string, deps: ReadDependencies): Promise<ReadPartResult> {
  const { objects, telemetry } = deps;
  const { runId, generation } = part;
  const plan = await readJson<FreezePlan>(objects, freezeKeys.plan(runId, generation));
  const spill = new Spill({ runId, generation, part: part.part, attempt }, plan.partitions, objects);
  const reading = new PartReader(part, plan, spill, deps);
  let problem: string | undefined;
  try {
    await reading.read();
    await spill.flush();
  } catch (error) {
    if (!(error instanceof RecipientListError)) {
      throw error;
    }
    problem = error.message;
    telemetry.error('RECIPIENT_LIST_UNREADABLE', error.message, { runId, part: part.part });
  }
  const result: ReadPartResult = { part: part.part, ...reading.counts, ...(problem !== undefined && { problem }) };
  const spilled: SpilledPart = { ...result, attempt, objects: spill.objects };
  await objects.write(freezeKeys.read(runId, generation, part.part), JSON.stringify(spilled));
  return result;
}

/** Somebody who was found in a part's leaf. */
interface FoundPerson extends Omit<ListedPerson, 'isOut'> {
  readonly isOut?: boolean;
  readonly treatment?: string;
  /** As frozen by the run that did not reach the person. */
  readonly frozen?: EndpointMembers;
}

class PartReader {
  public readonly counts = { rows: 0, optedOut: 0, notSubscribed: 0, rejected: 0 };
  private waiting: FoundPerson[] = [];
  private readonly isJoined: boolean;

  public constructor(
    private readonly part: ReadPart, private readonly plan: FreezePlan, private readonly spill: Spill, private readonly deps: ReadDependencies,
  ) {
    this.isJoined = part.leaves.some((leaf) => needsEndpoints(plan, leaf));
  }

  public async read(): Promise<void> {
    const { segment, totalSegments, fromShard, toShard, bucket, key, chunk, leaves } = this.part;
    if (segment !== undefined && totalSegments !== undefined) {
      return this.readTable(segment, totalSegments);
    }
    if (fromShard !== undefined && toShard !== undefined) {
      return this.readTag(this.leaf(leaves[0], 'tag').tag, fromShard, toShard);
    }
    if (chunk !== undefined && key !== undefined) {
      return this.readUndelivered(this.leaf(leaves[0], 'undelivered'), chunk, key);
    }
    if (bucket !== undefined && key !== undefined) {
      return this.readList(bucket, key);
    }
    // A source of which there is nothing to read has one part, which is empty.
  }

  private async readTable(segment: number, totalSegments: number): Promise<void> {
    const { plan, part, spill, counts } = this;
    const filters = part.leaves.map((number) => {
      const { filter } = this.leaf(number, 'table');
      return { number, accepts: filter === undefined ? () => true : compileFilter(filter) };
    });
    const isKeptAnyway = needsEveryRow(plan);
    for await (const page of this.deps.reader.scan(segment, totalSegments)) {
      for (const { id, row } of page) {
        counts.rows++;
        if (!LINE_USER_ID_PATTERN.test(id)) {
          counts.rejected++;
          continue;
        }
        const leaves = filters.filter(({ accepts }) => accepts(row, plan.at)).map(({ number }) => number);
        if (leaves.length > 0 || isKeptAnyway) {
          spill.add({ id, leaves, ...this.outOrEndpoint(id, row) });
        }
      }
      await spill.makeRoom();
    }
  }

  private async readTag(tag: string, fromShard: number, toShard: number): Promise<void> {
    for (let shard = fromShard; shard < toShard; shard++) {
      for await (const ids of this.deps.reader.tagged(tag, shard)) {
        const people = ids.filter((id) => LINE_USER_ID_PATTERN.test(id));
        this.counts.rows += ids.length;
        this.counts.rejected += ids.length - people.length;
        await this.found(people.map((id) => ({ id })));
      }
    }
    await this.join();
  }

  private async readList(bucket: string, key: string): Promise<void> {
    const list = new RecipientList(`list s3://${bucket}/${key}`);
    for await (const lines of this.deps.reader.lines(bucket, key)) {
      await this.found(list.read(lines));
    }
    list.end();
    await this.join();
    this.counts.rows += list.rows;
    this.counts.rejected += list.rejected;
    if (list.firstRejectedLine !== undefined) {
      this.deps.telemetry.warn('RECIPIENTS_REJECTED',
        `${list.rejected} of ${list.rows} lines of the list name no LINE user id, the first in line ${list.firstRejectedLine}; nobody is sent to for them`,
        { runId: this.part.runId, bucket, key });
    }
  }

  private async readUndelivered({ runId, statuses }: Extract<SourceLeaf, { kind: 'undelivered' }>, chunk: string, key: string): Promise<void> {
    const { deps: { objects }, part: { inDoubt = false } } = this;
    const outcomes = outcomesIn(await objects.read(resultKey(runId, chunk)), inDoubt);
    const listed = Array.isArray(outcomes) ? outcomes.filter(({ outcome }) => statuses.includes(outcome)).map(({ id }) => id) : undefined;
    if (listed?.length === 0 || (typeof outcomes === 'string' && !statuses.includes(outcomes))) {
      this.counts.rows += Array.isArray(outcomes) ? outcomes.length : 0;
      return;
    }
    const frozen = linesOf(await objects.read(key) ?? '').map((line): ChunkLine => JSON.parse(line));
    const wanted = new Set(listed ?? frozen.map(({ id }) => id));
    this.counts.rows += Array.isArray(outcomes) ? outcomes.length : frozen.length;
    const endpoints = new Map(frozen.filter(({ id }) => wanted.has(id)).map(({ id, endpoint }) => [id, endpoint]));
    const treatment = treatmentOfChunk(chunk);
    for (const id of wanted) {
      if (LINE_USER_ID_PATTERN.test(id)) {
        await this.found([{ id, treatment, frozen: endpoints.get(id) }]);
      } else {
        this.counts.rejected++;
      }
    }
    await this.join();
  }

  private async found(people: readonly FoundPerson[]): Promise<void> {
    for (const person of people) {
      this.waiting.push(person);
      if (this.waiting.length === PEOPLE_AT_ONCE) {
        await this.join();
      }
    }
  }

  private async join(): Promise<void> {
    const { waiting, spill, deps, part: { leaves } } = this;
    this.waiting = [];
    const ids = [...new Set(waiting.map(({ id }) => id))];
    const rows = new Map(this.isJoined && ids.length > 0 ? (await deps.reader.find(ids)).map(({ id, row }) => [id, row]) : []);
    for (const { id, given, isOut, treatment, frozen } of waiting) {
      const row = rows.get(id);
      const state = isOut ? this.left('optedOut') : row ? this.outOrEndpoint(id, row, frozen) : this.unknown(frozen);
      spill.add({ id, leaves, ...(given && { given }), ...(treatment !== undefined && { treatment }), ...state });
    }
    await spill.makeRoom();
  }

  /** What the table says now goes over what another run froze, except for what only that knew. */
  private outOrEndpoint(id: string, row: Partial<SubscriberRow>, frozen?: EndpointMembers): { out: 'optedOut' } | { endpoint: EndpointMembers } {
    if (isLeftOut(row)) {
      return this.left('optedOut');
    }
    const endpoint = endpointOf(id, row);
    return { endpoint: isMap(frozen) ? { ...overlay(frozen, endpoint), ...scalarsOf(endpoint) } : endpoint };
  }

  private unknown(frozen?: EndpointMembers): { out?: 'notSubscribed'; endpoint?: EndpointMembers } {
    if (isMap(frozen)) {
      return { endpoint: frozen };
    }
    const mayBeUnknown = this.part.leaves.some((number) => includesUnknown(this.plan.leaves[number]));
    return this.isJoined && !mayBeUnknown ? this.left('notSubscribed') : {};
  }

  private left<T extends 'optedOut' | 'notSubscribed'>(out: T): { out: T } {
    this.counts[out]++;
    return { out };
  }

  private leaf<K extends SourceLeaf['kind']>(number: number, kind: K): Extract<SourceLeaf, { kind: K }> {
    const leaf = this.plan.leaves[number];
    if (leaf?.kind !== kind) {
      throw new Error(`part ${this.part.part} of run ${this.part.runId} is to read a ${kind} as leaf ${number} of the plan, which is ${leaf?.kind ?? 'absent'}; start the campaign again`);
    }
    return leaf as Extract<SourceLeaf, { kind: K }>;
  }
}

/**
 * What a result object says of the people of its chunk. Without one, everybody is undecided. Who is undecided is `unknown` when the message
 * may have been taken all the same, and else `pending`.
 *
 * @param inDoubt the chunk was sent once more than the object knows of
 * @returns one for each person, or one for all when there is no object that can be read
 */
function outcomesIn(text: string | undefined, inDoubt: boolean): 'pending' | 'unknown' | readonly { readonly id: string; readonly outcome: string }[] {
  if (text === undefined) {
    return inDoubt ? 'unknown' : 'pending';
  }
  const [first = '', ...rest] = linesOf(text);
  const result = readResult(first, 0, '');
  if (result === undefined) {
    return 'unknown';
  }
  const lines = rest.map((line): ChunkResultLine => JSON.parse(line));
  // Of a channel that does not say whom it doubts, it may be any of them.
  const isAnybody = inDoubt || (result.ambiguous ?? 0) > lines.filter(({ ambiguous }) => ambiguous).length;
  return lines.map(({ id, status, ambiguous }) => ({ id, outcome: status !== 'deferred' ? status : isAnybody || ambiguous ? 'unknown' : 'pending' }));
}

/** Members of an endpoint that are no maps. */
function scalarsOf(endpoint: EndpointMembers): EndpointMembers {
  return Object.fromEntries(Object.entries(endpoint).filter(([, value]) => !isMap(value)));
}
