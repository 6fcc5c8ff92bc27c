import { closestName } from '../../contract/closest-name';
import { InputProblem, received } from '../../contract/segments';

/** Problems that are told at once: an answer of Lambda has 6 MB at most. Source: AWS Lambda, "Lambda quotas". */
const MAX_PROBLEMS = 20;

/** Gathers what is wrong with an input, so that everything is said at once, the first 20 problems. */
export class InputProblems {
  public readonly found: InputProblem[] = [];

  /**
   * @param allowed ends the sentence "must be …"
   * @param fix what to do, without a full stop
   */
  public add(path: string, value: unknown, allowed: string, fix: string): undefined {
    return this.say(path, `must be ${allowed}, got ${received(value)}: ${fix}`);
  }

  public say(path: string, message: string): undefined {
    this.sayAll([{ path, message }]);
    return undefined;
  }

  public sayAll(problems: readonly InputProblem[]): void {
    this.found.push(...problems.slice(0, Math.max(0, MAX_PROBLEMS - this.found.length)));
  }

  /** Says of each member that is none of those allowed, which one may have been meant. */
  public refuseOthers(path: string, object: { readonly [member: string]: unknown }, allowed: readonly string[]): void {
    for (const name of Object.keys(object).filter((member) => !allowed.includes(member)).slice(0, MAX_PROBLEMS)) {
      const meant = closestName(name.slice(0, 100), allowed);
      const place = (path === '' ? name : `${path}.${name}`).slice(0, 200);
      this.say(place, `is not known here: ${meant ? `write ${meant}` : `leave it out, or write one of ${allowed.join(', ')}`}`);
    }
  }
}
