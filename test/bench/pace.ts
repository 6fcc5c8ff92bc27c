import * as fs from 'fs';
import * as path from 'path';
import { Figure } from './figures';
import { HandlerProcess } from './handler-process';
import { chunkEvents, people, sendingEnvironment } from './sending';
import { bundleOf, ourEnvironment } from './side-by-side';
import { RemoteStandIn, Traffic, spawnStandIn } from './stand-in-process';
import { CHUNK_BUCKET, LINE_MS } from './stand-ins';
import type { ChunkSendResult } from '../../src/contract/chunk-send';
import { MULTICAST_MAX_RECIPIENTS } from '../../src/contract/limits';
import {
  DEFAULT_MULTICASTS_PER_SECOND, DEFAULT_PUSHES_PER_SECOND, LINE_MULTICASTS_PER_SECOND, LINE_PUSHES_PER_SECOND,
} from '../../src/contract/sending';

const MULTICAST_PATH = '/v2/bot/message/multicast';
const PUSH_PATH = '/v2/bot/message/push';

/** Chunk functions at work at the same time, with nothing in common but the journal's table. */
const FUNCTIONS = 3;

/** Pushes that one chunk function makes side by side: 4 groups of 160. */
const PARALLEL_PUSHES = 640;

/** Seconds for which the machine's own bound is looked for, before and after. */
const BOUND_SECONDS = 4;

interface Run {
  readonly name: string;
  readonly data: string;
  /** People of a chunk, of which each function gets one. */
  readonly chunkSize: number;
  /** LINE calls that a chunk takes. */
  readonly callsPerChunk: number;
  endpoint(index: number): object;
}

/** Full multicasts, which show how many calls are made; how fast they are is for the machine to say. */
const EQUAL: Run = {
  name: 'multicasts of 500',
  data: 'A message to all of them',
  chunkSize: 20_001,
  callsPerChunk: Math.ceil(20_001 / MULTICAST_MAX_RECIPIENTS),
  endpoint: () => ({}),
};

/** A message for each town: multicasts to ten people each, of which a group of 500 has fifty. */
const TOWNS: Run = {
  name: 'multicasts of 10',
  data: 'A message to the people of {{Location.City}}',
  chunkSize: 5_000,
  callsPerChunk: 500,
  endpoint: (index) => ({ Location: { City: `Town ${index % 50}` } }),
};

const PUSHES: Run = {
  name: 'pushes',
  data: 'A message to {{User.UserAttributes.DisplayName}}',
  chunkSize: 5_000,
  callsPerChunk: 5_000,
  endpoint: (index) => ({ User: { UserAttributes: { DisplayName: [`Friend ${index}`] } } }),
};

/**
 * How near the chunk function comes to the limiter's setting: several of them at a time, as a runner starts them, against
 * stand-ins in processes of their own.
 *
 * @throws when not everybody was accepted, or LINE's stand-in counts other calls than ceil(people / 500), or one each
 */
export async function benchPace(folder: string, log: (line: string) => void): Promise<Figure[]> {
  const line = await spawnStandIn({ role: 'line' });
  const aws = await spawnStandIn({ role: 'aws', secret: JSON.stringify({ channelAccessToken: 'long-lived-token' }) });
  try {
    const told = (name: string, { taken, refused, perSecond, mostInASecond }: Traffic) =>
      log(`${name}: ${taken} taken, ${refused} answered 429; ${perSecond.toFixed(1)} a second, at most ${mostInASecond} in one`);

    await line.limit({ [MULTICAST_PATH]: LINE_MULTICASTS_PER_SECOND });
    const full = await send(EQUAL, folder, line, aws);
    told(EQUAL.name, full);
    const multicasts = await send(TOWNS, folder, line, aws);
    told(TOWNS.name, multicasts);

    const before = await machineBound(line);
    await line.limit({ [PUSH_PATH]: LINE_PUSHES_PER_SECOND });
    const pushes = await send(PUSHES, folder, line, aws);
    told(PUSHES.name, pushes);
    const bound = Math.max(before, await machineBound(line));
    log(`Node's client alone, ${PARALLEL_PUSHES} requests side by side: ${bound.toFixed(0)} pushes a second`);
    const reachable = Math.min(DEFAULT_PUSHES_PER_SECOND, bound);

    return [
      {
        name: `LINE calls for ${FUNCTIONS} chunks of ${EQUAL.chunkSize.toLocaleString('en')} people`,
        unit: 'calls',
        target: FUNCTIONS * EQUAL.callsPerChunk,
        measured: full.taken,
        detail: `equal content, ceil(N / ${MULTICAST_MAX_RECIPIENTS}) a chunk, nobody missing`,
      },
      {
        name: 'multicasts a second ÷ the limiter\'s setting',
        unit: '%',
        target: 95,
        isAtLeast: true,
        measured: 100 * multicasts.perSecond / DEFAULT_MULTICASTS_PER_SECOND,
        detail: `${multicasts.perSecond.toFixed(0)} of ${DEFAULT_MULTICASTS_PER_SECOND}, ${FUNCTIONS} chunk functions; LINE takes ${LINE_MULTICASTS_PER_SECOND} and answers in ${LINE_MS} ms; at most ${multicasts.mostInASecond} in any second`,
      },
      {
        name: 'personalised pushes a second ÷ what can be reached',
        unit: '%',
        target: 95,
        isAtLeast: true,
        measured: 100 * pushes.perSecond / reachable,
        detail: `${pushes.perSecond.toFixed(0)} of ${reachable.toFixed(0)}: the limiter's setting is ${DEFAULT_PUSHES_PER_SECOND.toLocaleString('en')}, Node's HTTP client alone makes ${bound.toFixed(0)} on this machine; LINE takes ${LINE_PUSHES_PER_SECOND.toLocaleString('en')}; at most ${pushes.mostInASecond} in any second`,
      },
      {
        name: 'answers of 429 meanwhile',
        unit: 'answers',
        target: 0,
        measured: full.refused + multicasts.refused + pushes.refused,
        detail: `of ${(full.taken + multicasts.taken + pushes.taken).toLocaleString('en')}`,
      },
    ];
  } finally {
    line.stop();
    aws.stop();
  }
}

/** Sends chunks through several chunk functions at the same time. */
async function send(
  { name, data, chunkSize, callsPerChunk, endpoint }: Run, folder: string, line: RemoteStandIn, aws: RemoteStandIn,
): Promise<Traffic> {
  const putChunk = async (size: number) => fetch(`${aws.url}/${CHUNK_BUCKET}/chunk`, {
    method: 'PUT', body: people(size, endpoint).map((recipient) => JSON.stringify(recipient)).join('\n'),
  });
  const started = await Promise.allSettled(Array.from({ length: FUNCTIONS }, async (_, index) => {
    // The first is small and not counted: it brings the function up.
    const events = path.join(folder, `${name}-${index}.json`);
    fs.writeFileSync(events, JSON.stringify([
      ...chunkEvents(1, [`${name}-first-${index}`], data),
      ...chunkEvents(2, [`${name}-${index}`], data),
    ]));
    if (index === 0) {
      await putChunk(100);
    }
    const { process: handler } = await HandlerProcess.start(process.execPath, [path.join(__dirname, 'drive-handler.js'), ...bundleOf('sender#sendChunk'), events], {
      ...ourEnvironment(folder, { awsUrl: aws.url, lineUrl: line.url }), ...sendingEnvironment({ awsUrl: aws.url }, 'any'),
    });
    return handler;
  }));
  const handlers = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  try {
    for (const result of started) {
      if (result.status === 'rejected') {
        throw result.reason;
      }
    }
    await putChunk(chunkSize);
    await line.traffic();
    await Promise.all(handlers.map(async (handler) => {
      const { answer } = await handler.again();
      const { counts, undone } = JSON.parse(answer) as ChunkSendResult;
      if (counts?.accepted !== chunkSize || undone.length > 0) {
        throw new Error(`a chunk of ${chunkSize} ended as ${answer.slice(0, 500)}`);
      }
    }));
    const traffic = await line.traffic();
    const expected = FUNCTIONS * callsPerChunk;
    if (traffic.taken !== expected) {
      throw new Error(`LINE's stand-in counts ${traffic.taken} ${name} for ${FUNCTIONS} chunks of ${chunkSize}; there must be ${expected}`);
    }
    return traffic;
  } finally {
    handlers.forEach((handler) => handler.stop());
  }
}

/** Pushes a second that Node's HTTP client alone makes against the same stand-in, when nothing is refused. */
async function machineBound(line: RemoteStandIn): Promise<number> {
  await line.limit({});
  const body = JSON.stringify({ to: `U${'0'.repeat(32)}`, messages: [{ type: 'text', text: 'A message to Friend 1' }] });
  const { process: client, first } = await HandlerProcess.start(
    process.execPath, [path.join(__dirname, 'drive-client.js'), line.url + PUSH_PATH, body, String(PARALLEL_PUSHES), String(BOUND_SECONDS)], { PATH: process.env.PATH ?? '' },
  );
  client.stop();
  await line.traffic();
  return Number(first.answer);
}
