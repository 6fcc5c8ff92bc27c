import { ContentError } from './content-error';
import { endpointResult } from './custom-channel-event';
import { KnownBatch } from './drive-batch';
import { LineAnswer } from './line-api';
import { SentBatch } from './send-batch';
import { bookOf, failureCode } from './send-books';
import { callsOf, isDecided } from './send-journal';
import { EndpointResult, LineStatus, SendErrorCode } from '../../contract/custom-channel';
import { CallState, SendBatch } from '../../contract/send-journal';
import { LogFields, Telemetry } from '../shared/telemetry';

/**
 * The result of everybody in a batch and in those that it was split into. What a part says of its people comes after, and so
 * instead of, what the whole says of them.
 */
export function entriesOf({ known, isKept }: Pick<SentBatch, 'known' | 'isKept'>): (readonly [string, EndpointResult])[] {
  return known.flatMap(({ batch }) => {
    const calls = callsOf(batch).flatMap(({ state, index, recipients }) => {
      const status = statusOf(state, isKept);
      const result = endpointResult(status, codeOf(state, batch), batch.requestIds?.[index]);
      return recipients.map(({ id }) => [id, result] as const);
    });
    return [...calls, ...batch.excluded.map(({ id, status, code }) => [id, endpointResult(status, code)] as const)];
  });
}

function codeOf(state: CallState, { calls, outcome }: SendBatch): SendErrorCode | undefined {
  switch (state) {
    case CallState.ACCEPTED: return undefined;
    case CallState.FAILED: return failureCode(outcome);
    case CallState.UNKNOWN: return SendErrorCode.LINE_UNKNOWN;
    case CallState.SPLIT: return SendErrorCode.LINE_UNDECIDED;
    // The batch has one code: of its failed calls, if it has some.
    default: return (calls.includes(CallState.FAILED) ? undefined : outcome?.code) ?? SendErrorCode.LINE_UNDECIDED;
  }
}

function statusOf(state: CallState, isKept: boolean): LineStatus {
  switch (state) {
    case CallState.ACCEPTED: return 'accepted';
    case CallState.FAILED: return 'failed';
    case CallState.UNKNOWN: return 'unknown';
    default: return isKept ? 'deferred' : 'unknown';
  }
}

/** Where a batch is, in the words of an operator. The codes have their sections in docs/runbook.md. */
const SAYS: { readonly [code in SendErrorCode]?: string } = {
  [SendErrorCode.CREDENTIALS_UNAVAILABLE]: 'no access token could be had, or LINE refused it; nothing was sent: correct the secret, the retry queue then sends it',
  [SendErrorCode.LINE_RATE_LIMITED]: 'LINE held the batch back and nothing was sent; it is tried again',
  [SendErrorCode.LINE_QUOTA_EXCEEDED]: "the month's quota is used up and nothing was sent; it is tried again for 23 hours",
  [SendErrorCode.LINE_REFUSED]: 'LINE refused the batch, and nobody in it got the message; correct what LINE names',
  [SendErrorCode.LINE_REFUSED_CONTENT]: 'LINE refused the content, and nobody got the message; correct what LINE names',
  [SendErrorCode.LINE_REFUSED_RECIPIENT]: 'LINE refused people by their user id; the others were sent to',
  [SendErrorCode.LINE_UNKNOWN]: 'LINE has not decided for 23 hours and is about to forget the key: nobody can know whether the batch was sent',
  [SendErrorCode.LINE_UNDECIDED]: 'LINE has not decided on the batch, or was not asked in time; it is asked again under the same key',
  [SendErrorCode.RUN_STOPPED]: 'the run was stopped after LINE had refused several of its batches; nothing was sent',
};

/** Codes of batches whose outcome is a matter of time. */
const WARNINGS: readonly (SendErrorCode | undefined)[] =
  [SendErrorCode.LINE_RATE_LIMITED, SendErrorCode.LINE_UNDECIDED, SendErrorCode.LINE_QUOTA_EXCEEDED];

/** One log line for each batch that an invocation had to do with, and one for each thing that is wrong with its content. */
export function logBatches({ known, isRepeat, problems }: Pick<SentBatch, 'known' | 'isRepeat' | 'problems'>, functionType: string, telemetry: Telemetry): void {
  for (const { code, message } of problems) {
    telemetry.error(code, message, { batchId: known[0].batch.batchId, functionType });
  }
  for (const each of known.filter(({ error }) => error === undefined)) {
    logBatch(each, isRepeat, problems, functionType, telemetry);
  }
}

function logBatch(
  { batch, answer, isDecidedHere }: KnownBatch, isRepeat: boolean, problems: readonly ContentError[], functionType: string, telemetry: Telemetry,
): void {
  const { accepted, failed, unknown, pending, skipped, reasons } = bookOf([batch]);
  const code = unknown > 0 ? SendErrorCode.LINE_UNKNOWN : batch.outcome?.code ?? (pending > 0 ? SendErrorCode.LINE_UNDECIDED : undefined);
  const fields: LogFields = {
    batchId: batch.batchId,
    functionType,
    state: batch.state,
    accepted,
    failed,
    unknown,
    pending,
    skipped,
    ...(Object.keys(reasons).length > 0 && { reasons: Object.entries(reasons).map(([reason, count]) => `${reason}=${count}`).join() }),
    attempts: batch.attempts,
    retryKey: batch.retryKey,
    ...describeAnswer(answer),
    ...(firstRequestId(batch) && { lineRequestId: firstRequestId(batch) }),
  };
  if (isDecided(batch) && isRepeat && !isDecidedHere) {
    telemetry.info('SEND_REPEATED', 'the batch had been decided before; nothing was sent again', fields);
  } else if (code === undefined || (pending + failed + unknown === 0)) {
    telemetry.info(accepted > 0 ? 'SEND_ACCEPTED' : 'SEND_SKIPPED', accepted > 0 ? 'LINE accepted the batch' : 'nobody of the batch is sent to by it', fields);
  } else if (!problems.some((problem) => problem.code === code)) {
    telemetry[WARNINGS.includes(code) && pending > 0 ? 'warn' : 'error'](code, SAYS[code] ?? 'nothing was sent', fields);
  }
}

function firstRequestId({ requestIds }: SendBatch): string | undefined {
  return requestIds?.find((id) => id !== '');
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
