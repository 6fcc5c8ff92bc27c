import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { AWS_CLIENT_OPTIONS } from './aws-client-options';
import { requireEnv } from './environment';
import { S3ImportObjects } from './import-objects';
import { DynamoImportTable } from './import-table';
import { publishNotification } from './notifications';
import { StdoutTelemetry } from './telemetry';
import { ENV_IMPORT_BUCKET, ENV_IMPORT_CONFIG, ENV_NOTIFICATION_TOPIC_ARN, ENV_SUBSCRIBER_TABLE } from '../contract/environment';
import { ImportConfig } from '../contract/imports';
import { FinishImportDependencies } from '../domain/audience/finish-import';
import { WriteImportDependencies } from '../domain/audience/write-import';
import { JobNotification } from '../domain/shared/notification';

/** A throttled table is waited for: the SDK slows down by itself. Source: AWS SDKs and Tools Reference Guide, "Retry behavior". */
export const PATIENT_CLIENT_OPTIONS = { ...AWS_CLIENT_OPTIONS, maxAttempts: 10, retryMode: 'adaptive' };

/** Objects of megabytes take longer than a row. */
const S3_CLIENT_OPTIONS = { ...AWS_CLIENT_OPTIONS, maxAttempts: 5, requestHandler: { ...AWS_CLIENT_OPTIONS.requestHandler, requestTimeout: 30_000 } };

/** What every step of an import has. */
export function importFromEnvironment(): {
  readonly config: ImportConfig;
  readonly objects: S3ImportObjects;
  readonly telemetry: StdoutTelemetry;
  readonly notify: (notification: JobNotification) => Promise<void>;
} {
  const config: ImportConfig = JSON.parse(requireEnv(ENV_IMPORT_CONFIG));
  const topicArn = requireEnv(ENV_NOTIFICATION_TOPIC_ARN);
  const sns = new SNSClient({ ...AWS_CLIENT_OPTIONS, maxAttempts: 5 });
  return {
    config,
    objects: new S3ImportObjects(new S3Client(S3_CLIENT_OPTIONS), requireEnv(ENV_IMPORT_BUCKET)),
    telemetry: new StdoutTelemetry(config.name),
    notify: async (notification) => publishNotification(sns, topicArn, notification),
  };
}

/** What the step `write` works with, as its function's environment names it. */
export function writeImportFromEnvironment(): WriteImportDependencies & { readonly telemetry: StdoutTelemetry } {
  const { config, objects, telemetry } = importFromEnvironment();
  const dynamo = new DynamoDBClient(PATIENT_CLIENT_OPTIONS);
  return {
    config,
    objects,
    telemetry,
    table: new DynamoImportTable(dynamo, requireEnv(ENV_SUBSCRIBER_TABLE), config.channelKey, async (milliseconds) => sleep(milliseconds)),
  };
}

/** What the step `finish` works with, as its function's environment names it. */
export function finishImportFromEnvironment(): FinishImportDependencies & { readonly telemetry: StdoutTelemetry } {
  return { ...importFromEnvironment(), now: Date.now };
}
