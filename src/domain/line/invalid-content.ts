import { ContentError } from './content-error';
import { SendErrorCode } from '../../contract/custom-channel';

/** An INVALID_CONTENT error: `<place> must be <allowed>, got <kind of value>; <fix>`. */
export function invalidContent(place: string, value: unknown, allowed: string, fix: string): ContentError {
  return new ContentError(SendErrorCode.INVALID_CONTENT, `${place} must be ${allowed}, got ${describeValue(value)}; ${fix}`);
}

/** Kind and size of a value that was parsed from JSON, never the value itself: it may be what a customer was meant to read. */
export function describeValue(value: unknown): string {
  if (value === undefined) {
    return 'nothing';
  }
  if (Array.isArray(value)) {
    return `an array of ${value.length}`;
  }
  if (typeof value === 'string') {
    return `a string of ${value.length} UTF-16 code units`;
  }
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) {
    return String(value);
  }
  return 'an object';
}
