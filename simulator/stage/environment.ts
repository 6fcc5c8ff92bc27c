import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { run } from './child';

/** The clone: everything that the harness reads lies in here. */
export const CLONE = path.resolve(__dirname, '..', '..');

/** The one account and region of the local stage. The emulator answers the account for the access key `test`. */
export const STAGE_ACCOUNT = '000000000000';
export const STAGE_REGION = 'us-east-1';
export const STAGE_CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' } as const;

/** Variables of the caller that every child may see. Anything else could name a real AWS account or change a program. */
const PASSED_ON = ['PATH', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TERM'];

/** What pip needs besides, to reach a package index through the caller's mirror, proxy and certificates. */
const PASSED_ON_TO_PIP = [
  'HOME', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'all_proxy',
  'SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE',
  'PIP_CONFIG_FILE', 'PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'PIP_NO_INDEX', 'PIP_FIND_LINKS', 'PIP_TRUSTED_HOST', 'PIP_CERT',
  'PIP_CLIENT_CERT', 'PIP_PROXY', 'PIP_TIMEOUT', 'PIP_DEFAULT_TIMEOUT', 'PIP_RETRIES',
  // Where a version manager keeps what its shims start.
  'PYENV_ROOT', 'PYENV_VERSION', 'ASDF_DIR', 'ASDF_DATA_DIR', 'MISE_DATA_DIR',
];

/** Everything that one stage writes; removed with it. */
export interface PrivateFolder {
  readonly root: string;
  /** `HOME` of every child: empty. */
  readonly home: string;
  /** `TMPDIR` of every child. */
  readonly tmp: string;
  /** Empty files in place of the user's `~/.aws`. */
  readonly awsConfig: string;
  readonly awsCredentials: string;
}

/**
 * Makes a stage's folder. It lies in the system's temporary folder and not in the clone, because Node looks for modules
 * in every parent folder: a bundle that lacks a dependency must not find it in the clone's `node_modules`.
 */
export function makePrivateFolder(): PrivateFolder {
  const root = mkdtempSync(path.join(realpathSync(tmpdir()), 'line-stage-'));
  const folder = {
    root,
    home: path.join(root, 'home'),
    tmp: path.join(root, 'tmp'),
    awsConfig: path.join(root, 'aws-config'),
    awsCredentials: path.join(root, 'aws-credentials'),
  };
  mkdirSync(folder.home);
  mkdirSync(folder.tmp);
  writeFileSync(folder.awsConfig, '');
  writeFileSync(folder.awsCredentials, '');
  return folder;
}

/**
 * The whole environment of a child: the emulator, its Lambdas, the CDK CLI and the app that it runs.
 * No `AWS_*`, `CDK_*`, `NODE_OPTIONS` or `NODE_PATH` of the caller gets in.
 *
 * @param endpoint the emulator's URL, where every AWS request goes
 */
export function childEnvironment(folder: PrivateFolder, endpoint: string, caller: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return {
    ...passedOn(caller, PASSED_ON),
    // The Node that runs the harness is the one that runs the CDK app and the Lambdas.
    PATH: [path.dirname(process.execPath), caller.PATH].filter(Boolean).join(path.delimiter),
    HOME: folder.home,
    TMPDIR: folder.tmp,
    NO_PROXY: '127.0.0.1,localhost',
    no_proxy: '127.0.0.1,localhost',
    AWS_CONFIG_FILE: folder.awsConfig,
    AWS_SHARED_CREDENTIALS_FILE: folder.awsCredentials,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ACCESS_KEY_ID: STAGE_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: STAGE_CREDENTIALS.secretAccessKey,
    AWS_REGION: STAGE_REGION,
    AWS_DEFAULT_REGION: STAGE_REGION,
    AWS_ENDPOINT_URL: endpoint,
    // The SDK's note about the end of Node 20 would stand in every log.
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  };
}

/** The environment in which Python is looked for and pip runs; it knows nothing of AWS. */
export function installEnvironment(tmp: string, caller: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return {
    ...passedOn(caller, [...PASSED_ON, ...PASSED_ON_TO_PIP]),
    TMPDIR: tmp,
  };
}

function passedOn(caller: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => caller[name] === undefined ? [] : [[name, caller[name]]]));
}

/**
 * Refuses an environment in which AWS calls could reach anything but the emulator. A child with that very environment asks
 * STS who it is, with the SDK's own search for region, credentials and endpoint, as the CDK CLI will.
 *
 * @throws Error naming what was found
 */
export async function assertEmulatedAccount(env: Record<string, string>, signal?: AbortSignal): Promise<void> {
  const endpoint = env.AWS_ENDPOINT_URL;
  if (!endpoint || !['127.0.0.1', '[::1]'].includes(new URL(endpoint).hostname)) {
    throw new Error(`deploying is refused: AWS_ENDPOINT_URL is ${JSON.stringify(endpoint)}; the local stage only ever deploys to an emulator on 127.0.0.1`);
  }
  const question = 'const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");'
    + 'new STSClient({ maxAttempts: 2 }).send(new GetCallerIdentityCommand({})).then(({ Account }) => process.stdout.write(String(Account)));';
  const account = await run(process.execPath, ['-e', question], {
    name: 'sts get-caller-identity', env, cwd: CLONE, timeoutMs: 30_000, signal,
  });
  if (account !== STAGE_ACCOUNT) {
    throw new Error(`deploying is refused: STS at ${endpoint} answers account ${account}, and the local stage's is ${STAGE_ACCOUNT}. `
      + 'Nothing was deployed. Start the stage anew; if this comes back, another program answers at that address');
  }
}
