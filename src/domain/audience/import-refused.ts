/** A file is refused as a whole. The message is a sentence for the operator: what is wrong, what is allowed, and the fix. */
export class ImportRefused extends Error {}
