import { SendErrorCode } from '../../../src/contract/custom-channel';
import { BatchState, SendBatch } from '../../../src/contract/send-journal';
import { entriesOf, logBatches } from '../../../src/domain/line/batch-report';
import { ContentError } from '../../../src/domain/line/content-error';
import { KnownBatch } from '../../../src/domain/line/drive-batch';
import { LineAnswer } from '../../../src/domain/line/line-api';
import { RecordedTelemetry } from '../../support/recorded-telemetry';
import { batchOf, excluded, userId } from '../../support/send-batches';

const PARENT = batchOf('S', [3], { state: BatchState.SPLIT, children: ['p-000/1', 'p-000/2'] });
const child = (calls: string, from: number, count: number, changes: Partial<SendBatch> = {}) => batchOf(calls, [count], {
  recipients: Array.from({ length: count }, (_, n) => ({ id: userId(from + n), to: userId(from + n) })), parent: 'p', ...changes,
});

const entries = (...batches: SendBatch[]) => Object.fromEntries(entriesOf({ known: batches.map((batch) => ({ batch })), isKept: true })
  .map(([id, { EventAttributes: { LineStatus, LineErrorCode, LineRequestId } }]) => [id, [LineStatus, LineErrorCode, LineRequestId].filter(Boolean).join(' ')]));

describe('the result of everybody', () => {
  test.each<[string, string, Partial<SendBatch>, boolean, object]>([
    ['accepted', 'A', { requestIds: ['r1'] }, true, { LineStatus: 'accepted', LineRequestId: 'r1' }],
    ['accepted, whatever else is wrong with the batch', 'A', { outcome: { code: SendErrorCode.LINE_REFUSED } }, true, { LineStatus: 'accepted' }],
    ['failed with the reason', 'F', { outcome: { code: SendErrorCode.LINE_REFUSED, status: 403 } }, true, { LineStatus: 'failed', LineErrorCode: 'LINE_REFUSED' }],
    ['unknown', 'U', { outcome: { code: SendErrorCode.LINE_UNKNOWN } }, true, { LineStatus: 'unknown', LineErrorCode: 'LINE_UNKNOWN' }],
    ['deferred, held back', '-', { outcome: { code: SendErrorCode.LINE_RATE_LIMITED } }, true, { LineStatus: 'deferred', LineErrorCode: 'LINE_RATE_LIMITED' }],
    ['deferred, unclear', '?', {}, true, { LineStatus: 'deferred', LineErrorCode: 'LINE_UNDECIDED' }],
    ['unknown, when nothing is written down', '-', {}, false, { LineStatus: 'unknown', LineErrorCode: 'LINE_UNDECIDED' }],
  ])('%s', (_case, calls, changes, isKept, EventAttributes) => {
    expect(entriesOf({ known: [{ batch: batchOf(calls, [1], changes) }], isKept })).toEqual([[userId(0), { EventAttributes }]]);
  });

  test('of a batch with several calls is that of their call', () => {
    expect(entries(batchOf('AF', [1, 2], { requestIds: ['r0', ''], outcome: { code: SendErrorCode.LINE_REFUSED }, excluded: [excluded('x')] }))).toEqual({
      [userId(0)]: 'accepted r0', [userId(1)]: 'failed LINE_REFUSED', [userId(2)]: 'failed LINE_REFUSED', x: 'skipped OPTED_OUT',
    });
  });

  test('of calls that ended differently has the reason of each: the batch\'s one code is that of its failed calls', () => {
    const mixed = { outcome: { code: SendErrorCode.LINE_REFUSED, status: 403 } };
    expect(Object.values(entries(batchOf('F-?U', [1, 1, 1, 1], mixed)))).toEqual([
      'failed LINE_REFUSED', 'deferred LINE_UNDECIDED', 'deferred LINE_UNDECIDED', 'unknown LINE_UNKNOWN',
    ]);
    expect(Object.values(entries(batchOf('FU', [1, 1], { outcome: { code: SendErrorCode.LINE_UNKNOWN } })))).toEqual(['failed LINE_RATE_LIMITED', 'unknown LINE_UNKNOWN']);
  });

  test('of a split batch is what its parts say, and deferred where a part cannot be read', () => {
    const rest = child('A', 0, 1, { requestIds: ['r1'] });
    expect(entries(PARENT, rest, child('', 2, 0, { sizes: [], excluded: [excluded(userId(2), SendErrorCode.LINE_REFUSED_RECIPIENT, 'failed')] }))).toEqual({
      [userId(0)]: 'accepted r1', [userId(1)]: 'deferred LINE_UNDECIDED', [userId(2)]: 'failed LINE_REFUSED_RECIPIENT',
    });
  });
});

describe('the log', () => {
  const logged = (known: KnownBatch[], isRepeat = false, problems: ContentError[] = []) => {
    const telemetry = new RecordedTelemetry();
    logBatches({ known, isRepeat, problems }, 'text', telemetry);
    return telemetry.lines.map(({ level, code, fields }) => ({ level, code, fields }));
  };
  const outcome = (code: SendErrorCode) => ({ outcome: { code } });

  test.each<[string, SendBatch, string, string]>([
    ['accepted', batchOf('A', [1]), 'INFO', 'SEND_ACCEPTED'],
    ['accepted, held back before', batchOf('A', [1], outcome(SendErrorCode.LINE_RATE_LIMITED)), 'INFO', 'SEND_ACCEPTED'],
    ['without anybody', batchOf('', [], { excluded: [excluded('x')] }), 'INFO', 'SEND_SKIPPED'],
    ['split', PARENT, 'INFO', 'SEND_SKIPPED'],
    ['held back', batchOf('-', [1], { state: BatchState.READY, ...outcome(SendErrorCode.LINE_RATE_LIMITED) }), 'WARN', 'LINE_RATE_LIMITED'],
    ['held back by the quota', batchOf('-', [1], { state: BatchState.READY, ...outcome(SendErrorCode.LINE_QUOTA_EXCEEDED) }), 'WARN', 'LINE_QUOTA_EXCEEDED'],
    ['held back to the end', batchOf('F', [1], outcome(SendErrorCode.LINE_RATE_LIMITED)), 'ERROR', 'LINE_RATE_LIMITED'],
    ['without credentials', batchOf('-', [1], { state: BatchState.READY, ...outcome(SendErrorCode.CREDENTIALS_UNAVAILABLE) }), 'ERROR', 'CREDENTIALS_UNAVAILABLE'],
    ['in somebody\'s hands', batchOf('-', [1], { state: BatchState.IN_FLIGHT }), 'WARN', 'LINE_UNDECIDED'],
    ['refused', batchOf('F', [1], outcome(SendErrorCode.LINE_REFUSED)), 'ERROR', 'LINE_REFUSED'],
    ['partly refused', batchOf('AF', [1, 1], outcome(SendErrorCode.LINE_REFUSED)), 'ERROR', 'LINE_REFUSED'],
    ['with wrong content', batchOf('F', [1], outcome(SendErrorCode.TEXT_TOO_LONG)), 'ERROR', 'TEXT_TOO_LONG'],
    ['unknown', batchOf('U', [1], outcome(SendErrorCode.LINE_UNKNOWN)), 'ERROR', 'LINE_UNKNOWN'],
    ['unknown and refused', batchOf('FU', [1, 1], outcome(SendErrorCode.LINE_REFUSED)), 'ERROR', 'LINE_UNKNOWN'],
  ])('has a line of a batch that is %s', (_case, batch, level, code) => {
    expect(logged([{ batch }])).toMatchObject([{ level, code, fields: { batchId: batch.batchId, functionType: 'text', state: batch.state } }]);
  });

  test('says of a repeat that it decided nothing, unless it did', () => {
    const batch = batchOf('A', [1]);
    expect(logged([{ batch }], true)).toMatchObject([{ code: 'SEND_REPEATED' }]);
    expect(logged([{ batch, isDecidedHere: true }], true)).toMatchObject([{ code: 'SEND_ACCEPTED' }]);
    expect(logged([{ batch: batchOf('-', [1], { state: BatchState.READY }) }], true)).toMatchObject([{ code: 'LINE_UNDECIDED' }]);
  });

  test('says what is wrong with the content, and that once', () => {
    const batch = batchOf('F', [1], outcome(SendErrorCode.INVALID_CONTENT));
    expect(logged([{ batch }], false, [new ContentError(SendErrorCode.INVALID_CONTENT, 'no such type')])).toMatchObject([{ level: 'ERROR', code: 'INVALID_CONTENT' }]);
    const mixed = batchOf('A', [1], { excluded: [excluded('x', SendErrorCode.TEXT_TOO_LONG, 'failed')] });
    expect(logged([{ batch: mixed }], false, [new ContentError(SendErrorCode.TEXT_TOO_LONG, 'long')]).map(({ code }) => code)).toEqual(['TEXT_TOO_LONG', 'SEND_ACCEPTED']);
  });

  test('leaves what a table threw to whoever caught it', () => {
    expect(logged([{ batch: batchOf('-', [1]), error: new Error('throttled') }])).toEqual([]);
  });

  test.each<[string, LineAnswer | undefined, object, string[]]>([
    ['none', undefined, {}, ['lineAnswer', 'lineRequestId']],
    ['silence', { kind: 'silence', reason: 'timeout' }, { lineAnswer: 'timeout' }, ['lineRequestId']],
    ['no call', { kind: 'not-called', message: 'no token', retryable: true }, { lineAnswer: 'no token' }, []],
    ['200', { kind: 'response', status: 200, requestId: 'r1', body: '{"message":"secret"}' }, { lineAnswer: 200, lineRequestId: 'r1' }, ['lineMessage']],
    ['200 without an id', { kind: 'response', status: 200, body: '' }, { lineAnswer: 200 }, ['lineRequestId']],
    ['400', { kind: 'response', status: 400, body: '{"message":"bad","details":[{"message":"secret","property":"a"},{"property":"b"},{}]}' }, { lineAnswer: 400, lineMessage: 'bad', lineDetails: 'a,b' }, []],
    ['400 of another shape', { kind: 'response', status: 400, body: '{"message":5,"details":5}' }, { lineAnswer: 400 }, ['lineMessage', 'lineDetails']],
    ['502 in HTML', { kind: 'response', status: 502, body: '<html>secret' }, { lineAnswer: 502 }, ['lineMessage']],
  ])('has of LINE\'s answer (%s) what an operator needs, and no detail\'s text', (_case, answer, fields, absent) => {
    const [line] = logged([{ batch: batchOf('?', [1], { state: BatchState.AMBIGUOUS }), answer }]);
    expect(line.fields).toMatchObject(fields);
    absent.forEach((name) => expect(line.fields).not.toHaveProperty(name));
    expect(JSON.stringify(line)).not.toContain('secret');
  });

  test('has the request id of an accepted call, if the answer has none', () => {
    expect(logged([{ batch: batchOf('-A', [1, 1], { requestIds: ['', 'r1'] }) }])[0].fields).toMatchObject({ lineRequestId: 'r1' });
    expect(logged([{ batch: batchOf('-', [1]) }])[0].fields).not.toHaveProperty('lineRequestId');
  });
});
