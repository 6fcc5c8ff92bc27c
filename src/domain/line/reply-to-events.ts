import { ContentComposer } from './compose-content';
import { ContentError } from './content-error';
import { LineAnswer, LineApi } from './line-api';
import { isObject } from './line-event';
import { JsonObject } from './line-message';
import { isAnswerable, isDirect } from './match-reply';
import { lineFindings } from './validate-content';
import { LINE_USER_ID_PATTERN } from '../../contract/limits';
import { Metric } from '../../contract/metrics';
import { ReplyFunctionEvent, ReplyRule } from '../../contract/replies';
import { LineEvent, WebhookEventDetail } from '../../contract/webhook-events';
import { errorText } from '../shared/error-text';
import { LogFields, Telemetry } from '../shared/telemetry';

/**
 * Milliseconds after an event's delivery in which its reply token is used: LINE takes it for a minute, and does not promise even that.
 * Source: LINE, Messaging API reference, "Send reply message", "Reply token".
 */
export const REPLY_TOKEN_MS = 50_000;

/** Milliseconds after an event in which a token of a redelivery is used: LINE takes it for 20 minutes. Source: same. */
const REPLY_EVENT_MS = 19 * 60_000;

/** Longest time of a call. */
const CALL_TIMEOUT_MS = 5_000;

/** Less time is not worth a call. */
const MIN_CALL_MS = 500;

/** Milliseconds at the invocation's end that are kept for the log. */
const RESERVE_MS = 1_000;

/** Pauses between attempts double from this, up to the maximum, and are shortened by up to a half at random. */
const BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 4_000;

/** What replying works with. */
export interface ReplyDependencies {
  readonly channelKey: string;
  readonly rules: readonly ReplyRule[];
  readonly line: LineApi;
  /** Reads content in the grammar of `Data`. */
  readonly composer: (data: string) => ContentComposer;
  /** What the subscriber table knows of a person. */
  readonly person: (userId: string) => Promise<object | undefined>;
  /** Invokes a reply function. Throws when the function does, or does not answer in time. */
  readonly invokeFunction: (functionName: string, event: ReplyFunctionEvent, timeoutMs: number) => Promise<unknown>;
  readonly telemetry: Telemetry;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** At least 0, less than 1. */
  readonly random: () => number;
}

/** An event that gets no reply: its code and why. */
class NoReply extends Error {
  constructor(public readonly code: NoReplyCode, message: string, public readonly fields: LogFields = {}) {
    super(message);
  }
}

/** Each has a section in docs/runbook.md. */
type NoReplyCode = keyof typeof NO_REPLY;

/** What the log says of each; `reason` says the rest. */
const NO_REPLY = {
  REPLY_EVENT_UNREADABLE: 'the event is none of the channel\'s bus that can be replied to',
  REPLY_RULE_UNKNOWN: 'the channel has no such rule any more; it was changed after the event came',
  REPLY_TOO_LATE: 'the event came too late for a reply: LINE takes its token for a minute',
  REPLY_FUNCTION_FAILED: 'the reply function did not say what to reply',
  REPLY_CONTENT_FAILED: 'the reply could not be made',
  REPLY_REFUSED: 'LINE refused the reply',
  REPLY_UNDECIDED: 'LINE did not take the reply in the time that its token lives, or did not say that it took it',
} as const;

/**
 * Answers one event of the channel's bus (source `line.webhook`) that names a rule, by its free reply token. Never throws: a token
 * lives for a minute, and a second invocation would come too late.
 *
 * | LINE | then |
 * | --- | --- |
 * | 2xx | sent |
 * | 400 for the token, after an attempt that LINE left open | sent: a token is taken once, and that attempt took it |
 * | 400 for the token at once | nothing: the bus delivers at least once, and the event was answered by its first delivery |
 * | 429, 5xx, silence | the same again while the token lives; LINE takes a token once, so nobody gets two replies |
 * | 401 after a fresh token, 400 for the content, any other | no reply |
 *
 * Placeholders are read from the person's row of the subscriber table. In groups and rooms they have no value: what the table knows of a
 * person is not for the others to read.
 *
 * @param input an event as Amazon EventBridge delivers it
 * @param remainingMs milliseconds of the invocation
 */
export async function replyToEvent(input: unknown, remainingMs: number, deps: ReplyDependencies): Promise<void> {
  const { telemetry, now } = deps;
  const end = now() + remainingMs - RESERVE_MS;
  let fields: LogFields = {};
  try {
    const detail = detailOf(input);
    fields = { eventId: detail.webhookEventId, rule: detail.reply };
    await reply(detail, Math.min(end, tokenEnd(detail)), deps);
  } catch (error) {
    // What is none of ours is S3's or a mistake: its text quotes keys, no content.
    const { code, message, fields: more } = error instanceof NoReply ? error : new NoReply('REPLY_CONTENT_FAILED', errorText(error));
    telemetry.count(Metric.REPLIES_FAILED);
    telemetry.error(code, `${NO_REPLY[code]} (see \`reason\`); the person gets none`, { ...fields, ...more, reason: message });
  }
}

async function reply(detail: RepliedDetail, until: number, deps: ReplyDependencies): Promise<void> {
  const { rules, telemetry, now } = deps;
  const rule = rules.find(({ id }) => id === detail.reply);
  if (!rule) {
    throw new NoReply('REPLY_RULE_UNKNOWN', `rules are ${rules.map(({ id }) => id).join(', ') || 'none'}`);
  }
  checkTime(until, detail, now());
  const data = rule.functionName === undefined ? rule.data! : await askFunction(rule.functionName, detail, until, deps);
  if (data === undefined) {
    telemetry.info('REPLY_NOT_WANTED', 'the reply function answered that there is nothing to reply', { eventId: detail.webhookEventId, rule: rule.id });
    return;
  }
  const content = await compose(data, detail, deps);
  checkTime(until, detail, now());
  await send(JSON.stringify({ replyToken: detail.event.replyToken, ...content }), detail, until, deps);
}

/** An event that names a rule. */
type RepliedDetail = WebhookEventDetail & { readonly reply: string };

function detailOf(input: unknown): RepliedDetail {
  const detail = isObject(input) ? input.detail : undefined;
  if (!isObject(detail) || !isObject(detail.event) || typeof detail.reply !== 'string' || !isAnswerable(detail.event as LineEvent)) {
    throw new NoReply('REPLY_EVENT_UNREADABLE', '`detail` must have `reply`, the name of a rule, and `event`, an event of LINE with a `replyToken` that is not in standby: only the rule of this library\'s construct may invoke the function');
  }
  return detail as unknown as RepliedDetail;
}

/** Epoch milliseconds from which on the token is not used. */
function tokenEnd({ event, receivedAt }: WebhookEventDetail): number {
  const delivered = typeof receivedAt === 'number' ? receivedAt : event.timestamp;
  return Math.min(delivered + REPLY_TOKEN_MS, event.timestamp + REPLY_EVENT_MS);
}

function checkTime(until: number, { event, receivedAt }: WebhookEventDetail, now: number): void {
  if (until - now < MIN_CALL_MS) {
    throw new NoReply('REPLY_TOO_LATE', `${now - (receivedAt ?? event.timestamp)} ms after its delivery, ${now - event.timestamp} ms after the event; it may be answered for ${REPLY_TOKEN_MS} ms`);
  }
}

// ---------------------------------------------------------------------------------------------------- content

/** @returns content in the grammar of `Data`; undefined when the function wants no reply */
async function askFunction(functionName: string, detail: RepliedDetail, until: number, deps: ReplyDependencies): Promise<string | undefined> {
  const { replyToken, ...event } = detail.event;
  const userId = userIdOf(detail.event);
  const question: ReplyFunctionEvent = { rule: detail.reply, channelKey: deps.channelKey, ...(userId !== undefined && { userId }), event };
  let answer: unknown;
  try {
    // A call to LINE must fit in afterwards.
    answer = await deps.invokeFunction(functionName, question, Math.max(MIN_CALL_MS, until - CALL_TIMEOUT_MS - deps.now()));
  } catch (error) {
    throw new NoReply('REPLY_FUNCTION_FAILED', errorText(error), { functionName });
  }
  if (answer === undefined || answer === null) {
    return undefined;
  }
  const data = isObject(answer) ? answer.data : answer;
  if (isObject(answer) && (data === undefined || data === null)) {
    return undefined;
  }
  if (isObject(answer) && (typeof data === 'string' || typeof data === 'object')) {
    return typeof data === 'string' ? data : JSON.stringify(data);
  }
  throw new NoReply('REPLY_FUNCTION_FAILED', `it must answer {"data":"…"} or null, got ${isObject(answer) ? `{"data":${typeof data}}` : typeof answer}`, { functionName });
}

/** The members of the request besides the token. */
async function compose(data: string, { event }: RepliedDetail, deps: ReplyDependencies): Promise<JsonObject> {
  const userId = userIdOf(event);
  const endpoint = userId !== undefined && isDirect(event) ? await attributesOf(userId, event, deps) : {};
  const composed = await deps.composer(data).compose([{ id: 'reply', to: userId ?? '', endpoint }]);
  if (composed instanceof ContentError || composed.calls.length === 0) {
    const problem = composed instanceof ContentError ? composed : composed.problems[0];
    throw new NoReply('REPLY_CONTENT_FAILED', problem.message, { error: problem.code });
  }
  // LINE counts no statistics of replies, and refuses a request that asks for them.
  const { customAggregationUnits, ...content } = JSON.parse(`{${composed.calls[0].content}}`);
  return content;
}

/** A reply with the author's defaults is better than none. */
async function attributesOf(userId: string, { webhookEventId: eventId }: LineEvent, { person, telemetry }: ReplyDependencies): Promise<JsonObject> {
  try {
    return await person(userId) as JsonObject | undefined ?? {};
  } catch (error) {
    telemetry.warn('REPLY_ATTRIBUTES_UNREADABLE', 'the subscriber table could not be read; placeholders of the reply have their defaults', { eventId, reason: errorText(error) });
    return {};
  }
}

function userIdOf({ source }: LineEvent): string | undefined {
  const userId = isObject(source) ? source.userId : undefined;
  return typeof userId === 'string' && LINE_USER_ID_PATTERN.test(userId) ? userId : undefined;
}

// ---------------------------------------------------------------------------------------------------- LINE

async function send(body: string, { webhookEventId: eventId, reply: rule }: RepliedDetail, until: number, deps: ReplyDependencies): Promise<void> {
  const { line, telemetry, now, sleep, random } = deps;
  let isOpen = false;
  let last: LineAnswer | undefined;
  for (let failures = 0; until - now() >= MIN_CALL_MS; failures++) {
    // Without a retry key, which LINE refuses here: the token is used once, whatever comes again.
    last = await line.call({ method: 'POST', path: '/v2/bot/message/reply', body, timeoutMs: Math.min(CALL_TIMEOUT_MS, until - now()) });
    telemetry.count(Metric.LINE_REQUESTS, last.kind === 'not-called' ? 0 : 1);
    switch (verdictOf(last, isOpen)) {
      case 'sent': {
        telemetry.count(Metric.REPLIES_SENT);
        telemetry.info('REPLY_SENT', 'LINE took the reply', { eventId, rule, ...told(last) });
        return;
      }
      case 'answered': {
        telemetry.warn('REPLY_TOKEN_REFUSED', 'LINE does not take the event\'s reply token: the event was most likely answered when it was delivered before', { eventId, rule, ...told(last) });
        return;
      }
      case 'unauthorised': {
        telemetry.count(Metric.CREDENTIALS_UNAVAILABLE);
        throw new NoReply('REPLY_REFUSED', last.kind === 'not-called' ? last.message : 'LINE does not take the channel\'s access token', told(last));
      }
      case 'refused': {
        throw new NoReply('REPLY_REFUSED', last.kind === 'response' ? `LINE answered ${last.status}${lineFindings(last.body)}` : '', told(last));
      }
      default: isOpen ||= last.kind === 'silence' || (last.kind === 'response' && last.status !== 429);
    }
    const pause = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** failures) * (1 - random() / 2);
    if (until - now() < pause + MIN_CALL_MS) {
      break;
    }
    await sleep(pause);
  }
  throw new NoReply('REPLY_UNDECIDED', last === undefined ? 'no call was made' : said(last), { ...(last && told(last)), mayBeSent: isOpen });
}

type Verdict = 'sent' | 'answered' | 'unauthorised' | 'refused' | 'again';

/** @param isOpen LINE may have taken an earlier attempt */
function verdictOf(answer: LineAnswer, isOpen: boolean): Verdict {
  if (answer.kind !== 'response') {
    return answer.kind === 'not-called' && !answer.retryable ? 'unauthorised' : 'again';
  }
  const { status, body } = answer;
  if (status >= 200 && status < 300) {
    return 'sent';
  }
  if (status === 429 || status >= 500) {
    return 'again';
  }
  if (status === 401) {
    return 'unauthorised';
  }
  // Source: LINE, Messaging API reference, "Error messages".
  const isToken = status === 400 && /"message"\s*:\s*"Invalid reply token"/i.test(body);
  return isToken ? isOpen ? 'sent' : 'answered' : 'refused';
}

function told(answer: LineAnswer): LogFields {
  return answer.kind === 'response' ? { status: answer.status, requestId: answer.requestId } : {};
}

function said(answer: LineAnswer): string {
  switch (answer.kind) {
    case 'response': return `LINE answered ${answer.status}`;
    case 'silence': return `LINE did not answer (${answer.reason})`;
    default: return answer.message;
  }
}
