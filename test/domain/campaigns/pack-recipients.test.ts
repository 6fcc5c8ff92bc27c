import { RUN_ID, FreezeWorld, user } from '../../support/freeze-world';

let world: FreezeWorld;
beforeEach(async () => {
  world = new FreezeWorld();
  [1, 2, 3].forEach((n) => world.subscribe(n));
  world.tableRows = 50_000;
  await world.plan();
});
const readAll = async () => {
  for (const part of world.parts()) {
    await world.read(part);
  }
};

test('a part that was never read is an error, and nothing is frozen', async () => {
  await world.read(world.parts()[0]);
  await expect(world.pack()).rejects.toMatchObject({ name: 'RecipientsError', message: expect.stringContaining('part 1 of 2 of the recipients was not read') });
  expect(world.run!.frozen).toBeUndefined();
  await world.read(world.parts()[1]);
  expect(await world.pack()).toEqual({ again: false });
});

test('of two attempts at a part the one counts that ended last, whole', async () => {
  await readAll();
  const [part] = world.parts();
  world.subscribe(1, { Attributes: { Plan: ['gold'] } });
  await world.read(part);
  await world.pack();
  expect(world.chunk('0-0').map(({ id, endpoint }) => [id, endpoint.Attributes]).sort()).toEqual([
    [user(1), { Plan: ['gold'] }], [user(2), undefined], [user(3), undefined],
  ]);
  expect(world.run!.frozen).toMatchObject({ recipients: 3, duplicates: 0 });
});

test('an attempt that ends when packing has begun has no say any more', async () => {
  await readAll();
  expect(await world.pack(() => 1)).toEqual({ again: true });
  world.table.clear();
  await readAll();
  while ((await world.pack(() => 1)).again);
  expect(Object.values(world.recipients()).flat().sort()).toEqual([1, 2, 3].map(user));
});

test.each([
  ['of the spill', /^spill\//],
  ['of an open chunk', /\/packed-\d+\//],
])('an object %s that is gone is an error that names it', async (_what, pattern) => {
  await readAll();
  const progress = () => world.objects.json<{ partition: number; open: Record<string, number> }>(`runs/${RUN_ID}/freeze-1/packed.json`);
  do {
    expect(await world.pack(() => 1)).toEqual({ again: true });
  } while (progress().open[0] === 0);
  // Two are still to come, and one is in the open chunk.
  expect(progress().open[0]).toBe(1);
  const gone = [...world.objects.objects.keys()].filter((key) => pattern.test(key));
  gone.forEach((key) => world.objects.objects.delete(key));
  await expect(world.pack()).rejects.toThrow(/^object \S+ of bucket campaign-bucket is gone/);
});

test('the recipients that an earlier execution froze stay', async () => {
  await readAll();
  await world.pack();
  const { frozen } = world.run!;
  world.run = { ...world.run!, generation: 2 };
  await world.plan({ generation: 2 });
  expect(world.run.frozen).toEqual(frozen);
});

test('a chunk\'s people come in the same order whichever order they were read in', async () => {
  const numbers = Array.from({ length: 60 }, (_, n) => n);
  const worlds = [numbers, [...numbers].reverse()].map((order) => {
    const made = new FreezeWorld();
    order.forEach((n) => made.subscribe(n));
    return made;
  });
  for (const each of worlds) {
    await each.freeze();
  }
  expect(worlds[0].chunk('0-0')).toHaveLength(60);
  expect(worlds[0].frozenBytes()).toEqual(worlds[1].frozenBytes());
});

test('a dry run and the next run of a campaign deal people out alike', async () => {
  const treatments = ['a', 'b'].map((name) => ({ name, weight: 1, data: name }));
  const worlds = ['DRY_RUN', 'SEND'].map((kind) => new FreezeWorld({ kind: kind as 'SEND', treatments, holdoutPercent: 30 }));
  for (const each of worlds) {
    Array.from({ length: 50 }, (_, n) => each.subscribe(n));
    await each.freeze();
  }
  expect(worlds[0].recipients()).toEqual(worlds[1].recipients());
  expect(worlds[0].run!.frozen!.holdout).toBeGreaterThan(0);
});

describe('a tag or a list that the campaign names to leave people out', () => {
  beforeEach(() => {
    world = new FreezeWorld();
    [1, 2, 3].forEach((n) => world.subscribe(n));
    world.sources = {
      notTag: { kind: 'difference', of: { kind: 'subscribers' }, without: { kind: 'tag' } },
      notStaff: { kind: 'difference', of: { kind: 'subscribers' }, without: { kind: 'tag', tag: 'staff' } },
      notListed: { kind: 'difference', of: { kind: 'subscribers' }, without: { kind: 'list', bucket: 'lists' } },
      tag: { kind: 'tag' },
      // Leaves out who is left out: a place where people are sent to.
      notNotTag: { kind: 'difference', of: { kind: 'subscribers' }, without: { kind: 'difference', of: { kind: 'subscribers' }, without: { kind: 'tag' } } },
    };
  });

  test('and that has somebody leaves them out', async () => {
    world.tags.set('staff', [user(2)]);
    world.input({ source: { name: 'notTag', tag: 'staff' } });
    await world.freeze();
    expect(world.recipients()).toEqual({ 0: expect.arrayContaining([user(1), user(3)]) });
    expect(world.run!.frozen!.recipients).toBe(2);
  });

  test('and that has nobody fails the run, which goes on when it has', async () => {
    world.input({ source: { name: 'notTag', tag: 'staf' } });
    await expect(world.freeze()).rejects.toMatchObject({ name: 'RecipientsError', message: expect.stringContaining('the tag "staf" has nobody to leave out; import it for somebody') });
    expect(world.run!.frozen).toBeUndefined();
  });

  test.each([['is empty', ''], ['has no LINE user id', 'name,lineUserId\nYuki,1\n']])('and that %s fails the run', async (_what, content) => {
    world.lists.set('lists/staff.csv', content);
    world.input({ source: { name: 'notListed', key: 'staff.csv' } });
    await expect(world.freeze()).rejects.toThrow('the list "staff.csv" has nobody to leave out; upload one');
  });

  test.each([
    ['that the source was registered with', { name: 'notStaff' }, 3], ['whom it sends to', { name: 'tag', tag: 'staf' }, 0], ['whom it sends to at last', { name: 'notNotTag', tag: 'staf' }, 0],
  ])('does not fail it where it is one %s', async (_where, source, recipients) => {
    world.input({ source });
    expect(await world.freeze()).toMatchObject({ recipients });
  });
});
