import * as fc from 'fast-check';
import { CampaignCounts, SourceConfig } from '../../../src/contract/campaigns';
import { CustomChannelEvent, SendErrorCode } from '../../../src/contract/custom-channel';
import { isLeftOut } from '../../../src/domain/campaigns/endpoint-members';
import { NO_COUNTS, addCounts } from '../../../src/domain/campaigns/run-results';
import { FreezeWorld, RUN_ID, user } from '../../support/freeze-world';
import { SenderWorld } from '../../support/sender-world';
import '../../support/fast-check-seed';

/** Up to 15 people are there from the beginning; writes also add those with higher numbers. */
const PEOPLE = 20;
const FIRST = 15;

interface Write {
  readonly person: number;
  readonly state: 'active' | 'opted out' | 'inactive' | 'erased';
  readonly isGold: boolean;
  readonly tagged: boolean;
}

const OUT = ['opted out', 'inactive', 'erased'] as const;
const write = (person: fc.Arbitrary<number>, state: fc.Arbitrary<Write['state']>): fc.Arbitrary<Write> =>
  fc.record({ person, state, isGold: fc.boolean(), tagged: fc.boolean() });

const SEGMENT: SourceConfig = { kind: 'segment', segment: { Dimensions: { Attributes: { Plan: { AttributeType: 'INCLUSIVE', Values: ['gold'] } } } } };
const ALL: SourceConfig = { kind: 'subscribers' };
const TAG: SourceConfig = { kind: 'tag', tag: 'vip' };
const LIST: SourceConfig = { kind: 'list', bucket: 'lists', key: 'everybody' };
const SOURCES: readonly SourceConfig[] = [
  ALL, TAG, SEGMENT, LIST, { ...LIST, includeUnknown: true },
  { kind: 'difference', of: ALL, without: TAG }, { kind: 'difference', of: LIST, without: SEGMENT },
  { kind: 'intersection', of: TAG, and: SEGMENT }, { kind: 'intersection', of: LIST, and: TAG }, { kind: 'sample', of: ALL, percent: 50, seed: 'seed' },
];

function worldOf(source: SourceConfig, rows: readonly Omit<Write, 'person'>[]): FreezeWorld {
  const world = new FreezeWorld({ treatments: ['a', 'b'].map((name) => ({ name, weight: 1, data: 'Hello' })) });
  rows.forEach((row, person) => put(world, { person, ...row }));
  world.lists.set('lists/everybody', Array.from({ length: PEOPLE }, (_, n) => user(n)).join('\n'));
  world.sources = { vip: source };
  // Five parts or so.
  world.tableRows = 100_000;
  return world;
}

function put(world: FreezeWorld, { person, state, isGold, tagged }: Write): void {
  if (state === 'erased') {
    world.table.set(user(person), { erased: true });
  } else {
    world.subscribe(person, {
      OptOut: state === 'opted out' ? 'ALL' : 'NONE',
      EndpointStatus: state === 'inactive' ? 'INACTIVE' : 'ACTIVE',
      Attributes: { Plan: [isGold ? 'gold' : 'free'] },
    });
  }
  const before = world.tags.get('vip') ?? [];
  if (tagged && !before.includes(user(person))) {
    world.tags.set('vip', [...before, user(person)]);
  }
}

/** Sends every chunk; who may not be sent to is what the table says now. */
async function send(world: FreezeWorld): Promise<{ sender: SenderWorld; counts: CampaignCounts }> {
  const sender = new SenderWorld();
  let counts = NO_COUNTS;
  const event: Omit<CustomChannelEvent, 'Endpoints'> = { ApplicationId: 'Campaigns', CampaignId: 'spring-sale', ActivityId: RUN_ID, Data: 'Hello' };
  for (const [id, row] of world.table) {
    if (isLeftOut(row)) {
      sender.optOuts.set(id, row.erased ? SendErrorCode.ERASED : SendErrorCode.OPTED_OUT);
    }
  }
  for (const { name, treatment } of world.index()) {
    const Chunk = { Bucket: 'runs', Key: `${name}.jsonl` };
    sender.chunks.set(`runs/${name}.jsonl`, world.chunk(name).map((line) => JSON.stringify(line)).join('\n'));
    const { reply } = await sender.invokeChunk({ ...event, TreatmentId: treatment, Chunk });
    counts = addCounts(counts, reply!.counts);
  }
  return { sender, counts };
}

test('whatever is written while recipients are read, each person gets it once at most, and nobody who is out by the time it is sent', async () => {
  // Most are in at first, and may leave and come back.
  const rows = fc.array(write(fc.constant(0), fc.constantFrom('active', 'active', 'active', 'active', ...OUT)), { minLength: 1, maxLength: FIRST, size: '+1' });
  const writes = fc.array(write(fc.nat(PEOPLE - 1), fc.constantFrom('active', 'active', ...OUT)), { maxLength: 30, size: '+1' });
  let [written, skipped] = [0, 0];
  await fc.assert(fc.asyncProperty(fc.constantFrom(...SOURCES), rows, writes, fc.infiniteStream(fc.nat(3)), async (source, first, later, draws) => {
    const given = first.map(({ person: _, ...row }) => row);
    const draw = () => draws.next().value!;
    const [still, world] = [worldOf(source, given), worldOf(source, given)];
    await still.freeze();

    const waiting = [...later];
    /** Every state that a person ever had. */
    const statesOf = new Map(Array.from({ length: PEOPLE }, (_, n) => [user(n), [given[n]?.state ?? 'unknown'] as string[]]));
    const next = () => {
      const one = waiting.shift();
      if (one) {
        put(world, one);
        statesOf.get(user(one.person))!.push(one.state);
      }
    };
    await world.plan();
    world.onRead = () => {
      if (draw() > 0) {
        written += waiting.length > 0 ? 1 : 0;
        next();
      }
    };
    const parts = world.parts();
    // Some are read once more, as when the answer of the first time was lost.
    const order = [...parts, ...parts.filter(() => draw() === 0)].map((part) => [draw(), part] as const).sort(([one], [two]) => one - two);
    for (const [, part] of order) {
      await world.read(part);
    }
    await world.pack();
    world.onRead = () => undefined;
    const packed = Object.values(world.recipients()).flat();
    const touched = new Set(later.map(({ person }) => user(person)));

    expect(new Set(packed).size).toBe(packed.length);
    expect(world.run!.frozen!.recipients).toBe(packed.length);
    // Whom no write was about is in or out as if there had been none.
    const untouched = (ids: readonly string[]) => ids.filter((id) => !touched.has(id)).sort();
    expect(untouched(packed)).toEqual(untouched(Object.values(still.recipients()).flat()));
    // Whoever was known and out all the time is not in.
    expect(packed.filter((id) => statesOf.get(id)!.every((state) => state !== 'active' && state !== 'unknown'))).toEqual([]);

    // What is left is written between the freeze and the sending.
    while (waiting.length > 0) {
      next();
    }
    const { sender, counts } = await send(world);
    const out = packed.filter((id) => isLeftOut(world.table.get(id) ?? {}));
    skipped += out.length;
    expect([...sender.ledger()].sort()).toEqual(packed.filter((id) => !out.includes(id)).sort().map((id) => [id, 1]));
    expect(counts).toEqual({ accepted: packed.length - out.length, skipped: out.length, failed: 0, unknown: 0, pending: 0 });
  }), { numRuns: 150 });
  expect(written).toBeGreaterThan(500);
  expect(skipped).toBeGreaterThan(50);
});

test('who is added behind the reader is in; who changes after being read, as the row was; who opts out after being read, in the books only', async () => {
  // GIVEN three people, of whom the first is being read
  const world = worldOf(ALL, [0, 1, 2].map(() => ({ state: 'active' as const, isGold: true, tagged: false })));
  world.tableRows = 3;
  let reads = 0;
  world.onRead = () => {
    if (++reads === 3) {
      put(world, { person: 0, state: 'active', isGold: false, tagged: false });
      put(world, { person: 1, state: 'opted out', isGold: true, tagged: false });
      put(world, { person: 2, state: 'opted out', isGold: true, tagged: false });
      put(world, { person: 3, state: 'active', isGold: false, tagged: false });
    }
  };
  // WHEN
  const frozen = await world.freeze();
  const { sender, counts } = await send(world);
  // THEN
  const lines = world.index().flatMap(({ name }) => world.chunk(name));
  expect(Object.fromEntries(lines.map(({ id, endpoint }) => [id, endpoint.Attributes]))).toEqual({ [user(0)]: { Plan: ['gold'] }, [user(1)]: { Plan: ['gold'] }, [user(3)]: { Plan: ['free'] } });
  expect(frozen).toMatchObject({ recipients: 3, optedOut: 1, notSubscribed: 0, duplicates: 0 });
  expect([...sender.ledger()].sort()).toEqual([[user(0), 1], [user(3), 1]]);
  expect(counts).toMatchObject({ accepted: 2, skipped: 1 });
});
