import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { Context } from 'aws-lambda';
import { CustomChannelReply } from '../../contract/custom-channel';
import {
  ENV_CHANNEL_KEY, ENV_CHANNEL_NAME, ENV_JOURNAL_TABLE, ENV_MEDIA_BUCKET, ENV_MEDIA_DELIVERY, ENV_MEDIA_PREFIX, ENV_MESSAGE_TYPE,
  ENV_SAMPLE_MESSAGES, ENV_SUBSCRIBER_TABLE,
} from '../../contract/environment';
import { MessageType } from '../../contract/media';
import { SendDependencies, sendMessage } from '../../domain/line/send-message';
import { AWS_CLIENT_OPTIONS } from '../../runtime/aws-client-options';
import { envFlag, optionalEnv, requireEnv } from '../../runtime/environment';
import { lineFromEnvironment } from '../../runtime/line-from-environment';
import { MediaStore } from '../../runtime/media-store';
import { DynamoSendJournal } from '../../runtime/send-journal-store';
import { SubscriptionReader } from '../../runtime/subscription-reader';
import { StdoutTelemetry } from '../../runtime/telemetry';

/** Two attempts fit into the time of an invocation; a conditional write may be repeated. */
const clientOptions = { ...AWS_CLIENT_OPTIONS, maxAttempts: 2 };

const dynamo = new DynamoDBClient(clientOptions);
const telemetry = new StdoutTelemetry(requireEnv(ENV_CHANNEL_NAME));
const { line, tokens } = lineFromEnvironment(new SecretsManagerClient(clientOptions));
const messageType = requireEnv(ENV_MESSAGE_TYPE) as MessageType;
let s3: S3Client | undefined;

const dependencies: SendDependencies = {
  messageType,
  sampleMessages: envFlag(ENV_SAMPLE_MESSAGES),
  journal: new DynamoSendJournal(dynamo, requireEnv(ENV_JOURNAL_TABLE)),
  subscriptions: new SubscriptionReader(dynamo, requireEnv(ENV_SUBSCRIBER_TABLE), requireEnv(ENV_CHANNEL_KEY), sleep),
  // Made when a media object is asked for, which text never does. Checksums would only lengthen pre-signed URLs.
  media: new MediaStore(() => s3 ??= new S3Client({ ...clientOptions, responseChecksumValidation: 'WHEN_REQUIRED' }), {
    bucketName: optionalEnv(ENV_MEDIA_BUCKET) ?? '',
    prefix: optionalEnv(ENV_MEDIA_PREFIX) ?? '',
    messageType,
    delivery: JSON.parse(optionalEnv(ENV_MEDIA_DELIVERY) ?? '{}'),
  }, Date.now),
  line,
  telemetry,
  warmUp: () => tokens.token(),
  now: Date.now,
  sleep: async (milliseconds, signal) => sleep(milliseconds, undefined, { signal }),
  random: Math.random,
};

/** A send function: takes Amazon Pinpoint's custom-channel event, answers with a result per endpoint. */
export const handler = async (event: unknown, context: Context): Promise<CustomChannelReply> => {
  try {
    return await sendMessage(event, {
      requestId: context.awsRequestId,
      owner: randomUUID(),
      remainingMs: context.getRemainingTimeInMillis(),
    }, dependencies);
  } finally {
    telemetry.flush();
  }
};
