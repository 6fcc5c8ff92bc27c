import { DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { ChannelRecord } from '../../src/runtime/channel-record';

const dynamo = mockClient(DynamoDBClient);
const BOT = 'U8e742f61d673b39c7fff3cecb7536ef0';
const OTHER = 'U00000000000000000000000000000001';
const KEY = { pk: { S: 'CHANNEL#line' }, sk: { S: 'CHANNEL' } };

let record: ChannelRecord;

beforeEach(() => {
  dynamo.reset();
  record = new ChannelRecord(new DynamoDBClient({ region: 'eu-west-1' }), 'Subscribers', 'line');
});

describe('botUserId', () => {
  test('is read consistently from the channel\'s item', async () => {
    // GIVEN
    dynamo.on(GetItemCommand).resolves({ Item: { botUserId: { S: BOT } } });
    // WHEN
    const id = await record.botUserId();
    // THEN
    expect(id).toBe(BOT);
    expect(dynamo.commandCalls(GetItemCommand)[0].args[0].input).toEqual({
      TableName: 'Subscribers', Key: KEY, ConsistentRead: true, ProjectionExpression: 'botUserId',
    });
  });

  test.each([
    ['the item does not exist', {}],
    ['the item has no id yet', { Item: {} }],
  ])('is undefined when %s', async (_case, output) => {
    dynamo.on(GetItemCommand).resolves(output);
    expect(await record.botUserId()).toBeUndefined();
  });

  test('fails when DynamoDB fails', async () => {
    dynamo.on(GetItemCommand).rejects(new Error('throttled'));
    await expect(record.botUserId()).rejects.toThrow('throttled');
  });
});

describe('record', () => {
  test('writes the id only where none is on record', async () => {
    // GIVEN
    dynamo.on(UpdateItemCommand).resolves({ Attributes: { ...KEY, botUserId: { S: BOT } } });
    // WHEN
    const id = await record.record(BOT);
    // THEN
    expect(id).toBe(BOT);
    expect(dynamo.commandCalls(UpdateItemCommand)[0].args[0].input).toEqual({
      TableName: 'Subscribers',
      Key: KEY,
      UpdateExpression: 'SET botUserId = if_not_exists(botUserId, :id)',
      ExpressionAttributeValues: { ':id': { S: BOT } },
      ReturnValues: 'ALL_NEW',
    });
  });

  test('answers the id that was there first', async () => {
    dynamo.on(UpdateItemCommand).resolves({ Attributes: { ...KEY, botUserId: { S: OTHER } } });
    expect(await record.record(BOT)).toBe(OTHER);
  });
});

test('replace overwrites what was on record', async () => {
  // GIVEN
  dynamo.on(UpdateItemCommand).resolves({});
  // WHEN
  await record.replace(BOT);
  // THEN
  expect(dynamo.commandCalls(UpdateItemCommand)[0].args[0].input).toMatchObject({
    Key: KEY, UpdateExpression: 'SET botUserId = :id', ExpressionAttributeValues: { ':id': { S: BOT } },
  });
});
