import { DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { CreateScheduleCommand, DeleteScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { RunReport } from '../../../src/domain/campaigns/control-campaigns';
import { FakeRunsTable } from '../../support/control-world';
import { loadEntry } from '../../support/load-entry';

const SDK = ['dynamodb', 'eventbridge', 'lambda', 's3', 'scheduler', 'sfn', 'sns'].map((name) => `@aws-sdk/client-${name}`);
const [dynamo, bus, lambda, s3] = [mockClient(DynamoDBClient), mockClient(EventBridgeClient), mockClient(LambdaClient), mockClient(S3Client)];
const [scheduler, sfn, sns] = [mockClient(SchedulerClient), mockClient(SFNClient), mockClient(SNSClient)];
const CONTROL_ARN = 'arn:aws:lambda:eu-west-1:123456789012:function:Control';
const MACHINE_ARN = 'arn:aws:states:eu-west-1:123456789012:stateMachine:Run';
const START = { campaign: 'spring', source: 'vip', message: { data: 'Hello' }, clientToken: 't' };
const RUN = 'run-d3cce9b4ae172d24284c0e0e';

const environment = process.env;
let table: FakeRunsTable;
let files: Map<string, string>;
let log: { code?: string }[];
beforeEach(() => {
  [dynamo, bus, lambda, s3, scheduler, sfn, sns].forEach((mock) => mock.reset());
  process.env = {
    ...environment,
    AWS_REGION: 'eu-west-1',
    CAMPAIGN_CONFIG: JSON.stringify({ runner: 'Campaigns', takesChunks: true, maxEndpoints: 50, pauseAtRefusedPercent: 10, canary: 'AUTO', retentionDays: 90 }),
    CAMPAIGN_RUNS_TABLE_NAME: 'Runs',
    CAMPAIGN_BUCKET: 'campaign-bucket',
    CAMPAIGN_STATE_MACHINE_ARN: MACHINE_ARN,
    CAMPAIGN_SOURCE_NEEDS: '{"vip":[]}',
    CAMPAIGN_SCHEDULE_GROUP: 'group',
    CAMPAIGN_SCHEDULE_ROLE_ARN: 'role-arn',
    NOTIFICATION_TOPIC_ARN: 'topic-arn',
    LINE_EVENT_BUS_NAME: 'bus',
  };
  table = new FakeRunsTable();
  const answer = (command: new (input: any) => object) => async (input: any) => table.send(new command(input));
  dynamo.on(GetItemCommand).callsFake(answer(GetItemCommand));
  dynamo.on(PutItemCommand).callsFake(answer(PutItemCommand));
  dynamo.on(UpdateItemCommand).callsFake(answer(UpdateItemCommand));
  dynamo.on(QueryCommand).callsFake(answer(QueryCommand));
  files = new Map();
  const refusal = (name: string, httpStatusCode: number) => new S3ServiceException({ name, $fault: 'client', $metadata: { httpStatusCode }, message: name });
  s3.on(PutObjectCommand).callsFake(async ({ Key, Body, IfNoneMatch }) => {
    if (IfNoneMatch === '*' && files.has(Key)) {
      throw refusal('PreconditionFailed', 412);
    }
    files.set(Key, Body);
    return {};
  });
  s3.on(GetObjectCommand).callsFake(async ({ Key }) => {
    const text = files.get(Key);
    if (text === undefined) {
      throw refusal('NoSuchKey', 404);
    }
    return { ContentLength: text.length, Body: { transformToString: async () => text, transformToByteArray: async () => Buffer.from(text) } };
  });
  s3.on(DeleteObjectCommand).callsFake(async ({ Key }) => {
    files.delete(Key);
    return {};
  });
  sfn.on(StartExecutionCommand).resolves({});
  scheduler.on(CreateScheduleCommand).resolves({});
  scheduler.on(DeleteScheduleCommand).resolves({});
  bus.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: [{}] });
  sns.on(PublishCommand).resolves({});
  log = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((line) => log.push(JSON.parse(String(line))) > 0);
});
afterEach(() => {
  jest.restoreAllMocks();
  process.env = environment;
});

const context = { awsRequestId: 'request-1', invokedFunctionArn: CONTROL_ARN, getRemainingTimeInMillis: () => 60_000 };
const control = (): ((event: unknown) => Promise<RunReport>) => {
  const handler = loadEntry<unknown, RunReport>('campaigns/handlers/run-campaigns.lambda#control', ...SDK);
  return async (event) => handler(event, context);
};

test('a start begins an execution, and is said on bus and topic', async () => {
  expect(await control()(START)).toMatchObject({ runId: RUN, state: 'STARTING' });
  expect([...files.keys()]).toEqual([`runs/${RUN}/input.json`, `runs/${RUN}/content/0`, `runs/${RUN}/flags/1.json`]);
  expect(sfn.commandCalls(StartExecutionCommand)[0].args[0].input).toMatchObject({ stateMachineArn: MACHINE_ARN, name: `${RUN}-1` });
  expect(JSON.parse(bus.commandCalls(PutEventsCommand)[0].args[0].input.Entries![0].Detail!)).toMatchObject({ runner: 'Campaigns', runId: RUN, state: 'STARTING' });
  expect(sns.commandCalls(PublishCommand)[0].args[0].input).toMatchObject({ TopicArn: 'topic-arn', Subject: 'A campaign started' });
  expect(log.map(({ code }) => code)).toContain('CAMPAIGN_RUN_CHANGED');
  expect(log.at(-1)).toMatchObject({ CampaignsStarted: 1, Channel: 'Campaigns' });
});

test('a dropped file starts a campaign', async () => {
  files.set('campaigns/春.json', JSON.stringify(START));
  const event = { 'source': 'aws.s3', 'detail-type': 'Object Created', 'detail': { bucket: { name: 'campaign-bucket' }, object: { key: 'campaigns/春.json', size: 90, etag: 'e' } } };
  expect(await control()(event)).toMatchObject({ runId: RUN });
  files.set('campaigns/春.json', '{');
  expect(await control()(event)).toBeUndefined();
  expect(JSON.parse(files.get('rejected/campaigns/春.json.json')!).errors).toHaveLength(1);
  expect(sns.commandCalls(PublishCommand).at(-1)!.args[0].input.Subject).toBe('A campaign file was rejected');
});

test('a schedule invokes the function that was asked for it', async () => {
  const ask = control();
  await ask({ ...START, schedule: { at: '2035-12-01T09:00', timeZone: 'Asia/Tokyo' } });
  expect(scheduler.commandCalls(CreateScheduleCommand)[0].args[0].input).toMatchObject({ Name: RUN, GroupName: 'group', Target: { Arn: CONTROL_ARN, RoleArn: 'role-arn' } });
  expect(await ask({ action: 'cancel', runId: RUN })).toMatchObject({ state: 'CANCELLED' });
  expect(scheduler.commandCalls(DeleteScheduleCommand)).toHaveLength(1);
  expect(files.size).toBe(0);
});

test('what AWS throws is thrown, and what was counted is written', async () => {
  sfn.on(StartExecutionCommand).rejects(new Error('no'));
  await expect(control()(START)).rejects.toThrow('no');
});

describe('the watchdog', () => {
  type Watch = (event: unknown, context?: unknown) => Promise<unknown>;
  const watch = (): Watch => {
    process.env.CAMPAIGN_CONTROL_FUNCTION_ARN = CONTROL_ARN;
    process.env.CAMPAIGN_STATISTICS_FUNCTION = 'Statistics';
    return loadEntry('campaigns/handlers/run-campaigns.lambda#watch', ...SDK);
  };

  test('resumes a run that nobody works on', async () => {
    jest.spyOn(Date, 'now').mockReturnValue(Date.parse('2026-11-23T03:00:00Z'));
    await control()(START);
    jest.spyOn(Date, 'now').mockReturnValue(Date.parse('2026-11-23T03:10:00Z'));
    sfn.on(DescribeExecutionCommand).resolves({ status: 'ABORTED' });
    expect(await watch()({}, context)).toEqual({ watched: 1, resumed: 1, failed: 0, started: 0 });
    expect(sfn.commandCalls(StartExecutionCommand).at(-1)!.args[0].input.name).toBe(`${RUN}-2`);
  });

  test('collects statistics', async () => {
    await control()(START);
    const row = table.row(`RUN#${RUN}`, 'RUN')!;
    table.items.set(`RUN#${RUN} RUN`, { ...row, state: { S: 'COMPLETED' }, aggregationUnits: { L: [{ S: 'u' }] } });
    const ask = watch();
    const reply = (text: string) => ({ Payload: { transformToString: () => text } }) as any;
    lambda.on(InvokeCommand).resolves(reply('{"units":{"u":{"delivered":1}}}'));
    expect(await ask({ task: 'statistics' }, context)).toEqual({ collected: 1 });
    expect(lambda.commandCalls(InvokeCommand)[0].args[0].input).toMatchObject({ FunctionName: 'Statistics', Payload: expect.stringContaining('"units":["u"]') });
    expect(JSON.parse(files.get(`runs/${RUN}/statistics.json`)!)).toMatchObject({ answers: { u: { delivered: 1 } } });
    lambda.on(InvokeCommand).resolves({ ...reply('{}'), FunctionError: 'Unhandled' });
    expect(await ask({ task: 'statistics' }, context)).toEqual({ collected: 0 });
    expect(log.map(({ code }) => code)).toContain('CAMPAIGN_STATISTICS_FAILED');
  });
});
