import { execFileSync } from 'child_process';
import { createHash, randomUUID } from 'crypto';
import * as fs from 'fs';
import * as http from 'http';
import * as https from 'https';
import { AddressInfo } from 'net';
import * as path from 'path';
import { performance } from 'perf_hooks';
import { setTimeout as delay } from 'timers/promises';
import { GetItemCommand, PutItemCommand, TransactWriteItemsCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { FakeDynamoDb } from '../support/fake-dynamodb';

/** Milliseconds that a service thinks before it answers, on both sides of every comparison. */
export const LINE_MS = 40;
export const AWS_MS = 20;

/** An answer; members that AWS's or LINE's clients do not look at are left out. A text is no JSON. */
interface Answer {
  readonly status?: number;
  readonly body: object | string;
}

type Respond = (body: string, request: http.IncomingMessage) => Answer | Promise<Answer>;

type Operations = Record<string, Respond>;

/** A call, with the moments (`performance.now()`) when it had arrived and was answered. */
export interface RecordedCall {
  readonly operation: string;
  readonly arrivedAt: number;
  answeredAt: number;
}

/** LINE's and AWS's side of a benchmark: HTTPS on loopback, an answer after a fixed time, and a list of the calls made. */
export interface StandIns {
  readonly lineUrl: string;
  readonly awsUrl: string;
  /** Certificate that clients must trust. */
  readonly certificate: string;
  /** The calls since it was last asked, in order of arrival. */
  takeCalls(): RecordedCall[];
  /** Forgets tables and objects. */
  reset(): void;
  stop(): void;
}

/**
 * @param folder where certificate and key are written
 * @param secret string that Secrets Manager answers
 */
export async function startStandIns(folder: string, secret: string): Promise<StandIns> {
  const { key, certificate } = makeCertificate(folder);
  const tls = { key: fs.readFileSync(key), cert: fs.readFileSync(certificate) };
  let calls: RecordedCall[] = [];
  const record = (call: RecordedCall) => calls.push(call);
  const aws = new Aws(secret);
  const servers = {
    line: await serve({ milliseconds: LINE_MS, operations: LINE_OPERATIONS, record, tls }),
    aws: await serve({ milliseconds: AWS_MS, operations: aws.operations, record, tls }),
  };
  return {
    lineUrl: servers.line.url,
    awsUrl: servers.aws.url,
    certificate,
    takeCalls: () => {
      const taken = calls;
      calls = [];
      return taken;
    },
    reset: () => aws.reset(),
    stop: () => Object.values(servers).forEach(({ stop }) => stop()),
  };
}

export interface ServeOptions {
  /** From the end of a request to the beginning of its answer. */
  readonly milliseconds: number;
  readonly operations: Operations;
  /** Absent: plain HTTP. */
  readonly tls?: https.ServerOptions;
  /** Told of each call when it has arrived. */
  record?(call: RecordedCall): void;
}

/** Serves operations on loopback. */
export async function serve(options: ServeOptions): Promise<{ url: string; stop: () => void }> {
  const { tls } = options;
  const listener: http.RequestListener = (request, response) => {
    answer(request, response, options).catch((error: Error) => response.writeHead(500).end(error.message));
  };
  const server = tls ? https.createServer(tls, listener) : http.createServer(listener);
  // Longer than any benchmark: who keeps a connection open has the use of it.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(
  request: http.IncomingMessage, response: http.ServerResponse, { milliseconds, operations, record }: ServeOptions,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  const call: RecordedCall = { operation: operationOf(request), arrivedAt: performance.now(), answeredAt: Infinity };
  record?.(call);
  const pause = delay(milliseconds);
  const { status = 200, body } = await operations[call.operation]?.(Buffer.concat(chunks).toString(), request)
    ?? { status: 501, body: { message: `the stand-in knows no ${call.operation}` } };
  await pause;
  call.answeredAt = performance.now();
  // The request id is LINE's, in every answer; AWS's clients do not look at it.
  response.writeHead(status, { 'content-type': 'application/json', 'x-line-request-id': randomUUID() }).end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** `Service.Operation` of AWS's JSON protocols, else method and path without ids and keys. */
function operationOf({ headers, method, url }: http.IncomingMessage): string {
  return String(headers['x-amz-target'] ?? `${method} ${pathOf(url!).replace(/\/U[0-9a-f]{32}$/, '/{userId}').replace(/^\/(content|chunks)\/.*/, '/$1/{key}')}`);
}

function pathOf(url: string): string {
  return url.split('?')[0];
}

export const MULTICAST = 'POST /v2/bot/message/multicast';
export const PUSH = 'POST /v2/bot/message/push';

const LINE_OPERATIONS: Operations = {
  'GET /v2/bot/profile/{userId}': (_body, { url }) => ({ body: { userId: url!.split('/').pop(), displayName: 'Friend', language: 'ja' } }),
  'POST /v2/bot/message/validate/multicast': () => ({ body: {} }),
  'GET /v2/bot/message/quota': () => ({ body: { type: 'none' } }),
  'GET /v2/bot/message/quota/consumption': () => ({ body: { totalUsage: 0 } }),
  [MULTICAST]: () => ({ body: {} }),
  [PUSH]: () => ({ body: {} }),
};

/** Buckets of the benchmarks. In the second every key has the object that was put last, so that a run has chunks enough. */
export const CONTENT_BUCKET = 'content';
export const CHUNK_BUCKET = 'chunks';

/** AWS, as far as the handlers call it: the journal's table keeps conditions, the bucket keeps bodies. */
export class Aws {
  public readonly operations: Operations;
  private table = new FakeDynamoDb();
  private objects = new Map<string, string>();
  private chunk = '';

  constructor(secret: string) {
    this.operations = {
      'secretsmanager.GetSecretValue': (body) => ({
        body: { ARN: JSON.parse(body).SecretId, Name: 'line', SecretString: secret, VersionId: '0'.repeat(32), VersionStages: ['AWSCURRENT'], CreatedDate: 1_700_000_000 },
      }),
      // The SDK compares the digests. Source: Amazon SQS, "SendMessageBatch".
      'AmazonSQS.SendMessageBatch': (body) => ({
        body: {
          Successful: JSON.parse(body).Entries.map(({ Id, MessageBody }: { Id: string; MessageBody: string }) => (
            { Id, MessageId: Id, MD5OfMessageBody: md5(MessageBody) })),
        },
      }),
      'AmazonSQS.SendMessage': (body) => ({ body: { MessageId: '1', MD5OfMessageBody: md5(JSON.parse(body).MessageBody) } }),
      [`PUT /v1/apps/${APPLICATION_ID}/endpoints/{userId}`]: () => ({ status: 202, body: { Message: 'Accepted', RequestID: '1' } }),
      // The subscriber table, which knows nobody.
      'DynamoDB_20120810.BatchGetItem': () => ({ body: { Responses: {}, UnprocessedKeys: {} } }),
      'DynamoDB_20120810.GetItem': async (body) => this.onTable(new GetItemCommand(JSON.parse(body))),
      'DynamoDB_20120810.PutItem': async (body) => this.onTable(new PutItemCommand(JSON.parse(body))),
      'DynamoDB_20120810.UpdateItem': async (body) => this.onTable(new UpdateItemCommand(JSON.parse(body))),
      'DynamoDB_20120810.TransactWriteItems': async (body) => this.onTable(new TransactWriteItemsCommand(JSON.parse(body))),
      [`PUT /${CONTENT_BUCKET}/{key}`]: (body, { url }) => {
        this.objects.set(pathOf(url!), body);
        return { body: '' };
      },
      [`GET /${CONTENT_BUCKET}/{key}`]: (_body, { url }) => {
        const object = this.objects.get(pathOf(url!));
        return object === undefined ? { status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' } : { body: object };
      },
      [`PUT /${CHUNK_BUCKET}/{key}`]: (body) => {
        this.chunk = body;
        return { body: '' };
      },
      [`GET /${CHUNK_BUCKET}/{key}`]: () => ({ body: this.chunk }),
    };
  }

  public reset(): void {
    this.table = new FakeDynamoDb();
    this.objects.clear();
  }

  private async onTable(command: GetItemCommand | PutItemCommand | UpdateItemCommand | TransactWriteItemsCommand): Promise<Answer> {
    try {
      return { body: await this.table.send(command) };
    } catch (error) {
      const { name, message, Item, CancellationReasons } = error as Error & { Item?: object; CancellationReasons?: object };
      return { status: 400, body: { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message, Item, CancellationReasons } };
    }
  }
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

/** The Pinpoint project of the benchmarks. */
export const APPLICATION_ID = '0123456789abcdef0123456789abcdef';

/** A key pair and a certificate for 127.0.0.1, made for this run only. */
function makeCertificate(folder: string): { key: string; certificate: string } {
  const key = path.join(folder, 'key.pem');
  const certificate = path.join(folder, 'certificate.pem');
  try {
    execFileSync('openssl', [
      'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=benchmark',
      '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate,
    ], { stdio: 'pipe' });
  } catch (error) {
    throw new Error(`openssl could not make a certificate for the stand-ins: ${(error as Error).message}; the benchmark needs OpenSSL >= 1.1.1 on PATH`);
  }
  return { key, certificate };
}
