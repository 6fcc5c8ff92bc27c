import { CfnParameter, Duration } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { Audience, PinpointProject } from '../../src';
import { environmentOf, only, rendered, statementsOf, testStack } from '../support/template';

const APPLICATION_ID = '0123456789abcdef0123456789abcdef';
const OPTIONS = { channelKey: 'line', channelName: 'Stack-Line' };

describe('Audience.pinpoint', () => {
  test('makes a function that may update and delete endpoints of the one project', () => {
    const stack = testStack();
    const project = PinpointProject.fromPinpointProjectAttributes(stack, 'Project', { applicationId: APPLICATION_ID, applicationRegion: 'us-west-2' });
    const { handler, timeout, ...rest } = Audience.pinpoint(project).bind(new Construct(stack, 'Audience'), OPTIONS);
    const template = Template.fromStack(stack);
    expect(environmentOf(template, 'AudienceFunction')).toEqual({
      LINE_CHANNEL_KEY: 'line', LINE_CHANNEL_NAME: 'Stack-Line', PINPOINT_APPLICATION_ID: APPLICATION_ID, PINPOINT_REGION: 'us-west-2',
    });
    expect(statementsOf(template, 'AudienceFunctionRole').slice(1)).toEqual([{
      actions: ['mobiletargeting:UpdateEndpoint', 'mobiletargeting:DeleteEndpoint'],
      resources: [`arn:<AWS::Partition>:mobiletargeting:us-west-2:<AWS::AccountId>:apps/${APPLICATION_ID}/endpoints/*`],
    }]);
    expect(rendered(stack.resolve(handler.functionName))).toMatch(/^<AudienceFunction\w+>$/);
    expect(timeout!.toSeconds()).toBe(only(template, 'AWS::Lambda::Function', 'AudienceFunction').Properties.Timeout);
    expect(rest).toEqual({});
  });
});

describe('Audience.lambda', () => {
  function functionWith(timeout?: Duration): [lambda.Function, ReturnType<typeof testStack>] {
    const stack = testStack();
    return [new lambda.Function(stack, 'Function', { runtime: lambda.Runtime.NODEJS_LATEST, handler: 'index.handler', code: lambda.Code.fromInline('code'), timeout }), stack];
  }

  test.each([
    ['its own timeout', Duration.minutes(2), 120],
    ["Lambda's default of three seconds", undefined, 3],
  ])('hands over the function with %s', (_name, timeout, seconds) => {
    const [handler, stack] = functionWith(timeout);
    const scope = new Construct(stack, 'Audience');
    const config = Audience.lambda(handler).bind(scope, OPTIONS);
    expect(config.handler).toBe(handler);
    expect(config.timeout!.toSeconds()).toBe(seconds);
    expect(scope.node.children).toEqual([]);
  });

  test('reckons with the longest timeout where the function does not tell', () => {
    const [handler, stack] = functionWith(Duration.seconds(5));
    const scope = new Construct(stack, 'Audience');
    for (const other of [lambda.Function.fromFunctionName(stack, 'Imported', 'given'), handler.currentVersion]) {
      expect(Audience.lambda(other).bind(scope, OPTIONS).timeout!.toMinutes()).toBe(15);
    }
  });

  test('leaves a timeout that is a parameter to the deployment', () => {
    const stack = testStack();
    const timeout = Duration.seconds(new CfnParameter(stack, 'Timeout', { type: 'Number' }).valueAsNumber);
    const handler = new lambda.Function(stack, 'Function', { runtime: lambda.Runtime.NODEJS_LATEST, handler: 'index.handler', code: lambda.Code.fromInline('code'), timeout });
    expect(Audience.lambda(handler).bind(new Construct(stack, 'Audience'), OPTIONS).timeout!.isUnresolved()).toBe(true);
  });
});
