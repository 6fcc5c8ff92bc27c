import * as fs from 'fs';
import * as http from 'http';
import { AddressInfo } from 'net';
import * as path from 'path';

/** Rows that a page of a scan has: 1 MB of them. Source: Amazon DynamoDB, "Scan". */
const PAGE_ROWS = 2_000;

/** S3 on a disk and a subscriber table of so many rows, as far as freezing recipients asks for them, on loopback. */
export class FreezeStandIn {
  public static async start(folder: string, rows: number): Promise<FreezeStandIn> {
    const standIn = new FreezeStandIn(folder, rows);
    await standIn.listen();
    return standIn;
  }

  private readonly server: http.Server;

  protected constructor(private readonly folder: string, protected readonly rows: number) {
    this.server = http.createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        this.serve(request, Buffer.concat(chunks), response).catch((error: Error) => response.writeHead(500).end(error.message));
      });
    });
  }

  public get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  public file(key: string): string {
    return path.join(this.folder, 'campaign-bucket', key);
  }

  public put(key: string, body: string | Buffer): void {
    const file = this.file(key);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, body);
  }

  public stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  protected async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  protected async serve(request: http.IncomingMessage, body: Buffer, response: http.ServerResponse): Promise<void> {
    const target = request.headers['x-amz-target'];
    if (typeof target === 'string') {
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(this.dynamo(target.split('.')[1], JSON.parse(body.toString()))));
    } else {
      this.s3(request, body, response);
    }
  }

  private s3({ method, url = '', headers }: http.IncomingMessage, body: Buffer, response: http.ServerResponse): void {
    const key = decodeURIComponent(url.split('?')[0]).replace('/campaign-bucket/', '');
    const exists = fs.existsSync(this.file(key));
    if (method === 'PUT') {
      if (headers['if-none-match'] === '*' && exists) {
        response.writeHead(412).end();
        return;
      }
      this.put(key, body);
      response.writeHead(200).end();
    } else if (exists) {
      const { size, mtime } = fs.statSync(this.file(key));
      // The length of the first bytes, when only those are asked for.
      const first = /^bytes=0-(\d+)$/.exec(headers.range ?? '');
      const length = Math.min(size, first ? Number(first[1]) + 1 : Infinity);
      response.writeHead(first ? 206 : 200, { 'content-length': length, 'last-modified': mtime.toUTCString(), 'etag': `"${size}-${mtime.getTime()}"` });
      if (method === 'HEAD' || length === 0) {
        response.end();
      } else {
        fs.createReadStream(this.file(key), { end: length - 1 }).pipe(response);
      }
    } else {
      response.writeHead(404, { 'content-type': 'application/xml' }).end('<Error><Code>NoSuchKey</Code></Error>');
    }
  }

  protected dynamo(operation: string, { Segment = 0, TotalSegments = 1, ExclusiveStartKey, Key, Select }: Record<string, any>): Record<string, any> {
    switch (operation) {
      case 'DescribeTable':
        return { Table: { ItemCount: this.rows, TableSizeBytes: this.rows * 500 } };
      case 'Scan': {
        const [from, to] = [Segment, Segment + 1].map((segment) => Math.floor(this.rows * segment / TotalSegments));
        const begin = ExclusiveStartKey ? Number(ExclusiveStartKey.sk.S) : from;
        const end = Math.min(begin + PAGE_ROWS, to);
        return {
          Count: end - begin,
          ...(Select !== 'COUNT' && { Items: Array.from({ length: end - begin }, (_, index) => subscriber(begin + index)) }),
          ...(end < to && { LastEvaluatedKey: { pk: { S: 'page' }, sk: { S: String(end) } } }),
        };
      }
      // The run.
      default:
        return { [operation === 'GetItem' ? 'Item' : 'Attributes']: { ...Key, runId: { S: 'run' }, state: { S: 'STARTING' }, generation: { N: '1' }, looks: { N: '0' } } };
    }
  }
}

/** Some 500 bytes, with a name that takes three bytes a character. */
export function subscriber(n: number): object {
  const id = lineUserId(n);
  return {
    pk: { S: `line#${id}` },
    Address: { S: id },
    ChannelType: { S: 'CUSTOM' },
    OptOut: { S: n % 50 === 49 ? 'ALL' : 'NONE' },
    EndpointStatus: { S: 'ACTIVE' },
    EffectiveDate: { S: '2026-10-01T00:00:00.000Z' },
    User: { M: { UserId: { S: `customer-${n}` }, UserAttributes: { M: { DisplayName: { L: [{ S: `春子 ${n}` }] }, Language: { L: [{ S: 'ja' }] } } } } },
    Attributes: { M: { Plan: { L: [{ S: 'gold' }] }, Interests: { L: [{ S: 'shoes' }, { S: 'bags' }, { S: 'hats' }] } } },
    Metrics: { M: { Orders: { N: String(n % 100) } } },
  };
}

function lineUserId(n: number): string {
  // Spread over all hex digits, and told apart by the last eight.
  return `U${(n * 2_654_435_761 % 4_294_967_296).toString(16).padStart(8, '0').repeat(3)}${n.toString(16).padStart(8, '0')}`;
}
