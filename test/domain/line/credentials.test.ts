import { CredentialsError, channelSecretOf, parseCredentials, sendingCredentialsOf } from '../../../src/domain/line/credentials';

const thrown = (call: () => unknown): CredentialsError => {
  try {
    call();
  } catch (error) {
    return error as CredentialsError;
  }
  throw new Error('nothing was thrown');
};

describe('parseCredentials', () => {
  const ALL = { channelId: '1', channelSecret: 's', channelAccessToken: 't' };

  test.each([
    ['default keys', ALL, {}, ALL],
    ['some of them', { channelSecret: 's' }, {}, { channelSecret: 's' }],
    ['values with white space around', { channelId: ' 1\n', channelSecret: '\ts ', channelAccessToken: 't\r\n' }, {}, ALL],
    ['a channel id stored as a number', { channelId: 1234567890 }, {}, { channelId: '1234567890' }],
    ['empty and blank values', { channelId: '', channelSecret: '  ', channelAccessToken: '\n' }, {}, {}],
    ['values that are no text', { channelId: null, channelSecret: { a: 1 }, channelAccessToken: ['t'] }, {}, {}],
    ['the AWS sample\'s keys', { YOUR_CHANNEL_SECRET: 's', YOUR_CHANNEL_ACCESS_TOKEN: 't' }, {}, { channelSecret: 's', channelAccessToken: 't' }],
    ['the AWS sample\'s placeholders', { YOUR_CHANNEL_SECRET: 'INSERT_CHANNEL_SECRET', YOUR_CHANNEL_ACCESS_TOKEN: 'INSERT_CHANNEL_TOKEN' }, {}, {}],
    ['the AWS sample\'s keys beside empty default ones', { channelSecret: '', YOUR_CHANNEL_SECRET: 's' }, {}, { channelSecret: 's' }],
    ['default keys before the AWS sample\'s', { channelSecret: 's', YOUR_CHANNEL_SECRET: 'old' }, {}, { channelSecret: 's' }],
    ['keys that the user named', { id: '1', channelSecret: 's' }, { channelId: 'id' }, { channelId: '1', channelSecret: 's' }],
    ['default names given as the user\'s', { YOUR_CHANNEL_SECRET: 's' }, { channelSecret: 'channelSecret' }, { channelSecret: 's' }],
    ['no other key than the one that the user named', { channelSecret: 's', YOUR_CHANNEL_SECRET: 's' }, { channelSecret: 'mine' }, {}],
    ['no member that every object has', {}, { channelId: 'constructor' }, {}],
  ])('reads %s', (_case, secret, fields, expected) => {
    expect(parseCredentials(JSON.stringify(secret), fields)).toEqual(expected);
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
    expect(error.message).toBe('the secret is empty or not a JSON object: store one like {"id":"…","channelSecret":"…"}');
  });
});

describe('channelSecretOf', () => {
  test('is the channel secret', () => {
    expect(channelSecretOf('{"channelSecret":" s "}')).toBe('s');
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
    ['id and secret, before a long-lived token', { channelId: '1', channelSecret: 's', channelAccessToken: 't' }, { kind: 'stateless', channelId: '1', channelSecret: 's' }],
    ['a long-lived token that is all there is', { channelAccessToken: 't' }, { kind: 'long-lived', channelAccessToken: 't' }],
    ['a long-lived token beside a lone id', { channelId: '1', channelAccessToken: 't' }, { kind: 'long-lived', channelAccessToken: 't' }],
    ['a long-lived token beside a lone secret', { channelSecret: 's', channelAccessToken: 't' }, { kind: 'long-lived', channelAccessToken: 't' }],
  ])('takes %s', (_case, secret, expected) => {
    expect(sendingCredentialsOf(JSON.stringify(secret))).toEqual(expected);
  });

  test.each([
    [{}, ['channelId', 'channelSecret']],
    [{ channelId: '1' }, ['channelSecret']],
    [{ channelSecret: 's' }, ['channelId']],
  ])('fails on %j naming what is missing', (secret, fields) => {
    // WHEN
    const error = thrown(() => sendingCredentialsOf(JSON.stringify(secret)));
    // THEN
    expect(error.fields).toEqual(fields);
    fields.forEach((field) => expect(error.message).toContain(`"${field}" (LINE Developers Console`));
    expect(error.message).toContain('or else for "channelAccessToken"');
  });
});
