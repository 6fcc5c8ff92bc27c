import { DynamoDBClient, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { FakeDynamoDb } from './fake-dynamodb';
import { RecordedTelemetry } from './recorded-telemetry';
import { VirtualTime } from './virtual-time';
import { ChunkPreview, ChunkSendEvent, ChunkSendResult } from '../../src/contract/chunk-send';
import { CustomChannelReply, SendErrorCode } from '../../src/contract/custom-channel';
import { SendFunctionType } from '../../src/contract/media';
import { RetryRequest, WAKE_UP_SECONDS } from '../../src/contract/retry-queue';
import { SendBatch } from '../../src/contract/send-journal';
import { LowQuotaPolicy, UnknownOutcomePolicy } from '../../src/contract/sending';
import { contentComposer } from '../../src/domain/line/compose-content';
import { LineAnswer, LineRequest } from '../../src/domain/line/line-api';
import { MediaObject } from '../../src/domain/line/media-url';
import { resumeBatches } from '../../src/domain/line/resume-batches';
import { PersonOutcome, SendBooks, bookOf, peopleOf } from '../../src/domain/line/send-books';
import { ChunkDependencies, handleChunk, sendChunk } from '../../src/domain/line/send-chunk';
import { sendMessage } from '../../src/domain/line/send-message';
import { ContentValidity } from '../../src/domain/line/validate-content';
import { DynamoSendJournal, batchFromItem, isBatchItem } from '../../src/runtime/send-journal-store';

/** What LINE does with a request. `lost` is accepted and not answered. A number is a status; 409 comes without an accepted id. */
export type LineBehaviour = number | 'ok' | 'reset' | 'timeout' | 'lost' | 'accepted-500' | 'accepted-reset' | 'no-token' | 'wrong-credentials';

/** What became of a process. A crash is a process that is gone: it neither answers nor writes again. */
export interface ProcessResult<T> {
  readonly reply?: T;
  readonly error?: Error & { code?: string };
  readonly crashed?: true;
}

export type InvocationResult = ProcessResult<CustomChannelReply>;

export interface ProcessOptions {
  /** The process ends at this point: before its first call is 0, after it 1, before its second 2, … */
  readonly crashAt?: number;
  /** The process stands still at this point, for `freezeMs`. */
  readonly freezeAt?: number;
  readonly freezeMs?: number;
  readonly remainingMs?: number;
  /** How far the process's clock is ahead. */
  readonly skewMs?: number;
}

export interface InvokeOptions extends ProcessOptions {
  readonly requestId?: string;
}

export const user = (n: number): string => `U${n.toString(16).padStart(32, '0')}`;

/** Time of the function that goes on with batches, and after which a message that it did not delete comes again. */
const RESUME_MS = 60_000;
const VISIBILITY_MS = 360_000;

interface QueuedMessage {
  readonly messageId: string;
  readonly body: string;
  at: number;
}

/**
 * A sender with everything around it: the journal's real adapter on a table in memory, a LINE that keeps a ledger, a queue
 * that delivers, virtual time. Each write to the table is a point at which the process may end.
 */
export class SenderWorld {
  public readonly time = new VirtualTime();
  public readonly telemetry = new RecordedTelemetry();
  public readonly dynamo = new FakeDynamoDb();
  public readonly optOuts = new Map<string, SendErrorCode>();
  /** By `<type>/<key>`. */
  public readonly mediaObjects = new Map<string, MediaObject>();
  public readonly templates = new Map<string, string>();
  /** Bodies of batches, by key. */
  public readonly contents = new Map<string, readonly string[]>();
  /** Chunks, contents and flags, by `<bucket>/<key>`. */
  public readonly chunks = new Map<string, string>();
  /** Every version of each result object, by `<bucket>/<key>`. */
  public readonly results = new Map<string, string[]>();
  /** The retry queue. */
  public queue: QueuedMessage[] = [];
  /** Seconds of delay of everything that was put into it. */
  public readonly delays: number[] = [];
  /** Somebody else writes a result object each time that one is to be written. */
  public overtaken = false;
  /** Send requests that LINE received, in order. */
  public readonly requests: LineRequest[] = [];
  /** Body of the request that LINE accepted, by retry key. */
  public readonly accepted = new Map<string, string>();
  /** What LINE does next; `ok` when the list is empty. */
  public behaviours: LineBehaviour[] = [];
  /** What LINE does when the list is empty and this says something. */
  public lineDoes?: (request: LineRequest) => LineBehaviour | undefined;
  /** People whose ids LINE refuses, in a multicast together with everybody else. */
  public readonly badIds = new Set<string>();
  /** LINE's refusal names them. */
  public namesBadIds = false;
  /** Messages that LINE still takes this month. */
  public quota = Infinity;
  public validity: ContentValidity = 'valid';
  /** False: the limiter's turns come too late for everybody. */
  public hasTurns = true;
  /** Milliseconds between two turns. */
  public paceMs = 0;
  /** Milliseconds that LINE, and tables, buckets and queues take. */
  public lineMs = 40;
  public tableMs = 5;
  /** Calls of each kind. */
  public readonly calls: string[] = [];
  /** The next calls of this kind fail. */
  public failing: Record<string, number> = {};
  /** Calls of this kind never come to an end. */
  public hanging?: string;
  public functionType: SendFunctionType = 'text';
  public sampleMessages = false;
  public perPersonClaim = false;
  public onUnknownOutcome: UnknownOutcomePolicy = 'SET_ASIDE';
  public onLowQuota: LowQuotaPolicy = 'SEND';
  public random = 0.5;
  /** Of answers of 400 and more, instead of LINE's own form. */
  public errorBody?: string;
  public readonly units: string[] = [];
  /** What an instance remembers between invocations; absent: every invocation has an instance of its own. */
  public validated?: Set<string>;
  private nextTurn = 0;
  private owners = 0;
  private messages = 0;

  /** Every batch on record. */
  public batches(): SendBatch[] {
    return [...this.dynamo.items.values()].filter(isBatchItem).map(batchFromItem);
  }

  /** The books of everything on record. */
  public books(): SendBooks {
    return bookOf(this.batches());
  }

  /** What the journal says of everybody; nobody is in it twice for one run. */
  public people(): PersonOutcome[] {
    return this.batches().flatMap(peopleOf);
  }

  /** How often LINE accepted a message for the person. */
  public received(userId: string): number {
    return [...this.accepted.values()].filter((body) => recipientsOf(body).includes(userId)).length;
  }

  /** How often LINE accepted a message, for everybody who got one. */
  public ledger(): Map<string, number> {
    const ledger = new Map<string, number>();
    for (const to of [...this.accepted.values()].flatMap(recipientsOf)) {
      ledger.set(to, (ledger.get(to) ?? 0) + 1);
    }
    return ledger;
  }

  public async invoke(event: unknown, options: InvokeOptions = {}): Promise<InvocationResult> {
    return this.time.run(this.start(event, options));
  }

  /** Several invocations at the same time, each begun so many milliseconds after the first. */
  public async invokeTogether(event: unknown, delays: readonly number[], options: readonly InvokeOptions[] = []): Promise<InvocationResult[]> {
    return this.time.run(Promise.all(delays.map(async (delay, index) => {
      await this.time.sleep(delay);
      return this.start(Array.isArray(event) ? event[index] : event, options[index] ?? {});
    })));
  }

  public async invokeChunk(event: Partial<ChunkSendEvent>, { requestId = 'request-1', remainingMs = 900_000, ...options }: InvokeOptions = {}): Promise<ProcessResult<ChunkSendResult>> {
    return this.time.run(this.process(options, async (deps, owner) => sendChunk(event as ChunkSendEvent, { requestId, owner, remainingMs }, deps)));
  }

  public async previewChunk(event: Partial<ChunkSendEvent>): Promise<ProcessResult<ChunkPreview>> {
    const invocation = { requestId: 'request-1', remainingMs: 60_000 };
    return this.time.run(this.process({}, async (deps, owner) => (
      handleChunk(event as ChunkSendEvent, { ...invocation, owner }, deps) as Promise<ChunkPreview>)));
  }

  /** Chunks sent at the same time, each begun so many milliseconds after the beginning. */
  public async sendTogether(
    events: readonly Partial<ChunkSendEvent>[], delays: readonly number[], options: readonly ProcessOptions[] = [],
  ): Promise<ProcessResult<ChunkSendResult>[]> {
    return this.time.run(Promise.all(events.map(async (event, index) => {
      await this.time.sleep(delays[index]);
      const invocation = { requestId: `request-${index}`, remainingMs: 900_000 };
      return this.process(options[index] ?? {}, async (deps, owner) => sendChunk(event as ChunkSendEvent, { ...invocation, owner }, deps));
    })));
  }

  /** One invocation of the function that goes on with batches. */
  public async resume(messages: readonly { messageId: string; body: string }[], options: ProcessOptions = {}): Promise<ProcessResult<string[]>> {
    return this.time.run(this.startResume(messages, options));
  }

  /**
   * Lets the queue deliver until it is empty, as it does: each message when it is due, and again when it was not deleted.
   *
   * @param rounds invocations at most
   */
  public async drain(rounds: number = 1_000): Promise<void> {
    for (let round = 0; this.queue.length > 0 && round < rounds; round++) {
      this.queue.sort((one, other) => one.at - other.at);
      this.time.pass(Math.max(0, this.queue[0].at - this.time.now()));
      const due = this.queue.filter(({ at }) => at <= this.time.now()).slice(0, 10);
      due.forEach((message) => { message.at = this.time.now() + VISIBILITY_MS; });
      const { reply, crashed, error } = await this.resume(due);
      if (error) {
        throw error;
      }
      this.queue = this.queue.filter((message) => crashed || !due.includes(message) || reply!.includes(message.messageId));
    }
  }

  public async start(event: unknown, { requestId = 'request-1', remainingMs = 15_000, ...options }: InvokeOptions): Promise<InvocationResult> {
    return this.process(options, async (deps, owner) => sendMessage(event, { requestId, owner, remainingMs }, deps));
  }

  public async startResume(messages: readonly { messageId: string; body: string }[], options: ProcessOptions = {}): Promise<ProcessResult<string[]>> {
    return this.process(options, async ({ retryQueue, ...deps }, owner) =>
      resumeBatches(messages, { owner, remainingMs: options.remainingMs ?? RESUME_MS }, { ...deps, retryQueue }));
  }

  private async process<T>(
    { crashAt = Infinity, freezeAt = Infinity, freezeMs = 0, skewMs = 0 }: ProcessOptions,
    work: (deps: WorldDependencies, owner: string) => Promise<T>,
  ): Promise<ProcessResult<T>> {
    let crash: () => void = () => undefined;
    let isGone = false;
    const crashed = new Promise<ProcessResult<T>>((resolve) => {
      crash = () => {
        isGone = true;
        resolve({ crashed: true });
      };
    });
    let points = 0;
    let thaw = 0;
    const point = async () => {
      const here = points++;
      if (here >= crashAt) {
        crash();
        await new Promise(() => undefined);
      }
      if (here === freezeAt) {
        thaw = this.time.now() + freezeMs;
      }
      // All of the process stands still.
      while (this.time.now() < thaw) {
        await this.time.sleep(thaw - this.time.now());
      }
    };
    /** A call to the world outside, during which the process may end. */
    const call: Outside = async (kind, milliseconds, ask) => {
      await point();
      this.calls.push(kind);
      if (this.hanging === kind) {
        await new Promise(() => undefined);
      }
      await this.time.sleep(milliseconds / 2);
      if (this.failing[kind] > 0) {
        this.failing[kind]--;
        throw new Error(`${kind} failed`);
      }
      const result = await ask();
      await this.time.sleep(milliseconds / 2);
      await point();
      return result;
    };
    const sleep = async (milliseconds: number) => {
      await this.time.sleep(milliseconds);
      if (isGone) {
        await new Promise(() => undefined);
      }
    };
    const working = work(this.dependencies(call, sleep, () => this.time.now() + skewMs), `owner-${++this.owners}`);
    return Promise.race([crashed, working.then((reply) => ({ reply }), (error) => ({ error }))]);
  }

  private dependencies(call: Outside, sleep: (milliseconds: number) => Promise<void>, now: () => number): WorldDependencies {
    const { tableMs } = this;
    const client = { send: (command: unknown) => call(kindOf(command), tableMs, () => this.dynamo.send(command)) };
    const put = async (request: RetryRequest, seconds: number) => {
      this.delays.push(seconds);
      this.queue.push({ messageId: `message-${++this.messages}`, body: JSON.stringify(request), at: this.time.now() + seconds * 1_000 });
    };
    return {
      functionType: this.functionType,
      composer: (data) => contentComposer(data, this, {
        media: {
          types: ['image', 'audio', 'video'],
          find: (type, key) => call('find', tableMs, async () => this.mediaObjects.get(`${type}/${key}`)),
          url: async ({ key, versionId }) => `https://media.example.com/${versionId}/${key}`,
          imagemapUrl: () => undefined,
        },
        templates: {
          find: (key) => call('template', tableMs, async () => {
            const text = this.templates.get(key);
            return text === undefined ? undefined : { text, version: 'v1' };
          }),
        },
      }),
      journal: new DynamoSendJournal(client as unknown as DynamoDBClient, 'Journal', now),
      contents: {
        put: (key, lines) => call('put', tableMs, async () => { this.contents.set(key, lines); }),
        get: (key) => call('get', tableMs, async () => this.contents.get(key)!),
      },
      subscriptions: {
        exclusions: (ids) => call('subscriptions', tableMs, async () => new Map([...this.optOuts].filter(([id]) => ids.includes(id)))),
      },
      retryQueue: {
        wakeUp: ({ pk, sk }) => call('wakeUp', tableMs, () => put({ pk, sk }, WAKE_UP_SECONDS)),
        again: (request, seconds) => call('again', tableMs, () => put(request, seconds)),
      },
      objects: {
        read: ({ Bucket, Key }, what) => call(what === 'the chunk' ? 'chunk' : what, tableMs, async () => this.object(`${Bucket}/${Key}`)),
        firstLine: ({ Bucket, Key }) => call('firstLine', tableMs, async () => {
          const versions = this.results.get(`${Bucket}/${Key}`) ?? [];
          return versions.length === 0 ? undefined : { text: versions.at(-1)!.split('\n')[0], version: `v${versions.length}` };
        }),
        write: ({ Bucket, Key }, text, over) => call('write result', tableMs, async () => this.putResult(`${Bucket}/${Key}`, text, over)),
      },
      line: { call: (request) => this.lineCall(request, call) },
      limiter: { take: async (_operation, _recipients, deadline) => this.takeTurn(deadline, sleep, now()) },
      validate: (_body, timeoutMs) => call('validate', Math.min(timeoutMs, this.lineMs), async () => this.validity).catch(() => 'unavailable'),
      quota: () => call('quota', this.lineMs, async () => (this.quota === Infinity ? { limited: false, used: 980 }
        : { limited: true, quota: 980 + this.quota, used: 980, remaining: this.quota })).catch(() => undefined),
      quotaIsExhausted: (_timeoutMs, recipients) => call('quota', this.lineMs, async () => this.quota < recipients).catch(() => false),
      noteAggregationUnit: async (unit) => { this.units.push(unit); },
      warmUp: async () => this.calls.push('warmUp'),
      validated: this.validated ?? new Set(),
      perPersonClaim: this.perPersonClaim,
      onLowQuota: this.onLowQuota,
      onUnknownOutcome: this.onUnknownOutcome,
      telemetry: this.telemetry,
      now,
      sleep,
      random: () => this.random,
    };
  }

  private object(place: string): string {
    const text = this.chunks.get(place);
    if (text === undefined) {
      throw new Error(`there is no object ${place}`);
    }
    return text;
  }

  /** As S3 does with `If-None-Match` and `If-Match`. */
  private putResult(place: string, text: string, over: string | undefined): boolean {
    const versions = this.results.get(place) ?? [];
    const isMet = !this.overtaken && (over === undefined ? versions.length === 0 : over === `v${versions.length}`);
    if (isMet) {
      this.results.set(place, [...versions, text]);
    }
    return isMet;
  }

  private async takeTurn(deadline: number, sleep: (milliseconds: number) => Promise<void>, now: number): Promise<boolean> {
    const turn = Math.max(now, this.nextTurn);
    if (!this.hasTurns || turn > deadline) {
      return false;
    }
    this.nextTurn = turn + this.paceMs;
    if (turn > now) {
      await sleep(turn - now);
    }
    return true;
  }

  private async lineCall(request: LineRequest, call: Outside): Promise<LineAnswer> {
    const behaviour = this.behaviours.shift() ?? this.lineDoes?.(request) ?? 'ok';
    if (behaviour === 'no-token' || behaviour === 'wrong-credentials') {
      return { kind: 'not-called', message: 'field channelSecret is empty', retryable: behaviour === 'no-token' };
    }
    const milliseconds = behaviour === 'timeout' || behaviour === 'lost' ? request.timeoutMs : this.lineMs;
    return call('line', milliseconds, async () => {
      this.requests.push(request);
      return this.answer(request, behaviour);
    });
  }

  private answer({ retryKey, body }: LineRequest, behaviour: Exclude<LineBehaviour, 'no-token' | 'wrong-credentials'>): LineAnswer {
    const requestId = `line-${this.requests.length}`;
    const response = (status: number, more: object = {}): LineAnswer => ({ kind: 'response', status, requestId, body: '{}', ...more });
    const to = recipientsOf(body!);
    const accept = (): LineAnswer => {
      if (this.accepted.has(retryKey!)) {
        return response(409, { acceptedRequestId: 'line-accepted' });
      }
      const bad = to.flatMap((id, index) => (this.badIds.has(id) ? [index] : []));
      if (bad.length > 0) {
        const details = this.namesBadIds ? bad.map((index) => ({ message: 'Invalid', property: `to[${index}]` })) : undefined;
        return response(400, { body: JSON.stringify({ message: 'The request body has errors', details }) });
      }
      if (to.length > this.quota) {
        return response(429, { body: '{"message":"You have reached your monthly limit."}' });
      }
      this.quota -= to.length;
      this.accepted.set(retryKey!, body!);
      return response(200);
    };
    switch (behaviour) {
      case 'reset': return { kind: 'silence', reason: 'network' };
      case 'timeout': return { kind: 'silence', reason: 'timeout' };
      case 'lost': accept(); return { kind: 'silence', reason: 'timeout' };
      case 'accepted-reset': accept(); return { kind: 'silence', reason: 'network' };
      case 'accepted-500': accept(); return response(500);
      case 'ok': return accept();
      default: return response(behaviour, { body: this.errorBody ?? JSON.stringify({ message: `status ${behaviour}`, details: [{ message: 'quoted', property: 'messages[0]' }] }) });
    }
  }
}

type Outside = <T>(kind: string, milliseconds: number, ask: () => Promise<T>) => Promise<T>;

type WorldDependencies = ChunkDependencies & {
  readonly retryQueue: { wakeUp(key: RetryRequest): Promise<void>; again(request: RetryRequest, seconds: number): Promise<void> };
};

function recipientsOf(body: string): string[] {
  return [JSON.parse(body).to].flat();
}

/** What the journal does with the table, in a word. */
function kindOf(command: unknown): string {
  if (command instanceof GetItemCommand) {
    return command.input.Key!.sk.S === 'RUN' ? 'run' : 'load';
  }
  if (command instanceof PutItemCommand) {
    const { Item, ConditionExpression } = command.input;
    return Item!.sk.S === 'CLAIM' ? 'claim' : ConditionExpression === 'attribute_not_exists(#pk)' ? 'create' : 'write';
  }
  return command instanceof UpdateItemCommand ? 'note' : 'write';
}
