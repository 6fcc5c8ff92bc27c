import { CustomChannelEvent } from '../../../src/contract/custom-channel';
import { BatchState } from '../../../src/contract/send-journal';
import { REFUSALS_TO_STOP } from '../../../src/domain/line/drive-batch';
import { SenderWorld, user } from '../../support/sender-world';

const endpoints = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [
  user(n), { ChannelType: 'CUSTOM', Address: user(n), Attributes: { Name: [`N${n}`] } },
]));
const EVENT: CustomChannelEvent = { ApplicationId: 'app1', JourneyRunId: 'r1', JourneyActivityId: 'ja1', Data: 'Hello', Endpoints: endpoints(3) };
const of = (count: number) => ({ ...EVENT, Endpoints: endpoints(count) });

let world: SenderWorld;
beforeEach(() => { world = new SenderWorld(); });

const run = () => world.dynamo.row('journey/app1/-/r1/ja1#RUN', 'RUN');

describe('batches that LINE refuses whole, one after the other', () => {
  test('stop the run at the third', async () => {
    world.lineDoes = () => 403;
    for (let count = 1; count <= REFUSALS_TO_STOP; count++) {
      expect(run()?.stopped).toBeUndefined();
      await world.invoke(of(count));
    }
    expect(run()).toMatchObject({ stopped: { S: 'RUN_STOPPED' }, refusedInRow: { N: '3' } });
    expect(world.telemetry.codes).toContain('RUN_STOPPED');
    expect(REFUSALS_TO_STOP).toBe(3);
  });

  test('do not when one is accepted in between, whoever counted them', async () => {
    const answers = [403, 403, 'ok', 403, 403] as const;
    let calls = 0;
    world.lineDoes = () => answers[calls++];
    for (let count = 1; count <= answers.length; count++) {
      await world.invoke(of(count));
    }
    expect(run()).toMatchObject({ refusedInRow: { N: '2' } });
    expect(run()).not.toHaveProperty('stopped');
  });

  test('do not when they are refused for whom they name, or are parts of others', async () => {
    // GIVEN single people whose ids LINE refuses, and one among others
    for (let count = 1; count <= 4; count++) {
      world.badIds.add(user(100 + count));
      await world.invoke({ ...EVENT, Endpoints: { [`x${count}`]: { Address: user(100 + count) } } });
    }
    world.badIds.add(user(0)).add(user(1)).add(user(2)).add(user(3));
    await world.invoke(of(8));
    // THEN
    expect(run()?.stopped).toBeUndefined();
    expect(world.books()).toMatchObject({ failed: 8, accepted: 4 });
  });

  test('leave a batch that was held back by then unsent: nothing is attempted any more, and it is failed', async () => {
    // GIVEN
    world.lineDoes = () => 429;
    await world.invoke(of(9));
    world.lineDoes = () => 403;
    for (let count = 1; count <= 3; count++) {
      await world.invoke(of(count));
    }
    world.lineDoes = undefined;
    const requests = world.requests.length;
    // WHEN
    await world.drain();
    // THEN
    expect(world.requests).toHaveLength(requests);
    expect(world.books()).toMatchObject({ recipients: 15, failed: 15, pending: 0, reasons: { RUN_STOPPED: 9, LINE_REFUSED: 6 } });
  });

  test('do not keep LINE from being asked about a call that it may have accepted', async () => {
    // GIVEN
    world.behaviours = ['lost', ...Array(9).fill(500)];
    await world.invoke(of(9));
    world.behaviours = [];
    world.lineDoes = () => (world.batches().some(({ outcome }) => outcome?.status === 403 && world.books().failed >= 6) ? 'ok' : 403);
    for (let count = 1; count <= 3; count++) {
      await world.invoke(of(count));
    }
    // WHEN
    await world.drain();
    // THEN
    expect(world.books()).toMatchObject({ accepted: 9, failed: 6 });
    expect([...world.ledger().values()].every((times) => times === 1)).toBe(true);
  });

  test('and cannot be counted are no reason to fail: LINE\'s answer stands', async () => {
    world.lineDoes = () => 403;
    const { note, ...failing } = { note: 2 };
    world.failing = { ...failing, note };
    const { reply } = await world.invoke(EVENT);
    expect(reply![user(0)].EventAttributes).toMatchObject({ LineStatus: 'failed', LineErrorCode: 'LINE_REFUSED' });
    expect(world.telemetry.lines).toContainEqual(expect.objectContaining({ level: 'WARN', code: 'RUN_NOT_NOTED' }));
  });
});

describe('a part of a split batch', () => {
  const breakPart = (failures: number) => {
    const send = world.dynamo.send.bind(world.dynamo);
    world.dynamo.send = async (command) => {
      if ((command as { input: { Key?: { sk: { S: string } } } }).input.Key?.sk.S.includes('/') && failures-- > 0) {
        throw new Error('throttled');
      }
      return send(command);
    };
  };

  test('that cannot be read is told, and its people are deferred; the queue comes again for it', async () => {
    // GIVEN
    world.badIds.add(user(0));
    world.lineDoes = () => (world.requests.length === 0 ? 'ok' : 401);
    await world.invoke(of(4));
    world.lineDoes = undefined;
    breakPart(2);
    // WHEN
    const { reply } = await world.invoke(of(4));
    // THEN
    expect(world.telemetry.lines).toContainEqual(expect.objectContaining({ level: 'ERROR', code: 'JOURNAL_NOT_READ', fields: expect.objectContaining({ reason: 'Error: throttled' }) }));
    expect(reply![user(3)].EventAttributes).toMatchObject({ LineStatus: 'deferred', LineErrorCode: 'LINE_UNDECIDED' });
    breakPart(1);
    await world.drain();
    expect(world.books()).toMatchObject({ accepted: 3, failed: 1, pending: 0 });
  });

  test('that is gone from the journal is left out', async () => {
    world.badIds.add(user(0));
    world.lineDoes = () => (world.requests.length === 0 ? 'ok' : 401);
    await world.invoke(of(2));
    world.batches().filter(({ parent }) => parent).forEach(({ pk, sk }) => world.dynamo.items.delete(`${pk} ${sk}`));
    expect((await world.invoke(of(2))).reply![user(0)].EventAttributes.LineStatus).toBe('deferred');
  });
});

describe('a batch that two drive at the same time', () => {
  test('is given up by one of them', async () => {
    world.lineDoes = () => 500;
    world.onUnknownOutcome = 'RESEND';
    await world.invoke(EVENT);
    world.time.pass(23 * 60 * 60 * 1_000);
    world.lineDoes = undefined;
    await world.time.run(Promise.all([world.startResume(world.queue), world.startResume(world.queue)]));
    await world.drain();
    expect(world.books()).toMatchObject({ recipients: 3, accepted: 3 });
    expect(world.received(user(0))).toBe(1);
  });

  test('is not given up by one when the other brings LINE\'s acceptance', async () => {
    // GIVEN
    world.lineDoes = () => 500;
    await world.invoke(EVENT);
    world.time.pass(23 * 60 * 60 * 1_000);
    const send = world.dynamo.send.bind(world.dynamo);
    world.dynamo.send = async (command) => {
      const { Item } = (command as { input: { Item?: Record<string, { S: string }> } }).input;
      if (Item?.state?.S === 'UNKNOWN') {
        // In between.
        const { pk, sk } = Item;
        Object.assign(world.dynamo.row(pk.S, sk.S)!, { state: { S: 'ACCEPTED' }, calls: { S: 'A' } });
      }
      return send(command);
    };
    // WHEN
    await world.drain();
    // THEN
    expect(world.books()).toMatchObject({ accepted: 3, unknown: 0 });
    expect(world.telemetry.codes.at(-1)).toBe('SEND_REPEATED');
  });

  test('is claimed by one of them', async () => {
    await world.invoke(EVENT, { remainingMs: 1_500 });
    world.time.pass(30_000);
    await world.time.run(Promise.all([world.startResume(world.queue), world.startResume(world.queue)]));
    expect(world.requests).toHaveLength(1);
  });
});

test('a bucket that does not give the contents has the claim given back: nothing was sent, and it is sent later', async () => {
  world.failing = { get: 1 };
  const { reply } = await world.invoke({ ...EVENT, Data: '{{Attributes.Name}}' });
  expect(reply![user(0)].EventAttributes.LineStatus).toBe('deferred');
  expect(world.requests).toEqual([]);
  expect(world.telemetry.codes).toContain('LINE_UNDECIDED');
  expect(world.batches()).toMatchObject([{ state: BatchState.READY }]);
  await world.drain();
  expect(world.books()).toMatchObject({ accepted: 3 });
});
