import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { CustomChannelReply } from '../../../src/contract/custom-channel';
import { accepted, contextWith, heldBack, SenderAws, user } from '../../support/sender-aws';

const endpoint = (n: number, name?: string) => ({ ChannelType: 'CUSTOM', Address: user(n), ...(name && { Attributes: { Name: [name] } }) });
const EVENT = { ApplicationId: 'app1', CampaignId: 'c1', ActivityId: 'a1', Endpoints: { e1: endpoint(1, 'Ann'), e2: endpoint(2, 'Bob'), e3: endpoint(3, 'Ann') } };
const RETRY_QUEUE = { LINE_RETRY_QUEUE_URL: 'https://sqs/retry' };
const MINUTE = contextWith(60_000);

const environment = process.env;
let aws: SenderAws;

beforeAll(async () => { aws = await SenderAws.start(); });
afterAll(async () => { await aws.stop(); });
beforeEach(() => { aws.reset(); });
afterEach(() => {
  jest.restoreAllMocks();
  process.env = environment;
});

/** The function as the construct makes it: it knows neither subscribers nor media nor a message type. */
const load = () => aws.load<SQSEvent, SQSBatchResponse>('resumeBatches', RETRY_QUEUE);

/** What the queue delivers. */
const records = (...bodies: string[]) => ({ Records: bodies.map((body, index) => ({ messageId: `m${index}`, body })) }) as SQSEvent;

/** A campaign of which nothing could be sent, as the secret was empty; then the operator fills it in. */
async function deferredBatch(Data: string): Promise<string> {
  aws.secrets.on(GetSecretValueCommand).resolves({ SecretString: '{}' });
  const variables = { ...RETRY_QUEUE, SUBSCRIBER_TABLE_NAME: 'Subscribers', LINE_MESSAGE_TYPE: 'text' };
  const reply = await aws.load<unknown, CustomChannelReply>('sendMessage', variables)({ ...EVENT, Data }, contextWith(15_000));
  expect(Object.values(reply).map(({ EventAttributes }) => EventAttributes.LineStatus)).toEqual(['deferred', 'deferred', 'deferred']);
  const [{ body }] = aws.queued.splice(0);
  aws.secrets.on(GetSecretValueCommand).resolves({ SecretString: '{"channelAccessToken":"long-lived-token-of-shop"}' });
  aws.asked.length = 0;
  aws.written.length = 0;
  // The journal's leases end in the future of the handler's clock, which the wake-up message's delay covers.
  const now = Date.now();
  jest.spyOn(Date, 'now').mockImplementation(() => now + 31_000);
  return body;
}

test('a deferred batch of equal content is sent under the key that was written down', async () => {
  // GIVEN
  const message = await deferredBatch('Hello');
  const [{ retryKey }] = aws.batches;
  // WHEN
  expect(await load()(records(message), MINUTE)).toEqual({ batchItemFailures: [] });
  // THEN
  expect(aws.sends).toEqual([{ path: 'multicast', retryKey: retryKey.S, to: [user(1), user(2), user(3)], messages: [{ type: 'text', text: 'Hello' }] }]);
  expect(aws.batches).toMatchObject([{ state: { S: 'ACCEPTED' } }]);
  expect(aws.queued).toEqual([]);
  expect(aws.log).toEqual([
    expect.objectContaining({ code: 'SEND_ACCEPTED', accepted: 3, functionType: 'retry' }), expect.objectContaining({ LineRequests: 1, Channel: 'Shop' }),
  ]);
});

test('personalised content is read from the object, and nothing is made anew', async () => {
  // GIVEN
  const message = await deferredBatch('Hello {{Attributes.Name}}');
  // WHEN
  expect(await load()(records(message), MINUTE)).toEqual({ batchItemFailures: [] });
  // THEN
  expect([...aws.sends].sort((one, other) => (one.path < other.path ? -1 : 1))).toMatchObject([
    { path: 'multicast', to: [user(1), user(3)], messages: [{ text: 'Hello Ann' }] },
    { path: 'push', to: user(2), messages: [{ text: 'Hello Bob' }] },
  ]);
  expect(aws.batches).toMatchObject([{ state: { S: 'ACCEPTED' }, calls: { S: 'AA' } }]);
  expect(aws.asked.filter((asked) => !asked.startsWith('line'))).toEqual(['get content']);
  expect(aws.asked).not.toContain('line validate/multicast');
});

test('a message that comes again, or names a batch that there is not, needs nothing', async () => {
  // GIVEN
  const message = await deferredBatch('Hello');
  const handler = load();
  await handler(records(message), MINUTE);
  aws.written.length = 0;
  // WHEN
  expect(await handler(records(message, '{"pk":"campaign/app1/c2/0/a1#0","sk":"none"}'), MINUTE)).toEqual({ batchItemFailures: [] });
  // THEN
  expect(aws.sends).toHaveLength(1);
  expect(aws.queued).toEqual([]);
  expect(aws.log).toEqual([expect.objectContaining({ code: 'SEND_REPEATED' })]);
});

test('what LINE still holds back comes again, later each time', async () => {
  // GIVEN
  const message = await deferredBatch('Hello');
  aws.secrets.on(GetSecretValueCommand).resolves({ SecretString: '{}' });
  // WHEN
  await load()(records(message), MINUTE);
  await load()(records(aws.queued[0].body), MINUTE);
  // THEN
  expect(aws.queued).toEqual([1, 2].map((attempt) => ({
    body: JSON.stringify({ ...JSON.parse(message), attempt }), delaySeconds: 30 * 2 ** (attempt - 1),
  })));
  expect(aws.batches).toMatchObject([{ state: { S: 'READY' } }]);
  expect(aws.log.at(-1)).toMatchObject({ CredentialsUnavailable: 1 });
  // … until LINE takes it.
  aws.answer = accepted;
  aws.secrets.on(GetSecretValueCommand).resolves({ SecretString: '{"channelAccessToken":"long-lived-token-of-shop"}' });
  await load()(records(aws.queued[1].body), MINUTE);
  expect(aws.sends).toHaveLength(1);
});

test('a batch whose time is nearly over is left to the next invocation', async () => {
  // GIVEN
  const message = await deferredBatch('Hello');
  aws.answer = heldBack;
  // WHEN
  await load()(records(message), contextWith(9_500));
  // THEN
  expect(aws.queued).toEqual([{ body: JSON.stringify({ ...JSON.parse(message), attempt: 1 }), delaySeconds: 30 }]);
});

test.each<[string, string]>([
  ['a message that is none of the library', 'hello'],
  ['a message without the keys of a batch', '{"pk":"campaign/app1/c1/0/a1#0"}'],
])('%s fails alone; the others are gone on with', async (_name, foreign) => {
  // GIVEN
  const message = await deferredBatch('Hello');
  // WHEN
  expect(await load()(records(foreign, message), MINUTE)).toEqual({ batchItemFailures: [{ itemIdentifier: 'm0' }] });
  // THEN
  expect(aws.sends).toHaveLength(1);
  expect(aws.log).toContainEqual(expect.objectContaining({ level: 'ERROR', code: 'RETRY_FAILED', messageId: 'm0' }));
});

test('a batch that is undecided and cannot be queued again comes again by the queue itself', async () => {
  // GIVEN
  const message = await deferredBatch('Hello');
  aws.secrets.on(GetSecretValueCommand).resolves({ SecretString: '{}' });
  aws.sqs.on(SendMessageCommand).rejects(new Error('no queue'));
  // WHEN, THEN
  expect(await load()(records(message), MINUTE)).toEqual({ batchItemFailures: [{ itemIdentifier: 'm0' }] });
});
