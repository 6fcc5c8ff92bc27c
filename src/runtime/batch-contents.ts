import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { BatchContents } from '../domain/line/send-journal';

/** Contents that are kept in memory: a split batch's children have its object in common. */
const MAX_CACHED_OBJECTS = 20;

/** Characters that are kept of all of them together: 16 MB at most. A personalised batch may have 500 times a message's size. */
const MAX_CACHED_CHARACTERS = 8_000_000;

/**
 * Bodies of batches in the content bucket: an object of lines for each batch that needs one, and no object is ever changed.
 * A line is JSON, which has no line breaks outside its escapes. Needs `s3:PutObject` and `s3:GetObject`. Throws what S3 throws.
 */
export class S3BatchContents implements BatchContents {
  /** The oldest first. */
  private readonly cache = new Map<string, readonly string[]>();
  private cachedCharacters = 0;

  /** @param timeoutMs milliseconds in which an object must have been read to its end */
  constructor(private readonly client: () => S3Client, private readonly bucketName: string, private readonly timeoutMs = 10_000) {}

  public async put(key: string, lines: readonly string[]): Promise<void> {
    await this.client().send(new PutObjectCommand({
      Bucket: this.bucketName, Key: key, Body: lines.join('\n'), ContentType: 'application/x-ndjson; charset=utf-8',
    }));
    this.keep(key, lines);
  }

  public async get(key: string): Promise<readonly string[]> {
    const cached = this.cache.get(key);
    if (cached) {
      return cached;
    }
    // The client's own limit ends with the headers.
    const abortSignal = AbortSignal.timeout(this.timeoutMs);
    const { Body } = await this.client().send(new GetObjectCommand({ Bucket: this.bucketName, Key: key }), { abortSignal });
    const lines = (await Body!.transformToString()).split('\n');
    this.keep(key, lines);
    return lines;
  }

  private keep(key: string, lines: readonly string[]): void {
    const characters = length(lines);
    if (characters > MAX_CACHED_CHARACTERS) {
      return;
    }
    this.forget(key);
    while (this.cache.size >= MAX_CACHED_OBJECTS || this.cachedCharacters + characters > MAX_CACHED_CHARACTERS) {
      this.forget(this.cache.keys().next().value!);
    }
    this.cache.set(key, lines);
    this.cachedCharacters += characters;
  }

  private forget(key: string): void {
    this.cachedCharacters -= length(this.cache.get(key) ?? []);
    this.cache.delete(key);
  }
}

function length(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length, 0);
}
