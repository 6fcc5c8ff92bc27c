import { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { AttributeValue as StreamValue, DynamoDBRecord } from 'aws-lambda';
import { SendBatch } from '../../src/contract/send-journal';
import { DynamoSendJournal } from '../../src/runtime/send-journal-store';

export type Item = Record<string, AttributeValue>;

/** A batch's row, as the journal writes it. */
export async function journalItem(batch: SendBatch): Promise<Item> {
  let item: Item | undefined;
  const client = { send: async ({ input }: { input: { Item: Item } }) => { item = input.Item; } };
  await new DynamoSendJournal(client as unknown as DynamoDBClient, 'Journal', Date.now).create(batch);
  return item!;
}

/** The record of a change in the table's stream, as Lambda gets it: JSON, with base64 for bytes. */
export function streamRecord(sequenceNumber: string, after?: Item, before?: Item): DynamoDBRecord {
  const { pk, sk } = (after ?? before)!;
  return JSON.parse(JSON.stringify({
    eventID: `event-${sequenceNumber}`,
    eventName: after ? before ? 'MODIFY' : 'INSERT' : 'REMOVE',
    dynamodb: {
      SequenceNumber: sequenceNumber, Keys: { pk, sk }, ...(after && { NewImage: inStream(after) }), ...(before && { OldImage: inStream(before) }),
    },
  }));
}

function inStream(item: Item): Record<string, StreamValue> {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [
    name, value.B ? { B: Buffer.from(value.B).toString('base64') } : value as StreamValue,
  ]));
}
