import * as fc from 'fast-check';
import { CampaignReason, CampaignState, FrozenChunk } from '../../../src/contract/campaigns';
import { ChunkSendEvent, RunFlag } from '../../../src/contract/chunk-send';
import { SendErrorCode } from '../../../src/contract/custom-channel';
import { openChunks } from '../../../src/domain/campaigns/look-memory';
import { RunChange, RunsStore } from '../../../src/domain/campaigns/runs';
import { RUN_ID } from '../../support/freeze-world';
import { canaryOf, chunksOf, LookWorld, Outcome } from '../../support/look-world';

const { PAUSED, PAUSING, COMPLETED, CANCELLED, CANCELLING, EXPIRED, FAILED, HELD, SENDING } = CampaignState;
const QUIET = { from: '21:00', to: '09:00', timeZone: 'Asia/Tokyo' };

let world: LookWorld;
beforeEach(() => { world = new LookWorld(); });

const sizes = () => world.waves.map(({ names }) => names.length);
const stateOf = async () => { const { state, reason } = await world.run; return reason === undefined ? state : `${state} ${reason}`; };

describe('waves', () => {
  test('grow from one chunk to 64, until everybody is decided', async () => {
    // GIVEN
    await world.freeze(chunksOf(200));
    // WHEN
    await world.drive();
    // THEN
    expect(sizes()).toEqual([1, 4, 16, 64, 64, 51]);
    const run = await world.run;
    expect(run).toMatchObject({
      state: COMPLETED,
      looks: 7,
      endedAt: expect.stringMatching(/Z$/),
      counts: { accepted: 1_000_000, skipped: 0, failed: 0, unknown: 0, pending: 0 },
      treatments: { 0: { recipients: 1_000_000, accepted: 1_000_000 } },
      aggregationUnits: ['unit'],
    });
    expect([run.reason, run.message, run.ambiguous]).toEqual([undefined, undefined, undefined]);
    expect(world.manifest).toMatchObject({ state: 'COMPLETED', recipients: 1_000_000, counts: run.counts, missing: [] });
    expect(world.manifest.results).toHaveLength(200);
    expect(world.announced.map(({ state }) => state)).toEqual([SENDING, COMPLETED]);
  });

  test('tell the channel everything that it needs, and nothing of a person', async () => {
    await world.freeze(chunksOf(1, 'b'));
    const answer = await world.look();
    expect(world.objects.lines(answer.pending!.key)).toEqual([{
      ApplicationId: 'Campaigns',
      CampaignId: 'spring-sale',
      TreatmentId: 'b',
      ActivityId: RUN_ID,
      ScheduledTime: '2026-11-23T02:59:30.000Z',
      Chunk: { Bucket: 'campaign-bucket', Key: `runs/${RUN_ID}/chunks-1/b-0.jsonl` },
      Content: { Bucket: 'campaign-bucket', Key: `runs/${RUN_ID}/content/b` },
      Flag: { Bucket: 'campaign-bucket', Key: `runs/${RUN_ID}/flags/1.json` },
      Result: { Bucket: 'campaign-bucket', Key: `runs/${RUN_ID}/results/b-0.jsonl` },
    }]);
  });

  test('begin with undecided requests, and end with chunks that failed', async () => {
    // GIVEN four chunks: one crashes, one keeps an undecided request
    await world.freeze(chunksOf(4));
    world.outcomeOf = (name, pending) => (name === '0-0' ? 'crash' : name === '0-1' ? { accepted: pending - 500, ambiguous: 500 } : { accepted: pending });
    await world.send(await world.look());
    await expect(world.drive(60)).rejects.toThrow('does not rest');
    // THEN
    expect(world.waves[0].names).toEqual(['0-0']);
    // A wave that came to nothing is followed by a pause, and is not followed by a larger one.
    expect(world.waves[1].names).toEqual(['0-1']);
    expect(world.waves[2].names).toEqual(['0-1', '0-2', '0-3', '0-0']);
  });

  test('after which nobody more was decided are followed by longer and longer pauses', async () => {
    await world.freeze(chunksOf(1));
    world.outcomeOf = () => ({ ambiguous: 5_000 });
    const pauses: number[] = [];
    for (let looks = 0; looks < 20; looks++) {
      const answer = await world.look();
      if (answer.next === 'SEND') {
        await world.send(answer);
      } else {
        pauses.push((Date.parse(answer.at!) - world.now) / 1_000);
        world.now = Date.parse(answer.at!);
      }
    }
    expect(pauses.map(Math.round)).toEqual([30, 60, 120, 240, 480, 900, 900, 900, 900].concat(pauses.length > 9 ? [900] : []));
    expect(await stateOf()).toBe(SENDING);
    expect(await world.run).toMatchObject({ ambiguous: 5_000, counts: { pending: 5_000 } });
  });
});

describe('a look', () => {
  test('that is repeated answers the same, sends nothing else, and announces again', async () => {
    // GIVEN
    await world.freeze(chunksOf(8));
    const first = await world.look({ entered: 'T1' });
    // WHEN it is repeated before and after the wave
    expect(await world.look({ entered: 'T1' })).toEqual(first);
    await world.send(first);
    expect(await world.look({ entered: 'T1' })).toEqual(first);
    expect(await world.run).toMatchObject({ looks: 1 });
    // THEN the next one goes on
    expect(await world.look({ entered: 'T2' })).not.toEqual(first);
    await world.drive();
    const { looks } = await world.run;
    const last = world.announced.length;
    expect(await world.look({ entered: `entered-${(world as any).entered}` })).toEqual({ next: 'END' });
    expect(world.announced.slice(last).map(({ state }) => state)).toEqual([COMPLETED]);
    expect((await world.run).looks).toBe(looks);
  });

  test('that ended before the record was written is done again from the same state', async () => {
    await world.freeze(chunksOf(8));
    const broken: RunsStore = Object.assign(Object.create(world.runs), { noteLook: async () => { throw new Error('throttled'); } });
    await expect(world.look({ entered: 'T1' }, { runs: broken })).rejects.toThrow('throttled');
    const answer = await world.look({ entered: 'T1' });
    expect(answer.pending!.key).toBe(`runs/${RUN_ID}/pending/1-1.jsonl`);
    expect(world.objects.lines<ChunkSendEvent>(answer.pending!.key)).toHaveLength(1);
  });

  test('whose answer was lost after the record was written gives it once more', async () => {
    await world.freeze(chunksOf(8));
    const deaf: RunsStore = Object.assign(Object.create(world.runs), {
      noteLook: async (...parameters: Parameters<RunsStore['noteLook']>) => { await world.runs.noteLook(...parameters); return undefined; },
    });
    expect(await world.look({ entered: 'T1' }, { runs: deaf })).toMatchObject({ next: 'SEND' });
    expect((await world.run).looks).toBe(1);
  });

  test('of an older execution, of a run that rests, and of none, ends and writes nothing but that nobody goes on', async () => {
    await world.freeze(chunksOf(2), { state: PAUSED, generation: 2 });
    const written = world.objects.written.length;
    const flagOf = (generation: number) => world.objects.json<RunFlag>(`runs/${RUN_ID}/flags/${generation}.json`).state;
    expect(await world.look({ generation: 1 })).toEqual({ next: 'END' });
    expect(await world.look({ generation: 2 })).toEqual({ next: 'END' });
    expect(await world.look({ runId: 'run-none' })).toEqual({ next: 'END' });
    expect(world.objects.written.slice(written)).toEqual([1, 2].map((generation) => `runs/${RUN_ID}/flags/${generation}.json`));
    expect([flagOf(1), flagOf(2)]).toEqual(['CANCEL', 'PAUSE']);
    expect((await world.run).looks).toBe(0);
  });

  test.each<[string, RunChange, string]>([
    ['a newer execution', { generation: 2 }, 'CANCEL'], ['a cancellation of a held run', { state: CANCELLED }, 'CANCEL'], ['a pause of a held run', { state: PAUSED }, 'PAUSE'],
  ])('that loses against %s lets nobody send by the flag that it wrote', async (_case, change, expected) => {
    // GIVEN a change between the look's reading and its writing, and what was written for it
    await world.freeze(chunksOf(8));
    let flagWhenLost: unknown;
    const racing: RunsStore = Object.assign(Object.create(world.runs), {
      noteLook: async (...parameters: Parameters<RunsStore['noteLook']>) => {
        flagWhenLost = world.objects.json<RunFlag>(`runs/${RUN_ID}/flags/1.json`).state;
        await world.runs.transition(await world.run, change, 'T');
        return world.runs.noteLook(...parameters);
      },
    });
    // WHEN
    expect(await world.look({}, { runs: racing })).toEqual({ next: 'END' });
    // THEN
    expect(flagWhenLost).toBe('RUN');
    expect(world.objects.json<RunFlag>(`runs/${RUN_ID}/flags/1.json`).state).toBe(expected);
  });

  test.each<[string, CampaignState, CampaignState, string]>([
    ['fails', SENDING, FAILED, 'PAUSE'], ['is paused', PAUSING, PAUSED, 'PAUSE'], ['is cancelled', CANCELLING, CANCELLED, 'CANCEL'],
  ])('of a run that %s while functions are left behind tells them', async (_case, state, end, expected) => {
    // GIVEN a wave of which nobody knows
    await world.freeze(chunksOf(8));
    await world.look();
    await world.runs.transition(await world.run, { state }, 'T');
    expect(world.objects.json<RunFlag>(`runs/${RUN_ID}/flags/1.json`).state).toBe('RUN');
    // WHEN
    await world.look({ error: { Error: 'States.Timeout' } });
    // THEN
    expect((await world.run).state).toBe(end);
    expect(world.objects.json<RunFlag>(`runs/${RUN_ID}/flags/1.json`).state).toBe(expected);
  });

  test('that loses against a pause decides anew, and the flag says so in the end', async () => {
    // GIVEN a pause between the look's reading and its writing
    await world.freeze(chunksOf(8));
    let isFirst = true;
    const racing: RunsStore = Object.assign(Object.create(world.runs), {
      noteLook: async (...parameters: Parameters<RunsStore['noteLook']>) => {
        if (isFirst) {
          isFirst = false;
          await world.change({ state: PAUSING, reason: CampaignReason.OPERATOR });
        }
        return world.runs.noteLook(...parameters);
      },
    });
    // WHEN, THEN
    expect(await world.look({}, { runs: racing })).toEqual({ next: 'END' });
    expect(await stateOf()).toBe('PAUSED OPERATOR');
    expect(world.objects.json<RunFlag>(`runs/${RUN_ID}/flags/1.json`).state).toBe('PAUSE');
  });

  test('that loses for ever gives up', async () => {
    await world.freeze(chunksOf(1));
    const contested: RunsStore = Object.assign(Object.create(world.runs), { noteLook: async () => undefined });
    await expect(world.look({ entered: undefined }, { runs: contested })).rejects.toThrow('10 times');
  });

  test('of a result that somebody else wrote sends the chunk again', async () => {
    await world.freeze(chunksOf(1));
    await world.objects.write(`runs/${RUN_ID}/results/0-0.jsonl`, 'hello\n');
    await world.drive();
    expect(world.telemetry.codes).toContain('CAMPAIGN_RESULT_UNREADABLE');
    expect(await stateOf()).toBe(COMPLETED);
  });

  test('before the recipients are frozen, or without their index, is an error that says so', async () => {
    await world.freeze(chunksOf(1), { frozen: undefined });
    await expect(world.look()).rejects.toThrow('before its recipients are frozen');
    world = new LookWorld();
    await world.freeze(chunksOf(1));
    world.objects.objects.delete(`runs/${RUN_ID}/chunks-1/index.jsonl`);
    await expect(world.look()).rejects.toThrow(`runs/${RUN_ID}/chunks-1/index.jsonl of bucket campaign-bucket`);
  });
});

describe('a canary', () => {
  const index = (): FrozenChunk[] => [canaryOf('a'), canaryOf('b'), ...chunksOf(3, 'a'), ...chunksOf(3, 'b')];

  test('goes alone, and the rest after it', async () => {
    world.input = { ...world.input, canary: 'AUTO' };
    await world.freeze(index());
    await world.drive();
    expect(world.waves.map(({ names }) => names)).toEqual([['a-canary', 'b-canary'], ['a-0'], ['a-1', 'a-2', 'b-0', 'b-1'], ['b-2']]);
    expect(await world.run).toMatchObject({ state: COMPLETED, canaryPassed: true, counts: { accepted: 31_000 } });
  });

  test('that is refused in one treatment pauses the run; a resume sends the rest all the same', async () => {
    // GIVEN: 10 % of one, which is 5 % of both
    world.input = { ...world.input, canary: 'AUTO' };
    world.outcomeOf = (name, pending) => (name === 'b-canary' ? { failed: 50, accepted: pending - 50 } : { accepted: pending });
    await world.freeze(index());
    // WHEN
    await world.drive();
    // THEN
    expect(await stateOf()).toBe('PAUSED CANARY_REFUSED');
    expect((await world.run).message).toContain('50 of the 500 people of the canary of treatment b were refused (LINE_REFUSED)');
    expect(world.waves).toHaveLength(1);
    expect(world.manifest).toMatchObject({ state: 'PAUSED', missing: ['a-0', 'a-1', 'a-2', 'b-0', 'b-1', 'b-2'] });
    await world.resume();
    await world.drive();
    expect(await stateOf()).toBe(COMPLETED);
    expect((await world.run).counts).toMatchObject({ accepted: 30_950, failed: 50 });
  });

  test('that is to be confirmed waits for that', async () => {
    world.input = { ...world.input, canary: 'CONFIRM' };
    await world.freeze(index());
    await world.drive();
    expect(await stateOf()).toBe('PAUSED CANARY_SENT');
    await world.resume();
    await world.drive();
    expect(await stateOf()).toBe(COMPLETED);
  });

  test('of people who were all left out says nothing against the content', async () => {
    world.input = { ...world.input, canary: 'AUTO' };
    world.outcomeOf = (name, pending) => (name === 'a-canary' ? { skipped: pending } : { accepted: pending });
    await world.freeze(index());
    await world.drive();
    expect(await world.run).toMatchObject({ state: COMPLETED, counts: { skipped: 500 }, reasons: { OPTED_OUT: 500 } });
  });

  test('whose object is gone ends the run: without it nobody knows', async () => {
    world.input = { ...world.input, canary: 'AUTO' };
    await world.freeze(index());
    world.objects.objects.delete(`runs/${RUN_ID}/chunks-1/a-canary.jsonl`);
    await world.drive();
    expect(await stateOf()).toBe('FAILED CHUNK_NOT_FOUND');
    expect(world.waves).toHaveLength(1);
  });
});

describe('an automatic pause', () => {
  test('when the share of refusals passes the threshold; a resumed run counts anew', async () => {
    // GIVEN
    await world.freeze(chunksOf(10));
    world.outcomeOf = (_name, pending) => ({ failed: pending / 10, accepted: pending - pending / 10 });
    // WHEN
    await world.drive();
    // THEN
    expect(await stateOf()).toBe('PAUSED TOO_MANY_REFUSALS');
    expect((await world.run).message).toContain('500 of 5000 people were refused, 10.0 %');
    expect(sizes()).toEqual([1]);
    world.outcomeOf = (_name, pending) => ({ accepted: pending });
    await world.resume();
    await world.drive();
    expect(await stateOf()).toBe(COMPLETED);
  });

  test.each([
    ['fewer than 100 people were asked about', 10, 99, 99],
    ['the share is below the threshold', 10, 5_000, 499],
    ['the threshold is 100', 100, 5_000, 5_000],
  ])('not when %s', async (_name, pauseAtRefusedPercent, people, failed) => {
    world.input = { ...world.input, pauseAtRefusedPercent };
    world.outcomeOf = (name, pending) => (name === '0-0' ? { failed, accepted: pending - failed } : { accepted: pending });
    await world.freeze([{ name: '0-0', treatment: '0', people }, { name: '0-1', treatment: '0', people: 5_000 }]);
    await world.drive();
    expect(await stateOf()).toBe(COMPLETED);
  });

  test.each([
    [SendErrorCode.LINE_QUOTA_EXCEEDED, CampaignReason.QUOTA_EXHAUSTED],
    [SendErrorCode.LOW_QUOTA, CampaignReason.QUOTA_EXHAUSTED],
    [SendErrorCode.CREDENTIALS_UNAVAILABLE, CampaignReason.CREDENTIALS_UNAVAILABLE],
    [SendErrorCode.RUN_STOPPED, CampaignReason.STOPPED_BY_CHANNEL],
    [SendErrorCode.TEMPLATE_NOT_FOUND, CampaignReason.CONTENT_REFUSED],
    [SendErrorCode.LINE_REFUSED_CONTENT, CampaignReason.CONTENT_REFUSED],
    [SendErrorCode.CHANNEL_FAILED, CampaignReason.CHANNEL_FAILED],
  ])('when the channel stops with %s; it is not taken for new when the run is resumed', async (stopped, reason) => {
    await world.freeze(chunksOf(3));
    world.outcomeOf = () => ({ stopped });
    await world.drive();
    expect(await stateOf()).toBe(`PAUSED ${reason}`);
    expect((await world.run).message).toContain(stopped);
    expect(sizes()).toEqual([1]);
    await world.resume();
    world.outcomeOf = (_name, pending) => ({ accepted: pending });
    await world.drive();
    expect(await stateOf()).toBe(COMPLETED);
  });

  test('when the channel stops the run, whatever else some chunk was stopped with', async () => {
    await world.freeze(chunksOf(5));
    await world.send(await world.look());
    world.outcomeOf = (name) => ({ stopped: name === '0-1' ? SendErrorCode.LINE_REFUSED_CONTENT : SendErrorCode.RUN_STOPPED });
    await world.drive();
    expect(await stateOf()).toBe('PAUSED STOPPED_BY_CHANNEL');
    expect((await world.run).message).toContain('cancel the run; mend what was refused and retry it with "includePending": true');
  });

  test('comes too late when everybody is decided, which the record says', async () => {
    await world.freeze(chunksOf(1));
    world.outcomeOf = (_name, pending) => ({ failed: pending, stopped: SendErrorCode.RUN_STOPPED });
    await world.drive();
    expect(await stateOf()).toBe('COMPLETED STOPPED_BY_CHANNEL');
  });

  test('first drives undecided requests to a decision, with the flag on PAUSE', async () => {
    await world.freeze(chunksOf(3));
    world.outcomeOf = (_name, pending, { state }) => (state === 'RUN' ? { accepted: 3_000, ambiguous: 500, stopped: SendErrorCode.LINE_QUOTA_EXCEEDED } : { accepted: Math.min(500, pending), stopped: SendErrorCode.RUN_PAUSED });
    await world.drive();
    expect(world.waves.map(({ flag }) => flag.state)).toEqual(['RUN', 'PAUSE']);
    expect(await world.run).toMatchObject({ state: PAUSED, reason: 'QUOTA_EXHAUSTED', counts: { accepted: 3_500, pending: 11_500 } });
    expect(world.announced.map(({ state }) => state)).toEqual([SENDING, PAUSING, PAUSED]);
  });
});

describe('pause and cancel', () => {
  test('end the run when nothing is undecided', async () => {
    await world.freeze(chunksOf(3));
    await world.send(await world.look());
    await world.change({ state: PAUSING, reason: CampaignReason.OPERATOR, message: 'paused by Aoi' });
    expect(await world.look()).toEqual({ next: 'END' });
    expect(await world.run).toMatchObject({ state: PAUSED, reason: 'OPERATOR', message: 'paused by Aoi', counts: { accepted: 5_000, pending: 10_000 } });
    expect((await world.run).endedAt).toBeUndefined();
  });

  test('that come when everybody is decided change nothing any more', async () => {
    await world.freeze(chunksOf(1));
    await world.send(await world.look());
    await world.change({ state: CANCELLING, reason: CampaignReason.OPERATOR });
    await world.drive();
    expect(await stateOf()).toBe(COMPLETED);
  });

  test('a chunk whose function crashed is asked what became of it', async () => {
    await world.freeze(chunksOf(3));
    world.outcomeOf = () => 'crash';
    await world.send(await world.look());
    await world.change({ state: PAUSING, reason: CampaignReason.OPERATOR });
    world.outcomeOf = () => ({ accepted: 500, stopped: SendErrorCode.RUN_PAUSED });
    await world.drive();
    expect(world.waves.map(({ flag: { state } }) => state)).toEqual(['RUN', 'PAUSE']);
    expect(await world.run).toMatchObject({ state: PAUSED, counts: { accepted: 500, pending: 14_500 } });
  });

  /** As the control function cancels a run that nobody works on. */
  async function cancel(): Promise<void> {
    const { generation } = await world.run;
    await world.change({ state: CANCELLING, reason: CampaignReason.OPERATOR, generation: generation + 1, endedAt: null });
  }

  test.each([PAUSED, FAILED])('a run that is %s is cancelled by a look of its own, which puts record and manifest right', async (before) => {
    // GIVEN a manifest of the state before
    await world.freeze(chunksOf(3));
    await world.send(await world.look());
    if (before === PAUSED) {
      await world.change({ state: PAUSING, reason: CampaignReason.OPERATOR });
      await world.drive();
    } else {
      await world.objects.write(`runs/${RUN_ID}/manifest.json`, JSON.stringify({ runId: RUN_ID, state: 'PAUSED', counts: {} }));
      await world.look({ error: { Error: 'States.Timeout' } });
    }
    expect((await world.run).state).toBe(before);
    expect(world.manifest.state).toBe(before);
    // WHEN
    await cancel();
    await world.drive();
    // THEN
    const run = await world.run;
    expect(run).toMatchObject({ state: CANCELLED, reason: 'OPERATOR', endedAt: expect.any(String), counts: { accepted: 5_000, unknown: 0, pending: 10_000 } });
    expect(world.manifest).toMatchObject({ state: 'CANCELLED', recipients: 15_000, counts: run.counts, missing: ['0-1', '0-2'] });
    expect(sizes()).toEqual([1]);
  });

  test('an execution that cannot look leaves a manifest that says at least where the run is', async () => {
    await world.freeze(chunksOf(3));
    await world.send(await world.look());
    await world.change({ state: PAUSING, reason: CampaignReason.OPERATOR });
    await world.drive();
    const before = world.manifest;
    await cancel();
    await world.look({ error: { Error: 'States.Runtime' } });
    expect(await stateOf()).toBe('CANCELLED OPERATOR');
    expect(world.manifest).toEqual({ ...before, state: 'CANCELLED' });
  });

  test.each([
    ['was lost', async () => undefined],
    ['failed', async () => { await world.look({ error: { Error: 'States.Timeout' } }); }],
    ['was followed by one that saw nothing', async () => { await world.resume(); await world.look({ error: { Error: 'States.Timeout' } }); }],
  ])('what an execution sent that %s is asked about before the run is cancelled', async (_name, lose) => {
    await world.freeze(chunksOf(3));
    world.outcomeOf = () => 'crash';
    await world.send(await world.look());
    await lose();
    await cancel();
    world.outcomeOf = () => ({ accepted: 4_000, stopped: SendErrorCode.RUN_CANCELLED });
    await world.drive();
    expect(world.waves.map(({ names, flag: { state } }) => [...names, state])).toEqual([['0-0', 'RUN'], ['0-0', 'CANCEL']]);
    expect(await world.run).toMatchObject({ state: CANCELLED, counts: { accepted: 4_000, unknown: 0, pending: 11_000 } });
    expect(await openChunks(await world.run, world.objects)).toEqual({});
  });

  test('a chunk that never comes back may have reached everybody who is undecided', async () => {
    await world.freeze(chunksOf(3));
    world.outcomeOf = () => ({ accepted: 1_000 });
    await world.send(await world.look());
    world.outcomeOf = () => 'crash';
    await world.send(await world.look());
    await cancel();
    await world.drive();
    const run = await world.run;
    // The second wave had all of them: the first chunk says no more than it did.
    expect(run).toMatchObject({ state: CANCELLED, counts: { accepted: 1_000, unknown: 14_000, pending: 0 }, reasons: { LINE_UNDECIDED: 14_000 } });
    expect(Object.keys(await openChunks(run, world.objects) ?? {}).sort()).toEqual(['0-0', '0-1', '0-2']);
  });

  test('a chunk that never comes back is not taken for one that did, because its last result is of the same second', async () => {
    // GIVEN a chunk that is sent again within the second of its result
    world.now = Date.parse('2026-11-23T03:00:00.000Z');
    await world.freeze(chunksOf(1));
    world.outcomeOf = () => ({ accepted: 1_000 });
    await world.send(await world.look());
    world.now = Date.parse('2026-11-23T03:00:00.900Z');
    const again = await world.look();
    expect(again.next).toBe('SEND');
    // WHEN its function dies
    world.outcomeOf = () => 'crash';
    await world.send(again);
    await cancel();
    await world.drive();
    // THEN
    expect(await world.run).toMatchObject({ state: CANCELLED, counts: { accepted: 1_000, unknown: 4_000, pending: 0 } });
  });

  test('do not wait for ever: what stays undecided is unknown when the run is cancelled', async () => {
    await world.freeze(chunksOf(3));
    world.outcomeOf = () => ({ accepted: 500, ambiguous: 500 });
    await world.send(await world.look());
    world.outcomeOf = () => ({ ambiguous: 500, stopped: SendErrorCode.RUN_CANCELLED });
    await world.change({ state: CANCELLING, reason: CampaignReason.OPERATOR });
    const began = world.now;
    await world.drive();
    expect(world.waves.slice(1).map(({ names, flag: { state } }) => [...names, state])).toEqual(Array.from({ length: 5 }, () => ['0-0', 'CANCEL']));
    expect(world.now - began).toBeLessThan(10 * 60_000);
    const run = await world.run;
    expect(run).toMatchObject({ state: CANCELLED, counts: { accepted: 500, unknown: 500, pending: 14_000 }, reasons: { LINE_UNDECIDED: 500 } });
    expect(run.message).toContain('500 people are in requests that are not decided');
    expect(run.ambiguous).toBeUndefined();
  });
});

describe('time', () => {
  test('quiet hours hold the run, which goes on after them', async () => {
    // GIVEN 12:00 in Tokyo, quiet from 21:00
    world.config = { ...world.config, quietHours: QUIET };
    await world.freeze(chunksOf(3));
    await world.send(await world.look());
    expect(world.waves[0].flag).toEqual({ state: 'RUN', until: '2026-11-23T12:00:00.000Z' });
    world.now = Date.parse('2026-11-23T12:00:01Z');
    // WHEN
    expect(await world.look()).toEqual({ next: 'WAIT', at: '2026-11-24T00:00:00.000Z' });
    // THEN
    expect(await world.run).toMatchObject({ state: HELD, heldUntil: '2026-11-24T00:00:00.000Z', message: 'quiet hours until 2026-11-24T00:00:00.000Z' });
    world.now = Date.parse('2026-11-24T00:00:00Z');
    await world.drive();
    const run = await world.run;
    expect([run.state, run.heldUntil, run.message]).toEqual([COMPLETED, undefined, undefined]);
    expect(world.announced.map(({ state }) => state)).toEqual([SENDING, HELD, SENDING, COMPLETED]);
  });

  test('a chunk that the quiet hours stopped is driven to a decision before the run is held', async () => {
    world.config = { ...world.config, quietHours: QUIET };
    await world.freeze(chunksOf(3));
    world.outcomeOf = (_name, pending, { state }) => (state === 'RUN' ? { accepted: 1_000, ambiguous: 500, stopped: SendErrorCode.SEND_WINDOW_OVER } : { accepted: Math.min(pending, 500), stopped: SendErrorCode.RUN_PAUSED });
    const answer = await world.look();
    world.now = Date.parse('2026-11-23T12:00:01Z');
    await world.send(answer);
    const drive = await world.look();
    expect(drive.next).toBe('SEND');
    await world.send(drive);
    expect(await world.look()).toMatchObject({ next: 'WAIT' });
    expect(world.waves.map(({ flag: { state } }) => state)).toEqual(['RUN', 'PAUSE']);
    expect(await world.run).toMatchObject({ state: HELD, counts: { accepted: 1_500 } });
  });

  test.each([
    ['DROP' as const, 'EXPIRED QUIET_HOURS'],
    ['IGNORE' as const, 'COMPLETED'],
  ])('quiet hours with %s: %s', async (quietHours, state) => {
    world.config = { ...world.config, quietHours: QUIET };
    world.input = { ...world.input, quietHours };
    world.now = Date.parse('2026-11-23T13:00:00Z');
    await world.freeze(chunksOf(2));
    await world.drive();
    expect(await stateOf()).toBe(state);
  });

  test('what is left after the longest duration is dropped, also while the run is held', async () => {
    world.config = { ...world.config, quietHours: QUIET };
    await world.freeze(chunksOf(3), { expiresAtTime: '2026-11-23T14:00:00.000Z' });
    await world.send(await world.look());
    world.now = Date.parse('2026-11-23T13:00:00Z');
    expect(await world.look()).toEqual({ next: 'WAIT', at: '2026-11-23T14:00:00.000Z' });
    world.now = Date.parse('2026-11-23T14:00:00Z');
    await world.drive();
    expect(await world.run).toMatchObject({ state: EXPIRED, reason: 'MAX_DURATION', counts: { accepted: 5_000, pending: 10_000 } });
    expect(world.manifest).toMatchObject({ state: 'EXPIRED', missing: ['0-1', '0-2'] });
  });

  test('the flag ends a wave with the run\'s time', async () => {
    await world.freeze(chunksOf(3), { expiresAtTime: '2026-11-23T03:10:00.000Z' });
    await world.send(await world.look());
    expect(world.waves[0].flag).toEqual({ state: 'RUN', until: '2026-11-23T03:10:00.000Z' });
  });
});

describe('failures', () => {
  test('a chunk object that is gone is named after everything else was sent; put back, it is sent', async () => {
    // GIVEN
    await world.freeze(chunksOf(4));
    const key = `runs/${RUN_ID}/chunks-1/0-1.jsonl`;
    const lost = world.objects.objects.get(key)!;
    world.objects.objects.delete(key);
    // WHEN
    await world.drive();
    // THEN
    expect(await world.run).toMatchObject({ state: FAILED, reason: 'CHUNK_NOT_FOUND', message: expect.stringContaining(key), counts: { accepted: 15_000, pending: 5_000 } });
    expect(world.manifest.missing).toEqual(['0-1']);
    world.objects.objects.set(key, lost);
    await world.resume();
    await world.drive();
    expect(await world.run).toMatchObject({ state: COMPLETED, counts: { accepted: 20_000 } });
    expect((await world.run).message).toBeUndefined();
  });

  test('a chunk whose function fails each time is given up after three times, the others are sent', async () => {
    await world.freeze(chunksOf(30));
    world.outcomeOf = (name, pending) => (name === '0-0' ? 'crash' : { accepted: pending });
    await world.drive();
    expect(await world.run).toMatchObject({ state: FAILED, reason: 'CHANNEL_FAILED', message: expect.stringContaining('0-0.jsonl'), counts: { accepted: 145_000, pending: 5_000 } });
    expect(world.waves.filter(({ names }) => names.includes('0-0'))).toHaveLength(3);
  });

  test('a function that fails for everybody is given up after three waves', async () => {
    await world.freeze(chunksOf(200));
    world.outcomeOf = () => 'crash';
    await world.drive();
    expect(await stateOf()).toBe('FAILED CHANNEL_FAILED');
    expect(sizes()).toEqual([1, 1, 1]);
  });

  test.each([
    [{ Error: 'Runtime.HandlerError', Cause: '{"errorType":"Error","errorMessage":"bucket is gone","trace":["secret"]}' }, 'Error: bucket is gone'],
    [{ Error: 'States.Timeout', Cause: '' }, 'States.Timeout'],
    [{ Error: 'States.ItemReaderFailed', Cause: 'no such key' }, 'States.ItemReaderFailed: no such key'],
    [{}, 'an error'],
    [{ Cause: 'x'.repeat(500) }, `${'an error: '}${'x'.repeat(190)}…`],
  ])('an execution that threw is noted (%#)', async (error, text) => {
    await world.freeze(chunksOf(2));
    expect(await world.look({ error })).toEqual({ next: 'END' });
    const run = await world.run;
    expect(run).toMatchObject({ state: FAILED, reason: 'EXECUTION_LOST' });
    expect(run.message).toContain(text);
    expect(world.announced).toHaveLength(1);
    await world.resume();
    await world.drive();
    expect(await stateOf()).toBe(COMPLETED);
  });

  test.each([
    [CampaignState.STARTING, false, 'FAILED FREEZE_FAILED'],
    [PAUSING, false, 'FAILED FREEZE_FAILED'],
    [CANCELLING, false, 'CANCELLED OPERATOR'],
    [CANCELLING, true, 'CANCELLED OPERATOR'],
    [PAUSING, true, 'PAUSED OPERATOR'],
    [HELD, true, 'FAILED EXECUTION_LOST'],
    [COMPLETED, true, 'COMPLETED'],
  ])('an error in state %s, frozen %s: %s', async (state, isFrozen, after) => {
    await world.freeze(chunksOf(2), { state, ...(state.endsWith('ING') && state !== 'STARTING' && { reason: CampaignReason.OPERATOR }), ...(!isFrozen && { frozen: undefined }) });
    await world.look({ error: { Error: 'States.Timeout' } });
    expect(await stateOf()).toBe(after);
  });
});

describe('runs that send nothing', () => {
  test('a dry run shows what people would get, and what that costs', async () => {
    // GIVEN
    world.input = { ...world.input, kind: 'DRY_RUN' };
    await world.freeze([canaryOf('a'), ...chunksOf(2, 'a'), ...chunksOf(1, 'b', 1_200)], {}, { optedOut: 7 });
    // WHEN
    expect(await world.look()).toEqual({ next: 'END' });
    // THEN
    expect(await stateOf()).toBe(COMPLETED);
    expect(world.previewed).toEqual(['a-canary', 'b-0'].map((name) => ({
      ApplicationId: 'Campaigns',
      CampaignId: 'spring-sale',
      TreatmentId: name[0],
      ActivityId: RUN_ID,
      ScheduledTime: '2026-11-23T02:59:30.000Z',
      Chunk: { Bucket: 'campaign-bucket', Key: `runs/${RUN_ID}/chunks-1/${name}.jsonl` },
      Content: { Bucket: 'campaign-bucket', Key: `runs/${RUN_ID}/content/${name[0]}` },
      Preview: { People: 5 },
    })));
    const preview = world.objects.json<any>(`runs/${RUN_ID}/preview.json`);
    expect(preview).toMatchObject({ recipients: { recipients: 11_700, optedOut: 7 }, cost: { messages: 11_700, requests: 24 } });
    expect(preview.cost.awsUsd).toBeGreaterThan(0);
    expect(Object.keys(preview.treatments)).toEqual(['a', 'b']);
    expect(world.objects.objects.has(`runs/${RUN_ID}/manifest.json`)).toBe(false);
  });

  test('of wrong content says what is wrong', async () => {
    world.input = { ...world.input, kind: 'DRY_RUN' };
    world.preview = () => ({ people: [], problem: { code: 'TEXT_TOO_LONG', message: 'the text has 6,000 characters' } });
    await world.freeze(chunksOf(1));
    await world.look();
    expect(await world.run).toMatchObject({ state: COMPLETED, reason: 'CONTENT_REFUSED', message: 'treatment 0: TEXT_TOO_LONG: the text has 6,000 characters' });
  });

  test('of more people than the quota leaves messages says so', async () => {
    world.input = { ...world.input, kind: 'DRY_RUN' };
    let remaining = 1_199;
    world.preview = () => ({ people: [], quota: { limit: 30_000, used: 28_801, remaining } });
    await world.freeze([...chunksOf(1, 'a', 600), ...chunksOf(1, 'b', 600)]);
    await world.look();
    expect(await world.run).toMatchObject({
      state: COMPLETED, reason: 'QUOTA_EXHAUSTED', message: expect.stringContaining('quota of the month leaves 1199 messages, and 1200 people are to be sent to'),
    });
    // Wrong content is the reason that comes first.
    world = new LookWorld();
    world.input = { ...world.input, kind: 'DRY_RUN' };
    world.preview = () => ({ people: [], problem: { code: 'TEXT_TOO_LONG', message: 'too long' }, quota: { used: 0, remaining: 1 } });
    await world.freeze(chunksOf(1, '0', 2));
    await world.look();
    expect(await world.run).toMatchObject({ reason: 'CONTENT_REFUSED', message: expect.stringMatching(/^treatment 0: .*too long; the channel's quota .* leaves 1 messages/) });
    // Just enough, and unlimited.
    for (remaining of [1_200, Infinity]) {
      world = new LookWorld();
      world.input = { ...world.input, kind: 'DRY_RUN' };
      world.preview = () => ({ people: [], quota: { used: 1, ...(remaining !== Infinity && { remaining }) } });
      await world.freeze(chunksOf(1, '0', 1_200));
      await world.look();
      expect(await stateOf()).toBe(COMPLETED);
    }
  });

  test('through a channel that takes no chunks never invokes it', async () => {
    world.input = { ...world.input, kind: 'DRY_RUN' };
    world.config = { ...world.config, takesChunks: false };
    await world.freeze(chunksOf(1));
    await world.look();
    expect(world.previewed).toEqual([]);
    expect(world.objects.json<any>(`runs/${RUN_ID}/preview.json`).treatments[0].people).toEqual(Array.from({ length: 5 }, (_, n) => ({ id: `0-0-${n}` })));
  });

  test('that the channel cannot answer fails with its error', async () => {
    world.input = { ...world.input, kind: 'DRY_RUN' };
    world.preview = () => { throw new Error('no access'); };
    await world.freeze(chunksOf(1));
    await world.look();
    expect(await world.run).toMatchObject({ state: FAILED, reason: 'CHANNEL_FAILED', message: expect.stringContaining('no access') });
  });

  test.each(['SEND', 'DRY_RUN', 'ESTIMATE'] as const)('%s to nobody is completed, and says why', async (kind) => {
    world.input = { ...world.input, kind };
    await world.freeze([], {}, { optedOut: 3, notSubscribed: 2, holdout: 1 });
    await world.look();
    expect(await world.run).toMatchObject({
      state: COMPLETED, reason: 'EMPTY_AUDIENCE', message: 'nobody is left to send to: 3 opted out or inactive, 2 not subscribed, 1 held out',
    });
    expect(world.objects.objects.has(`runs/${RUN_ID}/manifest.json`)).toBe(kind === 'SEND');
    expect(world.objects.objects.has(`runs/${RUN_ID}/preview.json`)).toBe(kind === 'DRY_RUN');
  });

  test('an estimate is completed', async () => {
    world.input = { ...world.input, kind: 'ESTIMATE' };
    await world.freeze([], {}, { recipients: 123 });
    await world.look();
    expect(await stateOf()).toBe(COMPLETED);
  });

  test.each([[PAUSING, 'PAUSED OPERATOR'], [CANCELLING, 'CANCELLED OPERATOR']])('a dry run in state %s: %s', async (state, after) => {
    world.input = { ...world.input, kind: 'DRY_RUN' };
    await world.freeze(chunksOf(1), { state, reason: CampaignReason.OPERATOR });
    await world.look();
    expect(await stateOf()).toBe(after);
    expect(world.previewed).toEqual([]);
  });
});

test('whatever becomes of the chunks, every run comes to rest, its books balance at each look, and nothing is begun that was stopped', async () => {
  const upTo = (max: number) => fc.integer({ min: 0, max });
  const stopped = fc.constantFrom(SendErrorCode.LINE_QUOTA_EXCEEDED, SendErrorCode.RUN_STOPPED);
  const outcome = fc.oneof(
    { weight: 6, arbitrary: fc.constant('all' as const) },
    { weight: 1, arbitrary: fc.constant('crash' as const) },
    { weight: 2, arbitrary: fc.record({ accepted: upTo(2_000), failed: upTo(300), ambiguous: upTo(500) }) },
    { weight: 1, arbitrary: fc.record({ stopped, accepted: fc.constant(10) }) },
  );
  const command = fc.constantFrom('none', 'none', 'none', 'none', 'pause', 'cancel');
  await fc.assert(fc.asyncProperty(
    fc.integer({ min: 1, max: 40 }), fc.boolean(), fc.constantFrom('OFF' as const, 'AUTO' as const, 'CONFIRM' as const),
    fc.infiniteStream(outcome), fc.infiniteStream(command), async (count, isQuiet, canary, outcomes, commands) => {
      const each = new LookWorld();
      each.input = { ...each.input, canary, pauseAtRefusedPercent: 50 };
      each.config = { ...each.config, ...(isQuiet && { quietHours: { from: '03:01', to: '03:05', timeZone: 'UTC' } }) };
      const index = [...canary === 'OFF' ? [] : [canaryOf('0')], ...chunksOf(count)];
      const recipients = index.reduce((sum, { people }) => sum + people, 0);
      await each.freeze(index);
      each.outcomeOf = (_name, pending, { state }): Outcome => {
        const next = outcomes.next().value;
        // Driven without beginning anything.
        if (state !== 'RUN') {
          const told = state === 'PAUSE' ? SendErrorCode.RUN_PAUSED : SendErrorCode.RUN_CANCELLED;
          return next === 'crash' ? 'crash' : { accepted: Math.min(pending, 100), stopped: told };
        }
        if (typeof next === 'string') {
          return next === 'crash' ? 'crash' : { accepted: pending };
        }
        const accepted = Math.min(pending, next.accepted ?? 0);
        const failed = Math.min(pending - accepted, 'failed' in next ? next.failed : 0);
        return {
          accepted,
          failed,
          ...('ambiguous' in next && { ambiguous: Math.min(pending - accepted - failed, next.ambiguous) }),
          ...('stopped' in next && { stopped: next.stopped }),
        };
      };
      let resumes = 0;
      for (let looks = 0; ; looks++) {
        expect(looks).toBeLessThan(2_000);
        const answer = await each.look();
        const run = await each.run;
        const { accepted, skipped, failed, unknown, pending } = run.counts!;
        expect(accepted + skipped + failed + unknown + pending).toBe(recipients);
        if (answer.next === 'SEND') {
          const before = await each.run;
          const done = each.objects.lines<ChunkSendEvent>(answer.pending!.key).map(({ Chunk }) => Chunk.Key);
          expect(new Set(done).size).toBe(done.length);
          expect(done.length).toBeGreaterThan(0);
          await each.send(answer);
          if (before.state !== SENDING) {
            expect(each.waves.at(-1)!.flag.state).toBe(before.state === PAUSING ? 'PAUSE' : 'CANCEL');
          }
          const next = commands.next().value;
          if (next !== 'none' && before.state === SENDING) {
            await each.change({ state: next === 'pause' ? PAUSING : CANCELLING, reason: CampaignReason.OPERATOR });
          }
        } else if (answer.next === 'WAIT') {
          expect(Date.parse(answer.at!)).toBeGreaterThan(each.now);
          each.now = Date.parse(answer.at!);
        } else if ((run.state === PAUSED || run.state === FAILED) && resumes++ < 30) {
          await each.resume();
        } else {
          expect([COMPLETED, CANCELLED, PAUSED, FAILED]).toContain(run.state);
          expect(pending === 0 || run.state !== COMPLETED).toBe(true);
          expect(run.ambiguous === undefined || run.state === PAUSED || run.state === FAILED).toBe(true);
          expect(each.manifest.counts).toEqual(run.counts);
          break;
        }
      }
    }), { numRuns: 60 });
});
