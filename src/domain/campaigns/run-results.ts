import { CampaignCounts, CampaignRun, FrozenChunk, ResultManifest, runKey } from '../../contract/campaigns';
import { ChunkSendResult } from '../../contract/chunk-send';
import { SendErrorCode } from '../../contract/custom-channel';

/** The first line of a chunk's result object. */
export interface StoredResult extends ChunkSendResult {
  /** Epoch milliseconds when the object was written, to the second. */
  readonly writtenAt: number;
  /** Tells the object from another one that was written in the same second. */
  readonly version: string;
}

/** A chunk of a run, and what is known of it. */
export interface ChunkState {
  readonly chunk: FrozenChunk;
  readonly result?: StoredResult;
  /** It was sent and did not come back since: the result, if there is one, is an earlier one. */
  readonly isOpen?: boolean;
}

/** People of a run by outcome, as its record keeps them. */
export type RunBooks = Required<Pick<CampaignRun, 'counts' | 'treatments' | 'reasons' | 'aggregationUnits' | 'ambiguous'>>;

/** Units that a record keeps. LINE counts for 1,000 of a month at most. Source: LINE, Messaging API reference, "Aggregation units". */
const MAX_UNITS = 1_000;

/** Key of the result object of a chunk. */
export function resultKey(runId: string, chunkName: string): string {
  return runKey(runId, `results/${chunkName}.jsonl`);
}

/** Key of a chunk. */
export function chunkKey(runId: string, generation: number, chunkName: string): string {
  return runKey(runId, `chunks-${generation}/${chunkName}.jsonl`);
}

/**
 * Reads the first line of a result object.
 *
 * @returns undefined when the line is not one, as of an object that somebody else wrote: its chunk is then one without a result
 */
export function readResult(line: string, writtenAt: number, version: string): StoredResult | undefined {
  try {
    const result: StoredResult = { ...JSON.parse(line), writtenAt, version };
    const isResult = result.counts && OUTCOMES.every((outcome) => Number.isInteger(result.counts[outcome])) && Array.isArray(result.undone);
    return isResult ? result : undefined;
  } catch {
    return undefined;
  }
}

const OUTCOMES = ['accepted', 'skipped', 'failed', 'unknown'] as const;

/** Everybody of the chunk is decided. */
export function isDone({ result }: ChunkState): boolean {
  return result !== undefined && result.undone.length === 0;
}

/** People of the chunk to whom a request went out, or may have gone out, that is not decided. */
export function ambiguousOf(state: ChunkState): number {
  if (isDone(state)) {
    return 0;
  }
  return state.isOpen ? undecidedOf(state) : state.result?.ambiguous ?? 0;
}

/** People of the chunk of whom its result says nothing. */
function undecidedOf({ chunk, result }: ChunkState): number {
  const { accepted = 0, skipped = 0, failed = 0, unknown = 0 } = result?.counts ?? {};
  return Math.max(0, chunk.people - accepted - skipped - failed - unknown);
}

/**
 * People of a chunk by outcome: those of whom nothing is known are pending.
 *
 * @param isOver nobody asks about undecided requests any more: their people are unknown for ever
 */
export function countsOf(state: ChunkState, isOver: boolean = false): CampaignCounts {
  const { accepted = 0, skipped = 0, failed = 0, unknown: decided = 0 } = state.result?.counts ?? {};
  const unknown = decided + (isOver ? ambiguousOf(state) : 0);
  return { accepted, skipped, failed, unknown, pending: Math.max(0, undecidedOf(state) - (unknown - decided)) };
}

export const NO_COUNTS: CampaignCounts = { accepted: 0, skipped: 0, failed: 0, unknown: 0, pending: 0 };

export function addCounts(one: CampaignCounts, other: CampaignCounts): CampaignCounts {
  return {
    accepted: one.accepted + other.accepted,
    skipped: one.skipped + other.skipped,
    failed: one.failed + other.failed,
    unknown: one.unknown + other.unknown,
    pending: one.pending + other.pending,
  };
}

/**
 * The books of a run: by outcome, by treatment, by reason.
 *
 * @param isOver see `countsOf`
 */
export function booksOf(chunks: readonly ChunkState[], isOver: boolean = false): RunBooks {
  const treatments = new Map<string, CampaignCounts & { readonly recipients: number }>();
  const reasons = new Map<string, number>();
  const units = new Set<string>();
  let counts = NO_COUNTS;
  let ambiguous = 0;
  for (const state of chunks) {
    const { chunk, result } = state;
    const own = countsOf(state, isOver);
    const { recipients, ...before } = treatments.get(chunk.treatment) ?? { ...NO_COUNTS, recipients: 0 };
    treatments.set(chunk.treatment, { ...addCounts(before, own), recipients: recipients + chunk.people });
    counts = addCounts(counts, own);
    const undecided = ambiguousOf(state);
    ambiguous += isOver ? 0 : undecided;
    if (isOver && undecided > 0) {
      reasons.set(SendErrorCode.LINE_UNDECIDED, (reasons.get(SendErrorCode.LINE_UNDECIDED) ?? 0) + undecided);
    }
    Object.entries(result?.reasons ?? {}).forEach(([code, people]) => reasons.set(code, (reasons.get(code) ?? 0) + people));
    result?.aggregationUnits?.forEach((unit) => units.add(unit));
  }
  return {
    counts,
    treatments: Object.fromEntries(treatments),
    reasons: Object.fromEntries([...reasons].sort(([one], [other]) => (one < other ? -1 : 1))),
    aggregationUnits: [...units].sort().slice(0, MAX_UNITS),
    ambiguous,
  };
}

/**
 * Refused share of those whom the channel was asked about, in per cent. People who were left out (`skipped`) say nothing about the
 * content. 0 when nobody was asked about.
 */
export function refusedPercent({ accepted, failed, unknown }: Pick<CampaignCounts, 'accepted' | 'failed' | 'unknown'>): number {
  const asked = accepted + failed + unknown;
  return asked === 0 ? 0 : (100 * failed) / asked;
}

/** The list of a run's result objects. */
export function manifestOf(run: CampaignRun, bucket: string, chunks: readonly ChunkState[]): ResultManifest {
  const { runId, campaign, state, counts = NO_COUNTS } = run;
  return {
    runId,
    campaign,
    state,
    recipients: chunks.reduce((sum, { chunk }) => sum + chunk.people, 0),
    counts,
    bucket,
    results: chunks.flatMap(({ chunk, result }) => (result
      ? [{ key: resultKey(runId, chunk.name), treatment: chunk.treatment, recipients: chunk.people }]
      : [])),
    missing: chunks.filter(({ result }) => result === undefined).map(({ chunk }) => chunk.name),
  };
}
