import * as fc from 'fast-check';
import { FilteredEndpoint, compileFilter } from '../../../src/domain/campaigns/segment-filter';

const NOW = Date.parse('2026-12-01T00:00:00Z');

const NOBODY_IN_PARTICULAR: FilteredEndpoint = {};
const HANAKO: FilteredEndpoint = {
  Address: 'U0123456789abcdef0123456789abcdef',
  ChannelType: 'CUSTOM',
  EffectiveDate: '2026-11-20T00:00:00Z',
  CreationDate: '2020-01-01T00:00:00Z',
  Attributes: { Shop: ['Tokyo', 'Osaka'], Visited: ['never', '2026-03-01T08:30:00+09:00', '2026-05-01'] },
  User: { UserId: 'hanako', UserAttributes: { Interests: ['green tea', 'hiking'] } },
  Metrics: { Orders: 3, Rating: 0 },
  Demographic: { Platform: 'iOS', Make: 'Apple' },
  Location: { Country: 'JP', Latitude: 35.681236, Longitude: 139.767125 },
};

const matches = (definition: object, endpoint: FilteredEndpoint = HANAKO) => compileFilter(definition)(endpoint, NOW);
const attribute = (name: string, type: string, ...values: string[]) => ({ Attributes: { [name]: { AttributeType: type, Values: values } } });
const metric = (name: string, operator: string, value: number) => ({ Metrics: { [name]: { ComparisonOperator: operator, Value: value } } });

/* Of an endpoint that has the values, and of one that has nothing at all. */
test.each<[string, object, boolean, boolean]>([
  ['INCLUSIVE, one of several values', attribute('Shop', 'INCLUSIVE', 'Nagoya', 'Osaka'), true, false],
  ['INCLUSIVE, no value', attribute('Shop', 'INCLUSIVE', 'Nagoya'), false, false],
  ['INCLUSIVE, another case', attribute('Shop', 'INCLUSIVE', 'tokyo'), false, false],
  ['INCLUSIVE, a part', attribute('Shop', 'INCLUSIVE', 'Tok'), false, false],
  ['EXCLUSIVE, one of several values', attribute('Shop', 'EXCLUSIVE', 'Osaka'), false, true],
  ['EXCLUSIVE, no value', attribute('Shop', 'EXCLUSIVE', 'Nagoya'), true, true],
  ['CONTAINS, a part', attribute('Shop', 'CONTAINS', 'x', 'sak'), true, false],
  ['CONTAINS, another case', attribute('Shop', 'CONTAINS', 'OSA'), false, false],
  ['CONTAINS, the empty text', attribute('Shop', 'CONTAINS', ''), true, false],
  ['BEFORE a later time', attribute('Visited', 'BEFORE', '2026-03-01'), true, false],
  ['BEFORE the instant itself', attribute('Visited', 'BEFORE', '2026-02-28T23:30:00Z'), false, false],
  ['AFTER an earlier time', attribute('Visited', 'AFTER', '2026-04-30T23:59:59.999Z'), true, false],
  ['AFTER the instant itself', attribute('Visited', 'AFTER', '2026-05-01T00:00:00Z'), false, false],
  ['ON the day in UTC', attribute('Visited', 'ON', '2026-02-28'), true, false],
  ["ON the value's day in its own zone", attribute('Visited', 'ON', '2026-03-01'), false, false],
  ['ON, the time does not count', attribute('Visited', 'ON', '2026-05-01T23:59:59Z'), true, false],
  ['BETWEEN, both ends included', attribute('Visited', 'BETWEEN', '2026-05-01', '2026-05-01'), true, false],
  ['BETWEEN others', attribute('Visited', 'BETWEEN', '2026-03-02', '2026-04-30'), false, false],
  ['a time compared with what is none', attribute('Shop', 'AFTER', '1970-01-01'), false, false],
  ['a user attribute', { UserAttributes: { Interests: { AttributeType: 'CONTAINS', Values: ['tea'] } } }, true, false],
  ['an attribute is no user attribute', { UserAttributes: { Shop: { Values: ['Tokyo'] } } }, false, false],
  ['EQUAL', metric('Orders', 'EQUAL', 3), true, false],
  ['EQUAL 0', metric('Rating', 'EQUAL', 0), true, false],
  ['GREATER_THAN less', metric('Orders', 'GREATER_THAN', 2.5), true, false],
  ['GREATER_THAN itself', metric('Orders', 'GREATER_THAN', 3), false, false],
  ['GREATER_THAN_OR_EQUAL itself', metric('Orders', 'GREATER_THAN_OR_EQUAL', 3), true, false],
  ['LESS_THAN more', metric('Orders', 'LESS_THAN', 4), true, false],
  ['LESS_THAN itself', metric('Orders', 'LESS_THAN', 3), false, false],
  ['LESS_THAN_OR_EQUAL itself', metric('Orders', 'LESS_THAN_OR_EQUAL', 3), true, false],
  ['LESS_THAN_OR_EQUAL, which a missing metric is not', metric('None', 'LESS_THAN_OR_EQUAL', 1e9), false, false],
  ['its channel', { Demographic: { Channel: { DimensionType: 'INCLUSIVE', Values: ['EMAIL', 'CUSTOM'] } } }, true, false],
  ['another channel', { Demographic: { Channel: { DimensionType: 'INCLUSIVE', Values: ['EMAIL'] } } }, false, false],
  ['its platform', { Demographic: { Platform: { DimensionType: 'INCLUSIVE', Values: ['iOS'] } } }, true, false],
  ['not its platform', { Demographic: { Platform: { DimensionType: 'EXCLUSIVE', Values: ['iOS'] } } }, false, true],
  ['not another app version', { Demographic: { AppVersion: { DimensionType: 'EXCLUSIVE', Values: ['1.0'] } } }, true, true],
  ['its country', { Location: { Country: { DimensionType: 'INCLUSIVE', Values: ['JP'] } } }, true, false],
  ['not its country', { Location: { Country: { DimensionType: 'EXCLUSIVE', Values: ['JP'] } } }, false, true],
  ['active in 14 days', { Behavior: { Recency: { Duration: 'DAY_14', RecencyType: 'ACTIVE' } } }, true, false],
  ['active in 7 days', { Behavior: { Recency: { Duration: 'DAY_7', RecencyType: 'ACTIVE' } } }, false, false],
  ['inactive for 14 days', { Behavior: { Recency: { Duration: 'DAY_14', RecencyType: 'INACTIVE' } } }, false, true],
  ['inactive for 7 days', { Behavior: { Recency: { Duration: 'DAY_7', RecencyType: 'INACTIVE' } } }, true, true],
  ['two criteria, both true', { ...attribute('Shop', 'INCLUSIVE', 'Tokyo'), ...metric('Orders', 'EQUAL', 3) }, true, false],
  ['two criteria, one true', { ...attribute('Shop', 'INCLUSIVE', 'Tokyo'), ...metric('Orders', 'EQUAL', 4) }, false, false],
  ['two criteria of one kind, one true', { Attributes: { Shop: { Values: ['Tokyo'] }, Visited: { Values: ['always'] } } }, false, false],
  ['no criteria', { Dimensions: {} }, true, true],
])('%s', (_name, definition, hanako, nobody) => {
  expect(matches(definition)).toBe(hanako);
  expect(matches(definition, NOBODY_IN_PARTICULAR)).toBe(nobody);
});

test.each<[string, FilteredEndpoint, boolean]>([
  ['exactly 24 hours ago', { EffectiveDate: '2026-11-30T00:00:00Z' }, true],
  ['a millisecond longer ago', { EffectiveDate: '2026-11-29T23:59:59.999Z' }, false],
  ['in time to come, by a clock that is fast', { EffectiveDate: '2026-12-01T00:00:05Z' }, true],
  ['by the date of creation where there is no other', { CreationDate: '2026-11-30T12:00:00Z' }, true],
  ['by the date of creation where the other is no date', { EffectiveDate: 'soon', CreationDate: '2026-11-30T12:00:00Z' }, true],
  ['not by the date of creation where there is another', { EffectiveDate: '2026-01-01T00:00:00Z', CreationDate: '2026-11-30T12:00:00Z' }, false],
])('recent: %s', (_name, endpoint, active) => {
  const recency = (type: string) => ({ Behavior: { Recency: { Duration: 'HR_24', RecencyType: type } } });
  expect(matches(recency('ACTIVE'), endpoint)).toBe(active);
  expect(matches(recency('INACTIVE'), endpoint)).toBe(!active);
});

/* Distances from Tokyo station, worked out by others: Osaka 403 km, Sapporo 832 km; a degree of the meridian is 111.195 km. */
test.each<[string, FilteredEndpoint['Location'], number, boolean]>([
  ['Tokyo station itself', { Latitude: 35.681236, Longitude: 139.767125 }, 0, true],
  ['Osaka in 410 km', { Latitude: 34.702485, Longitude: 135.495951 }, 410, true],
  ['Osaka in 395 km', { Latitude: 34.702485, Longitude: 135.495951 }, 395, false],
  ['Sapporo in 840 km', { Latitude: 43.068661, Longitude: 141.350755 }, 840, true],
  ['Sapporo in 820 km', { Latitude: 43.068661, Longitude: 141.350755 }, 820, false],
  ['a degree north in 111.2 km', { Latitude: 36.681236, Longitude: 139.767125 }, 111.2, true],
  ['a degree north in 111.1 km', { Latitude: 36.681236, Longitude: 139.767125 }, 111.1, false],
  ['the other side of the Earth', { Latitude: -35.681236, Longitude: -40.232875 }, 20_016, true],
  ['the other side of the Earth in less', { Latitude: -35.681236, Longitude: -40.232875 }, 20_000, false],
  ['coordinates as texts', { Latitude: '35.68', Longitude: '139.76' }, 5, true],
  ['coordinates as empty texts', { Latitude: '', Longitude: '' }, 20_100, false],
  ['one coordinate', { Latitude: 35.68 }, 20_100, false],
  ['a country only', { Country: 'JP' }, 20_100, false],
])('nearby: %s', (_name, location, range, near) => {
  const definition = { Location: { GPSPoint: { Coordinates: { Latitude: 35.681236, Longitude: 139.767125 }, RangeInKilometers: range } } };
  expect(matches(definition, { Location: location })).toBe(near);
});

test('two shores of the date line are near each other', () => {
  const definition = { Location: { GPSPoint: { Coordinates: { Latitude: 0, Longitude: 179.9 }, RangeInKilometers: 30 } } };
  expect(matches(definition, { Location: { Latitude: 0, Longitude: -179.9 } })).toBe(true);
});

const YES = attribute('Shop', 'INCLUSIVE', 'Tokyo');
const NO = attribute('Shop', 'INCLUSIVE', 'Nagoya');
const group = (type: string, ...dimensions: object[]) => ({ Dimensions: dimensions, Type: type });

test.each<[string, object, boolean]>([
  ['ALL of two, one true', { Groups: [group('ALL', YES, NO)] }, false],
  ['ALL of two', { Groups: [group('ALL', YES, YES)] }, true],
  ['ANY of two, one true', { Groups: [group('ANY', NO, YES)] }, true],
  ['ANY of two, none true', { Groups: [group('ANY', NO, NO)] }, false],
  ['NONE of two, one true', { Groups: [group('NONE', NO, YES)] }, false],
  ['NONE of two, none true', { Groups: [group('NONE', NO, NO)] }, true],
  ['NONE of one', { Groups: [group('NONE', YES)] }, false],
  ['ALL groups, one true', { Groups: [group('ALL', YES), group('ALL', NO)], Include: 'ALL' }, false],
  ['ANY group, one true', { Groups: [group('ALL', NO), group('ALL', YES)], Include: 'ANY' }, true],
  ['no group, one true', { Groups: [group('ALL', NO), group('ALL', YES)], Include: 'NONE' }, false],
  ['no group, none true', { Groups: [group('ALL', NO), group('ALL', NO)], Include: 'NONE' }, true],
  ['a group that says nothing is true', { Groups: [group('ALL', NO), group('ANY')], Include: 'ANY' }, true],
  ['dimensions that say nothing are true', { Groups: [group('NONE', {})] }, false],
])('groups: %s', (_name, definition, expected) => {
  expect(matches(definition)).toBe(expected);
});

test('a definition that is built on others is no filter', () => {
  expect(() => compileFilter({ Groups: [{ SourceSegments: [{ Id: 'a' }] }] }, 'leaf'))
    .toThrow('`leaf` must not be built on other segments when it is used as a filter, but names a');
});

test('a wrong definition is no filter', () => {
  expect(() => compileFilter({ Attributes: { Shop: {} } })).toThrow('`segment.Attributes.Shop.Values` must be a list of at least one text, got nothing');
});

test('a text where a list belongs is a value, anything else is none', () => {
  const row = (shop: unknown) => ({ Attributes: { Shop: shop } }) as FilteredEndpoint;
  expect(matches(YES, row('Tokyo'))).toBe(true);
  expect([null, 7, {}, [null, 7]].map((shop) => matches(YES, row(shop)))).toEqual([false, false, false, false]);
  expect([null, 7, {}, [null, 7]].map((shop) => matches(attribute('Shop', 'CONTAINS', '7'), row(shop)))).toEqual([false, false, false, false]);
  expect([null, 7, {}, [null, 7]].map((shop) => matches(attribute('Shop', 'AFTER', '1970-01-01'), row(shop)))).toEqual([false, false, false, false]);
});

describe('any definition, any endpoint', () => {
  const word = fc.constantFrom('a', 'ab', 'b', '');
  const name = fc.constantFrom('x', 'y');
  const words = fc.array(word, { minLength: 1, maxLength: 3 });
  const attributes = fc.dictionary(name, fc.record({ AttributeType: fc.constantFrom('INCLUSIVE', 'EXCLUSIVE', 'CONTAINS'), Values: words }), { maxKeys: 2 });
  const metrics = fc.dictionary(name, fc.record({
    ComparisonOperator: fc.constantFrom('EQUAL', 'GREATER_THAN', 'GREATER_THAN_OR_EQUAL', 'LESS_THAN', 'LESS_THAN_OR_EQUAL'), Value: fc.integer({ min: 0, max: 3 }),
  }), { maxKeys: 2 });
  const set = fc.record({ DimensionType: fc.constantFrom('INCLUSIVE', 'EXCLUSIVE'), Values: words });
  const dimensions = fc.record({
    Attributes: attributes,
    UserAttributes: attributes,
    Metrics: metrics,
    Demographic: fc.record({ Make: set }, { requiredKeys: [] }),
    Location: fc.record({ Country: set }, { requiredKeys: [] }),
  }, { requiredKeys: [] });
  const join = fc.constantFrom<'ALL' | 'ANY' | 'NONE'>('ALL', 'ANY', 'NONE');
  const segment = fc.record({
    Groups: fc.array(fc.record({ Dimensions: fc.array(dimensions, { maxLength: 3 }), Type: join }), { minLength: 1, maxLength: 3 }), Include: join,
  });
  const values = fc.dictionary(name, fc.array(word, { maxLength: 2 }), { maxKeys: 2 });
  const endpoint: fc.Arbitrary<FilteredEndpoint> = fc.record({
    Attributes: values,
    User: fc.record({ UserAttributes: values }, { requiredKeys: [] }),
    Metrics: fc.dictionary(name, fc.integer({ min: 0, max: 3 }), { maxKeys: 2 }),
    Demographic: fc.dictionary(fc.constant('Make'), word),
    Location: fc.dictionary(fc.constant('Country'), word),
  }, { requiredKeys: [] });

  type Dimensions = typeof dimensions extends fc.Arbitrary<infer T> ? T : never;

  /** Every criterion that is asked for, as its answer; written apart from the filter, word by word from Pinpoint's description. */
  function answers(asked: Dimensions, person: FilteredEndpoint): boolean[] {
    const attributeAnswers = (criteria: NonNullable<Dimensions['Attributes']>, theirs: Record<string, string[]> = {}) =>
      Object.keys(criteria).map((key) => {
        const { AttributeType, Values } = criteria[key];
        const has = theirs[key] ?? [];
        const hits = has.filter((value) => AttributeType === 'CONTAINS' ? Values.findIndex((part) => value.indexOf(part) !== -1) !== -1 : Values.some((wanted) => wanted === value));
        return AttributeType === 'EXCLUSIVE' ? hits.length === 0 : hits.length > 0;
      });
    const setAnswer = (criterion: { DimensionType: string; Values: string[] }, value: unknown) =>
      (typeof value === 'string' && Values(criterion).includes(value)) === (criterion.DimensionType === 'INCLUSIVE');
    const Values = (criterion: { Values: string[] }) => criterion.Values;
    return [
      ...attributeAnswers(asked.Attributes ?? {}, person.Attributes),
      ...attributeAnswers(asked.UserAttributes ?? {}, person.User?.UserAttributes),
      ...Object.entries(asked.Metrics ?? {}).map(([key, { ComparisonOperator, Value }]) => {
        const sign = person.Metrics?.[key] === undefined ? undefined : Math.sign(person.Metrics[key] - Value);
        const right: Record<string, number[]> =
          { EQUAL: [0], GREATER_THAN: [1], GREATER_THAN_OR_EQUAL: [0, 1], LESS_THAN: [-1], LESS_THAN_OR_EQUAL: [-1, 0] };
        return sign !== undefined && right[ComparisonOperator].some((one) => one === sign);
      }),
      ...asked.Demographic?.Make ? [setAnswer(asked.Demographic.Make, person.Demographic?.Make)] : [],
      ...asked.Location?.Country ? [setAnswer(asked.Location.Country, person.Location?.Country)] : [],
    ];
  }

  function joined(type: 'ALL' | 'ANY' | 'NONE', given: boolean[]): boolean {
    const yes = given.filter((answer) => answer).length;
    return given.length === 0 || { ALL: yes === given.length, ANY: yes > 0, NONE: yes === 0 }[type];
  }

  test('the filter says what Pinpoint describes', () => {
    let yes = 0;
    fc.assert(fc.property(segment, endpoint, (definition, person) => {
      const expected = joined(definition.Include, definition.Groups.map((each) =>
        joined(each.Type, each.Dimensions.map((each2) => joined('ALL', answers(each2, person))))));
      yes += expected ? 1 : 0;
      expect(compileFilter(definition)(person, NOW)).toBe(expected);
      // As plan and read exchange it.
      expect(compileFilter(JSON.parse(JSON.stringify(definition)))(person, NOW)).toBe(expected);
    }), { numRuns: 3_000 });
    // Both answers were tried.
    expect(yes).toBeGreaterThan(500);
    expect(yes).toBeLessThan(2_500);
  });
});
