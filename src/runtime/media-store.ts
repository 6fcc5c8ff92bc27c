import { GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { MAX_KEY_BYTES } from '../contract/limits';
import { MediaDeliveryConfig, MediaPlaces, MediaType } from '../contract/media';
import { MediaLibrary, MediaObject, cloudFrontImagemapUrl, cloudFrontUrl } from '../domain/line/media-url';

export interface MediaStoreOptions {
  /** Buckets, and the prefix of the type's keys in its bucket; empty when the type has the bucket to itself. */
  readonly places: MediaPlaces;
  readonly delivery: MediaDeliveryConfig;
}

/** Milliseconds that an object's description is used again: a campaign's many events ask for the same few objects. */
const CACHE_MS = 30_000;

/** Descriptions kept at a time. */
const CACHE_SIZE = 1_000;

/**
 * The channel's media buckets. Needs `s3:GetObject`, and `s3:ListBucket`, without which S3 answers 403 instead of 404 for a
 * key that does not exist; for pre-signed URLs also `s3:GetObjectVersion`.
 */
export class MediaStore implements MediaLibrary {
  public readonly types: readonly MediaType[];
  private readonly cache = new Map<string, { readonly object: Promise<MediaObject | undefined>; readonly until: number }>();

  constructor(private readonly client: () => S3Client, private readonly options: MediaStoreOptions, private readonly now: () => number) {
    this.types = Object.keys(options.places) as MediaType[];
  }

  /**
   * What is missing is asked for again every time, because it may be uploaded any moment. People whose messages are made at the
   * same time share a request.
   *
   * @throws what S3 throws, except for 400, with which it answers keys that none of its objects can have, 403 and 404
   */
  public async find(type: MediaType, key: string): Promise<MediaObject | undefined> {
    const place = this.options.places[type];
    if (!place || Buffer.byteLength(place.prefix + key) > MAX_KEY_BYTES) {
      return undefined;
    }
    const name = `${type}/${key}`;
    const cached = this.cache.get(name);
    if (cached && this.now() < cached.until) {
      return cached.object;
    }
    if (this.cache.size >= CACHE_SIZE) {
      this.cache.clear();
    }
    const object = this.head(type, key, place.bucket, place.prefix + key);
    this.cache.set(name, { object, until: this.now() + CACHE_MS });
    let found: MediaObject | undefined;
    try {
      found = await object;
      return found;
    } finally {
      if (!found) {
        this.cache.delete(name);
      }
    }
  }

  public async url(object: MediaObject): Promise<string> {
    const { places, delivery } = this.options;
    if (delivery.kind === 'cloudfront') {
      return cloudFrontUrl(delivery.domainName, object);
    }
    const { bucket, prefix } = places[object.type]!;
    const get = new GetObjectCommand({ Bucket: bucket, Key: prefix + object.key, VersionId: object.versionId });
    return getSignedUrl(this.client(), get, { expiresIn: delivery.expirySeconds });
  }

  public imagemapUrl(key: string, images: readonly MediaObject[]): string | undefined {
    const { delivery } = this.options;
    return delivery.kind === 'cloudfront' ? cloudFrontImagemapUrl(delivery.domainName, key, images) : undefined;
  }

  private async head(type: MediaType, key: string, bucket: string, objectKey: string): Promise<MediaObject | undefined> {
    try {
      const { ContentLength = 0, ContentType, VersionId } = await this.client().send(new HeadObjectCommand({ Bucket: bucket, Key: objectKey }));
      return { type, key, bytes: ContentLength, contentType: ContentType, versionId: VersionId };
    } catch (error) {
      const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
      if (status === 400 || status === 403 || status === 404) {
        return undefined;
      }
      throw error;
    }
  }
}
