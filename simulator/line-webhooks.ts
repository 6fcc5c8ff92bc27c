import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { seededRandom, shuffled } from './random';

/** A webhook event as it goes over the wire. Source: LINE, Messaging API reference, "Webhook Event Objects". */
export interface WebhookEvent extends Record<string, unknown> {
  readonly type: string;
  readonly timestamp: number;
  readonly webhookEventId: string;
  readonly deliveryContext: { readonly isRedelivery: boolean };
  readonly replyToken?: string;
}

/** Source: LINE, "Check webhook error causes and statistics". */
export type WebhookReason = 'ok' | 'could_not_connect' | 'request_timeout' | 'error_status_code' | 'unclassified';

/** One POST to the bot server and what came of it. */
export interface WebhookAttempt {
  /** Epoch milliseconds, the platform's clock. */
  readonly at: number;
  readonly url: string;
  readonly body: string;
  /** Absent when it was sent without. */
  readonly signature?: string;
  readonly webhookEventIds: string[];
  readonly isRedelivery: boolean;
  /** 0 without an answer. */
  readonly statusCode: number;
  readonly reason: WebhookReason;
  readonly detail: string;
  /** Milliseconds until the answer was complete or the attempt was given up. */
  readonly tookMs: number;
  /** The answer's body, at most the first 4 KB. */
  readonly answer: string;
}

/** A request that LINE would not make, for tests of the receiver. */
export interface RawWebhook {
  /** Exactly what is sent. */
  readonly body: string | Buffer;
  /** Another body than the one sent is signed: the body was changed on its way. */
  readonly signedBody?: string | Buffer;
  /** Signs with this instead of the channel secret. */
  readonly secret?: string;
  /** Sent instead of a computed signature; null sends none. */
  readonly signature?: string | null;
  /** Name of the signature's header. LINE may change its case without notice. Default: `x-line-signature`. */
  readonly signatureHeader?: string;
}

/** How collected events leave. Source: LINE, "Receive messages (webhook)": batches, duplicates and any order are possible. */
export interface SendCollectedOptions {
  /** Default: all in one request. */
  readonly eventsPerRequest?: number;
  /** Default: `occurrence`. */
  readonly order?: 'occurrence' | 'reverse' | 'shuffled';
  /** Of the shuffled order. Default: 1. */
  readonly seed?: number;
  /** How often each request is made. Default: once. */
  readonly copies?: number;
  /** All requests at the same time instead of one after the other. Default: false. */
  readonly parallel?: boolean;
}

/**
 * Redelivery: off by default at LINE too. LINE does not disclose the number and the interval.
 * Without `delayMs` nothing is sent until `redeliver()` is called.
 */
export interface Redelivery {
  readonly attempts: number;
  readonly delayMs?: number;
}

/** Where requests for a host really go: as a hosts file, but with port and path. */
export interface HostRoute {
  /** For example `http://127.0.0.1:4566/_aws/execute-api/abc`; the webhook URL's path is appended. Of a route for `*.…` a `*` is the host's first label. */
  readonly target: string;
  /** Send the original host name in the `Host` header. Default: false. */
  readonly keepHost?: boolean;
}

export interface WebhookSettings {
  useWebhook: boolean;
  /** Milliseconds. Source: LINE, "Check webhook error causes and statistics": no answer within 2 seconds. */
  webhookTimeoutMs: number;
  redelivery: Redelivery | null;
}

interface Pending {
  readonly events: WebhookEvent[];
  readonly left: number;
  readonly timer?: NodeJS.Timeout;
}

/** Signature of a webhook. Source: LINE, "Verify webhook signature". */
export function sign(body: string | Buffer, channelSecret: string): string {
  return createHmac('sha256', channelSecret).update(body).digest('base64');
}

/** Sends webhooks as LINE does, and remembers every attempt. */
export class LineWebhooks {
  readonly attempts: WebhookAttempt[] = [];
  url?: string;
  private readonly hosts = new Map<string, HostRoute>();
  private collected?: WebhookEvent[];
  private pending: Pending[] = [];

  constructor(
    private readonly settings: WebhookSettings,
    private readonly destination: string,
    private readonly secret: () => string,
    private readonly now: () => number,
    /** Told before each delivery: the reply tokens' minute starts anew. */
    private readonly onDelivery: (events: WebhookEvent[]) => void,
  ) {}

  routeHost(host: string, route: HostRoute): void {
    this.hosts.set(host, route);
  }

  collect(): void {
    this.collected ??= [];
  }

  /** Sends an event in a request of its own, or keeps it while events are collected. Undefined when nothing was sent. */
  async emit(event: WebhookEvent): Promise<WebhookAttempt | undefined> {
    if (this.collected) {
      this.collected.push(event);
      return undefined;
    }
    return this.deliver([event]);
  }

  async sendCollected(options: SendCollectedOptions = {}): Promise<WebhookAttempt[]> {
    const { order = 'occurrence', seed = 1, copies = 1, parallel = false } = options;
    const events = this.collected ?? [];
    this.collected = undefined;
    const ordered = order === 'reverse' ? [...events].reverse() : order === 'shuffled' ? shuffled(events, seededRandom(seed)) : events;
    const size = options.eventsPerRequest ?? Math.max(1, ordered.length);
    if (!(size >= 1 && copies >= 1)) throw new Error(`eventsPerRequest and copies must be at least 1, got ${size} and ${copies}`);
    const batches: WebhookEvent[][] = [];
    for (let i = 0; i < ordered.length; i += size) {
      for (let copy = 0; copy < copies; copy++) batches.push(ordered.slice(i, i + size));
    }
    const sent: (WebhookAttempt | undefined)[] = [];
    if (parallel) sent.push(...await Promise.all(batches.map(async batch => this.deliver(batch))));
    else for (const batch of batches) sent.push(await this.deliver(batch));
    return sent.filter(attempt => attempt !== undefined);
  }

  /** Sends these events in one request. Nothing is sent while the console's "Use webhook" is off or no URL is set. */
  async deliver(events: WebhookEvent[], left = this.settings.redelivery?.attempts ?? 0): Promise<WebhookAttempt | undefined> {
    if (!this.settings.useWebhook || !this.url) return undefined;
    this.onDelivery(events);
    const attempt = await this.post(this.url, JSON.stringify({ destination: this.destination, events }), {}, events);
    if (attempt.reason !== 'ok' && this.settings.redelivery && left > 0) this.redeliverLater(events, left);
    return attempt;
  }

  /** Sends everything that waits for its redelivery now, in the order of the failures. */
  async redeliver(): Promise<WebhookAttempt[]> {
    const waiting = this.pending;
    this.pending = [];
    const sent: (WebhookAttempt | undefined)[] = [];
    for (const { events, left, timer } of waiting) {
      clearTimeout(timer);
      sent.push(await this.deliver(events, left));
    }
    return sent.filter(attempt => attempt !== undefined);
  }

  async sendRaw(raw: RawWebhook): Promise<WebhookAttempt> {
    if (!this.url) throw new Error('no webhook URL is set: call setWebhookUrl first');
    return this.post(this.url, raw.body, raw, []);
  }

  /** The communication check: no events, properly signed. */
  async test(url: string): Promise<WebhookAttempt> {
    return this.post(url, JSON.stringify({ destination: this.destination, events: [] }), {}, []);
  }

  stop(): void {
    for (const { timer } of this.pending) clearTimeout(timer);
    this.pending = [];
  }

  private redeliverLater(events: WebhookEvent[], left: number): void {
    const again = events.map(event => ({ ...event, deliveryContext: { isRedelivery: true } }));
    const delayMs = this.settings.redelivery?.delayMs;
    const timer = delayMs === undefined ? undefined : setTimeout(() => {
      this.pending = this.pending.filter(entry => entry !== pending);
      void this.deliver(pending.events, pending.left);
    }, delayMs);
    const pending: Pending = { events: again, left: left - 1, timer };
    this.pending.push(pending);
  }

  private async post(url: string, body: string | Buffer, raw: Omit<RawWebhook, 'body'>, events: WebhookEvent[]): Promise<WebhookAttempt> {
    const at = this.now();
    const startedAt = performance.now();
    const signature = raw.signature === null ? undefined : raw.signature ?? sign(raw.signedBody ?? body, raw.secret ?? this.secret());
    const outcome = await this.exchange(url, body, {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'LineBotWebhook/2.0',
      'content-length': String(Buffer.byteLength(body)),
      ...(signature !== undefined && { [raw.signatureHeader ?? 'x-line-signature']: signature }),
    });
    const attempt: WebhookAttempt = {
      at,
      url,
      body: body.toString(),
      signature,
      webhookEventIds: events.map(event => event.webhookEventId),
      isRedelivery: events.some(event => event.deliveryContext.isRedelivery),
      tookMs: performance.now() - startedAt,
      ...outcome,
    };
    this.attempts.push(attempt);
    return attempt;
  }

  private async exchange(
    url: string, body: string | Buffer, headers: Record<string, string>,
  ): Promise<Pick<WebhookAttempt, 'statusCode' | 'reason' | 'detail' | 'answer'>> {
    const { target, host } = this.resolve(url);
    return new Promise(resolve => {
      const finish = (outcome: Awaited<ReturnType<LineWebhooks['exchange']>>) => {
        clearTimeout(limit);
        resolve(outcome);
      };
      const silent = (reason: WebhookReason, detail: string) => finish({ statusCode: 0, reason, detail, answer: '' });
      const call = (target.protocol === 'https:' ? httpsRequest : httpRequest)(target, {
        method: 'POST', agent: false, headers: { ...headers, ...(host && { host }) },
      });
      const limit = setTimeout(() => {
        silent('request_timeout', 'Request timeout');
        call.destroy();
      }, this.settings.webhookTimeoutMs);
      let connected = false;
      call.once('socket', socket => socket.once('connect', () => { connected = true; }));
      call.on('error', (error: NodeJS.ErrnoException) => silent(connected ? 'unclassified' : 'could_not_connect', error.code ?? error.message));
      call.once('response', response => {
        let answer = '';
        response.setEncoding('utf8').on('data', (chunk: string) => { answer = (answer + chunk).slice(0, 4096); });
        response.once('error', () => silent('unclassified', 'the answer broke off'));
        response.once('end', () => {
          const statusCode = response.statusCode ?? 0;
          const good = statusCode >= 200 && statusCode < 300;
          finish({ statusCode, reason: good ? 'ok' : 'error_status_code', detail: String(statusCode), answer });
        });
      });
      call.end(body);
    });
  }

  private resolve(url: string): { target: URL; host?: string } {
    const original = new URL(url);
    const [label, ...domain] = original.host.split('.');
    const route = this.hosts.get(original.host) ?? this.hosts.get(['*', ...domain].join('.'));
    if (!route) return { target: original };
    return {
      target: new URL(route.target.replace('*', label).replace(/\/$/, '') + original.pathname + original.search),
      host: route.keepHost ? original.host : undefined,
    };
  }
}
