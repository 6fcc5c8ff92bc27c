/**
 * Amazon Pinpoint's segments as definitions of recipients: what is accepted, and what is wrong with the rest. Read at synth, when a
 * source is registered, and in a run, when the input brings the definition.
 *
 * Source: Amazon Pinpoint API reference, "Segment", `SegmentResponse`, `SegmentDimensions`, `SegmentGroupList`.
 */
import { closestName } from './closest-name';

/** How attribute values are compared. Source: Amazon Pinpoint API reference, "AttributeDimension". */
export const ATTRIBUTE_TYPES = ['INCLUSIVE', 'EXCLUSIVE', 'CONTAINS', 'BEFORE', 'AFTER', 'ON', 'BETWEEN'] as const;
export type AttributeType = (typeof ATTRIBUTE_TYPES)[number];

export const DIMENSION_TYPES = ['INCLUSIVE', 'EXCLUSIVE'] as const;
export type DimensionType = (typeof DIMENSION_TYPES)[number];

export const COMPARISON_OPERATORS = ['EQUAL', 'GREATER_THAN', 'GREATER_THAN_OR_EQUAL', 'LESS_THAN', 'LESS_THAN_OR_EQUAL'] as const;
export type ComparisonOperator = (typeof COMPARISON_OPERATORS)[number];

/** Members of `Demographic` in a segment; an endpoint has others besides. */
export const DEMOGRAPHIC_DIMENSIONS = ['AppVersion', 'Channel', 'DeviceType', 'Make', 'Model', 'Platform'] as const;
export type DemographicDimension = (typeof DEMOGRAPHIC_DIMENSIONS)[number];

export const RECENCY_TYPES = ['ACTIVE', 'INACTIVE'] as const;
export type RecencyType = (typeof RECENCY_TYPES)[number];

/** Hours of Pinpoint's durations. */
export const RECENCY_HOURS = { HR_24: 24, DAY_7: 7 * 24, DAY_14: 14 * 24, DAY_30: 30 * 24 } as const;
export type RecencyDuration = keyof typeof RECENCY_HOURS;

/** How several are joined: `Include` of groups, `Type` of a group's dimensions, `SourceType` of its source segments. */
export const SEGMENT_JOINS = ['ALL', 'ANY', 'NONE'] as const;
export type SegmentJoin = (typeof SEGMENT_JOINS)[number];

export interface AttributeDimension {
  readonly AttributeType: AttributeType;
  readonly Values: readonly string[];
}

export interface SetDimension {
  readonly DimensionType: DimensionType;
  readonly Values: readonly string[];
}

export interface MetricDimension {
  readonly ComparisonOperator: ComparisonOperator;
  readonly Value: number;
}

export interface GpsPointDimension {
  readonly Coordinates: { readonly Latitude: number; readonly Longitude: number };
  readonly RangeInKilometers: number;
}

export interface RecencyDimension {
  readonly Duration: RecencyDuration;
  readonly RecencyType: RecencyType;
}

/** Criteria that must all be true; without any: true for everybody. */
export interface SegmentDimensions {
  readonly Attributes?: { readonly [name: string]: AttributeDimension };
  readonly UserAttributes?: { readonly [name: string]: AttributeDimension };
  readonly Metrics?: { readonly [name: string]: MetricDimension };
  readonly Demographic?: { readonly [name in DemographicDimension]?: SetDimension };
  readonly Location?: { readonly Country?: SetDimension; readonly GPSPoint?: GpsPointDimension };
  readonly Behavior?: { readonly Recency?: RecencyDimension };
}

/** Members of its source segments for whom its dimensions are true. */
export interface SegmentGroup {
  readonly Dimensions: readonly SegmentDimensions[];
  readonly Type: SegmentJoin;
  /** Ids of other segments; without any: all subscribers. A `Version` is not looked at. */
  readonly SourceSegments: readonly { readonly Id: string }[];
  readonly SourceType: SegmentJoin;
}

/** A checked definition, with every default filled in; without groups: all subscribers. It is itself accepted as a definition. */
export interface Segment {
  readonly Groups: readonly SegmentGroup[];
  readonly Include: SegmentJoin;
}

/** What is wrong with an input, and where. */
export interface InputProblem {
  /** JSON path, such as `source.segment.SegmentGroups.Groups[0].Type`. */
  readonly path: string;
  /** Without the path: what is allowed, what was received, the fix. */
  readonly message: string;
}

/** Problems that are told at once. */
const MAX_PROBLEMS = 20;

/** Groups, dimensions, criteria and values of a segment, altogether: each takes time for each person. */
export const MAX_SEGMENT_PARTS = 5_000;

/**
 * Checks a definition: what `GetSegment` answers, its `SegmentResponse`, the request of `CreateSegment`, a segment's `Dimensions` or
 * `SegmentGroups`, as they are or alone.
 *
 * What Pinpoint leaves open is not guessed: how several are joined must be said, and no list of values may be empty. A comparison's type
 * that is left out is `INCLUSIVE`.
 *
 * @param path of the definition, which the problems' paths begin with
 * @returns the segment, or what is wrong with the definition (20 problems at most)
 */
export function checkSegment(definition: unknown, path: string): { readonly segment?: Segment; readonly problems: readonly InputProblem[] } {
  const reader = new SegmentReader();
  const segment = reader.read(definition, path);
  if (reader.parts > MAX_SEGMENT_PARTS) {
    const message = `has ${reader.parts} groups, dimensions, criteria and values, allowed are ${MAX_SEGMENT_PARTS}: give the people a tag or a list, and use the source by that`;
    return { problems: [{ path, message }] };
  }
  return reader.problems.length > 0 ? { problems: reader.problems } : { segment, problems: [] };
}

/** Problems as the text of one error. */
export function problemsText(problems: readonly InputProblem[]): string {
  return problems.map(({ path, message }) => `\`${path}\` ${message}`).join('; ');
}

/** Ids of the other segments that a segment is built on. */
export function sourceSegmentIds(segment: Segment): readonly string[] {
  return [...new Set(segment.Groups.flatMap(({ SourceSegments }) => SourceSegments.map(({ Id }) => Id)))];
}

/** What was received, for a message: JSON of at most 200 characters, if it can be written as such. */
export function received(value: unknown): string {
  if (value === undefined) {
    return 'nothing';
  }
  const json = jsonOf(value) ?? typeof value;
  return json.length > 200 ? `${json.slice(0, 200)}…` : json;
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    // It is read however deeply it nests, and written as deep as the stack is.
    return 'something that nests too deeply';
  }
}

const INSTANT = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])([01]\d|2[0-3]):?([0-5]\d)))?$/;

/**
 * Epoch milliseconds of a date (its midnight, UTC) or of a time with its zone, both ISO 8601. `NaN` for anything else, so that no
 * comparison with it is true: a time without a zone says no instant.
 */
export function instantOf(text: string): number {
  const match = INSTANT.exec(text);
  if (!match) {
    return NaN;
  }
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0));
  const midnight = new Date(Date.UTC(year, month - 1, day));
  // Years before 100 would be of the 20th century.
  midnight.setUTCFullYear(year);
  if (midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) {
    return NaN;
  }
  const [fraction, sign, zoneHours, zoneMinutes] = match.slice(7);
  const zone = (sign === '-' ? -1 : 1) * (Number(zoneHours ?? 0) * 60 + Number(zoneMinutes ?? 0));
  return midnight.getTime() + ((hour * 60 + minute - zone) * 60 + second) * 1_000 + (fraction ? Math.floor(Number(`0.${fraction}`) * 1_000) : 0);
}

type Json = { readonly [member: string]: unknown };

const DIMENSIONS_MEMBERS = ['Attributes', 'Behavior', 'Demographic', 'Location', 'Metrics', 'UserAttributes'];
const GROUP_LIST_MEMBERS = ['Groups', 'Include'];
const GROUP_MEMBERS = ['Dimensions', 'SourceSegments', 'SourceType', 'Type'];
const SEGMENT_MEMBERS = [
  'ApplicationId', 'Arn', 'CreationDate', 'Dimensions', 'Id', 'ImportDefinition', 'LastModifiedDate', 'Name', 'SegmentGroups', 'SegmentType',
  'Tags', 'Version', 'tags',
];
/** Of the answers of Pinpoint's clients. */
const ENVELOPES = ['SegmentResponse', 'WriteSegmentRequest'];
const ENVELOPE_MEMBERS = [...ENVELOPES, 'ApplicationId', 'SegmentId', '$metadata', 'ResponseMetadata'];

const ACCEPTED = "Amazon Pinpoint's segment: what GetSegment answers, or its `Dimensions` or `SegmentGroups`";

/** Reads a definition and collects what is wrong with it; what a method answers counts only if there is nothing. */
class SegmentReader {
  public readonly problems: InputProblem[] = [];
  /** Groups, dimensions, criteria and values that were read. */
  public parts = 0;

  public read(json: unknown, path: string): Segment {
    const definition = this.object(json, path, ACCEPTED);
    if (!definition) {
      return EVERYBODY;
    }
    const has = (members: readonly string[]) => members.some((member) => isGiven(definition[member]));
    const envelope = ENVELOPES.find((member) => isGiven(definition[member]));
    if (envelope) {
      this.unknownMembers(definition, path, ENVELOPE_MEMBERS);
      return this.segment(this.object(definition[envelope], `${path}.${envelope}`, ACCEPTED) ?? {}, `${path}.${envelope}`);
    }
    if (isGiven(definition.SegmentsResponse)) {
      this.problem(path, 'must be one segment, got the answer of GetSegments: give one of its `SegmentsResponse.Item`');
      return EVERYBODY;
    }
    if (has(SEGMENT_MEMBERS)) {
      return this.segment(definition, path);
    }
    if (has(GROUP_LIST_MEMBERS)) {
      return this.groupList(definition, path);
    }
    if (has(DIMENSIONS_MEMBERS)) {
      return segmentOf(this.dimensions(definition, path));
    }
    this.unknownMembers(definition, path, [...SEGMENT_MEMBERS, ...GROUP_LIST_MEMBERS, ...DIMENSIONS_MEMBERS, ...ENVELOPES]);
    if (Object.keys(definition).length === 0) {
      this.problem(path, `must be ${ACCEPTED}, got {}: for everybody leave the segment out and use the source of all subscribers`);
    }
    return EVERYBODY;
  }

  private segment(segment: Json, path: string): Segment {
    this.unknownMembers(segment, path, SEGMENT_MEMBERS);
    if (segment.SegmentType === 'IMPORT' || isGiven(segment.ImportDefinition)) {
      this.problem(path, 'must be a dimensional segment, got an imported one, whose members are in its file and not in its definition: '
        + 'import the file with a tag and use the source by that tag');
      return EVERYBODY;
    }
    this.oneOf(segment.SegmentType, `${path}.SegmentType`, ['DIMENSIONAL'], 'DIMENSIONAL');
    const dimensions = isGiven(segment.Dimensions) ? this.dimensions(segment.Dimensions, `${path}.Dimensions`) : {};
    const groups = isGiven(segment.SegmentGroups) ? this.groupList(segment.SegmentGroups, `${path}.SegmentGroups`) : EVERYBODY;
    if (groups.Groups.length === 0) {
      return segmentOf(dimensions);
    }
    // Pinpoint allows one of both in a request, and repeats the one in the other in its answers.
    const isRepeated = groups.Groups.some((group) => group.Dimensions.some((other) => JSON.stringify(other) === JSON.stringify(dimensions)));
    if (Object.keys(dimensions).length > 0 && !isRepeated) {
      this.problem(`${path}.Dimensions`, 'says something else than `SegmentGroups`: leave one of both out');
    }
    return groups;
  }

  private groupList(json: unknown, path: string): Segment {
    const list = this.object(json, path, 'an object with `Groups` and `Include`');
    if (!list) {
      return EVERYBODY;
    }
    this.unknownMembers(list, path, GROUP_LIST_MEMBERS);
    const groups = this.list(list.Groups, `${path}.Groups`, 'segment groups').map((group, index) => this.group(group, `${path}.Groups[${index}]`));
    return { Groups: groups, Include: this.join(list.Include, `${path}.Include`, groups.length) };
  }

  private group(json: unknown, path: string): SegmentGroup {
    const group = this.object(json, path, 'a segment group') ?? {};
    this.unknownMembers(group, path, GROUP_MEMBERS);
    const dimensions = this.list(group.Dimensions, `${path}.Dimensions`, 'dimensions')
      .map((item, index) => this.dimensions(item, `${path}.Dimensions[${index}]`));
    const sources = this.list(group.SourceSegments, `${path}.SourceSegments`, 'objects with the `Id` of a segment')
      .map((item, index) => this.sourceSegment(item, `${path}.SourceSegments[${index}]`));
    return {
      Dimensions: dimensions,
      Type: this.join(group.Type, `${path}.Type`, dimensions.length),
      SourceSegments: sources,
      SourceType: this.join(group.SourceType, `${path}.SourceType`, sources.length),
    };
  }

  private sourceSegment(json: unknown, path: string): { Id: string } {
    const source = this.object(json, path, 'an object with the `Id` of a segment') ?? { Id: 'none' };
    this.unknownMembers(source, path, ['Id', 'Version']);
    if (typeof source.Id !== 'string' || source.Id === '') {
      this.problem(`${path}.Id`, `must be the id of a segment, got ${received(source.Id)}`);
      return { Id: '' };
    }
    return { Id: source.Id };
  }

  private dimensions(json: unknown, path: string): SegmentDimensions {
    const given = this.object(json, path, 'an object of dimensions') ?? {};
    this.unknownMembers(given, path, DIMENSIONS_MEMBERS);
    return withoutEmpty({
      Attributes: this.map(given.Attributes, `${path}.Attributes`, (value, at) => this.attribute(value, at)),
      Behavior: this.members(given.Behavior, `${path}.Behavior`, { Recency: (value, at) => this.recency(value, at) }),
      Demographic: this.members(given.Demographic, `${path}.Demographic`,
        Object.fromEntries(DEMOGRAPHIC_DIMENSIONS.map((name) => [name, (value: unknown, at: string) => this.set(value, at)]))),
      Location: this.members(given.Location, `${path}.Location`,
        { Country: (value, at) => this.set(value, at), GPSPoint: (value, at) => this.gpsPoint(value, at) }),
      Metrics: this.map(given.Metrics, `${path}.Metrics`, (value, at) => this.metric(value, at)),
      UserAttributes: this.map(given.UserAttributes, `${path}.UserAttributes`, (value, at) => this.attribute(value, at)),
    });
  }

  private attribute(json: unknown, path: string): AttributeDimension {
    const given = this.object(json, path, 'an object with `AttributeType` and `Values`') ?? {};
    this.unknownMembers(given, path, ['AttributeType', 'Values']);
    const type = this.oneOf(given.AttributeType, `${path}.AttributeType`, ATTRIBUTE_TYPES, 'INCLUSIVE');
    const values = this.values(given.Values, `${path}.Values`);
    if (type === 'BEFORE' || type === 'AFTER' || type === 'ON' || type === 'BETWEEN') {
      this.instants(type, values, `${path}.Values`);
    }
    return { AttributeType: type, Values: values };
  }

  /** `values` is empty after another problem. */
  private instants(type: AttributeType, values: readonly string[], path: string): void {
    values.forEach((value, index) => {
      if (Number.isNaN(instantOf(value))) {
        this.problem(`${path}[${index}]`, `must be an ISO 8601 date or a time with its zone, such as "2026-12-01" or "2026-12-01T09:00:00Z", got ${received(value)}`);
      }
    });
    const needed = type === 'BETWEEN' ? 2 : 1;
    if (values.length > 0 && values.length !== needed) {
      this.problem(path, `must be ${needed === 1 ? 'one value' : 'two values'} for ${type}, got ${values.length}`);
    }
    if (type === 'BETWEEN' && instantOf(values[0] ?? '') > instantOf(values[1] ?? '')) {
      this.problem(path, `must begin with the earlier one, got ${received(values)}`);
    }
  }

  private set(json: unknown, path: string): SetDimension {
    const given = this.object(json, path, 'an object with `DimensionType` and `Values`') ?? {};
    this.unknownMembers(given, path, ['DimensionType', 'Values']);
    return {
      DimensionType: this.oneOf(given.DimensionType, `${path}.DimensionType`, DIMENSION_TYPES, 'INCLUSIVE'),
      Values: this.values(given.Values, `${path}.Values`),
    };
  }

  private metric(json: unknown, path: string): MetricDimension {
    const given = this.object(json, path, 'an object with `ComparisonOperator` and `Value`') ?? {};
    this.unknownMembers(given, path, ['ComparisonOperator', 'Value']);
    return {
      ComparisonOperator: this.oneOf(given.ComparisonOperator, `${path}.ComparisonOperator`, COMPARISON_OPERATORS),
      Value: this.number(given.Value, `${path}.Value`, 'a number', -Infinity, Infinity),
    };
  }

  private gpsPoint(json: unknown, path: string): GpsPointDimension {
    const given = this.object(json, path, 'an object with `Coordinates` and `RangeInKilometers`') ?? {};
    this.unknownMembers(given, path, ['Coordinates', 'RangeInKilometers']);
    const at = `${path}.Coordinates`;
    const coordinates = this.object(given.Coordinates, at, 'an object with `Latitude` and `Longitude`') ?? { Latitude: 0, Longitude: 0 };
    this.unknownMembers(coordinates, at, ['Latitude', 'Longitude']);
    return {
      Coordinates: {
        Latitude: this.number(coordinates.Latitude, `${at}.Latitude`, 'a number of degrees from -90 to 90', -90, 90),
        Longitude: this.number(coordinates.Longitude, `${at}.Longitude`, 'a number of degrees from -180 to 180', -180, 180),
      },
      RangeInKilometers: this.number(given.RangeInKilometers, `${path}.RangeInKilometers`, 'a number of kilometres from 0', 0, Infinity),
    };
  }

  private recency(json: unknown, path: string): RecencyDimension {
    const given = this.object(json, path, 'an object with `Duration` and `RecencyType`') ?? {};
    this.unknownMembers(given, path, ['Duration', 'RecencyType']);
    return {
      Duration: this.oneOf(given.Duration, `${path}.Duration`, Object.keys(RECENCY_HOURS) as RecencyDuration[]),
      RecencyType: this.oneOf(given.RecencyType, `${path}.RecencyType`, RECENCY_TYPES),
    };
  }

  private problem(path: string, message: string): void {
    if (this.problems.length < MAX_PROBLEMS) {
      this.problems.push({ path, message });
    }
  }

  private object(json: unknown, path: string, what: string): Json | undefined {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      this.problem(path, `must be ${what}, got ${received(json)}`);
      return undefined;
    }
    return json as Json;
  }

  private list(json: unknown, path: string, what: string): readonly unknown[] {
    if (!isGiven(json)) {
      return [];
    }
    if (!Array.isArray(json)) {
      this.problem(path, `must be a list of ${what}, got ${received(json)}`);
      return [];
    }
    this.parts += json.length;
    return json;
  }

  /** Members of any name. What is absent, `null` or empty is no criterion. */
  private map<T>(json: unknown, path: string, read: (value: unknown, path: string) => T): { readonly [name: string]: T } | undefined {
    const given = isGiven(json) ? this.object(json, path, 'an object, name → criterion') : undefined;
    this.parts += Object.keys(given ?? {}).length;
    // Not by assignment: a member may be called `__proto__`.
    return given && Object.fromEntries(Object.entries(given).filter(([, value]) => isGiven(value))
      .map(([name, value]) => [name, read(value, /^\w+$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`)]));
  }

  /** Members of known names. */
  private members(json: unknown, path: string, readers: { readonly [name: string]: (value: unknown, path: string) => unknown }): object | undefined {
    const given = isGiven(json) ? this.object(json, path, 'an object') : undefined;
    if (!given) {
      return undefined;
    }
    this.unknownMembers(given, path, Object.keys(readers));
    return Object.fromEntries(Object.keys(readers).filter((name) => isGiven(given[name]))
      .map((name) => [name, readers[name](given[name], `${path}.${name}`)]));
  }

  private values(json: unknown, path: string): readonly string[] {
    if (!Array.isArray(json) || json.length === 0) {
      this.problem(path, `must be a list of at least one text, got ${received(json)}`);
      return [];
    }
    this.parts += json.length;
    json.forEach((value, index) => {
      if (typeof value !== 'string') {
        this.problem(`${path}[${index}]`, `must be a text, got ${received(value)}`);
      }
    });
    return json.every((value) => typeof value === 'string') ? json : [];
  }

  private number(json: unknown, path: string, what: string, min: number, max: number): number {
    if (typeof json !== 'number' || !Number.isFinite(json) || json < min || json > max) {
      this.problem(path, `must be ${what}, got ${received(json)}`);
      return 0;
    }
    return json;
  }

  private oneOf<T extends string>(json: unknown, path: string, allowed: readonly T[], otherwise?: T): T {
    if (!isGiven(json) && otherwise !== undefined) {
      return otherwise;
    }
    if (!allowed.includes(json as T)) {
      this.problem(path, `must be ${allowed.length > 1 ? 'one of ' : ''}${allowed.join(', ')}, got ${received(json)}${didYouMean(json, allowed)}`);
    }
    return json as T;
  }

  private join(json: unknown, path: string, joined: number): SegmentJoin {
    // Pinpoint does not say what it takes when nothing is said: where it matters, it has to be said.
    return this.oneOf(json, path, SEGMENT_JOINS, joined > 1 ? undefined : 'ALL');
  }

  private unknownMembers(json: Json, path: string, allowed: readonly string[]): void {
    for (const member of Object.keys(json).filter((name) => !allowed.includes(name) && isGiven(json[name])).slice(0, MAX_PROBLEMS)) {
      this.problem(`${path}.${member}`, `is not known, allowed are ${allowed.join(', ')}${didYouMean(member, allowed)}`);
    }
  }
}

const EVERYBODY: Segment = { Groups: [], Include: 'ALL' };

function segmentOf(dimensions: SegmentDimensions): Segment {
  return Object.keys(dimensions).length === 0 ? EVERYBODY
    : { Groups: [{ Dimensions: [dimensions], Type: 'ALL', SourceSegments: [], SourceType: 'ALL' }], Include: 'ALL' };
}

function isGiven(json: unknown): boolean {
  return json !== undefined && json !== null;
}

/** Without members that say nothing, so that equal dimensions are equal JSON: Pinpoint's answers have them as `{}`. */
function withoutEmpty(dimensions: object): SegmentDimensions {
  return Object.fromEntries(Object.entries(dimensions).filter(([, value]) => value && Object.keys(value).length > 0));
}

function didYouMean(json: unknown, allowed: readonly string[]): string {
  const closest = typeof json === 'string' ? closestName(json, allowed) : undefined;
  return closest === undefined ? '' : `; did you mean ${closest}?`;
}
