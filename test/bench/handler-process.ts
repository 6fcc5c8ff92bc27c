import { ChildProcess, spawn } from 'child_process';
import { performance } from 'perf_hooks';
import { createInterface } from 'readline';
import { Readable } from 'stream';

/** A measured call: what it answered, and when (`performance.now()`) it began and ended. */
export interface Call {
  readonly answer: string;
  readonly startedAt: number;
  readonly endedAt: number;
}

/** Milliseconds after which a handler is given up, unless told. */
const LIMIT_MS = 30_000;

/**
 * A fresh process that handles an event at its start, and the next whenever asked. Its program answers on file descriptor 3 and
 * takes a line on standard input as "again": `drive-handler.js` and `original/drive.py`.
 */
export class HandlerProcess {
  /** The first call, measured from the start of the process. */
  public static async start(
    file: string, args: string[], env: Record<string, string>, limitMs: number = LIMIT_MS,
  ): Promise<{ process: HandlerProcess; first: Call }> {
    const startedAt = performance.now();
    const started = new HandlerProcess(spawn(file, args, { env, stdio: ['pipe', 'ignore', 'pipe', 'pipe'] }), limitMs);
    try {
      return { process: started, first: await started.next(startedAt) };
    } catch (error) {
      started.stop();
      throw error;
    }
  }

  private readonly answers: AsyncIterator<string>;
  private errors = '';

  private constructor(private readonly child: ChildProcess, private readonly limitMs: number) {
    this.answers = createInterface(child.stdio[3] as Readable)[Symbol.asyncIterator]();
    child.stderr!.setEncoding('utf8').on('data', (text: string) => { this.errors += text; });
  }

  /** A further call in the same, now warm, process. */
  public async again(): Promise<Call> {
    const startedAt = performance.now();
    this.child.stdin!.write('again\n');
    return this.next(startedAt);
  }

  public stop(): void {
    this.child.kill('SIGKILL');
  }

  private async next(startedAt: number): Promise<Call> {
    const limit = setTimeout(() => this.stop(), this.limitMs);
    const { value } = await this.answers.next();
    clearTimeout(limit);
    if (value === undefined) {
      throw new Error(`${this.child.spawnargs.join(' ')} ended, or took over ${this.limitMs / 1000} s, without an answer: ${this.errors}`);
    }
    return { answer: value, startedAt, endedAt: performance.now() };
  }
}
