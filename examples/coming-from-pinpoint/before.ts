import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { LineMessageType, LinePinpointChannel } from 'cdk-line-pinpoint';

/** A stack from the time when Amazon Pinpoint had campaigns. `LINE_API_BASE_URL` points to a LINE stand-in. */
const app = new App();
const stack = new Stack(app, 'Marketing');

const channel = new LinePinpointChannel(stack, 'Line', {
  applicationId: '0123456789abcdef0123456789abcdef',
  apiBaseUrl: process.env.LINE_API_BASE_URL,
  messageTypes: [LineMessageType.TEXT, LineMessageType.ANY],
});

new CfnOutput(stack, 'SecretArn', { value: channel.secret.secretArn });
new CfnOutput(stack, 'SetUpFunction', { value: channel.setUpFunction.functionName });
new CfnOutput(stack, 'WebhookUrl', { value: channel.webhookUrl! });
new CfnOutput(stack, 'SubscriberTable', { value: channel.subscribers.table.tableName });
