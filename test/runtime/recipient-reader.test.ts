import { Readable } from 'stream';
import { AttributeValue, BatchGetItemCommand, DynamoDBClient, QueryCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { compileFilter } from '../../src/domain/campaigns/segment-filter';
import { DynamoRecipientReader } from '../../src/runtime/recipient-reader';

const [dynamo, s3] = [mockClient(DynamoDBClient), mockClient(S3Client)];
const user = (n: number) => `U${n.toString(16).padStart(32, '0')}`;
const pk = (n: number) => ({ S: `shop#${user(n)}` });
let sleeps: number[];
let reader: DynamoRecipientReader;

beforeEach(() => {
  dynamo.reset();
  s3.reset();
  sleeps = [];
  const [dynamoClient, s3Client] = [new DynamoDBClient({ region: 'eu-west-1' }), new S3Client({ region: 'eu-west-1' })];
  reader = new DynamoRecipientReader(() => dynamoClient, () => s3Client, { tableName: 'Subscribers', channelKey: 'shop' }, async (ms) => { sleeps.push(ms); });
});

async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const items: T[] = [];
  for await (const page of pages) {
    items.push(...page);
  }
  return items;
}

test('a segment of the table is read page by page, endpoints of the channel only', async () => {
  dynamo.on(ScanCommand)
    .resolvesOnce({ Items: [{ pk: pk(1), Attributes: { M: { Plan: { L: [{ S: 'gold' }] } } }, Metrics: { M: { Age: { N: '41' } } } }], LastEvaluatedKey: { pk: pk(1) } })
    .resolvesOnce({ Items: [], LastEvaluatedKey: { pk: pk(1) } })
    .resolvesOnce({ Items: [{ pk: pk(2), erased: { BOOL: true } }] });
  expect(await all(reader.scan(3, 40))).toEqual([
    { id: user(1), row: { Attributes: { Plan: ['gold'] }, Metrics: { Age: 41 } } },
    { id: user(2), row: { erased: true } },
  ]);
  expect(dynamo.commandCalls(ScanCommand)).toHaveLength(3);
  expect(dynamo.commandCalls(ScanCommand)[0].args[0].input).toMatchObject({
    TableName: 'Subscribers',
    Segment: 3,
    TotalSegments: 40,
    FilterExpression: '#sk = :endpoint AND begins_with(#pk, :channel)',
    ProjectionExpression: '#pk, #erased, #ChannelType, #OptOut, #EndpointStatus, #EffectiveDate, #CreationDate, #User, #Attributes, #Metrics, #Location, #Demographic',
    ExpressionAttributeNames: expect.objectContaining({ '#sk': 'sk', '#pk': 'pk', '#User': 'User' }),
    ExpressionAttributeValues: { ':endpoint': { S: 'ENDPOINT' }, ':channel': { S: 'shop#' } },
  });
});

test('what is read of a row suffices for a segment of Pinpoint\'s console, which always names the channel', async () => {
  const row: Record<string, AttributeValue> = {
    pk: pk(1), sk: { S: 'ENDPOINT' }, ChannelType: { S: 'CUSTOM' }, OptOut: { S: 'NONE' }, Location: { M: { Country: { S: 'JP' } } },
  };
  dynamo.on(ScanCommand).callsFake(({ ProjectionExpression, ExpressionAttributeNames }) => {
    const names = ProjectionExpression.split(', ').map((name: string) => ExpressionAttributeNames[name]);
    return { Items: [Object.fromEntries(Object.entries(row).filter(([name]) => names.includes(name)))] };
  });
  const inJapan = compileFilter({
    Demographic: { Channel: { DimensionType: 'INCLUSIVE', Values: ['CUSTOM'] } }, Location: { Country: { DimensionType: 'INCLUSIVE', Values: ['JP'] } },
  });
  const [subscriber] = await all(reader.scan(0, 1));
  expect(inJapan(subscriber.row, 0)).toBe(true);
});

test('members of a tag\'s shard', async () => {
  dynamo.on(QueryCommand)
    .resolvesOnce({ Items: [{ sk: { S: user(1) } }], LastEvaluatedKey: { pk: pk(1) } })
    .resolvesOnce({ Items: [{ sk: { S: user(2) } }] });
  expect(await all(reader.tagged('spring sale', 7))).toEqual([user(1), user(2)]);
  expect(dynamo.commandCalls(QueryCommand)[0].args[0].input.ExpressionAttributeValues).toEqual({ ':pk': { S: 'TAG#shop#spring sale#7' } });
});

test('people are looked up a hundred at a time; those who are not known are not answered', async () => {
  const answer = (keys: { pk: { S: string } }[]) => keys.filter(({ pk: { S } }) => !S.endsWith('0')).map((key) => ({ ...key, OptOut: { S: 'NONE' } }));
  dynamo.on(BatchGetItemCommand).callsFake(({ RequestItems: { Subscribers: { Keys } } }) => ({
    Responses: { Subscribers: answer(Keys) },
  }));
  const ids = Array.from({ length: 250 }, (_, n) => user(n));
  const found = await reader.find(ids);
  expect(found.map(({ id }) => id).sort()).toEqual(ids.filter((id) => !id.endsWith('0')));
  expect(found[0].row).toMatchObject({ OptOut: 'NONE' });
  const asked = dynamo.commandCalls(BatchGetItemCommand).map(({ args: [{ input }] }) => input.RequestItems!.Subscribers.Keys!);
  expect(asked.map(({ length }) => length)).toEqual([100, 100, 50]);
  expect(asked[0][1]).toEqual({ pk: pk(1), sk: { S: 'ENDPOINT' } });
});

test('keys that DynamoDB leaves unread are asked for again, later and later, and then given up', async () => {
  const unread = { Subscribers: { Keys: [{ pk: pk(2), sk: { S: 'ENDPOINT' } }] } };
  dynamo.on(BatchGetItemCommand)
    .resolvesOnce({ Responses: { Subscribers: [{ pk: pk(1) }] }, UnprocessedKeys: unread })
    .resolvesOnce({ Responses: { Subscribers: [{ pk: pk(2) }] } });
  expect((await reader.find([user(1), user(2)])).map(({ id }) => id)).toEqual([user(1), user(2)]);
  expect(dynamo.commandCalls(BatchGetItemCommand)[1].args[0].input.RequestItems!.Subscribers.Keys).toEqual(unread.Subscribers.Keys);

  dynamo.reset();
  sleeps = [];
  dynamo.on(BatchGetItemCommand).resolves({ UnprocessedKeys: unread });
  await expect(reader.find([user(2)])).rejects.toThrow('DynamoDB left 1 subscribers of table Subscribers unread 10 times: the table is throttled');
  expect(sleeps).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
});

test('nobody is looked up: no request', async () => {
  expect(await reader.find([])).toEqual([]);
  expect(dynamo.calls()).toEqual([]);
});

test('a list is read', async () => {
  s3.on(GetObjectCommand, { Bucket: 'lists', Key: 'vip.csv' }).callsFake(() => ({ Body: Readable.from([Buffer.from('U1\nU2')], { objectMode: false }) }));
  expect(await all(reader.lines('lists', 'vip.csv'))).toEqual(['U1', 'U2']);
});

test.each<[number, object]>([
  [404, { name: 'RecipientListError', message: 'list s3://lists/vip.csv does not exist any more; upload it, then resume the run' }],
  [403, { name: 'Error', message: 'status 403' }],
])('of a list S3 says %i', async (httpStatusCode, error) => {
  s3.on(GetObjectCommand).rejects(Object.assign(new Error(`status ${httpStatusCode}`), { $metadata: { httpStatusCode } }));
  await expect(all(reader.lines('lists', 'vip.csv'))).rejects.toMatchObject(error);
});
