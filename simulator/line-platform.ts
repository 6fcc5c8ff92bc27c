import { createHash, randomUUID } from 'node:crypto';
import { IncomingMessage, Server, ServerResponse, createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Answer, Fault, FaultPlan, RandomFaults, sendAnswer } from './faults';
import { close, listen, readBody } from './http-server';
import { CHAT_ID, USER_ID, lineUserId, messageId, opaqueToken, ulid } from './line-ids';
import { MessageContext, checkSend, checkValidation, errorBody } from './line-message-rules';
import { FoundRoute, LineOperation, ROUTES, findRoute } from './line-routes';
import { unitStatistics } from './line-statistics';
import { Channel, LineTokens } from './line-tokens';
import {
  HostRoute, LineWebhooks, RawWebhook, SendCollectedOptions, WebhookAttempt, WebhookEvent, WebhookSettings,
} from './line-webhooks';
import { dotted, isObject } from './rules';
import { RateLimit, TokenBucket } from './token-bucket';

/** Source: LINE, Messaging API reference, "Status codes": 2 MB. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;
/** Source: LINE, "Retry failed API requests": 24 hours from the first request. */
const RETRY_KEY_MS = 24 * 60 * 60 * 1000;
/** Source: LINE, "Retry failed API requests": a UUID in hexadecimal form. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const MAX_MULTICAST = 500;
/** Source: LINE, Messaging API reference, "Reply token": a minute from (re)delivery, 20 minutes from the event. */
const REPLY_TOKEN_MS = 60_000;
const REPLY_EVENT_MS = 20 * 60_000;
/** Source: LINE, Messaging API reference, "Conditions for sending push message": a stranger who wrote within 7 days. */
const STRANGER_MS = 7 * 24 * 60 * 60 * 1000;
/** Source: LINE, Messaging API reference, "Set webhook endpoint URL". */
const MAX_WEBHOOK_URL = 500;
/** Source: LINE, Messaging API reference, "Get a list of users who added your LINE Official Account as a friend". */
const FOLLOWERS_PAGE = { usual: 300, most: 1000 };
/** Source: LINE, Messaging API reference, "Get name list of units used this month". */
const UNITS_PAGE = { usual: 100, most: 100 };
const PAGE_TOKEN_MS = 24 * 60 * 60 * 1000;
/** Distinct aggregation units of a month. Source: LINE, "Get statistics of sent messages". */
const MAX_UNITS = 1000;
/** Source: LINE, Messaging API reference, "Get statistics per unit". */
const UNIT_NAME = /^[A-Za-z0-9_]{1,30}$/;
const STATISTICS_DAYS = 30;
const DAY_MS = 24 * 60 * 60 * 1000;
/** LINE counts months and days in UTC+9. */
const TIME_ZONE_MS = 9 * 60 * 60 * 1000;
/** Message types that can be quoted. Source: LINE, "Get quote tokens". */
const QUOTABLE = ['text', 'textV2', 'sticker', 'image', 'video', 'template'];

/** A person as LINE's profile shows them. */
export interface LineUser {
  readonly userId: string;
  readonly displayName: string;
  /** BCP 47. Absent for people who did not accept LINE's privacy policy. */
  readonly language?: string;
  readonly pictureUrl?: string;
  readonly statusMessage?: string;
  /** False: the profile is not given out. Default: true. */
  readonly consent?: boolean;
}

interface Person {
  profile: LineUser;
  state: 'friend' | 'blocked' | 'stranger' | 'deleted';
  lastMessageAt?: number;
}

/** One recipient's share of an accepted request. */
export interface Delivery {
  readonly to: string;
  /** Epoch milliseconds, the platform's clock. */
  readonly at: number;
  readonly operation: LineOperation;
  /** `x-line-request-id` of the request that was accepted. */
  readonly requestId: string;
  readonly retryKey?: string;
  readonly messages: Record<string, unknown>[];
  /** Unit that LINE counts it for; absent without one, and when the month had 1,000 others. */
  readonly aggregationUnit?: string;
}

/** One request to the API, whatever became of it. */
export interface LineRequestRecord {
  /** Epoch milliseconds, the platform's clock. */
  readonly at: number;
  readonly requestId: string;
  readonly operation: LineOperation | 'unknown';
  readonly method: string;
  readonly path: string;
  /** Less the access token. */
  readonly headers: Record<string, string>;
  /** As received; absent for the token operations, whose forms hold the channel secret. */
  readonly body?: string;
  readonly retryKey?: string;
  /** As sent; 0 when no answer was sent. */
  readonly status: number;
  /** Whether messages were accepted by this very request. */
  readonly accepted: boolean;
  /** What was made to go wrong. */
  readonly fault?: Fault;
}

/** What a careful sender does not do, although LINE may answer it like any other request. */
export interface Violation {
  readonly rule:
  | 'unknown-endpoint'
  /** LINE supports a retry key for an identical request only. */
  | 'retry-key-for-other-request'
  /** A key used again after 24 hours is a new send. */
  | 'retry-key-after-24-hours'
  /** LINE does not document what a recipient named twice gets; here each naming is a delivery. */
  | 'duplicate-recipient'
  /** LINE prohibits requests to ids known not to exist. */
  | 'unknown-recipient'
  | 'rate-limit-exceeded'
  /** A member that no document names. */
  | 'unknown-property'
  /** LINE appends a path to an imagemap's base URL, so a query string cannot work. */
  | 'imagemap-base-url';
  readonly requestId: string;
  readonly detail: string;
}

export interface LineSettings extends WebhookSettings {
  /**
   * A well-formed user id that does not exist for this provider, in a multicast. LINE's reference says both: skipped, under
   * "Conditions for sending multicast message", and 400, in its error table (and the FAQ). Pushes are refused always.
   */
  unknownRecipient: 'refuse' | 'skip';
  /**
   * A request whose retry key is that of a request held open (`hold`). LINE documents no answer. `conflict`: 409 without
   * x-line-accepted-request-id. `process`: carried out, so that the held one becomes the repeat.
   */
  concurrentRepeat: 'conflict' | 'process';
  /** Only verified and premium accounts may list their followers. */
  verifiedAccount: boolean;
  /** Messages a month. Source: LINE, Messaging API reference, "Get the target limit for sending messages this month". */
  quota: { readonly type: 'none' } | { readonly type: 'limited'; readonly value: number };
  /** How long a send reserves quota for recipients that turn out not to receive it. Source: LINE, FAQ, "429 … even though I still have messages". */
  reservationMs: number;
  /** Replaces the documented limits of these operations. */
  rateLimits: { readonly [operation in LineOperation]?: RateLimit };
  /** Coupons that can be sent. */
  coupons: string[];
}

export interface LinePlatformOptions extends Partial<LineSettings> {
  /** Default: `1234567890`. */
  readonly channelId?: string;
  /** Default: a fixed one of LINE's form. */
  readonly channelSecret?: string;
  /** The bot's user id, `destination` of every webhook. */
  readonly botUserId?: string;
  /** Tokens from the console that are accepted besides the issued ones. */
  readonly longLivedTokens?: string[];
  /** Epoch milliseconds. Default: the system's clock. */
  readonly now?: () => number;
  /** Default: any free port. */
  readonly port?: number;
}

interface RetryKey {
  readonly firstAt: number;
  readonly fingerprint: string;
  accepted?: { readonly requestId: string; readonly sentMessages?: object[] };
}

interface Hold {
  readonly operation: LineOperation;
  taken: boolean;
  readonly arrived: Promise<{ requestId: string }>;
  readonly arrive: (request: { requestId: string }) => void;
  readonly released: Promise<Fault | undefined>;
  readonly release: (fault?: Fault) => void;
}

/** Where a list goes on, by token. */
type PageTokens = Map<string, { readonly from: number; readonly expiresAt: number }>;

type Writable<T> = { -readonly [key in keyof T]: T[key] };

interface Call {
  readonly route: FoundRoute;
  readonly requestId: string;
  readonly headers: IncomingMessage['headers'];
  readonly query: URLSearchParams;
  readonly body: Buffer | undefined;
  readonly retryKey?: string;
}

const error = (status: number, message: string): Answer => ({ status, body: { message } });
const invalid = (property: string): Answer => error(400, `The property, ${property}, in the request body is invalid (line: -, column: -)`);
const RATE_LIMITED = 'The API rate limit has been exceeded. Try again later.';
const MONTHLY_LIMIT = 'You have reached your monthly limit.';
const OK: Answer = { status: 200, body: {} };

/** When a day, `20261123`, begins in UTC+9; undefined when it is none. */
function dayOf(text: string | null): number | undefined {
  const [, year, month, day] = /^(\d{4})(\d{2})(\d{2})$/.exec(text ?? '') ?? [];
  const begin = Date.parse(`${year}-${month}-${day}T00:00:00+09:00`);
  return Number.isNaN(begin) ? undefined : begin;
}

/** LINE's error of a status, for faults. The texts are LINE's own where the reference has one. */
function lineError(status: number, message?: string): Answer {
  const usual: Record<number, string> = {
    400: 'Failed to send messages',
    401: 'Authentication failed due to the following reason: invalid token. Confirm that the access token in the authorization header is valid.',
    403: 'Access to this API is not available for your account',
    404: 'Not found',
    413: 'Payload Too Large',
    429: RATE_LIMITED,
  };
  return error(status, message ?? usual[status] ?? 'Internal Server Error');
}

/**
 * A stand-in for the LINE Platform: one channel of the Messaging API on a loopback port, that checks every request against
 * LINE's documents, keeps what each friend received, and sends signed webhooks. Every method but start and stop takes and
 * gives plain data, so that it can be called from another process (`line-platform-process.ts`).
 */
export class LinePlatform {
  readonly botUserId: string;
  readonly channelId: string;
  private readonly channel: Channel;
  private readonly settings: LineSettings;
  private readonly tokens: LineTokens;
  private readonly webhooks: LineWebhooks;
  private readonly faultPlan = new FaultPlan();
  private readonly server: Server;
  private readonly people = new Map<string, Person>();
  private readonly chats = new Set<string>();
  private readonly replyTokens = new Map<string, { readonly to: string; readonly eventAt: number; deliveredAt: number; used: boolean }>();
  private readonly retryKeys = new Map<string, RetryKey>();
  private readonly inFlight = new Set<string>();
  private readonly accepted = new Set<string>();
  private readonly holds: Hold[] = [];
  private readonly buckets = new Map<LineOperation, TokenBucket>();
  private readonly requestLog: LineRequestRecord[] = [];
  private readonly deliveryLog: Delivery[] = [];
  private readonly violationLog: Violation[] = [];
  private readonly followerTokens: PageTokens = new Map();
  private readonly unitTokens: PageTokens = new Map();
  private readonly units = new Map<string, Set<string>>();
  private readonly displayed = new Set<Delivery>();
  private readonly opened = new Map<Delivery, string[]>();
  private quotaUsed = 0;
  private reservations: { readonly until: number; readonly messages: number }[] = [];
  private clockOffset = 0;
  private origin?: string;

  constructor(private readonly options: LinePlatformOptions = {}) {
    this.channelId = options.channelId ?? '1234567890';
    this.botUserId = options.botUserId ?? lineUserId('bot');
    this.channel = { channelId: this.channelId, channelSecret: options.channelSecret ?? '8c570fa6dd201bb328f1c1eac23a96d8' };
    if (!USER_ID.test(this.botUserId)) throw new Error(`botUserId must match ${USER_ID}, got ${this.botUserId}`);
    this.settings = {
      unknownRecipient: 'refuse',
      concurrentRepeat: 'conflict',
      verifiedAccount: true,
      useWebhook: true,
      webhookTimeoutMs: 2000,
      redelivery: null,
      quota: { type: 'none' },
      reservationMs: 0,
      rateLimits: {},
      coupons: [],
    };
    this.configure(options);
    const now = () => this.now();
    this.tokens = new LineTokens(this.channel, now);
    for (const token of options.longLivedTokens ?? []) this.tokens.addLongLived(token);
    this.webhooks = new LineWebhooks(this.settings, this.botUserId, () => this.channel.channelSecret, now, events => this.onDelivery(events));
    this.server = createServer((request, response) => {
      this.handle(request, response).catch((reason: NodeJS.ErrnoException) => {
        response.destroy();
        // A caller may go away in the middle of its request; anything else is a mistake of the stand-in.
        if (reason.code !== 'ECONNRESET') console.error('LINE stand-in failed on a request', reason);
      });
    });
  }

  /** `http://127.0.0.1:<port>`, for `apiBaseUrl`. */
  get url(): string {
    if (!this.origin) throw new Error('the platform is not started: await start() first');
    return this.origin;
  }

  async start(): Promise<string> {
    this.origin = await listen(this.server, this.options.port);
    return this.origin;
  }

  /** Cuts off whatever is open. What was recorded stays readable. */
  async stop(): Promise<void> {
    this.webhooks.stop();
    await close(this.server);
  }

  // ── Set-up, as in LINE's console ───────────────────────────────────────────────────────────────────────────────────

  /** Changes settings; those not named stay. */
  configure(settings: Partial<LineSettings>): void {
    for (const name of Object.keys(this.settings) as (keyof LineSettings)[]) {
      if (settings[name] !== undefined) Object.assign(this.settings, { [name]: settings[name] });
    }
    // New limits start with full buckets.
    if (settings.rateLimits) this.buckets.clear();
  }

  /** Sets the webhook URL as the console does. Besides HTTPS, http is taken on loopback. */
  setWebhookUrl(url: string): void {
    const { protocol, hostname } = new URL(url);
    if (protocol !== 'https:' && !['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) {
      throw new Error(`url must be https, or http on loopback, got ${url}`);
    }
    this.webhooks.url = url;
  }

  getWebhookUrl(): string | undefined {
    return this.webhooks.url;
  }

  /** Sends webhooks for this host, or for all of `*.example.com`, elsewhere, for example from an API's public name to an emulator. */
  routeHost(host: string, route: HostRoute): void {
    this.webhooks.routeHost(host, route);
  }

  /** Reissues the channel secret: the old one is invalid at once. */
  setChannelSecret(secret: string): void {
    this.channel.channelSecret = secret;
  }

  /** Ends the life of every access token now. */
  expireTokens(): void {
    this.tokens.expireAll();
  }

  /** Moves the clock of tokens, retry keys, limits and events ahead. */
  advanceClock(ms: number): void {
    this.clockOffset += ms;
  }

  // ── People ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Friends of the account, without a webhook. */
  add(...users: LineUser[]): void {
    for (const user of users) this.put(user, 'friend');
  }

  /** A person of this provider who is no friend of the account. */
  addStranger(user: LineUser): void {
    this.put(user, 'stranger');
  }

  /** Blocks the account, without a webhook. */
  block(userId: string): void {
    this.person(userId).state = 'blocked';
  }

  unblock(userId: string): void {
    this.person(userId).state = 'friend';
  }

  /** The person deletes their LINE account: no event tells of it. */
  deleteAccount(userId: string): void {
    this.person(userId).state = 'deleted';
  }

  /** Changes the profile; no event tells of it. */
  updateProfile(userId: string, change: Partial<LineUser>): void {
    const person = this.person(userId);
    person.profile = { ...person.profile, ...change, userId };
  }

  /** User ids of all friends. */
  friends(): string[] {
    return [...this.people].filter(([, { state }]) => state === 'friend').map(([userId]) => userId);
  }

  // ── Webhooks. Each sends one event, unless events are being collected, and gives the attempt. ──────────────────────
  // `overrides` are put over the event's members: `{ timestamp }`, `{ mode: 'standby' }`, `{ webhookEventId }`, `{ source: undefined }` …

  /** Adds the account as a friend, or unblocks it. */
  async follow(user: LineUser | string, overrides?: object): Promise<WebhookAttempt | undefined> {
    const userId = typeof user === 'string' ? user : user.userId;
    const isUnblocked = this.people.get(userId)?.state === 'blocked';
    if (typeof user === 'string') this.person(userId).state = 'friend';
    else this.put(user, 'friend');
    return this.emit('follow', userId, { follow: { isUnblocked } }, true, overrides);
  }

  /** Blocks the account. */
  async unfollow(userId: string, overrides?: object): Promise<WebhookAttempt | undefined> {
    this.block(userId);
    return this.emit('unfollow', userId, {}, false, overrides);
  }

  /** A message, text or any other message object; in a group or room when `chatId` is given. */
  async message(userId: string, content: string | object, chatId?: string, overrides?: object): Promise<WebhookAttempt | undefined> {
    if (!chatId) this.person(userId).lastMessageAt = this.now();
    const message = typeof content === 'string' ? { type: 'text', id: messageId(), quoteToken: opaqueToken(), text: content } : { id: messageId(), ...content };
    return this.emit('message', userId, { message }, true, overrides, chatId);
  }

  async postback(userId: string, data: string, params?: object, overrides?: object): Promise<WebhookAttempt | undefined> {
    return this.emit('postback', userId, { postback: { data, ...(params && { params }) } }, true, overrides);
  }

  /** The bot joins a group or room, which can then be pushed to. */
  async join(chatId: string, overrides?: object): Promise<WebhookAttempt | undefined> {
    this.chats.add(chatId);
    return this.emit('join', undefined, {}, true, overrides, chatId);
  }

  async leave(chatId: string, overrides?: object): Promise<WebhookAttempt | undefined> {
    this.chats.delete(chatId);
    return this.emit('leave', undefined, {}, false, overrides, chatId);
  }

  async memberJoined(chatId: string, userIds: string[], overrides?: object): Promise<WebhookAttempt | undefined> {
    const members = userIds.map(userId => ({ type: 'user', userId }));
    return this.emit('memberJoined', undefined, { joined: { members } }, true, overrides, chatId);
  }

  async memberLeft(chatId: string, userIds: string[], overrides?: object): Promise<WebhookAttempt | undefined> {
    const members = userIds.map(userId => ({ type: 'user', userId }));
    return this.emit('memberLeft', undefined, { left: { members } }, false, overrides, chatId);
  }

  /** An event of any type, known or not. */
  async event(type: string, userId: string | undefined, payload: object, overrides?: object): Promise<WebhookAttempt | undefined> {
    return this.emit(type, userId, payload, false, overrides);
  }

  /** Keeps events from now on, until `sendCollected`. */
  collectEvents(): void {
    this.webhooks.collect();
  }

  /** Sends what was collected: in batches, out of order, more than once. */
  async sendCollected(options?: SendCollectedOptions): Promise<WebhookAttempt[]> {
    return this.webhooks.sendCollected(options);
  }

  /** Sends all events whose redelivery is due to be sent some time. */
  async redeliver(): Promise<WebhookAttempt[]> {
    return this.webhooks.redeliver();
  }

  /** Sends bytes that LINE would not send: forged, unsigned, or changed after signing. */
  async sendRaw(raw: RawWebhook): Promise<WebhookAttempt> {
    return this.webhooks.sendRaw(raw);
  }

  /** The communication check that LINE's console and `POST /v2/bot/channel/webhook/test` make. */
  async verifyWebhook(): Promise<WebhookAttempt> {
    return this.sendRaw({ body: JSON.stringify({ destination: this.botUserId, events: [] }) });
  }

  // ── Faults ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The operation's next requests meet these faults, one each; null lets one pass. `*` is any operation. */
  script(operation: LineOperation | '*', ...list: (Fault | null)[]): void {
    this.faultPlan.script(checkedOperation(operation), ...list);
  }

  /** Every request of the operation meets this fault, until called without one. */
  always(operation: LineOperation | '*', fault?: Fault): void {
    this.faultPlan.always(checkedOperation(operation), fault);
  }

  /** A share of all requests fails, repeatably. */
  randomFaults(plan: RandomFaults): void {
    plan.operations?.forEach(checkedOperation);
    this.faultPlan.randomly(plan);
  }

  clearFaults(): void {
    this.faultPlan.clear();
  }

  /** Holds the operation's next request open, undecided. Gives the number for `held` and `release`. */
  hold(operation: LineOperation): number {
    checkedOperation(operation);
    let arrive!: Hold['arrive'];
    let release!: Hold['release'];
    const arrived = new Promise<{ requestId: string }>(resolve => { arrive = resolve; });
    const released = new Promise<Fault | undefined>(resolve => { release = resolve; });
    return this.holds.push({ operation, taken: false, arrived, arrive, released, release }) - 1;
  }

  /** Waits until the request to be held has arrived. */
  async held(id: number): Promise<{ requestId: string }> {
    return this.holdOf(id).arrived;
  }

  /** Lets the held request go on, or answers it with a fault. */
  release(id: number, fault?: Fault): void {
    this.holdOf(id).release(fault);
  }

  // ── Inspection ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Every request, or those of one operation, oldest first. */
  requests(operation?: LineOperation | 'unknown'): LineRequestRecord[] {
    return this.requestLog.filter(record => !operation || record.operation === operation);
  }

  /** Everything that was delivered, oldest first. */
  deliveries(): Delivery[] {
    return [...this.deliveryLog];
  }

  /** What one friend, group or room received, oldest first. */
  received(id: string): Delivery[] {
    return this.deliveryLog.filter(({ to }) => to === id);
  }

  violations(): Violation[] {
    return [...this.violationLog];
  }

  webhookAttempts(): WebhookAttempt[] {
    return [...this.webhooks.attempts];
  }

  /** Every access token so far, live or not, to be looked for where none must be. */
  accessTokens(): string[] {
    return this.tokens.all();
  }

  /** Messages that count against the quota so far this month. */
  usage(): number {
    return this.quotaUsed;
  }

  /** Sets what counts against the quota so far, for example messages sent from LINE Official Account Manager. */
  setUsage(messages: number): void {
    this.quotaUsed = messages;
  }

  /** Aggregation units of this month that LINE counts for, in the order of their first use. */
  aggregationUnits(): string[] {
    return [...this.unitsOfMonth()];
  }

  /** Sets which units this month has used so far. */
  setAggregationUnits(units: string[]): void {
    this.units.set(this.month(), new Set(units));
  }

  /** People open the chat and see everything that they have received. No event tells of it. */
  openChat(...userIds: string[]): void {
    const all = new Set(userIds);
    for (const delivery of this.deliveryLog) if (all.has(delivery.to)) this.displayed.add(delivery);
  }

  /** A person opens a link of the message that was received last. No event tells of it. */
  openLink(userId: string, url: string): void {
    const last = this.deliveryLog.filter(({ to }) => to === userId).at(-1);
    if (!last) throw new Error(`${userId} has received nothing`);
    this.displayed.add(last);
    this.opened.set(last, [...this.opened.get(last) ?? [], url]);
  }

  /** Forgets requests, deliveries, violations and webhook attempts; people, tokens and retry keys stay. */
  forgetRecords(): void {
    for (const log of [this.requestLog, this.deliveryLog, this.violationLog, this.webhooks.attempts]) log.length = 0;
    this.displayed.clear();
    this.opened.clear();
  }

  // ── One request ────────────────────────────────────────────────────────────────────────────────────────────────────

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://line');
    const method = request.method ?? '';
    const route = findRoute(method, pathname);
    const found = typeof route === 'number' ? undefined : route;
    const operation = found?.operation ?? 'unknown';
    const requestId = randomUUID();
    const { authorization, ...headers } = request.headers as Record<string, string>;
    const retryKey = headers['x-line-retry-key'];
    const hold = this.holds.find(one => one.operation === operation && !one.taken);
    let fault = hold ? undefined : this.faultPlan.next(operation);
    const record: Writable<LineRequestRecord> = {
      at: this.now(), requestId, operation, method, path: request.url ?? '/', headers, retryKey, status: 0, accepted: false, fault,
    };
    this.requestLog.push(record);

    let answer: Answer = { status: 0 };
    const send = () => {
      record.accepted = this.accepted.has(requestId);
      record.fault = fault;
      record.status = sendAnswer(response, { ...answer, headers: { 'x-line-request-id': requestId, ...answer.headers } }, fault, lineError);
    };
    if (fault?.answer === 'reset' && !fault.accepted) return send();

    const body = await readBody(request, MAX_BODY_BYTES);
    if (found?.auth === 'bearer') record.body = body?.toString();
    const key = retryKey?.toLowerCase();
    if (hold) {
      hold.taken = true;
      if (key) this.inFlight.add(key);
      hold.arrive({ requestId });
      fault = await hold.released;
      if (key) this.inFlight.delete(key);
    }
    if (fault?.answer === 'expired-token') this.tokens.expire(authorization);
    if (!fault || fault.accepted || fault.answer === 'normal' || fault.answer === 'expired-token') {
      answer = typeof route === 'number'
        ? this.unknownEndpoint(route, requestId, `${method} ${pathname}`)
        : await this.process({ route, requestId, headers: request.headers, query: searchParams, body, retryKey: key });
    }
    record.accepted = this.accepted.has(requestId);
    if (fault?.delayMs) await delay(fault.delayMs);
    send();
  }

  private unknownEndpoint(status: 404 | 405, requestId: string, what: string): Answer {
    this.violate('unknown-endpoint', requestId, what);
    return status === 404 ? error(404, 'Not found') : error(405, 'Method Not Allowed');
  }

  private async process(call: Call): Promise<Answer> {
    const { route, body, requestId } = call;
    if (body === undefined) return lineError(413);
    if (route.auth === 'bearer' && !this.tokens.accepts(call.headers.authorization)) return lineError(401);
    if (!this.bucket(route).take(this.now())) {
      this.violate('rate-limit-exceeded', requestId, route.operation);
      return error(429, RATE_LIMITED);
    }
    const contentType = (call.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
    if (route.auth === 'none') {
      if (contentType !== 'application/x-www-form-urlencoded') return { status: 400, body: { error: 'invalid_request', error_description: 'some parameters missed or invalid' } };
      return this.token(route.operation, new URLSearchParams(body.toString()));
    }
    if (call.retryKey !== undefined) {
      if (!route.retryKey) return error(400, 'The header, X-Line-Retry-Key, is not supported by this endpoint');
      if (!UUID.test(call.retryKey)) return error(400, 'The header, X-Line-Retry-Key, must be a UUID in hexadecimal notation');
    }
    if (route.method === 'GET') return this.get(call);
    if (contentType !== 'application/json') return error(400, `The content type, ${contentType || '(none)'}, is not supported`);
    let json: unknown;
    try {
      json = JSON.parse(body.toString());
    } catch {
      return error(400, 'The request body could not be parsed as JSON (line: -, column: -)');
    }
    if (!isObject(json)) return error(400, 'The request body could not be parsed as JSON (line: -, column: -)');
    switch (route.operation) {
      case 'setWebhookEndpoint': return this.setWebhookEndpoint(json);
      case 'testWebhookEndpoint': return this.testWebhookEndpoint(json);
      case 'reply': case 'push': case 'multicast': case 'broadcast': return this.send(call, route.operation, json);
      default: return this.validate(call, json);
    }
  }

  private token(operation: LineOperation, form: URLSearchParams): Answer {
    switch (operation) {
      case 'issueStatelessToken': return this.tokens.issueStateless(form);
      case 'issueShortLivedToken': return this.tokens.issueShortLived(form);
      case 'verifyToken': return this.tokens.verify(form);
      default: return this.tokens.revoke(form);
    }
  }

  private get({ route, query }: Call): Answer {
    switch (route.operation) {
      case 'quota': return { status: 200, body: this.settings.quota };
      case 'quotaConsumption': return { status: 200, body: { totalUsage: this.quotaUsed } };
      case 'aggregationInfo': return { status: 200, body: { numOfCustomAggregationUnits: this.unitsOfMonth().size } };
      case 'aggregationList': return this.page(this.aggregationUnits(), query, 'customAggregationUnits', UNITS_PAGE, this.unitTokens);
      case 'unitStatistics': return this.unitStatistics(query);
      case 'profile': return this.profile(route.parameter!);
      case 'followerIds': return this.followerIds(query);
      case 'getWebhookEndpoint':
        if (!this.webhooks.url) return error(404, 'Webhook endpoint not found');
        return { status: 200, body: { endpoint: this.webhooks.url, active: this.settings.useWebhook } };
      default:
        return {
          status: 200,
          body: { userId: this.botUserId, basicId: '@simulated', displayName: 'Simulated account', chatMode: 'bot', markAsReadMode: 'auto' },
        };
    }
  }

  private profile(userId: string): Answer {
    if (!USER_ID.test(userId)) return error(400, "The value for the 'userId' parameter is invalid");
    const person = this.people.get(userId);
    if (person?.state !== 'friend' || person.profile.consent === false) return error(404, 'Not found');
    const { consent: _, ...profile } = person.profile;
    return { status: 200, body: profile };
  }

  private followerIds(query: URLSearchParams): Answer {
    if (!this.settings.verifiedAccount) return lineError(403);
    return this.page(this.friends(), query, 'userIds', FOLLOWERS_PAGE, this.followerTokens);
  }

  /** A unit that was never used is answered like one of which nobody saw anything: LINE documents no other answer. */
  private unitStatistics(query: URLSearchParams): Answer {
    const unit = query.get('customAggregationUnit') ?? '';
    if (!UNIT_NAME.test(unit)) return error(400, "The value for the 'customAggregationUnit' parameter is invalid");
    const [from, to] = ['from', 'to'].map(name => dayOf(query.get(name)));
    if (from === undefined || to === undefined || to < from || to - from > STATISTICS_DAYS * DAY_MS) {
      return error(400, "The value for the 'from' or 'to' parameter is invalid");
    }
    const deliveries = this.deliveryLog.filter(({ at, aggregationUnit }) => aggregationUnit === unit && at >= from && at < to + DAY_MS);
    return { status: 200, body: unitStatistics(deliveries, { displayed: this.displayed, opened: this.opened }) };
  }

  /** A part of a list, and the token of the next. */
  private page(all: string[], query: URLSearchParams, name: string, limits: { usual: number; most: number }, tokens: PageTokens): Answer {
    const limit = Number(query.get('limit') ?? limits.usual);
    if (!Number.isInteger(limit) || limit < 1 || limit > limits.most) return error(400, "The value for the 'limit' parameter is invalid");
    const start = query.get('start');
    const token = start === null ? { from: 0, expiresAt: Infinity } : tokens.get(start);
    if (!token || token.expiresAt <= this.now()) return error(400, "The value for the 'start' parameter is invalid");
    const end = token.from + limit;
    if (end >= all.length) return { status: 200, body: { [name]: all.slice(token.from) } };
    const next = opaqueToken();
    tokens.set(next, { from: end, expiresAt: this.now() + PAGE_TOKEN_MS });
    return { status: 200, body: { [name]: all.slice(token.from, end), next } };
  }

  private setWebhookEndpoint({ endpoint }: Record<string, unknown>): Answer {
    if (!isWebhookUrl(endpoint)) return error(400, 'Invalid webhook endpoint URL');
    this.webhooks.url = endpoint;
    return OK;
  }

  private async testWebhookEndpoint({ endpoint }: Record<string, unknown>): Promise<Answer> {
    if (endpoint !== undefined && !isWebhookUrl(endpoint)) return error(400, 'Invalid webhook endpoint URL');
    const url = endpoint ?? this.webhooks.url;
    if (!url) return error(404, 'Webhook endpoint not found');
    const attempt = await this.webhooks.test(url);
    if (attempt.detail === 'ENOTFOUND') return error(400, 'Invalid webhook endpoint URL');
    const details: Partial<Record<WebhookAttempt['reason'], string>> = { could_not_connect: 'Failure to connect', unclassified: 'N/A' };
    return {
      status: 200,
      body: {
        success: attempt.reason === 'ok',
        timestamp: new Date(this.now()).toISOString(),
        statusCode: attempt.statusCode,
        reason: attempt.reason.toUpperCase(),
        detail: details[attempt.reason] ?? attempt.detail,
      },
    };
  }

  private validate({ route, requestId }: Call, body: Record<string, unknown>): Answer {
    const operation = route.operation.replace('validate', '').toLowerCase() as MessageContext['operation'];
    return this.verdict(checkValidation(body, { operation, coupons: new Set(this.settings.coupons) }), requestId) ?? OK;
  }

  // ── Sending ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Source: LINE, "Retry failed API requests", and the reference's sections of the four operations. An error means that nobody got anything. */
  private send(call: Call, operation: 'reply' | 'push' | 'multicast' | 'broadcast', body: Record<string, unknown>): Answer {
    const { requestId, retryKey } = call;
    const known = retryKey === undefined ? undefined : this.retryKey(retryKey, call);
    if (known?.accepted) {
      const { requestId: acceptedId, sentMessages } = known.accepted;
      return {
        status: 409,
        headers: { 'x-line-accepted-request-id': acceptedId },
        body: { message: 'The retry key is already accepted', ...(sentMessages && { sentMessages }) },
      };
    }
    if (retryKey !== undefined && this.inFlight.has(retryKey) && this.settings.concurrentRepeat === 'conflict') {
      return error(409, 'A request with the same retry key is being processed');
    }

    const destination = operation === 'push' ? chatKind(body.to) : operation === 'multicast' ? 'user' : undefined;
    const refused = this.verdict(checkSend(body, { operation, destination, coupons: new Set(this.settings.coupons) }), requestId);
    if (refused) return refused;
    const recipients = this.recipients(operation, body, requestId);
    if (!Array.isArray(recipients)) return recipients;
    const reached = recipients.filter(to => this.reaches(operation, to));
    if (operation !== 'reply' && !this.reserve(recipients.length, reached.length)) return error(429, MONTHLY_LIMIT);

    const messages = body.messages as Record<string, unknown>[];
    this.accepted.add(requestId);
    const aggregationUnit = this.countedUnit((body.customAggregationUnits as string[] | undefined)?.[0]);
    const delivery = { at: this.now(), operation, requestId, retryKey, messages, ...(aggregationUnit && { aggregationUnit }) };
    for (const to of reached) this.deliveryLog.push({ to, ...delivery });
    const sentMessages = operation === 'push' || operation === 'reply'
      ? messages.map(({ type }) => ({ id: messageId(), ...(QUOTABLE.includes(String(type)) && { quoteToken: opaqueToken() }) }))
      : undefined;
    if (known) known.accepted = { requestId, sentMessages };
    return { status: 200, body: sentMessages ? { sentMessages } : {} };
  }

  /** What LINE remembers of this key. */
  private retryKey(key: string, { route, body, requestId }: Call): RetryKey {
    const fingerprint = createHash('sha256').update(`${route.operation}\n`).update(body!).digest('hex');
    const known = this.retryKeys.get(key);
    if (known && this.now() - known.firstAt < RETRY_KEY_MS) {
      if (known.fingerprint !== fingerprint) this.violate('retry-key-for-other-request', requestId, key);
      return known;
    }
    if (known) this.violate('retry-key-after-24-hours', requestId, key);
    const fresh: RetryKey = { firstAt: this.now(), fingerprint };
    this.retryKeys.set(key, fresh);
    return fresh;
  }

  private recipients(operation: string, body: Record<string, unknown>, requestId: string): string[] | Answer {
    switch (operation) {
      case 'broadcast': return this.friends();
      case 'reply': {
        const token = this.replyTokens.get(body.replyToken as string);
        const now = this.now();
        if (!token || token.used || now - token.deliveredAt > REPLY_TOKEN_MS || now - token.eventAt > REPLY_EVENT_MS) return error(400, 'Invalid reply token');
        token.used = true;
        return [token.to];
      }
      case 'push': {
        if (typeof body.to !== 'string' || !CHAT_ID.test(body.to)) return invalid("'to'");
        if (this.people.has(body.to) || this.chats.has(body.to)) return [body.to];
        this.violate('unknown-recipient', requestId, body.to);
        return error(400, 'Failed to send messages');
      }
      default: return this.multicastRecipients(body.to, requestId);
    }
  }

  private multicastRecipients(to: unknown, requestId: string): string[] | Answer {
    if (!Array.isArray(to) || to.length === 0 || to.length > MAX_MULTICAST) return invalid("'to'");
    const malformed = to.findIndex(id => typeof id !== 'string' || !USER_ID.test(id));
    if (malformed >= 0) return invalid(`to[${malformed}]`);
    const duplicates = to.filter((id, i) => to.indexOf(id) !== i);
    if (duplicates.length > 0) this.violate('duplicate-recipient', requestId, duplicates.join(', '));
    const unknown = to.filter(id => !this.people.has(id));
    if (unknown.length === 0) return to;
    this.violate('unknown-recipient', requestId, unknown.join(', '));
    return this.settings.unknownRecipient === 'refuse' ? error(400, 'Failed to send messages') : to;
  }

  private reaches(operation: string, to: string): boolean {
    const person = this.people.get(to);
    if (!person) return this.chats.has(to);
    if (person.state === 'friend' || operation === 'reply') return true;
    return operation === 'push' && person.state === 'stranger' && this.now() - (person.lastMessageAt ?? -Infinity) <= STRANGER_MS;
  }

  /** Takes messages from the quota: planned ones must fit, reached ones count. */
  private reserve(planned: number, reached: number): boolean {
    const now = this.now();
    this.reservations = this.reservations.filter(({ until }) => until > now);
    const reserved = this.reservations.reduce((sum, { messages }) => sum + messages, 0);
    if (this.settings.quota.type === 'limited' && this.quotaUsed + reserved + planned > this.settings.quota.value) return false;
    this.quotaUsed += reached;
    this.reservations.push({ until: now + this.settings.reservationMs, messages: planned - reached });
    return true;
  }

  /** The unit, unless it would be the month's 1,001st: then it is dropped without a word. */
  private countedUnit(unit: string | undefined): string | undefined {
    const units = this.unitsOfMonth();
    if (unit === undefined || (units.size >= MAX_UNITS && !units.has(unit))) return undefined;
    units.add(unit);
    return unit;
  }

  private unitsOfMonth(): Set<string> {
    const units = this.units.get(this.month()) ?? new Set<string>();
    this.units.set(this.month(), units);
    return units;
  }

  private month(): string {
    return new Date(this.now() + TIME_ZONE_MS).toISOString().slice(0, 7);
  }

  /** The 400 for a body's problems, if any; what is merely odd is recorded. */
  private verdict(findings: ReturnType<typeof checkSend>, requestId: string): Answer | undefined {
    for (const path of findings.unknown) this.violate('unknown-property', requestId, dotted(path));
    for (const path of findings.doubtful) this.violate('imagemap-base-url', requestId, dotted(path));
    return findings.problems.length > 0 ? { status: 400, body: errorBody(findings) } : undefined;
  }

  // ── Helpers ────────────────────────────────────────────────────────────────────────────────────────────────────────

  private now(): number {
    return (this.options.now ?? Date.now)() + this.clockOffset;
  }

  private put(user: LineUser, state: Person['state']): void {
    if (!USER_ID.test(user.userId)) throw new Error(`userId must match ${USER_ID}, got ${user.userId}`);
    this.people.set(user.userId, { ...this.people.get(user.userId), profile: user, state });
  }

  private person(userId: string): Person {
    const person = this.people.get(userId);
    if (!person) throw new Error(`userId ${userId} is not known: add() the person first`);
    return person;
  }

  private holdOf(id: number): Hold {
    if (!this.holds[id]) throw new Error(`no hold ${id}`);
    return this.holds[id];
  }

  private bucket({ operation, rate }: FoundRoute): TokenBucket {
    const bucket = this.buckets.get(operation) ?? new TokenBucket(this.settings.rateLimits[operation] ?? rate, this.now());
    this.buckets.set(operation, bucket);
    return bucket;
  }

  private violate(rule: Violation['rule'], requestId: string, detail: string): void {
    this.violationLog.push({ rule, requestId, detail });
  }

  private async emit(
    type: string, userId: string | undefined, payload: object, replyable: boolean, overrides: object = {}, chatId?: string,
  ): Promise<WebhookAttempt | undefined> {
    const timestamp = this.now();
    const source = chatId
      ? { type: chatKind(chatId), [chatKind(chatId) === 'group' ? 'groupId' : 'roomId']: chatId, ...(userId && { userId }) }
      : userId && { type: 'user', userId };
    const built: WebhookEvent = {
      type,
      ...payload,
      webhookEventId: ulid(timestamp),
      deliveryContext: { isRedelivery: false },
      timestamp,
      ...(source && { source }),
      mode: 'active',
      ...(replyable && { replyToken: opaqueToken() }),
      ...overrides,
    };
    // Source: LINE, Messaging API reference, "Common properties": no reply token in standby.
    const { replyToken, ...standby } = built;
    const event = built.mode === 'standby' ? standby as WebhookEvent : built;
    const to = chatId ?? userId;
    if (event.replyToken && to) this.replyTokens.set(event.replyToken, { to, eventAt: event.timestamp, deliveredAt: timestamp, used: false });
    return this.webhooks.emit(event);
  }

  private onDelivery(events: WebhookEvent[]): void {
    for (const { replyToken } of events) {
      const token = this.replyTokens.get(replyToken ?? '');
      if (token) token.deliveredAt = this.now();
    }
  }
}

function checkedOperation(operation: string): string {
  if (operation !== '*' && !Object.hasOwn(ROUTES, operation)) throw new Error(`operation must be one of *, ${Object.keys(ROUTES).join(', ')}, got ${operation}`);
  return operation;
}

function chatKind(id: unknown): 'user' | 'group' | 'room' | undefined {
  return ({ U: 'user', C: 'group', R: 'room' } as const)[String(id)[0] as 'U'];
}

function isWebhookUrl(url: unknown): url is string {
  return typeof url === 'string' && url.length <= MAX_WEBHOOK_URL && URL.canParse(url) && new URL(url).protocol === 'https:';
}
