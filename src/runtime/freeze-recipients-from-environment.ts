import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { DynamoAudienceSize } from './audience-size';
import { AWS_CLIENT_OPTIONS } from './aws-client-options';
import { S3CampaignObjects } from './campaign-objects';
import { requireEnv } from './environment';
import { DynamoRecipientReader, RecipientReaderOptions } from './recipient-reader';
import { DynamoRunsStore } from './runs-store';
import { StdoutTelemetry } from './telemetry';
import { CampaignConfig } from '../contract/campaigns';
import { ENV_CAMPAIGN_BUCKET, ENV_CAMPAIGN_CONFIG, ENV_CHANNEL_KEY, ENV_RUNS_TABLE, ENV_SUBSCRIBER_TABLE } from '../contract/environment';
import { PackDependencies } from '../domain/campaigns/pack-recipients';
import { PlanDependencies } from '../domain/campaigns/plan-recipients';
import { ReadDependencies } from '../domain/campaigns/read-recipients';

/** A throttled table is read later, not given up; chunks of 8 MB take longer than a row. */
const clientOptions = {
  ...AWS_CLIENT_OPTIONS,
  maxAttempts: 8,
  requestHandler: { ...AWS_CLIENT_OPTIONS.requestHandler, requestTimeout: 30_000 },
};

const nothing = () => undefined;

/**
 * Logs nothing, as the SDK's own silent logger. That one's `info`, though, is handed a copy of every answer, made member by member, which
 * takes a seventh of the time of a scan; who has none is not.
 */
const silent = { trace: nothing, debug: nothing, warn: nothing, error: nothing } as unknown as DynamoDBClientConfig['logger'];

/** A function that is a source may take as long as Lambda lets it, and is not to run twice. */
const invokeOptions = {
  ...AWS_CLIENT_OPTIONS,
  maxAttempts: 1,
  requestHandler: { ...AWS_CLIENT_OPTIONS.requestHandler, requestTimeout: 15 * 60_000 },
};

/** Characters of what a function threw that are told. */
const MAX_ERROR_LENGTH = 200;

type WithTelemetry<T> = T & { readonly telemetry: StdoutTelemetry };

function commonFromEnvironment() {
  const config: CampaignConfig = JSON.parse(requireEnv(ENV_CAMPAIGN_CONFIG));
  const s3Client = new S3Client({ ...clientOptions, responseChecksumValidation: 'WHEN_REQUIRED' });
  const dynamoClient = new DynamoDBClient({ ...clientOptions, logger: silent });
  const [s3, dynamo] = [() => s3Client, () => dynamoClient];
  return { s3, dynamo, objects: new S3CampaignObjects(s3, requireEnv(ENV_CAMPAIGN_BUCKET)), telemetry: new StdoutTelemetry(config.runner) };
}

function subscribersFromEnvironment(): RecipientReaderOptions {
  return { tableName: requireEnv(ENV_SUBSCRIBER_TABLE), channelKey: requireEnv(ENV_CHANNEL_KEY) };
}

/** What the plan step takes. */
export function planFromEnvironment(): WithTelemetry<PlanDependencies> {
  const { s3, dynamo, objects, telemetry } = commonFromEnvironment();
  const lambda = new LambdaClient(invokeOptions);
  return {
    objects,
    telemetry,
    runs: new DynamoRunsStore(dynamo(), requireEnv(ENV_RUNS_TABLE)),
    size: new DynamoAudienceSize(dynamo, s3, subscribersFromEnvironment()),
    invoke: async (functionArn, event) => {
      const { FunctionError, Payload } = await lambda.send(new InvokeCommand({ FunctionName: functionArn, Payload: JSON.stringify(event) }));
      if (FunctionError) {
        const { errorType = FunctionError, errorMessage = '' } = JSON.parse(Payload?.transformToString() ?? '{}');
        throw new Error(`function ${functionArn}, a source of recipients, failed: ${String(errorType)}: ${String(errorMessage).slice(0, MAX_ERROR_LENGTH)}; see its log`);
      }
    },
    now: Date.now,
  };
}

/** What the read step takes. */
export function readFromEnvironment(): WithTelemetry<ReadDependencies> {
  const { s3, dynamo, objects, telemetry } = commonFromEnvironment();
  return { objects, telemetry, reader: new DynamoRecipientReader(dynamo, s3, subscribersFromEnvironment(), sleep) };
}

/** What the pack step takes, besides the time that an invocation has. */
export function packFromEnvironment(): WithTelemetry<Omit<PackDependencies, 'remainingMs'>> {
  const { dynamo, objects, telemetry } = commonFromEnvironment();
  return { objects, telemetry, runs: new DynamoRunsStore(dynamo(), requireEnv(ENV_RUNS_TABLE)), now: Date.now };
}
