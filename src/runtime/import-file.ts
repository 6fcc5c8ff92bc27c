import { Readable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { FreezeImportDependencies, ImportFile } from '../domain/audience/freeze-import';
import { ImportRefused } from '../domain/audience/import-refused';

const GZIP = [0x1f, 0x8b];

/** Bytes that are unzipped at once. */
const UNZIPPED_AT_ONCE = 64 * 1024;

/**
 * Opens files that are to be imported. Needs `s3:GetObject`, `s3:GetObjectVersion`, and `s3:ListBucket`, without which S3 answers 403
 * instead of 404 for an object that does not exist (Amazon S3 API, GetObject). Throws what else S3 throws.
 *
 * @param stallMs milliseconds after which a file is given up whose bytes stop coming
 */
export function importFileOpener(client: S3Client, stallMs = 60_000): FreezeImportDependencies['openFile'] {
  return async ({ bucket, key, versionId }): Promise<ImportFile | undefined> => {
    try {
      const { Body, ETag, LastModified } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }));
      const body = Body as Readable;
      return {
        // An object always has a time.
        modifiedAt: LastModified!.getTime(),
        etag: ETag?.replace(/"/g, ''),
        bytes: () => unzipped(body, stallMs),
        close: () => { body.destroy(); },
      };
    } catch (error) {
      if ((error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode === 404) {
        return undefined;
      }
      throw error;
    }
  };
}

/**
 * The bytes of a stream, unzipped when they are gzip, whatever the file's name says, also of several gzip files one after the other.
 * Source: RFC 1952, section 2.2.
 *
 * @throws ImportRefused when the gzip data is cut off or damaged; what the stream throws
 */
export async function* unzipped(body: Readable, stallMs: number): AsyncGenerator<Buffer> {
  const source = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    const head: Buffer[] = [];
    let isOver = false;
    while (!isOver && Buffer.concat(head).length < GZIP.length) {
      const { value, done } = await inTime(source.next(), stallMs);
      isOver = done === true;
      if (!isOver) {
        head.push(value);
      }
    }
    const first = Buffer.concat(head);
    const bytes = withRest(first, source, isOver, stallMs);
    yield* GZIP.every((byte, index) => first[index] === byte) ? gunzip(bytes) : bytes;
  } finally {
    // Unread, the body would keep its connection.
    body.destroy();
  }
}

async function* withRest(first: Buffer, source: AsyncIterator<Buffer>, isOver: boolean, stallMs: number): AsyncGenerator<Buffer> {
  yield first;
  while (!isOver) {
    const { value, done } = await inTime(source.next(), stallMs);
    if (done) {
      return;
    }
    yield value;
  }
}

async function* gunzip(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // Where the stream fails, the unzipped one does with the same error.
  const unzip = pipeline(Readable.from(bytes, { objectMode: false }), createGunzip({ chunkSize: UNZIPPED_AT_ONCE }), () => undefined);
  try {
    yield* unzip as AsyncIterable<Buffer>;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') {
      throw new ImportRefused('the file is cut off: its gzip data ends in the middle. Upload it again');
    }
    if (code?.startsWith('Z_')) {
      throw new ImportRefused(`the file's gzip data is damaged (${code}). Upload it again`);
    }
    throw error;
  }
}

async function inTime<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout;
  const stalled = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no byte of the file came for ${milliseconds / 1000} s`)), milliseconds);
  });
  try {
    return await Promise.race([work, stalled]);
  } finally {
    clearTimeout(timer!);
  }
}
