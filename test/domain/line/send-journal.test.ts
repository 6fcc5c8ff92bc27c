import * as fc from 'fast-check';
import { SendErrorCode } from '../../../src/contract/custom-channel';
import { BatchState, CallState, SendBatch } from '../../../src/contract/send-journal';
import { CALL_TIMEOUT_MS } from '../../../src/domain/line/attempt-calls';
import { LineAnswer } from '../../../src/domain/line/line-api';
import { bookOf } from '../../../src/domain/line/send-books';
import {
  CallResult, GRACE_MS, LEASE_MARGIN_MS, callStateAfter, callsOf, claimed, isDecided, isOpen, isSameStep, judge, newBatch, nextStep,
  rejectedBatch, requestOf, settled, withAcceptances, withoutClaimed,
} from '../../../src/domain/line/send-journal';
import { SEND_DEADLINE_MS } from '../../../src/domain/line/send-message';
import { people, userId } from '../../support/send-batches';

const NOW = Date.UTC(2026, 10, 23);
const HOUR = 60 * 60 * 1_000;
const IDENTITY = { pk: 'run#3', sk: 'p-000', batchId: 'run/p-000', retryKey: '5bd05801-0261-55a7-a655-1a2c08a1790b' };
const CONTENT = '"messages":[{"type":"text","text":"Hello"}]';

const batchOf = (...sizes: number[]): SendBatch => {
  const all = people(sizes.reduce((sum, size) => sum + size, 0));
  let start = 0;
  return newBatch({
    identity: IDENTITY,
    runId: 'run',
    calls: sizes.map((size) => all.slice(start, start += size)),
    excluded: [],
    ...(sizes.length === 1 ? { content: CONTENT } : { contentKey: 'batches/b', lines: sizes.map((_, index) => index + 10) }),
    now: NOW,
  });
};
const READY = batchOf(2);
const GROUP = batchOf(1, 2, 1);
const claim = (batch: SendBatch, now = NOW, owner = 'me') => claimed(batch, { owner, now, holdMs: 5_000 });
const result = (index: number, state: CallState, more: Partial<CallResult> = {}): CallResult => ({ index, state, ...more });
const outcome = (batch: SendBatch, ...results: CallResult[]) => settled(batch, results, NOW + 1_000).to;
const IN_FLIGHT = claim(READY);
const HELD_BACK = outcome(IN_FLIGHT, result(0, CallState.READY, { code: SendErrorCode.LINE_RATE_LIMITED, status: 429 }));
const AMBIGUOUS = settled(IN_FLIGHT, [result(0, CallState.AMBIGUOUS, { code: SendErrorCode.LINE_UNDECIDED })], NOW + 5_000).to;
const ACCEPTED = outcome(IN_FLIGHT, result(0, CallState.ACCEPTED, { requestId: 'r1' }));
const response = (status: number, more: object = {}): LineAnswer => ({ kind: 'response', status, body: '', requestId: 'r1', ...more });
const SILENCE: LineAnswer = { kind: 'silence', reason: 'timeout' };
const NOT_CALLED: LineAnswer = { kind: 'not-called', message: '', retryable: true };

describe('a new item', () => {
  test('is READY, unattempted, and kept for 90 days', () => {
    expect(GROUP).toEqual({
      ...IDENTITY,
      runId: 'run',
      state: BatchState.READY,
      calls: '---',
      sizes: [1, 2, 1],
      recipients: people(4),
      excluded: [],
      contentKey: 'batches/b',
      lines: [10, 11, 12],
      createdAt: NOW,
      attempts: 0,
      expiresAt: Math.floor(NOW / 1_000) + 90 * 24 * 60 * 60,
    });
  });

  test('without anybody to send to is decided', () => {
    expect(newBatch({ identity: IDENTITY, runId: 'run', calls: [], excluded: [], now: NOW })).toMatchObject({ state: BatchState.DECIDED, calls: '', decidedAt: NOW });
  });

  test('whose people must claim it says so', () => {
    expect(newBatch({ identity: IDENTITY, runId: 'run', calls: [people(1)], excluded: [], unclaimed: true, now: NOW })).toMatchObject({ unclaimed: true });
  });

  test('of rejected people is failed with the code', () => {
    const batch = rejectedBatch({ identity: IDENTITY, runId: 'run', calls: [people(2)], excluded: [], now: NOW }, SendErrorCode.INVALID_CONTENT);
    expect(batch).toMatchObject({ state: BatchState.FAILED, calls: 'F', outcome: { code: 'INVALID_CONTENT' }, decidedAt: NOW });
    expect(bookOf([batch])).toMatchObject({ recipients: 2, failed: 2, reasons: { INVALID_CONTENT: 2 } });
  });
});

describe('a request', () => {
  test('of a batch with one call is a multicast under the batch\'s key, also to one person', () => {
    for (const count of [1, 2]) {
      const batch = batchOf(count);
      expect(requestOf(batch, callsOf(batch)[0], CONTENT)).toEqual({
        operation: 'multicast', path: '/v2/bot/message/multicast', body: `{"to":${JSON.stringify(people(count).map(({ to }) => to))},${CONTENT}}`, retryKey: IDENTITY.retryKey,
      });
    }
  });

  test('of several calls has a key of its own; one with one person is a push', () => {
    const requests = callsOf(GROUP).map((call) => requestOf(GROUP, call, CONTENT));
    expect(requests.map(({ path }) => path)).toEqual(['/v2/bot/message/push', '/v2/bot/message/multicast', '/v2/bot/message/push']);
    expect(requests.map(({ body }) => JSON.parse(body).to)).toEqual([userId(0), [userId(1), userId(2)], userId(3)]);
    // Known answers: others would send again what an earlier version has sent.
    expect(requests.map(({ retryKey }) => retryKey)).toEqual([
      '99516c70-8315-538f-85f8-f3137a84e30d', '8948c023-0145-5b68-b066-9d683c272b07', '7cfa02e3-1955-5f33-be4e-69007b4ffe92',
    ]);
    expect(new Set([...requests.map(({ retryKey }) => retryKey), IDENTITY.retryKey]).size).toBe(4);
  });

  test('stays the same whatever has become of the batch\'s other calls', () => {
    const [, second] = callsOf(GROUP);
    const later = outcome(claim(GROUP), result(0, CallState.ACCEPTED, { requestId: 'r' }), result(1, CallState.READY), result(2, CallState.FAILED));
    expect(requestOf(later, callsOf(later)[1], CONTENT)).toEqual(requestOf(GROUP, second, CONTENT));
  });
});

describe('claim', () => {
  test('of a READY item holds it for the calls and ten seconds, and begins LINE\'s 24 hours', () => {
    expect(IN_FLIGHT).toEqual({ ...READY, state: BatchState.IN_FLIGHT, owner: 'me', leaseUntil: NOW + 5_000 + LEASE_MARGIN_MS, firstAttemptAt: NOW, attempts: 1 });
    expect(LEASE_MARGIN_MS).toBeGreaterThanOrEqual(10_000);
    // A container that is frozen after its claim finds its own time over before the lease.
    expect(CALL_TIMEOUT_MS + LEASE_MARGIN_MS).toBeGreaterThan(SEND_DEADLINE_MS);
  });

  test('of an item whose holder is gone makes every open call ambiguous, and no decided one', () => {
    const held = claim(outcome(claim(GROUP), result(0, CallState.ACCEPTED, { requestId: 'r' }), result(1, CallState.READY), result(2, CallState.FAILED)));
    expect(claim(held, NOW + 15_000, 'you')).toMatchObject({ state: BatchState.IN_FLIGHT, owner: 'you', calls: 'A?F', attempts: 3, firstAttemptAt: NOW });
  });

  test('of an item that was held back, or is ambiguous, changes no call, and leaves the first attempt where it was', () => {
    expect(claim(HELD_BACK, NOW + HOUR)).toMatchObject({ calls: '-', attempts: 2, firstAttemptAt: NOW });
    expect(claim(AMBIGUOUS, NOW + HOUR)).toMatchObject({ calls: '?', attempts: 2, firstAttemptAt: NOW });
  });
});

describe('people whom another batch has', () => {
  test('are left out with the reason; a call that loses everybody keeps its place', () => {
    // GIVEN
    const batch = claim({ ...GROUP, unclaimed: true });
    // WHEN
    const left = withoutClaimed(batch, new Set([userId(0), userId(2)]));
    // THEN
    expect(left).toMatchObject({
      calls: 'S--',
      sizes: [0, 1, 1],
      recipients: [people(4)[1], people(4)[3]],
      excluded: [0, 2].map((n) => ({ id: userId(n), status: 'skipped', code: SendErrorCode.ALREADY_CLAIMED })),
    });
    expect(left).not.toHaveProperty('unclaimed');
    expect(requestOf(left, callsOf(left)[1], CONTENT).retryKey).toBe(requestOf(GROUP, callsOf(GROUP)[1], CONTENT).retryKey);
    expect(bookOf([left])).toMatchObject({ recipients: 4, skipped: 2, pending: 2 });
  });

  test('may be nobody', () => {
    const batch = claim({ ...GROUP, unclaimed: true });
    expect(withoutClaimed(batch, new Set())).toEqual(claim(GROUP));
  });
});

describe('next step', () => {
  const step = (batch: SendBatch, now: number, policy: 'SET_ASIDE' | 'RESEND' = 'SET_ASIDE') => nextStep(batch, now, policy);

  test.each<[string, SendBatch, number, object]>([
    ['READY: attempt', READY, NOW, { kind: 'attempt' }],
    ['READY just before 23 hours: attempt', HELD_BACK, NOW + 23 * HOUR - 1, { kind: 'attempt' }],
    ['IN_FLIGHT under a lease: wait', IN_FLIGHT, NOW + 14_999, { kind: 'wait', until: NOW + 15_000 }],
    ['IN_FLIGHT, lease over: attempt', IN_FLIGHT, NOW + 15_000, { kind: 'attempt' }],
    ['IN_FLIGHT without a lease: attempt', { ...IN_FLIGHT, leaseUntil: undefined }, NOW, { kind: 'attempt' }],
    ['AMBIGUOUS: wait for the grace', AMBIGUOUS, NOW + 5_000, { kind: 'wait', until: NOW + 5_000 + GRACE_MS }],
    ['AMBIGUOUS, grace over: attempt', AMBIGUOUS, NOW + 5_000 + GRACE_MS, { kind: 'attempt' }],
    ['AMBIGUOUS just before 23 hours: attempt', AMBIGUOUS, NOW + 23 * HOUR - 1, { kind: 'attempt' }],
    ...[BatchState.ACCEPTED, BatchState.FAILED, BatchState.UNKNOWN, BatchState.SPLIT, BatchState.DECIDED]
      .map((state): [string, SendBatch, number, object] => [state, { ...READY, state }, NOW + 24 * HOUR, { kind: 'decided' }]),
  ])('%s', (_case, batch, now, expected) => {
    expect(step(batch, now)).toEqual(expected);
  });

  test.each<[string, SendBatch]>([
    ['AMBIGUOUS', AMBIGUOUS],
    ['IN_FLIGHT whose holder is gone', IN_FLIGHT],
    ['without the time of its first attempt', { ...AMBIGUOUS, firstAttemptAt: undefined }],
  ])('%s: given up 23 hours after the first attempt', (_case, batch) => {
    const next = step(batch, NOW + 23 * HOUR);
    expect(next).toMatchObject({ kind: 'give-up', to: { state: BatchState.UNKNOWN, calls: 'U', outcome: { code: SendErrorCode.LINE_UNKNOWN }, decidedAt: NOW + 23 * HOUR }, children: [] });
    expect(next.kind === 'give-up' && next.to).not.toHaveProperty('owner');
  });

  test.each<[string, SendBatch, string]>([
    ['held back', HELD_BACK, 'LINE_RATE_LIMITED'],
    ['held back by missing credentials', { ...HELD_BACK, outcome: { code: SendErrorCode.CREDENTIALS_UNAVAILABLE } }, 'CREDENTIALS_UNAVAILABLE'],
    ['never attempted', READY, 'LINE_RATE_LIMITED'],
  ])('READY, %s: failed 23 hours after the first attempt, since nothing was sent', (_case, batch, code) => {
    expect(step(batch, NOW + 23 * HOUR, 'RESEND')).toMatchObject({ kind: 'give-up', to: { state: BatchState.FAILED, calls: 'F', outcome: { code } }, children: [] });
  });

  test('LINE\'s 24 hours run from the first request, also one that was held back: none is repeated when they are over', () => {
    // GIVEN 429 at first, then accepted without an answer at 18.2 hours
    const silent = settled(claim(HELD_BACK, NOW + 18.2 * HOUR), [result(0, CallState.AMBIGUOUS)], NOW + 18.2 * HOUR).to;
    // THEN
    expect(silent).toMatchObject({ state: BatchState.AMBIGUOUS, firstAttemptAt: NOW });
    expect(step(silent, NOW + 32.8 * HOUR)).toMatchObject({ kind: 'give-up', to: { state: BatchState.UNKNOWN } });
  });

  test.each(['SET_ASIDE', 'RESEND'] as const)('with %s the reason of what failed before is kept', (policy) => {
    const refused = { code: SendErrorCode.LINE_REFUSED, status: 403 };
    const mixed = outcome(claim(GROUP), result(0, CallState.FAILED, refused), result(1, CallState.AMBIGUOUS), result(2, CallState.AMBIGUOUS));
    const { to } = step(mixed, NOW + 23 * HOUR, policy) as { to: SendBatch };
    expect(to.outcome).toEqual(refused);
    expect(bookOf([to]).reasons).toEqual(policy === 'RESEND' ? { LINE_REFUSED: 1 } : { LINE_REFUSED: 1, LINE_UNKNOWN: 3 });
  });

  test('with RESEND the unclear calls, and no others, go into a batch with keys of its own, once', () => {
    // GIVEN
    const mixed = outcome(claim(GROUP), result(0, CallState.ACCEPTED, { requestId: 'r' }), result(1, CallState.AMBIGUOUS), result(2, CallState.READY));
    // WHEN
    const next = step(mixed, NOW + 23 * HOUR, 'RESEND');
    // THEN
    expect(next).toMatchObject({ kind: 'give-up', to: { state: BatchState.DECIDED, calls: 'ASF', children: ['p-000/again'] } });
    const [child, ...others] = next.kind === 'give-up' ? next.children : [];
    expect(others).toEqual([]);
    expect(child).toMatchObject({ sk: 'p-000/again', parent: 'run/p-000', calls: '-', sizes: [2], lines: [11], contentKey: 'batches/b', recipients: people(2, 1), createdAt: NOW + 23 * HOUR });
    expect(child).not.toHaveProperty('firstAttemptAt');
    expect(child.retryKey).not.toBe(requestOf(GROUP, callsOf(GROUP)[1], '').retryKey);
    expect(bookOf([(next as { to: SendBatch }).to, child]))
      .toMatchObject({ recipients: 4, accepted: 1, failed: 1, pending: 2, reasons: { LINE_RATE_LIMITED: 1 } });
    // and again
    for (const sk of ['p-000/again', 'p-000/again/1', 'p-000/2/again']) {
      const lost = outcome(claim({ ...child, sk }), result(0, CallState.AMBIGUOUS));
      expect(step(lost, NOW + 50 * HOUR, 'RESEND')).toMatchObject({ kind: 'give-up', to: { state: BatchState.UNKNOWN }, children: [] });
    }
  });
});

describe('LINE\'s answer', () => {
  const ACCEPTED_ID = { acceptedRequestId: 'r0' };
  test.each<[string, LineAnswer, string, CallState, CallState]>([
    // verdict, state of a call that was never ambiguous, of one that was
    ['200', response(200), 'accepted', CallState.ACCEPTED, CallState.ACCEPTED],
    ['202', response(202), 'accepted', CallState.ACCEPTED, CallState.ACCEPTED],
    ['200 of something between here and LINE', response(200, { requestId: undefined }), 'unclear', CallState.AMBIGUOUS, CallState.AMBIGUOUS],
    ['409 with the accepted id', response(409, ACCEPTED_ID), 'accepted', CallState.ACCEPTED, CallState.ACCEPTED],
    ['409 without', response(409), 'unclear', CallState.AMBIGUOUS, CallState.AMBIGUOUS],
    ['500', response(500), 'unclear', CallState.AMBIGUOUS, CallState.AMBIGUOUS],
    ['503', response(503), 'unclear', CallState.AMBIGUOUS, CallState.AMBIGUOUS],
    ['a timeout', SILENCE, 'unclear', CallState.AMBIGUOUS, CallState.AMBIGUOUS],
    ['a reset', { kind: 'silence', reason: 'network' }, 'unclear', CallState.AMBIGUOUS, CallState.AMBIGUOUS],
    ['408', response(408), 'unclear', CallState.AMBIGUOUS, CallState.AMBIGUOUS],
    ['a redirect', response(301), 'unclear', CallState.AMBIGUOUS, CallState.AMBIGUOUS],
    ['a status that is none', response(0), 'unclear', CallState.AMBIGUOUS, CallState.AMBIGUOUS],
    ['429', response(429), 'held-back', CallState.READY, CallState.AMBIGUOUS],
    ['no token for now', NOT_CALLED, 'held-back', CallState.READY, CallState.AMBIGUOUS],
    ['401', response(401), 'unauthorised', CallState.READY, CallState.AMBIGUOUS],
    ['wrong credentials', { ...NOT_CALLED, retryable: false } as LineAnswer, 'unauthorised', CallState.READY, CallState.AMBIGUOUS],
    ['400', response(400), 'refused', CallState.FAILED, CallState.AMBIGUOUS],
    ['403', response(403), 'refused', CallState.FAILED, CallState.AMBIGUOUS],
    ['413', response(413), 'refused', CallState.FAILED, CallState.AMBIGUOUS],
    ['403 of something between here and LINE', response(403, { requestId: undefined }), 'unclear', CallState.AMBIGUOUS, CallState.AMBIGUOUS],
  ])('%s', (_case, answer, verdict, fresh, ambiguousBefore) => {
    expect(judge(answer)).toBe(verdict);
    expect(callStateAfter(CallState.READY, answer)).toBe(fresh);
    expect(callStateAfter(CallState.AMBIGUOUS, answer)).toBe(ambiguousBefore);
  });
});

describe('a settled item', () => {
  test.each<[string, CallState[], BatchState]>([
    ['all accepted', [CallState.ACCEPTED, CallState.ACCEPTED, CallState.ACCEPTED], BatchState.ACCEPTED],
    ['all failed', [CallState.FAILED, CallState.FAILED, CallState.FAILED], BatchState.FAILED],
    ['all split', [CallState.SPLIT, CallState.SPLIT, CallState.SPLIT], BatchState.SPLIT],
    ['of each', [CallState.ACCEPTED, CallState.FAILED, CallState.SPLIT], BatchState.DECIDED],
    ['one held back', [CallState.ACCEPTED, CallState.READY, CallState.FAILED], BatchState.READY],
    ['one unclear', [CallState.ACCEPTED, CallState.READY, CallState.AMBIGUOUS], BatchState.AMBIGUOUS],
  ])('%s: %j is %s, and nobody\'s', (_case, states, state) => {
    const item = outcome(claim({ ...GROUP, deferred: true }), ...states.map((each, index) => result(index, each)));
    expect(item).toMatchObject({ state, calls: states.join('') });
    expect(item).not.toHaveProperty('owner');
    expect(item.decidedAt).toBe(isDecided(item) ? NOW + 1_000 : undefined);
    expect(item.deferred).toBe(isDecided(item) ? undefined : true);
    expect(item.leaseUntil).toBe(state === BatchState.AMBIGUOUS ? NOW + 1_000 + GRACE_MS : undefined);
  });

  test('keeps the request id of every accepted call', () => {
    const once = outcome(claim(GROUP), result(1, CallState.ACCEPTED, { requestId: 'r1' }), result(2, CallState.READY));
    expect(once.requestIds).toEqual(['', 'r1', '']);
    expect(outcome(claim(once), result(0, CallState.ACCEPTED, { requestId: 'r0' }), result(2, CallState.FAILED)).requestIds).toEqual(['r0', 'r1', '']);
    expect(outcome(claim(GROUP), result(1, CallState.FAILED))).not.toHaveProperty('requestIds');
  });

  test('says why its calls failed, whatever kept others back; and nothing when all were accepted at last', () => {
    const rate = { code: SendErrorCode.LINE_RATE_LIMITED, status: 429 };
    const refused = { code: SendErrorCode.LINE_REFUSED, status: 403 };
    const mixed = outcome(claim(GROUP), result(0, CallState.READY, rate), result(1, CallState.FAILED, refused), result(2, CallState.READY, rate));
    expect(mixed.outcome).toEqual(refused);
    expect(outcome(claim(mixed), result(0, CallState.READY, rate), result(2, CallState.ACCEPTED)).outcome).toEqual(refused);
    expect(HELD_BACK.outcome).toEqual(rate);
    expect(outcome(claim(HELD_BACK), result(0, CallState.ACCEPTED, { requestId: 'r' }))).not.toHaveProperty('outcome');
    expect(outcome(IN_FLIGHT, result(0, CallState.READY, { code: SendErrorCode.LINE_UNDECIDED })).outcome).toEqual({ code: 'LINE_UNDECIDED' });
  });

  test('that is split has children with keys of their own, the same content, and the people set aside', () => {
    // GIVEN
    const [, second] = callsOf(GROUP);
    const parts = [{ name: 'rest', recipients: [second.recipients[0]], refused: [second.recipients[1]] }];
    // WHEN
    const { to, children } = settled(claim({ ...GROUP, aggregationUnit: 'u', source: { origin: 'direct' } }), [
      result(0, CallState.ACCEPTED), result(1, CallState.SPLIT, { parts }), result(2, CallState.ACCEPTED),
    ], NOW);
    // THEN
    expect(to).toMatchObject({ state: BatchState.DECIDED, calls: 'ASA', children: ['p-000/1-rest'] });
    expect(children).toEqual([{
      pk: expect.stringMatching(/^run#/),
      sk: 'p-000/1-rest',
      batchId: 'run/p-000/1-rest',
      retryKey: expect.not.stringMatching(IDENTITY.retryKey),
      runId: 'run',
      parent: 'run/p-000',
      source: { origin: 'direct' },
      aggregationUnit: 'u',
      state: BatchState.READY,
      calls: '-',
      sizes: [1],
      recipients: [second.recipients[0]],
      excluded: [{ id: second.recipients[1].id, status: 'failed', code: SendErrorCode.LINE_REFUSED_RECIPIENT }],
      contentKey: 'batches/b',
      lines: [11],
      createdAt: NOW,
      attempts: 0,
      expiresAt: READY.expiresAt,
    }]);
    expect(bookOf([to, ...children])).toMatchObject({ recipients: 4, accepted: 2, failed: 1, pending: 1 });
  });

  test('of one call is split into parts without a number, and singly into a call each', () => {
    const parts = [{ name: '1', recipients: people(1) }, { name: 'singly', recipients: people(2), singly: true as const }];
    const { children } = settled(IN_FLIGHT, [result(0, CallState.SPLIT, { parts })], NOW);
    expect(children.map(({ sk, sizes, content }) => [sk, sizes, content])).toEqual([['p-000/1', [1], CONTENT], ['p-000/singly', [1, 1], CONTENT]]);
  });

  test('has no more children than fit into one write: the other calls are refused, and split, next time', () => {
    // GIVEN 60 calls that are halved: 120 children
    const batch = claim(batchOf(...Array<number>(60).fill(2)));
    const halves = (index: number) => result(index, CallState.SPLIT, {
      parts: callsOf(batch)[index].recipients.map((recipient, half) => ({ name: `${half}`, recipients: [recipient] })),
    });
    // WHEN
    const { to, children } = settled(batch, Array.from({ length: 60 }, (_, index) => halves(index)), NOW);
    // THEN
    expect(children).toHaveLength(98);
    expect(to).toMatchObject({ state: BatchState.READY, calls: 'S'.repeat(49) + '-'.repeat(11) });
    expect(bookOf([to, ...children])).toMatchObject({ recipients: 120, pending: 120 });
  });
});

describe('an acceptance', () => {
  test.each<[string, SendBatch]>([
    ['unclear', AMBIGUOUS], ['taken over', claim(IN_FLIGHT, NOW + HOUR, 'you')], ['given up', { ...AMBIGUOUS, state: BatchState.UNKNOWN, calls: 'U', outcome: { code: SendErrorCode.LINE_UNKNOWN } }],
    ['refused', { ...IN_FLIGHT, state: BatchState.FAILED, calls: 'F' }],
  ])('wins over an item that is %s by now', (_case, onRecord) => {
    const merged = withAcceptances(onRecord, ACCEPTED, NOW + HOUR);
    expect(merged).toMatchObject({ state: BatchState.ACCEPTED, calls: 'A', requestIds: ['r1'], decidedAt: NOW + HOUR });
    expect(merged).not.toHaveProperty('owner');
    expect(merged).not.toHaveProperty('outcome');
  });

  test('leaves the other calls as they are on record, and a batch that has gone out again alone', () => {
    const mine = outcome(claim(GROUP), result(0, CallState.ACCEPTED, { requestId: 'r0' }), result(1, CallState.ACCEPTED), result(2, CallState.READY));
    const onRecord = outcome(claim(GROUP), result(0, CallState.AMBIGUOUS), result(1, CallState.SPLIT), result(2, CallState.AMBIGUOUS));
    expect(withAcceptances(onRecord, mine, NOW)).toMatchObject({ calls: 'AS?', state: BatchState.AMBIGUOUS, requestIds: ['r0', '', ''] });
  });

  test('that is on record already, or none, changes nothing', () => {
    expect(withAcceptances(ACCEPTED, ACCEPTED, NOW)).toBe(ACCEPTED);
    expect(withAcceptances(AMBIGUOUS, HELD_BACK, NOW)).toBe(AMBIGUOUS);
  });
});

test('of two looks at an item nobody has written in between if state, owner, attempts and calls are the same', () => {
  expect(isSameStep(IN_FLIGHT, { ...IN_FLIGHT })).toBe(true);
  expect(isSameStep(IN_FLIGHT, claim(READY, NOW, 'you'))).toBe(false);
  expect(isSameStep(IN_FLIGHT, claim(IN_FLIGHT))).toBe(false);
  expect(isSameStep(IN_FLIGHT, AMBIGUOUS)).toBe(false);
  expect(isSameStep(AMBIGUOUS, { ...AMBIGUOUS, calls: 'A' })).toBe(false);
});

/*
 * The journal as a state machine: items on record, holders that may be gone or come back late, and a LINE that knows what it
 * has accepted under which key.
 */
describe('whatever happens in whatever order', () => {
  const answer: fc.Arbitrary<LineAnswer> = fc.oneof(
    fc.record({
      kind: fc.constant('response' as const),
      status: fc.constantFrom(200, 200, 302, 400, 400, 401, 408, 409, 429, 500),
      body: fc.constant(''),
      requestId: fc.option(fc.constant('r1'), { nil: undefined }),
      acceptedRequestId: fc.option(fc.constant('r0'), { nil: undefined }),
    }),
    fc.constant(SILENCE),
    fc.record({ kind: fc.constant('not-called' as const), message: fc.string(), retryable: fc.boolean() }),
  );
  const step = fc.record({
    /** Which of the items is driven. */
    item: fc.nat(20),
    answers: fc.array(answer, { minLength: 1, maxLength: 3 }),
    /** The holder is gone before it writes, or writes at once, or when others have gone on. */
    ending: fc.constantFrom('gone', 'written', 'written', 'late'),
    later: fc.oneof(fc.nat(60_000), fc.nat(3 * HOUR)),
    split: fc.constantFrom('halves', 'rest', 'singly', 'none'),
  });

  const resultOf = (batch: SendBatch, index: number, answers: readonly LineAnswer[], split: string): CallResult => {
    const call = callsOf(batch)[index];
    let { state } = call;
    for (const each of answers) {
      state = callStateAfter(state, each);
      if (state === CallState.ACCEPTED || state === CallState.FAILED) {
        break;
      }
    }
    const { recipients } = call;
    if (state !== CallState.FAILED || split === 'none' || recipients.length < 2) {
      return { index, state, code: state === CallState.ACCEPTED ? undefined : SendErrorCode.LINE_REFUSED, requestId: 'r' };
    }
    const parts = split === 'singly' ? [{ name: 'singly', recipients, singly: true as const }]
      : split === 'rest' ? [{ name: 'rest', recipients: recipients.slice(1), refused: recipients.slice(0, 1) }]
        : [{ name: '1', recipients: recipients.slice(0, 1) }, { name: '2', recipients: recipients.slice(1) }];
    return { index, state: CallState.SPLIT, parts };
  };

  test.each(['SET_ASIDE', 'RESEND'] as const)('with %s the books balance, acceptance stands, doubt is never split, and everybody is in one place', (policy) => {
    const anySizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 });
    fc.assert(fc.property(anySizes, fc.array(step, { maxLength: 25 }), (sizes, steps) => {
      const first = batchOf(...sizes);
      const count = first.recipients.length;
      const table = new Map([[first.sk, first]]);
      const late: { from: SendBatch; to: SendBatch; children: readonly SendBatch[] }[] = [];
      /** Keys under which a request may have reached LINE, by person. */
      const doubtful = new Map<string, Set<string>>();
      let now = NOW;
      let owners = 0;
      const write = (from: SendBatch, to: SendBatch, children: readonly SendBatch[] = []): boolean => {
        if (!isSameStep(table.get(from.sk)!, from)) {
          return false;
        }
        table.set(to.sk, to);
        children.forEach((child) => {
          expect(table.has(child.sk)).toBe(false);
          table.set(child.sk, child);
        });
        return true;
      };
      /** Writes, and if others have gone on at least what LINE has accepted. */
      const record = (from: SendBatch, to: SendBatch, children: readonly SendBatch[]) => {
        if (!write(from, to, children)) {
          const onRecord = table.get(from.sk)!;
          const merged = withAcceptances(onRecord, to, now);
          expect(merged === onRecord || write(onRecord, merged)).toBe(true);
        }
      };
      for (const { item, answers, ending, later, split } of steps) {
        now += later;
        const before = [...table.values()];
        const batch = before[item % before.length];
        const next = nextStep(batch, now, policy);
        if (next.kind === 'give-up') {
          expect(now - (batch.firstAttemptAt ?? batch.createdAt)).toBeGreaterThanOrEqual(23 * HOUR);
          expect(write(batch, next.to, next.children)).toBe(true);
        } else if (next.kind === 'attempt') {
          const holder = claim(batch, now, `owner-${owners++}`);
          expect(write(batch, holder)).toBe(true);
          expect(now - holder.firstAttemptAt!).toBeLessThan(23 * HOUR);
          const results = callsOf(holder).filter(isOpen).map((call) => {
            const said = resultOf(holder, call.index, answers, split);
            const { retryKey } = requestOf(holder, call, '');
            if (ending === 'gone' || said.state === CallState.AMBIGUOUS || said.state === CallState.ACCEPTED) {
              call.recipients.forEach(({ to }) => doubtful.set(to, (doubtful.get(to) ?? new Set()).add(retryKey)));
            }
            return said;
          });
          const { to, children } = settled(holder, results, now);
          if (ending === 'written') {
            expect(write(holder, to, children)).toBe(true);
          } else if (ending === 'late') {
            late.push({ from: holder, to, children });
          }
          // Without it nothing can be split that may have been accepted.
          expect(callsOf(holder).filter(({ index, state }) => state === CallState.AMBIGUOUS && '-FS'.includes(to.calls[index]))).toEqual([]);
        } else if (late.length > 0) {
          // A frozen container wakes.
          const { from, to, children } = late.shift()!;
          record(from, to, children);
        }
        // THEN
        for (const was of before) {
          const is = table.get(was.sk)!;
          callsOf(was).filter(({ state }) => state === CallState.ACCEPTED).forEach(({ index }) => expect(is.calls[index]).toBe(CallState.ACCEPTED));
          expect(pick(is)).toEqual(pick(was));
          expect(is.attempts).toBeGreaterThanOrEqual(was.attempts);
          expect(was.firstAttemptAt === undefined || is.firstAttemptAt === was.firstAttemptAt).toBe(true);
        }
        const books = bookOf(table.values());
        expect(books.recipients).toBe(count);
        expect(books.accepted + books.skipped + books.failed + books.unknown + books.pending).toBe(count);
      }
      for (const keys of doubtful.values()) {
        expect(keys.size).toBeLessThanOrEqual(policy === 'RESEND' ? 2 : 1);
      }
    }), { numRuns: 400 });
  });
});

/** What never changes. */
function pick({ state, calls, owner, leaseUntil, firstAttemptAt, attempts, outcome: _, requestIds, decidedAt, children, ...frozen }: SendBatch) {
  return frozen;
}
