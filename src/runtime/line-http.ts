import { LineResponse, LineSilence } from '../domain/line/line-api';

/** Base URL of the Messaging API. Source: LINE, Messaging API reference, "Domain name". */
export const LINE_API_BASE_URL = 'https://api.line.me';

export interface LineHttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  /** Milliseconds until the last byte of the answer. */
  readonly timeoutMs: number;
  /** True when doing it twice is doing it once: it is then repeated after a failure of the network. */
  readonly repeatable: boolean;
}

/**
 * One HTTPS exchange with LINE, on a connection that is kept for the next. Never throws. A redirect is an answer and not
 * followed: LINE documents none, and following would hand the token to another host.
 */
export async function exchange({ url, timeoutMs, repeatable, ...init }: LineHttpRequest): Promise<LineResponse | LineSilence> {
  const signal = AbortSignal.timeout(Math.max(1, Math.floor(timeoutMs)));
  const attempt = async (): Promise<LineResponse | LineSilence> => {
    try {
      const response = await fetch(url, { ...init, redirect: 'manual', signal });
      // Under the same signal: an answer that stops half way must not outlast the time limit. What LINE has decided stands in
      // status and headers, which are there.
      const body = await response.text().catch(() => '');
      return {
        kind: 'response',
        status: response.status,
        requestId: response.headers.get('x-line-request-id') ?? undefined,
        acceptedRequestId: response.headers.get('x-line-accepted-request-id') ?? undefined,
        body,
      };
    } catch {
      return { kind: 'silence', reason: signal.aborted ? 'timeout' : 'network' };
    }
  };
  const first = await attempt();
  // A connection that was kept while Lambda froze the container is often dead when it is next used.
  return repeatable && first.kind === 'silence' && first.reason === 'network' ? attempt() : first;
}
