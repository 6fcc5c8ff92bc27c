import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import {
  CampaignCanary, CampaignChannel, CampaignRunState, CampaignRunner, CampaignRunnerProps, ICampaignChannel, ILineChannel, LineChannel,
  RecipientSource, SubscriberTable,
} from '../../src';
import { CampaignState, runKey } from '../../src/contract/campaigns';
import { freezeKeys } from '../../src/domain/campaigns/freeze-plan';
import { resultKey } from '../../src/domain/campaigns/run-results';
import { RUN_ID } from '../support/freeze-world';
import { definitionOf, statesOf, waysOf } from '../support/state-machine';
import { annotations, environmentOf, messageOf, only, rendered, resources, statementsOf, templateOf, testApp, testStack } from '../support/template';

const EVERYBODY = { everybody: RecipientSource.allSubscribers() };
const KEY_ARN = 'arn:aws:kms:us-east-1:123456789012:key/0123abcd-0000-4000-8000-000000000000';

type Props = Partial<CampaignRunnerProps>;

function runnerIn(stack: Stack, props: Props = {}): CampaignRunner {
  return new CampaignRunner(stack, 'Campaigns', { channel: props.channel ?? new LineChannel(stack, 'Line'), sources: EVERYBODY, ...props });
}

function templateWith(props: (stack: Stack) => Props = () => ({})): Template {
  return templateOf((stack) => { runnerIn(stack, props(stack)); });
}

const functionIn = (stack: Stack, id = 'Custom') => new lambda.Function(stack, id, {
  runtime: lambda.Runtime.PYTHON_3_13, handler: 'index.handler', code: lambda.Code.fromInline('handler = print'),
});

/** What a role may do: `<actions> on <resources>`, hashes of logical ids left out. */
function permissions(template: Template, rolePrefix: string): string[] {
  return statementsOf(template, rolePrefix)
    .map(({ actions, resources: of, conditions }) => `${actions.join(' ')} on ${of.join(' ')}${conditions ? ` if ${Object.keys(conditions).join(' ')}` : ''}`.replace(/<(\w+?)[0-9A-F]{8}\b/g, '<$1'))
    .sort();
}

/** Whether an object is one that a policy names. Source: AWS IAM, "IAM JSON policy elements: Resource", wildcards. */
function matches(pattern: string, key: string): boolean {
  return new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*').replace(/\?/g, '.')}$`).test(key);
}

let template: Template;
beforeAll(() => { template = templateWith(); });

describe('the state machine', () => {
  const definition = () => definitionOf(template, 'CampaignsRun');

  test('freezes, then looks and sends until a look says that it is over', () => {
    expect(definition().StartAt).toBe('PlanStep');
    expect(waysOf(definition())).toEqual([
      'HoldStep -> LookStep',
      'LookStep ! NoteFailureStep', 'LookStep -> Looked',
      'Looked -> Ended', 'Looked -> HoldStep', 'Looked -> SendStep',
      'NoteFailureStep -> Failed',
      'PackStep ! NoteFailureStep', 'PackStep -> Packed',
      'Packed -> LookStep', 'Packed -> PackStep',
      'PlanStep ! NoteFailureStep', 'PlanStep -> Planned',
      'Planned -> Ended', 'Planned -> LookStep', 'Planned -> ReadStep',
      'ReadStep ! NoteFailureStep', 'ReadStep -> PackStep',
      'SendStep ! NoteFailureStep', 'SendStep -> LookStep',
    ]);
    expect(definition().States.Planned.Choices).toEqual([
      { Variable: '$.plan.next', StringEquals: 'READ', Next: 'ReadStep' }, { Variable: '$.plan.next', StringEquals: 'LOOK', Next: 'LookStep' },
    ]);
    expect(definition().States.Looked.Choices).toEqual([
      { Variable: '$.look.next', StringEquals: 'SEND', Next: 'SendStep' }, { Variable: '$.look.next', StringEquals: 'WAIT', Next: 'HoldStep' },
    ]);
    expect(definition().States.Packed.Choices).toEqual([{ Variable: '$.pack.again', BooleanEquals: true, Next: 'PackStep' }]);
    expect(definition().States.HoldStep).toEqual({ Type: 'Wait', TimestampPath: '$.look.at', Next: 'LookStep' });
  });

  test('tells each step run and generation, the plan its execution and the sources as text, the look when it was entered', () => {
    const { PlanStep, PackStep, LookStep, NoteFailureStep } = definition().States;
    const run = { 'runId.$': '$.runId', 'generation.$': '$.generation' };
    expect(PlanStep.Parameters).toEqual({ ...run, 'execution.$': '$$.Execution.Id', 'sources': '{"everybody":{"kind":"subscribers"}}' });
    expect(PackStep.Parameters).toEqual(run);
    expect(LookStep.Parameters).toEqual({ ...run, 'entered.$': '$$.State.EnteredTime' });
    expect(NoteFailureStep.Parameters).toEqual({ ...run, 'error.$': '$.error' });
    expect([PlanStep, PackStep, LookStep].map(({ ResultPath }) => ResultPath)).toEqual(['$.plan', '$.pack', '$.look']);
  });

  test('tries every function again whatever it throws, and notes what it gives up', () => {
    const tasks = statesOf(definition()).filter(([, { Type }]) => Type === 'Task');
    expect(tasks.map(([name]) => name).sort()).toEqual(['LookStep', 'NoteFailureStep', 'PackStep', 'PlanStep', 'ReadStepItem', 'SendStepItem']);
    const again = { ErrorEquals: ['States.ALL'], IntervalSeconds: 2, MaxAttempts: 5, BackoffRate: 3, MaxDelaySeconds: 120, JitterStrategy: 'FULL' };
    // But for what only another source, or other recipients, would mend.
    const hopeless = { ErrorEquals: ['RecipientsError', 'SourceError'], MaxAttempts: 0 };
    for (const [name, { Retry }] of tasks) {
      expect([name, Retry]).toEqual([name, [hopeless, again]]);
    }
    for (const name of ['PlanStep', 'ReadStep', 'PackStep', 'LookStep', 'SendStep']) {
      expect([name, definition().States[name].Catch]).toEqual([name, [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'NoteFailureStep' }]]);
    }
    expect(definition().States.NoteFailureStep).toMatchObject({ ResultPath: null, Resource: expect.stringMatching(/^<CampaignsLook/) });
    expect(definition().States.Failed).toMatchObject({ Type: 'Fail', Error: 'CampaignRunFailed' });
  });

  test('invokes each function with the state or what is selected of it, and not with a path as a text', () => {
    for (const [name, { Type, Parameters }] of statesOf(definition())) {
      expect([name, Type === 'Task' && typeof Parameters === 'string']).toEqual([name, false]);
    }
  });

  test.each([
    ['ReadStep', 'Read', '$.plan.parts.key', 10, /^<CampaignsRead/], ['SendStep', 'Send', '$.look.pending.key', 10, /^<LineSenderChunk/],
  ])('%s reads its list from the bucket and lets no item hold up the others', (step, label, key, concurrency, invoked) => {
    const map = definition().States[step];
    expect(map).toMatchObject({
      Type: 'Map',
      Label: label,
      MaxConcurrency: concurrency,
      ToleratedFailurePercentage: 100,
      ResultPath: null,
      ItemReader: {
        Resource: 'arn:<AWS::Partition>:states:::s3:getObject',
        ReaderConfig: { InputType: 'JSONL' },
        Parameters: { 'Bucket': expect.stringMatching(/^<CampaignsBucket/), 'Key.$': key },
      },
      ItemProcessor: { ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' }, StartAt: `${step}Item` },
    });
    // Neither batches nor a result writer: an item is a chunk object, and its result is one.
    expect([map.ItemBatcher, map.ResultWriter]).toEqual([undefined, undefined]);
    expect(map.ItemProcessor.States[`${step}Item`]).toMatchObject({
      Resource: expect.stringMatching(invoked), Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: `${step}ItemDone` }],
    });
    expect(map.ItemProcessor.States[`${step}ItemDone`]).toEqual({ Type: 'Pass', Result: {}, End: true });
  });

  test('sends a chunk once more after a pause while somebody is undone and nothing stopped it', () => {
    expect(waysOf(definition().States.SendStep.ItemProcessor)).toEqual([
      'SendStepItem ! SendStepItemDone', 'SendStepItem -> SendStepItemUndone', 'SendStepItemPause -> SendStepItem', 'SendStepItemUndone -> SendStepItemDone',
      'SendStepItemUndone -> SendStepItemPause',
    ]);
    const { SendStepItemUndone, SendStepItemPause } = definition().States.SendStep.ItemProcessor.States;
    expect(SendStepItemUndone.Choices).toEqual([{
      And: [{ Variable: '$.answer.undone[0]', IsPresent: true }, { Variable: '$.answer.stopped', IsPresent: false }], Next: 'SendStepItemPause',
    }]);
    expect(SendStepItemPause.Seconds).toBe(30);
  });

  test('lasts 60 days at most, is traced, and logs its steps without their data', () => {
    expect(definition().TimeoutSeconds).toBe(60 * 24 * 3_600);
    expect(only(template, 'AWS::StepFunctions::StateMachine', 'CampaignsRun').Properties).toMatchObject({
      TracingConfiguration: { Enabled: true },
      LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: false, Destinations: [{ CloudWatchLogsLogGroup: { LogGroupArn: { 'Fn::GetAtt': [expect.stringMatching(/^CampaignsRunLogs/), 'Arn'] } } }] },
    });
  });

  test('sends as many chunks at a time as it is told', () => {
    expect(definitionOf(templateWith(() => ({ maxConcurrency: 3 })), 'CampaignsRun').States.SendStep.MaxConcurrency).toBe(3);
  });

  test('may start and describe its maps, read their lists, invoke its steps and the channel, and write its log; no more', () => {
    expect(permissions(template, 'CampaignsRunRole')).toEqual([
      'lambda:InvokeFunction on <CampaignsLook.Arn> <CampaignsLook.Arn>:*',
      'lambda:InvokeFunction on <CampaignsPack.Arn> <CampaignsPack.Arn>:*',
      'lambda:InvokeFunction on <CampaignsPlan.Arn> <CampaignsPlan.Arn>:*',
      'lambda:InvokeFunction on <CampaignsRead.Arn> <CampaignsRead.Arn>:*',
      'lambda:InvokeFunction on <LineSenderChunk.Arn> <LineSenderChunk.Arn>:*',
      'logs:CreateLogDelivery logs:GetLogDelivery logs:UpdateLogDelivery logs:DeleteLogDelivery logs:ListLogDeliveries logs:PutResourcePolicy logs:DescribeResourcePolicies logs:DescribeLogGroups on *',
      's3:GetObject on arn:<AWS::Partition>:s3:::<CampaignsBucket>/*',
      'xray:PutTraceSegments xray:PutTelemetryRecords xray:GetSamplingRules xray:GetSamplingTargets on *',
    ]);
    expect(statementsOf(template, 'CampaignsRunDistributedMapPolicy').map(({ actions }) => actions.join(' ')))
      .toEqual(['states:StartExecution', 'states:DescribeExecution states:StopExecution', 'states:RedriveExecution']);
  });
});

describe('functions', () => {
  const STEP = ['dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem dynamodb:Query on <CampaignsRuns.Arn>', 's3:GetObject s3:PutObject on <CampaignsBucket.Arn>/runs/*', 's3:ListBucket on <CampaignsBucket.Arn>'];
  const VOICE = ['events:PutEvents on <LineBus.Arn>', 'sns:Publish on <CampaignsNotifications>'];
  const SPILL = 's3:GetObject s3:PutObject on <CampaignsBucket.Arn>/spill/*';
  const COMMAND = [
    'dynamodb:Query on <CampaignsRuns.Arn>/index/state',
    'iam:PassRole on <CampaignsScheduleRole.Arn> if StringEquals',
    's3:GetObject s3:PutObject s3:DeleteObject on <CampaignsBucket.Arn>/planned/*',
    'scheduler:CreateSchedule scheduler:DeleteSchedule scheduler:GetSchedule on arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/Stack-Campaigns-52AB1E77/*',
    'sqs:SendMessage sqs:GetQueueAttributes sqs:GetQueueUrl on <CampaignsFailures.Arn>',
    expect.stringMatching(/^states:DescribeExecution on arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:.*CampaignsRun.*:\*$/),
    'states:StartExecution on <CampaignsRun>',
  ];

  test.each<[string, string, number, string[]]>([
    ['Plan', 'plan', 900, [...STEP, ...VOICE, 'dynamodb:DescribeTable dynamodb:Scan dynamodb:Query on <LineSubscribers.Arn>']],
    ['Read', 'read', 900, [...STEP, SPILL, 'dynamodb:Scan dynamodb:Query dynamodb:BatchGetItem on <LineSubscribers.Arn>']],
    ['Pack', 'pack', 900, [...STEP, SPILL]],
    ['Look', 'look', 900, [...STEP, ...VOICE, 'lambda:InvokeFunction on <LineSenderChunk.Arn> <LineSenderChunk.Arn>:*']],
    ['Control', 'control', 60, [...STEP, ...VOICE, ...COMMAND, 's3:GetObject on <CampaignsBucket.Arn>/campaigns/*', 's3:PutObject on <CampaignsBucket.Arn>/rejected/*']],
    ['Watch', 'watch', 300, [...STEP, ...VOICE, ...COMMAND, 'lambda:InvokeFunction on <LineSenderInsight.Arn> <LineSenderInsight.Arn>:*']],
  ])('%s runs its export of the bundle, and may do what it does; no more', (id, handler, timeout, granted) => {
    const { Handler, Timeout } = only(template, 'AWS::Lambda::Function', `Campaigns${id}`).Properties;
    expect([Handler, Timeout]).toEqual([`index.${handler}`, timeout]);
    const own = `logs:CreateLogStream logs:PutLogEvents on <Campaigns${id}Logs.Arn>`;
    const found = permissions(template, `Campaigns${id}Role`);
    expect(found).toHaveLength(granted.length + 1);
    expect(found).toEqual(expect.arrayContaining([own, ...granted]));
  });

  test('nobody may delete what became of runs', () => {
    const deleting = Object.values(resources(template, 'AWS::IAM::Policy')).flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
      .filter(({ Action, Resource }) => /s3:Delete|dynamodb:Delete/.test(JSON.stringify(Action)) && JSON.stringify(Resource).includes('Campaigns'));
    expect(new Set(deleting.map(({ Resource }) => rendered(Resource).replace(/^.*>/, '')))).toEqual(new Set(['/planned/*']));
  });

  test('schedules invoke the control function and nothing else, and only those of the runner', () => {
    expect(permissions(template, 'CampaignsScheduleRole')).toEqual(['lambda:InvokeFunction on <CampaignsControl.Arn> <CampaignsControl.Arn>:*']);
    const [{ Principal, Condition }] = only(template, 'AWS::IAM::Role', 'CampaignsScheduleRole').Properties.AssumeRolePolicyDocument.Statement;
    expect(Principal).toEqual({ Service: 'scheduler.amazonaws.com' });
    expect(Condition).toEqual({ StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' }, 'aws:SourceArn': { 'Fn::GetAtt': [expect.stringMatching(/^CampaignsSchedules/), 'Arn'] } } });
    const pass = statementsOf(template, 'CampaignsControlRole').find(({ actions }) => actions.includes('iam:PassRole'));
    expect(pass!.conditions).toEqual({ StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } });
  });

  test('know the configuration, and the control function what each source needs', () => {
    expect(JSON.parse(rendered(environmentOf(template, 'CampaignsPack').CAMPAIGN_CONFIG))).toEqual({
      runner: 'Stack-Campaigns-52AB1E77', takesChunks: true, maxEndpoints: 50, pauseAtRefusedPercent: 10, canary: 'AUTO', retentionDays: 90,
    });
  });

  test('know of quiet hours, canary, threshold, duration and retention that the runner was given', () => {
    const told = templateWith(() => ({
      quietHours: { from: '21:00', to: '09:00', timeZone: 'Asia/Tokyo' }, canary: CampaignCanary.CONFIRM, pauseAtRefusedPercent: 100, maxDuration: Duration.hours(2), retention: Duration.days(40),
    }));
    expect(JSON.parse(rendered(environmentOf(told, 'CampaignsLook').CAMPAIGN_CONFIG))).toMatchObject({
      quietHours: { from: '21:00', to: '09:00', timeZone: 'Asia/Tokyo' }, canary: 'CONFIRM', pauseAtRefusedPercent: 100, maxDurationMinutes: 120, retentionDays: 40,
    });
  });
});

describe('what starts them', () => {
  test('dropped files reach the control function for an hour, and a queue after that', () => {
    const { EventPattern, Targets } = only(template, 'AWS::Events::Rule', 'CampaignsDropped').Properties;
    expect(EventPattern).toEqual({
      'source': ['aws.s3'],
      'detail-type': ['Object Created'],
      'detail': { bucket: { name: [{ Ref: expect.stringMatching(/^CampaignsBucket/) }] }, object: { key: [{ prefix: 'campaigns/' }] } },
    });
    expect(Targets).toMatchObject([{
      Arn: { 'Fn::GetAtt': [expect.stringMatching(/^CampaignsControl/), 'Arn'] },
      RetryPolicy: { MaximumEventAgeInSeconds: 3_600, MaximumRetryAttempts: 10 },
      DeadLetterConfig: { Arn: { 'Fn::GetAtt': [expect.stringMatching(/^CampaignsFailures/), 'Arn'] } },
    }]);
    expect(only(template, 'AWS::S3::Bucket', 'CampaignsBucket').Properties.NotificationConfiguration).toEqual({ EventBridgeConfiguration: { EventBridgeEnabled: true } });
  });

  test('the watchdog runs every five minutes, and collects statistics once a day', () => {
    const [watchdog, statistics] = ['CampaignsWatchdog', 'CampaignsStatistics'].map((id) => only(template, 'AWS::Events::Rule', id).Properties);
    expect([watchdog.ScheduleExpression, statistics.ScheduleExpression]).toEqual(['rate(5 minutes)', 'rate(1 day)']);
    expect(statistics.Targets[0].Input).toBe('{"task":"statistics"}');
    for (const { Targets } of [watchdog, statistics]) {
      expect(Targets[0].Arn).toEqual({ 'Fn::GetAtt': [expect.stringMatching(/^CampaignsWatch/), 'Arn'] });
    }
  });

  test.each(['Control', 'Watch'])('what %s could not do is repeated twice within an hour and then kept', (id) => {
    expect(only(template, 'AWS::Lambda::EventInvokeConfig', `Campaigns${id}`).Properties).toMatchObject({
      MaximumEventAgeInSeconds: 3_600, MaximumRetryAttempts: 2, DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': [expect.stringMatching(/^CampaignsFailures/), 'Arn'] } } },
    });
  });

  test('alarms ring on executions and runs that fail, and on what could not be handled', () => {
    const alarms = Object.values(resources(template, 'AWS::CloudWatch::Alarm')).map(({ Properties }) => Properties)
      .filter(({ AlarmDescription }) => /#campaigns-|#campaign-runs/.test(AlarmDescription)).map(({ MetricName, Threshold, AlarmDescription }) => [MetricName, Threshold, /#([\w-]+)$/.exec(AlarmDescription)![1]]);
    expect(alarms.sort()).toEqual([
      ['ApproximateNumberOfMessagesVisible', 1, 'campaigns-not-handled'], ['CampaignsFailed', 1, 'campaign-runs-failed'], ['ExecutionsFailed', 1, 'campaign-runs-failed'],
    ]);
  });
});

describe('what it keeps', () => {
  test('the bucket is private, versioned, and forgets', () => {
    const { Properties, DeletionPolicy } = only(template, 'AWS::S3::Bucket', 'CampaignsBucket');
    expect(DeletionPolicy).toBe('Retain');
    expect(Properties).toMatchObject({ VersioningConfiguration: { Status: 'Enabled' }, PublicAccessBlockConfiguration: { BlockPublicAcls: true, RestrictPublicBuckets: true } });
    const rules = Properties.LifecycleConfiguration.Rules
      .map(({ Prefix, ExpirationInDays, NoncurrentVersionExpiration: old }: any) => [Prefix, ExpirationInDays, old?.NoncurrentDays]);
    expect(rules).toEqual([
      ['runs/', 90, 7], ['planned/', undefined, 7], ['spill/', 3, 1], ['campaigns/', 90, 7], ['rejected/', 90, 7], [undefined, undefined, undefined],
    ]);
    const kept = templateWith(() => ({ retention: Duration.days(45) }));
    expect(only(kept, 'AWS::S3::Bucket', 'CampaignsBucket').Properties.LifecycleConfiguration.Rules[0].ExpirationInDays).toBe(45);
  });

  test('runs are found by id and by state, and outlive the stack', () => {
    const { Properties, DeletionPolicy } = only(template, 'AWS::DynamoDB::Table', 'CampaignsRuns');
    expect(DeletionPolicy).toBe('Retain');
    expect(Properties).toMatchObject({
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }, { AttributeName: 'sk', KeyType: 'RANGE' }],
      BillingMode: 'PAY_PER_REQUEST',
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      TimeToLiveSpecification: { Enabled: true },
      GlobalSecondaryIndexes: [{ IndexName: 'state', Projection: { ProjectionType: 'ALL' } }],
    });
  });

  test('notifications are encrypted and refuse plain http', () => {
    expect(rendered(only(template, 'AWS::SNS::Topic', 'CampaignsNotifications').Properties.KmsMasterKeyId)).toBe('arn:<AWS::Partition>:kms:<AWS::Region>:<AWS::AccountId>:alias/aws/sns');
    expect(JSON.stringify(only(template, 'AWS::SNS::TopicPolicy', 'CampaignsNotifications').Properties)).toContain('"aws:SecureTransport":"false"');
  });
});

describe('the channel', () => {
  const READ_OF_A_RUN = ['chunks-*', 'content/*', 'flags/*', 'results/*'].map((name) => `<CampaignsBucket.Arn>/runs/run-????????????????????????/${name}`).join(' ');
  const allowedOf = (of: Template) => only(of, 'AWS::S3::BucketPolicy', 'CampaignsBucket').Properties.PolicyDocument.Statement.filter(({ Effect }: any) => Effect === 'Allow');
  const ofChannel = (of: Template) => allowedOf(of)
    .map(({ Principal, Action, Resource }: any) => `${rendered(Principal.AWS)} may ${[Action].flat().join(' ')} on ${[Resource].flat().map(rendered).join(' ')}`.replace(/<(\w+?)[0-9A-F]{8}\b/g, '<$1'));

  test('reads chunks, contents and flags and writes results of any run, as the bucket\'s policy says', () => {
    expect(ofChannel(template)).toEqual([
      `<LineSenderChunkRole.Arn> may s3:GetObject on ${READ_OF_A_RUN}`,
      '<LineSenderChunkRole.Arn> may s3:ListBucket on <CampaignsBucket.Arn>',
      '<LineSenderChunkRole.Arn> may s3:PutObject on <CampaignsBucket.Arn>/runs/run-????????????????????????/results/*',
    ]);
  });

  test('may neither read nor write anything else of a run', () => {
    const [read, , write] = allowedOf(template).map(({ Resource }: any) => [Resource].flat().map((arn) => rendered(arn).replace(/^<\w+\.Arn>\//, '')));
    const keys = {
      chunk: freezeKeys.chunk(RUN_ID, 1, 'a-0'),
      result: resultKey(RUN_ID, 'a-0'),
      content: runKey(RUN_ID, 'content/a'),
      flag: runKey(RUN_ID, 'flags/1.json'),
      input: runKey(RUN_ID, 'input.json'),
      manifest: runKey(RUN_ID, 'manifest.json'),
      plan: freezeKeys.plan(RUN_ID, 1),
      list: `${freezeKeys.lists(RUN_ID, 1)}0/a`,
    };
    const within = (patterns: string[]) =>
      Object.entries(keys).filter(([, key]) => patterns.some((pattern) => matches(pattern, key))).map(([name]) => name);
    expect(within(read)).toEqual(['chunk', 'result', 'content', 'flag']);
    expect(within(write)).toEqual(['result']);
  });

  test('may be in another stack that knows nothing of the runner', () => {
    const app = testApp();
    const line = new Stack(app, 'LineStack');
    const stack = new Stack(app, 'Stack');
    const channel = new LineChannel(line, 'Line');
    runnerIn(stack, { channel, encryptionKey: new kms.Key(stack, 'Key') });
    const apart = Template.fromStack(stack);
    expect(stack.dependencies).toEqual([line]);
    expect(line.dependencies).toEqual([]);
    expect(ofChannel(apart)[0]).toMatch(/^\{"Fn::ImportValue":"LineStack:.*LineSenderChunkRole.*\} may s3:GetObject on <CampaignsBucket.Arn>\/runs\/run-\?{24}\/chunks-\* /);
    const uses = only(apart, 'AWS::KMS::Key', 'Key').Properties.KeyPolicy.Statement.filter(({ Principal }: any) => JSON.stringify(Principal).includes('LineSenderChunkRole'));
    expect(uses).toMatchObject([{ Action: ['kms:Decrypt', 'kms:GenerateDataKey'] }]);
    expect(JSON.stringify(Template.fromStack(line).toJSON().Resources)).not.toContain('Campaigns');
  });

  test('may have its key from a third stack, which the runner has, too', () => {
    const app = testApp();
    const keys = new Stack(app, 'Keys');
    const encryptionKey = new kms.Key(keys, 'Key');
    const bucket = new s3.Bucket(keys, 'Bucket', { encryptionKey });
    const line = new Stack(app, 'LineStack');
    const channel = new LineChannel(line, 'Line', { encryptionKey });
    const stack = new Stack(app, 'Stack');
    runnerIn(stack, { channel, encryptionKey });
    new CampaignRunner(stack, 'Given', { channel, bucket, sources: EVERYBODY });
    expect(() => app.synth()).not.toThrow();
    expect(keys.dependencies).toEqual([]);
    // What was given cannot name the channel's role, so the role names it.
    const granted = permissions(Template.fromStack(line), 'LineSenderChunkRole');
    expect(granted).toEqual(expect.arrayContaining([expect.stringMatching(/^s3:PutObject on \{"Fn::ImportValue":"Keys:.*Bucket.*\}\/runs\/run-\?{24}\/results\/\*$/), expect.stringMatching(/^s3:ListBucket on \{"Fn::ImportValue":"Keys:.*Bucket/)]));
  });

  test('may be imported', () => {
    const stack = testStack();
    const channel = LineChannel.fromLineChannelAttributes(stack, 'Line', {
      eventBus: events.EventBus.fromEventBusName(stack, 'Bus', 'line'),
      chunkFunction: lambda.Function.fromFunctionAttributes(stack, 'Chunk', {
        functionArn: 'arn:aws:lambda:us-east-1:123456789012:function:chunk', role: iam.Role.fromRoleArn(stack, 'ChunkRole', 'arn:aws:iam::123456789012:role/chunk'), sameEnvironment: true,
      }),
      subscribers: SubscriberTable.fromSubscriberTableAttributes(stack, 'Subscribers', { tableArn: 'arn:aws:dynamodb:us-east-1:123456789012:table/subscribers' }),
      channelKey: 'shop',
    });
    runnerIn(stack, { channel });
    const imported = Template.fromStack(stack);
    expect(ofChannel(imported)[0]).toBe(`arn:aws:iam::123456789012:role/chunk may s3:GetObject on ${READ_OF_A_RUN}`);
    expect(definitionOf(imported, 'CampaignsRun').States.SendStep.ItemProcessor.States.SendStepItem.Resource).toBe('arn:aws:lambda:us-east-1:123456789012:function:chunk');
    expect(environmentOf(imported, 'CampaignsRead')).toMatchObject({ SUBSCRIBER_TABLE_NAME: 'subscribers', LINE_CHANNEL_KEY: 'shop' });
    // This one tells no statistics.
    expect(Object.keys(resources(imported, 'AWS::Events::Rule')).filter((id) => id.startsWith('CampaignsStatistics'))).toEqual([]);
    expect(annotations(stack, 'Warning')).toEqual([]);
  });

  test('that is imported is asked for LINE\'s statistics by its function', () => {
    const stack = testStack();
    const functionOf = (name: string) => lambda.Function.fromFunctionAttributes(stack, name, {
      functionArn: `arn:aws:lambda:us-east-1:123456789012:function:${name}`, skipPermissions: true,
    });
    runnerIn(stack, {
      channel: LineChannel.fromLineChannelAttributes(stack, 'Line', {
        eventBus: events.EventBus.fromEventBusName(stack, 'Bus', 'line'), chunkFunction: functionOf('chunk'), statisticsFunction: functionOf('statistics'),
      }),
      subscribers: new SubscriberTable(stack, 'Subscribers'),
      channelKey: 'line',
    });
    const made = Template.fromStack(stack);
    expect(environmentOf(made, 'CampaignsWatch').CAMPAIGN_STATISTICS_FUNCTION).toBe('statistics');
    expect(Object.keys(resources(made, 'AWS::Events::Rule')).filter((id) => id.startsWith('CampaignsStatistics'))).toHaveLength(1);
  });

  test('that is imported without a role is warned of, with what has to be added by hand', () => {
    const stack = testStack();
    const channel = LineChannel.fromLineChannelAttributes(stack, 'Line', {
      eventBus: events.EventBus.fromEventBusName(stack, 'Bus', 'line'),
      chunkFunction: lambda.Function.fromFunctionAttributes(stack, 'Chunk', { functionArn: 'arn:aws:lambda:us-east-1:123456789012:function:chunk', skipPermissions: true }),
    });
    runnerIn(stack, { channel, subscribers: new SubscriberTable(stack, 'Subscribers'), channelKey: 'line' });
    const warnings = annotations(stack, 'Warning').filter((warning) => warning.includes('[ack: cdk-line-pinpoint:channelBucketPolicy]'));
    expect(warnings).toEqual(['s3:GetObject', 's3:ListBucket', 's3:PutObject'].map((action) => expect.stringContaining(`"Action":"${action}"`)));
  });

  test('that is imported without its chunk function cannot send campaigns', () => {
    expect(messageOf((stack) => runnerIn(stack, { channel: LineChannel.fromLineChannelAttributes(stack, 'Line', { eventBus: new events.EventBus(stack, 'Bus') }) }))).toMatch(/^Stack\/Line: campaigns cannot be sent through the imported channel, because `chunkFunction` is not given/);
  });

  describe('of another kind', () => {
    const other = (props: (stack: Stack) => Props = () => ({})) => templateWith((stack) => ({
      channel: CampaignChannel.fromFunction(functionIn(stack), { maxEndpoints: 20 }), subscribers: new SubscriberTable(stack, 'Subscribers'), channelKey: 'sms', ...props(stack),
    }));

    test('gets maps of endpoints by a step of the runner\'s own', () => {
      const made = other();
      expect(definitionOf(made, 'CampaignsRun').States.SendStep.ItemProcessor.States.SendStepItem.Resource).toMatch(/^<CampaignsSendMaps\w+\.Arn>$/);
      expect(environmentOf(made, 'CampaignsSendMaps').CAMPAIGN_CHANNEL_FUNCTION).toEqual({ Ref: expect.stringMatching(/^Custom/) });
      expect(JSON.parse(rendered(environmentOf(made, 'CampaignsSendMaps').CAMPAIGN_CONFIG))).toMatchObject({ takesChunks: false, maxEndpoints: 20 });
      expect(permissions(made, 'CampaignsSendMapsRole')).toEqual([
        'dynamodb:BatchGetItem on <Subscribers.Arn>',
        'dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem dynamodb:Query on <CampaignsRuns.Arn>',
        'lambda:InvokeFunction on <Custom.Arn> <Custom.Arn>:*',
        'logs:CreateLogStream logs:PutLogEvents on <CampaignsSendMapsLogs.Arn>',
        's3:GetObject s3:PutObject on <CampaignsBucket.Arn>/runs/*',
        's3:ListBucket on <CampaignsBucket.Arn>',
      ]);
    });

    test('sees nothing of the bucket, and speaks on no bus', () => {
      const made = other();
      expect(ofChannel(made)).toEqual([]);
      expect(JSON.stringify(resources(made, 'AWS::IAM::Policy'))).not.toContain('events:PutEvents');
      expect(environmentOf(made, 'CampaignsControl')).not.toHaveProperty('LINE_EVENT_BUS_NAME');
    });

    test('speaks on the bus that the runner is given', () => {
      expect(permissions(other((stack) => ({ eventBus: new events.EventBus(stack, 'Bus') })), 'CampaignsLookRole')).toContain('events:PutEvents on <Bus.Arn>');
    });

    test.each([[undefined, 50], [1, 1], [500, 500]])('takes %p endpoints as %d', (maxEndpoints, most) => {
      const stack = testStack();
      expect(CampaignChannel.fromFunction(functionIn(stack), { maxEndpoints }).bindCampaign(stack)).toMatchObject({ maxEndpoints: most });
    });

    test.each([0, 501, 1.5, -1])('does not take %p endpoints', (maxEndpoints) => {
      expect(() => CampaignChannel.fromFunction(functionIn(testStack()), { maxEndpoints })).toThrow(`\`maxEndpoints\` must be a whole number from 1 to 500, got ${maxEndpoints}`);
    });
  });
});

describe('sources', () => {
  test('of a function let it be invoked by the plan and write below its own prefix, and no more', () => {
    const made = templateWith((stack) => ({ sources: { vip: RecipientSource.sample(RecipientSource.fromFunction(functionIn(stack)), 10) } }));
    expect(permissions(made, 'CampaignsPlanRole')).toContain('lambda:InvokeFunction on <Custom.Arn> <Custom.Arn>:*');
    const allowed = only(made, 'AWS::S3::BucketPolicy', 'CampaignsBucket').Properties.PolicyDocument.Statement.filter(({ Principal }: any) => JSON.stringify(Principal).includes('Custom'));
    expect(allowed).toMatchObject([{ Action: 's3:PutObject' }]);
    const pattern = rendered(allowed[0].Resource).replace(/^<\w+\.Arn>\//, '');
    expect(matches(pattern, `${freezeKeys.lists(RUN_ID, 1)}0/part-1.jsonl`)).toBe(true);
    // Not even what a campaign may call so: treatments have names of the marketer's.
    for (const key of [freezeKeys.chunk(RUN_ID, 1, 'source-0'), runKey(RUN_ID, 'content/source-a'), resultKey(RUN_ID, 'source-0'), freezeKeys.index(RUN_ID, 1), runKey(RUN_ID, 'input.json')]) {
      expect([key, matches(pattern, key)]).toEqual([key, false]);
    }
    expect(definitionOf(made, 'CampaignsRun').States.PlanStep.Parameters.sources).toMatch(/^\{"vip":\{"kind":"sample","of":\{"kind":"function","functionArn":"<Custom\w+\.Arn>"\},"percent":10,"seed":"sample"\}\}$/);
  });

  test('of a list let plan and read read it', () => {
    const made = templateWith((stack) => ({ sources: { vip: RecipientSource.listInS3(new s3.Bucket(stack, 'Lists'), { key: 'vip.csv' }) } }));
    for (const role of ['CampaignsPlanRole', 'CampaignsReadRole']) {
      expect(permissions(made, role)).toContainEqual(expect.stringMatching(/^s3:GetObject\S* .*<Lists\.Arn>\/vip\.csv$/));
    }
  });

  test('may be added until the app is synthesized, and tell the control function what campaigns must bring', () => {
    const made = templateOf((stack) => {
      const runner = runnerIn(stack);
      runner.addSource('tagged', RecipientSource.byTag());
    });
    expect(JSON.parse(definitionOf(made, 'CampaignsRun').States.PlanStep.Parameters.sources)).toEqual({ everybody: { kind: 'subscribers' }, tagged: { kind: 'tag' } });
    expect(JSON.parse(rendered(environmentOf(made, 'CampaignsControl').CAMPAIGN_SOURCE_NEEDS))).toEqual({ everybody: [], tagged: ['tag'] });
  });
});

describe('what is given', () => {
  test('a bucket, a topic, a bus and a table of the user\'s are used, and none is made', () => {
    const given = templateWith((stack) => ({
      bucket: new s3.Bucket(stack, 'OwnBucket', { encryptionKey: new kms.Key(stack, 'BucketKey') }),
      notificationTopic: new sns.Topic(stack, 'OwnTopic', { masterKey: new kms.Key(stack, 'TopicKey') }),
      eventBus: new events.EventBus(stack, 'OwnBus'),
      subscribers: new SubscriberTable(stack, 'OwnTable'),
      channelKey: 'shop',
    }));
    expect(Object.entries(resources(given)).filter(([id, { Type }]) => id.startsWith('Campaigns') && /^AWS::(S3::Bucket|SNS::Topic|Events::EventBus)$/.test(Type))).toEqual([]);
    const look = permissions(given, 'CampaignsLookRole');
    expect(look).toEqual(expect.arrayContaining([
      'events:PutEvents on <OwnBus.Arn>', 'sns:Publish on <OwnTopic>', 's3:GetObject s3:PutObject on <OwnBucket.Arn>/runs/*', 'kms:Decrypt kms:GenerateDataKey on <BucketKey.Arn>',
      'kms:Decrypt kms:GenerateDataKey* on <TopicKey.Arn>',
    ]));
    expect(environmentOf(given, 'CampaignsRead')).toMatchObject({ LINE_CHANNEL_KEY: 'shop', SUBSCRIBER_TABLE_NAME: { Ref: expect.stringMatching(/^OwnTable/) } });
    expect(permissions(given, 'CampaignsReadRole')).toContain('dynamodb:Scan dynamodb:Query dynamodb:BatchGetItem on <OwnTable.Arn>');
    // The maps' lists lie in a bucket that is encrypted with a key of its own.
    expect(permissions(given, 'CampaignsRunRole')).toContain('kms:Decrypt on <BucketKey.Arn>');
  });

  test.each<[string, s3.BucketProps, string[]]>([
    ['no versions and no events', {}, ['unversionedBucket', 'bucketWithoutEvents']],
    ['versions', { versioned: true }, ['bucketWithoutEvents']],
    ['versions and events', { versioned: true, eventBridgeEnabled: true }, []],
  ])('a bucket with %s is warned of as it deserves', (_name, props, ids) => {
    const stack = testStack();
    runnerIn(stack, { bucket: new s3.Bucket(stack, 'OwnBucket', props) });
    const warnings = annotations(stack, 'Warning');
    expect(warnings.map((text) => /\[ack: cdk-line-pinpoint:(\w+)\]$/.exec(text)?.[1])).toEqual(ids);
    expect(warnings.every((text) => text.startsWith('the bucket Stack/OwnBucket, given as `bucket`, '))).toBe(true);
  });

  test('a bucket of another account is warned of', () => {
    const stack = testStack({ env: { account: '111111111111', region: 'us-east-1' } });
    runnerIn(stack, { bucket: s3.Bucket.fromBucketAttributes(stack, 'Theirs', { bucketArn: 'arn:aws:s3:::theirs', account: '222222222222' }) });
    const [warning] = annotations(stack, 'Warning').filter((text) => text.includes('foreignBucketPolicy'));
    expect(warning).toMatch(/arn:aws:s3:::theirs\/runs\/\*.*planned.*spill.*campaigns.*rejected/);
  });

  test('a bucket of another region is refused', () => {
    expect(() => {
      const stack = testStack({ env: { account: '111111111111', region: 'us-east-1' } });
      runnerIn(stack, { bucket: s3.Bucket.fromBucketAttributes(stack, 'Theirs', { bucketArn: 'arn:aws:s3:::theirs', region: 'eu-west-1' }) });
    }).toThrow(/^Stack\/Campaigns: `bucket` must be a bucket in the channel's region us-east-1, got one in eu-west-1/);
  });
});

describe('a key of the user\'s', () => {
  const encrypted = templateWith((stack) => ({ encryptionKey: new kms.Key(stack, 'Key') }));
  const key = () => only(encrypted, 'AWS::KMS::Key', 'Key').Properties.KeyPolicy.Statement;

  test('encrypts the state machine, which may use it for its own executions, those of its maps, and its lists', () => {
    expect(only(encrypted, 'AWS::StepFunctions::StateMachine', 'CampaignsRun').Properties.EncryptionConfiguration)
      .toEqual({ Type: 'CUSTOMER_MANAGED_KMS_KEY', KmsKeyId: { 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] } });
    const [executions, delivery] = statementsOf(encrypted, 'CampaignsRunKeyPolicy');
    expect(executions.actions).toEqual(['kms:Decrypt', 'kms:GenerateDataKey']);
    expect(executions.conditions.ArnLike['kms:EncryptionContext:aws:states:stateMachineArn'].map(rendered))
      .toEqual([expect.stringMatching(/^<CampaignsRun[0-9A-F]{8}>$/), expect.stringMatching(/^<CampaignsRun[0-9A-F]{8}>\/\*$/)]);
    expect(delivery).toMatchObject({ actions: ['kms:GenerateDataKey'], conditions: { StringEquals: { 'kms:EncryptionContext:SourceArn': expect.anything() } } });
    expect(permissions(encrypted, 'CampaignsRunRole')).toContain('kms:Decrypt on <Key.Arn>');
  });

  test('is named in no condition that nothing can meet', () => {
    // CDK writes the ARN of a machine without a name into the role's policy: arn:…:stateMachine:
    expect(JSON.stringify(encrypted.toJSON())).not.toMatch(/:stateMachine:"/);
  });

  test.each(['Control', 'Watch'])('may be used by %s to start executions', (id) => {
    expect(permissions(encrypted, `Campaigns${id}Role`)).toContain('kms:Decrypt kms:GenerateDataKey on <Key.Arn> if ArnLike');
  });

  test('may be used for logs, by rules for their dead-letter queue, and by the channel', () => {
    const services = key().filter(({ Principal }: any) => Principal.Service).map(({ Principal, Condition }: any) => `${rendered(Principal.Service)} ${rendered(Condition?.ArnLike?.['aws:SourceArn'] ?? '')}`);
    expect(services.sort()).toEqual([
      'delivery.logs.amazonaws.com ', 'events.amazonaws.com arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:rule/*', 'logs.<AWS::Region>.<AWS::URLSuffix> ',
    ]);
    expect(key().filter(({ Principal }: any) => JSON.stringify(Principal).includes('LineSenderChunkRole'))).toMatchObject([{ Action: ['kms:Decrypt', 'kms:GenerateDataKey'] }]);
  });

  test('that is imported is granted to the roles, and what its policy lacks is said', () => {
    const stack = testStack();
    runnerIn(stack, { encryptionKey: kms.Key.fromKeyArn(stack, 'Key', KEY_ARN) });
    const imported = Template.fromStack(stack);
    expect(permissions(imported, 'LineSenderChunkRole')).toContain(`kms:Decrypt kms:GenerateDataKey on ${KEY_ARN}`);
    const warnings = annotations(stack, 'Warning').filter((warning) => warning.includes('[ack: cdk-line-pinpoint:importedKeyPolicy]'));
    expect(warnings.map((warning) => /"Service":"([^"]+)"/.exec(warning)?.[1]).sort()).toEqual(['delivery.logs.amazonaws.com', 'events.amazonaws.com', 'logs.<Region>.<URLSuffix>']);
  });
});

describe('two runners', () => {
  test('of one channel do not collide', () => {
    const stack = testStack();
    const channel = new LineChannel(stack, 'Line');
    const runners = ['One', 'Two'].map((id) => new CampaignRunner(stack, id, { channel, sources: EVERYBODY }));
    expect(runners[0].runnerName).not.toBe(runners[1].runnerName);
    const both = Template.fromStack(stack);
    const groups = Object.values(resources(both, 'AWS::Scheduler::ScheduleGroup')).map(({ Properties }) => Properties.Name);
    expect(new Set(groups).size).toBe(2);
    for (const id of ['One', 'Two']) {
      expect(rendered(environmentOf(both, `${id}Control`).CAMPAIGN_BUCKET)).toMatch(new RegExp(`^<${id}Bucket`));
    }
  });
});

describe('methods', () => {
  test('grants are for starting, dropping and reading results; nothing else', () => {
    const made = templateOf((stack) => {
      const runner = runnerIn(stack, { encryptionKey: new kms.Key(stack, 'Key') });
      for (const [id, grant] of Object.entries({ Starter: 'grantControl', Dropper: 'grantDrop', Analyst: 'grantReadResults' } as const)) {
        runner[grant](new iam.Role(stack, id, { assumedBy: new iam.AccountRootPrincipal() }));
      }
    });
    expect(permissions(made, 'Starter')).toEqual(['lambda:InvokeFunction on <CampaignsControl.Arn> <CampaignsControl.Arn>:*']);
    expect(permissions(made, 'Dropper')).toEqual(['kms:Decrypt kms:GenerateDataKey on <Key.Arn>', 's3:PutObject s3:AbortMultipartUpload on <CampaignsBucket.Arn>/campaigns/*']);
    expect(permissions(made, 'Analyst')).toEqual(['kms:Decrypt on <Key.Arn>', 's3:GetObject on <CampaignsBucket.Arn>/runs/*']);
  });

  test('onRunChanged routes the runner\'s own changes, all or of some states', () => {
    const made = templateOf((stack) => {
      const runner = runnerIn(stack);
      runner.onRunChanged('All');
      runner.onRunChanged('Bad', { states: [CampaignRunState.FAILED, CampaignRunState.PAUSED], target: new targets.SqsQueue(new sqs.Queue(stack, 'Queue')) });
    });
    const pattern = { 'source': ['line.campaigns'], 'detail-type': ['CampaignRunChanged'], 'detail': { runner: ['Stack-Campaigns-52AB1E77'] } };
    expect(only(made, 'AWS::Events::Rule', 'CampaignsAll').Properties).toMatchObject({ EventPattern: pattern, EventBusName: { Ref: expect.stringMatching(/^LineBus/) } });
    const bad = only(made, 'AWS::Events::Rule', 'CampaignsBad').Properties;
    expect(bad.EventPattern).toEqual({ ...pattern, detail: { ...pattern.detail, state: ['FAILED', 'PAUSED'] } });
    expect(bad.Targets).toHaveLength(1);
  });

  test('the states that it takes are those of runs', () => {
    expect(Object.entries(CampaignRunState)).toEqual(Object.entries(CampaignState));
  });

  test('metrics are the runner\'s', () => {
    const stack = testStack();
    const runner = runnerIn(stack);
    const metrics = [
      runner.metricCampaignsStarted(), runner.metricCampaignsCompleted(), runner.metricCampaignsPaused(),
      runner.metricCampaignsFailed({ period: Duration.hours(1) }),
    ];
    expect(metrics.map(({ metricName }) => metricName)).toEqual(['CampaignsStarted', 'CampaignsCompleted', 'CampaignsPaused', 'CampaignsFailed']);
    expect(metrics.map(({ period }) => period.toMinutes())).toEqual([5, 5, 5, 60]);
    expect(metrics[0].dimensions).toEqual({ Channel: runner.runnerName });
  });
});

describe('errors', () => {
  const quiet = (from: string, to: string, timeZone = 'Asia/Tokyo') => () => ({ quietHours: { from, to, timeZone } });

  test.each<[string, (stack: Stack) => Props, string | RegExp]>([
    ['no concurrency', () => ({ maxConcurrency: 0 }), '`maxConcurrency` must be a whole number from 1 to 1000, got 0'],
    ['a threshold of none', () => ({ pauseAtRefusedPercent: 0 }), '`pauseAtRefusedPercent` must be a whole number from 1 to 100, got 0'],
    ['a day too long', () => ({ maxDuration: Duration.days(31) }), '`maxDuration` must be a whole number from 1 to 43200, got 44640'],
    ['a retention that is shorter than a month of the quota', () => ({ retention: Duration.days(39) }), '`retention` must be a whole number from 40 to 3650, got 39'],
    ['no time of day', quiet('24:00', '09:00'), "`quietHours.from` must be a time of day such as 21:00, got '24:00'"],
    ['half a time of day', quiet('21:00', '9:00'), "`quietHours.to` must be a time of day such as 09:00, got '9:00'"],
    ['no quiet hours', quiet('21:00', '21:00'), "`quietHours.from` and `quietHours.to` must differ, got '21:00' for both: leave quiet hours out if there are none"],
    ['no time zone', quiet('21:00', '09:00', 'Asia/Edo'), "`quietHours.timeZone` must be an IANA time zone such as 'Asia/Tokyo', got 'Asia/Edo'"],
    ['a name that no campaign can choose', () => ({ sources: { 'very important': RecipientSource.byTag('vip') } }), "`sources` must be named by 1 to 64 letters, digits, `_`, `.` and `-`, got 'very important'"],
    ['a table without the channel\'s key', (stack) => ({ subscribers: new SubscriberTable(stack, 'Own') }), "`channelKey` is required when `subscribers` is given: it names the channel's subscribers in the table"],
    ['a key that is none', () => ({ channelKey: 'Shop 1' }), "`channelKey` must be at most 32 lower case letters, digits and hyphens, got 'Shop 1'"],
    ['a channel without a table', (stack) => ({ channel: CampaignChannel.fromFunction(functionIn(stack)) }), '`subscribers` and `channelKey` must be given, because the channel has no subscriber table of its own: give the table that the sources read'],
    ['snapshots', () => ({ removalPolicy: RemovalPolicy.SNAPSHOT }), /^`removalPolicy` must be RETAIN, DESTROY or RETAIN_ON_UPDATE_OR_DELETE, got SNAPSHOT/],
  ])('%s', (_name, props, message) => {
    const thrown = messageOf((stack) => runnerIn(stack, props(stack)));
    expect(thrown).toMatch(/^Stack\/Campaigns: /);
    expect(thrown.replace('Stack/Campaigns: ', '')).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });

  test('a source twice, none at all, and more than fit', () => {
    expect(messageOf((stack) => runnerIn(stack).addSource('everybody', RecipientSource.allSubscribers()))).toBe("Stack/Campaigns: `sources` has 'everybody' already: give each source a name of its own");
    expect(messageOf((stack) => { runnerIn(stack, { sources: {} }); Template.fromStack(stack); })).toMatch('`sources` must name at least one source, got {}');
    const many = Object.fromEntries([...Array(40)].map((_, n) => [`source-${'x'.repeat(40)}-${n}`, RecipientSource.allSubscribers()]));
    expect(messageOf((stack) => { runnerIn(stack, { sources: many }); Template.fromStack(stack); })).toMatch('`sources` has 40 sources, whose names are too long for a function\'s environment');
    const large = RecipientSource.bySegment(JSON.stringify({ UserAttributes: { City: { AttributeType: 'INCLUSIVE', Values: [...Array(3_000)].map((_, n) => `${'x'.repeat(80)}${n}`) } } }));
    expect(messageOf((stack) => { runnerIn(stack, { sources: { large } }); Template.fromStack(stack); })).toMatch(/`sources` are longer than 200000 bytes of JSON.*RecipientSource\.bySegment\(\)/);
  });

  test('a bucket that another runner has', () => {
    const shared = (stack: Stack) => {
      const bucket = new s3.Bucket(stack, 'Shared', { eventBridgeEnabled: true, versioned: true });
      return [runnerIn(stack, { bucket }), bucket] as const;
    };
    const message = "Stack/Other: `bucket` must be one in which nothing else handles objects below 'runs/', and Stack/Campaigns handles those below 'runs/': "
      + 'a dropped campaign would be sent by both; give another bucket, or leave `bucket` out';
    const other = (stack: Stack, bucket?: s3.IBucket) => new CampaignRunner(stack, 'Other', {
      channel: new LineChannel(stack, 'OtherLine'), sources: { everybody: RecipientSource.allSubscribers() }, bucket,
    });
    expect(messageOf((stack) => other(stack, shared(stack)[1]))).toBe(message);
    expect(messageOf((stack) => other(stack, runnerIn(stack).bucket))).toBe(message);
    expect(() => { const stack = testStack(); shared(stack); other(stack); }).not.toThrow();
  });

  test('states that no run comes to, and no bus to route from', () => {
    expect(messageOf((stack) => runnerIn(stack).onRunChanged('Rule', { states: ['DONE' as CampaignRunState] }))).toMatch(/`states` must be some of .*COMPLETED.*, got \[DONE\]: leave it out for every change/);
    expect(messageOf((stack) => runnerIn(stack).onRunChanged('Rule', { states: [] }))).toMatch('got []: leave it out');
    expect(messageOf((stack) => runnerIn(stack, {
      channel: CampaignChannel.fromFunction(functionIn(stack)), subscribers: new SubscriberTable(stack, 'Own'), channelKey: 'sms',
    }).onRunChanged('Rule'))).toBe('Stack/Campaigns: the channel has no event bus to route events from: give `eventBus`');
  });
});

test('a channel of the user\'s own class is bound once by each runner', () => {
  const stack = testStack();
  const scopes: string[] = [];
  const bound = { handler: functionIn(stack), subscribers: new SubscriberTable(stack, 'Own'), channelKey: 'mail' };
  const channel: ICampaignChannel = { bindCampaign: (scope) => { scopes.push(scope.node.path); return bound; } };
  new CampaignRunner(stack, 'One', { channel, sources: EVERYBODY });
  new CampaignRunner(stack, 'Two', { channel, sources: EVERYBODY });
  expect(scopes).toEqual(['Stack/One', 'Stack/Two']);
  const made = Template.fromStack(stack);
  expect(only(made, 'AWS::Lambda::Function', 'OneSendMaps').Properties.Handler).toBe('index.sendMaps');
});

test('a LINE channel and an imported one are campaign channels by type', () => {
  const stack = testStack();
  const channels: ILineChannel[] = [new LineChannel(stack, 'Line')];
  expect(channels[0].bindCampaign(stack)).toMatchObject({ takesChunks: true, channelKey: 'line' });
});
