/** One call to LINE, as the domain sees it. The adapter (`runtime/line-client.ts`) adds the token, the base URL and the connection. */
export interface LineRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Absolute path with query, for example `/v2/bot/message/multicast`. */
  readonly path: string;
  /** Exact bytes of a JSON body. */
  readonly body?: string;
  /** `X-Line-Retry-Key`; only send operations take one. */
  readonly retryKey?: string;
  /** Milliseconds after which the call is given up. */
  readonly timeoutMs: number;
}

/**
 * Milliseconds that a send operation must have left when its token is there. One that is cut off as soon as it is made
 * would leave open whether LINE has accepted it.
 */
export const MIN_SEND_MS = 1_000;

/** LINE answered. `body` is the raw text, which may be anything, and empty when it broke off: status and headers decide. */
export interface LineResponse {
  readonly kind: 'response';
  readonly status: number;
  /** `x-line-request-id` */
  readonly requestId?: string;
  /** `x-line-accepted-request-id`, on a 409 for a retry key that LINE had accepted before. */
  readonly acceptedRequestId?: string;
  readonly body: string;
}

/** LINE did not answer: nobody can know whether the request was accepted. */
export interface LineSilence {
  readonly kind: 'silence';
  readonly reason: 'timeout' | 'network';
}

/**
 * The call was not made, because no access token could be had, or none in time for a call that is worth making.
 * `retryable` is false when the secret or LINE's token endpoint says that the credentials are wrong.
 */
export interface LineNotCalled {
  readonly kind: 'not-called';
  readonly message: string;
  readonly retryable: boolean;
}

export type LineAnswer = LineResponse | LineSilence | LineNotCalled;

export interface LineApi {
  /** Never throws. A 401 has been answered with one fresh token before it is returned. */
  call(request: LineRequest): Promise<LineAnswer>;
}
