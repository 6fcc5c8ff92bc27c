/** Most edits between a name and what was probably meant. */
const MAX_EDITS = 2;

/**
 * The allowed name that was probably meant by an unknown one, for the `did you mean` of an error: equal but for case, or at most two
 * letters put in, left out or exchanged.
 */
export function closestName(name: string, allowed: readonly string[]): string | undefined {
  const lower = name.toLowerCase();
  let closest: string | undefined;
  let fewest = Math.min(MAX_EDITS, Math.floor(name.length / 3)) + 1;
  for (const candidate of allowed) {
    const edits = editsBetween(lower, candidate.toLowerCase(), fewest);
    if (edits < fewest) {
      [closest, fewest] = [candidate, edits];
    }
  }
  return closest;
}

/** Levenshtein's distance, or some number from `enough` on. */
function editsBetween(a: string, b: string, enough: number): number {
  if (Math.abs(a.length - b.length) >= enough) {
    return enough;
  }
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const exchanged = previous[column - 1] + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(exchanged, previous[column] + 1, current[column - 1] + 1));
    }
    previous = current;
  }
  return previous[b.length];
}
