import { randomUUID } from 'node:crypto';
import type { Context } from 'aws-lambda';
import { ChunkSendEvent, ChunkSendResult } from '../../contract/chunk-send';
import { sendChunk } from '../../domain/line/send-chunk';
import { S3Chunks } from '../../runtime/chunk-store';
import { s3, sendingFromEnvironment } from '../../runtime/send-from-environment';

const sending = sendingFromEnvironment();
const dependencies = { ...sending, chunks: new S3Chunks(s3) };

/** Sends to the people of a frozen chunk; a repeat goes on with what is undone. */
export const handler = async (event: ChunkSendEvent, context: Context): Promise<ChunkSendResult> => {
  try {
    return await sendChunk(event, {
      requestId: context.awsRequestId,
      owner: randomUUID(),
      remainingMs: context.getRemainingTimeInMillis(),
    }, dependencies);
  } finally {
    sending.telemetry.flush();
  }
};
