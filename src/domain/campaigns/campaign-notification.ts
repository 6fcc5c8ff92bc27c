import { CampaignNotification, CampaignReason, CampaignRun, CampaignRunDetail, CampaignState } from '../../contract/campaigns';
import { Metric } from '../../contract/metrics';
import { errorText } from '../shared/error-text';
import { JobNotification } from '../shared/notification';
import { Telemetry } from '../shared/telemetry';

/** A notification for the runner's topic. */
export interface RunNotification extends JobNotification {
  readonly body: CampaignNotification;
}

/** What saying what a run does works with. */
export interface AnnounceDependencies {
  /** Name of the runner. */
  readonly runner: string;
  /** Puts an event on the bus; absent when there is none. */
  readonly publish?: (detail: CampaignRunDetail) => Promise<void>;
  readonly notify: (notification: RunNotification) => Promise<void>;
  readonly telemetry: Telemetry;
}

/**
 * Says where a run is, after that was written down: an event on the bus for every state; a notification and a count for those that
 * somebody waits for. Never throws: a run is not held up by who listens, and its record tells the same.
 *
 * @param run as it was written; `STARTING` is what begins it, `SENDING` also what goes on with it
 */
export async function announceRun(run: CampaignRun, deps: AnnounceDependencies): Promise<void> {
  const { runner, publish, notify, telemetry } = deps;
  const { runId, state, reason } = run;
  const notification = notificationOf(run);
  const said = await Promise.allSettled([publish?.(detailOf(run, runner)), notification && notify(notification)]);
  for (const each of said) {
    if (each.status === 'rejected') {
      telemetry.error('CAMPAIGN_CHANGE_NOT_SAID', 'a change of a run could not be said on the bus or the topic; the record of the run has it', {
        runId, state, reason: errorText(each.reason),
      });
    }
  }
  telemetry.info('CAMPAIGN_RUN_CHANGED', 'the state of a run changed', { runId, campaign: run.campaign, kind: run.kind, state, reason });
  const metric = METRICS[state];
  if (metric !== undefined && run.kind === 'SEND' && !isPlanOver(run)) {
    telemetry.count(metric);
  }
}

const METRICS: { readonly [state in CampaignState]?: Metric } = {
  [CampaignState.STARTING]: Metric.CAMPAIGNS_STARTED,
  [CampaignState.COMPLETED]: Metric.CAMPAIGNS_COMPLETED,
  [CampaignState.PAUSED]: Metric.CAMPAIGNS_PAUSED,
  [CampaignState.FAILED]: Metric.CAMPAIGNS_FAILED,
};

/** The detail of the event that says where a run is. */
export function detailOf(run: CampaignRun, runner: string): CampaignRunDetail {
  const { runId, campaign, kind, state, reason, frozen, counts, updatedAt } = run;
  return {
    runner,
    runId,
    campaign,
    kind,
    state,
    ...(reason !== undefined && { reason }),
    ...(frozen && { recipients: frozen.recipients }),
    ...(counts && { counts }),
    at: updatedAt,
  };
}

/** One that recurs sends nothing itself: its end is no campaign that was sent. */
function isPlanOver({ state, recurrence }: CampaignRun): boolean {
  return state === CampaignState.COMPLETED && recurrence !== undefined;
}

/** The notification that says so. `undefined` of states that a run only passes through, and of a recurring one whose time is over. */
export function notificationOf(run: CampaignRun): RunNotification | undefined {
  const kind = kindOf(run);
  if (kind === undefined) {
    return undefined;
  }
  const { runId, campaign, source, state, reason, message, startedAt, endedAt, counts, frozen } = run;
  const [Message, type, subject] = kind;
  // Pinpoint says it of a send.
  const hasResult = type === 'success' || (type === 'failure' && run.kind === 'SEND');
  return {
    subject,
    type,
    body: {
      Message,
      CampaignCreateResult: {
        CampaignId: campaign,
        SegmentId: source,
        CampaignStatus: state,
        ...(hasResult && { Result: type === 'success' ? 'SUCCESS' : 'FAILURE' }),
        ...(startedAt !== undefined && { Start: startedAt }),
        ...(endedAt !== undefined && { End: endedAt }),
        ...(counts && { SuccessfulEndpointCount: counts.accepted }),
        ...(frozen && { TotalEndpointCount: frozen.recipients }),
        RunId: runId,
        Kind: run.kind,
        ...(reason !== undefined && { Reason: reason }),
        ...(message !== undefined && { Description: message }),
        ...(counts && { Counts: counts }),
      },
    },
  };
}

type Kind = readonly [CampaignNotification['Message'], RunNotification['type'], string];

const FAILED: Kind = ['Campaign Failed', 'failure', 'A campaign failed'];

/** What runs are called that send nothing. Whoever acts on `success` or on `Campaign …` does not take them for a campaign. */
const OTHERS = { DRY_RUN: ['Dry Run', 'A dry run'], ESTIMATE: ['Estimate', 'An estimate'] } as const;

function kindOf(run: CampaignRun): Kind | undefined {
  const { kind, state, reason, counts } = run;
  if (kind !== 'SEND') {
    const [name, aName] = OTHERS[kind];
    switch (state) {
      case CampaignState.STARTING: return [`${name} Started`, 'started', `${aName} started`];
      case CampaignState.COMPLETED: return [`${name} Finished`, 'finished', `${aName} has finished`];
      case CampaignState.PAUSED: return [`${name} Paused`, 'failure', `${aName} was paused`];
      case CampaignState.CANCELLED: return [`${name} Cancelled`, 'failure', `${aName} was cancelled`];
      case CampaignState.FAILED: return [`${name} Failed`, 'failure', `${aName} failed`];
      default: return undefined;
    }
  }
  if (isPlanOver(run)) {
    return undefined;
  }
  if (state === CampaignState.COMPLETED && reason === CampaignReason.EMPTY_AUDIENCE) {
    return ['Campaign Failed', 'failure', 'A campaign had nobody to send to'];
  }
  switch (state) {
    case CampaignState.STARTING: return ['Campaign Started', 'started', 'A campaign started'];
    case CampaignState.PAUSED: return ['Campaign Paused', 'failure', 'A campaign was paused'];
    case CampaignState.CANCELLED: return ['Campaign Cancelled', 'failure', 'A campaign was cancelled'];
    case CampaignState.EXPIRED: return ['Campaign Expired', 'failure', 'A campaign ended before everybody was sent to'];
    case CampaignState.FAILED: return FAILED;
    // Everybody is decided; when everybody was refused, nobody would call that a success.
    case CampaignState.COMPLETED: return counts && counts.accepted === 0 && counts.failed + counts.unknown > 0
      ? FAILED
      : ['Campaign Successful', 'success', 'A campaign was sent'];
    default: return undefined;
  }
}
