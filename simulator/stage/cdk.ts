import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { Log, run } from './child';
import { assertEmulatedAccount, CLONE, STAGE_ACCOUNT, STAGE_REGION } from './environment';

/** The CDK CLI that package-lock.json pins. */
const CDK = path.join(CLONE, 'node_modules', '.bin', 'cdk');

const BOOTSTRAP_LIMIT_MS = 180_000;

/** A failing custom resource makes the emulator's CloudFormation wait for ever, so there is always a limit. */
const DEPLOY_LIMIT_MS = 300_000;

/** Outputs by stack name and output name. */
export type StackOutputs = Record<string, Record<string, string>>;

export interface CdkOptions {
  /** The emulator's environment; every AWS call of the CLI goes where it says. */
  readonly environment: Record<string, string>;
  /** Folder for the cloud assembly and the outputs. */
  readonly folder: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * The command that runs a CDK app written in TypeScript. ts-node transpiles with tsconfig.dev.json (`TS_NODE_PROJECT`: module
 * `node16`, which is CommonJS here because package.json has no `type`), tsconfig-paths reads `paths` from the same file,
 * so that an example's `cdk-line-pinpoint` is `src`.
 *
 * @param file relative to the clone
 */
export function typeScriptApp(file: string): string {
  return `node -r ts-node/register/transpile-only -r tsconfig-paths/register ${JSON.stringify(file)}`;
}

/** `cdk bootstrap`: the bucket and roles that every deployment needs. */
export async function bootstrap(options: CdkOptions): Promise<void> {
  await cdk('bootstrap', [`aws://${STAGE_ACCOUNT}/${STAGE_REGION}`], options, BOOTSTRAP_LIMIT_MS);
}

export interface DeployOptions {
  /** Milliseconds that `cdk deploy` may take. @default 300000 */
  readonly timeoutMs?: number;
  /** Context of the CDK app, as `--context key=value`. @default - none */
  readonly context?: Record<string, string>;
}

/** `cdk deploy`. @returns the outputs of the deployed stacks */
export async function deploy(app: string, stackNames: readonly string[], options: CdkOptions, settings: DeployOptions): Promise<StackOutputs> {
  const outputs = path.join(options.folder, 'outputs.json');
  await cdk('deploy', [
    ...stackNames, '--app', app, ...Object.entries(settings.context ?? {}).flatMap(([key, value]) => ['--context', `${key}=${value}`]), '--output', path.join(options.folder, 'cdk.out'), '--outputs-file', outputs,
    '--require-approval', 'never', '--progress', 'events',
  ], options, settings.timeoutMs ?? DEPLOY_LIMIT_MS);
  return JSON.parse(readFileSync(outputs, 'utf8'));
}

async function cdk(command: string, args: readonly string[], options: CdkOptions, timeoutMs: number): Promise<void> {
  await assertEmulatedAccount(options.environment, options.signal);
  await run(process.execPath, [CDK, command, ...args, '--no-notices', '--no-version-reporting', '--no-color'], {
    name: `cdk ${command}`,
    cwd: CLONE,
    timeoutMs,
    log: options.log,
    signal: options.signal,
    env: {
      ...options.environment,
      TS_NODE_PROJECT: path.join(CLONE, 'tsconfig.dev.json'),
      CDK_DISABLE_CLI_TELEMETRY: 'true',
    },
  });
}
