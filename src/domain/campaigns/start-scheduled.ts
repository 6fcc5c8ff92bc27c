import { RunDependencies, execute, keepInput, mend, plannedInputKey, writeContents } from './begin-run';
import { runIdOf } from './campaign-input';
import { readJson } from './campaign-objects';
import { beginning, newRun } from './campaign-run';
import { inputKey } from './freeze-plan';
import { CampaignInput, CampaignRun, CampaignState } from '../../contract/campaigns';

const MINUTE_MS = 60_000;

/**
 * Begins a run whose time has come, or the next one of a run that recurs. An invocation that comes twice begins one run: that of the
 * minute for which it was scheduled.
 *
 * @param scheduledTime ISO 8601; a platform that does not tell it leaves EventBridge Scheduler's keyword there, which stands for now
 * @returns the run; undefined when there is nothing to begin any more
 */
export async function startScheduled(run: CampaignRun, scheduledTime: unknown, deps: RunDependencies): Promise<CampaignRun | undefined> {
  switch (run.state) {
    case CampaignState.SCHEDULED: return begin(run, deps);
    case CampaignState.RECURRING: return beginOccurrence(run, scheduledTime, deps);
    default:
      deps.telemetry.info('CAMPAIGN_SCHEDULE_OVER', 'a schedule asked for a run that has begun or ended; there is nothing to begin', { runId: run.runId, state: run.state });
      await mend(run, deps);
      return undefined;
  }
}

async function begin(run: CampaignRun, deps: RunDependencies): Promise<CampaignRun> {
  const { config, runs, objects, now } = deps;
  const { runId } = run;
  const input = await readJson<CampaignInput>(objects, plannedInputKey(runId));
  await keepInput(inputKey(runId), input, deps);
  await writeContents(runId, input, deps);
  const begun = await runs.transition(run, beginning(input, config, now()), new Date(now()).toISOString());
  if (!begun) {
    // Begun by another invocation, or cancelled.
    return await runs.load(runId) ?? run;
  }
  await execute(begun, deps);
  await deps.announce(begun);
  await deps.removeObject(plannedInputKey(runId));
  return begun;
}

async function beginOccurrence(recurring: CampaignRun, scheduledTime: unknown, deps: RunDependencies): Promise<CampaignRun | undefined> {
  const { config, runs, objects, now, telemetry } = deps;
  const told = typeof scheduledTime === 'string' ? Date.parse(scheduledTime) : NaN;
  const at = Math.floor((Number.isNaN(told) ? now() : told) / MINUTE_MS) * MINUTE_MS;
  if (recurring.recurrence?.until !== undefined && at > Date.parse(recurring.recurrence.until)) {
    telemetry.info('CAMPAIGN_SCHEDULE_OVER', 'a schedule asked for a run after its end; there is nothing to begin', { runId: recurring.runId, state: recurring.state });
    return undefined;
  }
  const clientToken = `${recurring.runId}/${new Date(at).toISOString()}`;
  const runId = runIdOf(clientToken, recurring.kind, config.runner);
  const existing = await runs.load(runId);
  if (existing) {
    await mend(existing, deps);
    return existing;
  }
  const { recurrence, ...once } = await readJson<CampaignInput>(objects, plannedInputKey(recurring.runId));
  const input: CampaignInput = { ...once, clientToken };
  await keepInput(inputKey(runId), input, deps);
  await writeContents(runId, input, deps);
  const run = newRun({ runId, input, inputHash: recurring.inputHash, recurrenceOf: recurring.runId }, config, now());
  const other = await runs.create(run);
  if (other) {
    await mend(other, deps);
    return other;
  }
  await execute(run, deps);
  await deps.announce(run);
  return run;
}
