import { CredentialsError, channelSecretOf, parseCredentials, sendingCredentialsOf } from '../../../src/domain/line/credentials';

const SECRET = '8c570fa6dd201bb328f1c1eac23a96d8';
const TOKEN = 'long-lived-access-token';

const thrown = (call: () => unknown): CredentialsError => {
  try {
    call();
  } catch (error) {
    return error as CredentialsError;
  }
  throw new Error('nothing was thrown');
};

describe('parseCredentials', () => {
  const ALL = { channelId: '1', channelSecret: SECRET, channelAccessToken: TOKEN };

  test.each([
    ['default keys', ALL, {}, ALL],
    ['some of them', { channelSecret: SECRET }, {}, { channelSecret: SECRET }],
    ['values with white space around', { channelId: ' 1\n', channelSecret: `\t${SECRET} `, channelAccessToken: `${TOKEN}\r\n` }, {}, ALL],
    ['a channel id stored as a number', { channelId: 1234567890 }, {}, { channelId: '1234567890' }],
    ['empty and blank values', { channelId: '', channelSecret: '  ', channelAccessToken: '\n' }, {}, {}],
    ['values that are no text', { channelId: null, channelSecret: { a: 1 }, channelAccessToken: ['t'] }, {}, {}],
    ['the AWS sample\'s keys', { YOUR_CHANNEL_SECRET: SECRET, YOUR_CHANNEL_ACCESS_TOKEN: TOKEN }, {}, { channelSecret: SECRET, channelAccessToken: TOKEN }],
    ['the AWS sample\'s placeholders', { YOUR_CHANNEL_SECRET: 'INSERT_CHANNEL_SECRET', YOUR_CHANNEL_ACCESS_TOKEN: 'INSERT_CHANNEL_TOKEN' }, {}, {}],
    ['the AWS sample\'s keys beside empty default ones', { channelSecret: '', YOUR_CHANNEL_SECRET: SECRET }, {}, { channelSecret: SECRET }],
    ['default keys before the AWS sample\'s', { channelSecret: SECRET, YOUR_CHANNEL_SECRET: `old${SECRET}` }, {}, { channelSecret: SECRET }],
    ['keys that the user named', { id: '1', channelSecret: SECRET }, { channelId: 'id' }, { channelId: '1', channelSecret: SECRET }],
    ['default names given as the user\'s', { YOUR_CHANNEL_SECRET: SECRET }, { channelSecret: 'channelSecret' }, { channelSecret: SECRET }],
    ['no other key than the one that the user named', { channelSecret: SECRET, YOUR_CHANNEL_SECRET: SECRET }, { channelSecret: 'mine' }, {}],
    ['no member that every object has', {}, { channelId: 'constructor' }, {}],
  ])('reads %s', (_case, secret, fields, expected) => {
    expect(parseCredentials(JSON.stringify(secret), fields)).toEqual(expected);
  });

  test.each([
    '…', '\u200b', 'REPLACE_ME', 'YOUR_CHANNEL_SECRET', 'YOUR_CHANNEL_ACCESS_TOKEN', '<channel secret>', 'x'.repeat(15), 'あ'.repeat(32), 1e20, 2 ** 40, true,
  ])('takes %j neither for a channel secret nor for a token', (value) => {
    expect(parseCredentials(JSON.stringify({ channelSecret: value, channelAccessToken: value }))).toEqual({});
  });

  test('takes no number that is no number for a channel secret', () => {
    expect(parseCredentials('{"channelId":1e400,"channelSecret":1e400,"channelAccessToken":12345678901234567890}')).toEqual({});
  });

  test.each(['…', '\u200b', '<channel id>', 'YOUR_CHANNEL_ID', 1.5])('takes %j for no channel id', (channelId) => {
    expect(parseCredentials(JSON.stringify({ channelId }))).toEqual({});
  });

  test.each([
    ['empty', ''],
    ['not JSON', 'top-secret-value'],
    ['cut off', '{"channelSecret":"top-secret-value'],
    ['a JSON text', '"top-secret-value"'],
    ['a JSON list', '["top-secret-value"]'],
    ['null', 'null'],
  ])('fails on a secret that is %s, and quotes nothing of it', (_case, secretString) => {
    // WHEN
    const error = thrown(() => parseCredentials(secretString, { channelId: 'id' }));
    // THEN
    expect(error).toBeInstanceOf(CredentialsError);
    expect(error).toMatchObject({ name: 'CredentialsError', code: 'CREDENTIALS_UNAVAILABLE', fields: [] });
    expect(error.message).toBe('the secret is empty or not a JSON object: store one like {"id":"<channel id>","channelSecret":"<channel secret>"}');
  });
});

describe('channelSecretOf', () => {
  test('is the channel secret', () => {
    expect(channelSecretOf(`{"channelSecret":" ${SECRET} "}`)).toBe(SECRET);
  });

  test('fails naming the key and where its value is found', () => {
    // WHEN
    const error = thrown(() => channelSecretOf('{"channelId":"1","secret":"","channelAccessToken":"top-secret-value"}', { channelSecret: 'secret' }));
    // THEN
    expect(error.fields).toEqual(['secret']);
    expect(error.message).toBe('the secret has no value for "secret" (LINE Developers Console, tab "Basic settings", "Channel secret"): fill it in');
  });
});

describe('sendingCredentialsOf', () => {
  test.each([
    ['id and secret, before a long-lived token', { channelId: '1', channelSecret: SECRET, channelAccessToken: TOKEN }, { kind: 'stateless', channelId: '1', channelSecret: SECRET }],
    ['a long-lived token that is all there is', { channelAccessToken: TOKEN }, { kind: 'long-lived', channelAccessToken: TOKEN }],
    ['a long-lived token beside a lone id', { channelId: '1', channelAccessToken: TOKEN }, { kind: 'long-lived', channelAccessToken: TOKEN }],
    ['a long-lived token beside a lone secret', { channelSecret: SECRET, channelAccessToken: TOKEN }, { kind: 'long-lived', channelAccessToken: TOKEN }],
  ])('takes %s', (_case, secret, expected) => {
    expect(sendingCredentialsOf(JSON.stringify(secret))).toEqual(expected);
  });

  test.each([
    [{}, ['channelId', 'channelSecret']],
    [{ channelId: '1' }, ['channelSecret']],
    [{ channelSecret: SECRET }, ['channelId']],
  ])('fails on %j naming what is missing', (secret, fields) => {
    // WHEN
    const error = thrown(() => sendingCredentialsOf(JSON.stringify(secret)));
    // THEN
    expect(error.fields).toEqual(fields);
    fields.forEach((field) => expect(error.message).toContain(`"${field}" (LINE Developers Console`));
    expect(error.message).toContain('or else for "channelAccessToken"');
  });
});
