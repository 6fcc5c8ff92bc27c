import { RunFlagReader } from '../../../src/domain/line/run-flag';
import { RecordedTelemetry } from '../../support/recorded-telemetry';

const PLACE = { Bucket: 'runs', Key: 'run/flag.json' };
const NOON = Date.UTC(2026, 11, 1, 12);

let now: number;
let reads: number;
let telemetry: RecordedTelemetry;
let read: () => Promise<string>;
let flag: RunFlagReader;

beforeEach(() => {
  now = NOON;
  reads = 0;
  telemetry = new RecordedTelemetry();
  flag = new RunFlagReader(PLACE, {
    objects: {
      read: async () => {
        reads++;
        return read();
      },
    },
    telemetry,
    now: () => now,
  });
});

const says = (text: unknown) => { read = async () => (typeof text === 'string' ? text : JSON.stringify(text)); };

test.each([
  [{ state: 'RUN' }, undefined],
  [{ state: 'PAUSE' }, 'RUN_PAUSED'],
  [{ state: 'CANCEL' }, 'RUN_CANCELLED'],
  [{ state: 'RUN', until: '2026-12-01T12:00:00.000Z' }, 'SEND_WINDOW_OVER'],
  [{ state: 'RUN', until: '2026-12-01T21:00:00.001+09:00' }, undefined],
  [{ state: 'CANCEL', until: '2026-12-01T11:00:00.000Z' }, 'RUN_CANCELLED'],
  [{ state: 'RUN', more: true }, undefined],
])('%j stops with %s', async (text, stop) => {
  says(text);
  expect(await flag.stop()).toBe(stop);
  expect(telemetry.lines).toEqual([]);
});

test('without a flag nothing stops, and nothing is read', async () => {
  const none = new RunFlagReader(undefined, { objects: { read: async () => { throw new Error('read'); } }, telemetry, now: () => now });
  expect(await none.stop()).toBeUndefined();
  expect(telemetry.lines).toEqual([]);
});

test('it is read once a second for all who ask', async () => {
  says({ state: 'RUN' });
  await Promise.all(Array.from({ length: 40 }, () => flag.stop()));
  now += 999;
  await flag.stop();
  expect(reads).toBe(1);
  says({ state: 'PAUSE' });
  now += 1;
  expect(await Promise.all([flag.stop(), flag.stop()])).toEqual(['RUN_PAUSED', 'RUN_PAUSED']);
  expect(reads).toBe(2);
});

test('the end of the time to send is noticed between two readings', async () => {
  says({ state: 'RUN', until: new Date(NOON + 500).toISOString() });
  expect(await flag.stop()).toBeUndefined();
  now += 500;
  expect(await flag.stop()).toBe('SEND_WINDOW_OVER');
  expect(reads).toBe(1);
});

const UNREADABLE: [string, () => Promise<string>][] = [
  ['a bucket that fails', async () => { throw new Error('503'); }],
  ['no object', async () => { throw new Error('the flag of the run does not exist'); }],
  ['no JSON', async () => '{'],
  ['an unknown state', async () => '{"state":"STOP"}'],
  ['a time that is none', async () => '{"state":"PAUSE","until":"tomorrow"}'],
  ['null', async () => 'null'],
];

test.each(UNREADABLE)('%s stops nobody and lets nobody go on: what was read last stays good, which is said once', async (_case, unreadable) => {
  // GIVEN a flag that says go on, and later stop
  says({ state: 'RUN' });
  expect(await flag.stop()).toBeUndefined();
  read = unreadable;
  now += 1_000;
  expect(await flag.stop()).toBeUndefined();
  says({ state: 'PAUSE' });
  now += 1_000;
  expect(await flag.stop()).toBe('RUN_PAUSED');
  // WHEN
  read = unreadable;
  for (let second = 0; second < 5; second++) {
    now += 1_000;
    // THEN
    expect(await flag.stop()).toBe('RUN_PAUSED');
  }
  expect(telemetry.lines.map(({ level, code, fields }) => [level, code, fields.state])).toEqual([['ERROR', 'FLAG_NOT_READ', 'RUN'], ['ERROR', 'FLAG_NOT_READ', 'PAUSE']]);
});

test.each(UNREADABLE)('%s before anything was read lets nobody begin: the run may be cancelled', async (_case, unreadable) => {
  // GIVEN
  read = unreadable;
  // WHEN all who ask at once, and who asks within the second
  const asked = await Promise.allSettled([flag.stop(), flag.stop(), flag.stop()]);
  now += 900;
  // THEN
  expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  await expect(flag.stop()).rejects.toThrow('the flag of the run, object run/flag.json of bucket runs, cannot be read');
  expect(telemetry.lines.map(({ code, fields }) => [code, fields.state])).toEqual([['FLAG_NOT_READ', undefined]]);
  // … until it is read
  says({ state: 'CANCEL' });
  now += 100;
  expect(await flag.stop()).toBe('RUN_CANCELLED');
});
