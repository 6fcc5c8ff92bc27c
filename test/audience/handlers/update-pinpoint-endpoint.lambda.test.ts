import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DeleteEndpointCommand, PinpointClient, UpdateEndpointCommand } from '@aws-sdk/client-pinpoint';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { FakeDynamoDb } from '../../support/fake-dynamodb';
import { loadEntry } from '../../support/load-entry';

const AYA = `U${'a'.repeat(32)}`;
const BEN = `U${'b'.repeat(32)}`;
const pinpoint = mockClient(PinpointClient);
const dynamo = mockClient(DynamoDBClient);

let table: FakeDynamoDb;
let written: string[];
let handler: (event: SQSEvent) => Promise<SQSBatchResponse>;

beforeEach(() => {
  pinpoint.reset();
  dynamo.reset();
  table = new FakeDynamoDb(dynamo);
  written = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  Object.assign(process.env, { AWS_REGION: 'eu-west-1', LINE_CHANNEL_NAME: 'Stack-Line', PINPOINT_APPLICATION_ID: 'a1b2', PINPOINT_REGION: 'us-east-1', SUBSCRIBER_TABLE_NAME: 'Subscribers' });
  handler = loadEntry('audience/handlers/update-pinpoint-endpoint.lambda', '@aws-sdk/client-pinpoint', '@aws-sdk/client-dynamodb');
});

afterEach(() => {
  jest.restoreAllMocks();
});

const batch = (...changes: { subscriberId: string }[]) => ({
  Records: changes.map((change, n) => ({ messageId: `m${n}`, body: JSON.stringify(change), attributes: { MessageGroupId: change.subscriberId } })),
}) as unknown as SQSEvent;
const upsert = { channelKey: 'line', subscriberId: AYA, change: 'UPSERT', endpoint: { Address: AYA, OptOut: 'ALL' } };
const erase = { channelKey: 'line', subscriberId: BEN, change: 'ERASE' };

test('changes reach the project', async () => {
  // GIVEN
  pinpoint.on(UpdateEndpointCommand).resolves({});
  pinpoint.on(DeleteEndpointCommand).resolves({});
  // WHEN
  const response = await handler(batch(upsert, erase));
  // THEN
  expect(response).toEqual({ batchItemFailures: [] });
  expect(pinpoint.commandCalls(UpdateEndpointCommand)[0].args[0].input).toMatchObject({
    ApplicationId: 'a1b2', EndpointId: AYA, EndpointRequest: { Address: AYA, ChannelType: 'CUSTOM', OptOut: 'ALL', User: { UserId: AYA } },
  });
  expect(pinpoint.commandCalls(DeleteEndpointCommand)[0].args[0].input).toEqual({ ApplicationId: 'a1b2', EndpointId: BEN });
  expect(written.map((text) => JSON.parse(text))).toEqual([expect.objectContaining({ Channel: 'Stack-Line', AudienceChangesApplied: 2 })]);
});

test('the end of Pinpoint is named, and the changes come again', async () => {
  // GIVEN
  pinpoint.on(UpdateEndpointCommand).rejects(Object.assign(new Error('Forbidden'), { name: 'ForbiddenException', $metadata: { httpStatusCode: 403 } }));
  // WHEN
  const response = await handler(batch(upsert, erase));
  // THEN
  expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: 'm0' }, { itemIdentifier: 'm1' }] });
  expect(written.map((text) => JSON.parse(text))).toEqual([
    expect.objectContaining({ level: 'ERROR', code: 'PINPOINT_SERVICE_ENDED', applicationId: 'a1b2', region: 'us-east-1', status: 403 }),
    expect.objectContaining({ AudienceChangesRefused: 2 }),
  ]);
});

test('a change that comes late writes the row as it is now', async () => {
  // GIVEN
  pinpoint.on(UpdateEndpointCommand).resolves({});
  table.items.set(`line#${BEN} ENDPOINT`, { pk: { S: `line#${BEN}` }, sk: { S: 'ENDPOINT' }, OptOut: { S: 'NONE' }, subscriptionAt: { N: '2' } });
  // WHEN
  const response = await handler(batch(erase));
  // THEN
  expect(response).toEqual({ batchItemFailures: [] });
  expect(pinpoint.commandCalls(DeleteEndpointCommand)).toEqual([]);
  expect(pinpoint.commandCalls(UpdateEndpointCommand)[0].args[0].input).toMatchObject({ EndpointId: BEN, EndpointRequest: { OptOut: 'NONE' } });
});

test('fails at the start without the name of the table', () => {
  delete process.env.SUBSCRIBER_TABLE_NAME;
  expect(() => loadEntry('audience/handlers/update-pinpoint-endpoint.lambda')).toThrow('SUBSCRIBER_TABLE_NAME');
});
