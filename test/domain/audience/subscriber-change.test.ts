import { StreamRecord, changeTo, subscriberChange } from '../../../src/domain/audience/subscriber-change';
import { AttributeValue } from '../../../src/domain/shared/attribute-value';

const USER = 'U0123456789abcdef0123456789abcdef';
const KEYS = { pk: { S: `line#${USER}` }, sk: { S: 'ENDPOINT' } };
const ROW = {
  ...KEYS,
  Address: { S: USER },
  ChannelType: { S: 'CUSTOM' },
  OptOut: { S: 'NONE' },
  EndpointStatus: { S: 'ACTIVE' },
  EffectiveDate: { S: '2026-11-01T00:00:00.000Z' },
  CreationDate: { S: '2026-10-01T00:00:00.000Z' },
  User: { M: { UserId: { S: USER }, UserAttributes: { M: { DisplayName: { L: [{ S: 'Aya' }] } } } } },
  Metrics: { M: { visits: { N: '3' } } },
  subscriptionAt: { N: '1793491200000' },
  subscriptionEventId: { S: '01H' },
  attributesAt: { N: '1793491200500' },
};
const ENDPOINT = {
  Address: USER,
  ChannelType: 'CUSTOM',
  OptOut: 'NONE',
  EndpointStatus: 'ACTIVE',
  EffectiveDate: '2026-11-01T00:00:00.000Z',
  CreationDate: '2026-10-01T00:00:00.000Z',
  User: { UserId: USER, UserAttributes: { DisplayName: ['Aya'] } },
  Metrics: { visits: 3 },
};
const TOMBSTONE = { ...KEYS, subscriptionAt: { N: '1793491200000' }, subscriptionEventId: { S: '01H' }, erased: { BOOL: true } };

type Image = Record<string, AttributeValue>;
const record = (OldImage?: Image, NewImage?: Image, Keys: Image = KEYS): StreamRecord => ({ dynamodb: { Keys, OldImage, NewImage } });
const upsert = (endpoint: object) => ({ channelKey: 'line', subscriberId: USER, change: 'UPSERT', endpoint, subscriptionAt: 1793491200000, subscriptionEventId: '01H', attributesAt: 1793491200500 });
const CLOCKS = { subscriptionAt: 1793491200000, subscriptionEventId: '01H' };
const erase = { channelKey: 'line', subscriberId: USER, change: 'ERASE' };

test.each([
  ['a new subscriber', record(undefined, ROW), upsert(ENDPOINT)],
  ['an opt-out', record(ROW, { ...ROW, OptOut: { S: 'ALL' } }), upsert({ ...ENDPOINT, OptOut: 'ALL' })],
  ['a new display name', record({ ...ROW, User: { M: {} } }, ROW), upsert(ENDPOINT)],
  ['a re-follow after an erasure', record(TOMBSTONE, ROW), upsert(ENDPOINT)],
  ['an erasure', record(ROW, TOMBSTONE), { ...erase, ...CLOCKS }],
  ['an erasure of someone unknown', record(undefined, TOMBSTONE), { ...erase, ...CLOCKS }],
  ['a deleted row', record(ROW, undefined), erase],
])('%s is told', (_case, given, expected) => {
  expect(subscriberChange(given, 'line')).toEqual(expected);
});

test.each([
  ['a change of the clocks alone', record(ROW, { ...ROW, subscriptionEventId: { S: '01J' }, attributesAt: { N: '1793491200600' } })],
  ['a tombstone whose clock moves', record(TOMBSTONE, { ...TOMBSTONE, subscriptionAt: { N: '1793491200001' } })],
  ['a deleted tombstone', record(TOMBSTONE, undefined)],
  ['a subscriber of another channel', record(undefined, ROW, { ...KEYS, pk: { S: `line2#${USER}` } })],
  ['an event marker', record(undefined, {}, { pk: { S: 'EVENT#line#01H' }, sk: { S: 'EVENT' } })],
  ['another row of a subscriber', record(undefined, {}, { ...KEYS, sk: { S: 'NOTE' } })],
  ['a record without keys', {}],
  ['a row keyed by numbers', record(undefined, {}, { pk: { N: '1' }, sk: { S: 'ENDPOINT' } })],
])('%s is not told', (_case, given) => {
  expect(subscriberChange(given, 'line')).toBeUndefined();
});

test('a row as it is means the same as the record of its change', () => {
  expect(changeTo('line', USER, { ...ENDPOINT, ...CLOCKS, attributesAt: 1793491200500, note: 'x' } as never)).toEqual(upsert(ENDPOINT));
  expect(changeTo('line', USER, { ...CLOCKS, erased: true })).toEqual({ ...erase, ...CLOCKS });
});
