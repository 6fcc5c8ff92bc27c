import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SecretSource } from '../domain/line/credentials';
import { errorText } from '../domain/shared/error-text';

export interface SecretReaderOptions {
  /** Milliseconds for which a value is used without reading it again; 5 minutes unless given. */
  readonly ttlMs?: number;
  /** Milliseconds of one attempt to read; 3 seconds unless given. */
  readonly timeoutMs?: number;
  /** Told the error's name when the secret could not be read and what was read before stands in. */
  readonly onStale?: (errorName: string) => void;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** Milliseconds that lie between two readings at least, however often `refresh` is called: whoever forges signatures must not cost a call each. */
const REFRESH_INTERVAL_MS = 10_000;

/** Milliseconds after its reading for which a value stands in for one that cannot be read. */
const MAX_STALE_MS = 60 * 60 * 1000;

/**
 * Errors that say that the secret is gone or not to be read by this function: what was read before is withdrawn, too.
 * `InvalidRequestException` is that of a secret marked for deletion. Source: AWS Secrets Manager API reference, "GetSecretValue".
 */
const WITHDRAWN: readonly string[] = ['ResourceNotFoundException', 'AccessDeniedException', 'InvalidRequestException'];

/**
 * The secret's string, cached in the container. Callers that ask at the same time share one call to Secrets Manager. A
 * passing failure to read takes a cached value away only after an hour, a withdrawn secret at once.
 */
export class SecretReader implements SecretSource {
  private readonly ttlMs: number;
  private readonly timeoutMs: number;
  private readonly now: () => number;
  private cached?: string;
  private cachedAt = 0;
  private triedAt = -Infinity;
  private failure?: Error;
  private reading?: Promise<string>;

  constructor(private readonly client: SecretsManagerClient, private readonly secretArn: string, private readonly options: SecretReaderOptions = {}) {
    this.ttlMs = options.ttlMs ?? 5 * 60 * 1000;
    this.timeoutMs = options.timeoutMs ?? 3_000;
    this.now = options.now ?? Date.now;
  }

  public async value(): Promise<string> {
    if (this.cached !== undefined && this.now() - this.cachedAt < this.ttlMs) {
      return this.cached;
    }
    if (this.reading === undefined) {
      return this.cached !== undefined ? this.refresh() : this.read();
    }
    try {
      return await this.reading;
    } catch {
      // Begun by somebody else, perhaps before Lambda froze the container, which a call under way does not survive.
      return this.read();
    }
  }

  public async refresh(): Promise<string> {
    if (this.reading === undefined && this.now() - this.triedAt < REFRESH_INTERVAL_MS) {
      if (this.cached === undefined) {
        throw this.failure;
      }
      return this.cached;
    }
    return this.read();
  }

  private async read(): Promise<string> {
    this.reading ??= this.getSecretValue().finally(() => { this.reading = undefined; });
    return this.reading;
  }

  private async getSecretValue(): Promise<string> {
    this.triedAt = this.now();
    try {
      const { SecretString } = await this.client.send(
        new GetSecretValueCommand({ SecretId: this.secretArn }),
        { abortSignal: AbortSignal.timeout(this.timeoutMs) },
      );
      // A binary secret is for the caller what an empty one is.
      this.cached = SecretString ?? '';
      this.cachedAt = this.now();
      return this.cached;
    } catch (error) {
      const { name } = error as Error;
      if (this.cached !== undefined && !WITHDRAWN.includes(name) && this.now() - this.cachedAt < MAX_STALE_MS) {
        this.options.onStale?.(name);
        return this.cached;
      }
      this.cached = undefined;
      this.failure = new Error(`the secret cannot be read: ${errorText(error)}`, { cause: error });
      throw this.failure;
    }
  }
}
