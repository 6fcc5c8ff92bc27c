import { createHash } from 'node:crypto';
import { sqsBody, sqsId } from '../../../src/domain/shared/sqs-message';

test.each([
  ['as it is', 'U1!~'],
  ['at the limit', 'U'.repeat(128)],
])('an id that SQS takes stays %s', (_case, id) => {
  expect(sqsId(id)).toBe(id);
});

test.each([['a blank', 'U 1'], ['too much', 'U'.repeat(129)], ['nothing', '']])('an id with %s is hashed', (_case, id) => {
  expect(sqsId(id)).toBe(createHash('sha256').update(id).digest('hex'));
});

test('a body is JSON of what is given, in characters that SQS takes', () => {
  // WHEN
  const body = sqsBody({ list: ['\ufffe', '\uffff', '\ud800', '🎉\u0000'], n: 1, none: null });
  // THEN
  expect(body).toBe('{"list":["\\ufffe","\\uffff","\ufffd","🎉\\u0000"],"n":1,"none":null}');
  expect(JSON.parse(body)).toEqual({ list: ['\ufffe', '\uffff', '\ufffd', '🎉\u0000'], n: 1, none: null });
});
