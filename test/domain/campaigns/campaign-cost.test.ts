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
  expect(puts(1_000_000)).toBe(40 * 128);
  expect(puts(10_000_000)).toBe(400 * 256);
  expect(puts(3)).toBe(3);
  expect(puts(0)).toBe(0);
});
