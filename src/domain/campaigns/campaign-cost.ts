import { MAX_WAVE, WAVES } from './next-step';
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
 * 2026, which in Virginia are
 *
 * | what | US dollars | source |
 * | --- | --- | --- |
 * | AWS Lambda, x86 (a channel's functions are Arm unless told, which is a fifth less) | 0.0000166667 a GB-second, 0.20 a million requests | https://aws.amazon.com/lambda/pricing/ |
 * | AWS Step Functions, standard workflows | 0.025 a thousand transitions | https://aws.amazon.com/step-functions/pricing/ |
 * | Amazon DynamoDB, on demand | 0.125 a million read units, 0.625 a million write units | https://aws.amazon.com/dynamodb/pricing/on-demand/ |
 * | Amazon S3, Standard | 0.005 a thousand PUT, 0.0004 a thousand GET | https://aws.amazon.com/s3/pricing/ |
 * | Amazon EventBridge, custom events | 1.00 a million of 64 KB | https://aws.amazon.com/eventbridge/pricing/ |
 * | Amazon CloudWatch, logs of the standard class | 0.50 a GB | https://aws.amazon.com/cloudwatch/pricing/ |
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

/** Looking for the item of a batch, and twice at what the batches of the run share. */
const JOURNAL_READS_PER_BATCH = 3;

/**
 * An item of 500 people takes 8 KB and up to 1 KB of other fields. It is written when it is made, which claims it, and when it is decided;
 * besides, the limiter writes for each turn, or for several.
 */
const JOURNAL_WRITES_PER_PERSON = (2 * 8) / 500;
const JOURNAL_WRITES_PER_BATCH = 3;

/** A look writes the run's record, of up to 3 KB, which the index of states has, too. */
const RECORD_WRITES_PER_LOOK = 6;

/**
 * Seconds of a gigabyte of memory: for a thousand people to read and spill them, to pack, to send and to say what became of it; and for
 * the steps of a run. The benchmark of campaigns (docs/benchmarks.md) measures less, with calls of 20 ms to AWS and 40 ms to LINE.
 */
const GB_SECONDS_PER_THOUSAND = 1;
const GB_SECONDS_PER_RUN = 10;

/** Starting, planning and packing, once more if the time of an invocation does not suffice. Looks come besides. */
const INVOCATIONS_PER_RUN = 4;

/** Transitions of an item's execution with its start, of a look with its choice and map, and of a run's other steps. */
const TRANSITIONS_PER_ITEM = 4;
const TRANSITIONS_PER_LOOK = 3;
const TRANSITIONS_PER_RUN = 8;

/** Objects written for a chunk: itself and its result; by a look: flag, items and what it leaves to the next; for a run: input, content, lists. */
const PUTS_PER_CHUNK = 2;
const PUTS_PER_LOOK = 3;
const PUTS_PER_RUN = 10;

/** Objects read for a chunk: itself, its content, its result, the flag once a second; by a look: every chunk's result, and three besides. */
const GETS_PER_CHUNK = 7;
const GETS_PER_LOOK = 3;

/** Where a run is. */
const EVENTS_PER_RUN = 4;

/** Log lines of a batch, in all functions, and what Lambda itself logs of an invocation. */
const LOG_MEGABYTES_PER_BATCH = 0.001;
const LOG_MEGABYTES_PER_INVOCATION = 0.001;

/** What a campaign of one equal message costs at AWS's list prices, without LINE's fee, service by service (docs/cost.md). */
export function campaignCost({ recipients, chunks, batches }: CampaignSize): readonly CostLine[] {
  const parts = scanPartsFor(recipients);
  // A part writes no object without people.
  const spills = parts * Math.min(partitionsFor(recipients, recipients * ROW_BYTES), Math.ceil(recipients / parts));
  // The canary and the waves, and a look after the last.
  const looks = 2 + WAVES.length + Math.ceil(chunks / MAX_WAVE);
  const invocations = INVOCATIONS_PER_RUN + parts + looks + chunks + batches;
  const prices = LIST_PRICES_PER_MILLION;
  return [
    line('AWS Lambda', 'GB-seconds', GB_SECONDS_PER_RUN + (recipients / 1_000) * GB_SECONDS_PER_THOUSAND, prices.lambdaGbSeconds),
    line('AWS Lambda', 'requests', invocations, prices.lambdaRequests),
    line('AWS Step Functions', 'state transitions', TRANSITIONS_PER_RUN + TRANSITIONS_PER_LOOK * looks + TRANSITIONS_PER_ITEM * (parts + chunks), prices.stateTransitions),
    line('Amazon DynamoDB', 'read request units', recipients * (SCAN_UNITS_PER_PERSON + EXCLUSION_UNITS_PER_PERSON) + batches * JOURNAL_READS_PER_BATCH, prices.dynamoReads),
    line('Amazon DynamoDB', 'write request units', recipients * JOURNAL_WRITES_PER_PERSON + batches * JOURNAL_WRITES_PER_BATCH + looks * RECORD_WRITES_PER_LOOK, prices.dynamoWrites),
    line('Amazon S3', 'PUT requests', spills + parts + PUTS_PER_CHUNK * chunks + PUTS_PER_LOOK * looks + PUTS_PER_RUN, prices.s3Puts),
    line('Amazon S3', 'GET requests', spills + parts + (GETS_PER_CHUNK + looks) * chunks + GETS_PER_LOOK * looks, prices.s3Gets),
    line('Amazon EventBridge', 'events', batches + EVENTS_PER_RUN, prices.events),
    line('Amazon CloudWatch Logs', 'megabytes', batches * LOG_MEGABYTES_PER_BATCH + invocations * LOG_MEGABYTES_PER_INVOCATION, prices.logMegabytes),
  ];
}

/** US dollars of all lines, to four decimals. */
export function totalUsd(lines: readonly CostLine[]): number {
  return Number(lines.reduce((sum, { usd }) => sum + usd, 0).toFixed(4));
}

function line(service: string, unit: string, quantity: number, usdPerMillion: number): CostLine {
  return { service, unit, quantity, usdPerMillion, usd: (quantity * usdPerMillion) / 1_000_000 };
}
