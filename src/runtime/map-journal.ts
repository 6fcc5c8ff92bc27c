import { AttributeValue, ConditionalCheckFailedException, DynamoDBClient, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { RUN_PARTITION_KEY, RUN_SORT_KEY, mapPartitionKey } from '../contract/campaigns';
import { TTL_ATTRIBUTE } from '../contract/subscriber';
import { MapJournal, MapRecord } from '../domain/campaigns/send-maps';

type Item = Record<string, AttributeValue>;

/** Digits of a position, so that sort keys sort as positions do. */
const POSITION_DIGITS = 6;

/**
 * Maps of endpoints in a runner's table (see `contract/campaigns.ts`). Needs `dynamodb:PutItem` and `dynamodb:Query`. Every method throws
 * what DynamoDB throws.
 *
 * `state` of a run is the key of an index; a map's is kept under another name, so that maps are not in it.
 */
export class DynamoMapJournal implements MapJournal {
  /** @param retentionDays days that a map is remembered */
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
    private readonly retentionDays: number,
    private readonly now: () => number,
  ) {}

  public async list(runId: string, chunkName: string): Promise<readonly MapRecord[]> {
    const records: MapRecord[] = [];
    let ExclusiveStartKey: Item | undefined;
    do {
      const { Items = [], LastEvaluatedKey } = await this.client.send(new QueryCommand({
        TableName: this.tableName,
        KeyConditionExpression: '#pk = :pk',
        ExpressionAttributeNames: { '#pk': RUN_PARTITION_KEY },
        ExpressionAttributeValues: { ':pk': { S: mapPartitionKey(runId, chunkName) } },
        ConsistentRead: true,
        ExclusiveStartKey,
      }));
      records.push(...Items.map(fromItem));
      ExclusiveStartKey = LastEvaluatedKey;
    } while (ExclusiveStartKey);
    return records;
  }

  public async write(runId: string, chunkName: string, record: MapRecord, before: MapRecord | undefined): Promise<boolean> {
    try {
      await this.client.send(new PutItemCommand({
        TableName: this.tableName,
        Item: this.toItem(runId, chunkName, record),
        ...(before
          ? {
            ConditionExpression: '#state = :state AND #owner = :owner AND #attempts = :attempts',
            ExpressionAttributeNames: { '#state': 'mapState', '#owner': 'owner', '#attempts': 'attempts' },
            ExpressionAttributeValues: { ':state': { S: before.state }, ':owner': { S: before.owner }, ':attempts': { N: String(before.attempts) } },
          }
          : { ConditionExpression: 'attribute_not_exists(#pk)', ExpressionAttributeNames: { '#pk': RUN_PARTITION_KEY } }),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }));
      return true;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) {
        throw error;
      }
      // The first attempt of the same write may have come through, its answer not.
      return error.Item !== undefined && JSON.stringify(fromItem(error.Item)) === JSON.stringify(fromItem(this.toItem(runId, chunkName, record)));
    }
  }

  private toItem(runId: string, chunkName: string, { position, state, owner, leaseUntil, attempts, excluded, outcomes }: MapRecord): Item {
    return {
      [RUN_PARTITION_KEY]: { S: mapPartitionKey(runId, chunkName) },
      [RUN_SORT_KEY]: { S: String(position).padStart(POSITION_DIGITS, '0') },
      mapState: { S: state },
      owner: { S: owner },
      leaseUntil: { N: String(leaseUntil) },
      attempts: { N: String(attempts) },
      ...(Object.keys(excluded).length > 0 && { excluded: { S: JSON.stringify(excluded) } }),
      ...(outcomes && { outcomes: { S: JSON.stringify(outcomes) } }),
      [TTL_ATTRIBUTE]: { N: String(Math.floor(this.now() / 1_000) + this.retentionDays * 24 * 60 * 60) },
    };
  }
}

function fromItem(item: Item): MapRecord {
  return {
    position: Number(item[RUN_SORT_KEY].S),
    state: item.mapState.S as MapRecord['state'],
    owner: item.owner.S!,
    leaseUntil: Number(item.leaseUntil.N),
    attempts: Number(item.attempts.N),
    excluded: JSON.parse(item.excluded?.S ?? '{}'),
    ...(item.outcomes && { outcomes: JSON.parse(item.outcomes.S!) }),
  };
}
