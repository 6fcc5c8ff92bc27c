import { CustomChannelEvent, CustomChannelReply, SendErrorCode } from '../../../src/contract/custom-channel';
import { Metric } from '../../../src/contract/metrics';
import { SendBatch } from '../../../src/contract/send-journal';
import { readEvent } from '../../../src/domain/line/custom-channel-event';
import { LineBehaviour, SenderWorld, user } from '../../support/sender-world';

const HOUR = 60 * 60 * 1_000;
const endpoint = (n: number, members: object = {}) => ({ ChannelType: 'CUSTOM', Address: user(n), OptOut: 'NONE', EndpointStatus: 'ACTIVE', ...members });
const endpoints = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [user(n), endpoint(n)]));

const CAMPAIGN: CustomChannelEvent = {
  ApplicationId: 'app1', CampaignId: 'c1', TreatmentId: '0', ActivityId: 'a1', Data: 'Hello <secret text>', Endpoints: endpoints(3),
};
const { CampaignId, ActivityId, ...rest } = CAMPAIGN;
const JOURNEY: CustomChannelEvent = { ...rest, JourneyId: 'j1', JourneyRunId: 'r1', JourneyActivityId: 'ja1' };
const PICTURE = { type: 'image', key: 'a.png', bytes: 5, contentType: 'image/png', versionId: 'v1' } as const;
const ALWAYS = (behaviour: LineBehaviour) => Array<LineBehaviour>(50).fill(behaviour);

let world: SenderWorld;
beforeEach(() => { world = new SenderWorld(); });

/** `[status, code]` by endpoint. */
function outcomes(reply: CustomChannelReply | undefined): Record<string, string[]> {
  return Object.fromEntries(Object.entries(reply ?? {}).map(([id, { EventAttributes: { LineStatus, LineErrorCode } }]) =>
    [id, LineErrorCode ? [LineStatus, LineErrorCode] : [LineStatus]]));
}

/** What became of the endpoint of user 0. */
function first(reply: CustomChannelReply | undefined): string[] {
  return outcomes(reply)[user(0)];
}

function item(event: CustomChannelEvent = CAMPAIGN, batch = 0): SendBatch | undefined {
  const { batchId } = readEvent(event, { requestId: 'request-1', functionType: world.functionType }).batches[batch].identity;
  return world.batches().find((each) => each.batchId === batchId);
}

/** Who is told to be accepted has the message, and nobody else. */
function expectTruth(reply: CustomChannelReply | undefined, count: number): void {
  const ledger = world.ledger();
  const told = outcomes(reply);
  expect(Array.from({ length: count }, (_, n) => user(n)).filter((id) => (ledger.get(id) ?? 0) !== (told[id][0] === 'accepted' ? 1 : 0))).toEqual([]);
}

/** Everybody has the message once, and the books say so. */
function expectOnce(count: number): void {
  expect(Array.from({ length: count }, (_, n) => world.received(user(n))).filter((times) => times !== 1)).toEqual([]);
  expect(world.books()).toMatchObject({ accepted: count, pending: 0, failed: 0, unknown: 0 });
}

describe('a new event', () => {
  test.each([1, 3, 50, 500])('of %i endpoints is one multicast, and everybody is accepted', async (count) => {
    // WHEN
    const { reply } = await world.invoke({ ...CAMPAIGN, Endpoints: endpoints(count) });
    // THEN
    expect(world.requests).toHaveLength(1);
    expect(world.requests[0]).toMatchObject({ method: 'POST', path: '/v2/bot/message/multicast', timeoutMs: 5_000 });
    expect(JSON.parse(world.requests[0].body!)).toEqual({
      to: Array.from({ length: count }, (_, n) => user(n)),
      messages: [{ type: 'text', text: 'Hello <secret text>' }],
    });
    expect(Object.keys(reply!)).toHaveLength(count);
    expect(new Set(Object.values(reply!).map((result) => JSON.stringify(result)))).toEqual(
      new Set(['{"EventAttributes":{"LineStatus":"accepted","LineRequestId":"line-1"}}']));
    expect(world.telemetry.counts).toEqual({ [Metric.LINE_REQUESTS]: 1 });
    expectOnce(count);
  });

  test.each([
    ['of more than 500 endpoints', 1_203, 3],
    ['of more batches than are sent side by side', 5_501, 12],
  ])('%s is as many multicasts as it takes, and LINE is asked about the content once', async (_case, count, calls) => {
    const { reply } = await world.invoke({ ...CAMPAIGN, Endpoints: endpoints(count) });
    expect(world.requests).toHaveLength(calls);
    expect(Object.values(outcomes(reply)).filter(([status]) => status === 'accepted')).toHaveLength(count);
    expect([...world.ledger().values()].filter((times) => times === 1)).toHaveLength(count);
    expect(world.books()).toMatchObject({ recipients: count, accepted: count });
  });

  test.each([[{}], [null], [{ ...CAMPAIGN, Endpoints: {} }], [{ ...CAMPAIGN, Endpoints: undefined }]])('%j without endpoints is answered {} and calls nobody', async (event) => {
    expect(await world.invoke(event)).toEqual({ reply: {} });
    expect(world.calls).toEqual([]);
  });

  test('with an array of endpoints is answered {}, says why, and counts them as failed', async () => {
    expect(await world.invoke({ ...CAMPAIGN, Endpoints: [endpoint(1), endpoint(2)] })).toEqual({ reply: {} });
    expect(world.telemetry.lines).toMatchObject([{ level: 'ERROR', code: 'INVALID_EVENT', message: expect.stringContaining('got an array of 2') }]);
    expect(world.telemetry.counts).toEqual({ [Metric.MESSAGES_FAILED]: 2 });
  });

  test('reads the journal, the opt-outs, the media and the token at once, with the wake-up message, and writes before it calls', async () => {
    // GIVEN
    world.functionType = 'image';
    world.mediaObjects.set('image/a.png', PICTURE);
    const start = world.time.now();
    // WHEN
    await world.invoke({ ...CAMPAIGN, Data: 'a.png' });
    // THEN
    expect(world.calls.slice(0, 6).sort()).toEqual(['find', 'load', 'run', 'subscriptions', 'wakeUp', 'warmUp']);
    expect(world.calls.slice(6)).toEqual(['validate', 'note', 'create', 'line', 'write']);
    expect(world.time.now() - start).toBe(5 + 40 + 5 + 40 + 5);
  });

  test('of content that was found right before takes no more time than journal and LINE', async () => {
    await world.invoke({ ...CAMPAIGN, Endpoints: endpoints(1) });
    const start = world.time.now();
    await world.invoke({ ...CAMPAIGN, Endpoints: endpoints(2) });
    expect(world.time.now() - start).toBe(5 + 5 + 40 + 5);
    expect(world.calls.filter((kind) => kind === 'validate')).toHaveLength(1);
  });

  test('leaves an item behind that says everything but who was asked', async () => {
    await world.invoke(CAMPAIGN);
    expect(item()).toMatchObject({
      state: 'ACCEPTED',
      attempts: 1,
      content: '"messages":[{"type":"text","text":"Hello <secret text>"}]',
      retryKey: world.requests[0].retryKey,
      requestIds: ['line-1'],
      source: { origin: 'campaign', application: 'app1', campaign: 'c1', treatment: '0', activity: 'a1' },
    });
    expect(item()).not.toHaveProperty('owner');
    expect(item()).not.toHaveProperty('leaseUntil');
    expect(item()).not.toHaveProperty('outcome');
  });

  test('says in one line what happened, without text and user ids', async () => {
    await world.invoke({ ...CAMPAIGN, Endpoints: { ...endpoints(2), x: endpoint(9, { OptOut: 'ALL' }), y: endpoint(9, { ChannelType: 'SMS' }), z: endpoint(8, { ChannelType: 'SMS' }) } });
    expect(world.telemetry.lines).toEqual([{
      level: 'INFO',
      code: 'SEND_ACCEPTED',
      message: 'LINE accepted the batch',
      fields: {
        batchId: expect.stringMatching(/^campaign\/app1\/c1\/0\/a1\/[0-9a-f]{64}-000$/),
        functionType: 'text',
        state: 'ACCEPTED',
        accepted: 2,
        failed: 0,
        unknown: 0,
        pending: 0,
        skipped: 3,
        reasons: 'OPTED_OUT=1,NOT_CUSTOM_CHANNEL=2',
        attempts: 1,
        retryKey: world.requests[0].retryKey,
        lineAnswer: 200,
        lineRequestId: 'line-1',
      },
    }]);
    expect(JSON.stringify(world.telemetry.lines)).not.toMatch(/secret text|U0000/);
  });

  test('whose wake-up message finds it decided causes nothing more', async () => {
    await world.invoke(CAMPAIGN);
    await world.drain();
    expect(world.requests).toHaveLength(1);
    expect(world.delays).toEqual([30]);
  });
});

describe('who is left out', () => {
  test('by the event and by the table is skipped with the reason; the others get the message', async () => {
    // GIVEN
    world.optOuts.set(user(1), SendErrorCode.OPTED_OUT).set(user(2), SendErrorCode.INACTIVE).set(user(3), SendErrorCode.ERASED);
    const Endpoints = {
      ...endpoints(5),
      mail: { ChannelType: 'EMAIL', Address: 'a@example.com' },
      group: endpoint(1, { Address: 'C1' }),
      twin: endpoint(0),
      upper: endpoint(0xabc, { Address: user(0xabc).toUpperCase() }),
    };
    // WHEN
    const { reply } = await world.invoke({ ...CAMPAIGN, Endpoints });
    // THEN
    expect(outcomes(reply)).toEqual({
      [user(0)]: ['accepted'],
      [user(1)]: ['skipped', 'OPTED_OUT'],
      [user(2)]: ['skipped', 'INACTIVE'],
      [user(3)]: ['skipped', 'ERASED'],
      [user(4)]: ['accepted'],
      mail: ['skipped', 'NOT_CUSTOM_CHANNEL'],
      group: ['skipped', 'NOT_A_LINE_USER_ID'],
      twin: ['skipped', 'DUPLICATE_ADDRESS'],
      upper: ['skipped', 'NOT_A_LINE_USER_ID'],
    });
    expect(JSON.parse(world.requests[0].body!).to).toEqual([user(0), user(4)]);
    expect(world.books()).toMatchObject({ recipients: 9, accepted: 2, skipped: 7 });
  });

  test('when it is everybody by the event, nothing is asked, LINE is not called, and the books have them', async () => {
    const { reply } = await world.invoke({ ...CAMPAIGN, Endpoints: { a: endpoint(1, { OptOut: 'ALL' }) } });
    expect(outcomes(reply)).toEqual({ a: ['skipped', 'OPTED_OUT'] });
    expect(world.calls).toEqual(['load', 'create']);
    expect(world.telemetry.codes).toEqual(['SEND_SKIPPED']);
    expect(world.books()).toMatchObject({ recipients: 1, skipped: 1 });
  });

  test('when it is everybody by the table, LINE is not called', async () => {
    world.optOuts.set(user(0), SendErrorCode.OPTED_OUT);
    const { reply } = await world.invoke({ ...CAMPAIGN, Endpoints: endpoints(1) });
    expect(first(reply)).toEqual(['skipped', 'OPTED_OUT']);
    expect(world.requests).toEqual([]);
    expect(world.books()).toMatchObject({ recipients: 1, skipped: 1 });
  });

  test('nobody is sent to when the table cannot be read', async () => {
    world.failing = { subscriptions: 1 };
    const { error } = await world.invoke(CAMPAIGN);
    expect(error).toMatchObject({ name: 'UndecidedSendError', code: 'LINE_UNDECIDED' });
    expect(world.requests).toEqual([]);
    expect(world.telemetry.lines).toMatchObject([{ level: 'ERROR', code: 'LINE_UNDECIDED', fields: { reason: 'Error: subscriptions failed' } }]);
    // and the wake-up message finds nothing, and a repeat sends
    await world.drain();
    expect(world.requests).toEqual([]);
    expect(first((await world.invoke(CAMPAIGN)).reply)).toEqual(['accepted']);
  });
});

describe('wrong content', () => {
  const messages = (...all: unknown[]) => JSON.stringify({ messages: all });
  const text = (value: unknown) => ({ type: 'text', text: value });

  test.each<[string, string | undefined, SendErrorCode]>([
    ['absent', undefined, SendErrorCode.EMPTY_CONTENT],
    ['blank', '', SendErrorCode.EMPTY_CONTENT],
    ['too long', 'x'.repeat(5_001), SendErrorCode.TEXT_TOO_LONG],
    ['with an emoji that makes it too long', '👍🏽'.repeat(1_251), SendErrorCode.TEXT_TOO_LONG],
    ['a template that is not there', '{"template":"spring"}', SendErrorCode.TEMPLATE_NOT_FOUND],
    ['invalid JSON', '{"messages":[', SendErrorCode.INVALID_CONTENT],
    ['six messages', messages(...Array(6).fill(text('a'))), SendErrorCode.INVALID_CONTENT],
    ['of an unknown type', messages({ type: 'hologram' }), SendErrorCode.UNSUPPORTED_CONTENT],
    ['nested wrongly', messages([text('a')]), SendErrorCode.INVALID_CONTENT],
    ['a URL of 2,001 characters', messages({ type: 'image', originalContentUrl: `https://a.example/${'x'.repeat(1_983)}`, previewImageUrl: 'https://a.example/b' }), SendErrorCode.MEDIA_URL_TOO_LONG],
    ['http: media', messages({ type: 'image', originalContentUrl: 'http://a.example/a.png', previewImageUrl: 'https://a.example/b' }), SendErrorCode.INVALID_CONTENT],
  ])('%s: everybody who could have been sent to failed, LINE is not called, the books have them', async (_case, Data, code) => {
    // GIVEN
    const event = { ...CAMPAIGN, Data, Endpoints: { ...endpoints(2), x: endpoint(9, { OptOut: 'ALL' }) } };
    world.functionType = Data?.includes('image') || Data?.includes('hologram') ? 'any' : 'text';
    // WHEN
    const { reply } = await world.invoke(event);
    // THEN
    const [status, said] = first(reply);
    expect(status).toBe('failed');
    expect([code, SendErrorCode.INVALID_CONTENT]).toContain(said);
    expect(outcomes(reply)).toEqual({ [user(0)]: ['failed', said], [user(1)]: ['failed', said], x: ['skipped', 'OPTED_OUT'] });
    expect(world.requests).toEqual([]);
    expect(item(event)).toMatchObject({ state: 'FAILED', outcome: { code: said } });
    expect(world.telemetry.lines).toMatchObject([{ level: 'ERROR', code: said, message: expect.stringMatching(/.{20}/) }]);
    expect(world.books()).toMatchObject({ recipients: 3, failed: 2, skipped: 1, reasons: { [said]: 2 } });
    // and a repeat is told the same, whatever has been put right: a new campaign sends it
    expect(first((await world.invoke({ ...event, Data: 'Hello' })).reply)).toEqual(['failed', said]);
  });

  test.each<[string, string, string]>([
    ['5 KB', 'x'.repeat(5_000), 'x'.repeat(5_000)],
    ['emoji and combining characters at the limit', `${'👍🏽'.repeat(1_000)}${'e\u0301'.repeat(500)}`, `${'👍🏽'.repeat(1_000)}${'e\u0301'.repeat(500)}`],
    ['what only begins like JSON', '[SALE] 20%', '[SALE] 20%'],
    ['two braces without end', 'Hello {{Attributes.Name', 'Hello {{Attributes.Name'],
    ['an unknown root', 'Hello {{x}}', 'Hello {{x}}'],
  ])('%s is no mistake', async (_case, Data, expected) => {
    const { reply } = await world.invoke({ ...CAMPAIGN, Data });
    expect(first(reply)).toEqual(['accepted']);
    expect(JSON.parse(world.requests[0].body!).messages[0].text).toBe(expected);
  });

  test('a surrogate that stands alone is no text: told, and not sent', async () => {
    const { reply } = await world.invoke({ ...CAMPAIGN, Data: 'a \ud83d b' });
    expect(first(reply)).toEqual(['failed', 'INVALID_CONTENT']);
    expect(world.requests).toEqual([]);
  });

  test.each([[['Ann', 'Bob'], 'Ann'], [7, '7'], [[], undefined], ['', undefined], [{ a: 1 }, undefined]])('an attribute %j is put in as %j', async (value, expected) => {
    const { reply } = await world.invoke({ ...CAMPAIGN, Data: 'Hi {{Attributes.Name}}', Endpoints: { [user(0)]: endpoint(0, { Attributes: { Name: value } }) } });
    expect(first(reply)).toEqual(expected === undefined ? ['skipped', 'MISSING_ATTRIBUTE'] : ['accepted']);
    expect(world.requests.map(({ body }) => JSON.parse(body!).messages[0].text)).toEqual(expected === undefined ? [] : [`Hi ${expected}`]);
  });

  test('who is left out by the table is skipped, not failed', async () => {
    world.optOuts.set(user(1), SendErrorCode.OPTED_OUT);
    const { reply } = await world.invoke({ ...CAMPAIGN, Data: '' });
    expect(outcomes(reply)).toEqual({ [user(0)]: ['failed', 'EMPTY_CONTENT'], [user(1)]: ['skipped', 'OPTED_OUT'], [user(2)]: ['failed', 'EMPTY_CONTENT'] });
  });

  test('a bucket that cannot be read leaves the event undecided; a repeat sends', async () => {
    world.functionType = 'image';
    world.mediaObjects.set('image/a.png', PICTURE);
    world.failing = { find: 1 };
    expect(first((await world.invoke({ ...JOURNEY, Data: 'a.png' })).reply)).toEqual(['unknown', 'LINE_UNDECIDED']);
    expect(first((await world.invoke({ ...JOURNEY, Data: 'a.png' })).reply)).toEqual(['accepted']);
  });
});

describe('an exact repeat', () => {
  test('of a decided event is answered from the journal: LINE is not called', async () => {
    // GIVEN
    const { reply } = await world.invoke(CAMPAIGN);
    // WHEN
    const repeat = await world.invoke({ ...CAMPAIGN, Data: 'Changed' }, { requestId: 'request-2' });
    // THEN
    expect(repeat).toEqual({ reply });
    expect(world.requests).toHaveLength(1);
    expect(world.telemetry.codes).toEqual(['SEND_ACCEPTED', 'SEND_REPEATED']);
  });

  test('renders and filters nothing again: attributes, template, media object, data and opt-outs have changed', async () => {
    // GIVEN
    world.functionType = 'any';
    world.mediaObjects.set('image/a.png', PICTURE);
    world.templates.set('spring.json', JSON.stringify({
      messages: [
        { type: 'text', text: 'Hi {{Attributes.Name}}' },
        { type: 'image', originalContentUrl: 'media://image/a.png', previewImageUrl: 'media://image/a.png' },
      ],
    }));
    const named = (name: string, members: object = {}) => Object.fromEntries(
      Array.from({ length: 3 }, (_, n) => [user(n), endpoint(n, { Attributes: { Name: [`${name}${n % 2}`] }, ...members })]));
    world.lineDoes = () => 500;
    await world.invoke({ ...JOURNEY, Data: '{"template":"spring"}', Endpoints: named('Ann') });
    const before = world.requests.length;
    // WHEN
    world.lineDoes = undefined;
    world.optOuts.set(user(0), SendErrorCode.OPTED_OUT);
    world.mediaObjects.clear();
    world.templates.set('spring.json', '[{"type":"text","text":"Summer"}]');
    world.time.pass(60_000);
    await world.drain();
    const { reply } = await world.invoke({ ...JOURNEY, Data: 'Other', Endpoints: named('Bob', { OptOut: 'ALL' }) });
    // THEN
    expect(outcomes(reply)).toEqual({ [user(0)]: ['accepted'], [user(1)]: ['accepted'], [user(2)]: ['accepted'] });
    expect(world.requests).toHaveLength(before + 2);
    expect(new Set(world.requests.map(({ body, retryKey }) => `${retryKey} ${body}`)).size).toBe(2);
    expectOnce(3);
  });

  test('does not fail when what it does not need cannot be had', async () => {
    await world.invoke(CAMPAIGN);
    world.failing = { subscriptions: 1, run: 1 };
    expect(first((await world.invoke(CAMPAIGN)).reply)).toEqual(['accepted']);
  });

  test('that decides the batch, or finds it decided, needs no wake-up message; one that does not, has to be repeated without it', async () => {
    // GIVEN a batch that was only written down
    await world.invoke(CAMPAIGN, { remainingMs: 1_500 });
    for (const codes of [['SEND_ACCEPTED'], ['SEND_REPEATED']]) {
      world.failing = { wakeUp: 1 };
      const { reply } = await world.invoke(CAMPAIGN);
      expect(first(reply)).toEqual(['accepted']);
      expect(world.telemetry.codes.slice(-1)).toEqual(codes);
    }
    world = new SenderWorld();
    await world.invoke(CAMPAIGN, { remainingMs: 1_500 });
    world.failing = { wakeUp: 1 };
    world.lineDoes = () => 500;
    expect((await world.invoke(CAMPAIGN)).error).toMatchObject({ name: 'UndecidedSendError' });
  });

  test('while the first call is open waits, and both get LINE\'s answer, whatever it is', async () => {
    for (const [behaviour, expected] of [['ok', ['accepted']], [403, ['failed', 'LINE_REFUSED']]] as const) {
      world = new SenderWorld();
      world.lineMs = 4_000;
      world.behaviours = [behaviour];
      const results = await world.invokeTogether(CAMPAIGN, [0, 2_000]);
      expect(results.map(({ reply }) => first(reply))).toEqual([expected, expected]);
      expect(world.requests).toHaveLength(1);
    }
  });

  test('when LINE is still at work on the first of two equal requests: 409 without the accepted id decides nothing', async () => {
    // GIVEN a process that stands still with its call under way, and another that takes over
    world.behaviours = ['lost', 409];
    const point = 15;
    const results = await world.invokeTogether(JOURNEY, [0, 11_000, 24_000], [{ crashAt: point }]);
    // THEN
    expect(results[0]).toEqual({ crashed: true });
    expect(first(results[2].reply)).toEqual(['accepted']);
    expect(new Set(world.requests.map(({ retryKey, body }) => `${retryKey} ${body}`)).size).toBe(1);
    expectOnce(3);
  });
});

describe('regrouped events', () => {
  const group = (...numbers: number[]) => ({ ...CAMPAIGN, Endpoints: Object.fromEntries(numbers.map((n) => [user(n), endpoint(n)])) });

  test('with a claim per person send to nobody twice, also at once, and say so', async () => {
    world.perPersonClaim = true;
    await world.invoke(group(0, 1, 2));
    const [one, other] = await world.invokeTogether([group(1, 2, 3), group(3, 4)], [0, 0]);
    expect(outcomes(one.reply)).toMatchObject({ [user(1)]: ['skipped', 'ALREADY_CLAIMED'], [user(2)]: ['skipped', 'ALREADY_CLAIMED'] });
    expect([...world.ledger()]).toEqual([0, 1, 2, 3, 4].map((n) => [user(n), 1]).sort());
    expect([outcomes(one.reply)[user(3)], outcomes(other.reply)[user(3)]].sort()).toEqual([['accepted'], ['skipped', 'ALREADY_CLAIMED']]);
    // and a repeat of the first is still the first
    expect(Object.values(outcomes((await world.invoke(group(0, 1, 2))).reply))).toEqual([['accepted'], ['accepted'], ['accepted']]);
    expect(world.books()).toMatchObject({ recipients: 8, accepted: 5, skipped: 3 });
  });

  test('in which everybody is claimed are decided without a call', async () => {
    world.perPersonClaim = true;
    await world.invoke(group(0, 1));
    const { reply } = await world.invoke(group(1));
    expect(outcomes(reply)).toEqual({ [user(1)]: ['skipped', 'ALREADY_CLAIMED'] });
    expect(world.requests).toHaveLength(1);
    expect(world.books()).toMatchObject({ recipients: 3, accepted: 2, skipped: 1, pending: 0 });
  });

  test('without it send to them again: the promise ends there', async () => {
    await world.invoke(group(0, 1));
    await world.invoke(group(1));
    expect(world.received(user(1))).toBe(2);
  });
});

describe('LINE', () => {
  test.each<[string, LineBehaviour[]]>([
    ['5xx', [500]],
    ['5xx although it accepted', ['accepted-500']],
    ['a reset', ['reset']],
    ['a reset although it accepted', ['accepted-reset']],
    ['silence', ['timeout']],
    ['silence although it accepted', ['lost']],
    ['409 without the accepted id', [409]],
    ['a redirect', [302]],
    ['408', [408]],
    ['429', [429]],
    ['no token for now', ['no-token']],
    ['one after the other', [500, 'reset', 429, 'no-token']],
    ['429, then 5xx although it accepted', [429, 'accepted-500']],
  ])('answers %s, then as it should: everybody gets it once, with the same bytes under the same key', async (_case, behaviours) => {
    // GIVEN
    world.behaviours = [...behaviours];
    // WHEN
    const { reply } = await world.invoke(CAMPAIGN);
    // THEN
    expect(outcomes(reply)).toEqual({ [user(0)]: ['accepted'], [user(1)]: ['accepted'], [user(2)]: ['accepted'] });
    expect(new Set(world.requests.map(({ body, retryKey }) => `${retryKey} ${body}`)).size).toBe(1);
    expect(world.telemetry.counts).toEqual({ [Metric.LINE_REQUESTS]: world.requests.length });
    expectOnce(3);
  });

  test('answers 409 with the accepted id: the reply has the id of the request that was accepted', async () => {
    world.behaviours = ['lost'];
    const { reply } = await world.invoke(CAMPAIGN);
    expect(reply![user(0)].EventAttributes.LineRequestId).toBe('line-accepted');
  });

  test.each([403, 404, 410, 413, 415])('refuses with %i: failed for good, with LINE\'s own words in the log but not its details', async (status) => {
    // GIVEN
    world.behaviours = [status];
    // WHEN
    const { reply } = await world.invoke(CAMPAIGN);
    // THEN
    expect(first(reply)).toEqual(['failed', 'LINE_REFUSED']);
    expect(world.requests).toHaveLength(1);
    expect(item()).toMatchObject({ state: 'FAILED', outcome: { code: 'LINE_REFUSED', status } });
    expect(world.telemetry.lines).toMatchObject([{
      level: 'ERROR', code: 'LINE_REFUSED', fields: { lineAnswer: status, lineMessage: `status ${status}`, lineDetails: 'messages[0]', lineRequestId: 'line-1' },
    }]);
    expect(JSON.stringify(world.telemetry.lines)).not.toContain('quoted');
    // and a repeat is told the same
    expect(first((await world.invoke(CAMPAIGN)).reply)).toEqual(['failed', 'LINE_REFUSED']);
    expect(world.requests).toHaveLength(1);
  });

  test('refuses what it may have accepted before: deferred, not failed, and not asked again by this invocation', async () => {
    world.behaviours = ['accepted-500', 400];
    const { reply } = await world.invoke(JOURNEY);
    expect(first(reply)).toEqual(['deferred', 'LINE_UNDECIDED']);
    expect(world.requests).toHaveLength(2);
    expect(item(JOURNEY)).toMatchObject({ state: 'AMBIGUOUS', calls: '?' });
    // and the queue finds out
    await world.drain();
    expectOnce(3);
  });

  test.each<[string, LineBehaviour, string, string]>([
    ['5xx', 500, 'LINE_UNDECIDED', 'AMBIGUOUS'],
    ['silence', 'timeout', 'LINE_UNDECIDED', 'AMBIGUOUS'],
    ['429', 429, 'LINE_RATE_LIMITED', 'READY'],
    ['no token for now', 'no-token', 'CREDENTIALS_UNAVAILABLE', 'READY'],
    ['401', 401, 'CREDENTIALS_UNAVAILABLE', 'READY'],
    ['wrong credentials', 'wrong-credentials', 'CREDENTIALS_UNAVAILABLE', 'READY'],
  ])('keeps answering %s: everybody is told to be deferred, in time; the queue alone goes on, and sends', async (_case, behaviour, code, state) => {
    for (const event of [JOURNEY, CAMPAIGN]) {
      // GIVEN
      world = new SenderWorld();
      world.behaviours = ALWAYS(behaviour);
      const start = world.time.now();
      // WHEN
      const { reply } = await world.invoke(event);
      // THEN
      expect(world.time.now() - start).toBeLessThan(13_100);
      expect(first(reply)).toEqual(['deferred', code]);
      expect(item(event)).toMatchObject({ state, deferred: true, firstAttemptAt: expect.any(Number) });
      expect(world.telemetry.lines).toMatchObject([{ level: code === 'CREDENTIALS_UNAVAILABLE' ? 'ERROR' : 'WARN', code, fields: { state, pending: 3 } }]);
      expect(world.books()).toMatchObject({ recipients: 3, pending: 3 });
      // and a repeat leaves it alone
      world.behaviours = [];
      const requests = world.requests.length;
      expect(first((await world.invoke(event)).reply)).toEqual(['deferred', code]);
      expect(world.requests).toHaveLength(requests);
      // and later
      await world.drain();
      expectOnce(3);
      expect(first((await world.invoke(event)).reply)).toEqual(['accepted']);
    }
  });

  test('is not called more often than the pauses allow: doubling, at most four seconds, shortened at random', async () => {
    // GIVEN
    world.behaviours = ALWAYS(429);
    world.random = 0;
    const start = world.time.now();
    // WHEN
    await world.invoke(JOURNEY);
    // THEN: after 1, 2, 4 and 4 seconds; another 4 would pass the deadline
    expect(world.requests).toHaveLength(5);
    expect(world.time.now() - start).toBeGreaterThan(11_000);
    expect(world.time.now() - start).toBeLessThan(12_500);
  });

  test('is not called when too little time is left: written down for the queue, which sends', async () => {
    const { reply } = await world.invoke(JOURNEY, { remainingMs: 1_500 });
    expect(first(reply)).toEqual(['deferred', 'LINE_UNDECIDED']);
    expect(world.requests).toEqual([]);
    expect(item(JOURNEY)).toMatchObject({ state: 'READY', attempts: 0 });
    await world.drain();
    expectOnce(3);
  });

  test('is given no more time than is left', async () => {
    await world.invoke(JOURNEY, { remainingMs: 4_000 });
    expect(world.requests[0].timeoutMs).toBe(4_000 - 1_000 - 50);
  });

  test('is not called when the claim has taken the time', async () => {
    world.tableMs = 1_900;
    const { reply } = await world.invoke(JOURNEY, { remainingMs: 5_500 });
    expect(first(reply)).toEqual(['deferred', 'LINE_UNDECIDED']);
    expect(world.calls).toContain('create');
    expect(world.requests).toEqual([]);
    // and the claim does not last
    world.tableMs = 5;
    await world.drain();
    expectOnce(3);
  });

  test.each<[string, LineBehaviour, string | undefined]>([
    ['JSON of another shape', 403, '[]'], ['null', 403, 'null'], ['HTML', 502, '<html>'], ['nothing', 500, ''], ['details of another shape', 403, '{"message":5,"details":[null,{"property":1}]}'],
  ])('answers an error with %s: the batch is handled all the same', async (_case, behaviour, body) => {
    world.errorBody = body;
    world.behaviours = [behaviour];
    const { reply } = await world.invoke(CAMPAIGN);
    expect(first(reply)).toEqual(behaviour === 403 ? ['failed', 'LINE_REFUSED'] : ['accepted']);
  });
});

describe('an undecided batch', () => {
  test('is given up 23 hours after the first attempt, and says so to every later repeat', async () => {
    // GIVEN
    world.lineDoes = () => 500;
    await world.invoke(CAMPAIGN);
    const requests = world.requests.length;
    world.time.pass(23 * HOUR);
    await world.drain();
    // THEN
    expect(world.requests).toHaveLength(requests);
    expect(item()).toMatchObject({ state: 'UNKNOWN' });
    expect(world.telemetry.lines.at(-1)).toMatchObject({ level: 'ERROR', code: 'LINE_UNKNOWN' });
    expect(first((await world.invoke(CAMPAIGN)).reply)).toEqual(['unknown', 'LINE_UNKNOWN']);
    expect(world.books()).toMatchObject({ recipients: 3, unknown: 3 });
  });

  test('that was only ever held back is failed after 23 hours: nothing was sent, and nothing is sent so late', async () => {
    // GIVEN
    world.behaviours = ALWAYS(429);
    await world.invoke(CAMPAIGN);
    const requests = world.requests.length;
    world.behaviours = [];
    world.time.pass(23 * HOUR);
    // WHEN
    await world.drain();
    // THEN
    expect(first((await world.invoke(CAMPAIGN)).reply)).toEqual(['failed', 'LINE_RATE_LIMITED']);
    expect(world.telemetry.codes).toEqual(['LINE_RATE_LIMITED', 'LINE_RATE_LIMITED', 'SEND_REPEATED']);
    expect(world.telemetry.lines[1]).toMatchObject({ level: 'ERROR', fields: { state: 'FAILED' } });
    expect(world.requests).toHaveLength(requests);
  });

  test('that was held back, then accepted in silence, is not sent again when LINE has forgotten the key', async () => {
    // GIVEN
    world.behaviours = ALWAYS(429);
    await world.invoke(CAMPAIGN);
    world.time.pass(18.2 * HOUR);
    world.behaviours = ['lost', ...ALWAYS(500)];
    await world.drain(1);
    world.time.pass(14.6 * HOUR);
    world.behaviours = [];
    world.accepted.set('forgotten', world.accepted.get(world.requests[0].retryKey!)!);
    world.accepted.delete(world.requests[0].retryKey!);
    // WHEN
    await world.drain();
    // THEN
    expect(first((await world.invoke(CAMPAIGN)).reply)).toEqual(['unknown', 'LINE_UNKNOWN']);
    expect(world.received(user(0))).toBe(1);
  });
});

describe('the same event several times at once', () => {
  test('is sent once; the others wait for the decision', async () => {
    world.lineMs = 3_000;
    const results = await world.invokeTogether(CAMPAIGN, [0, 0, 1_000]);
    expect(results.map(({ reply }) => first(reply))).toEqual([['accepted'], ['accepted'], ['accepted']]);
    expect(world.requests).toHaveLength(1);
    expect(world.telemetry.codes.sort()).toEqual(['SEND_ACCEPTED', 'SEND_REPEATED', 'SEND_REPEATED']);
    await world.drain();
    expectOnce(3);
  });

  test('while the first is gone: the others do not touch the batch until its lease is over', async () => {
    // GIVEN the first has claimed, and ends before its call
    const results = await world.invokeTogether(JOURNEY, [0, 100], [{ crashAt: 14 }]);
    expect(results).toMatchObject([{ crashed: true }, { reply: { [user(0)]: { EventAttributes: { LineStatus: 'deferred', LineErrorCode: 'LINE_UNDECIDED' } } } }]);
    expect(world.requests).toEqual([]);
    expect(item(JOURNEY)).toMatchObject({ state: 'IN_FLIGHT', attempts: 1, calls: '-' });
    // WHEN
    world.time.pass(15_000);
    const { reply } = await world.invoke(JOURNEY);
    // THEN the open call counted as ambiguous
    expect(first(reply)).toEqual(['accepted']);
    expect(item(JOURNEY)).toMatchObject({ attempts: 2 });
  });

  test('one takes over a lease that ends while it waits, and asks under the same key', async () => {
    const results = await world.invokeTogether(JOURNEY, [0, 13_000], [{ crashAt: 15 }]);
    expect(first(results[1].reply)).toEqual(['accepted']);
    expect(new Set(world.requests.map(({ retryKey }) => retryKey)).size).toBe(1);
    expectOnce(3);
  });

  test('a frozen container that wakes when another has taken over tells LINE\'s answer; the queue finds it out by the same key', async () => {
    // GIVEN LINE accepts the first call, whose container stands still before it can write that down; the second hears nothing
    world.behaviours = ['ok', ...ALWAYS(500)];
    const [frozen, other] = await world.invokeTogether(JOURNEY, [0, 20_000], [{ freezeAt: 15, freezeMs: 40_000 }]);
    // THEN
    expect(first(other.reply)).toEqual(['deferred', 'LINE_UNDECIDED']);
    expect(first(frozen.reply)).toEqual(['accepted']);
    expect(item(JOURNEY)).toMatchObject({ state: 'AMBIGUOUS', calls: '?' });
    world.behaviours = [];
    await world.drain();
    expectOnce(3);
  });

  test.each([-60_000, 60_000])('an invocation whose clock is %i ms ahead sends to nobody twice', async (skewMs) => {
    world.lineMs = 3_000;
    const results = await world.invokeTogether(JOURNEY, [0, 1_000], [{}, { skewMs }]);
    await world.drain();
    expect(new Set(world.requests.map(({ retryKey, body }) => `${retryKey} ${body}`)).size).toBe(1);
    expect(first(results[0].reply)).toEqual(['accepted']);
    expectOnce(3);
  });

  test('a container that stands still after its claim does not call any more: the lease is over', async () => {
    const { reply } = await world.invoke(JOURNEY, { freezeAt: 13, freezeMs: 40_000 });
    expect(world.requests).toEqual([]);
    expect(first(reply)).toEqual(['unknown', 'LINE_UNDECIDED']);
    await world.drain();
    expectOnce(3);
  });

  test('one sends what another one had to leave because LINE held it back', async () => {
    world.behaviours = [429];
    const results = await world.invokeTogether(JOURNEY, [0, 60]);
    expect(results.map(({ reply }) => first(reply))).toEqual([['accepted'], ['accepted']]);
    expectOnce(3);
  });
});

describe('the journal', () => {
  test.each(['load', 'create', 'wakeUp'])('or the queue that fails before the call (%s) leaves everything undecided, and LINE is not called; a repeat sends', async (kind) => {
    for (const event of [JOURNEY, CAMPAIGN]) {
      world = new SenderWorld();
      world.failing = { [kind]: 1 };
      const { reply, error } = await world.invoke(event);
      expect(event === JOURNEY ? first(reply) : error).toEqual(event === JOURNEY ? ['unknown', 'LINE_UNDECIDED']
        : expect.objectContaining({ name: 'UndecidedSendError', message: expect.stringContaining('1 batch of campaign/app1/c1/0/a1 not decided') }));
      expect(world.telemetry.lines.at(-1)).toMatchObject({ level: 'ERROR', code: 'LINE_UNDECIDED', fields: { reason: `Error: ${kind} failed` } });
      expect(world.requests).toEqual([]);
      expect(world.batches()).toEqual([]);
      expect(first((await world.invoke(event)).reply)).toEqual(['accepted']);
    }
  });

  test.each(['load', 'subscriptions', 'create', 'wakeUp'])('that fails for one batch (%s) leaves the reply of the others whole; a campaign throws after all of them', async (kind) => {
    for (const event of [JOURNEY, CAMPAIGN]) {
      // GIVEN
      world = new SenderWorld();
      world.failing = { [kind]: 1 };
      const Endpoints = { ...endpoints(1_203), zz: endpoint(5_000, { OptOut: 'ALL' }) };
      // WHEN
      const { reply, error } = await world.invoke({ ...event, Endpoints });
      // THEN
      expect(world.requests).toHaveLength(2);
      if (event === CAMPAIGN) {
        expect(error).toMatchObject({ name: 'UndecidedSendError', code: 'LINE_UNDECIDED', message: expect.stringMatching(/^1 batch of /) });
      } else {
        expect(Object.keys(reply!)).toHaveLength(1_204);
        expect(outcomes(reply).zz).toEqual(['skipped', 'OPTED_OUT']);
        expectTruth(reply, 1_203);
      }
      // and a repeat sends the rest
      await world.invoke({ ...event, Endpoints });
      expect([...world.ledger().values()].filter((times) => times === 1)).toHaveLength(1_203);
      expect(world.books()).toMatchObject({ recipients: 1_204, accepted: 1_203, skipped: 1 });
    }
  });

  test('that fails for several is named with their number', async () => {
    world.failing = { load: 2 };
    const { error } = await world.invoke({ ...CAMPAIGN, Endpoints: endpoints(501) });
    expect(error?.message).toMatch(/^2 batches of /);
  });

  test.each([
    ['load', 0], ['subscriptions', 0], ['find', 0], ['run', 0], ['wakeUp', 0], ['create', 0], ['write', 1],
  ])('and everything else of AWS may hang (%s): the answer comes in time', async (kind, requests) => {
    for (const event of [JOURNEY, CAMPAIGN]) {
      // GIVEN
      world = new SenderWorld();
      world.functionType = 'image';
      world.mediaObjects.set('image/a.png', PICTURE);
      world.behaviours = [403];
      world.hanging = kind;
      const start = world.time.now();
      // WHEN
      const { reply, error } = await world.invoke({ ...event, Data: 'a.png' });
      // THEN
      expect(world.time.now() - start).toBe(13_700);
      expect(world.requests).toHaveLength(requests);
      if (kind === 'write') {
        // What is not written down can still be asked again.
        expect(first(reply)).toEqual(['deferred', 'LINE_UNDECIDED']);
      } else if (event === JOURNEY) {
        expect(first(reply)).toEqual(['unknown', 'LINE_UNDECIDED']);
      } else {
        expect(error).toMatchObject({ name: 'UndecidedSendError' });
      }
      expect(world.telemetry.lines[0].fields.reason).toMatch('the time of the invocation was over');
    }
  });

  test.each(['note', 'validate'])('is not waited for longer than the invocation lasts when nobody depends on it (%s)', async (kind) => {
    world.hanging = kind;
    const start = world.time.now();
    const { reply } = await world.invoke(JOURNEY);
    expect(first(reply)).toEqual(kind === 'note' ? ['accepted'] : ['unknown', 'LINE_UNDECIDED']);
    expect(world.time.now() - start).toBe(13_700);
  });

  test('that hangs for a repeat which waits or claims: everybody is on record, and told to be deferred or undecided', async () => {
    for (const kind of ['load', 'write']) {
      // GIVEN
      world = new SenderWorld();
      await world.invoke(JOURNEY, { remainingMs: 1_500 });
      world.hanging = kind;
      // WHEN
      const { reply } = await world.invoke(JOURNEY);
      // THEN
      expect(Object.values(outcomes(reply))).toEqual(Array(3).fill([kind === 'write' ? 'deferred' : 'unknown', 'LINE_UNDECIDED']));
    }
  });

  test('takes LINE\'s answer that comes at the very end of the time', async () => {
    // GIVEN
    world.behaviours = ['timeout'];
    const start = world.time.now();
    // WHEN
    await world.invoke(JOURNEY, { remainingMs: 4_000 });
    // THEN
    expect(world.time.now() - start).toBe(3_000 + world.tableMs);
    expect(world.telemetry.codes).toEqual(['LINE_UNDECIDED']);
    expect(item(JOURNEY)).toMatchObject({ state: 'AMBIGUOUS', deferred: true });
  });

  test('has room for the longest ids, texts and reasons', async () => {
    // GIVEN
    const text = { type: 'text', text: '\u0001'.repeat(5_000) };
    const long = (members: object) => Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`${n}`.padEnd(900, 'x'), endpoint(n, members)]));
    for (const Endpoints of [long({}), { ...long({ Address: 'nobody' }), one: endpoint(1) }, endpoints(500)]) {
      // WHEN
      const { reply } = await world.invoke({ ...JOURNEY, Data: JSON.stringify(Array(5).fill(text)), Endpoints });
      // THEN
      expect(Object.keys(reply!)).toHaveLength(Object.keys(Endpoints).length);
    }
    expect(world.contents.size).toBeGreaterThan(0);
    for (const row of world.dynamo.items.values()) {
      expect(Object.entries(row).reduce((bytes, [name, { S = '', N = '', B = '' }]) => bytes + Buffer.byteLength(name) + Buffer.byteLength(S) + N.length + B.length, 0))
        .toBeLessThan(409_600);
    }
  });

  test.each<[string, LineBehaviour, string[]]>([
    ['an acceptance', 'ok', ['accepted']],
    ['a refusal', 403, ['deferred', 'LINE_UNDECIDED']],
    ['an open outcome', 500, ['deferred', 'LINE_UNDECIDED']],
  ])('that does not take %s: the caller is told what is known, and the queue asks LINE again under the same key', async (_case, behaviour, expected) => {
    // GIVEN
    world.behaviours = behaviour === 500 ? ALWAYS(500) : [behaviour];
    world.failing = { write: 3 };
    // WHEN
    const { reply } = await world.invoke(JOURNEY);
    // THEN
    expect(first(reply)).toEqual(expected);
    expect(world.telemetry.codes).toContain('JOURNAL_NOT_WRITTEN');
    expect(item(JOURNEY)).toMatchObject({ state: 'IN_FLIGHT' });
    // and later
    world.behaviours = [];
    await world.drain();
    expectOnce(3);
    expect(new Set(world.requests.map(({ retryKey }) => retryKey)).size).toBe(1);
  });

  test.each<[string, LineBehaviour, string[]]>([
    ['an acceptance', 'ok', ['accepted']],
    ['a refusal', 403, ['failed', 'LINE_REFUSED']],
  ])('that takes %s at the third time only has it, and nobody has to come again', async (_case, behaviour, expected) => {
    world.behaviours = [behaviour];
    world.failing = { write: 2 };
    const { reply } = await world.invoke(JOURNEY);
    expect(first(reply)).toEqual(expected);
    expect(world.telemetry.codes).not.toContain('JOURNAL_NOT_WRITTEN');
    expect(world.requests).toHaveLength(1);
  });

  test('loses its item while it is waited for: the last known state is told', async () => {
    const waiting = world.invokeTogether(JOURNEY, [0, 100], [{ crashAt: 14 }]);
    void world.time.sleep(2_000).then(() => world.dynamo.items.clear());
    expect(first((await waiting)[1].reply)).toEqual(['deferred', 'LINE_UNDECIDED']);
  });

  test('is the same for events of 500 and more: after a crash between two batches the queue and a repeat finish the rest', async () => {
    // GIVEN
    const event = { ...CAMPAIGN, Endpoints: endpoints(1_100) };
    expect(await world.invoke(event, { crashAt: 38 })).toEqual({ crashed: true });
    world.optOuts.set(user(3), SendErrorCode.OPTED_OUT).set(user(700), SendErrorCode.OPTED_OUT).set(user(1_099), SendErrorCode.OPTED_OUT);
    await world.drain();
    // WHEN
    const { reply } = await world.invoke(event);
    // THEN
    const statuses = Object.values(outcomes(reply)).map(([status]) => status);
    expect(statuses).toHaveLength(1_100);
    expect(statuses.filter((status) => status !== 'accepted').every((status) => status === 'skipped')).toBe(true);
    expectTruth(reply, 1_100);
    expect(world.books()).toMatchObject({ recipients: 1_100, pending: 0 });
  });
});
