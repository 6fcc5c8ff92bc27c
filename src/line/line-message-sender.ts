import { Duration } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { BoundCredentials } from './bound-credentials';
import { SendMessageFunction } from './handlers/send-message-function';
import { LineMediaLibrary } from './line-media-library';
import { LineMessageType } from './line-message-type';
import { ISubscriberTable } from '../audience/subscriber-table';
import { ENV_JOURNAL_TABLE, ENV_MESSAGE_TYPE, ENV_SAMPLE_MESSAGES, ENV_SUBSCRIBER_TABLE } from '../contract/environment';
import { JOURNAL_PARTITION_KEY, JOURNAL_SORT_KEY } from '../contract/send-journal';
import { ChannelResources, grantTableRead, grantTableWrite } from '../shared/channel-resources';

export interface LineMessageSenderProps {
  readonly types: LineMessageType[];
  readonly credentials: BoundCredentials;
  readonly subscribers: ISubscriberTable;
  readonly media?: LineMediaLibrary;
  readonly sampleMessages: boolean;
  readonly lineEnvironment: { [name: string]: string };
  readonly resources: ChannelResources;
}

/** Ids of the send functions: part of the library's contract. */
const FUNCTION_IDS: { [type in LineMessageType]: string } = { text: 'Text', image: 'Image', audio: 'Audio', video: 'Video' };

/** From a campaign to LINE: a send function per message type, and the journal of what was attempted. Not exported from the package. */
export class LineMessageSender extends Construct {
  public readonly journal: dynamodb.Table;
  public readonly failures: sqs.Queue;
  private readonly functions = new Map<LineMessageType, lambda.Function>();

  constructor(scope: Construct, id: string, props: LineMessageSenderProps) {
    super(scope, id);
    const { credentials, subscribers, media, resources } = props;

    this.journal = new dynamodb.Table(this, 'Journal', resources.tableProps(JOURNAL_PARTITION_KEY, JOURNAL_SORT_KEY));
    this.failures = resources.deadLetterQueue(this, 'Failures', {
      meaning: 'Campaign events could not be brought to a decision in three attempts; they are kept here whole and can be sent again, nobody gets a message twice.',
      runbook: 'campaign-events-not-decided',
    });

    for (const type of props.types) {
      const functionId = FUNCTION_IDS[type];
      const send = new SendMessageFunction(this, functionId, resources.functionOptions(this, functionId, {
        description: `Sends LINE ${type} messages for campaigns and journeys`,
        // Pinpoint waits 15 seconds (Amazon Pinpoint, "Quotas"); the function answers before.
        timeout: Duration.seconds(15),
        environment: {
          ...credentials.environment,
          ...props.lineEnvironment,
          ...media?.environment(type),
          [ENV_MESSAGE_TYPE]: type,
          [ENV_SAMPLE_MESSAGES]: String(props.sampleMessages),
          [ENV_JOURNAL_TABLE]: this.journal.tableName,
          [ENV_SUBSCRIBER_TABLE]: subscribers.table.tableName,
        },
      }));
      credentials.grantRead(send);
      grantTableWrite(this.journal, send, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
      grantTableRead(subscribers.table, send, 'dynamodb:BatchGetItem');
      media?.grantRead(type, send);
      // LINE forgets a retry key after 24 hours: an event that waited longer must not be attempted again.
      send.configureAsyncInvoke({
        maxEventAge: Duration.hours(6),
        retryAttempts: 2,
        onFailure: new SqsDestination(this.failures),
      });
      this.functions.set(type, send);
    }
  }

  /** The function of a type, if the channel has the type. */
  public functionOf(type: LineMessageType): lambda.Function | undefined {
    return this.functions.get(type);
  }

  public get all(): lambda.Function[] {
    return [...this.functions.values()];
  }

  public grantInvoke(grantee: iam.IGrantable): iam.Grant {
    return this.all.map((send) => send.grantInvoke(grantee)).reduce((all, one) => all.combine(one));
  }
}
