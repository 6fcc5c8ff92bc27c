import { readFileSync } from 'node:fs';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Fault, faults } from '../../simulator/faults';
import { lineUserId } from '../../simulator/line-ids';
import { LineRequestRecord, LineUser } from '../../simulator/line-platform';
import { campaignEvents, pinpointId } from '../../simulator/pinpoint-campaign';
import { StoredEndpoint } from '../../simulator/pinpoint-endpoints';
import { Stage } from '../../simulator/stage/stage';
import { CustomChannelEvent, CustomChannelReply } from '../../src/contract/custom-channel';
import { MAX_PREVIEW_BYTES, MAX_TEXT_LENGTH } from '../../src/contract/limits';
import { MessageType, SAMPLE_AUDIO_DURATION_MS, SAMPLE_MEDIA_KEYS, SAMPLE_TEXT } from '../../src/contract/media';
import { DEFAULT_CHANNEL_KEY, SORT_KEY_ENDPOINT, subscriberPartitionKey } from '../../src/contract/subscriber';
import {
  CREDENTIALS, DEPLOY_LIMIT_MS, DeployedChannel, TEST_LIMIT_MS, deployChannel, eventually, startStage,
} from '../support/deployed-channel';

/**
 * The sending side on the deployed stack. The judge is LINE: what its stand-in was asked, and what each friend received.
 * Every scenario has people and a campaign of its own.
 */
const APPLICATION_ID = pinpointId();
/** The sample's buckets. */
const BUCKETS = { image: 'Media/ImageBucket', audio: 'Media/AudioBucket', video: 'Media/VideoBucket' };
type MediaType = keyof typeof BUCKETS;
const TYPES: readonly MessageType[] = ['text', 'image', 'audio', 'video'];

let stage: Stage;
/** `examples/pinpoint-sample`: a Pinpoint project's channel with sample messages. */
let sample: DeployedChannel;
/** Without Pinpoint and sample messages, media of all types in one bucket. Its secret is empty at first. */
let plain: DeployedChannel;

beforeAll(async () => {
  stage = await startStage({ pinpoint: { applicationIds: [APPLICATION_ID] } });
  sample = await deployChannel(stage, {
    app: 'examples/pinpoint-sample/app.ts', stackName: 'LinePinpointSample', context: { applicationId: APPLICATION_ID }, applicationId: APPLICATION_ID,
  });
  await sample.start();
  plain = await deployChannel(stage, { app: 'test/e2e/fixtures/sending-channel/app.ts', stackName: 'SendingChannel' });
  for (const bucket of Object.values(BUCKETS)) {
    await stage.allowPlainHttp(sample.resource(bucket));
  }
}, DEPLOY_LIMIT_MS);
afterAll(async () => stage?.stop());
afterEach(() => stage?.line.clearFaults());
jest.setTimeout(TEST_LIMIT_MS);

// ---------------------------------------------------------------------------------------------------- people and events

const NEW_CHANNEL_SECRET = '5d8f0c3e7a9b4f1e8c6d2a0b9e7f4c1d';
const DISPLAY_NAME = '未来 Mirai';
let peopleSoFar = 0;

/** Friends of the account, of whom the subscriber table knows nothing. */
function friends(number: number): LineUser[] {
  return Array.from({ length: number }, () => {
    const n = ++peopleSoFar;
    const user = { userId: lineUserId(`friend ${n}`), displayName: `${DISPLAY_NAME} ${n}`, language: 'ja' };
    stage.line.add(user);
    return user;
  });
}

/** A friend's endpoint as Pinpoint keeps it. */
function endpoint({ userId, displayName }: LineUser, members: Partial<StoredEndpoint> = {}): StoredEndpoint {
  const now = new Date().toISOString();
  return {
    ApplicationId: APPLICATION_ID,
    Id: userId,
    Address: userId,
    ChannelType: 'CUSTOM',
    OptOut: 'NONE',
    EndpointStatus: 'ACTIVE',
    EffectiveDate: now,
    CreationDate: now,
    CohortId: '42',
    RequestId: 'request',
    User: { UserId: userId, UserAttributes: { DisplayName: [displayName] } },
    ...members,
  };
}

/** The event of a new campaign, whatever the number of endpoints. */
function campaign(endpoints: readonly StoredEndpoint[], data?: string): CustomChannelEvent {
  const events = campaignEvents(endpoints, APPLICATION_ID, data);
  return { ...events[0], Endpoints: Object.assign({}, ...events.map(({ Endpoints }) => Endpoints)) };
}

/** The event of a new run of a journey. */
function journey(endpoints: readonly StoredEndpoint[], data?: string): CustomChannelEvent {
  const { CampaignId, TreatmentId, ActivityId, ScheduledTime, ...event } = campaign(endpoints, data);
  return { ...event, JourneyId: pinpointId(), JourneyRunId: pinpointId(), JourneyActivityId: 'activity-1' };
}

const ids = (event: CustomChannelEvent) => Object.keys(event.Endpoints ?? {});

// ---------------------------------------------------------------------------------------------------- sending and asking

interface Sent {
  readonly channel: DeployedChannel;
  readonly event: CustomChannelEvent;
  /** The last one; undefined when the function failed, or was not waited for. */
  reply?: CustomChannelReply;
}

/** Every event that was sent, by campaign or run of a journey. */
const sent = new Map<string, Sent>();

function sendFunction(channel: DeployedChannel, type: MessageType): string {
  return channel.resource(`Sender/${type[0].toUpperCase()}${type.slice(1)}`);
}

/** Sends an event as Pinpoint does, and checks of the reply what holds for every reply. */
async function send(type: MessageType, event: CustomChannelEvent, channel: DeployedChannel = sample): Promise<CustomChannelReply> {
  const record = remember(event, channel);
  record.reply = undefined;
  const reply = await stage.invoke<CustomChannelReply>(sendFunction(channel, type), event);
  expect(Object.keys(reply).sort()).toEqual(ids(event).sort());
  for (const { EventAttributes } of Object.values(reply)) {
    expect(Object.keys(EventAttributes).length).toBeLessThanOrEqual(5);
    expect(Object.values(EventAttributes).filter((value) => typeof value !== 'string' || value.length > 128)).toEqual([]);
  }
  record.reply = reply;
  return reply;
}

/** Sends an event and waits for nothing: Lambda repeats it when the function fails. */
async function sendAsynchronously(type: MessageType, event: CustomChannelEvent, channel: DeployedChannel = sample): Promise<void> {
  remember(event, channel);
  await stage.client(LambdaClient).send(new InvokeCommand({
    FunctionName: sendFunction(channel, type), InvocationType: 'Event', Payload: JSON.stringify(event),
  }));
}

function remember(event: CustomChannelEvent, channel: DeployedChannel): Sent {
  const run = event.CampaignId ?? event.JourneyRunId!;
  const record = sent.get(run) ?? { channel, event };
  sent.set(run, record);
  return record;
}

/** How many endpoints got which answer: `{ 'accepted': 2, 'skipped OPTED_OUT': 1 }`. */
function tally(reply: CustomChannelReply): Record<string, number> {
  return count(Object.values(reply).map(({ EventAttributes: { LineStatus: status, LineErrorCode: code } }) => (code ? `${status} ${code}` : status)));
}

function count(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) {
    counts[value] = (counts[value] ?? 0) + 1;
  }
  return counts;
}

/** Multicasts for these people, those included that LINE did not read. */
function requestsTo(people: readonly string[]): LineRequestRecord[] {
  const all = stage.line.requests('multicast');
  const named = all.filter(({ body }) => body && JSON.parse(body).to.some((to: string) => people.includes(to)));
  const keys = new Set(named.map(({ retryKey }) => retryKey));
  return all.filter(({ retryKey }) => keys.has(retryKey));
}

/** What each of the people received, as messages. */
function received(people: readonly string[]): Record<string, unknown>[][] {
  return people.map((id) => stage.line.received(id).flatMap(({ messages }) => messages));
}

/** Checks that every person received exactly these messages. */
function expectReceived(people: readonly string[], ...messages: object[]): void {
  expect(received(people)).toEqual(people.map(() => messages));
}

/** Checks that LINE was asked with these statuses, and always for the same: bytes and key. */
function expectSameRequest(people: readonly string[], statuses: readonly number[]): void {
  const requests = requestsTo(people);
  expect(requests.map(({ status }) => status)).toEqual(statuses);
  expect(new Set(requests.map(({ retryKey }) => retryKey)).size).toBe(1);
  expect(new Set(requests.flatMap(({ body }) => body ?? [])).size).toBe(1);
}

// ---------------------------------------------------------------------------------------------------- media

/** Uploads an object to a bucket of the sample. @returns its version */
async function upload(type: MediaType, key: string, contentType: string, body: Buffer | string = key): Promise<string> {
  return put(sample.resource(BUCKETS[type]), key, contentType, body);
}

async function put(bucketName: string, key: string, contentType: string, body: Buffer | string): Promise<string> {
  const { VersionId } = await stage.client(S3Client).send(new PutObjectCommand({
    Bucket: bucketName, Key: key, ContentType: contentType, Body: body,
  }));
  expect(VersionId).toBeTruthy();
  return VersionId!;
}

/** The only message that the person received. */
function messageOf(userId: string): Record<string, string> {
  const [[message], ...others] = stage.line.received(userId).map(({ messages }) => messages);
  expect(others).toEqual([]);
  return message as Record<string, string>;
}

/** What a link shows. */
async function open(url: string): Promise<{ status: number; type: unknown; body: Buffer }> {
  const { status, headers, body } = await stage.open(url);
  return { status, type: headers['content-type'], body };
}

// ---------------------------------------------------------------------------------------------------- scenarios

const ORIGINS = [['a campaign', campaign], ['a journey', journey]] as const;

describe.each(ORIGINS)('%s', (_origin, eventOf) => {
  test.each<[MessageType, string, object]>([
    ['text', 'こんにちは 👩‍👩‍👧 春のセール 🌸\n20% off', { type: 'text', text: 'こんにちは 👩‍👩‍👧 春のセール 🌸\n20% off' }],
    ['image', 'sale.jpg', { type: 'image', originalContentUrl: expect.any(String), previewImageUrl: expect.any(String) }],
    ['audio', 'jingle.mp3,1500', { type: 'audio', originalContentUrl: expect.any(String), duration: 1500 }],
    ['video', 'film.mp4,cover.png', { type: 'video', originalContentUrl: expect.any(String), previewImageUrl: expect.any(String) }],
  ])('sends %s with one request, and everybody gets one message', async (type, data, message) => {
    // GIVEN
    await upload('image', 'sale.jpg', 'image/jpeg');
    await upload('audio', 'jingle.mp3', 'audio/mpeg');
    await upload('video', 'film.mp4', 'video/mp4');
    await upload('video', 'cover.png', 'image/png');
    const people = friends(3).map((friend) => endpoint(friend));
    const event = eventOf(people, data);
    // WHEN
    const reply = await send(type, event);
    // THEN
    const [request, ...others] = requestsTo(ids(event));
    expect(others).toEqual([]);
    expect(request).toMatchObject({ method: 'POST', status: 200, retryKey: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(reply).toEqual(Object.fromEntries(ids(event).map((id) => [
      id, { EventAttributes: { LineStatus: 'accepted', LineRequestId: request.requestId } },
    ])));
    expectReceived(ids(event), message);
  });

  test.each<[MessageType, string | undefined]>(TYPES.flatMap((type) => [[type, undefined], [type, '  ']]))(
    'sends the sample %s for data %j, and its links work', async (type, data) => {
      // GIVEN
      const friend = friends(1)[0];
      // WHEN
      const reply = await send(type, eventOf([endpoint(friend)], data));
      // THEN
      expect(tally(reply)).toEqual({ accepted: 1 });
      const { originalContentUrl, previewImageUrl, ...message } = messageOf(friend.userId);
      const cover = type === 'video' ? SAMPLE_MEDIA_KEYS.videoCover : SAMPLE_MEDIA_KEYS.image;
      expect(message).toEqual({ type, ...(type === 'text' && { text: SAMPLE_TEXT }), ...(type === 'audio' && { duration: SAMPLE_AUDIO_DURATION_MS }) });
      for (const [url, key] of [...(type === 'text' ? [] : [[originalContentUrl, SAMPLE_MEDIA_KEYS[type]]]), ...(previewImageUrl ? [[previewImageUrl, cover]] : [])]) {
        const file = `src/line/handlers/sample-media/${key.split('/').pop()}`;
        expect(await open(url)).toEqual({ status: 200, type: expect.stringMatching(/^(image\/png|audio\/mp4|video\/mp4)$/), body: readFileSync(file) });
      }
    });
});

describe('data', () => {
  test.each<[string, string, object[]]>([
    ['text that begins like JSON', '[SALE] 20%', [{ type: 'text', text: '[SALE] 20%' }]],
    ['text that is JSON without a message', '{"hi": 1}', [{ type: 'text', text: '{"hi": 1}' }]],
    ['a text of 5,000 UTF-16 units', '🌸'.repeat(MAX_TEXT_LENGTH / 2), [{ type: 'text', text: '🌸'.repeat(MAX_TEXT_LENGTH / 2) }]],
    ['a JSON message', '{"type":"text","text":"こんにちは"}', [{ type: 'text', text: 'こんにちは' }]],
    [
      'JSON messages',
      '{"messages":[{"type":"text","text":"one"},{"type":"image","originalContentUrl":"https://example.com/a.png","previewImageUrl":"https://example.com/b.png"}]}',
      [{ type: 'text', text: 'one' }, { type: 'image', originalContentUrl: 'https://example.com/a.png', previewImageUrl: 'https://example.com/b.png' }],
    ],
  ])('may be %s', async (_what, data, messages) => {
    const event = journey(friends(2).map((friend) => endpoint(friend)), data);
    expect(tally(await send('text', event))).toEqual({ accepted: 2 });
    expectReceived(ids(event), ...messages);
  });

  test.each<[MediaType, string, string[]]>([
    ['image', 'spring sale/50% + more #1.png', ['spring sale/50% + more #1.png']],
    ['image', '春のセール/花見 🌸.jpeg,春のセール/小さい.png', ['春のセール/花見 🌸.jpeg', '春のセール/小さい.png']],
    ['image', '"say ""hi"", all (now)!.png"', ['say "hi", all (now)!.png']],
    ['image', '{"key":"a, b.PNG","previewKey":"c&d=e?.jpg"}', ['a, b.PNG', 'c&d=e?.jpg']],
    ['audio', '"曲, 1+1.m4a", 1500', ['曲, 1+1.m4a']],
    ['video', '"a, b.mp4","cover, c+d.jpg"', ['a, b.mp4', 'cover, c+d.jpg']],
  ])('may name %s objects: %s', async (type, data, keys) => {
    // GIVEN
    const contentTypes: Record<string, string> = { png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', m4a: 'audio/mp4', mp4: 'video/mp4' };
    for (const key of keys) {
      await upload(type, key, contentTypes[key.split('.').pop()!.toLowerCase()]);
    }
    const [friend] = friends(1);
    // WHEN
    const reply = await send(type, campaign([endpoint(friend)], data));
    // THEN
    expect(tally(reply)).toEqual({ accepted: 1 });
    const { originalContentUrl, previewImageUrl = originalContentUrl } = messageOf(friend.userId);
    expect((await open(originalContentUrl)).body.toString()).toBe(keys[0]);
    expect((await open(previewImageUrl)).body.toString()).toBe(keys[keys.length - 1]);
  });

  test.each<[string, MessageType, string, string]>([
    ['a text of more than 5,000 UTF-16 units', 'text', `${'🌸'.repeat(MAX_TEXT_LENGTH / 2)}!`, 'TEXT_TOO_LONG'],
    ['an unknown key', 'image', 'nowhere.png', 'MEDIA_NOT_FOUND'],
    ['an unknown preview', 'image', 'big.png,nowhere.png', 'MEDIA_NOT_FOUND'],
    ['a wrong extension', 'image', 'big.gif', 'MEDIA_WRONG_TYPE'],
    ['a wrong content type', 'audio', 'untyped.m4a,1000', 'MEDIA_WRONG_TYPE'],
    ['an empty object', 'audio', 'empty.m4a,1000', 'MEDIA_WRONG_TYPE'],
    ['a video as its cover', 'video', 'film.mp4,film.mp4', 'MEDIA_WRONG_TYPE'],
    ['an image above 1 MB without a preview', 'image', 'big.png', 'PREVIEW_TOO_LARGE'],
    ['a key whose link is too long', 'image', `${'花'.repeat(220)}.png`, 'MEDIA_URL_TOO_LONG'],
    ['no duration', 'audio', 'jingle.mp3', 'INVALID_CONTENT'],
    ['a duration with a unit', 'audio', 'jingle.mp3,2s', 'INVALID_CONTENT'],
    ['a duration of zero', 'audio', 'jingle.mp3,0', 'INVALID_CONTENT'],
    ['a broken quote', 'video', '"film.mp4,cover.png', 'INVALID_CONTENT'],
    ['a URL that is not https', 'image', '{"type":"image","originalContentUrl":"http://example.com/a.png","previewImageUrl":"https://example.com/a.png"}', 'INVALID_CONTENT'],
    ['a message type of a later version', 'text', '{"type":"sticker","packageId":"1","stickerId":"1"}', 'UNSUPPORTED_CONTENT'],
    ['a template', 'text', '{"template":"welcome"}', 'UNSUPPORTED_CONTENT'],
  ])('with %s is answered per endpoint and sent to nobody', async (_what, type, data, code) => {
    // GIVEN
    await upload('image', 'big.png', 'image/png', Buffer.alloc(MAX_PREVIEW_BYTES + 1));
    await upload('image', `${'花'.repeat(220)}.png`, 'image/png');
    await upload('audio', 'untyped.m4a', 'binary/octet-stream');
    await upload('audio', 'empty.m4a', 'audio/mp4', Buffer.alloc(0));
    const [one, two, three] = friends(3);
    const event = campaign([endpoint(one), endpoint(two), endpoint(three, { OptOut: 'ALL' })], data);
    const requests = stage.line.requests('multicast').length;
    // WHEN
    const reply = await send(type, event);
    // THEN
    expect(tally(reply)).toEqual({ [`failed ${code}`]: 2, 'skipped OPTED_OUT': 1 });
    expect(stage.line.requests('multicast')).toHaveLength(requests);
    const log = await sample.log(`Sender/${type[0].toUpperCase()}${type.slice(1)}`);
    expect(log.slice(-2)).toEqual([
      expect.objectContaining({ level: 'ERROR', code, message: expect.any(String), recipients: 2, skipped: 1 }),
      expect.objectContaining({ MessagesFailed: 2, MessagesSkipped: 1 }),
    ]);
  });

  test('with a small preview lets an image of more than 1 MB be sent', async () => {
    await upload('image', 'big.png', 'image/png', Buffer.alloc(MAX_PREVIEW_BYTES + 1));
    await upload('image', 'small.png', 'image/png');
    expect(tally(await send('image', campaign([endpoint(friends(1)[0])], 'big.png,small.png')))).toEqual({ accepted: 1 });
  });

  test('that is blank is an error where sample messages are off', async () => {
    const event = journey([endpoint(friends(1)[0])], ' ');
    for (const type of TYPES) {
      expect(tally(await send(type, event, plain))).toEqual({ 'failed EMPTY_CONTENT': 1 });
    }
    expectReceived(ids(event));
  });
});

describe('people', () => {
  /** A row of the subscriber table as the worker leaves it. */
  async function store({ userId }: LineUser, members: Record<string, { S: string } | { BOOL: boolean }>): Promise<void> {
    await stage.client(DynamoDBClient).send(new PutItemCommand({
      TableName: sample.tableName,
      Item: {
        pk: { S: subscriberPartitionKey(DEFAULT_CHANNEL_KEY, userId) },
        sk: { S: SORT_KEY_ENDPOINT },
        subscriptionAt: { N: String(Date.now()) },
        subscriptionEventId: { S: 'event' },
        ...members,
      },
    }));
  }

  test('who must not be sent to are skipped with the reason; all others get the message, known to the table or not', async () => {
    // GIVEN
    const [unknown, known, optedOut, left, erased, inactive, inactiveInTable, email, malformed, missing, twice] = friends(11);
    await store(known, { OptOut: { S: 'NONE' }, EndpointStatus: { S: 'ACTIVE' } });
    await store(erased, { erased: { BOOL: true } });
    await store(inactiveInTable, { OptOut: { S: 'NONE' }, EndpointStatus: { S: 'INACTIVE' } });
    await stage.line.follow(left);
    await eventually(async () => expect(await sample.subscriber(left.userId)).toMatchObject({ OptOut: 'NONE' }));
    await stage.line.unfollow(left.userId);
    await eventually(async () => expect(await sample.subscriber(left.userId)).toMatchObject({ OptOut: 'ALL' }));
    const event = journey([
      endpoint(unknown),
      endpoint(known),
      endpoint(optedOut, { OptOut: 'ALL' }),
      endpoint(left),
      endpoint(erased),
      endpoint(inactive, { EndpointStatus: 'INACTIVE' }),
      endpoint(inactiveInTable),
      endpoint(email, { ChannelType: 'EMAIL', Address: 'mirai@example.com' }),
      endpoint(malformed, { Address: malformed.userId.toUpperCase() }),
      endpoint(missing, { Address: undefined }),
      endpoint(twice, { Id: 'endpoint-a' }),
      endpoint(twice, { Id: 'endpoint-b' }),
    ], 'Only for those who want it');
    // WHEN
    const reply = await send('text', event);
    // THEN
    const answers = Object.entries(reply).map(([id, { EventAttributes }]) => [id, EventAttributes.LineErrorCode ?? EventAttributes.LineStatus]);
    expect(Object.fromEntries(answers)).toEqual({
      [unknown.userId]: 'accepted',
      [known.userId]: 'accepted',
      [optedOut.userId]: 'OPTED_OUT',
      [left.userId]: 'OPTED_OUT',
      [erased.userId]: 'ERASED',
      [inactive.userId]: 'INACTIVE',
      [inactiveInTable.userId]: 'INACTIVE',
      [email.userId]: 'NOT_CUSTOM_CHANNEL',
      [malformed.userId]: 'NOT_A_LINE_USER_ID',
      [missing.userId]: 'NOT_A_LINE_USER_ID',
      'endpoint-a': 'accepted',
      'endpoint-b': 'DUPLICATE_ADDRESS',
    });
    expect(count(Object.values(reply).map(({ EventAttributes }) => EventAttributes.LineStatus))).toEqual({ accepted: 3, skipped: 9 });
    const [request] = requestsTo([known.userId]);
    expect(JSON.parse(request.body!).to.sort()).toEqual([known, twice, unknown].map(({ userId }) => userId).sort());
    expect(received([unknown, known, twice, optedOut, left, erased, inactive, inactiveInTable, email, malformed, missing]
      .map(({ userId }) => userId)).map((messages) => messages.length)).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  test('of whom none may be sent to: LINE is not called', async () => {
    const event = campaign(friends(3).map((friend) => endpoint(friend, { OptOut: 'ALL' })), 'A text for no friend');
    const requests = stage.line.requests().length;
    expect(tally(await send('text', event))).toEqual({ 'skipped OPTED_OUT': 3 });
    expect(stage.line.requests()).toHaveLength(requests);
  });

  test.each([
    ['no endpoints', { Endpoints: {} }],
    ['no `Endpoints`', { Endpoints: undefined }],
  ])('%s is answered {}', async (_what, members) => {
    const requests = stage.line.requests().length;
    expect(await send('text', { ...campaign([endpoint(friends(1)[0])], 'A text for nobody'), ...members })).toEqual({});
    expect(stage.line.requests()).toHaveLength(requests);
  });

  test('in a list instead of a map cannot be named in the reply: nobody is sent to, and the log says why', async () => {
    const people = friends(2).map((friend) => endpoint(friend));
    const event = { ...campaign(people, 'A text for a list'), Endpoints: people } as unknown as CustomChannelEvent;
    expect(await stage.invoke(sendFunction(sample, 'text'), event)).toEqual({});
    expect(received(people.map(({ Id }) => Id))).toEqual([[], []]);
    expect(await sample.log('Sender/Text')).toContainEqual(expect.objectContaining({ level: 'ERROR', code: 'INVALID_EVENT' }));
  });

  test.each([
    [50, [50]],
    [120, [120]],
    [700, [200, 500]],
  ])('%i of them are %j recipients of a request, and each gets one message', async (size, requests) => {
    const event = campaign(friends(size).map((friend) => endpoint(friend)), `For ${size}`);
    expect(tally(await send('text', event))).toEqual({ accepted: size });
    expect(requestsTo(ids(event)).map(({ body }) => JSON.parse(body!).to.length).sort((a, b) => a - b)).toEqual(requests);
    expectReceived(ids(event), { type: 'text', text: `For ${size}` });
  });
});

describe('LINE', () => {
  test.each<[string, Fault[], number[]]>([
    ['answers 500, then takes it', [faults.status(500)], [500, 200]],
    ['resets before reading, then takes it', [faults.reset()], [0, 200]],
    ['resets after taking it', [faults.reset({ accepted: true })], [0, 409]],
    ['answers 500 after taking it', [faults.status(500, undefined, { accepted: true })], [500, 409]],
    ['is silent after taking it', [faults.timeout({ accepted: true })], [0, 409]],
    ['holds it back once, then takes it', [faults.status(429)], [429, 200]],
    ['is behind a proxy that answers in HTML, then takes it', [faults.html(502)], [502, 200]],
    ['is at work on it still, then takes it', [faults.status(409)], [409, 200]],
    ['breaks off its answer', [faults.malformedJson({ accepted: true })], [200]],
  ])('%s: everybody gets one message, by the same bytes and key', async (_what, plan, statuses) => {
    // GIVEN
    stage.line.script('multicast', ...plan);
    const event = campaign(friends(3).map((friend) => endpoint(friend)), 'One text each');
    // WHEN
    const reply = await send('text', event);
    // THEN
    expect(tally(reply)).toEqual({ accepted: 3 });
    expectSameRequest(ids(event), statuses);
    expectReceived(ids(event), { type: 'text', text: 'One text each' });
    // AND the reply names the request that LINE accepted.
    const accepted = requestsTo(ids(event)).filter((request) => request.accepted);
    expect(accepted).toHaveLength(1);
    expect(new Set(Object.values(reply).map(({ EventAttributes }) => EventAttributes.LineRequestId))).toEqual(new Set([accepted[0].requestId]));
  });

  test('refuses a token that has expired: the send goes on with one fresh token', async () => {
    // GIVEN
    await send('text', campaign([endpoint(friends(1)[0])], 'A text before'));
    const tokens = stage.line.requests('issueStatelessToken').length;
    stage.line.script('multicast', faults.expiredToken());
    const event = campaign(friends(2).map((friend) => endpoint(friend)), 'A text after');
    // WHEN
    const reply = await send('text', event);
    // THEN
    expect(tally(reply)).toEqual({ accepted: 2 });
    expectSameRequest(ids(event), [401, 200]);
    expect(stage.line.requests('issueStatelessToken')).toHaveLength(tokens + 1);
    expectReceived(ids(event), { type: 'text', text: 'A text after' });
  });

  test('refuses every token: failed and nothing sent, and a repeat sends it once LINE takes tokens again', async () => {
    // GIVEN
    stage.line.always('multicast', faults.status(401));
    const event = journey(friends(2).map((friend) => endpoint(friend)), 'A text for another token');
    // WHEN
    const reply = await send('text', event);
    // THEN
    expect(tally(reply)).toEqual({ 'failed CREDENTIALS_UNAVAILABLE': 2 });
    expectSameRequest(ids(event), [401, 401]);
    // WHEN
    stage.line.clearFaults();
    // THEN
    expect(tally(await send('text', event))).toEqual({ accepted: 2 });
    expectSameRequest(ids(event), [401, 401, 200]);
    expectReceived(ids(event), { type: 'text', text: 'A text for another token' });
  });

  test('refuses the batch: failed for good, in the journal too', async () => {
    // GIVEN
    stage.line.script('multicast', faults.status(400));
    const event = campaign(friends(2).map((friend) => endpoint(friend)), 'A refused text');
    // WHEN
    const first = await send('text', event);
    const repeated = await send('text', event);
    // THEN
    expect(tally(first)).toEqual({ 'failed LINE_REFUSED': 2 });
    expect(repeated).toEqual(first);
    expectSameRequest(ids(event), [400]);
    expectReceived(ids(event));
    expect(await batchesOf(event)).toEqual([expect.objectContaining({ state: 'FAILED', attempts: 1, outcome: expect.objectContaining({ code: 'LINE_REFUSED', status: 400 }) })]);
  });

  test('gets an event that Pinpoint repeats only once', async () => {
    const event = campaign(friends(2).map((friend) => endpoint(friend)), 'A repeated text');
    const first = await send('text', event);
    expect(await send('text', event)).toEqual(first);
    expectSameRequest(ids(event), [200]);
    expectReceived(ids(event), { type: 'text', text: 'A repeated text' });
  });

  test('gets the same event only once when it comes three times at once', async () => {
    // GIVEN
    const event = campaign(friends(3).map((friend) => endpoint(friend)), 'Three times at once');
    const hold = stage.line.hold('multicast');
    // WHEN
    const sending = [1, 2, 3].map(async () => send('text', event));
    await stage.line.held(hold);
    // AND the function has had the time to answer somebody else, and so the time to call LINE for the other two.
    for (const friend of friends(3)) {
      await send('text', journey([endpoint(friend)], 'long'.repeat(MAX_TEXT_LENGTH)));
    }
    expect(requestsTo(ids(event))).toHaveLength(1);
    stage.line.release(hold);
    const [first, ...others] = await Promise.all(sending);
    // THEN
    expect(tally(first)).toEqual({ accepted: 3 });
    expect(others).toEqual([first, first]);
    expect(requestsTo(ids(event)).filter(({ accepted }) => accepted)).toHaveLength(1);
    expectReceived(ids(event), { type: 'text', text: 'Three times at once' });
  });

  test('holds batches back until the functions give up: undecided, nothing sent, and a repeat sends it', async () => {
    // GIVEN
    stage.line.always('multicast', faults.status(429));
    const fromJourney = journey(friends(2).map((friend) => endpoint(friend)), 'A text for later');
    const fromCampaign = campaign(friends(2).map((friend) => endpoint(friend)), 'A text for later');
    // WHEN
    const [reply, error] = await Promise.all([send('text', fromJourney), send('text', fromCampaign).catch((reason: Error) => reason)]);
    // THEN
    expect(tally(reply)).toEqual({ 'unknown LINE_RATE_LIMITED': 2 });
    expect(String(error)).toContain('1 batch of campaign/');
    expect(String(error)).toContain('not decided (LINE_RATE_LIMITED)');
    for (const event of [fromJourney, fromCampaign]) {
      expectReceived(ids(event));
      expect(await batchesOf(event)).toEqual([expect.objectContaining({ state: 'READY' })]);
      expect((await batchesOf(event))[0]).toHaveProperty('firstAttemptAt');
    }
    // WHEN
    stage.line.clearFaults();
    // THEN
    for (const event of [fromJourney, fromCampaign]) {
      expect(tally(await send('text', event))).toEqual({ accepted: 2 });
      expect(new Set(requestsTo(ids(event)).map(({ retryKey }) => retryKey)).size).toBe(1);
      expectReceived(ids(event), { type: 'text', text: 'A text for later' });
    }
  });

  test('refuses what it may have taken before: Lambda tries three times, then the failure queue keeps the event, which can be sent again', async () => {
    // GIVEN
    stage.line.script('multicast', faults.reset());
    stage.line.always('multicast', faults.status(400));
    const event = campaign(friends(2).map((friend) => endpoint(friend)), 'A text that is kept');
    // WHEN
    await sendAsynchronously('text', event);
    // THEN
    const [{ requestPayload, requestContext }] = await failures(sample);
    expect(requestPayload).toEqual(event);
    expect(requestContext.condition).toBe('RetriesExhausted');
    expectSameRequest(ids(event), [0, 400, 400, 400]);
    expectReceived(ids(event));
    // WHEN
    stage.line.clearFaults();
    const reply = await send('text', requestPayload);
    // THEN
    expect(tally(reply)).toEqual({ accepted: 2 });
    expectSameRequest(ids(event), [0, 400, 400, 400, 200]);
    expectReceived(ids(event), { type: 'text', text: 'A text that is kept' });
  });
});

describe('LINE takes batches and resets every connection until the functions give up', () => {
  let staying: LineUser;
  let leaving: LineUser;
  let renamed: LineUser;
  let fromJourney: CustomChannelEvent;
  let fromCampaign: CustomChannelEvent;
  let asynchronous: CustomChannelEvent;
  let journeyReply: CustomChannelReply;
  let campaignError: Error;
  let versions: string[];

  beforeAll(async () => {
    // GIVEN
    [staying, leaving, renamed] = friends(3);
    for (const person of [staying, leaving, renamed]) {
      await stage.line.follow(person);
    }
    await eventually(async () => expect((await Promise.all([staying, leaving, renamed].map(async ({ userId }) => sample.subscriber(userId)))))
      .toEqual(Array(3).fill(expect.objectContaining({ OptOut: 'NONE' }))));
    versions = [await upload('image', 'news.png', 'image/png', 'before')];
    fromJourney = journey([staying, leaving, renamed].map((friend) => endpoint(friend)), 'news.png');
    fromCampaign = campaign(friends(2).map((friend) => endpoint(friend)), 'A text that is reset');
    asynchronous = campaign(friends(2).map((friend) => endpoint(friend)));
    // WHEN
    stage.line.always('multicast', faults.reset({ accepted: true }));
    await sendAsynchronously('audio', asynchronous);
    [journeyReply, campaignError] = await Promise.all([
      send('image', fromJourney), send('text', fromCampaign).then(() => new Error('did not fail'), (reason: Error) => reason),
    ]);
    // AND the asynchronous invocation's first attempt has given up, too.
    await eventually(async () => expect((await sample.log('Sender/Audio')).map(({ code }) => code)).toContain('LINE_UNDECIDED'));
    // AND the world changes in between.
    await stage.line.unfollow(leaving.userId);
    stage.line.updateProfile(renamed.userId, { displayName: `${DISPLAY_NAME} the Second` });
    await eventually(async () => expect(await sample.subscriber(leaving.userId)).toMatchObject({ OptOut: 'ALL' }));
    versions.push(await upload('image', 'news.png', 'image/png', 'after'));
    stage.line.clearFaults();
  }, TEST_LIMIT_MS);

  test('a journey is told that it is undecided, and its repeat sends the same bytes under the same key: nobody gets it twice', async () => {
    // GIVEN
    expect(tally(journeyReply)).toEqual({ 'unknown LINE_UNDECIDED': 3 });
    expect(versions[1]).not.toBe(versions[0]);
    const changed = journey([
      endpoint(staying), endpoint(leaving, { OptOut: 'ALL' }), endpoint({ ...renamed, displayName: `${DISPLAY_NAME} the Second` }),
    ], 'news.png');
    const attempts = requestsTo(ids(fromJourney)).length;
    // WHEN
    const reply = await send('image', { ...fromJourney, Endpoints: changed.Endpoints });
    // THEN
    expect(tally(reply)).toEqual({ accepted: 3 });
    expectSameRequest(ids(fromJourney), [...Array(attempts).fill(0), 409]);
    const { body } = requestsTo(ids(fromJourney))[0];
    expect(JSON.parse(body!).to.sort()).toEqual(ids(fromJourney).sort());
    expect(received(ids(fromJourney)).map((messages) => messages.length)).toEqual([1, 1, 1]);
    expect(messageOf(staying.userId).originalContentUrl).toContain(`/${versions[0]}/`);
  });

  test('a campaign\'s invocation fails, and the repeat of its event is accepted: nobody gets it twice', async () => {
    expect(campaignError.message).toContain('not decided (LINE_UNDECIDED)');
    expect(await batchesOf(fromCampaign)).toEqual([expect.objectContaining({ state: 'AMBIGUOUS', ambiguous: true })]);
    expect(tally(await send('text', fromCampaign))).toEqual({ accepted: 2 });
    expect(new Set(requestsTo(ids(fromCampaign)).map(({ retryKey, body }) => `${retryKey} ${body}`)).size).toBe(1);
    expectReceived(ids(fromCampaign), { type: 'text', text: 'A text that is reset' });
  });

  test('Lambda\'s own retry decides an asynchronous invocation: nobody gets it twice, and the failure queue stays empty', async () => {
    await eventually(async () => expect(await batchesOf(asynchronous)).toEqual([expect.objectContaining({ state: 'ACCEPTED' })]));
    expect(requestsTo(ids(asynchronous)).pop()).toMatchObject({ status: 409 });
    expect(new Set(requestsTo(ids(asynchronous)).map(({ retryKey, body }) => `${retryKey} ${body}`)).size).toBe(1);
    expect(received(ids(asynchronous)).map((messages) => messages.length)).toEqual([1, 1]);
    expect(await sample.stack.queueDepth(sample.resource('Sender/Failures'))).toBe(0);
  });
});

test('without credentials nothing is sent; once the secret is filled in, the same events are', async () => {
  // GIVEN
  const fromJourney = journey(friends(2).map((friend) => endpoint(friend)), 'From a journey');
  const fromCampaign = campaign(friends(2).map((friend) => endpoint(friend)), 'From a campaign');
  const asynchronous = campaign(friends(2).map((friend) => endpoint(friend)), 'From an asynchronous campaign');
  // WHEN
  const reply = await send('text', fromJourney, plain);
  const error = await send('text', fromCampaign, plain).catch((reason: Error) => reason);
  await sendAsynchronously('text', asynchronous, plain);
  // THEN
  expect(tally(reply)).toEqual({ 'failed CREDENTIALS_UNAVAILABLE': 2 });
  expect(String(error)).toContain('not decided (CREDENTIALS_UNAVAILABLE)');
  const [{ requestPayload }] = await failures(plain);
  expect(requestPayload).toEqual(asynchronous);
  expect(await plain.log('Sender/Text')).toContainEqual(expect.objectContaining({
    level: 'ERROR', code: 'CREDENTIALS_UNAVAILABLE', lineAnswer: expect.stringContaining('channelId'),
  }));
  for (const event of [fromJourney, fromCampaign, asynchronous]) {
    expectReceived(ids(event));
  }
  // WHEN
  await plain.fillSecret(CREDENTIALS);
  // THEN the function, which has read an empty secret, reads it again.
  for (const event of [fromJourney, fromCampaign, requestPayload]) {
    await eventually(async () => expect(tally(await send('text', event, plain))).toEqual({ accepted: 2 }));
    expectReceived(ids(event), { type: 'text', text: event.Data });
    expectSameRequest(ids(event), [200]);
  }
});

test('one bucket serves all types: a key is looked for behind the type\'s prefix', async () => {
  // GIVEN
  const bucketName = plain.stack.resource('Media');
  await stage.allowPlainHttp(bucketName);
  await put(bucketName, 'image/one.png', 'image/png', 'behind the prefix');
  await put(bucketName, 'one.png', 'image/png', 'not behind the prefix');
  const [friend] = friends(1);
  // WHEN the function has read the secret after it was filled in
  await eventually(async () => expect(tally(await send('image', journey([endpoint(friend)], 'one.png'), plain))).toEqual({ accepted: 1 }));
  // THEN
  expect((await open(messageOf(friend.userId).originalContentUrl)).body.toString()).toBe('behind the prefix');
});

test('a channel secret that was reissued and put into the secret is used as soon as LINE refuses the old token', async () => {
  // GIVEN
  stage.line.setChannelSecret(NEW_CHANNEL_SECRET);
  stage.line.expireTokens();
  await sample.fillSecret({ ...CREDENTIALS, channelSecret: NEW_CHANNEL_SECRET });
  const event = journey(friends(2).map((friend) => endpoint(friend)), 'A text under a new secret');
  // THEN at the latest when the function reads the secret again, which it does every ten seconds at most.
  await eventually(async () => expect(tally(await send('text', event))).toEqual({ accepted: 2 }));
  expectReceived(ids(event), { type: 'text', text: 'A text under a new secret' });
});

// ---------------------------------------------------------------------------------------------------- afterwards

describe('afterwards', () => {
  test('the books balance: accepted, skipped, failed and unknown are all endpoints of every event, in reply and journal alike', async () => {
    expect(sent.size).toBeGreaterThan(50);
    for (const { event, reply } of sent.values()) {
      const batches = await batchesOf(event);
      const journalled = count(batches.flatMap(({ state, body, excluded }) => [
        ...JSON.parse(String(body)).to.map(() => STATUSES[String(state)]),
        ...JSON.parse(String(excluded ?? '[]')).map(([, status]: [string, string]) => status),
      ]));
      if (batches.length > 0) {
        expect(Object.values(journalled).reduce((sum, n) => sum + n, 0)).toBe(ids(event).length);
      }
      const statuses = Object.values(reply ?? {}).map(({ EventAttributes }) => EventAttributes.LineStatus);
      if (reply && batches.length > 0) {
        expect(count(statuses)).toEqual(journalled);
      }
      // AND LINE has accepted what reply and journal call so, and nothing else.
      const accepted = requestsTo(ids(event)).flatMap((request) => (request.accepted ? JSON.parse(request.body!).to : []));
      expect(accepted).toHaveLength(journalled.accepted ?? 0);
      expect(statuses.filter((status) => status === 'accepted')).toHaveLength(reply ? accepted.length : 0);
    }
  });

  test('no request broke a rule of LINE', () => {
    expect(stage.line.violations()).toEqual([]);
  });

  test('no log group holds a text, a token, a signature, a secret or a display name', async () => {
    const groups = await logGroups();
    const lines = (await Promise.all(groups.map(async (name) => sample.stack.logLines(name)))).flat();
    const data = [...sent.values()].flatMap(({ event }) => event.Data?.trim() || []);
    const texts = data.filter((text) => !/\.(png|jpe?g|gif|m4a|mp3|mp4)/i.test(text));
    const signatures = stage.line.webhookAttempts().flatMap(({ signature }) => signature ?? []);
    const tokens = stage.line.accessTokens();
    const escaped = texts.map((text) => JSON.stringify(text).slice(1, -1));
    const secrets = [...texts, ...escaped, SAMPLE_TEXT, DISPLAY_NAME, CREDENTIALS.channelSecret, NEW_CHANNEL_SECRET, ...signatures, ...tokens];
    expect(Math.min(texts.length, signatures.length, tokens.length)).toBeGreaterThan(0);
    // The logs are the functions' own: there is something to be found in them.
    expect(lines.some((line) => line.includes('SEND_ACCEPTED'))).toBe(true);
    expect(secrets.filter((secret) => lines.some((line) => line.includes(secret)))).toEqual([]);
  });
});

/** What a batch's state is in the books. A batch that was held back is pending. */
const STATUSES: Record<string, string> = { ACCEPTED: 'accepted', FAILED: 'failed', UNKNOWN: 'unknown', AMBIGUOUS: 'unknown', READY: 'unknown' };

/** The journal's items of an event, as plain values. */
async function batchesOf(event: CustomChannelEvent): Promise<Record<string, unknown>[]> {
  const { channel } = remember(event, sample);
  const addresses = new Set(Object.values(event.Endpoints ?? {}).map(({ Address }) => Address));
  const rows = await channel.stack.rows(channel.resource('Sender/Journal'));
  return rows.filter(({ body }) => JSON.parse(String(body)).to.some((to: string) => addresses.has(to)));
}

interface Failure {
  readonly requestContext: { readonly condition: string };
  readonly requestPayload: CustomChannelEvent;
}

/** What the channel's failure queue holds, once it holds something; it is empty afterwards. */
async function failures(channel: DeployedChannel): Promise<Failure[]> {
  return eventually(async () => {
    const messages = await channel.stack.drain(channel.resource('Sender/Failures'));
    expect(messages).toHaveLength(1);
    return messages.map(({ Body }) => JSON.parse(Body!) as Failure);
  });
}

/** Names of all log groups of the emulator. */
async function logGroups(): Promise<string[]> {
  const response = await fetch(stage.endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'Logs_20140328.DescribeLogGroups' },
    body: JSON.stringify({ limit: 50 }),
  });
  const { logGroups: groups, nextToken } = await response.json() as { logGroups: { logGroupName: string }[]; nextToken?: string };
  expect(nextToken).toBeUndefined();
  return groups.map(({ logGroupName }) => logGroupName);
}
