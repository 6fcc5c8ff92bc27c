import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, PutObjectCommand, S3Client, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand, StopExecutionCommand, paginateListExecutions } from '@aws-sdk/client-sfn';
import { faults } from '../../simulator/faults';
import { lineUserId } from '../../simulator/line-ids';
import { Delivery, LineRequestRecord } from '../../simulator/line-platform';
import { seededRandom } from '../../simulator/random';
import { RemoteLinePlatform, spawnLinePlatform } from '../../simulator/spawn-line-platform';
import { Stage } from '../../simulator/stage/stage';
import {
  CampaignCounts, CampaignReason, CampaignState, FINAL_STATES, RESUMABLE_STATES, ResultManifest, RUN_PARTITION_KEY, RUN_SORT_KEY, SORT_KEY_RUN_RECORD,
  runKey, runRecordPartitionKey,
} from '../../src/contract/campaigns';
import { ChunkResultLine, ChunkSendEvent, ChunkSendResult } from '../../src/contract/chunk-send';
import { IMPORT_PREFIX, ImportSummary } from '../../src/contract/imports';
import { MULTICAST_MAX_RECIPIENTS } from '../../src/contract/limits';
import { ControlAnswer, RunReport } from '../../src/domain/campaigns/control-campaigns';
import { RunBooks } from '../../src/runtime/send-books-reader';
import { CREDENTIALS, DEPLOY_LIMIT_MS, DeployedChannel, DeployedStack, deployStack, eventually, startStage } from '../support/deployed-channel';
import { killWorkers } from '../support/lambda-workers';
import { MIXED_FAULTS } from '../support/line-faults';
import { ThrottledDynamoDb } from '../support/throttled-dynamodb';

/**
 * More than 20,000 people come in as a file and are sent to by campaigns, all on the deployed stack.
 *
 * The first campaign goes well, and LINE calls and invocations are counted. Then everything is bad at once: DynamoDB throttles, and is
 * gone for a while; LINE fails every twentieth request in every way that its documents know; processes of functions are killed; every
 * start, every event of a file, every command and every chunk comes twice; somebody pauses and resumes, and an execution is lost. Then
 * LINE's ledger is read per friend. Equal seeds (`CAMPAIGN_SEED`) give equal plans; what they meet depends on the machine.
 */
const SEED = Number(process.env.CAMPAIGN_SEED ?? 20_261_123);
const PEOPLE = 20_800;
/** Every hundredth has opted out. */
const OPTED_OUT_EACH = 100;
const TAG = '二万人 at scale';
const FIRST_FILE = `import/2026+10/${TAG}.json.gz`;
const SECOND_FILE = 'import/round two.csv';
const EQUAL_TEXT = '春のセール 🌸 20% off, today only';
const PERSONALISED = { type: 'text', text: '{{User.UserAttributes.DisplayName}}さん、こんにちは' };

/** Waits of the state machines are so much shorter: there are minutes of them. */
const WAIT_SCALE = 0.05;

/** 1,000,000 equal messages take at most 250 invocations of the channel's function; the canary's is counted apart. */
const PEOPLE_PER_INVOCATION = 4_000;

const LINE_FAULT_SHARE = 0.05;

const THROTTLED_SHARE = 0.1;
/**
 * So long DynamoDB throttles an import, from its first write on. Longer is no use: the import's client slows down until it is not throttled
 * any more, and here that does not depend on its pace.
 */
const THROTTLED_MS = 15_000;
/** Of the people, one in so many is in the second file. */
const SECOND_FILE_EACH = 3;
/** Milliseconds in which DynamoDB refuses everything. */
const OUTAGE_MS = 4_000;
/** Share of the people whom LINE has sent to when somebody pauses, when DynamoDB is gone, and when the execution is. */
const PAUSE_AT = 0.07;
const OUTAGE_AT = 0.35;
const LOST_AT = 0.85;
/** Milliseconds until the next kill, at most. */
const KILL_PAUSE_MS = 1_500;
/** Of one function: a step is given up after its sixth failure. */
const MAX_KILLS = 3;
/** Times that somebody resumes a run that was paused or has failed by itself. */
const MAX_RESUMES = 10;

/** Milliseconds until what has not ended is given up by the test. Nothing is asserted about time. */
const DRAIN_LIMIT_MS = 480_000;

interface Person {
  readonly userId: string;
  readonly displayName: string;
  readonly optedOut: boolean;
}

/** What became of somebody, and of which treatment they are. */
interface PersonLine extends ChunkResultLine {
  readonly treatment: string;
}

/** What became of a run, and how it is known. */
interface Outcome {
  readonly run: RunReport;
  readonly manifest: ResultManifest;
  /** Lines of the result objects by person. */
  readonly lines: ReadonlyMap<string, readonly PersonLine[]>;
  /** Of the journal, by treatment. */
  readonly books: Readonly<Record<string, RunBooks['books']>>;
  readonly deliveries: readonly Delivery[];
  readonly requests: readonly LineRequestRecord[];
  readonly chunkInvocations: number;
  readonly seconds: number;
}

jest.setTimeout(2 * DRAIN_LIMIT_MS);

const people = Array.from({ length: PEOPLE }, (_, i): Person => (
  { userId: lineUserId(`campaign ${i}`), displayName: `未来 ${i}`, optedOut: (i + 1) % OPTED_OUT_EACH === 0 }));
const wanted = people.filter(({ optedOut }) => !optedOut);
const random = seededRandom(SEED);
const dynamo = new ThrottledDynamoDb(() => stage.endpoint, SEED);

let stage: Stage;
let line: RemoteLinePlatform;
let stack: DeployedStack;
let channel: DeployedChannel;
/** Invocations of the chunk function that earlier runs made. */
let invocationsBefore = 0;
/** Messages that LINE had sent before the second campaign. */
let usageBefore = 0;
let firstImport: ImportSummary;
let calm: Outcome;
let secondImport: ImportSummary;
let misery: Outcome;
/** What happened to the second campaign and the import before it, for the report. */
const seen = {
  eventsRepeated: 0,
  commandsRepeated: 0,
  chunksRepeated: 0,
  repeatsFailed: 0,
  kills: 0,
  killedAtWork: 0,
  pausedAt: 0,
  tableLostAt: 0,
  executionLostAt: 0,
  resumes: [] as string[],
};

beforeAll(async () => {
  const dynamoUrl = await dynamo.start();
  [stage, line] = await Promise.all([
    startStage({ lambdaEnvironment: { AWS_ENDPOINT_URL_DYNAMODB: dynamoUrl, SFN_WAIT_SCALE: String(WAIT_SCALE) } }),
    spawnLinePlatform(CREDENTIALS),
  ]);
  stack = await deployStack(stage, { app: 'examples/campaigns/app.ts', stackName: 'LineCampaigns', context: { lineApiBaseUrl: line.url } });
  channel = stack.channel();
  await channel.fillSecret(CREDENTIALS);
  await line.add(...people);
}, DEPLOY_LIMIT_MS);

afterAll(async () => {
  await Promise.all([stage?.stop(), line?.stop()]);
  dynamo.stop();
});

// ---------------------------------------------------------------------------------------------------- all is well

test('a Pinpoint export is imported', async () => {
  const lines = people.map(({ userId, displayName, optedOut }) => JSON.stringify({
    Id: userId,
    Address: userId,
    ChannelType: 'CUSTOM',
    OptOut: optedOut ? 'ALL' : 'NONE',
    EndpointStatus: 'ACTIVE',
    EffectiveDate: '2026-01-01T00:00:00.000Z',
    User: { UserId: userId, UserAttributes: { DisplayName: [displayName] } },
  }));
  const started = Date.now();
  await drop(FIRST_FILE, gzipSync(lines.join('\n')));
  firstImport = await imported(1, FIRST_FILE);
  print('import', { people: PEOPLE, seconds: secondsSince(started) });
  expect(firstImport).toMatchObject({ status: 'COMPLETED', rows: PEOPLE, imported: PEOPLE, tagged: PEOPLE, keptOptedOut: 0, rejected: 0, tag: TAG });
  // On a machine that is busy a write's answer may come too late: the write is done again, and counts as what it finds.
  expect(firstImport.created + firstImport.unchanged).toBe(PEOPLE);
  expect(firstImport.created).toBeGreaterThan(firstImport.unchanged);
});

test('a campaign of equal content takes one LINE call for 500 people, and one invocation for thousands', async () => {
  const { runId } = await control({
    campaign: 'calm', source: { name: 'tag', tag: TAG }, message: { data: EQUAL_TEXT }, clientToken: `calm ${SEED}`,
  });
  calm = await outcomeOf(await ended(runId));
  const calls = calm.requests.length;
  const callsAtMost = Math.ceil(wanted.length / MULTICAST_MAX_RECIPIENTS) + 1;
  const invocationsAtMost = Math.ceil(wanted.length / PEOPLE_PER_INVOCATION) + 1;
  print('calm', { recipients: wanted.length, calls, callsAtMost, invocations: calm.chunkInvocations, invocationsAtMost, seconds: calm.seconds });
  expect(calm.requests.every(({ operation, accepted }) => operation === 'multicast' && accepted)).toBe(true);
  expect(calls).toBeGreaterThanOrEqual(Math.ceil(wanted.length / MULTICAST_MAX_RECIPIENTS));
  expect(calls).toBeLessThanOrEqual(callsAtMost);
  expect(calm.chunkInvocations).toBeGreaterThanOrEqual(calm.manifest.results.length);
  expect(calm.chunkInvocations).toBeLessThanOrEqual(invocationsAtMost);
});

test('everybody got it once, who has opted out got nothing, and all books say so', () => {
  expectOnce(calm);
  expectBooks(calm, { 0: wanted.length });
  expect(new Set(calm.deliveries.map(({ messages }) => JSON.stringify(messages)))).toEqual(new Set([JSON.stringify([{ type: 'text', text: EQUAL_TEXT }])]));
});

// ---------------------------------------------------------------------------------------------------- nothing is

test('a file whose event comes twice is imported once, whatever is throttled and killed', async () => {
  const some = people.filter((_, i) => i % SECOND_FILE_EACH === 0);
  const rows = some.map(({ userId }, i) => `${userId},NONE,2026-02-01T00:00:00Z,round ${i % 7}`);
  const started = Date.now();
  const writes = dynamo.requests;
  const isOver = { now: false };
  const killing = killAtRandom(['Import/Engine/Freeze', 'Import/Engine/Write'], () => isOver.now);
  try {
    await drop(SECOND_FILE, ['Address,OptOut,EffectiveDate,Attributes.Round', ...rows].join('\n'));
    const event = await newestEvent(2);
    await deliverAgain(event);
    await eventually(() => expect(dynamo.requests).toBeGreaterThan(writes), DRAIN_LIMIT_MS);
    dynamo.share = THROTTLED_SHARE;
    await sleep(THROTTLED_MS);
    dynamo.share = 0;
    secondImport = await imported(3, SECOND_FILE);
    await deliverAgain(event);
    expect(await imported(4, SECOND_FILE)).toEqual(secondImport);
  } finally {
    isOver.now = true;
    await killing;
    dynamo.share = 0;
  }
  print('import under misery', { people: some.length, seconds: secondsSince(started), kills: seen.kills, ...throttled() });
  expect(secondImport).toMatchObject({
    status: 'COMPLETED',
    rows: some.length,
    rejected: 0,
    created: 0,
    // Nobody is opted in by a file.
    keptOptedOut: some.filter(({ optedOut }) => optedOut).length,
    tagged: some.length,
    tag: 'round two',
  });
  expect(dynamo.throttled).toBeGreaterThan(0);
  expect(seen.kills).toBeGreaterThan(0);
});

test('a campaign reaches its end', async () => {
  const request = {
    campaign: 'misery',
    source: { name: 'tag', tag: TAG },
    treatments: [
      { name: 'equal', weight: 4, message: { data: EQUAL_TEXT } },
      { name: 'personal', weight: 1, message: { data: PERSONALISED } },
    ],
    clientToken: `misery ${SEED}`,
  };
  await line.randomFaults({ seed: SEED, share: LINE_FAULT_SHARE, faults: MIXED_FAULTS });
  dynamo.share = THROTTLED_SHARE;
  usageBefore = await line.usage();
  const throttledBefore = dynamo.throttled;
  const isOver = { now: false };
  const repeats = new Set<Promise<unknown>>();
  try {
    const held = await line.hold('multicast');
    const { runId } = await twice(request);
    const killing = killAtRandom(['Campaigns/Plan', 'Campaigns/Read', 'Campaigns/Pack', 'Campaigns/Look', 'Line/Sender/Chunk'], () => isOver.now);
    const repeating = repeatChunks(runId, repeats, () => isOver.now);
    const ending = ended(runId, () => isOver.now);
    ending.catch(() => undefined);
    await killAtWork(held);
    await pauseAndResume(runId, repeats);
    await loseTable();
    await loseExecution(runId);
    await ending;
    isOver.now = true;
    await Promise.all([killing, repeating, ...repeats]);
    misery = await outcomeOf(await twice(request));
  } finally {
    isOver.now = true;
    dynamo.share = 0;
    await line.clearFaults();
  }
  const struck: Record<string, number> = {};
  const { requests, run } = misery;
  for (const { fault } of requests) {
    const name = fault ? `${fault.answer}${fault.status ?? ''}${fault.accepted ? ', accepted' : ''}` : 'none';
    struck[name] = (struck[name] ?? 0) + 1;
  }
  print('misery', {
    recipients: wanted.length,
    calls: requests.length,
    multicasts: requests.filter(({ operation }) => operation === 'multicast').length,
    faults: struck,
    invocations: misery.chunkInvocations,
    ...seen,
    ...throttled(),
    seconds: misery.seconds,
  });
  expect(run.state).toBe(CampaignState.COMPLETED);
  // All of it did happen.
  expect(requests.some(({ fault }) => fault !== undefined)).toBe(true);
  expect(dynamo.throttled).toBeGreaterThan(throttledBefore);
  expect(seen.chunksRepeated + seen.repeatsFailed).toBeGreaterThan(0);
  expect(run.generation).toBeGreaterThan(2);
});

test('nobody is lost, nobody gets it twice, who has opted out gets nothing, and all books say so', () => {
  expectOnce(misery);
  expectBooks(misery, misery.run.frozen!.treatments);
  expect(Object.keys(misery.run.frozen!.treatments)).toEqual(['equal', 'personal']);
});

test('everybody got what was written for their treatment', () => {
  const received = new Map(misery.deliveries.map(({ to, messages }) => [to, messages]));
  const names = new Map(people.map(({ userId, displayName }) => [userId, displayName]));
  for (const [userId, [{ treatment }]] of misery.lines) {
    const text = treatment === 'equal' ? EQUAL_TEXT : PERSONALISED.text.replace('{{User.UserAttributes.DisplayName}}', names.get(userId)!);
    expect(received.get(userId)).toEqual([{ type: 'text', text }]);
  }
});

test('no request broke a rule of LINE', async () => {
  expect(await line.violations()).toEqual([]);
});

// ---------------------------------------------------------------------------------------------------- what must hold

function expectOnce({ deliveries }: Outcome): void {
  const counts = new Map<string, number>();
  deliveries.forEach(({ to }) => counts.set(to, (counts.get(to) ?? 0) + 1));
  expect({
    lost: wanted.filter(({ userId }) => !counts.has(userId)),
    twice: wanted.filter(({ userId }) => (counts.get(userId) ?? 0) > 1),
    unwanted: people.filter(({ userId, optedOut }) => optedOut && counts.has(userId)),
  }).toEqual({ lost: [], twice: [], unwanted: [] });
  expect(deliveries).toHaveLength(wanted.length);
}

/** The record, the manifest, the lines of the result objects and the journal say the same. */
function expectBooks({ run, manifest, lines, books }: Outcome, treatments: Readonly<Record<string, number>>): void {
  const counts: CampaignCounts = { accepted: wanted.length, skipped: 0, failed: 0, unknown: 0, pending: 0 };
  expect(run).toMatchObject({
    state: CampaignState.COMPLETED,
    counts,
    frozen: { recipients: wanted.length, optedOut: PEOPLE - wanted.length, notSubscribed: 0, duplicates: 0, holdout: 0, treatments },
  });
  expect(run.ambiguous).toBeUndefined();
  expect(manifest).toMatchObject({ state: CampaignState.COMPLETED, recipients: wanted.length, counts, missing: [] });
  expect(Object.values(treatments).reduce((sum, count) => sum + count, 0)).toBe(wanted.length);

  expect([...lines.keys()].sort()).toEqual(wanted.map(({ userId }) => userId).sort());
  const all = [...lines.values()];
  expect(all.filter((each) => each.length !== 1)).toEqual([]);
  expect(all.filter(([{ status, requestId }]) => status !== 'accepted' || !requestId)).toEqual([]);

  for (const [treatment, recipients] of Object.entries(treatments)) {
    expect(run.treatments?.[treatment]).toEqual({ ...counts, accepted: recipients, recipients });
    expect(all.filter(([person]) => person.treatment === treatment)).toHaveLength(recipients);
    expect(books[treatment]).toEqual({ recipients, accepted: recipients, skipped: 0, failed: 0, unknown: 0, pending: 0, reasons: {} });
  }
}

// ---------------------------------------------------------------------------------------------------- imports

async function drop(key: string, content: string | Buffer): Promise<void> {
  await stage.client(S3Client).send(new PutObjectCommand({ Bucket: stack.output('ImportBucket'), Key: key, Body: content }));
}

/** Every execution of the import so far, the newest first. */
async function importExecutions(): Promise<{ arn: string; status: string }[]> {
  const found: { arn: string; status: string }[] = [];
  for await (const { executions = [] } of paginateListExecutions({ client: stage.client(SFNClient) }, { stateMachineArn: stack.resource('Import/Engine/Run') })) {
    found.push(...executions.map(({ executionArn, status }) => ({ arn: executionArn!, status: status! })));
  }
  return found;
}

/** Input of the newest execution, of so many: the event of the file that was dropped last. */
async function newestEvent(executions: number): Promise<string> {
  const [{ arn }] = await eventually(async () => {
    const found = await importExecutions();
    expect(found).toHaveLength(executions);
    return found;
  });
  return (await stage.client(SFNClient).send(new DescribeExecutionCommand({ executionArn: arn }))).input!;
}

/** EventBridge delivers an event at least once, and each delivery starts an execution. */
async function deliverAgain(event: string): Promise<void> {
  await stage.client(SFNClient).send(new StartExecutionCommand({ stateMachineArn: stack.resource('Import/Engine/Run'), input: event }));
  seen.eventsRepeated++;
}

/** Waits until so many executions have ended well. @returns the summary of the file's import, of which there must be one */
async function imported(executions: number, file: string): Promise<ImportSummary> {
  await eventually(async () => {
    const found = await importExecutions();
    expect(found.map(({ status }) => status)).toEqual(Array(executions).fill('SUCCEEDED'));
  }, DRAIN_LIMIT_MS);
  const bucket = stack.output('ImportBucket');
  const summaries: ImportSummary[] = [];
  for (const key of await keysBelow(bucket, IMPORT_PREFIX)) {
    if (key.endsWith('/summary.json')) {
      summaries.push(JSON.parse(await readObject(bucket, key)));
    }
  }
  const ofFile = summaries.filter((summary) => summary.file === file);
  expect(ofFile).toHaveLength(1);
  return ofFile[0];
}

// ---------------------------------------------------------------------------------------------------- campaigns

/** What the control function answers; asked again when it fails, as whoever starts campaigns does. */
async function control(request: object): Promise<RunReport> {
  const answer = await eventually(async () => stage.invoke<ControlAnswer>(stack.output('CampaignFunction'), request));
  if (!('runId' in answer)) {
    throw new Error(`${JSON.stringify(request)} was answered with ${JSON.stringify(answer)}`);
  }
  return answer;
}

/** Asks for the same twice at once. */
async function twice(request: object): Promise<RunReport> {
  const [one, other] = await Promise.all([control(request), control(request)]);
  expect(one.runId).toBe(other.runId);
  seen.commandsRepeated++;
  return one;
}

/** Waits until a run has ended for good. One that was paused or failed by itself is resumed, as somebody on duty does. */
async function ended(runId: string, isGivenUp: () => boolean = () => false): Promise<RunReport> {
  for (const deadline = Date.now() + DRAIN_LIMIT_MS; ; await sleep(500)) {
    const run = await control({ action: 'status', runId });
    if (FINAL_STATES.includes(run.state)) {
      return run;
    }
    if (RESUMABLE_STATES.includes(run.state) && run.reason !== CampaignReason.OPERATOR) {
      seen.resumes.push(`${run.state} ${run.reason}: ${run.message}`);
      expect(seen.resumes.length).toBeLessThanOrEqual(MAX_RESUMES);
      await twice({ action: 'resume', runId });
    }
    if (Date.now() > deadline || isGivenUp()) {
      throw new Error(`the run has not ended: ${JSON.stringify(run)}`);
    }
  }
}

/** Everything that is known of a run that has ended. What LINE's stand-in has noted is taken out of it. */
async function outcomeOf(run: RunReport): Promise<Outcome> {
  const { bucket, key } = run.manifest!;
  const manifest: ResultManifest = JSON.parse(await readObject(bucket, key));
  const lines = new Map<string, PersonLine[]>();
  const books: Record<string, RunBooks['books']> = {};
  for (const { key: resultKey, treatment } of manifest.results) {
    const [first, ...others] = (await readObject(bucket, resultKey)).trimEnd().split('\n').map((text) => JSON.parse(text));
    for (const each of others as ChunkResultLine[]) {
      lines.set(each.id, [...lines.get(each.id) ?? [], { ...each, treatment }]);
    }
    const { runId } = first as ChunkSendResult;
    books[treatment] ??= (await stage.invoke<RunBooks>(channel.resource('Sender/Outcomes/Books'), { runId, limit: 0 })).books;
  }
  const messages = (await Promise.all([line.requests('multicast'), line.requests('push')])).flat();
  const deliveries = await line.deliveries();
  await line.forgetRecords();
  const invocations = (await stack.logLines(channel.resource('Sender/ChunkLogs'))).filter((text) => text.startsWith('START RequestId')).length;
  const outcome = {
    run,
    manifest,
    lines,
    books,
    deliveries,
    requests: messages,
    chunkInvocations: invocations - invocationsBefore,
    seconds: (Date.parse(run.endedAt!) - Date.parse(run.createdAt)) / 1_000,
  };
  invocationsBefore = invocations;
  return outcome;
}

// ---------------------------------------------------------------------------------------------------- misery

/** The request is with LINE when the process that sent it is gone; LINE takes it. */
async function killAtWork(held: number): Promise<void> {
  await line.held(held);
  seen.killedAtWork += killWorkers(stage, channel.resource('Sender/Chunk'));
  await line.release(held, faults.reset({ accepted: true }));
  expect(seen.killedAtWork).toBeGreaterThan(0);
}

/** Lambda invokes at least once: every chunk that the state machine sends is sent a second time, at the same time. */
async function repeatChunks(runId: string, repeats: Set<Promise<unknown>>, isOver: () => boolean): Promise<void> {
  const bucket = stack.output('CampaignBucket');
  const known = new Set<string>();
  while (!isOver()) {
    for (const key of (await keysBelow(bucket, runKey(runId, 'pending/'))).filter((each) => !known.has(each))) {
      known.add(key);
      for (const text of (await readObject(bucket, key)).trimEnd().split('\n')) {
        const event: ChunkSendEvent = JSON.parse(text);
        const repeat: Promise<unknown> = stage.invoke(channel.resource('Sender/Chunk'), event)
          // It may be killed or throttled: then it was no second time, and the first one is what counts.
          .then(() => { seen.chunksRepeated++; }, () => { seen.repeatsFailed++; })
          .finally(() => repeats.delete(repeat));
        repeats.add(repeat);
      }
    }
    await sleep(200);
  }
}

/** In the middle of the run; nobody is sent to while it stands still. */
async function pauseAndResume(runId: string, repeats: Set<Promise<unknown>>): Promise<void> {
  await sentTo(PAUSE_AT);
  await twice({ action: 'pause', runId });
  await eventually(async () => expect(await control({ action: 'status', runId })).toMatchObject({ state: CampaignState.PAUSED }), DRAIN_LIMIT_MS);
  await Promise.all(repeats);
  const before = await sentSoFar();
  await sleep(2_000);
  expect(await sentSoFar()).toBe(before);
  expect(before).toBeLessThan(wanted.length);
  seen.pausedAt = before;
  await twice({ action: 'resume', runId });
}

/** For a while DynamoDB takes nothing at all. */
async function loseTable(): Promise<void> {
  await sentTo(OUTAGE_AT);
  seen.tableLostAt = await sentSoFar();
  dynamo.share = 1;
  await sleep(OUTAGE_MS);
  dynamo.share = THROTTLED_SHARE;
}

/** The execution is gone, though not what it has begun; the watchdog finds the run. */
async function loseExecution(runId: string): Promise<void> {
  await sentTo(LOST_AT);
  const { execution, generation } = await control({ action: 'status', runId });
  await stage.client(SFNClient).send(new StopExecutionCommand({ executionArn: execution }));
  seen.executionLostAt = await sentSoFar();
  await eventually(async () => {
    // As if minutes had passed: so long the watchdog leaves a run alone.
    await stage.client(DynamoDBClient).send(new UpdateItemCommand({
      TableName: stack.resource('Campaigns/Runs'),
      Key: { [RUN_PARTITION_KEY]: { S: runRecordPartitionKey(runId) }, [RUN_SORT_KEY]: { S: SORT_KEY_RUN_RECORD } },
      UpdateExpression: 'SET updatedAt = :longAgo',
      ExpressionAttributeValues: { ':longAgo': { S: new Date(Date.now() - 3_600_000).toISOString() } },
    }));
    await stage.invoke(stack.resource('Campaigns/Watch'), {});
    expect((await control({ action: 'status', runId })).generation).toBeGreaterThan(generation);
  });
}

/** Waits until LINE has sent to such a share of the people. */
async function sentTo(share: number): Promise<void> {
  await eventually(async () => expect(await sentSoFar()).toBeGreaterThanOrEqual(wanted.length * share), DRAIN_LIMIT_MS);
}

async function sentSoFar(): Promise<number> {
  return await line.usage() - usageBefore;
}

/** SIGKILL for what runs of these functions, at random moments; of each a few times. */
async function killAtRandom(paths: readonly string[], isOver: () => boolean): Promise<void> {
  const left = new Map(paths.map((path) => [path, MAX_KILLS]));
  while (!isOver()) {
    await sleep(random() * KILL_PAUSE_MS);
    const path = paths[Math.floor(random() * paths.length)];
    if (left.get(path)! > 0) {
      const killed = killWorkers(stage, stack.resource(path));
      seen.kills += killed;
      left.set(path, left.get(path)! - Math.min(1, killed));
    }
  }
}

// ---------------------------------------------------------------------------------------------------- objects, figures

async function keysBelow(bucket: string, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: stage.client(S3Client) }, { Bucket: bucket, Prefix: prefix })) {
    keys.push(...Contents.map(({ Key }) => Key!));
  }
  return keys;
}

async function readObject(bucket: string, key: string): Promise<string> {
  const { Body } = await stage.client(S3Client).send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return Body!.transformToString();
}

function throttled(): Record<string, number> {
  return { dynamoRequests: dynamo.requests, throttled: dynamo.throttled, answeredInPart: dynamo.answeredInPart };
}

function secondsSince(startedAt: number): number {
  return Math.round((Date.now() - startedAt) / 100) / 10;
}

/** The figures, as a line of JSON. */
function print(part: string, figures: object): void {
  process.stdout.write(`${JSON.stringify({ seed: SEED, part, ...figures })}\n`);
}
