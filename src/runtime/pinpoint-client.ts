import { DeleteEndpointCommand, PinpointClient, UpdateEndpointCommand } from '@aws-sdk/client-pinpoint';
import { PinpointAnswer, PinpointEndpoint, PinpointEndpointApi } from '../domain/audience/pinpoint-endpoint';

/**
 * Attempts of one call, with the SDK's growing pauses between them. Few, because the queue is the patient one.
 * Source: AWS SDKs and Tools Reference Guide, "Retry behavior", standard mode.
 */
const MAX_ATTEMPTS = 3;

/** Milliseconds until a connection must stand. */
const CONNECTION_TIMEOUT_MS = 1_000;

/**
 * The endpoints of one Pinpoint project, in the project's region.
 * Needs `mobiletargeting:UpdateEndpoint` and `mobiletargeting:DeleteEndpoint` on `apps/<id>/endpoints/*`.
 */
export class PinpointEndpoints implements PinpointEndpointApi {
  private readonly client: PinpointClient;

  /** @param attemptTimeoutMs milliseconds that one attempt may take; three of them are what a dead Pinpoint costs a batch */
  constructor(private readonly applicationId: string, region: string, attemptTimeoutMs: number = 3_000) {
    this.client = new PinpointClient({
      region,
      maxAttempts: MAX_ATTEMPTS,
      requestHandler: { connectionTimeout: CONNECTION_TIMEOUT_MS, requestTimeout: attemptTimeoutMs, throwOnRequestTimeout: true },
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
