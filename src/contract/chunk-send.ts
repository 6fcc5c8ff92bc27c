/**
 * The custom-channel event of this library's own runner: instead of `Endpoints` it points to a frozen chunk of recipients.
 * Fields are only ever added.
 *
 * A chunk is an object of JSON Lines, `{"id":"<endpoint id>","endpoint":{…}}` each, in an order that never changes.
 */
import { CustomChannelEvent, SendErrorCode } from './custom-channel';
import { SendCounts } from './send-events';

export interface ChunkSendEvent extends Omit<CustomChannelEvent, 'Endpoints'> {
  readonly Chunk: {
    readonly Bucket: string;
    readonly Key: string;
    /** @default - the current version */
    readonly VersionId?: string;
  };
}

/** One line of a chunk. */
export interface ChunkLine {
  readonly id: string;
  /** As in `CustomChannelEvent.Endpoints`. */
  readonly endpoint: { readonly [member: string]: unknown };
}

/** Answer of the chunk function. A repeat with the same chunk goes on with what is pending. */
export interface ChunkSendResult {
  readonly runId: string;
  readonly recipients: number;
  readonly counts: SendCounts & { readonly pending: number };
  /** Batch ids of what is not decided. */
  readonly undone: readonly string[];
  /** Why the chunk was not gone on with. */
  readonly stopped?: SendErrorCode;
}
