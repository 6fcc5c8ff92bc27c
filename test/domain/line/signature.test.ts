import { createHmac } from 'crypto';
import { verifySignature } from '../../../src/domain/line/signature';

// Known answer published by LINE in "Verify webhook signature".
const SECRET = '8c570fa6dd201bb328f1c1eac23a96d8';
const BODY = Buffer.from('{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}');
const SIGNATURE = 'GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs=';

const sign = (body: Uint8Array, secret: string) => createHmac('sha256', secret).update(body).digest('base64');

test('accepts the known answer that LINE publishes', () => {
  expect(verifySignature(BODY, SECRET, SIGNATURE)).toBe(true);
});

test.each([
  ['an empty body', Buffer.alloc(0)],
  ['Japanese and emoji', Buffer.from('{"text":"こんにちは 🎉"}')],
  ['bytes that are no UTF-8', Buffer.from([0xff, 0x00, 0xfe, 0x80])],
  ['a view into a larger buffer', new Uint8Array(Buffer.from('xx{"events":[]}')).subarray(2)],
])('accepts a right signature of %s', (_case, body) => {
  expect(verifySignature(body, SECRET, sign(body, SECRET))).toBe(true);
});

test.each([
  ['of other bytes', SIGNATURE, Buffer.concat([BODY, Buffer.from(' ')]), SECRET],
  ['under another secret', sign(BODY, 'another'), BODY, SECRET],
  ['that is empty', '', BODY, SECRET],
  ['that is shorter', SIGNATURE.slice(0, -1), BODY, SECRET],
  ['that is longer', `${SIGNATURE}=`, BODY, SECRET],
  ['that decodes to the right bytes but ends in a line break', `${SIGNATURE}\n`, BODY, SECRET],
  ['in URL-safe base64', SIGNATURE.replace('+', '-'), BODY, SECRET],
  ['of the same number of characters but more bytes', 'あ'.repeat(SIGNATURE.length), BODY, SECRET],
  ['in hexadecimal', createHmac('sha256', SECRET).update(BODY).digest('hex'), BODY, SECRET],
])('refuses a signature %s', (_case, signature, body, secret) => {
  expect(verifySignature(body, secret, signature)).toBe(false);
});

test('an empty secret verifies nothing, not even what was signed with it', () => {
  expect(verifySignature(BODY, '', sign(BODY, ''))).toBe(false);
});
