import { logBatches } from './batch-report';
import { DriveDependencies, Driving, driveBatch } from './drive-batch';
import { isDecided } from './send-journal';
import { runCache } from './send-message';
import { SendErrorCode } from '../../contract/custom-channel';
import { MAX_RETRY_SECONDS, RetryRequest, WAKE_UP_SECONDS } from '../../contract/retry-queue';
import { errorText } from '../shared/error-text';

export interface ResumeDependencies extends DriveDependencies {
  readonly retryQueue: {
    /** Puts a request into the queue again. */
    again(request: RetryRequest, seconds: number): Promise<void>;
  };
}

export interface ResumeInvocation {
  /** Unique per invocation. */
  readonly owner: string;
  /** Milliseconds until Lambda ends the invocation. */
  readonly remainingMs: number;
}

/** A message of the retry queue. */
export interface RetryMessage {
  readonly messageId: string;
  readonly body: string;
}

/** Nothing is begun later than this before Lambda ends the invocation; a call in flight and what is written about it still fit. */
const TIMEOUT_MARGIN_MS = 8_000;

/**
 * Goes on with the batches that messages of the retry queue name. A batch that is decided, or of which there is no item, needs
 * nothing more. One that is still undecided comes again, later each time, up to 15 minutes: until 23 hours after its first
 * attempt it is decided one way or another.
 *
 * @returns ids of messages that could not be handled: the queue delivers them again, and at last sets them aside
 */
export async function resumeBatches(messages: readonly RetryMessage[], invocation: ResumeInvocation, deps: ResumeDependencies): Promise<string[]> {
  const { telemetry, now } = deps;
  const work: Driving = {
    deps,
    owner: invocation.owner,
    deadline: now() + invocation.remainingMs - TIMEOUT_MARGIN_MS,
    defers: false,
    waits: false,
    run: runCache(deps),
    // Every call ends by itself, and what comes late is written down late: what LINE has accepted is worth it.
    inTime: async (asked) => asked,
  };
  const failed = await Promise.all(messages.map(async ({ messageId, body }) => {
    let request: RetryRequest | undefined;
    try {
      request = readRequest(body);
      // Each its own: what halts one batch, such as missing credentials, halts the others when they find it out.
      await resumeBatch(request, { ...work }, deps);
      return [];
    } catch (error) {
      const reason = errorText(error);
      // The same delays as for a batch that was gone on with: a table may be away for hours.
      if (request && await comeAgain(request, deps).then(() => true, () => false)) {
        telemetry.warn('RETRY_FAILED', 'a batch could not be gone on with; it comes again later', { messageId, reason });
        return [];
      }
      telemetry.error('RETRY_FAILED', 'a batch could not be gone on with; the queue delivers it again', { messageId, reason });
      return [messageId];
    }
  }));
  return failed.flat();
}

async function resumeBatch(request: RetryRequest, work: Driving, deps: ResumeDependencies): Promise<void> {
  const batch = await work.inTime(deps.journal.load(request));
  if (!batch) {
    return;
  }
  const known = await driveBatch({ batch }, work);
  logBatches({ known, isRepeat: true, problems: [] }, 'retry', deps.telemetry);
  if (known.some((each) => each.error !== undefined || !isDecided(each.batch))) {
    const isOutOfQuota = known.some((each) => each.batch.outcome?.code === SendErrorCode.LINE_QUOTA_EXCEEDED);
    await comeAgain(request, deps, isOutOfQuota ? MAX_RETRY_SECONDS : undefined);
  }
}

async function comeAgain({ pk, sk, attempt = 0 }: RetryRequest, { retryQueue }: ResumeDependencies, seconds?: number): Promise<void> {
  await retryQueue.again({ pk, sk, attempt: attempt + 1 }, seconds ?? Math.min(MAX_RETRY_SECONDS, WAKE_UP_SECONDS * 2 ** Math.min(attempt, 10)));
}

/** @throws when it is no request: nothing but this library writes to the queue, so that somebody has to look at it */
function readRequest(body: string): RetryRequest {
  const { pk, sk, attempt } = JSON.parse(body) as Partial<RetryRequest>;
  if (typeof pk !== 'string' || typeof sk !== 'string') {
    throw new Error(`a message of the retry queue must be {"pk","sk"}, got one of ${body.length} characters without them`);
  }
  return { pk, sk, ...(typeof attempt === 'number' && { attempt }) };
}
