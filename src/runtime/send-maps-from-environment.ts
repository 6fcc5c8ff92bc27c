import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { AWS_CLIENT_OPTIONS } from './aws-client-options';
import { S3CampaignObjects } from './campaign-objects';
import { ChannelFunction } from './channel-function';
import { S3ChunkObjects } from './chunk-store';
import { optionalEnv, requireEnv } from './environment';
import { DynamoMapJournal } from './map-journal';
import { linesOfObject } from './run-objects';
import { SubscriptionReader } from './subscription-reader';
import { StdoutTelemetry } from './telemetry';
import { CampaignConfig } from '../contract/campaigns';
import { ENV_CAMPAIGN_CHANNEL_FUNCTION, ENV_CAMPAIGN_CONFIG, ENV_CHANNEL_KEY, ENV_RUNS_TABLE, ENV_SUBSCRIBER_TABLE } from '../contract/environment';
import { SendMapsDependencies } from '../domain/campaigns/send-maps';

const clientOptions = { ...AWS_CLIENT_OPTIONS, maxAttempts: 6 };

/** A channel may take as long as Lambda lets it; a second attempt of the SDK's own could send a second time. */
const invokeOptions = {
  ...AWS_CLIENT_OPTIONS,
  maxAttempts: 1,
  requestHandler: { ...AWS_CLIENT_OPTIONS.requestHandler, requestTimeout: 15 * 60_000 },
};

/** What sending chunks as maps of endpoints takes. Opt-outs after the freeze are read where the environment names the subscribers. */
export function sendMapsFromEnvironment(): SendMapsDependencies & { readonly telemetry: StdoutTelemetry } {
  const config: CampaignConfig = JSON.parse(requireEnv(ENV_CAMPAIGN_CONFIG));
  const s3 = new S3Client({ ...clientOptions, responseChecksumValidation: 'WHEN_REQUIRED' });
  const dynamo = new DynamoDBClient(clientOptions);
  const lambda = new LambdaClient(invokeOptions);
  const channel = new ChannelFunction(() => lambda, requireEnv(ENV_CAMPAIGN_CHANNEL_FUNCTION));
  const objectsOf = (bucket: string) => new S3CampaignObjects(() => s3, bucket);
  const tableName = optionalEnv(ENV_SUBSCRIBER_TABLE);
  const subscriptions = tableName === undefined ? undefined : new SubscriptionReader(dynamo, tableName, requireEnv(ENV_CHANNEL_KEY), sleep);
  return {
    config,
    telemetry: new StdoutTelemetry(config.runner),
    journal: new DynamoMapJournal(dynamo, requireEnv(ENV_RUNS_TABLE), config.retentionDays, Date.now),
    lines: (place) => linesOfObject(s3, place),
    text: async ({ Bucket, Key }) => objectsOf(Bucket).read(Key),
    results: new S3ChunkObjects(() => s3),
    invoke: async (event, timeoutMs) => channel.invoke(event, timeoutMs),
    ...(subscriptions && { exclusions: async (addresses) => subscriptions.exclusions(addresses) }),
    now: Date.now,
    sleep,
  };
}
