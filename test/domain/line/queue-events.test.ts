import * as fc from 'fast-check';
import { SQS_MAX_BATCH_BYTES } from '../../../src/contract/limits';
import { Clock, EventQueue, queueEvents } from '../../../src/domain/line/queue-events';
import { QueueEntry } from '../../../src/domain/line/webhook-request';

const DEADLINE = 1_200;

/** A clock that only moves when somebody sleeps or a call is answered. */
class TestClock implements Clock {
  public readonly pauses: number[] = [];
  private time = 0;

  public now(): number {
    return this.time;
  }

  public async sleep(ms: number): Promise<void> {
    this.pauses.push(ms);
    this.time += ms;
  }

  public pass(ms: number): void {
    this.time += ms;
  }
}

type Answer = (entry: QueueEntry, call: number) => string | undefined;

/** A FIFO queue that checks what SQS would refuse, and that no group is on its way twice at a time. */
class TestQueue implements EventQueue {
  public readonly arrived: string[] = [];
  public readonly batches: string[][] = [];
  public readonly timeouts: number[] = [];
  private readonly onTheirWay = new Set<string>();

  constructor(private readonly refuses: Answer = () => undefined, private readonly onCall: (call: number) => void = () => {}) {}

  public async send(entries: readonly QueueEntry[], timeoutMs: number): Promise<ReadonlyMap<QueueEntry, string>> {
    const call = this.batches.push(entries.map((entry) => entry.deduplicationId));
    this.timeouts.push(timeoutMs);
    expect(entries.length).toBeGreaterThan(0);
    expect(entries.length).toBeLessThanOrEqual(10);
    expect(entries.reduce((sum, entry) => sum + entry.bytes, 0)).toBeLessThanOrEqual(SQS_MAX_BATCH_BYTES);
    const groups = new Set(entries.map((entry) => entry.groupId));
    groups.forEach((group) => expect(this.onTheirWay).not.toContain(group));
    groups.forEach((group) => this.onTheirWay.add(group));
    await new Promise(setImmediate);
    groups.forEach((group) => this.onTheirWay.delete(group));
    this.onCall(call);
    const refused = new Map<QueueEntry, string>();
    for (const entry of entries) {
      const code = this.refuses(entry, call);
      if (code) {
        refused.set(entry, code);
      } else {
        this.arrived.push(entry.deduplicationId);
      }
    }
    return refused;
  }
}

const entry = (groupId: string, deduplicationId: string, bytes = 100): QueueEntry => ({ groupId, deduplicationId, body: '{}', bytes });
const people = (count: number) => Array.from({ length: count }, (_, i) => entry(`U${i}`, `e${i}`));
const ofOne = (count: number) => Array.from({ length: count }, (_, i) => entry('U', `e${i}`));

test('nothing to queue makes no call', async () => {
  const queue = new TestQueue();
  expect(await queueEvents([], queue, new TestClock(), DEADLINE)).toEqual({ queued: 0, notQueued: 0 });
  expect(queue.batches).toEqual([]);
});

test('ten people\'s events go in one call, with time for another', async () => {
  // GIVEN
  const queue = new TestQueue();
  const clock = new TestClock();
  // WHEN
  const result = await queueEvents(people(10), queue, clock, DEADLINE);
  // THEN
  expect(result).toEqual({ queued: 10, notQueued: 0 });
  expect(queue.batches).toEqual([people(10).map((each) => each.deduplicationId)]);
  expect(queue.timeouts).toEqual([600]);
  expect(clock.pauses).toEqual([]);
});

test('a hundred people\'s events go in ten calls side by side', async () => {
  // GIVEN a queue that answers nothing before it has all of them
  let release = () => {};
  const all = new Promise<void>((resolve) => { release = resolve; });
  let calls = 0;
  const queue: EventQueue = {
    send: async () => {
      calls += 1;
      if (calls === 10) {
        release();
      }
      await all;
      return new Map();
    },
  };
  // WHEN
  const result = await queueEvents(people(100), queue, new TestClock(), DEADLINE);
  // THEN
  expect(result).toEqual({ queued: 100, notQueued: 0 });
  expect(calls).toBe(10);
});

test('a person\'s events go one after the other', async () => {
  const queue = new TestQueue();
  await queueEvents(ofOne(3), queue, new TestClock(), DEADLINE);
  expect(queue.batches).toEqual([['e0'], ['e1'], ['e2']]);
});

test('a hundred events of one group go in ten calls, in order', async () => {
  // GIVEN
  const queue = new TestQueue();
  // WHEN
  const result = await queueEvents(ofOne(100), queue, new TestClock(), DEADLINE);
  // THEN
  expect(result).toEqual({ queued: 100, notQueued: 0 });
  expect(queue.batches).toHaveLength(10);
  expect(queue.arrived).toEqual(ofOne(100).map((each) => each.deduplicationId));
});

test('batches keep within the bytes of a batch', async () => {
  // GIVEN
  const third = Math.floor(SQS_MAX_BATCH_BYTES / 3);
  const entries = [entry('A', 'a', third), entry('B', 'b', third), entry('C', 'c', third), entry('D', 'd', 3), entry('E', 'e', SQS_MAX_BATCH_BYTES)];
  const queue = new TestQueue();
  // WHEN
  const result = await queueEvents(entries, queue, new TestClock(), DEADLINE);
  // THEN
  expect(result).toEqual({ queued: 5, notQueued: 0 });
  expect(queue.batches).toEqual([['a', 'b', 'c'], ['d'], ['e']]);
});

test('a group whose events are larger than a batch still keeps its order', async () => {
  // GIVEN twenty events, so that two could go together, and a small one behind a large one
  const entries = ofOne(20).map((each, i) => ({ ...each, bytes: i % 2 === 0 ? 10 : SQS_MAX_BATCH_BYTES }));
  const queue = new TestQueue();
  // WHEN
  await queueEvents(entries, queue, new TestClock(), DEADLINE);
  // THEN
  expect(queue.arrived).toEqual(entries.map((each) => each.deduplicationId));
});

describe('a refused entry', () => {
  test('goes again, and the others of its batch do not', async () => {
    // GIVEN
    const clock = new TestClock();
    const queue = new TestQueue(({ deduplicationId }, call) => (deduplicationId === 'e1' && call === 1 ? 'InternalError' : undefined));
    // WHEN
    const result = await queueEvents(people(3), queue, clock, DEADLINE);
    // THEN
    expect(result).toEqual({ queued: 3, notQueued: 0 });
    expect(queue.batches).toEqual([['e0', 'e1', 'e2'], ['e1']]);
    expect(clock.pauses).toEqual([50]);
  });

  test('is not overtaken by a later one of its group, while other groups go on', async () => {
    // GIVEN two people with two events each
    const entries = [entry('A', 'a1'), entry('A', 'a2'), entry('B', 'b1'), entry('B', 'b2')];
    const queue = new TestQueue(({ deduplicationId }, call) => (deduplicationId === 'a1' && call < 3 ? 'InternalError' : undefined));
    // WHEN
    await queueEvents(entries, queue, new TestClock(), DEADLINE);
    // THEN
    expect(queue.batches).toEqual([['a1', 'b1'], ['a1', 'b2'], ['a1'], ['a2']]);
  });

  test('is given up after four times, with ever longer pauses, and so is what waits behind it', async () => {
    // GIVEN
    const clock = new TestClock();
    const queue = new TestQueue(({ groupId }) => (groupId === 'A' ? 'KmsAccessDenied' : undefined));
    // WHEN
    const result = await queueEvents([entry('A', 'a1'), entry('A', 'a2'), entry('B', 'b1')], queue, clock, DEADLINE);
    // THEN
    expect(result).toEqual({ queued: 1, notQueued: 2, cause: 'KmsAccessDenied' });
    expect(queue.batches).toEqual([['a1', 'b1'], ['a1'], ['a1'], ['a1']]);
    expect(clock.pauses).toEqual([50, 100, 200]);
  });

  test('does not keep other lanes from finishing', async () => {
    const queue = new TestQueue(({ deduplicationId }) => (deduplicationId === 'e0' ? 'InternalError' : undefined));
    expect(await queueEvents(people(30), queue, new TestClock(), DEADLINE)).toEqual({ queued: 29, notQueued: 1, cause: 'InternalError' });
  });
});

describe('a failed call', () => {
  test.each([
    ['an error', Object.assign(new Error('no'), { name: 'AccessDenied' }), 'AccessDenied'],
    ['anything else', 'no', 'UnknownError'],
  ])('is tried again, and its cause told when it keeps failing with %s', async (_case, thrown, cause) => {
    const queue = { send: jest.fn().mockRejectedValue(thrown) };
    expect(await queueEvents(people(2), queue, new TestClock(), DEADLINE)).toEqual({ queued: 0, notQueued: 2, cause });
    expect(queue.send).toHaveBeenCalledTimes(4);
  });

  test('is made good by the next', async () => {
    const queue = { send: jest.fn().mockRejectedValueOnce(new Error('reset')).mockResolvedValue(new Map()) };
    expect(await queueEvents(people(2), queue, new TestClock(), DEADLINE)).toEqual({ queued: 2, notQueued: 0 });
  });
});

describe('the deadline', () => {
  test('ends retries, and the cause is the failure', async () => {
    // GIVEN calls that hang until they are given up
    const clock = new TestClock();
    const queue: EventQueue = {
      send: async (_entries, timeoutMs) => {
        clock.pass(timeoutMs);
        throw Object.assign(new Error('given up'), { name: 'TimeoutError' });
      },
    };
    // WHEN
    const result = await queueEvents(people(1), queue, clock, DEADLINE);
    // THEN
    expect(result).toEqual({ queued: 0, notQueued: 1, cause: 'TimeoutError' });
    expect(clock.now()).toBeLessThanOrEqual(DEADLINE + 100);
  });

  test('leaves the rest of a long group out', async () => {
    // GIVEN
    const clock = new TestClock();
    const queue = new TestQueue(undefined, () => clock.pass(500));
    // WHEN
    const result = await queueEvents(ofOne(5), queue, clock, DEADLINE);
    // THEN
    expect(result).toEqual({ queued: 3, notQueued: 2, cause: 'OutOfTime' });
    expect(queue.arrived).toEqual(['e0', 'e1', 'e2']);
    expect(queue.timeouts).toEqual([600, 600, 200]);
  });

  test('that has passed leaves one call for each lane: LINE may never send the events again', async () => {
    const queue = new TestQueue();
    expect(await queueEvents([...people(20), ...ofOne(2)], queue, new TestClock(), 0)).toEqual({ queued: 21, notQueued: 1, cause: 'OutOfTime' });
    expect(queue.batches).toHaveLength(3);
    expect(queue.timeouts).toEqual([600, 600, 600]);
  });
});

test('whatever fails, no event is lost from the books and none of up to ten in a group is overtaken', async () => {
  const someGroup = fc.record({ size: fc.integer({ min: 1, max: 10 }), bytes: fc.integer({ min: 1, max: SQS_MAX_BATCH_BYTES }) });
  const groups = fc.array(someGroup, { maxLength: 8 });
  const failures = fc.infiniteStream(fc.integer({ min: 0, max: 3 }));
  await fc.assert(fc.asyncProperty(groups, failures, async (sizes, stream) => {
    // GIVEN
    const entries = sizes.flatMap(({ size, bytes }, group) =>
      Array.from({ length: size }, (_, i) => entry(`U${group}`, `${group}:${i}`, bytes)));
    const queue = new TestQueue(() => (stream.next().value === 0 ? 'InternalError' : undefined));
    // WHEN
    const { queued, notQueued } = await queueEvents(entries, queue, new TestClock(), DEADLINE);
    // THEN
    expect(queued + notQueued).toBe(entries.length);
    expect(queue.arrived).toHaveLength(queued);
    sizes.forEach((_, group) => {
      const order = queue.arrived.filter((id) => id.startsWith(`${group}:`)).map((id) => Number(id.split(':')[1]));
      expect(order).toEqual(order.map((_id, i) => i));
    });
  }));
});
