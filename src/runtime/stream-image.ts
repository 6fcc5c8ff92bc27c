import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { AttributeValue as StreamValue } from 'aws-lambda';

/**
 * An item as the AWS SDK reads it, from the image of it in a record of a table's stream: Lambda gets binary values as base64.
 * Source: AWS Lambda, "Using AWS Lambda with Amazon DynamoDB"; Amazon DynamoDB Streams API reference, "AttributeValue".
 */
export function streamImage(image: { readonly [name: string]: StreamValue }): Record<string, AttributeValue> {
  return Object.fromEntries(Object.entries(image).map(([name, value]) => [name, streamValue(value)]));
}

function streamValue(value: StreamValue): AttributeValue {
  if (value.B !== undefined) {
    return { B: Buffer.from(value.B, 'base64') };
  }
  if (value.BS !== undefined) {
    return { BS: value.BS.map((bytes) => Buffer.from(bytes, 'base64')) };
  }
  if (value.L !== undefined) {
    return { L: value.L.map(streamValue) };
  }
  if (value.M !== undefined) {
    return { M: streamImage(value.M) };
  }
  return value as AttributeValue;
}
