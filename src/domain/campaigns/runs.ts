import { CampaignRun, CampaignState, FrozenRecipients } from '../../contract/campaigns';

/** Fields of a run that change after it was created. */
export type ChangeableRunField =
  'state' | 'reason' | 'message' | 'generation' | 'execution' | 'automaticResumes' | 'startAt' | 'startedAt' | 'endedAt' | 'heldUntil' |
  'expiresAtTime' | 'looks' | 'canaryPassed' | 'counts' | 'treatments' | 'reasons' | 'ambiguous' | 'aggregationUnits' | 'expiresAt';

/** What is written over a run: `null` removes a field, an absent one stays. */
export type RunChange = { readonly [K in ChangeableRunField]?: CampaignRun[K] | null };

/** What a look found, written with the look's number. */
export type LookNote = RunChange & { readonly looks: number };

/** What must still be as it was read, so that a change is written. */
export type RunAsRead = Pick<CampaignRun, 'runId' | 'state' | 'generation' | 'looks'>;

/**
 * Runs, as the table keeps them. Every write but the first is conditional on what the caller read; each sets `updatedAt` to `now`.
 * A write that answers `undefined` wrote nothing, because somebody else was first: read again and decide again.
 */
export interface RunsStore {
  /** Read consistently. `undefined`: there is no such run. */
  load(runId: string): Promise<CampaignRun | undefined>;
  /** Writes a run that does not exist. Answers `undefined` when it did so, else the run that exists. */
  create(run: CampaignRun): Promise<CampaignRun | undefined>;
  /**
   * Notes the execution that works on this generation, and `startedAt` with the first. Answers the run as it is then, and `undefined`
   * when the run is gone or of another generation: the execution ends and writes nothing. A repeat by the same execution is no change.
   */
  claim(runId: string, generation: number, execution: string, now: string): Promise<CampaignRun | undefined>;
  /** Conditional on state and generation as read. Whether the change is allowed is the caller's (`campaign-run.ts`). */
  transition(read: RunAsRead, change: RunChange, now: string): Promise<CampaignRun | undefined>;
  /**
   * Notes who was frozen and makes `STARTING` `SENDING`; `PAUSING` and `CANCELLING` stay. Conditional on the generation and on there
   * being no `frozen` yet. Answers the run as it is then; with the `frozen` of an earlier one when there was one, which then counts.
   * `undefined`: the run is gone or of another generation.
   */
  freeze(runId: string, generation: number, frozen: FrozenRecipients, now: string): Promise<CampaignRun | undefined>;
  /** As `transition`, and conditional on `looks` as read: of two looks at the same time one is noted. */
  noteLook(read: RunAsRead, note: LookNote, now: string): Promise<CampaignRun | undefined>;
  /** Runs in a state, the newest first, and where to go on when there are more. */
  list(state: CampaignState, options?: ListRunsOptions): Promise<RunsPage>;
}

export interface ListRunsOptions {
  /** Runs at most. @default 100 */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
  /** Runs created at or after this time, ISO 8601. @default - all */
  readonly createdFrom?: string;
  /** Runs created at or before this time, ISO 8601. @default - all */
  readonly createdTo?: string;
}

export interface RunsPage {
  readonly runs: readonly CampaignRun[];
  /** Opaque. Absent on the last page. */
  readonly next?: string;
}
