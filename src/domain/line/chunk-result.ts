import { ChunkObjects } from './chunk-lines';
import { EventBatch } from './custom-channel-event';
import { isJsonObject } from './line-message';
import { SentBatch } from './send-batch';
import { peopleOf } from './send-books';
import { callsOf, isDecided, isOpen } from './send-journal';
import { ChunkResultLine, ChunkSendResult, ObjectPlace } from '../../contract/chunk-send';
import { SendErrorCode } from '../../contract/custom-channel';
import { BatchState, CallState } from '../../contract/send-journal';
import { Telemetry } from '../shared/telemetry';

/** A batch of a chunk, and what an invocation knows of it at the end. */
export interface ChunkBatch {
  readonly members: EventBatch;
  readonly known: SentBatch['known'];
  /** In the journal. */
  readonly isKept: boolean;
  /** The journal could not be asked. */
  readonly isUnread?: boolean;
}

/** A chunk's result, and a line for each of its people. */
export interface ChunkReport {
  readonly result: ChunkSendResult;
  readonly lines: readonly ChunkResultLine[];
}

/**
 * What became of everybody in a chunk. The counts are those of the lines: everybody has one, and people of a batch that is not
 * in the journal are pending, whatever would have become of them.
 *
 * @param stopped why the chunk was not gone on with
 */
export function chunkReport(runId: string, batches: readonly ChunkBatch[], stopped?: SendErrorCode): ChunkReport {
  const counts = { accepted: 0, skipped: 0, failed: 0, unknown: 0, pending: 0 };
  const reasons: { [code in SendErrorCode]?: number } = {};
  const units = new Set<string>();
  const undone: string[] = [];
  const lines: ChunkResultLine[] = [];
  let ambiguous = 0;
  for (const { members, known, isKept, isUnread } of batches) {
    const outcomes = new Map(isKept ? known.flatMap(({ batch }) => peopleOf(batch)).map((outcome) => [outcome.id, outcome]) : []);
    const isUndone = !isDone({ known, isKept });
    const doubted = new Set(isKept ? peopleInDoubt(known) : isUnread ? members.candidates.map(({ id }) => id) : []);
    for (const member of [...members.candidates, ...members.excluded]) {
      const found = outcomes.get(member.id);
      const isAmbiguous = isUndone && (doubted.has(member.id) || (isKept && found === undefined));
      const line: ChunkResultLine = {
        ...found ?? { id: member.id, ...('to' in member && { to: member.to }), status: 'deferred' },
        ...(isAmbiguous && { ambiguous: true }),
      };
      ambiguous += isAmbiguous ? 1 : 0;
      lines.push(line);
      counts[line.status === 'deferred' ? 'pending' : line.status]++;
      if (found?.code !== undefined) {
        reasons[found.code] = (reasons[found.code] ?? 0) + 1;
      }
    }
    known.forEach(({ batch: { aggregationUnit } }) => isKept && aggregationUnit !== undefined && units.add(aggregationUnit));
    if (isUndone) {
      undone.push(members.identity.batchId);
    }
  }
  return {
    lines,
    result: {
      runId,
      recipients: lines.length,
      counts,
      ...(Object.keys(reasons).length > 0 && { reasons }),
      undone,
      ...(ambiguous > 0 && { ambiguous }),
      ...(stopped !== undefined && { stopped }),
      ...(units.size > 0 && { aggregationUnits: [...units].sort() }),
    },
  };
}

/** Whether everybody of a batch, and of those that it was split into, is decided for certain. */
export function isDone({ known, isKept }: Pick<ChunkBatch, 'known' | 'isKept'>): boolean {
  return isKept && known.every(({ batch, error }) => isDecided(batch) && error === undefined);
}

/** Endpoint ids of people whose message LINE may have taken without our knowing. */
function peopleInDoubt(known: ChunkBatch['known']): readonly string[] {
  return known.flatMap(({ batch, error }) => callsOf(batch)
    .filter((call) => call.state === CallState.AMBIGUOUS || (isOpen(call) && (batch.state === BatchState.IN_FLIGHT || error !== undefined)))
    .flatMap(({ recipients }) => recipients.map(({ id }) => id)));
}

/** Whether LINE may have taken something of an item that is not decided. */
export function mayHaveBeenTaken({ batch }: ChunkBatch['known'][number]): boolean {
  return batch.state === BatchState.AMBIGUOUS || batch.state === BatchState.IN_FLIGHT;
}

/** How often a result object that somebody else has written meanwhile is looked at. */
const WRITE_ATTEMPTS = 5;

/** What saving a result takes. */
export interface SaveResultDependencies {
  readonly objects: Pick<ChunkObjects, 'firstLine' | 'write'>;
  readonly telemetry: Telemetry;
  /** The report anew, with what is undone looked up once more. */
  readonly lookAgain: () => Promise<ChunkReport>;
}

/**
 * Writes a chunk's result object, unless the one that is there knows more: an invocation that was kept up, or could not read the
 * journal, must not take back what a later one has written. Where the two do not agree on who may have got the message, what is undone is
 * looked up once more: a doubt that were taken back would have people sent to a second time.
 *
 * @returns the report as it is then
 * @throws what the bucket throws, so that the caller comes again: nothing is sent a second time
 */
export async function saveResult(
  place: ObjectPlace, report: ChunkReport, { objects, telemetry, lookAgain }: SaveResultDependencies,
): Promise<ChunkReport> {
  let mine = report;
  let over: string | undefined;
  for (let attempt = 0; attempt < WRITE_ATTEMPTS; attempt++) {
    const { result, lines } = mine;
    if (await objects.write(place, `${[result, ...lines].map((line) => JSON.stringify(line)).join('\n')}\n`, over)) {
      return mine;
    }
    const there = await objects.firstLine(place);
    if (there !== undefined && result.undone.length > 0 && doubtOf(there.text, result) !== (result.ambiguous ?? 0)) {
      mine = await lookAgain();
    }
    if (there !== undefined && knowsMore(there.text, mine.result)) {
      telemetry.info('RESULT_KEPT', 'the result object that is there knows more of the chunk than this invocation; it was left as it is', { runId: result.runId, key: place.Key });
      return mine;
    }
    over = there?.version;
  }
  throw new Error(`result object ${JSON.stringify(place.Key)} was written by others ${WRITE_ATTEMPTS} times in a row; come with the chunk again`);
}

/** People in doubt, as the first line of a result object of the same run says; as in `mine` when it does not say. */
function doubtOf(firstLine: string, mine: ChunkSendResult): number {
  const doubt = mine.ambiguous ?? 0;
  try {
    const theirs: unknown = JSON.parse(firstLine);
    const { runId, ambiguous = 0 } = isJsonObject(theirs) ? theirs : {};
    return runId === mine.runId && typeof ambiguous === 'number' ? ambiguous : doubt;
  } catch {
    return doubt;
  }
}

/** Whether the first line of a result object of the same run leaves fewer people, or fewer batches, undecided. */
function knowsMore(firstLine: string, mine: ChunkSendResult): boolean {
  let theirs: unknown;
  try {
    theirs = JSON.parse(firstLine);
  } catch {
    return false;
  }
  const { runId, counts, undone } = isJsonObject(theirs) ? theirs : {};
  const pending = isJsonObject(counts) ? counts.pending : undefined;
  if (runId !== mine.runId || typeof pending !== 'number' || !Array.isArray(undone)) {
    return false;
  }
  return pending < mine.counts.pending || (pending === mine.counts.pending && undone.length < mine.undone.length);
}
