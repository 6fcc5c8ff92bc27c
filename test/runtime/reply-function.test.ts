import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { ReplyFunctionEvent } from '../../src/contract/replies';
import { invokeReplyFunction } from '../../src/runtime/reply-function';
import { HttpStub } from '../support/http-stub';

const lambda = mockClient(LambdaClient);
const EVENT: ReplyFunctionEvent = { rule: 'asked', channelKey: 'shop', event: { type: 'postback', postback: { data: 'こんにちは' } } };

const invoke = async (timeoutMs = 1_000) => invokeReplyFunction(new LambdaClient({ region: 'eu-west-1' }), 'Answers', EVENT, timeoutMs);
const answering = (text: string | undefined, more: object = {}) =>
  lambda.on(InvokeCommand).resolves({ Payload: text === undefined ? undefined : Buffer.from(text) as never, ...more });

beforeEach(() => { lambda.reset(); });

test('a function is invoked with the event, and its answer is waited for', async () => {
  // GIVEN
  answering('{"data":"ありがとう"}');
  // WHEN
  const answer = await invoke();
  // THEN
  expect(answer).toEqual({ data: 'ありがとう' });
  const [{ args }] = lambda.commandCalls(InvokeCommand);
  const [{ input }, options] = args as unknown as [InvokeCommand, { abortSignal?: AbortSignal }];
  expect(input.FunctionName).toBe('Answers');
  expect(input.InvocationType).toBeUndefined();
  expect(JSON.parse(Buffer.from(input.Payload as Uint8Array).toString('utf8'))).toEqual(EVENT);
  expect(options.abortSignal).toBeInstanceOf(AbortSignal);
});

test.each<[string | undefined, unknown]>([['null', null], ['""', ''], ['', undefined], [undefined, undefined]])('an answer of %j is told as it is', async (text, answer) => {
  answering(text);
  expect(await invoke()).toEqual(answer);
});

test.each<[string, string, string]>([
  ['threw', '{"errorType":"TypeError","errorMessage":"SECRET is undefined"}', 'the function failed (TypeError); see its own log'],
  ['was ended', '{"errorMessage":"2026-11-23T00:00:00Z SECRET Task timed out after 3.00 seconds"}', 'the function failed (Unhandled); see its own log'],
  ['said nothing', '', 'the function failed (Unhandled); see its own log'],
])('a function that %s is named, without what it says', async (_name, text, message) => {
  answering(text, { FunctionError: 'Unhandled' });
  await expect(invoke()).rejects.toThrow(message);
  await expect(invoke()).rejects.not.toThrow('SECRET');
});

test('an answer that is no JSON is an error', async () => {
  answering('SECRET');
  await expect(invoke()).rejects.toThrow('the function answered something else than JSON');
});

test('what AWS Lambda throws is thrown', async () => {
  lambda.on(InvokeCommand).rejects(new Error('throttled'));
  await expect(invoke()).rejects.toThrow('throttled');
});

test('a function that hangs is not waited for', async () => {
  // GIVEN
  lambda.restore();
  // A server that answers nothing: the client's own time limit would be far longer.
  const stub = await HttpStub.start();
  stub.handler = () => undefined;
  const client = new LambdaClient({ region: 'eu-west-1', endpoint: stub.url, maxAttempts: 1, credentials: { accessKeyId: 'x', secretAccessKey: 'x' } });
  // WHEN, THEN
  await expect(invokeReplyFunction(client, 'Answers', EVENT, 200)).rejects.toThrow(/abort/i);
  client.destroy();
  await stub.stop();
});
