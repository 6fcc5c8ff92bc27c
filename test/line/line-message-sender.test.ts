import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import { LineCredentials, LineMessageType, MediaDelivery, SubscriberTable } from '../../src';
import { RETRY_KEY_HOURS } from '../../src/contract/limits';
import { BoundCredentials } from '../../src/line/bound-credentials';
import { LineMediaLibrary } from '../../src/line/line-media-library';
import { LineMessageSender, LineMessageSenderProps } from '../../src/line/line-message-sender';
import { ChannelResources } from '../../src/shared/channel-resources';
import { environmentOf, only, resources, statementsOf, testStack } from '../support/template';

const { TEXT, IMAGE, AUDIO, VIDEO } = LineMessageType;

function senderIn(stack: Stack, props: Partial<LineMessageSenderProps> = {}): LineMessageSender {
  const channel = new ChannelResources(stack, { channelKey: 'line', channelName: 'Stack-Line' });
  return new LineMessageSender(stack, 'Sender', {
    types: [TEXT, IMAGE, AUDIO, VIDEO],
    credentials: new BoundCredentials(stack, LineCredentials.generated(), {}),
    subscribers: new SubscriberTable(stack, 'Subscribers'),
    media: new LineMediaLibrary(stack, 'Media', {
      types: [IMAGE, AUDIO, VIDEO], buckets: { image: {}, audio: {}, video: {} }, delivery: MediaDelivery.presigned(), resources: channel,
    }),
    sampleMessages: false,
    lineEnvironment: {},
    resources: channel,
    ...props,
  });
}

function templateWith(props?: Partial<LineMessageSenderProps>): Template {
  const stack = testStack();
  senderIn(stack, props);
  return Template.fromStack(stack);
}

const BOTH_KEYS = {
  LINE_CHANNEL_KEY: 'line',
  LINE_CHANNEL_NAME: 'Stack-Line',
  LINE_SECRET_ARN: { Ref: expect.stringMatching(/^Secret/) },
  LINE_SAMPLE_MESSAGES: 'false',
  SEND_JOURNAL_TABLE_NAME: { Ref: expect.stringMatching(/^SenderJournal/) },
  SUBSCRIBER_TABLE_NAME: { Ref: expect.stringMatching(/^Subscribers/) },
};

describe('a send function', () => {
  test.each([['Text', 'text'], ['Image', 'image'], ['Audio', 'audio'], ['Video', 'video']])('for %s knows its type, and its bucket if it has one', (id, type) => {
    expect(environmentOf(templateWith(), `Sender${id}`)).toEqual({
      ...BOTH_KEYS,
      LINE_MESSAGE_TYPE: type,
      ...(type !== 'text' && {
        LINE_MEDIA_BUCKET: { Ref: expect.stringMatching(new RegExp(`^Media${id}Bucket`)) },
        LINE_MEDIA_PREFIX: '',
        LINE_MEDIA_DELIVERY: '{"kind":"presigned","expirySeconds":3600}',
      }),
    });
  });

  test.each(['Text', 'Image', 'Audio', 'Video'])('for %s may use secret, journal, subscribers and its own bucket, and nothing else', (id) => {
    expect(statementsOf(templateWith(), `Sender${id}Role`)).toEqual([
      { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [expect.stringMatching(new RegExp(`^<Sender${id}Logs\\w+\\.Arn>$`))] },
      { actions: ['secretsmanager:GetSecretValue'], resources: [expect.stringMatching(/^<Secret\w+>$/)] },
      { actions: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], resources: [expect.stringMatching(/^<SenderJournal\w+\.Arn>$/)] },
      { actions: ['dynamodb:BatchGetItem'], resources: [expect.stringMatching(/^<Subscribers\w+\.Arn>$/)] },
      ...(id === 'Text' ? [] : [
        { actions: ['s3:GetObject', 's3:GetObjectVersion'], resources: [expect.stringMatching(new RegExp(`^<Media${id}Bucket\\w+\\.Arn>/\\*$`))] },
        { actions: ['s3:ListBucket'], resources: [expect.stringMatching(new RegExp(`^<Media${id}Bucket\\w+\\.Arn>$`))] },
      ]),
      { actions: ['sqs:SendMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'], resources: [expect.stringMatching(/^<SenderFailures\w+\.Arn>$/)] },
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
    for (const { Properties } of Object.values(resources(templateWith(), 'AWS::Lambda::Function'))) {
      expect(Properties.Timeout).toBe(15);
    }
  });

  test('runs the same bundle for every type', () => {
    const code = Object.values(resources(templateWith(), 'AWS::Lambda::Function')).map(({ Properties }) => JSON.stringify(Properties.Code));
    expect(code).toHaveLength(4);
    expect(new Set(code).size).toBe(1);
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
});

describe('the journal', () => {
  test('is recoverable, forgets by time to live, and is retained', () => {
    expect(only(templateWith(), 'AWS::DynamoDB::Table', 'SenderJournal')).toMatchObject({
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }, { AttributeName: 'sk', KeyType: 'RANGE' }],
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      },
      DeletionPolicy: 'Retain',
    });
  });
});

describe('the queue of failures', () => {
  test('keeps events for 14 days and has an alarm that leads to the runbook', () => {
    const template = templateWith();
    expect(only(template, 'AWS::SQS::Queue', 'SenderFailures').Properties).toEqual({ MessageRetentionPeriod: 14 * 24 * 3600, SqsManagedSseEnabled: true });
    expect(only(template, 'AWS::CloudWatch::Alarm', 'SenderFailures').Properties.AlarmDescription).toMatch(/^Campaign events .*#campaign-events-not-decided$/);
  });
});

test('whoever may invoke gets every send function', () => {
  const stack = testStack();
  senderIn(stack, { types: [TEXT, AUDIO] }).grantInvoke(new iam.Role(stack, 'Campaigns', { assumedBy: new iam.AccountRootPrincipal() }));
  expect(statementsOf(Template.fromStack(stack), 'Campaigns')).toEqual(['Text', 'Audio'].map((id) => ({
    actions: ['lambda:InvokeFunction'], resources: [expect.stringMatching(new RegExp(`^<Sender${id}\\w+\\.Arn>$`)), expect.stringMatching(new RegExp(`^<Sender${id}\\w+\\.Arn>:\\*$`))],
  })));
});
