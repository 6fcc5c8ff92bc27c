import { handleGroupsSideBySide, handleInOrder } from '../../../src/domain/shared/message-groups';

/** `a1` is message 1 of group a; `-1` has no group. */
const record = (messageId: string) => ({ messageId, body: '', attributes: messageId.startsWith('-') ? {} : { MessageGroupId: messageId[0] } });
const records = ['a1', 'b1', 'a2', '-1', 'b2', '-2'].map(record);
const failed = (...ids: string[]) => ({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) });

describe.each([
  ['in order', handleInOrder],
  ['side by side', handleGroupsSideBySide],
] as const)('%s', (_name, handleAll) => {
  test('nothing fails when all succeed', async () => {
    expect(await handleAll(records, async () => true)).toEqual(failed());
  });

  test('a failure fails the rest of its group unseen, and no other', async () => {
    // GIVEN
    const seen: string[] = [];
    // WHEN
    const response = await handleAll(records, async ({ messageId }) => {
      seen.push(messageId);
      return messageId !== 'a1' && messageId !== '-1';
    });
    // THEN
    expect(seen.sort()).toEqual(['-1', '-2', 'a1', 'b1', 'b2']);
    expect(response.batchItemFailures).toHaveLength(3);
    expect(response.batchItemFailures).toEqual(expect.arrayContaining(failed('a1', 'a2', '-1').batchItemFailures));
  });

  test('each group keeps its order', async () => {
    // GIVEN first messages that take longer than second ones
    const done: string[] = [];
    // WHEN
    await handleAll(records, async ({ messageId }) => {
      await new Promise((resolve) => setTimeout(resolve, messageId.endsWith('1') ? 20 : 0));
      done.push(messageId);
      return true;
    });
    // THEN
    expect(done.filter((id) => id.startsWith('a'))).toEqual(['a1', 'a2']);
    expect(done.filter((id) => id.startsWith('b'))).toEqual(['b1', 'b2']);
  });

  test('an empty batch has no failures', async () => {
    expect(await handleAll([], async () => false)).toEqual(failed());
  });
});

test('in order means one at a time', async () => {
  let running = 0;
  let most = 0;
  await handleInOrder(records, async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    return true;
  });
  expect(most).toBe(1);
});

test('side by side means that groups do not wait for each other', async () => {
  // GIVEN a group a that can only go on after group b has begun
  let begun: () => void;
  const other = new Promise<void>((resolve) => { begun = resolve; });
  // WHEN THEN it ends
  const response = await handleGroupsSideBySide([record('a1'), record('b1')], async ({ messageId }) => {
    if (messageId === 'b1') {
      begun();
    }
    await other;
    return true;
  });
  expect(response).toEqual(failed());
});
