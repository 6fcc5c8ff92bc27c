import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { ENV_CHANNEL_NAME, ENV_PINPOINT_APPLICATION_ID, ENV_PINPOINT_REGION } from '../../contract/environment';
import { updatePinpointEndpoints } from '../../domain/audience/pinpoint-endpoint';
import { requireEnv } from '../../runtime/environment';
import { PinpointEndpoints } from '../../runtime/pinpoint-client';
import { StdoutTelemetry } from '../../runtime/telemetry';

const applicationId = requireEnv(ENV_PINPOINT_APPLICATION_ID);
const region = requireEnv(ENV_PINPOINT_REGION);
const telemetry = new StdoutTelemetry(requireEnv(ENV_CHANNEL_NAME));
const dependencies = { pinpoint: new PinpointEndpoints(applicationId, region), applicationId, region, telemetry };

/** Takes subscriber changes from the audience's queue to the endpoints of a Pinpoint project. */
export const handler = async (event: SQSEvent): Promise<SQSBatchResponse> => {
  try {
    return await updatePinpointEndpoints(event.Records, dependencies);
  } finally {
    telemetry.flush();
  }
};
