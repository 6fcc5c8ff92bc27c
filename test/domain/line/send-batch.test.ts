import { CustomChannelEvent, SendErrorCode } from '../../../src/contract/custom-channel';
import { ContentValidity } from '../../../src/domain/line/validate-content';
import { SenderWorld, user } from '../../support/sender-world';

const endpoints = (count: number, members: (n: number) => object = () => ({})) => Object.fromEntries(
  Array.from({ length: count }, (_, n) => [user(n), { ChannelType: 'CUSTOM', Address: user(n), ...members(n) }]));
const EVENT: CustomChannelEvent = { ApplicationId: 'app1', JourneyRunId: 'r1', JourneyActivityId: 'ja1', Data: 'Hello', Endpoints: endpoints(3) };
const named = (count: number) => endpoints(count, (n) => ({ Attributes: { Name: [`N${n}`] } }));
const PERSONALISED = { ...EVENT, JourneyRunId: 'r9', Data: 'Hi {{Attributes.Name}}', Endpoints: named(3) };
const REFUSED: ContentValidity = { code: SendErrorCode.LINE_REFUSED_CONTENT, message: 'LINE refuses the messages (400)' };

let world: SenderWorld;
beforeEach(() => { world = new SenderWorld(); });

describe('content', () => {
  test('that is the same for all lies in the item; that differs, as lines in one object, written before the item', async () => {
    await world.invoke(EVENT);
    expect(world.contents.size).toBe(0);
    await world.invoke(PERSONALISED);
    const [[key, lines]] = world.contents;
    expect(key).toMatch(/^batches\/[0-9a-f]{64}\/owner-2\.jsonl$/);
    expect(lines).toEqual([0, 1, 2].map((n) => `"messages":[{"type":"text","text":"Hi N${n}"}]`));
    expect(world.calls.indexOf('put')).toBeLessThan(world.calls.lastIndexOf('create'));
    expect(world.batches()[1]).toMatchObject({ contentKey: key, lines: [0, 1, 2], sizes: [1, 1, 1], calls: 'AAA' });
  });

  test('that is too long for the item lies in an object, too', async () => {
    const text = { type: 'text', text: '春'.repeat(5_000) };
    await world.invoke({ ...EVENT, Data: JSON.stringify({ messages: Array(5).fill(text), notificationDisabled: true }) });
    expect(world.contents.size).toBe(1);
    expect(world.batches()[0]).not.toHaveProperty('content');
    expect(JSON.parse(world.requests[0].body!)).toEqual({ messages: Array(5).fill(text), notificationDisabled: true, to: [0, 1, 2].map(user) });
  });

  test('of people who opted out is not kept; their calls are not made, and the others have the content that is theirs', async () => {
    world.optOuts.set(user(0), SendErrorCode.OPTED_OUT);
    await world.invoke(PERSONALISED);
    expect([...world.contents.values()][0]).toHaveLength(2);
    expect(world.requests.map(({ body }) => [JSON.parse(body!).to, JSON.parse(body!).messages[0].text])).toEqual([[user(1), 'Hi N1'], [user(2), 'Hi N2']]);
    expect(world.books()).toMatchObject({ accepted: 2, skipped: 1 });
  });

  test('that cannot be made for somebody who opted out does not concern the others', async () => {
    world.optOuts.set(user(0), SendErrorCode.OPTED_OUT);
    const Data = '{"messages":[{"type":"text","text":"{{Attributes.Name}}"}],"missingAttribute":"fail"}';
    await world.invoke({ ...EVENT, Data, Endpoints: endpoints(3, (n) => (n === 0 ? {} : { Attributes: { Name: [`N${n}`] } })) });
    expect(world.books()).toMatchObject({ accepted: 2, skipped: 1, reasons: { OPTED_OUT: 1 } });
  });

  test('that somebody has no attribute for leaves them out with the reason, or fails everybody', async () => {
    const Endpoints = endpoints(3, (n) => (n === 0 ? {} : { Attributes: { Name: ['Ann'] } }));
    await world.invoke({ ...PERSONALISED, Endpoints });
    expect(world.books()).toMatchObject({ accepted: 2, skipped: 1, reasons: { MISSING_ATTRIBUTE: 1 } });
    expect(world.telemetry.codes).toEqual(['MISSING_ATTRIBUTE', 'SEND_ACCEPTED']);
    await world.invoke({ ...EVENT, JourneyRunId: 'r2', Data: '{"messages":[{"type":"text","text":"{{Attributes.Name}}"}],"missingAttribute":"fail"}', Endpoints });
    expect(world.books()).toMatchObject({ recipients: 6, failed: 3, reasons: { MISSING_ATTRIBUTE: 4 } });
  });

  test('without which nobody is left is decided without a call', async () => {
    await world.invoke({ ...PERSONALISED, Endpoints: endpoints(2) });
    expect(world.requests).toEqual([]);
    expect(world.books()).toMatchObject({ skipped: 2, reasons: { MISSING_ATTRIBUTE: 2 } });
  });

  test('with an aggregation unit notes it, in the item, too', async () => {
    await world.invoke({ ...EVENT, Data: '{"messages":[{"type":"text","text":"a"}],"customAggregationUnit":"spring_1"}' });
    expect(world.units).toEqual(['spring_1']);
    expect(world.batches()[0].aggregationUnit).toBe('spring_1');
    expect(JSON.parse(world.requests[0].body!).customAggregationUnits).toEqual(['spring_1']);
  });
});

describe('LINE\'s opinion of the content', () => {
  test('against it fails everybody before anything is sent, and is told', async () => {
    world.validity = REFUSED;
    const { reply } = await world.invoke(EVENT);
    expect(world.requests).toEqual([]);
    expect(reply![user(0)].EventAttributes).toEqual({ LineStatus: 'failed', LineErrorCode: 'LINE_REFUSED_CONTENT' });
    expect(world.telemetry.lines).toMatchObject([{ level: 'ERROR', code: 'LINE_REFUSED_CONTENT', message: REFUSED.message }]);
    expect(world.books()).toMatchObject({ failed: 3, reasons: { LINE_REFUSED_CONTENT: 3 } });
  });

  test('that is not to be had stops nobody, and is asked for again', async () => {
    world.validity = 'unavailable';
    await world.invoke(EVENT);
    await world.invoke({ ...EVENT, Endpoints: endpoints(2) });
    expect(world.requests).toHaveLength(2);
    expect(world.calls.filter((kind) => kind === 'validate')).toHaveLength(2);
  });

  test('for it is known to the run\'s other invocations; that this cannot be written down is no matter', async () => {
    world.failing = { note: 1 };
    await world.invoke(EVENT);
    await world.invoke({ ...EVENT, Endpoints: endpoints(2) });
    await world.invoke({ ...EVENT, Endpoints: endpoints(1) });
    expect(world.calls.filter((kind) => kind === 'validate')).toHaveLength(2);
    expect(world.requests).toHaveLength(3);
  });

  test('is remembered of so many contents, then anew', async () => {
    world.validated = new Set(Array.from({ length: 10_000 }, (_, n) => `${n}`));
    await world.invoke(EVENT);
    expect(world.validated.size).toBe(1);
    world.dynamo.items.clear();
    await world.invoke(EVENT);
    expect(world.calls.filter((kind) => kind === 'validate')).toHaveLength(1);
  });

  test('of one language concerns those who speak it', async () => {
    // GIVEN
    world.functionType = 'any';
    world.templates.set('t.json', '[{"type":"text","text":"Hello"}]').set('t.ja.json', '[{"type":"text","text":"こんにちは"}]');
    const Endpoints = endpoints(4, (n) => (n < 2 ? { Demographic: { Locale: 'ja_JP' } } : {}));
    let asked = 0;
    Object.defineProperty(world, 'validity', { get: () => (asked++ === 0 ? REFUSED : 'valid') });
    // WHEN
    await world.invoke({ ...EVENT, Data: '{"template":"t"}', Endpoints });
    // THEN
    expect(world.requests).toHaveLength(1);
    expect(JSON.parse(world.requests[0].body!).messages[0].text).toBe('Hello');
    expect(world.books()).toMatchObject({ recipients: 4, accepted: 2, failed: 2, reasons: { LINE_REFUSED_CONTENT: 2 } });
  });
});

test('a language that LINE refuses does not hold back another whose text is personal', async () => {
  world.functionType = 'any';
  world.templates.set('t.json', '[{"type":"text","text":"Hello {{Attributes.Name|friend}}"}]').set('t.ja.json', '[{"type":"text","text":"こんにちは"}]');
  world.validity = REFUSED;
  await world.invoke({ ...EVENT, Data: '{"template":"t"}', Endpoints: endpoints(4, (n) => (n < 2 ? { Demographic: { Locale: 'ja_JP' } } : {})) });
  expect(world.books()).toMatchObject({ recipients: 4, accepted: 2, failed: 2, reasons: { LINE_REFUSED_CONTENT: 2 } });
});

describe('the quota before a large send', () => {
  test.each([
    ['REFUSE', 500, 499, 0, 'LOW_QUOTA'], ['REFUSE', 500, 500, 1, undefined], ['REFUSE', 499, 100, 1, undefined],
    ['WARN', 500, 499, 1, 'LOW_QUOTA'], ['SEND', 500, 499, 1, undefined],
  ] as const)('%s, %i people, %i left: %i calls, log %s', async (policy, count, quota, calls, code) => {
    world.onLowQuota = policy;
    world.quota = quota;
    await world.invoke({ ...EVENT, Endpoints: endpoints(count) }, { remainingMs: 6_000 });
    expect(Math.min(world.requests.length, 1)).toBe(calls);
    const lines = world.telemetry.lines.filter((line) => line.code === 'LOW_QUOTA');
    expect(lines.map((line) => line.level)).toEqual(code ? [policy === 'WARN' ? 'WARN' : 'ERROR'] : []);
    expect(world.books()).toMatchObject(policy === 'REFUSE' && code ? { failed: count, reasons: { LOW_QUOTA: count } } : { failed: 0 });
  });

  test('is held against everybody of an event, not against a batch of it', async () => {
    world.onLowQuota = 'REFUSE';
    world.quota = 1_199;
    await world.invoke({ ...EVENT, Endpoints: endpoints(1_200) });
    expect(world.requests).toEqual([]);
    expect(world.books()).toMatchObject({ recipients: 1_200, failed: 1_200, reasons: { LOW_QUOTA: 1_200 } });
  });

  test('that LINE does not tell stops nobody', async () => {
    world.onLowQuota = 'REFUSE';
    world.failing = { quota: 1 };
    await world.invoke({ ...EVENT, Endpoints: endpoints(500) });
    expect(world.books()).toMatchObject({ accepted: 500 });
  });
});

describe('a stopped run', () => {
  test('sends nothing new: its people failed, with the reason', async () => {
    // GIVEN
    world.lineDoes = () => 403;
    for (let count = 1; count <= 3; count++) {
      await world.invoke({ ...EVENT, Endpoints: endpoints(count) });
    }
    world.lineDoes = undefined;
    // WHEN
    const { reply } = await world.invoke({ ...EVENT, Endpoints: endpoints(4) });
    // THEN
    expect(reply![user(3)].EventAttributes).toEqual({ LineStatus: 'failed', LineErrorCode: 'RUN_STOPPED' });
    expect(world.requests).toHaveLength(3);
    expect(world.telemetry.lines.at(-1)).toMatchObject({ level: 'ERROR', code: 'RUN_STOPPED', message: expect.stringContaining('send a new run') });
    // and another run goes on
    await world.invoke({ ...EVENT, JourneyRunId: 'r2' });
    expect(world.requests).toHaveLength(4);
  });
});

test('what is created at the same moment by another invocation is theirs', async () => {
  // GIVEN both have found nothing on record
  const results = await world.invokeTogether(EVENT, [0, 0]);
  // THEN
  expect(world.calls.filter((kind) => kind === 'create')).toHaveLength(2);
  expect(world.requests).toHaveLength(1);
  expect(results.map(({ reply }) => reply![user(0)].EventAttributes.LineStatus)).toEqual(['accepted', 'accepted']);
  expect(world.telemetry.codes.sort()).toEqual(['SEND_ACCEPTED', 'SEND_REPEATED']);
});
