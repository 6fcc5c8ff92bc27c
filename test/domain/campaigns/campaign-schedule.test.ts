import { atExpression, firstTimeOf, readSchedule } from '../../../src/domain/campaigns/campaign-schedule';
import { InputProblems } from '../../../src/domain/campaigns/input-problems';

const NOW = Date.parse('2026-11-23T03:00:00Z');

function read(schedule: { [member: string]: unknown }) {
  const problems = new InputProblems();
  const times = readSchedule(schedule, 'schedule', NOW, problems);
  return times ?? problems.found;
}

describe('a time', () => {
  test.each([
    ['on the clock of a place', { at: '2026-12-01T09:00', timeZone: 'Asia/Tokyo' }, '2026-12-01T00:00:00.000Z'],
    ['with seconds', { at: '2026-12-01T09:00:30', timeZone: 'Europe/Berlin' }, '2026-12-01T08:00:30.000Z'],
    ['with its offset', { at: '2026-12-01T09:00+09:00' }, '2026-12-01T00:00:00.000Z'],
    ['in UTC', { at: '2026-12-01T09:00:00.000Z' }, '2026-12-01T09:00:00.000Z'],
    ['of a leap day', { at: '2028-02-29T00:00', timeZone: 'UTC' }, '2028-02-29T00:00:00.000Z'],
    // 28 March 2027, 01:59:59 CET is followed by 03:00 CEST.
    ['that the clock is put forward over, when it is', { at: '2027-03-28T02:30', timeZone: 'Europe/Berlin' }, '2027-03-28T01:00:00.000Z'],
    // 31 October 2027, 03:00 CEST is 02:00 CET.
    ['that the clock shows twice, the first time', { at: '2027-10-31T02:30', timeZone: 'Europe/Berlin' }, '2027-10-31T00:30:00.000Z'],
    ['that the clock is put forward over by half an hour', { at: '2027-10-03T02:15', timeZone: 'Australia/Lord_Howe' }, '2027-10-02T15:30:00.000Z'],
  ])('%s', (_name, schedule, startAt) => {
    expect(read(schedule)).toEqual({ startAt });
  });

  test.each<[string, { [member: string]: unknown }, string, RegExp]>([
    ['that is past', { at: '2026-11-23T11:59', timeZone: 'Asia/Tokyo' }, 'schedule.at', /in the future; it is 2026-11-23T03:00:00.000Z \(UTC\) now, got "2026-11-23T11:59"/],
    ['that is now', { at: '2026-11-23T12:00', timeZone: 'Asia/Tokyo' }, 'schedule.at', /in the future/],
    ['that is a typing error', { at: '2062-12-01T09:00', timeZone: 'Asia/Tokyo' }, 'schedule.at', /within the next 10 years/],
    ['that is none', { at: 'tomorrow', timeZone: 'Asia/Tokyo' }, 'schedule.at', /a date and a time of day that exist/],
    ['without a time of day', { at: '2026-12-01', timeZone: 'Asia/Tokyo' }, 'schedule.at', /a date and a time of day/],
    ['of a day that no month has', { at: '2027-02-29T09:00', timeZone: 'Asia/Tokyo' }, 'schedule.at', /that exist/],
    ['of an hour that no day has', { at: '2027-02-28T24:00', timeZone: 'Asia/Tokyo' }, 'schedule.at', /that exist/],
    ['with an offset that no place has', { at: '2026-12-01T09:00+99:00' }, 'schedule.at', /an offset that exists/],
    ['without a place', { at: '2026-12-01T09:00' }, 'schedule.timeZone', /the name of a time zone, got nothing/],
    ['of a place that is unknown', { at: '2026-12-01T09:00', timeZone: 'Mars/Base' }, 'schedule.timeZone', /got "Mars\/Base"/],
    ['of an offset in the place of a place', { at: '2026-12-01T09:00', timeZone: '+09:00' }, 'schedule.timeZone', /IANA/],
    ['of a place in lower case', { at: '2026-12-01T09:00', timeZone: 'asia/tokyo' }, 'schedule.timeZone', /IANA/],
    ['until another', { at: '2026-12-01T09:00Z', until: '2027-01-01T00:00Z' }, 'schedule.until', /left out where there is at/],
    ['and a rate', { at: '2026-12-01T09:00Z', rate: '1 day' }, 'schedule', /one of at, cron and rate/],
    ['and nothing', {}, 'schedule', /one of at, cron and rate/],
    ['with a mistyped member', { at: '2026-12-01T09:00Z', timezone: 'UTC' }, 'schedule.timezone', /write timeZone/],
  ])('%s is refused', (_name, schedule, path, message) => {
    expect(read(schedule)).toEqual([{ path, message: expect.stringMatching(message) }]);
  });

  test('is told to EventBridge Scheduler in UTC', () => {
    expect(atExpression('2026-12-01T00:00:30.000Z')).toBe('at(2026-12-01T00:00:30)');
  });
});

describe('a rate', () => {
  test.each([['1 day', 'rate(1 day)'], ['rate(12 hours)', 'rate(12 hours)'], ['1 days', 'rate(1 day)'], ['0015 minute', 'rate(15 minutes)']])('%s', (rate, expression) => {
    expect(read({ rate })).toEqual({ recurrence: { expression, timeZone: 'UTC' } });
  });

  test('until a time', () => {
    expect(read({ rate: '1 day', timeZone: 'Asia/Tokyo', until: '2027-01-01T00:00' })).toEqual({
      recurrence: { expression: 'rate(1 day)', timeZone: 'Asia/Tokyo', until: '2026-12-31T15:00:00.000Z' },
    });
    expect(read({ rate: '1 day', until: '2026-01-01T00:00Z' })).toMatchObject([{ path: 'schedule.until', message: expect.stringContaining('in the future') }]);
  });

  test('counts from now, so that its end is not before', () => {
    expect(firstTimeOf('rate(7 days)', NOW)).toEqual({ from: '2026-11-30T03:00:00.000Z' });
    expect(firstTimeOf('rate(1 hour)', NOW)).toEqual({ from: '2026-11-23T04:00:00.000Z' });
    expect(firstTimeOf('cron(0 9 ? * MON *)', NOW)).toEqual({});
    expect(read({ rate: '7 days', until: '2026-11-30T02:59Z' })).toEqual([
      { path: 'schedule.until', message: expect.stringContaining('after the first time, which is 2026-11-30T03:00:00.000Z (UTC)') },
    ]);
    expect(read({ rate: '7 days', until: '2026-11-30T03:01Z' })).toMatchObject({ recurrence: { until: '2026-11-30T03:01:00.000Z' } });
  });

  test.each(['1 minute', '14 minutes'])('%s is too often', (rate) => {
    expect(read({ rate })).toEqual([{ path: 'schedule.rate', message: expect.stringContaining(`must be at least 15 minutes, got "${rate}"`) }]);
  });

  test.each(['0 days', '1.5 days', '1 week', 'daily', '1 day)(', 5])('%s is refused', (rate) => {
    expect(read({ rate })).toMatchObject([{ path: 'schedule.rate', message: expect.stringContaining('write it as "1 day"') }]);
  });
});

describe('cron', () => {
  test.each([
    '0 9 ? * MON-FRI *', '*/15 8-18 1,15 * ? *', '0/15 * * * ? 2026-2030', '5-50/15 9 ? * MON *', '59 8,10 * * ? *', '30,0 0,23 ? * MON *', '30 23 L * ? *', '0 0 15W JAN,JUL ? *', '0 9 ? * 6#3 *', '0 9 ? * 5L *', '0 9 ? 1-6 SUN,SAT *',
  ])('%s', (cron) => {
    expect(read({ cron, timeZone: 'Asia/Tokyo' })).toEqual({ recurrence: { expression: `cron(${cron})`, timeZone: 'Asia/Tokyo' } });
  });

  test('is written as EventBridge Scheduler takes it', () => {
    expect(read({ cron: ' cron( 0  9 ? * mon * ) ', timeZone: 'Asia/Tokyo' })).toMatchObject([{ path: 'schedule.cron' }]);
    expect(read({ cron: 'cron(0  9 ? * mon *)', timeZone: 'Asia/Tokyo' })).toEqual({ recurrence: { expression: 'cron(0 9 ? * MON *)', timeZone: 'Asia/Tokyo' } });
  });

  test.each<[string, RegExp]>([
    ['0 9 * * *', /six fields/],
    ['61 9 ? * MON *', /has "61" as its minutes, which must be \*, or numbers from 0 to 59, alone/],
    ['0 24 ? * MON *', /as its hours/],
    ['0 9 32 * ? *', /as its day of month/],
    ['0 9 ? 13 MON *', /as its month, .* from 1 to 12 or JAN to DEC/],
    ['0 9 ? * MOON *', /as its day of week/],
    ['0 9 ? * FRI-MON *', /the lesser first/],
    ['0 9 ? * MON 1969', /as its year/],
    ['0/0 9 ? * MON *', /as its minutes/],
    ['0 9 * * MON *', /with \? either as its day of month or as its day of week/],
    ['0 9 ? * ? *', /with \? either/],
    ['0 9 ? * MON 2020-2025', /a year that is not over/],
    [',0 9 ? * MON *', /as its minutes/],
  ])('%s is refused', (cron, message) => {
    expect(read({ cron, timeZone: 'Asia/Tokyo' })).toEqual([{ path: 'schedule.cron', message: expect.stringMatching(message) }]);
  });

  test.each([
    ['* 9 ? * MON *', 1], ['0/5 * * * ? *', 5], ['0,50 * ? * MON *', 10], ['50,0 9,10 ? * MON *', 10], ['0,14 9 ? * MON *', 14], ['0,55 0,23 * * ? *', 5], ['0-30/14,30 9 ? * MON *', 2],
  ])('%s is too often: again after %i minutes', (cron, minutes) => {
    expect(read({ cron, timeZone: 'Asia/Tokyo' })).toEqual([
      { path: 'schedule.cron', message: expect.stringMatching(`must be at most once every 15 minutes, got .* again after ${minutes} minutes?$`) },
    ]);
  });

  test('needs a time zone', () => {
    expect(read({ cron: '0 9 ? * MON *' })).toMatchObject([{ path: 'schedule.timeZone' }]);
  });
});
