import { setTimeout as pause } from 'node:timers/promises';
import { FirehoseClient, PutRecordBatchCommand } from '@aws-sdk/client-firehose';

/** Records of one request, bytes of one, and bytes of all of them. Source: Amazon Data Firehose API reference, "PutRecordBatch". */
const MAX_RECORDS = 500;
const MAX_RECORD_BYTES = 1_000 * 1_024;
const MAX_REQUEST_BYTES = 4 * 1_024 * 1_024;

/** Attempts, with a growing pause between them: milliseconds of the first one, at most. */
const MAX_ATTEMPTS = 5;
const FIRST_PAUSE_MS = 200;

/**
 * The Firehose stream of engagement events. Needs `firehose:PutRecordBatch`. Every line gets its newline, which Firehose does
 * not add, and as many as fit share a record: they lie in the same object in the end, and Firehose's quotas count records.
 */
export class EngagementStream {
  constructor(
    private readonly client: FirehoseClient,
    private readonly streamName: string,
    private readonly sleep: (milliseconds: number) => Promise<unknown> = pause,
    private readonly random: () => number = Math.random,
  ) {}

  /**
   * Writes all of the lines, in order, or throws; then some may have been written.
   *
   * @throws what Firehose throws, and an error with its code when it takes some records in none of five attempts
   */
  public async put(lines: readonly string[]): Promise<void> {
    const records = packed(lines.map((line) => Buffer.from(`${line}\n`)), MAX_RECORD_BYTES).map((parts) => Buffer.concat(parts));
    for (const request of packed(records, MAX_REQUEST_BYTES, MAX_RECORDS)) {
      await this.putRecords(request);
    }
  }

  private async putRecords(records: readonly Buffer[], attempt = 1): Promise<void> {
    const { FailedPutCount, RequestResponses = [] } = await this.client.send(new PutRecordBatchCommand({
      DeliveryStreamName: this.streamName,
      Records: records.map((Data) => ({ Data })),
    }));
    if (!FailedPutCount) {
      return;
    }
    const { ErrorCode, ErrorMessage } = RequestResponses.find((response) => response.ErrorCode) ?? {};
    if (attempt === MAX_ATTEMPTS) {
      throw new Error(`Firehose stream ${this.streamName} did not take ${FailedPutCount} of ${records.length} records: ${ErrorCode} ${ErrorMessage}`);
    }
    await this.sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + this.random() / 2));
    // An answer that does not say which ones is taken for all of them.
    const failed = records.filter((_, index) => RequestResponses[index]?.ErrorCode !== undefined);
    await this.putRecords(failed.length > 0 ? failed : records, attempt + 1);
  }
}

/** Cuts a list into runs of no more bytes and members. A member that is larger on its own is left to whoever refuses it. */
function packed(members: readonly Buffer[], maxBytes: number, maxMembers = Infinity): Buffer[][] {
  const packs: Buffer[][] = [];
  let bytes = 0;
  for (const member of members) {
    if (packs.length === 0 || bytes + member.length > maxBytes || packs[packs.length - 1].length === maxMembers) {
      packs.push([]);
      bytes = 0;
    }
    packs[packs.length - 1].push(member);
    bytes += member.length;
  }
  return packs;
}
