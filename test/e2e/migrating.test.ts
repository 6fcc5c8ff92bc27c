import { ChildProcess, spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ROOT } from '../support/built';

/**
 * The commands of "Coming from Pinpoint", each as it stands on its page, in the shell that the page's first command opens: on an emulator and
 * a LINE stand-in, from a folder that has what a fresh clone has.
 */
const EXAMPLE = path.join(ROOT, 'examples/coming-from-pinpoint');
/** Promised on the pages. */
const LIMIT_MS = 600_000;
const OPENING = 'npm ci && npm run demo -- --shell\n';
const MARK = '::::::';

interface Endpoint {
  readonly ChannelType: string;
  readonly Address: string;
  readonly OptOut: string;
  readonly EndpointStatus: string;
  readonly Location: { readonly Country: string };
  readonly User: { readonly UserAttributes: { readonly Interests: readonly string[] } };
}

const rows = readdirSync(path.join(EXAMPLE, 'export'))
  .flatMap((file) => gunzipSync(readFileSync(path.join(EXAMPLE, 'export', file))).toString().trimEnd().split('\n')).map((line): Endpoint => JSON.parse(line));
const people = rows.filter(({ ChannelType, Address }) => ChannelType === 'CUSTOM' && Address.startsWith('U'));
const reachable = people.filter(({ OptOut, EndpointStatus }) => OptOut === 'NONE' && EndpointStatus === 'ACTIVE');
const isTeaLover = ({ Location, User }: Endpoint) => Location.Country === 'JP' && User.UserAttributes.Interests.some((interest) => /^(green|black) tea$/.test(interest));
const teaLovers = reachable.filter(isTeaLover);

const running = new Set<ChildProcess>();
afterAll(() => running.forEach(({ pid }) => process.kill(-pid!, 'SIGTERM')));

/** Texts of the fenced commands, those in lists without their indentation. */
function commands(text: string): string[] {
  return [...text.matchAll(/^( *)```sh\n([^]*?)^ *```$/gm)].map(([, indent, block]) => block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
}

/** Runs what follows the command that opens the shell. @returns what each of the blocks wrote, and what was written after the shell's end */
async function runInShell(blocks: readonly string[]): Promise<{ outputs: string[]; ending: string }> {
  const { tasks: { demo } } = JSON.parse(readFileSync(path.join(ROOT, '.projen/tasks.json'), 'utf8'));
  // `npm run demo` bundles first, which the test run has done.
  const { exec } = demo.steps.at(-1);
  const { JEST_WORKER_ID, NODE_OPTIONS, ...env } = process.env;
  const child = spawn('sh', ['-c', `exec ${exec} --shell`], { cwd: ROOT, env: { ...env, ...demo.env }, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  running.add(child);
  let written = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => { written += text; });
  }
  child.stdin.end(`exec 2>&1\n${blocks.map((block) => `echo '${MARK}'\n${block}`).join('')}echo '${MARK}'\n`);
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  running.delete(child);
  if (code !== 0) {
    throw new Error(`the shell ended with ${code}:\n${written.slice(-5_000)}`);
  }
  const [, ...outputs] = written.split(`${MARK}\n`);
  return { ending: outputs.pop()!, outputs };
}

/** Every JSON text of an output that begins a line. */
function jsons(output: string): any[] {
  return output.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}')).map((line) => JSON.parse(line));
}

/** Output of the block that has the command. */
function outputOf(blocks: readonly string[], outputs: readonly string[], command: string): string {
  const index = blocks.findIndex((block) => block.includes(command));
  expect(index).toBeGreaterThanOrEqual(0);
  return outputs[index];
}

function ids(results: any[]): string[] {
  return results.filter(({ status }) => status === 'accepted').map(({ id }) => id).sort();
}

const addresses = (endpoints: readonly Endpoint[]) => endpoints.map(({ Address }) => Address).sort();

test('the example has people of every kind', () => {
  expect(rows.length).toBeGreaterThan(people.length);
  expect(people.length).toBeGreaterThan(reachable.length);
  expect(people.filter(isTeaLover).length).toBeGreaterThan(teaLovers.length);
  expect(teaLovers.length).toBeGreaterThan(20);
});

describe('README, "Coming from Pinpoint"', () => {
  const [, section] = /^## Coming from Pinpoint$([^]*?)^## /m.exec(readFileSync(path.join(ROOT, 'README.md'), 'utf8'))!;
  const [opening, ...blocks] = commands(section);
  let outputs: string[];
  let ending: string;
  beforeAll(async () => { ({ outputs, ending } = await runInShell(blocks)); }, LIMIT_MS);

  test('begins with the command that opens the shell', () => {
    expect(opening).toBe(OPENING);
  });

  test('the channel is set up', () => {
    expect(outputOf(blocks, outputs, 'SetUpFunction')).toMatch(/"ok": ?true/);
  });

  test('from an export to a campaign: everybody of the segment has it once, nobody else has it', () => {
    const output = outputOf(blocks, outputs, 'campaign.json');
    expect(output).toMatch(/"state": ?"STARTING"/);
    const all = jsons(output.replaceAll('}{', '}\n{'));
    expect(all.find(({ missing }) => missing)).toMatchObject({
      campaign: 'first-tea', state: 'COMPLETED', counts: { accepted: teaLovers.length, skipped: 0, failed: 0, unknown: 0, pending: 0 }, missing: [],
    });
    expect(ids(all)).toEqual(addresses(teaLovers));
    expect(ending).toContain(`LINE's ledger: ${teaLovers.length} people got messages, nobody more than 1; rules of LINE broken: none\n`);
  });
});

describe('docs/migrating-from-pinpoint.md', () => {
  const page = readFileSync(path.join(ROOT, 'docs/migrating-from-pinpoint.md'), 'utf8');
  const [opening, ...blocks] = commands(page);
  let outputs: string[];
  let ending: string;
  beforeAll(async () => { ({ outputs, ending } = await runInShell(blocks)); }, LIMIT_MS);
  const output = (command: string) => outputOf(blocks, outputs, command);

  test('begins with the command that opens the shell', () => {
    expect(opening).toBe(OPENING);
  });

  test('the change to the channel is the one that is shown', () => {
    const before = readFileSync(path.join(EXAMPLE, 'before.ts'), 'utf8').split('\n');
    const shown = /^```diff\n([^]*?)^```$/m.exec(page)![1].trimEnd().split('\n');
    const [gone, come] = ['-', '+'].map((sign) => shown.filter((line) => line.startsWith(sign)).map((line) => line.slice(1)));
    const after = before.filter((line) => !line.includes('applicationId')).map((line) => line.replace('LinePinpointChannel', 'LineChannel'));
    expect(gone).toEqual(before.filter((line) => !after.includes(line)));
    expect(come).toEqual(after.filter((line) => !before.includes(line)));
  });

  test('leaving Pinpoint takes away what was Pinpoint\'s, and changes nothing', () => {
    const changes = [...output('npx cdk diff').matchAll(/^\[(.)\] (\S+) (.*)$/gm)].map(([, sign, type, name]) => ({ sign, type, name }));
    expect(changes.length).toBeGreaterThan(10);
    expect(changes.filter(({ sign }) => sign !== '-')).toEqual([]);
    expect(changes.filter(({ name }) => !/^Line\/(Audiences\/(Pinpoint|Publisher)|Sender\/\w+\/Pinpoint)/.test(name))).toEqual([]);
    expect(changes.filter(({ type }) => /^AWS::(DynamoDB|S3|SecretsManager|ApiGateway|Pinpoint)::/.test(type))).toEqual([]);
  });

  test('webhook URL, secret and subscribers are the same before, between and after', () => {
    const named = (name: string) => [...outputs.join('').matchAll(new RegExp(`^Marketing\\.${name} = (\\S+)$`, 'gm'))].map(([, value]) => value);
    for (const name of ['WebhookUrl', 'SecretArn', 'SubscriberTable', 'SetUpFunction']) {
      expect(named(name)).toHaveLength(3);
      expect(new Set(named(name)).size).toBe(1);
    }
  });

  test('the channel is set up', () => {
    expect(output('SetUpFunction')).toMatch(/"ok": ?true/);
  });

  test('the import has everybody whom LINE knows, and says what of the rest', () => {
    const found = jsons(output('cat imports/').replaceAll('}{', '}\n{'));
    const summaries = found.filter(({ file }) => file);
    const sum = (count: string) => summaries.reduce((total, summary) => total + summary[count], 0);
    expect(summaries).toHaveLength(2);
    expect(summaries.every(({ status, tag }) => status === 'COMPLETED' && tag === 'pinpoint')).toBe(true);
    expect([sum('rows'), sum('created'), sum('ignored'), sum('rejected')])
      .toEqual([rows.length, people.length, rows.filter(({ ChannelType }) => ChannelType !== 'CUSTOM').length, 1]);
    expect(found.filter(({ reason }) => reason)).toEqual([expect.objectContaining({ column: 'Address', value: 'https://example.com/hook' })]);
  });

  test('the segment has those whom it had in Pinpoint', () => {
    expect(jsons(output('"estimate","campaign":"first-tea"')).at(-1)).toMatchObject({
      state: 'COMPLETED', frozen: { recipients: teaLovers.length, optedOut: people.filter(isTeaLover).length - teaLovers.length },
    });
  });

  test('a dry run shows what people would get, by their own names', () => {
    const { state, preview } = jsons(output('dryRun')).at(-1);
    expect(state).toBe('COMPLETED');
    expect(preview.recipients.recipients).toBe(teaLovers.length);
    expect(preview.cost.messages).toBe(teaLovers.length);
    expect(JSON.stringify(preview.treatments)).toMatch(/"text":"[^"{]+, the first tea of the year is here\."/);
  });

  test('the campaign, started twice, is one run; each of the segment has it once', () => {
    const [first, second, ...rest] = jsons(output('ask file://campaign.json'));
    expect(second.runId).toBe(first.runId);
    expect(rest.at(-1)).toMatchObject({ state: 'COMPLETED', counts: { accepted: teaLovers.length, skipped: 0, failed: 0, unknown: 0, pending: 0 } });
    expect(Object.keys(rest.at(-1).treatments).sort()).toEqual(['flex', 'text']);
    expect(ids(jsons(output('manifest.json')))).toEqual(addresses(teaLovers));
    expect(ending).toContain(`LINE's ledger: ${teaLovers.length} people got messages, nobody more than 1; rules of LINE broken: none\n`);
  });

  test('LINE\'s own list brings those who came since, and takes those who left', () => {
    const text = output('FollowerSyncStateMachine');
    expect(text).toMatch(/^SUCCEEDED$/m);
    expect(jsons(text).at(-1)).toMatchObject({ state: 'COMPLETED', frozen: { recipients: reachable.length - 1 + 3 } });
  });
});
