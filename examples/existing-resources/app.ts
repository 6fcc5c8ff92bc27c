import { App, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { LineChannel, LineCredentials, LineMessageType, MediaDelivery, SubscriberTable, WebhookAccess } from 'cdk-line-pinpoint';

/** A channel made of what a company has already: key, bucket, secret, log group, and a subscriber table for two channels. */
const app = new App();
const stack = new Stack(app, 'LineExistingResources');

const encryptionKey = new kms.Key(stack, 'Key', { enableKeyRotation: true });
const media = new s3.Bucket(stack, 'Media', { versioned: true, enforceSSL: true, blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL });
const secret = secretsmanager.Secret.fromSecretCompleteArn(stack, 'Credentials',
  'arn:aws:secretsmanager:us-east-1:123456789012:secret:line/shop-AbCdEf');
const subscribers = new SubscriberTable(stack, 'Subscribers', { encryptionKey });

const shop = new LineChannel(stack, 'Shop', {
  subscribers,
  channelKey: 'shop',
  credentials: LineCredentials.fromSecret(secret, { channelIdField: 'id', channelSecretField: 'secret' }),
  webhookAccess: WebhookAccess.httpApi(),
  mediaDelivery: MediaDelivery.presigned({ expiry: Duration.hours(6) }),
  messageTypes: [LineMessageType.TEXT, LineMessageType.IMAGE, LineMessageType.VIDEO],
  imageBucket: media,
  videoBucket: media,
  encryptionKey,
  functions: { logGroup: new logs.LogGroup(stack, 'Logs', { retention: logs.RetentionDays.THREE_MONTHS }) },
});
shop.onEvent('Orders', { types: ['postback'], target: new targets.SqsQueue(new sqs.Queue(stack, 'OrderEvents', { enforceSSL: true })) });

new LineChannel(stack, 'Support', {
  subscribers,
  channelKey: 'support',
  webhookAccess: WebhookAccess.functionUrl(),
  messageTypes: [LineMessageType.TEXT],
  removalPolicy: RemovalPolicy.DESTROY,
});
