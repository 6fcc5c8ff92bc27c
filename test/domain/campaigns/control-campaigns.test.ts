import * as fc from 'fast-check';
import { CampaignReason, CampaignState, FrozenRecipients } from '../../../src/contract/campaigns';
import { runIdOf } from '../../../src/domain/campaigns/campaign-input';
import { RunReport } from '../../../src/domain/campaigns/control-campaigns';
import { ControlWorld, Crash } from '../../support/control-world';

const START = { campaign: 'spring', source: 'vip', message: { data: 'Hello' }, clientToken: 't' };
const AT = { at: '2026-12-01T09:00', timeZone: 'Asia/Tokyo' };
const RUN = runIdOf('t', 'SEND', 'Campaigns');
const FROZEN = { generation: 1, recipients: 10 } as FrozenRecipients;

let world: ControlWorld;
beforeEach(() => {
  world = new ControlWorld();
});

function flag(generation: number, runId = RUN): unknown {
  return JSON.parse(world.files.get(`runs/${runId}/flags/${generation}.json`) ?? 'null');
}

describe('start', () => {
  test('writes input, contents, record and flag, then has the state machine begin', async () => {
    expect(await world.run({ ...START, startedBy: 'ops', options: { maxDurationMinutes: 60 } })).toEqual({
      runId: RUN,
      kind: 'SEND',
      campaign: 'spring',
      source: 'vip',
      state: 'STARTING',
      startedBy: 'ops',
      createdAt: '2026-11-23T03:00:00.000Z',
      updatedAt: '2026-11-23T03:00:00.000Z',
      generation: 1,
      automaticResumes: 0,
      looks: 0,
      expiresAtTime: '2026-11-23T04:00:00.000Z',
    });
    expect(world.steps).toEqual([
      `create runs/${RUN}/input.json`, `write runs/${RUN}/content/0`, 'PutItemCommand', `create runs/${RUN}/flags/1.json`, `start ${RUN}-1`, 'announce STARTING',
    ]);
    expect(JSON.parse(world.files.get(`runs/${RUN}/input.json`)!)).toMatchObject({ kind: 'SEND', canary: 'AUTO', treatments: [{ name: '0', weight: 1, data: 'Hello' }] });
    expect(world.files.get(`runs/${RUN}/content/0`)).toBe('Hello');
    expect(flag(1)).toEqual({ state: 'RUN', until: '2026-11-23T04:00:00.000Z' });
    expect((await world.load(RUN)).expiresAt).toBe(Date.parse('2027-02-21T03:00:00Z') / 1_000);
  });

  test('anything wrong begins nothing', async () => {
    expect(await world.errors({ ...START, source: 'nobody' })).toEqual([expect.stringContaining('source must be the name of a source that the runner has')]);
    expect(await world.errors(undefined)).toEqual([expect.stringContaining('must be a JSON object')]);
    expect(await world.errors({ ...START, action: 'strat' })).toEqual([expect.stringContaining('action must be one of start, dryRun, estimate, status, list, pause')]);
    expect(await world.errors({ ...START, action: 'constructor' })).toEqual([expect.not.stringContaining('startScheduled')]);
    expect(world.steps).toEqual([]);
    expect(world.telemetry.codes).toEqual(Array(4).fill('CAMPAIGN_REQUEST_REFUSED'));
  });

  test.each([64, 50_000])('%i lists inside of each other are refused and not hashed', async (levels) => {
    const deep = JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);
    expect(await world.errors({ ...START, message: { data: deep } })).toEqual([expect.stringContaining('has more than 64 objects and lists inside of each other')]);
    expect(await world.errors(JSON.parse(`[${JSON.stringify(START)},${'['.repeat(levels)}${']'.repeat(levels)}]`))).toHaveLength(1);
    // Also where it is no start.
    expect(await world.errors({ action: 'pause', runId: deep })).toHaveLength(1);
    expect(world.steps).toEqual([]);
  });

  test('as much as LINE nests is taken', async () => {
    const box = (levels: number): object => levels === 0 ? { type: 'text', text: 'Hello' } : { type: 'box', contents: [box(levels - 1)] };
    expect(await world.run({ ...START, message: { data: box(30) } })).toMatchObject({ state: 'STARTING' });
  });

  test('twice with one token is one run', async () => {
    const first = await world.run(START);
    world.now += 60_000;
    await world.change(RUN, { state: CampaignState.SENDING });
    expect(await world.run({ ...START, startedBy: 'somebody else' })).toMatchObject({ runId: first.runId, state: 'SENDING', createdAt: first.createdAt });
    expect(world.steps.filter((step) => step.startsWith('start '))).toHaveLength(1);
  });

  test('another input with the same token is refused', async () => {
    await world.run(START);
    expect(await world.errors({ ...START, message: { data: 'Goodbye' } })).toEqual([`clientToken has been used with another input, for ${RUN}: write a new one for what is another campaign`]);
    expect(world.files.get(`runs/${RUN}/content/0`)).toBe('Hello');
  });

  test('another runner with the same bucket and token has a run of its own', async () => {
    const objects = await world.run(START) && [...world.files.keys()];
    world.config = { ...world.config, runner: 'Others' };
    world.table.items.clear();
    const { runId } = await world.run(START);
    expect(runId).toBe(runIdOf('t', 'SEND', 'Others'));
    expect([...world.files.keys()].filter((key) => !key.includes(runId))).toEqual(objects);
  });

  test.each(['flags/1.json', 'manifest.json'])('a token whose run is forgotten, but not its %s, is refused', async (name) => {
    world.files.set(`runs/${RUN}/${name}`, '{}');
    for (const schedule of [{}, { schedule: AT }]) {
      expect(await world.errors({ ...START, ...schedule })).toEqual([
        `clientToken has been used before, for ${RUN}, which is forgotten and whose objects still lie in the bucket: write a new one`,
      ]);
    }
    expect([world.table.items.size, world.files.size, world.schedules.size]).toEqual([0, 1, 0]);
  });

  test('of two at the same moment with other inputs, one is refused and the other sends its own', async () => {
    const answers = await Promise.all([world.ask(START), world.ask({ ...START, message: { data: 'Goodbye' } })]);
    expect(answers.map((answer) => 'errors' in answer)).toEqual([false, true]);
    expect(world.files.get(`runs/${RUN}/content/0`)).toBe('Hello');
  });

  test('of two at the same moment with equal inputs, both are answered with the run', async () => {
    const answers = await Promise.all([world.run(START), world.run(START)]);
    expect(answers.map(({ runId }) => runId)).toEqual([RUN, RUN]);
    expect([...world.executions.keys()]).toEqual([`${RUN}-1`]);
  });

  test('a dry run and an estimate may have the token of the start, or none', async () => {
    const { clientToken, ...rest } = START;
    const ids = [await world.run(START), await world.run({ ...START, action: 'dryRun' }), await world.run({ ...rest, action: 'estimate' })].map(({ runId }) => runId);
    expect(ids).toEqual([RUN, runIdOf('request/request-1', 'DRY_RUN', 'Campaigns'), runIdOf('request/request-1', 'ESTIMATE', 'Campaigns')]);
    // Lambda tries an invocation again under its id.
    await world.run({ ...rest, action: 'estimate' });
    world.requestId = 'request-2';
    await world.run({ ...rest, action: 'estimate' });
    expect(world.table.items.size).toBe(4);
    expect(await world.errors({ ...rest, action: 'start' })).toEqual([expect.stringContaining('clientToken')]);
  });

  test.each(['dryRun', 'estimate'])('a %s that is asked for again looks anew, also with the file of the start', async (action) => {
    const first = await world.run({ ...START, action });
    await world.change(first.runId, { state: CampaignState.COMPLETED, reason: CampaignReason.CONTENT_REFUSED });
    // Lambda's own repeat.
    expect(await world.run({ ...START, action })).toMatchObject({ runId: first.runId, state: 'COMPLETED' });
    world.requestId = 'request-2';
    const second = await world.run({ ...START, action });
    expect(second).toMatchObject({ state: 'STARTING' });
    expect(second.runId).not.toBe(first.runId);
    world.requestId = 'request-3';
    expect(await world.run({ ...START, action, message: { data: 'Goodbye' } })).toMatchObject({ state: 'STARTING' });
    expect(world.executions.size).toBe(3);
  });

  test('a repeat begins what a crash left undone, wherever that was', async () => {
    const times = [{}, { schedule: AT }, { schedule: { rate: '1 day' } }];
    await fc.assert(fc.asyncProperty(fc.nat(7), fc.constantFrom(...times), async (crashAfter, schedule) => {
      const [whole, broken] = [new ControlWorld(), new ControlWorld()];
      await whole.run({ ...START, ...schedule });
      broken.crashAfter = crashAfter;
      await broken.run({ ...START, ...schedule }).catch((error) => expect(error).toBeInstanceOf(Crash));
      broken.crashAfter = Infinity;
      await broken.run({ ...START, ...schedule });
      expect([...broken.files]).toEqual([...whole.files]);
      expect([...broken.table.items]).toEqual([...whole.table.items]);
      expect([...broken.executions]).toEqual([...whole.executions]);
      expect([...broken.schedules]).toEqual([...whole.schedules]);
    }));
  });

  test('the watchdog begins what a crash left undone after the run was written down', async () => {
    for (const crashAfter of [3, 4]) {
      world = new ControlWorld();
      world.crashAfter = crashAfter;
      await expect(world.run(START)).rejects.toThrow(Crash);
      world.now += 4 * 60_000;
      expect(await world.watch()).toEqual({ watched: 1, resumed: 1, failed: 0, started: 0 });
      expect([...world.executions.keys()]).toEqual([`${RUN}-2`]);
      expect(flag(2)).toEqual({ state: 'RUN' });
    }
  });
});

describe('a schedule', () => {
  const planned = `planned/${RUN}/input.json`;
  const begin = { action: 'startScheduled', runId: RUN, scheduledTime: '2026-12-01T00:00:00Z' };

  test('is made, and the run begins at its time', async () => {
    expect(await world.run({ ...START, schedule: AT })).toMatchObject({ state: 'SCHEDULED', startAt: '2026-12-01T00:00:00.000Z', generation: 0 });
    expect(world.schedules.get(RUN)).toEqual({ startAt: '2026-12-01T00:00:00.000Z' });
    expect([...world.files.keys()]).toEqual([planned]);
    world.now = Date.parse('2026-12-01T00:00:05Z');
    expect(await world.run(begin)).toMatchObject({ state: 'STARTING', generation: 1 });
    expect([...world.executions.keys()]).toEqual([`${RUN}-1`]);
    expect([...world.files.keys()].sort()).toEqual([`runs/${RUN}/content/0`, `runs/${RUN}/flags/1.json`, `runs/${RUN}/input.json`]);
    expect((await world.load(RUN)).expiresAt).toBe(Math.floor(Date.parse('2027-03-01T00:00:05Z') / 1_000));
  });

  test('that comes twice begins once, also when the first was ended half way', async () => {
    await fc.assert(fc.asyncProperty(fc.nat(8), async (crashAfter) => {
      world = new ControlWorld();
      await world.run({ ...START, schedule: AT });
      world.now = Date.parse('2026-12-01T00:00:05Z');
      world.crashAfter = crashAfter;
      await world.run(begin).catch((error) => expect(error).toBeInstanceOf(Crash));
      world.crashAfter = Infinity;
      expect(await world.run(begin)).toMatchObject({ state: 'STARTING', generation: 1 });
      expect([...world.executions.keys()]).toEqual([`${RUN}-1`]);
    }));
  });

  test('is deleted with the run', async () => {
    await world.run({ ...START, schedule: AT });
    expect(await world.run({ action: 'cancel', runId: RUN })).toMatchObject({ state: 'CANCELLED', reason: 'OPERATOR', endedAt: '2026-11-23T03:00:00.000Z' });
    expect(world.schedules.size + world.files.size).toBe(0);
    expect(await world.run(begin)).toMatchObject({ state: 'CANCELLED' });
    expect(world.executions.size).toBe(0);
    expect(world.announced.map(({ state }) => state)).toEqual(['SCHEDULED', 'CANCELLED']);
  });

  test('that was not deleted with the run is, when it is cancelled again', async () => {
    await world.run({ ...START, schedule: AT });
    world.crashAfter = 1;
    await expect(world.run({ action: 'cancel', runId: RUN })).rejects.toThrow(Crash);
    await world.run({ action: 'cancel', runId: RUN });
    expect(world.schedules.size + world.files.size).toBe(0);
  });

  test('that EventBridge Scheduler refuses fails the run, and says so', async () => {
    world.refusedSchedule = 'no such cron';
    expect(await world.errors({ ...START, schedule: { cron: '0 9 L * ? *', timeZone: 'UTC' } })).toEqual([
      'schedule is not taken by EventBridge Scheduler: no such cron; mend it and start with another clientToken',
    ]);
    expect(await world.load(RUN)).toMatchObject({ state: 'FAILED', message: expect.stringContaining('no such cron') });
    expect(await world.errors({ action: 'resume', runId: RUN })).toEqual([expect.stringContaining('never began')]);
  });

  test('that recurs begins a run for each time, once', async () => {
    await world.run({ ...START, schedule: { cron: '0 9 ? * MON *', timeZone: 'Asia/Tokyo', until: '2026-12-31T00:00' } });
    expect(world.schedules.get(RUN)).toEqual({ expression: 'cron(0 9 ? * MON *)', timeZone: 'Asia/Tokyo', until: '2026-12-30T15:00:00.000Z' });
    world.now = Date.parse('2026-12-07T00:00:20Z');
    const first = await world.run({ ...begin, scheduledTime: '2026-12-07T00:00:00Z' });
    expect(first).toMatchObject({ state: 'STARTING', generation: 1, recurrenceOf: RUN, campaign: 'spring' });
    expect(first).not.toHaveProperty('recurrence');
    expect(await world.run({ ...begin, scheduledTime: '2026-12-07T00:00:00Z' })).toMatchObject({ runId: first.runId });
    world.now = Date.parse('2026-12-14T00:00:20Z');
    const second = await world.run({ ...begin, scheduledTime: '2026-12-14T00:00:00Z' });
    expect(second.runId).not.toBe(first.runId);
    expect(JSON.parse(world.files.get(`runs/${second.runId}/input.json`)!)).toMatchObject({ clientToken: `${RUN}/2026-12-14T00:00:00.000Z`, treatments: [{ data: 'Hello' }] });
    expect(world.executions.size).toBe(2);
    world.now = Date.parse('2027-01-04T00:00:20Z');
    expect(await world.run({ ...begin, scheduledTime: '2027-01-04T00:00:00Z' })).toMatchObject({ runId: RUN, state: 'RECURRING' });
    expect(world.executions.size).toBe(2);
  });

  test('whose time the platform does not tell begins one run a minute', async () => {
    await world.run({ ...START, schedule: { rate: '15 minutes' } });
    const literal = { ...begin, scheduledTime: '<aws.scheduler.scheduled-time>' };
    const first = await world.run(literal);
    world.now += 30_000;
    expect((await world.run(literal)).runId).toBe(first.runId);
    world.now += 30_000;
    expect((await world.run(literal)).runId).not.toBe(first.runId);
  });

  test('and a cancel at the same moment: one of them wins', async () => {
    await world.run({ ...START, schedule: AT });
    world.now = Date.parse('2026-12-01T00:00:05Z');
    const { transition } = world.runs;
    jest.spyOn(world.runs, 'transition').mockImplementationOnce(async (read, change, now) => {
      await transition.call(world.runs, read, { state: CampaignState.CANCELLED }, now);
      return transition.call(world.runs, read, change, now);
    });
    expect(await world.run(begin)).toMatchObject({ state: 'CANCELLED' });
    expect(world.executions.size).toBe(0);
  });

  test('that comes twice at the same moment begins one run', async () => {
    await world.run({ ...START, schedule: { rate: '1 day' } });
    world.now = Date.parse('2026-12-01T00:00:05Z');
    const runs = await Promise.all([world.run(begin), world.run(begin)]);
    expect(new Set(runs.map(({ runId }) => runId)).size).toBe(1);
    expect(world.executions.size).toBe(1);
    expect(world.table.items.size).toBe(2);
  });

  test('is not begun before its time by somebody else', async () => {
    await world.run({ ...START, schedule: AT });
    world.now = Date.parse('2026-11-30T23:57:59Z');
    expect(await world.errors(begin)).toEqual([expect.stringContaining(`action cannot be done: ${RUN} is to begin at "2026-12-01T00:00:00.000Z"`)]);
    expect(await world.errors({ ...begin, scheduledTime: '2026-11-30T00:00:00Z' })).toHaveLength(1);
    expect(world.executions.size).toBe(0);
    world.now = Date.parse('2026-11-30T23:58:00Z');
    expect(await world.run(begin)).toMatchObject({ state: 'STARTING' });
  });

  test('that recurs is not begun for a time to come', async () => {
    expect(await world.run({ ...START, schedule: { rate: '7 days' } })).toMatchObject({ recurrence: { expression: 'rate(7 days)', from: '2026-11-30T03:00:00.000Z' } });
    expect(world.schedules.get(RUN)).toMatchObject({ from: '2026-11-30T03:00:00.000Z' });
    expect(await world.errors(begin)).toEqual([expect.stringContaining('is to begin at "2026-12-01T00:00:00Z"')]);
    expect(world.executions.size).toBe(0);
  });

  test('of a run that nobody knows begins nothing', async () => {
    expect(await world.errors(begin)).toEqual([expect.stringContaining('runId must be the id of a run that is remembered')]);
    expect(world.steps).toEqual([]);
  });
});

describe('pause, resume, cancel', () => {
  beforeEach(async () => {
    await world.run(START);
    await world.change(RUN, { state: CampaignState.SENDING });
    world.steps.length = 0;
  });

  test('pause writes the flag that chunks read', async () => {
    expect(await world.run({ action: 'pause', runId: RUN })).toMatchObject({ state: 'PAUSING', reason: 'OPERATOR', generation: 1 });
    expect(flag(1)).toEqual({ state: 'PAUSE' });
    expect(world.announced.at(-1)).toMatchObject({ state: 'PAUSING' });
  });

  test.each([['pause', CampaignState.SENDING, 'PAUSE'], ['cancel', CampaignState.SENDING, 'CANCEL'], ['pause', CampaignState.STARTING, 'PAUSE']])(
    '%s is not taken back by a start that is repeated at the same moment and read the run as %s', async (action, state, expected) => {
      // GIVEN a run that a crash kept from its execution
      await world.change(RUN, { state });
      world.executions.clear();
      // WHEN it is made whole by a repeat, and stopped meanwhile
      jest.spyOn(world.dependencies.executions, 'status').mockImplementationOnce(async () => {
        await world.run({ action, runId: RUN });
        return 'NONE';
      });
      await world.run(START);
      // THEN
      expect(world.executions.has(`${RUN}-1`)).toBe(true);
      expect(flag(1)).toEqual({ state: expected });
    });

  test('a new execution has those before it begin nothing else, also when it was cut off and is made whole', async () => {
    // GIVEN a run that has failed while its functions send
    await world.runs.freeze(RUN, 1, FROZEN, 'T');
    await world.change(RUN, { state: CampaignState.FAILED });
    expect(flag(1)).toEqual({ state: 'RUN' });
    world.crashAfter = 1;
    await expect(world.run({ action: 'resume', runId: RUN })).rejects.toThrow(Crash);
    expect(world.executions.has(`${RUN}-2`)).toBe(false);
    // WHEN
    world.crashAfter = Infinity;
    await world.run({ action: 'resume', runId: RUN });
    // THEN
    expect([flag(1), flag(2)]).toEqual([{ state: 'CANCEL' }, { state: 'RUN' }]);
    expect(world.steps.slice(-3)).toEqual([`create runs/${RUN}/flags/2.json`, `start ${RUN}-2`, 'announce SENDING']);
  });

  test('a pause that a look overwrote, or that was cut off, is made whole by asking again', async () => {
    world.crashAfter = 1;
    await expect(world.run({ action: 'pause', runId: RUN })).rejects.toThrow(Crash);
    expect(flag(1)).toEqual({ state: 'RUN' });
    await world.run({ action: 'pause', runId: RUN });
    expect(flag(1)).toEqual({ state: 'PAUSE' });
  });

  test('of a run whose recipients are being frozen is done at once, and the freeze stops there', async () => {
    world = new ControlWorld();
    await world.run(START);
    expect(await world.run({ action: 'pause', runId: RUN })).toMatchObject({ state: 'PAUSED', reason: 'OPERATOR' });
    expect(await world.runs.freeze(RUN, 1, FROZEN, 'T')).toMatchObject({ state: 'PAUSED', frozen: FROZEN });
    expect(await world.run({ action: 'resume', runId: RUN })).toMatchObject({ state: 'SENDING', generation: 2 });
    world = new ControlWorld();
    await world.run(START);
    await world.run({ action: 'pause', runId: RUN });
    expect(await world.run({ action: 'resume', runId: RUN })).toMatchObject({ state: 'STARTING', generation: 2 });
    expect(await world.runs.freeze(RUN, 1, FROZEN, 'T')).toBeUndefined();
    expect(await world.run({ action: 'cancel', runId: RUN })).toMatchObject({ state: 'CANCELLED', endedAt: '2026-11-23T03:00:00.000Z' });
  });

  test('resume is a new execution with a flag of its own', async () => {
    await world.change(RUN, { state: CampaignState.PAUSED, reason: CampaignReason.OPERATOR });
    expect(await world.run({ action: 'resume', runId: RUN })).toMatchObject({ state: 'STARTING', generation: 2 });
    expect(world.steps.slice(-5)).toEqual([
      'UpdateItemCommand', `write runs/${RUN}/flags/1.json`, `create runs/${RUN}/flags/2.json`, `start ${RUN}-2`, 'announce STARTING',
    ]);
    expect(flag(2)).toEqual({ state: 'RUN' });
    world.steps.length = 0;
    expect(await world.run({ action: 'resume', runId: RUN })).toMatchObject({ generation: 2 });
    expect(world.steps).toEqual([]);
  });

  test('a resume that was cut off is made whole by asking again', async () => {
    await world.change(RUN, { state: CampaignState.PAUSED });
    world.crashAfter = 1;
    await expect(world.run({ action: 'resume', runId: RUN })).rejects.toThrow(Crash);
    await world.run({ action: 'resume', runId: RUN });
    expect([...world.executions.keys()]).toEqual([`${RUN}-1`, `${RUN}-2`]);
    expect(flag(2)).toEqual({ state: 'RUN' });
  });

  test('cancel gives a run that is paused an execution, which ends it', async () => {
    await world.runs.freeze(RUN, 1, FROZEN, 'T');
    await world.change(RUN, { state: CampaignState.PAUSED, ambiguous: 3 });
    expect(await world.run({ action: 'cancel', runId: RUN })).toMatchObject({ state: 'CANCELLING', generation: 2 });
    expect(flag(2)).toEqual({ state: 'CANCEL' });
    expect(world.executions.has(`${RUN}-2`)).toBe(true);
    // Asked again, nothing more is done.
    expect(await world.run({ action: 'cancel', runId: RUN })).toMatchObject({ state: 'CANCELLING', generation: 2 });
    // Also without such people: the last look writes the manifest of a run that has ended.
    await world.change(RUN, { state: CampaignState.PAUSED, ambiguous: 0 });
    expect(await world.run({ action: 'cancel', runId: RUN })).toMatchObject({ state: 'CANCELLING', generation: 3 });
    expect(flag(3)).toEqual({ state: 'CANCEL' });
    await world.change(RUN, { state: CampaignState.CANCELLED });
    expect(await world.run({ action: 'cancel', runId: RUN })).toMatchObject({
      state: 'CANCELLED', generation: 3, manifest: { bucket: 'campaign-bucket', key: `runs/${RUN}/manifest.json` },
    });
  });

  test('a run that the channel stopped is not resumed, but cancelled and retried', async () => {
    await world.runs.freeze(RUN, 1, FROZEN, 'T');
    await world.change(RUN, { state: CampaignState.PAUSED, reason: CampaignReason.STOPPED_BY_CHANNEL });
    expect(await world.errors({ action: 'resume', runId: RUN })).toEqual([expect.stringContaining('cancel it, then {"action":"retry","includePending":true}')]);
    expect(world.executions.has(`${RUN}-2`)).toBe(false);
    expect(await world.run({ action: 'cancel', runId: RUN })).toMatchObject({ state: 'CANCELLING' });
    await world.change(RUN, { state: CampaignState.CANCELLED, counts: { accepted: 1, skipped: 0, failed: 3, unknown: 0, pending: 6 } });
    expect(await world.run({ action: 'retry', runId: RUN, includePending: true })).toMatchObject({ state: 'STARTING', retryOf: RUN });
  });

  test('what cannot be done is said, and nothing happens', async () => {
    await world.change(RUN, { state: CampaignState.COMPLETED });
    world.steps.length = 0;
    expect(await world.errors({ action: 'pause', runId: RUN })).toEqual([
      `action cannot be done: run ${RUN} is COMPLETED, and only one that is starting, sending or held can be paused; `
      + 'start a campaign anew with another clientToken, or retry the people who were not reached',
    ]);
    expect(await world.errors({ action: 'cancel' })).toEqual([expect.stringContaining('runId must be the id of a run, got nothing')]);
    expect(await world.errors({ action: 'cancel', runId: RUN, reason: 'x' })).toEqual([expect.stringContaining('reason is not known here')]);
    expect(world.steps).toEqual([]);
  });

  test('somebody who was faster is taken into account', async () => {
    const { transition } = world.runs;
    jest.spyOn(world.runs, 'transition').mockImplementationOnce(async (read, change, now) => {
      await transition.call(world.runs, read, { state: CampaignState.COMPLETED }, now);
      return transition.call(world.runs, read, change, now);
    });
    expect(await world.errors({ action: 'pause', runId: RUN })).toEqual([expect.stringContaining('is COMPLETED')]);
    jest.spyOn(world.runs, 'transition').mockResolvedValue(undefined);
    await world.runs.create({ ...await world.load(RUN), pk: 'RUN#run-000000000000000000000000', runId: 'run-000000000000000000000000', state: CampaignState.SENDING });
    await expect(world.run({ action: 'pause', runId: 'run-000000000000000000000000' })).rejects.toThrow('was changed by others 5 times');
  });

  test('any commands in any order, cut off anywhere, leave a run that can be ended', async () => {
    const command = fc.record({ action: fc.constantFrom('pause', 'resume', 'cancel'), crashAfter: fc.oneof(fc.nat(4), fc.constant(Infinity)) });
    const anyCommands = fc.array(command, { maxLength: 8 });
    const states = [CampaignState.SENDING, CampaignState.HELD, CampaignState.PAUSED, CampaignState.FAILED];
    await fc.assert(fc.asyncProperty(fc.constantFrom(...states), fc.nat(1), anyCommands, async (state, ambiguous, commands) => {
      world = new ControlWorld();
      await world.run(START);
      await world.runs.freeze(RUN, 1, FROZEN, 'T');
      await world.change(RUN, { state, ambiguous });
      for (const { action, crashAfter } of commands) {
        world.crashAfter = crashAfter;
        await world.ask({ action, runId: RUN }).catch((error) => expect(error).toBeInstanceOf(Crash));
      }
      world.crashAfter = Infinity;
      world.now += 10 * 60_000;
      await world.watch();
      const { state: last, generation } = await world.load(RUN);
      // Whoever is to decide what is left has an execution and is told what to do.
      const flags: { readonly [of: string]: string } = { PAUSING: 'PAUSE', CANCELLING: 'CANCEL', SENDING: 'RUN', STARTING: 'RUN' };
      if (last in flags) {
        expect(world.executions.get(`${RUN}-${generation}`)).toBe('RUNNING');
        expect(flag(generation)).toMatchObject({ state: flags[last] });
      }
      expect(await world.run({ action: 'cancel', runId: RUN })).toMatchObject({ state: expect.stringMatching(/^CANCELL/) });
    }));
  });
});

describe('retry', () => {
  const counts = { accepted: 5, skipped: 1, failed: 3, unknown: 1, pending: 0 };

  beforeEach(async () => {
    await world.run({ ...START, holdoutPercent: 10, startedBy: 'ops' });
    await world.runs.freeze(RUN, 1, FROZEN, 'T');
    await world.change(RUN, { state: CampaignState.COMPLETED, counts });
  });

  test('is a run of those who failed, with the same contents', async () => {
    const retried = await world.run({ action: 'retry', runId: RUN });
    expect(retried).toMatchObject({ state: 'STARTING', retryOf: RUN, campaign: 'spring', source: 'vip' });
    expect(retried).not.toHaveProperty('startedBy');
    expect(JSON.parse(world.files.get(`runs/${retried.runId}/input.json`)!)).toMatchObject({
      retryOf: { runId: RUN, statuses: ['failed'] }, holdoutPercent: 0, canary: 'OFF', treatments: [{ name: '0', weight: 1, data: 'Hello' }],
    });
    expect(world.files.get(`runs/${retried.runId}/content/0`)).toBe('Hello');
    // Asked again, it is the same run; with those who may have got the message, another one.
    expect((await world.run({ action: 'retry', runId: RUN })).runId).toBe(retried.runId);
    const all = await world.run({ action: 'retry', runId: RUN, includeUnknown: true, startedBy: 'me' });
    expect(all).toMatchObject({ startedBy: 'me', retryOf: RUN });
    expect(JSON.parse(world.files.get(`runs/${all.runId}/input.json`)!).retryOf.statuses).toEqual(['unknown']);
    expect((await world.run({ action: 'retry', runId: RUN, clientToken: 'again' })).runId).toBe(runIdOf('again', 'SEND', 'Campaigns'));
    expect(await world.errors({ action: 'retry', runId: RUN, includeUnknown: true, clientToken: 'again' })).toEqual([expect.stringContaining('clientToken has been used')]);
  });

  describe('of people whose turn never came', () => {
    const inputOf = (runId: string) => JSON.parse(world.files.get(`runs/${runId}/input.json`)!);

    beforeEach(() => world.change(RUN, { state: CampaignState.CANCELLED, counts: { ...counts, pending: 8 } }));

    test('is asked for, has the canary of the campaign, and is one run for all who ask', async () => {
      const retried = await world.run({ action: 'retry', runId: RUN, includePending: true });
      expect(inputOf(retried.runId)).toMatchObject({ retryOf: { runId: RUN, statuses: ['failed', 'pending'] }, canary: 'AUTO', holdoutPercent: 0 });
      expect((await world.run({ action: 'retry', runId: RUN, includePending: true })).runId).toBe(retried.runId);
      expect(await world.errors({ action: 'retry', runId: RUN })).toEqual([
        `runId must be a run that was not retried, and ${RUN} was, as ${retried.runId}: `
        + 'retry that one for people whom it did not reach (when it does not exist, its start was cut off: ask for it again as it was asked for), '
        + 'or write a clientToken to send to all of them once more',
      ]);
    });

    test('asked for in all ways at the same moment is one run for each kind of people, whoever crashes and asks again', async () => {
      const ways = [{}, { includePending: true }, { includeUnknown: true }, { includeUnknown: true, includePending: true }];
      const several = fc.uniqueArray(fc.constantFrom(...ways), { minLength: 2 });
      await fc.assert(fc.asyncProperty(several, fc.nat(30), fc.infiniteStream(fc.nat(9)), async (asked, crashAfter, ticks) => {
        // GIVEN
        world = new ControlWorld();
        await world.run(START);
        await world.runs.freeze(RUN, 1, FROZEN, 'T');
        await world.change(RUN, { state: CampaignState.CANCELLED, counts: { ...counts, pending: 8 } });
        const { objects } = world.dependencies;
        const { create, read } = objects;
        const soon = async () => {
          for (let left = ticks.next().value; left > 0; left--) {
            await Promise.resolve();
          }
        };
        jest.spyOn(objects, 'create').mockImplementation(async (key, body) => soon().then(() => create(key, body)));
        jest.spyOn(objects, 'read').mockImplementation(async (key) => soon().then(() => read(key)));
        // WHEN
        world.crashAfter = crashAfter;
        const requests = asked.map((way) => ({ action: 'retry', runId: RUN, ...way }));
        await Promise.allSettled(requests.map((request) => world.ask(request)));
        world.crashAfter = Infinity;
        await Promise.all(requests.map((request) => world.ask(request)));
        // THEN
        const retries = (await world.runs.list(CampaignState.STARTING)).runs.filter(({ retryOf }) => retryOf === RUN);
        const statuses = retries.flatMap(({ runId }) => inputOf(runId).retryOf.statuses);
        const isAsked = (option: string) => asked.some((way) => option in way);
        const wanted = ['failed', ...(isAsked('includePending') ? ['pending'] : []), ...(isAsked('includeUnknown') ? ['unknown'] : [])];
        expect([...statuses].sort()).toEqual(wanted);
      }), { numRuns: 60 });
    });

    test('leaves those to an earlier retry whom it may have reached', async () => {
      await world.run({ action: 'retry', runId: RUN });
      const rest = await world.run({ action: 'retry', runId: RUN, includePending: true });
      expect(inputOf(rest.runId).retryOf.statuses).toEqual(['pending']);
      const last = await world.run({ action: 'retry', runId: RUN, includePending: true, includeUnknown: true });
      expect(inputOf(last.runId).retryOf.statuses).toEqual(['unknown']);
      const all = await world.run({ action: 'retry', runId: RUN, includePending: true, includeUnknown: true, clientToken: 'once more' });
      expect(inputOf(all.runId).retryOf.statuses).toEqual(['failed', 'unknown', 'pending']);
    });

    test('is what somebody is told who does not ask for it', async () => {
      await world.change(RUN, { counts: { accepted: 2, skipped: 0, failed: 0, unknown: 1, pending: 8 } });
      expect(await world.errors({ action: 'retry', runId: RUN })).toEqual([
        `runId must be a run with people who are failed, and ${RUN} has none: write "includePending": true for the 8 who are pending, `
        + 'write "includeUnknown": true for the 1 who are unknown',
      ]);
      expect(await world.errors({ action: 'retry', runId: RUN, includePending: 1 })).toEqual([expect.stringContaining('includePending must be true or false')]);
    });

    test('is of everybody when the run ended before anything was sent', async () => {
      await world.change(RUN, { counts: null });
      expect(await world.run({ action: 'retry', runId: RUN, includePending: true })).toMatchObject({ state: 'STARTING' });
      await world.change(RUN, { looks: 1 });
      expect(await world.errors({ action: 'retry', runId: RUN, includePending: true, clientToken: 'x' })).toEqual([expect.stringContaining('there is nothing to retry')]);
    });
  });

  test.each<[string, Parameters<ControlWorld['change']>[1], string]>([
    ['has not ended', { state: CampaignState.PAUSED }, 'must be a run that has ended, and'],
    ['reached everybody', { counts: { ...counts, failed: 0 } }, 'must be a run with people who are failed, and'],
    ['sent to nobody', { counts: null }, 'must be a run with people who are failed, and'],
  ])('of a run that %s is refused', async (_name, change, message) => {
    await world.change(RUN, change);
    expect(await world.errors({ action: 'retry', runId: RUN })).toEqual([expect.stringContaining(message)]);
  });

  test('of a dry run, or of one that is not remembered, is refused', async () => {
    const { runId } = await world.run({ ...START, action: 'dryRun' });
    expect(await world.errors({ action: 'retry', runId })).toEqual([expect.stringContaining('was a dry run')]);
    world.files.delete(`runs/${RUN}/input.json`);
    expect(await world.errors({ action: 'retry', runId: RUN })).toEqual([expect.stringContaining('whose input is still kept')]);
  });

  test('says what is wrong', async () => {
    expect(await world.errors({ action: 'retry', runId: RUN, includeUnknown: 'yes', clientToken: '', startedBy: 1, all: true })).toEqual([
      expect.stringContaining('all is not known here'), expect.stringContaining('includeUnknown must be true or false'), expect.stringContaining('clientToken'), expect.stringContaining('startedBy'),
    ]);
  });
});

describe('status', () => {
  test('by run id or token', async () => {
    await world.run(START);
    expect(await world.run({ action: 'status', runId: RUN })).toEqual(await world.run({ action: 'status', clientToken: 't' }));
    expect(await world.errors({ action: 'status', runId: 'run-000000000000000000000000' })).toEqual([expect.stringContaining('that is remembered')]);
    expect(await world.errors({ action: 'status', runId: '../x' })).toEqual([expect.stringContaining('must be the id of a run, got "../x"')]);
    expect(await world.errors({ action: 'status', runid: RUN })).toEqual([expect.stringContaining('runid is not known here: write runId'), expect.stringContaining('got nothing')]);
  });

  test('shows what a dry run would send, and what the channel counted', async () => {
    const { runId } = await world.run({ ...START, action: 'dryRun' });
    world.files.set(`runs/${runId}/preview.json`, '{"cost":{"messages":3}}');
    expect(await world.run({ action: 'status', runId })).not.toHaveProperty('preview');
    await world.change(runId, { state: CampaignState.COMPLETED });
    expect(await world.run({ action: 'status', runId })).toMatchObject({ preview: { cost: { messages: 3 } } });
    await world.run(START);
    await world.change(RUN, { state: CampaignState.COMPLETED, aggregationUnits: ['u'] });
    expect(await world.run({ action: 'status', runId: RUN })).not.toHaveProperty('statistics');
    world.files.set(`runs/${RUN}/statistics.json`, '{"answers":{}}');
    expect(await world.run({ action: 'status', runId: RUN })).toMatchObject({ statistics: { answers: {} } });
  });
});

describe('list', () => {
  async function ids(request: object): Promise<string[]> {
    const answer = await world.ask({ action: 'list', ...request });
    return 'runs' in answer ? answer.runs.map(({ runId }) => runId) : [JSON.stringify(answer)];
  }

  beforeEach(async () => {
    for (let n = 0; n < 7; n++) {
      // Two at a time, in one moment.
      world.now += (n % 2) * 1_000;
      await world.run({ ...START, campaign: n < 4 ? 'spring' : 'summer', clientToken: `t${n}` });
    }
    await world.change(runIdOf('t1', 'SEND', 'Campaigns'), { state: CampaignState.COMPLETED });
    await world.change(runIdOf('t5', 'SEND', 'Campaigns'), { state: CampaignState.PAUSED });
  });

  test('the newest first, of every state', async () => {
    const all = await ids({});
    expect(new Set(all).size).toBe(7);
    expect(all.slice(-1)).toEqual([runIdOf('t0', 'SEND', 'Campaigns')]);
    expect(await ids({ state: 'PAUSED' })).toEqual([runIdOf('t5', 'SEND', 'Campaigns')]);
    expect(await ids({ state: ['COMPLETED', 'PAUSED'] })).toEqual([runIdOf('t5', 'SEND', 'Campaigns'), runIdOf('t1', 'SEND', 'Campaigns')]);
    expect(new Set(await ids({ campaign: 'summer' }))).toEqual(new Set(['t4', 't5', 't6'].map((token) => runIdOf(token, 'SEND', 'Campaigns'))));
    expect(JSON.stringify(await world.ask({ action: 'list' }))).not.toMatch(/inputHash|"pk"/);
  });

  test.each([1, 2, 3, 7])('page by page of %i', async (limit) => {
    world.table.pageSize = 2;
    const pages: string[] = [];
    let next: string | undefined;
    do {
      const answer = await world.ask({ action: 'list', limit, ...(next !== undefined && { next }) }) as { readonly runs: readonly RunReport[]; readonly next?: string };
      expect(answer.runs.length).toBeLessThanOrEqual(limit);
      pages.push(...answer.runs.map(({ runId }) => runId));
      next = answer.next;
    } while (next !== undefined);
    expect(pages).toEqual(await ids({}));
  });

  test('says what is wrong', async () => {
    expect(await world.errors({ action: 'list', state: 'DONE', campaign: 1, limit: 0, next: 'x', page: 1 })).toEqual([
      expect.stringContaining('page is not known here'), expect.stringContaining('state must be one of SCHEDULED'), expect.stringContaining('campaign must be'),
      expect.stringContaining('limit must be a whole number from 1 to 100'), expect.stringContaining('next must be the next of an answer'),
    ]);
    expect(await world.errors({ action: 'list', state: [], next: 5 })).toHaveLength(2);
  });
});
