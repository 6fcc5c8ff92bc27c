import { execFileSync } from 'child_process';
import * as fs from 'fs';
import * as os from 'os';
import * as path from 'path';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { LineChannel } from '../src';
import { ROOT } from './support/built';
import { environmentOf, only, redacted, rendered, resources, testApp } from './support/template';

/** The examples are real apps: each is run as `cdk synth` runs it, in a process of its own. */

interface Synthesized {
  readonly template: Template;
  readonly warnings: string[];
}

/** What the local stage cannot deploy. */
const REFUSED = /^AWS::(Pinpoint|WAFv2|SES|Athena|ApplicationAutoScaling)::|^AWS::CloudWatch::(CompositeAlarm|AnomalyDetector)$|^AWS::Events::(Archive|Connection)$|^AWS::CloudFront::(PublicKey|KeyGroup)$/;

let folder: string;

beforeAll(() => { folder = fs.mkdtempSync(path.join(os.tmpdir(), 'examples-')); });
afterAll(() => { fs.rmSync(folder, { recursive: true, force: true }); });

function synthesize(example: string, context: Record<string, string> = {}): Synthesized {
  const outdir = fs.mkdtempSync(path.join(folder, `${example}-`));
  execFileSync(process.execPath, ['-r', 'ts-node/register/transpile-only', '-r', 'tsconfig-paths/register', path.join('examples', example, 'app.ts')], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, TS_NODE_PROJECT: 'tsconfig.dev.json', CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify(context) },
    stdio: 'pipe',
  });
  const { artifacts } = JSON.parse(fs.readFileSync(path.join(outdir, 'manifest.json'), 'utf8'));
  const [stack] = Object.values<any>(artifacts).filter(({ type }) => type === 'aws:cloudformation:stack');
  const metadata: Record<string, any[]> = stack.metadata ?? JSON.parse(fs.readFileSync(path.join(outdir, stack.additionalMetadataFile), 'utf8'));
  return {
    template: Template.fromJSON(JSON.parse(fs.readFileSync(path.join(outdir, stack.properties.templateFile), 'utf8'))),
    warnings: Object.values(metadata).flat().filter(({ type }) => /^aws:cdk:(warning|error)$/.test(type)).map(({ data }) => data),
  };
}

function typesOf(template: Template): Set<string> {
  return new Set(Object.values(resources(template)).map(({ Type }) => Type));
}

/** Output values by description or id. */
function outputs(template: Template): Record<string, string> {
  return Object.fromEntries(Object.entries(template.findOutputs('*')).map(([id, { Value }]) => [id.replace(/[0-9A-F]{8}$/, ''), rendered(Value)]));
}

test('every example in TypeScript is tested here', () => {
  const examples = path.join(ROOT, 'examples');
  expect(fs.readdirSync(examples).filter((name) => fs.existsSync(path.join(examples, name, 'app.ts'))).sort()).toEqual(['campaigns', 'existing-resources', 'minimal', 'pinpoint-sample']);
});

describe('minimal', () => {
  let example: Synthesized;
  beforeAll(() => { example = synthesize('minimal'); }, 60_000);

  test('is a LineChannel and nothing else', () => {
    const stack = new Stack(testApp(), 'LineMinimal');
    new LineChannel(stack, 'Line');
    expect(redacted(example.template)).toEqual(redacted(Template.fromStack(stack)));
  });

  test('warns of nothing', () => {
    expect(example.warnings).toEqual([]);
  });

  test('tells the operator what to do next', () => {
    expect(Object.keys(outputs(example.template))).toEqual(['LineSecretArn', 'LineSetUpCommand', 'LineWebhookUrl']);
  });
});

describe('pinpoint-sample', () => {
  const ID = '0123456789abcdef0123456789abcdef';
  let created: Synthesized;
  let existing: Synthesized;
  beforeAll(() => {
    created = synthesize('pinpoint-sample');
    existing = synthesize('pinpoint-sample', { applicationId: ID, lineApiBaseUrl: 'http://127.0.0.1:8080' });
  }, 60_000);

  test('makes a project, or uses the one that context names', () => {
    created.template.resourceCountIs('AWS::Pinpoint::App', 1);
    existing.template.resourceCountIs('AWS::Pinpoint::App', 0);
    expect(environmentOf(existing.template, 'LineAudiencesPinpointFunction').PINPOINT_APPLICATION_ID).toBe(ID);
  });

  test('points to a stand-in when context says so', () => {
    expect(environmentOf(created.template, 'LineSenderText')).not.toHaveProperty('LINE_API_BASE_URL');
    expect(environmentOf(existing.template, 'LineSenderText').LINE_API_BASE_URL).toBe('http://127.0.0.1:8080');
  });

  test('warns of the end of Amazon Pinpoint, and of nothing else', () => {
    for (const { warnings } of [created, existing]) {
      expect(warnings).toEqual([expect.stringMatching(/ended on 2026-10-30.*\[ack: cdk-line-pinpoint:pinpointEngagementEnded\]$/)]);
    }
  });

  test('sends samples for blank data', () => {
    expect(environmentOf(created.template, 'LineSenderVideo').LINE_SAMPLE_MESSAGES).toBe('true');
    created.template.resourceCountIs('Custom::LineSampleMedia', 1);
  });

  test('names the functions that a marketer picks from, and the buckets', () => {
    expect(outputs(created.template)).toMatchObject({
      SendTextFunction: expect.stringMatching(/^<LineSenderText\w+>$/),
      SendImageFunction: expect.stringMatching(/^<LineSenderImage\w+>$/),
      SendAudioFunction: expect.stringMatching(/^<LineSenderAudio\w+>$/),
      SendVideoFunction: expect.stringMatching(/^<LineSenderVideo\w+>$/),
      SendAnyFunction: expect.stringMatching(/^<LineSenderAny\w+>$/),
      ImageBucketName: expect.stringMatching(/^<LineMediaImageBucket\w+>$/),
      AudioBucketName: expect.stringMatching(/^<LineMediaAudioBucket\w+>$/),
      VideoBucketName: expect.stringMatching(/^<LineMediaVideoBucket\w+>$/),
      SubscriberTableName: expect.stringMatching(/^<LineSubscribers\w+>$/),
    });
  });

  test('has no resource that the local stage refuses, when the project exists', () => {
    expect([...typesOf(existing.template)].filter((type) => REFUSED.test(type))).toEqual([]);
  });
});

describe('existing-resources', () => {
  let example: Synthesized;
  beforeAll(() => { example = synthesize('existing-resources'); }, 60_000);

  test('has two channels on one table, each under its key', () => {
    const { template } = example;
    expect(Object.keys(resources(template, 'AWS::DynamoDB::Table')).sort())
      .toEqual(['ShopSenderJournal', 'Subscribers', 'SupportSenderJournal'].map((id) => expect.stringMatching(new RegExp(`^${id}[0-9A-F]{8}$`))));
    for (const [id, key] of [['Shop', 'shop'], ['Support', 'support']]) {
      expect(environmentOf(template, `${id}WebhookWorker`)).toMatchObject({ LINE_CHANNEL_KEY: key, SUBSCRIBER_TABLE_NAME: { Ref: expect.stringMatching(/^Subscribers/) } });
    }
  });

  test('keeps image and video in one bucket, by prefix, what is sent in one of each channel, and needs no CloudFront', () => {
    const { template } = example;
    expect(Object.keys(resources(template, 'AWS::S3::Bucket')).sort())
      .toEqual(['Media', 'ShopSenderContent', 'SupportSenderContent'].map((id) => expect.stringMatching(new RegExp(`^${id}[0-9A-F]{8}$`))));
    for (const id of ['ShopSenderImage', 'ShopSenderVideo']) {
      expect(JSON.parse(rendered(environmentOf(template, id).LINE_MEDIA_PLACES))).toEqual({
        image: { bucket: expect.stringMatching(/^<Media\w+>$/), prefix: 'image/' },
        video: { bucket: expect.stringMatching(/^<Media\w+>$/), prefix: 'video/' },
      });
    }
    expect([...typesOf(template)].filter((type) => type.includes('CloudFront'))).toEqual([]);
  });

  test('uses the secret, key and log group of the company', () => {
    const { template } = example;
    expect(environmentOf(template, 'ShopWebhookReceiver').LINE_SECRET_ARN).toBe('arn:aws:secretsmanager:us-east-1:123456789012:secret:line/shop-AbCdEf');
    expect(JSON.parse(environmentOf(template, 'ShopWebhookReceiver').LINE_SECRET_FIELDS)).toEqual({ channelId: 'id', channelSecret: 'secret' });
    expect(only(template, 'AWS::Events::EventBus', 'ShopBus').Properties.KmsKeyIdentifier).toEqual({ 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] });
    expect(only(template, 'AWS::Lambda::Function', 'ShopWebhookReceiver').Properties.LoggingConfig.LogGroup).toEqual({ Ref: expect.stringMatching(/^Logs/) });
  });

  test('routes orders to a queue', () => {
    expect(only(example.template, 'AWS::Events::Rule', 'ShopOrders').Properties.EventPattern).toEqual({ 'source': ['line.webhook'], 'detail-type': ['postback'] });
  });

  test('warns of nothing', () => {
    expect(example.warnings).toEqual([]);
  });
});

describe('campaigns', () => {
  let example: Synthesized;
  beforeAll(() => { example = synthesize('campaigns', { lineApiBaseUrl: 'http://127.0.0.1:8080' }); }, 60_000);

  test('imports, synchronises and sends through one channel, on one table', () => {
    const { template } = example;
    expect(Object.keys(resources(template, 'AWS::StepFunctions::StateMachine')).sort())
      .toEqual(['CampaignsRun', 'FollowersEngineRun', 'ImportEngineRun'].map((id) => expect.stringMatching(new RegExp(`^${id}[0-9A-F]{8}$`))));
    for (const id of ['ImportEngineWrite', 'FollowersEngineWrite', 'CampaignsRead', 'LineWebhookWorker']) {
      expect(environmentOf(template, id).SUBSCRIBER_TABLE_NAME).toEqual({ Ref: expect.stringMatching(/^LineSubscribers/) });
    }
  });

  test('has four sources, of which two want something of the campaign', () => {
    expect(JSON.parse(rendered(environmentOf(example.template, 'CampaignsControl').CAMPAIGN_SOURCE_NEEDS)))
      .toEqual({ everybody: [], tag: ['tag'], segment: ['segment'], tenth: [] });
  });

  test('points to a stand-in when context says so, wherever LINE is called', () => {
    for (const id of ['LineSenderChunk', 'LineRepliesFunction', 'FollowersEngineFreeze', 'LineSenderInsight']) {
      expect([id, environmentOf(example.template, id).LINE_API_BASE_URL]).toEqual([id, 'http://127.0.0.1:8080']);
    }
  });

  test('tells where to drop files and whom to ask for campaigns', () => {
    expect(outputs(example.template)).toMatchObject({
      ImportBucket: expect.stringMatching(/^<ImportBucket\w+>$/),
      CampaignFunction: expect.stringMatching(/^<CampaignsControl\w+>$/),
      CampaignBucket: expect.stringMatching(/^<CampaignsBucket\w+>$/),
      SubscriberTableName: expect.stringMatching(/^<LineSubscribers\w+>$/),
      TemplateBucket: expect.stringMatching(/^<LineSenderContent\w+>$/),
      FollowerSyncStateMachine: expect.stringMatching(/^<FollowersEngineRun\w+>$/),
    });
  });

  test('warns of LINE\'s own greeting, and of nothing else', () => {
    expect(example.warnings).toEqual([expect.stringMatching(/\[ack: cdk-line-pinpoint:lineGreeting\]$/)]);
  });

  test('has no resource that the local stage refuses', () => {
    expect([...typesOf(example.template)].filter((type) => REFUSED.test(type))).toEqual([]);
  });
});
