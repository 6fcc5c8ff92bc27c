import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { BatchContents } from '../domain/line/send-journal';

/** Contents that are kept in memory: a split batch's children have its object in common. */
const CACHE_SIZE = 20;

/**
 * Bodies of batches in the content bucket: an object of lines for each batch that needs one, and no object is ever changed.
 * A line is JSON, which has no line breaks outside its escapes. Needs `s3:PutObject` and `s3:GetObject`. Throws what S3 throws.
 */
export class S3BatchContents implements BatchContents {
  private readonly cache = new Map<string, readonly string[]>();

  constructor(private readonly client: () => S3Client, private readonly bucketName: string) {}

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
    const { Body } = await this.client().send(new GetObjectCommand({ Bucket: this.bucketName, Key: key }));
    const lines = (await Body!.transformToString()).split('\n');
    this.keep(key, lines);
    return lines;
  }

  private keep(key: string, lines: readonly string[]): void {
    if (this.cache.size >= CACHE_SIZE) {
      this.cache.delete(this.cache.keys().next().value!);
    }
    this.cache.set(key, lines);
  }
}
