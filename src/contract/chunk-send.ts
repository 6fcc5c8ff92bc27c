/**
 * The custom-channel event of this library's own runner: instead of `Endpoints` it points to a frozen chunk of recipients.
 * Fields are only ever added.
 *
 * A chunk is an object of JSON Lines, `{"id":"<endpoint id>","endpoint":{…}}` each, in an order that never changes.
 */
import { CustomChannelEvent, LineStatus, SendErrorCode } from './custom-channel';
import { SendCounts } from './send-events';

/** An object in S3. */
export interface ObjectPlace {
  readonly Bucket: string;
  readonly Key: string;
}

export interface ChunkSendEvent extends Omit<CustomChannelEvent, 'Endpoints'> {
  readonly Chunk: ObjectPlace & {
    /** @default - the current version */
    readonly VersionId?: string;
  };
  /** Object that holds `Data`, which may be longer there than a state machine's state. @default - `Data` */
  readonly Content?: ObjectPlace;
  /** Object that holds a `RunFlag`, read before each batch. @default - nothing stops the chunk */
  readonly Flag?: ObjectPlace;
  /** Where the result object is written, over an earlier one. @default - no result object */
  readonly Result?: ObjectPlace;
  /** Nothing is sent or written; the answer is a `ChunkPreview`. */
  readonly Preview?: {
    /** The first so many people of the chunk. */
    readonly People: number;
  };
}

/** One line of a chunk. */
export interface ChunkLine {
  readonly id: string;
  /** As in `CustomChannelEvent.Endpoints`. */
  readonly endpoint: { readonly [member: string]: unknown };
}

/** What a run's chunks are to do, as JSON. */
export interface RunFlag {
  /** `PAUSE`, `CANCEL`: what was attempted is driven to a decision, nothing else is begun; with `CANCEL` only what may have been taken. */
  readonly state: 'RUN' | 'PAUSE' | 'CANCEL';
  /** ISO 8601: from then on as if stopped by `CANCEL`, but to be gone on with later. */
  readonly until?: string;
}

/** Answer of the chunk function, and the first line of its result object. A repeat with the same chunk goes on with what is pending. */
export interface ChunkSendResult {
  readonly runId: string;
  readonly recipients: number;
  readonly counts: SendCounts & { readonly pending: number };
  /** Why people were left out, refused or are unknown: code → how many. */
  readonly reasons?: { readonly [code in SendErrorCode]?: number };
  /** Batch ids of what is not decided. */
  readonly undone: readonly string[];
  /** People of undone batches that LINE may have taken. */
  readonly ambiguous?: number;
  /** Why the chunk was not gone on with. */
  readonly stopped?: SendErrorCode;
  /** Units that LINE counts the chunk's messages under, see `customAggregationUnits`. */
  readonly aggregationUnits?: readonly string[];
}

/** Every further line of a result object: what became of a person. */
export interface ChunkResultLine {
  /** Endpoint id. */
  readonly id: string;
  /** Address; absent of people who were left out. */
  readonly to?: string;
  /** `deferred`: not decided yet. */
  readonly status: LineStatus;
  /** Of `deferred` people: one of those that `ChunkSendResult.ambiguous` counts. */
  readonly ambiguous?: true;
  /** Absent of people who are `accepted` or `deferred`. */
  readonly code?: string;
  /** The channel's id of the accepted request, LINE's `x-line-request-id`. */
  readonly requestId?: string;
}

/** What people of a chunk would get. */
export interface ChunkPreview {
  readonly people: readonly {
    /** Endpoint id. */
    readonly id: string;
    /** What would be sent. */
    readonly messages?: readonly unknown[];
    /** Why nothing would be. */
    readonly code?: string;
  }[];
  /** What is wrong with the content for everybody. */
  readonly problem?: { readonly code: string; readonly message: string };
  /** Messages of the month; absent when the channel does not tell. */
  readonly quota?: { readonly limit?: number; readonly used: number; readonly remaining?: number };
}
