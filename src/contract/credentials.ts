/** Fields of the secret. */
export interface CredentialFields {
  readonly channelId: string;
  readonly channelSecret: string;
  readonly channelAccessToken: string;
}

/** Keys that are read unless the user names others. Frozen: the generated secret's template is made of them. */
export const DEFAULT_CREDENTIAL_FIELDS: CredentialFields = {
  channelId: 'channelId',
  channelSecret: 'channelSecret',
  channelAccessToken: 'channelAccessToken',
};

/** Keys of the AWS sample's secret, read when the default ones are absent or empty. */
export const LEGACY_CREDENTIAL_FIELDS: Partial<CredentialFields> = {
  channelSecret: 'YOUR_CHANNEL_SECRET',
  channelAccessToken: 'YOUR_CHANNEL_ACCESS_TOKEN',
};

/** What the AWS sample wrote as values, or calls them, before the operator filled them in: they count as empty. */
export const CREDENTIAL_PLACEHOLDERS: readonly string[] = [
  'INSERT_CHANNEL_TOKEN', 'INSERT_CHANNEL_SECRET', 'YOUR_CHANNEL_SECRET', 'YOUR_CHANNEL_ACCESS_TOKEN', 'YOUR_CHANNEL_ID',
];
