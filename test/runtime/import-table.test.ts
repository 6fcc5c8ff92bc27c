import { BatchGetItemCommand, ConditionalCheckFailedException, DynamoDBClient, GetItemCommand, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { DynamoImportTable } from '../../src/runtime/import-table';
import { FakeDynamoDb } from '../support/fake-dynamodb';
import { userId } from '../support/import-world';

// What imports do with the table is tested where they are run, in test/domain/audience/write-import.test.ts.

const dynamo = mockClient(DynamoDBClient);
const item = (person: number) => ({ pk: { S: `line#${userId(person)}` }, sk: { S: 'ENDPOINT' }, OptOut: { S: 'NONE' }, tags: { SS: ['vip'] } });

let fake: FakeDynamoDb;
let table: DynamoImportTable;
let pauses: number[];

beforeEach(() => {
  dynamo.reset();
  fake = new FakeDynamoDb(dynamo);
  pauses = [];
  table = new DynamoImportTable(new DynamoDBClient({ region: 'eu-west-1' }), 'Subscribers', 'line', async (milliseconds) => { pauses.push(milliseconds); });
});

describe('rows', () => {
  test('are read consistently, each once, by user id', async () => {
    fake.items.set(`line#${userId(1)} ENDPOINT`, item(1));
    const rows = await table.rows([userId(1), userId(2), userId(1)]);
    expect([...rows]).toEqual([[userId(1), expect.objectContaining({ OptOut: 'NONE', tags: ['vip'] })]]);
    expect(dynamo.commandCalls(BatchGetItemCommand)[0].args[0].input.RequestItems).toEqual({
      Subscribers: { ConsistentRead: true, Keys: [1, 2].map((person) => ({ pk: { S: `line#${userId(person)}` }, sk: { S: 'ENDPOINT' } })) },
    });
  });

  test('that DynamoDB leaves unread are asked for again', async () => {
    const { OptOut, tags, ...key } = item(2);
    dynamo.on(BatchGetItemCommand)
      .resolvesOnce({ Responses: { Subscribers: [item(1)] }, UnprocessedKeys: { Subscribers: { Keys: [key] } } })
      .resolvesOnce({ Responses: { Subscribers: [item(2)] }, UnprocessedKeys: {} });
    expect([...(await table.rows([userId(1), userId(2)])).keys()]).toEqual([userId(1), userId(2)]);
    expect(pauses).toEqual([100]);
  });

  test('that DynamoDB never reads fail: a row that is not known to be there would be taken for a new person', async () => {
    const { OptOut, tags, ...key } = item(1);
    dynamo.on(BatchGetItemCommand).resolves({ UnprocessedKeys: { Subscribers: { Keys: [key] } } });
    await expect(table.rows([userId(1)])).rejects.toThrow('DynamoDB left 1 subscribers of table Subscribers unread 8 times: the table is throttled');
    expect(pauses).toHaveLength(7);
  });
});

describe('a write whose condition does not hold', () => {
  const write = { update: 'SET #a = :a', condition: 'attribute_not_exists(#pk)', names: { '#a': 'a', '#pk': 'pk' }, values: { ':a': 1 } };

  test('answers with the row that DynamoDB gives', async () => {
    fake.items.set(`line#${userId(1)} ENDPOINT`, item(1));
    expect(await table.write(userId(1), write)).toMatchObject({ written: false, row: { OptOut: 'NONE' } });
    expect(dynamo.commandCalls(GetItemCommand)).toEqual([]);
  });

  test('reads the row where DynamoDB does not give it', async () => {
    fake.items.set(`line#${userId(1)} ENDPOINT`, item(1));
    dynamo.on(UpdateItemCommand).rejects(new ConditionalCheckFailedException({ message: '', $metadata: {} }));
    expect(await table.write(userId(1), write)).toMatchObject({ written: false, row: { OptOut: 'NONE' } });
    expect(dynamo.commandCalls(GetItemCommand)[0].args[0].input.ConsistentRead).toBe(true);
    expect(await table.write(userId(2), write)).toEqual({ written: false });
  });

  test('throws what else DynamoDB throws', async () => {
    dynamo.on(UpdateItemCommand).rejects(Object.assign(new Error('too large'), { name: 'ValidationException' }));
    await expect(table.write(userId(1), write)).rejects.toThrow('too large');
    await expect(table.setTag(userId(1), 'vip', true)).rejects.toThrow('too large');
  });
});

test('rows of a shard of a tag are read page by page', async () => {
  const pages = [
    { Items: [{ pk: { S: 'TAG#line#vip#3' }, sk: { S: userId(1) }, taggedAt: { N: '5' } }], LastEvaluatedKey: { pk: { S: 'a' }, sk: { S: 'b' } } },
    { Items: [] },
  ];
  dynamo.on(QueryCommand).resolvesOnce(pages[0]).resolvesOnce(pages[1]);
  const read = [];
  for await (const page of table.tagRows('vip', 3)) {
    read.push(page);
  }
  expect(read).toEqual([[{ pk: 'TAG#line#vip#3', sk: userId(1), taggedAt: 5 }], []]);
  expect(dynamo.commandCalls(QueryCommand).map(({ args }) => [args[0].input.ExpressionAttributeValues, args[0].input.ExclusiveStartKey])).toEqual([
    [{ ':pk': { S: 'TAG#line#vip#3' } }, undefined], [{ ':pk': { S: 'TAG#line#vip#3' } }, { pk: { S: 'a' }, sk: { S: 'b' } }],
  ]);
});

test('the row of a tag that somebody else made is removed if nobody changed it', async () => {
  const key = (person: number) => [...fake.items.keys()].find((each) => each.endsWith(userId(person)));
  await table.putTagRow('vip', userId(1), { taggedAt: 5, importId: 'i' });
  expect(await table.removeTagRow('vip', userId(1), { taggedAt: 5 })).toBe(false);
  expect(await table.removeTagRow('vip', userId(1), { taggedAt: 5, importId: 'i' })).toBe(true);
  expect(key(1)).toBeUndefined();
  await table.putTagRow('vip', userId(1), { taggedAt: 5 });
  expect(await table.removeTagRow('vip', userId(1), { taggedAt: 5 })).toBe(true);
  expect(await table.removeTagRow('vip', userId(1), {} as never)).toBe(true);
});
