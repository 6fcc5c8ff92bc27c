/** The end of an invocation, for everything that is waited for. */
export interface InvocationClock {
  /** The result of the work. Throws what it throws, and an error when the invocation must answer now. */
  inTime<T>(work: Promise<T>): Promise<T>;
  /** Nothing is waited for any more, so that nothing keeps the process awake. */
  stop(): void;
}

/**
 * A clock that runs out after so many milliseconds.
 *
 * @param sleep ends early, and may then throw, when the signal is aborted
 */
export function invocationClock(milliseconds: number, sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>): InvocationClock {
  const timer = new AbortController();
  const end = sleep(Math.max(0, milliseconds), timer.signal).then((): never => {
    throw new Error('the time of the invocation was over before AWS answered');
  });
  // Nobody may be waiting for it when it comes.
  end.catch(() => undefined);
  return {
    inTime: async (work) => Promise.race([work, end]),
    stop: () => timer.abort(),
  };
}
