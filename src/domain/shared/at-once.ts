/**
 * Does something with each of a sequence, so many at a time; the next is asked for when one is done.
 * Throws what the first to fail throws, when nothing is at work any more.
 */
export async function eachAtOnce<T>(items: Iterable<T> | AsyncIterable<T>, most: number, work: (item: T) => Promise<unknown>): Promise<void> {
  const atWork = new Set<Promise<unknown>>();
  const failures: { readonly error: unknown }[] = [];
  for await (const item of items) {
    const begun: Promise<unknown> = work(item)
      .catch((error) => failures.push({ error }))
      .finally(() => atWork.delete(begun));
    atWork.add(begun);
    if (atWork.size >= most) {
      await Promise.race(atWork);
    }
    if (failures.length > 0) {
      break;
    }
  }
  await Promise.all(atWork);
  if (failures.length > 0) {
    throw failures[0].error;
  }
}

/** Cuts a sequence into groups of so many; the last may be shorter. */
export function* inGroups<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let group: T[] = [];
  for (const item of items) {
    group.push(item);
    if (group.length === size) {
      yield group;
      group = [];
    }
  }
  if (group.length > 0) {
    yield group;
  }
}
