import { InsightAnswer } from '../../../src/domain/line/read-insight';
import { json } from '../../support/http-stub';
import { contextWith, SenderAws } from '../../support/sender-aws';

const environment = process.env;
let aws: SenderAws;

beforeAll(async () => { aws = await SenderAws.start(); });
afterAll(async () => { await aws.stop(); });
beforeEach(() => { aws.reset(); });
afterEach(() => {
  jest.restoreAllMocks();
  process.env = environment;
});

const EVENT = { units: ['spring'], from: '20261101', to: '20261123' };

test('what LINE counted of a unit is answered, with the channel\'s token and nothing but the secret', async () => {
  // GIVEN a function that knows no tables, buckets or queues
  const variables = Object.fromEntries(['SEND_JOURNAL_TABLE_NAME', 'LINE_CONTENT_BUCKET', 'LINE_SENDING'].map((name) => [name, '']));
  aws.answer = json(200, { overview: { uniqueImpression: 40 }, messages: [], clicks: [] });
  // WHEN
  const answer = await aws.load<unknown, InsightAnswer>('readInsight', variables)(EVENT, contextWith(60_000));
  // THEN
  expect(answer).toEqual({ units: { spring: { overview: { uniqueImpression: 40 }, messages: [], clicks: [] } } });
  expect(aws.line.requests).toMatchObject([{
    method: 'GET',
    path: '/v2/bot/insight/message/event/aggregation?customAggregationUnit=spring&from=20261101&to=20261123',
    headers: { authorization: 'Bearer long-lived-token-of-shop' },
  }]);
  expect(aws.log).toEqual([expect.objectContaining({ level: 'INFO', code: 'INSIGHT_READ', units: 1 })]);
});

test('a request that LINE would not take fails with what is wrong', async () => {
  await expect(aws.load<unknown, InsightAnswer>('readInsight')({ ...EVENT, to: 'today' }, contextWith(60_000))).rejects.toThrow('`to` must be a day');
});
