import { setTimeout as sleep } from 'timers/promises';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { ENV_CHANNEL_NAME, ENV_INCLUDE_MESSAGE_TEXT, ENV_REPLIES, ENV_WEBHOOK_QUEUE_URL } from '../../contract/environment';
import { Metric } from '../../contract/metrics';
import { replyMatcher } from '../../domain/line/match-reply';
import { WebhookRequest, WebhookResponse, receiveWebhook } from '../../domain/line/receive-webhook';
import { AWS_CLIENT_OPTIONS } from '../../runtime/aws-client-options';
import { envFlag, optionalEnv, requireEnv } from '../../runtime/environment';
import { SqsEventQueue } from '../../runtime/event-queue';
import { secretFromEnvironment } from '../../runtime/line-from-environment';
import { StdoutTelemetry } from '../../runtime/telemetry';

const telemetry = new StdoutTelemetry(requireEnv(ENV_CHANNEL_NAME));
// The time that LINE gives is short: a reading that hangs must leave some for the queue.
const { secrets, fields } = secretFromEnvironment(new SecretsManagerClient(AWS_CLIENT_OPTIONS), {
  timeoutMs: 1_000,
  onStale: (error) => {
    telemetry.count(Metric.CREDENTIALS_UNAVAILABLE);
    telemetry.error('CREDENTIALS_UNAVAILABLE', 'the secret cannot be read; what was read before is used for an hour at most', { error });
  },
});
const queue = new SqsEventQueue(new SQSClient({ ...AWS_CLIENT_OPTIONS, maxAttempts: 1 }), requireEnv(ENV_WEBHOOK_QUEUE_URL));
const clock = { now: Date.now, sleep };
const includeMessageText = envFlag(ENV_INCLUDE_MESSAGE_TEXT);
const matchReply = replyMatcher(JSON.parse(optionalEnv(ENV_REPLIES) ?? '[]'));

// Begun while Lambda still starts the function; a failure is met again, and reported, by the request that needs it.
// (Opening the connection to SQS here as well made no difference that could be measured.)
void secrets.value().catch(() => undefined);

export const handler = async (request: WebhookRequest): Promise<WebhookResponse> => {
  try {
    return await receiveWebhook(request, { secrets, fields, queue, clock, telemetry, includeMessageText, matchReply });
  } finally {
    telemetry.flush();
  }
};
