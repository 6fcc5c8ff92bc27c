import { partitionsFor, scanPartsFor } from './plan-recipients';

/** What a campaign is worked out from. */
export interface CampaignSize {
  /** People in chunks. */
  readonly recipients: number;
  readonly chunks: number;
  /** Calls to LINE that decide them, one journal item of at most 500 people each. */
  readonly batches: number;
}

/** A line of the bill. */
export interface CostLine {
  readonly service: string;
  /** What is counted. */
  readonly unit: string;
  readonly quantity: number;
  /** US dollars for a million units. */
  readonly usdPerMillion: number;
  readonly usd: number;
}

/**
 * List prices in US dollars for a million units, without free tiers: the dearer of US East (N. Virginia) and Asia Pacific (Tokyo) in
 * 2026. Source: the pricing pages of AWS Lambda, AWS Step Functions, Amazon DynamoDB (on demand), Amazon S3 (Standard), Amazon
 * EventBridge and Amazon CloudWatch.
 */
export const LIST_PRICES_PER_MILLION = {
  lambdaGbSeconds: 16.6667,
  lambdaRequests: 0.2,
  stateTransitions: 25,
  dynamoReads: 0.1425,
  dynamoWrites: 0.715,
  s3Puts: 5,
  s3Gets: 0.4,
  events: 1,
  logMegabytes: 760,
} as const;

/** Of a subscriber's row, as it is assumed. */
const ROW_BYTES = 512;

/** Read eventually consistently: 4 KB are half a unit. Source: Amazon DynamoDB, "Read and write operations". */
const SCAN_UNITS_PER_PERSON = (0.5 * ROW_BYTES) / 4_096;

/** Opt-outs are read consistently when a batch is made: a unit for a row of up to 4 KB. */
const EXCLUSION_UNITS_PER_PERSON = 1;

/** An item of 500 people takes 8 KB and 1 KB of other fields; it is made, claimed and decided: three writes of 1 KB units. */
const JOURNAL_WRITES_PER_PERSON = (3 * 8) / 500;
const JOURNAL_WRITES_PER_BATCH = 3;

/** Seconds of a gigabyte of memory for a thousand people: scan and spill, pack, send, say what became of it. Assumed, on the safe side. */
export const GB_SECONDS_PER_THOUSAND = 3;

/** Transitions of an item's execution with its start, and of a run's own steps. */
const TRANSITIONS_PER_ITEM = 4;
const TRANSITIONS_PER_RUN = 60;

/** Objects read and written for a chunk: itself, its content, its result, the flag before each batch, a look or two. */
const PUTS_PER_CHUNK = 3;
const GETS_PER_CHUNK = 16;

/** Log lines of a batch, in all functions. */
const LOG_MEGABYTES_PER_BATCH = 0.002;

/** What a campaign of one equal message costs at AWS's list prices, without LINE's fee, service by service (docs/cost.md). */
export function campaignCost({ recipients, chunks, batches }: CampaignSize): readonly CostLine[] {
  const parts = scanPartsFor(recipients);
  // A part writes no object without people.
  const spills = parts * Math.min(partitionsFor(recipients, recipients * ROW_BYTES), Math.ceil(recipients / parts));
  const invocations = 2 * parts + chunks + batches;
  const prices = LIST_PRICES_PER_MILLION;
  return [
    line('AWS Lambda', 'GB-seconds', (recipients / 1_000) * GB_SECONDS_PER_THOUSAND, prices.lambdaGbSeconds),
    line('AWS Lambda', 'requests', invocations, prices.lambdaRequests),
    line('AWS Step Functions', 'state transitions', TRANSITIONS_PER_RUN + TRANSITIONS_PER_ITEM * (parts + chunks), prices.stateTransitions),
    line('Amazon DynamoDB', 'read request units', recipients * (SCAN_UNITS_PER_PERSON + EXCLUSION_UNITS_PER_PERSON), prices.dynamoReads),
    line('Amazon DynamoDB', 'write request units', recipients * JOURNAL_WRITES_PER_PERSON + batches * JOURNAL_WRITES_PER_BATCH, prices.dynamoWrites),
    line('Amazon S3', 'PUT requests', spills + PUTS_PER_CHUNK * chunks, prices.s3Puts),
    line('Amazon S3', 'GET requests', spills + GETS_PER_CHUNK * chunks, prices.s3Gets),
    line('Amazon EventBridge', 'events', batches, prices.events),
    line('Amazon CloudWatch Logs', 'megabytes', batches * LOG_MEGABYTES_PER_BATCH, prices.logMegabytes),
  ];
}

/** US dollars of all lines, to four decimals. */
export function totalUsd(lines: readonly CostLine[]): number {
  return Number(lines.reduce((sum, { usd }) => sum + usd, 0).toFixed(4));
}

function line(service: string, unit: string, quantity: number, usdPerMillion: number): CostLine {
  return { service, unit, quantity, usdPerMillion, usd: (quantity * usdPerMillion) / 1_000_000 };
}
