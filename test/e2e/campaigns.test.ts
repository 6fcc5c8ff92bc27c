import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import {
  DeleteObjectCommand, DeleteObjectsCommand, GetObjectCommand, ListObjectVersionsCommand, PutObjectCommand, S3Client,
} from '@aws-sdk/client-s3';
import { GetScheduleCommand, ResourceNotFoundException, SchedulerClient } from '@aws-sdk/client-scheduler';
import { DescribeExecutionCommand, ListExecutionsCommand, SFNClient, StartExecutionCommand, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { faults } from '../../simulator/faults';
import { lineUserId } from '../../simulator/line-ids';
import { Delivery, LineRequestRecord, LineUser } from '../../simulator/line-platform';
import { Stage } from '../../simulator/stage/stage';
import { CampaignReason, CampaignRunDetail, CampaignState, runRecordPartitionKey, SORT_KEY_RUN_RECORD } from '../../src/contract/campaigns';
import { CustomChannelEvent, SendErrorCode } from '../../src/contract/custom-channel';
import { ImportSummary, importKey } from '../../src/contract/imports';
import { RunReport } from '../../src/domain/campaigns/control-campaigns';
import { DeployedCampaigns, expectDelivered, linesOf } from '../support/deployed-campaigns';
import { DEPLOY_LIMIT_MS, DeployedChannel, DeployedStack, deployStack, eventually, startStage } from '../support/deployed-channel';

/**
 * From webhooks and files to campaigns and their books, on the deployed stack, without Amazon Pinpoint. The judge is LINE: what its
 * stand-in was asked, and what each friend received. Every scenario has people of its own, whom an import brings, and a text of its own.
 */
const { COMPLETED, PAUSED, CANCELLED, FAILED, HELD, EXPIRED, SCHEDULED, RECURRING, STARTING, SENDING } = CampaignState;

/** Milliseconds for one scenario. Nothing is asserted about time: this only ends what would never end. */
const SCENARIO_LIMIT_MS = 300_000;
jest.setTimeout(SCENARIO_LIMIT_MS);

let stage: Stage;
let stack: DeployedStack;
let channel: DeployedChannel;
let campaigns: DeployedCampaigns;
/** The runner of a channel of Amazon Pinpoint's time; its hours are always quiet. */
let maps: DeployedCampaigns;
let importBucket: string;

beforeAll(async () => {
  // A twentieth of the state machines' pauses; who is to wait for hours is not waited for.
  stage = await startStage({ lambdaEnvironment: { SFN_WAIT_SCALE: '0.05' } });
  const hour = (from: number) => new Date(Date.now() + from * 3_600_000).toISOString().slice(11, 16);
  stack = await deployStack(stage, {
    app: 'test/e2e/fixtures/campaigns/app.ts', stackName: 'CampaignsUnderTest', context: { quietFrom: hour(-2), quietTo: hour(12) },
  });
  channel = stack.channel();
  campaigns = new DeployedCampaigns(stack);
  maps = new DeployedCampaigns(stack, 'Maps');
  importBucket = stack.resource('Import/Bucket');
  await channel.start();
}, DEPLOY_LIMIT_MS);
afterAll(async () => stage?.stop());
afterEach(() => stage?.line.clearFaults());

// ---------------------------------------------------------------------------------------------------- people

/** Friends of the account, of whom the subscriber table knows nothing. */
function friends(name: string, number: number): LineUser[] {
  return Array.from({ length: number }, (_, n) => {
    const user = { userId: lineUserId(`${name} ${n}`), displayName: `${name}さん ${n}`, language: 'ja' };
    stage.line.add(user);
    return user;
  });
}

/** Who came by LINE's webhooks. */
let followed: LineUser[];
/** Who came by an export of Amazon Pinpoint; the first has opted out there, the second is inactive. */
let fromExport: LineUser[];

const idsOf = (people: readonly LineUser[]) => people.map(({ userId }) => userId).sort();

/** Of whom the subscriber table knows by an import, by the attribute `Group`: who is named by `inGroup`. */
const GROUPS = {
  token: 8,
  dropped: 8,
  mass: 1_100,
  cancelled: 12,
  dry: 30,
  empty: 4,
  late: 12,
  both: 40,
  gone: 12,
  orphan: 12,
  quota: 12,
  planned: 6,
  template: 25,
  writing: 20,
  maps: 120,
  nemo: 60,
  quiet: 6,
};
/** Whom of `nemo` the channel of Amazon Pinpoint's time cannot send to. */
const NEMO = 55;
type Group = keyof typeof GROUPS;
const groups = new Map<string, LineUser[]>();
const people = (group: Group) => groups.get(group)!;

/** A source that chooses a group, as Amazon Pinpoint's GetSegment answers it. */
function inGroup(...values: Group[]): object {
  return {
    name: 'segment',
    segment: {
      ApplicationId: '0123456789abcdef0123456789abcdef',
      Id: 'fedcba9876543210fedcba9876543210',
      Arn: 'arn:aws:mobiletargeting:us-east-1:000000000000:apps/x/segments/y',
      CreationDate: '2025-11-23T00:00:00.000Z',
      SegmentType: 'DIMENSIONAL',
      Name: values.join(),
      Dimensions: { Attributes: { Group: { AttributeType: 'INCLUSIVE', Values: values } } },
      Version: 1,
    },
  };
}

// ---------------------------------------------------------------------------------------------------- what LINE delivered

/** Deliveries of campaigns with a text that begins so. */
function deliveriesOf(text: string): Delivery[] {
  return stage.line.deliveries().filter(({ messages }) => String(messages[0].text).startsWith(text));
}

const receivers = (text: string) => deliveriesOf(text).map(({ to }) => to).sort();

/** How often LINE was asked to send a text, whatever it answered. */
function requestsWith(text: string): LineRequestRecord[] {
  return [...stage.line.requests('multicast'), ...stage.line.requests('push')].filter(({ body }) => body?.includes(text));
}

// ---------------------------------------------------------------------------------------------------- what was said

interface Notification {
  readonly type?: string;
  readonly body: any;
}

const notifications: Notification[] = [];
const changes: CampaignRunDetail[] = [];
/** Events of objects, as S3 sends them by EventBridge. */
const objectEvents: any[] = [];

async function listen(): Promise<void> {
  for (const { Body, MessageAttributes } of await stack.drain(stack.resource('Notified'))) {
    notifications.push({ type: MessageAttributes?.notification_type?.StringValue, body: JSON.parse(Body!) });
  }
  for (const { Body } of await stack.drain(stack.resource('Said'))) {
    changes.push(JSON.parse(Body!).detail);
  }
  for (const { Body } of await stack.drain(stack.resource('Dropped'))) {
    objectEvents.push(JSON.parse(Body!));
  }
}

/** Waits until something was said. */
async function heard<T>(among: readonly T[], isMeant: (one: T) => boolean): Promise<T> {
  return eventually(async () => {
    await listen();
    const found = among.find(isMeant);
    if (!found) {
      throw new Error(`nobody said so; said was ${JSON.stringify(among).slice(0, 5_000)}`);
    }
    return found;
  });
}

/** `STARTING`, `SENDING`, …: every change of a run that the bus was told of, in the order of their times. */
async function statesOf({ runId }: RunReport, last: CampaignState): Promise<string[]> {
  await heard(changes, (change) => change.runId === runId && change.state === last);
  const ofRun = changes.filter((change) => change.runId === runId).sort((one, other) => (one.at < other.at ? -1 : 1));
  return [...new Set(ofRun.map(({ state, reason }) => (reason ? `${state} ${reason}` : state)))];
}

async function notificationsOf({ runId }: RunReport, last: string): Promise<string[]> {
  const ofRun = ({ body }: Notification) => body.CampaignCreateResult?.RunId === runId;
  await heard(notifications, (one) => ofRun(one) && one.body.Message === last);
  return notifications.filter(ofRun).map(({ type, body }) => `${type}: ${body.Message}`);
}

// ---------------------------------------------------------------------------------------------------- imports

async function drop(bucket: string, key: string, body: string | Buffer): Promise<void> {
  await stage.client(S3Client).send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
}

/** Drops a file of subscribers and waits for what came of it. */
async function importFile(key: string, body: string | Buffer): Promise<ImportSummary> {
  await drop(importBucket, key, body);
  const { body: { ImportResult } } = await heard(notifications, ({ body: { ImportResult: result } }) => result?.file === key);
  return ImportResult;
}

/** Text of an object of the import. */
async function readImport(key: string): Promise<string> {
  const { Body } = await stage.client(S3Client).send(new GetObjectCommand({ Bucket: importBucket, Key: key }));
  return Body!.transformToString();
}

/** A line of an export of Amazon Pinpoint. */
function exported({ userId, displayName }: LineUser, members: object = {}): string {
  return `${JSON.stringify({
    Id: userId,
    ChannelType: 'CUSTOM',
    Address: userId,
    EndpointStatus: 'ACTIVE',
    OptOut: 'NONE',
    RequestId: '0b6d9a2e-0c3b-4b0a-9a55-0e4a0f5d7c11',
    CohortId: '42',
    EffectiveDate: '2025-06-01T00:00:00.000Z',
    CreationDate: '2024-01-01T00:00:00.000Z',
    ApplicationId: '0123456789abcdef0123456789abcdef',
    User: { UserId: userId, UserAttributes: { DisplayName: [displayName] } },
    Attributes: { Interests: ['音楽', 'travel'] },
    Metrics: { Points: 12.5 },
    ...members,
  })}\n`;
}

async function executionsOf(stateMachineArn: string) {
  const { executions = [] } = await stage.client(SFNClient).send(new ListExecutionsCommand({ stateMachineArn }));
  return executions;
}

/** Starts a state machine and waits for the end of the execution. @returns its status */
async function execute(stateMachineArn: string, input: unknown): Promise<string> {
  const { executionArn } = await stage.client(SFNClient).send(new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input) }));
  return eventually(async () => {
    const { status } = await stage.client(SFNClient).send(new DescribeExecutionCommand({ executionArn }));
    if (status === 'RUNNING') {
      throw new Error(`${executionArn} is running`);
    }
    return status!;
  });
}

// ---------------------------------------------------------------------------------------------------- scenarios

describe('webhooks and files become subscribers, subscribers a campaign', () => {
  let fromCsv: LineUser[];
  /** Followed, and left. */
  let left: LineUser;

  beforeAll(async () => {
    followed = friends('follower', 4);
    for (const user of followed) {
      await stage.line.follow(user);
    }
    left = followed.pop()!;
    await eventually(async () => {
      for (const { userId, displayName } of [...followed, left]) {
        expect(await channel.subscriber(userId)).toMatchObject({ OptOut: 'NONE', User: { UserAttributes: { DisplayName: [displayName] } } });
      }
    });
    await stage.line.unfollow(left.userId);
    await eventually(async () => expect(await channel.subscriber(left.userId)).toMatchObject({ OptOut: 'ALL' }));
    fromExport = friends('exported', 30);
    fromCsv = friends('from a file', 30);
  }, SCENARIO_LIMIT_MS);

  test('an export of Amazon Pinpoint, in two gzip members, brings its people, and who said no stays out', async () => {
    const [optedOut, inactive, ...others] = fromExport;
    const lines = [
      exported(optedOut, { OptOut: 'ALL' }),
      exported(inactive, { EndpointStatus: 'INACTIVE' }),
      ...others.map((person) => exported(person)),
      exported(left),
      `${JSON.stringify({ Id: 'mail', ChannelType: 'EMAIL', Address: 'somebody@example.com', OptOut: 'NONE' })}\n`,
    ];
    const body = Buffer.concat([gzipSync(lines.slice(0, 10).join('')), gzipSync(lines.slice(10).join(''))]);
    const summary = await importFile('import/export/endpoints-1.gz', body);
    expect(summary).toMatchObject({
      status: 'COMPLETED', rows: 32, imported: 31, created: 30, keptOptedOut: 1, ignored: 1, rejected: 0, tagged: 31, tag: 'endpoints-1',
    });
    expect(await channel.subscriber(others[0].userId)).toMatchObject({
      OptOut: 'NONE', EffectiveDate: '2025-06-01T00:00:00.000Z', Attributes: { Interests: ['音楽', 'travel'] }, Metrics: { Points: 12.5 },
    });
    expect(await channel.subscriber(left.userId)).toMatchObject({ OptOut: 'ALL' });
    await heard(notifications, ({ type, body: { Message, Input } }) => (
      type === 'started' && Message === 'Import Started' && Input.S3URL === `s3://${importBucket}/import/export/endpoints-1.gz`));
  });

  test('a CSV whose key has spaces, + and Japanese is read with its lists, quotes and line breaks; a wrong row does not stop the others', async () => {
    const key = 'import/春の セール+会員 2026.csv';
    const header = 'Address,User.UserAttributes.DisplayName,Attributes.Interests,Attributes.Interests,Attributes.Note';
    const rows = fromCsv.map(({ userId, displayName }) => `${userId},${displayName},映画,"food, wine","first line\r\nsecond ""line"""`);
    const wrong = 'Unobody,Nobody,,,';
    const summary = await importFile(key, `\uFEFF${[header, ...rows.slice(0, 3), wrong, ...rows.slice(3)].join('\r\n')}\r\n`);
    expect(summary).toMatchObject({ status: 'COMPLETED', rows: 31, created: 30, rejected: 1, tagged: 30, tag: '春の セール-会員 2026' });
    expect(await channel.subscriber(fromCsv[29].userId)).toMatchObject({
      Attributes: { Interests: ['映画', 'food, wine'], Note: ['first line\r\nsecond "line"'] },
    });
    const rejects = await readImport(importKey(summary.importId, 'rejects/00000.jsonl'));
    expect(linesOf(rejects).map((line) => JSON.parse(line))).toEqual([{ line: 8, column: 'Address', value: 'Unobody', reason: expect.any(String) }]);
  });

  test('an event that is delivered twice imports once', async () => {
    const event = await heard(objectEvents, ({ detail }) => detail.object.key.startsWith('import/春の'));
    const before = notifications.length;
    await execute(stack.resource('Import/Engine/Run'), event);
    await listen();
    expect(notifications.slice(before)).toEqual([]);
  });

  test('a campaign with two treatments and a holdout reaches everybody once, and record, manifest, bus and topic agree with LINE', async () => {
    const request = {
      campaign: '春の sale',
      source: 'everybody',
      treatments: [
        { name: 'a', weight: 2, message: { data: '{"type":"text","text":"春 A {{User.UserAttributes.DisplayName|you}}"}' } },
        { name: 'b', weight: 1, message: { data: { type: 'text', text: '春 B' } } },
      ],
      holdoutPercent: 20,
      clientToken: 'spring',
      startedBy: 'somebody',
    };
    const run = await campaigns.complete(request);

    const eligible = [...idsOf(followed), ...idsOf(fromExport.slice(2)), ...idsOf(fromCsv)].sort();
    const { frozen, treatments } = run;
    expect(run).toMatchObject({ kind: 'SEND', campaign: '春の sale', source: 'everybody', startedBy: 'somebody' });
    expect(run.ambiguous).toBeUndefined();
    // Two of the export, and who left.
    expect(frozen).toMatchObject({ recipients: eligible.length - frozen!.holdout, optedOut: 3, notSubscribed: 0, duplicates: 0 });
    expect(frozen!.holdout).toBeGreaterThan(0);
    expect(treatments!.a.recipients + treatments!.b.recipients).toBe(frozen!.recipients);
    expect(treatments!.a.recipients).toBeGreaterThan(treatments!.b.recipients);
    expect(run.counts).toEqual({ accepted: frozen!.recipients, skipped: 0, failed: 0, unknown: 0, pending: 0 });

    const audit = await campaigns.audit(run);
    expectDelivered(audit, deliveriesOf('春 '));
    expect([...audit.outcomes.keys()].filter((id) => !eligible.includes(id))).toEqual([]);
    for (const { to, messages: [{ text }] } of deliveriesOf('春 ')) {
      const { displayName } = [...followed, ...fromExport, ...fromCsv].find(({ userId }) => userId === to)!;
      expect(text).toBe(audit.outcomes.get(to)!.treatment === 'a' ? `春 A ${displayName}` : '春 B');
    }
    expect(await statesOf(run, COMPLETED)).toEqual([STARTING, SENDING, COMPLETED]);
    expect(changes.find(({ runId, state }) => runId === run.runId && state === COMPLETED)).toMatchObject({
      campaign: '春の sale', kind: 'SEND', recipients: frozen!.recipients, counts: run.counts,
    });
    expect(await notificationsOf(run, 'Campaign Successful')).toEqual(['started: Campaign Started', 'success: Campaign Successful']);
    expect(stage.line.violations()).toEqual([]);

    // The same people are held out, and the same get the same, when the campaign comes again.
    const again = await campaigns.complete({ ...request, clientToken: 'spring again' });
    const treatmentsOf = ({ outcomes }: typeof audit) => [...outcomes].map(([id, { treatment }]) => `${id} ${treatment}`).sort();
    expect(treatmentsOf(await campaigns.audit(again))).toEqual(treatmentsOf(audit));
  });

  test('a file is a segment by its tag', async () => {
    const source = { name: 'tag', tag: '春の セール-会員 2026' };
    const run = await campaigns.complete({ campaign: 'tag', source, message: { data: 'tagged' }, clientToken: 'tagged' });
    expectDelivered(await campaigns.audit(run), deliveriesOf('tagged'));
    expect(receivers('tagged')).toEqual(idsOf(fromCsv));
  });

  test('a cut-off .gz and a wrong header are refused whole, and the notification says why', async () => {
    const strangers = Array.from({ length: 20 }, (_, n) => ({ userId: lineUserId(`never ${n}`), displayName: 'Never' }));
    const whole = gzipSync(strangers.map((person) => exported(person)).join(''));
    const cut = await importFile('import/cut.gz', whole.subarray(0, whole.length - 20));
    const csv = await importFile('import/header.csv', `Adress,Attributes.Plan\n${strangers[0].userId},gold\n`);
    const town = await importFile('import/town.csv', `Address,Location.Town\n${strangers[0].userId},Tokyo\n`);
    expect([cut, csv, town].map(({ status, imported }) => [status, imported])).toEqual([['FAILED', 0], ['FAILED', 0], ['FAILED', 0]]);
    expect(cut.message).toMatch(/cut off/);
    // A header may be a person's row: notifications do not quote it, the summary does.
    for (const [refused, quoted] of [[csv, "'Adress'"], [town, "'Town'"]] as const) {
      expect(refused.message).not.toContain(quoted);
      const [, Bucket, Key] = /s3:\/\/([^/]+)\/(\S+\.json)/.exec(refused.message!)!;
      const summary = await stage.client(S3Client).send(new GetObjectCommand({ Bucket, Key }));
      expect(JSON.parse(await summary.Body!.transformToString()).message).toContain(quoted);
    }
    const failures = notifications.filter(({ body: { ImportResult: result } }) => result?.status === 'FAILED');
    expect(failures.map(({ type }) => type)).toEqual(['failure', 'failure', 'failure']);
    for (const { userId } of strangers) {
      expect(await channel.subscriber(userId)).toBeUndefined();
    }
  });
});

describe('runs', () => {
  beforeAll(async () => {
    const rows: string[] = [];
    for (const [name, number] of Object.entries(GROUPS)) {
      groups.set(name, friends(name, number));
      groups.get(name)!.forEach(({ userId, displayName }, n) => {
        rows.push([userId, name, name === 'nemo' && n === NEMO ? 'Nemo' : displayName, name === 'empty' ? 'ALL' : 'NONE'].join());
      });
    }
    const summary = await importFile('import/groups.csv', `Address,Group,User.UserAttributes.DisplayName,OptOut\n${rows.join('\n')}\n`);
    expect(summary).toMatchObject({ status: 'COMPLETED', created: rows.length, rejected: 0 });
  }, SCENARIO_LIMIT_MS);

  /** A campaign to a group, with its name as text. */
  const campaign = (name: string, group: Group, more: object = {}) => (
    { campaign: name, source: inGroup(group), message: { data: name }, clientToken: name, ...more });

  /** Two treatments, which are two chunks: `<text> 1` and `<text> 2`. */
  const twoChunks = (text: string) => ({
    message: undefined,
    treatments: ['1', '2'].map((name) => ({ name, weight: 1, message: { data: `${text} ${name}` } })),
    options: { canary: 'OFF' },
  });

  test('a campaign that is started twice with one token, also at the same moment, is one run', async () => {
    const request = campaign('once', 'token');
    const [one, other] = await Promise.all([campaigns.run(request), campaigns.run(request)]);
    const run = await campaigns.until(one.runId, COMPLETED);
    const later = await campaigns.run(request);
    expect([other.runId, later.runId]).toEqual([run.runId, run.runId]);
    expect(receivers('once')).toEqual(idsOf(people('token')));
    expect(await campaigns.refusal({ ...request, message: { data: 'something else' } }))
      .toEqual([expect.stringMatching(/^clientToken has been used with another input/)]);
    expect((await executionsOf(campaigns.stateMachineArn)).filter(({ name }) => name!.startsWith(run.runId))).toHaveLength(1);
  });

  test('what is wrong with a request is said with its path, and nothing is started', async () => {
    const before = await executionsOf(campaigns.stateMachineArn);
    const found = await campaigns.refusal({
      campaign: '', source: 'everyone', mesage: { data: 'x' }, clientToken: 'wrong', options: { canary: 'MAYBE' },
    });
    expect(found.map((text) => text.split(' ')[0]).sort()).toEqual(['campaign', 'mesage', 'message', 'options.canary', 'source']);
    expect(await campaigns.refusal({ action: 'status', clientToken: 'wrong' })).toEqual([expect.stringMatching(/^runId /)]);
    expect(await executionsOf(campaigns.stateMachineArn)).toHaveLength(before.length);
  });

  test('a dropped file is a campaign, once, however often its event is delivered; one that is wrong or too large is rejected and said so', async () => {
    const key = 'campaigns/夏 の+セール.json';
    const { clientToken: _, ...input } = campaign('dropped', 'dropped');
    await campaigns.put(key, `\uFEFF${JSON.stringify(input)}`);
    const event = await heard(objectEvents, ({ detail }) => detail.object.key === key);
    const repeats = await Promise.all([1, 2].map(async () => campaigns.ask<RunReport>(event)));
    const run = await campaigns.until(repeats[0].runId, COMPLETED);
    expect(repeats[1].runId).toBe(run.runId);
    expect((await campaigns.ask<{ runs: RunReport[] }>({ action: 'list', campaign: 'dropped' })).runs.map(({ runId }) => runId)).toEqual([run.runId]);
    expect(receivers('dropped')).toEqual(idsOf(people('dropped')));

    // Step Functions would not take that much.
    const others = Array.from({ length: 4_000 }, (_each, n) => `nobody at all is in this group, which has number ${n}` as Group);
    const many = { ...input, action: 'estimate', source: inGroup('dropped', ...others) };
    expect(JSON.stringify(many).length).toBeGreaterThan(2 ** 17);
    await campaigns.put('campaigns/many.json', JSON.stringify(many));
    const { body: estimated } = await heard(notifications, ({ type, body }) => type === 'finished' && body.CampaignCreateResult?.Kind === 'ESTIMATE');
    expect(estimated.CampaignCreateResult).toMatchObject({ CampaignId: 'dropped', TotalEndpointCount: 8 });

    await campaigns.put('campaigns/wrong.json', JSON.stringify({ ...input, holdoutPercent: 120 }));
    await campaigns.put('campaigns/large.json', JSON.stringify({ ...input, startedBy: 'x'.repeat(6_000_000) }));
    for (const [name, path] of [['wrong', 'holdoutPercent'], ['large', '']]) {
      const { type, body } = await heard(notifications, (one) => one.body.CampaignCreateResult?.File?.Key === `campaigns/${name}.json`);
      expect([type, body.CampaignCreateResult.CampaignStatus]).toEqual(['failure', 'INVALID']);
      const { errors } = JSON.parse(await campaigns.read(`rejected/campaigns/${name}.json.json`));
      expect(errors).toEqual([{ path, message: expect.any(String) }]);
    }
  });

  test('a run that is paused in the middle of a chunk and resumed loses nobody and reaches nobody twice', async () => {
    const held = stage.line.hold('multicast');
    const { runId } = await campaigns.run(campaign('paused', 'mass', { options: { canary: 'OFF' } }));
    await stage.line.held(held);
    await campaigns.run({ action: 'pause', runId });
    // What was read of the flag is good for a second.
    await sleep(1_500);
    stage.line.release(held);
    const paused = await campaigns.until(runId, PAUSED);
    expect(paused).toMatchObject({ reason: CampaignReason.OPERATOR, counts: { accepted: 500, pending: 600 } });
    expect(receivers('paused')).toHaveLength(500);
    expect(await campaigns.run({ action: 'pause', runId })).toMatchObject({ state: PAUSED });
    await campaigns.run({ action: 'resume', runId });
    const run = await campaigns.until(runId, COMPLETED);
    expect(run.generation).toBe(2);
    expectDelivered(await campaigns.audit(run), deliveriesOf('paused'));
    expect(receivers('paused')).toEqual(idsOf(people('mass')));
    // One multicast for each 500, although the run was paused between them.
    expect(requestsWith('paused').filter(({ accepted }) => accepted)).toHaveLength(3);
    expect(await notificationsOf(run, 'Campaign Successful'))
      .toEqual(['started: Campaign Started', 'failure: Campaign Paused', 'success: Campaign Successful']);
    expect(await campaigns.refusal({ action: 'resume', runId })).toEqual([expect.stringContaining('COMPLETED')]);
  });

  test('a run that is cancelled reaches nobody any more, and says whom it reached', async () => {
    const held = stage.line.hold('multicast');
    const { runId } = await campaigns.run(campaign('cancelled', 'cancelled', twoChunks('cancelled')));
    await stage.line.held(held);
    await campaigns.run({ action: 'cancel', runId });
    await sleep(1_500);
    stage.line.release(held);
    const run = await campaigns.until(runId, CANCELLED);
    expect(run).toMatchObject({ reason: CampaignReason.OPERATOR, counts: { failed: 0, unknown: 0, skipped: 0 } });
    const audit = await campaigns.audit(run);
    expectDelivered(audit, deliveriesOf('cancelled'));
    expect(new Set(deliveriesOf('cancelled').map(({ messages }) => messages[0].text))).toEqual(new Set(['cancelled 1']));
    expect(run.counts!.accepted + run.counts!.pending).toBe(people('cancelled').length);
    expect(await campaigns.refusal({ action: 'resume', runId })).toEqual([expect.stringContaining('CANCELLED')]);
    expect(await notificationsOf(run, 'Campaign Cancelled')).toEqual(['started: Campaign Started', 'failure: Campaign Cancelled']);

    // Those whose turn never came can still be sent to, with the treatment that was theirs.
    const rest = await campaigns.complete({ action: 'retry', runId, includePending: true });
    expect(rest.counts).toEqual({ accepted: run.counts!.pending, skipped: 0, failed: 0, unknown: 0, pending: 0 });
    expect(Object.keys(rest.treatments!)).toEqual(['2']);
    expect(receivers('cancelled')).toEqual(idsOf(people('cancelled')));
  });

  test('an estimate tells how many, a dry run what they would get and what it costs; neither sends anything', async () => {
    const [first] = people('dry');
    const list = [...idsOf(people('dry')), first.userId, people('empty')[0].userId, lineUserId('nobody knows'), 'rubbish'];
    await drop(importBucket, 'lists/dry.txt', list.join('\n'));
    const source = { name: 'list', key: 'lists/dry.txt' };
    const estimate = await campaigns.complete({ action: 'estimate', campaign: 'dry', source });
    expect(estimate).toMatchObject({ kind: 'ESTIMATE', frozen: { recipients: 30, duplicates: 1, optedOut: 1, notSubscribed: 2, chunks: 0 } });
    const message = { data: { type: 'text', text: 'dry {{User.UserAttributes.DisplayName}}' } };
    const dry = await campaigns.complete({ action: 'dryRun', campaign: 'dry', source, message });
    const { people: shown, quota } = dry.preview!.treatments['0'];
    expect(shown).toHaveLength(5);
    for (const { id, messages } of shown) {
      expect(messages).toEqual([{ type: 'text', text: `dry ${people('dry').find(({ userId }) => userId === id)!.displayName}` }]);
    }
    expect(dry.preview!.cost).toMatchObject({ messages: 30, requests: 1 });
    expect(quota).toMatchObject({ used: expect.any(Number) });
    expect(requestsWith('dry')).toEqual([]);
  });

  test('a canary that is refused pauses the run; resumed it sends the rest; only those who were refused are retried', async () => {
    stage.line.script('multicast', faults.status(400));
    stage.line.script('validateMulticast', faults.status(400));
    const { runId } = await campaigns.run(campaign('canary', 'mass'));
    const paused = await campaigns.until(runId, PAUSED);
    expect(paused).toMatchObject({ reason: CampaignReason.CANARY_REFUSED, counts: { accepted: 0, failed: 500, pending: 600 } });
    expect(receivers('canary')).toEqual([]);
    await campaigns.run({ action: 'resume', runId });
    const run = await campaigns.until(runId, COMPLETED);
    expect(run.counts).toEqual({ accepted: 600, skipped: 0, failed: 500, unknown: 0, pending: 0 });
    expect(run.reasons).toEqual({ [SendErrorCode.LINE_REFUSED_CONTENT]: 500 });
    expectDelivered(await campaigns.audit(run), deliveriesOf('canary'));

    const retry = await campaigns.run({ action: 'retry', runId });
    expect((await campaigns.run({ action: 'retry', runId })).runId).toBe(retry.runId);
    const retried = await campaigns.until(retry.runId, COMPLETED);
    expect(retried).toMatchObject({ retryOf: runId, counts: { accepted: 500, skipped: 0, failed: 0 } });
    expect(receivers('canary')).toEqual(idsOf(people('mass')));
    expect(await campaigns.refusal({ action: 'retry', runId: retry.runId })).toEqual([expect.stringContaining('nothing to retry')]);
  });

  test('a source without anybody is a campaign to nobody, and says so', async () => {
    const run = await campaigns.complete(campaign('empty', 'empty'));
    expect(run).toMatchObject({ reason: CampaignReason.EMPTY_AUDIENCE, frozen: { recipients: 0, optedOut: 4 }, counts: { accepted: 0, pending: 0 } });
    expect(requestsWith('empty')).toEqual([]);
    expect(await notificationsOf(run, 'Campaign Failed')).toEqual(['started: Campaign Started', 'failure: Campaign Failed']);
  });

  test('who opts out after the recipients are frozen and before the send gets nothing', async () => {
    const held = stage.line.hold('multicast');
    const { runId } = await campaigns.run(campaign('late', 'late', twoChunks('late')));
    await stage.line.held(held);
    const second = (await campaigns.chunks(await campaigns.status(runId))).find(({ treatment }) => treatment === '2')!;
    const [late] = second.ids;
    await stage.line.unfollow(late);
    await eventually(async () => expect(await channel.subscriber(late)).toMatchObject({ OptOut: 'ALL' }));
    stage.line.release(held);
    const run = await campaigns.until(runId, COMPLETED);
    expect(run).toMatchObject({ counts: { accepted: 11, skipped: 1, failed: 0 }, reasons: { [SendErrorCode.OPTED_OUT]: 1 } });
    const audit = await campaigns.audit(run);
    expect(audit.outcomes.get(late)).toMatchObject({ status: 'skipped', code: SendErrorCode.OPTED_OUT });
    expectDelivered(audit, deliveriesOf('late'));
    expect(requestsWith('late').some(({ body }) => body!.includes(late))).toBe(false);
  });

  test('two campaigns at once over the same people reach everybody once each', async () => {
    const [one, other] = await Promise.all(['one campaign', 'other campaign'].map(async (name) => campaigns.complete(campaign(name, 'both'))));
    for (const [run, text] of [[one, 'one campaign'], [other, 'other campaign']] as const) {
      expectDelivered(await campaigns.audit(run), deliveriesOf(text));
      expect(receivers(text)).toEqual(idsOf(people('both')));
    }
  });

  test('a table that is written while recipients are frozen: who was in it before gets it once, who comes meanwhile at most once', async () => {
    const [leaving, ...staying] = people('writing');
    const coming = friends('coming', 200);
    const { runId } = await campaigns.run({ campaign: 'writing', source: 'everybody', message: { data: 'writing' }, clientToken: 'writing' });
    const [summary] = await Promise.all([
      importFile('import/coming.csv', `Address,Group\n${[...coming, ...staying].map(({ userId }) => `${userId},writing`).join('\n')}\n`),
      stage.line.unfollow(leaving.userId),
      ...friends('following', 5).map(async (user) => stage.line.follow(user)),
    ]);
    expect(summary).toMatchObject({ status: 'COMPLETED', created: 200 });
    const run = await campaigns.until(runId, COMPLETED);
    expect(run.counts).toMatchObject({ failed: 0, unknown: 0, pending: 0 });
    const audit = await campaigns.audit(run);
    expectDelivered(audit, deliveriesOf('writing'));
    const got = new Set(receivers('writing'));
    expect([...staying, ...people('mass'), ...people('both')].filter(({ userId }) => !got.has(userId))).toEqual([]);
    expect(people('empty').filter(({ userId }) => got.has(userId))).toEqual([]);
  });

  test('a template that is missing pauses the run before anybody is sent to; uploaded, the run goes on', async () => {
    const { runId } = await campaigns.run(campaign('template', 'template', { message: { template: 'summer' } }));
    expect(await campaigns.until(runId, PAUSED)).toMatchObject({
      reason: CampaignReason.CONTENT_REFUSED, message: expect.stringContaining(SendErrorCode.TEMPLATE_NOT_FOUND), counts: { pending: 25 },
    });
    const template = { messages: [{ type: 'text', text: 'template {{User.UserAttributes.DisplayName}}' }], customAggregationUnit: 'summer' };
    await drop(stack.output('TemplateBucket'), 'templates/summer.json', JSON.stringify(template));
    // An instance knows for half a minute that there was none; new ones look.
    let run!: RunReport;
    await stack.withEnvironment(channel.resource('Sender/Chunk'), { NEW_INSTANCES: 'yes' }, async () => {
      await campaigns.run({ action: 'resume', runId });
      run = await campaigns.until(runId, COMPLETED);
    });
    expectDelivered(await campaigns.audit(run), deliveriesOf('template'));
    expect(deliveriesOf('template').map(({ to, messages: [{ text }] }) => `${to} ${text}`).sort())
      .toEqual(people('template').map(({ userId, displayName }) => `${userId} template ${displayName}`).sort());
    // What LINE counted is collected daily, and status shows it.
    expect(run.aggregationUnits).toEqual(['summer']);
    stage.line.openChat(...idsOf(people('template')));
    expect(await stage.invoke(campaigns.watchFunction, { task: 'statistics' })).toEqual({ collected: 1 });
    expect((await campaigns.status(runId)).statistics).toMatchObject({ answers: { summer: { overview: { uniqueImpression: 25 } } } });
  });

  test('a chunk object that is deleted while the run sends is named; put back, the run goes on with it', async () => {
    const held = stage.line.hold('multicast');
    const { runId } = await campaigns.run(campaign('gone', 'gone', twoChunks('gone')));
    await stage.line.held(held);
    const second = (await campaigns.chunks(await campaigns.status(runId))).find(({ treatment }) => treatment === '2')!;
    const s3 = stage.client(S3Client);
    await s3.send(new DeleteObjectCommand({ Bucket: campaigns.bucket, Key: second.key }));
    stage.line.release(held);
    const failed = await campaigns.until(runId, FAILED);
    expect(failed).toMatchObject({ reason: CampaignReason.CHUNK_NOT_FOUND, counts: { pending: second.people, accepted: 12 - second.people } });
    expect(failed.message).toContain(second.key);
    expect(await notificationsOf(failed, 'Campaign Failed')).toEqual(['started: Campaign Started', 'failure: Campaign Failed']);

    const { DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: campaigns.bucket, Prefix: second.key }));
    const Objects = DeleteMarkers.map(({ Key, VersionId }) => ({ Key, VersionId }));
    await s3.send(new DeleteObjectsCommand({ Bucket: campaigns.bucket, Delete: { Objects } }));
    await campaigns.run({ action: 'resume', runId });
    const run = await campaigns.until(runId, COMPLETED);
    expectDelivered(await campaigns.audit(run), deliveriesOf('gone'));
    expect(receivers('gone')).toEqual(idsOf(people('gone')));
  });

  test('a run whose execution died is resumed by the watchdog', async () => {
    const held = stage.line.hold('multicast');
    const { runId } = await campaigns.run(campaign('orphan', 'orphan', twoChunks('orphan')));
    await stage.line.held(held);
    const { execution } = await campaigns.status(runId);
    await stage.client(SFNClient).send(new StopExecutionCommand({ executionArn: execution }));
    stage.line.release(held);
    // Whoever changed a run a moment ago may still be about to go on with it.
    expect(await stage.invoke(campaigns.watchFunction, {})).toMatchObject({ watched: expect.any(Number), resumed: 0 });
    await stage.client(DynamoDBClient).send(new UpdateItemCommand({
      TableName: campaigns.runsTable,
      Key: { pk: { S: runRecordPartitionKey(runId) }, sk: { S: SORT_KEY_RUN_RECORD } },
      UpdateExpression: 'SET updatedAt = :before',
      ExpressionAttributeValues: { ':before': { S: new Date(Date.now() - 600_000).toISOString() } },
    }));
    expect(await stage.invoke(campaigns.watchFunction, {})).toMatchObject({ resumed: 1 });
    const run = await campaigns.until(runId, COMPLETED);
    expect(run).toMatchObject({ generation: 2, automaticResumes: 1 });
    expectDelivered(await campaigns.audit(run), deliveriesOf('orphan'));
    expect(receivers('orphan')).toEqual(idsOf(people('orphan')));
  });

  test('a month quota that is used up pauses the run, which goes on when it is raised', async () => {
    stage.line.configure({ quota: { type: 'limited', value: stage.line.usage() + 6 } });
    const { runId } = await campaigns.run(campaign('quota', 'quota'));
    const paused = await campaigns.until(runId, PAUSED);
    expect(paused).toMatchObject({ reason: CampaignReason.QUOTA_EXHAUSTED, counts: { accepted: 0, failed: 0, pending: 12 } });
    stage.line.configure({ quota: { type: 'none' } });
    await campaigns.run({ action: 'resume', runId });
    const run = await campaigns.until(runId, COMPLETED);
    expectDelivered(await campaigns.audit(run), deliveriesOf('quota'));
    expect(receivers('quota')).toEqual(idsOf(people('quota')));
  });

  describe('schedules', () => {
    const scheduler = () => stage.client(SchedulerClient);

    test('a time that is past, and a time zone that nobody knows, are refused', async () => {
      expect(await campaigns.refusal(campaign('past', 'planned', { schedule: { at: '2026-01-01T09:00', timeZone: 'Asia/Tokyo' } })))
        .toEqual([expect.stringMatching(/^schedule\.at .*in the future/)]);
      expect(await campaigns.refusal(campaign('zone', 'planned', { schedule: { at: '2099-01-01T09:00', timeZone: 'Asia/Tokio' } })))
        .toEqual([expect.stringMatching(/^schedule\.timeZone /)]);
    });

    test('a campaign begins at its time', async () => {
      const at = `${new Date(Date.now() + 5_000).toISOString().slice(0, 19)}Z`;
      const planned = await campaigns.run(campaign('planned', 'planned', { schedule: { at } }));
      expect(planned).toMatchObject({ state: SCHEDULED, generation: 0 });
      const run = await campaigns.until(planned.runId, COMPLETED);
      expect(run.startedAt! >= new Date(at).toISOString()).toBe(true);
      expect(receivers('planned')).toEqual(idsOf(people('planned')));
      // Delivered once more it begins nothing.
      await campaigns.ask({ action: 'startScheduled', runId: run.runId, scheduledTime: at });
      expect((await campaigns.status(run.runId)).generation).toBe(1);
    });

    test('a recurring campaign has a schedule in its time zone, is a run each time, and ends when it is cancelled', async () => {
      const { runId } = await campaigns.run(campaign('weekly', 'planned', { schedule: { cron: '0 9 ? * MON *', timeZone: 'Asia/Tokyo' } }));
      const schedule = { GroupName: stack.resource('Campaigns/Schedules'), Name: runId };
      expect(await scheduler().send(new GetScheduleCommand(schedule))).toMatchObject({
        ScheduleExpression: 'cron(0 9 ? * MON *)', ScheduleExpressionTimezone: 'Asia/Tokyo',
      });

      const occurrence = { action: 'startScheduled', runId, scheduledTime: new Date().toISOString() };
      const [one, other] = await Promise.all([campaigns.run(occurrence), campaigns.run(occurrence)]);
      expect(other.runId).toBe(one.runId);
      expect(await campaigns.until(one.runId, COMPLETED)).toMatchObject({ recurrenceOf: runId });
      expect(receivers('weekly')).toEqual(idsOf(people('planned')));

      expect((await campaigns.status(runId)).state).toBe(RECURRING);
      await campaigns.run({ action: 'cancel', runId });
      await expect(scheduler().send(new GetScheduleCommand(schedule))).rejects.toThrow(ResourceNotFoundException);
      expect((await campaigns.status(runId)).state).toBe(CANCELLED);
    });
  });

  describe('a channel of Amazon Pinpoint\'s time', () => {
    const anyHour = { options: { quietHours: 'IGNORE' } };

    async function invocations(runId: string): Promise<CustomChannelEvent[]> {
      const lines = await stack.logLines(stack.resource('PinpointChannelLogs'));
      return lines.flatMap((line) => {
        const text = line.slice(Math.max(0, line.indexOf('{"invokedWith"')));
        const event: CustomChannelEvent | undefined = text.startsWith('{') ? JSON.parse(text).invokedWith : undefined;
        return event?.ActivityId === runId ? [event] : [];
      });
    }

    test('gets maps of 50, everybody once', async () => {
      const run = await maps.complete(campaign('maps', 'maps', anyHour));
      const events = await invocations(run.runId);
      expect(events.map(({ Endpoints }) => Object.keys(Endpoints!).length).sort()).toEqual([20, 50, 50]);
      expect(events.flatMap(({ Endpoints }) => Object.keys(Endpoints!)).sort()).toEqual(idsOf(people('maps')));
      expect(events[0]).toMatchObject({ Message: {}, CampaignId: 'maps', TreatmentId: '0', Data: 'maps', ScheduledTime: run.startedAt });
      const [id] = Object.keys(events[0].Endpoints!);
      expect(events[0].Endpoints![id]).toMatchObject({ Address: id, ChannelType: 'CUSTOM', OptOut: 'NONE', Attributes: { Group: ['maps'] } });
      expect(run.counts).toEqual({ accepted: 120, skipped: 0, failed: 0, unknown: 0, pending: 0 });
      await maps.audit(run);
    });

    test('that fails for a map is invoked again with the same endpoints, and the others are sent', async () => {
      const run = await maps.complete(campaign('nemo', 'nemo', anyHour));
      const events = await invocations(run.runId);
      const endpoints = events.map(({ Endpoints }) => Object.keys(Endpoints!).join());
      const nemo = people('nemo')[NEMO].userId;
      const failing = endpoints.filter((ids) => ids.includes(nemo));
      expect([failing.length, new Set(failing).size, endpoints.length]).toEqual([3, 1, 4]);
      // Nobody knows what the function did before it failed.
      const unknown = failing[0].split(',').length;
      expect(run.counts).toEqual({ accepted: 60 - unknown, skipped: 0, failed: 0, unknown, pending: 0 });
      expect(run.reasons).toEqual({ [SendErrorCode.CHANNEL_FAILED]: unknown });
      await maps.audit(run);
    });

    test('in quiet hours a run is held, or drops everybody as told', async () => {
      const { runId } = await maps.run(campaign('quiet', 'quiet'));
      const held = await maps.until(runId, HELD);
      expect(Date.parse(held.heldUntil!)).toBeGreaterThan(Date.now());
      await maps.run({ action: 'cancel', runId });
      const cancelled = await maps.until(runId, CANCELLED);
      expect(cancelled).toMatchObject({ reason: CampaignReason.OPERATOR, counts: { accepted: 0, pending: 6 } });
      await maps.audit(cancelled);
      const dropped = await maps.run(campaign('quiet dropped', 'quiet', { options: { quietHours: 'DROP' } }));
      expect(await maps.until(dropped.runId, EXPIRED)).toMatchObject({ reason: CampaignReason.QUIET_HOURS, counts: { accepted: 0, pending: 6 } });
      expect([...await invocations(runId), ...await invocations(dropped.runId)]).toEqual([]);
    });
  });

  test('LINE saw nothing that a careful sender does not do, and nothing was left unhandled', async () => {
    expect(stage.line.violations()).toEqual([]);
    for (const queue of ['Campaigns/Failures', 'Maps/Failures', 'Import/Failures']) {
      expect(await stack.drain(stack.resource(queue))).toEqual([]);
    }
  });
});

describe('followers', () => {
  const sync = async () => execute(stack.resource('Followers/Engine/Run'), {});

  /** What the last synchronisation came to; it is told once. */
  async function toldOf(type: 'success' | 'failure'): Promise<ImportSummary> {
    const told = await heard(notifications, (one) => one.type === type && one.body.ImportResult?.file === 'followers');
    notifications.splice(notifications.indexOf(told), 1);
    return told.body.ImportResult;
  }

  test('whom LINE lists and the table does not know are subscribers; whom LINE does not list any more is opted out; nobody is opted in', async () => {
    const unknown = friends('only at LINE', 5);
    const [optedOut, inactive, gone] = fromExport;
    stage.line.block(gone.userId);
    // Whoever followed a moment ago is left alone: LINE's list may not have them yet.
    const [fresh] = friends('fresh', 1);
    await stage.line.follow(fresh);
    await eventually(async () => expect(await channel.subscriber(fresh.userId)).toBeDefined());
    stage.line.block(fresh.userId);
    expect(await sync()).toBe('SUCCEEDED');
    expect(await toldOf('success')).toMatchObject({ status: 'COMPLETED', created: 5, updated: 1, rejected: 0 });
    for (const { userId } of [...unknown, fresh]) {
      expect(await channel.subscriber(userId)).toMatchObject({ OptOut: 'NONE', EndpointStatus: 'ACTIVE' });
    }
    expect(await channel.subscriber(inactive.userId)).toMatchObject({ EndpointStatus: 'INACTIVE' });
    for (const { userId } of [gone, optedOut, ...people('empty')]) {
      expect(await channel.subscriber(userId)).toMatchObject({ OptOut: 'ALL' });
    }
  });

  test('when more are absent than is likely, nobody is opted out, and the notification says so', async () => {
    const blocked = stage.line.friends();
    blocked.forEach((userId) => stage.line.block(userId));
    expect(await sync()).toBe('FAILED');
    expect((await toldOf('failure')).message).toMatch(/\d+ of \d+ subscribers/);
    blocked.forEach((userId) => stage.line.unblock(userId));
    for (const { userId } of fromExport.slice(3)) {
      expect(await channel.subscriber(userId)).toMatchObject({ OptOut: 'NONE' });
    }
  });

  test('an account that may not list its followers is told so', async () => {
    stage.line.configure({ verifiedAccount: false });
    expect(await sync()).toBe('FAILED');
    expect((await toldOf('failure')).message).toMatch(/verified and premium/);
    stage.line.configure({ verifiedAccount: true });
  });
});

describe('replies', () => {
  test('who follows is greeted by name if it is known, and a keyword is answered, with the free reply token', async () => {
    const usage = stage.line.usage();
    const user = { userId: lineUserId('newcomer'), displayName: '花子', language: 'ja' };
    await stage.line.follow(user);
    const received = () => stage.line.received(user.userId).map(({ operation, messages: [{ text }] }) => `${operation}: ${text}`);
    await eventually(() => expect(received()).toEqual([expect.stringMatching(/^reply: Welcome, (花子|friend)!$/)]));
    await stage.line.message(user.userId, ' 営業時間 ');
    await stage.line.message(user.userId, 'something else');
    await eventually(() => expect(received().slice(1)).toEqual(['reply: We are open from 10 to 19.']));
    expect(stage.line.usage()).toBe(usage);
  });
});
