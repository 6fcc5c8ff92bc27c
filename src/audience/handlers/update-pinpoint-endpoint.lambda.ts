import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { ENV_CHANNEL_NAME, ENV_PINPOINT_APPLICATION_ID, ENV_PINPOINT_REGION, ENV_SUBSCRIBER_TABLE } from '../../contract/environment';
import { UpdatePinpointEndpointsDependencies, updatePinpointEndpoints } from '../../domain/audience/pinpoint-endpoint';
import { AWS_CLIENT_OPTIONS } from '../../runtime/aws-client-options';
import { requireEnv } from '../../runtime/environment';
import { PinpointEndpoints } from '../../runtime/pinpoint-client';
import { DynamoSubscriberStore } from '../../runtime/subscriber-store';
import { StdoutTelemetry } from '../../runtime/telemetry';

const applicationId = requireEnv(ENV_PINPOINT_APPLICATION_ID);
const region = requireEnv(ENV_PINPOINT_REGION);
const dynamo = new DynamoDBClient(AWS_CLIENT_OPTIONS);
const tableName = requireEnv(ENV_SUBSCRIBER_TABLE);
const telemetry = new StdoutTelemetry(requireEnv(ENV_CHANNEL_NAME));
const dependencies: UpdatePinpointEndpointsDependencies = {
  pinpoint: new PinpointEndpoints(applicationId, region),
  readRow: async (channelKey, subscriberId) => new DynamoSubscriberStore(dynamo, tableName, channelKey).row(subscriberId),
  applicationId,
  region,
  telemetry,
};

/** Takes subscriber changes from the audience's queue to the endpoints of a Pinpoint project. */
export const handler = async (event: SQSEvent): Promise<SQSBatchResponse> => {
  try {
    return await updatePinpointEndpoints(event.Records, dependencies);
  } finally {
    telemetry.flush();
  }
};
