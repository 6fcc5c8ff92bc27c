import { LineApi } from './line-api';
import { JsonObject, isJsonObject } from './line-message';
import { QuotaNotice } from '../../contract/send-journal';
import { LowQuotaPolicy } from '../../contract/sending';
import { errorText } from '../shared/error-text';
import { Telemetry } from '../shared/telemetry';

/**
 * The account's messages of the month, as LINE counts them: a message to one person is one, whatever it consists of.
 * Source: LINE, Messaging API reference, "Get the target limit for sending messages this month".
 */
export interface Quota {
  /** False: the plan has no limit, or LINE does not say the figure. */
  readonly limited: boolean;
  readonly quota?: number;
  /** Approximate, with what was sent from LINE Official Account Manager. Absent when LINE does not tell. */
  readonly used?: number;
  /** Absent without a limit, or when LINE does not tell what is used. Never negative. */
  readonly remaining?: number;
}

/**
 * Asks LINE for the month's quota and what is used of it. Never throws.
 *
 * @param timeoutMs milliseconds for both questions, which are asked side by side
 * @returns undefined when LINE does not tell whether there is a limit
 */
export async function readQuota(line: LineApi, timeoutMs: number): Promise<Quota | undefined> {
  const [limit, consumption] = await Promise.all([
    ask(line, '/v2/bot/message/quota', timeoutMs),
    ask(line, '/v2/bot/message/quota/consumption', timeoutMs),
  ]);
  const used = countOf(consumption?.totalUsage);
  const usage = used === undefined ? {} : { used };
  if (limit?.type === 'none') {
    return { limited: false, ...usage };
  }
  const quota = countOf(limit?.value);
  if (limit?.type !== 'limited' || quota === undefined) {
    return undefined;
  }
  return { limited: true, quota, ...usage, ...(used !== undefined && { remaining: Math.max(0, quota - used) }) };
}

/** The JSON object that LINE answers; undefined for any other answer or none. */
async function ask(line: LineApi, path: string, timeoutMs: number): Promise<JsonObject | undefined> {
  const answer = await line.call({ method: 'GET', path, timeoutMs });
  if (answer.kind !== 'response' || answer.status !== 200) {
    return undefined;
  }
  try {
    const body: unknown = JSON.parse(answer.body);
    return isJsonObject(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined;
}

/**
 * Whether LINE refuses a request to so many people for the month's quota, as far as LINE tells: it takes a request whole or
 * not at all. Source: LINE, Messaging API reference, "Error responses": 429, "You have reached your monthly limit."
 */
export function isExhausted(quota: Quota | undefined, recipients: number = 1): boolean {
  return quota?.remaining !== undefined && quota.remaining < recipients;
}

/** What becomes of a send to so many people. A quota that LINE does not tell stops nobody: LINE itself refuses what is too much. */
export function checkQuota(policy: LowQuotaPolicy, recipients: number, quota: Quota | undefined): 'send' | 'warn' | 'refuse' {
  if (policy === 'SEND' || !isExhausted(quota, recipients)) {
    return 'send';
  }
  return policy === 'WARN' ? 'warn' : 'refuse';
}

/** Milliseconds for which an answer about the quota is good before a send. */
const QUOTA_AGE_MS = 30_000;

/** The same after a 429: it must not be from before the quota ran out, and many requests are refused at once. */
const QUOTA_AGE_AFTER_429_MS = 2_000;

/** Where the month's used-up quota is made known: a row an hour (see `contract/send-journal.ts`). */
export interface QuotaNotices {
  /** @returns whether this is the first notice of its hour; throws what the store throws */
  putQuotaNotice(notice: QuotaNotice): Promise<boolean>;
}

export interface QuotaDependencies {
  readonly line: LineApi;
  readonly notices: QuotaNotices;
  readonly telemetry: Telemetry;
  /** Epoch milliseconds. */
  now(): number;
}

/** The quota as one instance knows it. No method throws. */
export class QuotaReader {
  private readAt = -Infinity;
  private reading?: Promise<Quota | undefined>;
  private noticedHour?: string;

  constructor(private readonly deps: QuotaDependencies) {}

  /** The quota, no older than 30 seconds, or than `maxAgeMs`. Those who ask at the same time share LINE's answer; no answer is not kept. */
  public async read(timeoutMs: number, maxAgeMs: number = QUOTA_AGE_MS): Promise<Quota | undefined> {
    if (this.reading === undefined || this.deps.now() - this.readAt >= maxAgeMs) {
      this.readAt = this.deps.now();
      const reading = readQuota(this.deps.line, timeoutMs);
      this.reading = reading;
      if (await reading === undefined && this.reading === reading) {
        this.reading = undefined;
      }
      return reading;
    }
    return this.reading;
  }

  /**
   * Whether LINE's 429 to a request to so many people is about the month's quota, and not about the rate. LINE's texts are
   * not stable, so its figures decide. A used-up quota is made known, once an hour by all instances together.
   */
  public async isExhausted(timeoutMs: number, recipients: number = 1): Promise<boolean> {
    const quota = await this.read(timeoutMs, QUOTA_AGE_AFTER_429_MS);
    if (quota === undefined || !isExhausted(quota, recipients)) {
      return false;
    }
    await this.notice(quota);
    return true;
  }

  private async notice({ quota, used }: Quota): Promise<void> {
    const { notices, telemetry, now } = this.deps;
    const noticedAt = now();
    const hour = quotaHour(noticedAt);
    if (this.noticedHour === hour) {
      return;
    }
    this.noticedHour = hour;
    try {
      if (await notices.putQuotaNotice({ noticedAt, quota, used })) {
        telemetry.error('LINE_QUOTA_EXHAUSTED', 'the month\'s quota is used up: nothing more is sent until the plan is changed or the month is over', { quota, used });
      }
    } catch (error) {
      this.noticedHour = undefined;
      telemetry.warn('QUOTA_NOTICE_NOT_STORED', 'the month\'s quota is used up, and no event tells of it', { quota, used, error: errorText(error) });
    }
  }
}

/** The hour of a notice, ISO 8601 in UTC. */
export function quotaHour(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 'yyyy-mm-ddThh'.length);
}
