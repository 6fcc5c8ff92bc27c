import { SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { sendProfileRequest } from '../../src/runtime/profile-queue';

test('a profile request is queued with a delay', async () => {
  // GIVEN
  const sqs = mockClient(SQSClient);
  sqs.on(SendMessageCommand).resolves({});
  // WHEN
  await sendProfileRequest(new SQSClient({ region: 'eu-west-1' }), 'https://sqs/profiles', { userId: 'U1' }, 30);
  // THEN
  expect(sqs.commandCalls(SendMessageCommand)[0].args[0].input).toEqual({
    QueueUrl: 'https://sqs/profiles', MessageBody: '{"userId":"U1"}', DelaySeconds: 30,
  });
});
