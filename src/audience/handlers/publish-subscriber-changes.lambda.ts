import { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import { ENV_AUDIENCE_QUEUE_URLS, ENV_CHANNEL_KEY, ENV_CHANNEL_NAME } from '../../contract/environment';
import { publishSubscriberChanges } from '../../domain/audience/publish-subscriber-changes';
import { SqsAudienceQueue, parseQueueUrls } from '../../runtime/audience-queue';
import { AWS_CLIENT_OPTIONS } from '../../runtime/aws-client-options';
import { requireEnv } from '../../runtime/environment';
import { StdoutTelemetry } from '../../runtime/telemetry';

const sqs = new SQSClient(AWS_CLIENT_OPTIONS);
const telemetry = new StdoutTelemetry(requireEnv(ENV_CHANNEL_NAME));
const dependencies = {
  channelKey: requireEnv(ENV_CHANNEL_KEY),
  queues: parseQueueUrls(requireEnv(ENV_AUDIENCE_QUEUE_URLS)).map((url) => new SqsAudienceQueue(sqs, url)),
  telemetry,
};

/** Reads the subscriber table's stream and tells every audience what changed. */
export const handler = async (event: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> => {
  try {
    return await publishSubscriberChanges(event.Records, dependencies);
  } finally {
    telemetry.flush();
  }
};
