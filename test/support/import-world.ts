import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { FakeDynamoDb } from './fake-dynamodb';
import { MemoryImportObjects } from './memory-import-objects';
import { RecordedTelemetry } from './recorded-telemetry';
import { ImportRow, WriteItem, WriteResult, importKey } from '../../src/contract/imports';
import { SubscriberRow, TagRow } from '../../src/contract/subscriber';
import { jsonLines } from '../../src/domain/audience/import-objects';
import { tagShard } from '../../src/domain/audience/subscriber-tag';
import { writeImport } from '../../src/domain/audience/write-import';
import { fromAttributeMap } from '../../src/domain/shared/attribute-value';
import { attributeMap } from '../../src/runtime/attribute-map';
import { DynamoImportTable } from '../../src/runtime/import-table';
import { DynamoSubscriberStore } from '../../src/runtime/subscriber-store';

/** When imports of a test begin, unless it says otherwise. */
export const STARTED_AT = Date.parse('2026-11-01T00:00:00.000Z');

export function userId(number: number): string {
  return `U${number.toString(16).padStart(32, '0')}`;
}

/** An `ImportRow` of a person who is opted in, unless the endpoint says otherwise. */
export function importRow(person: number, at: number, endpoint: Partial<ImportRow['endpoint']> = {}, line = person): ImportRow {
  return { line, at, endpoint: { Address: userId(person), ChannelType: 'CUSTOM', OptOut: 'NONE', EndpointStatus: 'ACTIVE', ...endpoint } };
}

/** A subscriber table and an import's bucket. */
export class ImportWorld {
  public readonly dynamo = new FakeDynamoDb();
  public readonly objects = new MemoryImportObjects();
  public readonly telemetry = new RecordedTelemetry();
  public readonly store: DynamoSubscriberStore;
  public readonly table: DynamoImportTable;
  private items = 0;

  constructor(public allowReOptIn = false) {
    const client = this.dynamo as unknown as DynamoDBClient;
    this.store = new DynamoSubscriberStore(client, 'Subscribers', 'line');
    this.table = new DynamoImportTable(client, 'Subscribers', 'line', async () => {});
  }

  public begin(importId: string, startedAt = STARTED_AT): void {
    this.objects.objects.set(importKey(importId, 'claim.json'), JSON.stringify({ owner: 'execution', claimedAt: new Date(startedAt).toISOString() }));
  }

  /** Writes rows as one chunk. */
  public async write(rows: readonly ImportRow[], { importId = 'import-1', tag }: { importId?: string; tag?: string } = {}): Promise<WriteResult> {
    return this.run(this.chunk(rows, importId, tag));
  }

  /** Freezes rows as a chunk of an import, which begins with it. */
  public chunk(rows: readonly ImportRow[], importId = 'import-1', tag?: string): WriteItem {
    const number = this.items++;
    if (!this.objects.objects.has(importKey(importId, 'claim.json'))) {
      this.begin(importId);
    }
    const key = importKey(importId, `chunks/${number}.jsonl`);
    this.objects.objects.set(key, jsonLines(rows));
    const item: WriteItem = { importId, number, chunk: { bucket: this.objects.bucket, key }, ...(tag !== undefined && { tag }) };
    const itemsKey = importKey(importId, 'items.jsonl');
    this.objects.objects.set(itemsKey, (this.objects.objects.get(itemsKey) ?? '') + jsonLines([item]));
    return item;
  }

  public async run(item: WriteItem): Promise<WriteResult> {
    await writeImport(item, this.dependencies());
    return this.objects.json(importKey(item.importId, `results/${item.number}.json`));
  }

  /** Takes a tag from those who are not in the file. @returns how many lost it, or undefined when nothing was swept */
  public async sweep(tag: string, importId: string): Promise<number | undefined> {
    let untagged: number | undefined;
    for (let shard = 0; shard < 32; shard++) {
      const result: WriteResult | undefined = await this.run({ importId, number: 1_000 + shard, sweep: { tag, shard } });
      untagged = result && (untagged ?? 0) + result.untagged;
    }
    return untagged;
  }

  public row(person: number): Partial<SubscriberRow> | undefined {
    const item = this.dynamo.row(`line#${userId(person)}`, 'ENDPOINT');
    return item && fromAttributeMap(item);
  }

  /** Puts a row that somebody else made. */
  public put(person: number, row: object): void {
    const key = { pk: `line#${userId(person)}`, sk: 'ENDPOINT' };
    this.dynamo.items.set(`${key.pk} ${key.sk}`, attributeMap({ ...key, ...row }));
  }

  public tagRow(tag: string, person: number): TagRow | undefined {
    const item = this.dynamo.row(`TAG#line#${tag}#${tagShard(userId(person))}`, userId(person));
    return item && fromAttributeMap(item) as unknown as TagRow;
  }

  /** Everything that names a person. */
  public traces(person: number): string[] {
    return [...this.dynamo.items.keys()].filter((key) => key.includes(userId(person)));
  }

  public dependencies() {
    return { config: { allowReOptIn: this.allowReOptIn }, table: this.table, objects: this.objects, telemetry: this.telemetry };
  }
}
