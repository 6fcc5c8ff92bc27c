import { identifyRun } from './custom-channel-event';
import { isJsonObject, JsonObject } from './line-message';
import { MESSAGE_TYPES, SendFunctionType } from '../../contract/media';

/** Which run's books are asked for. */
export interface BooksRequest {
  readonly runId: string;
  /** People of those not reached who are named, at most. */
  readonly limit: number;
}

/** People not reached who are named unless the request says how many, and at most. */
export const DEFAULT_BOOKS_LIMIT = 100;
export const MAX_BOOKS_LIMIT = 1_000;

const FUNCTION_TYPES: readonly string[] = [...MESSAGE_TYPES, 'any'];

/**
 * Reads a request for the books of a run: `{"runId": "…"}`, or the ids of the custom-channel event (`ApplicationId`,
 * `CampaignId`, `TreatmentId`, `ActivityId`; `JourneyId`, `JourneyRunId`, `JourneyActivityId`; or `clientToken` with the
 * `messageType` of the send function), each with a `limit` or without.
 *
 * @throws an error that names what is wrong, and what is asked for
 */
export function readBooksRequest(input: unknown): BooksRequest {
  if (!isJsonObject(input)) {
    throw new Error(`the input must be an object, {"runId": "…"} or the ids of the event that was sent, got ${describe(input)}`);
  }
  const { limit = DEFAULT_BOOKS_LIMIT } = input;
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 0 || limit > MAX_BOOKS_LIMIT) {
    throw new Error(`limit must be a whole number from 0 to ${MAX_BOOKS_LIMIT}, got ${describe(limit)}`);
  }
  return { runId: requestedRun(input), limit };
}

function requestedRun(input: JsonObject): string {
  const { runId, messageType } = input;
  if (runId !== undefined) {
    // Every run id begins so; others would meet the journal's other rows.
    if (typeof runId !== 'string' || !/^[a-z]+\/./.test(runId)) {
      throw new Error(`runId must be the id that send events and log lines name, such as "campaign/<project>/<campaign>/<treatment>/<activity>", got ${describe(runId)}`);
    }
    return runId;
  }
  if (messageType !== undefined && !FUNCTION_TYPES.includes(messageType as string)) {
    throw new Error(`messageType must be one of ${FUNCTION_TYPES.join(', ')}, got ${describe(messageType)}`);
  }
  const identity = identifyRun(input, { requestId: '', functionType: (messageType ?? 'any') as SendFunctionType });
  if (identity.runId.startsWith('request/')) {
    throw new Error('the input names no run: give runId, or CampaignId and ActivityId (with ApplicationId and TreatmentId, if the event had them), or JourneyRunId and JourneyActivityId (with ApplicationId and JourneyId), or clientToken and messageType');
  }
  if (identity.runId.startsWith('token/') && messageType === undefined) {
    throw new Error(`messageType must be given with clientToken, because equal tokens of two send functions are two runs: one of ${FUNCTION_TYPES.join(', ')}`);
  }
  return identity.runId;
}

/** A value in an error, cut short. */
function describe(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 200);
}
