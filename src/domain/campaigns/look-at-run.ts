import { flagKey, SUPERSEDED } from './begin-run';
import { CampaignObjects, jsonLines, linesOf, readJson } from './campaign-objects';
import { chunksToPreview, PREVIEW_PEOPLE, previewOf, previewOfPeople, problemsOf, quotaProblemOf } from './campaign-preview';
import { flagOf } from './campaign-run';
import { lastMemory, memoryKey, readMemory } from './look-memory';
import { account, firstMemory, LookMemory, nextStep, OpenChunks, openOf, resultsOf, silentChunks, Step, stopsOf } from './next-step';
import { booksOf, chunkKey, ChunkState, manifestOf, readResult, resultKey } from './run-results';
import { LookNote, RunsStore } from './runs';
import { sideBySide } from './side-by-side';
import {
  CampaignConfig, CampaignInput, CampaignPreview, CampaignReason, CampaignRun, CampaignState, FINAL_STATES, FrozenChunk, FrozenRecipients, LookAnswer,
  LookInput, ResultManifest, runKey,
} from '../../contract/campaigns';
import { ChunkPreview, ChunkSendEvent } from '../../contract/chunk-send';
import { errorText } from '../shared/error-text';
import { Telemetry } from '../shared/telemetry';

/** The bucket of a runner, as looks read it. */
export interface RunObjects extends CampaignObjects {
  /** The first line of an object, epoch milliseconds when it was written, to the second, and what tells it from others; undefined when there is none. */
  firstLine(key: string): Promise<{ readonly line: string; readonly writtenAt: number; readonly version: string } | undefined>;
  exists(key: string): Promise<boolean>;
}

/** What looking at a run works with. */
export interface LookDependencies {
  readonly config: CampaignConfig;
  readonly runs: RunsStore;
  readonly objects: RunObjects;
  /** Asks the channel what people of a chunk would get. Throws what the channel's function throws. */
  readonly preview: (event: ChunkSendEvent) => Promise<ChunkPreview>;
  /** Says where a run is; never throws. */
  readonly announce: (run: CampaignRun) => Promise<void>;
  readonly telemetry: Telemetry;
  readonly now: () => number;
}

/** Objects that are asked for at a time. */
const PARALLEL_READS = 20;

/** Looks that may lose against somebody who changes the run at the same time. */
const MAX_RACES = 10;

/** Characters of an error's text in a run's record. */
const MAX_ERROR_LENGTH = 200;

/**
 * Looks at what became of a run, writes it down and decides how it goes on.
 *
 * Everything is decided from what is written: the record, the result objects, and what the last look of this execution left. A repeat
 * of a look answers the same, and one of an older execution writes nothing. What the answer needs is written before the record, so that a
 * look that ends half way is simply done again.
 *
 * @throws what bucket and table throw, and an error when the objects of the run are gone
 */
export async function lookAtRun(input: LookInput, deps: LookDependencies): Promise<LookAnswer> {
  for (let race = 0; race < MAX_RACES; race++) {
    const answer = await lookOnce(input, deps);
    if (answer !== undefined) {
      return answer;
    }
  }
  throw new Error(`run ${input.runId} was changed by somebody else ${MAX_RACES} times while it was looked at; look again`);
}

/** @returns undefined when somebody else changed the run meanwhile */
async function lookOnce(look: LookInput, deps: LookDependencies): Promise<LookAnswer | undefined> {
  const { runs, objects, telemetry } = deps;
  const { runId, generation, entered } = look;
  const run = await runs.load(runId);
  if (run === undefined || run.generation !== generation) {
    telemetry.info('CAMPAIGN_LOOK_SUPERSEDED', 'a newer execution works on the run, or the run is gone: this one ends', { runId, generation, current: run?.generation });
    if (run !== undefined && run.generation > generation) {
      // A look that lost may have written otherwise.
      await objects.write(flagKey(runId, generation), JSON.stringify(SUPERSEDED));
    }
    return { next: 'END' };
  }
  const last = await readMemory(run, generation, deps.objects);
  if (last !== undefined && entered !== undefined && last.entered === entered) {
    if (last.isChange) {
      await deps.announce(run);
    }
    return last.answer;
  }
  if (hasEnded(run)) {
    if (hasFlag(run)) {
      await objects.write(flagKey(runId, generation), JSON.stringify(flagOf(run)));
    }
    return { next: 'END' };
  }
  const lastOfAny = last ?? await lastMemory(run, deps.objects);
  const open = lastOfAny ? openOf(lastOfAny) : {};
  if (look.error) {
    return noteError(run, look, open, deps);
  }
  if (run.frozen === undefined) {
    throw new Error(`run ${runId} is looked at before its recipients are frozen: the state machine was changed by hand`);
  }
  if (run.kind !== 'SEND' || run.frozen.recipients === 0) {
    return write(run, look, await conclude(run, run.frozen, deps), [], firstMemory([], deps.now(), {}), deps);
  }
  const read = await readChunks(run, run.frozen, deps);
  const before = last ?? firstMemory(read, deps.now(), open);
  const gone = await goneOf(run, run.frozen, silentChunks(before, read), deps);
  const memory = account(before, read, gone);
  const chunks = read.map((state): ChunkState => (Object.hasOwn(memory.open, state.chunk.name) ? { ...state, isOpen: true } : state));
  const campaignInput = await readJson<CampaignInput>(deps.objects, runKey(runId, 'input.json'));
  const step = nextStep({ run, input: campaignInput, config: deps.config, chunks, memory, stops: stopsOf(before, chunks), now: deps.now() });
  return write(run, look, step, chunks, memory, deps);
}

/** Nobody has to work on it. */
function hasEnded({ state }: CampaignRun): boolean {
  return [...FINAL_STATES, CampaignState.PAUSED, CampaignState.FAILED, CampaignState.SCHEDULED, CampaignState.RECURRING].includes(state);
}

/** Somebody may send by its flag. */
function hasFlag({ kind, frozen }: CampaignRun): boolean {
  return kind === 'SEND' && frozen !== undefined;
}

/** Runs that send nothing, or to nobody. */
async function conclude(run: CampaignRun, frozen: FrozenRecipients, deps: LookDependencies): Promise<Step> {
  if (run.state === CampaignState.CANCELLING || run.state === CampaignState.PAUSING) {
    return {
      next: 'END', state: run.state === CampaignState.PAUSING ? CampaignState.PAUSED : CampaignState.CANCELLED, reason: run.reason, message: run.message,
    };
  }
  if (frozen.recipients === 0) {
    const { holdout, optedOut, notSubscribed } = frozen;
    if (run.kind === 'DRY_RUN') {
      await deps.objects.write(runKey(run.runId, 'preview.json'), JSON.stringify(previewOf(frozen, [], {})));
    }
    return {
      next: 'END',
      state: CampaignState.COMPLETED,
      reason: CampaignReason.EMPTY_AUDIENCE,
      message: `nobody is left to send to: ${optedOut} opted out or inactive, ${notSubscribed} not subscribed, ${holdout} held out`,
    };
  }
  if (run.kind === 'ESTIMATE') {
    return { next: 'END', state: CampaignState.COMPLETED };
  }
  try {
    const preview = await makePreview(run, frozen, deps);
    await deps.objects.write(runKey(run.runId, 'preview.json'), JSON.stringify(preview));
    const problems = problemsOf(preview);
    const quotaProblem = quotaProblemOf(preview);
    return {
      next: 'END',
      state: CampaignState.COMPLETED,
      ...(quotaProblem !== undefined && { reason: CampaignReason.QUOTA_EXHAUSTED, message: quotaProblem }),
      ...(problems.length > 0 && { reason: CampaignReason.CONTENT_REFUSED, message: [...problems, ...(quotaProblem === undefined ? [] : [quotaProblem])].join('; ') }),
    };
  } catch (error) {
    return { next: 'END', state: CampaignState.FAILED, reason: CampaignReason.CHANNEL_FAILED, message: `the dry run could not be made: ${cut(errorText(error))}` };
  }
}

async function makePreview(run: CampaignRun, frozen: FrozenRecipients, deps: LookDependencies): Promise<CampaignPreview> {
  const { objects, config } = deps;
  const index = await readIndex(run, frozen, deps);
  const treatments = new Map<string, ChunkPreview>();
  await sideBySide(chunksToPreview(index), PARALLEL_READS, async (chunk) => {
    const { Flag: _flag, Result: _result, ...event } = sendEvent(run, frozen, chunk, deps);
    treatments.set(chunk.treatment, config.takesChunks
      ? await deps.preview({ ...event, Preview: { People: PREVIEW_PEOPLE } })
      : previewOfPeople(linesOf(await objects.read(event.Chunk.Key) ?? '')));
  });
  return previewOf(frozen, index, Object.fromEntries([...treatments].sort(([one], [other]) => (one < other ? -1 : 1))));
}

/**
 * Notes that the execution cannot go on. No chunk is read for that: what cannot be read may be the reason.
 *
 * @param open chunks that may have been sent since anybody looked
 * @returns undefined when somebody else changed the run meanwhile
 */
async function noteError(run: CampaignRun, look: LookInput, open: OpenChunks, deps: LookDependencies): Promise<LookAnswer | undefined> {
  const { runId, generation } = look;
  const what = describe(look.error!);
  deps.telemetry.error('CAMPAIGN_EXECUTION_FAILED', 'an execution of a run failed; resume the run once the cause is mended', { runId, generation, reason: what });
  const isFrozen = run.frozen !== undefined;
  return write(run, look, run.state === CampaignState.CANCELLING || (run.state === CampaignState.PAUSING && isFrozen)
    ? { next: 'END', state: run.state === CampaignState.PAUSING ? CampaignState.PAUSED : CampaignState.CANCELLED, reason: run.reason, message: what }
    : {
      next: 'END',
      state: CampaignState.FAILED,
      reason: isFrozen ? CampaignReason.EXECUTION_LOST : CampaignReason.FREEZE_FAILED,
      message: isFrozen ? `the execution failed: ${what}; mend the cause and resume the run` : `the recipients could not be frozen: ${what}`,
    }, undefined, firstMemory([], deps.now(), open), deps);
}

/** What a state machine caught, in words. A function's error is JSON in the cause. */
function describe({ Error: name = 'an error', Cause: cause = '' }: NonNullable<LookInput['error']>): string {
  try {
    const { errorType, errorMessage } = JSON.parse(cause);
    if (typeof errorMessage === 'string') {
      return cut(`${errorType ?? name}: ${errorMessage}`);
    }
  } catch {
    // Not a function's.
  }
  return cut(cause === '' ? name : `${name}: ${cause}`);
}

function cut(text: string): string {
  return text.length > MAX_ERROR_LENGTH ? `${text.slice(0, MAX_ERROR_LENGTH)}…` : text;
}

/**
 * Writes down how the run goes on: the flag and the items of the wave, what the next look must know, the record.
 *
 * @param chunks undefined when they were not looked at
 * @returns undefined when somebody else changed the run meanwhile: the flag is then written again by whoever decides next
 */
async function write(
  run: CampaignRun, look: LookInput, step: Step, chunks: readonly ChunkState[] | undefined, memory: LookMemory, deps: LookDependencies,
): Promise<LookAnswer | undefined> {
  const { objects, runs, telemetry } = deps;
  const { runId, generation } = run;
  const looks = run.looks + 1;
  const answer = answerOf(run, step, deps);
  // That the recipients are frozen was written down by the pack step, which has no voice: the first look says it.
  const isChange = step.state !== run.state || (run.looks === 0 && step.state === CampaignState.SENDING);
  if (step.next === 'SEND') {
    await objects.write(flagKey(runId, generation), JSON.stringify(step.flag));
    await objects.write(answer.pending!.key, jsonLines(step.wave.map((chunk) => sendEvent(run, run.frozen!, chunk, deps))));
  } else if (step.next === 'END' && hasFlag(run)) {
    // Functions that did not come back may be sending.
    await objects.write(flagKey(runId, generation), JSON.stringify(flagOf(step)));
  }
  const now = new Date(deps.now()).toISOString();
  const next: LookMemory = {
    ...memory,
    ...(look.entered !== undefined && { entered: look.entered }),
    at: now,
    answer,
    isChange,
    wave: step.next === 'SEND' ? step.wave.map(({ name }) => name) : [],
    over: step.next === 'SEND' ? resultsOf(step.wave, chunks ?? []) : {},
    waveKind: step.next === 'SEND' ? step.kind : 'WAVE',
    hasPaused: step.next === 'WAIT' && step.isPause,
    drives: step.next !== 'SEND' ? memory.drives : step.kind === 'DRIVE' ? memory.drives + 1 : 0,
  };
  await objects.write(memoryKey(runId, generation, looks), JSON.stringify(next));
  const note = noteOf(run, step, looks, chunks ?? [], now);
  if (step.next === 'END' && run.kind === 'SEND' && run.frozen) {
    await writeManifest({ ...run, state: step.state, counts: note.counts ?? run.counts }, chunks, deps);
  }
  const noted = await runs.noteLook(run, note, now);
  if (noted === undefined) {
    return undefined;
  }
  telemetry.info('CAMPAIGN_LOOKED', 'a run was looked at', {
    runId, generation, look: looks, next: step.next, state: step.state, reason: step.reason, chunks: next.wave.length, decided: next.decided,
  });
  if (isChange) {
    await deps.announce(noted);
  }
  return answer;
}

/** Of chunks that were not looked at, an earlier manifest is put right as far as the record goes. */
async function writeManifest(run: CampaignRun, chunks: readonly ChunkState[] | undefined, { objects }: LookDependencies): Promise<void> {
  const key = runKey(run.runId, 'manifest.json');
  if (chunks) {
    await objects.write(key, JSON.stringify(manifestOf(run, objects.bucket, chunks)));
    return;
  }
  const text = await objects.read(key);
  if (text !== undefined) {
    const earlier: ResultManifest = JSON.parse(text);
    await objects.write(key, JSON.stringify({ ...earlier, state: run.state, counts: run.counts ?? earlier.counts }));
  }
}

function answerOf(run: CampaignRun, step: Step, { objects: { bucket } }: LookDependencies): LookAnswer {
  switch (step.next) {
    case 'SEND': return { next: 'SEND', pending: { bucket, key: runKey(run.runId, `pending/${run.generation}-${run.looks + 1}.jsonl`) } };
    case 'WAIT': return { next: 'WAIT', at: step.at };
    default: return { next: 'END' };
  }
}

/** What the record is to say. */
function noteOf(run: CampaignRun, step: Step, looks: number, chunks: readonly ChunkState[], now: string): LookNote {
  const isOver = FINAL_STATES.includes(step.state);
  const { aggregationUnits, ambiguous, ...books } = booksOf(chunks, isOver);
  const isEmpty = run.kind === 'SEND' && run.frozen?.recipients === 0;
  return {
    looks,
    state: step.state,
    reason: step.reason ?? null,
    message: step.message ?? null,
    heldUntil: step.state === CampaignState.HELD && step.next === 'WAIT' ? step.at : null,
    endedAt: isOver || step.state === CampaignState.FAILED ? now : null,
    ...(step.canaryPassed && { canaryPassed: true }),
    ...((chunks.length > 0 || isEmpty) && { ...books, ambiguous: ambiguous > 0 ? ambiguous : null }),
    ...(aggregationUnits.length > 0 && { aggregationUnits }),
  };
}

async function readIndex({ runId }: CampaignRun, { generation }: FrozenRecipients, { objects }: LookDependencies): Promise<FrozenChunk[]> {
  const key = runKey(runId, `chunks-${generation}/index.jsonl`);
  const text = await objects.read(key);
  if (text === undefined) {
    throw new Error(`the index of the frozen recipients is gone: ${key} of bucket ${objects.bucket}; put the object back and resume the run`);
  }
  return linesOf(text).map((line) => JSON.parse(line));
}

async function readChunks(run: CampaignRun, frozen: FrozenRecipients, deps: LookDependencies): Promise<ChunkState[]> {
  const { objects, telemetry } = deps;
  const index = await readIndex(run, frozen, deps);
  const results = new Map<string, ReturnType<typeof readResult>>();
  await sideBySide(index, PARALLEL_READS, async ({ name }) => {
    const key = resultKey(run.runId, name);
    const first = await objects.firstLine(key);
    const result = first && readResult(first.line, first.writtenAt, first.version);
    if (first && !result) {
      telemetry.warn('CAMPAIGN_RESULT_UNREADABLE', 'a result object cannot be read, as if somebody else had written it; its chunk is sent again, which reaches nobody twice', {
        runId: run.runId, key,
      });
    }
    results.set(name, result);
  });
  return index.map((chunk) => ({ chunk, result: results.get(chunk.name) }));
}

/** Names of chunks whose object is gone. */
async function goneOf(
  { runId }: CampaignRun, { generation }: FrozenRecipients, chunks: readonly FrozenChunk[], deps: LookDependencies,
): Promise<string[]> {
  const { objects, telemetry } = deps;
  const gone: string[] = [];
  await sideBySide(chunks, PARALLEL_READS, async ({ name }) => {
    const key = chunkKey(runId, generation, name);
    if (!await objects.exists(key)) {
      gone.push(name);
      telemetry.error('CAMPAIGN_CHUNK_GONE', 'frozen recipients of a run are gone; put the object back and resume the run', { runId, key });
    }
  });
  return gone;
}

/** What the channel's function is invoked with. The names of runner, campaign, treatment and run are what a channel knows a run by. */
function sendEvent(run: CampaignRun, frozen: FrozenRecipients, { name, treatment }: FrozenChunk, deps: LookDependencies): ChunkSendEvent {
  const { runId, campaign, createdAt, startedAt = createdAt } = run;
  const { config, objects: { bucket } } = deps;
  return {
    ApplicationId: config.runner,
    CampaignId: campaign,
    TreatmentId: treatment,
    ActivityId: runId,
    ScheduledTime: startedAt,
    Chunk: { Bucket: bucket, Key: chunkKey(runId, frozen.generation, name) },
    Content: { Bucket: bucket, Key: runKey(runId, `content/${treatment}`) },
    Flag: { Bucket: bucket, Key: flagKey(runId, run.generation) },
    Result: { Bucket: bucket, Key: resultKey(runId, name) },
  };
}
