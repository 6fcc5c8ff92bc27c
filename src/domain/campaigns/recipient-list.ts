import { EndpointMembers, givenMembers, isLeftOut, isMap } from './endpoint-members';
import { LINE_USER_ID_PATTERN } from '../../contract/limits';
import { MAX_NESTING, nestsTooDeeply } from '../shared/nesting';

/** Somebody whom a list names. */
export interface ListedPerson {
  readonly id: string;
  /** Members of the endpoint that the list brings. */
  readonly given?: EndpointMembers;
  /** The list itself says that the person wants nothing. */
  readonly isOut: boolean;
}

/** A list is wrong as a whole: trying again does not help. The message says what to do. */
export class RecipientListError extends Error {
  public readonly name = 'RecipientListError';
}

/** Characters of a record of a list, quoted line breaks included. Pinpoint's largest endpoint has 15 KB. */
const MAX_RECORD_LENGTH = 64_000;

/** Columns, and members of a line of JSON, that may hold a LINE user id; the first that does counts. */
const ID_NAMES = ['Address', 'userId', 'id', 'Id', 'UserId', 'lineUserId', 'User.UserId'] as const;

/**
 * A list of recipients, line by line: JSON Lines of endpoints or of ids, or CSV, of which a plain list of ids is the simplest. The first
 * line that is not blank decides.
 *
 * CSV may have a header with Amazon Pinpoint's dotted names; without a header the column that holds a LINE user id in the first
 * record is taken. JSON is an endpoint, `{"id","endpoint"}` or `{"userId"}`.
 */
export class RecipientList {
  /** Records so far, the header not counted. */
  public rows = 0;
  /** Records without a LINE user id. */
  public rejected = 0;
  /** Line of the first of them. */
  public firstRejectedLine?: number;

  private line = 0;
  private format?: ListFormat;
  /** A record whose quotes are still open, and the line on which it began. */
  private open?: { readonly text: string; readonly line: number };

  /** @param name of the list, for messages */
  public constructor(private readonly name: string) {}

  /**
   * The people of the next lines, in order.
   *
   * @throws RecipientListError when the list is no list, or a record is too long
   */
  public read(lines: readonly string[]): ListedPerson[] {
    const people: ListedPerson[] = [];
    for (const text of lines) {
      this.line++;
      const record = this.record(this.line === 1 ? text.replace(/^\uFEFF/, '') : text);
      const person = record && this.person(record.text, record.line);
      if (person) {
        people.push(person);
      }
    }
    return people;
  }

  /** @throws RecipientListError when a quote is still open */
  public end(): void {
    if (this.open) {
      throw new RecipientListError(`${this.name}: a quoted field that begins in line ${this.open.line} does not end; close it, or double the quotes inside of it`);
    }
  }

  /** A whole record; undefined while there is none. */
  private record(line: string): { readonly text: string; readonly line: number } | undefined {
    const begun = this.open;
    const text = begun ? `${begun.text}\n${line}` : line;
    const at = begun?.line ?? this.line;
    if (text.length > MAX_RECORD_LENGTH) {
      throw new RecipientListError(`${this.name}: the record in line ${at} has more than ${MAX_RECORD_LENGTH} characters; write one recipient a line, and close quotes`);
    }
    if (!begun && line.trim() === '') {
      return undefined;
    }
    this.format ??= formatOf(text, this.name);
    if (this.format.kind === 'csv' && hasOpenQuote(text)) {
      this.open = { text, line: at };
      return undefined;
    }
    this.open = undefined;
    return { text: text.trim(), line: at };
  }

  private person(text: string, line: number): ListedPerson | undefined {
    const format = this.format!;
    if (format.kind === 'csv' && format.header === undefined) {
      const cells = cellsOf(text, format.delimiter);
      format.header = headerOf(cells);
      if (format.header.isNamed) {
        return undefined;
      }
    }
    this.rows++;
    const person = format.kind === 'json' ? fromJson(text) : fromCells(cellsOf(text, format.delimiter), format.header!);
    if (person === undefined) {
      this.rejected++;
      this.firstRejectedLine ??= line;
    }
    return person;
  }
}

type ListFormat = { readonly kind: 'json' } | { readonly kind: 'csv'; readonly delimiter: string; header?: Header };

/** Names of the columns, or the one column that holds the id. */
type Header =
  | { readonly isNamed: true; readonly names: readonly string[]; readonly idColumn?: number }
  | { readonly isNamed: false; readonly idColumn: number };

function formatOf(text: string, name: string): ListFormat {
  const start = text.trimStart();
  if (start.startsWith('{')) {
    return { kind: 'json' };
  }
  if (start.startsWith('[')) {
    throw new RecipientListError(`${name} is a JSON array; write JSON Lines: one endpoint or id a line, without brackets and commas around them`);
  }
  return { kind: 'csv', delimiter: [',', ';', '\t'].find((delimiter) => text.includes(delimiter)) ?? ',' };
}

/** Quotes inside of quotes are doubled, so that a record is whole when their number is even. */
function hasOpenQuote(text: string): boolean {
  let isOpen = false;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) {
    isOpen = !isOpen;
  }
  return isOpen;
}

function cellsOf(record: string, delimiter: string): string[] {
  if (!record.includes('"')) {
    return record.split(delimiter).map((cell) => cell.trim());
  }
  const cells: string[] = [];
  let rest = 0;
  while (rest <= record.length) {
    let cell = '';
    let end = rest;
    if (record[rest] === '"') {
      let quote = record.indexOf('"', rest + 1);
      while (record[quote + 1] === '"') {
        quote = record.indexOf('"', quote + 2);
      }
      end = quote < 0 ? record.length : quote;
      cell = record.slice(rest + 1, end).replace(/""/g, '"');
    }
    const next = record.indexOf(delimiter, end);
    cells.push(record[rest] === '"' ? cell : record.slice(rest, next < 0 ? undefined : next).trim());
    if (next < 0) {
      break;
    }
    rest = next + delimiter.length;
  }
  return cells;
}

function headerOf(cells: readonly string[]): Header {
  const idColumn = cells.findIndex((cell) => LINE_USER_ID_PATTERN.test(cell));
  if (idColumn >= 0) {
    return { isNamed: false, idColumn };
  }
  return { isNamed: true, names: cells, ...(!cells.some((name) => ID_NAMES.includes(name as never)) && { idColumn: 0 }) };
}

function fromCells(cells: readonly string[], header: Header): ListedPerson | undefined {
  if (!header.isNamed) {
    const id = cells[header.idColumn] ?? '';
    return LINE_USER_ID_PATTERN.test(id) ? { id, isOut: false } : undefined;
  }
  const members = new Map<string, string[]>();
  header.names.forEach((name, column) => {
    const cell = cells[column];
    if (cell !== undefined && cell !== '') {
      members.set(name, [...members.get(name) ?? [], cell]);
    }
  });
  const mapOf = (prefix: string) => Object.fromEntries([...members].flatMap(([name, values]) =>
    (name.startsWith(prefix) && name.length > prefix.length ? [[name.slice(prefix.length), values] as const] : [])));
  const [userId] = members.get('User.UserId') ?? [];
  const metrics = Object.entries(mapOf('Metrics.')).flatMap(([name, [value]]) => (Number.isFinite(Number(value)) ? [[name, Number(value)] as const] : []));
  const single = (prefix: string) => Object.fromEntries(Object.entries(mapOf(prefix)).map(([name, [value]]) => [name, value]));
  return personOf({
    ...Object.fromEntries([...members].filter(([name]) => !name.includes('.')).map(([name, [value]]) => [name, value])),
    ...(header.idColumn !== undefined && { Address: cells[header.idColumn] }),
    Attributes: mapOf('Attributes.'),
    Metrics: Object.fromEntries(metrics),
    Location: single('Location.'),
    Demographic: single('Demographic.'),
    User: { UserId: userId, UserAttributes: mapOf('User.UserAttributes.') },
  });
}

/** Brackets that open, up to one more than a line may nest: few lines have to be looked through. */
function bracketsIn(text: string): number {
  let count = 0;
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at >= 0 && count <= MAX_NESTING; at = text.indexOf(bracket, at + 1)) {
      count++;
    }
  }
  return count;
}

function fromJson(text: string): ListedPerson | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (bracketsIn(text) > MAX_NESTING && nestsTooDeeply(value)) {
    return undefined;
  }
  if (typeof value === 'string') {
    return LINE_USER_ID_PATTERN.test(value) ? { id: value, isOut: false } : undefined;
  }
  if (!isMap(value)) {
    return undefined;
  }
  return personOf(isMap(value.endpoint) ? { id: value.id, ...value.endpoint } : value);
}

function personOf(endpoint: EndpointMembers): ListedPerson | undefined {
  // An e-mail address of somebody who also is on LINE is another endpoint.
  if (endpoint.ChannelType !== undefined && endpoint.ChannelType !== '' && endpoint.ChannelType !== 'CUSTOM') {
    return undefined;
  }
  const user = isMap(endpoint.User) ? endpoint.User : {};
  const candidates = ID_NAMES.map((name) => (name === 'User.UserId' ? user.UserId : endpoint[name]));
  const id = candidates.find((each): each is string => typeof each === 'string' && LINE_USER_ID_PATTERN.test(each));
  if (id === undefined) {
    return undefined;
  }
  const given = givenMembers(endpoint);
  return { id, isOut: isLeftOut(endpoint), ...(given && { given }) };
}
