import * as fc from 'fast-check';
import { ChunkResultLine, ChunkSendEvent, ChunkSendResult } from '../../../src/contract/chunk-send';
import { CustomChannelEvent, SendErrorCode } from '../../../src/contract/custom-channel';
import { ChannelAnswer, MapRecord, sendMaps, SendMapsDependencies } from '../../../src/domain/campaigns/send-maps';
import { RecordedTelemetry } from '../../support/recorded-telemetry';

const EVENT: ChunkSendEvent = {
  ApplicationId: 'Campaigns',
  CampaignId: 'spring-sale',
  TreatmentId: 'a',
  ActivityId: 'run-1',
  ScheduledTime: '2026-11-23T00:00:00.000Z',
  Chunk: { Bucket: 'b', Key: 'runs/run-1/chunks-1/a-0.jsonl' },
  Content: { Bucket: 'b', Key: 'content' },
  Flag: { Bucket: 'b', Key: 'flag' },
  Result: { Bucket: 'b', Key: 'result' },
};
const MINUTES = 60_000;

/** Bucket, table and channel in memory; time passes only in `sleep` and as a test says. */
class MapsWorld {
  public now = 1_000_000;
  public readonly objects = new Map<string, string>([['content', 'こんにちは'], ['flag', '{"state":"RUN"}']]);
  public readonly rows = new Map<number, MapRecord>();
  public readonly events: CustomChannelEvent[] = [];
  public readonly telemetry = new RecordedTelemetry();
  public maxEndpoints = 2;
  public exclusions: SendMapsDependencies['exclusions'];
  public answer: (event: CustomChannelEvent) => ChannelAnswer;

  constructor(people: number) {
    this.answer = () => ({ kind: 'answered', payload: null });
    this.objects.set(EVENT.Chunk.Key, Array.from({ length: people }, (_, n) => `${JSON.stringify({ id: `e${n}`, endpoint: { ChannelType: 'CUSTOM', Address: `to${n}` } })}\n`).join(''));
  }

  public get dependencies(): SendMapsDependencies {
    const { objects, rows } = this;
    return {
      config: { maxEndpoints: this.maxEndpoints },
      journal: {
        list: async () => structuredClone([...rows.values()]),
        write: async (_run, _chunk, record, before) => {
          const now = rows.get(record.position);
          const isAsRead = before ? now?.state === before.state && now.owner === before.owner && now.attempts === before.attempts : now === undefined;
          if (isAsRead) {
            rows.set(record.position, structuredClone(record));
          }
          return isAsRead;
        },
      },
      lines: async function* ({ Key }) { yield* objects.get(Key)!.split('\n'); },
      text: async ({ Key }) => objects.get(Key),
      results: {
        firstLine: async ({ Key }) => (objects.has(Key) ? { text: objects.get(Key)!.split('\n')[0], version: objects.get(Key)! } : undefined),
        write: async ({ Key }, body, over) => objects.get(Key) === over && objects.set(Key, body) !== undefined,
      },
      invoke: async (event) => {
        this.events.push(event);
        return this.answer(event);
      },
      ...(this.exclusions && { exclusions: this.exclusions }),
      telemetry: this.telemetry,
      now: () => this.now,
      sleep: async (milliseconds) => { this.now += milliseconds; },
    };
  }

  public async send(requestId: string = 'r1', time: number = 15 * MINUTES): Promise<ChunkSendResult> {
    return sendMaps(EVENT, { requestId, deadline: this.now + time }, this.dependencies);
  }

  public get lines(): ChunkResultLine[] {
    return this.objects.get('result')!.trim().split('\n').slice(1).map((line) => JSON.parse(line));
  }

  /** Endpoint ids of every invocation. */
  public get sent(): string[][] {
    return this.events.map(({ Endpoints }) => Object.keys(Endpoints!));
  }
}

const NONE = { accepted: 0, skipped: 0, failed: 0, unknown: 0, pending: 0 };

describe('a chunk', () => {
  test('is sent as Pinpoint sent it, and a result is written as for chunks', async () => {
    // GIVEN
    const world = new MapsWorld(5);
    // WHEN
    const result = await world.send();
    // THEN
    expect(world.sent).toEqual([['e0', 'e1'], ['e2', 'e3'], ['e4']]);
    expect(world.events[0]).toEqual({
      Message: {},
      ApplicationId: 'Campaigns',
      CampaignId: 'spring-sale',
      TreatmentId: 'a',
      ActivityId: 'run-1',
      ScheduledTime: '2026-11-23T00:00:00.000Z',
      Endpoints: { e0: { ChannelType: 'CUSTOM', Address: 'to0' }, e1: { ChannelType: 'CUSTOM', Address: 'to1' } },
      Data: 'こんにちは',
    });
    expect(result).toEqual({ runId: 'run-1', recipients: 5, counts: { ...NONE, accepted: 5 }, reasons: {}, undone: [], ambiguous: 0 });
    expect(JSON.parse(world.objects.get('result')!.split('\n')[0])).toEqual(result);
    expect(world.lines).toEqual(Array.from({ length: 5 }, (_, n) => ({ id: `e${n}`, to: `to${n}`, status: 'accepted' })));
  });

  test('that is done is not sent again, and says the same', async () => {
    const world = new MapsWorld(5);
    const first = await world.send();
    expect(await world.send('r2')).toEqual(first);
    expect(world.events).toHaveLength(3);
  });

  test('of nobody has an empty result', async () => {
    const world = new MapsWorld(0);
    expect(await world.send()).toMatchObject({ recipients: 0, undone: [] });
    expect(world.lines).toEqual([]);
  });

  test.each([
    ['{"id":1,"endpoint":{}}', 'line 1 of chunk'], ['{"id":"a","endpoint":null}', 'line 1 of chunk'], ['\n\nno JSON of a person', 'line 3 of chunk'],
  ])('with the line %j is an error that names it and quotes nobody', async (text, message) => {
    const world = new MapsWorld(0);
    world.objects.set(EVENT.Chunk.Key, text);
    const error = await world.send().catch((thrown: Error) => thrown);
    expect(String(error)).toContain(message);
    expect(String(error)).not.toContain('person');
  });

  test('without its content, or without a run, is an error', async () => {
    const world = new MapsWorld(1);
    world.objects.delete('content');
    await expect(world.send()).rejects.toThrow('the content of the run is gone: object content of bucket b');
    await expect(sendMaps({ ...EVENT, ActivityId: undefined }, { requestId: 'r', deadline: 0 }, world.dependencies)).rejects.toThrow('ActivityId');
    expect(world.events).toEqual([]);
  });

  test('takes `Data` from the event when it names no object', async () => {
    const world = new MapsWorld(1);
    await sendMaps({ ...EVENT, Content: undefined, Data: 'Hi' }, { requestId: 'r', deadline: world.now + 15 * MINUTES }, world.dependencies);
    expect(world.events[0].Data).toBe('Hi');
  });
});

describe('an answer', () => {
  test('of this library\'s channels tells of each endpoint', async () => {
    const world = new MapsWorld(6);
    world.maxEndpoints = 50;
    const told = (LineStatus: string, more: object = {}) => ({ EventAttributes: { LineStatus, ...more } });
    world.answer = () => ({
      kind: 'answered',
      payload: {
        e0: told('accepted', { LineRequestId: 'q0' }),
        e1: told('skipped', { LineErrorCode: 'OPTED_OUT' }),
        e2: told('failed', { LineErrorCode: 'LINE_REFUSED', LineRequestId: 'q2' }),
        e3: told('deferred', { LineErrorCode: 'LINE_RATE_LIMITED' }),
        e4: told('unknown'),
      },
    });
    const result = await world.send();
    expect(result).toMatchObject({
      counts: { accepted: 2, skipped: 1, failed: 1, unknown: 2, pending: 0 },
      reasons: { OPTED_OUT: 1, LINE_REFUSED: 1, LINE_RATE_LIMITED: 1, LINE_UNDECIDED: 1 },
    });
    expect(world.lines).toEqual([
      { id: 'e0', to: 'to0', status: 'accepted', requestId: 'q0' },
      { id: 'e1', status: 'skipped', code: 'OPTED_OUT' },
      { id: 'e2', to: 'to2', status: 'failed', code: 'LINE_REFUSED', requestId: 'q2' },
      { id: 'e3', to: 'to3', status: 'unknown', code: 'LINE_RATE_LIMITED' },
      { id: 'e4', to: 'to4', status: 'unknown', code: 'LINE_UNDECIDED' },
      { id: 'e5', to: 'to5', status: 'accepted' },
    ]);
  });

  test.each([[undefined], [null], ['sent'], [42], [[]], [{ e0: null, e1: { EventAttributes: { LineStatus: 7 } } }]])('of %j means that the function did not fail', async (payload) => {
    const world = new MapsWorld(2);
    world.answer = () => ({ kind: 'answered', payload });
    expect(await world.send()).toMatchObject({ counts: { accepted: 2 } });
  });
});

describe('a failure', () => {
  test('is tried again twice, then nobody knows of its people, whom it may have reached before it failed; the others are sent', async () => {
    const world = new MapsWorld(4);
    world.answer = ({ Endpoints }) => (Endpoints!.e0 ? { kind: 'failed', message: 'Error: no' } : { kind: 'answered', payload: null });
    expect(await world.send()).toMatchObject({ counts: { accepted: 2, failed: 0, unknown: 2 }, reasons: { CHANNEL_FAILED: 2 }, undone: [] });
    expect(world.sent.filter(([id]) => id === 'e0')).toHaveLength(3);
    expect(world.telemetry.codes.filter((code) => code === 'CAMPAIGN_MAP_FAILED')).toHaveLength(3);
  });

  test('that passes is not told of', async () => {
    const world = new MapsWorld(2);
    world.answer = () => (world.events.length < 3 ? { kind: 'failed', message: 'Error: no' } : { kind: 'answered', payload: null });
    expect(await world.send()).toMatchObject({ counts: { accepted: 2 }, reasons: {} });
  });

  test('of an invocation that cannot be made at all ends the chunk', async () => {
    const world = new MapsWorld(100);
    world.answer = () => { throw new Error('AccessDenied'); };
    await expect(world.send()).rejects.toThrow('AccessDenied');
    expect(world.events.length).toBeLessThanOrEqual(5);
  });

  test('for want of room is waited out, and gives the map back when time is over', async () => {
    const world = new MapsWorld(2);
    world.answer = () => ({ kind: 'busy', message: 'TooManyRequestsException' });
    expect(await world.send()).toMatchObject({ counts: { pending: 2 }, undone: ['map-0'], ambiguous: 0 });
    expect(world.rows.get(0)).toMatchObject({ state: 'FREE', attempts: 0 });
    world.answer = () => ({ kind: 'answered', payload: null });
    expect(await world.send('r2')).toMatchObject({ counts: { accepted: 2 }, undone: [] });
  });
});

describe('a crash', () => {
  const claimed = (leaseUntil: number, attempts = 1): MapRecord => ({ position: 0, state: 'CLAIMED', owner: 'r0', leaseUntil, attempts, excluded: {} });

  test('leaves maps that nobody else sends while their owner may be alive', async () => {
    const world = new MapsWorld(4);
    world.rows.set(0, claimed(world.now + 1));
    expect(await world.send()).toMatchObject({ counts: { accepted: 2, pending: 2 }, undone: ['map-0'], ambiguous: 2 });
    world.now += 2;
    expect(await world.send('r2')).toMatchObject({ counts: { accepted: 4, pending: 0 }, undone: [] });
    expect(world.sent).toEqual([['e2', 'e3'], ['e0', 'e1']]);
  });

  test('after three times gives a map up as unknown', async () => {
    const world = new MapsWorld(2);
    world.rows.set(0, claimed(0, 3));
    expect(await world.send()).toMatchObject({ counts: { unknown: 2 }, reasons: { CHANNEL_FAILED: 2 }, undone: [] });
    expect(world.events).toEqual([]);
  });

  test('is driven to an end also when the run is paused; nothing else is begun', async () => {
    const world = new MapsWorld(6);
    world.objects.set('flag', '{"state":"PAUSE"}');
    world.rows.set(1, { ...claimed(0), position: 1 });
    expect(await world.send()).toMatchObject({ counts: { accepted: 2, pending: 4 }, undone: ['map-0', 'map-2'], ambiguous: 0, stopped: SendErrorCode.RUN_PAUSED });
    expect(world.sent).toEqual([['e2', 'e3']]);
    expect(world.lines.filter(({ status }) => status === 'deferred').map(({ id }) => id)).toEqual(['e0', 'e1', 'e4', 'e5']);
    expect(JSON.stringify(world.lines)).not.toContain('ambiguous');
  });

  test('whose outcome is not known yet is told from those that were not begun, person by person', async () => {
    const world = new MapsWorld(6);
    world.objects.set('flag', '{"state":"PAUSE"}');
    world.rows.set(1, { ...claimed(0), position: 1, leaseUntil: Number.MAX_SAFE_INTEGER });
    expect(await world.send()).toMatchObject({ counts: { pending: 6 }, ambiguous: 2 });
    expect(world.lines.filter(({ ambiguous }) => ambiguous).map(({ id }) => id)).toEqual(['e2', 'e3']);
  });

  test('of a second invocation that claims first leaves the map to it', async () => {
    const world = new MapsWorld(2);
    const { dependencies } = world;
    const list = async () => {
      const before = await dependencies.journal.list('', '');
      world.rows.set(0, claimed(world.now + MINUTES));
      return before;
    };
    const journal = { ...dependencies.journal, list };
    expect(await sendMaps(EVENT, { requestId: 'r1', deadline: world.now + 15 * MINUTES }, { ...dependencies, journal })).toMatchObject({ undone: ['map-0'], ambiguous: 2 });
    expect(world.events).toEqual([]);
  });
});

describe('the result', () => {
  test('of an invocation that was kept up does not take back what a later one wrote', async () => {
    // GIVEN an invocation that loses its map to another one, and comes to its result when that has written its own
    const world = new MapsWorld(4);
    world.answer = ({ Endpoints }) => (Endpoints!.e0 ? { kind: 'busy', message: 'TooManyRequestsException' } : { kind: 'answered', payload: null });
    const { dependencies } = world;
    const late: SendMapsDependencies['results'] = {
      ...dependencies.results,
      write: async (...what) => {
        if (world.events.length > 0) {
          world.answer = () => ({ kind: 'answered', payload: null });
          await world.send('later');
        }
        return dependencies.results.write(...what);
      },
    };
    // WHEN
    const answer = await sendMaps(EVENT, { requestId: 'kept up', deadline: world.now + 15 * MINUTES }, { ...dependencies, results: late });
    // THEN
    expect(JSON.parse(world.objects.get('result')!.split('\n')[0])).toMatchObject({ counts: { accepted: 4, pending: 0 }, undone: [] });
    expect(world.lines.map(({ status }) => status)).toEqual(Array(4).fill('accepted'));
    expect(answer.runId).toBe('run-1');
  });

  test('of one that looked before a map was claimed does not take away the doubt', async () => {
    // GIVEN a paused chunk, of which another invocation claims a map and says so while this one ends
    const world = new MapsWorld(2);
    world.objects.set('flag', '{"state":"PAUSE"}');
    const { dependencies } = world;
    const claim: MapRecord = { position: 0, state: 'CLAIMED', owner: 'r0', leaseUntil: Number.MAX_SAFE_INTEGER, attempts: 1, excluded: {} };
    const late: SendMapsDependencies['results'] = {
      ...dependencies.results,
      write: async (...what) => {
        if (!world.rows.has(0)) {
          world.rows.set(0, claim);
          await world.send('other');
        }
        return dependencies.results.write(...what);
      },
    };
    // WHEN
    const answer = await sendMaps(EVENT, { requestId: 'kept up', deadline: world.now + 15 * MINUTES }, { ...dependencies, results: late });
    // THEN
    expect(answer).toMatchObject({ counts: { pending: 2 }, ambiguous: 2 });
    expect(world.lines.map(({ ambiguous }) => ambiguous)).toEqual([true, true]);
  });
});

describe('the flag', () => {
  test.each([
    ['{"state":"PAUSE"}', SendErrorCode.RUN_PAUSED],
    ['{"state":"CANCEL"}', SendErrorCode.RUN_CANCELLED],
    ['{"state":"RUN","until":"1970-01-01T00:16:40.000Z"}', SendErrorCode.SEND_WINDOW_OVER],
  ])('%s stops the chunk', async (flag, stopped) => {
    const world = new MapsWorld(4);
    world.objects.set('flag', flag);
    expect(await world.send()).toMatchObject({ counts: { ...NONE, pending: 4 }, stopped, undone: ['map-0', 'map-1'] });
    expect(world.events).toEqual([]);
  });

  test('is read before each map', async () => {
    const world = new MapsWorld(100);
    world.answer = () => {
      world.objects.set('flag', '{"state":"PAUSE"}');
      return { kind: 'answered', payload: null };
    };
    const { counts, stopped } = await world.send();
    expect(stopped).toBe(SendErrorCode.RUN_PAUSED);
    expect(counts.accepted).toBeLessThanOrEqual(10);
    world.objects.set('flag', '{"state":"RUN"}');
    world.answer = () => ({ kind: 'answered', payload: null });
    expect(await world.send('r2')).toMatchObject({ counts: { accepted: 100, pending: 0 } });
    expect(new Set(world.sent.flat()).size).toBe(100);
    expect(world.sent.flat()).toHaveLength(100);
  });

  test('that cannot be read any more, or is gone, says what it said last', async () => {
    for (const text of [undefined, 'no JSON', 'null']) {
      const world = new MapsWorld(100);
      world.answer = () => {
        void (text === undefined ? world.objects.delete('flag') : world.objects.set('flag', text));
        return { kind: 'answered', payload: null };
      };
      expect(await world.send()).toMatchObject({ counts: { accepted: 100 } });
      expect(world.telemetry.codes).toContain('FLAG_NOT_READ');
    }
  });

  test('that was never read lets nobody begin: the run may be cancelled', async () => {
    for (const text of [undefined, 'no JSON', 'null']) {
      const world = new MapsWorld(20);
      world.rows.set(0, { position: 0, state: 'CLAIMED', owner: 'r0', leaseUntil: 0, attempts: 1, excluded: {} });
      void (text === undefined ? world.objects.delete('flag') : world.objects.set('flag', text));
      await expect(world.send()).rejects.toThrow('the flag of the run, object flag of bucket b, cannot be read');
      expect(world.events).toEqual([]);
      expect(world.objects.has('result')).toBe(false);
    }
  });

  test('is not asked for when there is none', async () => {
    const world = new MapsWorld(2);
    const deps = { ...world.dependencies, text: async () => { throw new Error('not asked'); } };
    expect(await sendMaps({ ...EVENT, Flag: undefined, Content: undefined, Result: undefined }, { requestId: 'r', deadline: world.now + 15 * MINUTES }, deps))
      .toMatchObject({ counts: { accepted: 2 } });
  });
});

describe('time', () => {
  test('that is nearly over leaves the rest to the next invocation', async () => {
    const world = new MapsWorld(100);
    world.answer = () => {
      world.now += MINUTES;
      return { kind: 'answered', payload: null };
    };
    const first = await world.send('r1', 10 * MINUTES);
    expect(first.stopped).toBeUndefined();
    expect(first.counts.accepted).toBeGreaterThan(0);
    expect(first.counts.pending).toBeGreaterThan(0);
    for (let n = 2; (await world.send(`r${n}`, 10 * MINUTES)).undone.length > 0; n++) {
      expect(n).toBeLessThan(20);
    }
    expect(world.sent.flat()).toHaveLength(100);
  });

  test('that is over while a function failed leaves the map claimed', async () => {
    const world = new MapsWorld(2);
    world.answer = () => {
      world.now += 14 * MINUTES;
      return { kind: 'failed', message: 'TimeoutError' };
    };
    expect(await world.send()).toMatchObject({ counts: { pending: 2 }, ambiguous: 2, undone: ['map-0'] });
    expect(world.rows.get(0)).toMatchObject({ state: 'CLAIMED', attempts: 1 });
  });
});

describe('people who opted out after the freeze', () => {
  test('are left out, and a repeat is the same map', async () => {
    const world = new MapsWorld(4);
    const optedOut = ['to1', 'to2', 'to3'];
    world.exclusions = async (addresses) => new Map(addresses.filter((to) => optedOut.includes(to)).map((to) => [to, SendErrorCode.OPTED_OUT]));
    world.answer = () => (world.events.length === 1 ? { kind: 'failed', message: 'Error' } : { kind: 'answered', payload: null });
    expect(await world.send()).toMatchObject({ counts: { accepted: 1, skipped: 3 }, reasons: { OPTED_OUT: 3 } });
    // Nobody is left of the second map.
    expect(world.sent).toEqual([['e0'], ['e0']]);
    world.exclusions = async () => new Map();
    expect(await world.send('r2')).toMatchObject({ counts: { accepted: 1, skipped: 3 } });
  });
});

test('whatever fails and however often, every map that is done was seen to end, nobody is lost, and the books balance', async () => {
  await fc.assert(fc.asyncProperty(
    fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 7 }), fc.infiniteStream(fc.constantFrom('ok', 'ok', 'ok', 'failed', 'busy', 'dies')), fc.array(fc.boolean(), { maxLength: 4 }),
    async (people, size, fates, pauses) => {
      const world = new MapsWorld(people);
      world.maxEndpoints = size;
      const ended = new Map<string, number>();
      world.answer = ({ Endpoints }) => {
        const fate = fates.next().value;
        if (fate === 'dies') {
          throw new Error('the invocation dies');
        }
        if (fate === 'ok') {
          Object.keys(Endpoints!).forEach((id) => ended.set(id, (ended.get(id) ?? 0) + 1));
          return { kind: 'answered', payload: null };
        }
        return { kind: fate as 'failed' | 'busy', message: 'no' };
      };
      for (let round = 0; ; round++) {
        expect(round).toBeLessThan(200);
        world.objects.set('flag', JSON.stringify({ state: pauses[round] ? 'PAUSE' : 'RUN' }));
        const result = await world.send(`r${round}`).catch(() => undefined);
        world.now += 16 * MINUTES;
        if (result) {
          const { accepted, skipped, failed, unknown, pending } = result.counts;
          expect(accepted + skipped + failed + unknown + pending).toBe(people);
          expect(result.undone.length === 0).toBe(pending === 0);
          if (pending === 0) {
            expect(accepted).toBe(ended.size);
            break;
          }
        }
      }
      // An invocation that was seen to end is never repeated.
      expect([...ended.values()].every((times) => times === 1)).toBe(true);
      expect(world.lines).toHaveLength(people);
    }), { numRuns: 100 });
});
