import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { ENV_CHANNEL_KEY, ENV_CHANNEL_NAME, ENV_PROFILE_PICTURE, ENV_SUBSCRIBER_TABLE } from '../../contract/environment';
import { UpdateProfileDependencies, updateProfiles } from '../../domain/line/update-profile';
import { AWS_CLIENT_OPTIONS } from '../../runtime/aws-client-options';
import { envFlag, requireEnv } from '../../runtime/environment';
import { lineFromEnvironment } from '../../runtime/line-from-environment';
import { DynamoSubscriberStore } from '../../runtime/subscriber-store';
import { StdoutTelemetry } from '../../runtime/telemetry';

const telemetry = new StdoutTelemetry(requireEnv(ENV_CHANNEL_NAME));
const dependencies: UpdateProfileDependencies = {
  subscribers: new DynamoSubscriberStore(new DynamoDBClient(AWS_CLIENT_OPTIONS), requireEnv(ENV_SUBSCRIBER_TABLE), requireEnv(ENV_CHANNEL_KEY)),
  line: lineFromEnvironment(new SecretsManagerClient(AWS_CLIENT_OPTIONS)).line,
  includePicture: envFlag(ENV_PROFILE_PICTURE),
  telemetry,
  now: Date.now,
};

/** Reads the profiles that LINE could not give when people followed. */
export const handler = async (event: SQSEvent): Promise<SQSBatchResponse> => {
  try {
    return await updateProfiles(event.Records, dependencies);
  } finally {
    telemetry.flush();
  }
};
