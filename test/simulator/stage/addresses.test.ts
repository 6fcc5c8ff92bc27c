import { createServer, IncomingMessage, Server } from 'node:http';
import { AddressInfo } from 'node:net';
import { emulatorUrl, openAtEmulator } from '../../../simulator/stage/addresses';

test.each([
  { awsUrl: 'https://abc123.execute-api.us-east-1.amazonaws.com/prod/webhook', expected: 'http://127.0.0.1:4566/_aws/execute-api/abc123/prod/webhook' },
  { awsUrl: 'https://abc123.execute-api.us-east-1.amazonaws.com/webhook?a=b', expected: 'http://127.0.0.1:4566/_aws/execute-api/abc123/webhook?a=b' },
  { awsUrl: 'https://abc123.lambda-url.us-east-1.on.aws/', expected: 'http://127.0.0.1:4566/_aws/lambda-url/abc123/' },
  { awsUrl: 'https://media.example.com/x', expected: 'https://media.example.com/x' },
])('$awsUrl is $expected at the emulator', ({ awsUrl, expected }) => {
  expect(emulatorUrl(awsUrl, 'http://127.0.0.1:4566')).toBe(expected);
});

describe('opening a URL', () => {
  let server: Server;
  let seen: { request: IncomingMessage; body: string };
  beforeEach(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (bytes) => body += bytes).on('end', () => {
        seen = { request, body };
        response.writeHead(201, { 'content-type': 'image/png' }).end(Buffer.from([0, 255]));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));
  const endpoint = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  test('of CloudFront asks the emulator by the distribution\'s name, as if over https', async () => {
    const answer = await openAtEmulator('https://d111.cloudfront.net/image/v1/%E6%98%A5.png?x=1', endpoint());

    expect(answer).toMatchObject({ status: 201, body: Buffer.from([0, 255]), headers: { 'content-type': 'image/png' } });
    expect(seen.request.url).toBe('/image/v1/%E6%98%A5.png?x=1');
    expect(seen.request.headers).toMatchObject({ 'host': 'd111.cloudfront.net', 'x-forwarded-proto': 'https', 'cloudfront-forwarded-proto': 'https' });
  });

  test('of API Gateway passes method, headers and body on', async () => {
    await openAtEmulator('https://abc.execute-api.us-east-1.amazonaws.com/prod/webhook', endpoint(), {
      method: 'POST', headers: { 'x-line-signature': 's' }, body: '春',
    });

    expect(seen.request).toMatchObject({ method: 'POST', url: '/_aws/execute-api/abc/prod/webhook' });
    expect(seen.request.headers).toMatchObject({ 'x-line-signature': 's' });
    expect(seen.body).toBe('春');
  });

  test('fails when nothing answers', async () => {
    const gone = endpoint();
    await new Promise((resolve) => server.close(resolve));

    await expect(openAtEmulator('https://d111.cloudfront.net/x', gone)).rejects.toThrow(/ECONNREFUSED/);
  });
});
