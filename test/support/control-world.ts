import { AttributeValue, DynamoDBClient, QueryCommand, QueryCommandInput } from '@aws-sdk/client-dynamodb';
import { FakeDynamoDb } from './fake-dynamodb';
import { RecordedTelemetry } from './recorded-telemetry';
import { CampaignConfig, CampaignRun, SourceNeeds } from '../../src/contract/campaigns';
import { Executions, Schedules } from '../../src/domain/campaigns/begin-run';
import { CampaignObjects } from '../../src/domain/campaigns/campaign-objects';
import { ControlAnswer, RunReport, control } from '../../src/domain/campaigns/control-campaigns';
import { DroppedFile, FileDependencies, startFromFile } from '../../src/domain/campaigns/start-from-file';
import { WatchReport, watchRuns } from '../../src/domain/campaigns/watch-runs';
import { JobNotification } from '../../src/domain/shared/notification';
import { DynamoRunsStore } from '../../src/runtime/runs-store';

type Item = Record<string, AttributeValue>;

/** A crash: whoever works ends there. */
export class Crash extends Error {}

/** The runs' table with its index of states, as far as the store asks of it. */
export class FakeRunsTable extends FakeDynamoDb {
  /** Items of an answer at most, whatever was asked. */
  public pageSize = 1_000;

  public async send(command: unknown): Promise<object> {
    return command instanceof QueryCommand ? this.queryStates(command.input) : super.send(command);
  }

  private queryStates(input: QueryCommandInput): object {
    const { IndexName, KeyConditionExpression, ExpressionAttributeValues: values = {}, ScanIndexForward, Limit = 1_000, ExclusiveStartKey } = input;
    const isBound = KeyConditionExpression === '#state = :state AND #createdAt BETWEEN :from AND :to';
    if (IndexName !== 'state' || ScanIndexForward !== false || !(isBound || KeyConditionExpression === '#state = :state')) {
      throw new Error(`not faked: ${IndexName} ${KeyConditionExpression}`);
    }
    const place = ({ createdAt, pk }: Item) => `${createdAt.S} ${pk.S}`;
    const found = [...this.items.values()]
      .filter(({ state, createdAt }) => state?.S === values[':state'].S && (!isBound || (createdAt.S! >= values[':from'].S! && createdAt.S! <= values[':to'].S!)))
      .sort((one, other) => (place(one) < place(other) ? 1 : -1))
      .filter((item) => !ExclusiveStartKey || place(item) < place(ExclusiveStartKey));
    const page = found.slice(0, Math.min(Limit, this.pageSize));
    const last = page.at(-1);
    return {
      Items: structuredClone(page),
      ...(page.length < found.length && last && { LastEvaluatedKey: { pk: last.pk, sk: last.sk, state: last.state, createdAt: last.createdAt } }),
    };
  }
}

/** A runner's table, bucket, state machine and schedules in memory, and a clock that stands still. */
export class ControlWorld {
  public now = Date.parse('2026-11-23T03:00:00Z');
  public requestId = 'request-1';
  public readonly table = new FakeRunsTable();
  public readonly files = new Map<string, string>();
  public readonly executions = new Map<string, 'RUNNING' | 'ENDED'>();
  public readonly schedules = new Map<string, object>();
  public readonly announced: CampaignRun[] = [];
  public readonly notified: JobNotification[] = [];
  public readonly telemetry = new RecordedTelemetry();
  public needs: SourceNeeds = { vip: [], tagged: ['tag'] };
  public config: CampaignConfig = { runner: 'Campaigns', takesChunks: true, maxEndpoints: 50, pauseAtRefusedPercent: 10, canary: 'AUTO', retentionDays: 90 };
  public remainingMs = 300_000;
  public refusedSchedule: string | undefined;
  /** Steps that go well before one crashes. */
  public crashAfter = Infinity;
  /** What happened, in order. */
  public readonly steps: string[] = [];
  public readonly runs = new DynamoRunsStore({
    send: async (command: { constructor: { name: string } }) => {
      if (command.constructor.name === 'PutItemCommand' || command.constructor.name === 'UpdateItemCommand') {
        this.step(command.constructor.name);
      }
      return this.table.send(command);
    },
  } as unknown as DynamoDBClient, 'Runs');

  private readonly objects: CampaignObjects = {
    bucket: 'campaign-bucket',
    read: async (key) => this.files.get(key),
    write: async (key, body) => {
      this.step(`write ${key}`);
      this.files.set(key, String(body));
    },
    create: async (key, body) => {
      this.step(`create ${key}`);
      return !this.files.has(key) && this.files.set(key, body) !== undefined;
    },
  };

  private readonly machine: Executions = {
    start: async (runId, generation) => {
      const name = `${runId}-${generation}`;
      this.step(`start ${name}`);
      this.executions.set(name, this.executions.get(name) ?? 'RUNNING');
    },
    status: async (runId, generation) => this.executions.get(`${runId}-${generation}`) ?? 'NONE',
  };

  private readonly scheduler: Schedules = {
    create: async ({ runId, startAt, recurrence }) => {
      this.step(`schedule ${runId}`);
      if (this.refusedSchedule !== undefined) {
        return { refused: this.refusedSchedule };
      }
      this.schedules.set(runId, this.schedules.get(runId) ?? recurrence ?? { startAt });
      return {};
    },
    remove: async (runId) => {
      this.step(`unschedule ${runId}`);
      this.schedules.delete(runId);
    },
  };

  public get dependencies(): FileDependencies {
    return {
      config: this.config,
      needs: this.needs,
      requestId: this.requestId,
      runs: this.runs,
      objects: this.objects,
      removeObject: async (key) => {
        this.step(`remove ${key}`);
        this.files.delete(key);
      },
      executions: this.machine,
      schedules: this.scheduler,
      announce: async (run) => {
        this.step(`announce ${run.state}`);
        this.announced.push(run);
      },
      notify: async (notification) => {
        this.notified.push(notification);
      },
      readDropped: async ({ key }, maxBytes) => {
        const text = this.files.get(key);
        const bytes = text === undefined ? undefined : Buffer.from(text, text.startsWith('\u0000latin1') ? 'latin1' : 'utf8');
        return bytes && bytes.length > maxBytes ? 'TOO_LARGE' : bytes;
      },
      telemetry: this.telemetry,
      now: () => this.now,
    };
  }

  public async ask(request: unknown): Promise<ControlAnswer> {
    return control(request, this.dependencies);
  }

  /** The answer of a request that is granted. */
  public async run(request: unknown): Promise<RunReport> {
    const answer = await this.ask(request);
    if (!('runId' in answer)) {
      throw new Error(JSON.stringify(answer));
    }
    return answer;
  }

  /** What is said about a request that is refused. */
  public async errors(request: unknown): Promise<string[]> {
    const answer = await this.ask(request);
    return 'errors' in answer ? answer.errors.map(({ path, message }) => `${path} ${message}`) : [];
  }

  public async drop(file: Partial<DroppedFile> & { readonly key: string }, text?: string): Promise<RunReport | undefined> {
    if (text !== undefined) {
      this.files.set(file.key, text);
    }
    return startFromFile({ bucket: 'campaign-bucket', ...file }, this.dependencies);
  }

  public async watch(): Promise<WatchReport> {
    return watchRuns({ ...this.dependencies, remainingMs: () => this.remainingMs });
  }

  public async load(runId: string): Promise<CampaignRun> {
    return (await this.runs.load(runId))!;
  }

  /** Writes over a run, as steps of its execution do. */
  public async change(runId: string, change: Parameters<DynamoRunsStore['transition']>[1]): Promise<CampaignRun> {
    return (await this.runs.transition(await this.load(runId), change, new Date(this.now).toISOString()))!;
  }

  private step(name: string): void {
    if (this.crashAfter-- <= 0) {
      this.crashAfter = Infinity;
      throw new Crash(name);
    }
    this.steps.push(name);
  }
}
