import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { AddressInfo, createServer } from 'node:net';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atMost, killGroup, Log, quote, QUOTED_LINES } from './child';
import { childEnvironment, PrivateFolder } from './environment';
import { guardGroup } from './guard';

const START_LIMIT_MS = 30_000;
const RESET_LIMIT_MS = 5_000;
const TERMINATE_LIMIT_MS = 2_000;

/** A free port is free when it is looked for, and may be taken a moment later. */
const PORT_ATTEMPTS = 3;

export interface EmulatorOptions {
  /** Python of a virtual environment that has MiniStack. */
  readonly python: string;
  readonly folder: PrivateFolder;
  /** More variables for the emulator and so for every Lambda, as `AWS_ENDPOINT_URL_PINPOINT`. @default - none */
  readonly environment?: Record<string, string>;
  readonly log: Log;
}

/** A MiniStack on a free loopback port: one process group that holds the emulator and its Lambdas. */
export class Emulator {
  /** Starts the emulator and waits until it is healthy. */
  public static async start(options: EmulatorOptions): Promise<Emulator> {
    for (let attempt = 1; ; attempt++) {
      const emulator = new Emulator(options, await freePort());
      try {
        await emulator.waitUntilHealthy();
        options.log(`emulator ready at ${emulator.endpoint}`);
        return emulator;
      } catch (error) {
        await emulator.stop();
        if (attempt >= PORT_ATTEMPTS || !emulator.lastLines().some((line) => line.includes('already in use'))) {
          throw error;
        }
      }
    }
  }

  /** `http://127.0.0.1:<port>` */
  public readonly endpoint: string;

  /** Environment of whatever speaks with this emulator. */
  public readonly environment: Record<string, string>;

  /** Process group of emulator and Lambdas; undefined when the emulator could not be started. */
  public readonly processGroup?: number;

  private readonly logFile: string;
  private readonly ended: Promise<void>;
  private readonly failure = new AbortController();
  private stopping = false;

  private constructor(options: EmulatorOptions, port: number) {
    this.endpoint = `http://127.0.0.1:${port}`;
    this.environment = childEnvironment(options.folder, this.endpoint);
    this.logFile = path.join(options.folder.root, 'emulator.log');

    const output = openSync(this.logFile, 'a');
    // `-m`, because the script that pip writes names the place of the installation before it was renamed.
    const child = spawn(options.python, ['-m', 'ministack'], {
      cwd: options.folder.root,
      detached: true,
      stdio: ['ignore', output, output],
      env: {
        ...this.environment,
        ...options.environment,
        GATEWAY_PORT: String(port),
        BIND_HOST: '127.0.0.1',
        // Otherwise listens on every interface as soon as Python's `cryptography` can be imported.
        IOT_MTLS_ENABLED: '0',
        SFTP_ENABLED: '0',
        // The emulator's own defaults for these lie in /tmp.
        STATE_DIR: path.join(options.folder.root, 'state'),
        S3_DATA_DIR: path.join(options.folder.root, 's3'),
      },
    });
    const release = child.pid === undefined ? () => {} : guardGroup(child.pid);
    closeSync(output);
    child.unref();
    this.processGroup = child.pid;
    this.ended = new Promise((resolve) => {
      const end = (how: string) => {
        // Its Lambdas outlive it.
        killGroup(child.pid);
        release();
        if (!this.stopping) {
          this.failure.abort(new Error(`the emulator ended (${how})${quote(this.lastLines())}`));
        }
        resolve();
      };
      child.on('error', (error) => end(error.message));
      child.on('exit', (code, signal) => end(signal ?? `exit code ${code}`));
    });
  }

  /** Aborted when the emulator ends unasked; the reason is an error with the last lines of its log. */
  public get signal(): AbortSignal {
    return this.failure.signal;
  }

  /** What the emulator wrote last. */
  public lastLines(count: number = QUOTED_LINES): string[] {
    return readFileSync(this.logFile, 'utf8').split('\n').filter((line) => line.trim() !== '').slice(-count);
  }

  /**
   * Runs something that needs the emulator.
   * @throws the emulator's own failure rather than what it made of the work (refused connections, time-outs)
   */
  public async during<T>(work: Promise<T>): Promise<T> {
    let onAbort = () => {};
    const failed = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(this.signal.reason);
      this.signal.aborted ? onAbort() : this.signal.addEventListener('abort', onAbort);
    });
    try {
      return await Promise.race([work, failed]);
    } catch (error) {
      // The connection breaks a moment before the process is known to have ended.
      await atMost(200, this.ended);
      throw this.signal.aborted ? this.signal.reason : error;
    } finally {
      this.signal.removeEventListener('abort', onAbort);
    }
  }

  /** Ends the emulator and its Lambdas. */
  public async stop(): Promise<void> {
    this.stopping = true;
    // Ends the Lambdas; SIGTERM alone leaves them, and may leave the emulator.
    await fetch(`${this.endpoint}/_ministack/reset`, { method: 'POST', signal: AbortSignal.timeout(RESET_LIMIT_MS) }).catch(() => {});
    killGroup(this.processGroup, 'SIGTERM');
    await atMost(TERMINATE_LIMIT_MS, this.ended);
    killGroup(this.processGroup);
    await this.ended;
  }

  private async waitUntilHealthy(): Promise<void> {
    const deadline = Date.now() + START_LIMIT_MS;
    while (!await this.isHealthy()) {
      this.signal.throwIfAborted();
      if (Date.now() > deadline) {
        throw new Error(`the emulator was not healthy within ${START_LIMIT_MS / 1000} s${quote(this.lastLines())}`);
      }
      await sleep(50);
    }
    this.signal.throwIfAborted();
  }

  private async isHealthy(): Promise<boolean> {
    try {
      return (await fetch(`${this.endpoint}/_ministack/health`, { signal: AbortSignal.timeout(2_000) })).ok;
    } catch {
      return false;
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
