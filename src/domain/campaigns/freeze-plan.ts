import { FreezePlan, SourceExpression, SourceLeaf, runKey } from '../../contract/campaigns';

/** Keys of what a freeze writes, besides the spill. */
export const freezeKeys = {
  plan: (runId: string, generation: number) => runKey(runId, `freeze-${generation}/plan.json`),
  parts: (runId: string, generation: number) => runKey(runId, `freeze-${generation}/parts.jsonl`),
  read: (runId: string, generation: number, part: number) => runKey(runId, `freeze-${generation}/read/${part}.json`),
  spilled: (runId: string, generation: number) => runKey(runId, `freeze-${generation}/spilled.json`),
  packed: (runId: string, generation: number) => runKey(runId, `freeze-${generation}/packed.json`),
  openChunk: (runId: string, generation: number, partition: number, treatment: string) =>
    runKey(runId, `freeze-${generation}/packed-${partition}/${treatment}.jsonl`),
  chunk: (runId: string, generation: number, name: string) => runKey(runId, `chunks-${generation}/${name}.jsonl`),
  index: (runId: string, generation: number) => runKey(runId, `chunks-${generation}/index.jsonl`),
  lists: (runId: string, generation: number) => runKey(runId, `source-${generation}/`),
};

/** The input of a run, which generations have in common. */
export function inputKey(runId: string): string {
  return runKey(runId, 'input.json');
}

/** The chunk's treatment is in its name, `<treatment>-<number>`. */
export function treatmentOfChunk(name: string): string {
  return name.slice(0, name.lastIndexOf('-'));
}

/** People of the leaf are sent to although the table does not know them. */
export function includesUnknown(leaf: SourceLeaf): boolean {
  return (leaf.kind === 'list' || leaf.kind === 'lists') && leaf.includeUnknown;
}

/** What of a leaf is known; nothing of those that are absent. */
type Known = ReadonlyMap<number, boolean>;

/**
 * Whether people of a leaf need their endpoint from the table when the part that finds them is read: not when the table is read
 * anyway, and not when whoever is in the leaf is left out, as those are whom a difference takes away.
 */
export function needsEndpoints({ expression, readsTable }: FreezePlan, leaf: number): boolean {
  return !readsTable && mayHold(expression, true, new Map([[leaf, true]]));
}

/** Whether a person whom no filter lets in may belong to the source all the same, so that every row of the table is needed. */
export function needsEveryRow({ expression, leaves, readsTable }: FreezePlan): boolean {
  const tableLeaves = leaves.flatMap(({ kind }, number) => (kind === 'table' ? [[number, false] as const] : []));
  return readsTable && tableLeaves.length < leaves.length && mayHold(expression, true, new Map(tableLeaves));
}

/** Leaves whose people are left out of the source, at one place of it or more. */
export function leavesLeftOut(expression: SourceExpression, isOut = false): readonly number[] {
  if ('leaf' in expression) {
    return isOut ? [expression.leaf] : [];
  }
  if ('not' in expression) {
    return leavesLeftOut(expression.not, !isOut);
  }
  if ('sample' in expression) {
    return leavesLeftOut(expression.sample, isOut);
  }
  return ('all' in expression ? expression.all : expression.any).flatMap((part) => leavesLeftOut(part, isOut));
}

/** Whether the expression may come out so for somebody; errs towards yes. */
function mayHold(expression: SourceExpression, value: boolean, known: Known): boolean {
  if ('leaf' in expression) {
    return (known.get(expression.leaf) ?? value) === value;
  }
  if ('not' in expression) {
    return mayHold(expression.not, !value, known);
  }
  if ('sample' in expression) {
    return value ? mayHold(expression.sample, true, known) : true;
  }
  const [parts, isAll] = 'all' in expression ? [expression.all, true] : [expression.any, false];
  return isAll === value ? parts.every((part) => mayHold(part, value, known)) : parts.some((part) => mayHold(part, value, known));
}
