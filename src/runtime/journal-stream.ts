import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { batchFromItem, isBatchItem, runFromItem } from './send-journal-store';
import { streamImage } from './stream-image';
import { JOURNAL_PARTITION_KEY, JOURNAL_SORT_KEY, QuotaNotice, SORT_KEY_QUOTA, SORT_KEY_RUN, quotaPartitionKey, runPartitionKey } from '../contract/send-journal';
import { JournalChange, JournalRecord } from '../domain/line/publish-outcomes';

type Item = Record<string, AttributeValue>;

/** Reads a record of the send journal's stream, which holds new and old images. Never throws: what cannot be read says so. */
export function journalRecord({ dynamodb }: DynamoDBRecord): JournalRecord {
  const { NewImage, OldImage, SequenceNumber } = dynamodb!;
  return { sequenceNumber: SequenceNumber!, change: NewImage ? readChange(streamImage(NewImage), OldImage && streamImage(OldImage)) : { kind: 'other' } };
}

function readChange(after: Item, before?: Item): JournalChange {
  try {
    const { [JOURNAL_PARTITION_KEY]: { S: pk = '' }, [JOURNAL_SORT_KEY]: { S: sk } } = after;
    // An aggregation unit, whose row has its name for a sort key, may be called `RUN`.
    if (sk === SORT_KEY_RUN && pk.endsWith(runPartitionKey(''))) {
      return { kind: 'run', before: before && runFromItem(before), after: runFromItem(after) };
    }
    if (sk === SORT_KEY_QUOTA && pk.startsWith(quotaPartitionKey(''))) {
      return before ? { kind: 'other' } : { kind: 'quota', notice: quotaFromItem(after) };
    }
    return isBatchItem(after) ? { kind: 'batch', before: before && batchFromItem(before), after: batchFromItem(after) } : { kind: 'other' };
  } catch (error) {
    // Not the message, which may quote the row.
    const { [JOURNAL_PARTITION_KEY]: pk, [JOURNAL_SORT_KEY]: sk } = after;
    return { kind: 'unreadable', reason: `${(error as Error).name} in row ${pk.S} ${sk.S}` };
  }
}

function quotaFromItem({ noticedAt, quota, used }: Item): QuotaNotice {
  return { noticedAt: number(noticedAt), ...(quota && { quota: number(quota) }), ...(used && { used: number(used) }) };
}

function number({ N }: AttributeValue): number {
  if (N === undefined) {
    throw new TypeError('not a number');
  }
  return Number(N);
}
