import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { SNSClient } from '@aws-sdk/client-sns';
import { AWS_CLIENT_OPTIONS } from './aws-client-options';
import { optionalEnv, requireEnv } from './environment';
import { publishNotification } from './notifications';
import { CAMPAIGN_EVENT_SOURCE, CAMPAIGN_RUN_CHANGED, CampaignRun, CampaignRunDetail } from '../contract/campaigns';
import { ENV_EVENT_BUS, ENV_NOTIFICATION_TOPIC_ARN } from '../contract/environment';
import { announceRun } from '../domain/campaigns/campaign-notification';
import { JobNotification } from '../domain/shared/notification';
import { Telemetry } from '../domain/shared/telemetry';

/**
 * Puts an event about a run on a bus. Needs `events:PutEvents`.
 *
 * @throws what EventBridge throws, and an error when it took the request but not the event
 */
export async function putRunEvent(client: EventBridgeClient, busName: string, detail: CampaignRunDetail): Promise<void> {
  const { FailedEntryCount, Entries } = await client.send(new PutEventsCommand({
    Entries: [{
      EventBusName: busName,
      Source: CAMPAIGN_EVENT_SOURCE,
      DetailType: CAMPAIGN_RUN_CHANGED,
      Detail: JSON.stringify(detail),
      Time: new Date(detail.at),
    }],
  }));
  if (FailedEntryCount) {
    const { ErrorCode, ErrorMessage } = Entries?.[0] ?? {};
    throw new Error(`PutEvents did not take the event: ${ErrorCode} ${ErrorMessage}`);
  }
}

/** How a runner's functions say what its runs do. */
export interface CampaignVoice {
  /** Says where a run is; never throws. */
  readonly announce: (run: CampaignRun) => Promise<void>;
  /** Throws what Amazon SNS throws. */
  readonly notify: (notification: JobNotification) => Promise<void>;
}

/** The voice of a runner, as a function's environment names its topic and, where there is one, its bus. */
export function voiceFromEnvironment(runner: string, telemetry: Telemetry): CampaignVoice {
  const topicArn = requireEnv(ENV_NOTIFICATION_TOPIC_ARN);
  const busName = optionalEnv(ENV_EVENT_BUS);
  const [sns, events] = [new SNSClient(AWS_CLIENT_OPTIONS), new EventBridgeClient(AWS_CLIENT_OPTIONS)];
  const notify = async (notification: JobNotification) => publishNotification(sns, topicArn, notification);
  const publish = busName === undefined ? undefined : async (detail: CampaignRunDetail) => putRunEvent(events, busName, detail);
  return { notify, announce: async (run) => announceRun(run, { runner, notify, publish, telemetry }) };
}
