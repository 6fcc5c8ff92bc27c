import { ACTIVE_STATES, CampaignReason, CampaignRun, CampaignState, FrozenRecipients } from '../../../src/contract/campaigns';
import { RunCommand, decide, flagOf, recovery } from '../../../src/domain/campaigns/campaign-run';

const NOW = Date.parse('2026-11-23T03:00:00Z');
const FROZEN = { generation: 1, recipients: 3 } as FrozenRecipients;

function run(state: CampaignState, fields: Partial<CampaignRun> = {}): CampaignRun {
  return {
    pk: 'RUN#run-1',
    sk: 'RUN',
    runId: 'run-1',
    kind: 'SEND',
    campaign: 'c',
    source: 's',
    state,
    inputHash: 'h',
    createdAt: '',
    updatedAt: '',
    generation: 3,
    automaticResumes: 2,
    looks: 4,
    frozen: FROZEN,
    ...fields,
  };
}

function decided(command: RunCommand, state: CampaignState, fields: Partial<CampaignRun> = {}): string {
  const decision = decide(run(state, fields), command, NOW);
  return decision.kind === 'change' ? `${decision.change.state} ${decision.then}` : decision.kind;
}

test.each<[CampaignState, string, string, string]>([
  [CampaignState.SCHEDULED, 'refused', 'refused', 'CANCELLED UNSCHEDULE'],
  [CampaignState.RECURRING, 'refused', 'refused', 'CANCELLED UNSCHEDULE'],
  [CampaignState.STARTING, 'PAUSED FLAG', 'done', 'CANCELLING EXECUTE'],
  [CampaignState.SENDING, 'PAUSING FLAG', 'done', 'CANCELLING FLAG'],
  [CampaignState.HELD, 'PAUSED FLAG', 'done', 'CANCELLING EXECUTE'],
  [CampaignState.PAUSING, 'done', 'refused', 'CANCELLING FLAG'],
  [CampaignState.PAUSED, 'done', 'SENDING EXECUTE', 'CANCELLING EXECUTE'],
  [CampaignState.CANCELLING, 'refused', 'refused', 'done'],
  [CampaignState.CANCELLED, 'refused', 'refused', 'done'],
  [CampaignState.EXPIRED, 'refused', 'refused', 'refused'],
  [CampaignState.COMPLETED, 'refused', 'refused', 'refused'],
  [CampaignState.FAILED, 'refused', 'SENDING EXECUTE', 'CANCELLING EXECUTE'],
])('%s: pause %s, resume %s, cancel %s', (state, pause, resume, cancel) => {
  expect([decided('pause', state), decided('resume', state), decided('cancel', state)]).toEqual([pause, resume, cancel]);
});

test.each<[string, Partial<CampaignRun>]>([
  ['has no recipients yet', { frozen: undefined }], ['only estimates', { kind: 'ESTIMATE' }], ['is a dry run', { kind: 'DRY_RUN' }],
])('a run that %s is cancelled at once', (_name, fields) => {
  for (const state of [CampaignState.STARTING, CampaignState.PAUSED, CampaignState.FAILED]) {
    expect(decided('cancel', state, fields)).toBe('CANCELLED FLAG');
  }
});

test('every state has its answer', () => {
  for (const state of Object.values(CampaignState)) {
    for (const command of ['pause', 'resume', 'cancel'] as const) {
      const decision = decide(run(state), command, NOW);
      expect(decision.kind === 'refused' ? decision.message : state).toMatch(new RegExp(state));
    }
  }
});

describe('people to whom a request went out that nobody decided', () => {
  test.each<[RunCommand, CampaignState, CampaignState]>([
    ['pause', CampaignState.HELD, CampaignState.PAUSING],
    ['cancel', CampaignState.HELD, CampaignState.CANCELLING],
    ['cancel', CampaignState.PAUSED, CampaignState.CANCELLING],
    ['cancel', CampaignState.FAILED, CampaignState.CANCELLING],
  ])('%s of a run that is %s takes an execution', (command, state, passing) => {
    expect(decide(run(state, { ambiguous: 500 }), command, NOW)).toEqual({
      kind: 'change',
      then: 'EXECUTE',
      change: { state: passing, generation: 4, automaticResumes: 0, reason: CampaignReason.OPERATOR, message: null, heldUntil: null, endedAt: null },
    });
  });
});

describe('resume', () => {
  test('goes on with what is frozen, and forgets why it stopped', () => {
    expect(decide(run(CampaignState.PAUSED, { reason: CampaignReason.TOO_MANY_REFUSALS }), 'resume', NOW)).toEqual({
      kind: 'change',
      then: 'EXECUTE',
      change: { state: 'SENDING', generation: 4, automaticResumes: 0, reason: null, message: null, endedAt: null, heldUntil: null },
    });
  });

  test('freezes recipients anew that were not', () => {
    expect(decided('resume', CampaignState.FAILED, { frozen: undefined })).toBe('STARTING EXECUTE');
    expect(decided('resume', CampaignState.PAUSED, { frozen: undefined })).toBe('STARTING EXECUTE');
  });

  test.each([CampaignReason.CANARY_SENT, CampaignReason.CANARY_REFUSED])('after %s lets the rest follow', (reason) => {
    expect(decide(run(CampaignState.PAUSED, { reason }), 'resume', NOW)).toMatchObject({ change: { canaryPassed: true } });
  });

  test('of a run that the channel stopped is refused, with what to do', () => {
    const stopped = run(CampaignState.PAUSED, { reason: CampaignReason.STOPPED_BY_CHANNEL });
    expect(decide(stopped, 'resume', NOW)).toEqual({
      kind: 'refused',
      message: 'run run-1 was stopped by its channel, which refuses everybody else of it: cancel it, then {"action":"retry","includePending":true} sends to all '
        + 'whom it did not reach once what was refused is mended, or start another campaign',
    });
    expect(decided('cancel', CampaignState.PAUSED, { reason: CampaignReason.STOPPED_BY_CHANNEL })).toBe('CANCELLING EXECUTE');
  });

  test('of a run that its channel is about to forget is refused', () => {
    const startedAt = '2026-08-01T00:00:00Z';
    expect(decide(run(CampaignState.PAUSED, { startedAt }), 'resume', Date.parse('2026-10-20T00:00:00Z'))).toMatchObject({ kind: 'change' });
    expect(decide(run(CampaignState.PAUSED, { startedAt }), 'resume', Date.parse('2026-10-20T00:00:01Z'))).toEqual({
      kind: 'refused',
      message: 'run run-1 began more than 80 days ago, and channels forget after 90 days whom they have sent to: '
        + 'cancel it, and start another campaign for those whom its results do not name',
    });
  });

  test('of a run whose schedule was refused is refused', () => {
    expect(decide(run(CampaignState.FAILED, { generation: 0, message: 'bad cron' }), 'resume', NOW)).toEqual({
      kind: 'refused', message: 'run run-1 never began: bad cron; start it anew with another clientToken',
    });
  });
});

describe('recovery', () => {
  test.each(ACTIVE_STATES)('gives a run that is %s another execution', (state) => {
    expect(recovery(run(state), NOW)).toEqual({
      kind: 'change',
      then: 'EXECUTE',
      change: { generation: 4, automaticResumes: 3, ...(state === CampaignState.HELD && { state: CampaignState.SENDING, heldUntil: null }) },
    });
  });

  test('gives it up after three times', () => {
    expect(recovery(run(CampaignState.SENDING, { automaticResumes: 3 }), NOW)).toMatchObject({
      kind: 'change', then: 'NONE', change: { state: 'FAILED', reason: 'EXECUTION_LOST', endedAt: '2026-11-23T03:00:00.000Z' },
    });
  });

  test('leaves the others alone', () => {
    for (const state of Object.values(CampaignState).filter((each) => !ACTIVE_STATES.includes(each))) {
      expect(recovery(run(state), NOW)).toEqual({ kind: 'done' });
    }
  });
});

test.each<[CampaignState, string]>([
  [CampaignState.STARTING, 'RUN'], [CampaignState.SENDING, 'RUN'], [CampaignState.PAUSING, 'PAUSE'], [CampaignState.PAUSED, 'PAUSE'], [CampaignState.HELD, 'PAUSE'],
  [CampaignState.FAILED, 'PAUSE'], [CampaignState.CANCELLING, 'CANCEL'], [CampaignState.CANCELLED, 'CANCEL'],
  [CampaignState.EXPIRED, 'CANCEL'], [CampaignState.COMPLETED, 'CANCEL'],
])('chunks of a run that is %s are to %s', (state, flag) => {
  expect(flagOf({ state })).toEqual({ state: flag });
});

test('chunks end when the time of the run is over', () => {
  expect(flagOf({ state: CampaignState.SENDING, expiresAtTime: 'T' })).toEqual({ state: 'RUN', until: 'T' });
});
