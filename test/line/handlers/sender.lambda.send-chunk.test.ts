import { BatchGetItemCommand } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { ChunkPreview, ChunkSendEvent, ChunkSendResult } from '../../../src/contract/chunk-send';
import { contextWith, heldBack, SenderAws, user } from '../../support/sender-aws';

/** The function as the construct makes it: it knows no retry queue. */
const ENVIRONMENT = { SUBSCRIBER_TABLE_NAME: 'Subscribers', LINE_MESSAGE_TYPE: 'any', LINE_SAMPLE_MESSAGES: 'false' };
const EVENT: ChunkSendEvent = { CampaignId: 'c1', ActivityId: 'a1', Chunk: { Bucket: 'runs', Key: 'c1/0001.jsonl' }, Data: 'Hello' };
const LONG = contextWith(900_000);

const environment = process.env;
let aws: SenderAws;

beforeAll(async () => { aws = await SenderAws.start(); });
afterAll(async () => { await aws.stop(); });
beforeEach(() => { aws.reset(); });
afterEach(() => {
  jest.restoreAllMocks();
  process.env = environment;
});

const load = () => aws.load<unknown, ChunkSendResult>('sendChunk', ENVIRONMENT);

function putChunk(people: number, attributes: (n: number) => object = () => ({})): void {
  aws.objects.set('runs/c1/0001.jsonl', Array.from({ length: people }, (_, n) => `${JSON.stringify({
    id: `e${n}`, endpoint: { ChannelType: 'CUSTOM', Address: user(n), ...attributes(n) },
  })}\n`).join(''));
}

test('people of a chunk get equal content in calls of 500, and the books balance', async () => {
  // GIVEN
  putChunk(1_203);
  // WHEN
  const result = await load()(EVENT, LONG);
  // THEN
  expect(result).toEqual({ runId: expect.stringMatching(/^campaign\//), recipients: 1_203, counts: { accepted: 1_203, skipped: 0, failed: 0, unknown: 0, pending: 0 }, undone: [] });
  expect(aws.sends.map(({ path, to }) => [path, to.length]).sort()).toEqual([['multicast', 203], ['multicast', 500], ['multicast', 500]]);
  expect(new Set(aws.sends.flatMap(({ to }) => to)).size).toBe(1_203);
  expect(aws.batches.map(({ state }) => state.S)).toEqual(['ACCEPTED', 'ACCEPTED', 'ACCEPTED']);
  expect(aws.queued).toEqual([]);
  expect(aws.log.at(-1)).toMatchObject({ LineRequests: 3, Channel: 'Shop' });
});

test('a repeat of a chunk that is done sends nothing and says the same', async () => {
  // GIVEN
  putChunk(501);
  const first = await load()(EVENT, LONG);
  // WHEN, THEN
  expect(await load()(EVENT, LONG)).toEqual(first);
  expect(aws.sends).toHaveLength(2);
});

test('personalised content is pushed, each slice\'s from an object of its own', async () => {
  // GIVEN
  putChunk(502, (n) => ({ Attributes: { Number: [n] } }));
  // WHEN
  const result = await load()({ ...EVENT, Data: 'You are {{Attributes.Number}}' }, LONG);
  // THEN
  expect(result.counts).toMatchObject({ accepted: 502, pending: 0 });
  expect(aws.sends.filter(({ path }) => path === 'push')).toHaveLength(502);
  expect(new Set(aws.sends.map(({ messages }) => messages[0].text)).size).toBe(502);
  expect([...aws.objects.keys()].filter((place) => place.startsWith('content/batches/'))).toHaveLength(2);
}, 30_000);

test('what is undone is the caller\'s, who comes again once the credentials are there', async () => {
  // GIVEN
  putChunk(501);
  aws.secrets.on(GetSecretValueCommand).resolves({ SecretString: '{}' });
  // WHEN
  const result = await load()(EVENT, LONG);
  // THEN
  expect(result).toMatchObject({ counts: { accepted: 0, pending: 501 }, undone: [expect.any(String), expect.any(String)], stopped: 'CREDENTIALS_UNAVAILABLE' });
  expect(aws.queued).toEqual([]);
  // WHEN the operator has filled in the secret, and the lease is over
  aws.secrets.on(GetSecretValueCommand).resolves({ SecretString: '{"channelAccessToken":"long-lived-token-of-shop"}' });
  const now = Date.now();
  jest.spyOn(Date, 'now').mockImplementation(() => now + 60_000);
  // THEN
  expect(await load()(EVENT, LONG)).toMatchObject({ counts: { accepted: 501, pending: 0 }, undone: [] });
  expect(aws.sends).toHaveLength(2);
});

test('what LINE holds back until the time is over is undone', async () => {
  // GIVEN
  putChunk(2);
  aws.answer = heldBack;
  // WHEN
  const result = await load()(EVENT, contextWith(12_000));
  // THEN
  expect(result).toMatchObject({ counts: { pending: 2 }, undone: [expect.any(String)] });
}, 30_000);

test('content that cannot be read stops the chunk before anybody is sent to', async () => {
  putChunk(2);
  expect(await load()({ ...EVENT, Data: '{"messages":[]}' }, LONG)).toMatchObject({ counts: { pending: 2 }, stopped: 'INVALID_CONTENT' });
  expect(aws.sends).toEqual([]);
  expect(aws.batches).toEqual([]);
  expect(aws.log).toEqual([expect.objectContaining({ level: 'ERROR', code: 'INVALID_CONTENT' })]);
});

test.each<[string, object, string]>([
  ['an event without a chunk', { CampaignId: 'c1', Data: 'Hello' }, '`Chunk` must name the object of recipients'],
  ['a chunk that there is not', { ...EVENT, Chunk: { Bucket: 'runs', Key: 'none' } }, 'the chunk does not exist: there is no object "none" of bucket runs'],
])('%s fails, and nothing is sent', async (_name, event, message) => {
  await expect(load()(event, LONG)).rejects.toThrow(message);
  expect(aws.sends).toEqual([]);
});

test('a chunk begins with few batches, which others join, so that a small function does not open hundreds of connections at once', async () => {
  // GIVEN
  putChunk(15_000);
  let underWay = 0;
  const side: number[] = [];
  aws.dynamo.on(BatchGetItemCommand).callsFake(async () => {
    side.push(++underWay);
    await new Promise(setImmediate);
    underWay--;
    return { Responses: {} };
  });
  // WHEN
  const { counts } = await load()(EVENT, LONG);
  // THEN
  expect(counts).toMatchObject({ accepted: 15_000, pending: 0 });
  // Five requests for a batch's opt-outs: the first batch alone, then four of them.
  expect(Math.max(...side.slice(0, 5))).toBe(5);
  expect(Math.max(...side.slice(0, 35))).toBeLessThanOrEqual(4 * 5);
  expect(side).toHaveLength(30 * 5);
});

test('a run\'s flag pauses the chunk, content comes from its object, and the result object grows with what is known', async () => {
  // GIVEN
  putChunk(501);
  aws.objects.set('runs/content', 'From the object');
  aws.objects.set('runs/flag', '{"state":"PAUSE"}');
  const event = { ...EVENT, Content: { Bucket: 'runs', Key: 'content' }, Flag: { Bucket: 'runs', Key: 'flag' }, Result: { Bucket: 'runs', Key: 'result' } };
  const lines = () => aws.objects.get('runs/result')!.trimEnd().split('\n').map((text) => JSON.parse(text));
  const handler = load();
  // WHEN, THEN
  const paused = await handler(event, LONG);
  expect(paused).toMatchObject({ counts: { accepted: 0, pending: 501 }, undone: [expect.any(String), expect.any(String)], stopped: 'RUN_PAUSED' });
  expect(aws.sends).toEqual([]);
  expect(aws.batches).toEqual([]);
  expect(lines()[0]).toEqual(paused);
  expect(lines()).toHaveLength(502);
  // WHEN it is resumed
  aws.objects.set('runs/flag', '{"state":"RUN"}');
  const done = await handler(event, LONG);
  // THEN
  expect(done).toMatchObject({ counts: { accepted: 501, pending: 0 }, undone: [] });
  expect(aws.sends).toHaveLength(2);
  expect(aws.sends[0].messages).toEqual([{ type: 'text', text: 'From the object' }]);
  expect(lines()[0]).toEqual(done);
  expect(lines()[501]).toEqual({ id: 'e500', to: user(500), status: 'accepted', requestId: 'line-1' });
  expect(aws.log.some((entry) => JSON.stringify(entry).includes('From the object'))).toBe(false);
});

test('a preview tells what people would get, without table, journal and send', async () => {
  // GIVEN
  putChunk(7, (n) => ({ Attributes: { Name: [`N${n}`] } }));
  aws.dynamo.on(BatchGetItemCommand).resolves({ Responses: { Subscribers: [{ pk: { S: `shop#${user(1)}` }, OptOut: { S: 'ALL' } }] } });
  // WHEN
  const preview = await load()({ ...EVENT, Data: 'Hello {{Attributes.Name}}', Preview: { People: 2 } }, LONG) as unknown as ChunkPreview;
  // THEN
  expect(preview.people).toEqual([{ id: 'e0', messages: [{ type: 'text', text: 'Hello N0' }] }, { id: 'e1', code: 'OPTED_OUT' }]);
  expect(aws.sends).toEqual([]);
  expect(aws.table.items.size).toBe(0);
  expect(aws.asked.filter((asked) => asked.startsWith('put'))).toEqual([]);
});
