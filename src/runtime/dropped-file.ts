import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { FileDependencies } from '../domain/campaigns/start-from-file';

/**
 * Reads dropped files whole, as long as they are what the event told of. Needs `s3:GetObject`, and `s3:ListBucket`, without which S3
 * answers 403 instead of 404 for an object that does not exist. Throws what else S3 throws.
 *
 * @param timeoutMs milliseconds in which a file must have been read to its end
 */
export function droppedFileReader(client: S3Client, timeoutMs = 20_000): FileDependencies['readDropped'] {
  return async ({ bucket, key, etag }, maxBytes) => {
    try {
      // The client's own limit ends with the headers.
      const abortSignal = AbortSignal.timeout(timeoutMs);
      const { Body, ContentLength = 0 } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag === undefined ? undefined : `"${etag}"` }), { abortSignal });
      if (ContentLength > maxBytes) {
        // Unread, the body would keep its connection.
        (Body as { destroy?(): void } | undefined)?.destroy?.();
        return 'TOO_LARGE';
      }
      return await Body!.transformToByteArray();
    } catch (error) {
      // Deleted, or replaced, of which another event tells (Amazon S3 API, GetObject, `If-Match`).
      if ([404, 412].includes((error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode ?? 0)) {
        return undefined;
      }
      throw error;
    }
  };
}
