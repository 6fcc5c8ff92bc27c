import { CampaignState, FreezePlan, FrozenRecipients } from '../../../src/contract/campaigns';
import { RUN_ID, FreezeWorld, user } from '../../support/freeze-world';

const FROZEN: FrozenRecipients = {
  generation: 1, chunks: 0, recipients: 0, holdout: 0, optedOut: 0, notSubscribed: 0, duplicates: 0, treatments: {},
};
const PARTS = { bucket: 'campaign-bucket', key: `runs/${RUN_ID}/freeze-1/parts.jsonl` };
const planOf = (world: FreezeWorld) => world.objects.json<FreezePlan>(`runs/${RUN_ID}/freeze-1/plan.json`);

let world: FreezeWorld;
beforeEach(() => { world = new FreezeWorld(); });

describe('how the execution goes on', () => {
  test('the recipients are to be read', async () => {
    expect(await world.plan()).toEqual({ next: 'READ', parts: PARTS });
  });

  test('the recipients are frozen: look', async () => {
    world.run = { ...world.run!, frozen: FROZEN, state: CampaignState.SENDING };
    expect(await world.plan()).toEqual({ next: 'LOOK' });
    expect(world.objects.written).toEqual([]);
  });

  test.each([CampaignState.PAUSING, CampaignState.CANCELLING, CampaignState.CANCELLED])('somebody stopped it before (%s): look', async (state) => {
    world.run = { ...world.run!, state };
    expect(await world.plan()).toEqual({ next: 'LOOK' });
  });

  test('another execution works on the run, or the run is gone: end', async () => {
    expect(await world.plan({ generation: 2 })).toEqual({ next: 'END' });
    world.run = undefined;
    expect(await world.plan()).toEqual({ next: 'END' });
  });

  test('a repeat finds the plan of the first', async () => {
    world.subscribe(1);
    await world.plan();
    const before = new Map(world.objects.objects);
    world.now += 60_000;
    world.sources = {};
    expect(await world.plan()).toEqual({ next: 'READ', parts: PARTS });
    expect(world.objects.objects).toEqual(before);
  });
});

describe('parts', () => {
  test.each([
    ['nobody', 0, 1, 8],
    ['25,000 rows', 25_000, 1, 8],
    ['25,001 rows', 25_001, 2, 8],
    ['a million rows', 1_000_000, 40, 128],
    ['a hundred million rows', 100_000_000, 400, 256],
  ])('of a table with %s', async (_case, rows, parts, partitions) => {
    world.tableRows = rows;
    await world.plan();
    expect(world.parts()).toEqual(Array.from({ length: parts }, (_, segment) =>
      ({ runId: RUN_ID, generation: 1, part: segment, leaves: [0], segment, totalSegments: parts })));
    expect(planOf(world)).toEqual({ leaves: [{ kind: 'table' }], expression: { leaf: 0 }, partitions, parts, readsTable: true, at: world.now });
  });

  test('of a tag are shards, each in one part', async () => {
    world.sources = { vip: { kind: 'tag', tag: 'a' } };
    world.tags.set('a', Array.from({ length: 70_000 }, (_, n) => user(n)));
    await world.plan();
    expect(world.parts().map(({ fromShard, toShard }) => [fromShard, toShard])).toEqual([[0, 10], [10, 21], [21, 32]]);
  });

  test('of one scan are for all leaves of the table', async () => {
    const segment = { Dimensions: { Attributes: { Plan: { AttributeType: 'INCLUSIVE', Values: ['gold'] } } } };
    world.sources = { vip: { kind: 'difference', of: { kind: 'subscribers' }, without: { kind: 'segment', segment } } };
    await world.plan();
    expect(world.parts()).toEqual([{ runId: RUN_ID, generation: 1, part: 0, leaves: [0, 1], segment: 0, totalSegments: 1 }]);
  });

  test('of an empty list are one that reads nothing', async () => {
    world.sources = { vip: { kind: 'list', bucket: 'lists', key: 'vip' } };
    world.lists.set('lists/vip', '');
    expect(await world.freeze()).toEqual({ ...FROZEN, treatments: { 0: 0 } });
    expect(world.parts()).toEqual([{ runId: RUN_ID, generation: 1, part: 0, leaves: [] }]);
    expect(world.index()).toEqual([]);
  });
});

describe('a function that is a source', () => {
  beforeEach(() => {
    world.sources = { vip: { kind: 'function', functionArn: 'arn:function' } };
    world.subscribe(1);
    world.subscribe(2);
    world.onInvoke = ({ prefix }) => {
      world.objects.objects.set(`${prefix}one.jsonl`, `{"userId":"${user(1)}"}\n`);
      world.objects.objects.set(`${prefix}two.jsonl`, `{"userId":"${user(2)}"}\n{"userId":"${user(1)}"}\n`);
    };
  });

  test('is invoked once, and what it wrote is read object by object', async () => {
    expect(await world.freeze()).toMatchObject({ recipients: 2, duplicates: 1 });
    await world.plan();
    expect(world.invoked).toEqual([{ runId: RUN_ID, campaign: 'spring-sale', bucket: 'campaign-bucket', prefix: `runs/${RUN_ID}/source-1/0/` }]);
    expect(world.parts().map(({ key }) => key)).toEqual([`runs/${RUN_ID}/source-1/0/one.jsonl`, `runs/${RUN_ID}/source-1/0/two.jsonl`]);
  });

  test('and fails: nothing is planned', async () => {
    world.onInvoke = () => { throw new Error('no database'); };
    await expect(world.plan()).rejects.toThrow('no database');
    expect(world.objects.written).toEqual([]);
  });

  test('and writes too many objects: an error that says what to do', async () => {
    world.onInvoke = ({ prefix }) => {
      for (let n = 0; n <= 10_000; n++) {
        world.objects.objects.set(`${prefix}${n}`, 'x');
      }
    };
    await expect(world.plan()).rejects.toThrow('there are more than 10000 objects below s3://campaign-bucket/runs/');
  });
});

test('a source that is not registered any more is named', async () => {
  world.sources = { everybody: { kind: 'subscribers' } };
  await expect(world.plan()).rejects.toThrow('source.name');
  world.input({ source: { name: 'constructor' } });
  await expect(world.plan()).rejects.toThrow('not registered any more; register it with `addSource` again, or choose one of everybody');
});

test('a list that does not exist is named', async () => {
  world.sources = { vip: { kind: 'list', bucket: 'lists' } };
  world.input({ source: { name: 'vip', key: 'gone.csv' } });
  await expect(world.plan()).rejects.toThrow('the list s3://lists/gone.csv does not exist');
});
