import { SendErrorCode } from '../../../src/contract/custom-channel';
import { LineAnswer, LineRequest } from '../../../src/domain/line/line-api';
import { validateContent } from '../../../src/domain/line/validate-content';

const BODY = '{"messages":[{"type":"text","text":"hello"}]}';
const response = (status: number, body: unknown): LineAnswer => ({ kind: 'response', status, requestId: 'line-1', body: typeof body === 'string' ? body : JSON.stringify(body) });

async function validate(answer: LineAnswer) {
  const requests: LineRequest[] = [];
  const validity = await validateContent({ call: async (request) => { requests.push(request); return answer; } }, BODY, 3_000);
  return { validity, requests };
}

test('the exact bytes go to LINE without a retry key, and 200 is valid', async () => {
  const { validity, requests } = await validate(response(200, {}));
  expect(validity).toBe('valid');
  expect(requests).toEqual([{ method: 'POST', path: '/v2/bot/message/validate/multicast', body: BODY, timeoutMs: 3_000 }]);
});

const twelve = Array.from({ length: 12 }, (_, n) => ({ property: `messages[${n % 11}].text` }));

test.each<[string, number, unknown, string]>([
  [
    'places, but not what LINE says of them, which may quote content', 400,
    { message: 'The request body has 2 error(s)', details: [{ message: 'secret text', property: 'messages[0].text' }, { message: 'other', property: 'messages[1]' }] },
    'LINE refuses the messages (400): The request body has 2 error(s) [at messages[0].text, messages[1]]',
  ],
  ['a summary alone', 400, { message: 'Invalid' }, 'LINE refuses the messages (400): Invalid'],
  ['places alone', 400, { details: [{ property: 'messages' }] }, 'LINE refuses the messages (400) [at messages]'],
  ['each place once and ten of them', 400, { details: twelve },
    `LINE refuses the messages (400) [at ${twelve.slice(0, 10).map(({ property }) => property).join(', ')} and 1 more]`],
  ['long ones cut', 400, { message: 'x'.repeat(1_000), details: [{ property: 'y'.repeat(1_000) }] },
    `LINE refuses the messages (400): ${'x'.repeat(200)} [at ${'y'.repeat(100)}]`],
  ['details of other kinds left out', 400, { message: 7, details: [null, 'a', { property: 7 }, { property: '' }, { message: 'm' }] }, 'LINE refuses the messages (400)'],
  ['no details but something else', 400, { message: '', details: 'messages' }, 'LINE refuses the messages (400)'],
  ['a body too large', 413, { message: 'Payload Too Large' }, 'LINE refuses the messages (413): Payload Too Large'],
  ['HTML', 400, '<html>secret</html>', 'LINE refuses the messages (400)'],
  ['nothing', 400, '', 'LINE refuses the messages (400)'],
  ['a list', 400, [], 'LINE refuses the messages (400)'],
])('a refusal tells %s', async (_case, status, body, message) => {
  expect((await validate(response(status, body))).validity).toEqual({ code: SendErrorCode.LINE_REFUSED_CONTENT, message });
});

test.each<[string, LineAnswer]>([
  ...[201, 302, 401, 403, 404, 429, 500, 503].map((status): [string, LineAnswer] => [String(status), response(status, { message: 'Invalid', details: [] })]),
  ['silence', { kind: 'silence', reason: 'timeout' }],
  ['no token', { kind: 'not-called', message: 'no token', retryable: false }],
])('%s says nothing about the content', async (_case, answer) => {
  expect((await validate(answer)).validity).toBe('unavailable');
});
