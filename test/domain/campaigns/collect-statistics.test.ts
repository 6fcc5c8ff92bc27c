import { CampaignRun, CampaignState } from '../../../src/contract/campaigns';
import { runIdOf } from '../../../src/domain/campaigns/campaign-input';
import { StatisticsAnswer, StatisticsRequest, collectStatistics } from '../../../src/domain/campaigns/collect-statistics';
import { ControlWorld } from '../../support/control-world';

const DAY = 24 * 60 * 60 * 1_000;

let world: ControlWorld;
let asked: StatisticsRequest[];
let answer: (request: StatisticsRequest) => StatisticsAnswer;
beforeEach(() => {
  world = new ControlWorld();
  asked = [];
  answer = ({ units }) => ({ units: Object.fromEntries(units.map((unit) => [unit, { delivered: 100 }])) });
});

async function sent(token: string, change: Parameters<ControlWorld['change']>[1], action = 'start'): Promise<CampaignRun> {
  const { runId } = await world.run({ action, campaign: 'spring', source: 'vip', message: { data: 'Hello' }, clientToken: token });
  return world.change(runId, { state: CampaignState.COMPLETED, aggregationUnits: ['u1', 'u2'], ...change });
}

async function collect(remainingMs = 300_000): Promise<number> {
  return collectStatistics({
    ...world.dependencies,
    ask: async (request) => {
      asked.push(request);
      return answer(request);
    },
    remainingMs: () => remainingMs,
  });
}

function statistics(token: string) {
  return JSON.parse(world.files.get(`runs/${runIdOf(token, 'SEND', 'Campaigns')}/statistics.json`) ?? 'null');
}

test('asks for the units of each run, by days of Japan', async () => {
  await sent('t', { startedAt: '2026-11-22T16:00:00.000Z' });
  expect(await collect()).toBe(1);
  expect(asked).toEqual([{ units: ['u1', 'u2'], from: '2026-11-23', to: '2026-11-23' }]);
  expect(statistics('t')).toEqual({
    units: ['u1', 'u2'], from: '2026-11-23', to: '2026-11-23', collectedAt: '2026-11-23T03:00:00.000Z', answers: { u1: { delivered: 100 }, u2: { delivered: 100 } },
  });
});

test('asks for 30 days at most', async () => {
  await sent('t', { startedAt: '2026-10-20T00:00:00.000Z', state: CampaignState.HELD });
  await collect();
  expect(asked).toMatchObject([{ from: '2026-10-25', to: '2026-11-23' }]);
});

test('keeps what the channel said before of a unit that it says nothing of', async () => {
  await sent('t', {});
  await collect();
  answer = () => ({ units: { u1: { delivered: 120 }, u2: { error: 'LINE answers 60 questions an hour' } } });
  await collect();
  expect(statistics('t').answers).toEqual({ u1: { delivered: 120 }, u2: { delivered: 100 } });
  answer = () => ({ units: { u1: { delivered: 130 } } });
  await collect();
  expect(statistics('t').answers).toEqual({ u1: { delivered: 130 }, u2: { delivered: 100 } });
});

test('says why nothing was ever said', async () => {
  await sent('t', {});
  answer = () => ({ units: { u1: { error: 'no' }, u2: null } });
  await collect();
  expect(statistics('t').answers).toEqual({ u1: { error: 'no' }, u2: null });
});

test('for two weeks after the end, of runs that sent under a unit', async () => {
  await sent('t', { endedAt: '2026-11-23T03:00:00.000Z' });
  await sent('none', { aggregationUnits: null });
  await sent('empty', { aggregationUnits: [] });
  await sent('dry', {}, 'dryRun');
  await sent('starting', { state: CampaignState.STARTING });
  world.now += 13 * DAY;
  expect(await collect()).toBe(1);
  world.now += DAY;
  expect(await collect()).toBe(0);
});

test('what goes wrong with one run does not keep it from the others', async () => {
  await sent('t1', {});
  world.now += 1_000;
  await sent('t2', {});
  let calls = 0;
  answer = ({ units }) => {
    if (calls++ === 0) {
      throw new Error('the function failed');
    }
    return { units: { [units[0]]: {} } };
  };
  expect(await collect()).toBe(1);
  expect([statistics('t1') !== null, statistics('t2')]).toEqual([true, null]);
  expect(world.telemetry.codes).toContain('CAMPAIGN_STATISTICS_FAILED');
});

test('what there is no time for waits for the next day', async () => {
  await sent('t', {});
  expect(await collect(20_000)).toBe(0);
  expect(asked).toEqual([]);
  expect(world.telemetry.codes).toContain('CAMPAIGN_STATISTICS_CUT_SHORT');
});

test('all pages are read', async () => {
  for (let n = 0; n < 5; n++) {
    await sent(`t${n}`, {});
  }
  world.table.pageSize = 2;
  expect(await collect()).toBe(5);
});
