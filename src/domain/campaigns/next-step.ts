import { quietFrom, quietUntil } from './quiet-hours';
import { ChunkState, ambiguousOf, booksOf, countsOf, isDone, refusedPercent } from './run-results';
import { CampaignConfig, CampaignCounts, CampaignInput, CampaignReason, CampaignRun, CampaignState, FrozenChunk, LookAnswer } from '../../contract/campaigns';
import { RunFlag } from '../../contract/chunk-send';
import { SendErrorCode } from '../../contract/custom-channel';

/** A wave sends; a canary does to few, to be looked at; a drive only asks what became of undecided requests. */
export type WaveKind = 'WAVE' | 'CANARY' | 'DRIVE';

/** Name of a chunk → the result that was there when it was sent, see `resultsOf`. */
export interface OpenChunks {
  readonly [chunk: string]: string;
}

/** What a look leaves to the next one of the same execution, `runs/<run id>/looks/<generation>-<look>.json`. */
export interface LookMemory {
  /** See `LookInput`. */
  readonly entered?: string;
  /** ISO 8601, when it was written: before the wave was sent. */
  readonly at: string;
  readonly answer: LookAnswer;
  /** The state was a new one, to be announced. */
  readonly isChange: boolean;
  /** Names of the chunks that the answer sends; none of a `WAIT`. */
  readonly wave: readonly string[];
  /** Results of the wave's chunks when it was sent. */
  readonly over: OpenChunks;
  /** Chunks of earlier waves, also of earlier executions, that did not come back. */
  readonly open: OpenChunks;
  readonly waveKind: WaveKind;
  /** Waves that some chunk came back from, which is how they grow; canaries and drives apart. */
  readonly growth: number;
  /** Chunk name → waves in a row that it did not come back from. */
  readonly failures: { readonly [chunk: string]: number };
  /** Names of chunks whose object is gone. */
  readonly gone: readonly string[];
  /** Waves in a row that no chunk came back from. */
  readonly failedWaves: number;
  /** Waves in a row after which nobody more was decided. */
  readonly idle: number;
  /** The answer is a pause that such waves are followed by. */
  readonly hasPaused: boolean;
  /** Waves in a row that only asked what became of undecided requests. */
  readonly drives: number;
  /** People who were decided. */
  readonly decided: number;
  /** People by outcome when the execution began: the share of refusals counts from there, or a resumed run would be paused at once. */
  readonly base: CampaignCounts;
}

/** What a look decides from. */
export interface LookFacts {
  readonly run: CampaignRun;
  readonly input: CampaignInput;
  readonly config: CampaignConfig;
  /** Every chunk, in the index's order. */
  readonly chunks: readonly ChunkState[];
  /** With the last wave taken into account. */
  readonly memory: LookMemory;
  /** Codes that chunks of the last wave were stopped with. */
  readonly stops: readonly SendErrorCode[];
  /** Epoch milliseconds. */
  readonly now: number;
}

interface Standing {
  readonly state: CampaignState;
  readonly reason?: CampaignReason;
  /** For the operator. */
  readonly message?: string;
  /** The canary need not be looked at any more. */
  readonly canaryPassed?: true;
}

/** How a run goes on. */
export type Step =
  | Standing & { readonly next: 'SEND'; readonly wave: readonly FrozenChunk[]; readonly flag: RunFlag; readonly kind: WaveKind }
  | Standing & { readonly next: 'WAIT'; readonly at: string; readonly isPause: boolean }
  | Standing & { readonly next: 'END' };

/** Chunks of a wave: few at first, because what is wrong shows in the first. */
export const WAVES: readonly number[] = [1, 4, 16];
export const MAX_WAVE = 64;

/** Waves that a chunk may not come back from, or all chunks of a wave, before the channel is given up. */
export const MAX_FAILURES = 3;

/** Waves that ask what became of undecided requests before the run is paused or ended all the same. */
export const MAX_DRIVES = 5;

/** People who must have been asked about before their share of refusals says something. */
const MIN_DECIDED = 100;

const GO_ON = 'resume the run to send the rest all the same, or cancel it';

const PAUSE_MS = 30_000;
const MAX_PAUSE_MS = 15 * 60_000;

/** Keys in a message. */
const MAX_NAMED = 5;

/** Why a chunk was not gone on with, and what that is to the run. What is missing here is the run's own doing. */
const STOP_REASONS: { readonly [code in SendErrorCode]?: CampaignReason } = {
  [SendErrorCode.RUN_STOPPED]: CampaignReason.STOPPED_BY_CHANNEL,
  [SendErrorCode.CREDENTIALS_UNAVAILABLE]: CampaignReason.CREDENTIALS_UNAVAILABLE,
  [SendErrorCode.LINE_QUOTA_EXCEEDED]: CampaignReason.QUOTA_EXHAUSTED,
  [SendErrorCode.LOW_QUOTA]: CampaignReason.QUOTA_EXHAUSTED,
  [SendErrorCode.EMPTY_CONTENT]: CampaignReason.CONTENT_REFUSED,
  [SendErrorCode.INVALID_CONTENT]: CampaignReason.CONTENT_REFUSED,
  [SendErrorCode.UNSUPPORTED_CONTENT]: CampaignReason.CONTENT_REFUSED,
  [SendErrorCode.TEXT_TOO_LONG]: CampaignReason.CONTENT_REFUSED,
  [SendErrorCode.MEDIA_NOT_FOUND]: CampaignReason.CONTENT_REFUSED,
  [SendErrorCode.MEDIA_WRONG_TYPE]: CampaignReason.CONTENT_REFUSED,
  [SendErrorCode.MEDIA_TOO_LARGE]: CampaignReason.CONTENT_REFUSED,
  [SendErrorCode.PREVIEW_TOO_LARGE]: CampaignReason.CONTENT_REFUSED,
  [SendErrorCode.MEDIA_URL_TOO_LONG]: CampaignReason.CONTENT_REFUSED,
  [SendErrorCode.TEMPLATE_NOT_FOUND]: CampaignReason.CONTENT_REFUSED,
  [SendErrorCode.LINE_REFUSED_CONTENT]: CampaignReason.CONTENT_REFUSED,
};

/** What the operator does then. */
const STOP_FIXES: { readonly [reason in CampaignReason]?: string } = {
  [CampaignReason.CREDENTIALS_UNAVAILABLE]: 'correct the channel\'s secret and resume the run',
  [CampaignReason.QUOTA_EXHAUSTED]: 'raise the plan, or wait for the next month, and resume the run',
  [CampaignReason.CONTENT_REFUSED]: 'correct the template or the media that the content names and resume the run, or cancel it and start another one',
  [CampaignReason.CHANNEL_FAILED]: 'find the reason in the log of the channel\'s function, mend it and resume the run, or cancel it',
  [CampaignReason.STOPPED_BY_CHANNEL]: 'what the channel stopped stays stopped: cancel the run; mend what was refused and retry it with "includePending": true, or start another one',
};

/** Chunks that were stopped by the run itself say nothing about the channel. */
const OWN_STOPS: readonly SendErrorCode[] = [SendErrorCode.RUN_PAUSED, SendErrorCode.RUN_CANCELLED, SendErrorCode.SEND_WINDOW_OVER];

/**
 * What the first look of an execution remembers.
 *
 * @param open what the execution before left
 */
export function firstMemory(chunks: readonly ChunkState[], now: number, open: OpenChunks): LookMemory {
  const { counts } = booksOf(chunks);
  return {
    at: new Date(now).toISOString(),
    answer: { next: 'WAIT' },
    isChange: false,
    wave: [],
    over: {},
    open,
    waveKind: 'WAVE',
    growth: 0,
    failures: {},
    gone: [],
    failedWaves: 0,
    idle: 0,
    hasPaused: false,
    drives: 0,
    decided: decidedOf(counts),
    base: counts,
  };
}

/** Chunks of the last wave that wrote no result since it was sent: their function failed, or the map never came to them. */
export function silentChunks({ wave, over }: LookMemory, chunks: readonly ChunkState[]): readonly FrozenChunk[] {
  return chunks.filter((state) => wave.includes(state.chunk.name) && !cameBack(state, over)).map(({ chunk }) => chunk);
}

/** Chunks that were sent and have not been seen to come back. */
export function openOf({ wave, over, open }: LookMemory): OpenChunks {
  return { ...open, ...Object.fromEntries(wave.map((name) => [name, over[name]])) };
}

/** What tells the results of chunks from later ones: second and version of the object; empty when there is none. */
export function resultsOf(wave: readonly FrozenChunk[], chunks: readonly ChunkState[]): OpenChunks {
  const names = new Set(wave.map(({ name }) => name));
  return Object.fromEntries(chunks.filter(({ chunk: { name } }) => names.has(name)).map((state) => [state.chunk.name, resultOf(state)]));
}

function resultOf({ result }: ChunkState): string {
  return result === undefined ? '' : `${result.writtenAt} ${result.version}`;
}

/**
 * Whether there is another result than when the chunk was sent. The second alone does not tell: the one before may have been written in that
 * same second, and a function that died would count as come back. Nor does the version, which is the same for the same content.
 */
function cameBack(state: ChunkState, over: OpenChunks): boolean {
  return isDone(state) || (state.result !== undefined && resultOf(state) !== over[state.chunk.name]);
}

/**
 * Takes the last wave into account.
 *
 * @param gone names of its chunks whose object is gone
 */
export function account(memory: LookMemory, chunks: readonly ChunkState[], gone: readonly string[]): LookMemory {
  const silent = silentChunks(memory, chunks).map(({ name }) => name);
  const failed = silent.filter((name) => !gone.includes(name));
  const hasSent = memory.wave.length > 0;
  const decided = decidedOf(booksOf(chunks).counts);
  const sent = openOf(memory);
  const open = chunks.filter((state) => Object.hasOwn(sent, state.chunk.name) && !cameBack(state, sent));
  const others = Object.entries(memory.failures).filter(([name]) => !memory.wave.includes(name));
  return {
    ...memory,
    open: Object.fromEntries(open.map(({ chunk: { name } }) => [name, sent[name]])),
    growth: memory.growth + (memory.waveKind === 'WAVE' && memory.wave.length > silent.length ? 1 : 0),
    failures: Object.fromEntries([...others, ...failed.map((name) => [name, (memory.failures[name] ?? 0) + 1] as const)]),
    gone: [...new Set([...memory.gone, ...gone])],
    failedWaves: !hasSent ? memory.failedWaves : failed.length > 0 && silent.length === memory.wave.length ? memory.failedWaves + 1 : 0,
    idle: !hasSent ? memory.idle : decided > memory.decided ? 0 : memory.idle + 1,
    decided,
  };
}

/** Codes that chunks of the last wave were stopped with. */
export function stopsOf({ wave, over }: LookMemory, chunks: readonly ChunkState[]): readonly SendErrorCode[] {
  const back = chunks.filter((state) => wave.includes(state.chunk.name) && cameBack(state, over));
  const codes = back.flatMap(({ result }) => result!.stopped ?? []);
  return [...new Set(codes)].filter((code) => !OWN_STOPS.includes(code));
}

/** How a run whose recipients are frozen goes on. */
export function nextStep(facts: LookFacts): Step {
  const { run, input, chunks, memory, stops, now } = facts;
  const undone = chunks.filter((state) => !isDone(state));
  const stop = stopOf(stops);
  if (undone.length === 0) {
    return { next: 'END', state: CampaignState.COMPLETED, ...(stop && { reason: stop.reason, message: `everybody is decided; ${stop.message}` }) };
  }
  if (run.state === CampaignState.PAUSING || run.state === CampaignState.CANCELLING) {
    return finish(facts, {
      state: run.state === CampaignState.PAUSING ? CampaignState.PAUSED : CampaignState.CANCELLED, reason: run.reason, message: run.message,
    });
  }
  if (run.expiresAtTime !== undefined && now >= Date.parse(run.expiresAtTime)) {
    return finish(facts, {
      state: CampaignState.EXPIRED, reason: CampaignReason.MAX_DURATION, message: `the run's time was over at ${run.expiresAtTime}`,
    });
  }
  if (stop) {
    return pause(facts, stop);
  }
  if (memory.failedWaves >= MAX_FAILURES) {
    return {
      next: 'END',
      state: CampaignState.FAILED,
      reason: CampaignReason.CHANNEL_FAILED,
      message: `the channel's function failed for all chunks of ${memory.failedWaves} waves; find the reason in its log, mend it and resume the run`,
    };
  }
  const canary = run.canaryPassed || input.canary === 'OFF' ? [] : chunks.filter(({ chunk }) => chunk.canary);
  const isCanary = canary.some((state) => !isDone(state));
  if (canary.length > 0 && !isCanary) {
    const refused = refusedCanary(canary, input.pauseAtRefusedPercent);
    if (refused !== undefined) {
      return pause(facts, { reason: CampaignReason.CANARY_REFUSED, message: refused, canaryPassed: true });
    }
    if (input.canary === 'CONFIRM') {
      return pause(facts, {
        reason: CampaignReason.CANARY_SENT,
        message: 'the canary was sent and waits to be looked at: resume the run to send the rest, or cancel it',
        canaryPassed: true,
      });
    }
  }
  const passed = canary.length > 0 && !isCanary ? { canaryPassed: true as const } : {};
  const refusals = isCanary ? undefined : tooManyRefusals(facts);
  if (refusals !== undefined) {
    return pause(facts, { reason: CampaignReason.TOO_MANY_REFUSALS, message: refusals, ...passed });
  }
  const waiting = (isCanary ? canary : undone).filter((state) => !isDone(state) && isWorthTrying(state, memory));
  if (waiting.length === 0) {
    return { next: 'END', state: CampaignState.FAILED, ...lost(facts), ...passed };
  }
  return { ...sendOrHold(facts, waiting, isCanary), ...passed };
}

/** The next wave, unless the hours are quiet or the last waves were in vain. */
function sendOrHold(facts: LookFacts, waiting: readonly ChunkState[], isCanary: boolean): Step {
  const { run, input, config, memory, now } = facts;
  const quietHours = input.quietHours === 'IGNORE' ? undefined : config.quietHours;
  const until = quietHours && quietUntil(now, quietHours);
  if (until !== undefined) {
    if (input.quietHours === 'DROP') {
      return finish(facts, {
        state: CampaignState.EXPIRED, reason: CampaignReason.QUIET_HOURS, message: 'quiet hours began, and the rest was dropped as told',
      });
    }
    return finish(facts, { state: CampaignState.HELD, message: `quiet hours until ${until}` }, earlier(until, run.expiresAtTime));
  }
  if (memory.idle > 0 && !memory.hasPaused) {
    return { next: 'WAIT', state: CampaignState.SENDING, at: pauseAfter(memory.idle, now), isPause: true };
  }
  const stopAt = earlier(quietHours && quietFrom(now, quietHours), run.expiresAtTime);
  const most = isCanary ? waiting.length : WAVES[memory.growth] ?? MAX_WAVE;
  const wave = [...waiting].sort((one, other) => rank(one, memory) - rank(other, memory)).slice(0, most);
  return {
    next: 'SEND',
    state: CampaignState.SENDING,
    wave: wave.map(({ chunk }) => chunk),
    flag: { state: 'RUN', ...(stopAt !== undefined && { until: stopAt }) },
    kind: isCanary ? 'CANARY' : 'WAVE',
  };
}

/** Undecided requests first, because LINE forgets their keys; then what was begun; what failed comes last, so that it holds nobody up. */
function rank(state: ChunkState, { failures }: LookMemory): number {
  if ((failures[state.chunk.name] ?? 0) > 0) {
    return 3;
  }
  return ambiguousOf(state) > 0 ? 0 : state.result ? 1 : 2;
}

function isWorthTrying({ chunk }: ChunkState, { failures, gone }: LookMemory): boolean {
  return (failures[chunk.name] ?? 0) < MAX_FAILURES && !gone.includes(chunk.name);
}

/** Pauses, once it is known what became of undecided requests. */
function pause(facts: LookFacts, why: Omit<Standing, 'state'>): Step {
  return finish({ ...facts, run: { ...facts.run, state: CampaignState.PAUSING } }, { ...why, state: CampaignState.PAUSED });
}

/**
 * Ends the execution, or holds it, once what was attempted is decided: undecided requests are asked about, and nothing is begun. What is
 * undecided after several times stays so.
 *
 * @param at of a hold
 */
function finish({ run, chunks, memory, now }: LookFacts, end: Standing, at?: string): Step {
  const doubtful = chunks.filter((state) => !isDone(state) && !memory.gone.includes(state.chunk.name)
    && (ambiguousOf(state) > 0 || Object.hasOwn(memory.open, state.chunk.name)));
  if (doubtful.length === 0 || memory.drives >= MAX_DRIVES) {
    const people = doubtful.reduce((sum, state) => sum + ambiguousOf(state), 0);
    const message = people === 0 ? end.message : [end.message, `${people} people are in requests that are not decided`].filter(Boolean).join('; ');
    return at === undefined ? { ...end, message, next: 'END' } : { ...end, message, next: 'WAIT', at, isPause: false };
  }
  // What is decided again the same way by the next look leaves the run as it is; what is not is written down.
  const isAsked = run.state === CampaignState.PAUSING || run.state === CampaignState.CANCELLING;
  const standing: Standing = isAsked ? { ...end, state: run.state } : { state: CampaignState.SENDING };
  if (memory.drives > 0 && !memory.hasPaused) {
    return { ...standing, next: 'WAIT', at: pauseAfter(memory.drives, now), isPause: true };
  }
  return {
    ...standing,
    next: 'SEND',
    wave: doubtful.map(({ chunk }) => chunk),
    flag: { state: run.state === CampaignState.CANCELLING ? 'CANCEL' : 'PAUSE' },
    kind: 'DRIVE',
  };
}

function stopOf(stops: readonly SendErrorCode[]): { reason: CampaignReason; message: string } | undefined {
  if (stops.length === 0) {
    return undefined;
  }
  // A run that the channel stopped cannot be gone on with, whatever else is wrong.
  const told = stops.includes(SendErrorCode.RUN_STOPPED) ? SendErrorCode.RUN_STOPPED : stops.find((code) => STOP_REASONS[code] !== undefined);
  const reason = (told && STOP_REASONS[told]) ?? CampaignReason.CHANNEL_FAILED;
  return { reason, message: `the channel did not go on: ${stops.join(', ')}; ${STOP_FIXES[reason]}` };
}

/** What to say when a canary was refused too often. Each treatment counts by itself: one that is fine does not speak for another. */
function refusedCanary(canary: readonly ChunkState[], threshold: number): string | undefined {
  const refused = canary.find((state) => refusedPercent(countsOf(state)) >= threshold);
  if (refused === undefined) {
    return undefined;
  }
  const { chunk: { treatment, people }, result } = refused;
  const codes = Object.keys(result!.reasons ?? {}).join(', ');
  return `${countsOf(refused).failed} of the ${people} people of the canary of treatment ${treatment} were refused (${codes}): ${GO_ON}`;
}

function tooManyRefusals({ input, chunks, memory }: LookFacts): string | undefined {
  const { counts, reasons } = booksOf(chunks);
  const { base } = memory;
  const since = { accepted: counts.accepted - base.accepted, failed: counts.failed - base.failed, unknown: counts.unknown - base.unknown };
  const asked = since.accepted + since.failed + since.unknown;
  const percent = refusedPercent(since);
  return input.pauseAtRefusedPercent < 100 && asked >= MIN_DECIDED && percent >= input.pauseAtRefusedPercent
    ? `${since.failed} of ${asked} people were refused, ${percent.toFixed(1)} % (${Object.keys(reasons).join(', ')}): ${GO_ON}`
    : undefined;
}

/** Why nothing can be sent although somebody is left. */
function lost({ run, chunks, memory }: LookFacts): { reason: CampaignReason; message: string } {
  const left = chunks.filter((state) => !isDone(state)).map(({ chunk }) => chunk);
  const gone = left.filter(({ name }) => memory.gone.includes(name));
  const named = (gone.length > 0 ? gone : left).map(({ name }) => `runs/${run.runId}/chunks-${run.frozen!.generation}/${name}.jsonl`);
  const names = `${named.slice(0, MAX_NAMED).join(', ')}${named.length > MAX_NAMED ? ` and ${named.length - MAX_NAMED} more` : ''}`;
  const people = left.reduce((sum, { people: each }) => sum + each, 0);
  return gone.length > 0
    ? { reason: CampaignReason.CHUNK_NOT_FOUND, message: `frozen recipients are gone: ${names}; put the objects back (the bucket keeps versions) and resume the run, or cancel it` }
    : { reason: CampaignReason.CHANNEL_FAILED, message: `the channel's function failed ${MAX_FAILURES} times for chunks of ${people} people: ${names}; find the reason in its log, mend it and resume the run` };
}

function decidedOf({ accepted, skipped, failed, unknown }: CampaignCounts): number {
  return accepted + skipped + failed + unknown;
}

function earlier(one: string | undefined, other: string | undefined): string | undefined {
  return one === undefined || other === undefined ? one ?? other : Date.parse(one) <= Date.parse(other) ? one : other;
}

function pauseAfter(times: number, now: number): string {
  return new Date(now + Math.min(MAX_PAUSE_MS, PAUSE_MS * 2 ** (times - 1))).toISOString();
}
