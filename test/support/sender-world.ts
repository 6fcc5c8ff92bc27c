import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { FakeDynamoDb } from './fake-dynamodb';
import { RecordedTelemetry } from './recorded-telemetry';
import { VirtualTime } from './virtual-time';
import { CustomChannelReply, SendErrorCode } from '../../src/contract/custom-channel';
import { MessageType } from '../../src/contract/media';
import { LineAnswer, LineRequest } from '../../src/domain/line/line-api';
import { MediaObject } from '../../src/domain/line/media-url';
import { SendJournal } from '../../src/domain/line/send-journal';
import { sendMessage } from '../../src/domain/line/send-message';
import { DynamoSendJournal } from '../../src/runtime/send-journal-store';

/** What LINE does with a request. `lost` is accepted and not answered. A number is a status; 409 comes without an accepted id. */
export type LineBehaviour = number | 'ok' | 'reset' | 'timeout' | 'lost' | 'accepted-500' | 'no-token' | 'wrong-credentials';

/** What became of an invocation. A crash is a process that is gone: it neither answers nor writes again. */
export interface InvocationResult {
  readonly reply?: CustomChannelReply;
  readonly error?: Error & { code?: string };
  readonly crashed?: true;
}

export interface InvokeOptions {
  /** The process ends at this point: before its first call is 0, after it 1, before its second 2, … */
  readonly crashAt?: number;
  readonly requestId?: string;
  readonly remainingMs?: number;
}

export const user = (n: number): string => `U${n.toString(16).padStart(32, '0')}`;

/** A sender with everything around it: the journal's real adapter on a table in memory, a LINE that keeps a ledger, virtual time. */
export class SenderWorld {
  public readonly time = new VirtualTime();
  public readonly telemetry = new RecordedTelemetry();
  public readonly dynamo: FakeDynamoDb;
  public readonly optOuts = new Map<string, SendErrorCode>();
  public readonly mediaObjects = new Map<string, MediaObject>();
  /** Requests that LINE received, in order. */
  public readonly requests: LineRequest[] = [];
  /** Body of the request that LINE accepted, by retry key. */
  public readonly accepted = new Map<string, string>();
  /** What LINE does next; `ok` when the list is empty. */
  public behaviours: LineBehaviour[] = [];
  /** Milliseconds that LINE and tables take. */
  public lineMs = 40;
  public tableMs = 5;
  /** Calls of each kind. */
  public readonly calls: string[] = [];
  /** The next calls of this kind fail. */
  public failing: Record<string, number> = {};
  /** Calls of this kind never come to an end. */
  public hanging?: string;
  public messageType: MessageType = 'text';
  public sampleMessages = false;
  public random = 0.5;
  /** Of answers of 400 and more, instead of LINE's own form. */
  public errorBody?: string;
  private readonly journal: SendJournal;
  private owners = 0;

  constructor() {
    this.dynamo = new FakeDynamoDb(mockClient(DynamoDBClient));
    this.journal = new DynamoSendJournal(new DynamoDBClient({ region: 'eu-west-1' }), 'Journal');
  }

  /** How often LINE accepted a message for the person. */
  public received(userId: string): number {
    return [...this.accepted.values()].filter((body) => JSON.parse(body).to.includes(userId)).length;
  }

  public async invoke(event: unknown, options: InvokeOptions = {}): Promise<InvocationResult> {
    return this.time.run(this.start(event, options));
  }

  /** Several invocations at the same time, each begun so many milliseconds after the first. */
  public async invokeTogether(event: unknown, delays: readonly number[], options: readonly InvokeOptions[] = []): Promise<InvocationResult[]> {
    return this.time.run(Promise.all(delays.map(async (delay, index) => {
      await this.time.sleep(delay);
      return this.start(event, options[index] ?? {});
    })));
  }

  private async start(event: unknown, { crashAt = Infinity, requestId = 'request-1', remainingMs = 15_000 }: InvokeOptions): Promise<InvocationResult> {
    let crash: () => void = () => undefined;
    let isGone = false;
    const crashed = new Promise<InvocationResult>((resolve) => {
      crash = () => {
        isGone = true;
        resolve({ crashed: true });
      };
    });
    let points = 0;
    /** A call to the world outside, during which the process may end. */
    const call = async <T>(kind: string, milliseconds: number, work: () => Promise<T>): Promise<T> => {
      const point = async () => {
        if (points++ >= crashAt) {
          crash();
          await new Promise(() => undefined);
        }
      };
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
      const result = await work();
      await this.time.sleep(milliseconds / 2);
      await point();
      return result;
    };
    const { journal } = this;
    const sending = sendMessage(event, { requestId, owner: `owner-${++this.owners}`, remainingMs }, {
      messageType: this.messageType,
      sampleMessages: this.sampleMessages,
      journal: {
        load: (identity) => call('load', this.tableMs, () => journal.load(identity)),
        create: (batch) => call('create', this.tableMs, () => journal.create(batch)),
        write: (from, to) => call('write', this.tableMs, () => journal.write(from, to)),
      },
      subscriptions: {
        exclusions: (ids) => call('subscriptions', this.tableMs, async () => new Map([...this.optOuts].filter(([id]) => ids.includes(id)))),
      },
      media: {
        find: (key) => call('find', this.tableMs, async () => this.mediaObjects.get(key)),
        url: async ({ key, versionId }) => `https://media.example.com/${versionId}/${key}`,
      },
      line: { call: (request) => this.lineCall(request, call) },
      warmUp: async () => this.calls.push('warmUp'),
      telemetry: this.telemetry,
      now: this.time.now,
      sleep: async (milliseconds) => {
        await this.time.sleep(milliseconds);
        if (isGone) {
          await new Promise(() => undefined);
        }
      },
      random: () => this.random,
    });
    return Promise.race([crashed, sending.then((reply) => ({ reply }), (error) => ({ error }))]);
  }

  private async lineCall(request: LineRequest, call: <T>(kind: string, ms: number, work: () => Promise<T>) => Promise<T>): Promise<LineAnswer> {
    const behaviour = this.behaviours.shift() ?? 'ok';
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
    const isRepeat = this.accepted.has(retryKey!);
    const accept = () => {
      this.accepted.set(retryKey!, body!);
    };
    switch (behaviour) {
      case 'reset': return { kind: 'silence', reason: 'network' };
      case 'timeout': return { kind: 'silence', reason: 'timeout' };
      case 'lost': accept(); return { kind: 'silence', reason: 'timeout' };
      case 'accepted-500': accept(); return response(500);
      case 'ok':
        if (isRepeat) {
          return response(409, { acceptedRequestId: 'line-accepted' });
        }
        accept();
        return response(200);
      default: return response(behaviour, { body: this.errorBody ?? JSON.stringify({ message: `status ${behaviour}`, details: [{ message: 'quoted', property: 'to[1]' }] }) });
    }
  }
}
