import { PinpointClient, UpdateEndpointCommand } from '@aws-sdk/client-pinpoint';
import { mockClient } from 'aws-sdk-client-mock';
import { PinpointEndpoint } from '../../src/domain/audience/pinpoint-endpoint';
import { PinpointEndpoints } from '../../src/runtime/pinpoint-client';
import { HttpStub, json } from '../support/http-stub';

const USER = `U${'a'.repeat(32)}`;
const ENDPOINT: PinpointEndpoint = {
  Address: USER,
  ChannelType: 'CUSTOM',
  OptOut: 'NONE',
  EndpointStatus: 'ACTIVE',
  EffectiveDate: '2026-11-01T00:00:00.000Z',
  User: { UserId: USER, UserAttributes: { DisplayName: ['Aya'] } },
  Attributes: { plan: ['gold'] },
  Metrics: { visits: 3 },
  Location: { Country: 'JP', Latitude: 35.6 },
  Demographic: { Timezone: 'Asia/Tokyo' },
};

// A real connection, because the SDK's own serialisation, retries and time limits are what is tested.
let stub: HttpStub;
let pinpoint: PinpointEndpoints;

beforeEach(async () => {
  stub = await HttpStub.start();
  stub.handler = json(202, { Message: 'Accepted' });
  process.env.AWS_ENDPOINT_URL_PINPOINT = stub.url;
  process.env.AWS_ACCESS_KEY_ID = 'test';
  process.env.AWS_SECRET_ACCESS_KEY = 'test';
  pinpoint = new PinpointEndpoints('a1b2', 'ap-northeast-1');
});

afterEach(async () => {
  delete process.env.AWS_ENDPOINT_URL_PINPOINT;
  await stub.stop();
});

const refuse = (status: number, type: string, Message: string) => json(status, { Message }, { 'x-amzn-errortype': type });

test('an endpoint is updated as Pinpoint\'s API wants it, in the project\'s region', async () => {
  expect(await pinpoint.update(USER, ENDPOINT)).toEqual({ kind: 'done' });
  expect(stub.requests).toEqual([expect.objectContaining({ method: 'PUT', path: `/v1/apps/a1b2/endpoints/${USER}` })]);
  expect(JSON.parse(stub.requests[0].body)).toEqual(ENDPOINT);
  expect(stub.requests[0].headers.authorization).toContain('/ap-northeast-1/mobiletargeting/');
});

test('an endpoint is deleted', async () => {
  expect(await pinpoint.delete(USER)).toEqual({ kind: 'done' });
  expect(stub.requests).toEqual([expect.objectContaining({ method: 'DELETE', path: `/v1/apps/a1b2/endpoints/${USER}`, body: '' })]);
});

test('a refusal is an answer', async () => {
  stub.handler = refuse(404, 'NotFoundException', 'Resource not found');
  expect(await pinpoint.delete(USER)).toMatchObject({ kind: 'refused', status: 404, name: 'NotFoundException' });
});

test('throttling is tried again a few times, then is an answer', async () => {
  stub.handler = refuse(429, 'TooManyRequestsException', 'Rate exceeded');
  expect(await pinpoint.update(USER, ENDPOINT)).toMatchObject({ kind: 'refused', status: 429, name: 'TooManyRequestsException' });
  expect(stub.requests).toHaveLength(3);
});

test('no answer is an answer, in time', async () => {
  // GIVEN
  stub.handler = () => {};
  const startedAt = Date.now();
  // WHEN
  const answer = await new PinpointEndpoints('a1b2', 'ap-northeast-1', 100).update(USER, ENDPOINT);
  // THEN
  expect(answer).toMatchObject({ kind: 'refused', status: undefined });
  expect(Date.now() - startedAt).toBeLessThan(5_000);
});

test('what happens before an answer is named by Node\'s error code', async () => {
  // GIVEN
  const mock = mockClient(PinpointClient);
  mock.on(UpdateEndpointCommand).rejects(Object.assign(new Error('getaddrinfo ENOTFOUND pinpoint.mars-1.amazonaws.com'), { code: 'ENOTFOUND' }));
  // WHEN
  const answer = await pinpoint.update(USER, ENDPOINT);
  mock.restore();
  // THEN
  expect(answer).toEqual({ kind: 'refused', status: undefined, name: 'ENOTFOUND', message: 'getaddrinfo ENOTFOUND pinpoint.mars-1.amazonaws.com' });
});
