import { SQSClient, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { SqsAudienceQueue, parseQueueUrls } from '../../src/runtime/audience-queue';

const sqs = mockClient(SQSClient);
const queue = new SqsAudienceQueue(new SQSClient({ region: 'eu-west-1' }), 'https://sqs.eu-west-1.amazonaws.com/123456789012/Pinpoint.fifo');
const messages = ['Ua', 'Ub'].map((groupId, n) => ({ body: `{"n":${n}}`, groupId, deduplicationId: `e${n}` }));

beforeEach(() => {
  sqs.reset();
});

test('messages are sent in one request, each in its group', async () => {
  // GIVEN
  sqs.on(SendMessageBatchCommand).resolves({ Successful: [] });
  // WHEN
  const refused = await queue.send(messages);
  // THEN
  expect(refused).toEqual([]);
  expect(queue.name).toBe('Pinpoint.fifo');
  expect(sqs.commandCalls(SendMessageBatchCommand)[0].args[0].input).toEqual({
    QueueUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/Pinpoint.fifo',
    Entries: [
      { Id: '0', MessageBody: '{"n":0}', MessageGroupId: 'Ua', MessageDeduplicationId: 'e0' },
      { Id: '1', MessageBody: '{"n":1}', MessageGroupId: 'Ub', MessageDeduplicationId: 'e1' },
    ],
  });
});

test.each([
  ['InternalError', false, false],
  ['InvalidMessageContents', true, true],
  ['InvalidParameterValue', true, true],
  ['KmsThrottled', true, false],
  ['AccessDeniedException', true, false],
  ['QueueDoesNotExist', true, false],
  [undefined, undefined, false],
])('a message refused with %s, the sender at fault: %s, is told with its position; for ever: %s', async (Code, SenderFault, permanent) => {
  sqs.on(SendMessageBatchCommand).resolves({ Failed: [{ Id: '1', Code, SenderFault }] });
  expect(await queue.send(messages)).toEqual([{ position: 1, code: Code ?? 'UnknownError', permanent }]);
});

test('queue URLs are read from JSON', () => {
  expect(parseQueueUrls('["https://sqs/a.fifo","https://sqs/b.fifo"]')).toEqual(['https://sqs/a.fifo', 'https://sqs/b.fifo']);
});

test.each(['https://sqs/a.fifo', '{}', '[1]', 'null'])('fails for queue URLs given as %s', (value) => {
  expect(() => parseQueueUrls(value)).toThrow(`environment variable AUDIENCE_QUEUE_URLS is "${value}", but must be a JSON array of queue URLs`);
});
