import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ChunkSendEvent } from '../contract/chunk-send';

/** Chunks of recipients. Needs `s3:GetObject`. Throws what S3 throws. */
export class S3Chunks {
  constructor(private readonly client: () => S3Client) {}

  public async read({ Bucket, Key, VersionId }: ChunkSendEvent['Chunk']): Promise<string> {
    const { Body } = await this.client().send(new GetObjectCommand({ Bucket, Key, VersionId }));
    return Body!.transformToString();
  }
}
