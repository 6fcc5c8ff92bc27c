import { ConditionalWrite } from './subscriber';
import { ImportRow } from '../../contract/imports';
import { SubscriberEndpoint, SubscriberRow } from '../../contract/subscriber';

/** What an import does to a person. Names are those of `WriteResult`. */
export type ImportOutcome = 'created' | 'updated' | 'unchanged' | 'keptOptedOut' | 'erased';

/** What a row of a file means for a row of the table. */
export interface ImportMerge {
  readonly outcome: ImportOutcome;
  /** Absent when the table has it all. Its condition is that the row is still the one that was read. */
  readonly write?: ConditionalWrite;
  /** There is more than one expression of DynamoDB holds: after this write, merge again. */
  readonly more?: true;
}

/** What merging depends on besides the two rows. */
export interface MergeOptions {
  readonly importId: string;
  readonly allowReOptIn: boolean;
  /** Given to the person. */
  readonly tag?: string;
  /** Epoch milliseconds when the import began: no row counts as newer. */
  readonly startedAt: number;
}

/** A place of an endpoint that an import writes: a member, or a member of one of its maps. */
interface Member {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** When a row of a file was true, and which row it is. */
interface Clock {
  readonly at: number;
  readonly mark: string;
}

type Row = Partial<SubscriberRow>;
type Subscription = Pick<SubscriberEndpoint, 'OptOut' | 'EndpointStatus'>;

/** Members that one update sets. An expression has 4 KB at most. Source: Amazon DynamoDB, "Quotas", expression parameters. */
const MAX_MEMBERS = 60;

/** What a profile that LINE gave holds, see `profileWrite`. */
const PROFILE_ATTRIBUTES: readonly string[] = ['DisplayName', 'Language', 'PictureUrl'];

/** The clocks of a row, by which a write knows that it is still the one that was read. */
const CLOCKS = ['subscriptionAt', 'subscriptionEventId', 'EffectiveDate', 'attributesAt', 'importedAt', 'importedBy'] as const;

/**
 * The subscription clock of somebody whom a file alone says is in: any event of LINE's is newer, also an opt-out from before the file that
 * still waits in a queue. What other files say is compared with the row's `EffectiveDate`, see `toldAt`.
 */
const BEFORE_ALL_EVENTS = 0;

/**
 * Merges a row of a file into a row of the table.
 *
 * Subscription. An import opts out who was opted in before its row's date, and opts nobody in: who is opted out, inactive or erased
 * stays so, and whom it makes known is opted out by any unfollow that LINE sent, however late it comes. With `allowReOptIn` the newest word wins, whoever said it. Of several rows of one file for one person, an opt-out wins
 * without `allowReOptIn`; with it the newest, and of equally new ones the one further down. In which order they are written does not matter.
 *
 * Attributes. Those that the row names are replaced, others stay. A row older than the one that an import wrote last changes nothing; one
 * that is older, or further up, in the same file fills only what is missing. What LINE told of the profile after the row's date stays. Of two dates of creation the earlier holds.
 *
 * Merging a row again changes nothing.
 *
 * @param before the person's row, which somebody else may have written; undefined when there is none
 */
export function mergeImport(before: Row | undefined, { endpoint, line, at }: ImportRow, options: MergeOptions): ImportMerge {
  const { importId, allowReOptIn, tag, startedAt } = options;
  // A date to come would outlast what the person decides until then. Letters and digits, which webhook events' ids begin with, are greater than #.
  const clock: Clock = { at: Math.min(at, startedAt), mark: `${markPrefix(importId)}${String(line).padStart(10, '0')}` };
  if (!before) {
    return { outcome: 'created', write: creation(endpoint, clock, tag, !allowReOptIn && isIn(endpoint) ? BEFORE_ALL_EVENTS : clock.at) };
  }
  if (before.erased) {
    if (!allowReOptIn || !isNewer(clock, before)) {
      return { outcome: 'erased' };
    }
    return isIn(endpoint)
      ? { outcome: 'created', write: creation(endpoint, clock, tag, clock.at, before) }
      : { outcome: 'erased', write: tombstone(clock, before) };
  }
  const subscription = mergeSubscription(before, endpoint, clock, options);
  const changed = changedMembers(before, endpoint, clock, importId);
  const more = changed.length > MAX_MEMBERS;
  const lacksTag = tag !== undefined && !new Set(before.tags).has(tag);
  const sets = [
    ...subscription.sets,
    ...changed.slice(0, MAX_MEMBERS),
    // The clock says that all of the row is there: it goes last.
    ...(more ? [] : clockOf(before, endpoint, clock)),
  ];
  return {
    outcome: outcomeOf(),
    ...((sets.length > 0 || lacksTag) && { write: update(before, sets, lacksTag ? tag : undefined) }),
    ...(more && { more }),
  };

  function outcomeOf(): ImportOutcome {
    // Only what makes a person known opts them in without `allowReOptIn`: this row did, before it was repeated.
    if (!allowReOptIn && before!.subscriptionEventId === clock.mark && isIn(before!)) {
      return 'created';
    }
    if (subscription.kept) {
      return 'keptOptedOut';
    }
    return subscription.changes || changed.length > 0 ? 'updated' : 'unchanged';
  }
}

function markPrefix(importId: string): string {
  return `#${importId}#`;
}

function isNewer({ at, mark }: Clock, before: Row): boolean {
  const told = toldAt(before);
  return told === undefined || at > told || (at === told && mark > (before.subscriptionEventId ?? ''));
}

/** Epoch milliseconds of what is known of the subscription; undefined when it has no clock. */
function toldAt({ subscriptionAt, EffectiveDate }: Row): number | undefined {
  if (typeof subscriptionAt !== 'number') {
    return undefined;
  }
  return subscriptionAt === BEFORE_ALL_EVENTS ? Date.parse(EffectiveDate ?? '') || BEFORE_ALL_EVENTS : subscriptionAt;
}

function isIn({ OptOut, EndpointStatus }: Partial<Subscription>): boolean {
  return OptOut !== 'ALL' && EndpointStatus !== 'INACTIVE';
}

interface SubscriptionMerge {
  readonly sets: readonly Member[];
  /** Whether the person's subscription changes, the clock apart. */
  readonly changes: boolean;
  /** Whether a person whom the file opts in stays opted out. */
  readonly kept: boolean;
}

function mergeSubscription(before: Row, endpoint: ImportRow['endpoint'], clock: Clock, { allowReOptIn, importId }: MergeOptions): SubscriptionMerge {
  const { Address, ChannelType, OptOut, EndpointStatus } = endpoint;
  const rowIsIn = isIn({ OptOut, EndpointStatus });
  const wasIn = isIn(before);
  const newer = isNewer(clock, before);
  // By a row of this import, which had found the person opted in, or had not found them.
  const isOwn = before.subscriptionEventId?.startsWith(markPrefix(importId)) === true;
  const told = { at: toldAt(before) ?? clock.at, mark: before.subscriptionEventId ?? '' };
  const applies = allowReOptIn ? newer : applyCautiously();
  // A row of somebody else's making may lack what every subscriber has.
  const missing = members({ Address, ChannelType, OptOut: 'NONE', EndpointStatus: 'ACTIVE' }).filter(({ path }) => valueAt(before, path) === undefined);
  // Of a file's rows that say that somebody is in, the newest date and the greatest mark hold, in whichever order they come.
  const said = rowIsIn && !allowReOptIn
    ? members({ EffectiveDate: isoTime(Math.max(clock.at, told.at)), subscriptionEventId: clock.mark > told.mark ? clock.mark : told.mark })
    : members({ OptOut, EndpointStatus, EffectiveDate: isoTime(clock.at), subscriptionAt: clock.at, subscriptionEventId: clock.mark });
  return {
    sets: applies ? [...missing.filter(({ path: [name] }) => !said.some((member) => member.path[0] === name)), ...said] : missing,
    changes: applies && (before.OptOut !== OptOut || before.EndpointStatus !== EndpointStatus),
    kept: rowIsIn && !wasIn && !applies,
  };

  /** The clock of a person who is in stays: an opt-out that still waits in a queue is to be newer than the file. */
  function applyCautiously(): boolean {
    if (rowIsIn) {
      return wasIn && isOwn && (clock.at > told.at || clock.mark > told.mark);
    }
    return wasIn ? isOwn || newer : isOwn && newer;
  }
}

/** What the row says and the table does not have, as far as the row may say it. */
function changedMembers(before: Row, endpoint: ImportRow['endpoint'], clock: Clock, importId: string): Member[] {
  const { importedAt, importedBy = '', attributesAt, CreationDate } = before;
  const isOlder = typeof importedAt === 'number' && (clock.at < importedAt || (clock.at === importedAt && clock.mark < importedBy));
  const profileIsNewer = typeof attributesAt === 'number' && attributesAt > clock.at;
  const isEarlier = endpoint.CreationDate !== undefined && !(Date.parse(CreationDate ?? '') <= Date.parse(endpoint.CreationDate));
  const isOutdated = isOlder && !importedBy.startsWith(markPrefix(importId));
  const changed = isOutdated ? [] : attributesOf(endpoint).filter(({ path, value }) => {
    const present = valueAt(before, path);
    const fromProfile = path[1] === 'UserAttributes' && PROFILE_ATTRIBUTES.includes(path[2]);
    return present === undefined || (!isOlder && !(fromProfile && profileIsNewer) && !isSame(present, value));
  });
  return [...(isEarlier ? members({ CreationDate: endpoint.CreationDate }) : []), ...changed];
}

/** The attributes' clock of imports, if it is to move: nothing older is to overwrite what this row says, even where the table had it. */
function clockOf({ importedAt, importedBy = '' }: Row, endpoint: ImportRow['endpoint'], { at, mark }: Clock): Member[] {
  const isLast = typeof importedAt !== 'number' || at > importedAt || (at === importedAt && mark > importedBy);
  return isLast && attributesOf(endpoint).length > 0 ? members({ importedAt: at, importedBy: mark }) : [];
}

/** What a row names besides the address, the subscription and the date of creation. */
function attributesOf({ Attributes, Metrics, Location, Demographic, User }: ImportRow['endpoint']): Member[] {
  return [
    ...(User?.UserId === undefined ? [] : members({ UserId: User.UserId }, ['User'])),
    ...members(User?.UserAttributes, ['User', 'UserAttributes']),
    ...members(Attributes, ['Attributes']),
    ...members(Metrics, ['Metrics']),
    ...members(Location, ['Location']),
    ...members(Demographic, ['Demographic']),
  ];
}

function members(map: object = {}, path: readonly string[] = []): Member[] {
  return Object.entries(map).map(([name, value]) => ({ path: [...path, name], value }));
}

/** Of two texts, numbers or lists of texts. A negative zero, which DynamoDB does not know, is zero. */
function isSame(one: unknown, other: unknown): boolean {
  return Array.isArray(one) && Array.isArray(other)
    ? one.length === other.length && one.every((value, index) => value === other[index])
    : one === other;
}

/** An own member, however it is called. */
function valueAt(row: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => (isMap(value) && Object.hasOwn(value, name) ? value[name] : undefined), row);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Set);
}

function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** Moves the clock of the tombstone that was read: nothing older brings the person back. */
function tombstone({ at, mark }: Clock, before: Row): ConditionalWrite {
  const expression = new Expression();
  const condition = `attribute_exists(${expression.name('erased')}) AND ${sameClocks(before, expression)}`;
  const row = { subscriptionAt: at, subscriptionEventId: mark, erased: true } satisfies Row;
  return { row, condition, ...expression.placeholders() };
}

/** Makes a person known who was not, or, over the tombstone that was read, not any more. */
function creation(endpoint: ImportRow['endpoint'], clock: Clock, tag: string | undefined, subscriptionAt: number, erased?: Row): ConditionalWrite {
  const { Address, ChannelType, OptOut, EndpointStatus, CreationDate, User, Attributes, Metrics, Location, Demographic } = endpoint;
  const maps = Object.entries({ Attributes, Metrics, Location, Demographic }).filter(([, map]) => map !== undefined);
  const row = {
    Address,
    ChannelType,
    OptOut,
    EndpointStatus,
    EffectiveDate: isoTime(clock.at),
    CreationDate: CreationDate ?? isoTime(clock.at),
    User: { UserId: User?.UserId ?? Address, UserAttributes: User?.UserAttributes ?? {} },
    ...Object.fromEntries(maps),
    subscriptionAt,
    subscriptionEventId: clock.mark,
    ...Object.fromEntries(clockOf({}, endpoint, clock).map(({ path: [name], value }) => [name, value])),
    ...(tag !== undefined && { tags: new Set([tag]) }),
  };
  const expression = new Expression();
  const condition = erased
    ? `attribute_exists(${expression.name('erased')}) AND ${sameClocks(erased, expression)}`
    : `attribute_not_exists(${expression.name('pk')})`;
  return { row, condition, ...expression.placeholders() };
}

/**
 * Sets members one by one, so that what others write beside them stays. DynamoDB sets a member of a map only where the map exists: a
 * missing one is set as a whole.
 */
function update(before: Row, sets: readonly Member[], tag: string | undefined): ConditionalWrite {
  const expression = new Expression();
  const conditions = [
    `attribute_exists(${expression.name('pk')})`,
    `attribute_not_exists(${expression.name('erased')})`,
    sameClocks(before, expression),
  ];
  const places = new Map<string, { readonly path: readonly string[]; readonly members: Member[] }>();
  for (const { path, value } of sets) {
    const missing = path.findIndex((_, index) => index < path.length - 1 && !isMap(valueAt(before, path.slice(0, index + 1))));
    const depth = missing === -1 ? path.length : missing + 1;
    const place = expression.path(path.slice(0, depth));
    const { members: inPlace } = places.get(place) ?? places.set(place, { path: path.slice(0, depth), members: [] }).get(place)!;
    inPlace.push({ path: path.slice(depth), value });
  }
  const assignments = [...places].map(([place, { path, members: inPlace }]) => {
    if (inPlace[0].path.length > 0 && valueAt(before, path) === undefined) {
      // Somebody may make the map meanwhile.
      conditions.push(`attribute_not_exists(${place})`);
    }
    return `${place} = ${expression.value(assembled(inPlace))}`;
  });
  const set = assignments.length > 0 ? [`SET ${assignments.join(', ')}`] : [];
  const add = tag === undefined ? [] : [`ADD ${expression.name('tags')} ${expression.value(new Set([tag]))}`];
  return { update: [...set, ...add].join(' '), condition: conditions.join(' AND '), ...expression.placeholders() };
}

/** The value that has all the members; a member without a path is the value itself. */
function assembled(parts: readonly Member[]): unknown {
  if (parts[0].path.length === 0) {
    return parts[0].value;
  }
  const names = new Set(parts.map(({ path: [name] }) => name));
  return Object.fromEntries([...names].map((name) => [
    name,
    assembled(parts.filter(({ path }) => path[0] === name).map(({ path, value }) => ({ path: path.slice(1), value }))),
  ]));
}

function sameClocks(row: Row, expression: Expression): string {
  return CLOCKS.map((clock) => (row[clock] === undefined
    ? `attribute_not_exists(${expression.name(clock)})`
    : `${expression.name(clock)} = ${expression.value(row[clock])}`)).join(' AND ');
}

/** Placeholders of an expression whose names may be anything. */
class Expression {
  private readonly names = new Map<string, string>();
  private readonly values: unknown[] = [];

  public name(name: string): string {
    const placeholder = this.names.get(name) ?? `#n${this.names.size}`;
    this.names.set(name, placeholder);
    return placeholder;
  }

  public path(path: readonly string[]): string {
    return path.map((name) => this.name(name)).join('.');
  }

  public value(value: unknown): string {
    return `:v${this.values.push(value) - 1}`;
  }

  public placeholders(): Pick<ConditionalWrite, 'names' | 'values'> {
    return {
      names: Object.fromEntries([...this.names].map(([name, placeholder]) => [placeholder, name])),
      values: Object.fromEntries(this.values.map((value, index) => [`:v${index}`, value])),
    };
  }
}
