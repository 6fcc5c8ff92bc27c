/** A file is refused as a whole. The message is a sentence for the operator: what is wrong, what is allowed, and the fix. */
export class ImportRefused extends Error {
  /** @param quotesHeader whether the message repeats what stands in the file's first row, which may be a person's and no header */
  constructor(message: string, public readonly quotesHeader = false) {
    super(message);
  }
}
