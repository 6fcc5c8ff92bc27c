import { credentialsTreatedAsExpired, credentialsWillNeedRefresh, defaultProvider } from '../../src/runtime/environment-credentials';

const NAMES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'] as const;
const before = NAMES.map((name) => process.env[name]);

const set = (...values: (string | undefined)[]) => NAMES.forEach((name, i) => {
  if (values[i] === undefined) {
    delete process.env[name];
  } else {
    process.env[name] = values[i];
  }
});

afterEach(() => set(...before));

test('credentials are those of the environment, read at every call', async () => {
  // GIVEN
  const provider = defaultProvider();
  set('id', 'key', 'token');
  expect(await provider()).toEqual({ accessKeyId: 'id', secretAccessKey: 'key', sessionToken: 'token' });
  // WHEN Lambda renews them
  set('id2', 'key2', 'token2');
  // THEN
  expect(await provider()).toEqual({ accessKeyId: 'id2', secretAccessKey: 'key2', sessionToken: 'token2' });
});

test('a session token is not needed', async () => {
  set('id', 'key', undefined);
  expect(await defaultProvider()()).toEqual({ accessKeyId: 'id', secretAccessKey: 'key', sessionToken: undefined });
});

test.each([[undefined, 'key'], ['id', undefined], ['', '']])('credentials that are missing fail by name (%p, %p)', async (id, key) => {
  set(id, key, undefined);
  await expect(defaultProvider()()).rejects.toThrow('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are missing from the environment');
});

test('credentials of the environment are never refreshed by the SDK', () => {
  expect([credentialsWillNeedRefresh(), credentialsTreatedAsExpired()]).toEqual([false, false]);
});
