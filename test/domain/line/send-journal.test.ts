import * as fc from 'fast-check';
import { SendErrorCode } from '../../../src/contract/custom-channel';
import { BatchState, SendBatch } from '../../../src/contract/send-journal';
import { LineAnswer } from '../../../src/domain/line/line-api';
import { GRACE_MS, LEASE_MARGIN_MS, claimed, isSameStep, judge, newBatch, nextStep, settled } from '../../../src/domain/line/send-journal';
import { CALL_TIMEOUT_MS, SEND_DEADLINE_MS } from '../../../src/domain/line/send-message';

const NOW = Date.UTC(2026, 10, 23);
const HOUR = 60 * 60 * 1_000;
const IDENTITY = { pk: 'run#3', sk: 'p-000', batchId: 'run/p-000', retryKey: '5bd05801-0261-55a7-a655-1a2c08a1790b' };
const TO = 'U00000000000000000000000000000001';

const READY = newBatch({ identity: IDENTITY, path: '/v2/bot/message/multicast', body: '{}', recipients: [{ id: 'e1', to: TO }], excluded: [], now: NOW });
const claim = (batch: SendBatch, now = NOW, owner = 'me') => claimed(batch, { owner, now, callTimeoutMs: 5_000 });
const IN_FLIGHT = claim(READY);
const response = (status: number, more: object = {}): LineAnswer => ({ kind: 'response', status, body: '', requestId: 'r1', ...more });
const SILENCE: LineAnswer = { kind: 'silence', reason: 'timeout' };
const NOT_CALLED: LineAnswer = { kind: 'not-called', message: '', retryable: true };
const HELD_BACK = settled(IN_FLIGHT, response(429), NOW + 1_000);
const AMBIGUOUS = settled(IN_FLIGHT, SILENCE, NOW + 5_000);

test('a new item is READY, unattempted, and kept for 90 days', () => {
  expect(READY).toEqual({
    ...IDENTITY,
    state: BatchState.READY,
    path: '/v2/bot/message/multicast',
    body: '{}',
    recipients: [{ id: 'e1', to: TO }],
    excluded: [],
    createdAt: NOW,
    attempts: 0,
    expiresAt: Math.floor(NOW / 1_000) + 90 * 24 * 60 * 60,
  });
});

describe('claim', () => {
  test('of a READY item holds it for the call and ten seconds, and begins LINE\'s 24 hours', () => {
    expect(IN_FLIGHT).toEqual({ ...READY, state: BatchState.IN_FLIGHT, owner: 'me', leaseUntil: NOW + 5_000 + LEASE_MARGIN_MS, firstAttemptAt: NOW, attempts: 1 });
    expect(LEASE_MARGIN_MS).toBeGreaterThanOrEqual(10_000);
    // A container that is frozen after its claim finds its own time over before the lease.
    expect(CALL_TIMEOUT_MS + LEASE_MARGIN_MS).toBeGreaterThan(SEND_DEADLINE_MS);
  });

  test('of an item whose holder is gone makes it ambiguous', () => {
    expect(claim(IN_FLIGHT, NOW + 15_000, 'you')).toMatchObject({ state: BatchState.IN_FLIGHT, owner: 'you', ambiguous: true, attempts: 2, firstAttemptAt: NOW });
  });

  test('of an ambiguous item leaves it ambiguous, and the first attempt where it was', () => {
    expect(claim(AMBIGUOUS, NOW + HOUR)).toMatchObject({ ambiguous: true, attempts: 2, firstAttemptAt: NOW });
  });
});

describe('next step', () => {
  test.each<[string, SendBatch, number, object]>([
    ['READY: attempt', READY, NOW, { kind: 'attempt' }],
    ['READY just before 23 hours: attempt', HELD_BACK, NOW + 23 * HOUR - 1, { kind: 'attempt' }],
    ['IN_FLIGHT under a lease: wait', IN_FLIGHT, NOW + 14_999, { kind: 'wait', until: NOW + 15_000 }],
    ['IN_FLIGHT, lease over: attempt', IN_FLIGHT, NOW + 15_000, { kind: 'attempt' }],
    ['IN_FLIGHT without a lease: attempt', { ...IN_FLIGHT, leaseUntil: undefined }, NOW, { kind: 'attempt' }],
    ['AMBIGUOUS: wait for the grace', AMBIGUOUS, NOW + 5_000, { kind: 'wait', until: NOW + 5_000 + GRACE_MS }],
    ['AMBIGUOUS, grace over: attempt', AMBIGUOUS, NOW + 5_000 + GRACE_MS, { kind: 'attempt' }],
    ['AMBIGUOUS just before 23 hours: attempt', AMBIGUOUS, NOW + 23 * HOUR - 1, { kind: 'attempt' }],
    ['ACCEPTED', { ...READY, state: BatchState.ACCEPTED }, NOW, { kind: 'decided' }],
    ['FAILED', { ...READY, state: BatchState.FAILED }, NOW, { kind: 'decided' }],
    ['UNKNOWN', { ...READY, state: BatchState.UNKNOWN }, NOW, { kind: 'decided' }],
    ['SPLIT, by a later version', { ...READY, state: BatchState.SPLIT }, NOW, { kind: 'decided' }],
  ])('%s', (_case, batch, now, step) => {
    expect(nextStep(batch, now)).toEqual(step);
  });

  test.each<[string, SendBatch]>([
    ['AMBIGUOUS', AMBIGUOUS],
    ['IN_FLIGHT whose holder is gone', IN_FLIGHT],
    ['without the time of its first attempt', { ...AMBIGUOUS, firstAttemptAt: undefined }],
  ])('%s: given up 23 hours after the first attempt', (_case, batch) => {
    const step = nextStep(batch, NOW + 23 * HOUR);
    expect(step).toMatchObject({ kind: 'give-up', to: { state: BatchState.UNKNOWN, outcome: { code: SendErrorCode.LINE_UNKNOWN } } });
    expect(step.kind === 'give-up' && step.to).not.toHaveProperty('owner');
  });

  test.each<[string, SendBatch]>([
    ['held back', HELD_BACK],
    ['without the time of its first attempt', READY],
  ])('READY, %s: failed 23 hours after the first attempt, since nothing was sent', (_case, batch) => {
    expect(nextStep(batch, NOW + 23 * HOUR)).toEqual({
      kind: 'give-up', to: { ...batch, state: BatchState.FAILED, outcome: { code: SendErrorCode.LINE_RATE_LIMITED } },
    });
  });

  test('LINE\'s 24 hours run from the first request, also one that was held back: none is repeated when they are over', () => {
    // GIVEN 429 at first, then accepted without an answer at 18.2 hours
    const silent = settled(claim(HELD_BACK, NOW + 18.2 * HOUR), SILENCE, NOW + 18.2 * HOUR);
    // THEN
    expect(silent).toMatchObject({ state: BatchState.AMBIGUOUS, firstAttemptAt: NOW });
    expect(nextStep(silent, NOW + 32.8 * HOUR)).toMatchObject({ kind: 'give-up', to: { state: BatchState.UNKNOWN } });
  });
});

describe('LINE\'s answer', () => {
  const ACCEPTED_ID = { acceptedRequestId: 'r0' };
  test.each<[string, LineAnswer, string, BatchState, BatchState]>([
    // verdict, state of an item that was never ambiguous, of one that was
    ['200', response(200), 'accepted', BatchState.ACCEPTED, BatchState.ACCEPTED],
    ['202', response(202), 'accepted', BatchState.ACCEPTED, BatchState.ACCEPTED],
    ['200 of something between here and LINE', response(200, { requestId: undefined }), 'unclear', BatchState.AMBIGUOUS, BatchState.AMBIGUOUS],
    ['409 with the accepted id', response(409, ACCEPTED_ID), 'accepted', BatchState.ACCEPTED, BatchState.ACCEPTED],
    ['409 without', response(409), 'unclear', BatchState.AMBIGUOUS, BatchState.AMBIGUOUS],
    ['500', response(500), 'unclear', BatchState.AMBIGUOUS, BatchState.AMBIGUOUS],
    ['503', response(503), 'unclear', BatchState.AMBIGUOUS, BatchState.AMBIGUOUS],
    ['a timeout', SILENCE, 'unclear', BatchState.AMBIGUOUS, BatchState.AMBIGUOUS],
    ['a reset', { kind: 'silence', reason: 'network' }, 'unclear', BatchState.AMBIGUOUS, BatchState.AMBIGUOUS],
    ['408', response(408), 'unclear', BatchState.AMBIGUOUS, BatchState.AMBIGUOUS],
    ['a redirect', response(301), 'unclear', BatchState.AMBIGUOUS, BatchState.AMBIGUOUS],
    ['a status that is none', response(0), 'unclear', BatchState.AMBIGUOUS, BatchState.AMBIGUOUS],
    ['429', response(429), 'held-back', BatchState.READY, BatchState.AMBIGUOUS],
    ['no token for now', NOT_CALLED, 'held-back', BatchState.READY, BatchState.AMBIGUOUS],
    ['401', response(401), 'unauthorised', BatchState.READY, BatchState.AMBIGUOUS],
    ['wrong credentials', { ...NOT_CALLED, retryable: false } as LineAnswer, 'unauthorised', BatchState.READY, BatchState.AMBIGUOUS],
    ['400', response(400), 'refused', BatchState.FAILED, BatchState.AMBIGUOUS],
    ['403', response(403), 'refused', BatchState.FAILED, BatchState.AMBIGUOUS],
    ['413', response(413), 'refused', BatchState.FAILED, BatchState.AMBIGUOUS],
  ])('%s', (_case, answer, verdict, fresh, ambiguousBefore) => {
    expect(judge(answer)).toBe(verdict);
    expect(settled(IN_FLIGHT, answer, NOW).state).toBe(fresh);
    expect(settled(claim(AMBIGUOUS), answer, NOW).state).toBe(ambiguousBefore);
  });

  test('accepted: the outcome has the id of the request that was', () => {
    expect(settled(IN_FLIGHT, response(200), NOW).outcome).toEqual({ status: 200, requestId: 'r1' });
    expect(settled(IN_FLIGHT, response(409, ACCEPTED_ID), NOW).outcome).toEqual({ status: 409, requestId: 'r0' });
  });

  test('refused: the outcome says so', () => {
    expect(settled(IN_FLIGHT, response(400), NOW).outcome).toEqual({ code: SendErrorCode.LINE_REFUSED, status: 400, requestId: 'r1' });
  });

  test('refused without a request id: there is none to tell', () => {
    expect(settled(IN_FLIGHT, response(413, { requestId: undefined }), NOW).outcome).toEqual({ code: SendErrorCode.LINE_REFUSED, status: 413 });
  });

  test.each([401, 429])('%i: anybody may go on, and the first attempt is not forgotten', (status) => {
    expect(settled(IN_FLIGHT, response(status), NOW)).toEqual({ ...READY, attempts: 1, firstAttemptAt: NOW });
  });
});

test('of two looks at an item nobody has written in between if state, owner and attempts are the same', () => {
  expect(isSameStep(IN_FLIGHT, { ...IN_FLIGHT })).toBe(true);
  expect(isSameStep(IN_FLIGHT, claim(READY, NOW, 'you'))).toBe(false);
  expect(isSameStep(IN_FLIGHT, claim(IN_FLIGHT))).toBe(false);
  expect(isSameStep(IN_FLIGHT, AMBIGUOUS)).toBe(false);
});

test('whatever LINE answers in whatever order: what is sent never changes, doubt is never forgotten, and a decision stands', () => {
  const answer: fc.Arbitrary<LineAnswer> = fc.oneof(
    fc.record({ kind: fc.constant('response' as const), status: fc.integer({ min: 100, max: 599 }), body: fc.string(), requestId: fc.option(fc.constant('r1'), { nil: undefined }), acceptedRequestId: fc.option(fc.constant('r0'), { nil: undefined }) }),
    fc.constant(SILENCE),
    fc.record({ kind: fc.constant('not-called' as const), message: fc.string(), retryable: fc.boolean() }),
  );
  const step = fc.record({ answer: fc.option(answer), later: fc.nat(2 * HOUR), owner: fc.constantFrom('me', 'you') });
  fc.assert(fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
    let batch = READY;
    let now = NOW;
    for (const { answer: said, later, owner } of steps) {
      const before = batch;
      now += later;
      const next = nextStep(batch, now);
      if (next.kind === 'give-up') {
        batch = next.to;
      } else if (next.kind === 'attempt') {
        batch = claim(batch, now, owner);
        expect(now - batch.firstAttemptAt!).toBeLessThan(23 * HOUR);
        // null: the holder is gone before it can write
        batch = said === null ? batch : settled(batch, said, now);
      }
      expect({ ...batch, ...pick(READY) }).toEqual(batch);
      expect(batch.attempts).toBe(before.attempts + (next.kind === 'attempt' ? 1 : 0));
      if (before.ambiguous || (before.state === BatchState.IN_FLIGHT && next.kind === 'attempt')) {
        expect(batch).toMatchObject({ ambiguous: true });
        expect([BatchState.READY, BatchState.FAILED]).not.toContain(batch.state);
      }
      expect(before.firstAttemptAt === undefined || batch.firstAttemptAt === before.firstAttemptAt).toBe(true);
      if (next.kind === 'decided') {
        expect(batch).toEqual(before);
      }
    }
  }), { numRuns: 500 });
});

function pick({ pk, sk, batchId, retryKey, path, body, recipients, excluded, createdAt, expiresAt }: SendBatch) {
  return { pk, sk, batchId, retryKey, path, body, recipients, excluded, createdAt, expiresAt };
}
