import { DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { CampaignReason, CampaignRun, CampaignState, FrozenRecipients } from '../../src/contract/campaigns';
import { DynamoRunsStore } from '../../src/runtime/runs-store';
import { FakeRunsTable } from '../support/control-world';

const { STARTING, SENDING, PAUSING, PAUSED, COMPLETED } = CampaignState;
const T1 = '2026-11-23T03:00:01.000Z';
const T2 = '2026-11-23T03:00:02.000Z';

function run(runId = 'run-1', fields: Partial<CampaignRun> = {}): CampaignRun {
  return {
    pk: `RUN#${runId}`,
    sk: 'RUN',
    runId,
    kind: 'SEND',
    campaign: '春',
    source: 'vip',
    state: STARTING,
    inputHash: 'h',
    createdAt: '2026-11-23T03:00:00.000Z',
    updatedAt: '2026-11-23T03:00:00.000Z',
    generation: 1,
    automaticResumes: 0,
    looks: 0,
    expiresAt: 1_800_000_000,
    recurrence: undefined,
    ...fields,
  };
}

const FROZEN: FrozenRecipients = {
  generation: 1, chunks: 1, recipients: 2, holdout: 0, optedOut: 1, notSubscribed: 0, duplicates: 0, treatments: { 0: 2 },
};

let table: FakeRunsTable;
let sent: unknown[];
let store: DynamoRunsStore;
beforeEach(() => {
  table = new FakeRunsTable();
  sent = [];
  const send = async (command: unknown) => {
    sent.push(command);
    return table.send(command);
  };
  store = new DynamoRunsStore({ send } as unknown as DynamoDBClient, 'Runs');
});

describe('create and load', () => {
  test('of two who write a run, the second learns what the first wrote', async () => {
    expect(await store.load('run-1')).toBeUndefined();
    expect(await store.create(run())).toBeUndefined();
    expect(await store.create(run('run-1', { campaign: 'other' }))).toMatchObject({ campaign: '春' });
    const { recurrence, ...plain } = run();
    expect(await store.load('run-1')).toEqual(plain);
    expect((sent.find((command) => command instanceof PutItemCommand) as PutItemCommand).input).toMatchObject({ TableName: 'Runs', ConditionExpression: 'attribute_not_exists(#pk)' });
  });

  test('throws what DynamoDB throws, and says when a run is deleted meanwhile', async () => {
    jest.spyOn(table, 'send').mockRejectedValueOnce(Object.assign(new Error('slow down'), { name: 'ThrottlingException' }));
    await expect(store.create(run())).rejects.toThrow('slow down');
    jest.spyOn(table, 'send').mockRejectedValueOnce(Object.assign(new Error('no'), { name: 'ConditionalCheckFailedException' }));
    await expect(store.create(run())).rejects.toThrow('run run-1 is gone from table Runs');
  });
});

describe('claim', () => {
  test('notes the execution, and the start once', async () => {
    await store.create(run());
    expect(await store.claim('run-1', 1, 'arn:1', T1)).toMatchObject({ execution: 'arn:1', startedAt: T1, updatedAt: T1 });
    await store.transition(await store.load('run-1') as CampaignRun, { generation: 2 }, T1);
    expect(await store.claim('run-1', 2, 'arn:2', T2)).toMatchObject({ execution: 'arn:2', startedAt: T1, updatedAt: T2 });
  });

  test('a repeat is no change', async () => {
    await store.create(run());
    await store.claim('run-1', 1, 'arn:1', T1);
    expect(await store.claim('run-1', 1, 'arn:1', T2)).toMatchObject({ updatedAt: T1 });
    expect(sent.filter((command) => command instanceof UpdateItemCommand)).toHaveLength(1);
  });

  test('an execution of another generation, or of no run, is told so', async () => {
    await store.create(run('run-1', { generation: 2 }));
    expect(await store.claim('run-1', 1, 'arn:1', T1)).toBeUndefined();
    expect(await store.claim('run-2', 1, 'arn:1', T1)).toBeUndefined();
    expect(await store.load('run-1')).not.toHaveProperty('execution');
  });
});

describe('transition and noteLook', () => {
  test('write fields, remove those that are null, leave the others', async () => {
    await store.create(run('run-1', { reason: CampaignReason.OPERATOR, message: 'm', heldUntil: T1 }));
    const counts = { accepted: 1, skipped: 0, failed: 0, unknown: 0, pending: 1 };
    expect(await store.transition(run(), { state: PAUSING, message: null, heldUntil: undefined, counts, aggregationUnits: ['a'], canaryPassed: true }, T2)).toMatchObject({
      state: PAUSING, reason: 'OPERATOR', heldUntil: T1, counts, aggregationUnits: ['a'], canaryPassed: true, updatedAt: T2,
    });
    expect(await store.load('run-1')).not.toHaveProperty('message');
  });

  test.each<[string, Partial<CampaignRun>]>([['state', { state: SENDING }], ['generation', { generation: 2 }]])('a lost race over the %s writes nothing', async (_name, fields) => {
    await store.create(run('run-1', fields));
    expect(await store.transition(run(), { state: PAUSING }, T2)).toBeUndefined();
    expect(await store.load('run-1')).toMatchObject({ ...fields, updatedAt: '2026-11-23T03:00:00.000Z' });
  });

  test('of two looks at the same time one is noted', async () => {
    await store.create(run('run-1', { state: SENDING }));
    const read = run('run-1', { state: SENDING });
    expect(await store.noteLook(read, { looks: 1, state: SENDING }, T1)).toMatchObject({ looks: 1 });
    expect(await store.noteLook(read, { looks: 1, state: PAUSED }, T1)).toBeUndefined();
    // A command does not mind a look.
    expect(await store.transition(read, { state: PAUSING }, T1)).toMatchObject({ looks: 1, state: PAUSING });
  });

  test('throws what DynamoDB throws', async () => {
    jest.spyOn(table, 'send').mockRejectedValueOnce(Object.assign(new Error('slow down'), { name: 'ThrottlingException' }));
    await expect(store.transition(run(), { state: PAUSING }, T1)).rejects.toThrow('slow down');
  });
});

describe('freeze', () => {
  test('makes a run that starts one that sends', async () => {
    await store.create(run());
    expect(await store.freeze('run-1', 1, FROZEN, T1)).toMatchObject({ state: SENDING, frozen: FROZEN, updatedAt: T1 });
  });

  test('leaves a run as it is that is being paused', async () => {
    await store.create(run('run-1', { state: PAUSING }));
    expect(await store.freeze('run-1', 1, FROZEN, T1)).toMatchObject({ state: PAUSING, frozen: FROZEN });
  });

  test('the first counts', async () => {
    await store.create(run());
    await store.freeze('run-1', 1, FROZEN, T1);
    expect(await store.freeze('run-1', 1, { ...FROZEN, recipients: 9 }, T2)).toMatchObject({ frozen: FROZEN, updatedAt: T1 });
  });

  test('that of another generation is not noted', async () => {
    await store.create(run('run-1', { generation: 2 }));
    expect(await store.freeze('run-1', 1, FROZEN, T1)).toBeUndefined();
    expect(await store.freeze('run-2', 1, FROZEN, T1)).toBeUndefined();
    expect(await store.load('run-1')).not.toHaveProperty('frozen');
  });

  test('a state that changes meanwhile is read again', async () => {
    await store.create(run());
    const { load } = store;
    jest.spyOn(store, 'load').mockImplementationOnce(async (runId) => {
      const read = await load.call(store, runId);
      await store.transition(run(), { state: PAUSING }, T1);
      return read;
    });
    expect(await store.freeze('run-1', 1, FROZEN, T2)).toMatchObject({ state: PAUSING, frozen: FROZEN });
  });

  test('gives up when it is changed again and again', async () => {
    await store.create(run('run-1', { state: SENDING }));
    jest.spyOn(store, 'load').mockResolvedValue(run());
    await expect(store.freeze('run-1', 1, FROZEN, T2)).rejects.toThrow('was changed by others 10 times');
  });
});

describe('list', () => {
  beforeEach(async () => {
    for (let day = 1; day <= 5; day++) {
      await store.create(run(`run-${day}`, { state: COMPLETED, createdAt: `2026-11-0${day}T00:00:00.000Z` }));
    }
    await store.create(run('run-6', { state: PAUSED }));
  });

  test('the newest first, page by page', async () => {
    const first = await store.list(COMPLETED, { limit: 3 });
    expect(first.runs.map(({ runId }) => runId)).toEqual(['run-5', 'run-4', 'run-3']);
    const second = await store.list(COMPLETED, { limit: 3, after: first.next });
    expect(second.runs.map(({ runId }) => runId)).toEqual(['run-2', 'run-1']);
    expect(second).not.toHaveProperty('next');
  });

  test.each([
    [{ createdFrom: '2026-11-04T00:00:00.000Z' }, ['run-5', 'run-4']],
    [{ createdTo: '2026-11-02T00:00:00.000Z' }, ['run-2', 'run-1']],
    [{ createdFrom: '2026-11-02T00:00:00.000Z', createdTo: '2026-11-03T12:00:00.000Z' }, ['run-3', 'run-2']],
  ])('of a time: %j', async (options, ids) => {
    expect((await store.list(COMPLETED, options)).runs.map(({ runId }) => runId)).toEqual(ids);
  });

  test('of a state that no run is in', async () => {
    expect(await store.list(CampaignState.FAILED)).toEqual({ runs: [] });
  });
});
