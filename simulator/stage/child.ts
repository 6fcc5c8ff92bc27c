import { spawn } from 'node:child_process';
import { guardGroup } from './guard';

/** Where progress goes, a line at a time. */
export type Log = (line: string) => void;

/** Lines that an error quotes from a program's output. */
export const QUOTED_LINES = 20;

export interface RunOptions {
  /** The whole environment; nothing is inherited. */
  readonly env: Record<string, string>;
  readonly cwd: string;
  /** After this the whole process group is killed. */
  readonly timeoutMs: number;
  /** What is run, for error messages: `cdk deploy`. */
  readonly name: string;
  /** Gets every line of both outputs as it comes. @default - none */
  readonly log?: Log;
  /** Aborting kills the whole process group and rejects with the signal's reason. @default - none */
  readonly signal?: AbortSignal;
}

/**
 * Runs a program to its end, in a process group of its own that never outlives the call.
 *
 * @returns standard output
 * @throws Error with the last lines of output when the program cannot be started, fails or takes too long
 */
export async function run(file: string, args: readonly string[], options: RunOptions): Promise<string> {
  options.signal?.throwIfAborted();
  const child = spawn(file, args, { cwd: options.cwd, env: options.env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const release = child.pid === undefined ? () => {} : guardGroup(child.pid);
  const stdout: string[] = [];
  const lastLines: string[] = [];
  const onLine = (line: string) => {
    lastLines.push(line);
    lastLines.splice(0, Math.max(0, lastLines.length - QUOTED_LINES));
    options.log?.(line);
  };
  forEachLine(child.stdout, onLine);
  forEachLine(child.stderr, onLine);
  child.stdout.on('data', (text: string) => stdout.push(text));

  let cause: unknown;
  const kill = (reason: unknown) => {
    cause ??= reason;
    killGroup(child.pid);
  };
  const onAbort = () => kill(options.signal?.reason);
  options.signal?.addEventListener('abort', onAbort);
  const timer = setTimeout(() => kill(new Error(
    `${options.name} did not end within ${options.timeoutMs / 1000} s and was stopped${quote(lastLines)}`)), options.timeoutMs);
  try {
    await new Promise<void>((resolve, reject) => {
      child.on('error', (error) => reject(new Error(`${options.name} could not be started: ${error.message}`)));
      // Grandchildren may hold the pipes open: they go with the program, and then 'close' says that all output was read.
      child.on('exit', () => killGroup(child.pid));
      child.on('close', (code, signal) => {
        if (cause !== undefined) {
          reject(cause as Error);
        } else if (code === 0) {
          resolve();
        } else {
          reject(new Error(`${options.name} failed (${signal ?? `exit code ${code}`})${quote(lastLines)}`));
        }
      });
    });
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
    release();
  }
  return stdout.join('');
}

/** Sends a signal to a whole process group; false when none of it is left. */
export function killGroup(processGroup: number | undefined, signal: NodeJS.Signals = 'SIGKILL'): boolean {
  if (processGroup === undefined) {
    return false;
  }
  try {
    process.kill(-processGroup, signal);
    return true;
  } catch {
    return false;
  }
}

/** Waits for something, but not longer than this. */
export async function atMost(milliseconds: number, something: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([something, new Promise((resolve) => { timer = setTimeout(resolve, milliseconds); })]);
  clearTimeout(timer);
}

/** Last lines as the tail of an error message. */
export function quote(lines: readonly string[]): string {
  return lines.length === 0 ? ' and wrote nothing' : `; the last lines of its output:\n${lines.map((line) => `    ${line}`).join('\n')}`;
}

function forEachLine(stream: NodeJS.ReadableStream, onLine: Log): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    lines.filter((line) => line.trim() !== '').forEach((line) => onLine(line.trimEnd()));
  });
  stream.on('end', () => rest.trim() !== '' && onLine(rest));
}
