import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import * as ts from 'typescript';
import { ControlWorld } from './support/control-world';
import { documented } from './support/documented';
import { FreezeWorld, RUN_ID, user } from './support/freeze-world';
import { LookWorld, canaryOf } from './support/look-world';
import { RecordedTelemetry } from './support/recorded-telemetry';
import * as campaigns from '../src/contract/campaigns';
import { CampaignNotification, CampaignPreview, CampaignReason, CampaignRun, CampaignRunDetail, CampaignState, ResultManifest } from '../src/contract/campaigns';
import { ENV_SOURCE_NEEDS } from '../src/contract/environment';
import { Metric } from '../src/contract/metrics';
import { MAX_INPUT_BYTES, runIdOf } from '../src/domain/campaigns/campaign-input';
import { detailOf, notificationOf } from '../src/domain/campaigns/campaign-notification';
import { previewOf } from '../src/domain/campaigns/campaign-preview';
import { RunCommand, decide } from '../src/domain/campaigns/campaign-run';
import { firstTimeOf, readSchedule } from '../src/domain/campaigns/campaign-schedule';
import { RunReport } from '../src/domain/campaigns/control-campaigns';
import { InputProblems } from '../src/domain/campaigns/input-problems';
import { quietFrom, quietUntil } from '../src/domain/campaigns/quiet-hours';
import { RecipientList } from '../src/domain/campaigns/recipient-list';
import { compileFilter } from '../src/domain/campaigns/segment-filter';
import { MapRecord, sendMaps } from '../src/domain/campaigns/send-maps';
import { CampaignRunState, CampaignRunner, LineChannel, LineMessageType, RecipientSource } from '../src/index';

const { blocks, block, table, code, codes, page } = documented('docs/campaigns.md');

const PERSON = 'U0123456789abcdef0123456789abcdef';

/** Sources of the page's runner: what each leaves open to campaigns. */
const NEEDS = { everybody: [], members: [], tag: ['tag'], segment: ['segment'], list: ['key'] } as const;

let world: ControlWorld;
beforeEach(() => {
  world = new ControlWorld();
  world.needs = NEEDS;
});

/** A run in a state, all of whose recipients are frozen and decided unless told otherwise. */
function runIn(state: CampaignState, change: Partial<CampaignRun> = {}): CampaignRun {
  return {
    pk: `RUN#${RUN_ID}`,
    sk: 'RUN',
    runId: RUN_ID,
    kind: 'SEND',
    campaign: 'spring-sale',
    source: 'vip',
    state,
    inputHash: 'h',
    createdAt: '2026-11-23T02:59:00.000Z',
    updatedAt: '2026-11-23T03:00:00.000Z',
    generation: 1,
    automaticResumes: 0,
    looks: 1,
    frozen: { generation: 1, chunks: 1, recipients: 3, holdout: 0, optedOut: 0, notSubscribed: 0, duplicates: 0, treatments: { 0: 3 } },
    ...change,
  };
}

describe('a runner', () => {
  const { outputText } = ts.transpileModule(blocks.get('app')!, { compilerOptions: { target: ts.ScriptTarget.ES2022 } });

  test('the example is synthesized, and its sources leave open what the page says', () => {
    const stack = new Stack(new App(), 'Shop');
    const names = { stack, s3, targets, problems: new sqs.Queue(stack, 'ProblemQueue'), CampaignRunState, CampaignRunner, LineChannel, LineMessageType, RecipientSource };
    new Function(...Object.keys(names), outputText)(...Object.values(names));
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::Events::Rule', { EventPattern: { 'source': ['line.campaigns'], 'detail-type': ['CampaignRunChanged'] } });
    const environments = Object.values(template.findResources('AWS::Lambda::Function')).map(({ Properties }) => Properties.Environment?.Variables ?? {});
    const needs: string[] = environments.flatMap((variables) => variables[ENV_SOURCE_NEEDS] ?? []);
    // Of the control function and of the watchdog.
    expect(needs).toHaveLength(2);
    expect(JSON.parse(needs[0])).toEqual({ ...NEEDS, pilot: [], others: [], localMembers: [] });
  });
});

describe('starts', () => {
  test('the start is answered as the page shows it, and again by the same run', async () => {
    const answer: RunReport = await world.run(block('start'));
    expect(answer).toEqual(block('started'));
    expect(answer.runId).toBe(runIdOf('spring-sale-2026-04-01', 'SEND', 'Campaigns'));
    expect(await world.run({ ...block('start') as object, startedBy: 'somebody' })).toEqual(answer);
    expect(world.executions.size).toBe(1);
  });

  test('the input with everything is taken, and names every member of the table', async () => {
    const input = block('start-everything') as Record<string, object>;
    expect(await world.run(input)).toMatchObject({ state: 'SCHEDULED', startAt: '2026-12-01T00:00:00.000Z', startedBy: 'Hanako' });
    const members = table('member', 'what', 'unless given').map(([member]) => code(member));
    const given = Object.keys(input).flatMap((member) => (member === 'options' ? Object.keys(input.options).map((option) => `options.${option}`) : [member]));
    // A message is given once: here, in the treatments.
    expect(members.filter((member) => member !== 'message').sort()).toEqual(given.sort());
  });

  test('what the table says is the default is so', async () => {
    const { runId } = await world.run(block('start'));
    expect(JSON.parse(world.files.get(`runs/${runId}/input.json`)!)).toMatchObject({
      kind: 'SEND', treatments: [{ name: '0', weight: 1 }], holdoutPercent: 0, canary: 'AUTO', quietHours: 'CONTINUE', pauseAtRefusedPercent: 10,
    });
  });

  test('what is wrong is said as the page shows it', async () => {
    const { message, ...start } = block('start') as Record<string, unknown>;
    const answer = await world.ask({ ...start, source: 'member', mesage: message });
    expect(answer).toEqual(block('refused'));
    expect(world.steps).toEqual([]);
  });

  test.each(table('the start above with', 'is refused at').map(([change, paths]) => [code(change), codes(paths)] as const))('%s is refused', async (change, paths) => {
    const answer = await world.ask({ ...block('start') as object, ...JSON.parse(change) });
    expect('errors' in answer && answer.errors.map(({ path }) => path)).toEqual(paths);
    expect(world.steps).toEqual([]);
  });

  test('a dropped file starts the campaign, and a wrong one is rejected under the key that the page names', async () => {
    const [, key] = /\$CAMPAIGN_BUCKET\/(campaigns\/\S+?)"/.exec(page)!;
    expect(await world.drop({ key, versionId: '1' }, blocks.get('start'))).toMatchObject({ state: 'STARTING' });
    await world.drop({ key, versionId: '2' }, '{}');
    const [, rejected] = /`(rejected\/campaigns\/\S+)`/.exec(page)!;
    expect(JSON.parse(world.files.get(rejected)!).errors).not.toEqual([]);
    expect(world.notified).toMatchObject([{ type: 'failure', body: { Message: 'Campaign Failed', CampaignCreateResult: { CampaignStatus: 'INVALID' } } }]);
  });

  test('an estimate needs neither message nor token', async () => {
    expect(await world.run(block('estimate'))).toMatchObject({ kind: 'ESTIMATE', state: 'STARTING' });
  });
});

describe('sources', () => {
  test.each(table('source', 'who', 'the campaign brings').flatMap(([sources, , brings]) => codes(sources).map((source) => [source, codes(brings)] as const)))(
    '%s', (source, brings) => {
      const stack = new Stack();
      const everybody = RecipientSource.allSubscribers();
      const names = {
        RecipientSource,
        everybody,
        other: RecipientSource.byTag('members'),
        bucket: s3.Bucket.fromBucketName(stack, 'Lists', 'lists'),
        handler: { functionArn: 'arn:aws:lambda:us-east-1:123456789012:function:list' },
        definition: '{"Metrics":{"Orders":{"ComparisonOperator":"EQUAL","Value":3}}}',
      };
      const make = new Function(...Object.keys(names), `return ${source}`);
      // The file of the page does not exist, which is said.
      expect(source.includes('segmentFile') ? brings : make(...Object.values(names))._bind().needs).toEqual(brings);
      if (source.includes('segmentFile')) {
        expect(() => make(...Object.values(names))).toThrow('cannot read the file');
      }
    });

  test.each(table('list', 'people').map(([list, people]) => [code(list), Number(people)] as const))('the list %s', (text, people) => {
    const list = new RecipientList('list');
    expect(list.read(text.split('⏎'))).toHaveLength(people);
    list.end();
  });

  test('a function is invoked as the page shows it', async () => {
    const freezing = new FreezeWorld();
    freezing.sources = { vip: { kind: 'function', functionArn: 'arn:function' } };
    await freezing.plan();
    expect(freezing.invoked).toEqual([block('function-event')]);
  });

  test('the counts of frozen recipients are those of the table', async () => {
    const freezing = new FreezeWorld();
    freezing.sources = { vip: { kind: 'subscribers' } };
    freezing.subscribe(1);
    const { generation, chunks, treatments, ...counts } = await freezing.freeze();
    expect(table('count', 'people').map(([count]) => code(count)).sort()).toEqual(Object.keys(counts).sort());
  });
});

describe('segments', () => {
  const NOON = Date.parse('2026-12-01T12:00:00Z');

  test.each(table('criterion', 'is', 'and of somebody').map(([criterion, is, unknown]) => [code(criterion), is, unknown] as const))('%s is %s, and of nobody known %s', (criterion, is, unknown) => {
    const filter = compileFilter(JSON.parse(criterion));
    expect([filter(block('person') as object, NOON), filter({ ChannelType: undefined }, NOON)].map(String)).toEqual([is, unknown]);
  });

  test('every comparison of Pinpoint is on the page', () => {
    const criteria = table('criterion', 'is', 'and of somebody').map(([criterion]) => criterion).join();
    for (const type of ['INCLUSIVE', 'EXCLUSIVE', 'CONTAINS', 'BEFORE', 'AFTER', 'ON', 'BETWEEN', 'EQUAL', 'GREATER_THAN', 'GREATER_THAN_OR_EQUAL', 'LESS_THAN', 'LESS_THAN_OR_EQUAL', 'ACTIVE', 'INACTIVE']) {
      expect(criteria).toContain(`"${type}"`);
    }
  });
});

describe('states and reasons', () => {
  test('all are there', () => {
    const states = table('state', 'means', 'something works on it');
    expect(states.map(([state]) => code(state)).sort()).toEqual(Object.values(CampaignState).sort());
    expect(states.filter(([, , isActive]) => isActive === 'yes').map(([state]) => code(state)).sort()).toEqual([...campaigns.ACTIVE_STATES].sort());
    expect(table('state', 'reason', 'because').map(([, reason]) => code(reason)).sort()).toEqual(Object.values(CampaignReason).sort());
  });

  const commands = table('state', '`pause`', '`resume`', '`cancel`').flatMap(([state, ...outcomes]) =>
    (['pause', 'resume', 'cancel'] as const).map((command, index): [CampaignState, RunCommand, string] => [code(state) as CampaignState, command, outcomes[index]]));

  test('every state has what each command does to it', () => {
    expect(new Set(commands.map(([state]) => state))).toEqual(new Set(Object.values(CampaignState)));
  });

  test.each(commands)('%s: %s is %s', (state, command, outcome) => {
    // Of a run that has not begun, nobody is frozen.
    const isNew = [CampaignState.SCHEDULED, CampaignState.RECURRING, CampaignState.STARTING].includes(state);
    const decision = decide(runIn(state, isNew ? { frozen: undefined } : {}), command, 0);
    expect(decision.kind === 'change' ? `\`${decision.change.state}\`` : decision.kind === 'done' ? 'as it is' : 'refused').toBe(outcome);
  });
});

describe('what can be asked', () => {
  test('every request is answered', async () => {
    await world.run(block('start'));
    for (const request of block('requests') as { action: string }[]) {
      const answer = await world.ask(request);
      // It is paused before it is resumed, and cancelled at last.
      expect([request.action, 'errors' in answer ? answer.errors : []]).toEqual([request.action, []]);
    }
  });

  test('a retry reaches those whom the page says, once', async () => {
    const { runId } = await world.run(block('start'));
    const counts = { accepted: 5, skipped: 0, failed: 2, unknown: 1, pending: 3 };
    await world.change(runId, { state: CampaignState.CANCELLED, counts });
    const retry = await world.run(block('retry'));
    expect(retry).toMatchObject({ state: 'STARTING', retryOf: runId });
    expect(await world.run(block('retry'))).toEqual(retry);
    // Always, and what the example asks for besides.
    const sentTo = table('of the run', 'is sent to').filter(([, when]) => when === 'always' || when.includes('`includePending`')).map(([people]) => code(people));
    expect(JSON.parse(world.files.get(`runs/${retry.runId}/input.json`)!).retryOf).toEqual({ runId, statuses: sentTo });
  });

  test('a preview is as the page shows it', () => {
    const shown = block('preview') as CampaignPreview;
    const index = [{ name: '0-0', treatment: '0', people: 500, canary: true as const }, { name: '0-1', treatment: '0', people: 5_000 }];
    expect(previewOf(shown.recipients, index, shown.treatments)).toEqual(shown);
  });
});

describe('times', () => {
  const NOW = Date.parse(/^Said at (\S+):$/m.exec(page)![1]);

  test.each(table('`schedule`', 'begins').map(([schedule, begins]) => [code(schedule), codes(begins)] as const))('%s begins %j', (schedule, begins) => {
    const problems = new InputProblems();
    const times = readSchedule(JSON.parse(schedule), 'schedule', NOW, problems);
    expect(problems.found).toEqual([]);
    const { from } = firstTimeOf(times?.recurrence?.expression ?? '', NOW);
    expect([times?.startAt ?? times?.recurrence?.expression, ...(from === undefined ? [] : [from])]).toEqual(begins);
  });

  test.each(table('`schedule`', 'is refused at').map(([schedule, path]) => [code(schedule), code(path)] as const))('%s is refused at %s', (schedule, path) => {
    const problems = new InputProblems();
    readSchedule(JSON.parse(schedule), 'schedule', NOW, problems);
    expect(problems.found.map((problem) => problem.path)).toEqual([path]);
  });

  test.each(table('now', 'quiet hours', 'quiet until', 'next begin').map((row) => row.map(code)))('at %s, %s', (now, hours, until, from) => {
    expect([quietUntil(Date.parse(now), JSON.parse(hours)) ?? '', quietFrom(Date.parse(now), JSON.parse(hours))]).toEqual([until, from]);
  });
});

describe('what became of a run', () => {
  const COUNTS: Record<string, { accepted: number; skipped?: number; failed?: number }> = {
    'a-0': { accepted: 490, failed: 10 }, 'a-1': { accepted: 4_970, skipped: 20, failed: 10 }, 'b-0': { accepted: 690, failed: 10 },
  };
  const looking = new LookWorld();
  let run: CampaignRun;

  beforeAll(async () => {
    looking.input = { ...looking.input, treatments: [{ name: 'a', weight: 8, data: 'A' }, { name: 'b', weight: 1, data: 'B' }] };
    looking.outcomeOf = (name) => COUNTS[name];
    await looking.freeze([
      { name: 'a-0', treatment: 'a', people: 500 }, { name: 'a-1', treatment: 'a', people: 5_000 }, { name: 'b-0', treatment: 'b', people: 700 },
    ]);
    await looking.drive();
    run = await looking.run;
  });

  test('status, manifest, event and notification are as the page shows them', async () => {
    for (const [key, text] of looking.objects.objects) {
      world.files.set(key, text);
    }
    await world.runs.create(run);
    const { counts, treatments, ...status } = await world.run({ action: 'status', runId: RUN_ID });
    const shown = block('ended') as RunReport;
    // The times are those of the stand-ins.
    const times = { updatedAt: shown.updatedAt, endedAt: shown.endedAt };
    expect({ ...status, counts, treatments, ...times }).toEqual(shown);
    expect(Date.parse(status.endedAt!)).toBeGreaterThan(Date.parse(status.startedAt!));
    expect(looking.manifest).toEqual(block('manifest') as ResultManifest);
    const announced = { ...run, ...times };
    expect(detailOf(announced, 'Campaigns')).toEqual(block('event') as CampaignRunDetail);
    expect(notificationOf(announced)!.body).toEqual(block('notification') as CampaignNotification);
  });

  test('the books of the page balance', () => {
    const { frozen, counts, treatments } = block('ended') as RunReport;
    const sum = ({ accepted, skipped, failed, unknown, pending }: campaigns.CampaignCounts) => accepted + skipped + failed + unknown + pending;
    expect(sum(counts!)).toBe(frozen!.recipients);
    Object.values(treatments!).forEach((books) => expect(sum(books)).toBe(books.recipients));
  });

  test('every object of a run is in the table', async () => {
    const started = new ControlWorld();
    started.needs = NEEDS;
    await started.run(block('start'));
    const freezing = new FreezeWorld();
    freezing.sources = { vip: { kind: 'subscribers' } };
    freezing.subscribe(1);
    await freezing.freeze();
    const patterns = table('object', 'what').flatMap(([objects]) => codes(objects)).map((pattern) =>
      new RegExp(`^runs/[^/]+/${pattern.replace(/[.{}"]/g, '\\$&').replaceAll('…', '.+').replaceAll(/<\w+>/g, '[\\w-]+')}$`));
    const keys = [...started.files.keys(), ...freezing.objects.objects.keys(), ...looking.objects.objects.keys()].filter((key) => !key.startsWith('spill/'));
    expect(keys.length).toBeGreaterThan(10);
    expect(keys.filter((key) => !patterns.some((pattern) => pattern.test(key)))).toEqual([]);
  });

  test('members of a run that the page lists besides are those of a run', () => {
    const listed = [...Object.keys(block('ended') as object), ...table('member of a run', 'what').flatMap(([members]) => codes(members))];
    // A member that the contract is given makes this fail to compile.
    const known: Record<keyof RunReport, true> = {
      runId: true,
      kind: true,
      campaign: true,
      source: true,
      state: true,
      reason: true,
      message: true,
      startedBy: true,
      createdAt: true,
      updatedAt: true,
      startAt: true,
      recurrence: true,
      recurrenceOf: true,
      retryOf: true,
      generation: true,
      execution: true,
      automaticResumes: true,
      startedAt: true,
      endedAt: true,
      heldUntil: true,
      expiresAtTime: true,
      frozen: true,
      looks: true,
      canaryPassed: true,
      counts: true,
      treatments: true,
      reasons: true,
      ambiguous: true,
      aggregationUnits: true,
      preview: true,
      statistics: true,
      manifest: true,
    };
    expect(listed.sort()).toEqual(Object.keys(known).sort());
  });

  test('notifications are those of the table', () => {
    const rows = table('state', '`Message`', '`notification_type`');
    rows.forEach(([state, message, type]) => {
      const counts = state.includes('refused') ? { accepted: 0, skipped: 0, failed: 3, unknown: 0, pending: 0 } : undefined;
      const reason = state.includes('EMPTY_AUDIENCE') ? CampaignReason.EMPTY_AUDIENCE : undefined;
      const notification = notificationOf(runIn(codes(state)[0] as CampaignState, { ...(counts && { counts }), ...(reason && { reason }) }))!;
      expect([notification.body.Message, notification.type]).toEqual([code(message), code(type)]);
    });
    const said = new Set(rows.map(([state]) => codes(state)[0]));
    for (const [kind, name] of [['DRY_RUN', 'Dry Run'], ['ESTIMATE', 'Estimate']] as const) {
      const ended = notificationOf({ ...runIn(CampaignState.COMPLETED), kind })!;
      expect([ended.body.Message, ended.type, page.includes(`\`${name}`)]).toEqual([`${name} Finished`, 'finished', true]);
    }
    expect(Object.values(CampaignState).filter((state) => notificationOf(runIn(state)) !== undefined && !said.has(state))).toEqual([]);
  });

  test('metrics are those of the table', () => {
    const rows = table('metric', 'counts', 'method').map(([metric, , method]) => [code(metric), code(method)]);
    expect(rows.map(([metric]) => metric)).toEqual(Object.values(Metric).filter((metric) => metric.startsWith('Campaigns')));
    rows.forEach(([metric, method]) => expect(`metric${metric}()`).toBe(method));
    expect(Object.getOwnPropertyNames(CampaignRunner.prototype)).toEqual(expect.arrayContaining(rows.map(([, method]) => method.slice(0, -2))));
  });
});

describe('maps of endpoints', () => {
  async function send(answer: unknown) {
    const records = new Map<number, MapRecord>();
    const invoked: unknown[] = [];
    const line = JSON.stringify({ id: user(1), endpoint: { Address: user(1), ChannelType: 'CUSTOM' } });
    const place = (Key: string) => ({ Bucket: 'campaign-bucket', Key });
    const result = await sendMaps({
      ApplicationId: 'Campaigns',
      CampaignId: 'spring-sale',
      TreatmentId: '0',
      ActivityId: RUN_ID,
      ScheduledTime: '2026-11-23T02:59:30.000Z',
      Chunk: place(`runs/${RUN_ID}/chunks-1/0-0.jsonl`),
      Content: place(`runs/${RUN_ID}/content/0`),
    }, { requestId: 'r', deadline: 900_000 }, {
      config: { maxEndpoints: 50 },
      journal: { list: async () => [...records.values()], write: async (_run, _chunk, record) => records.set(record.position, record) !== undefined },
      lines: async function* lines() { yield line; },
      text: async () => 'Hello',
      results: { firstLine: async () => undefined, write: async () => true },
      invoke: async (event) => { invoked.push(event); return { kind: 'answered', payload: answer }; },
      telemetry: new RecordedTelemetry(),
      now: () => 0,
      sleep: async () => undefined,
    });
    return { counts: result.counts, invoked };
  }

  test('a function is invoked as the page shows it', async () => {
    expect((await send(undefined)).invoked).toEqual([block('map')]);
  });

  const answers = table('the function answers for an endpoint', 'its person is').map(([answer, outcome]) => [code(answer), code(outcome)] as const);

  test.each(answers)('%s is %s', async (answer, outcome) => {
    const { counts } = await send(answer === '' ? { ok: true } : { [user(1)]: JSON.parse(answer) });
    expect(counts).toMatchObject({ [outcome]: 1 });
  });
});

test('waves grow as the page says', async () => {
  const looking = new LookWorld();
  looking.input = { ...looking.input, canary: 'AUTO' };
  await looking.freeze([canaryOf('0'), ...Array.from({ length: 200 }, (_, n) => ({ name: `0-${n}`, treatment: '0', people: 5_000 }))]);
  await looking.drive();
  expect(looking.waves.map(({ names }) => names.length)).toEqual([1, 1, 4, 16, 64, 64, 51]);
});

test('limits are those of the code', () => {
  const limits = Object.fromEntries(table('limit', 'is'));
  expect(limits).toMatchObject({
    'input, as JSON, or a dropped file': `${MAX_INPUT_BYTES / 1024 ** 2} MB`,
    'treatments': String(campaigns.MAX_TREATMENTS),
    'people of a chunk, and of a canary': `${campaigns.CHUNK_PEOPLE.toLocaleString('en')} and ${campaigns.CANARY_PEOPLE}`,
  });
  const characters = Number(limits['line of a list'].replace(/\D/g, ''));
  expect(new RecipientList('list').read([PERSON.padEnd(characters)])).toHaveLength(1);
  expect(() => new RecipientList('list').read([PERSON.padEnd(characters + 1)])).toThrow('more than');
  const now = Date.parse('2026-11-23T00:00:00Z');
  const years = parseInt(limits['schedule ahead'], 10);
  const problems = new InputProblems();
  expect(readSchedule({ at: `${2026 + years}-11-22T00:00:00Z` }, 'schedule', now, problems)).toBeDefined();
  expect(readSchedule({ at: `${2026 + years}-12-23T00:00:00Z` }, 'schedule', now, problems)).toBeUndefined();
});

test("README's example of a start is taken", async () => {
  const [, payload] = /--payload '(\{[^']+\})'/.exec(documented('README.md').page)!;
  expect(await world.run(JSON.parse(payload))).toMatchObject({ kind: 'SEND', state: 'STARTING' });
});
