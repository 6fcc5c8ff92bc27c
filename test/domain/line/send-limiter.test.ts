import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import fc from 'fast-check';
import { Metric } from '../../../src/contract/metrics';
import {
  PACE_AHEAD_MS, PaceRequest, PaceStore, PaceWrite, PacedOperation, SendLimiter, inTimeFrom, paceBlock, paceCost, pacedSends,
} from '../../../src/domain/line/send-limiter';
import { DynamoPaceStore } from '../../../src/runtime/dynamo-send-limiter';
import { FakeDynamoDb } from '../../support/fake-dynamodb';
import { RecordedTelemetry } from '../../support/recorded-telemetry';
import { VirtualTime } from '../../support/virtual-time';

const RATES = { multicastsPerSecond: 180, pushesPerSecond: 1_800 };
const LINE_MS = 40;

/** Instances that share one table, in virtual time. */
class PacedWorld {
  public readonly time = new VirtualTime();
  public readonly dynamo = new FakeDynamoDb(mockClient(DynamoDBClient));
  public readonly telemetry = new RecordedTelemetry();
  /** Epoch milliseconds of every request, and how many people it had. */
  public readonly sent: { at: number; recipients: number }[] = [];
  /** Epoch milliseconds of every write, by pace. */
  public readonly writes: { at: number; pace: string; isDone: boolean }[] = [];
  public isFailing = false;
  private readonly table = new DynamoPaceStore(new DynamoDBClient({ region: 'eu-west-1' }), 'Journal', this.time.now);
  public writeMs = () => 20;

  /** @param skew milliseconds by which the instance's clock is fast */
  public instance(skew = 0, rates: Parameters<typeof pacedSends>[0] = RATES): SendLimiter {
    const through = async (pace: string, write: () => Promise<PaceWrite>) => {
      const milliseconds = this.writeMs();
      await this.time.sleep(milliseconds / 2);
      if (this.isFailing) {
        throw new Error('throttled');
      }
      const result = await write();
      this.writes.push({ at: this.time.now(), pace, isDone: result.isDone });
      await this.time.sleep(milliseconds / 2);
      return result;
    };
    const store: PaceStore = {
      advance: async (pace, ...rest) => through(pace, () => this.table.advance(pace, ...rest)),
      restart: async (pace, ...rest) => through(pace, () => this.table.restart(pace, ...rest)),
    };
    return pacedSends(rates, { store, telemetry: this.telemetry, now: () => this.time.now() + skew, sleep: this.time.sleep });
  }

  public async take(limiter: SendLimiter, operation: PacedOperation, recipients: number, deadline: number): Promise<boolean> {
    const mayGo = await limiter.take(operation, recipients, deadline);
    if (mayGo) {
      this.sent.push({ at: this.time.now(), recipients });
    }
    return mayGo;
  }

  /** So many callers an instance send one request after the other for the seconds. */
  public async saturate(limiters: SendLimiter[], operation: PacedOperation, callers: number, seconds: number, recipients = 1): Promise<void> {
    const end = this.time.now() + seconds * 1_000;
    const send = async (limiter: SendLimiter) => {
      while (this.time.now() < end) {
        expect(await this.take(limiter, operation, recipients, Infinity)).toBe(true);
        await this.time.sleep(LINE_MS);
      }
    };
    await this.time.run(Promise.all(limiters.flatMap((limiter) => Array.from({ length: callers }, () => send(limiter)))));
  }

  /** Milliseconds after the start of every request. */
  public get moments(): number[] {
    return this.sent.map(({ at }) => at - START);
  }

  public nextAt(operation: string): number {
    return Number(this.dynamo.row(`PACE#${operation}`, 'PACE')!.nextAt.N) / 1_000 - START;
  }

  public setNextAt(operation: string, milliseconds: number): void {
    this.dynamo.items.set(`PACE#${operation} PACE`, {
      pk: { S: `PACE#${operation}` }, sk: { S: 'PACE' }, nextAt: { N: String((START + milliseconds) * 1_000) },
    });
  }
}

const START = new VirtualTime().now();

/** The most of what happened within any second. */
function busiestSecond(moments: readonly number[]): number {
  const sorted = [...moments].sort((a, b) => a - b);
  let first = 0;
  return sorted.reduce((most, moment, last) => {
    while (sorted[first] <= moment - 1_000) {
      first++;
    }
    return Math.max(most, last - first + 1);
  }, 0);
}

const between = (moments: readonly number[], from: number, to: number) => moments.filter((moment) => moment >= from && moment < to).length;

let world: PacedWorld;

beforeEach(() => {
  world = new PacedWorld();
});

describe('arithmetic', () => {
  const request = fc.record({ slots: fc.integer({ min: 0, max: 500 }), latest: fc.integer({ min: -1_000_000, max: 10_000_000 }) });
  const requests = fc.array(request, { maxLength: 200 });
  const rate = fc.integer({ min: 1, max: 200_000 });

  test('a cost is the exact time of the slots, less than a microsecond more at most', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 100_000 }), rate, (slots, perSecond) => {
      const exact = slots * 1_000_000 / perSecond;
      expect(paceCost(slots, perSecond)).toBeGreaterThanOrEqual(exact);
      expect(paceCost(slots, perSecond)).toBeLessThan(exact + 1);
    }));
  });

  test('a block takes those who waited longest, in order, up to 100 ms, and at least one', () => {
    fc.assert(fc.property(requests, rate, (waiting, perSecond) => {
      const { turns, cost, latest } = paceBlock(waiting, perSecond);
      expect(turns.map((turn) => turn.request)).toEqual(waiting.slice(0, turns.length));
      expect(turns.length > 0).toBe(waiting.length > 0);
      expect(cost).toBe(paceCost(turns.reduce((sum, turn) => sum + turn.request.slots, 0), perSecond));
      turns.forEach(({ offset }, index) => {
        // Each turn begins when those before it are over, and none is beyond 100 ms.
        expect(offset).toBe(paceCost(waiting.slice(0, index).reduce((sum, { slots }) => sum + slots, 0), perSecond));
        expect(offset).toBeLessThan(100_000);
      });
      if (turns.length < waiting.length) {
        expect(cost).toBeGreaterThanOrEqual(100_000);
      }
      // A block that begins at the latest moment is in time for everybody in it, and a microsecond later it is not.
      expect(turns.every((turn) => latest + turn.offset <= turn.request.latest)).toBe(true);
      expect(turns.length === 0 || turns.some((turn) => latest + 1 + turn.offset > turn.request.latest)).toBe(true);
    }));
  });

  test('who is told that there is no turn in time would have had none, and the others have one', () => {
    fc.assert(fc.property(requests, rate, fc.integer({ min: 0, max: 5_000_000 }), (waiting, perSecond, start) => {
      const inTime = inTimeFrom(waiting, start, perSecond);
      const before = (position: number) => inTime.filter((one) => waiting.indexOf(one) < position).reduce((sum, { slots }) => sum + slots, 0);
      waiting.forEach((one: PaceRequest, position) => {
        expect(inTime.includes(one)).toBe(start + paceCost(before(position), perSecond) <= one.latest);
      });
      expect(paceBlock(inTime, perSecond).latest).toBeGreaterThanOrEqual(start);
    }));
  });
});

describe('throughput in virtual time, writes of 20 ms, LINE 40 ms', () => {
  test.each([
    ['multicast', 180, 1, 40],
    ['multicast', 180, 5, 10],
    ['multicast', 180, 20, 4],
    ['push', 1_800, 1, 250],
    ['push', 1_800, 5, 60],
    ['push', 1_800, 20, 20],
  ] as const)('%s at %i a second: %i instances with %i callers keep to it', async (operation, perSecond, instances, callers) => {
    // WHEN
    await world.saturate(Array.from({ length: instances }, () => world.instance()), operation, callers, 5);
    // THEN
    const moments = world.moments;
    expect(between(moments, 1_000, 5_000)).toBeGreaterThanOrEqual(0.95 * 4 * perSecond);
    expect(busiestSecond(moments)).toBeLessThanOrEqual(1.1 * perSecond);
    // An item takes 1,000 writes a second.
    expect(busiestSecond(world.writes.map(({ at }) => at))).toBeLessThanOrEqual(Math.min(500, perSecond + instances));
    expect(world.telemetry.lines).toEqual([]);
  }, 60_000);

  test.each([
    ['writes of 5 to 60 ms', (n: number) => 5 + n * 7919 % 56, 0, 1.1],
    ['one write in ten that takes half a second', (n: number) => (n % 10 === 0 ? 500 : 10), 0, 1.1],
    ['clocks 20 ms apart', () => 20, 20, 1.1],
    // Each turn is still taken once, but by the one instance a second before the other.
    ['clocks a second apart', () => 20, 1_000, 1.3],
  ])('%s change little', async (_case, writeMs, skew, excess) => {
    // GIVEN
    let n = 0;
    world.writeMs = () => writeMs(n++);
    // WHEN
    await world.saturate([0, 1, 2, 3, 4].map((index) => world.instance(index % 2 * skew)), 'multicast', 20, 8);
    // THEN
    expect(between(world.moments, 2_000, 8_000)).toBeGreaterThanOrEqual(0.9 * 6 * 180);
    expect(busiestSecond(world.moments)).toBeLessThanOrEqual(excess * 180 + 1);
  }, 60_000);

  test.each([
    ['multicast', 20, 1, 5], ['multicast', 60, 1, 5], ['push', 20, 1, 30], ['push', 60, 1, 30], ['push', 20, 10, 5],
  ] as const)('20 instances that need half of the %s pace wait for three writes of %i ms or so', async (operation, writeMs, together, times) => {
    // GIVEN
    world.writeMs = () => writeMs;
    const pace = operation === 'push' ? 1_800 : 180;
    const waited: number[] = [];
    const send = async (limiter: SendLimiter, delay: number) => {
      await world.time.sleep(delay);
      const begun = world.time.now();
      await world.take(limiter, operation, 1, Infinity);
      waited.push(world.time.now() - begun);
    };
    // WHEN
    const demand = Array.from({ length: 20 }, (_, instance) => instance).flatMap((instance) => {
      const limiter = world.instance();
      const period = 20 * together / (pace / 2) * 1_000;
      return Array.from({ length: times * together }, (_, n) => send(limiter, Math.floor(Math.floor(n / together) * period) + instance * 7));
    });
    await world.time.run(Promise.all(demand));
    // THEN
    const mean = waited.reduce((sum, milliseconds) => sum + milliseconds, 0) / waited.length;
    expect(mean).toBeLessThanOrEqual(3.5 * writeMs);
    expect(world.sent).toHaveLength(waited.length);
    expect(busiestSecond(world.moments)).toBeLessThanOrEqual(1.1 * pace);
  });

  test('the two operations do not slow each other', async () => {
    const limiter = world.instance();
    const end = world.time.now() + 3_000;
    const counts = { multicast: 0, push: 0 };
    const send = async (operation: PacedOperation) => {
      while (world.time.now() < end) {
        await limiter.take(operation, 1, Infinity);
        counts[operation]++;
        await world.time.sleep(LINE_MS);
      }
    };
    await world.time.run(Promise.all([
      ...Array.from({ length: 40 }, () => send('multicast')), ...Array.from({ length: 250 }, () => send('push')),
    ]));
    expect(counts.multicast).toBeGreaterThan(0.9 * 3 * 180);
    expect(counts.push).toBeGreaterThan(0.9 * 3 * 1_800);
  }, 60_000);
});

describe('one request', () => {
  test('goes out as soon as its turn is written, when the pace is idle', async () => {
    expect(await world.time.run(world.take(world.instance(), 'multicast', 500, START + 10_000))).toBe(true);
    expect(world.moments).toEqual([20]);
    expect(world.writes).toHaveLength(1);
  });

  test('those who ask in the same moment share a write', async () => {
    const limiter = world.instance();
    await world.time.run(Promise.all(Array.from({ length: 10 }, () => world.take(limiter, 'push', 1, START + 10_000))));
    expect(world.writes).toHaveLength(1);
    expect(world.nextAt('push')).toBeCloseTo(10 / 1.8, 1);
  });

  test('waits for its turn behind those of other instances', async () => {
    // GIVEN
    world.setNextAt('multicast', 3_000);
    // WHEN
    expect(await world.time.run(world.take(world.instance(), 'multicast', 1, START + 10_000))).toBe(true);
    // THEN
    expect(world.moments).toEqual([3_000]);
    expect(world.nextAt('multicast')).toBeCloseTo(3_005.556, 2);
  });

  test('takes nothing and knows it at once when its turn would come after the deadline', async () => {
    // GIVEN
    world.setNextAt('multicast', 3_000);
    const limiter = world.instance();
    // WHEN
    expect(await world.time.run(world.take(limiter, 'multicast', 1, START + 2_999))).toBe(false);
    // THEN
    expect(world.time.now() - START).toBeLessThanOrEqual(40);
    expect(world.nextAt('multicast')).toBe(3_000);
    // One that comes to know it only when it writes.
    world.setNextAt('multicast', 4_000);
    expect(await world.time.run(world.take(limiter, 'multicast', 1, START + 3_500))).toBe(false);
    expect(world.nextAt('multicast')).toBe(4_000);
  });

  test('is refused without a write when the deadline is over', async () => {
    expect(await world.time.run(world.take(world.instance(), 'multicast', 1, START - 1))).toBe(false);
    expect(world.writes).toEqual([]);
  });

  test('is not made when the deadline came while its turn was written', async () => {
    expect(await world.time.run(world.take(world.instance(), 'multicast', 1, START + 10))).toBe(false);
  });

  test('those with near deadlines make way for those that may wait', async () => {
    // GIVEN
    world.setNextAt('multicast', 1_000);
    const limiter = world.instance();
    // WHEN
    const deadlines = [500, 10_000, 900, 10_000, 1_006, 1_006];
    const took = await world.time.run(Promise.all(deadlines.map((deadline) => world.take(limiter, 'multicast', 1, START + deadline))));
    // THEN
    expect(took).toEqual([false, true, false, true, false, false]);
    expect(world.nextAt('multicast')).toBeCloseTo(1_011.112, 2);
  });

  test('asks again when it may wait longer than anybody may reserve', async () => {
    // GIVEN
    world.setNextAt('multicast', PACE_AHEAD_MS + 5_000);
    // WHEN
    const sending = world.take(world.instance(), 'multicast', 1, START + 10 * 60_000);
    expect(await world.time.run(sending)).toBe(true);
    // THEN
    expect(world.moments[0]).toBe(PACE_AHEAD_MS + 5_000);
  });

  test('loses a turn that it learns of too late, and takes another', async () => {
    // GIVEN
    const times = [400, 20];
    world.writeMs = () => times.shift()!;
    // WHEN
    expect(await world.time.run(world.take(world.instance(), 'multicast', 1, START + 10_000))).toBe(true);
    // THEN
    expect(world.moments).toEqual([420]);
    expect(world.writes).toHaveLength(2);
  });

  test('comes through when every write is slow', async () => {
    world.writeMs = () => 400;
    expect(await world.time.run(world.take(world.instance(), 'multicast', 1, START + 10_000))).toBe(true);
    expect(world.moments[0]).toBeLessThanOrEqual(1_600);
  });

  test('an instance that was frozen over its turn takes another', async () => {
    // GIVEN
    world.setNextAt('multicast', 200);
    const limiter = world.instance();
    const waiting = world.take(limiter, 'multicast', 1, START + 100_000);
    const freezing = (async () => {
      await world.time.sleep(150);
      world.time.pass(60_000);
    })();
    // WHEN
    await world.time.run(Promise.all([waiting, freezing]));
    // THEN
    expect(world.writes.filter(({ isDone }) => isDone)).toHaveLength(2);
    expect(world.moments[0]).toBeGreaterThan(60_000);
  });
});

describe('people a second', () => {
  const rates = { ...RATES, maxRecipientsPerSecond: 1_000 };

  test('a request takes as many slots as it has recipients', async () => {
    // WHEN
    await world.saturate([world.instance(0, rates), world.instance(0, rates)], 'multicast', 3, 10, 500);
    // THEN
    const people = world.sent.filter(({ at }) => at - START < 10_000).reduce((sum, { recipients }) => sum + recipients, 0);
    expect(people).toBeGreaterThanOrEqual(9_500);
    expect(people).toBeLessThanOrEqual(10_500);
  });

  test('a slow first write costs a large request nothing', async () => {
    const times = [400];
    world.writeMs = () => times.shift() ?? 20;
    await world.time.run(world.take(world.instance(0, rates), 'multicast', 500, START + 10_000));
    expect(world.moments).toEqual([420]);
  });

  test('the slower pace decides, also with pushes', async () => {
    await world.saturate([world.instance(0, rates), world.instance(0, rates)], 'push', 80, 4);
    expect(between(world.moments, 1_000, 4_000)).toBeGreaterThanOrEqual(0.95 * 3 * 1_000);
    expect(busiestSecond(world.moments)).toBeLessThanOrEqual(1.15 * 1_000);
  }, 60_000);

  test('without a turn for the people nothing is taken', async () => {
    world.setNextAt('recipients', 3_000);
    expect(await world.time.run(world.take(world.instance(0, rates), 'push', 1, START + 2_000))).toBe(false);
    expect(world.nextAt('recipients')).toBe(3_000);
    expect(world.dynamo.row('PACE#push', 'PACE')).toBeUndefined();
  });

  test('without a turn for the request its people are given back', async () => {
    // GIVEN
    world.setNextAt('multicast', 3_000);
    world.setNextAt('recipients', 100);
    // WHEN
    expect(await world.time.run(world.take(world.instance(0, rates), 'multicast', 500, START + 2_000))).toBe(false);
    // THEN
    expect(world.nextAt('recipients')).toBe(100);
    expect(world.nextAt('multicast')).toBe(3_000);
  });

  test('people that cannot be given back are no error', async () => {
    // GIVEN
    world.setNextAt('multicast', 3_000);
    const limiter = world.instance(0, rates);
    const failing = (async () => {
      await world.time.sleep(45);
      world.isFailing = true;
    })();
    // WHEN, THEN
    const [mayGo] = await world.time.run(Promise.all([world.take(limiter, 'multicast', 500, START + 2_000), failing]));
    expect(mayGo).toBe(false);
    expect(world.telemetry.codes).toEqual([]);
  });
});

describe('without the shared pace', () => {
  test('an instance keeps to the same pace by itself, and says so', async () => {
    // GIVEN
    world.isFailing = true;
    // WHEN
    await world.saturate([world.instance()], 'multicast', 40, 4);
    // THEN
    expect(between(world.moments, 1_000, 4_000)).toBeGreaterThanOrEqual(0.95 * 3 * 180);
    expect(busiestSecond(world.moments)).toBeLessThanOrEqual(1.1 * 180);
    expect(world.telemetry.lines).toEqual([expect.objectContaining({
      level: 'WARN', code: 'PACE_NOT_SHARED', fields: { pace: 'multicast', error: 'Error: throttled' },
    })]);
    expect(world.telemetry.counts[Metric.PACE_NOT_SHARED]).toBe(world.sent.length);
  });

  test('deadlines hold', async () => {
    // GIVEN
    world.isFailing = true;
    const limiter = world.instance();
    // WHEN
    const took = await world.time.run(Promise.all(Array.from({ length: 400 }, () => world.take(limiter, 'multicast', 1, START + 1_000))));
    // THEN
    const taken = took.filter(Boolean).length;
    expect(taken).toBeGreaterThan(170);
    expect(taken).toBeLessThan(195);
    expect(world.moments.every((moment) => moment <= 1_000)).toBe(true);
  });

  test('after five seconds the shared pace is asked again', async () => {
    // GIVEN
    world.isFailing = true;
    const limiter = world.instance();
    await world.time.run(world.take(limiter, 'multicast', 1, START + 1_000));
    world.isFailing = false;
    // WHEN
    await world.time.run(world.take(limiter, 'multicast', 1, START + 2_000));
    expect(world.writes).toEqual([]);
    world.time.pass(5_000);
    await world.time.run(world.take(limiter, 'multicast', 1, START + 20_000));
    // THEN
    expect(world.writes).toHaveLength(1);
    expect(world.telemetry.codes).toEqual(['PACE_NOT_SHARED']);
  });
});

describe('clocks', () => {
  test('one that is fast by half a minute makes others wait, refuse near deadlines, and is forgotten', async () => {
    // GIVEN
    await world.time.run(world.take(world.instance(30_000), 'multicast', 1, Infinity));
    const right = world.instance();
    // WHEN, THEN
    expect(await world.time.run(world.take(right, 'multicast', 1, START + 15_000))).toBe(false);
    expect(await world.time.run(world.take(right, 'multicast', 1, START + 60_000))).toBe(true);
    expect(world.moments[1]).toBeGreaterThanOrEqual(29_900);
    expect(world.moments[1]).toBeLessThanOrEqual(30_100);
  });

  test('one that is fast by an hour stops nobody', async () => {
    // GIVEN
    const right = world.instance();
    await world.time.run(world.take(right, 'multicast', 1, START + 15_000));
    await world.time.run(world.take(world.instance(3_600_000), 'multicast', 1, Infinity));
    // WHEN
    const begun = world.time.now();
    expect(await world.time.run(world.take(right, 'multicast', 1, START + 15_000))).toBe(true);
    // THEN
    expect(world.time.now() - begun).toBeLessThanOrEqual(100);
    expect(world.nextAt('multicast')).toBeLessThan(1_000);
  });

  test('one that is slow by 5 s waits longer itself and slows nobody', async () => {
    // GIVEN
    const slow = world.instance(-5_000);
    const right = world.instance();
    // WHEN
    await world.time.run(world.take(right, 'multicast', 1, START + 15_000));
    const [, late] = await world.time.run(Promise.all([
      world.take(right, 'multicast', 1, START + 15_000),
      world.take(slow, 'multicast', 1, START + 15_000),
    ]));
    // THEN
    expect(late).toBe(true);
    expect(world.moments[1]).toBeLessThan(100);
    expect(world.moments[2]).toBeGreaterThan(4_900);
  });
});
