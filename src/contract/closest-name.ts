/**
 * The name that was probably meant, for an error's "did you mean …?": the same but for upper and lower case, hyphens,
 * underscores and blanks, or at most two letters away (one in a name of up to four letters).
 */
export function closestName(given: string, names: readonly string[]): string | undefined {
  // Nobody mistypes a name into one of another length; and the comparison below takes the product of both.
  const meant = plain(given.slice(0, 100));
  let closest: string | undefined;
  let least = Infinity;
  for (const name of names) {
    const letters = distance(meant, plain(name));
    if (letters < least && letters <= (name.length > 4 ? 2 : 1)) {
      closest = name;
      least = letters;
    }
  }
  return closest;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_\s]/g, '');
}

/** Letters that are to be inserted, left out or exchanged (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (one[i - 1] === other[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[other.length];
}
