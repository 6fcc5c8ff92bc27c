import * as fc from 'fast-check';
import { HOLDOUT, SHARES, inSample, shareOf, treatmentOf } from '../../../src/domain/campaigns/stable-share';

const userId = (number: number) => `U${number.toString(16).padStart(32, '0')}`;

/** An id for each ten-thousandth of a seed. */
function idsByShare(seed: string): string[] {
  const ids: string[] = [];
  for (let number = 0, found = 0; found < SHARES; number++) {
    const share = shareOf(seed, userId(number));
    if (ids[share] === undefined) {
      ids[share] = userId(number);
      found++;
    }
  }
  return ids;
}

const SEED = 'run-1';
const IDS = idsByShare(SEED);
const countBy = (names: readonly string[]) =>
  names.reduce<Record<string, number>>((counts, name) => Object.assign(counts, { [name]: (counts[name] ?? 0) + 1 }), {});
const dealt = (weights: Record<string, number>, holdoutPercent = 0) => {
  const treatments = Object.entries(weights).map(([name, weight]) => ({ name, weight }));
  const shares = IDS.map((id) => treatmentOf(SEED, id, treatments, holdoutPercent));
  return countBy(shares.map((treatment) => treatment === HOLDOUT ? HOLDOUT : treatment.name));
};

/* Worked out with `printf 'spring\nU…' | sha256sum`, first 12 digits, modulo 10,000: whoever wants to know who is in a sample can. */
test.each([
  ['spring', 'U0123456789abcdef0123456789abcdef', 5416],
  ['', 'U0123456789abcdef0123456789abcdef', 7920],
  ['春', 'U00000000000000000000000000000001', 6872],
])('the share of seed %j and %s never changes', (seed, id, share) => {
  expect(shareOf(seed, id)).toBe(share);
});

test('shares are even, and those of two seeds have nothing to do with each other', () => {
  const people = Array.from({ length: 50_000 }, (_, number) => userId(number));
  const inTenth = (seed: string) => people.filter((id) => inSample(seed, id, 10));
  const [one, other] = [inTenth('one'), inTenth('other')];
  // Six standard deviations of 50,000 draws at a tenth: 402.
  expect(Math.abs(one.length - 5_000)).toBeLessThan(402);
  const both = one.filter((id) => inSample('other', id, 10)).length;
  expect(Math.abs(both - other.length / 10)).toBeLessThan(130);
});

test.each([[0.01, 1], [0.57, 57], [1.15, 115], [10, 1_000], [33.33, 3_333], [99.99, 9_999], [100, 10_000], [0, 0]])('a sample of %d %% is %i ten-thousandths', (percent, shares) => {
  expect(IDS.filter((id) => inSample(SEED, id, percent))).toHaveLength(shares);
});

test('a larger sample holds the smaller one', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 0, max: 10_000 }), fc.string(), fc.string(), (a, b, seed, id) => {
    const [smaller, larger] = [Math.min(a, b) / 100, Math.max(a, b) / 100];
    expect(!inSample(seed, id, smaller) || inSample(seed, id, larger)).toBe(true);
  }));
});

test.each<[string, Record<string, number>, number, Record<string, number>]>([
  ['one treatment', { 0: 1 }, 0, { 0: 10_000 }],
  ['equal weights', { a: 1, b: 1 }, 0, { a: 5_000, b: 5_000 }],
  ['weights and a holdout', { a: 1, b: 1, c: 2 }, 10, { HOLDOUT: 1_000, a: 2_250, b: 2_250, c: 4_500 }],
  ['weights that do not come out even', { a: 1, b: 1, c: 1 }, 0, { a: 3_333, b: 3_334, c: 3_333 }],
  ['a holdout of two decimals', { a: 70, b: 30 }, 0.57, { HOLDOUT: 57, a: 6_960, b: 2_983 }],
  ['a small weight first', { a: 1, b: 999 }, 0, { a: 10, b: 9_990 }],
  ['a small weight last', { a: 999, b: 1 }, 0, { a: 9_990, b: 10 }],
  ['five treatments', { a: 1, b: 2, c: 3, d: 4, e: 10 }, 0, { a: 500, b: 1_000, c: 1_500, d: 2_000, e: 5_000 }],
  ['nobody but the holdout', { a: 1 }, 100, { HOLDOUT: 10_000 }],
])('%s', (_name, weights, holdoutPercent, counts) => {
  expect(dealt(weights, holdoutPercent)).toEqual(counts);
});

test('every share is within one ten-thousandth of its weight, and more holdout takes nobody back who was held out', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 5 });
  fc.assert(fc.property(weights, fc.integer({ min: 0, max: 10_000 }), (given, holdout) => {
    const counts = dealt(Object.fromEntries(given.map((weight, index) => [`t${index}`, weight])), holdout / 100);
    const sum = given.reduce((total, weight) => total + weight);
    expect(counts[HOLDOUT] ?? 0).toBe(holdout);
    given.forEach((weight, index) => expect(Math.abs((counts[`t${index}`] ?? 0) - (10_000 - holdout) * weight / sum)).toBeLessThanOrEqual(1));
  }), { numRuns: 10 });
});

test('there is nothing to be dealt out without treatments', () => {
  expect(() => treatmentOf(SEED, userId(1), [], 0)).toThrow('treatments must be at least one with a weight from 1, got 0');
});
