import { DynamoDBClient, GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { identifyBatch } from '../../../src/domain/line/custom-channel-event';
import { RunBooks } from '../../../src/runtime/send-books-reader';
import { journalItem } from '../../support/journal-items';
import { loadEntry } from '../../support/load-entry';
import { batchOf, excluded } from '../../support/send-batches';

const dynamoDb = mockClient(DynamoDBClient);
const load = () => loadEntry<unknown, RunBooks>('line/handlers/read-send-books.lambda', '@aws-sdk/client-dynamodb');

beforeEach(async () => {
  dynamoDb.reset();
  const identity = identifyBatch('campaign/app/c1/0/a1', 'p-000');
  const item = await journalItem({ ...batchOf('A', [2], { excluded: [excluded('x')] }), ...identity });
  dynamoDb.on(GetItemCommand).resolves({});
  dynamoDb.on(QueryCommand).callsFake(({ ExpressionAttributeValues, TableName }) => (
    { Items: TableName === 'Journal' && ExpressionAttributeValues[':pk'].S === identity.pk ? [item] : [] }));
  Object.assign(process.env, { AWS_REGION: 'eu-west-1', SEND_JOURNAL_TABLE_NAME: 'Journal' });
});

test.each([
  ['run id', { runId: 'campaign/app/c1/0/a1' }],
  ['ids of the event', { ApplicationId: 'app', CampaignId: 'c1', ActivityId: 'a1' }],
])('tells the books of a run by its %s', async (_case, input) => {
  expect(await load()(input)).toEqual({
    runId: 'campaign/app/c1/0/a1',
    batches: 1,
    books: { recipients: 3, accepted: 2, skipped: 1, failed: 0, unknown: 0, pending: 0, reasons: { OPTED_OUT: 1 } },
    notReached: [{ id: 'x', status: 'skipped', code: 'OPTED_OUT' }],
  });
});

test('tells where a batch is by its id alone', async () => {
  const { pk, batchId } = identifyBatch('campaign/app/c1/0/a1', 'p-000');
  const item = await journalItem({ ...batchOf('A', [2]), pk, batchId });
  dynamoDb.on(GetItemCommand).callsFake(({ Key }) => ({ Item: Key.pk.S === pk && Key.sk.S === 'p-000' ? item : undefined }));
  expect(await load()({ batchId })).toMatchObject({ batchId, state: 'DECIDED', calls: { ACCEPTED: 1 }, books: { accepted: 2 } });
  expect(dynamoDb.commandCalls(QueryCommand)).toEqual([]);
});

test('refuses an input that names no run, without reading anything', async () => {
  await expect(load()({})).rejects.toThrow('the input names no run');
  expect(dynamoDb.calls()).toEqual([]);
});
