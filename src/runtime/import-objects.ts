import { GetObjectCommand, PutObjectCommand, S3Client, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { ImportObjects } from '../domain/audience/import-objects';

/**
 * The bucket of an import. Needs `s3:GetObject`, `s3:PutObject` and `s3:ListBucket`, without which S3 answers 403 instead of 404 for an
 * object that does not exist (Amazon S3 API, GetObject). Every method throws what S3 throws.
 */
export class S3ImportObjects implements ImportObjects {
  /** @param timeoutMs milliseconds in which an object must have been read to its end */
  constructor(private readonly client: S3Client, public readonly bucket: string, private readonly timeoutMs = 60_000) {}

  public async read(key: string): Promise<string | undefined> {
    try {
      const command = new GetObjectCommand({ Bucket: this.bucket, Key: key });
      const { Body } = await this.client.send(command, { abortSignal: AbortSignal.timeout(this.timeoutMs) });
      return await Body!.transformToString();
    } catch (error) {
      if ((error as Error).name === 'NoSuchKey') {
        return undefined;
      }
      throw error;
    }
  }

  public async write(key: string, body: string): Promise<void> {
    await this.client.send(new PutObjectCommand({ Bucket: this.bucket, Key: key, Body: body, ContentType: contentTypeOf(key) }));
  }

  public async create(key: string, body: string): Promise<boolean> {
    try {
      await this.client.send(new PutObjectCommand({ Bucket: this.bucket, Key: key, Body: body, ContentType: contentTypeOf(key), IfNoneMatch: '*' }));
      return true;
    } catch (error) {
      // 412 says that there is one; 409, that another write is on its way. Source: Amazon S3, "Conditional writes".
      if ((error as Error).name === 'PreconditionFailed') {
        return false;
      }
      throw error;
    }
  }

  public async list(prefix: string): Promise<readonly string[]> {
    const keys: string[] = [];
    for await (const { Contents = [] } of paginateListObjectsV2({ client: this.client }, { Bucket: this.bucket, Prefix: prefix })) {
      keys.push(...Contents.map(({ Key }) => Key!));
    }
    return keys;
  }
}

function contentTypeOf(key: string): string {
  return `${key.endsWith('.json') ? 'application/json' : 'application/x-ndjson'}; charset=utf-8`;
}
