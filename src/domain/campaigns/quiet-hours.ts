import { instantsOf, localTimeOf, nextOffsetChange } from './time-zone';
import { QuietHoursConfig } from '../../contract/campaigns';

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Days that are looked ahead: a calendar may lack a day, as Samoa's lacked 30 December 2011. */
const DAYS_AHEAD = 3;

/** Whether the clock on the wall shows a time in the quiet hours. `from` and `to` being equal, there are none. */
export function isQuiet(now: number, { from, to, timeZone }: QuietHoursConfig): boolean {
  const { hour, minute } = localTimeOf(now, timeZone);
  const [time, begin, end] = [60 * hour + minute, minuteOf(from), minuteOf(to)];
  return begin <= end ? time >= begin && time < end : time >= begin || time < end;
}

/**
 * When the quiet hours of now are over, ISO 8601; `undefined` when it is not quiet now. The clock on the wall counts: where it is
 * put forward over the end, they end then; where it is put back into them, they begin again.
 *
 * @param now epoch milliseconds
 */
export function quietUntil(now: number, config: QuietHoursConfig): string | undefined {
  return isQuiet(now, config) ? nextChange(now, config) : undefined;
}

/**
 * When the next quiet hours begin, ISO 8601: those after the present ones, when it is quiet now. `undefined`: there are none.
 *
 * @param now epoch milliseconds
 */
export function quietFrom(now: number, config: QuietHoursConfig): string | undefined {
  const over = quietUntil(now, config);
  return nextChange(over === undefined ? now : Date.parse(over), config);
}

/** When quiet hours next begin or end after now. They do so when the clock shows `from` or `to`, or is put forward or back over one. */
function nextChange(now: number, config: QuietHoursConfig): string | undefined {
  const { from, to, timeZone } = config;
  const candidates = Array.from({ length: DAYS_AHEAD + 2 }, (_, index) => now + (index - 1) * DAY_MS).flatMap((day) => {
    const { year, month, day: date } = localTimeOf(day, timeZone);
    const clock = [from, to].map((time) => ({ year, month, day: date, hour: hourOf(time), minute: minuteOf(time) % 60, second: 0 }));
    return [...clock.flatMap((local) => instantsOf(local, timeZone)), nextOffsetChange(day, day + DAY_MS, timeZone) ?? day];
  });
  const quiet = isQuiet(now, config);
  const change = candidates.sort((one, other) => one - other).find((at) => at > now && isQuiet(at, config) !== quiet);
  return change === undefined ? undefined : new Date(change).toISOString();
}

/** Minutes after midnight of `21:00`. */
function minuteOf(time: string): number {
  return 60 * hourOf(time) + Number(time.slice(3));
}

function hourOf(time: string): number {
  return Number(time.slice(0, 2));
}
