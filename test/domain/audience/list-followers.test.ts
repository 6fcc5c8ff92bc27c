import * as fc from 'fast-check';
import { FreezeInput, FollowerSyncInput, ImportRow, WriteItem, importKey } from '../../../src/contract/imports';
import { followerSyncId } from '../../../src/domain/audience/import-id';
import { KnownPerson, ListFollowersDependencies, listFollowers } from '../../../src/domain/audience/list-followers';
import { LineAnswer } from '../../../src/domain/line/line-api';
import { ImportWorld, STARTED_AT, userId } from '../../support/import-world';

const MINUTE = 60_000;
const LONG_AGO = STARTED_AT - 1_000 * MINUTE;
const INPUT: FreezeInput<FollowerSyncInput> = { input: { id: 'event-1' }, execution: 'execution-1', startedAt: new Date(STARTED_AT).toISOString() };
const ID = followerSyncId(INPUT.input, INPUT.execution);

let world: ImportWorld;
let notified: string[];
let paths: string[];
let pauses: number[];

beforeEach(() => {
  world = new ImportWorld();
  notified = [];
  paths = [];
  pauses = [];
});

const ids = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => userId(from + index));
const known = (from: number, to: number, part: Partial<KnownPerson> = {}): KnownPerson[] => (
  ids(from, to).map((id) => ({ userId: id, isIn: true, subscriptionAt: LONG_AGO, ...part }))
);
const ok = (body: unknown): LineAnswer => ({ kind: 'response', status: 200, body: JSON.stringify(body) });

/** LINE's list and the table, page by page. */
function given(
  followers: readonly string[], people: readonly KnownPerson[], options: Partial<ListFollowersDependencies> = {}, pageSize = 1_000,
): ListFollowersDependencies {
  return {
    config: { allowReOptIn: world.allowReOptIn, maxAbsentPercent: 10 },
    objects: world.objects,
    telemetry: world.telemetry,
    line: {
      call: async ({ path }) => {
        paths.push(path);
        const start = Number(new URL(path, 'https://x').searchParams.get('start') ?? 0);
        const next = start + pageSize;
        return ok({ userIds: followers.slice(start, next), ...(next < followers.length && { next: String(next) }) });
      },
    },
    knownPeople: async (after = '0') => {
      const next = Number(after) + pageSize;
      return { people: people.slice(Number(after), next), ...(next < people.length && { next: String(next) }) };
    },
    notify: async ({ type }) => { notified.push(type); },
    remainingMs: () => 15 * MINUTE,
    sleep: async (milliseconds) => { pauses.push(milliseconds); },
    ...options,
  };
}

const stats = () => world.objects.json(importKey(ID, 'stats.json'));

/** The rows that the map is to write. */
function frozen(): ImportRow[] {
  const items: WriteItem[] = world.objects.jsonLines(importKey(ID, 'items.jsonl'));
  expect(items.map(({ number }) => number)).toEqual(items.map((_, index) => index));
  return items.flatMap(({ chunk }) => world.objects.jsonLines(chunk!.key));
}

const changes = () => Object.fromEntries(frozen().map(({ endpoint }) => [endpoint.Address, endpoint.OptOut]));
const expected = (optIn: string[], optOut: string[]) => Object.fromEntries([...optIn.map((id) => [id, 'NONE']), ...optOut.map((id) => [id, 'ALL'])]);

test('followers whom the table does not know are to become subscribers, subscribers whom LINE does not list are to be opted out', async () => {
  // GIVEN
  const people = [...known(1, 2_500), ...known(2_501, 2_600, { isIn: false })];
  // WHEN
  const answer = await listFollowers(INPUT, given([...ids(101, 2_550), ...ids(3_000, 9_100)], people));
  // THEN
  expect(answer).toEqual({ next: 'WRITE', importId: ID, items: { bucket: 'imports-bucket', key: importKey(ID, 'items.jsonl') } });
  expect(changes()).toEqual(expected(ids(3_000, 9_100), ids(1, 100)));
  expect(frozen().map(({ line }) => line).sort((a, b) => a - b)).toEqual(Array.from({ length: 6_201 }, (_, index) => index + 1));
  expect(new Set(frozen().map(({ at }) => at))).toEqual(new Set([STARTED_AT]));
  expect(world.objects.jsonLines(importKey(ID, 'items.jsonl'))).toHaveLength(3);
  expect(stats()).toEqual({ importId: ID, file: 'followers', startedAt: INPUT.startedAt, rows: 6_201, frozen: 6_201, ignored: 0, rejected: 0, leftOut: [] });
  expect(paths.slice(0, 2)).toEqual(['/v2/bot/followers/ids?limit=1000', '/v2/bot/followers/ids?limit=1000&start=1000']);
  expect(notified).toEqual(['started']);
  expect(JSON.stringify(world.telemetry.lines)).not.toContain(userId(1));
});

test('what is frozen is written by the same step as the rows of a file, and events of meanwhile win', async () => {
  // GIVEN
  for (const person of [1, 2, 3]) {
    await world.store.follow({ userId: userId(person), at: LONG_AGO, eventId: 'E' });
  }
  await listFollowers(INPUT, given(ids(3, 5), known(1, 3), { config: { allowReOptIn: false, maxAbsentPercent: 100 } }));
  await world.store.unfollow({ userId: userId(4), at: STARTED_AT + 1, eventId: 'F' }, 'OPT_OUT');
  await world.store.follow({ userId: userId(2), at: STARTED_AT + 1, eventId: 'F' });
  // WHEN
  for (const item of world.objects.jsonLines(importKey(ID, 'items.jsonl'))) {
    await world.run(item);
  }
  // THEN
  expect([1, 2, 3, 4, 5].map((person) => world.row(person)!.OptOut)).toEqual(['ALL', 'NONE', 'NONE', 'ALL', 'NONE']);
});

test('whoever followed shortly before, or since, is left alone', async () => {
  const young = [...known(101, 101, { subscriptionAt: STARTED_AT - 9 * MINUTE }), ...known(102, 102, { subscriptionAt: STARTED_AT + 1 })];
  const people = [...known(1, 100), ...young];
  await listFollowers(INPUT, given(ids(1, 95), people));
  expect(changes()).toEqual(expected([], ids(96, 100)));
});

test('a person whom a scan gives twice is looked at once', async () => {
  await listFollowers(INPUT, given([...ids(2, 20), userId(2)], [...known(1, 20), ...known(1, 2), ...known(1, 1, { isIn: false })]));
  expect(frozen()).toHaveLength(1);
  expect(changes()).toEqual(expected([], ids(1, 1)));
});

test('followers who are opted out or erased are to be subscribers again only with allowReOptIn', async () => {
  const people = [...known(1, 10), ...known(11, 12, { isIn: false })];
  await listFollowers(INPUT, given(ids(1, 11), people));
  expect(changes()).toEqual({});
  world = new ImportWorld(true);
  await listFollowers(INPUT, given(ids(1, 11), people));
  expect(changes()).toEqual(expected(ids(11, 11), []));
});

test('when nothing is to be changed, the map has an item that does nothing', async () => {
  expect(await listFollowers(INPUT, given([], []))).toMatchObject({ next: 'WRITE' });
  const items: WriteItem[] = world.objects.jsonLines(importKey(ID, 'items.jsonl'));
  expect(items).toHaveLength(1);
  expect(await world.run(items[0])).toMatchObject({ created: 0, updated: 0 });
  expect(stats()).toMatchObject({ rows: 0 });
});

test.each([
  [11, 100, 10, 'REFUSE'],
  [10, 100, 10, 'WRITE'],
  [1, 1, 10, 'REFUSE'],
  [5, 5, 100, 'WRITE'],
  [1, 1_000, 0, 'REFUSE'],
] as const)('%d absent of %d subscribers, at most %d %%: %s', async (absent, subscribed, maxAbsentPercent, next) => {
  const config = { allowReOptIn: false, maxAbsentPercent };
  const answer = await listFollowers(INPUT, given([...ids(absent + 1, subscribed), ...ids(5_000, 5_001)], known(1, subscribed), { config }));
  expect(answer.next).toBe(next);
  if (next === 'REFUSE') {
    expect(stats().frozen).toBe(0);
    expect(stats().refused).toContain(`${absent} of ${subscribed} subscribers are not among them, more than maxAbsentPercent, ${maxAbsentPercent} %`);
    expect(world.objects.jsonLines(importKey(ID, 'items.jsonl'))).toEqual([]);
    expect(world.telemetry.codes).toContain('FOLLOWERS_REFUSED');
    // Asked again, it says the same.
    expect(await listFollowers(INPUT, given([], []))).toEqual(answer);
  }
});

describe('LINE', () => {
  const answering = (...answers: LineAnswer[]) => {
    let next = 0;
    return { call: async (): Promise<LineAnswer> => answers[Math.min(next++, answers.length - 1)] };
  };
  const status = (code: number): LineAnswer => ({ kind: 'response', status: code, requestId: 'r-1', body: '{"message":"no"}' });

  test('gives the list to verified and premium accounts only', async () => {
    expect(await listFollowers(INPUT, given([], known(1, 1), { line: answering(status(403)) }))).toEqual({ next: 'REFUSE', importId: ID });
    expect(stats().refused).toMatch(/^LINE lists followers to verified and premium accounts only, .*HTTP 403 \(x-line-request-id r-1\)\. Import an export file/);
    expect(pauses).toEqual([]);
  });

  test.each<LineAnswer>([
    status(400), status(401), { kind: 'not-called', message: 'channel id or channel secret is wrong', retryable: false },
  ])('refuses for good: %j', async (answer) => {
    expect(await listFollowers(INPUT, given([], [], { line: answering(answer) }))).toMatchObject({ next: 'REFUSE' });
    expect(stats().refused).toMatch(/^LINE does not list the channel's followers: /);
  });

  test.each<LineAnswer>([
    status(429), status(500), status(503), { kind: 'silence', reason: 'timeout' }, { kind: 'not-called', message: 'no token', retryable: true },
    { kind: 'response', status: 200, body: '{"userIds":["U' }, { kind: 'response', status: 200, body: 'null' },
  ])('is asked again after %j', async (answer) => {
    const line = answering(answer, answer, ok({ userIds: ids(1, 2) }));
    expect(await listFollowers(INPUT, given([], [], { line }))).toMatchObject({ next: 'WRITE' });
    expect(changes()).toEqual(expected(ids(1, 2), []));
    expect(pauses).toEqual([1_000, 2_000]);
  });

  test('that does not answer for long fails the step, which says why', async () => {
    await expect(listFollowers(INPUT, given([], [], { line: answering(status(500)) }))).rejects.toThrow(
      'LINE did not list the channel\'s followers, 8 times: LINE answered HTTP 500 (x-line-request-id r-1)',
    );
    expect(stats()).toBeUndefined();
  });

  test('that does not answer until the time is over is asked again by the next invocation', async () => {
    const remaining = [15 * MINUTE, MINUTE - 1];
    const line = answering(status(500), status(500), ok({ userIds: ids(1, 2) }));
    const deps = given([], [], { line, remainingMs: () => remaining.shift() ?? 15 * MINUTE });
    expect(await listFollowers(INPUT, deps)).toEqual({ next: 'AGAIN', importId: ID });
    expect(await listFollowers(INPUT, deps)).toMatchObject({ next: 'WRITE' });
    expect(changes()).toEqual(expected(ids(1, 2), []));
  });

  test('may list other ids, which are left out', async () => {
    await listFollowers(INPUT, given([], [], { line: answering(ok({ userIds: [userId(1), 'Lmodule', 7] })) }));
    expect(changes()).toEqual(expected(ids(1, 1), []));
    expect(world.telemetry.lines).toContainEqual(expect.objectContaining({ code: 'FOLLOWER_IDS_LEFT_OUT', fields: { count: 2 } }));
  });
});

test('a second execution for the same event is left out', async () => {
  await listFollowers(INPUT, given(ids(1, 1), []));
  expect(await listFollowers({ ...INPUT, execution: 'execution-2' }, given([], []))).toEqual({ next: 'SKIP', importId: ID });
  expect(notified).toEqual(['started']);
  expect(followerSyncId({}, 'execution-1')).not.toBe(followerSyncId({}, 'execution-2'));
});

test('an invocation whose time is over goes on in the next, wherever that is', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 12 }), fc.boolean(), async (steps, crashes) => {
    world = new ImportWorld();
    const followers = [...ids(11, 5_000), ...ids(9_000, 16_000)];
    let left = steps;
    let failures = 0;
    const deps = given(followers, known(1, 5_000), { remainingMs: () => (left-- > 0 ? 15 * MINUTE : MINUTE - 1) }, 700);
    if (crashes) {
      // Every fifth write of an object ends the invocation.
      let writes = 0;
      const write = world.objects.write.bind(world.objects);
      world.objects.write = async (key, body) => {
        if (++writes % 150 === 0) {
          throw new Error('crash');
        }
        return write(key, body);
      };
    }
    let answer;
    let invocations = 0;
    do {
      left = steps;
      answer = await listFollowers(INPUT, deps).catch(() => { failures++; });
      expect(++invocations).toBeLessThan(200);
    } while (!answer || answer.next === 'AGAIN');
    expect(answer.next).toBe('WRITE');
    expect(invocations).toBeGreaterThan(2);
    expect(failures > 0).toBe(crashes);
    expect(changes()).toEqual(expected(ids(9_000, 16_000), ids(1, 10)));
    expect(frozen()).toHaveLength(7_011);
  }), { numRuns: 10 });
});
