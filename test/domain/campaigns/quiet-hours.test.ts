import * as fc from 'fast-check';
import { QuietHoursConfig } from '../../../src/contract/campaigns';
import { isQuiet, quietFrom, quietUntil } from '../../../src/domain/campaigns/quiet-hours';

const TOKYO: QuietHoursConfig = { from: '21:00', to: '09:00', timeZone: 'Asia/Tokyo' };
const MINUTE = 60_000;

/** The clock on the wall by another road: a text in the manner of Sweden, `2026-11-23 04:00:00`. */
function clock(at: number, timeZone: string): string {
  return new Date(at).toLocaleString('sv-SE', { timeZone }).slice(11, 16);
}

function quietByClock(at: number, { from, to, timeZone }: QuietHoursConfig): boolean {
  const now = clock(at, timeZone);
  return from <= to ? from <= now && now < to : from <= now || now < to;
}

/** Minute by minute, at most four days. */
function firstMinute(now: number, wanted: (at: number) => boolean): string | undefined {
  for (let at = Math.floor(now / MINUTE) * MINUTE + MINUTE; at < now + 4 * 24 * 60 * MINUTE; at += MINUTE) {
    if (wanted(at)) {
      return new Date(at).toISOString();
    }
  }
  return undefined;
}

test('hours of a day', () => {
  const noon = { ...TOKYO, from: '12:00', to: '13:30' };
  expect(quietUntil(Date.parse('2026-11-23T02:59:59.999Z'), noon)).toBeUndefined();
  expect(quietFrom(Date.parse('2026-11-23T02:59:59.999Z'), noon)).toBe('2026-11-23T03:00:00.000Z');
  expect(quietUntil(Date.parse('2026-11-23T03:00:00Z'), noon)).toBe('2026-11-23T04:30:00.000Z');
  expect(quietUntil(Date.parse('2026-11-23T04:30:00Z'), noon)).toBeUndefined();
});

test('hours over midnight', () => {
  expect(quietUntil(Date.parse('2026-11-23T12:00:00Z'), TOKYO)).toBe('2026-11-24T00:00:00.000Z');
  expect(quietUntil(Date.parse('2026-11-23T23:59:00Z'), TOKYO)).toBe('2026-11-24T00:00:00.000Z');
  expect(quietUntil(Date.parse('2026-11-24T00:00:00Z'), TOKYO)).toBeUndefined();
});

test('the next begin, in quiet hours too', () => {
  expect(quietFrom(Date.parse('2026-11-23T03:00:00Z'), TOKYO)).toBe('2026-11-23T12:00:00.000Z');
  expect(quietFrom(Date.parse('2026-11-23T13:00:00Z'), TOKYO)).toBe('2026-11-24T12:00:00.000Z');
});

test('equal times are no quiet hours', () => {
  const never = { ...TOKYO, to: '21:00' };
  expect(isQuiet(Date.parse('2026-11-23T12:00:00Z'), never)).toBe(false);
  expect(quietUntil(Date.parse('2026-11-23T12:00:00Z'), never)).toBeUndefined();
  expect(quietFrom(Date.parse('2026-11-23T03:00:00Z'), never)).toBeUndefined();
});

test('where the clock is put forward over the end, the hours end then', () => {
  const config = { from: '22:00', to: '02:30', timeZone: 'Europe/Berlin' };
  // 29 March 2026, 01:59:59 CET is followed by 03:00 CEST.
  expect(quietUntil(Date.parse('2026-03-29T00:30:00Z'), config)).toBe('2026-03-29T01:00:00.000Z');
});

test('where the clock is put back into the hours, they begin again', () => {
  const config = { from: '22:00', to: '02:30', timeZone: 'Europe/Berlin' };
  // 25 October 2026, 03:00 CEST is 02:00 CET.
  expect(quietUntil(Date.parse('2026-10-25T00:10:00Z'), config)).toBe('2026-10-25T00:30:00.000Z');
  expect(quietFrom(Date.parse('2026-10-25T00:40:00Z'), config)).toBe('2026-10-25T01:00:00.000Z');
  expect(quietUntil(Date.parse('2026-10-25T01:00:00Z'), config)).toBe('2026-10-25T01:30:00.000Z');
});

test('a calendar may lack a day', () => {
  const config = { from: '21:00', to: '09:00', timeZone: 'Pacific/Apia' };
  // 29 December 2011, 22:00 in Apia; the next morning was that of the 31st.
  expect(quietUntil(Date.parse('2011-12-30T08:00:00Z'), config)).toBe('2011-12-30T19:00:00.000Z');
});

const anyTime = fc.tuple(fc.nat(23), fc.nat(59)).map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'));
// Both ways of daylight saving time, one of half an hour, offsets of 45 minutes, a pause in Ramadan, none.
const anyZone = fc.constantFrom('Asia/Tokyo', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/St_Johns',
  'Africa/Casablanca', 'Pacific/Chatham', 'America/Santiago', 'UTC');
const anyConfig = fc.record({ from: anyTime, to: anyTime, timeZone: anyZone });
// Nights in which clocks are put forward or back, and any other time.
const anyNow = fc.oneof(
  fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2030, 0, 1) }),
  fc.tuple(fc.constantFrom('2026-03-08T00:00Z', '2026-03-29T00:00Z', '2026-10-25T00:00Z', '2026-11-01T00:00Z', '2026-04-04T12:00Z', '2026-10-03T12:00Z',
    '2026-02-15T00:00Z', '2026-03-22T00:00Z', '2026-09-06T00:00Z'), fc.integer({ min: -48 * 60 * MINUTE, max: 48 * 60 * MINUTE }))
    .map(([night, distance]) => Date.parse(night) + distance),
);

test('agrees with a walk from minute to minute', () => {
  fc.assert(fc.property(anyNow, anyConfig, (now, config) => {
    const quiet = quietByClock(now, config);
    const over = quiet ? firstMinute(now, (at) => !quietByClock(at, config)) : undefined;
    expect(isQuiet(now, config)).toBe(quiet);
    expect(quietUntil(now, config)).toBe(over);
    const from = firstMinute(over === undefined ? now : Date.parse(over), (at) => quietByClock(at, config));
    expect(quietFrom(now, config)).toBe(from);
  }), { numRuns: 40 });
});
