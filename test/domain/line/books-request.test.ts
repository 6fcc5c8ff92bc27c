import { readBooksRequest } from '../../../src/domain/line/books-request';
import { identifyRun } from '../../../src/domain/line/custom-channel-event';

const CAMPAIGN = { ApplicationId: 'app', CampaignId: 'c1', TreatmentId: '1', ActivityId: 'a1' };

describe('a request for books', () => {
  test('names a run', () => {
    expect(readBooksRequest({ runId: 'campaign/app/c1/0/a1' })).toEqual({ runId: 'campaign/app/c1/0/a1', limit: 100 });
  });

  test.each([
    ['a campaign', CAMPAIGN],
    ['a campaign, without what Pinpoint may leave out', { CampaignId: 'c1', ActivityId: 'a1' }],
    ['a journey', { ApplicationId: 'app', JourneyId: 'j1', JourneyRunId: 'r1', JourneyActivityId: 'ja1' }],
    ['a token of a send function', { clientToken: 'spring', messageType: 'flex' }],
    ['a token of the function for any type', { clientToken: 'spring', messageType: 'any' }],
  ])('names %s, as the event did', (_case, event) => {
    const functionType = 'messageType' in event ? event.messageType as 'flex' | 'any' : 'text';
    expect(readBooksRequest(event)).toEqual({ runId: identifyRun(event, { requestId: 'r', functionType }).runId, limit: 100 });
  });

  test.each([0, 1, 1_000])('names %d people', (limit) => {
    expect(readBooksRequest({ ...CAMPAIGN, limit }).limit).toBe(limit);
  });
});

describe('refuses, and says what is asked for,', () => {
  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'the input must be an object, {"runId": "…"} or the ids of the event that was sent, got undefined'],
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
    ['half a person', { ...CAMPAIGN, limit: 0.5 }, 'got 0.5'],
    ['a limit in letters', { ...CAMPAIGN, limit: '5' }, 'limit must be a whole number from 0 to 1000, got "5"'],
  ])('%s', (_case, input, message) => {
    expect(() => readBooksRequest(input)).toThrow(message);
  });
});
