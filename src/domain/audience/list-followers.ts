import { createHash } from 'node:crypto';
import { FOLLOWERS, followerSyncId } from './import-id';
import { importStarted } from './import-notification';
import { ImportObjects, jsonLines } from './import-objects';
import {
  FollowerSyncInput, FreezeAnswer, FreezeInput, IMPORT_CHUNK_ROWS, ImportClaim, ImportConfig, ImportRow, ImportStats, WriteItem, importKey,
} from '../../contract/imports';
import { LINE_USER_ID_PATTERN } from '../../contract/limits';
import { LineApi } from '../line/line-api';
import { eachAtOnce } from '../shared/at-once';
import { JobNotification } from '../shared/notification';
import { Telemetry } from '../shared/telemetry';

/** A person of the subscriber table, as far as a synchronisation looks at them. */
export interface KnownPerson {
  readonly userId: string;
  /** Neither opted out, nor inactive, nor erased. */
  readonly isIn: boolean;
  /** Subscription clock; 0 where there is none. */
  readonly subscriptionAt: number;
}

/** What a synchronisation of followers works with. */
export interface ListFollowersDependencies {
  readonly config: Pick<ImportConfig, 'allowReOptIn' | 'maxAbsentPercent'>;
  readonly line: LineApi;
  readonly objects: ImportObjects;
  /** A page of the table's people, after the one that `next` of the last page names. Throws what DynamoDB throws. */
  readonly knownPeople: (after?: string) => Promise<{ readonly people: readonly KnownPerson[]; readonly next?: string }>;
  readonly notify: (notification: JobNotification) => Promise<void>;
  readonly telemetry: Telemetry;
  readonly remainingMs: () => number;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
}

/** Where a synchronisation is: what is kept between two invocations, in `imports/<import id>/checkpoint.json`. */
interface Checkpoint {
  readonly phase: 'LIST' | 'SCAN' | 'COMPARE';
  /** Where to go on: LINE's token, or the table's key. */
  readonly next?: string;
  /** Objects of each partition that are written, at most. */
  readonly spills: number;
  /** Follower ids that LINE listed. */
  readonly listed: number;
  /** Partitions that are compared. */
  readonly compared: number;
  /** Subscribers who were in before the synchronisation began. */
  readonly subscribed: number;
  readonly absent: number;
  readonly rows: number;
  /** Chunks of those to be opted in, and of those to be opted out. */
  readonly chunks: { readonly in: number; readonly out: number };
}

const BEGIN: Checkpoint = { phase: 'LIST', spills: 0, listed: 0, compared: 0, subscribed: 0, absent: 0, rows: 0, chunks: { in: 0, out: 0 } };

interface FollowersPage {
  readonly userIds: readonly string[];
  /** Token of the next page; absent on the last one. */
  readonly next?: string;
  /** Ids of another form. */
  readonly others: number;
}

/** User ids of one page. Source: LINE, Messaging API reference, "Get a list of users who added your LINE Official Account as a friend". */
const PAGE_IDS = 1_000;

const CALL_TIMEOUT_MS = 10_000;

/** Calls for one page, the first included. */
const MAX_ATTEMPTS = 8;

/** People are told apart by a hash of their id into so many parts, each of which is compared in memory: of 10,000,000 some 160,000. */
const PARTITIONS = 64;

/** Characters that are kept before they go to S3. */
const SPILL_CHARACTERS = 4_000_000;

const OBJECTS_AT_ONCE = 16;

/** Milliseconds that an invocation keeps for writing down where it is. */
const MARGIN_MS = 60_000;

/** Whoever followed within this time before the synchronisation is left alone: LINE's list may not have them yet. */
const GRACE_MS = 10 * 60_000;

/**
 * Compares LINE's list of followers with the subscriber table and freezes what is to be changed as rows of an import: followers whom the
 * table does not know are to become subscribers; subscribers whom LINE does not list, and who were so before the synchronisation began, are
 * to be opted out; with `allowReOptIn`, followers who are opted out or erased are to be subscribers again. When more subscribers are absent
 * than is allowed, nothing is changed at all. Both lists go through S3 in parts, so that memory stays flat.
 *
 * @returns `AGAIN` when the time of the invocation was over: the next one goes on
 * @throws what S3 and DynamoDB throw, and an error when LINE does not give its list for now
 */
export async function listFollowers(begun: FreezeInput<FollowerSyncInput>, deps: ListFollowersDependencies): Promise<FreezeAnswer> {
  const { input, execution, startedAt } = begun;
  const { objects, telemetry } = deps;
  const importId = followerSyncId(input, execution);
  const sync = new Synchronisation(importId, deps);
  const claimKey = importKey(importId, 'claim.json');
  if (await objects.create(claimKey, JSON.stringify({ owner: execution, claimedAt: startedAt } satisfies ImportClaim))) {
    await deps.notify(importStarted(FOLLOWERS, importId));
  }
  const claim: ImportClaim = JSON.parse(await objects.read(claimKey) ?? '{}');
  if (claim.owner !== execution) {
    telemetry.info('IMPORT_SKIPPED', 'another execution synchronises followers for the same event', { importId });
    return { next: 'SKIP', importId };
  }
  return sync.run(Date.parse(claim.claimedAt));
}

/** LINE does not give its list, now or later. The message is a sentence for the operator. */
class Refused extends Error {}

/** The time of the invocation is over; where it is was written down. */
class TimeIsOver extends Error {}

/** What came of a synchronisation. */
interface Found {
  readonly rows: number;
  readonly startedAt: number;
  /** Why nothing is changed. */
  readonly refused?: string;
}

class Synchronisation {
  constructor(private readonly importId: string, private readonly deps: ListFollowersDependencies) {}

  public async run(startedAt: number): Promise<FreezeAnswer> {
    const { importId, deps: { objects } } = this;
    const answerOf = ({ refused }: ImportStats): FreezeAnswer => (refused === undefined
      ? { next: 'WRITE', importId, items: { bucket: objects.bucket, key: this.key('items.jsonl') } }
      : { next: 'REFUSE', importId });
    const done = await objects.read(this.key('stats.json'));
    if (done !== undefined) {
      return answerOf(JSON.parse(done));
    }
    try {
      let checkpoint: Checkpoint = JSON.parse(await objects.read(this.key('checkpoint.json')) ?? JSON.stringify(BEGIN));
      if (checkpoint.phase === 'LIST') {
        checkpoint = await this.list(checkpoint);
      }
      if (checkpoint.phase === 'SCAN') {
        checkpoint = await this.scan(checkpoint);
      }
      checkpoint = await this.compare(checkpoint, startedAt);
      return answerOf(await this.freeze(checkpoint, startedAt));
    } catch (error) {
      if (error instanceof TimeIsOver) {
        return { next: 'AGAIN', importId };
      }
      if (!(error instanceof Refused)) {
        throw error;
      }
      return answerOf(await this.writeStats({ rows: 0, startedAt, refused: error.message }));
    }
  }

  /** Reads LINE's list, page by page. */
  private async list(from: Checkpoint): Promise<Checkpoint> {
    const spill = new Spill('followers');
    let checkpoint = from;
    do {
      const page = await this.page(checkpoint.next);
      if (page) {
        page.userIds.forEach((id) => spill.add(id, id));
        checkpoint = { ...checkpoint, next: page.next, listed: checkpoint.listed + page.userIds.length, ...(page.next === undefined && { phase: 'SCAN' }) };
      }
      checkpoint = await this.spillIfDue(spill, checkpoint, !page);
    } while (checkpoint.phase === 'LIST');
    return checkpoint;
  }

  /** Reads the table, page by page. */
  private async scan(from: Checkpoint): Promise<Checkpoint> {
    const spill = new Spill('table');
    let checkpoint = from;
    do {
      const { people, next } = await this.deps.knownPeople(checkpoint.next);
      people.forEach(({ userId, isIn, subscriptionAt }) => spill.add(userId, `${userId} ${isIn ? 'in' : 'out'} ${subscriptionAt}`));
      checkpoint = { ...checkpoint, next, ...(next === undefined && { phase: 'COMPARE' }) };
      checkpoint = await this.spillIfDue(spill, checkpoint, false);
    } while (checkpoint.phase === 'SCAN');
    return checkpoint;
  }

  /** Writes what is kept, and where it is, when it is much, all, or the time is over. A repeat from there writes the same objects again. */
  private async spillIfDue(spill: Spill, checkpoint: Checkpoint, isOver: boolean): Promise<Checkpoint> {
    const timeIsOver = isOver || this.deps.remainingMs() < MARGIN_MS;
    if (!timeIsOver && !spill.isFull && checkpoint.next !== undefined) {
      return checkpoint;
    }
    await eachAtOnce(spill.take(), OBJECTS_AT_ONCE, async ({ partition, text }) => (
      this.deps.objects.write(this.key(`${spill.name}/${partition}/${checkpoint.spills}.txt`), text)
    ));
    return this.save({ ...checkpoint, spills: checkpoint.spills + 1 }, timeIsOver);
  }

  /** Compares partition by partition. */
  private async compare(from: Checkpoint, startedAt: number): Promise<Checkpoint> {
    const { config: { allowReOptIn }, objects } = this.deps;
    const chunks = { in: new ChunkWriter('in', from.chunks.in), out: new ChunkWriter('out', from.chunks.out) };
    let checkpoint = from;
    while (checkpoint.compared < PARTITIONS) {
      let { rows, subscribed, absent } = checkpoint;
      const followers = new Set(await this.spilled('followers', checkpoint.compared));
      const seen = new Set<string>();
      const freeze = async (userId: string, isIn: boolean): Promise<void> => {
        rows++;
        const chunk = chunks[isIn ? 'in' : 'out'].add(rowOf(userId, isIn, rows, startedAt));
        await (chunk && objects.write(this.key(chunk.name), chunk.text));
      };
      for (const line of await this.spilled('table', checkpoint.compared)) {
        const [userId, state, subscriptionAt] = line.split(' ');
        if (seen.has(userId)) {
          continue;
        }
        seen.add(userId);
        if (state === 'out') {
          await (allowReOptIn && followers.has(userId) && freeze(userId, true));
        } else if (Number(subscriptionAt) < startedAt - GRACE_MS) {
          subscribed++;
          if (!followers.has(userId)) {
            absent++;
            await freeze(userId, false);
          }
        }
      }
      for (const userId of followers) {
        await (!seen.has(userId) && freeze(userId, true));
      }
      const compared = checkpoint.compared + 1;
      const timeIsOver = compared < PARTITIONS && this.deps.remainingMs() < MARGIN_MS;
      if (timeIsOver || compared === PARTITIONS) {
        for (const chunk of [chunks.in.take(), chunks.out.take()]) {
          await (chunk && objects.write(this.key(chunk.name), chunk.text));
        }
      }
      checkpoint = { ...checkpoint, compared, rows, subscribed, absent, chunks: { in: chunks.in.count, out: chunks.out.count } };
      if (timeIsOver) {
        await this.save(checkpoint, true);
      }
    }
    return checkpoint;
  }

  private async spilled(name: string, partition: number): Promise<string[]> {
    const { objects } = this.deps;
    const lines: string[] = [];
    await eachAtOnce(await objects.list(this.key(`${name}/${partition}/`)), OBJECTS_AT_ONCE, async (key) => {
      (await objects.read(key) ?? '').split('\n').forEach((line) => line !== '' && lines.push(line));
    });
    return lines;
  }

  /** Writes the list of chunks, unless too many subscribers are absent. */
  private async freeze({ absent, subscribed, listed, rows, chunks }: Checkpoint, startedAt: number): Promise<ImportStats> {
    const { importId, deps: { objects, config: { maxAbsentPercent = 10 }, telemetry } } = this;
    telemetry.info('FOLLOWERS_COMPARED', 'LINE\'s list of followers was compared with the subscriber table', { importId, listed, subscribed, absent, rows });
    if (absent * 100 > maxAbsentPercent * subscribed) {
      return this.writeStats({
        rows,
        startedAt,
        refused: `LINE lists ${listed} followers, and ${absent} of ${subscribed} subscribers are not among them, more than maxAbsentPercent, ${maxAbsentPercent} %, allows;`
          + ' nobody was opted out or in. Check that the secret is that of the channel whose subscribers these are; if the list is right, raise maxAbsentPercent and start the synchronisation again',
      });
    }
    const keys = [...namesOf('in', chunks.in), ...namesOf('out', chunks.out)].map((name) => this.key(name));
    if (keys.length === 0) {
      // A map over a list without an item is nothing that Step Functions documents.
      keys.push(this.key(chunkName('in', 0)));
      await objects.write(keys[0], '');
    }
    const items = keys.map((key, number): WriteItem => ({ importId, number, chunk: { bucket: objects.bucket, key } }));
    await objects.write(this.key('items.jsonl'), jsonLines(items));
    return this.writeStats({ rows, startedAt });
  }

  private async writeStats({ rows, startedAt, refused }: Found): Promise<ImportStats> {
    const { importId, deps: { objects, telemetry } } = this;
    const stats: ImportStats = {
      importId,
      file: FOLLOWERS,
      startedAt: new Date(startedAt).toISOString(),
      rows,
      frozen: refused === undefined ? rows : 0,
      ignored: 0,
      rejected: 0,
      leftOut: [],
      ...(refused !== undefined && { refused }),
    };
    if (refused !== undefined) {
      telemetry.error('FOLLOWERS_REFUSED', 'followers are not synchronised; the summary says why', { importId, reason: refused });
    }
    await objects.write(this.key('stats.json'), JSON.stringify(stats));
    return stats;
  }

  private async save(checkpoint: Checkpoint, timeIsOver: boolean): Promise<Checkpoint> {
    await this.deps.objects.write(this.key('checkpoint.json'), JSON.stringify(checkpoint));
    if (timeIsOver && checkpoint.compared < PARTITIONS) {
      throw new TimeIsOver();
    }
    return checkpoint;
  }

  /** @returns undefined when the time is over before LINE gives the page */
  private async page(start: string | undefined): Promise<FollowersPage | undefined> {
    const { line, telemetry, remainingMs, sleep } = this.deps;
    const path = `/v2/bot/followers/ids?limit=${PAGE_IDS}${start === undefined ? '' : `&start=${encodeURIComponent(start)}`}`;
    for (let attempt = 1; ; attempt++) {
      const answer = await line.call({ method: 'GET', path, timeoutMs: CALL_TIMEOUT_MS });
      const reason = answer.kind === 'not-called' ? answer.message
        : answer.kind === 'silence' ? `LINE did not answer (${answer.reason})`
          : `LINE answered HTTP ${answer.status}${answer.requestId === undefined ? '' : ` (x-line-request-id ${answer.requestId})`}`;
      if (answer.kind === 'response' && answer.status === 200) {
        const page = readPage(answer.body);
        if (page) {
          if (page.others > 0) {
            telemetry.warn('FOLLOWER_IDS_LEFT_OUT', 'LINE listed followers by something else than LINE user ids; they are left out', { count: page.others });
          }
          return page;
        }
      } else if (answer.kind === 'not-called' ? !answer.retryable : answer.kind === 'response' && answer.status < 500 && answer.status !== 429) {
        throw new Refused(answer.kind === 'response' && answer.status === 403
          ? `LINE lists followers to verified and premium accounts only, and this channel's is neither: ${reason}. Import an export file with S3SubscriberImport instead; who follows or writes from now on comes by the webhook`
          : `LINE does not list the channel's followers: ${reason}`);
      }
      if (attempt === MAX_ATTEMPTS) {
        throw new Error(`LINE did not list the channel's followers, ${MAX_ATTEMPTS} times: ${reason}`);
      }
      if (remainingMs() < MARGIN_MS) {
        return undefined;
      }
      await sleep(Math.min(500 * 2 ** attempt, 15_000));
    }
  }

  private key(name: string): string {
    return importKey(this.importId, name);
  }
}

/** People by the hash of their id, until they go to S3. */
class Spill {
  private partitions: string[][] = emptyPartitions();
  private characters = 0;

  constructor(public readonly name: string) {}

  public get isFull(): boolean {
    return this.characters >= SPILL_CHARACTERS;
  }

  public add(userId: string, line: string): void {
    this.partitions[partitionOf(userId)].push(line);
    this.characters += line.length + 1;
  }

  public take(): { readonly partition: number; readonly text: string }[] {
    const taken = this.partitions.flatMap((lines, partition) => (lines.length > 0 ? [{ partition, text: lines.join('\n') }] : []));
    this.partitions = emptyPartitions();
    this.characters = 0;
    return taken;
  }
}

/** Rows, until they are a chunk. */
class ChunkWriter {
  private rows: ImportRow[] = [];

  constructor(private readonly kind: 'in' | 'out', public count: number) {}

  /** @returns the chunk that the row fills */
  public add(row: ImportRow): { readonly name: string; readonly text: string } | undefined {
    this.rows.push(row);
    return this.rows.length === IMPORT_CHUNK_ROWS ? this.take() : undefined;
  }

  public take(): { readonly name: string; readonly text: string } | undefined {
    if (this.rows.length === 0) {
      return undefined;
    }
    const chunk = { name: chunkName(this.kind, this.count), text: jsonLines(this.rows) };
    this.rows = [];
    this.count++;
    return chunk;
  }
}

function chunkName(kind: 'in' | 'out', number: number): string {
  return `chunks/${kind}-${String(number).padStart(5, '0')}.jsonl`;
}

function namesOf(kind: 'in' | 'out', count: number): string[] {
  return Array.from({ length: count }, (_, number) => chunkName(kind, number));
}

function emptyPartitions(): string[][] {
  return Array.from({ length: PARTITIONS }, () => []);
}

function partitionOf(userId: string): number {
  return createHash('sha256').update(userId).digest()[0] % PARTITIONS;
}

function rowOf(userId: string, isIn: boolean, line: number, at: number): ImportRow {
  return { line, endpoint: { Address: userId, ChannelType: 'CUSTOM', OptOut: isIn ? 'NONE' : 'ALL', EndpointStatus: 'ACTIVE' }, at };
}

/** @returns undefined when it is no such page, which may have broken off */
function readPage(body: string): FollowersPage | undefined {
  try {
    const { userIds, next }: { readonly userIds?: unknown; readonly next?: unknown } = JSON.parse(body) ?? {};
    if (!Array.isArray(userIds)) {
      return undefined;
    }
    const ids = userIds.filter((id): id is string => typeof id === 'string' && LINE_USER_ID_PATTERN.test(id));
    return { userIds: ids, others: userIds.length - ids.length, ...(typeof next === 'string' && next !== '' && { next }) };
  } catch {
    return undefined;
  }
}
