import * as fc from 'fast-check';
import { CampaignRun, CampaignState, RetryStatus, SourceConfig } from '../../../src/contract/campaigns';
import { RUN_ID, FreezeWorld, user } from '../../support/freeze-world';

const subscribed = (n: number, more: object = {}) => ({
  id: user(n),
  endpoint: {
    Address: user(n), ChannelType: 'CUSTOM', OptOut: 'NONE', EndpointStatus: 'ACTIVE', EffectiveDate: '2026-10-01T00:00:00.000Z', ...more,
  },
});
const all = (world: FreezeWorld) => world.index().flatMap(({ name }) => world.chunk(name)).sort((a, b) => (a.id < b.id ? -1 : 1));

describe('endpoints', () => {
  test('are the row\'s members of Pinpoint, maps in order of their names, without keys, clocks and tags', async () => {
    const world = new FreezeWorld();
    const attributes = { b: ['2'], a: ['1'] };
    world.subscribe(1, {
      pk: 'shop#1',
      subscriptionAt: 1,
      subscriptionEventId: 'e',
      attributesAt: 2,
      importedAt: 3,
      tags: new Set(['a']),
      User: { UserId: 'u-1', UserAttributes: { Name: ['アンナ'] } },
      Attributes: attributes,
      Metrics: { Age: 41 },
      Location: { City: 'Tokyo' },
    });
    await world.freeze();
    const [name] = world.index().map((chunk) => `runs/${RUN_ID}/chunks-1/${chunk.name}.jsonl`);
    expect(world.objects.objects.get(name)).toBe(`${JSON.stringify(subscribed(1, {
      User: { UserAttributes: { Name: ['アンナ'] }, UserId: 'u-1' }, Attributes: { a: ['1'], b: ['2'] }, Metrics: { Age: 41 }, Location: { City: 'Tokyo' },
    }))}\n`);
  });

  test.each<[string, SourceConfig]>([
    ['a list', { kind: 'list', bucket: 'lists', key: 'vip', includeUnknown: true }],
    ['a list with the table', { kind: 'intersection', of: { kind: 'list', bucket: 'lists', key: 'vip', includeUnknown: true }, and: { kind: 'subscribers' } }],
  ])('of %s get what the list brings of a person, which never says who it is', async (_case, vip) => {
    const world = new FreezeWorld();
    world.sources = { vip };
    world.subscribe(1, { Attributes: { Coupon: ['old'], Plan: ['gold'] }, User: { UserId: 'u-1', UserAttributes: { Name: ['Anna'] } } });
    const line = (coupon: string) => JSON.stringify({
      id: user(1), Address: user(2), Attributes: { Coupon: [coupon] }, User: { UserAttributes: { Rank: ['1'] } },
    }).replace(user(2), 'U-other');
    world.lists.set('lists/vip', [line('first'), line('second')].join('\n'));
    const frozen = await world.freeze();
    expect(all(world)).toEqual([subscribed(1, {
      Attributes: { Coupon: ['first'], Plan: ['gold'] }, User: { UserId: 'u-1', UserAttributes: { Name: ['Anna'], Rank: ['1'] } },
    })]);
    expect(frozen.duplicates).toBe(1);
  });

  test('of people whom the table does not know are bare', async () => {
    const world = new FreezeWorld();
    world.sources = { vip: { kind: 'list', bucket: 'lists', key: 'vip', includeUnknown: true } };
    world.lists.set('lists/vip', `{"userId":"${user(1)}"}\n{"userId":"${user(2)}","Attributes":{"Coupon":["A"]}}\n{"userId":"${user(3)}","OptOut":"ALL"}`);
    const frozen = await world.freeze();
    expect(all(world)).toEqual([
      { id: user(1), endpoint: { Address: user(1), ChannelType: 'CUSTOM' } },
      { id: user(2), endpoint: { Address: user(2), ChannelType: 'CUSTOM', Attributes: { Coupon: ['A'] } } },
    ]);
    expect(frozen).toMatchObject({ recipients: 2, optedOut: 1, notSubscribed: 0 });
  });
});

test('somebody who opted out between two parts is left out', async () => {
  const world = new FreezeWorld();
  world.sources = { vip: { kind: 'intersection', of: { kind: 'tag', tag: 'a' }, and: { kind: 'tag', tag: 'b' } } };
  world.tags.set('a', [user(1)]).set('b', [user(1)]);
  world.subscribe(1);
  await world.plan();
  const [first, second] = world.parts();
  await world.read(first);
  world.subscribe(1, { OptOut: 'ALL' });
  await world.read(second);
  await world.pack();
  expect(world.run!.frozen).toMatchObject({ recipients: 0, optedOut: 1 });
});

test('rows of the table that are no LINE user\'s are passed over', async () => {
  const world = new FreezeWorld();
  world.subscribe(1);
  world.table.set('somebody', { OptOut: 'NONE' });
  await world.plan();
  expect(await world.read(world.parts()[0])).toEqual({ part: 0, rows: 2, optedOut: 0, notSubscribed: 0, rejected: 1 });
});

test('of a tag that is taken away, no member is looked up', async () => {
  const world = new FreezeWorld();
  world.sources = { vip: { kind: 'difference', of: { kind: 'list', bucket: 'lists', key: 'vip', includeUnknown: true }, without: { kind: 'tag', tag: 'a' } } };
  world.lists.set('lists/vip', [1, 2].map(user).join('\n'));
  world.tags.set('a', [user(1)]);
  const find = jest.spyOn(world.table, 'has');
  await world.freeze();
  expect(all(world).map(({ id }) => id)).toEqual([user(2)]);
  // Of the list only.
  expect(find.mock.calls).toEqual([[user(1)], [user(2)]]);
});

test('lines of a list without a LINE user id are told and counted', async () => {
  const world = new FreezeWorld();
  world.sources = { vip: { kind: 'list', bucket: 'lists', key: 'vip' } };
  world.lists.set('lists/vip', `${user(1)}\nhello\n${user(2)}`);
  world.subscribe(1);
  expect(await world.freeze()).toMatchObject({ recipients: 1, notSubscribed: 2 });
  expect(world.telemetry.lines.find(({ code }) => code === 'RECIPIENTS_REJECTED')).toEqual({
    level: 'WARN',
    code: 'RECIPIENTS_REJECTED',
    fields: { runId: RUN_ID, bucket: 'lists', key: 'vip' },
    message: '1 of 3 lines of the list name no LINE user id, the first in line 2; nobody is sent to for them',
  });
});

test('a list that cannot be read is a result, and what was spilled of it does not count', async () => {
  const world = new FreezeWorld();
  world.sources = { vip: { kind: 'list', bucket: 'lists', key: 'vip' } };
  world.lists.set('lists/vip', `["${user(1)}"]`);
  await world.plan();
  expect(await world.read(world.parts()[0])).toMatchObject({ part: 0, problem: expect.stringContaining('is a JSON array') });
  await expect(world.pack()).rejects.toMatchObject({ name: 'RecipientsError', message: expect.stringContaining('is a JSON array') });
  expect(world.run!.frozen).toBeUndefined();
  // Mended, and the run resumed.
  world.lists.set('lists/vip', user(1));
  world.subscribe(1);
  await world.read(world.parts()[0]);
  await world.pack();
  expect(world.run!.frozen).toMatchObject({ recipients: 1 });
});

describe('people whom another run did not reach', () => {
  const other: CampaignRun = {
    ...new FreezeWorld().run!,
    runId: 'run-other',
    state: CampaignState.COMPLETED,
    frozen: { generation: 2, chunks: 2, recipients: 4, holdout: 0, optedOut: 0, notSubscribed: 0, duplicates: 0, treatments: { a: 3, b: 1 } },
  };

  const jsonLines = (...values: object[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');

  function firstLine(more: object = {}): object {
    return { runId: 'x', recipients: 3, counts: { accepted: 0, skipped: 0, failed: 0, unknown: 0, pending: 0 }, undone: [], ...more };
  }

  function world(statuses: RetryStatus[]): FreezeWorld {
    const made = new FreezeWorld({
      retryOf: { runId: 'run-other', statuses },
      holdoutPercent: 100,
      treatments: [{ name: 'a', weight: 1, data: 'A' }, { name: 'b', weight: 1, data: 'B' }],
    });
    made.otherRuns.set('run-other', other);
    const { objects } = made.objects;
    objects.set('runs/run-other/chunks-2/index.jsonl', jsonLines({ name: 'a-0', treatment: 'a', people: 3 }, { name: 'b-0', treatment: 'b', people: 1 }, { name: 'b-1', treatment: 'b', people: 1 }));
    objects.set('runs/run-other/chunks-2/a-0.jsonl', jsonLines(
      { id: user(1), endpoint: { Address: user(1), Attributes: { Coupon: ['A'], Plan: ['old'] }, User: { UserId: 'u-1' } } },
      { id: user(2), endpoint: { Address: user(2) } },
      { id: user(3), endpoint: { Address: user(3) } },
    ));
    objects.set('runs/run-other/results/a-0.jsonl', jsonLines(
      firstLine(), { id: user(1), to: user(1), status: 'failed', code: 'X' }, { id: user(2), status: 'accepted' }, { id: user(3), status: 'unknown', code: 'X' },
    ));
    objects.set('runs/run-other/chunks-2/b-0.jsonl', jsonLines({ id: user(4), endpoint: { Address: user(4) } }));
    objects.set('runs/run-other/results/b-0.jsonl', jsonLines(firstLine(), { id: user(4), status: 'failed', code: 'X' }));
    return made;
  }

  test('keep their treatment and what was frozen for them, with what the table says now over it', async () => {
    const made = world(['failed']);
    made.subscribe(1, { Attributes: { Plan: ['gold'] } });
    await made.freeze();
    expect(made.parts()).toEqual([
      { runId: RUN_ID, generation: 1, part: 0, leaves: [0], chunk: 'a-0', key: 'runs/run-other/chunks-2/a-0.jsonl' },
      { runId: RUN_ID, generation: 1, part: 1, leaves: [0], chunk: 'b-0', key: 'runs/run-other/chunks-2/b-0.jsonl' },
      { runId: RUN_ID, generation: 1, part: 2, leaves: [0], chunk: 'b-1', key: 'runs/run-other/chunks-2/b-1.jsonl' },
    ]);
    expect(made.recipients()).toEqual({ a: [user(1)], b: [user(4)] });
    expect(made.chunk('a-0')[0].endpoint).toMatchObject({ OptOut: 'NONE', Attributes: { Coupon: ['A'], Plan: ['gold'] }, User: { UserId: 'u-1' } });
  });

  test('and have opted out meanwhile are left out', async () => {
    const made = world(['failed', 'unknown']);
    made.subscribe(1, { OptOut: 'ALL' });
    made.table.set(user(3), { erased: true });
    expect(await made.freeze()).toMatchObject({ recipients: 1, optedOut: 2, treatments: { a: 0, b: 1 } });
  });

  describe('because their turn never came', () => {
    /** Two chunks that were sent in part, and one that was not. */
    function stopped(statuses: RetryStatus[], first: object = {}): FreezeWorld {
      const made = world(statuses);
      const { objects } = made.objects;
      objects.set('runs/run-other/results/a-0.jsonl', jsonLines(
        firstLine({ undone: ['b'], ...first }), { id: user(1), status: 'accepted' }, { id: user(2), status: 'deferred' }, { id: user(3), status: 'deferred', ambiguous: true },
      ));
      objects.set('runs/run-other/results/b-0.jsonl', jsonLines(firstLine(), { id: user(4), status: 'failed', code: 'X' }));
      objects.set('runs/run-other/chunks-2/b-1.jsonl', jsonLines(
        { id: user(5), endpoint: { Address: user(5), Attributes: { Coupon: ['B'] } } }, { id: user(6), endpoint: { Address: user(6) } },
      ));
      [1, 2, 3, 4, 5, 6].forEach((n) => made.subscribe(n));
      return made;
    }

    async function reached(made: FreezeWorld): Promise<Record<string, string[]>> {
      await made.freeze();
      return Object.fromEntries(Object.entries(made.recipients()).map(([treatment, ids]) => [treatment, ids.sort()]));
    }

    test('are sent to when they are asked for, also those of a chunk that was never sent', async () => {
      const made = stopped(['failed', 'pending'], { ambiguous: 1 });
      expect(await reached(made)).toEqual({ a: [user(2)], b: [user(4), user(5), user(6)] });
      expect(made.chunk('b-0').find(({ id }) => id === user(5))!.endpoint).toMatchObject({ Attributes: { Coupon: ['B'] } });
      expect(await reached(stopped(['pending'], { ambiguous: 1 }))).toEqual({ a: [user(2)], b: [user(5), user(6)] });
      expect(await reached(stopped(['failed']))).toEqual({ b: [user(4)] });
    });

    test('and who may have been reached all the same are unknown', async () => {
      expect(await reached(stopped(['unknown'], { ambiguous: 1 }))).toEqual({ a: [user(3)] });
      expect(await reached(stopped(['failed', 'unknown', 'pending'], { ambiguous: 1 }))).toEqual({ a: [user(2), user(3)], b: [user(4), user(5), user(6)] });
    });

    test('of a channel that does not say whom it doubts are all in doubt', async () => {
      expect(await reached(stopped(['pending'], { ambiguous: 2 }))).toEqual({ b: [user(5), user(6)] });
      expect(await reached(stopped(['unknown'], { ambiguous: 2 }))).toEqual({ a: [user(2), user(3)] });
    });

    test('in a chunk that was sent and did not come back are in doubt, whether it has a result or not', async () => {
      const lost = (statuses: RetryStatus[]) => {
        const made = stopped(statuses, { ambiguous: 1 });
        made.otherRuns.set('run-other', { ...other, generation: 4, looks: 7 });
        made.objects.objects.set('runs/run-other/looks/3-7.json', JSON.stringify({ at: 'T2', wave: ['b-1'], over: { 'b-1': '' }, open: { 'a-0': '0 v' } }));
        return made;
      };
      expect(await reached(lost(['failed', 'pending']))).toEqual({ b: [user(4)] });
      expect(await reached(lost(['unknown']))).toEqual({ a: [user(2), user(3)], b: [user(5), user(6)] });
    });

    test('are in doubt when what the looks left is gone, or when a result cannot be read', async () => {
      const forgotten = stopped(['pending']);
      forgotten.otherRuns.set('run-other', { ...other, looks: 7 });
      expect(await forgotten.freeze()).toMatchObject({ recipients: 0 });
      const [pending, unknown] = [stopped(['pending']), stopped(['unknown'])];
      [pending, unknown].forEach(({ objects: { objects } }) => objects.set('runs/run-other/results/a-0.jsonl', 'hello\n'));
      expect(await reached(pending)).toEqual({ b: [user(5), user(6)] });
      expect(await reached(unknown)).toEqual({ a: [user(1), user(2), user(3)] });
    });
  });

  test('are never among those who were accepted or left out, and each in one kind', async () => {
    const status = fc.constantFrom('accepted', 'skipped', 'failed', 'unknown', 'deferred');
    const person = fc.record({ status, ambiguous: fc.boolean() });
    const kinds: RetryStatus[] = ['failed', 'unknown', 'pending'];
    await fc.assert(fc.asyncProperty(fc.array(person, { maxLength: 12 }), fc.nat(12), fc.boolean(), async (people, ambiguous, isOpen) => {
      const times = new Map<string, number>();
      for (const kind of kinds) {
        const made = world([kind]);
        const { objects } = made.objects;
        made.otherRuns.set('run-other', { ...other, looks: 1 });
        objects.set('runs/run-other/looks/1-1.json', JSON.stringify({ at: 'T', wave: [], over: {}, open: isOpen ? { 'a-0': '0 v' } : {} }));
        objects.set('runs/run-other/chunks-2/index.jsonl', jsonLines({ name: 'a-0', treatment: 'a', people: people.length }));
        objects.set('runs/run-other/chunks-2/a-0.jsonl', jsonLines(...people.map((_each, n) => ({ id: user(n), endpoint: { Address: user(n) } }))));
        objects.set('runs/run-other/results/a-0.jsonl', jsonLines(firstLine({ undone: ['b'], ambiguous }), ...people.map((each, n) => ({
          id: user(n), status: each.status, ...(each.status === 'deferred' && each.ambiguous && { ambiguous: true }),
        }))));
        people.forEach((_each, n) => made.subscribe(n));
        await made.freeze();
        Object.values(made.recipients()).flat().forEach((id) => times.set(id, (times.get(id) ?? 0) + 1));
      }
      people.forEach((each, n) => expect(times.get(user(n)) ?? 0).toBe(each.status === 'accepted' || each.status === 'skipped' ? 0 : 1));
    }), { numRuns: 40 });
  });

  test('when that run is not known any more: an error that says so', async () => {
    const made = world(['failed']);
    made.otherRuns.clear();
    await expect(made.plan()).rejects.toThrow('the run run-other is not known any more');
  });
});

test('a plan that is gone is named', async () => {
  const world = new FreezeWorld();
  await world.plan();
  const [part] = world.parts();
  world.objects.objects.delete(`runs/${RUN_ID}/freeze-1/plan.json`);
  await expect(world.read(part)).rejects.toThrow(`object runs/${RUN_ID}/freeze-1/plan.json of bucket campaign-bucket is gone`);
});
