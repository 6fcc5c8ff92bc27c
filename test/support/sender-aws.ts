import { createHash } from 'node:crypto';
import { BatchGetItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, HeadObjectCommand, NoSuchKey, PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { FakeDynamoDb } from './fake-dynamodb';
import { HttpStub, StubHandler, json } from './http-stub';
import { loadEntry } from './load-entry';

/** A message that was put into the retry queue. */
export interface QueuedMessage {
  readonly body: string;
  readonly delaySeconds?: number;
}

export const user = (n: number): string => `U${n.toString(16).padStart(32, '0')}`;

/** What Lambda gives a handler beside the event. */
export const contextWith = (remainingMs: number, awsRequestId = 'request-1'): unknown => ({ awsRequestId, getRemainingTimeInMillis: () => remainingMs });

const SDKS = ['dynamodb', 's3', 'secrets-manager', 'sqs'].map((name) => `@aws-sdk/client-${name}`);

/**
 * What the sender's handlers find around them: the AWS clients are mocked, tables, buckets and the retry queue being in memory,
 * and LINE is an HTTP server. The environment is as the constructs set it; `test/line/handler-environment.test.ts` proves that
 * the templates set all that handlers ask for.
 */
export class SenderAws {
  public static async start(): Promise<SenderAws> {
    return new SenderAws(await HttpStub.start());
  }

  public readonly dynamo = mockClient(DynamoDBClient);
  public readonly s3 = mockClient(S3Client);
  public readonly secrets = mockClient(SecretsManagerClient);
  public readonly sqs = mockClient(SQSClient);
  public table = new FakeDynamoDb();
  /** Texts by `<bucket>/<key>`. */
  public readonly objects = new Map<string, string>();
  public readonly queued: QueuedMessage[] = [];
  /** What the handlers have asked of the outside world, in order. */
  public readonly asked: string[] = [];
  /** LINE's answer to a request that sends. */
  public answer: StubHandler = accepted;
  /** What was written to the log. */
  public written: string[] = [];

  private constructor(public readonly line: HttpStub) {}

  public async stop(): Promise<void> {
    await this.line.stop();
  }

  /** An empty world in which everything works; nobody has opted out. To be called before each test. */
  public reset(): void {
    const { dynamo, s3, secrets, sqs, line, objects, queued, asked } = this;
    [dynamo, s3, secrets, sqs].forEach((mock) => mock.reset());
    [queued, asked, line.requests].forEach((list) => { list.length = 0; });
    objects.clear();
    this.written = [];
    this.table = new FakeDynamoDb(dynamo);
    dynamo.on(BatchGetItemCommand).resolves({ Responses: {} });
    secrets.on(GetSecretValueCommand).resolves({ SecretString: '{"channelAccessToken":"long-lived-token-of-shop"}' });
    s3.on(PutObjectCommand).callsFake(({ Bucket, Key, Body, IfNoneMatch, IfMatch }) => {
      asked.push(`put ${Bucket}`);
      const there = objects.get(`${Bucket}/${Key}`);
      if ((IfNoneMatch !== undefined && there !== undefined) || (IfMatch !== undefined && IfMatch !== etagOf(there ?? ''))) {
        throw new S3ServiceException({ name: 'PreconditionFailed', $fault: 'client', $metadata: { httpStatusCode: 412 } });
      }
      objects.set(`${Bucket}/${Key}`, Body);
      return {};
    });
    s3.on(GetObjectCommand).callsFake(({ Bucket, Key }) => {
      asked.push(`get ${Bucket}`);
      const text = this.object(Bucket, Key);
      return { Body: { transformToString: async () => text, transformToByteArray: async () => Buffer.from(text) }, ContentLength: Buffer.byteLength(text), VersionId: 'v1', ETag: etagOf(text) };
    });
    s3.on(HeadObjectCommand).callsFake(({ Bucket, Key }) => ({ ContentLength: this.object(Bucket, Key).length, ContentType: 'image/png', VersionId: 'v1' }));
    sqs.on(SendMessageCommand).callsFake(({ MessageBody, DelaySeconds }) => {
      asked.push('queue');
      queued.push({ body: MessageBody, delaySeconds: DelaySeconds });
      return {};
    });
    this.answer = accepted;
    line.handler = (request, response) => {
      const { pathname } = new URL(request.path, line.url);
      asked.push(`line ${pathname.replace('/v2/bot/message/', '')}`);
      (pathname.includes('/validate/') ? json(200, {}) : this.answer)(request, response);
    };
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => { this.written.push(String(text)); return true; });
  }

  /** A handler of the sender, loaded anew as by a new Lambda container, with the environment of a function. */
  public load<E, R>(name: 'sendMessage' | 'sendChunk' | 'resumeBatches' | 'replyToEvents' | 'readInsight', environment: Record<string, string> = {}): (event: E, context: unknown) => Promise<R> {
    process.env = {
      NODE_ENV: process.env.NODE_ENV,
      AWS_REGION: 'eu-west-1',
      LINE_CHANNEL_NAME: 'Shop',
      LINE_CHANNEL_KEY: 'shop',
      LINE_SECRET_ARN: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:line',
      LINE_API_BASE_URL: this.line.url,
      LINE_SENDING: '{"multicastsPerSecond":180,"pushesPerSecond":1800,"onLowQuota":"WARN","onUnknownOutcome":"SET_ASIDE","perPersonClaim":false}',
      LINE_CONTENT_BUCKET: 'content',
      SEND_JOURNAL_TABLE_NAME: 'Journal',
      ...environment,
    };
    return loadEntry(`line/handlers/sender.lambda#${name}`, ...SDKS);
  }

  /** Rows of batches in the journal, by sort key. */
  public get batches(): Record<string, any>[] {
    return [...this.table.items.values()].filter(({ batchId }) => batchId !== undefined);
  }

  /** Requests that LINE was to send, without those about content and quota. */
  public get sends(): { readonly path: string; readonly retryKey: string; readonly to: string | string[]; readonly messages: any[] }[] {
    return this.line.requests.filter(({ path }) => /^\/v2\/bot\/message\/(multicast|push)$/.test(path))
      .map(({ path, headers, body }) => ({ path: path.replace('/v2/bot/message/', ''), retryKey: String(headers['x-line-retry-key']), ...JSON.parse(body) }));
  }

  /** Lines of the log; the metrics are the last. */
  public get log(): Record<string, any>[] {
    return this.written.map((text) => JSON.parse(text));
  }

  private object(bucket: string, key: string): string {
    const text = this.objects.get(`${bucket}/${key}`);
    if (text === undefined) {
      throw new NoSuchKey({ message: 'The specified key does not exist.', $metadata: { httpStatusCode: 404 } });
    }
    return text;
  }
}

const etagOf = (text: string) => `"${createHash('md5').update(text).digest('hex')}"`;

/** LINE takes the request. */
export const accepted: StubHandler = json(200, {}, { 'x-line-request-id': 'line-1' });

/** LINE holds it back for its rate. */
export const heldBack: StubHandler = json(429, { message: 'The API rate limit has been exceeded.' });
