import { SubscriberRow } from '../../contract/subscriber';

/** Members of an endpoint, as the channel's event carries it. */
export type EndpointMembers = { readonly [member: string]: unknown };

/** Members of Amazon Pinpoint's endpoint that a row of the subscriber table has besides its address, in the order in which they are written. */
export const ROW_MEMBERS = ['OptOut', 'EndpointStatus', 'EffectiveDate', 'CreationDate', 'User', 'Attributes', 'Metrics', 'Location', 'Demographic'] as const;

/** The endpoint of somebody of whom nothing else is known. */
export function bareEndpoint(lineUserId: string): EndpointMembers {
  return { Address: lineUserId, ChannelType: 'CUSTOM' };
}

/** The endpoint of a row, without what is the table's own: keys, clocks, tags. */
export function endpointOf(lineUserId: string, row: Partial<SubscriberRow>): EndpointMembers {
  const endpoint: { [member: string]: unknown } = { ...bareEndpoint(lineUserId) };
  for (const member of ROW_MEMBERS) {
    if (row[member] !== undefined) {
      endpoint[member] = row[member];
    }
  }
  return endpoint;
}

/** The same rule as that of `SubscriptionReader`, which asks again before a batch is sent. */
export function isLeftOut({ erased, OptOut, EndpointStatus }: { readonly [K in 'erased' | 'OptOut' | 'EndpointStatus']?: unknown }): boolean {
  return erased === true || OptOut === 'ALL' || EndpointStatus === 'INACTIVE';
}

/** Maps of an endpoint whose names are the user's. */
const MAPS = ['Attributes', 'Metrics', 'Location', 'Demographic'] as const;

/** What a list may bring of a person: never who it is, nor whether it may be sent to. */
export function givenMembers(from: EndpointMembers): EndpointMembers | undefined {
  const given: { [member: string]: unknown } = {};
  for (const name of MAPS) {
    const map = from[name];
    if (isMap(map) && Object.keys(map).length > 0) {
      given[name] = name === 'Attributes' ? listsOf(map) : map;
    }
  }
  if (isMap(from.User)) {
    const { UserId, UserAttributes } = from.User;
    const user = {
      ...(typeof UserId === 'string' && UserId !== '' && { UserId }),
      ...(isMap(UserAttributes) && Object.keys(UserAttributes).length > 0 && { UserAttributes: listsOf(UserAttributes) }),
    };
    if (Object.keys(user).length > 0) {
      given.User = user;
    }
  }
  return Object.keys(given).length === 0 ? undefined : given;
}

/** An endpoint with the members of another over it, name by name. */
export function overlay(endpoint: EndpointMembers, over: EndpointMembers): EndpointMembers {
  const merged: { [member: string]: unknown } = { ...endpoint };
  for (const name of MAPS) {
    if (isMap(over[name])) {
      merged[name] = { ...asMap(endpoint[name]), ...asMap(over[name]) };
    }
  }
  if (isMap(over.User)) {
    const [under, user] = [asMap(endpoint.User), over.User];
    merged.User = {
      ...under,
      ...user,
      ...(isMap(user.UserAttributes) && { UserAttributes: { ...asMap(under.UserAttributes), ...user.UserAttributes } }),
    };
  }
  return merged;
}

/**
 * JSON whose maps have their names in order, so that the same endpoint is the same bytes: DynamoDB promises no order. The outermost
 * keeps its own.
 */
export function endpointJson(endpoint: EndpointMembers): string {
  return mapJson(endpoint, Object.keys(endpoint));
}

function sortedJson(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    return `[${value.map((each) => sortedJson(each) ?? 'null').join(',')}]`;
  }
  return isMap(value) ? mapJson(value, Object.keys(value).sort()) : JSON.stringify(value);
}

function mapJson(map: EndpointMembers, names: readonly string[]): string {
  let text = '{';
  for (const name of names) {
    const json = sortedJson(map[name]);
    if (json !== undefined) {
      text += `${text === '{' ? '' : ','}${JSON.stringify(name)}:${json}`;
    }
  }
  return `${text}}`;
}

/** Attribute values are always lists. */
function listsOf(map: EndpointMembers): EndpointMembers {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, Array.isArray(value) ? value : [value]]));
}

function asMap(value: unknown): EndpointMembers {
  return isMap(value) ? value : {};
}

export function isMap(value: unknown): value is EndpointMembers {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
