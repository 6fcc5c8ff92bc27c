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

/** The members of a row that an audience sees: Pinpoint's, and none of the clocks. */
const ENDPOINT_MEMBERS: readonly (keyof SubscriberEndpoint)[] = [
  'Address', 'ChannelType', 'OptOut', 'EndpointStatus', 'EffectiveDate', 'CreationDate', 'User', 'Attributes', 'Metrics', 'Location', 'Demographic',
];

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
  const before = endpointOf(dynamodb?.OldImage);
  const after = endpointOf(dynamodb?.NewImage);
  const subscriberId = pk.S.slice(prefix.length);
  if (typeof after === 'object') {
    return isDeepStrictEqual(before, after) ? undefined : { channelKey, subscriberId, change: 'UPSERT', endpoint: after };
  }
  // A tombstone that moves its clock, or is removed, was announced when it was made.
  return before === 'erased' ? undefined : { channelKey, subscriberId, change: 'ERASE' };
}

function endpointOf(image: Record<string, AttributeValue> | undefined): SubscriberEndpoint | 'erased' | 'absent' {
  if (!image) {
    return 'absent';
  }
  const row = fromAttributeMap(image) as Partial<SubscriberRow>;
  const members = ENDPOINT_MEMBERS.filter((member) => row[member] !== undefined).map((member) => [member, row[member]]);
  return row.erased ? 'erased' : Object.fromEntries(members);
}
