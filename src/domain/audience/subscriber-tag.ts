import { createHash } from 'node:crypto';
import { TAG_SHARDS } from '../../contract/subscriber';

/** The shard of a tag that holds the row of a person. Never changed: rows would not be found again. */
export function tagShard(lineUserId: string): number {
  return createHash('sha256').update(lineUserId).digest()[0] % TAG_SHARDS;
}
