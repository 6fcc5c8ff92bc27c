import { Duration, Lazy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import {
  CampaignRunner, LineChannel, OtherColumns, RecipientSource, S3SubscriberImport, S3SubscriberImportProps, SegmentTag, SubscriberFileFormat,
  SubscriberTable,
} from '../../src';
import { definitionOf, statesOf, waysOf } from '../support/state-machine';
import { annotations, environmentOf, messageOf, only, rendered, resources, statementsOf, templateOf, testStack } from '../support/template';

type Props = Partial<S3SubscriberImportProps>;

function importIn(stack: Stack, props: Props = {}): S3SubscriberImport {
  return new S3SubscriberImport(stack, 'Import', { subscribers: props.subscribers ?? new SubscriberTable(stack, 'Subscribers'), ...props });
}

function templateWith(props: (stack: Stack) => Props = () => ({})): Template {
  return templateOf((stack) => { importIn(stack, props(stack)); });
}

/** What a role may do: `<actions> on <resources>`, hashes of logical ids left out. */
function permissions(template: Template, rolePrefix: string): string[] {
  return statementsOf(template, rolePrefix)
    .map(({ actions, resources: of }) => `${actions.join(' ')} on ${of.join(' ')}`.replace(/<(\w+?)[0-9A-F]{8}\b/g, '<$1'))
    .sort();
}

const configIn = (template: Template): any => JSON.parse(rendered(environmentOf(template, 'ImportEngineFreeze').IMPORT_CONFIG));

let template: Template;
beforeAll(() => { template = templateWith(); });

describe('the state machine', () => {
  const definition = () => definitionOf(template, 'ImportEngineRun');

  test('freezes a file, writes its chunks, then sweeps its tag, and tells what came of it', () => {
    expect(definition().StartAt).toBe('Begin');
    expect(waysOf(definition())).toEqual([
      'Begin -> FreezeStep',
      'FinishStep ! NoteFailureStep', 'FinishStep -> Finished',
      'Finished -> Ended', 'Finished -> Failed',
      'FreezeStep ! NoteFailureStep', 'FreezeStep -> Frozen',
      'Frozen -> Ended', 'Frozen -> FinishStep', 'Frozen -> FreezeStep', 'Frozen -> WriteStep',
      'NoteFailureStep -> Failed',
      'SweepStep ! NoteFailureStep', 'SweepStep -> FinishStep',
      'WriteStep ! NoteFailureStep', 'WriteStep -> Written',
      'Written -> FinishStep', 'Written -> SweepStep',
    ]);
    const { Frozen, Written, Finished, Failed } = definition().States;
    expect(Frozen.Choices.map(({ StringEquals, Next }: any) => [StringEquals, Next])).toEqual([['WRITE', 'WriteStep'], ['AGAIN', 'FreezeStep'], ['REFUSE', 'FinishStep']]);
    expect(Written.Choices).toEqual([{ Variable: '$.freeze.sweeps.key', IsPresent: true, Next: 'SweepStep' }]);
    expect(Finished.Choices).toEqual([{ Variable: '$.summary.status', StringEquals: 'COMPLETED', Next: 'Ended' }]);
    expect(Failed).toMatchObject({ Type: 'Fail', Error: 'ImportFailed' });
  });

  test('keeps its input for every step, and tells them execution and start', () => {
    const { Begin, FreezeStep, FinishStep, NoteFailureStep } = definition().States;
    const input = { 'input.$': '$.input', 'execution.$': '$$.Execution.Id', 'startedAt.$': '$$.Execution.StartTime' };
    expect(Begin.Parameters).toEqual({ 'input.$': '$' });
    expect([FreezeStep.Parameters, FinishStep.Parameters, NoteFailureStep.Parameters]).toEqual([input, { ...input, 'freeze.$': '$.freeze' }, { ...input, 'error.$': '$.error' }]);
    expect([FreezeStep.ResultPath, FinishStep.ResultPath, NoteFailureStep.ResultPath]).toEqual(['$.freeze', '$.summary', null]);
  });

  test('tries every function again whatever it throws, and tells of what it gives up', () => {
    const tasks = statesOf(definition()).filter(([, { Type }]) => Type === 'Task');
    expect(tasks.map(([name]) => name).sort()).toEqual(['FinishStep', 'FreezeStep', 'NoteFailureStep', 'SweepStepItem', 'WriteStepItem']);
    const again = { ErrorEquals: ['States.ALL'], IntervalSeconds: 2, MaxAttempts: 5, BackoffRate: 3, MaxDelaySeconds: 120, JitterStrategy: 'FULL' };
    for (const [name, { Retry }] of tasks) {
      expect([name, Retry.at(-1)]).toEqual([name, again]);
    }
    for (const name of ['FreezeStep', 'WriteStep', 'SweepStep', 'FinishStep']) {
      expect([name, definition().States[name].Catch]).toEqual([name, [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'NoteFailureStep' }]]);
    }
  });

  test.each([['WriteStep', 'Write', '$.freeze.items.key'], ['SweepStep', 'Sweep', '$.freeze.sweeps.key']])('%s reads its list from the bucket and lets no chunk hold up the others', (step, label, key) => {
    expect(definition().States[step]).toMatchObject({
      Type: 'Map',
      Label: label,
      MaxConcurrency: 4,
      ToleratedFailurePercentage: 100,
      ResultPath: null,
      ItemReader: {
        Resource: 'arn:<AWS::Partition>:states:::s3:getObject', ReaderConfig: { InputType: 'JSONL' }, Parameters: { 'Bucket': expect.stringMatching(/^<ImportBucket/), 'Key.$': key },
      },
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
        States: { [`${step}Item`]: { Resource: expect.stringMatching(/^<ImportEngineWrite/), Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: `${step}ItemDone` }] } },
      },
    });
  });

  test('lasts a day at most, is traced, and logs its steps without their data', () => {
    expect(definition().TimeoutSeconds).toBe(86_400);
    expect(only(template, 'AWS::StepFunctions::StateMachine', 'ImportEngineRun').Properties).toMatchObject({
      TracingConfiguration: { Enabled: true }, LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: false },
    });
    expect(definitionOf(templateWith(() => ({ maxConcurrency: 100 })), 'ImportEngineRun').States.WriteStep.MaxConcurrency).toBe(100);
  });
});

describe('functions', () => {
  const OWN = ['s3:GetObject s3:PutObject on <ImportBucket.Arn>/imports/*', 's3:ListBucket on <ImportBucket.Arn>'];

  test.each<[string, string, string[]]>([
    ['Freeze', 'freeze', [...OWN, 's3:GetObject s3:GetObjectVersion on <ImportBucket.Arn>/import/*', 'sns:Publish on <ImportNotifications>']],
    ['Write', 'write', [...OWN, 'dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem dynamodb:DeleteItem dynamodb:Query on <Subscribers.Arn>']],
    ['Finish', 'finish', [...OWN, 'sns:Publish on <ImportNotifications>']],
  ])('%s runs its export of the bundle, and may do what it does; no more', (id, handler, granted) => {
    const { Handler, Timeout } = only(template, 'AWS::Lambda::Function', `ImportEngine${id}`).Properties;
    expect([Handler, Timeout]).toEqual([`index.${handler}`, 900]);
    expect(permissions(template, `ImportEngine${id}Role`)).toEqual([...granted, `logs:CreateLogStream logs:PutLogEvents on <ImportEngine${id}Logs.Arn>`].sort());
  });

  test('know how files are read', () => {
    expect(configIn(template)).toEqual({
      name: 'Stack-Import-BFE02939', channelKey: 'line', format: 'AUTO', columns: {}, otherColumns: 'ATTRIBUTES', maxRejectedPercent: 10, allowReOptIn: false, tag: { kind: 'fileName' }, replaceTag: false,
    });
    const told = templateWith(() => ({
      channelKey: 'shop',
      format: SubscriberFileFormat.CSV,
      columns: { line_id: 'Address', plan: 'Attributes.Plan', points: 'Metrics.Points', town: 'Location.City', name: 'User.UserAttributes.DisplayName', note: '' },
      otherColumns: OtherColumns.REFUSE,
      maxRejectedPercent: 0,
      allowReOptIn: true,
      tag: SegmentTag.fixed('春 2026'),
      replaceTag: true,
    }));
    expect(configIn(told)).toMatchObject({
      channelKey: 'shop', format: 'CSV', columns: { line_id: 'Address', note: '' }, otherColumns: 'REFUSE', maxRejectedPercent: 0, allowReOptIn: true, tag: { kind: 'fixed', tag: '春 2026' }, replaceTag: true,
    });
  });
});

describe('what starts it', () => {
  test('files below the prefix, for half a day, and a queue after that', () => {
    const { EventPattern, Targets } = only(template, 'AWS::Events::Rule', 'ImportDropped').Properties;
    expect(EventPattern).toEqual({
      'source': ['aws.s3'],
      'detail-type': ['Object Created'],
      'detail': { bucket: { name: [{ Ref: expect.stringMatching(/^ImportBucket/) }] }, object: { key: [{ prefix: 'import/' }] } },
    });
    expect(Targets).toMatchObject([{
      Arn: { Ref: expect.stringMatching(/^ImportEngineRun/) },
      RetryPolicy: { MaximumEventAgeInSeconds: 43_200, MaximumRetryAttempts: 10 },
      DeadLetterConfig: { Arn: { 'Fn::GetAtt': [expect.stringMatching(/^ImportFailures/), 'Arn'] } },
    }]);
    expect(only(template, 'AWS::S3::Bucket', 'ImportBucket').Properties.NotificationConfiguration).toEqual({ EventBridgeConfiguration: { EventBridgeEnabled: true } });
    expect(permissions(template, 'ImportEngineRunEventsRole')).toEqual(['states:StartExecution on <ImportEngineRun>']);
  });

  test('its own objects start nothing: they lie beside the prefix', () => {
    expect('imports/'.startsWith(only(template, 'AWS::Events::Rule', 'ImportDropped').Properties.EventPattern.detail.object.key[0].prefix)).toBe(false);
  });

  test('alarms ring on imports that fail and on files that nothing began with', () => {
    const alarms = Object.values(resources(template, 'AWS::CloudWatch::Alarm')).map(({ Properties }) => [Properties.MetricName, /#([\w-]+)$/.exec(Properties.AlarmDescription)![1]]);
    expect(alarms.sort()).toEqual([['ApproximateNumberOfMessagesVisible', 'imports-failed'], ['ExecutionsFailed', 'imports-failed']]);
  });
});

describe('what it keeps', () => {
  test('the bucket is private and versioned, and forgets files and results', () => {
    const { Properties, DeletionPolicy } = only(template, 'AWS::S3::Bucket', 'ImportBucket');
    expect(DeletionPolicy).toBe('Retain');
    expect(Properties).toMatchObject({ VersioningConfiguration: { Status: 'Enabled' }, PublicAccessBlockConfiguration: { BlockPublicAcls: true, RestrictPublicBuckets: true } });
    const rules = (of: Template) => only(of, 'AWS::S3::Bucket', 'ImportBucket').Properties.LifecycleConfiguration.Rules.map(({ Prefix, ExpirationInDays }: any) => [Prefix, ExpirationInDays]);
    expect(rules(template)).toEqual([['import/', 90], ['imports/', 90], [undefined, undefined]]);
    expect(rules(templateWith(() => ({ retention: Duration.days(7), prefix: 'files/subscribers/' })))).toEqual([['files/subscribers/', 7], ['imports/', 7], [undefined, undefined]]);
  });

  test('of the user\'s are used, with the keys that they have', () => {
    const given = templateWith((stack) => ({
      bucket: new s3.Bucket(stack, 'OwnBucket', { encryptionKey: new kms.Key(stack, 'BucketKey') }),
      notificationTopic: new sns.Topic(stack, 'OwnTopic', { masterKey: new kms.Key(stack, 'TopicKey') }),
      subscribers: new SubscriberTable(stack, 'OwnTable', { encryptionKey: new kms.Key(stack, 'TableKey') }),
      prefix: 'drop/',
    }));
    expect(Object.entries(resources(given)).filter(([id, { Type }]) => id.startsWith('Import') && /^AWS::(S3::Bucket|SNS::Topic)$/.test(Type))).toEqual([]);
    expect(permissions(given, 'ImportEngineFreezeRole')).toEqual(expect.arrayContaining([
      'kms:Decrypt kms:GenerateDataKey on <BucketKey.Arn>', 'kms:Decrypt kms:GenerateDataKey* on <TopicKey.Arn>', 's3:GetObject s3:GetObjectVersion on <OwnBucket.Arn>/drop/*',
    ]));
    expect(permissions(given, 'ImportEngineWriteRole')).toContain('kms:Decrypt kms:DescribeKey kms:Encrypt kms:ReEncrypt* kms:GenerateDataKey* on <TableKey.Arn>');
    expect(permissions(given, 'ImportEngineRunRole')).toContain('kms:Decrypt on <BucketKey.Arn>');
    expect(only(given, 'AWS::Events::Rule', 'ImportDropped').Properties.EventPattern.detail).toEqual({ bucket: { name: [{ Ref: expect.stringMatching(/^OwnBucket/) }] }, object: { key: [{ prefix: 'drop/' }] } });
  });

  test('in a bucket that sends no events is warned of', () => {
    const stack = testStack();
    importIn(stack, { bucket: new s3.Bucket(stack, 'OwnBucket'), prefix: 'drop/' });
    expect(annotations(stack, 'Warning')).toEqual([
      'the bucket Stack/OwnBucket, given as `bucket`, sends no events to Amazon EventBridge: files dropped below drop/ are not imported. Make it with `eventBridgeEnabled: true` [ack: cdk-line-pinpoint:bucketWithoutEvents]',
    ]);
  });

  test('in a bucket of another account is warned of', () => {
    const stack = testStack({ env: { account: '111111111111', region: 'us-east-1' } });
    importIn(stack, { bucket: s3.Bucket.fromBucketAttributes(stack, 'Theirs', { bucketArn: 'arn:aws:s3:::theirs', account: '222222222222' }) });
    expect(annotations(stack, 'Warning').filter((text) => /foreignBucketPolicy/.test(text) && /theirs\/import\/\*.*theirs\/imports\/\*/.test(text))).toHaveLength(1);
  });
});

describe('a key of the user\'s', () => {
  const encrypted = templateWith((stack) => ({ encryptionKey: new kms.Key(stack, 'Key') }));

  test('encrypts bucket, topic, queue, logs and the state machine', () => {
    const key = { 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] };
    expect(only(encrypted, 'AWS::StepFunctions::StateMachine', 'ImportEngineRun').Properties.EncryptionConfiguration).toEqual({ Type: 'CUSTOMER_MANAGED_KMS_KEY', KmsKeyId: key });
    expect(only(encrypted, 'AWS::SNS::Topic', 'ImportNotifications').Properties.KmsMasterKeyId).toEqual(key);
    expect(only(encrypted, 'AWS::SQS::Queue', 'ImportFailures').Properties.KmsMasterKeyId).toEqual(key);
    expect(only(encrypted, 'AWS::Logs::LogGroup', 'ImportEngineRunLogs').Properties.KmsKeyId).toEqual(key);
  });

  test('may be used by the rule to start the state machine, and for what it could not start', () => {
    expect(permissions(encrypted, 'ImportEngineRunEventsRole')).toEqual(['kms:Decrypt kms:GenerateDataKey on <Key.Arn>', 'states:StartExecution on <ImportEngineRun>']);
    const services = only(encrypted, 'AWS::KMS::Key', 'Key').Properties.KeyPolicy.Statement.filter(({ Principal }: any) => Principal.Service).map(({ Principal }: any) => rendered(Principal.Service));
    expect(services.sort()).toEqual(['delivery.logs.amazonaws.com', 'events.amazonaws.com', 'logs.<AWS::Region>.<AWS::URLSuffix>']);
    expect(JSON.stringify(encrypted.toJSON())).not.toMatch(/:stateMachine:"/);
  });
});

test('two imports into one table do not collide', () => {
  const stack = testStack();
  const subscribers = new SubscriberTable(stack, 'Subscribers');
  const [one, two] = ['One', 'Two'].map((id) => new S3SubscriberImport(stack, id, { subscribers }));
  expect(one.importName).not.toBe(two.importName);
  expect(() => Template.fromStack(stack)).not.toThrow();
});

describe('one bucket of several imports', () => {
  const two = (stack: Stack, prefix: string) => {
    const bucket = new s3.Bucket(stack, 'Shared', { eventBridgeEnabled: true });
    const subscribers = new SubscriberTable(stack, 'Subscribers');
    importIn(stack, { subscribers, bucket });
    new S3SubscriberImport(stack, 'Other', { subscribers, bucket, prefix });
  };

  test.each(['import/', 'import/vip/'])('is refused where a file would be handled by both: %s', (prefix) => {
    expect(messageOf((stack) => two(stack, prefix)))
      .toBe(`Stack/Other: \`bucket\` must be one in which nothing else handles objects below '${prefix}', and Stack/Import handles those below 'import/': `
        + 'each file would be handled by both; give a `prefix` of its own, of which none begins with the other');
  });

  test('is taken where each has its prefix', () => {
    expect(() => two(testStack(), 'support/')).not.toThrow();
  });

  test('is refused where campaigns are dropped', () => {
    expect(messageOf((stack) => {
      const channel = new LineChannel(stack, 'Line');
      const { bucket } = new CampaignRunner(stack, 'Campaigns', { channel, sources: { everybody: RecipientSource.allSubscribers() } });
      importIn(stack, { subscribers: channel.subscribers, bucket, prefix: 'campaigns/' });
    })).toMatch("nothing else handles objects below 'campaigns/', and Stack/Campaigns handles those below 'campaigns/'");
  });
});

describe('a key that no channel of the table has', () => {
  const synthesized = (build: (stack: Stack, subscribers: SubscriberTable) => void): Stack => {
    const stack = testStack();
    build(stack, new SubscriberTable(stack, 'Subscribers'));
    Template.fromStack(stack);
    return stack;
  };

  test('is refused when it is the default', () => {
    // The channel comes later.
    expect(() => synthesized((stack, subscribers) => {
      importIn(stack, { subscribers });
      new LineChannel(stack, 'Shop', { subscribers, channelKey: 'shop' });
    })).toThrow("Stack/Import: `channelKey` must be given, because channels of this app have 'shop' in the table and none has the default 'line': "
      + 'nobody would send to the imported people; give the `channelKey` of the channel that is to');
  });

  test('is warned of when somebody gave it', () => {
    const stack = synthesized((scope, subscribers) => {
      new LineChannel(scope, 'Shop', { subscribers, channelKey: 'shop' });
      new LineChannel(scope, 'Support', { subscribers, channelKey: 'support' });
      importIn(scope, { subscribers, channelKey: 'shpo' });
    });
    expect(annotations(stack, 'Warning', '/Stack/Import')).toEqual([
      "`channelKey` is 'shpo', and channels of this app have 'shop', 'support' in the table: unless a channel of another app has it, nobody would send to the "
      + 'imported people; give the `channelKey` of the channel that is to [ack: cdk-line-pinpoint:unknownChannelKey]',
    ]);
  });

  test('is not known of a table without channels, of a channel with the key, or of a token', () => {
    const keys = [undefined, 'shop', Lazy.string({ produce: () => 'later' })];
    const stacks = [
      synthesized((stack, subscribers) => { importIn(stack, { subscribers }); }),
      ...keys.map((channelKey) => synthesized((stack, subscribers) => {
        const channel = channelKey === undefined ? new LineChannel(stack, 'Line') : new LineChannel(stack, 'Line', { subscribers, channelKey: 'shop' });
        importIn(stack, { subscribers: channel.subscribers, channelKey });
      })),
    ];
    expect(stacks.flatMap((stack) => annotations(stack, 'Warning', '/Stack/Import'))).toEqual([]);
  });
});

describe('methods', () => {
  test('grants are for dropping files and for reading what came of them', () => {
    const made = templateOf((stack) => {
      const imports = importIn(stack, { encryptionKey: new kms.Key(stack, 'Key') });
      imports.grantDrop(new iam.Role(stack, 'Dropper', { assumedBy: new iam.AccountRootPrincipal() }));
      imports.grantReadResults(new iam.Role(stack, 'Analyst', { assumedBy: new iam.AccountRootPrincipal() }));
    });
    expect(permissions(made, 'Dropper')).toEqual(['kms:Decrypt kms:GenerateDataKey on <Key.Arn>', 's3:PutObject s3:AbortMultipartUpload on <ImportBucket.Arn>/import/*']);
    expect(permissions(made, 'Analyst')).toEqual(['kms:Decrypt on <Key.Arn>', 's3:GetObject on <ImportBucket.Arn>/imports/*']);
  });

  test('metrics are the import\'s', () => {
    const imports = importIn(testStack());
    expect([imports.metricSubscribersImported(), imports.metricRowsRejected({ statistic: 'Maximum' })].map(({ metricName, statistic }) => [metricName, statistic]))
      .toEqual([['SubscribersImported', 'Sum'], ['ImportRowsRejected', 'Maximum']]);
    expect(imports.metricRowsRejected().dimensions).toEqual({ Channel: imports.importName });
  });
});

describe('tags', () => {
  test.each([['spring-sale'], ['春 sale.2026'], ['a'], ['x'.repeat(64)]])('%p is one', (tag) => {
    expect(SegmentTag.fixed(tag)._config).toEqual({ kind: 'fixed', tag });
  });

  test.each([[''], [' a'], ['a '], ['a#b'], ['a/b'], ['x'.repeat(65)]])('%p is none', (tag) => {
    expect(() => SegmentTag.fixed(tag)).toThrow(`\`tag\` must be 1 to 64 letters, digits, spaces, '_', '.' and '-', without a space at an end, got '${tag}'`);
  });

  test('there need not be one', () => {
    expect([SegmentTag.none()._config, SegmentTag.fromFileName()._config]).toEqual([{ kind: 'none' }, { kind: 'fileName' }]);
  });
});

describe('errors', () => {
  test.each<[string, Props, string | RegExp]>([
    ['a prefix that is none', { prefix: 'import' }, "`prefix` must end with '/' and neither begin with '/' nor with 'imports/', where the import keeps its own objects, got 'import'"],
    ['a prefix that begins with a slash', { prefix: '/import/' }, /got '\/import\/'$/],
    ['the whole bucket', { prefix: '/' }, /got '\/'$/],
    ['its own objects', { prefix: 'imports/' }, /got 'imports\/'$/],
    ['a part of its own objects', { prefix: 'imports/new/' }, /got 'imports\/new\/'$/],
    ['more than all', { maxRejectedPercent: 101 }, '`maxRejectedPercent` must be a number from 0 to 100, got 101'],
    ['no number', { maxRejectedPercent: NaN }, '`maxRejectedPercent` must be a number from 0 to 100, got NaN'],
    ['no concurrency', { maxConcurrency: 0 }, '`maxConcurrency` must be a whole number from 1 to 100, got 0'],
    ['no key', { channelKey: 'LINE' }, "`channelKey` must be at most 32 lower case letters, digits and hyphens, got 'LINE'"],
    ['no retention', { retention: Duration.days(0) }, '`retention` must be a whole number from 1 to 3650, got 0'],
    ['a member that is none', { columns: { town: 'Location.Town' } }, /^`columns\['town'\]` must be '' or a member of an endpoint such as 'Address', .*, got 'Location\.Town'$/],
    ['an attribute without a name', { columns: { plan: 'Attributes.' } }, /^`columns\['plan'\]` must be .*got 'Attributes\.'$/],
    ['a tag to replace that is none', { tag: SegmentTag.none(), replaceTag: true }, '`replaceTag` is true, but `tag` is none: give a tag, or leave `replaceTag` out'],
    ['more columns than fit', { columns: Object.fromEntries([...Array(100)].map((_, n) => [`column number ${n}`, `Attributes.Column${n}`])) }, /^`columns` names 100 columns, which are too long for a function's environment/],
  ])('%s', (_name, props, message) => {
    const thrown = messageOf((stack) => importIn(stack, props));
    expect(thrown).toMatch(/^Stack\/Import: /);
    expect(thrown.replace('Stack/Import: ', '')).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });
});
