import { randomUUID } from 'node:crypto';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { resumeBatches } from '../../domain/line/resume-batches';
import { drivingFromEnvironment, retryQueueFromEnvironment } from '../../runtime/send-from-environment';

const driving = drivingFromEnvironment();
const dependencies = { ...driving, retryQueue: retryQueueFromEnvironment() };

/** Goes on with the batches that the retry queue names. */
export const handler = async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
  try {
    const failed = await resumeBatches(event.Records, { owner: randomUUID(), remainingMs: context.getRemainingTimeInMillis() }, dependencies);
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  } finally {
    driving.telemetry.flush();
  }
};
