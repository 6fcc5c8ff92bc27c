import { CreateScheduleCommand, DeleteScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { mockClient } from 'aws-sdk-client-mock';
import { CampaignSchedules } from '../../src/runtime/campaign-schedules';

const scheduler = mockClient(SchedulerClient);
const schedules = new CampaignSchedules(new SchedulerClient({ region: 'eu-west-1' }), { groupName: 'group', roleArn: 'role-arn', functionArn: 'function-arn' });
const error = (name: string) => Object.assign(new Error(`${name}.`), { name });

beforeEach(() => { scheduler.reset(); });

test('a time is told in UTC, and the schedule goes when it is over', async () => {
  scheduler.on(CreateScheduleCommand).resolves({});
  expect(await schedules.create({ runId: 'run-1', startAt: '2026-12-01T00:00:00.000Z' })).toEqual({});
  expect(scheduler.commandCalls(CreateScheduleCommand)[0].args[0].input).toEqual({
    Name: 'run-1',
    GroupName: 'group',
    ScheduleExpression: 'at(2026-12-01T00:00:00)',
    ScheduleExpressionTimezone: 'UTC',
    FlexibleTimeWindow: { Mode: 'OFF' },
    ActionAfterCompletion: 'DELETE',
    Target: {
      Arn: 'function-arn',
      RoleArn: 'role-arn',
      Input: '{"action":"startScheduled","runId":"run-1","scheduledTime":"<aws.scheduler.scheduled-time>"}',
      RetryPolicy: { MaximumRetryAttempts: 20, MaximumEventAgeInSeconds: 3_600 },
    },
  });
});

test('one that recurs counts in its time zone, until its end', async () => {
  scheduler.on(CreateScheduleCommand).resolves({});
  await schedules.create({ runId: 'run-1', recurrence: { expression: 'cron(0 9 ? * MON *)', timeZone: 'Asia/Tokyo', until: '2026-12-31T00:00:00.000Z' } });
  expect(scheduler.commandCalls(CreateScheduleCommand)[0].args[0].input).toMatchObject({
    ScheduleExpression: 'cron(0 9 ? * MON *)', ScheduleExpressionTimezone: 'Asia/Tokyo', EndDate: new Date('2026-12-31T00:00:00.000Z'),
  });
});

test('a rate begins at its first time; when that is past, at once', async () => {
  scheduler.on(CreateScheduleCommand).resolves({});
  for (const [at, StartDate] of [['2026-11-23T03:00:00Z', new Date('2026-11-24T03:00:00Z')], ['2026-11-24T03:00:00Z', undefined]] as const) {
    scheduler.resetHistory();
    const made = new CampaignSchedules(new SchedulerClient({ region: 'eu-west-1' }), { groupName: 'group', roleArn: 'role-arn', functionArn: 'function-arn' }, () => Date.parse(at));
    await made.create({ runId: 'run-1', recurrence: { expression: 'rate(1 day)', timeZone: 'UTC', from: '2026-11-24T03:00:00.000Z' } });
    expect(scheduler.commandCalls(CreateScheduleCommand)[0].args[0].input.StartDate).toEqual(StartDate);
  }
});

test('one that there is already is as good; one that is not taken is told', async () => {
  const run = { runId: 'run-1', startAt: '2026-12-01T00:00:00.000Z' };
  scheduler.on(CreateScheduleCommand).rejects(error('ConflictException'));
  expect(await schedules.create(run)).toEqual({});
  scheduler.on(CreateScheduleCommand).rejects(error('ValidationException'));
  expect(await schedules.create(run)).toEqual({ refused: 'ValidationException.' });
  scheduler.on(CreateScheduleCommand).rejects(error('ResourceNotFoundException'));
  await expect(schedules.create(run)).rejects.toThrow('ResourceNotFoundException.');
});

test('is deleted, also when it is gone', async () => {
  scheduler.on(DeleteScheduleCommand).resolves({});
  await schedules.remove('run-1');
  expect(scheduler.commandCalls(DeleteScheduleCommand)[0].args[0].input).toEqual({ Name: 'run-1', GroupName: 'group' });
  scheduler.on(DeleteScheduleCommand).rejects(error('ResourceNotFoundException'));
  await schedules.remove('run-1');
  scheduler.on(DeleteScheduleCommand).rejects(error('ConflictException'));
  await expect(schedules.remove('run-1')).rejects.toThrow('ConflictException.');
});
