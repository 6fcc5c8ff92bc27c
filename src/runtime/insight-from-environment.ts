import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { AWS_CLIENT_OPTIONS } from './aws-client-options';
import { requireEnv } from './environment';
import { lineFromEnvironment } from './line-from-environment';
import { StdoutTelemetry } from './telemetry';
import { ENV_CHANNEL_NAME } from '../contract/environment';
import { InsightDependencies } from '../domain/line/read-insight';

/** What asking LINE for statistics takes, as a function's environment names it. */
export function insightFromEnvironment(): Pick<InsightDependencies, 'line'> & { readonly telemetry: StdoutTelemetry } {
  return {
    line: lineFromEnvironment(new SecretsManagerClient(AWS_CLIENT_OPTIONS)).line,
    telemetry: new StdoutTelemetry(requireEnv(ENV_CHANNEL_NAME)),
  };
}
