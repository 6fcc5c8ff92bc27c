import {
  DeleteEndpointCommand, EndpointRequest, GetEndpointCommand, PinpointClient, UpdateEndpointCommand,
} from '@aws-sdk/client-pinpoint';
import { faults } from '../../simulator/faults';
import { lineUserId } from '../../simulator/line-ids';
import { PinpointEndpoints } from '../../simulator/pinpoint-endpoints';

const APP = '0123456789abcdef0123456789abcdef';
const ALICE = lineUserId('alice');
const BOB = lineUserId('bob');

let pinpoint: PinpointEndpoints;
let client: PinpointClient;
let time: number;

beforeEach(async () => {
  time = Date.UTC(2026, 0, 1);
  pinpoint = new PinpointEndpoints({ applicationIds: [APP], now: () => time });
  await pinpoint.start();
  client = new PinpointClient({
    endpoint: pinpoint.url, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' }, maxAttempts: 1,
  });
});

afterEach(async () => {
  client.destroy();
  await pinpoint.stop();
});

const update = async (request: EndpointRequest, EndpointId = ALICE, ApplicationId = APP) =>
  client.send(new UpdateEndpointCommand({ ApplicationId, EndpointId, EndpointRequest: request }));
const get = async (EndpointId = ALICE, ApplicationId = APP) =>
  (await client.send(new GetEndpointCommand({ ApplicationId, EndpointId }))).EndpointResponse;
const remove = async (EndpointId = ALICE) => client.send(new DeleteEndpointCommand({ ApplicationId: APP, EndpointId }));
const names = (count: number, prefix = 'a') => Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, ['x']]));

describe('the Pinpoint stand-in', () => {
  test('stores an endpoint and gives it back', async () => {
    const answer = await update({
      Address: ALICE,
      ChannelType: 'CUSTOM',
      OptOut: 'NONE',
      EffectiveDate: '2026-01-01T00:00:00.000Z',
      User: { UserId: ALICE, UserAttributes: { DisplayName: ['アリス'] } },
      Metrics: { visits: 1.5 },
      Location: { Country: 'JP', Latitude: 35.6 },
    });
    expect(answer).toMatchObject({ $metadata: { httpStatusCode: 202 }, MessageBody: { Message: 'Accepted', RequestID: expect.any(String) } });
    expect(await get()).toMatchObject({
      ApplicationId: APP,
      Id: ALICE,
      Address: ALICE,
      ChannelType: 'CUSTOM',
      OptOut: 'NONE',
      EndpointStatus: 'ACTIVE',
      CohortId: expect.stringMatching(/^\d{1,2}$/),
      CreationDate: '2026-01-01T00:00:00.000Z',
      EffectiveDate: '2026-01-01T00:00:00.000Z',
      RequestId: answer.MessageBody!.RequestID,
      User: { UserId: ALICE, UserAttributes: { DisplayName: ['アリス'] } },
      Metrics: { visits: 1.5 },
      Location: { Country: 'JP', Latitude: 35.6 },
    });
  });

  test('an update replaces the values that it names and keeps the others', async () => {
    await update({ Address: ALICE, ChannelType: 'CUSTOM', OptOut: 'NONE', Attributes: { a: ['1', '2'], b: ['3'] }, User: { UserId: 'u', UserAttributes: { x: ['1'] } } });
    time += 1000;
    await update({ OptOut: 'ALL', Attributes: { a: ['9'] }, User: { UserAttributes: { y: ['2'] } } });
    expect(await get()).toMatchObject({
      Address: ALICE,
      OptOut: 'ALL',
      Attributes: { a: ['9'], b: ['3'] },
      User: { UserId: 'u', UserAttributes: { x: ['1'], y: ['2'] } },
      CreationDate: '2026-01-01T00:00:00.000Z',
      EffectiveDate: '2026-01-01T00:00:01.000Z',
    });
  });

  test('a deleted endpoint is gone', async () => {
    await update({ Address: ALICE });
    expect((await remove()).EndpointResponse).toMatchObject({ Id: ALICE });
    await expect(get()).rejects.toMatchObject({ name: 'NotFoundException' });
    await expect(remove()).rejects.toMatchObject({ name: 'NotFoundException' });
    expect(pinpoint.endpoints(APP)).toEqual([]);
  });

  test('of equal addresses the one updated last is active', async () => {
    await update({ Address: ALICE }, 'one');
    await update({ Address: ALICE }, 'two');
    await update({ Address: BOB }, 'three');
    expect(pinpoint.endpoints().map(({ Id, EndpointStatus }) => [Id, EndpointStatus])).toEqual([['one', 'INACTIVE'], ['two', 'ACTIVE'], ['three', 'ACTIVE']]);
    await update({ OptOut: 'NONE' }, 'one');
    expect(pinpoint.endpoints().map(({ EndpointStatus }) => EndpointStatus)).toEqual(['ACTIVE', 'INACTIVE', 'ACTIVE']);
  });

  test.each<[string, EndpointRequest]>([
    ['a name of 50 characters', { Attributes: { ['n'.repeat(50)]: ['x'] } }],
    ['a value of 100 characters', { User: { UserAttributes: { n: ['x'.repeat(100)] } } }],
    ['50 values', { Attributes: { n: Array(50).fill('x') } }],
    ['250 names together', { Attributes: names(100), Metrics: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`m${i}`, 1])), User: { UserAttributes: names(100) } }],
    ['an endpoint that is switched off', { EndpointStatus: 'INACTIVE' }],
  ])('takes %s', async (_name, request) => {
    await expect(update(request)).resolves.toBeDefined();
  });

  test.each<[string, EndpointRequest, RegExp]>([
    ['a name of 51 characters', { Attributes: { ['n'.repeat(51)]: ['x'] } }, /1 to 50 characters/],
    ['a value of 101 characters', { User: { UserAttributes: { n: ['x'.repeat(101)] } } }, /User\.UserAttributes\.n\[0\]: Length/],
    ['51 values', { Attributes: { n: Array(51).fill('x') } }, /Attributes\.n: Size/],
    ['a value outside a list', { Attributes: { n: 'x' as unknown as string[] } }, /Attributes\.n: Must be an array/],
    ['a metric in text', { Metrics: { n: '1' as unknown as number } }, /Metrics\.n: Must be a number/],
    ['an unknown channel', { ChannelType: 'LINE' as 'CUSTOM' }, /ChannelType: Must be one of/],
    ['an unknown opt-out', { OptOut: 'SOME' }, /OptOut: Must be one of/],
    ['an unknown status', { EndpointStatus: 'ASLEEP' }, /EndpointStatus/],
    ['a date in words', { EffectiveDate: 'today' }, /EffectiveDate: Must match/],
    ['a number as address', { Address: 5 as unknown as string }, /Address: Must be a string/],
    ['251 names together', { Attributes: names(126), User: { UserAttributes: names(125) } }, /at most 250 attributes/],
    ['more than 15 KB', { Attributes: { n: Array(50).fill('x'.repeat(100)), o: Array(50).fill('x'.repeat(100)), p: Array(50).fill('x'.repeat(100)) } }, /15 KB/],
  ])('refuses %s', async (_name, request, message) => {
    await expect(update(request)).rejects.toMatchObject({ name: 'BadRequestException', message: expect.stringMatching(message), $metadata: { httpStatusCode: 400 } });
    expect(pinpoint.endpoints()).toEqual([]);
  });

  test('names count over the whole project', async () => {
    await update({ Attributes: names(150) });
    await update({ Attributes: names(150) }, BOB);
    await expect(update({ Attributes: names(101, 'b') }, BOB)).rejects.toMatchObject({ name: 'BadRequestException' });
  });

  test('a user has at most 15 endpoints', async () => {
    for (let i = 0; i < 15; i++) await update({ ChannelType: 'CUSTOM', User: { UserId: 'u' } }, `endpoint-${i}`);
    await update({ ChannelType: 'CUSTOM', OptOut: 'ALL', User: { UserId: 'u' } }, 'endpoint-0');
    await expect(update({ ChannelType: 'CUSTOM', User: { UserId: 'u' } }, 'endpoint-15')).rejects.toThrow(/at most 15 endpoints/);
  });

  test('a project that does not exist is not found', async () => {
    await expect(update({}, ALICE, 'ffffffffffffffffffffffffffffffff')).rejects.toMatchObject({ name: 'NotFoundException' });
  });

  test('keeps every call, and notes members that the model does not have', async () => {
    await update({ Address: ALICE });
    await get();
    const headers = { authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/mobiletargeting/aws4_request, SignedHeaders=host, Signature=x' };
    await fetch(`${pinpoint.url}/v1/apps/${APP}/endpoints/x`, { method: 'PUT', headers, body: '{"User":{"Name":"A"}}' });
    expect(pinpoint.calls('updateEndpoint')).toMatchObject([
      { applicationId: APP, endpointId: ALICE, status: 202, body: `{"Address":"${ALICE}"}`, unknownMembers: [] },
      { endpointId: 'x', status: 202, unknownMembers: ['User.Name'] },
    ]);
    expect(pinpoint.calls('getEndpoint')).toMatchObject([{ status: 200 }]);
    expect(JSON.stringify(pinpoint.calls())).not.toContain('AWS4');
  });

  test.each([
    ['an unsigned call', `/v1/apps/${APP}/endpoints/x`, 'PUT', '{}', false, 403, 'ForbiddenException'],
    ['another method', `/v1/apps/${APP}/endpoints/x`, 'POST', '{}', true, 405, 'MethodNotAllowedException'],
    ['an id that is no percent-encoding', `/v1/apps/${APP}/endpoints/%zz`, 'GET', undefined, true, 404, 'NotFoundException'],
    ['another path', '/v1/apps', 'GET', undefined, true, 404, 'NotFoundException'],
    ['a body that is no JSON', `/v1/apps/${APP}/endpoints/x`, 'PUT', '{', true, 400, 'BadRequestException'],
  ])('refuses %s', async (_name, path, method, body, signed, status, type) => {
    const authorization = 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/mobiletargeting/aws4_request, SignedHeaders=host, Signature=x';
    const response = await fetch(pinpoint.url + path, { method, body, headers: signed ? { authorization } : {} });
    expect([response.status, response.headers.get('x-amzn-errortype')]).toEqual([status, type]);
  });

  test.each([
    [403, 'ForbiddenException'], [404, 'NotFoundException'], [429, 'TooManyRequestsException'], [500, 'InternalServerErrorException'],
  ])('fails with %s when told to', async (status, name) => {
    pinpoint.script('updateEndpoint', faults.status(status));
    await expect(update({ Address: ALICE })).rejects.toMatchObject({ name, $metadata: { httpStatusCode: status } });
    await expect(update({ Address: ALICE })).resolves.toBeDefined();
  });

  test('can end for good, with a status that the model does not have', async () => {
    pinpoint.always('*', faults.status(410, 'Amazon Pinpoint is no longer available'));
    for (const attempt of [update({ Address: ALICE }), get(), remove()]) {
      await expect(attempt).rejects.toMatchObject({ $metadata: { httpStatusCode: 410 } });
    }
    pinpoint.always('*');
    await expect(update({ Address: ALICE })).resolves.toBeDefined();
  });

  test('can accept and cut the connection, or cut it before', async () => {
    pinpoint.script('updateEndpoint', faults.reset({ accepted: true }), faults.reset());
    await expect(update({ Address: ALICE })).rejects.toThrow();
    await expect(update({ Address: BOB }, BOB)).rejects.toThrow();
    expect(pinpoint.endpoints().map(({ Id }) => Id)).toEqual([ALICE]);
    expect(pinpoint.calls()).toMatchObject([{ status: 0 }, { status: 0 }]);
  });

  test('fails at random, repeatably, and late when told to', async () => {
    pinpoint.randomFaults({ seed: 1, share: 1, faults: [faults.slow(30)] });
    await expect(update({ Address: ALICE })).resolves.toBeDefined();
    pinpoint.clearFaults();
    expect(pinpoint.calls()).toMatchObject([{ fault: { answer: 'normal', delayMs: 30 }, status: 202 }]);
  });

  test('any project exists unless some are named', async () => {
    const open = new PinpointEndpoints();
    expect(() => open.url).toThrow(/await start\(\) first/);
    await open.start();
    const other = new PinpointClient({ endpoint: open.url, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
    await expect(other.send(new UpdateEndpointCommand({ ApplicationId: 'any', EndpointId: 'x', EndpointRequest: {} }))).resolves.toBeDefined();
    other.destroy();
    await open.stop();
  });
});
