import { FOLLOWERS, followerSyncId, importIdOf, isFile } from './import-id';
import { importEnded } from './import-notification';
import { ImportObjects, jsonLinesOf } from './import-objects';
import {
  FinishInput, ImportClaim, ImportConfig, ImportStats, ImportSummary, WriteItem, WriteResult, importKey,
} from '../../contract/imports';
import { Metric } from '../../contract/metrics';
import { eachAtOnce } from '../shared/at-once';
import { JobNotification } from '../shared/notification';
import { Telemetry } from '../shared/telemetry';

/** What the last step of an import works with. */
export interface FinishImportDependencies {
  readonly config: Pick<ImportConfig, 'name' | 'maxRejectedPercent'>;
  readonly objects: ImportObjects;
  readonly notify: (notification: JobNotification) => Promise<void>;
  readonly telemetry: Telemetry;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Result objects that are read at once. */
const READ_AT_ONCE = 20;

/** Characters of an error that are told. */
const MAX_ERROR_LENGTH = 500;

type Counts = { -readonly [count in Exclude<keyof WriteResult, 'number' | 'rejected'>]: number };

/**
 * Adds up what came of an import, writes it down and tells it: also of one that was refused, and of one whose steps failed. May be repeated;
 * whoever listens may then be told twice.
 *
 * @throws what S3 and the topic throw
 */
export async function finishImport(input: FinishInput, deps: FinishImportDependencies): Promise<ImportSummary> {
  const { objects, telemetry } = deps;
  const importId = input.freeze?.importId ?? idOf(input, deps.config.name);
  const stats = await readJson<ImportStats>(objects, importKey(importId, 'stats.json'));
  const claim = await readJson<ImportClaim>(objects, importKey(importId, 'claim.json'));
  const written = await addUpResults(importId, objects);
  const message = failureOf(input, stats, written, deps.config);
  const imported = written.created + written.updated + written.unchanged + written.keptOptedOut;
  const { missing: _, rejected: rejectedInWriting, ...counts } = written;
  const key = importKey(importId, 'summary.json');
  const earlier = await readJson<ImportSummary>(objects, key);
  const summary: ImportSummary = {
    importId,
    file: stats?.file ?? fileOf(input),
    status: message === undefined ? 'COMPLETED' : 'FAILED',
    ...(message !== undefined && { message }),
    rows: stats?.rows ?? 0,
    imported,
    ...counts,
    ignored: stats?.ignored ?? 0,
    rejected: (stats?.rejected ?? 0) + rejectedInWriting,
    ...(stats && stats.leftOut.length > 0 && { leftOut: stats.leftOut }),
    rejects: importKey(importId, 'rejects/'),
    ...(stats?.tag !== undefined && { tag: stats.tag }),
    startedAt: stats?.startedAt ?? claim?.claimedAt ?? input.startedAt,
    endedAt: earlier?.endedAt ?? new Date(deps.now()).toISOString(),
  };
  if (claim && claim.owner !== input.execution) {
    // It failed before it found out that another execution imports the file, which tells what comes of it.
    telemetry.warn('IMPORT_ELSEWHERE', 'a second execution for the same file failed; the file is imported by another one', { importId });
    return summary;
  }
  await objects.write(key, JSON.stringify(summary));
  if (!earlier) {
    telemetry.count(Metric.SUBSCRIBERS_IMPORTED, summary.imported);
    telemetry.count(Metric.IMPORT_ROWS_REJECTED, summary.rejected);
  }
  const fields = {
    importId, rows: summary.rows, imported, ...counts, ignored: summary.ignored, rejected: summary.rejected,
  };
  if (message === undefined) {
    telemetry.info('IMPORT_COMPLETED', 'an import of subscribers is done', fields);
  } else {
    telemetry.error('IMPORT_FAILED', 'an import of subscribers failed; its summary says why', { ...fields, summary: `s3://${objects.bucket}/${key}` });
  }
  await deps.notify(importEnded(stats?.quotesHeader ? { ...summary, message: `the header of the file is refused; the reason, which quotes it, is in s3://${objects.bucket}/${key}` } : summary));
  return summary;
}

interface AddedUp extends Counts {
  rejected: number;
  /** Parts of which nothing was written down. */
  readonly missing: { readonly chunks: number; readonly sweeps: number; readonly of: number };
}

/** Sums of the result objects, of which no more than a few are in memory at once. */
async function addUpResults(importId: string, objects: ImportObjects): Promise<AddedUp> {
  const sums = { created: 0, updated: 0, unchanged: 0, keptOptedOut: 0, erased: 0, tagged: 0, untagged: 0, rejected: 0 };
  const missing = { chunks: 0, sweeps: 0, of: 0 };
  for (const name of ['items.jsonl', 'sweeps.jsonl']) {
    const items = jsonLinesOf<WriteItem>(await objects.read(importKey(importId, name)) ?? '');
    await eachAtOnce(items, READ_AT_ONCE, async ({ number, chunk }) => {
      missing.of++;
      const result = await readJson<WriteResult>(objects, importKey(importId, `results/${number}.json`));
      if (!result) {
        missing[chunk ? 'chunks' : 'sweeps']++;
        return;
      }
      sums.created += result.created;
      sums.updated += result.updated;
      sums.unchanged += result.unchanged;
      sums.keptOptedOut += result.keptOptedOut;
      sums.erased += result.erased;
      sums.tagged += result.tagged;
      sums.untagged += result.untagged;
      sums.rejected += result.rejected.length;
    });
  }
  return { ...sums, missing };
}

/** Why an import failed, in a sentence; undefined when it did not. */
function failureOf({ error }: FinishInput, stats: ImportStats | undefined, written: AddedUp, { maxRejectedPercent }: Pick<ImportConfig, 'name' | 'maxRejectedPercent'>): string | undefined {
  if (stats?.refused !== undefined) {
    return stats.refused;
  }
  if (error) {
    return `a step of the import failed: ${errorOf(error)}; what was written stays, and the same file may be imported again`;
  }
  if (!stats) {
    return 'the file was not read to its end: no statistics were written';
  }
  const { missing: { chunks, sweeps, of }, rejected } = written;
  if (chunks > 0) {
    return `${chunks} of ${of} parts could not be written, see the log of the writing function; what was written stays, and the same file may be imported again`;
  }
  if (sweeps > 0) {
    return `the tag could not be taken from everybody who is not in the file: ${sweeps} parts of the tag failed, see the log of the writing function; import the same file again`;
  }
  return rejected * 100 > maxRejectedPercent * stats.frozen
    ? `DynamoDB refused ${rejected} of ${stats.frozen} rows, more than maxRejectedPercent, ${maxRejectedPercent} %, allows; the other rows are imported`
    : undefined;
}

/** Lambda's error comes as JSON in the cause. Source: AWS Step Functions, "Handling errors". */
function errorOf({ Error: name = 'Error', Cause = '' }: NonNullable<FinishInput['error']>): string {
  try {
    const { errorType = name, errorMessage = '' } = JSON.parse(Cause) ?? {};
    return `${errorType}: ${errorMessage}`.slice(0, MAX_ERROR_LENGTH);
  } catch {
    return `${name}: ${Cause}`.slice(0, MAX_ERROR_LENGTH);
  }
}

/** Of an execution whose freezing failed. */
function idOf({ input, execution }: FinishInput, importer: string): string {
  return isFile(input) ? importIdOf(input, importer) : followerSyncId(input, execution);
}

function fileOf({ input }: FinishInput): string {
  return isFile(input) ? input.detail.object.key : FOLLOWERS;
}

async function readJson<T>(objects: ImportObjects, key: string): Promise<T | undefined> {
  const text = await objects.read(key);
  return text === undefined ? undefined : JSON.parse(text);
}
