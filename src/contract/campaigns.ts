/**
 * Campaigns of the `CampaignRunner`: rows of its table, objects of its bucket, steps of its state machine. Fields are only ever added.
 *
 * Rows of the runs' table:
 *
 * | pk | sk | what |
 * | --- | --- | --- |
 * | `RUN#<run id>` | `RUN` | a run, one to come, or one that recurs: `CampaignRun` |
 * | `MAP#<run id>#<chunk>` | position | a map of endpoints that a channel's function was, or is being, invoked with (channels that take no chunks) |
 *
 * The index `state` has `state` and `createdAt` as its keys.
 *
 * Objects of the bucket:
 *
 * | key | what |
 * | --- | --- |
 * | `campaigns/…` | inputs dropped as files |
 * | `rejected/<key>.json` | what is wrong with a dropped file |
 * | `planned/<run id>/input.json` | the input of a run to come, or of one that recurs; nothing may delete it before its time |
 * | `runs/<run id>/input.json` | the input, as it was checked |
 * | `runs/<run id>/content/<treatment>` | `Data` of a treatment |
 * | `runs/<run id>/freeze-<generation>/parts.jsonl` | items of the map that reads recipients: `ReadPart` |
 * | `runs/<run id>/freeze-<generation>/plan.json` | who is to be frozen, and how: `FreezePlan` |
 * | `runs/<run id>/freeze-<generation>/read/<part>.json` | what came of a part: `SpilledPart` |
 * | `runs/<run id>/freeze-<generation>/spilled.json` | `SpilledPart` of every part, as the pack step found them: it goes by them to the end |
 * | `runs/<run id>/freeze-<generation>/packed.json`, `packed-<partition>/<treatment>.jsonl` | how far the pack step came before its time was over |
 * | `runs/<run id>/source-<generation>/<leaf>/…` | what a function wrote that is a source |
 * | `runs/<run id>/chunks-<generation>/<name>.jsonl` | frozen chunks, see `chunk-send.ts` |
 * | `runs/<run id>/chunks-<generation>/index.jsonl` | `FrozenChunk` each |
 * | `runs/<run id>/flags/<generation>.json` | `RunFlag` |
 * | `runs/<run id>/pending/<generation>-<look>.jsonl` | items of the map that sends: `ChunkSendEvent` each |
 * | `runs/<run id>/looks/<generation>-<look>.json` | what a look answered, and what the next one must know of it |
 * | `runs/<run id>/results/<chunk name>.jsonl` | result object of a chunk, see `chunk-send.ts` |
 * | `runs/<run id>/manifest.json` | list of the result objects, and the books: `ResultManifest` |
 * | `runs/<run id>/retried/<status>.json` | `{"runId"}` of the retry that sends to the people who are so |
 * | `runs/<run id>/preview.json` | of a dry run: `CampaignPreview` |
 * | `runs/<run id>/statistics.json` | the channel's statistics, as last collected |
 * | `spill/<run id>/<generation>/<partition>/<part>-<attempt>-<number>.jsonl` | people by the hash of their address, while recipients are frozen |
 */
import { ChunkPreview } from './chunk-send';

export const RUN_PARTITION_KEY = 'pk';
export const RUN_SORT_KEY = 'sk';
export const SORT_KEY_RUN_RECORD = 'RUN';
export const STATE_INDEX = 'state';
export const STATE_INDEX_PARTITION_KEY = 'state';
export const STATE_INDEX_SORT_KEY = 'createdAt';

export function runRecordPartitionKey(runId: string): string {
  return `RUN#${runId}`;
}

export function mapPartitionKey(runId: string, chunkName: string): string {
  return `MAP#${runId}#${chunkName}`;
}

/** Prefix of inputs that are dropped as files. */
export const CAMPAIGN_DROP_PREFIX = 'campaigns/';
/** Prefix of what is wrong with dropped files: `rejected/<key>.json`. */
export const REJECTED_DROP_PREFIX = 'rejected/';
/** Prefix of inputs of runs to come, which are kept as long as they are wanted. */
export const PLANNED_PREFIX = 'planned/';
/** Prefix of everything that belongs to a run. */
export const RUN_PREFIX = 'runs/';
/** Prefix of what is needed while recipients are frozen. */
export const SPILL_PREFIX = 'spill/';

export function runKey(runId: string, name: string): string {
  return `${RUN_PREFIX}${runId}/${name}`;
}

/** People of a chunk, at most: ten multicasts. 1,000,000 people are 200 chunks. */
export const CHUNK_PEOPLE = 5_000;

/** People of the canary of each treatment: one multicast. */
export const CANARY_PEOPLE = 500;

export const MAX_TREATMENTS = 5;

/** What a run is for. */
export type CampaignKind = 'SEND' | 'DRY_RUN' | 'ESTIMATE';

/** Where a run is. */
export enum CampaignState {
  /** Begins at `startAt`. */
  SCHEDULED = 'SCHEDULED',
  /** Not a run itself: begins one each time. */
  RECURRING = 'RECURRING',
  /** Written down; recipients are being frozen, or are about to be. */
  STARTING = 'STARTING',
  /** Recipients are frozen, chunks are sent. */
  SENDING = 'SENDING',
  /** Quiet hours: goes on at `heldUntil`. */
  HELD = 'HELD',
  /** To be paused: what was attempted is driven to a decision. */
  PAUSING = 'PAUSING',
  /** Goes on when it is resumed. */
  PAUSED = 'PAUSED',
  /** To be cancelled: what was attempted is driven to a decision. */
  CANCELLING = 'CANCELLING',
  /** Ended: nobody else is sent to. */
  CANCELLED = 'CANCELLED',
  /** Ended: its time was over, or quiet hours dropped the rest. */
  EXPIRED = 'EXPIRED',
  /** Ended: everybody is decided. */
  COMPLETED = 'COMPLETED',
  /** Could not go on; can be resumed once the cause is mended. */
  FAILED = 'FAILED',
}

/** States of a run that something works on, which the watchdog looks after. */
export const ACTIVE_STATES: readonly CampaignState[] =
  [CampaignState.STARTING, CampaignState.SENDING, CampaignState.HELD, CampaignState.PAUSING, CampaignState.CANCELLING];

/** States in which a run can be resumed. */
export const RESUMABLE_STATES: readonly CampaignState[] = [CampaignState.PAUSED, CampaignState.FAILED];

/** States that a run does not leave. */
export const FINAL_STATES: readonly CampaignState[] = [CampaignState.CANCELLED, CampaignState.EXPIRED, CampaignState.COMPLETED];

/** Why a run is where it is. */
export enum CampaignReason {
  /** Somebody asked for it. */
  OPERATOR = 'OPERATOR',
  /** The canary was refused too often. */
  CANARY_REFUSED = 'CANARY_REFUSED',
  /** The canary waits to be looked at (`canary: "CONFIRM"`). */
  CANARY_SENT = 'CANARY_SENT',
  /** The share of refusals passed the threshold. */
  TOO_MANY_REFUSALS = 'TOO_MANY_REFUSALS',
  /** The channel's month quota is used up, or does not suffice. */
  QUOTA_EXHAUSTED = 'QUOTA_EXHAUSTED',
  /** The channel stopped the run itself (`RUN_STOPPED`). */
  STOPPED_BY_CHANNEL = 'STOPPED_BY_CHANNEL',
  /** The content is wrong for everybody. */
  CONTENT_REFUSED = 'CONTENT_REFUSED',
  /** The channel's credentials do not work. */
  CREDENTIALS_UNAVAILABLE = 'CREDENTIALS_UNAVAILABLE',
  /** The source has nobody who may be sent to. */
  EMPTY_AUDIENCE = 'EMPTY_AUDIENCE',
  /** A chunk object is gone. */
  CHUNK_NOT_FOUND = 'CHUNK_NOT_FOUND',
  /** The channel's function failed for some chunks again and again. */
  CHANNEL_FAILED = 'CHANNEL_FAILED',
  /** `maxDurationMinutes` is over. */
  MAX_DURATION = 'MAX_DURATION',
  /** Quiet hours began, and the rest was dropped as told. */
  QUIET_HOURS = 'QUIET_HOURS',
  /** The recipients could not be frozen. */
  FREEZE_FAILED = 'FREEZE_FAILED',
  /** The execution ended by itself and was resumed in vain. */
  EXECUTION_LOST = 'EXECUTION_LOST',
}

/** People of a run by outcome: the sum is `recipients`, at any time. */
export interface CampaignCounts {
  readonly accepted: number;
  readonly skipped: number;
  readonly failed: number;
  readonly unknown: number;
  /** Not decided yet; when the run has ended without them: nobody is sent to any more. */
  readonly pending: number;
}

/** Which recipients, and what is open in the source's registration. */
export interface SourceChoice {
  readonly name: string;
  /** Of a source registered without a tag. */
  readonly tag?: string;
  /** Of a source registered without a definition: Amazon Pinpoint's segment, or its `Dimensions` or `SegmentGroups`. */
  readonly segment?: { readonly [member: string]: unknown };
  /** Of a source registered without a key: object of the list. */
  readonly key?: string;
}

/** What a share of the people gets. */
export interface Treatment {
  /** Plain name, `0` when there is only one. */
  readonly name: string;
  /** Whole number from 1. */
  readonly weight: number;
  /** `Data` of the channel's events. */
  readonly data: string;
}

/** People of a run who may be sent to again. */
export type RetryStatus = 'failed' | 'unknown' | 'pending';

/** The input of a start, checked and with every default filled in. */
export interface CampaignInput {
  readonly kind: CampaignKind;
  readonly campaign: string;
  readonly source: SourceChoice;
  /** In a fixed order; none of an estimate. */
  readonly treatments: readonly Treatment[];
  /** Per cent of the people who get nothing, for comparison; at most two decimals. */
  readonly holdoutPercent: number;
  /** `AUTO`: the first batch of each treatment goes alone, and the rest when it was not refused; `CONFIRM`: when it is resumed. */
  readonly canary: 'OFF' | 'AUTO' | 'CONFIRM';
  readonly quietHours: 'CONTINUE' | 'DROP' | 'IGNORE';
  /** Refused share of those decided, in per cent, from which on the run is paused. 100: never. */
  readonly pauseAtRefusedPercent: number;
  /** Minutes after the start when what is left is dropped. */
  readonly maxDurationMinutes?: number;
  /** ISO 8601, UTC. */
  readonly startAt?: string;
  /** Each time is a run of its own, also while the one before still goes on: see `readSchedule`. */
  readonly recurrence?: { readonly expression: string; readonly timeZone: string; readonly until?: string };
  readonly clientToken: string;
  /** Name of who started it, as the caller says. */
  readonly startedBy?: string;
  /**
   * Set for a run of people whom another run did not reach, as its counts call them. `unknown`: also those whose request was never
   * decided, and who are undecided in a chunk whose last sending did not come back; `pending`: all others who are undecided.
   */
  readonly retryOf?: { readonly runId: string; readonly statuses: readonly RetryStatus[] };
}

/** A run as the table keeps it; `status` answers with it. Times are ISO 8601. */
export interface CampaignRun {
  readonly pk: string;
  readonly sk: typeof SORT_KEY_RUN_RECORD;
  readonly runId: string;
  readonly kind: CampaignKind;
  readonly campaign: string;
  readonly source: string;
  readonly state: CampaignState;
  readonly reason?: CampaignReason;
  /** What happened, in a sentence for the operator. */
  readonly message?: string;
  /** SHA-256 of the input: an equal `clientToken` with another input is refused. */
  readonly inputHash: string;
  readonly startedBy?: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly startAt?: string;
  /** `from`: ISO 8601, the first time of a rate, which counts from when it was planned. */
  readonly recurrence?: NonNullable<CampaignInput['recurrence']> & { readonly from?: string };
  /** Run id of the recurring record that began it. */
  readonly recurrenceOf?: string;
  readonly retryOf?: string;
  /** Grows by one with each execution: an older one has nothing to say any more. */
  readonly generation: number;
  /** ARN of the execution that works on it. */
  readonly execution?: string;
  /** How often the watchdog resumed it since somebody last did. */
  readonly automaticResumes: number;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly heldUntil?: string;
  /** When what is left is dropped. */
  readonly expiresAtTime?: string;
  readonly frozen?: FrozenRecipients;
  /** Looks so far, which number the waves. */
  readonly looks: number;
  /** The canary was looked at, or there is none to look at. */
  readonly canaryPassed?: boolean;
  readonly counts?: CampaignCounts;
  /** By treatment. */
  readonly treatments?: { readonly [treatment: string]: CampaignCounts & { readonly recipients: number } };
  /** Why people were left out, refused or are unknown: code → how many. */
  readonly reasons?: { readonly [code: string]: number };
  /** People of `counts.pending` to whom a request went out that is not decided. Absent: nobody. */
  readonly ambiguous?: number;
  readonly aggregationUnits?: readonly string[];
  /** Epoch seconds, DynamoDB's time to live. */
  readonly expiresAt?: number;
}

/** Who was frozen, and who was not. */
export interface FrozenRecipients {
  /** Of the chunks' prefix. */
  readonly generation: number;
  readonly chunks: number;
  /** People in chunks. */
  readonly recipients: number;
  readonly holdout: number;
  /** People of the source who are left out: opted out, inactive, erased. */
  readonly optedOut: number;
  /** Ids of lists that the subscriber table does not know, or that are no LINE user ids. */
  readonly notSubscribed: number;
  /** The same person several times. */
  readonly duplicates: number;
  /** People by treatment. */
  readonly treatments: { readonly [treatment: string]: number };
}

/** A line of a run's chunk index. */
export interface FrozenChunk {
  /** `<treatment>-<number>`; key is `runs/<run id>/chunks-<generation>/<name>.jsonl`. */
  readonly name: string;
  readonly treatment: string;
  readonly people: number;
  /** The first batch of its treatment, a chunk of its own. */
  readonly canary?: true;
}

/** Longest that runs are remembered and their objects kept, unless told. */
export const DEFAULT_RUN_RETENTION_DAYS = 90;

// ------------------------------------------------------------------------------------------------ sources

/** Where recipients come from, as the construct registers it. */
export type SourceConfig =
  | { readonly kind: 'subscribers' }
  /** Without a tag: the choice names it. */
  | { readonly kind: 'tag'; readonly tag?: string }
  /** Amazon Pinpoint's segment, or its `Dimensions` or `SegmentGroups`; without: the choice brings it. `segments`: what ids in `SourceSegments` stand for. */
  | { readonly kind: 'segment'; readonly segment?: unknown; readonly segments?: { readonly [id: string]: SourceConfig } }
  /** JSON Lines, CSV or plain lines of LINE user ids or endpoints; without a key: the choice names it. */
  | { readonly kind: 'list'; readonly bucket: string; readonly key?: string; readonly includeUnknown?: boolean }
  /** A function that writes a list; see `RecipientFunctionEvent`. */
  | { readonly kind: 'function'; readonly functionArn: string; readonly includeUnknown?: boolean }
  | { readonly kind: 'difference'; readonly of: SourceConfig; readonly without: SourceConfig }
  | { readonly kind: 'intersection'; readonly of: SourceConfig; readonly and: SourceConfig }
  /** Stable: the same people every time for the same seed. */
  | { readonly kind: 'sample'; readonly of: SourceConfig; readonly percent: number; readonly seed: string };

/** What a `function` source is invoked with. It writes objects of JSON Lines below the prefix and answers nothing. */
export interface RecipientFunctionEvent {
  readonly runId: string;
  readonly campaign: string;
  readonly bucket: string;
  readonly prefix: string;
}

/** What a runner's control function must know of a source to check an input: which members of `SourceChoice` it needs. */
export type SourceNeeds = { readonly [source: string]: readonly ('tag' | 'segment' | 'key')[] };

// ------------------------------------------------------------------------------------------------ steps of the state machine

/** Input of the state machine. */
export interface CampaignExecution {
  readonly runId: string;
  readonly generation: number;
}

/**
 * Input of the plan step. With what it answers the state machine goes on: `read` → the map over `parts`, then pack; `look` → look,
 * because the recipients are frozen.
 */
export interface PlanInput extends CampaignExecution {
  /** ARN of the execution. */
  readonly execution: string;
  /** Every registered source. */
  readonly sources: { readonly [name: string]: SourceConfig };
}
/** What the state machine says: the sources as JSON text, because a member whose name ends in `.$` would be a path to it. */
export interface PlanStepInput extends Omit<PlanInput, 'sources'> {
  readonly sources: string;
}
export interface PlanAnswer {
  readonly next: 'READ' | 'LOOK' | 'END';
  readonly parts?: { readonly bucket: string; readonly key: string };
}

/** A leaf of a source's expression; the number is its place in `FreezePlan.leaves`. */
export type SourceLeaf =
  /** All subscribers, or those for whom the filter is true. */
  | { readonly kind: 'table'; readonly filter?: unknown }
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'list'; readonly bucket: string; readonly key: string; readonly includeUnknown: boolean }
  /** Everything below the prefix. */
  | { readonly kind: 'lists'; readonly bucket: string; readonly prefix: string; readonly includeUnknown: boolean }
  /** People whom another run did not reach, with the treatment that they had. */
  | { readonly kind: 'undelivered'; readonly runId: string; readonly statuses: readonly string[] };

/** Who belongs to a source, asked of one person. */
export type SourceExpression =
  | { readonly leaf: number }
  | { readonly all: readonly SourceExpression[] }
  | { readonly any: readonly SourceExpression[] }
  | { readonly not: SourceExpression }
  | { readonly sample: SourceExpression; readonly percent: number; readonly seed: string };

/** `runs/<run id>/freeze-<generation>/plan.json` */
export interface FreezePlan {
  readonly leaves: readonly SourceLeaf[];
  readonly expression: SourceExpression;
  /** Of the spill. */
  readonly partitions: number;
  readonly parts: number;
  /** Rows of the subscriber table are read whole, so that other leaves need ids only. */
  readonly readsTable: boolean;
  /** Epoch milliseconds of the plan: what segments call now. */
  readonly at: number;
}

/** Item of the map that reads recipients. */
export interface ReadPart extends CampaignExecution {
  readonly part: number;
  /** Leaves that it is read for: all `table` leaves together, or one other. */
  readonly leaves: readonly number[];
  /** Of a scan: which of how many. Of a tag: shards from … to (excluded). Of an object: nothing. */
  readonly segment?: number;
  readonly totalSegments?: number;
  readonly fromShard?: number;
  readonly toShard?: number;
  /** Of a list: its object. Of an `undelivered` leaf: key of the other run's chunk … */
  readonly bucket?: string;
  readonly key?: string;
  /** … and its name; whoever is undecided in it may have been reached all the same. */
  readonly chunk?: string;
  readonly inDoubt?: true;
}

/** What came of a part. */
export interface ReadPartResult {
  readonly part: number;
  /** Rows of the table, members of the tag, lines of the list. */
  readonly rows: number;
  readonly optedOut: number;
  readonly notSubscribed: number;
  /** Lines of the list without a LINE user id. */
  readonly rejected: number;
  /** Why the part cannot be read, however often it is tried. */
  readonly problem?: string;
}

/** `runs/<run id>/freeze-<generation>/read/<part>.json`, and where its people are in the spill. */
export interface SpilledPart extends ReadPartResult {
  /** Part of the names of its objects. Of two attempts that were at it the one counts whose result was written last. */
  readonly attempt: string;
  /** Objects by partition. */
  readonly objects: readonly number[];
}

/** A line of the spill. */
export interface SpillLine {
  /** LINE user id, by whose hash it is in its partition. */
  readonly id: string;
  /** Leaves that the person belongs to. */
  readonly leaves: readonly number[];
  /** Present when the line knows the person's endpoint … */
  readonly endpoint?: { readonly [member: string]: unknown };
  /** … or why the person is not sent to. */
  readonly out?: 'optedOut' | 'notSubscribed';
  /** Of `undelivered` leaves. */
  readonly treatment?: string;
  /** Members of the endpoint that a list brings: they go over those that the table knows. */
  readonly given?: { readonly [member: string]: unknown };
}

/** Names of errors that a step throws again however often it is repeated: a list that is wrong stays wrong. */
export const LASTING_ERRORS = ['RecipientsError', 'SourceError'] as const;

/** Answer of the pack step: `again` when its time was over before everything was packed. */
export interface PackAnswer {
  readonly again: boolean;
}

/** Input of the look step. */
export interface LookInput extends CampaignExecution {
  /** When the state was entered, as the state machine says: equal for a repeat, which then answers the same. */
  readonly entered?: string;
  /** After something threw. */
  readonly error?: FailedExecution['error'];
}

/** Answer of the look step. */
export interface LookAnswer {
  readonly next: 'SEND' | 'WAIT' | 'END';
  /** Items of the map that sends. */
  readonly pending?: { readonly bucket: string; readonly key: string };
  /** ISO 8601, of `WAIT`. */
  readonly at?: string;
}

/** Input of the look step after something threw. */
export interface FailedExecution extends CampaignExecution {
  readonly error: { readonly Error?: string; readonly Cause?: string };
}

/** `runs/<run id>/manifest.json` */
export interface ResultManifest {
  readonly runId: string;
  readonly campaign: string;
  readonly state: CampaignState;
  readonly recipients: number;
  readonly counts: CampaignCounts;
  readonly bucket: string;
  /** Result objects, `ChunkSendResult` in the first line, `ChunkResultLine` in the others. */
  readonly results: readonly { readonly key: string; readonly treatment: string; readonly recipients: number }[];
  /** Chunks of which nothing is known. */
  readonly missing: readonly string[];
}

/** `runs/<run id>/preview.json`, and in the answer of `status` for a dry run. */
export interface CampaignPreview {
  readonly recipients: FrozenRecipients;
  readonly treatments: { readonly [treatment: string]: ChunkPreview };
  /** Messages that LINE bills; requests to LINE at most when everybody gets the same; US dollars of AWS at list prices (docs/cost.md). */
  readonly cost: { readonly messages: number; readonly requests: number; readonly awsUsd: number };
}

// ------------------------------------------------------------------------------------------------ events and settings

/** `source` of the events of a runner. */
export const CAMPAIGN_EVENT_SOURCE = 'line.campaigns';
/** Detail type; the detail is `CampaignRunDetail`. At least once per change. */
export const CAMPAIGN_RUN_CHANGED = 'CampaignRunChanged';

export interface CampaignRunDetail {
  /** Name of the runner. */
  readonly runner: string;
  readonly runId: string;
  readonly campaign: string;
  readonly kind: CampaignKind;
  readonly state: CampaignState;
  readonly reason?: CampaignReason;
  readonly recipients?: number;
  readonly counts?: CampaignCounts;
  /** ISO 8601. */
  readonly at: string;
}

/**
 * Body of a notification on the runner's topic, in the shape of AWS's "Automatic Amazon Pinpoint Campaign Creation"; the message attribute
 * `notification_type` is `started`, `success` or `failure`; for runs that send nothing, `finished` in the place of `success`.
 */
export interface CampaignNotification {
  readonly Message:
    | 'Campaign Started' | 'Campaign Successful' | 'Campaign Failed' | 'Campaign Paused' | 'Campaign Cancelled' | 'Campaign Expired'
    | `${'Dry Run' | 'Estimate'} ${'Started' | 'Finished' | 'Failed' | 'Paused' | 'Cancelled'}`;
  readonly CampaignCreateResult: {
    /** Name of the campaign. */
    readonly CampaignId: string;
    /** Name of the source. */
    readonly SegmentId: string;
    readonly CampaignStatus: CampaignState;
    /** As Pinpoint says it of an activity; not of runs that send nothing. */
    readonly Result?: 'SUCCESS' | 'FAILURE';
    /** ISO 8601. */
    readonly Start?: string;
    readonly End?: string;
    readonly SuccessfulEndpointCount?: number;
    readonly TotalEndpointCount?: number;
    readonly RunId: string;
    readonly Kind: CampaignKind;
    readonly Reason?: CampaignReason;
    /** What happened, in a sentence. */
    readonly Description?: string;
    readonly Counts?: CampaignCounts;
  };
}

/** Hours in which nobody is sent to, in a time zone; they may pass midnight. */
export interface QuietHoursConfig {
  /** `21:00` */
  readonly from: string;
  /** `09:00`, excluded. */
  readonly to: string;
  /** IANA name. */
  readonly timeZone: string;
}

/** Settings of a runner, one environment variable for all of its functions. */
export interface CampaignConfig {
  /** Name of the runner: value of the events' `runner` and of `ApplicationId`. */
  readonly runner: string;
  /** The channel takes chunks; else it is invoked with maps of so many endpoints. */
  readonly takesChunks: boolean;
  readonly maxEndpoints: number;
  readonly quietHours?: QuietHoursConfig;
  readonly pauseAtRefusedPercent: number;
  readonly maxDurationMinutes?: number;
  readonly canary: 'OFF' | 'AUTO' | 'CONFIRM';
  readonly retentionDays: number;
}
