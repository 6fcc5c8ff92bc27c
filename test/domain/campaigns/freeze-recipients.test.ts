import * as fc from 'fast-check';
import { FrozenChunk, SourceConfig, Treatment } from '../../../src/contract/campaigns';
import { inSample } from '../../../src/domain/campaigns/stable-share';
import { toBatches } from '../../../src/domain/line/custom-channel-event';
import { FreezeWorld, user } from '../../support/freeze-world';
import '../../support/fast-check-seed';

const PEOPLE = 12;
const person = fc.integer({ min: 0, max: PEOPLE - 1 });
const people = fc.array(person, { maxLength: 20 });
const state = fc.constantFrom('unknown', 'active', 'opted out', 'inactive', 'erased');

/** Attribute `Plan` of the people with an even number is `gold`. */
const SEGMENT = { Dimensions: { Attributes: { Plan: { AttributeType: 'INCLUSIVE', Values: ['gold'] } } } };

const { source } = fc.letrec<{ source: SourceConfig }>((tie) => ({
  source: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant<SourceConfig>({ kind: 'subscribers' }),
    fc.constantFrom<SourceConfig>({ kind: 'tag', tag: 'a' }, { kind: 'tag', tag: 'b' }),
    fc.constant<SourceConfig>({ kind: 'segment', segment: SEGMENT }),
    fc.record({ kind: fc.constant('list' as const), bucket: fc.constant('lists'), key: fc.constantFrom('a', 'b'), includeUnknown: fc.boolean() }),
    fc.record({ kind: fc.constant('difference' as const), of: tie('source'), without: tie('source') }),
    fc.record({ kind: fc.constant('intersection' as const), of: tie('source'), and: tie('source') }),
    fc.record({ kind: fc.constant('sample' as const), of: tie('source'), percent: fc.constantFrom(0, 40, 100), seed: fc.constant('seed') }),
  ),
}));

interface Case {
  readonly states: readonly string[];
  readonly lists: readonly (readonly number[])[];
  readonly tags: readonly (readonly number[])[];
  readonly source: SourceConfig;
  readonly treatments: readonly number[];
  readonly holdoutPercent: number;
}
const anyCase: fc.Arbitrary<Case> = fc.record({
  states: fc.array(state, { minLength: PEOPLE, maxLength: PEOPLE }),
  lists: fc.tuple(people, people),
  tags: fc.tuple(people.map((ids) => [...new Set(ids)]), people.map((ids) => [...new Set(ids)])),
  source,
  treatments: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }),
  holdoutPercent: fc.constantFrom(0, 12.5, 100),
});

function worldOf({ states, lists, tags, source: vip, treatments, holdoutPercent }: Case): FreezeWorld {
  const world = new FreezeWorld({
    treatments: treatments.map((weight, index): Treatment => ({ name: `t${index}`, weight, data: 'Hello' })), holdoutPercent,
  });
  states.forEach((each, n) => {
    if (each === 'erased') {
      world.table.set(user(n), { erased: true });
    } else if (each !== 'unknown') {
      world.subscribe(n, {
        OptOut: each === 'opted out' ? 'ALL' : 'NONE',
        EndpointStatus: each === 'inactive' ? 'INACTIVE' : 'ACTIVE',
        ...(n % 2 === 0 && { Attributes: { Plan: ['gold'] } }),
      });
    }
  });
  ['a', 'b'].forEach((name, index) => {
    world.lists.set(`lists/${name}`, lists[index].map(user).join('\n'));
    world.tags.set(name, tags[index].map(user));
  });
  world.sources = { vip };
  // Five parts or so.
  world.tableRows = 100_000;
  return world;
}

/** Numbers of the people of a source, said directly. */
function peopleOf(config: SourceConfig, given: Case): Set<number> {
  const known = given.states.flatMap((each, n) => (each === 'unknown' ? [] : [n]));
  switch (config.kind) {
    case 'subscribers': return new Set(known);
    case 'segment': return new Set(known.filter((n) => n % 2 === 0 && given.states[n] !== 'erased'));
    case 'tag': return new Set(given.tags[config.tag === 'a' ? 0 : 1]);
    case 'list': return new Set(given.lists[config.key === 'a' ? 0 : 1]);
    case 'difference': {
      const without = peopleOf(config.without, given);
      return new Set([...peopleOf(config.of, given)].filter((n) => !without.has(n)));
    }
    case 'intersection': {
      const and = peopleOf(config.and, given);
      return new Set([...peopleOf(config.of, given)].filter((n) => and.has(n)));
    }
    case 'sample': return new Set([...peopleOf(config.of, given)].filter((n) => inSample(config.seed, user(n), config.percent)));
    case 'function': throw new Error('not drawn');
  }
}

/** Lists of a source that let people in whom the table does not know. */
function openLists(config: SourceConfig): string[] {
  switch (config.kind) {
    case 'list': return config.includeUnknown ? [config.key!] : [];
    case 'difference': return [...openLists(config.of), ...openLists(config.without)];
    case 'intersection': return [...openLists(config.of), ...openLists(config.and)];
    case 'sample': return openLists(config.of);
    default: return [];
  }
}

const sorted = (ids: Iterable<string>) => [...ids].sort();

describe('any source, any duplicates', () => {
  test('everybody who may be sent to is in one chunk of one treatment, everybody else is counted', async () => {
    await fc.assert(fc.asyncProperty(anyCase, async (given) => {
      const world = worldOf(given);
      const frozen = await world.freeze();
      const members = [...peopleOf(given.source, given)];
      const open = new Set(openLists(given.source).flatMap((key) => given.lists[key === 'a' ? 0 : 1]));
      const isUnknown = (n: number) => given.states[n] === 'unknown';
      const out = members.filter((n) => !isUnknown(n) && given.states[n] !== 'active');
      const unknown = members.filter((n) => isUnknown(n) && !open.has(n));
      const eligible = members.filter((n) => !out.includes(n) && !unknown.includes(n));
      const packed = Object.values(world.recipients()).flat();

      expect(new Set(packed).size).toBe(packed.length);
      expect(frozen).toMatchObject({ optedOut: out.length, notSubscribed: unknown.length, recipients: packed.length });
      expect(packed.length + frozen.holdout).toBe(eligible.length);
      expect(packed.every((id) => eligible.map(user).includes(id))).toBe(true);
      if (given.holdoutPercent === 0) {
        expect(sorted(packed)).toEqual(sorted(eligible.map(user)));
      }
      if (given.holdoutPercent === 100) {
        expect(packed).toEqual([]);
      }
      expect(Object.fromEntries(Object.entries(world.recipients()).map(([name, ids]) => [name, ids.length])))
        .toEqual(Object.fromEntries(Object.entries(frozen.treatments).filter(([, count]) => count > 0)));
      expect(world.index()).toHaveLength(frozen.chunks);
    }), { numRuns: 300 });
  });

  test('the order of the parts, a part or a pack that is repeated, and time that is over after each partition change nothing', async () => {
    await fc.assert(fc.asyncProperty(anyCase, fc.infiniteStream(fc.nat()), async (given, draws) => {
      const draw = () => draws.next().value!;
      const [once, other] = [worldOf(given), worldOf(given)];
      await once.freeze();

      await other.plan();
      await other.plan();
      const parts = other.parts();
      const order = [...parts, ...parts.filter(() => draw() % 2 === 0)].map((part) => [draw(), part] as const).sort(([one], [two]) => one - two);
      for (const [, part] of order) {
        await other.read(part);
      }
      let packs = 0;
      while ((await other.pack(() => 1)).again) {
        expect(++packs).toBeLessThan(100);
        if (draw() % 4 === 0) {
          // Somebody reads a part once more, too late to be heard.
          await other.read(parts[0]);
        }
      }
      expect(packs).toBeGreaterThan(0);
      const before = other.frozenBytes();
      await other.pack();
      expect(other.frozenBytes()).toEqual(before);
      expect(before).toEqual(once.frozenBytes());
      expect(other.run!.frozen).toEqual(once.run!.frozen);
    }), { numRuns: 100 });
  });
});

describe('many people', () => {
  const MANY = 23_456;

  async function frozen(input: ConstructorParameters<typeof FreezeWorld>[0]): Promise<FreezeWorld> {
    const world = new FreezeWorld(input);
    world.lists.set('lists/all', Array.from({ length: MANY }, (_, n) => user(n)).join('\n'));
    world.sources = { vip: { kind: 'list', bucket: 'lists', key: 'all', includeUnknown: true } };
    await world.freeze();
    return world;
  }
  const batchesOf = (world: FreezeWorld, { name }: FrozenChunk): number =>
    toBatches(world.chunk(name).map(({ id, endpoint }) => [id, endpoint]), 'run', name).length;

  test('only the last batch of a treatment is short, and chunks have 5,000 people', async () => {
    const treatments = [3, 1].map((weight, index) => ({ name: `t${index}`, weight, data: 'Hello' }));
    const world = await frozen({ treatments });
    const index = world.index();
    for (const { name } of treatments) {
      const sizes = index.filter(({ treatment }) => treatment === name).map(({ people: count }) => count);
      expect(sizes.slice(0, -1).every((size) => size === 5_000)).toBe(true);
      expect(sizes.at(-1)).toBeLessThanOrEqual(5_000);
    }
    expect(index.map(({ name, people: count }) => world.chunk(name).length === count)).not.toContain(false);
    const batches = index.reduce((sum, chunk) => sum + batchesOf(world, chunk), 0);
    expect(batches).toBeLessThanOrEqual(Math.ceil(MANY / 500) + treatments.length);
    expect(world.run!.frozen).toEqual({
      generation: 1,
      chunks: index.length,
      recipients: MANY,
      holdout: 0,
      optedOut: 0,
      notSubscribed: 0,
      duplicates: 0,
      treatments: Object.fromEntries(Object.entries(world.recipients()).map(([name, ids]) => [name, ids.length])),
    });
    // Nobody twice, and a share of each that its weight says.
    const { t0, t1 } = world.recipients();
    expect(new Set([...t0, ...t1]).size).toBe(MANY);
    expect(t0.length / MANY).toBeCloseTo(0.75, 1);
  });

  test('the canary is the first batch of each treatment and takes no call more', async () => {
    const treatments = [1, 1].map((weight, index) => ({ name: `t${index}`, weight, data: 'Hello' }));
    const world = await frozen({ treatments, canary: 'AUTO' });
    const index = world.index();
    expect(index.filter(({ canary }) => canary)).toEqual([
      { name: expect.stringMatching(/^t[01]-0$/), treatment: expect.any(String), people: 500, canary: true },
      { name: expect.stringMatching(/^t[01]-0$/), treatment: expect.any(String), people: 500, canary: true },
    ]);
    expect(new Set(index.filter(({ canary }) => canary).map(({ treatment }) => treatment))).toEqual(new Set(['t0', 't1']));
    expect(index.reduce((sum, chunk) => sum + batchesOf(world, chunk), 0)).toBeLessThanOrEqual(Math.ceil(MANY / 500) + 2);
  });

  test('an estimate counts and freezes nobody', async () => {
    const world = await frozen({ kind: 'ESTIMATE', treatments: [], holdoutPercent: 10 });
    const { recipients, holdout, chunks, treatments } = world.run!.frozen!;
    expect(recipients + holdout).toBe(MANY);
    expect(holdout / MANY).toBeCloseTo(0.1, 1);
    expect([chunks, treatments, world.index()]).toEqual([0, {}, []]);
    expect([...world.objects.objects.keys()].filter((key) => key.includes('/chunks-'))).toEqual([expect.stringMatching(/index\.jsonl$/)]);
  });

  test('people with large endpoints make smaller chunks, which still end with a full batch', async () => {
    const world = new FreezeWorld();
    for (let n = 0; n < 1_800; n++) {
      world.subscribe(n, { Attributes: { Note: ['x'.repeat(15_000)] } });
    }
    await world.freeze();
    expect(world.index().map(({ people: count }) => count)).toEqual([1_000, 800]);
  });
});
