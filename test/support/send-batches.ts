import fc from 'fast-check';
import { SendErrorCode } from '../../src/contract/custom-channel';
import { BatchExclusion, BatchRecipient, BatchState, CallState, SendBatch } from '../../src/contract/send-journal';

/** LINE user id of a number. */
export function userId(number: number): string {
  return `U${number.toString(16).padStart(32, '0')}`;
}

/** People of a batch, whose endpoint ids are their LINE user ids. */
export function people(count: number, from = 0): BatchRecipient[] {
  return Array.from({ length: count }, (_, index) => ({ id: userId(from + index), to: userId(from + index) }));
}

/** A batch of `sum(sizes)` people in the state that the calls have, unless `changes` says otherwise. */
export function batchOf(calls: string, sizes: readonly number[], changes: Partial<SendBatch> = {}): SendBatch {
  return {
    pk: 'campaign/app/c1/0/a1#3',
    sk: 'p-000',
    runId: 'campaign/app/c1/0/a1',
    batchId: 'campaign/app/c1/0/a1/p-000',
    retryKey: '5f0f1d3e-0000-5000-8000-000000000000',
    state: BatchState.DECIDED,
    calls,
    sizes,
    recipients: people(sizes.reduce((sum, size) => sum + size, 0)),
    excluded: [],
    content: '"messages":[{"type":"text","text":"Hello"}]',
    createdAt: Date.UTC(2026, 10, 23),
    decidedAt: Date.UTC(2026, 10, 23, 0, 0, 1),
    attempts: 1,
    expiresAt: 1_800_000_000,
    ...changes,
  };
}

/** Somebody who was left out. */
export function excluded(id: string, code: SendErrorCode = SendErrorCode.OPTED_OUT, status: BatchExclusion['status'] = 'skipped'): BatchExclusion {
  return { id, status, code };
}

/** Any batch: calls of every state and size, people left out for any reason, endpoint ids of any text, decided or not. */
export const anyBatch: fc.Arbitrary<SendBatch> = fc.record({
  calls: fc.array(fc.record({ state: fc.constantFrom(...Object.values(CallState)), size: fc.integer({ min: 0, max: 5 }) }), { maxLength: 8 }),
  excluded: fc.array(fc.record({
    id: fc.string({ unit: 'binary' }), status: fc.constantFrom('skipped' as const, 'failed' as const), code: fc.constantFrom(...Object.values(SendErrorCode)),
  }), { maxLength: 5 }),
  ids: fc.array(fc.string({ unit: 'binary' }), { minLength: 40, maxLength: 40 }),
  state: fc.constantFrom(...Object.values(BatchState)),
  code: fc.option(fc.constantFrom(...Object.values(SendErrorCode)), { nil: undefined }),
}).map(({ calls, ids, code, ...rest }) => {
  const batch = batchOf(calls.map(({ state }) => state).join(''), calls.map(({ size }) => size), rest);
  return { ...batch, recipients: batch.recipients.map(({ to }, index) => ({ id: ids[index], to })), ...(code && { outcome: { code } }) };
});
