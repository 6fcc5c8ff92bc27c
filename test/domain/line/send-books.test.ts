import fc from 'fast-check';
import { SendErrorCode } from '../../../src/contract/custom-channel';
import { CallState, SendBatch } from '../../../src/contract/send-journal';
import { addBooks, bookOf, peopleOf } from '../../../src/domain/line/send-books';
import { anyBatch, batchOf, excluded, people, userId } from '../../support/send-batches';

const NOBODY = { recipients: 0, accepted: 0, skipped: 0, failed: 0, unknown: 0, pending: 0, reasons: {} };

test('a run without batches has empty books', () => {
  expect(bookOf([])).toEqual(NOBODY);
});

describe('the books of a batch', () => {
  test.each<[string, SendBatch, object]>([
    ['whom LINE accepted', batchOf('A', [500]), { recipients: 500, accepted: 500 }],
    ['whom LINE refused', batchOf('F', [3], { outcome: { code: SendErrorCode.LINE_REFUSED, status: 403 } }),
      { recipients: 3, failed: 3, reasons: { LINE_REFUSED: 3 } }],
    ['whom LINE refused without a code on record', batchOf('F', [3]), { recipients: 3, failed: 3, reasons: { LINE_REFUSED: 3 } }],
    ['nobody can know of', batchOf('U', [2], { outcome: { code: SendErrorCode.LINE_UNKNOWN } }), { recipients: 2, unknown: 2, reasons: { LINE_UNKNOWN: 2 } }],
    ['who were kept back for 23 hours beside others whom nobody can know of', batchOf('FU', [2, 3], { outcome: { code: SendErrorCode.LINE_UNKNOWN } }),
      { recipients: 5, failed: 2, unknown: 3, reasons: { LINE_RATE_LIMITED: 2, LINE_UNKNOWN: 3 } }],
    ['who are not attempted yet', batchOf('-', [7]), { recipients: 7, pending: 7 }],
    ['whom LINE may have accepted', batchOf('?', [7], { outcome: { code: SendErrorCode.LINE_UNDECIDED } }), { recipients: 7, pending: 7 }],
    ['whose calls ended differently', batchOf('AF?-U', [1, 2, 3, 4, 5], { outcome: { code: SendErrorCode.LINE_REFUSED } }),
      { recipients: 15, accepted: 1, failed: 2, unknown: 5, pending: 7, reasons: { LINE_REFUSED: 2, LINE_UNKNOWN: 5 } }],
    ['who were left out', batchOf('', [], { excluded: [excluded('a'), excluded('b'), excluded('c', SendErrorCode.TEXT_TOO_LONG, 'failed')] }),
      { recipients: 3, skipped: 2, failed: 1, reasons: { OPTED_OUT: 2, TEXT_TOO_LONG: 1 } }],
    ['whom children took over count nothing, those left out count', batchOf('S', [400], { excluded: [excluded('a')] }),
      { recipients: 1, skipped: 1, reasons: { OPTED_OUT: 1 } }],
    ['of a call that lost everybody to other batches', batchOf('SA', [0, 1]), { recipients: 1, accepted: 1 }],
    ['of a failed call without anybody', batchOf('F', [0]), {}],
  ])('people %s', (_case, batch, books) => {
    expect(bookOf([batch])).toEqual({ ...NOBODY, ...books });
  });

  test('a split parent and its children count everybody once', () => {
    // GIVEN a batch of 500 that LINE refused because of one of them
    const parent = batchOf('S', [500], { excluded: [excluded('a')] });
    const named = batchOf('A', [499], { excluded: [excluded('b', SendErrorCode.LINE_REFUSED_RECIPIENT, 'failed')] });
    // THEN
    expect(bookOf([parent, named])).toEqual({
      ...NOBODY, recipients: 501, accepted: 499, skipped: 1, failed: 1, reasons: { OPTED_OUT: 1, LINE_REFUSED_RECIPIENT: 1 },
    });
  });

  test('balance, whatever the batches are', () => {
    fc.assert(fc.property(fc.array(anyBatch), (batches) => {
      const books = bookOf(batches);
      const expected = batches.reduce((sum, { calls, sizes, excluded: { length } }) => (
        sum + length + sizes.reduce((people_, size, index) => people_ + (calls[index] === CallState.SPLIT ? 0 : size), 0)), 0);
      expect(books.recipients).toBe(expected);
      expect(books.accepted + books.skipped + books.failed + books.unknown + books.pending).toBe(expected);
      expect(Object.values(books.reasons).reduce((sum, count) => sum + count, 0)).toBe(books.skipped + books.failed + books.unknown);
    }));
  });

  test('are the same batch by batch and in one', () => {
    fc.assert(fc.property(fc.array(anyBatch), (batches) => {
      expect(batches.map((batch) => bookOf([batch])).reduce(addBooks, bookOf([]))).toEqual(bookOf(batches));
    }));
  });
});

describe('the people of a batch', () => {
  test('are those left out, then those of each call that was not split, with what became of them', () => {
    const batch = batchOf('AFSU?', [2, 1, 3, 1, 1], {
      excluded: [excluded('x')],
      outcome: { code: SendErrorCode.LINE_REFUSED_CONTENT, status: 400 },
      requestIds: ['r-1', '', '', '', ''],
    });
    expect(peopleOf(batch)).toEqual([
      { id: 'x', status: 'skipped', code: 'OPTED_OUT' },
      { id: userId(0), to: userId(0), status: 'accepted', requestId: 'r-1' },
      { id: userId(1), to: userId(1), status: 'accepted', requestId: 'r-1' },
      { id: userId(2), to: userId(2), status: 'failed', code: 'LINE_REFUSED_CONTENT' },
      { id: userId(6), to: userId(6), status: 'unknown', code: 'LINE_UNKNOWN' },
      { id: userId(7), to: userId(7), status: 'deferred' },
    ]);
  });

  test('have no request id when LINE gave none', () => {
    expect(peopleOf(batchOf('AA', [1, 1], { requestIds: ['', 'r-2'] })).map(({ requestId }) => requestId)).toEqual([undefined, 'r-2']);
    expect(peopleOf(batchOf('A', [1]))).toEqual([{ ...people(1)[0], status: 'accepted' }]);
  });

  test('are as many as the books say', () => {
    fc.assert(fc.property(anyBatch, (batch) => {
      expect(peopleOf(batch)).toHaveLength(bookOf([batch]).recipients);
    }));
  });
});
