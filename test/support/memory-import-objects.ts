import { ImportObjects } from '../../src/domain/audience/import-objects';

/** Objects of a bucket, in memory. */
export class MemoryImportObjects implements ImportObjects {
  public readonly bucket = 'imports-bucket';
  public readonly objects = new Map<string, string>();

  public async read(key: string): Promise<string | undefined> {
    return this.objects.get(key);
  }

  public async write(key: string, body: string): Promise<void> {
    this.objects.set(key, body);
  }

  public async create(key: string, body: string): Promise<boolean> {
    if (this.objects.has(key)) {
      return false;
    }
    this.objects.set(key, body);
    return true;
  }

  public async list(prefix: string): Promise<readonly string[]> {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  /** The JSON of an object; undefined when there is none. */
  public json(key: string): any {
    const text = this.objects.get(key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  public jsonLines(key: string): any[] {
    return (this.objects.get(key) ?? '').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
  }
}
