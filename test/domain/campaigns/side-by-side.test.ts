import { setTimeout as sleep } from 'timers/promises';
import { readAhead, sideBySide } from '../../../src/domain/campaigns/side-by-side';

/** Counts who is at work at once. */
function work() {
  const seen = { most: 0, begun: [] as number[] };
  let now = 0;
  const done = async (item: number): Promise<number> => {
    seen.begun.push(item);
    seen.most = Math.max(seen.most, ++now);
    // The first ends last.
    await sleep(20 - item);
    now--;
    if (item === 7) {
      throw new Error('seven');
    }
    return item;
  };
  return { seen, done };
}
const items = [0, 1, 2, 3, 4, 5];

test('so many at a time, everybody once', async () => {
  const { seen, done } = work();
  await sideBySide(items, 3, done);
  expect(seen).toEqual({ most: 3, begun: items });
});

test('nobody begins after one has failed, and those at work end', async () => {
  const { seen, done } = work();
  await expect(sideBySide([7, 1, 2, ...items], 3, done)).rejects.toThrow('seven');
  expect(seen.begun.slice(0, 3)).toEqual([7, 1, 2]);
  const { length } = seen.begun;
  await sleep(40);
  expect(seen.begun).toHaveLength(length);
});

test('what is read ahead comes in order', async () => {
  const { seen, done } = work();
  const read: number[] = [];
  for await (const item of readAhead(items, 3, done)) {
    read.push(item);
  }
  expect(read).toEqual(items);
  expect(seen.most).toBe(3);
});

test('what cannot be read ahead is thrown in its turn', async () => {
  const { done } = work();
  const read: number[] = [];
  await expect((async () => {
    for await (const item of readAhead([1, 2, 7, 3], 4, done)) {
      read.push(item);
    }
  })()).rejects.toThrow('seven');
  expect(read).toEqual([1, 2]);
});

test('nothing to do', async () => {
  await sideBySide([], 3, async () => { throw new Error('never'); });
  expect(await readAhead([], 3, async () => 1).next()).toEqual({ done: true, value: undefined });
});
