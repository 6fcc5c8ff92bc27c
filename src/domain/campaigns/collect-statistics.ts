import { CampaignObjects } from './campaign-objects';
import { RunsStore } from './runs';
import { CampaignRun, CampaignState, runKey } from '../../contract/campaigns';
import { errorText } from '../shared/error-text';
import { Telemetry } from '../shared/telemetry';

/** What the channel's function of statistics is asked. */
export interface StatisticsRequest {
  readonly units: readonly string[];
  /** Days, `2026-11-23`, in the time zone of the channel's statistics. */
  readonly from: string;
  readonly to: string;
}

/** What it answers: what the channel says of each unit, or why not. */
export interface StatisticsAnswer {
  readonly units: { readonly [unit: string]: unknown };
}

/** `runs/<run id>/statistics.json` */
export interface RunStatistics extends StatisticsRequest {
  /** ISO 8601. */
  readonly collectedAt: string;
  /** What the channel last said of each unit; `error` where it never said anything. */
  readonly answers: { readonly [unit: string]: unknown };
}

export interface StatisticsDependencies {
  readonly runs: Pick<RunsStore, 'list'>;
  readonly objects: CampaignObjects;
  readonly ask: (request: StatisticsRequest) => Promise<StatisticsAnswer>;
  readonly telemetry: Telemetry;
  readonly now: () => number;
  /** Milliseconds until Lambda ends the invocation. */
  readonly remainingMs: () => number;
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Days that a channel's statistics change: LINE keeps them for 14. Source: LINE, Messaging API reference, "Get statistics per unit". */
const COLLECTED_DAYS = 14;

/** A run may have begun long before it was written that it ended. */
const MAX_RUN_DAYS = 31;

/** LINE counts days in Japan's time zone. */
const STATISTICS_OFFSET_MS = 9 * 60 * 60 * 1_000;

/** Most days of one question. Source: LINE, Messaging API reference, "Get statistics per unit", `to`. */
const MAX_DAYS = 30;

/** Less time than this is left to the next invocation. */
const RESERVE_MS = 30_000;

/** States in which something was sent. */
const SENT_STATES = [
  CampaignState.SENDING, CampaignState.HELD, CampaignState.PAUSED, CampaignState.CANCELLED, CampaignState.EXPIRED, CampaignState.COMPLETED,
  CampaignState.FAILED,
];

/**
 * Collects what the channel counted for the units of the last weeks' runs, the newest first, into an object of each run. A unit that
 * the channel says nothing of this time keeps what it said before.
 *
 * @returns runs whose statistics were written
 */
export async function collectStatistics(deps: StatisticsDependencies): Promise<number> {
  const { runs, objects, telemetry, now } = deps;
  let collected = 0;
  for (const state of SENT_STATES) {
    for await (const run of recentRuns(state, runs, now())) {
      if (deps.remainingMs() < RESERVE_MS) {
        telemetry.warn('CAMPAIGN_STATISTICS_CUT_SHORT', 'there are more runs than there is time to collect statistics for; the rest waits for the next day', { collected });
        return collected;
      }
      try {
        const key = runKey(run.runId, 'statistics.json');
        const request = requestFor(run, now());
        const { units } = await deps.ask(request);
        const before: Partial<RunStatistics> = JSON.parse(await objects.read(key) ?? '{}');
        const answers = Object.fromEntries(Object.entries(units).map(([unit, answer]) =>
          [unit, isError(answer) ? before.answers?.[unit] ?? answer : answer]));
        const statistics: RunStatistics = { ...request, collectedAt: new Date(now()).toISOString(), answers: { ...before.answers, ...answers } };
        await objects.write(key, JSON.stringify(statistics));
        collected++;
      } catch (error) {
        telemetry.error('CAMPAIGN_STATISTICS_FAILED', 'the statistics of a run could not be collected; the next day tries again while the channel keeps them', {
          runId: run.runId, reason: errorText(error),
        });
      }
    }
  }
  return collected;
}

async function* recentRuns(state: CampaignState, runs: StatisticsDependencies['runs'], now: number): AsyncGenerator<CampaignRun> {
  const createdFrom = new Date(now - (COLLECTED_DAYS + MAX_RUN_DAYS) * DAY_MS).toISOString();
  let after: string | undefined;
  do {
    const page = await runs.list(state, { createdFrom, ...(after !== undefined && { after }) });
    yield* page.runs.filter((run) => run.kind === 'SEND' && run.aggregationUnits?.length
      && now - Date.parse(run.endedAt ?? run.updatedAt) < COLLECTED_DAYS * DAY_MS);
    after = page.next;
  } while (after !== undefined);
}

function requestFor({ aggregationUnits, startedAt, createdAt }: CampaignRun, now: number): StatisticsRequest {
  const from = Math.max(Date.parse(startedAt ?? createdAt), now - (MAX_DAYS - 1) * DAY_MS);
  return { units: aggregationUnits!, from: dayOf(from), to: dayOf(now) };
}

function dayOf(at: number): string {
  return new Date(at + STATISTICS_OFFSET_MS).toISOString().slice(0, 10);
}

function isError(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'error' in answer;
}
