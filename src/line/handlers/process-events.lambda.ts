import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import {
  ENV_CHANNEL_KEY, ENV_CHANNEL_NAME, ENV_EVENT_BUS, ENV_PROFILE_PICTURE, ENV_PROFILE_QUEUE_URL, ENV_SUBSCRIBER_TABLE, ENV_UNSUBSCRIBE,
} from '../../contract/environment';
import { parseUnsubscribeMode } from '../../domain/audience/subscriber';
import { destinationCheck, processEvents as process } from '../../domain/line/process-events';
import { updateProfiles as update } from '../../domain/line/update-profile';
import { AWS_CLIENT_OPTIONS } from '../../runtime/aws-client-options';
import { ChannelRecord } from '../../runtime/channel-record';
import { envFlag, requireEnv } from '../../runtime/environment';
import { putWebhookEvent } from '../../runtime/event-bus';
import { lineFromEnvironment } from '../../runtime/line-from-environment';
import { prepared } from '../../runtime/prepared';
import { sendProfileRequest } from '../../runtime/profile-queue';
import { DynamoSubscriberStore } from '../../runtime/subscriber-store';
import { StdoutTelemetry } from '../../runtime/telemetry';

/** What whoever stores subscribers works with. */
function storingFromEnvironment() {
  const dynamo = new DynamoDBClient(AWS_CLIENT_OPTIONS);
  const channelKey = requireEnv(ENV_CHANNEL_KEY);
  const tableName = requireEnv(ENV_SUBSCRIBER_TABLE);
  return {
    dynamo,
    channelKey,
    tableName,
    subscribers: new DynamoSubscriberStore(dynamo, tableName, channelKey),
    line: lineFromEnvironment(new SecretsManagerClient(AWS_CLIENT_OPTIONS)).line,
    includePicture: envFlag(ENV_PROFILE_PICTURE),
    telemetry: new StdoutTelemetry(requireEnv(ENV_CHANNEL_NAME)),
    now: Date.now,
  };
}

const forEvents = prepared('processEvents', () => {
  const { dynamo, tableName, ...storing } = storingFromEnvironment();
  const eventBridge = new EventBridgeClient(AWS_CLIENT_OPTIONS);
  const sqs = new SQSClient(AWS_CLIENT_OPTIONS);
  const busName = requireEnv(ENV_EVENT_BUS);
  const profileQueueUrl = requireEnv(ENV_PROFILE_QUEUE_URL);
  return {
    ...storing,
    unsubscribe: parseUnsubscribeMode(requireEnv(ENV_UNSUBSCRIBE)),
    isOwnDestination: destinationCheck(new ChannelRecord(dynamo, tableName, storing.channelKey)),
    publish: async (event: Parameters<typeof putWebhookEvent>[2]) => putWebhookEvent(eventBridge, busName, event),
    deferProfile: async (request: Parameters<typeof sendProfileRequest>[2], delaySeconds: number) =>
      sendProfileRequest(sqs, profileQueueUrl, request, delaySeconds),
  };
});
const forProfiles = prepared('updateProfiles', storingFromEnvironment);

/** Takes LINE's events from the queue to the subscriber table and the event bus. */
export const processEvents = async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
  const dependencies = forEvents();
  try {
    return await process(event.Records, dependencies, {
      remainingMs: () => context.getRemainingTimeInMillis(),
      sleep: async (milliseconds, signal) => sleep(milliseconds, undefined, { signal }),
    });
  } finally {
    dependencies.telemetry.flush();
  }
};

/** Reads the profiles that LINE could not give when people followed. */
export const updateProfiles = async (event: SQSEvent): Promise<SQSBatchResponse> => {
  const dependencies = forProfiles();
  try {
    return await update(event.Records, dependencies);
  } finally {
    dependencies.telemetry.flush();
  }
};
