import { setTimeout as sleep } from 'node:timers/promises';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ChangeMessageVisibilityBatchCommand, DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { lineUserId } from '../../simulator/line-ids';
import { Delivery } from '../../simulator/line-platform';
import { campaignEvents, pinpointId } from '../../simulator/pinpoint-campaign';
import { StoredEndpoint } from '../../simulator/pinpoint-endpoints';
import { seededRandom, shuffled } from '../../simulator/random';
import { RemoteLinePlatform, spawnLinePlatform } from '../../simulator/spawn-line-platform';
import { Stage } from '../../simulator/stage/stage';
import { ChunkSendEvent, ChunkSendResult } from '../../src/contract/chunk-send';
import { CustomChannelEvent, CustomChannelReply, SendErrorCode } from '../../src/contract/custom-channel';
import { ENV_RETRY_QUEUE_URL } from '../../src/contract/environment';
import { MULTICAST_MAX_RECIPIENTS, PINPOINT_MAX_ENDPOINTS } from '../../src/contract/limits';
import { SendBatchDetail, SendEventType } from '../../src/contract/send-events';
import { readEvent } from '../../src/domain/line/custom-channel-event';
import { RunBooks } from '../../src/runtime/send-books-reader';
import { CREDENTIALS, DEPLOY_LIMIT_MS, DeployedChannel, DeployedStack, deployStack, eventually, startStage } from '../support/deployed-channel';
import { HandlerInstance, InstanceEndedError } from '../support/handler-instance';
import { HastyRetryQueue } from '../support/hasty-retry-queue';
import { MIXED_FAULTS } from '../support/line-faults';

/**
 * 20,000 people, half of them with equal and half with personalised content, half by Pinpoint's events and half by chunks.
 * LINE, in a process of its own, fails in every way that its documents know; the senders, each bundled handler in a process of
 * its own, are killed at any moment and replaced; callers repeat events, at the same time and later. Then LINE's ledger is read
 * per friend. Equal seeds (`SENDING_SEED`) give equal plans; what they meet depends on the machine.
 */
const SEED = Number(process.env.SENDING_SEED ?? 20_261_123);
const PEOPLE_OF_A_RUN = 5_000;
/** Every hundredth has opted out. */
const OPTED_OUT_EACH = 100;
const EQUAL_TEXT = '春のセール 🌸 20% off, today only';
const PERSONALISED = {
  type: 'flex',
  altText: 'For {{User.UserAttributes.DisplayName}}',
  contents: { type: 'bubble', body: { type: 'box', layout: 'vertical', contents: [{ type: 'text', text: '{{User.UserAttributes.DisplayName}}さん、こんにちは', wrap: true }] } },
};

const EVENT_INSTANCES = 5;
const CHUNK_INSTANCES = 2;
const RESUME_INSTANCES = 2;
const MAX_KILLS = 40;
/** Milliseconds until the next kill, at most. */
const KILL_PAUSE_MS = 1_000;
/** Of events, how many are sent twice at once, and how many again after their reply. */
const TWICE_SHARE = 0.1;
const REPEATED_SHARE = 0.2;

/** Shares of requests that fail. */
const PUSH_FAULT_SHARE = 0.04;
const MULTICAST_FAULT_SHARE = 0.4;

/** Milliseconds until what is undecided is given up by the test. Nothing is asserted about time. */
const DRAIN_LIMIT_MS = 480_000;

interface Person {
  readonly userId: string;
  readonly displayName: string;
  readonly optedOut: boolean;
}

/** One campaign to a quarter of the people. */
interface Run {
  readonly name: string;
  readonly people: readonly Person[];
  readonly data: string;
  readonly isPersonalised: boolean;
  readonly events: readonly CustomChannelEvent[];
}

jest.setTimeout(2 * DRAIN_LIMIT_MS);

let stage: Stage;
let line: RemoteLinePlatform;
let stack: DeployedStack;
let channel: DeployedChannel;
let queue: HastyRetryQueue;
let runs: Run[];
let deliveries: Delivery[];
const random = seededRandom(SEED);
/** What happened, for the report. */
const seen = {
  invocations: 0,
  repliesDeferred: 0,
  putOffForQuota: 0,
  failedInvocations: 0,
  kills: 0,
  killedAtWork: 0,
  leftToTheQueue: 0,
  sentTwice: 0,
  repeated: 0,
  resumes: 0,
};

beforeAll(async () => {
  [stage, line] = await Promise.all([startStage(), spawnLinePlatform(CREDENTIALS)]);
  stack = await deployStack(stage, {
    app: 'test/e2e/fixtures/sending-channel/app.ts', stackName: 'SendingChannel', context: { lineApiBaseUrl: line.url },
  });
  channel = stack.channel({ id: 'Any' });
  await channel.fillSecret(CREDENTIALS);
  await stack.setTrigger(channel.resource('Sender/Resume'), false);
  runs = [makeRun('events, equal', false), makeRun('events, personalised', true), makeRun('chunks, equal', false), makeRun('chunks, personalised', true)];
  for (const { people } of runs) {
    await line.add(...people);
  }
  await sendEverything();
  deliveries = await line.deliveries();
}, DEPLOY_LIMIT_MS + DRAIN_LIMIT_MS);

afterAll(async () => {
  queue?.stop();
  await Promise.all([stage?.stop(), line?.stop()]);
});

test('nobody is lost, nobody gets it twice, and who has opted out gets nothing', async () => {
  const counts = new Map<string, number>();
  deliveries.forEach(({ to }) => counts.set(to, (counts.get(to) ?? 0) + 1));
  const everybody = runs.flatMap(({ people }) => people);
  const wanted = everybody.filter(({ optedOut }) => !optedOut);
  const lost = wanted.filter(({ userId }) => !counts.has(userId));
  const twice = wanted.filter(({ userId }) => (counts.get(userId) ?? 0) > 1);
  const unwanted = everybody.filter(({ userId, optedOut }) => optedOut && counts.has(userId));
  await report({ people: everybody.length, wanted: wanted.length, lost: lost.length, twice: twice.length, unwanted: unwanted.length });
  expect(everybody).toHaveLength(4 * PEOPLE_OF_A_RUN);
  expect({ lost, twice, unwanted }).toEqual({ lost: [], twice: [], unwanted: [] });
  expect(deliveries).toHaveLength(wanted.length);
});

test('everybody got what was written for them', () => {
  const contents = new Map(deliveries.map(({ to, messages }) => [to, messages]));
  for (const { people, isPersonalised } of runs) {
    for (const { userId, displayName } of people.filter(({ optedOut }) => !optedOut)) {
      const expected = isPersonalised
        ? JSON.parse(JSON.stringify(PERSONALISED).replaceAll('{{User.UserAttributes.DisplayName}}', displayName))
        : { type: 'text', text: EQUAL_TEXT };
      expect(contents.get(userId)).toEqual([expected]);
    }
  }
});

test('the books of every run balance, and nobody is pending, failed or unknown', async () => {
  for (const { events: [event], people } of runs) {
    const { Endpoints: _, ...ids } = event;
    const { books, notReached } = await stage.invoke<RunBooks>(channel.resource('Sender/Outcomes/Books'), { ...ids, limit: people.length / OPTED_OUT_EACH });
    const optedOut = people.flatMap((person) => (person.optedOut ? [person.userId] : []));
    expect(books).toEqual({
      recipients: people.length,
      accepted: people.length - optedOut.length,
      skipped: optedOut.length,
      failed: 0,
      unknown: 0,
      pending: 0,
      reasons: { OPTED_OUT: optedOut.length },
    });
    expect(notReached.map(({ id }) => id).sort()).toEqual(optedOut.sort());
  }
});

test('the bus was told of everybody, and that the quota was used up', async () => {
  const told = new Map<string, SendBatchDetail>();
  const types = new Set<string>();
  await eventually(async () => {
    for (const { Body } of await stack.drain(stack.resource('SendEvents'))) {
      const { 'detail-type': type, detail } = JSON.parse(Body!);
      types.add(type);
      if (type === SendEventType.BATCH_DECIDED) {
        told.set(detail.batchId, detail);
      }
    }
    const sum = (name: 'accepted' | 'skipped') => [...told.values()].reduce((total, { counts }) => total + counts[name], 0);
    const optedOut = 4 * PEOPLE_OF_A_RUN / OPTED_OUT_EACH;
    expect({ accepted: sum('accepted'), skipped: sum('skipped') }).toEqual({ accepted: 4 * PEOPLE_OF_A_RUN - optedOut, skipped: optedOut });
    expect([...types].sort()).toEqual([SendEventType.QUOTA_EXHAUSTED, SendEventType.BATCH_DECIDED].sort());
  }, DRAIN_LIMIT_MS);
});

test('no request broke a rule of LINE, and no message of the queue was given up', async () => {
  expect(await line.violations()).toEqual([]);
  expect(await stack.queueDepth(channel.resource('Sender/RetryDeadLetters'))).toBe(0);
});

// ---------------------------------------------------------------------------------------------------- plan

let peopleSoFar = 0;

function makeRun(name: string, isPersonalised: boolean): Run {
  const people = Array.from({ length: PEOPLE_OF_A_RUN }, (): Person => {
    const n = ++peopleSoFar;
    return { userId: lineUserId(`at scale ${n}`), displayName: `未来 ${n}`, optedOut: n % OPTED_OUT_EACH === 0 };
  });
  const data = isPersonalised ? JSON.stringify(PERSONALISED) : EQUAL_TEXT;
  const [first, ...others] = campaignEvents(people.map(endpointOf), pinpointId(), data);
  const endpoints = Object.entries(Object.assign({}, first.Endpoints, ...others.map(({ Endpoints }) => Endpoints)));
  // Events of Pinpoint's size, and some of ten times that.
  const sizes = [MULTICAST_MAX_RECIPIENTS, MULTICAST_MAX_RECIPIENTS, MULTICAST_MAX_RECIPIENTS];
  const events: CustomChannelEvent[] = [];
  for (let start = 0; start < endpoints.length;) {
    const size = sizes.pop() ?? PINPOINT_MAX_ENDPOINTS;
    events.push({ ...first, Endpoints: Object.fromEntries(endpoints.slice(start, start += size)) as CustomChannelEvent['Endpoints'] });
  }
  return { name, people, data, isPersonalised, events };
}

function endpointOf({ userId, displayName, optedOut }: Person): StoredEndpoint {
  const now = new Date(0).toISOString();
  return {
    ApplicationId: '-',
    Id: userId,
    Address: userId,
    ChannelType: 'CUSTOM',
    OptOut: optedOut ? 'ALL' : 'NONE',
    EndpointStatus: 'ACTIVE',
    EffectiveDate: now,
    CreationDate: now,
    CohortId: '42',
    RequestId: 'request',
    User: { UserId: userId, UserAttributes: { DisplayName: [displayName] } },
  };
}

/** The run's people as frozen chunks. */
async function putChunks({ events }: Run): Promise<ChunkSendEvent[]> {
  const [{ Endpoints: _, ...event }] = events;
  const lines = events.flatMap(({ Endpoints }) => Object.entries(Endpoints!).map(([id, endpoint]) => JSON.stringify({ id, endpoint })));
  const chunks: ChunkSendEvent[] = [];
  for (let start = 0; start < lines.length; start += 1_000) {
    const chunk = { Bucket: stack.resource('Media'), Key: `chunks/${event.CampaignId}/${start}.jsonl` };
    await stage.client(S3Client).send(new PutObjectCommand({ ...chunk, Body: lines.slice(start, start + 1_000).join('\n') }));
    chunks.push({ ...event, Chunk: chunk });
  }
  return chunks;
}

// ---------------------------------------------------------------------------------------------------- callers

async function sendEverything(): Promise<void> {
  const queueUrl = channel.resource('Sender/Retry');
  queue = new HastyRetryQueue(stage.client(SQSClient), queueUrl);
  const hastyUrl = await queue.start();
  const instances = async (count: number, path: string, handler: string, timeoutMs: number) => {
    const environment = await environmentOf(channel.resource(path), hastyUrl);
    return Array.from({ length: count }, () => new HandlerInstance({ handler, environment, timeoutMs }));
  };
  const senders = await instances(EVENT_INSTANCES, 'Sender/Any', 'line/handlers/sender#sendMessage', 15_000);
  const chunkSenders = await instances(CHUNK_INSTANCES, 'Sender/Chunk', 'line/handlers/sender#sendChunk', 45_000);
  const resumers = await instances(RESUME_INSTANCES, 'Sender/Resume', 'line/handlers/sender#resumeBatches', 60_000);
  const all = [...senders, ...chunkSenders, ...resumers];

  await line.randomFaults({ seed: SEED, share: PUSH_FAULT_SHARE, faults: MIXED_FAULTS, operations: ['push'] });
  await line.script('multicast', ...Array.from({ length: 300 }, () => (
    random() < MULTICAST_FAULT_SHARE ? MIXED_FAULTS[Math.floor(random() * MIXED_FAULTS.length)] : null)));

  const [equalEvents, personalisedEvents, equalChunks, personalisedChunks] = runs;
  const events = shuffled([...equalEvents.events, ...personalisedEvents.events], random);
  const chunks = [...await putChunks(equalChunks), ...await putChunks(personalisedChunks)];

  const isOver = { sending: false, resuming: false };
  const killing = killAtRandom(all, () => isOver.resuming);
  const resuming = Promise.all(resumers.map((instance) => resume(instance, queueUrl, () => isOver.resuming)));
  try {
    await Promise.all([
      callAll(events.flatMap((event) => (random() < TWICE_SHARE ? (seen.sentTwice++, [event, event]) : [event])), senders, sendEvent),
      callAll(shuffled(chunks, random), chunkSenders, sendChunk),
      exhaustQuota(),
    ]);
    await eventually(async () => expect(await stack.queueDepth(queueUrl)).toBe(0), DRAIN_LIMIT_MS);
  } finally {
    isOver.resuming = true;
    await Promise.all([killing, resuming]);
    all.forEach((instance) => instance.kill());
  }
}

/** Has the instances handle everything, each one thing at a time, until no caller wants anything any more. */
async function callAll<E>(
  events: readonly E[], instances: readonly HandlerInstance[], call: (event: E, instance: HandlerInstance) => Promise<'done' | 'again'>,
): Promise<void> {
  const waiting = [...events];
  let open = 0;
  await Promise.all(instances.map(async (instance) => {
    while (waiting.length > 0 || open > 0) {
      const event = waiting.shift();
      if (event === undefined) {
        await sleep(50);
        continue;
      }
      open++;
      try {
        seen.invocations++;
        if (await call(event, instance) === 'again') {
          waiting.push(event);
        }
      } finally {
        open--;
      }
    }
  }));
}

const repeated = new Set<CustomChannelEvent>();

/**
 * One invocation as Lambda makes it for a campaign: repeated when it fails. When the instance is killed it is repeated only if
 * the journal knows nothing of the event: whoever is in the journal must be gone on with by the retry queue alone.
 */
async function sendEvent(event: CustomChannelEvent, instance: HandlerInstance): Promise<'done' | 'again'> {
  try {
    const reply = await instance.invoke<CustomChannelReply>(event);
    expect(Object.keys(reply)).toHaveLength(Object.keys(event.Endpoints!).length);
    const codes = Object.values(reply).flatMap(({ EventAttributes }) => (EventAttributes.LineStatus === 'deferred' ? [EventAttributes.LineErrorCode] : []));
    seen.repliesDeferred += codes.length > 0 ? 1 : 0;
    seen.putOffForQuota += codes.includes(SendErrorCode.LINE_QUOTA_EXCEEDED) ? 1 : 0;
    if (!repeated.has(event) && random() < REPEATED_SHARE) {
      repeated.add(event);
      seen.repeated++;
      return 'again';
    }
    return 'done';
  } catch (error) {
    if (!(error instanceof InstanceEndedError)) {
      expect(String(error)).toContain('UndecidedSendError');
      seen.failedInvocations++;
      return 'again';
    }
    seen.killedAtWork++;
    if (!await isInJournal(event)) {
      return 'again';
    }
    seen.leftToTheQueue++;
    return 'done';
  }
}

async function isInJournal(event: CustomChannelEvent): Promise<boolean> {
  const [{ identity: { pk, sk } }] = readEvent(event, { requestId: '', functionType: 'any' }).batches;
  return await stack.row(channel.resource('Sender/Journal'), pk, sk) !== undefined;
}

/** One invocation as a runner makes it: the same chunk until nothing of it is undone. */
async function sendChunk(event: ChunkSendEvent, instance: HandlerInstance): Promise<'done' | 'again'> {
  try {
    const { undone } = await instance.invoke<ChunkSendResult>(event);
    if (undone.length === 0) {
      return 'done';
    }
    await sleep(500);
  } catch (error) {
    if (!(error instanceof InstanceEndedError)) {
      throw error;
    }
    seen.killedAtWork++;
  }
  return 'again';
}

/** What Lambda's poller does with the retry queue. What a killed instance had comes back at once instead of after two minutes. */
async function resume(instance: HandlerInstance, queueUrl: string, isOver: () => boolean): Promise<void> {
  const sqs = stage.client(SQSClient);
  while (!isOver()) {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({
      QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, VisibilityTimeout: 120,
    }));
    if (Messages.length === 0) {
      continue;
    }
    let failed = new Set(Messages.map(({ MessageId }) => MessageId));
    try {
      seen.resumes++;
      const { batchItemFailures } = await instance.invoke<{ batchItemFailures: { itemIdentifier: string }[] }>({
        Records: Messages.map(({ MessageId, Body }) => ({ messageId: MessageId, body: Body })),
      });
      failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    } catch (error) {
      if (!(error instanceof InstanceEndedError)) {
        throw error;
      }
      seen.killedAtWork++;
    }
    const entries = (isFailed: boolean) => Messages
      .filter(({ MessageId }) => failed.has(MessageId) === isFailed)
      .map(({ MessageId, ReceiptHandle }) => ({ Id: MessageId, ReceiptHandle }));
    const [done, again] = [entries(false), entries(true).map((entry) => ({ ...entry, VisibilityTimeout: 0 }))];
    if (done.length > 0) {
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries: done }));
    }
    if (again.length > 0) {
      await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries: again }));
    }
  }
}

/** SIGKILL for instances that are at work, at random moments. */
async function killAtRandom(instances: readonly HandlerInstance[], isOver: () => boolean): Promise<void> {
  while (!isOver() && seen.kills < MAX_KILLS) {
    await sleep(random() * KILL_PAUSE_MS);
    const busy = instances.filter(({ isBusy }) => isBusy);
    if (busy.length > 0) {
      busy[Math.floor(random() * busy.length)].kill();
      seen.kills++;
    }
  }
}

/** Early on the month's quota is used up; once an event was put off for it, the plan is raised. */
async function exhaustQuota(): Promise<void> {
  await eventually(async () => expect(await line.usage()).toBeGreaterThan(PEOPLE_OF_A_RUN / 5), DRAIN_LIMIT_MS);
  await line.configure({ quota: { type: 'limited', value: await line.usage() + 200 } });
  await eventually(() => expect(seen.putOffForQuota).toBeGreaterThan(0), DRAIN_LIMIT_MS);
  await line.configure({ quota: { type: 'none' } });
}

// ---------------------------------------------------------------------------------------------------- the stack

/** The deployed function's environment, for a process outside of the emulator. */
async function environmentOf(functionName: string, retryQueueUrl: string): Promise<Record<string, string>> {
  const { Environment } = await stage.client(LambdaClient).send(new GetFunctionConfigurationCommand({ FunctionName: functionName }));
  const { [ENV_RETRY_QUEUE_URL]: url, ...variables } = Environment!.Variables!;
  return { ...variables, ...stage.emulator.environment, ...(url && { [ENV_RETRY_QUEUE_URL]: retryQueueUrl }) };
}

/** The figures of the run. */
async function report(figures: Record<string, number>): Promise<void> {
  const requests = (await Promise.all([line.requests('push'), line.requests('multicast')])).flat();
  const struck: Record<string, number> = {};
  for (const { fault } of requests) {
    const name = fault && `${fault.answer}${fault.status ?? ''}${fault.accepted ? ', accepted' : ''}`;
    struck[name ?? 'none'] = (struck[name ?? 'none'] ?? 0) + 1;
  }
  process.stdout.write(`${JSON.stringify({ seed: SEED, ...figures, ...seen, requests: requests.length, faults: struck })}\n`);
}
