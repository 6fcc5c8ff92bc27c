import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import {
  CampaignRunner, FollowerSync, LineChannel, LineMessageType, RecipientSource, S3SubscriberImport, SegmentTag,
} from 'cdk-line-pinpoint';

/** The stack of `before.ts` without Amazon Pinpoint. `LINE_API_BASE_URL` points to a LINE stand-in. */
const app = new App();
const stack = new Stack(app, 'Marketing');

const channel = new LineChannel(stack, 'Line', {
  apiBaseUrl: process.env.LINE_API_BASE_URL,
  messageTypes: [LineMessageType.TEXT, LineMessageType.ANY],
});

// Instead of Pinpoint's import jobs. An export has several parts: all of them get one tag.
const subscriberImport = new S3SubscriberImport(stack, 'Import', {
  subscribers: channel.subscribers,
  tag: SegmentTag.fixed('pinpoint'),
});
// LINE's own list of followers, for those who hold no export; verified and premium accounts only.
const followers = new FollowerSync(stack, 'Followers', { channel });

// Instead of Pinpoint's segments and campaigns.
const campaigns = new CampaignRunner(stack, 'Campaigns', {
  channel,
  sources: {
    everybody: RecipientSource.allSubscribers(),
    pinpoint: RecipientSource.byTag('pinpoint'),
    // What GetSegment answered while Pinpoint was there.
    teaLovers: RecipientSource.segmentFile('segment.json'),
    // Campaigns bring a segment of their own.
    segment: RecipientSource.bySegment(),
  },
});

new CfnOutput(stack, 'SecretArn', { value: channel.secret.secretArn });
new CfnOutput(stack, 'SetUpFunction', { value: channel.setUpFunction.functionName });
new CfnOutput(stack, 'WebhookUrl', { value: channel.webhookUrl! });
new CfnOutput(stack, 'SubscriberTable', { value: channel.subscribers.table.tableName });
new CfnOutput(stack, 'TemplateBucket', { value: channel.templateBucket.bucketName });
new CfnOutput(stack, 'ImportBucket', { value: subscriberImport.bucket.bucketName });
new CfnOutput(stack, 'FollowerSyncStateMachine', { value: followers.stateMachine.stateMachineArn });
new CfnOutput(stack, 'CampaignFunction', { value: campaigns.controlFunction.functionName });
new CfnOutput(stack, 'CampaignBucket', { value: campaigns.bucket.bucketName });
