import { RunDependencies, execute, writeFlag } from './begin-run';
import { recovery } from './campaign-run';
import { startScheduled } from './start-scheduled';
import { ACTIVE_STATES, CampaignRun, CampaignState } from '../../contract/campaigns';
import { errorText } from '../shared/error-text';

export interface WatchDependencies extends RunDependencies {
  /** Milliseconds until Lambda ends the invocation. */
  readonly remainingMs: () => number;
}

const MINUTE_MS = 60_000;

/** Whoever changed a run has so long to do what follows. */
const GRACE_MS = 3 * MINUTE_MS;

/** A schedule has so long to begin its run. */
const SCHEDULE_GRACE_MS = 10 * MINUTE_MS;

/** So long after it was written down a run to come is looked at, whether it has its schedule. */
const MEND_SCHEDULE_MS = 60 * MINUTE_MS;

/** Less time than this is left to the next invocation. */
const RESERVE_MS = 20_000;

/** What the watchdog found and did. */
export interface WatchReport {
  readonly watched: number;
  readonly resumed: number;
  readonly failed: number;
  readonly started: number;
}

/**
 * Looks after runs that nobody works on any more: those whose execution ended by itself, or that never had one, because whoever started
 * them was ended half way, are given another, three times, and then are `FAILED`; those whose time is past are begun. What a run is to do is
 * written down anew for those that are being paused or cancelled.
 *
 * What goes wrong with one run does not keep it from the others.
 */
export async function watchRuns(deps: WatchDependencies): Promise<WatchReport> {
  const counts = { watched: 0, resumed: 0, failed: 0, started: 0 };
  const states = [...ACTIVE_STATES, CampaignState.SCHEDULED, CampaignState.RECURRING];
  for (const state of states) {
    for await (const run of runsIn(state, deps)) {
      if (deps.remainingMs() < RESERVE_MS) {
        deps.telemetry.warn('CAMPAIGN_WATCH_CUT_SHORT', 'there are more runs than the watchdog has time for; the next invocation begins with the newest again', counts);
        return counts;
      }
      counts.watched++;
      try {
        const did = ACTIVE_STATES.includes(state) ? await watchActive(run, deps) : await watchPlanned(run, deps);
        if (did) {
          counts[did]++;
        }
      } catch (error) {
        deps.telemetry.error('CAMPAIGN_WATCH_FAILED', 'a run could not be looked after; the watchdog tries again in five minutes', { runId: run.runId, state, reason: errorText(error) });
      }
    }
  }
  return counts;
}

async function* runsIn(state: CampaignState, { runs }: WatchDependencies): AsyncGenerator<CampaignRun> {
  let after: string | undefined;
  do {
    const page = await runs.list(state, after === undefined ? {} : { after });
    yield* page.runs;
    after = page.next;
  } while (after !== undefined);
}

async function watchActive(listed: CampaignRun, deps: WatchDependencies): Promise<'resumed' | 'failed' | undefined> {
  const { runs, executions, telemetry, now } = deps;
  const { runId } = listed;
  if (await executions.status(runId, listed.generation) === 'RUNNING') {
    if (listed.state === CampaignState.PAUSING || listed.state === CampaignState.CANCELLING) {
      await writeFlag(listed, deps);
    }
    return undefined;
  }
  // The index is behind the table, and an execution that has ended wrote before it did.
  const run = await runs.load(runId);
  if (!run || run.generation !== listed.generation || !ACTIVE_STATES.includes(run.state) || now() - Date.parse(run.updatedAt) < GRACE_MS) {
    return undefined;
  }
  const decision = recovery(run, now());
  const changed = decision.kind === 'change' ? await runs.transition(run, decision.change, new Date(now()).toISOString()) : undefined;
  if (!changed) {
    return undefined;
  }
  if (changed.state === CampaignState.FAILED) {
    await writeFlag(changed, deps);
    telemetry.error('CAMPAIGN_RUN_LOST', 'nobody worked on a run any more, and resuming it was in vain; it is FAILED now and can be resumed', { runId, generation: changed.generation });
    await deps.announce(changed);
    return 'failed';
  }
  telemetry.warn('CAMPAIGN_RUN_RESUMED', 'nobody worked on a run any more; it was given another execution', {
    runId, state: changed.state, generation: changed.generation, automaticResumes: changed.automaticResumes,
  });
  await execute(changed, deps);
  return 'resumed';
}

async function watchPlanned(listed: CampaignRun, deps: WatchDependencies): Promise<'started' | undefined> {
  const { runs, schedules, now } = deps;
  const { startAt, recurrence, createdAt } = listed;
  if (startAt !== undefined && now() - Date.parse(startAt) > SCHEDULE_GRACE_MS) {
    const run = await runs.load(listed.runId);
    if (run?.state !== CampaignState.SCHEDULED) {
      return undefined;
    }
    await startScheduled(run, startAt, deps);
    await schedules.remove(run.runId);
    return 'started';
  }
  if (recurrence?.until !== undefined && now() - Date.parse(recurrence.until) > SCHEDULE_GRACE_MS) {
    const at = new Date(now()).toISOString();
    const ended = await runs.transition(listed, { state: CampaignState.COMPLETED, message: `it recurred until ${recurrence.until}`, endedAt: at }, at);
    if (ended) {
      await schedules.remove(listed.runId);
      await deps.announce(ended);
    }
    return undefined;
  }
  const age = now() - Date.parse(createdAt);
  if (age > GRACE_MS && age < MEND_SCHEDULE_MS) {
    await schedules.create(listed);
  }
  return undefined;
}
