import { InputProblems } from './input-problems';
import { LocalTime, firstInstantOf, isTimeZone } from './time-zone';
import { CampaignInput } from '../../contract/campaigns';
import { received } from '../../contract/segments';

/** When a campaign begins: at a time, or again and again. */
export type CampaignTimes = Pick<CampaignInput, 'startAt' | 'recurrence'>;

/** The next ten years; nobody plans further, and a typing error of the year is found. */
const MOST_YEARS_AHEAD = 10;

/** Nobody means to write to people more often; `*` as minutes is a common slip, which would do so every minute. */
const LEAST_GAP_MINUTES = 15;

const RATE_MINUTES: { readonly [unit: string]: number } = { minute: 1, hour: 60, day: 24 * 60 };

/** EventBridge Scheduler takes no longer expression. Source: EventBridge Scheduler, "CreateSchedule", `ScheduleExpression`. */
const MAX_EXPRESSION_LENGTH = 256;

/**
 * Reads `{"at","timeZone"}`, or `{"cron","timeZone"}` or `{"rate"}` with `until` or without.
 *
 * A time is that of the time zone's clock, `2026-12-01T09:00`, or says its offset, `2026-12-01T09:00+09:00`. Where the clock is put
 * forward over it, it is the moment when it is put forward; where it is put back, the first of the two.
 *
 * A rate first counts to its end: one of 12 hours begins 12 hours from now.
 *
 * Each time of `cron` and `rate` begins a run of its own, also when the one before has not ended, is held by quiet hours or is paused: the
 * runs may overlap, and then send at the same time to the same people. Whoever does not want that leaves more time between them than a run takes,
 * or ends each with `options.maxDurationMinutes`. Pausing or cancelling one leaves the others alone; cancelling the record that recurs
 * begins no more, and leaves alone what has begun.
 *
 * @param now epoch milliseconds
 * @returns undefined when something is wrong, which the problems then say
 */
export function readSchedule(
  schedule: { readonly [member: string]: unknown }, path: string, now: number, problems: InputProblems,
): CampaignTimes | undefined {
  const before = problems.found.length;
  problems.refuseOthers(path, schedule, ['at', 'cron', 'rate', 'timeZone', 'until']);
  const kinds = ['at', 'cron', 'rate'].filter((kind) => schedule[kind] !== undefined);
  if (kinds.length !== 1) {
    return problems.add(path, schedule, 'an object with one of at, cron and rate',
      'write {"at":"2026-12-01T09:00","timeZone":"Asia/Tokyo"} for one time, {"cron":"0 9 ? * MON *","timeZone":"Asia/Tokyo"} or {"rate":"1 day"} for many');
  }
  const timeZone = readTimeZone(schedule.timeZone, `${path}.timeZone`, problems);
  const time = (member: 'at' | 'until') => readTime(schedule[member], `${path}.${member}`, { timeZone, zonePath: `${path}.timeZone`, now }, problems);
  if (kinds[0] === 'at') {
    if (schedule.until !== undefined) {
      problems.add(`${path}.until`, schedule.until, 'left out where there is at', 'leave it out, or write cron or rate in the place of at');
    }
    const startAt = time('at');
    return problems.found.length === before ? { startAt } : undefined;
  }
  const expression = kinds[0] === 'cron'
    ? readCron(schedule.cron, `${path}.cron`, now, problems)
    : readRate(schedule.rate, `${path}.rate`, problems);
  if (kinds[0] === 'cron' && schedule.timeZone === undefined) {
    problems.add(`${path}.timeZone`, undefined, 'the name of a time zone', 'write the one in which cron counts, such as "Asia/Tokyo"');
  }
  const until = schedule.until === undefined ? undefined : time('until');
  const { from } = firstTimeOf(expression ?? '', now);
  if (until !== undefined && from !== undefined && until < from) {
    problems.add(`${path}.until`, schedule.until, `after the first time, which is ${from} (UTC)`, 'write a later time, or a shorter rate');
  }
  return problems.found.length === before
    ? { recurrence: { expression: expression!, timeZone: timeZone ?? 'UTC', ...(until && { until }) } }
    : undefined;
}

/** The expression by which EventBridge Scheduler knows a time, which is UTC. Source: EventBridge Scheduler, "Schedule types". */
export function atExpression(startAt: string): string {
  return `at(${new Date(startAt).toISOString().slice(0, 19)})`;
}

/** When something that recurs by a rate first begins, after `now` in epoch milliseconds; nothing of other expressions. */
export function firstTimeOf(expression: string, now: number): { readonly from?: string } {
  const [, value, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  return unit === undefined ? {} : { from: new Date(now + Number(value) * RATE_MINUTES[unit] * 60_000).toISOString() };
}

function readTimeZone(timeZone: unknown, path: string, problems: InputProblems): string | undefined {
  if (timeZone === undefined || (typeof timeZone === 'string' && isTimeZone(timeZone))) {
    return timeZone;
  }
  return problems.add(path, timeZone, 'a name of the IANA time zone database', 'write it as there, such as "Asia/Tokyo", "Europe/Berlin" or "UTC"');
}

const TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.000)?)?(Z|[+-]\d\d:\d\d)?$/;

interface TimeContext {
  readonly timeZone: string | undefined;
  readonly zonePath: string;
  readonly now: number;
}

/** @returns ISO 8601, UTC */
function readTime(text: unknown, path: string, { timeZone, zonePath, now }: TimeContext, problems: InputProblems): string | undefined {
  const match = typeof text === 'string' ? TIME.exec(text) : null;
  const [year, month, day, hour, minute, second] = (match ?? []).slice(1, 7).map((part) => Number(part ?? 0));
  const local: LocalTime = { year, month, day, hour, minute, second };
  if (!match || !isOnCalendar(local)) {
    return problems.add(path, text, 'a date and a time of day that exist, as 2026-12-01T09:00', 'write it so, with timeZone beside it, or with its offset, 2026-12-01T09:00+09:00');
  }
  const offset = match[7];
  if (offset === undefined && timeZone === undefined) {
    // A time zone that is wrong is said already.
    return problems.found.some((problem) => problem.path === zonePath) ? undefined
      : problems.add(zonePath, undefined, 'the name of a time zone', `write the one whose clock ${path} is meant on, such as "Asia/Tokyo"`);
  }
  // Date.parse answers NaN for an offset of 99 hours.
  const at = offset === undefined ? firstInstantOf(local, timeZone!) : Date.parse(text as string);
  if (Number.isNaN(at)) {
    return problems.add(path, text, 'a time with an offset that exists', 'write it as 2026-12-01T09:00+09:00');
  }
  if (at <= now) {
    return problems.add(path, text, `in the future; it is ${new Date(now).toISOString()} (UTC) now`, 'write a later time; what is to begin at once has no schedule');
  }
  if (at > now + MOST_YEARS_AHEAD * 366 * 24 * 60 * 60 * 1_000) {
    return problems.add(path, text, `within the next ${MOST_YEARS_AHEAD} years`, 'write an earlier time');
  }
  return new Date(at).toISOString();
}

function isOnCalendar({ year, month, day, hour, minute, second }: LocalTime): boolean {
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  return date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
    && date.getUTCHours() === hour && date.getUTCMinutes() === minute && date.getUTCSeconds() === second;
}

/** Source: EventBridge Scheduler, "Schedule types", "Rate-based schedules". */
function readRate(rate: unknown, path: string, problems: InputProblems): string | undefined {
  const [, value, unit] = (typeof rate === 'string' && /^(?:rate\()?\s*(\d{1,6}) (minute|hour|day)s?\s*\)?$/.exec(rate)) || [];
  if (unit === undefined || Number(value) === 0) {
    return problems.add(path, rate, 'a whole number from 1 and minutes, hours or days', 'write it as "1 day" or "12 hours"');
  }
  if (Number(value) * RATE_MINUTES[unit] < LEAST_GAP_MINUTES) {
    return problems.add(path, rate, `at least ${LEAST_GAP_MINUTES} minutes`, 'write how long it is from one campaign to the next, such as "1 day"');
  }
  return `rate(${Number(value)} ${unit}${Number(value) === 1 ? '' : 's'})`;
}

interface CronField {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** What stands for the numbers, from the least on. */
  readonly names?: readonly string[];
  /** What the field takes besides lists, ranges and steps. */
  readonly others?: RegExp;
}

const CRON_FIELDS: readonly CronField[] = [
  { name: 'minutes', from: 0, to: 59 },
  { name: 'hours', from: 0, to: 23 },
  { name: 'day of month', from: 1, to: 31, others: /^(?:\?|L|(?:[1-9]|[12]\d|3[01])W)$/ },
  { name: 'month', from: 1, to: 12, names: ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'] },
  { name: 'day of week', from: 1, to: 7, names: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'], others: /^(?:\?|L|[1-7]L|[1-7]#[1-5])$/ },
  { name: 'year', from: 1970, to: 2199 },
];

/** Source: EventBridge Scheduler, "Schedule types", "Cron-based schedules". */
function readCron(cron: unknown, path: string, now: number, problems: InputProblems): string | undefined {
  const [, inner] = (typeof cron === 'string' && cron.length <= MAX_EXPRESSION_LENGTH && /^(?:cron\()?\s*([^()]*?)\s*\)?$/.exec(cron)) || [];
  const fields = inner?.toUpperCase().split(/\s+/) ?? [];
  if (fields.length !== CRON_FIELDS.length) {
    return problems.add(path, cron, 'six fields: minutes, hours, day of month, month, day of week and year', 'write it as EventBridge Scheduler takes it, such as "0 9 ? * MON-FRI *"');
  }
  const wrong = CRON_FIELDS.findIndex((field, index) => !isCronField(fields[index], field));
  if (wrong >= 0) {
    const { name, from, to, names } = CRON_FIELDS[wrong];
    return problems.say(path, `has ${received(fields[wrong])} as its ${name}, which must be *, or numbers from ${from} to ${to}`
      + `${names ? ` or ${names[0]} to ${names.at(-1)}` : ''}, alone, in lists (1,2), ranges (1-5, the lesser first) or steps (*/5): write the field anew`);
  }
  if ((fields[2] === '?') === (fields[4] === '?')) {
    return problems.add(path, cron, 'with ? either as its day of month or as its day of week', 'write ? for the one that does not matter: "0 9 1 * ? *" or "0 9 ? * MON *"');
  }
  if (Math.max(...yearsOf(fields[5])) < new Date(now).getUTCFullYear()) {
    return problems.add(path, cron, 'with a year that is not over', 'write * or a later year');
  }
  const gap = leastGapOf(fields);
  if (gap < LEAST_GAP_MINUTES) {
    return problems.add(path, cron, `at most once every ${LEAST_GAP_MINUTES} minutes`, `write single minutes, such as "0 9 ? * MON *"; this would send again after ${gap} minute${gap === 1 ? '' : 's'}`);
  }
  return `cron(${fields.join(' ')})`;
}

/** Minutes from one time of a correct cron to the next on the same day or from one day to the next. */
function leastGapOf([minutes, hours]: readonly string[]): number {
  const times = numbersOf(hours, CRON_FIELDS[1]).flatMap((hour) => numbersOf(minutes, CRON_FIELDS[0]).map((minute) => hour * 60 + minute));
  return Math.min(...times.map((time, index) => (times[index + 1] ?? times[0] + RATE_MINUTES.day) - time));
}

/** Numbers that a correct field of numbers stands for, in order. */
function numbersOf(field: string, { from, to }: CronField): readonly number[] {
  const numbers = field.split(',').flatMap((part) => {
    const [range, step] = part.split('/');
    const [first, last] = range === '*' ? [from, to] : range.split('-').map(Number);
    const end = last ?? (step === undefined ? first : to);
    return Array.from({ length: Math.floor((end - first) / Number(step ?? 1)) + 1 }, (_, index) => first + index * Number(step ?? 1));
  });
  return [...new Set(numbers)].sort((one, other) => one - other);
}

function isCronField(text: string, { from, to, names = [], others }: CronField): boolean {
  const number = (part: string): number => names.includes(part) ? names.indexOf(part) + from : /^\d{1,4}$/.test(part) ? Number(part) : NaN;
  const inRange = (part: string): boolean => number(part) >= from && number(part) <= to;
  return others?.test(text) || text.split(',').every((part) => {
    const [, range, step] = /^([^/]*)(?:\/(\d{1,4}))?$/.exec(part) ?? [];
    if (range === undefined || step === '0' || Number(step ?? 1) > to) {
      return false;
    }
    const [first, last, ...rest] = range.split('-');
    return rest.length === 0 && (range === '*' || (inRange(first) && (last === undefined || (inRange(last) && number(first) <= number(last)))));
  });
}

/** Years that a correct field names, the last of each part. */
function yearsOf(field: string): number[] {
  return field.split(',').map((part) => (/[*/]/.test(part) ? Infinity : Number(part.split('-').at(-1))));
}
