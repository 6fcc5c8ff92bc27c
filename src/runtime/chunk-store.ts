import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ChunkSendEvent } from '../contract/chunk-send';

/** Chunks of recipients. Needs `s3:GetObject`. Throws what S3 throws. */
export class S3Chunks {
  /** @param timeoutMs milliseconds in which a chunk must have been read to its end */
  constructor(private readonly client: () => S3Client, private readonly timeoutMs = 60_000) {}

  public async read({ Bucket, Key, VersionId }: ChunkSendEvent['Chunk']): Promise<string> {
    const { Body } = await this.client().send(new GetObjectCommand({ Bucket, Key, VersionId }), { abortSignal: AbortSignal.timeout(this.timeoutMs) });
    return Body!.transformToString();
  }
}
