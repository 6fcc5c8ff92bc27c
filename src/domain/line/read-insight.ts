import { CALL_TIMEOUT_MS } from './attempt-calls';
import { LineAnswer, LineApi } from './line-api';
import { JsonObject, isJsonObject } from './line-message';
import { Telemetry } from '../shared/telemetry';

/** What the statistics function is asked. */
export interface InsightRequest {
  readonly units: readonly string[];
  /** First and last day, `20261123` or `2026-11-23`, in LINE's time zone (UTC+9). */
  readonly from: string;
  readonly to: string;
}

/** What LINE says of a unit, as it says it; counts below 20 are null. Or why it says nothing. */
export type UnitInsight = JsonObject | { readonly error: string };

export interface InsightAnswer {
  readonly units: { readonly [unit: string]: UnitInsight };
}

export interface InsightDependencies {
  readonly line: LineApi;
  readonly telemetry: Telemetry;
  /** Milliseconds until Lambda ends the invocation. */
  remainingMs(): number;
}

/** Source: LINE, Messaging API reference, "Get statistics per unit". */
const PATH = '/v2/bot/insight/message/event/aggregation';
const MAX_DAYS = 30;
const UNIT = /^[A-Za-z0-9_]{1,30}$/;

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Units of one request. LINE answers 60 questions an hour. */
const MAX_UNITS = 1_000;

/** Less time than this is not enough for a question. */
const RESERVE_MS = CALL_TIMEOUT_MS + 1_000;

/**
 * Asks LINE what it counted of the messages of each aggregation unit. Each unit is answered for itself: when LINE stops answering,
 * those before it have their figures, and the others a reason.
 *
 * @param request an `InsightRequest`, or anything else that somebody sends
 * @throws Error that names the member of the request which LINE would not take
 */
export async function readInsight(request: unknown, deps: InsightDependencies): Promise<InsightAnswer> {
  const { units, from, to } = checked(request);
  const answers = new Map<string, UnitInsight>();
  let isOver: string | undefined;
  for (const unit of new Set(units)) {
    const answer = isOver === undefined ? await readUnit(unit, from, to, deps) : { error: isOver };
    isOver ??= 'endsAll' in answer ? answer.error : undefined;
    answers.set(unit, 'error' in answer ? { error: answer.error } : answer.insight);
  }
  const failed = [...answers.values()].filter((answer) => 'error' in answer);
  if (failed.length > 0) {
    deps.telemetry.warn('INSIGHT_INCOMPLETE', 'LINE did not give the statistics of every unit (see `reason`); the others were answered',
      { units: answers.size, failed: failed.length, reason: String(failed[0].error) });
  } else {
    deps.telemetry.info('INSIGHT_READ', 'LINE gave the statistics of every unit', { units: answers.size });
  }
  // Not an object literal's members: a unit may be called `__proto__`.
  return { units: Object.fromEntries(answers) };
}

/** `endsAll`: no other unit needs to be asked for. */
type Answered = { readonly insight: JsonObject } | { readonly error: string; readonly endsAll?: true };

async function readUnit(unit: string, from: string, to: string, { line, remainingMs }: InsightDependencies): Promise<Answered> {
  if (!UNIT.test(unit)) {
    return { error: `a unit has 1 to 30 of the characters A-Z, a-z, 0-9 and _, got ${JSON.stringify(unit.slice(0, 200))}` };
  }
  const request = { method: 'GET', path: `${PATH}?customAggregationUnit=${unit}&from=${from}&to=${to}`, timeoutMs: CALL_TIMEOUT_MS } as const;
  for (let attempt = 1; ; attempt++) {
    if (remainingMs() < RESERVE_MS) {
      return { error: 'the time of the function was over; ask for fewer units at a time', endsAll: true };
    }
    const answer = await line.call(request);
    const isPassing = answer.kind === 'silence' || (answer.kind === 'response' && answer.status >= 500);
    if (!isPassing || attempt === 2) {
      return told(answer);
    }
  }
}

function told(answer: LineAnswer): Answered {
  if (answer.kind === 'not-called') {
    return { error: `LINE was not asked: ${answer.message}`, endsAll: true };
  }
  if (answer.kind === 'silence') {
    return { error: `LINE did not answer (${answer.reason}); ask again later` };
  }
  const body = parsed(answer.body);
  switch (answer.status) {
    case 200: return body === undefined ? { error: 'LINE\'s answer is no JSON object, or has more than 64 KB' } : { insight: body };
    case 401: return { error: 'LINE refuses the credentials of the channel (401); correct the secret', endsAll: true };
    case 429: return { error: 'LINE answers 60 questions about statistics an hour and has answered them (429); ask again in an hour', endsAll: true };
    default: {
      const message = typeof body?.message === 'string' ? `: ${body.message.slice(0, 200)}` : '';
      return { error: `LINE gave no statistics (${answer.status})${message}` };
    }
  }
}

function parsed(text: string): JsonObject | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return isJsonObject(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

function checked(request: unknown): InsightRequest {
  const { units, from, to } = isJsonObject(request) ? request : {};
  if (!Array.isArray(units) || units.length > MAX_UNITS || !units.every((unit): unit is string => typeof unit === 'string')) {
    throw new Error(`\`units\` must be a list of at most ${MAX_UNITS} names, got ${received(units)}`);
  }
  const [first, last] = [day('from', from), day('to', to)];
  const days = (last.at - first.at) / DAY_MS;
  if (days < 0 || days > MAX_DAYS) {
    throw new Error(`\`to\` must be no earlier than \`from\` and at most ${MAX_DAYS} days later, got ${first.text} to ${last.text}; ask for shorter times one after the other`);
  }
  return { units, from: first.text, to: last.text };
}

/** A day as LINE takes it. */
function day(name: string, value: unknown): { readonly at: number; readonly text: string } {
  const [, year, month, date] = (typeof value === 'string' && /^(\d{4})-?(\d{2})-?(\d{2})$/.exec(value)) || [];
  const iso = `${year}-${month}-${date}`;
  const at = Date.parse(`${iso}T00:00:00Z`);
  // A day that the month does not have becomes another.
  if (year === undefined || Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== iso) {
    throw new Error(`\`${name}\` must be a day as in 20261123 or 2026-11-23, got ${received(value)}`);
  }
  return { at, text: `${year}${month}${date}` };
}

function received(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 200);
}
