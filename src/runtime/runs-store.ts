import { AttributeValue, DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { attributeMap } from './attribute-map';
import {
  CampaignRun, CampaignState, FrozenRecipients, RUN_PARTITION_KEY, RUN_SORT_KEY, SORT_KEY_RUN_RECORD, STATE_INDEX, STATE_INDEX_PARTITION_KEY,
  STATE_INDEX_SORT_KEY, runRecordPartitionKey,
} from '../contract/campaigns';
import { ListRunsOptions, LookNote, RunAsRead, RunChange, RunsPage, RunsStore } from '../domain/campaigns/runs';
import { fromAttributeMap } from '../domain/shared/attribute-value';

type Item = Record<string, AttributeValue>;

/** An update of a run's record, and what must hold for it. */
interface RunUpdate {
  readonly set: object;
  readonly remove?: readonly string[];
  /** Fields and what they must be; `undefined`: absent. */
  readonly when: { readonly [field: string]: string | number | undefined };
  /** Set to `now` unless it has a value. */
  readonly setOnce?: string;
}

/** Times that a write is decided anew, because somebody else was first. */
const MAX_ATTEMPTS = 10;

const DEFAULT_LIMIT = 100;

/**
 * Runs in DynamoDB (see `contract/campaigns.ts`). Needs `dynamodb:GetItem`, `dynamodb:PutItem`, `dynamodb:UpdateItem`, and
 * `dynamodb:Query` on the index of states. Every method throws what DynamoDB throws.
 */
export class DynamoRunsStore implements RunsStore {
  constructor(private readonly client: DynamoDBClient, private readonly tableName: string) {}

  public async load(runId: string): Promise<CampaignRun | undefined> {
    const { Item: item } = await this.client.send(new GetItemCommand({ TableName: this.tableName, Key: keyOf(runId), ConsistentRead: true }));
    return item && runFromItem(item);
  }

  public async create(run: CampaignRun): Promise<CampaignRun | undefined> {
    try {
      await this.client.send(new PutItemCommand({
        TableName: this.tableName,
        Item: attributeMap(run),
        ConditionExpression: 'attribute_not_exists(#pk)',
        ExpressionAttributeNames: { '#pk': RUN_PARTITION_KEY },
      }));
      return undefined;
    } catch (error) {
      if (!isRefusal(error)) {
        throw error;
      }
    }
    const existing = await this.load(run.runId);
    if (!existing) {
      throw new Error(`run ${run.runId} is gone from table ${this.tableName}: it was deleted while it was being written; start it again`);
    }
    return existing;
  }

  public async claim(runId: string, generation: number, execution: string, now: string): Promise<CampaignRun | undefined> {
    const run = await this.load(runId);
    if (run?.generation !== generation || (run.execution === execution && run.startedAt !== undefined)) {
      return run?.generation === generation ? run : undefined;
    }
    return this.update(runId, { set: { execution }, setOnce: 'startedAt', when: { generation } }, now);
  }

  public async transition({ runId, state, generation }: RunAsRead, change: RunChange, now: string): Promise<CampaignRun | undefined> {
    return this.change(runId, change, { state, generation }, now);
  }

  public async freeze(runId: string, generation: number, frozen: FrozenRecipients, now: string): Promise<CampaignRun | undefined> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const run = await this.load(runId);
      if (run?.generation !== generation || run.frozen) {
        return run?.generation === generation ? run : undefined;
      }
      const { state } = run;
      const after = state === CampaignState.STARTING ? CampaignState.SENDING : state;
      const written = await this.update(runId, { set: { frozen, state: after }, when: { generation, state, frozen: undefined } }, now);
      if (written) {
        return written;
      }
    }
    throw new Error(`run ${runId} was changed by others ${MAX_ATTEMPTS} times while its recipients were to be noted; the step is repeated`);
  }

  public async noteLook({ runId, state, generation, looks }: RunAsRead, note: LookNote, now: string): Promise<CampaignRun | undefined> {
    return this.change(runId, note, { state, generation, looks }, now);
  }

  public async list(state: CampaignState, { limit = DEFAULT_LIMIT, after, createdFrom, createdTo }: ListRunsOptions = {}): Promise<RunsPage> {
    // A key condition compares a sort key once: either bound may be open.
    const isBound = createdFrom !== undefined || createdTo !== undefined;
    const { Items: items = [], LastEvaluatedKey: last } = await this.client.send(new QueryCommand({
      TableName: this.tableName,
      IndexName: STATE_INDEX,
      KeyConditionExpression: `#state = :state${isBound ? ' AND #createdAt BETWEEN :from AND :to' : ''}`,
      ExpressionAttributeNames: { '#state': STATE_INDEX_PARTITION_KEY, ...(isBound && { '#createdAt': STATE_INDEX_SORT_KEY }) },
      ExpressionAttributeValues: {
        ':state': { S: state },
        ...(isBound && { ':from': { S: createdFrom ?? '0' }, ':to': { S: createdTo ?? '9' } }),
      },
      ScanIndexForward: false,
      Limit: limit,
      ExclusiveStartKey: after === undefined ? undefined : JSON.parse(Buffer.from(after, 'base64url').toString()),
    }));
    return { runs: items.map(runFromItem), ...(last && { next: Buffer.from(JSON.stringify(last)).toString('base64url') }) };
  }

  private async change(runId: string, change: RunChange, when: RunUpdate['when'], now: string): Promise<CampaignRun | undefined> {
    const entries = Object.entries(change).filter(([, value]) => value !== undefined);
    return this.update(runId, {
      set: Object.fromEntries(entries.filter(([, value]) => value !== null)),
      remove: entries.filter(([, value]) => value === null).map(([field]) => field),
      when,
    }, now);
  }

  /** @returns the run as it is then; undefined when something was not as it must be */
  private async update(runId: string, { set, remove = [], when, setOnce }: RunUpdate, now: string): Promise<CampaignRun | undefined> {
    const values = { ...set, updatedAt: now };
    const conditions = Object.entries(when).map(([field, value]) => (value === undefined ? `attribute_not_exists(#${field})` : `#${field} = :was_${field}`));
    const sets = [
      ...Object.keys(values).map((field) => `#${field} = :${field}`),
      ...(setOnce === undefined ? [] : [`#${setOnce} = if_not_exists(#${setOnce}, :updatedAt)`]),
    ];
    const fields = new Set([...Object.keys(values), ...remove, ...Object.keys(when), ...(setOnce === undefined ? [] : [setOnce])]);
    try {
      const { Attributes } = await this.client.send(new UpdateItemCommand({
        TableName: this.tableName,
        Key: keyOf(runId),
        UpdateExpression: `SET ${sets.join(', ')}${remove.length > 0 ? ` REMOVE ${remove.map((field) => `#${field}`).join(', ')}` : ''}`,
        ConditionExpression: conditions.join(' AND '),
        ExpressionAttributeNames: Object.fromEntries([...fields].map((field) => [`#${field}`, field])),
        ExpressionAttributeValues: { ...attributeMap(prefixed(':', values)), ...attributeMap(prefixed(':was_', when)) },
        ReturnValues: 'ALL_NEW',
      }));
      return runFromItem(Attributes!);
    } catch (error) {
      if (isRefusal(error)) {
        return undefined;
      }
      throw error;
    }
  }
}

/** A condition did not hold. */
function isRefusal(error: unknown): boolean {
  return (error as Error).name === 'ConditionalCheckFailedException';
}

function keyOf(runId: string): Item {
  return { [RUN_PARTITION_KEY]: { S: runRecordPartitionKey(runId) }, [RUN_SORT_KEY]: { S: SORT_KEY_RUN_RECORD } };
}

function runFromItem(item: Item): CampaignRun {
  return fromAttributeMap(item) as unknown as CampaignRun;
}

function prefixed(prefix: string, values: object): object {
  return Object.fromEntries(Object.entries(values).map(([field, value]) => [`${prefix}${field}`, value]));
}
