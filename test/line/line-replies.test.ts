import { App, CfnParameter, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { LineChannel, LineChannelProps, LineMessageType, LineReply, LineReplyMatch } from '../../src';
import { MAX_REPLIES_BYTES, MAX_REPLY_MATCH_LENGTH } from '../../src/contract/replies';
import { annotations, environmentOf, messageOf, only, rendered, resources, statementsOf, templateOf, testApp, testStack } from '../support/template';

const HELLO = LineReply.message('Welcome!');
const { keywords, contains, postback, postbackPrefix, anything } = LineReplyMatch;

function templateWith(build: (channel: LineChannel, stack: Stack) => void, props: LineChannelProps = {}): Template {
  return templateOf((stack) => build(new LineChannel(stack, 'Line', props), stack));
}

const functionOf = (stack: Stack, id = 'Answers') => new lambda.Function(stack, id, {
  runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler', code: lambda.Code.fromInline('exports.handler = async () => null;'),
});
const rulesOf = (template: Template, id: string): any[] => JSON.parse(rendered(environmentOf(template, id).LINE_REPLIES));

describe('a channel without replies', () => {
  test('makes nothing for them', () => {
    const template = templateWith(() => undefined);
    expect(Object.keys(resources(template)).filter((id) => id.startsWith('LineReplies'))).toEqual([]);
    expect(environmentOf(template, 'LineWebhookReceiver')).not.toHaveProperty('LINE_REPLIES');
  });
});

describe('rules', () => {
  const template = templateWith((channel, stack) => {
    channel.addReply(anything(), LineReply.message('Sorry?'));
    channel.addReply(postback('menu=1', 'menu=2'), LineReply.fromFunction(functionOf(stack)), 'menu');
    channel.addReply(postbackPrefix('shop='), LineReply.template('2026/shop'));
  }, {
    greeting: HELLO,
    replies: [{ match: keywords('Opening  HOURS', '営業時間', 'ｏｐｅｎｉｎｇ  hours '), reply: LineReply.message('Nine to five'), name: 'hours' }, { match: contains('Refund'), reply: HELLO }],
  });

  test('are known to the receiver by what they are for, in their order, and their content is not', () => {
    expect(rulesOf(template, 'LineWebhookReceiver')).toEqual([
      { id: 'follow', match: { kind: 'follow' } },
      { id: 'hours', match: { kind: 'text', keywords: ['opening  hours', '営業時間'] } },
      { id: expect.stringMatching(/^text-[0-9a-f]{8}$/), match: { kind: 'text', contains: ['refund'] } },
      { id: expect.stringMatching(/^other-[0-9a-f]{8}$/), match: { kind: 'other' } },
      { id: 'menu', match: { kind: 'postback', data: ['menu=1', 'menu=2'] } },
      { id: expect.stringMatching(/^postback-[0-9a-f]{8}$/), match: { kind: 'postback', prefix: 'shop=' } },
    ]);
  });

  test('are known to the function that replies with what it replies', () => {
    const rules = rulesOf(template, 'LineRepliesFunction');
    expect(rules.map(({ id, match }) => ({ id, match }))).toEqual(rulesOf(template, 'LineWebhookReceiver'));
    expect(rules.map(({ data, functionName }) => data ?? functionName)).toEqual([
      'Welcome!', 'Nine to five', 'Welcome!', 'Sorry?', expect.stringMatching(/^<Answers\w+>$/), '{"template":"2026/shop"}',
    ]);
  });

  test('may name a template that is known at deployment only', () => {
    const named = templateWith((channel, stack) => { channel.addReply(anything(), LineReply.template(new CfnParameter(stack, 'Welcome').valueAsString)); });
    expect(rulesOf(named, 'LineRepliesFunction').map(({ data }) => data)).toEqual(['{"template":"<Welcome>"}']);
  });

  test('that are not named keep their names when others come before them, so that an event finds its rule after a deployment', () => {
    const nameIn = (...replies: LineReplyMatch[]) => rulesOf(templateWith((channel) => replies.forEach((match) => channel.addReply(match, HELLO))), 'LineWebhookReceiver').at(-1).id;
    expect(nameIn(keywords('a'), contains('x'))).toBe(nameIn(contains('x')));
    expect(nameIn(contains('x'))).not.toBe(nameIn(contains('y')));
  });
});

describe('the function that replies', () => {
  const build = (props: LineChannelProps = {}) => templateWith((channel, stack) => channel.addReply(keywords('a'), LineReply.fromFunction(functionOf(stack))), props);
  const template = build({ messageTypes: [LineMessageType.TEXT, LineMessageType.IMAGE] });

  test('runs the sender\'s bundle for as long as a reply token lives', () => {
    const { Handler, Timeout } = only(template, 'AWS::Lambda::Function', 'LineRepliesFunction').Properties;
    expect([Handler, Timeout]).toEqual(['index.replyToEvents', 60]);
  });

  test('may read the secret, the person\'s row, templates and media, and invoke the reply function; no more', () => {
    const statements = statementsOf(template, 'LineRepliesFunction').map(({ actions, resources: of }) => [actions.join(' '), of.map((each) => each.replace(/<(\w+?)[0-9A-F]{8}\b/g, '<$1')).join(' ')]);
    expect(statements.sort()).toEqual([
      ['dynamodb:GetItem', '<LineSubscribers.Arn>'],
      ['lambda:InvokeFunction', '<Answers.Arn> <Answers.Arn>:*'],
      ['logs:CreateLogStream logs:PutLogEvents', '<LineRepliesFunctionLogs.Arn>'],
      ['s3:GetObject s3:GetObjectVersion', '<LineMediaImageBucket.Arn>/*'],
      ['s3:GetObject s3:GetObjectVersion', '<LineSenderContent.Arn>/templates/*'],
      ['s3:ListBucket', '<LineMediaImageBucket.Arn>'],
      ['s3:ListBucket', '<LineSenderContent.Arn>'],
      ['secretsmanager:GetSecretValue', '<LineSecret>'],
      ['sqs:SendMessage sqs:GetQueueAttributes sqs:GetQueueUrl', '<LineRepliesDeadLetters.Arn>'],
    ]);
  });

  test('gets the events that name a rule, once, and not after a minute; what does not get there is kept', () => {
    const rule = only(template, 'AWS::Events::Rule', 'LineRepliesRule').Properties;
    expect(rule.EventPattern).toEqual({ source: ['line.webhook'], detail: { reply: [{ exists: true }] } });
    expect(rendered(rule.EventBusName)).toMatch(/^<LineBus\w+>$/);
    expect(rule.Targets).toMatchObject([{
      RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 10 }, DeadLetterConfig: { Arn: { 'Fn::GetAtt': [expect.stringMatching(/^LineRepliesDeadLetters/), 'Arn'] } },
    }]);
    expect(only(template, 'AWS::Lambda::EventInvokeConfig', 'LineReplies').Properties).toMatchObject({
      MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0, DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': [expect.stringMatching(/^LineRepliesDeadLetters/), 'Arn'] } } },
    });
  });

  test('has alarms on replies that fail and on events that do not reach it', () => {
    expect(only(template, 'AWS::CloudWatch::Alarm', 'LineRepliesAlarm').Properties).toMatchObject({
      MetricName: 'RepliesFailed', Threshold: 1, AlarmDescription: expect.stringMatching(/runbook\.md#replies-failed$/),
    });
    expect(only(template, 'AWS::CloudWatch::Alarm', 'LineRepliesDeadLettersAlarm').Properties.AlarmDescription).toMatch(/runbook\.md#replies-not-run$/);
  });

  test('reads templates from the bucket that the user gave', () => {
    const given = templateOf((stack) => {
      const templateBucket = new s3.Bucket(stack, 'Templates', { versioned: true });
      new LineChannel(stack, 'Line', { greeting: HELLO, sending: { templateBucket } });
    });
    expect(rendered(environmentOf(given, 'LineRepliesFunction').LINE_TEMPLATE_BUCKET)).toMatch(/^<Templates\w+>$/);
    expect(statementsOf(given, 'LineRepliesFunction').flatMap(({ resources: of }) => of)).toContainEqual(expect.stringMatching(/^<Templates\w+\.Arn>\/templates\/\*$/));
  });

  test('keeps what did not reach it under the user\'s key, which the bus may use for it', () => {
    const encrypted = templateOf((stack) => {
      new LineChannel(stack, 'Line', { greeting: HELLO, encryptionKey: new kms.Key(stack, 'Key') });
    });
    expect(only(encrypted, 'AWS::SQS::Queue', 'LineRepliesDeadLetters').Properties.KmsMasterKeyId).toBeDefined();
    const statements: any[] = only(encrypted, 'AWS::KMS::Key', 'Key').Properties.KeyPolicy.Statement;
    const ours = statements.filter(({ Condition }) => JSON.stringify(Condition ?? {}).includes(':rule/'));
    expect(ours).toMatchObject([{ Principal: { Service: 'events.amazonaws.com' }, Action: ['kms:Decrypt', 'kms:GenerateDataKey'] }]);
    expect(rendered(ours[0].Condition.ArnLike['aws:SourceArn'])).toMatch(/^arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:rule\/Stack-Line-\w+\/\*$/);
  });
});

describe('a greeting', () => {
  test.each<[string, (stack: Stack) => void]>([
    ['as a prop', (stack) => new LineChannel(stack, 'Line', { greeting: HELLO })],
    ['by the method', (stack) => new LineChannel(stack, 'Line').onFollow(HELLO)],
  ])('%s warns once of LINE\'s own', (_name, build) => {
    const stack = testStack();
    build(stack);
    Template.fromStack(stack);
    expect(annotations(stack, 'Warning')).toEqual([expect.stringMatching(/LINE's own greeting message is on by default.*\[ack: cdk-line-pinpoint:lineGreeting\]/)]);
  });

  test('may be a function of another stack', () => {
    // GIVEN
    const app: App = testApp();
    const functions = new Stack(app, 'Functions');
    const stack = new Stack(app, 'Stack');
    // WHEN
    new LineChannel(stack, 'Line').onFollow(LineReply.fromFunction(functionOf(functions)));
    // THEN
    expect(rendered(environmentOf(Template.fromStack(stack), 'LineRepliesFunction').LINE_REPLIES))
      .toMatch(/^\[\{"id":"follow","match":\{"kind":"follow"\},"functionName":"\{"Fn::ImportValue":"Functions:.*Answers.*"\}"\}\]$/);
  });
});

describe('errors', () => {
  const add = (...matches: LineReplyMatch[]) => messageOf((stack) => {
    const channel = new LineChannel(stack, 'Line');
    matches.forEach((match) => channel.addReply(match, HELLO));
  });

  test.each<[string, LineReplyMatch[], string]>([
    ['the same keyword', [keywords('a', 'b'), keywords('Ｂ')], '{"kind":"text","keywords":["b"]}'],
    ['the same part', [contains('a'), contains('A')], '{"kind":"text","contains":["a"]}'],
    ['the same postback data', [postback('a'), postback('b', 'a')], '{"kind":"postback","data":["b","a"]}'],
    ['the same prefix', [postbackPrefix('a'), postbackPrefix('a')], '{"kind":"postback","prefix":"a"}'],
    ['anything', [anything(), anything()], 'anything'],
  ])('two rules for %s', (_name, matches, what) => {
    expect(add(...matches)).toMatch(`Stack/Line: what the reply for ${what} is for is answered by another one already (rule '`);
  });

  test.each<[string, LineReplyMatch[]]>([
    ['a keyword and a part', [keywords('a'), contains('a')]],
    ['a keyword and postback data', [keywords('a'), postback('a')]],
    ['postback data and a prefix', [postback('a'), postbackPrefix('a')]],
  ])('but not %s', (_name, matches) => {
    expect(() => add(...matches)).toThrow('nothing was thrown');
  });

  test('two greetings', () => {
    expect(messageOf((stack) => new LineChannel(stack, 'Line', { greeting: HELLO }).onFollow(HELLO)))
      .toBe('Stack/Line: the channel has a greeting already: give `greeting`, or call `onFollow` once');
  });

  test('a name that is none, or another rule\'s', () => {
    const named = (...names: string[]) => messageOf((stack) => {
      const channel = new LineChannel(stack, 'Line', { greeting: HELLO });
      names.forEach((name, n) => channel.addReply(keywords(`k${n}`), HELLO, name));
    });
    expect(named('opening hours')).toBe("Stack/Line: `name` must be a rule's name of 1 to 64 letters, digits, - and _, got 'opening hours'");
    expect(named('a', 'a')).toBe("Stack/Line: `name` of a reply is 'a', which another one has already: give each a name of its own");
    expect(named('follow')).toMatch("`name` of a reply is 'follow', which another one has already");
  });

  test('more than a function\'s environment holds, with the way out', () => {
    // GIVEN the longest greeting that fits, of characters of three bytes
    const greet = (length: number) => new LineChannel(testStack(), 'Line', { greeting: LineReply.message('あ'.repeat(length)) });
    const most = Math.floor((MAX_REPLIES_BYTES - JSON.stringify([{ id: 'follow', match: { kind: 'follow' }, data: '' }]).length) / 3);
    // THEN
    expect(() => greet(most)).not.toThrow();
    expect(() => greet(most + 1)).toThrow(/^Stack\/Line: the channel's greeting and replies have 250\d bytes of JSON together.*they may have 2500.*LineReply\.template\('welcome'\)$/);
    expect(messageOf((stack) => {
      const channel = new LineChannel(stack, 'Line');
      Array.from({ length: 30 }, (_, n) => channel.addReply(keywords(`k${n}`), LineReply.fromFunction(functionOf(stack, `F${n}`)), `rule-${n}`));
    })).toMatch('put the longer messages into templates');
  });

  test.each<[string, () => unknown, string]>([
    ['no keyword', () => keywords(), 'LineReplyMatch.keywords() must be given at least one text, got none: for every message use LineReplyMatch.anything()'],
    ['a blank keyword', () => keywords('a', ' \u3000'), 'a text of LineReplyMatch.keywords() must be known at synth and have 1 to 300 characters that are not all space, got \' \u3000\' of 2'],
    ['an empty part, which every text has', () => contains(''), 'a text of LineReplyMatch.contains() must'],
    ['a postback of a token', () => postback(new Stack().region), 'a text of LineReplyMatch.postback() must be known at synth and have 1 to 300 characters that are not all space, got a token'],
    ['a prefix that is too long', () => postbackPrefix('x'.repeat(MAX_REPLY_MATCH_LENGTH + 1)), `got '${'x'.repeat(200)}' of 301`],
    ['a blank message', () => LineReply.message(' '), '`data` of LineReply.message() must be a text or the JSON text of LINE messages, got " ": write what to reply'],
    ['a template\'s file name', () => LineReply.template('welcome card'), "`name` of LineReply.template() must be letters, digits, _ and -, with . and / between them, at most 200, such as '2026/welcome', got 'welcome card'"],
  ])('%s', (_name, make, message) => {
    expect(make).toThrow(message);
  });
});
