import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ChunkSendEvent, ObjectPlace } from '../contract/chunk-send';
import { ChunkObjects } from '../domain/line/chunk-lines';

/** The first line of a result object has some KB: ids of undone batches, some hundred at most. */
const FIRST_LINE_BYTES = 256 * 1024;

/** What S3 answers when there is no such object or bucket, the version is a delete marker, or it may not be read. */
const ABSENT: readonly unknown[] = ['NoSuchKey', 'NoSuchVersion', 'NoSuchBucket', 'NotFound', 'MethodNotAllowed'];
const FORBIDDEN = 'AccessDenied';

/** Source: Amazon S3, "Conditional writes": 412 when the condition is not met, 409 when another write came in between. */
const NOT_WRITTEN: readonly (number | undefined)[] = [409, 412];

/**
 * Objects of runners: chunks, contents, flags and results. Needs `s3:GetObject`, for results `s3:PutObject`, and `s3:ListBucket`,
 * without which S3 answers 403 instead of 404 for an object that does not exist (Amazon S3 API, GetObject). What is not said
 * here is thrown as S3 throws it.
 */
export class S3ChunkObjects implements ChunkObjects {
  /** @param timeoutMs milliseconds in which an object must have been read to its end, unless told; or written */
  constructor(private readonly client: () => S3Client, private readonly timeoutMs = 60_000) {}

  public async read({ Bucket, Key, VersionId }: ChunkSendEvent['Chunk'], what: string, timeoutMs = this.timeoutMs): Promise<string> {
    try {
      const { Body } = await this.client().send(new GetObjectCommand({ Bucket, Key, VersionId }), { abortSignal: AbortSignal.timeout(timeoutMs) });
      return await Body!.transformToString();
    } catch (error) {
      const place = `object ${JSON.stringify(Key.slice(0, 200))} of bucket ${Bucket}`;
      if (ABSENT.includes(nameOf(error))) {
        throw new Error(`${what} does not exist: there is no ${place} (any more); keep the objects of a run until it has ended, and start a new run for those who got nothing`, { cause: error });
      }
      if (nameOf(error) === FORBIDDEN) {
        throw new Error(`${what} may not be read, or does not exist: S3 refuses ${place} (403); give the function's role s3:GetObject of it, its key's kms:Decrypt, and s3:ListBucket of the bucket`, { cause: error });
      }
      throw error;
    }
  }

  public async firstLine({ Bucket, Key }: ObjectPlace): Promise<{ text: string; version: string } | undefined> {
    try {
      const { Body, ETag } = await this.client().send(
        new GetObjectCommand({ Bucket, Key, Range: `bytes=0-${FIRST_LINE_BYTES - 1}` }), { abortSignal: AbortSignal.timeout(this.timeoutMs) });
      const [text] = (await Body!.transformToString()).split('\n', 1);
      return { text, version: ETag! };
    } catch (error) {
      if (ABSENT.includes(nameOf(error))) {
        return undefined;
      }
      throw error;
    }
  }

  public async write({ Bucket, Key }: ObjectPlace, text: string, over: string | undefined): Promise<boolean> {
    try {
      await this.client().send(new PutObjectCommand({
        Bucket, Key, Body: text, ContentType: 'application/x-ndjson; charset=utf-8', ...(over === undefined ? { IfNoneMatch: '*' } : { IfMatch: over }),
      }), { abortSignal: AbortSignal.timeout(this.timeoutMs) });
      return true;
    } catch (error) {
      const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
      // 404: the object to be replaced is gone.
      if (NOT_WRITTEN.includes($metadata?.httpStatusCode) || (over !== undefined && name === 'NoSuchKey')) {
        return false;
      }
      throw error;
    }
  }
}

function nameOf(error: unknown): unknown {
  return (error as { name?: unknown } | undefined)?.name;
}
