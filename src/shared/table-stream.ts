import { Duration } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as sqs from 'aws-cdk-lib/aws-sqs';

/** Longest that a record waits in the stream for a reader that fails; the stream forgets after 24 hours. */
const MAX_RECORD_AGE = Duration.hours(23);

/** How a function reads a table's stream. */
export interface TableStreamReading {
  readonly table: dynamodb.ITable;
  /** ARN of the table's stream. */
  readonly streamArn: string;
  /** Records of one invocation, at most. */
  readonly batchSize: number;
  /** Records that the function is invoked for; any of the patterns suffices. */
  readonly filters: { [key: string]: any }[];
  /** Told which part of the stream could not be read. */
  readonly deadLetterQueue: sqs.IQueue;
}

/**
 * Lets a function read a table's stream from the oldest record on. It says which records are to come again; one that fails
 * holds up its shard for 23 hours at most.
 *
 * @param id of the event source mapping, below the function
 */
export function readTableStream(reader: lambda.Function, id: string, reading: TableStreamReading): void {
  const { table, streamArn, batchSize, filters, deadLetterQueue } = reading;
  // Source: AWS Lambda, "Process DynamoDB records with Lambda", permissions; ListStreams knows no resource.
  table.encryptionKey?.grantDecrypt(reader);
  reader.grantPrincipal.addToPrincipalPolicy(new iam.PolicyStatement({
    actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
    resources: [streamArn],
  }));
  reader.grantPrincipal.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ['dynamodb:ListStreams'], resources: ['*'] }));
  reader.addEventSourceMapping(id, {
    eventSourceArn: streamArn,
    startingPosition: lambda.StartingPosition.TRIM_HORIZON,
    batchSize,
    bisectBatchOnError: true,
    reportBatchItemFailures: true,
    maxRecordAge: MAX_RECORD_AGE,
    onFailure: new SqsDlq(deadLetterQueue),
    filters,
  });
}
