import { FirehoseClient, PutRecordBatchCommand } from '@aws-sdk/client-firehose';
import { mockClient } from 'aws-sdk-client-mock';
import { EngagementStream } from '../../src/runtime/engagement-stream';

const firehose = mockClient(FirehoseClient);
const TAKEN = { RecordId: 'r' };
const REFUSED = { ErrorCode: 'ServiceUnavailableException', ErrorMessage: 'Slow down.' };
let pauses: number[];

function stream(random = 1): EngagementStream {
  return new EngagementStream(new FirehoseClient({ region: 'eu-west-1' }), 'Engagement', async (milliseconds) => { pauses.push(milliseconds); }, () => random);
}

/** Records of each request, as texts. */
function requests(): string[][] {
  return firehose.commandCalls(PutRecordBatchCommand).map(({ args: [{ input }] }) => input.Records!.map(({ Data }) => Buffer.from(Data!).toString()));
}

beforeEach(() => {
  firehose.reset();
  firehose.on(PutRecordBatchCommand).resolves({ FailedPutCount: 0, RequestResponses: [] });
  pauses = [];
});

test('lines end with a newline and share a record', async () => {
  await stream().put(['{"a":1}', '{"b":"花"}']);
  expect(requests()).toEqual([['{"a":1}\n{"b":"花"}\n']]);
  expect(firehose.commandCalls(PutRecordBatchCommand)[0].args[0].input.DeliveryStreamName).toBe('Engagement');
});

test('without lines there is no request', async () => {
  await stream().put([]);
  expect(requests()).toEqual([]);
});

test('a record has at most 1,000 KiB, a request at most 4 MiB, and no line is cut or lost', async () => {
  // GIVEN lines of 100 KiB with their newline: ten of them are exactly a record, four records and a bit a request
  const lines = Array.from({ length: 95 }, (_, index) => String(index).padEnd(102_399, 'x'));
  // WHEN
  await stream().put(lines);
  // THEN
  expect(requests().map((records) => records.map(({ length }) => length))).toEqual([
    [1_024_000, 1_024_000, 1_024_000, 1_024_000], [1_024_000, 1_024_000, 1_024_000, 1_024_000], [1_024_000, 512_000],
  ]);
  expect(requests().flat().join('')).toBe(lines.map((line) => `${line}\n`).join(''));
});

test('500 people are one record', async () => {
  await stream().put(new Array(500).fill('x'.repeat(800)));
  expect(requests().map(({ length }) => length)).toEqual([1]);
});

test('what Firehose did not take is put again, and nothing else, after a pause that grows', async () => {
  // GIVEN five records, of which the second and fourth are refused, then the fourth again
  const lines = Array.from({ length: 5 }, (_, index) => String(index).padEnd(600_000, 'x'));
  firehose.on(PutRecordBatchCommand)
    .resolvesOnce({ FailedPutCount: 2, RequestResponses: [TAKEN, REFUSED, TAKEN, REFUSED, TAKEN] })
    .resolvesOnce({ FailedPutCount: 1, RequestResponses: [TAKEN, REFUSED] })
    .resolves({ FailedPutCount: 0 });
  // WHEN
  await stream().put(lines);
  // THEN
  expect(requests().map((records) => records.map((record) => record[0]))).toEqual([['0', '1', '2', '3', '4'], ['1', '3'], ['3']]);
  expect(pauses).toEqual([200, 400]);
});

test('an answer that does not say which records failed is taken for all of them', async () => {
  firehose.on(PutRecordBatchCommand).resolvesOnce({ FailedPutCount: 1 }).resolves({ FailedPutCount: 0 });
  await stream(0).put(['a']);
  expect(requests()).toEqual([['a\n'], ['a\n']]);
  expect(pauses).toEqual([100]);
});

test('after five attempts it gives up, with Firehose\'s reason', async () => {
  firehose.on(PutRecordBatchCommand).resolves({ FailedPutCount: 1, RequestResponses: [REFUSED] });
  await expect(stream().put(['a'])).rejects.toThrow('Firehose stream Engagement did not take 1 of 1 records: ServiceUnavailableException Slow down.');
  expect(requests()).toHaveLength(5);
  expect(pauses).toEqual([200, 400, 800, 1_600]);
});

test('fails when Firehose fails', async () => {
  firehose.on(PutRecordBatchCommand).rejects(new Error('access denied'));
  await expect(stream().put(['a'])).rejects.toThrow('access denied');
});

test('pauses by the clock unless it is told otherwise', async () => {
  firehose.on(PutRecordBatchCommand).resolvesOnce({ FailedPutCount: 1, RequestResponses: [REFUSED] }).resolves({ FailedPutCount: 0 });
  const began = Date.now();
  await new EngagementStream(new FirehoseClient({ region: 'eu-west-1' }), 'Engagement').put(['a']);
  expect(Date.now() - began).toBeGreaterThanOrEqual(95);
});
