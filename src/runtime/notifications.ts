import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { JobNotification } from '../domain/shared/notification';

/** Puts a notification on a topic. Needs `sns:Publish`. Throws what Amazon SNS throws. */
export async function publishNotification(client: SNSClient, topicArn: string, { subject, type, body }: JobNotification): Promise<void> {
  await client.send(new PublishCommand({
    TopicArn: topicArn,
    Subject: subject,
    Message: JSON.stringify(body),
    MessageAttributes: { notification_type: { DataType: 'String', StringValue: type } },
  }));
}
