import { randomUUID } from 'node:crypto';
import type { Context } from 'aws-lambda';
import { CustomChannelReply } from '../../contract/custom-channel';
import { sendMessage } from '../../domain/line/send-message';
import { retryQueueFromEnvironment, sendingFromEnvironment } from '../../runtime/send-from-environment';

const sending = sendingFromEnvironment();
const dependencies = { ...sending, retryQueue: retryQueueFromEnvironment() };

/** A send function: takes Amazon Pinpoint's custom-channel event, answers with a result per endpoint. */
export const handler = async (event: unknown, context: Context): Promise<CustomChannelReply> => {
  try {
    return await sendMessage(event, {
      requestId: context.awsRequestId,
      owner: randomUUID(),
      remainingMs: context.getRemainingTimeInMillis(),
    }, dependencies);
  } finally {
    sending.telemetry.flush();
  }
};
