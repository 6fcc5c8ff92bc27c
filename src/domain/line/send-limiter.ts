import { MULTICAST_MAX_RECIPIENTS } from '../../contract/limits';
import { Metric } from '../../contract/metrics';
import { SendingConfig } from '../../contract/sending';
import { errorText } from '../shared/error-text';
import { Telemetry } from '../shared/telemetry';

/** Operations that LINE limits apart from each other. Source: LINE, Messaging API reference, "Rate limits". */
export type PacedOperation = 'multicast' | 'push';

/** Keeps all instances of a channel together at the configured pace. */
export interface SendLimiter {
  /**
   * Waits for the turn of one request to so many people. False: the turn would come after `deadline` (epoch milliseconds);
   * nothing was taken, do not call. Never throws.
   */
  take(operation: PacedOperation, recipients: number, deadline: number): Promise<boolean>;
}

/**
 * What instances share: for each pace the moment of the next turn that nobody has yet, `nextAt`, in epoch microseconds.
 * Both writes are conditional and happen whole or not at all; they throw what the store throws.
 */
export interface PaceStore {
  /** Moves `nextAt` on by the cost (microseconds, negative to give back) where `from <= nextAt <= to`. */
  advance(pace: string, cost: number, from: number, to: number): Promise<PaceWrite>;
  /** Sets `nextAt` where there is none, or where it is less than `from` or more than `to`. */
  restart(pace: string, nextAt: number, from: number, to: number): Promise<PaceWrite>;
}

/** `nextAt` as it is after a write that was done, or as it is where it was not, undefined when it has none. */
export interface PaceWrite {
  readonly isDone: boolean;
  readonly nextAt?: number;
}

/** What the limiter needs of the world. */
export interface PacingDependencies {
  readonly store: PaceStore;
  readonly telemetry: Telemetry;
  /** Epoch milliseconds. */
  now(): number;
  sleep(milliseconds: number): Promise<unknown>;
}

/**
 * How far the next turn may lie back when it is reserved. What was missed for longer is not made up for: the pace begins anew.
 * It is more than a write takes, so that instances that begin together join one pace instead of outdoing each other.
 */
export const PACE_BURST_MS = 50;

/**
 * A turn that its caller could not use for so long is lost, or else slow writes and frozen instances would send in one moment
 * what was spread over many. In any second the pace is thus exceeded by less than a tenth, which keeps 180 multicasts and
 * 1,800 pushes below LINE's 200 and 2,000, with some room for requests that catch up with each other on the way. A turn that takes longer than this by itself is good for its own time.
 */
export const PACE_LATE_MS = 80;

/** Turns that are reserved with one write, in time. */
const BLOCK_MICROS = 100_000;

/** Time between the writes of an instance whose turns are to come yet, so that an item bears many of them. Source: Amazon DynamoDB, "Quotas": 1,000 writes a second. */
const GATHER_MS = 50;

/** Nobody reserves further ahead; who may wait longer asks again. A `nextAt` of more than twice that ahead comes from a wrong clock. */
export const PACE_AHEAD_MS = 60_000;

/** Time between two questions of somebody who may wait longer. */
const ASK_AGAIN_MS = 1_000;

/** Time for which an instance paces itself when the store failed. */
const ALONE_MS = 5_000;

const SECOND_MICROS = 1_000_000;
const MICROS = 1_000;

/** Microseconds that so many slots take, rounded up. */
export function paceCost(slots: number, perSecond: number): number {
  return Math.ceil(slots * SECOND_MICROS / perSecond);
}

/** Somebody who waits for a turn. */
export interface PaceRequest {
  readonly slots: number;
  /** Epoch microseconds after which the turn is of no use. */
  readonly latest: number;
}

/** Turns that are reserved together. */
export interface PaceBlock<T extends PaceRequest> {
  /** Who gets one, and how many microseconds after the beginning of the block. */
  readonly turns: readonly { readonly request: T; readonly offset: number }[];
  /** Microseconds from the beginning to the next block. */
  readonly cost: number;
  /** Epoch microseconds: a block that begins later comes too late for somebody in it. */
  readonly latest: number;
}

/** The block of those who have waited longest: 100 ms of the pace, or one turn if that alone takes longer. */
export function paceBlock<T extends PaceRequest>(waiting: readonly T[], perSecond: number): PaceBlock<T> {
  const turns: { request: T; offset: number }[] = [];
  let slots = 0;
  let latest = Infinity;
  for (const request of waiting) {
    const offset = paceCost(slots, perSecond);
    if (offset >= BLOCK_MICROS) {
      break;
    }
    turns.push({ request, offset });
    slots += request.slots;
    latest = Math.min(latest, request.latest - offset);
  }
  return { turns, cost: paceCost(slots, perSecond), latest };
}

/** Who, of those that wait, can still have a turn in time when the next one is at `start` (epoch microseconds). Who cannot takes none. */
export function inTimeFrom<T extends PaceRequest>(waiting: readonly T[], start: number, perSecond: number): T[] {
  let slots = 0;
  return waiting.filter((request) => {
    const isInTime = start + paceCost(slots, perSecond) <= request.latest;
    slots += isInTime ? request.slots : 0;
    return isInTime;
  });
}

interface Waiter extends PaceRequest {
  /** @param turn epoch microseconds; undefined: none in time */
  readonly resolve: (turn: number | undefined) => void;
}

/**
 * One pace, by virtual scheduling (ITU-T I.371, "generic cell rate algorithm"): every turn lies a fixed time after the one
 * before it, whoever takes it. One write of an instance is under way at a time, and reserves turns for all that wait in it.
 *
 * Clocks: every instance compares `nextAt` with its own. One that is fast by less than a minute makes the others wait, or
 * refuse what has a near deadline, until that moment has come; one that is slow waits longer itself; in both cases each turn is
 * taken once. With clocks further apart the others begin anew at their own time: sends go on, and the paces are added.
 */
class Pace {
  private waiting: Waiter[] = [];
  private isReserving = false;
  /** `nextAt` as this instance last saw it. */
  private known = 0;
  private wroteAt = -Infinity;
  /** Whether the last write met another instance's. */
  private isContended = false;
  /** Milliseconds of the last two writes. The shorter is what the next is expected to take: a single slow one makes nobody wait. */
  private writeTimes: readonly [number, number] = [0, 0];
  private aloneUntil = -Infinity;
  /** The same as `nextAt`, of this instance by itself. */
  private nextAloneAt = 0;
  /** Microseconds ahead of the clock above which `nextAt` cannot be right. */
  private readonly mostAhead: number;

  constructor(private readonly name: string, private readonly perSecond: number, private readonly deps: PacingDependencies) {
    this.mostAhead = 2 * PACE_AHEAD_MS * MICROS + paceCost(MULTICAST_MAX_RECIPIENTS, perSecond);
  }

  /** See `SendLimiter`. */
  public async take(slots: number, deadline: number): Promise<boolean> {
    const { now, sleep } = this.deps;
    const goodFor = Math.max(PACE_LATE_MS, paceCost(slots, this.perSecond) / MICROS);
    for (;;) {
      const latest = Math.min(deadline, now() + PACE_AHEAD_MS);
      const turn = await this.reserve({ slots, latest: latest * MICROS });
      if (turn === undefined && latest === deadline) {
        return false;
      }
      const pause = turn === undefined ? ASK_AGAIN_MS : Math.ceil(turn / MICROS - now());
      if (pause > 0) {
        await sleep(pause);
      }
      if (now() > deadline) {
        return false;
      }
      if (turn !== undefined && now() - turn / MICROS <= goodFor) {
        return true;
      }
    }
  }

  /** Gives back slots that were taken for nothing. Others have turns behind them already, so later turns move up instead. */
  public async giveBack(slots: number): Promise<void> {
    const nothing: PaceWrite = { isDone: false };
    await this.deps.store.advance(this.name, -paceCost(slots, this.perSecond), 0, Number.MAX_SAFE_INTEGER).catch(() => nothing);
  }

  private async reserve(request: PaceRequest): Promise<number | undefined> {
    return new Promise((resolve) => {
      this.waiting.push({ ...request, resolve });
      if (!this.isReserving) {
        this.isReserving = true;
        void this.reserveAll();
      }
    });
  }

  private async reserveAll(): Promise<void> {
    // Those who ask in the same moment share the first block.
    await Promise.resolve();
    while (this.waiting.length > 0) {
      await this.gather();
      await this.reserveBlock();
    }
    this.isReserving = false;
  }

  /** Waits for more to come, unless there may be a turn for those that wait. */
  private async gather(): Promise<void> {
    const { now, sleep } = this.deps;
    const pause = Math.min(this.wroteAt + GATHER_MS, this.known / MICROS - 2 * this.writeMs()) - now();
    if (pause > 0) {
      await sleep(Math.ceil(pause));
    }
  }

  private writeMs(): number {
    return Math.min(...this.writeTimes);
  }

  private async reserveBlock(): Promise<void> {
    const { store, telemetry, now } = this.deps;
    this.wroteAt = now();
    if (this.wroteAt < this.aloneUntil) {
      this.reserveAlone();
      return;
    }
    // A turn is for the moment in which it will be known.
    const start = (this.wroteAt + this.writeMs()) * MICROS;
    const floor = start - PACE_BURST_MS * MICROS;
    const ceiling = this.wroteAt * MICROS + this.mostAhead;
    this.refuseLateFrom(start);
    const block = paceBlock(this.waiting, this.perSecond);
    if (block.turns.length === 0) {
      return;
    }
    try {
      const isIdle = this.known < floor || this.known > ceiling;
      // A write later if there are others, who learn of it with a write in vain and are still to reach the turns behind this block.
      const restartAt = start + (this.isContended ? this.writeMs() * MICROS : 0);
      const { isDone, nextAt = 0 } = isIdle
        ? await store.restart(this.name, restartAt + block.cost, floor, ceiling)
        : await store.advance(this.name, block.cost, floor, Math.min(block.latest, ceiling));
      this.writeTimes = [this.writeTimes[1], now() - this.wroteAt];
      this.known = nextAt;
      this.isContended = !isDone;
      if (isDone) {
        this.grant(block, nextAt - block.cost);
      } else if (nextAt <= ceiling) {
        this.refuseLateFrom(nextAt);
      }
    } catch (error) {
      this.aloneUntil = now() + ALONE_MS;
      telemetry.warn('PACE_NOT_SHARED', `the pace of all instances cannot be read or written; this one keeps to it by itself for ${ALONE_MS / 1_000} s`, {
        pace: this.name, error: errorText(error),
      });
    }
  }

  private reserveAlone(): void {
    const isIdle = this.nextAloneAt < (this.wroteAt - PACE_BURST_MS) * MICROS;
    const start = isIdle ? this.wroteAt * MICROS : this.nextAloneAt;
    this.refuseLateFrom(start);
    const block = paceBlock(this.waiting, this.perSecond);
    this.nextAloneAt = start + block.cost;
    this.deps.telemetry.count(Metric.PACE_NOT_SHARED, block.turns.length);
    this.grant(block, start);
  }

  private grant({ turns }: PaceBlock<Waiter>, start: number): void {
    this.waiting = this.waiting.slice(turns.length);
    turns.forEach(({ request, offset }) => request.resolve(start + offset));
  }

  private refuseLateFrom(start: number): void {
    const inTime = new Set(inTimeFrom(this.waiting, start, this.perSecond));
    this.waiting.filter((waiter) => !inTime.has(waiter)).forEach(({ resolve }) => resolve(undefined));
    this.waiting = [...inTime];
  }
}

/**
 * The limiter of one instance. It shares the paces of both operations, and of people if they have one, with every other
 * instance of the channel through the store; while the store fails it keeps to the same pace by itself and says so
 * (`PACE_NOT_SHARED`), because a send must not stop for its pace.
 */
export function pacedSends(config: Pick<SendingConfig, 'multicastsPerSecond' | 'pushesPerSecond' | 'maxRecipientsPerSecond'>, deps: PacingDependencies): SendLimiter {
  const paces: Record<PacedOperation, Pace> = {
    multicast: new Pace('multicast', config.multicastsPerSecond, deps),
    push: new Pace('push', config.pushesPerSecond, deps),
  };
  const people = config.maxRecipientsPerSecond === undefined ? undefined : new Pace('recipients', config.maxRecipientsPerSecond, deps);
  return {
    async take(operation, recipients, deadline) {
      // People first: a request's turn that waits for them would be used together with later ones.
      if (people && !await people.take(recipients, deadline)) {
        return false;
      }
      const hasTurn = await paces[operation].take(1, deadline);
      if (!hasTurn) {
        await people?.giveBack(recipients);
      }
      return hasTurn;
    },
  };
}
