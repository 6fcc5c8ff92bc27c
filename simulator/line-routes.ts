import { RateLimit } from './token-bucket';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Source: LINE, Messaging API reference, "Rate limits". */
const OTHERS: RateLimit = { requests: 2000, perMs: SECOND };
const MULTICAST: RateLimit = { requests: 200, perMs: SECOND };
const WEBHOOK_URL: RateLimit = { requests: 1000, perMs: MINUTE };
const HOURLY: RateLimit = { requests: 60, perMs: HOUR };
const SHORT_LIVED_TOKEN: RateLimit = { requests: 370, perMs: SECOND };

interface Route {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: RegExp;
  readonly rate: RateLimit;
  /** `none`: no access token is asked for, and the body is a form. */
  readonly auth: 'bearer' | 'none';
  readonly retryKey: boolean;
}

const api = (method: Route['method'], path: string, rate = OTHERS, retryKey = false): Route => ({
  method, path: new RegExp(`^${path}$`), rate, auth: 'bearer', retryKey,
});
const oauth = (path: string, rate = OTHERS): Route => ({ method: 'POST', path: new RegExp(`^${path}$`), rate, auth: 'none', retryKey: false });

/** The operations that the stand-in knows, by the name that requests and faults use. */
export const ROUTES = {
  reply: api('POST', '/v2/bot/message/reply'),
  push: api('POST', '/v2/bot/message/push', OTHERS, true),
  multicast: api('POST', '/v2/bot/message/multicast', MULTICAST, true),
  broadcast: api('POST', '/v2/bot/message/broadcast', HOURLY, true),
  validateReply: api('POST', '/v2/bot/message/validate/reply'),
  validatePush: api('POST', '/v2/bot/message/validate/push'),
  validateMulticast: api('POST', '/v2/bot/message/validate/multicast'),
  validateNarrowcast: api('POST', '/v2/bot/message/validate/narrowcast'),
  validateBroadcast: api('POST', '/v2/bot/message/validate/broadcast'),
  quota: api('GET', '/v2/bot/message/quota'),
  quotaConsumption: api('GET', '/v2/bot/message/quota/consumption'),
  aggregationInfo: api('GET', '/v2/bot/message/aggregation/info'),
  aggregationList: api('GET', '/v2/bot/message/aggregation/list'),
  unitStatistics: api('GET', '/v2/bot/insight/message/event/aggregation', HOURLY),
  profile: api('GET', '/v2/bot/profile/([^/]+)'),
  followerIds: api('GET', '/v2/bot/followers/ids'),
  botInfo: api('GET', '/v2/bot/info'),
  setWebhookEndpoint: api('PUT', '/v2/bot/channel/webhook/endpoint', WEBHOOK_URL),
  getWebhookEndpoint: api('GET', '/v2/bot/channel/webhook/endpoint', WEBHOOK_URL),
  testWebhookEndpoint: api('POST', '/v2/bot/channel/webhook/test', HOURLY),
  issueStatelessToken: oauth('/oauth2/v3/token'),
  issueShortLivedToken: oauth('/v2/oauth/accessToken', SHORT_LIVED_TOKEN),
  verifyToken: oauth('/v2/oauth/verify'),
  revokeToken: oauth('/v2/oauth/revoke'),
};

export type LineOperation = keyof typeof ROUTES;

export interface FoundRoute extends Route {
  readonly operation: LineOperation;
  /** What the path's placeholder holds. */
  readonly parameter?: string;
}

/** The operation of a request, or what LINE answers instead. */
export function findRoute(method: string, path: string): FoundRoute | 404 | 405 {
  const matching = (Object.entries(ROUTES) as [LineOperation, Route][]).filter(([, route]) => route.path.test(path));
  if (matching.length === 0) return 404;
  const found = matching.find(([, route]) => route.method === method);
  return found ? { operation: found[0], ...found[1], parameter: found[1].path.exec(path)![1] } : 405;
}
