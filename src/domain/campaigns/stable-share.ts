import { createHash } from 'node:crypto';

/** Shares are whole ten-thousandths: per cent with two decimals. */
export const SHARES = 10_000;

/** Answer of {@link treatmentOf} for the people who get nothing, for comparison. */
export const HOLDOUT = 'HOLDOUT';

/**
 * The ten-thousandth that a person is in, 0 to 9,999: always the same for the same seed, and for another seed as good as drawn anew.
 * First 48 bits of SHA-256 of `<seed>\n<id>`, modulo 10,000, so that anybody can work it out again.
 */
export function shareOf(seed: string, id: string): number {
  return createHash('sha256').update(`${seed}\n${id}`, 'utf8').digest().readUIntBE(0, 6) % SHARES;
}

/** Whether a person is in the sample of so many per cent. A larger sample of the same seed holds all of a smaller one. */
export function inSample(seed: string, id: string, percent: number): boolean {
  return shareOf(seed, id) < Math.round(percent * SHARES / 100);
}

/**
 * The treatment that a person gets: always the same for the same seed, treatments (in their order) and holdout. The ten-thousandths that
 * are not held out are dealt out by weight; where that does not come out even, the boundary between two treatments is rounded to
 * the next ten-thousandth.
 *
 * @param treatments at least one; weights are whole numbers from 1
 * @param holdoutPercent of all people; at most two decimals count
 */
export function treatmentOf<T extends { readonly weight: number }>(
  runSeed: string, id: string, treatments: readonly T[], holdoutPercent: number,
): T | typeof HOLDOUT {
  const heldOut = Math.round(holdoutPercent * SHARES / 100);
  const share = shareOf(runSeed, id) - heldOut;
  if (share < 0) {
    return HOLDOUT;
  }
  const weights = treatments.reduce((sum, { weight }) => sum + weight, 0);
  let weightSoFar = 0;
  for (const treatment of treatments) {
    weightSoFar += treatment.weight;
    if (share < Math.round((SHARES - heldOut) * weightSoFar / weights)) {
      return treatment;
    }
  }
  throw new RangeError(`treatments must be at least one with a weight from 1, got ${treatments.length}`);
}
