import { randomUUID } from 'crypto';
import * as http from 'http';
import { setTimeout as delay } from 'timers/promises';
import { GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { FreezeStandIn, subscriber } from './freeze-stand-in';
import { AWS_MS, LINE_MS } from './stand-ins';
import { isBatchItem } from '../../src/runtime/send-journal-store';
import { FakeDynamoDb } from '../support/fake-dynamodb';

/** Names of the tables that are kept; every other one is the subscriber table. */
export const RUNS_TABLE = 'runs';
export const JOURNAL_TABLE = 'journal';

/** What AWS bills, as far as it was asked for. */
export interface Requests {
  /** Half units count. */
  readUnits: number;
  writeUnits: number;
  s3Puts: number;
  s3Gets: number;
  /** Of 64 KB. */
  events: number;
}

type Item = Record<string, any>;

const COMMANDS: Record<string, (input: any) => object> = {
  GetItem: (input) => new GetItemCommand(input),
  PutItem: (input) => new PutItemCommand(input),
  UpdateItem: (input) => new UpdateItemCommand(input),
};

const LINE_ANSWERS: Record<string, object> = {
  '/v2/bot/message/quota': { type: 'none' },
  '/v2/bot/message/quota/consumption': { totalUsage: 0 },
};

/**
 * Everything around a campaign: what freezing takes, and runs, journal, event bus, topic and LINE. Counts what AWS would bill, and how
 * often LINE was asked to send to whom. Every answer takes as long as in the other benchmarks.
 */
export class CampaignStandIn extends FreezeStandIn {
  public static async start(folder: string, rows: number): Promise<CampaignStandIn> {
    const standIn = new CampaignStandIn(folder, rows);
    await standIn.listen();
    return standIn;
  }

  public readonly requests: Requests = { readUnits: 0, writeUnits: 0, s3Puts: 0, s3Gets: 0, events: 0 };
  /** Requests to LINE that send. */
  public lineCalls = 0;
  private readonly tables: Record<string, FakeDynamoDb> = { [RUNS_TABLE]: new FakeDynamoDb(), [JOURNAL_TABLE]: new FakeDynamoDb() };
  /** How often LINE took a message for person number … */
  private readonly received = new Map<number, number>();

  /** People whom LINE took a message for. @throws when it took two for somebody */
  public get reached(): number {
    for (const [number, times] of this.received) {
      if (times > 1) {
        throw new Error(`LINE took ${times} messages for person ${number}`);
      }
    }
    return this.received.size;
  }

  /** Items of decided batches, as the journal's stream has them. */
  public get batches(): Item[] {
    return [...this.tables[JOURNAL_TABLE].items.values()].filter(isBatchItem);
  }

  /** A run as its table has it, its values as they are typed there. */
  public run(runId: string): Item | undefined {
    return this.tables[RUNS_TABLE].row(`RUN#${runId}`, 'RUN');
  }

  protected async serve(request: http.IncomingMessage, body: Buffer, response: http.ServerResponse): Promise<void> {
    const { method, url = '', headers } = request;
    const [service, operation = ''] = String(headers['x-amz-target'] ?? '').split('.');
    const json = (answer: object, status = 200) => response
      .writeHead(status, { 'content-type': 'application/x-amz-json-1.0', 'x-line-request-id': randomUUID() }).end(JSON.stringify(answer));
    await delay(url.startsWith('/v2/') ? LINE_MS : AWS_MS);
    if (url.startsWith('/v2/')) {
      json(this.line(url, body));
    } else if (service === 'secretsmanager') {
      json({ ARN: 'arn', Name: 'line', SecretString: '{"channelAccessToken":"long-lived-token"}', VersionId: '0'.repeat(32) });
    } else if (service === 'AWSStepFunctions') {
      json({ executionArn: 'arn', startDate: 1_700_000_000 });
    } else if (service === 'AWSEvents') {
      const { Entries } = JSON.parse(body.toString());
      // Source: Amazon EventBridge, "Calculating PutEvents event entry size".
      this.requests.events += Entries.reduce((sum: number, { Detail }: { Detail: string }) => sum + Math.ceil(Buffer.byteLength(Detail) / 65_536), 0);
      json({ FailedEntryCount: 0, Entries: Entries.map(() => ({ EventId: '1' })) });
    } else if (service !== '') {
      await this.table(operation, JSON.parse(body.toString()), json);
    } else if (method === 'POST' && url === '/') {
      response.writeHead(200, { 'content-type': 'text/xml' }).end('<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>');
    } else {
      this.requests[method === 'PUT' ? 's3Puts' : 's3Gets']++;
      await super.serve(request, body, response);
    }
  }

  private line(url: string, body: Buffer): object {
    if (url === '/v2/bot/message/multicast') {
      this.lineCalls++;
      for (const id of JSON.parse(body.toString()).to as string[]) {
        const number = numberOf(id);
        this.received.set(number, (this.received.get(number) ?? 0) + 1);
      }
    }
    return LINE_ANSWERS[url] ?? {};
  }

  private async table(operation: string, input: Item, json: (answer: object, status?: number) => void): Promise<void> {
    const table = this.tables[input.TableName];
    if (table === undefined) {
      json(this.subscribers(operation, input));
      return;
    }
    const key = input.Key ?? input.Item;
    const before = table.row(key.pk.S, key.sk.S);
    try {
      const answer = await table.send(COMMANDS[operation](input));
      if (operation === 'GetItem') {
        this.requests.readUnits += readUnits(bytesOf(before ?? {}), input.ConsistentRead);
      }
      json(answer);
    } catch (error) {
      const { name, message, Item } = error as Error & { Item?: object };
      json({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message, Item }, 400);
    } finally {
      if (operation !== 'GetItem') {
        // A refused write costs what a done one does. Source: Amazon DynamoDB, "Write operations": the larger of both.
        this.requests.writeUnits += Math.ceil(Math.max(bytesOf(before ?? {}), bytesOf(table.row(key.pk.S, key.sk.S) ?? {})) / 1_024);
      }
    }
  }

  private subscribers(operation: string, input: Item): object {
    if (operation !== 'BatchGetItem') {
      const answer = this.dynamo(operation, input);
      if (operation === 'Scan') {
        this.requests.readUnits += readUnits(answer.Count * ROW_BYTES);
      }
      return answer;
    }
    const [[name, { Keys, ConsistentRead }]] = Object.entries<Item>(input.RequestItems);
    this.requests.readUnits += Keys.length * readUnits(ROW_BYTES, ConsistentRead);
    // Nobody who was frozen has opted out since.
    return { Responses: { [name]: Keys.map(({ pk }: Item) => ({ pk, OptOut: { S: 'NONE' }, EndpointStatus: { S: 'ACTIVE' } })) }, UnprocessedKeys: {} };
  }
}

/** Of a subscriber's row, the last of which are the longest. */
const ROW_BYTES = bytesOf(subscriber(1_000_000));

/** See `lineUserId` of the other stand-in. */
function numberOf(id: string): number {
  return parseInt(id.slice(-8), 16);
}

/** Source: Amazon DynamoDB, "Read operations": a unit for 4 KB, half of one if read eventually consistently. */
function readUnits(bytes: number, isConsistent = false): number {
  return Math.max(1, Math.ceil(bytes / 4_096)) * (isConsistent ? 1 : 0.5);
}

/** Bytes of an item. Source: Amazon DynamoDB, "DynamoDB Item sizes and formats". */
function bytesOf(item: Item): number {
  return Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value), 0);
}

function valueBytes({ S, N, B, L, M, SS }: Item): number {
  if (S !== undefined) {
    return Buffer.byteLength(S);
  }
  if (N !== undefined) {
    return Math.ceil(N.length / 2) + 1;
  }
  if (B !== undefined) {
    return Math.floor(B.length * 3 / 4);
  }
  if (L !== undefined) {
    return 3 + L.reduce((sum: number, value: Item) => sum + 1 + valueBytes(value), 0);
  }
  if (M !== undefined) {
    return 3 + Object.keys(M).length + bytesOf(M);
  }
  return SS === undefined ? 1 : SS.reduce((sum: number, text: string) => sum + Buffer.byteLength(text), 0);
}
