import type { Context } from 'aws-lambda';
import { FinishInput, FollowerSyncInput, FreezeAnswer, FreezeInput, ImportSummary, WriteItem } from '../../contract/imports';
import { finishImport } from '../../domain/audience/finish-import';
import { listFollowers as listThem } from '../../domain/audience/list-followers';
import { writeImport } from '../../domain/audience/write-import';
import { listFollowersFromEnvironment } from '../../runtime/list-followers-from-environment';
import { finishImportFromEnvironment, writeImportFromEnvironment } from '../../runtime/write-import-from-environment';

// Each function runs one export; its clients are made when it is first invoked.
let writing: ReturnType<typeof writeImportFromEnvironment> | undefined;
let finishing: ReturnType<typeof finishImportFromEnvironment> | undefined;
let listing: ReturnType<typeof listFollowersFromEnvironment> | undefined;

/** Writes a chunk of rows, or sweeps a shard of a tag. What came of it is in the item's result object. */
export const write = async (item: WriteItem): Promise<void> => {
  await writeImport(item, writing ??= writeImportFromEnvironment());
};

/** Tells what came of an import, or of a synchronisation of followers. */
export const finish = async (input: FinishInput): Promise<ImportSummary> => {
  finishing ??= finishImportFromEnvironment();
  try {
    return await finishImport(input, finishing);
  } finally {
    finishing.telemetry.flush();
  }
};

/** Compares LINE's list of followers with the subscriber table and freezes what is to be changed. */
export const listFollowers = async (input: FreezeInput<FollowerSyncInput>, context: Context): Promise<FreezeAnswer> => {
  listing ??= listFollowersFromEnvironment();
  try {
    return await listThem(input, { ...listing, remainingMs: () => context.getRemainingTimeInMillis() });
  } finally {
    listing.telemetry.flush();
  }
};
