import { Duration, RemovalPolicy, Resource, Token } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { expectChannelKey } from './channel-keys';
import { SegmentTag } from './segment-tag';
import { SubscriberImportEngine } from './subscriber-import-engine';
import { ISubscriberTable } from './subscriber-table';
import { IMPORT_PREFIX, ImportConfig } from '../contract/imports';
import { METRIC_DIMENSION, METRIC_NAMESPACE, Metric } from '../contract/metrics';
import { CHANNEL_KEY_PATTERN, DEFAULT_CHANNEL_KEY } from '../contract/subscriber';
import { takePrefixes } from '../shared/bucket-prefixes';
import { ChannelResources, checkGivenBucket, grantObjects, sendEventsToEventBridge, warnIfWithoutEvents } from '../shared/channel-resources';
import { letRulesUseKey } from '../shared/job-machine';
import { jobTopic } from '../shared/job-topic';
import { LineFunctionOptions } from '../shared/line-function-options';
import { uniqueName } from '../shared/unique-name';
import { checkInteger, checkPattern, fail } from '../shared/validation';

/** How a file is read. */
export enum SubscriberFileFormat {
  /**
   * By its name, then by its content: JSON Lines when it is called `.json`, `.jsonl` or `.ndjson`, or begins with `{` and is not called `.csv`; LINE
   * user ids when its first line is one; else CSV.
   */
  AUTO = 'AUTO',
  /** A header line of dotted names as Amazon Pinpoint's import jobs take it (`Address`, `User.UserId`, `Attributes.Interests`), then rows. */
  CSV = 'CSV',
  /** An endpoint as JSON on each line, as Amazon Pinpoint's export jobs write it. */
  JSON_LINES = 'JSON_LINES',
  /** A LINE user id on each line. */
  USER_IDS = 'USER_IDS',
}

/** What becomes of columns that are neither an endpoint's nor mapped. */
export enum OtherColumns {
  /** They become attributes: `Attributes.<column>`. */
  ATTRIBUTES = 'ATTRIBUTES',
  /** They are left out. */
  IGNORE = 'IGNORE',
  /** A file with such a column is refused whole. */
  REFUSE = 'REFUSE',
}

/** Properties of an import. */
export interface S3SubscriberImportProps {
  /** Table that subscribers are written into. */
  readonly subscribers: ISubscriberTable;

  /**
   * Key of the channel whose subscribers they are: the channel's `channelKey`.
   *
   * @default 'line' - the key of a channel that made its own table; required when the app has channels of the table, none of which has it
   */
  readonly channelKey?: string;

  /**
   * Bucket that files are dropped into. It must send events to Amazon EventBridge (`eventBridgeEnabled`). What is in between and what came
   * of imports lies in it below `imports/`. Several imports may have one bucket when each has a `prefix` of its own.
   *
   * @default - a bucket is made: private, TLS only, encrypted, versioned
   */
  readonly bucket?: s3.IBucket;

  /**
   * Prefix of the files' keys: ends with `/`, and neither is nor begins with `imports/`.
   *
   * @default 'import/'
   */
  readonly prefix?: string;

  /**
   * How files are read. Compressed ones (gzip) are recognised by their content whatever it is.
   *
   * @default SubscriberFileFormat.AUTO
   */
  readonly format?: SubscriberFileFormat;

  /**
   * Columns of a CSV that are named otherwise: column → member of an Amazon Pinpoint endpoint as a dotted path, such as
   * `{ 'line_id': 'Address', 'city': 'Location.City', 'plan': 'Attributes.Plan' }`; `''` leaves a column out.
   *
   * @default - columns are named as Amazon Pinpoint names them
   */
  readonly columns?: { [column: string]: string };

  /**
   * What becomes of columns that are neither an endpoint's nor in `columns`.
   *
   * @default OtherColumns.ATTRIBUTES
   */
  readonly otherColumns?: OtherColumns;

  /**
   * Share of rows that cannot be imported, in per cent, above which nothing of the file is: known before the first row is written.
   *
   * @default 10
   */
  readonly maxRejectedPercent?: number;

  /**
   * Whether a newer row that says so opts people in again who are opted out or erased. Off, an import never sends to somebody who said no.
   *
   * @default false
   */
  readonly allowReOptIn?: boolean;

  /**
   * Tag that everybody in a file gets, by which campaigns choose them.
   *
   * @default SegmentTag.fromFileName()
   */
  readonly tag?: SegmentTag;

  /**
   * Whether the tag is taken from subscribers who are not in the file. An export of several files needs `false`: each would take it from the
   * others' people.
   *
   * @default false
   */
  readonly replaceTag?: boolean;

  /**
   * Chunks of 5,000 rows that are written side by side, each with 50 writes at once.
   *
   * @default 4
   */
  readonly maxConcurrency?: number;

  /**
   * How long chunks, results and rejected rows are kept in a created bucket. Dropped files are kept as long.
   *
   * @default Duration.days(90)
   */
  readonly retention?: Duration;

  /**
   * Topic of the notifications `started`, `success` and `failure` (message attribute `notification_type`).
   *
   * @default - a topic is made
   */
  readonly notificationTopic?: sns.ITopic;

  /**
   * Settings that reach every function.
   *
   * @default - defaults of `LineFunctionOptions`
   */
  readonly functions?: LineFunctionOptions;

  /**
   * Customer managed key for the queue, bucket, topic, log groups and state machine that the import makes.
   *
   * @default - each service's own encryption
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * What happens to everything that holds data when the import leaves the stack.
   *
   * @default - the bucket is retained, the rest is deleted
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * What the import's alarms do. There is one each on imports that fail and on files that could not be begun with.
   *
   * @default - alarms change their state and do nothing else
   */
  readonly alarmActions?: cloudwatch.IAlarmAction[];
}

const DEFAULT_PREFIX = 'import/';

/** Lambda's environment has 4 KB, of which the configuration may take the most. */
const MAX_CONFIG_BYTES = 2_500;

/**
 * Imports subscribers whenever a file lands below a prefix of a bucket: exports of Amazon Pinpoint (`.gz`), import files of Amazon Pinpoint
 * (CSV and JSON Lines), and lists of LINE user ids. Rows that cannot be imported are listed with line, column, value and reason.
 *
 * @example
 * declare const channel: LineChannel;
 * new S3SubscriberImport(this, 'Import', { subscribers: channel.subscribers, channelKey: channel.channelKey });
 */
export class S3SubscriberImport extends Resource {
  /** Bucket that files are dropped into. */
  public readonly bucket: s3.IBucket;

  /** Prefix of the files' keys. */
  public readonly prefix: string;

  /** Imports the files. Its input is Amazon EventBridge's event of the object. */
  public readonly stateMachine: sfn.IStateMachine;

  /** Topic of the notifications. */
  public readonly notificationTopic: sns.ITopic;

  /** Where events end of files that could not be begun with. */
  public readonly failureQueue: sqs.IQueue;

  /** Alarms: on imports that fail and on files that could not be begun with. */
  public readonly alarms: cloudwatch.IAlarm[];

  /** Name of the import, made of stack name and path: value of the metric dimension `Channel`. */
  public readonly importName: string;

  /**
   * @param scope the construct that owns the import
   * @param id the id of the import; renaming it replaces what the import owns
   * @param props the table, and what is to be different
   */
  constructor(scope: Construct, id: string, props: S3SubscriberImportProps) {
    super(scope, id);
    this.importName = uniqueName(this, 100);
    const { encryptionKey, removalPolicy, functions, alarmActions, channelKey = DEFAULT_CHANNEL_KEY } = props;
    checkPattern(this, 'channelKey', channelKey, CHANNEL_KEY_PATTERN, 'at most 32 lower case letters, digits and hyphens');
    this.prefix = this.checkPrefix(props.prefix);
    const resources = new ChannelResources(this, { channelKey, channelName: this.importName, functions, encryptionKey, removalPolicy, alarmActions });
    this.alarms = resources.alarms;
    const retention = props.retention ?? Duration.days(90);
    checkInteger(this, 'retention', retention.toDays(), 1, 3_650);
    this.bucket = props.bucket ?? this.createBucket(resources, retention);
    if (props.bucket) {
      checkGivenBucket(this, 'bucket', props.bucket, {
        actions: ['s3:GetObject', 's3:PutObject', 's3:ListBucket'], prefixes: [this.prefix, IMPORT_PREFIX],
      });
      warnIfWithoutEvents(this, 'bucket', props.bucket, `files dropped below ${this.prefix} are not imported`);
    }
    takePrefixes(this, this.bucket, [this.prefix], 'each file would be handled by both; give a `prefix` of its own, of which none begins with the other');
    expectChannelKey(this, props.subscribers, channelKey, props.channelKey !== undefined,
      'nobody would send to the imported people; give the `channelKey` of the channel that is to');
    this.notificationTopic = props.notificationTopic ?? jobTopic(this, 'Notifications', encryptionKey);
    checkInteger(this, 'maxConcurrency', props.maxConcurrency, 1, 100);

    const engine = new SubscriberImportEngine(this, 'Engine', {
      freeze: 'freeze',
      description: 'Reads a file of subscribers and freezes its rows',
      subscribers: props.subscribers,
      config: this.config(props, channelKey),
      bucket: this.bucket,
      topic: this.notificationTopic,
      maxConcurrency: props.maxConcurrency ?? 4,
      resources,
    });
    this.stateMachine = engine.stateMachine;
    grantObjects(this.bucket, engine.freezeFunction, this.prefix, 's3:GetObject', 's3:GetObjectVersion');

    const failures = resources.deadLetterQueue(this, 'Failures', {
      meaning: 'A dropped file of subscribers could not be begun with; the messages name the files.',
      runbook: 'imports-failed',
    });
    this.failureQueue = failures;
    if (encryptionKey) {
      letRulesUseKey(this, encryptionKey);
    }
    new events.Rule(this, 'Dropped', {
      description: 'Imports files of subscribers that are dropped',
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created'],
        detail: { bucket: { name: [this.bucket.bucketName] }, object: { key: [{ prefix: this.prefix }] } },
      },
      targets: [new targets.SfnStateMachine(engine.stateMachine, { deadLetterQueue: failures, retryAttempts: 10, maxEventAge: Duration.hours(12) })],
    });
  }

  /**
   * Lets a principal drop files to be imported, but neither read nor delete them.
   *
   * @param grantee who gets the permission
   */
  public grantDrop(grantee: iam.IGrantable): iam.Grant {
    this.bucket.encryptionKey?.grant(grantee, 'kms:Decrypt', 'kms:GenerateDataKey');
    return grantObjects(this.bucket, grantee, this.prefix, 's3:PutObject', 's3:AbortMultipartUpload');
  }

  /**
   * Lets a principal read what came of imports: summaries, and rejected rows, which hold what was in the files.
   *
   * @param grantee who gets the permission
   */
  public grantReadResults(grantee: iam.IGrantable): iam.Grant {
    this.bucket.encryptionKey?.grant(grantee, 'kms:Decrypt');
    return grantObjects(this.bucket, grantee, IMPORT_PREFIX, 's3:GetObject');
  }

  /**
   * Rows imported, whether they changed something or not. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricSubscribersImported(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.SUBSCRIBERS_IMPORTED, options);
  }

  /**
   * Rows that could not be imported. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricRowsRejected(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.IMPORT_ROWS_REJECTED, options);
  }

  private metric(metricName: Metric, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: METRIC_NAMESPACE,
      metricName,
      dimensionsMap: { [METRIC_DIMENSION]: this.importName },
      statistic: 'Sum',
      period: Duration.minutes(5),
      ...options,
    }).attachTo(this);
  }

  private checkPrefix(prefix = DEFAULT_PREFIX): string {
    if (!Token.isUnresolved(prefix) && (!/^[^/].*\/$/.test(prefix) || prefix.startsWith(IMPORT_PREFIX))) {
      fail(this, `\`prefix\` must end with '/' and neither begin with '/' nor with '${IMPORT_PREFIX}', where the import keeps its own objects, got '${prefix}'`);
    }
    return prefix;
  }

  private config(props: S3SubscriberImportProps, channelKey: string): ImportConfig {
    const { columns = {}, maxRejectedPercent = 10, allowReOptIn = false, replaceTag = false, tag = SegmentTag.fromFileName() } = props;
    if (!Token.isUnresolved(maxRejectedPercent) && !(maxRejectedPercent >= 0 && maxRejectedPercent <= 100)) {
      fail(this, `\`maxRejectedPercent\` must be a number from 0 to 100, got ${maxRejectedPercent}`);
    }
    for (const [column, member] of Object.entries(columns)) {
      checkPattern(this, `columns['${column}']`, member, ENDPOINT_MEMBER, `'' or a member of an endpoint such as ${MEMBER_EXAMPLES}`);
    }
    if (replaceTag && tag._config.kind === 'none') {
      fail(this, '`replaceTag` is true, but `tag` is none: give a tag, or leave `replaceTag` out');
    }
    const config: ImportConfig = {
      name: this.importName,
      channelKey,
      format: props.format ?? SubscriberFileFormat.AUTO,
      columns,
      otherColumns: props.otherColumns ?? OtherColumns.ATTRIBUTES,
      maxRejectedPercent,
      allowReOptIn,
      tag: tag._config,
      replaceTag,
    };
    if (Buffer.byteLength(JSON.stringify(config)) > MAX_CONFIG_BYTES) {
      fail(this, `\`columns\` names ${Object.keys(columns).length} columns, which are too long for a function's environment: name the others as Amazon Pinpoint does`);
    }
    return config;
  }

  private createBucket(resources: ChannelResources, retention: Duration): s3.Bucket {
    const bucket = resources.bucket(this, 'Bucket', {
      versioned: true,
      lifecycleRules: [
        ...[this.prefix, IMPORT_PREFIX].map((prefix) => ({ prefix, expiration: retention, noncurrentVersionExpiration: Duration.days(7) })),
        { abortIncompleteMultipartUploadAfter: Duration.days(7), expiredObjectDeleteMarker: true },
      ],
    });
    sendEventsToEventBridge(bucket);
    return bucket;
  }
}

/** Source: Amazon Pinpoint API reference, "EndpointRequest"; user guide, "Importing segments". */
const ENDPOINT_MEMBER = new RegExp('^$|^(?:Id|ChannelType|Address|OptOut|EndpointStatus|EffectiveDate|CreationDate|User\\.UserId'
  + '|(?:Attributes|Metrics|User\\.UserAttributes)\\..+'
  + '|Location\\.(?:City|Country|Latitude|Longitude|PostalCode|Region)'
  + '|Demographic\\.(?:AppVersion|Locale|Make|Model|ModelVersion|Platform|PlatformVersion|Timezone))$');
const MEMBER_EXAMPLES = "'Address', 'Attributes.Plan', 'User.UserAttributes.DisplayName', 'Metrics.Points', 'Location.City', 'OptOut'";
