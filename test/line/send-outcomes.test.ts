import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { JOURNAL_PARTITION_KEY, JOURNAL_SORT_KEY } from '../../src/contract/send-journal';
import { SendOutcomes, SendOutcomesProps } from '../../src/line/send-outcomes';
import { ChannelResources, ChannelResourcesProps } from '../../src/shared/channel-resources';
import { environmentOf, only, rendered, resources, statementsOf, testStack } from '../support/template';

interface Made {
  readonly stack: Stack;
  readonly outcomes: SendOutcomes;
  readonly channel: ChannelResources;
  readonly template: Template;
}

type From<T> = (stack: Stack) => T;

function make(props: From<Partial<SendOutcomesProps>> = () => ({}), options: From<Partial<ChannelResourcesProps>> = () => ({})): Made {
  const stack = testStack();
  const channel = new ChannelResources(stack, { channelKey: 'line', channelName: 'Stack-Line', ...options(stack) });
  const journal = new dynamodb.Table(stack, 'Journal', {
    ...channel.tableProps(JOURNAL_PARTITION_KEY, JOURNAL_SORT_KEY), stream: dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
  });
  const outcomes = new SendOutcomes(stack, 'Outcomes', { journal, bus: new events.EventBus(stack, 'Bus'), resources: channel, ...props(stack) });
  return { stack, outcomes, channel, template: Template.fromStack(stack) };
}

const withEvents = (options?: From<Partial<ChannelResourcesProps>>) => make(() => ({ engagementEvents: {} }), options);
const keyIn = (stack: Stack) => kms.Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:us-east-1:123456789012:key/0123');
const LOGS = (id: string) => ({
  actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [expect.stringMatching(new RegExp(`^<Outcomes${id}Logs\\w+\\.Arn>$`))],
});

describe('the publisher', () => {
  test('reads what is said of the journal\'s stream, from the oldest on, and gives up after 23 hours', () => {
    const { Properties } = only(make().template, 'AWS::Lambda::EventSourceMapping', 'OutcomesPublisher');
    expect(Properties).toEqual({
      BatchSize: 25,
      BisectBatchOnFunctionError: true,
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': [expect.stringMatching(/^OutcomesPublisherDeadLetters/), 'Arn'] } } },
      EventSourceArn: { 'Fn::GetAtt': [expect.stringMatching(/^Journal/), 'StreamArn'] },
      FilterCriteria: { Filters: [{ Pattern: expect.any(String) }, { Pattern: expect.any(String) }] },
      FunctionName: { Ref: expect.stringMatching(/^OutcomesPublisher/) },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      MaximumRecordAgeInSeconds: 23 * 3600,
      StartingPosition: 'TRIM_HORIZON',
    });
    expect(Properties.FilterCriteria.Filters.map(({ Pattern }: { Pattern: string }) => JSON.parse(Pattern))).toEqual([
      { dynamodb: { NewImage: { state: { S: ['ACCEPTED', 'FAILED', 'UNKNOWN', 'SPLIT', 'DECIDED'] } } } },
      { dynamodb: { Keys: { sk: { S: ['RUN', 'QUOTA'] } } } },
    ]);
  });

  test('may read the stream and write to the bus, and nothing else', () => {
    expect(statementsOf(make().template, 'OutcomesPublisherRole')).toEqual([
      LOGS('Publisher'),
      { actions: ['events:PutEvents'], resources: [expect.stringMatching(/^<Bus\w+\.Arn>$/)] },
      { actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'], resources: [expect.stringMatching(/^<Journal\w+\.StreamArn>$/)] },
      { actions: ['dynamodb:ListStreams'], resources: ['*'] },
      { actions: ['sqs:SendMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'], resources: [expect.stringMatching(/^<OutcomesPublisherDeadLetters\w+\.Arn>$/)] },
    ]);
  });

  test('knows its bus, and no engagement stream unless there is one', () => {
    expect(environmentOf(make().template, 'OutcomesPublisher')).toEqual({
      LINE_CHANNEL_KEY: 'line', LINE_CHANNEL_NAME: 'Stack-Line', LINE_EVENT_BUS_NAME: { Ref: expect.stringMatching(/^Bus/) },
    });
  });
});

test('without engagement events there is neither bucket nor stream', () => {
  const { template, outcomes } = make();
  expect(resources(template, 'AWS::KinesisFirehose::DeliveryStream')).toEqual({});
  expect(resources(template, 'AWS::S3::Bucket')).toEqual({});
  expect(outcomes.engagementBucket).toBeUndefined();
});

describe('alarms', () => {
  test('tell of a used-up quota and of outcomes that could not be published', () => {
    const { template, channel } = make();
    expect(channel.alarms).toHaveLength(4);
    expect(only(template, 'AWS::CloudWatch::Alarm', 'OutcomesQuotaAlarm').Properties).toEqual({
      AlarmDescription: expect.stringMatching(/^LINE says that the month's message quota is used up.*runbook\.md#quota-exhausted$/),
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Dimensions: [{ Name: 'Channel', Value: 'Stack-Line' }],
      EvaluationPeriods: 1,
      MetricName: 'QuotaExhausted',
      Namespace: 'LinePinpoint',
      Period: 300,
      Statistic: 'Sum',
      Threshold: 1,
      TreatMissingData: 'notBreaching',
    });
    expect(only(template, 'AWS::CloudWatch::Alarm', 'OutcomesPublisherDeadLettersAlarm').Properties.AlarmDescription).toMatch(/#send-outcomes-not-published$/);
  });

  test.each([
    ['UnknownAlarm', 'MessagesUnknown', 'messages-unknown'],
    ['StoppedRunsAlarm', 'RunsStopped', 'runs-stopped'],
  ])('%s tells of the first of %s', (id, MetricName, anchor) => {
    expect(only(make().template, 'AWS::CloudWatch::Alarm', `Outcomes${id}`).Properties).toMatchObject({
      AlarmDescription: expect.stringMatching(new RegExp(`runbook\\.md#${anchor}$`)),
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Dimensions: [{ Name: 'Channel', Value: 'Stack-Line' }],
      MetricName,
      Namespace: 'LinePinpoint',
      Statistic: 'Sum',
      Threshold: 1,
    });
  });

  test('act as the channel\'s do', () => {
    const { template } = withEvents(() => ({ alarmActions: [{ bind: () => ({ alarmActionArn: 'arn:aws:sns:us-east-1:123456789012:Topic' }) }] }));
    const actions = Object.values(resources(template, 'AWS::CloudWatch::Alarm')).map(({ Properties }) => Properties.AlarmActions);
    expect(actions).toEqual(new Array(5).fill(['arn:aws:sns:us-east-1:123456789012:Topic']));
  });

  test('tell of engagement events that wait for their bucket', () => {
    const { template } = withEvents();
    expect(only(template, 'AWS::CloudWatch::Alarm', 'OutcomesEngagementStreamAlarm').Properties).toMatchObject({
      AlarmDescription: expect.stringMatching(/#engagement-events-not-delivered$/),
      Dimensions: [{ Name: 'DeliveryStreamName', Value: { Ref: expect.stringMatching(/^OutcomesEngagementStream/) } }],
      MetricName: 'DeliveryToS3.DataFreshness',
      Namespace: 'AWS/Firehose',
      Statistic: 'Maximum',
      Threshold: 3600,
    });
  });
});

describe('engagement events', () => {
  test('lie in a private, encrypted bucket that is kept, by the hour', () => {
    const { template, outcomes, stack } = withEvents();
    const bucket = only(template, 'AWS::S3::Bucket', 'OutcomesEngagementBucket');
    expect(bucket.Properties).toEqual({
      BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
      LifecycleConfiguration: {
        Rules: [
          { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 }, Status: 'Enabled' },
          { ExpirationInDays: 90, Prefix: 'errors/', Status: 'Enabled' },
        ],
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
    });
    expect(bucket.DeletionPolicy).toBe('Retain');
    const [{ Effect, Condition }] = only(template, 'AWS::S3::BucketPolicy', 'OutcomesEngagementBucket').Properties.PolicyDocument.Statement;
    expect({ Effect, Condition }).toEqual({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } });
    expect(only(template, 'AWS::KinesisFirehose::DeliveryStream', 'OutcomesEngagementStream').Properties).toEqual({
      DeliveryStreamType: 'DirectPut',
      DeliveryStreamEncryptionConfigurationInput: { KeyType: 'AWS_OWNED_CMK' },
      ExtendedS3DestinationConfiguration: {
        BucketARN: { 'Fn::GetAtt': [expect.stringMatching(/^OutcomesEngagementBucket/), 'Arn'] },
        BufferingHints: { IntervalInSeconds: 300, SizeInMBs: 64 },
        CompressionFormat: 'GZIP',
        EncryptionConfiguration: { NoEncryptionConfig: 'NoEncryption' },
        ErrorOutputPrefix: 'errors/',
        Prefix: 'events/',
        RoleARN: { 'Fn::GetAtt': [expect.stringMatching(/^OutcomesEngagementStreamRole/), 'Arn'] },
      },
    });
    expect(stack.resolve(outcomes.engagementBucket!.bucketName)).toEqual({ Ref: expect.stringMatching(/^OutcomesEngagementBucket/) });
  });

  test('are written by a role that may write them and nothing else, and is complete before the stream is made', () => {
    const { template } = withEvents();
    // Firehose takes the role for streams of this account only.
    expect(only(template, 'AWS::IAM::Role', 'OutcomesEngagementStreamRole').Properties.AssumeRolePolicyDocument.Statement).toEqual([{
      Action: 'sts:AssumeRole',
      Condition: { StringEquals: { 'sts:ExternalId': { Ref: 'AWS::AccountId' } } },
      Effect: 'Allow',
      Principal: { Service: 'firehose.amazonaws.com' },
    }]);
    const bucket = expect.stringMatching(/^<OutcomesEngagementBucket\w+\.Arn>$/);
    expect(statementsOf(template, 'OutcomesEngagementStreamRole')).toEqual([
      { actions: ['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'], resources: [bucket] },
      {
        actions: ['s3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject'],
        resources: ['events', 'errors'].map((prefix) => expect.stringMatching(new RegExp(`^<OutcomesEngagementBucket\\w+\\.Arn>/${prefix}/\\*$`))),
      },
    ]);
    expect(only(template, 'AWS::KinesisFirehose::DeliveryStream', 'OutcomesEngagementStream').DependsOn).toEqual(
      expect.arrayContaining([expect.stringMatching(/^OutcomesEngagementStreamRoleDefaultPolicy/)]));
  });

  test('are put by the publisher', () => {
    const { template } = withEvents();
    expect(statementsOf(template, 'OutcomesPublisherRole')).toContainEqual({
      actions: ['firehose:PutRecordBatch'], resources: [expect.stringMatching(/^<OutcomesEngagementStream\w+\.Arn>$/)],
    });
    expect(rendered(environmentOf(template, 'OutcomesPublisher').LINE_ENGAGEMENT_STREAM)).toMatch(/^<OutcomesEngagementStream\w+>$/);
  });

  test('are encrypted by the user\'s key, in the stream and in the bucket', () => {
    const { template } = withEvents((stack) => ({ encryptionKey: keyIn(stack) }));
    const keyArn = 'arn:aws:kms:us-east-1:123456789012:key/0123';
    const { Properties } = only(template, 'AWS::KinesisFirehose::DeliveryStream', 'OutcomesEngagementStream');
    expect(Properties.DeliveryStreamEncryptionConfigurationInput).toEqual({ KeyType: 'CUSTOMER_MANAGED_CMK', KeyARN: keyArn });
    expect(Properties.ExtendedS3DestinationConfiguration.EncryptionConfiguration).toEqual({ KMSEncryptionConfig: { AWSKMSKeyARN: keyArn } });
    expect(statementsOf(template, 'OutcomesEngagementStreamRole')).toContainEqual({ actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: [keyArn] });
    expect(only(template, 'AWS::S3::Bucket', 'OutcomesEngagementBucket').Properties.BucketEncryption.ServerSideEncryptionConfiguration).toEqual([
      { BucketKeyEnabled: true, ServerSideEncryptionByDefault: { KMSMasterKeyID: keyArn, SSEAlgorithm: 'aws:kms' } },
    ]);
    expect(statementsOf(template, 'OutcomesPublisherRole')).toContainEqual({ actions: ['kms:Decrypt'], resources: [keyArn] });
  });

  test('go with the stack when it says so', () => {
    const { template } = withEvents(() => ({ removalPolicy: RemovalPolicy.DESTROY }));
    expect(only(template, 'AWS::S3::Bucket', 'OutcomesEngagementBucket').DeletionPolicy).toBe('Delete');
  });

  test('lie in the user\'s bucket, with its key', () => {
    const { template, outcomes } = make((stack) => ({
      engagementEvents: {
        bucket: s3.Bucket.fromBucketAttributes(stack, 'Lake', { bucketName: 'lake', encryptionKey: kms.Key.fromKeyArn(stack, 'LakeKey', 'arn:aws:kms:us-east-1:123456789012:key/lake') }),
      },
    }));
    expect(outcomes.engagementBucket!.bucketName).toBe('lake');
    expect(resources(template, 'AWS::S3::Bucket')).toEqual({});
    const { ExtendedS3DestinationConfiguration } = only(template, 'AWS::KinesisFirehose::DeliveryStream', 'OutcomesEngagementStream').Properties;
    expect(rendered(ExtendedS3DestinationConfiguration.BucketARN)).toBe('arn:<AWS::Partition>:s3:::lake');
    expect(ExtendedS3DestinationConfiguration.EncryptionConfiguration).toEqual({ KMSEncryptionConfig: { AWSKMSKeyARN: 'arn:aws:kms:us-east-1:123456789012:key/lake' } });
    expect(statementsOf(template, 'OutcomesEngagementStreamRole')).toContainEqual({
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: ['arn:aws:kms:us-east-1:123456789012:key/lake'],
    });
  });
});

test('the function that tells the books may read the journal, and nothing else', () => {
  const { template, outcomes, stack } = make();
  expect(statementsOf(template, 'OutcomesBooksRole')).toEqual([
    LOGS('Books'), { actions: ['dynamodb:GetItem', 'dynamodb:Query'], resources: [expect.stringMatching(/^<Journal\w+\.Arn>$/)] },
  ]);
  expect(environmentOf(template, 'OutcomesBooks')).toMatchObject({ SEND_JOURNAL_TABLE_NAME: { Ref: expect.stringMatching(/^Journal/) } });
  expect(stack.resolve(outcomes.booksFunction.functionName)).toEqual({ Ref: expect.stringMatching(/^OutcomesBooks/) });
});
