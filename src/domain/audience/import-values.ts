import { RejectedRow } from '../../contract/imports';
import { LINE_USER_ID_PATTERN, PINPOINT_MAX_ATTRIBUTE_VALUE_LENGTH } from '../../contract/limits';
import { wellFormed } from '../shared/well-formed';

/** Pinpoint's other channels: their rows are none of ours, but not wrong. Source: Amazon Pinpoint API reference, "ChannelType". */
const OTHER_CHANNELS: ReadonlySet<string> = new Set([
  'ADM', 'APNS', 'APNS_SANDBOX', 'APNS_VOIP', 'APNS_VOIP_SANDBOX', 'BAIDU', 'EMAIL', 'GCM', 'IN_APP', 'PUSH', 'SMS', 'VOICE',
]);

/** Bytes of an endpoint. Source: Amazon Pinpoint, "Quotas", endpoint quotas. */
export const MAX_ENDPOINT_BYTES = 15 * 1024;

/** Characters of a rejected value that are kept. */
const MAX_KEPT_VALUE_LENGTH = 200;

/** Reports of one row: what is wrong with it is told all at once, but not without end. */
const MAX_REPORTS_OF_A_ROW = 20;

/** A row may be ahead of the clock of who wrote the file, but not by more than that. */
const MAX_AHEAD_MS = 24 * 60 * 60 * 1_000;

const MIN_TIME = Date.UTC(1970, 0);

/** What is wrong with the row at hand. */
export class RowReport {
  private rejected: RejectedRow[] = [];
  private line = 0;

  /** Begins a row. */
  public begin(line: number): void {
    this.line = line;
  }

  public get isEmpty(): boolean {
    return this.rejected.length === 0;
  }

  public add(column: string | undefined, value: string | undefined, reason: string): void {
    if (this.rejected.length < MAX_REPORTS_OF_A_ROW) {
      this.rejected.push(rejectedRow(this.line, reason, column, value));
    }
  }

  /** What was reported since it was last taken. */
  public take(): RejectedRow[] {
    const { rejected } = this;
    this.rejected = [];
    return rejected;
  }
}

export function rejectedRow(line: number, reason: string, column?: string, value?: string): RejectedRow {
  return {
    line,
    ...(column !== undefined && { column: kept(column) }),
    ...(value !== undefined && { value: kept(value) }),
    reason,
  };
}

/** Whether a row of the channel type is ours; undefined if it is wrong. */
export function isLineRow(channelType: string): boolean | undefined {
  const trimmed = channelType.trim();
  return trimmed === 'CUSTOM' || trimmed === '' ? true : OTHER_CHANNELS.has(trimmed) ? false : undefined;
}

export const CHANNEL_TYPE_REASON = 'must be CUSTOM, or empty; rows of Pinpoint\'s other channels are ignored';

/** The LINE user id, without the blanks around it that copying leaves. */
export function lineUserId(value: string): string | undefined {
  if (LINE_USER_ID_PATTERN.test(value)) {
    return value;
  }
  const trimmed = value.trim();
  return LINE_USER_ID_PATTERN.test(trimmed) ? trimmed : undefined;
}

export const USER_ID_REASON = 'is no LINE user id: U and 32 digits or letters from a to f, lower case';

/** `ALL` or `NONE`; undefined if it is wrong. */
export function optOutOf(value: string): 'ALL' | 'NONE' | undefined {
  const trimmed = value.trim();
  return trimmed === 'ALL' ? 'ALL' : trimmed === 'NONE' || trimmed === '' ? 'NONE' : undefined;
}

export const OPT_OUT_REASON = 'must be ALL (wants nothing), NONE (wants everything), or empty, which is NONE';

/** `ACTIVE` or `INACTIVE`; undefined if it is wrong. */
export function statusOf(value: string): 'ACTIVE' | 'INACTIVE' | undefined {
  const trimmed = value.trim();
  return trimmed === 'INACTIVE' ? 'INACTIVE' : trimmed === 'ACTIVE' || trimmed === '' ? 'ACTIVE' : undefined;
}

export const STATUS_REASON = 'must be ACTIVE, INACTIVE, or empty, which is ACTIVE';

const ISO_8601 = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/;

/**
 * Epoch milliseconds of an ISO 8601 date or date with time; without a zone it is UTC, as all times of Pinpoint are.
 *
 * @param fileAt when the file was written, epoch milliseconds
 * @returns undefined if it is none, before 1970, or more than a day after the file was written
 */
export function timeOf(value: string, fileAt: number): number | undefined {
  const time = pinpointTime(value) ?? otherTime(value);
  return time !== undefined && time >= MIN_TIME && time <= fileAt + MAX_AHEAD_MS ? time : undefined;
}

/** The form that Pinpoint writes, `2026-11-23T09:00:00.000Z`, several times as fast as a regular expression reads it. */
function pinpointTime(value: string): number | undefined {
  if (value.length !== 24 || value.charCodeAt(4) !== 0x2d || value.charCodeAt(7) !== 0x2d || value.charCodeAt(10) !== 0x54
    || value.charCodeAt(13) !== 0x3a || value.charCodeAt(16) !== 0x3a || value.charCodeAt(19) !== 0x2e || value.charCodeAt(23) !== 0x5a) {
    return undefined;
  }
  const month = digits(value, 5, 2);
  const day = digits(value, 8, 2);
  const hour = digits(value, 11, 2);
  const minute = digits(value, 14, 2);
  const second = digits(value, 17, 2);
  // A day that not every month has is looked at with more care. Comparisons with NaN are false.
  const isTime = month >= 1 && month <= 12 && day >= 1 && day <= 28 && hour <= 23 && minute <= 59 && second <= 59;
  const time = isTime
    ? daysSince1970(digits(value, 0, 4), month, day) * 86_400_000 + hour * 3_600_000 + minute * 60_000 + second * 1_000 + digits(value, 20, 3)
    : NaN;
  return time >= MIN_TIME ? time : undefined;
}

/** Days of the Gregorian calendar, whose years are taken to begin in March here, so that a leap day is the last of its year. */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const marchMonth = month > 2 ? month - 3 : month + 9;
  return marchYear * 365 + Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400)
    + Math.floor((marchMonth * 153 + 2) / 5) + day - 719_469;
}

/** The number that so many digits make; NaN if there is something else. */
function digits(text: string, from: number, count: number): number {
  let number = 0;
  for (let index = from; index < from + count; index++) {
    const digit = text.charCodeAt(index) - 48;
    number = digit >= 0 && digit <= 9 ? number * 10 + digit : NaN;
  }
  return number;
}

function otherTime(value: string): number | undefined {
  const parts = ISO_8601.exec(value.trim());
  if (!parts) {
    return undefined;
  }
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '0', zone = 'Z'] = parts;
  const midnight = new Date(Date.UTC(+year, +month - 1, +day));
  // A 30th of February would become one of March.
  if (midnight.getUTCMonth() !== +month - 1 || +hour > 23 || +minute > 59 || +second > 59) {
    return undefined;
  }
  const offsetMinutes = zone === 'Z' ? 0 : +`${zone[0]}1` * (+zone.slice(1, 3) * 60 + +zone.slice(3).replace(':', ''));
  return midnight.getTime() + ((+hour * 60 + +minute - offsetMinutes) * 60 + +second) * 1_000 + +fraction.padEnd(3, '0').slice(0, 3);
}

/** An ISO 8601 text of the time, which the text that it was read from mostly is already. */
export function isoText(time: number, readFrom: string): string {
  return readFrom.length === 24 && readFrom[23] === 'Z' && readFrom[10] === 'T' && readFrom[19] === '.' ? readFrom : new Date(time).toISOString();
}

export const TIME_REASON = 'must be an ISO 8601 time, such as 2026-11-23T09:00:00Z, from 1970 to a day after the file was written';

/** A number as JSON writes it, of no more digits than a JavaScript number keeps. */
const JSON_NUMBER = /^-?(?:0|[1-9]\d{0,8})(?:\.\d{1,6})?$/;

/** A number's JSON: the text itself where it is some; undefined if it is none that DynamoDB can hold. */
export function jsonNumber(value: string): string | undefined {
  return JSON_NUMBER.test(value) ? value : numberOf(value)?.toString();
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Source: Amazon DynamoDB, "Data types", numbers; a JavaScript number has fewer digits than they may have. */
const MAX_NUMBER = 1e125;
const MIN_NUMBER = 1e-130;

/** A finite number that DynamoDB can hold; undefined if it is none. */
export function numberOf(value: string): number | undefined {
  const trimmed = value.trim();
  return DECIMAL.test(trimmed) ? storableNumber(Number(trimmed)) : undefined;
}

/** The number, unless DynamoDB cannot hold it. */
export function storableNumber(value: number): number | undefined {
  const size = Math.abs(value);
  return size === 0 ? 0 : size >= MIN_NUMBER && size <= MAX_NUMBER ? value : undefined;
}

export const NUMBER_REASON = 'must be a number with a decimal point, such as 12.5, without separators and units';

/** Degrees of latitude and longitude. Source: Amazon Pinpoint API reference, "EndpointLocation". */
const MAX_DEGREES: { readonly [member: string]: number } = { Latitude: 90, Longitude: 180 };

/** Whether the member of a location is a number, and not a text. */
export function isDegrees(member: string): boolean {
  return member === 'Latitude' || member === 'Longitude';
}

/** A latitude or longitude; undefined if the number is none. */
export function degrees(member: string, value: number | undefined): number | undefined {
  return value !== undefined && Math.abs(value) <= MAX_DEGREES[member] ? value : undefined;
}

export function degreesReason(member: string): string {
  return `must be a number from -${MAX_DEGREES[member]} to ${MAX_DEGREES[member]}`;
}

export function tooLongReason(length: number): string {
  return `has ${length} characters, allowed are ${PINPOINT_MAX_ATTRIBUTE_VALUE_LENGTH}. Shorten it, or leave the column out with an entry of columns`;
}

export const NOT_UTF8_REASON = 'the row is not in UTF-8. Save the file as UTF-8 (in Excel: "CSV UTF-8")';

export const TOO_LONG_LINE_REASON = 'the line has more than 1 MB. Is there a line break missing?';

const THREE_DIGITS = Array.from({ length: 1_000 }, (_, number) => String(number).padStart(3, '0'));

/** The decimal digits of an integer that is not negative, in a third of the time where many follow that are close to each other. */
export function decimal(integer: number): string {
  if (integer < 1_000) {
    return String(integer);
  }
  const thousands = Math.floor(integer / 1_000);
  return decimal(thousands) + THREE_DIGITS[integer - thousands * 1_000];
}

/** The text of a byte string, which has a character for each byte of UTF-8. */
export function textOf(byteString: string): string {
  return Buffer.from(byteString, 'latin1').toString('utf8');
}

/** The byte string of a text. */
export function byteStringOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** A byte string as it stands in a JSON string. */
export function escapedBytes(byteString: string): string {
  for (let index = 0; index < byteString.length; index++) {
    const code = byteString.charCodeAt(index);
    if (code < 0x20 || code === 0x22 || code === 0x5c) {
      return JSON.stringify(byteString).slice(1, -1);
    }
  }
  return byteString;
}

/**
 * The text as a JSON string. Most texts need no escapes, which is seen faster than they are written. A half character, which
 * UTF-8 cannot express, becomes U+FFFD.
 */
export function jsonText(value: string): string {
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code < 0x20 || code === 0x22 || code === 0x5c || (code >= 0xd800 && code <= 0xdfff)) {
      return JSON.stringify(wellFormed(value));
    }
  }
  return `"${value}"`;
}

function kept(value: string): string {
  return wellFormed(value.slice(0, MAX_KEPT_VALUE_LENGTH));
}
