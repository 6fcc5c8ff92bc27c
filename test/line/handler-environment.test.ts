import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { LineMessageType, LinePinpointChannel, LineReply } from '../../src';
import { loadEntry } from '../support/load-entry';
import { environmentOf, only, rendered, resources, testStack } from '../support/template';

const { TEXT, IMAGE, AUDIO, VIDEO, ANY } = LineMessageType;

/** Functions of a channel, by the beginning of their logical id, and the entry that each runs, with the export unless that is `handler`. */
const ENTRIES: [string, string][] = [
  ['LineWebhookReceiver', 'line/handlers/receive-webhook.lambda'],
  ['LineWebhookWorker', 'line/handlers/process-events.lambda#processEvents'],
  ['LineWebhookProfile', 'line/handlers/process-events.lambda#updateProfiles'],
  ['LineSenderText', 'line/handlers/sender.lambda#sendMessage'],
  ['LineSenderImage', 'line/handlers/sender.lambda#sendMessage'],
  ['LineSenderAudio', 'line/handlers/sender.lambda#sendMessage'],
  ['LineSenderVideo', 'line/handlers/sender.lambda#sendMessage'],
  ['LineSenderAny', 'line/handlers/sender.lambda#sendMessage'],
  ['LineSenderResume', 'line/handlers/sender.lambda#resumeBatches'],
  ['LineSenderChunk', 'line/handlers/sender.lambda#sendChunk'],
  ['LineSenderInsight', 'line/handlers/sender.lambda#readInsight'],
  ['LineSenderOutcomesPublisher', 'line/handlers/publish-outcomes.lambda'],
  ['LineSenderOutcomesBooks', 'line/handlers/read-send-books.lambda'],
  ['LineRepliesFunction', 'line/handlers/sender.lambda#replyToEvents'],
  ['LineSetUp', 'line/handlers/set-up-channel.lambda'],
  ['LineSampleMediaUpload', 'line/handlers/upload-sample-media.lambda'],
  ['LineAudiencesPublisher', 'audience/handlers/publish-subscriber-changes.lambda'],
  ['LineAudiencesPinpointFunction', 'audience/handlers/update-pinpoint-endpoint.lambda'],
];

describe('with the environment that the template gives it', () => {
  let template: Template;
  const environment = process.env;

  beforeAll(() => {
    const stack: Stack = testStack({ env: { region: 'us-east-1', account: '123456789012' } });
    const channel = new LinePinpointChannel(stack, 'Line', {
      sampleMessages: true,
      messageTypes: [TEXT, IMAGE, AUDIO, VIDEO, ANY],
      sending: { engagementEvents: true, templateBucket: new s3.Bucket(stack, 'Templates', { versioned: true }) },
      greeting: LineReply.message('Welcome!'),
    });
    channel.bindCampaign(stack);
    template = Template.fromStack(stack);
  });

  afterEach(() => { process.env = environment; });

  test.each(ENTRIES)('%s starts %s, which misses nothing', (id, entry) => {
    // GIVEN what Lambda sets, and what the construct sets
    const variables = Object.entries(environmentOf(template, id)).map(([name, value]) => [name, rendered(value)]);
    process.env = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x', ...Object.fromEntries(variables) };
    // … and a secret, which the receiver reads when it starts
    mockClient(SecretsManagerClient).on(GetSecretValueCommand).resolves({ SecretString: '{}' });
    // WHEN, THEN
    expect(only(template, 'AWS::Lambda::Function', id).Properties.Handler).toBe(`index.${entry.split('#')[1] ?? 'handler'}`);
    expect(loadEntry(entry, '@aws-sdk/client-secrets-manager')).toBeInstanceOf(Function);
  });

  test("no function is left out but CDK's own", () => {
    const known = ENTRIES.map(([id]) => new RegExp(`^${id}[0-9A-F]{8}$`));
    expect(Object.keys(resources(template, 'AWS::Lambda::Function')).filter((id) => !known.some((pattern) => pattern.test(id))))
      .toEqual([expect.stringMatching(/^LineSampleMediaProviderframeworkonEvent/)]);
  });
});
