import { createHash } from 'node:crypto';
import { Annotations, Duration, Lazy, Stack, Token } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { Construct } from 'constructs';
import { BoundCredentials } from './bound-credentials';
import { SenderFunction } from './handlers/sender-function';
import { LineMessageSender } from './line-message-sender';
import { LineReply } from './line-reply';
import { LineReplyRule } from './line-reply-rule';
import { ISubscriberTable } from '../audience/subscriber-table';
import { ENV_REPLIES, ENV_SUBSCRIBER_TABLE } from '../contract/environment';
import { MAX_REPLIES_BYTES, ReplyMatch, ReplyRule } from '../contract/replies';
import { WEBHOOK_EVENT_SOURCE } from '../contract/webhook-events';
import { ChannelResources, grantTableRead, letServiceUseKey, useHandler } from '../shared/channel-resources';
import { checkPattern, fail } from '../shared/validation';

export interface LineRepliesProps {
  /** Names the rule of each event. */
  readonly receiver: lambda.Function;
  /** Carries the event to the function that replies. */
  readonly bus: events.IEventBus;
  readonly credentials: BoundCredentials;
  readonly lineEnvironment: { [name: string]: string };
  readonly subscribers: ISubscriberTable;
  /** Has the media and templates of replies. */
  readonly sender: LineMessageSender;
  readonly failed: cloudwatch.IMetric;
  readonly resources: ChannelResources;
}

/** Name of the rule for new followers. */
const FOLLOW_RULE = 'follow';

/** Characters that a function's name has at most. Source: AWS Lambda, "CreateFunction", `FunctionName`. */
const FUNCTION_NAME_LENGTH = 64;

/** A rule, as the functions read it once its function is known. */
interface Rule extends Omit<ReplyRule, 'functionName'> {
  readonly handler?: lambda.IFunction;
}

/**
 * The channel's replies: the receiver names the rule that an event is for, the bus carries the event to a function that replies. Nothing
 * is made without a rule. Not exported from the package.
 */
export class LineReplies extends Construct {
  private readonly rules: Rule[] = [];
  private function?: lambda.Function;

  constructor(scope: Construct, id: string, private readonly props: LineRepliesProps) {
    super(scope, id);
  }

  /** Replies to whoever follows, which is once. */
  public greet(reply: LineReply): void {
    if (this.rules.some(({ id }) => id === FOLLOW_RULE)) {
      fail(this.channel, 'the channel has a greeting already: give `greeting`, or call `onFollow` once');
    }
    Annotations.of(this.channel).addWarningV2('cdk-line-pinpoint:lineGreeting',
      'LINE\'s own greeting message is on by default and would be sent beside the channel\'s: switch it off in LINE Official Account Manager, Response settings');
    this.add({ id: FOLLOW_RULE, match: { kind: 'follow' } }, reply);
  }

  /** Replies to messages and postbacks. */
  public reply({ match: { _match: match }, reply, name }: LineReplyRule): void {
    checkPattern(this.channel, 'name', name, /^[\w-]{1,64}$/, 'a rule\'s name of 1 to 64 letters, digits, - and _');
    const other = this.rules.find((rule) => sameMatch(rule.match, match));
    if (other) {
      fail(this.channel, `what the reply for ${described(match)} is for is answered by another one already (rule '${other.id}'), which comes first: take it out of one of them`);
    }
    // Of what it is for, not of where it stands: events that came before a deployment find their rule after it.
    const id = name ?? `${match.kind}-${createHash('sha256').update(JSON.stringify(match)).digest('hex').slice(0, 8)}`;
    if (this.rules.some((rule) => rule.id === id)) {
      fail(this.channel, `\`name\` of a reply is '${id}', which another one has already: give each a name of its own`);
    }
    this.add({ id, match }, reply);
  }

  private get channel(): Construct {
    return this.node.scope as Construct;
  }

  private rulesWith(nameOf: (handler: lambda.IFunction) => string): ReplyRule[] {
    return this.rules.map(({ handler, ...rule }) => ({ ...rule, ...(handler && { functionName: nameOf(handler) }) }));
  }

  private add(rule: Pick<Rule, 'id' | 'match'>, { _data: data, _handler: handler }: LineReply): void {
    this.rules.push({ ...rule, ...(data !== undefined && { data }), ...(handler && { handler }) });
    const bytes = Buffer.byteLength(JSON.stringify(this.rulesWith(({ functionName }) => longest(functionName))));
    if (bytes > MAX_REPLIES_BYTES) {
      fail(this.channel, `the channel's greeting and replies have ${bytes} bytes of JSON together, with what they are for; they may have ${MAX_REPLIES_BYTES}, since a function's environment holds no more: put the longer messages into templates, LineReply.template('welcome')`);
    }
    this.function ??= this.create();
    handler?.grantInvoke(this.function);
  }

  private create(): lambda.Function {
    const { receiver, bus, credentials, lineEnvironment, subscribers, sender, failed, resources } = this.props;
    const stack = Stack.of(this);
    receiver.addEnvironment(ENV_REPLIES, Lazy.string({ produce: () => JSON.stringify(this.rules.map(({ id, match }) => ({ id, match }))) }));

    const replier = useHandler(new SenderFunction(this, 'Function', resources.functionOptions(this, 'Function', {
      description: 'Replies to LINE events by their reply tokens',
      // As long as a reply token lives.
      timeout: Duration.minutes(1),
      environment: {
        ...credentials.environment,
        ...lineEnvironment,
        ...sender.contentEnvironment(),
        [ENV_SUBSCRIBER_TABLE]: subscribers.table.tableName,
        [ENV_REPLIES]: Lazy.string({ produce: () => stack.toJsonString(this.rulesWith(({ functionName }) => functionName)) }),
      },
    })), 'replyToEvents');
    credentials.grantRead(replier);
    grantTableRead(subscribers.table, replier, 'dynamodb:GetItem');
    sender.grantReadContent(replier);

    const deadLetterQueue = resources.deadLetterQueue(this, 'DeadLetters', {
      meaning: 'Events could not be given to the function that replies, and got no reply.',
      runbook: 'replies-not-run',
    });
    // The queue's own key must be known to the bus, which puts events there in its own name.
    this.letBusUseKey(resources);
    replier.configureAsyncInvoke({
      // The token is of no use by the time of Lambda's first repeat, a minute later.
      maxEventAge: Duration.minutes(1),
      retryAttempts: 0,
      onFailure: new SqsDestination(deadLetterQueue),
    });
    new events.Rule(this, 'Rule', {
      description: 'Events that a LINE channel replies to',
      eventBus: bus,
      eventPattern: { source: [WEBHOOK_EVENT_SOURCE], detail: { reply: events.Match.exists() } },
      targets: [new targets.LambdaFunction(replier, { deadLetterQueue, maxEventAge: Duration.minutes(1), retryAttempts: 10 })],
    });
    resources.alarm(this, 'Alarm', {
      metric: failed,
      meaning: 'People got no reply where a rule has one.',
      runbook: 'replies-failed',
    });
    return replier;
  }

  /** Source: Amazon EventBridge, "Using dead-letter queues", considerations; "Encrypting … dead-letter queues" for keys. */
  private letBusUseKey({ encryptionKey, props: { channelName } }: ChannelResources): void {
    if (encryptionKey) {
      const stack = Stack.of(this);
      letServiceUseKey(encryptionKey, new iam.PolicyStatement({
        principals: [new iam.ServicePrincipal('events.amazonaws.com')],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resources: ['*'],
        conditions: {
          StringEquals: { 'aws:SourceAccount': stack.account },
          ArnLike: { 'aws:SourceArn': stack.formatArn({ service: 'events', resource: 'rule', resourceName: `${channelName}/*` }) },
        },
      }));
    }
  }
}

/** A name that is not known yet has as many characters as it may have. */
function longest(functionName: string): string {
  return Token.isUnresolved(functionName) ? 'x'.repeat(FUNCTION_NAME_LENGTH) : functionName;
}

/** Whether some events are for both for certain, because the same text stands in both. */
function sameMatch(one: ReplyMatch, other: ReplyMatch): boolean {
  if (one.kind === 'text' && other.kind === 'text') {
    return meet(one.keywords, other.keywords) || meet(one.contains, other.contains);
  }
  if (one.kind === 'postback' && other.kind === 'postback') {
    return meet(one.data, other.data) || (one.prefix !== undefined && one.prefix === other.prefix);
  }
  return one.kind === other.kind;
}

function meet(some: readonly string[] = [], others: readonly string[] = []): boolean {
  return some.some((text) => others.includes(text));
}

function described(match: ReplyMatch): string {
  return match.kind === 'other' ? 'anything' : JSON.stringify(match);
}
