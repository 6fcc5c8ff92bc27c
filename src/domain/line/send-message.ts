import { ContentError } from './content-error';
import { EventBatch, endpointResult, readEvent, toReply } from './custom-channel-event';
import { LineAnswer, LineApi, MIN_SEND_MS } from './line-api';
import { MediaLibrary, resolveMedia } from './media-url';
import { LineMessage, parseContent } from './message-content';
import { Claim, SendJournal, claimed, isSameStep, judge, newBatch, nextStep, settled } from './send-journal';
import { CustomChannelReply, EndpointResult, LineStatus, SendErrorCode } from '../../contract/custom-channel';
import { PINPOINT_WAIT_MS } from '../../contract/limits';
import { MessageType } from '../../contract/media';
import { Metric } from '../../contract/metrics';
import { BatchExclusion, BatchRecipient, BatchState, SendBatch } from '../../contract/send-journal';
import { errorText } from '../shared/error-text';
import { LogFields, Telemetry } from '../shared/telemetry';

/** What the subscriber table says about people. */
export interface Subscriptions {
  /**
   * Why people must not be sent to, by LINE user id: opted out, inactive or erased. People whom the table does not know
   * are not in the map: Pinpoint may hold some that were never imported.
   */
  exclusions(lineUserIds: readonly string[]): Promise<ReadonlyMap<string, SendErrorCode>>;
}

export interface SendDependencies {
  readonly messageType: MessageType;
  readonly sampleMessages: boolean;
  readonly journal: SendJournal;
  readonly subscriptions: Subscriptions;
  readonly media: MediaLibrary;
  readonly line: LineApi;
  readonly telemetry: Telemetry;
  /** Fetches the access token while the tables are read. What comes of it shows when LINE is called. */
  warmUp(): Promise<unknown>;
  /** Epoch milliseconds. */
  now(): number;
  /** Ends early, and may then throw, when the signal is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** At least 0, less than 1. */
  random(): number;
}

export interface SendInvocation {
  /** Lambda's request id. */
  readonly requestId: string;
  /** Unique per invocation, also among the retries that have the request id in common. */
  readonly owner: string;
  /** Milliseconds until Lambda ends the invocation. */
  readonly remainingMs: number;
}

/** LINE's operation. Source: LINE, Messaging API reference, "Send multicast message". */
export const MULTICAST_PATH = '/v2/bot/message/multicast';

/** Longest time of a call; two of them, with a pause, fit before the deadline. */
export const CALL_TIMEOUT_MS = 5_000;

/** Less time is not worth a call, which would only be cut off: the second that the adapter insists on, and a moment to get there. */
const MIN_CALL_MS = MIN_SEND_MS + 100;

/** An invocation begins nothing later than this after its start, two seconds before Pinpoint stops waiting … */
export const SEND_DEADLINE_MS = PINPOINT_WAIT_MS - 2_000;

/** … nor later than this before Lambda ends it. */
const TIMEOUT_MARGIN_MS = 1_000;

/** What has been begun, above all writing down LINE's answer, is waited for this much longer; the rest of the margin is for the reply. */
const RECORDING_MS = 700;

/** Pauses between attempts double from this, up to the maximum, and are shortened by up to a half at random. */
const BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 4_000;

/** How often a repeat looks whether the invocation that holds the batch has decided it. */
const POLL_MS = 500;

/** Batches of one event that are sent side by side; far below LINE's 200 multicasts per second. */
const PARALLEL_BATCHES = 10;

/** A campaign's event ends without LINE's decision. Thrown, so that Lambda repeats the event. */
export class UndecidedSendError extends Error {
  public readonly name = 'UndecidedSendError';

  constructor(public readonly code: SendErrorCode, batches: number, runId: string) {
    super(`${batches} ${batches === 1 ? 'batch' : 'batches'} of ${runId} not decided (${code}); a repeat of the event goes on with the same keys and sends to nobody twice`);
  }
}

/**
 * Handles one custom-channel event: one multicast for each 500 endpoints, journalled before the first attempt (see
 * `send-journal.ts`), and a reply that says of every endpoint what became of it.
 *
 * A repeat of the event finds its batches in the journal and goes on from there: it renders and filters nothing again, and
 * knows no newer opt-out or media object. What does not depend on each other is done at once: journal, access token, opt-outs
 * and media objects.
 *
 * Every batch ends on its own: a table or bucket that fails or hangs leaves its endpoints undecided, and the reply still says
 * what became of the others. Whatever hangs, the reply comes before Lambda ends the invocation.
 *
 * How it ends:
 * - LINE decides: `accepted`, or `failed` with `LINE_REFUSED`.
 * - LINE does not decide (5xx, silence) by the deadline, 13 seconds after the start or a second before the function's
 *   timeout: `unknown` with `LINE_UNDECIDED`; so do batches for which a table or bucket could not be asked.
 * - LINE holds the batch back (429) until then: `unknown` with `LINE_RATE_LIMITED`. Nothing was sent, and yet it is not
 *   `failed`, because that would be final: a repeat of the event still sends it. A journey that wants another channel
 *   instead can branch on the code. 23 hours after the first attempt it is `failed`: what was frozen then is not sent late.
 * - No access token: `failed` with `CREDENTIALS_UNAVAILABLE` at once when secret or token are wrong, which repeating
 *   cannot mend, `unknown` with the same code at the deadline otherwise. The item goes back to READY, so that the event,
 *   repeated after the secret has been put right, is sent.
 * - The content is wrong: `failed` with the reason; nothing is journalled, because nothing is attempted.
 *
 * A campaign's event with an undecided batch throws, after everything has been recorded: Lambda's asynchronous retries
 * repeat it, and at last the function's failure destination keeps it. Journeys and others get the reply instead.
 *
 * @param rawEvent a `CustomChannelEvent`, or anything else that somebody sends
 * @throws UndecidedSendError as said, and nothing else
 */
export async function sendMessage(rawEvent: unknown, invocation: SendInvocation, deps: SendDependencies): Promise<CustomChannelReply> {
  const event = readEvent(rawEvent, { requestId: invocation.requestId, messageType: deps.messageType });
  if (event.unnamedEndpoints > 0) {
    deps.telemetry.count(Metric.MESSAGES_FAILED, event.unnamedEndpoints);
    deps.telemetry.error('INVALID_EVENT',
      `\`Endpoints\` must be an object of endpoint id → endpoint, got an array of ${event.unnamedEndpoints}; nothing was sent: write the endpoints by their ids`);
  }
  const availableMs = Math.min(SEND_DEADLINE_MS, invocation.remainingMs - TIMEOUT_MARGIN_MS);
  const timer = new AbortController();
  const end = deps.sleep(Math.max(0, availableMs + RECORDING_MS), timer.signal).then((): never => {
    throw new Error('the time of the invocation was over before AWS answered');
  });
  // Nobody may be waiting for it when it comes.
  end.catch(() => undefined);
  const run: Run = {
    deps,
    owner: invocation.owner,
    deadline: deps.now() + availableMs,
    inTime: async (work) => Promise.race([work, end]),
    messages: once(async () => {
      const content = parseContent(event.data, deps);
      return content instanceof ContentError ? content : resolveMedia(content, deps.media);
    }),
    warmUp: once(() => deps.warmUp().catch(() => undefined)),
  };
  const results = await inGroups(event.batches, PARALLEL_BATCHES, (batch) => sendBatch(batch, run));
  timer.abort();
  const undecided = results.flatMap((result) => result.undecided ?? []);
  if (event.origin === 'campaign' && undecided.length > 0) {
    throw new UndecidedSendError(undecided[0], undecided.length, event.runId);
  }
  return toReply(results.flatMap(({ entries }) => entries));
}

/** What the batches of one invocation share. */
interface Run {
  readonly deps: SendDependencies;
  readonly owner: string;
  /** Epoch milliseconds after which nothing is begun. */
  readonly deadline: number;
  /** The result of what was asked of AWS. Throws what it throws, and an error when the invocation must answer now. */
  inTime<T>(work: Promise<T>): Promise<T>;
  /** The content, read and resolved at the first call. */
  messages(): Promise<readonly LineMessage[] | ContentError>;
  warmUp(): Promise<unknown>;
}

interface BatchResult {
  readonly entries: readonly (readonly [string, EndpointResult])[];
  /** Why the batch is not decided; absent when it is. */
  readonly undecided?: SendErrorCode;
}

/** Never throws: the other batches of the event have results that the caller must hear of. */
async function sendBatch({ identity, candidates, excluded }: EventBatch, run: Run): Promise<BatchResult> {
  const { journal, now } = run.deps;
  const itemOf = (people: People, body: string) => newBatch({ identity, path: MULTICAST_PATH, body, ...people, now: now() });
  /** The batch as far as this invocation knows it. */
  let batch = itemOf({ recipients: candidates, excluded }, '');
  let isRepeat = false;
  try {
    const preparing = prepare(batch, run);
    // A repeat does not wait for it.
    preparing.catch(() => undefined);
    const found = await run.inTime(journal.load(identity));
    if (found) {
      batch = found;
      isRepeat = true;
      return await drive({ batch, isClaimed: false }, run, { isRepeat });
    }
    const { messages, ...people } = await run.inTime(preparing);
    if (messages instanceof ContentError) {
      return reject(identity.batchId, people, messages, run);
    }
    batch = itemOf(people, JSON.stringify({ to: people.recipients.map(({ to }) => to), messages }));
    if (people.recipients.length === 0 || timeLeft(run) < MIN_CALL_MS) {
      return conclude(batch, run, { isRepeat });
    }
    const wanted = claimed(batch, claimOf(run));
    batch = await run.inTime(journal.create(wanted));
    isRepeat = !isSameStep(batch, wanted);
    return await drive({ batch, isClaimed: !isRepeat }, run, { isRepeat });
  } catch (error) {
    return conclude(batch, run, { isRepeat, error });
  }
}

/** Everybody of a batch: those who may be sent to and those who may not. */
interface People {
  readonly recipients: readonly BatchRecipient[];
  readonly excluded: readonly BatchExclusion[];
}

interface PreparedBatch extends People {
  readonly messages: readonly LineMessage[] | ContentError;
}

/** Everything that a new item needs: content and opt-outs as they are now. */
async function prepare({ recipients: candidates, excluded }: People, run: Run): Promise<PreparedBatch> {
  if (candidates.length === 0) {
    return { recipients: [], excluded, messages: [] };
  }
  void run.warmUp();
  const [messages, reasons] = await Promise.all([run.messages(), run.deps.subscriptions.exclusions(candidates.map(({ to }) => to))]);
  return {
    recipients: candidates.filter(({ to }) => !reasons.has(to)),
    excluded: [...excluded, ...candidates.flatMap(({ id, to }) => {
      const code = reasons.get(to);
      return code ? [{ id, status: 'skipped' as const, code }] : [];
    })],
    messages,
  };
}

interface Turn {
  readonly batch: SendBatch;
  /** This invocation holds the lease and may call LINE. */
  readonly isClaimed: boolean;
  readonly isDecidedHere?: boolean;
}

interface Attempts {
  /** Another invocation made the item. */
  readonly isRepeat: boolean;
  /** LINE's last answer to this invocation. */
  readonly answer?: LineAnswer;
  /** How often it did not decide. */
  readonly failures?: number;
}

/** Brings a batch to its decision, or as near to it as the time allows. */
async function drive(found: Turn, run: Run, { isRepeat, failures = 0, answer: lastAnswer }: Attempts): Promise<BatchResult> {
  const { journal, line, now, sleep, random, telemetry } = run.deps;
  const { batch, isClaimed, isDecidedHere } = found.isClaimed ? found : await takeTurn(found.batch, run);
  const timeoutMs = Math.min(CALL_TIMEOUT_MS, timeLeft(run));
  // The claim may have taken the time. So does a freeze of the container after it: the deadline is over before the lease.
  if (!isClaimed || timeoutMs < MIN_CALL_MS) {
    return conclude(batch, run, { isRepeat, answer: lastAnswer, isDecidedHere });
  }
  const { path, body, retryKey, batchId } = batch;
  const answer = await line.call({ method: 'POST', path, body, retryKey, timeoutMs });
  telemetry.count(Metric.LINE_REQUESTS, answer.kind === 'not-called' ? 0 : 1);
  const next = settled(batch, answer, now());
  let onRecord: SendBatch;
  try {
    onRecord = await run.inTime(journal.write(batch, next));
  } catch (error) {
    telemetry.error('JOURNAL_NOT_WRITTEN',
      "LINE's answer could not be recorded; after the lease a repeat of the event asks LINE again under the same key", { batchId, reason: errorText(error) });
    return conclude(next, run, { isRepeat, answer, isDecidedHere: true });
  }
  const pause = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** failures) * (1 - random() / 2);
  if (nextStep(onRecord, now()).kind === 'decided' || !isWorthRepeating(answer) || timeLeft(run) < pause + MIN_CALL_MS) {
    return conclude(onRecord, run, { isRepeat, answer, isDecidedHere: isSameStep(onRecord, next) });
  }
  await sleep(pause);
  return drive({ batch: onRecord, isClaimed: false }, run, { isRepeat, answer, failures: failures + 1 });
}

/** Claims the batch, waiting for whoever has it. Comes back without a claim when it is decided or no time is left. */
async function takeTurn(batch: SendBatch, run: Run): Promise<Turn> {
  const { journal, now, sleep } = run.deps;
  const step = nextStep(batch, now());
  if (step.kind === 'decided' || timeLeft(run) < MIN_CALL_MS) {
    return { batch, isClaimed: false };
  }
  if (step.kind === 'wait') {
    await sleep(Math.min(POLL_MS, step.until - now()));
    return takeTurn(await run.inTime(journal.load(batch)) ?? batch, run);
  }
  const wanted = step.kind === 'give-up' ? step.to : claimed(batch, claimOf(run));
  const onRecord = await run.inTime(journal.write(batch, wanted));
  return isSameStep(onRecord, wanted)
    ? { batch: onRecord, isClaimed: step.kind === 'attempt', isDecidedHere: step.kind === 'give-up' }
    : takeTurn(onRecord, run);
}

/** A refusal of an ambiguous batch stays one, and wrong credentials stay wrong, however often they are tried at once. */
function isWorthRepeating(answer: LineAnswer): boolean {
  const verdict = judge(answer);
  return verdict === 'unclear' || verdict === 'held-back';
}

function claimOf({ owner, deps }: Run): Claim {
  return { owner, now: deps.now(), callTimeoutMs: CALL_TIMEOUT_MS };
}

function timeLeft({ deadline, deps }: Run): number {
  return deadline - deps.now();
}

// ---------------------------------------------------------------------------------------------------- what is said

interface Conclusion {
  /** Another invocation made the item. */
  readonly isRepeat: boolean;
  /** LINE's last answer to this invocation. */
  readonly answer?: LineAnswer;
  /** This invocation brought the item into the state that it is in. */
  readonly isDecidedHere?: boolean;
  /** What a table or bucket threw, so that the item may have gone on since. */
  readonly error?: unknown;
}

/** The result of a batch as it stands: reply, metrics, and the one log line that a batch gets from an invocation. */
function conclude(batch: SendBatch, { deps: { telemetry, messageType } }: Run, { isRepeat, answer, isDecidedHere, error }: Conclusion): BatchResult {
  const { recipients, excluded, outcome } = batch;
  const { status, code, isFinal, says } = error === undefined ? standing(batch, answer) : INTERRUPTED;
  const isToldElsewhere = isFinal && !isDecidedHere;
  telemetry.count(Metric.MESSAGES_SKIPPED, isRepeat ? 0 : excluded.length);
  telemetry.count(STATUS_METRICS[status], isToldElsewhere ? 0 : recipients.length);
  telemetry.count(Metric.CREDENTIALS_UNAVAILABLE, code === SendErrorCode.CREDENTIALS_UNAVAILABLE ? 1 : 0);
  const fields: LogFields = {
    batchId: batch.batchId,
    messageType,
    state: batch.state,
    recipients: recipients.length,
    ...tally(excluded),
    attempts: batch.attempts,
    retryKey: batch.retryKey,
    ...describeAnswer(answer),
    ...(outcome?.requestId && { lineRequestId: outcome.requestId }),
    ...(error !== undefined && { reason: errorText(error) }),
  };
  if (recipients.length === 0) {
    telemetry.info('SEND_SKIPPED', 'nobody of the batch may be sent to', fields);
  } else if (isToldElsewhere) {
    telemetry.info('SEND_REPEATED', `the batch had been decided before (${status}); nothing was sent again`, fields);
  } else if (code === undefined) {
    telemetry.info('SEND_ACCEPTED', says, fields);
  } else {
    telemetry[isFinal || status === 'failed' || error !== undefined ? 'error' : 'warn'](code, says, fields);
  }
  return {
    entries: entriesOf(batch, endpointResult(status, code, outcome?.requestId)),
    ...(!isFinal && recipients.length > 0 && { undecided: code }),
  };
}

interface Standing {
  readonly status: LineStatus;
  /** Absent when accepted. */
  readonly code?: SendErrorCode;
  readonly isFinal: boolean;
  readonly says: string;
}

/** What an item's state is to a caller, after LINE's last answer to this invocation. */
function standing({ state, outcome }: SendBatch, answer: LineAnswer | undefined): Standing {
  switch (state) {
    case BatchState.ACCEPTED:
      return { status: 'accepted', isFinal: true, says: 'LINE accepted the batch' };
    case BatchState.FAILED:
      return {
        status: 'failed',
        code: outcome?.code,
        isFinal: true,
        says: outcome?.code === SendErrorCode.LINE_RATE_LIMITED
          ? 'LINE, or missing credentials, held the batch back for 23 hours; nothing was sent, and it is not sent so late: send it as a new event'
          : 'LINE refused the batch, and nobody in it got the message; correct what LINE names',
      };
    case BatchState.UNKNOWN:
      return { status: 'unknown', code: outcome?.code, isFinal: true, says: 'LINE has not decided for 23 hours and is about to forget the key: nobody can know whether the batch was sent' };
    case BatchState.READY:
      if (answer === undefined) {
        return { ...UNDECIDED, says: 'no time was left to call LINE; a repeat of the event does' };
      }
      if (judge(answer) === 'unauthorised') {
        return { status: 'failed', code: SendErrorCode.CREDENTIALS_UNAVAILABLE, isFinal: false, says: 'LINE was not called or refused the access token, and nothing was sent; correct the secret, then repeat the event' };
      }
      return answer.kind === 'response'
        ? { status: 'unknown', code: SendErrorCode.LINE_RATE_LIMITED, isFinal: false, says: 'LINE held the batch back and nothing was sent; a repeat of the event tries again' }
        : { status: 'unknown', code: SendErrorCode.CREDENTIALS_UNAVAILABLE, isFinal: false, says: 'no access token could be had and nothing was sent; a repeat of the event tries again' };
    // SPLIT, too: a later version's item, whose parts are decided one by one.
    default:
      return UNDECIDED;
  }
}

const UNDECIDED: Standing = {
  status: 'unknown',
  code: SendErrorCode.LINE_UNDECIDED,
  isFinal: false,
  says: 'LINE may or may not have taken the batch; a repeat of the event asks again under the same key',
};

const INTERRUPTED: Standing = {
  ...UNDECIDED,
  says: 'a table or bucket failed or did not answer in time (see `reason`); a repeat of the event finds out what became of the batch, under the same key',
};

const STATUS_METRICS: Record<LineStatus, Metric> = {
  accepted: Metric.MESSAGES_ACCEPTED,
  skipped: Metric.MESSAGES_SKIPPED,
  failed: Metric.MESSAGES_FAILED,
  unknown: Metric.MESSAGES_UNKNOWN,
};

/** The content is wrong: nobody is sent to. */
function reject(batchId: string, people: People, { code, message }: ContentError, { deps: { telemetry, messageType } }: Run): BatchResult {
  const { recipients, excluded } = people;
  telemetry.count(Metric.MESSAGES_SKIPPED, excluded.length);
  telemetry.count(Metric.MESSAGES_FAILED, recipients.length);
  telemetry.error(code, message, { batchId, messageType, recipients: recipients.length, ...tally(excluded) });
  return { entries: entriesOf(people, endpointResult('failed', code)) };
}

/** The same result for all recipients, and for the others why they were left out. */
function entriesOf({ recipients, excluded }: People, result: EndpointResult): BatchResult['entries'] {
  return [
    ...recipients.map(({ id }) => [id, result] as const),
    ...excluded.map(({ id, status, code }) => [id, endpointResult(status, code)] as const),
  ];
}

/** How many were left out, and why: `OPTED_OUT=3,INACTIVE=1`. */
function tally(excluded: readonly BatchExclusion[]): LogFields {
  const counts = new Map<SendErrorCode, number>();
  for (const { code } of excluded) {
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return { skipped: excluded.length, ...(counts.size > 0 && { skippedBecause: [...counts].map(([code, count]) => `${code}=${count}`).join() }) };
}

/**
 * What an operator needs of LINE's answer. Of its error body only the summary and the paths of what is wrong: they are
 * LINE's own words, whereas a detail may quote content. Source: LINE, Messaging API reference, "Error responses".
 */
function describeAnswer(answer: LineAnswer | undefined): LogFields {
  if (answer === undefined) {
    return {};
  }
  if (answer.kind !== 'response') {
    return { lineAnswer: answer.kind === 'silence' ? answer.reason : answer.message };
  }
  const { status, requestId, body } = answer;
  const told: LogFields = { lineAnswer: status, ...(requestId && { lineRequestId: requestId }) };
  if (status < 400) {
    return told;
  }
  try {
    const { message, details } = JSON.parse(body) as { message?: unknown; details?: unknown };
    const paths = Array.isArray(details) ? details.flatMap((detail) => detail?.property ?? []).join() : '';
    return { ...told, ...(typeof message === 'string' && { lineMessage: message.slice(0, 200) }), ...(paths && { lineDetails: paths.slice(0, 500) }) };
  } catch {
    return told;
  }
}

// ---------------------------------------------------------------------------------------------------- helpers

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => result ??= work();
}

/** Does the work of so many items at a time. */
async function inGroups<T, R>(items: readonly T[], size: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += size) {
    results.push(...await Promise.all(items.slice(start, start + size).map(work)));
  }
  return results;
}
