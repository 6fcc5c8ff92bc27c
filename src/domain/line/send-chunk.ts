import { logBatches } from './batch-report';
import { ChunkObjects, checkPlaces, chunkId, readChunk } from './chunk-lines';
import { ChunkBatch, chunkReport, isDone, mayHaveBeenTaken, saveResult } from './chunk-result';
import { Addressee, Composition, ContentComposer } from './compose-content';
import { ContentError } from './content-error';
import { EventBatch, identifyRun, toBatches } from './custom-channel-event';
import { KnownBatch, driveBatch } from './drive-batch';
import { invocationClock } from './invocation-clock';
import { MAX_PREVIEW_PEOPLE, previewChunk } from './preview-chunk';
import { FlagStop, RunFlagReader } from './run-flag';
import { Sending, lowQuota, sendBatch } from './send-batch';
import { isDecided } from './send-journal';
import { SendDependencies, SendInvocation, beginSending } from './send-message';
import { ChunkPreview, ChunkSendEvent, ChunkSendResult } from '../../contract/chunk-send';
import { SendErrorCode } from '../../contract/custom-channel';
import { SendRun } from '../../contract/send-journal';
import { errorText } from '../shared/error-text';

export interface ChunkDependencies extends SendDependencies {
  /** Chunks, and what else a runner names. */
  readonly objects: ChunkObjects;
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

/** Less time than this is left to the next invocation. */
const CHUNK_RESERVE_MS = 10_000;

/**
 * Handles an event with a chunk (`contract/chunk-send.ts`): sends to its people, or says what they would get.
 *
 * @throws Error when event, content or chunk cannot be read, and what the buckets throw; a repeat sends to nobody twice
 */
export async function handleChunk(
  event: ChunkSendEvent, invocation: SendInvocation, deps: ChunkDependencies,
): Promise<ChunkSendResult | ChunkPreview> {
  // Anything that is no preview as it must be is refused there: it must not become a send.
  return event.Preview === undefined ? sendChunk(event, invocation, deps) : preview(event, invocation, deps);
}

/**
 * Sends to the people of a chunk, batch by batch, until the function's time is nearly over or the run's flag says stop.
 *
 * The same journal as that of a campaign's event makes a repeat go on where the last one ended. No batch goes to the retry
 * queue: what is undone is the caller's, who comes with the chunk again. The result tells what the journal knows of every batch,
 * also of those that an earlier invocation sent and this one did not get to.
 *
 * What happens to a batch:
 *
 * | | |
 * | --- | --- |
 * | the run goes on | it is sent, or gone on with |
 * | flag `PAUSE` | gone on with if it was attempted, because LINE forgets its keys while the run stands still |
 * | flag `CANCEL`, or the time in which the run may send is over | gone on with only if LINE may have taken some of it |
 * | time nearly over, no credentials, no quota, the run was stopped, content that is wrong | looked up |
 */
export async function sendChunk(event: ChunkSendEvent, invocation: SendInvocation, deps: ChunkDependencies): Promise<ChunkSendResult> {
  const { functionType, telemetry, journal, objects } = deps;
  checkPlaces(event);
  const { Chunk: chunk, Flag, Result } = event;
  const identity = identifyRun(event as unknown as Record<string, unknown>, { requestId: invocation.requestId, functionType });
  if (identity.runId.startsWith('request/')) {
    throw new Error('an event with a `Chunk` must say which run it belongs to, or a repeat would send again; write `clientToken`, or the ids of a campaign or a journey');
  }
  const { runId } = identity;
  const { sending: begun, end } = beginSending(identity, event.Data, invocation, { ...deps, retryQueue: undefined });
  try {
    const flag = new RunFlagReader(Flag, { objects: { read: (...what) => begun.inTime(objects.read(...what)) }, telemetry, now: deps.now });
    const [data, text, firstStop] = await Promise.all([
      begun.inTime(readContent(event, objects)), begun.inTime(objects.read(chunk, 'the chunk')), flag.stop(),
    ]);
    const sending: Sending = { ...begun, composer: deps.composer(data) };
    const batches = toBatches(readChunk(text, chunk.Key), runId, chunkId(chunk));
    const people = batches.flatMap(({ candidates }) => candidates);
    // Who stands still need not be told what is wrong.
    const wrong = firstStop === undefined ? await sending.inTime(checkContent(people, sending)) ?? await lowQuota(people.length, deps) : undefined;
    if (wrong) {
      telemetry.error(wrong.code, wrong.message, { runId });
    }
    const done = new Map<EventBatch, ChunkBatch>();
    const waiting = [...batches];
    let stoppedBy: FlagStop | undefined;
    // A stopped run is gone on with: it takes no call to write down who is not sent to.
    const isOver = () => wrong !== undefined || sending.halted !== undefined || sending.deadline - deps.now() < CHUNK_RESERVE_MS;
    const goOn = async (batch: EventBatch): Promise<ChunkBatch> => {
      const stop = await flag.stop();
      stoppedBy = stop ?? stoppedBy;
      if (isOver()) {
        return lookUp(batch, sending);
      }
      if (stop !== undefined) {
        return settle(batch, stop, sending);
      }
      const sent = await sendBatch(batch, sending);
      logBatches(sent, functionType, telemetry);
      return { members: batch, ...sent };
    };
    const next = async (): Promise<boolean> => {
      const batch = waiting.shift();
      if (batch === undefined) {
        return false;
      }
      done.set(batch, await goOn(batch));
      return true;
    };
    // The first goes alone: it tells whether people have a content each.
    await next();
    const isPersonalised = [...done.values()].some(({ known }) => known.some(({ batch }) => batch.sizes.length > 1));
    const most = isPersonalised ? PARALLEL_GROUPS : PARALLEL_BATCHES;
    const lanes: Promise<void>[] = [];
    const join = () => {
      const lane = work();
      // Whoever waits for another may never hear of it.
      lane.catch(() => undefined);
      lanes.push(lane);
    };
    const work = async (): Promise<void> => {
      while (await next()) {
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
    const ofRun = async () => (await sending.inTime(journal.run(runId)).catch((): Partial<SendRun> => ({}))).stopped;
    const stopped = wrong?.code ?? await ofRun() ?? sending.halted;
    const inOrder = batches.map((batch) => done.get(batch)!);
    const isStopped = stoppedBy !== undefined && inOrder.some((batch) => !isDone(batch));
    const reportOf = (all: readonly ChunkBatch[]) => chunkReport(runId, all, isStopped ? stoppedBy : stopped);
    const report = reportOf(inOrder);
    if (isStopped) {
      telemetry.info(stoppedBy!, 'the run\'s flag stopped the chunk; who was not sent to is gone on with when the run is resumed',
        { runId, undone: report.result.undone.length, pending: report.result.counts.pending });
    }
    if (Result) {
      const lookAgain = async () => reportOf(await Promise.all(inOrder.map(async (batch) => {
        const found = isDone(batch) ? batch : await lookUp(batch.members, sending);
        return found.isUnread ? batch : found;
      })));
      return (await sending.inTime(saveResult(Result, report, { objects, telemetry, lookAgain }))).result;
    }
    return report.result;
  } finally {
    await end();
  }
}

/** @throws Error when the member is no number of people, and what `previewChunk` throws */
async function preview(event: ChunkSendEvent, { remainingMs }: SendInvocation, deps: ChunkDependencies): Promise<ChunkPreview> {
  checkPlaces(event);
  const People: unknown = event.Preview?.People;
  if (typeof People !== 'number' || !Number.isInteger(People) || People < 1 || People > MAX_PREVIEW_PEOPLE) {
    throw new Error(`\`Preview.People\` must be a whole number from 1 to ${MAX_PREVIEW_PEOPLE}, got ${JSON.stringify(People)?.slice(0, 200)}`);
  }
  const clock = invocationClock(remainingMs - PREVIEW_MARGIN_MS, deps.sleep);
  try {
    const [data, text] = await clock.inTime(Promise.all([readContent(event, deps.objects), deps.objects.read(event.Chunk, 'the chunk')]));
    const people = readChunk(text, event.Chunk.Key, People);
    const batches = toBatches(people, 'preview', chunkId(event.Chunk));
    return await clock.inTime(previewChunk(people.map(([id]) => id), batches, deps.composer(data), deps));
  } finally {
    clock.stop();
  }
}

/** Time to answer that the rest was too slow. */
const PREVIEW_MARGIN_MS = 1_000;

async function readContent({ Content, Data }: ChunkSendEvent, objects: ChunkObjects): Promise<unknown> {
  return Content === undefined ? Data : objects.read(Content, 'the content');
}

/** What the journal knows of a batch, with which nothing is done. */
async function lookUp(batch: EventBatch, sending: Sending): Promise<ChunkBatch> {
  const { deps: { journal, now, telemetry }, inTime } = sending;
  try {
    const item = await inTime(journal.load(batch.identity));
    // Without time it is only followed into the batches that it was split into.
    const known = item === undefined ? [] : await driveBatch({ batch: item }, { ...sending, deadline: now() });
    return { members: batch, known, isKept: item !== undefined };
  } catch (error) {
    telemetry.warn('JOURNAL_NOT_READ', 'what became of a batch could not be looked up; whoever comes next finds it out', { batchId: batch.identity.batchId, reason: errorText(error) });
    return { members: batch, known: [], isKept: false, isUnread: true };
  }
}

/** Drives a batch to a decision if it has been begun, as far as the flag lets it. */
async function settle(batch: EventBatch, stop: FlagStop, sending: Sending): Promise<ChunkBatch> {
  const found = await lookUp(batch, sending);
  const wasBegun: (each: KnownBatch) => boolean = stop === SendErrorCode.RUN_PAUSED
    ? (each) => found.known[0].batch.attempts > 0 && !isDecided(each.batch)
    : mayHaveBeenTaken;
  if (!found.known.some(wasBegun)) {
    return found;
  }
  const { functionType, telemetry } = sending.deps as ChunkDependencies;
  const known = await driveBatch({ batch: found.known[0].batch }, sending);
  logBatches({ known, isRepeat: true, problems: [] }, functionType, telemetry);
  return { ...found, known };
}

/**
 * What is wrong with the content for everybody: found before it fails a batch for good. What is wrong only for people who are not sent to
 * is not wrong, and what is wrong for some is not for the others to wait for.
 */
async function checkContent(people: readonly Addressee[], { composer, deps }: Sending): Promise<ContentError | undefined> {
  if (await composer.check(people) === undefined && !await isFirstRefused(people, composer)) {
    return undefined;
  }
  const reasons = await deps.subscriptions.exclusions(people.map(({ to }) => to));
  const candidates = people.filter(({ to }) => !reasons.has(to));
  return await composer.check(candidates) ?? errorOf(await composer.compose(candidates));
}

/** Whether the content cannot be made for the first person: one for whom it can is enough to go on. */
async function isFirstRefused([first]: readonly Addressee[], composer: ContentComposer): Promise<boolean> {
  try {
    return first !== undefined && errorOf(await composer.compose([first])) !== undefined;
  } catch {
    // A bucket that fails is the batches' own business: it fails nobody for good.
    return false;
  }
}

function errorOf(composed: Composition | ContentError): ContentError | undefined {
  return composed instanceof ContentError ? composed : undefined;
}
