import { ServerResponse } from 'node:http';
import { seededRandom } from './random';

const ANSWERS = ['normal', 'status', 'reset', 'timeout', 'malformed-json', 'html', 'empty', 'redirect', 'expired-token'] as const;

/** What goes wrong with one request. Plain data, so that it can be sent to a stand-in in another process. */
export interface Fault {
  /**
   * What the caller gets. `normal`: the usual answer (late, with `delayMs`). `status`: an error in the platform's own form.
   * `reset`: the connection is cut. `timeout`: no answer, ever. `redirect`: 302 to a path that does not exist.
   * `expired-token`: the access token of this request is expired first, so that it and all later ones get 401.
   */
  readonly answer: typeof ANSWERS[number];
  /** Whether the request is carried out although it is answered so. Default: false, but true for `normal`. */
  readonly accepted?: boolean;
  /** HTTP status of the answers that have one. */
  readonly status?: number;
  /** `message` of a `status` answer instead of the platform's usual text. */
  readonly message?: string;
  /** Milliseconds to wait before the answer; the request itself is carried out, or not, on arrival. */
  readonly delayMs?: number;
}

type Extra = Pick<Fault, 'accepted' | 'delayMs'>;

/** The faults by name. Each takes `{ accepted: true }` when the request is to be carried out nevertheless. */
export const faults = {
  status: (status: number, message?: string, extra?: Extra): Fault => ({ answer: 'status', status, message, ...extra }),
  reset: (extra?: Extra): Fault => ({ answer: 'reset', ...extra }),
  timeout: (extra?: Extra): Fault => ({ answer: 'timeout', ...extra }),
  slow: (delayMs: number): Fault => ({ answer: 'normal', delayMs }),
  malformedJson: (extra?: Extra): Fault => ({ answer: 'malformed-json', status: 200, ...extra }),
  html: (status = 502, extra?: Extra): Fault => ({ answer: 'html', status, ...extra }),
  empty: (status = 200, extra?: Extra): Fault => ({ answer: 'empty', status, ...extra }),
  redirect: (extra?: Extra): Fault => ({ answer: 'redirect', status: 302, ...extra }),
  expiredToken: (): Fault => ({ answer: 'expired-token' }),
};

/** A share of all requests fails, repeatably. */
export interface RandomFaults {
  readonly seed: number;
  /** 0 (none) to 1 (every request). */
  readonly share: number;
  /** One of these strikes, each as often as the others. */
  readonly faults: readonly Fault[];
  /** Only these operations. Default: all. */
  readonly operations?: readonly string[];
}

/** Every operation, in `always` and `script`. */
export const ANY_OPERATION = '*';

/** Which request meets which fault: scripted ones first, then lasting ones, then random ones. */
export class FaultPlan {
  private readonly scripted = new Map<string, (Fault | undefined)[]>();
  private readonly lasting = new Map<string, Fault>();
  private random?: { plan: RandomFaults; next: () => number };

  /** The operation's next requests meet these faults, one each; null lets one request pass. */
  script(operation: string, ...list: (Fault | null)[]): void {
    const queue = this.scripted.get(operation) ?? [];
    this.scripted.set(operation, [...queue, ...list.map(fault => fault === null ? undefined : checked(fault))]);
  }

  /** Every request of the operation meets this fault until `always` is called with none. */
  always(operation: string, fault?: Fault): void {
    if (fault) this.lasting.set(operation, checked(fault));
    else this.lasting.delete(operation);
  }

  randomly(plan: RandomFaults): void {
    if (!(plan.share >= 0 && plan.share <= 1)) throw new Error(`share must be 0 to 1, got ${plan.share}`);
    if (plan.faults.length === 0) throw new Error('faults must name at least one fault');
    plan.faults.forEach(checked);
    this.random = { plan, next: seededRandom(plan.seed) };
  }

  clear(): void {
    this.scripted.clear();
    this.lasting.clear();
    this.random = undefined;
  }

  /** The fault that strikes this request, if any. Call once per request. */
  next(operation: string): Fault | undefined {
    for (const key of [operation, ANY_OPERATION]) {
      const queue = this.scripted.get(key);
      if (queue?.length) return queue.shift();
    }
    const lasting = this.lasting.get(operation) ?? this.lasting.get(ANY_OPERATION);
    if (lasting) return lasting;
    if (!this.random || (this.random.plan.operations && !this.random.plan.operations.includes(operation))) return undefined;
    const { plan, next } = this.random;
    return next() < plan.share ? plan.faults[Math.floor(next() * plan.faults.length)] : undefined;
  }
}

function checked(fault: Fault): Fault {
  if (!ANSWERS.includes(fault.answer)) throw new Error(`fault.answer must be one of ${ANSWERS.join(', ')}, got ${JSON.stringify(fault.answer)}`);
  if (fault.answer === 'status' && !((fault.status ?? 0) >= 100)) throw new Error(`fault.status must be an HTTP status, got ${fault.status}`);
  return fault;
}

/** An answer as it goes over the wire. */
export interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  /** Sent as JSON; undefined sends no body at all. */
  readonly body?: unknown;
}

/**
 * Sends the answer, or what the fault makes of it. Returns the status sent, 0 when none was.
 * `errorOf` gives the platform's own form of an error.
 */
export function sendAnswer(
  response: ServerResponse, answer: Answer, fault: Fault | undefined, errorOf: (status: number, message?: string) => Answer,
): number {
  const headers = answer.headers ?? {};
  const plain = (status: number, contentType?: string, body = '') => {
    response.writeHead(status, { ...headers, ...(contentType && { 'content-type': contentType }) }).end(body);
    return status;
  };
  const json = ({ status, headers: own, body }: Answer) => {
    response.writeHead(status, { ...headers, ...own, ...(body !== undefined && { 'content-type': 'application/json' }) });
    response.end(body === undefined ? undefined : JSON.stringify(body));
    return status;
  };
  switch (fault?.answer) {
    case 'reset':
      response.socket?.resetAndDestroy();
      return 0;
    case 'timeout':
      return 0; // The connection stays open until the caller or stop() closes it.
    case 'status':
      return json(errorOf(fault.status!, fault.message));
    case 'malformed-json':
      return plain(fault.status ?? 200, 'application/json', '{"message":');
    case 'html':
      return plain(fault.status ?? 502, 'text/html', '<html><body><h1>Bad Gateway</h1></body></html>');
    case 'empty':
      return plain(fault.status ?? 200);
    case 'redirect':
      response.setHeader('location', '/redirected');
      return plain(fault.status ?? 302);
    default:
      return json(answer);
  }
}
