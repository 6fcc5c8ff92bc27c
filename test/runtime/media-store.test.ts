import { HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { MediaType } from '../../src/contract/media';
import { MediaStore, MediaStoreOptions } from '../../src/runtime/media-store';

const s3 = mockClient(S3Client);
const CREDENTIALS = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret', sessionToken: 'session' };
const CLOUDFRONT: MediaStoreOptions = {
  places: { image: { bucket: 'media', prefix: 'image/' }, audio: { bucket: 'sounds', prefix: '' } },
  delivery: { kind: 'cloudfront', domainName: 'd1.cloudfront.net' },
};
const PRESIGNED: MediaStoreOptions = { ...CLOUDFRONT, delivery: { kind: 'presigned', expirySeconds: 3_600 } };

let now: number;
let clients: number;
beforeEach(() => {
  s3.reset();
  now = Date.UTC(2026, 10, 23);
  clients = 0;
});

function store(options: MediaStoreOptions = CLOUDFRONT): MediaStore {
  const client = new S3Client({ region: 'eu-west-1', credentials: CREDENTIALS });
  return new MediaStore(() => { clients += 1; return client; }, options, () => now);
}

const status = (httpStatusCode: number) => Object.assign(new Error(`status ${httpStatusCode}`), { $metadata: { httpStatusCode } });

describe('find', () => {
  test('describes the object behind the prefix', async () => {
    s3.on(HeadObjectCommand).resolves({ ContentLength: 5, ContentType: 'image/png', VersionId: 'v1', $metadata: {} });
    expect(await store().find('image', '春 a+b.png')).toEqual({ type: 'image', key: '春 a+b.png', bytes: 5, contentType: 'image/png', versionId: 'v1' });
    expect(s3.commandCalls(HeadObjectCommand)[0].args[0].input).toEqual({ Bucket: 'media', Key: 'image/春 a+b.png' });
  });

  test.each<[MediaType, object]>([
    ['image', { Bucket: 'media', Key: 'image/a' }], ['audio', { Bucket: 'sounds', Key: 'a' }],
  ])('looks for %s in the place of its type', async (type, input) => {
    s3.on(HeadObjectCommand).resolves({ ContentLength: 5 });
    expect(await store().find(type, 'a')).toMatchObject({ type, key: 'a', bytes: 5 });
    expect(s3.commandCalls(HeadObjectCommand)[0].args[0].input).toEqual(input);
  });

  test('tells which types have a place, and finds nothing of others', async () => {
    expect(store().types).toEqual(['image', 'audio']);
    expect(await store().find('video', 'a.mp4')).toBeUndefined();
    expect(s3.calls()).toEqual([]);
  });

  test('knows objects without content type and version', async () => {
    s3.on(HeadObjectCommand).resolves({});
    expect(await store().find('image', 'a.png')).toEqual({ type: 'image', key: 'a.png', bytes: 0, contentType: undefined, versionId: undefined });
  });

  test.each([400, 403, 404])('is undefined when S3 answers %i, and asks again', async (code) => {
    s3.on(HeadObjectCommand).rejectsOnce(status(code)).resolves({ ContentLength: 5 });
    const media = store();
    expect(await media.find('image', 'a.png')).toBeUndefined();
    expect(await media.find('image', 'a.png')).toMatchObject({ bytes: 5 });
  });

  test.each([[status(503)], [status(301)], [new Error('ECONNRESET')]])('fails when S3 fails: %s', async (error) => {
    s3.on(HeadObjectCommand).rejects(error);
    await expect(store().find('image', 'a.png')).rejects.toThrow(error.message);
  });

  test.each([[1_018, 1], [1_019, 0]])('asks for a key of %i bytes and its prefix of six %i times, since S3 takes 1,024', async (bytes, calls) => {
    s3.on(HeadObjectCommand).resolves({ ContentLength: 5 });
    expect((await store().find('image', 'x'.repeat(bytes)))?.bytes).toBe(calls ? 5 : undefined);
    expect(s3.commandCalls(HeadObjectCommand)).toHaveLength(calls);
  });

  test('remembers an object for half a minute', async () => {
    // GIVEN
    s3.on(HeadObjectCommand).resolvesOnce({ ContentLength: 5, VersionId: 'v1' }).resolves({ ContentLength: 6, VersionId: 'v2' });
    const media = store();
    await media.find('image', 'a.png');
    // WHEN, THEN
    now += 29_999;
    expect(await media.find('image', 'a.png')).toMatchObject({ versionId: 'v1' });
    now += 1;
    expect(await media.find('image', 'a.png')).toMatchObject({ versionId: 'v2' });
    expect(s3.commandCalls(HeadObjectCommand)).toHaveLength(2);
  });

  test('remembers equal keys of two types apart', async () => {
    s3.on(HeadObjectCommand, { Bucket: 'media' }).resolves({ ContentLength: 5 }).on(HeadObjectCommand, { Bucket: 'sounds' }).resolves({ ContentLength: 6 });
    const media = store();
    expect(await media.find('image', 'a')).toMatchObject({ type: 'image', bytes: 5 });
    expect(await media.find('audio', 'a')).toMatchObject({ type: 'audio', bytes: 6 });
  });

  test('asks once when many ask at the same time, and again when that failed', async () => {
    // GIVEN
    s3.on(HeadObjectCommand).rejectsOnce(status(503)).resolves({ ContentLength: 5 });
    const media = store();
    const many = () => Promise.allSettled(Array.from({ length: 500 }, () => media.find('image', 'a.png')));
    // WHEN, THEN
    expect(new Set((await many()).map(({ status: outcome }) => outcome))).toEqual(new Set(['rejected']));
    expect(s3.commandCalls(HeadObjectCommand)).toHaveLength(1);
    expect(new Set((await many()).map(({ status: outcome }) => outcome))).toEqual(new Set(['fulfilled']));
    expect(s3.commandCalls(HeadObjectCommand)).toHaveLength(2);
  });

  test('remembers a thousand objects at most', async () => {
    s3.on(HeadObjectCommand).resolves({ ContentLength: 5 });
    const media = store();
    for (let n = 0; n <= 1_000; n++) {
      await media.find('image', `${n}.png`);
    }
    await media.find('image', '1000.png');
    expect(s3.commandCalls(HeadObjectCommand)).toHaveLength(1_001);
    await media.find('image', '0.png');
    expect(s3.commandCalls(HeadObjectCommand)).toHaveLength(1_002);
  });
});

describe('url', () => {
  test('goes through CloudFront without asking S3', async () => {
    expect(await store().url({ type: 'image', key: 'a b.png', bytes: 5, versionId: 'v1' })).toBe('https://d1.cloudfront.net/image/v1/a%20b.png');
    expect(clients).toBe(0);
  });

  test('is pre-signed for the object\'s version', async () => {
    // WHEN
    const url = new URL(await store(PRESIGNED).url({ type: 'image', key: '春 a+b.png', bytes: 5, versionId: 'v1' }));
    // THEN
    expect(url.origin + url.pathname).toBe('https://media.s3.eu-west-1.amazonaws.com/image/%E6%98%A5%20a%2Bb.png');
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      'versionId': 'v1', 'X-Amz-Expires': '3600', 'X-Amz-Algorithm': 'AWS4-HMAC-SHA256', 'X-Amz-Security-Token': 'session', 'X-Amz-SignedHeaders': 'host',
    });
  });

  test('of an imagemap goes through CloudFront with the versions of its images, and cannot be pre-signed', () => {
    const images = ['240', '300', '460', '700', '1040'].map((size) => ({ type: 'image' as const, key: `map/${size}`, bytes: 5, versionId: `v${size}` }));
    expect(store().imagemapUrl('map', images)).toBe('https://d1.cloudfront.net/image/v240~v300~v460~v700~v1040/map');
    expect(store(PRESIGNED).imagemapUrl('map', images)).toBeUndefined();
    expect(clients).toBe(0);
  });

  test('is pre-signed without a version where the bucket has none', async () => {
    const url = new URL(await store(PRESIGNED).url({ type: 'image', key: 'a.png', bytes: 5 }));
    expect(url.searchParams.has('versionId')).toBe(false);
  });
});
