import { Annotations, ArnFormat, CfnOutput, Duration, IResource, RemovalPolicy, Resource, Stack, Token } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { BoundCredentials } from './bound-credentials';
import { SetUpChannelFunction } from './handlers/set-up-channel-function';
import { LineCredentials } from './line-credentials';
import { LineMediaLibrary, mediaTypesOf } from './line-media-library';
import { LineMessageSender } from './line-message-sender';
import { LineMessageType } from './line-message-type';
import { LineReplies } from './line-replies';
import { LineReply } from './line-reply';
import { LineReplyMatch } from './line-reply-match';
import { LineReplyRule } from './line-reply-rule';
import { LineSendingOptions } from './line-sending-options';
import { LineUnsubscribe } from './line-unsubscribe';
import { LineWebhook } from './line-webhook';
import { MediaDelivery } from './media-delivery';
import { SampleMedia } from './sample-media';
import { IWebhookAccess, WebhookAccess } from './webhook-access';
import { IAudience } from '../audience/audience';
import { Audiences } from '../audience/audiences';
import { takeChannelKey } from '../audience/channel-keys';
import { ISubscriberTable, SubscriberTable, SubscriberTableProps } from '../audience/subscriber-table';
import { CampaignChannelConfig, ICampaignChannel } from '../campaigns/campaign-channel';
import { ENV_API_BASE_URL, ENV_SUBSCRIBER_TABLE, ENV_WEBHOOK_URL } from '../contract/environment';
import { METRIC_DIMENSION, METRIC_NAMESPACE, Metric } from '../contract/metrics';
import { CHANNEL_KEY_PATTERN, DEFAULT_CHANNEL_KEY, channelPartitionKey } from '../contract/subscriber';
import { WEBHOOK_EVENT_SOURCE } from '../contract/webhook-events';
import { ChannelResources, grantTableKeyWrite, letServiceUseKey } from '../shared/channel-resources';
import { LineFunctionOptions } from '../shared/line-function-options';
import { uniqueName } from '../shared/unique-name';
import { checkBaseUrl, checkPattern, fail } from '../shared/validation';

/** Which of LINE's events a rule routes, and where to. */
export interface LineEventOptions {
  /**
   * LINE's event types, such as `follow`, `message` or `postback`. Types that LINE adds later work, too.
   *
   * @default - every event
   */
  readonly types?: string[];

  /**
   * Where matching events go. An event's detail is `{"channelKey","destination","webhookEventId","event"}`; it may come
   * more than once with the same `webhookEventId`.
   *
   * @default - none; add targets to the rule
   */
  readonly target?: events.IRuleTarget;

  /**
   * Where to create the rule, for a target in another stack that itself needs the channel: the rule then lies in the
   * target's stack, so that the two stacks do not need each other.
   *
   * @default - the channel
   */
  readonly crossStackScope?: Construct;
}

/** A LINE channel, here or in another stack. */
export interface ILineChannel extends IResource, ICampaignChannel {
  /** URL that LINE posts webhooks to; absent for a channel without a webhook. */
  readonly webhookUrl?: string;

  /**
   * Bus that every verified LINE event is published on (source `line.webhook`), and what became of sends (source `line.sender`), at least
   * once each.
   */
  readonly eventBus: events.IEventBus;

  /**
   * Function that sends a message type. It is invoked with Amazon Pinpoint's custom-channel event and answers with a
   * result per endpoint.
   *
   * @param type the message type
   * @throws when the channel was made without the type
   */
  sendFunction(type: LineMessageType): lambda.IFunction;

  /**
   * Lets a principal send through the channel, by invoking its send functions.
   *
   * @param grantee who gets the permission
   */
  grantSend(grantee: iam.IGrantable): iam.Grant;

  /**
   * Routes LINE events to a target.
   *
   * @param id the id of the rule
   * @param options which events, and where to
   */
  onEvent(id: string, options?: LineEventOptions): events.Rule;
}

/** Options that every LINE channel has, all optional. */
export interface LineChannelOptions {
  /**
   * Message types to make a send function for. Image, audio and video have a bucket each, which the types that show such
   * media use, too: images are shown by imagemap, template, flex and any as well, videos by imagemap, flex and any.
   *
   * @default - text, image, audio and video
   */
  readonly messageTypes?: LineMessageType[];

  /**
   * Where the LINE credentials are kept.
   *
   * @default LineCredentials.generated()
   */
  readonly credentials?: LineCredentials;

  /**
   * The way from LINE to the receiver.
   *
   * @default WebhookAccess.restApi()
   */
  readonly webhookAccess?: IWebhookAccess;

  /**
   * How LINE apps get at media.
   *
   * @default MediaDelivery.cloudFront()
   */
  readonly mediaDelivery?: MediaDelivery;

  /**
   * Name of the image bucket to make. Cannot be given together with `imageBucket`.
   *
   * @default - chosen by CloudFormation
   */
  readonly imageBucketName?: string;

  /**
   * Name of the audio bucket to make. Cannot be given together with `audioBucket`.
   *
   * @default - chosen by CloudFormation
   */
  readonly audioBucketName?: string;

  /**
   * Name of the video bucket to make. Cannot be given together with `videoBucket`.
   *
   * @default - chosen by CloudFormation
   */
  readonly videoBucketName?: string;

  /**
   * Existing bucket of images. It must be versioned, so that an overwritten image does not change old chats. When one
   * bucket is given for several types, each type's keys lie behind a prefix: `image/`, `audio/`, `video/`; giving it for a
   * second type later therefore moves the keys of the first. Everything in the bucket, or below the prefix, can be read
   * through a media link by whoever knows its key. It must be in the channel's region; import an encrypted one with its key.
   *
   * @default - a bucket is made: private, TLS only, encrypted, versioned, retained
   */
  readonly imageBucket?: s3.IBucket;

  /**
   * Existing bucket of audio files, see `imageBucket`.
   *
   * @default - a bucket is made: private, TLS only, encrypted, versioned, retained
   */
  readonly audioBucket?: s3.IBucket;

  /**
   * Existing bucket of videos and their cover images, see `imageBucket`.
   *
   * @default - a bucket is made: private, TLS only, encrypted, versioned, retained
   */
  readonly videoBucket?: s3.IBucket;

  /**
   * Whether blank data sends a sample message of the function's type; the sample media are put into the buckets. Off,
   * blank data is answered with an error, so that an empty campaign field does not reach people.
   *
   * @default false
   */
  readonly sampleMessages?: boolean;

  /**
   * Pace, quota, what happens to batches that LINE does not decide, engagement events, templates.
   *
   * @default - defaults of `LineSendingOptions`
   */
  readonly sending?: LineSendingOptions;

  /**
   * What new followers, and people who unblock the account, are greeted with, free of charge. LINE's own greeting is on by default and
   * would be sent as well: switch it off in LINE Official Account Manager.
   *
   * @default - none, but LINE's own
   */
  readonly greeting?: LineReply;

  /**
   * What is replied to messages and postbacks, free of charge. The first rule that is for an event replies. LINE's own auto-reply
   * messages are on by default and would be sent as well.
   *
   * @default - none
   */
  readonly replies?: LineReplyRule[];

  /**
   * What happens to a subscriber who blocks the account.
   *
   * @default LineUnsubscribe.OPT_OUT
   */
  readonly unsubscribe?: LineUnsubscribe;

  /**
   * Whether the URL of a subscriber's profile picture is stored beside display name and language.
   *
   * @default false
   */
  readonly storeProfilePicture?: boolean;

  /**
   * Whether the text of people's messages passes the queue and the event bus. Off, it is removed before it is queued.
   *
   * @default false
   */
  readonly includeMessageText?: boolean;

  /**
   * Subscriber table to use. Then `channelKey` is required.
   *
   * @default - a table is made, and retained when the stack goes
   */
  readonly subscribers?: ISubscriberTable;

  /**
   * Name of the channel inside its subscriber table: lower case letters, digits and hyphens, at most 32. It must never
   * change: it is part of every subscriber's key. LINE user ids are equal for all channels of a provider, so two channels
   * in one table need two keys.
   *
   * @default 'line' in a table that the channel makes; required when `subscribers` is given
   */
  readonly channelKey?: string;

  /**
   * Settings that reach every function.
   *
   * @default - defaults of `LineFunctionOptions`
   */
  readonly functions?: LineFunctionOptions;

  /**
   * Customer managed key for every table, queue, bucket, secret, log group and bus that the channel makes.
   *
   * @default - each service's own encryption
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * What happens to everything that holds data when the channel leaves the stack: tables, buckets, secret, a created
   * Pinpoint project, queues, event bus and log groups. Deletion of a bucket fails unless it is empty.
   *
   * @default - tables, buckets, the secret and a created Pinpoint project are retained, the rest is deleted
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * What the channel's alarms do. There is one on every dead-letter queue, and one each on credentials that do not work, on the month's
   * message quota, on messages of which nobody can know any more, on runs that were stopped, and on engagement events and replies, if
   * there are any, that are not delivered.
   *
   * @default - alarms change their state and do nothing else
   */
  readonly alarmActions?: cloudwatch.IAlarmAction[];

  /**
   * Base URL of LINE's Messaging API, for a stand-in or an egress proxy: scheme, host and port.
   *
   * @default 'https://api.line.me'
   */
  readonly apiBaseUrl?: string;
}

/** What names a LINE channel that was deployed elsewhere. */
export interface LineChannelAttributes {
  /** The channel's event bus. */
  readonly eventBus: events.IEventBus;

  /**
   * Send functions by message type (`text`, `image`, …, `any`). Import them with
   * `Function.fromFunctionAttributes` and `sameEnvironment`, so that `grantSend` can change their permissions.
   *
   * @default - none; `sendFunction` throws
   */
  readonly sendFunctions?: { [type: string]: lambda.IFunction };

  /**
   * URL that LINE posts webhooks to.
   *
   * @default - none
   */
  readonly webhookUrl?: string;

  /**
   * The channel's `chunkFunction`, for a campaign runner. Import it with `Function.fromFunctionAttributes`, with its role.
   *
   * @default - none; campaign runners cannot send through the imported channel
   */
  readonly chunkFunction?: lambda.IFunction;

  /**
   * The channel's `statisticsFunction`, for a campaign runner. Import it as `chunkFunction`.
   *
   * @default - none; runs through the imported channel have no statistics of LINE's
   */
  readonly statisticsFunction?: lambda.IFunction;

  /**
   * The channel's subscriber table, for a campaign runner.
   *
   * @default - none; a campaign runner must be given the table
   */
  readonly subscribers?: ISubscriberTable;

  /**
   * Key of the channel in the table.
   *
   * @default - none; a campaign runner must be given the key
   */
  readonly channelKey?: string;
}

/** What a channel can do wherever it was deployed. Hidden behind the exported classes. */
abstract class LineChannelReference extends Resource implements ILineChannel {
  public abstract readonly webhookUrl?: string;
  public abstract readonly eventBus: events.IEventBus;

  public abstract bindCampaign(scope: Construct): CampaignChannelConfig;

  /** @internal */
  protected abstract _findSendFunction(type: LineMessageType): lambda.IFunction | undefined;

  /** @internal */
  protected abstract _allSendFunctions(): lambda.IFunction[];

  public sendFunction(type: LineMessageType): lambda.IFunction {
    return this._findSendFunction(type) ?? fail(this, `the channel has no send function for '${type}': add it to \`messageTypes\`, or to \`sendFunctions\` of an imported channel`);
  }

  public grantSend(grantee: iam.IGrantable): iam.Grant {
    return this._allSendFunctions()
      .map((send) => send.grantInvoke(grantee))
      .reduce<iam.Grant | undefined>((all, one) => all?.combine(one) ?? one, undefined)
      ?? fail(this, 'the imported channel has no send functions to grant: give `sendFunctions`');
  }

  public onEvent(id: string, options: LineEventOptions = {}): events.Rule {
    if (options.types?.length === 0) {
      fail(this, '`types` must name at least one of LINE\'s event types, got []: leave it out for every event');
    }
    const scope = options.crossStackScope ?? this;
    if (scope.node.tryFindChild(id)) {
      fail(scope, `the id '${id}' is taken: choose another one for the rule`);
    }
    return new events.Rule(scope, id, {
      eventBus: this.eventBus,
      eventPattern: {
        source: [WEBHOOK_EVENT_SOURCE],
        ...(options.types && { detailType: options.types }),
      },
      targets: options.target ? [options.target] : [],
    });
  }
}

/** A channel that was deployed elsewhere. Hidden behind `ILineChannel`. */
class ImportedLineChannel extends LineChannelReference {
  public readonly webhookUrl?: string;
  public readonly eventBus: events.IEventBus;

  constructor(scope: Construct, id: string, private readonly attrs: LineChannelAttributes) {
    super(scope, id);
    const allowed: string[] = Object.values(LineMessageType);
    const unknown = Object.keys(attrs.sendFunctions ?? {}).filter((type) => !allowed.includes(type));
    if (unknown.length > 0) {
      fail(this, `\`sendFunctions\` must have keys of ${allowed.join(', ')}, got ${unknown.join(', ')}`);
    }
    this.webhookUrl = attrs.webhookUrl;
    this.eventBus = attrs.eventBus;
  }

  public bindCampaign(_scope: Construct): CampaignChannelConfig {
    const { chunkFunction, statisticsFunction, subscribers, channelKey } = this.attrs;
    return {
      handler: chunkFunction ?? fail(this, 'campaigns cannot be sent through the imported channel, because `chunkFunction` is not given: give the function that the channel\'s `chunkFunction` is'),
      takesChunks: true,
      subscribers,
      channelKey,
      eventBus: this.eventBus,
      statisticsFunction,
    };
  }

  /** @internal */
  protected _findSendFunction(type: LineMessageType): lambda.IFunction | undefined {
    return this.attrs.sendFunctions?.[type];
  }

  /** @internal */
  protected _allSendFunctions(): lambda.IFunction[] {
    return Object.values(this.attrs.sendFunctions ?? {});
  }
}

/** Message types of a channel that names none. */
const DEFAULT_MESSAGE_TYPES = [LineMessageType.TEXT, LineMessageType.IMAGE, LineMessageType.AUDIO, LineMessageType.VIDEO];

/** What `LineChannel` and `LinePinpointChannel` are both made of, under the same ids. */
export abstract class LineChannelBase extends LineChannelReference {
  /** @internal */
  public static _import(scope: Construct, id: string, attrs: LineChannelAttributes): ILineChannel {
    return new ImportedLineChannel(scope, id, attrs);
  }

  public readonly webhookUrl?: string;
  public readonly eventBus: events.IEventBus;

  /** The secret of the LINE credentials. */
  public readonly secret: secretsmanager.ISecret;

  /** Who is a subscriber: the system of record. */
  public readonly subscribers: ISubscriberTable;

  /** Key of the channel in its subscriber table. */
  public readonly channelKey: string;

  /** Sends to the people of a frozen chunk, for campaign runners. */
  public readonly chunkFunction: lambda.IFunction;

  /** Bucket of images; absent when no type of `messageTypes` shows images. */
  public readonly imageBucket?: s3.IBucket;

  /** Bucket of audio files; absent when no type of `messageTypes` plays audio. */
  public readonly audioBucket?: s3.IBucket;

  /** Bucket of videos and their covers; absent when no type of `messageTypes` plays videos. */
  public readonly videoBucket?: s3.IBucket;

  /** The receiver, which checks signatures and queues events. */
  public readonly webhookFunction: lambda.IFunction;

  /** The worker, which turns events into subscribers and publishes them. */
  public readonly workerFunction: lambda.IFunction;

  /** The function that the operator runs once the secret is filled in. */
  public readonly setUpFunction: lambda.IFunction;

  /** FIFO queue between receiver and worker. */
  public readonly queue: sqs.IQueue;

  /** Where webhook events end that could not be handled. The profile queue and every audience have one of their own. */
  public readonly deadLetterQueue: sqs.IQueue;

  /** Where campaign events end of which nothing could be written down. */
  public readonly sendFailureQueue: sqs.IQueue;

  /** Where ids of batches end that could not be gone on with. */
  public readonly retryDeadLetterQueue: sqs.IQueue;

  /** Bucket of templates, which lie in it as `templates/<name>.json`. */
  public readonly templateBucket: s3.IBucket;

  /** Bucket of the engagement events; absent when they are off. */
  public readonly engagementBucket?: s3.IBucket;

  /** The send journal: what was attempted for whom, and what became of it, for 90 days. Nothing else may write to it. */
  public readonly sendJournal: dynamodb.ITable;

  /** Tells the books of a run: how many people were reached, and who was not and why; and where a batch is. */
  public readonly sendBooksFunction: lambda.IFunction;

  /**
   * Alarms: on the dead-letter queues, on credentials that do not work, on the month's quota, on messages of which nobody can know any
   * more, on stopped runs, on engagement events and replies that are not delivered.
   */
  public readonly alarms: cloudwatch.IAlarm[];

  /** Name of the channel in AWS, not LINE's: made of stack name and path; value of the metric dimension `Channel` and name of the event bus. */
  public readonly channelName: string;

  private readonly sender: LineMessageSender;
  private readonly credentials: BoundCredentials;
  private readonly lineEnvironment: { [name: string]: string };
  private readonly media?: LineMediaLibrary;
  private readonly audiences: Audiences;
  private readonly replies: LineReplies;

  constructor(scope: Construct, id: string, props: LineChannelOptions) {
    super(scope, id);
    const types = this.checkMessageTypes(props.messageTypes);
    const channelKey = this.checkChannelKey(props);
    this.channelKey = channelKey;
    checkBaseUrl(this, 'apiBaseUrl', props.apiBaseUrl);
    this.channelName = uniqueName(this, 200);

    const { encryptionKey, removalPolicy, functions, alarmActions } = props;
    const resources = new ChannelResources(this, {
      channelKey, channelName: this.channelName, functions, encryptionKey, removalPolicy, alarmActions,
    });
    this.alarms = resources.alarms;
    const credentials = new BoundCredentials(this, props.credentials ?? LineCredentials.generated(), { encryptionKey, removalPolicy });
    this.credentials = credentials;
    this.secret = credentials.secret;
    resources.alarm(this, 'CredentialsAlarm', {
      metric: this.metricCredentialsUnavailable(),
      meaning: 'The LINE credentials are empty, unreadable, incomplete or refused by LINE: webhooks are answered 503 and nothing is sent.',
      runbook: 'credentials-unavailable',
    });
    const lineEnvironment: { [name: string]: string } = props.apiBaseUrl ? { [ENV_API_BASE_URL]: props.apiBaseUrl } : {};
    this.lineEnvironment = lineEnvironment;

    this.subscribers = props.subscribers ?? this.createTable(channelKey, { encryptionKey, removalPolicy });
    const bus = this.createBus(resources);
    this.eventBus = bus;

    const webhook = new LineWebhook(this, 'Webhook', {
      access: props.webhookAccess ?? WebhookAccess.restApi(),
      credentials,
      subscribers: this.subscribers,
      bus,
      unsubscribe: props.unsubscribe ?? LineUnsubscribe.OPT_OUT,
      includeMessageText: props.includeMessageText ?? false,
      profilePicture: props.storeProfilePicture ?? false,
      lineEnvironment,
      resources,
    });
    this.webhookUrl = webhook.webhookUrl;
    this.webhookFunction = webhook.receiver;
    this.workerFunction = webhook.worker;
    this.queue = webhook.queue;
    this.deadLetterQueue = webhook.deadLetterQueue;

    const mediaTypes = mediaTypesOf(types);
    if (mediaTypes.length > 0) {
      const delivery = props.mediaDelivery ?? MediaDelivery.cloudFront();
      this.media = new LineMediaLibrary(this, 'Media', {
        types: mediaTypes,
        buckets: {
          image: { bucket: props.imageBucket, bucketName: props.imageBucketName },
          audio: { bucket: props.audioBucket, bucketName: props.audioBucketName },
          video: { bucket: props.videoBucket, bucketName: props.videoBucketName },
        },
        delivery,
        resources,
      });
      if (types.includes(LineMessageType.IMAGEMAP) && delivery._expiry) {
        Annotations.of(this).addWarningV2('cdk-line-pinpoint:presignedImagemap',
          '`messageTypes` has IMAGEMAP, but images of the channel\'s bucket cannot be shown in an imagemap with MediaDelivery.presigned(), because LINE appends a size to their link: use MediaDelivery.cloudFront(), or images at URLs of your own');
      }
      if (props.sampleMessages) {
        new SampleMedia(this, 'SampleMedia', mediaTypes, this.media, resources);
      }
    }
    this.imageBucket = this.media?.bucketOf('image');
    this.audioBucket = this.media?.bucketOf('audio');
    this.videoBucket = this.media?.bucketOf('video');

    this.sender = new LineMessageSender(this, 'Sender', {
      types,
      credentials,
      subscribers: this.subscribers,
      bus,
      media: this.media,
      sampleMessages: props.sampleMessages ?? false,
      options: props.sending ?? {},
      lineEnvironment,
      resources,
    });
    this.chunkFunction = this.sender.chunkFunction;
    this.sendFailureQueue = this.sender.failures;
    this.retryDeadLetterQueue = this.sender.retryDeadLetters;
    this.templateBucket = this.sender.templates;
    this.sendJournal = this.sender.journal;
    this.sendBooksFunction = this.sender.outcomes.booksFunction;
    this.engagementBucket = this.sender.outcomes.engagementBucket;
    this.audiences = new Audiences(this, 'Audiences', resources, this.subscribers);
    this.setUpFunction = this.createSetUp(credentials, lineEnvironment, resources);
    this.replies = new LineReplies(this, 'Replies', {
      receiver: webhook.receiver,
      bus,
      credentials,
      lineEnvironment,
      subscribers: this.subscribers,
      sender: this.sender,
      failed: this.metricRepliesFailed(),
      resources,
    });
    if (props.greeting) {
      this.onFollow(props.greeting);
    }
    for (const rule of props.replies ?? []) {
      this.replies.reply(rule);
    }
  }

  /**
   * Tells somebody of every change of a subscriber, in order per subscriber, through a queue of its own.
   *
   * @param id the id of the audience
   * @param audience who is told
   */
  public addAudience(id: string, audience: IAudience): void {
    this.audiences.add(id, audience);
  }

  /**
   * Greets new followers, and people who unblock the account, by the free reply token. LINE's own greeting is on by default and would be
   * sent as well: switch it off in LINE Official Account Manager.
   *
   * @param reply what they are greeted with
   */
  public onFollow(reply: LineReply): void {
    this.replies.greet(reply);
  }

  /**
   * Replies to messages and postbacks by the free reply token. Rules are asked in the order in which they were added.
   *
   * @param match which messages and postbacks
   * @param reply what is replied
   * @param name name of the rule, in logs and for reply functions; made of what it is for unless it is given
   */
  public addReply(match: LineReplyMatch, reply: LineReply, name?: string): void {
    this.replies.reply({ match, reply, name });
  }

  /** Asks LINE who opened and clicked, for campaign runners. The first runner, or whoever asks for it first, has it made. */
  public get statisticsFunction(): lambda.IFunction {
    return this.sender.insightFunction;
  }

  public bindCampaign(_scope: Construct): CampaignChannelConfig {
    return {
      handler: this.chunkFunction,
      takesChunks: true,
      subscribers: this.subscribers,
      channelKey: this.channelKey,
      eventBus: this.eventBus,
      statisticsFunction: this.statisticsFunction,
    };
  }

  /**
   * Lets a function call LINE in the channel's name.
   *
   * @internal
   */
  public _grantLineAccess(caller: lambda.Function): void {
    for (const [name, value] of Object.entries({ ...this.credentials.environment, ...this.lineEnvironment })) {
      caller.addEnvironment(name, value);
    }
    this.credentials.grantRead(caller);
  }

  /**
   * Lets a principal upload images, audio and video, but neither read nor delete them.
   *
   * @param grantee who gets the permission
   */
  public grantUploadMedia(grantee: iam.IGrantable): iam.Grant {
    return this.media?.grantUpload(grantee) ?? fail(this, 'the channel has no media bucket to upload to: add image, audio or video to `messageTypes`');
  }

  /**
   * Lets a principal upload templates, but neither read nor delete them.
   *
   * @param grantee who gets the permission
   */
  public grantUploadTemplates(grantee: iam.IGrantable): iam.Grant {
    return this.sender.grantUploadTemplates(grantee);
  }

  /**
   * Webhook requests with a wrong, missing or forged signature (answered 401). Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricSignaturesRejected(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.SIGNATURES_REJECTED, options);
  }

  /**
   * Requests that could not be served because the secret is empty, unreadable or incomplete. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricCredentialsUnavailable(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.CREDENTIALS_UNAVAILABLE, options);
  }

  /**
   * Correctly signed webhook requests whose body is not a LINE webhook (answered 400). Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricWebhooksRejected(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.WEBHOOKS_REJECTED, options);
  }

  /**
   * Events in correctly signed webhook requests. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricEventsReceived(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.EVENTS_RECEIVED, options);
  }

  /**
   * Events handed to the queue. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricEventsQueued(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.EVENTS_QUEUED, options);
  }

  /**
   * Events that could not be queued; LINE was answered 500 and redelivers them when redelivery is on. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricEventsNotQueued(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.EVENTS_NOT_QUEUED, options);
  }

  /**
   * Events that cannot be handled and were set aside by name. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricEventsSetAside(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.EVENTS_SET_ASIDE, options);
  }

  /**
   * Events for another bot than the channel's. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricEventsForOtherDestination(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.EVENTS_FOR_OTHER_DESTINATION, options);
  }

  /**
   * Redeliveries of events that had been handled and published before. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricEventsDeduplicated(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.EVENTS_DEDUPLICATED, options);
  }

  /**
   * Follow and unfollow events that came after a newer one of the same person and changed nothing. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricEventsOutdated(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.EVENTS_OUTDATED, options);
  }

  /**
   * Events published on the channel's bus. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricEventsPublished(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.EVENTS_PUBLISHED, options);
  }

  /**
   * People who became subscribers. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricSubscribersFollowed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.SUBSCRIBERS_FOLLOWED, options);
  }

  /**
   * People who stopped being subscribers. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricSubscribersUnfollowed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.SUBSCRIBERS_UNFOLLOWED, options);
  }

  /**
   * Profiles stored. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricProfilesUpdated(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.PROFILES_UPDATED, options);
  }

  /**
   * Profiles that LINE could not give at once and that were queued for later. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricProfilesDeferred(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.PROFILES_DEFERRED, options);
  }

  /**
   * Profiles that LINE could not give and that could not be queued for later either; the person's next follow reads them. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricProfilesNotStored(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.PROFILES_NOT_STORED, options);
  }

  /**
   * Subscriber changes that an audience took. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricAudienceChangesApplied(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.AUDIENCE_CHANGES_APPLIED, options);
  }

  /**
   * Subscriber changes that an audience refused for now; they are tried again, then kept in its dead-letter queue. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricAudienceChangesRefused(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.AUDIENCE_CHANGES_REFUSED, options);
  }

  /**
   * Recipients whose message LINE accepted. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricMessagesAccepted(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.MESSAGES_ACCEPTED, options);
  }

  /**
   * Recipients left out for a stated reason (opted out, not a LINE user id, …). Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricMessagesSkipped(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.MESSAGES_SKIPPED, options);
  }

  /**
   * Recipients whose message was refused, by our checks or by LINE. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricMessagesFailed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.MESSAGES_FAILED, options);
  }

  /**
   * Recipients of whom nobody can know any more whether LINE accepted their message. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricMessagesUnknown(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.MESSAGES_UNKNOWN, options);
  }

  /**
   * Runs of which no further batch is attempted, because LINE refused one after the other, say. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricRunsStopped(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.RUNS_STOPPED, options);
  }

  /**
   * Times that LINE said that the month's quota is used up, at most once an hour. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricQuotaExhausted(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.QUOTA_EXHAUSTED, options);
  }

  /**
   * Send requests made to LINE, retries included. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricLineRequests(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.LINE_REQUESTS, options);
  }

  /**
   * Send requests that an instance paced by itself, because the pace of all instances could not be read or written. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricPaceNotShared(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.PACE_NOT_SHARED, options);
  }

  /**
   * Aggregation units first used when LINE had 900 or more of its 1,000 a month. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricAggregationUnitsLow(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.AGGREGATION_UNITS_LOW, options);
  }

  /**
   * Aggregation units first used when LINE had 1,000 of the month: LINE counts nothing for such a unit. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricAggregationUnitsExhausted(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.AGGREGATION_UNITS_EXHAUSTED, options);
  }

  /**
   * Replies that LINE accepted. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricRepliesSent(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.REPLIES_SENT, options);
  }

  /**
   * Events that a rule has a reply for and that got none. Sum over 5 minutes unless the options say otherwise.
   *
   * @param options statistic, period and the like
   */
  public metricRepliesFailed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(Metric.REPLIES_FAILED, options);
  }

  /** @internal */
  protected _findSendFunction(type: LineMessageType): lambda.IFunction | undefined {
    return this.sender.functionOf(type);
  }

  /** @internal */
  protected _allSendFunctions(): lambda.IFunction[] {
    return this.sender.all;
  }

  private metric(metricName: Metric, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: METRIC_NAMESPACE,
      metricName,
      dimensionsMap: { [METRIC_DIMENSION]: this.channelName },
      statistic: 'Sum',
      period: Duration.minutes(5),
      ...options,
    }).attachTo(this);
  }

  private checkMessageTypes(types: LineMessageType[] = DEFAULT_MESSAGE_TYPES): LineMessageType[] {
    const allowed = Object.values(LineMessageType);
    const list = `[${types.join(', ')}]`;
    if (types.length === 0) {
      fail(this, '`messageTypes` must name at least one message type, got []: leave it out for text, image, audio and video');
    }
    if (new Set(types).size !== types.length) {
      fail(this, `\`messageTypes\` must name each type once, got ${list}`);
    }
    if (types.some((type) => !allowed.includes(type))) {
      fail(this, `\`messageTypes\` must be of ${allowed.join(', ')}, got ${list}`);
    }
    // One order whatever the user's: the template must not depend on it.
    return allowed.filter((type) => types.includes(type));
  }

  private checkChannelKey(props: LineChannelOptions): string {
    if (props.subscribers && props.channelKey === undefined) {
      fail(this, '`channelKey` is required when `subscribers` is given, because LINE user ids are equal for all channels of a provider: give each channel of the table a key of its own, such as \'shop\'');
    }
    if (props.channelKey !== undefined && Token.isUnresolved(props.channelKey)) {
      fail(this, '`channelKey` must be known at synth, got a token: it is part of every subscriber\'s key and of a stream filter');
    }
    checkPattern(this, 'channelKey', props.channelKey, CHANNEL_KEY_PATTERN, 'at most 32 lower case letters, digits and hyphens');
    const channelKey = props.channelKey ?? DEFAULT_CHANNEL_KEY;
    if (props.subscribers) {
      this.checkTable(props.subscribers, channelKey);
    }
    return channelKey;
  }

  private createBus(resources: ChannelResources): events.EventBus {
    const { encryptionKey } = resources;
    const bus = new events.EventBus(this, 'Bus', {
      eventBusName: this.channelName,
      description: 'Events of a LINE channel',
      kmsKey: encryptionKey,
    });
    bus.applyRemovalPolicy(resources.transientRemovalPolicy);
    // CDK adds the same statement, but says nothing when it cannot.
    // Source: Amazon EventBridge, "Encrypting event buses with AWS KMS keys", key policy.
    if (encryptionKey) {
      const stack = Stack.of(this);
      const busArn = stack.formatArn({ service: 'events', resource: 'event-bus', resourceName: this.channelName });
      letServiceUseKey(encryptionKey, new iam.PolicyStatement({
        principals: [new iam.ServicePrincipal('events.amazonaws.com')],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey', 'kms:DescribeKey'],
        resources: ['*'],
        conditions: {
          StringEquals: { 'aws:SourceAccount': stack.account, 'aws:SourceArn': busArn, 'kms:EncryptionContext:aws:events:event-bus:arn': busArn },
        },
      }));
    }
    return bus;
  }

  private createTable(channelKey: string, props: SubscriberTableProps): SubscriberTable {
    const table = new SubscriberTable(this, 'Subscribers', props);
    takeChannelKey(table, channelKey);
    return table;
  }

  private checkTable(subscribers: ISubscriberTable, channelKey: string): void {
    if (!takeChannelKey(subscribers, channelKey)) {
      fail(this, `\`channelKey\` is '${channelKey}', which another channel of the same subscriber table has already: give each a key of its own`);
    }
    const { tableArn } = subscribers.table;
    const region = Token.isUnresolved(tableArn) ? undefined : this.stack.splitArn(tableArn, ArnFormat.SLASH_RESOURCE_NAME).region;
    if (region !== undefined && !Token.isUnresolved(this.stack.region) && region !== this.stack.region) {
      fail(this, `\`subscribers\` must be a table in the channel's region ${this.stack.region}, got one in ${region}: the functions look for it in their own region`);
    }
  }

  private createSetUp(credentials: BoundCredentials, lineEnvironment: { [name: string]: string }, resources: ChannelResources): lambda.Function {
    const setUp = new SetUpChannelFunction(this, 'SetUp', resources.functionOptions(this, 'SetUp', {
      description: 'Run once the secret is filled in: checks the credentials and registers the webhook with LINE',
      // The AWS CLI waits 60 seconds for an answer and then calls again.
      timeout: Duration.seconds(55),
      environment: {
        ...credentials.environment,
        ...lineEnvironment,
        ...(this.webhookUrl && { [ENV_WEBHOOK_URL]: this.webhookUrl }),
        [ENV_SUBSCRIBER_TABLE]: this.subscribers.table.tableName,
      },
    }));
    credentials.grantRead(setUp);
    // The channel's own row, no subscriber's.
    grantTableKeyWrite(this.subscribers.table, setUp);
    setUp.addToRolePolicy(new iam.PolicyStatement({
      actions: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
      resources: [this.subscribers.table.tableArn],
      conditions: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [channelPartitionKey(resources.props.channelKey)] } },
    }));

    new CfnOutput(this, 'SecretArn', { description: 'Fill in channelId and channelSecret here', value: this.secret.secretArn });
    new CfnOutput(this, 'SetUpCommand', {
      description: 'Run this when the secret is filled in',
      value: `aws lambda invoke --function-name ${setUp.functionName} --region ${Stack.of(this).region} /dev/stdout`,
    });
    if (this.webhookUrl) {
      new CfnOutput(this, 'WebhookUrl', { description: 'LINE posts its webhooks here; the set-up function registers it', value: this.webhookUrl });
    }
    return setUp;
  }
}
