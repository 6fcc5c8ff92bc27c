import { LineTokens, LineTokensOptions } from '../../src/runtime/line-tokens';
import { HttpStub, StubHandler, json } from '../support/http-stub';

const SECRET = JSON.stringify({ channelId: '1234567890', channelSecret: 'a+b/c=&d01234567' });
const NEW_SECRET = JSON.stringify({ channelId: '1234567890', channelSecret: 'renewed-0123456789' });

let stub: HttpStub;
let now: number;
let secrets: { value: jest.Mock; refresh: jest.Mock };

beforeEach(async () => {
  stub = await HttpStub.start();
  stub.handler = issuing(900);
  now = 1_000_000;
  secrets = { value: jest.fn().mockResolvedValue(SECRET), refresh: jest.fn().mockResolvedValue(SECRET) };
});

afterEach(async () => stub.stop());

/** Issues t1, t2, … */
const issuing = (seconds: unknown): StubHandler => (request, response) =>
  json(200, { token_type: 'Bearer', access_token: `t${stub.requests.length}`, expires_in: seconds })(request, response);
const tokens = (options: Partial<LineTokensOptions> = {}) => new LineTokens({ secrets, baseUrl: stub.url, now: () => now, ...options });
const token = (value: string) => ({ kind: 'token', token: value });
const notCalled = (retryable: boolean, message: string) => ({ kind: 'not-called', retryable, message: expect.stringContaining(message) });

describe('a stateless token', () => {
  test('is issued from channel id and channel secret', async () => {
    // WHEN
    const result = await tokens({ baseUrl: `${stub.url}/ignored/path` }).token();
    // THEN
    expect(result).toEqual(token('t1'));
    expect(stub.requests).toMatchObject([{
      method: 'POST',
      path: '/oauth2/v3/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=client_credentials&client_id=1234567890&client_secret=a%2Bb%2Fc%3D%26d01234567',
    }]);
  });

  test('is used until a minute before its end', async () => {
    const subject = tokens();
    expect(await subject.token()).toEqual(token('t1'));
    now += 839_999;
    expect(await subject.token()).toEqual(token('t1'));
    now += 1;
    expect(await subject.token()).toEqual(token('t2'));
  });

  test.each([undefined, '900', -1, 30])('is used once when LINE says that it ends in %p seconds', async (seconds) => {
    stub.handler = issuing(seconds);
    const subject = tokens();
    expect(await subject.token()).toEqual(token('t1'));
    expect(await subject.token()).toEqual(token('t2'));
  });

  test('is issued once for all who ask at the same time', async () => {
    const subject = tokens();
    expect(await Promise.all([subject.token(), subject.token(), subject.replace('x')])).toEqual([token('t1'), token('t1'), token('t1')]);
    expect(stub.requests).toHaveLength(1);
  });

  test('is issued with the keys of the secret that the user named', async () => {
    secrets.value.mockResolvedValue('{"id":"7","channelSecret":"8c570fa6dd201bb3"}');
    expect(await tokens({ fields: { channelId: 'id' } }).token()).toEqual(token('t1'));
  });

  test('is issued although a kept connection was dead', async () => {
    stub.handler = (request, response) => (stub.requests.length === 1 ? response.destroy() : issuing(900)(request, response));
    expect(await tokens().token()).toEqual(token('t2'));
  });
});

describe('a token that LINE has refused', () => {
  test('is replaced, with the secret read again', async () => {
    // GIVEN
    const subject = tokens();
    await subject.token();
    secrets.refresh.mockResolvedValue(NEW_SECRET);
    // WHEN
    const result = await subject.replace('t1');
    // THEN
    expect(result).toEqual(token('t2'));
    expect(stub.requests[1].body).toContain('client_secret=renewed');
    expect(await subject.token()).toEqual(token('t2'));
  });

  test('is replaced by the one that somebody else has had issued since', async () => {
    const subject = tokens();
    await subject.token();
    await subject.replace('t1');
    expect(await subject.replace('t1')).toEqual(token('t2'));
    expect(stub.requests).toHaveLength(2);
  });

  test('is the same again when it is a long-lived one and has not changed', async () => {
    secrets.refresh.mockResolvedValue('{"channelAccessToken":"long-lived-access-token"}');
    expect(await tokens().replace('long-lived-access-token')).toEqual(token('long-lived-access-token'));
  });
});

describe('a long-lived token', () => {
  test('is used if it is all there is, as long as the secret holds it', async () => {
    secrets.value.mockResolvedValueOnce('{"channelAccessToken":"long-lived-access-token"}').mockResolvedValueOnce('{"channelAccessToken":"new-long-lived-access-token"}');
    const subject = tokens();
    expect(await subject.token()).toEqual(token('long-lived-access-token'));
    expect(await subject.token()).toEqual(token('new-long-lived-access-token'));
    expect(stub.requests).toEqual([]);
  });

  test('that no HTTP header can carry is said to be wrong, and not shown', async () => {
    secrets.value.mockResolvedValue('{"channelAccessToken":"PRIVATE-0123456789\\nBearer"}');
    secrets.refresh.mockResolvedValue('{"channelAccessToken":"PRIVATE-0123456789\\nBearer"}');
    const result = await tokens().token();
    expect(result).toEqual(notCalled(false, 'the channel access token in the secret has blanks, line breaks'));
    expect(JSON.stringify(result)).not.toContain('PRIVATE');
  });
});

describe('no token is to be had, and trying again does not help, when', () => {
  test.each([400, 401])('LINE answers %i', async (status) => {
    stub.handler = json(status, { error: 'invalid_request', error_description: 'Invalid \'client_credentials\'.' });
    const result = await tokens().token();
    expect(result).toEqual(notCalled(false, `HTTP ${status}): channel id or channel secret in the secret is wrong`));
    expect(JSON.stringify(result)).not.toContain('a+b/c');
    expect(stub.requests).toHaveLength(1);
  });

  test.each([
    ['has no value', '{}', '"channelId" (LINE Developers Console'],
    ['is not JSON', 'PRIVATE', 'not a JSON object'],
  ])('the secret %s', async (_case, secret, message) => {
    secrets.value.mockResolvedValue(secret);
    secrets.refresh.mockResolvedValue(secret);
    const result = await tokens().token();
    expect(result).toEqual(notCalled(false, message));
    expect(JSON.stringify(result)).not.toContain('PRIVATE');
  });
});

describe('credentials that do not work', () => {
  test('are read again, since the cached ones may be old', async () => {
    stub.handler = (request, response) => (request.body.includes('renewed') ? issuing(900) : json(400, {}))(request, response);
    secrets.refresh.mockResolvedValue(NEW_SECRET);
    expect(await tokens().token()).toEqual(token('t2'));
  });

  test('are read again when something was missing', async () => {
    secrets.value.mockResolvedValue('{}');
    expect(await tokens().token()).toEqual(token('t1'));
  });
});

describe('no token is to be had, but trying again may help, when', () => {
  test.each([
    ['LINE answers 500', json(500, {}), 'HTTP 500 without a token'],
    ['LINE answers 429', json(429, {}), 'HTTP 429 without a token'],
    ['LINE answers 200 without a token', json(200, { token_type: 'Bearer' }), 'HTTP 200 without a token'],
    ['LINE answers 200 with an empty token', json(200, { access_token: '' }), 'HTTP 200 without a token'],
    ['LINE answers 200 with a token that no header can carry', json(200, { access_token: 'a b' }), 'HTTP 200 without a token'],
    ['LINE answers 200 with null', json(200, null), 'HTTP 200 without a token'],
    ['a proxy answers 200 with HTML', ((_request, response) => response.writeHead(200).end('<html>')) as StubHandler, 'HTTP 200 without a token'],
    ['LINE hangs up', ((_request, response) => response.destroy()) as StubHandler, 'did not answer (network)'],
    ['LINE is silent', (() => {}) as StubHandler, 'did not answer (timeout)'],
  ])('%s', async (_case, handler, message) => {
    stub.handler = handler;
    expect(await tokens({ timeoutMs: 200 }).token()).toEqual(notCalled(true, message));
    expect(secrets.refresh).not.toHaveBeenCalled();
  });

  test('the secret cannot be read', async () => {
    secrets.value.mockRejectedValue(new Error('the secret cannot be read: AccessDeniedException'));
    expect(await tokens().token()).toEqual(notCalled(true, 'AccessDeniedException'));
  });

  test('the next one who asks gets one, once it does', async () => {
    const subject = tokens();
    stub.handler = json(500, {});
    await subject.token();
    stub.handler = issuing(900);
    expect(await subject.token()).toEqual(token('t2'));
  });
});

test('a base URL that is none fails at once', () => {
  expect(() => tokens({ baseUrl: 'api.line.me' })).toThrow('Invalid URL');
});
