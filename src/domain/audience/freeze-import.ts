import { ParseCsv } from './import-csv-records';
import { isNoFile, tagOf } from './import-file-name';
import { importIdOf } from './import-id';
import { importStarted } from './import-notification';
import { ImportObjects, jsonLines, readImportObject } from './import-objects';
import { ImportCounts, ImportReader } from './import-reader';
import { ImportRefused } from './import-refused';
import { LineObjects, Uploads } from './line-objects';
import {
  FreezeAnswer, FreezeInput, IMPORT_CHUNK_ROWS, IMPORT_PREFIX, ImportClaim, ImportConfig, ImportExecution, ImportStats, RejectedRow, WriteItem,
  importKey,
} from '../../contract/imports';
import { TAG_SHARDS } from '../../contract/subscriber';
import { JobNotification } from '../shared/notification';
import { Telemetry } from '../shared/telemetry';

/** A file to be imported. */
export interface ImportFile {
  /** When it was written, epoch milliseconds. */
  readonly modifiedAt: number;
  /** Without quotes. */
  readonly etag?: string;
  /** Its bytes, unzipped. Throws ImportRefused when they cannot be. */
  bytes(): AsyncIterable<Uint8Array>;
  /** Gives it up unread. */
  close(): void;
}

/** What freezing works with. */
export interface FreezeImportDependencies {
  readonly config: ImportConfig;
  /** The bucket of the import's own objects. */
  readonly objects: ImportObjects;
  /** Writes an object of that bucket, over an earlier one. Throws what S3 throws. */
  readonly writeBytes: (key: string, bytes: Buffer) => Promise<void>;
  /** Opens a file; undefined when there is none. Throws what else S3 throws. */
  readonly openFile: (file: { readonly bucket: string; readonly key: string; readonly versionId?: string }) => Promise<ImportFile | undefined>;
  readonly parseCsv: ParseCsv;
  readonly notify: (notification: JobNotification) => Promise<void>;
  readonly telemetry: Telemetry;
  readonly remainingMs: () => number;
}

/** Milliseconds that an invocation keeps for saying that the file is too large. */
const MARGIN_MS = 30_000;

/** Bytes that are read between two looks at the uploads: what is kept in memory meanwhile is some times that. */
const READ_AT_ONCE = 64 * 1024;

/** Reports of rejected rows in an object. */
const REJECTS_OF_AN_OBJECT = 5_000;

/**
 * Reads a file once, from its beginning to its end, and freezes its rows as chunk objects. Nothing reaches the subscriber table
 * before the whole file is known: a file that cannot be read, or too much of which is wrong, is refused. The execution that
 * claims the file first imports it; it may repeat this step, which writes the same objects again.
 *
 * @throws what S3 and the topic throw: the step is then to be repeated
 */
export async function freezeImport(freezeInput: FreezeInput<ImportExecution>, deps: FreezeImportDependencies): Promise<FreezeAnswer> {
  const { input, execution, startedAt } = freezeInput;
  const { objects, telemetry, config } = deps;
  checkInput(input);
  const { bucket, object } = input.detail;
  const importId = importIdOf(input, config.name);
  const skip = (reason: string): FreezeAnswer => {
    telemetry.info('IMPORT_SKIPPED', `${reason}; nothing is to be done`, { importId });
    return { next: 'SKIP', importId };
  };
  if (isNoFile(object.key, IMPORT_PREFIX) || object.size === 0) {
    return skip('the object is a folder marker, an object of an import itself, or has no bytes');
  }
  const claimKey = importKey(importId, 'claim.json');
  const isFirst = await objects.create(claimKey, JSON.stringify({ owner: execution, claimedAt: startedAt } satisfies ImportClaim));
  const claim: ImportClaim = JSON.parse(await readImportObject(objects, claimKey));
  if (claim.owner !== execution) {
    return skip('another execution imports the file');
  }
  const frozen = new FrozenImport(importId, object.key, claim.claimedAt, deps);
  const earlier = await frozen.earlierAnswer();
  if (earlier) {
    return earlier;
  }
  const file = await deps.openFile({ bucket: bucket.name, key: object.key, versionId: object['version-id'] });
  const isReplaced = file?.etag !== undefined && object.etag !== undefined && file.etag !== object.etag;
  if (isReplaced) {
    file.close();
    if (isFirst) {
      return skip('the file was written again before it was read, and the newer one has an event of its own');
    }
  }
  if (isFirst) {
    await deps.notify(importStarted(`s3://${bucket.name}/${object.key}`, importId));
  }
  if (!file) {
    return frozen.refuse('the file was deleted before it was read. Drop it again');
  }
  return isReplaced ? frozen.refuse('the file was written again while it was being imported; the newer one is imported on its own') : frozen.read(file);
}

/** What by-hand input lacks is told, since Step Functions checks nothing. */
function checkInput(input: ImportExecution): void {
  const { bucket, object }: Partial<ImportExecution['detail']> = input?.detail ?? {};
  if (typeof bucket?.name !== 'string' || typeof object?.key !== 'string') {
    throw new Error('the input of the execution is no event of a file: detail.bucket.name and detail.object.key must be texts, such as {"detail":{"bucket":{"name":"…"},"object":{"key":"import/people.csv","etag":"…"}}}');
  }
}

/** Objects of one import. */
class FrozenImport {
  private readonly uploads = new Uploads();
  private readonly chunks: LineObjects;
  private readonly rejects: LineObjects;
  private firstReport?: RejectedRow;
  private reader?: ImportReader;

  constructor(
    private readonly importId: string,
    private readonly file: string,
    private readonly startedAt: string,
    private readonly deps: FreezeImportDependencies,
  ) {
    this.chunks = new LineObjects(IMPORT_CHUNK_ROWS, async (number, bytes) => deps.writeBytes(this.chunkKey(number), bytes), this.uploads);
    this.rejects = new LineObjects(
      REJECTS_OF_AN_OBJECT, async (number, bytes) => deps.writeBytes(this.key(`rejects/${String(number).padStart(5, '0')}.jsonl`), bytes), this.uploads);
  }

  /** The answer, if the step got to its end before. */
  public async earlierAnswer(): Promise<FreezeAnswer | undefined> {
    const stats = await this.deps.objects.read(this.key('stats.json'));
    return stats === undefined ? undefined : this.answer(JSON.parse(stats));
  }

  public async read(file: ImportFile): Promise<FreezeAnswer> {
    const { config, parseCsv, remainingMs } = this.deps;
    this.reader = new ImportReader({ config, file: this.file, fileAt: file.modifiedAt, parseCsv }, {
      frozen: (row, encoding) => this.chunks.add(row, encoding),
      rejected: (reports) => {
        this.firstReport ??= reports[0];
        reports.forEach((report) => this.rejects.add(`${JSON.stringify(report)}\n`, 'utf8'));
      },
    });
    let tag: string | undefined;
    try {
      tag = tagOf(config.tag, this.file);
      for await (const bytes of file.bytes()) {
        for (let from = 0; from < bytes.length; from += READ_AT_ONCE) {
          this.reader.push(bytes.subarray(from, from + READ_AT_ONCE));
          await this.uploads.room();
        }
        if (remainingMs() < MARGIN_MS) {
          throw new ImportRefused(`the file is too large to be read in the time of an invocation: it was over after ${this.reader.counts.rows} rows. Drop it in parts`);
        }
      }
      this.reader.end();
    } catch (error) {
      file.close();
      // None of them may be on its way when the step is repeated.
      await this.uploads.end();
      if (!(error instanceof ImportRefused)) {
        throw error;
      }
      return this.refuse(error.message, error.quotesHeader);
    }
    this.chunks.end();
    this.rejects.end();
    await this.uploads.end();
    const refused = this.refusal(this.reader.counts, tag);
    return refused === undefined ? this.freeze(tag) : this.refuse(refused);
  }

  /** Writes down that nothing is imported. */
  public async refuse(refused: string, quotesHeader = false): Promise<FreezeAnswer> {
    this.rejects.end();
    await this.uploads.end();
    // Without the reason, which may quote the file's first line.
    this.deps.telemetry.error('IMPORT_REFUSED', 'nothing of the file is imported; the summary says why', { importId: this.importId, ...this.counts() });
    return this.writeStats({ refused, ...(quotesHeader && { quotesHeader }) });
  }

  private async freeze(tag: string | undefined): Promise<FreezeAnswer> {
    const { importId, deps: { objects, config, telemetry } } = this;
    if (this.chunks.count === 0) {
      // Nothing but rows of other channels. A map over a list without an item is nothing that Step Functions documents.
      await objects.write(this.chunkKey(0), '');
    }
    const chunks = Math.max(this.chunks.count, 1);
    const items = Array.from({ length: chunks }, (_, number): WriteItem => ({
      importId, number, chunk: { bucket: objects.bucket, key: this.chunkKey(number) }, ...(tag !== undefined && { tag }),
    }));
    await objects.write(this.key('items.jsonl'), jsonLines(items));
    if (config.replaceTag && tag !== undefined) {
      const sweeps = Array.from({ length: TAG_SHARDS }, (_, shard): WriteItem => ({ importId, number: chunks + shard, sweep: { tag, shard } }));
      await objects.write(this.key('sweeps.jsonl'), jsonLines(sweeps));
    }
    telemetry.info('IMPORT_FROZEN', 'the rows of the file are frozen', { importId, chunks, ...this.counts() });
    return this.writeStats({ ...(tag !== undefined && { tag }) });
  }

  /** Why the file is refused, now that all of it is known. */
  private refusal({ rows, frozen, ignored, rejected }: ImportCounts, tag: string | undefined): string | undefined {
    const { config: { maxRejectedPercent, replaceTag }, objects } = this.deps;
    if (rows === 0) {
      return 'the file has no rows, only a header or blank lines';
    }
    const ours = rows - ignored;
    if (rejected * 100 > maxRejectedPercent * ours) {
      const { line, column, reason } = this.firstReport!;
      return `${rejected} of ${ours} rows are wrong, more than maxRejectedPercent, ${maxRejectedPercent} %, allows; nothing was imported.`
        + ` The first one is line ${line}${column === undefined ? '' : `, column '${column}'`}: ${reason}. All of them: s3://${objects.bucket}/${this.key('rejects/')}`;
    }
    return frozen === 0 && replaceTag && tag !== undefined
      ? `the file has no row that can be imported, so the tag '${tag}' would be taken from everybody. Drop a file with at least one LINE user id`
      : undefined;
  }

  private async writeStats(more: Pick<ImportStats, 'refused' | 'quotesHeader' | 'tag'>): Promise<FreezeAnswer> {
    const stats: ImportStats = {
      importId: this.importId,
      file: this.file,
      startedAt: this.startedAt,
      ...this.counts(),
      leftOut: (this.reader?.leftOut ?? []).slice(0, 20),
      ...more,
    };
    await this.deps.objects.write(this.key('stats.json'), JSON.stringify(stats));
    return this.answer(stats);
  }

  private answer({ refused, tag }: ImportStats): FreezeAnswer {
    const { importId, deps: { objects: { bucket }, config } } = this;
    return refused !== undefined ? { next: 'REFUSE', importId } : {
      next: 'WRITE',
      importId,
      items: { bucket, key: this.key('items.jsonl') },
      ...(config.replaceTag && tag !== undefined && { sweeps: { bucket, key: this.key('sweeps.jsonl') } }),
    };
  }

  private counts(): { rows: number; frozen: number; ignored: number; rejected: number } {
    return this.reader?.counts ?? { rows: 0, frozen: 0, ignored: 0, rejected: 0 };
  }

  private chunkKey(number: number): string {
    return this.key(`chunks/${String(number).padStart(5, '0')}.jsonl`);
  }

  private key(name: string): string {
    return importKey(this.importId, name);
  }
}
