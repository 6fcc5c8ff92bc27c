import { AttributeValue, DeleteItemCommand, DynamoDBClient, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { attributeMap, attributeValue } from './attribute-map';
import { EVENT_MARKER_DAYS } from '../contract/limits';
import {
  SORT_KEY_ENDPOINT, SORT_KEY_EVENT, SUBSCRIBER_PARTITION_KEY, SUBSCRIBER_SORT_KEY, SubscriberRow, TTL_ATTRIBUTE,
  eventPartitionKey, subscriberPartitionKey, tagPartitionKey,
} from '../contract/subscriber';
import {
  ConditionalWrite, SubscriberProfile, SubscriberStore, SubscriptionEvent, SubscriptionResult, UnsubscribeMode,
  eraseWrite, followWrite, isOutdated, isSubscribed, optOutWrite, profileWrite, tombstoneAgainWrite, userAttributesMapWrite, userMapWrite,
} from '../domain/audience/subscriber';
import { tagShard } from '../domain/audience/subscriber-tag';
import { fromAttributeMap } from '../domain/shared/attribute-value';

type Item = Record<string, AttributeValue>;

/**
 * The subscriber table of one channel in DynamoDB (see `contract/subscriber.ts`).
 * Needs `dynamodb:GetItem`, `dynamodb:PutItem` and `dynamodb:UpdateItem`, and to erase people `dynamodb:DeleteItem`. Every method throws what DynamoDB throws.
 */
export class DynamoSubscriberStore implements SubscriberStore {
  constructor(private readonly client: DynamoDBClient, private readonly tableName: string, private readonly channelKey: string) {}

  public async follow(event: SubscriptionEvent): Promise<SubscriptionResult> {
    return this.subscription(event, followWrite(event));
  }

  public async unfollow(event: SubscriptionEvent, mode: UnsubscribeMode): Promise<SubscriptionResult> {
    if (mode === 'DELETE') {
      return this.erase(event);
    }
    const result = await this.subscription(event, optOutWrite(event));
    // Refused for being older or for meeting a tombstone: only one of the two writes can pass.
    return result === 'outdated' ? this.subscription(event, tombstoneAgainWrite(event)) : result;
  }

  public async profile(userId: string, profile: SubscriberProfile, readAt: number): Promise<'applied' | 'outdated'> {
    const write = profileWrite(profile, readAt);
    const stored = await this.write(userId, write).catch(async (error) => {
      // "The document path provided in the update expression is invalid": the row was not made by this library.
      if (error.name !== 'ValidationException') {
        throw error;
      }
      const mapsExist = await this.write(userId, userMapWrite(userId)) && await this.write(userId, userAttributesMapWrite());
      return mapsExist ? this.write(userId, write) : undefined;
    });
    return stored ? 'applied' : 'outdated';
  }

  public async isSubscribed(userId: string): Promise<boolean> {
    return isSubscribed(await this.row(userId));
  }

  /** The person's row as it is now, read consistently. Somebody else may have written any member of it. */
  public async row(userId: string): Promise<Partial<SubscriberRow> | undefined> {
    const item = await this.get(this.subscriberKey(userId));
    return item && fromAttributeMap(item);
  }

  public async isHandled(eventId: string): Promise<boolean> {
    return await this.get(this.eventKey(eventId)) !== undefined;
  }

  public async markHandled(eventId: string, now: number): Promise<void> {
    const expiresAt = Math.floor(now / 1000) + EVENT_MARKER_DAYS * 24 * 60 * 60;
    await this.client.send(new PutItemCommand({
      TableName: this.tableName,
      Item: { ...this.eventKey(eventId), [TTL_ATTRIBUTE]: attributeValue(expiresAt) },
    }));
  }

  /** The rows of the person's tags go first: as long as the person's row names them, whoever erases again finds them. */
  private async erase(event: SubscriptionEvent): Promise<SubscriptionResult> {
    const before = await this.row(event.userId);
    if (isOutdated(event, before)) {
      return 'outdated';
    }
    const removed = new Set(before?.tags);
    await this.removeTags(event.userId, [...removed]);
    const stored = await this.write(event.userId, eraseWrite(event));
    // An import may have given another one meanwhile.
    await this.removeTags(event.userId, (stored?.before.tags?.SS ?? []).filter((tag) => !removed.has(tag)));
    return resultOf(event, stored);
  }

  private async removeTags(userId: string, tags: readonly string[]): Promise<void> {
    await Promise.all(tags.map(async (tag) => this.client.send(new DeleteItemCommand({
      TableName: this.tableName, Key: rowKey(tagPartitionKey(this.channelKey, tag, tagShard(userId)), userId),
    }))));
  }

  private async subscription(event: SubscriptionEvent, write: ConditionalWrite): Promise<SubscriptionResult> {
    return resultOf(event, await this.write(event.userId, write));
  }

  /** @returns the row as it was before; undefined when the condition did not hold */
  private async write(userId: string, write: ConditionalWrite): Promise<{ before: Item } | undefined> {
    const key = this.subscriberKey(userId);
    const parameters = {
      TableName: this.tableName,
      ConditionExpression: write.condition,
      ExpressionAttributeNames: write.names,
      ExpressionAttributeValues: attributeMap(write.values),
      ReturnValues: 'ALL_OLD' as const,
    };
    try {
      const { Attributes } = await (write.row
        ? this.client.send(new PutItemCommand({ ...parameters, Item: { ...key, ...attributeMap(write.row) } }))
        : this.client.send(new UpdateItemCommand({ ...parameters, Key: key, UpdateExpression: write.update })));
      return { before: Attributes ?? {} };
    } catch (error) {
      if ((error as Error).name === 'ConditionalCheckFailedException') {
        return undefined;
      }
      throw error;
    }
  }

  private async get(key: Item): Promise<Item | undefined> {
    const { Item } = await this.client.send(new GetItemCommand({ TableName: this.tableName, Key: key, ConsistentRead: true }));
    return Item;
  }

  private subscriberKey(userId: string): Item {
    return rowKey(subscriberPartitionKey(this.channelKey, userId), SORT_KEY_ENDPOINT);
  }

  private eventKey(eventId: string): Item {
    return rowKey(eventPartitionKey(this.channelKey, eventId), SORT_KEY_EVENT);
  }
}

/** @param stored the row as it was before; undefined when the condition did not hold */
function resultOf({ at, eventId }: SubscriptionEvent, stored: { readonly before: Item } | undefined): SubscriptionResult {
  if (!stored) {
    return 'outdated';
  }
  return stored.before.subscriptionAt?.N === String(at) && stored.before.subscriptionEventId?.S === eventId ? 'repeated' : 'applied';
}

function rowKey(partitionKey: string, sortKey: string): Item {
  return { [SUBSCRIBER_PARTITION_KEY]: { S: partitionKey }, [SUBSCRIBER_SORT_KEY]: { S: sortKey } };
}
