import { createHmac } from 'crypto';
import * as fs from 'fs';
import * as path from 'path';
import { Figure, median } from './figures';
import { installOriginal } from './install-original';
import { Observation, Side, duration, observeInTurns, originalSide, ourSide } from './side-by-side';
import { APPLICATION_ID, startStandIns } from './stand-ins';
import { ENV_WEBHOOK_QUEUE_URL } from '../../src/contract/environment';

/** Fresh processes on each side, and warm calls in each of them. */
const PROCESSES = 20;
const WARM_CALLS = 3;

const CHANNEL_SECRET = '8c570fa6dd201bb328f1c1eac23a96d8';
const USER_ID = `U${'0123456789abcdef'.repeat(2)}`;

/** Exactly what the AWS sample does for one follow event, cold and warm. */
const ORIGINAL_CALLS = [
  'secretsmanager.GetSecretValue',
  'GET /v2/bot/profile/{userId}',
  `PUT /v1/apps/${APPLICATION_ID}/endpoints/{userId}`,
];

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
    const events = path.join(folder, 'webhooks.json');
    fs.writeFileSync(events, JSON.stringify([webhookRequest()]));
    const sides = [
      originalSide({
        python,
        module: 'receive_event',
        events,
        folder,
        standIns,
        check: checkedBy('the sample\'s calls', (operations) => operations.join() === ORIGINAL_CALLS.join()),
      }),
      ourSide({
        handler: 'receive-webhook',
        events,
        folder,
        standIns,
        env: { [ENV_WEBHOOK_QUEUE_URL]: `${standIns.awsUrl}/123456789012/events.fifo` },
        check: checkedBy('the event queued', (operations) => operations.includes('AmazonSQS.SendMessageBatch')),
      }),
    ];
    const observed = await observeInTurns(sides, standIns, { processes: PROCESSES, warmCalls: WARM_CALLS });
    const p50 = (observations: readonly Observation[]) => median(observations.map(duration));
    observed.forEach(({ cold, warm }, index) => {
      const told = (observations: readonly Observation[]) => `${p50(observations).toFixed(0)} ms [${observations[0].calls.map(({ operation }) => operation).join(', ')}]`;
      log(`${sides[index].name}: cold ${told(cold)}, warm ${told(warm)}`);
    });
    const [original, ours] = observed;
    const figure = (state: 'cold' | 'warm', target: number, how: string): Figure => ({
      name: `receiver, ${state}`,
      unit: '×',
      target,
      measured: p50(ours[state]) / p50(original[state]),
      detail: `${how}p50 of ${ours[state].length}: ${p50(ours[state]).toFixed(0)} ms ÷ ${p50(original[state]).toFixed(0)} ms of the AWS sample's way in Python`,
    });
    return [figure('cold', 0.40, 'start of the process to 200, '), figure('warm', 0.20, '')];
  } finally {
    standIns.stop();
  }
}

function checkedBy(fair: string, isFair: (operations: readonly string[]) => boolean): Side['check'] {
  return (answer, operations) => {
    if (JSON.parse(answer).statusCode !== 200 || !isFair(operations)) {
      throw new Error(`a receiver answered ${answer} after ${operations.join(', ') || 'no call'}; the comparison is only fair with 200 and ${fair}`);
    }
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
