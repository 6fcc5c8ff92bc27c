/** Calendar and clock of a place. */
export interface LocalTime {
  readonly year: number;
  /** From 1. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Places are asked for again and again, and a formatter takes a millisecond to make. */
const formatters = new Map<string, Intl.DateTimeFormat>();

/**
 * Whether the text is a name of the IANA time zone database, as AWS takes it: `Asia/Tokyo`, `UTC`; neither an offset nor a name in
 * lower case, which JavaScript would take.
 */
export function isTimeZone(name: string): boolean {
  try {
    return /^[A-Z][\w+-]*(?:\/[A-Z][\w+-]*)*$/.test(name) && formatterOf(name) !== undefined;
  } catch {
    return false;
  }
}

/**
 * What calendar and clock of the place show.
 *
 * @param at epoch milliseconds
 */
export function localTimeOf(at: number, timeZone: string): LocalTime {
  const parts = Object.fromEntries(formatterOf(timeZone).formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return { year: parts.year, month: parts.month, day: parts.day, hour: parts.hour, minute: parts.minute, second: parts.second };
}

/**
 * Milliseconds by which the place's clock is before UTC.
 *
 * @param at epoch milliseconds
 */
export function offsetOf(at: number, timeZone: string): number {
  const { year, month, day, hour, minute, second } = localTimeOf(at, timeZone);
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1_000) * 1_000;
}

/**
 * When calendar and clock of the place show this, in epoch milliseconds: never, where the clock is put forward; twice, the earlier first,
 * where it is put back.
 */
export function instantsOf(local: LocalTime, timeZone: string): readonly number[] {
  const asUtc = Date.UTC(local.year, local.month - 1, local.day, local.hour, local.minute, local.second);
  // No place is a day away from UTC: its offset then is that of the day before or of the day after.
  const offsets = new Set([asUtc - DAY_MS, asUtc + DAY_MS].map((at) => offsetOf(at, timeZone)));
  return [...offsets].map((offset) => asUtc - offset)
    .filter((at) => at + offsetOf(at, timeZone) === asUtc)
    .sort((one, other) => one - other);
}

/**
 * The same, and where the clock is put forward over that time: when it was put forward.
 */
export function firstInstantOf(local: LocalTime, timeZone: string): number {
  const [first] = instantsOf(local, timeZone);
  if (first !== undefined) {
    return first;
  }
  const asUtc = Date.UTC(local.year, local.month - 1, local.day, local.hour, local.minute, local.second);
  return nextOffsetChange(asUtc - DAY_MS, asUtc + DAY_MS, timeZone)!;
}

/**
 * When the place's clock is next put forward or back, in epoch milliseconds.
 *
 * @param from excluded
 * @param to included; at most a few days later, so that there is one change at most
 */
export function nextOffsetChange(from: number, to: number, timeZone: string): number | undefined {
  const before = offsetOf(from, timeZone);
  if (offsetOf(to, timeZone) === before) {
    return undefined;
  }
  let [last, first] = [Math.floor(from / 1_000), Math.ceil(to / 1_000)];
  while (first - last > 1) {
    const middle = Math.floor((first + last) / 2);
    if (offsetOf(middle * 1_000, timeZone) === before) {
      last = middle;
    } else {
      first = middle;
    }
  }
  return first * 1_000;
}

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known) {
    return known;
  }
  const formatter = new Intl.DateTimeFormat('en-US', {
    timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  });
  formatters.set(timeZone, formatter);
  return formatter;
}
