import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CampaignObjects } from '../domain/campaigns/campaign-objects';

/**
 * The bucket of a runner. Needs `s3:GetObject`, `s3:PutObject`, and `s3:ListBucket`, without which S3 answers 403 instead of 404 for
 * an object that does not exist. Throws what S3 throws.
 */
export class S3CampaignObjects implements CampaignObjects {
  /** @param timeoutMs milliseconds in which an object must have been read to its end */
  constructor(private readonly client: () => S3Client, public readonly bucket: string, private readonly timeoutMs = 60_000) {}

  public async read(key: string): Promise<string | undefined> {
    try {
      // The client's own limit ends with the headers.
      const abortSignal = AbortSignal.timeout(this.timeoutMs);
      const { Body } = await this.client().send(new GetObjectCommand({ Bucket: this.bucket, Key: key }), { abortSignal });
      return await Body!.transformToString();
    } catch (error) {
      if (statusOf(error) === 404) {
        return undefined;
      }
      throw error;
    }
  }

  public async write(key: string, body: string | Uint8Array): Promise<void> {
    await this.put(key, body);
  }

  /** Source: Amazon S3, "Prevent object overwrites with conditional writes": 412, and 409 while another write is at it. */
  public async create(key: string, body: string): Promise<boolean> {
    try {
      await this.put(key, body, '*');
      return true;
    } catch (error) {
      if (statusOf(error) === 412) {
        return false;
      }
      throw error;
    }
  }

  private async put(key: string, body: string | Uint8Array, ifNoneMatch?: string): Promise<void> {
    const ContentType = key.endsWith('.jsonl') ? 'application/x-ndjson; charset=utf-8' : 'application/json; charset=utf-8';
    await this.client().send(new PutObjectCommand({ Bucket: this.bucket, Key: key, Body: body, ContentType, IfNoneMatch: ifNoneMatch }));
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode;
}
