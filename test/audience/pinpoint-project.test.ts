import { CfnParameter, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { PinpointProject } from '../../src';
import { messageOf, only, rendered, resources, templateOf, testStack } from '../support/template';

const ID = '0123456789abcdef0123456789abcdef';

describe('a new project', () => {
  test('is named after its place and retained', () => {
    expect(only(templateOf((stack) => new PinpointProject(stack, 'Project')), 'AWS::Pinpoint::App', 'Project')).toEqual({
      Type: 'AWS::Pinpoint::App',
      Properties: { Name: expect.stringMatching(/^Stack-Project-[0-9A-F]{8}$/) },
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    });
  });

  test('takes name and removal policy', () => {
    const template = templateOf((stack) => new PinpointProject(stack, 'Project', { projectName: 'Shop', removalPolicy: RemovalPolicy.DESTROY }));
    expect(only(template, 'AWS::Pinpoint::App', 'Project')).toMatchObject({ Properties: { Name: 'Shop' }, DeletionPolicy: 'Delete' });
  });

  test('is known by id, ARN and region', () => {
    const stack = testStack();
    const project = new PinpointProject(stack, 'Project');
    expect(rendered(stack.resolve(project.applicationId))).toMatch(/^<Project\w+>$/);
    expect(rendered(stack.resolve(project.applicationArn))).toMatch(/^<Project\w+\.Arn>$/);
    expect(stack.resolve(project.applicationRegion)).toEqual({ Ref: 'AWS::Region' });
  });
});

describe('an existing project', () => {
  test.each([
    [undefined, undefined, 'arn:<AWS::Partition>:mobiletargeting:<AWS::Region>:<AWS::AccountId>:apps/'],
    ['us-gov-west-1', undefined, 'arn:<AWS::Partition>:mobiletargeting:us-gov-west-1:123456789012:apps/'],
    ['ap-northeast-1', 'us-west-2', 'arn:<AWS::Partition>:mobiletargeting:us-west-2:123456789012:apps/'],
  ])('in a stack of region %p, itself in %p, has the right ARN', (region, applicationRegion, arn) => {
    const stack = testStack(region === undefined ? {} : { env: { region, account: '123456789012' } });
    const project = PinpointProject.fromPinpointProjectAttributes(stack, 'Project', { applicationId: ID, applicationRegion });
    expect(rendered(stack.resolve(project.applicationArn))).toBe(`${arn}${ID}`);
    expect(stack.resolve(project.applicationRegion)).toEqual(applicationRegion ?? region ?? { Ref: 'AWS::Region' });
    expect(resources(Template.fromStack(stack))).toEqual({});
  });

  test('may be named by parameters', () => {
    const stack = testStack();
    const project = PinpointProject.fromPinpointProjectAttributes(stack, 'Project', {
      applicationId: new CfnParameter(stack, 'Id').valueAsString,
      applicationRegion: new CfnParameter(stack, 'Region').valueAsString,
    });
    expect(rendered(stack.resolve(project.applicationArn))).toBe('arn:<AWS::Partition>:mobiletargeting:<Region>:<AWS::AccountId>:apps/<Id>');
  });

  test.each([
    ['applicationId', { applicationId: 'my-project' }, 'the 32 hexadecimal digits of a Pinpoint project id, as `aws pinpoint get-apps` shows it', 'my-project'],
    ['applicationId', { applicationId: ID.toUpperCase() }, 'the 32 hexadecimal digits of a Pinpoint project id, as `aws pinpoint get-apps` shows it', ID.toUpperCase()],
    ['applicationRegion', { applicationId: ID, applicationRegion: 'Tokyo' }, 'an AWS region such as us-east-1', 'Tokyo'],
  ])('fails for a malformed %s', (prop, attrs, allowed, value) => {
    expect(messageOf((stack: Stack) => { PinpointProject.fromPinpointProjectAttributes(stack, 'Project', attrs); }))
      .toBe(`Stack: \`${prop}\` must be ${allowed}, got '${value}'`);
  });
});

test('fails for a blank project name', () => {
  expect(() => new PinpointProject(new Stack(), 'Project', { projectName: ' ' })).toThrow("`projectName` must be a name that is not blank, got ' '");
});
