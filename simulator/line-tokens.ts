import { Answer } from './faults';
import { opaqueToken } from './line-ids';

/** Seconds. Source: LINE, Messaging API reference, "Issue stateless channel access token": 15 minutes. */
const STATELESS_SECONDS = 899;
/** Source: LINE, Messaging API reference, "Issue short-lived channel access token": 30 days, 30 tokens, the oldest is revoked. */
const SHORT_LIVED_SECONDS = 30 * 24 * 60 * 60;
const SHORT_LIVED_MAX = 30;

interface Token {
  readonly kind: 'stateless' | 'short-lived' | 'long-lived';
  /** Epoch milliseconds. */
  expiresAt: number;
}

export interface Channel {
  readonly channelId: string;
  channelSecret: string;
}

const refuse = (error: string, description?: string): Answer => ({
  status: 400, body: { error, ...(description && { error_description: description }) },
});

/** The channel access tokens of one channel. Source: LINE, "Channel access token", and the reference's sections of the four operations. */
export class LineTokens {
  private readonly tokens = new Map<string, Token>();

  constructor(private readonly channel: Channel, private readonly now: () => number) {}

  /** A long-lived token, as the console shows it. It does not expire. */
  addLongLived(token: string): void {
    this.tokens.set(token, { kind: 'long-lived', expiresAt: Infinity });
  }

  /** `POST /oauth2/v3/token` */
  issueStateless(form: URLSearchParams): Answer {
    if (form.get('grant_type') !== 'client_credentials') return refuse('unsupported_grant_type', "grant_type must be 'client_credentials'");
    // What LINE answers when no public key is registered; this stand-in has none.
    if (form.has('client_assertion')) return { status: 404, body: { message: 'Cannot find channel key that satisfies the conditions' } };
    if (!this.isChannel(form)) return refuse('invalid_request', "Invalid 'client_credentials'.");
    const token = this.issue('stateless', STATELESS_SECONDS);
    return { status: 200, body: { token_type: 'Bearer', access_token: token, expires_in: STATELESS_SECONDS } };
  }

  /** `POST /v2/oauth/accessToken` */
  issueShortLived(form: URLSearchParams): Answer {
    if (form.get('grant_type') !== 'client_credentials') return refuse('invalid_request', 'some parameters missed or invalid');
    if (form.get('client_id') !== this.channel.channelId) return refuse('invalid_client', 'invalid client_id');
    if (!this.isChannel(form)) return refuse('invalid_client', 'invalid client_secret');
    const live = [...this.tokens].filter(([, { kind, expiresAt }]) => kind === 'short-lived' && expiresAt > this.now());
    if (live.length >= SHORT_LIVED_MAX) this.tokens.delete(live[0][0]);
    const token = this.issue('short-lived', SHORT_LIVED_SECONDS);
    return { status: 200, body: { access_token: token, expires_in: SHORT_LIVED_SECONDS, token_type: 'Bearer' } };
  }

  /** `POST /v2/oauth/verify`: short-lived and long-lived tokens. */
  verify(form: URLSearchParams): Answer {
    const token = this.tokens.get(form.get('access_token') ?? '');
    if (!token || token.kind === 'stateless' || token.expiresAt <= this.now()) return refuse('invalid_request', 'access_token invalid');
    // LINE names about a hundred years for a token without an end.
    const seconds = token.expiresAt === Infinity ? 3_138_007_490 : Math.floor((token.expiresAt - this.now()) / 1000);
    return { status: 200, body: { client_id: this.channel.channelId, expires_in: seconds, scope: 'P CM' } };
  }

  /** `POST /v2/oauth/revoke`: an unknown token is no error, and a stateless token cannot be revoked. */
  revoke(form: URLSearchParams): Answer {
    const value = form.get('access_token');
    if (!value) return refuse('invalid_request');
    if (this.tokens.get(value)?.kind !== 'stateless') this.tokens.delete(value);
    return { status: 200 };
  }

  /** Whether a request with this `Authorization` header may go on. */
  accepts(authorization: string | undefined): boolean {
    const token = this.tokens.get(bearer(authorization));
    return token !== undefined && token.expiresAt > this.now();
  }

  /** Ends the life of the token in this header now. */
  expire(authorization: string | undefined): void {
    const token = this.tokens.get(bearer(authorization));
    if (token) token.expiresAt = 0;
  }

  /** Ends the life of every token now. */
  expireAll(): void {
    for (const token of this.tokens.values()) token.expiresAt = 0;
  }

  /** Every token so far, live or not. */
  all(): string[] {
    return [...this.tokens.keys()];
  }

  private isChannel(form: URLSearchParams): boolean {
    return form.get('client_id') === this.channel.channelId && form.get('client_secret') === this.channel.channelSecret;
  }

  private issue(kind: Token['kind'], seconds: number): string {
    const token = opaqueToken(32);
    this.tokens.set(token, { kind, expiresAt: this.now() + seconds * 1000 });
    return token;
  }
}

function bearer(authorization: string | undefined): string {
  return /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
}
