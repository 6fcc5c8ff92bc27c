import { NestedStack, Stack, Stage } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { globalName, uniqueName } from '../../src/shared/unique-name';
import { testApp } from '../support/template';

/** Names in stacks that differ in one thing. */
function names(name: (scope: Construct) => string): Record<string, string> {
  const app = testApp();
  const other = testApp();
  const stack = new Stack(app, 'Stack');
  return {
    'a construct': name(new Construct(stack, 'Line')),
    'another in the same stack': name(new Construct(stack, 'Other')),
    'one with the same path under another stack name': name(new Construct(new Stack(other, 'Stack', { stackName: 'stage-2' }), 'Line')),
    'one in a stage': name(new Construct(new Stack(new Stage(app, 'Stage'), 'Stack'), 'Line')),
    'one in a nested stack': name(new Construct(new NestedStack(stack, 'Nested'), 'Line')),
    'the same in a nested stack under another stack name': name(new Construct(new NestedStack(new Stack(testApp(), 'Stack', { stackName: 'stage-2' }), 'Nested'), 'Line')),
  };
}

test.each([['uniqueName', (scope: Construct) => uniqueName(scope, 64)], ['globalName', globalName]])('%s differs for every channel of an account', (_name, make) => {
  const made = names(make);
  expect(new Set(Object.values(made)).size).toBe(Object.keys(made).length);
});

test('a name keeps to its length and to letters, digits and hyphens', () => {
  const scope = new Construct(new Stack(testApp(), 'A-Stack-With-A-Rather-Long-Name-For-A-Channel'), 'ALineChannelThatHasALongNameToo');
  expect(uniqueName(scope, 48)).toMatch(/^[A-Za-z0-9-]{1,48}$/);
  expect(uniqueName(scope, 200)).toMatch(/^[A-Za-z0-9-]{1,200}$/);
});

test('a global name ends in the region and has at most 64 characters, what CloudFront allows', () => {
  const scope = new Construct(new Stack(testApp(), 'A-Stack-With-A-Rather-Long-Name-For-A-Channel', { env: { region: 'ap-southeast-1' } }), 'Line');
  expect(globalName(scope)).toMatch(/^[A-Za-z0-9-]+-ap-southeast-1$/);
  expect(globalName(scope).length).toBeLessThanOrEqual(64);
});
