import { LineAnswer, LineApi, MIN_SEND_MS } from './line-api';
import { isJsonObject } from './line-message';
import { BatchCall, BatchContents, CallResult, SendJournal, SplitPart, callStateAfter, callsOf, isOpen, judge, requestOf } from './send-journal';
import { SendLimiter } from './send-limiter';
import { ContentValidity } from './validate-content';
import { SendErrorCode } from '../../contract/custom-channel';
import { Metric } from '../../contract/metrics';
import { CallState, SendBatch, SendRun } from '../../contract/send-journal';
import { errorText } from '../shared/error-text';
import { Telemetry } from '../shared/telemetry';

/** Longest time of a call; two of them, with a pause, fit before a send function's deadline. */
export const CALL_TIMEOUT_MS = 5_000;

/** Less time is not worth a call, which would only be cut off: the second that the adapter insists on, and a moment to get there. */
export const MIN_CALL_MS = MIN_SEND_MS + 100;

/** Pauses between attempts double from this, up to the maximum, and are shortened by up to a half at random. */
const BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 4_000;

/** Calls of one batch that are made side by side: what 1,800 pushes a second take when each waits for its turn and for LINE. */
const PARALLEL_CALLS = 160;

/** Calls that the halving of a run's refused batches may cost: one bad id among 500 costs 18. Then the rest of a refused batch goes singly. */
export const SPLIT_CALLS_PER_RUN = 500;

/** What attempting takes. */
export interface AttemptDependencies {
  readonly journal: Pick<SendJournal, 'countSplitCalls'>;
  readonly contents: Pick<BatchContents, 'get'>;
  readonly line: LineApi;
  readonly limiter: SendLimiter;
  readonly telemetry: Telemetry;
  /** Whether the month's quota does not suffice for so many people, after LINE has answered 429. Makes it known if so. Never throws. */
  quotaIsExhausted(timeoutMs: number, recipients: number): Promise<boolean>;
  /** LINE's opinion of messages. Never throws. */
  validate(body: string, timeoutMs: number): Promise<ContentValidity>;
  /** Epoch milliseconds. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
  /** At least 0, less than 1. */
  random(): number;
}

/** What the batches of one invocation share. */
export interface Attempting {
  readonly deps: AttemptDependencies;
  /** Why nothing more is attempted in this invocation: no credentials, no quota, too many refusals. */
  halted?: SendErrorCode;
  /** The result of what was asked of AWS. Throws what it throws, and an error when the invocation must answer now. */
  inTime<T>(work: Promise<T>): Promise<T>;
  /** What the batches of a run share, as it was a moment ago. */
  run(runId: string): Promise<SendRun>;
}

/** What has become of a call, and LINE's last answer. */
export interface Attempted extends CallResult {
  readonly answer?: LineAnswer;
}

/**
 * Makes the undecided calls of a claimed batch, each as often as LINE leaves it open, until the time (epoch milliseconds).
 * Repeats have the same bytes and the same key.
 *
 * | LINE | then |
 * | --- | --- |
 * | 2xx, 409 with the accepted id | accepted |
 * | 400 that names people (`to[3]`) | they are set aside, the others become a batch of their own |
 * | 400 otherwise | LINE is asked about the content: wrong → failed; right → the batch is halved, or goes singly when the run's budget is spent |
 * | 401 after a fresh token | nothing more is attempted in this invocation |
 * | 429 | the quota is asked: used up → nothing more is attempted; else a pause |
 * | 5xx, silence | a pause, then the same again |
 *
 * A 400 after an ambiguous attempt decides nothing: LINE may have taken the first.
 *
 * @param firstTurn the limiter's answer for the first call, if it has been asked already
 */
export async function attemptCalls(batch: SendBatch, until: number, work: Attempting, firstTurn?: Promise<boolean>): Promise<Attempted[]> {
  const { deps, deps: { telemetry } } = work;
  // A stop is advice: without the run's row the batch goes on.
  const { stopped } = await work.inTime(work.run(batch.runId)).catch((): Partial<SendRun> => ({}));
  let lines: readonly string[] = [];
  if (batch.content === undefined && batch.contentKey !== undefined) {
    try {
      lines = await work.inTime(deps.contents.get(batch.contentKey));
    } catch (error) {
      // No call was made, so that the claim is given back as it was.
      telemetry.error(SendErrorCode.LINE_UNDECIDED, 'the body of the batch could not be read (see `reason`); nothing was sent, and it is gone on with later', { batchId: batch.batchId, reason: errorText(error) });
      return [];
    }
  }
  const open = callsOf(batch).filter(isOpen);
  const results: Attempted[] = [];
  let next = 0;
  const attemptNext = async (): Promise<void> => {
    while (next < open.length) {
      const position = next++;
      const call = open[position];
      if (stopped !== undefined && call.state === CallState.READY) {
        results.push({ index: call.index, state: CallState.FAILED, code: SendErrorCode.RUN_STOPPED });
        continue;
      }
      const content = batch.content ?? lines[batch.lines![call.index]];
      if (content === undefined) {
        telemetry.error(SendErrorCode.LINE_UNDECIDED, 'the body object of the batch has no line for a call; nothing was sent for it', { batchId: batch.batchId, call: call.index });
        continue;
      }
      const result = await attemptCall(batch, call, { content, until, firstTurn: position === 0 ? firstTurn : undefined }, work);
      results.push(result.state !== CallState.FAILED ? result
        // LINE has refused it, so that it can be asked again: what fails here must not make it look as if LINE had it.
        : await afterRefusal(batch, call, content, result, until, work).catch((error) => {
          telemetry.warn(SendErrorCode.LINE_UNDECIDED, 'why LINE refused a call could not be found out (see `reason`); it is asked again', { batchId: batch.batchId, reason: errorText(error) });
          return notNow(result);
        }));
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_CALLS, open.length) }, attemptNext));
  return results;
}

interface AttemptOptions {
  readonly content: string;
  readonly until: number;
  readonly firstTurn?: Promise<boolean>;
}

async function attemptCall(batch: SendBatch, call: BatchCall, { content, until, firstTurn }: AttemptOptions, work: Attempting): Promise<Attempted> {
  const { line, limiter, telemetry, now, sleep, random, quotaIsExhausted } = work.deps;
  const { operation, path, body, retryKey } = requestOf(batch, call, content);
  const hasTime = (pause = 0) => until - now() >= pause + MIN_CALL_MS;
  const hasTurn = async (turn: Promise<boolean>) => work.inTime(turn).catch(() => false);
  let { state } = call;
  let answer: LineAnswer | undefined;
  let turn = firstTurn;
  for (let failures = 0; work.halted === undefined && hasTime(); failures++) {
    if (!await hasTurn(turn ?? limiter.take(operation, call.recipients.length, until - MIN_CALL_MS)) || !hasTime() || work.halted !== undefined) {
      break;
    }
    turn = undefined;
    answer = await line.call({ method: 'POST', path, body, retryKey, timeoutMs: Math.min(CALL_TIMEOUT_MS, until - now()) });
    telemetry.count(Metric.LINE_REQUESTS, answer.kind === 'not-called' ? 0 : 1);
    state = callStateAfter(state, answer);
    const verdict = judge(answer);
    if (verdict === 'accepted' || verdict === 'refused') {
      break;
    }
    if (verdict === 'unauthorised') {
      // Once an invocation, however many calls find it out side by side.
      telemetry.count(Metric.CREDENTIALS_UNAVAILABLE, work.halted === undefined ? 1 : 0);
      work.halted = SendErrorCode.CREDENTIALS_UNAVAILABLE;
    } else if (answer.kind === 'response' && answer.status === 429 && await quotaIsExhausted(Math.min(CALL_TIMEOUT_MS, until - now()), call.recipients.length)) {
      work.halted = SendErrorCode.LINE_QUOTA_EXCEEDED;
    } else {
      const pause = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** failures) * (1 - random() / 2);
      if (!hasTime(pause)) {
        break;
      }
      await sleep(pause);
    }
  }
  return { index: call.index, state, answer, ...told(state, answer, work.halted) };
}

/** Request id, status and code of a call's result. */
function told(state: CallState, answer: LineAnswer | undefined, halted: SendErrorCode | undefined): Partial<CallResult> {
  if (state === CallState.ACCEPTED && answer?.kind === 'response') {
    return { requestId: answer.acceptedRequestId ?? answer.requestId };
  }
  if (state === CallState.FAILED && answer?.kind === 'response') {
    return { code: SendErrorCode.LINE_REFUSED, status: answer.status };
  }
  if (halted !== undefined) {
    return { code: halted };
  }
  switch (answer?.kind) {
    case 'not-called': return { code: SendErrorCode.CREDENTIALS_UNAVAILABLE };
    case 'response': return { code: answer.status === 429 ? SendErrorCode.LINE_RATE_LIMITED : SendErrorCode.LINE_UNDECIDED, status: answer.status };
    default: return { code: SendErrorCode.LINE_UNDECIDED };
  }
}

/** Refused, but nobody can tell now whether for good. */
function notNow(result: Attempted): Attempted {
  return { ...result, state: CallState.READY, code: SendErrorCode.LINE_UNDECIDED };
}

/** LINE refused the call, and nobody in it got the message: finds out whether that holds for all of them. */
async function afterRefusal(
  batch: SendBatch, { recipients }: BatchCall, content: string, result: Attempted, until: number, work: Attempting,
): Promise<Attempted> {
  const { deps: { validate, journal, now }, inTime } = work;
  if (result.status !== 400 || result.answer?.kind !== 'response') {
    return result;
  }
  const named = namedRecipients(result.answer.body, recipients.length);
  const split = (...parts: SplitPart[]): Attempted => ({ ...result, state: CallState.SPLIT, code: undefined, parts });
  const isTheirs: Attempted = { ...result, code: SendErrorCode.LINE_REFUSED_RECIPIENT };
  if (named.size === recipients.length) {
    return isTheirs;
  }
  if (named.size > 0) {
    return split({
      name: 'rest',
      recipients: recipients.filter((_, position) => !named.has(position)),
      refused: recipients.filter((_, position) => named.has(position)),
    });
  }
  // A part of a batch has the content of the whole, about which LINE was asked before it was split.
  const validity = batch.parent !== undefined ? 'valid'
    : await validate(JSON.stringify({ messages: JSON.parse(`{${content}}`).messages }), Math.min(CALL_TIMEOUT_MS, until - now()));
  if (validity === 'unavailable') {
    // Whether content or people are wrong cannot be told now. Nothing was sent, so it can be asked again.
    return notNow(result);
  }
  if (validity !== 'valid') {
    return { ...result, code: SendErrorCode.LINE_REFUSED_CONTENT };
  }
  if (recipients.length === 1) {
    return isTheirs;
  }
  if (await inTime(journal.countSplitCalls(batch.runId, 2)) > SPLIT_CALLS_PER_RUN) {
    return split({ name: 'singly', recipients, singly: true });
  }
  const middle = Math.ceil(recipients.length / 2);
  return split({ name: '1', recipients: recipients.slice(0, middle) }, { name: '2', recipients: recipients.slice(middle) });
}

/**
 * Positions in `to` that LINE's error names, as in `to[1]`.
 * Source: LINE, Messaging API reference, "Send multicast message", error response.
 */
export function namedRecipients(body: string, count: number): ReadonlySet<number> {
  let error: unknown;
  try {
    error = JSON.parse(body);
  } catch {
    return new Set();
  }
  const { message, details } = isJsonObject(error) ? error : {};
  // Not the details' texts, which may quote content.
  const places = [message, ...Array.isArray(details) ? details.map((detail: unknown) => isJsonObject(detail) && detail.property) : []];
  return new Set(places.flatMap((place) => (typeof place === 'string' ? [...place.matchAll(/\bto\[(\d{1,3})\]/g)] : []))
    .map(([, position]) => Number(position)).filter((position) => position < count));
}
