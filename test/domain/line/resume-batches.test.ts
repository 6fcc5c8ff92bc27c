import { CustomChannelEvent } from '../../../src/contract/custom-channel';
import { SenderWorld, user } from '../../support/sender-world';

const endpoints = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [user(n), { ChannelType: 'CUSTOM', Address: user(n) }]));
const EVENT: CustomChannelEvent = { ApplicationId: 'app1', CampaignId: 'c1', ActivityId: 'a1', Data: 'Hello', Endpoints: endpoints(3) };

let world: SenderWorld;
beforeEach(() => { world = new SenderWorld(); });

const message = (body: unknown, messageId = 'm1') => ({ messageId, body: typeof body === 'string' ? body : JSON.stringify(body) });

describe('a message', () => {
  test('of a batch that is absent is dropped: its item was never made', async () => {
    expect(await world.resume([message({ pk: 'run#1', sk: 'p-000' })])).toEqual({ reply: [] });
    expect(world.calls).toEqual(['load']);
    expect(world.queue).toEqual([]);
  });

  test('of a batch that is decided is dropped', async () => {
    await world.invoke(EVENT);
    const requests = world.requests.length;
    expect(await world.resume(world.queue)).toEqual({ reply: [] });
    expect(world.requests).toHaveLength(requests);
    expect(world.delays).toEqual([30]);
    expect(world.telemetry.codes.at(-1)).toBe('SEND_REPEATED');
  });

  test('of a batch that somebody is at work on comes again later, and nothing is called', async () => {
    // GIVEN a batch whose holder is gone, and whose lease is not over
    await world.invoke(EVENT, { crashAt: 14 });
    expect(world.batches()).toMatchObject([{ state: 'IN_FLIGHT' }]);
    // WHEN
    const { reply } = await world.resume(world.queue);
    // THEN
    expect(reply).toEqual([]);
    expect(world.requests).toEqual([]);
    expect(world.delays).toEqual([30, 30]);
    expect(JSON.parse(world.queue[1].body)).toEqual({ ...JSON.parse(world.queue[0].body), attempt: 1 });
  });

  test('of a batch whose grace is nearly over is waited for', async () => {
    world.lineDoes = () => 500;
    await world.invoke(EVENT);
    world.lineDoes = undefined;
    world.time.pass(100);
    await world.resume(world.queue);
    expect(world.books()).toMatchObject({ accepted: 3 });
  });

  test.each<[string, string]>([
    ['JSON', '{'], ['an object', 'null'], ['one with keys', '{"pk":"run#1"}'], ['one with keys that are texts', '{"pk":"run#1","sk":5}'],
  ])('that is not %s is given back, for somebody to look at; the others are done', async (_case, body) => {
    await world.invoke(EVENT, { remainingMs: 1_500 });
    expect(await world.resume([message(body, 'broken'), ...world.queue])).toEqual({ reply: ['broken'] });
    expect(world.books()).toMatchObject({ accepted: 3 });
    expect(world.telemetry.lines).toContainEqual(expect.objectContaining({ level: 'ERROR', code: 'RETRY_FAILED', fields: { messageId: 'broken', reason: expect.any(String) } }));
    expect(JSON.stringify(world.telemetry.lines)).not.toContain('"sk":5');
  });

  test.each<[Record<string, number>, string[]]>([
    [{ load: 1 }, []], [{ again: 1 }, []], [{ load: 1, again: 1 }, ['message-1']], [{ again: 2 }, ['message-1']],
  ])('whose batch cannot be gone on with (%j) comes again later; without the queue it is given back', async (failing, givenBack) => {
    world.lineDoes = () => 500;
    await world.invoke(EVENT);
    world.failing = failing;
    expect((await world.resume(world.queue)).reply).toEqual(givenBack);
    world.lineDoes = undefined;
    world.time.pass(60_000);
    await world.drain();
    expect(world.books()).toMatchObject({ accepted: 3 });
  });

  test('of a batch whose claim or answer cannot be written down comes again', async () => {
    for (const failures of [1, 2]) {
      world = new SenderWorld();
      await world.invoke(EVENT, { remainingMs: 1_500 });
      world.failing = { write: failures };
      await world.drain();
      expect(world.books()).toMatchObject({ accepted: 3, pending: 0 });
      expect(world.received(user(0))).toBe(1);
    }
  });
});

test('delays grow to 15 minutes, and the batch comes until it is decided', async () => {
  world.lineDoes = () => 500;
  await world.invoke(EVENT);
  await world.drain();
  expect(world.delays.slice(0, 8)).toEqual([30, 30, 60, 120, 240, 480, 900, 900]);
  expect(new Set(world.delays.slice(8))).toEqual(new Set([900]));
  expect(world.delays.length).toBeGreaterThan(23 * 4 - 10);
  expect(world.books()).toMatchObject({ unknown: 3, pending: 0 });
});

test('a message of an earlier version without a number of attempts begins anew', async () => {
  world.lineDoes = () => 500;
  await world.invoke(EVENT);
  const { pk, sk } = JSON.parse(world.queue[0].body);
  await world.resume([message({ pk, sk, attempt: 'many' })]);
  expect(world.delays).toEqual([30, 30]);
});

test('several batches at once are each their own: what halts one halts the others when they find it out', async () => {
  // GIVEN two batches, and LINE that knows no token for one of them
  world.lineDoes = () => 401;
  await world.invoke({ ...EVENT, Endpoints: endpoints(501) });
  const requests = world.requests.length;
  world.time.pass(30_000);
  world.lineDoes = ({ body }) => (JSON.parse(body!).to.length === 1 ? 401 : 'ok');
  // WHEN
  expect(await world.resume(world.queue)).toEqual({ reply: [] });
  // THEN
  expect(world.requests).toHaveLength(requests + 2);
  expect(world.books()).toMatchObject({ recipients: 501, accepted: 500, pending: 1 });
});

test('the parts of a split batch are gone on with by the message of the whole', async () => {
  // GIVEN
  world.badIds.add(user(1));
  world.lineDoes = () => (world.requests.length === 0 ? 'ok' : 429);
  await world.invoke({ ...EVENT, Endpoints: endpoints(8) });
  expect(world.books()).toMatchObject({ pending: 8 });
  // WHEN
  world.lineDoes = undefined;
  await world.drain();
  // THEN
  expect(world.books()).toMatchObject({ accepted: 7, failed: 1, pending: 0, reasons: { LINE_REFUSED_RECIPIENT: 1 } });
});

test('a frozen container that wakes when another has taken over: its acceptance wins over the doubt', async () => {
  // GIVEN LINE accepts the first call, whose container stands still before it can write that down; the second hears nothing
  await world.invoke(EVENT, { remainingMs: 1_500 });
  world.lineDoes = () => (world.requests.length === 0 ? 'ok' : 500);
  world.time.pass(30_000);
  // WHEN
  await world.time.run(Promise.all([
    world.startResume(world.queue, { freezeAt: 7, freezeMs: 70_000 }),
    world.time.sleep(40_000).then(() => world.startResume(world.queue)),
  ]));
  // THEN
  expect(world.batches()).toMatchObject([{ state: 'ACCEPTED', calls: 'A' }]);
  expect(world.batches()[0].attempts).toBeGreaterThan(1);
  expect(new Set(world.requests.map(({ retryKey }) => retryKey)).size).toBe(1);
});

test('two frozen containers with an acceptance each lose neither', async () => {
  // GIVEN two pushes; the first container gets one of them accepted, the second the other, and both stand still
  const Endpoints = Object.fromEntries([0, 1].map((n) => [user(n), { Address: user(n), Attributes: { Name: [`N${n}`] } }]));
  await world.invoke({ ...EVENT, Data: '{{Attributes.Name}}', Endpoints }, { remainingMs: 1_500 });
  const accepting = ['N0', 'N1'];
  let owners = 0;
  world.lineDoes = ({ body }) => (body!.includes(accepting[owners]) ? 'ok' : 403);
  world.time.pass(30_000);
  // WHEN
  const claim = async (delay: number) => {
    await world.time.sleep(delay);
    owners = delay / 40_000;
    return world.startResume(world.queue, { freezeAt: 11, freezeMs: 90_000 - delay });
  };
  await world.time.run(Promise.all([claim(0), claim(40_000)]));
  // THEN
  expect(world.books()).toMatchObject({ accepted: 2 });
  expect([...world.ledger().values()]).toEqual([1, 1]);
});
