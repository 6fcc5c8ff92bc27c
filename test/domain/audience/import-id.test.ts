import { followerSyncId, importIdOf, isFile } from '../../../src/domain/audience/import-id';

const event = (key: string, object: object = { sequencer: '1' }, name = 'files') => ({ detail: { bucket: { name }, object: { key, ...object } } });

test('an event delivered twice is one import', () => {
  expect(importIdOf(event('春 a+b.csv'), 'Import')).toBe(importIdOf(event('春 a+b.csv'), 'Import'));
  expect(importIdOf(event('a.csv'), 'Import')).toMatch(/^[0-9a-f]{24}$/);
});

test.each([
  event('b.csv'), event('a.csv', { sequencer: '2' }), event('a.csv', { 'version-id': 'v', 'sequencer': '1' }), event('a.csv', { etag: 'e' }), event('a.csv', {}, 'others'),
])('another object, or the same one written again, is another import: %j', (other) => {
  expect(importIdOf(other, 'Import')).not.toBe(importIdOf(event('a.csv'), 'Import'));
});

test('another import of the same object has an id of its own', () => {
  expect(importIdOf(event('a.csv'), 'Shop')).not.toBe(importIdOf(event('a.csv'), 'Support'));
});

test('a synchronisation of followers is known by its event, or by its execution', () => {
  expect(followerSyncId({ id: 'e' }, '1')).toBe(followerSyncId({ id: 'e' }, '2'));
  expect(followerSyncId({}, '1')).not.toBe(followerSyncId({}, '2'));
});

test('a scheduled event is no file', () => {
  expect([isFile(event('a')), isFile({}), isFile({ id: 'e', detail: {} } as object)]).toEqual([true, false, false]);
});
