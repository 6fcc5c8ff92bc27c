import { DynamoDBClient, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import * as fc from 'fast-check';
import { tagShard } from '../../src/domain/audience/subscriber-tag';
import { DynamoSubscriberStore } from '../../src/runtime/subscriber-store';
import { FakeDynamoDb } from '../support/fake-dynamodb';

const dynamo = mockClient(DynamoDBClient);
const USER = 'U0123456789abcdef0123456789abcdef';
const PK = `line#${USER}`;

let table: FakeDynamoDb;
let store: DynamoSubscriberStore;

beforeEach(() => {
  dynamo.reset();
  table = new FakeDynamoDb(dynamo);
  store = new DynamoSubscriberStore(new DynamoDBClient({ region: 'eu-west-1' }), 'Subscribers', 'line');
});

const row = () => table.row(PK, 'ENDPOINT');
const event = (at: number, eventId = `E${at}`) => ({ userId: USER, at, eventId });

const KEYS = { pk: { S: PK }, sk: { S: 'ENDPOINT' } };
const SUBSCRIBED = {
  ...KEYS,
  Address: { S: USER },
  ChannelType: { S: 'CUSTOM' },
  OptOut: { S: 'NONE' },
  EndpointStatus: { S: 'ACTIVE' },
  EffectiveDate: { S: '1970-01-01T00:00:01.000Z' },
  CreationDate: { S: '1970-01-01T00:00:01.000Z' },
  User: { M: { UserId: { S: USER }, UserAttributes: { M: {} } } },
  subscriptionAt: { N: '1000' },
  subscriptionEventId: { S: 'E1000' },
};
const tombstone = (at: number) => ({ ...KEYS, subscriptionAt: { N: String(at) }, subscriptionEventId: { S: `E${at}` }, erased: { BOOL: true } });

describe('follow', () => {
  test('stores a subscriber in Pinpoint\'s endpoint shape', async () => {
    expect(await store.follow(event(1000))).toBe('applied');
    expect(row()).toEqual(SUBSCRIBED);
    expect(dynamo.commandCalls(UpdateItemCommand)[0].args[0].input.TableName).toBe('Subscribers');
  });

  test('of the same event again changes nothing and is told apart', async () => {
    await store.follow(event(1000));
    expect(await store.follow(event(1000))).toBe('repeated');
    expect(row()).toEqual(SUBSCRIBED);
  });

  test('after an opt-out brings back what was known', async () => {
    // GIVEN
    await store.follow(event(1000));
    await store.profile(USER, { displayName: 'Aya', language: 'ja' }, 1500);
    await store.unfollow(event(2000), 'OPT_OUT');
    expect(row()?.OptOut).toEqual({ S: 'ALL' });
    // WHEN
    expect(await store.follow(event(3000))).toBe('applied');
    // THEN
    expect(row()).toMatchObject({
      OptOut: { S: 'NONE' },
      EffectiveDate: { S: '1970-01-01T00:00:03.000Z' },
      CreationDate: { S: '1970-01-01T00:00:01.000Z' },
      User: { M: { UserAttributes: { M: { DisplayName: { L: [{ S: 'Aya' }] }, Language: { L: [{ S: 'ja' }] } } } } },
    });
  });

  test('after an erasure starts afresh', async () => {
    await store.unfollow(event(500), 'DELETE');
    expect(await store.follow(event(1000))).toBe('applied');
    expect(row()).toEqual(SUBSCRIBED);
  });

  test('older than what is stored changes nothing', async () => {
    await store.follow(event(1000));
    expect(await store.follow(event(999))).toBe('outdated');
    expect(row()).toEqual(SUBSCRIBED);
  });

  test('keeps what somebody else stored about the person', async () => {
    // GIVEN
    table.items.set(`${PK} ENDPOINT`, { ...KEYS, User: { M: { UserId: { S: 'crm-7' } } }, CreationDate: { S: '2020-01-01T00:00:00.000Z' } });
    // WHEN
    await store.follow(event(1000));
    // THEN
    expect(row()).toEqual({ ...SUBSCRIBED, User: { M: { UserId: { S: 'crm-7' } } }, CreationDate: { S: '2020-01-01T00:00:00.000Z' } });
  });
});

describe('unfollow', () => {
  test('erases all but the clock', async () => {
    await store.follow(event(1000));
    await store.profile(USER, { displayName: 'Aya' }, 1500);
    expect(await store.unfollow(event(2000), 'DELETE')).toBe('applied');
    expect(row()).toEqual(tombstone(2000));
    expect(await store.unfollow(event(2000), 'DELETE')).toBe('repeated');
  });

  test.each([
    ['OPT_OUT', { ...SUBSCRIBED, OptOut: { S: 'ALL' } }],
    ['DELETE', tombstone(1000)],
  ] as const)('of an unknown person is kept by %s, so that an older follow does not win', async (mode, expected) => {
    expect(await store.unfollow(event(1000), mode)).toBe('applied');
    expect(await store.follow(event(999))).toBe('outdated');
    expect(row()).toEqual(expected);
  });

  test('that opts out leaves a tombstone one and moves its clock', async () => {
    await store.unfollow(event(1000), 'DELETE');
    expect(await store.unfollow(event(2000), 'OPT_OUT')).toBe('applied');
    expect(row()).toEqual(tombstone(2000));
    expect(await store.unfollow(event(1500), 'OPT_OUT')).toBe('outdated');
    expect(row()).toEqual(tombstone(2000));
  });
});

describe('an erasure of someone with tags', () => {
  const tagKey = (tag: string) => `TAG#line#${tag}#${tagShard(USER)}`;
  const givenTags = (...tags: string[]) => {
    table.items.set(`${PK} ENDPOINT`, { ...SUBSCRIBED, tags: { SS: tags } });
    tags.forEach((tag) => table.items.set(`${tagKey(tag)} ${USER}`, { pk: { S: tagKey(tag) }, sk: { S: USER }, taggedAt: { N: '1' } }));
  };

  test('removes their rows, before the row that names them', async () => {
    givenTags('vip', '春のセール');
    dynamo.on(PutItemCommand).rejectsOnce(new Error('down'));
    await expect(store.unfollow(event(2000), 'DELETE')).rejects.toThrow('down');
    expect([...table.items.keys()]).toEqual([`${PK} ENDPOINT`]);
    expect(row()?.tags).toEqual({ SS: ['vip', '春のセール'] });
  });

  test('removes the row of a tag that an import gave while it was at work', async () => {
    givenTags('vip', 'new');
    dynamo.on(GetItemCommand).resolves({ Item: { ...SUBSCRIBED, tags: { SS: ['vip'] } } });
    expect(await store.unfollow(event(2000), 'DELETE')).toBe('applied');
    expect([...table.items.keys()]).toEqual([`${PK} ENDPOINT`]);
    expect(row()).toEqual(tombstone(2000));
  });

  test.each([[event(999)], [event(1000, 'A')]])('keeps all when a newer event is stored: %j', async (older) => {
    givenTags('vip');
    expect(await store.unfollow(older, 'DELETE')).toBe('outdated');
    expect(table.items.size).toBe(2);
  });
});

describe('profile', () => {
  test('sets what is known and leaves the subscription alone', async () => {
    // GIVEN
    await store.follow(event(1000));
    await store.profile(USER, { displayName: 'Old', language: 'th' }, 1100);
    // WHEN
    const result = await store.profile(USER, { displayName: 'Aya', pictureUrl: 'https://example.com/aya' }, 1200);
    // THEN
    expect(result).toBe('applied');
    expect(row()).toEqual({
      ...SUBSCRIBED,
      attributesAt: { N: '1200' },
      User: {
        M: {
          UserId: { S: USER },
          UserAttributes: { M: { DisplayName: { L: [{ S: 'Aya' }] }, Language: { L: [{ S: 'th' }] }, PictureUrl: { L: [{ S: 'https://example.com/aya' }] } } },
        },
      },
    });
  });

  test.each([
    ['an unknown person', async () => {}],
    ['an erased person', async () => store.unfollow(event(1000), 'DELETE')],
    ['a newer profile', async () => { await store.follow(event(1000)); await store.profile(USER, { displayName: 'Newer' }, 1201); }],
  ])('is not stored over %s', async (_case, given) => {
    await given();
    const before = structuredClone(row());
    expect(await store.profile(USER, { displayName: 'Aya' }, 1200)).toBe('outdated');
    expect(row()).toEqual(before);
  });

  test.each([
    ['User', {}],
    ['User.UserAttributes', { User: { M: { UserId: { S: 'crm-7' } } } }],
  ])('makes the map %s where somebody else\'s row lacks it', async (_case, members) => {
    table.items.set(`${PK} ENDPOINT`, { ...KEYS, ...members });
    expect(await store.profile(USER, { displayName: 'Aya' }, 1200)).toBe('applied');
    expect(row()?.User?.M?.UserAttributes).toEqual({ M: { DisplayName: { L: [{ S: 'Aya' }] } } });
  });

  test('is outdated when the row goes while the maps are made', async () => {
    // GIVEN a row without the maps, and erased between two writes
    let writes = 0;
    dynamo.on(UpdateItemCommand).callsFake(() => {
      writes++;
      throw Object.assign(new Error('refused'), { name: writes === 1 ? 'ValidationException' : 'ConditionalCheckFailedException' });
    });
    // WHEN THEN
    await expect(store.profile(USER, { displayName: 'Aya' }, 1200)).resolves.toBe('outdated');
    expect(writes).toBe(2);
  });

  test('fails when DynamoDB fails', async () => {
    dynamo.on(UpdateItemCommand).rejects(new Error('throttled'));
    await expect(store.profile(USER, { displayName: 'Aya' }, 1200)).rejects.toThrow('throttled');
    await expect(store.follow(event(1000))).rejects.toThrow('throttled');
  });
});

test.each([
  ['nobody', async () => {}, false],
  ['a follower', async () => store.follow(event(1)), true],
  ['someone opted out', async () => store.unfollow(event(1), 'OPT_OUT'), false],
  ['someone erased', async () => store.unfollow(event(1), 'DELETE'), false],
])('isSubscribed of %s', async (_case, given, expected) => {
  await given();
  expect(await store.isSubscribed(USER)).toBe(expected);
  expect(dynamo.commandCalls(GetItemCommand)[0].args[0].input.ConsistentRead).toBe(true);
});

test('a handled event is remembered for 15 days, per channel', async () => {
  // GIVEN
  expect(await store.isHandled('01H')).toBe(false);
  // WHEN
  await store.markHandled('01H', Date.UTC(2026, 10, 1, 12));
  // THEN
  expect(await store.isHandled('01H')).toBe(true);
  expect(table.row('EVENT#line#01H', 'EVENT')?.expiresAt).toEqual({ N: String(Date.UTC(2026, 10, 16, 12) / 1000) });
});

test.each(['OPT_OUT', 'DELETE'] as const)('with %s, any order and repetition of events ends in the state of the newest', async (mode) => {
  const subscription = fc.record({ at: fc.integer({ min: 1, max: 4 }), id: fc.constantFrom('A', 'B', 'C'), type: fc.constantFrom('follow', 'unfollow') });
  await fc.assert(fc.asyncProperty(fc.array(subscription, { minLength: 1, maxLength: 12 }), async (given) => {
    // GIVEN events as LINE has them, each id and time once, delivered in any order and some of them again
    const first = new Map(given.map((one) => [`${one.at}${one.id}`, one.type]));
    const delivered = given.map(({ at, id }) => ({ at, id, type: first.get(`${at}${id}`)! }));
    table.items.clear();
    // WHEN
    for (const { at, id, type } of delivered) {
      await (type === 'follow' ? store.follow(event(at, id)) : store.unfollow(event(at, id), mode));
    }
    // THEN
    const newest = [...delivered].sort((a, b) => a.at - b.at || a.id.localeCompare(b.id)).at(-1)!;
    expect(row()).toMatchObject({ subscriptionAt: { N: String(newest.at) }, subscriptionEventId: { S: newest.id } });
    expect(await store.isSubscribed(USER)).toBe(newest.type === 'follow');
    if (newest.type === 'unfollow') {
      expect(row()?.erased).toEqual(mode === 'DELETE' ? { BOOL: true } : undefined);
      expect(row()?.OptOut).toEqual(mode === 'DELETE' ? undefined : { S: 'ALL' });
    } else {
      expect(row()).toMatchObject({ OptOut: { S: 'NONE' }, EndpointStatus: { S: 'ACTIVE' }, EffectiveDate: { S: new Date(newest.at).toISOString() } });
    }
  }), { numRuns: 300 });
});
