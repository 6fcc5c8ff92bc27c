import { ArnFormat, CfnOutput, Duration, Lazy, RemovalPolicy, Resource, Stack, Token } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { CampaignChannelConfig, ICampaignChannel } from './campaign-channel';
import { RunCampaignsFunction } from './handlers/run-campaigns-function';
import { RecipientSource } from './recipient-source';
import { ISubscriberTable } from '../audience/subscriber-table';
import {
  CAMPAIGN_DROP_PREFIX, CAMPAIGN_EVENT_SOURCE, CAMPAIGN_RUN_CHANGED, CampaignConfig, DEFAULT_RUN_RETENTION_DAYS, PLANNED_PREFIX,
  REJECTED_DROP_PREFIX,
  RUN_PARTITION_KEY, RUN_PREFIX, RUN_SORT_KEY, SPILL_PREFIX, STATE_INDEX, STATE_INDEX_PARTITION_KEY, STATE_INDEX_SORT_KEY, SourceConfig,
  SourceNeeds,
} from '../contract/campaigns';
import {
  ENV_CAMPAIGN_BUCKET, ENV_CAMPAIGN_CHANNEL_FUNCTION, ENV_CAMPAIGN_CONFIG, ENV_CAMPAIGN_CONTROL_FUNCTION_ARN, ENV_CAMPAIGN_STATE_MACHINE,
  ENV_EVENT_BUS, ENV_NOTIFICATION_TOPIC_ARN,
  ENV_RUNS_TABLE, ENV_SCHEDULE_GROUP, ENV_SCHEDULE_ROLE_ARN, ENV_SOURCE_NEEDS, ENV_STATISTICS_FUNCTION, ENV_SUBSCRIBER_TABLE,
} from '../contract/environment';
import { PINPOINT_MAX_ENDPOINTS } from '../contract/limits';
import { METRIC_DIMENSION, METRIC_NAMESPACE, Metric } from '../contract/metrics';
import { CHANNEL_KEY_PATTERN } from '../contract/subscriber';
import { takePrefixes } from '../shared/bucket-prefixes';
import {
  ChannelResources, HandlerSettings, checkGivenBucket, grantObjects, grantTableKeyWrite, grantTableRead,
  sendEventsToEventBridge, useHandler, warnIfUnversioned, warnIfWithoutEvents, warnToAddStatement,
} from '../shared/channel-resources';
import { chunkMap, functionStep } from '../shared/chunk-map';
import { JobMachine, letRulesUseKey } from '../shared/job-machine';
import { jobTopic } from '../shared/job-topic';
import { LineFunctionOptions } from '../shared/line-function-options';
import { uniqueName } from '../shared/unique-name';
import { checkInteger, checkPattern, fail } from '../shared/validation';

/** What happens after the first batch of each treatment. */
export enum CampaignCanary {
  /** There is no canary: everything is sent at once. */
  OFF = 'OFF',
  /** The first batch of each treatment, up to 500 people, goes alone; the rest follows unless it was refused. */
  AUTO = 'AUTO',
  /** The first batch of each treatment goes alone; the rest follows when the run is resumed. */
  CONFIRM = 'CONFIRM',
}

/** Hours of the day in which nobody is sent to. */
export interface QuietHours {
  /** When they begin, `hh:mm`. */
  readonly from: string;

  /** When they end, `hh:mm`; may be before `from`: then they pass midnight. */
  readonly to: string;

  /** IANA name of the time zone, such as `Asia/Tokyo`. */
  readonly timeZone: string;
}

/** Where a run is. */
export enum CampaignRunState {
  /** Begins at its time. */
  SCHEDULED = 'SCHEDULED',
  /** Not a run itself: begins one each time. */
  RECURRING = 'RECURRING',
  /** Written down; its recipients are being frozen. */
  STARTING = 'STARTING',
  /** Recipients are frozen, and are being sent to. */
  SENDING = 'SENDING',
  /** Waits for the end of quiet hours. */
  HELD = 'HELD',
  /** To be paused, once what was attempted is decided. */
  PAUSING = 'PAUSING',
  /** Goes on when it is resumed. */
  PAUSED = 'PAUSED',
  /** To be cancelled, once what was attempted is decided. */
  CANCELLING = 'CANCELLING',
  /** Ended: nobody else is sent to. */
  CANCELLED = 'CANCELLED',
  /** Ended: its time was over, or quiet hours dropped the rest. */
  EXPIRED = 'EXPIRED',
  /** Ended: everybody is decided. */
  COMPLETED = 'COMPLETED',
  /** Could not go on; can be resumed once the cause is mended. */
  FAILED = 'FAILED',
}

/** Which changes of runs a rule routes, and where to. */
export interface CampaignChangeOptions {
  /**
   * States that a run came to.
   *
   * @default - every change
   */
  readonly states?: CampaignRunState[];

  /**
   * Where matching events go. An event's detail is `{"runner","runId","campaign","kind","state","reason","recipients","counts","at"}`.
   *
   * @default - none; add targets to the rule
   */
  readonly target?: events.IRuleTarget;
}

/** Properties of a campaign runner. */
export interface CampaignRunnerProps {
  /** Channel that campaigns are sent through, such as a `LineChannel`. */
  readonly channel: ICampaignChannel;

  /**
   * Where recipients come from, by the name that a campaign chooses the source by: letters, digits, `_`, `.` and `-`, at most 64.
   *
   * @default - none; add them with `addSource`
   */
  readonly sources?: { [name: string]: RecipientSource };

  /**
   * Table that the sources read. Then `channelKey` is required.
   *
   * @default - the channel's own
   */
  readonly subscribers?: ISubscriberTable;

  /**
   * Key of the channel in the table.
   *
   * @default - the channel's own
   */
  readonly channelKey?: string;

  /**
   * Bucket of frozen recipients and results, below `runs/`, of inputs dropped as files, below `campaigns/`, of inputs of campaigns to come,
   * below `planned/`, and of what is in between, below `spill/` and `rejected/`. Runners cannot share a bucket: each would send what is dropped.
   * For dropped files a given bucket must send events to Amazon EventBridge (`eventBridgeEnabled`); objects of runs are not removed from it
   * after `retention` unless it has such rules.
   *
   * @default - a bucket is made: private, TLS only, encrypted, versioned
   */
  readonly bucket?: s3.IBucket;

  /**
   * Chunks of 5,000 people that are sent side by side. The channel's own pace holds whatever this is.
   *
   * @default 10
   */
  readonly maxConcurrency?: number;

  /**
   * What happens after the first batch of each treatment, unless a campaign says otherwise.
   *
   * @default CampaignCanary.AUTO
   */
  readonly canary?: CampaignCanary;

  /**
   * Hours in which nobody is sent to: a run that is under way waits for their end, or drops the rest if the campaign says so.
   *
   * @default - none
   */
  readonly quietHours?: QuietHours;

  /**
   * Share of refused people among those decided, in per cent, from which on a run is paused, unless a campaign says otherwise. 100
   * pauses only when everybody of a canary is refused.
   *
   * @default 10
   */
  readonly pauseAtRefusedPercent?: number;

  /**
   * How long after its start a run drops what is left, unless a campaign says otherwise.
   *
   * @default - never
   */
  readonly maxDuration?: Duration;

  /**
   * How long runs are remembered and the objects of a created bucket are kept, at least 40 days: a run that waits for the next month's
   * quota must still be there.
   *
   * @default Duration.days(90)
   */
  readonly retention?: Duration;

  /**
   * Topic of notifications when runs start, end, pause and fail.
   *
   * @default - a topic is made
   */
  readonly notificationTopic?: sns.ITopic;

  /**
   * Bus on which every change of a run is said.
   *
   * @default - the channel's own
   */
  readonly eventBus?: events.IEventBus;

  /**
   * Settings that reach every function.
   *
   * @default - defaults of `LineFunctionOptions`
   */
  readonly functions?: LineFunctionOptions;

  /**
   * Customer managed key for every table, queue, bucket, topic, log group and state machine that the runner makes.
   *
   * @default - each service's own encryption
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * What happens to everything that holds data when the runner leaves the stack.
   *
   * @default - table and bucket are retained, the rest is deleted
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * What the runner's alarms do. There is one each on executions that fail, on runs that fail and on what could not be handled.
   *
   * @default - alarms change their state and do nothing else
   */
  readonly alarmActions?: cloudwatch.IAlarmAction[];
}

/** Names of sources and of campaigns' parts that become keys. */
const SOURCE_NAME_PATTERN = /^[\w.-]{1,64}$/;

/** Source: Lambda's limit for the environment is 4 KB, and a state's input has 256 KB. */
const MAX_SOURCES_BYTES = 200_000;
const MAX_NEEDS_BYTES = 1_500;

const READ_CONCURRENCY = 10;

/** Below which the runner's objects lie. */
const WORK_PREFIXES = [RUN_PREFIX, PLANNED_PREFIX, SPILL_PREFIX, CAMPAIGN_DROP_PREFIX, REJECTED_DROP_PREFIX];

/**
 * Objects of any run. As many characters as a run id has: a `*` would also stand for what lies deeper, such as the first chunk of a
 * treatment called `source`, `chunks-1/source-0.jsonl`. Source: AWS IAM, "IAM JSON policy elements: Resource", wildcards.
 */
const OBJECTS_OF_A_RUN = `${RUN_PREFIX}run-${'?'.repeat(24)}/`;

/** What of a run the channel's function reads and writes, as `ChunkSendEvent` names it, and what a source's function writes. */
const CHANNEL_READS = ['chunks-*', 'content/*', 'flags/*', 'results/*'];
const CHANNEL_WRITES = ['results/*'];
const SOURCE_WRITES = ['source-*'];

/** How long the state machine waits before it invokes the channel once more with a chunk that is not decided. */
const UNDONE_PAUSE = Duration.seconds(30);

/**
 * Sends campaigns through a channel: freezes who gets them, sends chunk by chunk, and proves what became of everybody. It runs on
 * Step Functions, S3, DynamoDB and EventBridge Scheduler and needs nothing of Amazon Pinpoint.
 *
 * Campaigns are started, paused, resumed, cancelled and asked about by invoking `controlFunction`, or started by dropping a file;
 * `docs/campaigns.md` has every input, state and outcome.
 *
 * @example
 * declare const channel: LineChannel;
 * new CampaignRunner(this, 'Campaigns', {
 *   channel,
 *   sources: { everybody: RecipientSource.allSubscribers() },
 * });
 */
export class CampaignRunner extends Resource {
  /** Name of the runner: made of stack name and path; value of the metric dimension `Channel` and of the events' `runner`. */
  public readonly runnerName: string;

  /** Invoked with a JSON input to start, pause, resume, cancel, retry, estimate, schedule, list campaigns and ask for their status. */
  public readonly controlFunction: lambda.IFunction;

  /** Runs the campaigns. Start campaigns with `controlFunction`, which checks the input first. */
  public readonly stateMachine: sfn.IStateMachine;

  /** Bucket of frozen recipients, results and dropped inputs. */
  public readonly bucket: s3.IBucket;

  /** Table of the runs. Nothing else may write to it. */
  public readonly runsTable: dynamodb.ITable;

  /** Topic of notifications. */
  public readonly notificationTopic: sns.ITopic;

  /** Where dropped files, schedules and checks end that could not be handled. */
  public readonly failureQueue: sqs.IQueue;

  /** Alarms: on executions that fail, on runs that fail and on what could not be handled. */
  public readonly alarms: cloudwatch.IAlarm[];

  private readonly resources: ChannelResources;
  private readonly channel: CampaignChannelConfig;
  private readonly eventBus?: events.IEventBus;
  private readonly sources = new Map<string, RecipientSource>();
  private readonly planFunction: lambda.Function;
  private readonly readFunction: lambda.Function;

  /**
   * @param scope the construct that owns the runner
   * @param id the id of the runner; renaming it replaces what the runner owns
   * @param props channel and sources, and what is to be different
   */
  constructor(scope: Construct, id: string, props: CampaignRunnerProps) {
    super(scope, id);
    this.runnerName = uniqueName(this, 100);
    this.channel = props.channel.bindCampaign(this);
    const { subscribers, channelKey } = this.audience(props);
    const { encryptionKey, removalPolicy, functions, alarmActions } = props;
    this.resources = new ChannelResources(this, { channelKey, channelName: this.runnerName, functions, encryptionKey, removalPolicy, alarmActions });
    this.alarms = this.resources.alarms;
    const config = this.config(props);
    this.eventBus = props.eventBus ?? this.channel.eventBus;
    this.bucket = props.bucket ?? this.createBucket(config.retentionDays);
    if (props.bucket) {
      checkGivenBucket(this, 'bucket', props.bucket, {
        actions: ['s3:GetObject', 's3:PutObject', 's3:ListBucket'], prefixes: WORK_PREFIXES,
      });
      warnIfUnversioned(this, 'bucket', props.bucket, 'chunks and results that somebody deletes or overwrites cannot be brought back');
      warnIfWithoutEvents(this, 'bucket', props.bucket, `campaigns dropped as files below ${CAMPAIGN_DROP_PREFIX} are not noticed`);
    }
    takePrefixes(this, this.bucket, WORK_PREFIXES, 'a dropped campaign would be sent by both; give another bucket, or leave `bucket` out');
    const runs = this.createTable();
    this.runsTable = runs;
    this.notificationTopic = props.notificationTopic ?? jobTopic(this, 'Notifications', encryptionKey);
    const failures = this.resources.deadLetterQueue(this, 'Failures', {
      meaning: 'A dropped campaign file, a schedule or the watchdog could not be handled; the messages say which.',
      runbook: 'campaigns-not-handled',
    });
    this.failureQueue = failures;

    const make = (functionId: string, handler: string, settings: HandlerSettings) => useHandler(
      new RunCampaignsFunction(this, functionId, this.resources.functionOptions(this, functionId, {
        ...settings,
        environment: {
          [ENV_CAMPAIGN_CONFIG]: this.stack.toJsonString(config),
          [ENV_RUNS_TABLE]: runs.tableName,
          [ENV_CAMPAIGN_BUCKET]: this.bucket.bucketName,
          ...settings.environment,
        },
      })), handler);
    const voice = {
      [ENV_NOTIFICATION_TOPIC_ARN]: this.notificationTopic.topicArn,
      ...(this.eventBus && { [ENV_EVENT_BUS]: this.eventBus.eventBusName }),
    };
    const channelFunction = { [ENV_CAMPAIGN_CHANNEL_FUNCTION]: this.channel.handler.functionName };
    const long = Duration.minutes(15);

    const table = { [ENV_SUBSCRIBER_TABLE]: subscribers.table.tableName };
    const plan = make('Plan', 'plan', {
      description: 'Plans how the recipients of a campaign are read', timeout: long, environment: { ...table, ...voice },
    });
    const read = make('Read', 'read', {
      description: 'Reads some of the recipients of a campaign', timeout: long, environment: table, memorySize: 1_024,
    });
    const pack = make('Pack', 'pack', { description: 'Packs the recipients of a campaign into chunks', timeout: long, memorySize: 1_024 });
    const look = make('Look', 'look', {
      description: 'Looks at what became of a campaign and decides how it goes on', timeout: long, environment: { ...voice, ...channelFunction },
    });
    this.planFunction = plan;
    this.readFunction = read;
    for (const step of [plan, read, pack, look]) {
      this.grantRuns(step);
      this.grantWork(step, RUN_PREFIX, 's3:GetObject', 's3:PutObject');
    }
    for (const step of [read, pack]) {
      this.grantWork(step, SPILL_PREFIX, 's3:GetObject', 's3:PutObject');
    }
    // Without it S3 answers 403 instead of 404 for an object that does not exist (Amazon S3 API, GetObject).
    for (const step of [plan, pack, look, read]) {
      iam.Grant.addToPrincipalOrResource({ grantee: step, actions: ['s3:ListBucket'], resourceArns: [this.bucket.bucketArn], resource: this.bucket });
    }
    // The table says every six hours how many rows it has; plan counts a share of them.
    grantTableRead(subscribers.table, plan, 'dynamodb:DescribeTable', 'dynamodb:Scan', 'dynamodb:Query');
    grantTableRead(subscribers.table, read, 'dynamodb:Scan', 'dynamodb:Query', 'dynamodb:BatchGetItem');
    this.channel.handler.grantInvoke(look);

    const send = this.channel.takesChunks ? this.channel.handler : make('SendMaps', 'sendMaps', {
      description: 'Sends a campaign to maps of endpoints', timeout: long, environment: { ...channelFunction, ...table },
    });
    if (this.channel.takesChunks) {
      this.letUseBucket(this.channel.handler, { reads: CHANNEL_READS, writes: CHANNEL_WRITES });
    } else {
      this.grantRuns(send);
      this.grantWork(send, RUN_PREFIX, 's3:GetObject', 's3:PutObject');
      iam.Grant.addToPrincipalOrResource({ grantee: send, actions: ['s3:ListBucket'], resourceArns: [this.bucket.bucketArn], resource: this.bucket });
      this.channel.handler.grantInvoke(send);
      // Who opted out since the recipients were frozen.
      grantTableRead(subscribers.table, send, 'dynamodb:BatchGetItem');
    }

    const machine = this.createStateMachine({ plan, read, pack, look, send, maxConcurrency: props.maxConcurrency ?? 10 });
    this.stateMachine = machine;

    const group = new scheduler.ScheduleGroup(this, 'Schedules', {
      scheduleGroupName: uniqueName(this, 64),
      removalPolicy: this.resources.transientRemovalPolicy,
    });
    const scheduleRole = this.createScheduleRole(group);
    const command = {
      ...voice,
      [ENV_CAMPAIGN_STATE_MACHINE]: machine.stateMachineArn,
      [ENV_SOURCE_NEEDS]: this.stack.toJsonString(this.lazySourceNeeds()),
      [ENV_SCHEDULE_GROUP]: group.scheduleGroupName,
      [ENV_SCHEDULE_ROLE_ARN]: scheduleRole.roleArn,
    };
    const control = make('Control', 'control', {
      description: 'Starts, stops and lists campaigns', timeout: Duration.minutes(1), environment: command,
    });
    const watch = make('Watch', 'watch', {
      description: 'Goes on with campaigns that nobody works on any more',
      timeout: Duration.minutes(5),
      environment: {
        ...command,
        // Schedules that it makes invoke the control function, as those do that the control function makes.
        [ENV_CAMPAIGN_CONTROL_FUNCTION_ARN]: control.functionArn,
        ...(this.channel.statisticsFunction && { [ENV_STATISTICS_FUNCTION]: this.channel.statisticsFunction.functionName }),
      },
    });
    this.controlFunction = control;
    for (const commander of [control, watch]) {
      this.grantRuns(commander);
      iam.Grant.addToPrincipal({ grantee: commander, actions: ['dynamodb:Query'], resourceArns: [`${runs.tableArn}/index/${STATE_INDEX}`] });
      this.grantWork(commander, RUN_PREFIX, 's3:GetObject', 's3:PutObject');
      this.grantWork(commander, PLANNED_PREFIX, 's3:GetObject', 's3:PutObject', 's3:DeleteObject');
      iam.Grant.addToPrincipalOrResource({ grantee: commander, actions: ['s3:ListBucket'], resourceArns: [this.bucket.bucketArn], resource: this.bucket });
      machine.grantStartExecution(commander);
      machine.grantExecution(commander, 'states:DescribeExecution');
      this.grantSchedules(commander, group, scheduleRole);
    }
    this.grantWork(control, CAMPAIGN_DROP_PREFIX, 's3:GetObject');
    this.grantWork(control, REJECTED_DROP_PREFIX, 's3:PutObject');
    this.channel.statisticsFunction?.grantInvoke(watch);
    control.grantInvoke(scheduleRole);
    for (const speaker of [plan, look, control, watch]) {
      this.notificationTopic.grantPublish(speaker);
      this.eventBus?.grantPutEventsTo(speaker);
    }
    // A file or a schedule that waited for hours is not a campaign that anybody still expects.
    for (const called of [control, watch]) {
      called.configureAsyncInvoke({ maxEventAge: Duration.hours(1), retryAttempts: 2, onFailure: new SqsDestination(failures) });
    }
    if (encryptionKey) {
      letRulesUseKey(this, encryptionKey);
    }
    new events.Rule(this, 'Dropped', {
      description: 'Starts campaigns that are dropped as files',
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created'],
        detail: { bucket: { name: [this.bucket.bucketName] }, object: { key: [{ prefix: CAMPAIGN_DROP_PREFIX }] } },
      },
      targets: [new targets.LambdaFunction(control, { deadLetterQueue: failures, retryAttempts: 10, maxEventAge: Duration.hours(1) })],
    });
    new events.Rule(this, 'Watchdog', {
      description: 'Has campaigns looked after that nobody works on any more',
      schedule: events.Schedule.rate(Duration.minutes(5)),
      targets: [new targets.LambdaFunction(watch, { retryAttempts: 0 })],
    });
    if (this.channel.statisticsFunction) {
      new events.Rule(this, 'Statistics', {
        description: 'Has the channel\'s statistics of campaigns collected',
        schedule: events.Schedule.rate(Duration.days(1)),
        targets: [new targets.LambdaFunction(watch, { event: events.RuleTargetInput.fromObject({ task: 'statistics' }), retryAttempts: 2 })],
      });
    }
    this.resources.alarm(this, 'ExecutionsAlarm', {
      metric: machine.metricFailed({ period: Duration.minutes(5), statistic: 'Sum' }),
      meaning: 'An execution of the campaigns\' state machine failed; its run says why.',
      runbook: 'campaign-runs-failed',
    });
    this.resources.alarm(this, 'RunsAlarm', {
      metric: this.metric(Metric.CAMPAIGNS_FAILED),
      meaning: 'A campaign could not go on; it can be resumed once the cause is mended.',
      runbook: 'campaign-runs-failed',
    });

    Object.entries(props.sources ?? {}).forEach(([name, source]) => this.addSource(name, source));
    new CfnOutput(this, 'ControlFunction', { description: 'Invoke this to start campaigns and to ask about them', value: control.functionName });
  }

  /**
   * Registers a source of recipients.
   *
   * @param name by which campaigns choose it: letters, digits, `_`, `.` and `-`, at most 64
   * @param source where its recipients come from
   */
  public addSource(name: string, source: RecipientSource): void {
    checkPattern(this, 'sources', name, SOURCE_NAME_PATTERN, 'named by 1 to 64 letters, digits, `_`, `.` and `-`');
    if (this.sources.has(name)) {
      fail(this, `\`sources\` has '${name}' already: give each source a name of its own`);
    }
    this.sources.set(name, source);
    const { functions, grantRead } = source._bind();
    grantRead(this.readFunction);
    grantRead(this.planFunction);
    for (const each of functions) {
      each.grantInvoke(this.planFunction);
      this.letUseBucket(each, { reads: [], writes: SOURCE_WRITES });
    }
  }

  /**
   * Lets a principal start and control campaigns.
   *
   * @param grantee who gets the permission
   */
  public grantControl(grantee: iam.IGrantable): iam.Grant {
    return this.controlFunction.grantInvoke(grantee);
  }

  /**
   * Lets a principal start campaigns by dropping files, which it can neither read nor delete.
   *
   * @param grantee who gets the permission
   */
  public grantDrop(grantee: iam.IGrantable): iam.Grant {
    return this.grantWork(grantee, CAMPAIGN_DROP_PREFIX, 's3:PutObject', 's3:AbortMultipartUpload');
  }

  /**
   * Lets a principal read what became of runs: manifests, result objects, frozen recipients. They name people.
   *
   * @param grantee who gets the permission
   */
  public grantReadResults(grantee: iam.IGrantable): iam.Grant {
    return this.grantWork(grantee, RUN_PREFIX, 's3:GetObject');
  }

  /**
   * Routes changes of runs to a target.
   *
   * @param id the id of the rule
   * @param options which changes, and where to
   * @throws when neither the runner nor its channel has an event bus
   */
  public onRunChanged(id: string, options: CampaignChangeOptions = {}): events.Rule {
    const known = Object.values(CampaignRunState);
    const unknown = options.states?.filter((state) => !known.includes(state)) ?? [];
    if (options.states?.length === 0 || unknown.length > 0) {
      fail(this, `\`states\` must be some of ${known.join(', ')}, got [${options.states!.join(', ')}]: leave it out for every change`);
    }
    return new events.Rule(this, id, {
      eventBus: this.eventBus ?? fail(this, 'the channel has no event bus to route events from: give `eventBus`'),
      eventPattern: {
        source: [CAMPAIGN_EVENT_SOURCE],
        detailType: [CAMPAIGN_RUN_CHANGED],
        detail: { runner: [this.runnerName], ...(options.states && { state: options.states }) },
      },
      targets: options.target ? [options.target] : [],
    });
  }

  /**
   * Runs that began. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricCampaignsStarted(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.CAMPAIGNS_STARTED, options);
  }

  /**
   * Runs that decided everybody. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricCampaignsCompleted(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.CAMPAIGNS_COMPLETED, options);
  }

  /**
   * Runs that were paused, by somebody or by themselves. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricCampaignsPaused(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.CAMPAIGNS_PAUSED, options);
  }

  /**
   * Runs that could not go on. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricCampaignsFailed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.CAMPAIGNS_FAILED, options);
  }

  private metric(metricName: Metric, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: METRIC_NAMESPACE,
      metricName,
      dimensionsMap: { [METRIC_DIMENSION]: this.runnerName },
      statistic: 'Sum',
      period: Duration.minutes(5),
      ...options,
    }).attachTo(this);
  }

  private audience(props: CampaignRunnerProps): { subscribers: ISubscriberTable; channelKey: string } {
    if (props.subscribers && props.channelKey === undefined) {
      fail(this, '`channelKey` is required when `subscribers` is given: it names the channel\'s subscribers in the table');
    }
    checkPattern(this, 'channelKey', props.channelKey, CHANNEL_KEY_PATTERN, 'at most 32 lower case letters, digits and hyphens');
    const subscribers = props.subscribers ?? this.channel.subscribers;
    const channelKey = props.channelKey ?? this.channel.channelKey;
    if (!subscribers || channelKey === undefined) {
      fail(this, '`subscribers` and `channelKey` must be given, because the channel has no subscriber table of its own: give the table that the sources read');
    }
    return { subscribers, channelKey };
  }

  private config(props: CampaignRunnerProps): CampaignConfig {
    checkInteger(this, 'maxConcurrency', props.maxConcurrency, 1, 1_000);
    checkInteger(this, 'pauseAtRefusedPercent', props.pauseAtRefusedPercent, 1, 100);
    const { quietHours, maxDuration, retention, canary = CampaignCanary.AUTO, pauseAtRefusedPercent = 10 } = props;
    if (quietHours) {
      checkQuietHours(this, quietHours);
    }
    const maxDurationMinutes = maxDuration?.toMinutes();
    checkInteger(this, 'maxDuration', maxDurationMinutes, 1, 30 * 24 * 60);
    const retentionDays = retention?.toDays() ?? DEFAULT_RUN_RETENTION_DAYS;
    checkInteger(this, 'retention', retentionDays, 40, 3_650);
    return {
      runner: this.runnerName,
      takesChunks: this.channel.takesChunks ?? false,
      maxEndpoints: this.channel.maxEndpoints ?? PINPOINT_MAX_ENDPOINTS,
      ...(quietHours && { quietHours: { from: quietHours.from, to: quietHours.to, timeZone: quietHours.timeZone } }),
      pauseAtRefusedPercent,
      ...(maxDurationMinutes !== undefined && { maxDurationMinutes }),
      canary,
      retentionDays,
    };
  }

  private createBucket(retentionDays: number): s3.Bucket {
    const bucket = this.resources.bucket(this, 'Bucket', {
      versioned: true,
      lifecycleRules: [
        { prefix: RUN_PREFIX, expiration: Duration.days(retentionDays), noncurrentVersionExpiration: Duration.days(7) },
        // Current ones are wanted until their campaign begins.
        { prefix: PLANNED_PREFIX, noncurrentVersionExpiration: Duration.days(7) },
        { prefix: SPILL_PREFIX, expiration: Duration.days(3), noncurrentVersionExpiration: Duration.days(1) },
        { prefix: CAMPAIGN_DROP_PREFIX, expiration: Duration.days(retentionDays), noncurrentVersionExpiration: Duration.days(7) },
        { prefix: REJECTED_DROP_PREFIX, expiration: Duration.days(retentionDays), noncurrentVersionExpiration: Duration.days(7) },
        { abortIncompleteMultipartUploadAfter: Duration.days(7), expiredObjectDeleteMarker: true },
      ],
    });
    sendEventsToEventBridge(bucket);
    return bucket;
  }

  private createTable(): dynamodb.Table {
    const table = new dynamodb.Table(this, 'Runs', this.resources.tableProps(RUN_PARTITION_KEY, RUN_SORT_KEY));
    table.addGlobalSecondaryIndex({
      indexName: STATE_INDEX,
      partitionKey: { name: STATE_INDEX_PARTITION_KEY, type: dynamodb.AttributeType.STRING },
      sortKey: { name: STATE_INDEX_SORT_KEY, type: dynamodb.AttributeType.STRING },
    });
    return table;
  }

  private grantRuns(grantee: iam.IGrantable): void {
    grantTableKeyWrite(this.runsTable, grantee);
    const actions = ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:Query'];
    iam.Grant.addToPrincipal({ grantee, actions, resourceArns: [this.runsTable.tableArn] });
  }

  /** Actions on the bucket's objects below a prefix, and what they take of its key. */
  private grantWork(grantee: iam.IGrantable, prefix: string, ...actions: string[]): iam.Grant {
    const writes = actions.includes('s3:PutObject');
    this.bucket.encryptionKey?.grant(grantee, 'kms:Decrypt', ...writes ? ['kms:GenerateDataKey'] : []);
    return grantObjects(this.bucket, grantee, prefix, ...actions);
  }

  /**
   * Lets a function of the user's, perhaps of another stack, use some objects of every run. What the runner's stack made says so itself, so that
   * a channel need not know its runners; what was given, says the function's role, so that the giver need not know the channel.
   */
  private letUseBucket(user: lambda.IFunction, { reads, writes }: { reads: string[]; writes: string[] }): void {
    const roleArn = user.role?.roleArn;
    const principals = [roleArn === undefined ? new iam.AccountPrincipal(this.stack.account) : new iam.ArnPrincipal(roleArn)];
    const objects = (names: string[]) => names.map((name) => this.bucket.arnForObjects(`${OBJECTS_OF_A_RUN}${name}`));
    const statements = [
      ...reads.length > 0 ? [
        new iam.PolicyStatement({ principals, actions: ['s3:GetObject'], resources: objects(reads) }),
        // Without it S3 answers 403 instead of 404 for a chunk that does not exist any more (Amazon S3 API, GetObject).
        new iam.PolicyStatement({ principals, actions: ['s3:ListBucket'], resources: [this.bucket.bucketArn] }),
      ] : [],
      new iam.PolicyStatement({ principals, actions: ['s3:PutObject'], resources: objects(writes) }),
    ];
    for (const statement of statements) {
      if (roleArn === undefined) {
        warnToAddStatement(this, 'channelBucketPolicy', `the policy of the bucket ${this.bucket.node.path} for ${user.node.path}`, statement);
      } else if (Stack.of(this.bucket) !== this.stack || !this.bucket.addToResourcePolicy(statement).statementAdded) {
        iam.Grant.addToPrincipal({ grantee: user, actions: statement.actions, resourceArns: statement.resources });
      }
    }
    const key = this.bucket.encryptionKey;
    if (key && roleArn !== undefined) {
      const use = new iam.PolicyStatement({ principals, actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: ['*'] });
      if (Stack.of(key) !== this.stack || !key.addToResourcePolicy(use, true).statementAdded) {
        key.grant(user, ...use.actions);
      }
    }
  }

  private createStateMachine(steps: {
    plan: lambda.IFunction; read: lambda.IFunction; pack: lambda.IFunction; look: lambda.IFunction; send: lambda.IFunction; maxConcurrency: number;
  }): sfn.StateMachine {
    const bucket = this.bucket;
    const execution = { 'runId.$': '$.runId', 'generation.$': '$.generation' };
    const plan = functionStep(this, 'PlanStep', {
      function: steps.plan,
      payload: sfn.TaskInput.fromObject({ ...execution, 'execution.$': '$$.Execution.Id', 'sources': this.stack.toJsonString(this.lazySources()) }),
      resultPath: '$.plan',
    });
    const read = chunkMap(this, 'ReadStep', {
      bucket, keyPath: '$.plan.parts.key', label: 'Read', function: steps.read, maxConcurrency: READ_CONCURRENCY,
    });
    const pack = functionStep(this, 'PackStep', { function: steps.pack, payload: sfn.TaskInput.fromObject(execution), resultPath: '$.pack' });
    const look = functionStep(this, 'LookStep', { function: steps.look, payload: sfn.TaskInput.fromObject({ ...execution, 'entered.$': '$$.State.EnteredTime' }), resultPath: '$.look' });
    const send = chunkMap(this, 'SendStep', {
      bucket,
      keyPath: '$.look.pending.key',
      label: 'Send',
      function: steps.send,
      maxConcurrency: steps.maxConcurrency,
      again: {
        when: sfn.Condition.and(sfn.Condition.isPresent('$.answer.undone[0]'), sfn.Condition.isNotPresent('$.answer.stopped')),
        after: UNDONE_PAUSE,
      },
    });
    const hold = new sfn.Wait(this, 'HoldStep', { time: sfn.WaitTime.timestampPath('$.look.at') });
    const end = new sfn.Succeed(this, 'Ended');
    const noteFailure = functionStep(this, 'NoteFailureStep', {
      function: steps.look, payload: sfn.TaskInput.fromObject({ ...execution, 'error.$': '$.error' }), resultPath: sfn.JsonPath.DISCARD,
    });
    noteFailure.next(new sfn.Fail(this, 'Failed', { error: 'CampaignRunFailed', cause: 'The record of the run says why; docs/runbook.md says what to do' }));

    plan.next(new sfn.Choice(this, 'Planned')
      .when(sfn.Condition.stringEquals('$.plan.next', 'READ'), read)
      .when(sfn.Condition.stringEquals('$.plan.next', 'LOOK'), look)
      .otherwise(end));
    read.next(pack);
    pack.next(new sfn.Choice(this, 'Packed').when(sfn.Condition.booleanEquals('$.pack.again', true), pack).otherwise(look));
    look.next(new sfn.Choice(this, 'Looked')
      .when(sfn.Condition.stringEquals('$.look.next', 'SEND'), send)
      .when(sfn.Condition.stringEquals('$.look.next', 'WAIT'), hold)
      .otherwise(end));
    send.next(look);
    hold.next(look);
    for (const state of [plan, read, pack, look, send]) {
      state.addCatch(noteFailure, { resultPath: '$.error' });
    }

    return new JobMachine(this, 'Run', {
      start: plan,
      comment: 'Sends a campaign: freezes its recipients, sends chunk by chunk, looks in between',
      // Runs are held, paused and limited by their records; this only ends what would never end.
      timeout: Duration.days(60),
      bucket,
      resources: this.resources,
    });
  }

  /** Source: Amazon EventBridge Scheduler, "Confused deputy prevention". */
  private createScheduleRole(group: scheduler.ScheduleGroup): iam.Role {
    return new iam.Role(this, 'ScheduleRole', {
      description: 'By which the schedules of a campaign runner invoke its control function',
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': this.stack.account, 'aws:SourceArn': group.scheduleGroupArn } },
      }),
    });
  }

  private grantSchedules(grantee: lambda.Function, group: scheduler.ScheduleGroup, role: iam.Role): void {
    grantee.addToRolePolicy(new iam.PolicyStatement({
      actions: ['scheduler:CreateSchedule', 'scheduler:DeleteSchedule', 'scheduler:GetSchedule'],
      resources: [this.stack.formatArn({
        service: 'scheduler', resource: 'schedule', resourceName: `${group.scheduleGroupName}/*`, arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
      })],
    }));
    grantee.addToRolePolicy(new iam.PolicyStatement({
      actions: ['iam:PassRole'],
      resources: [role.roleArn],
      conditions: { StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } },
    }));
  }

  /** Sources may be added until the app is synthesized. */
  private lazySources(): any {
    return lazyObject(() => {
      const configs: { [name: string]: SourceConfig } = Object.fromEntries([...this.sources].map(([name, source]) => [name, source._bind().config]));
      if (Buffer.byteLength(JSON.stringify(this.stack.resolve(configs))) > MAX_SOURCES_BYTES) {
        fail(this, `\`sources\` are longer than ${MAX_SOURCES_BYTES} bytes of JSON, which a state machine's state cannot hold: register large segments open (\`RecipientSource.bySegment()\`), and let campaigns bring the definition`);
      }
      return configs;
    });
  }

  private lazySourceNeeds(): any {
    return lazyObject(() => {
      const needs: SourceNeeds = Object.fromEntries([...this.sources].map(([name, source]) => [name, source._bind().needs]));
      if (this.sources.size === 0) {
        fail(this, '`sources` must name at least one source, got {}: give `{ everybody: RecipientSource.allSubscribers() }`, or call `addSource`');
      }
      if (Buffer.byteLength(JSON.stringify(needs)) > MAX_NEEDS_BYTES) {
        fail(this, `\`sources\` has ${this.sources.size} sources, whose names are too long for a function's environment: register fewer, or give them shorter names`);
      }
      return needs;
    });
  }
}

function lazyObject(produce: () => any): any {
  return Lazy.any({ produce });
}

function checkQuietHours(scope: Construct, { from, to, timeZone }: QuietHours): void {
  const time = /^([01]\d|2[0-3]):[0-5]\d$/;
  checkPattern(scope, 'quietHours.from', from, time, 'a time of day such as 21:00');
  checkPattern(scope, 'quietHours.to', to, time, 'a time of day such as 09:00');
  if (from === to) {
    fail(scope, `\`quietHours.from\` and \`quietHours.to\` must differ, got '${from}' for both: leave quiet hours out if there are none`);
  }
  if (!Token.isUnresolved(timeZone)) {
    try {
      new Intl.DateTimeFormat('en', { timeZone });
    } catch {
      fail(scope, `\`quietHours.timeZone\` must be an IANA time zone such as 'Asia/Tokyo', got '${timeZone}'`);
    }
  }
}
