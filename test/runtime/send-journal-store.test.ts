import {
  ConditionalCheckFailedException, DynamoDBClient, GetItemCommand, PutItemCommand, TransactWriteItemsCommand, TransactionCanceledException,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import * as fc from 'fast-check';
import { SendErrorCode } from '../../src/contract/custom-channel';
import { BatchState, CallState, SendBatch } from '../../src/contract/send-journal';
import { CallResult, claimed, newBatch, nextStep, settled } from '../../src/domain/line/send-journal';
import { DynamoSendJournal, batchFromItem, isBatchItem } from '../../src/runtime/send-journal-store';
import { FakeDynamoDb } from '../support/fake-dynamodb';
import { anyBatch, people, userId } from '../support/send-batches';

const dynamo = mockClient(DynamoDBClient);
const NOW = Date.UTC(2026, 10, 23);
const EXPIRY = { N: `${NOW / 1_000 + 90 * 24 * 60 * 60}` };
const IDENTITY = { pk: 'run#3', sk: 'p-000', batchId: 'run/p-000', retryKey: '5bd05801-0261-55a7-a655-1a2c08a1790b' };
const READY = newBatch({
  identity: IDENTITY,
  runId: 'run',
  calls: [[{ id: userId(0xabc), to: userId(0xabc) }, { id: 'e1', to: userId(1) }]],
  excluded: [{ id: 'e2', status: 'skipped', code: SendErrorCode.OPTED_OUT }],
  content: '"messages":[]',
  source: { origin: 'campaign', campaign: 'c1' },
  now: NOW,
});
const GROUP = newBatch({
  identity: IDENTITY, runId: 'run', calls: [people(1), people(2, 1)], excluded: [], contentKey: 'batches/b', lines: [0, 1], aggregationUnit: 'unit', parent: 'run/p', unclaimed: true, now: NOW,
});
const claim = (batch: SendBatch, owner = 'me', now = NOW) => claimed(batch, { owner, now, holdMs: 5_000 });
const outcome = (batch: SendBatch, ...results: CallResult[]) => settled(batch, results, NOW).to;
const IN_FLIGHT = claim(READY);
const ACCEPTED = outcome(IN_FLIGHT, { index: 0, state: CallState.ACCEPTED, requestId: 'r1' });
const AMBIGUOUS = outcome(IN_FLIGHT, { index: 0, state: CallState.AMBIGUOUS, code: SendErrorCode.LINE_UNDECIDED });
const FAILED = outcome(IN_FLIGHT, { index: 0, state: CallState.FAILED, code: SendErrorCode.LINE_REFUSED, status: 403 });
const SPLIT = settled(IN_FLIGHT, [{ index: 0, state: CallState.SPLIT, parts: [{ name: '1', recipients: people(1) }, { name: '2', recipients: people(1, 1) }] }], NOW);

let table: FakeDynamoDb;
let journal: DynamoSendJournal;

beforeEach(() => {
  dynamo.reset();
  table = new FakeDynamoDb(dynamo);
  journal = new DynamoSendJournal(new DynamoDBClient({ region: 'eu-west-1' }), 'Journal', () => NOW);
});

describe('create', () => {
  test('puts the item under its keys unless there is one', async () => {
    expect(await journal.create(IN_FLIGHT)).toBe(IN_FLIGHT);
    expect(dynamo.commandCalls(PutItemCommand)[0].args[0].input).toMatchObject({
      TableName: 'Journal', ConditionExpression: 'attribute_not_exists(#pk)', ExpressionAttributeNames: { '#pk': 'pk' }, ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    expect(table.row('run#3', 'p-000')).toEqual({
      pk: { S: 'run#3' },
      sk: { S: 'p-000' },
      runId: { S: 'run' },
      batchId: { S: 'run/p-000' },
      retryKey: { S: IDENTITY.retryKey },
      state: { S: 'IN_FLIGHT' },
      calls: { S: '-' },
      content: { S: '"messages":[]' },
      source: { S: '{"origin":"campaign","campaign":"c1"}' },
      recipients: { B: Buffer.from(`${userId(0xabc).slice(1)}${userId(1).slice(1)}`, 'hex') },
      endpointIds: { S: '[[1,"e1"]]' },
      excluded: { S: '[["e2","skipped","OPTED_OUT"]]' },
      createdAt: { N: `${NOW}` },
      attempts: { N: '1' },
      owner: { S: 'me' },
      leaseUntil: { N: `${NOW + 15_000}` },
      firstAttemptAt: { N: `${NOW}` },
      expiresAt: EXPIRY,
    });
  });

  test('gives back the item that was there first', async () => {
    await journal.create(claim(READY, 'you'));
    expect(await journal.create(IN_FLIGHT)).toEqual(claim(READY, 'you'));
    // DynamoDB's refusal had it.
    expect(dynamo.commandCalls(GetItemCommand)).toHaveLength(0);
  });

  test('asks for that item when the refusal does not have it', async () => {
    // GIVEN
    await journal.create(claim(READY, 'you'));
    dynamo.on(PutItemCommand).rejects(new ConditionalCheckFailedException({ message: '', $metadata: {} }));
    // THEN
    expect(await journal.create(IN_FLIGHT)).toEqual(claim(READY, 'you'));
  });

  test('fails when DynamoDB fails', async () => {
    dynamo.on(PutItemCommand).rejects(new Error('throttled'));
    await expect(journal.create(IN_FLIGHT)).rejects.toThrow('throttled');
  });

  test('keeps 500 people, each with a call, an id and a request id of their own, far below DynamoDB\'s 400 KB', async () => {
    // GIVEN ids of 300 bytes, which are cut into batches of 180,000 bytes in all
    const recipients = people(500).map(({ to }, n) => ({ id: `${n}`.padEnd(300, 'x'), to }));
    const batch = newBatch({ identity: IDENTITY, runId: 'run', calls: recipients.map((each) => [each]), excluded: [], contentKey: 'b', lines: recipients.map((_, n) => n), now: NOW });
    // WHEN
    await journal.create(outcome(claim(batch), ...recipients.map((_, index): CallResult => ({ index, state: CallState.ACCEPTED, requestId: '5'.repeat(36) }))));
    // THEN
    const row = table.row('run#3', 'p-000')!;
    const bytes = Object.entries(row).reduce((sum, [name, { S = '', N = '', B = '' }]) => sum + name.length + Buffer.byteLength(S) + N.length + B.length, 0);
    expect(bytes).toBeLessThan(250_000);
    expect(row.recipients.B).toHaveLength(8_000);
  });
});

describe('load', () => {
  test('reads consistently', async () => {
    await journal.load(READY);
    expect(dynamo.commandCalls(GetItemCommand)[0].args[0].input).toEqual({ TableName: 'Journal', Key: { pk: { S: 'run#3' }, sk: { S: 'p-000' } }, ConsistentRead: true });
  });

  test('is undefined where nothing is on record', async () => {
    expect(await journal.load(READY)).toBeUndefined();
  });

  test.each<[string, SendBatch]>([
    ['READY', READY], ['IN_FLIGHT', IN_FLIGHT], ['taken over', claim(IN_FLIGHT, 'you')], ['AMBIGUOUS', AMBIGUOUS], ['ACCEPTED', ACCEPTED], ['FAILED', FAILED],
    ['SPLIT', SPLIT.to], ['a child', SPLIT.children[0]], ['several calls', GROUP], ['deferred', { ...AMBIGUOUS, deferred: true }],
    ['nobody left out, ids of their own', { ...READY, excluded: [], recipients: [{ id: '\ud83d, "春"', to: userId(2) }], sizes: [1] }],
    ['nobody left', { ...READY, recipients: [], sizes: [0] }],
    ['no calls', newBatch({ identity: IDENTITY, runId: 'run', calls: [], excluded: [], now: NOW })],
  ])('gives back what was put: %s', async (_case, batch) => {
    await journal.create(batch);
    expect(await journal.load(batch)).toEqual(JSON.parse(JSON.stringify(batch)));
  });

  test('gives back any batch', async () => {
    await fc.assert(fc.asyncProperty(anyBatch, async (batch) => {
      table.items.clear();
      await journal.create(batch);
      expect(await journal.load(batch)).toEqual(batch);
      expect(isBatchItem(table.row(batch.pk, batch.sk)!)).toBe(true);
    }), { numRuns: 200 });
  });
});

describe('write', () => {
  beforeEach(async () => { await journal.create(IN_FLIGHT); });

  test.each<[string, SendBatch]>([
    ['an outcome', AMBIGUOUS], ['an acceptance', ACCEPTED], ['a refusal', FAILED],
    ['a release', outcome(IN_FLIGHT, { index: 0, state: CallState.READY, code: SendErrorCode.LINE_RATE_LIMITED, status: 429 })],
  ])('%s: replaces what changes, keeps the rest, leaves nothing behind', async (_case, to) => {
    expect(await journal.write(IN_FLIGHT, to)).toBe(to);
    expect(await journal.load(to)).toEqual(to);
  });

  test('is refused when somebody else has taken over, and gives back what is on record', async () => {
    const theirs = claim(IN_FLIGHT, 'you', NOW + 20_000);
    await journal.write(IN_FLIGHT, theirs);
    expect(await journal.write(IN_FLIGHT, AMBIGUOUS)).toEqual(theirs);
    expect(await journal.load(READY)).toEqual(theirs);
  });

  test('is refused when the same owner has gone on', async () => {
    const again = claim(IN_FLIGHT, 'me', NOW + 20_000);
    await journal.write(IN_FLIGHT, again);
    expect(await journal.write(IN_FLIGHT, AMBIGUOUS)).toEqual(again);
  });

  test('of a claim is refused when another has claimed first', async () => {
    await journal.write(IN_FLIGHT, AMBIGUOUS);
    const theirs = claim(AMBIGUOUS, 'you');
    await journal.write(AMBIGUOUS, theirs);
    expect(await journal.write(AMBIGUOUS, claim(AMBIGUOUS, 'me'))).toEqual(theirs);
  });

  test('is refused when only a call has changed: of two who come back late with an acceptance each, none overwrites the other', async () => {
    // GIVEN
    const group = outcome(claim({ ...GROUP, sk: 'g' }), { index: 0, state: CallState.AMBIGUOUS }, { index: 1, state: CallState.AMBIGUOUS });
    await journal.create(group);
    const [one, other] = ['A?', '?A'].map((calls) => ({ ...group, calls }));
    // WHEN
    await journal.write(group, one);
    // THEN
    expect(await journal.write(group, other)).toEqual(one);
  });

  test('of an item that was given up is possible, too', async () => {
    // GIVEN
    await journal.write(IN_FLIGHT, AMBIGUOUS);
    const step = nextStep(AMBIGUOUS, NOW + 24 * 60 * 60 * 1_000, 'SET_ASIDE') as { to: SendBatch };
    await journal.write(AMBIGUOUS, step.to);
    expect(await journal.load(READY)).toMatchObject({ state: BatchState.UNKNOWN });
    // WHEN
    expect(await journal.write(step.to, ACCEPTED)).toBe(ACCEPTED);
    // THEN
    expect(await journal.load(READY)).toEqual(ACCEPTED);
  });

  test('puts the children in the same write', async () => {
    expect(await journal.write(IN_FLIGHT, SPLIT.to, SPLIT.children)).toBe(SPLIT.to);
    expect(dynamo.commandCalls(TransactWriteItemsCommand)).toHaveLength(1);
    for (const batch of [SPLIT.to, ...SPLIT.children]) {
      expect(await journal.load(batch)).toEqual(JSON.parse(JSON.stringify(batch)));
    }
  });

  test.each<[string, () => Promise<unknown>]>([
    ['the parent has gone on', async () => journal.write(IN_FLIGHT, claim(IN_FLIGHT, 'you'))],
    ['a child is there', async () => journal.create({ ...SPLIT.children[1], attempts: 7 })],
  ])('with children does nothing at all when %s', async (_case, before) => {
    // GIVEN
    await before();
    const items = new Map(table.items);
    // WHEN
    const onRecord = await journal.write(IN_FLIGHT, SPLIT.to, SPLIT.children);
    // THEN
    expect(onRecord).toEqual(batchFromItem(items.get('run#3 p-000')!));
    expect(table.items).toEqual(items);
  });

  test('with children fails when somebody else is writing at the same moment, or DynamoDB fails', async () => {
    for (const error of [
      new TransactionCanceledException({ message: 'conflict', $metadata: {}, CancellationReasons: [{ Code: 'TransactionConflict' }, { Code: 'None' }] }),
      new TransactionCanceledException({ message: 'nothing said', $metadata: {} }),
      new Error('throttled'),
    ]) {
      dynamo.on(TransactWriteItemsCommand).rejects(error);
      await expect(journal.write(IN_FLIGHT, SPLIT.to, SPLIT.children)).rejects.toThrow(error);
    }
  });

  test.each([[AMBIGUOUS, []], [SPLIT.to, SPLIT.children]])('fails when the item has been deleted', async (to, children) => {
    table.items.clear();
    await expect(journal.write(IN_FLIGHT, to, children)).rejects.toThrow('item run/p-000 is gone from the send journal Journal');
  });

  test('fails when DynamoDB fails', async () => {
    dynamo.on(PutItemCommand).rejects(new Error('throttled'));
    await expect(journal.write(IN_FLIGHT, AMBIGUOUS)).rejects.toThrow('throttled');
  });
});

describe('a run', () => {
  test('of which nothing is known is a new one', async () => {
    expect(await journal.run('run')).toEqual({ runId: 'run', refusedInRow: 0, splitCalls: 0, validated: [] });
    expect(dynamo.commandCalls(GetItemCommand)[0].args[0].input).toEqual({ TableName: 'Journal', Key: { pk: { S: 'run#RUN' }, sk: { S: 'RUN' } } });
  });

  test('has what its batches noted, and is no batch', async () => {
    // WHEN
    expect([await journal.countRefusal('run'), await journal.countRefusal('run')]).toEqual([1, 2]);
    expect([await journal.countSplitCalls('run', 2), await journal.countSplitCalls('run', 2)]).toEqual([2, 4]);
    await journal.markValidated('run', 'a');
    await journal.markValidated('run', 'b');
    await journal.stopRun('run', SendErrorCode.RUN_STOPPED);
    await journal.stopRun('run', SendErrorCode.LOW_QUOTA);
    // THEN
    expect(await journal.run('run')).toEqual({ runId: 'run', refusedInRow: 2, splitCalls: 4, validated: ['a', 'b'], stopped: 'RUN_STOPPED' });
    expect(table.row('run#RUN', 'RUN')).toMatchObject({ runId: { S: 'run' }, expiresAt: EXPIRY });
    expect(isBatchItem(table.row('run#RUN', 'RUN')!)).toBe(false);
  });

  test('begins to count anew after an acceptance', async () => {
    await journal.countRefusal('run');
    await journal.clearRefusals('run');
    expect(await journal.run('run')).toEqual({ runId: 'run', refusedInRow: 0, splitCalls: 0, validated: [] });
    expect(await journal.countRefusal('run')).toBe(1);
    await journal.countSplitCalls('other', 2);
    expect(await journal.run('other')).toEqual({ runId: 'other', refusedInRow: 0, splitCalls: 2, validated: [] });
  });

  test('fails when DynamoDB fails', async () => {
    dynamo.on(UpdateItemCommand).rejects(new Error('throttled'));
    await expect(journal.stopRun('run', SendErrorCode.RUN_STOPPED)).rejects.toThrow('throttled');
  });
});

describe('claims of people', () => {
  const batch = (batchId: string) => ({ runId: 'run', batchId });

  test('are the first batch\'s, which may claim again; others learn whom they cannot have', async () => {
    // GIVEN more people than are claimed at a time
    const ids = people(130).map(({ to }) => to);
    expect(await journal.claimPeople(batch('run/a'), ids.slice(0, 100))).toEqual(new Set());
    // THEN
    expect(await journal.claimPeople(batch('run/a'), ids.slice(0, 110))).toEqual(new Set());
    expect(await journal.claimPeople(batch('run/b'), ids)).toEqual(new Set(ids.slice(0, 110)));
    expect(await journal.claimPeople({ runId: 'other', batchId: 'other/a' }, ids)).toEqual(new Set());
    expect(table.row(`run#CLAIM#${ids[0]}`, 'CLAIM')).toEqual({ pk: { S: `run#CLAIM#${ids[0]}` }, sk: { S: 'CLAIM' }, batchId: { S: 'run/a' }, expiresAt: EXPIRY });
    expect(isBatchItem(table.row(`run#CLAIM#${ids[0]}`, 'CLAIM')!)).toBe(false);
  });

  test('of nobody ask nothing', async () => {
    expect(await journal.claimPeople(batch('run/a'), [])).toEqual(new Set());
    expect(dynamo.calls()).toHaveLength(0);
  });

  test('fail when DynamoDB fails', async () => {
    dynamo.on(PutItemCommand).rejects(new Error('throttled'));
    await expect(journal.claimPeople(batch('run/a'), [userId(1)])).rejects.toThrow('throttled');
  });
});
