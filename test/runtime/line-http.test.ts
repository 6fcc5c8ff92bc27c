import { exchange } from '../../src/runtime/line-http';
import { HttpStub, json } from '../support/http-stub';

let stub: HttpStub;

beforeEach(async () => {
  stub = await HttpStub.start();
});

afterEach(async () => stub.stop());

const post = async (more: object = {}) => exchange({ method: 'POST', url: `${stub.url}/x`, headers: {}, body: '{}', timeoutMs: 5_000, repeatable: false, ...more });

test('sends the exact bytes and answers with status, request ids and body', async () => {
  // GIVEN
  stub.handler = json(409, { message: 'The retry key is already accepted' }, { 'X-Line-Request-Id': 'r2', 'X-Line-Accepted-Request-Id': 'r1' });
  const body = '{"b": 1,\n "a":"こんにちは 🎉", "esc":"\\u3042"}';
  // WHEN
  const answer = await post({ headers: { 'content-type': 'application/json', 'authorization': 'Bearer t' }, body });
  // THEN
  expect(answer).toEqual({
    kind: 'response', status: 409, requestId: 'r2', acceptedRequestId: 'r1', body: '{"message":"The retry key is already accepted"}',
  });
  expect(stub.requests).toMatchObject([{ method: 'POST', path: '/x', body, headers: { 'content-type': 'application/json', 'authorization': 'Bearer t' } }]);
});

test('an answer without ids and body is an answer', async () => {
  stub.handler = (_request, response) => response.writeHead(500).end();
  expect(await post()).toEqual({ kind: 'response', status: 500, requestId: undefined, acceptedRequestId: undefined, body: '' });
});

test('keeps the connection for the next exchange', async () => {
  stub.handler = json(200, {});
  await post();
  // The connection is free a turn of the event loop after the answer.
  await new Promise(setImmediate);
  await post();
  expect(stub.requests).toHaveLength(2);
  expect(stub.connections).toBe(1);
});

test('does not follow a redirect, which would hand the token to another host', async () => {
  stub.handler = (_request, response) => response.writeHead(302, { location: `${stub.url}/elsewhere` }).end();
  expect(await post()).toMatchObject({ kind: 'response', status: 302 });
  expect(stub.requests).toHaveLength(1);
});

describe('is silent because of the time limit when LINE', () => {
  test('does not answer', async () => {
    stub.handler = () => {};
    expect(await post({ timeoutMs: 50 })).toEqual({ kind: 'silence', reason: 'timeout' });
  });

  test('has no time left', async () => {
    stub.handler = () => {};
    expect(await post({ timeoutMs: -7.5 })).toEqual({ kind: 'silence', reason: 'timeout' });
  });
});

describe('is silent because of the network when', () => {
  test('nobody listens', async () => {
    const { url } = stub;
    await stub.stop();
    stub = await HttpStub.start();
    expect(await post({ url })).toEqual({ kind: 'silence', reason: 'network' });
  });

  test('LINE hangs up before it answers', async () => {
    stub.handler = (_request, response) => response.destroy();
    expect(await post()).toEqual({ kind: 'silence', reason: 'network' });
    expect(stub.requests).toHaveLength(1);
  });

  test('LINE switches protocols, for which nobody has asked', async () => {
    stub.handler = (_request, response) => response.socket!.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    expect(await post({ timeoutMs: 500 })).toEqual({ kind: 'silence', reason: 'network' });
  });
});

describe('of an answer that is too long', () => {
  const KB = 1_024;

  test('the beginning is kept, and the rest not read', async () => {
    // GIVEN an answer that does not end
    let sent = 0;
    stub.handler = (_request, response) => {
      const more = (): void => {
        for (sent += 16 * KB; response.writable && response.write('x'.repeat(16 * KB)); sent += 16 * KB) {}
      };
      response.writeHead(200, { 'x-line-request-id': 'r1' }).on('drain', more);
      more();
    };
    // WHEN
    const answer = await post({ timeoutMs: 5_000 });
    // THEN
    expect(answer).toEqual({ kind: 'response', status: 200, requestId: 'r1', acceptedRequestId: undefined, body: 'x'.repeat(64 * KB) });
    expect(sent).toBeLessThan(64 * KB * KB);
  });

  test.each([64 * KB, 64 * KB + 1])('%i bytes have 64 KB', async (length) => {
    stub.handler = (_request, response) => response.writeHead(400).end('x'.repeat(length));
    expect(await post()).toMatchObject({ status: 400, body: 'x'.repeat(64 * KB) });
  });

  test('request ids have 128 characters', async () => {
    stub.handler = json(200, {}, { 'x-line-request-id': 'a'.repeat(5_000), 'x-line-accepted-request-id': 'b'.repeat(129) });
    expect(await post()).toMatchObject({ requestId: 'a'.repeat(128), acceptedRequestId: 'b'.repeat(128) });
  });
});

describe.each([200, 400, 409])('an answer %i whose headers are there counts without its body when LINE', (status) => {
  const headers = { 'content-length': '100', 'x-line-request-id': 'r2', 'x-line-accepted-request-id': 'r1' };
  const answer = { kind: 'response', status, requestId: 'r2', acceptedRequestId: 'r1', body: '' };

  test('stops in the middle of the body', async () => {
    stub.handler = (_request, response) => {
      response.writeHead(status, headers).write('{"half":');
    };
    expect(await post({ timeoutMs: 100 })).toEqual(answer);
  });

  test('hangs up in the middle of the body', async () => {
    stub.handler = (_request, response) => {
      response.writeHead(status, headers);
      response.write('{"half":', () => response.destroy());
    };
    expect(await post()).toEqual(answer);
  });
});

describe('what can be repeated', () => {
  const get = async (timeoutMs = 5_000) => exchange({ method: 'GET', url: `${stub.url}/x`, headers: {}, timeoutMs, repeatable: true });

  test('is repeated once after a failure of the network', async () => {
    stub.handler = (request, response) => (stub.requests.length === 1 ? response.destroy() : json(200, {})(request, response));
    expect(await get()).toMatchObject({ kind: 'response', status: 200 });
  });

  test('is not repeated more often', async () => {
    stub.handler = (_request, response) => response.destroy();
    expect(await get()).toEqual({ kind: 'silence', reason: 'network' });
    expect(stub.requests).toHaveLength(2);
  });

  test('is not repeated after the time limit, nor after an answer', async () => {
    stub.handler = () => {};
    expect(await get(50)).toEqual({ kind: 'silence', reason: 'timeout' });
    stub.handler = json(500, {});
    expect(await get()).toMatchObject({ status: 500 });
    expect(stub.requests).toHaveLength(2);
  });
});
