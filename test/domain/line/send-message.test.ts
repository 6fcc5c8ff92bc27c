import { CustomChannelEvent, CustomChannelReply, SendErrorCode } from '../../../src/contract/custom-channel';
import { Metric } from '../../../src/contract/metrics';
import { BatchState } from '../../../src/contract/send-journal';
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

function item(event: CustomChannelEvent = CAMPAIGN, batch = 0) {
  const { pk, sk } = readEvent(event, { requestId: 'request-1', messageType: world.messageType }).batches[batch].identity;
  return world.dynamo.row(pk, sk);
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
    expect(world.telemetry.counts).toEqual({ [Metric.LINE_REQUESTS]: 1, [Metric.MESSAGES_ACCEPTED]: count });
  });

  test.each([
    ['of more than 500 endpoints', 1_203, 3],
    ['of more batches than are sent side by side', 5_501, 12],
  ])('%s is as many multicasts as it takes', async (_case, count, calls) => {
    const { reply } = await world.invoke({ ...CAMPAIGN, Endpoints: endpoints(count) });
    expect(world.requests).toHaveLength(calls);
    expect(Object.values(outcomes(reply)).filter(([status]) => status === 'accepted')).toHaveLength(count);
    expect(Array.from({ length: count }, (_, n) => world.received(user(n))).every((times) => times === 1)).toBe(true);
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

  test('reads the journal, the opt-outs, the media and the token at the same time, and writes before it calls', async () => {
    // GIVEN
    world.messageType = 'image';
    world.mediaObjects.set('a.png', { key: 'a.png', bytes: 5, contentType: 'image/png', versionId: 'v1' });
    const start = world.time.now();
    // WHEN
    await world.invoke({ ...CAMPAIGN, Data: 'a.png' });
    // THEN
    expect(world.calls.slice(0, 4).sort()).toEqual(['find', 'load', 'subscriptions', 'warmUp']);
    expect(world.calls.slice(4)).toEqual(['create', 'line', 'write']);
    expect(world.time.now() - start).toBe(5 + 5 + 40 + 5);
  });

  test('leaves an item behind that says everything but who was asked', async () => {
    await world.invoke(CAMPAIGN);
    expect(item()).toMatchObject({
      state: { S: 'ACCEPTED' },
      attempts: { N: '1' },
      body: { S: world.requests[0].body },
      retryKey: { S: world.requests[0].retryKey },
      outcome: { M: { status: { N: '200' }, requestId: { S: 'line-1' } } },
    });
    expect(item()).not.toHaveProperty('owner');
    expect(item()).not.toHaveProperty('leaseUntil');
  });

  test('says in one line what happened, without text and user ids', async () => {
    await world.invoke({ ...CAMPAIGN, Endpoints: { ...endpoints(2), x: endpoint(9, { OptOut: 'ALL' }), y: endpoint(9, { ChannelType: 'SMS' }), z: endpoint(8, { ChannelType: 'SMS' }) } });
    expect(world.telemetry.lines).toEqual([{
      level: 'INFO',
      code: 'SEND_ACCEPTED',
      message: 'LINE accepted the batch',
      fields: {
        batchId: expect.stringMatching(/^campaign\/app1\/c1\/0\/a1\/[0-9a-f]{64}-000$/),
        messageType: 'text',
        state: 'ACCEPTED',
        recipients: 2,
        skipped: 3,
        skippedBecause: 'OPTED_OUT=1,NOT_CUSTOM_CHANNEL=2',
        attempts: 1,
        retryKey: world.requests[0].retryKey,
        lineAnswer: 200,
        lineRequestId: 'line-1',
      },
    }]);
    expect(JSON.stringify(world.telemetry.lines)).not.toMatch(/secret text|U0000/);
  });
});

describe('who is left out', () => {
  test('by the event and by the table is skipped with the reason; the others get the message', async () => {
    // GIVEN
    world.optOuts.set(user(1), SendErrorCode.OPTED_OUT).set(user(2), SendErrorCode.INACTIVE).set(user(3), SendErrorCode.ERASED);
    const Endpoints = { ...endpoints(5), mail: { ChannelType: 'EMAIL', Address: 'a@example.com' }, group: endpoint(1, { Address: 'C1' }), twin: endpoint(0) };
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
    });
    expect(JSON.parse(world.requests[0].body!).to).toEqual([user(0), user(4)]);
    expect(world.telemetry.counts).toMatchObject({ [Metric.MESSAGES_ACCEPTED]: 2, [Metric.MESSAGES_SKIPPED]: 6 });
  });

  test('when it is everybody by the event, nothing is asked and LINE is not called', async () => {
    const { reply } = await world.invoke({ ...CAMPAIGN, Endpoints: { a: endpoint(1, { OptOut: 'ALL' }) } });
    expect(outcomes(reply)).toEqual({ a: ['skipped', 'OPTED_OUT'] });
    expect(world.calls).toEqual(['load']);
    expect(world.telemetry.codes).toEqual(['SEND_SKIPPED']);
  });

  test('when it is everybody by the table, LINE is not called', async () => {
    world.optOuts.set(user(0), SendErrorCode.OPTED_OUT);
    const { reply } = await world.invoke({ ...CAMPAIGN, Endpoints: endpoints(1) });
    expect(first(reply)).toEqual(['skipped', 'OPTED_OUT']);
    expect(world.requests).toEqual([]);
    expect(world.telemetry.counts).toEqual({ [Metric.MESSAGES_SKIPPED]: 1 });
  });

  test('nobody is sent to when the table cannot be read', async () => {
    world.failing = { subscriptions: 1 };
    const { error } = await world.invoke(CAMPAIGN);
    expect(error).toMatchObject({ name: 'UndecidedSendError', code: 'LINE_UNDECIDED' });
    expect(world.requests).toEqual([]);
    expect(world.telemetry.lines).toMatchObject([{
      level: 'ERROR', code: 'LINE_UNDECIDED', fields: { recipients: 3, reason: 'Error: subscriptions failed' },
    }]);
    expect(world.telemetry.counts).toEqual({ [Metric.MESSAGES_UNKNOWN]: 3 });
    // and a repeat sends
    expect(first((await world.invoke(CAMPAIGN)).reply)).toEqual(['accepted']);
  });
});

describe('wrong content', () => {
  test.each<[string, string | undefined, SendErrorCode]>([
    ['blank', '', SendErrorCode.EMPTY_CONTENT],
    ['too long', 'x'.repeat(5_001), SendErrorCode.TEXT_TOO_LONG],
    ['of a later version', '{"template":"spring"}', SendErrorCode.UNSUPPORTED_CONTENT],
  ])('%s: everybody who could have been sent to failed, LINE is not called, nothing is journalled', async (_case, Data, code) => {
    // WHEN
    const { reply } = await world.invoke({ ...CAMPAIGN, Data, Endpoints: { ...endpoints(2), x: endpoint(9, { OptOut: 'ALL' }) } });
    // THEN
    expect(outcomes(reply)).toEqual({ [user(0)]: ['failed', code], [user(1)]: ['failed', code], x: ['skipped', 'OPTED_OUT'] });
    expect(world.requests).toEqual([]);
    expect(item({ ...CAMPAIGN, Endpoints: { ...endpoints(2), x: endpoint(9) } })).toBeUndefined();
    expect(world.telemetry.lines).toMatchObject([{ level: 'ERROR', code, fields: { recipients: 2, skipped: 1 } }]);
    expect(world.telemetry.counts).toEqual({ [Metric.MESSAGES_FAILED]: 2, [Metric.MESSAGES_SKIPPED]: 1 });
  });

  test('who is left out by the table is skipped, not failed', async () => {
    world.optOuts.set(user(1), SendErrorCode.OPTED_OUT);
    const { reply } = await world.invoke({ ...CAMPAIGN, Data: '' });
    expect(outcomes(reply)).toEqual({ [user(0)]: ['failed', 'EMPTY_CONTENT'], [user(1)]: ['skipped', 'OPTED_OUT'], [user(2)]: ['failed', 'EMPTY_CONTENT'] });
  });

  test('a missing media object is answered; uploaded later, the same event is sent', async () => {
    // GIVEN
    world.messageType = 'image';
    const event = { ...CAMPAIGN, Data: 'a.png' };
    expect(first((await world.invoke(event)).reply)).toEqual(['failed', 'MEDIA_NOT_FOUND']);
    // WHEN
    world.mediaObjects.set('a.png', { key: 'a.png', bytes: 5, contentType: 'image/png', versionId: 'v1' });
    // THEN
    expect(first((await world.invoke(event)).reply)).toEqual(['accepted']);
    expect(JSON.parse(world.requests[0].body!).messages).toEqual([
      { type: 'image', originalContentUrl: 'https://media.example.com/v1/a.png', previewImageUrl: 'https://media.example.com/v1/a.png' },
    ]);
  });

  test('a bucket that cannot be read leaves the event undecided; a repeat sends', async () => {
    world.messageType = 'image';
    world.mediaObjects.set('a.png', { key: 'a.png', bytes: 5, contentType: 'image/png', versionId: 'v1' });
    world.failing = { find: 1 };
    expect(first((await world.invoke({ ...JOURNEY, Data: 'a.png' })).reply)).toEqual(['unknown', 'LINE_UNDECIDED']);
    expect(first((await world.invoke({ ...JOURNEY, Data: 'a.png' })).reply)).toEqual(['accepted']);
  });
});

describe('an exact repeat', () => {
  test('of a decided event is answered from the journal: nobody is called, nothing counted', async () => {
    // GIVEN
    const { reply } = await world.invoke(CAMPAIGN);
    const counts = { ...world.telemetry.counts };
    // WHEN
    const repeat = await world.invoke({ ...CAMPAIGN, Data: 'Changed' }, { requestId: 'request-2' });
    // THEN
    expect(repeat).toEqual({ reply });
    expect(world.requests).toHaveLength(1);
    expect(world.telemetry.counts).toEqual(counts);
    expect(world.telemetry.codes).toEqual(['SEND_ACCEPTED', 'SEND_REPEATED']);
  });

  test('sends the same bytes under the same key although an opt-out, the data and the media object have changed', async () => {
    // GIVEN
    world.messageType = 'image';
    world.mediaObjects.set('a.png', { key: 'a.png', bytes: 5, contentType: 'image/png', versionId: 'v1' });
    world.behaviours = Array<LineBehaviour>(9).fill(500);
    await world.invoke({ ...JOURNEY, Data: 'a.png' });
    const before = world.requests.length;
    // WHEN
    world.behaviours = [];
    world.optOuts.set(user(0), SendErrorCode.OPTED_OUT);
    world.mediaObjects.clear();
    world.time.pass(60_000);
    const { reply } = await world.invoke({ ...JOURNEY, Data: 'b.png', Endpoints: { ...endpoints(3), [user(1)]: endpoint(1, { OptOut: 'ALL' }) } });
    // THEN
    expect(outcomes(reply)).toEqual({ [user(0)]: ['accepted'], [user(1)]: ['accepted'], [user(2)]: ['accepted'] });
    expect(world.requests).toHaveLength(before + 1);
    expect(new Set(world.requests.map(({ body, retryKey }) => `${retryKey} ${body}`)).size).toBe(1);
  });

  test('does not fail when what it does not need cannot be had', async () => {
    await world.invoke(CAMPAIGN);
    world.failing = { subscriptions: 1 };
    expect(first((await world.invoke(CAMPAIGN)).reply)).toEqual(['accepted']);
  });

  test('of a batch that a later version has split says undecided, and calls nobody', async () => {
    // GIVEN
    await world.invoke(JOURNEY);
    item(JOURNEY)!.state = { S: BatchState.SPLIT };
    // WHEN
    const { reply } = await world.invoke(JOURNEY);
    // THEN
    expect(first(reply)).toEqual(['unknown', 'LINE_UNDECIDED']);
    expect(world.requests).toHaveLength(1);
  });
});

describe('LINE', () => {
  test.each<[string, LineBehaviour[]]>([
    ['5xx', [500]],
    ['5xx although it accepted', ['accepted-500']],
    ['a reset', ['reset']],
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
    expect(world.received(user(0))).toBe(1);
    expect(new Set(world.requests.map(({ body, retryKey }) => `${retryKey} ${body}`)).size).toBe(1);
    expect(world.telemetry.counts).toMatchObject({ [Metric.MESSAGES_ACCEPTED]: 3 });
    expect(world.telemetry.counts[Metric.LINE_REQUESTS]).toBe(world.requests.length);
  });

  test('answers 409 with the accepted id: the reply has the id of the request that was accepted', async () => {
    world.behaviours = ['lost'];
    const { reply } = await world.invoke(CAMPAIGN);
    expect(reply![user(0)].EventAttributes.LineRequestId).toBe('line-accepted');
  });

  test.each([400, 403, 404, 410, 413, 415])('refuses with %i: failed for good, with LINE\'s own words in the log but not its details', async (status) => {
    // GIVEN
    world.behaviours = [status];
    // WHEN
    const { reply } = await world.invoke(CAMPAIGN);
    // THEN
    expect(first(reply)).toEqual(['failed', 'LINE_REFUSED']);
    expect(reply![user(0)].EventAttributes.LineRequestId).toBe('line-1');
    expect(world.requests).toHaveLength(1);
    expect(item()).toMatchObject({ state: { S: 'FAILED' }, outcome: { M: { code: { S: 'LINE_REFUSED' }, status: { N: `${status}` } } } });
    expect(world.telemetry.lines).toMatchObject([{
      level: 'ERROR', code: 'LINE_REFUSED', fields: { lineAnswer: status, lineMessage: `status ${status}`, lineDetails: 'to[1]', lineRequestId: 'line-1' },
    }]);
    expect(JSON.stringify(world.telemetry.lines)).not.toContain('quoted');
    expect(world.telemetry.counts).toMatchObject({ [Metric.MESSAGES_FAILED]: 3 });
    // and a repeat is told the same
    expect(first((await world.invoke(CAMPAIGN)).reply)).toEqual(['failed', 'LINE_REFUSED']);
    expect(world.requests).toHaveLength(1);
  });

  test('refuses what it may have accepted before: undecided, not failed, and not asked again by this invocation', async () => {
    world.behaviours = ['accepted-500', 400];
    const { reply } = await world.invoke(JOURNEY);
    expect(first(reply)).toEqual(['unknown', 'LINE_UNDECIDED']);
    expect(world.requests).toHaveLength(2);
    expect(item(JOURNEY)).toMatchObject({ state: { S: 'AMBIGUOUS' }, ambiguous: { BOOL: true } });
  });

  test.each<[string, LineBehaviour, string[], string]>([
    ['5xx', 500, ['unknown', 'LINE_UNDECIDED'], 'AMBIGUOUS'],
    ['silence', 'timeout', ['unknown', 'LINE_UNDECIDED'], 'AMBIGUOUS'],
    ['429', 429, ['unknown', 'LINE_RATE_LIMITED'], 'READY'],
    ['no token for now', 'no-token', ['unknown', 'CREDENTIALS_UNAVAILABLE'], 'READY'],
    ['401', 401, ['failed', 'CREDENTIALS_UNAVAILABLE'], 'READY'],
    ['wrong credentials', 'wrong-credentials', ['failed', 'CREDENTIALS_UNAVAILABLE'], 'READY'],
  ])('keeps answering %s: after %j a journey is told %j in time, a campaign throws, and both are sent by a later repeat', async (_case, behaviour, expected, state) => {
    for (const event of [JOURNEY, CAMPAIGN]) {
      // GIVEN
      world = new SenderWorld();
      world.behaviours = Array<LineBehaviour>(50).fill(behaviour);
      const start = world.time.now();
      // WHEN
      const { reply, error } = await world.invoke(event);
      // THEN
      expect(world.time.now() - start).toBeLessThan(13_100);
      expect(item(event)).toMatchObject({ state: { S: state } });
      expect(item(event)!.ambiguous).toEqual(state === 'AMBIGUOUS' ? { BOOL: true } : undefined);
      expect(item(event)).toHaveProperty('firstAttemptAt');
      if (event === JOURNEY) {
        expect(first(reply)).toEqual(expected);
      } else {
        expect(error).toMatchObject({ name: 'UndecidedSendError', code: expected[1], message: expect.stringContaining('1 batch of campaign/app1/c1/0/a1 not decided') });
      }
      expect(world.telemetry.lines).toMatchObject([{ level: expected[0] === 'failed' ? 'ERROR' : 'WARN', code: expected[1], fields: { state } }]);
      expect(world.telemetry.counts[expected[0] === 'failed' ? Metric.MESSAGES_FAILED : Metric.MESSAGES_UNKNOWN]).toBe(3);
      expect(world.telemetry.counts[Metric.CREDENTIALS_UNAVAILABLE]).toBe(expected[1] === 'CREDENTIALS_UNAVAILABLE' ? 1 : undefined);
      // and later
      world.behaviours = [];
      world.time.pass(60_000);
      expect(first((await world.invoke(event)).reply)).toEqual(['accepted']);
      expect(world.received(user(0))).toBe(1);
    }
  });

  test('is not called more often than the pauses allow: doubling, at most four seconds, shortened at random', async () => {
    // GIVEN
    world.behaviours = Array<LineBehaviour>(50).fill(429);
    world.random = 0;
    const start = world.time.now();
    // WHEN
    await world.invoke(JOURNEY);
    // THEN: after 1, 2, 4 and 4 seconds; another 4 would pass the deadline
    expect(world.requests).toHaveLength(5);
    expect(world.time.now() - start).toBeGreaterThan(11_000);
    expect(world.time.now() - start).toBeLessThan(12_000);
  });

  test('is not called when too little time is left, and a later repeat sends', async () => {
    const { reply } = await world.invoke(JOURNEY, { remainingMs: 1_500 });
    expect(first(reply)).toEqual(['unknown', 'LINE_UNDECIDED']);
    expect(world.requests).toEqual([]);
    expect(item(JOURNEY)).toBeUndefined();
    expect(first((await world.invoke(JOURNEY)).reply)).toEqual(['accepted']);
  });

  test('is given no more time than is left', async () => {
    await world.invoke(JOURNEY, { remainingMs: 4_000 });
    expect(world.requests[0].timeoutMs).toBe(4_000 - 1_000 - 10);
  });

  test('is not called when the claim has taken the time', async () => {
    world.tableMs = 1_900;
    const { reply } = await world.invoke(JOURNEY, { remainingMs: 5_500 });
    expect(first(reply)).toEqual(['unknown', 'LINE_UNDECIDED']);
    expect(world.calls).toContain('create');
    expect(world.requests).toEqual([]);
    // and the claim does not last
    world.tableMs = 5;
    world.time.pass(20_000);
    expect(first((await world.invoke(JOURNEY)).reply)).toEqual(['accepted']);
  });

  test('is not called by a repeat without time, which leaves a batch that was held back as it is', async () => {
    world.behaviours = Array<LineBehaviour>(50).fill(429);
    await world.invoke(JOURNEY);
    const requests = world.requests.length;
    const { reply } = await world.invoke(JOURNEY, { remainingMs: 1_500 });
    expect(first(reply)).toEqual(['unknown', 'LINE_UNDECIDED']);
    expect(world.requests).toHaveLength(requests);
  });

  test.each<[string, LineBehaviour, string | undefined]>([
    ['JSON of another shape', 400, '[]'], ['null', 400, 'null'], ['HTML', 502, '<html>'], ['nothing', 500, ''], ['details of another shape', 400, '{"message":5,"details":[null,{"property":1}]}'],
  ])('answers an error with %s: the batch is handled all the same', async (_case, behaviour, body) => {
    world.errorBody = body;
    world.behaviours = [behaviour];
    const { reply } = await world.invoke(CAMPAIGN);
    expect(first(reply)).toEqual(behaviour === 400 ? ['failed', 'LINE_REFUSED'] : ['accepted']);
  });
});

describe('an undecided batch', () => {
  test('is given up 23 hours after the first attempt, and says so to every later repeat', async () => {
    // GIVEN
    world.behaviours = Array<LineBehaviour>(50).fill(500);
    await world.invoke(CAMPAIGN);
    const requests = world.requests.length;
    world.time.pass(23 * HOUR);
    // WHEN
    const { reply } = await world.invoke(CAMPAIGN);
    // THEN
    expect(first(reply)).toEqual(['unknown', 'LINE_UNKNOWN']);
    expect(item()).toMatchObject({ state: { S: 'UNKNOWN' } });
    expect(world.requests).toHaveLength(requests);
    expect(world.telemetry.lines.at(-1)).toMatchObject({ level: 'ERROR', code: 'LINE_UNKNOWN' });
    expect(first((await world.invoke(CAMPAIGN)).reply)).toEqual(['unknown', 'LINE_UNKNOWN']);
    expect(world.telemetry.counts[Metric.MESSAGES_UNKNOWN]).toBe(2 * 3);
  });

  test('is still asked for a minute before', async () => {
    world.behaviours = Array<LineBehaviour>(50).fill(500);
    await world.invoke(CAMPAIGN);
    world.behaviours = [];
    world.time.pass(23 * HOUR - 60_000);
    expect(first((await world.invoke(CAMPAIGN)).reply)).toEqual(['accepted']);
  });

  test('that was only ever held back is failed after 23 hours: nothing was sent, and nothing is sent so late', async () => {
    // GIVEN
    world.behaviours = Array<LineBehaviour>(50).fill(429);
    await world.invoke(CAMPAIGN);
    const requests = world.requests.length;
    world.behaviours = [];
    world.time.pass(23 * HOUR);
    for (const expectedCode of ['LINE_RATE_LIMITED', 'SEND_REPEATED']) {
      // WHEN
      const { reply } = await world.invoke(CAMPAIGN);
      // THEN
      expect(first(reply)).toEqual(['failed', 'LINE_RATE_LIMITED']);
      expect(world.telemetry.codes.at(-1)).toBe(expectedCode);
    }
    expect(world.requests).toHaveLength(requests);
    expect(world.telemetry.lines.at(-2)).toMatchObject({ level: 'ERROR', message: expect.stringContaining('nothing was sent'), fields: { state: 'FAILED' } });
    expect(world.telemetry.counts[Metric.MESSAGES_FAILED]).toBe(3);
  });

  test('that was held back, then accepted in silence, is not sent again when LINE has forgotten the key', async () => {
    // GIVEN
    world.behaviours = Array<LineBehaviour>(50).fill(429);
    await world.invoke(CAMPAIGN);
    world.time.pass(18.2 * HOUR);
    world.behaviours = ['lost', ...Array<LineBehaviour>(50).fill(500)];
    await world.invoke(CAMPAIGN);
    world.time.pass(14.6 * HOUR);
    world.behaviours = [];
    world.accepted.set('forgotten', world.accepted.get(world.requests[0].retryKey!)!);
    world.accepted.delete(world.requests[0].retryKey!);
    // WHEN
    const { reply } = await world.invoke(CAMPAIGN);
    // THEN
    expect(first(reply)).toEqual(['unknown', 'LINE_UNKNOWN']);
    expect(world.received(user(0))).toBe(1);
  });

  test('of several is named with their number', async () => {
    world.behaviours = Array<LineBehaviour>(50).fill('wrong-credentials');
    const { error } = await world.invoke({ ...CAMPAIGN, Endpoints: endpoints(501) });
    expect(error?.message).toMatch(/^2 batches of /);
  });
});

describe('the same event several times at once', () => {
  test('is sent once; the others wait for the decision', async () => {
    world.lineMs = 3_000;
    const results = await world.invokeTogether(CAMPAIGN, [0, 0, 1_000]);
    expect(results.map(({ reply }) => first(reply))).toEqual([['accepted'], ['accepted'], ['accepted']]);
    expect(world.requests).toHaveLength(1);
    expect(world.telemetry.counts).toMatchObject({ [Metric.MESSAGES_ACCEPTED]: 3 });
    expect(world.telemetry.codes.sort()).toEqual(['SEND_ACCEPTED', 'SEND_REPEATED', 'SEND_REPEATED']);
  });

  test('while the first is gone: the others do not touch the batch until its lease is over', async () => {
    // GIVEN
    const results = await world.invokeTogether(JOURNEY, [0, 100], [{ crashAt: 6 }]);
    expect(results).toMatchObject([{ crashed: true }, { reply: { [user(0)]: { EventAttributes: { LineStatus: 'unknown', LineErrorCode: 'LINE_UNDECIDED' } } } }]);
    expect(world.requests).toEqual([]);
    // WHEN
    world.time.pass(5_000);
    const { reply } = await world.invoke(JOURNEY);
    // THEN
    expect(first(reply)).toEqual(['accepted']);
    expect(item(JOURNEY)).toMatchObject({ attempts: { N: '2' }, ambiguous: { BOOL: true } });
  });

  test('one takes over a lease that ends while it waits', async () => {
    const results = await world.invokeTogether(JOURNEY, [0, 10_000], [{ crashAt: 6 }]);
    expect(first(results[1].reply)).toEqual(['accepted']);
    expect(world.requests).toHaveLength(1);
  });

  test('both go on with a batch that was held back: one gets it, the other waits', async () => {
    // GIVEN
    world.behaviours = ['wrong-credentials'];
    await world.invoke(JOURNEY);
    // WHEN
    const results = await world.invokeTogether(JOURNEY, [0, 0]);
    // THEN
    expect(results.map(({ reply }) => first(reply))).toEqual([['accepted'], ['accepted']]);
    expect(world.requests).toHaveLength(1);
  });

  test('one sends what another one had to leave because LINE held it back', async () => {
    world.behaviours = [429];
    const results = await world.invokeTogether(JOURNEY, [0, 60]);
    expect(results.map(({ reply }) => first(reply))).toEqual([['accepted'], ['accepted']]);
    expect(world.received(user(0))).toBe(1);
    expect(world.telemetry.counts).toMatchObject({ [Metric.MESSAGES_ACCEPTED]: 3 });
  });
});

describe('the journal', () => {
  test('that cannot be read or written before the call leaves everything undecided, and LINE is not called', async () => {
    for (const kind of ['load', 'create']) {
      world.failing = { [kind]: 1 };
      expect(first((await world.invoke(JOURNEY)).reply)).toEqual(['unknown', 'LINE_UNDECIDED']);
      expect(world.telemetry.lines.at(-1)).toMatchObject({ level: 'ERROR', code: 'LINE_UNDECIDED', fields: { reason: `Error: ${kind} failed` } });
    }
    expect(world.requests).toEqual([]);
  });

  test.each(['load', 'subscriptions', 'create'])('that fails for one batch (%s) leaves the reply of the others whole; a campaign throws after all of them', async (kind) => {
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
        for (let n = 0; n < 1_203; n++) {
          expect(world.received(user(n))).toBe(outcomes(reply)[user(n)][0] === 'accepted' ? 1 : 0);
        }
      }
      // and a repeat sends the rest
      world.time.pass(20_000);
      await world.invoke({ ...event, Endpoints });
      expect(Array.from({ length: 1_203 }, (_, n) => world.received(user(n))).every((times) => times === 1)).toBe(true);
    }
  });

  test.each([
    ['load', 0], ['subscriptions', 0], ['find', 0], ['create', 0], ['write', 1],
  ])('and everything else of AWS may hang (%s): the answer comes in time', async (kind, requests) => {
    for (const event of [JOURNEY, CAMPAIGN]) {
      // GIVEN
      world = new SenderWorld();
      world.messageType = 'image';
      world.mediaObjects.set('a.png', { key: 'a.png', bytes: 5, contentType: 'image/png', versionId: 'v1' });
      world.behaviours = [500];
      world.hanging = kind;
      const start = world.time.now();
      // WHEN
      const { reply, error } = await world.invoke({ ...event, Data: 'a.png' });
      // THEN
      expect(world.time.now() - start).toBe(13_700);
      expect(world.requests).toHaveLength(requests);
      if (event === JOURNEY) {
        expect(first(reply)).toEqual(['unknown', 'LINE_UNDECIDED']);
      } else {
        expect(error).toMatchObject({ name: 'UndecidedSendError' });
      }
      expect(world.telemetry.lines[0].fields!.reason).toMatch('the time of the invocation was over');
    }
  });

  test('that hangs for a repeat which waits or claims is told as undecided, with everybody on record', async () => {
    for (const kind of ['load', 'write']) {
      // GIVEN
      world = new SenderWorld();
      world.behaviours = ['wrong-credentials'];
      await world.invoke(JOURNEY);
      world.hanging = kind;
      // WHEN
      const { reply } = await world.invoke(JOURNEY);
      // THEN
      expect(Object.values(outcomes(reply))).toEqual(Array(3).fill(['unknown', 'LINE_UNDECIDED']));
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
    expect(item(JOURNEY)).toMatchObject({ state: { S: 'AMBIGUOUS' } });
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
    const sizes = [...world.dynamo.items.values()].map((row) => JSON.stringify(row).length);
    expect(Math.max(...sizes)).toBeGreaterThan(300_000);
    for (const row of world.dynamo.items.values()) {
      expect(Object.entries(row).reduce((bytes, [name, { S = '', N = '', B = '' }]) => bytes + Buffer.byteLength(name) + Buffer.byteLength(S) + N.length + B.length, 0))
        .toBeLessThan(409_600);
    }
  });

  test.each<[string, LineBehaviour, string[]]>([
    ['an acceptance', 'ok', ['accepted']],
    ['a refusal', 400, ['failed', 'LINE_REFUSED']],
    ['an open outcome', 500, ['unknown', 'LINE_UNDECIDED']],
  ])('that does not take %s: the caller is told what is known, and a repeat asks LINE again under the same key', async (_case, behaviour, expected) => {
    // GIVEN
    world.behaviours = [behaviour];
    world.failing = { write: 1 };
    // WHEN
    const { reply } = await world.invoke(JOURNEY);
    // THEN
    expect(first(reply)).toEqual(expected);
    expect(world.telemetry.codes).toContain('JOURNAL_NOT_WRITTEN');
    expect(item(JOURNEY)).toMatchObject({ state: { S: 'IN_FLIGHT' } });
    expect(world.requests).toHaveLength(1);
    // and later
    world.time.pass(20_000);
    expect(first((await world.invoke(JOURNEY)).reply)).toEqual(['accepted']);
    expect(new Set(world.requests.map(({ retryKey }) => retryKey)).size).toBe(1);
  });

  test('loses its item while it is waited for: the last known state is told', async () => {
    const waiting = world.invokeTogether(JOURNEY, [0, 100], [{ crashAt: 6 }]);
    void world.time.sleep(2_000).then(() => world.dynamo.items.clear());
    expect(first((await waiting)[1].reply)).toEqual(['unknown', 'LINE_UNDECIDED']);
  });

  test('is the same for events of 500 and more: a repeat after a crash between two batches finishes the rest', async () => {
    // GIVEN
    const event = { ...CAMPAIGN, Endpoints: endpoints(1_100) };
    expect(await world.invoke(event, { crashAt: 21 })).toEqual({ crashed: true });
    world.optOuts.set(user(3), SendErrorCode.OPTED_OUT).set(user(700), SendErrorCode.OPTED_OUT).set(user(1_099), SendErrorCode.OPTED_OUT);
    world.time.pass(30_000);
    // WHEN
    const { reply } = await world.invoke(event);
    // THEN
    const statuses = Object.values(outcomes(reply)).map(([status]) => status);
    expect(statuses).toHaveLength(1_100);
    expect(statuses.filter((status) => status !== 'accepted').every((status) => status === 'skipped')).toBe(true);
    for (let n = 0; n < 1_100; n++) {
      expect(world.received(user(n))).toBe(outcomes(reply)[user(n)][0] === 'accepted' ? 1 : 0);
    }
  });
});
