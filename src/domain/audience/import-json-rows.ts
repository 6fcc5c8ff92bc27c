import {
  ColumnTarget, DEMOGRAPHIC_MEMBERS, ID_MEMBERS, LINES_ID, LOCATION_MEMBERS, PINPOINTS_OWN_MEMBERS, PlainMember, targetOfColumn,
} from './import-columns';
import { RowOutcome } from './import-csv-rows';
import {
  CHANNEL_TYPE_REASON, MAX_ENDPOINT_BYTES, NUMBER_REASON, OPT_OUT_REASON, RowReport, STATUS_REASON, TIME_REASON, USER_ID_REASON, decimal, degrees,
  degreesReason, isDegrees, isLineRow, isoText, jsonText, lineUserId, numberOf, optOutOf, statusOf, storableNumber, timeOf, tooLongReason,
} from './import-values';
import { ImportConfig } from '../../contract/imports';
import { PINPOINT_MAX_ATTRIBUTE_NAME_LENGTH, PINPOINT_MAX_ATTRIBUTE_VALUES, PINPOINT_MAX_ATTRIBUTE_VALUE_LENGTH } from '../../contract/limits';

type JsonObject = { readonly [name: string]: unknown };

/** Members of an endpoint that nest others. */
const NESTED: readonly string[] = ['User', 'Attributes', 'Metrics', 'Location', 'Demographic'];

const PLAIN: ReadonlySet<string> = new Set<string>([
  'Address', 'Id', 'ChannelType', 'OptOut', 'EndpointStatus', 'EffectiveDate', 'CreationDate',
] satisfies PlainMember[]);

/** Top-level members that need no second look. */
const KNOWN: ReadonlySet<string> = new Set([...PLAIN, ...NESTED, ...PINPOINTS_OWN_MEMBERS]);

const LOCATION: ReadonlySet<string> = new Set(LOCATION_MEMBERS);
const DEMOGRAPHIC: ReadonlySet<string> = new Set(DEMOGRAPHIC_MEMBERS);

/** Names that went nowhere are remembered up to here. */
const MAX_LEFT_OUT = 20;

/** What is worked out for a name is kept; a file has few names, but somebody's may have a million. */
const MAX_KEPT_NAMES = 1_000;

const NO_OBJECT: JsonObject = {};

/**
 * Rows of a JSON Lines file: an endpoint each, as Pinpoint exports them. Which members an export has is documented nowhere
 * in full, so none has to be there but one with the LINE user id, and members that no endpoint has go where columns of
 * such names go, or are left out. Source: Amazon Pinpoint user guide, "Exporting segments".
 */
export class JsonRows {
  /** Members that went nowhere. */
  public readonly leftOut = new Set<string>();
  private readonly labels = new Map<string, string>();
  private readonly targets = new Map<string, ColumnTarget | string>();
  private readonly hasMapping: boolean;

  /**
   * @param onlyIds whether a row may hold a LINE user id and nothing else
   * @param fileAt when the file was written, epoch milliseconds: the time of rows without an `EffectiveDate`
   */
  constructor(
    private readonly config: Pick<ImportConfig, 'columns' | 'otherColumns'>,
    private readonly onlyIds: boolean,
    private readonly fileAt: number,
    private readonly report: RowReport,
  ) {
    this.hasMapping = Object.keys(config.columns).length > 0;
  }

  public map(text: string, line: number): RowOutcome {
    const { report } = this;
    report.begin(line);
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      return this.wrong(undefined, text, 'the line is not JSON: a file of JSON Lines has an object on each line, without line breaks inside');
    }
    if (!isObject(parsed)) {
      return this.wrong(undefined, text, 'the line is JSON, but not an object');
    }
    try {
      return this.read(parsed, line);
    } catch (error) {
      if (!(error instanceof RangeError)) {
        throw error;
      }
      // JSON is read however deeply it nests; written it is only as deep as the stack is.
      report.take();
      return this.wrong(undefined, text, 'the line is JSON that nests too deeply: an endpoint has lists inside of objects, and nothing deeper');
    }
  }

  private read(parsed: JsonObject, line: number): RowOutcome {
    const row = this.isPlain(parsed) ? parsed : this.sorted(parsed);
    const channelType = row.ChannelType;
    if (channelType !== 'CUSTOM') {
      const isOurs = isLineRow(this.text(row, 'ChannelType'));
      if (!isOurs) {
        // Whatever else was found wrong with it: it is not ours.
        this.report.take();
        return isOurs === false ? 'IGNORED' : this.wrong('ChannelType', shown(channelType), CHANNEL_TYPE_REASON);
      }
    }
    return this.compose(row, line);
  }

  private compose(row: JsonObject, line: number): RowOutcome {
    const { report } = this;
    const user = this.object(row, 'User');
    const givenUserId = this.text(user, 'UserId', 'User.UserId');
    const userId = this.lineUserId(row, givenUserId);
    const optOut = row.OptOut === 'NONE' ? 'NONE' : optOutOf(this.text(row, 'OptOut')) ?? this.wrongMember(row, 'OptOut', OPT_OUT_REASON);
    const status = row.EndpointStatus === 'ACTIVE' ? 'ACTIVE'
      : statusOf(this.text(row, 'EndpointStatus')) ?? this.wrongMember(row, 'EndpointStatus', STATUS_REASON);
    let endpoint = `{"Address":"${userId}","ChannelType":"CUSTOM","OptOut":"${optOut}","EndpointStatus":"${status}"`;
    const creationDate = this.time(row, 'CreationDate');
    if (creationDate !== undefined) {
      endpoint += `,"CreationDate":"${isoText(creationDate, row.CreationDate as string)}"`;
    }
    const userAttributes = this.lists(this.object(user, 'UserAttributes', 'User.UserAttributes'), 'User.UserAttributes');
    if (givenUserId !== '') {
      this.checkLength('User.UserId', givenUserId);
      endpoint += `,"User":{"UserId":${jsonText(givenUserId)}${userAttributes === '' ? '}' : `,"UserAttributes":{${userAttributes}}}`}`;
    } else if (userAttributes !== '') {
      endpoint += `,"User":{"UserAttributes":{${userAttributes}}}`;
    }
    const attributes = this.lists(this.object(row, 'Attributes'), 'Attributes');
    if (attributes !== '') {
      endpoint += `,"Attributes":{${attributes}}`;
    }
    endpoint += this.numbers(this.object(row, 'Metrics')) + this.texts(this.object(row, 'Location'), 'Location', LOCATION)
      + this.texts(this.object(row, 'Demographic'), 'Demographic', DEMOGRAPHIC) + '}';
    const at = this.time(row, 'EffectiveDate') ?? this.fileAt;
    // A character has three bytes at most.
    if (endpoint.length * 3 > MAX_ENDPOINT_BYTES && Buffer.byteLength(endpoint) > MAX_ENDPOINT_BYTES) {
      report.add(undefined, undefined, `the endpoint has ${Buffer.byteLength(endpoint)} bytes, allowed are ${MAX_ENDPOINT_BYTES}. Leave members out with entries of columns`);
    }
    return report.isEmpty ? '{"line":' + decimal(line) + ',"at":' + decimal(at) + ',"endpoint":' + endpoint + '}\n' : 'REJECTED';
  }

  /** Whether every member is an endpoint's, and stays where it is. */
  private isPlain(row: JsonObject): boolean {
    if (this.hasMapping || this.onlyIds) {
      return false;
    }
    for (const name in row) {
      if (!KNOWN.has(name)) {
        return false;
      }
    }
    return true;
  }

  /** The row with every member where the mapping says. Objects without prototypes, since a member may be called `__proto__`. */
  private sorted(row: JsonObject): JsonObject {
    const sorted = Object.create(null);
    const hasIdMember = ID_MEMBERS.some((member) => member !== 'User.UserId' && isThere(row[member])) || (isObject(row.User) && isThere(row.User.UserId));
    const put = (column: string, value: unknown): void => {
      const isLinesId = column === LINES_ID && !hasIdMember && !Object.prototype.hasOwnProperty.call(this.config.columns, column);
      const target: ColumnTarget | string = isLinesId ? { to: 'MEMBER', member: 'Address' } : this.targetOf(column);
      if (this.onlyIds && (typeof target === 'string' || target.to !== 'MEMBER' || !ID_MEMBERS.includes(target.member))) {
        this.wrong(column, undefined, 'a file of the format USER_IDS holds LINE user ids and nothing else, in a member called userId, User.UserId, Id or Address. Take the format JSON_LINES for files with other members');
      } else if (typeof target === 'string') {
        this.wrong(column, undefined, target);
      } else if (target.to === 'NOWHERE' || isObject(value)) {
        this.leaveOut(column);
      } else if (target.to === 'MEMBER' || target.to === 'Metrics' || target.to === 'Location' || target.to === 'Demographic') {
        const path = target.to === 'MEMBER' ? target.member.split('.') : [target.to, target.name];
        const place = path.length === 2 ? sorted[path[0]] ??= Object.create(null) : sorted;
        const name = path[path.length - 1];
        if (isThere(place[name])) {
          this.wrong(column, undefined, `another member goes to ${path.join('.')} too, which has one value only. Leave one of them out with an entry of columns: { '${column}': '' }`);
        }
        place[name] = value;
      } else {
        const place = target.to === 'Attributes' ? sorted.Attributes ??= Object.create(null)
          : (sorted.User ??= Object.create(null)).UserAttributes ??= Object.create(null);
        place[target.name] = target.name in place ? [place[target.name], value].flat() : value;
      }
    };
    const putAll = (members: unknown, prefix: string): void => {
      if (!isObject(members)) {
        if (isThere(members)) {
          this.wrong(prefix, shown(members), 'must be an object');
        }
        return;
      }
      for (const [name, value] of Object.entries(members)) {
        put(`${prefix}.${name}`, value);
      }
    };
    for (const [name, value] of Object.entries(row)) {
      if (name === 'User' && isObject(value)) {
        const { UserAttributes, ...others } = value;
        putAll(others, 'User');
        putAll(UserAttributes, 'User.UserAttributes');
      } else if (NESTED.includes(name)) {
        putAll(value, name);
      } else if (isThere(value)) {
        put(name, value);
      }
    }
    return sorted;
  }

  private targetOf(column: string): ColumnTarget | string {
    let target = this.targets.get(column);
    if (target === undefined) {
      target = targetOfColumn(column, this.config);
      // Pinpoint may know members that we do not; only what the mapping says must be right.
      if (typeof target === 'string' && /^(User|Location|Demographic)\./.test(column) && !Object.prototype.hasOwnProperty.call(this.config.columns, column)) {
        target = { to: 'NOWHERE' };
      }
      if (this.targets.size < MAX_KEPT_NAMES) {
        this.targets.set(column, target);
      }
    }
    return target;
  }

  private lineUserId(row: JsonObject, givenUserId: string): string | undefined {
    // The first that is not empty: an address that is none of LINE's belongs to another channel, whatever the id is.
    let member = 'Address';
    let value = this.text(row, 'Address');
    if (value === '') {
      member = 'Id';
      value = this.text(row, 'Id');
    }
    if (value === '') {
      member = 'User.UserId';
      value = givenUserId;
    }
    const id = lineUserId(value);
    if (id === undefined) {
      this.wrong(value === '' ? 'Address' : member, value, value === '' ? 'no LINE user id: Address, Id and User.UserId are empty' : USER_ID_REASON);
    }
    return id;
  }

  /** Members of a map of lists, as JSON without braces. */
  private lists(lists: JsonObject, path: string): string {
    let text = '';
    for (const name in lists) {
      const given = lists[name];
      if (given === null || given === undefined) {
        continue;
      }
      if (name.length === 0 || name.length > PINPOINT_MAX_ATTRIBUTE_NAME_LENGTH) {
        this.wrongName(path, name);
        continue;
      }
      text += text === '' ? this.label(name) : `,${this.label(name)}`;
      if (!Array.isArray(given)) {
        text += `[${this.value(given, path, name)}]`;
        continue;
      }
      if (given.length > PINPOINT_MAX_ATTRIBUTE_VALUES) {
        this.wrong(`${path}.${name}`, undefined, `has ${given.length} values, allowed are ${PINPOINT_MAX_ATTRIBUTE_VALUES}`);
        continue;
      }
      text += '[';
      for (let index = 0; index < given.length; index++) {
        text += index === 0 ? this.value(given[index], path, name) : `,${this.value(given[index], path, name)}`;
      }
      text += ']';
    }
    return text;
  }

  /** A value of a list as a JSON string. */
  private value(given: unknown, path: string, name: string): string {
    const value = typeof given === 'string' ? given : plainText(given);
    if (value === undefined) {
      this.wrong(`${path}.${name}`, JSON.stringify(given), 'must be a list of texts');
      return '""';
    }
    if (value.length > PINPOINT_MAX_ATTRIBUTE_VALUE_LENGTH) {
      this.wrong(`${path}.${name}`, value, tooLongReason(value.length));
    }
    return jsonText(value);
  }

  private numbers(metrics: JsonObject): string {
    let text = '';
    for (const name in metrics) {
      const given = metrics[name];
      if (given === null || given === '') {
        continue;
      }
      const number = typeof given === 'number' ? storableNumber(given) : typeof given === 'string' ? numberOf(given) : undefined;
      if (number === undefined) {
        this.wrong(`Metrics.${name}`, JSON.stringify(given), NUMBER_REASON);
      } else if (name.length === 0 || name.length > PINPOINT_MAX_ATTRIBUTE_NAME_LENGTH) {
        this.wrongName('Metrics', name);
      }
      text += (text === '' ? this.label(name) : `,${this.label(name)}`) + number;
    }
    return text === '' ? '' : `,"Metrics":{${text}}`;
  }

  /** Members of the location or the demographic data, as a member of an endpoint's JSON. */
  private texts(members: JsonObject, path: string, known: ReadonlySet<string>): string {
    let text = '';
    for (const name in members) {
      const given = members[name];
      if (given === null || given === '') {
        continue;
      }
      if (!known.has(name)) {
        this.leaveOut(`${path}.${name}`);
        continue;
      }
      text += (text === '' ? this.label(name) : `,${this.label(name)}`)
        + (path === 'Location' && isDegrees(name) ? this.degrees(name, given) : this.value(given, path, name));
    }
    return text === '' ? '' : `,"${path}":{${text}}`;
  }

  private degrees(name: string, given: unknown): number | undefined {
    const number = degrees(name, typeof given === 'number' ? given : typeof given === 'string' ? numberOf(given) : undefined);
    if (number === undefined) {
      this.wrong(`Location.${name}`, JSON.stringify(given), degreesReason(name));
    }
    return number;
  }

  /** Epoch milliseconds; undefined when the member is empty, or wrong, which is reported. */
  private time(row: JsonObject, member: string): number | undefined {
    const value = this.text(row, member);
    if (value === '') {
      return undefined;
    }
    const time = timeOf(value, this.fileAt);
    if (time === undefined) {
      this.wrong(member, value, TIME_REASON);
    }
    return time;
  }

  /** A member that is one text; `''` when it is not there, or wrong, which is reported. */
  private text(object: JsonObject, name: string, path = name): string {
    const value = object[name];
    if (typeof value === 'string') {
      return value;
    }
    if (value === undefined || value === null) {
      return '';
    }
    const text = plainText(value);
    if (text === undefined) {
      this.wrong(path, JSON.stringify(value), 'must be a text');
    }
    return text ?? '';
  }

  private object(parent: JsonObject, name: string, path = name): JsonObject {
    const value = parent[name];
    if (isObject(value)) {
      return value;
    }
    if (isThere(value)) {
      this.wrong(path, JSON.stringify(value), 'must be an object');
    }
    return NO_OBJECT;
  }

  private checkLength(path: string, value: string): void {
    if (value.length > PINPOINT_MAX_ATTRIBUTE_VALUE_LENGTH) {
      this.wrong(path, value, tooLongReason(value.length));
    }
  }

  /** `"name":` as JSON. */
  private label(name: string): string {
    let label = this.labels.get(name);
    if (label === undefined) {
      label = `${jsonText(name)}:`;
      if (this.labels.size < MAX_KEPT_NAMES) {
        this.labels.set(name, label);
      }
    }
    return label;
  }

  private leaveOut(path: string): void {
    if (this.leftOut.size < MAX_LEFT_OUT) {
      this.leftOut.add(path.slice(0, 200));
    }
  }

  private wrongName(path: string, name: string): void {
    this.wrong(`${path}.${name}`, undefined, `the name after ${path}. has ${name.length} characters, allowed are 1 to ${PINPOINT_MAX_ATTRIBUTE_NAME_LENGTH}`);
  }

  private wrongMember(row: JsonObject, member: string, reason: string): 'REJECTED' {
    return this.wrong(member, JSON.stringify(row[member]), reason);
  }

  private wrong(column: string | undefined, value: string | undefined, reason: string): 'REJECTED' {
    this.report.add(column, value, reason);
    return 'REJECTED';
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/** A value of a file for a report: an object may have a member toString. */
function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function plainText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}
