/** The bucket of a runner. Keys are those of `contract/campaigns.ts`. */
export interface CampaignObjects {
  readonly bucket: string;
  /** The text of an object; undefined when there is none. */
  read(key: string): Promise<string | undefined>;
  /** Over an earlier object. */
  write(key: string, body: string | Uint8Array): Promise<void>;
  /** Unless there is an object. @returns whether it was written */
  create(key: string, body: string): Promise<boolean>;
}

/** @throws when there is none, naming it */
export async function readJson<T>(objects: CampaignObjects, key: string): Promise<T> {
  const text = await objects.read(key);
  if (text === undefined) {
    throw new Error(`object ${key} of bucket ${objects.bucket} is gone: it was deleted by hand, or its run is older than the bucket's lifecycle rule keeps it; start the campaign again`);
  }
  return JSON.parse(text);
}

/** Values of an object of JSON Lines; none when there is no object. */
export async function readJsonLines<T>(objects: CampaignObjects, key: string): Promise<T[]> {
  return linesOf(await objects.read(key) ?? '').map((line) => JSON.parse(line));
}

/** A text's lines that are not empty. */
export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** JSON Lines, each ended. */
export function jsonLines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}
