import { InvokeCommand, LambdaClient, LambdaServiceException } from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { ChannelFunction } from '../../src/runtime/channel-function';

const lambda = mockClient(LambdaClient);
const channel = new ChannelFunction(() => new LambdaClient({ region: 'eu-west-1' }), 'Channel');
const answering = (text: string | undefined, more: object = {}) => {
  lambda.on(InvokeCommand).resolves({ Payload: text === undefined ? undefined : Buffer.from(text) as never, ...more });
};
const refusal = (name: string, httpStatusCode?: number) => new LambdaServiceException({ name, $fault: 'client', $metadata: { httpStatusCode }, message: 'said' });

beforeEach(() => { lambda.reset(); });

test.each<[string | undefined, unknown]>([['{"e1":{}}', { e1: {} }], ['null', null], ['', undefined], [undefined, undefined], ['no JSON', undefined]])('an answer of %j is told', async (text, payload) => {
  answering(text);
  expect(await channel.invoke({ Data: 'こんにちは' }, 1_000)).toEqual({ kind: 'answered', payload });
  const { args: [{ input }] } = lambda.commandCalls(InvokeCommand)[0];
  expect(input.FunctionName).toBe('Channel');
  expect(JSON.parse(String(input.Payload))).toEqual({ Data: 'こんにちは' });
});

test.each([
  ['{"errorType":"TypeError","errorMessage":"x is undefined"}', 'TypeError: x is undefined'],
  ['null', 'Unhandled: '],
  [`{"errorMessage":"${'y'.repeat(500)}"}`, `Unhandled: ${'y'.repeat(189)}`],
])('a function that threw failed (%#)', async (text, message) => {
  answering(text, { FunctionError: 'Unhandled' });
  expect(await channel.invoke({}, 1_000)).toEqual({ kind: 'failed', message });
});

test.each([['TooManyRequestsException', 429], ['ResourceNotReadyException', 502], ['ENILimitReachedException', 502]])('%s says that it was not invoked', async (name, status) => {
  lambda.on(InvokeCommand).rejects(refusal(name, status));
  expect(await channel.invoke({}, 1_000)).toEqual({ kind: 'busy', message: `${name}: said` });
});

test.each([['ServiceException', 500], ['TimeoutError', undefined]])('after %s nobody knows', async (name, status) => {
  lambda.on(InvokeCommand).rejects(refusal(name, status));
  expect(await channel.invoke({}, 1_000)).toEqual({ kind: 'failed', message: `${name}: said` });
});

test.each([['AccessDeniedException', 403], ['ResourceNotFoundException', 404], ['RequestTooLargeException', 413]])('%s would come again, and is thrown', async (name, status) => {
  lambda.on(InvokeCommand).rejects(refusal(name, status));
  await expect(channel.invoke({}, 1_000)).rejects.toThrow('said');
});

describe('a preview', () => {
  const EVENT = { Chunk: { Bucket: 'b', Key: 'k' }, Preview: { People: 5 } };

  test('is what the function answers', async () => {
    answering('{"people":[{"id":"e1","messages":[]}]}');
    expect(await channel.preview(EVENT, 1_000)).toEqual({ people: [{ id: 'e1', messages: [] }] });
  });

  test.each([['null'], ['{}'], ['{"people":1}'], ['']])('that is %j is an error that names what it must be', async (text) => {
    answering(text);
    await expect(channel.preview(EVENT, 1_000)).rejects.toThrow('{"people":[…]}');
  });

  test('of a function that fails is an error with its own', async () => {
    answering('{"errorType":"Error","errorMessage":"no"}', { FunctionError: 'Unhandled' });
    await expect(channel.preview(EVENT, 1_000)).rejects.toThrow('Error: no');
  });
});
