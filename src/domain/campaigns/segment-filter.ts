import { readSegment } from './segment-definition';
import { SourceError } from './source-error';
import {
  AttributeDimension, GpsPointDimension, MetricDimension, RECENCY_HOURS, RecencyDimension, SegmentDimensions, SegmentJoin, SetDimension, instantOf,
  sourceSegmentIds,
} from '../../contract/segments';
import { SubscriberEndpoint } from '../../contract/subscriber';

/** An endpoint, as far as it is known: a row of the subscriber table, or an endpoint of a list. */
export type FilteredEndpoint = Partial<SubscriberEndpoint>;

/** Whether somebody belongs to a segment. `now`: epoch milliseconds, the same for all people of a run. */
export type SegmentFilter = (endpoint: FilteredEndpoint, now: number) => boolean;

/**
 * Makes a definition without source segments a function that is asked about a million people.
 *
 * What an endpoint does not have matches nothing: `EXCLUSIVE`, which asks for no match, and `INACTIVE`, which asks for no activity, are
 * true for it, every other comparison is false. Texts are compared letter by letter, case included. Of an attribute with several values
 * one that matches is enough. Times are instants: a date is its midnight in UTC, a value without a time zone matches nothing, `BEFORE`
 * and `AFTER` leave the instant itself out, `BETWEEN` takes both its ends in, `ON` asks for the same day in UTC.
 *
 * Source: Amazon Pinpoint API reference, "AttributeDimension", "MetricDimension", "SetDimension", "GPSPointDimension", "RecencyDimension".
 *
 * @param segment the definition, in any form that {@link readSegment} accepts
 * @param path of the definition, for errors
 * @throws SourceError when the definition is wrong, or is built on other segments
 */
export function compileFilter(segment: unknown, path: string = 'segment'): SegmentFilter {
  const checked = readSegment(segment, path);
  const sources = sourceSegmentIds(checked);
  if (sources.length > 0) {
    throw new SourceError([{ path, message: `must not be built on other segments when it is used as a filter, but names ${sources.join(', ')}` }]);
  }
  // Groups that say nothing are true, so they count in a join; a segment without groups is everybody.
  const groups = checked.Groups.map(({ Dimensions, Type }) => join(Type, Dimensions.map(dimensionsFilter)));
  return join(checked.Include, groups);
}

/** Without filters: true, for there is nothing to be tried against. */
function join(type: SegmentJoin, filters: readonly SegmentFilter[]): SegmentFilter {
  if (filters.length === 0) {
    return () => true;
  }
  if (filters.length === 1 && type !== 'NONE') {
    return filters[0];
  }
  switch (type) {
    case 'ALL':
      return (endpoint, now) => filters.every((filter) => filter(endpoint, now));
    case 'ANY':
      return (endpoint, now) => filters.some((filter) => filter(endpoint, now));
    case 'NONE':
      return (endpoint, now) => !filters.some((filter) => filter(endpoint, now));
  }
}

function dimensionsFilter({ Attributes, UserAttributes, Metrics, Demographic, Location, Behavior }: SegmentDimensions): SegmentFilter {
  const filters: SegmentFilter[] = [];
  for (const [name, dimension] of Object.entries(Attributes ?? {})) {
    const matches = attributeMatch(dimension);
    filters.push((endpoint) => matches(valuesOf(endpoint.Attributes?.[name])));
  }
  for (const [name, dimension] of Object.entries(UserAttributes ?? {})) {
    const matches = attributeMatch(dimension);
    filters.push((endpoint) => matches(valuesOf(endpoint.User?.UserAttributes?.[name])));
  }
  for (const [name, dimension] of Object.entries(Metrics ?? {})) {
    const matches = metricMatch(dimension);
    filters.push((endpoint) => matches(endpoint.Metrics?.[name]));
  }
  for (const [name, dimension] of Object.entries(Demographic ?? {})) {
    const matches = setMatch(dimension);
    // An endpoint says its channel in a member of its own. It has no device type in Pinpoint; one that a list brings is looked at.
    filters.push(name === 'Channel' ? (endpoint) => matches(endpoint.ChannelType) : (endpoint) => matches(endpoint.Demographic?.[name]));
  }
  if (Location?.Country) {
    const matches = setMatch(Location.Country);
    filters.push((endpoint) => matches(endpoint.Location?.Country));
  }
  if (Location?.GPSPoint) {
    filters.push(nearbyFilter(Location.GPSPoint));
  }
  if (Behavior?.Recency) {
    filters.push(recencyFilter(Behavior.Recency));
  }
  return join('ALL', filters);
}

const NO_VALUES: readonly string[] = [];

/** Attribute values are lists; a row of somebody else's making may have a text in their place. */
function valuesOf(values: unknown): readonly string[] {
  return Array.isArray(values) ? values : typeof values === 'string' ? [values] : NO_VALUES;
}

function attributeMatch({ AttributeType, Values }: AttributeDimension): (values: readonly string[]) => boolean {
  const wanted = new Set(Values);
  const [from, to] = Values.map(instantOf);
  switch (AttributeType) {
    case 'INCLUSIVE':
      return (values) => values.some((value) => wanted.has(value));
    case 'EXCLUSIVE':
      return (values) => !values.some((value) => wanted.has(value));
    case 'CONTAINS':
      return (values) => values.some((value) => typeof value === 'string' && Values.some((part) => value.includes(part)));
    case 'BEFORE':
      return (values) => values.some((value) => timeOf(value) < from);
    case 'AFTER':
      return (values) => values.some((value) => timeOf(value) > from);
    case 'ON':
      return (values) => values.some((value) => dayOf(timeOf(value)) === dayOf(from));
    case 'BETWEEN':
      return (values) => values.some((value) => timeOf(value) >= from && timeOf(value) <= to);
  }
}

/** `NaN`, with which every comparison is false, for what is no time. */
function timeOf(value: unknown): number {
  return typeof value === 'string' ? instantOf(value) : NaN;
}

const DAY_MS = 86_400_000;

/** Days since 1970, UTC. */
function dayOf(time: number): number {
  return Math.floor(time / DAY_MS);
}

function metricMatch({ ComparisonOperator, Value }: MetricDimension): (metric: unknown) => boolean {
  switch (ComparisonOperator) {
    case 'EQUAL':
      return (metric) => metric === Value;
    case 'GREATER_THAN':
      return (metric) => typeof metric === 'number' && metric > Value;
    case 'GREATER_THAN_OR_EQUAL':
      return (metric) => typeof metric === 'number' && metric >= Value;
    case 'LESS_THAN':
      return (metric) => typeof metric === 'number' && metric < Value;
    case 'LESS_THAN_OR_EQUAL':
      return (metric) => typeof metric === 'number' && metric <= Value;
  }
}

function setMatch({ DimensionType, Values }: SetDimension): (value: unknown) => boolean {
  const wanted: ReadonlySet<unknown> = new Set(Values);
  return DimensionType === 'INCLUSIVE' ? (value) => wanted.has(value) : (value) => !wanted.has(value);
}

/** Mean radius of the Earth. Source: International Union of Geodesy and Geophysics, R1 of GRS 80. */
const EARTH_KILOMETERS = 6_371.0088;

/** Great-circle distance (haversine) of at most the range, the range itself included. */
function nearbyFilter({ Coordinates, RangeInKilometers }: GpsPointDimension): SegmentFilter {
  const latitude = radians(Coordinates.Latitude);
  const longitude = radians(Coordinates.Longitude);
  return ({ Location }) => {
    const theirLatitude = radians(degreesOf(Location?.Latitude));
    const theirLongitude = radians(degreesOf(Location?.Longitude));
    const haversine = Math.sin((theirLatitude - latitude) / 2) ** 2
      + Math.cos(latitude) * Math.cos(theirLatitude) * Math.sin((theirLongitude - longitude) / 2) ** 2;
    // Rounding may pass 1 for the other side of the Earth. False where a coordinate is missing, which makes the distance NaN.
    return 2 * EARTH_KILOMETERS * Math.asin(Math.sqrt(Math.min(1, haversine))) <= RangeInKilometers;
  };
}

function radians(degrees: number): number {
  return degrees * Math.PI / 180;
}

/** Lists may bring texts. An empty text is no coordinate. */
function degreesOf(value: unknown): number {
  return typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;
}

const HOUR_MS = 3_600_000;

/**
 * LINE tells of no sessions, by which Pinpoint told who was active. What is known of a person's own doing is when they last followed or
 * came back, and what the source of an import said: `EffectiveDate`, else `CreationDate`. A time to come is recent.
 */
function recencyFilter({ Duration, RecencyType }: RecencyDimension): SegmentFilter {
  const milliseconds = RECENCY_HOURS[Duration] * HOUR_MS;
  const wantsActive = RecencyType === 'ACTIVE';
  return (endpoint, now) => {
    const effective = timeOf(endpoint.EffectiveDate);
    const last = Number.isNaN(effective) ? timeOf(endpoint.CreationDate) : effective;
    return (now - last <= milliseconds) === wantsActive;
  };
}
