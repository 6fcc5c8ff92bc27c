import { CampaignState } from '../../../src/contract/campaigns';
import { runIdOf } from '../../../src/domain/campaigns/campaign-input';
import { ControlWorld } from '../../support/control-world';

const START = { campaign: 'spring', source: 'vip', message: { data: 'Hello' }, clientToken: 't' };
const RUN = runIdOf('t', 'SEND', 'Campaigns');
const MINUTE = 60_000;
const NOTHING = { watched: 1, resumed: 0, failed: 0, started: 0 };

let world: ControlWorld;
beforeEach(() => {
  world = new ControlWorld();
});

function flag(generation: number): unknown {
  return JSON.parse(world.files.get(`runs/${RUN}/flags/${generation}.json`) ?? 'null');
}

describe('a run that somebody should be working on', () => {
  beforeEach(async () => {
    await world.run(START);
    world.now += 10 * MINUTE;
  });

  test('is left alone while somebody is', async () => {
    expect(await world.watch()).toEqual(NOTHING);
    expect(await world.load(RUN)).toMatchObject({ generation: 1, automaticResumes: 0 });
  });

  test.each(['ENDED', 'NONE'] as const)('is given another execution when its own is %s', async (status) => {
    await world.change(RUN, { state: CampaignState.SENDING });
    world.now += 10 * MINUTE;
    world.executions.clear();
    if (status === 'ENDED') {
      world.executions.set(`${RUN}-1`, status);
    }
    expect(await world.watch()).toEqual({ ...NOTHING, resumed: 1 });
    expect(await world.load(RUN)).toMatchObject({ state: 'SENDING', generation: 2, automaticResumes: 1 });
    expect(world.executions.get(`${RUN}-2`)).toBe('RUNNING');
    expect(flag(2)).toEqual({ state: 'RUN' });
    expect(world.telemetry.codes).toContain('CAMPAIGN_RUN_RESUMED');
    // Functions of the first one may be left behind: they begin nothing else, whatever the run is told from now on.
    expect(flag(1)).toEqual({ state: 'CANCEL' });
    expect(await world.run({ action: 'cancel', runId: RUN })).toMatchObject({ state: 'CANCELLING' });
    expect([flag(1), flag(2)]).toEqual([{ state: 'CANCEL' }, { state: 'CANCEL' }]);
  });

  test('fails when three more executions end by themselves, and can be resumed', async () => {
    for (let generation = 1; generation <= 4; generation++) {
      world.executions.set(`${RUN}-${generation}`, 'ENDED');
      world.now += 5 * MINUTE;
      await world.watch();
    }
    expect(await world.load(RUN)).toMatchObject({ state: 'FAILED', reason: 'EXECUTION_LOST', generation: 4, message: expect.stringContaining('resumed 3 times in vain') });
    expect(world.announced.at(-1)).toMatchObject({ state: 'FAILED' });
    expect([flag(1), flag(2), flag(3), flag(4)].map((each: any) => each.state)).toEqual(['CANCEL', 'CANCEL', 'CANCEL', 'PAUSE']);
    expect(world.telemetry.codes).toContain('CAMPAIGN_RUN_LOST');
    expect(await world.run({ action: 'resume', runId: RUN })).toMatchObject({ state: 'STARTING', generation: 5, automaticResumes: 0 });
  });

  test.each([[CampaignState.PAUSING, 'PAUSE'], [CampaignState.CANCELLING, 'CANCEL']])('and is %s has its flag written anew', async (state, expected) => {
    await world.change(RUN, { state });
    expect(flag(1)).toEqual({ state: 'RUN' });
    await world.watch();
    expect(flag(1)).toEqual({ state: expected });
    expect(await world.load(RUN)).toMatchObject({ generation: 1 });
    world.executions.set(`${RUN}-1`, 'ENDED');
    world.now += 5 * MINUTE;
    await world.watch();
    expect(flag(2)).toEqual({ state: expected });
    expect(await world.load(RUN)).toMatchObject({ state, generation: 2 });
  });

  test('is given time by whoever just changed it', async () => {
    await world.change(RUN, { state: CampaignState.SENDING });
    world.executions.clear();
    world.now += MINUTE;
    expect(await world.watch()).toEqual(NOTHING);
    expect(await world.load(RUN)).toMatchObject({ generation: 1 });
  });

  test('and has ended meanwhile stays ended', async () => {
    const list = jest.spyOn(world.runs, 'list');
    const stale = await world.load(RUN);
    await world.change(RUN, { state: CampaignState.COMPLETED });
    world.executions.set(`${RUN}-1`, 'ENDED');
    world.now += 10 * MINUTE;
    list.mockImplementation(async (state) => ({ runs: state === CampaignState.STARTING ? [stale] : [] }));
    expect(await world.watch()).toEqual(NOTHING);
    expect(await world.load(RUN)).toMatchObject({ state: 'COMPLETED', generation: 1 });
  });

  test('and is changed at the same moment is left to whoever changed it', async () => {
    world.executions.clear();
    const { transition } = world.runs;
    jest.spyOn(world.runs, 'transition').mockImplementationOnce(async (read, change, now) => {
      await transition.call(world.runs, read, { state: CampaignState.PAUSED }, now);
      return transition.call(world.runs, read, change, now);
    });
    expect(await world.watch()).toEqual(NOTHING);
    expect(await world.load(RUN)).toMatchObject({ state: 'PAUSED', generation: 1 });
    expect(world.executions.size).toBe(0);
  });

  test('that cannot be looked after does not keep the watchdog from others', async () => {
    await world.run({ ...START, clientToken: 't2' });
    world.executions.clear();
    world.now += 10 * MINUTE;
    world.crashAfter = 0;
    expect(await world.watch()).toEqual({ watched: 2, resumed: 1, failed: 0, started: 0 });
    expect(world.telemetry.codes).toContain('CAMPAIGN_WATCH_FAILED');
    expect((await world.watch()).resumed).toBe(1);
  });

  test('is left to the next invocation when the time is over', async () => {
    world.executions.clear();
    world.remainingMs = 10_000;
    expect(await world.watch()).toEqual({ watched: 0, resumed: 0, failed: 0, started: 0 });
    expect(world.telemetry.codes).toEqual(['CAMPAIGN_WATCH_CUT_SHORT']);
  });
});

test('all pages are read', async () => {
  for (let n = 0; n < 5; n++) {
    await world.run({ ...START, clientToken: `t${n}` });
  }
  world.table.pageSize = 2;
  expect((await world.watch()).watched).toBe(5);
});

describe('a run to come', () => {
  const at = { schedule: { at: '2026-12-01T09:00', timeZone: 'Asia/Tokyo' } };

  test('begins ten minutes late when its schedule does not begin it', async () => {
    await world.run({ ...START, ...at });
    world.schedules.clear();
    world.now = Date.parse('2026-12-01T00:09:00Z');
    expect(await world.watch()).toEqual(NOTHING);
    world.now = Date.parse('2026-12-01T00:11:00Z');
    expect(await world.watch()).toEqual({ ...NOTHING, started: 1 });
    expect(await world.load(RUN)).toMatchObject({ state: 'STARTING', generation: 1 });
    expect(world.executions.has(`${RUN}-1`)).toBe(true);
  });

  test('and has begun meanwhile is left alone', async () => {
    await world.run({ ...START, ...at });
    const stale = await world.load(RUN);
    world.now = Date.parse('2026-12-01T00:11:00Z');
    await world.run({ action: 'startScheduled', runId: RUN });
    const { list } = world.runs;
    jest.spyOn(world.runs, 'list').mockImplementation(async (state, options) =>
      (state === CampaignState.SCHEDULED ? { runs: [stale] } : list.call(world.runs, state, options)));
    expect(await world.watch()).toEqual({ ...NOTHING, watched: 2 });
    expect(world.executions.size).toBe(1);
  });

  test('gets the schedule that a crash kept from it', async () => {
    world.crashAfter = 2;
    await expect(world.run({ ...START, ...at })).rejects.toThrow();
    expect(world.schedules.size).toBe(0);
    await world.watch();
    expect(world.schedules.size).toBe(0);
    world.now += 5 * MINUTE;
    await world.watch();
    expect(world.schedules.get(RUN)).toEqual({ startAt: '2026-12-01T00:00:00.000Z' });
  });

  test('whose schedule somebody deletes later is not given one again', async () => {
    await world.run({ ...START, ...at });
    world.schedules.clear();
    world.now += 2 * 60 * MINUTE;
    await world.watch();
    expect(world.schedules.size).toBe(0);
  });

  test('that recurs ends with its last time', async () => {
    await world.run({ ...START, schedule: { rate: '1 day', until: '2026-12-01T00:00Z' } });
    world.now = Date.parse('2026-12-01T00:11:00Z');
    expect(await world.watch()).toEqual(NOTHING);
    expect(await world.load(RUN)).toMatchObject({ state: 'COMPLETED', message: 'it recurred until 2026-12-01T00:00:00.000Z' });
    expect(world.schedules.size).toBe(0);
  });
});
