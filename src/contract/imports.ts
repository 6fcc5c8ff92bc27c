/**
 * Imports of subscribers: objects of the import's bucket, steps of its state machine. Fields are only ever added.
 *
 * | key | what |
 * | --- | --- |
 * | `<prefix>…` | files dropped to be imported |
 * | `imports/<import id>/claim.json` | the import was begun: `ImportClaim` |
 * | `imports/<import id>/chunks/<number>.jsonl` | frozen rows: `ImportRow` each |
 * | `imports/<import id>/items.jsonl` | items of the map that writes: `WriteItem` each |
 * | `imports/<import id>/sweeps.jsonl` | items of the map that sweeps a tag, after it: `WriteItem` each |
 * | `imports/<import id>/stats.json` | what was found in the file: `ImportStats` |
 * | `imports/<import id>/results/<number>.json` | what came of an item: `WriteResult` |
 * | `imports/<import id>/rejects/<part>.jsonl` | rows that are not imported: `RejectedRow` each |
 * | `imports/<import id>/summary.json` | `ImportSummary` |
 *
 * The import id is a hash of the import's name, bucket, key and the object's version or sequencer: one event delivered twice is one import.
 */
import { SubscriberEndpoint } from './subscriber';

export const IMPORT_PREFIX = 'imports/';

export function importKey(importId: string, name: string): string {
  return `${IMPORT_PREFIX}${importId}/${name}`;
}

/** Rows of a chunk, at most. */
export const IMPORT_CHUNK_ROWS = 5_000;

/** How a file is read. */
export type ImportFormat = 'AUTO' | 'CSV' | 'JSON_LINES' | 'USER_IDS';

/** Which tag imported subscribers get. */
export type ImportTag = { readonly kind: 'none' } | { readonly kind: 'fixed'; readonly tag: string } | { readonly kind: 'fileName' };

/** Settings of an import, one environment variable for all of its functions. */
export interface ImportConfig {
  /** Value of notifications and metrics. */
  readonly name: string;
  readonly channelKey: string;
  readonly format: ImportFormat;
  /** Column of the file → member of the endpoint as a dotted path, `''` to leave it out. */
  readonly columns: { readonly [column: string]: string };
  /** Where columns go that are neither an endpoint's nor mapped: `Attributes.<column>`, nowhere, or they refuse the file. */
  readonly otherColumns: 'ATTRIBUTES' | 'IGNORE' | 'REFUSE';
  /** Of the rows, in per cent, above which nothing is imported. */
  readonly maxRejectedPercent: number;
  /** Of a synchronisation of followers: of the subscribers, in per cent, above which nobody is opted out. */
  readonly maxAbsentPercent?: number;
  readonly allowReOptIn: boolean;
  readonly tag: ImportTag;
  /** The tag is taken from subscribers who are not in the file. */
  readonly replaceTag: boolean;
}

/** A row, checked and mapped. */
export interface ImportRow {
  /** Line of the file on which the row begins, from 1. */
  readonly line: number;
  readonly endpoint: Omit<SubscriberEndpoint, 'EffectiveDate'>;
  /** Epoch milliseconds: the row's `EffectiveDate`, else the time of the file. */
  readonly at: number;
}

/** A row, or a field of it, that is not imported. */
export interface RejectedRow {
  readonly line: number;
  /** Column or member; absent when the row as a whole cannot be read. */
  readonly column?: string;
  /** At most 200 characters. */
  readonly value?: string;
  readonly reason: string;
}

/** What the steps `freeze` and `listFollowers` are invoked with. */
export interface FreezeInput<I = ImportExecution | FollowerSyncInput> {
  /** Input of the state machine. */
  readonly input: I;
  /** ARN of the execution. */
  readonly execution: string;
  /** ISO 8601, start of the execution. */
  readonly startedAt: string;
}

/** What the step `finish` is invoked with: the answer of the freeze step, or what was thrown. */
export interface FinishInput extends FreezeInput {
  readonly freeze?: FreezeAnswer;
  readonly error?: { readonly Error?: string; readonly Cause?: string };
}

/** Input of the state machine of `FollowerSync`: EventBridge's scheduled event, or `{}` by hand. */
export interface FollowerSyncInput {
  readonly id?: string;
}

/** Input of the state machine: EventBridge's event of S3, or the same by hand. */
export interface ImportExecution {
  readonly detail: {
    readonly bucket: { readonly name: string };
    readonly object: { readonly 'key': string; readonly 'size'?: number; readonly 'version-id'?: string; readonly 'sequencer'?: string; readonly 'etag'?: string };
  };
}

export interface ImportClaim {
  /** ARN of the execution, or what else began it. */
  readonly owner: string;
  /** ISO 8601. */
  readonly claimedAt: string;
}

/**
 * Answer of the freeze step. `SKIP`: another execution imports it, or it is a folder marker or empty. `REFUSE`: too much of it is wrong.
 * `AGAIN`: its time was over before everything was frozen.
 */
export interface FreezeAnswer {
  readonly next: 'WRITE' | 'SKIP' | 'REFUSE' | 'AGAIN';
  readonly importId: string;
  /** Items of the map that writes; present with `WRITE`, perhaps without a line. */
  readonly items?: { readonly bucket: string; readonly key: string };
  /** Items of the map that sweeps the tag, run after the other one; absent when there is nothing to sweep. */
  readonly sweeps?: { readonly bucket: string; readonly key: string };
}

/**
 * `imports/<import id>/stats.json`, written by the freeze step after everything else, for the last step. Absent: the freeze
 * step did not get through the file.
 */
export interface ImportStats {
  readonly importId: string;
  /** Key of the file. */
  readonly file: string;
  /** ISO 8601, when the import was claimed. */
  readonly startedAt: string;
  /** Rows of the file, the header and blank lines apart. Each is frozen, ignored or rejected. */
  readonly rows: number;
  readonly frozen: number;
  /** Rows of other channels, such as the `EMAIL` endpoints of a Pinpoint export; they are not wrong. */
  readonly ignored: number;
  readonly rejected: number;
  /** Columns and members that went nowhere, the first 20. */
  readonly leftOut: readonly string[];
  /** The tag that the subscribers get. */
  readonly tag?: string;
  /** Why nothing is imported, in a sentence for the operator. */
  readonly refused?: string;
  /** Present and true when the reason quotes the file's first row: a file without a header has a person there. Then only the summary has it. */
  readonly quotesHeader?: true;
}

/** Item of the map that writes: a chunk of rows, or, after all of those, a shard of a tag to be swept. */
export interface WriteItem {
  readonly importId: string;
  readonly number: number;
  /** Object of `ImportRow`. */
  readonly chunk?: { readonly bucket: string; readonly key: string };
  /** Takes the tag from those of the shard who were not in the file. */
  readonly sweep?: { readonly tag: string; readonly shard: number };
  readonly tag?: string;
}

/** `imports/<import id>/results/<number>.json` */
export interface WriteResult {
  readonly number: number;
  /** New subscribers. */
  readonly created: number;
  /** Subscribers of whom something was changed. */
  readonly updated: number;
  /** Subscribers who are as the file says, or newer. */
  readonly unchanged: number;
  /** Rows of people who are opted out here and not in the file; left opted out. */
  readonly keptOptedOut: number;
  /** Rows of people who were erased; not written. */
  readonly erased: number;
  readonly tagged: number;
  readonly untagged: number;
  readonly rejected: readonly RejectedRow[];
}

/** `imports/<import id>/summary.json`, and in the notifications. */
export interface ImportSummary {
  readonly importId: string;
  readonly file: string;
  readonly status: 'COMPLETED' | 'FAILED';
  /** Why it failed, in a sentence for the operator. */
  readonly message?: string;
  readonly rows: number;
  readonly imported: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly keptOptedOut: number;
  readonly erased: number;
  /** Rows of other channels, such as the `EMAIL` endpoints of a Pinpoint export; they are not wrong. */
  readonly ignored: number;
  readonly tagged: number;
  readonly untagged: number;
  readonly rejected: number;
  /** Columns and members of the file that went nowhere, the first 20; absent when there are none. */
  readonly leftOut?: readonly string[];
  /** Prefix of the objects of rejected rows. */
  readonly rejects: string;
  readonly tag?: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string;
}

/** Bodies of the notifications, in the shape of the "Amazon S3 Triggered Endpoint Imports" architecture; attribute `notification_type`. */
export type ImportNotification =
  | { readonly Message: 'Import Started'; readonly Input: { readonly S3URL: string; readonly ImportId: string } }
  | { readonly Message: 'Import Successful' | 'Import Failed'; readonly ImportResult: ImportSummary };
