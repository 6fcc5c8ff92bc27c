import { BatchIdentity, identifyBatch } from './custom-channel-event';
import { LineAnswer } from './line-api';
import { SendErrorCode } from '../../contract/custom-channel';
import { JOURNAL_DAYS, RETRY_KEY_SAFE_HOURS } from '../../contract/limits';
import { BatchExclusion, BatchRecipient, BatchState, CallState, DECIDED_STATES, SendBatch, SendRun } from '../../contract/send-journal';
import { UnknownOutcomePolicy } from '../../contract/sending';
import { nameBasedUuid } from '../shared/name-based-uuid';

/**
 * The send journal as a state machine: each function takes an item and returns the item as it shall be next, or says
 * what may be done with it. Nothing here reads a clock or writes anything.
 *
 * A batch has one call, or up to 500 with a content each. Whoever claims it makes all its undecided calls, as often as LINE
 * leaves them open, and writes down once what became of them. The call's state decides the batch's:
 *
 * ```
 * absent    ─ create, claimed in the same write ───────────────────► IN_FLIGHT
 * READY     ─ claim ───────────────────────────────────────────────► IN_FLIGHT
 * AMBIGUOUS ─ grace over ─ claim, same bytes, same keys ───────────► IN_FLIGHT
 * IN_FLIGHT ─ lease over: whoever held it is gone ─ claim ─────────► IN_FLIGHT, every open call ambiguous
 *
 * of a call, in flight:
 *   2xx, or 409 with the accepted request id ──────────────────────► accepted
 *   429, 401 or not called; never ambiguous before ────────────────► ready
 *   400 and other refusals; never ambiguous before ────────────────► failed, or split: children, in the same transaction
 *   5xx, silence; or one of the above, ambiguous before ───────────► ambiguous
 * 23 hours after the first attempt:
 *   ready ─────────────────────────────────────────────────────────► failed, nothing was sent
 *   ambiguous ─────────────────────────────────────────────────────► unknown, or split into a child with a new key (RESEND)
 * ```
 *
 * Repeats within one claim need no write of their own: they have the same bytes and keys, and should the claimant end in
 * between, whoever comes next takes every open call for ambiguous. The first attempt is never forgotten, whatever LINE
 * answered it (docs/decisions/007-first-attempt-is-never-forgotten.md).
 */
export interface SendJournal {
  /** The item on record, read consistently. */
  load(key: BatchKey): Promise<SendBatch | undefined>;

  /**
   * Puts the item unless there is one.
   *
   * @returns the item on record afterwards: the given one, or the one that was there first
   */
  create(batch: SendBatch): Promise<SendBatch>;

  /**
   * Replaces `from` by `to` and puts the children, all or nothing, if the item still has `from`'s state, owner, number of
   * attempts and calls.
   *
   * @returns the item on record afterwards: `to`, or what somebody else has made of it
   */
  write(from: SendBatch, to: SendBatch, children?: readonly SendBatch[]): Promise<SendBatch>;

  /** What the run's batches share; a run of which nothing is known is a new one. */
  run(runId: string): Promise<SendRun>;

  /** No further batch of the run is attempted. The first reason stays. */
  stopRun(runId: string, code: SendErrorCode): Promise<void>;

  /** @returns how many batches in a row LINE has refused, this one included */
  countRefusal(runId: string): Promise<number>;

  /** A batch was accepted. */
  clearRefusals(runId: string): Promise<void>;

  /** @returns how many calls the run's splits have cost, these included */
  countSplitCalls(runId: string, calls: number): Promise<number>;

  /** LINE has found the content right. */
  markValidated(runId: string, contentId: string): Promise<void>;

  /**
   * Claims people for a batch of the run.
   *
   * @returns user ids that another batch of the run has claimed
   */
  claimPeople(batch: Pick<SendBatch, 'runId' | 'batchId'>, userIds: readonly string[]): Promise<ReadonlySet<string>>;
}

export type BatchKey = Pick<SendBatch, 'pk' | 'sk'>;

/** Bodies of batches that do not fit into their items. */
export interface BatchContents {
  /** Never overwrites: each key is used once. */
  put(key: string, lines: readonly string[]): Promise<void>;
  get(key: string): Promise<readonly string[]>;
}

/**
 * Added to the time of a claim to make a lease. LINE may still be at work on a request when its caller has given
 * up, and says nothing about equal keys at the same time, so that a takeover leaves it this long; clocks differ, too.
 */
export const LEASE_MARGIN_MS = 10_000;

/** Milliseconds that nobody repeats a request whose outcome LINE did not tell. */
export const GRACE_MS = 500;

const HOUR_MS = 60 * 60 * 1_000;

/** Longer contents lie in an object of their own: an item has at most 400 KB, and ids may take 180 KB of them. */
export const MAX_INLINE_CONTENT_BYTES = 64_000;

/** What a new item is made of. */
export interface NewBatch extends Pick<SendBatch, 'excluded' | 'content' | 'contentKey' | 'lines' | 'source' | 'aggregationUnit' | 'parent'> {
  readonly identity: BatchIdentity;
  readonly runId: string;
  /** People of each call. */
  readonly calls: readonly (readonly BatchRecipient[])[];
  readonly unclaimed?: boolean;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** A new item in READY; claimed before it is put, it saves a write. Without calls it is decided from the beginning. */
export function newBatch({ identity, calls, unclaimed, now, ...rest }: NewBatch): SendBatch {
  return {
    ...identity,
    ...rest,
    state: calls.length === 0 ? BatchState.DECIDED : BatchState.READY,
    calls: CallState.READY.repeat(calls.length),
    sizes: calls.map(({ length }) => length),
    recipients: calls.flat(),
    ...(unclaimed && { unclaimed: true }),
    createdAt: now,
    ...(calls.length === 0 && { decidedAt: now }),
    attempts: 0,
    expiresAt: Math.floor(now / 1_000) + JOURNAL_DAYS * 24 * 60 * 60,
  };
}

/** An item of people whom nothing is sent to, for the books. */
export function rejectedBatch(batch: NewBatch, code: SendErrorCode): SendBatch {
  const item = newBatch(batch);
  return decided({ ...item, calls: CallState.FAILED.repeat(item.sizes.length), outcome: { code } }, batch.now);
}

// ---------------------------------------------------------------------------------------------------- calls

/** Position of a call in its batch, with what it needs. */
export interface BatchCall {
  readonly index: number;
  readonly state: CallState;
  readonly recipients: readonly BatchRecipient[];
}

export function callsOf({ calls, sizes, recipients }: SendBatch): BatchCall[] {
  let start = 0;
  return sizes.map((size, index) => ({ index, state: calls[index] as CallState, recipients: recipients.slice(start, start += size) }));
}

export function isOpen({ state }: BatchCall): boolean {
  return state === CallState.READY || state === CallState.AMBIGUOUS;
}

export function isDecided({ state }: SendBatch): boolean {
  return DECIDED_STATES.includes(state);
}

/** LINE's operations. Source: LINE, Messaging API reference, "Send multicast message", "Send push message". */
export const MULTICAST_PATH = '/v2/bot/message/multicast';
export const PUSH_PATH = '/v2/bot/message/push';

/** A call as LINE gets it: always the same bytes under the same key. */
export interface CallRequest {
  readonly operation: 'multicast' | 'push';
  readonly path: string;
  readonly body: string;
  readonly retryKey: string;
}

/** @param content the call's own */
export function requestOf({ sizes, retryKey }: SendBatch, { index, recipients }: BatchCall, content: string): CallRequest {
  const isPush = sizes.length > 1 && recipients.length === 1;
  const to = isPush ? recipients[0].to : recipients.map((recipient) => recipient.to);
  return {
    operation: isPush ? 'push' : 'multicast',
    path: isPush ? PUSH_PATH : MULTICAST_PATH,
    body: `{"to":${JSON.stringify(to)},${content}}`,
    retryKey: sizes.length > 1 ? nameBasedUuid(retryKey, String(index)) : retryKey,
  };
}

// ---------------------------------------------------------------------------------------------------- claiming

/** Who attempts, from when, for how long at most. */
export interface Claim {
  /** Unique per invocation. Not the request id, which an asynchronous retry has in common with the invocation it repeats. */
  readonly owner: string;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Milliseconds until the last call of the claimant has ended. */
  readonly holdMs: number;
}

/**
 * The item as it is while it is attempted. A crash between this write and the calls is an expired lease and counts as
 * ambiguous: the same bytes go out under the same keys, which is harmless.
 */
export function claimed(batch: SendBatch, { owner, now, holdMs }: Claim): SendBatch {
  return {
    ...batch,
    state: BatchState.IN_FLIGHT,
    // An attempt whose holder is gone may have reached LINE.
    calls: batch.state === BatchState.IN_FLIGHT ? batch.calls.replaceAll(CallState.READY, CallState.AMBIGUOUS) : batch.calls,
    owner,
    leaseUntil: now + holdMs + LEASE_MARGIN_MS,
    firstAttemptAt: batch.firstAttemptAt ?? now,
    attempts: batch.attempts + 1,
  };
}

/** The item without the people whom other batches of the run have. Only before the first attempt. */
export function withoutClaimed(batch: SendBatch, taken: ReadonlySet<string>): SendBatch {
  const { unclaimed, ...item } = batch;
  if (taken.size === 0) {
    return item;
  }
  const left = callsOf(batch).map((call) => ({ ...call, recipients: call.recipients.filter(({ to }) => !taken.has(to)) }));
  // A call that has lost everybody keeps its place, as keys and contents go by it.
  return {
    ...item,
    sizes: left.map(({ recipients }) => recipients.length),
    calls: left.map(({ state, recipients }) => (recipients.length === 0 ? CallState.SPLIT : state)).join(''),
    recipients: left.flatMap(({ recipients }) => recipients),
    excluded: [...item.excluded, ...batch.recipients.flatMap(({ id, to }): BatchExclusion[] => (
      taken.has(to) ? [{ id, status: 'skipped', code: SendErrorCode.ALREADY_CLAIMED }] : []))],
  };
}

/** What may be done with an item that is not being attempted by the caller. */
export type NextStep =
  /** Nothing: it is decided. */
  | { readonly kind: 'decided' }
  /** Somebody may be at work on it until then (epoch milliseconds). */
  | { readonly kind: 'wait'; readonly until: number }
  /** LINE may be about to forget the keys: nobody can know any more, or nothing was sent and nothing will be so late. */
  | { readonly kind: 'give-up'; readonly to: SendBatch; readonly children: readonly SendBatch[] }
  /** Claim it, then call. */
  | { readonly kind: 'attempt' };

export function nextStep(batch: SendBatch, now: number, policy: UnknownOutcomePolicy): NextStep {
  if (isDecided(batch)) {
    return { kind: 'decided' };
  }
  const { leaseUntil = 0, firstAttemptAt = batch.createdAt } = batch;
  if (now < leaseUntil) {
    return { kind: 'wait', until: leaseUntil };
  }
  return now < firstAttemptAt + RETRY_KEY_SAFE_HOURS * HOUR_MS ? { kind: 'attempt' } : { kind: 'give-up', ...givenUp(batch, now, policy) };
}

/** Part of the position of a batch that is sent once more, and of those that it is split into: nobody is sent to a third time. */
const RESENT = 'again';

function givenUp(batch: SendBatch, now: number, policy: UnknownOutcomePolicy): { to: SendBatch; children: readonly SendBatch[] } {
  // The holder of an expired lease may have called LINE.
  const calls = batch.state === BatchState.IN_FLIGHT ? batch.calls.replaceAll(CallState.READY, CallState.AMBIGUOUS) : batch.calls;
  const isLost = calls.includes(CallState.AMBIGUOUS);
  const isResent = isLost && policy === 'RESEND' && !batch.sk.split('/').includes(RESENT);
  const lost = callsOf({ ...batch, calls }).filter(({ state }) => state === CallState.AMBIGUOUS);
  const child = isResent ? [childOf(batch, RESENT, lost.map((call) => [call, call.recipients]), [], now)] : [];
  return {
    to: decided({
      ...released(batch),
      calls: calls.replaceAll(CallState.READY, CallState.FAILED).replaceAll(CallState.AMBIGUOUS, isResent ? CallState.SPLIT : CallState.UNKNOWN),
      ...(child.length > 0 && { children: [...batch.children ?? [], ...child.map(({ sk }) => sk)] }),
      // Why calls failed before stays; that a call is unknown, its own state says.
      outcome: {
        ...batch.outcome,
        code: isLost && !calls.includes(CallState.FAILED) ? SendErrorCode.LINE_UNKNOWN : batch.outcome?.code ?? SendErrorCode.LINE_RATE_LIMITED,
      },
    }, now),
    children: child,
  };
}

// ---------------------------------------------------------------------------------------------------- answers

/** What an answer says about the request. */
export type Verdict =
  /** LINE has it. */
  | 'accepted'
  /** LINE will not take it, however often it is repeated. */
  | 'refused'
  /** It was not looked at, and may be later. */
  | 'held-back'
  /** Neither call nor answer: the credentials are wrong, and repeating helps only when they are put right. */
  | 'unauthorised'
  /** LINE may or may not have it. */
  | 'unclear';

/**
 * Source: LINE, Messaging API reference, "Status codes" and "Retry an API request". A 409 decides only with the request
 * id that was accepted: without it LINE may be at work on the first of two equal requests. 408 and redirects come from
 * something between here and LINE, which cannot know; so does a 2xx without the request id that LINE puts into every
 * answer ("Response headers"), and a 4xx without it.
 */
export function judge(answer: LineAnswer): Verdict {
  if (answer.kind === 'not-called') {
    return answer.retryable ? 'held-back' : 'unauthorised';
  }
  if (answer.kind === 'silence') {
    return 'unclear';
  }
  const { status, requestId, acceptedRequestId } = answer;
  if (status >= 200 && status < 300) {
    return requestId ? 'accepted' : 'unclear';
  }
  switch (status) {
    case 401: return 'unauthorised';
    case 408: return 'unclear';
    case 409: return acceptedRequestId ? 'accepted' : 'unclear';
    case 429: return 'held-back';
    default: return status >= 400 && status < 500 && requestId ? 'refused' : 'unclear';
  }
}

/** A call's state after an answer. Ambiguous is for ever, unless LINE says that it has the request. */
export function callStateAfter(state: CallState, answer: LineAnswer): CallState {
  const verdict = judge(answer);
  if (verdict === 'accepted') {
    return CallState.ACCEPTED;
  }
  if (verdict === 'unclear' || state === CallState.AMBIGUOUS) {
    return CallState.AMBIGUOUS;
  }
  return verdict === 'refused' ? CallState.FAILED : CallState.READY;
}

/** What has become of a call. */
export interface CallResult {
  readonly index: number;
  readonly state: CallState;
  /** LINE's, of an accepted call. */
  readonly requestId?: string;
  /** Of a failed call, or of one that stays open: why. */
  readonly code?: SendErrorCode;
  /** LINE's, of a refusal. */
  readonly status?: number;
  /** Into which its people go, when it is split. */
  readonly parts?: readonly SplitPart[];
}

export interface SplitPart {
  /** Last part of the child's position. */
  readonly name: string;
  readonly recipients: readonly BatchRecipient[];
  /** Each person gets a call of their own. */
  readonly singly?: true;
  /** People whom LINE refused by name. */
  readonly refused?: readonly BatchRecipient[];
}

/** Source: Amazon DynamoDB, "TransactWriteItems": at most 100 actions; one is the parent's. */
const MAX_CHILDREN_PER_WRITE = 99;

/** The item after its calls, and the children that some of them are split into. */
export function settled(batch: SendBatch, results: readonly CallResult[], now: number): { to: SendBatch; children: SendBatch[] } {
  const calls = [...batch.calls];
  const requestIds = [...batch.requestIds ?? batch.sizes.map(() => '')];
  const children: SendBatch[] = [];
  const before = callsOf(batch);
  for (const { index, state, requestId = '', parts = [] } of results) {
    requestIds[index] = requestId || requestIds[index];
    // What does not fit into one write is refused, and split, next time: nobody in it has the message.
    const hasRoom = children.length + parts.length <= MAX_CHILDREN_PER_WRITE;
    calls[index] = hasRoom ? state : CallState.READY;
    children.push(...(hasRoom ? parts : []).map(({ name, recipients, singly, refused = [] }) => {
      const people = singly ? recipients.map((recipient) => [recipient]) : [recipients];
      const excluded = refused.map(({ id }): BatchExclusion => ({ id, status: 'failed', code: SendErrorCode.LINE_REFUSED_RECIPIENT }));
      return childOf(batch, batch.sizes.length > 1 ? `${index}-${name}` : name, people.map((each) => [before[index], each]), excluded, now);
    }));
  }
  // The batch has one code: of what failed, if something has; what is still open may yet be accepted.
  const reason = results.find(({ code, state }) => code !== undefined && state === CallState.FAILED)
    ?? (batch.calls.includes(CallState.FAILED) ? undefined : results.find(({ code }) => code !== undefined));
  const item: SendBatch = {
    ...released(batch),
    calls: calls.join(''),
    ...(requestIds.some((id) => id !== '') && { requestIds }),
    ...(reason && { outcome: { code: reason.code, ...(reason.status !== undefined && { status: reason.status }) } }),
    ...(children.length > 0 && { children: [...batch.children ?? [], ...children.map(({ sk }) => sk)] }),
  };
  return { to: decided(item, now), children };
}

/** What LINE has accepted, it has accepted: the item on record with the acceptances of one that could not be written. */
export function withAcceptances(onRecord: SendBatch, mine: SendBatch, now: number): SendBatch {
  const accepted = callsOf(mine).filter(({ index, state }) => state === CallState.ACCEPTED
    && onRecord.calls[index] !== CallState.ACCEPTED && onRecord.calls[index] !== CallState.SPLIT);
  return accepted.length === 0 ? onRecord
    : { ...settled(onRecord, accepted.map(({ index, state }) => ({ index, state, requestId: mine.requestIds?.[index] })), now).to };
}

/** The item in the state that its calls have together, if they are all decided; else ready, or ambiguous for the time of the grace. */
function decided(batch: SendBatch, now: number): SendBatch {
  const { calls } = batch;
  if (calls.includes(CallState.AMBIGUOUS)) {
    return { ...batch, state: BatchState.AMBIGUOUS, leaseUntil: now + GRACE_MS };
  }
  if (calls.includes(CallState.READY)) {
    return { ...batch, state: BatchState.READY };
  }
  const state = UNANIMOUS.find(([call]) => calls !== '' && calls === call.repeat(calls.length))?.[1] ?? BatchState.DECIDED;
  const { deferred, outcome, ...item } = batch;
  // What once kept a call back is no reason of anything, when it was accepted later.
  const hasReason = outcome !== undefined && (calls.includes(CallState.FAILED) || calls.includes(CallState.UNKNOWN));
  return { ...item, ...(hasReason && { outcome }), state, decidedAt: now };
}

const UNANIMOUS: readonly (readonly [CallState, BatchState])[] = [
  [CallState.ACCEPTED, BatchState.ACCEPTED],
  [CallState.FAILED, BatchState.FAILED],
  [CallState.UNKNOWN, BatchState.UNKNOWN],
  [CallState.SPLIT, BatchState.SPLIT],
];

/** A batch of some of the people of another, with a key of its own. */
function childOf(
  batch: SendBatch, name: string, calls: readonly (readonly [BatchCall, readonly BatchRecipient[]])[], excluded: SendBatch['excluded'], now: number,
): SendBatch {
  const { runId, sk, content, contentKey, lines, source, aggregationUnit, batchId } = batch;
  return newBatch({
    identity: identifyBatch(runId, `${sk}/${name}`),
    runId,
    source,
    aggregationUnit,
    parent: batchId,
    calls: calls.map(([, recipients]) => recipients),
    ...(content === undefined ? { contentKey, lines: calls.map(([{ index }]) => lines![index]) } : { content }),
    excluded,
    now,
  });
}

/** True when both are the same item at the same point of its life: nobody has written in between. */
export function isSameStep(one: SendBatch, other: SendBatch): boolean {
  return one.state === other.state && one.owner === other.owner && one.attempts === other.attempts && one.calls === other.calls;
}

function released({ owner, leaseUntil, ...batch }: SendBatch): SendBatch {
  return batch;
}
