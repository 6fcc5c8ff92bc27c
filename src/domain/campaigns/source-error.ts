import { InputProblem, problemsText } from '../../contract/segments';

/** Why a source cannot be read as it was registered and chosen. The message names path, what is allowed and the fix; it may go into a log. */
export class SourceError extends Error {
  public readonly name = 'SourceError';

  constructor(public readonly problems: readonly InputProblem[]) {
    super(problemsText(problems));
  }
}
