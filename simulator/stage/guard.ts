import { ChildProcess, spawn, spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { Writable } from 'node:stream';

/**
 * Whatever the harness starts or writes outside its cache is named here first, so that it goes away with this process,
 * also when the process is killed: see guardian.js. Two ways lead there:
 *
 * - the process ends or dies (SIGKILL included): the guardian's standard input ends;
 * - SIGINT, SIGTERM or SIGHUP, or the end of the command that runs this process: this process has the same done, waits for
 *   it, and exits with 128 + signal. Not inside jest, whose sandbox gives tests a copy of `process` that no signal reaches;
 *   there the first way does.
 */
const groups = new Set<number>();
const paths = new Set<string>();
let guardian: ChildProcess | undefined;

const GUARDIAN = path.join(__dirname, 'guardian.js');
const NOTHING = '{"groups":[],"paths":[]}\n';

/** Guards a process group. Call it in the same tick as `spawn`. @returns what ends the guard, once the group is gone */
export function guardGroup(processGroup: number): () => void {
  return guard(groups, processGroup);
}

/** Guards a file or a folder with all it holds. @returns what ends the guard, once the path is gone */
export function guardPath(file: string): () => void {
  return guard(paths, file);
}

/** What is guarded now, and by which process. */
export function guarded(): { readonly groups: readonly number[]; readonly paths: readonly string[]; readonly guardian?: number } {
  return { groups: [...groups], paths: [...paths], guardian: guardian?.pid };
}

function guard<T>(set: Set<T>, value: T): () => void {
  set.add(value);
  report();
  return () => {
    if (set.delete(value)) {
      report();
    }
  };
}

/** Tells the guardian what there is; starts it for the first thing and lets it go after the last. */
function report(): void {
  if (groups.size + paths.size === 0) {
    guardian?.stdin?.end(NOTHING);
    guardian = undefined;
    return;
  }
  guardian ??= startGuardian();
  guardian.stdin!.write(state());
}

function state(): string {
  return `${JSON.stringify({ groups: [...groups], paths: [...paths] })}\n`;
}

function startGuardian(): ChildProcess {
  const child = spawn(process.execPath, [GUARDIAN], {
    cwd: '/', env: {}, detached: true, stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Neither the child nor the pipe keeps this process alive: a forgotten stop must not hang a test run.
  child.unref();
  (child.stdin as Writable & { unref(): void }).unref();
  child.stdin!.on('error', () => {});
  if (process.env.JEST_WORKER_ID === undefined) {
    listenForSignals();
  }
  return child;
}

let listening = false;
function listenForSignals(): void {
  if (listening) {
    return;
  }
  listening = true;
  for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 })) {
    process.on(signal, () => leave(128 + number, signal));
  }
  watchCallers();
}

/**
 * `npm run` hands a SIGTERM on to its shell and no further: then the shell is gone and this process goes on, unnoticed.
 * So it ends, too, when one of the commands ends that run it in the same process group, up to a second later.
 */
function watchCallers(): void {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,pgid='], { encoding: 'utf8' });
  const processes = new Map((stdout ?? '').trim().split('\n').map((line) => line.trim().split(/\s+/).map(Number)).map(
    ([pid, parent, group]) => [pid, { parent, group }],
  ));
  const own = processes.get(process.pid);
  const callers: number[] = [];
  for (let pid = process.ppid; own && processes.get(pid)?.group === own.group; pid = processes.get(pid)!.parent) {
    callers.push(pid);
  }
  setInterval(() => callers.every(isAlive) || leave(128 + 15, 'the calling command has ended'), 1_000).unref();
}

/** Whether a process exists, also when it is another user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Cleans up while nothing else of this process runs: what the clean-up breaks is nobody's news. */
function leave(exitCode: number, signal: string): void {
  if (groups.size + paths.size > 0) {
    process.stderr.write(`\n${signal}: cleaning up\n`);
    spawnSync(process.execPath, [GUARDIAN], { cwd: '/', env: {}, input: state() });
    guardian?.stdin?.end(NOTHING);
  }
  process.exit(exitCode);
}
