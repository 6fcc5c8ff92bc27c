import { Duration, Stack } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { BoundCredentials } from './bound-credentials';
import { SenderFunction } from './handlers/sender-function';
import { LineMediaLibrary } from './line-media-library';
import { LineMessageType } from './line-message-type';
import { LineSendingOptions, LowQuota, UnknownOutcome } from './line-sending-options';
import { SendOutcomes } from './send-outcomes';
import { ISubscriberTable } from '../audience/subscriber-table';
import {
  ENV_CONTENT_BUCKET, ENV_JOURNAL_TABLE, ENV_MESSAGE_TYPE, ENV_RETRY_QUEUE_URL, ENV_SAMPLE_MESSAGES, ENV_SENDING, ENV_SUBSCRIBER_TABLE,
  ENV_TEMPLATE_BUCKET,
} from '../contract/environment';
import { JOURNAL_PARTITION_KEY, JOURNAL_SORT_KEY } from '../contract/send-journal';
import {
  BATCH_BODY_DAYS, BATCH_BODY_PREFIX, DEFAULT_MULTICASTS_PER_SECOND, DEFAULT_PUSHES_PER_SECOND, LINE_MULTICASTS_PER_SECOND,
  LINE_PUSHES_PER_SECOND, OLD_TEMPLATE_DAYS, SendingConfig, TEMPLATE_PREFIX,
} from '../contract/sending';
import { ChannelResources, checkGivenBucket, grantObjects, grantTableRead, grantTableWrite, useHandler, warnIfUnversioned } from '../shared/channel-resources';
import { checkInteger, fail } from '../shared/validation';

export interface LineMessageSenderProps {
  readonly types: LineMessageType[];
  readonly credentials: BoundCredentials;
  readonly subscribers: ISubscriberTable;
  readonly bus: events.IEventBus;
  readonly media?: LineMediaLibrary;
  readonly sampleMessages: boolean;
  readonly options: LineSendingOptions;
  readonly lineEnvironment: { [name: string]: string };
  readonly resources: ChannelResources;
}

/** Ids of the send functions: part of the library's contract. */
const FUNCTION_IDS: { [type in LineMessageType]: string } = {
  text: 'Text',
  image: 'Image',
  audio: 'Audio',
  video: 'Video',
  textV2: 'TextV2',
  sticker: 'Sticker',
  location: 'Location',
  imagemap: 'Imagemap',
  template: 'Template',
  flex: 'Flex',
  coupon: 'Coupon',
  any: 'Any',
};

/** Instances that work on the retry queue; what they send is paced by the limiter in any case. */
const RETRY_CONCURRENCY = 5;

/**
 * From a campaign to LINE: a send function per message type, the function that sends the runner's chunks, the journal of what
 * was attempted, the queue of what is not decided yet. Not exported from the package.
 */
export class LineMessageSender extends Construct {
  public readonly journal: dynamodb.Table;
  public readonly failures: sqs.Queue;
  public readonly retryDeadLetters: sqs.Queue;
  /** Bodies of batches, and templates unless they have a bucket of their own. */
  public readonly content: s3.Bucket;
  public readonly templates: s3.IBucket;
  public readonly chunkFunction: lambda.Function;
  public readonly outcomes: SendOutcomes;
  private insight?: lambda.Function;
  private readonly functions = new Map<LineMessageType, lambda.Function>();

  constructor(scope: Construct, id: string, private readonly props: LineMessageSenderProps) {
    super(scope, id);
    const { resources, options, bus } = props;
    const config = this.config(options);
    this.checkGivenBuckets(options);

    this.journal = new dynamodb.Table(this, 'Journal', {
      ...resources.tableProps(JOURNAL_PARTITION_KEY, JOURNAL_SORT_KEY),
      stream: dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
    });
    this.failures = resources.deadLetterQueue(this, 'Failures', {
      meaning: 'Campaign events could not be written down in three attempts; they are kept here whole and can be sent again, nobody gets a message twice.',
      runbook: 'campaign-events-not-decided',
    });
    this.content = resources.bucket(this, 'Content', {
      versioned: true,
      lifecycleRules: [
        { prefix: BATCH_BODY_PREFIX, expiration: Duration.days(BATCH_BODY_DAYS), noncurrentVersionExpiration: Duration.days(1) },
        { prefix: TEMPLATE_PREFIX, noncurrentVersionExpiration: Duration.days(OLD_TEMPLATE_DAYS) },
        { abortIncompleteMultipartUploadAfter: Duration.days(7), expiredObjectDeleteMarker: true },
      ],
    });
    this.templates = options.templateBucket ?? this.content;
    warnIfUnversioned(this, 'sending.templateBucket', this.templates, 'content cannot name a version of a template, and an overwritten one cannot be brought back');

    const timeout = Duration.minutes(1);
    const { queue: retries, deadLetterQueue } = resources.queue(this, 'Retry', {
      // Twice the function's time is enough for messages that say no more than a batch's id: a second handling does nothing twice.
      visibilityTimeout: Duration.minutes(2),
      maxReceiveCount: 10,
      meaning: 'Batches could not be gone on with in ten attempts; the messages name them.',
      runbook: 'batches-not-resumed',
    });
    this.retryDeadLetters = deadLetterQueue;
    const environment = {
      [ENV_SENDING]: Stack.of(this).toJsonString(config),
      [ENV_CONTENT_BUCKET]: this.content.bucketName,
      [ENV_RETRY_QUEUE_URL]: retries.queueUrl,
    };

    for (const type of props.types) {
      const functionId = FUNCTION_IDS[type];
      const send = useHandler(new SenderFunction(this, functionId, resources.functionOptions(this, functionId, {
        description: `Sends LINE ${type === LineMessageType.ANY ? '' : `${type} `}messages for campaigns and journeys`,
        // Pinpoint waits 15 seconds (Amazon Pinpoint, "Quotas"); the function answers before.
        timeout: Duration.seconds(15),
        environment: { ...this.sendEnvironment(type), ...environment },
      })), 'sendMessage');
      this.grantSending(send);
      this.grantComposing(send);
      retries.grantSendMessages(send);
      // LINE forgets a retry key after 24 hours: an event that waited longer must not be attempted again.
      send.configureAsyncInvoke({
        maxEventAge: Duration.hours(6),
        retryAttempts: 2,
        onFailure: new SqsDestination(this.failures),
      });
      this.functions.set(type, send);
    }

    const resume = useHandler(new SenderFunction(this, 'Resume', resources.functionOptions(this, 'Resume', {
      description: 'Goes on with LINE messages that were not decided at once',
      timeout,
      environment: {
        ...props.credentials.environment,
        ...props.lineEnvironment,
        ...environment,
        [ENV_JOURNAL_TABLE]: this.journal.tableName,
      },
    })), 'resumeBatches');
    this.grantSending(resume);
    retries.grantSendMessages(resume);
    resume.addEventSource(new SqsEventSource(retries, { batchSize: 10, reportBatchItemFailures: true, maxConcurrency: RETRY_CONCURRENCY }));

    const { [ENV_RETRY_QUEUE_URL]: _, ...chunkEnvironment } = environment;
    this.chunkFunction = useHandler(new SenderFunction(this, 'Chunk', resources.functionOptions(this, 'Chunk', {
      description: 'Sends LINE messages to the people of a chunk, for campaign runners',
      timeout: Duration.minutes(15),
      environment: { ...this.sendEnvironment(LineMessageType.ANY), ...chunkEnvironment },
    })), 'sendChunk');
    this.grantSending(this.chunkFunction);
    this.grantComposing(this.chunkFunction);

    this.outcomes = new SendOutcomes(this, 'Outcomes', {
      journal: this.journal,
      bus,
      resources,
      ...(options.engagementEvents && { engagementEvents: { bucket: options.engagementBucket } }),
    });
  }

  /** The function of a type, if the channel has the type. */
  public functionOf(type: LineMessageType): lambda.Function | undefined {
    return this.functions.get(type);
  }

  /** Reads LINE's statistics of aggregation units; made when it is first asked for. */
  public get insightFunction(): lambda.Function {
    return this.insight ??= this.createInsight();
  }

  public get all(): lambda.Function[] {
    return [...this.functions.values()];
  }

  /** Lets somebody upload templates, but neither read nor delete them. */
  public grantUploadTemplates(grantee: iam.IGrantable): iam.Grant {
    this.templates.encryptionKey?.grantEncryptDecrypt(grantee);
    return grantObjects(this.templates, grantee, TEMPLATE_PREFIX, 's3:PutObject', 's3:AbortMultipartUpload');
  }

  private createInsight(): lambda.Function {
    const { credentials, lineEnvironment, resources } = this.props;
    const insight = useHandler(new SenderFunction(this, 'Insight', resources.functionOptions(this, 'Insight', {
      description: 'Reads what LINE counted of messages with an aggregation unit',
      timeout: Duration.minutes(2),
      environment: { ...credentials.environment, ...lineEnvironment },
    })), 'readInsight');
    credentials.grantRead(insight);
    return insight;
  }

  /** Where a function finds media and templates. */
  public contentEnvironment(): { [name: string]: string } {
    const { media, options: { templateBucket } } = this.props;
    return {
      ...media?.environment(),
      [ENV_CONTENT_BUCKET]: this.content.bucketName,
      ...(templateBucket && { [ENV_TEMPLATE_BUCKET]: templateBucket.bucketName }),
    };
  }

  /** Lets a function read media and templates. */
  public grantReadContent(reader: lambda.Function): void {
    this.props.media?.grantRead(reader);
    this.grantReadTemplates(reader);
  }

  private sendEnvironment(type: LineMessageType): { [name: string]: string } {
    const { credentials, lineEnvironment, sampleMessages, subscribers } = this.props;
    return {
      ...credentials.environment,
      ...lineEnvironment,
      ...this.contentEnvironment(),
      [ENV_MESSAGE_TYPE]: type,
      [ENV_SAMPLE_MESSAGES]: String(sampleMessages),
      [ENV_JOURNAL_TABLE]: this.journal.tableName,
      [ENV_SUBSCRIBER_TABLE]: subscribers.table.tableName,
    };
  }

  /** What it takes to call LINE for batches of the journal. */
  private grantSending(send: lambda.Function): void {
    this.props.credentials.grantRead(send);
    grantTableWrite(this.journal, send, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
    this.content.encryptionKey?.grantDecrypt(send);
    grantObjects(this.content, send, BATCH_BODY_PREFIX, 's3:GetObject');
  }

  /** What it takes to make new batches. */
  private grantComposing(send: lambda.Function): void {
    const { subscribers, media } = this.props;
    grantTableRead(subscribers.table, send, 'dynamodb:BatchGetItem');
    media?.grantRead(send);
    this.content.encryptionKey?.grantEncryptDecrypt(send);
    grantObjects(this.content, send, BATCH_BODY_PREFIX, 's3:PutObject');
    this.grantReadTemplates(send);
  }

  private grantReadTemplates(reader: lambda.Function): void {
    grantObjects(this.templates, reader, TEMPLATE_PREFIX, 's3:GetObject', 's3:GetObjectVersion');
    // Without it S3 answers 403 instead of 404 for a template that does not exist (Amazon S3 API, GetObject). Requests for an object
    // have no prefix that a condition could be met by.
    iam.Grant.addToPrincipal({ grantee: reader, actions: ['s3:ListBucket'], resourceArns: [this.templates.bucketArn] });
    this.templates.encryptionKey?.grantDecrypt(reader);
  }

  /** Checks where the buckets are that the user gave, and that no media link leads to what is in them. */
  private checkGivenBuckets({ templateBucket, engagementBucket }: LineSendingOptions): void {
    for (const [prop, bucket] of [['templateBucket', templateBucket], ['engagementBucket', engagementBucket]] as const) {
      const type = bucket && this.props.media?.typeWithAllOf(bucket);
      if (type) {
        fail(this, `\`sending.${prop}\` is the bucket ${bucket.node.path}, which is also \`${type}Bucket\`: everything in that one can be read through media links. Give a bucket of its own`);
      }
    }
    if (templateBucket) {
      checkGivenBucket(this, 'sending.templateBucket', templateBucket, {
        actions: ['s3:GetObject', 's3:GetObjectVersion', 's3:ListBucket'], prefixes: [TEMPLATE_PREFIX],
      });
    }
  }

  private config(options: LineSendingOptions): SendingConfig {
    const {
      multicastsPerSecond = DEFAULT_MULTICASTS_PER_SECOND, pushesPerSecond = DEFAULT_PUSHES_PER_SECOND, maxRecipientsPerSecond,
      onLowQuota = LowQuota.WARN, onUnknownOutcome = UnknownOutcome.SET_ASIDE, perPersonClaim = false,
    } = options;
    checkInteger(this, 'sending.multicastsPerSecond', multicastsPerSecond, 1, LINE_MULTICASTS_PER_SECOND);
    checkInteger(this, 'sending.pushesPerSecond', pushesPerSecond, 1, LINE_PUSHES_PER_SECOND);
    checkInteger(this, 'sending.maxRecipientsPerSecond', maxRecipientsPerSecond, 1, 1_000_000);
    if (options.engagementBucket && !options.engagementEvents) {
      fail(this, `\`sending.engagementBucket\` is given (${options.engagementBucket.node.path}), but \`sending.engagementEvents\` is not on: switch it on, or leave the bucket out`);
    }
    return { multicastsPerSecond, pushesPerSecond, maxRecipientsPerSecond, onLowQuota, onUnknownOutcome, perPersonClaim };
  }
}
