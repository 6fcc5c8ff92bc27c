import { SQSClient, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { QueueEntry } from '../../src/domain/line/webhook-request';
import { SqsEventQueue } from '../../src/runtime/event-queue';

const URL = 'https://sqs.eu-west-1.amazonaws.com/111122223333/Events.fifo';
const sqs = mockClient(SQSClient);
const entry = (id: string): QueueEntry => ({ groupId: `U${id}`, deduplicationId: `e${id}`, body: `{"event":${id}}`, bytes: 11 });
const queue = () => new SqsEventQueue(new SQSClient({ region: 'eu-west-1' }), URL);

beforeEach(() => sqs.reset());

test('sends a batch in order, each entry with group and deduplication id', async () => {
  // GIVEN
  sqs.on(SendMessageBatchCommand).resolves({ Successful: [] });
  // WHEN
  const refused = await queue().send([entry('1'), entry('2')], 500);
  // THEN
  expect(refused.size).toBe(0);
  expect(sqs.commandCalls(SendMessageBatchCommand)[0].args[0].input).toEqual({
    QueueUrl: URL,
    Entries: [
      { Id: '0', MessageGroupId: 'U1', MessageDeduplicationId: 'e1', MessageBody: '{"event":1}' },
      { Id: '1', MessageGroupId: 'U2', MessageDeduplicationId: 'e2', MessageBody: '{"event":2}' },
    ],
  });
});

test('names the entries that SQS refused', async () => {
  // GIVEN
  const entries = [entry('1'), entry('2'), entry('3')];
  sqs.on(SendMessageBatchCommand).resolves({
    Failed: [{ Id: '2', Code: 'InternalError', SenderFault: false }, { Id: '0', Code: undefined, SenderFault: true }],
  });
  // THEN
  expect(await queue().send(entries, 500)).toEqual(new Map([[entries[2], 'InternalError'], [entries[0], 'UnknownError']]));
});

test('fails when the call fails', async () => {
  sqs.on(SendMessageBatchCommand).rejects(new Error('reset'));
  await expect(queue().send([entry('1')], 500)).rejects.toThrow('reset');
});

test.each([20.5, -3])('gives the call up after its time (%p ms)', async (timeoutMs) => {
  // GIVEN a client that only ends when it is told to
  const client = {
    send: async (_command: unknown, { abortSignal }: { abortSignal: AbortSignal }) =>
      new Promise((_resolve, reject) => abortSignal.addEventListener('abort', () => reject(abortSignal.reason))),
  };
  // THEN
  await expect(new SqsEventQueue(client as unknown as SQSClient, URL).send([entry('1')], timeoutMs)).rejects.toMatchObject({ name: 'TimeoutError' });
});
