import * as fs from 'fs';
import * as path from 'path';
import { Figure, median } from './figures';
import { installOriginal } from './install-original';
import { acceptedOf, campaignEvents, people, sendingEnvironment } from './sending';
import { Observation, duration, observeInTurns, originalSide, ourSide, ownPart } from './side-by-side';
import { MULTICAST, PUSH, startStandIns } from './stand-ins';
import { PINPOINT_MAX_ENDPOINTS } from '../../src/contract/limits';

/** Fresh processes on each side, and warm events in each of them. */
const PROCESSES = 8;
const WARM_CALLS = 12;

/** Exactly what the AWS sample does for a campaign's event, cold and warm. */
const ORIGINAL_CALLS = ['secretsmanager.GetSecretValue', MULTICAST];

/**
 * Our send function against the AWS sample's, with a campaign's events of as many endpoints as Pinpoint puts into one: from the
 * start of the process to the call that sends, and whole events in the warm process. Every event is a run of its own with a
 * new journal item; what ours writes down, the sample does not.
 *
 * @throws when not every endpoint is reported as accepted, or the baseline makes other calls than the sample does
 */
export async function benchSender(folder: string, log: (line: string) => void): Promise<Figure[]> {
  const python = await installOriginal(log);
  const standIns = await startStandIns(folder, JSON.stringify({ channelAccessToken: 'long-lived-token', YOUR_CHANNEL_ACCESS_TOKEN: 'long-lived-token' }));
  try {
    const events = path.join(folder, 'campaigns.json');
    fs.writeFileSync(events, JSON.stringify(campaignEvents(1 + WARM_CALLS, people(PINPOINT_MAX_ENDPOINTS), 'A message to all of them')));
    const sides = [
      originalSide({
        python,
        module: 'send_message',
        events,
        folder,
        standIns,
        check: (answer, operations) => {
          if (operations.join() !== ORIGINAL_CALLS.join()) {
            throw new Error(`the baseline answered ${answer} after ${operations.join(', ')}; the comparison is only fair with ${ORIGINAL_CALLS.join(', ')}`);
          }
        },
      }),
      ourSide({
        handler: 'sender#sendMessage',
        events,
        folder,
        standIns,
        env: sendingEnvironment(standIns),
        check: (answer) => {
          if (acceptedOf(answer) !== PINPOINT_MAX_ENDPOINTS) {
            throw new Error(`the send function reported ${acceptedOf(answer)} of ${PINPOINT_MAX_ENDPOINTS} endpoints as accepted: ${answer.slice(0, 500)}`);
          }
        },
      }),
    ];
    const observed = await observeInTurns(sides, standIns, { processes: PROCESSES, warmCalls: WARM_CALLS });
    observed.forEach(({ cold, warm }, index) => {
      log(`${sides[index].name}: cold ${p50(cold, untilSending).toFixed(0)} ms until it sends [${timeline(cold[0])}]`);
      log(`${sides[index].name}: warm ${p50(warm, duration).toFixed(0)} ms, ${p50(warm, ownPart).toFixed(1)} ms of them its own [${timeline(warm[0])}]`);
    });
    const [original, ours] = observed;
    const compared = (name: string, target: number, state: 'cold' | 'warm', of: (observation: Observation) => number, how: string, decimals = 0): Figure => ({
      name,
      unit: '×',
      target,
      measured: p50(ours[state], of) / p50(original[state], of),
      detail: `${how}, p50 of ${ours[state].length}: ${p50(ours[state], of).toFixed(decimals)} ms ÷ ${p50(original[state], of).toFixed(decimals)} ms of the AWS sample's way in Python`,
    });
    return [
      {
        name: `LINE calls for ${PINPOINT_MAX_ENDPOINTS} endpoints`,
        unit: 'calls',
        target: 1,
        measured: Math.max(...ours.warm.map(sends)),
        detail: `a campaign's event through the bundled send function; a new content costs one call of LINE's validation besides, found in ${ours.cold.filter(validates).length} of ${ours.cold.length} first and ${ours.warm.filter(validates).length} of ${ours.warm.length} further events`,
      },
      compared('campaign event of 50, warm', 0.75, 'warm', duration, 'event to reply, journal included'),
      compared('its own part', 0.10, 'warm', ownPart, 'time in which neither LINE nor AWS was at work for it', 1),
      compared('campaign event of 50, cold', 0.70, 'cold', untilSending, 'start of the process to the multicast'),
    ];
  } finally {
    standIns.stop();
  }
}

function p50(observations: readonly Observation[], of: (observation: Observation) => number): number {
  return median(observations.map(of));
}

function sends({ calls }: Observation): number {
  return calls.filter(({ operation }) => operation === MULTICAST || operation === PUSH).length;
}

function validates({ calls }: Observation): boolean {
  return calls.some(({ operation }) => operation.includes('/validate/'));
}

function untilSending({ startedAt, calls }: Observation): number {
  return calls.find(({ operation }) => operation === MULTICAST)!.arrivedAt - startedAt;
}

/** The calls of an event, with the milliseconds at which each arrived and was answered. */
function timeline({ startedAt, calls }: Observation): string {
  return calls.map(({ operation, arrivedAt, answeredAt }) => `${operation} ${(arrivedAt - startedAt).toFixed(0)}–${(answeredAt - startedAt).toFixed(0)}`).join(', ');
}
