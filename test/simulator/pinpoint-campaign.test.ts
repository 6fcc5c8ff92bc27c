import { campaignEvents } from '../../simulator/pinpoint-campaign';
import { StoredEndpoint } from '../../simulator/pinpoint-endpoints';

const endpoint = (n: number): StoredEndpoint => ({
  ApplicationId: 'app',
  Id: `endpoint-${n}`,
  Address: `U${String(n).padStart(32, '0')}`,
  ChannelType: 'CUSTOM',
  OptOut: n % 2 ? 'ALL' : 'NONE',
  EndpointStatus: 'ACTIVE',
  EffectiveDate: '2026-04-01T00:00:00.000Z',
  CreationDate: '2026-04-01T00:00:00.000Z',
  CohortId: '42',
  RequestId: 'request',
  User: { UserId: `user-${n}` },
});
const endpoints = (count: number) => Array.from({ length: count }, (_, n) => endpoint(n));

test.each([[0, []], [1, [1]], [50, [50]], [51, [50, 1]], [120, [50, 50, 20]]])('%d endpoints come in events of %j', (count, expected) => {
  expect(campaignEvents(endpoints(count), 'app', 'x').map(({ Endpoints }) => Object.keys(Endpoints!).length)).toEqual(expected);
});

test('the events of a run are one campaign, and another run is another', () => {
  const [one, two] = campaignEvents(endpoints(51), 'app', '春');
  const [other] = campaignEvents(endpoints(1), 'app', '春');

  expect(two).toEqual({ ...one, Endpoints: expect.anything() });
  expect(one).toMatchObject({ ApplicationId: 'app', Data: '春', TreatmentId: '0', CampaignId: expect.stringMatching(/^[0-9a-f]{32}$/) });
  expect(other.CampaignId).not.toBe(one.CampaignId);
});

test('an endpoint has the members of the documented event: its id is the key, its cohort an attribute', () => {
  const { ApplicationId: _application, Id: _id, RequestId: _request, CohortId: _cohort, ...members } = endpoint(1);

  expect(campaignEvents([endpoint(1)], 'app')[0].Endpoints).toEqual({ 'endpoint-1': { ...members, Attributes: { CohortId: ['42'] } } });
});

test('data that was left out is no member', () => {
  expect(campaignEvents(endpoints(1), 'app')[0]).not.toHaveProperty('Data');
});
