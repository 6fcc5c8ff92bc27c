import { ConditionalCheckFailedException, DynamoDBClient, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import * as fc from 'fast-check';
import { SendErrorCode } from '../../src/contract/custom-channel';
import { BatchState, SendBatch } from '../../src/contract/send-journal';
import { claimed, newBatch, nextStep, settled } from '../../src/domain/line/send-journal';
import { DynamoSendJournal } from '../../src/runtime/send-journal-store';
import { FakeDynamoDb } from '../support/fake-dynamodb';

const dynamo = mockClient(DynamoDBClient);
const NOW = Date.UTC(2026, 10, 23);
const user = (n: number) => `U${n.toString(16).padStart(32, '0')}`;
const IDENTITY = { pk: 'run#3', sk: 'p-000', batchId: 'run/p-000', retryKey: '5bd05801-0261-55a7-a655-1a2c08a1790b' };
const READY = newBatch({
  identity: IDENTITY,
  path: '/v2/bot/message/multicast',
  body: '{"to":[]}',
  recipients: [{ id: user(0xabc), to: user(0xabc) }, { id: 'e1', to: user(1) }],
  excluded: [{ id: 'e2', status: 'skipped', code: SendErrorCode.OPTED_OUT }],
  now: NOW,
});
const claim = (batch: SendBatch, owner = 'me', now = NOW) => claimed(batch, { owner, now, callTimeoutMs: 5_000 });
const IN_FLIGHT = claim(READY);
const ACCEPTED = settled(IN_FLIGHT, { kind: 'response', status: 200, requestId: 'r1', body: '' }, NOW);
const AMBIGUOUS = settled(IN_FLIGHT, { kind: 'silence', reason: 'timeout' }, NOW);

let table: FakeDynamoDb;
let journal: DynamoSendJournal;

beforeEach(() => {
  dynamo.reset();
  table = new FakeDynamoDb(dynamo);
  journal = new DynamoSendJournal(new DynamoDBClient({ region: 'eu-west-1' }), 'Journal');
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
      batchId: { S: 'run/p-000' },
      retryKey: { S: IDENTITY.retryKey },
      state: { S: 'IN_FLIGHT' },
      path: { S: '/v2/bot/message/multicast' },
      body: { S: '{"to":[]}' },
      recipients: { B: Buffer.from(`${user(0xabc).slice(1)}${user(1).slice(1)}`, 'hex') },
      endpointIds: { S: '[[1,"e1"]]' },
      excluded: { S: '[["e2","skipped","OPTED_OUT"]]' },
      createdAt: { N: `${NOW}` },
      attempts: { N: '1' },
      owner: { S: 'me' },
      leaseUntil: { N: `${NOW + 15_000}` },
      firstAttemptAt: { N: `${NOW}` },
      expiresAt: { N: `${NOW / 1_000 + 90 * 24 * 60 * 60}` },
    });
  });

  test('gives back the item that was there first', async () => {
    await journal.create(claim(READY, 'you'));
    expect(await journal.create(IN_FLIGHT)).toEqual(claim(READY, 'you'));
  });

  test('takes that item from DynamoDB\'s refusal when it is there', async () => {
    // GIVEN
    await journal.create(claim(READY, 'you'));
    dynamo.on(PutItemCommand).rejects(new ConditionalCheckFailedException({ message: '', $metadata: {}, Item: table.row('run#3', 'p-000') }));
    // THEN
    expect(await journal.create(IN_FLIGHT)).toEqual(claim(READY, 'you'));
    expect(dynamo.commandCalls(GetItemCommand)).toHaveLength(0);
  });

  test('fails when DynamoDB fails', async () => {
    dynamo.on(PutItemCommand).rejects(new Error('throttled'));
    await expect(journal.create(IN_FLIGHT)).rejects.toThrow('throttled');
  });

  test('keeps an item of 500 people and of the longest texts far below DynamoDB\'s 400 KB', async () => {
    // GIVEN
    const recipients = Array.from({ length: 500 }, (_, n) => ({ id: user(n), to: user(n) }));
    const body = JSON.stringify({ to: recipients.map(({ to }) => to), messages: Array(5).fill({ type: 'text', text: '春'.repeat(5_000) }) });
    // WHEN
    await journal.create({ ...IN_FLIGHT, recipients, body });
    // THEN
    const { body: { S: text }, recipients: { B: bytes }, endpointIds } = table.row('run#3', 'p-000')!;
    expect(Buffer.byteLength(text!) + bytes!.length).toBeLessThan(110_000);
    expect(bytes).toHaveLength(8_000);
    expect(endpointIds).toBeUndefined();
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
    ['READY', READY], ['IN_FLIGHT', IN_FLIGHT], ['taken over', claim(IN_FLIGHT, 'you')], ['AMBIGUOUS', AMBIGUOUS], ['ACCEPTED', ACCEPTED],
    ['FAILED', settled(IN_FLIGHT, { kind: 'response', status: 400, body: '' }, NOW)],
    ['nobody left out, ids of their own', { ...READY, excluded: [], recipients: [{ id: '\ud83d, "春"', to: user(2) }] }],
    ['nobody left', { ...READY, recipients: [] }],
  ])('gives back what was put: %s', async (_case, batch) => {
    await journal.create(batch);
    expect(await journal.load(batch)).toEqual(batch);
  });

  test('gives back any recipients in their order', async () => {
    const recipient = fc.record({ id: fc.string({ unit: 'binary' }), to: fc.stringMatching(/^U[0-9a-f]{32}$/) });
    await fc.assert(fc.asyncProperty(fc.array(recipient), async (recipients) => {
      table.items.clear();
      await journal.create({ ...READY, recipients });
      expect((await journal.load(READY))!.recipients).toEqual(recipients);
    }));
  });
});

describe('write', () => {
  beforeEach(async () => { await journal.create(IN_FLIGHT); });

  test.each<[string, SendBatch]>([
    ['an outcome', AMBIGUOUS], ['an acceptance', ACCEPTED],
    ['a release', settled(IN_FLIGHT, { kind: 'response', status: 429, body: '' }, NOW)],
  ])('%s: replaces what changes, keeps the rest, leaves nothing behind', async (_case, to) => {
    expect(await journal.write(IN_FLIGHT, to)).toBe(to);
    expect(await journal.load(to)).toEqual(to);
  });

  test('does not send what is frozen again', async () => {
    await journal.write(IN_FLIGHT, AMBIGUOUS);
    expect(JSON.stringify(dynamo.commandCalls(UpdateItemCommand)[0].args[0].input)).not.toMatch(/body|recipients|excluded|retryKey/);
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

  test('of an acceptance wins over whatever others have made of the item', async () => {
    // GIVEN
    await journal.write(IN_FLIGHT, AMBIGUOUS);
    const step = nextStep(AMBIGUOUS, NOW + 24 * 60 * 60 * 1_000);
    await journal.write(AMBIGUOUS, (step as { to: SendBatch }).to);
    expect(await journal.load(READY)).toMatchObject({ state: BatchState.UNKNOWN });
    // WHEN
    await journal.write(IN_FLIGHT, ACCEPTED);
    // THEN
    expect(await journal.load(READY)).toEqual({ ...ACCEPTED, ambiguous: undefined });
  });

  test.each([[AMBIGUOUS], [ACCEPTED]])('fails when the item has been deleted', async (to) => {
    table.items.clear();
    await expect(journal.write(IN_FLIGHT, to)).rejects.toThrow('item run/p-000 is gone from the send journal Journal');
  });

  test('fails when DynamoDB fails', async () => {
    dynamo.on(UpdateItemCommand).rejects(new Error('throttled'));
    await expect(journal.write(IN_FLIGHT, AMBIGUOUS)).rejects.toThrow('throttled');
  });
});
