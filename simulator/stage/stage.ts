import { rmSync } from 'node:fs';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetBucketPolicyCommand, PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import { emulatorUrl, openAtEmulator, StageAnswer, StageRequest } from './addresses';
import { bootstrap, CdkOptions, deploy, DeployOptions, StackOutputs } from './cdk';
import { Log } from './child';
import { Emulator } from './emulator';
import { makePrivateFolder, PrivateFolder, STAGE_CREDENTIALS, STAGE_REGION } from './environment';
import { guardPath } from './guard';
import { DEFAULT_CACHE, installEmulator } from './install';

export interface StageOptions {
  /** Where progress goes. @default - standard error */
  readonly log?: Log;
  /** Folder of the cached virtual environments. @default - `.cache/stage` in the clone */
  readonly cache?: string;
  /** More variables for every Lambda, as `AWS_ENDPOINT_URL_PINPOINT`. @default - none */
  readonly lambdaEnvironment?: Record<string, string>;
}

/** The config that every AWS SDK client of the stage gets. */
export interface StageClientConfig {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/**
 * A local AWS account to deploy to: an emulator of its own in a private folder. Nothing of it outlives `stop`, nor the
 * process, however that ends; no AWS account but the emulator's is ever reached.
 */
export class Stage {
  /** Installs the emulator if need be and starts it. */
  public static async start(options: StageOptions = {}): Promise<Stage> {
    const log = options.log ?? ((line) => process.stderr.write(`${line}\n`));
    const python = await installEmulator(log, options.cache ?? DEFAULT_CACHE);
    const folder = makePrivateFolder();
    const release = guardPath(folder.root);
    const remove = () => {
      rmSync(folder.root, { recursive: true, force: true, maxRetries: 10 });
      release();
    };
    try {
      const emulator = await Emulator.start({ python, folder, environment: options.lambdaEnvironment, log });
      return new Stage(emulator, folder, log, remove);
    } catch (error) {
      remove();
      throw error;
    }
  }

  private bootstrapped?: Promise<void>;
  private readonly clients = new Map<unknown, unknown>();

  private constructor(
    public readonly emulator: Emulator,
    public readonly folder: PrivateFolder,
    private readonly log: Log,
    private readonly remove: () => void,
  ) {}

  /** The emulator's URL. */
  public get endpoint(): string {
    return this.emulator.endpoint;
  }

  /** For AWS SDK clients that are not made by `client`. */
  public get clientConfig(): StageClientConfig {
    return { endpoint: this.endpoint, region: STAGE_REGION, credentials: STAGE_CREDENTIALS };
  }

  /** An AWS SDK client that speaks with the emulator; the same one at every call. */
  public client<T>(type: new (config: StageClientConfig) => T): T {
    if (!this.clients.has(type)) {
      this.clients.set(type, new type(this.clientConfig));
    }
    return this.clients.get(type) as T;
  }

  /**
   * Deploys stacks of a CDK app with the pinned CDK CLI, and bootstraps the account before the first.
   *
   * @param app command that runs the app (see `typeScriptApp`)
   * @throws Error with the CLI's or the emulator's last lines; when it takes too long; when STS answers another account
   */
  public async deploy(app: string, stackNames: readonly string[], options: DeployOptions = {}): Promise<StackOutputs> {
    const cdk: CdkOptions = {
      environment: this.emulator.environment,
      folder: this.folder.root,
      log: this.log,
      signal: this.emulator.signal,
    };
    this.bootstrapped ??= bootstrap(cdk);
    await this.bootstrapped;
    return deploy(app, stackNames, cdk, options);
  }

  /**
   * Invokes a function and waits for its answer.
   * @throws Error with the function's own error
   */
  public async invoke<T = unknown>(functionName: string, payload: unknown): Promise<T> {
    const { FunctionError, Payload } = await this.emulator.during(this.client(LambdaClient).send(new InvokeCommand({
      FunctionName: functionName, Payload: Buffer.from(JSON.stringify(payload)),
    })));
    const answer = Buffer.from(Payload ?? []).toString();
    if (FunctionError) {
      throw new Error(`function ${functionName} failed (${FunctionError}): ${answer}`);
    }
    return (answer === '' ? undefined : JSON.parse(answer)) as T;
  }

  /** The emulator's own URL of an API Gateway or function URL. */
  public localUrl(awsUrl: string): string {
    return emulatorUrl(awsUrl, this.endpoint);
  }

  /** Opens a URL of a deployed stack: API Gateway, function URL or CloudFront. */
  public async open(awsUrl: string, options?: StageRequest): Promise<StageAnswer> {
    return this.emulator.during(openAtEmulator(awsUrl, this.endpoint, options));
  }

  /**
   * Takes the "TLS only" statement out of a bucket's policy. The emulator takes CloudFront's own request to the bucket for
   * plain http and refuses it; that the statement is there is asserted on the template.
   */
  public async allowPlainHttp(bucketName: string): Promise<void> {
    const s3 = this.client(S3Client);
    const { Policy } = await s3.send(new GetBucketPolicyCommand({ Bucket: bucketName }));
    const policy = JSON.parse(Policy ?? '{"Statement":[]}');
    policy.Statement = policy.Statement.filter((statement: { Condition?: unknown }) => !JSON.stringify(statement.Condition ?? {}).includes('aws:SecureTransport'));
    await s3.send(new PutBucketPolicyCommand({ Bucket: bucketName, Policy: JSON.stringify(policy) }));
  }

  /** Ends everything and removes the private folder. */
  public async stop(): Promise<void> {
    await this.emulator.stop();
    this.remove();
  }
}
