import { SQSClient, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { ENV_AUDIENCE_QUEUE_URLS } from '../contract/environment';
import { AudienceMessage, AudienceQueue, RefusedMessage } from '../domain/audience/publish-subscriber-changes';

/**
 * SQS blames the sender for these, too, but they are about the queue, its key or the moment, not about the message.
 * Source: Amazon SQS API reference, "BatchResultErrorEntry", `SenderFault`; "SendMessageBatch", "Errors".
 */
const NOT_THE_MESSAGE = /denied|kms|throttl|exist|security/i;

/** The FIFO queue of an audience. Needs `sqs:SendMessage`. */
export class SqsAudienceQueue implements AudienceQueue {
  public readonly name: string;

  constructor(private readonly client: SQSClient, private readonly queueUrl: string) {
    this.name = queueUrl.slice(queueUrl.lastIndexOf('/') + 1);
  }

  public async send(messages: readonly AudienceMessage[]): Promise<RefusedMessage[]> {
    const { Failed = [] } = await this.client.send(new SendMessageBatchCommand({
      QueueUrl: this.queueUrl,
      Entries: messages.map(({ body, groupId, deduplicationId }, position) => ({
        Id: String(position), MessageBody: body, MessageGroupId: groupId, MessageDeduplicationId: deduplicationId,
      })),
    }));
    return Failed.map(({ Id, Code = 'UnknownError', SenderFault }) => ({
      position: Number(Id), code: Code, permanent: SenderFault === true && !NOT_THE_MESSAGE.test(Code),
    }));
  }
}

/**
 * Reads the queue URLs that the construct set.
 *
 * @throws when the value is not a JSON array of strings
 */
export function parseQueueUrls(value: string): string[] {
  try {
    const urls: unknown = JSON.parse(value);
    if (Array.isArray(urls) && urls.every((url) => typeof url === 'string')) {
      return urls;
    }
  } catch {
    // The same answer as for other JSON.
  }
  throw new Error(`environment variable ${ENV_AUDIENCE_QUEUE_URLS} is "${value}", but must be a JSON array of queue URLs: deploy the channel again to restore it`);
}
