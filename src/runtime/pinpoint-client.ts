import { DeleteEndpointCommand, PinpointClient, UpdateEndpointCommand } from '@aws-sdk/client-pinpoint';
import { AWS_CLIENT_OPTIONS } from './aws-client-options';
import { PinpointAnswer, PinpointEndpoint, PinpointEndpointApi } from '../domain/audience/pinpoint-endpoint';

/**
 * The endpoints of one Pinpoint project, in the project's region.
 * Needs `mobiletargeting:UpdateEndpoint` and `mobiletargeting:DeleteEndpoint` on `apps/<id>/endpoints/*`.
 */
export class PinpointEndpoints implements PinpointEndpointApi {
  private readonly client: PinpointClient;

  /** @param attemptTimeoutMs milliseconds that one attempt may take; three of them are what a dead Pinpoint costs a batch */
  constructor(private readonly applicationId: string, region: string, attemptTimeoutMs: number = AWS_CLIENT_OPTIONS.requestHandler.requestTimeout) {
    this.client = new PinpointClient({
      ...AWS_CLIENT_OPTIONS,
      region,
      requestHandler: { ...AWS_CLIENT_OPTIONS.requestHandler, requestTimeout: attemptTimeoutMs },
    });
  }

  public async update(endpointId: string, endpoint: PinpointEndpoint): Promise<PinpointAnswer> {
    return answer(this.client.send(new UpdateEndpointCommand({
      ApplicationId: this.applicationId, EndpointId: endpointId, EndpointRequest: endpoint,
    })));
  }

  public async delete(endpointId: string): Promise<PinpointAnswer> {
    return answer(this.client.send(new DeleteEndpointCommand({ ApplicationId: this.applicationId, EndpointId: endpointId })));
  }
}

async function answer(call: Promise<unknown>): Promise<PinpointAnswer> {
  try {
    await call;
    return { kind: 'done' };
  } catch (error) {
    const { name, message, code, $metadata } = error as Error & { code?: string; $metadata?: { httpStatusCode?: number } };
    return { kind: 'refused', status: $metadata?.httpStatusCode, name: code ?? name, message };
  }
}
