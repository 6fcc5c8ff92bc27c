import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { CampaignExecutions } from '../../src/runtime/campaign-executions';

const sfn = mockClient(SFNClient);
const executions = new CampaignExecutions(new SFNClient({ region: 'eu-west-1' }), 'arn:aws-cn:states:cn-north-1:123456789012:stateMachine:Run-1A2B');
const error = (name: string) => Object.assign(new Error(`${name}.`), { name });

beforeEach(() => { sfn.reset(); });

test('an execution is named by run and generation', async () => {
  sfn.on(StartExecutionCommand).resolves({});
  await executions.start('run-0123456789abcdef01234567', 2);
  expect(sfn.commandCalls(StartExecutionCommand)[0].args[0].input).toEqual({
    stateMachineArn: 'arn:aws-cn:states:cn-north-1:123456789012:stateMachine:Run-1A2B',
    name: 'run-0123456789abcdef01234567-2',
    input: '{"runId":"run-0123456789abcdef01234567","generation":2}',
  });
});

test('one that was begun before is as good', async () => {
  sfn.on(StartExecutionCommand).rejects(error('ExecutionAlreadyExists'));
  await executions.start('run-1', 2);
  sfn.on(StartExecutionCommand).rejects(error('StateMachineDoesNotExist'));
  await expect(executions.start('run-1', 2)).rejects.toThrow('StateMachineDoesNotExist.');
});

test.each(['SUCCEEDED', 'FAILED', 'ABORTED', 'TIMED_OUT'] as const)('one that %s has ended', async (status) => {
  sfn.on(DescribeExecutionCommand).resolves({ status });
  expect(await executions.status('run-1', 2)).toBe('ENDED');
});

test.each(['RUNNING', 'PENDING_REDRIVE'] as const)('one that is %s runs', async (status) => {
  sfn.on(DescribeExecutionCommand).resolves({ status });
  expect(await executions.status('run-1', 2)).toBe('RUNNING');
  expect(sfn.commandCalls(DescribeExecutionCommand)[0].args[0].input).toEqual({
    executionArn: 'arn:aws-cn:states:cn-north-1:123456789012:execution:Run-1A2B:run-1-2', includedData: 'METADATA_ONLY',
  });
});

test('one that nobody knows is none; other errors are thrown', async () => {
  sfn.on(DescribeExecutionCommand).rejects(error('ExecutionDoesNotExist'));
  expect(await executions.status('run-1', 2)).toBe('NONE');
  sfn.on(DescribeExecutionCommand).rejects(error('AccessDeniedException'));
  await expect(executions.status('run-1', 2)).rejects.toThrow('AccessDeniedException.');
});
