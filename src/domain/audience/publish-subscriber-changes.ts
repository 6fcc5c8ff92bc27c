import { StreamRecord, subscriberChange } from './subscriber-change';
import { SQS_MAX_BATCH_BYTES, SQS_MAX_BATCH_ENTRIES } from '../../contract/limits';
import { Metric } from '../../contract/metrics';
import { errorText } from '../shared/error-text';
import { BatchResponse } from '../shared/message-groups';
import { sqsBody, sqsId } from '../shared/sqs-message';
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

/** A message that a queue did not take. */
export interface RefusedMessage {
  /** In the request. */
  readonly position: number;
  /** The queue's error code. */
  readonly code: string;
  /** True when the message itself is the reason, so that the queue would refuse it for ever. */
  readonly permanent: boolean;
}

/** The FIFO queue of one audience. */
export interface AudienceQueue {
  /** For log lines. */
  readonly name: string;
  /**
   * Sends at most ten messages in one request, no two of one person.
   *
   * @returns the messages that the queue did not take; throws when the request as a whole failed
   */
  send(messages: readonly AudienceMessage[]): Promise<readonly RefusedMessage[]>;
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
 * Hands a batch of the table's stream to the queue of every audience. A record is done when all queues took it, or when it
 * was set aside, because it is larger than a message or because a queue refuses it for its content: it would hold up every
 * later change of the shard.
 *
 * @returns the sequence number of the first record that is not done: the stream resumes there. What a queue took behind it
 * is sent again and dropped by its deduplication id, or applied again in the same order.
 * Source: AWS Lambda, "Configuring partial batch response with DynamoDB and Lambda".
 */
export async function publishSubscriberChanges(records: readonly StreamRecord[], deps: PublishSubscriberChangesDependencies): Promise<BatchResponse> {
  const messages = records.flatMap((record, position): PositionedMessage[] => {
    const change = subscriberChange(record, deps.channelKey);
    const message = change && { position, body: sqsBody(change), groupId: sqsId(change.subscriberId), deduplicationId: record.eventID! };
    if (message && Buffer.byteLength(message.body) > SQS_MAX_BATCH_BYTES) {
      setAside(message, `larger than ${SQS_MAX_BATCH_BYTES} bytes`, deps.telemetry);
      return [];
    }
    return message ? [message] : [];
  });
  const batches = inBatches(messages);
  const failures = await Promise.all(deps.queues.map(async (queue) => sendInOrder(queue, batches, deps.telemetry)));
  const first = Math.min(...failures);
  return { batchItemFailures: Number.isFinite(first) ? [{ itemIdentifier: records[first].dynamodb!.SequenceNumber! }] : [] };
}

/** @returns the position of the first record that the queue did not take and may take later, or Infinity */
async function sendInOrder(queue: AudienceQueue, batches: readonly PositionedMessage[][], telemetry: Telemetry): Promise<number> {
  for (const batch of batches) {
    const refused = await queue.send(batch).catch((error): RefusedMessage[] => [{ position: 0, code: errorText(error), permanent: false }]);
    refused.filter(({ permanent }) => permanent).forEach(({ position, code }) => setAside(batch[position], code, telemetry, queue.name));
    const waiting = refused.filter(({ permanent }) => !permanent);
    if (waiting.length > 0) {
      telemetry.error('AUDIENCE_QUEUE_FAILED', 'subscriber changes could not be queued for an audience and are tried again', { queue: queue.name, reason: waiting[0].code });
      // The later batches wait: a newer change of a person must not overtake an older one.
      return batch[Math.min(...waiting.map(({ position }) => position))].position;
    }
  }
  return Infinity;
}

function setAside({ deduplicationId }: AudienceMessage, reason: string, telemetry: Telemetry, queue?: string): void {
  telemetry.count(Metric.EVENTS_SET_ASIDE);
  telemetry.error('AUDIENCE_CHANGE_SET_ASIDE', 'a subscriber change cannot be queued and is set aside; the audience gets the next change of the person', {
    queue, streamEventId: deduplicationId, reason,
  });
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
