import { closestName } from '../../src/contract/closest-name';

const NAMES = ['Address', 'OptOut', 'Id', 'EffectiveDate', 'City'];

test.each([
  ['address', 'Address'], ['Adress', 'Address'], ['opt_out', 'OptOut'], ['Opt-Out', 'OptOut'], ['optot', 'OptOut'], ['effective date', 'EffectiveDate'],
  ['ID', 'Id'], ['city', 'City'], ['Cty', 'City'],
])('%s is probably %s', (given, meant) => {
  expect(closestName(given, NAMES)).toBe(meant);
});

test.each(['', 'age', 'Town', 'Addrezzed', 'x'.repeat(1_000_000)])('%.20s is like none of them', (given) => {
  expect(closestName(given, NAMES)).toBeUndefined();
});

test('the nearest is meant, and of two as near the first', () => {
  expect(closestName('Metrix', ['Metrics', 'Metrix2', 'Metrix'])).toBe('Metrix');
  expect(closestName('Metrox', ['Metrix', 'Metrax'])).toBe('Metrix');
});
