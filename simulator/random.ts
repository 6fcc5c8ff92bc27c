/**
 * A repeatable sequence of numbers in [0, 1): Park and Miller's minimal standard generator.
 * Equal seeds give equal sequences on every machine; good enough for test plans, for nothing else.
 */
export function seededRandom(seed: number): () => number {
  const modulus = 2_147_483_647;
  let state = Math.abs(Math.trunc(seed)) % (modulus - 1) + 1;
  return () => {
    state = state * 48_271 % modulus;
    return (state - 1) / (modulus - 1);
  };
}

/** A copy of the list in a repeatable random order (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other], result[last]];
  }
  return result;
}
