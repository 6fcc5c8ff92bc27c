import { createHash } from 'node:crypto';
import { FollowerSyncInput, ImportExecution } from '../../contract/imports';

/** What stands for the file where LINE's list of followers is imported. */
export const FOLLOWERS = 'followers';

/** Whether a state machine's input tells of a file. A scheduled event has an empty `detail`. */
export function isFile(input: ImportExecution | FollowerSyncInput): input is ImportExecution {
  return (input as Partial<ImportExecution>).detail?.object !== undefined;
}

/**
 * The id of the import of an object as it was when the event told of it: one event delivered twice is one import.
 *
 * @param importer name of the construct that imports: two of one bucket import a file once each
 */
export function importIdOf({ detail: { bucket, object } }: ImportExecution, importer: string): string {
  const version = object['version-id'] ?? object.sequencer ?? object.etag ?? '';
  return hash(JSON.stringify([importer, bucket.name, object.key, version]));
}

/** The id of the synchronisation of followers that an execution is, by the event that began it, if one did. */
export function followerSyncId(input: FollowerSyncInput, execution: string): string {
  return `${FOLLOWERS}-${hash(input.id ?? execution)}`;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}
