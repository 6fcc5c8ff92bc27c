import * as fc from 'fast-check';
import { CustomChannelEvent, SendErrorCode } from '../../../src/contract/custom-channel';
import { BatchState } from '../../../src/contract/send-journal';
import { InvocationResult, LineBehaviour, SenderWorld, user } from '../../support/sender-world';

/*
 * The sender as a process that may end at any moment: before and after each call to a table, bucket, queue or LINE. Whatever
 * happens, nobody gets a message twice, and once everything works again and the retry queue has been worked off, everybody has
 * it exactly once or is set aside with a reason, and the books balance.
 */

type Endpoints = NonNullable<CustomChannelEvent['Endpoints']>;

const endpoint = (n: number, name?: string) => ({ ChannelType: 'CUSTOM', Address: user(n), ...(name && { Attributes: { Name: [name] } }) });
const people = (count: number, nameOf: (n: number) => string | undefined = () => undefined): Endpoints =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`e${n}`, endpoint(n, nameOf(n))]));

const EVENT: CustomChannelEvent = { ApplicationId: 'app1', CampaignId: 'c1', TreatmentId: '0', ActivityId: 'a1', Data: 'Hello', Endpoints: people(3) };

/** A kind of send, and what becomes of its people when all is well. */
interface Scene {
  readonly name: string;
  readonly event: CustomChannelEvent;
  readonly set?: Partial<SenderWorld>;
  readonly bad?: readonly number[];
  /** Unclear and then refused: only a new key, after 23 hours, gets the message to the others. */
  readonly isResent?: true;
}

const SCENES: readonly Scene[] = [
  { name: 'equal content', event: EVENT },
  { name: 'personalised', event: { ...EVENT, Data: 'Hello {{Attributes.Name}}', Endpoints: people(4, (n) => (n < 2 ? `N${n}` : 'twin')) } },
  { name: 'a refused id that LINE names', event: EVENT, set: { namesBadIds: true }, bad: [1], isResent: true },
  { name: 'a refused id that LINE does not name', event: { ...EVENT, Endpoints: people(4) }, bad: [2], isResent: true },
  { name: 'a refused id among personalised pushes', event: { ...EVENT, Data: '{{Attributes.Name}}', Endpoints: people(4, (n) => (n < 1 ? 'one' : 'twins')) }, bad: [0, 3], isResent: true },
  { name: 'a claim per person', event: EVENT, set: { perPersonClaim: true } },
];

const HOUR = 60 * 60 * 1_000;

const MISHAPS: LineBehaviour[] = ['ok', 'lost', 'accepted-500', 'reset', 429];

function worldOf({ set, isResent, bad = [] }: Scene): SenderWorld {
  const world = Object.assign(new SenderWorld(), { onUnknownOutcome: isResent ? 'RESEND' : 'SET_ASIDE' }, set);
  bad.forEach((n) => world.badIds.add(user(n)));
  return world;
}

/** The retry queue is worked off. */
async function workOff(world: SenderWorld, { isResent }: Scene): Promise<void> {
  if (isResent) {
    await world.drain(3);
    world.time.pass(23 * HOUR);
  }
  await world.drain();
}

/** Everybody is in the books once, decided, and has received as often as they say. */
function expectAllDone(world: SenderWorld, { event, bad = [] }: Scene): void {
  const ids = Object.keys(event.Endpoints!);
  const outcomes = world.people();
  expect(outcomes.map(({ id }) => id).sort()).toEqual([...ids].sort());
  const { accepted, skipped, failed, unknown, pending, recipients } = world.books();
  expect(recipients).toBe(ids.length);
  expect(accepted + skipped + failed + unknown + pending).toBe(recipients);
  expect({ pending, unknown }).toEqual({ pending: 0, unknown: 0 });
  const ledger = world.ledger();
  expect(outcomes.map(({ id, status, code = '' }) => `${id} ${status} ${code.slice(0, 12)} ${ledger.get(user(Number(id.slice(1)))) ?? 0}`).sort())
    .toEqual(ids.map((id) => `${id} ${bad.includes(Number(id.slice(1))) ? 'failed LINE_REFUSED 0' : 'accepted  1'}`).sort());
}

/** The world in which an invocation has claimed the batch and is gone. */
async function claimedAndGone(scene: Scene): Promise<SenderWorld> {
  for (let crashAt = 0; ; crashAt++) {
    const world = worldOf(scene);
    await world.invoke(scene.event, { crashAt });
    if (world.batches().some(({ state }) => state === BatchState.IN_FLIGHT)) {
      return world;
    }
  }
}

/** No answer contradicts what LINE has done. */
function expectTruth(world: SenderWorld, { reply }: InvocationResult): void {
  for (const [id, { EventAttributes }] of Object.entries(reply ?? {})) {
    const received = world.received(user(Number(id.slice(1))));
    if (EventAttributes.LineStatus === 'accepted') {
      expect(received).toBe(1);
    }
    if (EventAttributes.LineStatus === 'failed') {
      expect(received).toBe(0);
    }
  }
}

/** The bytes that go out under a key never change. */
function expectSameBytes(world: SenderWorld): void {
  const bodies = new Map<string, string>();
  for (const { retryKey, path, body } of world.requests) {
    const known = bodies.get(retryKey!) ?? `${path} ${body}`;
    expect(`${path} ${body}`).toBe(known);
    bodies.set(retryKey!, known);
  }
}

/** What a repeat must not look at changes. */
function change(world: SenderWorld): void {
  world.optOuts.set(user(0), SendErrorCode.OPTED_OUT);
}

describe.each(SCENES)('$name', (scene) => {
  test.each(MISHAPS)('LINE first: %s. The process ends at any point; the retry queue, or the caller, finishes it', async (mishap) => {
    let points = 0;
    for (let isCrashing = true; isCrashing; points++) {
      // GIVEN
      const world = worldOf(scene);
      world.behaviours = [mishap];
      const result = await world.invoke(scene.event, { crashAt: points });
      isCrashing = result.crashed === true;
      expectTruth(world, result);
      const isOnRecord = world.batches().length > 0;
      // WHEN
      if (isOnRecord) {
        change(world);
      }
      await workOff(world, scene);
      if (!isOnRecord) {
        // Nobody knows of it but the caller, who got no answer.
        expect(world.requests).toEqual([]);
        await world.invoke(scene.event);
        await workOff(world, scene);
      }
      // THEN
      expectAllDone(world, scene);
      expectSameBytes(world);
    }
    // wake-up, opt-outs, run, load, validate, create, call and outcome, each before and after
    expect(points).toBeGreaterThanOrEqual(17);
  });

  test.each(MISHAPS)('LINE first: %s. Whoever resumes it ends at any point, too', async (mishap) => {
    let points = 0;
    for (let isCrashing = true; isCrashing; points++) {
      // GIVEN an invocation that claimed the batch and is gone
      const world = await claimedAndGone(scene);
      world.behaviours = [mishap];
      change(world);
      // WHEN
      world.time.pass(30_000);
      isCrashing = (await world.resume(world.queue, { crashAt: points })).crashed === true;
      // The message was not deleted and comes again.
      await workOff(world, scene);
      // THEN
      expectAllDone(world, scene);
      expectSameBytes(world);
      expectTruth(world, await world.invoke(scene.event));
    }
    expect(points).toBeGreaterThanOrEqual(7);
  });
});

test('unclear and then refused, without RESEND: set aside as unknown after 23 hours, never split, under no other key', async () => {
  for (const names of [true, false]) {
    // GIVEN
    const world = worldOf({ name: '', event: EVENT, set: { namesBadIds: names, behaviours: ['reset'] }, bad: [1] });
    // WHEN
    await world.invoke(EVENT);
    await world.drain();
    // THEN
    expect(new Set(world.requests.map(({ retryKey }) => retryKey)).size).toBe(1);
    expect(world.requests.length).toBeGreaterThan(50);
    expect(world.books()).toEqual({ recipients: 3, accepted: 0, skipped: 0, failed: 0, unknown: 3, pending: 0, reasons: { LINE_UNKNOWN: 3 } });
    expect(world.time.now()).toBeGreaterThan(world.batches()[0].firstAttemptAt! + 23 * HOUR);
  }
});

test('what LINE took in silence and forgot is sent once more with RESEND, with SET_ASIDE never; and no third time', async () => {
  for (const [onUnknownOutcome, times] of [['SET_ASIDE', 1], ['RESEND', 2]] as const) {
    // GIVEN LINE accepts, does not say so, and remembers nothing
    const world = Object.assign(new SenderWorld(), { onUnknownOutcome });
    world.lineDoes = ({ retryKey }) => (world.accepted.has(retryKey!) ? 503 : 'lost');
    // WHEN
    await world.invoke(EVENT);
    await world.drain();
    // THEN
    expect(new Set(world.requests.map(({ retryKey }) => retryKey)).size).toBe(times);
    expect(world.received(user(0))).toBe(times);
    expect(world.books()).toMatchObject({ recipients: 3, unknown: 3, pending: 0 });
    expect(world.batches().map(({ state }) => state).sort()).toEqual(times === 1 ? ['UNKNOWN'] : ['SPLIT', 'UNKNOWN']);
  }
});

test('several at once, ended, frozen and repeated at random, with clocks that differ: nobody twice, no contradiction, and at last everybody exactly once', async () => {
  const behaviour = fc.constantFrom<LineBehaviour>('ok', 500, 'accepted-500', 'accepted-reset', 'reset', 'timeout', 'lost', 429, 401, 409, 302, 'no-token', 'wrong-credentials');
  const invocation = fc.record({
    crashAt: fc.option(fc.nat(30), { nil: undefined }),
    freezeAt: fc.option(fc.nat(30), { nil: undefined }),
    freezeMs: fc.constantFrom(1_000, 20_000, 60_000),
    delay: fc.nat(20_000),
    remainingMs: fc.constantFrom(15_000, 15_000, 4_000, 1_000),
    isResume: fc.boolean(),
    skewMs: fc.constantFrom(0, 0, -40_000, 40_000),
  });
  const round = fc.record({
    together: fc.array(invocation, { minLength: 1, maxLength: 3 }),
    behaviours: fc.array(behaviour, { maxLength: 6 }),
    failing: fc.dictionary(fc.constantFrom('load', 'create', 'write', 'subscriptions', 'wakeUp', 'run', 'get', 'put', 'again', 'claim'), fc.nat(2)),
    pause: fc.nat(60_000),
    lineMs: fc.constantFrom(10, 500, 4_000),
    queueWorks: fc.boolean(),
  });
  const story = fc.array(round, { minLength: 1, maxLength: 4 });
  const scenes = fc.constantFrom(...SCENES);
  const number = fc.double({ min: 0, max: 0.99, noNaN: true });
  await fc.assert(fc.asyncProperty(scenes, story, number, async (scene, rounds, random) => {
    const world = worldOf(scene);
    world.random = random;
    for (const { together, behaviours, failing, pause, lineMs, queueWorks } of rounds) {
      // WHEN
      Object.assign(world, { behaviours: [...behaviours], failing: { ...failing }, lineMs });
      const results = await world.time.run(Promise.all(together.map(async ({ delay, isResume, ...options }) => {
        await world.time.sleep(delay);
        return isResume ? world.startResume(world.queue.slice(0, 3), { ...options, remainingMs: 30_000 }).then(() => ({}))
          : world.start(scene.event, options);
      })));
      // THEN
      results.forEach((result) => expectTruth(world, result));
      expectSameBytes(world);
      world.time.pass(pause);
      if (queueWorks) {
        await world.drain(2);
      }
    }
    Object.assign(world, { behaviours: [], failing: {}, lineMs: 40 });
    world.time.pass(60_000);
    const last = await world.invoke(scene.event);
    await workOff(world, scene);
    expectTruth(world, last);
    expectAllDone(world, scene);
    expectSameBytes(world);
  }), { numRuns: 200 });
});
