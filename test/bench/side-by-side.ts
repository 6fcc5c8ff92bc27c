import * as path from 'path';
import { Call, HandlerProcess } from './handler-process';
import { APPLICATION_ID, RecordedCall, StandIns } from './stand-ins';
import { ENV_API_BASE_URL, ENV_CHANNEL_KEY, ENV_CHANNEL_NAME, ENV_SECRET_ARN } from '../../src/contract/environment';
import { ROOT } from '../support/built';

export const SECRET_ARN = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:line-AbCdEf';

/** One of two programs that do the same work. */
export interface Side {
  readonly name: string;
  readonly file: string;
  readonly args: string[];
  readonly env: Record<string, string>;
  /** What is measured must be the whole work. @throws when the answer is another, or when the calls are others */
  check(answer: string, operations: readonly string[]): void;
}

/** A call of a handler, with the calls that it made meanwhile. */
export interface Observation extends Call {
  readonly calls: readonly RecordedCall[];
}

/** What was observed of a side. */
export interface Observations {
  /** The first call of each process, from the process's start. */
  readonly cold: Observation[];
  readonly warm: Observation[];
}

/** Fresh processes of both sides, which take turns, with warm calls in each of them. */
export async function observeInTurns(
  sides: readonly Side[], standIns: StandIns, { processes, warmCalls }: { readonly processes: number; readonly warmCalls: number },
): Promise<Observations[]> {
  const all = sides.map((): Observations => ({ cold: [], warm: [] }));
  for (let round = 0; round <= processes; round++) {
    for (const [index, side] of sides.entries()) {
      const { cold, warm } = await observe(side, standIns, warmCalls);
      // The first round is not counted: files come into the system's cache, Python compiles.
      if (round > 0) {
        all[index].cold.push(...cold);
        all[index].warm.push(...warm);
      }
    }
  }
  return all;
}

async function observe(side: Side, standIns: StandIns, warmCalls: number): Promise<Observations> {
  standIns.takeCalls();
  standIns.reset();
  const checked = (call: Call): Observation => {
    const calls = standIns.takeCalls();
    side.check(call.answer, calls.map(({ operation }) => operation));
    return { ...call, calls };
  };
  const { process: handler, first } = await HandlerProcess.start(side.file, side.args, side.env);
  try {
    const observations: Observations = { cold: [checked(first)], warm: [] };
    for (let call = 0; call < warmCalls; call++) {
      observations.warm.push(checked(await handler.again()));
    }
    return observations;
  } finally {
    handler.stop();
  }
}

/** Milliseconds until the answer. */
export function duration({ startedAt, endedAt }: Observation): number {
  return endedAt - startedAt;
}

/** Milliseconds of a call in which no service had it to answer anything: the handler's own code, and the way to the services and back. */
export function ownPart({ startedAt, endedAt, calls }: Observation): number {
  let own = 0;
  let idleSince = startedAt;
  for (const { arrivedAt, answeredAt } of calls) {
    own += Math.max(0, arrivedAt - idleSince);
    idleSince = Math.max(idleSince, answeredAt);
  }
  return own + Math.max(0, endedAt - idleSince);
}

/** The way of AWS's sample, one of the modules in `original/`. */
export function originalSide(
  { python, module, events, folder, standIns: { awsUrl, lineUrl, certificate }, check }:
  { readonly python: string; readonly module: string; readonly events: string; readonly folder: string; readonly standIns: StandIns; readonly check: Side['check'] },
): Side {
  return {
    name: 'the AWS sample\'s way',
    file: python,
    args: [path.join(__dirname, 'original', 'drive.py'), module, events],
    env: {
      ...awsEnvironment(folder),
      AWS_ENDPOINT_URL: awsUrl,
      AWS_CA_BUNDLE: certificate,
      REQUESTS_CA_BUNDLE: certificate,
      // Compiled files beside the sources would be left in the tree.
      PYTHONPYCACHEPREFIX: path.join(folder, 'pycache'),
      SECRET_ARN,
      PINPOINT_APPLICATION_ID: APPLICATION_ID,
      LINE_API_BASE_URL: lineUrl,
    },
    check,
  };
}

/** One of the bundles that ship, with what its construct writes into its environment. */
export function ourSide(
  { handler, events, folder, standIns, env, check }:
  { readonly handler: string; readonly events: string; readonly folder: string; readonly standIns: StandIns; readonly env: Record<string, string>; readonly check: Side['check'] },
): Side {
  return {
    name: 'this library',
    file: process.execPath,
    args: [path.join(__dirname, 'drive-handler.js'), ...bundleOf(handler), events],
    env: { ...ourEnvironment(folder, standIns), NODE_EXTRA_CA_CERTS: standIns.certificate, ...env },
    check,
  };
}

/**
 * Bundle and export of a handler, as the drivers take them.
 *
 * @param handler `receive-webhook`; with the export unless that is `handler`: `sender#sendMessage`
 */
export function bundleOf(handler: string): [bundle: string, name: string] {
  const [entry, name = 'handler'] = handler.split('#');
  return [path.join(ROOT, `assets/line/handlers/${entry}.lambda/index.js`), name];
}

export function ourEnvironment(folder: string, { awsUrl, lineUrl }: Pick<StandIns, 'awsUrl' | 'lineUrl'>): Record<string, string> {
  return {
    ...awsEnvironment(folder),
    AWS_ENDPOINT_URL: awsUrl,
    [ENV_SECRET_ARN]: SECRET_ARN,
    [ENV_CHANNEL_KEY]: 'line',
    [ENV_CHANNEL_NAME]: 'Line',
    [ENV_API_BASE_URL]: lineUrl,
  };
}

/** What Lambda gives every function; nothing of the caller's gets in. */
export function awsEnvironment(folder: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    NO_PROXY: '127.0.0.1',
  };
}
