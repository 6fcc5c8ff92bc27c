import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { CampaignRun, CampaignState } from '../../src/contract/campaigns';
import { putRunEvent, voiceFromEnvironment } from '../../src/runtime/campaign-events';
import { RecordedTelemetry } from '../support/recorded-telemetry';

const eventBridge = mockClient(EventBridgeClient);
const sns = mockClient(SNSClient);
const environment = process.env;
const RUN = { runId: 'run-1', campaign: 'c', source: 's', kind: 'SEND', state: CampaignState.STARTING, updatedAt: '2026-11-23T00:00:00.000Z' } as CampaignRun;
const DETAIL = { runner: 'Campaigns', runId: 'run-1', campaign: 'c', kind: 'SEND' as const, state: CampaignState.STARTING, at: '2026-11-23T00:00:00.000Z' };

beforeEach(() => {
  eventBridge.reset();
  sns.reset();
  process.env = { ...environment, AWS_REGION: 'eu-west-1', NOTIFICATION_TOPIC_ARN: 'arn:topic', LINE_EVENT_BUS_NAME: 'Bus' };
});
afterEach(() => { process.env = environment; });

test('a change is put on the bus and published to the topic', async () => {
  eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: [{ EventId: 'e1' }] });
  const telemetry = new RecordedTelemetry();
  await voiceFromEnvironment('Campaigns', telemetry).announce(RUN);
  expect(eventBridge.commandCalls(PutEventsCommand)[0].args[0].input).toEqual({
    Entries: [{ EventBusName: 'Bus', Source: 'line.campaigns', DetailType: 'CampaignRunChanged', Detail: JSON.stringify(DETAIL), Time: new Date(DETAIL.at) }],
  });
  expect(sns.commandCalls(PublishCommand)[0].args[0].input).toMatchObject({
    TopicArn: 'arn:topic', MessageAttributes: { notification_type: { DataType: 'String', StringValue: 'started' } },
  });
  expect(telemetry.codes).toEqual(['CAMPAIGN_RUN_CHANGED']);
});

test('without a bus only the topic is told', async () => {
  delete process.env.LINE_EVENT_BUS_NAME;
  const telemetry = new RecordedTelemetry();
  await voiceFromEnvironment('Campaigns', telemetry).announce(RUN);
  expect(eventBridge.calls()).toHaveLength(0);
  expect(sns.calls()).toHaveLength(1);
});

test.each([[{ FailedEntryCount: 1, Entries: [{ ErrorCode: 'InternalFailure', ErrorMessage: 'later' }] }, 'InternalFailure later'], [{ FailedEntryCount: 1 }, 'did not take']])('an event that the bus does not take is an error', async (answer, message) => {
  eventBridge.on(PutEventsCommand).resolves(answer);
  await expect(putRunEvent(new EventBridgeClient({ region: 'eu-west-1' }), 'Bus', DETAIL)).rejects.toThrow(message);
});
