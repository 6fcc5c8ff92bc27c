import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';

/** A topic of job notifications: TLS only, encrypted by the user's key, else by the account's own for Amazon SNS, which its functions may use. */
export function jobTopic(scope: Construct, id: string, encryptionKey?: kms.IKey): sns.Topic {
  return new sns.Topic(scope, id, {
    enforceSSL: true,
    masterKey: encryptionKey ?? kms.Alias.fromAliasName(scope, `${id}Key`, 'alias/aws/sns'),
  });
}
