/** The bucket of an import. Keys are those of `contract/imports.ts`. Every method throws what S3 throws. */
export interface ImportObjects {
  readonly bucket: string;
  /** The text of an object; undefined when there is none. */
  read(key: string): Promise<string | undefined>;
  /** Over an earlier object. */
  write(key: string, body: string): Promise<void>;
  /** Unless there is an object. @returns whether it was written */
  create(key: string, body: string): Promise<boolean>;
  /** Keys that begin with the prefix. */
  list(prefix: string): Promise<readonly string[]>;
}

/** @throws when there is none, naming it */
export async function readImportObject(objects: ImportObjects, key: string): Promise<string> {
  const text = await objects.read(key);
  if (text === undefined) {
    throw new Error(`object ${key} of bucket ${objects.bucket} is gone: it was deleted by hand, or by the bucket's lifecycle rule; import the file again`);
  }
  return text;
}

/** Values of JSON Lines, one after the other, so that a long text's values are not all there at once. */
export function* jsonLinesOf<T>(text: string): Generator<T> {
  let begin = 0;
  while (begin < text.length) {
    const found = text.indexOf('\n', begin);
    const end = found === -1 ? text.length : found;
    if (end > begin) {
      yield JSON.parse(text.slice(begin, end));
    }
    begin = end + 1;
  }
}

/** JSON Lines, each ended. */
export function jsonLines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}
