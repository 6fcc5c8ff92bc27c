import fc from 'fast-check';
import { readBooksRequest, RunBooksRequest, writePlace } from '../../../src/domain/line/books-request';
import { identifyBatch, identifyRun } from '../../../src/domain/line/custom-channel-event';

const UNLESS_TOLD = { limit: 100, statuses: ['failed', 'unknown', 'skipped'] };
const readRun = (input: object) => readBooksRequest(input) as RunBooksRequest;
const CAMPAIGN = { ApplicationId: 'app', CampaignId: 'c1', TreatmentId: '1', ActivityId: 'a1' };

describe('a request for books', () => {
  test('names a run', () => {
    expect(readBooksRequest({ runId: 'campaign/app/c1/0/a1' })).toEqual({ kind: 'run', runId: 'campaign/app/c1/0/a1', ...UNLESS_TOLD });
  });

  test.each([
    ['a campaign', CAMPAIGN],
    ['a campaign, without what Pinpoint may leave out', { CampaignId: 'c1', ActivityId: 'a1' }],
    ['a journey', { ApplicationId: 'app', JourneyId: 'j1', JourneyRunId: 'r1', JourneyActivityId: 'ja1' }],
    ['a token of a send function', { clientToken: 'spring', messageType: 'flex' }],
    ['a token of the function for any type', { clientToken: 'spring', messageType: 'any' }],
  ])('names %s, as the event did', (_case, event) => {
    const functionType = 'messageType' in event ? event.messageType as 'flex' | 'any' : 'text';
    expect(readBooksRequest(event)).toEqual({ kind: 'run', runId: identifyRun(event, { requestId: 'r', functionType }).runId, ...UNLESS_TOLD });
  });

  test.each([0, 1, 1_000])('names %d people', (limit) => {
    expect(readRun({ ...CAMPAIGN, limit }).limit).toBe(limit);
  });

  test.each<[unknown, string[]]>([
    ['skipped', ['skipped']], [['unknown', 'failed'], ['unknown', 'failed']], [undefined, ['failed', 'unknown', 'skipped']],
  ])('names those whose status is %j', (status, statuses) => {
    expect(readRun({ ...CAMPAIGN, status }).statuses).toEqual(statuses);
  });

  test('goes on after whoever was named last', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 15 }), fc.string(), fc.nat(), (rank, shard, sk, index) => {
      const after = { rank, shard, sk, index };
      expect(readRun({ ...CAMPAIGN, after: writePlace(after) }).after).toEqual(after);
    }));
  });

  test.each([
    ['campaign', CAMPAIGN],
    ['journey', { ApplicationId: 'app', JourneyId: 'j1', JourneyRunId: 'r1', JourneyActivityId: 'ja1' }],
    ['token', { clientToken: 'a/b-000', messageType: 'flex' }],
    ['plain token', { clientToken: 'spring-000', messageType: 'flex' }],
    ['invocation', {}],
  ])('names a batch of the run of a %s, whose shard nobody has to know', (_case, event) => {
    const { runId } = identifyRun(event, { requestId: '8476a536-e9f4-11e8-9739-2dfe598c3fcd', functionType: 'text' });
    for (const position of ['d2c4-000', 'd2c4-000/0-left/again']) {
      const identity = identifyBatch(runId, position);
      expect(readBooksRequest({ batchId: identity.batchId })).toEqual({ kind: 'batch', identity });
    }
  });
});

describe('refuses, and says what is asked for,', () => {
  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'the input must be an object, {"runId": "…"}, {"batchId": "…"} or the ids of the event that was sent, got undefined'],
    ['a text', 'campaign/app', 'got "campaign/app"'],
    ['a list', [CAMPAIGN], 'the input must be an object'],
    ['a long text, of which it shows the beginning', 'x'.repeat(1_000), `got "${'x'.repeat(199)}`],
    ['an object without a run', {}, 'the input names no run: give runId, or CampaignId and ActivityId'],
    ['a campaign without its activity', { CampaignId: 'c1' }, 'the input names no run'],
    ['a run id that is none', { runId: 'QUOTA#2026' }, 'runId must be the id that send events and log lines name, such as "campaign/<project>/<campaign>/<treatment>/<activity>", got "QUOTA#2026"'],
    ['a run id that is no text', { runId: 7 }, 'got 7'],
    ['a token without a message type', { clientToken: 'spring' }, 'messageType must be given with clientToken'],
    ['a message type that is none', { clientToken: 'spring', messageType: 'fax' }, 'messageType must be one of text, image, audio, video, textV2, sticker, location, imagemap, template, flex, coupon, any, got "fax"'],
    ['a negative limit', { ...CAMPAIGN, limit: -1 }, 'limit must be a whole number from 0 to 1000, got -1'],
    ['a limit above 1,000', { ...CAMPAIGN, limit: 1_001 }, 'got 1001'],
    ['a status that is none', { ...CAMPAIGN, status: 'accepted' }, 'status must be one of failed, unknown, skipped, or a list of them, got "accepted"'],
    ['a list with one', { ...CAMPAIGN, status: ['failed', 7] }, 'got ["failed",7]'],
    ['a list of no status', { ...CAMPAIGN, status: [] }, 'got []'],
    ['a place that is none', { ...CAMPAIGN, after: 'bm8' }, 'after must be the `next` of an answer, unchanged, got "bm8": leave it out to begin at the beginning'],
    ['a place that is no text', { ...CAMPAIGN, after: 7 }, 'got 7'],
    ['a place that is not ours', { ...CAMPAIGN, after: Buffer.from('[2,0,"p",0]').toString('base64url') }, 'after must be'],
    ['a place beyond the shards', { ...CAMPAIGN, after: Buffer.from('[0,16,"p",0]').toString('base64url') }, 'after must be'],
    ['a place with more than it has', { ...CAMPAIGN, after: Buffer.from('[0,1,"p",0,0]').toString('base64url') }, 'after must be'],
    ['a batch without its position', { batchId: 'campaign/app/c1/0/a1' }, 'batchId must be the id that send events and log lines name, such as "campaign/<project>/<campaign>/<treatment>/<activity>/<position>", got "campaign/app/c1/0/a1"'],
    ['a batch of no run', { batchId: 'QUOTA#2026/x/y/z' }, 'batchId must be'],
    ['a batch that is no text', { batchId: 7 }, 'got 7'],
    ['half a person', { ...CAMPAIGN, limit: 0.5 }, 'got 0.5'],
    ['a limit in letters', { ...CAMPAIGN, limit: '5' }, 'limit must be a whole number from 0 to 1000, got "5"'],
  ])('%s', (_case, input, message) => {
    expect(() => readBooksRequest(input)).toThrow(message);
  });
});
