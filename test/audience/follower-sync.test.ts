import { CfnParameter, Duration, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { FollowerSync, FollowerSyncProps, LineChannel } from '../../src';
import { definitionOf } from '../support/state-machine';
import { environmentOf, messageOf, only, rendered, resources, statementsOf, templateOf, testApp } from '../support/template';

function syncIn(stack: Stack, props: Partial<FollowerSyncProps> = {}): FollowerSync {
  return new FollowerSync(stack, 'Followers', { channel: props.channel ?? new LineChannel(stack, 'Line'), ...props });
}

const templateWith = (props: (stack: Stack) => Partial<FollowerSyncProps> = () => ({})) => templateOf((stack) => { syncIn(stack, props(stack)); });

/** What a role may do: `<actions> on <resources>`, hashes of logical ids left out. */
function permissions(template: Template, rolePrefix: string): string[] {
  return statementsOf(template, rolePrefix)
    .map(({ actions, resources: of }) => `${actions.join(' ')} on ${of.join(' ')}`.replace(/<(\w+?)[0-9A-F]{8}\b/g, '<$1'))
    .sort();
}

let template: Template;
beforeAll(() => { template = templateWith(); });

test('the state machine lists followers, again while time runs out, and writes what is to be changed', () => {
  const { States } = definitionOf(template, 'FollowersEngineRun');
  expect(States.FreezeStep.Resource).toMatch(/^<FollowersEngineFreeze\w+\.Arn>$/);
  expect(only(template, 'AWS::Lambda::Function', 'FollowersEngineFreeze').Properties.Handler).toBe('index.listFollowers');
  expect(States.Frozen.Choices).toContainEqual({ Variable: '$.freeze.next', StringEquals: 'AGAIN', Next: 'FreezeStep' });
  expect(States.WriteStep).toMatchObject({ MaxConcurrency: 4, ItemReader: { Parameters: { 'Key.$': '$.freeze.items.key' } } });
});

test('the function that lists may read the secret and the table, and write below its prefix; it alone may read the secret', () => {
  expect(permissions(template, 'FollowersEngineFreezeRole')).toEqual([
    'dynamodb:Scan on <LineSubscribers.Arn>',
    'logs:CreateLogStream logs:PutLogEvents on <FollowersEngineFreezeLogs.Arn>',
    's3:GetObject s3:PutObject on <FollowersBucket.Arn>/imports/*',
    's3:ListBucket on <FollowersBucket.Arn>',
    'secretsmanager:GetSecretValue on <LineSecret>',
    'sns:Publish on <FollowersNotifications>',
  ]);
  expect(environmentOf(template, 'FollowersEngineFreeze')).toMatchObject({ LINE_SECRET_ARN: { Ref: expect.stringMatching(/^LineSecret/) }, LINE_CHANNEL_KEY: 'line' });
  for (const id of ['FollowersEngineWrite', 'FollowersEngineFinish']) {
    expect(environmentOf(template, id)).not.toHaveProperty('LINE_SECRET_ARN');
    expect(permissions(template, `${id}Role`).join()).not.toContain('secretsmanager');
  }
});

test('calls the stand-in that the channel calls', () => {
  const pointed = templateWith((stack) => ({ channel: new LineChannel(stack, 'Line', { apiBaseUrl: 'http://127.0.0.1:8080' }) }));
  expect(environmentOf(pointed, 'FollowersEngineFreeze').LINE_API_BASE_URL).toBe('http://127.0.0.1:8080');
});

test('opts nobody out of whom more than a tenth is missing, and nobody in, unless told otherwise', () => {
  const config = (of: Template) => JSON.parse(rendered(environmentOf(of, 'FollowersEngineFreeze').IMPORT_CONFIG));
  expect(config(template)).toMatchObject({ format: 'USER_IDS', channelKey: 'line', maxAbsentPercent: 10, allowReOptIn: false, tag: { kind: 'none' }, replaceTag: false });
  expect(config(templateWith(() => ({ maxAbsentPercent: 0, allowReOptIn: true })))).toMatchObject({ maxAbsentPercent: 0, allowReOptIn: true });
});

test.each([-1, 101, NaN])('%p per cent are refused', (maxAbsentPercent) => {
  expect(messageOf((stack) => syncIn(stack, { maxAbsentPercent }))).toBe(`Stack/Followers: \`maxAbsentPercent\` must be a number from 0 to 100, got ${maxAbsentPercent}`);
});

test('the per cent may be known at deployment only', () => {
  const made = templateWith((stack) => ({ maxAbsentPercent: new CfnParameter(stack, 'Percent', { type: 'Number' }).valueAsNumber }));
  expect(rendered(environmentOf(made, 'FollowersEngineFreeze').IMPORT_CONFIG)).toContain('"maxAbsentPercent":<Percent>,');
});

test('runs on a schedule if there is one, else by hand', () => {
  expect(Object.keys(resources(template, 'AWS::Events::Rule')).filter((id) => id.startsWith('Followers'))).toEqual([]);
  const { ScheduleExpression, Targets } = only(templateWith(() => ({ schedule: events.Schedule.rate(Duration.days(7)) })), 'AWS::Events::Rule', 'FollowersSchedule').Properties;
  expect(ScheduleExpression).toBe('rate(7 days)');
  expect(Targets).toMatchObject([{ Arn: { Ref: expect.stringMatching(/^FollowersEngineRun/) }, RetryPolicy: { MaximumRetryAttempts: 3 } }]);
});

test('keeps lists of followers for a month', () => {
  const { LifecycleConfiguration, VersioningConfiguration } = only(template, 'AWS::S3::Bucket', 'FollowersBucket').Properties;
  expect(VersioningConfiguration).toEqual({ Status: 'Enabled' });
  expect(LifecycleConfiguration.Rules[0]).toMatchObject({ Prefix: 'imports/', ExpirationInDays: 30, NoncurrentVersionExpiration: { NoncurrentDays: 7 } });
});

test('an alarm rings when it fails', () => {
  const [alarm] = Object.entries(resources(template, 'AWS::CloudWatch::Alarm')).filter(([id]) => id.startsWith('Followers'));
  expect(alarm[1].Properties).toMatchObject({ MetricName: 'ExecutionsFailed', AlarmDescription: expect.stringMatching(/#imports-failed$/) });
});

test('with a key of the user\'s, whoever may start it may use the key for it', () => {
  const encrypted = templateOf((stack) => {
    const sync = syncIn(stack, { encryptionKey: new kms.Key(stack, 'Key') });
    sync.stateMachine.grantStartExecution(new iam.Role(stack, 'Starter', { assumedBy: new iam.AccountRootPrincipal() }));
  });
  expect(permissions(encrypted, 'Starter')).toEqual(['kms:Decrypt kms:GenerateDataKey on <Key.Arn>', 'states:StartExecution on <FollowersEngineRun>']);
  expect(only(encrypted, 'AWS::StepFunctions::StateMachine', 'FollowersEngineRun').Properties.EncryptionConfiguration).toMatchObject({ Type: 'CUSTOMER_MANAGED_KMS_KEY' });
});

test('the channel may be in another stack that knows nothing of it', () => {
  const app = testApp();
  const line = new Stack(app, 'LineStack');
  const stack = new Stack(app, 'Stack');
  syncIn(stack, { channel: new LineChannel(line, 'Line') });
  expect(() => app.synth()).not.toThrow();
  expect(line.dependencies).toEqual([]);
  expect(permissions(Template.fromStack(stack), 'FollowersEngineFreezeRole')).toContainEqual(expect.stringMatching(/^secretsmanager:GetSecretValue on \{"Fn::ImportValue":"LineStack:/));
});
