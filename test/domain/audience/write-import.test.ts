import * as fc from 'fast-check';
import { ImportRow, importKey } from '../../../src/contract/imports';
import { writeImport } from '../../../src/domain/audience/write-import';
import { ImportWorld, STARTED_AT, importRow, userId } from '../../support/import-world';

const T = STARTED_AT - 1_000_000;

let world: ImportWorld;

beforeEach(() => {
  world = new ImportWorld();
});

const people = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => importRow(from + index, T));

describe('a chunk', () => {
  test('is written whole, with every row counted once', async () => {
    // GIVEN
    await world.store.follow({ userId: userId(1), at: T - 1, eventId: 'E1' });
    await world.store.follow({ userId: userId(2), at: T - 1, eventId: 'E2' });
    await world.store.unfollow({ userId: userId(3), at: T - 1, eventId: 'E3' }, 'OPT_OUT');
    await world.store.unfollow({ userId: userId(4), at: T - 1, eventId: 'E4' }, 'DELETE');
    // WHEN
    const rows = [importRow(2, T, { Attributes: { A: ['1'] } }), ...people(3, 5_000), importRow(1, T)];
    const result = await world.write(rows);
    // THEN
    expect(result).toEqual({ number: 0, created: 4_996, updated: 1, unchanged: 1, keptOptedOut: 1, erased: 1, tagged: 0, untagged: 0, rejected: [] });
    expect(world.row(5_000)!.OptOut).toBe('NONE');
    expect(world.telemetry.codes).toEqual(['IMPORT_ITEM_WRITTEN']);
    expect(JSON.stringify(world.telemetry.lines)).not.toContain(userId(2));
  });

  test('that is empty has a result, too', async () => {
    expect(await world.write([])).toEqual({
      number: 0, created: 0, updated: 0, unchanged: 0, keptOptedOut: 0, erased: 0, tagged: 0, untagged: 0, rejected: [],
    });
  });

  test('that was written is not written again', async () => {
    // GIVEN
    const item = world.chunk(people(1, 10));
    const result = await world.run(item);
    await world.store.unfollow({ userId: userId(1), at: T + 1, eventId: 'E' }, 'DELETE');
    const before = structuredClone(world.dynamo.items);
    // WHEN
    expect(await world.run(item)).toEqual(result);
    // THEN
    expect(world.dynamo.items).toEqual(before);
    expect(world.telemetry.codes).toEqual(['IMPORT_ITEM_WRITTEN', 'IMPORT_ITEM_REPEATED']);
  });

  test('that broke off is finished by the next attempt, with the same counts', async () => {
    // GIVEN
    const item = world.chunk(people(1, 200), 'import-1', 'vip');
    let writes = 0;
    const deps = world.dependencies();
    const table = Object.create(deps.table);
    table.write = async (...args: Parameters<typeof deps.table.write>) => {
      if (++writes > 100) {
        throw Object.assign(new Error('slow down'), { name: 'ProvisionedThroughputExceededException' });
      }
      return deps.table.write(...args);
    };
    // WHEN
    await expect(writeImport(item, { ...deps, table })).rejects.toThrow('slow down');
    expect(world.objects.json(importKey('import-1', 'results/0.json'))).toBeUndefined();
    const result = await world.run(item);
    // THEN
    expect(result).toMatchObject({ created: 200, unchanged: 0, tagged: 200 });
    const after = structuredClone(world.dynamo.items);
    world.objects.objects.delete(importKey('import-1', 'results/0.json'));
    expect(await world.run(item)).toEqual(result);
    expect(world.dynamo.items).toEqual(after);
  });

  test('whose object is gone fails and names it', async () => {
    const item = world.chunk(people(1, 1));
    world.objects.objects.delete(item.chunk!.key);
    await expect(world.run(item)).rejects.toThrow('object imports/import-1/chunks/0.jsonl of bucket imports-bucket is gone');
  });

  test('with a row that DynamoDB refuses rejects it, and imports the others', async () => {
    // GIVEN
    const deps = world.dependencies();
    const table = Object.create(deps.table);
    table.write = async (id: string, write: Parameters<typeof deps.table.write>[1]) => {
      if (id === userId(2)) {
        throw Object.assign(new Error('Item size has exceeded the maximum allowed size'), { name: 'ValidationException' });
      }
      return deps.table.write(id, write);
    };
    // WHEN
    const item = world.chunk(people(1, 3), 'import-1', 'vip');
    await writeImport(item, { ...deps, table });
    // THEN
    const rejected = [{ line: 2, reason: 'DynamoDB refuses the subscriber: Item size has exceeded the maximum allowed size' }];
    expect(world.objects.json(importKey('import-1', 'results/0.json'))).toMatchObject({ created: 2, tagged: 2, rejected });
    expect(world.objects.jsonLines(importKey('import-1', 'rejects/write-0.jsonl'))).toEqual(rejected);
    expect(world.traces(2)).toEqual([]);
  });

  test.each([1, 49])('merges again when others change the subscriber meanwhile, %d times', async (times) => {
    // GIVEN
    await world.store.follow({ userId: userId(1), at: T - 100, eventId: 'E' });
    const deps = world.dependencies();
    const table = Object.create(deps.table);
    let changes = 0;
    table.write = async (...args: Parameters<typeof deps.table.write>) => {
      if (changes < times) {
        changes++;
        await world.store.profile(userId(1), { displayName: `Aya ${changes}` }, T + changes);
      }
      return deps.table.write(...args);
    };
    // WHEN
    const row = importRow(1, T, { User: { UserAttributes: { DisplayName: ['File'], City: ['Osaka'] } } });
    await writeImport(world.chunk([row]), { ...deps, table });
    // THEN
    expect(world.row(1)!.User!.UserAttributes).toEqual({ DisplayName: [`Aya ${times}`], City: ['Osaka'] });
  });

  test('rejects a row that is never left alone', async () => {
    const deps = world.dependencies();
    const table = Object.create(deps.table);
    table.write = async () => ({ written: false, row: world.row(1) });
    await writeImport(world.chunk([importRow(1, T)]), { ...deps, table });
    expect(world.objects.json(importKey('import-1', 'results/0.json')).rejected).toEqual([{ line: 1, reason: expect.stringContaining('again and again') }]);
  });

  test('does not bring back who opted out between reading and writing', async () => {
    const deps = world.dependencies();
    const table = Object.create(deps.table);
    table.write = async (...args: Parameters<typeof deps.table.write>) => {
      await world.store.unfollow({ userId: userId(1), at: T - 5, eventId: 'E' }, 'OPT_OUT');
      return deps.table.write(...args);
    };
    await writeImport(world.chunk([importRow(1, T)]), { ...deps, table });
    expect(world.row(1)!.OptOut).toBe('ALL');
    expect(world.objects.json(importKey('import-1', 'results/0.json'))).toMatchObject({ created: 0, keptOptedOut: 1 });
  });

  test('with a person twice writes them once and merges', async () => {
    const rows = [importRow(1, T, { Attributes: { A: ['1'] } }, 1), importRow(1, T, { Attributes: { A: ['2'] } }, 2)];
    expect(await world.write(rows)).toMatchObject({ created: 1, updated: 1 });
    expect(world.row(1)!.Attributes).toEqual({ A: ['2'] });
  });
});

describe('a tag', () => {
  test('is given to new and known subscribers, once', async () => {
    // GIVEN
    await world.store.follow({ userId: userId(1), at: T, eventId: 'E' });
    // WHEN
    expect(await world.write(people(1, 2), { tag: 'vip' })).toMatchObject({ created: 1, updated: 0, unchanged: 1, tagged: 2 });
    expect(await world.write(people(1, 2), { importId: 'import-2', tag: 'spring sale' })).toMatchObject({ created: 0, tagged: 2 });
    // THEN
    expect(new Set(world.row(1)!.tags)).toEqual(new Set(['vip', 'spring sale']));
    expect(world.tagRow('vip', 1)).toMatchObject({ sk: userId(1), taggedAt: STARTED_AT, importId: 'import-1' });
    expect(world.tagRow('spring sale', 2)).toMatchObject({ taggedAt: STARTED_AT, importId: 'import-2' });
  });

  test('is not given to someone erased', async () => {
    await world.store.unfollow({ userId: userId(1), at: T, eventId: 'E' }, 'DELETE');
    expect(await world.write(people(1, 1), { tag: 'vip' })).toMatchObject({ erased: 1, tagged: 0 });
    expect(world.tagRow('vip', 1)).toBeUndefined();
    expect(world.row(1)!.tags).toBeUndefined();
  });

  test('goes with an erasure', async () => {
    await world.write(people(1, 2), { tag: 'vip' });
    await world.write(people(1, 1), { importId: 'import-2', tag: '春のセール' });
    expect(world.traces(1)).toHaveLength(3);
    await world.store.unfollow({ userId: userId(1), at: T + 1, eventId: 'E' }, 'DELETE');
    expect(world.traces(1)).toEqual([`line#${userId(1)} ENDPOINT`]);
    expect(world.row(1)).toEqual({ pk: `line#${userId(1)}`, sk: 'ENDPOINT', subscriptionAt: T + 1, subscriptionEventId: 'E', erased: true });
    expect(world.tagRow('vip', 2)).toBeDefined();
  });

  test('stays when an older event would erase', async () => {
    await world.write(people(1, 1), { tag: 'vip' });
    await world.store.follow({ userId: userId(1), at: T, eventId: 'E' });
    expect(await world.store.unfollow({ userId: userId(1), at: T - 1, eventId: 'E' }, 'DELETE')).toBe('outdated');
    expect(world.tagRow('vip', 1)).toBeDefined();
  });

  test.each(['putTagRow', 'write', 'rows'] as const)('is not left behind by an erasure just before %s', async (method) => {
    const deps = world.dependencies();
    const table = Object.create(deps.table);
    let calls = 0;
    table[method] = async (...args: [never, never, never]) => {
      // Of `rows`, the second one, after the tags were written.
      if (++calls === (method === 'rows' ? 2 : 1)) {
        await world.store.unfollow({ userId: userId(1), at: T + 1, eventId: 'E' }, 'DELETE');
      }
      return deps.table[method](...args);
    };
    await writeImport(world.chunk(people(1, 1), 'import-1', 'vip'), { ...deps, table });
    expect(world.row(1)!.erased).toBe(true);
    expect(world.traces(1)).toEqual([`line#${userId(1)} ENDPOINT`]);
  });

  test('that a sweep of another import takes from the list before it is looked at again is listed again', async () => {
    const deps = world.dependencies();
    const table = Object.create(deps.table);
    table.putTagRow = async (...args: Parameters<typeof deps.table.putTagRow>) => {
      await deps.table.setTag(userId(1), 'vip', false);
      await deps.table.putTagRow(...args);
    };
    await writeImport(world.chunk(people(1, 1), 'import-1', 'vip'), { ...deps, table });
    expect(world.row(1)!.tags).toEqual(['vip']);
    expect(world.tagRow('vip', 1)).toBeDefined();
  });

  test('of an attempt that broke off is removed when the person was erased since', async () => {
    // GIVEN
    const item = world.chunk(people(1, 1), 'import-1', 'vip');
    const deps = world.dependencies();
    const table = Object.create(deps.table);
    table.putTagRow = async (...args: Parameters<typeof deps.table.putTagRow>) => {
      await world.store.unfollow({ userId: userId(1), at: T + 1, eventId: 'E' }, 'DELETE');
      await deps.table.putTagRow(...args);
      throw new Error('the function timed out');
    };
    await expect(writeImport(item, { ...deps, table })).rejects.toThrow('timed out');
    expect(world.tagRow('vip', 1)).toBeDefined();
    // WHEN
    expect(await world.run(item)).toMatchObject({ erased: 1, tagged: 0 });
    // THEN
    expect(world.traces(1)).toEqual([`line#${userId(1)} ENDPOINT`]);
  });
});

describe('a sweep', () => {
  beforeEach(async () => {
    world.begin('import-1', STARTED_AT);
    world.begin('import-2', STARTED_AT + 1_000);
    world.begin('import-3', STARTED_AT + 2_000);
    await world.write(people(1, 100), { importId: 'import-1', tag: 'vip' });
    await world.write(people(1, 1), { importId: 'import-1', tag: 'other' });
  });

  test('takes the tag from those who are not in the file, and only that tag', async () => {
    await world.write(people(51, 150), { importId: 'import-2', tag: 'vip' });
    expect(await world.sweep('vip', 'import-2')).toBe(50);
    expect(Array.from({ length: 150 }, (_, index) => world.tagRow('vip', index + 1) !== undefined)).toEqual(Array.from({ length: 150 }, (_, index) => index >= 50));
    expect(world.row(1)!.tags).toEqual(['other']);
    expect(world.row(2)!.tags).toBeUndefined();
    expect(world.row(100)!.tags).toEqual(['vip']);
    expect(world.tagRow('other', 1)).toBeDefined();
  });

  test('leaves those who got the tag from a later import', async () => {
    await world.write(people(1, 10), { importId: 'import-3', tag: 'vip' });
    await world.write(people(11, 20), { importId: 'import-2', tag: 'vip' });
    // Late: the tag of the older import does not become the newer.
    await world.write(people(1, 5), { importId: 'import-2', tag: 'vip' });
    expect(world.tagRow('vip', 1)).toMatchObject({ importId: 'import-3' });
    expect(await world.sweep('vip', 'import-2')).toBe(80);
    expect(world.tagRow('vip', 10)).toBeDefined();
    expect(world.tagRow('vip', 21)).toBeUndefined();
  });

  test('takes nothing from anybody when a chunk was not written', async () => {
    world.chunk(people(51, 100), 'import-2', 'vip');
    expect(await world.sweep('vip', 'import-2')).toBeUndefined();
    expect(world.tagRow('vip', 1)).toBeDefined();
    expect(world.telemetry.codes).toContain('IMPORT_TAG_NOT_SWEPT');
  });

  test('may be repeated after it broke off', async () => {
    await world.write(people(51, 100), { importId: 'import-2', tag: 'vip' });
    const deps = world.dependencies();
    const table = Object.create(deps.table);
    table.removeTagRow = async () => { throw new Error('the function timed out'); };
    const shard = Number(world.tagRow('vip', 1)!.pk.split('#').at(-1));
    const item = { importId: 'import-2', number: 1_000 + shard, sweep: { tag: 'vip', shard } };
    await expect(writeImport(item, { ...deps, table })).rejects.toThrow('timed out');
    expect(world.tagRow('vip', 1)).toBeDefined();
    await world.run(item);
    expect(world.tagRow('vip', 1)).toBeUndefined();
    expect(world.row(1)!.tags).toEqual(['other']);
  });

  test.each(['setTag', 'removeTagRow'] as const)('leaves who gets the tag from a later import just before %s', async (method) => {
    await world.write(people(51, 100), { importId: 'import-2', tag: 'vip' });
    const deps = world.dependencies();
    const table = Object.create(deps.table);
    let calls = 0;
    table[method] = async (...args: [never, never, never]) => {
      if (++calls === 1) {
        await world.write(people(1, 50), { importId: 'import-3', tag: 'vip' });
      }
      return deps.table[method](...args);
    };
    for (let shard = 0; shard < 32; shard++) {
      await writeImport({ importId: 'import-2', number: 1_000 + shard, sweep: { tag: 'vip', shard } }, { ...deps, table });
    }
    const tagged = people(1, 50).map((_, index) => ({ row: world.tagRow('vip', index + 1) !== undefined, listed: new Set(world.row(index + 1)!.tags).has('vip') }));
    expect(tagged).toEqual(people(1, 50).map(() => ({ row: true, listed: true })));
  });
});

test('chunks written side by side, with repeats, import what one after the other does', async () => {
  const anyRow = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 5 }), fc.constantFrom('ALL' as const, 'NONE' as const));
  await fc.assert(fc.asyncProperty(fc.array(anyRow, { maxLength: 40 }), fc.integer({ min: 1, max: 10 }), async (list, size) => {
    const rows = list.map(([person, at, OptOut], index): ImportRow => importRow(person, at, { OptOut, CreationDate: '2020-01-01T00:00:00Z', Attributes: { A: [`${index}`] } }, index + 1));
    const chunks = Array.from({ length: Math.ceil(rows.length / size) }, (_, index) => rows.slice(index * size, (index + 1) * size));
    const sequential = new ImportWorld();
    for (const row of rows) {
      await sequential.write([row], { tag: 'vip' });
    }
    const parallel = new ImportWorld();
    const items = chunks.map((chunk) => parallel.chunk(chunk, 'import-1', 'vip'));
    await Promise.all([...items, ...items].map(async (item) => parallel.run(item)));
    expect(parallel.dynamo.items).toEqual(sequential.dynamo.items);
  }));
});
