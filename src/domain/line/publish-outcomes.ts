import { engagementEvents } from './engagement-event';
import { bookOf } from './send-books';
import { isDecided } from './send-journal';
import { Metric } from '../../contract/metrics';
import { QuotaExhaustedDetail, SendBatchDetail, SendEventType, SendRunStoppedDetail } from '../../contract/send-events';
import { QuotaNotice, SendBatch, SendRun } from '../../contract/send-journal';
import { errorText } from '../shared/error-text';
import { BatchResponse } from '../shared/message-groups';
import { Telemetry } from '../shared/telemetry';

/** What a record of the send journal's stream says, read. */
export type JournalChange =
  /** A batch was made, or has changed. */
  | { readonly kind: 'batch'; readonly before?: SendBatch; readonly after: SendBatch }
  /** So was what a run's batches share. */
  | { readonly kind: 'run'; readonly before?: SendRun; readonly after: SendRun }
  /** LINE said, for the first time in an hour, that the quota is used up. */
  | { readonly kind: 'quota'; readonly notice: QuotaNotice }
  /** A row that says nothing to anybody, or that was deleted. */
  | { readonly kind: 'other' }
  /** Nobody can read it, now or later. */
  | { readonly kind: 'unreadable'; readonly reason: string };

/** A record of the stream, read. */
export interface JournalRecord {
  readonly sequenceNumber: string;
  readonly change: JournalChange;
}

/** An event for the channel's bus, from the sender. */
export type SendEventEntry = (
  | { readonly detailType: SendEventType.BATCH_DECIDED; readonly detail: SendBatchDetail }
  | { readonly detailType: SendEventType.RUN_STOPPED; readonly detail: SendRunStoppedDetail }
  | { readonly detailType: SendEventType.QUOTA_EXHAUSTED; readonly detail: QuotaExhaustedDetail }
) & {
  /** Epoch milliseconds when it happened; absent: now. */
  readonly time?: number;
};

/** An event that the bus did not take. */
export interface RefusedEvent {
  /** In the request. */
  readonly position: number;
  /** EventBridge's error code. */
  readonly code: string;
  /** True when the event itself is the reason, so that the bus would refuse it for ever. */
  readonly permanent: boolean;
}

/** What publishing works with. */
export interface PublishOutcomesDependencies {
  readonly channelKey: string;
  /** AWS account id, for engagement events. */
  readonly accountId: string;
  /** @returns the events that the bus did not take; throws when the request as a whole failed */
  readonly publish: (events: readonly SendEventEntry[]) => Promise<readonly RefusedEvent[]>;
  /** Takes all of the lines of JSON, or throws; absent when engagement events are off. */
  readonly putEngagementEvents?: (lines: readonly string[]) => Promise<void>;
  readonly telemetry: Telemetry;
}

/** Entries of one PutEvents. Source: Amazon EventBridge API reference, "PutEvents". */
export const MAX_BUS_ENTRIES = 10;

/** LINE's request ids in an event. */
const MAX_REQUEST_IDS = 10;

/** A record that there is something to say of. */
interface Outcome {
  /** In the batch of records. */
  readonly position: number;
  readonly event: SendEventEntry;
  /** The batch that was decided, if that is the outcome. */
  readonly batch?: SendBatch;
}

/**
 * Says what became of sends, as the journal's stream tells it: an event on the channel's bus per decided batch, stopped run
 * and used-up quota; per person a line in the stream of engagement events, where there is one; and the counts of messages,
 * which are counted nowhere else. A batch is decided once: an acceptance that comes to light after that changes the books,
 * not what was said.
 *
 * At least once: what a failed record's successors have been through is repeated. The lines go first, because those of a
 * repeat are equal to the last byte, so that a reader of the lake can tell; counts come last.
 *
 * @returns the sequence number of the first record that is not done: the stream resumes there.
 * Source: AWS Lambda, "Configuring partial batch response with DynamoDB and Lambda".
 */
export async function publishOutcomes(records: readonly JournalRecord[], deps: PublishOutcomesDependencies): Promise<BatchResponse> {
  const outcomes = records.flatMap(({ sequenceNumber, change }, position): Outcome[] => {
    if (change.kind === 'unreadable') {
      setAside(deps.telemetry, { sequenceNumber, reason: change.reason });
    }
    const outcome = outcomeOf(change, deps.channelKey);
    return outcome ? [{ position, ...outcome }] : [];
  });
  const recorded = await putLines(outcomes, deps);
  const published = await putEvents(outcomes.slice(0, recorded), deps);
  outcomes.slice(0, published).forEach((outcome) => count(outcome, deps.telemetry));
  return { batchItemFailures: published < outcomes.length ? [{ itemIdentifier: records[outcomes[published].position].sequenceNumber }] : [] };
}

function outcomeOf(change: JournalChange, channelKey: string): Omit<Outcome, 'position'> | undefined {
  switch (change.kind) {
    case 'batch':
      return isDecided(change.after) && !(change.before && isDecided(change.before))
        ? { event: batchDecided(change.after, channelKey), batch: change.after }
        : undefined;
    case 'run': {
      const { runId, stopped } = change.after;
      return stopped !== undefined && change.before?.stopped === undefined
        ? { event: { detailType: SendEventType.RUN_STOPPED, detail: { channelKey, runId, code: stopped } } }
        : undefined;
    }
    case 'quota': {
      const { noticedAt, quota, used } = change.notice;
      const known = { ...(quota !== undefined && { quota }), ...(used !== undefined && { used }) };
      const detail = { channelKey, noticedAt: new Date(noticedAt).toISOString(), ...known };
      return { event: { detailType: SendEventType.QUOTA_EXHAUSTED, detail, time: noticedAt } };
    }
    default:
      return undefined;
  }
}

function batchDecided(batch: SendBatch, channelKey: string): SendEventEntry {
  const { runId, source, batchId, state, outcome, requestIds = [], aggregationUnit, decidedAt = batch.createdAt } = batch;
  const { accepted, skipped, failed, unknown, reasons } = bookOf([batch]);
  return {
    detailType: SendEventType.BATCH_DECIDED,
    detail: {
      channelKey,
      runId,
      ...(source && { source }),
      batchId,
      state,
      counts: { accepted, skipped, failed, unknown },
      reasons,
      ...(outcome?.status !== undefined && { status: outcome.status }),
      requestIds: requestIds.filter((id) => id !== '').slice(0, MAX_REQUEST_IDS),
      ...(aggregationUnit !== undefined && { aggregationUnit }),
      decidedAt: new Date(decidedAt).toISOString(),
    },
    time: decidedAt,
  };
}

/** @returns how many of the outcomes are done, from the first on */
async function putLines(outcomes: readonly Outcome[], deps: PublishOutcomesDependencies): Promise<number> {
  const { putEngagementEvents, telemetry } = deps;
  if (!putEngagementEvents) {
    return outcomes.length;
  }
  for (const [index, { batch }] of outcomes.entries()) {
    const lines = batch ? engagementEvents(batch, deps).map((event) => JSON.stringify(event)) : [];
    if (lines.length > 0) {
      try {
        await putEngagementEvents(lines);
      } catch (error) {
        telemetry.error('ENGAGEMENT_STREAM_FAILED', 'engagement events of a batch could not be written and are tried again, and so is what the bus is told of it', {
          batchId: batch!.batchId, reason: errorText(error),
        });
        return index;
      }
    }
  }
  return outcomes.length;
}

/** @returns how many of the outcomes are done, from the first on */
async function putEvents(outcomes: readonly Outcome[], { publish, telemetry }: PublishOutcomesDependencies): Promise<number> {
  for (let start = 0; start < outcomes.length; start += MAX_BUS_ENTRIES) {
    const events = outcomes.slice(start, start + MAX_BUS_ENTRIES).map(({ event }) => event);
    const refused = await publish(events).catch((error): RefusedEvent[] => [{ position: 0, code: errorText(error), permanent: false }]);
    refused.filter(({ permanent }) => permanent).forEach(({ position, code }) => {
      const { detailType, detail } = events[position];
      setAside(telemetry, { detailType, reason: code, ...('runId' in detail && { runId: detail.runId }), ...('batchId' in detail && { batchId: detail.batchId }) });
    });
    const waiting = refused.filter(({ permanent }) => !permanent);
    if (waiting.length > 0) {
      telemetry.error('SEND_EVENTS_FAILED', 'outcomes of sends could not be published on the bus and are tried again', { reason: waiting[0].code });
      return start + Math.min(...waiting.map(({ position }) => position));
    }
  }
  return outcomes.length;
}

function setAside(telemetry: Telemetry, fields: { reason: string; [field: string]: string }): void {
  telemetry.count(Metric.EVENTS_SET_ASIDE);
  telemetry.error('SEND_OUTCOME_SET_ASIDE', 'an outcome cannot be published and is set aside; the send journal has it, ask the function that reads the books of the run', fields);
}

function count({ event }: Outcome, telemetry: Telemetry): void {
  switch (event.detailType) {
    case SendEventType.RUN_STOPPED:
      return telemetry.count(Metric.RUNS_STOPPED);
    case SendEventType.QUOTA_EXHAUSTED:
      return telemetry.count(Metric.QUOTA_EXHAUSTED);
    default: {
      const { accepted, skipped, failed, unknown } = event.detail.counts;
      telemetry.count(Metric.MESSAGES_ACCEPTED, accepted);
      telemetry.count(Metric.MESSAGES_SKIPPED, skipped);
      telemetry.count(Metric.MESSAGES_FAILED, failed);
      return telemetry.count(Metric.MESSAGES_UNKNOWN, unknown);
    }
  }
}
