import { SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { MAX_RETRY_SECONDS, RetryRequest, WAKE_UP_SECONDS } from '../contract/retry-queue';
import { BatchKey } from '../domain/line/send-journal';

/** The retry queue, which carries ids of batches and nothing else. Needs `sqs:SendMessage`. Throws what SQS throws. */
export class SqsRetryQueue {
  constructor(private readonly client: () => SQSClient, private readonly queueUrl: string) {}

  /** Has a batch looked after when the invocation that makes it is over for certain. */
  public async wakeUp({ pk, sk }: BatchKey): Promise<void> {
    await this.again({ pk, sk }, WAKE_UP_SECONDS);
  }

  public async again(request: RetryRequest, seconds: number): Promise<void> {
    await this.client().send(new SendMessageCommand({
      QueueUrl: this.queueUrl,
      MessageBody: JSON.stringify(request),
      DelaySeconds: Math.min(MAX_RETRY_SECONDS, Math.ceil(seconds)),
    }));
  }
}
