import type { Context } from 'aws-lambda';
import { FinishInput, FollowerSyncInput, FreezeAnswer, FreezeInput, ImportExecution, ImportSummary, WriteItem } from '../../contract/imports';
import { finishImport } from '../../domain/audience/finish-import';
import { freezeImport } from '../../domain/audience/freeze-import';
import { listFollowers as list } from '../../domain/audience/list-followers';
import { writeImport } from '../../domain/audience/write-import';
import { freezeImportFromEnvironment } from '../../runtime/freeze-import-from-environment';
import { listFollowersFromEnvironment } from '../../runtime/list-followers-from-environment';
import { prepared } from '../../runtime/prepared';
import { finishImportFromEnvironment, writeImportFromEnvironment } from '../../runtime/write-import-from-environment';

const forFreeze = prepared('freeze', freezeImportFromEnvironment);
const forWrite = prepared('write', writeImportFromEnvironment);
const forFinish = prepared('finish', finishImportFromEnvironment);
const forFollowers = prepared('listFollowers', listFollowersFromEnvironment);

/** Reads a dropped file and freezes its rows. */
export const freeze = async (input: FreezeInput<ImportExecution>, context: Context): Promise<FreezeAnswer> => {
  const dependencies = forFreeze();
  try {
    return await freezeImport(input, { ...dependencies, remainingMs: () => context.getRemainingTimeInMillis() });
  } finally {
    dependencies.telemetry.flush();
  }
};

/** Writes a chunk of rows, or sweeps a shard of a tag. What came of it is in the item's result object. */
export const write = async (item: WriteItem): Promise<void> => {
  const dependencies = forWrite();
  try {
    await writeImport(item, dependencies);
  } finally {
    dependencies.telemetry.flush();
  }
};

/** Tells what came of an import, or of a synchronisation of followers. */
export const finish = async (input: FinishInput): Promise<ImportSummary> => {
  const dependencies = forFinish();
  try {
    return await finishImport(input, dependencies);
  } finally {
    dependencies.telemetry.flush();
  }
};

/** Compares LINE's list of followers with the subscriber table and freezes what is to be changed. */
export const listFollowers = async (input: FreezeInput<FollowerSyncInput>, context: Context): Promise<FreezeAnswer> => {
  const dependencies = forFollowers();
  try {
    return await list(input, { ...dependencies, remainingMs: () => context.getRemainingTimeInMillis() });
  } finally {
    dependencies.telemetry.flush();
  }
};
