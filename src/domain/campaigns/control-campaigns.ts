import { RunDependencies, execute, flagKey, keepInput, mend, plannedInputKey, writeContents, writeFlag } from './begin-run';
import { START_ACTIONS, hashOfInput, isObject, readCampaignInput, runIdOf } from './campaign-input';
import { RunCommand, decide, newRun } from './campaign-run';
import { inputKey } from './freeze-plan';
import { InputProblems } from './input-problems';
import { listRuns } from './list-runs';
import { startScheduled } from './start-scheduled';
import {
  CampaignInput, CampaignKind, CampaignPreview, CampaignRun, CampaignState, FINAL_STATES, RetryStatus, SourceNeeds, runKey,
} from '../../contract/campaigns';
import { InputProblem, received } from '../../contract/segments';
import { MAX_NESTING, nestsTooDeeply } from '../shared/nesting';
import { wellFormed } from '../shared/well-formed';

type JsonObject = { readonly [member: string]: unknown };

/** What the control function works with. */
export interface ControlDependencies extends RunDependencies {
  readonly needs: SourceNeeds;
  /** Lambda's request id, which its asynchronous retries keep. */
  readonly requestId: string;
}

/** A run, as answers show it. */
export type RunReport = Omit<CampaignRun, 'pk' | 'sk' | 'inputHash' | 'expiresAt'> & {
  /** Of a dry run that has ended. */
  readonly preview?: CampaignPreview;
  /** What the channel counted, as last collected. */
  readonly statistics?: unknown;
  /** Place of the list of the run's result objects. */
  readonly manifest?: { readonly bucket: string; readonly key: string };
};

/** Everything that is wrong with what was asked; then nothing was done. */
export interface RefusedRequest {
  readonly errors: readonly InputProblem[];
}

/** What the control function answers. */
export type ControlAnswer = RunReport | { readonly runs: readonly RunReport[]; readonly next?: string } | RefusedRequest;

const ACTIONS = [...Object.keys(START_ACTIONS), 'status', 'list', 'pause', 'resume', 'cancel', 'retry'];

/** Times that a command is decided anew, because somebody else changed the run. */
const MAX_ATTEMPTS = 5;

/** Clocks may differ by so much. */
const EARLIEST_MS = 2 * 60_000;

const RUN_ID = /^run-[0-9a-f]{24}$/;

/**
 * Does what is asked of a runner:
 *
 * | input | what it does |
 * | --- | --- |
 * | see `readCampaignInput` | starts a campaign, a dry run or an estimate; answers with the run |
 * | `{"action":"status","runId"}` or with `clientToken` | answers with the run |
 * | `{"action":"list"}` with `state`, `campaign`, `limit`, `next` | answers with runs, the newest first |
 * | `{"action":"pause","runId"}`, `resume`, `cancel` | see `decide`; answers with the run; asked again, does nothing more |
 * | `{"action":"retry","runId"}` with `includeUnknown`, `includePending`, `clientToken`, `startedBy` | see `retry` |
 * | `{"action":"startScheduled","runId","scheduledTime"}` | what EventBridge Scheduler invokes it with |
 *
 * A start, a command or a retry that was cut off half way is made whole by asking again, or by the watchdog.
 *
 * @throws what table, bucket, state machine and scheduler throw
 */
export async function control(request: unknown, deps: ControlDependencies): Promise<ControlAnswer> {
  const answer = await answerTo(request, deps);
  if ('errors' in answer) {
    // Values are the caller's business, and perhaps long.
    deps.telemetry.warn('CAMPAIGN_REQUEST_REFUSED', 'something is wrong with what was asked of the runner; the answer says what', {
      errors: answer.errors.length, paths: answer.errors.map(({ path }) => path).join(', ').slice(0, 500),
    });
  }
  return answer;
}

async function answerTo(request: unknown, deps: ControlDependencies): Promise<ControlAnswer> {
  if (!isObject(request)) {
    return start(request, { kind: 'SEND' }, deps);
  }
  const { action = 'start' } = request;
  const kind = typeof action === 'string' && Object.hasOwn(START_ACTIONS, action) ? START_ACTIONS[action] : undefined;
  if (kind !== undefined) {
    // An invocation that is repeated by Lambda is the same estimate; a start is to be told apart by who asks.
    return start(request, { kind, ...(kind !== 'SEND' && { clientToken: `request/${deps.requestId}` }) }, deps);
  }
  switch (action) {
    case 'status': return status(request, deps);
    case 'list': return list(request, deps);
    case 'pause':
    case 'resume':
    case 'cancel': return command(request, action, deps);
    case 'retry': return retry(request, deps);
    case 'startScheduled': return startScheduledBy(request, deps);
    default: return wrong('action', action, `one of ${ACTIONS.join(', ')}`, 'write one of these, or leave it out to start a campaign');
  }
}

/** What a start is for, and what stands for members that its input has not. */
export interface StartOptions {
  readonly kind: CampaignKind;
  /** Also stands for that of a dry run or an estimate: one that is asked for again looks anew. */
  readonly clientToken?: string;
  readonly startedBy?: string;
}

/** Starts a campaign, or answers with the run that was started with the same token and input. */
export async function start(json: unknown, options: StartOptions, deps: ControlDependencies): Promise<RunReport | RefusedRequest> {
  const { kind, clientToken, startedBy } = options;
  const { needs, config, runs, now } = deps;
  if (nestsTooDeeply(json)) {
    return { errors: [{ path: '', message: `has more than ${MAX_NESTING} objects and lists inside of each other: write the message flatter, or as JSON text` }] };
  }
  const inputHash = isObject(json) ? hashOfInput(json) : '';
  const token = kind === 'SEND' && isObject(json) && typeof json.clientToken === 'string' ? wellFormed(json.clientToken) : clientToken;
  if (token !== undefined) {
    // A repeat is not read again: its time may be past, and what the runner is set to may be other than it was.
    const existing = await runs.load(runIdOf(token, kind, config.runner));
    if (existing) {
      return repeated(existing, inputHash, deps);
    }
  }
  const at = now();
  const read = readCampaignInput(json, { needs, config, now: at, clientToken });
  if ('problems' in read) {
    return { errors: read.problems };
  }
  const input: CampaignInput = { ...(startedBy !== undefined && { startedBy }), ...read.input, ...(token !== undefined && { clientToken: token }) };
  return startInput(input, inputHash, at, deps);
}

async function startInput(input: CampaignInput, inputHash: string, now: number, deps: ControlDependencies): Promise<RunReport | RefusedRequest> {
  const { config, runs } = deps;
  const runId = runIdOf(input.clientToken, input.kind, config.runner);
  if (await isLeftOver(runId, deps)) {
    // Somebody else may have begun it meanwhile.
    const begun = await runs.load(runId);
    return begun ? repeated(begun, inputHash, deps) : {
      errors: [{ path: 'clientToken', message: `has been used before, for ${runId}, which is forgotten and whose objects still lie in the bucket: write a new one` }],
    };
  }
  const isPlanned = input.startAt !== undefined || input.recurrence !== undefined;
  const kept = await keepInput(isPlanned ? plannedInputKey(runId) : inputKey(runId), input, deps);
  if (!kept) {
    return otherInput(runId);
  }
  if (!isPlanned) {
    await writeContents(runId, kept, deps);
  }
  const run = newRun({ runId, input: kept, inputHash }, config, now);
  const existing = await runs.create(run);
  if (existing) {
    return repeated(existing, inputHash, deps);
  }
  if (!isPlanned) {
    await execute(run, deps);
  } else {
    const { refused } = await deps.schedules.create(run);
    if (refused !== undefined) {
      const failed = await runs.transition(run, {
        state: CampaignState.FAILED, message: `EventBridge Scheduler does not take its schedule: ${refused}`, endedAt: new Date(now).toISOString(),
      }, new Date(now).toISOString());
      if (failed) {
        await deps.announce(failed);
      }
      return { errors: [{ path: 'schedule', message: `is not taken by EventBridge Scheduler: ${refused}; mend it and start with another clientToken` }] };
    }
  }
  await deps.announce(run);
  return reportOf(run, deps);
}

async function repeated(existing: CampaignRun, inputHash: string, deps: ControlDependencies): Promise<RunReport | RefusedRequest> {
  if (existing.inputHash !== inputHash) {
    return otherInput(existing.runId);
  }
  await mend(existing, deps);
  return reportOf(existing, deps);
}

/**
 * Whether objects of a run are there that began, though no record is: the table forgot it, or is another one. Its results would be taken for
 * the new run's, and nobody be sent to. The first flag is the oldest object that only a run writes that began, the manifest the newest.
 */
async function isLeftOver(runId: string, { objects }: ControlDependencies): Promise<boolean> {
  return await objects.read(flagKey(runId, 1)) !== undefined || await objects.read(runKey(runId, 'manifest.json')) !== undefined;
}

function otherInput(runId: string): RefusedRequest {
  return { errors: [{ path: 'clientToken', message: `has been used with another input, for ${runId}: write a new one for what is another campaign` }] };
}

async function status(request: JsonObject, deps: ControlDependencies): Promise<ControlAnswer> {
  const problems = new InputProblems();
  problems.refuseOthers('', request, ['action', 'runId', 'clientToken']);
  const { clientToken } = request;
  const runId = typeof clientToken === 'string' && request.runId === undefined ? runIdOf(wellFormed(clientToken), 'SEND', deps.config.runner) : request.runId;
  const run = await found(runId, problems, deps);
  return run ? reportOf(run, deps) : { errors: problems.found };
}

async function list(request: JsonObject, deps: ControlDependencies): Promise<ControlAnswer> {
  const read = await listRuns(request, deps.runs);
  return 'problems' in read ? { errors: read.problems } : { ...read, runs: read.runs.map(bare) };
}

async function command(request: JsonObject, name: RunCommand, deps: ControlDependencies): Promise<ControlAnswer> {
  const { runs, schedules, now } = deps;
  const problems = new InputProblems();
  problems.refuseOthers('', request, ['action', 'runId']);
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const run = await found(request.runId, problems, deps);
    if (!run) {
      return { errors: problems.found };
    }
    const at = now();
    const decision = decide(run, name, at);
    if (decision.kind === 'refused') {
      return { errors: [{ path: 'action', message: `cannot be done: ${decision.message}` }] };
    }
    if (decision.kind === 'done') {
      await repeatCommand(run, deps);
      return reportOf(run, deps);
    }
    const changed = await runs.transition(run, decision.change, new Date(at).toISOString());
    if (changed) {
      switch (decision.then) {
        case 'FLAG': await writeFlag(changed, deps); break;
        case 'EXECUTE': await execute(changed, deps); break;
        case 'UNSCHEDULE': await unschedule(changed, schedules, deps); break;
        default: break;
      }
      await deps.announce(changed);
      return reportOf(changed, deps);
    }
  }
  throw new Error(`run ${String(request.runId)} was changed by others ${MAX_ATTEMPTS} times while it was to be changed: ask again`);
}

/** What the command before may not have come to. */
async function repeatCommand(run: CampaignRun, deps: ControlDependencies): Promise<void> {
  if (run.state === CampaignState.PAUSING || run.state === CampaignState.CANCELLING) {
    await writeFlag(run, deps);
  }
  if (run.state === CampaignState.CANCELLED && run.generation === 0) {
    await unschedule(run, deps.schedules, deps);
  }
  await mend(run, deps);
}

async function unschedule({ runId }: CampaignRun, schedules: ControlDependencies['schedules'], { removeObject }: ControlDependencies): Promise<void> {
  await schedules.remove(runId);
  await removeObject(plannedInputKey(runId));
}

/**
 * Starts a run of people whom one that has ended did not reach: those whom it failed to reach; with `includeUnknown` those who may have got the
 * message; with `includePending` those whose turn never came, because it was cancelled or its time was over.
 *
 * Nobody who was accepted is ever among them. A kind of people is retried once: whom a retry did not reach is its own to retry. Of retries
 * that are asked for at the same time the first one claims the kind. Only a `clientToken` of the caller's has them sent to once more.
 */
async function retry(request: JsonObject, deps: ControlDependencies): Promise<ControlAnswer> {
  const { objects, now } = deps;
  const problems = new InputProblems();
  problems.refuseOthers('', request, ['action', 'runId', 'includeUnknown', 'includePending', 'clientToken', 'startedBy']);
  const { includeUnknown = false, includePending = false, clientToken, startedBy } = request;
  if (typeof includeUnknown !== 'boolean') {
    problems.add('includeUnknown', includeUnknown, 'true or false', 'write true to send again also to people who may have got the message');
  }
  if (typeof includePending !== 'boolean') {
    problems.add('includePending', includePending, 'true or false', 'write true to send also to people whose turn never came');
  }
  if (clientToken !== undefined && (typeof clientToken !== 'string' || clientToken.trim() === '' || clientToken.length > 128)) {
    problems.add('clientToken', clientToken, 'a text of 1 to 128 characters', 'write one, or leave it out: a run is then retried once');
  }
  if (startedBy !== undefined && (typeof startedBy !== 'string' || startedBy === '' || startedBy.length > 128)) {
    problems.add('startedBy', startedBy, 'a text of 1 to 128 characters', 'write who starts it, or leave it out');
  }
  const run = await found(request.runId, problems, deps);
  if (!run || problems.found.length > 0) {
    return { errors: problems.found };
  }
  const wanted: readonly RetryStatus[] = ['failed', ...(includeUnknown ? ['unknown' as const] : []), ...(includePending ? ['pending' as const] : [])];
  const token = typeof clientToken === 'string' ? wellFormed(clientToken) : retryToken(run.runId, wanted);
  const inputHash = hashOfInput({ action: 'retry', runId: run.runId, includeUnknown, ...(includePending === true && { includePending }) });
  const retryId = runIdOf(token, 'SEND', deps.config.runner);
  const existing = await deps.runs.load(retryId);
  if (existing) {
    return repeated(existing, inputHash, deps);
  }
  const isOnce = clientToken === undefined;
  const claimed = isOnce ? await claimsOf(run.runId, wanted, deps) : {};
  if (run.kind !== 'SEND' || !FINAL_STATES.includes(run.state) || peopleLeft(run, wanted, claimed, retryId) === 0) {
    return { errors: [{ path: 'runId', message: whyNoRetry(run, wanted, claimed) }] };
  }
  const text = await objects.read(inputKey(run.runId));
  if (text === undefined) {
    return { errors: [{ path: 'runId', message: `must be a run whose input is still kept, got ${received(run.runId)}: start the campaign anew` }] };
  }
  const claims = isOnce ? await claim(run.runId, wanted, retryId, deps) : {};
  if (peopleLeft(run, wanted, claims, retryId) === 0) {
    return { errors: [{ path: 'runId', message: whyNoRetry(run, wanted, claims) }] };
  }
  const statuses = wanted.filter((each) => isOf(claims[each], retryId));
  const { startAt, recurrence, startedBy: before, ...original }: CampaignInput = JSON.parse(text);
  return startInput({
    ...original,
    holdoutPercent: 0,
    // Those whose turn never came may be nearly all.
    ...(includePending === true ? {} : { canary: 'OFF' as const }),
    clientToken: token,
    ...(typeof startedBy === 'string' && { startedBy }),
    retryOf: { runId: run.runId, statuses },
  }, inputHash, now(), deps);
}

function retryToken(runId: string, statuses: readonly RetryStatus[]): string {
  return `retry/${runId}/${statuses.join('+')}`;
}

/** Kind of people → run id of the retry that sends to them. */
type RetryClaims = { readonly [kind in RetryStatus]?: string };

/** Key of the run id of the retry that people of a run were claimed for. It is kept as long as the run's input, without which nothing is retried. */
function claimKey(runId: string, kind: RetryStatus): string {
  return runKey(runId, `retried/${kind}.json`);
}

/** What was claimed by retries that were asked for without a token. */
async function claimsOf(runId: string, statuses: readonly RetryStatus[], { objects }: ControlDependencies): Promise<RetryClaims> {
  const claims = await Promise.all(statuses.map(async (kind) => {
    const text = await objects.read(claimKey(runId, kind));
    return text === undefined ? [] : [[kind, (JSON.parse(text) as { readonly runId: string }).runId] as const];
  }));
  return Object.fromEntries(claims.flat());
}

/**
 * Claims people for a retry, kind by kind, unless another one has them: once and for all, so that a retry which was cut off claims the same
 * when it is asked for again.
 *
 * @returns who has them
 */
async function claim(runId: string, statuses: readonly RetryStatus[], retryId: string, deps: ControlDependencies): Promise<RetryClaims> {
  await Promise.all(statuses.map(async (kind) => deps.objects.create(claimKey(runId, kind), JSON.stringify({ runId: retryId }))));
  return claimsOf(runId, statuses, deps);
}

/** Nobody has them, or the retry itself. */
function isOf(claimedBy: string | undefined, retryId: string): boolean {
  return claimedBy === undefined || claimedBy === retryId;
}

function peopleLeft(run: CampaignRun, statuses: readonly RetryStatus[], claims: RetryClaims, retryId: string): number {
  return statuses.reduce((sum, each) => sum + (isOf(claims[each], retryId) ? peopleOf(run, each) : 0), 0);
}

/** One that ended before anybody looked at it sent to nobody. */
function peopleOf({ counts, frozen, looks }: CampaignRun, outcome: RetryStatus): number {
  return counts?.[outcome] ?? (outcome === 'pending' && looks === 0 ? frozen?.recipients ?? 0 : 0);
}

function whyNoRetry(run: CampaignRun, statuses: readonly RetryStatus[], claims: RetryClaims): string {
  const { runId, kind, state } = run;
  if (kind !== 'SEND') {
    return `must be a run that sent, and ${runId} was ${kind === 'DRY_RUN' ? 'a dry run' : 'an estimate'}: start the campaign itself`;
  }
  if (!FINAL_STATES.includes(state)) {
    return `must be a run that has ended, and ${runId} is ${state}: resume it, or wait for its end or cancel it first`;
  }
  const retries = new Set(statuses.flatMap((each) => (peopleOf(run, each) > 0 ? claims[each] ?? [] : [])));
  if (retries.size > 0) {
    return `must be a run that was not retried, and ${runId} was, as ${[...retries].join(' and ')}: `
      + 'retry that one for people whom it did not reach (when it does not exist, its start was cut off: ask for it again as it was asked for), '
      + 'or write a clientToken to send to all of them once more';
  }
  const left = { pending: 'includePending', unknown: 'includeUnknown' } as const;
  const others = (['pending', 'unknown'] as const).filter((each) => !statuses.includes(each) && peopleOf(run, each) > 0);
  return `must be a run with people who are ${statuses.join(' or ')}, and ${runId} has none: ${others.length === 0
    ? 'there is nothing to retry'
    : others.map((each) => `write "${left[each]}": true for the ${peopleOf(run, each)} who are ${each}`).join(', ')}`;
}

async function startScheduledBy(request: JsonObject, deps: ControlDependencies): Promise<ControlAnswer> {
  const problems = new InputProblems();
  const run = await found(request.runId, problems, deps);
  if (!run) {
    return { errors: problems.found };
  }
  const at = run.state === CampaignState.SCHEDULED ? run.startAt : run.state === CampaignState.RECURRING ? request.scheduledTime : undefined;
  // Not a number: a platform that does not tell the time, which is now.
  if (typeof at === 'string' && Date.parse(at) > deps.now() + EARLIEST_MS) {
    return { errors: [{ path: 'action', message: `cannot be done: ${run.runId} is to begin at ${received(at)}, which EventBridge Scheduler sees to; cancel it to send now with another start` }] };
  }
  return reportOf(await startScheduled(run, request.scheduledTime, deps) ?? run, deps);
}

async function found(runId: unknown, problems: InputProblems, { runs }: ControlDependencies): Promise<CampaignRun | undefined> {
  if (typeof runId !== 'string' || !RUN_ID.test(runId)) {
    return problems.add('runId', runId, 'the id of a run', 'write the runId that the start answered, such as "run-0123456789abcdef01234567"');
  }
  const run = problems.found.length === 0 ? await runs.load(runId) : undefined;
  return run ?? (problems.found.length > 0 ? undefined : problems.add('runId', runId, 'the id of a run that is remembered', 'list the runs with {"action":"list"}'));
}

function wrong(path: string, value: unknown, allowed: string, fix: string): ControlAnswer {
  const problems = new InputProblems();
  problems.add(path, value, allowed, fix);
  return { errors: problems.found };
}

function bare({ pk, sk, inputHash, expiresAt, ...report }: CampaignRun): RunReport {
  return report;
}

async function reportOf(run: CampaignRun, { objects }: ControlDependencies): Promise<RunReport> {
  const { runId, kind, state } = run;
  const json = async (name: string) => {
    const text = await objects.read(runKey(runId, name));
    return text === undefined ? undefined : JSON.parse(text);
  };
  const preview = kind === 'DRY_RUN' && state === CampaignState.COMPLETED ? await json('preview.json') : undefined;
  const statistics = run.aggregationUnits?.length ? await json('statistics.json') : undefined;
  const hasManifest = kind === 'SEND' && FINAL_STATES.includes(state) && run.frozen !== undefined;
  return {
    ...bare(run),
    ...(preview && { preview }),
    ...(statistics && { statistics }),
    ...(hasManifest && { manifest: { bucket: objects.bucket, key: runKey(runId, 'manifest.json') } }),
  };
}
