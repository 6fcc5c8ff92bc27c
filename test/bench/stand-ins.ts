import { execFileSync } from 'child_process';
import { createHash, randomUUID } from 'crypto';
import * as fs from 'fs';
import { IncomingMessage, ServerResponse } from 'http';
import { createServer, Server } from 'https';
import { AddressInfo } from 'net';
import * as path from 'path';
import { setTimeout as delay } from 'timers/promises';

/** Milliseconds that a service thinks before it answers, on both sides of every comparison. */
export const LINE_MS = 40;
export const AWS_MS = 20;

/** An answer; members that AWS's or LINE's clients do not look at are left out. */
interface Answer {
  readonly status?: number;
  readonly body: object;
}

type Respond = (body: string, request: IncomingMessage) => Answer;

/** LINE's and AWS's side of a benchmark: HTTPS on loopback, an answer after a fixed time, and a list of the calls made. */
export interface StandIns {
  readonly lineUrl: string;
  readonly awsUrl: string;
  /** Certificate that clients must trust. */
  readonly certificate: string;
  /** The operations called since it was last asked, in order of arrival. */
  takeCalls(): string[];
  stop(): void;
}

/**
 * @param folder where certificate and key are written
 * @param secret string that Secrets Manager answers
 */
export async function startStandIns(folder: string, secret: string): Promise<StandIns> {
  const { key, certificate } = makeCertificate(folder);
  const options = { key: fs.readFileSync(key), cert: fs.readFileSync(certificate) };
  let calls: string[] = [];

  const serve = async (milliseconds: number, operations: Record<string, Respond>): Promise<{ server: Server; url: string }> => {
    const server = createServer(options, (request, response) => {
      void answer(request, response, milliseconds, operations, (operation) => calls.push(operation));
    });
    // Longer than any benchmark: who keeps a connection open has the use of it.
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { server, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}` };
  };
  const line = await serve(LINE_MS, LINE_OPERATIONS);
  const aws = await serve(AWS_MS, awsOperations(secret));
  return {
    lineUrl: line.url,
    awsUrl: aws.url,
    certificate,
    takeCalls: () => {
      const taken = calls;
      calls = [];
      return taken;
    },
    stop: () => [line.server, aws.server].forEach((server) => {
      server.close();
      server.closeAllConnections();
    }),
  };
}

async function answer(
  request: IncomingMessage, response: ServerResponse, milliseconds: number, operations: Record<string, Respond>, record: (operation: string) => void,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  const operation = operationOf(request);
  record(operation);
  const { status = 200, body } = operations[operation]?.(Buffer.concat(chunks).toString(), request) ?? { status: 501, body: { message: `the stand-in knows no ${operation}` } };
  await delay(milliseconds);
  // The request id is LINE's, in every answer; AWS's clients do not look at it.
  response.writeHead(status, { 'content-type': 'application/json', 'x-line-request-id': randomUUID() }).end(JSON.stringify(body));
}

/** `Service.Operation` of AWS's JSON protocols, else method and path without ids. */
function operationOf({ headers, method, url }: IncomingMessage): string {
  return String(headers['x-amz-target'] ?? `${method} ${url!.replace(/\/U[0-9a-f]{32}$/, '/{userId}')}`);
}

const LINE_OPERATIONS: Record<string, Respond> = {
  'GET /v2/bot/profile/{userId}': (_body, { url }) => ({ body: { userId: url!.split('/').pop(), displayName: 'Friend', language: 'ja' } }),
  'POST /v2/bot/message/multicast': () => ({ body: {} }),
};

function awsOperations(secret: string): Record<string, Respond> {
  return {
    'secretsmanager.GetSecretValue': (body) => ({
      body: { ARN: JSON.parse(body).SecretId, Name: 'line', SecretString: secret, VersionId: '0'.repeat(32), VersionStages: ['AWSCURRENT'], CreatedDate: 1_700_000_000 },
    }),
    // The SDK compares the digests. Source: Amazon SQS, "SendMessageBatch".
    'AmazonSQS.SendMessageBatch': (body) => ({
      body: {
        Successful: JSON.parse(body).Entries.map(({ Id, MessageBody }: { Id: string; MessageBody: string }) => (
          { Id, MessageId: Id, MD5OfMessageBody: createHash('md5').update(MessageBody).digest('hex') })),
      },
    }),
    [`PUT /v1/apps/${APPLICATION_ID}/endpoints/{userId}`]: () => ({ status: 202, body: { Message: 'Accepted', RequestID: '1' } }),
    // A table that holds nothing and takes everything.
    'DynamoDB_20120810.GetItem': () => ({ body: {} }),
    'DynamoDB_20120810.BatchGetItem': () => ({ body: { Responses: {}, UnprocessedKeys: {} } }),
    'DynamoDB_20120810.PutItem': () => ({ body: {} }),
    'DynamoDB_20120810.UpdateItem': () => ({ body: {} }),
  };
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
