import { Duration } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { BoundCredentials } from './bound-credentials';
import { ProcessEventsFunction } from './handlers/process-events-function';
import { ReceiveWebhookFunction } from './handlers/receive-webhook-function';
import { LineUnsubscribe } from './line-unsubscribe';
import { IWebhookAccess } from './webhook-access';
import { ISubscriberTable } from '../audience/subscriber-table';
import {
  ENV_EVENT_BUS, ENV_INCLUDE_MESSAGE_TEXT, ENV_PROFILE_PICTURE, ENV_PROFILE_QUEUE_URL, ENV_SUBSCRIBER_TABLE, ENV_UNSUBSCRIBE, ENV_WEBHOOK_QUEUE_URL,
} from '../contract/environment';
import { MAX_WEBHOOK_URL_LENGTH } from '../contract/limits';
import { ChannelResources, HandlerSettings, useHandler } from '../shared/channel-resources';
import { checkPattern } from '../shared/validation';

const WEBHOOK_URL_PATTERN = new RegExp(`^https://\\S{1,${MAX_WEBHOOK_URL_LENGTH - 'https://'.length}}$`);

export interface LineWebhookProps {
  readonly access: IWebhookAccess;
  readonly credentials: BoundCredentials;
  readonly subscribers: ISubscriberTable;
  readonly bus: events.EventBus;
  readonly unsubscribe: LineUnsubscribe;
  readonly includeMessageText: boolean;
  readonly profilePicture: boolean;
  readonly lineEnvironment: { [name: string]: string };
  readonly resources: ChannelResources;
}

/**
 * From LINE to the subscriber table: receiver, FIFO queue, worker, and the queue of profiles to fetch later.
 * Not exported from the package.
 */
export class LineWebhook extends Construct {
  public readonly receiver: lambda.Function;
  public readonly worker: lambda.Function;
  public readonly queue: sqs.Queue;
  public readonly deadLetterQueue: sqs.Queue;
  public readonly webhookUrl?: string;

  constructor(scope: Construct, id: string, props: LineWebhookProps) {
    super(scope, id);
    const { credentials, subscribers, bus, resources, lineEnvironment } = props;
    const { table } = subscribers;

    const workerTimeout = Duration.seconds(30);
    const { queue, deadLetterQueue } = resources.queue(this, 'Queue', {
      fifo: true,
      visibilityTimeout: Duration.seconds(6 * workerTimeout.toSeconds()),
      maxReceiveCount: 5,
      meaning: 'LINE webhook events could not be handled; they are kept here in order and can be redriven, old ones do no harm.',
      runbook: 'webhook-events-not-handled',
    });
    this.queue = queue;
    this.deadLetterQueue = deadLetterQueue;
    const profiles = resources.queue(this, 'Profiles', {
      visibilityTimeout: Duration.seconds(6 * workerTimeout.toSeconds()),
      maxReceiveCount: 8,
      meaning: 'Profiles of subscribers could not be read from LINE; the subscribers themselves are stored.',
      runbook: 'profiles-not-read',
    });

    const options = (functionId: string, settings: HandlerSettings) => resources.functionOptions(this, functionId, settings);
    const lineCredentials = { ...credentials.environment, ...lineEnvironment };

    this.receiver = new ReceiveWebhookFunction(this, 'Receiver', options('Receiver', {
      description: 'Checks the signature of LINE webhooks and queues their events',
      // LINE gives up after two seconds; more lets a slow start still queue what it has.
      timeout: Duration.seconds(10),
      environment: {
        ...credentials.environment,
        [ENV_WEBHOOK_QUEUE_URL]: queue.queueUrl,
        [ENV_INCLUDE_MESSAGE_TEXT]: String(props.includeMessageText),
      },
    }));
    credentials.grantRead(this.receiver);
    queue.grantSendMessages(this.receiver);

    this.worker = useHandler(new ProcessEventsFunction(this, 'Worker', options('Worker', {
      description: 'Turns LINE events into subscribers and publishes every event',
      timeout: workerTimeout,
      environment: {
        ...lineCredentials,
        [ENV_SUBSCRIBER_TABLE]: table.tableName,
        [ENV_EVENT_BUS]: bus.eventBusName,
        [ENV_PROFILE_QUEUE_URL]: profiles.queue.queueUrl,
        [ENV_PROFILE_PICTURE]: String(props.profilePicture),
        [ENV_UNSUBSCRIBE]: props.unsubscribe,
      },
    })), 'processEvents');
    this.worker.addEventSource(new SqsEventSource(queue, { batchSize: 10, reportBatchItemFailures: true }));
    credentials.grantRead(this.worker);
    subscribers.grantUpsert(this.worker);
    subscribers.grantErase(this.worker);
    profiles.queue.grantSendMessages(this.worker);
    bus.grantPutEventsTo(this.worker);

    const updateProfile = useHandler(new ProcessEventsFunction(this, 'Profile', options('Profile', {
      description: 'Reads profiles that LINE could not give at once',
      timeout: workerTimeout,
      environment: {
        ...lineCredentials,
        [ENV_SUBSCRIBER_TABLE]: table.tableName,
        [ENV_PROFILE_PICTURE]: String(props.profilePicture),
      },
    })), 'updateProfiles');
    updateProfile.addEventSource(new SqsEventSource(profiles.queue, { batchSize: 5, maxConcurrency: 2, reportBatchItemFailures: true }));
    credentials.grantRead(updateProfile);
    subscribers.grantUpsert(updateProfile);

    this.webhookUrl = props.access.bind(new Construct(this, 'Access'), { handler: this.receiver }).webhookUrl;
    checkPattern(this, 'webhookUrl', this.webhookUrl, WEBHOOK_URL_PATTERN, `an https:// URL of at most ${MAX_WEBHOOK_URL_LENGTH} characters, which is all that LINE posts to`);
  }
}
