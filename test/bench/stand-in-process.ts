import { fork } from 'child_process';
import { once } from 'events';
import { createServer } from 'http';
import { AddressInfo } from 'net';
import { performance } from 'perf_hooks';
import { AWS_MS, Aws, LINE_MS, serve } from './stand-ins';

/**
 * Stand-ins in processes of their own, for measuring throughput: over plain HTTP, because they share the machine with what is
 * measured, and LINE's only counts and paces. This file is also the program of those processes.
 */

/** What such a process is told on its start. */
type Role = { readonly role: 'aws'; readonly secret: string } | { readonly role: 'line' };

/** What LINE's stand-in saw since the last time that it was asked. */
export interface Traffic {
  /** Requests that it took, of the path that had most. */
  readonly taken: number;
  /** Requests that it answered 429, of all paths. */
  readonly refused: number;
  /** Requests a second, without the first and the last second. */
  readonly perSecond: number;
  /** The most in any 1,000 milliseconds. */
  readonly mostInASecond: number;
}

/** The requests a second that a stand-in allows of each path; absent: as many as come. */
export type Limits = Record<string, number>;

export interface RemoteStandIn {
  readonly url: string;
  /** LINE's only: forgets what it saw and has these limits from now on. */
  limit(limits: Limits): Promise<void>;
  /** LINE's only. */
  traffic(): Promise<Traffic>;
  stop(): void;
}

type Question = { readonly limits: Limits } | 'traffic';

export async function spawnStandIn(role: Role): Promise<RemoteStandIn> {
  // The same TypeScript loader as this process has; its environment says so.
  const child = fork(__filename, [JSON.stringify(role)], { execArgv: process.execArgv });
  const ask = async <T>(question: Question): Promise<T> => {
    child.send(question);
    return (await once(child, 'message'))[0] as T;
  };
  const ended = once(child, 'exit').then(([code]) => { throw new Error(`the stand-in of ${role.role} ended with code ${code}`); });
  const [url] = await Promise.race([once(child, 'message'), ended]);
  ended.catch(() => undefined);
  return {
    url,
    limit: async (limits) => ask({ limits }),
    traffic: async () => ask('traffic'),
    stop: () => child.kill('SIGKILL'),
  };
}

const SECOND_MS = 1_000;

/** LINE, as far as counting and pacing go: it reads no body and answers after 40 ms, 429 beyond so many requests in any second. */
async function serveCounting(): Promise<string> {
  let limits: Limits = {};
  let refused = 0;
  let arrivals = new Map<string, number[]>();
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const now = performance.now();
      const path = request.url!;
      const taken = arrivals.get(path) ?? [];
      arrivals.set(path, taken);
      const isTaken = limits[path] === undefined || taken.length < limits[path] || now - taken[taken.length - limits[path]] >= SECOND_MS;
      if (isTaken) {
        taken.push(now);
      } else {
        refused++;
      }
      setTimeout(() => response.writeHead(isTaken ? 200 : 429, { 'content-type': 'application/json', 'x-line-request-id': 'b' }).end(ANSWERS[path] ?? '{}'), LINE_MS);
    });
  });
  server.keepAliveTimeout = 60_000;
  process.on('message', (question: Question) => {
    if (question !== 'traffic') {
      limits = question.limits;
    }
    const [taken = []] = [...arrivals.values()].sort((a, b) => b.length - a.length);
    process.send!(trafficOf(taken, refused));
    arrivals = new Map();
    refused = 0;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ANSWERS: Record<string, string> = {
  '/v2/bot/message/quota': '{"type":"none"}',
  '/v2/bot/message/quota/consumption': '{"totalUsage":0}',
};

function trafficOf(taken: readonly number[], refused: number): Traffic {
  const [from, to] = [taken[0] + SECOND_MS, taken[taken.length - 1] - SECOND_MS];
  const inside = taken.filter((at) => at >= from && at < to);
  let first = 0;
  let mostInASecond = 0;
  taken.forEach((at, last) => {
    while (at - taken[first] >= SECOND_MS) {
      first++;
    }
    mostInASecond = Math.max(mostInASecond, last - first + 1);
  });
  return { taken: taken.length, refused, perSecond: inside.length === 0 ? 0 : inside.length / ((to - from) / SECOND_MS), mostInASecond };
}

if (require.main === module) {
  const role: Role = JSON.parse(process.argv[2]);
  // Ends with the process that started it.
  process.on('disconnect', () => process.exit());
  void (role.role === 'line' ? serveCounting() : serve({ milliseconds: AWS_MS, operations: new Aws(role.secret).operations }).then(({ url }) => url))
    .then((url) => process.send!(url));
}
