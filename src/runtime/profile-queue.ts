import { SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { ProfileRequest } from '../contract/webhook-events';

/** Asks for a profile to be fetched later. Needs `sqs:SendMessage`. Throws what SQS throws. */
export async function sendProfileRequest(client: SQSClient, queueUrl: string, request: ProfileRequest, delaySeconds: number): Promise<void> {
  await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(request), DelaySeconds: delaySeconds }));
}
