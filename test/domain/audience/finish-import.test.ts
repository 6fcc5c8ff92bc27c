import { FinishInput, ImportStats, WriteResult, importKey } from '../../../src/contract/imports';
import { finishImport } from '../../../src/domain/audience/finish-import';
import { followerSyncId, importIdOf } from '../../../src/domain/audience/import-id';
import { importEnded, importStarted } from '../../../src/domain/audience/import-notification';
import { jsonLines } from '../../../src/domain/audience/import-objects';
import { JobNotification } from '../../../src/domain/shared/notification';
import { MemoryImportObjects } from '../../support/memory-import-objects';
import { RecordedTelemetry } from '../../support/recorded-telemetry';

const EXECUTION = 'arn:aws:states:eu-west-1:111122223333:execution:Import:1';
const INPUT = { detail: { bucket: { name: 'files' }, object: { key: 'drop/春 a+b.csv', sequencer: '0055AED6DCD90281E5' } } };
const ID = importIdOf(INPUT, 'Import');
const STATS: ImportStats = {
  importId: ID, file: 'drop/春 a+b.csv', startedAt: '2026-11-01T00:00:00.000Z', rows: 1_000, frozen: 900, ignored: 60, rejected: 40, leftOut: [],
};
const result = (number: number, part: Partial<WriteResult> = {}): WriteResult => ({
  number, created: 100, updated: 10, unchanged: 5, keptOptedOut: 3, erased: 2, tagged: 118, untagged: 0, rejected: [], ...part,
});

let objects: MemoryImportObjects;
let telemetry: RecordedTelemetry;
let notifications: JobNotification[];
let now: number;

beforeEach(() => {
  objects = new MemoryImportObjects();
  telemetry = new RecordedTelemetry();
  notifications = [];
  now = Date.parse('2026-11-01T00:10:00.000Z');
});

const put = (name: string, value: object | string) => objects.objects.set(importKey(ID, name), typeof value === 'string' ? value : JSON.stringify(value));
const finish = async (input: Partial<FinishInput> = {}, maxRejectedPercent = 10) => finishImport(
  { input: INPUT, execution: EXECUTION, startedAt: '2026-11-01T00:00:00.000Z', ...input },
  { config: { name: 'Import', maxRejectedPercent }, objects, notify: async (notification) => { notifications.push(notification); }, telemetry, now: () => now },
);
const freeze = { next: 'WRITE' as const, importId: ID };

function givenWritten(): void {
  put('claim.json', { owner: EXECUTION, claimedAt: '2026-11-01T00:00:00.000Z' });
  put('stats.json', { ...STATS, tag: 'vip', leftOut: ['Shoe size'] });
  put('items.jsonl', jsonLines([0, 1].map((number) => ({ importId: ID, number, chunk: { bucket: 'b', key: 'k' }, tag: 'vip' }))));
  put('sweeps.jsonl', jsonLines([{ importId: ID, number: 2, sweep: { tag: 'vip', shard: 0 } }]));
  put('results/0.json', result(0));
  put('results/1.json', result(1, { rejected: [{ line: 7, reason: 'too large' }] }));
  put('results/2.json', { ...result(2), created: 0, updated: 0, unchanged: 0, keptOptedOut: 0, erased: 0, tagged: 0, untagged: 9 });
}

test('adds up what came of every part, writes it down and tells it', async () => {
  givenWritten();
  const summary = await finish({ freeze });
  expect(summary).toEqual({
    importId: ID,
    file: 'drop/春 a+b.csv',
    status: 'COMPLETED',
    rows: 1_000,
    imported: 236,
    created: 200,
    updated: 20,
    unchanged: 10,
    keptOptedOut: 6,
    erased: 4,
    tagged: 236,
    untagged: 9,
    ignored: 60,
    rejected: 41,
    leftOut: ['Shoe size'],
    rejects: `imports/${ID}/rejects/`,
    tag: 'vip',
    startedAt: '2026-11-01T00:00:00.000Z',
    endedAt: '2026-11-01T00:10:00.000Z',
  });
  expect(objects.json(importKey(ID, 'summary.json'))).toEqual(summary);
  expect(notifications).toEqual([{ subject: 'An import of subscribers succeeded', type: 'success', body: { Message: 'Import Successful', ImportResult: summary } }]);
  expect(telemetry.counts).toEqual({ SubscribersImported: 236, ImportRowsRejected: 41 });
  expect(telemetry.codes).toEqual(['IMPORT_COMPLETED']);
});

test('a repeat tells the same and counts nothing twice', async () => {
  givenWritten();
  const first = await finish({ freeze });
  now += 60_000;
  expect(await finish({ freeze })).toEqual(first);
  expect(telemetry.counts).toEqual({ SubscribersImported: 236, ImportRowsRejected: 41 });
});

test('of thousands of parts no more than 20 are read at once', async () => {
  givenWritten();
  put('items.jsonl', jsonLines(Array.from({ length: 2_000 }, (_, number) => ({ importId: ID, number: number + 10, chunk: { bucket: 'b', key: 'k' } }))));
  Array.from({ length: 2_000 }, (_, number) => put(`results/${number + 10}.json`, result(number + 10)));
  let reading = 0;
  let most = 0;
  const read = objects.read.bind(objects);
  objects.read = async (key) => {
    most = Math.max(most, ++reading);
    await new Promise(setImmediate);
    reading--;
    return read(key);
  };
  expect(await finish({ freeze })).toMatchObject({ created: 200_000 });
  expect(most).toBe(20);
});

describe('an import fails', () => {
  const failed = async (input: Partial<FinishInput>, message: string, percent?: number) => {
    const summary = await finish(input, percent);
    expect(summary).toMatchObject({ status: 'FAILED', message });
    expect(objects.json(importKey(ID, 'summary.json'))).toEqual(summary);
    expect(notifications).toEqual([{ subject: 'An import of subscribers failed', type: 'failure', body: { Message: 'Import Failed', ImportResult: summary } }]);
    expect(telemetry.codes).toEqual(['IMPORT_FAILED']);
    return summary;
  };

  test('when the file was refused, with the reason', async () => {
    put('claim.json', { owner: EXECUTION, claimedAt: '2026-11-01T00:00:00.000Z' });
    put('stats.json', { ...STATS, frozen: 0, rejected: 1_000, ignored: 0, refused: 'column "Adress" is not known' });
    expect(await failed({ freeze: { next: 'REFUSE', importId: ID } }, 'column "Adress" is not known')).toMatchObject({ rows: 1_000, imported: 0, rejected: 1_000 });
  });

  test('when the header was refused, which perhaps is a person and is told nobody', async () => {
    put('claim.json', { owner: EXECUTION, claimedAt: '2026-11-01T00:00:00.000Z' });
    put('stats.json', { ...STATS, frozen: 0, rejected: 0, refused: 'the header has \'Aya\', \'aya@example.com\'', quotesHeader: true });
    const summary = await finish({ freeze: { next: 'REFUSE', importId: ID } });
    expect(objects.json(importKey(ID, 'summary.json'))).toMatchObject({ message: expect.stringContaining('aya@example.com') });
    const message = `the header of the file is refused; the reason, which quotes it, is in s3://${objects.bucket}/imports/${ID}/summary.json`;
    expect(notifications.map(({ body }) => body)).toEqual([{ Message: 'Import Failed', ImportResult: { ...summary, message } }]);
    expect(JSON.stringify([notifications, telemetry])).not.toContain('aya@');
  });

  test('when a part was not written, and says what was', async () => {
    givenWritten();
    objects.objects.delete(importKey(ID, 'results/1.json'));
    const summary = await failed({ freeze }, '1 of 3 parts could not be written, see the log of the writing function; what was written stays, and the same file may be imported again');
    expect(summary).toMatchObject({ created: 100, rejected: 40 });
  });

  test('when the tag was not swept everywhere', async () => {
    givenWritten();
    objects.objects.delete(importKey(ID, 'results/2.json'));
    await failed({ freeze }, expect.stringContaining('the tag could not be taken from everybody who is not in the file: 1 parts'));
  });

  test('when DynamoDB refuses more rows than may be rejected', async () => {
    givenWritten();
    await failed({ freeze }, 'DynamoDB refused 1 of 900 rows, more than maxRejectedPercent, 0 %, allows; the other rows are imported', 0);
  });

  test('when a step fails, with Lambda\'s reason', async () => {
    givenWritten();
    const error = { Error: 'Error', Cause: JSON.stringify({ errorType: 'AccessDenied', errorMessage: 'not authorized', trace: ['…'] }) };
    await failed({ error }, 'a step of the import failed: AccessDenied: not authorized; what was written stays, and the same file may be imported again');
  });

  test('when a step fails before the file was claimed', async () => {
    const summary = await failed({ error: { Error: 'States.Timeout' } }, 'a step of the import failed: States.Timeout: ; what was written stays, and the same file may be imported again');
    expect(summary).toMatchObject({ importId: ID, file: 'drop/春 a+b.csv', rows: 0, startedAt: '2026-11-01T00:00:00.000Z' });
  });

  test('when followers could not be listed', async () => {
    const input = { 'id': 'event-1', 'detail-type': 'Scheduled Event', 'detail': {} };
    const summary = await finish({ input, error: { Error: 'Error', Cause: 'LINE did not list' } });
    expect(summary).toMatchObject({ importId: followerSyncId(input, EXECUTION), file: 'followers', status: 'FAILED' });
  });

  test('when statistics are missing', async () => {
    put('claim.json', { owner: EXECUTION, claimedAt: '2026-11-01T00:00:00.000Z' });
    await failed({ freeze }, 'the file was not read to its end: no statistics were written');
  });
});

test('an execution that failed while another imports the file says nothing in its name', async () => {
  givenWritten();
  put('claim.json', { owner: 'another', claimedAt: '2026-11-01T00:00:00.000Z' });
  expect(await finish({ error: { Error: 'States.Timeout' } })).toMatchObject({ status: 'FAILED' });
  expect(objects.json(importKey(ID, 'summary.json'))).toBeUndefined();
  expect(notifications).toEqual([]);
  expect(telemetry.codes).toEqual(['IMPORT_ELSEWHERE']);
});

test('a notification that cannot be sent fails the step, which is repeated', async () => {
  givenWritten();
  const deps = { config: { name: 'Import', maxRejectedPercent: 10 }, objects, notify: async () => { throw new Error('no topic'); }, telemetry, now: () => now };
  await expect(finishImport({ input: INPUT, execution: EXECUTION, startedAt: '', freeze }, deps)).rejects.toThrow('no topic');
});

test.each([
  importStarted('s3://files/drop/春 a+b.csv', ID),
  importEnded({ status: 'COMPLETED' } as never),
  importEnded({ status: 'FAILED' } as never),
])('subjects are such as Amazon SNS takes: $subject', ({ subject }) => {
  expect(subject).toMatch(/^[\x20-\x7e]{1,100}$/);
});

test('the beginning is told in the original\'s shape', () => {
  expect(importStarted('s3://files/drop/a.csv', ID)).toEqual({
    subject: 'An import of subscribers started', type: 'started', body: { Message: 'Import Started', Input: { S3URL: 's3://files/drop/a.csv', ImportId: ID } },
  });
});
