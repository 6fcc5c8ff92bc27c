import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { killGroup } from './child';
import { CLONE, assertEmulatedAccount } from './environment';
import { guardGroup, guardPath } from './guard';
import { Stage } from './stage';

/**
 * Runs a shell in which `cdk` and `aws` reach a stage and nothing else, in a copy of a folder that goes with it. `LINE_API_BASE_URL` is
 * the LINE stand-in, whose webhooks arrive at whatever is deployed.
 *
 * In a terminal it is the user's own shell; otherwise `sh` reads commands from standard input, and ends at the first that fails.
 *
 * @param folder relative to the clone
 * @returns the shell's exit code
 */
export async function runShell(stage: Stage, folder: string): Promise<number> {
  const { environment, endpoint } = stage.emulator;
  await assertEmulatedAccount(environment);
  stage.line.routeHost(`*.execute-api.${environment.AWS_REGION}.amazonaws.com`, { target: `${endpoint}/_aws/execute-api/*` });
  // In the clone, because Node looks for modules and `npx` for programs in every parent folder.
  const cache = path.join(CLONE, '.cache');
  mkdirSync(cache, { recursive: true });
  const cwd = mkdtempSync(path.join(cache, 'shell-'));
  const release = guardPath(cwd);
  try {
    cpSync(path.join(CLONE, folder), cwd, { recursive: true });
    return await stage.emulator.during(shell(cwd, {
      ...environment,
      PATH: [writeAws(stage.folder.root), environment.PATH].join(path.delimiter),
      TS_NODE_PROJECT: path.join(CLONE, 'tsconfig.dev.json'),
      CDK_DISABLE_CLI_TELEMETRY: 'true',
      npm_config_update_notifier: 'false',
      LINE_API_BASE_URL: stage.line.url,
    }));
  } finally {
    rmSync(cwd, { recursive: true, force: true });
    release();
  }
}

/** @returns a folder that has `aws` and nothing else */
function writeAws(root: string): string {
  const bin = path.join(root, 'bin');
  const file = path.join(bin, 'aws');
  mkdirSync(bin);
  writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" -r "${require.resolve('ts-node/register/transpile-only')}" "${path.join(__dirname, 'aws.ts')}" "$@"\n`);
  chmodSync(file, 0o755);
  return bin;
}

async function shell(cwd: string, env: Record<string, string>): Promise<number> {
  const interactive = process.stdin.isTTY === true;
  // A shell that is talked to needs the terminal, which a process group of its own would lose.
  const child = interactive
    ? spawn(process.env.SHELL ?? 'sh', [], { cwd, env, stdio: 'inherit' })
    : spawn('sh', ['-e'], { cwd, env, stdio: 'inherit', detached: true });
  const release = interactive || child.pid === undefined ? () => {} : guardGroup(child.pid);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', (error) => reject(new Error(`the shell could not be started: ${error.message}`)));
      child.on('exit', (code) => resolve(code ?? 1));
    });
  } finally {
    if (!interactive) {
      killGroup(child.pid);
    }
    release();
  }
}
