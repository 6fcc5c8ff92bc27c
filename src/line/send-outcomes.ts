import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as firehose from 'aws-cdk-lib/aws-kinesisfirehose';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { PublishOutcomesFunction } from './handlers/publish-outcomes-function';
import { ReadSendBooksFunction } from './handlers/read-send-books-function';
import { ENV_ENGAGEMENT_STREAM, ENV_EVENT_BUS, ENV_JOURNAL_TABLE } from '../contract/environment';
import { Metric, METRIC_DIMENSION, METRIC_NAMESPACE } from '../contract/metrics';
import { DECIDED_STATES, SORT_KEY_QUOTA, SORT_KEY_RUN } from '../contract/send-journal';
import { ChannelResources, checkGivenBucket, grantTableRead } from '../shared/channel-resources';
import { readTableStream } from '../shared/table-stream';

/** Prefixes of what Firehose writes; it adds `<yyyy>/<MM>/<dd>/<HH>/`, in UTC. */
const EVENTS_PREFIX = 'events/';
const ERRORS_PREFIX = 'errors/';

/** What Firehose does with a bucket. Source: Amazon Data Firehose, "Grant Firehose access to an Amazon S3 destination". */
const BUCKET_ACTIONS = ['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'];
const OBJECT_ACTIONS = ['s3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject'];

export interface SendOutcomesProps {
  /** The send journal, with a stream of new and old images. */
  readonly journal: dynamodb.Table;
  readonly bus: events.IEventBus;
  /** Absent: no engagement events are written. */
  readonly engagementEvents?: {
    /** Where they are written; one is made unless it is given. */
    readonly bucket?: s3.IBucket;
  };
  readonly resources: ChannelResources;
}

/** What the sender says about its work: events on the bus, metrics, engagement events, and the books. Not exported from the package. */
export class SendOutcomes extends Construct {
  /** Tells the books of a run. */
  public readonly booksFunction: lambda.Function;
  /** Bucket of the engagement events, if there are any. */
  public readonly engagementBucket?: s3.IBucket;

  constructor(scope: Construct, id: string, private readonly props: SendOutcomesProps) {
    super(scope, id);
    const { journal, bus, engagementEvents, resources } = props;
    const publisher = new PublishOutcomesFunction(this, 'Publisher', resources.functionOptions(this, 'Publisher', {
      description: 'Tells the event bus of a LINE channel what became of its sends',
      timeout: Duration.minutes(1),
      environment: { [ENV_EVENT_BUS]: bus.eventBusName },
    }));
    bus.grantPutEventsTo(publisher);
    readTableStream(publisher, 'Journal', {
      table: journal,
      streamArn: journal.tableStreamArn!,
      // Each may be the engagement events of 500 people.
      batchSize: 25,
      filters: [
        lambda.FilterCriteria.filter({ dynamodb: { NewImage: { state: { S: DECIDED_STATES } } } }),
        lambda.FilterCriteria.filter({ dynamodb: { Keys: { sk: { S: [SORT_KEY_RUN, SORT_KEY_QUOTA] } } } }),
      ],
      deadLetterQueue: resources.deadLetterQueue(this, 'PublisherDeadLetters', {
        meaning: 'Outcomes of sends could not be published; the message says which part of the send journal\'s stream.',
        runbook: 'send-outcomes-not-published',
      }),
    });
    resources.alarm(this, 'QuotaAlarm', {
      metric: this.metric(Metric.QUOTA_EXHAUSTED),
      meaning: 'LINE says that the month\'s message quota is used up, and the channel has stopped sending.',
      runbook: 'quota-exhausted',
    });
    resources.alarm(this, 'UnknownAlarm', {
      metric: this.metric(Metric.MESSAGES_UNKNOWN),
      meaning: 'LINE has not decided about messages for 23 hours: nobody can know any more whether people got them.',
      runbook: 'messages-unknown',
    });
    resources.alarm(this, 'StoppedRunsAlarm', {
      metric: this.metric(Metric.RUNS_STOPPED),
      meaning: 'LINE refused batches of a run one after the other, and the rest of the run is not sent.',
      runbook: 'runs-stopped',
    });

    if (engagementEvents) {
      if (engagementEvents.bucket) {
        checkGivenBucket(this, 'sending.engagementBucket', engagementEvents.bucket, {
          actions: [...BUCKET_ACTIONS, ...OBJECT_ACTIONS], prefixes: [EVENTS_PREFIX, ERRORS_PREFIX],
        });
      }
      this.engagementBucket = engagementEvents.bucket ?? this.createBucket();
      const stream = this.createStream(this.engagementBucket);
      publisher.addEnvironment(ENV_ENGAGEMENT_STREAM, stream.ref);
      iam.Grant.addToPrincipal({ grantee: publisher, actions: ['firehose:PutRecordBatch'], resourceArns: [stream.attrArn] });
    }

    this.booksFunction = new ReadSendBooksFunction(this, 'Books', resources.functionOptions(this, 'Books', {
      description: 'Tells how many people a run of a LINE channel reached, and whom it did not reach',
      timeout: Duration.minutes(5),
      environment: { [ENV_JOURNAL_TABLE]: journal.tableName },
    }));
    grantTableRead(journal, this.booksFunction, 'dynamodb:GetItem', 'dynamodb:Query');
  }

  private metric(metricName: Metric): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: METRIC_NAMESPACE,
      metricName,
      dimensionsMap: { [METRIC_DIMENSION]: this.props.resources.props.channelName },
      statistic: 'Sum',
      period: Duration.minutes(5),
    });
  }

  private createBucket(): s3.Bucket {
    return this.props.resources.bucket(this, 'EngagementBucket', {
      lifecycleRules: [
        { abortIncompleteMultipartUploadAfter: Duration.days(7) },
        { prefix: ERRORS_PREFIX, expiration: Duration.days(90) },
      ],
    });
  }

  private createStream(bucket: s3.IBucket): firehose.CfnDeliveryStream {
    const { resources } = this.props;
    const role = this.createStreamRole(bucket);
    const stream = new firehose.CfnDeliveryStream(this, 'EngagementStream', {
      deliveryStreamType: 'DirectPut',
      deliveryStreamEncryptionConfigurationInput: resources.encryptionKey
        ? { keyType: 'CUSTOMER_MANAGED_CMK', keyArn: resources.encryptionKey.keyArn }
        : { keyType: 'AWS_OWNED_CMK' },
      extendedS3DestinationConfiguration: {
        bucketArn: bucket.bucketArn,
        roleArn: role.roleArn,
        prefix: EVENTS_PREFIX,
        errorOutputPrefix: ERRORS_PREFIX,
        compressionFormat: 'GZIP',
        bufferingHints: { intervalInSeconds: 300, sizeInMBs: 64 },
        encryptionConfiguration: bucket.encryptionKey
          ? { kmsEncryptionConfig: { awskmsKeyArn: bucket.encryptionKey.keyArn } }
          : { noEncryptionConfig: 'NoEncryption' },
      },
    });
    // Firehose tries the role out when the stream is made.
    stream.node.addDependency(role);
    stream.applyRemovalPolicy(resources.transientRemovalPolicy);
    resources.alarm(this, 'EngagementStreamAlarm', {
      metric: new cloudwatch.Metric({
        // Source: Amazon Data Firehose, "Monitor with CloudWatch metrics": seconds since the oldest record came that is not in the bucket.
        namespace: 'AWS/Firehose',
        metricName: 'DeliveryToS3.DataFreshness',
        dimensionsMap: { DeliveryStreamName: stream.ref },
        statistic: 'Maximum',
        period: Duration.minutes(5),
      }),
      threshold: Duration.hours(1).toSeconds(),
      meaning: 'Engagement events have been waiting for their bucket for more than an hour; Firehose loses them after 24 hours.',
      runbook: 'engagement-events-not-delivered',
    });
    return stream;
  }

  /**
   * The external id keeps Firehose from using the role for other accounts. Source: Amazon Data Firehose, "Grant Firehose access to an
   * Amazon S3 destination"; Amazon CloudWatch Logs, "Create a Firehose delivery stream".
   */
  private createStreamRole(bucket: s3.IBucket): iam.Role {
    const role = new iam.Role(this, 'EngagementStreamRole', {
      assumedBy: new iam.ServicePrincipal('firehose.amazonaws.com', { conditions: { StringEquals: { 'sts:ExternalId': Stack.of(this).account } } }),
    });
    iam.Grant.addToPrincipalOrResource({
      grantee: role,
      actions: BUCKET_ACTIONS,
      resourceArns: [bucket.bucketArn],
      resource: bucket,
    });
    iam.Grant.addToPrincipalOrResource({
      grantee: role,
      actions: OBJECT_ACTIONS,
      resourceArns: [EVENTS_PREFIX, ERRORS_PREFIX].map((prefix) => bucket.arnForObjects(`${prefix}*`)),
      resource: bucket,
    });
    for (const key of new Set([bucket.encryptionKey, this.props.resources.encryptionKey])) {
      key?.grant(role, 'kms:Decrypt', 'kms:GenerateDataKey');
    }
    return role;
  }
}
