import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import {
  CampaignRunner, FollowerSync, LineChannel, LineMessageType, LineReply, LineReplyMatch, RecipientSource, S3SubscriberImport,
} from 'cdk-line-pinpoint';

/**
 * Life without Amazon Pinpoint: files of subscribers go in, campaigns go out.
 *
 * Context: `lineApiBaseUrl` points to a LINE stand-in.
 */
const app = new App();
const stack = new Stack(app, 'LineCampaigns');

const channel = new LineChannel(stack, 'Line', {
  apiBaseUrl: app.node.tryGetContext('lineApiBaseUrl'),
  messageTypes: [LineMessageType.TEXT, LineMessageType.ANY],
  greeting: LineReply.message('Welcome! Write "hours" to hear when we are open.'),
  replies: [{ match: LineReplyMatch.keywords('hours', '営業時間'), reply: LineReply.message('We are open from 10 to 19.') }],
});

const subscriberImport = new S3SubscriberImport(stack, 'Import', { subscribers: channel.subscribers, channelKey: channel.channelKey });
const followers = new FollowerSync(stack, 'Followers', { channel });

const campaigns = new CampaignRunner(stack, 'Campaigns', {
  channel,
  sources: {
    everybody: RecipientSource.allSubscribers(),
    // Campaigns say which tag.
    tag: RecipientSource.byTag(),
    // Campaigns bring a segment as Amazon Pinpoint's GetSegment answers it.
    segment: RecipientSource.bySegment(),
    tenth: RecipientSource.sample(RecipientSource.allSubscribers(), 10),
  },
});

new CfnOutput(stack, 'ImportBucket', { value: subscriberImport.bucket.bucketName });
new CfnOutput(stack, 'CampaignFunction', { value: campaigns.controlFunction.functionName });
new CfnOutput(stack, 'CampaignBucket', { value: campaigns.bucket.bucketName });
new CfnOutput(stack, 'SubscriberTableName', { value: channel.subscribers.table.tableName });
new CfnOutput(stack, 'TemplateBucket', { value: channel.templateBucket.bucketName });
new CfnOutput(stack, 'FollowerSyncStateMachine', { value: followers.stateMachine.stateMachineArn });
