import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as dynamoSdk from '@aws-sdk/client-dynamodb';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { CustomChannelEvent, SendErrorCode } from '../../../src/contract/custom-channel';
import type * as Support from '../../support/sender-world';

/*
 * Proof that the tests of the sender can fail: the same sender with one promise broken in its source sends twice, or sends
 * something else, or forgets people, and the checks that the other tests make see it.
 */

type World = Support.SenderWorld;

const SOURCE = join(__dirname, '../../../src/domain/line');
const HOUR = 60 * 60 * 1_000;

interface Mutant {
  readonly name: string;
  /** The file, and what is changed in it. */
  readonly file: string;
  readonly changes: readonly (readonly [string, string])[];
  /** The check that must see it. */
  readonly seen: keyof typeof CHECKS;
}

const MUTANTS: readonly Mutant[] = [
  {
    name: 'a random key',
    file: 'send-journal',
    seen: 'onceAfterSilence',
    changes: [['sizes.length > 1 ? nameBasedUuid(retryKey, String(index)) : retryKey', 'nameBasedUuid(retryKey, String(Math.random()))']],
  },
  {
    name: 'a split after an ambiguous attempt',
    file: 'send-journal',
    seen: 'refusedAfterDoubt',
    changes: [["verdict === 'unclear' || state === CallState.AMBIGUOUS", "verdict === 'unclear'"]],
  },
  {
    name: 'a takeover that forgets the doubt',
    file: 'send-journal',
    seen: 'refusedAfterDoubt',
    changes: [['calls: batch.state === BatchState.IN_FLIGHT ? batch.calls.replaceAll(CallState.READY, CallState.AMBIGUOUS) : batch.calls,\n    owner', 'calls: batch.calls,\n    owner']],
  },
  {
    name: 'rendering again on a repeat',
    file: 'send-batch',
    seen: 'sameBytes',
    changes: [['if (found) {', 'if (found && !found) {'], ['batch = await inTime(journal.create(wanted));', 'await inTime(journal.create(wanted));\n    batch = wanted;']],
  },
  {
    name: 'no wake-up message',
    file: 'send-batch',
    seen: 'nobodyForgotten',
    changes: [['inTime(retryQueue.wakeUp(identity))', 'Promise.resolve()']],
  },
  {
    name: 'a wake-up message after the item',
    file: 'send-batch',
    seen: 'nobodyForgotten',
    changes: [
      ['inTime(retryQueue.wakeUp(identity))', 'Promise.resolve()'],
      ['isRepeat = !isSameStep(batch, wanted);', 'isRepeat = !isSameStep(batch, wanted);\n    await inTime(retryQueue!.wakeUp(identity));'],
    ],
  },
  { name: 'a lease that nobody minds', file: 'send-journal', seen: 'oneAtATime', changes: [['now < leaseUntil', 'now < 0']] },
  {
    name: 'an acceptance that does not win', file: 'send-journal', seen: 'lateAcceptance', changes: [['return accepted.length === 0 ? onRecord', 'return accepted.length >= 0 ? onRecord']],
  },
  {
    name: 'children that are not in the same write',
    file: 'drive-batch',
    seen: 'nobodyForgotten',
    changes: [[
      'await persist(() => journal.write(before, after, parts), work)',
      'await persist(() => journal.write(before, after).then(async (batch) => { for (const child of parts) { await journal.create(child); } return batch; }), work)',
    ]],
  },
  { name: 'a first attempt that is forgotten', file: 'send-journal', seen: 'notAfterLineForgets', changes: [['firstAttemptAt: batch.firstAttemptAt ?? now', 'firstAttemptAt: now']] },
  { name: 'a part that cannot be read and is not come back to', file: 'drive-batch', seen: 'everyPart', changes: [['unread = error;', '']] },
];

/** The world with a mutated sender in it, or with the sender as it is. */
function load(mutant?: Mutant): () => World {
  let support: typeof Support;
  jest.isolateModules(() => {
    jest.doMock('@aws-sdk/client-dynamodb', () => dynamoSdk);
    if (mutant) {
      const path = join(SOURCE, mutant.file);
      const source = mutant.changes.reduce((text, [from, to]) => {
        expect(text.split(from)).toHaveLength(2);
        return text.replace(from, () => to);
      }, readFileSync(`${path}.ts`, 'utf8'));
      const { outputText } = transpileModule(source, { compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 } });
      jest.doMock(path, () => {
        const exported = {};
        new Function('require', 'exports', outputText)((id: string) => jest.requireActual(id.startsWith('.') ? join(dirname(path), id) : id), exported);
        return exported;
      });
    }
    support = jest.requireActual('../../support/sender-world');
    jest.dontMock(join(SOURCE, mutant?.file ?? 'send-journal')).dontMock('@aws-sdk/client-dynamodb');
  });
  return () => new support.SenderWorld();
}

const user = (n: number) => `U${n.toString(16).padStart(32, '0')}`;
const people = (count: number, name: string) => Object.fromEntries(Array.from({ length: count }, (_, n) => [
  user(n), { ChannelType: 'CUSTOM', Address: user(n), Attributes: { Name: [`${name}${n % 2}`] } },
]));
const EVENT: CustomChannelEvent = { ApplicationId: 'app1', CampaignId: 'c1', ActivityId: 'a1', Data: 'Hello {{Attributes.Name|you}}', Endpoints: people(4, 'Ann') };
const EQUAL = { ...EVENT, Data: 'Hello' };

const isOnce = (world: World, count = 4) => Array.from({ length: count }, (_, n) => world.received(user(n))).every((times) => times === 1);

/** Each is true when the promise is kept. */
const CHECKS = {
  /** LINE takes a batch and does not say so. */
  onceAfterSilence: async (makeWorld: () => World) => {
    const world = makeWorld();
    world.lineDoes = () => (world.requests.length < 6 ? 'lost' : 'ok');
    await world.invoke(EVENT);
    await world.drain();
    return isOnce(world);
  },
  /** Somebody opts out, and names change, before the event is repeated. */
  sameBytes: async (makeWorld: () => World) => {
    const world = makeWorld();
    world.lineDoes = () => 500;
    await world.invoke(EQUAL);
    world.optOuts.set(user(0), SendErrorCode.OPTED_OUT);
    world.time.pass(60_000);
    await world.invoke({ ...EQUAL, Data: 'Changed' });
    return new Set(world.requests.map(({ body }) => body)).size === 1;
  },
  /** LINE takes a batch, the process ends or hears nothing, and LINE then refuses the same request. */
  refusedAfterDoubt: async (makeWorld: () => World) => {
    const kept: boolean[] = [];
    for (const behaviours of [['accepted-500', 400], ['ok', 400]] as const) {
      for (let crashAt = 10; crashAt < 20; crashAt++) {
        const world = makeWorld();
        world.behaviours = [...behaviours];
        await world.invoke(EQUAL, { crashAt });
        await world.drain();
        kept.push([...world.ledger().values()].every((times) => times === 1));
      }
    }
    return kept.every(Boolean);
  },
  /** The process ends anywhere, table calls fail, and the queue goes on. */
  nobodyForgotten: async (makeWorld: () => World) => {
    for (let crashAt = 0, isOver = false; !isOver; crashAt++) {
      const world = makeWorld();
      world.badIds.add(user(3));
      isOver = (await world.invoke(EQUAL, { crashAt })).crashed !== true;
      if (world.batches().length > 0) {
        world.failing = { load: crashAt % 3 };
        await world.drain(4);
        world.time.pass(23 * HOUR);
        await world.drain();
        const { recipients, pending } = world.books();
        if (recipients !== 4 || pending > 0) {
          return false;
        }
      }
    }
    return true;
  },
  /** The process ends when it has split the batch, and whoever comes next cannot read a part once. */
  everyPart: async (makeWorld: () => World) => {
    for (let crashAt = 0; ; crashAt++) {
      const world = makeWorld();
      world.badIds.add(user(3));
      await world.invoke(EQUAL, { crashAt });
      if (world.batches().length > 1) {
        const send = world.dynamo.send.bind(world.dynamo);
        let failures = 1;
        world.dynamo.send = async (command) => {
          const { Key } = (command as dynamoSdk.GetItemCommand).input;
          if (Key?.sk.S!.includes('/') && failures-- > 0) {
            throw new Error('throttled');
          }
          return send(command);
        };
        await world.drain();
        return world.books().pending === 0;
      }
    }
  },
  /** Two invocations at the same time, LINE being slow. */
  oneAtATime: async (makeWorld: () => World) => {
    const world = makeWorld();
    world.lineMs = 3_000;
    await world.invokeTogether(EQUAL, [0, 1_000]);
    return world.requests.length === 1;
  },
  /** A container that stood still comes back with LINE's acceptance, when LINE tells others nothing any more. */
  lateAcceptance: async (makeWorld: () => World) => {
    const world = makeWorld();
    await world.invoke(EQUAL, { remainingMs: 1_500 });
    world.lineDoes = () => (world.requests.length === 0 ? 'ok' : 500);
    world.time.pass(30_000);
    await world.time.run(Promise.all([
      world.startResume(world.queue, { freezeAt: 7, freezeMs: 70_000 }),
      world.time.sleep(40_000).then(() => world.startResume(world.queue)),
    ]));
    return world.books().accepted === 4;
  },
  /** LINE holds the batch back at first, takes it in silence at 18 hours, and forgets the key a day later. */
  notAfterLineForgets: async (makeWorld: () => World) => {
    const world = makeWorld();
    const start = world.time.now();
    world.lineDoes = ({ retryKey }) => {
      const hours = (world.time.now() - start) / HOUR;
      if (hours > 42 && world.accepted.has(retryKey!)) {
        world.accepted.set('forgotten', world.accepted.get(retryKey!)!);
        world.accepted.delete(retryKey!);
      }
      return hours < 18 ? 429 : hours < 18.4 ? 'lost' : hours < 42 ? 500 : 'ok';
    };
    await world.invoke(EQUAL);
    await world.drain();
    return [...world.ledger().values()].every((times) => times === 1);
  },
};

test.each(Object.entries(CHECKS))('the sender as it is keeps every promise: %s', async (_name, check) => {
  expect(await check(load())).toBe(true);
});

test.each(MUTANTS)('$name is noticed', async (mutant) => {
  expect(await CHECKS[mutant.seen](load(mutant))).toBe(false);
});
