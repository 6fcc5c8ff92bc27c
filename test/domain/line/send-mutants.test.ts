import { randomUUID } from 'node:crypto';
import { CustomChannelEvent, SendErrorCode } from '../../../src/contract/custom-channel';
import { SendBatch } from '../../../src/contract/send-journal';
import { SendJournal } from '../../../src/domain/line/send-journal';
import { SenderWorld, user } from '../../support/sender-world';

/*
 * Proof that the tests of the sender can fail: the same sender over a journal that breaks one promise sends twice, or sends
 * something else, and the checks that every other test makes see it.
 */

const PEOPLE = 3;
const EVENT: CustomChannelEvent = {
  ApplicationId: 'app1',
  CampaignId: 'c1',
  ActivityId: 'a1',
  Data: 'Hello',
  Endpoints: Object.fromEntries(Array.from({ length: PEOPLE }, (_, n) => [user(n), { ChannelType: 'CUSTOM', Address: user(n) }])),
};

/** Gives another retry key whenever it is asked. */
function withRandomKeys(journal: SendJournal): SendJournal {
  const withKey = <T extends SendBatch | undefined>(batch: T): T => batch && { ...batch, retryKey: randomUUID() };
  return {
    load: async (identity) => withKey(await journal.load(identity)),
    create: async (batch) => withKey(await journal.create(batch)),
    write: async (from, to) => withKey(await journal.write(from, to)),
  };
}

/** Remembers nothing, so that every invocation renders again. */
const forgetful = (): SendJournal => ({
  load: async () => undefined,
  create: async (batch) => batch,
  write: async (_from, to) => to,
});

/** LINE takes a batch and does not say so; somebody opts out; the event is repeated. */
async function repeatAfterSilence(mutate: (journal: SendJournal) => SendJournal) {
  const world = new SenderWorld();
  const parts = world as unknown as { journal: SendJournal };
  parts.journal = mutate(parts.journal);
  world.behaviours = ['lost', 'lost', 'lost'];
  await world.invoke(EVENT);
  world.optOuts.set(user(0), SendErrorCode.OPTED_OUT);
  world.behaviours = [];
  world.time.pass(60_000);
  await world.invoke(EVENT);
  return {
    keys: new Set(world.requests.map(({ retryKey }) => retryKey)).size,
    bodies: new Set(world.requests.map(({ body }) => body)).size,
    messagesOfUser1: world.received(user(1)),
  };
}

test('the journal as it is: one key, one body, one message', async () => {
  expect(await repeatAfterSilence((journal) => journal)).toEqual({ keys: 1, bodies: 1, messagesOfUser1: 1 });
});

test('a random retry key is noticed: people get the message more than once', async () => {
  const { keys, messagesOfUser1 } = await repeatAfterSilence(withRandomKeys);
  expect(keys).toBeGreaterThan(1);
  expect(messagesOfUser1).toBeGreaterThan(1);
});

test('rendering again on a repeat is noticed: other bytes go out under the key', async () => {
  expect(await repeatAfterSilence(forgetful)).toMatchObject({ keys: 1, bodies: 2 });
});
