import { CfnParameter, Duration, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { Audience, AudienceBindOptions, LineChannel, PinpointProject, SubscriberTable } from '../../src';
import { environmentOf, only, rendered, resources, statementsOf, testStack } from '../support/template';

const APPLICATION_ID = '0123456789abcdef0123456789abcdef';

function optionsIn(stack: Stack): AudienceBindOptions {
  return {
    channelKey: 'line',
    channelName: 'Stack-Line',
    subscribers: SubscriberTable.fromSubscriberTableAttributes(stack, 'Subscribers', { tableArn: 'arn:aws:dynamodb:us-east-1:123456789012:table/given' }),
  };
}

describe('Audience.pinpoint', () => {
  test('makes a function that may update and delete endpoints of the one project', () => {
    const stack = testStack();
    const project = PinpointProject.fromPinpointProjectAttributes(stack, 'Project', { applicationId: APPLICATION_ID, applicationRegion: 'us-west-2' });
    const { handler, timeout, ...rest } = Audience.pinpoint(project).bind(new Construct(stack, 'Audience'), optionsIn(stack));
    const template = Template.fromStack(stack);
    expect(environmentOf(template, 'AudienceFunction')).toEqual({
      LINE_CHANNEL_KEY: 'line',
      LINE_CHANNEL_NAME: 'Stack-Line',
      PINPOINT_APPLICATION_ID: APPLICATION_ID,
      PINPOINT_REGION: 'us-west-2',
      SUBSCRIBER_TABLE_NAME: 'given',
    });
    expect(statementsOf(template, 'AudienceFunctionRole').slice(1)).toEqual([{
      actions: ['mobiletargeting:UpdateEndpoint', 'mobiletargeting:DeleteEndpoint'],
      resources: [`arn:<AWS::Partition>:mobiletargeting:us-west-2:<AWS::AccountId>:apps/${APPLICATION_ID}/endpoints/*`],
    }, {
      // A redriven change is answered by the subscriber as it is now.
      actions: ['dynamodb:GetItem'],
      resources: ['arn:aws:dynamodb:us-east-1:123456789012:table/given'],
    }]);
    expect(rendered(stack.resolve(handler.functionName))).toMatch(/^<AudienceFunction\w+>$/);
    expect(timeout!.toSeconds()).toBe(only(template, 'AWS::Lambda::Function', 'AudienceFunction').Properties.Timeout);
    expect(rest).toEqual({});
  });
});

describe('Audience.lambda', () => {
  function functionIn(stack: Stack, timeout?: Duration): lambda.Function {
    return new lambda.Function(stack, 'Function', { runtime: lambda.Runtime.NODEJS_LATEST, handler: 'index.handler', code: lambda.Code.fromInline('code'), timeout });
  }

  function functionWith(timeout?: Duration): [lambda.Function, Stack] {
    const stack = testStack();
    return [functionIn(stack, timeout), stack];
  }

  /** Seconds that the audience's queue hides a message, a sixth of which the function has. */
  function visibilityOf(stack: Stack, handler: lambda.IFunction): unknown {
    new LineChannel(stack, 'Line').addAudience('Crm', Audience.lambda(handler));
    return Object.values(resources(Template.fromStack(stack), 'AWS::SQS::Queue'))
      .map(({ Properties }) => Properties).find(({ RedrivePolicy }) => RedrivePolicy?.maxReceiveCount === 20)?.VisibilityTimeout;
  }

  test('hands over the function and makes nothing', () => {
    const [handler, stack] = functionWith();
    const scope = new Construct(stack, 'Audience');
    expect(Audience.lambda(handler).bind(scope, optionsIn(stack))).toEqual({ handler });
    expect(scope.node.children).toEqual([]);
  });

  test.each([
    ['its own timeout', Duration.minutes(2), 120],
    ["Lambda's default of three seconds", undefined, 3],
  ])('gives the function %s', (_name, timeout, seconds) => {
    const [handler, stack] = functionWith(timeout);
    expect(visibilityOf(stack, handler)).toBe(6 * seconds);
  });

  test.each([
    ['an imported function', (stack: Stack) => lambda.Function.fromFunctionName(stack, 'Imported', 'given')],
    ['a version', (stack: Stack) => functionIn(stack, Duration.seconds(5)).currentVersion],
    ['a parameter', (stack: Stack) => functionIn(stack, Duration.seconds(new CfnParameter(stack, 'Timeout', { type: 'Number' }).valueAsNumber))],
  ])('reckons with the longest timeout for %s', (_name, handler) => {
    const stack = testStack();
    expect(visibilityOf(stack, handler(stack))).toBe(6 * 15 * 60);
  });
});
