import { AttributeValue, DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { SORT_KEY_CHANNEL, SUBSCRIBER_PARTITION_KEY, SUBSCRIBER_SORT_KEY, channelPartitionKey } from '../contract/subscriber';

/** Attribute of the channel's item that holds the bot's user id, LINE's `destination`. */
const BOT_USER_ID = 'botUserId';

/**
 * The channel's own item in the subscriber table (see `contract/subscriber.ts`): which bot the channel belongs to.
 * Needs `dynamodb:GetItem` and `dynamodb:UpdateItem`. Every method throws what DynamoDB throws.
 */
export class ChannelRecord {
  private readonly key: Record<string, AttributeValue>;

  constructor(private readonly client: DynamoDBClient, private readonly tableName: string, channelKey: string) {
    this.key = { [SUBSCRIBER_PARTITION_KEY]: { S: channelPartitionKey(channelKey) }, [SUBSCRIBER_SORT_KEY]: { S: SORT_KEY_CHANNEL } };
  }

  /** The bot user id on record, or undefined while there is none. */
  public async botUserId(): Promise<string | undefined> {
    const { Item } = await this.client.send(new GetItemCommand({
      TableName: this.tableName,
      Key: this.key,
      // The worker asks right after set-up may have written.
      ConsistentRead: true,
      ProjectionExpression: BOT_USER_ID,
    }));
    return Item?.[BOT_USER_ID]?.S;
  }

  /**
   * Records the bot user id unless one is on record already.
   *
   * @returns the id on record after the call: the given one, or the one that was there first
   */
  public async record(botUserId: string): Promise<string> {
    return this.write(botUserId, `SET ${BOT_USER_ID} = if_not_exists(${BOT_USER_ID}, :id)`);
  }

  /** Records the bot user id, whatever was on record. */
  public async replace(botUserId: string): Promise<void> {
    await this.write(botUserId, `SET ${BOT_USER_ID} = :id`);
  }

  private async write(botUserId: string, expression: string): Promise<string> {
    const { Attributes } = await this.client.send(new UpdateItemCommand({
      TableName: this.tableName,
      Key: this.key,
      UpdateExpression: expression,
      ExpressionAttributeValues: { ':id': { S: botUserId } },
      ReturnValues: 'ALL_NEW',
    }));
    return Attributes?.[BOT_USER_ID]?.S ?? botUserId;
  }
}
