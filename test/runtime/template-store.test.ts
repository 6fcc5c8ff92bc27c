import { GetObjectCommand, GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { ContentError } from '../../src/domain/line/content-error';
import { TemplateStore } from '../../src/runtime/template-store';

const s3 = mockClient(S3Client);
const MEGABYTE = 1_048_576;

let now: number;
let clients: number;
beforeEach(() => {
  s3.reset();
  now = Date.UTC(2026, 10, 23);
  clients = 0;
});

function store(): TemplateStore {
  const client = new S3Client({ region: 'eu-west-1' });
  return new TemplateStore(() => { clients += 1; return client; }, 'content', () => now);
}

const body = (stream: object) => stream as GetObjectCommandOutput['Body'];

function object(content: string | Uint8Array, VersionId?: string): Partial<GetObjectCommandOutput> {
  const bytes = Buffer.from(content);
  return { Body: body({ transformToByteArray: async () => bytes }), ContentLength: bytes.length, VersionId };
}

/** Every answer is an object of its own: a body can be read once. */
const answers = (content: string | Uint8Array, versionId?: string) => s3.on(GetObjectCommand).callsFake(async () => object(content, versionId));
const reads = () => s3.commandCalls(GetObjectCommand).map(({ args }) => args[0].input);
const failure = (httpStatusCode: number, name = 'Error') => Object.assign(new Error(`status ${httpStatusCode}`), { name, $metadata: { httpStatusCode } });

test('makes no client before it is asked', async () => {
  answers('{}');
  const templates = store();
  expect(clients).toBe(0);
  await templates.find('a.json');
  expect(clients).toBe(1);
});

test.each([
  ['the current version', undefined],
  ['a given version', 'v7'],
])('reads %s behind the prefix', async (_case, version) => {
  answers('{"type":"text","text":"春🎉"}', 'v7');
  expect(await store().find('spring/sale.ja.json', version)).toEqual({ text: '{"type":"text","text":"春🎉"}', version: 'v7' });
  expect(reads()).toEqual([{ Bucket: 'content', Key: 'templates/spring/sale.ja.json', VersionId: version }]);
});

test.each([
  ['a byte order mark', Buffer.from('\ufeff{}'), '{}'],
  ['no bytes', Buffer.alloc(0), ''],
  ['1 MB', Buffer.alloc(MEGABYTE, ' '), ' '.repeat(MEGABYTE)],
])('reads an object with %s', async (_case, bytes, text) => {
  answers(bytes);
  expect(await store().find('a.json')).toEqual({ text, version: 'null' });
});

test('reads an answer without a body as nothing', async () => {
  s3.on(GetObjectCommand).resolves({});
  expect(await store().find('a.json')).toEqual({ text: '', version: 'null' });
});

const named = (...errors: Error[]) => errors.map((error): [string, Error] => [`${error.name}: ${error.message}`, error]);

test.each(named(failure(404), failure(405), failure(400, 'InvalidArgument')))('is undefined when S3 answers %s', async (_case, error) => {
  s3.on(GetObjectCommand).rejects(error);
  expect(await store().find('a.json', 'v1')).toBeUndefined();
});

test.each(named(failure(503), failure(301), failure(400, 'ExpiredToken'), new Error('ECONNRESET')))('fails when S3 fails: %s', async (_case, error) => {
  s3.on(GetObjectCommand).rejectsOnce(error).resolves(object('{}'));
  const templates = store();
  await expect(templates.find('a.json')).rejects.toThrow(error.message);
  // A failure is not remembered.
  expect(await templates.find('a.json')).toBeDefined();
});

test.each([[undefined], ['v1']])('does not take for absent what it may not read, of version %p', async (version) => {
  // GIVEN a template in the person's language that the bucket's policy keeps from the function
  s3.on(GetObjectCommand).rejectsOnce(failure(403, 'AccessDenied')).resolves(object('{}', 'v1'));
  const templates = store();
  // WHEN
  const error = await templates.find('spring.ja.json', version).catch((thrown: unknown) => thrown);
  // THEN nobody gets that of another language instead
  expect(error).toBeInstanceOf(ContentError);
  expect(error).toMatchObject({ code: 'TEMPLATE_NOT_FOUND', message: expect.stringMatching(/^template `spring\.ja\.json` may not be read by the function.*s3:GetObject/) });
  // AND it is asked for again, once it may be read.
  expect(await templates.find('spring.ja.json', version)).toEqual({ text: '{}', version: 'v1' });
});

test('refuses an object of more than 1 MB without reading it', async () => {
  // GIVEN
  const stream = { transformToByteArray: jest.fn(), destroy: jest.fn() };
  s3.on(GetObjectCommand).resolves({ Body: body(stream), ContentLength: MEGABYTE + 1 });
  // WHEN
  const error = await store().find('big.json').catch((thrown: unknown) => thrown);
  // THEN
  expect(error).toBeInstanceOf(ContentError);
  expect(error).toMatchObject({ code: 'INVALID_CONTENT', message: expect.stringMatching(/`big\.json` has 1048577 bytes; it may have 1048576/) });
  expect(stream.destroy).toHaveBeenCalled();
  expect(stream.transformToByteArray).not.toHaveBeenCalled();
});

test('refuses a too large object that has no stream', async () => {
  s3.on(GetObjectCommand).resolves({ ContentLength: MEGABYTE + 1 });
  await expect(store().find('big.json')).rejects.toThrow(ContentError);
});

test.each([
  ['Shift JIS', Buffer.from([0x7b, 0x93, 0xfa, 0x7d])],
  ['a surrogate on its own', Buffer.from([0xed, 0xa0, 0xbd])],
])('refuses %s, which is no UTF-8', async (_case, bytes) => {
  answers(bytes);
  await expect(store().find('a.json')).rejects.toMatchObject({ code: 'INVALID_CONTENT', message: expect.stringContaining('`a.json` is not UTF-8') });
});

describe('remembers', () => {
  test('a current object for half a minute', async () => {
    s3.on(GetObjectCommand).resolvesOnce(object('{}', 'v1')).resolvesOnce(object('[]', 'v2'));
    const templates = store();
    await templates.find('a.json');
    now += 29_999;
    expect(await templates.find('a.json')).toEqual({ text: '{}', version: 'v1' });
    now += 1;
    expect(await templates.find('a.json')).toEqual({ text: '[]', version: 'v2' });
  });

  test('that there is none for half a minute, of versions also', async () => {
    s3.on(GetObjectCommand).rejects(failure(404));
    const templates = store();
    for (const version of [undefined, 'v1']) {
      await templates.find('a.json', version);
      now += 29_999;
      await templates.find('a.json', version);
    }
    expect(reads()).toHaveLength(2);
    answers('{}');
    now += 1;
    expect(await templates.find('a.json')).toBeDefined();
    now += 29_999;
    expect(await templates.find('a.json', 'v1')).toBeDefined();
  });

  test('a version for ever, apart from the current object and other versions', async () => {
    answers('{}', 'v1');
    const templates = store();
    await templates.find('a.json', 'v1');
    now += 365 * 86_400_000;
    await templates.find('a.json', 'v1');
    expect(reads()).toHaveLength(1);
    await templates.find('a.json');
    await templates.find('a.json', 'v2');
    expect(reads()).toHaveLength(3);
  });

  test('a thousand answers at most', async () => {
    s3.on(GetObjectCommand).rejects(failure(404));
    const templates = store();
    for (let n = 0; n <= 1_000; n++) {
      await templates.find(`${n}.json`);
    }
    await templates.find('1000.json');
    expect(reads()).toHaveLength(1_001);
    await templates.find('0.json');
    expect(reads()).toHaveLength(1_002);
  });

  test('8 MB of text at most; a newer version takes the place of the older', async () => {
    // GIVEN
    answers(Buffer.alloc(MEGABYTE, ' '));
    const templates = store();
    for (let n = 0; n < 20; n++) {
      now += 30_000;
      await templates.find('often.json');
    }
    for (let n = 1; n < 8; n++) {
      await templates.find(`${n}.json`);
    }
    await templates.find('often.json');
    expect(reads()).toHaveLength(27);
    // WHEN
    await templates.find('8.json');
    // THEN
    await templates.find('8.json');
    expect(reads()).toHaveLength(28);
    await templates.find('often.json');
    expect(reads()).toHaveLength(29);
  });
});
