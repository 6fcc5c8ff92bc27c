import { GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { S3CampaignObjects } from './campaign-objects';
import { ObjectPlace } from '../contract/chunk-send';
import { RunObjects } from '../domain/campaigns/look-at-run';

/** Bytes that hold the first line of most result objects. */
const FIRST_BYTES = 16 * 1024;

const LINE_FEED = 0x0a;

/** The bucket of a runner, with what looks ask of it besides. The same permissions. Throws what S3 throws. */
export class S3RunObjects extends S3CampaignObjects implements RunObjects {
  constructor(private readonly s3: () => S3Client, bucket: string, private readonly readTimeoutMs = 60_000) {
    super(s3, bucket, readTimeoutMs);
  }

  public async firstLine(key: string): Promise<{ readonly line: string; readonly writtenAt: number; readonly version: string } | undefined> {
    for (let bytes = FIRST_BYTES; ; bytes *= 16) {
      const part = await this.firstBytes(key, bytes);
      if (part === undefined) {
        return undefined;
      }
      const end = part.text.indexOf('\n');
      if (end >= 0 || part.length < bytes) {
        return { line: end < 0 ? part.text : part.text.slice(0, end), writtenAt: part.writtenAt, version: part.version };
      }
    }
  }

  public async exists(key: string): Promise<boolean> {
    try {
      await this.s3().send(new HeadObjectCommand({ Bucket: this.bucket, Key: key }));
      return true;
    } catch (error) {
      if (statusOf(error) === 404) {
        return false;
      }
      throw error;
    }
  }

  private async firstBytes(key: string, bytes: number): Promise<{ text: string; length: number; writtenAt: number; version: string } | undefined> {
    try {
      const abortSignal = AbortSignal.timeout(this.readTimeoutMs);
      const { Body, LastModified, ETag = '' } = await this.s3().send(new GetObjectCommand({ Bucket: this.bucket, Key: key, Range: `bytes=0-${bytes - 1}` }), { abortSignal });
      const content = await Body!.transformToByteArray();
      return { text: Buffer.from(content).toString(), length: content.length, writtenAt: LastModified?.getTime() ?? 0, version: ETag };
    } catch (error) {
      // 416: it is empty.
      if (statusOf(error) === 404 || statusOf(error) === 416) {
        return undefined;
      }
      throw error;
    }
  }
}

/**
 * Lines of an object, one after the other. Its bytes are read at once, a chunk's being few: a connection that stood open while a chunk is
 * sent would be cut. Needs `s3:GetObject`. Throws what S3 throws.
 */
export async function* linesOfObject(client: S3Client, { Bucket, Key }: ObjectPlace, timeoutMs = 60_000): AsyncGenerator<string> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }), { abortSignal: AbortSignal.timeout(timeoutMs) });
  const bytes = Buffer.from(await Body!.transformToByteArray());
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(LINE_FEED, start);
    yield bytes.toString('utf8', start, end < 0 ? bytes.length : end);
    start = end < 0 ? bytes.length : end + 1;
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode;
}
