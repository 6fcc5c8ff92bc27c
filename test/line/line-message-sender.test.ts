import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { LineCredentials, LineMessageType, LineSendingOptions, LowQuota, MediaDelivery, SubscriberTable, UnknownOutcome } from '../../src';
import { RETRY_KEY_HOURS } from '../../src/contract/limits';
import { BoundCredentials } from '../../src/line/bound-credentials';
import { LineMediaLibrary } from '../../src/line/line-media-library';
import { LineMessageSender, LineMessageSenderProps } from '../../src/line/line-message-sender';
import { ChannelResources, ChannelResourcesProps } from '../../src/shared/channel-resources';
import { annotations, environmentOf, messageOf, only, rendered, resources, Statement, statementsOf, testStack } from '../support/template';

const { TEXT, IMAGE, AUDIO, VIDEO } = LineMessageType;

function senderIn(stack: Stack, props: Partial<LineMessageSenderProps> = {}, options: Partial<ChannelResourcesProps> = {}): LineMessageSender {
  const channel = new ChannelResources(stack, { channelKey: 'line', channelName: 'Stack-Line', ...options });
  return new LineMessageSender(stack, 'Sender', {
    types: [TEXT, IMAGE, AUDIO, VIDEO],
    credentials: new BoundCredentials(stack, LineCredentials.generated(), {}),
    subscribers: new SubscriberTable(stack, 'Subscribers', { encryptionKey: options.encryptionKey }),
    bus: new events.EventBus(stack, 'Bus'),
    media: new LineMediaLibrary(stack, 'Media', {
      types: ['image', 'audio', 'video'], buckets: { image: {}, audio: {}, video: {} }, delivery: MediaDelivery.presigned(), resources: channel,
    }),
    sampleMessages: false,
    options: {},
    lineEnvironment: {},
    resources: channel,
    ...props,
  });
}

function templateWith(props?: Partial<LineMessageSenderProps>, options?: Partial<ChannelResourcesProps>): Template {
  const stack = testStack();
  senderIn(stack, props, options);
  return Template.fromStack(stack);
}

function templateWithOptions(options: (stack: Stack) => LineSendingOptions): Template {
  const stack = testStack();
  senderIn(stack, { options: options(stack) });
  return Template.fromStack(stack);
}

/** What every function that calls LINE for the journal's batches knows. */
const DRIVING = {
  LINE_CHANNEL_KEY: 'line',
  LINE_CHANNEL_NAME: 'Stack-Line',
  LINE_SECRET_ARN: { Ref: expect.stringMatching(/^Secret/) },
  LINE_SENDING: '{"multicastsPerSecond":180,"pushesPerSecond":1800,"onLowQuota":"WARN","onUnknownOutcome":"SET_ASIDE","perPersonClaim":false}',
  LINE_CONTENT_BUCKET: { Ref: expect.stringMatching(/^SenderContent/) },
  SEND_JOURNAL_TABLE_NAME: { Ref: expect.stringMatching(/^SenderJournal/) },
};

/** … and every function that makes new batches. */
const COMPOSING = {
  ...DRIVING,
  LINE_SAMPLE_MESSAGES: 'false',
  LINE_MEDIA_PLACES: expect.anything(),
  LINE_MEDIA_DELIVERY: '{"kind":"presigned","expirySeconds":3600}',
  SUBSCRIBER_TABLE_NAME: { Ref: expect.stringMatching(/^Subscribers/) },
};

const RETRY_QUEUE = { LINE_RETRY_QUEUE_URL: { Ref: expect.stringMatching(/^SenderRetry(?!DeadLetters)/) } };

/** A resource's ARN: `<id…>` and what follows it. */
const arn = (id: string, rest = '') => expect.stringMatching(new RegExp(`^<${id}[0-9A-F]{8}\\.Arn>${rest.replace(/[/*]/g, '\\$&')}$`));
const logs = (id: string): Statement => ({ actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [arn(`Sender${id}Logs`)] });
const sendTo = (id: string): Statement => ({ actions: ['sqs:SendMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'], resources: [arn(id)] });

const MAY_DRIVE: Statement[] = [
  { actions: ['secretsmanager:GetSecretValue'], resources: [expect.stringMatching(/^<Secret\w+>$/)] },
  { actions: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], resources: [arn('SenderJournal')] },
  { actions: ['s3:GetObject'], resources: [arn('SenderContent', '/batches/*')] },
];

const MAY_READ_MEDIA: Statement[] = ['Image', 'Audio', 'Video'].flatMap((type) => [
  { actions: ['s3:GetObject', 's3:GetObjectVersion'], resources: [arn(`Media${type}Bucket`, '/*')] },
  { actions: ['s3:ListBucket'], resources: [arn(`Media${type}Bucket`)] },
]);

function mayCompose(templates = arn('SenderContent'), templateObjects = arn('SenderContent', '/templates/*')): Statement[] {
  return [
    { actions: ['dynamodb:BatchGetItem'], resources: [arn('Subscribers')] },
    ...MAY_READ_MEDIA,
    { actions: ['s3:PutObject'], resources: [arn('SenderContent', '/batches/*')] },
    { actions: ['s3:GetObject', 's3:GetObjectVersion'], resources: [templateObjects] },
    // Without a condition: requests for an object have no prefix.
    { actions: ['s3:ListBucket'], resources: [templates] },
  ];
}

describe('a send function', () => {
  test.each([['Text', 'text'], ['Image', 'image'], ['Audio', 'audio'], ['Video', 'video']])('for %s knows its type, all media and where things are', (id, type) => {
    expect(environmentOf(templateWith(), `Sender${id}`)).toEqual({ ...COMPOSING, ...RETRY_QUEUE, LINE_MESSAGE_TYPE: type });
  });

  test('knows the places of all media of the channel', () => {
    expect(JSON.parse(rendered(environmentOf(templateWith(), 'SenderText').LINE_MEDIA_PLACES))).toEqual(Object.fromEntries(
      ['image', 'audio', 'video'].map((type) => [type, { bucket: expect.stringMatching(new RegExp(`^<Media${type}Bucket\\w+>$`, 'i')), prefix: '' }])));
  });

  test('knows nothing of media in a channel without them', () => {
    const template = templateWith({ types: [TEXT], media: undefined });
    const { LINE_MEDIA_PLACES, LINE_MEDIA_DELIVERY, ...others } = COMPOSING;
    expect(environmentOf(template, 'SenderText')).toEqual({ ...others, ...RETRY_QUEUE, LINE_MESSAGE_TYPE: 'text' });
    expect(statementsOf(template, 'SenderTextRole').filter(({ resources: [resource] }) => /Media/.test(resource))).toEqual([]);
  });

  test.each(['Text', 'Image', 'Audio', 'Video'])('for %s may use secret, journal, bodies, subscribers, templates and all media, which any message may show, and nothing else', (id) => {
    expect(statementsOf(templateWith(), `Sender${id}Role`)).toEqual([
      logs(id), ...MAY_DRIVE, ...mayCompose(), sendTo('SenderRetry'), sendTo('SenderFailures'),
    ]);
  });

  test.each(['Text', 'Image', 'Audio', 'Video'])('for %s is tried three times when invoked asynchronously, never after LINE forgot the retry key, and then kept', (id) => {
    const config = only(templateWith(), 'AWS::Lambda::EventInvokeConfig', `Sender${id}`).Properties;
    expect(config).toEqual({
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': [expect.stringMatching(/^SenderFailures/), 'Arn'] } } },
      FunctionName: { Ref: expect.stringMatching(new RegExp(`^Sender${id}`)) },
      MaximumEventAgeInSeconds: 6 * 3600,
      MaximumRetryAttempts: 2,
      Qualifier: '$LATEST',
    });
    expect(config.MaximumEventAgeInSeconds).toBeLessThan(RETRY_KEY_HOURS * 3600);
  });

  test('ends no later than Pinpoint stops waiting', () => {
    const template = templateWith();
    for (const id of ['Text', 'Image', 'Audio', 'Video']) {
      expect(only(template, 'AWS::Lambda::Function', `Sender${id}`).Properties.Timeout).toBe(15);
    }
  });

  test('runs the same bundle for every type, and is described by its type', () => {
    const template = templateWith({ types: Object.values(LineMessageType) });
    const senders = Object.values(resources(template, 'AWS::Lambda::Function'))
      .filter(({ Properties }) => Properties.Environment.Variables.LINE_MESSAGE_TYPE && Properties.Timeout === 15);
    expect(senders).toHaveLength(12);
    expect(new Set(senders.map(({ Properties }) => JSON.stringify(Properties.Code))).size).toBe(1);
    expect(senders.map(({ Properties }) => Properties.Description).sort()).toEqual(Object.values(LineMessageType)
      .map((type) => `Sends LINE ${type === LineMessageType.ANY ? '' : `${type} `}messages for campaigns and journeys`).sort());
  });

  test('takes sample messages and the base URL of a stand-in', () => {
    expect(environmentOf(templateWith({ sampleMessages: true, lineEnvironment: { LINE_API_BASE_URL: 'http://127.0.0.1:8080' } }), 'SenderText'))
      .toMatchObject({ LINE_SAMPLE_MESSAGES: 'true', LINE_API_BASE_URL: 'http://127.0.0.1:8080' });
  });

  test('is made for the types of the channel only', () => {
    const sender = senderIn(testStack(), { types: [TEXT], media: undefined });
    expect(sender.all).toHaveLength(1);
    expect(sender.functionOf(TEXT)).toBe(sender.all[0]);
    expect(sender.functionOf(VIDEO)).toBeUndefined();
  });

  test.each(Object.values(LineMessageType))('of the type %s is told apart by its environment', (type) => {
    const stack = testStack();
    const sender = senderIn(stack, { types: Object.values(LineMessageType) });
    const id = rendered(stack.resolve(sender.functionOf(type)!.functionName)).slice(1, -1);
    expect(id).toMatch(new RegExp(`^Sender${type}[0-9A-F]{8}$`, 'i'));
    expect(resources(Template.fromStack(stack))[id].Properties.Environment.Variables.LINE_MESSAGE_TYPE).toBe(type);
  });
});

describe('the function that goes on', () => {
  test('knows what it takes to call LINE for batches that are made already', () => {
    expect(environmentOf(templateWith({ lineEnvironment: { LINE_API_BASE_URL: 'http://127.0.0.1:8080' } }), 'SenderResume'))
      .toEqual({ ...DRIVING, ...RETRY_QUEUE, LINE_API_BASE_URL: 'http://127.0.0.1:8080' });
  });

  test('may neither read subscribers, media and templates, nor write bodies', () => {
    expect(statementsOf(templateWith(), 'SenderResumeRole')).toEqual([
      logs('Resume'),
      ...MAY_DRIVE,
      sendTo('SenderRetry'),
      {
        actions: ['sqs:ReceiveMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueUrl', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
        resources: [arn('SenderRetry')],
      },
    ]);
  });

  test('reads the retry queue, ten messages at a time, each answered on its own, in few instances', () => {
    expect(only(templateWith(), 'AWS::Lambda::EventSourceMapping', 'SenderResume').Properties).toEqual({
      BatchSize: 10,
      EventSourceArn: { 'Fn::GetAtt': [expect.stringMatching(/^SenderRetry/), 'Arn'] },
      FunctionName: { Ref: expect.stringMatching(/^SenderResume/) },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 5 },
    });
  });

  test('ends before its messages come again', () => {
    const template = templateWith();
    const { Properties: { Timeout } } = only(template, 'AWS::Lambda::Function', 'SenderResume');
    expect(Timeout).toBe(60);
    expect(only(template, 'AWS::SQS::Queue', 'SenderRetry').Properties.VisibilityTimeout).toBe(2 * Timeout);
  });
});

describe('the function that sends chunks', () => {
  test('sends any type, for long, and knows no retry queue', () => {
    const template = templateWith();
    expect(environmentOf(template, 'SenderChunk')).toEqual({ ...COMPOSING, LINE_MESSAGE_TYPE: 'any' });
    expect(only(template, 'AWS::Lambda::Function', 'SenderChunk').Properties.Timeout).toBe(900);
  });

  test('may do what send functions may, but for the queues; chunks are its caller\'s to grant', () => {
    expect(statementsOf(templateWith(), 'SenderChunkRole')).toEqual([logs('Chunk'), ...MAY_DRIVE, ...mayCompose()]);
  });

  test('is left to its caller when it fails', () => {
    const template = templateWith();
    expect(Object.values(resources(template, 'AWS::Lambda::EventInvokeConfig'))).toHaveLength(4);
    expect(() => only(template, 'AWS::Lambda::EventInvokeConfig', 'SenderChunk')).toThrow('0 resources');
  });
});

describe('the journal', () => {
  test('is recoverable, forgets by time to live, has a stream of old and new images, and is retained', () => {
    expect(only(templateWith(), 'AWS::DynamoDB::Table', 'SenderJournal')).toMatchObject({
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }, { AttributeName: 'sk', KeyType: 'RANGE' }],
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
        StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
      },
      DeletionPolicy: 'Retain',
    });
  });

  test('is what the outcomes are published from, and what the books are read from', () => {
    const stack = testStack();
    const sender = senderIn(stack);
    const template = Template.fromStack(stack);
    expect(only(template, 'AWS::Lambda::EventSourceMapping', 'SenderOutcomesPublisher').Properties.EventSourceArn)
      .toEqual({ 'Fn::GetAtt': [expect.stringMatching(/^SenderJournal/), 'StreamArn'] });
    expect(environmentOf(template, 'SenderOutcomesPublisher').LINE_EVENT_BUS_NAME).toEqual({ Ref: expect.stringMatching(/^Bus/) });
    expect(stack.resolve(sender.outcomes.booksFunction.functionName)).toEqual({ Ref: expect.stringMatching(/^SenderOutcomesBooks/) });
  });
});

describe('the bucket of bodies and templates', () => {
  test('is private, versioned and retained; bodies go after a week, templates stay', () => {
    const template = templateWith();
    expect(only(template, 'AWS::S3::Bucket', 'SenderContent')).toEqual({
      Type: 'AWS::S3::Bucket',
      Properties: {
        BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
        LifecycleConfiguration: {
          Rules: [
            { ExpirationInDays: 7, NoncurrentVersionExpiration: { NoncurrentDays: 1 }, Prefix: 'batches/', Status: 'Enabled' },
            { NoncurrentVersionExpiration: { NoncurrentDays: 365 }, Prefix: 'templates/', Status: 'Enabled' },
            { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 }, ExpiredObjectDeleteMarker: true, Status: 'Enabled' },
          ],
        },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
        VersioningConfiguration: { Status: 'Enabled' },
      },
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    });
    expect(only(template, 'AWS::S3::BucketPolicy', 'SenderContent').Properties.PolicyDocument.Statement).toEqual([
      expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    ]);
  });

  test('keeps bodies for longer than a batch can be undecided', () => {
    const [{ ExpirationInDays }] = only(templateWith(), 'AWS::S3::Bucket', 'SenderContent').Properties.LifecycleConfiguration.Rules;
    expect(ExpirationInDays * 24).toBeGreaterThan(2 * RETRY_KEY_HOURS);
  });

  test('can have templates uploaded, and nothing read or deleted', () => {
    const stack = testStack();
    senderIn(stack).grantUploadTemplates(new iam.Role(stack, 'Editors', { assumedBy: new iam.AccountRootPrincipal() })).assertSuccess();
    expect(statementsOf(Template.fromStack(stack), 'Editors')).toEqual([
      { actions: ['s3:PutObject', 's3:AbortMultipartUpload'], resources: [arn('SenderContent', '/templates/*')] },
    ]);
  });
});

describe('a bucket of templates that is given', () => {
  test('is read instead of the content bucket, which keeps the bodies', () => {
    const stack = testStack();
    const templateBucket = new s3.Bucket(stack, 'Templates', { versioned: true });
    const sender = senderIn(stack, { options: { templateBucket } });
    const template = Template.fromStack(stack);
    expect(sender.templates).toBe(templateBucket);
    for (const id of ['Text', 'Chunk']) {
      expect(environmentOf(template, `Sender${id}`)).toMatchObject({
        LINE_CONTENT_BUCKET: { Ref: expect.stringMatching(/^SenderContent/) }, LINE_TEMPLATE_BUCKET: { Ref: expect.stringMatching(/^Templates/) },
      });
    }
    expect(environmentOf(template, 'SenderResume')).not.toHaveProperty('LINE_TEMPLATE_BUCKET');
    expect(statementsOf(template, 'SenderTextRole')).toEqual([
      logs('Text'), ...MAY_DRIVE, ...mayCompose(arn('Templates'), arn('Templates', '/templates/*')), sendTo('SenderRetry'), sendTo('SenderFailures'),
    ]);
    expect(annotations(stack, 'Warning')).toEqual([]);
  });

  describe.each(['templateBucket', 'engagementBucket'] as const)('or of engagement events, as %s,', (prop) => {
    const optionsWith = (bucket: s3.IBucket): LineSendingOptions => ({ [prop]: bucket, ...(prop === 'engagementBucket' && { engagementEvents: true }) });
    const mediaIn = (stack: Stack, buckets: { image: object; video?: object }) => new LineMediaLibrary(stack, 'GivenMedia', {
      types: ['image', 'video'],
      buckets: { audio: {}, video: {}, ...buckets },
      delivery: MediaDelivery.cloudFront(),
      resources: new ChannelResources(stack, { channelKey: 'line', channelName: 'Stack-Line' }),
    });

    test.each<[string, (stack: Stack) => [s3.IBucket, s3.IBucket]]>([
      ['itself', (stack) => { const bucket = new s3.Bucket(stack, 'Shared', { versioned: true }); return [bucket, bucket]; }],
      ['by another import', (stack) => [s3.Bucket.fromBucketName(stack, 'Shared', 'shared'), s3.Bucket.fromBucketName(stack, 'Images', 'shared')]],
    ])('fails when it is the bucket of images, %s: media links would lead to all of it', (_case, buckets) => {
      expect(messageOf((stack) => {
        const [bucket, images] = buckets(stack);
        return senderIn(stack, { options: optionsWith(bucket), media: mediaIn(stack, { image: { bucket: images } }) });
      })).toBe(`Stack/Sender: \`sending.${prop}\` is the bucket Stack/Shared, which is also \`imageBucket\`: everything in that one can be read through media links. Give a bucket of its own`);
    });

    test('may be a bucket in which media lie behind prefixes', () => {
      const stack = testStack();
      const bucket = new s3.Bucket(stack, 'Shared', { versioned: true });
      expect(() => senderIn(stack, { options: optionsWith(bucket), media: mediaIn(stack, { image: { bucket }, video: { bucket } }) })).not.toThrow();
    });

    test('fails when it is in another region', () => {
      const stack = testStack({ env: { region: 'ap-northeast-1', account: '123456789012' } });
      const bucket = s3.Bucket.fromBucketAttributes(stack, 'Given', { bucketName: 'given', region: 'us-east-1' });
      expect(() => senderIn(stack, { options: optionsWith(bucket) })).toThrow(
        `\`sending.${prop}\` must be a bucket in the channel's region ap-northeast-1, got one in us-east-1 (Stack/Given): the channel looks for it in its own region`);
    });

    test('warns with what its policy must allow when it is another account\'s', () => {
      const stack = testStack({ env: { region: 'ap-northeast-1', account: '123456789012' } });
      senderIn(stack, { options: optionsWith(s3.Bucket.fromBucketAttributes(stack, 'Given', { bucketName: 'given', account: '210987654321' })) });
      expect(annotations(stack, 'Warning')).toEqual([expect.stringContaining(`the policy of the bucket Stack/Given of the account 210987654321, given as \`sending.${prop}\`. Add this statement to it: `)]);
      const [, statement] = /: (\{.*\}) \[ack: cdk-line-pinpoint:foreignBucketPolicy\]$/.exec(annotations(stack, 'Warning')[0])!;
      const prefixes = prop === 'templateBucket' ? ['templates'] : ['events', 'errors'];
      expect(JSON.parse(statement)).toEqual({
        Effect: 'Allow',
        Principal: { AWS: 'arn:<Partition>:iam::123456789012:root' },
        Action: prop === 'templateBucket' ? ['s3:GetObject', 's3:GetObjectVersion', 's3:ListBucket']
          : ['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads', 's3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject'],
        Resource: ['arn:<Partition>:s3:::given', ...prefixes.map((prefix) => `arn:<Partition>:s3:::given/${prefix}/*`)],
      });
    });
  });

  test('warns when it is not versioned', () => {
    const stack = testStack();
    senderIn(stack, { options: { templateBucket: new s3.Bucket(stack, 'Templates') } });
    expect(annotations(stack, 'Warning')).toEqual([
      'the bucket Stack/Templates, given as `sending.templateBucket`, is not versioned: content cannot name a version of a template, and an overwritten one cannot be brought back. '
      + 'Make it with `versioned: true` [ack: cdk-line-pinpoint:unversionedBucket]',
    ]);
  });

  test('may be imported, with its key, which senders may decrypt with and editors encrypt with', () => {
    const stack = testStack();
    const encryptionKey = kms.Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:us-east-1:123456789012:key/templates');
    const sender = senderIn(stack, { options: { templateBucket: s3.Bucket.fromBucketAttributes(stack, 'Templates', { bucketName: 'templates', encryptionKey }) } });
    sender.grantUploadTemplates(new iam.Role(stack, 'Editors', { assumedBy: new iam.AccountRootPrincipal() }));
    const template = Template.fromStack(stack);
    const keyOnly = { resources: ['arn:aws:kms:us-east-1:123456789012:key/templates'] };
    for (const id of ['Text', 'Image', 'Chunk']) {
      expect(statementsOf(template, `Sender${id}Role`)).toEqual(expect.arrayContaining([
        { actions: ['s3:GetObject', 's3:GetObjectVersion'], resources: ['arn:<AWS::Partition>:s3:::templates/templates/*'] },
        { actions: ['kms:Decrypt'], ...keyOnly },
      ]));
    }
    expect(statementsOf(template, 'SenderResumeRole').filter(({ resources: of }) => of.some((each) => each.includes('templates')))).toEqual([]);
    expect(statementsOf(template, 'Editors')).toEqual([
      { actions: ['kms:Decrypt', 'kms:Encrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*'], ...keyOnly },
      { actions: ['s3:PutObject', 's3:AbortMultipartUpload'], resources: ['arn:<AWS::Partition>:s3:::templates/templates/*'] },
    ]);
    expect(annotations(stack, 'Warning')).toEqual([]);
  });
});

describe('the queues', () => {
  test('of failures keeps events for 14 days and has an alarm that leads to the runbook', () => {
    const template = templateWith();
    expect(only(template, 'AWS::SQS::Queue', 'SenderFailures').Properties).toEqual({ MessageRetentionPeriod: 14 * 24 * 3600, SqsManagedSseEnabled: true });
    expect(only(template, 'AWS::CloudWatch::Alarm', 'SenderFailures').Properties.AlarmDescription).toMatch(/^Campaign events .*#campaign-events-not-decided$/);
  });

  test('of batches to go on with sets aside what failed ten times, with an alarm that leads to the runbook', () => {
    const template = templateWith();
    expect(only(template, 'AWS::SQS::Queue', 'SenderRetry').Properties).toEqual({
      MessageRetentionPeriod: 4 * 24 * 3600,
      RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': [expect.stringMatching(/^SenderRetryDeadLetters/), 'Arn'] }, maxReceiveCount: 10 },
      SqsManagedSseEnabled: true,
      VisibilityTimeout: 120,
    });
    expect(only(template, 'AWS::SQS::Queue', 'SenderRetryDeadLetters').Properties.MessageRetentionPeriod).toBe(14 * 24 * 3600);
    expect(only(template, 'AWS::CloudWatch::Alarm', 'SenderRetryDeadLetters').Properties.AlarmDescription).toMatch(/^Batches could not be gone on with.*#batches-not-resumed$/);
  });
});

describe('options', () => {
  test('reach every function that calls LINE', () => {
    const options: LineSendingOptions = {
      multicastsPerSecond: 1,
      pushesPerSecond: 2_000,
      maxRecipientsPerSecond: 50,
      onLowQuota: LowQuota.REFUSE,
      onUnknownOutcome: UnknownOutcome.RESEND,
      perPersonClaim: true,
    };
    const template = templateWithOptions(() => options);
    for (const id of ['Text', 'Image', 'Audio', 'Video', 'Resume', 'Chunk']) {
      expect(JSON.parse(environmentOf(template, `Sender${id}`).LINE_SENDING)).toEqual(options);
    }
  });

  test.each<[keyof LineSendingOptions, number, string]>([
    ['multicastsPerSecond', 0, '1 to 200'],
    ['multicastsPerSecond', 201, '1 to 200'],
    ['multicastsPerSecond', 1.5, '1 to 200'],
    ['pushesPerSecond', 0, '1 to 2000'],
    ['pushesPerSecond', 2_001, '1 to 2000'],
    ['maxRecipientsPerSecond', 0, '1 to 1000000'],
    ['maxRecipientsPerSecond', NaN, '1 to 1000000'],
  ])('%s: %p fails', (name, value, allowed) => {
    const [from, to] = allowed.split(' to ');
    const message = messageOf((stack) => senderIn(stack, { options: { [name]: value } }));
    expect(message).toContain(`Stack/Sender: \`sending.${name}\``);
    expect(message).toMatch(new RegExp(`\\b${from}\\b.*\\b${to}\\b.*\\b${value}\\b`));
  });

  test.each<[keyof LineSendingOptions, number]>([
    ['multicastsPerSecond', 1], ['multicastsPerSecond', 200], ['pushesPerSecond', 1], ['pushesPerSecond', 2_000], ['maxRecipientsPerSecond', 1],
  ])('%s: %p does not', (name, value) => {
    expect(() => senderIn(testStack(), { options: { [name]: value } })).not.toThrow();
  });

  test('a bucket of engagement events without the events fails', () => {
    expect(messageOf((stack) => senderIn(stack, { options: { engagementBucket: s3.Bucket.fromBucketName(stack, 'Lake', 'lake') } })))
      .toBe('Stack/Sender: `sending.engagementBucket` is given (Stack/Lake), but `sending.engagementEvents` is not on: switch it on, or leave the bucket out');
  });

  test.each([[undefined], [false]])('engagementEvents: %p makes no stream', (engagementEvents) => {
    const template = templateWithOptions(() => ({ engagementEvents }));
    template.resourceCountIs('AWS::KinesisFirehose::DeliveryStream', 0);
  });

  test('engagementEvents makes a stream and a bucket, or uses the one that is given', () => {
    const made = templateWithOptions(() => ({ engagementEvents: true }));
    expect(environmentOf(made, 'SenderOutcomesPublisher').LINE_ENGAGEMENT_STREAM).toEqual({ Ref: expect.stringMatching(/^SenderOutcomesEngagementStream/) });
    only(made, 'AWS::S3::Bucket', 'SenderOutcomesEngagementBucket');
    const given = templateWithOptions((stack) => ({ engagementEvents: true, engagementBucket: s3.Bucket.fromBucketName(stack, 'Lake', 'lake') }));
    expect(rendered(only(given, 'AWS::KinesisFirehose::DeliveryStream', 'SenderOutcomes').Properties.ExtendedS3DestinationConfiguration.BucketARN))
      .toBe('arn:<AWS::Partition>:s3:::lake');
    expect(Object.keys(resources(given, 'AWS::S3::Bucket')).filter((id) => id.includes('Engagement'))).toEqual([]);
  });
});

describe('a customer managed key', () => {
  const KEY = 'arn:aws:kms:us-east-1:123456789012:key/0123';
  let template: Template;
  beforeAll(() => {
    const stack = testStack();
    const encryptionKey = kms.Key.fromKeyArn(stack, 'Key', KEY);
    senderIn(stack, { options: { engagementEvents: true } }, { encryptionKey, removalPolicy: RemovalPolicy.DESTROY });
    template = Template.fromStack(stack);
  });

  function keyActions(id: string): string[] {
    const onKeys = statementsOf(template, `Sender${id}Role`).filter(({ actions }) => actions[0].startsWith('kms:'));
    expect(new Set(onKeys.flatMap(({ resources: of }) => of))).toEqual(new Set([KEY]));
    return [...new Set(onKeys.flatMap(({ actions }) => actions))].sort();
  }

  test('encrypts contents, batches to go on with, journal and engagement events, which go with the stack if it says so', () => {
    expect(only(template, 'AWS::S3::Bucket', 'SenderContent')).toMatchObject({
      Properties: {
        BucketEncryption: { ServerSideEncryptionConfiguration: [{ BucketKeyEnabled: true, ServerSideEncryptionByDefault: { KMSMasterKeyID: KEY } }] },
      },
      DeletionPolicy: 'Delete',
    });
    expect(only(template, 'AWS::SQS::Queue', 'SenderRetry')).toMatchObject({ Properties: { KmsMasterKeyId: KEY }, DeletionPolicy: 'Delete' });
    expect(only(template, 'AWS::DynamoDB::Table', 'SenderJournal')).toMatchObject({ Properties: { SSESpecification: { KMSMasterKeyId: KEY } }, DeletionPolicy: 'Delete' });
    expect(only(template, 'AWS::KinesisFirehose::DeliveryStream', 'SenderOutcomes')).toMatchObject({
      Properties: { DeliveryStreamEncryptionConfigurationInput: { KeyARN: KEY } }, DeletionPolicy: 'Delete',
    });
  });

  test.each(['Text', 'Resume', 'Chunk'])('may be used by the function %s for what it reads and writes', (id) => {
    expect(keyActions(id)).toEqual(['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*']);
  });

  test('may be used to read only by the functions that publish and tell the books', () => {
    expect(keyActions('OutcomesBooks')).toEqual(['kms:Decrypt', 'kms:DescribeKey']);
    expect(keyActions('OutcomesPublisher')).toContain('kms:Decrypt');
  });
});
