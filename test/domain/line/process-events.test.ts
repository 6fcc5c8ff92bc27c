import { Metric } from '../../../src/contract/metrics';
import { LineEvent } from '../../../src/contract/webhook-events';
import { SubscriptionResult } from '../../../src/domain/audience/subscriber';
import { LineAnswer, LineRequest } from '../../../src/domain/line/line-api';
import { BusEvent, ProcessEventsDependencies, destinationCheck, processEvents } from '../../../src/domain/line/process-events';
import { RecordedTelemetry } from '../../support/recorded-telemetry';

const BOT = 'U8e742f61d673b39c7fff3cecb7536ef0';
const AYA = `U${'a'.repeat(32)}`;
const BEN = `U${'b'.repeat(32)}`;
const NOW = Date.UTC(2026, 10, 23);
const DAY = 24 * 60 * 60 * 1000;
/** Time of the events, LINE's clock. */
const AT = NOW - 1000;

/** What the worker did, one line a step, and what its surroundings do. */
class World {
  public readonly telemetry = new RecordedTelemetry();
  public readonly steps: string[] = [];
  public readonly published: BusEvent[] = [];
  public readonly requests: LineRequest[] = [];
  public readonly handled = new Set<string>();
  public result: SubscriptionResult = 'applied';
  public profile: LineAnswer = { kind: 'response', status: 200, body: '{"displayName":"Aya","language":"ja","pictureUrl":"https://example.com/aya"}' };
  /** Steps that fail, by their beginning. */
  public failing: string[] = [];
  public includePicture = false;
  /** What the bus says to an event that it refuses for ever. */
  public refusal?: string;
  public remainingMs = 30_000;
  /** Steps that never end, by their beginning. */
  public hanging: string[] = [];
  /** Milliseconds of the sleeps that were asked for. */
  public readonly sleeps: number[] = [];
  public unsubscribe: 'OPT_OUT' | 'DELETE' = 'OPT_OUT';

  private async step(step: string): Promise<void> {
    this.steps.push(step);
    if (this.failing.some((beginning) => step.startsWith(beginning))) {
      throw new Error(`${step} failed`);
    }
    if (this.hanging.some((beginning) => step.startsWith(beginning))) {
      await new Promise(() => undefined);
    }
  }

  public async process(...bodies: (object | string)[]) {
    const deps: ProcessEventsDependencies = {
      channelKey: 'line',
      unsubscribe: this.unsubscribe,
      includePicture: this.includePicture,
      isOwnDestination: async (destination) => destination === BOT,
      subscribers: {
        follow: async ({ userId, at, eventId }) => {
          await this.step(`follow ${userId} ${at} ${eventId}`);
          return this.result;
        },
        unfollow: async ({ userId, at, eventId }, mode) => {
          await this.step(`unfollow ${userId} ${at} ${eventId} ${mode}`);
          return this.result;
        },
        profile: async (userId, profile, readAt) => {
          await this.step(`profile ${userId} ${readAt} ${JSON.stringify(profile)}`);
          return 'applied';
        },
        isSubscribed: async () => { throw new Error('not asked by the worker'); },
        isHandled: async (eventId) => this.handled.has(eventId),
        markHandled: async (eventId, now) => {
          await this.step(`mark ${eventId} ${now}`);
          this.handled.add(eventId);
        },
      },
      line: {
        call: async (request) => {
          this.requests.push(request);
          return this.profile;
        },
      },
      publish: async (event) => {
        await this.step(`publish ${event.detail.webhookEventId}`);
        if (this.refusal === undefined) {
          this.published.push(event);
        }
        return this.refusal;
      },
      deferProfile: async ({ userId }, delaySeconds) => this.step(`defer ${userId} ${delaySeconds}`),
      telemetry: this.telemetry,
      now: () => NOW,
    };
    return processEvents(bodies.map((body, n) => ({
      messageId: `m${n}`,
      body: typeof body === 'string' ? body : JSON.stringify(body),
      attributes: { MessageGroupId: (body as { event?: LineEvent }).event?.source?.userId ?? `g${n}` },
    })), deps, {
      remainingMs: () => this.remainingMs,
      sleep: async (milliseconds, signal) => {
        this.sleeps.push(milliseconds);
        // A hanging step is waited for until the time is up, the others are done at once.
        return new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
          if (this.hanging.length > 0) {
            setImmediate(resolve);
          }
        });
      },
    });
  }
}

const queued = (type: string, event: object = {}, destination = BOT) => ({
  destination,
  event: { type, mode: 'active', timestamp: AT, webhookEventId: '01', deliveryContext: { isRedelivery: false }, source: { type: 'user', userId: AYA }, ...event },
});
const failed = (...ids: string[]) => ({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) });
const counts = (entries: [Metric, number][]) => Object.fromEntries(entries);

let world: World;

beforeEach(() => {
  world = new World();
});

describe('follow', () => {
  test('stores the subscriber, then the profile, then publishes, then remembers', async () => {
    // WHEN
    const response = await world.process(queued('follow'));
    // THEN
    expect(response).toEqual(failed());
    expect(world.steps).toEqual([
      `follow ${AYA} ${AT} 01`,
      `profile ${AYA} ${NOW} {"displayName":"Aya","language":"ja"}`,
      'publish 01',
      `mark 01 ${NOW}`,
    ]);
    expect(world.requests).toEqual([{ method: 'GET', path: `/v2/bot/profile/${AYA}`, timeoutMs: 2500 }]);
    expect(world.published).toEqual([{
      detailType: 'follow', time: AT, detail: { channelKey: 'line', destination: BOT, webhookEventId: '01', event: queued('follow').event },
    }]);
    expect(world.telemetry.counts).toEqual(counts([[Metric.SUBSCRIBERS_FOLLOWED, 1], [Metric.PROFILES_UPDATED, 1], [Metric.EVENTS_PUBLISHED, 1]]));
    expect(JSON.stringify(world.telemetry.lines)).not.toContain('Aya');
  });

  test('stores the picture only when asked to', async () => {
    world.includePicture = true;
    await world.process(queued('follow'));
    expect(world.steps).toContain(`profile ${AYA} ${NOW} {"displayName":"Aya","language":"ja","pictureUrl":"https://example.com/aya"}`);
  });

  test('in standby subscribes, too', async () => {
    await world.process(queued('follow', { mode: 'standby' }));
    expect(world.telemetry.counts[Metric.SUBSCRIBERS_FOLLOWED]).toBe(1);
  });

  test('that a rule replies to is published with the rule, and when LINE delivered it', async () => {
    await world.process({ ...queued('follow'), reply: 'follow', receivedAt: AT + 500 });
    expect(world.published.map(({ detail }) => detail)).toEqual([
      { channelKey: 'line', destination: BOT, webhookEventId: '01', event: queued('follow').event, reply: 'follow', receivedAt: AT + 500 },
    ]);
  });

  test('that had been stored before is not counted again, but its profile is read and it is published', async () => {
    world.result = 'repeated';
    await world.process(queued('follow'));
    expect(world.steps.map((step) => step.split(' ')[0])).toEqual(['follow', 'profile', 'publish', 'mark']);
    expect(world.telemetry.counts).toEqual(counts([[Metric.PROFILES_UPDATED, 1], [Metric.EVENTS_PUBLISHED, 1]]));
  });

  test('older than what is stored is published, and no profile is read', async () => {
    world.result = 'outdated';
    await world.process(queued('follow'));
    expect(world.steps.map((step) => step.split(' ')[0])).toEqual(['follow', 'publish', 'mark']);
    expect(world.requests).toEqual([]);
    expect(world.telemetry.counts).toEqual(counts([[Metric.EVENTS_OUTDATED, 1], [Metric.EVENTS_PUBLISHED, 1]]));
    expect(world.telemetry.codes).toEqual(['EVENT_OUTDATED']);
  });
});

test.each(['OPT_OUT', 'DELETE'] as const)('unfollow does what %s says', async (mode) => {
  world.unsubscribe = mode;
  await world.process(queued('unfollow'));
  expect(world.steps).toEqual([`unfollow ${AYA} ${AT} 01 ${mode}`, 'publish 01', `mark 01 ${NOW}`]);
  expect(world.telemetry.counts).toEqual(counts([[Metric.SUBSCRIBERS_UNFOLLOWED, 1], [Metric.EVENTS_PUBLISHED, 1]]));
});

describe('nobody is subscribed by', () => {
  test.each([
    ['message', { source: { type: 'group', groupId: 'C1', userId: AYA } }],
    ['join', { source: { type: 'group', groupId: 'C1' } }],
    ['memberJoined', { source: { type: 'room', roomId: 'R1' }, joined: { members: [{ type: 'user', userId: AYA }] } }],
    ['accountLink', { source: undefined }],
    ['somethingNew', { source: 'text', strange: { nested: [1, null] } }],
  ])('%s, which is published', async (type, event) => {
    // WHEN
    const response = await world.process(queued(type, event));
    // THEN
    expect(response).toEqual(failed());
    expect(world.steps).toEqual(['publish 01', `mark 01 ${NOW}`]);
    expect(world.published[0]).toMatchObject({ detailType: type, detail: { event: JSON.parse(JSON.stringify(queued(type, event).event)) } });
    expect(world.telemetry.counts).toEqual(counts([[Metric.EVENTS_PUBLISHED, 1]]));
  });

  test.each([
    ['follow', 'without a source', undefined],
    ['follow', 'without a user id', { type: 'user' }],
    ['follow', 'of a group', { type: 'group', groupId: 'C1', userId: AYA }],
    ['unfollow', 'of a module channel\'s id', { type: 'user', userId: `L${'a'.repeat(67)}` }],
    ['follow', 'with an id in upper case', { type: 'user', userId: AYA.toUpperCase() }],
    ['follow', 'with an id that is a list', { type: 'user', userId: [AYA] }],
    ['follow', 'with a source of null', null],
  ])('a %s %s, which is set aside by name and published', async (type, _case, source) => {
    await world.process(queued(type, { source }));
    expect(world.steps).toEqual(['publish 01', `mark 01 ${NOW}`]);
    expect(world.telemetry.counts).toEqual(counts([[Metric.EVENTS_SET_ASIDE, 1], [Metric.EVENTS_PUBLISHED, 1]]));
    expect(world.telemetry.lines).toEqual([expect.objectContaining({ code: 'FOLLOWER_WITHOUT_USER_ID', fields: { eventId: '01' } })]);
  });
});

describe('a profile', () => {
  test.each<[string, LineAnswer]>([
    ['nobody there', { kind: 'response', status: 404, body: '{"message":"Not found"}' }],
    ['an id that LINE does not take', { kind: 'response', status: 400, body: '' }],
  ])('that LINE does not have (%s) is let be', async (_case, answer) => {
    world.profile = answer;
    expect(await world.process(queued('follow'))).toEqual(failed());
    expect(world.steps.map((step) => step.split(' ')[0])).toEqual(['follow', 'publish', 'mark']);
    expect(world.telemetry.codes).toEqual(['PROFILE_NOT_AVAILABLE']);
  });

  test.each<[string, LineAnswer, string | RegExp]>([
    ['500', { kind: 'response', status: 500, requestId: 'r1', body: '' }, /^LINE answered 500 \(x-line-request-id r1\)$/],
    ['429', { kind: 'response', status: 429, body: '' }, /^LINE answered 429$/],
    ['401', { kind: 'response', status: 401, body: '' }, 'LINE answered 401'],
    ['timeout', { kind: 'silence', reason: 'timeout' }, /\(timeout\)$/],
    ['reset', { kind: 'silence', reason: 'network' }, /\(network\)$/],
    ['no token', { kind: 'not-called', message: 'no token', retryable: true }, 'no token'],
    ['200 with a page', { kind: 'response', status: 200, body: '<html>' }, 'LINE answered 200 without a displayName'],
    ['200 with nothing', { kind: 'response', status: 200, body: 'null' }, 'without a displayName'],
    ['200 with another shape', { kind: 'response', status: 200, body: '{"displayName":7}' }, 'without a displayName'],
  ])('that LINE cannot give now (%s) is fetched later', async (_case, answer, reason) => {
    world.profile = answer;
    expect(await world.process(queued('follow'))).toEqual(failed());
    expect(world.steps).toEqual([`follow ${AYA} ${AT} 01`, `defer ${AYA} 30`, 'publish 01', `mark 01 ${NOW}`]);
    expect(world.telemetry.counts).toEqual(counts([[Metric.SUBSCRIBERS_FOLLOWED, 1], [Metric.PROFILES_DEFERRED, 1], [Metric.EVENTS_PUBLISHED, 1]]));
    expect(world.telemetry.lines).toEqual([expect.objectContaining({
      level: 'WARN', code: 'PROFILE_DEFERRED', fields: { eventId: '01', reason: expect.stringMatching(reason) },
    })]);
  });

  test('that cannot be read with the secret as it is tells so, and is fetched later', async () => {
    world.profile = { kind: 'not-called', message: 'the secret has no channelSecret', retryable: false };
    await world.process(queued('follow'));
    expect(world.telemetry.counts).toMatchObject(counts([[Metric.CREDENTIALS_UNAVAILABLE, 1], [Metric.PROFILES_DEFERRED, 1]]));
  });

  test('that cannot be stored is fetched later', async () => {
    world.failing = ['profile'];
    expect(await world.process(queued('follow'))).toEqual(failed());
    expect(world.steps).toContain(`defer ${AYA} 30`);
  });

  test('that can neither be stored nor queued has the event tried again, with the subscriber stored', async () => {
    world.failing = ['profile', 'defer'];
    expect(await world.process(queued('follow'))).toEqual(failed('m0'));
    expect(world.steps.map((step) => step.split(' ')[0])).toEqual(['follow', 'profile', 'defer']);
    expect(world.telemetry.counts).toEqual(counts([[Metric.SUBSCRIBERS_FOLLOWED, 1], [Metric.PROFILES_NOT_STORED, 1]]));
    expect(world.telemetry.lines).toEqual([expect.objectContaining({
      level: 'ERROR', code: 'EVENT_FAILED', fields: { eventId: '01', type: 'follow', reason: expect.stringMatching(/profile .* failed.*nor queued for later .*defer .* failed/) },
    })]);
    // AND the repeat ends it
    world.failing = [];
    expect(await world.process(queued('follow'))).toEqual(failed());
    expect(world.handled.has('01')).toBe(true);
  });

  test('with members that are too long is cut to whole characters, and has no picture', async () => {
    world.includePicture = true;
    world.profile = { kind: 'response', status: 200, body: JSON.stringify({ displayName: `${'x'.repeat(999)}🎉`, language: 'j\ud800', pictureUrl: `https://e.com/${'x'.repeat(2000)}` }) };
    await world.process(queued('follow'));
    expect(world.steps).toContain(`profile ${AYA} ${NOW} {"displayName":"${'x'.repeat(999)}","language":"j\ufffd"}`);
  });

  test('with odd members is stored without them', async () => {
    world.profile = { kind: 'response', status: 200, body: '{"displayName":"Aya","language":["ja"],"pictureUrl":null}' };
    world.includePicture = true;
    await world.process(queued('follow'));
    expect(world.steps).toContain(`profile ${AYA} ${NOW} {"displayName":"Aya"}`);
  });
});

test('an event that was handled before is dropped', async () => {
  world.handled.add('01');
  expect(await world.process(queued('follow', { deliveryContext: { isRedelivery: true } }))).toEqual(failed());
  expect(world.steps).toEqual([]);
  expect(world.telemetry.counts).toEqual(counts([[Metric.EVENTS_DEDUPLICATED, 1]]));
});

test('an event for another bot is set aside, with a metric and no bus event', async () => {
  expect(await world.process(queued('follow', {}, BEN))).toEqual(failed());
  expect(world.steps).toEqual([]);
  expect(world.telemetry.counts).toEqual(counts([[Metric.EVENTS_FOR_OTHER_DESTINATION, 1]]));
  expect(world.telemetry.lines).toEqual([expect.objectContaining({
    level: 'WARN', code: 'OTHER_DESTINATION', fields: { eventId: '01', type: 'follow', destination: BEN },
  })]);
});

describe.each(['follow', 'publish', 'mark'])('when %s fails', (step) => {
  test('the person waits and the others go on; the repeat does every step again', async () => {
    // GIVEN
    const batch = [queued('follow'), queued('unfollow', { webhookEventId: '02' }), queued('unfollow', { webhookEventId: '03', source: { type: 'user', userId: BEN } })];
    world.failing = [step === 'follow' ? 'follow' : `${step} 01`];
    // WHEN
    const response = await world.process(...batch);
    // THEN
    expect(response).toEqual(failed('m0', 'm1'));
    expect(world.handled).toEqual(new Set(['03']));
    expect(world.telemetry.lines).toEqual([expect.objectContaining({
      level: 'ERROR', code: 'EVENT_FAILED', fields: { eventId: '01', type: 'follow', reason: expect.stringContaining('failed') },
    })]);
    // AND
    world.failing = [];
    world.steps.length = 0;
    expect(await world.process(...batch)).toEqual(failed());
    expect(world.steps.map((line) => line.split(' ')[0])).toEqual(['follow', 'profile', 'publish', 'mark', 'unfollow', 'publish', 'mark']);
  });
});

test.each([
  ['no JSON', 'hello', 'not JSON'],
  ['null', 'null', 'destination'],
  ['for no bot', queued('follow', {}, 'U8'), 'destination'],
  ['a number', '5', 'destination'],
  ['without a destination', queued('follow', {}, ''), 'destination'],
  ['without an event', { destination: BOT }, 'not an object'],
  ['with an event of null', { destination: BOT, event: null }, 'not an object'],
  ['without an event id', queued('follow', { webhookEventId: '' }), 'webhookEventId'],
  ['with an event id too long', queued('follow', { webhookEventId: 'x'.repeat(257) }), 'webhookEventId'],
  ['without a type', queued('', {}), 'type'],
  ['with a type too long for the bus', queued('x'.repeat(129), {}), 'type'],
  ['with a type that is a number', queued('follow', { type: 7 }), 'type'],
  ['without a time', queued('follow', { timestamp: undefined }), 'timestamp'],
  ['with a time as text', queued('follow', { timestamp: '1000' }), 'timestamp'],
  ['with a fraction of a time', queued('follow', { timestamp: 1.5 }), 'timestamp'],
  ['with a time before 1970', queued('follow', { timestamp: -1 }), 'timestamp'],
  ['with a time more than a day ahead', queued('follow', { timestamp: NOW + DAY + 1 }), 'a day ahead'],
])('a message that is %s is set aside by name and not tried again', async (_case, body, named) => {
  expect(await world.process(body)).toEqual(failed());
  expect(world.steps).toEqual([]);
  expect(world.telemetry.counts).toEqual(counts([[Metric.EVENTS_SET_ASIDE, 1]]));
  expect(world.telemetry.lines).toEqual([expect.objectContaining({
    level: 'ERROR', code: 'QUEUED_EVENT_UNREADABLE', message: expect.stringContaining(named), fields: { messageId: 'm0' },
  })]);
});

test('an event that hangs is tried again, and the others are done', async () => {
  // GIVEN
  world.hanging = ['publish 01'];
  // WHEN
  const response = await world.process(queued('postback'), queued('postback', { webhookEventId: '02' }), queued('join', { webhookEventId: '03', source: { groupId: 'C1' } }));
  // THEN
  expect(response).toEqual(failed('m0', 'm1'));
  expect(world.handled).toEqual(new Set(['03']));
  expect(world.sleeps).toEqual([28_000, 28_000]);
  expect(world.telemetry.lines).toEqual([expect.objectContaining({
    code: 'EVENT_FAILED', fields: { eventId: '01', type: 'postback', reason: 'Error: the time of the invocation is over' },
  })]);
});

test('an event is not begun when the time is short', async () => {
  world.remainingMs = 7_999;
  expect(await world.process(queued('follow'))).toEqual(failed('m0'));
  expect(world.steps).toEqual([]);
  expect(world.telemetry.lines).toEqual([expect.objectContaining({ level: 'WARN', code: 'EVENT_POSTPONED', fields: { eventId: '01', type: 'follow' } })]);
});

test('an event that the bus will never take is set aside by name after the table is written, and not tried again', async () => {
  world.refusal = 'MalformedDetail';
  expect(await world.process(queued('unfollow'))).toEqual(failed());
  expect(world.steps).toEqual([`unfollow ${AYA} ${AT} 01 OPT_OUT`, 'publish 01', `mark 01 ${NOW}`]);
  expect(world.telemetry.counts).toEqual(counts([[Metric.SUBSCRIBERS_UNFOLLOWED, 1], [Metric.EVENTS_SET_ASIDE, 1]]));
  expect(world.telemetry.lines).toEqual([expect.objectContaining({
    level: 'ERROR', code: 'EVENT_NOT_PUBLISHABLE', fields: { eventId: '01', type: 'unfollow', error: 'MalformedDetail' },
  })]);
});

test.each([
  ['older than the markers of handled events is stored, but not published again', 15 * DAY + 1, ['unfollow'], ['EVENT_TOO_OLD']],
  ['as old as a marker is published', 15 * DAY, ['unfollow', 'publish', 'mark'], []],
])('an event %s', async (_case, age, steps, codes) => {
  expect(await world.process(queued('unfollow', { timestamp: NOW - age }))).toEqual(failed());
  expect(world.steps.map((step) => step.split(' ')[0])).toEqual(steps);
  expect(world.telemetry.codes).toEqual(codes);
  expect(world.telemetry.counts[Metric.EVENTS_SET_ASIDE]).toBe(codes.length || undefined);
});

describe('destinationCheck', () => {
  /** A record that says in turn what it is given, the last for ever. */
  const recordOf = (...ids: (string | undefined)[]) => {
    const channel = {
      reads: 0,
      recorded: [] as string[],
      botUserId: async () => ids[Math.min(channel.reads++, ids.length - 1)],
      record: async (id: string) => {
        channel.recorded.push(id);
        return id;
      },
    };
    return channel;
  };

  test('reads the record once while destinations match', async () => {
    const channel = recordOf(BOT);
    const isOwn = destinationCheck(channel);
    expect([await isOwn(BOT), await isOwn(BOT)]).toEqual([true, true]);
    expect(channel).toMatchObject({ reads: 1, recorded: [] });
  });

  test('records the first destination of a channel that has none', async () => {
    const channel = recordOf(undefined, BOT);
    const isOwn = destinationCheck(channel);
    expect([await isOwn(BOT), await isOwn(BEN)]).toEqual([true, false]);
    expect(channel.recorded).toEqual([BOT]);
  });

  test('lets somebody faster win', async () => {
    const isOwn = destinationCheck({ botUserId: async () => undefined, record: async () => BEN });
    expect(await isOwn(BOT)).toBe(false);
  });

  test('reads the record again on a mismatch, because the channel may have moved', async () => {
    const channel = recordOf(BEN, BOT);
    const isOwn = destinationCheck(channel);
    expect([await isOwn(BEN), await isOwn(BOT), await isOwn(BOT)]).toEqual([true, true, true]);
    expect(channel.reads).toBe(2);
  });
});
