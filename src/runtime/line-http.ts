import * as http from 'node:http';
import * as https from 'node:https';
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

/** Bytes of an answer that are read. LINE's longest, 1,000 user ids, has 36 KB; what decides stands in status and headers. */
const MAX_BODY_BYTES = 64 * 1_024;

/** Characters of a header that are kept. LINE's request ids are UUIDs. */
const MAX_HEADER_LENGTH = 128;

/** Connections are kept: as many as one function makes calls side by side, for the time that servers commonly keep them at least. */
const AGENT_OPTIONS: http.AgentOptions = { keepAlive: true, maxFreeSockets: 1_000, timeout: 4_000 };

/** Node's own client, which the AWS SDK has loaded anyway: `fetch` takes 20 ms more to load, and four times the processor's time per call. */
const CLIENTS = {
  http: { request: http.request, agent: new http.Agent(AGENT_OPTIONS) },
  https: { request: https.request, agent: new https.Agent(AGENT_OPTIONS) },
};

/**
 * One HTTPS exchange with LINE, on a connection that is kept for the next. Never throws. Of an answer of more than 64 KB the rest
 * is not read, so that no answer can fill the memory. A redirect is an answer and not
 * followed: LINE documents none, and following would hand the token to another host.
 */
export async function exchange({ timeoutMs, repeatable, ...request }: LineHttpRequest): Promise<LineResponse | LineSilence> {
  const signal = AbortSignal.timeout(Math.max(1, Math.floor(timeoutMs)));
  const attempt = async (): Promise<LineResponse | LineSilence> => {
    try {
      const response = await send(request, signal);
      // Under the same signal: an answer that stops half way must not outlast the time limit. What LINE has decided stands in
      // status and headers, which are there.
      const body = await beginningOf(response).catch(() => '');
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
      // Node gives up a request without an error when the answer is 101, "Switching Protocols"; after an answer nobody hears it.
      .on('close', () => reject(new Error('the connection was closed without an answer')))
      .end(body);
  });
}

/** @returns the body, or as much of it as is read; the connection of a longer one is closed */
async function beginningOf(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) {
      break;
    }
  }
  return Buffer.concat(chunks).toString('utf8', 0, MAX_BODY_BYTES);
}

function header({ headers }: http.IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return (Array.isArray(value) ? value.join(', ') : value)?.slice(0, MAX_HEADER_LENGTH);
}
