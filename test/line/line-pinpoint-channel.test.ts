import { CfnParameter, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Audience, LineChannel, LineChannelProps, LineMessageType, LinePinpointChannel, LinePinpointChannelProps, PinpointProject, WebhookAccess } from '../../src';
import { annotations, environmentOf, messageOf, only, redacted, rendered, resources, statementsOf, templateOf, TemplateResources, testStack } from '../support/template';

const ID = '0123456789abcdef0123456789abcdef';

function templateWith(props: (stack: Stack) => LinePinpointChannelProps = () => ({})): Template {
  return templateOf((stack) => new LinePinpointChannel(stack, 'Line', props(stack)));
}

interface Permission {
  readonly function: string;
  readonly principal: string;
  readonly account: string;
  readonly source: string;
}

/** What Pinpoint may invoke. */
function pinpointPermissions(template: Template): Permission[] {
  return Object.values(resources(template, 'AWS::Lambda::Permission'))
    .map(({ Properties: { FunctionName, Principal, SourceAccount, SourceArn, Action } }) => {
      expect(Action).toBe('lambda:InvokeFunction');
      return { function: rendered(FunctionName), principal: rendered(Principal), account: rendered(SourceAccount ?? ''), source: rendered(SourceArn) };
    })
    .filter(({ principal }) => principal.startsWith('pinpoint'));
}

describe('the project', () => {
  test('is created, named after its place and retained', () => {
    expect(only(templateWith(), 'AWS::Pinpoint::App', 'LineProject')).toMatchObject({
      Properties: { Name: expect.stringMatching(/^Stack-Line-Project-/) }, DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain',
    });
  });

  test('takes a name, and the removal policy of the channel', () => {
    expect(only(templateWith(() => ({ projectName: 'Shop', removalPolicy: RemovalPolicy.DESTROY })), 'AWS::Pinpoint::App', 'LineProject')).toMatchObject({ Properties: { Name: 'Shop' }, DeletionPolicy: 'Delete' });
  });

  test('is known by the channel', () => {
    const stack = testStack();
    const channel = new LinePinpointChannel(stack, 'Line');
    expect(rendered(stack.resolve(channel.applicationId))).toMatch(/^<LineProject\w+>$/);
    expect(channel.project).toBeInstanceOf(PinpointProject);
  });

  test('that exists is used, and none is created', () => {
    const stack = testStack();
    const channel = new LinePinpointChannel(stack, 'Line', { applicationId: ID });
    const template = Template.fromStack(stack);
    template.resourceCountIs('AWS::Pinpoint::App', 0);
    expect(channel.applicationId).toBe(ID);
    expect(environmentOf(template, 'LineAudiencesPinpointFunction')).toMatchObject({ PINPOINT_APPLICATION_ID: ID, PINPOINT_REGION: { Ref: 'AWS::Region' } });
  });

  test.each<[string, LinePinpointChannelProps, string]>([
    ['a malformed id', { applicationId: 'shop' }, "`applicationId` must be the 32 hexadecimal digits of a Pinpoint project id, as `aws pinpoint get-apps` shows it, got 'shop'"],
    ['an empty id', { applicationId: '' }, "`applicationId` must be the 32 hexadecimal digits of a Pinpoint project id, as `aws pinpoint get-apps` shows it, got ''"],
    ['a malformed region', { applicationId: ID, applicationRegion: 'Tokyo' }, "`applicationRegion` must be an AWS region such as us-east-1, got 'Tokyo'"],
    ['an id together with a name', { applicationId: ID, projectName: 'Shop' }, `\`projectName\` names a project that is created, got 'Shop' together with \`applicationId\` '${ID}': give one of the two`],
    ['a region without an id', { applicationRegion: 'us-west-2' }, "`applicationRegion` is the region of an existing project, got 'us-west-2' without `applicationId`: give the id, or leave the region out to have a project created in the stack's region"],
  ])('fails for %s', (_name, props, message) => {
    expect(messageOf((stack) => new LinePinpointChannel(stack, 'Line', props))).toBe(`Stack/Line: ${message}`);
  });
});

describe('campaigns and journeys', () => {
  test.each<[string, LinePinpointChannelProps, string, string]>([
    ['of a created project', {}, '<LineProject\\w+\\.Arn>', '<AWS::Region>'],
    ['of an existing project', { applicationId: ID }, `arn:<AWS::Partition>:mobiletargeting:<AWS::Region>:<AWS::AccountId>:apps/${ID}`, '<AWS::Region>'],
    ['of an existing project in another region', { applicationId: ID, applicationRegion: 'us-west-2' }, `arn:<AWS::Partition>:mobiletargeting:us-west-2:<AWS::AccountId>:apps/${ID}`, 'us-west-2'],
  ])('%s may invoke every send function, from this account only', (_name, props, arn, region) => {
    const found = pinpointPermissions(templateWith(() => props));
    const expected = ['Text', 'Image', 'Audio', 'Video'].flatMap((type) => ['pinpoint.amazonaws.com', `pinpoint.${region}.amazonaws.com`].flatMap((principal) => ['campaigns', 'journeys'].map((path) => ({
      function: expect.stringMatching(new RegExp(`^<LineSender${type}\\w+\\.Arn>$`)), principal, account: '<AWS::AccountId>', source: expect.stringMatching(new RegExp(`^${arn}/${path}/\\*$`)),
    }))));
    expect(found).toHaveLength(16);
    expect(found).toEqual(expect.arrayContaining(expected));
  });

  test('of a project that is named by parameters may, too', () => {
    const template = templateWith((stack) => ({ applicationId: new CfnParameter(stack, 'Id').valueAsString, applicationRegion: new CfnParameter(stack, 'Region').valueAsString }));
    expect(new Set(pinpointPermissions(template).map(({ source }) => source))).toEqual(new Set(
      ['campaigns', 'journeys'].map((path) => `arn:<AWS::Partition>:mobiletargeting:<Region>:<AWS::AccountId>:apps/<Id>/${path}/*`)));
    expect(new Set(pinpointPermissions(template).map(({ principal }) => principal))).toEqual(new Set(['pinpoint.amazonaws.com', 'pinpoint.<Region>.amazonaws.com']));
  });

  test('may invoke the types of the channel only', () => {
    expect(pinpointPermissions(templateWith(() => ({ messageTypes: [LineMessageType.AUDIO] })))).toHaveLength(4);
  });

  test('may invoke functions of every type, and neither the one that goes on, nor the one that sends chunks, nor the one that tells the books', () => {
    const found = pinpointPermissions(templateWith(() => ({ messageTypes: Object.values(LineMessageType) })));
    expect(new Set(found.map((permission) => /^<LineSender(\w+)[0-9A-F]{8}\.Arn>$/.exec(permission.function)?.[1])))
      .toEqual(new Set(Object.values(LineMessageType).map((type) => `${type[0].toUpperCase()}${type.slice(1)}`)));
    expect(found).toHaveLength(4 * 12);
  });

  test('may not invoke a channel without Pinpoint', () => {
    expect(pinpointPermissions(templateOf((stack) => new LineChannel(stack, 'Line')))).toEqual([]);
  });
});

test('endpoints are kept by an audience that may change those of the project only', () => {
  const template = templateWith(() => ({ applicationId: ID }));
  expect(statementsOf(template, 'LineAudiencesPinpointFunctionRole')).toEqual([
    { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [expect.stringMatching(/^<LineAudiencesPinpointFunctionLogs\w+\.Arn>$/)] },
    { actions: ['mobiletargeting:UpdateEndpoint', 'mobiletargeting:DeleteEndpoint'], resources: [`arn:<AWS::Partition>:mobiletargeting:<AWS::Region>:<AWS::AccountId>:apps/${ID}/endpoints/*`] },
    { actions: ['dynamodb:GetItem'], resources: [expect.stringMatching(/^<LineSubscribers\w+\.Arn>$/)] },
    {
      actions: ['sqs:ReceiveMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueUrl', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
      resources: [expect.stringMatching(/^<LineAudiencesPinpointQueue\w+\.Arn>$/)],
    },
  ]);
});

test('the only permission on everything is that of the two publishers to list streams, which knows no resource', () => {
  const everything = Object.entries(resources(templateWith(), 'AWS::IAM::Policy'))
    .flatMap(([id, { Properties }]) => Properties.PolicyDocument.Statement.map((statement: object) => [id, statement]))
    .filter(([, { Resource }]) => [Resource].flat().includes('*'));
  expect(everything).toEqual(['LineSenderOutcomesPublisherRole', 'LineAudiencesPublisherRole'].map((id) => [
    expect.stringMatching(new RegExp(`^${id}DefaultPolicy`)), { Effect: 'Allow', Action: 'dynamodb:ListStreams', Resource: '*' },
  ]));
});

test('warns when two channels of an app are wired to one project', () => {
  const stack = testStack();
  new LinePinpointChannel(stack, 'Line', { applicationId: ID });
  new LinePinpointChannel(stack, 'Second', { applicationId: ID });
  expect(annotations(stack, 'Warning').filter((warning) => warning.includes('carries another LINE channel already'))).toEqual([
    expect.stringContaining('[ack: cdk-line-pinpoint:sharedPinpointProject]'),
  ]);
});

test('warns that Pinpoint has ended, once, with the way out and an id to acknowledge', () => {
  const stack = testStack();
  new LinePinpointChannel(stack, 'Line');
  expect(annotations(stack, 'Warning')).toEqual([
    "Amazon Pinpoint's endpoints, segments, campaigns and journeys ended on 2026-10-30. Subscribers are safe in the channel's table; to leave Pinpoint change LinePinpointChannel to LineChannel [ack: cdk-line-pinpoint:pinpointEngagementEnded]",
  ]);
});

describe('changing LinePinpointChannel to LineChannel', () => {
  const PINPOINT_ONLY = /^Line(Audiences|Project|Sender(Text|Image|Audio|Video)Pinpoint(Regional)?(Campaigns|Journeys))/;

  function before(props: LinePinpointChannelProps): Template {
    return templateOf((stack) => new LinePinpointChannel(stack, 'Line', props));
  }

  function after(props: LineChannelProps): Template {
    return templateOf((stack) => new LineChannel(stack, 'Line', props));
  }

  test.each<[string, LineChannelProps, Pick<LinePinpointChannelProps, 'applicationId'>]>([
    ['with a created project', {}, {}],
    ['with an existing project', {}, { applicationId: ID }],
    ['with other props', { messageTypes: [LineMessageType.TEXT], webhookAccess: WebhookAccess.httpApi(), sampleMessages: true, removalPolicy: RemovalPolicy.DESTROY }, {}],
  ])("%s removes Pinpoint's own resources and leaves every other as it is", (_name, props, pinpoint) => {
    const old = redacted(before({ ...props, ...pinpoint }));
    const kept: TemplateResources = redacted(after(props));
    const removed = Object.keys(old).filter((id) => !(id in kept));
    expect(removed.length).toBeGreaterThan(0);
    expect(removed.filter((id) => !PINPOINT_ONLY.test(id))).toEqual([]);
    expect(Object.fromEntries(Object.entries(old).filter(([id]) => id in kept))).toEqual(kept);
  });

  test('leaves the outputs as they are, the webhook URL among them', () => {
    expect(after({}).findOutputs('*')).toEqual(before({}).findOutputs('*'));
  });

  test('keeps other audiences, which then have the stream to themselves', () => {
    const build = (make: (stack: Stack) => LineChannel | LinePinpointChannel) => templateOf((stack) => {
      const channel = make(stack);
      channel.addAudience('Again', Audience.pinpoint(PinpointProject.fromPinpointProjectAttributes(stack, 'Other', { applicationId: ID })));
    });
    const old = redacted(build((stack) => new LinePinpointChannel(stack, 'Line')));
    const kept = redacted(build((stack) => new LineChannel(stack, 'Line')));
    expect(Object.keys(kept).filter((id) => !(id in old))).toEqual([]);
    // The publisher loses one queue and the permission to send to it.
    expect(Object.keys(kept).filter((id) => JSON.stringify(kept[id]) !== JSON.stringify(old[id])))
      .toEqual([expect.stringMatching(/^LineAudiencesPublisherRoleDefaultPolicy/), expect.stringMatching(/^LineAudiencesPublisher/)]);
  });
});
