import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { expect, outputOf, print, printTable, step, until } from './demo-output';
import { lineUserId } from './line-ids';
import { LineUser } from './line-platform';
import { typeScriptApp } from './stage/cdk';
import { Stage } from './stage/stage';
import { CampaignCounts, CampaignRun, CampaignState, ResultManifest } from '../src/contract/campaigns';
import { ChunkResultLine } from '../src/contract/chunk-send';
import { ImportSummary } from '../src/contract/imports';

const STACK = 'LineCampaigns';

/** What the runner answers. */
type RunReport = CampaignRun & { readonly manifest?: { readonly bucket: string; readonly key: string } };

const SUBSCRIBERS = 1_500;
/** Every so manieth said no before. */
const OPTED_OUT_EVERY = 30;
/** The name of the file is the tag. */
const TAG = 'spring members';
const CAMPAIGN = {
  campaign: 'spring-sale',
  source: { name: 'tag', tag: TAG },
  treatments: [
    { name: 'text', message: { data: 'こんにちは。春のセールが始まりました 🌸' } },
    {
      name: 'flex',
      message: {
        data: {
          type: 'flex',
          altText: 'Our spring sale begins today',
          contents: { type: 'bubble', body: { type: 'box', layout: 'vertical', contents: [{ type: 'text', text: 'Our spring sale begins today 🌸', wrap: true }] } },
        },
      },
    },
  ],
  holdoutPercent: 10,
  clientToken: 'spring-sale-of-the-demo',
};

/**
 * The second part of the demo: a file of subscribers goes in, an A/B campaign goes out, is paused while LINE has a request, and resumed. What the run says of
 * each person, and LINE's ledger, must then agree: everybody once, but for those held out or opted out.
 */
export async function demonstrateCampaigns(stage: Stage, channel: { channelId: string; channelSecret: string }): Promise<void> {
  step(`deploying ${STACK}, which needs nothing of Pinpoint`);
  const { [STACK]: outputs } = await stage.deploy(typeScriptApp('examples/campaigns/app.ts'), [STACK], { context: { lineApiBaseUrl: stage.line.url } });
  await stage.client(SecretsManagerClient).send(new PutSecretValueCommand({
    SecretId: outputOf(outputs, 'LineSecretArn'), SecretString: JSON.stringify(channel),
  }));

  const people = Array.from({ length: SUBSCRIBERS }, (_, i): LineUser => ({ userId: lineUserId(`subscriber ${i + 1}`), displayName: `Subscriber ${i + 1}` }));
  const optedOut = new Set(people.filter((_, i) => i % OPTED_OUT_EVERY === 0).map(({ userId }) => userId));
  stage.line.add(...people);
  await importPeople(stage, outputs.ImportBucket, people, optedOut);

  const demo = new CampaignDemo(stage, outputs.CampaignFunction);
  const runId = await demo.pauseInTheMiddle();
  const run = await demo.resume(runId);
  await demo.compare(run, people.filter(({ userId }) => !optedOut.has(userId)));
}

async function importPeople(stage: Stage, bucket: string, people: readonly LineUser[], optedOut: ReadonlySet<string>): Promise<void> {
  const key = `import/${TAG}.csv`;
  step(`a file of ${people.length} subscribers, ${optedOut.size} of whom opted out before, and of one line that is wrong: s3://${bucket}/${key}`);
  const rows = people.map(({ userId, displayName }) => `${userId},${optedOut.has(userId) ? 'ALL' : 'NONE'},${displayName}`);
  const s3 = stage.client(S3Client);
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: ['Address,OptOut,User.UserAttributes.DisplayName', ...rows, 'somebody@example.com,NONE,Mail', ''].join('\n') }));
  let summaryKey: string | undefined;
  await until('the import has a summary', async () => {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'imports/' }));
    summaryKey = Contents.find(({ Key }) => Key!.endsWith('/summary.json'))?.Key;
    return summaryKey !== undefined;
  }, () => 'summary.json below imports/');
  const summary: ImportSummary = JSON.parse(await readObject(stage, bucket, summaryKey!));
  const { status, rows: read, created, tagged, rejected, rejects } = summary;
  print(`${status}: ${read} rows, ${created} new subscribers, ${tagged} tagged ${JSON.stringify(summary.tag)}, ${rejected} rejected`);
  const { Contents: [{ Key }] = [{}] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: rejects }));
  print((await readObject(stage, bucket, Key!)).trim());
  expect(status === 'COMPLETED' && created === people.length && tagged === people.length && rejected === 1, 'the import has everybody, and the wrong line alone is rejected');
}

async function readObject(stage: Stage, bucket: string, key: string): Promise<string> {
  const { Body } = await stage.client(S3Client).send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return Body!.transformToString();
}

class CampaignDemo {
  private readonly requestsBefore: number;

  constructor(private readonly stage: Stage, private readonly controlFunction: string) {
    this.requestsBefore = stage.line.requests('multicast').length;
  }

  /** @returns the id of the run, which is paused */
  public async pauseInTheMiddle(): Promise<string> {
    const { line } = this.stage;
    step(`a campaign with two treatments, ${CAMPAIGN.holdoutPercent} % get nothing; it is started twice, and paused while LINE has its first request`);
    const hold = line.hold('multicast');
    const { runId } = await this.ask(CAMPAIGN);
    const again = await this.ask(CAMPAIGN);
    expect(again.runId === runId, 'two starts with one token are one run');
    const { requestId } = await line.held(hold);
    print(`${runId}: LINE has request ${requestId}`);
    const { state } = await this.ask({ action: 'pause', runId });
    line.release(hold);
    print(`pause: the run is ${state}`);
    const run = await this.reaches(runId, CampaignState.PAUSED);
    printBooks(run);
    expect(run.counts!.accepted > 0 && run.counts!.pending > 0 && run.ambiguous === undefined, 'the run stands still in the middle, and no request is undecided');
    return runId;
  }

  public async resume(runId: string): Promise<RunReport> {
    step('it is resumed');
    const { state, generation } = await this.ask({ action: 'resume', runId });
    print(`resume: the run is ${state}, in its execution ${generation}`);
    const run = await this.reaches(runId, CampaignState.COMPLETED);
    printBooks(run);
    return run;
  }

  /** Run, result objects and LINE's ledger say the same. */
  public async compare({ runId, frozen, counts, manifest }: RunReport, reachable: readonly LineUser[]): Promise<void> {
    step('what the run says of each person, against LINE\'s ledger');
    const { results }: ResultManifest = JSON.parse(await readObject(this.stage, manifest!.bucket, manifest!.key));
    const said = new Map<string, string>();
    for (const { key } of results) {
      const [, ...lines] = (await readObject(this.stage, manifest!.bucket, key)).trim().split('\n');
      for (const { to, status, requestId } of lines.map((each): ChunkResultLine => JSON.parse(each))) {
        expect(status === 'accepted' && to !== undefined && !said.has(to), `${to} is accepted, once`);
        said.set(to!, requestId!);
      }
    }
    const deliveries = this.stage.line.deliveries().filter(({ to }) => said.has(to));
    const requests = this.stage.line.requests('multicast').slice(this.requestsBefore);
    print(`${runId}: ${frozen!.recipients} recipients, ${frozen!.holdout} held out, ${frozen!.optedOut} opted out`);
    print(`LINE: ${deliveries.length} deliveries by ${requests.length} requests`);
    const known = new Set(reachable.map(({ userId }) => userId));
    expect([...said.keys()].every((id) => known.has(id)), 'nobody who opted out is sent to');
    expect(said.size === counts!.accepted && said.size + frozen!.holdout === reachable.length, 'everybody else is sent to or held out');
    expect(deliveries.length === said.size && deliveries.every(({ to, requestId }) => said.get(to) === requestId), 'LINE delivered to each of them once, by the request that the run names');
  }

  private async reaches(runId: string, state: CampaignState): Promise<RunReport> {
    let run!: RunReport;
    await until(`the run is ${state}`, async () => {
      run = await this.ask({ action: 'status', runId });
      return run.state === state;
    }, () => JSON.stringify(run));
    return run;
  }

  private async ask(request: object): Promise<RunReport> {
    const answer = await this.stage.invoke<RunReport | { errors: unknown }>(this.controlFunction, request);
    expect(!('errors' in answer), `the runner takes ${JSON.stringify(request)}: ${JSON.stringify(answer)}`);
    return answer as RunReport;
  }
}

function printBooks({ state, frozen, counts, treatments = {} }: RunReport): void {
  const row = (name: string, recipients: number, { accepted, skipped, failed, unknown, pending }: CampaignCounts) =>
    [name, ...[recipients, accepted, skipped, failed, unknown, pending].map(String)];
  print(`the run is ${state}`);
  printTable([
    ['treatment', 'recipients', 'accepted', 'skipped', 'failed', 'unknown', 'pending'],
    ...Object.entries(treatments).map(([name, books]) => row(name, books.recipients, books)),
    row('all', frozen!.recipients, counts!),
  ]);
}
