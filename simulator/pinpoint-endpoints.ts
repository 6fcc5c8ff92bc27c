import { createHash, randomUUID } from 'node:crypto';
import { IncomingMessage, Server, ServerResponse, createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Answer, Fault, FaultPlan, RandomFaults, sendAnswer } from './faults';
import { close, listen, readBody } from './http-server';
import { Check, Findings, Members, anything, dotted, isObject, list, number, object, oneOf, text } from './rules';

/** Source: Amazon Pinpoint, "Quotas", endpoint quotas, unless named otherwise. */
const MAX_ENDPOINT_BYTES = 15 * 1024;
const MAX_ATTRIBUTE_NAME = 50;
const MAX_ATTRIBUTE_VALUE = 100;
const MAX_ATTRIBUTE_VALUES = 50;
/** Names of attributes, metrics and user attributes in one project, together. */
const MAX_ATTRIBUTE_NAMES = 250;
const MAX_ENDPOINTS_PER_USER = 15;
const MAX_BODY_BYTES = 7 * 1024 * 1024;

export type PinpointOperation = 'updateEndpoint' | 'getEndpoint' | 'deleteEndpoint';

const OPERATIONS: Record<string, PinpointOperation> = { PUT: 'updateEndpoint', GET: 'getEndpoint', DELETE: 'deleteEndpoint' };

/** Amazon Pinpoint's EndpointResponse. */
export interface StoredEndpoint extends Record<string, unknown> {
  readonly ApplicationId: string;
  readonly Id: string;
  readonly Address?: string;
  readonly ChannelType?: string;
  readonly OptOut?: string;
  readonly EndpointStatus: 'ACTIVE' | 'INACTIVE';
  readonly EffectiveDate: string;
  readonly CreationDate: string;
  readonly CohortId: string;
  readonly RequestId: string;
  readonly Attributes?: Record<string, string[]>;
  readonly Metrics?: Record<string, number>;
  readonly User?: { readonly UserId?: string; readonly UserAttributes?: Record<string, string[]> };
}

/** One call, whatever became of it. */
export interface PinpointCall {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly requestId: string;
  readonly operation: PinpointOperation | 'unknown';
  readonly path: string;
  readonly applicationId?: string;
  readonly endpointId?: string;
  readonly body?: string;
  /** As sent; 0 when no answer was sent. */
  status: number;
  readonly fault?: Fault;
  /** Members of the request that the service's model does not have: the service ignores them. */
  unknownMembers: string[];
}

export interface PinpointEndpointsOptions {
  /** Projects that exist. Default: every application id does. */
  readonly applicationIds?: string[];
  /** Epoch milliseconds. Default: the system's clock. */
  readonly now?: () => number;
  /** Default: any free port. */
  readonly port?: number;
}

// ── The service's model (EndpointRequest), as published with its SDK ─────────────────────────────────────────────────

const STRING = text({ min: 0, max: Number.MAX_SAFE_INTEGER });
const DOUBLE = number(-Number.MAX_VALUE, Number.MAX_VALUE, false);
const ISO_8601 = text({ max: 40, pattern: /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/ });

function named(entry: Check): Check {
  return (value, path, findings) => {
    if (!isObject(value)) return findings.add(path, 'Must be an object');
    for (const [name, content] of Object.entries(value)) {
      if (name.length === 0 || name.length > MAX_ATTRIBUTE_NAME) findings.add([...path, name], `Attribute names may have 1 to ${MAX_ATTRIBUTE_NAME} characters`);
      entry(content, [...path, name], findings);
    }
  };
}

const ATTRIBUTES = named(list(0, MAX_ATTRIBUTE_VALUES, text({ min: 0, max: MAX_ATTRIBUTE_VALUE })));
const strings = (...names: string[]): Members => Object.fromEntries(names.map(name => [name, STRING]));

const ENDPOINT_REQUEST = object({}, {
  Address: STRING,
  Attributes: ATTRIBUTES,
  ChannelType: oneOf('PUSH', 'GCM', 'APNS', 'APNS_SANDBOX', 'APNS_VOIP', 'APNS_VOIP_SANDBOX', 'ADM', 'SMS', 'VOICE', 'EMAIL', 'BAIDU', 'CUSTOM', 'IN_APP'),
  Demographic: object({}, strings('AppVersion', 'Locale', 'Make', 'Model', 'ModelVersion', 'Platform', 'PlatformVersion', 'Timezone')),
  EffectiveDate: ISO_8601,
  EndpointStatus: oneOf('ACTIVE', 'INACTIVE'),
  Location: object({}, { ...strings('City', 'Country', 'PostalCode', 'Region'), Latitude: DOUBLE, Longitude: DOUBLE }),
  Metrics: named(DOUBLE),
  OptOut: oneOf('ALL', 'NONE'),
  RequestId: anything,
  User: object({}, { UserId: STRING, UserAttributes: ATTRIBUTES }),
});

// ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The errors of the service's model by status. A status without one is sent without a type, as an unknown error would be. */
const ERROR_TYPES: Record<number, string> = {
  400: 'BadRequestException',
  403: 'ForbiddenException',
  404: 'NotFoundException',
  405: 'MethodNotAllowedException',
  409: 'ConflictException',
  413: 'PayloadTooLargeException',
  429: 'TooManyRequestsException',
  500: 'InternalServerErrorException',
};

const USUAL_MESSAGES: Record<number, string> = { 403: 'Forbidden', 404: 'Resource not found', 429: 'Too many requests' };

/**
 * A stand-in for the endpoint operations of Amazon Pinpoint: UpdateEndpoint, GetEndpoint and DeleteEndpoint of
 * `@aws-sdk/client-pinpoint`, on a loopback port. Point the SDK at it with `endpoint` or `AWS_ENDPOINT_URL_PINPOINT`.
 */
export class PinpointEndpoints {
  private readonly server: Server;
  private readonly stored = new Map<string, StoredEndpoint>();
  private readonly log: PinpointCall[] = [];
  private readonly faultPlan = new FaultPlan();
  private origin?: string;

  constructor(private readonly options: PinpointEndpointsOptions = {}) {
    this.server = createServer((request, response) => {
      this.handle(request, response).catch((reason: NodeJS.ErrnoException) => {
        response.destroy();
        // A caller may go away in the middle of its request; anything else is a mistake of the stand-in.
        if (reason.code !== 'ECONNRESET') console.error('Pinpoint stand-in failed on a request', reason);
      });
    });
  }

  /** `http://127.0.0.1:<port>` */
  get url(): string {
    if (!this.origin) throw new Error('the endpoints are not started: await start() first');
    return this.origin;
  }

  async start(): Promise<string> {
    this.origin = await listen(this.server, this.options.port);
    return this.origin;
  }

  async stop(): Promise<void> {
    await close(this.server);
  }

  /** Endpoints, of one project or of all, in the order of their creation. */
  endpoints(applicationId?: string): StoredEndpoint[] {
    return [...this.stored.values()].filter(endpoint => !applicationId || endpoint.ApplicationId === applicationId);
  }

  /** Every call, oldest first. */
  calls(operation?: PinpointOperation | 'unknown'): PinpointCall[] {
    return this.log.filter(call => !operation || call.operation === operation);
  }

  /** The operation's next calls meet these faults, one each; null lets one pass. `*` is any operation. */
  script(operation: PinpointOperation | '*', ...list_: (Fault | null)[]): void {
    this.faultPlan.script(operation, ...list_);
  }

  /** Every call of the operation meets this fault, until called without one: a service that has ended, for example. */
  always(operation: PinpointOperation | '*', fault?: Fault): void {
    this.faultPlan.always(operation, fault);
  }

  randomFaults(plan: RandomFaults): void {
    this.faultPlan.randomly(plan);
  }

  clearFaults(): void {
    this.faultPlan.clear();
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://pinpoint').pathname;
    const [, applicationId, endpointId] = (/^\/v1\/apps\/([^/]+)\/endpoints\/([^/]+)$/.exec(path) ?? []).map(decoded);
    const operation = endpointId ? OPERATIONS[request.method ?? ''] ?? 'unknown' : 'unknown';
    const requestId = randomUUID();
    const fault = this.faultPlan.next(operation);
    const call: { -readonly [key in keyof PinpointCall]: PinpointCall[key] } = {
      at: this.now(), requestId, operation, path, applicationId, endpointId, status: 0, fault, unknownMembers: [],
    };
    this.log.push(call);
    const errorOf = (status: number, message?: string): Answer => ({
      status,
      headers: ERROR_TYPES[status] ? { 'x-amzn-errortype': ERROR_TYPES[status] } : {},
      body: { Message: message ?? USUAL_MESSAGES[status] ?? 'Internal service error', RequestID: requestId },
    });
    let answer: Answer = { status: 0 };
    const send = () => {
      call.status = sendAnswer(response, { ...answer, headers: { 'x-amzn-requestid': requestId, ...answer.headers } }, fault, errorOf);
    };
    if (fault?.answer === 'reset' && !fault.accepted) return send();
    const body = await readBody(request, MAX_BODY_BYTES);
    call.body = body?.toString();
    if (!fault || fault.accepted || fault.answer === 'normal') {
      answer = this.process(call, request, errorOf);
    }
    if (fault?.delayMs) await delay(fault.delayMs);
    send();
  }

  private process(call: PinpointCall, request: IncomingMessage, errorOf: (status: number, message?: string) => Answer): Answer {
    const { applicationId, endpointId, operation, body } = call;
    if (!applicationId || !endpointId) return errorOf(404);
    if (operation === 'unknown') return errorOf(405, 'Method not allowed');
    // The signature itself cannot be checked: the stand-in knows no secret key.
    if (!/^AWS4-HMAC-SHA256 Credential=[^,]+\/mobiletargeting\/aws4_request,/.test(request.headers.authorization ?? '')) return errorOf(403);
    if (this.options.applicationIds && !this.options.applicationIds.includes(applicationId)) return errorOf(404);
    if (body === undefined) return errorOf(413, 'Payload too large');
    const key = `${applicationId}/${endpointId}`;
    const existing = this.stored.get(key);
    if (operation !== 'updateEndpoint') {
      if (!existing) return errorOf(404);
      if (operation === 'deleteEndpoint') this.stored.delete(key);
      return { status: operation === 'getEndpoint' ? 200 : 202, body: existing };
    }

    let content: unknown;
    try {
      content = JSON.parse(body);
    } catch {
      return errorOf(400, 'The request body is not JSON');
    }
    const findings = new Findings();
    ENDPOINT_REQUEST(content, [], findings);
    call.unknownMembers = findings.unknown.map(dotted);
    if (findings.problems.length > 0) return errorOf(400, findings.problems.map(({ message, path }) => `${dotted(path)}: ${message}`).join('; '));
    const merged = this.merge(content as Partial<StoredEndpoint>, applicationId, endpointId, call.requestId, existing);
    const refusal = this.refusal(merged);
    if (refusal) return errorOf(400, refusal);
    this.stored.set(key, merged);
    this.inactivateEqualAddresses(merged);
    return { status: 202, body: { Message: 'Accepted', RequestID: call.requestId } };
  }

  /** Source: Amazon Pinpoint API reference, "UpdateEndpoint": values sent for an attribute replace that attribute's old ones; others stay. */
  private merge(sent: Partial<StoredEndpoint>, applicationId: string, id: string, requestId: string, existing?: StoredEndpoint): StoredEndpoint {
    const now = new Date(this.now()).toISOString();
    const user = { ...existing?.User, ...sent.User, UserAttributes: { ...existing?.User?.UserAttributes, ...sent.User?.UserAttributes } };
    return {
      ...existing,
      ...sent,
      Attributes: { ...existing?.Attributes, ...sent.Attributes },
      Metrics: { ...existing?.Metrics, ...sent.Metrics },
      User: user,
      ApplicationId: applicationId,
      Id: id,
      CohortId: String(createHash('md5').update(id).digest().readUInt16BE() % 100),
      CreationDate: existing?.CreationDate ?? now,
      EffectiveDate: sent.EffectiveDate ?? now,
      EndpointStatus: sent.EndpointStatus ?? 'ACTIVE',
      RequestId: requestId,
    };
  }

  /** Why the endpoint would break a quota, if it would. */
  private refusal(endpoint: StoredEndpoint): string | undefined {
    if (Buffer.byteLength(JSON.stringify(endpoint)) > MAX_ENDPOINT_BYTES) return 'The endpoint is larger than 15 KB';
    const others = this.endpoints(endpoint.ApplicationId).filter(({ Id }) => Id !== endpoint.Id);
    const names = new Set([...others, endpoint].flatMap(({ Attributes = {}, Metrics = {}, User }) => [
      ...Object.keys(Attributes).map(name => `attribute ${name}`),
      ...Object.keys(Metrics).map(name => `metric ${name}`),
      ...Object.keys(User?.UserAttributes ?? {}).map(name => `user attribute ${name}`),
    ]));
    if (names.size > MAX_ATTRIBUTE_NAMES) return `The project may have at most ${MAX_ATTRIBUTE_NAMES} attributes`;
    const userId = endpoint.User?.UserId;
    const ofUser = userId === undefined ? 0 : others.filter(({ User }) => User?.UserId === userId).length;
    if (ofUser >= MAX_ENDPOINTS_PER_USER && endpoint.ChannelType === 'CUSTOM') return `A user may have at most ${MAX_ENDPOINTS_PER_USER} endpoints`;
    return undefined;
  }

  /** Source: Amazon Pinpoint API reference, `EndpointStatus`. */
  private inactivateEqualAddresses({ ApplicationId, Address, Id }: StoredEndpoint): void {
    if (!Address) return;
    for (const [key, other] of this.stored) {
      if (other.ApplicationId === ApplicationId && other.Address === Address && other.Id !== Id) {
        this.stored.set(key, { ...other, EndpointStatus: 'INACTIVE' });
      }
    }
  }

  private now(): number {
    return (this.options.now ?? Date.now)();
  }
}

/** A part of the path; what is no proper percent-encoding stays as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
