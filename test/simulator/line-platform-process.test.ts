import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { messagingApi } from '@line/bot-sdk';
import { ControlServer, callControl } from '../../simulator/control';
import { faults } from '../../simulator/faults';
import { lineUserId } from '../../simulator/line-ids';
import { RemoteLinePlatform, connectLinePlatform, spawnLinePlatform } from '../../simulator/spawn-line-platform';

const ALICE = lineUserId('alice');

describe('the LINE stand-in in a process of its own', () => {
  let platform: RemoteLinePlatform;

  beforeAll(async () => { platform = await spawnLinePlatform({ longLivedTokens: ['token'] }); });
  afterAll(async () => platform.stop());

  test('serves the API and is driven from here', async () => {
    await platform.add({ userId: ALICE, displayName: 'Alice' });
    await platform.script('multicast', faults.status(503));
    const client = new messagingApi.MessagingApiClient({ channelAccessToken: 'token', baseURL: platform.url });
    const request = { to: [ALICE], messages: [{ type: 'text' as const, text: 'hello' }] };
    await expect(client.multicast(request)).rejects.toMatchObject({ status: 503 });
    await client.multicast(request);
    expect(await platform.received(ALICE)).toMatchObject([{ operation: 'multicast', messages: request.messages }]);
  });

  test('keeps its records when a sender is killed', async () => {
    const hold = await platform.hold('push');
    const key = randomUUID();
    const sender = spawnSync(process.execPath, ['-e', `
      const body = JSON.stringify({ to: '${ALICE}', messages: [{ type: 'text', text: 'from a sender that dies' }] });
      const headers = { 'authorization': 'Bearer token', 'content-type': 'application/json', 'x-line-retry-key': '${key}' };
      fetch('${platform.url}/v2/bot/message/push', { method: 'POST', headers, body });
      fetch('${platform.controlUrl}/held', { method: 'POST', body: '[${hold}]' }).then(() => process.kill(process.pid, 'SIGKILL'));
    `], { timeout: 10_000 });
    expect(sender.signal).toBe('SIGKILL');
    await platform.release(hold);
    expect(await platform.requests('push')).toMatchObject([{ retryKey: key, accepted: true }]);
    expect(await connectLinePlatform(platform.controlUrl).received(ALICE)).toContainEqual(expect.objectContaining({ retryKey: key }));
  });

  test('tells what it refuses', async () => {
    await expect(platform.block(lineUserId('nobody'))).rejects.toThrow(/is not known/);
  });
});

test('the process ends when it is told to', async () => {
  const platform = await spawnLinePlatform();
  await platform.stop();
  expect(() => process.kill(platform.pid, 0)).toThrow('ESRCH');
});

test('a process that cannot start says so', async () => {
  await expect(spawnLinePlatform({ botUserId: 'bot' })).rejects.toThrow(/ended with code 1/);
});

describe('a control server', () => {
  const target = { add: (a: number, b: number) => a + b, hidden: () => 'secret' };
  const server = new ControlServer(target, ['add']);
  let url: string;

  beforeAll(async () => { url = await server.start(); });
  afterAll(async () => server.stop());

  test('calls a method', async () => {
    expect(await callControl(url, 'add', [1, 2])).toBe(3);
  });

  test.each([
    ['a method not listed', 'hidden', [], /POST one of \/add, got POST \/hidden/],
    ['arguments that are no list', 'add', {} as unknown[], /must be a JSON array/],
  ])('refuses %s', async (_name, method, args, message) => {
    await expect(callControl(url, method, args)).rejects.toThrow(message);
  });
});
