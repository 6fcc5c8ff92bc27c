import { RemovalPolicy } from 'aws-cdk-lib';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { DEFAULT_CREDENTIAL_FIELDS } from '../contract/credentials';

/** Names of the keys in a secret of your own. */
export interface LineSecretFields {
  /**
   * Key that holds the channel id, ten digits. With it and the channel secret, tokens of 15 minutes are issued, and no
   * long-lived token is needed.
   *
   * @default 'channelId'
   */
  readonly channelIdField?: string;

  /**
   * Key that holds the channel secret, which signs webhooks.
   *
   * @default 'channelSecret', and 'YOUR_CHANNEL_SECRET' of the AWS sample
   */
  readonly channelSecretField?: string;

  /**
   * Key that holds a long-lived channel access token. Read only where channel id and secret are not both there.
   *
   * @default 'channelAccessToken', and 'YOUR_CHANNEL_ACCESS_TOKEN' of the AWS sample
   */
  readonly channelAccessTokenField?: string;
}

/** Options of a secret that the channel makes. */
export interface LineSecretOptions {
  /**
   * Name of the secret.
   *
   * @default - chosen by CloudFormation
   */
  readonly secretName?: string;
}

/** What a channel tells its credentials when it binds them. */
export interface LineCredentialsBindOptions {
  /**
   * Key to encrypt a new secret with.
   *
   * @default - the account's key of Secrets Manager
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * What happens to a new secret when it leaves the stack.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
}

/** What credentials answer when they are bound. */
export interface LineCredentialsConfig {
  /** The secret. Functions get its ARN, never its values. */
  readonly secret: secretsmanager.ISecret;

  /**
   * Names of its keys.
   *
   * @default - defaults of `LineSecretFields`
   */
  readonly fields?: LineSecretFields;
}

/**
 * Where a channel's LINE credentials are kept: a JSON secret with channel id and channel secret, and, if you must, a
 * long-lived token. Source: LINE, "Channel access token", stateless channel access tokens.
 */
export abstract class LineCredentials {
  /**
   * A secret that exists already.
   *
   * @param secret the secret, imported by complete ARN if it comes from elsewhere
   * @param fields names of its keys
   */
  public static fromSecret(secret: secretsmanager.ISecret, fields?: LineSecretFields): LineCredentials {
    return new SecretCredentials(secret, fields);
  }

  /**
   * A new secret with empty values, which the operator fills in after the deployment. Until then the webhook answers 503.
   *
   * @param options options of the secret
   */
  public static generated(options: LineSecretOptions = {}): LineCredentials {
    return new GeneratedCredentials(options);
  }

  /**
   * Called once by the channel.
   *
   * @param scope where to create what is needed
   * @param options what the channel hands down
   */
  public abstract bind(scope: Construct, options: LineCredentialsBindOptions): LineCredentialsConfig;
}

class SecretCredentials extends LineCredentials {
  constructor(private readonly secret: secretsmanager.ISecret, private readonly fields?: LineSecretFields) {
    super();
  }

  public bind(_scope: Construct, _options: LineCredentialsBindOptions): LineCredentialsConfig {
    return { secret: this.secret, fields: this.fields };
  }
}

class GeneratedCredentials extends LineCredentials {
  constructor(private readonly options: LineSecretOptions) {
    super();
  }

  public bind(scope: Construct, options: LineCredentialsBindOptions): LineCredentialsConfig {
    const secret = new secretsmanager.Secret(scope, 'Secret', {
      secretName: this.options.secretName,
      description: 'LINE channel id and channel secret (or a long-lived channel access token). Fill in the empty values.',
      // FROZEN: any change of these two makes CloudFormation generate the secret anew, over what the operator filled in.
      generateSecretString: {
        secretStringTemplate: JSON.stringify({
          [DEFAULT_CREDENTIAL_FIELDS.channelId]: '',
          [DEFAULT_CREDENTIAL_FIELDS.channelSecret]: '',
          [DEFAULT_CREDENTIAL_FIELDS.channelAccessToken]: '',
        }),
        generateStringKey: 'unused',
      },
      encryptionKey: options.encryptionKey,
      removalPolicy: options.removalPolicy ?? RemovalPolicy.RETAIN,
    });
    return { secret };
  }
}
