import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLONE } from '../../simulator/stage/environment';
import { DEFAULT_CACHE } from '../../simulator/stage/install';

/** What the program said of itself. */
interface Report {
  readonly line: string;
  readonly endpoint?: string;
  readonly groups: number[];
  readonly paths: string[];
  readonly guardian?: number;
}

interface Ended {
  readonly exit: [number | null, NodeJS.Signals | null];
  readonly errors: string;
  readonly reports: Report[];
}

/** Runs stage-run.ts and does something to it once it has said a certain thing; waits for its end. */
async function runUntil(what: RegExp, act: (pid: number, report: Report) => void, cache = DEFAULT_CACHE, through: string[] = []): Promise<Ended> {
  const [file, ...args] = [...through, process.execPath, '-r', 'ts-node/register/transpile-only', 'test/e2e/fixtures/stage-run.ts', cache];
  const child = spawn(file, args, {
    cwd: CLONE, env: { ...process.env, JEST_WORKER_ID: undefined, TS_NODE_PROJECT: 'tsconfig.dev.json' }, stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit');
  let errors = '';
  child.stderr.on('data', (bytes) => errors += bytes);
  const reports: Report[] = [];
  let acted = false;
  createInterface(child.stdout).on('line', (text) => {
    const report: Report = JSON.parse(text);
    reports.push(report);
    if (!acted && what.test(report.line)) {
      acted = true;
      act(child.pid!, report);
    }
  });
  const [code, signal] = await exit;
  if (!acted) {
    throw new Error(`the program never said ${what}; it ended with ${signal ?? code}: ${errors}`);
  }
  return { exit: [code, signal], errors, reports };
}

/** Nothing that the program ever held is left. */
async function expectNothingLeft({ reports }: Ended): Promise<void> {
  const groups = [...new Set(reports.flatMap((report) => [...report.groups, ...(report.guardian ? [report.guardian] : [])]))];
  const paths = [...new Set(reports.flatMap((report) => report.paths))];
  const endpoints = [...new Set(reports.flatMap((report) => report.endpoint ?? /http:\/\/127\.0\.0\.1:\d+/.exec(report.line)?.[0] ?? []))];
  expect(groups.length).toBeGreaterThan(1);
  expect(paths.length).toBeGreaterThan(0);

  // After SIGKILL nobody waits for the guardian, so it may need a moment more.
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline && (groups.some(hasProcesses) || paths.some(existsSync))) {
    await sleep(50);
  }
  expect(groups.filter(hasProcesses)).toEqual([]);
  expect(paths.filter(existsSync)).toEqual([]);
  for (const endpoint of endpoints) {
    expect(await isOpen(Number(new URL(endpoint).port))).toBe(false);
  }
}

/** Zombies do not count: they end when whoever inherits them looks. */
function hasProcesses(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pgid=,stat='], { encoding: 'utf8' });
  return (stdout ?? `${group} R`).split('\n').map((line) => line.trim().split(/\s+/)).some(([pgid, stat]) => Number(pgid) === group && !stat.startsWith('Z'));
}

async function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });
}

const LIMIT_MS = 180_000;

describe('nothing is left', () => {
  test('after SIGINT while the emulator is being installed', async () => {
    const cache = mkdtempSync(path.join(tmpdir(), 'stage-cleanup-'));
    try {
      const ended = await runUntil(/^Collecting /, (pid) => process.kill(pid, 'SIGINT'), cache);

      expect(ended.exit).toEqual([130, null]);
      await expectNothingLeft(ended);
      expect(readdirSync(cache)).toEqual([]);
    } finally {
      rmSync(cache, { recursive: true, force: true });
    }
  }, LIMIT_MS);

  test('after SIGTERM while the CDK CLI deploys', async () => {
    const ended = await runUntil(/^Tiny: creating CloudFormation changeset/, (pid) => process.kill(pid, 'SIGTERM'));

    expect(ended.exit).toEqual([143, null]);
    expect(ended.errors).toContain('SIGTERM: cleaning up');
    await expectNothingLeft(ended);
  }, LIMIT_MS);

  test('after SIGINT in the middle of a campaign', async () => {
    const ended = await runUntil(/^sent$/, (pid) => setTimeout(() => process.kill(pid, 'SIGINT'), 300));

    expect(ended.exit).toEqual([130, null]);
    await expectNothingLeft(ended);
  }, LIMIT_MS);

  test('after SIGKILL, which no program can answer', async () => {
    const ended = await runUntil(/^emulator ready/, (pid) => process.kill(pid, 'SIGKILL'));

    expect(ended.exit).toEqual([null, 'SIGKILL']);
    await expectNothingLeft(ended);
  }, LIMIT_MS);

  test('after SIGTERM to the command that runs the program, as npm hands it on to its shell only', async () => {
    const ended = await runUntil(/^emulator ready/, (pid) => process.kill(pid, 'SIGTERM'), DEFAULT_CACHE, ['/bin/sh', '-c', '"$0" "$@"; true']);

    expect(ended.exit).toEqual([null, 'SIGTERM']);
    await expectNothingLeft(ended);
  }, LIMIT_MS);

  test('after the emulator was killed, which is reported with the last lines of its log', async () => {
    // The emulator's group is the one that is there in every report from its start to the end.
    const ended = await runUntil(/^sent$/, (_pid, { groups }) => process.kill(groups[0], 'SIGKILL'));

    expect(ended.exit).toEqual([1, null]);
    expect(ended.errors).toMatch(/the emulator ended \(SIGKILL\); the last lines of its output:\n {4}.*\S/);
    await expectNothingLeft(ended);
  }, LIMIT_MS);
});
