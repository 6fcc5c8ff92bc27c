import { streamImage } from '../../src/runtime/stream-image';

test('binary values of a stream\'s image become bytes, at any depth; the others stay as they are', () => {
  const base64 = Buffer.from([0, 255, 16]).toString('base64');
  const bytes = Buffer.from([0, 255, 16]);
  expect(streamImage({
    b: { B: base64 },
    set: { BS: [base64, ''] },
    list: { L: [{ B: base64 }, { S: 'AP8Q' }] },
    map: { M: { inner: { M: { b: { B: base64 } } }, n: { N: '1' } } },
    text: { S: 'AP8Q' },
    flag: { BOOL: false },
    nothing: { NULL: true },
    texts: { SS: ['a'] },
    numbers: { NS: ['1'] },
  })).toEqual({
    b: { B: bytes },
    set: { BS: [bytes, Buffer.alloc(0)] },
    list: { L: [{ B: bytes }, { S: 'AP8Q' }] },
    map: { M: { inner: { M: { b: { B: bytes } } }, n: { N: '1' } } },
    text: { S: 'AP8Q' },
    flag: { BOOL: false },
    nothing: { NULL: true },
    texts: { SS: ['a'] },
    numbers: { NS: ['1'] },
  });
});
