import * as fs from 'fs';
import * as path from 'path';
import { Aspects, Duration, Stack } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { AwsSolutionsChecks, NagSuppressions } from 'cdk-nag';
import { Construct } from 'constructs';
import {
  CampaignChannel, CampaignRunner, FollowerSync, LineChannel, LineMessageType, LinePinpointChannel, LineReply, LineReplyMatch, MediaDelivery,
  RecipientSource, S3SubscriberImport, SubscriberTable, WebhookAccess,
} from '../src';
import { ROOT } from './support/built';
import { RECOMMENDED_FLAGS, testStack } from './support/template';

/**
 * Findings of cdk-nag that stand, and why. A finding that is right is mended in the construct and not listed.
 * Users read the same table in docs/security.md. `*` in a place stands for anything, `<…>` for a logical id.
 */
const ACCEPTED: [finding: string, place: string, reason: string][] = [
  ['AwsSolutions-APIG1', 'Webhook/Access/*',
    'Access logs of a REST API need a role that is set for the whole account, which a library must not do; `accessLogGroup` switches them on.'],
  ['AwsSolutions-APIG2', 'Webhook/Access/Api/Resource',
    'LINE signs the bytes of the body: the receiver checks the signature first and then the form.'],
  ['AwsSolutions-APIG3', 'Webhook/Access/Api/DeploymentStage.prod/Resource',
    'A web ACL costs money each month: `webAclArn` puts one in front.'],
  ['AwsSolutions-APIG4', 'Webhook/Access/Api/*',
    'LINE cannot authenticate to AWS; the receiver refuses whatever LINE did not sign.'],
  ['AwsSolutions-APIG6', 'Webhook/Access/Api/DeploymentStage.prod/Resource',
    'Execution logs need a role that is set for the whole account, and would hold what people wrote.'],
  ['AwsSolutions-CFR1', 'Media/Distribution/Resource',
    'People open their chats wherever they are.'],
  ['AwsSolutions-CFR2', 'Media/Distribution/Resource',
    'The distribution serves files and runs no application that a web ACL could protect.'],
  ['AwsSolutions-CFR3', 'Media/Distribution/Resource',
    'Access logs would keep the IP address of everybody who opens a chat.'],
  ['AwsSolutions-CFR4', 'Media/Distribution/Resource',
    'The certificate of cloudfront.net fixes the TLS version; with `domainName` and `certificate` it is TLS 1.2.'],
  ['AwsSolutions-COG4', 'Webhook/Access/Api/Default/webhook/POST/Resource',
    'LINE cannot authenticate to Amazon Cognito; the receiver refuses whatever LINE did not sign.'],
  ['AwsSolutions-IAM5[Resource::*]', '*Role/DefaultPolicy/Resource',
    'Network interfaces of a VPC cannot be named before they exist; only functions in a VPC have these permissions.'],
  ['AwsSolutions-IAM5[Action::kms:GenerateDataKey*]', '*Role/DefaultPolicy/Resource',
    'The family of actions that encrypting takes, on the one key of `encryptionKey`.'],
  ['AwsSolutions-IAM5[Action::kms:ReEncrypt*]', '*Role/DefaultPolicy/Resource',
    'The family of actions that encrypting takes, on the one key of `encryptionKey`.'],
  ['AwsSolutions-IAM5[Resource::*]', 'Audiences/PublisherRole/DefaultPolicy/Resource',
    'dynamodb:ListStreams knows no resource; every other permission on the stream names it.'],
  ['AwsSolutions-IAM5[Resource::*]', 'Sender/Outcomes/PublisherRole/DefaultPolicy/Resource',
    'dynamodb:ListStreams knows no resource; every other permission on the stream names it.'],
  ['AwsSolutions-IAM5[Resource::<…>/*]', 'Sender/*Role/DefaultPolicy/Resource',
    'Any message may show media of any type: a send function reads all media of its own channel.'],
  ['AwsSolutions-IAM5[Resource::<…>/batches/*]', 'Sender/*Role/DefaultPolicy/Resource',
    'Bodies of batches are written and read under this prefix of the content bucket.'],
  ['AwsSolutions-IAM5[Resource::<…>/templates/*]', 'Sender/*Role/DefaultPolicy/Resource',
    'Content may name any template: a send function reads all of them, and nothing else of the bucket.'],
  ['AwsSolutions-IAM5[Resource::<…>/events/*]', 'Sender/Outcomes/EngagementStreamRole/DefaultPolicy/Resource',
    'Firehose names the files of engagement events itself.'],
  ['AwsSolutions-IAM5[Resource::<…>/errors/*]', 'Sender/Outcomes/EngagementStreamRole/DefaultPolicy/Resource',
    'Firehose names the files of what it could not write itself.'],
  ['AwsSolutions-IAM5[Resource::<…>/endpoints/*]', 'Audiences/Pinpoint/FunctionRole/DefaultPolicy/Resource',
    'Every follower is an endpoint of the one project.'],
  ['AwsSolutions-IAM5[Resource::<…>:*]', 'SampleMedia/ProviderRole/DefaultPolicy/Resource',
    "CDK's provider framework invokes the one function in any version."],
  ['AwsSolutions-IAM5[Resource::<…>/*]', 'Replies/FunctionRole/DefaultPolicy/Resource',
    'Any reply may show media of any type: the function reads all media of its own channel.'],
  ['AwsSolutions-IAM5[Resource::<…>/templates/*]', 'Replies/FunctionRole/DefaultPolicy/Resource',
    'A reply may name any template: the function reads all of them, and nothing else of the bucket.'],
  ['AwsSolutions-IAM5[Resource::<…>:*]', 'Replies/FunctionRole/DefaultPolicy/Resource',
    "CDK lets whoever may invoke a function invoke it in any version; only functions of the user's that reply are invoked."],
  ['AwsSolutions-IAM5[Resource::<…>/runs/*]', 'CampaignRunner/*Role/DefaultPolicy/Resource',
    "Frozen recipients and results of a run are objects under this prefix of the runner's bucket."],
  ['AwsSolutions-IAM5[Resource::<…>/spill/*]', 'CampaignRunner/*Role/DefaultPolicy/Resource',
    'Recipients are sorted by objects under this prefix, which are gone after three days.'],
  ['AwsSolutions-IAM5[Resource::<…>/planned/*]', 'CampaignRunner/*Role/DefaultPolicy/Resource',
    'Inputs of campaigns to come are kept under this prefix, and removed when they are not wanted any more.'],
  ['AwsSolutions-IAM5[Resource::<…>/campaigns/*]', 'CampaignRunner/ControlRole/DefaultPolicy/Resource',
    'Campaigns are dropped as files of any name under this prefix, which the control function reads.'],
  ['AwsSolutions-IAM5[Resource::<…>/rejected/*]', 'CampaignRunner/ControlRole/DefaultPolicy/Resource',
    'The control function writes under this prefix what is wrong with a dropped file.'],
  ['AwsSolutions-IAM5[Resource::<…>:*]', 'CampaignRunner/*Role/DefaultPolicy/Resource',
    "CDK lets whoever may invoke a function invoke it in any version; only the runner's own functions and the channel's are."],
  ['AwsSolutions-IAM5[Resource::arn:<…>:scheduler:<…>:<…>:schedule/<…>/*]', 'CampaignRunner/*Role/DefaultPolicy/Resource',
    "Schedules of the runner's own group are made when campaigns are scheduled."],
  ['AwsSolutions-IAM5[Resource::arn:<…>:states:<…>:<…>:execution:<…>:*]', 'CampaignRunner/*Role/DefaultPolicy/Resource',
    'Executions of the one state machine, each named by its run.'],
  ['AwsSolutions-IAM5[Resource::<…>/imports/*]', '*/Engine/*Role/DefaultPolicy/Resource',
    'Frozen rows and results of an import are objects under this prefix of its bucket.'],
  ['AwsSolutions-IAM5[Resource::<…>/import/*]', 'S3SubscriberImport/Engine/FreezeRole/DefaultPolicy/Resource',
    'Files of any name are dropped under this prefix, which the freezing function reads.'],
  ['AwsSolutions-IAM5[Resource::<…>:*]', '*/Engine/Run/Role/DefaultPolicy/Resource',
    "CDK lets whoever may invoke a function invoke it in any version; only the import's own functions are."],
  ['AwsSolutions-IAM5[Resource::*]', '*Run/Role/DefaultPolicy/Resource',
    'Delivering logs and tracing know no resource; every other permission of a state machine names it.'],
  ['AwsSolutions-IAM5[Resource::arn:<…>:s3:::<…>/*]', '*Run/Role/DefaultPolicy/Resource',
    "CDK lets a map read its list from the whole of the one bucket, since the list's key is known only when it runs."],
  ['AwsSolutions-IAM5[Resource::arn:<…>:states:<…>:<…>:execution:<…>:*]', '*Run/DistributedMapPolicy/Resource',
    'Executions of the one state machine, which Step Functions names itself when a map runs.'],
  ['AwsSolutions-IAM5[Resource::arn:<…>:states:<…>:<…>:execution:<…>/<…>:*]', '*Run/DistributedMapPolicy/Resource',
    'Executions of the maps of the one state machine, which Step Functions names itself.'],
  ['AwsSolutions-S1', 'Media/*Bucket/Resource',
    "Access logs need a bucket of the user's, and CloudFront is the only reader: give buckets that log (`imageBucket` and the like) if you need them."],
  ['AwsSolutions-S1', 'Sender/Content/Resource',
    "Access logs need a bucket of the user's; the channel's own functions are the only readers."],
  ['AwsSolutions-S1', 'Sender/Outcomes/EngagementBucket/Resource',
    "Access logs need a bucket of the user's: give a bucket that logs (`sending.engagementBucket`) if you need them."],
  ['AwsSolutions-S1', 'CampaignRunner/Bucket/Resource',
    "Access logs need a bucket of the user's: give a bucket that logs (`bucket`) if you need them."],
  ['AwsSolutions-S1', 'S3SubscriberImport/Bucket/Resource',
    "Access logs need a bucket of the user's: give a bucket that logs (`bucket`) if you need them."],
  ['AwsSolutions-S1', 'FollowerSync/Bucket/Resource',
    "Access logs need a bucket of the user's; its own functions are the only readers."],
  ['AwsSolutions-SMG4', 'Secret/Resource',
    'LINE gives a new channel secret to the operator in its console only, so that AWS cannot rotate it.'],
  ['AwsSolutions-SQS3', 'Sender/Failures/Resource',
    'It is a dead-letter queue, of asynchronous invocations, and has an alarm.'],
  ['AwsSolutions-SQS3', 'Replies/DeadLetters/Resource',
    'It is a dead-letter queue, of a rule and of asynchronous invocations, and has an alarm.'],
  ['AwsSolutions-SQS3', 'CampaignRunner/Failures/Resource',
    'It is a dead-letter queue, of a rule and of asynchronous invocations, and has an alarm.'],
  ['AwsSolutions-SQS3', 'S3SubscriberImport/Failures/Resource',
    'It is a dead-letter queue, of a rule, and has an alarm.'],
  ['AwsSolutions-SQS3', 'Audiences/PublisherDeadLetters/Resource',
    "It is a dead-letter queue, of the table's stream, and has an alarm."],
  ['AwsSolutions-SQS3', 'Sender/Outcomes/PublisherDeadLetters/Resource',
    "It is a dead-letter queue, of the journal's stream, and has an alarm."],
];

/** Everything that lives beside a channel, under the user's key if there is one. */
function besideChannel(stack: Stack, encryptionKey?: kms.IKey): Construct[] {
  const channel = new LineChannel(stack, 'Line', { encryptionKey });
  return [
    channel,
    new S3SubscriberImport(stack, 'Import', { subscribers: channel.subscribers, encryptionKey }),
    new FollowerSync(stack, 'Followers', { channel, encryptionKey, schedule: events.Schedule.rate(Duration.days(7)) }),
    new CampaignRunner(stack, 'Campaigns', { channel, encryptionKey, sources: { everybody: RecipientSource.allSubscribers() } }),
  ];
}

const key = (stack: Stack) => new kms.Key(stack, 'Key', { enableKeyRotation: true });
/** A function of the user's whose role is not the test's concern. */
const functionIn = (stack: Stack, id: string) => new lambda.Function(stack, id, {
  runtime: lambda.Runtime.NODEJS_24_X,
  handler: 'index.handler',
  code: lambda.Code.fromInline('exports.handler = async () => null;'),
  role: iam.Role.fromRoleName(stack, `${id}Role`, id, { mutable: false }),
});

/** Channels and what lives beside them, that together have every part. */
const CONSTRUCTS: [string, (stack: Stack) => unknown][] = [
  ['LineChannel', (stack) => new LineChannel(stack, 'Line')],
  ['LinePinpointChannel', (stack) => new LinePinpointChannel(stack, 'Line')],
  ['a channel with an HTTP API', (stack) => new LineChannel(stack, 'Line', { webhookAccess: WebhookAccess.httpApi() })],
  ['a channel with a function URL', (stack) => new LineChannel(stack, 'Line', { webhookAccess: WebhookAccess.functionUrl() })],
  ['a channel with pre-signed links', (stack) => new LineChannel(stack, 'Line', { mediaDelivery: MediaDelivery.presigned({ expiry: Duration.hours(1) }) })],
  ['a channel with sample messages', (stack) => new LineChannel(stack, 'Line', { sampleMessages: true })],
  ['a channel of every message type', (stack) => new LineChannel(stack, 'Line', { messageTypes: Object.values(LineMessageType) })],
  ['a channel with engagement events', (stack) => new LineChannel(stack, 'Line', { sending: { engagementEvents: true } })],
  ['a channel in a VPC', (stack) => new LineChannel(stack, 'Line', {
    messageTypes: [LineMessageType.TEXT],
    functions: { vpc: ec2.Vpc.fromVpcAttributes(stack, 'Vpc', { vpcId: 'vpc-1', availabilityZones: ['us-east-1a'], privateSubnetIds: ['subnet-1'] }) },
  })],
  ['a channel with a customer managed key', (stack) => new LinePinpointChannel(stack, 'Line', {
    sampleMessages: true, sending: { engagementEvents: true }, encryptionKey: key(stack),
  })],
  ['a channel with replies', (stack) => new LineChannel(stack, 'Line', {
    greeting: LineReply.message('Welcome!'), replies: [{ match: LineReplyMatch.anything(), reply: LineReply.fromFunction(functionIn(stack, 'answers')) }],
  })],
  ['import, synchronisation of followers and campaign runner', (stack) => besideChannel(stack)],
  ['import, synchronisation of followers and campaign runner with a customer managed key', (stack) => besideChannel(stack, key(stack))],
  ['a campaign runner of another channel', (stack) => new CampaignRunner(stack, 'Campaigns', {
    channel: CampaignChannel.fromFunction(functionIn(stack, 'sms')),
    subscribers: new SubscriberTable(stack, 'Subscribers'),
    channelKey: 'sms',
    sources: { vip: RecipientSource.fromFunction(functionIn(stack, 'vip')) },
  })],
];

/** Paths of the constructs in these tests, and what places below them begin with. */
const PLACES: Record<string, string> = {
  '/Stack/Line/': '', '/Stack/Campaigns/': 'CampaignRunner/', '/Stack/Import/': 'S3SubscriberImport/', '/Stack/Followers/': 'FollowerSync/',
};

interface Finding {
  readonly rule: string;
  /** Path below the channel, or below another construct of the library, whose name it begins with; or a whole path. */
  readonly place: string;
}

function findings(stack: Stack): Finding[] {
  Aspects.of(stack).add(new AwsSolutionsChecks());
  const annotations = Annotations.fromStack(stack);
  return [...annotations.findError('*', Match.anyValue()), ...annotations.findWarning('*', Match.anyValue())]
    // cdk-nag's own failures count, too; `rule[detail]: text`
    .flatMap(({ id, entry }) => [/^((?:AwsSolutions|CdkNag)[^[\s:]*(?:\[.*?\](?=:\s))?)/.exec(String(entry.data))]
      .filter((match) => match !== null)
      .map(([rule]) => ({
        rule: rule
          .replace(/<[\w:]+(\.\w+)?>|\{"Fn::Select".*\}/g, '<…>')
          .replace(/(:execution:<…>\/|:schedule\/)[\w-]+/, '$1<…>'),
        place: Object.entries(PLACES).reduce((place, [from, to]) => place.replace(from, to), id),
      })));
}

function isAccepted({ rule, place }: Finding, [acceptedRule, acceptedPlace]: string[]): boolean {
  return rule === acceptedRule && new RegExp(`^${acceptedPlace.split('*').map((part) => part.replace(/[.]/g, '\\.')).join('.*')}$`).test(place);
}

describe('cdk-nag AwsSolutions', () => {
  const found: Finding[] = [];

  test.each(CONSTRUCTS)('finds nothing unexplained in %s', (_name, make) => {
    const stack = testStack();
    make(stack);
    const all = findings(stack);
    found.push(...all);
    expect(all.length).toBeGreaterThan(0);
    expect(all.filter((finding) => !ACCEPTED.some((row) => isAccepted(finding, row)))).toEqual([]);
  });

  test('finds nothing else with the feature flags of a new project', () => {
    // … but for the one that makes an error of each finding where it is found.
    const stack = testStack({}, { ...RECOMMENDED_FLAGS, '@aws-cdk/core:annotationsInValidationReport': false });
    new LinePinpointChannel(stack, 'Line', { sampleMessages: true });
    expect(findings(stack).filter((finding) => !ACCEPTED.some((row) => isAccepted(finding, row)))).toEqual([]);
  });

  test('still finds all that is explained', () => {
    expect(ACCEPTED.filter((row) => !found.some((finding) => isAccepted(finding, row)))).toEqual([]);
  });

  test('is quiet once a user has acknowledged them on the channel', () => {
    const stack = testStack();
    const channel = new LinePinpointChannel(stack, 'Line', { sampleMessages: true });
    const ids = [...new Set(ACCEPTED.map(([rule]) => rule.replace(/\[.*/, '')))];
    NagSuppressions.addResourceSuppressions(channel, ids.map((id) => ({ id, reason: 'See docs/security.md of cdk-line-pinpoint.' })), true);
    expect(findings(stack)).toEqual([]);
  });

  test('is quiet of what lives beside a channel, too', () => {
    const stack = testStack();
    const ids = [...new Set(ACCEPTED.map(([rule]) => rule.replace(/\[.*/, '')))];
    for (const construct of besideChannel(stack)) {
      NagSuppressions.addResourceSuppressions(construct, ids.map((id) => ({ id, reason: 'See docs/security.md of cdk-line-pinpoint.' })), true);
    }
    expect(findings(stack)).toEqual([]);
  });

  test('is explained to users in the same words', () => {
    const page = fs.readFileSync(path.join(ROOT, 'docs', 'security.md'), 'utf8');
    const rows = page.split('\n').filter((line) => line.startsWith('| AwsSolutions-')).map((line) => line.slice(2, -2).split(' | '));
    expect(rows).toEqual(ACCEPTED);
  });
});
