import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DeleteObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SFNClient } from '@aws-sdk/client-sfn';
import { AWS_CLIENT_OPTIONS } from './aws-client-options';
import { voiceFromEnvironment } from './campaign-events';
import { CampaignExecutions } from './campaign-executions';
import { S3CampaignObjects } from './campaign-objects';
import { CampaignSchedules } from './campaign-schedules';
import { droppedFileReader } from './dropped-file';
import { optionalEnv, requireEnv } from './environment';
import { DynamoRunsStore } from './runs-store';
import { StdoutTelemetry } from './telemetry';
import { CampaignConfig, SourceNeeds } from '../contract/campaigns';
import {
  ENV_CAMPAIGN_BUCKET, ENV_CAMPAIGN_CONFIG, ENV_CAMPAIGN_CONTROL_FUNCTION_ARN, ENV_CAMPAIGN_STATE_MACHINE, ENV_RUNS_TABLE, ENV_SCHEDULE_GROUP,
  ENV_SCHEDULE_ROLE_ARN, ENV_SOURCE_NEEDS, ENV_STATISTICS_FUNCTION,
} from '../contract/environment';
import { RunDependencies } from '../domain/campaigns/begin-run';
import { StatisticsDependencies } from '../domain/campaigns/collect-statistics';
import { FileDependencies } from '../domain/campaigns/start-from-file';
import { WatchDependencies } from '../domain/campaigns/watch-runs';

/** An input may be of 5 MB. */
const s3Options = { ...AWS_CLIENT_OPTIONS, requestHandler: { ...AWS_CLIENT_OPTIONS.requestHandler, requestTimeout: 10_000 } };

/** The channel is asked for one unit after the other. */
const invokeOptions = { ...AWS_CLIENT_OPTIONS, maxAttempts: 1, requestHandler: { ...AWS_CLIENT_OPTIONS.requestHandler, requestTimeout: 120_000 } };

/** What an invocation tells. */
export interface ControlInvocation {
  readonly requestId: string;
  /** ARN that the control function was invoked by; schedules invoke it, too. */
  readonly functionArn: string;
}

/** What the control function takes, besides what an invocation tells. */
export function controlFromEnvironment(): { readonly telemetry: StdoutTelemetry; of(invocation: ControlInvocation): FileDependencies } {
  const { telemetry, s3, schedules, ...common } = commonFromEnvironment();
  const needs: SourceNeeds = JSON.parse(requireEnv(ENV_SOURCE_NEEDS));
  const readDropped = droppedFileReader(s3);
  return {
    telemetry,
    of: ({ requestId, functionArn }) => ({ ...common, telemetry, needs, readDropped, requestId, schedules: schedules(functionArn) }),
  };
}

/** What the watchdog takes, besides the time that an invocation has. */
export function watchFromEnvironment(): Omit<WatchDependencies & StatisticsDependencies, 'remainingMs' | 'telemetry'> & { readonly telemetry: StdoutTelemetry } {
  const { s3, schedules, ...common } = commonFromEnvironment();
  const lambda = new LambdaClient(invokeOptions);
  const statisticsFunction = optionalEnv(ENV_STATISTICS_FUNCTION);
  return {
    ...common,
    schedules: schedules(requireEnv(ENV_CAMPAIGN_CONTROL_FUNCTION_ARN)),
    ask: async (request) => {
      const { FunctionError, Payload } = await lambda.send(new InvokeCommand({ FunctionName: statisticsFunction, Payload: JSON.stringify(request) }));
      if (FunctionError) {
        throw new Error(`function ${statisticsFunction}, which the channel's statistics are asked of, failed (${FunctionError}): see its log`);
      }
      return JSON.parse(Payload!.transformToString());
    },
  };
}

function commonFromEnvironment() {
  const config: CampaignConfig = JSON.parse(requireEnv(ENV_CAMPAIGN_CONFIG));
  const telemetry = new StdoutTelemetry(config.runner);
  const s3Client = new S3Client({ ...s3Options, responseChecksumValidation: 'WHEN_REQUIRED' });
  const bucket = requireEnv(ENV_CAMPAIGN_BUCKET);
  const schedule = { groupName: requireEnv(ENV_SCHEDULE_GROUP), roleArn: requireEnv(ENV_SCHEDULE_ROLE_ARN) };
  const scheduler = new SchedulerClient(AWS_CLIENT_OPTIONS);
  const common: Omit<RunDependencies, 'schedules' | 'telemetry'> = {
    config,
    ...voiceFromEnvironment(config.runner, telemetry),
    runs: new DynamoRunsStore(new DynamoDBClient(AWS_CLIENT_OPTIONS), requireEnv(ENV_RUNS_TABLE)),
    objects: new S3CampaignObjects(() => s3Client, bucket),
    removeObject: async (key) => {
      await s3Client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    },
    executions: new CampaignExecutions(new SFNClient(AWS_CLIENT_OPTIONS), requireEnv(ENV_CAMPAIGN_STATE_MACHINE)),
    now: Date.now,
  };
  return {
    ...common,
    telemetry,
    s3: s3Client,
    schedules: (functionArn: string) => new CampaignSchedules(scheduler, { ...schedule, functionArn }),
  };
}
