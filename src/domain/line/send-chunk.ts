import { logBatches } from './batch-report';
import { Addressee } from './compose-content';
import { ContentError } from './content-error';
import { EventBatch, identifyRun, sha256, toBatches } from './custom-channel-event';
import { isJsonObject } from './line-message';
import { Sending, SentBatch, lowQuota, sendBatch } from './send-batch';
import { bookOf } from './send-books';
import { isDecided } from './send-journal';
import { SendDependencies, SendInvocation, beginSending } from './send-message';
import { ChunkSendEvent, ChunkSendResult } from '../../contract/chunk-send';
import { SendRun } from '../../contract/send-journal';

export interface ChunkDependencies extends SendDependencies {
  readonly chunks: {
    /** The text of a chunk. */
    read(chunk: ChunkSendEvent['Chunk']): Promise<string>;
  };
}

/** Batches that are sent side by side: 180 multicasts a second, each with 200 milliseconds of tables and LINE. */
const PARALLEL_BATCHES = 40;

/** The same of batches whose people have a content each, of which every one makes calls side by side. */
const PARALLEL_GROUPS = 4;

/**
 * So many begin, and another joins with each batch that has ended: all at once would open hundreds of connections, which takes a
 * small function longer than a connection may take.
 */
const PARALLEL_AT_FIRST = 4;

/**
 * Sends to the people of a chunk (`contract/chunk-send.ts`), batch by batch, until the function's time is nearly over.
 *
 * The same journal as that of a campaign's event makes a repeat go on where the last one ended. No batch goes to the retry
 * queue: what is undone is the caller's, who comes with the chunk again.
 *
 * @throws Error when event or chunk cannot be read, and what the chunk's bucket throws
 */
export async function sendChunk(event: ChunkSendEvent, invocation: SendInvocation, deps: ChunkDependencies): Promise<ChunkSendResult> {
  const { functionType, telemetry, journal } = deps;
  const { Chunk: chunk } = event;
  if (!isJsonObject(chunk) || typeof chunk.Bucket !== 'string' || typeof chunk.Key !== 'string') {
    throw new Error('`Chunk` must name the object of recipients as {"Bucket","Key"}; write where it is');
  }
  const identity = identifyRun(event as unknown as Record<string, unknown>, { requestId: invocation.requestId, functionType });
  if (identity.runId.startsWith('request/')) {
    throw new Error('an event with a `Chunk` must say which run it belongs to, or a repeat would send again; write `clientToken`, or the ids of a campaign or a journey');
  }
  const { sending, end } = beginSending(identity, event.Data, invocation, { ...deps, retryQueue: undefined });
  try {
    const batches = toBatches(readChunk(await sending.inTime(deps.chunks.read(chunk)), chunk.Key), identity.runId, chunkId(chunk));
    const people = batches.flatMap(({ candidates }) => candidates);
    const wrong = await sending.inTime(checkContent(people, sending)) ?? await lowQuota(people.length, deps);
    if (wrong) {
      telemetry.error(wrong.code, wrong.message, { runId: identity.runId });
      return { ...report(identity.runId, batches, []), stopped: wrong.code };
    }
    const sent: SentBatch[] = [];
    const waiting = [...batches];
    // A stopped run is gone on with: it takes no call to write down who is not sent to.
    const isOver = () => sending.halted !== undefined || sending.deadline - deps.now() < CHUNK_RESERVE_MS;
    const sendNext = async (): Promise<boolean> => {
      const batch = isOver() ? undefined : waiting.shift();
      if (batch === undefined) {
        return false;
      }
      const done = await sendBatch(batch, sending);
      logBatches(done, functionType, telemetry);
      sent.push(done);
      return true;
    };
    // The first goes alone: it tells whether people have a content each.
    await sendNext();
    const isPersonalised = sent.some(({ known }) => known.some(({ batch }) => batch.sizes.length > 1));
    const most = isPersonalised ? PARALLEL_GROUPS : PARALLEL_BATCHES;
    const lanes: Promise<void>[] = [];
    const join = () => {
      const lane = sendOn();
      // Whoever waits for another may never hear of it.
      lane.catch(() => undefined);
      lanes.push(lane);
    };
    const sendOn = async (): Promise<void> => {
      while (await sendNext()) {
        if (lanes.length < most) {
          join();
        }
      }
    };
    Array.from({ length: PARALLEL_AT_FIRST }, join);
    // Those that have joined meanwhile are waited for, too.
    for (const lane of lanes) {
      await lane;
    }
    const { stopped = sending.halted } = await sending.inTime(journal.run(identity.runId)).catch((): Partial<SendRun> => ({}));
    return { ...report(identity.runId, batches, sent), ...(stopped && { stopped }) };
  } finally {
    await end();
  }
}

/** What is wrong only for people who are not sent to is not wrong. */
async function checkContent(people: readonly Addressee[], { composer, deps }: Sending): Promise<ContentError | undefined> {
  if (await composer.check(people) === undefined) {
    return undefined;
  }
  const reasons = await deps.subscriptions.exclusions(people.map(({ to }) => to));
  return composer.check(people.filter(({ to }) => !reasons.has(to)));
}

/** Less time than this is left to the next invocation. */
const CHUNK_RESERVE_MS = 10_000;

function report(runId: string, batches: readonly EventBatch[], sent: readonly SentBatch[]): ChunkSendResult {
  const { recipients, reasons, ...counts } = bookOf(sent.flatMap(({ known }) => known.map(({ batch }) => batch)));
  const all = batches.reduce((sum, { candidates, excluded }) => sum + candidates.length + excluded.length, 0);
  const isDone = ({ known, isKept }: SentBatch) => isKept && known.every(({ batch, error }) => isDecided(batch) && error === undefined);
  const done = new Set(sent.filter(isDone).map(({ batchId }) => batchId));
  return {
    runId,
    recipients: all,
    counts: { ...counts, pending: all - counts.accepted - counts.skipped - counts.failed - counts.unknown },
    undone: batches.filter(({ identity }) => !done.has(identity.batchId)).map(({ identity }) => identity.batchId),
  };
}

/** An overwritten chunk is another one. */
function chunkId({ Bucket, Key, VersionId }: ChunkSendEvent['Chunk']): string {
  return sha256(JSON.stringify([Bucket, Key, ...VersionId === undefined ? [] : [VersionId]])).slice(0, 32);
}

function readChunk(text: string, key: string): (readonly [string, unknown])[] {
  const ids = new Set<string>();
  return text.split('\n').filter((line) => line.trim() !== '').map((line, index) => {
    let parsed: unknown;
    try {
      parsed = JSON.parse(line);
    } catch {
      // Said below.
    }
    if (!isJsonObject(parsed) || typeof parsed.id !== 'string') {
      throw new Error(`line ${index + 1} of chunk ${JSON.stringify(key)} must be {"id","endpoint"} as JSON; write the chunk again`);
    }
    if (ids.size === ids.add(parsed.id).size) {
      throw new Error(`line ${index + 1} of chunk ${JSON.stringify(key)} has an id that another line has; write each endpoint once`);
    }
    return [parsed.id, parsed.endpoint] as const;
  });
}
