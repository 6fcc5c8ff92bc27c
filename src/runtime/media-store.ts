import { GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { MAX_KEY_BYTES } from '../contract/limits';
import { MediaDeliveryConfig, MessageType } from '../contract/media';
import { MediaLibrary, MediaObject, cloudFrontUrl } from '../domain/line/media-url';

export interface MediaStoreOptions {
  readonly bucketName: string;
  /** Of the type's keys in the bucket, for example `image/`; empty when the type has the bucket to itself. */
  readonly prefix: string;
  readonly messageType: MessageType;
  readonly delivery: MediaDeliveryConfig;
}

/** Milliseconds that an object's description is used again: a campaign's many events ask for the same few objects. */
const CACHE_MS = 30_000;

/** Descriptions kept at a time. */
const CACHE_SIZE = 1_000;

/**
 * The media bucket of a send function. Needs `s3:GetObject`, and `s3:ListBucket`, without which S3 answers 403 instead of
 * 404 for a key that does not exist; for pre-signed URLs also `s3:GetObjectVersion`.
 */
export class MediaStore implements MediaLibrary {
  private readonly cache = new Map<string, { readonly object: MediaObject; readonly until: number }>();

  constructor(private readonly client: () => S3Client, private readonly options: MediaStoreOptions, private readonly now: () => number) {}

  /**
   * What is missing is asked for again every time, because it may be uploaded any moment.
   *
   * @throws what S3 throws, except for 400, with which it answers keys that none of its objects can have, 403 and 404
   */
  public async find(key: string): Promise<MediaObject | undefined> {
    if (Buffer.byteLength(this.options.prefix + key) > MAX_KEY_BYTES) {
      return undefined;
    }
    const cached = this.cache.get(key);
    if (cached && this.now() < cached.until) {
      return cached.object;
    }
    const object = await this.head(key);
    if (object) {
      if (this.cache.size >= CACHE_SIZE) {
        this.cache.clear();
      }
      this.cache.set(key, { object, until: this.now() + CACHE_MS });
    }
    return object;
  }

  public async url(object: MediaObject): Promise<string> {
    const { bucketName, prefix, messageType, delivery } = this.options;
    if (delivery.kind === 'cloudfront') {
      return cloudFrontUrl(delivery.domainName, messageType, object);
    }
    const get = new GetObjectCommand({ Bucket: bucketName, Key: prefix + object.key, VersionId: object.versionId });
    return getSignedUrl(this.client(), get, { expiresIn: delivery.expirySeconds });
  }

  private async head(key: string): Promise<MediaObject | undefined> {
    try {
      const { ContentLength = 0, ContentType, VersionId } =
        await this.client().send(new HeadObjectCommand({ Bucket: this.options.bucketName, Key: this.options.prefix + key }));
      return { key, bytes: ContentLength, contentType: ContentType, versionId: VersionId };
    } catch (error) {
      const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
      if (status === 400 || status === 403 || status === 404) {
        return undefined;
      }
      throw error;
    }
  }
}
