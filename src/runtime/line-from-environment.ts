import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { optionalEnv, requireEnv } from './environment';
import { LineClient } from './line-client';
import { LINE_API_BASE_URL } from './line-http';
import { LineTokens } from './line-tokens';
import { SecretReader, SecretReaderOptions } from './secret-reader';
import { CredentialFields } from '../contract/credentials';
import { ENV_API_BASE_URL, ENV_SECRET_ARN, ENV_SECRET_FIELDS } from '../contract/environment';
import { LineApi } from '../domain/line/line-api';

/** The channel's secret, as a function's environment names it. */
export function secretFromEnvironment(
  client: SecretsManagerClient,
  options?: SecretReaderOptions,
): { secrets: SecretReader; fields: Partial<CredentialFields> } {
  const fields = optionalEnv(ENV_SECRET_FIELDS);
  return {
    secrets: new SecretReader(client, requireEnv(ENV_SECRET_ARN), options),
    fields: fields ? JSON.parse(fields) : {},
  };
}

/** LINE's Messaging API under the channel's credentials, as a function's environment names both. */
export function lineFromEnvironment(
  client: SecretsManagerClient,
): { line: LineApi; tokens: LineTokens; secrets: SecretReader; fields: Partial<CredentialFields> } {
  const { secrets, fields } = secretFromEnvironment(client);
  const baseUrl = optionalEnv(ENV_API_BASE_URL) ?? LINE_API_BASE_URL;
  const tokens = new LineTokens({ baseUrl, secrets, fields });
  return { line: new LineClient({ baseUrl, tokens }), tokens, secrets, fields };
}
