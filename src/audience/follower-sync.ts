import { Duration, RemovalPolicy, Resource, Token } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { SubscriberImportEngine } from './subscriber-import-engine';
import { IMPORT_PREFIX, ImportConfig } from '../contract/imports';
import type { LineChannelBase } from '../line/line-channel-base';
import { ChannelResources, grantTableRead } from '../shared/channel-resources';
import { jobTopic } from '../shared/job-topic';
import { LineFunctionOptions } from '../shared/line-function-options';
import { uniqueName } from '../shared/unique-name';
import { fail } from '../shared/validation';

/** Properties of a synchronisation of followers. */
export interface FollowerSyncProps {
  /** Channel whose followers are read. */
  readonly channel: LineChannelBase;

  /**
   * When followers are read.
   *
   * @default - only when the state machine is started by hand
   */
  readonly schedule?: events.Schedule;

  /**
   * Whether followers are opted in again who are opted out or erased in the table. An opt-out by an event that LINE redelivered late looks
   * the same as one that somebody asked for in another way: switch it on only if blocking the account is the one way to opt out.
   *
   * @default false
   */
  readonly allowReOptIn?: boolean;

  /**
   * Share of subscribers whom LINE does not list, in per cent, above which nobody is opted out and the synchronisation fails: a list that
   * is cut short must not unsubscribe people.
   *
   * @default 10
   */
  readonly maxAbsentPercent?: number;

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
   * Customer managed key for the bucket, topic, log groups and state machine that it makes.
   *
   * @default - each service's own encryption
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * What happens to everything that holds data when the synchronisation leaves the stack.
   *
   * @default - the bucket is retained, the rest is deleted
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * What its alarm does, which rings when a synchronisation fails.
   *
   * @default - it changes its state and does nothing else
   */
  readonly alarmActions?: cloudwatch.IAlarmAction[];
}

/**
 * Brings the subscriber table and LINE's list of followers together: followers whom the table does not know become subscribers, and
 * subscribers whom LINE does not list any more are opted out. For those who hold no export, and against events that were lost.
 *
 * LINE gives the list to verified and premium accounts only; for others the synchronisation fails and says so.
 * Source: LINE, Messaging API reference, "Get a list of users who added your LINE Official Account as a friend".
 *
 * @example
 * declare const channel: LineChannel;
 * new FollowerSync(this, 'Followers', { channel, schedule: events.Schedule.rate(Duration.days(7)) });
 */
export class FollowerSync extends Resource {
  /** Reads and writes. Start it with `{}`. */
  public readonly stateMachine: sfn.IStateMachine;

  /** Bucket of what came of it, below `imports/`. */
  public readonly bucket: s3.IBucket;

  /** Topic of the notifications. */
  public readonly notificationTopic: sns.ITopic;

  /** Alarm on synchronisations that fail. */
  public readonly alarms: cloudwatch.IAlarm[];

  /**
   * @param scope the construct that owns the synchronisation
   * @param id its id; renaming it replaces what it owns
   * @param props the channel, and what is to be different
   */
  constructor(scope: Construct, id: string, props: FollowerSyncProps) {
    super(scope, id);
    const { channel, encryptionKey, removalPolicy, functions, alarmActions, allowReOptIn = false, maxAbsentPercent = 10 } = props;
    if (!Token.isUnresolved(maxAbsentPercent) && !(maxAbsentPercent >= 0 && maxAbsentPercent <= 100)) {
      fail(this, `\`maxAbsentPercent\` must be a number from 0 to 100, got ${maxAbsentPercent}`);
    }
    const name = uniqueName(this, 100);
    const resources = new ChannelResources(this, {
      channelKey: channel.channelKey, channelName: name, functions, encryptionKey, removalPolicy, alarmActions,
    });
    this.alarms = resources.alarms;
    this.bucket = resources.bucket(this, 'Bucket', {
      versioned: true,
      lifecycleRules: [
        { prefix: IMPORT_PREFIX, expiration: Duration.days(30), noncurrentVersionExpiration: Duration.days(7) },
        { abortIncompleteMultipartUploadAfter: Duration.days(7), expiredObjectDeleteMarker: true },
      ],
    });
    this.notificationTopic = props.notificationTopic ?? jobTopic(this, 'Notifications', encryptionKey);
    const config: ImportConfig = {
      name,
      channelKey: channel.channelKey,
      format: 'USER_IDS',
      columns: {},
      otherColumns: 'REFUSE',
      maxRejectedPercent: 0,
      maxAbsentPercent,
      allowReOptIn,
      tag: { kind: 'none' },
      replaceTag: false,
    };
    const engine = new SubscriberImportEngine(this, 'Engine', {
      freeze: 'listFollowers',
      description: 'Reads the followers of a LINE channel and compares them with its subscribers',
      subscribers: channel.subscribers,
      config,
      bucket: this.bucket,
      topic: this.notificationTopic,
      maxConcurrency: 4,
      resources,
    });
    channel._grantLineAccess(engine.freezeFunction);
    grantTableRead(channel.subscribers.table, engine.freezeFunction, 'dynamodb:Scan');
    this.stateMachine = engine.stateMachine;
    if (props.schedule) {
      new events.Rule(this, 'Schedule', {
        description: 'Brings subscribers and followers of a LINE channel together',
        schedule: props.schedule,
        targets: [new targets.SfnStateMachine(engine.stateMachine, { retryAttempts: 3 })],
      });
    }
  }
}
