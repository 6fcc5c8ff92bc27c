import * as fs from 'fs';
import * as path from 'path';
import { Figure, median } from './figures';
import { HandlerProcess } from './handler-process';
import { acceptedOf, campaignEvents, people, sendingEnvironment } from './sending';
import { bundleOf, ourEnvironment } from './side-by-side';
import { PUSH, startStandIns } from './stand-ins';
import { MULTICAST_MAX_RECIPIENTS } from '../../src/contract/limits';

const PROCESSES = 5;
const ENDPOINT_BYTES = 15 * 1024;

/** Attributes that fill an endpoint up, and are all of them in the person's messages. */
const PARTS = ['One', 'Two', 'Three', 'Four', 'Five'];

/**
 * Memory that a send function needs for 500 people with endpoints as large as Pinpoint's largest, every byte of which is
 * rendered into a push of their own.
 *
 * @throws when not everybody was accepted, each by a push
 */
export async function benchMemory(folder: string, log: (line: string) => void): Promise<Figure[]> {
  const standIns = await startStandIns(folder, JSON.stringify({ channelAccessToken: 'long-lived-token' }));
  try {
    const event = path.join(folder, 'large-event.json');
    const part = 'x'.repeat(ENDPOINT_BYTES / PARTS.length - 80);
    const recipients = people(MULTICAST_MAX_RECIPIENTS, (index) => ({ Attributes: Object.fromEntries(PARTS.map((name) => [name, [`${index} ${part}`]])) }));
    const data = JSON.stringify(PARTS.map((name) => ({ type: 'text', text: `{{Attributes.${name}}}` })));
    const [campaignEvent] = campaignEvents(1, recipients, data);
    fs.writeFileSync(event, JSON.stringify(campaignEvent));
    log(`an endpoint has ${JSON.stringify(recipients[0].endpoint).length} bytes`);
    const peaks: number[] = [];
    for (let round = 0; round < PROCESSES; round++) {
      standIns.reset();
      standIns.takeCalls();
      const { process: handler, first } = await HandlerProcess.start(process.execPath, ['--expose-gc', path.join(__dirname, 'drive-memory.js'), ...bundleOf('sender#sendMessage'), event], {
        ...ourEnvironment(folder, standIns), NODE_EXTRA_CA_CERTS: standIns.certificate, ...sendingEnvironment(standIns, 'any'),
      });
      handler.stop();
      const { answer, idle, highest } = JSON.parse(first.answer);
      const pushes = standIns.takeCalls().filter(({ operation }) => operation === PUSH).length;
      if (acceptedOf(JSON.stringify(answer)) !== MULTICAST_MAX_RECIPIENTS || pushes !== MULTICAST_MAX_RECIPIENTS) {
        throw new Error(`${acceptedOf(JSON.stringify(answer))} of ${MULTICAST_MAX_RECIPIENTS} people were accepted, by ${pushes} pushes: ${JSON.stringify(answer).slice(0, 500)}`);
      }
      log(`idle ${megabytes(idle).toFixed(0)} MB, at most ${megabytes(highest).toFixed(0)} MB`);
      peaks.push(megabytes(highest - idle));
    }
    return [{
      name: `memory for ${MULTICAST_MAX_RECIPIENTS} personalised endpoints of 15 KB`,
      unit: 'MB',
      target: 128,
      measured: median(peaks),
      detail: `highest resident set of the process less that before the event is read, 15 KB of messages each, median of ${PROCESSES}`,
    }];
  } finally {
    standIns.stop();
  }
}

function megabytes(bytes: number): number {
  return bytes / 1024 / 1024;
}
