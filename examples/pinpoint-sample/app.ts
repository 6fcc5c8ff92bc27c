import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { LineMessageType, LinePinpointChannel } from 'cdk-line-pinpoint';

/**
 * The flow of the AWS sample "Integrate Amazon Pinpoint with LINE": followers become endpoints of a project, and its
 * campaigns send text, image, audio and video, with sample messages for blank data; one more function sends content of
 * every type, such as personalised flex messages.
 *
 * Context: `applicationId` names an existing project (a project is made without it); `lineApiBaseUrl` points to a LINE
 * stand-in.
 */
const app = new App();
const stack = new Stack(app, 'LinePinpointSample');

const types = [LineMessageType.TEXT, LineMessageType.IMAGE, LineMessageType.AUDIO, LineMessageType.VIDEO, LineMessageType.ANY];
const channel = new LinePinpointChannel(stack, 'Line', {
  applicationId: app.node.tryGetContext('applicationId'),
  apiBaseUrl: app.node.tryGetContext('lineApiBaseUrl'),
  messageTypes: types,
  sampleMessages: true,
});

// The names that a marketer picks from in a campaign's custom channel.
for (const type of types) {
  new CfnOutput(stack, `Send${type[0].toUpperCase()}${type.slice(1)}Function`, { value: channel.sendFunction(type).functionName });
}
new CfnOutput(stack, 'ImageBucketName', { value: channel.imageBucket!.bucketName });
new CfnOutput(stack, 'AudioBucketName', { value: channel.audioBucket!.bucketName });
new CfnOutput(stack, 'VideoBucketName', { value: channel.videoBucket!.bucketName });
new CfnOutput(stack, 'SubscriberTableName', { value: channel.subscribers.table.tableName });
