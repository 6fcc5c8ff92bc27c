import { mkdtempSync, readFileSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { ChunkLine } from '../../../src/contract/chunk-send';
import { FreezeStandIn } from '../../bench/freeze-stand-in';
import { loadEntry } from '../../support/load-entry';

const ENTRY = 'campaigns/handlers/run-campaigns.lambda';
const EXECUTION = { runId: 'run', generation: 1 };
const INPUT = {
  kind: 'SEND', campaign: 'spring-sale', source: { name: 'vip' }, treatments: [{ name: '0', weight: 1, data: 'Hello' }], holdoutPercent: 0, canary: 'AUTO',
};
const environment = process.env;
const context = { awsRequestId: 'request-1', getRemainingTimeInMillis: () => 900_000 };

beforeEach(() => {
  process.env = {
    ...environment,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'id',
    AWS_SECRET_ACCESS_KEY: 'key',
    CAMPAIGN_CONFIG: JSON.stringify({ runner: 'Shop' }),
    CAMPAIGN_BUCKET: 'campaign-bucket',
    CAMPAIGN_RUNS_TABLE_NAME: 'Runs',
    SUBSCRIBER_TABLE_NAME: 'Subscribers',
    LINE_CHANNEL_KEY: 'line',
  };
  jest.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(() => {
  jest.restoreAllMocks();
  process.env = environment;
});

test('over real connections: a table is planned, read and packed', async () => {
  // GIVEN
  const folder = mkdtempSync(join(tmpdir(), 'freeze-'));
  const aws = await FreezeStandIn.start(folder, 4_100);
  try {
    aws.put('runs/run/input.json', JSON.stringify(INPUT));
    process.env.AWS_ENDPOINT_URL = aws.url;
    const lines = <T>(key: string): T[] => readFileSync(aws.file(`runs/run/${key}`), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    // WHEN
    const planned = await loadEntry(`${ENTRY}#plan`)({ ...EXECUTION, execution: 'arn:execution', sources: JSON.stringify({ vip: { kind: 'subscribers' } }) });
    const read = await loadEntry(`${ENTRY}#read`)(lines('freeze-1/parts.jsonl')[0], context);
    const packed = await loadEntry(`${ENTRY}#pack`)(EXECUTION, context);
    // THEN
    expect(planned).toEqual({ next: 'READ', parts: { bucket: 'campaign-bucket', key: 'runs/run/freeze-1/parts.jsonl' } });
    expect(read).toEqual({ part: 0, rows: 4_100, optedOut: 82, notSubscribed: 0, rejected: 0 });
    expect(packed).toEqual({ again: false });
    expect(lines('chunks-1/index.jsonl')).toEqual([
      { name: '0-0', treatment: '0', people: 500, canary: true },
      { name: '0-1', treatment: '0', people: 3_518 },
    ]);
    const people = [...lines<ChunkLine>('chunks-1/0-0.jsonl'), ...lines<ChunkLine>('chunks-1/0-1.jsonl')];
    expect(new Set(people.map(({ id }) => id)).size).toBe(4_018);
    const { id, endpoint } = people[0];
    expect(endpoint).toMatchObject({ Address: id, OptOut: 'NONE', User: { UserAttributes: { DisplayName: [expect.stringMatching(/^春子 \d+$/)] } } });
  } finally {
    aws.stop();
    rmSync(folder, { recursive: true });
  }
});

describe('a function that is a source', () => {
  const [dynamo, s3, lambda] = [mockClient(DynamoDBClient), mockClient(S3Client), mockClient(LambdaClient)];
  const plan = async () => loadEntry(`${ENTRY}#plan`, '@aws-sdk/client-dynamodb', '@aws-sdk/client-s3', '@aws-sdk/client-lambda')({
    ...EXECUTION, execution: 'arn:execution', sources: JSON.stringify({ vip: { kind: 'function', functionArn: 'arn:function' } }),
  });

  beforeEach(() => {
    [dynamo, s3, lambda].forEach((mock) => mock.reset());
    const run = { pk: { S: 'RUN#run' }, sk: { S: 'RUN' }, runId: { S: 'run' }, state: { S: 'STARTING' }, generation: { N: '1' } };
    dynamo.on(GetItemCommand).resolves({ Item: run });
    dynamo.on(UpdateItemCommand).resolves({ Attributes: run });
    s3.on(GetObjectCommand).rejects(Object.assign(new Error(), { $metadata: { httpStatusCode: 404 } }));
    s3.on(GetObjectCommand, { Key: 'runs/run/input.json' }).callsFake(() => ({ Body: { transformToString: async () => JSON.stringify(INPUT) } }));
    s3.on(PutObjectCommand).resolves({});
    s3.on(ListObjectsV2Command, { Prefix: 'runs/run/source-1/0/' }).resolves({ Contents: [{ Key: 'runs/run/source-1/0/a.jsonl', Size: 9 }] });
  });

  test('is invoked with where to write, and waited for', async () => {
    lambda.on(InvokeCommand).resolves({});
    expect(await plan()).toMatchObject({ next: 'READ' });
    const [{ args: [{ input }] }] = lambda.commandCalls(InvokeCommand);
    expect({ ...input, Payload: JSON.parse(String(input.Payload)) }).toEqual({
      FunctionName: 'arn:function',
      Payload: { runId: 'run', campaign: 'spring-sale', bucket: 'campaign-bucket', prefix: 'runs/run/source-1/0/' },
    });
    expect(String(s3.commandCalls(PutObjectCommand)[0].args[0].input.Body)).toBe(
      '{"runId":"run","generation":1,"part":0,"leaves":[0],"bucket":"campaign-bucket","key":"runs/run/source-1/0/a.jsonl"}\n');
  });

  test('and fails: what it threw is told', async () => {
    const payload = { errorType: 'DatabaseError', errorMessage: `no route ${'x'.repeat(500)}` };
    lambda.on(InvokeCommand).resolves({ FunctionError: 'Unhandled', Payload: { transformToString: () => JSON.stringify(payload) } as never });
    await expect(plan()).rejects.toThrow(/^function arn:function, a source of recipients, failed: DatabaseError: no route x{191}; see its log$/);
    expect(s3.commandCalls(PutObjectCommand)).toEqual([]);
  });
});
