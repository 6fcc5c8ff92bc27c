/** Does something with each item, so many at a time. Throws what the first to fail throws, when nothing is at work any more. */
export async function sideBySide<T>(items: readonly T[], most: number, work: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const item = items[next++];
      try {
        await work(item);
      } catch (error) {
        // Nobody begins another.
        next = items.length;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(most, items.length) }, lane));
  const failed = lanes.find((each): each is PromiseRejectedResult => each.status === 'rejected');
  if (failed) {
    throw failed.reason;
  }
}

/** What is read for each item, in the items' order, with so many being read ahead. */
export async function* readAhead<T, R>(items: readonly T[], most: number, read: (item: T) => Promise<R>): AsyncGenerator<R> {
  const reading: Promise<R>[] = [];
  let next = 0;
  const begin = () => {
    const result = read(items[next++]);
    // Thrown where it is awaited; until then nobody listens.
    result.catch(() => undefined);
    reading.push(result);
  };
  while (next < items.length && reading.length < most) {
    begin();
  }
  while (reading.length > 0) {
    const result = await reading.shift()!;
    if (next < items.length) {
      begin();
    }
    yield result;
  }
}
