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
import { LinePlatform, LinePlatformOptions } from '../line-platform';
import { PinpointEndpoints, PinpointEndpointsOptions } from '../pinpoint-endpoints';

export interface StageOptions {
  /** Where progress goes. @default - standard error */
  readonly log?: Log;
  /** Folder of the cached virtual environments. @default - `.cache/stage` in the clone */
  readonly cache?: string;
  /** Settings of the LINE stand-in. @default - its own */
  readonly line?: LinePlatformOptions;
  /** Settings of the Pinpoint stand-in. @default - its own */
  readonly pinpoint?: PinpointEndpointsOptions;
  /** More variables for every Lambda. @default - none */
  readonly lambdaEnvironment?: Record<string, string>;
}

/** The config that every AWS SDK client of the stage gets. */
export interface StageClientConfig {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/**
 * A local AWS account to deploy to, and the outside world that a LINE channel needs: an emulator of its own in a private
 * folder, a LINE stand-in and a stand-in for Pinpoint's endpoints. Nothing of it outlives `stop`, nor the process, however
 * that ends; no AWS account but the emulator's is ever reached.
 */
export class Stage {
  /** Installs the emulator if need be, and starts everything. */
  public static async start(options: StageOptions = {}): Promise<Stage> {
    const log = options.log ?? ((line) => process.stderr.write(`${line}\n`));
    const python = await installEmulator(log, options.cache ?? DEFAULT_CACHE);
    const folder = makePrivateFolder();
    const release = guardPath(folder.root);
    const line = new LinePlatform(options.line);
    const pinpoint = new PinpointEndpoints(options.pinpoint);
    const end = async () => {
      await Promise.all([line.stop(), pinpoint.stop()]);
      rmSync(folder.root, { recursive: true, force: true, maxRetries: 10 });
      release();
    };
    try {
      await Promise.all([line.start(), pinpoint.start()]);
      // The SDK in every Lambda sends Pinpoint's calls there and all others to the emulator, which has no endpoints.
      const environment = { AWS_ENDPOINT_URL_PINPOINT: pinpoint.url, ...options.lambdaEnvironment };
      const emulator = await Emulator.start({ python, folder, environment, log });
      return new Stage(emulator, line, pinpoint, folder, log, end);
    } catch (error) {
      await end();
      throw error;
    }
  }

  private bootstrapped?: Promise<void>;
  private readonly clients = new Map<unknown, unknown>();

  private constructor(
    public readonly emulator: Emulator,
    /** The LINE stand-in; its `url` is what a channel takes as `apiBaseUrl`. */
    public readonly line: LinePlatform,
    /** The Pinpoint stand-in, which every Lambda finds. */
    public readonly pinpoint: PinpointEndpoints,
    public readonly folder: PrivateFolder,
    private readonly log: Log,
    private readonly end: () => Promise<void>,
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

  /** Lets webhooks that the LINE stand-in sends to a deployed webhook URL arrive at the emulator. */
  public routeWebhooks(webhookUrl: string): void {
    const { host, origin } = new URL(webhookUrl);
    this.line.routeHost(host, { target: this.localUrl(origin) });
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
    await this.end();
  }
}
