import { isDeepStrictEqual } from 'node:util';
import { changeTo } from './subscriber-change';
import { PINPOINT_MAX_ATTRIBUTE_NAME_LENGTH, PINPOINT_MAX_ATTRIBUTE_VALUES, PINPOINT_MAX_ATTRIBUTE_VALUE_LENGTH } from '../../contract/limits';
import { Metric } from '../../contract/metrics';
import { SubscriberChange, SubscriberEndpoint, SubscriberRow } from '../../contract/subscriber';
import { errorText } from '../shared/error-text';
import { BatchResponse, QueueRecord, handleInOrder } from '../shared/message-groups';
import { Telemetry } from '../shared/telemetry';

/** Body of Pinpoint's UpdateEndpoint. Source: Amazon Pinpoint API reference, "EndpointRequest". */
export type PinpointEndpoint = Omit<SubscriberEndpoint, 'CreationDate'>;

/** What Pinpoint said to a call. `status` is missing when there was no answer; `name` then is Node's error code. */
export type PinpointAnswer =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly status?: number; readonly name: string; readonly message: string };

/** The endpoints of one Pinpoint project. Neither method throws. */
export interface PinpointEndpointApi {
  update(endpointId: string, endpoint: PinpointEndpoint): Promise<PinpointAnswer>;
  delete(endpointId: string): Promise<PinpointAnswer>;
}

/** What the audience works with. */
export interface UpdatePinpointEndpointsDependencies {
  readonly pinpoint: PinpointEndpointApi;
  /** The person's row in the subscriber table as it is now; throws what DynamoDB throws. */
  readonly readRow: (channelKey: string, subscriberId: string) => Promise<Partial<SubscriberRow> | undefined>;
  /** For log lines. */
  readonly applicationId: string;
  /** For log lines. */
  readonly region: string;
  readonly telemetry: Telemetry;
}

/** Why Pinpoint refused, as far as it tells. */
export type PinpointRefusal = 'THROTTLED' | 'SERVICE_ENDED' | 'PROJECT_NOT_FOUND' | 'ACCESS_DENIED' | 'ENDPOINT_REFUSED' | 'UNAVAILABLE';

const WAY_OUT = 'Subscribers are safe in the subscriber table. To leave Pinpoint, change the class LinePinpointChannel to LineChannel and deploy: only Pinpoint\'s own resources go';

const ADVICE: Record<PinpointRefusal, string> = {
  THROTTLED: 'Pinpoint\'s rate of endpoint calls is exceeded (429); the rest of the batch waits for the queue\'s visibility timeout',
  SERVICE_ENDED: `Pinpoint does not serve endpoints any more: its engagement features ended on 2026-10-30. ${WAY_OUT}`,
  PROJECT_NOT_FOUND: `Pinpoint knows no such project in this region; check applicationId and applicationRegion. If both are right, the project went with Pinpoint's engagement features, which ended on 2026-10-30. ${WAY_OUT}`,
  ACCESS_DENIED: 'AWS refuses the function\'s permissions or credentials; check permission boundaries and service control policies for mobiletargeting:UpdateEndpoint and mobiletargeting:DeleteEndpoint',
  ENDPOINT_REFUSED: `Pinpoint refuses this endpoint, for example because its project has 250 attribute names already. If it refuses every endpoint, its engagement features, which ended on 2026-10-30, are gone. ${WAY_OUT}`,
  UNAVAILABLE: `Pinpoint did not answer, or with an error of its own. If its host name cannot be found (ENOTFOUND) for long, its engagement features, which ended on 2026-10-30, are gone. ${WAY_OUT}`,
};

/**
 * Handles a batch of the FIFO queue of the Pinpoint audience: every subscriber is an endpoint whose id and address are
 * the LINE user id. A change says whose row changed; what is written is the row as it is now, so that a change which lay in
 * the dead-letter queue brings nothing old back. Only where there is no row any more, the change itself counts. A refused change fails the rest of its person; a refusal that meets every change alike (throttling,
 * service ended, wrong project, no permission, no answer, an unreadable table) ends the batch. Failed messages come again after the queue's
 * visibility timeout, which is the back-off, and end in its dead-letter queue.
 */
export async function updatePinpointEndpoints(records: readonly QueueRecord[], deps: UpdatePinpointEndpointsDependencies): Promise<BatchResponse> {
  const { telemetry } = deps;
  let ended = false;
  const response = await handleInOrder(records, async ({ messageId, body }) => {
    if (ended) {
      return false;
    }
    const change = readChange(body);
    if (!change) {
      telemetry.count(Metric.EVENTS_SET_ASIDE);
      telemetry.error('AUDIENCE_CHANGE_UNREADABLE', 'the body is not a subscriber change in JSON; the message was not written by this library and is set aside', { messageId });
      return true;
    }
    const failed = (error: string): false => {
      telemetry.error('AUDIENCE_CHANGE_FAILED', 'the subscriber change could not be applied and is tried again', { messageId, error });
      return false;
    };
    let row: Partial<SubscriberRow> | undefined;
    try {
      row = await deps.readRow(change.channelKey, change.subscriberId);
    } catch (error) {
      ended = true;
      return failed(errorText(error));
    }
    let answer: PinpointAnswer;
    try {
      answer = await apply(row ? changeTo(change.channelKey, change.subscriberId, row) : change, deps);
    } catch (error) {
      // Without its message, which may quote the endpoint.
      return failed((error as Error).name);
    }
    if (answer.kind === 'done') {
      telemetry.count(Metric.AUDIENCE_CHANGES_APPLIED);
      return true;
    }
    const refusal = refusalOf(answer);
    // Without Pinpoint's message, which may quote the endpoint.
    telemetry.error(`PINPOINT_${refusal}`, ADVICE[refusal], {
      applicationId: deps.applicationId, region: deps.region, messageId, status: answer.status, error: answer.name,
    });
    ended = refusal !== 'ENDPOINT_REFUSED';
    return false;
  });
  telemetry.count(Metric.AUDIENCE_CHANGES_REFUSED, response.batchItemFailures.length);
  return response;
}

/**
 * Reads Pinpoint's reason out of its answer. How engagement calls fail since they ended is documented nowhere, so: what
 * says so in words, 403 without a word about permissions, 405, 410 and 501 are taken for the end of the service; 404 may be
 * that, too, or a wrong project. A host name that cannot be found may be back in a minute.
 * Sources: Amazon Pinpoint API reference, "Endpoint"; Amazon Pinpoint user guide, "Amazon Pinpoint end of support".
 */
export function refusalOf({ status, name, message }: { readonly status?: number; readonly name: string; readonly message: string }): PinpointRefusal {
  if (status === 429 || /throttl|TooManyRequests/i.test(name)) {
    return 'THROTTLED';
  }
  if (/end of support|no longer (available|supported)|discontinued|deprecated|retired|sunset/i.test(message)
    || status === 405 || status === 410 || status === 501) {
    return 'SERVICE_ENDED';
  }
  if (/AccessDenied|Token|Signature|UnrecognizedClient|OptInRequired/.test(name) || /not authorized|explicit deny|security token/i.test(message)) {
    return 'ACCESS_DENIED';
  }
  switch (status) {
    case 401: return 'ACCESS_DENIED';
    case 403: return 'SERVICE_ENDED';
    case 404: return 'PROJECT_NOT_FOUND';
    default: return status !== undefined && status >= 400 && status < 500 ? 'ENDPOINT_REFUSED' : 'UNAVAILABLE';
  }
}

async function apply({ change, subscriberId, endpoint }: SubscriberChange, deps: UpdatePinpointEndpointsDependencies): Promise<PinpointAnswer> {
  const { pinpoint, telemetry } = deps;
  if (change === 'ERASE') {
    const answer = await pinpoint.delete(subscriberId);
    return answer.kind === 'refused' && answer.status === 404 && isAboutEndpoint(answer.message) ? { kind: 'done' } : answer;
  }
  const { request, changed } = toPinpointEndpoint(subscriberId, endpoint!);
  if (changed.length > 0) {
    telemetry.info('PINPOINT_ATTRIBUTES_SHORTENED', 'attributes beyond Pinpoint\'s limits were shortened or left out for Pinpoint; the subscriber table keeps them whole', {
      attributes: changed.join(', '),
    });
  }
  return pinpoint.update(subscriberId, request);
}

/** Whether a 404 says that the endpoint is not there, which is what an erasure wants, and not that the project is not. */
function isAboutEndpoint(message: string): boolean {
  return /\bendpoint\b/i.test(message) && !/\b(app|application|project)\b/i.test(message);
}

/**
 * A subscriber as Pinpoint's endpoint, within its limits: attributes with a name of more than 50 characters are left out,
 * of more than 50 values the first 50 go, and values of more than 100 characters, such as a display name, are cut before
 * the character that does not fit, never inside one that takes two UTF-16 units. A URL that long is left out, since a cut
 * one leads nowhere. Rows that others wrote may hold attributes that are no lists of texts; they are left out.
 * Source: Amazon Pinpoint, "Quotas", endpoint quotas.
 *
 * @returns the body of UpdateEndpoint, and the names of the attributes that are not in it as they were
 */
export function toPinpointEndpoint(subscriberId: string, endpoint: SubscriberEndpoint): { request: PinpointEndpoint; changed: string[] } {
  const { CreationDate: _, Attributes, User, ...rest } = endpoint;
  const changed: string[] = [];
  const fit = (attributes: unknown): Record<string, string[]> => {
    const given = Object.entries(isMap(attributes) ? attributes : {});
    const fitted = Object.fromEntries(given
      .filter((entry): entry is [string, string[]] => entry[0].length <= PINPOINT_MAX_ATTRIBUTE_NAME_LENGTH && isTexts(entry[1]))
      .map(([name, values]) => [name, values.slice(0, PINPOINT_MAX_ATTRIBUTE_VALUES).flatMap(fitValue)]));
    changed.push(...given.filter(([name, values]) => !isDeepStrictEqual(values, fitted[name])).map(([name]) => name));
    return fitted;
  };
  const { UserId, UserAttributes }: Record<string, unknown> = isMap(User) ? User : {};
  const request: PinpointEndpoint = {
    ...rest,
    Address: subscriberId,
    ChannelType: 'CUSTOM',
    Attributes: fit(Attributes),
    User: { UserId: typeof UserId === 'string' ? UserId : subscriberId, UserAttributes: fit(UserAttributes) },
  };
  return { request, changed };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function fitValue(value: string): string[] {
  if (value.length <= PINPOINT_MAX_ATTRIBUTE_VALUE_LENGTH) {
    return [value];
  }
  // A high surrogate at the cut would be half a character.
  return /^https?:/.test(value) ? [] : [value.slice(0, PINPOINT_MAX_ATTRIBUTE_VALUE_LENGTH).replace(/[\uD800-\uDBFF]$/, '')];
}

function readChange(body: string): SubscriberChange | undefined {
  try {
    const change: Partial<SubscriberChange> | null = JSON.parse(body);
    const complete = typeof change?.channelKey === 'string' && typeof change.subscriberId === 'string' && change.subscriberId !== ''
      && (change.change === 'ERASE' || (change.change === 'UPSERT' && typeof change.endpoint === 'object' && change.endpoint !== null));
    return complete ? change as SubscriberChange : undefined;
  } catch {
    return undefined;
  }
}
