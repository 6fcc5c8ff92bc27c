import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as events from 'aws-cdk-lib/aws-events';
import { IWebhookAccess, LineCredentials, LineUnsubscribe, SubscriberTable, WebhookAccess } from '../../src';
import { BoundCredentials } from '../../src/line/bound-credentials';
import { LineWebhook, LineWebhookProps } from '../../src/line/line-webhook';
import { ChannelResources } from '../../src/shared/channel-resources';
import { environmentOf, messageOf, only, resources, statementsOf, testStack } from '../support/template';

function webhookIn(stack: Stack, props: Partial<LineWebhookProps> = {}): LineWebhook {
  return new LineWebhook(stack, 'Webhook', {
    access: WebhookAccess.none(),
    credentials: new BoundCredentials(stack, LineCredentials.generated(), {}),
    subscribers: new SubscriberTable(stack, 'Subscribers'),
    bus: new events.EventBus(stack, 'Bus'),
    unsubscribe: LineUnsubscribe.OPT_OUT,
    includeMessageText: false,
    profilePicture: false,
    lineEnvironment: {},
    resources: new ChannelResources(stack, { channelKey: 'line', channelName: 'Stack-Line' }),
    ...props,
  });
}

function templateWith(props?: Partial<LineWebhookProps>): Template {
  const stack = testStack();
  webhookIn(stack, props);
  return Template.fromStack(stack);
}

const SECRET = { Ref: expect.stringMatching(/^Secret/) };
const TABLE = { Ref: expect.stringMatching(/^Subscribers/) };
const CHANNEL = { LINE_CHANNEL_KEY: 'line', LINE_CHANNEL_NAME: 'Stack-Line' };

const READ_SECRET = { actions: ['secretsmanager:GetSecretValue'], resources: [expect.stringMatching(/^<Secret\w+>$/)] };
const UPSERT = { actions: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], resources: [expect.stringMatching(/^<Subscribers\w+\.Arn>$/)] };
const DELETE_TAGS = {
  actions: ['dynamodb:DeleteItem'],
  resources: UPSERT.resources,
  conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['TAG#*'] } },
};

function send(queue: string) {
  return { actions: ['sqs:SendMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'], resources: [expect.stringMatching(new RegExp(`^<${queue}\\w+\\.Arn>$`))] };
}

function consume(queue: string) {
  return {
    actions: ['sqs:ReceiveMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueUrl', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
    resources: [expect.stringMatching(new RegExp(`^<${queue}\\w+\\.Arn>$`))],
  };
}

function writeLogs(group: string) {
  return { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [expect.stringMatching(new RegExp(`^<${group}\\w+\\.Arn>$`))] };
}

describe('the receiver', () => {
  test('knows the secret and the queue, and neither table nor LINE', () => {
    const template = templateWith({ lineEnvironment: { LINE_API_BASE_URL: 'https://proxy.example.com' } });
    expect(environmentOf(template, 'WebhookReceiver')).toEqual({
      ...CHANNEL, LINE_SECRET_ARN: SECRET, LINE_WEBHOOK_QUEUE_URL: { Ref: expect.stringMatching(/^WebhookQueue/) }, LINE_INCLUDE_MESSAGE_TEXT: 'false',
    });
    expect(only(template, 'AWS::Lambda::Function', 'WebhookReceiver').Properties.Timeout).toBe(10);
  });

  test('may read the secret and send to the queue, and nothing else', () => {
    expect(statementsOf(templateWith(), 'WebhookReceiverRole')).toEqual([writeLogs('WebhookReceiverLogs'), READ_SECRET, send('WebhookQueue')]);
  });

  test('lets message text pass when asked to', () => {
    expect(environmentOf(templateWith({ includeMessageText: true }), 'WebhookReceiver').LINE_INCLUDE_MESSAGE_TEXT).toBe('true');
  });
});

describe('the queue of events', () => {
  test('is FIFO with high throughput, hides a message for six times the worker\'s timeout and gives up after five attempts', () => {
    const template = templateWith();
    const { Timeout } = only(template, 'AWS::Lambda::Function', 'WebhookWorker').Properties;
    const [id, queue] = Object.entries(resources(template, 'AWS::SQS::Queue')).find(([name]) => /^WebhookQueue(?!DeadLetters)/.test(name))!;
    expect(queue.Properties).toMatchObject({
      FifoQueue: true,
      DeduplicationScope: 'messageGroup',
      FifoThroughputLimit: 'perMessageGroupId',
      VisibilityTimeout: 6 * Timeout,
      RedrivePolicy: { maxReceiveCount: 5, deadLetterTargetArn: { 'Fn::GetAtt': [expect.stringMatching(/^WebhookQueueDeadLetters/), 'Arn'] } },
    });
    expect(only(template, 'AWS::Lambda::EventSourceMapping', 'WebhookWorker').Properties).toEqual({
      BatchSize: 10,
      EventSourceArn: { 'Fn::GetAtt': [id, 'Arn'] },
      FunctionName: { Ref: expect.stringMatching(/^WebhookWorker/) },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
  });
});

describe('the worker', () => {
  test('knows secret, table, bus and the queue of profiles', () => {
    const template = templateWith({ lineEnvironment: { LINE_API_BASE_URL: 'https://proxy.example.com' } });
    expect(environmentOf(template, 'WebhookWorker')).toEqual({
      ...CHANNEL,
      LINE_SECRET_ARN: SECRET,
      LINE_API_BASE_URL: 'https://proxy.example.com',
      SUBSCRIBER_TABLE_NAME: TABLE,
      LINE_EVENT_BUS_NAME: { Ref: expect.stringMatching(/^Bus/) },
      LINE_PROFILE_QUEUE_URL: { Ref: expect.stringMatching(/^WebhookProfiles/) },
      LINE_PROFILE_PICTURE: 'false',
      LINE_UNSUBSCRIBE: 'OPT_OUT',
    });
  });

  test('may take events, keep subscribers, defer profiles and publish, and nothing else', () => {
    expect(statementsOf(templateWith(), 'WebhookWorkerRole')).toEqual([
      writeLogs('WebhookWorkerLogs'), consume('WebhookQueue'), READ_SECRET, UPSERT, DELETE_TAGS, send('WebhookProfiles'),
      { actions: ['events:PutEvents'], resources: [expect.stringMatching(/^<Bus\w+\.Arn>$/)] },
    ]);
  });

  test('stores pictures and deletes subscribers when asked to', () => {
    expect(environmentOf(templateWith({ profilePicture: true, unsubscribe: LineUnsubscribe.DELETE }), 'WebhookWorker')).toMatchObject({ LINE_PROFILE_PICTURE: 'true', LINE_UNSUBSCRIBE: 'DELETE' });
  });
});

describe('the queue of profiles', () => {
  test('is a standard queue that is tried eight times, five profiles at a time, by two functions at most', () => {
    const template = templateWith();
    const queue = Object.entries(resources(template, 'AWS::SQS::Queue')).find(([name]) => /^WebhookProfiles(?!DeadLetters)/.test(name))![1];
    expect(queue.Properties).not.toHaveProperty('FifoQueue');
    expect(queue.Properties.RedrivePolicy.maxReceiveCount).toBe(8);
    expect(queue.Properties.VisibilityTimeout).toBe(6 * only(template, 'AWS::Lambda::Function', 'WebhookProfile').Properties.Timeout);
    expect(only(template, 'AWS::Lambda::EventSourceMapping', 'WebhookProfile').Properties).toMatchObject({
      BatchSize: 5, FunctionResponseTypes: ['ReportBatchItemFailures'], ScalingConfig: { MaximumConcurrency: 2 },
    });
  });

  test('is read by a function that may touch secret and table, and nothing else', () => {
    const template = templateWith({ profilePicture: true, lineEnvironment: { LINE_API_BASE_URL: 'https://proxy.example.com' } });
    expect(environmentOf(template, 'WebhookProfile')).toEqual({
      ...CHANNEL, LINE_SECRET_ARN: SECRET, LINE_API_BASE_URL: 'https://proxy.example.com', SUBSCRIBER_TABLE_NAME: TABLE, LINE_PROFILE_PICTURE: 'true',
    });
    expect(statementsOf(template, 'WebhookProfileRole')).toEqual([writeLogs('WebhookProfileLogs'), consume('WebhookProfiles'), READ_SECRET, UPSERT]);
  });
});

describe("an access of the user's", () => {
  function answering(webhookUrl?: string): IWebhookAccess {
    return { bind: () => ({ webhookUrl }) };
  }

  test('gets a scope of its own and the receiver', () => {
    const stack = testStack();
    const bind = jest.fn(() => ({ webhookUrl: 'https://line.example.com/hook' }));
    const webhook = webhookIn(stack, { access: { bind } });
    expect(bind).toHaveBeenCalledTimes(1);
    expect(bind).toHaveBeenCalledWith(expect.objectContaining({ node: expect.objectContaining({ id: 'Access' }) }), { handler: webhook.receiver });
    expect(webhook.webhookUrl).toBe('https://line.example.com/hook');
  });

  test('may have no URL, or one of 500 characters', () => {
    expect(webhookIn(testStack(), { access: answering() }).webhookUrl).toBeUndefined();
    const longest = `https://${'h'.repeat(492)}`;
    expect(webhookIn(testStack(), { access: answering(longest) }).webhookUrl).toBe(longest);
  });

  test.each(['http://line.example.com', 'line.example.com', 'https://line.example.com/a b', '', `https://${'h'.repeat(493)}`])('fails for the URL %j', (url) => {
    expect(messageOf((stack) => webhookIn(stack, { access: answering(url) })))
      .toBe(`Stack/Webhook: \`webhookUrl\` must be an https:// URL of at most 500 characters, which is all that LINE posts to, got '${url}'`);
  });
});
