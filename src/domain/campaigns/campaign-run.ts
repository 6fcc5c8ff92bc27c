import { firstTimeOf } from './campaign-schedule';
import { RunChange } from './runs';
import {
  ACTIVE_STATES, CampaignConfig, CampaignInput, CampaignReason, CampaignRun, CampaignState, RESUMABLE_STATES, SORT_KEY_RUN_RECORD,
  runRecordPartitionKey,
} from '../../contract/campaigns';
import { RunFlag } from '../../contract/chunk-send';
import { JOURNAL_DAYS } from '../../contract/limits';

/** What an operator may ask of a run. */
export type RunCommand = 'pause' | 'resume' | 'cancel';

/** What is to be done after the change is written. */
export type RunConsequence =
  /** Nothing. */
  | 'NONE'
  /** The flag that the chunks read is written. */
  | 'FLAG'
  /** Flag and execution of the new generation are made. */
  | 'EXECUTE'
  /** The schedule is deleted. */
  | 'UNSCHEDULE';

/** What a command does to a run: a change; nothing, because it was done before; or nothing, because it cannot be done. */
export type RunDecision =
  | { readonly kind: 'change'; readonly change: RunChange; readonly then: RunConsequence }
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly message: string };

/** Times that the watchdog resumes a run before it gives it up. */
export const MAX_AUTOMATIC_RESUMES = 3;

const DAY_MS = 24 * 60 * 60 * 1_000;
const MINUTE_MS = 60 * 1_000;

export interface NewRun {
  readonly runId: string;
  readonly input: CampaignInput;
  readonly inputHash: string;
  /** Run id of the recurring record that begins it. */
  readonly recurrenceOf?: string;
}

/**
 * The record of a run that does not exist yet: `STARTING` in its first generation, `SCHEDULED`, or `RECURRING`.
 *
 * @param now epoch milliseconds
 */
export function newRun({ runId, input, inputHash, recurrenceOf }: NewRun, { retentionDays }: CampaignConfig, now: number): CampaignRun {
  const { kind, campaign, source, startedBy, startAt, recurrence, retryOf } = input;
  const state = recurrence ? CampaignState.RECURRING : startAt !== undefined ? CampaignState.SCHEDULED : CampaignState.STARTING;
  return {
    pk: runRecordPartitionKey(runId),
    sk: SORT_KEY_RUN_RECORD,
    runId,
    kind,
    campaign,
    source: source.name,
    state,
    inputHash,
    ...(startedBy !== undefined && { startedBy }),
    createdAt: iso(now),
    updatedAt: iso(now),
    ...(startAt !== undefined && { startAt }),
    ...(recurrence && { recurrence: { ...recurrence, ...firstTimeOf(recurrence.expression, now) } }),
    ...(recurrenceOf !== undefined && { recurrenceOf }),
    ...(retryOf && { retryOf: retryOf.runId }),
    generation: 0,
    automaticResumes: 0,
    looks: 0,
    // One that recurs is remembered until it is cancelled.
    ...(!recurrence && { expiresAt: expiry(startAt === undefined ? now : Date.parse(startAt), retentionDays) }),
    ...(state === CampaignState.STARTING && { generation: 1, ...limitOf(input, now) }),
  };
}

/** What begins a scheduled run. */
export function beginning(input: CampaignInput, { retentionDays }: CampaignConfig, now: number): RunChange {
  return { state: CampaignState.STARTING, generation: 1, expiresAt: expiry(now, retentionDays), ...limitOf(input, now) };
}

/**
 * What a command does to a run in its state.
 *
 * | state | `pause` | `resume` | `cancel` |
 * | --- | --- | --- | --- |
 * | `SCHEDULED`, `RECURRING` | refused | refused | `CANCELLED`, the schedule is deleted |
 * | `STARTING` | `PAUSED` | done | `CANCELLED` |
 * | `SENDING` | `PAUSING` | done | `CANCELLING` |
 * | `HELD` | `PAUSED`, or `PAUSING` | done | as `PAUSED` |
 * | `PAUSING` | done | refused | `CANCELLING` |
 * | `PAUSED` | done | `STARTING`, or `SENDING` when the recipients are frozen; refused when the channel stopped the run | `CANCELLED`, or `CANCELLING` when the recipients are frozen |
 * | `FAILED` | refused | as `PAUSED` | as `PAUSED` |
 * | `CANCELLING`, `CANCELLED` | refused | refused | done |
 * | `EXPIRED`, `COMPLETED` | refused | refused | refused |
 *
 * Of a run that starts nothing was sent: its state is changed at once, and whoever freezes its recipients finds that when they are frozen.
 * `PAUSING` and `CANCELLING` out of a state in which nothing works on the run take an execution of their own, which drives to a decision
 * what was attempted; without such people a pause is done at once. A run that sent is always cancelled so, because its last look also
 * writes the books and the manifest of a run that has ended.
 */
export function decide(run: CampaignRun, command: RunCommand, now: number): RunDecision {
  const { state } = run;
  const { PAUSING, PAUSED, CANCELLING, CANCELLED } = CampaignState;
  const outcomes: { readonly [name in RunCommand]: { readonly [of in CampaignState]?: RunDecision } } = {
    pause: {
      STARTING: endOf(run, PAUSING, PAUSED, now),
      SENDING: flagged(PAUSING),
      HELD: endOf(run, PAUSING, PAUSED, now),
      PAUSING: DONE,
      PAUSED: DONE,
    },
    resume: { PAUSED: resumption(run), FAILED: resumption(run), STARTING: DONE, SENDING: DONE, HELD: DONE },
    cancel: {
      SCHEDULED: unscheduled(now),
      RECURRING: unscheduled(now),
      STARTING: endOf(run, CANCELLING, CANCELLED, now),
      SENDING: flagged(CANCELLING),
      PAUSING: flagged(CANCELLING),
      HELD: endOf(run, CANCELLING, CANCELLED, now),
      PAUSED: endOf(run, CANCELLING, CANCELLED, now),
      FAILED: endOf(run, CANCELLING, CANCELLED, now),
      CANCELLING: DONE,
      CANCELLED: DONE,
    },
  };
  if (command === 'resume' && state === CampaignState.FAILED && run.generation === 0) {
    return refused(`run ${run.runId} never began: ${run.message}; start it anew with another clientToken`);
  }
  if (command === 'resume' && state === CampaignState.PAUSED && run.reason === CampaignReason.STOPPED_BY_CHANNEL) {
    return refused(`run ${run.runId} was stopped by its channel, which refuses everybody else of it: `
      + 'cancel it, then {"action":"retry","includePending":true} sends to all whom it did not reach once what was refused is mended, or start another campaign');
  }
  const startedAt = Date.parse(run.startedAt ?? run.createdAt);
  if (command === 'resume' && RESUMABLE_STATES.includes(state) && now - startedAt > MAX_RESUME_DAYS * DAY_MS) {
    return refused(`run ${run.runId} began more than ${MAX_RESUME_DAYS} days ago, and channels forget after ${JOURNAL_DAYS} days whom they have sent to: `
      + 'cancel it, and start another campaign for those whom its results do not name');
  }
  return outcomes[command][state] ?? refused(`run ${run.runId} is ${state}, and ${WHY_NOT[command]}; ${hintOf(state)}`);
}

/** What ends a run, or goes on with it, whose execution is gone. */
export function recovery(run: CampaignRun, now: number): RunDecision {
  const { state, generation, automaticResumes } = run;
  if (!ACTIVE_STATES.includes(state)) {
    return DONE;
  }
  if (automaticResumes >= MAX_AUTOMATIC_RESUMES) {
    return {
      kind: 'change',
      then: 'NONE',
      change: {
        state: CampaignState.FAILED,
        reason: CampaignReason.EXECUTION_LOST,
        message: `its execution ended by itself and was resumed ${automaticResumes} times in vain; look at the executions of the state machine, then resume the run`,
        endedAt: iso(now),
        heldUntil: null,
      },
    };
  }
  return {
    kind: 'change',
    then: 'EXECUTE',
    change: {
      generation: generation + 1,
      automaticResumes: automaticResumes + 1,
      // What holds it is found anew.
      ...(state === CampaignState.HELD && { state: CampaignState.SENDING, heldUntil: null }),
    },
  };
}

/** What the chunks of a run are to do by its state. */
export function flagOf({ state, expiresAtTime }: Pick<CampaignRun, 'state' | 'expiresAtTime'>): RunFlag {
  switch (state) {
    case CampaignState.STARTING:
    case CampaignState.SENDING: return { state: 'RUN', ...(expiresAtTime !== undefined && { until: expiresAtTime }) };
    case CampaignState.CANCELLING:
    case CampaignState.CANCELLED:
    case CampaignState.EXPIRED:
    case CampaignState.COMPLETED: return { state: 'CANCEL' };
    default: return { state: 'PAUSE' };
  }
}

/** A run that goes on must end before its channel's journal forgets what was sent first. */
const MAX_RESUME_DAYS = JOURNAL_DAYS - 10;

const DONE: RunDecision = { kind: 'done' };

function refused(message: string): RunDecision {
  return { kind: 'refused', message };
}

const WHY_NOT: { readonly [command in RunCommand]: string } = {
  pause: 'only one that is starting, sending or held can be paused',
  resume: `only one that is ${RESUMABLE_STATES.join(' or ')} can be resumed`,
  cancel: 'what has ended cannot be cancelled',
};

function hintOf(state: CampaignState): string {
  switch (state) {
    case CampaignState.SCHEDULED:
    case CampaignState.RECURRING: return 'cancel it, and start it anew with another clientToken when it is wanted';
    case CampaignState.PAUSING: return 'ask again when it is PAUSED, in a few seconds';
    case CampaignState.CANCELLING: return 'it ends by itself, in a few seconds';
    case CampaignState.FAILED: return 'nothing is sent; resume it, or cancel it';
    default: return 'start a campaign anew with another clientToken, or retry the people who were not reached';
  }
}

/** An execution works on the run and sees to the rest. */
function flagged(state: CampaignState): RunDecision {
  return { kind: 'change', change: { state, reason: CampaignReason.OPERATOR, message: null }, then: 'FLAG' };
}

function unscheduled(now: number): RunDecision {
  return { kind: 'change', change: { state: CampaignState.CANCELLED, reason: CampaignReason.OPERATOR, endedAt: iso(now) }, then: 'UNSCHEDULE' };
}

/** Nobody sends for the run, which may have left people to whom a request went out that is not decided. */
function endOf(run: CampaignRun, passing: CampaignState, end: CampaignState, now: number): RunDecision {
  const change = { reason: CampaignReason.OPERATOR, message: null, heldUntil: null };
  const hasBooks = run.kind === 'SEND' && run.frozen !== undefined;
  if (run.ambiguous || (hasBooks && end === CampaignState.CANCELLED)) {
    return { kind: 'change', then: 'EXECUTE', change: { ...change, state: passing, generation: run.generation + 1, automaticResumes: 0, endedAt: null } };
  }
  // Whoever was left behind may send on.
  return { kind: 'change', then: run.generation > 0 ? 'FLAG' : 'NONE', change: { ...change, state: end, ...(end === CampaignState.CANCELLED && { endedAt: iso(now) }) } };
}

function resumption(run: CampaignRun): RunDecision {
  const wasCanary = run.reason === CampaignReason.CANARY_SENT || run.reason === CampaignReason.CANARY_REFUSED;
  return {
    kind: 'change',
    then: 'EXECUTE',
    change: {
      state: run.frozen ? CampaignState.SENDING : CampaignState.STARTING,
      generation: run.generation + 1,
      automaticResumes: 0,
      reason: null,
      message: null,
      endedAt: null,
      heldUntil: null,
      // Who resumes it has looked at the canary.
      ...(wasCanary && { canaryPassed: true }),
    },
  };
}

function limitOf({ maxDurationMinutes }: CampaignInput, now: number): { readonly expiresAtTime?: string } {
  return maxDurationMinutes === undefined ? {} : { expiresAtTime: iso(now + maxDurationMinutes * MINUTE_MS) };
}

/** Epoch seconds. */
function expiry(from: number, retentionDays: number): number {
  return Math.floor((from + retentionDays * DAY_MS) / 1_000);
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
