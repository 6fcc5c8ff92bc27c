import * as fc from 'fast-check';
import { CustomChannelEvent, SendErrorCode } from '../../../src/contract/custom-channel';
import { InvocationResult, LineBehaviour, SenderWorld, user } from '../../support/sender-world';

/*
 * The sender as a process that may end at any moment: before and after each call to a table or to LINE. Whatever happens,
 * a person's message goes out under one key only, and once everything works again everybody has it exactly once.
 */

const PEOPLE = 3;
const EVENT: CustomChannelEvent = {
  ApplicationId: 'app1',
  CampaignId: 'c1',
  TreatmentId: '0',
  ActivityId: 'a1',
  Data: 'Hello',
  Endpoints: Object.fromEntries(Array.from({ length: PEOPLE }, (_, n) => [`e${n}`, { ChannelType: 'CUSTOM', Address: user(n) }])),
};

/** How LINE may take the first call. Refusals are apart: they end a batch without a message. */
const MISHAPS: LineBehaviour[] = ['ok', 500, 'accepted-500', 'reset', 'timeout', 'lost', 429, 401, 409, 302, 'no-token', 'wrong-credentials'];

/** One key and one body for everybody, and nobody accepted under two. */
function expectOneKey(world: SenderWorld): void {
  expect(new Set(world.requests.map(({ retryKey, body }) => `${retryKey} ${body}`)).size).toBeLessThanOrEqual(1);
  for (let n = 0; n < PEOPLE; n++) {
    expect(world.received(user(n))).toBeLessThanOrEqual(1);
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

/** The world goes on as long as the sender is away: what a repeat must not look at changes. */
function change(world: SenderWorld): void {
  world.optOuts.set(user(0), SendErrorCode.OPTED_OUT);
}

/** Repeats the event as Lambda and an operator would, while LINE and tables work. */
async function recover(world: SenderWorld): Promise<InvocationResult> {
  world.behaviours = [];
  world.failing = {};
  world.time.pass(60_000);
  return world.invoke(EVENT);
}

describe.each(MISHAPS)('LINE first: %s', (mishap) => {
  test('the process ends at any point, and the repeat ends at any point, too', async () => {
    let points = 0;
    for (let isCrashing = true; isCrashing; points++) {
      let repeatPoints = 0;
      for (let isRepeatCrashing = true; isRepeatCrashing; repeatPoints++) {
        // A lease is still held, or over.
        const delay = (points + repeatPoints) % 2 === 0 ? 0 : 20_000;
        // GIVEN
        const world = new SenderWorld();
        world.behaviours = [mishap];
        const result = await world.invoke(EVENT, { crashAt: points });
        isCrashing = result.crashed === true;
        const isFrozen = world.dynamo.items.size > 0;
        world.time.pass(delay);
        change(world);
        // WHEN
        const repeat = await world.invoke(EVENT, { crashAt: repeatPoints });
        isRepeatCrashing = repeat.crashed === true;
        const last = await recover(world);
        // THEN
        expectOneKey(world);
        [result, repeat, last].forEach((each) => expectTruth(world, each));
        const everybody = Object.values(last.reply!).map(({ EventAttributes }) => EventAttributes.LineStatus);
        // Who opted out before the batch was made is skipped; afterwards the batch stays as it is.
        expect(everybody).toEqual(['accepted', 'accepted', isFrozen ? 'accepted' : 'skipped']);
        expect(world.received(user(1))).toBe(1);
        expect(world.received(user(0))).toBe(isFrozen ? 1 : 0);
      }
    }
    // load, subscriptions, create, call and outcome, each before and after; without a call to LINE two less
    expect(points).toBeGreaterThanOrEqual(9);
  });
});

test('a refusal is failed only if nothing can have been accepted before', async () => {
  for (const before of [...MISHAPS, undefined]) {
    for (let crashAt = 0; crashAt <= 12; crashAt++) {
      const world = new SenderWorld();
      world.behaviours = before === undefined ? [400] : [before, 400];
      const result = await world.invoke(EVENT, { crashAt });
      world.behaviours = [400];
      world.time.pass(20_000);
      const repeat = await world.invoke(EVENT);
      expectOneKey(world);
      [result, repeat].forEach((each) => expectTruth(world, each));
    }
  }
});

test('several at once, ended and repeated at random: one key, no contradiction, and at last everybody exactly once', async () => {
  const behaviour = fc.constantFrom<LineBehaviour>(...MISHAPS);
  const invocation = fc.record({
    crashAt: fc.option(fc.nat(16), { nil: undefined }),
    delay: fc.nat(20_000),
    remainingMs: fc.constantFrom(15_000, 15_000, 4_000, 1_000),
  });
  const round = fc.record({
    together: fc.array(invocation, { minLength: 1, maxLength: 3 }),
    behaviours: fc.array(behaviour, { maxLength: 6 }),
    failing: fc.dictionary(fc.constantFrom('load', 'create', 'write', 'subscriptions'), fc.nat(2)),
    pause: fc.nat(60_000),
    lineMs: fc.constantFrom(10, 500, 4_000),
  });
  const story = fc.array(round, { minLength: 1, maxLength: 4 });
  await fc.assert(fc.asyncProperty(story, fc.double({ min: 0, max: 0.99, noNaN: true }), async (rounds, random) => {
    const world = new SenderWorld();
    world.random = random;
    for (const { together, behaviours, failing, pause, lineMs } of rounds) {
      // WHEN
      Object.assign(world, { behaviours: [...behaviours], failing: { ...failing }, lineMs });
      const results = await world.invokeTogether(EVENT, together.map(({ delay }) => delay), together);
      // THEN
      expectOneKey(world);
      results.forEach((result) => expectTruth(world, result));
      world.time.pass(pause);
      world.lineMs = 40;
    }
    const last = await recover(world);
    expectOneKey(world);
    expect(Object.values(last.reply!).map(({ EventAttributes }) => EventAttributes.LineStatus)).toEqual(['accepted', 'accepted', 'accepted']);
    for (let n = 0; n < PEOPLE; n++) {
      expect(world.received(user(n))).toBe(1);
    }
  }), { numRuns: 300 });
});
