import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { mockClient } from 'aws-sdk-client-mock';
import { SecretReader, SecretReaderOptions } from '../../src/runtime/secret-reader';

const ARN = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:line-AbCdEf';
const manager = mockClient(SecretsManagerClient);
const DENIED = Object.assign(new Error('not authorized'), { name: 'AccessDeniedException' });
const RESET = new Error('reset');
const MESSAGE = 'the secret cannot be read: AccessDeniedException: not authorized';

let now: number;

beforeEach(() => {
  manager.reset();
  now = 1_000_000;
});

const reader = (options: SecretReaderOptions = {}) => new SecretReader(new SecretsManagerClient({ region: 'eu-west-1' }), ARN, { now: () => now, ...options });
const reads = () => manager.commandCalls(GetSecretValueCommand).length;
/** Each reading answers the next of these. */
const holds = (...outcomes: (string | Error)[]) => {
  const readings = manager.on(GetSecretValueCommand);
  for (const outcome of outcomes) {
    if (outcome instanceof Error) {
      readings.rejectsOnce(outcome);
    } else {
      readings.resolvesOnce({ SecretString: outcome });
    }
  }
};

describe('value', () => {
  test('reads the secret by its ARN, once for five minutes', async () => {
    // GIVEN
    holds('a', 'b');
    const subject = reader();
    // THEN
    expect(await subject.value()).toBe('a');
    expect(manager.commandCalls(GetSecretValueCommand)[0].args[0].input).toEqual({ SecretId: ARN });
    now += 299_999;
    expect(await subject.value()).toBe('a');
    now += 1;
    expect(await subject.value()).toBe('b');
    expect(reads()).toBe(2);
  });

  test('keeps for as long as told', async () => {
    holds('a', 'b');
    const subject = reader({ ttlMs: 20_000 });
    await subject.value();
    now += 20_000;
    expect(await subject.value()).toBe('b');
  });

  test('is read once for all who ask at the same time', async () => {
    holds('a', 'b');
    const subject = reader();
    expect(await Promise.all([subject.value(), subject.refresh(), subject.value()])).toEqual(['a', 'a', 'a']);
    expect(reads()).toBe(1);
  });

  test('of a binary secret is empty', async () => {
    manager.on(GetSecretValueCommand).resolves({ SecretBinary: new Uint8Array([1]) });
    expect(await reader().value()).toBe('');
  });

  test('fails while it cannot be read, and each time tries', async () => {
    holds(DENIED, DENIED, 'a');
    const subject = reader();
    await expect(subject.value()).rejects.toThrow(MESSAGE);
    await expect(subject.value()).rejects.toThrow(MESSAGE);
    expect(await subject.value()).toBe('a');
  });

  test('that has grown old stays in use while it cannot be read, and is tried every ten seconds', async () => {
    // GIVEN
    holds('a', RESET, RESET, 'b');
    const subject = reader();
    await subject.value();
    // WHEN
    now += 300_000;
    expect([await subject.value(), await subject.value()]).toEqual(['a', 'a']);
    expect(reads()).toBe(2);
    now += 10_000;
    expect(await subject.value()).toBe('a');
    now += 10_000;
    // THEN
    expect(await subject.value()).toBe('b');
  });

  test('is read once more by whoever waited for a reading of another that failed', async () => {
    holds(DENIED, 'a');
    const subject = reader();
    const first = subject.value();
    const second = subject.value();
    await expect(first).rejects.toThrow(MESSAGE);
    expect(await second).toBe('a');
  });

  test('is given up after the time of an attempt', async () => {
    // GIVEN a client that only ends when it is told to
    const client = { send: jest.fn(async (_command, { abortSignal }) => new Promise((_resolve, reject) => abortSignal.addEventListener('abort', () => reject(abortSignal.reason)))) };
    // THEN
    await expect(new SecretReader(client as unknown as SecretsManagerClient, ARN, { timeoutMs: 20 }).value()).rejects.toThrow('the secret cannot be read: TimeoutError');
  });
});

describe('a value that cannot be read again', () => {
  test('stands in for an hour after its reading, and each time that is told', async () => {
    // GIVEN
    holds('a', RESET, RESET);
    const onStale = jest.fn();
    const subject = reader({ onStale });
    await subject.value();
    // THEN
    now += 3_599_999;
    expect(await subject.value()).toBe('a');
    expect(onStale.mock.calls).toEqual([['Error']]);
    now += 10_000;
    await expect(subject.value()).rejects.toThrow('the secret cannot be read: Error: reset');
    expect(onStale).toHaveBeenCalledTimes(1);
  });

  test.each(['ResourceNotFoundException', 'AccessDeniedException', 'InvalidRequestException'])('is withdrawn at once by %s', async (name) => {
    // GIVEN
    holds('a', Object.assign(new Error('no'), { name }), 'b');
    const subject = reader();
    await subject.value();
    now += 10_000;
    // THEN
    await expect(subject.refresh()).rejects.toThrow(`the secret cannot be read: ${name}: no`);
    await expect(subject.refresh()).rejects.toThrow('the secret cannot be read');
    expect(await subject.value()).toBe('b');
  });
});

describe('refresh', () => {
  test('reads again, but not within ten seconds of the last reading', async () => {
    // GIVEN
    holds('a', 'b', 'c');
    const subject = reader();
    await subject.value();
    // THEN
    now += 9_999;
    expect(await subject.refresh()).toBe('a');
    now += 1;
    expect(await subject.refresh()).toBe('b');
    expect(await subject.refresh()).toBe('b');
    expect(await subject.value()).toBe('b');
    expect(reads()).toBe(2);
  });

  test('keeps the value when it cannot be read', async () => {
    holds('a', RESET);
    const subject = reader();
    await subject.value();
    now += 10_000;
    expect(await subject.refresh()).toBe('a');
    expect(reads()).toBe(2);
  });

  test('fails when there is no value, without another try within ten seconds', async () => {
    holds(DENIED, 'a');
    const subject = reader();
    await expect(subject.refresh()).rejects.toThrow(MESSAGE);
    await expect(subject.refresh()).rejects.toThrow(MESSAGE);
    expect(reads()).toBe(1);
    now += 10_000;
    expect(await subject.refresh()).toBe('a');
  });
});

test('uses the clock unless given another', async () => {
  holds('a');
  const subject = new SecretReader(new SecretsManagerClient({ region: 'eu-west-1' }), ARN);
  expect([await subject.value(), await subject.value()]).toEqual(['a', 'a']);
  expect(reads()).toBe(1);
});
