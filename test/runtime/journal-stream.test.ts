import fc from 'fast-check';
import { BatchState, claimPartitionKey, pacePartitionKey, quotaPartitionKey, runPartitionKey, unitPartitionKey } from '../../src/contract/send-journal';
import { journalRecord } from '../../src/runtime/journal-stream';
import { Item, journalItem, streamRecord } from '../support/journal-items';
import { anyBatch, batchOf } from '../support/send-batches';

const RUN_ID = 'campaign/app/c1/0/a1';
const run: Item = { pk: { S: runPartitionKey(RUN_ID) }, sk: { S: 'RUN' }, runId: { S: RUN_ID }, refusedInRow: { N: '3' }, expiresAt: { N: '1' } };
const quota: Item = { pk: { S: quotaPartitionKey('2026-11-23T04') }, sk: { S: 'QUOTA' }, noticedAt: { N: '1000' }, expiresAt: { N: '1' } };

describe('a record of the journal\'s stream', () => {
  test('tells a batch before and after, bytes and all', async () => {
    const before = batchOf('-', [2], { state: BatchState.IN_FLIGHT, owner: 'o', leaseUntil: 5 });
    const after = batchOf('A', [2], { state: BatchState.ACCEPTED, requestIds: ['r-1'] });
    expect(journalRecord(streamRecord('7', await journalItem(after), await journalItem(before)))).toEqual({
      sequenceNumber: '7', change: { kind: 'batch', before, after },
    });
  });

  test('tells any batch that is made', async () => {
    await fc.assert(fc.asyncProperty(anyBatch, async (batch) => {
      expect(journalRecord(streamRecord('7', await journalItem(batch)))).toEqual({ sequenceNumber: '7', change: { kind: 'batch', after: batch } });
    }));
  });

  test('tells what a run\'s batches share', () => {
    const read = { runId: RUN_ID, refusedInRow: 3, splitCalls: 0, validated: [] };
    expect(journalRecord(streamRecord('7', { ...run, stopped: { S: 'RUN_STOPPED' } }, run)).change).toEqual({
      kind: 'run', before: read, after: { ...read, stopped: 'RUN_STOPPED' },
    });
    expect(journalRecord(streamRecord('7', run)).change).toEqual({ kind: 'run', after: read });
  });

  test.each([
    ['without LINE\'s figures', {}, {}],
    ['with them', { quota: { N: '500' }, used: { N: '499' } }, { quota: 500, used: 499 }],
  ])('tells a used-up quota %s, once', (_case, attributes, figures) => {
    expect(journalRecord(streamRecord('7', { ...quota, ...attributes })).change).toEqual({ kind: 'quota', notice: { noticedAt: 1000, ...figures } });
    expect(journalRecord(streamRecord('7', { ...quota, ...attributes }, quota)).change).toEqual({ kind: 'other' });
  });

  test.each<[string, Item]>([
    ['a claim', { pk: { S: claimPartitionKey(RUN_ID, 'U1') }, sk: { S: 'CLAIM' }, batchId: { S: 'b' } }],
    ['a pace', { pk: { S: pacePartitionKey('push') }, sk: { S: 'PACE' }, next: { N: '1' } }],
    ...['spring', 'RUN', 'QUOTA'].map((unit): [string, Item] => [`the unit ${unit}`, { pk: { S: unitPartitionKey('2026-11') }, sk: { S: unit } }]),
    ['a row of a later version', { pk: { S: 'NEW' }, sk: { S: 'NEW' }, state: { S: 'ACCEPTED' } }],
  ])('says nothing of %s', (_case, item) => {
    expect(journalRecord(streamRecord('7', item))).toEqual({ sequenceNumber: '7', change: { kind: 'other' } });
  });

  test('says nothing of a row that was deleted, as time to live does', async () => {
    expect(journalRecord(streamRecord('7', undefined, await journalItem(batchOf('A', [1]))))).toEqual({ sequenceNumber: '7', change: { kind: 'other' } });
  });

  test.each<[string, (batch: Item) => Item, RegExp]>([
    ['reasons that are no JSON', (batch) => ({ ...batch, excluded: { S: '[["secret-id"' } }), /^SyntaxError in row campaign\/app\/c1\/0\/a1#3 p-000$/],
    ['no expiry', ({ expiresAt, ...batch }) => batch, /^TypeError in row campaign/],
    ['a quota without a time', () => ({ pk: quota.pk, sk: quota.sk }), /^TypeError in row QUOTA#2026-11-23T04 QUOTA$/],
    ['a quota whose time is no number', () => ({ ...quota, noticedAt: { S: 'now' } }), /^TypeError in row QUOTA/],
  ])('that cannot be read says which row, and nothing of what is in it: %s', async (_case, broken, reason) => {
    const { change } = journalRecord(streamRecord('7', broken(await journalItem(batchOf('A', [1])))));
    expect(change).toEqual({ kind: 'unreadable', reason: expect.stringMatching(reason) });
  });
});
