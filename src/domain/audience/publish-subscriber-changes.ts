import { StreamRecord, subscriberChange } from './subscriber-change';
import { SQS_MAX_BATCH_BYTES, SQS_MAX_BATCH_ENTRIES } from '../../contract/limits';
import { errorText } from '../shared/error-text';
import { BatchResponse } from '../shared/message-groups';
import { Telemetry } from '../shared/telemetry';

/** One change on its way to an audience's FIFO queue. */
export interface AudienceMessage {
  /** A `SubscriberChange` in JSON. */
  readonly body: string;
  /** The person: changes of one person keep their order. */
  readonly groupId: string;
  /** The stream's event id, so that a repeat within five minutes is dropped by the queue. */
  readonly deduplicationId: string;
}

/** The FIFO queue of one audience. */
export interface AudienceQueue {
  /** For log lines. */
  readonly name: string;
  /**
   * Sends at most ten messages in one request, no two of one person.
   *
   * @returns the positions of the messages that the queue did not take; throws when the request as a whole failed
   */
  send(messages: readonly AudienceMessage[]): Promise<number[]>;
}

/** What publishing works with. */
export interface PublishSubscriberChangesDependencies {
  readonly channelKey: string;
  readonly queues: readonly AudienceQueue[];
  readonly telemetry: Telemetry;
}

/** A message and the position of its record in the stream's batch. */
interface PositionedMessage extends AudienceMessage {
  readonly position: number;
}

/**
 * Hands a batch of the table's stream to the queue of every audience. A record is done when all queues took it.
 *
 * @returns the sequence number of the first record that is not done: the stream resumes there. What a queue took behind it
 * is sent again and dropped by its deduplication id, or applied again in the same order.
 * Source: AWS Lambda, "Configuring partial batch response with DynamoDB and Lambda".
 */
export async function publishSubscriberChanges(records: readonly StreamRecord[], deps: PublishSubscriberChangesDependencies): Promise<BatchResponse> {
  const messages = records.flatMap((record, position): PositionedMessage[] => {
    const change = subscriberChange(record, deps.channelKey);
    return change ? [{ position, body: JSON.stringify(change), groupId: change.subscriberId, deduplicationId: record.eventID! }] : [];
  });
  const batches = inBatches(messages);
  const failures = await Promise.all(deps.queues.map(async (queue) => sendInOrder(queue, batches, deps.telemetry)));
  const first = Math.min(...failures);
  return { batchItemFailures: Number.isFinite(first) ? [{ itemIdentifier: records[first].dynamodb!.SequenceNumber! }] : [] };
}

/** @returns the position of the first record that the queue did not take, or Infinity */
async function sendInOrder(queue: AudienceQueue, batches: readonly PositionedMessage[][], telemetry: Telemetry): Promise<number> {
  for (const batch of batches) {
    let refused: number[];
    let reason = 'the queue refused single messages';
    try {
      refused = await queue.send(batch);
    } catch (error) {
      refused = [0];
      reason = errorText(error);
    }
    if (refused.length > 0) {
      telemetry.error('AUDIENCE_QUEUE_FAILED', 'subscriber changes could not be queued for an audience and are tried again', { queue: queue.name, reason });
      // The later batches wait: a newer change of a person must not overtake an older one.
      return batch[Math.min(...refused)].position;
    }
  }
  return Infinity;
}

/** Cuts at SQS's limits, and before a person's second message: a batch may be taken in part, which must not change their order. */
function inBatches(messages: readonly PositionedMessage[]): PositionedMessage[][] {
  const batches: PositionedMessage[][] = [];
  let batch: PositionedMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = Buffer.byteLength(message.body);
    if (batches.length === 0 || batch.length === SQS_MAX_BATCH_ENTRIES || bytes + size > SQS_MAX_BATCH_BYTES
      || batch.some(({ groupId }) => groupId === message.groupId)) {
      batches.push(batch = []);
      bytes = 0;
    }
    batch.push(message);
    bytes += size;
  }
  return batches;
}
