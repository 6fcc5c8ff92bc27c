import { setTimeout as sleep } from 'timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ENV_CHANNEL_KEY, ENV_SUBSCRIBER_TABLE, ENV_WEBHOOK_URL } from '../../contract/environment';
import { SetUpReport, setUpChannel } from '../../domain/line/set-up-channel';
import { AWS_CLIENT_OPTIONS } from '../../runtime/aws-client-options';
import { ChannelRecord } from '../../runtime/channel-record';
import { optionalEnv, requireEnv } from '../../runtime/environment';
import { lineFromEnvironment } from '../../runtime/line-from-environment';

const secretsManager = new SecretsManagerClient(AWS_CLIENT_OPTIONS);
const bots = new ChannelRecord(new DynamoDBClient(AWS_CLIENT_OPTIONS), requireEnv(ENV_SUBSCRIBER_TABLE), requireEnv(ENV_CHANNEL_KEY));
const clock = { now: Date.now, sleep };
const webhookUrl = optionalEnv(ENV_WEBHOOK_URL);

// Nothing of the secret or the tokens is kept: whoever runs this has just changed the secret.
export const handler = async (payload: unknown): Promise<SetUpReport> =>
  setUpChannel(payload, { ...lineFromEnvironment(secretsManager), bots, clock, webhookUrl });
