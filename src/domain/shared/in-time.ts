/** The time that an invocation of a function has. */
export interface InvocationTime {
  /** Milliseconds until Lambda ends the invocation. */
  remainingMs(): number;
  /** Resolves after the milliseconds; rejects when the signal is given. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<unknown>;
}

/**
 * Waits for work, but no longer than the milliseconds. Work that takes longer is not ended, only no longer waited for:
 * it has to be such that it may be done again meanwhile.
 *
 * @throws what the work throws, and an error when the time is over
 */
export async function inTime<T>(work: Promise<T>, milliseconds: number, time: InvocationTime): Promise<T> {
  const timer = new AbortController();
  const timeUp = async (): Promise<never> => {
    await time.sleep(milliseconds, timer.signal);
    throw new Error('the time of the invocation is over');
  };
  try {
    return await Promise.race([work, timeUp()]);
  } finally {
    timer.abort();
  }
}
