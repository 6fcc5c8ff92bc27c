import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { FirehoseClient } from '@aws-sdk/client-firehose';
import type { Context, DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import { ENV_CHANNEL_KEY, ENV_CHANNEL_NAME, ENV_ENGAGEMENT_STREAM, ENV_EVENT_BUS } from '../../contract/environment';
import { publishOutcomes, SendEventEntry } from '../../domain/line/publish-outcomes';
import { AWS_CLIENT_OPTIONS } from '../../runtime/aws-client-options';
import { EngagementStream } from '../../runtime/engagement-stream';
import { optionalEnv, requireEnv } from '../../runtime/environment';
import { putSendEvents } from '../../runtime/event-bus';
import { journalRecord } from '../../runtime/journal-stream';
import { StdoutTelemetry } from '../../runtime/telemetry';

const eventBridge = new EventBridgeClient(AWS_CLIENT_OPTIONS);
const busName = requireEnv(ENV_EVENT_BUS);
const telemetry = new StdoutTelemetry(requireEnv(ENV_CHANNEL_NAME));
const streamName = optionalEnv(ENV_ENGAGEMENT_STREAM);
const engagement = streamName === undefined ? undefined : new EngagementStream(new FirehoseClient(AWS_CLIENT_OPTIONS), streamName);
const dependencies = {
  channelKey: requireEnv(ENV_CHANNEL_KEY),
  publish: async (events: readonly SendEventEntry[]) => putSendEvents(eventBridge, busName, events),
  ...(engagement && { putEngagementEvents: async (lines: readonly string[]) => engagement.put(lines) }),
  telemetry,
};

/** Reads the send journal's stream and tells the channel's bus, and whoever counts engagement, what became of each batch. */
export const handler = async (event: DynamoDBStreamEvent, { invokedFunctionArn }: Pick<Context, 'invokedFunctionArn'>): Promise<DynamoDBBatchResponse> => {
  try {
    // arn:aws:lambda:<region>:<account>:function:<name>
    return await publishOutcomes(event.Records.map(journalRecord), { ...dependencies, accountId: invokedFunctionArn.split(':')[4] });
  } finally {
    telemetry.flush();
  }
};
