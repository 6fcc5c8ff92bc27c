import { AudienceMessage, AudienceQueue, RefusedMessage, publishSubscriberChanges } from '../../../src/domain/audience/publish-subscriber-changes';
import { StreamRecord } from '../../../src/domain/audience/subscriber-change';
import { RecordedTelemetry } from '../../support/recorded-telemetry';

/** A queue that takes what it is told to take. `refuse` gets the number of the request. */
class FakeQueue implements AudienceQueue {
  public readonly requests: string[][] = [];
  public readonly bodies: string[] = [];

  constructor(public readonly name: string, private readonly refuse: (request: number) => RefusedMessage[] = () => []) {}

  public async send(messages: readonly AudienceMessage[]): Promise<RefusedMessage[]> {
    this.requests.push(messages.map(({ groupId, deduplicationId }) => `${groupId}:${deduplicationId}`));
    this.bodies.push(...messages.map(({ body }) => body));
    return this.refuse(this.requests.length);
  }
}

/** The nth record of the stream, an upsert of a person. */
const record = (person: string, n: number, name = 'x'): StreamRecord => ({
  eventID: `e${n}`,
  dynamodb: {
    SequenceNumber: `${n}00`,
    Keys: { pk: { S: `line#${person}` }, sk: { S: 'ENDPOINT' } },
    NewImage: { Address: { S: person }, Attributes: { M: { name: { L: [{ S: name }] } } } },
  },
});
const marker = (n: number): StreamRecord => ({ eventID: `e${n}`, dynamodb: { SequenceNumber: `${n}00`, Keys: { pk: { S: 'EVENT#line#01' }, sk: { S: 'EVENT' } } } });

let telemetry: RecordedTelemetry;
const publish = async (records: StreamRecord[], ...queues: AudienceQueue[]) => publishSubscriberChanges(records, { channelKey: 'line', queues, telemetry });
const failedFrom = (...sequenceNumbers: string[]) => ({ batchItemFailures: sequenceNumbers.map((itemIdentifier) => ({ itemIdentifier })) });

beforeEach(() => {
  telemetry = new RecordedTelemetry();
});

test('every audience gets every change, and nothing else', async () => {
  // GIVEN
  const [one, other] = [new FakeQueue('one'), new FakeQueue('other')];
  // WHEN
  const response = await publish([record('Ua', 1), marker(2), record('Ub', 3)], one, other);
  // THEN
  expect(response).toEqual(failedFrom());
  expect(one.requests).toEqual([['Ua:e1', 'Ub:e3']]);
  expect(other.requests).toEqual(one.requests);
  expect(JSON.parse(one.bodies[0])).toEqual({
    channelKey: 'line', subscriberId: 'Ua', change: 'UPSERT', endpoint: { Address: 'Ua', Attributes: { name: ['x'] } },
  });
});

test.each([
  ['nothing to tell', async () => publish([marker(1)], new FakeQueue('one'))],
  ['no audience', async () => publish([record('Ua', 1)])],
])('%s is done at once', async (_case, when) => {
  expect(await when()).toEqual(failedFrom());
});

test('a request holds ten changes, and one of each person', async () => {
  // GIVEN
  const queue = new FakeQueue('one');
  const twelve = Array.from({ length: 12 }, (_, n) => record(`U${n}`, n));
  // WHEN
  await publish([...twelve, record('U11', 12), record('U1', 13)], queue);
  // THEN
  expect(queue.requests.map((request) => request.length)).toEqual([10, 2, 2]);
  expect(queue.requests[2]).toEqual(['U11:e12', 'U1:e13']);
});

test('a request stays below SQS\'s size', async () => {
  const queue = new FakeQueue('one');
  await publish(['Ua', 'Ub', 'Uc'].map((person, n) => record(person, n, 'あ'.repeat(40_000))), queue);
  expect(queue.requests.map((request) => request.length)).toEqual([2, 1]);
});

test.each<[string, string, () => RefusedMessage[]]>([
  ['refuses a message', '400', () => [{ position: 1, code: 'InternalError', permanent: false }]],
  ['cannot be reached', '300', () => { throw new Error('AccessDenied'); }],
])('the stream resumes at the first change that a queue did not take: the queue %s', async (_case, resumesAt, fail) => {
  // GIVEN three requests, because of the same person three times, and a queue that fails from the second on
  const queue = new FakeQueue('one', (request) => request === 1 ? [] : fail());
  // WHEN
  const response = await publish([record('Ua', 1), marker(2), record('Ua', 3), record('Ub', 4), record('Ua', 5)], queue);
  // THEN
  expect(response).toEqual(failedFrom(resumesAt));
  // AND nothing newer overtakes it
  expect(queue.requests).toEqual([['Ua:e1'], ['Ua:e3', 'Ub:e4']]);
  expect(telemetry.lines).toEqual([expect.objectContaining({ level: 'ERROR', code: 'AUDIENCE_QUEUE_FAILED', fields: expect.objectContaining({ queue: 'one' }) })]);
});

test('a change is done when all queues took it', async () => {
  // GIVEN
  const [good, bad] = [new FakeQueue('good'), new FakeQueue('bad', () => [{ position: 1, code: 'InternalError', permanent: false }])];
  // WHEN
  const response = await publish([record('Ua', 1), record('Ub', 2), record('Uc', 3)], good, bad);
  // THEN
  expect(good.requests).toEqual([['Ua:e1', 'Ub:e2', 'Uc:e3']]);
  expect(response).toEqual(failedFrom('200'));
});

test('a change is written in characters that SQS takes only, also its person', async () => {
  // GIVEN
  const queue = new FakeQueue('one');
  // WHEN
  await publish([record('U あ', 1, 'a\ufffe\uffff\ud800b')], queue);
  // THEN
  expect(queue.bodies[0]).not.toMatch(/[\ufffe\uffff\ud800]|\\ud800/);
  expect(JSON.parse(queue.bodies[0]).endpoint.Attributes.name).toEqual(['a\ufffe\uffff\ufffdb']);
  expect(queue.requests).toEqual([[expect.stringMatching(/^[0-9a-f]{64}:e1$/)]]);
});

test('a change that is larger than a message is set aside by name, the others go on', async () => {
  // GIVEN
  const queue = new FakeQueue('one');
  // WHEN
  const response = await publish([record('Ua', 1, 'x'.repeat(262_144)), record('Ub', 2)], queue);
  // THEN
  expect(response).toEqual(failedFrom());
  expect(queue.requests).toEqual([['Ub:e2']]);
  expect(telemetry.counts).toEqual({ EventsSetAside: 1 });
  expect(telemetry.lines).toEqual([expect.objectContaining({
    level: 'ERROR', code: 'AUDIENCE_CHANGE_SET_ASIDE', fields: { streamEventId: 'e1', reason: 'larger than 262144 bytes' },
  })]);
});

test('a change that a queue refuses for its content is set aside by name, the others go on', async () => {
  // GIVEN
  const queue = new FakeQueue('one', (request) => request === 1 ? [{ position: 0, code: 'InvalidMessageContents', permanent: true }] : []);
  // WHEN
  const response = await publish([record('Ua', 1), record('Ub', 2), record('Ua', 3)], queue);
  // THEN
  expect(response).toEqual(failedFrom());
  expect(queue.requests).toEqual([['Ua:e1', 'Ub:e2'], ['Ua:e3']]);
  expect(telemetry.lines).toEqual([expect.objectContaining({
    code: 'AUDIENCE_CHANGE_SET_ASIDE', fields: { queue: 'one', streamEventId: 'e1', reason: 'InvalidMessageContents' },
  })]);
});
