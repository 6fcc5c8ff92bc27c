import { LineRequest } from '../../src/domain/line/line-api';
import { LineClient } from '../../src/runtime/line-client';
import { LineTokens } from '../../src/runtime/line-tokens';
import { HttpStub, StubHandler, json } from '../support/http-stub';

const MULTICAST: LineRequest = {
  method: 'POST', path: '/v2/bot/message/multicast', body: '{"to":["U1"], "messages":[]}', retryKey: '123e4567-e89b-12d3-a456-426614174000', timeoutMs: 5_000,
};
const PROFILE: LineRequest = { method: 'GET', path: '/v2/bot/profile/U1', timeoutMs: 5_000 };

let stub: HttpStub;
let secret: string;
let issue: StubHandler;
let api: StubHandler;

beforeEach(async () => {
  stub = await HttpStub.start();
  secret = '{"channelId":"1","channelSecret":"0123456789abcdef0123456789abcdef"}';
  issue = (request, response) => json(200, { access_token: `t${calls('/oauth2/v3/token').length}`, expires_in: 900 })(request, response);
  api = json(200, {}, { 'x-line-request-id': 'r1' });
  stub.handler = (request, response) => (request.path === '/oauth2/v3/token' ? issue : api)(request, response);
});

afterEach(async () => stub.stop());

const calls = (path: string) => stub.requests.filter((request) => request.path === path);
const client = (now?: () => number) => {
  const secrets = { value: async () => secret, refresh: async () => secret };
  return new LineClient({ baseUrl: stub.url, tokens: new LineTokens({ baseUrl: stub.url, secrets, now }), now });
};
/** Accepts the given token only. */
const accepting = (token: string): StubHandler => (request, response) =>
  (request.headers.authorization === `Bearer ${token}` ? json(200, {}) : json(401, { message: 'Authentication failed' }))(request, response);

test('a POST carries token, retry key and the exact bytes', async () => {
  // WHEN
  const answer = await client().call(MULTICAST);
  // THEN
  expect(answer).toEqual({ kind: 'response', status: 200, requestId: 'r1', acceptedRequestId: undefined, body: '{}' });
  expect(calls(MULTICAST.path)).toMatchObject([{
    method: 'POST',
    body: MULTICAST.body,
    headers: { 'authorization': 'Bearer t1', 'content-type': 'application/json', 'x-line-retry-key': MULTICAST.retryKey },
  }]);
});

test('a GET carries a token and nothing else', async () => {
  await client().call(PROFILE);
  const [{ method, body, headers }] = calls(PROFILE.path);
  expect({ method, body, authorization: headers.authorization }).toEqual({ method: 'GET', body: '', authorization: 'Bearer t1' });
  expect(headers).not.toHaveProperty('content-type');
  expect(headers).not.toHaveProperty('x-line-retry-key');
});

test.each([200, 202, 302, 400, 403, 404, 409, 429, 500, 503])('status %i is handed on, after one call', async (status) => {
  api = json(status, { message: 'm' });
  expect(await client().call(MULTICAST)).toMatchObject({ kind: 'response', status, body: '{"message":"m"}' });
  expect(calls(MULTICAST.path)).toHaveLength(1);
});

describe('a 401', () => {
  test('is answered with a fresh token and one more call with the same bytes', async () => {
    // GIVEN
    api = accepting('t2');
    // WHEN
    const answer = await client().call(MULTICAST);
    // THEN
    expect(answer).toMatchObject({ kind: 'response', status: 200 });
    expect(calls(MULTICAST.path).map(({ body, headers }) => [body, headers.authorization, headers['x-line-retry-key']])).toEqual([
      [MULTICAST.body, 'Bearer t1', MULTICAST.retryKey],
      [MULTICAST.body, 'Bearer t2', MULTICAST.retryKey],
    ]);
  });

  test('that comes again is handed on', async () => {
    api = json(401, {});
    expect(await client().call(MULTICAST)).toMatchObject({ kind: 'response', status: 401 });
    expect(calls(MULTICAST.path)).toHaveLength(2);
  });

  test('for a long-lived token that the secret still holds is handed on at once', async () => {
    secret = '{"channelAccessToken":"long-lived-token-of-old"}';
    api = json(401, {});
    expect(await client().call(MULTICAST)).toMatchObject({ kind: 'response', status: 401 });
    expect(calls(MULTICAST.path)).toHaveLength(1);
  });

  test('for a long-lived token that has been replaced in the secret is made good', async () => {
    secret = '{"channelAccessToken":"long-lived-token-of-old"}';
    api = (request, response) => {
      secret = '{"channelAccessToken":"long-lived-token-anew"}';
      accepting('long-lived-token-anew')(request, response);
    };
    expect(await client().call(MULTICAST)).toMatchObject({ kind: 'response', status: 200 });
  });

  test('ends without a call when no fresh token is to be had', async () => {
    api = (request, response) => {
      issue = json(400, {});
      json(401, {})(request, response);
    };
    expect(await client().call(MULTICAST)).toMatchObject({ kind: 'not-called', retryable: false });
  });

  test('gets one fresh token for all calls that were refused together', async () => {
    api = accepting('t2');
    const subject = client();
    const answers = await Promise.all(Array.from({ length: 5 }, async () => subject.call(MULTICAST)));
    expect(answers.map((answer) => answer.kind === 'response' && answer.status)).toEqual([200, 200, 200, 200, 200]);
    expect(calls('/oauth2/v3/token')).toHaveLength(2);
  });
});

describe('without a token there is no call', () => {
  test.each([
    ['for good, when LINE refuses the credentials', 400, false],
    ['for now, when the token endpoint fails', 503, true],
  ])('%s', async (_case, status, retryable) => {
    issue = json(status, {});
    expect(await client().call(MULTICAST)).toMatchObject({ kind: 'not-called', retryable });
    expect(calls(MULTICAST.path)).toHaveLength(0);
  });

  test('for now, when it takes longer than the call may', async () => {
    issue = () => {};
    const start = Date.now();
    expect(await client().call({ ...MULTICAST, timeoutMs: 1_100 })).toEqual({
      kind: 'not-called', message: 'no channel access token was to be had in the time of the call', retryable: true,
    });
    expect(Date.now() - start).toBeLessThan(10_000);
  });

  test.each<[string, LineRequest, number, number]>([
    ['a second is left to a send', MULTICAST, 4_000, 1],
    ['less is left to a send: one given up as soon as it is made would leave everything open', MULTICAST, 4_001, 0],
    ['a moment is left to a question', PROFILE, 4_900, 1],
    ['nothing is left to a question', PROFILE, 5_000, 0],
  ])('when it came late and %s', async (_case, request, takesMs, expected) => {
    // GIVEN a clock on which the token takes this much of the call's five seconds
    let now = 0;
    issue = (token, response) => {
      now = takesMs;
      json(200, { access_token: 't1', expires_in: 900 })(token, response);
    };
    // WHEN
    const answer = await client(() => now).call(request);
    // THEN
    expect(answer).toMatchObject(expected ? { kind: 'response', status: 200 } : { kind: 'not-called', retryable: true });
    expect(calls(request.path)).toHaveLength(expected);
  });

  test('when LINE refused the first one and the second came too late for a send', async () => {
    // GIVEN
    let now = 0;
    api = (request, response) => {
      now = 4_500;
      json(401, {})(request, response);
    };
    // THEN
    expect(await client(() => now).call(MULTICAST)).toMatchObject({ kind: 'not-called', retryable: true });
    expect(calls(MULTICAST.path)).toHaveLength(1);
  });
});

describe('silence', () => {
  test('of a POST is handed on, since LINE may have accepted it', async () => {
    api = (_request, response) => response.destroy();
    expect(await client().call(MULTICAST)).toEqual({ kind: 'silence', reason: 'network' });
    expect(calls(MULTICAST.path)).toHaveLength(1);
  });

  test('of a GET is met by one more', async () => {
    api = (request, response) => (calls(PROFILE.path).length === 1 ? response.destroy() : json(200, {})(request, response));
    expect(await client().call(PROFILE)).toMatchObject({ kind: 'response', status: 200 });
  });

  test('ends with the time of the call', async () => {
    api = () => {};
    expect(await client().call({ ...MULTICAST, timeoutMs: 1_200 })).toEqual({ kind: 'silence', reason: 'timeout' });
  });
});

test('a base URL that is none fails at once', () => {
  expect(() => new LineClient({ baseUrl: 'api.line.me', tokens: undefined as unknown as LineTokens })).toThrow('Invalid URL');
});
