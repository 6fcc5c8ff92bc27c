import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { UpdatePinpointEndpointFunction } from './handlers/update-pinpoint-endpoint-function';
import { IPinpointProject } from './pinpoint-project';
import { ISubscriberTable } from './subscriber-table';
import { ENV_PINPOINT_APPLICATION_ID, ENV_PINPOINT_REGION, ENV_SUBSCRIBER_TABLE } from '../contract/environment';
import { ChannelResources, grantTableRead } from '../shared/channel-resources';
import { LineFunctionOptions } from '../shared/line-function-options';

/** What a channel tells an audience when it binds it. */
export interface AudienceBindOptions {
  /** Key of the channel in its subscriber table. */
  readonly channelKey: string;

  /** Name of the channel, the value of the metric dimension `Channel`. */
  readonly channelName: string;

  /** The channel's subscriber table, for an audience that reads a subscriber as it is now. */
  readonly subscribers: ISubscriberTable;

  /**
   * Settings that the channel's functions have.
   *
   * @default - defaults of `LineFunctionOptions`
   */
  readonly functions?: LineFunctionOptions;

  /**
   * Key that the channel encrypts with.
   *
   * @default - none
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * Removal policy that the channel was given.
   *
   * @default - none; data is kept, the rest goes with the stack
   */
  readonly removalPolicy?: RemovalPolicy;
}

/** What an audience answers when it is bound. */
export interface AudienceConfig {
  /**
   * Function that takes subscriber changes: it is invoked with records of an SQS FIFO queue, in order per subscriber,
   * at least once. A record's body is JSON: `{"channelKey","subscriberId","change":"UPSERT","endpoint":{…}}`, or
   * `"change":"ERASE"` without an endpoint, both with `subscriptionAt` (epoch milliseconds), `subscriptionEventId` and,
   * once a profile is known, `attributesAt`: by these a message that is redriven from the dead-letter queue is
   * recognised as older than what has been applied. It answers with `{"batchItemFailures":[{"itemIdentifier":"<messageId>"}]}`,
   * empty when all is done.
   */
  readonly handler: lambda.IFunction;

  /**
   * Most changes per invocation, 1 to 10.
   *
   * @default 10
   */
  readonly batchSize?: number;

  /**
   * Longest run of `handler`, at most 15 minutes and not below its own timeout; the queue hides a message six times as long.
   *
   * @default - the handler's own timeout; 15 minutes for an imported function
   */
  readonly timeout?: Duration;

  /**
   * Most invocations of `handler` at a time, 2 to 1,000.
   *
   * @default - no limit but the account's
   */
  readonly maxConcurrency?: number;
}

/**
 * A projection of the subscriber table: somebody who is told of every change of a subscriber. Implement it to feed a
 * system of your own.
 */
export interface IAudience {
  /**
   * Called once by the channel. The queue, its dead-letter queue and the alarm are the channel's part.
   *
   * @param scope where to create what the audience needs
   * @param options what the channel hands down
   */
  bind(scope: Construct, options: AudienceBindOptions): AudienceConfig;
}

/** The audiences that come with the library. */
export abstract class Audience {
  /**
   * Keeps subscribers as endpoints of an Amazon Pinpoint project: endpoint id and address are the LINE user id, the
   * channel type is `CUSTOM`.
   *
   * One project carries one LINE channel: Pinpoint inactivates an endpoint when another with an equal address is updated.
   *
   * @param project the project
   */
  public static pinpoint(project: IPinpointProject): IAudience {
    return new PinpointAudience(project);
  }

  /**
   * Hands every change to a function. See `AudienceConfig.handler` for what it is invoked with. In Python the method is
   * called `lambda_`.
   *
   * @param handler the function; its role gets the permission to read the queue
   */
  public static lambda(handler: lambda.IFunction): IAudience {
    return new LambdaAudience(handler);
  }
}

class PinpointAudience implements IAudience {
  constructor(private readonly project: IPinpointProject) {}

  public bind(scope: Construct, options: AudienceBindOptions): AudienceConfig {
    const timeout = Duration.seconds(30);
    const handler = new UpdatePinpointEndpointFunction(scope, 'Function', new ChannelResources(scope, options).functionOptions(scope, 'Function', {
      description: 'Keeps LINE subscribers as endpoints of an Amazon Pinpoint project',
      timeout,
      environment: {
        [ENV_PINPOINT_APPLICATION_ID]: this.project.applicationId,
        [ENV_PINPOINT_REGION]: this.project.applicationRegion,
        [ENV_SUBSCRIBER_TABLE]: options.subscribers.table.tableName,
      },
    }));
    // Source: Amazon Pinpoint, "Amazon Pinpoint actions for IAM policies": these two act on one endpoint of the project.
    handler.addToRolePolicy(new iam.PolicyStatement({
      actions: ['mobiletargeting:UpdateEndpoint', 'mobiletargeting:DeleteEndpoint'],
      resources: [`${this.project.applicationArn}/endpoints/*`],
    }));
    grantTableRead(options.subscribers.table, handler, 'dynamodb:GetItem');
    return { handler, timeout };
  }
}

class LambdaAudience implements IAudience {
  constructor(private readonly handler: lambda.IFunction) {}

  public bind(_scope: Construct, _options: AudienceBindOptions): AudienceConfig {
    return { handler: this.handler };
  }
}
