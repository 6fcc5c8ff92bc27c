import { DescribeTableCommand, DynamoDBClient, QueryCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { HeadObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { DynamoAudienceSize } from '../../src/runtime/audience-size';

const [dynamo, s3] = [mockClient(DynamoDBClient), mockClient(S3Client)];
const [dynamoClient, s3Client] = [new DynamoDBClient({ region: 'eu-west-1' }), new S3Client({ region: 'eu-west-1' })];
const size = new DynamoAudienceSize(() => dynamoClient, () => s3Client, { tableName: 'Subscribers', channelKey: 'shop' });

beforeEach(() => {
  dynamo.reset();
  s3.reset();
});

describe('the table', () => {
  test.each<[string, object, number[], { rows: number; bytes: number }]>([
    ['is as it is described', { ItemCount: 100_000, TableSizeBytes: 30_000_000 }, [1_000], { rows: 100_000, bytes: 30_000_000 }],
    ['has grown since', { ItemCount: 100, TableSizeBytes: 100_000 }, [1_000], { rows: 64_000, bytes: 64_000_000 }],
    ['is not described yet', { ItemCount: 0, TableSizeBytes: 0 }, [1_000], { rows: 64_000, bytes: 32_000_000 }],
    ['has grown far', { ItemCount: 0 }, [2_000, 300], { rows: 1_228_800, bytes: 614_400_000 }],
    ['is empty', {}, [0], { rows: 0, bytes: 0 }],
  ])('%s', async (_case, Table, counts, expected) => {
    dynamo.on(DescribeTableCommand, { TableName: 'Subscribers' }).resolves({ Table });
    counts.forEach((Count, index) => {
      dynamo.on(ScanCommand, { TotalSegments: [64, 4_096][index] })
        .resolves({ Count, ...(index < counts.length - 1 && { LastEvaluatedKey: { pk: { S: 'x' } } }) });
    });
    expect(await size.table()).toEqual(expected);
    expect(dynamo.commandCalls(ScanCommand)).toHaveLength(counts.length);
    expect(dynamo.commandCalls(ScanCommand)[0].args[0].input).toEqual({ TableName: 'Subscribers', Select: 'COUNT', Segment: 0, TotalSegments: 64 });
  });
});

test('a tag is counted in one of its shards', async () => {
  dynamo.on(QueryCommand).resolves({ Count: 100 });
  expect(await size.tag('vip')).toBe(3_200);
  expect(dynamo.commandCalls(QueryCommand)[0].args[0].input).toMatchObject({ Select: 'COUNT', ExpressionAttributeValues: { ':pk': { S: 'TAG#shop#vip#0' } } });
});

test('a list, and one that does not exist', async () => {
  s3.on(HeadObjectCommand, { Bucket: 'lists', Key: 'vip.csv' }).resolves({ ContentLength: 7 });
  expect(await size.list('lists', 'vip.csv')).toEqual({ key: 'vip.csv', bytes: 7 });
  s3.on(HeadObjectCommand, { Key: 'gone.csv' }).rejects(Object.assign(new Error(), { $metadata: { httpStatusCode: 404 } }));
  expect(await size.list('lists', 'gone.csv')).toBeUndefined();
  s3.on(HeadObjectCommand, { Key: 'closed.csv' }).rejects(Object.assign(new Error('closed'), { $metadata: { httpStatusCode: 403 } }));
  await expect(size.list('lists', 'closed.csv')).rejects.toThrow('closed');
});

test('lists below a prefix, without folder markers and what is empty', async () => {
  s3.on(ListObjectsV2Command, { Bucket: 'b', Prefix: 'p/' }).resolves({ Contents: [{ Key: 'p/', Size: 1 }, { Key: 'p/1', Size: 5 }], IsTruncated: true, NextContinuationToken: 'n' });
  s3.on(ListObjectsV2Command, { Bucket: 'b', Prefix: 'p/', ContinuationToken: 'n' }).resolves({ Contents: [{ Key: 'p/2', Size: 0 }, { Key: 'p/3', Size: 6 }] });
  const found = [];
  for await (const object of size.lists('b', 'p/')) {
    found.push(object);
  }
  expect(found).toEqual([{ key: 'p/1', bytes: 5 }, { key: 'p/3', bytes: 6 }]);
});
