import { CfnParameter, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import {
  Audience, AudienceBindOptions, AudienceConfig, IAudience, ISubscriberTable, LineChannel, LineMessageType, SubscriberTable,
} from '../../src';
import { Audiences } from '../../src/audience/audiences';
import { ChannelResources, ChannelResourcesProps } from '../../src/shared/channel-resources';
import { annotations, environmentOf, messageOf, only, rendered, resources, statementsOf, testStack } from '../support/template';

const TABLE_ARN = 'arn:aws:dynamodb:us-east-1:123456789012:table/Subscribers';
const STREAM_ARN = `${TABLE_ARN}/stream/2026-01-01T00:00:00.000`;

/** A function of the user's. */
function handlerIn(stack: Stack, id = 'Handler'): lambda.Function {
  return new lambda.Function(stack, id, { runtime: lambda.Runtime.NODEJS_LATEST, handler: 'index.handler', code: lambda.Code.fromInline('code'), timeout: Duration.seconds(20) });
}

/** An audience that answers as told and remembers what it was told. */
function audience(config: (stack: Stack) => AudienceConfig, told: AudienceBindOptions[] = []): IAudience {
  return { bind: (scope, options) => { told.push(options); return config(Stack.of(scope)); } };
}

function audiencesIn(stack: Stack, props: Partial<ChannelResourcesProps> = {}, subscribers: ISubscriberTable = new SubscriberTable(stack, 'Subscribers')): Audiences {
  return new Audiences(stack, 'Audiences', new ChannelResources(stack, { channelKey: 'shop', channelName: 'Stack-Line', ...props }), subscribers);
}

/** The template with one audience called `Crm`. */
function templateWith(config: (stack: Stack) => AudienceConfig): Template {
  const stack = testStack();
  audiencesIn(stack).add('Crm', audience(config));
  return Template.fromStack(stack);
}

test('nothing is made before the first audience', () => {
  const stack = testStack();
  audiencesIn(stack);
  expect(Object.values(resources(Template.fromStack(stack))).map(({ Type }) => Type)).toEqual(['AWS::DynamoDB::Table']);
});

describe('the publisher', () => {
  test("reads the channel's subscribers from the stream, from the oldest on, and gives up after 23 hours", () => {
    const stack = testStack();
    audiencesIn(stack).add('Crm', audience(() => ({ handler: handlerIn(stack) })));
    const template = Template.fromStack(stack);
    const mapping = only(template, 'AWS::Lambda::EventSourceMapping', 'AudiencesPublisher').Properties;
    expect(mapping).toEqual({
      BatchSize: 100,
      BisectBatchOnFunctionError: true,
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': [expect.stringMatching(/^AudiencesPublisherDeadLetters/), 'Arn'] } } },
      EventSourceArn: { 'Fn::GetAtt': [expect.stringMatching(/^Subscribers/), 'StreamArn'] },
      FilterCriteria: { Filters: [{ Pattern: expect.any(String) }] },
      FunctionName: { Ref: expect.stringMatching(/^AudiencesPublisher/) },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      MaximumRecordAgeInSeconds: 23 * 3600,
      StartingPosition: 'TRIM_HORIZON',
    });
    expect(JSON.parse(mapping.FilterCriteria.Filters[0].Pattern)).toEqual({
      dynamodb: { Keys: { pk: { S: [{ prefix: 'shop#' }] }, sk: { S: ['ENDPOINT'] } } },
    });
  });

  test('may read the stream and send to the queues, and nothing else', () => {
    const stack = testStack();
    audiencesIn(stack).add('Crm', audience(() => ({ handler: handlerIn(stack) })));
    const send = ['sqs:SendMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'];
    expect(statementsOf(Template.fromStack(stack), 'AudiencesPublisherRole')).toEqual([
      { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [expect.stringMatching(/^<AudiencesPublisherLogs\w+\.Arn>$/)] },
      { actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'], resources: [expect.stringMatching(/^<Subscribers\w+\.StreamArn>$/)] },
      { actions: ['dynamodb:ListStreams'], resources: ['*'] },
      { actions: send, resources: [expect.stringMatching(/^<AudiencesPublisherDeadLetters\w+\.Arn>$/)] },
      { actions: send, resources: [expect.stringMatching(/^<AudiencesCrmQueue\w+\.Arn>$/)] },
    ]);
  });

  test('is one for all audiences, and knows their queues', () => {
    const stack = testStack();
    const audiences = audiencesIn(stack);
    audiences.add('Crm', audience(() => ({ handler: handlerIn(stack, 'One') })));
    audiences.add('Lake', audience(() => ({ handler: handlerIn(stack, 'Two') })));
    const template = Template.fromStack(stack);
    expect(rendered(environmentOf(template, 'AudiencesPublisher').AUDIENCE_QUEUE_URLS)).toMatch(/^\["<AudiencesCrmQueue\w+>","<AudiencesLakeQueue\w+>"\]$/);
  });

  test('may decrypt an encrypted table, and no more', () => {
    const stack = testStack();
    const encryptionKey = kms.Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:us-east-1:123456789012:key/0123');
    const subscribers = SubscriberTable.fromSubscriberTableAttributes(stack, 'Subscribers', { tableArn: TABLE_ARN, tableStreamArn: STREAM_ARN, encryptionKey });
    audiencesIn(stack, {}, subscribers).add('Crm', audience(() => ({ handler: handlerIn(stack) })));
    const template = Template.fromStack(stack);
    expect(statementsOf(template, 'AudiencesPublisherRole')).toContainEqual({ actions: ['kms:Decrypt'], resources: [encryptionKey.keyArn] });
    expect(only(template, 'AWS::Lambda::EventSourceMapping', 'AudiencesPublisher').Properties.EventSourceArn).toBe(STREAM_ARN);
  });

  test('fails for a table without a stream, with what to do', () => {
    expect(messageOf((stack) => {
      audiencesIn(stack, {}, SubscriberTable.fromSubscriberTableAttributes(stack, 'Subscribers', { tableArn: TABLE_ARN }))
        .add('Crm', audience(() => ({ handler: handlerIn(stack) })));
    })).toBe('Stack/Audiences: the subscriber table must have a stream to feed an audience: give `tableStreamArn` to `SubscriberTable.fromSubscriberTableAttributes`, and enable a stream of new and old images on the table');
  });

  test('reads a table of another stack', () => {
    const home = testStack();
    const stack = new Stack(home.node.root, 'Other');
    audiencesIn(stack, {}, new SubscriberTable(home, 'Subscribers')).add('Crm', audience(() => ({ handler: handlerIn(stack) })));
    expect(JSON.stringify(only(Template.fromStack(stack), 'AWS::Lambda::EventSourceMapping', 'AudiencesPublisher').Properties.EventSourceArn)).toContain('Fn::ImportValue');
  });
});

describe('an audience', () => {
  test('has a FIFO queue of its own, with dead-letter queue and alarm', () => {
    const template = templateWith((stack) => ({ handler: handlerIn(stack) }));
    const [deadLettersId] = Object.keys(resources(template, 'AWS::SQS::Queue')).filter((id) => id.startsWith('AudiencesCrmQueueDeadLetters'));
    expect(Object.values(resources(template, 'AWS::SQS::Queue')).map(({ Properties }) => Properties)).toContainEqual({
      DeduplicationScope: 'messageGroup',
      FifoQueue: true,
      FifoThroughputLimit: 'perMessageGroupId',
      MessageRetentionPeriod: 4 * 24 * 3600,
      RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': [deadLettersId, 'Arn'] }, maxReceiveCount: 20 },
      SqsManagedSseEnabled: true,
      VisibilityTimeout: 120,
    });
    expect(only(template, 'AWS::CloudWatch::Alarm', 'AudiencesCrmQueueDeadLettersAlarm').Properties.AlarmDescription)
      .toMatch(/^The audience Crm refused .*#audience-refuses-changes$/);
  });

  test('takes ten changes at a time, in order, each answered for itself', () => {
    const template = templateWith((stack) => ({ handler: handlerIn(stack) }));
    expect(only(template, 'AWS::Lambda::EventSourceMapping', 'HandlerSqsEventSource').Properties).toEqual({
      BatchSize: 10,
      EventSourceArn: { 'Fn::GetAtt': [expect.stringMatching(/^AudiencesCrmQueue/), 'Arn'] },
      FunctionName: { Ref: expect.stringMatching(/^Handler/) },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
    expect(statementsOf(template, 'HandlerServiceRole')).toEqual([{
      actions: ['sqs:ReceiveMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueUrl', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
      resources: [expect.stringMatching(/^<AudiencesCrmQueue\w+\.Arn>$/)],
    }]);
  });

  test('chooses batch size, concurrency and how long a message is hidden', () => {
    const template = templateWith((stack) => ({ handler: handlerIn(stack), batchSize: 1, maxConcurrency: 2, timeout: Duration.minutes(15) }));
    expect(only(template, 'AWS::Lambda::EventSourceMapping', 'HandlerSqsEventSource').Properties).toMatchObject({ BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } });
    expect(Object.values(resources(template, 'AWS::SQS::Queue')).map(({ Properties }) => Properties.VisibilityTimeout)).toContain(6 * 15 * 60);
  });

  test('may have a timeout and a concurrency that are parameters', () => {
    const template = templateWith((stack) => ({
      handler: handlerIn(stack),
      timeout: Duration.seconds(new CfnParameter(stack, 'Timeout', { type: 'Number' }).valueAsNumber),
      maxConcurrency: new CfnParameter(stack, 'Concurrency', { type: 'Number' }).valueAsNumber,
    }));
    expect(Object.values(resources(template, 'AWS::SQS::Queue')).map(({ Properties }) => Properties.VisibilityTimeout)).toContain(6 * 15 * 60);
    expect(only(template, 'AWS::Lambda::EventSourceMapping', 'HandlerSqsEventSource').Properties.ScalingConfig).toEqual({ MaximumConcurrency: { Ref: 'Concurrency' } });
  });

  test.each<[string, Omit<AudienceConfig, 'handler'>, string]>([
    ['batchSize', { batchSize: 11 }, 'from 1 to 10, got 11'],
    ['batchSize', { batchSize: 0 }, 'from 1 to 10, got 0'],
    ['maxConcurrency', { maxConcurrency: 1 }, 'from 2 to 1000, got 1'],
    ['timeout', { timeout: Duration.minutes(16) }, 'from 20 to 900, got 960'],
    ['timeout', { timeout: Duration.seconds(0) }, 'from 20 to 900, got 0'],
  ])('fails for a wrong %s: %p', (prop, config, range) => {
    expect(messageOf((stack) => { audiencesIn(stack).add('Crm', audience(() => ({ handler: handlerIn(stack), ...config }))); }))
      .toBe(`Stack/Audiences/Crm: \`${prop}\` must be a whole number ${range}`);
  });

  test('is told what the channel was told', () => {
    const stack = testStack();
    const told: AudienceBindOptions[] = [];
    const encryptionKey = new kms.Key(stack, 'Key');
    const functions = { memorySize: 256 };
    audiencesIn(stack, { encryptionKey, functions, removalPolicy: RemovalPolicy.DESTROY }).add('Crm', audience(() => ({ handler: handlerIn(stack) }), told));
    expect(told).toEqual([expect.objectContaining({ channelKey: 'shop', channelName: 'Stack-Line', encryptionKey, functions, removalPolicy: RemovalPolicy.DESTROY })]);
  });

  test('may be a function that was imported with its role', () => {
    const stack = testStack();
    const imported = lambda.Function.fromFunctionAttributes(stack, 'Imported', {
      functionArn: 'arn:aws:lambda:us-east-1:123456789012:function:crm',
      role: iam.Role.fromRoleArn(stack, 'Role', 'arn:aws:iam::123456789012:role/crm'),
      sameEnvironment: true,
    });
    audiencesIn(stack).add('Crm', Audience.lambda(imported));
    const template = Template.fromStack(stack);
    expect(statementsOf(template, 'Role')).toHaveLength(1);
    expect(annotations(stack, 'Warning')).toEqual([]);
  });

  test('warns of a function that was imported without its role', () => {
    const stack = testStack();
    audiencesIn(stack).add('Crm', Audience.lambda(lambda.Function.fromFunctionName(stack, 'Imported', 'crm')));
    expect(annotations(stack, 'Warning', '/Stack/Audiences/Crm')).toEqual([expect.stringMatching(
      /^the function of audience 'Crm' is imported without its role.*`Function\.fromFunctionAttributes` and `role`, or grant sqs:ReceiveMessage.* \[ack: cdk-line-pinpoint:importedAudienceFunction\]$/)]);
    expect(JSON.stringify(only(Template.fromStack(stack), 'AWS::Lambda::EventSourceMapping', 'ImportedSqsEventSource').Properties.FunctionName)).toContain(':function:crm');
  });
});

test('warns when more than two channels read the stream of one table', () => {
  const stack = testStack();
  const subscribers = new SubscriberTable(stack, 'Subscribers');
  for (const channelKey of ['one', 'two', 'three']) {
    new LineChannel(stack, channelKey, { subscribers, channelKey, messageTypes: [LineMessageType.TEXT] })
      .addAudience('Crm', audience(() => ({ handler: handlerIn(stack, `Handler-${channelKey}`) })));
  }
  expect(annotations(stack, 'Warning').filter((warning) => warning.includes('read the stream of one subscriber table'))).toEqual([
    expect.stringContaining('3 channels with audiences read the stream of one subscriber table'),
  ]);
});

test('the order in which audiences are added does not change what the publisher is told', () => {
  const publisherOf = (ids: string[]) => {
    const stack = testStack();
    const channel = new LineChannel(stack, 'Line', { messageTypes: [LineMessageType.TEXT] });
    ids.forEach((id) => channel.addAudience(id, audience(() => ({ handler: handlerIn(stack, `Handler${id}`) }))));
    return environmentOf(Template.fromStack(stack), 'LineAudiencesPublisher').AUDIENCE_QUEUE_URLS;
  };
  expect(publisherOf(['Crm', 'Billing'])).toEqual(publisherOf(['Billing', 'Crm']));
});
