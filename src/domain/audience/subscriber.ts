import { SubscriberRow } from '../../contract/subscriber';

/** What an unfollow does. `OPT_OUT` keeps the subscriber, so that a re-follow restores them; `DELETE` leaves a tombstone. */
export type UnsubscribeMode = 'OPT_OUT' | 'DELETE';

/**
 * Reads the mode that a construct set.
 *
 * @throws when it is none of the two
 */
export function parseUnsubscribeMode(value: string): UnsubscribeMode {
  if (value !== 'OPT_OUT' && value !== 'DELETE') {
    throw new Error(`the unsubscribe mode is "${value}", but must be OPT_OUT or DELETE: deploy the channel again to restore it`);
  }
  return value;
}

/** What a subscription event did to the row: changed it, had changed it before (a repeat), or came after a newer event. */
export type SubscriptionResult = 'applied' | 'repeated' | 'outdated';

/** What LINE tells about a person. Source: LINE, Messaging API reference, "Get profile". */
export interface SubscriberProfile {
  readonly displayName: string;
  /** BCP 47; LINE leaves it out without the person's consent. */
  readonly language?: string;
  readonly pictureUrl?: string;
}

/** The subscription clock: LINE's event time in epoch milliseconds, and the event id that decides between equal times. */
export interface SubscriptionEvent {
  readonly userId: string;
  readonly at: number;
  readonly eventId: string;
}

/** The subscriber table of one channel, as decisions see it. Every method throws what DynamoDB throws. */
export interface SubscriberStore {
  /** Subscribes the person, unless a newer event of theirs is stored. */
  follow(event: SubscriptionEvent): Promise<SubscriptionResult>;
  /** Opts the person out or erases them, unless a newer event of theirs is stored. Someone unknown is recorded as gone. */
  unfollow(event: SubscriptionEvent, mode: UnsubscribeMode): Promise<SubscriptionResult>;
  /** Stores a profile read at `readAt` (epoch milliseconds). `outdated`: unknown or erased person, or a newer profile is stored. */
  profile(userId: string, profile: SubscriberProfile, readAt: number): Promise<'applied' | 'outdated'>;
  /** Whether the person is known, neither erased nor opted out. */
  isSubscribed(userId: string): Promise<boolean>;
  /** Whether the event was handled and published within the last 15 days. */
  isHandled(eventId: string): Promise<boolean>;
  /** Remembers for 15 days after `now` (epoch milliseconds) that the event was handled and published. */
  markHandled(eventId: string, now: number): Promise<void>;
}

/** Members of the parameters of a conditional DynamoDB write; `names` and `values` hold exactly the placeholders used. */
export interface ConditionalWrite {
  /** Update expression; absent when the whole row is replaced. */
  readonly update?: string;
  /** The row less its keys; present when the whole row is replaced. */
  readonly row?: Record<string, unknown>;
  readonly condition: string;
  readonly names: Record<string, string>;
  readonly values: Record<string, unknown>;
}

/** No newer event is stored. Equal clocks pass: the same event again writes the same values, which changes nothing. */
const NOT_OUTDATED = '(attribute_not_exists(#subscriptionAt) OR #subscriptionAt < :at'
  + ' OR (#subscriptionAt = :at AND #subscriptionEventId <= :eventId))';

/** A row without a tombstone, or no row. */
const NOT_ERASED = 'attribute_not_exists(#erased)';

/** A subscriber's row, opted out or not. */
const ALIVE = `attribute_exists(#pk) AND ${NOT_ERASED}`;

/**
 * Subscribes: what an earlier subscription left (attributes, creation date) stays, a tombstone goes. `User` always holds
 * the map `UserAttributes`, because DynamoDB sets a nested attribute only where its parents exist.
 */
export function followWrite(event: SubscriptionEvent): ConditionalWrite {
  const { update, values } = subscriptionUpdate(event, 'NONE');
  return write({ update: `${update}, #EndpointStatus = :active REMOVE #erased`, condition: NOT_OUTDATED, values });
}

/**
 * Opts out and keeps the rest. A tombstone stays one, see {@link tombstoneAgainWrite}: an unfollow brings nobody back.
 */
export function optOutWrite(event: SubscriptionEvent): ConditionalWrite {
  const { update, values } = subscriptionUpdate(event, 'ALL');
  return write({
    update: `${update}, #EndpointStatus = if_not_exists(#EndpointStatus, :active)`,
    condition: `${NOT_OUTDATED} AND ${NOT_ERASED}`,
    values,
  });
}

/**
 * Erases: the row is replaced by a tombstone, which keeps the subscription clock and nothing else, so that no older
 * follow, however late, brings the person back.
 */
export function eraseWrite({ at, eventId }: SubscriptionEvent): ConditionalWrite {
  return write({
    row: { subscriptionAt: at, subscriptionEventId: eventId, erased: true } satisfies Partial<SubscriberRow>,
    condition: NOT_OUTDATED,
    values: clock({ at, eventId }),
  });
}

/** Moves the clock of a tombstone and of nothing else. */
export function tombstoneAgainWrite(event: SubscriptionEvent): ConditionalWrite {
  const { row, condition, values } = eraseWrite(event);
  return write({ row, condition: `${condition} AND attribute_exists(#erased)`, values });
}

/**
 * Stores what is known of the profile and touches no member of the subscription. A row of somebody else's making may lack
 * the maps: {@link userMapWrite} and {@link userAttributesMapWrite} make them.
 *
 * LINE's language goes to `User.UserAttributes.Language` and not to `Demographic.Locale`: Pinpoint wants a country there
 * (`ja_JP`), which LINE does not tell. Source: Amazon Pinpoint API reference, "EndpointDemographic".
 */
export function profileWrite(profile: SubscriberProfile, readAt: number): ConditionalWrite {
  const known = Object.entries({ DisplayName: profile.displayName, Language: profile.language, PictureUrl: profile.pictureUrl })
    .filter(([, value]) => value);
  return write({
    update: ['SET #attributesAt = :readAt', ...known.map(([name]) => `#User.#UserAttributes.#${name} = :${name}`)].join(', '),
    condition: `${ALIVE} AND (attribute_not_exists(#attributesAt) OR #attributesAt <= :readAt)`,
    values: { ':readAt': readAt, ...Object.fromEntries(known.map(([name, value]) => [`:${name}`, [value]])) },
  });
}

/** Makes the map `User` where it is missing. */
export function userMapWrite(userId: string): ConditionalWrite {
  return write({ update: 'SET #User = if_not_exists(#User, :user)', condition: ALIVE, values: { ':user': newUser(userId) } });
}

/** Makes the map `User.UserAttributes` where it is missing; `User` must exist. */
export function userAttributesMapWrite(): ConditionalWrite {
  return write({
    update: 'SET #User.#UserAttributes = if_not_exists(#User.#UserAttributes, :empty)',
    condition: ALIVE,
    values: { ':empty': {} },
  });
}

/** Whether a newer event than this one is stored: what the condition of every write of a subscription says, before it is written. */
export function isOutdated({ at, eventId }: Pick<SubscriptionEvent, 'at' | 'eventId'>, row: Partial<SubscriberRow> | undefined): boolean {
  const { subscriptionAt, subscriptionEventId = '' } = row ?? {};
  return subscriptionAt !== undefined && (subscriptionAt > at || (subscriptionAt === at && subscriptionEventId > eventId));
}

/** Whether a row is that of a subscriber who wants messages. */
export function isSubscribed(row: Partial<SubscriberRow> | undefined): boolean {
  return row !== undefined && !row.erased && row.OptOut !== 'ALL';
}

/** What follow and opt-out have in common. The values depend on the event alone, so a repeat changes nothing. */
function subscriptionUpdate(event: SubscriptionEvent, optOut: 'ALL' | 'NONE'): { update: string; values: Record<string, unknown> } {
  return {
    update: 'SET #Address = :userId, #ChannelType = :custom, #OptOut = :optOut, #EffectiveDate = :date'
      + ', #CreationDate = if_not_exists(#CreationDate, :date), #User = if_not_exists(#User, :user)'
      + ', #subscriptionAt = :at, #subscriptionEventId = :eventId',
    values: {
      ...clock(event),
      ':userId': event.userId,
      ':custom': 'CUSTOM',
      ':optOut': optOut,
      ':active': 'ACTIVE',
      ':date': new Date(event.at).toISOString(),
      ':user': newUser(event.userId),
    },
  };
}

function newUser(userId: string): SubscriberRow['User'] {
  return { UserId: userId, UserAttributes: {} };
}

function clock({ at, eventId }: Pick<SubscriptionEvent, 'at' | 'eventId'>): Record<string, unknown> {
  return { ':at': at, ':eventId': eventId };
}

/** Every attribute goes by a placeholder, `#Name` for `Name`, because many of Pinpoint's names are reserved words of DynamoDB. */
function write(parts: Omit<ConditionalWrite, 'names'>): ConditionalWrite {
  const placeholders = `${parts.update} ${parts.condition}`.matchAll(/#(\w+)/g);
  return { ...parts, names: Object.fromEntries([...placeholders].map(([placeholder, name]) => [placeholder, name])) };
}
