import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient, GetItemCommand, QueryCommand, QueryCommandInput } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { checkSend } from '../simulator/line-message-rules';
import { journalItem } from './support/journal-items';
import { RecordedTelemetry } from './support/recorded-telemetry';
import { batchOf, excluded } from './support/send-batches';
import { SenderWorld, user } from './support/sender-world';
import { ChunkLine, ChunkSendEvent } from '../src/contract/chunk-send';
import { CustomChannelReply, LineStatus, SendErrorCode } from '../src/contract/custom-channel';
import * as limits from '../src/contract/limits';
import { MESSAGE_TYPES, SendFunctionType } from '../src/contract/media';
import { QuotaExhaustedDetail, SendBatchDetail, SendRunStoppedDetail } from '../src/contract/send-events';
import { BatchState, SendBatch } from '../src/contract/send-journal';
import * as sending from '../src/contract/sending';
import { MAX_AGGREGATION_UNITS } from '../src/domain/line/aggregation-units';
import { CALL_TIMEOUT_MS, SPLIT_CALLS_PER_RUN } from '../src/domain/line/attempt-calls';
import { entriesOf } from '../src/domain/line/batch-report';
import { BatchStateRequest, readBooksRequest, RunBooksRequest } from '../src/domain/line/books-request';
import { contentComposer } from '../src/domain/line/compose-content';
import { ContentError } from '../src/domain/line/content-error';
import { identifyBatch, identifyRun, readEvent, toReply } from '../src/domain/line/custom-channel-event';
import { REFUSALS_TO_STOP } from '../src/domain/line/drive-batch';
import { engagementEvents } from '../src/domain/line/engagement-event';
import { LineAnswer } from '../src/domain/line/line-api';
import { LineMessage } from '../src/domain/line/line-message';
import { MEDIA_FORMATS, MediaRole } from '../src/domain/line/media-formats';
import { MediaLibrary, cloudFrontImagemapUrl, cloudFrontUrl } from '../src/domain/line/media-url';
import { MAX_TEMPLATE_BYTES, templateCandidates } from '../src/domain/line/message-template';
import { JournalChange, SendEventEntry, publishOutcomes } from '../src/domain/line/publish-outcomes';
import { judge } from '../src/domain/line/send-journal';
import { SEND_DEADLINE_MS } from '../src/domain/line/send-message';
import { LineMessageType } from '../src/line/line-message-type';
import { BatchReport, RunBooks, readBatchReport, readRunBooks } from '../src/runtime/send-books-reader';

const page = readFileSync(join(__dirname, '../docs/sending.md'), 'utf8');
const readme = readFileSync(join(__dirname, '../README.md'), 'utf8');

// ---------------------------------------------------------------------------------------------------- reading the page

/** Fenced blocks by what stands behind the fence's language: ```` ```json person ````. */
const blocks = new Map([...page.matchAll(/^```\w+ (\S+)\n([^]*?)^```$/gm)].map(([, name, text]) => [name, text]));

function block(name: string): unknown {
  return JSON.parse(blocks.get(name)!);
}

/** Rows of the table whose header begins so; a code span without its backticks, other cells as they are. */
function table(...header: string[]): string[][] {
  return tableOf(page, ...header);
}

function tableOf(text: string, ...header: string[]): string[][] {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${header.join(' | ')} |`));
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim().replaceAll('\\|', '|')));
}

/** The code spans of a cell. */
function codes(cell: string): string[] {
  return [...cell.matchAll(/(`+)(.+?)\1(?!`)/g)].map(([, , code]) => code);
}

const code = (cell: string) => codes(cell)[0] ?? '';

// ---------------------------------------------------------------------------------------------------- a channel in memory

/** Buckets that hold everything that looks like what LINE plays, but for what is missing. */
const media: MediaLibrary = {
  types: ['image', 'audio', 'video'],
  find: async (type, key) => (key.includes('missing') ? undefined : {
    type, key, bytes: 1_000, versionId: 'v1', contentType: { mp4: 'video/mp4', m4a: 'audio/mp4', png: 'image/png' }[key.split('.').pop()!] ?? 'image/jpeg',
  }),
  url: async (object) => cloudFrontUrl('media.example.com', object),
  imagemapUrl: (key, images) => cloudFrontImagemapUrl('media.example.com', key, images),
};

const templates = {
  find: async (key: string, version = 'current') => {
    const text = blocks.get(`templates/${key}`);
    return text === undefined ? undefined : { text, version };
  },
};

const COUPONS = new Set(['01JYNW8JMQVFBNWF1APF8Z3FS7']);

async function compose(data: string, functionType: SendFunctionType, endpoint: object) {
  const to = 'U0123456789abcdef0123456789abcdef';
  return contentComposer(data, { functionType, sampleMessages: false }, { media, templates }).compose([{ id: 'endpoint-1', to, endpoint: { ...endpoint } }]);
}

/** The request's body that the person is sent, after LINE's stand-in has found nothing wrong with it. */
async function sent(data: string, functionType: SendFunctionType = 'any', endpoint = block('person') as object): Promise<{ messages: LineMessage[] }> {
  const composition = await compose(data, functionType, endpoint);
  if (composition instanceof ContentError) {
    throw composition;
  }
  expect({ excluded: composition.excluded, problems: composition.problems }).toEqual({ excluded: [], problems: [] });
  const body = JSON.parse(`{"to":["U0123456789abcdef0123456789abcdef"],${composition.calls[0].content}}`);
  expect(checkSend(body, { operation: 'multicast', destination: 'user', coupons: COUPONS })).toMatchObject({ problems: [], unknown: [], doubtful: [] });
  return body;
}

const FUNCTIONS: readonly SendFunctionType[] = [...MESSAGE_TYPES, 'any'];
/** Of a person of whom much is known. */
const COMPLETE = { Attributes: { FirstName: ['Yuki'] }, Demographic: { Locale: 'ja_JP' } };

describe('the grammar of `Data`', () => {
  const forms = table('form', 'functions', '`Data`', 'LINE gets').flatMap(([, functions, data, types]) =>
    (functions === 'every' ? FUNCTIONS : functions.split(', ')).map((type) => [type, code(data), codes(types)] as const));

  test('has a form for every function and every message type', () => {
    expect(new Set(forms.map(([type]) => type))).toEqual(new Set(FUNCTIONS));
    expect(new Set(forms.flatMap(([, , types]) => types))).toEqual(new Set(MESSAGE_TYPES));
  });

  test.each(forms)('%s: %s', async (functionType, data, types) => {
    const { messages } = await sent(data, functionType as SendFunctionType, COMPLETE);
    expect(messages.map(({ type }) => type)).toEqual(types);
  });

  test.each(table('form', 'functions', '`Data`').filter(([, functions]) => functions === 'text, any').map(([, , data]) => [code(data)]))(
    'plain text is sent as it stands: %s', async (data) => {
      expect((await sent(data)).messages).toEqual([{ type: 'text', text: data }]);
    });

  test('settings reach LINE, those of `Data` before those of the template', async () => {
    expect(await sent('{"messages":[{"type":"text","text":"a"}],"notificationDisabled":true,"customAggregationUnit":"good_night"}'))
      .toMatchObject({ notificationDisabled: true, customAggregationUnits: ['good_night'] });
    expect(await sent('{"template":"spring","customAggregationUnit":"u"}')).toMatchObject({ customAggregationUnits: ['u'] });
  });

  test('the large example is a personalised flex message', async () => {
    const { messages: [flex] } = await sent(blocks.get('data')!);
    expect(JSON.stringify(flex)).not.toContain('{{U');
    expect(flex).toMatchObject({
      altText: 'Yuki {"★"}: 20% off in Kyoto',
      contents: {
        hero: { url: 'https://media.example.com/image/v1/spring/sale.png' },
        body: { contents: [{ text: 'Dear Yuki {"★"}, you have 1250.5 points.' }] },
        footer: { contents: [{ action: { uri: 'https://example.com/shops/Kyoto?card=gold' } }] },
      },
    });
  });

  test.each(table('function', '`Data`', 'code', 'why').map(([type, data, refusal]) => [type, code(data), code(refusal)]))(
    'refused, %s: %s', async (functionType, data, refusal) => {
      const result = await compose(data, functionType as SendFunctionType, block('person') as object);
      expect(result).toBeInstanceOf(ContentError);
      expect((result as ContentError).code).toBe(refusal);
    });

  test('nobody is sent to when an attribute is missing and the content says `fail`; the person is left out when it does not', async () => {
    const message = { messages: [{ type: 'text', text: '{{Attributes.FirstName}}' }] };
    expect(await compose(JSON.stringify({ ...message, missingAttribute: 'fail' }), 'any', {})).toMatchObject({ code: 'MISSING_ATTRIBUTE' });
    expect(await compose(JSON.stringify(message), 'any', {})).toMatchObject({ calls: [], excluded: [{ status: 'skipped', code: 'MISSING_ATTRIBUTE' }] });
  });
});

describe('personalisation', () => {
  const uri = (value: string) => ({
    type: 'text', text: 'Shop', quickReply: { items: [{ type: 'action', action: { type: 'uri', label: 'Shop', uri: value } }] },
  });
  const PLACES: Record<string, { message(written: string): object; read(message: any): unknown }> = {
    text: { message: (text) => ({ type: 'text', text }), read: ({ text }) => text },
    textV2: { message: (text) => ({ type: 'textV2', text }), read: ({ text }) => text },
    uri: { message: uri, read: ({ quickReply: { items: [{ action }] } }) => action.uri },
    image: { message: (url) => ({ type: 'image', originalContentUrl: url, previewImageUrl: url }), read: ({ originalContentUrl }) => originalContentUrl },
  };

  test.each(table('written in', 'as', 'is sent as', 'because').map((row) => row.slice(0, 3).map(code)))('in %s: %s', async (place, written, expected) => {
    const { message, read } = PLACES[place];
    const { messages: [rendered] } = await sent(JSON.stringify(message(written)));
    expect(read(rendered)).toBe(expected);
  });

  test('emoji stay at their characters', async () => {
    expect((await sent(blocks.get('written')!)).messages).toEqual([block('sent')]);
  });

  test('a language is told by the endpoint', () => {
    const rows = table('endpoint', 'templates').map(([endpoint, keys]) => [JSON.parse(code(endpoint)), codes(keys)]);
    expect(rows).toHaveLength(4);
    rows.forEach(([endpoint, keys]) => expect(templateCandidates('spring', endpoint)).toEqual(keys));
  });

  test('the event that the command sends reaches each in their language, by their name', async () => {
    // GIVEN
    const file = /--payload file:\/\/(\S+)/.exec(blocks.get('send')!)![1];
    const { runId, data, batches: [{ candidates, excluded: left }] } = readEvent(block(file), { requestId: 'r', functionType: 'flex' });
    expect({ runId, left, people: candidates.map(({ id }) => id) }).toEqual({ runId: 'token/flex/spring-sale-2026-part-1', left: [], people: ['endpoint-1', 'endpoint-2'] });
    // WHEN
    const bodies = await Promise.all(candidates.map(async ({ endpoint }) => sent(data as string, 'flex', endpoint)));
    // THEN
    expect(bodies).toMatchObject([['春のセール', 'Yuki様'], ['Spring sale', 'Hello Somsak']].map(([altText, text]) => (
      { messages: [{ altText, contents: { body: { contents: [{ text }] } } }], customAggregationUnits: ['spring_2026'] })));
    // AND both templates are uploaded under the keys that are looked for.
    const uploads = [...page.matchAll(/--key templates\/(\S+) --body (\S+)/g)].map(([, key, body]) => [key, body]);
    expect(uploads).toEqual(['spring.json', 'spring.ja.json'].map((name) => [name, name]));
  });

  test('the templates are sent by language', async () => {
    const altText = async (endpoint: object) => (await sent('{"template":"spring"}', 'any', endpoint)).messages[0].altText;
    expect(await altText({ Demographic: { Locale: 'ja_JP' } })).toBe('春のセール');
    expect(await altText({ Demographic: { Locale: 'th_TH' } })).toBe('Spring sale');
  });
});

test('the table of media says what is checked', () => {
  const ROLES: MediaRole[] = ['image', 'preview', 'audio', 'video', 'imagemap', 'animation', 'flexIcon', 'icon'];
  const rows = table('place', 'files', 'size');
  expect(rows).toHaveLength(ROLES.length);
  rows.forEach(([, files, size], index) => {
    const { extensions, maxBytes } = MEDIA_FORMATS[ROLES[index]];
    const [amount, unit] = size.split(' ');
    expect([codes(files), Number(amount) * (unit === 'MB' ? 1024 ** 2 : 1024)]).toEqual([extensions.map((name) => `.${name}`), maxBytes]);
  });
});

test.each(table('the event has', 'its run is'))('the run of an event with %s', (event, runId) => {
  const [fields, invocation = 'other-request'] = codes(event);
  expect(identifyRun(JSON.parse(fields), { requestId: invocation, functionType: 'text' }).runId).toBe(code(runId));
});

describe("LINE's answers", () => {
  const response = (status: number, ids: object = { requestId: 'r-1' }): LineAnswer => ({ kind: 'response', status, body: '', ...ids });
  const ANSWERS: Record<string, LineAnswer> = {
    '200': response(200),
    '200 without a request id': response(200, {}),
    '409 with the accepted request id': response(409, { requestId: 'r-2', acceptedRequestId: 'r-1' }),
    '409 without it': response(409),
    'no answer in 5 seconds': { kind: 'silence', reason: 'timeout' },
    'no access token for a while': { kind: 'not-called', message: '', retryable: true },
    ...Object.fromEntries([302, 400, 401, 403, 408, 413, 429, 500].map((status) => [status, response(status)])),
  };
  const rows = table("LINE's answer", 'to the request it is', 'then');

  test('are all there', () => {
    expect(rows.map(([answer]) => answer).sort()).toEqual(Object.keys(ANSWERS).sort());
  });

  test.each(rows)('%s is %s', (answer, verdict) => {
    expect(judge(ANSWERS[answer])).toBe(verdict);
  });
});

describe('what the channel says', () => {
  const RUN_ID = 'campaign/app/c1/0/a1';
  const { Address: me } = block('person') as { Address: string };
  const source = { origin: 'campaign', application: 'app', campaign: 'c1', treatment: '0', activity: 'a1' } as const;
  const decidedAt = Date.UTC(2026, 10, 23, 9, 0, 1);
  const requestId = 'f6a1e7f2-5f0c-4a8b-9a5d-0a4a4b8c1d1e';
  const accepted: SendBatch = batchOf('A', [48], {
    batchId: `${RUN_ID}/d2c4-000`,
    runId: RUN_ID,
    state: BatchState.ACCEPTED,
    source,
    requestIds: [requestId],
    aggregationUnit: 'spring_2026',
    decidedAt,
    excluded: [excluded('endpoint-49'), excluded('endpoint-50', SendErrorCode.NOT_A_LINE_USER_ID)],
  });

  async function published(change: JournalChange): Promise<SendEventEntry[]> {
    const events: SendEventEntry[] = [];
    await publishOutcomes([{ sequenceNumber: '1', change }], {
      channelKey: 'line', accountId: '123456789012', telemetry: new RecordedTelemetry(), publish: async (entries) => { events.push(...entries); return []; },
    });
    return events;
  }

  // Typed, so that the page's JSON has the shapes of the contract.
  const batchDetail: SendBatchDetail = block('SendBatchDecided') as SendBatchDetail;
  const stoppedDetail: SendRunStoppedDetail = block('SendRunStopped') as SendRunStoppedDetail;
  const quotaDetail: QuotaExhaustedDetail = block('QuotaExhausted') as QuotaExhaustedDetail;

  test.each<[string, JournalChange, object]>([
    ['SendBatchDecided', { kind: 'batch', after: accepted }, batchDetail],
    ['SendRunStopped', { kind: 'run', after: { runId: RUN_ID, stopped: SendErrorCode.RUN_STOPPED, refusedInRow: 3, splitCalls: 0, validated: [] } }, stoppedDetail],
    ['QuotaExhausted', { kind: 'quota', notice: { noticedAt: decidedAt, quota: 5_000, used: 4_990 } }, quotaDetail],
  ])('%s is published as the page shows it', async (detailType, change, detail) => {
    expect(await published(change)).toMatchObject([{ detailType, detail }]);
    expect((await published(change))[0].detail).toEqual(detail);
  });

  test('a line of engagement events is as the page shows it', () => {
    const batch = { ...accepted, recipients: [{ id: 'endpoint-1', to: me }, ...accepted.recipients.slice(1)] };
    expect(engagementEvents(batch, { accountId: '123456789012', channelKey: 'line' })).toContainEqual(block('engagement'));
  });

  test('the reply is as the page shows it', () => {
    const batch = batchOf('A', [1], { requestIds: [requestId], recipients: [{ id: 'endpoint-1', to: me }], excluded: [excluded('endpoint-2')] });
    const reply: CustomChannelReply = toReply(entriesOf({ known: [{ batch }], isKept: true }));
    expect(reply).toEqual(block('reply'));
  });

  /** What a command on the page asks for. */
  const requested = (command: string) => readBooksRequest(JSON.parse(/--payload '(.+)'/.exec(blocks.get(command)!)![1]));
  const pending = batchOf('?', [50], {
    state: BatchState.AMBIGUOUS,
    attempts: 2,
    deferred: true,
    outcome: { code: SendErrorCode.LINE_UNDECIDED },
    firstAttemptAt: Date.UTC(2026, 10, 23),
    leaseUntil: Date.UTC(2026, 10, 23, 0, 0, 30, 500),
    decidedAt: undefined,
  });

  test('the books are as the page shows them, of the run that the command asks for', async () => {
    // GIVEN
    const request = requested('books-request') as RunBooksRequest;
    const items = await Promise.all([accepted, pending].map(async (batch, index) =>
      journalItem({ ...batch, runId: RUN_ID, ...identifyBatch(RUN_ID, `d2c4-00${index}`) })));
    const dynamoDb = mockClient(DynamoDBClient);
    dynamoDb.on(GetItemCommand).resolves({ Item: { pk: { S: `${RUN_ID}#RUN` }, sk: { S: 'RUN' }, runId: { S: RUN_ID }, validated: { L: [{ S: 'content' }] } } });
    dynamoDb.on(QueryCommand).callsFake(({ ExpressionAttributeValues }: QueryCommandInput) =>
      ({ Items: items.filter(({ pk }) => pk.S === ExpressionAttributeValues![':pk'].S) }));
    // WHEN
    const books: RunBooks = await readRunBooks(new DynamoDBClient({ region: 'eu-west-1' }), 'Journal', request);
    // THEN
    expect(books).toEqual(block('books'));
    // AND the next page goes on.
    const next = readBooksRequest({ runId: RUN_ID, after: books.next }) as RunBooksRequest;
    const { notReached, next: none } = await readRunBooks(new DynamoDBClient({ region: 'eu-west-1' }), 'Journal', next);
    expect({ notReached, none }).toEqual({ notReached: [{ id: 'endpoint-50', status: 'skipped', code: 'NOT_A_LINE_USER_ID' }], none: undefined });
  });

  test('the CLI waits for the books as long as their function takes', () => {
    expect(/--cli-read-timeout (\d+)/.exec(blocks.get('books-request')!)![1]).toBe('310');
  });

  test('a batch is as the page shows it, of the id that the command asks for', async () => {
    // GIVEN
    const request = requested('batch-request') as BatchStateRequest;
    const item = await journalItem({ ...pending, runId: RUN_ID, ...request.identity });
    const dynamoDb = mockClient(DynamoDBClient);
    dynamoDb.on(GetItemCommand).callsFake(({ Key }) => ({ Item: Key.pk.S === request.identity.pk && Key.sk.S === 'd2c4-001' ? item : undefined }));
    // WHEN
    const report: BatchReport = await readBatchReport(new DynamoDBClient({ region: 'eu-west-1' }), 'Journal', request);
    // THEN
    expect(report).toEqual(block('batch'));
  });

  test('every state of a batch has its place', () => {
    expect(table('`state`', 'means').flatMap(([states]) => codes(states)).sort()).toEqual(Object.values(BatchState).sort());
  });

  /** Codes of a runner's chunks and maps, which no reply to a campaign's or a journey's event has. */
  const OF_RUNS = [SendErrorCode.RUN_PAUSED, SendErrorCode.RUN_CANCELLED, SendErrorCode.SEND_WINDOW_OVER, SendErrorCode.CHANNEL_FAILED];

  test('every status and every code of a reply has its place', () => {
    const rows = table('`LineStatus`', 'means', '`LineErrorCode`');
    const statuses: Record<LineStatus, true> = { accepted: true, skipped: true, failed: true, deferred: true, unknown: true };
    expect(rows.map(([status]) => code(status))).toEqual(Object.keys(statuses));
    expect(new Set(rows.flatMap(([, , errors]) => codes(errors)).filter((each) => each !== 'deferred'))).toEqual(new Set(Object.values(SendErrorCode).filter((each) => !OF_RUNS.includes(each))));
  });
});

describe('README', () => {
  const rows = tableOf(readme, '`LineMessageType`', 'plain `Data`', 'shorthand').flatMap(([types, ...forms]) =>
    codes(types).map((type) => [LineMessageType[type as keyof typeof LineMessageType], forms] as const));

  test('has every message type', () => {
    expect(rows.map(([type]) => type).sort()).toEqual(Object.values(LineMessageType).sort());
  });

  test.each(rows.filter(([type]) => type !== 'any').flatMap(([type, forms]) => forms.flatMap(codes).map((data) => [type, data] as const)))('%s: %s', async (type, data) => {
    expect((await sent(data, type)).messages).toMatchObject([{ type }]);
  });

  test('has an event that is sent as it promises', async () => {
    // GIVEN
    const event = [...readme.matchAll(/^```json\n([^]*?)^```$/gm)].map(([, text]) => JSON.parse(text)).find(({ Data }) => Data !== undefined);
    const { runId, data, batches: [{ candidates, excluded: left }] } = readEvent(event, { requestId: 'r', functionType: 'text' });
    // THEN
    expect({ runId, left }).toEqual({ runId: 'token/text/spring-sale-2026-part-1', left: [] });
    expect((await sent(data as string, 'text', candidates[0].endpoint)).messages).toEqual([{ type: 'text', text: 'Dear Yuki, our spring sale begins today.' }]);
  });
});

describe('chunks', () => {
  test('the event, the result and its lines are what the function takes and gives', async () => {
    // GIVEN
    const world = new SenderWorld();
    const event = block('chunk-event') as ChunkSendEvent;
    const line = block('chunk-line') as ChunkLine;
    const others = [2, 3].map((n) => ({ id: `endpoint-${n}`, endpoint: { ...line.endpoint, Address: user(n), ...(n === 3 && { OptOut: 'ALL' }) } }));
    world.chunks.set(`${event.Chunk.Bucket}/${event.Chunk.Key}`, [line, ...others].map((each) => JSON.stringify(each)).join('\n'));
    world.chunks.set(`${event.Content!.Bucket}/${event.Content!.Key}`, 'Hello');
    world.chunks.set(`${event.Flag!.Bucket}/${event.Flag!.Key}`, '{"state":"RUN"}');
    // WHEN
    const { reply } = await world.invokeChunk(event);
    // THEN
    expect(reply).toEqual(block('chunk-result'));
    const [result, ...people] = world.results.get(`${event.Result!.Bucket}/${event.Result!.Key}`)![0].trimEnd().split('\n').map((text) => JSON.parse(text));
    expect(result).toEqual(reply);
    expect(people[0]).toEqual(block('chunk-result-line'));
    expect(people).toHaveLength(3);
    expect((await world.previewChunk({ ...event, Preview: { People: 5 } })).reply!.people).toMatchObject([{ messages: [{ text: 'Hello' }] }, {}, { code: 'OPTED_OUT' }]);
  });

  test('the table has every member that a campaign\'s event does not have', () => {
    const members = table('member', 'what').flatMap(([cell]) => codes(cell));
    expect(members.sort()).toEqual([...Object.keys(block('chunk-event') as object).filter((name) => !name.endsWith('Id')), 'Data', 'Preview'].sort());
  });
});

describe('limits', () => {
  const MB = 1024 ** 2;
  const LIMITS: Record<string, number> = {
    'people of one multicast, and of one batch': limits.MULTICAST_MAX_RECIPIENTS,
    'message objects of one send': limits.MAX_MESSAGES_PER_REQUEST,
    'UTF-16 code units of a text': limits.MAX_TEXT_LENGTH,
    'characters of a media URL': limits.MAX_URL_LENGTH,
    'MB of an image': limits.MAX_IMAGE_BYTES / MB,
    'MB of a preview': limits.MAX_PREVIEW_BYTES / MB,
    'MB of an audio or video file': limits.MAX_AUDIO_VIDEO_BYTES / MB,
    'KB of an animated image': limits.MAX_ANIMATED_IMAGE_BYTES / 1024,
    'multicasts a second': sending.DEFAULT_MULTICASTS_PER_SECOND,
    'pushes a second': sending.DEFAULT_PUSHES_PER_SECOND,
    'aggregation units a month': MAX_AGGREGATION_UNITS,
    'hours for which LINE knows a retry key': limits.RETRY_KEY_HOURS,
    'hours for which a batch is attempted': limits.RETRY_KEY_SAFE_HOURS,
    'endpoints of one event of Pinpoint': limits.PINPOINT_MAX_ENDPOINTS,
    'seconds of an invocation after which nothing is begun': SEND_DEADLINE_MS / 1_000,
    'seconds for one answer of LINE': CALL_TIMEOUT_MS / 1_000,
    'refused batches in a row that stop a run': REFUSALS_TO_STOP,
    'calls of a run for halving refused batches': SPLIT_CALLS_PER_RUN,
    "people from which on a batch is preceded by the quota's question": sending.LARGE_SEND_RECIPIENTS,
    'MB of a template': MAX_TEMPLATE_BYTES / MB,
    'characters of an aggregation unit': 30,
    'bytes of a media key': limits.MAX_KEY_BYTES,
    'days in the journal': limits.JOURNAL_DAYS,
    "days of a personalised batch's texts": sending.BATCH_BODY_DAYS,
    "days of a template's overwritten version": sending.OLD_TEMPLATE_DAYS,
  };

  test('are those of the code', () => {
    expect(Object.fromEntries(table('limit', 'is', 'whose').map(([limit, value]) => [limit, Number(value.replace(',', ''))]))).toEqual(LIMITS);
  });

  test('an aggregation unit has as many characters as the table says', async () => {
    const named = (length: number) => compose(JSON.stringify({ messages: [{ type: 'text', text: 'a' }], customAggregationUnit: 'u'.repeat(length) }), 'any', {});
    expect(await named(LIMITS['characters of an aggregation unit'])).not.toBeInstanceOf(ContentError);
    expect(await named(LIMITS['characters of an aggregation unit'] + 1)).toBeInstanceOf(ContentError);
  });
});
