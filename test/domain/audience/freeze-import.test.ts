import { FreezeInput, IMPORT_CHUNK_ROWS, ImportConfig, ImportExecution, ImportRow, ImportStats, RejectedRow, WriteItem, importKey } from '../../../src/contract/imports';
import { TAG_SHARDS } from '../../../src/contract/subscriber';
import { FreezeImportDependencies, freezeImport } from '../../../src/domain/audience/freeze-import';
import { importIdOf } from '../../../src/domain/audience/import-id';
import { jsonLinesOf } from '../../../src/domain/audience/import-objects';
import { ImportRefused } from '../../../src/domain/audience/import-refused';
import { JobNotification } from '../../../src/domain/shared/notification';
import { parseCsv } from '../../../src/runtime/csv-parser';
import { MemoryImportObjects } from '../../support/memory-import-objects';
import { RecordedTelemetry } from '../../support/recorded-telemetry';

const KEY = 'import/春 a+b.csv';
const MODIFIED_AT = Date.parse('2026-11-23T09:00:00Z');
const STARTED_AT = '2026-11-23T09:01:00.000Z';
const id = (index: number) => `U${index.toString(16).padStart(32, '0')}`;
const eventOf = (object: object = {}): ImportExecution => ({ detail: { bucket: { name: 'files' }, object: { key: KEY, size: 9, etag: 'e1', sequencer: '1', ...object } } });

class World {
  public readonly objects = new MemoryImportObjects();
  public readonly telemetry = new RecordedTelemetry();
  public readonly notifications: JobNotification[] = [];
  public config: ImportConfig = {
    name: 'Import', channelKey: 'line', format: 'AUTO', columns: {}, otherColumns: 'ATTRIBUTES', maxRejectedPercent: 10, allowReOptIn: false, tag: { kind: 'none' }, replaceTag: false,
  };
  /** Pieces of the file; undefined when it is gone. */
  public content?: string[] = [];
  public etag = 'e1';
  public remainingMs = 900_000;
  public opened = 0;
  public closed = 0;
  public atWork = 0;
  public mostAtWork = 0;
  /** Thrown by the write of an object whose key ends so. */
  public failing?: string;
  /** Thrown when the file was read. */
  public broken?: Error;

  public async freeze(event: ImportExecution = eventOf(), execution = 'first') {
    const input: FreezeInput<ImportExecution> = { input: event, execution, startedAt: STARTED_AT };
    const deps: FreezeImportDependencies = {
      config: this.config,
      objects: this.objects,
      writeBytes: async (key, bytes) => {
        this.atWork += 1;
        this.mostAtWork = Math.max(this.mostAtWork, this.atWork);
        await new Promise((resolve) => setTimeout(resolve, 1));
        this.atWork -= 1;
        if (this.failing && key.endsWith(this.failing)) {
          throw new Error('SlowDown');
        }
        await this.objects.write(key, bytes.toString('utf8'));
      },
      openFile: async ({ bucket, key }) => {
        expect([bucket, key]).toEqual(['files', event.detail.object.key]);
        this.opened += 1;
        const { content, broken } = this;
        return content && {
          modifiedAt: MODIFIED_AT,
          etag: this.etag,
          bytes: async function* () {
            yield* content.map((piece) => Buffer.from(piece));
            if (broken) {
              throw broken;
            }
          },
          close: () => { this.closed += 1; },
        };
      },
      parseCsv,
      notify: async (notification) => { this.notifications.push(notification); },
      telemetry: this.telemetry,
      remainingMs: () => this.remainingMs,
    };
    return freezeImport(input, deps);
  }

  public lines<T>(name: string): T[] {
    return [...jsonLinesOf<T>(this.objects.objects.get(importKey(ID, name)) ?? '')];
  }

  public get stats(): ImportStats {
    return this.lines<ImportStats>('stats.json')[0];
  }

  /** Names of the objects, sorted. */
  public get names(): string[] {
    return [...this.objects.objects.keys()].map((key) => key.slice(importKey(ID, '').length)).sort();
  }
}

const ID = importIdOf(eventOf(), 'Import');

let world: World;
beforeEach(() => { world = new World(); });

test('a file is frozen as chunks, and what is wrong with it as rejects', async () => {
  // GIVEN
  const rows = Array.from({ length: 12_000 }, (_, index) => `${id(index)},${index}\n`);
  world.content = ['Address,Metrics.n\n', ...rows.slice(0, 7_000), 'nobody,1\n', ...rows.slice(7_000), `EMAIL\n${id(1)},x\n`];
  // WHEN
  const answer = await world.freeze();
  // THEN
  expect(answer).toEqual({ next: 'WRITE', importId: ID, items: { bucket: world.objects.bucket, key: importKey(ID, 'items.jsonl') } });
  expect(world.names).toEqual([
    'chunks/00000.jsonl', 'chunks/00001.jsonl', 'chunks/00002.jsonl', 'claim.json', 'items.jsonl', 'rejects/00000.jsonl', 'stats.json',
  ]);
  const items = world.lines<WriteItem>('items.jsonl');
  expect(items).toEqual([0, 1, 2].map((number) => (
    { importId: ID, number, chunk: { bucket: world.objects.bucket, key: importKey(ID, `chunks/0000${number}.jsonl`) } })));
  const chunks = items.map(({ number }) => world.lines<ImportRow>(`chunks/0000${number}.jsonl`));
  expect(chunks.map(({ length }) => length)).toEqual([IMPORT_CHUNK_ROWS, IMPORT_CHUNK_ROWS, 2_000]);
  expect(chunks.flat().map(({ endpoint }) => endpoint.Metrics!.n)).toEqual(rows.map((_, index) => index));
  expect(chunks[0][0]).toEqual({
    line: 2, at: MODIFIED_AT, endpoint: { Address: id(0), ChannelType: 'CUSTOM', OptOut: 'NONE', EndpointStatus: 'ACTIVE', Metrics: { n: 0 } },
  });
  expect(world.lines<RejectedRow>('rejects/00000.jsonl').map(({ line, column }) => [line, column])).toEqual([
    [7_002, 'Address'], [12_003, undefined], [12_004, 'Metrics.n'],
  ]);
  expect(world.stats).toEqual({
    importId: ID, file: KEY, startedAt: STARTED_AT, rows: 12_003, frozen: 12_000, ignored: 0, rejected: 3, leftOut: [],
  });
  expect(world.notifications).toEqual([expect.objectContaining({
    type: 'started', body: { Message: 'Import Started', Input: { S3URL: `s3://files/${KEY}`, ImportId: ID } },
  })]);
  expect(world.mostAtWork).toBeLessThanOrEqual(6);
  expect(world.telemetry.codes).toEqual(['IMPORT_FROZEN']);
});

test('large rows make chunks of fewer rows, so that memory stays flat', async () => {
  const columns = Array.from({ length: 100 }, (_, index) => `Attributes.a${index}`);
  world.content = [`Address,${columns}\n`, ...Array.from({ length: 2_000 }, (_, index) => `${id(index)},${columns.map(() => '春'.repeat(40))}\n`)];
  await world.freeze();
  const chunks = world.lines<WriteItem>('items.jsonl').map(({ chunk }) => world.objects.objects.get(chunk!.key)!);
  expect(chunks.length).toBeGreaterThan(4);
  expect(Math.max(...chunks.map((chunk) => Buffer.byteLength(chunk)))).toBeLessThan(5 * 1024 * 1024);
  const ids = chunks.flatMap((chunk) => [...jsonLinesOf<ImportRow>(chunk)].map(({ endpoint }) => endpoint.Address));
  expect(ids).toEqual(Array.from({ length: 2_000 }, (_, index) => id(index)));
});

describe('an event that comes twice', () => {
  beforeEach(() => { world.content = [`Address\n${id(1)}\n`]; });

  test('is imported by the execution that was first', async () => {
    await world.freeze();
    const before = new Map(world.objects.objects);
    expect(await world.freeze(eventOf(), 'second')).toEqual({ next: 'SKIP', importId: ID });
    expect(world.objects.objects).toEqual(before);
    expect(world.opened).toBe(1);
    expect(world.notifications).toHaveLength(1);
  });

  test('to the same execution, after an upload failed, is imported from the beginning', async () => {
    world.failing = '00000.jsonl';
    await expect(world.freeze()).rejects.toThrow('SlowDown');
    expect(world.names).toEqual(['claim.json']);
    world.failing = undefined;
    expect(await world.freeze()).toMatchObject({ next: 'WRITE' });
    expect(world.notifications).toHaveLength(1);
  });

  test.each<[Partial<ImportConfig>]>([[{ tag: { kind: 'fixed', tag: 'vip' }, replaceTag: true }], [{ maxRejectedPercent: 0 }]])(
    'to the same execution, after its answer was lost, gets the same answer: %j', async (config) => {
      world.config = { ...world.config, ...config };
      world.content!.push('nobody\n');
      world.config = { ...world.config, maxRejectedPercent: config.maxRejectedPercent ?? 50 };
      const answer = await world.freeze();
      expect(await world.freeze()).toEqual(answer);
      expect(world.opened).toBe(1);
    });
});

describe('nothing is to be done for', () => {
  test.each([
    ['a folder marker', { key: 'import/folder/', size: 0 }], ['an empty object', { size: 0 }], ['an object of an import', { key: `imports/${ID}/chunks/0.jsonl` }],
  ])('%s', async (_, object) => {
    expect(await world.freeze(eventOf(object))).toMatchObject({ next: 'SKIP' });
    expect([world.names, world.opened, world.telemetry.codes]).toEqual([[], 0, ['IMPORT_SKIPPED']]);
  });

  test('a file that was written again before it was read', async () => {
    world.etag = 'e2';
    expect(await world.freeze()).toEqual({ next: 'SKIP', importId: ID });
    expect([world.closed, world.notifications.length]).toEqual([1, 0]);
  });
});

test.each([[{}], [{ detail: {} }], [{ detail: { bucket: {}, object: { key: 'a' } } }], [undefined]])('an input that is no event is told what it must be: %j', async (input) => {
  const freezeInput = { input: input as ImportExecution, execution: 'e', startedAt: STARTED_AT };
  await expect(freezeImport(freezeInput, { objects: world.objects, telemetry: world.telemetry } as unknown as FreezeImportDependencies)).rejects.toThrow('detail.bucket.name and detail.object.key must be texts');
});

describe('a file is refused', () => {
  const refusal = async () => {
    expect(await world.freeze()).toEqual({ next: 'REFUSE', importId: ID });
    expect(world.telemetry.codes).toEqual(['IMPORT_REFUSED']);
    expect(world.names).not.toContain('items.jsonl');
    expect(world.notifications.map(({ type }) => type)).toEqual(['started']);
    return world.stats;
  };

  test('when too much of it is wrong, which is told with the first row and where the others are', async () => {
    world.content = [`Address,OptOut\n${id(1)},\n${id(2)},what\n${id(3)},that\n`];
    expect((await refusal()).refused).toBe('2 of 3 rows are wrong, more than maxRejectedPercent, 10 %, allows; nothing was imported. The first one is line 3, column \'OptOut\':'
      + ` must be ALL (wants nothing), NONE (wants everything), or empty, which is NONE. All of them: s3://${world.objects.bucket}/${importKey(ID, 'rejects/')}`);
    expect(world.stats).toMatchObject({ rows: 3, frozen: 1, rejected: 2 });
    expect(world.lines('rejects/00000.jsonl')).toHaveLength(2);
    expect(JSON.stringify(world.telemetry.lines)).not.toContain('what');
  });

  test('and is not when just as much of it is wrong as may be; rows of other channels do not count', async () => {
    world.config = { ...world.config, maxRejectedPercent: 50 };
    world.content = [`ChannelType,Address\n,${id(1)}\n,nobody\n`];
    expect(await world.freeze()).toMatchObject({ next: 'WRITE' });
    world = new World();
    world.config = { ...world.config, maxRejectedPercent: 49 };
    world.content = [`ChannelType,Address\nEMAIL,x\nEMAIL,x\nEMAIL,x\n,${id(1)}\n,nobody\n`];
    expect((await refusal()).refused).toContain('1 of 2 rows are wrong');
  });

  test.each([['only a header', 'Address\n'], ['nothing but blank lines', '\n \n'], ['nothing', '']])('with %s', async (_, content) => {
    world.content = [content];
    expect((await refusal()).refused).toBe('the file has no rows, only a header or blank lines');
  });

  test('with a header that gives no id', async () => {
    world.content = ['name\n', 'x\n'];
    // Which may be somebody's name.
    expect(await refusal()).toMatchObject({ refused: expect.stringContaining('no column gives a LINE user id'), quotesHeader: true });
    expect(world.closed).toBe(1);
  });

  test('that cannot be unzipped, whatever was read of it', async () => {
    world.content = ['Address\n', ...Array.from({ length: 6_000 }, (_, index) => `${id(index)}\n`), 'nobody\n'];
    world.broken = new ImportRefused('the file is cut off');
    expect(await refusal()).toMatchObject({ refused: 'the file is cut off' });
    expect(world.stats.quotesHeader).toBeUndefined();
    expect(world.stats.frozen).toBeGreaterThan(IMPORT_CHUNK_ROWS);
  });

  test('that is gone', async () => {
    world.content = undefined;
    expect((await refusal()).refused).toContain('deleted before it was read');
  });

  test('that was written again while it was imported', async () => {
    world.content = ['Address\n'];
    world.broken = new Error('ECONNRESET');
    await expect(world.freeze()).rejects.toThrow('ECONNRESET');
    world.etag = 'e2';
    expect((await refusal()).refused).toContain('written again while it was being imported');
  });

  test('that takes longer than an invocation', async () => {
    world.content = [`Address\n${id(1)}\n`];
    world.remainingMs = 29_999;
    expect((await refusal()).refused).toContain('too large to be read in the time of an invocation');
  });

  test('whose rows would take the tag from everybody', async () => {
    world.config = { ...world.config, tag: { kind: 'fixed', tag: 'vip' }, replaceTag: true };
    world.content = ['ChannelType,Address\nEMAIL,x\n'];
    expect((await refusal()).refused).toContain('the tag \'vip\' would be taken from everybody');
  });

  test('whose name makes no tag', async () => {
    world.config = { ...world.config, tag: { kind: 'fileName' } };
    expect(await world.freeze(eventOf({ key: `import/${'x'.repeat(65)}.csv`, etag: undefined }))).toMatchObject({ next: 'REFUSE' });
  });
});

test('a file of nothing but other channels\' rows has an empty chunk, since a map needs an item', async () => {
  world.content = ['ChannelType,Address\nEMAIL,x\n'];
  expect(await world.freeze()).toMatchObject({ next: 'WRITE' });
  expect(world.lines('items.jsonl')).toHaveLength(1);
  expect(world.objects.objects.get(importKey(ID, 'chunks/00000.jsonl'))).toBe('');
  expect(world.stats).toMatchObject({ rows: 1, ignored: 1, frozen: 0 });
});

describe('the tag', () => {
  beforeEach(() => { world.content = [`Address\n${id(1)}\n`]; });

  test('goes to every chunk', async () => {
    world.config = { ...world.config, tag: { kind: 'fixed', tag: 'vip' } };
    const answer = await world.freeze();
    expect(answer.sweeps).toBeUndefined();
    expect([world.lines<WriteItem>('items.jsonl').map(({ tag }) => tag), world.stats.tag]).toEqual([['vip'], 'vip']);
  });

  test('is taken from the others of every shard when it is replaced', async () => {
    world.config = { ...world.config, tag: { kind: 'fixed', tag: 'vip' }, replaceTag: true };
    expect((await world.freeze()).sweeps).toEqual({ bucket: world.objects.bucket, key: importKey(ID, 'sweeps.jsonl') });
    expect(world.lines('sweeps.jsonl')).toEqual(Array.from({ length: TAG_SHARDS }, (_, shard) => ({ importId: ID, number: 1 + shard, sweep: { tag: 'vip', shard } })));
  });

  test('is the file\'s name', async () => {
    world.config = { ...world.config, tag: { kind: 'fileName' } };
    await world.freeze();
    expect(world.stats.tag).toBe('春 a-b');
  });
});
