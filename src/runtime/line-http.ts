import * as http from 'node:http';
import * as https from 'node:https';
import { text } from 'node:stream/consumers';
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

/** Connections are kept: as many as one function makes calls side by side, for the time that servers commonly keep them at least. */
const AGENT_OPTIONS: http.AgentOptions = { keepAlive: true, maxFreeSockets: 1_000, timeout: 4_000 };

/** Node's own client, which the AWS SDK has loaded anyway: `fetch` takes 20 ms more to load, and four times the processor's time per call. */
const CLIENTS = {
  http: { request: http.request, agent: new http.Agent(AGENT_OPTIONS) },
  https: { request: https.request, agent: new https.Agent(AGENT_OPTIONS) },
};

/**
 * One HTTPS exchange with LINE, on a connection that is kept for the next. Never throws. A redirect is an answer and not
 * followed: LINE documents none, and following would hand the token to another host.
 */
export async function exchange({ timeoutMs, repeatable, ...request }: LineHttpRequest): Promise<LineResponse | LineSilence> {
  const signal = AbortSignal.timeout(Math.max(1, Math.floor(timeoutMs)));
  const attempt = async (): Promise<LineResponse | LineSilence> => {
    try {
      const response = await send(request, signal);
      // Under the same signal: an answer that stops half way must not outlast the time limit. What LINE has decided stands in
      // status and headers, which are there.
      const body = await text(response).catch(() => '');
      return {
        kind: 'response',
        status: response.statusCode!,
        requestId: header(response, 'x-line-request-id'),
        acceptedRequestId: header(response, 'x-line-accepted-request-id'),
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

/** @returns the answer as soon as its headers are there */
async function send({ method, url, headers, body }: Pick<LineHttpRequest, 'method' | 'url' | 'headers' | 'body'>, signal: AbortSignal): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { request, agent } = url.startsWith('http:') ? CLIENTS.http : CLIENTS.https;
    request(url, { method, headers: { 'user-agent': 'cdk-line-pinpoint', ...headers }, agent, signal })
      .on('response', resolve)
      // After an answer nobody hears it: the answer's body ends with an error, too.
      .on('error', reject)
      .end(body);
  });
}

function header({ headers }: http.IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
