import { peopleOf, PersonOutcome } from './send-books';
import { RunSource, SendBatch } from '../../contract/send-journal';
import { wellFormed } from '../shared/well-formed';

/** Name → text. */
type Texts = { readonly [name: string]: string };

/**
 * A record of Amazon Pinpoint's event stream. Sources: Amazon Pinpoint, "Campaign event data stream", "Journey event data".
 */
export interface EngagementEvent {
  readonly event_type: '_campaign.send' | '_journey.send';
  /** Epoch milliseconds. */
  readonly event_timestamp: number;
  readonly arrival_timestamp: number;
  /** Of the schema. */
  readonly event_version: '3.1';
  readonly application: { readonly app_id: string; readonly sdk: Texts };
  /** `client_id` is the endpoint id. */
  readonly client: { readonly client_id: string };
  readonly device: { readonly platform: Texts };
  readonly session: Texts;
  readonly attributes: Texts;
  /** `endpoint` is JSON. */
  readonly client_context: { readonly custom: { readonly endpoint: string } };
  readonly awsAccountId: string;
}

/** Whose events they are. */
export interface EngagementContext {
  /** AWS account id. */
  readonly accountId: string;
  /** Stands for the Pinpoint project's id where the sender was not called by one. */
  readonly channelKey: string;
}

/**
 * What became of each person of a decided batch, in the form of Amazon Pinpoint's event stream, so that queries written for
 * it go on working. People whom a batch's children took over are in the children's events.
 *
 * - The type is `_journey.send` for journeys and `_campaign.send` for campaigns and for whoever else called the sender; of the
 *   latter the run id stands for the campaign's id.
 * - Pinpoint writes a line for a send that failed, too, and tells by `campaign_send_status` or `journey_send_status`. Of its
 *   values these two, which it has for both, are used: `SUCCESS` when LINE took the message, `FAILURE` for everybody else. A
 *   query that counts successes is right therefore, and one that counts lines counts everybody.
 * - The whole truth is in attributes of our own: `LineStatus` (`accepted`, `skipped`, `failed`, `unknown`), `LineErrorCode`,
 *   `LineRequestId`, and `LineBatchId`.
 * - Both times are that of the decision: a line that comes twice, because streams deliver at least once, is the same to the
 *   last byte, and `LineBatchId` with `client_id` names it.
 * - `client_context.custom.endpoint` holds channel type and address, of those whom LINE was called for. The sender keeps no
 *   more of an endpoint, and no text or profile.
 */
export function engagementEvents(batch: SendBatch, { accountId, channelKey }: EngagementContext): EngagementEvent[] {
  const { source = { origin: 'direct' }, decidedAt = batch.createdAt } = batch;
  return peopleOf(batch).map((person) => ({
    event_type: source.origin === 'journey' ? '_journey.send' : '_campaign.send',
    event_timestamp: decidedAt,
    arrival_timestamp: decidedAt,
    event_version: '3.1',
    application: { app_id: wellFormed(source.application ?? channelKey), sdk: {} },
    client: { client_id: wellFormed(person.id) },
    device: { platform: {} },
    session: {},
    attributes: present({
      ...(source.origin === 'journey' ? journeyAttributes(source, person) : campaignAttributes(source, person, batch)),
      LineStatus: person.status,
      LineErrorCode: person.code,
      LineRequestId: person.requestId,
      LineBatchId: batch.batchId,
    }),
    client_context: { custom: { endpoint: JSON.stringify(person.to === undefined ? {} : { ChannelType: 'CUSTOM', Address: person.to }) } },
    awsAccountId: accountId,
  }));
}

/** A standard campaign's treatment is `0`. Source: Amazon Pinpoint, "Campaign event data stream", attributes. */
function campaignAttributes({ campaign, treatment = '0', activity }: RunSource, person: PersonOutcome, { runId }: SendBatch) {
  return {
    campaign_id: campaign ?? runId,
    treatment_id: treatment,
    campaign_activity_id: activity,
    delivery_type: 'CUSTOM',
    campaign_send_status: sendStatus(person),
  };
}

function journeyAttributes({ journey, journeyRun, journeyActivity }: RunSource, person: PersonOutcome) {
  return {
    journey_id: journey,
    journey_run_id: journeyRun,
    journey_activity_id: journeyActivity,
    journey_activity_type: 'CUSTOM',
    journey_send_status: sendStatus(person),
  };
}

function sendStatus({ status }: PersonOutcome): string {
  return status === 'accepted' ? 'SUCCESS' : 'FAILURE';
}

/** Attributes that there are. The ids are texts of the caller: what is no well-formed string would break a reader of the lake. */
function present(attributes: { readonly [name: string]: string | undefined }): Texts {
  return Object.fromEntries(Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [[name, wellFormed(value)]])));
}
