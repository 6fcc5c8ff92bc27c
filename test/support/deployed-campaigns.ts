import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { DeployedStack } from './deployed-channel';
import { Delivery } from '../../simulator/line-platform';
import { ACTIVE_STATES, CampaignCounts, CampaignState, FrozenChunk, ResultManifest, runKey } from '../../src/contract/campaigns';
import { ChunkLine, ChunkResultLine, ChunkSendResult } from '../../src/contract/chunk-send';
import { RunReport } from '../../src/domain/campaigns/control-campaigns';

/** Milliseconds until a run is given up by a test. Nothing is asserted about time. */
const SETTLE_LIMIT_MS = 240_000;

const POLL_MS = 300;

/** What a run's objects say became of its people. */
export interface RunAudit {
  /** By person. */
  readonly outcomes: ReadonlyMap<string, ChunkResultLine & { readonly treatment: string }>;
  readonly manifest: ResultManifest;
}

/** A deployed `CampaignRunner` as an operator sees it. */
export class DeployedCampaigns {
  public readonly controlFunction: string;
  public readonly watchFunction: string;
  public readonly stateMachineArn: string;
  public readonly bucket: string;
  public readonly runsTable: string;

  /** @param id path of the runner below the stack */
  constructor(private readonly stack: DeployedStack, id: string = 'Campaigns') {
    this.controlFunction = stack.resource(`${id}/Control`);
    this.watchFunction = stack.resource(`${id}/Watch`);
    this.stateMachineArn = stack.resource(`${id}/Run`);
    this.bucket = stack.resource(`${id}/Bucket`);
    this.runsTable = stack.resource(`${id}/Runs`);
  }

  /** Invokes the control function. */
  public async ask<T>(request: unknown): Promise<T> {
    return this.stack.stage.invoke<T>(this.controlFunction, request);
  }

  /**
   * Starts something, or has something done to a run.
   * @throws Error when it is refused
   */
  public async run(request: object): Promise<RunReport> {
    const answer = await this.ask<RunReport | { errors: unknown }>(request);
    if ('errors' in answer) {
      throw new Error(`the control function refused ${JSON.stringify(request).slice(0, 500)}: ${JSON.stringify(answer.errors)}`);
    }
    return answer;
  }

  /** What is wrong with a request: `path message` each. @throws Error when nothing is */
  public async refusal(request: unknown): Promise<string[]> {
    const { errors } = await this.ask<{ errors?: { path: string; message: string }[] }>(request);
    if (!errors) {
      throw new Error(`the control function did not refuse ${JSON.stringify(request).slice(0, 500)}`);
    }
    return errors.map(({ path, message }) => `${path} ${message}`);
  }

  public async status(runId: string): Promise<RunReport> {
    return this.run({ action: 'status', runId });
  }

  /** Waits until a run is in one of the states. @throws Error with its record when it ends elsewhere, or takes too long */
  public async until(runId: string, ...states: CampaignState[]): Promise<RunReport> {
    const passed = [...ACTIVE_STATES, CampaignState.SCHEDULED];
    for (const deadline = Date.now() + SETTLE_LIMIT_MS; ; await sleep(POLL_MS)) {
      const run = await this.status(runId);
      if (states.includes(run.state)) {
        return run;
      }
      if (!passed.includes(run.state) || Date.now() > deadline) {
        throw new Error(`run ${runId} should have been ${states.join(' or ')}: ${JSON.stringify(run)}`);
      }
    }
  }

  /** Starts a campaign and waits for its end. */
  public async complete(request: object): Promise<RunReport> {
    return this.until((await this.run(request)).runId, CampaignState.COMPLETED);
  }

  /** Text of an object. */
  public async read(key: string): Promise<string> {
    const { Body } = await this.stack.stage.client(S3Client).send(new GetObjectCommand({ Bucket: this.bucket, Key: key }));
    return Body!.transformToString();
  }

  public async put(key: string, body: string): Promise<void> {
    await this.stack.stage.client(S3Client).send(new PutObjectCommand({ Bucket: this.bucket, Key: key, Body: body }));
  }

  /** Frozen chunks of a run with the people in them, in the order in which they are sent. */
  public async chunks({ runId, frozen }: RunReport): Promise<(FrozenChunk & { key: string; ids: string[] })[]> {
    const folder = runKey(runId, `chunks-${frozen!.generation}`);
    const index: FrozenChunk[] = linesOf(await this.read(`${folder}/index.jsonl`)).map((line) => JSON.parse(line));
    return Promise.all(index.map(async (chunk) => {
      const key = `${folder}/${chunk.name}.jsonl`;
      const lines: ChunkLine[] = linesOf(await this.read(key)).map((line) => JSON.parse(line));
      return { ...chunk, key, ids: lines.map(({ id }) => id) };
    }));
  }

  /**
   * Reads everything that a run that has ended says of its people, and checks that it agrees: record, manifest, result objects.
   *
   * @param run as `status` tells it
   */
  public async audit(run: RunReport): Promise<RunAudit> {
    const manifest: ResultManifest = JSON.parse(await this.read(run.manifest!.key));
    const outcomes = new Map<string, ChunkResultLine & { treatment: string }>();
    for (const { key, treatment, recipients } of manifest.results) {
      const [first, ...lines] = linesOf(await this.read(key));
      const result: ChunkSendResult = JSON.parse(first);
      const people: ChunkResultLine[] = lines.map((line) => JSON.parse(line));
      expect(people).toHaveLength(recipients);
      // A channel's own id of the run ends with the runner's.
      expect(result).toMatchObject({ runId: expect.stringMatching(new RegExp(`(^|/)${run.runId}$`)), recipients, counts: countsOf(people) });
      people.forEach((person) => {
        expect(outcomes.has(person.id)).toBe(false);
        outcomes.set(person.id, { ...person, treatment });
      });
    }
    const counts = countsOf([...outcomes.values()]);
    const missing = run.frozen!.recipients - outcomes.size;
    expect(manifest).toMatchObject({ runId: run.runId, campaign: run.campaign, state: run.state, recipients: run.frozen!.recipients });
    expect(manifest.counts).toEqual({ ...counts, pending: counts.pending + missing });
    expect(run.counts).toEqual(manifest.counts);
    expect(missing).toBe((await this.chunks(run)).reduce((sum, { name, people }) => sum + (manifest.missing.includes(name) ? people : 0), 0));
    return { outcomes, manifest };
  }
}

/** Checks that exactly those were sent something once, with the request that was accepted, whom the run says it sent to. */
export function expectDelivered({ outcomes }: RunAudit, deliveries: readonly Delivery[]): void {
  const accepted = [...outcomes.values()].filter(({ status }) => status === 'accepted');
  expect(deliveries.map(({ to, requestId }) => `${to} ${requestId}`).sort()).toEqual(accepted.map(({ to, requestId }) => `${to} ${requestId}`).sort());
}

export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

function countsOf(people: readonly ChunkResultLine[]): CampaignCounts {
  const counts = { accepted: 0, skipped: 0, failed: 0, unknown: 0, pending: 0 };
  people.forEach(({ status }) => counts[status === 'deferred' ? 'pending' : status]++);
  return counts;
}
