import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { AWS_CLIENT_OPTIONS } from './aws-client-options';
import { voiceFromEnvironment } from './campaign-events';
import { ChannelFunction } from './channel-function';
import { requireEnv } from './environment';
import { S3RunObjects } from './run-objects';
import { DynamoRunsStore } from './runs-store';
import { StdoutTelemetry } from './telemetry';
import { CampaignConfig } from '../contract/campaigns';
import { ENV_CAMPAIGN_BUCKET, ENV_CAMPAIGN_CHANNEL_FUNCTION, ENV_CAMPAIGN_CONFIG, ENV_RUNS_TABLE } from '../contract/environment';
import { LookDependencies } from '../domain/campaigns/look-at-run';

/** Milliseconds that a channel may take to say what it would send. */
const PREVIEW_TIMEOUT_MS = 120_000;

/** The step has minutes: what is throttled is asked for again, not given up. */
const clientOptions = { ...AWS_CLIENT_OPTIONS, maxAttempts: 6 };

/** A preview sends nothing, so that it may be asked for again. */
const invokeOptions = { ...clientOptions, requestHandler: { ...AWS_CLIENT_OPTIONS.requestHandler, requestTimeout: PREVIEW_TIMEOUT_MS } };

/** What the look step takes. */
export function lookFromEnvironment(): LookDependencies & { readonly telemetry: StdoutTelemetry } {
  const config: CampaignConfig = JSON.parse(requireEnv(ENV_CAMPAIGN_CONFIG));
  const telemetry = new StdoutTelemetry(config.runner);
  const s3 = new S3Client({ ...clientOptions, responseChecksumValidation: 'WHEN_REQUIRED' });
  const lambda = new LambdaClient(invokeOptions);
  const channel = new ChannelFunction(() => lambda, requireEnv(ENV_CAMPAIGN_CHANNEL_FUNCTION));
  return {
    config,
    telemetry,
    runs: new DynamoRunsStore(new DynamoDBClient(clientOptions), requireEnv(ENV_RUNS_TABLE)),
    objects: new S3RunObjects(() => s3, requireEnv(ENV_CAMPAIGN_BUCKET)),
    preview: async (event) => channel.preview(event, PREVIEW_TIMEOUT_MS),
    announce: voiceFromEnvironment(config.runner, telemetry).announce,
    now: Date.now,
  };
}
