import { SecretSource, channelSecretOf } from './credentials';
import { Clock, EventQueue, queueEvents } from './queue-events';
import { verifySignature } from './signature';
import { EventSetAside, WebhookReading, parseWebhook } from './webhook-request';
import { CredentialFields } from '../../contract/credentials';
import { Metric } from '../../contract/metrics';
import { Telemetry } from '../shared/telemetry';

/**
 * The webhook request as Lambda hands it over: the members that API Gateway's REST APIs (payload 1.0), its HTTP APIs
 * (payload 2.0) and function URLs have in common. Source: AWS Lambda, "Using AWS Lambda with Amazon API Gateway".
 */
export interface WebhookRequest {
  readonly headers?: Readonly<Record<string, string | undefined>> | null;
  /** Payload 1.0 only. */
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[] | undefined>> | null;
  readonly body?: string | null;
  readonly isBase64Encoded?: boolean;
}

/** Understood by all three as well. */
export interface WebhookResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface WebhookPorts extends WebhookReading {
  readonly secrets: SecretSource;
  /** Keys of the secret that the user named. */
  readonly fields: Partial<CredentialFields>;
  readonly queue: EventQueue;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/**
 * Milliseconds for the whole of it. LINE waits two seconds, of which the network and a cold start take their part.
 * Source: LINE, "Check webhook error causes and statistics", `request_timeout`.
 */
const BUDGET_MS = 1_200;

/** Events set aside that get a log line of their own. */
const MAX_LINES = 20;

/**
 * Answers LINE's webhook: verify, queue, done. No call to LINE, to a table or to Pinpoint is made before the answer.
 *
 * | answer | when |
 * | --- | --- |
 * | 200 | every event is queued or set aside; also LINE's check with no events |
 * | 400 | correctly signed, but no webhook |
 * | 401 | signature missing or wrong |
 * | 500 | an event could not be queued: LINE sends the request again, if redelivery is switched on |
 * | 503 | the secret is unreadable or lacks the channel secret: nothing can be verified |
 */
export async function receiveWebhook(request: WebhookRequest, ports: WebhookPorts): Promise<WebhookResponse> {
  const { telemetry, clock } = ports;
  const deadline = clock.now() + BUDGET_MS;
  const body = Buffer.from(request.body ?? '', request.isBase64Encoded ? 'base64' : 'utf8');

  const verdict = await verify(request, body, ports);
  if (verdict.kind === 'no-secret') {
    telemetry.count(Metric.CREDENTIALS_UNAVAILABLE);
    telemetry.error('CREDENTIALS_UNAVAILABLE', `webhook answered 503: ${verdict.reason}`);
    return answer(503, 'Service unavailable');
  }
  if (verdict.kind === 'rejected') {
    telemetry.count(Metric.SIGNATURES_REJECTED);
    telemetry.warn('SIGNATURE_REJECTED', `webhook answered 401: ${verdict.reason}`, { bytes: body.length });
    return answer(401, 'Unauthorized');
  }

  const webhook = parseWebhook(body, ports, clock.now());
  if (webhook.kind === 'no-webhook') {
    telemetry.count(Metric.WEBHOOKS_REJECTED);
    telemetry.warn('WEBHOOK_REJECTED', `webhook answered 400: ${webhook.reason}`, { bytes: body.length });
    return answer(400, 'Bad request');
  }
  telemetry.count(Metric.EVENTS_RECEIVED, webhook.entries.length + webhook.setAside.length);
  report(webhook.setAside, telemetry);

  const { queued, notQueued, cause } = await queueEvents(webhook.entries, ports.queue, clock, deadline);
  telemetry.count(Metric.EVENTS_QUEUED, queued);
  if (notQueued > 0) {
    telemetry.count(Metric.EVENTS_NOT_QUEUED, notQueued);
    telemetry.error('EVENTS_NOT_QUEUED', 'webhook answered 500: not every event could be queued; LINE sends them again if redelivery is switched on', { queued, notQueued, cause });
    return answer(500, 'Internal server error');
  }
  telemetry.info('WEBHOOK_ACCEPTED', 'every event is queued or set aside', { queued, setAside: webhook.setAside.length });
  return answer(200, 'OK');
}

type Verdict = { readonly kind: 'verified' } | { readonly kind: 'rejected' | 'no-secret'; readonly reason: string };

/** A mismatch, or a secret that is of no use, may be cured by what the secret holds by now: LINE ends an old channel secret at once. */
async function verify(request: WebhookRequest, body: Uint8Array, { secrets, fields }: WebhookPorts): Promise<Verdict> {
  const signature = signatureOf(request);
  if (signature === undefined) {
    return { kind: 'rejected', reason: 'the header x-line-signature is missing' };
  }
  const check = async (read: () => Promise<string>): Promise<Verdict> => {
    try {
      return verifySignature(body, channelSecretOf(await read(), fields), signature)
        ? { kind: 'verified' }
        : { kind: 'rejected', reason: 'the signature does not match the body under the channel secret' };
    } catch (error) {
      return { kind: 'no-secret', reason: error instanceof Error ? error.message : 'the secret cannot be read' };
    }
  };
  const verdict = await check(async () => secrets.value());
  return verdict.kind === 'verified' ? verdict : check(async () => secrets.refresh());
}

/** The header in any case. Source: LINE, Messaging API reference, "Request headers". */
function signatureOf({ headers, multiValueHeaders }: WebhookRequest): string | undefined {
  const find = <T>(among: Readonly<Record<string, T>> | null | undefined): T | undefined =>
    Object.entries(among ?? {}).find(([name]) => name.toLowerCase() === 'x-line-signature')?.[1];
  return find(headers) ?? find(multiValueHeaders)?.[0];
}

function report(setAside: readonly EventSetAside[], telemetry: Telemetry): void {
  telemetry.count(Metric.EVENTS_SET_ASIDE, setAside.length);
  for (const { index, reason, webhookEventId } of setAside.slice(0, MAX_LINES)) {
    telemetry.warn('EVENT_SET_ASIDE', reason, { index, webhookEventId });
  }
  if (setAside.length > MAX_LINES) {
    telemetry.warn('EVENT_SET_ASIDE', 'further events of the same request were set aside, too', { count: setAside.length - MAX_LINES });
  }
}

/** Says nothing that a forger could learn from. */
function answer(statusCode: number, message: string): WebhookResponse {
  return { statusCode, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ message }) };
}
