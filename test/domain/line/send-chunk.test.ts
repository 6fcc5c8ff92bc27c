import { CustomChannelEvent, SendErrorCode } from '../../../src/contract/custom-channel';
import { LineBehaviour, SenderWorld, user } from '../../support/sender-world';

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

  test.each([
    ['a template', { template: 'spring' }, 'TEMPLATE_NOT_FOUND'],
    ['a media object', { type: 'image', originalContentUrl: 'media://image/sale.png', previewImageUrl: 'media://image/sale.png' }, 'MEDIA_NOT_FOUND'],
  ])('%s that is missing: nobody is failed for good, and nothing is written down', async (_name, data, code) => {
    world.chunks.set('runs/run/0.jsonl', text(2_000, [line(2_001, { OptOut: 'ALL' })]));
    const { reply } = await world.invokeChunk({ ...EVENT, Data: JSON.stringify(data), Chunk });
    expect(reply).toMatchObject({ stopped: code, counts: { ...BALANCED, pending: 2_001 } });
    expect([world.requests, world.batches()]).toEqual([[], []]);
    world.templates.set('spring.json', '{"type":"text","text":"Spring"}');
    world.mediaObjects.set('image/sale.png', { type: 'image', key: 'sale.png', bytes: 1_000, contentType: 'image/png', versionId: '1' });
    const { reply: repeated } = await world.invokeChunk({ ...EVENT, Data: JSON.stringify(data), Chunk });
    expect(repeated).toMatchObject({ counts: { ...BALANCED, accepted: 2_000, skipped: 1 }, undone: [] });
    expectOnce(2_000);
  });

  test('not a template that is missing for the first of the people only', async () => {
    world.templates.set('spring.ja.json', '{"type":"text","text":"春"}');
    const speaking = (n: number, language: string) => line(n, { User: { UserAttributes: { Language: [language] } } });
    world.chunks.set('runs/run/0.jsonl', [speaking(0, 'de'), speaking(1, 'ja')].join('\n'));
    const { reply } = await world.invokeChunk({ ...EVENT, Data: '{"template":"spring"}', Chunk });
    expect(reply).toMatchObject({ counts: { ...BALANCED, accepted: 1, failed: 1 }, reasons: { TEMPLATE_NOT_FOUND: 1 }, undone: [] });
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

describe('the flag of the run', () => {
  const Flag = { Bucket: 'runs', Key: 'run/flag.json' };
  const Result = { Bucket: 'runs', Key: 'run/result.jsonl' };
  const raise = (state: string, more: object = {}) => { world.chunks.set('runs/run/flag.json', JSON.stringify({ state, ...more })); };
  const PAUSE = { ...EVENT, Chunk, Flag, Result };
  const lines = () => world.results.get('runs/run/result.jsonl')!.at(-1)!.trimEnd().split('\n').map((text_) => JSON.parse(text_));
  const minutesAhead = (minutes: number) => new Date(world.time.now() + minutes * 60_000).toISOString();

  /** The first of three batches is attempted, and LINE always does the same. */
  async function attempted(behaviour: LineBehaviour): Promise<void> {
    world.chunks.set('runs/run/0.jsonl', text(1_001));
    raise('RUN');
    world.lineDoes = () => behaviour;
    // So little time that the first batch only is begun.
    await world.invokeChunk(PAUSE, { remainingMs: 11_500 });
    expect(world.batches()).toHaveLength(1);
    world.lineDoes = undefined;
    world.time.pass(60_000);
  }

  beforeEach(() => { raise('RUN'); });

  test.each([
    ['PAUSE', {}, 'RUN_PAUSED'], ['CANCEL', {}, 'RUN_CANCELLED'], ['RUN', { until: '2000-01-01T00:00:00Z' }, 'SEND_WINDOW_OVER'],
  ])('%s %j: nothing is begun, and the result says so of everybody; raised again, everybody is sent to', async (state, more, stopped) => {
    world.chunks.set('runs/run/0.jsonl', text(1_001, [line(2_000, { OptOut: 'ALL' })]));
    raise(state, more);
    const { reply } = await world.invokeChunk(PAUSE);
    expect(reply).toEqual({
      runId: 'campaign/app1/c1/0/a1', recipients: 1_002, counts: { ...BALANCED, pending: 1_002 }, undone: [expect.any(String), expect.any(String), expect.any(String)], stopped,
    });
    expect(world.calls.filter((kind) => kind !== 'chunk' && kind !== 'the flag of the run' && kind !== 'write result')).toEqual(['load', 'load', 'load', 'run']);
    expect(lines()[0]).toEqual(reply);
    expect(lines().slice(1)).toHaveLength(1_002);
    expect(new Set(lines().slice(1).map(({ status }) => status))).toEqual(new Set(['deferred']));
    expect(world.telemetry.lines).toMatchObject([{ level: 'INFO', code: stopped, fields: { undone: 3, pending: 1_002 } }]);
    // WHEN
    raise('RUN');
    const { reply: after } = await world.invokeChunk(PAUSE);
    expect(after).toEqual({ runId: 'campaign/app1/c1/0/a1', recipients: 1_002, counts: { ...BALANCED, accepted: 1_001, skipped: 1 }, reasons: { OPTED_OUT: 1 }, undone: [] });
    expect(lines()[0]).toEqual(after);
    expectOnce(1_001);
  });

  test('that says pause in mid-run lets no further batch begin; those under way end', async () => {
    world.chunks.set('runs/run/0.jsonl', text(30_000));
    world.lineMs = 700;
    let calls = 0;
    world.lineDoes = () => {
      if (++calls === 4) {
        raise('PAUSE');
      }
      return 'ok';
    };
    const { reply } = await world.invokeChunk(PAUSE);
    expect(reply).toMatchObject({ stopped: 'RUN_PAUSED', recipients: 30_000, counts: { ...BALANCED, accepted: expect.any(Number), pending: expect.any(Number) } });
    const { accepted, pending } = reply!.counts;
    expect([accepted + pending, accepted % 500]).toEqual([30_000, 0]);
    expect(world.requests.length).toBeGreaterThan(4);
    // A second of batches at most.
    expect(world.requests.length).toBeLessThan(40);
    expect(reply!.undone).toHaveLength(pending / 500);
    expect(reply!.ambiguous).toBeUndefined();
    expectOnce(accepted);
    raise('RUN');
    expect((await world.invokeChunk(PAUSE)).reply).toMatchObject({ counts: { ...BALANCED, accepted: 30_000 }, undone: [] });
    expectOnce(30_000);
  });

  test('whose time ends in mid-run lets no further batch begin', async () => {
    world.chunks.set('runs/run/0.jsonl', text(10_000));
    world.paceMs = 1_000;
    raise('RUN', { until: new Date(world.time.now() + 5_000).toISOString() });
    const { reply } = await world.invokeChunk(PAUSE);
    expect(reply).toMatchObject({ stopped: 'SEND_WINDOW_OVER' });
    expect(reply!.counts.accepted).toBeGreaterThan(0);
    expect(reply!.counts.pending).toBeGreaterThan(0);
  });

  test.each([['PAUSE', {}], ['CANCEL', {}], ['RUN', { until: '2000-01-01T00:00:00Z' }]])('%s %j: what LINE may have taken is driven to a decision under the same key, nothing else is begun', async (state, more) => {
    await attempted('lost');
    expect(world.batches()).toMatchObject([{ calls: '?' }]);
    raise(state, more);
    const { reply } = await world.invokeChunk(PAUSE);
    expect(reply).toMatchObject({ counts: { ...BALANCED, accepted: 500, pending: 501 }, stopped: expect.any(String) });
    expect(reply!.undone).toHaveLength(2);
    expect(reply).not.toHaveProperty('ambiguous');
    expect(new Set(world.requests.map(({ retryKey }) => retryKey)).size).toBe(1);
    expectOnce(500);
  });

  test.each([['PAUSE', {}, 500], ['CANCEL', {}, 0], ['RUN', { until: '2000-01-01T00:00:00Z' }, 0]])(
    '%s %j: a batch that LINE held back is sent when the run may stand still for long, and else not', async (state, more, accepted) => {
      await attempted(429);
      world.requests.length = 0;
      raise(state, more);
      const { reply } = await world.invokeChunk(PAUSE);
      expect(reply).toMatchObject({ counts: { ...BALANCED, accepted, pending: 1_001 - accepted } });
      expect(world.requests).toHaveLength(accepted / 500);
    });

  test('says how many people LINE may have, when they could not be driven to a decision', async () => {
    await attempted('timeout');
    world.lineDoes = () => 'timeout';
    raise('CANCEL');
    const { reply } = await world.invokeChunk(PAUSE, { remainingMs: 30_000 });
    expect(reply).toMatchObject({ counts: { ...BALANCED, pending: 1_001 }, ambiguous: 500, stopped: 'RUN_CANCELLED' });
    expect(reply!.undone).toHaveLength(3);
  });

  test('drives the parts of a split batch that LINE may have taken', async () => {
    // GIVEN a batch that is halved, of which the first half is lost
    world.chunks.set('runs/run/0.jsonl', text(1_001));
    world.badIds.add(user(499));
    world.behaviours = [400, 'lost', 429];
    await world.invokeChunk(PAUSE, { remainingMs: 11_500 });
    expect(world.batches().length).toBeGreaterThan(1);
    world.time.pass(60_000);
    world.behaviours = [];
    raise('CANCEL');
    // WHEN
    const { reply } = await world.invokeChunk(PAUSE);
    // THEN
    expect(reply!.ambiguous).toBeUndefined();
    expect(reply!.counts).toMatchObject({ accepted: 499, failed: 1, pending: 501 });
    expectOnce(499);
  });

  test('that was never read sends to nobody and fails the invocation; the next one does what it says', async () => {
    raise('PAUSE');
    world.failing = { 'the flag of the run': 1 };
    expect((await world.invokeChunk(PAUSE)).error?.message).toContain('nobody knows whether the run was paused or cancelled');
    expect(world.requests).toEqual([]);
    expect(world.telemetry.codes).toContain('FLAG_NOT_READ');
    expect((await world.invokeChunk(PAUSE)).reply).toMatchObject({ stopped: 'RUN_PAUSED', counts: { ...BALANCED, pending: 3 } });
    expect(world.requests).toEqual([]);
  });

  test('of a chunk that is done already stops nothing', async () => {
    await world.invokeChunk(PAUSE);
    raise('PAUSE');
    const { reply } = await world.invokeChunk(PAUSE);
    expect(reply).toEqual({ runId: 'campaign/app1/c1/0/a1', recipients: 3, counts: { ...BALANCED, accepted: 3 }, undone: [] });
  });

  test('that says pause asks for neither content nor quota', async () => {
    raise('PAUSE');
    world.chunks.set('runs/run/0.jsonl', text(600));
    world.quota = 1;
    world.onLowQuota = 'REFUSE';
    expect((await world.invokeChunk({ ...PAUSE, Data: '{"messages":[]}' })).reply).toMatchObject({ stopped: 'RUN_PAUSED' });
    expect(world.calls).not.toContain('quota');
  });

  test('with a batch whose item cannot be read: LINE may have it', async () => {
    raise('PAUSE');
    world.failing = { load: 1 };
    expect((await world.invokeChunk(PAUSE)).reply).toMatchObject({ counts: { ...BALANCED, pending: 3 }, ambiguous: 3, stopped: 'RUN_PAUSED' });
    expect(world.telemetry.codes).toContain('JOURNAL_NOT_READ');
  });

  test('pauses and resumptions at any time, crashes included, send to nobody twice', async () => {
    let isCrashing = true;
    for (let crashAt = 0; isCrashing; crashAt++) {
      // GIVEN
      world = new SenderWorld();
      world.chunks.set('runs/run/0.jsonl', text(1_203));
      world.behaviours = crashAt % 2 ? ['lost', 500] : [];
      raise('RUN');
      isCrashing = (await world.invokeChunk(PAUSE, { crashAt, remainingMs: 60_000 })).crashed === true;
      // WHEN
      world.time.pass(60_000);
      raise(crashAt % 3 ? 'PAUSE' : 'CANCEL');
      const { reply: paused } = await world.invokeChunk(PAUSE);
      expect(paused!.ambiguous).toBeUndefined();
      raise('RUN', { until: minutesAhead(60) });
      const { reply } = await world.invokeChunk(PAUSE);
      // THEN
      expect(reply).toMatchObject({ recipients: 1_203, counts: { ...BALANCED, accepted: 1_203 }, undone: [] });
      expectOnce(1_203);
    }
  });
});

describe('the result object', () => {
  const Result = { Bucket: 'runs', Key: 'run/result.jsonl' };
  const EVENT_ = { ...EVENT, Chunk, Result };
  const versions = () => world.results.get('runs/run/result.jsonl') ?? [];
  const lines = () => versions().at(-1)!.trimEnd().split('\n').map((text_) => JSON.parse(text_));

  test('tells what became of everybody, with LINE\'s request id', async () => {
    // GIVEN
    world.badIds.add(user(1));
    world.namesBadIds = true;
    world.optOuts.set(user(2), SendErrorCode.OPTED_OUT);
    world.chunks.set('runs/run/0.jsonl', text(4, [line(7, { EndpointStatus: 'INACTIVE' }), JSON.stringify({ id: 'nobody' })]));
    // WHEN
    const { reply } = await world.invokeChunk(EVENT_);
    // THEN
    expect(reply).toEqual({
      runId: 'campaign/app1/c1/0/a1',
      recipients: 6,
      counts: { ...BALANCED, accepted: 2, skipped: 3, failed: 1 },
      reasons: { OPTED_OUT: 1, INACTIVE: 1, NOT_A_LINE_USER_ID: 1, LINE_REFUSED_RECIPIENT: 1 },
      undone: [],
    });
    expect(lines()).toEqual([
      reply,
      { id: 'e0', to: user(0), status: 'accepted', requestId: 'line-2' },
      { id: 'e1', status: 'failed', code: 'LINE_REFUSED_RECIPIENT' },
      { id: 'e2', status: 'skipped', code: 'OPTED_OUT' },
      { id: 'e3', to: user(3), status: 'accepted', requestId: 'line-2' },
      { id: 'e7', status: 'skipped', code: 'INACTIVE' },
      { id: 'nobody', status: 'skipped', code: 'NOT_A_LINE_USER_ID' },
    ]);
    expect(versions()[0].endsWith('}\n')).toBe(true);
  });

  test('of a chunk without people has the first line only', async () => {
    world.chunks.set('runs/run/0.jsonl', '');
    await world.invokeChunk(EVENT_);
    expect(lines()).toEqual([{ runId: 'campaign/app1/c1/0/a1', recipients: 0, counts: BALANCED, undone: [] }]);
  });

  test('names the aggregation units', async () => {
    const Data = '{"messages":[{"type":"text","text":"Hello"}],"customAggregationUnit":"spring"}';
    expect((await world.invokeChunk({ ...EVENT_, Data })).reply).toMatchObject({ aggregationUnits: ['spring'] });
    // … also of a repeat, and of one whose content is another.
    expect((await world.invokeChunk({ ...EVENT_, Data: 'Hello' })).reply).toMatchObject({ aggregationUnits: ['spring'] });
  });

  test('of a repeat that cannot go on tells what the earlier invocation did', async () => {
    // GIVEN
    world.chunks.set('runs/run/0.jsonl', text(1_600));
    world.quota = 1_100;
    await world.invokeChunk(EVENT_);
    // WHEN
    world.quota = Infinity;
    world.lineDoes = () => 'wrong-credentials';
    const { reply } = await world.invokeChunk(EVENT_);
    // THEN
    expect(reply).toMatchObject({ stopped: 'CREDENTIALS_UNAVAILABLE', counts: { ...BALANCED, accepted: 1_100, pending: 500 } });
    expect(lines().filter(({ status }) => status === 'accepted')).toHaveLength(1_100);
    // … and so does one whose content has become wrong, and one without time
    expect((await world.invokeChunk({ ...EVENT_, Data: '{"messages":[]}' })).reply).toMatchObject({ stopped: 'INVALID_CONTENT', counts: { accepted: 1_100 } });
    expect((await world.invokeChunk(EVENT_, { remainingMs: 10_500 })).reply).toMatchObject({ counts: { accepted: 1_100, pending: 500 } });
    expect(lines()[0]).toMatchObject({ counts: { accepted: 1_100 } });
  });

  test('of an invocation that knows less leaves the one that knows more as it is', async () => {
    // GIVEN
    const { reply } = await world.invokeChunk(EVENT_);
    // WHEN the journal cannot be asked
    world.failing = { load: Infinity };
    const { reply: stale } = await world.invokeChunk(EVENT_, { remainingMs: 10_500 });
    world.failing = {};
    // THEN
    expect(stale).toMatchObject({ counts: { ...BALANCED, pending: 3 }, undone: [expect.any(String)], ambiguous: 3 });
    expect(versions()).toHaveLength(1);
    expect(lines()[0]).toEqual(reply);
    expect(world.telemetry.codes).toContain('RESULT_KEPT');
    // … and one that knows as much replaces it.
    await world.invokeChunk(EVENT_);
    expect(versions()).toHaveLength(2);
  });

  test('of two invocations at the same time, one of which is kept up: the complete one stays', async () => {
    world.chunks.set('runs/run/0.jsonl', text(700));
    const [slow, fast] = await world.sendTogether([EVENT_, EVENT_], [0, 20]);
    expect([slow.error, fast.error]).toEqual([undefined, undefined]);
    expect(lines()[0]).toMatchObject({ counts: { ...BALANCED, accepted: 700 }, undone: [] });
    expectOnce(700);
  });

  test('of an invocation that stood still at any moment does not take back what a later one wrote', async () => {
    let kept = 0;
    for (let freezeAt = 0; freezeAt < 40; freezeAt++) {
      // GIVEN one without credentials, which stands still for two minutes
      world = new SenderWorld();
      world.chunks.set('runs/run/0.jsonl', text(700));
      world.lineDoes = () => (world.time.now() < begin + 30_000 ? 'wrong-credentials' : 'ok');
      const begin = world.time.now();
      // WHEN another comes meanwhile
      const [stale, later] = await world.sendTogether([EVENT_, EVENT_], [0, 60_000], [{ freezeAt, freezeMs: 120_000 }]);
      // THEN
      expect([stale.error, later.error]).toEqual([undefined, undefined]);
      expect(lines()[0]).toMatchObject({ counts: { ...BALANCED, accepted: 700 }, undone: [] });
      expectOnce(700);
      kept += world.telemetry.codes.filter((code) => code === 'RESULT_KEPT').length;
    }
    expect(kept).toBeGreaterThan(0);
  });

  test.each([
    ['that is none of this run\'s', '{"runId":"other","counts":{"pending":0},"undone":[]}\n'], ['that is no JSON', 'hello'], ['with another first line', '[1]\n'], ['without counts', '{"runId":"campaign/app1/c1/0/a1"}'],
  ])('is written over an object %s', async (_case, there) => {
    world.results.set('runs/run/result.jsonl', [there]);
    world.lineDoes = () => 429;
    await world.invokeChunk(EVENT_, { remainingMs: 15_000 });
    expect(lines()[0]).toMatchObject({ recipients: 3, counts: { pending: 3 } });
  });

  test('that cannot be written fails the invocation; a repeat sends nothing again and writes it', async () => {
    world.failing = { 'write result': 1 };
    expect((await world.invokeChunk(EVENT_)).error?.message).toBe('write result failed');
    await world.invokeChunk(EVENT_);
    expect(lines()[0]).toMatchObject({ counts: { ...BALANCED, accepted: 3 } });
    expect(world.requests).toHaveLength(1);
  });

  test('that others write again and again ends with an error', async () => {
    world.overtaken = true;
    expect((await world.invokeChunk(EVENT_)).error?.message)
      .toBe('result object "run/result.jsonl" was written by others 5 times in a row; come with the chunk again');
  });
});

describe('content in an object', () => {
  const Content = { Bucket: 'runs', Key: 'run/content' };

  test('is sent instead of `Data`', async () => {
    world.chunks.set('runs/run/content', 'From the object');
    await world.invokeChunk({ ...EVENT, Chunk, Content });
    expect(JSON.parse(world.requests[0].body!).messages).toEqual([{ type: 'text', text: 'From the object' }]);
  });

  test('that cannot be read fails the invocation before anything is sent', async () => {
    expect((await world.invokeChunk({ ...EVENT, Chunk, Content })).error?.message).toBe('there is no object runs/run/content');
    expect(world.requests).toEqual([]);
  });
});

test.each(['Content', 'Flag', 'Result'])('an event whose `%s` names no object is an error that says what to write', async (name) => {
  expect((await world.invokeChunk({ ...EVENT, Chunk, [name]: 's3://runs/x' })).error?.message)
    .toBe(`\`${name}\` must name an object as {"Bucket","Key"}, got "s3://runs/x"; write where it is, or leave the member out`);
});
