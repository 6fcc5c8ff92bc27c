import { SubscriberEndpoint, SubscriberRow } from '../../../src/contract/subscriber';
import { PinpointAnswer, PinpointEndpoint, refusalOf, toPinpointEndpoint, updatePinpointEndpoints } from '../../../src/domain/audience/pinpoint-endpoint';
import { RecordedTelemetry } from '../../support/recorded-telemetry';

const [AYA, BEN, CHI] = ['a', 'b', 'c'].map((digit) => `U${digit.repeat(32)}`);
const endpoint = (userId: string): SubscriberEndpoint => ({
  Address: userId,
  ChannelType: 'CUSTOM',
  OptOut: 'NONE',
  EndpointStatus: 'ACTIVE',
  EffectiveDate: '2026-11-01T00:00:00.000Z',
  CreationDate: '2026-10-01T00:00:00.000Z',
  User: { UserId: 'crm-7', UserAttributes: { DisplayName: ['Aya'] } },
  Attributes: { plan: ['gold'] },
  Metrics: { visits: 3 },
  Location: { Country: 'JP' },
  Demographic: { Timezone: 'Asia/Tokyo' },
});
const upsert = (subscriberId: string) => ({ channelKey: 'line', subscriberId, change: 'UPSERT', endpoint: endpoint(subscriberId) });
const erase = (subscriberId: string) => ({ channelKey: 'line', subscriberId, change: 'ERASE' });
const refused = (status: number | undefined, name = 'SomeException', message = ''): PinpointAnswer => ({ kind: 'refused', status, name, message });

let telemetry: RecordedTelemetry;
let calls: [string, string, PinpointEndpoint?][];
let answers: Record<string, PinpointAnswer>;
let rows: Record<string, Partial<SubscriberRow> | Error>;

beforeEach(() => {
  telemetry = new RecordedTelemetry();
  calls = [];
  answers = {};
  rows = {};
});

/** Handles changes, message ids m0, m1, …; `answers` says what Pinpoint answers for a person. */
async function update(changes: (object | string)[]) {
  return updatePinpointEndpoints(changes.map((change, n) => ({
    messageId: `m${n}`,
    body: typeof change === 'string' ? change : JSON.stringify(change),
    attributes: { MessageGroupId: (change as { subscriberId?: string }).subscriberId },
  })), {
    applicationId: 'a1b2',
    region: 'us-east-1',
    telemetry,
    readRow: async (_channelKey, id) => {
      const row = rows[id];
      if (row instanceof Error) {
        throw row;
      }
      return row;
    },
    pinpoint: {
      update: async (id, request) => {
        calls.push(['update', id, request]);
        return answers[id] ?? { kind: 'done' };
      },
      delete: async (id) => {
        calls.push(['delete', id]);
        return answers[id] ?? { kind: 'done' };
      },
    },
  });
}
const failed = (...ids: string[]) => ({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) });

test('subscribers become endpoints, erased ones go', async () => {
  // WHEN
  const response = await update([upsert(AYA), erase(BEN)]);
  // THEN
  const { CreationDate: _, ...request } = endpoint(AYA);
  expect(calls).toEqual([['update', AYA, request], ['delete', BEN]]);
  expect(response).toEqual(failed());
  expect(telemetry.counts).toEqual({ AudienceChangesApplied: 2 });
  expect(telemetry.lines).toEqual([]);
});

test('erasing an endpoint that does not exist is done', async () => {
  answers[AYA] = refused(404, 'NotFoundException', 'No endpoint found');
  expect(await update([erase(AYA)])).toEqual(failed());
  expect(telemetry.counts).toEqual({ AudienceChangesApplied: 1 });
});

test.each(['', 'Application not found', 'No app of this id, hence no endpoint'])('erasing is not done when a 404 says "%s"', async (message) => {
  answers[AYA] = refused(404, 'NotFoundException', message);
  expect(await update([erase(AYA)])).toEqual(failed('m0'));
  expect(telemetry.codes).toEqual(['PINPOINT_PROJECT_NOT_FOUND']);
});

describe('a change that comes late', () => {
  test('writes the row as it is now', async () => {
    rows[AYA] = { ...endpoint(AYA), OptOut: 'ALL', subscriptionAt: 2 };
    expect(await update([upsert(AYA)])).toEqual(failed());
    expect(calls).toEqual([['update', AYA, expect.objectContaining({ OptOut: 'ALL' })]]);
  });

  test('brings nobody back who was erased since', async () => {
    rows[AYA] = { subscriptionAt: 2, erased: true };
    await update([upsert(AYA)]);
    expect(calls).toEqual([['delete', AYA]]);
  });

  test('erases nobody who follows again', async () => {
    rows[AYA] = { ...endpoint(AYA), subscriptionAt: 2 };
    await update([erase(AYA)]);
    expect(calls).toEqual([['update', AYA, expect.objectContaining({ OptOut: 'NONE' })]]);
  });

  test('waits, and all behind it, while the table cannot be read', async () => {
    rows[AYA] = new Error('no permission');
    expect(await update([upsert(AYA), upsert(BEN)])).toEqual(failed('m0', 'm1'));
    expect(calls).toEqual([]);
    expect(telemetry.lines).toEqual([expect.objectContaining({ code: 'AUDIENCE_CHANGE_FAILED', fields: { messageId: 'm0', error: 'Error: no permission' } })]);
  });
});

test('a change that cannot be made a call fails its person only, and nothing of it is logged', async () => {
  // GIVEN
  const pinpoint = {
    update: async (id: string): Promise<PinpointAnswer> => {
      if (id === AYA) {
        throw new TypeError('Aya');
      }
      return { kind: 'done' };
    },
    delete: jest.fn(),
  };
  const records = [upsert(AYA), upsert(BEN), upsert(AYA)].map((change, n) => ({ messageId: `m${n}`, body: JSON.stringify(change), attributes: { MessageGroupId: change.subscriberId } }));
  // WHEN
  const response = await updatePinpointEndpoints(records, { applicationId: 'a', region: 'r', telemetry, pinpoint, readRow: async () => undefined });
  // THEN
  expect(response).toEqual(failed('m0', 'm2'));
  expect(telemetry.lines).toEqual([expect.objectContaining({ code: 'AUDIENCE_CHANGE_FAILED', fields: { messageId: 'm0', error: 'TypeError' } })]);
});

test.each([
  ['a text', { Tier: 'gold', plan: ['pro'] }, { plan: ['pro'] }, ['Tier']],
  ['a list of numbers', { Tier: [5] }, {}, ['Tier']],
  ['null', { Tier: null }, {}, ['Tier']],
  ['an object', { Tier: { S: 'gold' } }, {}, ['Tier']],
  ['no map at all', 7, {}, []],
  ['a list instead of the map', ['gold'], {}, []],
  ['null instead of the map', null, {}, []],
])('an attribute that is %s is left out', (_case, attributes, fitted, changed) => {
  const malformed = { ...endpoint(AYA), Attributes: attributes, User: { UserId: 7, UserAttributes: attributes } };
  const { request, changed: told } = toPinpointEndpoint(AYA, malformed as never);
  expect(request.Attributes).toEqual(fitted);
  expect(request.User).toEqual({ UserId: AYA, UserAttributes: fitted });
  expect(told).toEqual([...changed, ...changed]);
});

test('a user that is no map is left out', () => {
  expect(toPinpointEndpoint(AYA, { ...endpoint(AYA), User: 'Aya' } as never).request.User).toEqual({ UserId: AYA, UserAttributes: {} });
});

test('a refused endpoint fails the rest of its person, others go on', async () => {
  // GIVEN
  answers[AYA] = refused(400, 'BadRequestException', 'Exceeded maximum endpoint per user count 15 for Aya');
  // WHEN
  const response = await update([upsert(AYA), upsert(BEN), erase(AYA), upsert(CHI)]);
  // THEN
  expect(calls.map(([, id]) => id)).toEqual([AYA, BEN, CHI]);
  expect(response).toEqual(failed('m0', 'm2'));
  expect(telemetry.counts).toEqual({ AudienceChangesApplied: 2, AudienceChangesRefused: 2 });
  expect(telemetry.lines).toEqual([expect.objectContaining({
    level: 'ERROR',
    code: 'PINPOINT_ENDPOINT_REFUSED',
    fields: { applicationId: 'a1b2', region: 'us-east-1', messageId: 'm0', status: 400, error: 'BadRequestException' },
  })]);
  expect(JSON.stringify(telemetry.lines)).not.toContain('Aya');
});

test.each([
  ['throttled', refused(429, 'TooManyRequestsException'), 'PINPOINT_THROTTLED', 'visibility timeout'],
  ['ended', refused(410), 'PINPOINT_SERVICE_ENDED', 'change the class LinePinpointChannel to LineChannel'],
  ['wrong project', refused(404, 'NotFoundException'), 'PINPOINT_PROJECT_NOT_FOUND', 'check applicationId and applicationRegion'],
  ['no permission', refused(403, 'ForbiddenException', 'User: x is not authorized to perform: y'), 'PINPOINT_ACCESS_DENIED', 'mobiletargeting:UpdateEndpoint'],
  ['down', refused(undefined, 'TimeoutError'), 'PINPOINT_UNAVAILABLE', 'did not answer'],
])('%s: the batch ends, everything left comes again', async (_case, answer, code, advice) => {
  // GIVEN
  answers[BEN] = answer;
  // WHEN
  const response = await update([upsert(AYA), upsert(BEN), upsert(CHI), upsert(AYA)]);
  // THEN
  expect(calls.map(([, id]) => id)).toEqual([AYA, BEN]);
  expect(response).toEqual(failed('m1', 'm2', 'm3'));
  expect(telemetry.counts).toEqual({ AudienceChangesApplied: 1, AudienceChangesRefused: 3 });
  expect(telemetry.lines).toEqual([expect.objectContaining({ level: 'ERROR', code, message: expect.stringContaining(advice) })]);
});

test.each([
  ['no JSON', 'hello'],
  ['null', 'null'],
  ['no change', '{}'],
  ['nobody', JSON.stringify({ ...erase(AYA), subscriberId: '' })],
  ['an unknown change', JSON.stringify({ ...erase(AYA), change: 'MERGE' })],
  ['an upsert of nothing', JSON.stringify({ ...upsert(AYA), endpoint: undefined })],
  ['an upsert of null', JSON.stringify({ ...upsert(AYA), endpoint: null })],
])('a message that is %s is set aside', async (_case, body) => {
  expect(await update([body])).toEqual(failed());
  expect(calls).toEqual([]);
  expect(telemetry.counts).toEqual({ EventsSetAside: 1 });
  expect(telemetry.lines).toEqual([expect.objectContaining({ code: 'AUDIENCE_CHANGE_UNREADABLE', fields: { messageId: 'm0' } })]);
});

test.each([
  [429, 'TooManyRequestsException', '', 'THROTTLED'],
  [400, 'ThrottlingException', '', 'THROTTLED'],
  [400, 'BadRequestException', 'Amazon Pinpoint is no longer available', 'SERVICE_ENDED'],
  [404, 'NotFoundException', 'This feature has been discontinued', 'SERVICE_ENDED'],
  [403, 'ForbiddenException', 'Forbidden', 'SERVICE_ENDED'],
  [405, 'MethodNotAllowedException', '', 'SERVICE_ENDED'],
  [410, 'GoneException', '', 'SERVICE_ENDED'],
  [501, 'NotImplemented', '', 'SERVICE_ENDED'],
  [undefined, 'ENOTFOUND', 'getaddrinfo ENOTFOUND', 'UNAVAILABLE'],
  [403, 'ForbiddenException', 'with an explicit deny in a service control policy', 'ACCESS_DENIED'],
  [403, 'AccessDeniedException', '', 'ACCESS_DENIED'],
  [403, 'ExpiredTokenException', '', 'ACCESS_DENIED'],
  [403, 'InvalidSignatureException', '', 'ACCESS_DENIED'],
  [401, 'Unauthorized', '', 'ACCESS_DENIED'],
  [404, 'NotFoundException', 'Resource not found', 'PROJECT_NOT_FOUND'],
  [400, 'BadRequestException', 'Missing Address', 'ENDPOINT_REFUSED'],
  [413, 'PayloadTooLargeException', '', 'ENDPOINT_REFUSED'],
  [500, 'InternalServerErrorException', '', 'UNAVAILABLE'],
  [302, 'Redirect', '', 'UNAVAILABLE'],
  [undefined, 'TimeoutError', '', 'UNAVAILABLE'],
  [undefined, 'ECONNREFUSED', '', 'UNAVAILABLE'],
])('%p %s "%s" is %s', (status, name, message, expected) => {
  expect(refusalOf({ status, name, message })).toBe(expected);
});

describe('toPinpointEndpoint', () => {
  const fitted = (values: string[]) => {
    const { request, changed } = toPinpointEndpoint(AYA, { ...endpoint(AYA), User: { UserAttributes: { DisplayName: values } } });
    return { values: request.User?.UserAttributes?.DisplayName, changed };
  };

  test.each([
    ['100 characters', 'x'.repeat(100), 'x'.repeat(100), []],
    ['101 characters', 'x'.repeat(101), 'x'.repeat(100), ['DisplayName']],
    ['emoji that end at the limit', '😀'.repeat(51), '😀'.repeat(50), ['DisplayName']],
    ['emoji across the limit', `x${'😀'.repeat(50)}`, `x${'😀'.repeat(49)}`, ['DisplayName']],
  ])('cuts a value of %s', (_case, given, expected, changed) => {
    expect(fitted([given])).toEqual({ values: [expected], changed });
  });

  test('leaves a long URL out', () => {
    expect(fitted([`https://profile.line-scdn.net/${'x'.repeat(100)}`])).toEqual({ values: [], changed: ['DisplayName'] });
  });

  test('keeps the first fifty values', () => {
    expect(fitted(Array(51).fill('x'))).toEqual({ values: Array(50).fill('x'), changed: ['DisplayName'] });
  });

  test('leaves attributes with long names out, and says so', async () => {
    // GIVEN
    const Attributes = { ['n'.repeat(50)]: ['kept'], ['n'.repeat(51)]: ['left out'] };
    // WHEN
    await update([{ ...upsert(AYA), endpoint: { ...endpoint(AYA), Attributes } }]);
    // THEN
    expect(calls[0][2]?.Attributes).toEqual({ ['n'.repeat(50)]: ['kept'] });
    expect(telemetry.lines).toEqual([expect.objectContaining({ level: 'INFO', code: 'PINPOINT_ATTRIBUTES_SHORTENED', fields: { attributes: 'n'.repeat(51) } })]);
  });

  test('a bare row is an endpoint, too', () => {
    const { Attributes: _a, User: _u, CreationDate: _c, ...bare } = endpoint(AYA);
    expect(toPinpointEndpoint(AYA, bare)).toEqual({
      request: { ...bare, Attributes: {}, User: { UserId: AYA, UserAttributes: {} } }, changed: [],
    });
  });
});
