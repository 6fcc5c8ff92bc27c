import { documented } from './support/documented';
import { CANARY_PEOPLE, CHUNK_PEOPLE } from '../src/contract/campaigns';
import { MULTICAST_MAX_RECIPIENTS } from '../src/contract/limits';
import { LIST_PRICES_PER_MILLION, campaignCost, totalUsd } from '../src/domain/campaigns/campaign-cost';

const { table, page } = documented('docs/cost.md');

/** Of a campaign with one treatment and a canary. */
function sizeOf(recipients: number) {
  return {
    recipients,
    chunks: 1 + Math.ceil((recipients - CANARY_PEOPLE) / CHUNK_PEOPLE),
    batches: Math.ceil(recipients / MULTICAST_MAX_RECIPIENTS),
  };
}

const text = (count: number) => count.toLocaleString('en');

test('a million equal messages cost what the page says, under a dollar', () => {
  const lines = campaignCost(sizeOf(1_000_000));
  expect(table('service', 'what is billed', 'quantity')).toEqual([
    ...lines.map(({ service, unit, quantity, usdPerMillion, usd }) => [service, unit, text(quantity), String(usdPerMillion), usd.toFixed(4)]),
    ['**together**', '', '', '', `**${totalUsd(lines).toFixed(4)}**`],
  ]);
  expect(totalUsd(lines)).toBeLessThan(1);
});

test.each(table('people', 'chunks', 'requests to LINE').map((row) => [row[0], row] as const))('%s people cost what the page says', (people, row) => {
  const size = sizeOf(Number(people.replaceAll(',', '')));
  expect(row).toEqual([people, text(size.chunks), text(size.batches), totalUsd(campaignCost(size)).toFixed(4)]);
});

test('an import is worked out with the same prices', () => {
  const [, section] = page.split('## An import');
  const rows = [...section.matchAll(/^\| Amazon DynamoDB \| (\w+) .* \| ([\d,]+) \| ([\d.]+) \| ([\d.]+) \|$/gm)].map(([, ...cells]) => cells);
  const prices = { write: LIST_PRICES_PER_MILLION.dynamoWrites, read: LIST_PRICES_PER_MILLION.dynamoReads };
  expect(rows).toEqual(Object.entries(prices).map(([kind, price]) => [kind, '2,000,000', String(price), (2 * price).toFixed(4)]));
});
