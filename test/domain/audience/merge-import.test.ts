import * as fc from 'fast-check';
import { ImportRow } from '../../../src/contract/imports';
import { SubscriberRow } from '../../../src/contract/subscriber';
import { mergeImport } from '../../../src/domain/audience/merge-import';
import { ImportWorld, STARTED_AT, importRow, userId } from '../../support/import-world';

// What the writes do is seen where they are run: every row goes through DynamoDB's own expressions.

const DAY = 24 * 60 * 60 * 1_000;
const T = STARTED_AT - 100 * DAY;
const iso = (at: number) => new Date(at).toISOString();

let world: ImportWorld;

beforeEach(() => {
  world = new ImportWorld();
});

const follow = async (at: number, person = 1) => world.store.follow({ userId: userId(person), at, eventId: `E${at}` });
const unfollow = async (at: number, mode: 'OPT_OUT' | 'DELETE' = 'OPT_OUT', person = 1) => world.store.unfollow({ userId: userId(person), at, eventId: `E${at}` }, mode);

describe('someone unknown', () => {
  test('becomes a subscriber with all that the row says', async () => {
    const endpoint = {
      CreationDate: '2020-01-01T00:00:00.000Z',
      User: { UserId: 'crm-7', UserAttributes: { DisplayName: ['Aya'] } },
      Attributes: { Interests: ['tea', 'cake'], ['__proto__']: ['kept'] },
      Metrics: { Points: 12.5 },
      Location: { Country: 'JP', Latitude: 35.6 },
      Demographic: { Platform: 'iOS' },
    };
    const row = JSON.parse(JSON.stringify(importRow(1, T, endpoint)));
    Object.defineProperty(row.endpoint.Attributes, '__proto__', { value: ['kept'], enumerable: true });
    expect(await world.write([row])).toMatchObject({ created: 1, updated: 0, unchanged: 0 });
    const written = world.row(1)!;
    expect(written).toMatchObject({
      Address: userId(1),
      ChannelType: 'CUSTOM',
      OptOut: 'NONE',
      EndpointStatus: 'ACTIVE',
      EffectiveDate: iso(T),
      subscriptionAt: 0,
      subscriptionEventId: '#import-1#0000000001',
      importedAt: T,
      importedBy: '#import-1#0000000001',
      CreationDate: '2020-01-01T00:00:00.000Z',
      User: { UserId: 'crm-7', UserAttributes: { DisplayName: ['Aya'] } },
      Metrics: { Points: 12.5 },
      Location: { Country: 'JP', Latitude: 35.6 },
      Demographic: { Platform: 'iOS' },
    });
    expect(Object.entries(written.Attributes!)).toEqual([['Interests', ['tea', 'cake']], ['__proto__', ['kept']]]);
  });

  test('becomes one without anything else known', async () => {
    await world.write([importRow(1, T)]);
    expect(world.row(1)).toEqual({
      pk: `line#${userId(1)}`,
      sk: 'ENDPOINT',
      Address: userId(1),
      ChannelType: 'CUSTOM',
      OptOut: 'NONE',
      EndpointStatus: 'ACTIVE',
      EffectiveDate: iso(T),
      CreationDate: iso(T),
      User: { UserId: userId(1), UserAttributes: {} },
      subscriptionAt: 0,
      subscriptionEventId: '#import-1#0000000001',
    });
    // A list of ids says nothing of attributes: an older file that does is not too old for it.
    await world.write([importRow(1, T - DAY, { Attributes: { A: ['1'] } })], { importId: 'import-2' });
    expect(world.row(1)!.Attributes).toEqual({ A: ['1'] });
  });

  test('stays opted out when the file says so, and a follow from later brings them back', async () => {
    expect(await world.write([importRow(1, T, { OptOut: 'ALL' })])).toMatchObject({ created: 1 });
    expect(await follow(T - 1)).toBe('outdated');
    expect(world.row(1)!.OptOut).toBe('ALL');
    expect(await follow(T)).toBe('applied');
    expect(world.row(1)!.OptOut).toBe('NONE');
  });

  test('of a row with a date to come is dated to when the import began', async () => {
    await world.write([importRow(1, STARTED_AT + DAY)]);
    expect(await unfollow(STARTED_AT + 1)).toBe('applied');
    expect(world.row(1)!.EffectiveDate).toBe(iso(STARTED_AT + 1));
  });

  test.each(['OPT_OUT', 'DELETE'] as const)('is out again by an unfollow from before the file that comes later (%s)', async (mode) => {
    await world.write([importRow(1, T)]);
    expect(await unfollow(T - DAY, mode)).toBe('applied');
    // A repeat of the step, and the same people in another file.
    expect(await world.write([importRow(1, T)])).not.toMatchObject({ created: 1 });
    await world.write([importRow(1, STARTED_AT)], { importId: 'import-2' });
    expect(isOut(world.row(1)!)).toBe(true);
  });

  test('is not opted out by a file that is older than the one that made them known', async () => {
    await world.write([importRow(1, T)]);
    await world.write([importRow(1, T - 1, { OptOut: 'ALL' })], { importId: 'import-2' });
    expect(world.row(1)!.OptOut).toBe('NONE');
    await world.write([importRow(1, T + 1, { OptOut: 'ALL' })], { importId: 'import-3' });
    expect(world.row(1)).toMatchObject({ OptOut: 'ALL', subscriptionAt: T + 1 });
  });
});

describe('a subscriber', () => {
  test('is opted out by a newer row, with its date', async () => {
    await follow(T);
    expect(await world.write([importRow(1, T + 1, { OptOut: 'ALL' })])).toMatchObject({ updated: 1 });
    expect(world.row(1)).toMatchObject({ OptOut: 'ALL', EffectiveDate: iso(T + 1), subscriptionAt: T + 1 });
  });

  test('is made inactive by a newer row', async () => {
    await follow(T);
    expect(await world.write([importRow(1, T + 1, { EndpointStatus: 'INACTIVE' })])).toMatchObject({ updated: 1 });
    expect(world.row(1)).toMatchObject({ OptOut: 'NONE', EndpointStatus: 'INACTIVE' });
  });

  test.each([T, T - 1])('is not opted out by a row that is not newer', async (at) => {
    await follow(T);
    expect(await world.write([importRow(1, at, { OptOut: 'ALL' })])).toMatchObject({ unchanged: 1 });
    expect(world.row(1)!.OptOut).toBe('NONE');
  });

  test('keeps the clock, so that an opt-out that waits in a queue is not taken for old', async () => {
    await follow(T);
    expect(await world.write([importRow(1, STARTED_AT, { Attributes: { A: ['1'] } })])).toMatchObject({ updated: 1 });
    expect(await unfollow(T + 1)).toBe('applied');
    expect(world.row(1)!.OptOut).toBe('ALL');
  });

  test('has named attributes replaced and keeps others', async () => {
    await follow(T);
    await world.write([importRow(1, T, { Attributes: { A: ['1'], B: ['2', '3'] }, Metrics: { M: 1 } })]);
    await world.write([importRow(1, T + 1, { Attributes: { B: ['4'], C: ['5'] }, User: { UserId: 'crm' }, Location: { City: '東京' } })], { importId: 'import-2' });
    expect(world.row(1)).toMatchObject({
      Attributes: { A: ['1'], B: ['4'], C: ['5'] }, Metrics: { M: 1 }, User: { UserId: 'crm', UserAttributes: {} }, Location: { City: '東京' },
    });
  });

  test('of an older row gets nothing, and only what is missing when it is of the same file', async () => {
    await world.write([importRow(1, T, { Attributes: { A: ['new'] }, CreationDate: '2021-01-01T00:00:00.000Z' }, 1)]);
    const older = importRow(1, T - 1, { Attributes: { A: ['old'], B: ['old'] }, CreationDate: '2020-01-01T00:00:00.000Z' }, 2);
    expect(await world.write([older], { importId: 'import-2' })).toMatchObject({ updated: 1 });
    expect(world.row(1)).toMatchObject({ Attributes: { A: ['new'] }, CreationDate: '2020-01-01T00:00:00.000Z', importedAt: T });
    expect(world.row(1)!.Attributes!.B).toBeUndefined();
    expect(await world.write([older])).toMatchObject({ updated: 1 });
    expect(world.row(1)).toMatchObject({ Attributes: { A: ['new'], B: ['old'] }, importedAt: T });
  });

  test('who is as the file says is not changed, but for the clock', async () => {
    await follow(T);
    await world.write([importRow(1, T, { Attributes: { A: ['1'] }, Metrics: { M: -0 } })]);
    expect(await world.write([importRow(1, T + 10, { Attributes: { A: ['1'] }, Metrics: { M: -0 } })], { importId: 'import-2' })).toMatchObject({ unchanged: 1 });
    // Older than what was found the same.
    await world.write([importRow(1, T + 5, { Attributes: { A: ['2'] } })], { importId: 'import-3' });
    expect(world.row(1)!.Attributes).toEqual({ A: ['1'] });
  });

  test('keeps the profile that LINE told later than the row', async () => {
    await follow(T);
    await world.store.profile(userId(1), { displayName: 'Aya' }, T + 2);
    const says = (DisplayName: string) => ({ User: { UserAttributes: { DisplayName: [DisplayName], Language: ['th'] } } });
    await world.write([importRow(1, T + 1, says('Old'))]);
    expect(world.row(1)!.User!.UserAttributes).toEqual({ DisplayName: ['Aya'], Language: ['th'] });
    await world.write([importRow(1, T + 3, says('Newer'))], { importId: 'import-2' });
    expect(world.row(1)!.User!.UserAttributes).toEqual({ DisplayName: ['Newer'], Language: ['th'] });
  });

  test('of somebody else\'s making gets what every subscriber has', async () => {
    world.put(1, { Attributes: 'not a map', User: { UserId: 'crm-7' } });
    await world.write([importRow(1, T, { Attributes: { A: ['1'] }, User: { UserAttributes: { B: ['2'] } } })]);
    expect(world.row(1)).toMatchObject({
      Address: userId(1), ChannelType: 'CUSTOM', OptOut: 'NONE', EndpointStatus: 'ACTIVE', Attributes: { A: ['1'] }, User: { UserId: 'crm-7', UserAttributes: { B: ['2'] } },
    });
  });

  test('gets more attributes than one expression holds', async () => {
    const attributes = (value: string) => Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`Attribute ${index}`, [value]]));
    await follow(T);
    expect(await world.write([importRow(1, T, { Attributes: attributes('1') })])).toMatchObject({ updated: 1 });
    expect(world.row(1)!.Attributes).toEqual(attributes('1'));
    expect(await world.write([importRow(1, T + 1, { Attributes: attributes('2') })], { importId: 'import-2' })).toMatchObject({ updated: 1 });
    expect(world.row(1)).toMatchObject({ Attributes: attributes('2'), importedAt: T + 1 });
    // An expression has 4 KB at most. Source: Amazon DynamoDB, "Quotas".
    const { write, more } = mergeImport(world.row(1), importRow(1, T + 2, { Attributes: attributes('3') }), {
      importId: 'i', allowReOptIn: false, startedAt: STARTED_AT,
    });
    expect(more).toBe(true);
    expect(write!.update!.length).toBeLessThan(4_096);
    expect(write!.condition.length).toBeLessThan(4_096);
  });
});

describe('someone who is out', () => {
  const cases: [string, () => Promise<unknown>, object][] = [
    ['opted out', async () => { await follow(T - 1); await unfollow(T); }, { keptOptedOut: 1 }],
    ['inactive', async () => world.write([importRow(1, T, { EndpointStatus: 'INACTIVE' })], { importId: 'import-0' }), { keptOptedOut: 1 }],
    ['erased', async () => unfollow(T, 'DELETE'), { erased: 1 }],
  ];

  test.each(cases)('(%s) is not brought back by a file, however new', async (_case, given, expected) => {
    await given();
    const before = world.row(1);
    expect(await world.write([importRow(1, STARTED_AT, { Attributes: { A: ['1'] } })])).toMatchObject(expected);
    expect(world.row(1)).toMatchObject({ ...before, ...(before!.erased && { erased: true }) });
    expect(world.row(1)!.Attributes).toEqual(before!.erased ? undefined : { A: ['1'] });
  });

  test.each(cases)('(%s) is brought back by a newer row with allowReOptIn', async (_case, given) => {
    await given();
    world.allowReOptIn = true;
    await world.write([importRow(1, T - 1)]);
    expect(world.row(1)).not.toMatchObject({ OptOut: 'NONE', EndpointStatus: 'ACTIVE' });
    await world.write([importRow(1, T + 1)], { importId: 'import-2' });
    expect(world.row(1)).toMatchObject({ OptOut: 'NONE', EndpointStatus: 'ACTIVE', subscriptionAt: T + 1 });
    expect(world.row(1)!.erased).toBeUndefined();
  });
});

// Five rows of one file about one person, over whatever was known before.
const rows = fc.array(fc.record({
  at: fc.integer({ min: 1, max: 6 }),
  OptOut: fc.constantFrom('ALL' as const, 'NONE' as const),
  EndpointStatus: fc.constantFrom('ACTIVE' as const, 'ACTIVE' as const, 'INACTIVE' as const),
  value: fc.string({ maxLength: 2 }),
}), { minLength: 1, maxLength: 5 }).map((list) => list.map(({ at, OptOut, EndpointStatus, value }, index): ImportRow => (
  importRow(1, at, { OptOut, EndpointStatus, Attributes: { A: [value], B: [String(index)] } }, index + 1)
)));
const given = fc.constantFrom('unknown', 'follow', 'unfollow', 'erased', 'imported', 'foreign');

async function prepare(before: string, allowReOptIn: boolean): Promise<void> {
  world = new ImportWorld(allowReOptIn);
  switch (before) {
    case 'follow': await follow(3); break;
    case 'unfollow': await unfollow(3); break;
    case 'erased': await unfollow(3, 'DELETE'); break;
    case 'imported': await world.write([importRow(1, 3, { Attributes: { A: ['before'] } })], { importId: 'import-0' }); break;
    case 'foreign': world.put(1, { Attributes: { A: ['before'] } }); break;
    default: break;
  }
}

async function afterwards(before: string, order: readonly ImportRow[], allowReOptIn: boolean) {
  await prepare(before, allowReOptIn);
  const wasOut = before === 'unfollow' || before === 'erased';
  for (const row of order) {
    await world.write([row]);
  }
  const { CreationDate: _, ...row } = world.row(1)!;
  return { row, wasOut };
}

function isOut({ erased, OptOut, EndpointStatus }: Partial<SubscriberRow>): boolean {
  return erased === true || OptOut === 'ALL' || EndpointStatus === 'INACTIVE';
}

test.each([false, true])('the order in which the rows of a file are written, and repeats, do not matter (allowReOptIn %s)', async (allowReOptIn) => {
  await fc.assert(fc.asyncProperty(given, rows, fc.infiniteStream(fc.nat()), async (before, list, random) => {
    const ranked = [...list, ...list].map((row) => ({ row, rank: random.next().value }));
    const shuffled = ranked.sort((one, other) => one.rank - other.rank).map(({ row }) => row);
    const { row: inOrder } = await afterwards(before, list, allowReOptIn);
    const { row: inAnyOrder } = await afterwards(before, shuffled, allowReOptIn);
    if (before === 'erased' && allowReOptIn) {
      // Who comes back and is opted out by the next row is a subscriber who is opted out; in the other order they stay erased.
      expect(isOut(inAnyOrder)).toBe(isOut(inOrder));
    } else {
      expect(inAnyOrder).toEqual(inOrder);
    }
  }));
});

test('no file brings back who is out', async () => {
  await fc.assert(fc.asyncProperty(given, rows, async (before, list) => {
    const { row, wasOut } = await afterwards(before, list, false);
    expect(isOut(row) || !wasOut).toBe(true);
    // And whoever is opted out in the file by something newer than what is known is out.
    const optedOut = list.some(({ at, endpoint }) => endpoint.OptOut === 'ALL' && (at > 3 || before === 'unknown' || before === 'foreign'));
    expect(isOut(row) || !optedOut).toBe(true);
  }));
});

test('no file makes an unfollow of LINE\'s outdated, whenever it comes', async () => {
  const modes = fc.constantFrom('OPT_OUT' as const, 'DELETE' as const);
  await fc.assert(fc.asyncProperty(given, rows, fc.integer({ min: 1, max: 7 }), modes, async (before, list, at, mode) => {
    const { row } = await afterwards(before, list, false);
    // What LINE itself told later than that stays.
    const isTold = before === 'follow' && at < 3;
    const wasIn = !isOut(row);
    const result = await unfollow(at, mode);
    expect(result === 'applied' || isTold || !wasIn).toBe(true);
    for (const again of list) {
      await world.write([again]);
      await world.write([again], { importId: 'import-2' });
    }
    expect(isOut(world.row(1)!) || isTold).toBe(true);
  }));
});

test('what a file says of the subscription never has an older clock than what the table had', async () => {
  await fc.assert(fc.asyncProperty(given, rows, async (before, list) => {
    await prepare(before, false);
    for (const row of list) {
      const { subscriptionAt: was = -1, subscriptionEventId: id = '' } = world.row(1) ?? {};
      await world.write([row]);
      const { subscriptionAt: is = -1, subscriptionEventId = '' } = world.row(1)!;
      expect(is > was || (is === was && subscriptionEventId >= id)).toBe(true);
    }
  }));
});

test('merging a row again writes nothing', async () => {
  await fc.assert(fc.asyncProperty(given, rows, fc.boolean(), async (before, list, allowReOptIn) => {
    await afterwards(before, list, allowReOptIn);
    const options = { importId: 'import-1', allowReOptIn, startedAt: STARTED_AT };
    expect(list.map((row) => mergeImport(world.row(1), row, options).write)).toEqual(list.map(() => undefined));
  }));
});
