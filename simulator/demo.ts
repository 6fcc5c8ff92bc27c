/**
 * `npm run demo`: the sample of `examples/pinpoint-sample`, deployed by the real CDK CLI to a local emulator, at work: people
 * follow and leave a LINE account, and campaigns reach those who stayed, each with their own name in a flex message, and
 * each once while LINE fails or refuses somebody else. Then `examples/campaigns`, which needs nothing of Pinpoint, see campaign-demo.ts.
 * Nothing here replaces AWS or LINE; every answer that the demo shows comes from the deployed functions, every request from the wire.
 *
 * `--keep` leaves all of it running, with its URLs, until Ctrl-C. `--shell` deploys nothing and opens a shell instead, see shell.ts.
 */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { AttributeValue, DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { demonstrateCampaigns } from './campaign-demo';
import { expect, outputOf, print, printTable, step, until } from './demo-output';
import { faults } from './faults';
import { lineUserId } from './line-ids';
import { LineRequestRecord, LineUser } from './line-platform';
import { campaignEvents, pinpointId } from './pinpoint-campaign';
import { StoredEndpoint } from './pinpoint-endpoints';
import { openShell } from './shell';
import { typeScriptApp } from './stage/cdk';
import { Log } from './stage/child';
import { Stage } from './stage/stage';
import { CustomChannelReply } from '../src/contract/custom-channel';
import { SAMPLE_AUDIO_DURATION_MS, SAMPLE_MEDIA_KEYS } from '../src/contract/media';
import { DEFAULT_CHANNEL_KEY, SORT_KEY_ENDPOINT } from '../src/contract/subscriber';

const STACK = 'LinePinpointSample';
const FRIENDS = 20;
const LEAVING = 3;
const LANGUAGES = ['ja', 'en', 'th', 'zh-Hant'];

/** Names that break what is careless with JSON, placeholders or characters; undefined: a profile that LINE keeps to itself. */
const NAMES = ['さくら 🌸', 'Anna "Nan" O\'Hara', 'Friend 03', '}} {{Metrics.x}} {', '\\" <b>👩‍👩‍👧</b>', undefined, undefined];

const NAME = '{{User.UserAttributes.DisplayName|friend}}';
const greeting = (name: string) => `${name}, this voucher is yours alone.`;

/** What a marketer writes into the custom channel's data, by the message type that comes of it. */
const CAMPAIGNS = {
  text: 'こんにちは。春のセールが始まりました 🌸 20% off until Sunday.',
  image: SAMPLE_MEDIA_KEYS.image,
  audio: `${SAMPLE_MEDIA_KEYS.audio},${SAMPLE_AUDIO_DURATION_MS}`,
  video: `${SAMPLE_MEDIA_KEYS.video},${SAMPLE_MEDIA_KEYS.videoCover}`,
  flex: JSON.stringify({
    type: 'flex',
    altText: `A voucher for ${NAME}`,
    contents: {
      type: 'bubble',
      hero: { type: 'image', url: `media://image/${SAMPLE_MEDIA_KEYS.image}`, size: 'full' },
      body: { type: 'box', layout: 'vertical', contents: [{ type: 'text', text: greeting(NAME), wrap: true }] },
    },
  }),
  sticker: JSON.stringify({ type: 'sticker', packageId: '446', stickerId: '1988' }),
  location: JSON.stringify({ type: 'location', title: 'Our shop', address: '1-3 Kioicho, Chiyoda-ku, Tokyo', latitude: 35.67966, longitude: 139.73669 }),
};
type CampaignType = keyof typeof CAMPAIGNS;
const TYPES = Object.keys(CAMPAIGNS) as CampaignType[];
/** Types with a function of their own and, but for text, a bucket; the function for any content sends the others. */
const OWN_FUNCTION = ['text', 'image', 'audio', 'video'] as const;
type SenderType = typeof OWN_FUNCTION[number] | 'any';
type BucketType = 'image' | 'audio' | 'video';

/** Outputs of the sample by the beginning of their name: the end is CDK's. */
interface Outputs {
  readonly secretId: string;
  readonly webhookUrl: string;
  readonly setUpFunction: string;
  readonly subscriberTable: string;
  readonly sendFunctions: Record<SenderType, string>;
  readonly buckets: Record<BucketType, string>;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false }, shell: { type: 'boolean', default: false } } });
  // The SDK's note about the end of Node 20 would stand in the middle of the demo.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  if (values.shell) {
    process.exitCode = await openShell(print, condensed(print));
    return;
  }

  step('starting an AWS emulator, a LINE stand-in and a Pinpoint stand-in');
  const channel = { channelId: '2000000000', channelSecret: randomBytes(16).toString('hex') };
  const applicationId = pinpointId();
  const stage = await Stage.start({
    // The first request to a function starts it: LINE's redelivery, when switched on, covers what comes too late.
    line: { ...channel, redelivery: { attempts: 5, delayMs: 1_000 } },
    pinpoint: { applicationIds: [applicationId] },
    log: condensed(print),
  });
  try {
    await stage.emulator.during(demonstrate(stage, channel, applicationId));
    await stage.emulator.during(demonstrateCampaigns(stage, channel));
    if (values.keep) {
      step('running until Ctrl-C');
      printUrls(stage);
      await new Promise(() => {});
    }
    step('done: everything came as expected. Cleaning up');
  } finally {
    await stage.stop();
  }
}

async function demonstrate(stage: Stage, channel: { channelId: string; channelSecret: string }, applicationId: string): Promise<void> {
  step(`deploying ${STACK} with the CDK CLI`);
  const outputs = readOutputs((await stage.deploy(typeScriptApp('examples/pinpoint-sample/app.ts'), [STACK], {
    context: { applicationId, lineApiBaseUrl: stage.line.url },
  }))[STACK]);
  stage.routeWebhooks(outputs.webhookUrl);

  step('filling the secret and running the set-up function, as an operator does');
  await stage.client(SecretsManagerClient).send(new PutSecretValueCommand({ SecretId: outputs.secretId, SecretString: JSON.stringify(channel) }));
  const setUp = await stage.invoke<{ ok?: boolean }>(outputs.setUpFunction, {});
  print(JSON.stringify(setUp, undefined, 2));
  expect(setUp.ok === true, 'every step of the set-up succeeds');
  expect(stage.line.getWebhookUrl() === outputs.webhookUrl, `LINE knows the webhook URL ${outputs.webhookUrl}, not ${stage.line.getWebhookUrl()}`);

  step(`${FRIENDS} people follow the account, ${LEAVING} of them block it again: signed webhooks to ${outputs.webhookUrl}`);
  const people = Array.from({ length: FRIENDS }, (_, i): LineUser => ({
    userId: lineUserId(`friend ${i + 1}`),
    displayName: NAMES[i] ?? `Friend ${String(i + 1).padStart(2, '0')}`,
    consent: i >= NAMES.length || NAMES[i] !== undefined,
    language: LANGUAGES[i % LANGUAGES.length],
  }));
  const left = new Set(people.filter((_, i) => i % Math.ceil(FRIENDS / LEAVING) === 2).map(({ userId }) => userId));
  for (const person of people) {
    await stage.line.follow(person);
  }
  await untilKnown(stage, outputs.subscriberTable, applicationId, people, new Set());
  for (const userId of left) {
    await stage.line.unfollow(userId);
  }
  await showWebhooks(stage);

  step('what the subscriber table and the Pinpoint project know now');
  printTable([
    ['LINE user id', 'language', 'subscriber OptOut', 'Pinpoint endpoint OptOut', 'display name'],
    ...(await untilKnown(stage, outputs.subscriberTable, applicationId, people, left))
      .map(({ person, subscriber, endpoint }) => [person.userId, person.language, subscriber.optOut, endpoint.optOut, subscriber.name].map((cell) => cell ?? '–')),
  ]);

  const campaigns: Campaigns = { stage, applicationId, left, friends: people.filter(({ userId }) => !left.has(userId)) };
  for (const type of OWN_FUNCTION) {
    step(`a campaign sends ${type}: ${CAMPAIGNS[type]}`);
    const { requests, replies } = await send(campaigns, outputs.sendFunctions[type], type);
    printRequests(requests);
    print(`  messages: ${JSON.stringify(JSON.parse(requests[0]?.body ?? '{}').messages)}`);
    printReplies(replies);
    expect(requests.length === 1 && requests[0].status === 200, `one multicast reaches LINE, got ${requests.length}`);
  }

  step(`a campaign sends a flex message, made for each person: ${CAMPAIGNS.flex}`);
  await sendPersonalised(campaigns, outputs.sendFunctions.any);

  step('opening the links that people got, through CloudFront');
  await openLinks(campaigns, outputs.buckets);

  step('a campaign sends a sticker; LINE answers 500, then takes the message but resets the connection');
  await sendThroughFailures(campaigns, outputs.sendFunctions.any);

  step('a campaign sends a location to the same people and to somebody whom LINE does not know');
  const unknownId = lineUserId('somebody else');
  await sendToUnknown(campaigns, outputs.sendFunctions.any, unknownId);

  step('who received what');
  showDeliveries(stage, people, left, unknownId);
}

/** The secret's and the functions' names stand in the outputs of the channel, whose names end in a hash. */
function readOutputs(outputs: Record<string, string>): Outputs {
  const output = (prefix: string) => outputOf(outputs, prefix);
  const command = output('LineSetUpCommand');
  const setUpFunction = /--function-name (\S+)/.exec(command)?.[1];
  expect(setUpFunction !== undefined, `the set-up command names a function: ${command}`);
  return {
    secretId: output('LineSecretArn'),
    webhookUrl: output('LineWebhookUrl'),
    setUpFunction: setUpFunction!,
    subscriberTable: output('SubscriberTableName'),
    sendFunctions: { text: output('SendTextFunction'), image: output('SendImageFunction'), audio: output('SendAudioFunction'), video: output('SendVideoFunction'), any: output('SendAnyFunction') },
    buckets: { image: output('ImageBucketName'), audio: output('AudioBucketName'), video: output('VideoBucketName') },
  };
}

/** Every webhook arrived, if need be as a redelivery. */
async function showWebhooks(stage: Stage): Promise<void> {
  const attempts = () => stage.line.webhookAttempts().filter(({ webhookEventIds }) => webhookEventIds.length > 0);
  const accepted = () => new Set(attempts().filter(({ reason }) => reason === 'ok').flatMap(({ webhookEventIds }) => webhookEventIds)).size;
  await until(`LINE gets 200 for all ${FRIENDS + LEAVING} webhooks`, () => accepted() === FRIENDS + LEAVING,
    () => JSON.stringify(attempts().filter(({ reason }) => reason !== 'ok').map(({ reason, detail, answer }) => ({ reason, detail, answer }))));
  const times = attempts().map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  print(`${attempts().length} requests for ${accepted()} events; answered in ${Math.round(times[0])} to ${Math.round(times[times.length - 1])} ms, median ${Math.round(times[Math.floor(times.length / 2)])} ms (LINE waits 2,000 ms)`);
}

interface Subscriber {
  readonly name?: string;
  readonly optOut?: string;
}

interface Known {
  readonly person: LineUser;
  /** In the channel's table. */
  readonly subscriber: Subscriber;
  /** In the Pinpoint project. */
  readonly endpoint: Subscriber;
}

/** Waits until table and project know everybody by name, and who left. */
async function untilKnown(
  stage: Stage, tableName: string, applicationId: string, people: readonly LineUser[], left: ReadonlySet<string>,
): Promise<Known[]> {
  let known: Known[] = [];
  const asExpected = ({ userId, displayName, consent }: LineUser, { name, optOut }: Subscriber) =>
    name === (consent ? displayName : undefined) && optOut === (left.has(userId) ? 'ALL' : 'NONE');
  const missing = () => known.filter(({ person, subscriber, endpoint }) => !asExpected(person, subscriber) || !asExpected(person, endpoint));
  await until('subscriber table and Pinpoint project know everybody by name, and who left', async () => {
    const subscribers = await readSubscribers(stage, tableName);
    const endpoints = new Map(stage.pinpoint.endpoints(applicationId).map(({ Id, OptOut, User }): [string, Subscriber] => [
      Id, { name: User?.UserAttributes?.DisplayName?.[0], optOut: OptOut },
    ]));
    expect(subscribers.size <= people.length && endpoints.size <= people.length, 'nobody else becomes a subscriber');
    known = people.map((person) => ({ person, subscriber: subscribers.get(person.userId) ?? {}, endpoint: endpoints.get(person.userId) ?? {} }));
    return missing().length === 0;
  }, () => JSON.stringify(missing(), undefined, 2));
  return known;
}

async function readSubscribers(stage: Stage, tableName: string): Promise<Map<string, Subscriber>> {
  const rows: Record<string, AttributeValue>[] = [];
  for await (const { Items } of paginateScan({ client: stage.client(DynamoDBClient) }, { TableName: tableName, ConsistentRead: true })) {
    rows.push(...(Items ?? []));
  }
  return new Map(rows.filter(({ sk }) => sk.S === SORT_KEY_ENDPOINT).map((row) => [
    row.pk.S!.slice(`${DEFAULT_CHANNEL_KEY}#`.length),
    { name: row.User?.M?.UserAttributes?.M?.DisplayName?.L?.[0]?.S, optOut: row.OptOut?.S },
  ]));
}

/** What the campaigns have in common. */
interface Campaigns {
  readonly stage: Stage;
  readonly applicationId: string;
  /** Whose message is to arrive. */
  readonly friends: readonly LineUser[];
  /** Whom nothing is to be sent. */
  readonly left: ReadonlySet<string>;
}

interface Sent {
  readonly replies: CustomChannelReply;
  /** What reached LINE, the sends alone. */
  readonly requests: readonly LineRequestRecord[];
}

/** Invokes the send function as a campaign run does, and holds its answers and LINE's ledger against each other. */
async function send(
  { stage, applicationId, friends, left }: Campaigns, functionName: string, type: CampaignType, others: readonly StoredEndpoint[] = [],
): Promise<Sent> {
  const before = stage.line.requests().length;
  const replies: CustomChannelReply = {};
  for (const event of campaignEvents([...stage.pinpoint.endpoints(applicationId), ...others], applicationId, CAMPAIGNS[type])) {
    Object.assign(replies, await stage.invoke<CustomChannelReply>(functionName, event));
  }
  const requests = stage.line.requests().slice(before).filter(({ operation }) => operation === 'multicast' || operation === 'push');
  for (const { userId, displayName } of friends) {
    const got = messagesOf(stage, userId, type).length;
    expect(got === 1 && statusOf(replies, userId) === 'accepted', `${displayName} gets one ${type} and is told as accepted, got ${got}, ${statusOf(replies, userId)}`);
  }
  expect([...left].every((id) => statusOf(replies, id) === 'skipped OPTED_OUT'), 'those who left, and they alone, are skipped as opted out');
  return { replies, requests };
}

function statusOf(replies: CustomChannelReply, endpointId: string): string {
  const { LineStatus, LineErrorCode } = replies[endpointId]?.EventAttributes ?? {};
  return [LineStatus, LineErrorCode].filter(Boolean).join(' ');
}

function printReplies(replies: CustomChannelReply): void {
  const statuses = new Map<string, number>();
  for (const status of Object.keys(replies).map((id) => statusOf(replies, id))) {
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  print(`answer to Pinpoint: ${[...statuses].map(([status, count]) => `${count} ${status}`).join(', ')}`);
}

function printRequests(requests: readonly LineRequestRecord[]): void {
  for (const { method, path, body, status, requestId, retryKey, accepted } of requests) {
    const recipients = [JSON.parse(body ?? '{}').to].flat().length;
    const remark = status === 409 ? ' (sent already)' : status !== 200 && accepted ? ' (sent nevertheless)' : '';
    print(`${method} ${path}  ${recipients} ${recipients === 1 ? 'recipient' : 'recipients'}  retry key ${retryKey}  → ${status || 'connection reset'}${remark}, request id ${requestId}`);
  }
}

/** Everybody has their own name in the message, whatever it is made of; people with equal messages share a request. */
async function sendPersonalised(campaigns: Campaigns, functionName: string): Promise<void> {
  const { replies, requests } = await send(campaigns, functionName, 'flex');
  const texts = campaigns.friends.map(({ userId, displayName, consent }) => {
    const [{ altText, contents }] = messagesOf(campaigns.stage, userId, 'flex');
    const text = contents.body.contents[0].text;
    const name = consent ? displayName : 'friend';
    expect(text === greeting(name) && altText === `A voucher for ${name}`, `the message to ${displayName} says ${greeting(name)}, got ${text}`);
    return [userId, text];
  });
  printTable([['LINE user id', 'the bubble on the phone says'], ...texts.slice(0, NAMES.length)]);
  print(`… and so on: ${texts.length} friends, ${new Set(texts.map(([, text]) => text)).size} different messages`);
  const count = (wanted: string) => requests.filter(({ operation }) => operation === wanted).length;
  print(`${count('push')} pushes, ${count('multicast')} multicast to the people whose profile is private`);
  printReplies(replies);
  const privateProfiles = campaigns.friends.filter(({ consent }) => !consent).length;
  expect(requests.every(({ status }) => status === 200) && count('multicast') === 1 && count('push') === campaigns.friends.length - privateProfiles,
    'a push for every friend with a name and one multicast for the others reach LINE');
}

/** A repeat has the same bytes and the same retry key: LINE knows it again. */
async function sendThroughFailures(campaigns: Campaigns, functionName: string): Promise<void> {
  const { line } = campaigns.stage;
  line.script('multicast', faults.status(500), faults.reset({ accepted: true }));
  const { replies, requests } = await send(campaigns, functionName, 'sticker');
  printRequests(requests);
  printReplies(replies);
  print(`LINE's ledger: ${campaigns.friends.length} friends, one sticker each`);
  expect(requests.map(({ status }) => status).join() === '500,0,409', 'LINE gets three requests, and tells the third that it has taken the second');
  expect(new Set(requests.map(({ retryKey, body }) => `${retryKey} ${body}`)).size === 1, 'all three are the same, retry key included');
  expect(campaigns.friends.every(({ userId }) => replies[userId].EventAttributes.LineRequestId === requests[1].requestId),
    'Pinpoint is told the id of the request that LINE has taken');
}

/** LINE refuses the whole request because of one id, without saying which: halving finds it. */
async function sendToUnknown(campaigns: Campaigns, functionName: string, unknownId: string): Promise<void> {
  const [known] = campaigns.stage.pinpoint.endpoints(campaigns.applicationId);
  const { replies, requests } = await send(campaigns, functionName, 'location', [{ ...known, Id: unknownId, Address: unknownId }]);
  printRequests(requests);
  printReplies(replies);
  print(`LINE's ledger: ${campaigns.friends.length} friends, one location each`);
  expect(statusOf(replies, unknownId) === 'failed LINE_REFUSED_RECIPIENT', `the unknown id, and it alone, is set aside, got ${statusOf(replies, unknownId)}`);
}

/** Every URL of the media messages leads to the object in its bucket. */
async function openLinks({ stage, friends: [{ userId }] }: Campaigns, buckets: Outputs['buckets']): Promise<void> {
  const [[image], [audio], [video], [flex]] = (['image', 'audio', 'video', 'flex'] as const).map((type) => messagesOf(stage, userId, type));
  const objects: [url: string, type: BucketType, key: string][] = [
    [image.originalContentUrl, 'image', SAMPLE_MEDIA_KEYS.image],
    [image.previewImageUrl, 'image', SAMPLE_MEDIA_KEYS.image],
    [audio.originalContentUrl, 'audio', SAMPLE_MEDIA_KEYS.audio],
    [video.originalContentUrl, 'video', SAMPLE_MEDIA_KEYS.video],
    [video.previewImageUrl, 'video', SAMPLE_MEDIA_KEYS.videoCover],
    [flex.contents.hero.url, 'image', SAMPLE_MEDIA_KEYS.image],
  ];
  for (const [url, type, key] of objects) {
    await stage.allowPlainHttp(buckets[type]);
    const stored = await stage.client(S3Client).send(new HeadObjectCommand({ Bucket: buckets[type], Key: key }));
    const { status, headers, body } = await stage.open(url);
    print(`${url}  → ${status} ${headers['content-type']}, ${body.length} bytes`);
    expect(status === 200 && body.length === stored.ContentLength && headers['content-type'] === stored.ContentType,
      `the link gives the ${stored.ContentLength} bytes of ${stored.ContentType} that lie in ${buckets[type]}/${key}`);
  }
}

/** What a friend got of a type, from LINE's ledger. */
function messagesOf(stage: Stage, userId: string, type: CampaignType): Record<string, any>[] {
  return stage.line.received(userId).flatMap(({ messages }) => messages).filter((message) => message.type === type);
}

function showDeliveries(stage: Stage, people: readonly LineUser[], left: ReadonlySet<string>, unknownId: string): void {
  printTable([
    ['language', ...TYPES, 'friend'],
    ...people.map(({ userId, displayName, language }) => [
      language ?? '',
      ...TYPES.map((type) => stage.line.received(userId).filter(({ messages }) => messages[0].type === type).map(({ requestId }) => requestId.slice(0, 8)).join(' ') || '–'),
      displayName + (left.has(userId) ? ' (left)' : ''),
    ]),
  ]);
  print('(the beginning of the id of the LINE request that brought the message)');
  const requests = new Map<string, number>();
  for (const { operation, method, path, status } of stage.line.requests()) {
    const request = `${operation}: ${method} ${path.replace(/U[0-9a-f]{32}/, '{userId}')} → ${status}`;
    requests.set(request, (requests.get(request) ?? 0) + 1);
  }
  print('\nLINE requests made by the channel:');
  [...requests].forEach(([request, count]) => print(`${String(count).padStart(5)} × ${request}`));

  for (const { userId, displayName } of people) {
    const got = stage.line.received(userId).map(({ messages }) => messages.map(({ type }) => type)).flat().join(', ');
    const wanted = left.has(userId) ? '' : TYPES.join(', ');
    expect(got === wanted, `${displayName} received [${wanted}], got [${got}]`);
  }
  const violations = stage.line.violations().filter(({ rule, detail }) => rule !== 'unknown-recipient' || detail !== unknownId);
  expect(violations.length === 0, `no request breaks a rule of LINE, but for the unknown id: ${JSON.stringify(violations)}`);
}

function printUrls(stage: Stage): void {
  print(`emulator          ${stage.endpoint}    (aws --endpoint-url ${stage.endpoint} …, credentials test/test, region us-east-1)`);
  print(`LINE stand-in     ${stage.line.url}`);
  print(`Pinpoint stand-in ${stage.pinpoint.url}`);
  print(`webhook           ${stage.localUrl(stage.line.getWebhookUrl()!)}`);
}

/** The CDK CLI tells of every resource twice and of every asset four times: some lines of progress are enough. */
function condensed(log: Log): Log {
  let last = '';
  return (line) => {
    const [, stack, done, all] = /^(\S+) *\| +(\d+)\/(\d+) \|/.exec(line) ?? [];
    const progress = stack ? `${stack}: ${Math.floor((5 * Number(done)) / Number(all)) * 20} % of ${all} resources` : line;
    if (/FAILED|ROLLBACK/.test(line)) {
      log(`  ${line}`);
    } else if (progress !== last && !/: (start|success): |^Trusted accounts|^Using default execution policy/.test(line)) {
      log(`  ${progress}`);
    }
    last = progress;
  };
}

main().catch((error: Error) => {
  process.stderr.write(`\nthe demo failed: ${error.message}\n`);
  process.exitCode = 1;
});
