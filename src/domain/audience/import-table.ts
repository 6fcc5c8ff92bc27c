import { ConditionalWrite } from './subscriber';
import { SubscriberRow, TagRow } from '../../contract/subscriber';

/** What became of a conditional write: the row as it is now, which is undefined where it does not exist, or was not asked for. */
export interface WriteAttempt {
  readonly written: boolean;
  readonly row?: Partial<SubscriberRow>;
}

/** The subscriber table of one channel, as an import sees it. Every method throws what DynamoDB throws. */
export interface ImportTable {
  /** Rows of people, at most 100, who may be named twice, as they are now. Who has none is not in the answer. */
  rows(userIds: readonly string[]): Promise<ReadonlyMap<string, Partial<SubscriberRow>>>;
  /** Writes a person's row if it is still the one that was read. */
  write(userId: string, write: ConditionalWrite): Promise<WriteAttempt>;
  /** Writes down that a person has a tag, unless that was done later already. */
  putTagRow(tag: string, userId: string, row: Pick<TagRow, 'taggedAt' | 'importId'>): Promise<void>;
  /** Removes the row of a tag, if it is still the one that was read. @returns whether it is gone */
  removeTagRow(tag: string, userId: string, row: Pick<TagRow, 'taggedAt' | 'importId'>): Promise<boolean>;
  /** Adds a tag to the person's row, or takes it out. Does nothing to someone unknown or erased. */
  setTag(userId: string, tag: string, present: boolean): Promise<void>;
  /** Rows of a shard of a tag, page by page. */
  tagRows(tag: string, shard: number): AsyncIterable<readonly TagRow[]>;
}
