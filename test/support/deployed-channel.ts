import { setTimeout as sleep } from 'node:timers/promises';
import { CloudFormationClient, paginateListStackResources } from '@aws-sdk/client-cloudformation';
import { AttributeValue, DynamoDBClient, GetItemCommand, paginateScan } from '@aws-sdk/client-dynamodb';
import {
  GetFunctionConfigurationCommand, LambdaClient, ListEventSourceMappingsCommand, UpdateEventSourceMappingCommand, UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  DeleteMessageBatchCommand, GetQueueAttributesCommand, Message, QueueAttributeName, ReceiveMessageCommand, SQSClient, SendMessageCommand,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs';
import { LinePlatform, LinePlatformOptions } from '../../simulator/line-platform';
import { StoredEndpoint } from '../../simulator/pinpoint-endpoints';
import { typeScriptApp } from '../../simulator/stage/cdk';
import { Stage, StageOptions } from '../../simulator/stage/stage';
import { METRIC_DIMENSION, Metric } from '../../src/contract/metrics';
import {
  DEFAULT_CHANNEL_KEY, SORT_KEY_CHANNEL, SORT_KEY_ENDPOINT, SORT_KEY_EVENT, channelPartitionKey, eventPartitionKey, subscriberPartitionKey,
} from '../../src/contract/subscriber';
import { SetUpReport } from '../../src/domain/line/set-up-channel';

/** Milliseconds for a `beforeAll` that starts a stage and deploys to it, on a busy machine and before the emulator was ever installed. */
export const DEPLOY_LIMIT_MS = 600_000;

/** Milliseconds for one test. Nothing is asserted about time: this only ends what would never end. */
export const TEST_LIMIT_MS = 120_000;

/** Milliseconds until `eventually` gives up. */
const EVENTUALLY_MS = 90_000;

/** What the secret of a LINE channel holds. */
export interface LineCredentialsInUse {
  readonly channelId: string;
  readonly channelSecret: string;
}

/** Of the LINE channel that `startStage`'s stand-in is. */
export const CREDENTIALS: LineCredentialsInUse = { channelId: '2000000000', channelSecret: 'b1f6a4dc5e0e4f6f9a4c1d7b8e2f3a5c' };

/** Settings of a LINE stand-in for a machine that may be busy: it waits long, and sends again what was not taken. */
export const PATIENT_LINE: LinePlatformOptions = { ...CREDENTIALS, webhookTimeoutMs: 60_000, redelivery: { attempts: 10, delayMs: 500 } };

/**
 * A stage for tests, silent: what goes wrong is in the errors. Use it so that it always ends:
 *
 *     let stage: Stage;
 *     beforeAll(async () => { stage = await startStage(); … }, DEPLOY_LIMIT_MS);
 *     afterAll(async () => stage?.stop());
 */
export async function startStage(options: Pick<StageOptions, 'line' | 'pinpoint' | 'lambdaEnvironment'> = {}): Promise<Stage> {
  return Stage.start({ ...options, line: { ...PATIENT_LINE, ...options.line }, log: () => {} });
}

export interface DeployChannelOptions {
  /** File of the CDK app, relative to the clone. */
  readonly app: string;
  readonly stackName: string;
  /** Context of the app besides `lineApiBaseUrl`, the stand-in's URL. @default - none */
  readonly context?: Record<string, string>;
}

export interface ChannelOptions {
  /** Id of the channel's construct, directly below the stack. @default Line */
  readonly id?: string;
  /** @default line */
  readonly channelKey?: string;
  /** Project whose endpoints are the channel's. @default - none */
  readonly applicationId?: string;
  /** The LINE Platform of this channel. @default - the stage's */
  readonly line?: LinePlatform;
}

/** Deploys a stack and lets LINE's webhooks arrive at its channel `Line`. The secret is still empty: see `fillSecret` and `setUp`. */
export async function deployChannel(stage: Stage, options: DeployChannelOptions & ChannelOptions): Promise<DeployedChannel> {
  return (await deployStack(stage, options)).channel(options);
}

/** Deploys a stack, also once more. */
export async function deployStack(stage: Stage, options: DeployChannelOptions): Promise<DeployedStack> {
  const { app, stackName } = options;
  const context = { lineApiBaseUrl: stage.line.url, ...options.context };
  const { [stackName]: outputs = {} } = await stage.deploy(typeScriptApp(app), [stackName], { context });
  const resources = new Map<string, string>();
  const pages = paginateListStackResources({ client: stage.client(CloudFormationClient) }, { StackName: stackName });
  for await (const { StackResourceSummaries } of pages) {
    StackResourceSummaries?.forEach(({ LogicalResourceId, PhysicalResourceId }) => resources.set(LogicalResourceId!, PhysicalResourceId!));
  }
  return new DeployedStack(stage, outputs, resources);
}

export class DeployedStack {
  constructor(
    public readonly stage: Stage,
    public readonly outputs: Readonly<Record<string, string>>,
    /** Physical ids by logical id. */
    public readonly resources: ReadonlyMap<string, string>,
  ) {}

  /** Physical id (a function's or table's name, a queue's URL) of the construct at a path below the stack, as `Line/Webhook/Queue`. */
  public resource(path: string): string {
    return this.find(path, this.resources, 'resource');
  }

  /** Value of the output at a path below the stack, as `Line/WebhookUrl`. */
  public output(path: string): string {
    return this.find(path, new Map(Object.entries(this.outputs)), 'output');
  }

  /** A channel of the stack. */
  public channel(options: ChannelOptions = {}): DeployedChannel {
    return new DeployedChannel(this, options);
  }

  /** Messages of a queue, received and deleted, until there is none to be had at once. */
  public async drain(queueUrl: string): Promise<Message[]> {
    const sqs = this.stage.client(SQSClient);
    const all: Message[] = [];
    for (;;) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({
        QueueUrl: queueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ['All'], MessageAttributeNames: ['All'],
      }));
      if (Messages.length === 0) {
        return all;
      }
      all.push(...Messages);
      await sqs.send(new DeleteMessageBatchCommand({
        QueueUrl: queueUrl, Entries: Messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle })),
      }));
    }
  }

  /** How many messages a queue holds: those that can be received, are being handled, and are delayed. */
  public async queueDepth(queueUrl: string): Promise<number> {
    const names: QueueAttributeName[] = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible', 'ApproximateNumberOfMessagesDelayed'];
    const { Attributes = {} } = await this.stage.client(SQSClient).send(new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: names }));
    return names.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
  }

  /** Has a queue bring failed messages again sooner for a while, and, if that is given, give them up sooner. */
  public async withRetries(queueUrl: string, retries: { afterSeconds: number; maxReceiveCount?: number }, work: () => Promise<void>): Promise<void> {
    const sqs = this.stage.client(SQSClient);
    const { Attributes: before = {} } = await sqs.send(new GetQueueAttributesCommand({
      QueueUrl: queueUrl, AttributeNames: ['VisibilityTimeout', 'RedrivePolicy'],
    }));
    const set = async (attributes: Record<string, string>) => sqs.send(new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: attributes }));
    const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(before.RedrivePolicy!);
    await set({
      VisibilityTimeout: String(retries.afterSeconds),
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: retries.maxReceiveCount ?? maxReceiveCount }),
    });
    try {
      await work();
    } finally {
      await set(before as Record<string, string>);
    }
  }

  /** Takes everything out of a dead-letter FIFO queue and puts it back where it came from, in its order. @returns how much that was */
  public async redrive(deadLetterQueueUrl: string, queueUrl: string): Promise<number> {
    const messages = await this.drain(deadLetterQueueUrl);
    for (const { Body, Attributes, MessageId } of messages) {
      await this.stage.client(SQSClient).send(new SendMessageCommand({
        QueueUrl: queueUrl, MessageBody: Body, MessageGroupId: Attributes!.MessageGroupId, MessageDeduplicationId: `redrive-${MessageId}`,
      }));
    }
    return messages.length;
  }

  /** Lets a function run with other environment variables for a while. */
  public async withEnvironment(functionName: string, changes: Record<string, string>, work: () => Promise<void>): Promise<void> {
    const client = this.stage.client(LambdaClient);
    const { Environment } = await client.send(new GetFunctionConfigurationCommand({ FunctionName: functionName }));
    const set = async (Variables?: Record<string, string>) => client.send(new UpdateFunctionConfigurationCommand({
      FunctionName: functionName, Environment: { Variables },
    }));
    await set({ ...Environment?.Variables, ...changes });
    try {
      await work();
    } finally {
      await set(Environment?.Variables);
    }
  }

  /** Whether the emulator invokes a function for its queue. */
  public async setTrigger(functionName: string, enabled: boolean): Promise<void> {
    const client = this.stage.client(LambdaClient);
    const { EventSourceMappings = [] } = await client.send(new ListEventSourceMappingsCommand({ FunctionName: functionName }));
    if (EventSourceMappings.length !== 1) {
      throw new Error(`${functionName} has ${EventSourceMappings.length} event sources instead of one`);
    }
    await client.send(new UpdateEventSourceMappingCommand({ UUID: EventSourceMappings[0].UUID, Enabled: enabled }));
  }

  /** One row of a table, as plain values. */
  public async row(tableName: string, pk: string, sk: string): Promise<Record<string, any> | undefined> {
    const { Item } = await this.stage.client(DynamoDBClient).send(new GetItemCommand({
      TableName: tableName, Key: { pk: { S: pk }, sk: { S: sk } }, ConsistentRead: true,
    }));
    return Item && plainItem(Item);
  }

  /** Every row of a table, as plain values. */
  public async rows(tableName: string): Promise<Record<string, unknown>[]> {
    return (await this.items(tableName)).map(plainItem);
  }

  /** Every row of a table, as DynamoDB keeps it. */
  public async items(tableName: string): Promise<Record<string, AttributeValue>[]> {
    const items: Record<string, AttributeValue>[] = [];
    for await (const { Items = [] } of paginateScan({ client: this.stage.client(DynamoDBClient) }, { TableName: tableName, ConsistentRead: true })) {
      items.push(...Items);
    }
    return items;
  }

  /** Lines of a log group, as written; the emulator's client, because the project has no other use for CloudWatch Logs. */
  public async logLines(logGroupName: string): Promise<string[]> {
    const lines: string[] = [];
    let nextToken: string | undefined;
    do {
      const response = await fetch(this.stage.endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'Logs_20140328.FilterLogEvents' },
        body: JSON.stringify({ logGroupName, nextToken }),
      });
      const answer = await response.json() as { events?: { message: string }[]; nextToken?: string; message?: string };
      if (!response.ok) {
        throw new Error(`FilterLogEvents of ${logGroupName} answered ${response.status}: ${answer.message}`);
      }
      lines.push(...(answer.events ?? []).map(({ message }) => message));
      nextToken = answer.nextToken;
    } while (nextToken !== undefined);
    return lines;
  }

  private find(path: string, among: ReadonlyMap<string, string>, what: string): string {
    // A logical id is the path without its slashes and a hash; of a name without a parent there is no hash.
    const name = path.replace(/[^A-Za-z0-9]/g, '');
    const found = [...among].filter(([id]) => id === name || (id.startsWith(name) && /^[0-9A-F]{8}$/.test(id.slice(name.length))));
    if (found.length !== 1) {
      throw new Error(`the stack has ${found.length} ${what}s at ${path}; it has ${[...among.keys()].join(', ')}`);
    }
    return found[0][1];
  }
}

/** A deployed channel seen from outside: what an operator, LINE and Pinpoint would see. */
export class DeployedChannel {
  public readonly line: LinePlatform;
  public readonly tableName: string;
  public readonly webhookUrl?: string;
  /** Project whose endpoints are the channel's. */
  public readonly applicationId?: string;
  private readonly id: string;
  private readonly channelKey: string;

  constructor(public readonly stack: DeployedStack, options: ChannelOptions) {
    this.id = options.id ?? 'Line';
    this.channelKey = options.channelKey ?? DEFAULT_CHANNEL_KEY;
    this.applicationId = options.applicationId;
    this.line = options.line ?? stack.stage.line;
    this.tableName = this.findTable();
    this.webhookUrl = Object.keys(stack.outputs).some((name) => name.startsWith(`${this.id}WebhookUrl`)) ? stack.output(`${this.id}/WebhookUrl`) : undefined;
    if (this.webhookUrl) {
      const { host, origin } = new URL(this.webhookUrl);
      this.line.routeHost(host, { target: stack.stage.localUrl(origin) });
    }
  }

  /** Physical id of a construct below the channel, as `Webhook/Queue`. */
  public resource(path: string): string {
    return this.stack.resource(`${this.id}/${path}`);
  }

  /** Puts something into the channel's secret; text as it is, anything else as JSON. */
  public async fillSecret(content: unknown): Promise<void> {
    await this.stack.stage.client(SecretsManagerClient).send(new PutSecretValueCommand({
      SecretId: this.stack.output(`${this.id}/SecretArn`),
      SecretString: typeof content === 'string' ? content : JSON.stringify(content),
    }));
  }

  /** Invokes the function that the output command names, as the operator does. */
  public async setUp(payload: unknown = {}): Promise<SetUpReport> {
    const [, functionName] = /--function-name (\S+)/.exec(this.stack.output(`${this.id}/SetUpCommand`))!;
    return this.stack.stage.invoke<SetUpReport>(functionName, payload);
  }

  /** Fills the secret and runs the set-up. @throws when a step of it fails */
  public async start(credentials: LineCredentialsInUse = CREDENTIALS): Promise<void> {
    await this.fillSecret(credentials);
    const report = await this.setUp();
    if (!report.ok) {
      throw new Error(`the set-up failed: ${JSON.stringify(report.steps)}`);
    }
  }

  /** The person's row of the subscriber table, as plain values. */
  public async subscriber(userId: string): Promise<Record<string, any> | undefined> {
    return this.stack.row(this.tableName, subscriberPartitionKey(this.channelKey, userId), SORT_KEY_ENDPOINT);
  }

  /** User id of the bot that the channel belongs to, as far as it knows. */
  public async botUserId(): Promise<string | undefined> {
    return (await this.stack.row(this.tableName, channelPartitionKey(this.channelKey), SORT_KEY_CHANNEL))?.botUserId;
  }

  /** Waits until the worker is done with these events. */
  public async handled(...webhookEventIds: string[]): Promise<void> {
    await eventually(async () => {
      for (const id of webhookEventIds) {
        if (!await this.stack.row(this.tableName, eventPartitionKey(this.channelKey, id), SORT_KEY_EVENT)) {
          throw new Error(`the worker is not done with event ${id}`);
        }
      }
    });
  }

  /** LINE user ids of all rows of subscribers, those who left included. */
  public async subscriberIds(): Promise<string[]> {
    const prefix = subscriberPartitionKey(this.channelKey, '');
    const rows = await this.stack.rows(this.tableName);
    return rows.map(({ pk }) => String(pk)).filter((pk) => pk.startsWith(prefix)).map((pk) => pk.slice(prefix.length)).sort();
  }

  /** The person's endpoint in the channel's Pinpoint project. */
  public endpoint(userId: string): StoredEndpoint | undefined {
    return this.stack.stage.pinpoint.endpoints().find(({ ApplicationId, Id }) => ApplicationId === this.applicationId && Id === userId);
  }

  /** What a function of the channel wrote that is JSON, oldest first; `Webhook/Receiver`, `Webhook/Worker`, `SetUp`, … */
  public async log(functionPath: string): Promise<Record<string, any>[]> {
    const lines = await this.stack.logLines(this.resource(`${functionPath}Logs`));
    return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  }

  /** Sum of a metric that a function of the channel has written so far. */
  public async metric(functionPath: string, metric: Metric): Promise<number> {
    const entries = (await this.log(functionPath)).filter(({ _aws, [METRIC_DIMENSION]: channel }) => _aws && channel);
    return entries.reduce((sum, { [metric]: count = 0 }) => sum + count, 0);
  }

  private findTable(): string {
    const own = [...this.stack.resources.keys()].some((id) => id.startsWith(`${this.id}Subscribers`));
    return this.stack.resource(own ? `${this.id}/Subscribers` : 'Subscribers');
  }
}

/**
 * Waits until assertions hold.
 *
 * @returns what they return
 * @throws what they last threw, when that takes too long
 */
export async function eventually<T>(assertions: () => T | Promise<T>, limitMs: number = EVENTUALLY_MS): Promise<T> {
  for (const deadline = Date.now() + limitMs; ; await sleep(100)) {
    try {
      return await assertions();
    } catch (error) {
      if (Date.now() > deadline) {
        throw error;
      }
    }
  }
}

function plainItem(item: Record<string, AttributeValue>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, plain(value)]));
}

function plain(value: AttributeValue): unknown {
  if (value.M) {
    return plainItem(value.M);
  }
  if (value.L) {
    return value.L.map(plain);
  }
  return value.N === undefined ? value.S ?? value.BOOL ?? value.SS ?? null : Number(value.N);
}
