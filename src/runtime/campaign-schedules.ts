import { CreateScheduleCommand, DeleteScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { CampaignRun } from '../contract/campaigns';
import { Schedules } from '../domain/campaigns/begin-run';
import { atExpression } from '../domain/campaigns/campaign-schedule';

export interface ScheduleTarget {
  readonly groupName: string;
  /** By which the schedule invokes the function. */
  readonly roleArn: string;
  /** Of the control function. */
  readonly functionArn: string;
}

/** An invocation that fails is tried again for an hour; then the watchdog has begun the run. */
const RETRY = { MaximumRetryAttempts: 20, MaximumEventAgeInSeconds: 60 * 60 };

/**
 * The schedules of a runner's runs, named by the runs' ids in a group of their own. Needs `scheduler:CreateSchedule` and
 * `scheduler:DeleteSchedule` on the group's schedules and `iam:PassRole` on the role. Throws what EventBridge Scheduler throws.
 */
export class CampaignSchedules implements Schedules {
  constructor(private readonly client: SchedulerClient, private readonly target: ScheduleTarget, private readonly now: () => number = Date.now) {}

  public async create({ runId, startAt, recurrence }: Pick<CampaignRun, 'runId' | 'startAt' | 'recurrence'>): Promise<{ readonly refused?: string }> {
    try {
      await this.client.send(new CreateScheduleCommand({
        Name: runId,
        GroupName: this.target.groupName,
        ScheduleExpression: recurrence?.expression ?? atExpression(startAt!),
        ScheduleExpressionTimezone: recurrence?.timeZone ?? 'UTC',
        // Without one a rate begins at once, as is right for one whose first time is past because its schedule could not be made.
        StartDate: recurrence?.from === undefined || Date.parse(recurrence.from) <= this.now() ? undefined : new Date(recurrence.from),
        EndDate: recurrence?.until === undefined ? undefined : new Date(recurrence.until),
        FlexibleTimeWindow: { Mode: 'OFF' },
        ActionAfterCompletion: 'DELETE',
        Target: {
          Arn: this.target.functionArn,
          RoleArn: this.target.roleArn,
          // Source: EventBridge Scheduler, "Adding context attributes to your schedules".
          Input: JSON.stringify({ action: 'startScheduled', runId, scheduledTime: '<aws.scheduler.scheduled-time>' }),
          RetryPolicy: RETRY,
        },
      }));
      return {};
    } catch (error) {
      const { name, message } = error as Error;
      if (name === 'ValidationException') {
        return { refused: message.slice(0, 500) };
      }
      if (name !== 'ConflictException') {
        throw error;
      }
      return {};
    }
  }

  public async remove(runId: string): Promise<void> {
    try {
      await this.client.send(new DeleteScheduleCommand({ Name: runId, GroupName: this.target.groupName }));
    } catch (error) {
      if ((error as Error).name !== 'ResourceNotFoundException') {
        throw error;
      }
    }
  }
}
