import { inSample } from './stable-share';
import { SourceExpression } from '../../contract/campaigns';

/**
 * Whether a person belongs to a source.
 *
 * @param leaves numbers of the leaves that the person was found in
 * @param id LINE user id, by which samples are drawn
 */
export function evaluate(expression: SourceExpression, leaves: ReadonlySet<number>, id: string): boolean {
  if ('leaf' in expression) {
    return leaves.has(expression.leaf);
  }
  if ('all' in expression) {
    return expression.all.every((part) => evaluate(part, leaves, id));
  }
  if ('any' in expression) {
    return expression.any.some((part) => evaluate(part, leaves, id));
  }
  if ('not' in expression) {
    return !evaluate(expression.not, leaves, id);
  }
  return evaluate(expression.sample, leaves, id) && inSample(expression.seed, id, expression.percent);
}
