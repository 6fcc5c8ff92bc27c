import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { LineCredentials, LineCredentialsBindOptions } from './line-credentials';
import { ENV_SECRET_ARN, ENV_SECRET_FIELDS } from '../contract/environment';

/** The bound credentials: one call gives a function the permission and the names of the variables. Not exported from the package. */
export class BoundCredentials {
  public readonly secret: secretsmanager.ISecret;
  /** Environment of a function that reads the secret. */
  public readonly environment: { [name: string]: string };

  constructor(scope: Construct, credentials: LineCredentials, options: LineCredentialsBindOptions) {
    const { secret, fields } = credentials.bind(scope, options);
    this.secret = secret;
    this.environment = {
      [ENV_SECRET_ARN]: secret.secretArn,
      ...(fields && {
        [ENV_SECRET_FIELDS]: Stack.of(scope).toJsonString({
          channelId: fields.channelIdField,
          channelSecret: fields.channelSecretField,
          channelAccessToken: fields.channelAccessTokenField,
        }),
      }),
    };
  }

  /**
   * Lets a function read the secret's value. Not `secret.grantRead`: that writes each function's role into the key's
   * policy, which fills it up and is a circle for a key of another stack.
   */
  public grantRead(grantee: iam.IGrantable): iam.Grant {
    const { secret } = this;
    secret.encryptionKey?.grantDecrypt(grantee);
    return iam.Grant.addToPrincipalOrResource({
      grantee,
      actions: ['secretsmanager:GetSecretValue'],
      // A name or partial ARN lacks the six characters that Secrets Manager appends. Source: AWS Secrets Manager, "What's in a secret?".
      resourceArns: [secret.secretFullArn ?? `${secret.secretArn}-??????`],
      resource: secret,
    });
  }
}
