import { ArnFormat, Aspects, NestedStack, RemovalPolicy, Stack, Stage, Tags } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import {
  CampaignChannel, CampaignRunner, FollowerSync, LineChannel, LineChannelOptions, LinePinpointChannel, LineReply, MediaDelivery, RecipientSource,
  S3SubscriberImport, SubscriberTable, WebhookAccess,
} from '../src';
import { annotations, environmentOf, only, RECOMMENDED_FLAGS, rendered, resources, TemplateResource, testApp, testStack } from './support/template';

/**
 * A channel is a guest in the user's account: what the user says reaches every hidden child, and nothing collides.
 * The templates are walked by resource type, so that a child added later is held to it, too.
 */

const KEY_ARN = 'arn:aws:kms:us-east-1:123456789012:key/0123abcd-0000-4000-8000-000000000000';

/** A channel that makes everything a channel can make. */
function fullChannel(stack: Stack, props: LineChannelOptions = {}): LinePinpointChannel {
  return new LinePinpointChannel(stack, 'Line', { sampleMessages: true, sending: { engagementEvents: true }, greeting: LineReply.message('Welcome!'), ...props });
}

/** What a channel and all that lives beside it take alike. */
type Common = Pick<LineChannelOptions, 'encryptionKey' | 'removalPolicy' | 'functions' | 'alarmActions'>;

/** Everything that the library makes beside a channel, for a channel of another kind, so that the runner has its maps, too. */
function besideChannel(stack: Stack, props: Common = {}): void {
  const subscribers = new SubscriberTable(stack, 'Subscribers', { encryptionKey: props.encryptionKey, removalPolicy: props.removalPolicy });
  const handler = lambda.Function.fromFunctionAttributes(stack, 'Other', {
    functionArn: stack.formatArn({ service: 'lambda', resource: 'function', resourceName: 'other', arnFormat: ArnFormat.COLON_RESOURCE_NAME }),
    role: iam.Role.fromRoleName(stack, 'OtherRole', 'other', { mutable: false }),
    sameEnvironment: true,
  });
  new S3SubscriberImport(stack, 'Import', { subscribers, ...props });
  new CampaignRunner(stack, 'Campaigns', {
    channel: CampaignChannel.fromFunction(handler), subscribers, channelKey: 'other', sources: { everybody: RecipientSource.allSubscribers() }, ...props,
  });
}

function fullTemplate(props: (stack: Stack) => LineChannelOptions, stack = testStack()): Template {
  fullChannel(stack, props(stack));
  return Template.fromStack(stack);
}

/** Where each type of resource that holds data names its key. */
const KEY_OF: Record<string, (properties: any) => any> = {
  'AWS::DynamoDB::Table': ({ SSESpecification }) => SSESpecification?.KMSMasterKeyId,
  'AWS::SQS::Queue': ({ KmsMasterKeyId }) => KmsMasterKeyId,
  'AWS::S3::Bucket': ({ BucketEncryption }) => BucketEncryption?.ServerSideEncryptionConfiguration[0].ServerSideEncryptionByDefault.KMSMasterKeyID,
  'AWS::SecretsManager::Secret': ({ KmsKeyId }) => KmsKeyId,
  'AWS::Logs::LogGroup': ({ KmsKeyId }) => KmsKeyId,
  'AWS::Events::EventBus': ({ KmsKeyIdentifier }) => KmsKeyIdentifier,
  'AWS::KinesisFirehose::DeliveryStream': ({ DeliveryStreamEncryptionConfigurationInput }) => DeliveryStreamEncryptionConfigurationInput?.KeyARN,
};

function ofTypes(template: Template, types: string[]): [string, TemplateResource][] {
  const found = Object.entries(resources(template)).filter(([, { Type }]) => types.includes(Type));
  expect(new Set(found.map(([, { Type }]) => Type))).toEqual(new Set(types));
  return found;
}

describe('encryptionKey', () => {
  function expectKeyEverywhere(template: Template, key: any): void {
    for (const [id, { Type, Properties }] of ofTypes(template, Object.keys(KEY_OF))) {
      expect([id, KEY_OF[Type](Properties)]).toEqual([id, key]);
    }
  }

  test('reaches every table, queue, bucket, secret, log group, bus and stream of engagement events', () => {
    const template = fullTemplate((stack) => ({ encryptionKey: new kms.Key(stack, 'Key') }));
    expectKeyEverywhere(template, { 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] });
  });

  test('may be used by CloudWatch Logs, EventBridge and CloudFront, and by no other service', () => {
    const template = fullTemplate((stack) => ({ encryptionKey: new kms.Key(stack, 'Key') }));
    const services = only(template, 'AWS::KMS::Key', 'Key').Properties.KeyPolicy.Statement.filter(({ Principal }: any) => Principal.Service).map(({ Principal }: any) => rendered(Principal.Service));
    expect(services.sort()).toEqual([
      // EventBridge for the bus, and for what the rule of replies could not deliver.
      'cloudfront.amazonaws.com', 'events.amazonaws.com', 'events.amazonaws.com', 'logs.<AWS::Region>.<AWS::URLSuffix>',
    ]);
  });

  test('that is imported reaches them, too, and warns once for each statement that CDK cannot add', () => {
    const stack = testStack();
    const template = fullTemplate(() => ({ encryptionKey: kms.Key.fromKeyArn(stack, 'Key', KEY_ARN) }), stack);
    expectKeyEverywhere(template, KEY_ARN);
    const warnings = annotations(stack, 'Warning').filter((warning) => warning.includes('[ack: cdk-line-pinpoint:importedKeyPolicy]'));
    expect(warnings.map((warning) => /"Service":"([^"]+)"/.exec(warning)![1]).sort()).toEqual([
      'cloudfront.amazonaws.com', 'events.amazonaws.com', 'events.amazonaws.com', 'logs.<Region>.<URLSuffix>',
    ]);
    // And of Amazon Pinpoint's end, and of LINE's own greeting.
    expect(annotations(stack, 'Warning')).toHaveLength(6);
  });

  test.each([['without feature flags', {}], ['with the feature flags of a new project', RECOMMENDED_FLAGS]])('may be of another stack, %s', (_name, context) => {
    const app = testApp(context);
    const encryptionKey = new kms.Key(new Stack(app, 'Keys'), 'Key');
    const template = fullTemplate(() => ({ encryptionKey }), new Stack(app, 'Stack'));
    // An import, or what newer CDK versions use in its place.
    const { KmsKeyId } = only(template, 'AWS::SecretsManager::Secret', 'LineSecret').Properties;
    expect(JSON.stringify(KmsKeyId)).toMatch(/^\{"Fn::(ImportValue|GetStackOutput)":.*"?Keys/);
    expectKeyEverywhere(template, KmsKeyId);
  });

  test('gives roles what they need on the one key, by exact ARN', () => {
    const template = fullTemplate((stack) => ({ encryptionKey: new kms.Key(stack, 'Key') }));
    const statements = Object.values(resources(template, 'AWS::IAM::Policy')).flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
      .filter(({ Action }) => [Action].flat().some((action: string) => action.startsWith('kms:')));
    expect(new Set(statements.map(({ Resource }) => rendered(Resource)))).toEqual(new Set([expect.stringMatching(/^<Key\w+\.Arn>$/)]));
  });
});

describe('removalPolicy', () => {
  test.each([[RemovalPolicy.DESTROY, 'Delete'], [RemovalPolicy.RETAIN, 'Retain']])('%s reaches everything that holds data', (removalPolicy, policy) => {
    const template = fullTemplate(() => ({ removalPolicy }));
    for (const [id, { DeletionPolicy, UpdateReplacePolicy }] of ofTypes(template, [...Object.keys(KEY_OF), 'AWS::Pinpoint::App'])) {
      expect([id, DeletionPolicy, UpdateReplacePolicy]).toEqual([id, policy, policy]);
    }
  });
});

describe('functions', () => {
  function functionsOf(props: (stack: Stack) => LineChannelOptions): Record<string, any> {
    const found = Object.entries(resources(fullTemplate(props), 'AWS::Lambda::Function')).map(([id, { Properties }]) => [id, Properties]);
    // Receiver, worker, profile, four senders, the one that goes on, chunks, outcomes, books, replies, set-up, publisher, Pinpoint, sample media and CDK's own.
    expect(found).toHaveLength(17);
    return Object.fromEntries(found);
  }

  test('memory and architecture reach every function', () => {
    const functions = { memorySize: 333, architecture: lambda.Architecture.X86_64 };
    for (const [id, { MemorySize, Architectures }] of Object.entries(functionsOf(() => ({ functions })))) {
      expect([id, MemorySize, Architectures]).toEqual([id, 333, ['x86_64']]);
    }
  });

  test('their defaults reach every function', () => {
    for (const [id, { MemorySize, Architectures }] of Object.entries(functionsOf(() => ({})))) {
      expect([id, MemorySize, Architectures]).toEqual([id, 512, ['arm64']]);
    }
  });

  test('the log group reaches every function, and no other is made', () => {
    const made = functionsOf((stack) => ({ functions: { logGroup: new logs.LogGroup(stack, 'Logs') } }));
    for (const [id, { LoggingConfig }] of Object.entries(made)) {
      expect([id, LoggingConfig.LogGroup]).toEqual([id, { Ref: expect.stringMatching(/^Logs/) }]);
    }
    fullTemplate((stack) => ({ functions: { logGroup: new logs.LogGroup(stack, 'Logs') } })).resourceCountIs('AWS::Logs::LogGroup', 1);
  });

  test('log retention reaches every log group, one for each function', () => {
    const groups = Object.values(resources(fullTemplate(() => ({ functions: { logRetention: logs.RetentionDays.THREE_DAYS } })), 'AWS::Logs::LogGroup'));
    expect(groups.map(({ Properties }) => Properties.RetentionInDays)).toEqual(Array(17).fill(3));
  });

  test('VPC, subnets and security groups reach every function, and so does the permission to use them', () => {
    const props = (stack: Stack): LineChannelOptions => {
      const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 });
      return { functions: { vpc, vpcSubnets: { subnets: [vpc.privateSubnets[1]] }, securityGroups: [new ec2.SecurityGroup(stack, 'Group', { vpc })] } };
    };
    for (const [id, { VpcConfig }] of Object.entries(functionsOf(props))) {
      expect([id, VpcConfig]).toEqual([id, { SubnetIds: [{ Ref: expect.stringMatching(/^VpcPrivateSubnet2/) }], SecurityGroupIds: [{ 'Fn::GetAtt': [expect.stringMatching(/^Group/), 'GroupId'] }] }]);
    }
    const template = fullTemplate(props);
    const policies = JSON.stringify(Object.values(resources(template, 'AWS::IAM::Policy')).filter(({ Properties }) => JSON.stringify(Properties).includes('ec2:CreateNetworkInterface')));
    const roles = Object.entries(resources(template, 'AWS::IAM::Role'))
      .filter(([, { Properties }]) => Properties.AssumeRolePolicyDocument.Statement[0].Principal.Service === 'lambda.amazonaws.com')
      .map(([id]) => id).filter((id) => id.startsWith('Line'));
    expect(roles).toHaveLength(17);
    for (const id of roles) {
      expect(policies).toContain(`"Ref":"${id}"`);
    }
  });
});

describe("CDK's own means", () => {
  test('a permissions boundary reaches every role', () => {
    const stack = testStack();
    iam.PermissionsBoundary.of(stack).apply(iam.ManagedPolicy.fromManagedPolicyName(stack, 'Boundary', 'boundary'));
    const roles = Object.entries(resources(fullTemplate(() => ({}), stack), 'AWS::IAM::Role'));
    // Of the functions and of Firehose.
    expect(roles).toHaveLength(18);
    for (const [id, { Properties }] of roles) {
      expect([id, rendered(Properties.PermissionsBoundary)]).toEqual([id, 'arn:<AWS::Partition>:iam::<AWS::AccountId>:policy/boundary']);
    }
  });

  test('tags reach every resource that costs or may do something', () => {
    const stack = testStack();
    Tags.of(stack).add('owner', 'marketing');
    const template = fullTemplate(() => ({}), stack);
    const tagged = ['AWS::IAM::Role', 'AWS::Lambda::Function', 'AWS::SQS::Queue', 'AWS::DynamoDB::Table', 'AWS::S3::Bucket', 'AWS::SecretsManager::Secret',
      'AWS::Logs::LogGroup', 'AWS::Events::EventBus', 'AWS::CloudFront::Distribution', 'AWS::ApiGateway::RestApi', 'AWS::ApiGateway::Stage', 'AWS::CloudWatch::Alarm',
      'AWS::KinesisFirehose::DeliveryStream'];
    for (const [id, { Properties }] of ofTypes(template, tagged)) {
      expect([id, Properties.Tags]).toEqual([id, expect.arrayContaining([{ Key: 'owner', Value: 'marketing' }])]);
    }
    expect(only(template, 'AWS::Pinpoint::App', 'LineProject').Properties.Tags).toEqual({ owner: 'marketing' });
  });

  test("aspects see every child, as cdk-nag's do", () => {
    const stack = testStack();
    const seen = new Set<string>();
    Aspects.of(stack).add({ visit: (node) => { seen.add(node.node.path); } });
    fullTemplate(() => ({}), stack);
    expect(seen).toContain('Stack/Line/SampleMedia/Provider/framework-onEvent/Resource');
  });
});

/** Properties by which CloudFormation lets a resource be named. */
const NAMES = ['Name', 'FunctionName', 'TableName', 'QueueName', 'BucketName', 'RoleName', 'LogGroupName', 'AlarmName', 'CachePolicyConfig.Name', 'OriginAccessControlConfig.Name'];

/** What a template names itself: `<type> <name>`. References to names of other resources are left out. */
function physicalNames(template: Template): string[] {
  return Object.values(resources(template)).flatMap(({ Type, Properties = {} }) => NAMES
    .map((name) => name.split('.').reduce((value: any, member) => value?.[member], Properties))
    .filter((value) => value !== undefined && !(typeof value === 'object' && ('Ref' in value || 'Fn::GetAtt' in value)))
    .map((value) => `${Type} ${rendered(value)}`));
}

describe('nothing collides', () => {
  /** Templates of stacks that are synthesized once all have their channel. */
  function templates(...stacks: Stack[]): Template[] {
    for (const stack of stacks) {
      fullChannel(stack);
    }
    return stacks.map((stack) => Template.fromStack(stack));
  }

  test('what needs a name has one, and nothing else has', () => {
    expect(physicalNames(fullTemplate(() => ({}))).map((name) => name.split(' ')[0]).sort()).toEqual([
      'AWS::ApiGateway::RestApi', 'AWS::CloudFront::CachePolicy', 'AWS::CloudFront::Function', 'AWS::CloudFront::OriginAccessControl', 'AWS::Events::EventBus', 'AWS::Pinpoint::App',
    ]);
    expect(physicalNames(fullTemplate(() => ({ webhookAccess: WebhookAccess.httpApi(), mediaDelivery: MediaDelivery.presigned() }))).map((name) => name.split(' ')[0]).sort()).toEqual([
      'AWS::ApiGatewayV2::Api', 'AWS::Events::EventBus', 'AWS::Pinpoint::App',
    ]);
  });

  const [flat, staged] = [testApp(), testApp()];
  test.each<[string, Stack, Stack]>([
    ['in two stacks of an app', new Stack(flat, 'One'), new Stack(flat, 'Two')],
    ['in two stages', new Stack(new Stage(staged, 'Beta'), 'Stack'), new Stack(new Stage(staged, 'Prod'), 'Stack')],
    ['of one app that is deployed under two stack names', testStack({ stackName: 'beta' }), testStack({ stackName: 'prod' })],
    ['in nested stacks of one app that is deployed under two stack names', new NestedStack(testStack({ stackName: 'beta' }), 'Nested'), new NestedStack(testStack({ stackName: 'prod' }), 'Nested')],
  ])('between channels %s', (_name, ...stacks) => {
    const [one, two] = templates(...stacks).map(physicalNames);
    expect(one.length).toBeGreaterThan(0);
    expect(one.filter((name) => two.includes(name))).toEqual([]);
  });

  test("between regions, in CloudFront's names, which are one list for an account", () => {
    const [one, two] = ['us-east-1', 'ap-northeast-1'].map((region) => physicalNames(fullTemplate(() => ({}), testStack({ env: { region, account: '123456789012' } }))).filter((name) => name.includes('CloudFront')));
    expect(one).toHaveLength(3);
    expect(one.filter((name) => two.includes(name))).toEqual([]);
  });

  test('between two channels in one stack', () => {
    const stack = testStack();
    new LinePinpointChannel(stack, 'One', { sampleMessages: true, sending: { engagementEvents: true } });
    new LineChannel(stack, 'Two', { sampleMessages: true, sending: { engagementEvents: true } });
    const names = physicalNames(Template.fromStack(stack));
    expect(new Set(names).size).toBe(names.length);
  });

  test('between a channel and its neighbour with a name that begins alike', () => {
    const stack = testStack();
    new LineChannel(stack, 'Line');
    new LineChannel(new Construct(stack, 'Line2'), 'Line');
    const names = physicalNames(Template.fromStack(stack));
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('what lives beside a channel', () => {
  function templateBeside(props: (stack: Stack) => Common = () => ({}), stack = testStack()): Template {
    besideChannel(stack, props(stack));
    const channel = new LineChannel(stack, 'Line', props(stack));
    new FollowerSync(stack, 'Followers', { channel, ...props(stack) });
    return Template.fromStack(stack);
  }

  const KEYS = {
    'AWS::DynamoDB::Table': KEY_OF['AWS::DynamoDB::Table'],
    'AWS::SQS::Queue': KEY_OF['AWS::SQS::Queue'],
    'AWS::S3::Bucket': KEY_OF['AWS::S3::Bucket'],
    'AWS::Logs::LogGroup': KEY_OF['AWS::Logs::LogGroup'],
    'AWS::SNS::Topic': ({ KmsMasterKeyId }: any) => KmsMasterKeyId,
    'AWS::StepFunctions::StateMachine': ({ EncryptionConfiguration }: any) => EncryptionConfiguration?.KmsKeyId,
  };

  test('is encrypted with the key that it was given', () => {
    const stack = testStack();
    const encryptionKey = new kms.Key(stack, 'Key');
    for (const [id, { Type, Properties }] of ofTypes(templateBeside(() => ({ encryptionKey }), stack), Object.keys(KEYS))) {
      expect([id, KEYS[Type as keyof typeof KEYS](Properties)]).toEqual([id, { 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] }]);
    }
  });

  test.each([[RemovalPolicy.DESTROY, 'Delete'], [RemovalPolicy.RETAIN, 'Retain']])('has the removal policy %s that it was given', (removalPolicy, policy) => {
    const holdData = ['AWS::DynamoDB::Table', 'AWS::SQS::Queue', 'AWS::S3::Bucket', 'AWS::Logs::LogGroup', 'AWS::StepFunctions::StateMachine', 'AWS::Scheduler::ScheduleGroup'];
    for (const [id, { DeletionPolicy, UpdateReplacePolicy }] of ofTypes(templateBeside(() => ({ removalPolicy })), holdData)) {
      expect([id, DeletionPolicy, UpdateReplacePolicy]).toEqual([id, policy, policy]);
    }
  });

  test('goes with the stack, but for people\'s data and what became of runs', () => {
    const kept = Object.entries(resources(templateBeside())).filter(([id, { DeletionPolicy }]) => DeletionPolicy === 'Retain' && !id.startsWith('Line'));
    expect(kept.map(([id]) => id.replace(/[0-9A-F]{8}$/, '')).sort()).toEqual(['CampaignsBucket', 'CampaignsRuns', 'FollowersBucket', 'ImportBucket', 'Subscribers']);
  });

  test('has the functions\' settings that it was given, and one log group if there is one', () => {
    const stack = testStack();
    const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 });
    const functions = { memorySize: 333, architecture: lambda.Architecture.X86_64, vpc, logGroup: new logs.LogGroup(stack, 'Logs') };
    const template = templateBeside(() => ({ functions }), stack);
    const made = Object.entries(resources(template, 'AWS::Lambda::Function'));
    // Of the import, the synchronisation, the runner (maps among them), and a channel.
    expect(made.filter(([id]) => id.startsWith('Import') || id.startsWith('Followers') || id.startsWith('Campaigns'))).toHaveLength(3 + 3 + 7);
    for (const [id, { Properties: { MemorySize, Architectures, VpcConfig, LoggingConfig } }] of made) {
      expect([id, MemorySize, Architectures, VpcConfig.SubnetIds.length, LoggingConfig.LogGroup]).toEqual([id, 333, ['x86_64'], 2, { Ref: expect.stringMatching(/^Logs/) }]);
    }
    // State machines have logs of their own: Step Functions may not write into a group that it was not allowed to.
    expect(Object.keys(resources(template, 'AWS::Logs::LogGroup')).map((id) => id.replace(/[0-9A-F]{8}$/, '')).sort()).toEqual(['CampaignsRunLogs', 'FollowersEngineRunLogs', 'ImportEngineRunLogs', 'Logs']);
  });

  test('does what it was told when its alarms ring', () => {
    const stack = testStack();
    const action: cloudwatch.IAlarmAction = { bind: () => ({ alarmActionArn: 'arn:aws:sns:us-east-1:123456789012:pager' }) };
    for (const [id, { Properties }] of Object.entries(resources(templateBeside(() => ({ alarmActions: [action] }), stack), 'AWS::CloudWatch::Alarm'))) {
      expect([id, Properties.AlarmActions]).toEqual([id, ['arn:aws:sns:us-east-1:123456789012:pager']]);
    }
  });

  test('has a permissions boundary on every role, and tags', () => {
    const stack = testStack();
    iam.PermissionsBoundary.of(stack).apply(iam.ManagedPolicy.fromManagedPolicyName(stack, 'Boundary', 'boundary'));
    Tags.of(stack).add('owner', 'marketing');
    const template = templateBeside(() => ({}), stack);
    for (const [id, { Properties }] of Object.entries(resources(template, 'AWS::IAM::Role'))) {
      expect([id, rendered(Properties.PermissionsBoundary)]).toEqual([id, 'arn:<AWS::Partition>:iam::<AWS::AccountId>:policy/boundary']);
    }
    for (const [id, { Properties }] of ofTypes(template, ['AWS::StepFunctions::StateMachine', 'AWS::SNS::Topic', 'AWS::Scheduler::ScheduleGroup', 'AWS::DynamoDB::Table'])) {
      expect([id, Properties.Tags]).toEqual([id, expect.arrayContaining([{ Key: 'owner', Value: 'marketing' }])]);
    }
  });

  test('names nothing but the group of schedules, by stack and path', () => {
    const names = (stack: Stack) => physicalNames(templateBeside(() => ({}), stack)).filter((name) => /Scheduler|StepFunctions|SNS|DynamoDB|S3/.test(name));
    const [one, two] = [names(testStack({ stackName: 'beta' })), names(testStack({ stackName: 'prod' }))];
    expect(one).toEqual([expect.stringMatching(/^AWS::Scheduler::ScheduleGroup beta-Campaigns-\w+$/)]);
    expect(two).not.toEqual(one);
  });

  test.each([[undefined], ['us-gov-west-1'], ['cn-north-1']])('has every ARN in the partition of region %p', (region) => {
    const stack = testStack(region ? { env: { region, account: '123456789012' } } : {});
    const encryptionKey = new kms.Key(stack, 'Key');
    expect(JSON.stringify(templateBeside(() => ({ encryptionKey }), stack).toJSON().Resources)).not.toMatch(/arn:aws/);
  });

  test('is complete in a nested stack', () => {
    const inner = new NestedStack(testStack(), 'Nested');
    besideChannel(inner);
    Template.fromStack(inner).resourceCountIs('AWS::StepFunctions::StateMachine', 2);
  });
});

describe('two channels on one table', () => {
  test('each have their key, and audiences that hear of their own subscribers only', () => {
    const stack = testStack();
    const subscribers = new SubscriberTable(stack, 'Subscribers');
    for (const [id, channelKey] of [['Shop', 'shop'], ['Help', 'help']]) {
      new LinePinpointChannel(stack, id, { subscribers, channelKey });
    }
    const template = Template.fromStack(stack);
    expect(Object.keys(resources(template, 'AWS::DynamoDB::Table')).sort())
      .toEqual([expect.stringMatching(/^HelpSenderJournal/), expect.stringMatching(/^ShopSenderJournal/), expect.stringMatching(/^Subscribers/)]);
    for (const [id, channelKey] of [['Shop', 'shop'], ['Help', 'help']]) {
      expect(environmentOf(template, `${id}WebhookWorker`)).toMatchObject({ LINE_CHANNEL_KEY: channelKey, SUBSCRIBER_TABLE_NAME: { Ref: expect.stringMatching(/^Subscribers/) } });
      const [{ Pattern }] = only(template, 'AWS::Lambda::EventSourceMapping', `${id}AudiencesPublisher`).Properties.FilterCriteria.Filters;
      expect(JSON.parse(Pattern).dynamodb.Keys.pk.S).toEqual([{ prefix: `${channelKey}#` }]);
      // Journals, bodies and queues of batches are each channel's own.
      for (const [variable, part] of [['SEND_JOURNAL_TABLE_NAME', 'Journal'], ['LINE_CONTENT_BUCKET', 'Content'], ['LINE_RETRY_QUEUE_URL', 'Retry']]) {
        expect(environmentOf(template, `${id}SenderResume`)[variable]).toEqual({ Ref: expect.stringMatching(new RegExp(`^${id}Sender${part}`)) });
      }
    }
  });

  test('may be in stacks of their own', () => {
    const app = testApp();
    const subscribers = new SubscriberTable(new Stack(app, 'Data'), 'Subscribers');
    const stacks = ['shop', 'help'].map((channelKey) => {
      const stack = new Stack(app, channelKey);
      new LinePinpointChannel(stack, 'Line', { subscribers, channelKey });
      return stack;
    });
    for (const stack of stacks) {
      expect(environmentOf(Template.fromStack(stack), 'LineWebhookWorker').SUBSCRIBER_TABLE_NAME).toEqual({ 'Fn::ImportValue': expect.stringMatching(/^Data:/) });
    }
  });
});

test.each([[undefined], ['us-east-1'], ['us-gov-west-1'], ['cn-north-1']])('every ARN is of the partition of region %p', (region) => {
  const stack = testStack(region ? { env: { region, account: '123456789012' } } : {});
  const template = fullTemplate(() => ({ encryptionKey: new kms.Key(stack, 'Key') }), stack);
  expect(JSON.stringify(template.toJSON().Resources)).not.toMatch(/arn:aws/);
});

test('a channel in a nested stack is complete', () => {
  const inner = new NestedStack(testStack(), 'Nested');
  fullChannel(inner);
  Template.fromStack(inner).resourceCountIs('AWS::Lambda::Function', 17);
});
