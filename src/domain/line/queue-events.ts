import { QueueEntry } from './webhook-request';
import { SQS_MAX_BATCH_BYTES, SQS_MAX_BATCH_ENTRIES } from '../../contract/limits';

/** The FIFO queue. The adapter (`runtime/event-queue.ts`) is Amazon SQS. */
export interface EventQueue {
  /**
   * Sends entries as one batch, in their order; at most ten and 256 KiB.
   *
   * @returns the entries that the queue did not take, each with its error code. Throws when the call as a whole failed or
   *   took longer than `timeoutMs`; sending an entry again is always safe, because it keeps its deduplication id
   */
  send(entries: readonly QueueEntry[], timeoutMs: number): Promise<ReadonlyMap<QueueEntry, string>>;
}

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

export interface QueueingResult {
  /** How many entries are in the queue. */
  readonly queued: number;
  /** How many are not, or not for certain. */
  readonly notQueued: number;
  /** Error code of a failure that was not made good. */
  readonly cause?: string;
}

/** Milliseconds after which a call is given up, so that there is time for another. */
const CALL_TIMEOUT_MS = 600;

/** Failures in a row after which a lane gives up. */
const MAX_FAILURES = 4;

/** Milliseconds of the first pause; each further one is twice as long. */
const FIRST_PAUSE_MS = 50;

/** Calls, one after the other, that the order inside a group is worth. */
const MAX_CALLS_PER_GROUP = 10;

/**
 * Puts entries into the queue, retrying what fails, until everything is in or the deadline is near.
 *
 * A group's entries never overtake each other: all of a group go through one lane, which waits for each call's answer;
 * what failed goes again before what follows; and a batch holds one entry of a group, since SQS may take the second and
 * refuse the first. Only a group of more than ten has several in a batch, for else the time would not do. Lanes run side
 * by side. Batches keep within ten entries and the bytes of a batch. Source: Amazon SQS, "SendMessageBatch".
 *
 * @param deadline epoch milliseconds after which nothing more is begun than one call for each lane
 */
export async function queueEvents(entries: readonly QueueEntry[], queue: EventQueue, clock: Clock, deadline: number): Promise<QueueingResult> {
  const rests = await Promise.all(toLanes(entries).map(async (lane) => drain(lane, queue, clock, deadline)));
  const notQueued = rests.reduce((sum, rest) => sum + rest.entries.length, 0);
  return { queued: entries.length - notQueued, notQueued, cause: rests.find((rest) => rest.cause)?.cause };
}

interface Rest {
  readonly entries: readonly QueueEntry[];
  readonly cause?: string;
}

async function drain(lane: readonly QueueEntry[], queue: EventQueue, clock: Clock, deadline: number): Promise<Rest> {
  const share = Math.ceil(Math.max(...byGroup(lane).map((group) => group.length)) / MAX_CALLS_PER_GROUP);
  let pending = lane;
  let cause: string | undefined;
  // Even when all the time is gone, one call is made: without redelivery, which is off at first, the events would be lost.
  let timeLeft = CALL_TIMEOUT_MS;
  for (let failures = 0; pending.length > 0 && failures < MAX_FAILURES; timeLeft = deadline - clock.now()) {
    if (timeLeft <= 0) {
      return { entries: pending, cause: cause ?? 'OutOfTime' };
    }
    const batch = nextBatch(pending, share);
    const refused = await send(batch, queue, Math.min(CALL_TIMEOUT_MS, timeLeft));
    const taken = new Set(batch.filter((entry) => !refused.has(entry)));
    pending = pending.filter((entry) => !taken.has(entry));
    [cause] = refused.values();
    failures = cause === undefined ? 0 : failures + 1;
    if (failures > 0 && failures < MAX_FAILURES) {
      await clock.sleep(FIRST_PAUSE_MS * 2 ** (failures - 1));
    }
  }
  return { entries: pending, cause };
}

async function send(batch: readonly QueueEntry[], queue: EventQueue, timeoutMs: number): Promise<ReadonlyMap<QueueEntry, string>> {
  try {
    return await queue.send(batch, timeoutMs);
  } catch (error) {
    return new Map(batch.map((entry) => [entry, error instanceof Error ? error.name : 'UnknownError']));
  }
}

/** Whole groups side by side, as many to a lane as one batch holds: people with one event each fill it with ten. */
function toLanes(entries: readonly QueueEntry[]): QueueEntry[][] {
  const lanes: QueueEntry[][] = [];
  for (const group of byGroup(entries)) {
    const lane = lanes.at(-1);
    if (lane && lane.length + group.length <= SQS_MAX_BATCH_ENTRIES && bytesOf(lane) + bytesOf(group) <= SQS_MAX_BATCH_BYTES) {
      lane.push(...group);
    } else {
      lanes.push([...group]);
    }
  }
  return lanes;
}

function byGroup(entries: readonly QueueEntry[]): QueueEntry[][] {
  const groups = new Map<string, QueueEntry[]>();
  for (const entry of entries) {
    const group = groups.get(entry.groupId);
    if (group) {
      group.push(entry);
    } else {
      groups.set(entry.groupId, [entry]);
    }
  }
  return [...groups.values()];
}

/** The first entries that go together; once an entry of a group has to wait, so do the group's later ones. */
function nextBatch(pending: readonly QueueEntry[], share: number): QueueEntry[] {
  const batch: QueueEntry[] = [];
  const taken = new Map<string, number>();
  let bytes = 0;
  for (const entry of pending) {
    const count = taken.get(entry.groupId) ?? 0;
    if (batch.length === SQS_MAX_BATCH_ENTRIES) {
      break;
    }
    if (count < share && bytes + entry.bytes <= SQS_MAX_BATCH_BYTES) {
      batch.push(entry);
      bytes += entry.bytes;
      taken.set(entry.groupId, count + 1);
    } else {
      taken.set(entry.groupId, share);
    }
  }
  return batch;
}

function bytesOf(entries: readonly QueueEntry[]): number {
  return entries.reduce((sum, entry) => sum + entry.bytes, 0);
}
