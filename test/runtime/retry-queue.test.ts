import { SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { SqsRetryQueue } from '../../src/runtime/retry-queue';

const sqs = mockClient(SQSClient);
const queue = new SqsRetryQueue(() => new SQSClient({ region: 'eu-west-1' }), 'https://sqs.example.com/retry');

beforeEach(() => {
  sqs.reset();
  sqs.on(SendMessageCommand).resolves({});
});

const sent = () => sqs.commandCalls(SendMessageCommand).map(({ args }) => args[0].input);

test('a wake-up message names the batch, and nothing else, and comes when the invocation and its lease are over', async () => {
  const batch = { pk: 'run#3', sk: 'p-000', recipients: ['never in a queue'] };
  await queue.wakeUp(batch);
  expect(sent()).toEqual([{ QueueUrl: 'https://sqs.example.com/retry', MessageBody: '{"pk":"run#3","sk":"p-000"}', DelaySeconds: 30 }]);
});

test.each([[60, 60], [60.2, 61], [900, 900], [5_000, 900]])('one that comes again after %d seconds is delayed by %d', async (seconds, DelaySeconds) => {
  await queue.again({ pk: 'run#3', sk: 'p-000', attempt: 2 }, seconds);
  expect(sent()).toMatchObject([{ MessageBody: '{"pk":"run#3","sk":"p-000","attempt":2}', DelaySeconds }]);
});

test('what SQS throws is thrown', async () => {
  sqs.on(SendMessageCommand).rejects(new Error('throttled'));
  await expect(queue.wakeUp({ pk: 'a', sk: 'b' })).rejects.toThrow('throttled');
});
