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
import { ProcessEventsDependencies, destinationCheck, processEvents } from '../../domain/line/process-events';
import { AWS_CLIENT_OPTIONS } from '../../runtime/aws-client-options';
import { ChannelRecord } from '../../runtime/channel-record';
import { envFlag, requireEnv } from '../../runtime/environment';
import { putWebhookEvent } from '../../runtime/event-bus';
import { lineFromEnvironment } from '../../runtime/line-from-environment';
import { sendProfileRequest } from '../../runtime/profile-queue';
import { DynamoSubscriberStore } from '../../runtime/subscriber-store';
import { StdoutTelemetry } from '../../runtime/telemetry';

const dynamo = new DynamoDBClient(AWS_CLIENT_OPTIONS);
const eventBridge = new EventBridgeClient(AWS_CLIENT_OPTIONS);
const sqs = new SQSClient(AWS_CLIENT_OPTIONS);

const channelKey = requireEnv(ENV_CHANNEL_KEY);
const tableName = requireEnv(ENV_SUBSCRIBER_TABLE);
const busName = requireEnv(ENV_EVENT_BUS);
const profileQueueUrl = requireEnv(ENV_PROFILE_QUEUE_URL);
const telemetry = new StdoutTelemetry(requireEnv(ENV_CHANNEL_NAME));

const dependencies: ProcessEventsDependencies = {
  channelKey,
  unsubscribe: parseUnsubscribeMode(requireEnv(ENV_UNSUBSCRIBE)),
  includePicture: envFlag(ENV_PROFILE_PICTURE),
  isOwnDestination: destinationCheck(new ChannelRecord(dynamo, tableName, channelKey)),
  subscribers: new DynamoSubscriberStore(dynamo, tableName, channelKey),
  line: lineFromEnvironment(new SecretsManagerClient(AWS_CLIENT_OPTIONS)).line,
  publish: async (event) => putWebhookEvent(eventBridge, busName, event),
  deferProfile: async (request, delaySeconds) => sendProfileRequest(sqs, profileQueueUrl, request, delaySeconds),
  telemetry,
  now: Date.now,
};

/** Takes LINE's events from the queue to the subscriber table and the event bus. */
export const handler = async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
  try {
    return await processEvents(event.Records, dependencies, {
      remainingMs: () => context.getRemainingTimeInMillis(),
      sleep: async (milliseconds, signal) => sleep(milliseconds, undefined, { signal }),
    });
  } finally {
    telemetry.flush();
  }
};
