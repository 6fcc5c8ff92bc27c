import { BatchIdentity, identifyBatch, identifyRun } from './custom-channel-event';
import { isJsonObject, JsonObject } from './line-message';
import { LineStatus } from '../../contract/custom-channel';
import { MESSAGE_TYPES, SendFunctionType } from '../../contract/media';
import { JOURNAL_SHARDS } from '../../contract/send-journal';

/** What became of somebody who was not sent to, or not for certain. */
export type NotReachedStatus = Extract<LineStatus, 'failed' | 'unknown' | 'skipped'>;

/**
 * Place of somebody in the order in which people are named who were not reached: those first who were to be sent to and perhaps still
 * are, then those left out; within each by the place of their batch in the journal and by their own in the batch.
 */
export interface BooksPlace {
  /** 0: failed or unknown; 1: skipped. */
  readonly rank: number;
  readonly shard: number;
  /** Position of the batch in the run. */
  readonly sk: string;
  /** Of the person in the batch, from 0. */
  readonly index: number;
}

/** Which run's books are asked for, and whose names. */
export interface RunBooksRequest {
  readonly kind: 'run';
  readonly runId: string;
  /** People of those not reached who are named, at most. */
  readonly limit: number;
  /** Who is named. */
  readonly statuses: readonly NotReachedStatus[];
  /** Who was named last, on the page before. */
  readonly after?: BooksPlace;
}

/** Which batch's state is asked for. */
export interface BatchStateRequest {
  readonly kind: 'batch';
  readonly identity: BatchIdentity;
}

export type BooksRequest = RunBooksRequest | BatchStateRequest;

/** People not reached who are named unless the request says how many, and at most. */
export const DEFAULT_BOOKS_LIMIT = 100;
export const MAX_BOOKS_LIMIT = 1_000;

export const NOT_REACHED_STATUSES: readonly NotReachedStatus[] = ['failed', 'unknown', 'skipped'];
const FUNCTION_TYPES: readonly string[] = [...MESSAGE_TYPES, 'any'];

/** Run id and position; as many parts as `identifyRun` gives each kind of run, of which none holds a slash. */
const BATCH_ID = /^((?:campaign|journey)(?:\/[^/]+){4}|(?:token|request)(?:\/[^/]+){2})\/(.+)$/;

/**
 * Reads a request for the state of a batch, `{"batchId": "…"}`, or for the books of a run: `{"runId": "…"}`, or the ids of the
 * custom-channel event (`ApplicationId`, `CampaignId`, `TreatmentId`, `ActivityId`; `JourneyId`, `JourneyRunId`,
 * `JourneyActivityId`; or `clientToken` with the `messageType` of the send function), each with `limit`, `status` and `after`
 * or without.
 *
 * @throws an error that names what is wrong, and what is asked for
 */
export function readBooksRequest(input: unknown): BooksRequest {
  if (!isJsonObject(input)) {
    throw new Error(`the input must be an object, {"runId": "…"}, {"batchId": "…"} or the ids of the event that was sent, got ${describe(input)}`);
  }
  if (input.batchId !== undefined) {
    return { kind: 'batch', identity: requestedBatch(input) };
  }
  const { limit = DEFAULT_BOOKS_LIMIT, after } = input;
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 0 || limit > MAX_BOOKS_LIMIT) {
    throw new Error(`limit must be a whole number from 0 to ${MAX_BOOKS_LIMIT}, got ${describe(limit)}`);
  }
  return {
    kind: 'run',
    runId: requestedRun(input),
    limit,
    statuses: requestedStatuses(input),
    ...(after !== undefined && { after: readPlace(after) }),
  };
}

/** The place as an opaque text, for the request of the next page. */
export function writePlace({ rank, shard, sk, index }: BooksPlace): string {
  return Buffer.from(JSON.stringify([rank, shard, sk, index])).toString('base64url');
}

function readPlace(after: unknown): BooksPlace {
  try {
    const [rank, shard, sk, index] = JSON.parse(Buffer.from(after as string, 'base64url').toString()) as unknown[];
    const place = { rank, shard, sk, index } as BooksPlace;
    if ([0, 1].includes(place.rank) && Number.isInteger(place.shard) && place.shard >= 0 && place.shard < JOURNAL_SHARDS
      && typeof sk === 'string' && Number.isInteger(index) && writePlace(place) === after) {
      return place;
    }
  } catch {
    // No such text, like one that says something else.
  }
  throw new Error(`after must be the \`next\` of an answer, unchanged, got ${describe(after)}: leave it out to begin at the beginning`);
}

function requestedStatuses({ status = NOT_REACHED_STATUSES }: JsonObject): readonly NotReachedStatus[] {
  const statuses = Array.isArray(status) ? status : [status];
  if (statuses.length === 0 || !statuses.every((each) => NOT_REACHED_STATUSES.includes(each))) {
    throw new Error(`status must be one of ${NOT_REACHED_STATUSES.join(', ')}, or a list of them, got ${describe(status)}`);
  }
  return statuses;
}

function requestedBatch({ batchId }: JsonObject): BatchIdentity {
  const [, runId, position] = (typeof batchId === 'string' && BATCH_ID.exec(batchId)) || [];
  if (runId === undefined) {
    throw new Error(`batchId must be the id that send events and log lines name, such as "campaign/<project>/<campaign>/<treatment>/<activity>/<position>", got ${describe(batchId)}`);
  }
  return identifyBatch(runId, position);
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
