import { Token } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { ISubscriberTable } from '../audience/subscriber-table';
import { PINPOINT_MAX_ENDPOINTS } from '../contract/limits';

/** What a channel answers when a campaign runner binds it. */
export interface CampaignChannelConfig {
  /**
   * Function that sends. A runner invokes it with Amazon Pinpoint's custom-channel event: `ApplicationId` (the runner's name),
   * `CampaignId` (the campaign's name), `TreatmentId`, `ActivityId` (the run), `Data`, and `Endpoints`, a map of endpoint id →
   * endpoint; or, when it takes chunks, with `Chunk` instead of `Endpoints`.
   *
   * Source: Amazon Pinpoint, "Creating custom channels".
   */
  readonly handler: lambda.IFunction;

  /**
   * Whether `handler` takes chunks: `Chunk`, `Content`, `Flag` and `Result`, each `{"Bucket","Key"}`, as the channels of this library do.
   * It answers with what became of the chunk's people, writes the same to `Result`, and begins nothing while the flag says so.
   *
   * @default false - it is invoked with maps of endpoints
   */
  readonly takesChunks?: boolean;

  /**
   * Endpoints of a map, at most, for a handler that takes no chunks.
   *
   * @default 50 - as Amazon Pinpoint's
   */
  readonly maxEndpoints?: number;

  /**
   * Subscribers of the channel, for a runner that is given no table itself.
   *
   * @default - none
   */
  readonly subscribers?: ISubscriberTable;

  /**
   * Key of the channel in the table.
   *
   * @default - none
   */
  readonly channelKey?: string;

  /**
   * Bus on which a runner says what its runs do, unless it is given one itself.
   *
   * @default - none; nothing is said on a bus
   */
  readonly eventBus?: events.IEventBus;

  /**
   * Function that answers `{"units":["…"],"from":"yyyyMMdd","to":"yyyyMMdd"}` with `{"units":{"<unit>":{…}}}`: the channel's statistics of
   * what was sent under a unit.
   *
   * @default - none; the channel has no statistics
   */
  readonly statisticsFunction?: lambda.IFunction;
}

/**
 * A channel that campaigns can be sent through. LINE channels are such channels; implement it, or use `CampaignChannel`, for
 * another one.
 */
export interface ICampaignChannel {
  /**
   * Called by each runner of the channel.
   *
   * @param scope where to create what the channel needs for the runner
   */
  bindCampaign(scope: Construct): CampaignChannelConfig;
}

/** How a function that was written for Amazon Pinpoint is used as a channel. */
export interface FunctionChannelOptions {
  /**
   * Endpoints of an invocation, at most: 1 to 500.
   *
   * @default 50 - as Amazon Pinpoint's
   */
  readonly maxEndpoints?: number;
}

/** Channels other than LINE's. */
export abstract class CampaignChannel {
  /**
   * A function that was written as custom channel of Amazon Pinpoint, unchanged: it is invoked with maps of at most 50 endpoints.
   * An invocation that failed, or whose end nobody saw, is repeated with the same endpoints, so such a function may get them twice.
   *
   * @param handler the function
   * @param options how it is invoked
   */
  public static fromFunction(handler: lambda.IFunction, options: FunctionChannelOptions = {}): ICampaignChannel {
    return new FunctionChannel(handler, options);
  }
}

/** Most endpoints of a map: more would not fit into an invocation's 6 MB if they are as large as Pinpoint's may be (15 KB). */
const MAX_ENDPOINTS = 500;

class FunctionChannel implements ICampaignChannel {
  constructor(private readonly handler: lambda.IFunction, private readonly options: FunctionChannelOptions) {
    const { maxEndpoints } = options;
    if (maxEndpoints !== undefined && !Token.isUnresolved(maxEndpoints)
      && (!Number.isInteger(maxEndpoints) || maxEndpoints < 1 || maxEndpoints > MAX_ENDPOINTS)) {
      throw new Error(`\`maxEndpoints\` must be a whole number from 1 to ${MAX_ENDPOINTS}, got ${maxEndpoints}`);
    }
  }

  public bindCampaign(_scope: Construct): CampaignChannelConfig {
    return { handler: this.handler, maxEndpoints: this.options.maxEndpoints ?? PINPOINT_MAX_ENDPOINTS };
  }
}
