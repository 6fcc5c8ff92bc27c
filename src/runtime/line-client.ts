import { exchange } from './line-http';
import { LineTokens, TokenResult } from './line-tokens';
import { LineAnswer, LineApi, LineNotCalled, LineRequest, LineResponse, LineSilence, MIN_SEND_MS } from '../domain/line/line-api';

export interface LineClientOptions {
  readonly tokens: LineTokens;
  /** Scheme, host and port of the Messaging API; a path is not used. */
  readonly baseUrl: string;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/**
 * Calls LINE's Messaging API: exact bytes, a time limit that covers token, call and answer, no exception
 * (see docs/decisions/002-thin-line-client.md for why this is not LINE's own client).
 */
export class LineClient implements LineApi {
  private readonly origin: string;
  private readonly now: () => number;

  constructor(private readonly options: LineClientOptions) {
    this.origin = new URL(options.baseUrl).origin;
    this.now = options.now ?? Date.now;
  }

  public async call(request: LineRequest): Promise<LineAnswer> {
    const deadline = this.now() + request.timeoutMs;
    const leastMs = request.retryKey === undefined ? 1 : MIN_SEND_MS;
    const first = await this.within(deadline, leastMs, this.options.tokens.token());
    if (first.kind !== 'token') {
      return first;
    }
    const answer = await this.send(request, first.token, deadline);
    if (answer.kind !== 'response' || answer.status !== 401) {
      return answer;
    }
    // LINE refused the token, so nothing has happened yet.
    const second = await this.within(deadline, leastMs, this.options.tokens.replace(first.token));
    if (second.kind !== 'token') {
      return second;
    }
    return second.token === first.token ? answer : this.send(request, second.token, deadline);
  }

  /** A token is obtained for all who wait for one; each waits only until its own call has less than `leastMs` left. */
  private async within(deadline: number, leastMs: number, obtaining: Promise<TokenResult>): Promise<TokenResult> {
    const timedOut: LineNotCalled = { kind: 'not-called', message: 'no channel access token was to be had in the time of the call', retryable: true };
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<LineNotCalled>((resolve) => {
      timer = setTimeout(() => resolve(timedOut), Math.max(0, deadline - leastMs - this.now()));
    });
    const result = await Promise.race([obtaining, timeout]);
    clearTimeout(timer);
    return deadline - this.now() >= leastMs ? result : timedOut;
  }

  private async send(request: LineRequest, token: string, deadline: number): Promise<LineResponse | LineSilence> {
    return exchange({
      method: request.method,
      url: this.origin + request.path,
      headers: {
        authorization: `Bearer ${token}`,
        ...(request.body !== undefined && { 'content-type': 'application/json' }),
        ...(request.retryKey !== undefined && { 'x-line-retry-key': request.retryKey }),
      },
      body: request.body,
      timeoutMs: deadline - this.now(),
      // A repeated POST may be a second message: whether and how is for the send journal to say.
      repeatable: request.method !== 'POST',
    });
  }
}
