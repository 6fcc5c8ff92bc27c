import { ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';

/** The instance ended before it answered, as a Lambda whose sandbox is gone. */
export class InstanceEndedError extends Error {
  public readonly name = 'InstanceEndedError';
}

export interface InstanceOptions {
  /** Of the bundled handler, relative to `assets`, and its export unless that is `handler`: `line/handlers/sender#sendMessage`. */
  readonly handler: string;
  /** The deployed function's, and where AWS is. */
  readonly environment: Record<string, string>;
  /** Milliseconds of an invocation, what Lambda tells the handler. */
  readonly timeoutMs: number;
}

/**
 * A bundled handler in a process of its own: one Lambda instance, one invocation at a time. It can be killed at any moment, and
 * the next invocation then has a new one.
 */
export class HandlerInstance {
  private child?: ChildProcess;
  private waiting?: { readonly resolve: (line: string) => void; readonly reject: (error: Error) => void };

  constructor(private readonly options: InstanceOptions) {}

  /** An invocation is under way. */
  public get isBusy(): boolean {
    return this.waiting !== undefined;
  }

  /** @throws InstanceEndedError when the process is killed meanwhile; the handler's own error, as text */
  public async invoke<T>(event: unknown): Promise<T> {
    const { stdin } = this.child ??= this.start();
    const line = await new Promise<string>((resolve, reject) => {
      this.waiting = { resolve, reject };
      stdin!.write(`${JSON.stringify({ event, remainingMs: this.options.timeoutMs })}\n`);
    });
    const { answer, error } = JSON.parse(line) as { answer: T; error?: string };
    if (error !== undefined) {
      throw new Error(error);
    }
    return answer;
  }

  /** SIGKILL: nothing of it runs any more. */
  public kill(): void {
    this.child?.kill('SIGKILL');
  }

  private start(): ChildProcess {
    const { handler, environment } = this.options;
    const [entry, name = 'handler'] = handler.split('#');
    const bundle = join(__dirname, '..', '..', 'assets', `${entry}.lambda`, 'index.js');
    const child = spawn(process.execPath, [join(__dirname, 'handle-events.js'), bundle, name], {
      env: { ...environment, _HANDLER: `index.${name}` }, stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => { errors = (errors + text).slice(-2_000); });
    // What is written to a process that is gone is answered by its end.
    child.stdin!.on('error', () => undefined);
    createInterface(child.stdio[3] as Readable).on('line', (line) => this.settle((waiting) => waiting.resolve(line)));
    child.once('close', (code, signal) => {
      this.child = undefined;
      this.settle((waiting) => waiting.reject(signal === 'SIGKILL'
        ? new InstanceEndedError('killed') : new Error(`the handler ${handler} ended with ${signal ?? `exit code ${code}`}: ${errors}`)));
    });
    return child;
  }

  private settle(how: (waiting: NonNullable<HandlerInstance['waiting']>) => void): void {
    const { waiting } = this;
    this.waiting = undefined;
    if (waiting) {
      how(waiting);
    }
  }
}
