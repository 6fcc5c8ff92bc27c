import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { ROOT } from '../../support/built';

/** What reaches AWS is run by test/e2e/migrating.test.ts; here is what must not look as if it worked. */
const NOWHERE = 'http://127.0.0.1:9';
let folder: string;
beforeAll(() => { folder = mkdtempSync(path.join(tmpdir(), 'aws-')); });
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

function aws(...args: string[]): { status: number | null; stderr: string; stdout: string } {
  return spawnSync(process.execPath, ['-r', 'ts-node/register/transpile-only', path.join(ROOT, 'simulator/stage/aws.ts'), ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      TS_NODE_PROJECT: path.join(ROOT, 'tsconfig.dev.json'),
      AWS_ENDPOINT_URL: NOWHERE,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_MAX_ATTEMPTS: '1',
    },
  });
}

test.each<[string, string[], RegExp]>([
  ['an operation that it does not know', ['s3', 'rb', 's3://bucket'], /aws s3 rb is not among the commands of the local stage: s3 cp,/],
  ['an option that it does not know', ['s3', 'cp', 'a', 's3://bucket/a', '--dryrun'], /Unknown options: --dryrun/],
  ['an option without its value', ['secretsmanager', 'put-secret-value', '--secret-id'], /--secret-id needs a value/],
  ['a variable that is not set', ['lambda', 'invoke', '--function-name', '', 'answer.json'], /required: --function-name; it is empty/],
  ['a bucket that is not set', ['s3', 'cp', 'a', 's3:///import/'], /s3:\/\/\/import\/ has no bucket/],
  ['two files', ['s3', 'cp', 'a', 'b'], /one of a and b must be a file and the other s3:/],
  ['a payload that AWS CLI 2 would take for base64', ['lambda', 'invoke', '--function-name', 'f', '--payload', '{}', 'a.json'], /Invalid base64/],
  ['one file too many', ['lambda', 'invoke', '--function-name', 'f', 'a.json', 'b.json'], /expected 1 arguments besides the options, got 2/],
])('refuses %s, as the AWS CLI by exit code 252', (_what, args, message) => {
  const { status, stderr } = aws(...args);
  expect(stderr).toMatch(message);
  expect(status).toBe(252);
});

test('what AWS does not answer is an error', () => {
  writeFileSync(path.join(folder, 'a'), 'a');
  const { status, stderr } = aws('s3', 'cp', path.join(folder, 'a'), 's3://bucket/a');
  expect(stderr).toMatch(/ECONNREFUSED/);
  expect(status).toBe(254);
});
