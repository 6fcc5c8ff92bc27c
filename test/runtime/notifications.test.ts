import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { publishNotification } from '../../src/runtime/notifications';

const sns = mockClient(SNSClient);
const client = new SNSClient({ region: 'eu-west-1' });
const notification = { subject: 'An import of subscribers started', type: 'started' as const, body: { Message: 'Import Started', Input: { S3URL: 's3://b/春' } } };

beforeEach(() => sns.reset());

test('a notification is JSON, with its type as an attribute to filter by', async () => {
  sns.on(PublishCommand).resolves({});
  await publishNotification(client, 'arn:aws:sns:eu-west-1:111122223333:topic', notification);
  expect(sns.commandCalls(PublishCommand)[0].args[0].input).toEqual({
    TopicArn: 'arn:aws:sns:eu-west-1:111122223333:topic',
    Subject: 'An import of subscribers started',
    Message: '{"Message":"Import Started","Input":{"S3URL":"s3://b/春"}}',
    MessageAttributes: { notification_type: { DataType: 'String', StringValue: 'started' } },
  });
});

test('what Amazon SNS throws is thrown', async () => {
  sns.on(PublishCommand).rejects(new Error('no such topic'));
  await expect(publishNotification(client, 'arn', notification)).rejects.toThrow('no such topic');
});
