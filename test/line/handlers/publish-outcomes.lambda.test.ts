import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { FirehoseClient, PutRecordBatchCommand } from '@aws-sdk/client-firehose';
import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { BatchState } from '../../../src/contract/send-journal';
import { journalItem, streamRecord } from '../../support/journal-items';
import { loadEntry } from '../../support/load-entry';
import { batchOf, excluded, userId } from '../../support/send-batches';

const eventBridge = mockClient(EventBridgeClient);
const firehose = mockClient(FirehoseClient);
const load = () => loadEntry<DynamoDBStreamEvent, DynamoDBBatchResponse>(
  'line/handlers/publish-outcomes.lambda', '@aws-sdk/client-eventbridge', '@aws-sdk/client-firehose');
const context = { invokedFunctionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:Publisher' };
const inFlight = batchOf('-', [2], { state: BatchState.IN_FLIGHT });
const accepted = batchOf('A', [2], { state: BatchState.ACCEPTED, requestIds: ['r-1'], excluded: [excluded('x')] });
let event: DynamoDBStreamEvent;
let lines: string[];

beforeEach(async () => {
  event = { Records: [streamRecord('99', await journalItem(inFlight)), streamRecord('100', await journalItem(accepted), await journalItem(inFlight))] };
  eventBridge.reset();
  firehose.reset();
  firehose.on(PutRecordBatchCommand).resolves({ FailedPutCount: 0 });
  lines = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((line) => { lines.push(String(line)); return true; });
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1', LINE_CHANNEL_KEY: 'line', LINE_CHANNEL_NAME: 'Stack-Line', LINE_EVENT_BUS_NAME: 'LineEvents', LINE_ENGAGEMENT_STREAM: 'Engagement',
  });
});

afterEach(() => {
  jest.restoreAllMocks();
});

test('a decided batch is told to the bus and to the stream of engagement events, and counted', async () => {
  // GIVEN
  eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: [{ EventId: 'e' }] });
  // WHEN
  expect(await load()(event, context)).toEqual({ batchItemFailures: [] });
  // THEN
  const [{ args: [{ input: { Entries } }] }] = eventBridge.commandCalls(PutEventsCommand);
  expect(Entries!.map(({ EventBusName, Source, DetailType, Detail }) => [EventBusName, Source, DetailType, JSON.parse(Detail!).counts])).toEqual([
    ['LineEvents', 'line.sender', 'SendBatchDecided', { accepted: 2, skipped: 1, failed: 0, unknown: 0 }],
  ]);
  const [{ args: [{ input: { DeliveryStreamName, Records } }] }] = firehose.commandCalls(PutRecordBatchCommand);
  expect(DeliveryStreamName).toBe('Engagement');
  const written = Buffer.from(Records![0].Data!).toString().trimEnd().split('\n').map((line) => JSON.parse(line));
  expect(written.map(({ client, awsAccountId }) => [client.client_id, awsAccountId])).toEqual(
    ['x', userId(0), userId(1)].map((id) => [id, '123456789012']));
  expect(lines.map((line) => JSON.parse(line))).toEqual([expect.objectContaining({ Channel: 'Stack-Line', MessagesAccepted: 2, MessagesSkipped: 1 })]);
});

test('without a stream of engagement events none are written', async () => {
  delete process.env.LINE_ENGAGEMENT_STREAM;
  eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: [{ EventId: 'e' }] });
  expect(await load()(event, context)).toEqual({ batchItemFailures: [] });
  expect(firehose.commandCalls(PutRecordBatchCommand)).toEqual([]);
});

test('what the bus does not take comes again', async () => {
  eventBridge.on(PutEventsCommand).rejects(new Error('gone'));
  expect(await load()(event, context)).toEqual({ batchItemFailures: [{ itemIdentifier: '100' }] });
  expect(lines.map((line) => JSON.parse(line).code)).toEqual(['SEND_EVENTS_FAILED']);
});
