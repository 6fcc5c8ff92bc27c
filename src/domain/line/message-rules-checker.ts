import { ContentError } from './content-error';
import { isJsonObject, JsonObject } from './line-message';
import { SendErrorCode } from '../../contract/custom-channel';
import { MAX_URL_LENGTH } from '../../contract/limits';

/**
 * What the tables of LINE's limits are written with: rules for strings, numbers, lists and objects. A rule says nothing
 * about a value that is all right, so that neither paths nor texts are built for one.
 */

/** What is wrong with a value. Never quotes a text: it may be a person's name. */
export interface Problem {
  /** From the checked value to the wrong one, for example `.body.contents[2].action.uri`; grows on the way out. */
  path: string;
  /** Kind and length of what was found there. */
  readonly found: string;
  /** What is allowed, with its unit. */
  readonly allowed: string;
  readonly fix: string;
  readonly code: SendErrorCode;
}

/** Undefined when the value is all right. Throws for no JSON value that `isDeeperThan` lets through. */
export type Rule<T = unknown> = (value: T) => Problem | undefined;

/** A problem of the value itself. */
export function problem(found: string, allowed: string, fix: string, code = SendErrorCode.INVALID_CONTENT): Problem {
  return { path: '', found, allowed, fix, code };
}

/** The same problem, seen from the object or list that has the value at this step: `.text` or `[2]`. */
export function at(step: string, inner: Problem): Problem {
  inner.path = step + inner.path;
  return inner;
}

export function contentError({ path, found, allowed, fix, code }: Problem): ContentError {
  return new ContentError(code, `${path} must be ${allowed}, got ${found}; ${fix}`);
}

/** The kind of a JSON value, and its length if it has one. */
export function describe(value: unknown): string {
  if (typeof value === 'string') {
    return value === '' ? 'an empty string' : `a string of ${value.length} UTF-16 code units`;
  }
  if (Array.isArray(value)) {
    return `an array of ${value.length}`;
  }
  if (value === null || value === undefined) {
    return value === null ? 'null' : 'nothing';
  }
  return isJsonObject(value) ? 'an object' : `a ${typeof value}`;
}

// ---------------------------------------------------------------------------------------------------- strings

/** How LINE counts. Source: LINE, "Character counting in a text". */
export type CountUnit = 'UTF-16 code units' | 'grapheme clusters';

const SEGMENTER = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * More code units than a cluster of any language has: a letter and the 30 marks beyond which no text goes, of two code units
 * each. Source: Unicode Standard Annex 15, "Stream-Safe Text Format".
 */
const MAX_CLUSTER_LENGTH = 64;

/**
 * Whether a text has more grapheme clusters, what a reader sees as characters, than so many. A text of more than 64 code units
 * for each of them has: V8's segmenter needs time with the square of the length. Source: LINE, "Character counting in a text".
 */
export function hasMoreGraphemes(text: string, max: number): boolean {
  // No text has more grapheme clusters than code units, so that few texts need to be segmented.
  if (text.length <= max) {
    return false;
  }
  if (text.length > max * MAX_CLUSTER_LENGTH) {
    return true;
  }
  let count = 0;
  for (const _segment of SEGMENTER.segment(text)) {
    if (++count > max) {
      return true;
    }
  }
  return false;
}

export interface StringLimits {
  /** 1 unless told: LINE refuses empty strings where it requires one. */
  readonly min?: number;
  readonly max?: number;
  /** UTF-16 code units unless told. */
  readonly unit?: CountUnit;
  /** What the whole string looks like, the words for it, and for how to get there. */
  readonly pattern?: { readonly test: (text: string) => boolean; readonly words: string; readonly fix?: string };
  /** Of a string that is too long. */
  readonly code?: SendErrorCode;
}

export function string({ min = 1, max = Infinity, unit = 'UTF-16 code units', pattern, code }: StringLimits = {}): Rule {
  const allowed = max === Infinity ? `a string${min > 0 ? ' that is not empty' : ''}` : `a string of ${min} to ${max} ${unit}`;
  return (value) => {
    if (typeof value !== 'string') {
      return problem(describe(value), allowed, 'write a string');
    }
    if (value.length < min) {
      return problem(describe(value), allowed, 'write something, or leave out what it belongs to');
    }
    if (unit === 'grapheme clusters' ? hasMoreGraphemes(value, max) : value.length > max) {
      return problem(unit === 'grapheme clusters' ? `a string of more than ${max} ${unit}` : describe(value), allowed, 'shorten it', code);
    }
    if (pattern && !pattern.test(value)) {
      return problem(describe(value), pattern.words, pattern.fix ?? 'correct it');
    }
    return undefined;
  };
}

/** A string of which LINE states no more than that it is one. */
export const anyString = string({ min: 0 });

function among(words: readonly string[]): string {
  return words.length === 1 ? words[0] : `one of ${words.join(', ')}`;
}

/** One of LINE's words. */
export function oneOf(...words: readonly string[]): Rule {
  return (value) => typeof value === 'string' && words.includes(value)
    ? undefined
    : problem(describe(value), among(words), 'write it exactly so');
}

/** RFC 3986's characters; anything else, and a percent sign as such, is written as `%` and two hexadecimal digits. */
const ENCODED_URL = /^https:\/\/(?![/?#])(?:[\w.~!$&'()*+,;=:@/?#[\]-]|%[0-9A-F]{2})+$/i;

/** Address of an image, a video or an audio file. Source: LINE, "About the encoding of a URL specified in a request body property". */
export const mediaUrl = string({
  max: MAX_URL_LENGTH,
  code: SendErrorCode.MEDIA_URL_TOO_LONG,
  pattern: {
    test: (url) => ENCODED_URL.test(url),
    words: 'an https:// URL, percent-encoded',
    fix: 'begin it with https:// and percent-encode spaces, quotes and letters other than A to Z',
  },
});

/**
 * What the app opens. Percent-encoding is left to LINE, whose reference only says "should"; white space, control characters
 * and double quotes are refused as "invalid uri scheme". Source: LINE, "URI action".
 */
export const link = string({
  max: 1_000,
  pattern: {
    test: (uri) => /^(?:https?:\/\/[^/?#]|line:.|tel:.)/i.test(uri) && !/[\s"\p{Cc}]/u.test(uri),
    words: 'a URI of scheme http, https, line or tel without white space and double quotes',
    fix: 'begin it with one of these schemes and percent-encode white space and quotes',
  },
});

/** Source: LINE, "Flex Message", colors: "Use a hexadecimal color code". */
export const color = string({ pattern: { test: (value) => /^#[0-9a-f]{3,8}$/i.test(value), words: 'a hexadecimal color code such as #00b900' } });

// ---------------------------------------------------------------------------------------------------- other values

export interface NumberLimits {
  readonly min: number;
  readonly max?: number;
  readonly whole?: boolean;
}

function range({ min, max }: { min: number; max: number }): string {
  if (max === Infinity) {
    return `, at least ${min}`;
  }
  return min === max ? ` of ${min}` : ` of ${min} to ${max}`;
}

export function number({ min, max = Infinity, whole = false }: NumberLimits): Rule {
  return (value) => {
    if (typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value))) {
      return undefined;
    }
    return problem(typeof value === 'number' ? 'another number' : describe(value), `a ${whole ? 'whole ' : ''}number${range({ min, max })}`, 'correct it');
  };
}

export const boolean: Rule = (value) => typeof value === 'boolean' ? undefined : problem(describe(value), 'true or false', 'correct it');

/** An array of `min` (1 unless told) to `max` values of one rule; the rules after it see the whole list. */
export function list<T = unknown>(rule: Rule, { min = 1, max = Infinity }: { min?: number; max?: number }, ...whole: Rule<readonly T[]>[]): Rule {
  return (value) => {
    if (!Array.isArray(value) || value.length < min || value.length > max) {
      return problem(describe(value), `an array${max === Infinity ? '' : range({ min, max })}`,
        Array.isArray(value) && value.length > max ? 'take some away' : 'write an array of so many');
    }
    for (let index = 0; index < value.length; index++) {
      const inner = rule(value[index]);
      if (inner) {
        return at(`[${index}]`, inner);
      }
    }
    return firstOf(whole, value);
  };
}

function firstOf<T>(rules: readonly Rule<T>[], value: T): Problem | undefined {
  for (const rule of rules) {
    const found = rule(value);
    if (found) {
      return found;
    }
  }
  return undefined;
}

/**
 * An object. A name that ends in `?` may be absent; members that are not named may be anything, because LINE adds members
 * from time to time and its own validation runs afterwards. The rules after the members see the whole object.
 */
export function object(members: Readonly<Record<string, Rule>>, ...whole: Rule<JsonObject>[]): Rule {
  const rules = new Map(Object.entries(members).map(([name, rule]) => [name.replace('?', ''), rule]));
  const required = Object.keys(members).filter((name) => !name.endsWith('?'));
  return (value) => {
    if (!isJsonObject(value)) {
      return problem(describe(value), 'an object', 'write an object');
    }
    for (const name of required) {
      if (value[name] === undefined) {
        return at(`.${name}`, problem('nothing', 'present', 'add it'));
      }
    }
    for (const name in value) {
      const inner = value[name] === undefined ? undefined : rules.get(name)?.(value[name]);
      if (inner) {
        return at(`.${name}`, inner);
      }
    }
    return firstOf(whole, value);
  };
}

/** An object whose member `type` says which rule it follows. */
export function byType(rules: Readonly<Record<string, Rule>>, fix = 'write one of these types'): Rule {
  const types = new Map(Object.entries(rules));
  return (value) => {
    if (!isJsonObject(value)) {
      return problem(describe(value), 'an object', 'write an object with a `type`');
    }
    const rule = types.get(value.type as string);
    return rule ? rule(value) : at('.type', problem(describe(value.type), among([...types.keys()]), fix));
  };
}

// ---------------------------------------------------------------------------------------------------- any JSON

/** Whether objects and arrays lie deeper in each other than so many levels. */
export function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  if (levels === 0) {
    return true;
  }
  return Object.values(value).some((inner) => isDeeperThan(levels - 1, inner));
}

/** Half a surrogate pair. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Every string and number in it, known to LINE or not, can be written as JSON in UTF-8. */
export const writable: Rule = (value) => {
  if (typeof value === 'string') {
    return LONE_SURROGATE.test(value)
      ? problem(`${describe(value)} with half a surrogate pair`, 'text that UTF-8 can write', 'write the whole character; it was probably cut in two')
      : undefined;
  }
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : problem('a number that JSON cannot write', 'a finite number', 'correct it');
  }
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  if (Array.isArray(value)) {
    return everyWritable(value);
  }
  for (const name in value) {
    const inner = writable(name) ?? writable((value as JsonObject)[name]);
    if (inner) {
      return at(`.${/^\w{1,40}$/.test(name) ? name : '…'}`, inner);
    }
  }
  return undefined;
};

const everyWritable = list(writable, { min: 0 });
