import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { callControl } from './control';
import { LinePlatform, LinePlatformOptions } from './line-platform';

/** The methods that can be called from another process. */
export const REMOTE_METHODS = [
  'configure', 'setWebhookUrl', 'getWebhookUrl', 'routeHost', 'setChannelSecret', 'expireTokens', 'advanceClock',
  'add', 'addStranger', 'block', 'unblock', 'deleteAccount', 'updateProfile', 'friends',
  'follow', 'unfollow', 'message', 'postback', 'join', 'leave', 'memberJoined', 'memberLeft', 'event',
  'collectEvents', 'sendCollected', 'redeliver', 'sendRaw', 'verifyWebhook',
  'script', 'always', 'randomFaults', 'clearFaults', 'hold', 'held', 'release',
  'requests', 'deliveries', 'received', 'violations', 'webhookAttempts', 'accessTokens', 'usage', 'setUsage',
  'aggregationUnits', 'setAggregationUnits', 'openChat', 'openLink', 'forgetRecords',
] as const satisfies readonly (keyof LinePlatform)[];

type RemoteMethods = {
  [name in typeof REMOTE_METHODS[number]]:
  (...args: Parameters<LinePlatform[name]>) => Promise<Awaited<ReturnType<LinePlatform[name]>>>;
};

/** A LinePlatform in another process: the same methods, all asynchronous. */
export interface RemoteLinePlatform extends RemoteMethods {
  /** For `apiBaseUrl`. */
  readonly url: string;
  readonly controlUrl: string;
  readonly pid: number;
  /** Ends the process and waits for its end. */
  stop(): Promise<void>;
}

/** A client of a stand-in that runs already. Its `stop` and `pid` are those of whoever started it, so they are left out. */
export function connectLinePlatform(controlUrl: string): RemoteMethods {
  return Object.fromEntries(REMOTE_METHODS.map(name => [
    name, async (...args: unknown[]) => callControl(controlUrl, name, args),
  ])) as unknown as RemoteMethods;
}

/** Starts the stand-in in a process of its own, which also ends when this one does. */
export async function spawnLinePlatform(options: Omit<LinePlatformOptions, 'now' | 'port'> = {}): Promise<RemoteLinePlatform> {
  const child = spawn(process.execPath, [
    '-r', require.resolve('ts-node/register/transpile-only'), join(__dirname, 'line-platform-process.ts'),
    '--exit-with-parent', '--options', JSON.stringify(options),
  ], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, TS_NODE_PROJECT: join(__dirname, '..', 'tsconfig.dev.json') },
  });
  const ended = once(child, 'exit');
  const line = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    ended.then(([code]) => { throw new Error(`the LINE stand-in ended with code ${code} before it listened`); }),
  ]) as [string];
  const { url, controlUrl, pid } = JSON.parse(line[0]) as { url: string; controlUrl: string; pid: number };
  return {
    ...connectLinePlatform(controlUrl),
    url,
    controlUrl,
    pid,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
