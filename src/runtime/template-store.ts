import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SendErrorCode } from '../contract/custom-channel';
import { TEMPLATE_PREFIX } from '../contract/sending';
import { ContentError } from '../domain/line/content-error';
import { MAX_TEMPLATE_BYTES, TemplateLibrary } from '../domain/line/message-template';

interface Template {
  readonly text: string;
  readonly version: string;
}

/** Milliseconds that an answer about a current object is used again, also that there is none: a fallback asks for each person. */
const CACHE_MS = 30_000;

/** Characters of all texts that are kept at a time, and how many answers. */
const CACHE_CHARACTERS = 8 * MAX_TEMPLATE_BYTES;
const CACHE_SIZE = 1_000;

/** S3's version id of objects in a bucket without versions. Source: Amazon S3, "How S3 Versioning works". */
const NO_VERSION = 'null';

/**
 * The templates of a send function, behind `TEMPLATE_PREFIX` in their bucket. Needs `s3:GetObject`, `s3:GetObjectVersion` for
 * versions, and `s3:ListBucket`, without which S3 answers 403 instead of 404 for an object that does not exist
 * (Amazon S3 API, GetObject).
 */
export class TemplateStore implements TemplateLibrary {
  private readonly cache = new Map<string, { readonly template: Template | undefined; readonly until: number }>();
  private cachedCharacters = 0;

  constructor(private readonly client: () => S3Client, private readonly bucketName: string, private readonly now: () => number) {}

  /**
   * Answers are remembered for half a minute, those about a given version for ever.
   *
   * @throws ContentError INVALID_CONTENT for an object that is larger than 1 MB or no UTF-8; TEMPLATE_NOT_FOUND when the function may
   *   not read it (403): it is not taken for absent, or people would get the template of another language
   * @throws what S3 throws, except for what it answers when the object, or the version, does not exist: 400 InvalidArgument
   *   (no version id), 404, 405 (the version is a delete marker)
   */
  public async find(key: string, version?: string): Promise<Template | undefined> {
    const name = JSON.stringify([key, version]);
    const cached = this.cache.get(name);
    if (cached && this.now() < cached.until) {
      return cached.template;
    }
    const template = await this.get(key, version);
    this.keep(name, template, version !== undefined && template ? Infinity : this.now() + CACHE_MS);
    return template;
  }

  private keep(name: string, template: Template | undefined, until: number): void {
    const length = (text = '') => text.length;
    this.cachedCharacters += length(template?.text) - length(this.cache.get(name)?.template?.text);
    this.cache.delete(name);
    if (this.cachedCharacters > CACHE_CHARACTERS || this.cache.size >= CACHE_SIZE) {
      this.cache.clear();
      this.cachedCharacters = length(template?.text);
    }
    this.cache.set(name, { template, until });
  }

  private async get(key: string, version?: string): Promise<Template | undefined> {
    try {
      const { Body, ContentLength = 0, VersionId = NO_VERSION } =
        await this.client().send(new GetObjectCommand({ Bucket: this.bucketName, Key: TEMPLATE_PREFIX + key, VersionId: version }));
      if (ContentLength > MAX_TEMPLATE_BYTES) {
        // Unread, the body would keep its connection.
        (Body as { destroy?(): void } | undefined)?.destroy?.();
        throw new ContentError(SendErrorCode.INVALID_CONTENT,
          `template \`${key}\` has ${ContentLength} bytes; it may have ${MAX_TEMPLATE_BYTES}: shorten it, LINE takes no longer requests`);
      }
      return { text: decode(key, await Body?.transformToByteArray()), version: VersionId };
    } catch (error) {
      if (isAbsence(error as S3Error)) {
        return undefined;
      }
      if ((error as S3Error).$metadata?.httpStatusCode === 403) {
        throw new ContentError(SendErrorCode.TEMPLATE_NOT_FOUND,
          `template \`${key}\` may not be read by the function, S3 says: allow its role s3:GetObject, s3:GetObjectVersion and s3:ListBucket in the `
          + "bucket's policy, and kms:Decrypt in that of its key");
      }
      throw error;
    }
  }
}

interface S3Error {
  readonly name?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

function isAbsence({ name, $metadata }: S3Error): boolean {
  const status = $metadata?.httpStatusCode;
  return status === 404 || status === 405 || (status === 400 && name === 'InvalidArgument');
}

/** Without a byte order mark. */
function decode(key: string, bytes: Uint8Array = new Uint8Array()): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ContentError(SendErrorCode.INVALID_CONTENT, `template \`${key}\` is not UTF-8; save it in that encoding`);
  }
}
