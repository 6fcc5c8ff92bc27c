import { SQSClient, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { EventQueue } from '../domain/line/queue-events';
import { QueueEntry } from '../domain/line/webhook-request';

/** The FIFO queue between receiver and worker. Needs `sqs:SendMessage`. The client's own retries are to be off: the caller's know the time left. */
export class SqsEventQueue implements EventQueue {
  constructor(private readonly client: SQSClient, private readonly queueUrl: string) {}

  public async send(entries: readonly QueueEntry[], timeoutMs: number): Promise<ReadonlyMap<QueueEntry, string>> {
    const { Failed = [] } = await this.client.send(new SendMessageBatchCommand({
      QueueUrl: this.queueUrl,
      Entries: entries.map((entry, index) => ({
        Id: String(index),
        MessageGroupId: entry.groupId,
        MessageDeduplicationId: entry.deduplicationId,
        MessageBody: entry.body,
      })),
    }), { abortSignal: AbortSignal.timeout(Math.max(1, Math.floor(timeoutMs))) });
    return new Map(Failed.map(({ Id, Code }) => [entries[Number(Id)], Code ?? 'UnknownError']));
  }
}
