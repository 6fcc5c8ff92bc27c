import { request } from 'node:http';

/** API Gateway itself gives up after 29 s. */
const LIMIT_MS = 30_000;

/** What a URL of a deployed stack answers. */
export interface StageAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
}

export interface StageRequest {
  /** @default GET */
  readonly method?: string;
  /** @default - none */
  readonly headers?: Record<string, string>;
  /** @default - none */
  readonly body?: string | Buffer;
}

/**
 * The same place at the emulator, for URLs that can be written so: API Gateway (REST and HTTP APIs) and function URLs.
 * Others come back as they are. Needed because nothing on the machine resolves `…amazonaws.com` to the emulator.
 */
export function emulatorUrl(awsUrl: string, endpoint: string): string {
  const url = new URL(awsUrl);
  const [id, service] = url.hostname.split('.');
  return service === 'execute-api' || service === 'lambda-url'
    ? `${endpoint}/_aws/${service}/${id}${url.pathname}${url.search}`
    : awsUrl;
}

/**
 * Opens a URL of a deployed stack at the emulator, CloudFront's included: the emulator knows a distribution by its `Host`,
 * and takes the request for https by the two headers that tell it so.
 *
 * @throws Error when nothing answers
 */
export async function openAtEmulator(awsUrl: string, endpoint: string, options: StageRequest = {}): Promise<StageAnswer> {
  const { host, pathname, search } = new URL(awsUrl);
  const cloudFront = host.endsWith('.cloudfront.net');
  const target = cloudFront ? `${endpoint}${pathname}${search}` : emulatorUrl(awsUrl, endpoint);
  const headers = {
    ...(cloudFront && { 'Host': host, 'X-Forwarded-Proto': 'https', 'CloudFront-Forwarded-Proto': 'https' }),
    ...options.headers,
  };
  return new Promise((resolve, reject) => {
    const call = request(target, { method: options.method ?? 'GET', headers, agent: false, timeout: LIMIT_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }));
    });
    call.on('timeout', () => call.destroy(new Error(`${awsUrl} did not answer within ${LIMIT_MS / 1000} s`)));
    call.on('error', reject);
    call.end(options.body);
  });
}
