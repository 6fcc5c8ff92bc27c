import { DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { CampaignRun, LookAnswer, LookInput } from '../../../src/contract/campaigns';
import { ChunkSendEvent, ChunkSendResult } from '../../../src/contract/chunk-send';
import { attributeMap } from '../../../src/runtime/attribute-map';
import { FakeDynamoDb } from '../../support/fake-dynamodb';
import { loadEntry } from '../../support/load-entry';

const SDK = ['dynamodb', 'eventbridge', 'lambda', 's3', 'sns'].map((name) => `@aws-sdk/client-${name}`);
const [dynamo, bus, lambda] = [mockClient(DynamoDBClient), mockClient(EventBridgeClient), mockClient(LambdaClient)];
const [s3, sns] = [mockClient(S3Client), mockClient(SNSClient)];
const CONFIG = { runner: 'Campaigns', takesChunks: false, maxEndpoints: 2, pauseAtRefusedPercent: 10, canary: 'OFF', retentionDays: 90 };
const CONTEXT = { awsRequestId: 'request-1', getRemainingTimeInMillis: () => 900_000 };
const USERS = [1, 2, 3].map((n) => `U${String(n).padStart(32, '0')}`);

const environment = process.env;
let table: FakeDynamoDb;
let files: Map<string, string>;
let log: { code?: string; CampaignsCompleted?: number }[];
beforeEach(() => {
  [dynamo, bus, lambda, s3, sns].forEach((mock) => mock.reset());
  process.env = {
    ...environment,
    AWS_REGION: 'eu-west-1',
    CAMPAIGN_CONFIG: JSON.stringify(CONFIG),
    CAMPAIGN_RUNS_TABLE_NAME: 'Runs',
    CAMPAIGN_BUCKET: 'campaign-bucket',
    CAMPAIGN_CHANNEL_FUNCTION: 'Channel',
    NOTIFICATION_TOPIC_ARN: 'topic-arn',
    LINE_EVENT_BUS_NAME: 'bus',
    LINE_CHANNEL_KEY: 'line',
  };
  table = new FakeDynamoDb(dynamo);
  files = new Map();
  const refusal = (name: string, httpStatusCode: number) => new S3ServiceException({ name, $fault: 'client', $metadata: { httpStatusCode }, message: name });
  s3.on(PutObjectCommand).callsFake(async ({ Key, Body }) => { files.set(Key, Body); return {}; });
  s3.on(GetObjectCommand).callsFake(async ({ Key }) => {
    const text = files.get(Key);
    if (text === undefined) {
      throw refusal('NoSuchKey', 404);
    }
    return { LastModified: new Date(), Body: { transformToString: async () => text, transformToByteArray: async () => Buffer.from(text) } };
  });
  s3.on(HeadObjectCommand).resolves({});
  bus.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: [{}] });
  sns.on(PublishCommand).resolves({});
  log = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((line) => log.push(JSON.parse(String(line))) > 0);
});
afterEach(() => {
  jest.restoreAllMocks();
  process.env = environment;
});

const look = () => loadEntry<LookInput, LookAnswer>('campaigns/handlers/run-campaigns.lambda#look', ...SDK);
const sendMaps = () => loadEntry<ChunkSendEvent, ChunkSendResult>('campaigns/handlers/run-campaigns.lambda#sendMaps', ...SDK);

function freeze(kind: CampaignRun['kind'] = 'SEND'): void {
  const run = {
    pk: 'RUN#run-1',
    sk: 'RUN',
    runId: 'run-1',
    kind,
    campaign: 'spring',
    source: 'vip',
    state: 'SENDING',
    inputHash: 'h',
    generation: 1,
    looks: 0,
    automaticResumes: 0,
    createdAt: '2026-11-23T00:00:00.000Z',
    updatedAt: '2026-11-23T00:00:00.000Z',
    frozen: { generation: 1, chunks: 1, recipients: 3, holdout: 0, optedOut: 0, notSubscribed: 0, duplicates: 0, treatments: { 0: 3 } },
  };
  table.items.set('RUN#run-1 RUN', attributeMap(run));
  files.set('runs/run-1/input.json', JSON.stringify({ kind, canary: 'OFF', quietHours: 'CONTINUE', pauseAtRefusedPercent: 10 }));
  files.set('runs/run-1/content/0', 'Hello');
  files.set('runs/run-1/chunks-1/index.jsonl', '{"name":"0-0","treatment":"0","people":3}\n');
  files.set('runs/run-1/chunks-1/0-0.jsonl', USERS.map((id) => `${JSON.stringify({ id, endpoint: { ChannelType: 'CUSTOM', Address: id } })}\n`).join(''));
}

test('a run is looked at, sent as maps to a channel of another kind, looked at again, and completed', async () => {
  // GIVEN a function written for Pinpoint, which answers nothing
  freeze();
  lambda.on(InvokeCommand).resolves({ Payload: Buffer.from('null') as never });
  // WHEN the state machine's steps run
  const first = await look()({ runId: 'run-1', generation: 1, entered: 'T1' });
  const items = files.get(first.pending!.key)!.trim().split('\n').map((line) => JSON.parse(line));
  const result = await sendMaps()(items[0], CONTEXT);
  const last = await look()({ runId: 'run-1', generation: 1, entered: 'T2' });
  // THEN
  expect(first.next).toBe('SEND');
  expect(result).toMatchObject({ counts: { accepted: 3 }, undone: [] });
  const calls = lambda.commandCalls(InvokeCommand).map(({ args: [{ input }] }) => input);
  expect(calls.map(({ FunctionName }) => FunctionName)).toEqual(['Channel', 'Channel']);
  expect(calls.map(({ Payload }) => Object.keys(JSON.parse(String(Payload)).Endpoints))).toEqual([USERS.slice(0, 2), USERS.slice(2)]);
  expect(last).toEqual({ next: 'END' });
  expect(JSON.parse(files.get('runs/run-1/manifest.json')!)).toMatchObject({ state: 'COMPLETED', counts: { accepted: 3 } });
  expect(bus.commandCalls(PutEventsCommand)).toHaveLength(2);
  expect(JSON.parse(sns.commandCalls(PublishCommand)[0].args[0].input.Message!)).toMatchObject({ Message: 'Campaign Successful', CampaignCreateResult: { RunId: 'run-1' } });
  expect(log.some(({ CampaignsCompleted }) => CampaignsCompleted === 1)).toBe(true);
  expect(JSON.stringify(log)).not.toContain(USERS[0]);
});

test('opt-outs after the freeze are read where the function knows the subscribers', async () => {
  freeze();
  process.env.SUBSCRIBER_TABLE_NAME = 'Subscribers';
  table.items.set(`line#${USERS[0]} ENDPOINT`, { pk: { S: `line#${USERS[0]}` }, sk: { S: 'ENDPOINT' }, OptOut: { S: 'ALL' } });
  lambda.on(InvokeCommand).resolves({ Payload: Buffer.from('{}') as never });
  const { pending } = await look()({ runId: 'run-1', generation: 1 });
  const result = await sendMaps()(JSON.parse(files.get(pending!.key)!), CONTEXT);
  expect(result).toMatchObject({ counts: { accepted: 2, skipped: 1 }, reasons: { OPTED_OUT: 1 } });
});

test('a dry run asks a channel that takes chunks', async () => {
  freeze('DRY_RUN');
  process.env.CAMPAIGN_CONFIG = JSON.stringify({ ...CONFIG, takesChunks: true });
  lambda.on(InvokeCommand).resolves({ Payload: Buffer.from(JSON.stringify({ people: [{ id: USERS[0], messages: [] }] })) as never });
  expect(await look()({ runId: 'run-1', generation: 1 })).toEqual({ next: 'END' });
  expect(JSON.parse(files.get('runs/run-1/preview.json')!)).toMatchObject({ treatments: { 0: { people: [{ id: USERS[0] }] } }, cost: { messages: 3, requests: 1 } });
  expect(JSON.parse(String(lambda.commandCalls(InvokeCommand)[0].args[0].input.Payload)).Preview).toEqual({ People: 5 });
});

test('no table is written but the runs\'', async () => {
  freeze();
  await look()({ runId: 'run-1', generation: 1 });
  const commands = [PutItemCommand, UpdateItemCommand, GetItemCommand, QueryCommand];
  const tables = commands.flatMap((command) => dynamo.commandCalls(command as typeof GetItemCommand));
  expect(new Set(tables.map(({ args: [{ input }] }) => input.TableName))).toEqual(new Set(['Runs']));
});
