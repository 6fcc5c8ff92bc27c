/** Small checks that are put together into the rules of a whole request. They collect every problem instead of stopping at the first. */

/** Member names and list positions from the root of the request's body. */
export type Path = readonly (string | number)[];

export interface Problem {
  readonly message: string;
  readonly path: Path;
}

export class Findings {
  readonly problems: Problem[] = [];
  /** Members that no document names. LINE ignores them, as far as is known; a sender should not need them. */
  readonly unknown: Path[] = [];
  /** What LINE takes although it cannot work. */
  readonly doubtful: Path[] = [];

  add(path: Path, message: string): void {
    this.problems.push({ message, path });
  }
}

export type Check = (value: unknown, path: Path, findings: Findings) => void;
export type Members = Record<string, Check>;

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `messages[0].text` */
export function dotted(path: Path): string {
  return path.map((step, i) => typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`).join('');
}

/** A check of an object's members together. */
export type Also = (value: Record<string, unknown>, path: Path, findings: Findings) => void;

/** An object with these members. `also` looks at members together. */
export function object(required: Members, optional: Members = {}, also?: Also): Check {
  return (value, path, findings) => {
    if (!isObject(value)) return findings.add(path, 'Must be an object');
    for (const [name, check] of Object.entries(required)) {
      if (value[name] === undefined || value[name] === null) findings.add([...path, name], 'Must be specified');
      else check(value[name], [...path, name], findings);
    }
    for (const [name, check] of Object.entries(optional)) {
      if (value[name] !== undefined && value[name] !== null) check(value[name], [...path, name], findings);
    }
    for (const name of Object.keys(value)) {
      if (name !== 'type' && !(name in required) && !(name in optional)) findings.unknown.push([...path, name]);
    }
    also?.(value, path, findings);
  };
}

/** An object whose `type` chooses the check. */
export function byType(kinds: Members): Check {
  return (value, path, findings) => {
    if (!isObject(value)) return findings.add(path, 'Must be an object');
    if (typeof value.type === 'string' && Object.hasOwn(kinds, value.type)) return kinds[value.type](value, path, findings);
    findings.add([...path, 'type'], `Must be one of the following values: [${Object.keys(kinds).join(', ')}]`);
  };
}

export function list(min: number, max: number, item: Check): Check {
  return (value, path, findings) => {
    if (!Array.isArray(value)) return findings.add(path, 'Must be an array');
    if (value.length < min || value.length > max) findings.add(path, `Size must be between ${min} and ${max}`);
    value.forEach((entry, i) => item(entry, [...path, i], findings));
  };
}

const segmenter = new Intl.Segmenter();

/** LINE counts UTF-16 code units in most texts and grapheme clusters in some. Source: LINE, "Character counting in a text". */
export function lengthIn(unit: 'utf-16' | 'graphemes', value: string): number {
  return unit === 'utf-16' ? value.length : [...segmenter.segment(value)].length;
}

export interface TextRule {
  /** Default: 1. */
  readonly min?: number;
  readonly max: number;
  /** Default: `utf-16`. */
  readonly unit?: 'utf-16' | 'graphemes';
  readonly pattern?: RegExp;
}

export function text({ min = 1, max, unit = 'utf-16', pattern }: TextRule): Check {
  return (value, path, findings) => {
    if (typeof value !== 'string') return findings.add(path, 'Must be a string');
    const length = lengthIn(unit, value);
    if (length === 0 && min > 0) findings.add(path, 'May not be empty');
    else if (length < min || length > max) findings.add(path, `Length must be between ${min} and ${max}`);
    else if (pattern && !pattern.test(value)) findings.add(path, `Must match ${pattern.source}`);
  };
}

export function number(min: number, max: number, whole: boolean): Check {
  return (value, path, findings) => {
    if (typeof value !== 'number' || (whole && !Number.isInteger(value))) findings.add(path, whole ? 'Must be an integer' : 'Must be a number');
    else if (value < min || value > max) findings.add(path, `Must be between ${min} and ${max}`);
  };
}

export const flag: Check = (value, path, findings) => {
  if (typeof value !== 'boolean') findings.add(path, 'Must be true or false');
};

/** A member whose content is not checked. */
export const anything: Check = () => undefined;

export function oneOf(...values: string[]): Check {
  return (value, path, findings) => {
    if (typeof value !== 'string' || !values.includes(value)) findings.add(path, `Must be one of the following values: [${values.join(', ')}]`);
  };
}

/** The characters of a percent-encoded URL. Source: RFC 3986, "Characters". */
const ENCODED = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;

/** A percent-encoded URL. Source: LINE, Messaging API reference, "About the encoding of a URL specified in a request body property". */
export function uri({ max = 2000, schemes = ['https'] }: { max?: number; schemes?: string[] } = {}): Check {
  return (value, path, findings) => {
    if (typeof value !== 'string') return findings.add(path, 'Must be a string');
    if (value.length === 0) return findings.add(path, 'May not be empty');
    if (value.length > max) return findings.add(path, `Length must be between 1 and ${max}`);
    const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(value)?.[1].toLowerCase();
    if (!scheme || !schemes.includes(scheme) || !ENCODED.test(value)) return findings.add(path, 'invalid uri scheme');
    if (scheme.startsWith('http') && !(/^https?:\/\/[^/?#]/i.test(value) && URL.canParse(value))) findings.add(path, 'invalid uri');
  };
}
