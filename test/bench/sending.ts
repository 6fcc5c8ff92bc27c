import { APPLICATION_ID, CHUNK_BUCKET, CONTENT_BUCKET, StandIns } from './stand-ins';
import {
  ENV_CONTENT_BUCKET, ENV_JOURNAL_TABLE, ENV_MESSAGE_TYPE, ENV_RETRY_QUEUE_URL, ENV_SENDING, ENV_SUBSCRIBER_TABLE,
} from '../../src/contract/environment';
import { DEFAULT_MULTICASTS_PER_SECOND, DEFAULT_PUSHES_PER_SECOND, SendingConfig } from '../../src/contract/sending';

/** What the sending benchmarks have in common: the functions' settings and their events. */

/** The settings that a channel has unless it is given others. */
const SENDING: SendingConfig = {
  multicastsPerSecond: DEFAULT_MULTICASTS_PER_SECOND,
  pushesPerSecond: DEFAULT_PUSHES_PER_SECOND,
  onLowQuota: 'WARN',
  onUnknownOutcome: 'SET_ASIDE',
  perPersonClaim: false,
};

/** What the constructs write into the environment of a send function or the chunk function. */
export function sendingEnvironment({ awsUrl }: Pick<StandIns, 'awsUrl'>, messageType: 'text' | 'any' = 'text'): Record<string, string> {
  return {
    [ENV_MESSAGE_TYPE]: messageType,
    [ENV_JOURNAL_TABLE]: 'journal',
    [ENV_SUBSCRIBER_TABLE]: 'subscribers',
    [ENV_CONTENT_BUCKET]: CONTENT_BUCKET,
    [ENV_RETRY_QUEUE_URL]: `${awsUrl}/123456789012/retry`,
    [ENV_SENDING]: JSON.stringify(SENDING),
  };
}

/** Person number `index`, as Pinpoint and chunks have them. */
export function person(index: number, more: object = {}): { readonly id: string; readonly endpoint: object } {
  const id = `U${index.toString(16).padStart(32, '0')}`;
  return { id, endpoint: { ChannelType: 'CUSTOM', Address: id, EndpointStatus: 'ACTIVE', OptOut: 'NONE', User: { UserId: id }, ...more } };
}

export function people(count: number, more?: (index: number) => object): ReturnType<typeof person>[] {
  return Array.from({ length: count }, (_, index) => person(index, more?.(index)));
}

/** Events of as many runs. Source: Amazon Pinpoint, "Creating custom channels". */
export function campaignEvents(runs: number, recipients: readonly ReturnType<typeof person>[], data: string): object[] {
  const endpoints = Object.fromEntries(recipients.map(({ id, endpoint }) => [id, endpoint]));
  return Array.from({ length: runs }, (_, run) => ({ ...campaign(run), Data: data, Endpoints: endpoints }));
}

/** Events of one run, of a chunk each, see `contract/chunk-send.ts`. */
export function chunkEvents(run: number, names: readonly string[], data: string): object[] {
  return names.map((name) => ({ ...campaign(run), Data: data, Chunk: { Bucket: CHUNK_BUCKET, Key: `${name}.jsonl` } }));
}

function campaign(run: number): object {
  return {
    Message: {},
    ApplicationId: APPLICATION_ID,
    CampaignId: 'c'.repeat(32),
    TreatmentId: '0',
    ActivityId: run.toString(16).padStart(32, 'a'),
    ScheduledTime: new Date().toISOString(),
  };
}

/** How many endpoints of a send function's reply were accepted. */
export function acceptedOf(reply: string): number {
  return Object.values<any>(JSON.parse(reply)).filter(({ EventAttributes }) => EventAttributes?.LineStatus === 'accepted').length;
}
