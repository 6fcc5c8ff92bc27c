import { ImportObjects, jsonLines, jsonLinesOf, readImportObject } from './import-objects';
import { ImportTable } from './import-table';
import { ImportOutcome, MergeOptions, mergeImport } from './merge-import';
import { ImportClaim, ImportConfig, ImportRow, RejectedRow, WriteItem, WriteResult, importKey } from '../../contract/imports';
import { SubscriberRow, TagRow } from '../../contract/subscriber';
import { eachAtOnce, inGroups } from '../shared/at-once';
import { Telemetry } from '../shared/telemetry';

/** What writing works with. */
export interface WriteImportDependencies {
  readonly config: Pick<ImportConfig, 'allowReOptIn'>;
  readonly table: ImportTable;
  readonly objects: ImportObjects;
  readonly telemetry: Telemetry;
}

/** Rows of a chunk that are read, and then written, together, and how many such groups are worked on at once: 50 writes are on their way. */
const GROUP_ROWS = 25;
const GROUPS_AT_ONCE = 2;

/** Rows of a tag that are swept at once. */
const SWEPT_AT_ONCE = 50;

/** Times that a row is merged anew because others write it at the same time. */
const MAX_MERGES = 50;

/** What DynamoDB calls a write that it would refuse again. Source: Amazon DynamoDB, "Error handling". */
const REFUSALS: readonly string[] = ['ValidationException', 'ItemCollectionSizeLimitExceededException'];

/** What came of an item so far. */
interface Tally {
  readonly counts: { -readonly [count in Exclude<keyof WriteResult, 'number' | 'rejected'>]: number };
  readonly rejected: RejectedRow[];
}

type Row = Partial<SubscriberRow>;

/**
 * Writes a chunk of an import's rows into the subscriber table, or takes a tag from those of a shard who were not in the file, and writes
 * down what came of it. An item that was done is not done again; one that broke off may be repeated: what is there is not written twice.
 *
 * @throws what DynamoDB and S3 throw, after every write that was on its way: the item is then to be repeated
 */
export async function writeImport(item: WriteItem, deps: WriteImportDependencies): Promise<void> {
  const { importId, number, chunk, sweep } = item;
  const { objects, telemetry } = deps;
  const resultKey = importKey(importId, `results/${number}.json`);
  if (await objects.read(resultKey) !== undefined) {
    telemetry.info('IMPORT_ITEM_REPEATED', 'this part of the import was written before; nothing is written twice', { importId, number });
    return;
  }
  const tally: Tally = { counts: { created: 0, updated: 0, unchanged: 0, keptOptedOut: 0, erased: 0, tagged: 0, untagged: 0 }, rejected: [] };
  const { counts, rejected } = tally;
  const claim: ImportClaim = JSON.parse(await readImportObject(objects, importKey(importId, 'claim.json')));
  const startedAt = Date.parse(claim.claimedAt);
  if (chunk) {
    await writeChunk(chunk.key, { importId, startedAt, allowReOptIn: deps.config.allowReOptIn, tag: item.tag }, tally, deps);
  }
  if (sweep) {
    if (!await allRowsAreWritten(importId, objects)) {
      telemetry.error('IMPORT_TAG_NOT_SWEPT', 'rows of the import could not be written, so nobody loses the tag: import the file again', { importId, number });
      return;
    }
    await sweepShard(sweep, { importId, taggedAt: startedAt }, counts, deps);
  }
  rejected.sort((one, other) => one.line - other.line);
  if (rejected.length > 0) {
    await objects.write(importKey(importId, `rejects/write-${number}.jsonl`), jsonLines(rejected));
  }
  await objects.write(resultKey, JSON.stringify({ number, ...counts, rejected } satisfies WriteResult));
  telemetry.info('IMPORT_ITEM_WRITTEN', 'a part of the import was written', { importId, number, ...counts, rejected: rejected.length });
}

async function writeChunk(key: string, options: MergeOptions, tally: Tally, { objects, table }: WriteImportDependencies): Promise<void> {
  const rows = jsonLinesOf<ImportRow>(await readImportObject(objects, key));
  await eachAtOnce(inGroups(rows, GROUP_ROWS), GROUPS_AT_ONCE, async (group) => writeGroup(group, options, tally, table));
}

async function writeGroup(group: readonly ImportRow[], options: MergeOptions, { counts, rejected }: Tally, table: ImportTable): Promise<void> {
  const { importId, startedAt, tag } = options;
  const idOf = ({ endpoint }: ImportRow) => endpoint.Address;
  const before = await table.rows(group.map(idOf));
  const tagRow = { taggedAt: startedAt, importId };
  const tagged: string[] = [];
  await eachAtOnce(group, GROUP_ROWS, async (row) => {
    const id = idOf(row);
    const outcome = await writeRow(row, before.get(id), options, table);
    if (typeof outcome === 'object') {
      rejected.push(outcome);
      return;
    }
    counts[outcome]++;
    if (tag === undefined) {
      return;
    }
    if (outcome === 'erased') {
      // Had this row been written before the person was erased, and broken off before it was looked at again.
      await table.removeTagRow(tag, id, tagRow);
      return;
    }
    await table.putTagRow(tag, id, tagRow);
    counts.tagged++;
    tagged.push(id);
  });
  if (tag !== undefined && tagged.length > 0) {
    await checkTags(tag, tagged, tagRow, table);
  }
}

/** @returns what was done, or why it cannot be */
async function writeRow(row: ImportRow, before: Row | undefined, options: MergeOptions, table: ImportTable): Promise<ImportOutcome | RejectedRow> {
  let current = before;
  let begun: ImportOutcome | undefined;
  for (let merges = 0; merges < MAX_MERGES; merges++) {
    const { outcome, write, more } = mergeImport(current, row, options);
    if (!write) {
      return begun ?? outcome;
    }
    try {
      const attempt = await table.write(row.endpoint.Address, write);
      if (attempt.written) {
        begun ??= outcome;
        if (!more) {
          return begun;
        }
      }
      current = attempt.row;
    } catch (error) {
      const { name, message } = error as Error;
      if (!REFUSALS.includes(name)) {
        throw error;
      }
      return { line: row.line, reason: `DynamoDB refuses the subscriber: ${message}`.slice(0, 500) };
    }
  }
  return { line: row.line, reason: `others changed the subscriber again and again while it was written, ${MAX_MERGES} times: import the row again` };
}

/**
 * Looks at people after their tags were written. The row of a person lists the tags, so that an erasure finds their rows: whoever was erased
 * meanwhile loses the row of the tag, and where a sweep of another import took the tag from the list, it is listed again.
 */
async function checkTags(tag: string, userIds: readonly string[], tagRow: Pick<TagRow, 'taggedAt' | 'importId'>, table: ImportTable): Promise<void> {
  const after = await table.rows(userIds);
  await eachAtOnce(new Set(userIds), GROUP_ROWS, async (id) => {
    const row = after.get(id);
    if (!row || row.erased) {
      await table.removeTagRow(tag, id, tagRow);
    } else if (!new Set(row.tags).has(tag)) {
      await table.setTag(id, tag, true);
    }
  });
}

/** Whether every chunk of the import was written: a person whose row was not would lose the tag for it. */
async function allRowsAreWritten(importId: string, objects: ImportObjects): Promise<boolean> {
  const done = new Set(await objects.list(importKey(importId, 'results/')));
  for (const { number } of jsonLinesOf<WriteItem>(await readImportObject(objects, importKey(importId, 'items.jsonl')))) {
    if (!done.has(importKey(importId, `results/${number}.json`))) {
      return false;
    }
  }
  return true;
}

/** Takes the tag from people of a shard whom this import did not give it. Someone who got it from a later import keeps it. */
async function sweepShard(
  { tag, shard }: NonNullable<WriteItem['sweep']>,
  { importId, taggedAt }: { readonly importId: string; readonly taggedAt: number },
  counts: Tally['counts'],
  { table }: WriteImportDependencies,
): Promise<void> {
  for await (const page of table.tagRows(tag, shard)) {
    const stale = page.filter((row) => row.importId !== importId && !(row.taggedAt >= taggedAt));
    await eachAtOnce(stale, SWEPT_AT_ONCE, async (row) => {
      // In this order: as long as the row of the tag is there, a repeated sweep finds it.
      await table.setTag(row.sk, tag, false);
      if (await table.removeTagRow(tag, row.sk, row)) {
        counts.untagged++;
      } else {
        // Given again meanwhile.
        await table.setTag(row.sk, tag, true);
      }
    });
  }
}
