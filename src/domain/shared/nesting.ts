/** Objects and lists inside of each other that are taken. Writing JSON goes as deep as it nests, and a stack has an end. */
export const MAX_NESTING = 64;

/** Whether a value that was read from JSON nests deeper than is taken. It looks no deeper than that itself. */
export function nestsTooDeeply(value: unknown, levels = MAX_NESTING): boolean {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  return levels === 0 || Object.values(value).some((member) => nestsTooDeeply(member, levels - 1));
}
