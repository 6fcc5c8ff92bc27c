import { Metric } from '../../../src/contract/metrics';
import { ReplyFunctionEvent, ReplyRule } from '../../../src/contract/replies';
import { contentComposer } from '../../../src/domain/line/compose-content';
import { LineAnswer, LineRequest } from '../../../src/domain/line/line-api';
import { replyToEvent } from '../../../src/domain/line/reply-to-events';
import { RecordedTelemetry } from '../../support/recorded-telemetry';

const AYA = `U${'a'.repeat(32)}`;
const BOT = `U${'b'.repeat(32)}`;
/** LINE's time of the event; it is delivered a second later. */
const AT = Date.UTC(2026, 10, 23);
const RECEIVED = AT + 1_000;

const RULES: ReplyRule[] = [
  { id: 'follow', match: { kind: 'follow' }, data: 'Welcome, {{User.UserAttributes.DisplayName|friend}}!' },
  { id: 'hours', match: { kind: 'text', keywords: ['hours'] }, data: '{"template":"hours"}' },
  { id: 'strict', match: { kind: 'text', keywords: ['strict'] }, data: 'Dear {{Attributes.Name}}' },
  { id: 'counted', match: { kind: 'text', keywords: ['counted'] }, data: '{"messages":[{"type":"text","text":"Hi"}],"notificationDisabled":true,"customAggregationUnit":"u1"}' },
  { id: 'broken', match: { kind: 'text', keywords: ['broken'] }, data: '{"type":"text","text":""}' },
  { id: 'asked', match: { kind: 'postback', prefix: 'ask' }, functionName: 'Answers' },
];

const response = (status: number, body: object = {}, requestId = 'line-1'): LineAnswer => ({ kind: 'response', status, requestId, body: JSON.stringify(body) });
const INVALID_TOKEN = response(400, { message: 'Invalid reply token' });
const SILENCE: LineAnswer = { kind: 'silence', reason: 'timeout' };

/** LINE, a subscriber table, a template bucket and a reply function, and what became of the event. */
class World {
  public readonly telemetry = new RecordedTelemetry();
  public readonly requests: LineRequest[] = [];
  public readonly questions: [string, ReplyFunctionEvent, number][] = [];
  public readonly people: string[] = [];
  public time = RECEIVED + 1_500;
  /** LINE's answers, the last for all further calls. */
  public answers: LineAnswer[] = [response(200)];
  /** Milliseconds that LINE takes for each. */
  public callMs = 100;
  public row: object | Error | undefined = { User: { UserAttributes: { DisplayName: ['Aya'] } } };
  public template: object | Error | undefined = { type: 'text', text: 'Nine to five' };
  public answer: unknown = { data: 'Answered' };

  public async reply(detail: object, remainingMs = 60_000): Promise<void> {
    await replyToEvent({ 'source': 'line.webhook', 'detail-type': 'message', detail }, remainingMs, {
      channelKey: 'shop',
      rules: RULES,
      line: {
        call: async (request) => {
          this.requests.push(request);
          this.time += Math.min(this.callMs, request.timeoutMs);
          return this.answers.length > 1 ? this.answers.shift()! : this.answers[0];
        },
      },
      composer: (data) => contentComposer(data, { functionType: 'any', sampleMessages: false }, {
        media: { types: [], find: async () => undefined, url: async () => '', imagemapUrl: () => undefined },
        templates: {
          find: async () => {
            if (this.template instanceof Error) {
              throw this.template;
            }
            return this.template && { text: JSON.stringify(this.template), version: 'v1' };
          },
        },
      }),
      person: async (userId) => {
        this.people.push(userId);
        if (this.row instanceof Error) {
          throw this.row;
        }
        return this.row;
      },
      invokeFunction: async (name, event, timeoutMs) => {
        this.questions.push([name, event, timeoutMs]);
        if (this.answer instanceof Error) {
          throw this.answer;
        }
        return this.answer;
      },
      telemetry: this.telemetry,
      now: () => this.time,
      sleep: async (milliseconds) => { this.time += milliseconds; },
      random: () => 0,
    });
  }

  public get bodies(): any[] {
    return this.requests.map(({ body }) => JSON.parse(body!));
  }

  public get failure(): Record<string, unknown> | undefined {
    const errors = this.telemetry.lines.filter(({ level }) => level === 'ERROR');
    expect(errors).toHaveLength(this.telemetry.counts[Metric.REPLIES_FAILED] ?? 0);
    return errors[0] && { code: errors[0].code, ...errors[0].fields };
  }
}

const detail = (reply: string, event: object = {}, more: object = {}) => ({
  channelKey: 'shop',
  destination: BOT,
  webhookEventId: '01',
  event: { type: 'message', mode: 'active', timestamp: AT, webhookEventId: '01', replyToken: 'token', source: { type: 'user', userId: AYA }, ...event },
  reply,
  receivedAt: RECEIVED,
  ...more,
});

let world: World;

beforeEach(() => { world = new World(); });

describe('a reply', () => {
  test('is made of what the table knows of the person, and sent by the token, without a retry key, which LINE refuses here', async () => {
    // WHEN
    await world.reply(detail('follow', { type: 'follow' }));
    // THEN
    expect(world.requests).toEqual([{
      method: 'POST',
      path: '/v2/bot/message/reply',
      body: JSON.stringify({ replyToken: 'token', messages: [{ type: 'text', text: 'Welcome, Aya!' }] }),
      timeoutMs: 5_000,
    }]);
    expect(world.telemetry.counts).toEqual({ [Metric.REPLIES_SENT]: 1, [Metric.LINE_REQUESTS]: 1 });
    expect(world.telemetry.lines).toEqual([expect.objectContaining({ code: 'REPLY_SENT', fields: { eventId: '01', rule: 'follow', status: 200, requestId: 'line-1' } })]);
  });

  test.each<[string, object | Error | undefined, string[]]>([
    ['has its defaults for somebody who is not in the table yet', undefined, ['REPLY_SENT']],
    ['has its defaults when the table cannot be read', new Error('throttled'), ['REPLY_ATTRIBUTES_UNREADABLE', 'REPLY_SENT']],
  ])('%s', async (_name, row, codes) => {
    world.row = row;
    await world.reply(detail('follow'));
    expect(world.bodies).toMatchObject([{ messages: [{ text: 'Welcome, friend!' }] }]);
    expect(world.telemetry.codes).toEqual(codes);
  });

  test.each(['group', 'room'])('in a %s says nothing of what the table knows of a person', async (type) => {
    await world.reply(detail('follow', { source: { type, [`${type}Id`]: 'C1', userId: AYA } }));
    expect(world.bodies).toMatchObject([{ messages: [{ text: 'Welcome, friend!' }] }]);
    expect(world.people).toEqual([]);
  });

  test('is sent to somebody whose id LINE does not say', async () => {
    await world.reply(detail('follow', { source: { type: 'user' } }));
    expect(world.bodies).toMatchObject([{ messages: [{ text: 'Welcome, friend!' }] }]);
  });

  test('is a template', async () => {
    await world.reply(detail('hours'));
    expect(world.bodies).toMatchObject([{ messages: [{ text: 'Nine to five' }] }]);
  });

  test('keeps what LINE takes of its settings: no aggregation unit, which LINE refuses here', async () => {
    await world.reply(detail('counted'));
    expect(world.bodies).toEqual([{ replyToken: 'token', messages: [{ type: 'text', text: 'Hi' }], notificationDisabled: true }]);
  });
});

describe('a reply function', () => {
  test('is asked with the event, less the token, which is the channel\'s', async () => {
    // GIVEN
    world.time = RECEIVED + 2_000;
    // WHEN
    await world.reply(detail('asked', { type: 'postback', postback: { data: 'ask=1' } }));
    // THEN
    expect(world.questions).toEqual([['Answers', {
      rule: 'asked',
      channelKey: 'shop',
      userId: AYA,
      event: { type: 'postback', mode: 'active', timestamp: AT, webhookEventId: '01', source: { type: 'user', userId: AYA }, postback: { data: 'ask=1' } },
    }, 43_000]]);
    expect(world.bodies).toMatchObject([{ replyToken: 'token', messages: [{ text: 'Answered' }] }]);
  });

  test.each<[string, unknown, string]>([
    ['a message object', { data: { type: 'text', text: 'Object' } }, 'Object'],
    ['a list', { data: [{ type: 'text', text: 'List' }] }, 'List'],
    ['a placeholder', { data: '{{User.UserAttributes.DisplayName}}' }, 'Aya'],
  ])('may answer %s', async (_name, answer, text) => {
    world.answer = answer;
    await world.reply(detail('asked'));
    expect(world.bodies).toMatchObject([{ messages: [{ text }] }]);
  });

  test.each([null, undefined, {}, { data: null }])('that answers %j wants no reply', async (answer) => {
    world.answer = answer;
    await world.reply(detail('asked'));
    expect(world.requests).toEqual([]);
    expect(world.telemetry.codes).toEqual(['REPLY_NOT_WANTED']);
    expect(world.telemetry.counts).toEqual({});
  });

  test.each<[unknown, string]>([
    [new Error('the function failed (TypeError); see its own log'), 'Error: the function failed (TypeError); see its own log'],
    ['Answered', 'it must answer {"data":"…"} or null, got string'],
    [['Answered'], 'it must answer {"data":"…"} or null, got object'],
    [{ data: 3 }, 'it must answer {"data":"…"} or null, got {"data":number}'],
  ])('that answers %j is reported, without what it said', async (answer, reason) => {
    world.answer = answer;
    await world.reply(detail('asked'));
    expect(world.requests).toEqual([]);
    expect(world.failure).toEqual({ code: 'REPLY_FUNCTION_FAILED', eventId: '01', rule: 'asked', functionName: 'Answers', reason });
  });

  test('that takes longer than the token lives gets its answer said to nobody', async () => {
    world.answer = { get data() { world.time += 60_000; return 'late'; } };
    await world.reply(detail('asked'));
    expect(world.requests).toEqual([]);
    expect(world.failure).toMatchObject({ code: 'REPLY_TOO_LATE' });
  });
});

describe('what LINE says', () => {
  test.each<[string, LineAnswer[]]>([
    ['holds it back for its rate', [response(429), response(200)]],
    ['has an error', [response(500), response(503), response(200)]],
    ['is silent', [SILENCE, response(200)]],
    ['cannot be called, for want of a token', [{ kind: 'not-called', message: 'no token', retryable: true }, response(200)]],
    ['refuses the token after it was silent, and so took it then', [SILENCE, INVALID_TOKEN]],
    ['refuses the token after an error, and so took it then', [response(500), INVALID_TOKEN]],
  ])('when it %s: the same is sent again until it is sent', async (_name, answers) => {
    // GIVEN
    world.answers = [...answers];
    // WHEN
    await world.reply(detail('counted'));
    // THEN
    expect(world.requests).toHaveLength(answers.length);
    expect(new Set(world.requests.map(({ body }) => body)).size).toBe(1);
    expect(world.telemetry.counts).toMatchObject({ [Metric.REPLIES_SENT]: 1 });
    expect(world.telemetry.codes).toEqual(['REPLY_SENT']);
  });

  test.each<[string, LineAnswer[]]>([
    ['at once', [INVALID_TOKEN]],
    // What LINE holds back it has not taken.
    ['after holding it back for its rate', [response(429), INVALID_TOKEN]],
  ])('refuses the token %s: the event was answered before, and nothing is to be done', async (_name, answers) => {
    world.answers = answers;
    await world.reply(detail('counted'));
    expect(world.telemetry.codes).toEqual(['REPLY_TOKEN_REFUSED']);
    expect(world.telemetry.counts).not.toHaveProperty(Metric.REPLIES_SENT);
    expect(world.failure).toBeUndefined();
  });

  test.each<[string, LineAnswer, object]>([
    ['refuses the content', response(400, { message: 'The request body has 1 error(s)', details: [{ message: 'May not be empty: SECRET', property: 'messages[0].text' }] }),
      { reason: 'LINE answered 400: The request body has 1 error(s) [at messages[0].text]', status: 400, requestId: 'line-1' }],
    ['forbids it', response(403, { message: 'Not available' }), { reason: 'LINE answered 403: Not available', status: 403 }],
    ['does not take the access token', response(401), { reason: 'LINE does not take the channel\'s access token', status: 401 }],
    ['cannot be called with what is in the secret', { kind: 'not-called', message: 'the secret has no value', retryable: false }, { reason: 'the secret has no value' }],
  ])('%s: reported and not sent again', async (_name, answer, fields) => {
    world.answers = [answer];
    await world.reply(detail('counted'));
    expect(world.requests).toHaveLength(1);
    expect(world.failure).toMatchObject({ code: 'REPLY_REFUSED', eventId: '01', rule: 'counted', ...fields });
    expect(JSON.stringify(world.telemetry.lines)).not.toContain('SECRET');
  });

  test('credentials that are wrong are counted as such', async () => {
    world.answers = [response(401)];
    await world.reply(detail('counted'));
    expect(world.telemetry.counts).toMatchObject({ [Metric.CREDENTIALS_UNAVAILABLE]: 1 });
  });

  test.each<[string, LineAnswer, boolean, string]>([
    ['answers nothing else than errors', response(500), true, 'LINE answered 500'],
    ['stays silent', SILENCE, true, 'LINE did not answer (timeout)'],
    ['holds it back', response(429), false, 'LINE answered 429'],
  ])('%s: given up when the token is over, and not before', async (_name, answer, mayBeSent, reason) => {
    // GIVEN
    world.answers = [answer];
    world.callMs = 3_000;
    // WHEN
    await world.reply(detail('counted'));
    // THEN
    expect(world.failure).toMatchObject({ code: 'REPLY_UNDECIDED', mayBeSent, reason });
    expect(world.time).toBeLessThanOrEqual(RECEIVED + 50_000);
    expect(world.time).toBeGreaterThan(RECEIVED + 40_000);
    expect(world.telemetry.counts[Metric.LINE_REQUESTS]).toBe(world.requests.length);
  });
});

describe('time', () => {
  test.each<[string, object, number]>([
    ['fifty seconds after the delivery', {}, RECEIVED + 50_000],
    ['fifty seconds after the event, when nobody says when it was delivered', { receivedAt: undefined }, AT + 50_000],
    ['nineteen minutes after the event, however late it is redelivered', { receivedAt: AT + 18.9 * 60_000 }, AT + 19 * 60_000],
  ])('is over %s', async (_name, more, end) => {
    world.time = end - 400;
    await world.reply(detail('counted', {}, more));
    expect(world.requests).toEqual([]);
    expect(world.failure).toMatchObject({ code: 'REPLY_TOO_LATE', eventId: '01', rule: 'counted' });
    // WHEN it is a little earlier
    world = new World();
    world.time = end - 600;
    await world.reply(detail('counted', {}, more));
    expect(world.telemetry.codes).toEqual(['REPLY_SENT']);
  });

  test('begins anew with a redelivery', async () => {
    world.time = AT + 10 * 60_000 + 5_000;
    await world.reply(detail('counted', { deliveryContext: { isRedelivery: true } }, { receivedAt: AT + 10 * 60_000 }));
    expect(world.telemetry.codes).toEqual(['REPLY_SENT']);
  });

  test('is the invocation\'s when that is over earlier', async () => {
    world.answers = [response(500)];
    const begin = world.time;
    await world.reply(detail('counted'), 5_000);
    expect(world.failure).toMatchObject({ code: 'REPLY_UNDECIDED' });
    expect(world.time - begin).toBeLessThanOrEqual(4_000);
  });
});

describe('no reply', () => {
  test.each<[string, object]>([
    ['a rule that is gone', { code: 'REPLY_RULE_UNKNOWN', reason: 'rules are follow, hours, strict, counted, broken, asked' }],
    ['strict', { code: 'REPLY_CONTENT_FAILED', error: 'MISSING_ATTRIBUTE', reason: expect.stringContaining('`Attributes.Name`') }],
    ['broken', { code: 'REPLY_CONTENT_FAILED', error: 'INVALID_CONTENT', reason: expect.stringContaining('text') }],
  ])('for %s', async (rule, failure) => {
    await world.reply(detail(rule));
    expect(world.requests).toEqual([]);
    expect(world.failure).toMatchObject({ eventId: '01', rule, ...failure });
  });

  test.each<[string, World['template'], object]>([
    ['does not exist', undefined, { error: 'TEMPLATE_NOT_FOUND' }],
    ['cannot be read now', new Error('SlowDown'), { reason: 'Error: SlowDown' }],
  ])('when the template %s', async (_name, template, failure) => {
    world.template = template;
    await world.reply(detail('hours'));
    expect(world.failure).toMatchObject({ code: 'REPLY_CONTENT_FAILED', ...failure });
  });

  test.each<[string, object]>([
    ['is in standby', detail('counted', { mode: 'standby' })],
    ['has no reply token', detail('counted', { replyToken: undefined })],
    ['names no rule', detail('counted', {}, { reply: undefined })],
    ['has no event', { reply: 'counted' }],
  ])('to what %s', async (_name, input) => {
    await world.reply(input);
    expect(world.requests).toEqual([]);
    expect(world.failure).toMatchObject({ code: 'REPLY_EVENT_UNREADABLE' });
  });
});
