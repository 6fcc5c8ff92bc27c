import { ImportRefused } from './import-refused';
import { closestName } from '../../contract/closest-name';
import { ImportConfig } from '../../contract/imports';
import { PINPOINT_MAX_ATTRIBUTE_NAME_LENGTH } from '../../contract/limits';

/** Members of an endpoint that are one text each. Source: Amazon Pinpoint API reference, "EndpointBatchItem". */
const PLAIN_MEMBERS = ['Address', 'Id', 'ChannelType', 'OptOut', 'EndpointStatus', 'EffectiveDate', 'CreationDate', 'User.UserId'] as const;
export type PlainMember = typeof PLAIN_MEMBERS[number];

/** Members that Pinpoint writes into an export and that say nothing about a person. Source: Amazon Pinpoint API reference, "EndpointResponse". */
export const PINPOINTS_OWN_MEMBERS: readonly string[] = ['ApplicationId', 'CohortId', 'RequestId'];

/** Source: Amazon Pinpoint API reference, "EndpointLocation"; the two numbers are degrees. */
export const LOCATION_MEMBERS: readonly string[] = ['City', 'Country', 'Latitude', 'Longitude', 'PostalCode', 'Region'];

/** Source: Amazon Pinpoint API reference, "EndpointDemographic". */
export const DEMOGRAPHIC_MEMBERS: readonly string[] = [
  'AppVersion', 'Locale', 'Make', 'Model', 'ModelVersion', 'Platform', 'PlatformVersion', 'Timezone',
];

/** Any of them may give the LINE user id, the first that is not empty does. */
export const ID_MEMBERS: readonly PlainMember[] = ['Address', 'Id', 'User.UserId'];

/** What LINE calls the id; files of follower ids have a column or member of that name. It is taken where there is no member of {@link ID_MEMBERS}. */
export const LINES_ID = 'userId';

/** Columns of other names whose misspelling loses something, an opt-out for example. `Id` and `Address` may well be a shop's own columns. */
const RISKY = PLAIN_MEMBERS.filter((member) => member !== 'Address' && member !== 'Id');

const MAPS = ['User.UserAttributes', 'Attributes', 'Metrics', 'Location', 'Demographic'] as const;

/** Where the values of a column go. */
export type ColumnTarget =
  | { readonly to: 'NOWHERE' }
  | { readonly to: 'MEMBER'; readonly member: PlainMember }
  | { readonly to: typeof MAPS[number]; readonly name: string };

const NOWHERE: ColumnTarget = { to: 'NOWHERE' };

/** A column or member with its place in the file, from 0. */
export interface NamedColumn {
  readonly index: number;
  /** As it stands in the file. */
  readonly column: string;
}

/** A column of one of the endpoint's maps, with its name there. */
export interface MapColumn extends NamedColumn {
  readonly name: string;
}

/** An attribute, which has a column for each of its values. */
export interface ListColumns {
  readonly name: string;
  readonly columns: readonly NamedColumn[];
}

/** What a header says about every row below it. */
export interface ImportColumns {
  /** Fields of a row. */
  readonly width: number;
  readonly header: readonly string[];
  readonly members: { readonly [member in PlainMember]?: NamedColumn };
  readonly attributes: readonly ListColumns[];
  readonly userAttributes: readonly ListColumns[];
  readonly metrics: readonly MapColumn[];
  readonly location: readonly MapColumn[];
  readonly demographic: readonly MapColumn[];
  /** Columns without a name, of which nothing is expected. */
  readonly unnamed: readonly number[];
  /** Columns that go nowhere. */
  readonly leftOut: readonly string[];
}

/**
 * Reads a header. Names are Pinpoint's, dotted and case-sensitive; a header that stands several times is a list.
 * Source: Amazon Pinpoint user guide, "Importing segments".
 *
 * @param header fields of the first row
 * @param onlyIds whether the file may hold LINE user ids and nothing else
 * @throws ImportRefused when a column is wrong or none gives a LINE user id
 */
export function importColumns(header: readonly string[], config: Pick<ImportConfig, 'columns' | 'otherColumns'>, onlyIds: boolean): ImportColumns {
  const names = header.map((name) => name.trim());
  const members: { [member in PlainMember]?: NamedColumn } = {};
  const lists = { 'Attributes': new Map<string, NamedColumn[]>(), 'User.UserAttributes': new Map<string, NamedColumn[]>() };
  const maps = { Metrics: new Map<string, MapColumn>(), Location: new Map<string, MapColumn>(), Demographic: new Map<string, MapColumn>() };
  const unnamed: number[] = [];
  const leftOut: string[] = [];
  const hasIdMember = names.some((name) => isIdMember(targetOfColumn(name, config)));
  names.forEach((column, index) => {
    if (column === '') {
      unnamed.push(index);
      return;
    }
    const linesOwn = column === LINES_ID && !hasIdMember && mappingOf(column, config) === undefined;
    const target = linesOwn ? { to: 'MEMBER', member: 'Address' } as const : targetOfColumn(column, config);
    if (typeof target === 'string') {
      throw new ImportRefused(target, true);
    }
    if (onlyIds && !isIdMember(target)) {
      throw new ImportRefused(`column ${quoted(column)}: a file of the format USER_IDS holds LINE user ids and nothing else, in a column called userId, User.UserId, Id or Address. Take the format CSV for files with other columns`, true);
    }
    const again = (first: string): never => {
      throw new ImportRefused(`column ${quoted(column)}: column ${quoted(first)} goes to the same member, which has one value only. Only attributes (Attributes.…, User.UserAttributes.…) may have several columns. Leave one of them out of the import with an entry of columns: { ${quoted(column)}: '' }`, true);
    };
    switch (target.to) {
      case 'NOWHERE':
        leftOut.push(column);
        return;
      case 'MEMBER':
        return void (members[target.member] ? again(members[target.member]!.column) : members[target.member] = { index, column });
      case 'Attributes':
      case 'User.UserAttributes': {
        const columns = lists[target.to].get(target.name);
        return void (columns ? columns.push({ index, column }) : lists[target.to].set(target.name, [{ index, column }]));
      }
      default: {
        const { name } = target;
        const first = maps[target.to].get(name);
        return void (first ? again(first.column) : maps[target.to].set(name, { index, column, name }));
      }
    }
  });
  if (!ID_MEMBERS.some((member) => members[member])) {
    throw new ImportRefused(noIdColumn(names.filter((name) => name !== '')), true);
  }
  return {
    width: header.length,
    header: names,
    members,
    attributes: listColumns(lists.Attributes),
    userAttributes: listColumns(lists['User.UserAttributes']),
    metrics: [...maps.Metrics.values()],
    location: [...maps.Location.values()],
    demographic: [...maps.Demographic.values()],
    unnamed,
    leftOut,
  };
}

/** A header that only says that each line is a LINE user id. */
export function userIdColumns(): ImportColumns {
  return importColumns([LINES_ID], { columns: {}, otherColumns: 'REFUSE' }, true);
}

/**
 * Where a column or member goes, by the mapping first.
 *
 * @returns a sentence for the operator when it can go nowhere
 */
export function targetOfColumn(column: string, config: Pick<ImportConfig, 'columns' | 'otherColumns'>): ColumnTarget | string {
  const mapping = mappingOf(column, config);
  if (mapping !== undefined) {
    return mapping === '' ? NOWHERE : targetOfPath(mapping, `columns maps ${quoted(column)} to ${quoted(mapping)}`)
      ?? `columns maps ${quoted(column)} to ${quoted(mapping)}, which is no member of an endpoint. ${allowed()}${suggestion(mapping)}`;
  }
  const known = PINPOINTS_OWN_MEMBERS.includes(column) ? NOWHERE : targetOfPath(column, `column ${quoted(column)}`);
  if (known) {
    return known;
  }
  const meant = mistyped(column);
  if (meant) {
    return `column ${quoted(column)} is not known; did you mean ${meant}? Rename it, or say where it goes with an entry of columns: { ${quoted(column)}: ${quoted(`Attributes.${column}`)} }, or '' to leave it out`;
  }
  switch (config.otherColumns) {
    case 'IGNORE': return NOWHERE;
    case 'ATTRIBUTES': return targetOfPath(`Attributes.${column}`, `column ${quoted(column)}`)!;
    case 'REFUSE': return `column ${quoted(column)} is not known. ${allowed()} Say where it goes with an entry of columns: { ${quoted(column)}: ${quoted(`Attributes.${column}`)} }, or '' to leave it out`;
  }
}

/** Whether the LINE user id may come from there. */
function isIdMember(target: ColumnTarget | string): boolean {
  return typeof target !== 'string' && target.to === 'MEMBER' && ID_MEMBERS.includes(target.member);
}

/** A column may have the name of something that every object has. */
function mappingOf(column: string, { columns }: Pick<ImportConfig, 'columns'>): string | undefined {
  return Object.prototype.hasOwnProperty.call(columns, column) ? columns[column] : undefined;
}

function targetOfPath(path: string, what: string): ColumnTarget | string | undefined {
  const member = PLAIN_MEMBERS.find((name) => name === path);
  if (member) {
    return { to: 'MEMBER', member };
  }
  const to = MAPS.find((map) => path.startsWith(`${map}.`));
  if (!to) {
    // Whoever writes this means a member of Pinpoint's User.
    return path.startsWith('User.')
      ? `${what}: User has the members UserId and UserAttributes.<name> only.${suggestion(path)} Rename the column, or say where it goes with an entry of columns`
      : undefined;
  }
  const name = path.slice(to.length + 1);
  const names = to === 'Location' ? LOCATION_MEMBERS : to === 'Demographic' ? DEMOGRAPHIC_MEMBERS : undefined;
  if (names && !names.includes(name)) {
    const meant = closestName(name, names);
    return `${what}: ${to} has no member ${quoted(name)}${meant ? `; did you mean ${to}.${meant}?` : '.'} It has ${names.join(', ')}. Rename the column, or say where it goes with an entry of columns`;
  }
  if (name === '' || name.length > PINPOINT_MAX_ATTRIBUTE_NAME_LENGTH) {
    return `${what}: the name after ${to}. has ${name.length} characters, allowed are 1 to ${PINPOINT_MAX_ATTRIBUTE_NAME_LENGTH}. Rename the column, or map it to a shorter name with an entry of columns`;
  }
  return { to, name };
}

/** The member that a name was probably meant to be, where taking it for something else would lose what it says. */
function mistyped(column: string): string | undefined {
  const member = closestName(column, RISKY);
  if (member) {
    return member;
  }
  const map = MAPS.find((name) => column.split('.').length > name.split('.').length
    && closestName(column.split('.').slice(0, name.split('.').length).join('.'), [name]));
  return map && `${map}.${column.split('.').slice(map.split('.').length).join('.')}`;
}

function noIdColumn(names: readonly string[]): string {
  const seen = names.slice(0, 20).map(quoted).join(', ') + (names.length > 20 ? ', …' : '');
  const meant = names.map((name) => [name, closestName(name, ['Address', LINES_ID, 'User.UserId', 'lineUserId', 'lineId'])])
    .find(([, name]) => name)?.[0] ?? names[0];
  return `no column gives a LINE user id: the header has ${seen || 'no names'}. The id is taken from Address, Id or User.UserId, or from a column called userId. Name the column with an entry of columns: { ${quoted(meant ?? '<column>')}: 'Address' }. A file without a header needs the format USER_IDS`;
}

function allowed(): string {
  return `Allowed are ${PLAIN_MEMBERS.join(', ')}, User.UserAttributes.<name>, Attributes.<name>, Metrics.<name>, Location.<member> and Demographic.<member>.`;
}

function suggestion(path: string): string {
  const meant = closestName(path, PLAIN_MEMBERS) ?? mistyped(path);
  return meant ? ` Did you mean ${meant}?` : '';
}

function listColumns(lists: ReadonlyMap<string, readonly NamedColumn[]>): ListColumns[] {
  return [...lists].map(([name, columns]) => ({ name, columns }));
}

function quoted(text: string): string {
  return `'${text.slice(0, 200)}'`;
}
