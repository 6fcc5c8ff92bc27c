import { CREDENTIAL_PLACEHOLDERS, CredentialFields, DEFAULT_CREDENTIAL_FIELDS, LEGACY_CREDENTIAL_FIELDS } from '../../contract/credentials';

/** Where the secret comes from. The adapter (`runtime/secret-reader.ts`) caches it. */
export interface SecretSource {
  /** The secret string, possibly a cached one. Throws when there is none and none can be read. */
  value(): Promise<string>;
  /** The secret string, read again unless that happened a moment ago. Throws as `value` does. */
  refresh(): Promise<string>;
}

/** What the secret holds: trimmed, and only fields that are filled in. */
export type ChannelCredentials = Partial<CredentialFields>;

/** What a call to LINE is authorised with. */
export type SendingCredentials =
  /** 15-minute tokens are issued from these. */
  | { readonly kind: 'stateless'; readonly channelId: string; readonly channelSecret: string }
  | { readonly kind: 'long-lived'; readonly channelAccessToken: string };

/** The secret cannot be used as it is: the operator has to fill it in. Its message names fields and the fix, never a value. */
export class CredentialsError extends Error {
  public readonly code = 'CREDENTIALS_UNAVAILABLE';

  /** @param fields the secret's keys that are missing; empty when the secret is no JSON object at all */
  constructor(message: string, public readonly fields: readonly string[]) {
    super(message);
    this.name = 'CredentialsError';
  }
}

/**
 * Printable ASCII characters, blanks not counted, that a channel secret or an access token has at least. LINE's secrets have
 * 32. Anybody could guess what is shorter, such as `…`, and sign webhooks with it.
 */
const MIN_SECRET_CHARACTERS = 16;

/** Where an operator finds each value. */
const ORIGIN: CredentialFields = {
  channelId: 'LINE Developers Console, tab "Basic settings", "Channel ID"',
  channelSecret: 'LINE Developers Console, tab "Basic settings", "Channel secret"',
  channelAccessToken: 'LINE Developers Console, tab "Messaging API", "Channel access token (long-lived)"',
};

/**
 * Reads the fields of a secret string.
 *
 * @param fields keys that the user named; the others have their default names, and of those the AWS sample's names are
 *   read too. What cannot be a value counts as not filled in: absent, empty and placeholder ones, a channel secret or token
 *   of fewer than 16 printable ASCII characters, and what is no text; only a channel id may be a whole number, too
 * @throws CredentialsError when the string is not a JSON object
 */
export function parseCredentials(secretString: string, fields: Partial<CredentialFields> = {}): ChannelCredentials {
  const secret = parseObject(secretString, fields);
  const credentials: Partial<Record<keyof CredentialFields, string>> = {};
  for (const field of Object.keys(DEFAULT_CREDENTIAL_FIELDS) as (keyof CredentialFields)[]) {
    const key = nameOf(field, fields);
    const legacyKey = key === DEFAULT_CREDENTIAL_FIELDS[field] ? LEGACY_CREDENTIAL_FIELDS[field] : undefined;
    const value = filledIn(secret, key, field) ?? (legacyKey && filledIn(secret, legacyKey, field));
    if (value) {
      credentials[field] = value;
    }
  }
  return credentials;
}

/**
 * What verifying a webhook needs.
 *
 * @throws CredentialsError when the secret does not hold it
 */
export function channelSecretOf(secretString: string, fields: Partial<CredentialFields> = {}): string {
  const { channelSecret } = parseCredentials(secretString, fields);
  if (!channelSecret) {
    throw missing(['channelSecret'], fields);
  }
  return channelSecret;
}

/**
 * What calling LINE needs: channel id and channel secret, or else a long-lived token, which is used if it is all there is.
 *
 * @throws CredentialsError when the secret holds neither
 */
export function sendingCredentialsOf(secretString: string, fields: Partial<CredentialFields> = {}): SendingCredentials {
  const { channelId, channelSecret, channelAccessToken } = parseCredentials(secretString, fields);
  if (channelId && channelSecret) {
    return { kind: 'stateless', channelId, channelSecret };
  }
  if (channelAccessToken) {
    return { kind: 'long-lived', channelAccessToken };
  }
  const absent = [...(channelId ? [] : ['channelId' as const]), ...(channelSecret ? [] : ['channelSecret' as const])];
  throw missing(absent, fields, `, or else for ${described('channelAccessToken', fields)}`);
}

function nameOf(field: keyof CredentialFields, fields: Partial<CredentialFields>): string {
  return fields[field] ?? DEFAULT_CREDENTIAL_FIELDS[field];
}

function parseObject(secretString: string, fields: Partial<CredentialFields>): Record<string, unknown> {
  let secret: unknown;
  try {
    secret = JSON.parse(secretString);
  } catch {
    // Not told further: a parser's message quotes what it could not read.
  }
  if (typeof secret !== 'object' || secret === null || Array.isArray(secret)) {
    const example = JSON.stringify({ [nameOf('channelId', fields)]: '<channel id>', [nameOf('channelSecret', fields)]: '<channel secret>' });
    throw new CredentialsError(`the secret is empty or not a JSON object: store one like ${example}`, []);
  }
  return secret as Record<string, unknown>;
}

function filledIn(secret: Record<string, unknown>, key: string, field: keyof CredentialFields): string | undefined {
  const value = Object.hasOwn(secret, key) ? secret[key] : undefined;
  // A channel id is all digits and easily stored as a number.
  const isValue = typeof value === 'string' || (field === 'channelId' && Number.isSafeInteger(value));
  const text = isValue ? String(value).trim() : '';
  const isLikely = field === 'channelId'
    ? /^[!-~]+$/.test(text)
    : text.replace(/[^!-~]/g, '').length >= MIN_SECRET_CHARACTERS;
  return isLikely && !CREDENTIAL_PLACEHOLDERS.includes(text) ? text : undefined;
}

function described(field: keyof CredentialFields, fields: Partial<CredentialFields>): string {
  return `"${nameOf(field, fields)}" (${ORIGIN[field]})`;
}

function missing(absent: readonly (keyof CredentialFields)[], fields: Partial<CredentialFields>, otherwise = ''): CredentialsError {
  const wanted = absent.map((field) => described(field, fields)).join(' and ');
  return new CredentialsError(`the secret has no value for ${wanted}${otherwise}: fill it in`, absent.map((field) => nameOf(field, fields)));
}
