import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { AWS_CLIENT_OPTIONS } from './aws-client-options';
import { requireEnv } from './environment';
import { lineFromEnvironment } from './line-from-environment';
import { invokeReplyFunction } from './reply-function';
import { contentLibrariesFromEnvironment } from './send-from-environment';
import { DynamoSubscriberStore } from './subscriber-store';
import { StdoutTelemetry } from './telemetry';
import { ENV_CHANNEL_KEY, ENV_CHANNEL_NAME, ENV_REPLIES, ENV_SUBSCRIBER_TABLE } from '../contract/environment';
import { contentComposer } from '../domain/line/compose-content';
import { ReplyDependencies } from '../domain/line/reply-to-events';

/** What answering events takes, as a function's environment names it. */
export function replyingFromEnvironment(): ReplyDependencies & { readonly telemetry: StdoutTelemetry } {
  const channelKey = requireEnv(ENV_CHANNEL_KEY);
  const subscribers = new DynamoSubscriberStore(new DynamoDBClient(AWS_CLIENT_OPTIONS), requireEnv(ENV_SUBSCRIBER_TABLE), channelKey);
  const libraries = contentLibrariesFromEnvironment();
  return {
    channelKey,
    rules: JSON.parse(requireEnv(ENV_REPLIES)),
    line: lineFromEnvironment(new SecretsManagerClient(AWS_CLIENT_OPTIONS)).line,
    composer: (data) => contentComposer(data, { functionType: 'any', sampleMessages: false }, libraries),
    person: async (userId) => subscribers.row(userId),
    invokeFunction: invokeReplyFunction,
    telemetry: new StdoutTelemetry(requireEnv(ENV_CHANNEL_NAME)),
    now: Date.now,
    sleep: async (milliseconds) => sleep(milliseconds),
    random: Math.random,
  };
}
