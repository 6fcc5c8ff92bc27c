import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { GetObjectCommand, NoSuchKey, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import * as fc from 'fast-check';
import { ImportRefused } from '../../src/domain/audience/import-refused';
import { importFileOpener, unzipped } from '../../src/runtime/import-file';
import { HttpStub } from '../support/http-stub';
import '../support/fast-check-seed';

const s3 = mockClient(S3Client);
beforeEach(() => { s3.reset(); });

function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const read = async (bytes: Buffer, size = 64) => textOf(unzipped(Readable.from(cut(bytes, size), { objectMode: false }), 1_000));

describe('bytes', () => {
  test('are unzipped when they are gzip, whatever their pieces, also of several files one after the other', async () => {
    const anyTexts = fc.array(fc.string({ maxLength: 200 }), { maxLength: 4 });
    await fc.assert(fc.asyncProperty(anyTexts, fc.integer({ min: 1, max: 50 }), async (texts, size) => {
      expect(await read(Buffer.concat(texts.map((text) => gzipSync(text))), size)).toBe(texts.join(''));
    }), { numRuns: 50 });
  });

  test.each(['', 'a', 'Address\n', '\x1f'])('that are not gzip stay as they are: %j', async (text) => {
    expect(await read(Buffer.from(text), 1)).toBe(text);
  });

  test('of gzip that is cut off anywhere refuse the file', async () => {
    const one = gzipSync('{"Address":"x"}\n');
    const two = Buffer.concat([one, gzipSync('{"Address":"y"}\n')]);
    for (let length = 2; length < two.length; length++) {
      const reading = read(two.subarray(0, length), 7);
      // Between two of them, nothing is missing.
      await (length === one.length ? expect(reading).resolves.toBe('{"Address":"x"}\n') : expect(reading).rejects.toThrow(/cut off: its gzip data ends in the middle/));
    }
  });

  test('of gzip that is damaged, or followed by something else, refuse the file', async () => {
    const zipped = gzipSync('{"Address":"x"}\n');
    await expect(read(Buffer.concat([zipped, Buffer.from('more')]))).rejects.toThrow(ImportRefused);
    zipped[12] = zipped[12] === 0 ? 255 : 0;
    await expect(read(zipped)).rejects.toThrow(/gzip data is damaged \(Z_/);
  });

  test.each([[Buffer.from('Address\n')], [gzipSync('Address\n').subarray(0, 12)]])('that stop because the connection breaks do not refuse the file', async (start) => {
    const body = Readable.from((async function* () {
      yield start;
      throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    })(), { objectMode: false });
    await expect(textOf(unzipped(body, 1_000))).rejects.toThrow('aborted');
    expect(body.destroyed).toBe(true);
  });

  test('that nobody reads to the end give their connection back', async () => {
    const body = Readable.from(cut(gzipSync('x'.repeat(1_000_000)), 100), { objectMode: false });
    for await (const bytes of unzipped(body, 1_000)) {
      expect(bytes.length).toBeLessThanOrEqual(64 * 1024);
      break;
    }
    expect(body.destroyed).toBe(true);
  });
});

describe('a file', () => {
  const open = importFileOpener(new S3Client({ region: 'eu-west-1' }));
  const file = { bucket: 'files', key: 'import/春 a+b.csv' };

  test('is opened in its version', async () => {
    s3.on(GetObjectCommand).resolves({ Body: Readable.from([gzipSync('x')]) as never, ETag: '"e1"', LastModified: new Date(5_000) });
    const opened = (await open({ ...file, versionId: 'v1' }))!;
    expect([opened.modifiedAt, opened.etag, await textOf(opened.bytes())]).toEqual([5_000, 'e1', 'x']);
    expect(s3.commandCalls(GetObjectCommand)[0].args[0].input).toEqual({ Bucket: 'files', Key: 'import/春 a+b.csv', VersionId: 'v1' });
  });

  test('may be closed unread', async () => {
    const Body = Readable.from(['x']);
    s3.on(GetObjectCommand).resolves({ Body: Body as never, LastModified: new Date(0) });
    const opened = (await open(file))!;
    opened.close();
    expect([Body.destroyed, opened.etag]).toEqual([true, undefined]);
  });

  test('may be gone', async () => {
    s3.on(GetObjectCommand).rejects(new NoSuchKey({ message: '', $metadata: { httpStatusCode: 404 } }));
    expect(await open(file)).toBeUndefined();
  });

  test.each(['AccessDenied', 'ECONNRESET'])('may not be readable: %s', async (message) => {
    s3.on(GetObjectCommand).rejects(new Error(message));
    await expect(open(file)).rejects.toThrow(message);
  });
});

test('a file whose bytes stop coming is given up', async () => {
  s3.restore();
  const stub = await HttpStub.start();
  try {
    stub.handler = (_request, response) => {
      response.writeHead(200, { 'content-length': '100', 'last-modified': 'Mon, 23 Nov 2026 09:00:00 GMT' }).write('abc');
    };
    const client = new S3Client({ region: 'eu-west-1', endpoint: stub.url, forcePathStyle: true, credentials: { accessKeyId: 'id', secretAccessKey: 'key' } });
    const opened = await importFileOpener(client, 200)({ bucket: 'files', key: 'a' });
    await expect(textOf(opened!.bytes())).rejects.toThrow('no byte of the file came for 0.2 s');
  } finally {
    await stub.stop();
  }
});
