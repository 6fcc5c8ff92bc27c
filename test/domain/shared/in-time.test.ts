import { inTime } from '../../../src/domain/shared/in-time';

const sleep = jest.fn();
const time = { remainingMs: () => 0, sleep };

test('work that is done in time is waited for, and the timer ended', async () => {
  // GIVEN
  let signal: AbortSignal | undefined;
  sleep.mockImplementation(async (_milliseconds, given) => new Promise((_resolve, reject) => {
    signal = given;
    given.addEventListener('abort', () => reject(given.reason));
  }));
  // THEN
  expect(await inTime(Promise.resolve(7), 5, time)).toBe(7);
  expect(sleep).toHaveBeenCalledWith(5, signal);
  expect(signal?.aborted).toBe(true);
});

test('work that fails in time fails', async () => {
  sleep.mockReturnValue(new Promise(() => undefined));
  await expect(inTime(Promise.reject(new Error('no')), 5, time)).rejects.toThrow('no');
});

test('work that takes longer is waited for no longer', async () => {
  sleep.mockResolvedValue(undefined);
  await expect(inTime(new Promise(() => undefined), 5, time)).rejects.toThrow('the time of the invocation is over');
});
