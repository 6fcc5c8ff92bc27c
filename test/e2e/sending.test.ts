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
import { ChunkSendEvent, ChunkSendResult } from '../../src/contract/chunk-send';
import { CustomChannelEvent, CustomChannelReply } from '../../src/contract/custom-channel';
import { ENV_RETRY_QUEUE_URL } from '../../src/contract/environment';
import { MAX_PREVIEW_BYTES, MAX_TEXT_LENGTH } from '../../src/contract/limits';
import { IMAGEMAP_SIZES, MessageType, SendFunctionType, SAMPLE_AUDIO_DURATION_MS, SAMPLE_MEDIA_KEYS, SAMPLE_TEXT } from '../../src/contract/media';
import { Metric } from '../../src/contract/metrics';
import { BatchState, SendBatch } from '../../src/contract/send-journal';
import { DEFAULT_CHANNEL_KEY, SORT_KEY_ENDPOINT, subscriberPartitionKey } from '../../src/contract/subscriber';
import { readEvent } from '../../src/domain/line/custom-channel-event';
import { bookOf } from '../../src/domain/line/send-books';
import { RunBooks } from '../../src/runtime/send-books-reader';
import { batchFromItem, isBatchItem } from '../../src/runtime/send-journal-store';
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
const TYPES = ['text', 'image', 'audio', 'video'] as const;

let stage: Stage;
/** `examples/pinpoint-sample`: a Pinpoint project's channel with sample messages. */
let sample: DeployedChannel;
/** Without Pinpoint and sample messages, media of all types in one bucket. Its secret is empty at first. */
let plain: DeployedChannel;
/** The same with one function for every type, and a queue for what its sender says on the bus. */
let any: DeployedChannel;

beforeAll(async () => {
  stage = await startStage({ pinpoint: { applicationIds: [APPLICATION_ID] } });
  sample = await deployChannel(stage, {
    app: 'examples/pinpoint-sample/app.ts', stackName: 'LinePinpointSample', context: { applicationId: APPLICATION_ID }, applicationId: APPLICATION_ID,
  });
  await sample.start();
  plain = await deployChannel(stage, { app: 'test/e2e/fixtures/sending-channel/app.ts', stackName: 'SendingChannel' });
  any = plain.stack.channel({ id: 'Any' });
  await any.fillSecret(CREDENTIALS);
  // The retry queue waits until it is asked: no test meets what another one has left in it.
  for (const channel of [sample, plain, any]) {
    await channel.stack.setTrigger(channel.resource('Sender/Resume'), false);
  }
  for (const bucket of [...Object.values(BUCKETS).map((path) => sample.resource(path)), plain.stack.resource('Media')]) {
    await stage.allowPlainHttp(bucket);
  }
}, DEPLOY_LIMIT_MS);
afterAll(async () => stage?.stop());
afterEach(() => stage?.line.clearFaults());
jest.setTimeout(TEST_LIMIT_MS);

// ---------------------------------------------------------------------------------------------------- people and events

/** A well-formed user id that LINE does not know. */
const NOBODY = lineUserId('nobody');
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

/** Every event that was sent, by `keyOf`. */
const sent = new Map<string, Sent>();

function sendFunction(channel: DeployedChannel, type: SendFunctionType): string {
  return channel.resource(`Sender/${type[0].toUpperCase()}${type.slice(1)}`);
}

/** Sends an event as Pinpoint does, and checks of the reply what holds for every reply. */
async function send(type: SendFunctionType, event: CustomChannelEvent, channel: DeployedChannel = sample): Promise<CustomChannelReply> {
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
  const record = sent.get(keyOf(event)) ?? { channel, event };
  sent.set(keyOf(event), record);
  return record;
}

/** Where an event was sent. */
function channelOf(event: CustomChannelEvent): DeployedChannel {
  return sent.get(keyOf(event))?.channel ?? sample;
}

/** What an event and its repeats have in common. */
const keyOf = (event: CustomChannelEvent) => [event.CampaignId ?? event.JourneyRunId, ...ids(event).sort()].join();

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

/** Multicasts and pushes to these people, those included that LINE did not read. */
function requestsTo(people: readonly string[]): LineRequestRecord[] {
  const all = stage.line.requests().filter(({ operation }) => operation === 'multicast' || operation === 'push');
  const named = all.filter(({ body }) => body && [JSON.parse(body).to].flat().some((to: string) => people.includes(to)));
  const keys = new Set(named.map(({ retryKey }) => retryKey));
  return all.filter(({ retryKey }) => keys.has(retryKey));
}

/** Whom of the people LINE has accepted a message for, as often as it has. */
function acceptedPeople(people: readonly string[]): string[] {
  return requestsTo(people).flatMap(({ accepted, body }) => (accepted ? [JSON.parse(body!).to].flat() : []));
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

  test.each<[typeof TYPES[number], string | undefined]>(TYPES.flatMap((type) => [[type, undefined], [type, '  ']]))(
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
    ['a message type that LINE does not have', 'text', '{"type":"hologram","text":"hi"}', 'UNSUPPORTED_CONTENT'],
    ['a message that lacks a member', 'text', '{"type":"sticker","packageId":"1"}', 'INVALID_CONTENT'],
    ['a template that is nowhere', 'text', '{"template":"nowhere"}', 'TEMPLATE_NOT_FOUND'],
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
    // AND the log says what is wrong, and the journal of how many people.
    const [batch] = await batchesOf(event);
    expect(await sample.log(`Sender/${type[0].toUpperCase()}${type.slice(1)}`)).toContainEqual(expect.objectContaining({
      level: 'ERROR', code, message: expect.any(String), batchId: batch.batchId,
    }));
    expect(bookOf([batch])).toMatchObject({ recipients: 3, failed: 2, skipped: 1, reasons: { [code]: 2, OPTED_OUT: 1 } });
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

  test('refuses every token: deferred and nothing sent, and the retry queue sends it once LINE takes tokens again', async () => {
    // GIVEN
    stage.line.always('multicast', faults.status(401));
    const event = journey(friends(2).map((friend) => endpoint(friend)), 'A text for another token');
    // WHEN
    const reply = await send('text', event);
    // THEN
    expect(tally(reply)).toEqual({ 'deferred CREDENTIALS_UNAVAILABLE': 2 });
    expectSameRequest(ids(event), [401, 401]);
    // WHEN
    stage.line.clearFaults();
    // THEN
    await expectResumed(event);
    expectReceived(ids(event), { type: 'text', text: 'A text for another token' });
  });

  test('refuses the batch for good: failed, in the journal too', async () => {
    // GIVEN
    stage.line.script('multicast', faults.status(403));
    const event = campaign(friends(2).map((friend) => endpoint(friend)), 'A refused text');
    // WHEN
    const first = await send('text', event);
    const repeated = await send('text', event);
    // THEN
    expect(tally(first)).toEqual({ 'failed LINE_REFUSED': 2 });
    expect(repeated).toEqual(first);
    expectSameRequest(ids(event), [403]);
    expectReceived(ids(event));
    expect(await batchesOf(event)).toEqual([expect.objectContaining({ state: 'FAILED', attempts: 1, outcome: { code: 'LINE_REFUSED', status: 403 } })]);
  });

  test('finds the content wrong before the first call: failed, and nobody is sent to', async () => {
    // GIVEN
    stage.line.script('validateMulticast', faults.status(400));
    const event = campaign(friends(2).map((friend) => endpoint(friend)), 'A text that LINE does not like');
    // WHEN
    const reply = await send('text', event);
    // THEN
    expect(tally(reply)).toEqual({ 'failed LINE_REFUSED_CONTENT': 2 });
    expect(requestsTo(ids(event))).toEqual([]);
  });

  test('is asked once about a content, whatever the number of its events', async () => {
    const asked = stage.line.requests('validateMulticast').length;
    const event = campaign(friends(3).map((friend) => endpoint(friend)), 'A text that LINE is asked about once');
    for (const [id, one] of Object.entries(event.Endpoints!)) {
      expect(tally(await send('text', { ...event, Endpoints: { [id]: one } }))).toEqual({ accepted: 1 });
    }
    expect(stage.line.requests('validateMulticast')).toHaveLength(asked + 1);
    expectReceived(ids(event), { type: 'text', text: 'A text that LINE is asked about once' });
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

  test.each(['conflict', 'process'] as const)('holds a first call open while its repeat arrives, and answers the repeat by %s: everybody gets one message', async (concurrentRepeat) => {
    // GIVEN
    stage.line.configure({ concurrentRepeat });
    const event = campaign(friends(3).map((friend) => endpoint(friend)), 'One text, whoever is first');
    const hold = stage.line.hold('multicast');
    // WHEN the first call is given up after a while, and the same call is made again.
    const sending = send('text', event);
    await stage.line.held(hold);
    await eventually(() => expect(requestsTo(ids(event)).length).toBeGreaterThan(1));
    stage.line.release(hold);
    // THEN
    await sending;
    await expectResumed(event);
    expect(requestsTo(ids(event)).filter(({ accepted }) => accepted)).toHaveLength(1);
    expect(new Set(requestsTo(ids(event)).map(({ retryKey, body }) => `${retryKey} ${body}`)).size).toBe(1);
    expectReceived(ids(event), { type: 'text', text: 'One text, whoever is first' });
  });

  test('holds batches back until the functions give up: deferred, a repeat leaves them to the retry queue, which sends them', async () => {
    // GIVEN
    stage.line.always('multicast', faults.status(429));
    const fromJourney = journey(friends(2).map((friend) => endpoint(friend)), 'A text for later');
    const fromCampaign = campaign(friends(2).map((friend) => endpoint(friend)), 'A text for later');
    // WHEN
    const replies = await Promise.all([send('text', fromJourney), send('text', fromCampaign)]);
    // THEN
    expect(replies.map(tally)).toEqual([{ 'deferred LINE_RATE_LIMITED': 2 }, { 'deferred LINE_RATE_LIMITED': 2 }]);
    for (const event of [fromJourney, fromCampaign]) {
      expectReceived(ids(event));
      expect(await batchesOf(event)).toEqual([expect.objectContaining({ state: 'READY', deferred: true, firstAttemptAt: expect.any(Number) })]);
    }
    // WHEN
    stage.line.clearFaults();
    const requests = requestsTo(ids(fromCampaign)).length;
    expect(tally(await send('text', fromCampaign))).toEqual({ 'deferred LINE_RATE_LIMITED': 2 });
    expect(requestsTo(ids(fromCampaign))).toHaveLength(requests);
    // THEN
    for (const event of [fromJourney, fromCampaign]) {
      await expectResumed(event);
      expect(new Set(requestsTo(ids(event)).map(({ retryKey }) => retryKey)).size).toBe(1);
      expectReceived(ids(event), { type: 'text', text: 'A text for later' });
    }
    // AND a repeat now says so.
    expect(tally(await send('text', fromCampaign))).toEqual({ accepted: 2 });
  });

  test('refuses what it may have taken before: neither failed nor split, and sent by the same bytes and key', async () => {
    // GIVEN
    stage.line.script('multicast', faults.reset());
    stage.line.always('multicast', faults.status(400));
    const event = campaign(friends(2).map((friend) => endpoint(friend)), 'A text that is kept');
    // WHEN
    const reply = await send('text', event);
    // THEN
    expect(tally(reply)).toEqual({ 'deferred LINE_UNDECIDED': 2 });
    expect(await statesOf(event)).toEqual(['AMBIGUOUS']);
    expectReceived(ids(event));
    // WHEN
    stage.line.clearFaults();
    // THEN
    await expectResumed(event);
    expect(new Set(requestsTo(ids(event)).map(({ retryKey, body = '' }) => `${retryKey} ${body}`)).size).toBeLessThanOrEqual(2);
    expect(requestsTo(ids(event)).map(({ status }) => status)).toEqual([0, ...Array(requestsTo(ids(event)).length - 2).fill(400), 200]);
    expectReceived(ids(event), { type: 'text', text: 'A text that is kept' });
  });
});

test('an event that cannot be written down: Lambda tries three times, then the failure queue keeps it, and it can be sent again', async () => {
  // GIVEN
  const event = campaign(friends(2).map((friend) => endpoint(friend)), 'A text that nobody could write down');
  const text = sendFunction(sample, 'text');
  await sample.stack.withEnvironment(text, { [ENV_RETRY_QUEUE_URL]: `${sample.resource('Sender/Retry')}-gone` }, async () => {
    // WHEN
    await sendAsynchronously('text', event);
    // THEN
    const [{ requestPayload, requestContext }] = await failures(sample);
    expect(requestPayload).toEqual(event);
    expect(requestContext.condition).toBe('RetriesExhausted');
    expect(requestsTo(ids(event))).toEqual([]);
    expect(await batchesOf(event)).toEqual([]);
  });
  // WHEN
  const reply = await send('text', event);
  // THEN
  expect(tally(reply)).toEqual({ accepted: 2 });
  expectReceived(ids(event), { type: 'text', text: 'A text that nobody could write down' });
});

describe('LINE takes batches and resets every connection until the functions give up', () => {
  let staying: LineUser;
  let leaving: LineUser;
  let renamed: LineUser;
  let fromJourney: CustomChannelEvent;
  let fromCampaign: CustomChannelEvent;
  let asynchronous: CustomChannelEvent;
  let replies: CustomChannelReply[];
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
    replies = await Promise.all([send('image', fromJourney), send('text', fromCampaign)]);
    // AND the asynchronous invocation has given up, too.
    await eventually(async () => expect(await batchesOf(asynchronous)).toEqual([expect.objectContaining({ deferred: true })]));
    // AND the world changes in between.
    await stage.line.unfollow(leaving.userId);
    stage.line.updateProfile(renamed.userId, { displayName: `${DISPLAY_NAME} the Second` });
    await eventually(async () => expect(await sample.subscriber(leaving.userId)).toMatchObject({ OptOut: 'ALL' }));
    versions.push(await upload('image', 'news.png', 'image/png', 'after'));
    stage.line.clearFaults();
  }, TEST_LIMIT_MS);

  test('the callers are told that it is deferred, and no invocation fails', async () => {
    expect(replies.map(tally)).toEqual([{ 'deferred LINE_UNDECIDED': 3 }, { 'deferred LINE_UNDECIDED': 2 }]);
    expect(await sample.stack.queueDepth(sample.resource('Sender/Failures'))).toBe(0);
  });

  test('the retry queue decides it with the same bytes under the same key, whatever has changed: nobody gets it twice', async () => {
    for (const event of [fromJourney, fromCampaign]) {
      await expectResumed(event);
      const requests = requestsTo(ids(event));
      expect(requests[requests.length - 1]).toMatchObject({ status: 409 });
      expectSameRequest(ids(event), [...Array(requests.length - 1).fill(0), 409]);
    }
    const { body } = requestsTo(ids(fromJourney))[0];
    expect(JSON.parse(body!).to.sort()).toEqual(ids(fromJourney).sort());
    expect(received(ids(fromJourney)).map((messages) => messages.length)).toEqual([1, 1, 1]);
    expect(messageOf(staying.userId).originalContentUrl).toContain(`/${versions[0]}/`);
    expectReceived(ids(fromCampaign), { type: 'text', text: 'A text that is reset' });
  });

  test('a repeat of the event then gets the outcome, and sends nothing', async () => {
    const changed = journey([
      endpoint(staying), endpoint(leaving, { OptOut: 'ALL' }), endpoint({ ...renamed, displayName: `${DISPLAY_NAME} the Second` }),
    ], 'news.png');
    const requests = requestsTo(ids(fromJourney)).length;
    expect(tally(await send('image', { ...fromJourney, Endpoints: changed.Endpoints }))).toEqual({ accepted: 3 });
    expect(requestsTo(ids(fromJourney))).toHaveLength(requests);
  });

  test('the queue\'s own wake-up decides what nobody asks for again', async () => {
    await sample.stack.setTrigger(sample.resource('Sender/Resume'), true);
    await eventually(async () => expect(await statesOf(asynchronous)).toEqual(['ACCEPTED']), TEST_LIMIT_MS);
    expect(requestsTo(ids(asynchronous)).pop()).toMatchObject({ status: 409 });
    expect(new Set(requestsTo(ids(asynchronous)).map(({ retryKey, body }) => `${retryKey} ${body}`)).size).toBe(1);
    expect(received(ids(asynchronous)).map((messages) => messages.length)).toEqual([1, 1]);
  }, 2 * TEST_LIMIT_MS);
});

test('without credentials nothing is sent; once the secret is filled in, the retry queue sends it', async () => {
  // GIVEN
  const fromJourney = journey(friends(2).map((friend) => endpoint(friend)), 'From a journey');
  const fromCampaign = campaign(friends(2).map((friend) => endpoint(friend)), 'From a campaign');
  // WHEN
  const replies = [await send('text', fromJourney, plain), await send('text', fromCampaign, plain)];
  // THEN
  expect(replies.map(tally)).toEqual([{ 'deferred CREDENTIALS_UNAVAILABLE': 2 }, { 'deferred CREDENTIALS_UNAVAILABLE': 2 }]);
  expect(await plain.log('Sender/Text')).toContainEqual(expect.objectContaining({
    level: 'ERROR', code: 'CREDENTIALS_UNAVAILABLE', lineAnswer: expect.stringContaining('channelId'),
  }));
  for (const event of [fromJourney, fromCampaign]) {
    expectReceived(ids(event));
  }
  // WHEN
  await plain.fillSecret(CREDENTIALS);
  // THEN the function, should it have read an empty secret, reads it again.
  for (const event of [fromJourney, fromCampaign]) {
    await expectResumed(event);
    expectReceived(ids(event), { type: 'text', text: event.Data });
    expectSameRequest(ids(event), [200]);
  }
});

test('one bucket serves all types: a key is looked for behind the type\'s prefix', async () => {
  // GIVEN
  const bucketName = plain.stack.resource('Media');
  await put(bucketName, 'image/one.png', 'image/png', 'behind the prefix');
  await put(bucketName, 'one.png', 'image/png', 'not behind the prefix');
  const [friend] = friends(1);
  // WHEN the function has read the secret after it was filled in
  await eventually(async () => expect(tally(await send('image', journey([endpoint(friend)], 'one.png'), plain))).toEqual({ accepted: 1 }));
  // THEN
  expect((await open(messageOf(friend.userId).originalContentUrl)).body.toString()).toBe('behind the prefix');
});

describe('a function of every type', () => {
  /** Bytes of five sizes, as the designer uploads them. */
  async function putImagemap(key: string): Promise<void> {
    for (const size of IMAGEMAP_SIZES) {
      await put(any.stack.resource('Media'), `image/${key}/${size}`, 'image/png', `${key} ${size}`);
    }
  }

  const COUPON = '01JYNW8JMQVFBNWF1APF8Z3FS7';
  const AREA = { x: 0, y: 0, width: 520, height: 1040 };
  const LINK = expect.stringMatching(/^https:\/\/.+\/(image|audio|video)\/.+/);

  test.each<[string, object | string, object]>([
    ['text', 'Plain data', { type: 'text', text: 'Plain data' }],
    ['text', { type: 'text', text: 'Quick', quickReply: { items: [{ type: 'action', action: { type: 'message', label: 'Yes', text: 'yes' } }] } }, expect.objectContaining({ type: 'text', text: 'Quick' })],
    [
      'textV2',
      { type: 'textV2', text: 'Hello {name}', substitution: { name: { type: 'emoji', productId: '5ac1bfd5040ab15980c9b435', emojiId: '001' } } },
      expect.objectContaining({ type: 'textV2', text: 'Hello {name}' }),
    ],
    ['sticker', { type: 'sticker', packageId: '446', stickerId: '1988' }, { type: 'sticker', packageId: '446', stickerId: '1988' }],
    ['image', { key: 'a.png' }, { type: 'image', originalContentUrl: LINK, previewImageUrl: LINK }],
    ['video', { key: 'a.mp4', previewKey: 'cover.png', trackingId: 'film-1' }, { type: 'video', originalContentUrl: LINK, previewImageUrl: LINK, trackingId: 'film-1' }],
    ['audio', { key: 'a.m4a', duration: 2_000 }, { type: 'audio', originalContentUrl: LINK, duration: 2_000 }],
    [
      'location',
      { type: 'location', title: '渋谷店', address: '東京都渋谷区', latitude: 35.65, longitude: 139.7 },
      { type: 'location', title: '渋谷店', address: '東京都渋谷区', latitude: 35.65, longitude: 139.7 },
    ],
    [
      'imagemap',
      { baseKey: 'spring map', altText: 'A map', height: 1040, areas: [{ ...AREA, uri: 'https://example.com/' }, { ...AREA, x: 520, text: 'hi' }] },
      expect.objectContaining({ type: 'imagemap', baseUrl: LINK, baseSize: { width: 1040, height: 1040 } }),
    ],
    [
      'template',
      { type: 'template', altText: 'Buttons', template: { type: 'buttons', thumbnailImageUrl: 'media://image/a.png', text: 'Choose', actions: [{ type: 'uri', label: 'Open', uri: 'https://example.com/' }] } },
      expect.objectContaining({ type: 'template', template: expect.objectContaining({ thumbnailImageUrl: LINK }) }),
    ],
    [
      'flex',
      { type: 'flex', altText: 'Flex', contents: { type: 'bubble', hero: { type: 'image', url: 'media://image/a.png', size: 'full' }, body: { type: 'box', layout: 'vertical', contents: [{ type: 'text', text: 'Hi' }] } } },
      expect.objectContaining({ type: 'flex', contents: expect.objectContaining({ hero: { type: 'image', url: LINK, size: 'full' } }) }),
    ],
    ['coupon', { type: 'coupon', couponId: COUPON }, { type: 'coupon', couponId: COUPON }],
  ])('sends %s: %j', async (_type, data, message) => {
    // GIVEN
    stage.line.configure({ coupons: [COUPON] });
    const bucket = any.stack.resource('Media');
    await put(bucket, 'image/a.png', 'image/png', 'an image');
    await put(bucket, 'video/a.mp4', 'video/mp4', 'a video');
    await put(bucket, 'video/cover.png', 'image/png', 'a cover');
    await put(bucket, 'audio/a.m4a', 'audio/mp4', 'a sound');
    await putImagemap('spring map');
    const event = campaign(friends(2).map((friend) => endpoint(friend)), typeof data === 'string' ? data : JSON.stringify(data));
    // WHEN
    const reply = await send('any', event, any);
    // THEN
    expect(tally(reply)).toEqual({ accepted: 2 });
    expectReceived(ids(event), message);
  });

  test('makes links that show what was uploaded: the five images of an imagemap, the hero of a flex message', async () => {
    // GIVEN
    await putImagemap('autumn');
    await put(any.stack.resource('Media'), 'image/花 1.png', 'image/png', 'a hero');
    const [friend] = friends(1);
    const imagemap = { type: 'imagemap', baseUrl: 'media://image/autumn', altText: 'A map', baseSize: { width: 1040, height: 1040 }, actions: [] };
    const flex = { type: 'flex', altText: 'Flex', contents: { type: 'bubble', hero: { type: 'image', url: 'media://image/花 1.png' } } };
    // WHEN
    const reply = await send('any', journey([endpoint(friend)], JSON.stringify([imagemap, flex])), any);
    // THEN
    expect(tally(reply)).toEqual({ accepted: 1 });
    const [[{ baseUrl }, { contents }]] = received([friend.userId]) as [[{ baseUrl: string }, { contents: { hero: { url: string } } }]];
    for (const size of IMAGEMAP_SIZES) {
      expect((await open(`${baseUrl}/${size}`)).body.toString()).toBe(`autumn ${size}`);
    }
    expect((await open(contents.hero.url)).body.toString()).toBe('a hero');
  });

  test('lacks one of an imagemap\'s images: nobody is sent to', async () => {
    await put(any.stack.resource('Media'), 'image/incomplete/240', 'image/png', 'too small a map');
    const data = JSON.stringify({ baseKey: 'incomplete', altText: 'A map', height: 1040, areas: [{ ...AREA, text: 'hi' }] });
    const event = journey([endpoint(friends(1)[0])], data);
    expect(tally(await send('any', event, any))).toEqual({ 'failed MEDIA_NOT_FOUND': 1 });
    expectReceived(ids(event));
  });
});

describe('a template', () => {
  const putTemplate = async (name: string, text: string) => put(any.resource('Sender/Content'), `templates/${name}`, 'application/json', JSON.stringify({ type: 'text', text }));

  test('is sent in everybody\'s language, or else in the usual one', async () => {
    // GIVEN
    await putTemplate('welcome.ja.json', 'ようこそ');
    await putTemplate('welcome.pt-BR.json', 'Bem-vindo');
    await putTemplate('welcome.json', 'Welcome');
    const [byLocale, byAttribute, brazilian, portuguese, unknown] = friends(5);
    const locale = (Locale: string) => ({ Demographic: { Locale } });
    const event = campaign([
      endpoint(byLocale, locale('ja_JP')),
      endpoint(byAttribute, { User: { UserAttributes: { language: ['ja'] } } }),
      endpoint(brazilian, locale('pt_BR')),
      endpoint(portuguese, locale('pt_PT')),
      endpoint(unknown),
    ], '{"template":"welcome"}');
    // WHEN
    const reply = await send('any', event, any);
    // THEN
    expect(tally(reply)).toEqual({ accepted: 5 });
    expect(received([byLocale, byAttribute, brazilian, portuguese, unknown].map(({ userId }) => userId)).map(([{ text }]) => text))
      .toEqual(['ようこそ', 'ようこそ', 'Bem-vindo', 'Welcome', 'Welcome']);
    // AND people with the same text share a call.
    expect(requestsTo(ids(event))).toHaveLength(3);
  });

  test('is frozen with the batch: who is sent to later gets what it was then', async () => {
    // GIVEN
    await putTemplate('frozen.json', 'As it was');
    stage.line.always('multicast', faults.status(429));
    const event = campaign(friends(2).map((friend) => endpoint(friend)), '{"template":"frozen"}');
    expect(tally(await send('any', event, any))).toEqual({ 'deferred LINE_RATE_LIMITED': 2 });
    // WHEN
    await putTemplate('frozen.json', 'As it is');
    stage.line.clearFaults();
    // THEN
    await expectResumed(event);
    expectReceived(ids(event), { type: 'text', text: 'As it was' });
  });

  test('may be sent in a version of the past', async () => {
    const version = await putTemplate('versions.json', 'The first');
    await putTemplate('versions.json', 'The second');
    const event = campaign(friends(2).map((friend) => endpoint(friend)), JSON.stringify({ template: 'versions', version }));
    expect(tally(await send('any', event, any))).toEqual({ accepted: 2 });
    expectReceived(ids(event), { type: 'text', text: 'The first' });
  });
});

describe('personalised content', () => {
  const named = (friend: LineUser, ...DisplayName: string[]) => endpoint(friend, { User: { UserAttributes: { DisplayName } } });

  test('is pushed to each, and whoever has the same text shares a multicast; no name breaks a message', async () => {
    // GIVEN
    const [quoted, taro, namesake, nameless] = friends(4);
    const event = campaign([named(quoted, '"Q" \\ {x}\n🌸 {{Location.City}}'), named(taro, '太郎'), named(namesake, '太郎'), named(nameless)],
      '{"type":"flex","altText":"Hello","contents":{"type":"bubble","body":{"type":"box","layout":"vertical","contents":[{"type":"text","text":"Dear {{User.UserAttributes.DisplayName|friend}}"}]}}}');
    // WHEN
    const reply = await send('any', event, any);
    // THEN
    expect(tally(reply)).toEqual({ accepted: 4 });
    const texts = received([quoted, taro, namesake, nameless].map(({ userId }) => userId))
      .map(([{ contents }]) => (contents as { body: { contents: { text: string }[] } }).body.contents[0].text);
    expect(texts).toEqual(['Dear "Q" \\ {x}\n🌸 {{Location.City}}', 'Dear 太郎', 'Dear 太郎', 'Dear friend']);
    expect(requestsTo(ids(event)).map(({ operation }) => operation).sort()).toEqual(['multicast', 'push', 'push']);
    // AND one item of the journal holds them all, each call with a key of its own.
    expect(await batchesOf(event)).toEqual([expect.objectContaining({ state: 'ACCEPTED', calls: 'AAA', contentKey: expect.any(String) })]);
    expect(new Set(requestsTo(ids(event)).map(({ retryKey }) => retryKey)).size).toBe(3);
  });

  test('that is partly not taken is gone on with as it was: the name of then, and only who is missing', async () => {
    // GIVEN
    const people = friends(4);
    stage.line.script('push', null, faults.reset({ accepted: true }), faults.status(429));
    stage.line.script('push', ...Array(40).fill(faults.status(429)));
    const event = campaign(people.map((friend) => named(friend, friend.displayName)), '{"type":"text","text":"Dear {{User.UserAttributes.DisplayName}}"}');
    const reply = await send('any', event, any);
    expect(Object.values(reply).map(({ EventAttributes }) => EventAttributes.LineStatus).sort()).toEqual(['accepted', 'deferred', 'deferred', 'deferred']);
    // WHEN
    stage.line.clearFaults();
    // THEN
    await expectResumed(event);
    people.forEach(({ userId, displayName }) => expectReceived([userId], { type: 'text', text: `Dear ${displayName}` }));
    expect(acceptedPeople(ids(event))).toHaveLength(4);
  });

  test('without a value: the person is left out, or nobody is sent to, as the content says', async () => {
    const message = { type: 'text', text: '{{Attributes.Coupon}} for you' };
    const people = () => friends(2).map((friend, index) => endpoint(friend, index === 0 ? { Attributes: { Coupon: ['A1'] } } : {}));
    const [skipping, failing] = [campaign(people(), JSON.stringify({ messages: [message] })), campaign(people(), JSON.stringify({ messages: [message], missingAttribute: 'fail' }))];
    expect(tally(await send('any', skipping, any))).toEqual({ 'accepted': 1, 'skipped MISSING_ATTRIBUTE': 1 });
    expect(tally(await send('any', failing, any))).toEqual({ 'failed MISSING_ATTRIBUTE': 2 });
    expect(acceptedPeople(ids(failing))).toEqual([]);
  });
});

describe('a recipient whom LINE refuses', () => {
  test('is set aside when LINE names them, and the others are sent to', async () => {
    // GIVEN
    stage.line.script('multicast', faults.status(400, 'The property, to[1], in the request body is invalid (line: -, column: -)'));
    const event = campaign(friends(4).map((friend) => endpoint(friend)), 'For all but one');
    // WHEN
    const reply = await send('any', event, any);
    // THEN
    expect(tally(reply)).toEqual({ 'accepted': 3, 'failed LINE_REFUSED_RECIPIENT': 1 });
    const [first, second] = requestsTo(ids(event)).map(({ body, retryKey }) => ({ to: JSON.parse(body!).to as string[], retryKey }));
    expect(second.to).toEqual(first.to.filter((_, index) => index !== 1));
    expect(second.retryKey).not.toBe(first.retryKey);
    expect(reply[first.to[1]].EventAttributes.LineStatus).toBe('failed');
    expect((await statesOf(event)).sort()).toEqual(['ACCEPTED', 'SPLIT']);
    // AND a repeat knows of it.
    expect(tally(await send('any', event, any))).toEqual(tally(reply));
    expect(requestsTo(ids(event))).toHaveLength(2);
  });

  test('is found when LINE does not name them, and the others are sent to', async () => {
    // GIVEN
    const people = [...friends(7).map((friend) => endpoint(friend)), endpoint({ userId: NOBODY, displayName: 'Nobody' })];
    const event = campaign(people, 'For all who are there');
    // WHEN
    const reply = await send('any', event, any);
    // THEN
    expect(tally(reply)).toEqual({ 'accepted': 7, 'failed LINE_REFUSED_RECIPIENT': 1 });
    expect(reply[NOBODY].EventAttributes.LineErrorCode).toBe('LINE_REFUSED_RECIPIENT');
    expect(requestsTo(ids(event)).filter(({ status }) => status === 400)).toHaveLength(4);
  });
});

test('the month\'s quota is used up: the rest is deferred, the bus is told, and once the plan is raised it is sent', async () => {
  // GIVEN
  stage.line.configure({ quota: { type: 'limited', value: stage.line.usage() + 1 } });
  const event = campaign(friends(2).map((friend) => endpoint(friend)), 'More than the plan has');
  // WHEN
  const reply = await send('any', event, any);
  // THEN
  expect(tally(reply)).toEqual({ 'deferred LINE_QUOTA_EXCEEDED': 2 });
  await eventually(async () => expect(await fromBus()).toContainEqual(expect.objectContaining({
    'detail-type': 'QuotaExhausted', 'detail': expect.objectContaining({ channelKey: 'line', quota: stage.line.usage() + 1, used: stage.line.usage() }),
  })));
  // WHEN
  stage.line.configure({ quota: { type: 'none' } });
  // THEN
  await expectResumed(event);
  expectReceived(ids(event), { type: 'text', text: 'More than the plan has' });
});

test('a runner\'s chunk of 2,000 people takes four calls, and a repeat none', async () => {
  // GIVEN
  const people = friends(2_000);
  const { Endpoints, ...run } = campaign(people.map((friend, index) => endpoint(friend, { OptOut: index === 7 ? 'ALL' : 'NONE' })), 'For a chunk');
  const chunk = { Bucket: any.stack.resource('Media'), Key: 'chunks/one.jsonl' };
  const lines = Object.entries(Endpoints!).map(([id, one]) => JSON.stringify({ id, endpoint: one }));
  await put(chunk.Bucket, chunk.Key, 'application/x-ndjson', lines.join('\n'));
  const event: ChunkSendEvent = { ...run, Chunk: chunk };
  // WHEN
  const result = await stage.invoke<ChunkSendResult>(any.resource('Sender/Chunk'), event);
  // THEN
  expect(result).toMatchObject({ recipients: 2_000, counts: { accepted: 1_999, skipped: 1, failed: 0, unknown: 0, pending: 0 }, undone: [] });
  const all = people.map(({ userId }) => userId);
  const requests = requestsTo(all);
  expect(requests.map(({ body }) => JSON.parse(body!).to.length).sort()).toEqual([499, 500, 500, 500]);
  expect(received(all).map((messages) => messages.length)).toEqual(people.map((_, index) => (index === 7 ? 0 : 1)));
  // WHEN
  expect(await stage.invoke<ChunkSendResult>(any.resource('Sender/Chunk'), event)).toEqual(result);
  // THEN
  expect(requestsTo(all)).toHaveLength(requests.length);
  // AND the books of the run say so, and name who was left out.
  expect(await stage.invoke<RunBooks>(any.resource('Sender/Outcomes/Books'), run)).toMatchObject({
    runId: result.runId,
    books: { recipients: 2_000, accepted: 1_999, skipped: 1, failed: 0, unknown: 0, pending: 0, reasons: { OPTED_OUT: 1 } },
    notReached: [expect.objectContaining({ id: people[7].userId, status: 'skipped', code: 'OPTED_OUT' })],
  });
});

test('the bus is told of every batch, without a text', async () => {
  // GIVEN
  const [one, two, left] = friends(3);
  const event = campaign([endpoint(one), endpoint(two), endpoint(left, { OptOut: 'ALL' })],
    '{"messages":[{"type":"text","text":"A text that no event has"}],"customAggregationUnit":"spring_sale"}');
  // WHEN
  const reply = await send('any', event, any);
  // THEN
  const [{ batchId, runId }] = await batchesOf(event);
  const told = await eventually(async () => {
    const events = (await fromBus()).filter(({ detail }) => detail.batchId === batchId);
    expect(events.length).toBeGreaterThan(0);
    return events;
  });
  expect(told[0]).toMatchObject({
    'source': 'line.sender',
    'detail-type': 'SendBatchDecided',
    'detail': {
      channelKey: 'line',
      runId,
      batchId,
      state: 'ACCEPTED',
      source: { origin: 'campaign', campaign: event.CampaignId },
      counts: { accepted: 2, skipped: 1, failed: 0, unknown: 0 },
      reasons: { OPTED_OUT: 1 },
      requestIds: [reply[one.userId].EventAttributes.LineRequestId],
      aggregationUnit: 'spring_sale',
    },
  });
  expect(JSON.stringify(await fromBus())).not.toMatch(/A text that no event has|For a chunk/);
  expect(stage.line.aggregationUnits()).toEqual(['spring_sale']);
  // AND the metrics come from there.
  await eventually(async () => expect(await any.metric('Sender/Outcomes/Publisher', Metric.MESSAGES_ACCEPTED)).toBeGreaterThanOrEqual(2_001));
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
      const { recipients, reasons, ...books } = bookOf(await batchesOf(event));
      const { accepted, skipped, failed, unknown, pending } = books;
      if (recipients > 0) {
        expect(accepted + skipped + failed + unknown).toBe(recipients);
        expect({ recipients, pending }).toEqual({ recipients: ids(event).length, pending: 0 });
      }
      // AND the reply, as far as it could tell, says the same.
      const statuses = count(Object.values(reply ?? {}).map(({ EventAttributes }) => EventAttributes.LineStatus));
      const { deferred = 0, ...decided } = statuses;
      expect(Object.values(statuses).reduce((sum, n) => sum + n, 0)).toBe(reply ? ids(event).length : 0);
      if (reply && recipients > 0 && deferred === 0) {
        expect({ accepted: 0, skipped: 0, failed: 0, unknown: 0, pending: 0, ...decided }).toEqual(books);
      }
      // AND LINE has accepted what the journal calls so, and nothing else.
      expect(acceptedPeople(ids(event))).toHaveLength(accepted);
    }
  });

  test('no request broke a rule of LINE, but for those to a person whom nobody could know to be none', () => {
    expect(stage.line.violations().filter(({ rule, detail }) => rule !== 'unknown-recipient' || detail !== NOBODY)).toEqual([]);
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

/** The journal's batches of an event. */
async function batchesOf(event: CustomChannelEvent): Promise<SendBatch[]> {
  const channel = channelOf(event);
  const { runId } = readEvent(event, { requestId: '', functionType: 'text' });
  const items = await channel.stack.items(channel.resource('Sender/Journal'));
  const people = new Set(ids(event));
  return items.filter((item) => isBatchItem(item) && item.runId.S === runId).map(batchFromItem)
    .filter(({ recipients, excluded }) => [...recipients, ...excluded].some(({ id }) => people.has(id)));
}

async function statesOf(event: CustomChannelEvent): Promise<BatchState[]> {
  return (await batchesOf(event)).map(({ state }) => state);
}

/** Has the resume function go on with an event's batches, as the retry queue would, until LINE has them all. */
async function expectResumed(event: CustomChannelEvent): Promise<void> {
  const channel = channelOf(event);
  await eventually(async () => {
    const batches = (await batchesOf(event)).filter(({ parent }) => parent === undefined);
    const Records = batches.map(({ pk, sk }, index) => ({ messageId: String(index), body: JSON.stringify({ pk, sk }) }));
    expect(await stage.invoke(channel.resource('Sender/Resume'), { Records })).toEqual({ batchItemFailures: [] });
    expect(new Set(await statesOf(event))).toEqual(new Set([BatchState.ACCEPTED]));
  });
}

interface BusMessage {
  readonly 'source': string;
  readonly 'detail-type': string;
  readonly 'detail': Record<string, any>;
}

const busMessages: BusMessage[] = [];

/** What the sender of `any` has said on its bus so far. */
async function fromBus(): Promise<readonly BusMessage[]> {
  busMessages.push(...(await any.stack.drain(any.stack.resource('SendEvents'))).map(({ Body }): BusMessage => JSON.parse(Body!)));
  return busMessages;
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
