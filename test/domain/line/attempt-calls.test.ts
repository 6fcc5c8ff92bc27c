import { CustomChannelEvent, SendErrorCode } from '../../../src/contract/custom-channel';
import { SPLIT_CALLS_PER_RUN, namedRecipients } from '../../../src/domain/line/attempt-calls';
import { SenderWorld, user } from '../../support/sender-world';

const endpoints = (count: number, name: (n: number) => string = () => 'Ann') => Object.fromEntries(
  Array.from({ length: count }, (_, n) => [user(n), { ChannelType: 'CUSTOM', Address: user(n), Attributes: { Name: [name(n)] } }]));
const event = (count: number): CustomChannelEvent => ({ ApplicationId: 'app1', CampaignId: 'c1', ActivityId: 'a1', Data: 'Hello', Endpoints: endpoints(count) });
const personalised = (count: number, name: (n: number) => string): CustomChannelEvent => ({ ...event(0), Data: '{{Attributes.Name}}', Endpoints: endpoints(count, name) });

let world: SenderWorld;
beforeEach(() => { world = new SenderWorld(); });

/** People who have received as often as the journal says. */
function expectTrueBooks(): void {
  const ledger = world.ledger();
  for (const { id, status } of world.people()) {
    expect([id, ledger.get(id) ?? 0]).toEqual([id, status === 'accepted' ? 1 : 0]);
  }
}

describe('a refused multicast', () => {
  test('with one bad id among 500 that LINE does not name costs 18 more calls; 499 have the message', async () => {
    for (const [bad, more] of [[0, 18], [250, 18], [499, 16]]) {
      // GIVEN
      world = new SenderWorld();
      world.badIds.add(user(bad));
      // WHEN
      const { reply } = await world.invoke(event(500));
      // THEN
      expect(world.requests).toHaveLength(1 + more);
      expect(world.books()).toMatchObject({ recipients: 500, accepted: 499, failed: 1, pending: 0, reasons: { LINE_REFUSED_RECIPIENT: 1 } });
      expect(reply![user(bad)].EventAttributes).toMatchObject({ LineStatus: 'failed', LineErrorCode: 'LINE_REFUSED_RECIPIENT' });
      expect(Object.values(reply!).filter(({ EventAttributes }) => EventAttributes.LineStatus === 'accepted')).toHaveLength(499);
      expectTrueBooks();
      expect(new Set(world.requests.map(({ retryKey }) => retryKey)).size).toBe(1 + more);
      // LINE is asked about the content once before the send, and once for the split.
      expect(world.calls.filter((kind) => kind === 'validate')).toHaveLength(2);
    }
  });

  test.each(['note', 'run', 'write', 'find'])('with a bad id, while a table fails once (%s), loses nobody else: nobody had it, and it is asked again', async (kind) => {
    world.badIds.add(user(42));
    world.failing = { [kind]: 1 };
    await world.invoke(event(100));
    await world.drain();
    expect(world.books()).toMatchObject({ recipients: 100, accepted: 99, failed: 1, reasons: { LINE_REFUSED_RECIPIENT: 1 } });
    expectTrueBooks();
  });

  test('that LINE explains in a text that quotes content names nobody', async () => {
    world.errorBody = JSON.stringify({ message: 'The request body has 1 error(s)', details: [{ message: 'to[1] is not allowed here', property: 'messages[0].text' }] });
    world.badIds.add(user(1));
    await world.invoke(event(4));
    expect(world.books()).toMatchObject({ accepted: 3, failed: 1 });
    expect(world.requests.length).toBeGreaterThan(2);
  });

  test('that LINE explains by positions costs one more call', async () => {
    world.namesBadIds = true;
    [3, 77].forEach((n) => world.badIds.add(user(n)));
    await world.invoke(event(100));
    expect(world.requests).toHaveLength(2);
    expect(world.books()).toMatchObject({ recipients: 100, accepted: 98, failed: 2, reasons: { LINE_REFUSED_RECIPIENT: 2 } });
    expectTrueBooks();
  });

  test.each([1, 3])('of which LINE names all %i people is failed', async (count) => {
    world.namesBadIds = true;
    Object.keys(endpoints(count)).forEach((id) => world.badIds.add(id));
    await world.invoke(event(count));
    expect(world.requests).toHaveLength(1);
    expect(world.books()).toMatchObject({ failed: count, reasons: { LINE_REFUSED_RECIPIENT: count } });
  });

  test.each([[1, 'LINE_REFUSED_RECIPIENT', 'valid'], [1, 'LINE_REFUSED_CONTENT', 'refused'], [4, 'LINE_REFUSED_CONTENT', 'refused']] as const)(
    'of %i people is failed as %s when LINE then finds the content %s, nothing is split', async (count, code, opinion) => {
      // GIVEN LINE found the content right, or said nothing about it, before the send
      world.lineDoes = () => {
        world.validity = opinion === 'valid' ? 'valid' : { code: SendErrorCode.LINE_REFUSED_CONTENT, message: 'LINE refuses the messages (400)' };
        return 400;
      };
      // WHEN
      await world.invoke(event(count));
      // THEN
      expect(world.requests).toHaveLength(1);
      expect(world.books()).toMatchObject({ failed: count, reasons: { [code]: count } });
    });

  test('when LINE has no opinion of the content waits, with the same key, and is sent when it is no longer refused', async () => {
    world.behaviours = [400];
    world.validity = 'unavailable';
    const { reply } = await world.invoke(event(4));
    expect(reply![user(0)].EventAttributes).toEqual({ LineStatus: 'deferred', LineErrorCode: 'LINE_UNDECIDED' });
    await world.drain();
    expect(new Set(world.requests.map(({ retryKey }) => retryKey)).size).toBe(1);
    expect(world.books()).toMatchObject({ accepted: 4 });
  });

  test('of a run whose budget of halves is spent goes singly', async () => {
    // GIVEN
    world.dynamo.items.set('campaign/app1/c1/0/a1#RUN RUN', {
      pk: { S: 'campaign/app1/c1/0/a1#RUN' }, sk: { S: 'RUN' }, runId: { S: 'campaign/app1/c1/0/a1' }, splitCalls: { N: `${SPLIT_CALLS_PER_RUN - 2}` },
    });
    world.badIds.add(user(7));
    // WHEN
    await world.invoke(event(20));
    // THEN: one more halving, then ten pushes
    expect(world.requests.map(({ path }) => path.split('/').at(-1)).sort()).toEqual([...Array(3).fill('multicast'), ...Array(10).fill('push')]);
    expect(world.books()).toMatchObject({ accepted: 19, failed: 1, reasons: { LINE_REFUSED_RECIPIENT: 1 } });
    expectTrueBooks();
  });

  test('that was ambiguous before is neither split nor given a new key', async () => {
    world.badIds.add(user(1));
    world.namesBadIds = true;
    world.behaviours = ['reset'];
    await world.invoke(event(3));
    expect(world.requests).toHaveLength(2);
    expect(world.batches()).toMatchObject([{ state: 'AMBIGUOUS', calls: '?' }]);
    expect(world.calls.filter((kind) => kind === 'validate')).toHaveLength(1);
  });

  test('among personalised calls is split alone; the others are accepted', async () => {
    // GIVEN 6 people with a name each, and 4 with one in common
    world.badIds.add(user(2)).add(user(7));
    // WHEN
    await world.invoke(personalised(10, (n) => (n < 6 ? `N${n}` : 'Common')));
    // THEN
    expect(world.books()).toMatchObject({ accepted: 8, failed: 2 });
    expect(Object.fromEntries(world.batches().map(({ sk, calls }) => [sk.slice(sk.indexOf('-') + 1), calls]))).toEqual({
      '000': 'AAFAAAS', '000/6-1': 'S', '000/6-2': 'A', '000/6-1/1': 'A', '000/6-1/2': 'F',
    });
    expectTrueBooks();
    // The halves of the common text have its bytes.
    const texts = world.requests.filter(({ path }) => path.endsWith('multicast')).map(({ body }) => JSON.parse(body!).messages[0].text);
    expect(new Set(texts)).toEqual(new Set(['Common']));
  });

  test('more of them than fit into one write are split one write after the other', async () => {
    // GIVEN 60 pairs with a bad id each: 120 children
    for (let n = 0; n < 60; n++) {
      world.badIds.add(user(2 * n));
    }
    // WHEN
    await world.invoke(personalised(120, (n) => `Pair ${Math.floor(n / 2)}`));
    await world.drain();
    // THEN
    expect(world.books()).toMatchObject({ recipients: 120, accepted: 60, failed: 60, pending: 0, reasons: { LINE_REFUSED_RECIPIENT: 60 } });
    expectTrueBooks();
  });
});

describe('calls of a batch', () => {
  test('are made side by side, each under a key of its own', async () => {
    const start = world.time.now();
    await world.invoke(personalised(100, (n) => `N${n}`));
    expect(world.requests).toHaveLength(100);
    expect(new Set(world.requests.map(({ retryKey }) => retryKey)).size).toBe(100);
    expect(world.time.now() - start).toBe(5 + 5 + 5 + 5 + 40 + 5);
    expect(world.books()).toMatchObject({ accepted: 100 });
  });

  test('of 500 people are all made, though not all at once', async () => {
    await world.invoke(personalised(500, (n) => `N${n}`));
    expect(world.books()).toMatchObject({ accepted: 500 });
    expectTrueBooks();
  });

  test('that LINE leaves open are repeated alone', async () => {
    world.lineDoes = ({ body }) => (body!.includes('N3') && world.requests.length < 5 ? 'lost' : 'ok');
    await world.invoke(personalised(5, (n) => `N${n}`));
    const texts = world.requests.map(({ body }) => JSON.parse(body!).messages[0].text).sort();
    expect(texts).toEqual(['N0', 'N1', 'N2', 'N3', 'N3', 'N4']);
    expectTrueBooks();
  });
});

describe('the pace', () => {
  test('is waited for', async () => {
    world.paceMs = 100;
    const start = world.time.now();
    await world.invoke(personalised(20, (n) => `N${n}`));
    expect(world.time.now() - start).toBeGreaterThanOrEqual(1_900);
    expect(world.books()).toMatchObject({ accepted: 20 });
  });

  test('that gives no turn in time: nothing is called, the queue goes on', async () => {
    for (const each of [event(3), personalised(3, (n) => `N${n}`)]) {
      world = new SenderWorld();
      world.hasTurns = false;
      const { reply } = await world.invoke(each);
      expect(world.requests).toEqual([]);
      expect(reply![user(0)].EventAttributes.LineStatus).toBe('deferred');
      expect(world.batches()).toMatchObject([{ state: 'READY' }]);
      // and later
      world.hasTurns = true;
      await world.drain();
      expect(world.books()).toMatchObject({ accepted: 3 });
      expectTrueBooks();
    }
  });
});

describe('what halts', () => {
  test('401 after a fresh token: no further call of the event, everybody is deferred and comes again', async () => {
    world.lineDoes = () => 401;
    const { reply } = await world.invoke(event(5_501));
    // The ten batches that go side by side may each have been under way.
    expect(world.requests.length).toBeLessThanOrEqual(10);
    expect(new Set(Object.values(reply!).map(({ EventAttributes }) => EventAttributes.LineStatus))).toEqual(new Set(['deferred']));
    expect(world.books()).toMatchObject({ recipients: 5_501, pending: 5_501 });
    expect(world.batches().every(({ calls }) => calls === '-')).toBe(true);
    // and when the token is right again
    world.lineDoes = undefined;
    await world.drain();
    expect(world.books()).toMatchObject({ accepted: 5_501 });
    expectTrueBooks();
  });

  test('a used-up quota: nothing more is attempted, everybody is deferred; raised, all are sent, and only once', async () => {
    // GIVEN
    world.quota = 60;
    // WHEN
    const { reply } = await world.invoke(personalised(400, (n) => `N${n}`));
    // THEN
    expect(world.books()).toMatchObject({ recipients: 400, accepted: 60, pending: 340 });
    expect(Object.values(reply!).filter(({ EventAttributes: { LineStatus, LineErrorCode } }) => LineStatus === 'deferred' && LineErrorCode === 'LINE_QUOTA_EXCEEDED')).toHaveLength(340);
    // Calls under way have their answers.
    expect(world.requests.length).toBeLessThanOrEqual(60 + 160);
    // and it is not asked for all the time
    await world.drain(3);
    expect(world.delays.slice(1)).toEqual([900, 900, 900]);
    expect(world.books()).toMatchObject({ pending: 340 });
    world.quota = Infinity;
    await world.drain();
    expect(world.books()).toMatchObject({ accepted: 400, pending: 0 });
    expectTrueBooks();
  });

  test('not a 429 while there is quota: that is the rate, and a pause', async () => {
    world.quota = 1_000;
    world.behaviours = [429, 429];
    await world.invoke(event(3));
    expect(world.requests).toHaveLength(3);
    expect(world.books()).toMatchObject({ accepted: 3 });
    expect(world.calls.filter((kind) => kind === 'quota')).toHaveLength(2);
  });

  test('a quota that does not suffice until the month is over: failed after 23 hours, nothing was sent', async () => {
    world.quota = 2;
    await world.invoke(event(3));
    await world.drain();
    expect(world.books()).toMatchObject({ failed: 3, reasons: { LINE_QUOTA_EXCEEDED: 3 } });
    expect(world.ledger().size).toBe(0);
  });
});

test('positions that LINE names are those of `to`, within it', () => {
  const body = JSON.stringify({ message: 'x', details: [{ property: 'to[1]' }, { property: 'to[499]' }, { property: 'messages[0].to[2]' }, { property: 'tomato[3]' }, { property: 'to[5000]' }] });
  expect(namedRecipients(body, 500)).toEqual(new Set([1, 499, 2]));
  expect(namedRecipients(body, 2)).toEqual(new Set([1]));
  expect(namedRecipients('', 500)).toEqual(new Set());
});
