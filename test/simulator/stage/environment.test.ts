import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createServer, Server } from 'node:http';
import { AddressInfo } from 'node:net';
import * as path from 'node:path';
import { assertEmulatedAccount, childEnvironment, CLONE, installEnvironment, makePrivateFolder, PrivateFolder } from '../../../simulator/stage/environment';

let folder: PrivateFolder;
beforeEach(() => { folder = makePrivateFolder(); });
afterEach(() => rmSync(folder.root, { recursive: true, force: true }));

/** A caller who works with real accounts and has things set that change programs. */
const CALLER = {
  PATH: '/usr/bin',
  LANG: 'ja_JP.UTF-8',
  HOME: '/home/someone',
  AWS_PROFILE: 'production',
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'real',
  AWS_SESSION_TOKEN: 'real',
  AWS_CONFIG_FILE: '/home/someone/.aws/config',
  AWS_ENDPOINT_URL_S3: 'https://s3.amazonaws.com',
  AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/deployer',
  CDK_DEFAULT_ACCOUNT: '123456789012',
  CDK_CONTEXT_JSON: '{}',
  NODE_OPTIONS: '--require /tmp/x.js',
  NODE_PATH: '/home/someone/node_modules',
  HTTPS_PROXY: 'http://proxy.example',
  PIP_INDEX_URL: 'https://mirror.example/simple',
  PIP_TARGET: '/somewhere',
};

test('a child sees the emulator and nothing of the caller\'s accounts and tools', () => {
  const env = childEnvironment(folder, 'http://127.0.0.1:4566', CALLER);

  expect(env).toEqual({
    PATH: `${path.dirname(process.execPath)}:/usr/bin`,
    LANG: 'ja_JP.UTF-8',
    HOME: folder.home,
    TMPDIR: folder.tmp,
    NO_PROXY: expect.stringContaining('127.0.0.1'),
    no_proxy: expect.stringContaining('127.0.0.1'),
    AWS_CONFIG_FILE: folder.awsConfig,
    AWS_SHARED_CREDENTIALS_FILE: folder.awsCredentials,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ENDPOINT_URL: 'http://127.0.0.1:4566',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  });
  expect(readFileSync(folder.awsConfig, 'utf8') + readFileSync(folder.awsCredentials, 'utf8')).toBe('');
});

test('pip sees the caller\'s mirror and proxy, and nothing of AWS or of where to install', () => {
  expect(installEnvironment('/cache', CALLER)).toEqual({
    PATH: '/usr/bin',
    LANG: 'ja_JP.UTF-8',
    HOME: '/home/someone',
    HTTPS_PROXY: 'http://proxy.example',
    PIP_INDEX_URL: 'https://mirror.example/simple',
    TMPDIR: '/cache',
  });
});

test('the private folder lies outside the clone, whose modules a bundle must not find', () => {
  expect(path.relative(CLONE, folder.root)).toMatch(/^\.\./);
  expect(existsSync(folder.home) && existsSync(folder.tmp)).toBe(true);
});

describe('deploying', () => {
  let sts: Server;
  let account: string;
  let questions: number;
  beforeEach(async () => {
    questions = 0;
    sts = createServer((request, response) => {
      questions += 1;
      request.resume().on('end', () => response.writeHead(200, { 'content-type': 'text/xml' }).end(
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        + `<Arn>arn:aws:iam::${account}:user/someone</Arn><UserId>AIDA</UserId><Account>${account}</Account>`
        + '</GetCallerIdentityResult></GetCallerIdentityResponse>'));
    });
    await new Promise<void>((resolve) => sts.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => new Promise((resolve) => sts.close(resolve)));
  const environment = () => childEnvironment(folder, `http://127.0.0.1:${(sts.address() as AddressInfo).port}`);

  test('is allowed when STS answers the emulator\'s account', async () => {
    account = '000000000000';

    await assertEmulatedAccount(environment());

    expect(questions).toBe(1);
  });

  test('is refused when STS answers another account', async () => {
    account = '123456789012';

    await expect(assertEmulatedAccount(environment())).rejects.toThrow(/deploying is refused: STS at http:\/\/127\.0\.0\.1:\d+ answers account 123456789012, and the local stage's is 000000000000/);
  });

  test('is refused when STS does not answer', async () => {
    const env = environment();
    await new Promise((resolve) => sts.close(resolve));

    await expect(assertEmulatedAccount(env)).rejects.toThrow(/sts get-caller-identity failed/);
  });

  test.each(['https://sts.us-east-1.amazonaws.com', 'http://192.0.2.1:4566', undefined])('is refused without a question when the endpoint is %s', async (endpoint) => {
    const { AWS_ENDPOINT_URL: _, ...env } = environment();

    await expect(assertEmulatedAccount({ ...env, ...(endpoint && { AWS_ENDPOINT_URL: endpoint }) })).rejects.toThrow(/deploying is refused: AWS_ENDPOINT_URL is/);
    expect(questions).toBe(0);
  });
});
