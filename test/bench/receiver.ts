import { createHmac } from 'crypto';
import * as fs from 'fs';
import * as path from 'path';
import { Figure, median } from './figures';
import { HandlerProcess } from './handler-process';
import { installOriginal } from './install-original';
import { APPLICATION_ID, StandIns, startStandIns } from './stand-ins';
import {
  ENV_API_BASE_URL, ENV_CHANNEL_KEY, ENV_CHANNEL_NAME, ENV_SECRET_ARN, ENV_WEBHOOK_QUEUE_URL,
} from '../../src/contract/environment';
import { ROOT } from '../support/built';

/** Fresh processes on each side, and warm calls in each of them. */
const PROCESSES = 20;
const WARM_CALLS = 3;

const CHANNEL_SECRET = '8c570fa6dd201bb328f1c1eac23a96d8';
const USER_ID = `U${'0123456789abcdef'.repeat(2)}`;
const SECRET_ARN = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:line-AbCdEf';

/** Exactly what the AWS sample does for one follow event, cold and warm. */
const ORIGINAL_CALLS = [
  'secretsmanager.GetSecretValue',
  'GET /v2/bot/profile/{userId}',
  `PUT /v1/apps/${APPLICATION_ID}/endpoints/{userId}`,
];

interface Side {
  readonly name: string;
  readonly file: string;
  readonly args: string[];
  readonly env: Record<string, string>;
  readonly cold: number[];
  readonly warm: number[];
  /** Calls of the first cold and the first warm invocation. */
  coldCalls: string[];
  warmCalls: string[];
}

/**
 * Our receiver against the AWS sample's, with one follow event: from the start of the process to the answer 200, and again
 * in the warm process. Same stand-ins, fresh processes that take turns.
 *
 * @throws when a side answers anything but 200, or the baseline makes other calls than the sample does
 */
export async function benchReceiver(folder: string, log: (line: string) => void): Promise<Figure[]> {
  const python = await installOriginal(log);
  const standIns = await startStandIns(folder, JSON.stringify({
    channelId: '1234567890',
    channelSecret: CHANNEL_SECRET,
    channelAccessToken: 'long-lived-token',
    YOUR_CHANNEL_SECRET: CHANNEL_SECRET,
    YOUR_CHANNEL_ACCESS_TOKEN: 'long-lived-token',
  }));
  try {
    const event = path.join(folder, 'webhook.json');
    fs.writeFileSync(event, JSON.stringify(webhookRequest()));
    const sides = [originalSide(python, event, folder, standIns), ourSide(event, folder, standIns)];
    // Not counted: files come into the system's cache, Python compiles.
    for (const side of sides) {
      await measure({ ...side, cold: [], warm: [] }, standIns);
    }
    for (let round = 1; round <= PROCESSES; round++) {
      for (const side of sides) {
        await measure(side, standIns);
      }
    }
    for (const { name, coldCalls, warmCalls, cold, warm } of sides) {
      log(`${name}: cold ${median(cold).toFixed(0)} ms [${coldCalls.join(', ')}], warm ${median(warm).toFixed(0)} ms [${warmCalls.join(', ')}]`);
    }
    const [original, ours] = sides;
    const detail = (state: string, of: (side: Side) => number[]) => `${state}: ${median(of(ours)).toFixed(0)} ms ÷ ${median(of(original)).toFixed(0)} ms of the AWS sample's way in Python`;
    return [
      {
        name: 'receiver, cold',
        unit: '×',
        target: 0.40,
        measured: median(ours.cold) / median(original.cold),
        detail: detail(`start of the process to 200, p50 of ${PROCESSES}`, ({ cold }) => cold),
      },
      {
        name: 'receiver, warm',
        unit: '×',
        target: 0.20,
        measured: median(ours.warm) / median(original.warm),
        detail: detail(`p50 of ${PROCESSES * WARM_CALLS}`, ({ warm }) => warm),
      },
    ];
  } finally {
    standIns.stop();
  }
}

async function measure(side: Side, standIns: StandIns): Promise<void> {
  standIns.takeCalls();
  const { process: handler, first } = await HandlerProcess.start(side.file, side.args, side.env);
  try {
    side.coldCalls = checked(side, first.answer, standIns.takeCalls());
    side.cold.push(first.milliseconds);
    for (let call = 0; call < WARM_CALLS; call++) {
      const { answer, milliseconds } = await handler.again();
      side.warmCalls = checked(side, answer, standIns.takeCalls());
      side.warm.push(milliseconds);
    }
  } finally {
    handler.stop();
  }
}

/** What is measured must be the whole work: the answer is 200, the baseline calls what the sample calls, and our event is in the queue. */
function checked(side: Side, answer: string, calls: string[]): string[] {
  if (JSON.parse(answer).statusCode !== 200) {
    throw new Error(`${side.name} answered ${answer} instead of 200, after ${calls.join(', ') || 'no call'}`);
  }
  if (side.name === ORIGINAL ? calls.join() !== ORIGINAL_CALLS.join() : !calls.includes('AmazonSQS.SendMessageBatch')) {
    throw new Error(`${side.name} made these calls: ${calls.join(', ')}; the comparison is only fair with ${side.name === ORIGINAL ? ORIGINAL_CALLS.join(', ') : 'the event queued'}`);
  }
  return calls;
}

const ORIGINAL = 'the AWS sample\'s way';

function originalSide(python: string, event: string, folder: string, { awsUrl, lineUrl, certificate }: StandIns): Side {
  return {
    name: ORIGINAL,
    file: python,
    args: [path.join(__dirname, 'original', 'drive.py'), event],
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
    cold: [],
    warm: [],
    coldCalls: [],
    warmCalls: [],
  };
}

function ourSide(event: string, folder: string, { awsUrl, lineUrl, certificate }: StandIns): Side {
  return {
    name: 'this library',
    file: process.execPath,
    args: [path.join(__dirname, 'drive-handler.js'), path.join(ROOT, 'assets/line/handlers/receive-webhook.lambda/index.js'), event],
    env: {
      ...awsEnvironment(folder),
      AWS_ENDPOINT_URL: awsUrl,
      NODE_EXTRA_CA_CERTS: certificate,
      [ENV_SECRET_ARN]: SECRET_ARN,
      [ENV_CHANNEL_KEY]: 'line',
      [ENV_CHANNEL_NAME]: 'Line',
      [ENV_WEBHOOK_QUEUE_URL]: `${awsUrl}/123456789012/events.fifo`,
      [ENV_API_BASE_URL]: lineUrl,
    },
    cold: [],
    warm: [],
    coldCalls: [],
    warmCalls: [],
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

/** One person follows. Source: LINE, Messaging API reference, "Follow event". */
function webhookRequest(): object {
  const body = JSON.stringify({
    destination: `U${'f'.repeat(32)}`,
    events: [{
      type: 'follow',
      mode: 'active',
      timestamp: Date.now(),
      webhookEventId: '01HX0000000000000000000000',
      deliveryContext: { isRedelivery: false },
      source: { type: 'user', userId: USER_ID },
      replyToken: '0'.repeat(32),
      follow: { isUnblocked: false },
    }],
  });
  return {
    httpMethod: 'POST',
    path: '/webhook',
    headers: { 'content-type': 'application/json; charset=utf-8', 'x-line-signature': createHmac('sha256', CHANNEL_SECRET).update(body).digest('base64') },
    body,
    isBase64Encoded: false,
  };
}
