import { MIN_CALL_MS, CALL_TIMEOUT_MS } from './attempt-calls';
import { Addressee, Composition, ContentComposer } from './compose-content';
import { ContentError } from './content-error';
import { EventBatch, SendIdentity, sha256 } from './custom-channel-event';
import { DriveDependencies, Driving, KnownBatch, driveBatch, holdMs } from './drive-batch';
import { Quota, checkQuota } from './quota';
import { BatchContents, BatchKey, MAX_INLINE_CONTENT_BYTES, NewBatch, callsOf, claimed, isDecided, isSameStep, newBatch, rejectedBatch, requestOf } from './send-journal';
import { SendErrorCode } from '../../contract/custom-channel';
import { BatchExclusion, SendBatch, SendRun } from '../../contract/send-journal';
import { BATCH_BODY_PREFIX, LARGE_SEND_RECIPIENTS, LowQuotaPolicy } from '../../contract/sending';
import { errorText } from '../shared/error-text';

/** What the subscriber table says about people. */
export interface Subscriptions {
  /**
   * Why people must not be sent to, by LINE user id: opted out, inactive or erased. People whom the table does not know
   * are not in the map: Pinpoint may hold some that were never imported.
   */
  exclusions(lineUserIds: readonly string[]): Promise<ReadonlyMap<string, SendErrorCode>>;
}

/** Carries batches to whoever goes on with them. */
export interface RetryQueue {
  /** Has the batch looked after in a while, whatever becomes of this invocation. */
  wakeUp(batch: BatchKey): Promise<void>;
}

/** What sending takes, besides what driving takes. */
export interface SendBatchDependencies extends DriveDependencies {
  readonly contents: BatchContents;
  readonly subscriptions: Subscriptions;
  /** Absent: the caller of the invocation comes again for what is not decided. */
  readonly retryQueue?: RetryQueue;
  readonly onLowQuota: LowQuotaPolicy;
  readonly perPersonClaim: boolean;
  /** Ids of contents that LINE has found right, kept between the invocations of one container. */
  readonly validated: Set<string>;
  /** The month's quota; undefined when LINE does not tell. Never throws. */
  quota(timeoutMs: number): Promise<Quota | undefined>;
  /** Notes the use of an aggregation unit. Never throws. */
  noteAggregationUnit(unit: string): Promise<void>;
  /** Fetches the access token while the tables are read. What comes of it shows when LINE is called. */
  warmUp(): Promise<unknown>;
}

/** What the batches of an event have in common. */
export interface Sending extends Driving {
  readonly deps: SendBatchDependencies;
  readonly identity: SendIdentity;
  readonly composer: ContentComposer;
  /** Why so many people are not sent to, when the quota does not suffice for all of them. */
  readonly tooMany?: Promise<ContentError | undefined>;
  /** What is done besides the sending, and waited for at the end of the invocation; nobody depends on it. */
  readonly besides: Promise<unknown>[];
}

/** What an invocation knows of a batch of its event at the end. */
export interface SentBatch {
  readonly batchId: string;
  /** The batch and those that it was split into. */
  readonly known: readonly KnownBatch[];
  /** An earlier invocation made the item. */
  readonly isRepeat: boolean;
  /** Decided, or in the journal and woken up. False: only a repeat of the event can go on. */
  readonly isKept: boolean;
  /** Why people of a new batch were refused by our own checks, for the log. */
  readonly problems: readonly ContentError[];
}

/** Contents kept in `validated`. */
const MAX_VALIDATED = 10_000;

/**
 * Sends to the people of one batch: finds it in the journal and goes on from there, or makes it.
 *
 * A repeat renders and filters nothing again, and knows no newer opt-out, template or media object. What does not depend on
 * each other is done at once: wake-up message, journal, access token, opt-outs and content. The wake-up message is sent before
 * the item is made, so that nobody is forgotten whose invocation ends in between.
 *
 * Never throws: the other batches of the event have results that the caller must hear of.
 */
export async function sendBatch({ identity, candidates, excluded }: EventBatch, sending: Sending): Promise<SentBatch> {
  const { deps: { journal, retryQueue, limiter, contents, perPersonClaim, telemetry, now }, inTime, owner } = sending;
  let isRepeat = false;
  let isKept = false;
  let problems: readonly ContentError[] = [];
  let batch = newBatch({ identity, ...common(sending), calls: candidates.length > 0 ? [candidates] : [], excluded, now: now() });
  const result = (known: readonly KnownBatch[]): SentBatch => ({ batchId: identity.batchId, known, isRepeat, isKept, problems });
  try {
    const waking = retryQueue === undefined || candidates.length === 0 ? Promise.resolve() : inTime(retryQueue.wakeUp(identity));
    const preparing = prepare(candidates, excluded, sending);
    // Nobody may be waiting for them when they fail.
    waking.catch(() => undefined);
    preparing.catch(() => undefined);
    const found = await inTime(journal.load(identity));
    if (found) {
      batch = found;
      isRepeat = true;
      const known = await driveBatch({ batch }, sending);
      if (known.some((each) => each.error !== undefined || !isDecided(each.batch))) {
        await waking;
      }
      isKept = true;
      return result(known);
    }
    const prepared = await inTime(preparing);
    ({ problems } = prepared);
    const { item, lines } = prepared.toItem({ identity, ...common(sending), unclaimed: perPersonClaim, now: now() }, `${BATCH_BODY_PREFIX}${sha256(identity.batchId)}/${owner}.jsonl`);
    batch = item;
    await waking;
    if (lines) {
      await inTime(contents.put(batch.contentKey!, lines));
    }
    // Without time or credentials it is only written down, for whoever comes next.
    const isClaimed = !isDecided(batch) && !batch.unclaimed && timeLeft(sending) >= MIN_CALL_MS && sending.halted === undefined;
    const wanted = isClaimed ? claimed(batch, { owner, now: now(), holdMs: holdMs(sending) }) : batch;
    const [firstCall] = callsOf(wanted);
    const firstTurn = isClaimed
      ? limiter.take(requestOf(wanted, firstCall, '').operation, firstCall.recipients.length, sending.deadline - MIN_CALL_MS)
      : undefined;
    firstTurn?.catch(() => undefined);
    batch = await inTime(journal.create(wanted));
    isRepeat = !isSameStep(batch, wanted);
    isKept = true;
    return result(await driveBatch({ batch, isClaimed: isClaimed && !isRepeat, firstTurn }, sending));
  } catch (error) {
    telemetry.error(SendErrorCode.LINE_UNDECIDED,
      'a table, bucket or queue failed or did not answer in time (see `reason`); a repeat of the event finds out what became of the batch, under the same key',
      { batchId: identity.batchId, reason: errorText(error) });
    return result([{ batch, error }]);
  }
}

function common({ identity: { runId, source } }: Sending): Pick<NewBatch, 'runId' | 'source'> {
  return { runId, source };
}

/** What a new item is made of, content and opt-outs as they are now. */
interface Prepared {
  readonly problems: readonly ContentError[];
  /** The item, and the lines of its body object if it needs one. */
  toItem(base: Pick<NewBatch, 'identity' | 'runId' | 'source' | 'unclaimed' | 'now'>, contentKey: string): { item: SendBatch; lines?: readonly string[] };
}

async function prepare(candidates: readonly Addressee[], excluded: readonly BatchExclusion[], sending: Sending): Promise<Prepared> {
  const { deps, identity, composer } = sending;
  if (candidates.length === 0) {
    return { problems: [], toItem: (base) => ({ item: newBatch({ ...base, calls: [], excluded }) }) };
  }
  void deps.warmUp().catch(() => undefined);
  const composing = composer.compose(candidates);
  composing.catch(() => undefined);
  const [reasons, run] = await Promise.all([
    deps.subscriptions.exclusions(candidates.map(({ to }) => to)),
    // Advice: without it nobody is stopped, and LINE is asked about the content once more.
    sending.run(identity.runId).catch((): Partial<SendRun> => ({})),
  ]);
  const allowed = candidates.filter(({ to }) => !reasons.has(to));
  const left = [...excluded, ...candidates.flatMap(({ id, to }): BatchExclusion[] => {
    const code = reasons.get(to);
    return code ? [{ id, status: 'skipped', code }] : [];
  })];
  const rejected = (code: SendErrorCode, ...problems: ContentError[]): Prepared => ({
    problems,
    toItem: (base) => ({ item: rejectedBatch({ ...base, calls: [allowed], excluded: left }, code) }),
  });
  if (allowed.length === 0) {
    return { problems: [], toItem: (base) => ({ item: newBatch({ ...base, calls: [], excluded: left }) }) };
  }
  if (run.stopped !== undefined) {
    return rejected(SendErrorCode.RUN_STOPPED, new ContentError(SendErrorCode.RUN_STOPPED, 'the run was stopped after LINE had refused several of its batches; correct what LINE names and send a new run'));
  }
  // Composed meanwhile for all of them; what is wrong may be so only for people who are not sent to.
  let composition = await composing;
  if (composition instanceof ContentError && allowed.length < candidates.length) {
    composition = await composer.compose(allowed);
  }
  if (composition instanceof ContentError) {
    return rejected(composition.code, composition);
  }
  const [refused, tooMany] = await Promise.all([refusedContents(composition, run.validated, sending), sending.tooMany]);
  const [firstRefused] = refused.values();
  const isAllRefused = composition.calls.length > 0 && composition.calls.every(({ source }) => refused.has(source));
  const problem = isAllRefused ? firstRefused : tooMany;
  if (problem) {
    return rejected(problem.code, problem);
  }
  const { aggregationUnit, problems } = composition;
  if (aggregationUnit !== undefined) {
    sending.besides.push(deps.noteAggregationUnit(aggregationUnit));
  }
  const composed = withoutRefused(composition, refused);
  return { problems: [...problems, ...refused.values()], toItem: (base, contentKey) => compositionItem(composed, allowed, left, base, contentKey) };
}

/** Without the people whose variant of the content LINE refuses. */
function withoutRefused(composition: Composition, refused: ReadonlyMap<string, ContentError>): Composition {
  if (refused.size === 0) {
    return composition;
  }
  return {
    ...composition,
    calls: composition.calls.filter(({ source }) => !refused.has(source)),
    excluded: [...composition.excluded, ...composition.calls.flatMap(({ source, recipients }) => {
      const error = refused.get(source);
      return error ? recipients.map(({ id }): BatchExclusion => ({ id, status: 'failed', code: error.code })) : [];
    })],
  };
}

function compositionItem(
  { calls: composed, excluded, aggregationUnit }: Composition, allowed: readonly Addressee[], left: readonly BatchExclusion[],
  base: Pick<NewBatch, 'identity' | 'runId' | 'source' | 'unclaimed' | 'now'>, contentKey: string,
): { item: SendBatch; lines?: readonly string[] } {
  const ids = new Set(allowed.map(({ id }) => id));
  const addresses = new Set(allowed.map(({ to }) => to));
  const calls = composed.map(({ content, recipients }) => ({ content, recipients: recipients.filter(({ to }) => addresses.has(to)) }))
    .filter(({ recipients }) => recipients.length > 0);
  const item = {
    ...base,
    calls: calls.map(({ recipients }) => recipients),
    excluded: [...left, ...excluded.filter(({ id }) => ids.has(id))],
    ...(aggregationUnit !== undefined && { aggregationUnit }),
  };
  if (calls.length === 0) {
    return { item: newBatch(item) };
  }
  if (calls.length === 1 && Buffer.byteLength(calls[0].content) <= MAX_INLINE_CONTENT_BYTES) {
    return { item: newBatch({ ...item, content: calls[0].content }) };
  }
  return { item: newBatch({ ...item, contentKey, lines: calls.map((_, index) => index) }), lines: calls.map(({ content }) => content) };
}

/**
 * Asks LINE about each content once a run, as far as its batches know of each other.
 *
 * @returns what LINE refuses, by the id of the content
 */
async function refusedContents(
  { toValidate }: Composition, validatedBefore: readonly string[] | undefined, { deps, identity, deadline, inTime, besides }: Sending,
): Promise<ReadonlyMap<string, ContentError>> {
  const { validated, validate, journal, now } = deps;
  const refused = new Map<string, ContentError>();
  await Promise.all(toValidate.map(async ({ id, body }) => {
    if (validated.has(id) || validatedBefore?.includes(id)) {
      return;
    }
    const verdict = await validate(body, Math.min(CALL_TIMEOUT_MS, deadline - now()));
    if (verdict === 'valid') {
      if (validated.size >= MAX_VALIDATED) {
        validated.clear();
      }
      validated.add(id);
      // Whoever does not learn of it asks again.
      besides.push(inTime(journal.markValidated(identity.runId, id)).catch(() => undefined));
    } else if (verdict !== 'unavailable') {
      refused.set(id, new ContentError(verdict.code, verdict.message));
    }
  }));
  return refused;
}

/** Why a send to so many people is not made, if it is a large one; also warns, if that is the policy. Never throws. */
export async function lowQuota(
  recipients: number, { onLowQuota, quota, telemetry }: Pick<SendBatchDependencies, 'onLowQuota' | 'quota' | 'telemetry'>,
): Promise<ContentError | undefined> {
  if (onLowQuota === 'SEND' || recipients < LARGE_SEND_RECIPIENTS) {
    return undefined;
  }
  const left = await quota(CALL_TIMEOUT_MS);
  const verdict = checkQuota(onLowQuota, recipients, left);
  if (verdict === 'send') {
    return undefined;
  }
  const message = `the send has ${recipients} recipients, but the month's quota has ${left!.remaining} messages left`;
  if (verdict === 'refuse') {
    return new ContentError(SendErrorCode.LOW_QUOTA, `${message}; nothing was sent: raise the plan, wait for the next month, or deploy the channel with another \`onLowQuota\``);
  }
  telemetry.warn(SendErrorCode.LOW_QUOTA, `${message}; sending all the same`, {});
  return undefined;
}

function timeLeft({ deadline, deps }: Sending): number {
  return deadline - deps.now();
}
