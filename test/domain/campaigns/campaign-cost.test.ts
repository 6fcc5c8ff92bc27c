import { campaignCost, totalUsd } from '../../../src/domain/campaigns/campaign-cost';

test('a million equal messages cost less than a dollar at list prices, service by service', () => {
  const lines = campaignCost({ recipients: 1_000_000, chunks: 200, batches: 2_000 });
  expect(totalUsd(lines)).toBeGreaterThan(0.1);
  expect(totalUsd(lines)).toBeLessThan(1);
  for (const { quantity, usdPerMillion, usd } of lines) {
    expect(usd).toBeCloseTo((quantity * usdPerMillion) / 1_000_000, 10);
  }
  expect(new Set(lines.map(({ service }) => service))).toEqual(new Set([
    'AWS Lambda', 'AWS Step Functions', 'Amazon DynamoDB', 'Amazon S3', 'Amazon EventBridge', 'Amazon CloudWatch Logs',
  ]));
});

test.each([[0, 0, 0], [1, 1, 1], [5_001, 2, 11]])('%i people cost next to nothing', (recipients, chunks, batches) => {
  const usd = totalUsd(campaignCost({ recipients, chunks, batches }));
  expect(usd).toBeGreaterThanOrEqual(0);
  expect(usd).toBeLessThan(0.02);
});

test('objects of the spill grow no faster than people once there are as many partitions as there may be', () => {
  const puts = (recipients: number) => campaignCost({ recipients, chunks: 0, batches: 0 }).find(({ unit }) => unit === 'PUT requests')!.quantity;
  // And one for each part.
  expect(puts(1_000_000) - puts(0)).toBe(40 * 128 + 39);
  expect(puts(10_000_000) - puts(0)).toBe(400 * 256 + 399);
  expect(puts(3) - puts(0)).toBe(3);
});

test('every look asks for every chunk\'s result, and there are more looks where there are more chunks', () => {
  const gets = (chunks: number) => campaignCost({ recipients: 0, chunks, batches: 0 }).find(({ unit }) => unit === 'GET requests')!.quantity;
  // Seven for each chunk, six or 37 looks at each of them; three for each look more than the five of an empty run.
  expect(gets(64) - gets(0)).toBe(64 * (7 + 6) + 3);
  expect(gets(2_048) - gets(0)).toBe(2_048 * (7 + 37) + 3 * 32);
});
