import * as fc from 'fast-check';
import { closestName } from '../../../src/contract/closest-name';
import { checkSegment, instantOf } from '../../../src/contract/segments';
import { readSegment } from '../../../src/domain/campaigns/segment-definition';
import { compileFilter } from '../../../src/domain/campaigns/segment-filter';
import { SourceError } from '../../../src/domain/campaigns/source-error';

const TEA = { AttributeType: 'INCLUSIVE', Values: ['tea'] } as const;
const DIMENSIONS = { UserAttributes: { Interests: TEA } };
const GROUP = { Dimensions: [DIMENSIONS], Type: 'ALL', SourceSegments: [], SourceType: 'ALL' };
const SEGMENT = { Groups: [GROUP], Include: 'ALL' };
const EVERYBODY = { Groups: [], Include: 'ALL' };

/** As Pinpoint answers for a segment that was made with `Dimensions`. */
const ANSWER = {
  SegmentResponse: {
    ApplicationId: '0123456789abcdef0123456789abcdef',
    Arn: 'arn:aws:mobiletargeting:us-east-1:123456789012:apps/0123456789abcdef0123456789abcdef/segments/tea',
    CreationDate: '2026-01-05T09:00:00.000Z',
    Dimensions: { Attributes: {}, Behavior: {}, Demographic: {}, Location: {}, Metrics: {}, ...DIMENSIONS },
    Id: 'tea',
    LastModifiedDate: '2026-01-05T09:00:00.000Z',
    Name: 'Tea lovers',
    SegmentGroups: {
      Groups: [{
        Dimensions: [{ Attributes: {}, Behavior: {}, Demographic: {}, Location: {}, Metrics: {}, ...DIMENSIONS }],
        SourceSegments: [],
        SourceType: 'ALL',
        Type: 'ALL',
      }],
      Include: 'ALL',
    },
    SegmentType: 'DIMENSIONAL',
    Version: 1,
    tags: {},
  },
};

test.each<[string, unknown, object]>([
  ["GetSegment's answer", ANSWER, SEGMENT],
  ["GetSegment's answer through the SDK for JavaScript", { ...ANSWER, $metadata: { httpStatusCode: 200 } }, SEGMENT],
  ["GetSegment's answer through boto3", { ...ANSWER, ResponseMetadata: { HTTPStatusCode: 200 } }, SEGMENT],
  ['SegmentResponse alone', ANSWER.SegmentResponse, SEGMENT],
  ["CreateSegment's input", { ApplicationId: 'a', WriteSegmentRequest: { Name: 'Tea lovers', Dimensions: DIMENSIONS } }, SEGMENT],
  ['an object with Dimensions', { Dimensions: DIMENSIONS }, SEGMENT],
  ['an object with SegmentGroups', { SegmentGroups: SEGMENT }, SEGMENT],
  ['Dimensions alone', DIMENSIONS, SEGMENT],
  ['SegmentGroups alone', SEGMENT, SEGMENT],
  ['absent members as null', { Dimensions: { ...DIMENSIONS, Metrics: null, Behavior: { Recency: null } }, SegmentGroups: null, ImportDefinition: null }, SEGMENT],
  ['a comparison without a type', { UserAttributes: { Interests: { Values: ['tea'] } } }, SEGMENT],
  ['a segment of everybody', { SegmentType: 'DIMENSIONAL', Dimensions: { Attributes: {} } }, EVERYBODY],
  ['joins left out where nothing is joined', { SegmentGroups: { Groups: [{ Dimensions: [DIMENSIONS] }] } }, SEGMENT],
  ['source segments', { Groups: [{ SourceSegments: [{ Id: 'a', Version: 3 }, { Id: 'b' }], SourceType: 'ANY' }] },
    { Groups: [{ Dimensions: [], Type: 'ALL', SourceSegments: [{ Id: 'a' }, { Id: 'b' }], SourceType: 'ANY' }], Include: 'ALL' }],
])('%s is read', (_name, definition, segment) => {
  expect(readSegment(definition, 'source.segment')).toEqual(segment);
});

test('every kind of criterion is read', () => {
  const dimensions = {
    Attributes: {
      Shop: { AttributeType: 'EXCLUSIVE', Values: ['Osaka'] },
      Note: { AttributeType: 'CONTAINS', Values: ['gift'] },
      Joined: { AttributeType: 'BETWEEN', Values: ['2026-01-01', '2026-02-01T00:00:00+09:00'] },
      Left: { AttributeType: 'BEFORE', Values: ['2026-01-01'] },
      Seen: { AttributeType: 'AFTER', Values: ['2026-01-01T00:00:00Z'] },
      Born: { AttributeType: 'ON', Values: ['1990-04-01'] },
    },
    UserAttributes: { Interests: TEA },
    Metrics: { Orders: { ComparisonOperator: 'GREATER_THAN_OR_EQUAL', Value: 3 } },
    Demographic: { Channel: { DimensionType: 'INCLUSIVE', Values: ['CUSTOM'] }, Platform: { DimensionType: 'EXCLUSIVE', Values: ['iOS'] } },
    Location: {
      Country: { DimensionType: 'INCLUSIVE', Values: ['JP', 'TW'] },
      GPSPoint: { Coordinates: { Latitude: 35.68, Longitude: 139.77 }, RangeInKilometers: 10 },
    },
    Behavior: { Recency: { Duration: 'DAY_30', RecencyType: 'ACTIVE' } },
  };
  expect(readSegment({ Dimensions: dimensions }, 'segment').Groups[0].Dimensions[0]).toEqual(dimensions);
});

test.each<[string, unknown, string]>([
  ['a text', 'tea', "`s` must be Amazon Pinpoint's segment: what GetSegment answers, or its `Dimensions` or `SegmentGroups`, got \"tea\""],
  ['nothing', undefined, '`s` must be Amazon Pinpoint\'s segment: what GetSegment answers, or its `Dimensions` or `SegmentGroups`, got nothing'],
  ['an empty object', {}, '`s` must be Amazon Pinpoint\'s segment: what GetSegment answers, or its `Dimensions` or `SegmentGroups`, got {}: for everybody leave the segment out and use the source of all subscribers'],
  ['a name that is nearly known', { Dimension: {} },
    '`s.Dimension` is not known, allowed are ApplicationId, Arn, CreationDate, Dimensions, Id, ImportDefinition, LastModifiedDate, Name, SegmentGroups, SegmentType, Tags, Version, tags, Groups, Include, Attributes, Behavior, Demographic, Location, Metrics, UserAttributes, SegmentResponse, WriteSegmentRequest; did you mean Dimensions?'],
  ['all segments', { SegmentsResponse: { Item: [] } }, '`s` must be one segment, got the answer of GetSegments: give one of its `SegmentsResponse.Item`'],
  ['an imported segment', { SegmentResponse: { ...ANSWER.SegmentResponse, SegmentType: 'IMPORT' } },
    '`s.SegmentResponse` must be a dimensional segment, got an imported one, whose members are in its file and not in its definition: import the file with a tag and use the source by that tag'],
  ['the definition of an import', { ImportDefinition: { Format: 'CSV' } },
    '`s` must be a dimensional segment, got an imported one, whose members are in its file and not in its definition: import the file with a tag and use the source by that tag'],
  ['an unknown segment type', { SegmentType: 'DIMENSION', Dimensions: DIMENSIONS }, '`s.SegmentType` must be DIMENSIONAL, got "DIMENSION"; did you mean DIMENSIONAL?'],
  ['both, and they differ', { Dimensions: { Metrics: { Orders: { ComparisonOperator: 'EQUAL', Value: 1 } } }, SegmentGroups: SEGMENT },
    '`s.Dimensions` says something else than `SegmentGroups`: leave one of both out'],
  ['an unknown dimension', { Dimensions: { UserAttribute: { Interests: TEA } } },
    '`s.Dimensions.UserAttribute` is not known, allowed are Attributes, Behavior, Demographic, Location, Metrics, UserAttributes; did you mean UserAttributes?'],
  ['an unknown demographic', { Dimensions: { Demographic: { Locale: { Values: ['ja_JP'] } } } },
    '`s.Dimensions.Demographic.Locale` is not known, allowed are AppVersion, Channel, DeviceType, Make, Model, Platform'],
  ['an unknown place', { Dimensions: { Location: { City: { Values: ['Tokyo'] } } } }, '`s.Dimensions.Location.City` is not known, allowed are Country, GPSPoint'],
  ['a comparison that attributes do not have', { UserAttributes: { Interests: { AttributeType: 'CONTAIN', Values: ['tea'] } } },
    '`s.UserAttributes.Interests.AttributeType` must be one of INCLUSIVE, EXCLUSIVE, CONTAINS, BEFORE, AFTER, ON, BETWEEN, got "CONTAIN"; did you mean CONTAINS?'],
  ['a comparison that sets do not have', { Demographic: { Make: { DimensionType: 'CONTAINS', Values: ['x'] } } },
    '`s.Demographic.Make.DimensionType` must be one of INCLUSIVE, EXCLUSIVE, got "CONTAINS"'],
  ['no values', { UserAttributes: { Interests: { Values: [] } } }, '`s.UserAttributes.Interests.Values` must be a list of at least one text, got []'],
  ['one value that is no list', { UserAttributes: { Interests: { Values: 'tea' } } }, '`s.UserAttributes.Interests.Values` must be a list of at least one text, got "tea"'],
  ['a value that is no text', { UserAttributes: { Level: { Values: ['1', 2] } } }, '`s.UserAttributes.Level.Values[1]` must be a text, got 2'],
  ['an attribute with a dot in its name', { Attributes: { 'a.b': { Values: [] } } }, '`s.Attributes["a.b"].Values` must be a list of at least one text, got []'],
  ['a time without a zone', { Attributes: { Seen: { AttributeType: 'AFTER', Values: ['2026-12-01T09:00:00'] } } },
    '`s.Attributes.Seen.Values[0]` must be an ISO 8601 date or a time with its zone, such as "2026-12-01" or "2026-12-01T09:00:00Z", got "2026-12-01T09:00:00"'],
  ['a day that does not exist', { Attributes: { Seen: { AttributeType: 'ON', Values: ['2026-02-30'] } } },
    '`s.Attributes.Seen.Values[0]` must be an ISO 8601 date or a time with its zone, such as "2026-12-01" or "2026-12-01T09:00:00Z", got "2026-02-30"'],
  ['two times to be after', { Attributes: { Seen: { AttributeType: 'AFTER', Values: ['2026-01-01', '2026-02-01'] } } }, '`s.Attributes.Seen.Values` must be one value for AFTER, got 2'],
  ['one time to be between', { Attributes: { Seen: { AttributeType: 'BETWEEN', Values: ['2026-01-01'] } } }, '`s.Attributes.Seen.Values` must be two values for BETWEEN, got 1'],
  ['times the wrong way round', { Attributes: { Seen: { AttributeType: 'BETWEEN', Values: ['2026-02-01', '2026-01-01'] } } },
    '`s.Attributes.Seen.Values` must begin with the earlier one, got ["2026-02-01","2026-01-01"]'],
  ['an operator', { Metrics: { Orders: { ComparisonOperator: 'GREATER', Value: 1 } } },
    '`s.Metrics.Orders.ComparisonOperator` must be one of EQUAL, GREATER_THAN, GREATER_THAN_OR_EQUAL, LESS_THAN, LESS_THAN_OR_EQUAL, got "GREATER"'],
  ['a metric as a text', { Metrics: { Orders: { ComparisonOperator: 'EQUAL', Value: '1' } } }, '`s.Metrics.Orders.Value` must be a number, got "1"'],
  ['a point off the globe', { Location: { GPSPoint: { Coordinates: { Latitude: 91, Longitude: 0 }, RangeInKilometers: 1 } } },
    '`s.Location.GPSPoint.Coordinates.Latitude` must be a number of degrees from -90 to 90, got 91'],
  ['a point without a range', { Location: { GPSPoint: { Coordinates: { Latitude: 0, Longitude: 0 } } } },
    '`s.Location.GPSPoint.RangeInKilometers` must be a number of kilometres from 0, got nothing'],
  ['a duration', { Behavior: { Recency: { Duration: 'DAY_60', RecencyType: 'ACTIVE' } } },
    '`s.Behavior.Recency.Duration` must be one of HR_24, DAY_7, DAY_14, DAY_30, got "DAY_60"; did you mean DAY_30?'],
  ['recency of no type', { Behavior: { Recency: { Duration: 'DAY_30' } } }, '`s.Behavior.Recency.RecencyType` must be one of ACTIVE, INACTIVE, got nothing'],
  ['several groups joined by nothing', { Groups: [GROUP, GROUP] }, '`s.Include` must be one of ALL, ANY, NONE, got nothing'],
  ['several dimensions joined by nothing', { Groups: [{ Dimensions: [DIMENSIONS, DIMENSIONS] }] }, '`s.Groups[0].Type` must be one of ALL, ANY, NONE, got nothing'],
  ['several source segments joined by nothing', { Groups: [{ SourceSegments: [{ Id: 'a' }, { Id: 'b' }] }] }, '`s.Groups[0].SourceType` must be one of ALL, ANY, NONE, got nothing'],
  ['a source segment without an id', { Groups: [{ SourceSegments: [{ Version: 1 }] }] }, '`s.Groups[0].SourceSegments[0].Id` must be the id of a segment, got nothing'],
  ['groups that are no list', { Groups: GROUP, Include: 'ALL' }, `\`s.Groups\` must be a list of segment groups, got ${JSON.stringify(GROUP)}`],
  ['a long value', { Metrics: { Orders: { ComparisonOperator: 'EQUAL', Value: 'x'.repeat(300) } } }, `\`s.Metrics.Orders.Value\` must be a number, got "${'x'.repeat(199)}…`],
])('%s is refused', (_name, definition, message) => {
  expect(thrown(() => readSegment(definition, 's')).message).toBe(message);
});

function thrown(call: () => unknown): SourceError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(SourceError);
    return error as SourceError;
  }
  throw new Error('nothing was thrown');
}

test('every problem is told at once, twenty at most', () => {
  const attributes = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`A${index}`, { Values: [] }]));
  const problemsOf = (definition: unknown) => thrown(() => readSegment(definition, 'source.segment')).problems;
  expect(problemsOf({ Attributes: attributes(2), Metrics: { M: { ComparisonOperator: 'EQUAL' } } }).map(({ path }) => path))
    .toEqual(['source.segment.Attributes.A0.Values', 'source.segment.Attributes.A1.Values', 'source.segment.Metrics.M.Value']);
  expect(problemsOf({ Attributes: attributes(50) })).toHaveLength(20);
});

test('a segment that takes too long for each person is refused, whatever it is made of', () => {
  const group = { Dimensions: [DIMENSIONS], Type: 'ALL', SourceType: 'ALL' };
  const values = (count: number) => ({ Attributes: { A: { Values: Array.from({ length: count }, (_, index) => `${index}`) } } });
  // The group, its dimensions, their criterion and its value.
  expect(checkSegment({ Groups: Array(1_250).fill(group), Include: 'ANY' }, 's').problems).toEqual([]);
  expect(checkSegment(values(4_998), 's').problems).toEqual([]);
  for (const definition of [
    { Groups: Array(1_251).fill(group), Include: 'ANY' },
    { Groups: [{ ...group, Dimensions: Array(2_000).fill(DIMENSIONS) }] },
    { Metrics: Object.fromEntries(Array.from({ length: 5_001 }, (_, index) => [`M${index}`, { ComparisonOperator: 'EQUAL', Value: 1 }])) },
    { Groups: [{ ...group, SourceSegments: Array(5_000).fill({ Id: 'tea' }) }] },
    values(5_001),
  ]) {
    expect(checkSegment(definition, 's')).toEqual({ problems: [{ path: 's', message: expect.stringMatching(/^has \d+ groups, .*allowed are 5000: give the people a tag/) }] });
  }
});

test('what nests too deeply to be written is refused', () => {
  const deep = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`);
  expect(checkSegment({ Attributes: deep }, 's').problems).toEqual([{ path: 's.Attributes', message: expect.stringContaining('got something that nests too deeply') }]);
});

test('whatever is given is read or refused, and what was read is read as the same', () => {
  const name = fc.constantFrom('Attributes', 'UserAttributes', 'Metrics', 'Location', 'Behavior', 'Demographic', 'Dimensions', 'Groups', 'Include', 'SegmentGroups',
    'SegmentResponse', 'Type', 'Values', 'SourceSegments', 'Id', 'Recency', 'GPSPoint', 'Coordinates', '__proto__', 'constructor');
  const { json } = fc.letrec<{ json: unknown }>((tie) => ({
    json: fc.oneof({ depthSize: 'small' }, fc.constantFrom<unknown>(null, true, 1, 'ALL', 'tea', 'INCLUSIVE', [], ['tea'], {}), fc.array(tie('json'), { maxLength: 3 }),
      // As JSON.parse makes it: `__proto__` is a member like any other.
      fc.array(fc.tuple(name, tie('json')), { maxLength: 4 }).map((members) => Object.fromEntries(members))),
  }));
  fc.assert(fc.property(json, (definition) => {
    const { segment, problems } = checkSegment(definition, 'segment');
    expect(segment === undefined).toBe(problems.length > 0);
    if (segment) {
      expect(checkSegment(JSON.parse(JSON.stringify(segment)), 'segment')).toEqual({ segment, problems: [] });
    }
  }), { numRuns: 2_000 });
});

test('an attribute may be called as a member that every object has', () => {
  const definition: unknown = JSON.parse('{"UserAttributes": {"__proto__": {"Values": ["a"]}, "constructor": {"Values": ["b"]}}}');
  const segment = readSegment(definition, 'segment');
  const filter = compileFilter(JSON.parse(JSON.stringify(segment)));
  const row = (attributes: string) => ({ User: { UserAttributes: JSON.parse(attributes) as Record<string, string[]> } });
  expect(filter(row('{"__proto__": ["a"], "constructor": ["b"]}'), 0)).toBe(true);
  expect(filter(row('{"constructor": ["b"]}'), 0)).toBe(false);
  expect(filter(row('{}'), 0)).toBe(false);
});

describe('instantOf', () => {
  test.each([
    '2026-12-01', '2026-12-01T09:00Z', '2026-12-01T09:00:30Z', '2026-12-01T09:00:30.123Z', '2026-12-01T09:00:30+09:00', '2026-12-01T00:30:00-09:30',
    '2024-02-29', '0001-01-01T00:00:00Z', '1969-12-31T23:59:59.999Z',
  ])('%s is an instant', (text) => {
    expect(instantOf(text)).toBe(Date.parse(text));
  });

  test('fractions finer than a millisecond are cut, and zones may lack the colon', () => {
    expect(instantOf('2026-12-01T09:00:30.123999999Z')).toBe(Date.UTC(2026, 11, 1, 9, 0, 30, 123));
    expect(instantOf('2026-12-01T09:00:30+0900')).toBe(Date.UTC(2026, 11, 1, 0, 0, 30));
  });

  test.each([
    '', 'tomorrow', '2026', '2026-12', '2026-12-01T09:00:00', '2026-12-01 09:00:00Z', '2026-13-01', '2026-00-10', '2026-02-29', '2026-12-01T24:00:00Z', '2026-12-01T09:60:00Z',
    '2026-12-01T09:00:60Z', '2026-12-01T09:00:00+24:00', '1764547200', '01/12/2026', ' 2026-12-01',
  ])('%j is none', (text) => {
    expect(instantOf(text)).toBeNaN();
  });

  test('it agrees with the clock on every millisecond that a clock shows', () => {
    fc.assert(fc.property(fc.date({ min: new Date('0100-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }), (date) => {
      expect(instantOf(date.toISOString())).toBe(date.getTime());
    }));
  });
});

describe('closestName', () => {
  test.each([
    ['UserAttribute', 'UserAttributes'], ['userattributes', 'UserAttributes'], ['Metric', 'Metrics'], ['Metrisc', 'Metrics'],
  ])('%s means %s', (name, meant) => {
    expect(closestName(name, ['Attributes', 'UserAttributes', 'Metrics'])).toBe(meant);
  });

  test.each(['', 'x', 'Tags', 'Behaviour'])('%j means none of them', (name) => {
    expect(closestName(name, ['Attributes', 'UserAttributes', 'Metrics'])).toBeUndefined();
  });
});
