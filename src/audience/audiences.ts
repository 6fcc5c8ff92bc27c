import { Annotations, Duration, Lazy, Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import { IAudience } from './audience';
import { PublishSubscriberChangesFunction } from './handlers/publish-subscriber-changes-function';
import { ISubscriberTable } from './subscriber-table';
import { ENV_AUDIENCE_QUEUE_URLS } from '../contract/environment';
import { SORT_KEY_ENDPOINT } from '../contract/subscriber';
import { ChannelResources } from '../shared/channel-resources';
import { readTableStream } from '../shared/table-stream';
import { checkInteger, fail } from '../shared/validation';

/** The longest that Lambda lets a function run. Source: AWS Lambda, "Lambda quotas". */
const MAX_TIMEOUT = Duration.minutes(15);

/** How many channels read each table's stream. */
const STREAM_READERS = new WeakMap<ISubscriberTable, number>();

/**
 * The audiences of a channel. The table's stream is read once; every audience has a queue, a dead-letter queue and an
 * alarm of its own, so that one that is down delays nobody else. Nothing is created before the first audience is added.
 */
export class Audiences extends Construct {
  private readonly queueUrls = new Map<string, string>();
  private publisher?: PublishSubscriberChangesFunction;

  constructor(scope: Construct, id: string, private readonly resources: ChannelResources, private readonly subscribers: ISubscriberTable) {
    super(scope, id);
  }

  public add(id: string, audience: IAudience): void {
    const publisher = this.publisher ??= this.createPublisher();
    if (this.node.tryFindChild(id)) {
      fail(this, `the audience id '${id}' is taken: choose another one`);
    }
    const scope = new Construct(this, id);
    const config = audience.bind(scope, { ...this.resources.props, subscribers: this.subscribers });
    checkInteger(scope, 'batchSize', config.batchSize, 1, 10);
    checkInteger(scope, 'maxConcurrency', config.maxConcurrency, 2, 1_000);
    const timeout = knownTimeout(config.timeout ?? timeoutOf(config.handler));
    checkInteger(scope, 'timeout', timeout.toSeconds(), timeoutOf(config.handler, Duration.seconds(1)).toSeconds(), MAX_TIMEOUT.toSeconds());
    const { queue } = this.resources.queue(scope, 'Queue', {
      fifo: true,
      // Source: AWS Lambda, "Using Lambda with Amazon SQS": six times the function's timeout.
      visibilityTimeout: Duration.seconds(6 * timeout.toSeconds()),
      // An hour of a system that asks to slow down: a change that waited behind another counts as received, too.
      maxReceiveCount: 20,
      meaning: `The audience ${id} refused changes of subscribers; they are kept here, and the subscribers themselves are safe in the table.`,
      runbook: 'audience-refuses-changes',
    });
    queue.grantSendMessages(publisher);
    this.queueUrls.set(id, queue.queueUrl);
    config.handler.addEventSource(new SqsEventSource(queue, {
      batchSize: config.batchSize ?? 10,
      maxConcurrency: config.maxConcurrency,
      reportBatchItemFailures: true,
    }));
    if (!config.handler.role) {
      Annotations.of(scope).addWarningV2('cdk-line-pinpoint:importedAudienceFunction',
        `the function of audience '${id}' is imported without its role, so CDK cannot let it read its queue. Import it with \`Function.fromFunctionAttributes\` and \`role\`, or grant sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes and sqs:ChangeMessageVisibility on the queue, and kms:Decrypt on its key if it has one, by hand`);
    }
  }

  /** By id, so that the order in which audiences are added does not change the template. */
  private sortedQueueUrls(): string[] {
    return [...this.queueUrls].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, url]) => url);
  }

  private createPublisher(): PublishSubscriberChangesFunction {
    const { table } = this.subscribers;
    if (!table.tableStreamArn) {
      fail(this, 'the subscriber table must have a stream to feed an audience: give `tableStreamArn` to `SubscriberTable.fromSubscriberTableAttributes`, and enable a stream of new and old images on the table');
    }
    const readers = (STREAM_READERS.get(this.subscribers) ?? 0) + 1;
    STREAM_READERS.set(this.subscribers, readers);
    if (readers > 2) {
      Annotations.of(this).addWarningV2('cdk-line-pinpoint:streamReaders',
        `${readers} channels with audiences read the stream of one subscriber table, and more than two are throttled (Amazon DynamoDB, "Change data capture for DynamoDB Streams"): give the channels tables of their own`);
    }
    const publisher = new PublishSubscriberChangesFunction(this, 'Publisher', this.resources.functionOptions(this, 'Publisher', {
      description: 'Tells every audience of a LINE channel what changed in its subscriber table',
      timeout: Duration.seconds(30),
      environment: {
        [ENV_AUDIENCE_QUEUE_URLS]: Lazy.string({ produce: () => Stack.of(this).toJsonString(this.sortedQueueUrls()) }),
      },
    }));
    readTableStream(publisher, 'Subscribers', {
      table,
      streamArn: table.tableStreamArn,
      batchSize: 100,
      deadLetterQueue: this.resources.deadLetterQueue(this, 'PublisherDeadLetters', {
        meaning: 'Changes of subscribers could not be handed to the audiences; the message says which part of the stream.',
        runbook: 'changes-not-published',
      }),
      filters: [lambda.FilterCriteria.filter({
        dynamodb: {
          Keys: {
            pk: { S: [{ prefix: `${this.resources.props.channelKey}#` }] },
            sk: { S: lambda.FilterRule.isEqual(SORT_KEY_ENDPOINT) },
          },
        },
      })],
    });
    return publisher;
  }
}

/** The longest run of a function; of an imported one it is not known. */
function timeoutOf(handler: lambda.IFunction, unknown = MAX_TIMEOUT): Duration {
  // Source: AWS CloudFormation, AWS::Lambda::Function, Timeout: three seconds unless it is given.
  return handler instanceof lambda.Function ? knownTimeout(handler.timeout ?? Duration.seconds(3)) : unknown;
}

/** A timeout that is known only at deployment counts as the longest there is. */
function knownTimeout(timeout: Duration): Duration {
  return timeout.isUnresolved() ? MAX_TIMEOUT : timeout;
}
