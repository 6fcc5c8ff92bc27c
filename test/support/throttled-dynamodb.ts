import { Agent, createServer, IncomingMessage, request as forward, Server, ServerResponse } from 'node:http';
import { AddressInfo } from 'node:net';
import { seededRandom } from '../../simulator/random';

/** What DynamoDB answers when there is too much of something. Source: Amazon DynamoDB, "Error handling with DynamoDB". */
const ERRORS = ['ThrottlingException', 'ProvisionedThroughputExceededException', 'RequestLimitExceeded'];

/** Of a BatchGetItem that is not refused, how many keys are left out when it is throttled. */
const UNPROCESSED_SHARE = 0.5;

/**
 * DynamoDB as whoever is given its URL sees it: in front of the emulator's, and throttled as long as the test says so. A throttled
 * request does nothing; a `BatchGetItem` may also be answered in part.
 */
export class ThrottledDynamoDb {
  /** Share of requests that are throttled, 0 to 1. */
  public share = 0;
  /** Requests so far. */
  public requests = 0;
  /** Of them, those that were refused, and answers that left keys out. */
  public throttled = 0;
  public answeredInPart = 0;

  private readonly server: Server;
  private readonly agent = new Agent({ keepAlive: true });
  private readonly random: () => number;

  /** @param endpoint of the real one; asked for at each request, since it may be known later than the URL of this one */
  constructor(private readonly endpoint: () => string, seed: number) {
    this.random = seededRandom(seed);
    this.server = createServer((request, response) => {
      this.handle(request, response).catch((error: Error) => answer(response, 500, { __type: 'InternalServerError', message: error.message }));
    });
  }

  /** @returns the URL for `AWS_ENDPOINT_URL_DYNAMODB` */
  public async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  public stop(): void {
    this.server.close();
    this.server.closeAllConnections();
    this.agent.destroy();
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
    }
    const body = Buffer.concat(chunks);
    this.requests++;
    if (this.random() >= this.share) {
      await this.pass(request, body, (status, headers, text) => response.writeHead(status, headers).end(text));
      return;
    }
    if (String(request.headers['x-amz-target']).endsWith('.BatchGetItem') && this.random() < UNPROCESSED_SHARE) {
      await this.answerInPart(request, body, response);
      return;
    }
    this.throttled++;
    const name = ERRORS[Math.floor(this.random() * ERRORS.length)];
    answer(response, 400, { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: 'Rate exceeded' });
  }

  /** Leaves out every second key. */
  private async answerInPart(request: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> {
    const { RequestItems, ...rest } = JSON.parse(body.toString()) as { RequestItems: Record<string, { Keys: object[] }> };
    const some = (isFirst: boolean) => Object.fromEntries(Object.entries(RequestItems).flatMap(([table, { Keys, ...settings }]) => {
      const keys = Keys.filter((_, i) => (i % 2 === 0) === isFirst);
      return keys.length > 0 ? [[table, { ...settings, Keys: keys }]] : [];
    }));
    await this.pass(request, Buffer.from(JSON.stringify({ ...rest, RequestItems: some(true) })), (status, headers, text) => {
      if (status !== 200) {
        response.writeHead(status, headers).end(text);
        return;
      }
      this.answeredInPart++;
      const { UnprocessedKeys, ...found } = JSON.parse(text.toString());
      answer(response, 200, { ...found, UnprocessedKeys: { ...some(false), ...UnprocessedKeys } });
    });
  }

  private async pass(
    { method, url, headers }: IncomingMessage, body: Buffer, done: (status: number, headers: IncomingMessage['headers'], body: Buffer) => void,
  ): Promise<void> {
    const { 'host': _, 'content-length': __, 'transfer-encoding': ___, ...kept } = headers;
    await new Promise<void>((resolve, reject) => {
      forward(new URL(url!, this.endpoint()), { method, agent: this.agent, headers: { ...kept, 'content-length': body.length } }, (answered) => {
        const chunks: Buffer[] = [];
        answered.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject).on('end', () => {
          const { 'connection': ____, 'keep-alive': _____, 'transfer-encoding': ______, ...passedOn } = answered.headers;
          done(answered.statusCode!, passedOn, Buffer.concat(chunks));
          resolve();
        });
      }).on('error', reject).end(body);
    });
  }
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
}
