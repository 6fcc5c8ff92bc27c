import { InputProblems } from './input-problems';
import { RunsStore } from './runs';
import { CampaignRun, CampaignState } from '../../contract/campaigns';
import { InputProblem } from '../../contract/segments';

type JsonObject = { readonly [member: string]: unknown };

/** Where a list goes on: after this run. */
interface ListPlace {
  readonly createdAt: string;
  readonly runId: string;
}

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

/** Runs that are read at a time. */
const PAGE = 100;

const STATES: readonly string[] = Object.values(CampaignState);

/**
 * Reads `{"state","campaign","limit","next"}`, all of them optional, and lists such runs, the newest first. A run whose state changes
 * while pages are read may be on none or on two of them.
 */
export async function listRuns(
  request: JsonObject, runs: Pick<RunsStore, 'list'>,
): Promise<{ readonly runs: readonly CampaignRun[]; readonly next?: string } | { readonly problems: readonly InputProblem[] }> {
  const problems = new InputProblems();
  problems.refuseOthers('', request, ['action', 'state', 'campaign', 'limit', 'next']);
  const { state = STATES, campaign, limit = DEFAULT_LIMIT, next } = request;
  const states: unknown[] = Array.isArray(state) ? state : [state];
  if (states.length === 0 || !states.every((each) => STATES.includes(each as string))) {
    problems.add('state', state, `one of ${STATES.join(', ')}, or a list of them`, 'write such, or leave it out for all');
  }
  if (campaign !== undefined && typeof campaign !== 'string') {
    problems.add('campaign', campaign, 'the name of a campaign', 'write one, or leave it out for all');
  }
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    problems.add('limit', limit, `a whole number from 1 to ${MAX_LIMIT}`, `write one, or leave it out for ${DEFAULT_LIMIT}`);
  }
  const after = next === undefined ? undefined : readPlace(next);
  if (next !== undefined && after === undefined) {
    problems.add('next', next, 'the next of an answer, unchanged', 'leave it out to begin with the newest');
  }
  if (problems.found.length > 0) {
    return { problems: problems.found };
  }
  const wanted = (limit as number) + 1;
  const isMeant = (run: CampaignRun) => (campaign === undefined || run.campaign === campaign) && (!after || isBefore(after, run));
  const found = await Promise.all([...new Set(states as CampaignState[])].map(async (each) => newest(each, wanted, isMeant, after, runs)));
  const sorted = found.flat().sort((one, other) => (isBefore(one, other) ? -1 : 1));
  const page = sorted.slice(0, limit as number);
  return { runs: page, ...(sorted.length > page.length && { next: writePlace(page.at(-1)!) }) };
}

async function newest(
  state: CampaignState, wanted: number, isMeant: (run: CampaignRun) => boolean, after: ListPlace | undefined, runs: Pick<RunsStore, 'list'>,
): Promise<readonly CampaignRun[]> {
  const found: CampaignRun[] = [];
  let page: string | undefined;
  do {
    const answer = await runs.list(state, { limit: PAGE, ...(after && { createdTo: after.createdAt }), ...(page !== undefined && { after: page }) });
    found.push(...answer.runs.filter(isMeant));
    page = answer.next;
  } while (page !== undefined && found.length < wanted);
  return found;
}

/** Whether the one comes first in the list: it is newer; of two of the same moment the order of their ids decides. */
function isBefore(one: ListPlace, other: ListPlace): boolean {
  return one.createdAt > other.createdAt || (one.createdAt === other.createdAt && one.runId < other.runId);
}

function writePlace({ createdAt, runId }: ListPlace): string {
  return Buffer.from(JSON.stringify([createdAt, runId])).toString('base64url');
}

function readPlace(next: unknown): ListPlace | undefined {
  try {
    const [createdAt, runId] = JSON.parse(Buffer.from(next as string, 'base64url').toString());
    return typeof createdAt === 'string' && typeof runId === 'string' ? { createdAt, runId } : undefined;
  } catch {
    return undefined;
  }
}
