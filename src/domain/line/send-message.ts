import { entriesOf, logBatches } from './batch-report';
import { ContentComposer } from './compose-content';
import { SendIdentity, readEvent, toReply } from './custom-channel-event';
import { invocationClock } from './invocation-clock';
import { SendBatchDependencies, Sending, SentBatch, lowQuota, sendBatch } from './send-batch';
import { CustomChannelReply, SendErrorCode } from '../../contract/custom-channel';
import { PINPOINT_WAIT_MS } from '../../contract/limits';
import { SendFunctionType } from '../../contract/media';
import { Metric } from '../../contract/metrics';
import { SendRun } from '../../contract/send-journal';

export interface SendDependencies extends SendBatchDependencies {
  readonly functionType: SendFunctionType;
  /** The content of an event's `Data`, read when it is first needed. */
  composer(data: unknown): ContentComposer;
  /** Ends early, and may then throw, when the signal is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export interface SendInvocation {
  /** Lambda's request id. */
  readonly requestId: string;
  /** Unique per invocation, also among the retries that have the request id in common. */
  readonly owner: string;
  /** Milliseconds until Lambda ends the invocation. */
  readonly remainingMs: number;
}

/** An invocation begins nothing later than this after its start, two seconds before Pinpoint stops waiting … */
export const SEND_DEADLINE_MS = PINPOINT_WAIT_MS - 2_000;

/** … nor later than this before Lambda ends it. */
const TIMEOUT_MARGIN_MS = 1_000;

/** What has been begun, above all writing down LINE's answer, is waited for this much longer; the rest of the margin is for the reply. */
export const RECORDING_MS = 700;

/** Batches of one event that are sent side by side. */
const PARALLEL_BATCHES = 10;

/** What is known of a run is asked for again after this long. */
const RUN_CACHE_MS = 5_000;

/** A campaign's event ends with people of whom nothing is written down. Thrown, so that Lambda repeats the event. */
export class UndecidedSendError extends Error {
  public readonly name = 'UndecidedSendError';

  constructor(public readonly code: SendErrorCode, batches: number, runId: string) {
    super(`${batches} ${batches === 1 ? 'batch' : 'batches'} of ${runId} not decided (${code}); a repeat of the event goes on with the same keys and sends to nobody twice`);
  }
}

/**
 * Handles one custom-channel event: a batch for each 500 endpoints, journalled before the first attempt (see
 * `send-journal.ts`), and a reply that says of every endpoint what became of it.
 *
 * Every batch ends on its own: a table or bucket that fails or hangs leaves its endpoints undecided, and the reply still says
 * what became of the others. Whatever hangs, the reply comes before Lambda ends the invocation.
 *
 * How an endpoint ends:
 * - LINE decides: `accepted`, or `failed` with LINE's reason.
 * - The content is wrong: `failed` with the reason, which is journalled, too.
 * - LINE does not decide by the deadline, 13 seconds after the start or a second before the function's timeout, holds the
 *   batch back (429), or there are no credentials: `deferred`, the retry queue goes on with it for 23 hours. A journey that
 *   wants another channel instead can branch on the code.
 * - A table, bucket or queue could not be asked before anything was written down: `unknown`. A campaign's event then throws,
 *   after everything else has been recorded: Lambda's asynchronous retries repeat it, and at last the function's failure
 *   destination keeps it. Journeys and others get the reply instead.
 *
 * @param rawEvent a `CustomChannelEvent`, or anything else that somebody sends
 * @throws UndecidedSendError as said, and nothing else
 */
export async function sendMessage(rawEvent: unknown, invocation: SendInvocation, deps: SendDependencies): Promise<CustomChannelReply> {
  const { functionType, telemetry } = deps;
  const event = readEvent(rawEvent, { requestId: invocation.requestId, functionType });
  if (event.unnamedEndpoints > 0) {
    telemetry.count(Metric.MESSAGES_FAILED, event.unnamedEndpoints);
    telemetry.error('INVALID_EVENT',
      `\`Endpoints\` must be an object of endpoint id → endpoint, got an array of ${event.unnamedEndpoints}; nothing was sent: write the endpoints by their ids`);
  }
  const remainingMs = Math.min(invocation.remainingMs, SEND_DEADLINE_MS + TIMEOUT_MARGIN_MS);
  const { sending: begun, end } = beginSending(event, event.data, { ...invocation, remainingMs }, deps);
  const sending: Sending = { ...begun, tooMany: lowQuota(event.batches.reduce((sum, { candidates }) => sum + candidates.length, 0), deps) };
  const sent: SentBatch[] = [];
  for (let start = 0; start < event.batches.length; start += PARALLEL_BATCHES) {
    sent.push(...await Promise.all(event.batches.slice(start, start + PARALLEL_BATCHES).map((batch) => sendBatch(batch, sending))));
  }
  await end();
  sent.forEach((batch) => logBatches(batch, functionType, telemetry));
  const lost = sent.filter(({ isKept }) => !isKept);
  if (event.source.origin === 'campaign' && lost.length > 0) {
    throw new UndecidedSendError(SendErrorCode.LINE_UNDECIDED, lost.length, event.runId);
  }
  return toReply(sent.flatMap(entriesOf));
}

/**
 * What the batches of an invocation share, with the invocation's end as their deadline.
 *
 * @returns also what ends it, so that nothing keeps the process awake
 */
export function beginSending(
  identity: SendIdentity, data: unknown, { owner, remainingMs }: Omit<SendInvocation, 'requestId'>, deps: SendDependencies,
): { sending: Sending; end: () => Promise<void> } {
  const availableMs = remainingMs - TIMEOUT_MARGIN_MS;
  const clock = invocationClock(availableMs + RECORDING_MS, deps.sleep);
  const besides: Promise<unknown>[] = [];
  return {
    sending: {
      deps,
      identity,
      composer: deps.composer(data),
      besides,
      owner,
      deadline: deps.now() + availableMs,
      defers: deps.retryQueue !== undefined,
      waits: true,
      run: runCache(deps),
      inTime: clock.inTime,
    },
    end: async () => {
      await clock.inTime(Promise.allSettled(besides)).catch(() => undefined);
      clock.stop();
    },
  };
}

/** Reads what a run's batches share, once in a while. */
export function runCache({ journal, now }: Pick<SendDependencies, 'journal' | 'now'>): (runId: string) => Promise<SendRun> {
  const runs = new Map<string, { readonly run: Promise<SendRun>; readonly until: number }>();
  return async (runId) => {
    const known = runs.get(runId);
    if (known && now() < known.until) {
      return known.run;
    }
    const run = journal.run(runId);
    runs.set(runId, { run, until: now() + RUN_CACHE_MS });
    // A failure is not kept.
    run.catch(() => runs.delete(runId));
    return run;
  };
}
