import { callsOf } from './send-journal';
import { LineStatus, SendErrorCode } from '../../contract/custom-channel';
import { BatchRecipient, CallState, SendBatch } from '../../contract/send-journal';

/** What became of a person of a batch. */
export interface PersonOutcome {
  /** Endpoint id. */
  readonly id: string;
  /** LINE user id; of people who were left out the journal keeps none. */
  readonly to?: string;
  /** `deferred`: not decided yet. */
  readonly status: LineStatus;
  /** Absent of people who are `accepted` or `deferred`. */
  readonly code?: SendErrorCode;
  /** LINE's request id, of people who are `accepted`. */
  readonly requestId?: string;
}

/** Why people were left out, refused or are unknown: code → how many. */
export type Reasons = { readonly [code in SendErrorCode]?: number };

/**
 * People of a run by outcome: `accepted + skipped + failed + unknown + pending = recipients`, at any time.
 */
export interface SendBooks {
  readonly recipients: number;
  readonly accepted: number;
  readonly skipped: number;
  readonly failed: number;
  readonly unknown: number;
  /** Not decided yet. */
  readonly pending: number;
  /** Of everybody who is skipped, failed or unknown. */
  readonly reasons: Reasons;
}

/** Some people of a batch who have one outcome in common. */
interface OutcomeGroup extends Pick<PersonOutcome, 'status' | 'code' | 'requestId'> {
  readonly people: readonly (Pick<BatchRecipient, 'id'> & Partial<BatchRecipient>)[];
}

/** The books of some batches, decided or not. People whom a batch's children took over are in the children's books only. */
export function bookOf(batches: Iterable<SendBatch>): SendBooks {
  const books = { recipients: 0, accepted: 0, skipped: 0, failed: 0, unknown: 0, pending: 0 };
  const reasons: { [code in SendErrorCode]?: number } = {};
  for (const batch of batches) {
    for (const { status, code, people: { length } } of groupsOf(batch)) {
      books.recipients += length;
      books[status === 'deferred' ? 'pending' : status] += length;
      if (code && length > 0) {
        reasons[code] = (reasons[code] ?? 0) + length;
      }
    }
  }
  return { ...books, reasons };
}

/** The books of both; no batch may be in the two of them. */
export function addBooks(one: SendBooks, other: SendBooks): SendBooks {
  const codes = new Set([...Object.keys(one.reasons), ...Object.keys(other.reasons)] as SendErrorCode[]);
  return {
    recipients: one.recipients + other.recipients,
    accepted: one.accepted + other.accepted,
    skipped: one.skipped + other.skipped,
    failed: one.failed + other.failed,
    unknown: one.unknown + other.unknown,
    pending: one.pending + other.pending,
    reasons: Object.fromEntries([...codes].map((code) => [code, (one.reasons[code] ?? 0) + (other.reasons[code] ?? 0)])),
  };
}

/** Every person of a batch, without those whom its children took over, and what became of them. */
export function peopleOf(batch: SendBatch): PersonOutcome[] {
  return groupsOf(batch).flatMap(({ people, ...outcome }) => people.map(({ id, to }) => ({ id, ...(to !== undefined && { to }), ...outcome })));
}

function groupsOf(batch: SendBatch): OutcomeGroup[] {
  const calls = callsOf(batch).filter(({ state }) => state !== CallState.SPLIT);
  return [
    ...batch.excluded.map(({ id, status, code }): OutcomeGroup => ({ status, code, people: [{ id }] })),
    ...calls.map(({ index, state, recipients }): OutcomeGroup => ({ ...callOutcome(batch, index, state), people: recipients })),
  ];
}

function callOutcome({ outcome, requestIds = [] }: SendBatch, index: number, state: CallState): Omit<OutcomeGroup, 'people'> {
  switch (state) {
    case CallState.ACCEPTED:
      return { status: 'accepted', ...(requestIds[index] && { requestId: requestIds[index] }) };
    case CallState.FAILED:
      return { status: 'failed', code: failureCode(outcome) };
    case CallState.UNKNOWN:
      return { status: 'unknown', code: SendErrorCode.LINE_UNKNOWN };
    default:
      return { status: 'deferred' };
  }
}

/**
 * Why the failed calls of a batch are. A batch has one code: that of its unknown calls when some became unknown at the end of
 * the 23 hours, so that those beside them which failed then had been kept back until then.
 */
export function failureCode(outcome: SendBatch['outcome']): SendErrorCode {
  return outcome?.code === SendErrorCode.LINE_UNKNOWN ? SendErrorCode.LINE_RATE_LIMITED : outcome?.code ?? SendErrorCode.LINE_REFUSED;
}
