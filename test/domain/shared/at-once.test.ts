import { eachAtOnce, inGroups } from '../../../src/domain/shared/at-once';

describe('eachAtOnce', () => {
  test('does every item, so many at a time', async () => {
    let atWork = 0;
    let most = 0;
    const done: number[] = [];
    await eachAtOnce(Array.from({ length: 100 }, (_, index) => index), 7, async (item) => {
      most = Math.max(most, ++atWork);
      await new Promise((resolve) => setTimeout(resolve, item % 3));
      atWork--;
      done.push(item);
    });
    expect(most).toBe(7);
    expect(done.sort((one, other) => one - other)).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  test('asks for an item only when there is a place for it', async () => {
    let asked = 0;
    let done = 0;
    const items = (function* () {
      while (asked < 20) {
        expect(asked - done).toBeLessThanOrEqual(3);
        yield asked++;
      }
    })();
    await eachAtOnce(items, 3, async () => {
      await new Promise(setImmediate);
      done++;
    });
    expect(done).toBe(20);
  });

  test('begins nothing after a failure, and throws it when all that was begun is done', async () => {
    const begun: number[] = [];
    let finished = 0;
    const work = eachAtOnce([1, 2, 3, 4, 5, 6], 3, async (item) => {
      begun.push(item);
      await new Promise((resolve) => setTimeout(resolve, item === 1 ? 1 : 20));
      if (item === 1) {
        throw new Error('one');
      }
      finished++;
    });
    await expect(work).rejects.toThrow('one');
    expect(begun).toEqual([1, 2, 3]);
    expect(finished).toBe(2);
  });

  test('of nothing does nothing', async () => {
    await eachAtOnce([], 3, async () => { throw new Error(); });
  });
});

test.each([
  [0, []], [2, [[0, 1]]], [4, [[0, 1, 2], [3]]], [6, [[0, 1, 2], [3, 4, 5]]],
])('%d items in groups of three', (length, groups) => {
  expect([...inGroups(Array.from({ length }, (_, index) => index), 3)]).toEqual(groups);
});
