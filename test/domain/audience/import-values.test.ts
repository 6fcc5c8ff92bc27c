import * as fc from 'fast-check';
import {
  byteStringOf, decimal, escapedBytes, isoText, jsonNumber, jsonText, numberOf, storableNumber, textOf, timeOf,
} from '../../../src/domain/audience/import-values';
import { scanLines } from '../../../src/domain/audience/special-lines';
import '../../support/fast-check-seed';

const FAR = Date.UTC(9_000, 0);

describe('times', () => {
  test('are those that Date knows', () => {
    fc.assert(fc.property(fc.date({ min: new Date(0), max: new Date(FAR), noInvalidDate: true }), (date) => {
      const text = date.toISOString();
      const inUtc = date.getTime() - 9.5 * 3_600_000;
      expect([timeOf(text, FAR), timeOf(text.slice(0, 19), FAR), timeOf(`${text.slice(0, 23)}+09:30`, FAR)]).toEqual(
        [date.getTime(), Math.floor(date.getTime() / 1_000) * 1_000, inUtc < 0 ? undefined : inUtc]);
      expect(isoText(timeOf(text, FAR)!, text)).toBe(text);
    }));
  });

  test.each([
    ['2024-02-29', '2024-02-29T00:00:00.000Z'], ['2024-02-29T23:59:59.999Z', '2024-02-29T23:59:59.999Z'], ['2000-02-29T00:00:00.000Z', '2000-02-29T00:00:00.000Z'],
    ['2026-11-23 09:00', '2026-11-23T09:00:00.000Z'], ['2026-11-23T09:00:00.5Z', '2026-11-23T09:00:00.500Z'], ['2026-11-23T09:00:00,57', '2026-11-23T09:00:00.570Z'],
    ['2026-11-23T09:00:00.123456789Z', '2026-11-23T09:00:00.123Z'], ['2026-11-23T09:00-0800', '2026-11-23T17:00:00.000Z'], [' 2026-11-23T09:00+09 ', '2026-11-23T00:00:00.000Z'],
  ])('%s is %s', (text, iso) => {
    expect(isoText(timeOf(text, FAR)!, text)).toBe(iso);
  });

  test.each([
    '2026-02-29', '2026-02-29T00:00:00.000Z', '2026-04-31T00:00:00.000Z', '1900-02-29T00:00:00.000Z', '2026-13-01', '2026-00-01', '2026-01-00T00:00:00.000Z', '2026-01-01T24:00:00.000Z',
    '2026-01-01T00:60:00.000Z', '2026-01-01T00:00:60.000Z', '2026-01-01T00:00:00.0x0Z', '202x-01-01T00:00:00.000Z', '1969-12-31T23:59:59.999Z', '1700000000000', 'today', '23.11.2026', '',
  ])('%s is none', (text) => {
    expect(timeOf(text, FAR)).toBeUndefined();
  });

  test('may be ahead of the file by a day', () => {
    expect([timeOf('2026-11-24T09:00:00.000Z', Date.UTC(2026, 10, 23, 9)), timeOf('2026-11-24T09:00:00.001Z', Date.UTC(2026, 10, 23, 9))]).toEqual([Date.UTC(2026, 10, 24, 9), undefined]);
  });
});

describe('numbers', () => {
  test.each([['0', 0], ['-0.5', -0.5], ['12.50', 12.5], ['007', 7], ['+1', 1], ['.5', 0.5], ['1e3', 1_000], [' 3 ', 3], ['123456789012', 123_456_789_012], ['1.', 1]])('%j is %d', (text, number) => {
    expect([numberOf(text), JSON.parse(jsonNumber(text)!)]).toEqual([number, number]);
  });

  test.each(['', 'x', '1,000', '1e126', '1e-131', 'NaN', 'Infinity', '0x10', '1 2', '1e'])('%j is none', (text) => {
    expect([numberOf(text), jsonNumber(text)]).toEqual([undefined, undefined]);
  });

  test('that DynamoDB cannot hold are none', () => {
    expect([1e125, -1e-130, 0, 1.1e125, 1e-131].map(storableNumber)).toEqual([1e125, -1e-130, 0, undefined, undefined]);
  });
});

test('decimal digits are those of the integer', () => {
  fc.assert(fc.property(fc.maxSafeNat(), (integer) => { expect(decimal(integer)).toBe(String(integer)); }));
  expect([0, 999, 1_000, 1_001, 1_000_000, 1_760_000_000_007].map(decimal)).toEqual(['0', '999', '1000', '1001', '1000000', '1760000000007']);
});

test('a text is the same after JSON, as a text and as bytes', () => {
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\u0001', '\u007f', '春', '😀', '\u2028', 'a') })), (text) => {
    expect(JSON.parse(jsonText(text))).toBe(text);
    expect(JSON.parse(`"${textOf(escapedBytes(byteStringOf(text)))}"`)).toBe(text);
  }));
  expect(JSON.parse(jsonText('a\ud800b'))).toBe('a\ufffdb');
});

test('lines with something special are found, wherever they begin in memory', () => {
  const line = fc.string({ unit: fc.constantFrom('a', '"', '\\', '\t', '\r', ' ', '!', '#', '[', ']', '\u007f', '春', '😀', '\0'), maxLength: 12 });
  fc.assert(fc.property(fc.array(line, { maxLength: 20 }), fc.integer({ min: 0, max: 7 }), fc.boolean(), (lines, offset, hasEnd) => {
    const text = lines.join('\n') + (hasEnd ? '\n' : '');
    const bytes = Buffer.from(`${'"'.repeat(offset)}${text}`).subarray(offset);
    const all = text.split('\n');
    expect(scanLines(bytes)).toEqual({
      lineFeeds: all.length - 1,
      // A carriage return before the line feed is part of the line's end.
      special: all.flatMap((each, index) => (/["\\\0-\x1f]/.test(index < all.length - 1 ? each.replace(/\r$/, '') : each) ? [index] : [])),
    });
  }), { numRuns: 500 });
});
