/**
 * Takes the place of `@aws-sdk/credential-provider-node` in the bundles. Lambda puts a role's credentials into the
 * environment, so the SDK's search through files, SSO and web identity is dead weight at every cold start
 * (docs/benchmarks.md). Read at every call, because Lambda may renew them.
 */
export interface EnvironmentCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export const defaultProvider = () => async (): Promise<EnvironmentCredentials> => {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    throw new Error('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are missing from the environment: this bundle runs with the credentials of a Lambda execution role');
  }
  return { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY, sessionToken: AWS_SESSION_TOKEN };
};

/** The SDK's S3 client asks this to recognise expired credentials; static ones are never refreshed by it. */
export const credentialsWillNeedRefresh = (): boolean => false;
export const credentialsTreatedAsExpired = (): boolean => false;
