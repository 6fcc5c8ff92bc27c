import { SQSClient, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { loadEntry } from '../../support/load-entry';

const AYA = `U${'a'.repeat(32)}`;
const sqs = mockClient(SQSClient);

const load = () => loadEntry<DynamoDBStreamEvent, DynamoDBBatchResponse>('audience/handlers/publish-subscriber-changes.lambda', '@aws-sdk/client-sqs');

const event = {
  Records: [{
    eventID: 'e1',
    eventName: 'INSERT',
    dynamodb: {
      SequenceNumber: '100',
      Keys: { pk: { S: `line#${AYA}` }, sk: { S: 'ENDPOINT' } },
      NewImage: { Address: { S: AYA }, OptOut: { S: 'NONE' }, subscriptionAt: { N: '1000' } },
    },
  }],
} as DynamoDBStreamEvent;

beforeEach(() => {
  sqs.reset();
  jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1', LINE_CHANNEL_KEY: 'line', LINE_CHANNEL_NAME: 'Stack-Line', AUDIENCE_QUEUE_URLS: '["https://sqs/a.fifo","https://sqs/b.fifo"]',
  });
});

afterEach(() => {
  jest.restoreAllMocks();
});

test('a change reaches every audience\'s queue', async () => {
  // GIVEN
  sqs.on(SendMessageBatchCommand).resolves({});
  // WHEN
  const response = await load()(event);
  // THEN
  expect(response).toEqual({ batchItemFailures: [] });
  expect(sqs.commandCalls(SendMessageBatchCommand).map(({ args }) => args[0].input)).toEqual(['https://sqs/a.fifo', 'https://sqs/b.fifo'].map((QueueUrl) => ({
    QueueUrl,
    Entries: [{
      Id: '0',
      MessageGroupId: AYA,
      MessageDeduplicationId: 'e1',
      MessageBody: JSON.stringify({ channelKey: 'line', subscriberId: AYA, change: 'UPSERT', endpoint: { Address: AYA, OptOut: 'NONE' }, subscriptionAt: 1000 }),
    }],
  })));
});

test('a change that a queue does not take comes again', async () => {
  sqs.on(SendMessageBatchCommand, { QueueUrl: 'https://sqs/a.fifo' }).resolves({});
  sqs.on(SendMessageBatchCommand, { QueueUrl: 'https://sqs/b.fifo' }).rejects(new Error('gone'));
  expect(await load()(event)).toEqual({ batchItemFailures: [{ itemIdentifier: '100' }] });
});

test('fails at the start for queue URLs that are none', () => {
  process.env.AUDIENCE_QUEUE_URLS = 'https://sqs/a.fifo';
  expect(load).toThrow('AUDIENCE_QUEUE_URLS');
});
