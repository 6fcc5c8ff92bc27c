import { MAX_INPUT_BYTES } from '../../../src/domain/campaigns/campaign-input';
import { droppedFileOf } from '../../../src/domain/campaigns/start-from-file';
import { ControlWorld } from '../../support/control-world';

const KEY = 'campaigns/2026/春 の+sale.json';
const { clientToken, ...START } = { campaign: 'spring', source: 'vip', message: { data: 'A secret offer' }, clientToken: 't' };

let world: ControlWorld;
beforeEach(() => {
  world = new ControlWorld();
});

/** What is wrong with the file. */
function rejected(key = KEY): { path: string; message: string }[] {
  return JSON.parse(world.files.get(`rejected/${key}.json`)!).errors;
}

describe('an event', () => {
  const object = { key: KEY, size: 12, etag: 'e', sequencer: 's' };

  test('of S3 names a file, its key being as it is', () => {
    expect(droppedFileOf({ source: 'aws.s3', detail: { bucket: { name: 'b' }, object: { ...object, 'version-id': 'v' } } })).toEqual({
      bucket: 'b', key: KEY, size: 12, versionId: 'v', sequencer: 's', etag: 'e',
    });
    expect(droppedFileOf({ source: 'aws.s3', detail: { bucket: { name: 'b' }, object: { 'key': KEY, 'version-id': '' } } })).toEqual({ bucket: 'b', key: KEY });
  });

  test.each([undefined, 'x', {}, { action: 'list' }, { source: 'aws.s3' }, { source: 'aws.s3', detail: { bucket: 'b', object } }, { source: 'other', detail: { bucket: { name: 'b' }, object } }])(
    'that is none: %j', (event) => {
      expect(droppedFileOf(event)).toBeUndefined();
    });
});

describe('a file', () => {
  test('starts a campaign, once for an event that comes twice', async () => {
    const first = await world.drop({ key: KEY, versionId: 'v1' }, `\ufeff${JSON.stringify(START)}`);
    expect(first).toMatchObject({ state: 'STARTING', campaign: 'spring' });
    expect((await world.drop({ key: KEY, versionId: 'v1' }))?.runId).toBe(first!.runId);
    expect(world.executions.size).toBe(1);
    expect(world.telemetry.codes).toContain('CAMPAIGN_FILE_STARTED');
  });

  test('is who started the campaign, unless it says who', async () => {
    expect(await world.drop({ key: KEY, versionId: 'v1' }, JSON.stringify(START))).toMatchObject({ startedBy: KEY });
    expect(await world.drop({ key: KEY, versionId: 'v2' }, JSON.stringify({ ...START, startedBy: 'ops' }))).toMatchObject({ startedBy: 'ops' });
  });

  test('that asks for a dry run looks anew when it is dropped again, whatever its token', async () => {
    const text = JSON.stringify({ ...START, action: 'dryRun', clientToken });
    const one = await world.drop({ key: KEY, versionId: 'v1' }, text);
    expect((await world.drop({ key: KEY, versionId: 'v1' }, text))?.runId).toBe(one!.runId);
    expect((await world.drop({ key: KEY, versionId: 'v2' }, text))?.runId).not.toBe(one!.runId);
  });

  test('dropped again is another campaign', async () => {
    const ids = new Set<string>();
    for (const version of [{ versionId: 'v1' }, { versionId: 'v2' }, { sequencer: 's1' }, { sequencer: 's2' }, { etag: 'e1' }, {}]) {
      ids.add((await world.drop({ key: KEY, ...version }, JSON.stringify(START)))!.runId);
    }
    expect(ids.size).toBe(6);
  });

  test('with a token is that campaign, whatever its name', async () => {
    const text = JSON.stringify({ ...START, clientToken });
    const run = await world.drop({ key: KEY, versionId: 'v1' }, text);
    expect((await world.drop({ key: 'campaigns/again.json', versionId: 'v2' }, text))?.runId).toBe(run!.runId);
    await world.drop({ key: KEY, versionId: 'v3' }, JSON.stringify({ ...START, campaign: 'other', clientToken }));
    expect(rejected()).toEqual([{ path: 'clientToken', message: expect.stringContaining('has been used with another input') }]);
  });

  test('may ask for an estimate or a dry run, or give a time', async () => {
    expect(await world.drop({ key: KEY, versionId: 'v1' }, JSON.stringify({ ...START, action: 'estimate' }))).toMatchObject({ kind: 'ESTIMATE' });
    expect(await world.drop({ key: KEY, versionId: 'v1' }, JSON.stringify({ ...START, action: 'dryRun' }))).toMatchObject({ kind: 'DRY_RUN' });
    expect(await world.drop({ key: KEY, versionId: 'v1' }, JSON.stringify({ ...START, schedule: { at: '2026-12-01T00:00Z' } }))).toMatchObject({ state: 'SCHEDULED' });
  });
});

describe('a file that is wrong', () => {
  test.each<[string, string, string, RegExp]>([
    ['is empty', ' \n', '', /^is empty/],
    ['is no JSON', '{\n"campaign": "A secret offer",\n}', '', /^is no JSON, at line 3: mend it there/],
    ['is cut off', '{"campaign": "A secret', '', /^is no JSON, at /],
    ['is cut off after a colon', '{"campaign":', '', /^is no JSON, at its end: /],
    ['is not UTF-8', '\u0000latin1 é', '', /^is not UTF-8/],
    ['is a list', '[]', '', /^must be a JSON object/],
    ['asks for something else', '{"action":"cancel","runId":"run-1"}', 'action', /must be one of start, dryRun, estimate in a file, got "cancel": invoke the control function/],
    ['has something wrong', JSON.stringify({ ...START, source: 'vips' }), 'source', /write vip/],
  ])('%s is left where it is, and said so', async (_name, text, path, message) => {
    expect(await world.drop({ key: KEY, versionId: 'v1' }, text)).toBeUndefined();
    expect(rejected()).toEqual([{ path, message: expect.stringMatching(message) }]);
    expect(world.files.has(KEY)).toBe(true);
    expect(world.table.items.size).toBe(0);
    expect(world.telemetry.codes).toContain('CAMPAIGN_FILE_REJECTED');
    expect(world.notified).toHaveLength(1);
    expect(JSON.stringify([world.notified, rejected(), world.telemetry.lines])).not.toContain('A secret');
  });

  test('is named in the notification', async () => {
    await world.drop({ key: KEY, versionId: 'v1' }, JSON.stringify({ campaign: 'spring', source: { name: 'nobody' } }));
    expect(world.notified).toEqual([{
      subject: 'A campaign file was rejected',
      type: 'failure',
      body: {
        Message: 'Campaign Failed',
        CampaignCreateResult: {
          CampaignId: 'spring',
          SegmentId: 'nobody',
          CampaignStatus: 'INVALID',
          Result: 'FAILURE',
          Description: expect.stringMatching(/^`source.name` must be .*; `message` must be/),
          File: { Bucket: 'campaign-bucket', Key: KEY },
          Rejected: { Bucket: 'campaign-bucket', Key: `rejected/${KEY}.json` },
        },
      },
    }]);
    expect(JSON.parse(world.files.get(`rejected/${KEY}.json`)!)).toMatchObject({ file: { bucket: 'campaign-bucket', key: KEY, versionId: 'v1' }, rejectedAt: '2026-11-23T03:00:00.000Z' });
  });

  test.each([{ size: MAX_INPUT_BYTES + 1 }, {}])('is too large, and the event says so or not: %j', async (size) => {
    await world.drop({ key: KEY, ...size }, JSON.stringify({ ...START, message: { data: 'x'.repeat(MAX_INPUT_BYTES) } }));
    expect(rejected()).toEqual([{ path: '', message: 'has more than 5242880 bytes: write long messages as templates' }]);
  });
});

test.each([['a folder', 'campaigns/2026/'], ['outside the prefix', 'runs/x/input.json'], ['what was rejected', `rejected/${KEY}.json`]])('%s is ignored', async (_name, key) => {
  expect(await world.drop({ key }, '{}')).toBeUndefined();
  expect(world.steps).toEqual([]);
  expect(world.telemetry.codes).toEqual(['CAMPAIGN_FILE_IGNORED']);
});

test('a file that is gone starts nothing', async () => {
  expect(await world.drop({ key: KEY })).toBeUndefined();
  expect(world.steps).toEqual([]);
  expect(world.telemetry.codes).toEqual(['CAMPAIGN_FILE_GONE']);
});
