import { CustomChannelEvent } from '../../../src/contract/custom-channel';
import { SenderWorld, user } from '../../support/sender-world';

const { Endpoints: _, ...EVENT }: CustomChannelEvent = { ApplicationId: 'app1', CampaignId: 'c1', ActivityId: 'a1', Data: 'Hello', Endpoints: {} };
const Chunk = { Bucket: 'runs', Key: 'run/0.jsonl' };

const line = (n: number, members: object = {}) => JSON.stringify({ id: `e${n}`, endpoint: { ChannelType: 'CUSTOM', Address: user(n), Attributes: { Name: [`N${n}`] }, ...members } });
const text = (count: number, more: readonly string[] = []) => [...Array.from({ length: count }, (__, n) => line(n)), ...more].join('\n');

let world: SenderWorld;
beforeEach(() => {
  world = new SenderWorld();
  world.chunks.set('runs/run/0.jsonl', text(3));
});

const BALANCED = { accepted: 0, skipped: 0, failed: 0, unknown: 0, pending: 0 };

function expectOnce(count: number): void {
  const ledger = world.ledger();
  expect(ledger.size).toBe(count);
  expect([...ledger.values()].every((times) => times === 1)).toBe(true);
}

describe('a chunk', () => {
  test.each([[0, 0], [1, 1], [500, 1], [501, 2], [10_000, 20]])('of %i people is sent in %i calls, and never uses the queue', async (count, calls) => {
    world.chunks.set('runs/run/0.jsonl', text(count));
    const { reply } = await world.invokeChunk({ ...EVENT, Chunk });
    expect(reply).toEqual({ runId: 'campaign/app1/c1/0/a1', recipients: count, counts: { ...BALANCED, accepted: count }, undone: [] });
    expect(world.requests).toHaveLength(calls);
    expect(world.queue).toEqual([]);
    expect(world.calls).not.toContain('wakeUp');
    // LINE is asked about the content once.
    expect(world.calls.filter((kind) => kind === 'validate')).toHaveLength(count > 0 ? 1 : 0);
    expect(world.books()).toMatchObject({ recipients: count, accepted: count });
    expectOnce(count);
  });

  test('tells of everybody in its order; who may not be sent to is skipped', async () => {
    world.chunks.set('runs/run/0.jsonl', `${text(2, [line(7, { OptOut: 'ALL' }), JSON.stringify({ id: 'again', endpoint: { ChannelType: 'CUSTOM', Address: user(1) } }), '', JSON.stringify({ id: 'nobody' })])}\n`);
    const { reply } = await world.invokeChunk({ ...EVENT, Chunk });
    expect(reply).toMatchObject({ recipients: 5, counts: { ...BALANCED, accepted: 2, skipped: 3 } });
    expect(JSON.parse(world.requests[0].body!).to).toEqual([user(0), user(1)]);
  });

  test('is sent for each person when the content says so', async () => {
    world.chunks.set('runs/run/0.jsonl', text(1_200));
    const { reply } = await world.invokeChunk({ ...EVENT, Data: 'Hi {{Attributes.Name}}', Chunk });
    expect(reply).toMatchObject({ counts: { ...BALANCED, accepted: 1_200 }, undone: [] });
    expect(world.requests).toHaveLength(1_200);
    expect(world.contents.size).toBe(3);
    expectOnce(1_200);
  });

  test('under another key is another part of the run', async () => {
    await world.invokeChunk({ ...EVENT, Chunk });
    world.chunks.set('runs/run/1.jsonl', text(2));
    await world.invokeChunk({ ...EVENT, Chunk: { ...Chunk, Key: 'run/1.jsonl' } });
    expect(world.requests).toHaveLength(2);
    expect(world.books()).toMatchObject({ recipients: 5 });
  });
});

describe('a repeat', () => {
  test('of a chunk that is done sends nothing and tells the same', async () => {
    const { reply } = await world.invokeChunk({ ...EVENT, Chunk });
    expect(await world.invokeChunk({ ...EVENT, Data: 'Changed', Chunk })).toEqual({ reply });
    expect(world.requests).toHaveLength(1);
  });

  test('finishes a chunk for which the time ran out; what is undone was listed', async () => {
    // GIVEN 30 batches, slow tables, and half a minute
    world.chunks.set('runs/run/0.jsonl', text(15_000));
    world.lineMs = 4_000;
    world.tableMs = 1_500;
    const { reply: first } = await world.invokeChunk({ ...EVENT, Chunk }, { remainingMs: 28_000 });
    const { accepted, pending } = first!.counts;
    expect(accepted).toBeGreaterThan(0);
    expect(pending).toBeGreaterThan(0);
    expect(accepted + pending).toBe(15_000);
    expect(first!.undone).toHaveLength(pending / 500);
    // WHEN
    world.tableMs = 5;
    const { reply: second } = await world.invokeChunk({ ...EVENT, Chunk });
    // THEN
    expect(second).toMatchObject({ recipients: 15_000, counts: { ...BALANCED, accepted: 15_000 }, undone: [] });
    expectOnce(15_000);
  });

  test('begins nothing with ten seconds left', async () => {
    const { reply } = await world.invokeChunk({ ...EVENT, Chunk }, { remainingMs: 10_500 });
    expect(reply).toMatchObject({ recipients: 3, counts: { ...BALANCED, pending: 3 }, undone: [expect.stringContaining('campaign/app1/c1/0/a1/')] });
    expect(world.requests).toEqual([]);
  });

  test('after a crash anywhere sends to nobody twice, and at last to everybody', async () => {
    let isCrashing = true;
    for (let crashAt = 0; isCrashing; crashAt++) {
      // GIVEN
      world = new SenderWorld();
      world.chunks.set('runs/run/0.jsonl', text(6));
      world.badIds.add(user(4));
      world.behaviours = crashAt % 2 ? ['lost'] : [];
      world.onUnknownOutcome = 'RESEND';
      isCrashing = (await world.invokeChunk({ ...EVENT, Chunk }, { crashAt, remainingMs: 60_000 })).crashed === true;
      // WHEN
      world.time.pass(60_000);
      await world.invokeChunk({ ...EVENT, Chunk }, { remainingMs: 60_000 });
      world.time.pass(23 * 60 * 60 * 1_000);
      const { reply } = await world.invokeChunk({ ...EVENT, Chunk }, { remainingMs: 60_000 });
      // THEN
      expect(reply).toMatchObject({ recipients: 6, counts: { ...BALANCED, accepted: 5, failed: 1 }, undone: [] });
      expectOnce(5);
    }
  });

  test('of which a part of a split batch cannot be read says that it is undone', async () => {
    // GIVEN
    world.badIds.add(user(1));
    world.lineDoes = () => (world.requests.length === 0 ? 'ok' : 401);
    await world.invokeChunk({ ...EVENT, Chunk });
    world.lineDoes = undefined;
    const send = world.dynamo.send.bind(world.dynamo);
    let failures = 1;
    world.dynamo.send = async (command) => {
      if ((command as { input: { Key?: { sk: { S: string } } } }).input.Key?.sk.S.includes('/') && failures-- > 0) {
        throw new Error('throttled');
      }
      return send(command);
    };
    // WHEN
    const { reply } = await world.invokeChunk({ ...EVENT, Chunk });
    // THEN
    expect(reply!.undone).toHaveLength(1);
    expect(reply!.counts.pending).toBeGreaterThan(0);
    expect((await world.invokeChunk({ ...EVENT, Chunk })).reply).toMatchObject({ counts: { ...BALANCED, accepted: 2, failed: 1 }, undone: [] });
    expectOnce(2);
  });
});

describe('what ends a chunk early', () => {
  test('missing credentials: nothing more is begun, the rest is undone', async () => {
    world.chunks.set('runs/run/0.jsonl', text(2_000));
    world.lineDoes = () => 'wrong-credentials';
    const { reply } = await world.invokeChunk({ ...EVENT, Chunk });
    expect(reply).toMatchObject({ stopped: 'CREDENTIALS_UNAVAILABLE', recipients: 2_000, counts: { ...BALANCED, pending: 2_000 } });
    expect(reply!.undone).toHaveLength(4);
    expect(world.batches()).toHaveLength(1);
    world.lineDoes = undefined;
    expect((await world.invokeChunk({ ...EVENT, Chunk })).reply).toMatchObject({ counts: { ...BALANCED, accepted: 2_000 } });
    expectOnce(2_000);
  });

  test('the month\'s quota: raised, a repeat sends the rest', async () => {
    world.chunks.set('runs/run/0.jsonl', text(2_000));
    world.quota = 1_100;
    const { reply } = await world.invokeChunk({ ...EVENT, Chunk });
    expect(reply).toMatchObject({ stopped: 'LINE_QUOTA_EXCEEDED', counts: { ...BALANCED, accepted: 1_000, pending: 1_000 } });
    world.quota = Infinity;
    expect((await world.invokeChunk({ ...EVENT, Chunk })).reply).toMatchObject({ counts: { ...BALANCED, accepted: 2_000 }, undone: [] });
    expectOnce(2_000);
  });

  test('three batches in a row that LINE refuses: the run stops and says so; later batches are not sent', async () => {
    world.chunks.set('runs/run/0.jsonl', text(30_000));
    world.lineDoes = () => 403;
    const { reply } = await world.invokeChunk({ ...EVENT, Chunk });
    expect(reply).toMatchObject({ stopped: 'RUN_STOPPED', recipients: 30_000 });
    expect(world.requests.length).toBeLessThan(45);
    const { accepted, failed, pending } = reply!.counts;
    expect([accepted, failed + pending]).toEqual([0, 30_000]);
    expect(world.telemetry.codes).toContain('RUN_STOPPED');
    // and a repeat attempts nothing
    const requests = world.requests.length;
    world.lineDoes = undefined;
    expect((await world.invokeChunk({ ...EVENT, Chunk })).reply).toMatchObject({ stopped: 'RUN_STOPPED', undone: expect.any(Array) });
    expect(world.requests).toHaveLength(requests);
  });

  test('not three refusals with an acceptance in between', async () => {
    world.chunks.set('runs/run/0.jsonl', text(3_500));
    world.paceMs = 1_000;
    let calls = 0;
    world.lineDoes = () => ([403, 403, 'ok', 403, 'ok', 403, 403] as const)[calls++];
    const { reply } = await world.invokeChunk({ ...EVENT, Chunk });
    expect(reply).toMatchObject({ counts: { ...BALANCED, accepted: 1_000, failed: 2_500 }, undone: [] });
    expect(reply).not.toHaveProperty('stopped');
  });

  test.each([
    ['content that cannot be read', '{"messages":[]}', 'INVALID_CONTENT'],
    ['somebody without an attribute, whom the content does not let go', '{"messages":[{"type":"text","text":"{{Attributes.City}}"}],"missingAttribute":"fail"}', 'MISSING_ATTRIBUTE'],
  ])('%s: before anything is sent or written down', async (_case, Data, stopped) => {
    world.chunks.set('runs/run/0.jsonl', text(600));
    const { reply } = await world.invokeChunk({ ...EVENT, Data, Chunk });
    expect(reply).toMatchObject({ stopped, recipients: 600, counts: { ...BALANCED, pending: 600 } });
    expect(reply!.undone).toHaveLength(2);
    expect(world.batches()).toEqual([]);
    expect(world.telemetry.lines).toMatchObject([{ level: 'ERROR', code: stopped }]);
  });

  test('too low a quota, when the channel refuses such sends; a warning, when it does not', async () => {
    world.chunks.set('runs/run/0.jsonl', text(600));
    world.quota = 599;
    world.onLowQuota = 'REFUSE';
    expect((await world.invokeChunk({ ...EVENT, Chunk })).reply).toMatchObject({ stopped: 'LOW_QUOTA', counts: { ...BALANCED, pending: 600 } });
    expect(world.requests).toEqual([]);
    world.onLowQuota = 'WARN';
    await world.invokeChunk({ ...EVENT, Chunk });
    expect(world.telemetry.lines.filter(({ code }) => code === 'LOW_QUOTA').map(({ level }) => level)).toEqual(['ERROR', 'WARN']);
    expect(world.requests.length).toBeGreaterThan(0);
  });
});

describe('an event', () => {
  test.each<[string, object]>([
    ['without a chunk', EVENT], ['whose chunk is null', { ...EVENT, Chunk: null }], ['whose chunk has no key', { ...EVENT, Chunk: { Bucket: 'runs' } }],
    ['whose chunk has no bucket', { ...EVENT, Chunk: { Key: 'a' } }],
  ])('%s is an error that says what to write', async (_case, event) => {
    expect((await world.invokeChunk(event)).error?.message).toBe('`Chunk` must name the object of recipients as {"Bucket","Key"}; write where it is');
  });

  test.each([['{"id":"a"}\n{'], ['{"id":"a"}\n5'], ['{"id":"a"}\n{"endpoint":{}}']])('whose chunk has a line that is no recipient is an error with its number: %s', async (chunk) => {
    world.chunks.set('runs/run/0.jsonl', chunk);
    expect((await world.invokeChunk({ ...EVENT, Chunk })).error?.message).toBe('line 2 of chunk "run/0.jsonl" must be {"id","endpoint"} as JSON; write the chunk again');
  });

  test('whose chunk cannot be read ends with what the bucket threw; a repeat sends', async () => {
    world.chunks.set('runs/run/0.jsonl', text(3));
    world.failing = { chunk: 1 };
    expect((await world.invokeChunk({ ...EVENT, Chunk })).error?.message).toBe('chunk failed');
    await world.invokeChunk({ ...EVENT, Chunk });
    expectOnce(3);
  });

  test('whose run cannot be read is sent all the same', async () => {
    world.chunks.set('runs/run/0.jsonl', text(3));
    world.failing = { run: 3 };
    expect((await world.invokeChunk({ ...EVENT, Chunk })).reply).toMatchObject({ counts: { ...BALANCED, accepted: 3 }, undone: [] });
    expectOnce(3);
  });

  test('without ids that name its run is refused, as a repeat would send again', async () => {
    const { error } = await world.invokeChunk({ Data: 'Hello', Chunk });
    expect(error?.message).toMatch(/must say which run it belongs to.*write `clientToken`/);
    expect(world.requests).toEqual([]);
  });

  test('whose chunk was overwritten is another part of the run', async () => {
    await world.invokeChunk({ ...EVENT, Chunk: { ...Chunk, VersionId: 'v1' } });
    world.chunks.set('runs/run/0.jsonl', text(5));
    const { reply } = await world.invokeChunk({ ...EVENT, Chunk: { ...Chunk, VersionId: 'v2' } });
    expect(reply).toMatchObject({ recipients: 5, counts: { ...BALANCED, accepted: 5 } });
  });

  test('with one id twice is refused before anything is sent', async () => {
    world.chunks.set('runs/run/0.jsonl', text(2, [line(0)]));
    expect((await world.invokeChunk({ ...EVENT, Chunk })).error?.message).toBe('line 3 of chunk "run/0.jsonl" has an id that another line has; write each endpoint once');
    expect(world.requests).toEqual([]);
  });

  test('of a run that was stopped is written down as such, and no call is made', async () => {
    world.chunks.set('runs/run/0.jsonl', text(1_200));
    world.lineDoes = () => 403;
    // Three refused batches of the run, one after the other.
    for (const key of ['a', 'b', 'c']) {
      world.chunks.set(`runs/${key}`, text(1));
      await world.invokeChunk({ ...EVENT, Chunk: { ...Chunk, Key: key } });
    }
    const requests = world.requests.length;
    const { reply } = await world.invokeChunk({ ...EVENT, Chunk });
    expect(reply).toMatchObject({ counts: { ...BALANCED, failed: 1_200 }, undone: [], stopped: 'RUN_STOPPED' });
    expect(world.requests).toHaveLength(requests);
  });

  test('of which a batch cannot be written down says that it is undone', async () => {
    world.failing = { create: 1 };
    expect((await world.invokeChunk({ ...EVENT, Chunk })).reply).toMatchObject({ counts: { ...BALANCED, pending: 3 }, undone: [expect.any(String)] });
    expect((await world.invokeChunk({ ...EVENT, Chunk })).reply).toMatchObject({ counts: { ...BALANCED, accepted: 3 }, undone: [] });
  });
});
