import { InvokeCommand, LambdaClient, LambdaClientConfig } from '@aws-sdk/client-lambda';
import { HttpRequest } from '@smithy/core/protocols';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { ReplyFunctionEvent } from '../../src/contract/replies';
import { defaultProvider } from '../../src/runtime/environment-credentials';
import { invokeReplyFunction } from '../../src/runtime/reply-function';
import { HttpStub } from '../support/http-stub';

const EVENT: ReplyFunctionEvent = { rule: 'asked', channelKey: 'shop', event: { type: 'postback', postback: { data: 'こんにちは' } } };

const environment = process.env;
let stub: HttpStub;

beforeEach(async () => {
  stub = await HttpStub.start();
  process.env = {
    ...environment,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    AWS_SESSION_TOKEN: 'session',
    AWS_ENDPOINT_URL_LAMBDA: stub.url,
  };
});

afterEach(async () => {
  jest.useRealTimers();
  jest.restoreAllMocks();
  process.env = environment;
  await stub.stop();
});

const invoke = async (timeoutMs = 5_000) => invokeReplyFunction('Answers', EVENT, timeoutMs);
const answering = (status: number, text: string, headers: Record<string, string> = {}) => {
  stub.handler = (_request, response) => response.writeHead(status, headers).end(text);
};

test('a function is invoked with the event, and its answer is waited for', async () => {
  // GIVEN
  answering(200, '{"data":"ありがとう"}');
  // WHEN
  const answer = await invoke();
  // THEN
  expect(answer).toEqual({ data: 'ありがとう' });
  expect(stub.requests).toHaveLength(1);
  const [{ method, path, headers, body }] = stub.requests;
  expect([method, path]).toEqual(['POST', '/2015-03-31/functions/Answers/invocations']);
  expect(headers).not.toHaveProperty('x-amz-invocation-type');
  expect(headers).not.toHaveProperty('x-amzn-trace-id');
  expect(JSON.parse(body)).toEqual(EVENT);
});

test.each<[string, unknown]>([['null', null], ['""', ''], ['', undefined]])('an answer of %j is told as it is', async (text, answer) => {
  answering(200, text);
  expect(await invoke()).toEqual(answer);
});

test.each<[string, string, string]>([
  ['threw', '{"errorType":"TypeError","errorMessage":"SECRET is undefined"}', 'the function failed (TypeError); see its own log'],
  ['was ended', '{"errorMessage":"2026-11-23T00:00:00Z SECRET Task timed out after 3.00 seconds"}', 'the function failed (Unhandled); see its own log'],
  ['said nothing', '', 'the function failed (Unhandled); see its own log'],
])('a function that %s is named, without what it says', async (_name, text, message) => {
  answering(200, text, { 'X-Amz-Function-Error': 'Unhandled' });
  await expect(invoke()).rejects.toThrow(message);
  await expect(invoke()).rejects.not.toThrow('SECRET');
});

test('an answer that is no JSON is an error', async () => {
  answering(200, 'SECRET');
  await expect(invoke()).rejects.toThrow(new Error('the function answered something else than JSON'));
});

// ---------------------------------------------------------------------------------------------------- beside the SDK's own client

/** What the SDK's client does with the same call. */
async function bySdk(functionName = 'Answers', options: LambdaClientConfig = {}): Promise<unknown> {
  const client = new LambdaClient({ maxAttempts: 1, credentials: defaultProvider(), ...options });
  // Headers for its own statistics. They are part of what it signs.
  client.middlewareStack.addRelativeTo(((next: (args: unknown) => unknown) => async (args: { readonly request: HttpRequest }) => {
    ['amz-sdk-invocation-id', 'amz-sdk-request', 'user-agent', 'x-amz-user-agent'].forEach((name) => { delete args.request.headers[name]; });
    return next(args);
  }) as never, { relation: 'before', toMiddleware: 'httpSigningMiddleware' });
  try {
    return await client.send(new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(EVENT)) }));
  } finally {
    client.destroy();
  }
}

test.each([
  'Answers', 'Answers:live', 'Answers:$LATEST', 'arn:aws:lambda:eu-west-1:123456789012:function:Answers',
])('%s is invoked by the request that the SDK makes, to the last byte of the signature', async (functionName) => {
  // GIVEN
  jest.useFakeTimers({ now: new Date('2026-11-23T08:00:00Z'), doNotFake: ['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'setInterval', 'setTimeout'] });
  Object.assign(process.env, { AWS_LAMBDA_FUNCTION_NAME: 'Replies', _X_AMZN_TRACE_ID: 'Root=1-5759e988-bd862e3fe1be46a994272793' });
  answering(200, 'null');
  // WHEN
  await invokeReplyFunction(functionName, EVENT, 5_000);
  await bySdk(functionName);
  // THEN
  const [own, sdk] = stub.requests;
  expect(own).toEqual(sdk);
  expect(own.headers).toMatchObject({
    'authorization': expect.stringContaining('Credential=AKIDEXAMPLE/20261123/eu-west-1/lambda/aws4_request'),
    'x-amz-security-token': 'session',
    'x-amzn-trace-id': 'Root=1-5759e988-bd862e3fe1be46a994272793',
  });
});

test.each<[string, Record<string, string>]>([
  ['a region', { AWS_REGION: 'ap-northeast-1' }],
  ['China', { AWS_REGION: 'cn-north-1' }],
  ['GovCloud', { AWS_REGION: 'us-gov-west-1', AWS_USE_FIPS_ENDPOINT: 'true' }],
  ['the European Sovereign Cloud', { AWS_REGION: 'eusc-de-east-1' }],
  ['a region that nobody knows yet', { AWS_REGION: 'xx-north-9' }],
  ['both kinds of IP addresses', { AWS_REGION: 'cn-north-1', AWS_USE_DUALSTACK_ENDPOINT: 'true' }],
  ['both kinds of IP addresses with FIPS', { AWS_REGION: 'us-east-1', AWS_USE_DUALSTACK_ENDPOINT: 'true', AWS_USE_FIPS_ENDPOINT: 'true' }],
  ['neither, said aloud', { AWS_REGION: 'us-east-1', AWS_USE_DUALSTACK_ENDPOINT: 'false', AWS_USE_FIPS_ENDPOINT: 'false' }],
  ['an endpoint for all services', { AWS_ENDPOINT_URL: 'http://localhost:4566' }],
  ['an endpoint with a path', { AWS_ENDPOINT_URL: 'https://proxy.example.com/lambda' }],
  ['an endpoint for AWS Lambda', { AWS_ENDPOINT_URL: 'https://all.example.com', AWS_ENDPOINT_URL_LAMBDA: 'https://lambda.example.com:8443' }],
  ['endpoints to ignore', { AWS_ENDPOINT_URL: 'https://all.example.com', AWS_ENDPOINT_URL_LAMBDA: 'https://lambda.example.com', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' }],
])('%s is reached where the SDK reaches it', async (_name, variables) => {
  // GIVEN
  delete process.env.AWS_ENDPOINT_URL_LAMBDA;
  Object.assign(process.env, variables);
  const handle = jest.spyOn(NodeHttpHandler.prototype, 'handle').mockRejectedValue(new Error('no network'));
  // WHEN
  await expect(invoke()).rejects.toThrow('no network');
  await expect(bySdk()).rejects.toThrow('no network');
  // THEN
  const [own, sdk] = handle.mock.calls.map(([{ protocol, hostname, port, path, headers: { host } }]) => ({ protocol, hostname, port, path, host }));
  expect(own).toEqual(sdk);
});

test.each<[string, number, string, Record<string, string>]>([
  ['no such function', 404, '{"Type":"User","Message":"Function not found: Answers"}', { 'x-amzn-errortype': 'ResourceNotFoundException' }],
  ['too many at once', 429, '{"Reason":"x","Type":"User","message":"Rate Exceeded."}', { 'x-amzn-errortype': 'TooManyRequestsException:http://internal' }],
  ['a wrong signature', 403, '{"message":"The security token is invalid"}', { 'x-amzn-errortype': 'UnrecognizedClientException' }],
  ['an error that is named in the body', 500, '{"__type":"com.amazonaws.lambda#ServiceException","message":"again"}', {}],
])('%s is thrown as the SDK throws it', async (_name, status, body, headers) => {
  // GIVEN
  answering(status, body, headers);
  // WHEN
  const [own, sdk] = await Promise.all([invoke(), bySdk()].map(async (call) => call.catch((error: Error) => error)));
  // THEN
  expect(sdk).toBeInstanceOf(Error);
  expect(String(own)).toBe(String(sdk));
});

test.each(['<html>Bad gateway</html>', '', 'null'])('an error of a proxy (%j) is told by its status', async (body) => {
  answering(502, body);
  await expect(invoke()).rejects.toMatchObject({ name: 'UnknownError', message: 'AWS Lambda answered 502' });
});

// ---------------------------------------------------------------------------------------------------- time and network

test('a function that hangs is not waited for', async () => {
  // A server that answers nothing.
  stub.handler = () => undefined;
  await expect(invoke(200)).rejects.toThrow(/abort/i);
  expect(stub.requests).toHaveLength(1);
});

test('an answer that stops half way is not waited for', async () => {
  stub.handler = (_request, response) => { response.writeHead(200, { 'content-length': '100' }).write('{'); };
  await expect(invoke(200)).rejects.toThrow(/abort/i);
});

test('a connection that breaks is an error, and the function is not invoked again', async () => {
  stub.handler = (_request, response) => { response.destroy(); };
  await expect(invoke()).rejects.toThrow('socket hang up');
  expect(stub.requests).toHaveLength(1);
});

test('a region that is missing is named', async () => {
  delete process.env.AWS_REGION;
  await expect(invoke()).rejects.toThrow('AWS_REGION');
});
