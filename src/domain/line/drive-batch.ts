import { Attempted, Attempting, AttemptDependencies, MIN_CALL_MS, attemptCalls } from './attempt-calls';
import { identifyBatch } from './custom-channel-event';
import { LineAnswer } from './line-api';
import { LEASE_MARGIN_MS, SendJournal, claimed, isDecided, isSameStep, judge, nextStep, settled, withAcceptances, withoutClaimed } from './send-journal';
import { SendErrorCode } from '../../contract/custom-channel';
import { BatchState, CallState, SendBatch } from '../../contract/send-journal';
import { UnknownOutcomePolicy } from '../../contract/sending';
import { errorText } from '../shared/error-text';

/** How often a repeat looks whether the invocation that holds the batch has decided it. */
const POLL_MS = 500;

/** Longest time of a claim. Its end, or that of its holder, is soon seen by others. */
const MAX_HOLD_MS = 20_000;

/** Pause before what became of a batch is written again; twice as long before the third time. */
const RECORD_PAUSE_MS = 150;

/** Batches that LINE refuses whole, one after the other, until the run is stopped. */
export const REFUSALS_TO_STOP = 3;

/** What driving takes, besides what attempting takes. */
export interface DriveDependencies extends AttemptDependencies {
  readonly journal: SendJournal;
  readonly onUnknownOutcome: UnknownOutcomePolicy;
}

/** What the batches of one invocation share. */
export interface Driving extends Attempting {
  readonly deps: DriveDependencies;
  /** Unique per invocation. */
  readonly owner: string;
  /** Epoch milliseconds after which nothing is begun. */
  readonly deadline: number;
  /** What is not decided by then is the retry queue's, and what is the queue's already is left alone. */
  readonly defers: boolean;
  /** Waits for whoever holds a batch, instead of coming back to it later. */
  readonly waits: boolean;
  /** This invocation has counted refusals of its run, which what is known of the run may not say yet. */
  hasRefusals?: boolean;
}

/** A batch as far as this invocation knows it. */
export interface KnownBatch {
  readonly batch: SendBatch;
  /** LINE's last answer to this invocation. */
  readonly answer?: LineAnswer;
  /** This invocation brought the item into the state that it is in. */
  readonly isDecidedHere?: boolean;
  /** What a table or bucket threw, so that the item may have gone on since. */
  readonly error?: unknown;
}

export interface FoundBatch {
  readonly batch: SendBatch;
  /** This invocation holds the lease and may call LINE. */
  readonly isClaimed?: boolean;
  /** The limiter's answer for the first call. */
  readonly firstTurn?: Promise<boolean>;
}

/**
 * Brings a batch, and all batches that it is or was split into, to a decision, or as near to it as the time allows. Never
 * throws.
 *
 * @returns the batch and its descendants
 */
export async function driveBatch(found: FoundBatch, work: Driving): Promise<KnownBatch[]> {
  const made = new Map<string, SendBatch>();
  const known = await driveItem(found, made, work);
  const { batch } = known;
  let unread: unknown;
  const children = await Promise.all((batch.children ?? []).map(async (position): Promise<KnownBatch[]> => {
    const identity = identifyBatch(batch.runId, position);
    try {
      const child = made.get(position) ?? await work.inTime(work.deps.journal.load(identity));
      return child ? await driveBatch({ batch: child }, work) : [];
    } catch (error) {
      work.deps.telemetry.error('JOURNAL_NOT_READ', 'a part of a split batch could not be read; whoever drives the batch next does', { batchId: identity.batchId, reason: errorText(error) });
      unread = error;
      return [];
    }
  }));
  // Somebody has to come again for the part.
  return [unread === undefined ? known : { ...known, error: unread }, ...children.flat()];
}

async function driveItem(found: FoundBatch, made: Map<string, SendBatch>, work: Driving): Promise<KnownBatch> {
  const { deps: { now, sleep, telemetry } } = work;
  let known: KnownBatch = { batch: found.batch };
  try {
    for (let turn: FoundBatch & { isDecidedHere?: boolean } = found; ; turn = { batch: known.batch }) {
      const { batch, isClaimed, isDecidedHere, firstTurn } = turn.isClaimed ? turn : await takeTurn(known.batch, made, work);
      known = { ...known, batch, ...(isDecidedHere && { isDecidedHere }) };
      // The claim may have taken the time. So does a freeze of the container after it: the deadline is over before the lease.
      if (!isClaimed) {
        return known;
      }
      const until = batch.leaseUntil! - LEASE_MARGIN_MS;
      const results = await attemptCalls(batch, until, work, firstTurn);
      const { to, children } = settled(batch, results, now());
      // What is open at the end of a claim that took all of the time, has none for another attempt.
      const isLate = work.halted !== undefined || work.deadline - until < MIN_CALL_MS;
      const wanted: SendBatch = !isDecided(to) && work.defers && isLate ? { ...to, deferred: true } : to;
      const answer = decisiveAnswer(results);
      let onRecord: SendBatch;
      try {
        onRecord = await record(batch, wanted, children, work);
      } catch (error) {
        telemetry.error('JOURNAL_NOT_WRITTEN',
          "LINE's answer could not be recorded; after the lease the batch is asked for again under the same key", { batchId: batch.batchId, reason: errorText(error) });
        return { batch: withAcceptances(batch, wanted, now()), answer, isDecidedHere: true, error };
      }
      const isMine = isSameStep(onRecord, wanted);
      if (isMine) {
        children.forEach((child) => made.set(child.sk, child));
        await noteRefusals(onRecord, work);
      }
      known = { batch: onRecord, answer, isDecidedHere: isMine };
      if (isDecided(onRecord) || isLate || !results.some(isWorthRepeating)) {
        return known;
      }
      await sleep(POLL_MS);
    }
  } catch (error) {
    telemetry.error(SendErrorCode.LINE_UNDECIDED,
      'a table or bucket failed or did not answer in time (see `reason`); the batch is gone on with under the same key', { batchId: known.batch.batchId, reason: errorText(error) });
    return { ...known, error };
  }
}

/** Claims the batch, waiting for whoever has it. Comes back without a claim when it is decided or no time is left. */
async function takeTurn(batch: SendBatch, made: Map<string, SendBatch>, work: Driving): Promise<FoundBatch & { isDecidedHere?: boolean }> {
  const { deps: { journal, now, sleep, onUnknownOutcome }, owner, inTime } = work;
  const step = nextStep(batch, now(), onUnknownOutcome);
  if (step.kind === 'decided' || timeLeft(work) < MIN_CALL_MS || work.halted !== undefined || (batch.deferred && work.defers)) {
    return { batch };
  }
  if (step.kind === 'wait') {
    if (!work.waits && step.until - now() > POLL_MS) {
      return { batch };
    }
    await sleep(Math.max(1, Math.min(POLL_MS, step.until - now())));
    return takeTurn(await inTime(journal.load(batch)) ?? batch, made, work);
  }
  if (step.kind === 'give-up') {
    const onRecord = await inTime(journal.write(batch, step.to, step.children));
    if (!isSameStep(onRecord, step.to)) {
      return takeTurn(onRecord, made, work);
    }
    step.children.forEach((child) => made.set(child.sk, child));
    return { batch: onRecord, isDecidedHere: true };
  }
  const mine = claimed(batch, { owner, now: now(), holdMs: holdMs(work) });
  const wanted = mine.unclaimed ? withoutClaimed(mine, await inTime(journal.claimPeople(mine, mine.recipients.map(({ to }) => to)))) : mine;
  const onRecord = await inTime(journal.write(batch, wanted));
  return isSameStep(onRecord, wanted) ? { batch: onRecord, isClaimed: true } : takeTurn(onRecord, made, work);
}

/** Milliseconds for which a batch is claimed: until its last call has ended. */
export function holdMs(work: Driving): number {
  return Math.min(MAX_HOLD_MS, Math.max(0, timeLeft(work)));
}

/** Writes what became of a batch's calls. If somebody else has gone on with it meanwhile, at least what LINE has accepted. */
async function record(
  from: SendBatch, wanted: SendBatch, children: readonly SendBatch[], work: Driving,
): Promise<SendBatch> {
  const { journal, now } = work.deps;
  const write = async (before: SendBatch, after: SendBatch, parts: readonly SendBatch[] = []): Promise<SendBatch> => {
    const onRecord = await persist(() => journal.write(before, after, parts), work);
    const merged = withAcceptances(onRecord, wanted, now());
    return isSameStep(onRecord, after) || merged === onRecord ? onRecord : write(onRecord, merged);
  };
  return write(from, wanted, children);
}

/** LINE's answer is in hand, and nobody else may go on with the batch yet: what fails once is tried again. */
async function persist(write: () => Promise<SendBatch>, { deps: { sleep }, inTime }: Driving): Promise<SendBatch> {
  for (let pause = RECORD_PAUSE_MS; ; pause *= 2) {
    try {
      return await inTime(write());
    } catch (error) {
      if (pause > RECORD_PAUSE_MS * 2) {
        throw error;
      }
      await inTime(sleep(pause));
    }
  }
}

/** Several batches that LINE refuses whole, one after the other, for what they say and not for whom they name, are a mistake of the run: it is stopped. */
async function noteRefusals(batch: SendBatch, work: Driving): Promise<void> {
  const { deps: { journal, telemetry }, inTime, run } = work;
  if (batch.parent !== undefined) {
    return;
  }
  try {
    if (batch.state === BatchState.FAILED && batch.outcome?.status !== undefined && batch.outcome.code !== SendErrorCode.LINE_REFUSED_RECIPIENT) {
      work.hasRefusals = true;
      const refused = await inTime(journal.countRefusal(batch.runId));
      if (refused >= REFUSALS_TO_STOP) {
        work.halted ??= SendErrorCode.RUN_STOPPED;
        await inTime(journal.stopRun(batch.runId, SendErrorCode.RUN_STOPPED));
        telemetry.error(SendErrorCode.RUN_STOPPED, `LINE refused ${refused} batches of the run one after the other; no further batch of it is attempted`, { runId: batch.runId });
      }
    } else if (batch.calls.includes(CallState.ACCEPTED) && (work.hasRefusals || (await run(batch.runId)).refusedInRow > 0)) {
      work.hasRefusals = false;
      await inTime(journal.clearRefusals(batch.runId));
    }
  } catch (error) {
    // Nobody's message depends on it.
    telemetry.warn('RUN_NOT_NOTED', 'a refusal, or the end of a series of them, could not be written down', { runId: batch.runId, reason: errorText(error) });
  }
}

/**
 * A refusal stays one, as long as the batch is ambiguous or LINE's opinion of its content is not to be had. Of a split call
 * there is something left only if it did not fit into the write.
 */
function isWorthRepeating({ state, answer }: Attempted): boolean {
  const isOpenStill = state === CallState.READY || state === CallState.AMBIGUOUS;
  return state === CallState.SPLIT || (isOpenStill && !(answer?.kind === 'response' && judge(answer) === 'refused'));
}

/** The answer that says most about a batch: of a call that was not accepted, if there is one. */
function decisiveAnswer(results: readonly Attempted[]): LineAnswer | undefined {
  return (results.find(({ state, answer }) => state !== CallState.ACCEPTED && answer !== undefined) ?? results[0])?.answer;
}

function timeLeft({ deadline, deps }: Driving): number {
  return deadline - deps.now();
}
