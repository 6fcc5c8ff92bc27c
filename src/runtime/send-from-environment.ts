import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { AWS_CLIENT_OPTIONS } from './aws-client-options';
import { S3BatchContents } from './batch-contents';
import { dynamoSendLimiter } from './dynamo-send-limiter';
import { envFlag, optionalEnv, requireEnv } from './environment';
import { lineFromEnvironment } from './line-from-environment';
import { MediaStore } from './media-store';
import { SqsRetryQueue } from './retry-queue';
import { DynamoSendJournal } from './send-journal-store';
import { SendNotes } from './send-notes';
import { SubscriptionReader } from './subscription-reader';
import { StdoutTelemetry } from './telemetry';
import { TemplateStore } from './template-store';
import {
  ENV_CHANNEL_KEY, ENV_CHANNEL_NAME, ENV_CONTENT_BUCKET, ENV_JOURNAL_TABLE, ENV_MEDIA_DELIVERY, ENV_MEDIA_PLACES, ENV_MESSAGE_TYPE,
  ENV_RETRY_QUEUE_URL, ENV_SAMPLE_MESSAGES, ENV_SENDING, ENV_SUBSCRIBER_TABLE, ENV_TEMPLATE_BUCKET,
} from '../contract/environment';
import { SendFunctionType } from '../contract/media';
import { SendingConfig } from '../contract/sending';
import { AggregationUnitWatch } from '../domain/line/aggregation-units';
import { CALL_TIMEOUT_MS } from '../domain/line/attempt-calls';
import { ComposeDependencies, contentComposer } from '../domain/line/compose-content';
import { QuotaReader } from '../domain/line/quota';
import { SendDependencies } from '../domain/line/send-message';
import { validateContent } from '../domain/line/validate-content';

/** Two attempts fit into the time of an invocation; a conditional write may be repeated. */
const clientOptions = { ...AWS_CLIENT_OPTIONS, maxAttempts: 2 };

let s3Client: S3Client | undefined;

/** Made when an object is asked for, which a text never does. Checksums would only lengthen pre-signed URLs. */
export const s3 = (): S3Client => s3Client ??= new S3Client({ ...clientOptions, responseChecksumValidation: 'WHEN_REQUIRED' });

/** The retry queue, as a function's environment names it. */
export function retryQueueFromEnvironment(): SqsRetryQueue {
  const client = new SQSClient(clientOptions);
  return new SqsRetryQueue(() => client, requireEnv(ENV_RETRY_QUEUE_URL));
}

/** The media and templates that content may name. */
export function contentLibrariesFromEnvironment(): ComposeDependencies {
  return {
    media: new MediaStore(s3, { places: JSON.parse(optionalEnv(ENV_MEDIA_PLACES) ?? '{}'), delivery: JSON.parse(optionalEnv(ENV_MEDIA_DELIVERY) ?? '{}') }, Date.now),
    templates: new TemplateStore(s3, optionalEnv(ENV_TEMPLATE_BUCKET) ?? requireEnv(ENV_CONTENT_BUCKET), Date.now),
  };
}

/** What driving batches of the journal takes. */
export function drivingFromEnvironment() {
  const dynamo = new DynamoDBClient(clientOptions);
  const telemetry = new StdoutTelemetry(requireEnv(ENV_CHANNEL_NAME));
  const { line, tokens } = lineFromEnvironment(new SecretsManagerClient(clientOptions));
  const tableName = requireEnv(ENV_JOURNAL_TABLE);
  const config: SendingConfig = JSON.parse(requireEnv(ENV_SENDING));
  const notes = new SendNotes(dynamo, tableName, Date.now);
  const quota = new QuotaReader({ line, notices: notes, telemetry, now: Date.now });
  return {
    config,
    dynamo,
    line,
    notes,
    quotaReader: quota,
    telemetry,
    tokens,
    journal: new DynamoSendJournal(dynamo, tableName, Date.now),
    contents: new S3BatchContents(s3, requireEnv(ENV_CONTENT_BUCKET)),
    limiter: dynamoSendLimiter({ client: dynamo, tableName, config, telemetry, now: Date.now, sleep }),
    onUnknownOutcome: config.onUnknownOutcome,
    quotaIsExhausted: async (timeoutMs: number, recipients: number) => quota.isExhausted(timeoutMs, recipients),
    validate: async (body: string, timeoutMs: number) => validateContent(line, body, timeoutMs),
    now: Date.now,
    sleep: async (milliseconds: number, signal?: AbortSignal): Promise<void> => sleep(milliseconds, undefined, { signal }),
    random: Math.random,
  };
}

/** What sending to people takes, besides the retry queue, which not every function has. */
export function sendingFromEnvironment(): SendDependencies & { readonly telemetry: StdoutTelemetry } {
  const { config, dynamo, notes, quotaReader, tokens, ...driving } = drivingFromEnvironment();
  const { line, telemetry } = driving;
  const functionType = requireEnv(ENV_MESSAGE_TYPE) as SendFunctionType;
  const options = { functionType, sampleMessages: envFlag(ENV_SAMPLE_MESSAGES) };
  const libraries = contentLibrariesFromEnvironment();
  const units = new AggregationUnitWatch({ line, units: notes, telemetry, now: Date.now });
  return {
    ...driving,
    functionType,
    composer: (data) => contentComposer(data, options, libraries),
    subscriptions: new SubscriptionReader(dynamo, requireEnv(ENV_SUBSCRIBER_TABLE), requireEnv(ENV_CHANNEL_KEY), sleep),
    onLowQuota: config.onLowQuota,
    perPersonClaim: config.perPersonClaim,
    quota: async (timeoutMs) => quotaReader.read(timeoutMs),
    validated: new Set(),
    noteAggregationUnit: async (unit) => units.note(unit, CALL_TIMEOUT_MS),
    warmUp: async () => tokens.token(),
  };
}
