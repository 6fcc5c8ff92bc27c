import * as fs from 'fs';
import * as path from 'path';
import { Figure } from './figures';
import { HandlerProcess } from './handler-process';
import { awsEnvironment } from './receiver';
import { APPLICATION_ID, startStandIns } from './stand-ins';
import {
  ENV_API_BASE_URL, ENV_CHANNEL_KEY, ENV_CHANNEL_NAME, ENV_JOURNAL_TABLE, ENV_MESSAGE_TYPE, ENV_SECRET_ARN, ENV_SUBSCRIBER_TABLE,
} from '../../src/contract/environment';
import { PINPOINT_MAX_ENDPOINTS } from '../../src/contract/limits';
import { ROOT } from '../support/built';

/**
 * Requests to LINE for one campaign event with as many endpoints as Pinpoint puts into one, sent by the bundled send function.
 *
 * @throws when not every endpoint is reported as accepted
 */
export async function benchCampaign(folder: string, log: (line: string) => void): Promise<Figure[]> {
  const standIns = await startStandIns(folder, JSON.stringify({ channelAccessToken: 'long-lived-token' }));
  try {
    const event = path.join(folder, 'campaign.json');
    fs.writeFileSync(event, JSON.stringify(campaignEvent()));
    const { process: handler, first } = await HandlerProcess.start(
      process.execPath,
      [path.join(__dirname, 'drive-handler.js'), path.join(ROOT, 'assets/line/handlers/send-message.lambda/index.js'), event],
      {
        ...awsEnvironment(folder),
        AWS_ENDPOINT_URL: standIns.awsUrl,
        NODE_EXTRA_CA_CERTS: standIns.certificate,
        [ENV_API_BASE_URL]: standIns.lineUrl,
        [ENV_SECRET_ARN]: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:line-AbCdEf',
        [ENV_CHANNEL_KEY]: 'line',
        [ENV_CHANNEL_NAME]: 'Line',
        [ENV_MESSAGE_TYPE]: 'text',
        [ENV_JOURNAL_TABLE]: 'journal',
        [ENV_SUBSCRIBER_TABLE]: 'subscribers',
      },
    );
    handler.stop();
    const calls = standIns.takeCalls();
    log(`a campaign event: ${first.milliseconds.toFixed(0)} ms from a cold start [${calls.join(', ')}]`);
    const accepted = Object.values<any>(JSON.parse(first.answer)).filter(({ EventAttributes }) => EventAttributes?.LineStatus === 'accepted');
    if (accepted.length !== PINPOINT_MAX_ENDPOINTS) {
      throw new Error(`the send function reported ${accepted.length} of ${PINPOINT_MAX_ENDPOINTS} endpoints as accepted: ${first.answer.slice(0, 500)}`);
    }
    return [{
      name: 'LINE calls for 50 endpoints',
      unit: 'calls',
      target: 1,
      measured: calls.filter((call) => call.includes('/v2/bot/message/')).length,
      detail: 'one campaign event through the bundled send function',
    }];
  } finally {
    standIns.stop();
  }
}

/** Source: Amazon Pinpoint, "Creating custom channels". */
function campaignEvent(): object {
  const userIds = Array.from({ length: PINPOINT_MAX_ENDPOINTS }, (_, index) => `U${index.toString(16).padStart(32, '0')}`);
  return {
    Message: {},
    Data: 'A message to all of them',
    ApplicationId: APPLICATION_ID,
    CampaignId: 'c'.repeat(32),
    TreatmentId: '0',
    ActivityId: 'a'.repeat(32),
    ScheduledTime: new Date().toISOString(),
    Endpoints: Object.fromEntries(userIds.map((userId) => [userId, {
      ChannelType: 'CUSTOM', Address: userId, EndpointStatus: 'ACTIVE', OptOut: 'NONE', User: { UserId: userId },
    }])),
  };
}
