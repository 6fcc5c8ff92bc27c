import { App, CfnParameter, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import {
  Audience, LineChannel, LineChannelProps, LineCredentials, LineMessageType, LineUnsubscribe, LowQuota, MediaDelivery, SubscriberTable,
  UnknownOutcome, WebhookAccess,
} from '../../src';
import { METRIC_DIMENSION, METRIC_NAMESPACE, Metric } from '../../src/contract/metrics';
import { annotations, environmentOf, messageOf, only, rendered, resources, statementsOf, templateOf, testStack } from '../support/template';

const { TEXT, IMAGE, AUDIO, VIDEO, TEXT_V2, STICKER, LOCATION, IMAGEMAP, TEMPLATE, FLEX, COUPON, ANY } = LineMessageType;
const SUBSCRIBERS = { tableArn: 'arn:aws:dynamodb:us-east-1:123456789012:table/Subscribers', tableStreamArn: 'arn:aws:dynamodb:us-east-1:123456789012:table/Subscribers/stream/1' };
/** Types of a channel that names none, and the ids of their functions. */
const SENDERS: [LineMessageType, string][] = [[TEXT, 'Text'], [IMAGE, 'Image'], [AUDIO, 'Audio'], [VIDEO, 'Video']];

function templateWith(props: (stack: Stack) => LineChannelProps = () => ({})): Template {
  return templateOf((stack) => new LineChannel(stack, 'Line', props(stack)));
}

/** How many resources of each type. */
function counts(template: Template): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { Type } of Object.values(resources(template))) {
    found[Type] = (found[Type] ?? 0) + 1;
  }
  return found;
}

/** Values of an environment variable in all functions that have it. */
function valuesOf(template: Template, variable: string): any[] {
  return Object.values(resources(template, 'AWS::Lambda::Function')).map(({ Properties }) => Properties.Environment?.Variables[variable]).filter((value) => value !== undefined);
}

describe('a channel with no props', () => {
  test('is complete', () => {
    expect(counts(templateWith())).toEqual({
      'AWS::ApiGateway::Deployment': 1,
      'AWS::ApiGateway::Method': 1,
      'AWS::ApiGateway::Resource': 1,
      'AWS::ApiGateway::RestApi': 1,
      'AWS::ApiGateway::Stage': 1,
      'AWS::CloudFront::CachePolicy': 1,
      'AWS::CloudFront::Distribution': 1,
      'AWS::CloudFront::Function': 1,
      'AWS::CloudFront::OriginAccessControl': 1,
      'AWS::CloudWatch::Alarm': 9,
      'AWS::DynamoDB::Table': 2,
      'AWS::Events::EventBus': 1,
      'AWS::IAM::Policy': 12,
      'AWS::IAM::Role': 12,
      'AWS::Lambda::EventInvokeConfig': 4,
      'AWS::Lambda::EventSourceMapping': 4,
      'AWS::Lambda::Function': 12,
      'AWS::Lambda::Permission': 1,
      'AWS::Logs::LogGroup': 12,
      'AWS::S3::Bucket': 4,
      'AWS::S3::BucketPolicy': 4,
      'AWS::SQS::Queue': 8,
      'AWS::SQS::QueuePolicy': 8,
      'AWS::SecretsManager::Secret': 1,
    });
  });

  test('warns of nothing and has no error', () => {
    const stack = testStack();
    new LineChannel(stack, 'Line');
    Template.fromStack(stack);
    expect([annotations(stack, 'Warning'), annotations(stack, 'Error')]).toEqual([[], []]);
  });

  test('gives no role a permission on everything, but to list streams, which knows no resource, and none through a managed policy', () => {
    const template = templateWith();
    const statements = Object.values(resources(template, 'AWS::IAM::Policy')).flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
    expect(statements.filter(({ Resource }) => [Resource].flat().includes('*'))).toEqual([{ Effect: 'Allow', Action: 'dynamodb:ListStreams', Resource: '*' }]);
    expect(statements.flatMap(({ Action }) => Action).filter((action: string) => action.endsWith('*'))).toEqual([]);
    for (const { Properties } of Object.values(resources(template, 'AWS::IAM::Role'))) {
      expect(Object.keys(Properties)).toEqual(['AssumeRolePolicyDocument']);
    }
  });

  test('makes the secret, the webhook and the set-up known to the operator', () => {
    const template = templateWith();
    const outputs = Object.values(template.findOutputs('*')).map(({ Description, Value }) => [Description, rendered(Value)]);
    expect(outputs).toEqual([
      ['Fill in channelId and channelSecret here', expect.stringMatching(/^<LineSecret\w+>$/)],
      ['Run this when the secret is filled in', expect.stringMatching(/^aws lambda invoke --function-name <LineSetUp\w+> --region <AWS::Region> \/dev\/stdout$/)],
      ['LINE posts its webhooks here; the set-up function registers it', expect.stringMatching(/^https:\/\/<LineWebhookAccessApi\w+>\.execute-api\..*\/webhook$/)],
    ]);
  });

  test('holds no secret in plain text: the template knows its ARN only', () => {
    for (const value of valuesOf(templateWith(), 'LINE_SECRET_ARN')) {
      expect(value).toEqual({ Ref: expect.stringMatching(/^LineSecret/) });
    }
  });
});

describe('public members', () => {
  test('are the parts of the channel', () => {
    const stack = testStack();
    const channel = new LineChannel(stack, 'Line');
    Template.fromStack(stack);
    const name = (token: string | undefined) => rendered(stack.resolve(token));
    expect(name(channel.webhookUrl)).toMatch(/^https:.*\/webhook$/);
    expect(name(channel.secret.secretArn)).toMatch(/^<LineSecret\w+>$/);
    expect(name(channel.eventBus.eventBusName)).toMatch(/^<LineBus\w+>$/);
    expect(name(channel.subscribers.table.tableName)).toMatch(/^<LineSubscribers\w+>$/);
    expect(name(channel.imageBucket!.bucketName)).toMatch(/^<LineMediaImageBucket\w+>$/);
    expect(name(channel.audioBucket!.bucketName)).toMatch(/^<LineMediaAudioBucket\w+>$/);
    expect(name(channel.videoBucket!.bucketName)).toMatch(/^<LineMediaVideoBucket\w+>$/);
    expect(name(channel.webhookFunction.functionName)).toMatch(/^<LineWebhookReceiver\w+>$/);
    expect(name(channel.workerFunction.functionName)).toMatch(/^<LineWebhookWorker\w+>$/);
    expect(name(channel.setUpFunction.functionName)).toMatch(/^<LineSetUp\w+>$/);
    expect(name(channel.queue.queueUrl)).toMatch(/^<LineWebhookQueue(?!DeadLetters)\w+>$/);
    expect(name(channel.deadLetterQueue.queueUrl)).toMatch(/^<LineWebhookQueueDeadLetters\w+>$/);
    expect(name(channel.sendFailureQueue.queueUrl)).toMatch(/^<LineSenderFailures\w+>$/);
    expect(name(channel.retryDeadLetterQueue.queueUrl)).toMatch(/^<LineSenderRetryDeadLetters\w+>$/);
    expect(name(channel.templateBucket.bucketName)).toMatch(/^<LineSenderContent\w+>$/);
    expect(name(channel.sendJournal.tableName)).toMatch(/^<LineSenderJournal\w+>$/);
    expect(name(channel.sendBooksFunction.functionName)).toMatch(/^<LineSenderOutcomesBooks\w+>$/);
    expect(channel.engagementBucket).toBeUndefined();
    expect(channel.channelName).toMatch(/^Stack-Line-[0-9A-F]{8}$/);
  });

  test('list every alarm, those of audiences added later among them', () => {
    const stack = testStack();
    const channel = new LineChannel(stack, 'Line');
    channel.addAudience('Crm', Audience.lambda(lambda.Function.fromFunctionAttributes(stack, 'Crm', {
      functionArn: 'arn:aws:lambda:us-east-1:123456789012:function:crm', role: iam.Role.fromRoleArn(stack, 'Role', 'arn:aws:iam::123456789012:role/crm'), sameEnvironment: true,
    })));
    expect(Object.keys(resources(Template.fromStack(stack), 'AWS::CloudWatch::Alarm')).sort())
      .toEqual(channel.alarms.map(({ alarmArn }) => stack.resolve(alarmArn)['Fn::GetAtt'][0]).sort());
    expect(channel.alarms).toHaveLength(11);
  });
});

describe('sendFunction', () => {
  test.each(SENDERS)('finds the function of %s', (type, id) => {
    const stack = testStack();
    const channel = new LineChannel(stack, 'Line');
    expect(rendered(stack.resolve(channel.sendFunction(type).functionName))).toMatch(new RegExp(`^<LineSender${id}\\w+>$`));
  });

  test.each<[LineMessageType, string]>([
    ...SENDERS, [TEXT_V2, 'TextV2'], [STICKER, 'Sticker'], [LOCATION, 'Location'], [IMAGEMAP, 'Imagemap'], [TEMPLATE, 'Template'], [FLEX, 'Flex'],
    [COUPON, 'Coupon'], [ANY, 'Any'],
  ])('finds the function of %s when the channel has that type alone', (type, id) => {
    const stack = testStack();
    const channel = new LineChannel(stack, 'Line', { messageTypes: [type] });
    expect(rendered(stack.resolve(channel.sendFunction(type).functionName))).toMatch(new RegExp(`^<LineSender${id}[0-9A-F]{8}>$`));
  });

  test('fails for a type that the channel has not, with the prop to set', () => {
    expect(messageOf((stack) => { new LineChannel(stack, 'Line', { messageTypes: [TEXT] }).sendFunction(VIDEO); }))
      .toBe("Stack/Line: the channel has no send function for 'video': add it to `messageTypes`, or to `sendFunctions` of an imported channel");
  });
});

describe('grants', () => {
  test('grantSend lets somebody invoke the send functions, and no other', () => {
    const stack = testStack();
    new LineChannel(stack, 'Line').grantSend(new iam.Role(stack, 'Campaigns', { assumedBy: new iam.AccountRootPrincipal() }));
    expect(statementsOf(Template.fromStack(stack), 'Campaigns')).toEqual(SENDERS.map(([, id]) => ({
      actions: ['lambda:InvokeFunction'],
      resources: [expect.stringMatching(new RegExp(`^<LineSender${id}\\w+\\.Arn>$`)), expect.stringMatching(new RegExp(`^<LineSender${id}\\w+\\.Arn>:\\*$`))],
    })));
  });

  test('grantUploadMedia lets somebody upload, and neither read nor delete', () => {
    const stack = testStack();
    new LineChannel(stack, 'Line').grantUploadMedia(new iam.Role(stack, 'Editors', { assumedBy: new iam.AccountRootPrincipal() }));
    expect(statementsOf(Template.fromStack(stack), 'Editors')).toEqual(['Image', 'Audio', 'Video'].map((type) => ({
      actions: ['s3:PutObject', 's3:AbortMultipartUpload'], resources: [expect.stringMatching(new RegExp(`^<LineMedia${type}Bucket\\w+\\.Arn>/\\*$`))],
    })));
  });

  test('grantUploadTemplates lets somebody upload templates, and neither read nor delete', () => {
    const stack = testStack();
    new LineChannel(stack, 'Line', { messageTypes: [TEXT] }).grantUploadTemplates(new iam.Role(stack, 'Editors', { assumedBy: new iam.AccountRootPrincipal() }));
    expect(statementsOf(Template.fromStack(stack), 'Editors')).toEqual([
      { actions: ['s3:PutObject', 's3:AbortMultipartUpload'], resources: [expect.stringMatching(/^<LineSenderContent\w+\.Arn>\/templates\/\*$/)] },
    ]);
  });

  test('grantUploadMedia fails for a channel without media, with the prop to set', () => {
    expect(messageOf((stack) => {
      new LineChannel(stack, 'Line', { messageTypes: [TEXT] }).grantUploadMedia(new iam.Role(stack, 'Editors', { assumedBy: new iam.AccountRootPrincipal() }));
    })).toBe('Stack/Line: the channel has no media bucket to upload to: add image, audio or video to `messageTypes`');
  });
});

describe('onEvent', () => {
  test('routes the types asked for to the target', () => {
    const stack = testStack();
    const rule = new LineChannel(stack, 'Line').onEvent('Orders', { types: ['postback', 'a type of next year'], target: new targets.SqsQueue(new sqs.Queue(stack, 'Queue')) });
    expect(rule).toBeInstanceOf(events.Rule);
    expect(only(Template.fromStack(stack), 'AWS::Events::Rule', 'LineOrders').Properties).toEqual({
      EventBusName: { Ref: expect.stringMatching(/^LineBus/) },
      EventPattern: { 'source': ['line.webhook'], 'detail-type': ['postback', 'a type of next year'] },
      State: 'ENABLED',
      Targets: [{ Arn: { 'Fn::GetAtt': [expect.stringMatching(/^Queue/), 'Arn'] }, Id: 'Target0' }],
    });
  });

  test('routes every event without types, and takes targets later', () => {
    const stack = testStack();
    new LineChannel(stack, 'Line').onEvent('All').addTarget(new targets.SqsQueue(new sqs.Queue(stack, 'Queue')));
    expect(only(Template.fromStack(stack), 'AWS::Events::Rule', 'LineAll').Properties).toMatchObject({ EventPattern: { source: ['line.webhook'] }, Targets: [expect.anything()] });
  });

  test('fails for an empty list of types', () => {
    expect(messageOf((stack) => { new LineChannel(stack, 'Line').onEvent('None', { types: [] }); }))
      .toBe("Stack/Line: `types` must name at least one of LINE's event types, got []: leave it out for every event");
  });
});

describe('messageTypes', () => {
  test.each<[LineMessageType[], string[]]>([
    [[TEXT], []], [[IMAGE], ['Image']], [[VIDEO, AUDIO], ['Audio', 'Video']],
    [[TEXT_V2, STICKER, LOCATION, COUPON], []], [[TEMPLATE], ['Image']], [[IMAGEMAP], ['Image', 'Video']], [[FLEX], ['Image', 'Video']],
    [[ANY], ['Image', 'Audio', 'Video']], [Object.values(LineMessageType), ['Image', 'Audio', 'Video']],
  ])('%j makes their functions and buckets, and no other', (messageTypes, buckets) => {
    const template = templateWith(() => ({ messageTypes }));
    // The private function that sends chunks is told by the content.
    expect(valuesOf(template, 'LINE_MESSAGE_TYPE').sort()).toEqual([...messageTypes, ANY].sort());
    expect(Object.keys(resources(template, 'AWS::S3::Bucket')).filter((id) => id.startsWith('LineMedia')))
      .toEqual(buckets.map((type) => expect.stringMatching(new RegExp(`^LineMedia${type}Bucket`))));
    const places = buckets.length === 0 ? [] : Array(messageTypes.length + 1).fill(Object.fromEntries(
      buckets.map((type) => [type.toLowerCase(), { bucket: expect.stringMatching(new RegExp(`^<LineMedia${type}Bucket\\w+>$`)), prefix: '' }])));
    expect(valuesOf(template, 'LINE_MEDIA_PLACES').map((value) => JSON.parse(rendered(value)))).toEqual(places);
    template.resourceCountIs('AWS::CloudFront::Distribution', buckets.length > 0 ? 1 : 0);
  });

  test('in any order make one template', () => {
    expect(templateWith(() => ({ messageTypes: [VIDEO, TEXT, IMAGE, AUDIO] })).toJSON()).toEqual(templateWith().toJSON());
  });

  test.each<[LineMessageType[], string]>([
    [[], '`messageTypes` must name at least one message type, got []: leave it out for text, image, audio and video'],
    [[TEXT, IMAGE, TEXT], '`messageTypes` must name each type once, got [text, image, text]'],
    [['note' as LineMessageType], `\`messageTypes\` must be of ${Object.values(LineMessageType).join(', ')}, got [note]`],
  ])('fails for %j', (messageTypes, message) => {
    expect(messageOf((stack) => new LineChannel(stack, 'Line', { messageTypes }))).toBe(`Stack/Line: ${message}`);
  });
});

describe('the other props', () => {
  test('credentials: a given secret is used by every function that calls LINE', () => {
    const arn = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:line-AbCdEf';
    const template = templateWith((stack) => ({ credentials: LineCredentials.fromSecret(secretsmanager.Secret.fromSecretCompleteArn(stack, 'Given', arn), { channelIdField: 'id' }) }));
    template.resourceCountIs('AWS::SecretsManager::Secret', 0);
    expect(valuesOf(template, 'LINE_SECRET_ARN')).toEqual(Array(10).fill(arn));
    expect(valuesOf(template, 'LINE_SECRET_FIELDS')).toEqual(Array(10).fill('{"channelId":"id"}'));
  });

  test('webhookAccess: another way in, or none', () => {
    templateWith(() => ({ webhookAccess: WebhookAccess.httpApi() })).resourceCountIs('AWS::ApiGatewayV2::Api', 1);
    const none = templateWith(() => ({ webhookAccess: WebhookAccess.none() }));
    none.resourceCountIs('AWS::ApiGateway::RestApi', 0);
    none.resourceCountIs('AWS::Lambda::Permission', 0);
    expect(valuesOf(none, 'LINE_WEBHOOK_URL')).toEqual([]);
    expect(Object.keys(none.findOutputs('*')).filter((id) => id.includes('Webhook'))).toEqual([]);
  });

  test('mediaDelivery: pre-signed links', () => {
    const template = templateWith(() => ({ mediaDelivery: MediaDelivery.presigned({ expiry: Duration.hours(2) }) }));
    template.resourceCountIs('AWS::CloudFront::Distribution', 0);
    expect(valuesOf(template, 'LINE_MEDIA_DELIVERY')).toEqual(Array(5).fill('{"kind":"presigned","expirySeconds":7200}'));
  });

  test.each<[string, string, 'imageBucket' | 'audioBucket' | 'videoBucket']>([
    ['imageBucketName', 'Image', 'imageBucket'], ['audioBucketName', 'Audio', 'audioBucket'], ['videoBucketName', 'Video', 'videoBucket'],
  ])('%s names the bucket that is made, %s; and a bucket may be given instead', (nameProp, id, bucketProp) => {
    expect(only(templateWith(() => ({ [nameProp]: 'my-bucket' })), 'AWS::S3::Bucket', `LineMedia${id}Bucket`).Properties.BucketName).toBe('my-bucket');

    const stack = testStack();
    const given = new s3.Bucket(stack, 'Given', { versioned: true });
    const channel = new LineChannel(stack, 'Line', { [bucketProp]: given });
    expect(channel[bucketProp]).toBe(given);
    const { LINE_MEDIA_PLACES: places } = environmentOf(Template.fromStack(stack), `LineSender${id}`);
    expect(JSON.parse(rendered(places))[id.toLowerCase()]).toEqual({ bucket: rendered(stack.resolve(given.bucketName)), prefix: '' });
  });

  test.each(['image', 'audio', 'video'])('%sBucket together with its name fails', (type) => {
    expect(messageOf((stack) => new LineChannel(stack, 'Line', { [`${type}Bucket`]: new s3.Bucket(stack, 'Given'), [`${type}BucketName`]: 'my-bucket' })))
      .toContain(`Stack/Line/Media: \`${type}Bucket\` and \`${type}BucketName\` cannot both be given, got the bucket Stack/Given and the name 'my-bucket'`);
  });

  test('sampleMessages: off by default, on they reach functions and buckets', () => {
    expect(valuesOf(templateWith(), 'LINE_SAMPLE_MESSAGES')).toEqual(Array(5).fill('false'));
    templateWith().resourceCountIs('Custom::LineSampleMedia', 0);
    const template = templateWith(() => ({ sampleMessages: true }));
    expect(valuesOf(template, 'LINE_SAMPLE_MESSAGES')).toEqual(Array(5).fill('true'));
    template.resourceCountIs('Custom::LineSampleMedia', 1);
    templateWith(() => ({ sampleMessages: true, messageTypes: [TEXT] })).resourceCountIs('Custom::LineSampleMedia', 0);
  });

  test.each<[LineChannelProps, string, string, string]>([
    [{ unsubscribe: LineUnsubscribe.DELETE }, 'LINE_UNSUBSCRIBE', 'OPT_OUT', 'DELETE'],
    [{ storeProfilePicture: true }, 'LINE_PROFILE_PICTURE', 'false', 'true'],
    [{ includeMessageText: true }, 'LINE_INCLUDE_MESSAGE_TEXT', 'false', 'true'],
  ])('%j sets %s from %s to %s', (props, variable, before, after) => {
    expect(new Set(valuesOf(templateWith(), variable))).toEqual(new Set([before]));
    expect(new Set(valuesOf(templateWith(() => props), variable))).toEqual(new Set([after]));
  });

  test('subscribers: a given table is used under the key', () => {
    const template = templateWith((stack) => ({ subscribers: SubscriberTable.fromSubscriberTableAttributes(stack, 'Given', SUBSCRIBERS), channelKey: 'shop' }));
    expect(Object.keys(resources(template, 'AWS::DynamoDB::Table'))).toEqual([expect.stringMatching(/^LineSenderJournal/)]);
    expect(new Set(valuesOf(template, 'SUBSCRIBER_TABLE_NAME'))).toEqual(new Set(['Subscribers']));
    expect(valuesOf(template, 'LINE_CHANNEL_KEY')).toEqual(Array(12).fill('shop'));
  });

  test('subscribers without a key fail', () => {
    expect(messageOf((stack) => new LineChannel(stack, 'Line', { subscribers: new SubscriberTable(stack, 'Given') })))
      .toBe("Stack/Line: `channelKey` is required when `subscribers` is given, because LINE user ids are equal for all channels of a provider: give each channel of the table a key of its own, such as 'shop'");
  });

  test('channelKey: `line` in an own table, whatever the path', () => {
    expect(new Set(valuesOf(templateWith(), 'LINE_CHANNEL_KEY'))).toEqual(new Set(['line']));
    expect(new Set(valuesOf(templateWith(() => ({ channelKey: 'x-1' })), 'LINE_CHANNEL_KEY'))).toEqual(new Set(['x-1']));
  });

  test.each(['', 'Shop', 'shop_1', '-shop', 'shop#1', 's'.repeat(33)])('channelKey fails for %j', (channelKey) => {
    expect(messageOf((stack) => new LineChannel(stack, 'Line', { channelKey })))
      .toBe(`Stack/Line: \`channelKey\` must be at most 32 lower case letters, digits and hyphens, got '${channelKey}'`);
  });

  test('channelKey fails for a parameter: it is part of keys and of a filter', () => {
    expect(messageOf((stack) => new LineChannel(stack, 'Line', { channelKey: new CfnParameter(stack, 'Key').valueAsString })))
      .toBe("Stack/Line: `channelKey` must be known at synth, got a token: it is part of every subscriber's key and of a stream filter");
  });

  test('credentials that do not work ring an alarm', () => {
    expect(only(templateWith(), 'AWS::CloudWatch::Alarm', 'LineCredentialsAlarm').Properties).toMatchObject({
      AlarmDescription: expect.stringMatching(/#credentials-unavailable$/),
      Dimensions: [{ Name: 'Channel', Value: expect.stringMatching(/^Stack-Line-/) }],
      MetricName: 'CredentialsUnavailable',
      Namespace: 'LinePinpoint',
      Statistic: 'Sum',
      Threshold: 1,
      TreatMissingData: 'notBreaching',
    });
  });

  test.each<[string, LineMessageType[], MediaDelivery, number]>([
    ['imagemaps and pre-signed links', [LineMessageType.IMAGEMAP], MediaDelivery.presigned(), 1],
    ['imagemaps and CloudFront', [LineMessageType.IMAGEMAP], MediaDelivery.cloudFront(), 0],
    ['images and pre-signed links', [LineMessageType.IMAGE], MediaDelivery.presigned(), 0],
  ])('%s are warned of as often as they do not go together', (_case, messageTypes, mediaDelivery, times) => {
    const stack = testStack();
    new LineChannel(stack, 'Line', { messageTypes, mediaDelivery });
    expect(annotations(stack, 'Warning')).toEqual(Array(times).fill(
      expect.stringMatching(/^`messageTypes` has IMAGEMAP, but.*MediaDelivery\.presigned\(\).*\[ack: cdk-line-pinpoint:presignedImagemap\]$/)));
  });

  test('alarmActions reach every alarm', () => {
    const stack = testStack();
    const topic = new sns.Topic(stack, 'Topic');
    new LineChannel(stack, 'Line', { alarmActions: [new SnsAction(topic)] });
    const alarms = Object.values(resources(Template.fromStack(stack), 'AWS::CloudWatch::Alarm'));
    expect(alarms.map(({ Properties }) => Properties.AlarmActions)).toEqual(Array(9).fill([stack.resolve(topic.topicArn)]));
  });

  test('apiBaseUrl reaches every function that calls LINE, and a parameter may be one', () => {
    expect(valuesOf(templateWith(), 'LINE_API_BASE_URL')).toEqual([]);
    expect(valuesOf(templateWith(() => ({ apiBaseUrl: 'https://proxy.example.com' })), 'LINE_API_BASE_URL')).toEqual(Array(9).fill('https://proxy.example.com'));
    expect(valuesOf(templateWith((stack) => ({ apiBaseUrl: new CfnParameter(stack, 'Url').valueAsString })), 'LINE_API_BASE_URL')).toEqual(Array(9).fill({ Ref: 'Url' }));
  });

  test('apiBaseUrl fails without TLS', () => {
    expect(messageOf((stack) => new LineChannel(stack, 'Line', { apiBaseUrl: 'http://proxy.example.com' })))
      .toBe("Stack/Line: `apiBaseUrl` must begin with https:// (http:// is allowed to a loopback address only, because the request carries the access token), got 'http://proxy.example.com'");
  });

  test('sending: reaches the functions, and brings its bucket', () => {
    const stack = testStack();
    const channel = new LineChannel(stack, 'Line', {
      sending: { pushesPerSecond: 10, onLowQuota: LowQuota.SEND, onUnknownOutcome: UnknownOutcome.RESEND, engagementEvents: true },
    });
    const template = Template.fromStack(stack);
    // Four send functions, the one that goes on and the one that sends chunks.
    expect(valuesOf(template, 'LINE_SENDING').map((value) => JSON.parse(value))).toEqual(Array(6).fill({
      multicastsPerSecond: 180, pushesPerSecond: 10, onLowQuota: 'SEND', onUnknownOutcome: 'RESEND', perPersonClaim: false,
    }));
    expect(rendered(stack.resolve(channel.engagementBucket!.bucketName))).toMatch(/^<LineSenderOutcomesEngagementBucket\w+>$/);
    expect(valuesOf(template, 'LINE_ENGAGEMENT_STREAM')).toHaveLength(1);
  });

  test('sending: given buckets are the channel\'s', () => {
    const stack = testStack();
    const [templateBucket, engagementBucket] = ['templates', 'lake'].map((name) => s3.Bucket.fromBucketName(stack, name, name));
    const channel = new LineChannel(stack, 'Line', { sending: { templateBucket, engagementEvents: true, engagementBucket } });
    expect([channel.templateBucket, channel.engagementBucket]).toEqual([templateBucket, engagementBucket]);
    expect(valuesOf(Template.fromStack(stack), 'LINE_TEMPLATE_BUCKET')).toEqual(Array(5).fill('templates'));
  });

  test('sending: fails for what LINE does not allow', () => {
    expect(messageOf((stack) => new LineChannel(stack, 'Line', { sending: { multicastsPerSecond: 201 } })))
      .toBe('Stack/Line/Sender: `sending.multicastsPerSecond` must be a whole number from 1 to 200, got 201');
  });

  test('functions and media are checked, too', () => {
    expect(messageOf((stack) => new LineChannel(stack, 'Line', { functions: { memorySize: 64 } }))).toContain('`functions.memorySize`');
    expect(messageOf((stack) => new LineChannel(stack, 'Line', { webhookAccess: WebhookAccess.restApi({ throttlingRateLimit: 0 }) }))).toContain('`throttlingRateLimit`');
  });

  test('functions.memorySize may be a parameter', () => {
    const template = templateWith((stack) => ({ functions: { memorySize: new CfnParameter(stack, 'Memory', { type: 'Number' }).valueAsNumber } }));
    expect(Object.values(resources(template, 'AWS::Lambda::Function')).map(({ Properties }) => Properties.MemorySize)).toEqual(Array(12).fill({ Ref: 'Memory' }));
  });

  test('removalPolicy: data is retained and the rest deleted, unless told otherwise', () => {
    const policies = (template: Template) => Object.values(resources(template)).filter(({ DeletionPolicy }) => DeletionPolicy).map(({ Type, DeletionPolicy }) => `${Type} ${DeletionPolicy}`);
    expect([...new Set(policies(templateWith()))].sort()).toEqual([
      'AWS::DynamoDB::Table Retain', 'AWS::Events::EventBus Delete', 'AWS::Logs::LogGroup Delete', 'AWS::S3::Bucket Retain', 'AWS::SQS::Queue Delete', 'AWS::SecretsManager::Secret Retain',
    ]);
    expect(policies(templateWith(() => ({ removalPolicy: RemovalPolicy.DESTROY }))).filter((policy) => !policy.endsWith(' Delete'))).toEqual([]);
  });
});

describe('the set-up function', () => {
  test('knows secret, webhook and table', () => {
    const template = templateWith(() => ({ apiBaseUrl: 'https://proxy.example.com' }));
    expect(environmentOf(template, 'LineSetUp')).toEqual({
      LINE_CHANNEL_KEY: 'line',
      LINE_CHANNEL_NAME: expect.stringMatching(/^Stack-Line-/),
      LINE_SECRET_ARN: { Ref: expect.stringMatching(/^LineSecret/) },
      LINE_API_BASE_URL: 'https://proxy.example.com',
      LINE_WEBHOOK_URL: { 'Fn::Join': expect.anything() },
      SUBSCRIBER_TABLE_NAME: { Ref: expect.stringMatching(/^LineSubscribers/) },
    });
  });

  test('may read the secret and record the bot, and nothing else', () => {
    expect(statementsOf(templateWith(), 'LineSetUpRole')).toEqual([
      { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [expect.stringMatching(/^<LineSetUpLogs\w+\.Arn>$/)] },
      { actions: ['secretsmanager:GetSecretValue'], resources: [expect.stringMatching(/^<LineSecret\w+>$/)] },
      { actions: ['dynamodb:GetItem', 'dynamodb:UpdateItem'], resources: [expect.stringMatching(/^<LineSubscribers\w+\.Arn>$/)], conditions: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['CHANNEL#line'] } } },
    ]);
  });

  test('answers before the AWS CLI calls again', () => {
    expect(only(templateWith(), 'AWS::Lambda::Function', 'LineSetUp').Properties.Timeout).toBeLessThan(60);
  });
});

describe('metrics', () => {
  /** Of runners and imports, whose constructs have the methods. */
  const others = [
    Metric.SUBSCRIBERS_IMPORTED, Metric.IMPORT_ROWS_REJECTED,
    Metric.CAMPAIGNS_STARTED, Metric.CAMPAIGNS_COMPLETED, Metric.CAMPAIGNS_PAUSED, Metric.CAMPAIGNS_FAILED,
  ];
  /** `SignaturesRejected` → `metricSignaturesRejected`. */
  const methods = Object.values(Metric).filter((name) => !others.includes(name)).map((name): [Metric, keyof LineChannel] => [name, `metric${name}` as keyof LineChannel]);

  test.each(methods)('%s has a method of its name', (metricName, method) => {
    const stack = testStack();
    const channel = new LineChannel(stack, 'Line', { messageTypes: [TEXT] });
    const metric = (channel[method] as any)();
    expect(metric).toMatchObject({
      namespace: METRIC_NAMESPACE, metricName, dimensions: { [METRIC_DIMENSION]: channel.channelName }, statistic: 'Sum', period: Duration.minutes(5),
    });
    expect((channel[method] as any)({ statistic: 'Maximum', period: Duration.hours(1) })).toMatchObject({ statistic: 'Maximum', period: Duration.hours(1) });
  });

  test('there is no method for a metric that is not emitted', () => {
    const made = Object.getOwnPropertyNames(Object.getPrototypeOf(LineChannel.prototype)).filter((name) => name.startsWith('metric') && name !== 'metric');
    expect(made.sort()).toEqual(methods.map(([, method]) => method).sort());
  });

  test('have as dimension what the functions emit', () => {
    const stack = testStack();
    const channel = new LineChannel(stack, 'Line');
    expect(valuesOf(Template.fromStack(stack), 'LINE_CHANNEL_NAME')).toEqual(Array(12).fill(channel.channelName));
  });
});

describe('an imported channel', () => {
  const FUNCTION_ARN = 'arn:aws:lambda:us-east-1:123456789012:function:send-text';

  function imported(stack: Stack) {
    return LineChannel.fromLineChannelAttributes(stack, 'Line', {
      eventBus: events.EventBus.fromEventBusName(stack, 'Bus', 'line'),
      sendFunctions: { text: lambda.Function.fromFunctionAttributes(stack, 'Text', { functionArn: FUNCTION_ARN, sameEnvironment: true }) },
      webhookUrl: 'https://line.example.com/webhook',
    });
  }

  test('makes nothing and knows what it was told', () => {
    const stack = testStack();
    const channel = imported(stack);
    expect(resources(Template.fromStack(stack))).toEqual({});
    expect(channel.webhookUrl).toBe('https://line.example.com/webhook');
    expect(channel.sendFunction(TEXT).functionArn).toBe(FUNCTION_ARN);
  });

  test('routes events and grants sending', () => {
    const stack = testStack();
    const channel = imported(stack);
    channel.onEvent('Follows', { types: ['follow'] });
    channel.grantSend(new iam.Role(stack, 'Campaigns', { assumedBy: new iam.AccountRootPrincipal() }));
    const template = Template.fromStack(stack);
    expect(only(template, 'AWS::Events::Rule', 'LineFollows').Properties).toMatchObject({ EventBusName: 'line', EventPattern: { 'source': ['line.webhook'], 'detail-type': ['follow'] } });
    expect(statementsOf(template, 'Campaigns')).toEqual([{ actions: ['lambda:InvokeFunction'], resources: [FUNCTION_ARN, `${FUNCTION_ARN}:*`] }]);
  });

  test.each(Object.values(LineMessageType))('may have a function for %s', (type) => {
    const stack = testStack();
    const send = lambda.Function.fromFunctionArn(stack, 'Send', FUNCTION_ARN);
    const channel = LineChannel.fromLineChannelAttributes(stack, 'Line', {
      eventBus: events.EventBus.fromEventBusName(stack, 'Bus', 'line'), sendFunctions: { [type]: send },
    });
    expect(channel.sendFunction(type)).toBe(send);
    const other = type === ANY ? FLEX : ANY;
    expect(() => channel.sendFunction(other)).toThrow(`no send function for '${other}'`);
  });

  test('may have neither functions nor webhook: sending fails with the attribute to give, and so does a grant of it', () => {
    const stack = testStack();
    const channel = LineChannel.fromLineChannelAttributes(stack, 'Line', { eventBus: events.EventBus.fromEventBusName(stack, 'Bus', 'line') });
    expect(channel.webhookUrl).toBeUndefined();
    expect(() => channel.sendFunction(IMAGE)).toThrow("Stack/Line: the channel has no send function for 'image': add it to `messageTypes`, or to `sendFunctions` of an imported channel");
    expect(() => channel.grantSend(new iam.Role(stack, 'Campaigns', { assumedBy: new iam.AccountRootPrincipal() })))
      .toThrow('Stack/Line: the imported channel has no send functions to grant: give `sendFunctions`');
  });

  test('fails for functions of types that there are not', () => {
    const stack = testStack();
    const eventBus = events.EventBus.fromEventBusName(stack, 'Bus', 'line');
    expect(() => LineChannel.fromLineChannelAttributes(stack, 'Line', { eventBus, sendFunctions: { Text: lambda.Function.fromFunctionName(stack, 'Text', 'text') } }))
      .toThrow('Stack/Line: `sendFunctions` must have keys of text, image, audio, video, textV2, sticker, location, imagemap, template, flex, coupon, any, got Text');
  });
});

describe('what a review by others found', () => {
  test('a rule may lie in the stack of a target that needs the channel, without a circle', () => {
    const app = new App();
    const [stack, other] = [new Stack(app, 'Stack'), new Stack(app, 'Other')];
    const channel = new LineChannel(stack, 'Line', { messageTypes: [LineMessageType.TEXT] });
    const reply = new lambda.Function(other, 'Reply', { runtime: lambda.Runtime.NODEJS_LATEST, handler: 'index.handler', code: lambda.Code.fromInline('code') });
    channel.grantSend(reply);
    channel.onEvent('Messages', { types: ['message'], target: new targets.LambdaFunction(reply), crossStackScope: other });
    Template.fromStack(other).resourceCountIs('AWS::Events::Rule', 1);
  });

  test('fails for a rule or an audience whose id is taken', () => {
    const channel = new LineChannel(testStack(), 'Line');
    expect(() => channel.onEvent('Webhook')).toThrow("Stack/Line: the id 'Webhook' is taken: choose another one for the rule");
    expect(() => channel.addAudience('Publisher', { bind: () => { throw new Error('not reached'); } }))
      .toThrow("Stack/Line/Audiences: the audience id 'Publisher' is taken: choose another one");
  });

  test('fails for two channels under one key of a table, and for a table of another region', () => {
    const stack = testStack();
    const subscribers = new SubscriberTable(stack, 'Subscribers');
    new LineChannel(stack, 'Shop', { subscribers, channelKey: 'shop' });
    expect(() => new LineChannel(stack, 'Second', { subscribers, channelKey: 'shop' })).toThrow("Stack/Second: `channelKey` is 'shop', which another channel of the same subscriber table has already: give each a key of its own");
    const { subscribers: own } = new LineChannel(stack, 'Own');
    expect(() => new LineChannel(stack, 'Third', { subscribers: own, channelKey: 'line' })).toThrow("Stack/Third: `channelKey` is 'line', which another channel");
    const there = new Stack(new App(), 'There', { env: { region: 'us-east-1', account: '123456789012' } });
    const foreign = SubscriberTable.fromSubscriberTableAttributes(there, 'Foreign', { tableArn: 'arn:aws:dynamodb:eu-west-1:123456789012:table/given' });
    expect(() => new LineChannel(there, 'Line', { subscribers: foreign, channelKey: 'shop' }))
      .toThrow("There/Line: `subscribers` must be a table in the channel's region us-east-1, got one in eu-west-1: the functions look for it in their own region");
  });

  test('fails for a removal policy and a key that cannot be used', () => {
    const stack = testStack();
    expect(() => new LineChannel(stack, 'Snapshot', { removalPolicy: RemovalPolicy.SNAPSHOT })).toThrow(/`removalPolicy` must be RETAIN, DESTROY or RETAIN_ON_UPDATE_OR_DELETE, got SNAPSHOT/);
    const encryptionKey = kms.Alias.fromAliasName(stack, 'Alias', 'alias/line');
    expect(() => new LineChannel(stack, 'Alias2', { encryptionKey })).toThrow(/`encryptionKey` must be a key, got an alias \(Stack\/Alias\)/);
  });

  test('keys of a shared bucket do not move when a type is left out or added', () => {
    const stack = testStack();
    const bucket = new s3.Bucket(stack, 'Media', { versioned: true });
    new LineChannel(stack, 'Both', { imageBucket: bucket, videoBucket: bucket });
    new LineChannel(stack, 'Image', { imageBucket: bucket, videoBucket: bucket, messageTypes: [LineMessageType.IMAGE] });
    const template = Template.fromStack(stack);
    for (const name of ['Both', 'Image']) {
      expect(JSON.parse(rendered(environmentOf(template, `${name}SenderImage`).LINE_MEDIA_PLACES)).image).toMatchObject({ prefix: 'image/' });
    }
  });

  test.each<[string, (bucket: s3.IBucket) => LineChannelProps, string]>([
    ['two buckets of one name', () => ({ imageBucketName: 'media', videoBucketName: 'media' }), "`videoBucketName` is 'media', which `imageBucketName` has already"],
    ['the name of a given bucket', (imageBucket) => ({ imageBucket, videoBucketName: 'given' }), "`videoBucketName` is 'given', which `imageBucket` has already"],
    ['bucket and name of a type that the channel does not have', (imageBucket) => ({ imageBucket, imageBucketName: 'x-y-z', messageTypes: [LineMessageType.AUDIO] }), '`imageBucket` and `imageBucketName` cannot both be given'],
  ])('fails for %s', (_name, props, message) => {
    const stack = testStack();
    expect(() => new LineChannel(stack, 'Line', props(s3.Bucket.fromBucketName(stack, 'Given', 'given')))).toThrow(message);
  });
});
