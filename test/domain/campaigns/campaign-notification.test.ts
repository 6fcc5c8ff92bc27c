import { CampaignReason, CampaignRun, CampaignState } from '../../../src/contract/campaigns';
import { announceRun, notificationOf } from '../../../src/domain/campaigns/campaign-notification';
import { RecordedTelemetry } from '../../support/recorded-telemetry';

const RUN: CampaignRun = {
  pk: 'RUN#run-1',
  sk: 'RUN',
  runId: 'run-1',
  kind: 'SEND',
  campaign: 'spring-sale',
  source: 'vip',
  state: CampaignState.STARTING,
  inputHash: 'h',
  createdAt: '2026-11-23T00:00:00.000Z',
  updatedAt: '2026-11-23T00:01:00.000Z',
  generation: 1,
  automaticResumes: 0,
  looks: 0,
};
const COUNTS = { accepted: 8, skipped: 1, failed: 1, unknown: 0, pending: 0 };
const FROZEN = { generation: 1, chunks: 1, recipients: 10, holdout: 0, optedOut: 0, notSubscribed: 0, duplicates: 0, treatments: {} };

describe('a notification', () => {
  test.each<[CampaignState, string, string]>([
    [CampaignState.STARTING, 'Campaign Started', 'started'],
    [CampaignState.COMPLETED, 'Campaign Successful', 'success'],
    [CampaignState.PAUSED, 'Campaign Paused', 'failure'],
    [CampaignState.FAILED, 'Campaign Failed', 'failure'],
    [CampaignState.CANCELLED, 'Campaign Cancelled', 'failure'],
    [CampaignState.EXPIRED, 'Campaign Expired', 'failure'],
  ])('of %s: %s', (state, message, type) => {
    const { subject, ...notification } = notificationOf({ ...RUN, state })!;
    expect(notification).toMatchObject({ type, body: { Message: message, CampaignCreateResult: { CampaignStatus: state } } });
    expect(subject).toMatch(/^[ -~]{1,100}$/);
  });

  test.each([CampaignState.SCHEDULED, CampaignState.RECURRING, CampaignState.SENDING, CampaignState.HELD, CampaignState.PAUSING, CampaignState.CANCELLING])('of %s is none', (state) => {
    expect(notificationOf({ ...RUN, state })).toBeUndefined();
  });

  test('has the shape of the original, and what the run adds', () => {
    const run = { ...RUN, state: CampaignState.COMPLETED, counts: COUNTS, frozen: FROZEN, startedAt: '2026-11-23T00:00:01.000Z', endedAt: '2026-11-23T00:01:00.000Z' };
    expect(notificationOf(run)!.body).toEqual({
      Message: 'Campaign Successful',
      CampaignCreateResult: {
        CampaignId: 'spring-sale',
        SegmentId: 'vip',
        CampaignStatus: 'COMPLETED',
        Result: 'SUCCESS',
        Start: '2026-11-23T00:00:01.000Z',
        End: '2026-11-23T00:01:00.000Z',
        SuccessfulEndpointCount: 8,
        TotalEndpointCount: 10,
        RunId: 'run-1',
        Kind: 'SEND',
        Counts: COUNTS,
      },
    });
  });

  test('of a run that was refused whole is no success', () => {
    const all = { ...RUN, state: CampaignState.COMPLETED, counts: { ...COUNTS, accepted: 0, failed: 9 } };
    expect(notificationOf(all)).toMatchObject({ type: 'failure', body: { Message: 'Campaign Failed', CampaignCreateResult: { Result: 'FAILURE' } } });
    expect(notificationOf({ ...all, counts: { ...COUNTS, accepted: 0, failed: 0, skipped: 10 } })).toMatchObject({ type: 'success' });
  });

  test('of a campaign to nobody is no success', () => {
    const counts = { ...COUNTS, accepted: 0, skipped: 0, failed: 0 };
    const empty = { ...RUN, state: CampaignState.COMPLETED, reason: CampaignReason.EMPTY_AUDIENCE, counts };
    expect(notificationOf(empty)).toMatchObject({
      type: 'failure',
      subject: 'A campaign had nobody to send to',
      body: { Message: 'Campaign Failed', CampaignCreateResult: { Result: 'FAILURE', Reason: 'EMPTY_AUDIENCE' } },
    });
  });

  test('of a recurring campaign whose time is over is none', () => {
    const recurrence = { expression: 'rate(1 day)', timeZone: 'UTC' };
    expect(notificationOf({ ...RUN, state: CampaignState.COMPLETED, recurrence })).toBeUndefined();
    expect(notificationOf({ ...RUN, state: CampaignState.FAILED, recurrence })).toMatchObject({ type: 'failure' });
  });

  test.each([['DRY_RUN', 'Dry Run'], ['ESTIMATE', 'Estimate']] as const)('of a run that sends nothing (%s) is never that of a campaign', (kind, name) => {
    const said = Object.values(CampaignState).flatMap((state) => notificationOf({ ...RUN, kind, state, frozen: FROZEN }) ?? []);
    expect(said.map(({ type, body }) => `${type}: ${body.Message}`).sort()).toEqual([
      `failure: ${name} Cancelled`, `failure: ${name} Failed`, `failure: ${name} Paused`, `finished: ${name} Finished`, `started: ${name} Started`,
    ]);
    said.forEach(({ subject, body: { CampaignCreateResult: result } }) => {
      expect(subject).toMatch(/^(A dry run|An estimate) [a-z ]+$/);
      expect(result).toMatchObject({ Kind: kind, TotalEndpointCount: 10 });
      expect(result).not.toHaveProperty('Result');
    });
  });
});

describe('a change', () => {
  const run = { ...RUN, state: CampaignState.PAUSED, reason: CampaignReason.QUOTA_EXHAUSTED, counts: COUNTS, frozen: FROZEN };

  test('is said on the bus and the topic, and counted', async () => {
    // GIVEN
    const telemetry = new RecordedTelemetry();
    const publish = jest.fn(async () => undefined);
    const notify = jest.fn(async () => undefined);
    // WHEN
    await announceRun(run, { runner: 'Campaigns', publish, notify, telemetry });
    // THEN
    expect(publish).toHaveBeenCalledWith({
      runner: 'Campaigns', runId: 'run-1', campaign: 'spring-sale', kind: 'SEND', state: 'PAUSED', reason: 'QUOTA_EXHAUSTED', recipients: 10, counts: COUNTS, at: RUN.updatedAt,
    });
    expect(notify).toHaveBeenCalledTimes(1);
    expect(telemetry.counts).toEqual({ CampaignsPaused: 1 });
    expect(telemetry.codes).toEqual(['CAMPAIGN_RUN_CHANGED']);
  });

  test('that neither takes holds nobody up', async () => {
    const telemetry = new RecordedTelemetry();
    const fail = async () => { throw new Error('throttled'); };
    await announceRun(run, { runner: 'Campaigns', publish: fail, notify: fail, telemetry });
    expect(telemetry.codes).toEqual(['CAMPAIGN_CHANGE_NOT_SAID', 'CAMPAIGN_CHANGE_NOT_SAID', 'CAMPAIGN_RUN_CHANGED']);
    expect(telemetry.lines[0].fields).toMatchObject({ runId: 'run-1', reason: 'Error: throttled' });
  });

  test('of a dry run is no campaign in the metrics; without a bus the topic is told', async () => {
    const telemetry = new RecordedTelemetry();
    const notify = jest.fn(async () => undefined);
    await announceRun({ ...RUN, kind: 'DRY_RUN', state: CampaignState.COMPLETED }, { runner: 'Campaigns', notify, telemetry });
    expect(telemetry.counts).toEqual({});
    expect(notify).toHaveBeenCalledTimes(1);
    await announceRun({ ...RUN, state: CampaignState.COMPLETED, recurrence: { expression: 'rate(1 day)', timeZone: 'UTC' } }, { runner: 'Campaigns', notify, telemetry });
    expect(telemetry.counts).toEqual({});
  });
});
