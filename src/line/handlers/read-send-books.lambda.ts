import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ENV_JOURNAL_TABLE } from '../../contract/environment';
import { readBooksRequest } from '../../domain/line/books-request';
import { AWS_CLIENT_OPTIONS } from '../../runtime/aws-client-options';
import { requireEnv } from '../../runtime/environment';
import { BatchReport, readBatchReport, readRunBooks, RunBooks } from '../../runtime/send-books-reader';

const dynamoDb = new DynamoDBClient(AWS_CLIENT_OPTIONS);
const journalTable = requireEnv(ENV_JOURNAL_TABLE);

/** For operators: how many people of a run were reached, how many were not and why, and who; or where one batch is. */
export const handler = async (input: unknown): Promise<RunBooks | BatchReport> => {
  const request = readBooksRequest(input);
  return request.kind === 'run' ? readRunBooks(dynamoDb, journalTable, request) : readBatchReport(dynamoDb, journalTable, request);
};
