import { randomBytes } from 'node:crypto';
import { StoredEndpoint } from './pinpoint-endpoints';
import { CustomChannelEndpoint, CustomChannelEvent } from '../src/contract/custom-channel';

/** Source: Amazon Pinpoint, "Creating custom channels": at most 50 endpoints per invocation. */
const MAX_ENDPOINTS = 50;

/** An id of Pinpoint's form. */
export function pinpointId(): string {
  return randomBytes(16).toString('hex');
}

/**
 * The events with which Amazon Pinpoint invokes a channel's function for one run of a campaign. Opted-out endpoints are in:
 * Pinpoint documents no filter, so the channel has to have its own.
 * Source: Amazon Pinpoint, "Creating custom channels".
 *
 * @param data what the marketer wrote; undefined when the field was left out
 */
export function campaignEvents(endpoints: readonly StoredEndpoint[], applicationId: string, data?: string): CustomChannelEvent[] {
  const campaign = {
    Message: {},
    ...(data !== undefined && { Data: data }),
    ApplicationId: applicationId,
    CampaignId: pinpointId(),
    TreatmentId: '0',
    ActivityId: pinpointId(),
    ScheduledTime: new Date().toISOString(),
  };
  const events: CustomChannelEvent[] = [];
  for (let i = 0; i < endpoints.length; i += MAX_ENDPOINTS) {
    const some = endpoints.slice(i, i + MAX_ENDPOINTS).map((endpoint) => [endpoint.Id, asInEvent(endpoint)]);
    events.push({ ...campaign, Endpoints: Object.fromEntries(some) });
  }
  return events;
}

/** The id is the key in the event and no member; the cohort is an attribute there. */
function asInEvent({ Id, ApplicationId, RequestId, CohortId, ...endpoint }: StoredEndpoint): CustomChannelEndpoint {
  return { ...endpoint, Attributes: { ...endpoint.Attributes, CohortId: [CohortId] } };
}
