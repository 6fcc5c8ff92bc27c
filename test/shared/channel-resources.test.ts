import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { SqsDestination } from 'aws-cdk-lib/aws-s3-notifications';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import {
  ChannelResources, ChannelResourcesProps, grantObjects, grantTableRead, grantTableWrite, letServiceUseKey, sendEventsToEventBridge, tableProps,
  warnIfUnversioned, warnIfWithoutEvents, warnToAddStatement,
} from '../../src/shared/channel-resources';
import { annotations, messageOf, only, resources, statementsOf, testStack } from '../support/template';

const CHANNEL = { channelKey: 'line', channelName: 'Stack-Line' };
const KEY_ARN = 'arn:aws:kms:us-east-1:123456789012:key/0123abcd-0000-4000-8000-000000000000';

function make(stack: Stack, props: Partial<ChannelResourcesProps> = {}): ChannelResources {
  return new ChannelResources(stack, { ...CHANNEL, ...props });
}

/** A function with a channel's options, called `Send`. */
function functionIn(stack: Stack, props: Partial<ChannelResourcesProps> = {}): lambda.Function {
  const options = make(stack, props).functionOptions(stack, 'Send', { description: 'Sends', timeout: Duration.seconds(7), environment: { NAME: 'value' } });
  return new lambda.Function(stack, 'Send', { ...options, runtime: lambda.Runtime.NODEJS_LATEST, handler: 'index.handler', code: lambda.Code.fromInline('code') });
}

describe('a function', () => {
  test('has the defaults of a channel', () => {
    const stack = testStack();
    functionIn(stack);
    const template = Template.fromStack(stack);
    expect(only(template, 'AWS::Lambda::Function', 'Send').Properties).toMatchObject({
      Description: 'Sends',
      Timeout: 7,
      MemorySize: 512,
      Architectures: ['arm64'],
      LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: expect.stringMatching(/^SendLogs/) } },
      Environment: { Variables: { LINE_CHANNEL_KEY: 'line', LINE_CHANNEL_NAME: 'Stack-Line', NAME: 'value' } },
    });
    expect(only(template, 'AWS::Lambda::Function', 'Send').Properties).not.toHaveProperty('VpcConfig');
    expect(only(template, 'AWS::Logs::LogGroup', 'SendLogs')).toMatchObject({ Properties: { RetentionInDays: 30 }, DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' });
  });

  test('may write to its own log group and to no other', () => {
    const stack = testStack();
    functionIn(stack);
    const template = Template.fromStack(stack);
    expect(statementsOf(template, 'SendRole')).toEqual([
      { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [expect.stringMatching(/^<SendLogs\w+\.Arn>$/)] },
    ]);
    expect(only(template, 'AWS::IAM::Role', 'SendRole').Properties).not.toHaveProperty('ManagedPolicyArns');
  });

  test('takes memory, architecture and log retention from the options', () => {
    const stack = testStack();
    functionIn(stack, { functions: { memorySize: 1024, architecture: lambda.Architecture.X86_64, logRetention: logs.RetentionDays.ONE_WEEK } });
    const template = Template.fromStack(stack);
    expect(only(template, 'AWS::Lambda::Function', 'Send').Properties).toMatchObject({ MemorySize: 1024, Architectures: ['x86_64'] });
    expect(only(template, 'AWS::Logs::LogGroup', 'SendLogs').Properties).toEqual({ RetentionInDays: 7 });
  });

  test('takes a log group from the options and makes none', () => {
    const stack = testStack();
    functionIn(stack, { functions: { logGroup: logs.LogGroup.fromLogGroupName(stack, 'Given', 'line') } });
    const template = Template.fromStack(stack);
    expect(resources(template, 'AWS::Logs::LogGroup')).toEqual({});
    expect(only(template, 'AWS::Lambda::Function', 'Send').Properties.LoggingConfig.LogGroup).toBe('line');
    expect(statementsOf(template, 'SendRole')[0].resources).toEqual(['arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:line:*']);
  });

  test('runs in the VPC of the options, with their subnets and security groups, and may make its network interfaces', () => {
    const stack = testStack();
    const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 1 });
    const securityGroup = new ec2.SecurityGroup(stack, 'Group', { vpc });
    functionIn(stack, { functions: { vpc, vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS }, securityGroups: [securityGroup] } });
    const template = Template.fromStack(stack);
    expect(only(template, 'AWS::Lambda::Function', 'Send').Properties.VpcConfig).toEqual({
      SecurityGroupIds: [{ 'Fn::GetAtt': [expect.stringMatching(/^Group/), 'GroupId'] }],
      SubnetIds: [{ Ref: expect.stringMatching(/^VpcPrivateSubnet/) }],
    });
    expect(statementsOf(template, 'SendRole')[1]).toEqual({ actions: expect.arrayContaining(['ec2:CreateNetworkInterface', 'ec2:DeleteNetworkInterface']), resources: ['*'] });
  });

  test('fails for a log group together with a retention', () => {
    expect(messageOf((stack) => {
      make(stack, { functions: { logGroup: new logs.LogGroup(stack, 'Logs'), logRetention: logs.RetentionDays.ONE_DAY } });
    })).toBe('Stack: `functions.logGroup` and `functions.logRetention` cannot both be given: set the retention on the log group itself');
  });

  test.each([[127], [10_241], [512.5]])('fails for %p MiB of memory', (memorySize) => {
    expect(messageOf((stack) => { make(stack, { functions: { memorySize } }); }))
      .toBe(`Stack: \`functions.memorySize\` must be a whole number from 128 to 10240, got ${memorySize}`);
  });
});

describe('a queue', () => {
  const SETTINGS = { visibilityTimeout: Duration.seconds(180), maxReceiveCount: 5, meaning: 'Something was not done.', runbook: 'section' };

  test('has a dead-letter queue that keeps messages for 14 days, and an alarm that leads to the runbook', () => {
    const stack = testStack();
    const shared = make(stack);
    const { queue, deadLetterQueue } = shared.queue(stack, 'Queue', SETTINGS);
    const template = Template.fromStack(stack);
    const [deadLettersId] = Object.keys(resources(template, 'AWS::SQS::Queue')).filter((id) => id.startsWith('QueueDeadLetters'));
    expect(stack.resolve(queue.queueArn)['Fn::GetAtt'][0]).not.toBe(deadLettersId);
    expect(stack.resolve(deadLetterQueue.queueArn)).toEqual({ 'Fn::GetAtt': [deadLettersId, 'Arn'] });
    expect(resources(template, 'AWS::SQS::Queue')[stack.resolve(queue.queueArn)['Fn::GetAtt'][0]]).toEqual({
      Type: 'AWS::SQS::Queue',
      Properties: {
        MessageRetentionPeriod: 4 * 24 * 3600,
        RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': [deadLettersId, 'Arn'] }, maxReceiveCount: 5 },
        SqsManagedSseEnabled: true,
        VisibilityTimeout: 180,
      },
      DeletionPolicy: 'Delete',
      UpdateReplacePolicy: 'Delete',
    });
    expect(resources(template, 'AWS::SQS::Queue')[deadLettersId].Properties).toEqual({ MessageRetentionPeriod: 14 * 24 * 3600, SqsManagedSseEnabled: true });
    const alarm = only(template, 'AWS::CloudWatch::Alarm', 'QueueDeadLettersAlarm').Properties;
    expect(alarm).toEqual({
      AlarmDescription: 'Something was not done. What to do: https://github.com/cdk-line-pinpoint/cdk-line-pinpoint/blob/main/docs/runbook.md#section',
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Dimensions: [{ Name: 'QueueName', Value: { 'Fn::GetAtt': [deadLettersId, 'QueueName'] } }],
      EvaluationPeriods: 1,
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Namespace: 'AWS/SQS',
      Period: 300,
      Statistic: 'Maximum',
      Threshold: 1,
      TreatMissingData: 'notBreaching',
    });
    expect(shared.alarms).toHaveLength(1);
  });

  test('and its dead-letter queue refuse plain http', () => {
    const stack = testStack();
    make(stack).queue(stack, 'Queue', SETTINGS);
    const policies = Object.values(resources(Template.fromStack(stack), 'AWS::SQS::QueuePolicy'));
    expect(policies).toHaveLength(2);
    for (const { Properties } of policies) {
      expect(Properties.PolicyDocument.Statement).toEqual([expect.objectContaining({ Effect: 'Deny', Action: 'sqs:*', Principal: { AWS: '*' }, Condition: { Bool: { 'aws:SecureTransport': 'false' } } })]);
    }
  });

  test('that is FIFO has high throughput, and so has its dead-letter queue', () => {
    const stack = testStack();
    make(stack).queue(stack, 'Queue', { ...SETTINGS, fifo: true });
    const queues = Object.values(resources(Template.fromStack(stack), 'AWS::SQS::Queue'));
    expect(queues).toHaveLength(2);
    for (const { Properties } of queues) {
      expect(Properties).toMatchObject({ FifoQueue: true, DeduplicationScope: 'messageGroup', FifoThroughputLimit: 'perMessageGroupId' });
      expect(Properties).not.toHaveProperty('ContentBasedDeduplication');
    }
  });

  test('has alarms that do what the user asks for', () => {
    const stack = testStack();
    const topic = new sns.Topic(stack, 'Topic');
    make(stack, { alarmActions: [new SnsAction(topic)] }).queue(stack, 'Queue', SETTINGS);
    expect(only(Template.fromStack(stack), 'AWS::CloudWatch::Alarm', 'Queue').Properties.AlarmActions).toEqual([stack.resolve(topic.topicArn)]);
  });

  test('is encrypted with the key, and removed as the user asks for', () => {
    const stack = testStack();
    const encryptionKey = new kms.Key(stack, 'Key');
    make(stack, { encryptionKey, removalPolicy: RemovalPolicy.RETAIN }).queue(stack, 'Queue', SETTINGS);
    for (const queue of Object.values(resources(Template.fromStack(stack), 'AWS::SQS::Queue'))) {
      expect(queue).toMatchObject({ Properties: { KmsMasterKeyId: stack.resolve(encryptionKey.keyArn) }, DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    }
  });
});

describe('a table', () => {
  function tableIn(stack: Stack, props: Partial<ChannelResourcesProps> = {}): dynamodb.Table {
    return new dynamodb.Table(stack, 'Table', make(stack, props).tableProps('pk', 'sk'));
  }

  test('is billed by use, recoverable, with time to live, and retained', () => {
    const stack = testStack();
    tableIn(stack);
    expect(only(Template.fromStack(stack), 'AWS::DynamoDB::Table', 'Table')).toEqual({
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }, { AttributeName: 'sk', AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }, { AttributeName: 'sk', KeyType: 'RANGE' }],
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      },
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    });
  });

  test('is encrypted with the key, and removed as the user asks for', () => {
    const stack = testStack();
    const encryptionKey = new kms.Key(stack, 'Key');
    tableIn(stack, { encryptionKey, removalPolicy: RemovalPolicy.DESTROY });
    expect(only(Template.fromStack(stack), 'AWS::DynamoDB::Table', 'Table')).toMatchObject({
      Properties: { SSESpecification: { KMSMasterKeyId: stack.resolve(encryptionKey.keyArn), SSEEnabled: true, SSEType: 'KMS' } },
      DeletionPolicy: 'Delete',
    });
  });

  test('that is not a channel\'s has the same defaults', () => {
    const stack = testStack();
    const encryptionKey = new kms.Key(stack, 'Key');
    expect(tableProps('pk', 'sk', {})).toEqual(make(stack).tableProps('pk', 'sk'));
    const options = { encryptionKey, removalPolicy: RemovalPolicy.DESTROY };
    expect(tableProps('pk', 'sk', options)).toEqual(make(stack, options).tableProps('pk', 'sk'));
  });

  test.each([
    ['grantTableRead', grantTableRead, ['kms:Decrypt', 'kms:DescribeKey']],
    ['grantTableWrite', grantTableWrite, ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*']],
  ])('%s grants the actions on the table alone, and what they need of its key', (_name, grant, keyActions) => {
    const stack = testStack();
    const encryptionKey = new kms.Key(stack, 'Key');
    const role = new iam.Role(stack, 'Role', { assumedBy: new iam.AccountRootPrincipal() });
    grant(tableIn(stack, { encryptionKey }), role, 'dynamodb:GetItem');
    expect(statementsOf(Template.fromStack(stack), 'Role')).toEqual([
      { actions: keyActions, resources: [expect.stringMatching(/^<Key\w+\.Arn>$/)] },
      { actions: ['dynamodb:GetItem'], resources: [expect.stringMatching(/^<Table\w+\.Arn>$/)] },
    ]);
  });
});

describe('an alarm', () => {
  const metric = new cloudwatch.Metric({ namespace: 'LinePinpoint', metricName: 'QuotaExhausted', statistic: 'Sum' });

  test('alarms from one on, leads to the runbook, is the channel\'s and does what the user asks for', () => {
    const stack = testStack();
    const topic = new sns.Topic(stack, 'Topic');
    const channel = make(stack, { alarmActions: [new SnsAction(topic)] });
    const alarm = channel.alarm(stack, 'Alarm', { metric, meaning: 'It is used up.', runbook: 'quota-exhausted' });
    expect(channel.alarms).toEqual([alarm]);
    expect(only(Template.fromStack(stack), 'AWS::CloudWatch::Alarm', 'Alarm').Properties).toMatchObject({
      AlarmActions: [stack.resolve(topic.topicArn)],
      AlarmDescription: expect.stringMatching(/^It is used up\. What to do: https:.*\/docs\/runbook\.md#quota-exhausted$/),
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      MetricName: 'QuotaExhausted',
      Threshold: 1,
      TreatMissingData: 'notBreaching',
    });
  });

  test('takes another threshold', () => {
    const stack = testStack();
    make(stack).alarm(stack, 'Alarm', { metric, threshold: 3_600, meaning: 'Late.', runbook: 'late' });
    expect(only(Template.fromStack(stack), 'AWS::CloudWatch::Alarm', 'Alarm').Properties.Threshold).toBe(3_600);
  });
});

describe('a bucket', () => {
  test('is private, encrypted, refuses plain http, and is retained', () => {
    const stack = testStack();
    make(stack).bucket(stack, 'Bucket');
    const template = Template.fromStack(stack);
    expect(only(template, 'AWS::S3::Bucket', 'Bucket')).toEqual({
      Type: 'AWS::S3::Bucket',
      Properties: {
        BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
      },
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    });
    expect(only(template, 'AWS::S3::BucketPolicy', 'BucketPolicy').Properties.PolicyDocument.Statement).toEqual([
      expect.objectContaining({ Effect: 'Deny', Action: 's3:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    ]);
  });

  test('is encrypted with the key, removed as the user asks for, and takes what is its own', () => {
    const stack = testStack();
    const encryptionKey = new kms.Key(stack, 'Key');
    make(stack, { encryptionKey, removalPolicy: RemovalPolicy.DESTROY }).bucket(stack, 'Bucket', { bucketName: 'my-bucket', versioned: true });
    expect(only(Template.fromStack(stack), 'AWS::S3::Bucket', 'Bucket')).toMatchObject({
      Properties: {
        BucketName: 'my-bucket',
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{
            BucketKeyEnabled: true, ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: stack.resolve(encryptionKey.keyArn) },
          }],
        },
        VersioningConfiguration: { Status: 'Enabled' },
      },
      DeletionPolicy: 'Delete',
    });
  });

  test('may be used below a prefix', () => {
    const stack = testStack();
    const role = new iam.Role(stack, 'Role', { assumedBy: new iam.AccountRootPrincipal() });
    grantObjects(make(stack).bucket(stack, 'Bucket'), role, 'templates/', 's3:GetObject', 's3:PutObject').assertSuccess();
    expect(statementsOf(Template.fromStack(stack), 'Role')).toEqual([
      { actions: ['s3:GetObject', 's3:PutObject'], resources: [expect.stringMatching(/^<Bucket\w+\.Arn>\/templates\/\*$/)] },
    ]);
  });

  test.each<[string, (stack: Stack) => s3.IBucket, number]>([
    ['is versioned', (stack) => new s3.Bucket(stack, 'Given', { versioned: true }), 0],
    ['was imported, so that nobody knows', (stack) => s3.Bucket.fromBucketName(stack, 'Given', 'given'), 0],
    ['is not versioned', (stack) => new s3.Bucket(stack, 'Given'), 1],
  ])('that is given warns unless it keeps versions: it %s', (_name, given, warnings) => {
    const stack = testStack();
    warnIfUnversioned(stack, 'imageBucket', given(stack), 'old chats change');
    expect(annotations(stack, 'Warning')).toEqual(Array(warnings).fill(
      'the bucket Stack/Given, given as `imageBucket`, is not versioned: old chats change. Make it with `versioned: true` [ack: cdk-line-pinpoint:unversionedBucket]'));
  });

  test.each<[string, (stack: Stack) => s3.IBucket, number]>([
    ['sends events', (stack) => new s3.Bucket(stack, 'Given', { eventBridgeEnabled: true }), 0],
    ['was imported, so that nobody knows', (stack) => s3.Bucket.fromBucketName(stack, 'Given', 'given'), 0],
    ['sends none', (stack) => new s3.Bucket(stack, 'Given'), 1],
    ['sends them to a queue only', (stack) => {
      const bucket = new s3.Bucket(stack, 'Given');
      bucket.addEventNotification(s3.EventType.OBJECT_CREATED, new SqsDestination(new sqs.Queue(stack, 'Queue')));
      return bucket;
    }, 1],
    ['sends them by the property of its resource', (stack) => {
      const bucket = new s3.Bucket(stack, 'Given');
      sendEventsToEventBridge(bucket);
      return bucket;
    }, 0],
    ['has them switched off by the property of its resource', (stack) => {
      const bucket = new s3.Bucket(stack, 'Given');
      (bucket.node.defaultChild as s3.CfnBucket).notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: false } };
      return bucket;
    }, 1],
  ])('that is given warns unless it tells EventBridge of its objects: it %s', (_name, given, warnings) => {
    const stack = testStack();
    const scope = new Construct(stack, 'Import');
    new Construct(scope, 'Child');
    warnIfWithoutEvents(scope, 'bucket', given(stack), 'files are not imported');
    expect(annotations(stack, 'Warning')).toEqual(Array(warnings).fill(
      'the bucket Stack/Given, given as `bucket`, sends no events to Amazon EventBridge: files are not imported. Make it with `eventBridgeEnabled: true` [ack: cdk-line-pinpoint:bucketWithoutEvents]'));
  });

  test('that is given may be switched to EventBridge after it was given', () => {
    const stack = testStack();
    const bucket = new s3.Bucket(stack, 'Given');
    warnIfWithoutEvents(stack, 'bucket', bucket, 'files are not imported');
    bucket.enableEventBridgeNotification();
    expect(annotations(stack, 'Warning')).toEqual([]);
  });
});

describe('a key', () => {
  const STATEMENT = new iam.PolicyStatement({ principals: [new iam.ServicePrincipal('events.amazonaws.com')], actions: ['kms:Decrypt'], resources: ['*'] });

  test('of the app lets CloudWatch Logs of its region use it, for log groups of the account only', () => {
    const stack = testStack();
    const encryptionKey = new kms.Key(stack, 'Key');
    functionIn(stack, { encryptionKey });
    const template = Template.fromStack(stack);
    expect(only(template, 'AWS::KMS::Key', 'Key').Properties.KeyPolicy.Statement).toContainEqual({
      Effect: 'Allow',
      Principal: { Service: { 'Fn::Join': ['', ['logs.', { Ref: 'AWS::Region' }, '.', { Ref: 'AWS::URLSuffix' }]] } },
      Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      Resource: '*',
      Condition: {
        ArnLike: {
          'kms:EncryptionContext:aws:logs:arn': {
            'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':logs:', { Ref: 'AWS::Region' }, ':', { Ref: 'AWS::AccountId' }, ':log-group:*']],
          },
        },
      },
    });
    expect(only(template, 'AWS::Logs::LogGroup', 'SendLogs').Properties.KmsKeyId).toEqual(stack.resolve(encryptionKey.keyArn));
    expect(annotations(stack, 'Warning')).toEqual([]);
  });

  test('that is imported warns once for each statement it needs, however often it is needed', () => {
    const stack = testStack();
    const key = kms.Key.fromKeyArn(stack, 'Imported', KEY_ARN);
    letServiceUseKey(key, STATEMENT);
    letServiceUseKey(key, STATEMENT);
    expect(annotations(stack, 'Warning')).toEqual([
      `CDK cannot change the policy of the imported key ${KEY_ARN}, which a LINE channel needs. Add this statement to it: `
      + '{"Action":"kms:Decrypt","Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Resource":"*"} [ack: cdk-line-pinpoint:importedKeyPolicy]',
    ]);
  });

  test('warns with references as an operator writes them', () => {
    const stack = testStack();
    const table = new dynamodb.Table(stack, 'Table', { partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING } });
    warnToAddStatement(stack, 'id', 'it', new iam.PolicyStatement({
      actions: ['a:b'],
      resources: [table.tableArn, table.tableName, stack.formatArn({ service: 's', resource: 'r' })],
    }));
    expect(annotations(stack, 'Warning')).toEqual([expect.stringMatching(
      /"Resource":\["<Table\w+\.Arn>","<Table\w+>","arn:<Partition>:s:<Region>:<AccountId>:r"\]\} \[ack: cdk-line-pinpoint:id\]$/)]);
  });
});
