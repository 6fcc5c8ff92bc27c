import { LineApi } from './line-api';
import { isJsonObject } from './line-message';
import { Metric } from '../../contract/metrics';
import { errorText } from '../shared/error-text';
import { Telemetry } from '../shared/telemetry';

/**
 * Distinct units of a calendar month. From the next one on LINE sends the message and drops the unit, without a word.
 * Source: LINE, "Get statistics of sent messages" (unit-based statistics aggregation).
 */
export const MAX_AGGREGATION_UNITS = 1_000;

/** From here on every new unit is a warning. */
export const LOW_AGGREGATION_UNITS = 900;

const LINE_TIME_ZONE_MS = 9 * 60 * 60 * 1_000;

/** The calendar month in LINE's time zone, UTC+9: `2026-11`. */
export function lineMonth(epochMs: number): string {
  return new Date(epochMs + LINE_TIME_ZONE_MS).toISOString().slice(0, 'yyyy-mm'.length);
}

/** Which units a month has seen. */
export interface AggregationUnits {
  /** @returns whether the unit is new in the month; throws what the store throws */
  putUnit(month: string, unit: string): Promise<boolean>;
}

export interface AggregationUnitDependencies {
  readonly line: LineApi;
  readonly units: AggregationUnits;
  readonly telemetry: Telemetry;
  /** Epoch milliseconds. */
  now(): number;
}

/**
 * Watches how many aggregation units the month has used, because LINE does not say when it drops one. It says
 * `AGGREGATION_UNITS_LOW` from 900 on and `AGGREGATION_UNITS_EXHAUSTED` from 1,000 on, for each new unit once.
 */
export class AggregationUnitWatch {
  private month = '';
  private readonly known = new Set<string>();

  constructor(private readonly deps: AggregationUnitDependencies) {}

  /**
   * Notes that a unit is used. Start it beside the send and await it at the end of the invocation: it delays nothing and
   * never throws.
   *
   * @param timeoutMs milliseconds for LINE's answer
   */
  public async note(unit: string, timeoutMs: number): Promise<void> {
    const { units, telemetry, now } = this.deps;
    const month = lineMonth(now());
    if (this.month !== month) {
      this.month = month;
      this.known.clear();
    }
    if (this.known.has(unit)) {
      return;
    }
    this.known.add(unit);
    try {
      if (await units.putUnit(month, unit)) {
        this.report(unit, await this.used(timeoutMs));
      }
    } catch (error) {
      this.known.delete(unit);
      telemetry.warn('AGGREGATION_UNIT_NOT_NOTED', 'the send goes on; how many units are left was not asked', { unit, error: errorText(error) });
    }
  }

  /** Units of this month. Source: LINE, Messaging API reference, "Get number of units used this month". */
  private async used(timeoutMs: number): Promise<number | undefined> {
    const answer = await this.deps.line.call({ method: 'GET', path: '/v2/bot/message/aggregation/info', timeoutMs });
    if (answer.kind !== 'response' || answer.status !== 200) {
      return undefined;
    }
    try {
      const body: unknown = JSON.parse(answer.body);
      return isJsonObject(body) && typeof body.numOfCustomAggregationUnits === 'number' ? body.numOfCustomAggregationUnits : undefined;
    } catch {
      return undefined;
    }
  }

  private report(unit: string, used: number | undefined): void {
    const { telemetry } = this.deps;
    if (used === undefined || used < LOW_AGGREGATION_UNITS) {
      return;
    }
    if (used < MAX_AGGREGATION_UNITS) {
      telemetry.count(Metric.AGGREGATION_UNITS_LOW);
      telemetry.warn('AGGREGATION_UNITS_LOW', `${used} of LINE's ${MAX_AGGREGATION_UNITS} aggregation units of the month are used: use units again instead of new ones`, { unit, used });
    } else {
      telemetry.count(Metric.AGGREGATION_UNITS_EXHAUSTED);
      telemetry.error('AGGREGATION_UNITS_EXHAUSTED', `all ${MAX_AGGREGATION_UNITS} aggregation units of the month are used: LINE sends messages with a new one but counts nothing for it`, { unit, used });
    }
  }
}
