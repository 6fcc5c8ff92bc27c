import { SendErrorCode } from '../../../src/contract/custom-channel';
import { SenderWorld, user } from '../../support/sender-world';

const Chunk = { Bucket: 'runs', Key: 'run/0.jsonl' };
const person = (n: number, members: object = {}) => JSON.stringify({ id: `e${n}`, endpoint: { ChannelType: 'CUSTOM', Address: user(n), Attributes: { Name: [`N${n}`] }, ...members } });

let world: SenderWorld;
beforeEach(() => {
  world = new SenderWorld();
  world.chunks.set('runs/run/0.jsonl', [person(0), person(1, { OptOut: 'ALL' }), person(2, { Attributes: {} }), person(3), person(4), person(5)].join('\n'));
});

const text = (words: string) => [{ type: 'text', text: words }];
const previewOf = async (Data: string, People = 5, more: object = {}) => {
  const { reply, error } = await world.previewChunk({ Chunk, Data, Preview: { People }, ...more });
  if (error) {
    throw error;
  }
  return reply!;
};

test('the first people of a chunk are shown with what each would get, or why nothing', async () => {
  world.optOuts.set(user(3), SendErrorCode.ERASED);
  world.quota = 20;
  expect(await previewOf('{"messages":[{"type":"text","text":"Hello {{Attributes.Name}}"}],"missingAttribute":"skip"}')).toEqual({
    people: [
      { id: 'e0', messages: text('Hello N0') },
      { id: 'e1', code: 'OPTED_OUT' },
      { id: 'e2', code: 'MISSING_ATTRIBUTE' },
      { id: 'e3', code: 'ERASED' },
      { id: 'e4', messages: text('Hello N4') },
    ],
    quota: { limit: 1_000, used: 980, remaining: 20 },
  });
});

test('nothing is sent or written down', async () => {
  await previewOf('Hello');
  expect(world.requests).toEqual([]);
  expect(world.dynamo.items.size).toBe(0);
  expect([...world.results.keys(), ...world.contents.keys()]).toEqual([]);
  expect([...new Set(world.calls)].sort()).toEqual(['chunk', 'quota', 'subscriptions', 'validate']);
});

test('neither a run nor its flag is asked for', async () => {
  expect((await previewOf('Hello', 1, { Flag: { Bucket: 'runs', Key: 'flag' } })).people).toEqual([{ id: 'e0', messages: text('Hello') }]);
});

test('what the people would get is read from the content\'s object', async () => {
  world.chunks.set('runs/run/content', 'From the object');
  expect((await previewOf('Hello', 1, { Content: { Bucket: 'runs', Key: 'run/content' } })).people[0].messages).toEqual(text('From the object'));
});

test.each([
  ['content that cannot be read', '{"messages":[]}', 'INVALID_CONTENT', ['INVALID_CONTENT', 'OPTED_OUT', 'INVALID_CONTENT']],
  ['a template that does not exist', '{"template":"none"}', 'TEMPLATE_NOT_FOUND', ['TEMPLATE_NOT_FOUND', 'OPTED_OUT', 'TEMPLATE_NOT_FOUND']],
  ['an attribute that is missing, whom the content does not let go', '{"messages":[{"type":"text","text":"{{Attributes.Name}}"}],"missingAttribute":"fail"}', 'MISSING_ATTRIBUTE', ['MISSING_ATTRIBUTE', 'OPTED_OUT', 'MISSING_ATTRIBUTE']],
])('%s is a problem of everybody', async (_case, Data, code, codes) => {
  world.functionType = 'any';
  const { people, problem } = await previewOf(Data, 3);
  expect(problem).toEqual({ code, message: expect.stringMatching(/.{20}/) });
  expect(people.map((each) => each.code)).toEqual(codes);
});

test('content that LINE refuses is shown with LINE\'s reason', async () => {
  world.validity = { code: SendErrorCode.LINE_REFUSED_CONTENT, message: 'LINE refuses the messages (400)' };
  expect(await previewOf('Hello', 1)).toMatchObject({ people: [{ id: 'e0', messages: text('Hello') }], problem: { code: 'LINE_REFUSED_CONTENT', message: 'LINE refuses the messages (400)' } });
  world.validity = 'unavailable';
  expect(await previewOf('Hello', 1)).not.toHaveProperty('problem');
});

test('a quota that LINE does not tell is left out; one without a limit has none', async () => {
  expect((await previewOf('Hello')).quota).toEqual({ used: 980 });
  world.failing = { quota: 1 };
  expect(await previewOf('Hello')).not.toHaveProperty('quota');
});

test('an empty chunk, and one of fewer people, are shown as they are; opted-out people alone need no content', async () => {
  world.chunks.set('runs/run/0.jsonl', '');
  expect((await previewOf('Hello')).people).toEqual([]);
  world.chunks.set('runs/run/0.jsonl', person(1, { OptOut: 'ALL' }));
  expect((await previewOf('Hello', 50)).people).toEqual([{ id: 'e1', code: 'OPTED_OUT' }]);
});

test.each([{ People: 0 }, { People: -1 }, { People: 1.5 }, { People: 51 }, { People: '5' }, { People: null }, {}, null])('%j is refused, and nothing is sent', async (Preview) => {
  await expect(previewOf('Hello', 5, { Preview })).rejects.toThrow('`Preview.People` must be a whole number from 1 to 50, got');
  expect(world.requests).toEqual([]);
});

test.each(['chunk', 'subscriptions'])('what the %s\'s store throws is thrown', async (kind) => {
  world.failing = { [kind]: 1 };
  await expect(previewOf('Hello')).rejects.toThrow(`${kind} failed`);
});

test('what hangs is cut before Lambda ends the invocation', async () => {
  world.hanging = 'subscriptions';
  await expect(previewOf('Hello')).rejects.toThrow('the time of the invocation was over before AWS answered');
});
