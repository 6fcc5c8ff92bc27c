import { exchange } from './line-http';
import { CredentialFields } from '../contract/credentials';
import { SecretSource, sendingCredentialsOf } from '../domain/line/credentials';
import { LineNotCalled } from '../domain/line/line-api';
import { errorText } from '../domain/shared/error-text';

export interface LineTokensOptions {
  readonly secrets: SecretSource;
  /** Keys of the secret that the user named. */
  readonly fields?: Partial<CredentialFields>;
  /** Scheme, host and port of the Messaging API; a path is not used. */
  readonly baseUrl: string;
  /** Milliseconds of one call to the token endpoint; 5 seconds unless given. */
  readonly timeoutMs?: number;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** A token, or why there is none. */
export type TokenResult = { readonly kind: 'token'; readonly token: string } | LineNotCalled;

/** Milliseconds before its end when a token is not used any more: a call that starts with it must not outlive it. */
const MARGIN_MS = 60_000;

/** What an HTTP header can carry. A line break pasted into the secret would otherwise look like a failure of the network. */
const HEADER_SAFE = /^[\x21-\x7e]+$/;

/**
 * Channel access tokens: issued for 15 minutes from channel id and channel secret, or the long-lived one if that is all
 * there is. One is issued at a time, and used until a minute before its end. Never throws.
 * Source: LINE, Messaging API reference, "Issue stateless channel access token".
 */
export class LineTokens {
  private readonly url: string;
  private readonly now: () => number;
  private issued?: { readonly token: string; readonly usableUntil: number };
  private obtaining?: Promise<TokenResult>;

  constructor(private readonly options: LineTokensOptions) {
    this.url = `${new URL(options.baseUrl).origin}/oauth2/v3/token`;
    this.now = options.now ?? Date.now;
  }

  /** A token that should be good. */
  public async token(): Promise<TokenResult> {
    if (this.issued && this.now() < this.issued.usableUntil) {
      return { kind: 'token', token: this.issued.token };
    }
    return this.obtain(async () => this.options.secrets.value());
  }

  /**
   * Another token than one that LINE has just refused. The secret is read again, too, since it may have changed.
   * The same token comes back when it is a long-lived one and the secret still holds it.
   */
  public async replace(refused: string): Promise<TokenResult> {
    if (this.issued?.token === refused) {
      this.issued = undefined;
    }
    return this.issued ? this.token() : this.obtain(async () => this.options.secrets.refresh());
  }

  private async obtain(read: () => Promise<string>): Promise<TokenResult> {
    this.obtaining ??= this.obtainFrom(read).finally(() => { this.obtaining = undefined; });
    return this.obtaining;
  }

  private async obtainFrom(read: () => Promise<string>): Promise<TokenResult> {
    try {
      const secret = await read();
      const result = await this.fromSecret(secret);
      if (result.kind === 'token' || result.retryable) {
        return result;
      }
      // LINE ends an old channel secret at once, and a cached one may be old.
      const renewed = await this.options.secrets.refresh();
      return renewed === secret ? result : await this.fromSecret(renewed);
    } catch (error) {
      return { kind: 'not-called', message: errorText(error), retryable: true };
    }
  }

  private async fromSecret(secret: string): Promise<TokenResult> {
    try {
      const credentials = sendingCredentialsOf(secret, this.options.fields);
      return credentials.kind === 'long-lived'
        ? longLived(credentials.channelAccessToken)
        : await this.issue(credentials.channelId, credentials.channelSecret);
    } catch (error) {
      // The secret does not hold what it has to.
      return { kind: 'not-called', message: errorText(error), retryable: false };
    }
  }

  private async issue(channelId: string, channelSecret: string): Promise<TokenResult> {
    const startedAt = this.now();
    const answer = await exchange({
      method: 'POST',
      url: this.url,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ grant_type: 'client_credentials', client_id: channelId, client_secret: channelSecret }).toString(),
      timeoutMs: this.options.timeoutMs ?? 5_000,
      repeatable: true,
    });
    if (answer.kind === 'silence') {
      return { kind: 'not-called', message: `LINE's token endpoint did not answer (${answer.reason})`, retryable: true };
    }
    if (answer.status === 400 || answer.status === 401) {
      return {
        kind: 'not-called',
        message: `LINE refuses to issue a channel access token (HTTP ${answer.status}): channel id or channel secret in the secret is wrong; compare both with LINE Developers Console, tab "Basic settings"`,
        retryable: false,
      };
    }
    const { token, lifeMs } = readToken(answer.body);
    if (answer.status !== 200 || token === undefined) {
      return { kind: 'not-called', message: `LINE's token endpoint answered HTTP ${answer.status} without a token`, retryable: true };
    }
    this.issued = { token, usableUntil: startedAt + lifeMs - MARGIN_MS };
    return { kind: 'token', token };
  }
}

function longLived(token: string): TokenResult {
  return HEADER_SAFE.test(token)
    ? { kind: 'token', token }
    : { kind: 'not-called', message: 'the channel access token in the secret has blanks, line breaks or other characters that no token has: copy it again', retryable: false };
}

/** Members of an answer that may be anything. */
function readToken(body: string): { readonly token?: string; readonly lifeMs: number } {
  try {
    const { access_token: token, expires_in: seconds } = JSON.parse(body) ?? {};
    return { token: typeof token === 'string' && HEADER_SAFE.test(token) ? token : undefined, lifeMs: Number.isFinite(seconds) ? seconds * 1000 : 0 };
  } catch {
    return { lifeMs: 0 };
  }
}
