import { isDeepStrictEqual } from 'node:util';
import { SORT_KEY_ENDPOINT, SubscriberChange, SubscriberEndpoint, SubscriberRow, subscriberPartitionKey } from '../../contract/subscriber';
import { AttributeValue, fromAttributeMap } from '../shared/attribute-value';

/** A record of the table's stream, as far as it is read here. Source: Amazon DynamoDB Streams API reference, "Record". */
export interface StreamRecord {
  readonly eventID?: string;
  readonly dynamodb?: {
    readonly Keys?: Record<string, AttributeValue>;
    /** Absent when the row was deleted. */
    readonly NewImage?: Record<string, AttributeValue>;
    /** Absent when the row was created. */
    readonly OldImage?: Record<string, AttributeValue>;
    readonly SequenceNumber?: string;
  };
}

/** The members of a row that are an audience's endpoint: Pinpoint's. */
const ENDPOINT_MEMBERS: readonly (keyof SubscriberEndpoint)[] = [
  'Address', 'ChannelType', 'OptOut', 'EndpointStatus', 'EffectiveDate', 'CreationDate', 'User', 'Attributes', 'Metrics', 'Location', 'Demographic',
];

/** The members of a row that tell which of two changes is the newer. */
const CLOCKS = ['subscriptionAt', 'subscriptionEventId', 'attributesAt'] as const;

/**
 * What a record of the table's stream means to an audience, or undefined when it means nothing: rows of other channels and
 * of other kinds, and changes of the clocks alone. A tombstone for someone the table had not known is an erasure, too,
 * because the audience may know them from elsewhere.
 */
export function subscriberChange({ dynamodb }: StreamRecord, channelKey: string): SubscriberChange | undefined {
  const { pk, sk } = dynamodb?.Keys ?? {};
  const prefix = subscriberPartitionKey(channelKey, '');
  if (sk?.S !== SORT_KEY_ENDPOINT || !pk?.S?.startsWith(prefix)) {
    return undefined;
  }
  const subscriberId = pk.S.slice(prefix.length);
  const before = dynamodb?.OldImage && changeTo(channelKey, subscriberId, fromAttributeMap(dynamodb.OldImage));
  const after: SubscriberChange = dynamodb?.NewImage
    ? changeTo(channelKey, subscriberId, fromAttributeMap(dynamodb.NewImage))
    : { channelKey, subscriberId, change: 'ERASE' };
  // A tombstone that moves its clock, or is removed, was announced when it was made.
  const known = before?.change === after.change && isDeepStrictEqual(before.endpoint, after.endpoint);
  return known ? undefined : after;
}

/** What a row as it is means to an audience. */
export function changeTo(channelKey: string, subscriberId: string, row: Partial<SubscriberRow>): SubscriberChange {
  const change = row.erased
    ? { change: 'ERASE' as const }
    : { change: 'UPSERT' as const, endpoint: membersOf(row, ENDPOINT_MEMBERS) as SubscriberEndpoint };
  return { channelKey, subscriberId, ...change, ...membersOf(row, CLOCKS) };
}

function membersOf<K extends keyof SubscriberRow>(row: Partial<SubscriberRow>, members: readonly K[]): Partial<Pick<SubscriberRow, K>> {
  const present = members.filter((member) => row[member] !== undefined).map((member) => [member, row[member]]);
  return Object.fromEntries(present);
}
