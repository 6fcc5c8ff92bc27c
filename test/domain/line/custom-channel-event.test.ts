import * as fc from 'fast-check';
import { CustomChannelEvent, SendErrorCode } from '../../../src/contract/custom-channel';
import { SendFunctionType } from '../../../src/contract/media';
import { JOURNAL_SHARDS } from '../../../src/contract/send-journal';
import { endpointResult, identifyBatch, readEvent as read, toBatches, toReply } from '../../../src/domain/line/custom-channel-event';

const user = (n: number) => `U${n.toString(16).padStart(32, '0')}`;
const endpoint = (n: number, members: object = {}) => ({ ChannelType: 'CUSTOM', Address: user(n), EndpointStatus: 'ACTIVE', OptOut: 'NONE', ...members });
const endpoints = (...numbers: number[]) => Object.fromEntries(numbers.map((n) => [`e${n}`, endpoint(n)]));

const CAMPAIGN: CustomChannelEvent = {
  ApplicationId: 'app1',
  CampaignId: 'c1',
  TreatmentId: '0',
  ActivityId: 'a1',
  ScheduledTime: '2026-11-23T00:00:00.000Z',
  Data: 'Hello',
  Endpoints: endpoints(1, 2, 3),
};
const JOURNEY: CustomChannelEvent = {
  ApplicationId: 'app1', JourneyId: 'j1', JourneyRunId: 'r1', JourneyActivityId: 'ja1', Data: 'Hello', Endpoints: endpoints(1, 2, 3),
};

const readEvent = (event: unknown, requestId = 'request-1', functionType: SendFunctionType = 'text') => read(event, { requestId, functionType });
const runId = (event: unknown) => readEvent(event).runId;
const keys = (event: unknown, requestId?: string, functionType?: SendFunctionType) => readEvent(event, requestId, functionType).batches
  .map(({ identity }) => identity.retryKey);

describe('run', () => {
  test.each<[string, unknown, string, string]>([
    ['campaign', CAMPAIGN, 'campaign', 'campaign/app1/c1/0/a1'],
    ['campaign without a treatment, which is the standard one', { ...CAMPAIGN, TreatmentId: undefined }, 'campaign', 'campaign/app1/c1/0/a1'],
    ['campaign without an application', { ...CAMPAIGN, ApplicationId: undefined }, 'campaign', 'campaign/-/c1/0/a1'],
    ['campaign with a token, which it does not need', { ...CAMPAIGN, clientToken: 't' }, 'campaign', 'campaign/app1/c1/0/a1'],
    ['campaign without an activity', { ...CAMPAIGN, ActivityId: '' }, 'campaign', 'request/text/request-1'],
    ['campaign without an activity, with a token', { ...CAMPAIGN, ActivityId: undefined, clientToken: 't' }, 'campaign', 'token/text/t'],
    ['campaign with a journey in it', { ...JOURNEY, ...CAMPAIGN }, 'campaign', 'campaign/app1/c1/0/a1'],
    ['journey', JOURNEY, 'journey', 'journey/app1/j1/r1/ja1'],
    ['journey without an application', { ...JOURNEY, ApplicationId: undefined }, 'journey', 'journey/-/j1/r1/ja1'],
    ['journey without its id', { ...JOURNEY, JourneyId: undefined }, 'journey', 'journey/app1/-/r1/ja1'],
    ['journey without a run', { ...JOURNEY, JourneyRunId: undefined }, 'journey', 'request/text/request-1'],
    ['journey without an activity', { ...JOURNEY, JourneyActivityId: undefined }, 'journey', 'request/text/request-1'],
    ['journey that says only which it is, with a token', { JourneyId: 'j1', clientToken: 't' }, 'journey', 'token/text/t'],
    ['token', { clientToken: 'spring-2026' }, 'direct', 'token/text/spring-2026'],
    ['nothing', {}, 'direct', 'request/text/request-1'],
    ['ids that are no strings', { CampaignId: 5, JourneyId: null, clientToken: {} }, 'direct', 'request/text/request-1'],
  ])('%s', (_case, event, origin, expected) => {
    expect(readEvent(event)).toMatchObject({ source: { origin }, runId: expected });
  });

  test.each<[string, unknown, object]>([
    ['campaign', CAMPAIGN, { origin: 'campaign', application: 'app1', campaign: 'c1', treatment: '0', activity: 'a1' }],
    ['campaign without an activity', { CampaignId: 'c1' }, { origin: 'campaign', campaign: 'c1', treatment: '0' }],
    ['campaign with a journey in it', { ...JOURNEY, ...CAMPAIGN }, { origin: 'campaign', application: 'app1', campaign: 'c1', treatment: '0', activity: 'a1' }],
    ['journey', JOURNEY, { origin: 'journey', application: 'app1', journey: 'j1', journeyRun: 'r1', journeyActivity: 'ja1' }],
    ['journey that says only its run', { JourneyRunId: 'r1' }, { origin: 'journey', journeyRun: 'r1' }],
    ['nothing', {}, { origin: 'direct' }],
  ])('%s says for reports whose it is', (_case, event, source) => {
    expect(readEvent(event).source).toEqual(source);
  });

  test('no two runs can be mistaken for each other, whatever stands in their ids', () => {
    const part = fc.oneof(fc.constantFrom('a', 'a/b', 'b', '-', '0', '\ud83d', '\ud83c', 'sha256:00', 'x'.repeat(200)), fc.string({ minLength: 1, unit: 'binary' }));
    const ids = fc.tuple(part, part, part, part);
    fc.assert(fc.property(ids, ids, (one, other) => {
      const [first, second] = [one, other].map(([ApplicationId, CampaignId, TreatmentId, ActivityId]) =>
        runId({ ApplicationId, CampaignId, TreatmentId, ActivityId }));
      expect(first === second).toBe(one.every((value, index) => value === other[index]));
      expect(Buffer.byteLength(first)).toBeLessThan(700);
    }), { numRuns: 1_000 });
  });
});

describe('batches', () => {
  test('a repeat with its endpoints in another order and with other members has the same key', () => {
    // GIVEN
    const repeat = { ...CAMPAIGN, Data: 'Changed', Endpoints: { e3: endpoint(3, { OptOut: 'ALL' }), e1: null, e2: endpoint(2) } };
    // THEN
    expect(keys(repeat, 'request-2')).toEqual(keys(CAMPAIGN));
  });

  test('the same ids in any order make the same batches and keys, and another set makes none of them', () => {
    const ids = fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 4 }), { minLength: 1, maxLength: 20 });
    const shuffled = ids.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }), ids));
    const event = (members: readonly string[]) => ({ ...CAMPAIGN, Endpoints: Object.fromEntries(members.map((id, n) => [id, endpoint(n)])) });
    const batches = (members: readonly string[]) => readEvent(event(members)).batches
      .map(({ identity, candidates }) => [identity, candidates.map(({ id }) => id)]);
    fc.assert(fc.property(shuffled, ([all, again, others]) => {
      expect(batches(again)).toEqual(batches(all));
      const isSameSet = new Set([...all, ...others]).size === all.length && all.length === others.length;
      expect(keys(event(others)).some((key) => keys(event(all)).includes(key))).toBe(isSameSet);
    }), { numRuns: 300 });
  });

  test('batches of a list are cut in its order, under the list\'s name', () => {
    const lines = Array.from({ length: 501 }, (_, n) => [`z${1_000 - n}`, endpoint(n)] as const);
    const [first, second] = toBatches(lines, 'run', 'list');
    expect([first.identity, second.identity]).toEqual([identifyBatch('run', 'list-000'), identifyBatch('run', 'list-001')]);
    expect(first.candidates.map(({ id }) => id)).toEqual(lines.slice(0, 500).map(([id]) => id));
    expect(second.candidates).toEqual([{ id: 'z500', to: user(500), endpoint: endpoint(500) }]);
  });

  test.each<[string, object]>([
    ['another set of endpoints', { Endpoints: endpoints(1, 2) }],
    ['another application', { ApplicationId: 'app2' }],
    ['another campaign', { CampaignId: 'c2' }],
    ['another treatment', { TreatmentId: '1' }],
    ['another activity', { ActivityId: 'a2' }],
  ])('%s has another key', (_case, change) => {
    expect(keys({ ...CAMPAIGN, ...change })).not.toEqual(keys(CAMPAIGN));
  });

  test('without ids an invocation and its asynchronous retries have the same key, another invocation has not', () => {
    const event = { Endpoints: endpoints(1) };
    expect(keys(event, 'request-1')).toEqual(keys(event, 'request-1'));
    expect(keys(event, 'request-1')).not.toEqual(keys(event, 'request-2'));
  });

  test.each([[{ clientToken: 't', Endpoints: endpoints(1) }], [{ Endpoints: endpoints(1) }]])('%j is another send for a function of another message type', (event) => {
    expect(keys(event, 'request-1', 'image')).not.toEqual(keys(event, 'request-1', 'text'));
  });

  test('the key never changes between versions', () => {
    // Known answer: another one would send a batch again that an earlier version has sent.
    expect(readEvent(CAMPAIGN, 'request-1').batches[0].identity).toEqual({
      pk: 'campaign/app1/c1/0/a1#10',
      sk: 'edbb82d609cc6adbc644b7e912fbeddda3ddf8f22cd151e226c529c170d82a92-000',
      batchId: 'campaign/app1/c1/0/a1/edbb82d609cc6adbc644b7e912fbeddda3ddf8f22cd151e226c529c170d82a92-000',
      retryKey: '5bd05801-0261-55a7-a655-1a2c08a1790b',
    });
  });

  test('positions spread over all shards of a run', () => {
    const shards = new Set(Array.from({ length: 500 }, (_, index) => identifyBatch('run', `p-${index}`).pk));
    expect(shards.size).toBe(JOURNAL_SHARDS);
    expect([...shards].every((pk) => /^run#(?:\d|1[0-5])$/.test(pk))).toBe(true);
  });

  test.each([
    [0, []], [1, [1]], [50, [50]], [500, [500]], [501, [500, 1]], [1_203, [500, 500, 203]],
  ])('%i endpoints are cut into batches of %j', (count, sizes) => {
    const { batches } = readEvent({ ...CAMPAIGN, Endpoints: endpoints(...Array(count).keys()) }, 'request-1');
    expect(batches.map(({ candidates }) => candidates.length)).toEqual(sizes);
    expect(new Set(batches.map(({ identity }) => identity.retryKey)).size).toBe(sizes.length);
    expect(new Set(batches.flatMap(({ candidates }) => candidates.map(({ id }) => id))).size).toBe(count);
  });

  test('long ids are cut into batches that fit into an item of the journal, and a longer id stands alone', () => {
    // GIVEN ids of 900 bytes, in the order in which they are sorted, and one that is larger than a batch
    const ids = Array.from({ length: 500 }, (_, n) => String(n).padEnd(300, '春')).sort();
    const sizes = (all: string[]) => readEvent({ ...CAMPAIGN, Endpoints: Object.fromEntries(all.map((id, n) => [id, endpoint(n)])) }).batches
      .map(({ candidates }) => candidates.length);
    // THEN
    expect(sizes(ids)).toEqual([200, 200, 100]);
    expect(sizes(['a', 'x'.repeat(200_000), 'z'])).toEqual([1, 1, 1]);
  });

  test('who belongs to which batch does not depend on who is left out', () => {
    // GIVEN
    const all = endpoints(...Array(700).keys());
    const some = Object.fromEntries(Object.entries(all).map(([id, value], index) => [id, index % 3 ? value : { ...value, OptOut: 'ALL' }]));
    const members = (event: object) => readEvent({ ...CAMPAIGN, Endpoints: event }, 'r').batches
      .map(({ identity, candidates, excluded }) => [identity.retryKey, ...[...candidates, ...excluded].map(({ id }) => id).sort()]);
    // THEN
    expect(members(some)).toEqual(members(all));
  });

  test.each<[string, unknown]>([
    ['null', null], ['a string', 'event'], ['a number', 5], ['empty', {}], ['Endpoints null', { Endpoints: null }],
    ['Endpoints a string', { Endpoints: 'e1' }], ['Endpoints empty', { Endpoints: {} }], ['Endpoints an empty array', { Endpoints: [] }],
  ])('an event that is %s has none', (_case, event) => {
    expect(readEvent(event, 'r')).toMatchObject({ batches: [], unnamedEndpoints: 0 });
  });

  test('the members of an array of endpoints have no ids to answer by', () => {
    expect(readEvent({ ...CAMPAIGN, Endpoints: [endpoint(1), endpoint(2)] }, 'r')).toMatchObject({ batches: [], unnamedEndpoints: 2 });
  });
});

describe('who may be sent to', () => {
  test.each<[string, unknown, SendErrorCode | undefined]>([
    ['active', endpoint(1), undefined],
    ['of which only the address is known', { Address: user(1) }, undefined],
    ['of another channel', endpoint(1, { ChannelType: 'EMAIL' }), SendErrorCode.NOT_CUSTOM_CHANNEL],
    ['of channel null', endpoint(1, { ChannelType: null }), SendErrorCode.NOT_CUSTOM_CHANNEL],
    ['opted out', endpoint(1, { OptOut: 'ALL' }), SendErrorCode.OPTED_OUT],
    ['inactive', endpoint(1, { EndpointStatus: 'INACTIVE' }), SendErrorCode.INACTIVE],
    ['without an address', { ChannelType: 'CUSTOM' }, SendErrorCode.NOT_A_LINE_USER_ID],
    ['with an address that is no string', endpoint(1, { Address: 5 }), SendErrorCode.NOT_A_LINE_USER_ID],
    ['with an upper-case id', endpoint(1, { Address: user(0xabc).toUpperCase() }), SendErrorCode.NOT_A_LINE_USER_ID],
    ['with a group id', endpoint(1, { Address: `C${user(1).slice(1)}` }), SendErrorCode.NOT_A_LINE_USER_ID],
    ['with a line break after the id', endpoint(1, { Address: `${user(1)}\n` }), SendErrorCode.NOT_A_LINE_USER_ID],
    ['null', null, SendErrorCode.NOT_A_LINE_USER_ID],
    ['a string', user(1), SendErrorCode.NOT_A_LINE_USER_ID],
    ['an array', [user(1)], SendErrorCode.NOT_A_LINE_USER_ID],
  ])('an endpoint %s: %s', (_case, value, code) => {
    const [{ candidates, excluded }] = readEvent({ Endpoints: { e1: value } }, 'r').batches;
    expect(candidates).toEqual(code ? [] : [{ id: 'e1', to: user(1), endpoint: value }]);
    expect(excluded).toEqual(code ? [{ id: 'e1', status: 'skipped', code }] : []);
  });

  test('of endpoints with one address the first by id is kept; one that may not be sent to anyway does not count', () => {
    // GIVEN
    const Endpoints = { c: endpoint(1), b: endpoint(1), a: endpoint(1, { OptOut: 'ALL' }), d: endpoint(2) };
    // WHEN
    const [{ candidates, excluded }] = readEvent({ Endpoints }, 'r').batches;
    // THEN
    expect(candidates.map(({ id }) => id)).toEqual(['b', 'd']);
    expect(excluded).toEqual([
      { id: 'a', status: 'skipped', code: SendErrorCode.OPTED_OUT },
      { id: 'c', status: 'skipped', code: SendErrorCode.DUPLICATE_ADDRESS },
    ]);
  });

  test('a duplicate is found across batches', () => {
    const Endpoints = { ...endpoints(...Array(500).keys()), z: endpoint(7) };
    const { batches } = readEvent({ Endpoints }, 'r');
    expect(batches[1].excluded).toEqual([{ id: 'z', status: 'skipped', code: SendErrorCode.DUPLICATE_ADDRESS }]);
  });
});

describe('reply', () => {
  test('has the status alone when accepted without more to say', () => {
    expect(endpointResult('accepted')).toEqual({ EventAttributes: { LineStatus: 'accepted' } });
  });

  test('keeps within 128 characters a value', () => {
    expect(endpointResult('failed', SendErrorCode.LINE_REFUSED, 'r'.repeat(129))).toEqual({
      EventAttributes: { LineStatus: 'failed', LineErrorCode: 'LINE_REFUSED', LineRequestId: 'r'.repeat(128) },
    });
  });

  test('every code and status is within 128 characters', () => {
    expect(Object.values(SendErrorCode).filter((code) => code.length > 128)).toEqual([]);
  });

  test('an endpoint may be called __proto__', () => {
    // GIVEN
    const event = JSON.parse(`{"Endpoints":{"__proto__":{"Address":"${user(1)}"}}}`);
    // WHEN
    const [{ candidates }] = readEvent(event, 'r').batches;
    // THEN
    expect(candidates).toEqual([{ id: '__proto__', to: user(1), endpoint: { Address: user(1) } }]);
    expect(JSON.stringify(toReply([['__proto__', endpointResult('accepted')]]))).toBe('{"__proto__":{"EventAttributes":{"LineStatus":"accepted"}}}');
  });
});
