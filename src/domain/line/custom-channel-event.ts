import { createHash } from 'node:crypto';
import { Addressee } from './compose-content';
import { JsonObject, isJsonObject } from './line-message';
import { CustomChannelReply, EndpointResult, LineStatus, SendErrorCode } from '../../contract/custom-channel';
import { LINE_USER_ID_PATTERN, MULTICAST_MAX_RECIPIENTS, PINPOINT_MAX_EVENT_ATTRIBUTE_LENGTH } from '../../contract/limits';
import { SendFunctionType } from '../../contract/media';
import { BatchExclusion, JOURNAL_SHARDS, RunSource } from '../../contract/send-journal';
import { nameBasedUuid } from '../shared/name-based-uuid';

/** What a batch is known by. */
export interface BatchIdentity {
  /** Partition key of the journal, `<run id>#<shard>`. */
  readonly pk: string;
  /** Position in the run, the journal's sort key. */
  readonly sk: string;
  /** Run id and position in one. */
  readonly batchId: string;
  /** `X-Line-Retry-Key`: the UUID v5 of the batch id. */
  readonly retryKey: string;
}

/** Up to 500 endpoints: those that may be sent to as far as the event tells, and those that may not. */
export interface EventBatch {
  readonly identity: BatchIdentity;
  readonly candidates: readonly Addressee[];
  readonly excluded: readonly BatchExclusion[];
}

/** A custom-channel event, read. */
export interface SendEvent extends SendIdentity {
  /** `Data` as it came. */
  readonly data: unknown;
  /** In stable order; none when the event has no endpoints. */
  readonly batches: readonly EventBatch[];
  /** `Endpoints` is there, but is no map: how many members it has, whom nobody can name in a reply. */
  readonly unnamedEndpoints: number;
}

/**
 * Reads Amazon Pinpoint's custom-channel event, or anything that may have come in its place.
 *
 * Batches are cut from the sorted ids of all endpoints, before anybody is left out: so the set of ids alone, which a
 * repeat of the event has in common with the first, decides who belongs to which batch, whatever has changed since.
 * Source: Amazon Pinpoint, "Creating custom channels".
 */
export function readEvent(event: unknown, invocation: EventInvocation): SendEvent {
  const fields = asObject(event);
  const identity = identifyRun(fields, invocation);
  const endpoints = Array.isArray(fields.Endpoints) ? {} : asObject(fields.Endpoints);
  const ids = Object.keys(endpoints).sort();
  const setOfIds = sha256(JSON.stringify(ids));
  return {
    ...identity,
    data: fields.Data,
    batches: toBatches(ids.map((id) => [id, endpoints[id]]), identity.runId, setOfIds),
    unnamedEndpoints: Array.isArray(fields.Endpoints) ? fields.Endpoints.length : 0,
  };
}

/**
 * Batches of a list of endpoints whose order never changes.
 *
 * @param listId what tells the list from the run's others
 */
export function toBatches(endpoints: readonly (readonly [string, unknown])[], runId: string, listId: string): EventBatch[] {
  return cut(screen(endpoints)).map((members, index) => ({
    identity: identifyBatch(runId, `${listId}-${String(index).padStart(3, '0')}`),
    candidates: members.filter((member): member is Addressee => 'to' in member),
    excluded: members.filter((member): member is BatchExclusion => 'code' in member),
  }));
}

/** The invocation that an event came with. */
export interface EventInvocation {
  /** Lambda's request id, which asynchronous retries keep. Names the run when nothing in the event does. */
  readonly requestId: string;
  /** Of the function. */
  readonly functionType: SendFunctionType;
}

/** What tells a run from others, and whose it is. */
export interface SendIdentity {
  readonly runId: string;
  readonly source: RunSource;
}

/**
 * Bytes of a batch's endpoint ids, as JSON. What else its journal item holds at most: 64,000 bytes of content, 500 LINE user
 * ids, request ids and reasons, and 50 bytes around each endpoint id, together some 140,000 bytes.
 * Source: Amazon DynamoDB, "Quotas": an item has at most 400 KB (409,600 bytes).
 */
const MAX_ID_BYTES = 180_000;

/** Batches by number and by size, which nothing but the ids decides. An id that is longer has a batch of its own. */
function cut<T extends { readonly id: string }>(members: readonly T[]): T[][] {
  const batches: T[][] = [];
  let room = 0;
  for (const member of members) {
    const bytes = Buffer.byteLength(JSON.stringify(member.id));
    if (bytes > room || batches[batches.length - 1].length === MULTICAST_MAX_RECIPIENTS) {
      batches.push([]);
      room = MAX_ID_BYTES;
    }
    batches[batches.length - 1].push(member);
    room -= bytes;
  }
  return batches;
}

/**
 * What makes two events the same run. Campaign, treatment and activity; for journeys both run and activity, without
 * which next week's same message would look like a repeat; else an explicit token; else the invocation. Token and
 * invocation count per message type, so that a text and an image under one token are two sends.
 *
 * A person who comes back to a journey's activity in the same journey run, for as long as the journal remembers (90 days),
 * looks like a repeat when the event's set of endpoints is the same: Pinpoint's event says nothing that would tell them apart.
 */
export function identifyRun(event: JsonObject, { requestId, functionType }: EventInvocation): SendIdentity {
  const text = (name: string) => (typeof event[name] === 'string' && event[name] !== '' ? event[name] : undefined);
  const runId = (kind: string, ...parts: string[]) => [kind, ...parts.map(keyPart)].join('/');

  const application = text('ApplicationId');
  const [campaign, treatment, activity] = [text('CampaignId'), text('TreatmentId') ?? '0', text('ActivityId')];
  const [journey, journeyRun, journeyActivity] = [text('JourneyId'), text('JourneyRunId'), text('JourneyActivityId')];
  const origin = campaign ? 'campaign' : journey ?? journeyRun ?? journeyActivity ? 'journey' : 'direct';
  // For reports: what is longer than any id could not be kept in an item.
  const named = (ids: Omit<RunSource, 'origin'>) =>
    Object.fromEntries(Object.entries(ids).flatMap(([name, id]) => (id === undefined ? [] : [[name, id.slice(0, MAX_SOURCE_LENGTH)]])));
  const source: RunSource = {
    origin,
    ...named({ application, ...(campaign ? { campaign, treatment, activity } : { journey, journeyRun, journeyActivity }) }),
  };
  if (campaign && activity) {
    return { source, runId: runId('campaign', application ?? '-', campaign, treatment, activity) };
  }
  if (!campaign && journeyRun && journeyActivity) {
    return { source, runId: runId('journey', application ?? '-', journey ?? '-', journeyRun, journeyActivity) };
  }
  const token = text('clientToken');
  return { source, runId: token ? runId('token', functionType, token) : runId('request', functionType, requestId) };
}

/** Characters of an id of the event that are kept for reports. Pinpoint's have 32. */
const MAX_SOURCE_LENGTH = 256;

/** A part of a key: as it is when it is plain and short, else its hash. The two cannot be mistaken for each other. */
function keyPart(part: string): string {
  return /^[\w.-]{1,128}$/.test(part) ? part : `sha256:${sha256(part)}`;
}

/** Key, shard and retry key of a position in a run. */
export function identifyBatch(runId: string, position: string): BatchIdentity {
  const batchId = `${runId}/${position}`;
  const shard = parseInt(sha256(position).slice(0, 8), 16) % JOURNAL_SHARDS;
  return { pk: `${runId}#${shard}`, sk: position, batchId, retryKey: nameBasedUuid(RETRY_KEY_NAMESPACE, batchId) };
}

/** The namespace of this library's retry keys. Never changed: another value would send a repeated batch again. */
const RETRY_KEY_NAMESPACE = '3b52e76c-6293-46bb-9dd3-5c971aee1fb9';

/**
 * Who of the event may be sent to. Pinpoint passes endpoints of every type that a campaign names, and does not say
 * whether it keeps the opted out and inactive back. Of several endpoints with one address the first by id is kept:
 * LINE does not say what it does with an id that is listed twice.
 */
function screen(endpoints: readonly (readonly [string, unknown])[]): (Addressee | BatchExclusion)[] {
  const addresses = new Set<string>();
  return endpoints.map(([id, value]) => {
    const endpoint = asObject(value);
    const { ChannelType, OptOut, EndpointStatus, Address } = endpoint;
    const skipped = (code: SendErrorCode): BatchExclusion => ({ id, status: 'skipped', code });
    if (ChannelType !== undefined && ChannelType !== 'CUSTOM') {
      return skipped(SendErrorCode.NOT_CUSTOM_CHANNEL);
    }
    if (typeof Address !== 'string' || !LINE_USER_ID_PATTERN.test(Address)) {
      return skipped(SendErrorCode.NOT_A_LINE_USER_ID);
    }
    if (OptOut === 'ALL') {
      return skipped(SendErrorCode.OPTED_OUT);
    }
    if (EndpointStatus === 'INACTIVE') {
      return skipped(SendErrorCode.INACTIVE);
    }
    if (addresses.has(Address)) {
      return skipped(SendErrorCode.DUPLICATE_ADDRESS);
    }
    addresses.add(Address);
    return { id, to: Address, endpoint };
  });
}

/** An endpoint's entry in the reply. Source: Amazon Pinpoint, "Quotas": five attributes, values of 128 characters. */
export function endpointResult(status: LineStatus, code?: SendErrorCode, requestId?: string): EndpointResult {
  return {
    EventAttributes: {
      LineStatus: status,
      ...(code && { LineErrorCode: code }),
      ...(requestId && { LineRequestId: requestId.slice(0, PINPOINT_MAX_EVENT_ATTRIBUTE_LENGTH) }),
    },
  };
}

/** The reply from its entries. Ids are the caller's: even `__proto__` becomes a member like any other. */
export function toReply(entries: Iterable<readonly [string, EndpointResult]>): CustomChannelReply {
  return Object.fromEntries(entries);
}

function asObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** UTF-16, so that no two strings, however malformed, are taken for one. */
export function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf16le').digest('hex');
}
