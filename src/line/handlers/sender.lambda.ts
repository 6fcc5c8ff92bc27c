import { randomUUID } from 'node:crypto';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { ChunkPreview, ChunkSendEvent, ChunkSendResult } from '../../contract/chunk-send';
import { CustomChannelReply } from '../../contract/custom-channel';
import { InsightAnswer, readInsight as read } from '../../domain/line/read-insight';
import { replyToEvent } from '../../domain/line/reply-to-events';
import { resumeBatches as resume } from '../../domain/line/resume-batches';
import { handleChunk } from '../../domain/line/send-chunk';
import { SendInvocation, sendMessage as answer } from '../../domain/line/send-message';
import { S3ChunkObjects } from '../../runtime/chunk-store';
import { insightFromEnvironment } from '../../runtime/insight-from-environment';
import { prepared } from '../../runtime/prepared';
import { replyingFromEnvironment } from '../../runtime/reply-from-environment';
import { drivingFromEnvironment, retryQueueFromEnvironment, s3, sendingFromEnvironment } from '../../runtime/send-from-environment';

const forMessages = prepared('sendMessage', () => ({ ...sendingFromEnvironment(), retryQueue: retryQueueFromEnvironment() }));
const forChunks = prepared('sendChunk', () => ({ ...sendingFromEnvironment(), objects: new S3ChunkObjects(s3) }));
const forRetries = prepared('resumeBatches', () => ({ ...drivingFromEnvironment(), retryQueue: retryQueueFromEnvironment() }));
const forReplies = prepared('replyToEvents', replyingFromEnvironment);
const forInsight = prepared('readInsight', insightFromEnvironment);

const invocation = (context: Context): SendInvocation =>
  ({ requestId: context.awsRequestId, owner: randomUUID(), remainingMs: context.getRemainingTimeInMillis() });

/** A send function: takes Amazon Pinpoint's custom-channel event, answers with a result per endpoint. */
export const sendMessage = async (event: unknown, context: Context): Promise<CustomChannelReply> => {
  const dependencies = forMessages();
  try {
    return await answer(event, invocation(context), dependencies);
  } finally {
    dependencies.telemetry.flush();
  }
};

/** Sends to the people of a frozen chunk, or says what they would get; a repeat goes on with what is undone. */
export const sendChunk = async (event: ChunkSendEvent, context: Context): Promise<ChunkSendResult | ChunkPreview> => {
  const dependencies = forChunks();
  try {
    return await handleChunk(event, invocation(context), dependencies);
  } finally {
    dependencies.telemetry.flush();
  }
};

/** Goes on with the batches that the retry queue names. */
export const resumeBatches = async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
  const dependencies = forRetries();
  try {
    const failed = await resume(event.Records, invocation(context), dependencies);
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  } finally {
    dependencies.telemetry.flush();
  }
};

/** Answers an event of the channel's bus that names a reply rule, by its reply token. */
export const replyToEvents = async (event: unknown, context: Context): Promise<void> => {
  const dependencies = forReplies();
  try {
    await replyToEvent(event, context.getRemainingTimeInMillis(), dependencies);
  } finally {
    dependencies.telemetry.flush();
  }
};

/** Answers with what LINE counted of messages with an aggregation unit. */
export const readInsight = async (event: unknown, context: Context): Promise<InsightAnswer> => {
  const dependencies = forInsight();
  try {
    return await read(event, { ...dependencies, remainingMs: () => context.getRemainingTimeInMillis() });
  } finally {
    dependencies.telemetry.flush();
  }
};
