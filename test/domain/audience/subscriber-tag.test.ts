import { TAG_SHARDS } from '../../../src/contract/subscriber';
import { tagShard } from '../../../src/domain/audience/subscriber-tag';
import { userId } from '../../support/import-world';

test.each([
  ['U0123456789abcdef0123456789abcdef', 10],
  [`U${'f'.repeat(32)}`, 11],
])('the shard of %s stays %d: its rows would not be found again', (id, shard) => {
  expect(tagShard(id)).toBe(shard);
});

test('people spread evenly over all shards', () => {
  const counts = new Map<number, number>();
  Array.from({ length: 32_000 }, (_, number) => tagShard(userId(number))).forEach((shard) => counts.set(shard, (counts.get(shard) ?? 0) + 1));
  expect([...counts.keys()].sort((one, other) => one - other)).toEqual(Array.from({ length: TAG_SHARDS }, (_, shard) => shard));
  expect(Math.max(...counts.values())).toBeLessThan(1_200);
});
