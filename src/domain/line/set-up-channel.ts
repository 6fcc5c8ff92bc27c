import { SecretSource, channelSecretOf, sendingCredentialsOf } from './credentials';
import { LineAnswer, LineApi, LineRequest } from './line-api';
import { Clock } from './queue-events';
import { CredentialFields } from '../../contract/credentials';
import { LINE_USER_ID_PATTERN, MAX_WEBHOOK_URL_LENGTH } from '../../contract/limits';
import { errorText } from '../shared/error-text';

/** The channel's item in the subscriber table (`runtime/channel-record.ts`). */
export interface BotRecord {
  /** Records the bot unless there is one. @returns the id on record afterwards */
  record(botUserId: string): Promise<string>;
  /** Records the bot, whatever was on record. */
  replace(botUserId: string): Promise<void>;
}

export interface SetUpPorts {
  readonly secrets: SecretSource;
  /** Keys of the secret that the user named. */
  readonly fields: Partial<CredentialFields>;
  readonly line: LineApi;
  readonly bots: BotRecord;
  readonly clock: Clock;
  /** What LINE is to post to; absent when the channel has no webhook of its own. */
  readonly webhookUrl?: string;
}

/** One thing that was checked or set, in the order in which it was done. */
export interface SetUpStep {
  readonly name: 'payload' | 'credentials' | 'bot' | 'botUserId' | 'webhookUrl' | 'webhookTest';
  readonly ok: boolean;
  /** What was found. */
  readonly detail: string;
  /** What the operator has to do; on failed steps only. */
  readonly fix?: string;
}

/** What the operator reads after running the set-up function. Never holds a secret or a token. */
export interface SetUpReport {
  /** True when every step succeeded. A step that failed is the last one. */
  readonly ok: boolean;
  readonly steps: readonly SetUpStep[];
  /** What has to be switched on by hand, because LINE has no API for it. */
  readonly remaining: readonly string[];
}

type Outcome = Omit<SetUpStep, 'name' | 'ok'>;

/** Milliseconds for all of it: the AWS CLI gives an invocation up after a minute. */
const BUDGET_MS = 50_000;

/** Milliseconds of one call to LINE, which waits for the webhook itself when it tests it. */
const CALL_TIMEOUT_MS = 10_000;

/**
 * Milliseconds before each repetition of the webhook test. A new URL takes up to a minute to apply at LINE, a custom domain
 * or an edge location may need a moment, too. LINE allows 60 tests in an hour. Source: LINE, "Set webhook endpoint URL", "Rate limits".
 */
const TEST_PAUSES_MS = [3_000, 6_000, 12_000];

const CONSOLE = 'LINE Developers Console, the channel\'s tab "Messaging API"';
const AGAIN = 'then run the set-up again';

const USE_WEBHOOK = `Switch on "Use webhook" (${CONSOLE}): until then LINE sends no events.`;
const REDELIVERY = `Switch on "Webhook redelivery" (${CONSOLE}): events that could not be taken are then sent again.`;
const ERROR_STATISTICS = `Switch on "Error statistics aggregation" (${CONSOLE}): LINE then shows which webhooks failed.`;
const OWN_WEBHOOK = `Enter the webhook URL (${CONSOLE}): this channel was deployed without one, so it is yours to provide.`;
const GREETING = 'Decide on greeting and auto-reply messages (LINE Official Account Manager, "Response settings"): both are on at first, and are sent beside what this channel sends.';

/**
 * Sets the channel up at LINE, once the operator has filled the secret in; running it again does no harm. Checks the
 * credentials, asks LINE which bot they belong to, records it, registers the webhook URL and lets LINE test it. Never
 * throws: whatever is wrong, the report says what to do.
 *
 * @param payload `{"replaceBotUserId": true}` puts this bot in the place of another on record; else nothing
 */
export async function setUpChannel(payload: unknown, ports: SetUpPorts): Promise<SetUpReport> {
  const { line, webhookUrl, clock } = ports;
  const deadline = clock.now() + BUDGET_MS;
  const call = async (request: Omit<LineRequest, 'timeoutMs'>) =>
    line.call({ ...request, timeoutMs: Math.min(CALL_TIMEOUT_MS, Math.max(0, deadline - clock.now())) });

  const steps: SetUpStep[] = [];
  const step = async (name: SetUpStep['name'], act: () => Promise<Outcome>): Promise<boolean> => {
    let outcome: Outcome;
    try {
      outcome = await act();
    } catch (error) {
      outcome = { detail: errorText(error), fix: `look the error up and remove its cause, ${AGAIN}` };
    }
    steps.push({ name, ok: outcome.fix === undefined, ...outcome });
    return outcome.fix === undefined;
  };

  let replace = false;
  let botUserId = '';
  let useWebhook = false;
  const ok = await step('payload', async () => {
    const { replaceBotUserId = false, ...others } = Object(payload ?? {});
    replace = replaceBotUserId === true;
    return typeof replaceBotUserId === 'boolean' && Object.keys(others).length === 0
      ? { detail: replace ? 'another bot on record is to be replaced' : 'nothing is asked for but to set the channel up' }
      : { detail: 'the payload is not understood', fix: 'send no payload, or {"replaceBotUserId": true} to put this bot in the place of another on record' };
  }) && await step('credentials', async () => checkCredentials(ports)) && await step('bot', async () => {
    const answer = await call({ method: 'GET', path: '/v2/bot/info' });
    const { userId, basicId } = jsonOf(answer);
    if (!LINE_USER_ID_PATTERN.test(String(userId))) {
      return failureOf(answer);
    }
    botUserId = String(userId);
    return { detail: `the credentials belong to the bot ${botUserId}${typeof basicId === 'string' ? ` (${basicId})` : ''}` };
  }) && await step('botUserId', async () => recordBot(botUserId, replace, ports.bots));

  if (ok && webhookUrl !== undefined) {
    await step('webhookUrl', async () => {
      if (!webhookUrl.startsWith('https://') || webhookUrl.length > MAX_WEBHOOK_URL_LENGTH) {
        return {
          detail: `the webhook URL is ${webhookUrl}`,
          fix: `deploy the channel with a URL that starts with https:// and has at most ${MAX_WEBHOOK_URL_LENGTH} characters, ${AGAIN}`,
        };
      }
      const answer = await call({ method: 'PUT', path: '/v2/bot/channel/webhook/endpoint', body: JSON.stringify({ endpoint: webhookUrl }) });
      return isOk(answer) ? { detail: `LINE posts to ${webhookUrl}` } : failureOf(answer);
    }) && await step('webhookTest', async () => testWebhook(webhookUrl, call, clock, deadline));
    useWebhook = jsonOf(await call({ method: 'GET', path: '/v2/bot/channel/webhook/endpoint' })).active === true;
  }
  return {
    ok: steps.every((each) => each.ok),
    steps,
    remaining: [
      ...(webhookUrl === undefined ? [OWN_WEBHOOK] : []),
      ...(useWebhook ? [] : [USE_WEBHOOK]),
      REDELIVERY, ERROR_STATISTICS, GREETING,
    ],
  };
}

async function checkCredentials({ secrets, fields, webhookUrl }: SetUpPorts): Promise<Outcome> {
  const secret = await secrets.value();
  try {
    const { kind } = sendingCredentialsOf(secret, fields);
    if (webhookUrl !== undefined) {
      channelSecretOf(secret, fields);
    }
    return {
      detail: kind === 'stateless'
        ? 'the secret holds channel id and channel secret; tokens of 15 minutes are issued from them'
        : 'the secret holds a long-lived channel access token; with channel id and channel secret instead, none would have to be kept',
    };
  } catch (error) {
    return { detail: (error as Error).message, fix: `fill the secret in (AWS Secrets Manager, "Retrieve secret value", "Edit"), ${AGAIN}` };
  }
}

async function recordBot(botUserId: string, replace: boolean, bots: BotRecord): Promise<Outcome> {
  if (replace) {
    await bots.replace(botUserId);
    return { detail: `${botUserId} is on record now, whatever was before` };
  }
  const onRecord = await bots.record(botUserId);
  return onRecord === botUserId
    ? { detail: `${botUserId} is on record: webhooks for other bots are set aside` }
    : {
      detail: `another bot is on record, ${onRecord}`,
      fix: 'if the secret holds the wrong channel\'s credentials, correct it; if the channel has moved to this bot for good, run the set-up with the payload {"replaceBotUserId": true}',
    };
}

async function testWebhook(
  endpoint: string,
  call: (request: Omit<LineRequest, 'timeoutMs'>) => Promise<LineAnswer>,
  clock: Clock,
  deadline: number,
  [pause, ...laterPauses]: readonly number[] = TEST_PAUSES_MS,
): Promise<Outcome> {
  const answer = await call({ method: 'POST', path: '/v2/bot/channel/webhook/test', body: JSON.stringify({ endpoint }) });
  const { success, statusCode, reason, detail } = jsonOf(answer);
  if (isOk(answer) && success === true) {
    return { detail: 'LINE\'s test was received and answered' };
  }
  // A 429 says that the tests of this hour are used up.
  if (pause !== undefined && clock.now() + pause < deadline && !(answer.kind === 'response' && answer.status === 429)) {
    await clock.sleep(pause);
    return testWebhook(endpoint, call, clock, deadline, laterPauses);
  }
  return isOk(answer)
    ? { detail: `LINE's test failed: ${[reason, statusCode, detail].map(String).join(', ')}`, fix: fixOf(Number(statusCode)) }
    : failureOf(answer);
}

/** What the webhook's own answer to LINE's test tells. */
function fixOf(statusCode: number): string {
  switch (statusCode) {
    case 401: return `the channel secret in the secret is another channel's or an old one: correct it, ${AGAIN}`;
    case 403: return `something in front of the webhook refuses LINE, a web ACL or a resource policy: let LINE through (it has no fixed addresses), ${AGAIN}`;
    case 503: return `the receiver cannot read the secret: its log says why under CREDENTIALS_UNAVAILABLE; remove the cause, ${AGAIN}`;
    default: return 'wait a minute and run the set-up again; if it stays, look into the receiver\'s log, and for a custom domain check its DNS record and certificate';
  }
}

function failureOf(answer: LineAnswer): Outcome {
  if (answer.kind === 'not-called') {
    return {
      detail: answer.message,
      fix: answer.retryable ? 'run the set-up again; if it stays, let the function reach Secrets Manager and LINE' : `correct the secret, ${AGAIN}`,
    };
  }
  if (answer.kind === 'silence') {
    return { detail: `LINE did not answer (${answer.reason})`, fix: 'run the set-up again; if it stays, let the function reach LINE: in a VPC it needs a NAT gateway' };
  }
  const { message } = jsonOf(answer);
  return {
    detail: `LINE answered HTTP ${answer.status}: ${typeof message === 'string' ? message : 'without a message'} (request ${answer.requestId ?? 'without an id'})`,
    fix: answer.status === 401
      ? `LINE does not accept the channel access token: put a new one, or channel id and channel secret, into the secret, ${AGAIN}`
      : 'run the set-up again in a few minutes; if it stays, look the message up in LINE\'s Messaging API reference',
  };
}

function isOk(answer: LineAnswer): boolean {
  return answer.kind === 'response' && answer.status === 200;
}

/** Members of an answer that may be anything. */
function jsonOf(answer: LineAnswer): Record<string, unknown> {
  try {
    return answer.kind === 'response' ? Object(JSON.parse(answer.body)) : {};
  } catch {
    return {};
  }
}
