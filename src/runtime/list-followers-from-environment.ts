import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { AWS_CLIENT_OPTIONS } from './aws-client-options';
import { requireEnv } from './environment';
import { readKnownPeople } from './known-people';
import { lineFromEnvironment } from './line-from-environment';
import { StdoutTelemetry } from './telemetry';
import { PATIENT_CLIENT_OPTIONS, importFromEnvironment } from './write-import-from-environment';
import { ENV_SUBSCRIBER_TABLE } from '../contract/environment';
import { ListFollowersDependencies } from '../domain/audience/list-followers';

/** What the step `listFollowers` works with, as its function's environment names it, less the time of the invocation. */
export function listFollowersFromEnvironment(): Omit<ListFollowersDependencies, 'remainingMs'> & { readonly telemetry: StdoutTelemetry } {
  const { config, ...shared } = importFromEnvironment();
  const dynamo = new DynamoDBClient(PATIENT_CLIENT_OPTIONS);
  const tableName = requireEnv(ENV_SUBSCRIBER_TABLE);
  return {
    ...shared,
    config,
    line: lineFromEnvironment(new SecretsManagerClient(AWS_CLIENT_OPTIONS)).line,
    knownPeople: async (after) => readKnownPeople(dynamo, tableName, config.channelKey, after),
    sleep: async (milliseconds) => sleep(milliseconds),
  };
}
