import { BatchIdentity } from './custom-channel-event';
import { LineAnswer, LineResponse } from './line-api';
import { SendErrorCode } from '../../contract/custom-channel';
import { JOURNAL_DAYS, RETRY_KEY_SAFE_HOURS } from '../../contract/limits';
import { BatchExclusion, BatchRecipient, BatchState, SendBatch } from '../../contract/send-journal';

/**
 * The send journal as a state machine: each function takes an item and returns the item as it shall be next, or says
 * what may be done with it. Nothing here reads a clock or writes anything.
 *
 * ```
 * absent    ─ create, claimed in the same write ───────────────────► IN_FLIGHT
 * READY     ─ claim ───────────────────────────────────────────────► IN_FLIGHT
 * IN_FLIGHT ─ 2xx, or 409 with the accepted request id ────────────► ACCEPTED
 * IN_FLIGHT ─ 429, 401 or not called; never ambiguous before ──────► READY
 * IN_FLIGHT ─ 400 and other refusals; never ambiguous before ──────► FAILED
 * IN_FLIGHT ─ 5xx, silence; or one of the above, ambiguous before ─► AMBIGUOUS
 * IN_FLIGHT ─ lease over: whoever held it is gone ─ claim ─────────► IN_FLIGHT, ambiguous
 * AMBIGUOUS ─ grace over ─ claim, same bytes, same key ────────────► IN_FLIGHT, ambiguous
 * AMBIGUOUS ─ 23 hours after the first attempt ────────────────────► UNKNOWN
 * READY     ─ 23 hours after the first attempt ────────────────────► FAILED, nothing was sent
 * ```
 *
 * The first attempt is never forgotten, whatever LINE answered it (docs/decisions/007-first-attempt-is-never-forgotten.md).
 */
export interface SendJournal {
  /** The item on record, read consistently. */
  load(identity: BatchIdentity): Promise<SendBatch | undefined>;

  /**
   * Puts the item unless there is one.
   *
   * @returns the item on record afterwards: the given one, or the one that was there first
   */
  create(batch: SendBatch): Promise<SendBatch>;

  /**
   * Replaces `from` by `to`, which differ in what a transition changes, if the item still has `from`'s state, owner and
   * number of attempts. An acceptance is written whatever the item has become.
   *
   * @returns the item on record afterwards: `to`, or what somebody else has made of it
   */
  write(from: SendBatch, to: SendBatch): Promise<SendBatch>;
}

/**
 * Added to the longest time of a call to make a lease. LINE may still be at work on a request when its caller has given
 * up, and says nothing about equal keys at the same time, so that a takeover leaves it this long; clocks differ, too.
 */
export const LEASE_MARGIN_MS = 10_000;

/** Milliseconds that nobody repeats a request whose outcome LINE did not tell. */
export const GRACE_MS = 500;

const HOUR_MS = 60 * 60 * 1_000;

/** What a new item is made of. */
export interface NewBatch {
  readonly identity: BatchIdentity;
  readonly path: string;
  readonly body: string;
  readonly recipients: readonly BatchRecipient[];
  readonly excluded: readonly BatchExclusion[];
  /** Epoch milliseconds. */
  readonly now: number;
}

/** A new item in READY; claimed before it is put, it saves a write. */
export function newBatch({ identity, path, body, recipients, excluded, now }: NewBatch): SendBatch {
  return {
    ...identity,
    state: BatchState.READY,
    path,
    body,
    recipients,
    excluded,
    createdAt: now,
    attempts: 0,
    expiresAt: Math.floor(now / 1_000) + JOURNAL_DAYS * 24 * 60 * 60,
  };
}

/** Who attempts, from when, for how long at most. */
export interface Claim {
  /** Unique per invocation. Not the request id, which an asynchronous retry has in common with the invocation it repeats. */
  readonly owner: string;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Longest time of the call. */
  readonly callTimeoutMs: number;
}

/**
 * The item as it is while it is attempted. A crash between this write and the call is an expired lease and counts as
 * ambiguous: the same bytes go out under the same key, which is harmless.
 */
export function claimed(batch: SendBatch, { owner, now, callTimeoutMs }: Claim): SendBatch {
  return {
    ...batch,
    state: BatchState.IN_FLIGHT,
    owner,
    leaseUntil: now + callTimeoutMs + LEASE_MARGIN_MS,
    firstAttemptAt: batch.firstAttemptAt ?? now,
    attempts: batch.attempts + 1,
    // An attempt whose holder is gone may have reached LINE.
    ...(batch.state === BatchState.IN_FLIGHT && { ambiguous: true }),
  };
}

/** What may be done with an item that is not being attempted by the caller. */
export type NextStep =
  /** Nothing: it is decided. */
  | { readonly kind: 'decided' }
  /** Somebody may be at work on it until then (epoch milliseconds). */
  | { readonly kind: 'wait'; readonly until: number }
  /** LINE may be about to forget the key: nobody can know any more, or nothing was sent and nothing will be so late. */
  | { readonly kind: 'give-up'; readonly to: SendBatch }
  /** Claim it, then call. */
  | { readonly kind: 'attempt' };

export function nextStep(batch: SendBatch, now: number): NextStep {
  switch (batch.state) {
    case BatchState.READY:
    case BatchState.IN_FLIGHT:
    case BatchState.AMBIGUOUS: {
      const { leaseUntil = 0, firstAttemptAt = batch.createdAt } = batch;
      if (now < leaseUntil) {
        return { kind: 'wait', until: leaseUntil };
      }
      if (now < firstAttemptAt + RETRY_KEY_SAFE_HOURS * HOUR_MS) {
        return { kind: 'attempt' };
      }
      return {
        kind: 'give-up',
        to: batch.state === BatchState.READY
          ? { ...batch, state: BatchState.FAILED, outcome: { code: SendErrorCode.LINE_RATE_LIMITED } }
          : { ...released(batch), state: BatchState.UNKNOWN, outcome: { code: SendErrorCode.LINE_UNKNOWN } },
      };
    }
    default:
      // SPLIT included: its children, which this version does not know, are decided on their own.
      return { kind: 'decided' };
  }
}

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
 * answer ("Response headers").
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
    default: return status >= 400 && status < 500 ? 'refused' : 'unclear';
  }
}

/** The attempted item after LINE's answer. `now` in epoch milliseconds. */
export function settled(batch: SendBatch, answer: LineAnswer, now: number): SendBatch {
  const verdict = judge(answer);
  if (verdict === 'accepted') {
    return { ...released(batch), state: BatchState.ACCEPTED, outcome: outcomeOf(answer) };
  }
  if (verdict === 'unclear' || batch.ambiguous) {
    return { ...released(batch), state: BatchState.AMBIGUOUS, ambiguous: true, leaseUntil: now + GRACE_MS };
  }
  if (verdict === 'refused') {
    return { ...released(batch), state: BatchState.FAILED, outcome: { code: SendErrorCode.LINE_REFUSED, ...outcomeOf(answer) } };
  }
  return { ...released(batch), state: BatchState.READY };
}

/** True when both are the same item at the same point of its life: nobody has written in between. */
export function isSameStep(one: SendBatch, other: SendBatch): boolean {
  return one.state === other.state && one.owner === other.owner && one.attempts === other.attempts;
}

/** Only a response decides. */
function outcomeOf(answer: LineAnswer): SendBatch['outcome'] {
  const { status, requestId, acceptedRequestId = requestId } = answer as LineResponse;
  return { status, ...(acceptedRequestId && { requestId: acceptedRequestId }) };
}

function released({ owner, leaseUntil, ...batch }: SendBatch): SendBatch {
  return batch;
}
