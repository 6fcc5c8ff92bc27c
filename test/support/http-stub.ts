import { IncomingHttpHeaders, Server, ServerResponse, createServer } from 'http';
import { AddressInfo } from 'net';

/** A request as the stub has received it, to the last byte. */
export interface StubRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the stub does with a request: it may answer, half answer, hang up or stay silent. */
export type StubHandler = (request: StubRequest, response: ServerResponse) => void;

/** An HTTP server on a free loopback port, for adapters that are to be tested over a real connection. */
export class HttpStub {
  public static async start(): Promise<HttpStub> {
    const stub = new HttpStub();
    await new Promise<void>((resolve) => stub.server.listen(0, '127.0.0.1', resolve));
    return stub;
  }

  public readonly requests: StubRequest[] = [];
  /** Connections opened so far. */
  public connections = 0;
  private readonly server: Server;

  private constructor() {
    this.server = createServer((message, response) => {
      const chunks: Buffer[] = [];
      message.on('data', (chunk: Buffer) => chunks.push(chunk));
      message.on('end', () => {
        const request = { method: message.method!, path: message.url!, headers: message.headers, body: Buffer.concat(chunks).toString('utf8') };
        this.requests.push(request);
        this.handler(request, response);
      });
    });
    this.server.on('connection', () => { this.connections += 1; });
  }

  /** What it does with the next request. */
  public handler: StubHandler = (_request, response) => response.writeHead(404).end();

  public get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  public async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Answers with JSON. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): StubHandler {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
}
