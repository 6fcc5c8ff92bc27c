import { createServer } from 'node:http';
import { AddressInfo } from 'node:net';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { AWS_CLIENT_OPTIONS } from '../../src/runtime/aws-client-options';

test('a service that takes the connection and never answers is given up', async () => {
  // GIVEN
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new SecretsManagerClient({
    ...AWS_CLIENT_OPTIONS,
    requestHandler: { ...AWS_CLIENT_OPTIONS.requestHandler, requestTimeout: 50 },
    region: 'eu-west-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
  // WHEN
  const reading = client.send(new GetSecretValueCommand({ SecretId: 'x' }));
  // THEN
  await expect(reading).rejects.toMatchObject({ name: 'TimeoutError', $metadata: { attempts: 3 } });
  server.closeAllConnections();
  server.close();
});
