import { CampaignConfig } from '../../contract/campaigns';
import { ChunkLine, ChunkResultLine, ChunkSendEvent, ChunkSendResult, ObjectPlace, RunFlag } from '../../contract/chunk-send';
import { CustomChannelEndpoint, CustomChannelEvent, LineStatus, SendErrorCode } from '../../contract/custom-channel';
import { PINPOINT_MAX_EVENT_ATTRIBUTE_LENGTH } from '../../contract/limits';
import { ChunkReport, saveResult, SaveResultDependencies } from '../line/chunk-result';
import { parseFlag } from '../line/run-flag';
import { errorText } from '../shared/error-text';
import { Telemetry } from '../shared/telemetry';

/** What became of an endpoint of a map: status, code, request id. */
export type MapOutcome = readonly [LineStatus, (string | null)?, string?];

/** A map of endpoints of a chunk, as the runs' table keeps it. */
export interface MapRecord {
  /** In the chunk, from 0. */
  readonly position: number;
  /** `FREE`: claimed, and given back without an invocation. */
  readonly state: 'CLAIMED' | 'DONE' | 'FREE';
  /** Who claimed it, and until when nobody else does, epoch milliseconds. */
  readonly owner: string;
  readonly leaseUntil: number;
  /** Invocations of the channel's function with it, this one included. */
  readonly attempts: number;
  /** Endpoint id → why it is left out. Frozen with the first claim, so that a repeat is the same map. */
  readonly excluded: { readonly [id: string]: string };
  /** In the chunk's order, of a map that is done. */
  readonly outcomes?: readonly MapOutcome[];
}

/** Maps of a chunk. */
export interface MapJournal {
  list(runId: string, chunkName: string): Promise<readonly MapRecord[]>;
  /** Writes the record when it is still as it was read (`before`; undefined: absent). @returns whether it did */
  write(runId: string, chunkName: string, record: MapRecord, before: MapRecord | undefined): Promise<boolean>;
}

/** What a synchronous invocation of a channel's function came to. */
export type ChannelAnswer =
  | { readonly kind: 'answered'; readonly payload: unknown }
  /** It threw, or was cut off: nobody knows how far it came. */
  | { readonly kind: 'failed'; readonly message: string }
  /** It was not invoked: too many of it run. */
  | { readonly kind: 'busy'; readonly message: string };

/** What sending a chunk as maps works with. */
export interface SendMapsDependencies {
  readonly config: Pick<CampaignConfig, 'maxEndpoints'>;
  readonly journal: MapJournal;
  /** Lines of an object, read as a stream. Throws when there is none. */
  readonly lines: (place: ObjectPlace) => AsyncIterable<string>;
  /** Text of an object; undefined when there is none. */
  readonly text: (place: ObjectPlace) => Promise<string | undefined>;
  /** The bucket of the results. */
  readonly results: SaveResultDependencies['objects'];
  /** Ends after so many milliseconds at the latest, as `failed`. Throws when the function cannot be invoked at all. */
  readonly invoke: (event: CustomChannelEvent, timeoutMs: number) => Promise<ChannelAnswer>;
  /** Address → why it must not be sent to; absent when nobody knows. */
  readonly exclusions?: (addresses: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  readonly telemetry: Telemetry;
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
}

/** The invocation that sends a chunk. */
export interface SendMapsInvocation {
  readonly requestId: string;
  /** Epoch milliseconds when Lambda ends it. */
  readonly deadline: number;
}

/** Maps that are sent side by side for a chunk; several chunks are sent at a time. */
const PARALLEL_MAPS = 5;

/** Invocations with a map before it is given up. */
const MAX_ATTEMPTS = 3;

/** No map is begun with less time than this: eight times what Pinpoint waited for a channel. */
const RESERVE_MS = 120_000;

/** Left for writing the result after an invocation that was waited for to the last. */
const MARGIN_MS = 15_000;

const PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 30_000;

/** Flags of a chunk that was stopped, and what its people are told to be. */
const STOPS = { PAUSE: SendErrorCode.RUN_PAUSED, CANCEL: SendErrorCode.RUN_CANCELLED } as const;

/** A map on its way. */
interface WorkingMap {
  readonly position: number;
  readonly people: readonly ChunkLine[];
}

/**
 * Sends a chunk through a channel that takes maps of endpoints, as Amazon Pinpoint invoked it, and answers as a channel that takes
 * chunks does. Each map is claimed before the channel's function is invoked with it and noted after: a repeat leaves out what is done.
 *
 * At least once: a map whose invocation was begun and not seen to end is sent again, with the same endpoints. More cannot be had of a
 * channel that keeps no journal itself.
 *
 * @throws Error when the event or the chunk cannot be read, and what bucket, table and AWS Lambda throw when nothing can be sent at all
 */
export async function sendMaps(event: ChunkSendEvent, invocation: SendMapsInvocation, deps: SendMapsDependencies): Promise<ChunkSendResult> {
  const { runId, chunkName } = identify(event);
  const records = new Map((await deps.journal.list(runId, chunkName)).map((record) => [record.position, record]));
  const data = event.Content ? await contentOf(event.Content, deps) : event.Data;
  const sending: Sending = { event, data, runId, chunkName, invocation, deps };
  // Before anything is begun: what was attempted does not ask.
  await isStopped(sending);
  const sent: SentMap[] = [];
  const maps = mapsOf(deps.lines(event.Chunk), deps.config.maxEndpoints, event.Chunk.Key);
  const sendNext = async (): Promise<void> => {
    for (let next = await maps.next(); !next.done; next = await maps.next()) {
      const { position, people } = next.value;
      sent[position] = { people, record: await sendMap(next.value, records.get(position), sending) };
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: PARALLEL_MAPS }, sendNext));
  await maps.return(undefined);
  const broken = lanes.find((lane): lane is PromiseRejectedResult => lane.status === 'rejected');
  if (broken) {
    throw broken.reason;
  }
  const lookAgain = async () => {
    const known = new Map((await deps.journal.list(runId, chunkName)).map((record) => [record.position, record]));
    return reportOf(sent.map(({ people, record }, position) => ({ people, record: isOver(record) ? record : known.get(position) })), sending);
  };
  const report = reportOf(sent, sending);
  const { result } = event.Result ? await saveResult(event.Result, report, { objects: deps.results, telemetry: deps.telemetry, lookAgain }) : report;
  const { counts: { accepted, failed }, stopped } = result;
  deps.telemetry.info('CAMPAIGN_MAPS_SENT', 'a chunk was sent as maps of endpoints', {
    runId, chunk: chunkName, maps: sent.length, undone: result.undone.length, accepted, failed, stopped,
  });
  return result;
}

/** A map and what its record is after an invocation; none when it was not begun. */
interface SentMap {
  readonly people: readonly ChunkLine[];
  readonly record: MapRecord | undefined;
}

function isOver(record: MapRecord | undefined): boolean {
  return record?.outcomes !== undefined;
}

/** What became of everybody in a chunk. */
function reportOf(maps: readonly SentMap[], { runId, stopped }: Sending): ChunkReport {
  const lines = maps.flatMap(({ people, record }) => linesFor(people, record));
  const undone = maps.flatMap(({ record }, position) => (isOver(record) ? [] : [`map-${position}`]));
  return {
    lines,
    result: {
      runId,
      recipients: lines.length,
      ...booksOf(lines),
      undone,
      ambiguous: lines.filter(({ ambiguous }) => ambiguous).length,
      ...(stopped && undone.length > 0 && { stopped }),
    },
  };
}

interface Sending {
  readonly event: ChunkSendEvent;
  readonly data: string | undefined;
  readonly runId: string;
  readonly chunkName: string;
  readonly invocation: SendMapsInvocation;
  readonly deps: SendMapsDependencies;
  /** As last read; nothing is begun before it was. */
  flag?: RunFlag;
  isFlagUnread?: boolean;
  /** Why nothing else is begun. */
  stopped?: SendErrorCode;
}

function identify({ ActivityId: runId, Chunk: chunk }: ChunkSendEvent): { runId: string; chunkName: string } {
  if (typeof runId !== 'string' || runId === '' || typeof chunk?.Bucket !== 'string' || typeof chunk.Key !== 'string') {
    throw new Error('the event must name its run as `ActivityId` and its recipients as `Chunk`, {"Bucket","Key"}; only a runner\'s state machine invokes this function');
  }
  return { runId, chunkName: chunk.Key.slice(chunk.Key.lastIndexOf('/') + 1).replace(/\.jsonl$/, '') };
}

async function contentOf(place: ObjectPlace, { text }: SendMapsDependencies): Promise<string> {
  const content = await text(place);
  if (content === undefined) {
    throw new Error(`the content of the run is gone: object ${place.Key} of bucket ${place.Bucket}; put it back and resume the run`);
  }
  return content;
}

/** Cuts a chunk into maps. */
async function* mapsOf(lines: AsyncIterable<string>, size: number, key: string): AsyncGenerator<WorkingMap, undefined> {
  let position = 0;
  let number = 0;
  let people: ChunkLine[] = [];
  for await (const line of lines) {
    number++;
    if (line.trim() === '') {
      continue;
    }
    people.push(readLine(line, number, key));
    if (people.length === size) {
      yield { position: position++, people };
      people = [];
    }
  }
  if (people.length > 0) {
    yield { position, people };
  }
  return undefined;
}

function readLine(line: string, number: number, key: string): ChunkLine {
  try {
    const parsed: ChunkLine = JSON.parse(line);
    if (typeof parsed.id === 'string' && typeof parsed.endpoint === 'object' && parsed.endpoint !== null) {
      return parsed;
    }
  } catch {
    // Said below; the error of JSON.parse would quote a person's data.
  }
  throw new Error(`line ${number} of chunk ${key} must be {"id","endpoint"} as JSON: the frozen chunk was changed by hand; put its first version back`);
}

/** @returns the map's record afterwards; undefined when it was not begun */
async function sendMap(map: WorkingMap, before: MapRecord | undefined, sending: Sending): Promise<MapRecord | undefined> {
  const { runId, chunkName, invocation, deps } = sending;
  const isAttempted = before?.state === 'CLAIMED';
  if (before?.state === 'DONE' || (isAttempted && before.leaseUntil > deps.now())) {
    return before;
  }
  // What was attempted is driven to an end also when the run is stopped.
  if ((!isAttempted && await isStopped(sending)) || isLate(sending)) {
    return before;
  }
  const excluded = before?.excluded ?? await exclusionsOf(map.people, deps);
  const write = async (record: MapRecord, from: MapRecord | undefined) => deps.journal.write(runId, chunkName, record, from);
  const claimOf = (attempts: number): MapRecord => ({
    position: map.position, state: 'CLAIMED', owner: invocation.requestId, leaseUntil: invocation.deadline, attempts, excluded,
  });
  const people = map.people.filter(({ id }) => !Object.hasOwn(excluded, id));
  if (people.length === 0) {
    const none: MapRecord = { ...claimOf(0), state: 'DONE', outcomes: outcomesOf(map.people, excluded, () => ['skipped']) };
    return await write(none, before) ? none : before;
  }
  let from = before;
  for (let attempts = (before?.attempts ?? 0) + 1; attempts <= MAX_ATTEMPTS; attempts++) {
    const claim = claimOf(attempts);
    if (!await write(claim, from)) {
      // Another invocation has it; the next one learns what became of it.
      return claim;
    }
    from = claim;
    const answer = await invokeUntilHeard(people, sending);
    if (answer.kind === 'answered') {
      const done: MapRecord = { ...claim, state: 'DONE', outcomes: outcomesOf(map.people, excluded, outcomeReader(answer.payload)) };
      await write(done, claim);
      return done;
    }
    deps.telemetry.warn('CAMPAIGN_MAP_FAILED', 'the channel\'s function failed for a map of endpoints, or could not be invoked; the log of the function says why', {
      runId, chunk: chunkName, map: map.position, attempts, kind: answer.kind, reason: answer.message,
    });
    if (answer.kind === 'busy') {
      const free: MapRecord = { ...claim, state: 'FREE', attempts: attempts - 1 };
      await write(free, claim);
      return free;
    }
    if (isLate(sending)) {
      return claim;
    }
    await deps.sleep(PAUSE_MS * 2 ** (attempts - 1));
  }
  // One that threw or was cut off may have reached them before, and one that nobody saw the end of as well.
  const givenUp: MapRecord = {
    ...claimOf(MAX_ATTEMPTS), state: 'DONE', outcomes: outcomesOf(map.people, excluded, () => ['unknown', SendErrorCode.CHANNEL_FAILED]),
  };
  return await write(givenUp, from) ? givenUp : from;
}

/** Waits while too many of the function run, as long as there is time. */
async function invokeUntilHeard(people: readonly ChunkLine[], sending: Sending): Promise<ChannelAnswer> {
  const { event, data, invocation, deps } = sending;
  const { ApplicationId, CampaignId, TreatmentId, ActivityId, ScheduledTime } = event;
  const endpoints: CustomChannelEvent['Endpoints'] = Object.fromEntries(people.map(({ id, endpoint }) => [id, endpoint as CustomChannelEndpoint]));
  // `Message` was there, and empty, in what Pinpoint sent to custom channels.
  const payload = { Message: {}, ApplicationId, CampaignId, TreatmentId, ActivityId, ScheduledTime, Endpoints: endpoints, Data: data };
  for (let pause = PAUSE_MS; ; pause = Math.min(MAX_PAUSE_MS, 2 * pause)) {
    const answer = await deps.invoke(payload, invocation.deadline - MARGIN_MS - deps.now());
    if (answer.kind !== 'busy' || isLate(sending)) {
      return answer;
    }
    await deps.sleep(pause);
  }
}

function isLate({ invocation, deps }: Sending): boolean {
  return invocation.deadline - deps.now() < RESERVE_MS;
}

/**
 * Reads the flag, unless the chunk is stopped already. While it cannot be read, what was read last counts.
 *
 * @throws Error when it was never read: nobody knows whether the run was paused or cancelled
 */
async function isStopped(sending: Sending): Promise<boolean> {
  const { event: { Flag: place }, deps } = sending;
  if (sending.stopped === undefined && place) {
    try {
      const text = await deps.text(place);
      if (text === undefined) {
        throw new Error('there is no such object (any more)');
      }
      sending.flag = parseFlag(text);
      sending.isFlagUnread = false;
    } catch (error) {
      if (!sending.isFlagUnread) {
        deps.telemetry.warn('FLAG_NOT_READ', 'the flag of a run cannot be read; what was read last counts, and without `state` nothing is sent', {
          runId: sending.runId, state: sending.flag?.state, reason: errorText(error),
        });
      }
      sending.isFlagUnread = true;
      if (sending.flag === undefined) {
        throw new Error(`the flag of the run, object ${place.Key} of bucket ${place.Bucket}, cannot be read: ${errorText(error)}; nothing was begun, come with the chunk again`);
      }
    }
    const { state, until } = sending.flag;
    if (state === 'PAUSE' || state === 'CANCEL') {
      sending.stopped = STOPS[state];
    } else if (until !== undefined && deps.now() >= Date.parse(until)) {
      sending.stopped = SendErrorCode.SEND_WINDOW_OVER;
    }
  }
  return sending.stopped !== undefined;
}

async function exclusionsOf(people: readonly ChunkLine[], { exclusions }: SendMapsDependencies): Promise<{ [id: string]: string }> {
  if (!exclusions) {
    return {};
  }
  const addressed = people.flatMap(({ id, endpoint: { Address: to } }) => (typeof to === 'string' ? [{ id, to }] : []));
  const codes = await exclusions(addressed.map(({ to }) => to));
  return Object.fromEntries(addressed.flatMap(({ id, to }) => (codes.has(to) ? [[id, codes.get(to)!] as const] : [])));
}

function outcomesOf(people: readonly ChunkLine[], excluded: MapRecord['excluded'], outcomeOf: (id: string) => MapOutcome): readonly MapOutcome[] {
  return people.map(({ id }) => (Object.hasOwn(excluded, id) ? ['skipped', excluded[id]] : outcomeOf(id)));
}

/**
 * Reads what a channel's function answered: this library's channels tell of each endpoint, others of nobody, who then were accepted since
 * the function did not fail.
 */
function outcomeReader(payload: unknown): (id: string) => MapOutcome {
  const reply = typeof payload === 'object' && payload !== null ? payload as { readonly [id: string]: any } : {};
  return (id) => {
    const attributes = Object.hasOwn(reply, id) ? reply[id]?.EventAttributes : undefined;
    const code = textOf(attributes?.LineErrorCode);
    const requestId = textOf(attributes?.LineRequestId);
    switch (attributes?.LineStatus) {
      case 'skipped': return outcome('skipped', code);
      case 'failed': return outcome('failed', code, requestId);
      // The channel goes on by itself; the runner does not learn how that ends.
      case 'deferred':
      case 'unknown': return outcome('unknown', code ?? SendErrorCode.LINE_UNDECIDED);
      default: return outcome('accepted', undefined, requestId);
    }
  };
}

function outcome(status: LineStatus, code?: string, requestId?: string): MapOutcome {
  if (requestId !== undefined) {
    return [status, code ?? null, requestId];
  }
  return code === undefined ? [status] : [status, code];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, PINPOINT_MAX_EVENT_ATTRIBUTE_LENGTH) : undefined;
}

function linesFor(people: readonly ChunkLine[], record: MapRecord | undefined): ChunkResultLine[] {
  return people.map(({ id, endpoint: { Address: to } }, index): ChunkResultLine => {
    const [status, code, requestId]: MapOutcome = record?.outcomes?.[index] ?? ['deferred'];
    return {
      id,
      ...(typeof to === 'string' && status !== 'skipped' && { to }),
      status,
      ...(status === 'deferred' && record?.state === 'CLAIMED' && { ambiguous: true as const }),
      ...(typeof code === 'string' && { code }),
      ...(requestId !== undefined && { requestId }),
    };
  });
}

function booksOf(lines: readonly ChunkResultLine[]): Pick<ChunkSendResult, 'counts' | 'reasons'> {
  const counts = { accepted: 0, skipped: 0, failed: 0, unknown: 0, pending: 0 };
  const reasons: { [code: string]: number } = {};
  for (const { status, code } of lines) {
    counts[status === 'deferred' ? 'pending' : status]++;
    if (code !== undefined && status !== 'deferred') {
      reasons[code] = (reasons[code] ?? 0) + 1;
    }
  }
  return { counts, reasons };
}
