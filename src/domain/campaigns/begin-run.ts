import { CampaignObjects } from './campaign-objects';
import { flagOf } from './campaign-run';
import { RunsStore } from './runs';
import { sideBySide } from './side-by-side';
import { ACTIVE_STATES, CampaignConfig, CampaignInput, CampaignRun, CampaignState, PLANNED_PREFIX, runKey } from '../../contract/campaigns';
import { RunFlag } from '../../contract/chunk-send';
import { JobNotification } from '../shared/notification';
import { Telemetry } from '../shared/telemetry';

/** Executions of the runner's state machine, one for each generation of a run. */
export interface Executions {
  /** Begins it, unless it was begun before. */
  start(runId: string, generation: number): Promise<void>;
  /** `NONE`: there was never one, or nobody remembers it. */
  status(runId: string, generation: number): Promise<'RUNNING' | 'ENDED' | 'NONE'>;
}

/** Schedules of the runs to come, named by the runs' ids. */
export interface Schedules {
  /** Unless there is one. `refused`: why the expression is not taken. */
  create(run: Pick<CampaignRun, 'runId' | 'startAt' | 'recurrence'>): Promise<{ readonly refused?: string }>;
  /** Unless there is none. */
  remove(runId: string): Promise<void>;
}

/** What beginning runs works with. */
export interface RunDependencies {
  readonly config: CampaignConfig;
  readonly runs: RunsStore;
  readonly objects: CampaignObjects;
  /** Deletes an object of the bucket. */
  readonly removeObject: (key: string) => Promise<void>;
  readonly executions: Executions;
  readonly schedules: Schedules;
  /** Says where a run is; never throws. */
  readonly announce: (run: CampaignRun) => Promise<void>;
  readonly notify: (notification: JobNotification) => Promise<void>;
  readonly telemetry: Telemetry;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** What chunks of a generation are to do that is not the last one. */
export const SUPERSEDED: RunFlag = { state: 'CANCEL' };

/** Flags that are written at a time. */
const PARALLEL_FLAGS = 20;

/** Key of the input of a run to come. */
export function plannedInputKey(runId: string): string {
  return `${PLANNED_PREFIX}${runId}/input.json`;
}

export function flagKey(runId: string, generation: number): string {
  return runKey(runId, `flags/${generation}.json`);
}

export function contentKey(runId: string, treatment: string): string {
  return runKey(runId, `content/${treatment}`);
}

/**
 * Keeps the input of a run that is about to be written down. The first input counts: of two starts with one token that are made at the
 * same time, and have other inputs, one is refused.
 *
 * @returns the input that is kept; undefined when it is another one
 */
export async function keepInput(key: string, input: CampaignInput, { objects }: Pick<RunDependencies, 'objects'>): Promise<CampaignInput | undefined> {
  if (await objects.create(key, JSON.stringify(input))) {
    return input;
  }
  const kept: CampaignInput = JSON.parse(await objects.read(key) ?? 'null') ?? input;
  // Who asks may be somebody else.
  return JSON.stringify({ ...kept, startedBy: undefined }) === JSON.stringify({ ...input, startedBy: undefined }) ? kept : undefined;
}

/** Writes what each treatment gets, which chunks of any size then point to. A repeat writes the same. */
export async function writeContents(runId: string, input: CampaignInput, { objects }: Pick<RunDependencies, 'objects'>): Promise<void> {
  for (const { name, data } of input.treatments) {
    await objects.write(contentKey(runId, name), data);
  }
}

/** Writes what the chunks are to do, by the run's state. */
export async function writeFlag(run: CampaignRun, { objects }: Pick<RunDependencies, 'objects'>): Promise<void> {
  await objects.write(flagKey(run.runId, run.generation), JSON.stringify(flagOf(run)));
}

/**
 * Has somebody work on the run's generation. The flags come first: chunks begin with them.
 *
 * Functions of earlier generations may be left behind for up to 15 minutes, and read no flag but their own: they are told to stop, for good,
 * or nobody's pause or cancellation would reach them any more. The flag of this generation may be there, written by whoever paused or
 * cancelled the run meanwhile: it stays, because `run` is older then.
 */
export async function execute(run: CampaignRun, { objects, executions }: Pick<RunDependencies, 'objects' | 'executions'>): Promise<void> {
  const { runId, generation } = run;
  const earlier = Array.from({ length: generation - 1 }, (_, n) => n + 1);
  await sideBySide(earlier, PARALLEL_FLAGS, async (each) => objects.write(flagKey(runId, each), JSON.stringify(SUPERSEDED)));
  await objects.create(flagKey(runId, generation), JSON.stringify(flagOf(run)));
  await executions.start(runId, generation);
}

/**
 * Does what a caller before did not come to after the run was written down: its schedule, or its execution. What was done is left alone.
 */
export async function mend(run: CampaignRun, deps: RunDependencies): Promise<void> {
  if (run.state === CampaignState.SCHEDULED || run.state === CampaignState.RECURRING) {
    await deps.schedules.create(run);
  } else if (ACTIVE_STATES.includes(run.state) && await deps.executions.status(run.runId, run.generation) === 'NONE') {
    await execute(run, deps);
    await deps.announce(run);
  }
}
